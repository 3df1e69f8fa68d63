/* SPDX-License-Identifier: MIT */
/* What the service opens before it serves: its folder and its socket. */
#include "process_fixture.h"
#include "service/listener.h"
#include "util/runtime_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- what the system answers --------------------------------------------------------------------- */

enum call { NONE, FLOCK, SOCKET, BIND, CHMOD, SETSOCKOPT, LISTEN, RENAME, FSTAT };

/* Just before this service has the lock: another one takes the name away; puts a lock of its own there. */
static bool name_goes_first, name_is_anothers;

static bool fails(enum call call)
{
	return pf_fails(call, EIO);
}

int __real_flock(int descriptor, int operation);
int __wrap_flock(int descriptor, int operation);
int __real_socket(int family, int type, int protocol);
int __wrap_socket(int family, int type, int protocol);
int __real_bind(int descriptor, const struct sockaddr *address, socklen_t size);
int __wrap_bind(int descriptor, const struct sockaddr *address, socklen_t size);
int __real_fchmodat(int folder, const char *name, mode_t mode, int flags);
int __wrap_fchmodat(int folder, const char *name, mode_t mode, int flags);
int __real_setsockopt(int descriptor, int level, int name, const void *value, socklen_t size);
int __wrap_setsockopt(int descriptor, int level, int name, const void *value, socklen_t size);
int __real_listen(int descriptor, int backlog);
int __wrap_listen(int descriptor, int backlog);
int __real_renameat(int from_folder, const char *from, int to_folder, const char *to);
int __wrap_renameat(int from_folder, const char *from, int to_folder, const char *to);
int __real_open64(const char *path, int flags, ...);
int __wrap_open64(const char *path, int flags, ...);
int __real_fstat64(int descriptor, struct stat *ret);
int __wrap_fstat64(int descriptor, struct stat *ret);

int __wrap_flock(int descriptor, int operation)
{
	if (name_goes_first) {
		char path[128];

		name_goes_first = false;
		snprintf(path, sizeof(path), "%s/run/%s", pf_folder, RUNTIME_LOCK_NAME);
		assert_int_equal(unlink(path), 0);
		if (name_is_anothers)
			assert_int_equal(mknod(path, S_IFREG | 0600, 0), 0);
	}
	return fails(FLOCK) ? -1 : __real_flock(descriptor, operation);
}

int __wrap_socket(int family, int type, int protocol)
{
	return fails(SOCKET) ? -1 : __real_socket(family, type, protocol);
}

int __wrap_bind(int descriptor, const struct sockaddr *address, socklen_t size)
{
	return fails(BIND) ? -1 : __real_bind(descriptor, address, size);
}

int __wrap_fchmodat(int folder, const char *name, mode_t mode, int flags)
{
	return fails(CHMOD) ? -1 : __real_fchmodat(folder, name, mode, flags);
}

int __wrap_setsockopt(int descriptor, int level, int name, const void *value, socklen_t size)
{
	return fails(SETSOCKOPT) ? -1 : __real_setsockopt(descriptor, level, name, value, size);
}

int __wrap_listen(int descriptor, int backlog)
{
	return fails(LISTEN) ? -1 : __real_listen(descriptor, backlog);
}

int __wrap_renameat(int from_folder, const char *from, int to_folder, const char *to)
{
	return fails(RENAME) ? -1 : __real_renameat(from_folder, from, to_folder, to);
}

/* The folder of the machine is one of the case's. */
int __wrap_open64(const char *path, int flags, ...)
{
	char own[128];

	snprintf(own, sizeof(own), "%s/system", pf_folder);
	return __real_open64(strcmp(path, RUNTIME_SYSTEM_DIR) == 0 ? own : path, flags);
}

int __wrap_fstat64(int descriptor, struct stat *ret)
{
	return fails(FSTAT) ? -1 : __real_fstat64(descriptor, ret);
}

/* ---- the cases' own ------------------------------------------------------------------------------ */

static int begin(void **state)
{
	(void)state;
	if (pf_folder_make() < 0)
		return -1;
	setenv("DXVAULT_RUNTIME_DIR", pf_path("run"), 1);
	pf_fail_at(NONE, 0);
	name_goes_first = false;
	return 0;
}

static int end(void **state)
{
	(void)state;
	return pf_folder_remove();
}

static mode_t mode_of(const char *name)
{
	struct stat info;

	return lstat(pf_path(name), &info) == 0 ? info.st_mode & 07777 : 0;
}

static bool is_there(const char *name)
{
	struct stat info;

	return lstat(pf_path(name), &info) == 0;
}

/* Nothing stays open, and nobody finds a socket. */
static void assert_refused(bool for_all, int error)
{
	int before = pf_open_descriptors();
	struct listener listener;

	assert_int_equal(listener_open(for_all, &listener), -error);
	assert_int_equal(pf_open_descriptors(), before);
}

/* ---- the socket ---------------------------------------------------------------------------------- */

static void test_one_service_listens(void **state)
{
	struct listener listener;
	struct sockaddr_un address;
	int client;
	int before = pf_open_descriptors();

	(void)state;
	assert_int_equal(listener_open(false, &listener), 0);
	assert_int_equal(mode_of("run"), 0700);
	assert_int_equal(mode_of("run/service.sock"), 0600);
	assert_false(listener.is_inherited);
	client = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	runtime_dir_socket_address(listener.folder, RUNTIME_SOCKET_NAME, &address);
	assert_int_equal(connect(client, (struct sockaddr *)&address, sizeof(address)), 0);
	close(client);
	assert_refused(false, EALREADY);
	assert_true(is_there("run/service.sock"));
	listener_close(&listener);
	assert_false(is_there("run/service.sock"));
	assert_false(is_there("run/service.lock"));
	assert_int_equal(pf_open_descriptors(), before);
}

static void test_the_lock_of_one_that_left(void **state)
{
	struct listener listener;

	(void)state;
	for (int anothers = 0; anothers < 2; anothers++) {
		name_goes_first = true;
		name_is_anothers = anothers;
		assert_int_equal(listener_open(false, &listener), 0);
		assert_false(name_goes_first);
		/* What is locked is what the next one finds. */
		assert_true(is_there("run/service.lock"));
		assert_refused(false, EALREADY);
		listener_close(&listener);
	}
}

static void test_no_socket_can_be_made(void **state)
{
	static const enum call calls[] = { FLOCK, SOCKET, BIND, CHMOD, SETSOCKOPT, LISTEN, RENAME };
	struct listener listener;

	(void)state;
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		pf_fail_at(calls[i], 1);
		assert_refused(false, EIO);
		assert_false(is_there("run/service.sock"));
	}
	pf_fail_at(FSTAT, 1);
	assert_refused(false, EIO);
	/* What has the names is neither followed nor removed. */
	assert_int_equal(unlink(pf_path("run/service.lock")), 0);
	assert_int_equal(symlink("elsewhere", pf_path("run/service.lock")), 0);
	assert_refused(false, ELOOP);
	assert_false(is_there("run/elsewhere"));
	assert_int_equal(unlink(pf_path("run/service.lock")), 0);
	assert_int_equal(unlink(pf_path("run/service.sock.new")), 0);
	assert_int_equal(mkdir(pf_path("run/service.sock.new"), 0700), 0);
	assert_refused(false, EISDIR);
	assert_int_equal(rmdir(pf_path("run/service.sock.new")), 0);
	/* A dead service's are in nobody's way. */
	assert_int_equal(mknod(pf_path("run/service.sock.new"), S_IFREG | 0600, 0), 0);
	assert_int_equal(mknod(pf_path("run/service.sock"), S_IFREG | 0600, 0), 0);
	assert_int_equal(listener_open(false, &listener), 0);
	listener_close(&listener);
}

static void test_a_folder_of_others(void **state)
{
	static const mode_t modes[] = { 0750, 0705, 0770, 0777, 01700, 02700, 0500 };

	(void)state;
	assert_int_equal(mkdir(pf_path("run"), 0700), 0);
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		assert_int_equal(chmod(pf_path("run"), modes[i]), 0);
		assert_refused(false, EPERM);
	}
	assert_int_equal(chmod(pf_path("run"), 0700), 0);
	if (geteuid() == 0) {
		assert_int_equal(chown(pf_path("run"), 65534, (gid_t)-1), 0);
		assert_refused(false, EPERM);
		assert_int_equal(chown(pf_path("run"), 0, (gid_t)-1), 0);
	}
	assert_int_equal(rename(pf_path("run"), pf_path("real")), 0);
	assert_int_equal(symlink("real", pf_path("run")), 0);
	assert_refused(false, EPERM);
	assert_false(is_there("real/service.sock"));
}

static void test_the_folder_of_the_machine(void **state)
{
	struct listener listener;

	(void)state;
	assert_refused(true, ENOENT);
	assert_int_equal(mkdir(pf_path("system"), 0755), 0);
	assert_int_equal(listener_open(true, &listener), 0);
	assert_int_equal(mode_of("system/service.sock"), 0666);
	listener_close(&listener);
	assert_int_equal(chmod(pf_path("system"), 0775), 0);
	assert_refused(true, EPERM);
	assert_int_equal(chmod(pf_path("system"), 0757), 0);
	assert_refused(true, EPERM);
	assert_int_equal(chmod(pf_path("system"), 0755), 0);
	pf_fail_at(FSTAT, 1);
	assert_refused(true, EPERM);
	if (geteuid() == 0) {
		assert_int_equal(chown(pf_path("system"), 65534, (gid_t)-1), 0);
		assert_refused(true, EPERM);
	}
	assert_int_equal(rename(pf_path("system"), pf_path("real")), 0);
	assert_int_equal(symlink("real", pf_path("system")), 0);
	assert_refused(true, EPERM);
	assert_false(is_there("real/service.sock"));
}

/* In a process of its own, where descriptor 3 is nobody's. */
static int inherit(int socket, int count, bool for_us)
{
	pid_t pid = fork();
	int status = -1;

	if (pid == 0) {
		struct listener listener;
		char text[16];
		int result;

		dup2(socket, 3);
		snprintf(text, sizeof(text), "%d", for_us ? getpid() : 1);
		setenv("LISTEN_PID", text, 1);
		snprintf(text, sizeof(text), "%d", count);
		setenv("LISTEN_FDS", text, 1);
		result = listener_open(false, &listener);
		if (result == 0) {
			result = listener.is_inherited && listener.socket == 3 && !getenv("LISTEN_FDS");
			listener_close(&listener);
		}
		_exit(result < 0 ? -result : result);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void test_a_socket_of_systemd(void **state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int good = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	int stream = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)state;
	assert_int_equal(inherit(good, 1, true), EINVAL); /* it does not listen */
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/socket", pf_folder);
	assert_int_equal(bind(good, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(good, 1), 0);
	assert_int_equal(inherit(good, 1, true), 1);
	/* It is systemd's, and stays. */
	assert_true(is_there("socket"));
	assert_false(is_there("run"));
	assert_int_equal(inherit(good, 2, true), EINVAL);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/stream", pf_folder);
	assert_int_equal(bind(stream, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(stream, 1), 0);
	assert_int_equal(inherit(stream, 1, true), EINVAL);
	assert_false(is_there("run"));
	/* What another process was given is not looked at. */
	assert_int_equal(inherit(good, 1, false), 0);
	close(good);
	close(stream);
}

/* ---- which folder -------------------------------------------------------------------------------- */

static void test_which_folder(void **state)
{
	char path[PATH_MAX];
	char *lengthy = malloc(PATH_MAX + 2);
	int descriptor;

	(void)state;
	assert_int_equal(runtime_dir_open(false, &descriptor, NULL), -ENOENT);
	assert_int_equal(runtime_dir_open(true, &descriptor, path), 0);
	assert_string_equal(path, pf_path("run"));
	close(descriptor);
	setenv("DXVAULT_RUNTIME_DIR", "run", 1);
	setenv("XDG_RUNTIME_DIR", pf_folder, 1);
	assert_int_equal(runtime_dir_open(true, &descriptor, path), 0);
	assert_string_equal(path, pf_path("dxvault"));
	close(descriptor);
	setenv("XDG_RUNTIME_DIR", "here", 1);
	(void)runtime_dir_open(false, &descriptor, path);
	assert_memory_equal(path, "/tmp/dxvault-", 13);
	assert_int_equal(strtoul(path + 13, NULL, 10), geteuid());
	assert_non_null(lengthy);
	memset(lengthy, '/', PATH_MAX + 1);
	lengthy[PATH_MAX + 1] = '\0';
	setenv("DXVAULT_RUNTIME_DIR", lengthy, 1);
	assert_int_equal(runtime_dir_open(true, &descriptor, path), -ENAMETOOLONG);
	free(lengthy);
	setenv("DXVAULT_RUNTIME_DIR", pf_path("none/run"), 1);
	assert_int_equal(runtime_dir_open(true, &descriptor, path), -ENOENT);
}

/* Whether what is found is the folder of that name; -1: nothing is found. */
static uid_t found_owner;
static int find(const char *name)
{
	struct stat found;
	struct stat named;
	int descriptor;
	int result = runtime_dir_find(&descriptor, &found_owner);

	if (result < 0)
		return result;
	assert_int_equal(fstat(descriptor, &found), 0);
	assert_int_equal(stat(pf_path(name), &named), 0);
	close(descriptor);
	return found.st_ino == named.st_ino;
}

static void make_socket(const char *name)
{
	assert_int_equal(mknod(pf_path(name), S_IFSOCK | 0600, 0), 0);
}

static void test_which_service_is_found(void **state)
{
	int before = pf_open_descriptors();

	(void)state;
	unsetenv("DXVAULT_RUNTIME_DIR");
	setenv("XDG_RUNTIME_DIR", pf_folder, 1);
	assert_int_equal(find("dxvault"), -ENOENT);
	/* The machine's, where there is one and none of this user. */
	assert_int_equal(mkdir(pf_path("system"), 0755), 0);
	assert_int_equal(find("dxvault"), -ENOENT);
	make_socket("system/service.sock");
	assert_int_equal(find("system"), 1);
	assert_int_equal(found_owner, geteuid());
	if (geteuid() == 0) {
		assert_int_equal(chown(pf_path("system"), 65534, (gid_t)-1), 0);
		assert_int_equal(find("system"), 1);
		assert_int_equal(found_owner, 65534);
	}
	assert_int_equal(mkdir(pf_path("dxvault"), 0700), 0);
	assert_int_equal(find("system"), 1);
	make_socket("dxvault/service.sock");
	assert_int_equal(find("dxvault"), 1);
	assert_int_equal(found_owner, geteuid());
	assert_int_equal(unlink(pf_path("dxvault/service.sock")), 0);
	/* A file of that name is no socket. */
	assert_int_equal(unlink(pf_path("system/service.sock")), 0);
	assert_int_equal(mknod(pf_path("system/service.sock"), S_IFREG | 0600, 0), 0);
	assert_int_equal(find("dxvault"), 1);
	/* A folder of one's own that others can write to is an error, and no reason to look elsewhere. */
	assert_int_equal(unlink(pf_path("system/service.sock")), 0);
	make_socket("system/service.sock");
	assert_int_equal(chmod(pf_path("dxvault"), 0770), 0);
	assert_int_equal(find("dxvault"), -EPERM);
	assert_int_equal(chmod(pf_path("dxvault"), 0700), 0);
	/* So is a named one. */
	setenv("DXVAULT_RUNTIME_DIR", pf_path("run"), 1);
	assert_int_equal(find("system"), -ENOENT);
	assert_int_equal(pf_open_descriptors(), before);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		CASE(test_one_service_listens), CASE(test_the_lock_of_one_that_left), CASE(test_no_socket_can_be_made),
		CASE(test_a_folder_of_others),	CASE(test_the_folder_of_the_machine), CASE(test_a_socket_of_systemd),
		CASE(test_which_folder),	CASE(test_which_service_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
