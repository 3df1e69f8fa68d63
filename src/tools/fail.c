/* SPDX-License-Identifier: MIT */
/* How a subcommand says what went wrong. */
#include "tools/command.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

int command_fail(const char *format, ...)
{
	va_list arguments;

	fputs("dxvault: ", stderr);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	return EXIT_FAILURE;
}
