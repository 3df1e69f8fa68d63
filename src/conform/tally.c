/* SPDX-License-Identifier: MIT */
/* What the tests said, gathered by rule, and the verdicts. */
#include "conform/tally.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of one rule, over all tests. */
struct entry {
	bool is_selected;
	bool is_named;			 /* by a record of the test that runs */
	size_t held;			 /* checks that were judged */
	size_t not_judged;		 /* and those that were not */
	char *untested, *not_applicable; /* why; NULL: no test said so */
	const char *untested_in;
	struct cf_broken broken[CF_BROKEN_SHOWN];
	size_t broken_count;
};

struct cf_tally {
	bool is_strict;
	struct entry *entries;
	char **faults;
	size_t fault_count;

	/* Of the test that runs. */
	const struct cf_test *test;
	bool has_ended; /* it said so itself */
	char last[256]; /* check */
	struct entry *last_entry;
	size_t checks;
};

static char *copy(const char *text)
{
	char *made = strdup(text);

	if (!made)
		abort();
	/* -Wanalyzer-malloc-leak: the report has it */
	return made;
}

struct cf_tally *cf_tally_create(bool is_strict, const bool *selected)
{
	struct cf_tally *tally = calloc(1, sizeof(*tally));

	if (!tally)
		abort();
	tally->entries = calloc(cf_rule_count, sizeof(*tally->entries));
	if (!tally->entries)
		abort();
	tally->is_strict = is_strict;
	for (size_t i = 0; i < cf_rule_count; i++)
		tally->entries[i].is_selected = selected ? selected[i] : cf_rule_is_in_force(&cf_rules[i]);
	return tally;
}

void cf_tally_free(struct cf_tally *tally)
{
	for (size_t i = 0; i < cf_rule_count; i++) {
		struct entry *entry = &tally->entries[i];

		free(entry->untested);
		free(entry->not_applicable);
		for (size_t j = 0; j < CF_BROKEN_SHOWN; j++) {
			free(entry->broken[j].call);
			free(entry->broken[j].got);
			free(entry->broken[j].wanted);
			free(entry->broken[j].calls);
		}
	}
	for (size_t i = 0; i < tally->fault_count; i++)
		free(tally->faults[i]);
	free(tally->faults);
	free(tally->entries);
	free(tally);
}

void cf_tally_fault(struct cf_tally *tally, const char *format, ...)
{
	va_list arguments;
	char **faults;
	char *text;

	va_start(arguments, format);
	if (vasprintf(&text, format, arguments) < 0)
		abort();
	va_end(arguments);
	for (size_t i = 0; i < tally->fault_count; i++) {
		if (strcmp(tally->faults[i], text) == 0) {
			free(text);
			return;
		}
	}
	faults = reallocarray(tally->faults, tally->fault_count + 1, sizeof(*faults));
	if (!faults)
		abort();
	tally->faults = faults;
	faults[tally->fault_count++] = text;
}

/* ---- one test ------------------------------------------------------------------------------------------- */

static struct entry *find(struct cf_tally *tally, const char *id, size_t length)
{
	int index = cf_rule_index(id, length);

	return index < 0 ? NULL : &tally->entries[index];
}

/* The next of the rules that the test lists; *at begins at the list. NULL: that was all. */
static struct entry *next_listed(struct cf_tally *tally, const char **at)
{
	struct entry *entry = NULL;
	size_t length;

	while (!entry && (*at = cf_rule_names_next(*at, &length))) {
		entry = find(tally, *at, length);
		*at += length;
	}
	return entry;
}

void cf_tally_begin(struct cf_tally *tally, const struct cf_test *test)
{
	const char *at = test->rules;
	struct entry *entry;

	tally->test = test;
	tally->has_ended = false;
	tally->last[0] = '\0';
	tally->last_entry = NULL;
	tally->checks = 0;
	while ((entry = next_listed(tally, &at)))
		entry->is_named = false;
}

static bool is_same(const struct cf_broken *broken, const struct cf_test *test, const struct cf_record *record)
{
	return broken->test == test->name && broken->form == record->form && strcmp(broken->call, record->call) == 0 &&
	       strcmp(broken->got, record->got) == 0 && strcmp(broken->wanted, record->wanted) == 0;
}

static void add_broken(struct cf_tally *tally, struct entry *entry, const struct cf_record *record)
{
	size_t kept = entry->broken_count < CF_BROKEN_SHOWN ? entry->broken_count : CF_BROKEN_SHOWN;

	/* A loop over many of a kind is said once. */
	for (size_t i = 0; i < kept; i++) {
		if (is_same(&entry->broken[i], tally->test, record)) {
			entry->broken[i].times++;
			return;
		}
	}
	if (entry->broken_count++ >= CF_BROKEN_SHOWN)
		return;
	/* -Wanalyzer-malloc-leak: the entry has them, then the report */
	entry->broken[kept] = (struct cf_broken) {
		.test = tally->test->name,
		.form = record->form,
		.call = copy(record->call),
		.got = copy(record->got),
		.wanted = copy(record->wanted),
		.calls = copy(record->calls),
		.times = 1,
	};
}

/* The first reason stands. */
static void add_reason(char **reason, const char *why)
{
	if (!*reason)
		*reason = copy(why);
}

static void add_untested(struct cf_tally *tally, struct entry *entry, const char *why)
{
	if (!entry->untested)
		entry->untested_in = tally->test->name;
	add_reason(&entry->untested, why);
}

static void add_check(struct cf_tally *tally, struct entry *entry, const struct cf_record *record)
{
	bool held = record->held;

	if (record->basis == CF_RECORD_DECISION && !tally->is_strict) {
		entry->not_judged++;
		return;
	}
	if (record->basis == CF_RECORD_FAILS && tally->is_strict)
		held = record->is_exact;
	if (held)
		entry->held++;
	else
		add_broken(tally, entry, record);
}

static void end_early(struct cf_tally *tally, const struct cf_record *record)
{
	const char *at = tally->test->rules;
	struct entry *entry;

	tally->has_ended = true;
	while ((entry = next_listed(tally, &at))) {
		if (entry->is_named)
			continue;
		entry->is_named = true;
		if (record->kind == CF_RECORD_SKIP)
			add_reason(&entry->not_applicable, record->got);
		else
			add_untested(tally, entry, record->got);
	}
}

void cf_tally_record(struct cf_tally *tally, const struct cf_record *record)
{
	struct entry *entry = find(tally, record->rule, strlen(record->rule));

	switch (record->kind) {
	case CF_RECORD_CHECK:
		tally->checks++;
		snprintf(tally->last, sizeof(tally->last), "%s: %s", record->rule, record->call);
		break;
	case CF_RECORD_FAULT:
		cf_tally_fault(tally, "%s", record->got);
		return;
	case CF_RECORD_DONE:
		tally->has_ended = true;
		return;
	case CF_RECORD_SKIP:
	case CF_RECORD_GIVE_UP:
		end_early(tally, record);
		return;
	default:
		break;
	}
	/* A rule that the test does not list is none of its business; cf_fault has said so. */
	if (!entry || !cf_test_lists(tally->test, record->rule))
		return;
	entry->is_named = true;
	tally->last_entry = entry;
	if (record->kind == CF_RECORD_CHECK)
		add_check(tally, entry, record);
	else if (record->kind == CF_RECORD_NOT_APPLICABLE)
		add_reason(&entry->not_applicable, record->got);
}

static void describe_end(const struct cf_tally *tally, const struct cf_process_result *result, unsigned int seconds,
			 const char *in_call, char *text, size_t size)
{
	const int status = result->status;
	char after[300] = "before the first check", how[64];

	if (tally->checks > 0)
		snprintf(after, sizeof(after), "after %s", tally->last);
	if (result->end == CF_PROCESS_HUNG)
		snprintf(how, sizeof(how), "the driver did not come back within %u s", seconds);
	else if (WIFSIGNALED(status))
		snprintf(how, sizeof(how), "the driver crashed: SIG%s",
			 sigabbrev_np(WTERMSIG(status)) ? sigabbrev_np(WTERMSIG(status)) : "?");
	else
		snprintf(how, sizeof(how), "the driver ended the process with status %d", WEXITSTATUS(status));
	snprintf(text, size, "%s%s%s, %s", how, *in_call ? ", in " : "", in_call, after);
}

static void end_rule_badly(struct cf_tally *tally, struct entry *entry, const struct cf_record *record)
{
	/* A page that says nothing of it does not ask for this either. */
	if (!tally->is_strict && cf_rules[entry - tally->entries].basis == CF_RULE_DECISION)
		add_untested(tally, entry, record->got);
	else
		add_broken(tally, entry, record);
}

/* The rules that the test had not come to; when it had come to all, the last. */
static void end_badly(struct cf_tally *tally, const char *how)
{
	const struct cf_record record = {
		.form = CF_RECORD_END,
		.call = tally->test->name,
		.got = how,
		.wanted = "that the test comes to its end",
		.calls = "",
	};
	const char *at = tally->test->rules;
	struct entry *entry;
	bool found = false;

	while ((entry = next_listed(tally, &at))) {
		if (entry->is_named)
			continue;
		found = true;
		end_rule_badly(tally, entry, &record);
	}
	if (!found && tally->last_entry)
		end_rule_badly(tally, tally->last_entry, &record);
}

static void end_untested(struct cf_tally *tally, const char *why)
{
	const char *at = tally->test->rules;
	struct entry *entry;

	while ((entry = next_listed(tally, &at))) {
		if (!entry->is_named)
			add_untested(tally, entry, why);
	}
}

void cf_tally_end(struct cf_tally *tally, const struct cf_process_result *result, unsigned int seconds,
		  const char *in_call)
{
	char text[640];

	if (result->end == CF_PROCESS_FAILED) {
		snprintf(text, sizeof(text), "no process for the test: %s", strerror(result->status));
		end_untested(tally, text);
	} else if (tally->has_ended) {
		end_untested(tally, "no check of it was reached");
	} else {
		describe_end(tally, result, seconds, in_call, text, sizeof(text));
		end_badly(tally, text);
	}
	tally->test = NULL;
}

/* ---- verdicts ------------------------------------------------------------------------------------------- */

static const char *const own_decision = "a decision of dxvault's own; --strict judges it";

static enum cf_verdict judge(const struct cf_tally *tally, const struct entry *entry, const struct cf_rule *rule,
			     const char **ret_why)
{
	*ret_why = "";
	if (!cf_rule_is_in_force(rule)) {
		*ret_why = cf_rule_why_not_in_force(rule);
		return CF_NOT_APPLICABLE;
	}
	if (entry->broken_count > 0)
		return CF_BROKEN;
	if (entry->held > 0)
		return CF_HELD;
	if (!tally->is_strict && (entry->not_judged > 0 || (entry->untested && rule->basis == CF_RULE_DECISION))) {
		*ret_why = own_decision;
		return CF_NOT_JUDGED;
	}
	if (entry->untested) {
		*ret_why = entry->untested;
		return CF_UNTESTED;
	}
	if (entry->not_applicable) {
		*ret_why = entry->not_applicable;
		return CF_NOT_APPLICABLE;
	}
	*ret_why = cf_rule_why_unseen(rule);
	if (*ret_why)
		return CF_NOT_APPLICABLE;
	*ret_why = "no test shows it";
	return CF_UNTESTED;
}

void cf_tally_judge(struct cf_tally *tally, struct cf_report *report)
{
	const char *why;

	report->results = calloc(cf_rule_count, sizeof(*report->results));
	if (!report->results)
		abort();
	for (size_t i = 0; i < cf_rule_count; i++) {
		struct entry *entry = &tally->entries[i];
		struct cf_result *result = &report->results[report->count];

		if (!entry->is_selected)
			continue;
		report->count++;
		result->rule = &cf_rules[i];
		result->verdict = judge(tally, entry, &cf_rules[i], &why);
		result->why = copy(why);
		/* -Wanalyzer-malloc-leak: the report has it */
		result->test = result->verdict == CF_UNTESTED ? entry->untested_in : NULL;
		memcpy(result->broken, entry->broken, sizeof(result->broken));
		memset(entry->broken, 0, sizeof(entry->broken));
		result->broken_count = entry->broken_count;
		report->verdicts[result->verdict]++;
	}
	report->faults = tally->faults;
	report->fault_count = tally->fault_count;
	tally->faults = NULL;
	tally->fault_count = 0;
}

void cf_report_free(struct cf_report *report)
{
	for (size_t i = 0; i < report->count; i++) {
		struct cf_result *result = &report->results[i];

		free(result->why);
		for (size_t j = 0; j < CF_BROKEN_SHOWN; j++) {
			free(result->broken[j].call);
			free(result->broken[j].got);
			free(result->broken[j].wanted);
			free(result->broken[j].calls);
		}
	}
	for (size_t i = 0; i < report->fault_count; i++)
		free(report->faults[i]);
	free(report->faults);
	free(report->results);
	free(report->runs);
	free(report->driver);
	free(report->caps);
	free(report->missing);
}
