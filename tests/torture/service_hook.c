/* SPDX-License-Identifier: MIT */
/*
 * Preloaded into a service of the fault campaign: CLOCK_BOOTTIME runs ahead by what $DXVAULT_TORTURE_CLOCK, a file of 8 bytes,
 * says at the moment (ns), as it does when the machine has slept. What goes to syslog goes to $DXVAULT_TORTURE_LOG. A session of
 * its own goes before those of others, as the campaign's does.
 */
#undef _FORTIFY_SOURCE /* syslog is a function here */
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

static const _Atomic uint64_t *ahead;

__attribute__((constructor)) static void map_file(void)
{
	const char *path = getenv("DXVAULT_TORTURE_CLOCK");
	int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	void *map;

	if (file < 0)
		return;
	map = mmap(NULL, sizeof(*ahead), PROT_READ, MAP_SHARED, file, 0);
	close(file);
	if (map != MAP_FAILED)
		ahead = map;
}

__attribute__((visibility("default"))) int clock_gettime(clockid_t id, struct timespec *ret)
{
	uint64_t sum;

	if (syscall(SYS_clock_gettime, id, ret) < 0)
		return -1;
	if (id == CLOCK_BOOTTIME && ahead) {
		sum = (uint64_t)ret->tv_nsec + *ahead;
		ret->tv_sec += (time_t)(sum / 1000000000);
		ret->tv_nsec = (long)(sum % 1000000000);
	}
	return 0;
}

static int log_file = -1;

/* The program calls it last where it may still open files, and behind the last place where it closes all there are. */
__attribute__((visibility("default"))) void openlog(const char *name, int option, int facility)
{
	const char *path = getenv("DXVAULT_TORTURE_LOG");

	(void)name;
	(void)option;
	(void)facility;
	log_file = path ? open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600) : -1;
}

/* What a fortified program calls for syslog(3). */
__attribute__((visibility("default"), format(printf, 3, 4))) void __syslog_chk(int priority, int flag,
									       const char *format, ...);
__attribute__((format(printf, 1, 0))) static void write_line(const char *format, va_list arguments)
{
	char text[512];
	int size = snprintf(text, sizeof(text), "%d: ", (int)getpid());

	size += vsnprintf(text + size, sizeof(text) - (size_t)size - 1, format, arguments);
	if (size > (int)sizeof(text) - 2)
		size = (int)sizeof(text) - 2;
	text[size] = '\n';
	if (log_file >= 0)
		(void)!write(log_file, text, (size_t)size + 1);
}

void __syslog_chk(int priority, int flag, const char *format, ...)
{
	va_list arguments;

	(void)priority;
	(void)flag;
	va_start(arguments, format);
	write_line(format, arguments);
	va_end(arguments);
}

__attribute__((visibility("default"))) void syslog(int priority, const char *format, ...)
{
	va_list arguments;

	(void)priority;
	va_start(arguments, format);
	write_line(format, arguments);
	va_end(arguments);
}

__attribute__((visibility("default"))) pid_t setsid(void)
{
	pid_t session = (pid_t)syscall(SYS_setsid);
	int file = open("/proc/self/autogroup", O_WRONLY | O_CLOEXEC);

	if (file >= 0) {
		(void)!write(file, "-7", 2);
		close(file);
	}
	return session;
}
