/* SPDX-License-Identifier: MIT */
/* Transfers under way: what they hold, who waits for them, and the engine workers that move their bytes. */
#include "kmd/kmd_internal.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* ---- what is held -------------------------------------------------------------------------------- */

void kmd_transfer_enter(struct kmd_adapter *adapter, struct kmd_transfer *transfer)
{
	list_append(&adapter->transfers, &transfer->link);
}

void kmd_transfer_leave(struct kmd_transfer *transfer)
{
	list_remove(&transfer->link);
}

/* Whether it holds an object of one kind. */
typedef bool holds_fn(const struct kmd_transfer *transfer, const void *object);

static bool holds_session(const struct kmd_transfer *transfer, const void *object)
{
	return transfer->session == object;
}

static bool holds_allocation(const struct kmd_transfer *transfer, const void *object)
{
	return transfer->source == object || transfer->destination == object;
}

/* A surface that the session would wipe if it lost its keys now. */
static bool is_content_of(const struct kmd_allocation *allocation, const struct kmd_session *session)
{
	return allocation && allocation->previous_written && allocation->tie.session == session->number;
}

static bool holds_content(const struct kmd_transfer *transfer, const void *object)
{
	return transfer->session == object || is_content_of(transfer->source, object) ||
	       is_content_of(transfer->destination, object);
}

static bool holds_anything(const struct kmd_transfer *transfer, const void *object)
{
	(void)transfer;
	(void)object;
	return true;
}

static bool is_held(const struct kmd_adapter *adapter, holds_fn *holds, const void *object)
{
	const struct list *link;

	for (link = adapter->transfers.next; link != &adapter->transfers; link = link->next) {
		if (holds(LIST_ENTRY(link, struct kmd_transfer, link), object))
			return true;
	}
	return false;
}

/* Nothing begins until the entry returns or lets go of the lock, so what is settled stays so. */
static void settle(const struct kmd_adapter *adapter, holds_fn *holds, const void *object)
{
	while (is_held(adapter, holds, object))
		adapter->kernel->WaitForTransfer(adapter->kernel->DeviceHandle);
}

bool kmd_session_is_held(const struct kmd_session *session)
{
	return is_held(session->adapter, holds_session, session);
}

bool kmd_content_is_held(const struct kmd_session *session)
{
	return is_held(session->adapter, holds_content, session);
}

bool kmd_allocation_is_held(const struct kmd_allocation *allocation)
{
	return is_held(allocation->adapter, holds_allocation, allocation);
}

void kmd_session_settle(const struct kmd_session *session)
{
	settle(session->adapter, holds_session, session);
}

void kmd_content_settle(const struct kmd_session *session)
{
	settle(session->adapter, holds_content, session);
}

void kmd_allocation_settle(const struct kmd_allocation *allocation)
{
	settle(allocation->adapter, holds_allocation, allocation);
}

void kmd_adapter_settle(const struct kmd_adapter *adapter)
{
	settle(adapter, holds_anything, NULL);
}

/* ---- by the calling thread ----------------------------------------------------------------------- */

HRESULT kmd_blt(struct kmd_device *device, struct kmd_session *session, struct drv_escape_blt *escape)
{
	const struct dxgk_interface *kernel = device->adapter->kernel;
	struct kmd_allocation *source = kmd_find_allocation(device, escape->source);
	struct kmd_allocation *destination = kmd_find_allocation(device, escape->destination);
	struct kmd_transfer transfer = { 0 };
	HRESULT hr;
	int r;

	if (source)
		kmd_allocation_settle(source);
	if (destination)
		kmd_allocation_settle(destination);
	hr = kmd_blt_begin(&transfer, session, source, destination, escape);
	if (hr != S_OK)
		return hr;

	kmd_transfer_enter(device->adapter, &transfer);
	kernel->Unlock(kernel->DeviceHandle);
	r = gpu_ctr(transfer.key, transfer.iv, transfer.has_pattern ? &transfer.pattern : NULL, transfer.source->memory,
		    transfer.destination->memory, (size_t)transfer.size);
	kernel->Lock(kernel->DeviceHandle);
	hr = kmd_blt_finish(&transfer, r, escape);
	kmd_transfer_leave(&transfer);
	return hr;
}

/* ---- by workers ---------------------------------------------------------------------------------- */

struct kmd_worker {
	struct kmd_adapter *adapter;
	struct gpu_worker *gpu;
	struct kmd_transfer transfer; /* in the adapter's list from its begin to its finish */
	struct drv_escape_blt escape; /* the answer to be */
	atomic_int result;	      /* what the engine said of the parts: 0 or one of its errors */
};

NTSTATUS kmd_create_worker(HANDLE hAdapter, HANDLE *ret_hWorker)
{
	struct kmd_adapter *adapter = hAdapter;
	struct kmd_worker *worker = calloc(1, sizeof(*worker));

	if (!worker)
		return STATUS_NO_MEMORY;
	if (gpu_worker_create(&worker->gpu) < 0) {
		free(worker);
		return STATUS_NO_MEMORY;
	}
	worker->adapter = adapter;
	list_init(&worker->transfer.link);
	adapter->workers++;
	*ret_hWorker = worker;
	return STATUS_SUCCESS;
}

void kmd_destroy_worker(HANDLE hWorker)
{
	struct kmd_worker *worker = hWorker;

	assert(list_is_empty(&worker->transfer.link));
	worker->adapter->workers--;
	gpu_worker_destroy(worker->gpu);
	free(worker);
}

HRESULT kmd_worker_begin(struct kmd_worker *worker, struct kmd_session *session, struct kmd_allocation *source,
			 struct kmd_allocation *destination, const struct drv_escape_blt *escape, uint64_t *ret_size)
{
	struct kmd_transfer transfer = { 0 };
	HRESULT hr = kmd_blt_begin(&transfer, session, source, destination, escape);

	if (hr != S_OK)
		return hr;
	assert(list_is_empty(&worker->transfer.link));
	worker->transfer = transfer;
	worker->escape = *escape;
	atomic_store(&worker->result, 0);
	kmd_transfer_enter(worker->adapter, &worker->transfer);
	*ret_size = transfer.size;
	return S_OK;
}

void kmd_run_transfer(HANDLE hOwner, HANDLE hWorker, UINT64 offset, UINT64 size)
{
	struct kmd_worker *owner = hOwner;
	const struct kmd_worker *worker = hWorker;
	const struct kmd_transfer *transfer = &owner->transfer;
	int r;

	assert(size <= transfer->size && offset <= transfer->size - size);
	/* What another part's failure leaves is wiped or worthless. */
	if (atomic_load(&owner->result) < 0)
		return;
	r = gpu_ctr_part(transfer->key, worker->gpu, transfer->iv, transfer->has_pattern ? &transfer->pattern : NULL,
			 offset, (const uint8_t *)transfer->source->memory + offset,
			 (uint8_t *)transfer->destination->memory + offset, (size_t)size);
	if (r < 0)
		atomic_store(&owner->result, r);
}

void kmd_finish_transfer(HANDLE hOwner, const DXGKARG_ESCAPE *arg)
{
	struct kmd_worker *owner = hOwner;

	assert(arg->PrivateDriverDataSize == sizeof(owner->escape));
	owner->escape.header.result = kmd_blt_finish(&owner->transfer, atomic_load(&owner->result), &owner->escape);
	kmd_transfer_leave(&owner->transfer);
	memcpy(arg->pPrivateDriverData, &owner->escape, sizeof(owner->escape));
	gpu_wipe(&owner->escape, sizeof(owner->escape));
}
