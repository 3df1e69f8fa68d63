/* SPDX-License-Identifier: MIT */
/* The service's log: one line an event, never a secret. */
#ifndef DXV_UTIL_LOG_H
#define DXV_UTIL_LOG_H

#include <stdbool.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/*
 * Standard error, or syslog where there is nobody to read that. Nothing below level is printed. Where the journal reads
 * standard error, each line says its level as sd-daemon(3) has it. Facts in a line are key=value.
 */
void log_start(enum log_level level, bool to_syslog);
/* For a process that can't open files or sockets later. */
void log_stay_open(void);
/* "error", "warning", "info", "debug". Returns 0, or -EINVAL. */
int log_level_parse(const char *text, enum log_level *ret);

void log_line(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...)	 log_line(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_line(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...)	 log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)	 log_line(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
