/* SPDX-License-Identifier: MIT */
/* What the tests of the client's side of rings share: counted system calls, escapes in short, calls in threads. */
#include "ring_fixture.h"

#include <dirent.h>
#include <errno.h>
#include <linux/futex.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* ---- what the library asks of the system, counted ------------------------------------------------------------ */

atomic_uint futex_waits;
atomic_uint futex_timeouts;
atomic_uint writes;
atomic_uint clock_looks;
atomic_bool one_processor;
void (*_Atomic on_sleep)(void);
_Thread_local void (*on_lock)(void);

long __real_syscall(long number, ...);
long __wrap_syscall(long number, ...);
long __wrap_syscall(long number, ...)
{
	void (*call)(void) = on_sleep;
	long arguments[6];
	va_list list;
	long result;
	bool waits;

	va_start(list, number);
	for (size_t i = 0; i < 6; i++)
		arguments[i] = va_arg(list, long);
	va_end(list);
	waits = number == SYS_futex && arguments[1] == FUTEX_WAIT;
	if (waits)
		atomic_fetch_add(&futex_waits, 1);
	if (waits && call) {
		on_sleep = NULL;
		call();
	}
	result = __real_syscall(number, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4],
				arguments[5]);
	if (waits && result < 0 && errno == ETIMEDOUT)
		atomic_fetch_add(&futex_timeouts, 1);
	return result;
}

ssize_t __real_write(int descriptor, const void *data, size_t size);
ssize_t __wrap_write(int descriptor, const void *data, size_t size);
ssize_t __wrap_write(int descriptor, const void *data, size_t size)
{
	atomic_fetch_add(&writes, 1);
	return __real_write(descriptor, data, size);
}

int __real_sched_getaffinity(pid_t pid, size_t size, cpu_set_t *set);
int __wrap_sched_getaffinity(pid_t pid, size_t size, cpu_set_t *set);
int __wrap_sched_getaffinity(pid_t pid, size_t size, cpu_set_t *set)
{
	if (!one_processor)
		return __real_sched_getaffinity(pid, size, set);
	CPU_ZERO(set);
	CPU_SET(0, set);
	return 0;
}

int __real_pthread_mutex_lock(pthread_mutex_t *lock);
int __wrap_pthread_mutex_lock(pthread_mutex_t *lock);
int __wrap_pthread_mutex_lock(pthread_mutex_t *lock)
{
	void (*call)(void) = on_lock;

	on_lock = NULL;
	if (call)
		call();
	return __real_pthread_mutex_lock(lock);
}

int __real_clock_gettime(clockid_t clock, struct timespec *ret);
int __wrap_clock_gettime(clockid_t clock, struct timespec *ret);
int __wrap_clock_gettime(clockid_t clock, struct timespec *ret)
{
	atomic_fetch_add(&clock_looks, 1);
	return __real_clock_gettime(clock, ret);
}

bool has_processors(void)
{
	cpu_set_t set;

	return __real_sched_getaffinity(0, sizeof(set), &set) == 0 && CPU_COUNT(&set) > 1;
}

struct fake_side *process_side;
struct kmt_connection *__wrap_kmt_service_connect(void);
struct kmt_connection *__wrap_kmt_service_connect(void)
{
	process_side = fake_side_create();
	return process_side->connection;
}

/* ---- short forms ----------------------------------------------------------------------------------------------- */

void block_set(struct block *block, uint32_t number, NTSTATUS status)
{
	block->command = (struct fake_command) { .number = number, .status = status };
	for (size_t i = 0; i < sizeof(block->bytes); i++)
		block->bytes[i] = (uint8_t)(number + i);
}

bool block_is_asked(const struct block *block, uint32_t number)
{
	return block->command.number == number && block->bytes[0] == (uint8_t)number &&
	       block->bytes[83] == (uint8_t)(number + 83);
}

bool block_is_answered(const struct block *block, uint32_t number)
{
	return block->command.number == number + FAKE_ANSWER && block->bytes[0] == (uint8_t)~number &&
	       block->bytes[83] == (uint8_t) ~(number + 83);
}

D3DKMT_ESCAPE escape_of(D3DKMT_HANDLE device, struct block *block)
{
	return (D3DKMT_ESCAPE) {
		.hAdapter = FAKE_ADAPTER,
		.hDevice = device,
		.Type = D3DKMT_ESCAPE_DRIVERPRIVATE,
		.Flags.NoAdapterSynchronization = 1,
		.pPrivateDriverData = block,
		.PrivateDriverDataSize = sizeof(*block),
	};
}

NTSTATUS ask(D3DKMT_HANDLE device, struct block *block)
{
	const D3DKMT_ESCAPE arg = escape_of(device, block);

	return D3DKMTEscape(&arg);
}

NTSTATUS queue(D3DKMT_HANDLE device, struct block *block)
{
	const D3DKMT_ESCAPE arg = escape_of(device, block);

	return DxvaultQueueEscape(&arg);
}

void queue_numbers(D3DKMT_HANDLE device, struct block *blocks, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		block_set(&blocks[i], i, STATUS_SUCCESS);
		assert_int_equal(queue(device, &blocks[i]), STATUS_SUCCESS);
	}
}

D3DKMT_HANDLE make_device(void)
{
	D3DKMT_CREATEDEVICE arg = { .hAdapter = FAKE_ADAPTER };

	assert_int_equal(D3DKMTCreateDevice(&arg), STATUS_SUCCESS);
	return arg.hDevice;
}

NTSTATUS destroy_device(D3DKMT_HANDLE device)
{
	const D3DKMT_DESTROYDEVICE arg = { .hDevice = device };

	return D3DKMTDestroyDevice(&arg);
}

/* A device with a ring that one escape went through. */
D3DKMT_HANDLE make_ring(struct fake_side *side, struct fake_ring **ret)
{
	D3DKMT_HANDLE device = make_device();
	bool is_held = side->is_held;
	struct block block;

	side->is_held = false;
	block_set(&block, 7, STATUS_SUCCESS);
	assert_int_equal(ask(device, &block), STATUS_SUCCESS);
	assert_true(block_is_answered(&block, 7));
	*ret = fake_side_ring(side, device);
	assert_non_null(*ret);
	if (is_held)
		atomic_store(&(*ret)->allowed, 0);
	side->is_held = is_held;
	return device;
}

void pause_for(long ms)
{
	nanosleep(&(struct timespec) { .tv_nsec = ms * 1000000L }, NULL);
}

unsigned int mappings_of_rings(void)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	unsigned int count = 0;
	char line[512];

	if (!maps)
		abort();
	while (fgets(line, sizeof(line), maps))
		count += strstr(line, "fake-ring") != NULL;
	(void)fclose(maps);
	return count;
}

unsigned int open_events(void)
{
	DIR *folder = opendir("/proc/self/fd");
	const struct dirent *entry;
	unsigned int count = 0;
	char target[64];

	if (!folder)
		abort();
	while ((entry = readdir(folder))) {
		ssize_t length = readlinkat(dirfd(folder), entry->d_name, target, sizeof(target) - 1);

		target[length > 0 ? length : 0] = '\0';
		count += strcmp(target, "anon_inode:[eventfd]") == 0;
	}
	closedir(folder);
	return count;
}

int ring_setup(void **state)
{
	struct fake_side *side = fake_side_create();

	kmt_connection_set(side->connection);
	*state = side;
	return 0;
}

int ring_teardown(void **state)
{
	struct fake_side *side = *state;

	on_sleep = NULL;
	one_processor = false;
	kmt_connection_set(NULL);
	fake_side_destroy(side);
	assert_int_equal(mappings_of_rings(), 0);
	assert_int_equal(open_events(), 0);
	return 0;
}

static void *job_run(void *data)
{
	struct job *job = data;

	kmt_connection_set(job->side->connection);
	job->status = job->call(job);
	job->is_done = true;
	return NULL;
}

void job_start(struct job *job, struct fake_side *side, D3DKMT_HANDLE device, NTSTATUS (*call)(struct job *job))
{
	*job = (struct job) { .side = side, .device = device, .call = call, .status = STATUS_PENDING };
	block_set(&job->block, 9, STATUS_SUCCESS);
	assert_int_equal(pthread_create(&job->thread, NULL, job_run, job), 0);
}

NTSTATUS job_end(struct job *job)
{
	assert_int_equal(pthread_join(job->thread, NULL), 0);
	return job->status;
}

NTSTATUS call_ask(struct job *job)
{
	return ask(job->device, &job->block);
}
