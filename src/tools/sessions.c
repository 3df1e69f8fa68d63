/* SPDX-License-Identifier: MIT */
/* dxvault sessions: who holds which protected session. */
#include "tools/command.h"
#include "tools/text.h"

#include <dxvault/dxvault.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A process calls itself what it likes, and a terminal obeys control characters. */
static void print_command(const char *command)
{
	int width = 0;

	for (; *command; command++, width++)
		putchar((unsigned char)*command >= 0x20 && (unsigned char)*command < 0x7f ? *command : '?');
	printf("%*s", 16 - width, "");
}

static void print_line(const DXVAULT_SESSION_INFO *session)
{
	printf("%-14llx %-7u ", (unsigned long long)session->Session, session->ProcessId);
	print_command(session->Command);
	printf("%-6llu %-11s %-7s %6u %7u %7u %6u\n", (unsigned long long)session->Device, session->CryptoType,
	       session->Status == D3DKMT_PROTECTED_SESSION_STATUS_OK ? "ok" : "invalid", session->Losses, session->Age,
	       session->LocalHandles, session->NtHandles);
}

static void print_json(const DXVAULT_SESSION_INFO *session, bool first)
{
	printf("%s\n  {\"session\": \"%llx\", \"process\": %u, \"command\": ", first ? "" : ",",
	       (unsigned long long)session->Session, session->ProcessId);
	text_json_string(stdout, session->Command);
	printf(", \"user\": %u, \"device\": %llu, \"crypto_type\": ", session->User,
	       (unsigned long long)session->Device);
	text_json_string(stdout, session->CryptoType);
	printf(", \"status\": \"%s\", \"losses\": %u, \"age\": %u, \"local_handles\": %u, \"nt_handles\": %u}",
	       session->Status == D3DKMT_PROTECTED_SESSION_STATUS_OK ? "ok" : "invalid", session->Losses, session->Age,
	       session->LocalHandles, session->NtHandles);
}

static NTSTATUS print_all(bool json)
{
	DXVAULT_SESSION_INFO *sessions = calloc(DXVAULT_LISTED_SESSIONS, sizeof(*sessions));
	NTSTATUS status = sessions ? STATUS_SUCCESS : STATUS_NO_MEMORY;
	bool begun = false;
	bool first = true;
	UINT64 cursor = 0;

	if (!sessions)
		return status;
	do {
		UINT count = DXVAULT_LISTED_SESSIONS;

		status = DxvaultListSessions(&cursor, sessions, &count);
		if (status != STATUS_SUCCESS)
			break;
		if (!begun)
			fputs(json ? "["
				   : "SESSION        PROCESS COMMAND         DEVICE CRYPTO      STATUS  LOSSES     AGE "
				     "HANDLES SHARED\n",
			      stdout);
		begun = true;
		for (UINT i = 0; i < count; i++) {
			if (json)
				print_json(&sessions[i], first);
			else
				print_line(&sessions[i]);
			first = false;
		}
	} while (cursor != 0);
	if (json && begun)
		puts(first ? "]" : "\n]");
	free(sessions);
	return status;
}

static void print_help(void)
{
	puts("Usage: dxvault sessions [--json]\n"
	     "Shows the live protected sessions of the service, for the service's own user and root: the process that "
	     "made\n"
	     "each, its device, what it encrypts with, whether its content is good, how often that was lost, its age "
	     "in\n"
	     "seconds, its handles in processes, and its NT handles.\n"
	     "\n"
	     "  --json   the same for programs");
}

int command_sessions(int argc, char **argv)
{
	static const struct option table[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	bool json = false;
	NTSTATUS status;
	int option;

	while ((option = getopt_long(argc, argv, "", table, NULL)) != -1) {
		switch (option) {
		case 'j':
			json = true;
			break;
		case 'h':
			print_help();
			return EXIT_SUCCESS;
		default:
			return EXIT_USAGE;
		}
	}
	if (optind < argc) {
		command_fail("unexpected argument %s", argv[optind]);
		return EXIT_USAGE;
	}
	status = print_all(json);
	if (status != STATUS_SUCCESS)
		return command_fail_operator(status);
	return fflush(stdout) == 0 ? EXIT_SUCCESS : command_fail("standard output can't be written");
}
