/* SPDX-License-Identifier: MIT */
/* Rows of calls on protected sessions: asking, opening, making, and the same among very many. */
#include "bench/baseline.h"
#include "bench/kernel.h"

#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { PACKET = 48, SESSIONS_OF_A_FENCE = 500 };

/* ---- status ----------------------------------------------------------------------------------------------- */

static void query_once(void *context)
{
	BENCH_MUST(kernel_status(*(D3DKMT_HANDLE *)context) == D3DKMT_PROTECTED_SESSION_STATUS_OK);
}

static void getppid_once(void *context)
{
	(void)context;
	(void)syscall(SYS_getppid);
}

static void run_status(struct bench_run *run)
{
	D3DKMT_HANDLE device, session;
	struct bench_loop value = { .once = query_once, .context = &session };
	struct bench_loop baseline = { .once = getppid_once };

	cf_service_use(bench_service(run, BENCH_SERVICE_ALL));
	device = kernel_device();
	session = kernel_session(device, kernel_fence(device));
	bench_compare(run, &(struct bench_side) { bench_loop_ns, &value },
		      &(struct bench_side) { bench_loop_ns, &baseline });
}

/* ---- open --------------------------------------------------------------------------------------------------- */

struct opener {
	HANDLE shared;
	D3DKMT_HANDLE opened;
};

static void open_once(void *context)
{
	struct opener *opener = context;

	opener->opened = kernel_open_session(opener->shared);
}

static void after_open(void *context)
{
	kernel_destroy_session(((struct opener *)context)->opened);
}

static void run_open(struct bench_run *run)
{
	struct opener opener;
	struct baseline_echo echo;
	struct bench_calls value = { .once = open_once, .after = after_open, .context = &opener };
	struct bench_calls baseline = { .once = baseline_echo_once, .context = &echo };
	D3DKMT_HANDLE device;

	baseline_echo_open(&echo, PACKET, /* with_descriptor= */ true);
	cf_service_use(bench_service(run, BENCH_SERVICE_ALL));
	bench_services_stay(run, BENCH_SERVICE_ALL);
	device = kernel_device();
	opener.shared = kernel_share(kernel_session(device, kernel_fence(device)));
	bench_compare(run, &(struct bench_side) { bench_calls_p50_us, &value },
		      &(struct bench_side) { bench_calls_p50_us, &baseline });
}

/* ---- create and destroy --------------------------------------------------------------------------------------- */

struct creator {
	D3DKMT_HANDLE device;
	D3DKMT_HANDLE fence;
};

static void create_once(void *context)
{
	const struct creator *creator = context;

	kernel_destroy_session(kernel_session(creator->device, creator->fence));
}

static void run_create(struct bench_run *run)
{
	struct creator creator;
	struct baseline_echo echo;
	struct bench_calls value = { .once = create_once, .context = &creator };
	struct bench_calls baseline = { .once = baseline_echo_twice, .context = &echo };

	baseline_echo_open(&echo, PACKET, /* with_descriptor= */ false);
	cf_service_use(bench_service(run, BENCH_SERVICE_ALL));
	bench_services_stay(run, BENCH_SERVICE_ALL);
	creator.device = kernel_device();
	creator.fence = kernel_fence(creator.device);
	bench_compare(run, &(struct bench_side) { bench_calls_p50_us, &value },
		      &(struct bench_side) { bench_calls_p50_us, &baseline });
}

/* ---- among very many ------------------------------------------------------------------------------------------ */

/* A process with that many sessions; the first of them is the one that is opened. */
static void *populate(void *argument)
{
	static struct opener opener;
	const unsigned int count = *(const unsigned int *)argument;
	D3DKMT_HANDLE device = kernel_device(), fence = 0;
	DXVAULT_SERVICE_INFO info = { .Version = DXVAULT_SERVICE_INFO_VERSION };

	for (unsigned int i = 0; i < count; i++) {
		D3DKMT_HANDLE session;

		if (i % SESSIONS_OF_A_FENCE == 0)
			fence = kernel_fence(device);
		session = kernel_session(device, fence);
		if (i == 0)
			opener.shared = kernel_share(session);
	}
	kernel_must("DxvaultQueryService", DxvaultQueryService(&info));
	BENCH_MUST(info.ProtectedSessions == count);
	return &opener;
}

static double measure_open(void *state, int64_t slice_ns)
{
	struct bench_calls calls = { .once = open_once, .after = after_open, .context = state };

	bench_stay(/* one= */ true);
	return bench_calls_p50_us(&calls, slice_ns);
}

static void run_open_among(struct bench_run *run)
{
	unsigned int full = run->bench->full_sessions, few = run->bench->few_sessions;
	struct bench_agent among_full, among_few;

	bench_agent_start(&among_full, bench_service(run, BENCH_SERVICE_FULL), populate, &full, measure_open);
	bench_agent_start(&among_few, bench_service(run, BENCH_SERVICE_ALL), populate, &few, measure_open);
	bench_agent_wait(&among_few);
	bench_agent_wait(&among_full);
	bench_services_stay(run, BENCH_SERVICE_ALL);
	bench_services_stay(run, BENCH_SERVICE_FULL);
	bench_compare(run, &(struct bench_side) { bench_agent_measure, &among_full },
		      &(struct bench_side) { bench_agent_measure, &among_few });
	bench_agent_end(&among_full);
	bench_agent_end(&among_few);
}

#define ALL (1u << BENCH_SERVICE_ALL)

const struct bench_row bench_status_rows[] = {
	{ "status.query", "ns", "getppid(2) by syscall()", BENCH_AT_MOST, 0.10, ALL, run_status },
	{ NULL },
};

const struct bench_row bench_session_rows[] = {
	{ "session.open", "us", "a SOCK_SEQPACKET round trip with a descriptor", BENCH_AT_MOST, 1.3, ALL, run_open },
	{ "session.create_destroy", "us", "two SOCK_SEQPACKET round trips", BENCH_AT_MOST, 1.4, ALL, run_create },
	{ "session.open.at_1M", "us", "the same with 1,000 sessions live", BENCH_AT_MOST, 1.2,
	  ALL | 1u << BENCH_SERVICE_FULL, run_open_among },
	{ NULL },
};
