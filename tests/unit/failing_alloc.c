/* SPDX-License-Identifier: MIT */
/* Allocations that fail when a test wants it: the linker puts these functions before the real ones. */
#include "failing_alloc.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#ifndef SYS_memfd_secret
#define SYS_memfd_secret 447
#endif

/* Who counts down: nobody, the thread that asked, or all. One thread asks at a time. */
static _Thread_local bool is_mine, is_held;
static atomic_bool is_everyones;
static atomic_uint seen, first, last, failed;

static atomic_long blocks, mappings, secrets;

static void begin(unsigned int from, unsigned int to, bool everyone)
{
	atomic_store(&seen, 0);
	atomic_store(&failed, 0);
	atomic_store(&first, from);
	atomic_store(&last, to);
	is_mine = !everyone;
	atomic_store(&is_everyones, everyone);
}

void fail_alloc_at(unsigned int n)
{
	begin(n, n, /* everyone= */ false);
}

void fail_alloc_from(unsigned int n)
{
	begin(n, ~0u, /* everyone= */ false);
}

void fail_alloc_anywhere(unsigned int n)
{
	begin(n, n, /* everyone= */ true);
}

void fail_alloc_hold(void)
{
	is_held = true;
}

void fail_alloc_go_on(void)
{
	is_held = false;
}

unsigned int fail_alloc_stop(void)
{
	is_mine = false;
	atomic_store(&is_everyones, false);
	return atomic_load(&failed);
}

struct fail_alloc_balance fail_alloc_balance(void)
{
	return (struct fail_alloc_balance) {
		.blocks = atomic_load(&blocks),
		.mappings = atomic_load(&mappings),
		.secrets = atomic_load(&secrets),
	};
}

static bool is_due(int error)
{
	unsigned int number;

	if (is_held || (!is_mine && !atomic_load(&is_everyones)))
		return false;
	number = atomic_fetch_add(&seen, 1) + 1;
	if (number < atomic_load(&first) || number > atomic_load(&last))
		return false;
	atomic_fetch_add(&failed, 1);
	errno = error;
	return true;
}

/* The linker's names: __wrap_X is what the objects call, __real_X is X. */
/* ---- blocks -------------------------------------------------------------------------------------------- */

#define ALLOCATOR(name, parameters, arguments)        \
	void *__real_##name parameters;               \
	void *__wrap_##name parameters;               \
	void *__wrap_##name parameters                \
	{                                             \
		void *block;                          \
                                                      \
		if (is_due(ENOMEM))                   \
			return NULL;                  \
		block = __real_##name arguments;      \
		if (block)                            \
			atomic_fetch_add(&blocks, 1); \
		return block;                         \
	}

ALLOCATOR(malloc, (size_t size), (size))
ALLOCATOR(calloc, (size_t count, size_t size), (count, size))
ALLOCATOR(aligned_alloc, (size_t alignment, size_t size), (alignment, size))

void *__real_realloc(void *old, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__wrap_realloc(void *old, size_t size)
{
	void *block;

	if (is_due(ENOMEM))
		return NULL;
	block = __real_realloc(old, size);
	if (block && !old)
		atomic_fetch_add(&blocks, 1);
	return block;
}

void *__real_reallocarray(void *old, size_t count, size_t size);
void *__wrap_reallocarray(void *old, size_t count, size_t size);
void *__wrap_reallocarray(void *old, size_t count, size_t size)
{
	void *block;

	if (is_due(ENOMEM))
		return NULL;
	block = __real_reallocarray(old, count, size);
	if (block && !old)
		atomic_fetch_add(&blocks, 1);
	return block;
}

void __real_free(void *block);
void __wrap_free(void *block);
void __wrap_free(void *block)
{
	if (block)
		atomic_fetch_sub(&blocks, 1);
	__real_free(block);
}

/* ---- the secret heap ------------------------------------------------------------------------------------- */

void *__real_gpu_secret_alloc(size_t size);
void *__wrap_gpu_secret_alloc(size_t size);
void *__wrap_gpu_secret_alloc(size_t size)
{
	void *block;

	if (is_due(ENOMEM))
		return NULL;
	block = __real_gpu_secret_alloc(size);
	if (block)
		atomic_fetch_add(&secrets, 1);
	return block;
}

void __real_gpu_secret_free(void *block);
void __wrap_gpu_secret_free(void *block);
void __wrap_gpu_secret_free(void *block)
{
	if (block)
		atomic_fetch_sub(&secrets, 1);
	__real_gpu_secret_free(block);
}

void *__real_gpu_secret_realloc(void *old, size_t size);
void *__wrap_gpu_secret_realloc(void *old, size_t size);
void *__wrap_gpu_secret_realloc(void *old, size_t size)
{
	void *block;

	if (size > 0 && is_due(ENOMEM))
		return NULL;
	block = __real_gpu_secret_realloc(old, size);
	if (block && !old)
		atomic_fetch_add(&secrets, 1);
	else if (old && size == 0)
		atomic_fetch_sub(&secrets, 1);
	return block;
}

/* ---- mappings -------------------------------------------------------------------------------------------- */

void *__real_mmap64(void *address, size_t size, int protection, int flags, int descriptor, off_t offset);
void *__wrap_mmap64(void *address, size_t size, int protection, int flags, int descriptor, off_t offset);
void *__wrap_mmap64(void *address, size_t size, int protection, int flags, int descriptor, off_t offset)
{
	void *map;

	if (is_due(ENOMEM))
		return MAP_FAILED;
	map = __real_mmap64(address, size, protection, flags, descriptor, offset);
	if (map != MAP_FAILED)
		atomic_fetch_add(&mappings, 1);
	return map;
}

int __real_munmap(void *map, size_t size);
int __wrap_munmap(void *map, size_t size);
int __wrap_munmap(void *map, size_t size)
{
	int result = __real_munmap(map, size);

	if (result == 0)
		atomic_fetch_sub(&mappings, 1);
	return result;
}

#define SYSTEM_CALL(name, parameters, arguments, error) \
	int __real_##name parameters;                   \
	int __wrap_##name parameters;                   \
	int __wrap_##name parameters                    \
	{                                               \
		if (is_due(error))                      \
			return -1;                      \
		return __real_##name arguments;         \
	}

SYSTEM_CALL(mprotect, (void *map, size_t size, int protection), (map, size, protection), ENOMEM)
SYSTEM_CALL(madvise, (void *map, size_t size, int advice), (map, size, advice), ENOMEM)
SYSTEM_CALL(mlock2, (const void *map, size_t size, unsigned int flags), (map, size, flags), ENOMEM)
SYSTEM_CALL(memfd_create, (const char *name, unsigned int flags), (name, flags), ENFILE)
SYSTEM_CALL(ftruncate64, (int descriptor, off_t size), (descriptor, size), ENOSPC)
SYSTEM_CALL(fallocate64, (int descriptor, int mode, off_t offset, off_t size), (descriptor, mode, offset, size), ENOSPC)

/* ---- descriptors and threads ------------------------------------------------------------------------------- */

SYSTEM_CALL(socketpair, (int domain, int type, int protocol, int ends[2]), (domain, type, protocol, ends), EMFILE)
SYSTEM_CALL(epoll_create1, (int flags), (flags), EMFILE)
SYSTEM_CALL(epoll_ctl, (int set, int operation, int descriptor, struct epoll_event *event),
	    (set, operation, descriptor, event), ENOMEM)

/* One that came with a reply: it finds no room in this process, as SCM_RIGHTS has it, and is gone. */
struct kmt_call;
int __real_kmt_take_descriptor(struct kmt_call *call);
int __wrap_kmt_take_descriptor(struct kmt_call *call);
int __wrap_kmt_take_descriptor(struct kmt_call *call)
{
	int descriptor = __real_kmt_take_descriptor(call);

	if (descriptor < 0 || !is_due(EMFILE))
		return descriptor;
	close(descriptor);
	return -1;
}

int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *data);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *data);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *data)
{
	if (is_due(EAGAIN))
		return EAGAIN;
	return __real_pthread_create(thread, attributes, run, data);
}

int __real_fcntl64(int descriptor, int command, ...);
int __wrap_fcntl64(int descriptor, int command, ...);
int __wrap_fcntl64(int descriptor, int command, ...)
{
	va_list list;
	long argument;

	/* Whatever the command takes, or nothing: one register either way. */
	va_start(list, command);
	argument = va_arg(list, long);
	va_end(list);
	if (command == F_DUPFD_CLOEXEC && is_due(EMFILE))
		return -1;
	return __real_fcntl64(descriptor, command, argument);
}

int __real_open64(const char *path, int flags, ...);
int __wrap_open64(const char *path, int flags, ...);
int __wrap_open64(const char *path, int flags, ...)
{
	va_list list;
	unsigned int mode;

	va_start(list, flags);
	mode = va_arg(list, unsigned int);
	va_end(list);
	if (is_due(EMFILE))
		return -1;
	return __real_open64(path, flags, mode);
}

long __real_syscall(long number, ...);
long __wrap_syscall(long number, ...);
long __wrap_syscall(long number, ...)
{
	long arguments[6];
	va_list list;

	va_start(list, number);
	for (size_t i = 0; i < 6; i++)
		arguments[i] = va_arg(list, long);
	va_end(list);
	if (number == SYS_memfd_secret && is_due(EMFILE))
		return -1;
	return __real_syscall(number, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4],
			      arguments[5]);
}
