/* SPDX-License-Identifier: MIT */
/* The submission ring of a device: memory that a client and the service share, and what lies where in it. */
#ifndef DXV_WIRE_RING_H
#define DXV_WIRE_RING_H

#include <stdatomic.h>
#include <stdint.h>

/*
 * One device, one client thread at a time that writes, one consumer. The client fills the entry submitted % ENTRIES and
 * raises submitted; the service does the commands in order, writes each one's answer into its entry and raises completed.
 * Both counters begin at the same value, whichever, and only grow, modulo 2^32. An entry is the client's from its completion
 * until it is submitted again, and then the service's. Nothing keeps a client from writing anywhere at any time: the service
 * copies an entry once, keeps its own count of what it has done, and acts on nothing that it reads back.
 *
 * Whoever is to sleep says so first, in client_sleeps or service_sleeps, and then looks at the counter again; whoever has
 * raised the counter looks at the flag after that. All four in sequentially consistent order. The client sleeps on
 * completed, a futex. The service watches many rings, so it sleeps on a descriptor, the doorbell: an eventfd of the ring.
 */
enum {
	WIRE_RING_ENTRIES = 64, /* a power of two */
	WIRE_RING_DATA = 96,
};

/* An escape, as in struct wire_escape; the device is the ring's. */
struct wire_ring_entry {
	uint32_t adapter;
	uint32_t context;
	uint32_t type;	/* D3DKMT_ESCAPETYPE */
	uint32_t flags; /* D3DDDI_ESCAPEFLAGS */
	uint32_t size;	/* of the private data */
	int32_t status; /* answer: NTSTATUS; data is the answer's if it is STATUS_SUCCESS, and else as it was */
	uint32_t reserved[2];
	uint8_t data[WIRE_RING_DATA];
};

struct wire_ring {
	/* Written by the client. */
	_Alignas(64) _Atomic uint32_t submitted;
	_Atomic uint32_t client_sleeps; /* 1: completed has a waiter */
	_Atomic uint32_t
		client_wants; /* which is to be woken when completed is there or beyond; set before client_sleeps */
	/* Written by the service. */
	_Alignas(64) _Atomic uint32_t completed;
	_Atomic uint32_t service_sleeps; /* 1: nobody looks at submitted until the doorbell rings */
	_Atomic uint32_t is_closed;	 /* 1: nothing is done here any more; completed has been woken */
	_Alignas(64) struct wire_ring_entry entries[WIRE_RING_ENTRIES];
};

/*
 * Raises a counter, behind all that was written before and ahead of all that is read from now on: the flag of who sleeps.
 * An exchange would do the same, but a processor begins to fetch the counter's cache line only when all lines before are
 * there; a store and a fence let it fetch them together.
 */
static inline void wire_ring_raise(_Atomic uint32_t *counter, uint32_t value)
{
#if defined(__SANITIZE_THREAD__) /* it knows no fences */
	atomic_store(counter, value);
#else
	atomic_store_explicit(counter, value, memory_order_release);
	atomic_thread_fence(memory_order_seq_cst);
#endif
}

/* Of the command with this number, modulo 2^32. */
static inline struct wire_ring_entry *wire_ring_entry_at(struct wire_ring *ring, uint32_t number)
{
	return &ring->entries[number % WIRE_RING_ENTRIES];
}

/* An entry lies in two lines of the cache. */
static inline void wire_ring_prefetch(const struct wire_ring_entry *entry)
{
	__builtin_prefetch(entry);
	__builtin_prefetch((const char *)entry + 64);
}

static inline void wire_ring_prefetch_to_write(struct wire_ring_entry *entry)
{
	__builtin_prefetch(entry, 1);
	__builtin_prefetch((char *)entry + 64, 1);
}

#endif
