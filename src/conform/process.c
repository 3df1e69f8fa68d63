/* SPDX-License-Identifier: MIT */
/* A child process with a time limit that reports by records, and how the suite itself is stopped. */
#include "conform/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* ---- stopping ------------------------------------------------------------------------------------------- */

static const int stopping[] = { SIGINT, SIGTERM, SIGHUP };

#define STOPPING_COUNT (sizeof(stopping) / sizeof(stopping[0]))

static volatile sig_atomic_t is_stopped;
static struct sigaction actions_before[STOPPING_COUNT], child_before;
static sigset_t mask_before;

static void on_signal(int number)
{
	(void)number;
	is_stopped = 1;
}

/* They are let in while the suite waits, and nowhere else, so that none is missed. */
void cf_process_begin(void)
{
	const struct sigaction action = { .sa_handler = on_signal }, plain = { .sa_handler = SIG_DFL };
	sigset_t blocked;

	is_stopped = 0;
	/* Where it is ignored, nobody learns how a child ended. */
	sigaction(SIGCHLD, &plain, &child_before);
	sigemptyset(&blocked);
	for (size_t i = 0; i < STOPPING_COUNT; i++) {
		sigaction(stopping[i], NULL, &actions_before[i]);
		/* What nohup ignores stays ignored. */
		if (actions_before[i].sa_handler == SIG_IGN)
			continue;
		sigaction(stopping[i], &action, NULL);
		sigaddset(&blocked, stopping[i]);
	}
	sigprocmask(SIG_BLOCK, &blocked, &mask_before);
}

void cf_process_reset_signals(void)
{
	for (size_t i = 0; i < STOPPING_COUNT; i++)
		sigaction(stopping[i], &actions_before[i], NULL);
	sigaction(SIGCHLD, &child_before, NULL);
	sigprocmask(SIG_SETMASK, &mask_before, NULL);
}

void cf_process_end(void)
{
	sigset_t pending;

	/* One that came while nobody waited would end this process now; it was heard instead. */
	while (sigpending(&pending) == 0) {
		bool found = false;

		for (size_t i = 0; i < STOPPING_COUNT; i++) {
			if (sigismember(&pending, stopping[i]) && !sigismember(&mask_before, stopping[i])) {
				is_stopped = 1;
				found = true;
			}
		}
		if (!found)
			break;
		(void)cf_process_sleep(0);
	}
	cf_process_reset_signals();
}

bool cf_process_is_stopped(void)
{
	return is_stopped;
}

int64_t cf_process_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int wait_for(struct pollfd *items, nfds_t count, int64_t ms)
{
	const struct timespec limit = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

	return ppoll(items, count, &limit, &mask_before);
}

bool cf_process_sleep(int ms)
{
	if (!is_stopped)
		(void)wait_for(NULL, 0, ms);
	return !is_stopped;
}

/* ---- a child -------------------------------------------------------------------------------------------- */

_Noreturn static void run_child(void (*body)(int socket, void *context), void *context, int socket, pid_t parent)
{
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	cf_process_reset_signals();
	setpgid(0, 0);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	(void)setrlimit(RLIMIT_CORE, &(struct rlimit) { 0 });
	/* A driver that prints does not get into the report. */
	if (null >= 0)
		(void)dup2(null, STDIN_FILENO);
	(void)dup2(STDERR_FILENO, STDOUT_FILENO);
	body(socket, context);
	_exit(0);
}

/* Everything that lies there. False: nothing will come any more. */
static bool drain(int socket, void (*on_record)(const struct cf_record *record, void *context), void *context)
{
	struct cf_record_buffer buffer;
	struct cf_record record;
	int result;

	while ((result = cf_record_receive(socket, &buffer, &record)) == 1 || result == -EBADMSG) {
		if (result == 1)
			on_record(&record, context);
	}
	return result == -EAGAIN;
}

static enum cf_process_end watch(int socket, int child, int64_t limit, void *context,
				 void (*on_record)(const struct cf_record *record, void *context))
{
	struct pollfd items[2] = { { .fd = child, .events = POLLIN }, { .fd = socket, .events = POLLIN } };
	int64_t now;

	while (!is_stopped) {
		now = cf_process_now();
		if (now >= limit)
			return CF_PROCESS_HUNG;
		if (wait_for(items, 2, limit - now) < 0)
			continue;
		if (items[1].revents && !drain(socket, on_record, context))
			items[1].fd = -1;
		if (items[0].revents)
			return CF_PROCESS_ENDED;
	}
	return CF_PROCESS_STOPPED;
}

struct cf_process_result cf_process_run(void (*body)(int socket, void *context), void *context, unsigned int seconds,
					void (*on_record)(const struct cf_record *record, void *context))
{
	struct cf_process_result result = { .end = CF_PROCESS_FAILED };
	const pid_t self = getpid();
	int ends[2], child;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0) {
		result.status = errno;
		return result;
	}
	pid = fork();
	if (pid == 0) {
		close(ends[0]);
		run_child(body, context, ends[1], self);
	}
	close(ends[1]);
	if (pid < 0) {
		result.status = EAGAIN;
		close(ends[0]);
		return result;
	}
	setpgid(pid, pid);
	child = pidfd_open(pid, 0);
	if (child < 0)
		result.status = errno;
	else
		result.end = watch(ends[0], child, cf_process_now() + (int64_t)seconds * 1000, context, on_record);
	/* The child too is waited for only now: until then its number, and its group's, is nobody else's. */
	kill(-pid, SIGKILL);
	kill(pid, SIGKILL);
	while (waitpid(pid, child >= 0 ? &result.status : NULL, 0) < 0 && errno == EINTR)
		;
	(void)drain(ends[0], on_record, context);
	if (child >= 0)
		close(child);
	close(ends[0]);
	return result;
}
