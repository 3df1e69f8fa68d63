/* SPDX-License-Identifier: MIT */
/* Waiting for fences: what both the blocking and the asynchronous wait are made of. */
#ifndef DXV_KMT_WAIT_H
#define DXV_KMT_WAIT_H

#include "kmt/connection.h"

/* How often a waiter looks whether the service is still there: one that died wakes nobody. */
#define KMT_WAIT_LOOK_NS 100000000L

/* Fences of one connection, and the values that they are to reach. */
struct kmt_wait {
	struct kmt_connection *connection;
	const struct wire_slot *device;
	D3DKMT_HANDLE device_handle;
	bool any; /* one is enough */
	UINT count;
	struct kmt_wait_fence {
		const struct wire_slot *slot;
		D3DKMT_HANDLE handle;
		UINT64 value;
	} fences[D3DDDI_MAX_OBJECT_WAITED_ON];
};

/* A word to sleep on while it holds what was seen in it. */
struct kmt_futex {
	const void *word;
	uint32_t seen;
};

/*
 * STATUS_SUCCESS: the condition holds. STATUS_PENDING: not yet; futexes, with room for count of the wait, gets the words
 * that move before it can. STATUS_INVALID_PARAMETER: a fence handle was destroyed. STATUS_DEVICE_REMOVED: the device was.
 */
NTSTATUS kmt_wait_look(const struct kmt_wait *wait, struct kmt_futex *futexes, UINT *ret_futexes);

/* Sleeps until one of the words is another or is woken, for limit_ns nanoseconds at most. May return early. */
void kmt_futexes_sleep(const struct kmt_futex *futexes, size_t count, long limit_ns);

/* What the system takes in one sleep. */
#define KMT_FUTEXES_MAX 128

#endif
