/* SPDX-License-Identifier: MIT */
/* The service's log: one line an event, never a secret. */
#include "util/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

static const char *const names[] = { "error", "warning", "info", "debug" };
static const int priorities[] = { LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DEBUG };

static enum log_level threshold = LOG_LEVEL_WARNING;
static bool syslog_is_used;
static bool journal_reads;

/* $JOURNAL_STREAM is inherited by whatever a service starts: it counts if standard error is that very stream. */
static bool stderr_is_journal(void)
{
	const char *stream = secure_getenv("JOURNAL_STREAM");
	struct stat info;
	char own[48];

	if (!stream || fstat(STDERR_FILENO, &info) < 0)
		return false;
	snprintf(own, sizeof(own), "%ju:%ju", (uintmax_t)info.st_dev, (uintmax_t)info.st_ino);
	return strcmp(stream, own) == 0;
}

void log_start(enum log_level level, bool to_syslog)
{
	threshold = level;
	syslog_is_used = to_syslog;
	journal_reads = !to_syslog && stderr_is_journal();
	if (to_syslog)
		openlog("dxvaultd", LOG_PID, LOG_DAEMON);
}

void log_stay_open(void)
{
	if (syslog_is_used) {
		/* It says the time, and reads the zone but once. */
		tzset();
		openlog("dxvaultd", LOG_PID | LOG_NDELAY, LOG_DAEMON);
	}
}

int log_level_parse(const char *text, enum log_level *ret)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(text, names[i]) == 0) {
			*ret = (enum log_level)i;
			return 0;
		}
	}
	return -EINVAL;
}

void log_line(enum log_level level, const char *format, ...)
{
	char line[512];
	va_list arguments;

	if (level > threshold)
		return;
	va_start(arguments, format);
	vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	if (syslog_is_used)
		syslog(priorities[level], "%s", line);
	else if (journal_reads)
		fprintf(stderr, "<%d>%s\n", priorities[level], line);
	else
		fprintf(stderr, "dxvaultd: %s: %s\n", names[level], line);
}
