/* SPDX-License-Identifier: MIT */
/* dxvault invalidate: protected content is lost, by command. */
#include "tools/command.h"
#include "tools/text.h"

#include <dxvault/dxvault.h>
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int command_fail_operator(NTSTATUS status)
{
	char number[16];

	switch ((uint32_t)status) {
	case (uint32_t)STATUS_ACCESS_DENIED:
		return command_fail("only the service's own user and root may do that");
	case (uint32_t)STATUS_DEVICE_REMOVED:
		return command_fail("no service to be had: dxvaultd --foreground tells why");
	case (uint32_t)STATUS_NOT_SUPPORTED:
		return command_fail("the service speaks another version of the protocol");
	default:
		return command_fail("%s", text_hresult((HRESULT)status, number, sizeof(number)));
	}
}

static void print_help(void)
{
	puts("Usage: dxvault invalidate SESSION\n"
	     "       dxvault invalidate --all [--teardown | --remove-device]\n"
	     "Makes protected content be lost, as a fault would: keys and pictures are wiped, sessions read INVALID, "
	     "and who\n"
	     "waits on their fences wakes. For the service's own user and root. dxvault sessions names the sessions.\n"
	     "\n"
	     "  --all             every session\n"
	     "  --teardown        by a content-protection teardown, which is counted\n"
	     "  --remove-device   with the adapter: every handle is dead, a program has to open it anew");
}

/* As dxvault sessions prints it. */
static bool parse_session(const char *text, UINT64 *ret)
{
	char *end;

	errno = 0;
	*ret = strtoull(text, &end, 16);
	return errno == 0 && *text != '-' && *text != '+' && *text != ' ' && end != text && *end == '\0' && *ret != 0;
}

static int invalidate(DXVAULT_LOSS loss, UINT64 session, const char *name)
{
	NTSTATUS status;
	UINT lost = 0;

	status = DxvaultInvalidate(loss, session, &lost);
	if (status == STATUS_INVALID_PARAMETER && loss == DXVAULT_LOSS_SESSION)
		return command_fail("no session %s", name);
	if (status != STATUS_SUCCESS)
		return command_fail_operator(status);
	printf("%u session%s lost\n", lost, lost == 1 ? "" : "s");
	return fflush(stdout) == 0 ? EXIT_SUCCESS : command_fail("standard output can't be written");
}

static int usage(const char *text)
{
	command_fail("%s; try dxvault invalidate --help", text);
	return EXIT_USAGE;
}

int command_invalidate(int argc, char **argv)
{
	static const struct option table[] = {
		{ "all", no_argument, NULL, 'a' },
		{ "teardown", no_argument, NULL, 't' },
		{ "remove-device", no_argument, NULL, 'r' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	DXVAULT_LOSS loss = DXVAULT_LOSS_KEYS;
	UINT64 session = 0;
	bool all = false;
	int option;

	while ((option = getopt_long(argc, argv, "", table, NULL)) != -1) {
		switch (option) {
		case 'a':
			all = true;
			break;
		case 't':
		case 'r':
			if (loss != DXVAULT_LOSS_KEYS)
				return usage("one of --teardown and --remove-device");
			loss = option == 't' ? DXVAULT_LOSS_TEARDOWN : DXVAULT_LOSS_DEVICE;
			break;
		case 'h':
			print_help();
			return EXIT_SUCCESS;
		default:
			return EXIT_USAGE;
		}
	}
	if (all)
		return optind == argc ? invalidate(loss, 0, NULL) : usage("either a session or --all");
	/* They befall the whole adapter: naming one session would promise that the others stay. */
	if (loss != DXVAULT_LOSS_KEYS)
		return usage("--teardown and --remove-device go with --all");
	if (optind + 1 != argc)
		return usage("either a session or --all");
	if (!parse_session(argv[optind], &session)) {
		command_fail("%s is no session; dxvault sessions names them", argv[optind]);
		return EXIT_USAGE;
	}
	return invalidate(DXVAULT_LOSS_SESSION, session, argv[optind]);
}
