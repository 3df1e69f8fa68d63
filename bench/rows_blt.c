/* SPDX-License-Identifier: MIT */
/* Rows of transfers through driver and ring, against copies and libcrypto in the calling process. */
#include "bench/ddi.h"

#include <string.h>

enum { KIB = 1024, MIB = 1024 * 1024, BATCH = 32, PACKET = 48 };

static struct ddi ddi;
static struct baseline_copy copy;

static void open_pairs(struct bench_run *run, size_t size, unsigned int count, bool out)
{
	cf_service_use(bench_service(run, BENCH_SERVICE_ONE));
	ddi_open(&ddi);
	ddi_make_pairs(&ddi, size, count);
	/* Before anything is measured: what comes out of a protected surface has to be there. */
	ddi_check(&ddi);
	ddi_buffers(&ddi, out, &copy);
}

/* Throughput of one time of value, which moves bytes. */
static void compare_rates(struct bench_run *run, void (*value)(void *), double bytes, struct bench_loop *baseline)
{
	struct bench_loop loop = { .once = value, .context = &ddi, .bytes = bytes };

	bench_compare(run, &(struct bench_side) { bench_loop_rate, &loop },
		      &(struct bench_side) { bench_loop_rate, baseline });
	ddi_check(&ddi);
}

static void compare_with_copy(struct bench_run *run, void (*value)(void *))
{
	const struct bench_loop loop = { .once = value, .context = &ddi, .bytes = (double)ddi.size };
	struct bench_loop baseline = { .once = baseline_copy_once, .context = &copy, .bytes = (double)ddi.size };

	if (run->row->argument > 0) {
		compare_rates(run, value, (double)ddi.size, &baseline);
		return;
	}
	bench_compare_in_turns(run, &loop, &baseline);
	ddi_check(&ddi);
}

static void compare_with_evp(struct bench_run *run, void (*value)(void *), unsigned int blts)
{
	struct baseline_evp evp;
	struct bench_loop baseline = { .once = baseline_evp_once, .context = &evp, .bytes = (double)ddi.size };

	baseline_evp_open(&evp, &copy);
	compare_rates(run, value, (double)ddi.size * blts, &baseline);
}

static void run_decrypt_large(struct bench_run *run)
{
	open_pairs(run, 12 * MIB, 1, /* out= */ false);
	compare_with_copy(run, ddi_decrypt_once);
}

static void run_decrypt_libcrypto(struct bench_run *run)
{
	DXVAULT_SERVICE_INFO info = { .Version = DXVAULT_SERVICE_INFO_VERSION };

	open_pairs(run, 12 * MIB, 1, /* out= */ false);
	/* Without VAES both are libcrypto, and there is no goal. */
	BENCH_MUST(DxvaultQueryService(&info) == STATUS_SUCCESS);
	run->result->no_goal = !strstr(info.Engine, "ipsec");
	compare_with_evp(run, ddi_decrypt_once, 1);
}

static void run_encrypt_large(struct bench_run *run)
{
	open_pairs(run, 12 * MIB, 1, /* out= */ true);
	compare_with_copy(run, ddi_encrypt_once);
}

static void run_decrypt_middle(struct bench_run *run)
{
	open_pairs(run, 64 * KIB, 1, /* out= */ false);
	compare_with_evp(run, ddi_decrypt_once, 1);
}

static void run_decrypt_queued(struct bench_run *run)
{
	open_pairs(run, 4 * KIB, BATCH, /* out= */ false);
	compare_with_evp(run, ddi_decrypt_queued, BATCH);
}

static double measure_echo(void *calls, int64_t slice_ns)
{
	double p50;

	bench_stay(/* one= */ true);
	p50 = bench_calls_p50_us(calls, slice_ns);
	bench_stay(/* one= */ false);
	return p50;
}

static void run_latency(struct bench_run *run)
{
	struct baseline_echo echo;
	struct bench_calls value = { .once = ddi_decrypt_once, .context = &ddi };
	struct bench_calls baseline = { .once = baseline_echo_once, .context = &echo };

	baseline_echo_open(&echo, PACKET, /* with_descriptor= */ false);
	open_pairs(run, 4 * KIB, 1, /* out= */ false);
	bench_compare(run, &(struct bench_side) { bench_calls_p50_us, &value },
		      &(struct bench_side) { measure_echo, &baseline });
	ddi_check(&ddi);
}

#define ONE (1u << BENCH_SERVICE_ONE)
#define HOT 1 /* each side by itself, again and again */

const struct bench_row bench_blt_rows[] = {
	{ "blt.decrypt.12M", "GB/s", "memcpy of the same buffers", BENCH_AT_LEAST, 0.90, ONE, run_decrypt_large },
	{ "blt.decrypt.12M.libcrypto", "GB/s", "EVP AES-128-CTR in the calling process", BENCH_AT_LEAST, 1.5, ONE,
	  run_decrypt_libcrypto },
	{ "blt.encrypt.12M", "GB/s", "memcpy of the same buffers", BENCH_AT_LEAST, 0.85, ONE, run_encrypt_large },
	{ "blt.decrypt.12M.hot", "GB/s", "memcpy of the same buffers, in a cache that holds them", BENCH_NO_GOAL, 0,
	  ONE, run_decrypt_large, HOT },
	{ "blt.encrypt.12M.hot", "GB/s", "memcpy of the same buffers, in a cache that holds them", BENCH_NO_GOAL, 0,
	  ONE, run_encrypt_large, HOT },
	{ "blt.decrypt.64K", "GB/s", "EVP AES-128-CTR in the calling process", BENCH_AT_LEAST, 0.8, ONE,
	  run_decrypt_middle },
	{ "blt.decrypt.4K.queued", "GB/s", "EVP AES-128-CTR in the calling process", BENCH_AT_LEAST, 0.8, ONE,
	  run_decrypt_queued },
	{ "blt.latency.4K", "us", "a SOCK_SEQPACKET round trip", BENCH_AT_MOST, 0.15, ONE, run_latency },
	{ NULL },
};
