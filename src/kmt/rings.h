/* SPDX-License-Identifier: MIT */
/* Which device of a connection has which submission ring, and which escapes go there. */
#ifndef DXV_KMT_RINGS_H
#define DXV_KMT_RINGS_H

#include <dxvault/d3dkmthk.h>
#include <pthread.h>
#include <stdbool.h>

#define KMT_RING_BUCKETS 16

struct kmt_device_ring;

/*
 * A connection's, and part of it. What was added to a bucket stays in it until the end, for another device if need be: whoever
 * looks through them takes no lock.
 */
struct kmt_rings {
	pthread_mutex_t lock; /* over what is added */
	struct kmt_device_ring *_Atomic buckets[KMT_RING_BUCKETS];
};

void kmt_rings_init(struct kmt_rings *rings);
/* Nobody else uses the connection any more. */
void kmt_rings_destroy(struct kmt_rings *rings);

/* Held over a fork. */
void kmt_rings_lock(struct kmt_rings *rings);
void kmt_rings_unlock(struct kmt_rings *rings);
/* In the child: parents is a copy of what its parent had. Closes what was inherited. */
void kmt_rings_child(const struct kmt_rings *parents);

/* ---- of the calling thread's connection ----------------------------------------------------------------- */

/*
 * Submits a sound escape to its device's ring; waits: for the answer too. false: it is not for a ring, or there is none.
 * Then it is a message.
 */
bool kmt_rings_escape(CONST D3DKMT_ESCAPE *arg, bool waits, NTSTATUS *ret_status);
/* As DxvaultWaitEscapes. */
NTSTATUS kmt_rings_wait(D3DKMT_HANDLE device, UINT left);
/* Before a device is destroyed: waits for what is queued, whatever its answer. */
void kmt_rings_drain(D3DKMT_HANDLE device);
/* After it. */
void kmt_rings_forget(D3DKMT_HANDLE device);

#endif
