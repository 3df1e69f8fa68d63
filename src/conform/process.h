/* SPDX-License-Identifier: MIT */
/* A child process with a time limit that reports by records, and how the suite itself is stopped. */
#ifndef DXV_CONFORM_PROCESS_H
#define DXV_CONFORM_PROCESS_H

#include "conform/record.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* From begin to end SIGINT, SIGTERM and SIGHUP only make all waiting end; a child has them as they were. */
void cf_process_begin(void);
void cf_process_end(void);
bool cf_process_is_stopped(void);
void cf_process_reset_signals(void); /* in a child */

int64_t cf_process_now(void);  /* milliseconds */
bool cf_process_sleep(int ms); /* false: the suite is to stop */

enum cf_process_end {
	CF_PROCESS_ENDED,   /* status says how */
	CF_PROCESS_HUNG,    /* and was killed */
	CF_PROCESS_STOPPED, /* the suite is to stop */
	CF_PROCESS_FAILED,  /* it could not be made: errno value in status */
};

struct cf_process_result {
	enum cf_process_end end;
	int status; /* of waitpid */
};

/* Runs body in a child, whose standard output is its standard error; it and what it starts are gone when this returns. */
struct cf_process_result cf_process_run(void (*body)(int socket, void *context), void *context, unsigned int seconds,
					void (*on_record)(const struct cf_record *record, void *context));

#endif
