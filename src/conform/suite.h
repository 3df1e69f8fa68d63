/* SPDX-License-Identifier: MIT */
/* The suite as a whole: which tests to run against which driver, and what came out for each rule. */
#ifndef DXV_CONFORM_SUITE_H
#define DXV_CONFORM_SUITE_H

#include "conform/record.h"
#include "conform/rules.h"

#include <signal.h>

struct cf_options {
	const char *umd;	 /* a path; NULL: the driver that the adapter names */
	const char *service;	 /* the path of dxvaultd */
	bool is_strict;		 /* judge decisions too */
	unsigned int time_limit; /* seconds a test may take */
	const bool *selected;	 /* for each of cf_rules; NULL: all that are in force */
	/* Before each test; may be NULL. */
	void (*progress)(size_t done, size_t count, const char *test);
};

enum cf_verdict {
	CF_HELD,
	CF_BROKEN,
	CF_UNTESTED,	   /* a test could not get as far */
	CF_NOT_JUDGED,	   /* a decision of this project's, without --strict */
	CF_NOT_APPLICABLE, /* the driver leaves out an option, or no caller of the DDI can see it */
	CF_VERDICTS
};

struct cf_broken {
	const char *test;
	enum cf_record_form form;
	char *call, *got, *wanted, *calls; /* as in the record */
	size_t times;			   /* in a row */
};

/* A test that ran. */
struct cf_run {
	const struct cf_test *test;
	double seconds;
};

enum { CF_BROKEN_SHOWN = 4 }; /* for each rule */

struct cf_result {
	const struct cf_rule *rule;
	enum cf_verdict verdict;
	char *why;	  /* of all but held and broken; "" */
	const char *test; /* that could not get as far; NULL */
	struct cf_broken broken[CF_BROKEN_SHOWN];
	size_t broken_count; /* which may be more than are kept */
};

struct cf_report {
	struct cf_result *results; /* of the rules that were asked for, in their order */
	size_t count;
	size_t verdicts[CF_VERDICTS];
	char *driver;  /* its file */
	char *caps;    /* in words; "" if there was no answer */
	char *missing; /* functions of content protection that are not there; "" */
	char **faults; /* what is wrong with the suite or its service */
	size_t fault_count;
	struct cf_run *runs; /* in the order in which they ran */
	size_t run_count;
	double seconds;
};

enum cf_suite_end {
	CF_SUITE_DONE,
	CF_SUITE_IMPOSSIBLE, /* no service, or no driver in the file; *ret_why is malloc'ed */
	CF_SUITE_INTERRUPTED
};

/*
 * Runs the tests, each in a process of its own, against services of its own, which it removes again. The process that
 * calls it has one thread and no connection to a service; its handlers of SIGINT, SIGTERM and SIGHUP are the suite's
 * for that time.
 */
enum cf_suite_end cf_suite_run(const struct cf_options *options, struct cf_report *ret, char **ret_why);
void cf_report_free(struct cf_report *report);

#endif
