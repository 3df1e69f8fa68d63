/* SPDX-License-Identifier: MIT */
/* In-process mode: the client library straight into a graphics kernel of this process. */
#ifndef DXV_KMT_IN_PROCESS_H
#define DXV_KMT_IN_PROCESS_H

#include "dxgkrnl/kernel.h"
#include "kmt/connection.h"

/*
 * The same client library, graphics kernel, driver and GPU, with a call in the place of the wire. For unit tests and
 * fuzzers. It isolates nothing: keys and pictures lie in the memory of the program that is to be kept from them.
 */
struct kmt_in_process;

/* Takes a graphics kernel over. All calls into it are made under one lock from here on. NULL: no memory, nothing taken. */
struct kmt_in_process *kmt_in_process_create(struct dxgk_kernel *kernel);

/*
 * The end of the service: each connection is lost from now on, what its process held is given back, the kernel is
 * destroyed. The connections stay their owners'. NULL is allowed.
 */
void kmt_in_process_destroy(struct kmt_in_process *mode);

/* A connection that stands for one more process; for kmt_connection_set. NULL: no memory, or too many of this user. */
struct kmt_connection *kmt_in_process_connect(struct kmt_in_process *mode, uid_t user, pid_t pid);
/* The same for one of several connections of a process, as dxgk_process_identify tells them apart. */
struct kmt_connection *kmt_in_process_connect_as(struct kmt_in_process *mode, uid_t user, pid_t pid, uint64_t birth);

/* The kernel for a call beside the requests, e.g. dxgk_lose_keys; give it back with kmt_in_process_release. */
struct dxgk_kernel *kmt_in_process_acquire(struct kmt_in_process *mode);
void kmt_in_process_release(struct kmt_in_process *mode);

#endif
