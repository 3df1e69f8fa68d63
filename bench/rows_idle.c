/* SPDX-License-Identifier: MIT */
/* The row of a service that has a client and nothing to do: what all its threads take of the processor. */
#include "bench/ddi.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Windows of a measurement that follow one another a tenth of their length apart. */
enum { WINDOW_STEPS = 10, SETTLE_NS = 300000000, TURNS_MAX = 5 };

struct work {
	uint64_t ns;
	uint64_t switches;
	unsigned int threads;
};

static FILE *open_of(pid_t process, const char *task, const char *name)
{
	char path[300];

	snprintf(path, sizeof(path), "/proc/%d/task/%s/%s", (int)process, task, name);
	return fopen(path, "re");
}

/* The number behind name at the start of a line of the file; 0: the thread has gone. */
static uint64_t read_number(pid_t process, const char *task, const char *file_name, const char *name)
{
	FILE *file = open_of(process, task, file_name);
	const size_t length = strlen(name);
	uint64_t number = 0;
	char line[128];

	while (file && fgets(line, sizeof(line), file)) {
		if (strncmp(line, name, length) == 0) {
			number = strtoull(line + length, NULL, 10);
			break;
		}
	}
	if (file)
		fclose(file);
	return number;
}

static void add_task(pid_t process, const char *task, struct work *work)
{
	work->ns += read_number(process, task, "schedstat", "");
	work->switches += read_number(process, task, "status", "voluntary_ctxt_switches:") +
			  read_number(process, task, "status", "nonvoluntary_ctxt_switches:");
	work->threads++;
}

static struct work work_of(pid_t process)
{
	struct work work = { 0 };
	struct dirent *entry;
	char path[64];
	DIR *tasks;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)process);
	tasks = opendir(path);
	BENCH_MUST(tasks);
	while ((entry = readdir(tasks)) != NULL) {
		if (isdigit((unsigned char)entry->d_name[0]))
			add_task(process, entry->d_name, &work);
	}
	closedir(tasks);
	BENCH_MUST(work.ns > 0);
	return work;
}

/* False: a thread has come or gone meanwhile, and what it did with it. */
static bool look(const struct bench_run *run, pid_t process, struct work *ret, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		ret[i] = work_of(process);
		if (ret[i].threads != ret[0].threads)
			return false;
		bench_sleep(run->bench->idle_ns / WINDOW_STEPS);
	}
	return true;
}

static void run(struct bench_run *run)
{
	const struct cf_service *service = bench_service(run, BENCH_SERVICE_ALL);
	const unsigned int count = run->bench->repetitions;
	struct work seen[BENCH_REPETITIONS_MAX + WINDOW_STEPS] = { 0 };
	struct bench_result *result = run->result;
	static struct ddi ddi;
	double switches = 0;
	unsigned int turns = 0;

	cf_service_use(service);
	ddi_open(&ddi);
	ddi_make_pairs(&ddi, 65536, 1);
	ddi_decrypt_once(&ddi);
	do {
		if (turns++ == TURNS_MAX)
			bench_fail("threads of the service come and go");
		bench_sleep(run->bench->idle_ns < SETTLE_NS ? run->bench->idle_ns : SETTLE_NS);
	} while (!look(run, service->pid, seen, count + WINDOW_STEPS));
	for (unsigned int i = 0; i < count; i++) {
		result->value[i] = (double)(seen[i + WINDOW_STEPS].ns - seen[i].ns) * 1e-6;
		switches += (double)(seen[i + WINDOW_STEPS].switches - seen[i].switches);
	}
	/* The client and what it has are still there. */
	ddi_check(&ddi);
	snprintf(result->note, sizeof(result->note), "%.1f context switches", switches / count);
	result->count = count;
}

const struct bench_row bench_idle_rows[] = {
	{ "idle.cpu", "ms", "nothing", BENCH_AT_MOST, 0, 1u << BENCH_SERVICE_ALL, run },
	{ NULL },
};
