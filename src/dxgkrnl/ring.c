/* SPDX-License-Identifier: MIT */
/* Submission rings of devices: how they are made, and one command of theirs, which is an escape. */
#include "dxgkrnl/internal.h"

#include <dxvault/windef.h>
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

void dxgk_ring_prefetch(const struct dxgk_ring *ring)
{
	wire_ring_prefetch(wire_ring_entry_at(ring->shared, ring->done));
}

uint32_t dxgk_ring_pending(const struct dxgk_ring *ring)
{
	return atomic_load(&ring->shared->submitted) - ring->done;
}

/* Once, word by word: a client may write there meanwhile, and a second look could find something else. */
static void entry_copy(struct wire_ring_entry *to, const struct wire_ring_entry *from)
{
	const volatile uint64_t *source = (const volatile uint64_t *)(const volatile void *)from;
	uint64_t words[sizeof(*to) / sizeof(uint64_t)];

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		words[i] = source[i];
	/* cppcheck-suppress uninitvar ; the loop has filled all of it */
	memcpy(to, words, sizeof(*to));
}

/* A request of the same process may be half-way, and what it met is not this one's. */
static NTSTATUS check(const struct dxgk_ring *ring, const struct wire_ring_entry *entry)
{
	struct dxgk_process *process = ring->device->process;
	const D3DDDI_ESCAPEFLAGS flags = { .Value = entry->flags };
	const bool met_removed = process->met_removed;
	struct dxgk_device *device;
	NTSTATUS status;

	process->met_removed = false;
	status = dxgk_escape_check(process, entry->adapter, ring->device->handle, entry->type, entry->context, &device);
	if (status != STATUS_SUCCESS && process->met_removed)
		status = STATUS_DEVICE_REMOVED;
	process->met_removed = met_removed;
	if (status == STATUS_SUCCESS && (entry->size > WIRE_RING_DATA || !flags.NoAdapterSynchronization))
		status = STATUS_INVALID_PARAMETER;
	return status;
}

bool dxgk_ring_begin(struct dxgk_ring *ring, HANDLE worker, struct dxgk_command *ret)
{
	struct dxgk_device *device = ring->device;
	struct dxgk_kernel *kernel = device->process->kernel;

	ret->size = 0;
	entry_copy(&ret->entry, wire_ring_entry_at(ring->shared, ring->done));
	ret->status = check(ring, &ret->entry);
	if (ret->status != STATUS_SUCCESS)
		return true;
	ret->argument = (DXGKARG_ESCAPE) {
		.hDevice = device->driver_handle,
		.Flags.Value = ret->entry.flags,
		.pPrivateDriverData = ret->entry.data,
		.PrivateDriverDataSize = ret->entry.size,
	};
	kernel->caller = device->process;
	kernel->caller_device = device;
	ret->status = kernel->driver->BeginTransfer(kernel->adapter, worker, &ret->argument, &ret->size);
	kernel->caller = NULL;
	kernel->caller_device = NULL;
	if (ret->status == STATUS_RETRY)
		return false;
	if (ret->status != STATUS_SUCCESS)
		ret->size = 0;
	return true;
}

/*
 * An answer is mostly the command with its result, which lies in the entry's first cache line. To write the second one all the
 * same takes it away from the client's processor, and the client has to wait for it.
 */
static void data_write(struct wire_ring_entry *entry, const struct wire_ring_entry *answer)
{
	const size_t first = 64 - offsetof(struct wire_ring_entry, data);
	const size_t size = answer->size;

	memcpy(entry->data, answer->data, size < first ? size : first);
	if (size > first && memcmp(entry->data + first, answer->data + first, size - first) != 0)
		memcpy(entry->data + first, answer->data + first, size - first);
}

bool dxgk_ring_answer(struct dxgk_ring *ring, const struct dxgk_command *command)
{
	struct wire_ring_entry *entry = wire_ring_entry_at(ring->shared, ring->done);

	if (command->status == STATUS_SUCCESS)
		data_write(entry, &command->entry);
	entry->status = command->status;
	ring->done++;
	wire_ring_raise(&ring->shared->completed, ring->done);
	/* Not for each of several that it waits for. */
	return atomic_load(&ring->shared->client_sleeps) != 0 &&
	       (int32_t)(ring->done - atomic_load(&ring->shared->client_wants)) >= 0;
}

void dxgk_ring_wake(struct dxgk_ring *ring)
{
	(void)syscall(SYS_futex, &ring->shared->completed, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

void dxgk_ring_break(struct dxgk_ring *ring)
{
	atomic_store(&ring->shared->is_closed, 1);
	dxgk_ring_wake(ring);
}

static void ring_free(struct dxgk_ring *ring)
{
	if (ring->shared)
		munmap(ring->shared, sizeof(*ring->shared));
	if (ring->doorbell >= 0)
		close(ring->doorbell);
	free(ring);
}

void dxgk_ring_destroy(struct dxgk_ring *ring)
{
	struct dxgk_kernel *kernel;

	if (!ring)
		return;
	kernel = ring->device->process->kernel;
	dxgk_engine_remove(ring->engine, ring);
	dxgk_ring_break(ring);
	ring->device->ring = NULL;
	ring->device->process->user->rings--;
	kernel->counts.rings--;
	ring_free(ring);
}

static NTSTATUS ring_create(struct dxgk_device *device, struct dxgk_ring **ret, int *ret_memory)
{
	struct dxgk_kernel *kernel = device->process->kernel;
	struct dxgk_ring *ring = calloc(1, sizeof(*ring));
	NTSTATUS status = STATUS_INSUFFICIENT_RESOURCES;
	void *shared;

	if (!ring)
		return STATUS_NO_MEMORY;
	ring->device = device;
	ring->engine = kernel->engine;
	list_init(&ring->link);
	ring->doorbell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (ring->doorbell < 0 ||
	    dxgk_memory_file_create("dxvault-ring", sizeof(struct wire_ring), ret_memory, &shared) < 0) {
		ring_free(ring);
		return status;
	}
	ring->shared = shared;
	/* Nobody looks yet. */
	atomic_store(&ring->shared->service_sleeps, 1);
	status = dxgk_engine_add(ring->engine, ring);
	if (status != STATUS_SUCCESS) {
		close(*ret_memory);
		ring_free(ring);
		return status;
	}
	device->ring = ring;
	device->process->user->rings++;
	kernel->counts.rings++;
	*ret = ring;
	return STATUS_SUCCESS;
}

NTSTATUS dxgk_do_create_ring(struct dxgk_call *call)
{
	const struct wire_handle *request = DXGK_REQUEST(call, wire_handle);
	struct dxgk_device *device = dxgk_process_get(call->process, request->handle, DXGK_DEVICE);
	struct dxgk_kernel *kernel = call->process->kernel;
	NTSTATUS status = STATUS_SUCCESS;
	struct dxgk_ring *ring;
	int memory;

	if (!device || device->ring)
		return STATUS_INVALID_PARAMETER;
	if (call->process->user->rings >= kernel->config.limits.rings)
		return STATUS_INSUFFICIENT_RESOURCES;
	if (!kernel->engine)
		status = dxgk_engine_create(kernel, &kernel->engine);
	if (status == STATUS_SUCCESS)
		status = ring_create(device, &ring, &memory);
	if (status != STATUS_SUCCESS)
		return status;
	(void)DXGK_REPLY(call, wire_header);
	status = dxgk_reply_descriptor(call, memory);
	if (status == STATUS_SUCCESS)
		status = dxgk_reply_descriptor(call, ring->doorbell);
	close(memory);
	if (status != STATUS_SUCCESS)
		dxgk_ring_destroy(ring);
	return status;
}
