/* SPDX-License-Identifier: MIT */
/* Which device of a connection has which submission ring, and which escapes go there. */
#include "kmt/rings.h"

#include "kmt/connection.h"
#include "kmt/ring.h"

#include <stdatomic.h>
#include <stdlib.h>

/* Locks are taken in this order: of struct kmt_rings, of one of these, of the connection. */
struct kmt_device_ring {
	struct kmt_device_ring *next;
	_Atomic D3DKMT_HANDLE device; /* 0: free */
	pthread_mutex_t lock;	      /* over the ring, and over device once that is set */
	struct kmt_ring ring;
};

typedef struct kmt_device_ring *_Atomic ring_bucket;

static ring_bucket *bucket_of(struct kmt_rings *rings, D3DKMT_HANDLE device)
{
	return &rings->buckets[WIRE_HANDLE_INDEX(device) % KMT_RING_BUCKETS];
}

/* Not locked, so it may be another device's by the time it is looked at. Device 0: one that is free. */
static struct kmt_device_ring *look_up(ring_bucket *bucket, D3DKMT_HANDLE device)
{
	struct kmt_device_ring *found = atomic_load_explicit(bucket, memory_order_acquire);

	while (found && atomic_load_explicit(&found->device, memory_order_relaxed) != device)
		found = found->next;
	return found;
}

/* The ring of a device, locked, closed or not; NULL: it was never asked for. */
static struct kmt_device_ring *find(struct kmt_rings *rings, D3DKMT_HANDLE device)
{
	struct kmt_device_ring *found = device ? look_up(bucket_of(rings, device), device) : NULL;

	if (!found)
		return NULL;
	pthread_mutex_lock(&found->lock);
	if (found->device == device)
		return found;
	pthread_mutex_unlock(&found->lock);
	return NULL;
}

/* Under the lock of all. NULL: no memory. */
static struct kmt_device_ring *add(ring_bucket *bucket)
{
	struct kmt_device_ring *added = calloc(1, sizeof(*added));

	if (!added)
		return NULL;
	pthread_mutex_init(&added->lock, NULL);
	added->next = *bucket;
	atomic_store_explicit(bucket, added, memory_order_release);
	return added;
}

/* The same as find, but asks where nobody has. */
static struct kmt_device_ring *find_or_ask(struct kmt_connection *connection, D3DKMT_HANDLE device)
{
	struct kmt_rings *rings = kmt_connection_rings(connection);
	struct kmt_device_ring *ring = find(rings, device);

	/* Nothing is remembered of what is no device. */
	if (ring || !kmt_device_is_live(device))
		return ring;
	pthread_mutex_lock(&rings->lock);
	if (look_up(bucket_of(rings, device), device)) {
		pthread_mutex_unlock(&rings->lock);
		return find(rings, device);
	}
	ring = look_up(bucket_of(rings, device), 0);
	if (!ring)
		ring = add(bucket_of(rings, device));
	if (ring) {
		/* Whoever has the lock of a free one looked for the device that it had, and sees that it is none. */
		pthread_mutex_lock(&ring->lock);
		ring->device = device;
	}
	pthread_mutex_unlock(&rings->lock);
	if (ring)
		kmt_ring_open(&ring->ring, connection, device);
	return ring;
}

/* ---- all of a connection ---------------------------------------------------------------------------------- */

void kmt_rings_init(struct kmt_rings *rings)
{
	pthread_mutex_init(&rings->lock, NULL);
}

void kmt_rings_lock(struct kmt_rings *rings)
{
	pthread_mutex_lock(&rings->lock);
}

void kmt_rings_unlock(struct kmt_rings *rings)
{
	pthread_mutex_unlock(&rings->lock);
}

void kmt_rings_destroy(struct kmt_rings *rings)
{
	for (size_t i = 0; i < KMT_RING_BUCKETS; i++) {
		struct kmt_device_ring *next;

		for (struct kmt_device_ring *ring = rings->buckets[i]; ring; ring = next) {
			next = ring->next;
			kmt_ring_drop(&ring->ring);
			pthread_mutex_destroy(&ring->lock);
			free(ring);
		}
	}
	pthread_mutex_destroy(&rings->lock);
}

void kmt_rings_child(const struct kmt_rings *parents)
{
	for (size_t i = 0; i < KMT_RING_BUCKETS; i++) {
		struct kmt_device_ring *next;

		for (struct kmt_device_ring *ring = parents->buckets[i]; ring; ring = next) {
			next = ring->next;
			kmt_ring_abandon(&ring->ring);
			free(ring);
		}
	}
}

/* ---- one device --------------------------------------------------------------------------------------------- */

bool kmt_rings_escape(CONST D3DKMT_ESCAPE *arg, bool waits, NTSTATUS *ret_status)
{
	NTSTATUS status = STATUS_DEVICE_REMOVED;
	struct kmt_connection *connection;
	struct kmt_device_ring *ring;
	bool is_open;

	if (arg->Type != D3DKMT_ESCAPE_DRIVERPRIVATE || !arg->Flags.NoAdapterSynchronization ||
	    arg->PrivateDriverDataSize > WIRE_RING_DATA || !arg->pPrivateDriverData)
		return false;
	connection = kmt_connection_get();
	ring = connection ? find_or_ask(connection, arg->hDevice) : NULL;
	if (!ring)
		return false;
	/* The message of a lost connection says so at once; nobody would answer here. */
	if (ring->ring.shared && kmt_connection_is_lost(connection))
		kmt_ring_close(&ring->ring);
	is_open = ring->ring.shared != NULL;
	if (is_open && kmt_ring_submit(&ring->ring, arg, waits ? &status : NULL)) {
		if (waits)
			(void)kmt_ring_wait(&ring->ring, 0);
		else
			status = STATUS_SUCCESS;
	}
	pthread_mutex_unlock(&ring->lock);
	if (is_open)
		*ret_status = status;
	return is_open;
}

NTSTATUS kmt_rings_wait(D3DKMT_HANDLE device, UINT left)
{
	struct kmt_connection *connection = kmt_connection_get();
	struct kmt_device_ring *ring;
	NTSTATUS status;

	if (!connection)
		return STATUS_DEVICE_REMOVED;
	ring = find(kmt_connection_rings(connection), device);
	if (!ring) {
		if (!kmt_connection_check(connection))
			return STATUS_DEVICE_REMOVED;
		return kmt_device_is_live(device) ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER;
	}
	(void)kmt_ring_wait(&ring->ring, left);
	if (ring->ring.refusal != STATUS_SUCCESS)
		(void)kmt_ring_wait(&ring->ring, 0);
	status = ring->ring.refusal;
	ring->ring.refusal = STATUS_SUCCESS;
	pthread_mutex_unlock(&ring->lock);
	if (status == STATUS_SUCCESS && kmt_connection_is_lost(connection))
		status = STATUS_DEVICE_REMOVED;
	return status;
}

void kmt_rings_drain(D3DKMT_HANDLE device)
{
	struct kmt_connection *connection = kmt_connection_get();
	struct kmt_device_ring *ring = connection ? find(kmt_connection_rings(connection), device) : NULL;

	if (!ring)
		return;
	(void)kmt_ring_wait(&ring->ring, 0);
	pthread_mutex_unlock(&ring->lock);
}

void kmt_rings_forget(D3DKMT_HANDLE device)
{
	struct kmt_connection *connection = kmt_connection_get();
	struct kmt_device_ring *ring = connection ? find(kmt_connection_rings(connection), device) : NULL;

	if (!ring)
		return;
	kmt_ring_close(&ring->ring);
	ring->device = 0;
	pthread_mutex_unlock(&ring->lock);
}
