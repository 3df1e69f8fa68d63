/* SPDX-License-Identifier: MIT */
/* Throughput over the size of a surface, for the picture: blts in several ways, memcpy and libcrypto. */
#include "bench/ddi.h"

#include <stdio.h>

enum { KIB = 1024, MIB = 1024 * 1024, BATCH = 32, BATCH_BYTES = 48 * MIB };

static const size_t sizes[] = {
	4 * KIB, 16 * KIB, 64 * KIB, 256 * KIB, 1 * MIB, 4 * MIB, 12 * MIB, 32 * MIB,
};

#define SIZES (sizeof(sizes) / sizeof(sizes[0]))

/* One line of the picture; in the process of its own. */
struct series {
	const char *name;
	enum bench_service service;
	enum { CURVE_COPY, CURVE_EVP, CURVE_BLT, CURVE_QUEUE } kind;
	size_t size;
	struct bench_loop loop;
	struct ddi ddi;
	struct baseline_copy copy;
	struct baseline_evp evp;
};

static struct series all_series[] = {
	{ "memcpy", BENCH_SERVICE_ONE, CURVE_COPY }, { "libcrypto", BENCH_SERVICE_ONE, CURVE_EVP },
	{ "blt-1", BENCH_SERVICE_ONE, CURVE_BLT },   { "queued-1", BENCH_SERVICE_ONE, CURVE_QUEUE },
	{ "blt-2", BENCH_SERVICE_TWO, CURVE_BLT },   { "queued-2", BENCH_SERVICE_TWO, CURVE_QUEUE },
};

#define SERIES (sizeof(all_series) / sizeof(all_series[0]))

static unsigned int batch_of(size_t size)
{
	return size * BATCH > BATCH_BYTES ? (unsigned int)(BATCH_BYTES / size) + 1 : BATCH;
}

static void *prepare(void *argument)
{
	struct series *series = argument;
	unsigned int count = series->kind == CURVE_QUEUE ? batch_of(series->size) : 1;

	ddi_open(&series->ddi);
	ddi_make_pairs(&series->ddi, series->size, count);
	ddi_check(&series->ddi);
	series->loop = (struct bench_loop) { ddi_decrypt_once, &series->ddi, (double)series->size };
	if (series->kind == CURVE_QUEUE) {
		series->loop.once = ddi_decrypt_queued;
		series->loop.bytes *= count;
	} else if (series->kind == CURVE_COPY) {
		ddi_buffers(&series->ddi, /* out= */ false, &series->copy);
		series->loop.once = baseline_copy_once;
		series->loop.context = &series->copy;
	} else if (series->kind == CURVE_EVP) {
		ddi_buffers(&series->ddi, /* out= */ false, &series->copy);
		baseline_evp_open(&series->evp, &series->copy);
		series->loop.once = baseline_evp_once;
		series->loop.context = &series->evp;
	}
	return series;
}

static double measure(void *state, int64_t slice_ns)
{
	struct series *series = state;

	return bench_loop_rate(&series->loop, slice_ns);
}

/* All series in turns; the medians are a line of the file. */
static void measure_size(const struct bench_run *run, size_t size, FILE *file)
{
	double rates[SERIES][BENCH_REPETITIONS_MAX];
	struct bench_agent agents[SERIES];

	for (size_t i = 0; i < SERIES; i++) {
		all_series[i].size = size;
		bench_agent_start(&agents[i], bench_service(run, all_series[i].service), prepare, &all_series[i],
				  measure);
	}
	for (size_t i = 0; i < SERIES; i++) {
		bench_agent_wait(&agents[i]);
		(void)bench_agent_measure(&agents[i], run->bench->slice_ns);
	}
	for (unsigned int repetition = 0; repetition < run->bench->repetitions; repetition++) {
		for (size_t i = 0; i < SERIES; i++)
			rates[i][repetition] = bench_agent_measure(&agents[i], run->bench->slice_ns);
	}
	fprintf(file, "%zu", size);
	for (size_t i = 0; i < SERIES; i++) {
		bench_agent_end(&agents[i]);
		fprintf(file, "\t%.4g", bench_median(rates[i], run->bench->repetitions));
	}
	fputc('\n', file);
}

static void run(struct bench_run *run)
{
	FILE *file = fopen(run->bench->curve, "we");

	if (!file)
		bench_fail("%s can't be written", run->bench->curve);
	fputs("bytes", file);
	for (size_t i = 0; i < SERIES; i++)
		fprintf(file, "\t%s", all_series[i].name);
	fputc('\n', file);
	for (size_t i = 0; i < SIZES && sizes[i] <= run->bench->curve_size; i++)
		measure_size(run, sizes[i], file);
	BENCH_MUST(fclose(file) == 0);
	/* It is no row of the table. */
	run->result->count = 1;
}

const struct bench_row bench_curve_rows[] = {
	{ "throughput over size", "GB/s", "", BENCH_NO_GOAL, 0, 1u << BENCH_SERVICE_ONE | 1u << BENCH_SERVICE_TWO,
	  run },
	{ NULL },
};
