/* SPDX-License-Identifier: MIT */
/*
 * Processes that make, share, send, open, look at and destroy protected sessions.
 * usage: kmt-work kills COUNT            each is killed with SIGKILL at some point of it
 *        kmt-work clients COUNT SECONDS  all of them at once, and every status is looked at
 * Fails unless the service has afterwards what it had before.
 */
#include "kmt-client.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { AT_ONCE = 16, ROUNDS_KEPT = 4 };

static _Atomic unsigned long *rounds; /* of all processes */
static int post[2];		      /* where they send each other NT handles */

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

/* Sends a copy without waiting for anybody. Whether it is ever received is left to chance. */
static void send_handle(int handle)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct iovec part = { .iov_base = (void *)(uintptr_t) "", .iov_len = 1 };
	struct msghdr message = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes),
	};
	struct cmsghdr *item = CMSG_FIRSTHDR(&message);

	item->cmsg_level = SOL_SOCKET;
	item->cmsg_type = SCM_RIGHTS;
	item->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(item), &handle, sizeof(int));
	(void)sendmsg(post[0], &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static int receive_handle(void)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	char byte;
	struct iovec part = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr message = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes),
	};
	const struct cmsghdr *item;
	int handle = -1;

	if (recvmsg(post[1], &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) < 0)
		return -1;
	item = CMSG_FIRSTHDR(&message);
	if (item && item->cmsg_type == SCM_RIGHTS)
		memcpy(&handle, CMSG_DATA(item), sizeof(int));
	return handle;
}

/* Another process's session: it may be dead by now, and INVALID with its device, but nothing else. */
static void look_at_foreign(void)
{
	int handle = receive_handle();
	D3DKMT_HANDLE session;

	if (handle < 0)
		return;
	CHECK(kc_try_open(handle, &session));
	(void)kc_status(session);
	close(handle);
	CHECK(kc_destroy_session(session));
}

static void work(bool (*goes_on)(void))
{
	D3DKMT_HANDLE adapter = kc_adapter();

	while (goes_on()) {
		D3DKMT_HANDLE device = kc_device(adapter);
		D3DKMT_HANDLE fences[ROUNDS_KEPT], sessions[ROUNDS_KEPT], opened;

		for (int i = 0; i < ROUNDS_KEPT; i++) {
			const volatile UINT64 *value;
			int handle;

			fences[i] = kc_fence(device, &value);
			sessions[i] = kc_session(device, fences[i]);
			REQUIRE(kc_status(sessions[i]) == D3DKMT_PROTECTED_SESSION_STATUS_OK);
			handle = kc_share(sessions[i]);
			CHECK(kc_try_open(handle, &opened));
			REQUIRE(opened != sessions[i]);
			REQUIRE(kc_status(opened) == D3DKMT_PROTECTED_SESSION_STATUS_OK);
			REQUIRE(*value == 0);
			send_handle(handle);
			close(handle);
			CHECK(kc_destroy_session(opened));
			look_at_foreign();
		}
		for (int i = 0; i < ROUNDS_KEPT; i++) {
			CHECK(kc_destroy_session(sessions[i]));
			REQUIRE(kc_destroy_session(sessions[i]) == STATUS_INVALID_PARAMETER);
			CHECK(kc_destroy_fence(fences[i]));
		}
		CHECK(kc_destroy_device(device));
		atomic_fetch_add(rounds, 1);
	}
}

static bool forever(void)
{
	return true;
}

static double end_of_work;

static bool until_end(void)
{
	return now() < end_of_work;
}

static pid_t start_worker(bool (*goes_on)(void))
{
	pid_t parent = getpid();
	pid_t child = fork();

	REQUIRE(child >= 0);
	if (child > 0)
		return child;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	work(goes_on);
	_exit(0);
}

/* Descriptors that the service has open; -1 where this user may not count them. */
static int count_descriptors(UINT process)
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

static bool is_quiet(const DXVAULT_SERVICE_INFO *info)
{
	return info->Clients == 1 && info->Devices == 0 && info->Contexts == 0 && info->Fences == 0 &&
	       info->ProtectedSessions == 0 && info->Allocations == 0 && info->Resources == 0 && info->NtHandles == 0;
}

static void require_quiet(UINT service, int descriptors)
{
	double limit = now() + 10;
	DXVAULT_SERVICE_INFO info;

	do {
		info = kc_service();
		if (is_quiet(&info))
			break;
		usleep(10000);
	} while (now() < limit);
	if (!is_quiet(&info)) {
		fprintf(stderr, "left: %u clients, %u devices, %u fences, %u sessions, %u NT handles\n", info.Clients,
			info.Devices, info.Fences, info.ProtectedSessions, info.NtHandles);
		exit(1);
	}
	REQUIRE(info.ProcessId == service);
	if (count_descriptors(service) != descriptors) {
		fprintf(stderr, "the service had %d descriptors and has %d\n", descriptors, count_descriptors(service));
		exit(1);
	}
	if (descriptors < 0)
		printf("only root can count the service's descriptors\n");
}

static void drop_post(void)
{
	/* With whatever is still on its way (KMT-35). */
	close(post[0]);
	close(post[1]);
}

static void run_kills(int count)
{
	pid_t children[AT_ONCE] = { 0 };
	unsigned int seed = (unsigned int)getpid();

	printf("seed %u\n", seed);
	for (int i = 0; i < count + AT_ONCE; i++) {
		pid_t *child = &children[i % AT_ONCE];
		int status = 0;

		if (*child > 0) {
			/* From its very first call to some rounds of work. */
			usleep((useconds_t)rand_r(&seed) % 4000);
			REQUIRE(kill(*child, SIGKILL) == 0);
			REQUIRE(waitpid(*child, &status, 0) == *child);
			REQUIRE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
		}
		*child = i < count ? start_worker(forever) : 0;
	}
}

static void run_clients(int count, double seconds)
{
	end_of_work = now() + seconds;
	for (int i = 0; i < count; i++)
		(void)start_worker(until_end);
	for (int i = 0; i < count; i++) {
		int status;

		REQUIRE(wait(&status) > 0);
		REQUIRE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	}
	REQUIRE(now() < end_of_work + 10);
}

static void make_one_session(void)
{
	D3DKMT_HANDLE device = kc_device(kc_adapter());
	D3DKMT_HANDLE fence = kc_fence(device, NULL);
	D3DKMT_HANDLE session = kc_session(device, fence);

	REQUIRE(kc_status(session) == D3DKMT_PROTECTED_SESSION_STATUS_OK);
	CHECK(kc_destroy_session(session));
	CHECK(kc_destroy_fence(fence));
	CHECK(kc_destroy_device(device));
}

int main(int argc, char **argv)
{
	bool kills = argc == 3 && strcmp(argv[1], "kills") == 0;
	bool clients = argc == 4 && strcmp(argv[1], "clients") == 0;
	double start = now();
	int descriptors;
	UINT service;

	REQUIRE(kills || clients);
	rounds = mmap(NULL, sizeof(*rounds), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	REQUIRE(rounds != MAP_FAILED);
	service = kc_service().ProcessId;
	/* What the service opens at the first session, and keeps, is not a leak. */
	make_one_session();
	descriptors = count_descriptors(service);
	REQUIRE(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, post) == 0);
	if (kills)
		run_kills(atoi(argv[2]));
	else
		run_clients(atoi(argv[2]), atof(argv[3]));
	drop_post();
	printf("%s processes, %lu whole rounds of %d sessions in %.1f s\n", argv[2], *rounds, ROUNDS_KEPT,
	       now() - start);
	REQUIRE(*rounds > 0);
	require_quiet(service, descriptors);

	/* The next one is served as if nothing had been. */
	make_one_session();
	return 0;
}
