/* SPDX-License-Identifier: MIT */
/*
 * Many live sessions over several processes, each with a fence of its own: usage: kmt-scale SESSIONS PROCESSES.
 * Prints what it measured; fails if creation gets slower, a session costs too much, or anything stays.
 */
#include "kmt-client.h"

#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PROCESSES_MAX = 64, BYTES_PER_SESSION = 512 };

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

/* What the service has in memory, its shared pages included: bytes. */
static double resident(UINT process)
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

/* Shared by all: how many sessions there are, and who may go on. */
static struct shared {
	_Atomic unsigned int made;
	_Atomic unsigned int there;
	_Atomic double start;
	UINT service;
	struct mark {
		double wall;
		double work;
	} marks[101]; /* at each hundredth of the whole */
} * shared;

/* Seconds that the service has worked: what a neighbour on the machine does not change. */
static double work_of(UINT process)
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

static void mark(unsigned int number)
{
	shared->marks[number] = (struct mark) { .wall = now() - shared->start, .work = work_of(shared->service) };
}

/* How fast the last tenth went, the first being 1. */
static double rate(double start, double tenth, double ninety, double end)
{
	return end > ninety ? (tenth - start) / (end - ninety) : 0;
}

static void make(unsigned int count, unsigned int total, unsigned int processes, int ready, int go)
{
	D3DKMT_HANDLE device = kc_device(kc_adapter());
	unsigned int step = total / 100;
	char byte;

	/* All begin together: the first tenth is made under the conditions of the last. */
	if (atomic_fetch_add(&shared->there, 1) + 1 == processes) {
		shared->start = now();
		mark(0);
	}
	while (shared->start == 0)
		usleep(1000);
	for (unsigned int i = 0; i < count; i++) {
		unsigned int made;

		(void)kc_session(device, kc_fence(device, NULL));
		made = atomic_fetch_add(&shared->made, 1) + 1;
		if (made % step == 0)
			mark(made / step);
	}
	REQUIRE(write(ready, "", 1) == 1);
	/* Until the other end is closed; the handles go with the process. */
	(void)!read(go, &byte, 1);
	_exit(0);
}

static double wait_until_gone(double limit)
{
	double start = now();
	DXVAULT_SERVICE_INFO info;

	do {
		usleep(20000);
		info = kc_service();
	} while ((info.ProtectedSessions || info.Fences || info.Devices || info.Clients > 1) && now() - start < limit);
	REQUIRE(info.ProtectedSessions == 0 && info.Fences == 0 && info.Devices == 0 && info.Clients == 1);
	return now() - start;
}

int main(int argc, char **argv)
{
	unsigned int total = argc > 1 ? (unsigned int)atoi(argv[1]) : 0;
	unsigned int processes = argc > 2 ? (unsigned int)atoi(argv[2]) : 0;
	int ready[2], go[2];
	double before, full, after, bytes, wall, work;
	const struct mark *marks;
	UINT service;

	REQUIRE(total >= 1000 && processes > 0 && processes <= PROCESSES_MAX && total % (100 * processes) == 0);
	REQUIRE(pipe(ready) == 0 && pipe(go) == 0);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	REQUIRE(shared != MAP_FAILED);

	/* Once round, so that what a first session takes for good is not counted. */
	{
		D3DKMT_HANDLE device = kc_device(kc_adapter());
		D3DKMT_HANDLE fence = kc_fence(device, NULL);

		CHECK(kc_destroy_session(kc_session(device, fence)));
		CHECK(kc_destroy_fence(fence));
		CHECK(kc_destroy_device(device));
	}
	service = kc_service().ProcessId;
	before = resident(service);

	shared->service = service;
	for (unsigned int i = 0; i < processes; i++) {
		pid_t child = fork();

		REQUIRE(child >= 0);
		if (child == 0) {
			close(go[1]);
			make(total / processes, total, processes, ready[1], go[0]);
		}
	}
	close(ready[1]);
	for (unsigned int i = 0; i < processes; i++) {
		char byte;

		REQUIRE(read(ready[0], &byte, 1) == 1);
	}
	REQUIRE(kc_service().ProtectedSessions == total);
	full = resident(service);
	marks = shared->marks;
	wall = rate(marks[0].wall, marks[10].wall, marks[90].wall, marks[100].wall);
	work = rate(marks[0].work, marks[10].work, marks[90].work, marks[100].work);
	bytes = (full - before) / total;
	printf("%u sessions in %.1f s; the last tenth went at %.2f of the first one's rate, %.2f by the service's "
	       "work\n",
	       total, marks[100].wall, wall, work);
	printf("service: %.1f MiB before, %.1f MiB with all of them: %.0f bytes a session\n", before / 1048576,
	       full / 1048576, bytes);

	close(go[1]);
	for (unsigned int i = 0; i < processes; i++)
		REQUIRE(wait(NULL) > 0);
	printf("everything was given back %.2f s after the processes had ended", wait_until_gone(60));
	after = resident(service);
	printf("; %.1f MiB stayed\n", after / 1048576);

	REQUIRE(bytes <= BYTES_PER_SESSION);
	/* Either will do: where others use the machine as well, the clock on the wall tells of them. */
	REQUIRE(wall >= 0.8 || work >= 0.8);
	/* malloc keeps some of what is in use by other things. */
	REQUIRE(after - before < 2 * 1048576 + (full - before) / 50);
	return 0;
}
