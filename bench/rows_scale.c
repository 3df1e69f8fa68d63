/* SPDX-License-Identifier: MIT */
/* Rows of growth: one engine worker and two, one client process and several. */
#include "bench/ddi.h"

#include <stdlib.h>

enum { KIB = 1024, MIB = 1024 * 1024, CLIENTS_MAX = 8, START_NS = 2000000, SLICES = 4 };

static void *open_client(void *size)
{
	static struct ddi ddi;

	ddi_open(&ddi);
	ddi_make_pairs(&ddi, *(const size_t *)size, 1);
	ddi_check(&ddi);
	return &ddi;
}

/* GB/s of whole blts until some slices are over: of those of several clients, which do not end together, each is one of many. */
static double measure_client(void *state, int64_t slice_ns)
{
	struct ddi *ddi = state;
	const int64_t start = bench_now();
	int64_t now = start;
	double bytes = 0;

	while (now < start + SLICES * slice_ns) {
		ddi_decrypt_once(ddi);
		bytes += (double)ddi->size;
		now = bench_now();
	}
	return bytes / (double)(now - start);
}

/* ---- workers ------------------------------------------------------------------------------------------------ */

static void run_workers(struct bench_run *run)
{
	size_t size = 12 * MIB;
	struct bench_agent two, one;

	bench_agent_start(&two, bench_service(run, BENCH_SERVICE_TWO), open_client, &size, measure_client);
	bench_agent_start(&one, bench_service(run, BENCH_SERVICE_ONE), open_client, &size, measure_client);
	bench_agent_wait(&two);
	bench_agent_wait(&one);
	bench_compare(run, &(struct bench_side) { bench_agent_measure, &two },
		      &(struct bench_side) { bench_agent_measure, &one });
	bench_agent_end(&two);
	bench_agent_end(&one);
}

/* ---- clients ------------------------------------------------------------------------------------------------ */

struct crowd {
	unsigned int count;
	struct bench_agent agents[CLIENTS_MAX];
};

/* What all of them move in the same slice of time. */
static double measure_crowd(void *context, int64_t slice_ns)
{
	struct crowd *crowd = context;
	int64_t start = bench_now() + START_NS;
	double sum = 0;

	for (unsigned int i = 0; i < crowd->count; i++)
		bench_agent_order(&crowd->agents[i], start, slice_ns);
	for (unsigned int i = 0; i < crowd->count; i++)
		sum += bench_agent_answer(&crowd->agents[i]);
	return sum;
}

static void run_clients(struct bench_run *run, size_t size)
{
	struct crowd crowd = { .count = (unsigned int)run->row->argument };

	for (unsigned int i = 0; i < crowd.count; i++)
		bench_agent_start(&crowd.agents[i], bench_service(run, BENCH_SERVICE_ALL), open_client, &size,
				  measure_client);
	for (unsigned int i = 0; i < crowd.count; i++)
		bench_agent_wait(&crowd.agents[i]);
	bench_compare(run, &(struct bench_side) { measure_crowd, &crowd },
		      &(struct bench_side) { bench_agent_measure, &crowd.agents[0] });
	for (unsigned int i = 0; i < crowd.count; i++)
		bench_agent_end(&crowd.agents[i]);
}

static void run_clients_middle(struct bench_run *run)
{
	run_clients(run, 64 * KIB);
}

static void run_clients_large(struct bench_run *run)
{
	run_clients(run, 12 * MIB);
}

#define CLIENTS(name, count, run)                                                                         \
	{                                                                                                 \
		name, "GB/s", "one client process", BENCH_NO_GOAL, 0, 1u << BENCH_SERVICE_ALL, run, count \
	}

const struct bench_row bench_scale_rows[] = {
	{ "scale.workers.2", "GB/s", "12 MiB blts with one worker", BENCH_NO_GOAL, 0,
	  1u << BENCH_SERVICE_ONE | 1u << BENCH_SERVICE_TWO, run_workers },
	CLIENTS("scale.clients.1.64K", 1, run_clients_middle),
	CLIENTS("scale.clients.2.64K", 2, run_clients_middle),
	CLIENTS("scale.clients.4.64K", 4, run_clients_middle),
	CLIENTS("scale.clients.8.64K", 8, run_clients_middle),
	CLIENTS("scale.clients.1.12M", 1, run_clients_large),
	CLIENTS("scale.clients.2.12M", 2, run_clients_large),
	CLIENTS("scale.clients.4.12M", 4, run_clients_large),
	CLIENTS("scale.clients.8.12M", 8, run_clients_large),
	{ NULL },
};
