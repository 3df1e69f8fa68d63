/* SPDX-License-Identifier: MIT */
/* How a client finds its service: whom it does not trust, a parent's socket, one that can't be started, and sends that fail. */
#include "kmt/connection.h"
#include "kmt/service.h"
#include "util/runtime_dir.h"

#include <dxvault/dxvault.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char top[64];

static int send_error; /* of the next packet; 0: none */

ssize_t __real_sendmsg(int socket, const struct msghdr *message, int flags);
ssize_t __wrap_sendmsg(int socket, const struct msghdr *message, int flags);
ssize_t __wrap_sendmsg(int socket, const struct msghdr *message, int flags)
{
	if (send_error == 0)
		return __real_sendmsg(socket, message, flags);
	errno = send_error;
	send_error = 0;
	return -1;
}

static const char *path_of(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", top, name);
	return path;
}

/* A program that notes that it was started, and ends with a status. */
static void write_program(const char *name, int status)
{
	FILE *file = fopen(path_of(name), "w");

	assert_non_null(file);
	fprintf(file, "#!/bin/sh\n: >>%s/started\nexit %d\n", top, status);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(path_of(name), 0755), 0);
}

static bool was_started(void)
{
	return unlink(path_of("started")) == 0;
}

static int setup(void **state)
{
	(void)state;
	strcpy(top, "/tmp/dxvault-test-find.XXXXXX");
	if (!mkdtemp(top))
		return -1;
	write_program("service", 1);
	setenv("DXVAULT_SERVICE", path_of("service"), 1);
	setenv("DXVAULT_RUNTIME_DIR", path_of("run"), 1);
	unsetenv("DXVAULT_SOCKET_FD");
	return mkdir(path_of("run"), 0700);
}

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *at)
{
	(void)info;
	(void)type;
	(void)at;
	return remove(path);
}

static int teardown(void **state)
{
	(void)state;
	return nftw(top, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* What a service says to the hello of a new connection, said before it is asked. */
static void say_welcome(int descriptor)
{
	const struct wire_welcome welcome = {
		.hello.header = { sizeof(welcome), WIRE_HELLO, 1, STATUS_SUCCESS },
		.token = 1,
	};

	assert_int_equal(send(descriptor, &welcome, sizeof(welcome), 0), sizeof(welcome));
}

/* ---- a service that has to be started ------------------------------------------------------------------------- */

static void test_a_service_that_does_not_start(void **state)
{
	(void)state;
	assert_null(kmt_service_connect());
	assert_true(was_started());
	setenv("DXVAULT_SERVICE", path_of("none"), 1);
	assert_null(kmt_service_connect());
	assert_false(was_started());
	setenv("DXVAULT_SERVICE", "/", 1);
	assert_null(kmt_service_connect());
}

/* Where the folder is not this user's alone, nothing is looked for and nothing is started. */
static void test_a_folder_that_others_reach(void **state)
{
	static const mode_t modes[] = { 0750, 0770, 0707, 0711 };

	(void)state;
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		assert_int_equal(chmod(path_of("run"), modes[i]), 0);
		assert_null(kmt_service_connect());
		assert_false(was_started());
	}
}

/* ---- who it is ------------------------------------------------------------------------------------------------ */

static int listen_as(uid_t user)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int descriptor = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/run/" RUNTIME_SOCKET_NAME, top);
	unlink(address.sun_path);
	assert_int_equal(bind(descriptor, (struct sockaddr *)&address, sizeof(address)), 0);
	/* Whoever listens is whom the other side sees. */
	assert_int_equal(seteuid(user), 0);
	assert_int_equal(listen(descriptor, 4), 0);
	assert_int_equal(seteuid(getuid()), 0);
	return descriptor;
}

/* Somebody else's socket in the right place: not a byte goes there, and no other service is started beside it. */
static void test_somebody_else_listens(void **state)
{
	struct kmt_connection *connection;
	uint8_t byte;
	int descriptor;
	int client;

	(void)state;
	if (getuid() != 0)
		skip();
	descriptor = listen_as(65534);
	assert_null(kmt_service_connect());
	assert_false(was_started());
	client = accept(descriptor, NULL, NULL);
	assert_true(client >= 0);
	assert_int_equal(recv(client, &byte, 1, MSG_DONTWAIT), 0);
	close(client);
	close(descriptor);
	/* The same one is answered where it is this user's: here the connection fails at the hello alone. */
	descriptor = listen_as(0);
	connection = NULL;
	if (fork() == 0) {
		client = accept4(descriptor, NULL, NULL, 0);
		for (int i = 0; client < 0 && i < 2000; i++) {
			usleep(5000);
			client = accept4(descriptor, NULL, NULL, 0);
		}
		say_welcome(client);
		(void)!recv(client, &byte, 1, 0);
		_exit(0);
	}
	connection = kmt_service_connect();
	assert_non_null(connection);
	kmt_connection_destroy(connection);
	assert_true(wait(NULL) > 0);
	close(descriptor);
}

/* ---- a parent's socket -------------------------------------------------------------------------------------------- */

static void test_a_socket_that_is_none(void **state)
{
	static const char *const texts[] = { "", "x", "-1", "0", "2", "3x", " ", "99999999999", "77", "2147483648" };
	char text[16];
	int pipe_ends[2];

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		setenv("DXVAULT_SOCKET_FD", texts[i], 1);
		assert_null(kmt_service_connect());
	}
	assert_int_equal(pipe(pipe_ends), 0);
	snprintf(text, sizeof(text), "%d", pipe_ends[0]);
	setenv("DXVAULT_SOCKET_FD", text, 1);
	assert_null(kmt_service_connect());
	close(pipe_ends[0]);
	close(pipe_ends[1]);
	/* A wrong gift is no reason to look for another service. */
	assert_false(was_started());
}

static void test_a_socket_is_used_once(void **state)
{
	struct kmt_connection *connection;
	char text[16];
	int ends[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
	say_welcome(ends[1]);
	snprintf(text, sizeof(text), "%d", ends[0]);
	setenv("DXVAULT_SOCKET_FD", text, 1);
	connection = kmt_service_connect();
	assert_non_null(connection);
	/* A program that this one starts does not have it. */
	assert_int_equal(fcntl(ends[0], F_GETFD), FD_CLOEXEC);
	assert_null(kmt_service_connect());
	assert_false(was_started());
	kmt_connection_destroy(connection);
	close(ends[1]);
}

/* ---- sends that fail ------------------------------------------------------------------------------------------------ */

/* What was not sent for a reason of its own leaves the connection as good as before. */
static void test_sends_that_fail(void **state)
{
	static const struct {
		int error;
		NTSTATUS with, without; /* a descriptor beside the request */
	} rows[] = {
		{ EBADF, STATUS_INVALID_HANDLE, STATUS_DEVICE_REMOVED },
		{ EINVAL, STATUS_INVALID_HANDLE, STATUS_DEVICE_REMOVED },
		{ EPERM, STATUS_INVALID_HANDLE, STATUS_DEVICE_REMOVED },
		{ ETOOMANYREFS, STATUS_INSUFFICIENT_RESOURCES, STATUS_INSUFFICIENT_RESOURCES },
		{ ENOBUFS, STATUS_INSUFFICIENT_RESOURCES, STATUS_INSUFFICIENT_RESOURCES },
		{ ENOMEM, STATUS_INSUFFICIENT_RESOURCES, STATUS_INSUFFICIENT_RESOURCES },
		{ EPIPE, STATUS_DEVICE_REMOVED, STATUS_DEVICE_REMOVED },
		{ ECONNRESET, STATUS_DEVICE_REMOVED, STATUS_DEVICE_REMOVED },
		{ EMSGSIZE, STATUS_DEVICE_REMOVED, STATUS_DEVICE_REMOVED },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (int with = 0; with < 2; with++) {
			D3DKMT_OPENPROTECTEDSESSIONFROMNTHANDLE open = { .hNtHandle = (HANDLE)(intptr_t)1 };
			D3DKMT_CREATEDEVICE create = { .hAdapter = 0x40000040 };
			const NTSTATUS expected = with ? rows[i].with : rows[i].without;
			struct kmt_connection *connection;
			int ends[2];

			assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
			say_welcome(ends[1]);
			connection = kmt_service_connect_over(ends[0]);
			assert_non_null(connection);
			kmt_connection_set(connection);
			send_error = rows[i].error;
			if (with)
				assert_int_equal(D3DKMTOpenProtectedSessionFromNtHandle(&open), expected);
			else
				assert_int_equal(D3DKMTCreateDevice(&create), expected);
			assert_int_equal(send_error, 0);
			assert_int_equal(kmt_connection_is_lost(connection), expected == STATUS_DEVICE_REMOVED);
			kmt_connection_set(NULL);
			kmt_connection_destroy(connection);
			close(ends[1]);
		}
	}
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(test_a_service_that_does_not_start), CASE(test_a_folder_that_others_reach),
		CASE(test_somebody_else_listens),	  CASE(test_a_socket_that_is_none),
		CASE(test_a_socket_is_used_once),	  CASE(test_sends_that_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
