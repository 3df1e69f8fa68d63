/* SPDX-License-Identifier: MIT */
/* What takes real processes beside this one: NT handles that they inherit or that are taken from them, and their deaths. */
#include "kernel_fixture.h"
#include "kmt/service.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int setup(void **state)
{
	*state = ik_start(NULL);
	ik_process(*state);
	return 0;
}

static int teardown(void **state)
{
	ik_stop(*state);
	return 0;
}

/* ---- after exec ----------------------------------------------------------------------------------------------- */

/* The program once more: opens the NT handle of that number over that socket. */
static int opener_main(char *arguments[])
{
	D3DKMT_OPENPROTECTEDSESSIONFROMNTHANDLE open = { .hNtHandle = IK_HANDLE(atoi(arguments[1])) };
	D3DKMT_QUERYPROTECTEDSESSIONSTATUS query = { .Status = (D3DKMT_PROTECTED_SESSION_STATUS)77 };
	NTSTATUS status;

	kmt_connection_set(kmt_service_connect_over(atoi(arguments[0])));
	if (!kmt_connection_get())
		return 10;
	status = D3DKMTOpenProtectedSessionFromNtHandle(&open);
	if (status == STATUS_INVALID_HANDLE)
		return 11;
	query.hHandle = open.hHandle;
	if (status != STATUS_SUCCESS || D3DKMTQueryProtectedSessionStatus(&query) != STATUS_SUCCESS)
		return 12;
	return query.Status == D3DKMT_PROTECTED_SESSION_STATUS_OK ? 0 : 13;
}

static int run_opener(struct ik *ik, int nt_handle)
{
	int socket = ik_connect(ik, IK_USER), status;
	char texts[2][16];
	char *arguments[] = { (char *)"opener", texts[0], texts[1], NULL };
	pid_t pid;

	(void)snprintf(texts[0], sizeof(texts[0]), "%d", socket);
	(void)snprintf(texts[1], sizeof(texts[1]), "%d", nt_handle);
	assert_int_equal(fcntl(socket, F_SETFD, 0), 0);
	assert_int_equal(posix_spawn(&pid, "/proc/self/exe", NULL, NULL, arguments, environ), 0);
	close(socket);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void an_inherited_handle_opens_after_exec(void **state) /* KMT-40, KMT-45, KMT-51 */
{
	OBJECT_ATTRIBUTES attributes = { .Length = sizeof(attributes), .Attributes = OBJ_INHERIT };
	D3DKMT_HANDLE device = ik_device(), session = ik_session(device, ik_fence(device));
	struct dxgk_counts before, after;
	HANDLE inherited;
	int nt_handle = ik_share(session);

	assert_int_equal(D3DKMTShareObjects(1, &session, &attributes, GENERIC_ALL, &inherited), STATUS_SUCCESS);
	before = ik_counts(*state);
	assert_int_equal(run_opener(*state, (int)(intptr_t)inherited), 0);
	/* Close-on-exec: the number is nobody's there. */
	assert_int_equal(run_opener(*state, nt_handle), 11);
	after = ik_counts(*state);
	assert_memory_equal(&before, &after, sizeof(after));
	close(nt_handle);
	close((int)(intptr_t)inherited);
}

/* ---- from a process that lives, and dies -------------------------------------------------------------------------- */

struct told {
	int session, fence; /* numbers of its NT handles */
};

/* A forked process with a session of its own, which says what its NT handles are and then waits for its end. */
static pid_t start_maker(struct ik *ik, struct told *ret)
{
	int socket = ik_connect(ik, IK_USER);
	int ends[2];
	pid_t pid;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		struct ik_caller caller;
		struct told told;
		HANDLE fence;

		kmt_connection_set(ik_child_connect(ik, socket));
		if (!kmt_connection_get() || !ik_caller_init(&caller))
			_exit(1);
		if (D3DKMTShareObjects(1, &caller.fence, NULL, GENERIC_ALL, &fence) != STATUS_SUCCESS)
			_exit(2);
		told.session = (int)(intptr_t)caller.nt_handle;
		told.fence = (int)(intptr_t)fence;
		if (write(ends[1], &told, sizeof(told)) != sizeof(told))
			_exit(3);
		for (;;)
			pause();
	}
	assert_true(pid > 0);
	close(socket);
	close(ends[1]);
	assert_int_equal(read(ends[0], ret, sizeof(*ret)), sizeof(*ret));
	close(ends[0]);
	return pid;
}

static void end_maker(pid_t pid, int signal_number)
{
	int status;

	assert_int_equal(kill(pid, signal_number), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
}

static int take_descriptor(pid_t pid, int number)
{
	int process = (int)syscall(SYS_pidfd_open, pid, 0), taken;

	assert_true(process >= 0);
	taken = (int)syscall(SYS_pidfd_getfd, process, number, 0);
	close(process);
	return taken;
}

static void a_handle_taken_from_a_process_opens(void **state) /* KMT-40, KMT-17, KMT-23, KMT-32, KMT-34, KMT-53 */
{
	D3DKMT_HANDLE device = ik_device(), opened, fence;
	const volatile uint64_t *value;
	struct told told;
	pid_t maker = start_maker(*state, &told);
	int taken, taken_fence;

	taken = take_descriptor(maker, told.session);
	if (taken < 0 && errno == EPERM) {
		end_maker(maker, SIGKILL);
		print_message("# skipped: pidfd_getfd is not allowed here\n");
		skip();
	}
	assert_true(taken >= 0);
	taken_fence = take_descriptor(maker, told.fence);
	assert_true(taken_fence >= 0);
	opened = ik_open_session(taken);
	ik_assert_status(opened, OK);
	assert_int_equal(ik_open_fence(device, taken_fence, &fence, &value), STATUS_SUCCESS);
	close(taken_fence);
	assert_int_equal(*value, 0);
	assert_int_equal(ik_counts(*state).devices, 2);

	/* Its maker dies: the device goes, whoever waits wakes, and the session stays for whoever has it. */
	assert_int_equal(kill(maker, SIGKILL), 0);
	assert_int_equal(ik_wait(device, fence, 1), STATUS_SUCCESS);
	ik_assert_status(opened, INVALID);
	end_maker(maker, SIGKILL);
	assert_int_equal(ik_counts(*state).devices, 1);
	assert_int_equal(ik_counts(*state).nt_handles, 1);
	assert_int_equal(ik_destroy_session(opened), STATUS_SUCCESS);
	opened = ik_open_session(taken);
	assert_int_equal(ik_recorder.sessions[0].destroys, 0);
	assert_int_equal(fcntl(taken, F_GETFD), FD_CLOEXEC);
	close(taken);
	assert_int_equal(ik_destroy_session(opened), STATUS_SUCCESS);
	assert_int_equal(ik_recorder.sessions[0].destroys, 1);
	assert_int_equal(ik_destroy_fence(fence), STATUS_SUCCESS);
	assert_int_equal(ik_destroy_device(device), STATUS_SUCCESS);
	ik_assert_empty(*state);
}

static void any_signal_gives_all_back(void **state) /* KMT-34, KMT-35 */
{
	static const int signals[] = { SIGKILL, SIGTERM, SIGABRT, SIGSEGV, SIGPIPE, SIGUSR1 };

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		struct told told;
		pid_t maker;

		/* A sanitizer's own way to die takes longer. */
		(void)signal(signals[i], SIG_DFL);
		maker = start_maker(*state, &told);
		assert_int_equal(ik_counts(*state).sessions, 1);
		end_maker(maker, signals[i]);
		ik_assert_empty(*state);
		assert_int_equal(ik_counts(*state).processes, 1);
		assert_int_equal(ik_recorder.sessions[i].destroys, 1);
	}
}

int main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		CASE(an_inherited_handle_opens_after_exec),
		CASE(a_handle_taken_from_a_process_opens),
		CASE(any_signal_gives_all_back),
	};

	if (argc == 3)
		return opener_main(argv + 1);
	if (!ik_over_wire()) {
		printf("1..0 # SKIP in-process there are no other processes\n");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, ik_group_teardown);
}
