/* SPDX-License-Identifier: MIT */
/* What dxvault conform prints for programs: TAP and JSON. */
#include "tools/conform_report.h"

#include "tools/text.h"

#include <stdio.h>

static const char *const families[] = { "DEC" };

#define FAMILIES (sizeof(families) / sizeof(families[0]))

/* ---- TAP ------------------------------------------------------------------------------------------------ */

/* '#' begins a directive. */
static void tap_text(const char *text)
{
	for (; *text; text++) {
		if (*text == '#' || *text == '\\')
			putchar('\\');
		putchar(*text == '\n' ? ' ' : *text);
	}
}

static void tap_line(const char *name, const char *text)
{
	if (*text)
		printf("#   %s: %s\n", name, text);
}

static void tap_broken(const struct cf_result *result)
{
	for (size_t i = 0; i < result->broken_count && i < CF_BROKEN_SHOWN; i++) {
		const struct cf_broken *broken = &result->broken[i];

		printf("# test %s: %s\n", broken->test, broken->call);
		tap_line("came", broken->got);
		tap_line("due", broken->wanted);
		tap_line("calls", broken->calls);
	}
	printf("# source: %s\n", result->rule->source);
}

void report_tap(const struct cf_report *report, const struct cf_options *options)
{
	const char *why;

	printf("TAP version 13\n1..%zu\n# driver: %s\n# capabilities: %s\n", report->count, report->driver,
	       report->caps);
	if (*report->missing)
		printf("# missing: %s\n", report->missing);
	printf("# judged: %s\n", options->is_strict ? "pages and decisions" : "pages");
	for (size_t i = 0; i < FAMILIES; i++) {
		size_t count = report_not_in_force(families[i], &why);

		printf("# %s: %zu rules, %s\n", families[i], count, why);
	}
	for (size_t i = 0; i < report->count; i++) {
		const struct cf_result *result = &report->results[i];
		const bool is_bad = result->verdict == CF_BROKEN || result->verdict == CF_UNTESTED;

		printf("%s %zu - %s ", is_bad ? "not ok" : "ok", i + 1, result->rule->id);
		tap_text(result->rule->text);
		if (result->verdict == CF_NOT_JUDGED || result->verdict == CF_NOT_APPLICABLE) {
			printf(" # SKIP ");
			tap_text(result->why);
		}
		putchar('\n');
		if (result->verdict == CF_UNTESTED)
			printf("# untested: %s%s%s\n", result->why, result->test ? ", in test " : "",
			       result->test ? result->test : "");
		if (result->verdict == CF_BROKEN)
			tap_broken(result);
	}
}

/* ---- JSON ----------------------------------------------------------------------------------------------- */

static void member(const char *before, const char *name, const char *text)
{
	printf("%s\"%s\": ", before, name);
	text_json_string(stdout, text);
}

static void json_result(const struct cf_result *result)
{
	member("    {", "id", result->rule->id);
	member(", ", "verdict", report_verdict(result->verdict));
	member(", ", "why", result->why);
	if (result->test)
		member(", ", "test", result->test);
	printf(", \"broken\": [");
	for (size_t i = 0; i < result->broken_count && i < CF_BROKEN_SHOWN; i++) {
		const struct cf_broken *broken = &result->broken[i];

		member(i ? ",\n      {" : "\n      {", "test", broken->test);
		member(", ", "call", broken->call);
		member(", ", "got", broken->got);
		member(", ", "wanted", broken->wanted);
		member(", ", "calls", broken->calls);
		member(", ", "page", result->rule->text);
		member(", ", "source", result->rule->source);
		putchar('}');
	}
	printf("]}");
}

void report_json(const struct cf_report *report, const struct cf_options *options)
{
	const char *why;

	member("{\n  ", "driver", report->driver);
	member(",\n  ", "mode", options->is_strict ? "strict" : "pages");
	member(",\n  ", "capabilities", report->caps);
	member(",\n  ", "missing", report->missing);
	printf(",\n  \"rules\": [\n");
	for (size_t i = 0; i < report->count; i++) {
		json_result(&report->results[i]);
		printf(i + 1 < report->count ? ",\n" : "\n");
	}
	printf("  ],\n  \"not_in_force\": [");
	for (size_t i = 0; i < FAMILIES; i++) {
		member(i ? ", {" : "{", "family", families[i]);
		printf(", \"rules\": %zu", report_not_in_force(families[i], &why));
		member(", ", "why", why);
		putchar('}');
	}
	printf("],\n  \"tests\": [\n");
	for (size_t i = 0; i < report->run_count; i++) {
		member("    {", "name", report->runs[i].test->name);
		member(", ", "rules", report->runs[i].test->rules);
		printf(", \"seconds\": %.3f}%s\n", report->runs[i].seconds, i + 1 < report->run_count ? "," : "");
	}
	printf("  ],\n  \"faults\": [");
	for (size_t i = 0; i < report->fault_count; i++) {
		printf(i ? ", " : "");
		text_json_string(stdout, report->faults[i]);
	}
	printf("],\n  \"summary\": {\"rules\": %zu, \"tests\": %zu", report->count, report->run_count);
	for (int i = 0; i < CF_VERDICTS; i++)
		printf(", \"%s\": %zu", report_verdict((enum cf_verdict)i), report->verdicts[i]);
	printf(", \"seconds\": %.3f}\n}\n", report->seconds);
}
