/* SPDX-License-Identifier: MIT */
/* What the service tells of itself: to its clients that it lives no longer, and to systemd that it serves. */
#include "process_fixture.h"
#include "service/liveness.h"
#include "service/notify.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

/* ---- what the system answers --------------------------------------------------------------------- */

enum call { NONE, SOCKET, MEMFD, TRUNCATE, MMAP, FCNTL, SYSCALL };

static int maps; /* mapped and not unmapped */

static bool fails(enum call call)
{
	return pf_fails(call, EIO);
}

int __real_socket(int family, int type, int protocol);
int __wrap_socket(int family, int type, int protocol);
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

int __wrap_socket(int family, int type, int protocol)
{
	return fails(SOCKET) ? -1 : __real_socket(family, type, protocol);
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

/* ---- cases --------------------------------------------------------------------------------------- */

static int begin(void **state)
{
	(void)state;
	pf_fail_at(NONE, 0);
	maps = 0;
	return pf_folder_make();
}

static int end(void **state)
{
	(void)state;
	return pf_folder_remove();
}

static void test_no_sign_of_life(void **state)
{
	static const enum call calls[] = { MEMFD, TRUNCATE, MMAP, FCNTL, SYSCALL };
	int before = pf_open_descriptors();
	int descriptor;

	(void)state;
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		pf_fail_at(calls[i], 1);
		assert_int_equal(liveness_start(), -EIO);
	}
	pf_fail_at(MMAP, 2);
	assert_int_equal(liveness_start(), -EIO);
	assert_int_equal(pf_open_descriptors(), before);
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
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/notify", pf_folder);
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

	before = pf_open_descriptors();
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
	setenv("NOTIFY_SOCKET", pf_path("nobody"), 1);
	assert_int_equal(notify_open(), -ENOENT);
	pf_fail_at(SOCKET, 1);
	assert_int_equal(notify_open(), -EIO);
	assert_int_equal(pf_open_descriptors(), before);
	/* Nobody wants to know. */
	notify_tell(-ENOENT, "READY=1");
	close(receiver);
	close(unnamed);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		CASE(test_no_sign_of_life),
		CASE(test_systemd_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
