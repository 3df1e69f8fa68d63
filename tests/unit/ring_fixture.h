/* SPDX-License-Identifier: MIT */
/* What the tests of the client's side of rings share: counted system calls, escapes in short, calls in threads. */
#ifndef DXV_TESTS_RING_FIXTURE_H
#define DXV_TESTS_RING_FIXTURE_H

#include "fake_ring.h"

#include <dxvault/dxvault.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* ---- what the library asks of the system: ring_wrap in tests/meson.build ------------------------------------- */

extern atomic_uint futex_waits;
extern atomic_uint futex_timeouts;
extern atomic_uint writes;
extern atomic_uint clock_looks;
/* The library believes that it has one. */
extern atomic_bool one_processor;
bool has_processors(void);
/* Called once, when the library is about to sleep: it looks at nothing again before. */
extern void (*_Atomic on_sleep)(void);
/* The same when the thread that set it is about to take a lock. */
extern _Thread_local void (*on_lock)(void);
/* What the process's own connection is; another one in a forked child. */
extern struct fake_side *process_side;

/* ---- escapes -------------------------------------------------------------------------------------------------- */

/* An escape's bytes. */
struct block {
	struct fake_command command;
	uint8_t bytes[WIRE_RING_DATA - sizeof(struct fake_command)];
};

void block_set(struct block *block, uint32_t number, NTSTATUS status);
bool block_is_asked(const struct block *block, uint32_t number);
bool block_is_answered(const struct block *block, uint32_t number);

D3DKMT_ESCAPE escape_of(D3DKMT_HANDLE device, struct block *block);
NTSTATUS ask(D3DKMT_HANDLE device, struct block *block);
NTSTATUS queue(D3DKMT_HANDLE device, struct block *block);
/* Numbers from 0. */
void queue_numbers(D3DKMT_HANDLE device, struct block *blocks, uint32_t count);
D3DKMT_HANDLE make_device(void);
NTSTATUS destroy_device(D3DKMT_HANDLE device);
/* A device with a ring that one escape went through; only then it may be held. */
D3DKMT_HANDLE make_ring(struct fake_side *side, struct fake_ring **ret);

/* ---- the process ------------------------------------------------------------------------------------------------ */

void pause_for(long ms);
unsigned int mappings_of_rings(void);
unsigned int open_events(void);

/* A call in a thread of its own. */
struct job {
	struct fake_side *side;
	D3DKMT_HANDLE device;
	struct block block;
	NTSTATUS (*call)(struct job *job);
	NTSTATUS status;
	atomic_bool is_done;
	pthread_t thread;
};

void job_start(struct job *job, struct fake_side *side, D3DKMT_HANDLE device, NTSTATUS (*call)(struct job *job));
NTSTATUS job_end(struct job *job);
NTSTATUS call_ask(struct job *job);

/* Around one test, whose state is a side that the thread is connected to. Nothing may be left. */
int ring_setup(void **state);
int ring_teardown(void **state);

#endif
