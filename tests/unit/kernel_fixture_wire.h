/* SPDX-License-Identifier: MIT */
/* The service's own code around a graphics kernel of this process: an event loop in a thread, clients over sockets. */
#ifndef DXV_TESTS_KERNEL_FIXTURE_WIRE_H
#define DXV_TESTS_KERNEL_FIXTURE_WIRE_H

#include "dxgkrnl/kernel.h"

struct ik_wire;

/* Takes the kernel over; liveness: what its configuration named, which is made here; birth: as in struct server_config. */
struct ik_wire *ik_wire_start(struct dxgk_kernel *kernel, int *liveness, uint64_t (*birth)(void));
/* Every connection ends, then the kernel. */
void ik_wire_stop(struct ik_wire *wire);

/* A connected socket whose peer credentials name the user; only root can be another than itself. */
int ik_wire_connect(struct ik_wire *wire, uid_t user);

/* The loop stands still between the two. */
struct dxgk_kernel *ik_wire_acquire(struct ik_wire *wire);
void ik_wire_release(struct ik_wire *wire);

/* Returns when the loop has done all that there was to do: closed sockets and NT handles are noticed. */
void ik_wire_settle(struct ik_wire *wire);

#endif
