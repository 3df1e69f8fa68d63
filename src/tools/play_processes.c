/* SPDX-License-Identifier: MIT */
/* The processes beside the provider: the presenter, and with a screen or an ordered loss a service of this film alone. */
#include "config.h"
#include "tools/command.h"
#include "tools/play.h"
#include "tools/program.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* How long a child may take to leave; a service may have a contact sheet to draw. */
#define LEAVE_LIMIT_MS 20000
/* How long a service that has hung up may take to be gone. */
#define TOLD_LIMIT_MS 2000

/* Runs a program that gets the descriptors of keep, under their own numbers, and no other but the standard ones. */
static int spawn_with(const char *path, char *const *arguments, char *const *environment, const int *keep,
		      size_t keep_count, pid_t *ret)
{
	posix_spawn_file_actions_t actions;
	int result;

	posix_spawn_file_actions_init(&actions);
	/* Copying a descriptor to its own number clears its close-on-exec flag, in the child alone. */
	for (size_t i = 0; i < keep_count; i++)
		posix_spawn_file_actions_adddup2(&actions, keep[i], keep[i]);
	result = posix_spawn(ret, path, &actions, NULL, arguments, environment);
	posix_spawn_file_actions_destroy(&actions);
	return -result;
}

static int make_pair(int ends[2])
{
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends);
}

static int start_service(const struct play_options *options, const int *clients, pid_t *ret)
{
	char path[PATH_MAX];
	char first[16];
	char second[16];
	const char *arguments[9] = { path, "--client", first, "--client", second };
	size_t count = 5;

	program_service(path);
	snprintf(first, sizeof(first), "%d", clients[0]);
	snprintf(second, sizeof(second), "%d", clients[1]);
	if (options->screen) {
		arguments[count++] = "--screen";
		arguments[count++] = options->screen;
	}
	if (options->strict)
		arguments[count++] = "--strict";
	if (spawn_with(path, (char *const *)(uintptr_t)arguments, environ, clients, 2, ret) < 0)
		return command_fail("%s can't be run", path), -1;
	return 0;
}

/* The presenter finds its connection to the service by number, if there is one for it. */
static int start_presenter(int socket, int service_socket, pid_t *ret)
{
	char path[PATH_MAX];
	char number[16];
	char variable[48];
	char *arguments[] = { path, number, NULL };
	int keep[2] = { socket, service_socket };
	char **environment;
	size_t count = 0;
	size_t used = 0;
	int result;

	program_path("dxvault-presenter", CONFIG_LIBEXECDIR "/dxvault-presenter", path);
	snprintf(number, sizeof(number), "%d", socket);
	while (environ[count])
		count++;
	environment = calloc(count + 2, sizeof(*environment));
	if (!environment)
		return -1;
	for (size_t i = 0; i < count; i++) {
		if (strncmp(environ[i], "DXVAULT_SOCKET_FD=", 18) != 0)
			environment[used++] = environ[i];
	}
	if (service_socket >= 0) {
		snprintf(variable, sizeof(variable), "DXVAULT_SOCKET_FD=%d", service_socket);
		environment[used++] = variable;
	}
	result = spawn_with(path, arguments, environment, keep, service_socket >= 0 ? 2 : 1, ret);
	free(environment);
	if (result < 0)
		return command_fail("%s can't be run", path), -1;
	return 0;
}

static void close_both(int ends[2])
{
	for (int i = 0; i < 2; i++) {
		if (ends[i] >= 0)
			close(ends[i]);
	}
}

/* The service serves two: this process and the presenter, each over a socket that has no name. */
static int start_with_service(const struct play_options *options, struct play_processes *processes, int own[2],
			      int presenter[2])
{
	int clients[2];
	char number[16];

	if (make_pair(own) < 0 || make_pair(presenter) < 0)
		return command_fail("no socket is to be had: %s", strerror(errno)), -1;
	clients[0] = own[1];
	clients[1] = presenter[1];
	if (start_service(options, clients, &processes->service) < 0)
		return -1;
	snprintf(number, sizeof(number), "%d", own[0]);
	if (setenv("DXVAULT_SOCKET_FD", number, /* overwrite= */ 1) < 0)
		return command_fail("out of memory"), -1;
	return 0;
}

int play_processes_start(const struct play_options *options, struct play_processes *ret)
{
	struct play_processes processes = { .socket = -1 };
	int own[2] = { -1, -1 };
	int presenter[2] = { -1, -1 };
	int play[2] = { -1, -1 };
	int result = 0;

	if (make_pair(play) < 0) {
		command_fail("no socket is to be had: %s", strerror(errno));
		return -1;
	}
	/* What is lost by order is nobody else's. */
	if (options->screen || options->order_count > 0)
		result = start_with_service(options, &processes, own, presenter);
	if (result == 0)
		result = start_presenter(play[1], presenter[0], &processes.presenter);
	/* Each end has one owner, or nobody would notice that the other side is gone. */
	close(play[1]);
	close_both(presenter);
	if (own[1] >= 0)
		close(own[1]);
	processes.socket = play[0];
	if (result < 0) {
		if (own[0] >= 0)
			close(own[0]);
		(void)play_processes_finish(&processes);
		return -1;
	}
	*ret = processes;
	return 0;
}

bool play_processes_service_told(struct play_processes *processes)
{
	siginfo_t info = { 0 };

	if (processes->service <= 0)
		return false;
	/* Its sockets close a moment before it can be waited for. */
	for (int waited_ms = 0; waited_ms < TOLD_LIMIT_MS; waited_ms += 2) {
		if (waitid(P_PID, (id_t)processes->service, &info, WEXITED | WNOHANG | WNOWAIT) < 0)
			return false;
		if (info.si_pid > 0)
			return info.si_code == CLD_EXITED && info.si_status != 0;
		nanosleep(&(struct timespec) { .tv_nsec = 2000000 }, NULL);
	}
	return false;
}

/* The wait status, or -1 where it had to be killed. */
static int wait_for(pid_t pid)
{
	int status = 0;

	for (int waited_ms = 0; waited_ms < LEAVE_LIMIT_MS; waited_ms += 2) {
		pid_t got = waitpid(pid, &status, WNOHANG);

		if (got == pid || (got < 0 && errno != EINTR))
			return status;
		nanosleep(&(struct timespec) { .tv_nsec = 2000000 }, NULL);
	}
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	return -1;
}

void play_processes_stop_presenter(struct play_processes *processes)
{
	if (processes->presenter <= 0)
		return;
	kill(processes->presenter, SIGKILL);
	waitpid(processes->presenter, NULL, 0);
	processes->presenter = 0;
}

int play_processes_finish(struct play_processes *processes)
{
	int result = 0;

	if (processes->socket >= 0)
		close(processes->socket);
	processes->socket = -1;
	if (processes->presenter > 0)
		(void)wait_for(processes->presenter);
	if (processes->service > 0 && wait_for(processes->service) != 0)
		result = -1;
	processes->presenter = 0;
	processes->service = 0;
	return result;
}
