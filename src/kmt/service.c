/* SPDX-License-Identifier: MIT */
/* Finding the service, or starting it. */
#include "kmt/service.h"

#include "config.h"
#include "kmt/connection.h"
#include "util/runtime_dir.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* How long a service may take from its start to its first answer. */
#define START_LIMIT_MS 10000
#define RETRY_MS       5
#define START_AGAIN_MS 50
/* How long a client waits at most for a service that is busy to take note of its end. */
#define FINISH_LIMIT_MS 1000

/* Whether nothing was sent for a reason that leaves the connection as good as before, and what to say then. */
static bool send_was_refused(int descriptor, const struct wire_packet *request, int error, NTSTATUS *ret_status)
{
	switch (error) {
	case -EBADF:  /* the NT handle is no open descriptor, unless it is our own that was closed behind our back */
	case -EINVAL: /* it is one that can't be sent, such as an io_uring */
	case -EPERM:
		*ret_status = STATUS_INVALID_HANDLE;
		return request->descriptor_count > 0 && fcntl(descriptor, F_GETFD) >= 0;
	case -ETOOMANYREFS:
	case -ENOBUFS:
	case -ENOMEM:
		*ret_status = STATUS_INSUFFICIENT_RESOURCES;
		return true;
	default:
		return false;
	}
}

static int socket_transact(void *context, const struct wire_packet *request, struct wire_packet *reply)
{
	const struct wire_header *answer = reply->data;
	int descriptor = (int)(intptr_t)context;
	NTSTATUS status;
	int result;

	result = wire_send(descriptor, request, 0);
	if (result < 0 && send_was_refused(descriptor, request, result, &status)) {
		kmt_reply_refuse(request, reply, status);
		return 0;
	}
	if (result < 0)
		return result;
	result = wire_receive(descriptor, reply, 0);
	if (result == 0)
		return -ECONNRESET;
	/*
	 * This process has no descriptor left for the one that came along. It is gone, but the bytes are here, and whoever
	 * wanted a descriptor sees that there is none: no reason to lose everything that the process has.
	 */
	if (result == -EMSGSIZE && answer->size >= sizeof(*answer) && answer->size <= reply->capacity) {
		reply->size = answer->size;
		return 0;
	}
	return result < 0 ? result : 0;
}

static bool socket_is_alive(void *context)
{
	struct pollfd item = { .fd = (int)(intptr_t)context };

	return poll(&item, 1, 0) == 0;
}

static void socket_finish(void *context)
{
	struct pollfd item = { .fd = (int)(intptr_t)context, .events = POLLIN };

	/* It hangs up as soon as its turn comes. */
	if (shutdown(item.fd, SHUT_WR) == 0)
		(void)poll(&item, 1, FINISH_LIMIT_MS);
}

static void socket_close(void *context)
{
	close((int)(intptr_t)context);
}

/* Once the service has answered, its own end names senders; this one would only have each reply say who sent it. */
static void stop_naming(int descriptor)
{
	int off = 0;

	(void)setsockopt(descriptor, SOL_SOCKET, SO_PASSCRED, &off, sizeof(off));
}

struct kmt_connection *kmt_service_connect_over(int descriptor)
{
	struct kmt_connection *connection = kmt_connection_create(&(struct kmt_transport) {
		.transact = socket_transact,
		.is_alive = socket_is_alive,
		.finish = socket_finish,
		.close = socket_close,
		.context = (void *)(intptr_t)descriptor,
		.first_index = kmt_connection_handles_end(),
	});

	if (connection)
		stop_naming(descriptor);
	return connection;
}

/* The service may not have looked at its end yet, and then only this makes the hello say who it is from. */
static int name_sender(int descriptor)
{
	int on = 1;

	return setsockopt(descriptor, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) < 0 ? -errno : 0;
}

/* A parent's gift is used once: two connections on one socket would read each other's replies. */
static int take_inherited(void)
{
	static bool taken;
	const char *text = secure_getenv("DXVAULT_SOCKET_FD");
	int descriptor;
	int result;
	char *end;
	long value;

	if (!text)
		return -ENOENT;
	if (taken)
		return -EBUSY;
	value = strtol(text, &end, 10);
	if (end == text || *end != '\0' || value < 3 || value > INT32_MAX)
		return -EBADF;
	descriptor = (int)value;
	if (fcntl(descriptor, F_SETFD, FD_CLOEXEC) < 0)
		return -errno;
	result = name_sender(descriptor);
	if (result < 0)
		return result;
	taken = true;
	return descriptor;
}

/* -ENOENT or -ECONNREFUSED: no service runs. */
static int connect_running(void)
{
	struct sockaddr_un address;
	struct ucred peer;
	socklen_t size = sizeof(peer);
	uid_t owner;
	int folder;
	int descriptor;
	int result;

	result = runtime_dir_find(&folder, &owner);
	if (result < 0)
		return result;
	runtime_dir_socket_address(folder, RUNTIME_SOCKET_NAME, &address);
	descriptor = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (descriptor < 0) {
		result = -errno;
	} else if (connect(descriptor, (struct sockaddr *)&address, sizeof(address)) < 0 ||
		   getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0) {
		result = -errno;
		close(descriptor);
	} else if (peer.uid != owner && peer.uid != 0) {
		/* Nobody else is trusted with what this process protects. */
		result = -EPERM;
		close(descriptor);
	} else {
		result = name_sender(descriptor);
		if (result < 0)
			close(descriptor);
		else
			result = descriptor;
	}
	close(folder);
	return result;
}

/* $DXVAULT_SERVICE, else the one of the build tree or prefix that this library lies in, else the installed one. */
static void service_path(char path[PATH_MAX])
{
	static const char *const places[] = { "../service/dxvaultd", "../bin/dxvaultd", "../../bin/dxvaultd" };
	const char *chosen = secure_getenv("DXVAULT_SERVICE");
	char self[PATH_MAX];
	char *slash;
	Dl_info info;

	if (chosen) {
		snprintf(path, PATH_MAX, "%s", chosen);
		return;
	}
	if (dladdr((void *)(uintptr_t)service_path, &info) && realpath(info.dli_fname, self) &&
	    (slash = strrchr(self, '/'))) {
		*slash = '\0';
		for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
			int length = snprintf(path, PATH_MAX, "%s/%s", self, places[i]);

			if (length < PATH_MAX && access(path, X_OK) == 0)
				return;
		}
	}
	snprintf(path, PATH_MAX, "%s", CONFIG_BINDIR "/dxvaultd");
}

/* Returns when the service listens, or has found that another one is about to. */
static int start_service(void)
{
	char path[PATH_MAX];
	char *arguments[] = { path, (char *)"--background", NULL };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t signals;
	int result;
	int status;
	pid_t pid;

	service_path(path);
	sigemptyset(&signals);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setsigmask(&attributes, &signals);
	sigfillset(&signals);
	posix_spawnattr_setsigdefault(&attributes, &signals);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	posix_spawn_file_actions_init(&actions);
	/* A service that kept the caller's output open would keep whoever reads it waiting. */
	posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
	result = posix_spawn(&pid, path, &actions, &attributes, arguments, environ);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attributes);
	if (result != 0)
		return -result;

	while (waitpid(pid, &status, 0) < 0) {
		/* A program that ignores SIGCHLD has its children reaped by the system. */
		if (errno == ECHILD)
			return 0;
		if (errno != EINTR)
			return -errno;
	}
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -ESRCH;
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

struct kmt_connection *kmt_service_connect(void)
{
	int64_t limit = now_ms() + START_LIMIT_MS;
	struct kmt_connection *connection;
	int64_t next_start = 0;
	int result;

	result = take_inherited();
	if (result != -ENOENT)
		return result < 0 ? NULL : kmt_service_connect_over(result);

	do {
		result = connect_running();
		if (result >= 0) {
			connection = kmt_service_connect_over(result);
			/* A service may leave between taking the connection and the hello. */
			if (connection)
				return connection;
			if (errno == EPROTONOSUPPORT || errno == EMFILE || errno == ENOMEM)
				return NULL;
		} else if (result != -ENOENT && result != -ECONNREFUSED && result != -EAGAIN) {
			return NULL;
		} else if (result != -EAGAIN && now_ms() >= next_start) {
			/* Again if need be: one that is just leaving may have kept ours from starting. */
			if (start_service() < 0)
				return NULL;
			next_start = now_ms() + START_AGAIN_MS;
			continue;
		}
		nanosleep(&(struct timespec) { .tv_nsec = RETRY_MS * 1000000L }, NULL);
	} while (now_ms() < limit);
	return NULL;
}
