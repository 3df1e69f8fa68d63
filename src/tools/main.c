/* SPDX-License-Identifier: MIT */
/* dxvault: what a person does with the software GPU, one file a subcommand. */
#include "config.h"
#include "tools/command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *help;
} commands[] = {
	{ "play", command_play, "play a film through a protected session" },
	{ "info", command_info, "show the adapter, its protection, and what is in use" },
	{ "sessions", command_sessions, "show who holds which protected session" },
	{ "invalidate", command_invalidate, "make protected content be lost" },
	{ "conform", command_conform, "test whether a user-mode driver keeps the rules" },
};

#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

static void print_help(FILE *stream)
{
	fputs("Usage: dxvault COMMAND [OPTION]...\n"
	      "A software GPU for protected content.\n\n",
	      stream);
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		fprintf(stream, "  %-11s %s\n", commands[i].name, commands[i].help);
	fputs("\ndxvault COMMAND --help tells more of one; dxvault --version which one this is.\n", stream);
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		print_help(stderr);
		return EXIT_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0) {
		print_help(stdout);
		return EXIT_SUCCESS;
	}
	if (strcmp(argv[1], "--version") == 0) {
		puts("dxvault " CONFIG_VERSION);
		return EXIT_SUCCESS;
	}
	for (size_t i = 0; i < COMMAND_COUNT; i++) {
		if (strcmp(argv[1], commands[i].name) != 0)
			continue;
		argv[1] = (char *)"dxvault"; /* what getopt puts before its messages */
		return commands[i].run(argc - 1, argv + 1);
	}
	command_fail("no command %s; try dxvault --help", argv[1]);
	return EXIT_USAGE;
}
