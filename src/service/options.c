/* SPDX-License-Identifier: MIT */
/* What dxvaultd was asked to do. */
#include "service/options.h"

#include "config.h"
#include "service/settings.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void print_help(void)
{
	puts("Usage: dxvaultd [OPTION]...\n"
	     "The software GPU for protected content: keys and pictures live here.\n"
	     "Client libraries start it by themselves; it leaves some seconds after its last client.\n"
	     "\n"
	     "  --screen DIR         plug in a virtual screen that writes to this folder\n"
	     "  --config FILE        read this configuration file, not /etc/dxvault/dxvaultd.conf or one's own\n"
	     "  --strict             refuse to run where memfd_secret memory or a part of the sandbox is not to be "
	     "had\n"
	     "  --sandbox on|off     off: for debuggers; the default is on\n"
	     "  --memory KIND        strongest kind of memory to use: secret, locked, plain\n"
	     "  --idle-seconds N     leave N seconds after the last client (default 5)\n"
	     "  --client FD          serve this connected socket and no others (may be repeated)\n"
	     "  --background         go on in the background once clients can connect\n"
	     "  --foreground         stay (the default)\n"
	     "  --log-level LEVEL    error, warning (the default), info, debug\n"
	     "  --help, --version");
}

static int parse_number(const char *text, long maximum, long *ret)
{
	char *end;

	errno = 0;
	*ret = strtol(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0' || *ret < 0 || *ret > maximum)
		return -EINVAL;
	return 0;
}

enum options_result options_parse(int argc, char **argv, struct options *ret)
{
	static const struct option table[] = {
		{ "screen", required_argument, NULL, 's' },
		{ "config", required_argument, NULL, 'C' },
		{ "strict", no_argument, NULL, 'S' },
		{ "sandbox", required_argument, NULL, 'x' },
		{ "memory", required_argument, NULL, 'm' },
		{ "idle-seconds", required_argument, NULL, 'i' },
		{ "client", required_argument, NULL, 'c' },
		{ "background", no_argument, NULL, 'b' },
		{ "foreground", no_argument, NULL, 'f' },
		{ "log-level", required_argument, NULL, 'l' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	long number;
	int option;

	*ret = (struct options) { .log_level = LOG_LEVEL_WARNING };
	while ((option = getopt_long(argc, argv, "", table, NULL)) != -1) {
		switch (option) {
		case 's':
			ret->screen = optarg;
			break;
		case 'C':
			ret->config = optarg;
			break;
		case 'S':
			ret->strict = true;
			break;
		case 'x':
			ret->no_sandbox = strcmp(optarg, "off") == 0;
			if (!ret->no_sandbox && strcmp(optarg, "on") != 0)
				goto bad_value;
			break;
		case 'm':
			if (settings_parse_memory(optarg, &ret->memory) < 0)
				goto bad_value;
			ret->has_memory = true;
			break;
		case 'i':
			if (parse_number(optarg, 86400, &number) < 0)
				goto bad_value;
			ret->idle_seconds = (unsigned int)number;
			ret->has_idle_seconds = true;
			break;
		case 'c':
			if (ret->client_count == OPTIONS_CLIENTS_MAX || parse_number(optarg, INT_MAX, &number) < 0 ||
			    number < 3)
				goto bad_value;
			ret->clients[ret->client_count++] = (int)number;
			break;
		case 'b':
			ret->background = true;
			break;
		case 'f':
			ret->background = false;
			break;
		case 'l':
			if (log_level_parse(optarg, &ret->log_level) < 0)
				goto bad_value;
			ret->has_log_level = true;
			break;
		case 'h':
			print_help();
			return OPTIONS_DONE;
		case 'V':
			puts("dxvaultd " CONFIG_VERSION);
			return OPTIONS_DONE;
		default:
			return OPTIONS_USAGE;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "dxvaultd: unexpected argument %s\n", argv[optind]);
		return OPTIONS_USAGE;
	}
	return OPTIONS_RUN;

bad_value:
	fprintf(stderr, "dxvaultd: bad value %s\n", optarg);
	return OPTIONS_USAGE;
}
