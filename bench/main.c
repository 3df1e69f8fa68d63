/* SPDX-License-Identifier: MIT */
/* bench: how fast dxvault is, as ratios to what the same machine does without it at the same time. */
#include "bench/bench.h"
#include "conform/process.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ROW_SECONDS = 240 };

#define MS INT64_C(1000000)

/* In the order of the table. */
static const struct bench_row *const groups[] = {
	bench_blt_rows, bench_status_rows, bench_fence_rows, bench_session_rows,
	bench_key_rows, bench_play_rows,   bench_idle_rows,  bench_scale_rows,
};

#define GROUPS (sizeof(groups) / sizeof(groups[0]))

/* Of make bench; of --quick, to look whether something has changed; of --smoke, to see that every row works. */
static const struct bench presets[] = {
	{ 9, 40 * MS, .full_sessions = 1000000, .few_sessions = 1000, .idle_ns = 10000 * MS, .curve_size = SIZE_MAX },
	{ 3, 10 * MS, .full_sessions = 50000, .few_sessions = 1000, .idle_ns = 1000 * MS, .curve_size = SIZE_MAX },
	{ 1, 1 * MS, .full_sessions = 2000, .few_sessions = 100, .idle_ns = 50 * MS, .curve_size = 65536 },
};

struct options {
	const char *only; /* names, with commas; NULL: all */
	const char *json;
	bool lists;
};

static int usage(FILE *to)
{
	fputs("usage: bench [--only NAME[,NAME...]] [--quick | --smoke] [--json FILE] [--curve FILE]\n"
	      "             [--clip FILE --clip-key KEY] [--list]\n",
	      to);
	return to == stdout ? EXIT_SUCCESS : 2;
}

/* ---- which rows ------------------------------------------------------------------------------------------------ */

static const struct bench_row *find_row(const char *name, size_t length)
{
	for (size_t i = 0; i < GROUPS; i++) {
		for (const struct bench_row *row = groups[i]; row->name; row++) {
			if (strlen(row->name) == length && strncmp(row->name, name, length) == 0)
				return row;
		}
	}
	return NULL;
}

static bool check_only(const char *only)
{
	for (const char *at = only;; at++) {
		size_t length = strcspn(at, ",");

		if (!find_row(at, length)) {
			fprintf(stderr, "bench: no row is called %.*s; --list has them\n", (int)length, at);
			return false;
		}
		at += length;
		if (*at == '\0')
			return true;
	}
}

static bool is_wanted(const struct options *options, const struct bench_row *row)
{
	const size_t length = strlen(row->name);

	if (!options->only)
		return true;
	for (const char *at = options->only; *at;) {
		size_t part = strcspn(at, ",");

		if (part == length && strncmp(at, row->name, length) == 0)
			return true;
		at += part + (at[part] == ',');
	}
	return false;
}

static int list_rows(void)
{
	for (size_t i = 0; i < GROUPS; i++) {
		for (const struct bench_row *row = groups[i]; row->name; row++)
			puts(row->name);
	}
	return EXIT_SUCCESS;
}

/* ---- one row ----------------------------------------------------------------------------------------------------- */

static void run_body(int socket, void *context)
{
	struct bench_run *run = context;

	(void)socket;
	bench_measure_into(run->result);
	run->row->run(run);
}

static void ignore(const struct cf_record *record, void *context)
{
	(void)record;
	(void)context;
}

static void run_in_process(struct bench_run *run)
{
	struct cf_process_result ended = cf_process_run(run_body, run, ROW_SECONDS, ignore);
	struct bench_result *result = run->result;

	if (ended.end == CF_PROCESS_ENDED && ended.status == 0 && result->count > 0)
		return;
	result->count = 0;
	if (result->note[0])
		return;
	if (ended.end == CF_PROCESS_HUNG)
		snprintf(result->note, sizeof(result->note), "it takes more than %d s", ROW_SECONDS);
	else if (ended.end == CF_PROCESS_STOPPED)
		snprintf(result->note, sizeof(result->note), "interrupted");
	else
		snprintf(result->note, sizeof(result->note), "its process ended with status %d", ended.status);
}

/* False: it could not be measured. */
static bool run_row(struct bench *bench, const struct bench_row *row, struct bench_result *result)
{
	struct bench_run run = { .bench = bench, .row = row, .result = result };

	*result = (struct bench_result) { 0 };
	if (bench_services_start(bench, row->services, result->note, sizeof(result->note)))
		run_in_process(&run);
	bench_services_roam(bench);
	/* A gigabyte that no other row needs. */
	bench_services_end(bench, BENCH_SERVICE_FULL);
	return result->count > 0;
}

static bool run_rows(struct bench *bench, const struct options *options, struct bench_result *result)
{
	bool good = true;

	report_head(bench);
	for (size_t i = 0; i < GROUPS; i++) {
		for (const struct bench_row *row = groups[i]; row->name; row++) {
			if (cf_process_is_stopped())
				return false;
			if (!is_wanted(options, row))
				continue;
			good = run_row(bench, row, result) && good;
			report_row(row, result);
		}
	}
	if (bench->curve && !run_row(bench, bench_curve_rows, result)) {
		fprintf(stderr, "bench: %s: %s\n", bench_curve_rows->name, result->note);
		good = false;
	}
	if (options->json && report_write(options->json) < 0) {
		fprintf(stderr, "bench: %s can't be written\n", options->json);
		good = false;
	}
	return good;
}

/* ---- everything ---------------------------------------------------------------------------------------------------- */

/* The build tree that this program lies in. */
static bool find_build(char ret[PATH_MAX])
{
	ssize_t length = readlink("/proc/self/exe", ret, PATH_MAX - 1);

	for (int i = 0; i < 2 && length > 0; i++) {
		ret[length] = '\0';
		length = strrchr(ret, '/') - ret;
	}
	if (length <= 0)
		return false;
	ret[length] = '\0';
	return true;
}

static int parse(int argc, char **argv, struct bench *bench, struct options *options)
{
	enum { ONLY = 256, QUICK, SMOKE, JSON, CURVE, CLIP, CLIP_KEY, LIST, HELP };
	static const struct option known[] = {
		{ "only", required_argument, NULL, ONLY },   { "quick", no_argument, NULL, QUICK },
		{ "smoke", no_argument, NULL, SMOKE },	     { "json", required_argument, NULL, JSON },
		{ "curve", required_argument, NULL, CURVE }, { "clip", required_argument, NULL, CLIP },
		{ "list", no_argument, NULL, LIST },	     { "clip-key", required_argument, NULL, CLIP_KEY },
		{ "help", no_argument, NULL, HELP },	     { 0 },
	};
	size_t preset = 0;
	const char *clip = NULL, *curve = NULL;
	/* That of every film that tests make. */
	const char *key = "1b4f0e9851971998e732078544c96b36";
	int option;

	while ((option = getopt_long(argc, argv, "", known, NULL)) >= 0) {
		switch (option) {
		case ONLY:
			options->only = optarg;
			break;
		case QUICK:
			preset = 1;
			break;
		case SMOKE:
			preset = 2;
			break;
		case JSON:
			options->json = optarg;
			break;
		case CURVE:
			curve = optarg;
			break;
		case CLIP:
			clip = optarg;
			break;
		case CLIP_KEY:
			key = optarg;
			break;
		case LIST:
			options->lists = true;
			break;
		case HELP:
			exit(usage(stdout));
		default:
			return -1;
		}
	}
	*bench = presets[preset];
	bench->clip = clip;
	bench->clip_key = key;
	bench->curve = curve;
	return optind == argc ? 0 : -1;
}

int main(int argc, char **argv)
{
	static struct bench bench;
	struct options options = { 0 };
	struct bench_result *result;
	char why[256] = "";
	bool good;

	if (parse(argc, argv, &bench, &options) < 0)
		return usage(stderr);
	if (options.lists)
		return list_rows();
	if (options.only && !check_only(options.only))
		return 2;
	result = mmap(NULL, sizeof(*result), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (result == MAP_FAILED || !find_build(bench.build))
		return EXIT_FAILURE;
	/* Who reads no further is no reason to leave services and their folder behind. */
	signal(SIGPIPE, SIG_IGN);
	cf_process_begin();
	good = bench_services_open(&bench, why, sizeof(why));
	if (good)
		good = run_rows(&bench, &options, result);
	else
		fprintf(stderr, "bench: %s\n", why);
	bench_services_close(&bench);
	cf_process_end();
	return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
