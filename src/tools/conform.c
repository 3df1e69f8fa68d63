/* SPDX-License-Identifier: MIT */
/* dxvault conform: whether a user-mode driver keeps the rules of the content-protection DDI. */
#include "conform/suite.h"
#include "tools/command.h"
#include "tools/conform_report.h"
#include "tools/program.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TIME_LIMIT     10
#define TIME_LIMIT_MAX 3600

static void print_help(void)
{
	puts("Usage: dxvault conform [OPTION]...\n"
	     "Tests whether a user-mode driver keeps the rules of the content-protection DDI, against a service of its "
	     "own.\n"
	     "Ends with 0 if nothing was found broken or could not be tested, with 1 otherwise.\n"
	     "\n"
	     "  --umd FILE        the driver, a shared object that exports OpenAdapter; default: dxvault's\n"
	     "  --strict          judge dxvault's own decisions too, not only what Microsoft's pages require\n"
	     "  --rule ID[,ID]    only these rules, such as CS-05 (may be repeated)\n"
	     "  --time-limit N    seconds that one test may take (default 10)\n"
	     "  --verbose         a line for each rule that was held\n"
	     "  --tap             report in the Test Anything Protocol\n"
	     "  --json            report as one JSON object\n"
	     "  --list            show the rules and which tests show them, and run nothing");
}

static int usage(const char *text, const char *what)
{
	command_fail("%s%s; try dxvault conform --help", text, what);
	return EXIT_USAGE;
}

/* "CS-05,CS-06" */
static bool select_rules(const char *list, bool *selected)
{
	for (;; list++) {
		const size_t length = strcspn(list, ",");
		const int index = cf_rule_index(list, length);

		if (index < 0)
			return false;
		selected[index] = true;
		list += length;
		if (*list == '\0')
			return true;
	}
}

static bool parse_seconds(const char *text, unsigned int *ret)
{
	unsigned long value;
	char *end;

	errno = 0;
	value = strtoul(text, &end, 10);
	if (errno != 0 || *text < '0' || *text > '9' || *end != '\0' || value == 0 || value > TIME_LIMIT_MAX)
		return false;
	*ret = (unsigned int)value;
	return true;
}

/* On a terminal alone, and gone afterwards. */
static void show_progress(size_t done, size_t count, const char *test)
{
	fprintf(stderr, "\r\033[K%zu of %zu: %s", done, count, test);
}

static int run(struct cf_options *options, enum report_form form)
{
	char service[PATH_MAX];
	struct cf_report report;
	enum cf_suite_end end;
	int status;
	char *why;

	program_service(service);
	options->service = service;
	if (isatty(STDERR_FILENO))
		options->progress = show_progress;
	end = cf_suite_run(options, &report, &why);
	if (options->progress)
		fputs("\r\033[K", stderr);
	if (end == CF_SUITE_IMPOSSIBLE)
		status = command_fail("%s", why);
	else if (end == CF_SUITE_INTERRUPTED)
		status = EXIT_INTERRUPTED;
	else
		status = report_print(&report, options, form);
	cf_report_free(&report);
	free(why);
	return status;
}

int command_conform(int argc, char **argv)
{
	static const struct option table[] = {
		{ "umd", required_argument, NULL, 'u' },  { "strict", no_argument, NULL, 's' },
		{ "rule", required_argument, NULL, 'r' }, { "time-limit", required_argument, NULL, 'l' },
		{ "verbose", no_argument, NULL, 'v' },	  { "tap", no_argument, NULL, 't' },
		{ "json", no_argument, NULL, 'j' },	  { "list", no_argument, NULL, 'L' },
		{ "help", no_argument, NULL, 'h' },	  { NULL, 0, NULL, 0 },
	};
	struct cf_options options = { .time_limit = TIME_LIMIT };
	enum report_form form = REPORT_TEXT;
	bool *selected = calloc(cf_rule_count, sizeof(*selected));
	char umd[PATH_MAX];
	int status = EXIT_USAGE;
	bool lists = false;
	int option;

	if (!selected)
		return command_fail("out of memory");
	while ((option = getopt_long(argc, argv, "", table, NULL)) != -1) {
		switch (option) {
		case 'u':
			/* A name without a slash is a file too, not something to be looked for. */
			if (!realpath(optarg, umd)) {
				status = command_fail("%s: %s", optarg, strerror(errno));
				goto out;
			}
			options.umd = umd;
			break;
		case 's':
			options.is_strict = true;
			break;
		case 'r':
			if (!select_rules(optarg, selected)) {
				usage("no such rule in ", optarg);
				goto out;
			}
			options.selected = selected;
			break;
		case 'l':
			if (!parse_seconds(optarg, &options.time_limit)) {
				usage("not a number of seconds: ", optarg);
				goto out;
			}
			break;
		case 'v':
		case 't':
		case 'j':
			if (form != REPORT_TEXT) {
				usage("one of --verbose, --tap and --json", "");
				goto out;
			}
			form = option == 'v' ? REPORT_VERBOSE : option == 't' ? REPORT_TAP : REPORT_JSON;
			break;
		case 'L':
			lists = true;
			break;
		case 'h':
			print_help();
			status = EXIT_SUCCESS;
			goto out;
		default:
			goto out;
		}
	}
	if (optind < argc)
		usage("unexpected argument ", argv[optind]);
	else if (lists)
		status = report_list(options.selected);
	else
		status = run(&options, form);
out:
	free(selected);
	return status;
}
