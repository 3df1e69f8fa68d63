/* SPDX-License-Identifier: MIT */
/* Results: a table for people, as they come, and a JSON list for programs. */
#include "bench/bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ROWS_MAX = 64 };

/* A repetition, and how its two sides compare. */
struct pair {
	double value;
	double baseline;
	double ratio; /* of what has no baseline: the value */
};

struct line {
	const struct bench_row *row;
	unsigned int count; /* 0: not measured */
	struct pair minimum, lower, median, upper, maximum;
	bool has_goal;
	bool met;
	char note[192];
};

static struct line lines[ROWS_MAX];
static unsigned int line_count;

/* ---- what repetitions come to -------------------------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
	const struct pair *x = a, *y = b;

	return (x->ratio > y->ratio) - (x->ratio < y->ratio);
}

static void sum_up(struct line *line, const struct bench_result *result)
{
	struct pair pairs[BENCH_REPETITIONS_MAX];
	const unsigned int last = result->count - 1;

	for (unsigned int i = 0; i < result->count; i++) {
		double value = result->value[i], baseline = result->baseline[i];

		pairs[i] = (struct pair) { value, baseline, baseline > 0 ? value / baseline : value };
	}
	qsort(pairs, result->count, sizeof(pairs[0]), compare);
	line->minimum = pairs[0];
	line->lower = pairs[last / 4];
	line->median = pairs[last / 2];
	line->upper = pairs[last - last / 4];
	line->maximum = pairs[last];
}

static double ratio_of(const struct line *line)
{
	return line->median.baseline > 0 ? line->median.ratio : 0;
}

/* ---- the table ------------------------------------------------------------------------------------------------- */

static void print_processor(void)
{
	char line[256];
	FILE *file = fopen("/proc/cpuinfo", "re");

	while (file && fgets(line, sizeof(line), file)) {
		if (strncmp(line, "model name", 10) == 0 && strchr(line, ':')) {
			printf(", %.*s", (int)strcspn(strchr(line, ':') + 2, "\n"), strchr(line, ':') + 2);
			break;
		}
	}
	if (file)
		fclose(file);
}

void report_head(const struct bench *bench)
{
	printf("%ld CPUs", sysconf(_SC_NPROCESSORS_ONLN));
	print_processor();
	printf("; median of %u repetitions, each side about %lld ms; spread: quartiles (extremes) of the ratios\n",
	       bench->repetitions, (long long)(bench->slice_ns / 1000000));
	printf("%-26s %9s %-4s  %-44s %9s %7s  %-8s %-6s  %s\n", "name", "value", "unit", "baseline", "its value",
	       "ratio", "goal", "", "spread");
	fflush(stdout); /* rows are measured in children, which have this buffer too */
}

static void print_goal(const struct line *line)
{
	char goal[32] = "-";

	if (line->has_goal)
		snprintf(goal, sizeof(goal), "%s %.4g",
			 line->row->goal_kind == BENCH_AT_LEAST ? ">=" : "<=", line->row->goal);
	printf("  %-8s %-6s", goal, !line->has_goal ? "" : line->met ? "met" : "MISSED");
}

static void print_line(const struct line *line)
{
	printf("%-26s ", line->row->name);
	if (line->count == 0) {
		printf("not measured: %s\n", line->note);
		return;
	}
	printf("%9.4g %-4s  %-44s %9.4g %7.3f", line->median.value, line->row->unit, line->row->baseline,
	       line->median.baseline, ratio_of(line));
	print_goal(line);
	printf("  %.3f..%.3f (%.3f..%.3f)%s%s\n", line->lower.ratio, line->upper.ratio, line->minimum.ratio,
	       line->maximum.ratio, line->note[0] ? "; " : "", line->note);
}

void report_row(const struct bench_row *row, const struct bench_result *result)
{
	struct line *line = &lines[line_count];

	if (line_count == ROWS_MAX)
		return;
	line_count++;
	*line = (struct line) { .row = row, .count = result->count };
	snprintf(line->note, sizeof(line->note), "%s", result->note);
	if (line->count > 0) {
		double judged;

		sum_up(line, result);
		judged = line->median.ratio;
		line->has_goal = row->goal_kind != BENCH_NO_GOAL && !result->no_goal;
		line->met = row->goal_kind == BENCH_AT_LEAST ? judged >= row->goal : judged <= row->goal;
	}
	print_line(line);
	fflush(stdout);
}

/* ---- the file -------------------------------------------------------------------------------------------------- */

static void write_text(FILE *file, const char *name, const char *text)
{
	fprintf(file, "\"%s\": \"", name);
	for (; *text; text++) {
		if ((unsigned char)*text < 0x20)
			fprintf(file, "\\u%04x", (unsigned char)*text);
		else if (*text == '"' || *text == '\\')
			fprintf(file, "\\%c", *text);
		else
			fputc(*text, file);
	}
	fputs("\", ", file);
}

static void write_numbers(FILE *file, const struct line *line)
{
	fprintf(file, "\"value\": %.9g, \"baseline_value\": %.9g, \"ratio\": %.9g, ", line->median.value,
		line->median.baseline, ratio_of(line));
	fprintf(file,
		"\"spread\": {\"minimum\": %.9g, \"lower_quartile\": %.9g, \"upper_quartile\": %.9g, "
		"\"maximum\": %.9g}, ",
		line->minimum.ratio, line->lower.ratio, line->upper.ratio, line->maximum.ratio);
}

static void write_goal(FILE *file, const struct line *line)
{
	if (line->has_goal)
		fprintf(file, "\"goal\": {\"%s\": %.9g}, \"met\": %s, ",
			line->row->goal_kind == BENCH_AT_LEAST ? "at_least" : "at_most", line->row->goal,
			line->met ? "true" : "false");
	else
		fputs("\"goal\": null, \"met\": null, ", file);
}

static void write_line(FILE *file, const struct line *line)
{
	fputs("\t{ ", file);
	write_text(file, "name", line->row->name);
	write_text(file, "unit", line->row->unit);
	write_text(file, "baseline", line->row->baseline);
	write_text(file, "note", line->note);
	if (line->count > 0)
		write_numbers(file, line);
	else
		fputs("\"value\": null, \"baseline_value\": null, \"ratio\": null, \"spread\": null, ", file);
	write_goal(file, line);
	fprintf(file, "\"repetitions\": %u }", line->count);
}

int report_write(const char *path)
{
	FILE *file = fopen(path, "we");
	bool failed;

	if (!file)
		return -1;
	fputs("[\n", file);
	for (unsigned int i = 0; i < line_count; i++) {
		write_line(file, &lines[i]);
		fputs(i + 1 < line_count ? ",\n" : "\n", file);
	}
	fputs("]\n", file);
	failed = ferror(file) != 0;
	return fclose(file) == 0 && !failed ? 0 : -1;
}
