/* SPDX-License-Identifier: MIT */
/* In the place of dxgkrnl's engine.c: the workers do one step at a time, when the input says so, and need no threads. */
#include "world.h"

#include <stdlib.h>

enum { WORKERS = 2, PART = 65536 };

struct dxgk_engine {
	struct dxgk_kernel *kernel;
	uint32_t rings;
	struct by_hand {
		HANDLE driver_handle;
		struct dxgk_ring *ring; /* NULL: it has nothing to finish */
		struct dxgk_command command;
	} workers[WORKERS];
};

/* All below is under the kernel's lock, as in engine.c. */

static void finish(struct dxgk_engine *engine, struct by_hand *worker)
{
	struct dxgk_kernel *kernel = engine->kernel;
	struct dxgk_ring *ring = worker->ring;
	const uint64_t size = worker->command.size;

	/* Parts of others too, the last one first. */
	for (uint64_t at = (size - 1) / PART * PART;; at -= PART) {
		const struct by_hand *helper = &engine->workers[at / PART % WORKERS];

		kernel->driver->RunTransfer(worker->driver_handle, helper->driver_handle, at,
					    size - at < PART ? size - at : PART);
		if (at == 0)
			break;
	}
	kernel->driver->FinishTransfer(worker->driver_handle, &worker->command.argument);
	dxgk_transfer_finished(kernel);
	if (!ring->is_closed)
		(void)dxgk_ring_answer(ring, &worker->command);
	ring->is_taken = false;
	worker->ring = NULL;
}

/* In a thread of its own it would go on meanwhile. */
static void wait_for_transfer(HANDLE handle)
{
	struct dxgk_kernel *kernel = handle;
	struct dxgk_engine *engine = kernel->engine;

	FUZZ_CHECK(engine && kernel->lock.transfers > 0);
	for (size_t i = 0; i < WORKERS; i++) {
		if (engine->workers[i].ring) {
			finish(engine, &engine->workers[i]);
			return;
		}
	}
	FUZZ_CHECK(!"a transfer is under way");
}

static void begin(struct dxgk_engine *engine, struct by_hand *worker, struct dxgk_ring *ring)
{
	const uint32_t pending = dxgk_ring_pending(ring);

	if (ring->is_taken || ring->is_broken || pending == 0)
		return;
	if (pending > WIRE_RING_ENTRIES) {
		ring->is_broken = true;
		dxgk_ring_break(ring);
		return;
	}
	if (!dxgk_ring_begin(ring, worker->driver_handle, &worker->command)) {
		FUZZ_CHECK(engine->kernel->lock.transfers > 0);
		return;
	}
	if (worker->command.size == 0) {
		(void)dxgk_ring_answer(ring, &worker->command);
		return;
	}
	FUZZ_CHECK(worker->command.status == STATUS_SUCCESS);
	ring->is_taken = true;
	worker->ring = ring;
	dxgk_transfer_begun(engine->kernel);
}

void fuzz_worker_step(uint8_t number, struct dxgk_ring *ring, bool part)
{
	struct dxgk_kernel *kernel = fuzz_world.kernel;
	struct dxgk_engine *engine = kernel->engine;
	struct by_hand *worker;

	if (!engine)
		return;
	worker = &engine->workers[number % WORKERS];
	dxgk_worker_lock(kernel);
	if (worker->ring) {
		finish(engine, worker);
	} else if (ring) {
		begin(engine, worker, ring);
		if (worker->ring && part)
			finish(engine, worker);
	}
	dxgk_worker_leave(kernel);
}

/* ---- what dxgkrnl calls ----------------------------------------------------------------------------- */

NTSTATUS dxgk_engine_create(struct dxgk_kernel *kernel, struct dxgk_engine **ret)
{
	struct dxgk_engine *engine = calloc(1, sizeof(*engine));

	FUZZ_CHECK(engine);
	engine->kernel = kernel;
	kernel->interface.WaitForTransfer = wait_for_transfer;
	for (size_t i = 0; i < WORKERS; i++)
		FUZZ_CHECK(kernel->driver->CreateWorker(kernel->adapter, &engine->workers[i].driver_handle) ==
			   STATUS_SUCCESS);
	*ret = engine;
	return STATUS_SUCCESS;
}

void dxgk_engine_destroy(struct dxgk_engine *engine)
{
	if (!engine)
		return;
	FUZZ_CHECK(engine->rings == 0);
	for (size_t i = 0; i < WORKERS; i++) {
		FUZZ_CHECK(!engine->workers[i].ring);
		engine->kernel->driver->DestroyWorker(engine->workers[i].driver_handle);
	}
	free(engine);
}

NTSTATUS dxgk_engine_add(struct dxgk_engine *engine, struct dxgk_ring *ring)
{
	engine->rings++;
	return STATUS_SUCCESS;
}

void dxgk_engine_remove(struct dxgk_engine *engine, struct dxgk_ring *ring)
{
	engine->rings--;
	ring->is_closed = true;
	for (size_t i = 0; i < WORKERS; i++) {
		if (engine->workers[i].ring == ring)
			finish(engine, &engine->workers[i]);
	}
	FUZZ_CHECK(!ring->is_taken);
}

void dxgk_engine_unblock(struct dxgk_engine *engine)
{
}
