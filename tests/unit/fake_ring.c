/* SPDX-License-Identifier: MIT */
/* The other side of a client's submission rings, as a test wants it: a transport, and a thread that serves a ring. */
#include "fake_ring.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PAGE_BYTES (WIRE_SLOTS * sizeof(struct wire_slot))
/* How long a service sleeps that nobody rings for before it says so. */
#define MISSED_MS 10000

#define MUST(condition)           \
	do {                      \
		if (!(condition)) \
			abort();  \
	} while (0)

/* ---- the service's end of a ring -------------------------------------------------------------------------- */

void fake_ring_complete(struct fake_ring *ring, uint32_t completed)
{
	atomic_store(&ring->shared->completed, completed);
	if (!atomic_load(&ring->shared->client_sleeps))
		return;
	atomic_fetch_add(&ring->wakes, 1);
	syscall(SYS_futex, &ring->shared->completed, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

void fake_ring_break(struct fake_ring *ring, bool wakes)
{
	atomic_store(&ring->shared->is_closed, 1);
	if (wakes)
		syscall(SYS_futex, &ring->shared->completed, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

static void answer(struct fake_ring *ring)
{
	struct wire_ring_entry *entry = &ring->shared->entries[ring->done % WIRE_RING_ENTRIES];
	struct wire_ring_entry copy = *entry;
	struct fake_command command;
	unsigned int count = ring->count;

	memcpy(&command, copy.data, sizeof(command));
	if (count < FAKE_SEEN) {
		ring->seen[count] = copy;
		atomic_store(&ring->count, count + 1);
	}
	while (command.waits_for_sleep && !atomic_load(&ring->shared->client_sleeps) && !ring->stops)
		sched_yield();
	for (size_t i = sizeof(command); i < copy.size && i < sizeof(copy.data); i++)
		copy.data[i] ^= 0xff;
	if (command.status != STATUS_SUCCESS)
		memset(copy.data, 0xee, sizeof(copy.data));
	command.number += FAKE_ANSWER;
	if (command.status == STATUS_SUCCESS)
		memcpy(copy.data, &command, sizeof(command));
	memcpy(entry->data, copy.data, sizeof(copy.data));
	entry->status = command.status;
	ring->done++;
	if (ring->allowed != FAKE_ALL)
		atomic_fetch_sub(&ring->allowed, 1);
	fake_ring_complete(ring, ring->done);
}

static bool has_work(struct fake_ring *ring)
{
	return ring->allowed > 0 && atomic_load(&ring->shared->submitted) != ring->done;
}

static void go_to_sleep(struct fake_ring *ring)
{
	struct pollfd items[2] = { { .fd = ring->doorbell, .events = POLLIN }, { .fd = ring->poke, .events = POLLIN } };
	eventfd_t ignored;

	atomic_store(&ring->shared->service_sleeps, 1);
	if (!has_work(ring) && !ring->stops && poll(items, 2, MISSED_MS) == 0 && has_work(ring))
		ring->missed = true;
	atomic_store(&ring->shared->service_sleeps, 0);
	(void)eventfd_read(ring->doorbell, &ignored);
	(void)eventfd_read(ring->poke, &ignored);
}

static void *serve(void *data)
{
	struct fake_ring *ring = data;

	while (!ring->stops) {
		if (has_work(ring))
			answer(ring);
		else if (ring->spins)
			sched_yield();
		else
			go_to_sleep(ring);
	}
	return NULL;
}

void fake_ring_allow(struct fake_ring *ring, uint32_t count)
{
	if (count == FAKE_ALL)
		atomic_store(&ring->allowed, FAKE_ALL);
	else
		atomic_fetch_add(&ring->allowed, count);
	MUST(eventfd_write(ring->poke, 1) == 0);
}

void fake_ring_take_over(struct fake_ring *ring)
{
	if (!ring->runs)
		return;
	ring->stops = true;
	MUST(eventfd_write(ring->poke, 1) == 0);
	pthread_join(ring->thread, NULL);
	ring->runs = false;
}

static void ring_destroy(struct fake_ring *ring)
{
	if (!ring)
		return;
	fake_ring_take_over(ring);
	fake_ring_break(ring, /* wakes= */ true);
	munmap(ring->shared, sizeof(*ring->shared));
	close(ring->doorbell);
	close(ring->poke);
	free(ring);
}

/* Returns the client's descriptors. */
static struct fake_ring *ring_create(struct fake_side *side, int descriptors[2])
{
	struct fake_ring *ring = calloc(1, sizeof(*ring));

	MUST(ring);
	descriptors[0] = memfd_create("fake-ring", MFD_CLOEXEC);
	descriptors[1] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	ring->doorbell = fcntl(descriptors[1], F_DUPFD_CLOEXEC, 3);
	ring->poke = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	MUST(descriptors[0] >= 0 && ring->doorbell >= 0 && ring->poke >= 0);
	MUST(ftruncate(descriptors[0], (off_t)sizeof(*ring->shared)) == 0);
	ring->shared = mmap(NULL, sizeof(*ring->shared), PROT_READ | PROT_WRITE, MAP_SHARED, descriptors[0], 0);
	MUST(ring->shared != MAP_FAILED);
	ring->done = side->first;
	ring->shared->completed = side->first;
	ring->shared->submitted = side->first + side->lead;
	ring->allowed = side->is_held ? 0 : FAKE_ALL;
	if (side->lead == 0 && side->ring_size == sizeof(*ring->shared)) {
		MUST(pthread_create(&ring->thread, NULL, serve, ring) == 0);
		ring->runs = true;
	} else {
		MUST(ftruncate(descriptors[0], (off_t)side->ring_size) == 0);
	}
	return ring;
}

/* ---- the transport ---------------------------------------------------------------------------------------- */

static struct fake_device *device_find(struct fake_side *side, D3DKMT_HANDLE handle)
{
	for (size_t i = 0; i < FAKE_DEVICES; i++) {
		if (side->devices[i].handle == handle)
			return &side->devices[i];
	}
	return NULL;
}

struct fake_ring *fake_side_ring(struct fake_side *side, D3DKMT_HANDLE device)
{
	struct fake_device *found = device_find(side, device);

	return found ? found->ring : NULL;
}

static D3DKMT_HANDLE device_make(struct fake_side *side)
{
	struct fake_device *device = device_find(side, 0);
	uint32_t index = ++side->last_index;
	struct wire_slot *slot = &side->slots[index];

	MUST(device);
	device->handle = 0x40000000u | index << 6;
	slot->state = WIRE_SLOT_STATE(WIRE_SLOT_DEVICE, WIRE_DEVICE_ACTIVE);
	slot->handle = device->handle;
	return device->handle;
}

static NTSTATUS device_destroy(struct fake_side *side, D3DKMT_HANDLE handle)
{
	struct fake_device *device = handle ? device_find(side, handle) : NULL;

	if (!device)
		return STATUS_INVALID_PARAMETER;
	side->slots[WIRE_HANDLE_INDEX(handle)].handle = 0;
	ring_destroy(device->ring);
	*device = (struct fake_device) { 0 };
	return STATUS_SUCCESS;
}

static NTSTATUS ring_make(struct fake_side *side, D3DKMT_HANDLE handle, struct wire_packet *reply)
{
	struct fake_device *device = handle ? device_find(side, handle) : NULL;
	int descriptors[2];

	atomic_fetch_add(&side->rings_asked, 1);
	if (!device || device->ring)
		return STATUS_INVALID_PARAMETER;
	if (side->ring_status != STATUS_SUCCESS)
		return side->ring_status;
	device->ring = ring_create(side, descriptors);
	for (size_t i = 0; i < 2; i++) {
		if (i < side->ring_descriptors)
			reply->descriptors[reply->descriptor_count++] = descriptors[i];
		else
			close(descriptors[i]);
	}
	return STATUS_SUCCESS;
}

static int transact(void *context, const struct wire_packet *request, struct wire_packet *reply)
{
	const struct wire_handle *asked = request->data;
	struct wire_welcome *welcome = reply->data;
	struct wire_handle *made = reply->data;
	struct fake_side *side = context;
	struct wire_header *answer = reply->data;
	NTSTATUS status = STATUS_SUCCESS;

	if (asked->header.type == side->deadly)
		side->is_dead = true;
	if (side->is_dead)
		return -ECONNRESET;
	reply->size = sizeof(*answer);
	reply->descriptor_count = 0;
	memset(reply->data, 0, sizeof(*welcome));
	switch (asked->header.type) {
	case WIRE_HELLO:
		welcome->token = 1;
		reply->size = sizeof(*welcome);
		break;
	case WIRE_OBJECT_PAGE:
		reply->descriptors[reply->descriptor_count++] = fcntl(side->page, F_DUPFD_CLOEXEC, 3);
		reply->size = sizeof(struct wire_object_page);
		break;
	case WIRE_CREATE_DEVICE:
		made->handle = device_make(side);
		reply->size = sizeof(*made);
		break;
	case WIRE_CREATE_SESSION:
		made->handle = 0x40000000u | WIRE_SLOTS << 6; /* of a page that no device lies in */
		reply->size = sizeof(*made);
		break;
	case WIRE_DESTROY_DEVICE:
		status = device_destroy(side, asked->handle);
		break;
	case WIRE_CREATE_RING:
		status = ring_make(side, asked->handle, reply);
		break;
	case WIRE_ESCAPE:
		atomic_fetch_add(&side->messages, 1);
		memcpy(reply->data, request->data, request->size);
		reply->size = request->size;
		break;
	default:
		status = STATUS_NOT_SUPPORTED;
	}
	*answer = (struct wire_header) { (uint32_t)reply->size, asked->header.type, asked->header.sequence, status };
	return 0;
}

static bool is_alive(void *context)
{
	struct fake_side *side = context;

	if (side->last_words) {
		fake_ring_complete(side->last_words, side->last_words->shared->submitted);
		side->is_dead = true;
	}
	return !side->is_dead;
}

static void end(void *context)
{
	(void)context;
}

struct fake_side *fake_side_create(void)
{
	struct fake_side *side = calloc(1, sizeof(*side));

	MUST(side);
	side->ring_descriptors = 2;
	side->ring_size = sizeof(struct wire_ring);
	side->page = memfd_create("fake-page", MFD_CLOEXEC);
	MUST(side->page >= 0 && ftruncate(side->page, (off_t)PAGE_BYTES) == 0);
	side->slots = mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, side->page, 0);
	MUST(side->slots != MAP_FAILED);
	side->connection = kmt_connection_create(&(struct kmt_transport) {
		.transact = transact,
		.is_alive = is_alive,
		.close = end,
		.context = side,
	});
	MUST(side->connection);
	return side;
}

void fake_side_destroy(struct fake_side *side)
{
	kmt_connection_destroy(side->connection);
	for (size_t i = 0; i < FAKE_DEVICES; i++)
		ring_destroy(side->devices[i].ring);
	munmap(side->slots, PAGE_BYTES);
	close(side->page);
	free(side);
}
