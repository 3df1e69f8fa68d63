/* SPDX-License-Identifier: MIT */
/* In the place of dxgkrnl's engine.c: the workers do one step at a time, when the input says so, and need no threads. */
#include "kmd/kmd_internal.h"
#include "world.h"

#include <stddef.h>
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

/* Where a worker copies a command from, and which of the bytes it has seen. */
static const struct wire_ring *looked_at;
static uint8_t seen[sizeof(struct wire_ring)];

bool fuzz_is_shared(const void *memory)
{
	const uintptr_t place = (uintptr_t)memory - (uintptr_t)looked_at;

	return looked_at && place < sizeof(*looked_at);
}

/*
 * ring.c calls these before each of its loads: by the second one of a byte of an entry a client may have written another
 * there. The words in front of the entries are both sides' to look at again and again.
 */
static void on_load(const void *memory, size_t size)
{
	const uintptr_t place = (uintptr_t)memory - (uintptr_t)looked_at;

	if (!fuzz_is_shared(memory) || place < offsetof(struct wire_ring, entries))
		return;
	for (size_t i = 0; i < size && place + i < sizeof(seen); i++) {
		FUZZ_CHECK(!seen[place + i]);
		seen[place + i] = 1;
	}
}

void __sanitizer_cov_load1(uint8_t *memory);
void __sanitizer_cov_load2(uint16_t *memory);
void __sanitizer_cov_load4(uint32_t *memory);
void __sanitizer_cov_load8(uint64_t *memory);
void __sanitizer_cov_load16(__int128 *memory);

void __sanitizer_cov_load1(uint8_t *memory)
{
	on_load(memory, sizeof(*memory));
}

void __sanitizer_cov_load2(uint16_t *memory)
{
	on_load(memory, sizeof(*memory));
}

void __sanitizer_cov_load4(uint32_t *memory)
{
	on_load(memory, sizeof(*memory));
}

void __sanitizer_cov_load8(uint64_t *memory)
{
	on_load(memory, sizeof(*memory));
}

void __sanitizer_cov_load16(__int128 *memory)
{
	on_load(memory, sizeof(*memory));
}

static bool begin_command(struct dxgk_ring *ring, struct by_hand *worker)
{
	bool has_begun;

	looked_at = ring->shared;
	memset(seen, 0, sizeof(seen));
	has_begun = dxgk_ring_begin(ring, worker->driver_handle, &worker->command);
	looked_at = NULL;
	return has_begun;
}

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

/* Each transfer has its session and its surfaces for itself. */
static void check_transfers(const struct dxgk_kernel *kernel)
{
	const struct list *transfers = &((const struct kmd_adapter *)kernel->adapter)->transfers;

	for (const struct list *a = transfers->next; a != transfers; a = a->next) {
		const struct kmd_transfer *one = LIST_ENTRY(a, struct kmd_transfer, link);

		for (const struct list *b = a->next; b != transfers; b = b->next) {
			const struct kmd_transfer *other = LIST_ENTRY(b, struct kmd_transfer, link);

			FUZZ_CHECK(one->session != other->session && one->destination != other->destination &&
				   one->source != other->destination && one->destination != other->source);
		}
	}
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
	if (!begin_command(ring, worker)) {
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
	check_transfers(engine->kernel);
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
