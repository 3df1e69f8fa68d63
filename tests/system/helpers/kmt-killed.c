/* SPDX-License-Identifier: MIT */
/*
 * A holder of a session asks for its status and makes no system call at all, while the service is killed by SIGKILL. It
 * must read INVALID then (KMT-24), and so must whoever asks through a handle that was opened.
 */
#include "kmt-client.h"

#include <linux/seccomp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SECONDS = 20 };

static struct shared {
	_Atomic UINT service;
	_Atomic unsigned long queries;
	_Atomic bool ended; /* all handles read INVALID */
} * shared;

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

/* Ends with 0 when all handles read INVALID; a system call other than read, write and this exit kills it. */
static void hold(void)
{
	D3DKMT_HANDLE device = kc_device(kc_adapter()), sessions[2];
	int open = 2;

	sessions[0] = kc_session(device, kc_fence(device, NULL));
	CHECK(kc_try_open(kc_share(sessions[0]), &sessions[1]));
	REQUIRE(kc_status(sessions[0]) == D3DKMT_PROTECTED_SESSION_STATUS_OK);
	shared->service = kc_service().ProcessId;
	REQUIRE(prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) == 0);
	while (open > 0) {
		open = 0;
		for (int i = 0; i < 2; i++) {
			D3DKMT_QUERYPROTECTEDSESSIONSTATUS query = { .hHandle = sessions[i] };

			if (D3DKMTQueryProtectedSessionStatus(&query) != STATUS_SUCCESS)
				syscall(SYS_exit, 1);
			open += query.Status == D3DKMT_PROTECTED_SESSION_STATUS_OK;
		}
		shared->queries++;
	}
	/* A sanitizer's own thread keeps a process alive whose first one has left. */
	shared->ended = true;
	syscall(SYS_exit, 0);
}

int main(void)
{
	unsigned long before;
	double killed, limit;
	int status;
	pid_t child;

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	REQUIRE(shared != MAP_FAILED);
	child = fork();
	REQUIRE(child >= 0);
	if (child == 0)
		hold();

	for (limit = now() + SECONDS; shared->queries < 1000 && now() < limit;)
		usleep(1000);
	REQUIRE(shared->queries >= 1000);
	/* It goes on reading OK as long as the service lives. */
	before = shared->queries;
	usleep(200000);
	REQUIRE(shared->queries > before && waitpid(child, &status, WNOHANG) == 0);

	REQUIRE(kill((pid_t)shared->service, SIGKILL) == 0);
	for (killed = now(), limit = killed + SECONDS; !shared->ended; usleep(1000)) {
		/* What it did not survive is a system call, or another answer. */
		REQUIRE(waitpid(child, &status, WNOHANG) == 0 || shared->ended);
		if (now() < limit)
			continue;
		fprintf(stderr, "%d s after the service's death the status still reads OK\n", SECONDS);
		kill(child, SIGKILL);
		return 1;
	}
	kill(child, SIGKILL);
	printf("INVALID at most %.0f ms after SIGKILL\n", (now() - killed) * 1e3);
	return 0;
}
