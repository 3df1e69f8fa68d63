/* SPDX-License-Identifier: MIT */
/* One submission ring, from the client's side: the protocol of wire/ring.h. */
#include "kmt/ring.h"

#include "kmt/connection.h"
#include "kmt/wait.h"

#include <errno.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Looks that come before all else: most answers to small commands are there by then. */
#define FIRST_LOOKS 32
/* Looks between two looks at the clock; a divisor of those. */
#define CLOCK_LOOKS 8
/* How often the processor is offered to others. By then a blt of 64 KiB is done, and to offer it may cost a whole slice. */
#define OFFER_NS 8000

/* What a look at the counter says of those who wait. */
enum look {
	LOOK_MISSING, /* not enough answers yet */
	LOOK_ENOUGH,
	LOOK_BROKEN, /* there will be no more */
};

/* ---- begin and end ------------------------------------------------------------------------------------- */

/* Shorter than it says, the memory would kill us. */
static struct wire_ring *ring_map(int memory)
{
	struct wire_ring *shared;
	struct stat stat;

	if (fstat(memory, &stat) < 0 || stat.st_size < (off_t)sizeof(*shared))
		return NULL;
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, memory, 0);
	if (shared == MAP_FAILED)
		return NULL;
	/* A child must not write into its parent's ring, however it was forked. */
	if (madvise(shared, sizeof(*shared), MADV_DONTFORK) < 0 || shared->submitted != shared->completed) {
		munmap(shared, sizeof(*shared));
		return NULL;
	}
	return shared;
}

void kmt_ring_open(struct kmt_ring *ring, struct kmt_connection *connection, D3DKMT_HANDLE device)
{
	const char *wish = secure_getenv("DXVAULT_RING");
	struct wire_ring *shared = NULL;
	struct wire_handle *request;
	struct kmt_call call;
	int doorbell = -1;
	int memory = -1;

	*ring = (struct kmt_ring) { .connection = connection, .doorbell = -1 };
	if (wish && strcmp(wish, "off") == 0)
		return;
	request = kmt_begin(&call, WIRE_CREATE_RING, sizeof(*request));
	if (!request)
		return;
	request->handle = device;
	if (kmt_transact(&call, sizeof(struct wire_header)) == STATUS_SUCCESS) {
		doorbell = kmt_take_descriptor(&call);
		memory = kmt_take_descriptor(&call);
	}
	if (doorbell >= 0 && memory >= 0)
		shared = ring_map(memory);
	if (memory >= 0)
		close(memory);
	if (!shared && doorbell >= 0)
		close(doorbell);
	if (shared) {
		ring->shared = shared;
		ring->doorbell = doorbell;
		ring->submitted = ring->completed = ring->taken = shared->completed;
		spin_init(&ring->spin);
	}
	/* A fork waits for this: until here a child would have inherited what nobody closes there. */
	kmt_end(&call);
}

/* ---- answers -------------------------------------------------------------------------------------------- */

static void note_refusal(struct kmt_ring *ring, NTSTATUS status)
{
	if (ring->refusal == STATUS_SUCCESS || status == STATUS_DEVICE_REMOVED)
		ring->refusal = status;
}

/* Those that are completed as far as we have seen. */
static void answers_take(struct kmt_ring *ring)
{
	for (; ring->taken != ring->completed; ring->taken++) {
		const struct wire_ring_entry *entry = wire_ring_entry_at(ring->shared, ring->taken);
		const struct kmt_ring_pending *pending = &ring->pending[ring->taken % WIRE_RING_ENTRIES];
		NTSTATUS status = entry->status;

		if (status == STATUS_SUCCESS)
			memcpy(pending->data, entry->data, pending->size);
		if (pending->status)
			*pending->status = status;
		else if (status != STATUS_SUCCESS)
			note_refusal(ring, status);
	}
}

/* Whether at most left are unanswered. A counter that can't be is none of a service that can be believed. */
static enum look ring_look(struct kmt_ring *ring, uint32_t left)
{
	uint32_t seen = atomic_load(&ring->shared->completed);

	if (seen - ring->completed > ring->submitted - ring->completed) {
		kmt_connection_lose(ring->connection);
		return LOOK_BROKEN;
	}
	ring->completed = seen;
	return ring->submitted - seen <= left ? LOOK_ENOUGH : LOOK_MISSING;
}

void kmt_ring_abandon(struct kmt_ring *ring)
{
	/* First of all: a child that is forked meanwhile must not close another descriptor of the same number. */
	int doorbell = atomic_exchange(&ring->doorbell, -1);

	if (doorbell >= 0)
		close(doorbell);
}

void kmt_ring_drop(struct kmt_ring *ring)
{
	if (!ring->shared)
		return;
	munmap(ring->shared, sizeof(*ring->shared));
	ring->shared = NULL;
	kmt_ring_abandon(ring);
}

void kmt_ring_close(struct kmt_ring *ring)
{
	if (!ring->shared)
		return;
	/* What the service did before it went counts. */
	(void)ring_look(ring, 0);
	answers_take(ring);
	for (; ring->taken != ring->submitted; ring->taken++) {
		const struct kmt_ring_pending *pending = &ring->pending[ring->taken % WIRE_RING_ENTRIES];

		if (pending->status)
			*pending->status = STATUS_DEVICE_REMOVED;
		else
			note_refusal(ring, STATUS_DEVICE_REMOVED);
	}
	kmt_ring_drop(ring);
}

/* ---- waiting --------------------------------------------------------------------------------------------- */

/*
 * Until there is enough, or no answer has come for as long as the budget is. Or until somebody else wants this processor, who
 * may be the one that is waited for: then sleep is better than turns with him, for who is woken goes before the others.
 */
static enum look spin(struct kmt_ring *ring, uint32_t left)
{
	uint32_t before = ring->completed;
	enum look look = LOOK_MISSING;
	uint64_t begin = 0, offered = 0, now;
	unsigned int looks = 0;

	while (ring->spin.budget > 0) {
		spin_pause();
		look = ring_look(ring, left);
		if (look != LOOK_MISSING)
			break;
		if (ring->completed != before) {
			before = ring->completed;
			looks = 0;
		}
		if (++looks < FIRST_LOOKS || looks % CLOCK_LOOKS != 0)
			continue;
		now = spin_clock();
		if (looks == FIRST_LOOKS)
			begin = offered = now;
		if (now - begin >= ring->spin.budget)
			break;
		if (now - offered < OFFER_NS)
			continue;
		if (spin_offer()) {
			look = ring_look(ring, left);
			break;
		}
		offered = spin_clock();
	}
	if (look == LOOK_ENOUGH && looks >= FIRST_LOOKS)
		spin_learn(&ring->spin, spin_clock() - begin);
	return look;
}

/* There is nobody any more who would answer. asks: even if the only way to know is a system call. */
static bool is_gone(struct kmt_ring *ring, bool asks)
{
	if (atomic_load(&ring->shared->is_closed))
		return true;
	return asks ? !kmt_connection_check(ring->connection) : kmt_connection_is_lost(ring->connection);
}

/* The service wakes nobody before there is enough: whoever waits for many would wake for each. */
static enum look sleep_for_answer(struct kmt_ring *ring, uint32_t left)
{
	static const struct timespec limit = { .tv_nsec = KMT_WAIT_LOOK_NS };
	struct wire_ring *shared = ring->shared;
	bool timed_out = false;
	enum look look;

	atomic_store(&shared->client_wants, ring->submitted - left);
	for (;;) {
		atomic_store(&shared->client_sleeps, 1);
		look = ring_look(ring, left);
		if (look != LOOK_MISSING)
			break;
		if (is_gone(ring, timed_out)) {
			look = LOOK_BROKEN;
			break;
		}
		timed_out = syscall(SYS_futex, &shared->completed, FUTEX_WAIT, ring->completed, &limit, NULL, 0) < 0 &&
			    errno == ETIMEDOUT;
	}
	atomic_store_explicit(&shared->client_sleeps, 0, memory_order_relaxed);
	return look;
}

static enum look wait_slowly(struct kmt_ring *ring, uint32_t left)
{
	enum look look = spin(ring, left);
	uint64_t begin;

	if (look != LOOK_MISSING)
		return look;
	begin = spin_clock();
	look = sleep_for_answer(ring, left);
	spin_learn(&ring->spin, ring->spin.budget + spin_clock() - begin);
	return look;
}

bool kmt_ring_wait(struct kmt_ring *ring, uint32_t left)
{
	enum look look;

	if (ring->submitted - ring->taken <= left)
		return true;
	look = ring_look(ring, left);
	if (look == LOOK_MISSING)
		look = wait_slowly(ring, left);
	if (look == LOOK_BROKEN) {
		kmt_ring_close(ring);
		return false;
	}
	answers_take(ring);
	return true;
}

/* ---- submission -------------------------------------------------------------------------------------------- */

/* A count that has no room for another one is as loud as can be. */
static void doorbell_ring(struct kmt_ring *ring)
{
	const uint64_t one = 1;
	ssize_t written;

	do {
		written = write(ring->doorbell, &one, sizeof(one));
	} while (written < 0 && errno == EINTR);
}

/* NOLINTNEXTLINE(readability-non-const-parameter): what it points to is written when the answer is taken */
bool kmt_ring_submit(struct kmt_ring *ring, CONST D3DKMT_ESCAPE *arg, NTSTATUS *status)
{
	struct wire_ring_entry *entry;

	if (!kmt_ring_wait(ring, WIRE_RING_ENTRIES - 1))
		return false;
	entry = wire_ring_entry_at(ring->shared, ring->submitted);
	entry->adapter = arg->hAdapter;
	entry->context = arg->hContext;
	entry->type = (uint32_t)arg->Type;
	entry->flags = arg->Flags.Value;
	entry->size = arg->PrivateDriverDataSize;
	memcpy(entry->data, arg->pPrivateDriverData, arg->PrivateDriverDataSize);
	ring->pending[ring->submitted % WIRE_RING_ENTRIES] = (struct kmt_ring_pending) {
		.data = arg->pPrivateDriverData,
		.size = arg->PrivateDriverDataSize,
		.status = status,
	};
	ring->submitted++;
	wire_ring_raise(&ring->shared->submitted, ring->submitted);
	/* The service had the next one last; its lines come while this one is done. */
	wire_ring_prefetch_to_write(wire_ring_entry_at(ring->shared, ring->submitted));
	if (atomic_load(&ring->shared->service_sleeps))
		doorbell_ring(ring);
	return true;
}
