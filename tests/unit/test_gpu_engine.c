/* SPDX-License-Identifier: MIT */
/* Which engine does AES-CTR and who decides, its workers in many threads, and what a transfer needs and leaves. */
#include "gpu/private.h"
#include "secret_probe.h"

#include <errno.h>
#include <malloc.h>
#include <openssl/crypto.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#ifdef CONFIG_IPSEC_MB
#include <intel-ipsec-mb.h>
#endif

/* ---- memory that runs out, processors that lack something --------------------------------------- */

void *__real_gpu_secret_alloc(size_t size);
void *__real_gpu_secret_realloc(void *memory, size_t size);
void *__wrap_gpu_secret_alloc(size_t size);
void *__wrap_gpu_secret_realloc(void *memory, size_t size);

void *__wrap_gpu_secret_alloc(size_t size)
{
	return sp_is_refused() ? NULL : __real_gpu_secret_alloc(size);
}

void *__wrap_gpu_secret_realloc(void *memory, size_t size)
{
	return size > 0 && sp_is_refused() ? NULL : __real_gpu_secret_realloc(memory, size);
}

#ifdef CONFIG_IPSEC_MB
static uint64_t features_hidden;
static bool start_is_skipped;

uint64_t __real_imb_get_feature_flags(void);
uint64_t __wrap_imb_get_feature_flags(void);
void __real_init_mb_mgr_auto(IMB_MGR *manager, IMB_ARCH *arch);
void __wrap_init_mb_mgr_auto(IMB_MGR *manager, IMB_ARCH *arch);

uint64_t __wrap_imb_get_feature_flags(void)
{
	return __real_imb_get_feature_flags() & ~features_hidden;
}

void __wrap_init_mb_mgr_auto(IMB_MGR *manager, IMB_ARCH *arch)
{
	if (!start_is_skipped)
		__real_init_mb_mgr_auto(manager, arch);
}
#endif

/* ---- each engine in turn ------------------------------------------------------------------------- */

static const struct {
	enum gpu_engine engine;
	const char *name;
} engines[] = {
	{ GPU_ENGINE_LIBCRYPTO, "libcrypto" },
	{ GPU_ENGINE_IPSEC_MB, "intel-ipsec-mb AVX512" },
};

static size_t engine_count(void)
{
	return gpu_engine_missing() == NULL ? 2 : 1;
}

static void engine_use(size_t i)
{
	assert_int_equal(gpu_engine_start(engines[i].engine), 0);
	assert_string_equal(gpu_engine_name(), engines[i].name);
}

static struct gpu_key *key_create(const uint8_t bytes[GPU_KEY_SIZE])
{
	struct gpu_key *key;

	assert_int_equal(gpu_key_reserve(&key), 0);
	assert_int_equal(gpu_key_set(key, bytes), 0);
	return key;
}

static struct gpu_worker *worker_create(void)
{
	struct gpu_worker *worker;

	assert_int_equal(gpu_worker_create(&worker), 0);
	return worker;
}

/* ---- the choice ---------------------------------------------------------------------------------- */

/* The first of all: nothing is chosen yet, and the first slot chooses. */
static void test_first_slot_chooses(void **state)
{
	const char *best = engines[engine_count() - 1].name;
	struct gpu_key *key;

	(void)state;
	assert_string_equal(gpu_engine_name(), "none");
	assert_int_equal(gpu_key_reserve(&key), 0);
	assert_string_equal(gpu_engine_name(), best);
	gpu_key_free(key);
	if (engine_count() < 2)
		print_message("# intel-ipsec-mb is not tested: %s\n", gpu_engine_missing());
}

static void test_choice_by_name(void **state)
{
	(void)state;
	for (size_t i = 0; i < engine_count(); i++)
		engine_use(i);
	assert_int_equal(gpu_engine_start(GPU_ENGINE_AUTO), 0);
	assert_string_equal(gpu_engine_name(), engines[engine_count() - 1].name);
}

/* What is not there is refused, and the choice stays as it was. */
static void refusal_check(void)
{
	const char *before = gpu_engine_name();

	assert_non_null(gpu_engine_missing());
	assert_int_equal(gpu_engine_start(GPU_ENGINE_IPSEC_MB), -EOPNOTSUPP);
	assert_string_equal(gpu_engine_name(), before);
	assert_int_equal(gpu_engine_start(GPU_ENGINE_AUTO), 0);
	assert_string_equal(gpu_engine_name(), "libcrypto");
}

#ifdef CONFIG_IPSEC_MB
static void test_choice_on_lesser_processors(void **state)
{
	static const uint64_t lacking[] = { IMB_FEATURE_VAES, IMB_FEATURE_AVX512F, IMB_FEATURE_AVX512BW };

	(void)state;
	for (size_t i = 0; i < sizeof(lacking) / sizeof(lacking[0]); i++) {
		features_hidden = lacking[i];
		refusal_check();
		assert_string_equal(gpu_engine_missing(), "this processor has no VAES with AVX-512");
	}
	features_hidden = 0;
	if (engine_count() < 2)
		return;
	/* A library built without that would leave keys in registers. */
	features_hidden = IMB_FEATURE_SAFE_DATA;
	refusal_check();
	assert_string_equal(gpu_engine_missing(), "this intel-ipsec-mb leaves keys in registers");
	features_hidden = 0;
}

static void test_worker_of_a_broken_library(void **state)
{
	struct gpu_worker *worker = NULL;

	(void)state;
	if (engine_count() < 2)
		skip();
	engine_use(1);
	start_is_skipped = true;
	assert_int_equal(gpu_worker_create(&worker), -EIO);
	start_is_skipped = false;
	assert_null(worker);
}
#else
static void test_choice_of_a_build_without(void **state)
{
	(void)state;
	refusal_check();
	assert_string_equal(gpu_engine_missing(), "dxvault was built without it");
}
#endif

/* ---- memory -------------------------------------------------------------------------------------- */

/* CS-07: a transfer asks nobody for memory, neither the secret heap nor malloc. */
static void test_transfer_needs_no_memory(void **state)
{
	static const struct gpu_pattern pattern = { 16, 32, 16 };
	static uint8_t src[70000], dst[70000];
	uint8_t iv[GPU_IV_SIZE] = { [12] = 0xff, [13] = 0xff, [14] = 0xff, [15] = 0xf0 };

	(void)state;
	for (size_t i = 0; i < engine_count(); i++) {
		struct gpu_worker *worker;
		struct gpu_key *key;
		unsigned int before;
		size_t heap;

		engine_use(i);
		key = key_create(iv);
		worker = worker_create();
		before = sp_allocations;
		sp_refuse_after(0, /* lone= */ false);
		heap = mallinfo2().uordblks;
		for (unsigned int taken = 0; taken < 2; taken++) {
			assert_int_equal(gpu_key_set(key, iv), 0);
			assert_int_equal(gpu_ctr(key, iv, NULL, src, dst, sizeof(src)), 0);
			assert_int_equal(gpu_ctr(key, iv, &pattern, src, dst, sizeof(src)), 0);
			assert_int_equal(gpu_ctr_part(key, worker, iv, &pattern, 64, src, dst, sizeof(src)), 0);
			/* and as it is where another thread has the slot's own context */
			assert_false(atomic_flag_test_and_set(&key->ctr_is_taken));
			assert_int_equal(gpu_ctr_part(key, worker, iv, NULL, 16, src, dst, 1000), 0);
			atomic_flag_clear(&key->ctr_is_taken);
			gpu_key_clear(key);
		}
		assert_int_equal(mallinfo2().uordblks, heap);
		sp_refuse_none();
		assert_int_equal(sp_allocations, before);
		gpu_worker_destroy(worker);
		gpu_key_free(key);
	}
}

/* Each allocation refused in turn, until there was enough. */
static void test_worker_without_memory(void **state)
{
	(void)state;
	for (size_t i = 0; i < engine_count(); i++) {
		struct gpu_worker *worker = NULL;
		int refused = 0;
		int r = -ENOMEM;

		engine_use(i);
		while (r == -ENOMEM && refused < 50) {
			sp_refuse_after(refused, /* lone= */ false);
			r = gpu_worker_create(&worker);
			sp_refuse_none();
			if (r != 0) {
				assert_int_equal(r, -ENOMEM);
				assert_null(worker);
				refused++;
			}
		}
		assert_int_equal(r, 0);
		assert_true(refused >= 2);
		gpu_worker_destroy(worker);
	}
	gpu_worker_destroy(NULL);
}

/* ---- what is left of a key ----------------------------------------------------------------------- */

/* CS-46: a worker that had to load a key itself keeps neither it nor the last block of key stream. */
static void test_worker_keeps_no_key(void **state)
{
	static const struct gpu_pattern short_runs = { 32, 16, 48 };
	static uint8_t source[20000], dst[20000];
	uint8_t bytes[GPU_KEY_SIZE], iv[GPU_IV_SIZE] = { 0 }, zeros[24] = { 0 }, out[24], stream[16];

	(void)state;
	memset(source, 1, sizeof(source));
	for (size_t i = 0; i < engine_count(); i++) {
		struct gpu_worker *worker;
		struct gpu_key *key;
		unsigned int copies;

		engine_use(i);
		assert_int_equal(gpu_random(bytes, sizeof(bytes)), 0);
		key = key_create(bytes);
		worker = worker_create();
		copies = sp_mapping_count(key, bytes);
		assert_true(copies >= 2);
		iv[15] = 1;
		assert_int_equal(gpu_key_wrap(key, iv, stream), 0);
		iv[15] = 0;
		copies = sp_mapping_count(key, bytes);
		atomic_flag_test_and_set(&key->ctr_is_taken);
		assert_int_equal(gpu_ctr_part(key, worker, iv, NULL, 0, zeros, out, sizeof(out)), 0);
		atomic_flag_clear(&key->ctr_is_taken);
		assert_memory_equal(out + 16, stream, 8);
		assert_int_equal(sp_mapping_count(key, bytes), copies);
		assert_int_equal(sp_mapping_count(key, stream), 0);
		/* nor what it collected of a pattern */
		assert_int_equal(gpu_ctr_part(key, worker, iv, &short_runs, 0, source, dst, sizeof(dst)), 0);
		for (size_t j = 0; j < GPU_SCRATCH_SIZE; j++)
			assert_int_equal(worker->scratch[j], 0);
		gpu_key_clear(key);
		assert_int_equal(sp_mapping_count(key, bytes), 0);
		gpu_key_free(key);
		gpu_worker_destroy(worker);
	}
}

#ifdef __x86_64__
/* All the registers that an engine could have had a round key in. */
static void registers_read(uint8_t ret[32][64])
{
	__asm__ volatile(
		".irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31\n"
		"	vmovdqu64 %%zmm\\n, 64*\\n(%0)\n"
		".endr"
		:
		: "r"(ret)
		: "memory");
}
#endif

/* A transfer leaves no key in registers, where the next function that spills them would write it anywhere. */
static void test_registers_keep_no_key(void **state)
{
#ifdef __x86_64__
	static uint8_t src[4096], dst[4096], registers[32][64];
	uint8_t bytes[GPU_KEY_SIZE], iv[GPU_IV_SIZE] = { 0 };

	(void)state;
	if (!__builtin_cpu_supports("avx512f"))
		skip();
	assert_int_equal(gpu_random(bytes, sizeof(bytes)), 0);
	for (size_t i = 0; i < engine_count(); i++) {
		struct gpu_key *key;
		int r;

		engine_use(i);
		key = key_create(bytes);
		for (size_t size = 1; size <= sizeof(src); size = 2 * size + 1) {
			r = gpu_ctr(key, iv, NULL, src, dst, size);
			registers_read(registers);
			assert_int_equal(r, 0);
			for (size_t at = 0; at < sizeof(registers); at += GPU_KEY_SIZE)
				assert_memory_not_equal(registers[0] + at, bytes, GPU_KEY_SIZE);
		}
		gpu_key_free(key);
	}
#else
	(void)state;
	skip();
#endif
}

/* ---- threads ------------------------------------------------------------------------------------- */

enum { THREADS = 4, PART = 4096, PARTS = 32, ROUNDS = 50 };

static const struct gpu_pattern patterns[] = { { 0, 0, 16 }, { 32, 144, 16 } };
static const uint8_t crossing[GPU_IV_SIZE] = { [7] = 1, [12] = 0xff, [13] = 0xff, [14] = 0xfe };
static uint8_t source[PART * PARTS];

struct job {
	struct gpu_key *key;
	struct gpu_worker *worker; /* NULL: the thread has a slot of its own, and does all of it */
	const struct gpu_pattern *pattern;
	atomic_uint *next;
	uint8_t *dst;
	int result;
};

static void *work(void *context)
{
	struct job *job = context;

	if (job->worker == NULL) {
		for (unsigned int i = 0; i < ROUNDS && job->result == 0; i++)
			job->result = gpu_ctr(job->key, crossing, job->pattern, source, job->dst, sizeof(source));
		return NULL;
	}
	while (job->result == 0) {
		unsigned int n = atomic_fetch_add(job->next, 1);
		size_t at = (size_t)(n % PARTS) * PART;

		if (n >= PARTS)
			break;
		job->result = gpu_ctr_part(job->key, job->worker, crossing, job->pattern, at, source + at,
					   job->dst + at, PART);
	}
	return NULL;
}

static void run_threads(struct job jobs[THREADS])
{
	pthread_t threads[THREADS];

	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, work, &jobs[i]), 0);
	for (size_t i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		assert_int_equal(jobs[i].result, 0);
	}
}

/* One transfer by all threads, with one slot. */
static void test_threads_share_a_slot(void **state)
{
	static uint8_t wanted[PART * PARTS], dst[PART * PARTS];
	uint8_t bytes[GPU_KEY_SIZE] = { 9 };
	struct gpu_worker *workers[THREADS];

	(void)state;
	for (size_t i = 0; i < 2 * engine_count(); i++) {
		const struct gpu_pattern *pattern = &patterns[i % 2];
		struct gpu_key *key;

		engine_use(i / 2);
		key = key_create(bytes);
		for (size_t j = 0; j < THREADS; j++)
			workers[j] = worker_create();
		assert_int_equal(gpu_ctr(key, crossing, pattern, source, wanted, sizeof(source)), 0);
		for (unsigned int round = 0; round < ROUNDS; round++) {
			struct job jobs[THREADS];
			atomic_uint next = 0;

			memset(dst, 0, sizeof(dst));
			for (size_t j = 0; j < THREADS; j++)
				jobs[j] = (struct job) { key, workers[j], pattern, &next, dst, 0 };
			run_threads(jobs);
			assert_memory_equal(dst, wanted, sizeof(wanted));
		}
		for (size_t j = 0; j < THREADS; j++)
			gpu_worker_destroy(workers[j]);
		gpu_key_free(key);
	}
}

/* Slots are independent, also for those who bring no worker. */
static void test_threads_with_slots_of_their_own(void **state)
{
	static uint8_t wanted[PART * PARTS], dst[THREADS][PART * PARTS];

	(void)state;
	for (size_t i = 0; i < engine_count(); i++) {
		struct job jobs[THREADS];

		engine_use(i);
		for (size_t j = 0; j < THREADS; j++) {
			uint8_t bytes[GPU_KEY_SIZE] = { (uint8_t)j };

			jobs[j] = (struct job) { key_create(bytes), NULL, &patterns[0], NULL, dst[j], 0 };
		}
		run_threads(jobs);
		for (size_t j = 0; j < THREADS; j++) {
			assert_int_equal(gpu_ctr(jobs[j].key, crossing, NULL, source, wanted, sizeof(source)), 0);
			assert_memory_equal(dst[j], wanted, sizeof(wanted));
			gpu_key_free(jobs[j].key);
		}
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_first_slot_chooses),
		cmocka_unit_test(test_choice_by_name),
#ifdef CONFIG_IPSEC_MB
		cmocka_unit_test(test_choice_on_lesser_processors),
		cmocka_unit_test(test_worker_of_a_broken_library),
#else
		cmocka_unit_test(test_choice_of_a_build_without),
#endif
		cmocka_unit_test(test_transfer_needs_no_memory),
		cmocka_unit_test(test_worker_without_memory),
		cmocka_unit_test(test_worker_keeps_no_key),
		cmocka_unit_test(test_registers_keep_no_key),
		cmocka_unit_test(test_threads_share_a_slot),
		cmocka_unit_test(test_threads_with_slots_of_their_own),
	};

	if (gpu_memory_start(GPU_MEMORY_PLAIN, GPU_MEMORY_SECRET) < 0 || gpu_route_libcrypto() < 0)
		return 2;
	return cmocka_run_group_tests_name("gpu_engine", tests, NULL, NULL);
}
