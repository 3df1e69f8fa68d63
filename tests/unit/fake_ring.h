/* SPDX-License-Identifier: MIT */
/* The other side of a client's submission rings, as a test wants it: a transport, and a thread that serves a ring. */
#ifndef DXV_TESTS_FAKE_RING_H
#define DXV_TESTS_FAKE_RING_H

#include "kmt/connection.h"
#include "wire/ring.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FAKE_ADAPTER 0x40000040u
#define FAKE_DEVICES 64
#define FAKE_SEEN    8192

/* Begins the private data of every escape that goes through a ring here. */
struct fake_command {
	uint32_t number;	  /* answer: FAKE_ANSWER is added */
	int32_t status;		  /* the answer's; if it is a refusal, the data that come with it are rubbish */
	uint32_t waits_for_sleep; /* answered when the client has said that it sleeps */
};
#define FAKE_ANSWER 1000000u

struct fake_ring {
	struct wire_ring *shared;
	int doorbell; /* our own copy */
	int poke;
	uint32_t done;
	_Atomic uint32_t allowed; /* answers that it may still give; FAKE_ALL */
	atomic_bool spins;	  /* never sleeps */
	atomic_bool stops;
	atomic_bool missed; /* it slept, there was work, and nobody rang */
	atomic_uint wakes;
	atomic_uint count; /* of what it has seen */
	struct wire_ring_entry seen[FAKE_SEEN];
	pthread_t thread;
	bool runs;
};
#define FAKE_ALL UINT32_MAX

struct fake_device {
	D3DKMT_HANDLE handle; /* 0: free */
	struct fake_ring *ring;
};

struct fake_side {
	struct kmt_connection *connection;
	struct wire_slot *slots;
	int page;
	uint32_t last_index;
	struct fake_device devices[FAKE_DEVICES];
	/* Set by a test, for rings that are made from now on. */
	NTSTATUS ring_status;
	size_t ring_descriptors;
	size_t ring_size;
	uint32_t first; /* where the counters begin */
	uint32_t lead;	/* by how much submitted is ahead */
	bool is_held;	/* allowed begins at 0 */
	atomic_bool is_dead;
	struct fake_ring *last_words; /* it completes this one, and dies, when somebody looks whether it lives */
	uint32_t deadly;	      /* the type of a request that it dies of, before it answers */
	/* What came over the control path. */
	atomic_uint rings_asked;
	atomic_uint messages; /* escapes */
};

/* With a connection over it. Aborts where it can't: it is also made in forked children. */
struct fake_side *fake_side_create(void);
/* The connection goes first, if it is there still. */
void fake_side_destroy(struct fake_side *side);
/* Of a device; NULL: the client never asked for it, or was refused. */
struct fake_ring *fake_side_ring(struct fake_side *side, D3DKMT_HANDLE device);

/* Lets it give so many answers more. */
void fake_ring_allow(struct fake_ring *ring, uint32_t count);
/* Its thread ends, and the test is the service from now on. */
void fake_ring_take_over(struct fake_ring *ring);
/* As a service does: raises completed and wakes who said that it sleeps. */
void fake_ring_complete(struct fake_ring *ring, uint32_t completed);
void fake_ring_break(struct fake_ring *ring, bool wakes);

#endif
