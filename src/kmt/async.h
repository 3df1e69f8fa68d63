/* SPDX-License-Identifier: MIT */
/* Waits that end in an event instead of a return. */
#ifndef DXV_KMT_ASYNC_H
#define DXV_KMT_ASYNC_H

#include "kmt/wait.h"

/*
 * Adds 1 to the eventfd that event names once the wait is over: its condition holds, or can't come to hold any more. Takes
 * a copy of the wait and of the descriptor. STATUS_SUCCESS: it will; STATUS_INVALID_HANDLE: no eventfd; what kmt_wait_look
 * says of a wait that can't begin; STATUS_INSUFFICIENT_RESOURCES: no memory, descriptor or thread; STATUS_NOT_SUPPORTED:
 * /proc is missing. Nothing is signalled unless STATUS_SUCCESS.
 */
NTSTATUS kmt_async_wait(const struct kmt_wait *wait, HANDLE event);

/* Ends all waits of a connection, with their events signalled. Nothing looks at its pages afterwards. */
void kmt_async_forget(const struct kmt_connection *connection);

/* Held over a fork. The child has none of the waits. */
void kmt_async_lock(void);
void kmt_async_unlock(void);
void kmt_async_child(void); /* in the child: drops the waits, gives the lock back */
/* In a child of a fork that was not announced: the waits and their thread are not here. */
void kmt_async_abandon(void);

#endif
