/* SPDX-License-Identifier: MIT */
/* The subcommands of dxvault, and how they end. */
#ifndef DXV_TOOLS_COMMAND_H
#define DXV_TOOLS_COMMAND_H

#include <dxvault/d3dkmthk.h>

enum { EXIT_USAGE = 2, EXIT_INTERRUPTED = 130 };

int command_play(int argc, char **argv);
int command_info(int argc, char **argv);
int command_sessions(int argc, char **argv);
int command_invalidate(int argc, char **argv);
int command_conform(int argc, char **argv);

/* One line on standard error, "dxvault: " before it. Returns EXIT_FAILURE. */
int command_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The same for a refused request of the operator's. */
int command_fail_operator(NTSTATUS status);

#endif
