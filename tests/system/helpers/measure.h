/* SPDX-License-Identifier: MIT */
/* What the test programs here measure of the service's process. */
#ifndef DXV_TESTS_MEASURE_H
#define DXV_TESTS_MEASURE_H

#include "kmt-client.h"

#include <dirent.h>
#include <time.h>
#include <unistd.h>

static inline double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

/* What the service has in memory, its shared pages included: bytes. */
static inline double resident(UINT process)
{
	char path[64], line[256];
	long kilobytes = -1;
	long pages = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%u/smaps_rollup", process);
	file = fopen(path, "r");
	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "Rss: %ld", &kilobytes) == 1)
			break;
	}
	if (file)
		fclose(file);
	if (kilobytes > 0)
		return (double)kilobytes * 1024;
	/* The exact one is root's to read, of a process that is not dumpable. */
	snprintf(path, sizeof(path), "/proc/%u/statm", process);
	file = fopen(path, "r");
	REQUIRE(file && fscanf(file, "%*d %ld", &pages) == 1);
	fclose(file);
	return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

/* Seconds that the service has worked. */
static inline double work_of(UINT process)
{
	unsigned long long nanoseconds = 0;
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%u/schedstat", process);
	file = fopen(path, "r");
	if (!file)
		return 0;
	REQUIRE(fscanf(file, "%llu", &nanoseconds) == 1);
	fclose(file);
	return (double)nanoseconds * 1e-9;
}

/* Descriptors that the service has open; -1 where this user may not count them. */
static inline int count_descriptors(UINT process)
{
	char path[64];
	int count = 0;
	DIR *folder;

	snprintf(path, sizeof(path), "/proc/%u/fd", process);
	folder = opendir(path);
	if (!folder)
		return -1;
	while (readdir(folder))
		count++;
	closedir(folder);
	return count;
}

#endif
