/* SPDX-License-Identifier: MIT */
/* What dxvault conform prints: for people, and the list of rules and tests. */
#include "tools/conform_report.h"

#include "tools/command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WIDTH 100

const char *report_verdict(enum cf_verdict verdict)
{
	static const char *const names[] = {
		[CF_HELD] = "held",
		[CF_BROKEN] = "broken",
		[CF_UNTESTED] = "untested",
		[CF_NOT_JUDGED] = "not judged",
		[CF_NOT_APPLICABLE] = "not applicable",
	};

	return names[verdict];
}

/* Breaks lines at spaces; all but the first are indented. column: where the first begins. */
static void print_wrapped(const char *text, int column, int indent)
{
	int at = column;

	while (*text) {
		int length = (int)strcspn(text, " ");

		if (at > indent && at + 1 + length > WIDTH) {
			printf("\n%*s", indent, "");
			at = indent;
		} else if (at > column || at > indent) {
			putchar(' ');
			at++;
		}
		printf("%.*s", length, text);
		at += length;
		text += length;
		text += strspn(text, " ");
	}
	putchar('\n');
}

static void print_field(const char *name, const char *text)
{
	if (!*text)
		return;
	printf("    %-9s", name);
	print_wrapped(text, 13, 13);
}

static void print_one(const struct cf_broken *broken)
{
	print_field("test", broken->test);
	switch (broken->form) {
	case CF_RECORD_CODE:
		print_field("called", broken->call);
		print_field("came", broken->got);
		print_field("due", broken->wanted);
		break;
	case CF_RECORD_CONDITION:
		print_field("due", broken->call);
		print_field("but", broken->got);
		break;
	case CF_RECORD_BYTES:
		print_field("bytes", broken->call);
		print_field("came", broken->got);
		print_field("due", broken->wanted);
		break;
	case CF_RECORD_END:
		print_field("ended", broken->got);
		break;
	}
	print_field("calls", broken->calls);
	if (broken->times > 1)
		printf("    %-9s%zu times\n", "", broken->times);
}

static void print_broken(const struct cf_result *result)
{
	printf("%-9s", result->rule->id);
	print_wrapped(result->rule->text, 9, 9);
	print_field("source", result->rule->source);
	for (size_t i = 0; i < result->broken_count && i < CF_BROKEN_SHOWN; i++)
		print_one(&result->broken[i]);
	if (result->broken_count > CF_BROKEN_SHOWN)
		printf("    and %zu more\n", result->broken_count - CF_BROKEN_SHOWN);
	putchar('\n');
}

/* Whether the key stands there as a word. */
static bool cites(const char *source, const char *key)
{
	const size_t length = strlen(key);

	for (const char *at = source; (at = strstr(at, key)); at += length) {
		if ((at == source || at[-1] == ' ') && (at[length] == ' ' || at[length] == '\0' || at[length] == ';'))
			return true;
	}
	return false;
}

static void print_sources(const struct cf_report *report)
{
	printf("Where the sources are (docs/rules says more):\n");
	for (const struct cf_source *source = cf_sources; source->key; source++) {
		bool is_cited = false;

		for (size_t i = 0; i < report->count && !is_cited; i++) {
			is_cited = report->results[i].verdict == CF_BROKEN &&
				   cites(report->results[i].rule->source, source->key);
		}
		if (is_cited) {
			printf("    %-9s", source->key);
			print_wrapped(source->meaning, 13, 13);
		}
	}
	putchar('\n');
}

static void print_all_broken(const struct cf_report *report)
{
	if (report->verdicts[CF_BROKEN] == 0)
		return;
	printf("Broken:\n\n");
	for (size_t i = 0; i < report->count; i++) {
		if (report->results[i].verdict == CF_BROKEN)
			print_broken(&report->results[i]);
	}
	print_sources(report);
}

static bool shares(const struct cf_result *a, const struct cf_result *b)
{
	return a->verdict == b->verdict && strcmp(a->why, b->why) == 0;
}

/* All from first on that share its reason: "CS-01 CS-02 ". */
static void collect_ids(const struct cf_report *report, size_t first, char *ids, size_t size)
{
	size_t at = 0;

	for (size_t i = first; i < report->count && at < size; i++) {
		if (shares(&report->results[i], &report->results[first]))
			at += (size_t)snprintf(ids + at, size - at, "%s ", report->results[i].rule->id);
	}
}

static void print_by_reason(const struct cf_report *report, enum cf_verdict verdict, const char *title)
{
	char ids[4096];

	if (report->verdicts[verdict] == 0)
		return;
	printf("%s:\n\n", title);
	for (size_t i = 0; i < report->count; i++) {
		bool is_first = report->results[i].verdict == verdict;

		for (size_t j = 0; j < i && is_first; j++)
			is_first = !shares(&report->results[j], &report->results[i]);
		if (!is_first)
			continue;
		collect_ids(report, i, ids, sizeof(ids));
		/* A few stand beside their reason, many above it. */
		if (strlen(ids) > 20) {
			printf("    ");
			print_wrapped(ids, 4, 4);
			printf("%25s", "");
		} else {
			printf("    %-21s", ids);
		}
		print_wrapped(report->results[i].why, 25, 25);
	}
	putchar('\n');
}

static void print_held(const struct cf_report *report)
{
	printf("Held:\n\n");
	for (size_t i = 0; i < report->count; i++) {
		if (report->results[i].verdict == CF_HELD) {
			printf("    %-9s", report->results[i].rule->id);
			print_wrapped(report->results[i].rule->text, 13, 13);
		}
	}
	putchar('\n');
}

static void print_family(const struct cf_report *report, const char *family, const char *title)
{
	size_t counts[CF_VERDICTS] = { 0 }, all = 0;

	for (size_t i = 0; i < report->count; i++) {
		if (cf_rule_is_of(report->results[i].rule, family)) {
			counts[report->results[i].verdict]++;
			all++;
		}
	}
	if (all == 0)
		return;
	printf("%-4s %-42s", family, title);
	for (int i = 0; i < CF_VERDICTS; i++)
		printf("%s%zu %s", i ? ", " : "", counts[i], report_verdict((enum cf_verdict)i));
	putchar('\n');
}

size_t report_not_in_force(const char *family, const char **ret_why)
{
	size_t count = 0;

	*ret_why = "";
	for (size_t i = 0; i < cf_rule_count; i++) {
		if (!cf_rule_is_of(&cf_rules[i], family))
			continue;
		*ret_why = cf_rule_why_not_in_force(&cf_rules[i]);
		count++;
	}
	return count;
}

static void print_not_in_force(const char *family, const char *title)
{
	const char *why;
	size_t count = report_not_in_force(family, &why);

	printf("%-4s %-42s%zu rules: %s\n", family, title, count, why);
}

void report_text(const struct cf_report *report, const struct cf_options *options, bool is_verbose)
{
	printf("driver        %s\n", *report->driver ? report->driver : "?");
	printf("capabilities  ");
	print_wrapped(*report->caps ? report->caps : "no answer", 14, 14);
	if (*report->missing) {
		printf("missing       ");
		print_wrapped(report->missing, 14, 14);
	}
	printf("judged        %s\n\n", options->is_strict ? "what Microsoft's pages require, and dxvault's decisions"
							  : "what Microsoft's pages require");
	if (is_verbose)
		print_held(report);
	print_by_reason(report, CF_NOT_APPLICABLE, "Not applicable");
	print_by_reason(report, CF_NOT_JUDGED, "Not judged");
	print_by_reason(report, CF_UNTESTED, "Untested");
	print_all_broken(report);
	print_family(report, "CS", "crypto sessions");
	print_family(report, "BLT", "transfers and protected surfaces");
	print_family(report, "CAP", "tables, capabilities and certificates");
	print_family(report, "AC", "authenticated channel");
	if (options->selected)
		print_family(report, "DEC", "decoding");
	else
		print_not_in_force("DEC", "decoding");
	printf("\n%zu rules, %zu tests, %.1f s: ", report->count, report->run_count, report->seconds);
	if (report->verdicts[CF_BROKEN] + report->verdicts[CF_UNTESTED] == 0)
		printf("nothing broken\n");
	else
		printf("%zu broken, %zu untested\n", report->verdicts[CF_BROKEN], report->verdicts[CF_UNTESTED]);
}

int report_print(const struct cf_report *report, const struct cf_options *options, enum report_form form)
{
	if (form == REPORT_TAP)
		report_tap(report, options);
	else if (form == REPORT_JSON)
		report_json(report, options);
	else
		report_text(report, options, form == REPORT_VERBOSE);
	for (size_t i = 0; i < report->fault_count; i++)
		command_fail("fault of the suite: %s", report->faults[i]);
	if (fflush(stdout) != 0)
		return command_fail("standard output can't be written");
	return report->verdicts[CF_BROKEN] + report->verdicts[CF_UNTESTED] + report->fault_count == 0 ? EXIT_SUCCESS
												      : EXIT_FAILURE;
}

/* ---- the list ------------------------------------------------------------------------------------------- */

struct listing {
	const struct cf_rule *rule;
	size_t count;
};

static void list_test(const struct cf_test *test, void *context)
{
	struct listing *listing = context;

	if (cf_test_lists(test, listing->rule->id))
		printf("%s%s", listing->count++ ? ", " : "", test->name);
}

int report_list(const bool *selected)
{
	static const char *const bases[] = {
		[CF_RULE_PAGE] = "page",
		[CF_RULE_PARTLY] = "page, decisions in it",
		[CF_RULE_DECISION] = "decision",
	};

	for (size_t i = 0; i < cf_rule_count; i++) {
		struct listing listing = { .rule = &cf_rules[i] };
		const char *why = cf_rule_why_unseen(listing.rule);

		if (selected ? !selected[i] : !cf_rule_is_in_force(listing.rule))
			continue;
		if (!cf_rule_is_in_force(listing.rule))
			why = cf_rule_why_not_in_force(listing.rule);
		printf("%s\t%s\t", listing.rule->id, bases[listing.rule->basis]);
		cf_tests_visit(list_test, &listing);
		if (listing.count == 0)
			printf("not tested: %s", why ? why : "no test shows it");
		putchar('\n');
	}
	return fflush(stdout) == 0 ? EXIT_SUCCESS : command_fail("standard output can't be written");
}
