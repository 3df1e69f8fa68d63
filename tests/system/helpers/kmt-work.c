/* SPDX-License-Identifier: MIT */
/*
 * Processes that make, share, send, open, look at and destroy protected sessions.
 * usage: kmt-work kills COUNT            each is killed with SIGKILL at some point of it
 *        kmt-work clients COUNT SECONDS [unmeasured]  all of them at once, and every status is looked at
 * Fails unless the service has afterwards what it had before, and if it takes too much memory in the meantime, or ever more
 * (unmeasured: however much it is).
 */
#include "kmt-client.h"
#include "measure.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { AT_ONCE = 16, ROUNDS_KEPT = 4, WARM_UP = 8 << 20, GROWTH_MAX = 256 << 10 };

static _Atomic unsigned long *rounds; /* of all processes */
static int post[2];		      /* where they send each other NT handles */

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

/* Each lives for some microseconds, at most longest. */
static void run_kills(int count, int longest)
{
	pid_t children[AT_ONCE] = { 0 };
	unsigned int seed = (unsigned int)getpid();

	printf("seed %u\n", seed);
	for (int i = 0; i < count + AT_ONCE; i++) {
		pid_t *child = &children[i % AT_ONCE];
		int status = 0;

		if (*child > 0) {
			/* From its very first call to some rounds of work. */
			usleep((useconds_t)rand_r(&seed) % (unsigned int)longest);
			REQUIRE(kill(*child, SIGKILL) == 0);
			REQUIRE(waitpid(*child, &status, 0) == *child);
			REQUIRE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
		}
		*child = i < count ? start_worker(forever) : 0;
	}
}

/*
 * The service's memory: each process that there ever was leaves a little behind that the next one uses, up to a bound, and
 * after some seconds nothing more is added.
 */
static void run_clients(UINT service, int count, double seconds, bool measured)
{
	double start = now(), before = resident(service), most[2] = { 0 };
	int descriptors[2] = { 0 };

	end_of_work = start + seconds;
	for (int i = 0; i < count; i++)
		(void)start_worker(until_end);
	while (now() < end_of_work) {
		int half = now() > start + seconds / 2;
		double bytes = resident(service);
		int open = count_descriptors(service);

		most[half] = bytes > most[half] ? bytes : most[half];
		descriptors[half] = open > descriptors[half] ? open : descriptors[half];
		usleep(20000);
	}
	for (int i = 0; i < count; i++) {
		int status;

		REQUIRE(wait(&status) > 0);
		REQUIRE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	}
	/* On a busy machine 64 processes take their time to end, but a dead lock has none. */
	REQUIRE(now() < end_of_work + 60);
	printf("service: %.2f MiB before, at most %.2f MiB and %d descriptors in the first half, %.2f MiB and %d in "
	       "the "
	       "second\n",
	       before / 1048576, most[0] / 1048576, descriptors[0], most[1] / 1048576, descriptors[1]);
	REQUIRE(!measured || (most[0] <= before + WARM_UP && most[1] <= before + WARM_UP));
	REQUIRE(!measured || seconds < 30 || most[1] <= most[0] + GROWTH_MAX);
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
	bool kills = argc == 4 && strcmp(argv[1], "kills") == 0;
	bool clients = argc >= 4 && strcmp(argv[1], "clients") == 0;
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
		run_kills(atoi(argv[2]), atoi(argv[3]));
	else
		run_clients(service, atoi(argv[2]), atof(argv[3]), argc == 4);
	drop_post();
	printf("%s processes, %lu whole rounds of %d sessions in %.1f s\n", argv[2], *rounds, ROUNDS_KEPT,
	       now() - start);
	REQUIRE(*rounds > 0);
	require_quiet(service, descriptors);

	/* The next one is served as if nothing had been. */
	make_one_session();
	return 0;
}
