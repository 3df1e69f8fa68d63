/* SPDX-License-Identifier: MIT */
/* Waiting for fences, blocking; kmt/async.c has the other way. */
#include "kmt/wait.h"

#include "kmt/async.h"
#include "kmt/entry.h"

#include <errno.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Where the system can't wait for several words, they are looked at this often. */
#define POLL_NS 1000000L

/* Waiters sleep on the low half of the value. */
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the low half of a fence value is not where the futex looks"
#endif

NTSTATUS kmt_wait_look(const struct kmt_wait *wait, struct kmt_futex *futexes, UINT *ret_futexes)
{
	UINT missing = 0;

	for (UINT i = 0; i < wait->count; i++) {
		const struct kmt_wait_fence *fence = &wait->fences[i];
		/* Acquire: who sees a loss counted sees the status that was stored before (KMT-22). */
		uint64_t seen = atomic_load_explicit(&fence->slot->value, memory_order_acquire);

		/* Behind the value: a slot that is in use again shows another handle before another value. */
		if (atomic_load_explicit(&fence->slot->handle, memory_order_relaxed) != fence->handle)
			return STATUS_INVALID_PARAMETER;
		if (seen >= fence->value) {
			if (wait->any)
				return STATUS_SUCCESS;
			continue;
		}
		futexes[missing++] = (struct kmt_futex) { .word = &fence->slot->value, .seen = (uint32_t)seen };
	}
	if (missing == 0)
		return STATUS_SUCCESS;
	if (atomic_load_explicit(&wait->device->handle, memory_order_relaxed) == wait->device_handle &&
	    wait->device->state == WIRE_SLOT_STATE(WIRE_SLOT_DEVICE, WIRE_DEVICE_REMOVED))
		return STATUS_DEVICE_REMOVED;
	/* Where all are needed, the first that is missing will do: it moves before the wait can end. */
	*ret_futexes = wait->any ? missing : 1;
	return STATUS_PENDING;
}

static void sleep_for(long ns)
{
	nanosleep(&(struct timespec) { .tv_sec = ns / 1000000000L, .tv_nsec = ns % 1000000000L }, NULL);
}

/* The most common wait, and the one that old systems have too. */
static void sleep_on_one(const struct kmt_futex *futex, long limit_ns)
{
	struct timespec limit = { .tv_sec = limit_ns / 1000000000L, .tv_nsec = limit_ns % 1000000000L };

	syscall(SYS_futex, futex->word, FUTEX_WAIT, futex->seen, &limit, NULL, 0);
}

void kmt_futexes_sleep(const struct kmt_futex *futexes, size_t count, long limit_ns)
{
#ifdef SYS_futex_waitv
	struct futex_waitv waits[KMT_FUTEXES_MAX];
	struct timespec limit;
#endif

	if (count == 1) {
		sleep_on_one(&futexes[0], limit_ns);
		return;
	}
#ifdef SYS_futex_waitv
	for (size_t i = 0; i < count; i++)
		waits[i] = (struct futex_waitv) {
			.val = futexes[i].seen,
			.uaddr = (uintptr_t)futexes[i].word,
			.flags = FUTEX_32,
		};
	clock_gettime(CLOCK_MONOTONIC, &limit);
	limit.tv_nsec += limit_ns % 1000000000L;
	limit.tv_sec += limit_ns / 1000000000L + limit.tv_nsec / 1000000000L;
	limit.tv_nsec %= 1000000000L;
	if (syscall(SYS_futex_waitv, waits, (unsigned int)count, 0, &limit, CLOCK_MONOTONIC) >= 0 ||
	    (errno != ENOSYS && errno != EFAULT))
		return;
#endif
	sleep_for(limit_ns < POLL_NS ? limit_ns : POLL_NS);
}

static NTSTATUS wait_block(const struct kmt_wait *wait)
{
	struct kmt_futex futexes[D3DDDI_MAX_OBJECT_WAITED_ON];
	NTSTATUS status;
	UINT count;

	while ((status = kmt_wait_look(wait, futexes, &count)) == STATUS_PENDING) {
		if (!kmt_connection_check(wait->connection))
			return STATUS_DEVICE_REMOVED;
		kmt_futexes_sleep(futexes, count, KMT_WAIT_LOOK_NS);
	}
	/* It was not this process that destroyed the fence if the service is on its way out. */
	if (status == STATUS_INVALID_PARAMETER && !kmt_connection_ask(wait->connection))
		return STATUS_DEVICE_REMOVED;
	return status;
}

/* The slot of a live handle of a kind; NULL: the handle is none. */
static const struct wire_slot *slot_of(struct kmt_connection *connection, D3DKMT_HANDLE handle,
				       enum wire_slot_kind kind)
{
	const struct wire_slot *slot = kmt_connection_slot(connection, handle);

	return slot && WIRE_SLOT_KIND(slot->state) == (uint32_t)kind ? slot : NULL;
}

NTSTATUS APIENTRY kmt_wait_for_synchronization_object_from_cpu(CONST D3DKMT_WAITFORSYNCHRONIZATIONOBJECTFROMCPU *arg)
{
	struct kmt_wait wait;

	if (!arg || arg->ObjectCount == 0 || arg->ObjectCount > D3DDDI_MAX_OBJECT_WAITED_ON ||
	    !arg->ObjectHandleArray || !arg->FenceValueArray)
		return STATUS_INVALID_PARAMETER;
	wait.connection = kmt_connection_get();
	if (!wait.connection)
		return STATUS_DEVICE_REMOVED;
	wait.device_handle = arg->hDevice;
	wait.device = slot_of(wait.connection, arg->hDevice, WIRE_SLOT_DEVICE);
	if (!wait.device)
		return kmt_connection_check(wait.connection) ? STATUS_INVALID_PARAMETER : STATUS_DEVICE_REMOVED;
	wait.any = arg->Flags.WaitAny;
	wait.count = arg->ObjectCount;
	for (UINT i = 0; i < wait.count; i++) {
		D3DKMT_HANDLE handle = arg->ObjectHandleArray[i];

		wait.fences[i] = (struct kmt_wait_fence) {
			.slot = slot_of(wait.connection, handle, WIRE_SLOT_MONITORED_FENCE),
			.handle = handle,
			.value = arg->FenceValueArray[i],
		};
		if (!wait.fences[i].slot)
			return kmt_connection_check(wait.connection) ? STATUS_INVALID_PARAMETER : STATUS_DEVICE_REMOVED;
	}
	return arg->hAsyncEvent ? kmt_async_wait(&wait, arg->hAsyncEvent) : wait_block(&wait);
}
