/* SPDX-License-Identifier: MIT */
/* What dxvaultd was asked to do. */
#ifndef DXV_SERVICE_OPTIONS_H
#define DXV_SERVICE_OPTIONS_H

#include "gpu/gpu.h"
#include "util/log.h"

#include <stdbool.h>

enum { OPTIONS_CLIENTS_MAX = 8 };

struct options {
	const char *screen; /* folder; NULL: no monitor */
	bool strict;
	bool no_sandbox;
	bool background;
	const char *config; /* a file; NULL: the usual ones */
	/* What stands here after settings_load is the file's, unless it was given as an option. */
	bool has_idle_seconds;
	bool has_log_level;
	bool has_memory;
	unsigned int idle_seconds;
	enum log_level log_level;
	enum gpu_memory_kind memory; /* the strongest kind to try */
	int clients[OPTIONS_CLIENTS_MAX];
	unsigned int client_count; /* not 0: serve these alone, listen nowhere */
};

enum options_result { OPTIONS_RUN, OPTIONS_DONE, OPTIONS_USAGE };

/* Prints what --help and --version ask for, and what is wrong. */
enum options_result options_parse(int argc, char **argv, struct options *ret);

#endif
