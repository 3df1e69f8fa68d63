/* SPDX-License-Identifier: MIT */
/* What the service opens before it serves: its folder and socket, what tells of its death, and the way to systemd. */
#include "service/listener.h"
#include "service/liveness.h"
#include "service/notify.h"
#include "util/runtime_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char top[64]; /* a folder of the case */

/* ---- what the system answers --------------------------------------------------------------------- */

enum call {
	NONE,
	FLOCK,
	SOCKET,
	BIND,
	CHMOD,
	SETSOCKOPT,
	LISTEN,
	RENAME,
	MEMFD,
	TRUNCATE,
	MMAP,
	FCNTL,
	SYSCALL,
	FSTAT
};

static enum call failing;
static unsigned int failing_at; /* the how manieth of them, from 1 */
/* Just before this service has the lock: another one takes the name away; puts a lock of its own there. */
static bool name_goes_first, name_is_anothers;
static int maps; /* mapped and not unmapped */

static bool fails(enum call call)
{
	if (failing != call || --failing_at > 0)
		return false;
	errno = EIO;
	return true;
}

static void fail_at(enum call call, unsigned int at)
{
	failing = call;
	failing_at = at;
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
int __real_memfd_create(const char *name, unsigned int flags);
int __wrap_memfd_create(const char *name, unsigned int flags);
int __real_ftruncate64(int descriptor, off_t size);
int __wrap_ftruncate64(int descriptor, off_t size);
void *__real_mmap64(void *at, size_t size, int protection, int flags, int descriptor, off_t offset);
void *__wrap_mmap64(void *at, size_t size, int protection, int flags, int descriptor, off_t offset);
int __real_munmap(void *at, size_t size);
int __wrap_munmap(void *at, size_t size);
int __real_fcntl64(int descriptor, int command, ...);
int __wrap_fcntl64(int descriptor, int command, ...);
long __wrap_syscall(long number, ...);
int __real_open64(const char *path, int flags, ...);
int __wrap_open64(const char *path, int flags, ...);
int __real_fstat64(int descriptor, struct stat *ret);
int __wrap_fstat64(int descriptor, struct stat *ret);

int __wrap_flock(int descriptor, int operation)
{
	if (name_goes_first) {
		char path[128];

		name_goes_first = false;
		snprintf(path, sizeof(path), "%s/run/%s", top, RUNTIME_LOCK_NAME);
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

int __wrap_memfd_create(const char *name, unsigned int flags)
{
	return fails(MEMFD) ? -1 : __real_memfd_create(name, flags);
}

int __wrap_ftruncate64(int descriptor, off_t size)
{
	return fails(TRUNCATE) ? -1 : __real_ftruncate64(descriptor, size);
}

void *__wrap_mmap64(void *at, size_t size, int protection, int flags, int descriptor, off_t offset)
{
	void *memory = fails(MMAP) ? MAP_FAILED : __real_mmap64(at, size, protection, flags, descriptor, offset);

	maps += memory != MAP_FAILED;
	return memory;
}

int __wrap_munmap(void *at, size_t size)
{
	maps--;
	return __real_munmap(at, size);
}

int __wrap_fcntl64(int descriptor, int command, ...)
{
	va_list arguments;
	int argument;

	va_start(arguments, command);
	argument = va_arg(arguments, int);
	va_end(arguments);
	return fails(FCNTL) ? -1 : __real_fcntl64(descriptor, command, argument);
}

/* Of these there is set_robust_list alone. That libc loses its own list is no matter: no robust mutex is in use. */
long __wrap_syscall(long number, ...)
{
	assert_int_equal(number, SYS_set_robust_list);
	return fails(SYSCALL) ? -1 : 0;
}

/* The folder of the machine is one of the case's. */
int __wrap_open64(const char *path, int flags, ...)
{
	char own[128];

	snprintf(own, sizeof(own), "%s/system", top);
	return __real_open64(strcmp(path, RUNTIME_SYSTEM_DIR) == 0 ? own : path, flags);
}

int __wrap_fstat64(int descriptor, struct stat *ret)
{
	return fails(FSTAT) ? -1 : __real_fstat64(descriptor, ret);
}

/* ---- the cases' own ------------------------------------------------------------------------------ */

static int begin(void **state)
{
	char path[96];

	(void)state;
	strcpy(top, "/tmp/dxvault-test-start.XXXXXX");
	if (!mkdtemp(top))
		return -1;
	snprintf(path, sizeof(path), "%s/run", top);
	setenv("DXVAULT_RUNTIME_DIR", path, 1);
	fail_at(NONE, 0);
	name_goes_first = false;
	maps = 0;
	return 0;
}

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *at)
{
	(void)info;
	(void)type;
	(void)at;
	return remove(path);
}

static int end(void **state)
{
	(void)state;
	return nftw(top, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* Good until the second call after this one. */
static const char *path_of(const char *name)
{
	static char paths[2][128];
	static unsigned int turn;
	char *path = paths[turn++ % 2];

	snprintf(path, sizeof(paths[0]), "%s/%s", top, name);
	return path;
}

static int descriptors(void)
{
	DIR *folder = opendir("/proc/self/fd");
	int count = 0;

	assert_non_null(folder);
	while (readdir(folder))
		count++;
	closedir(folder);
	return count;
}

static mode_t mode_of(const char *name)
{
	struct stat info;

	return lstat(path_of(name), &info) == 0 ? info.st_mode & 07777 : 0;
}

static bool is_there(const char *name)
{
	struct stat info;

	return lstat(path_of(name), &info) == 0;
}

/* Nothing stays open, and nobody finds a socket. */
static void assert_refused(bool for_all, int error)
{
	int before = descriptors();
	struct listener listener;

	assert_int_equal(listener_open(for_all, &listener), -error);
	assert_int_equal(descriptors(), before);
}

/* ---- the socket ---------------------------------------------------------------------------------- */

static void test_one_service_listens(void **state)
{
	struct listener listener;
	struct sockaddr_un address;
	int client;
	int before = descriptors();

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
	assert_int_equal(descriptors(), before);
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
		fail_at(calls[i], 1);
		assert_refused(false, EIO);
		assert_false(is_there("run/service.sock"));
	}
	fail_at(FSTAT, 1);
	assert_refused(false, EIO);
	/* What has the names is neither followed nor removed. */
	assert_int_equal(unlink(path_of("run/service.lock")), 0);
	assert_int_equal(symlink("elsewhere", path_of("run/service.lock")), 0);
	assert_refused(false, ELOOP);
	assert_false(is_there("run/elsewhere"));
	assert_int_equal(unlink(path_of("run/service.lock")), 0);
	assert_int_equal(unlink(path_of("run/service.sock.new")), 0);
	assert_int_equal(mkdir(path_of("run/service.sock.new"), 0700), 0);
	assert_refused(false, EISDIR);
	assert_int_equal(rmdir(path_of("run/service.sock.new")), 0);
	/* A dead service's are in nobody's way. */
	assert_int_equal(mknod(path_of("run/service.sock.new"), S_IFREG | 0600, 0), 0);
	assert_int_equal(mknod(path_of("run/service.sock"), S_IFREG | 0600, 0), 0);
	assert_int_equal(listener_open(false, &listener), 0);
	listener_close(&listener);
}

static void test_a_folder_of_others(void **state)
{
	static const mode_t modes[] = { 0750, 0705, 0770, 0777, 01700, 02700, 0500 };

	(void)state;
	assert_int_equal(mkdir(path_of("run"), 0700), 0);
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		assert_int_equal(chmod(path_of("run"), modes[i]), 0);
		assert_refused(false, EPERM);
	}
	assert_int_equal(chmod(path_of("run"), 0700), 0);
	if (geteuid() == 0) {
		assert_int_equal(chown(path_of("run"), 65534, (gid_t)-1), 0);
		assert_refused(false, EPERM);
		assert_int_equal(chown(path_of("run"), 0, (gid_t)-1), 0);
	}
	assert_int_equal(rename(path_of("run"), path_of("real")), 0);
	assert_int_equal(symlink("real", path_of("run")), 0);
	assert_refused(false, EPERM);
	assert_false(is_there("real/service.sock"));
}

static void test_the_folder_of_the_machine(void **state)
{
	struct listener listener;

	(void)state;
	assert_refused(true, ENOENT);
	assert_int_equal(mkdir(path_of("system"), 0755), 0);
	assert_int_equal(listener_open(true, &listener), 0);
	assert_int_equal(mode_of("system/service.sock"), 0666);
	listener_close(&listener);
	assert_int_equal(chmod(path_of("system"), 0775), 0);
	assert_refused(true, EPERM);
	assert_int_equal(chmod(path_of("system"), 0757), 0);
	assert_refused(true, EPERM);
	assert_int_equal(chmod(path_of("system"), 0755), 0);
	fail_at(FSTAT, 1);
	assert_refused(true, EPERM);
	if (geteuid() == 0) {
		assert_int_equal(chown(path_of("system"), 65534, (gid_t)-1), 0);
		assert_refused(true, EPERM);
	}
	assert_int_equal(rename(path_of("system"), path_of("real")), 0);
	assert_int_equal(symlink("real", path_of("system")), 0);
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
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/socket", top);
	assert_int_equal(bind(good, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(good, 1), 0);
	assert_int_equal(inherit(good, 1, true), 1);
	/* It is systemd's, and stays. */
	assert_true(is_there("socket"));
	assert_false(is_there("run"));
	assert_int_equal(inherit(good, 2, true), EINVAL);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/stream", top);
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
	assert_string_equal(path, path_of("run"));
	close(descriptor);
	setenv("DXVAULT_RUNTIME_DIR", "run", 1);
	setenv("XDG_RUNTIME_DIR", top, 1);
	assert_int_equal(runtime_dir_open(true, &descriptor, path), 0);
	assert_string_equal(path, path_of("dxvault"));
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
	setenv("DXVAULT_RUNTIME_DIR", path_of("none/run"), 1);
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
	assert_int_equal(stat(path_of(name), &named), 0);
	close(descriptor);
	return found.st_ino == named.st_ino;
}

static void make_socket(const char *name)
{
	assert_int_equal(mknod(path_of(name), S_IFSOCK | 0600, 0), 0);
}

static void test_which_service_is_found(void **state)
{
	int before = descriptors();

	(void)state;
	unsetenv("DXVAULT_RUNTIME_DIR");
	setenv("XDG_RUNTIME_DIR", top, 1);
	assert_int_equal(find("dxvault"), -ENOENT);
	/* The machine's, where there is one and none of this user. */
	assert_int_equal(mkdir(path_of("system"), 0755), 0);
	assert_int_equal(find("dxvault"), -ENOENT);
	make_socket("system/service.sock");
	assert_int_equal(find("system"), 1);
	assert_int_equal(found_owner, geteuid());
	if (geteuid() == 0) {
		assert_int_equal(chown(path_of("system"), 65534, (gid_t)-1), 0);
		assert_int_equal(find("system"), 1);
		assert_int_equal(found_owner, 65534);
	}
	assert_int_equal(mkdir(path_of("dxvault"), 0700), 0);
	assert_int_equal(find("system"), 1);
	make_socket("dxvault/service.sock");
	assert_int_equal(find("dxvault"), 1);
	assert_int_equal(found_owner, geteuid());
	assert_int_equal(unlink(path_of("dxvault/service.sock")), 0);
	/* A file of that name is no socket. */
	assert_int_equal(unlink(path_of("system/service.sock")), 0);
	assert_int_equal(mknod(path_of("system/service.sock"), S_IFREG | 0600, 0), 0);
	assert_int_equal(find("dxvault"), 1);
	/* A folder of one's own that others can write to is an error, and no reason to look elsewhere. */
	assert_int_equal(unlink(path_of("system/service.sock")), 0);
	make_socket("system/service.sock");
	assert_int_equal(chmod(path_of("dxvault"), 0770), 0);
	assert_int_equal(find("dxvault"), -EPERM);
	assert_int_equal(chmod(path_of("dxvault"), 0700), 0);
	/* So is a named one. */
	setenv("DXVAULT_RUNTIME_DIR", path_of("run"), 1);
	assert_int_equal(find("system"), -ENOENT);
	assert_int_equal(descriptors(), before);
}

/* ---- its death, and systemd ---------------------------------------------------------------------- */

static void test_no_sign_of_life(void **state)
{
	static const enum call calls[] = { MEMFD, TRUNCATE, MMAP, FCNTL, SYSCALL };
	int before = descriptors();
	int descriptor;

	(void)state;
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		fail_at(calls[i], 1);
		assert_int_equal(liveness_start(), -EIO);
	}
	fail_at(MMAP, 2);
	assert_int_equal(liveness_start(), -EIO);
	assert_int_equal(descriptors(), before);
	assert_int_equal(maps, 0);
	descriptor = liveness_start();
	assert_true(descriptor >= 0);
	/* A client that has the descriptor can't make the service look dead. */
	assert_ptr_equal(__real_mmap64(NULL, 1, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0), MAP_FAILED);
	assert_int_equal(__real_ftruncate64(descriptor, 0), -1);
	close(descriptor);
}

static void assert_tells(int receiver)
{
	int descriptor = notify_open();
	char text[16] = "";

	assert_true(descriptor >= 0);
	notify_tell(descriptor, "READY=1");
	assert_int_equal(recv(receiver, text, sizeof(text) - 1, MSG_DONTWAIT), 7);
	assert_string_equal(text, "READY=1");
	close(descriptor);
}

static void test_systemd_is_told(void **state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int receiver = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int unnamed = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	char name[sizeof(address.sun_path) + 8];
	socklen_t size = sizeof(address);
	int before;

	(void)state;
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/notify", top);
	assert_int_equal(bind(receiver, (struct sockaddr *)&address, sizeof(address)), 0);
	setenv("NOTIFY_SOCKET", address.sun_path, 1);
	assert_tells(receiver);
	/* A name that is no file's; the kernel chooses it. */
	assert_int_equal(bind(unnamed, (struct sockaddr *)&address, sizeof(sa_family_t)), 0);
	assert_int_equal(getsockname(unnamed, (struct sockaddr *)&address, &size), 0);
	snprintf(name, sizeof(name), "@%.*s", (int)(size - offsetof(struct sockaddr_un, sun_path) - 1),
		 address.sun_path + 1);
	setenv("NOTIFY_SOCKET", name, 1);
	assert_tells(unnamed);

	before = descriptors();
	unsetenv("NOTIFY_SOCKET");
	assert_int_equal(notify_open(), -ENOENT);
	setenv("NOTIFY_SOCKET", "", 1);
	assert_int_equal(notify_open(), -ENOENT);
	setenv("NOTIFY_SOCKET", "vsock:2:1234", 1);
	assert_int_equal(notify_open(), -EAFNOSUPPORT);
	memset(name, 'n', sizeof(name));
	name[0] = '/';
	name[sizeof(address.sun_path)] = '\0';
	setenv("NOTIFY_SOCKET", name, 1);
	assert_int_equal(notify_open(), -EAFNOSUPPORT);
	setenv("NOTIFY_SOCKET", path_of("nobody"), 1);
	assert_int_equal(notify_open(), -ENOENT);
	fail_at(SOCKET, 1);
	assert_int_equal(notify_open(), -EIO);
	assert_int_equal(descriptors(), before);
	/* Nobody wants to know. */
	notify_tell(-ENOENT, "READY=1");
	close(receiver);
	close(unnamed);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		CASE(test_one_service_listens), CASE(test_the_lock_of_one_that_left), CASE(test_no_socket_can_be_made),
		CASE(test_a_folder_of_others),	CASE(test_the_folder_of_the_machine), CASE(test_a_socket_of_systemd),
		CASE(test_which_folder),	CASE(test_which_service_is_found),    CASE(test_no_sign_of_life),
		CASE(test_systemd_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
