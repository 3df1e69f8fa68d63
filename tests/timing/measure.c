/* SPDX-License-Identifier: MIT */
/* Whether the time of an operation tells of which class its input is: Welch's t-test over many interleaved runs. */
#include "measure.h"

#include "kmd_fixture.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/*
 * Equal classes stay below 5 in nearly every round, with all pairs and limits taken together. Even a rare 10 has to come
 * three times in a row.
 */
#define T_LIMIT 10.0
enum { ROUNDS = 3, SAMPLES_MIN = 500, TURNS = 8 };

/* Slow runs were interrupted by something else: they are left out, at each of these limits of the share that is kept. */
static const double kept[] = { 1.0, 0.99, 0.95, 0.9, 0.8, 0.65, 0.5, 0.35, 0.2, 0.1 };

struct round {
	const struct measure *measure;
	unsigned int classes; /* with the control */
	uint32_t *times[MEASURE_CLASSES];
	size_t counts[MEASURE_CLASSES];
};

struct result {
	double t;
	double share; /* of the runs, where t is greatest */
	unsigned int one, other;
};

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

#ifdef __x86_64__
static uint64_t ticks(void)
{
	uint64_t time;

	/* Neither what stands before nor what stands behind it takes part in what it measures, stores included. */
	__builtin_ia32_mfence();
	__builtin_ia32_lfence();
	time = __builtin_ia32_rdtsc();
	__builtin_ia32_lfence();
	return time;
}
#else
static uint64_t ticks(void)
{
	return now();
}
#endif

static uint64_t start;

void measure_from_here(void)
{
	start = ticks();
}

static double ticks_of_nanosecond(void)
{
	static double found;

	if (found == 0) {
		uint64_t then = now(), first = ticks();

		while (now() - then < 20000000) {
		}
		found = (double)(ticks() - first) / (double)(now() - then);
	}
	return found;
}

void measure_delay(unsigned int nanoseconds)
{
	uint64_t end = ticks() + (uint64_t)(nanoseconds * ticks_of_nanosecond());

	while (ticks() < end) {
	}
}

uint64_t measure_random(void)
{
	static uint64_t state = UINT64_C(0x9e3779b97f4a7c15);

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state * UINT64_C(0x2545f4914f6cdd1d) >> 16;
}

/* ---- statistics ---------------------------------------------------------------------------------- */

struct moments {
	double count, mean, variance;
};

static struct moments moments_below(const uint32_t *times, size_t count, uint32_t limit)
{
	struct moments moments = { 0 };
	double squares = 0;

	for (size_t i = 0; i < count; i++) {
		double step;

		if (times[i] > limit)
			continue;
		moments.count++;
		step = times[i] - moments.mean;
		moments.mean += step / moments.count;
		squares += step * (times[i] - moments.mean);
	}
	moments.variance = moments.count > 1 ? squares / (moments.count - 1) : 0;
	return moments;
}

/* Times that do not vary at all differ, or they don't: a tick's variance stands for theirs. */
static double welch(const struct moments *a, const struct moments *b)
{
	double variance = fmax(a->variance, 1.0 / 12) / a->count + fmax(b->variance, 1.0 / 12) / b->count;

	return (a->mean - b->mean) / sqrt(variance);
}

static int compare_times(const void *a, const void *b)
{
	const uint32_t *one = a, *other = b;

	return (*one > *other) - (*one < *other);
}

/* The times of all classes that must be alike, sorted. */
static uint32_t *pool(const struct round *round, size_t *ret_count)
{
	uint32_t *all = malloc(round->measure->classes * (size_t)round->measure->samples * sizeof(*all));
	size_t count = 0;

	assert_non_null(all);
	for (unsigned int i = 0; i < round->measure->classes; i++) {
		for (size_t j = 0; j < round->counts[i]; j++)
			all[count++] = round->times[i][j];
	}
	qsort(all, count, sizeof(*all), compare_times);
	*ret_count = count;
	return all;
}

/* How sure it is that of one class more runs than of the other stay below the limit; as a t. */
static double compare_shares(const struct moments *a, double all_a, const struct moments *b, double all_b)
{
	double share = (a->count + b->count) / (all_a + all_b);
	double variance = share * (1 - share) * (1 / all_a + 1 / all_b);

	return variance > 0 ? (a->count / all_a - b->count / all_b) / sqrt(variance) : 0;
}

/* Keeps the worst: of the times below the limit, and of how many there are. */
static void compare(const struct round *round, const struct moments *moments, struct result candidate,
		    struct result *worst)
{
	const struct moments *a = &moments[candidate.one], *b = &moments[candidate.other];
	double shares = compare_shares(a, (double)round->counts[candidate.one], b,
				       (double)round->counts[candidate.other]);

	candidate.t = a->count >= 50 && b->count >= 50 ? welch(a, b) : 0;
	if (fabs(shares) > fabs(candidate.t))
		candidate.t = shares;
	if (fabs(candidate.t) > fabs(worst->t))
		*worst = candidate;
}

/* The pair that differs most, and how much the control differs from the first class. */
static void evaluate(const struct round *round, struct result *ret_worst, struct result *ret_control)
{
	const unsigned int alike = round->measure->classes;
	size_t count;
	uint32_t *all = pool(round, &count);

	*ret_worst = *ret_control = (struct result) { 0 };
	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
		uint32_t limit = all[(size_t)((double)(count - 1) * kept[i])];
		struct moments moments[MEASURE_CLASSES] = { 0 };

		for (unsigned int c = 0; c < round->classes; c++)
			moments[c] = moments_below(round->times[c], round->counts[c], limit);
		for (unsigned int a = 0; a < alike; a++)
			for (unsigned int b = a + 1; b < alike; b++)
				compare(round, moments, (struct result) { .share = kept[i], .one = a, .other = b },
					ret_worst);
		compare(round, moments, (struct result) { .share = kept[i], .other = alike }, ret_control);
	}
	free(all);
}

/* ---- measuring ----------------------------------------------------------------------------------- */

static bool has_enough(const struct round *round)
{
	for (unsigned int c = 0; c < round->classes; c++)
		if (round->counts[c] < SAMPLES_MIN)
			return false;
	return true;
}

static void take_samples(struct round *round)
{
	const struct measure *measure = round->measure;
	const uint64_t end = now() + (uint64_t)(measure->seconds * 1e9);
	unsigned int full = 0;

	for (unsigned int i = 0; full < round->classes && (i % 64 != 0 || now() < end); i++) {
		unsigned int class = (unsigned int)(measure_random() % round->classes);
		uint64_t time;

		measure->prepare(measure->data, class);
		measure_from_here();
		measure->run(measure->data);
		time = ticks() - start;
		/* The first ones find nothing in caches. */
		if (i < 100 || round->counts[class] == measure->samples)
			continue;
		round->times[class][round->counts[class]++] = time > UINT32_MAX ? UINT32_MAX : (uint32_t)time;
		full += round->counts[class] == measure->samples;
	}
}

static double nanoseconds_at(const uint32_t *sorted, size_t place)
{
	return sorted[place] / ticks_of_nanosecond();
}

static void print(const struct round *round, const struct result *worst, const struct result *control)
{
	const struct measure *measure = round->measure;

	for (unsigned int c = 0; c < round->classes; c++) {
		const char *name = c < measure->classes ? measure->names[c] : measure->control;
		size_t count = round->counts[c];
		uint32_t *times = round->times[c];

		qsort(times, count, sizeof(*times), compare_times);
		print_message("# %-28s %7zu runs, quickest %.1f ns, a quarter below %.1f, half below %.1f\n", name,
			      count, nanoseconds_at(times, 0), nanoseconds_at(times, count / 4),
			      nanoseconds_at(times, count / 2));
	}
	print_message("# t = %.1f: %s and %s, in the quickest %.0f %%\n", fabs(worst->t), measure->names[worst->one],
		      measure->names[worst->other], worst->share * 100);
	print_message("# t = %.1f: %s, against the first, in the quickest %.0f %%\n", fabs(control->t),
		      measure->control, control->share * 100);
}

/* True if all classes are alike, and the control is not. */
static bool round_is_good(const struct measure *measure)
{
	struct round round = { .measure = measure, .classes = measure->classes + 1 };
	struct result worst = { 0 }, control = { 0 };
	bool is_good;

	assert_true(round.classes <= MEASURE_CLASSES);
	for (unsigned int c = 0; c < round.classes; c++) {
		round.times[c] = malloc(measure->samples * sizeof(uint32_t));
		assert_non_null(round.times[c]);
	}
	/* On a busy machine it takes more turns until the control is seen, and with it what would be as large. */
	for (int i = 0; i < TURNS && fabs(control.t) < T_LIMIT; i++) {
		take_samples(&round);
		if (has_enough(&round))
			evaluate(&round, &worst, &control);
	}
	if (has_enough(&round))
		print(&round, &worst, &control);
	is_good = fabs(worst.t) < T_LIMIT && fabs(control.t) >= T_LIMIT;
	for (unsigned int c = 0; c < round.classes; c++)
		free(round.times[c]);
	return is_good;
}

void measure_assert_alike(const struct measure *measure)
{
	for (int i = 0; i < ROUNDS; i++)
		if (round_is_good(measure))
			return;
	fail_msg("in each of %d rounds, classes differed or the control did not: t below %.0f and from %.0f was wanted",
		 ROUNDS, T_LIMIT, T_LIMIT);
}

/* ---- the programs -------------------------------------------------------------------------------- */

static bool is_wanted(const char *name, char **argv)
{
	for (char **word = argv + 1; *word; word++)
		if (strncmp(*word, name, strlen(*word)) == 0)
			return true;
	return !argv[1];
}

bool measure_start(void)
{
	return gpu_memory_start(GPU_MEMORY_PLAIN, GPU_MEMORY_SECRET) >= 0 && gpu_route_libcrypto() >= 0;
}

static int teardown_all(void **state)
{
	(void)state;
	kf_identity_stop();
	return 0;
}

int measure_main(const char *group, const struct CMUnitTest *tests, size_t count, char **argv)
{
	struct CMUnitTest *wanted = calloc(count, sizeof(*wanted));
	size_t found = 0;
	int failed;

	if (!wanted)
		return 2;
	for (size_t i = 0; i < count; i++)
		if (is_wanted(tests[i].name, argv))
			wanted[found++] = tests[i];
	failed = found > 0 ? _cmocka_run_group_tests(group, wanted, found, NULL, teardown_all) : 0;
	free(wanted);
	return failed;
}
