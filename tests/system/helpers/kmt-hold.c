/* SPDX-License-Identifier: MIT */
/*
 * How long a client waits for an answer while the service takes much back that another one made.
 * usage: kmt-hold CASE COUNT [LIMIT_MS]; prints the longest wait, and fails if it was above the limit.
 *   device: a device with COUNT sessions, each with a fence of its own, is destroyed
 *   contexts: a device with COUNT contexts is destroyed
 *   death: a process with COUNT sessions and fences is killed
 *   fence: COUNT sessions that count in one fence are lost with their device
 *   opened: so is one session whose fence was opened COUNT times, or as often as is allowed
 *   all: the operator loses COUNT sessions
 */
#include "kmt-client.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static struct shared {
	_Atomic int ready;
	_Atomic int go;
	_Atomic int done;
	double seconds; /* that the act took whoever asked for it */
} * shared;

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static void make_sessions(D3DKMT_HANDLE device, int count, bool one_fence)
{
	D3DKMT_HANDLE fence = kc_fence(device, NULL);

	for (int i = 0; i < count; i++) {
		(void)kc_session(device, fence);
		if (!one_fence)
			fence = kc_fence(device, NULL);
	}
}

static void make_contexts(D3DKMT_HANDLE device, int count)
{
	for (int i = 0; i < count; i++) {
		D3DKMT_CREATECONTEXTVIRTUAL context = { .hDevice = device };

		CHECK(D3DKMTCreateContextVirtual(&context));
	}
}

static void open_fence(D3DKMT_HANDLE device, int count)
{
	D3DKMT_HANDLE fence = kc_fence(device, NULL);
	int shared_fence = kc_share(fence);

	(void)kc_session(device, fence);
	for (int i = 0; i < count; i++) {
		D3DKMT_OPENSYNCOBJECTFROMNTHANDLE2 open = {
			.hNtHandle = (HANDLE)(intptr_t)shared_fence,
			.hDevice = device,
		};
		NTSTATUS status = D3DKMTOpenSyncObjectFromNtHandle2(&open);

		if (status == STATUS_INSUFFICIENT_RESOURCES)
			break;
		CHECK(status);
	}
}

static void work(const char *what, int count)
{
	D3DKMT_HANDLE device = kc_device(kc_adapter());
	double start;

	if (strcmp(what, "contexts") == 0)
		make_contexts(device, count);
	else if (strcmp(what, "opened") == 0)
		open_fence(device, count);
	else
		make_sessions(device, count, /* one_fence= */ strcmp(what, "fence") == 0);
	shared->ready = 1;
	while (!shared->go)
		usleep(1000);
	if (strcmp(what, "death") == 0) {
		shared->done = 1;
		raise(SIGKILL);
	}
	start = now();
	if (strcmp(what, "all") == 0) {
		UINT lost = 0;

		CHECK(DxvaultInvalidate(DXVAULT_LOSS_KEYS, 0, &lost));
		REQUIRE((int)lost == count);
	} else {
		CHECK(kc_destroy_device(device));
	}
	shared->seconds = now() - start;
	shared->done = 1;
	pause();
}

int main(int argc, char **argv)
{
	double limit = argc > 3 ? atof(argv[3]) * 1e-3 : 1e9;
	double longest = 0, usual = 0, start, began;
	unsigned int asked = 0;
	DXVAULT_SERVICE_INFO info;
	pid_t child;

	REQUIRE(argc > 2 && atoi(argv[2]) > 0);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	REQUIRE(shared != MAP_FAILED);
	child = fork();
	REQUIRE(child >= 0);
	if (child == 0)
		work(argv[1], atoi(argv[2]));
	while (!shared->ready) {
		REQUIRE(waitpid(child, NULL, WNOHANG) == 0);
		usleep(1000);
	}
	(void)kc_service();
	for (int i = 0; i < 1000; i++) {
		start = now();
		(void)kc_service();
		usual += (now() - start) / 1000;
	}
	began = now();
	shared->go = 1;
	/* All the way until everything was given back. */
	do {
		start = now();
		info = kc_service();
		if (now() - start > longest)
			longest = now() - start;
		asked++;
		REQUIRE(now() - began < 300);
		if (shared->done == 1 && strcmp(argv[1], "death") != 0) {
			shared->done = 2;
			if (shared->seconds > 0)
				printf("whoever asked for it waited %.1f ms; ", shared->seconds * 1e3);
			printf("others %.2f ms at most until then; ", longest * 1e3);
			REQUIRE(kill(child, SIGKILL) == 0);
		}
	} while (!shared->done || info.ProtectedSessions > 0 || info.Fences > 0 || info.Clients > 1);
	REQUIRE(waitpid(child, NULL, 0) == child);
	printf("%s %s: longest wait %.2f ms (usually %.3f ms), all was back after %.0f ms and %u answers\n", argv[1],
	       argv[2], longest * 1e3, usual * 1e3, (now() - began) * 1e3, asked);
	REQUIRE(longest <= limit);
	return 0;
}
