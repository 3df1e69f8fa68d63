/* SPDX-License-Identifier: MIT */
/* Timing: repetitions of two sides in turns, loops that fill a slice of time, medians of single calls. */
#include "bench/bench.h"

#include <math.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { CALLS_MIN = 15, CALLS_MAX = 16384 };

int64_t bench_now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

void bench_sleep(int64_t ns)
{
	nanosleep(&(struct timespec) { .tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000 }, NULL);
}

static struct bench_result *result_of_this_process;

void bench_measure_into(struct bench_result *result)
{
	result_of_this_process = result;
}

void bench_fail(const char *format, ...)
{
	struct bench_result *result = result_of_this_process;
	va_list arguments;

	/* The first word is the cause; a child that ends makes its parent fail too. */
	if (result && result->note[0] == '\0') {
		va_start(arguments, format);
		vsnprintf(result->note, sizeof(result->note), format, arguments);
		va_end(arguments);
	}
	_exit(EXIT_FAILURE);
}

void bench_stay(bool one)
{
	static cpu_set_t all;
	cpu_set_t first;
	int number = 0;

	if (CPU_COUNT(&all) == 0)
		BENCH_MUST(sched_getaffinity(0, sizeof(all), &all) == 0);
	while (!CPU_ISSET(number, &all))
		number++;
	CPU_ZERO(&first);
	CPU_SET(number, &first);
	BENCH_MUST(sched_setaffinity(0, sizeof(all), one ? &first : &all) == 0);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double bench_median(double *values, size_t count)
{
	qsort(values, count, sizeof(*values), compare);
	return values[count / 2];
}

/* ---- two sides ------------------------------------------------------------------------------------------ */

void bench_compare(struct bench_run *run, const struct bench_side *value, const struct bench_side *baseline)
{
	const unsigned int count = run->bench->repetitions;
	const int64_t slice = run->bench->slice_ns;
	struct bench_result *result = run->result;

	/* Once for nothing: caches, page tables, how often a loop goes round. */
	(void)baseline->measure(baseline->context, slice);
	(void)value->measure(value->context, slice);
	for (unsigned int i = 0; i < count; i++) {
		/* Who comes first changes: what one leaves behind hits the other as often. */
		if (i % 2 == 0)
			result->baseline[i] = baseline->measure(baseline->context, slice);
		result->value[i] = value->measure(value->context, slice);
		if (i % 2 != 0)
			result->baseline[i] = baseline->measure(baseline->context, slice);
		BENCH_MUST(isfinite(result->value[i]) && isfinite(result->baseline[i]));
	}
	result->count = count;
}

/* ---- loops ---------------------------------------------------------------------------------------------- */

static int64_t go_round(const struct bench_loop *loop, uint64_t count)
{
	int64_t start = bench_now();

	for (uint64_t i = 0; i < count; i++)
		loop->once(loop->context);
	return bench_now() - start;
}

double bench_loop_ns(void *context, int64_t slice_ns)
{
	struct bench_loop *loop = context;

	if (loop->count == 0) {
		uint64_t count = 1;
		int64_t took;

		while ((took = go_round(loop, count)) < slice_ns / 4)
			count *= 2;
		loop->count = count * (uint64_t)slice_ns / (uint64_t)(took > 0 ? took : 1);
		if (loop->count == 0)
			loop->count = 1;
	}
	return (double)go_round(loop, loop->count) / (double)loop->count;
}

void bench_compare_in_turns(struct bench_run *run, const struct bench_loop *value, const struct bench_loop *baseline)
{
	struct bench_result *result = run->result;

	(void)go_round(baseline, 1);
	(void)go_round(value, 1);
	for (unsigned int i = 0; i < run->bench->repetitions; i++) {
		int64_t took[2] = { 0, 0 };
		unsigned int turns = 0;

		do {
			took[0] += go_round(value, 1);
			took[1] += go_round(baseline, 1);
			turns++;
		} while (took[0] + took[1] < 2 * run->bench->slice_ns);
		result->value[i] = value->bytes * turns / (double)took[0];
		result->baseline[i] = baseline->bytes * turns / (double)took[1];
	}
	/* What is checked afterwards is the value's work, not the baseline's. */
	(void)go_round(value, 1);
	result->count = run->bench->repetitions;
}

double bench_loop_rate(void *context, int64_t slice_ns)
{
	const struct bench_loop *loop = context;

	return loop->bytes / bench_loop_ns(context, slice_ns);
}

double bench_loop_per_second(void *context, int64_t slice_ns)
{
	return 1e9 / bench_loop_ns(context, slice_ns);
}

/* ---- single calls ---------------------------------------------------------------------------------------- */

double bench_calls_p50_us(void *context, int64_t slice_ns)
{
	const struct bench_calls *calls = context;
	static double took[CALLS_MAX];
	const int64_t end = bench_now() + slice_ns;
	size_t count = 0;

	while (count < CALLS_MAX && (count < CALLS_MIN || bench_now() < end)) {
		int64_t start = bench_now();

		calls->once(calls->context);
		took[count++] = (double)(bench_now() - start) * 1e-3;
		if (calls->after)
			calls->after(calls->context);
	}
	return bench_median(took, count);
}
