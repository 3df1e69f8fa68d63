/* SPDX-License-Identifier: MIT */
/* One submission ring, from the client's side. */
#ifndef DXV_KMT_RING_H
#define DXV_KMT_RING_H

#include "util/spin.h"
#include "wire/ring.h"

#include <dxvault/d3dkmthk.h>
#include <stdbool.h>

struct kmt_connection;

/* Whoever calls a function of it holds a lock of its own over that. All zero is one that is closed. */
struct kmt_ring {
	struct kmt_connection *connection;
	struct wire_ring *shared; /* NULL: closed, and nothing is under way */
	_Atomic int doorbell;
	/* What we count ourselves, each as in struct wire_ring: taken <= completed <= submitted, modulo 2^32. */
	uint32_t submitted;
	uint32_t completed; /* as last seen */
	uint32_t taken;	    /* answers that were handed out */
	struct spin spin;
	NTSTATUS refusal; /* of the first refused escape that nobody waits for; STATUS_DEVICE_REMOVED above all */
	struct kmt_ring_pending {
		void *data; /* the caller's, where the answer goes */
		uint32_t size;
		NTSTATUS *status; /* the caller's; NULL: nobody waits for this one */
	} pending[WIRE_RING_ENTRIES];
};

/* Asks for the ring of a device. It stays closed where there is none to be had. */
void kmt_ring_open(struct kmt_ring *ring, struct kmt_connection *connection, D3DKMT_HANDLE device);
/* Takes the answers that are there; whatever else is under way is answered STATUS_DEVICE_REMOVED. */
void kmt_ring_close(struct kmt_ring *ring);
/* Ends it for good: what is under way is nobody's any more, and no answer is written. */
void kmt_ring_drop(struct kmt_ring *ring);
/* In a forked child, of its parent's, in whatever state: closes what it inherited. */
void kmt_ring_abandon(struct kmt_ring *ring);

/*
 * Submits an escape with at most WIRE_RING_DATA bytes; the ring is open. Waits for a place where there is none. status (may
 * be NULL) is written when the answer is taken, as are the bytes. false: the ring broke and is closed, and nothing was
 * submitted.
 */
bool kmt_ring_submit(struct kmt_ring *ring, CONST D3DKMT_ESCAPE *arg, NTSTATUS *status);
/* Takes answers until at most left are missing. false: the ring broke, and is closed. */
bool kmt_ring_wait(struct kmt_ring *ring, uint32_t left);

#endif
