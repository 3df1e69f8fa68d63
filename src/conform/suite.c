/* SPDX-License-Identifier: MIT */
/* Which tests to run, in what order, against which service. */
#include "conform/suite.h"

#include "conform/probe.h"
#include "conform/process.h"
#include "conform/run.h"
#include "conform/service.h"
#include "conform/tally.h"
#include "conform/trace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { STARTED_AHEAD = 2, PATIENCE = 5 };

struct suite {
	const struct cf_options *options;
	struct cf_report *report;
	struct cf_tally *tally;
	char folder[PATH_MAX];
	const struct cf_test **tests;
	size_t *service_of; /* for each test */
	size_t test_count;
	struct cf_service *services;
	size_t service_count;
	unsigned int started; /* services so far */
	char *impossible;
	char *in_call;	   /* CF_TRACE_NAME bytes, shared with the processes of tests */
	unsigned int hung; /* tests */
};

/* ---- the plan ------------------------------------------------------------------------------------------- */

static bool is_wanted(const struct suite *suite, const struct cf_test *test)
{
	size_t length;

	if (!suite->options->selected)
		return true;
	for (const char *at = test->rules; (at = cf_rule_names_next(at, &length)); at += length) {
		int index = cf_rule_index(at, length);

		if (index >= 0 && suite->options->selected[index])
			return true;
	}
	return false;
}

static void count_test(const struct cf_test *test, void *context)
{
	struct suite *suite = context;

	suite->test_count += is_wanted(suite, test);
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static size_t service_for(struct suite *suite, const struct cf_test *test)
{
	size_t i = 0;

	/* The first is as it comes. */
	if (!test->is_private) {
		for (; i < suite->service_count; i++) {
			const struct cf_service *service = &suite->services[i];

			if (service->variant == test->variant && same_text(service->settings, test->settings) &&
			    !service->is_private)
				return i;
		}
	}
	suite->services[suite->service_count] = (struct cf_service) {
		.variant = test->variant,
		.settings = test->settings,
		.is_private = test->is_private,
	};
	return suite->service_count++;
}

static void add_test(const struct cf_test *test, void *context)
{
	struct suite *suite = context;

	if (!is_wanted(suite, test))
		return;
	suite->service_of[suite->test_count] = service_for(suite, test);
	suite->tests[suite->test_count++] = test;
}

static void make_plan(struct suite *suite)
{
	size_t room;

	cf_tests_visit(count_test, suite);
	room = suite->test_count + 1;
	suite->tests = calloc(room, sizeof(*suite->tests));
	suite->service_of = calloc(room, sizeof(*suite->service_of));
	suite->services = calloc(room, sizeof(*suite->services));
	suite->report->runs = calloc(room, sizeof(*suite->report->runs));
	/* -Wanalyzer-malloc-leak: suite and report have them */
	if (!suite->tests || !suite->service_of || !suite->services || !suite->report->runs)
		abort();
	/* For the first look at the driver, whatever is tested. */
	suite->service_count = 1;
	suite->test_count = 0;
	cf_tests_visit(add_test, suite);
}

/* ---- services ------------------------------------------------------------------------------------------- */

static bool start(struct suite *suite, size_t index)
{
	struct cf_service *service = &suite->services[index];
	int result;

	if (service->pid != 0)
		return true;
	result = cf_service_start(service, suite->options->service, suite->folder, suite->started++);
	if (result < 0 && asprintf(&suite->impossible, "the service can't be started: %s", strerror(-result)) < 0)
		abort();
	return result == 0;
}

/* The next ones start meanwhile: making their keys takes a while. */
static bool use(struct suite *suite, size_t index)
{
	char why[512] = "";

	for (size_t i = index; i <= index + STARTED_AHEAD && i < suite->service_count; i++) {
		if (!start(suite, i))
			return false;
	}
	if (cf_service_wait(&suite->services[index], why, sizeof(why)))
		return true;
	if (!cf_process_is_stopped() && asprintf(&suite->impossible, "%s", why) < 0)
		abort();
	return false;
}

/* ---- one test ------------------------------------------------------------------------------------------- */

struct job {
	struct suite *suite;
	const struct cf_test *test; /* NULL: the first look */
	const struct cf_service *service;
};

static void run_in_child(int socket, void *context)
{
	const struct job *job = context;
	static const struct cf_test probe = { .name = "probe", .rules = "" };
	struct cf cf = {
		.test = job->test ? job->test : &probe,
		.socket = socket,
		.is_strict = job->suite->options->is_strict,
		.umd = job->suite->options->umd,
		.variant = job->service->variant,
	};

	cf_running = &cf;
	cf_trace_into(job->suite->in_call);
	cf_service_use(job->service);
	if (job->test)
		cf_run_test(&cf);
	else
		cf_probe(&cf);
}

static void on_record(const struct cf_record *record, void *context)
{
	const struct job *job = context;

	cf_tally_record(job->suite->tally, record);
}

/* A driver that always hangs would take most of an hour: it has shown it often enough. */
static unsigned int time_limit(const struct suite *suite)
{
	const unsigned int limit = suite->options->time_limit;

	return suite->hung < PATIENCE || limit < 10 ? limit : limit / 10;
}

/* False: the suite is to stop. */
static bool run_test(struct suite *suite, size_t index)
{
	struct cf_service *service = &suite->services[suite->service_of[index]];
	struct job job = { .suite = suite, .test = suite->tests[index], .service = service };
	const unsigned int limit = time_limit(suite);
	struct cf_process_result result;
	char why[512];
	int64_t began;

	if (!use(suite, suite->service_of[index]))
		return false;
	began = cf_process_now();
	cf_tally_begin(suite->tally, job.test);
	result = cf_process_run(run_in_child, &job, limit, on_record);
	if (result.end == CF_PROCESS_STOPPED)
		return false;
	suite->hung += result.end == CF_PROCESS_HUNG;
	cf_tally_end(suite->tally, &result, limit, suite->in_call);
	suite->report->runs[suite->report->run_count++] = (struct cf_run) {
		.test = job.test,
		.seconds = (double)(cf_process_now() - began) / 1000,
	};
	if (!cf_service_is_alive(service, why, sizeof(why)))
		cf_tally_fault(suite->tally, "%s, in %s", why, job.test->name);
	return true;
}

/* ---- the first look ------------------------------------------------------------------------------------- */

static void append(char **text, const char *more)
{
	char *longer;

	if (asprintf(&longer, "%s%s%s", *text, **text ? ", " : "", more) < 0)
		abort();
	free(*text);
	*text = longer;
}

static void on_fact(const struct cf_record *record, void *context)
{
	const struct job *job = context;
	struct cf_report *report = job->suite->report;

	if (record->kind != CF_RECORD_FACT)
		return;
	if (strcmp(record->call, CF_FACT_DRIVER) == 0 && !*report->driver)
		append(&report->driver, record->got);
	else if (strcmp(record->call, CF_FACT_CAPS) == 0)
		append(&report->caps, record->got);
	else if (strcmp(record->call, CF_FACT_MISSING) == 0)
		append(&report->missing, record->got);
	else if (strcmp(record->call, CF_FACT_IMPOSSIBLE) == 0 && !job->suite->impossible)
		/* -Wanalyzer-malloc-leak: there is none yet */
		job->suite->impossible = strdup(record->got);
}

static bool look(struct suite *suite)
{
	struct job job = { .suite = suite, .service = &suite->services[0] };
	struct cf_process_result result;

	if (!use(suite, 0))
		return false;
	result = cf_process_run(run_in_child, &job, suite->options->time_limit, on_fact);
	if (!*suite->report->driver && suite->options->umd)
		append(&suite->report->driver, suite->options->umd);
	return result.end != CF_PROCESS_STOPPED && !suite->impossible;
}

/* ---- all of it ------------------------------------------------------------------------------------------ */

static bool run_all(struct suite *suite)
{
	if (!look(suite))
		return false;
	/* By service: the first one serves most, and each of the others leaves when it is not needed any more. */
	for (size_t service = 0; service < suite->service_count; service++) {
		for (size_t i = 0; i < suite->test_count; i++) {
			if (suite->service_of[i] != service)
				continue;
			if (suite->options->progress)
				suite->options->progress(suite->report->run_count, suite->test_count,
							 suite->tests[i]->name);
			if (!run_test(suite, i))
				return false;
		}
		cf_service_stop(&suite->services[service]);
	}
	return true;
}

/* All at once, then one after the other. */
static void end_services(struct suite *suite, bool is_done)
{
	char why[512];

	for (size_t i = 0; i < suite->service_count; i++)
		cf_service_stop(&suite->services[i]);
	for (size_t i = 0; i < suite->service_count; i++) {
		if (!cf_service_finish(&suite->services[i], why, sizeof(why)) && is_done)
			cf_tally_fault(suite->tally, "%s, when it was told to leave", why);
	}
}

enum cf_suite_end cf_suite_run(const struct cf_options *options, struct cf_report *ret, char **ret_why)
{
	struct suite suite = { .options = options, .report = ret };
	const int64_t began = cf_process_now();
	enum cf_suite_end end = CF_SUITE_IMPOSSIBLE;
	bool is_done = false;
	int result;

	*ret = (struct cf_report) { .driver = strdup(""), .caps = strdup(""), .missing = strdup("") };
	suite.tally = cf_tally_create(options->is_strict, options->selected);
	make_plan(&suite);
	suite.in_call = mmap(NULL, CF_TRACE_NAME, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (suite.in_call == MAP_FAILED)
		abort();
	cf_process_begin();
	result = cf_services_open(suite.folder);
	if (result == 0) {
		is_done = run_all(&suite);
		end_services(&suite, is_done);
		cf_services_close(suite.folder);
	} else if (asprintf(&suite.impossible, "no folder for a service: %s", strerror(-result)) < 0) {
		abort();
	}
	cf_process_end();

	if (cf_process_is_stopped())
		end = CF_SUITE_INTERRUPTED;
	else if (is_done)
		end = CF_SUITE_DONE;
	if (end == CF_SUITE_DONE)
		cf_tally_judge(suite.tally, ret);
	*ret_why = suite.impossible ? suite.impossible : strdup("");
	ret->seconds = (double)(cf_process_now() - began) / 1000;
	cf_tally_free(suite.tally);
	munmap(suite.in_call, CF_TRACE_NAME);
	free(suite.tests);
	free(suite.service_of);
	free(suite.services);
	return end;
}
