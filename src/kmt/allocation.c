/* SPDX-License-Identifier: MIT */
/* Allocations and resources: made, opened from an NT handle, destroyed. */
#include "kmt/connection.h"
#include "kmt/entry.h"
#include "kmt/memory.h"

#include <stdlib.h>
#include <string.h>

/* Whether the whole fits into a message, and no size has its pointer missing. Looked at before any pointer is. */
static bool creation_is_good(const D3DKMT_CREATEALLOCATION *arg)
{
	size_t size = sizeof(struct wire_create_allocation);

	if (arg->NumAllocations == 0 || arg->NumAllocations > WIRE_MAX_ALLOCATIONS || !arg->pAllocationInfo2 ||
	    arg->PrivateRuntimeDataSize > WIRE_MAX_PRIVATE_DATA || arg->PrivateDriverDataSize > WIRE_MAX_PRIVATE_DATA)
		return false;
	if ((arg->PrivateRuntimeDataSize > 0 && !arg->pPrivateRuntimeData) ||
	    (arg->PrivateDriverDataSize > 0 && !arg->pPrivateDriverData))
		return false;
	size += (size_t)arg->PrivateRuntimeDataSize + arg->PrivateDriverDataSize;
	for (UINT i = 0; i < arg->NumAllocations; i++) {
		const D3DDDI_ALLOCATIONINFO2 *info = &arg->pAllocationInfo2[i];

		if (info->PrivateDriverDataSize > WIRE_MAX_PRIVATE_DATA ||
		    (info->PrivateDriverDataSize > 0 && !info->pPrivateDriverData))
			return false;
		size += sizeof(struct wire_create_allocation_item) + info->PrivateDriverDataSize;
	}
	return size <= WIRE_MAX_MESSAGE;
}

/* The request's items. False: an allocation names memory that the service can't see. */
static bool items_fill(const D3DKMT_CREATEALLOCATION *arg, struct wire_create_allocation_item *items)
{
	for (UINT i = 0; i < arg->NumAllocations; i++) {
		const D3DDDI_ALLOCATIONINFO2 *info = &arg->pAllocationInfo2[i];

		items[i].private_size = info->PrivateDriverDataSize;
		if (info->pSystemMem && !kmt_memory_find(info->pSystemMem, &items[i].memory, &items[i].offset))
			return false;
	}
	return true;
}

static NTSTATUS creation_transact(const D3DKMT_CREATEALLOCATION *arg, const struct wire_create_allocation_item *items,
				  D3DKMT_HANDLE *ret_resource, D3DKMT_HANDLE *ret_allocations)
{
	const struct wire_create_allocation_item *answered;
	size_t items_size = arg->NumAllocations * sizeof(*items);
	struct wire_create_allocation *request;
	struct kmt_call call;
	NTSTATUS status;

	request = kmt_begin(&call, WIRE_CREATE_ALLOCATION, sizeof(*request));
	if (!request)
		return STATUS_DEVICE_REMOVED;
	request->device = arg->hDevice;
	request->shared = arg->Flags.CreateShared && arg->Flags.NtSecuritySharing;
	request->count = arg->NumAllocations;
	request->runtime_size = arg->PrivateRuntimeDataSize;
	request->driver_size = arg->PrivateDriverDataSize;
	kmt_append(&call, items, items_size);
	kmt_append(&call, arg->pPrivateRuntimeData, arg->PrivateRuntimeDataSize);
	kmt_append(&call, arg->pPrivateDriverData, arg->PrivateDriverDataSize);
	for (UINT i = 0; i < arg->NumAllocations; i++)
		kmt_append(&call, arg->pAllocationInfo2[i].pPrivateDriverData,
			   arg->pAllocationInfo2[i].PrivateDriverDataSize);
	status = kmt_transact(&call, sizeof(*request) + items_size);
	if (status == STATUS_SUCCESS) {
		*ret_resource = KMT_REPLY(&call, wire_create_allocation)->resource;
		answered = (const void *)(KMT_REPLY(&call, wire_create_allocation) + 1);
		for (UINT i = 0; i < arg->NumAllocations; i++)
			ret_allocations[i] = answered[i].allocation;
	}
	kmt_end(&call);
	return status;
}

NTSTATUS APIENTRY kmt_create_allocation2(D3DKMT_CREATEALLOCATION *arg)
{
	struct wire_create_allocation_item items[WIRE_MAX_ALLOCATIONS] = { 0 };
	D3DKMT_HANDLE allocations[WIRE_MAX_ALLOCATIONS];
	struct kmt_resource *record;
	D3DKMT_HANDLE resource;
	NTSTATUS status;

	if (!arg || !creation_is_good(arg))
		return STATUS_INVALID_PARAMETER;
	/* Sharing is by NT handle; adding to a resource and standard allocations are for others. */
	if (arg->Flags.StandardAllocation || arg->Flags.ExistingSection ||
	    (arg->Flags.CreateShared && !arg->Flags.NtSecuritySharing))
		return STATUS_NOT_SUPPORTED;
	if (arg->hResource && !arg->Flags.CreateResource)
		return STATUS_NOT_SUPPORTED;
	if (!items_fill(arg, items))
		return STATUS_INVALID_PARAMETER;

	record = kmt_resource_reserve(arg->NumAllocations);
	if (!record)
		return STATUS_NO_MEMORY;
	status = creation_transact(arg, items, &resource, allocations);
	if (status != STATUS_SUCCESS) {
		kmt_resource_drop(record);
		return status;
	}
	kmt_resource_remember(record, arg->hDevice, resource, allocations);
	arg->hResource = arg->Flags.CreateResource ? resource : 0;
	arg->hGlobalShare = 0;
	for (UINT i = 0; i < arg->NumAllocations; i++) {
		arg->pAllocationInfo2[i].hAllocation = allocations[i];
		arg->pAllocationInfo2[i].GpuVirtualAddress = 0;
	}
	return STATUS_SUCCESS;
}

NTSTATUS APIENTRY kmt_destroy_allocation2(CONST D3DKMT_DESTROYALLOCATION2 *arg)
{
	D3DKMT_HANDLE resource;
	NTSTATUS status;

	if (!arg)
		return STATUS_INVALID_PARAMETER;
	resource = arg->hResource;
	if (!resource) {
		if (!arg->phAllocationList || arg->AllocationCount == 0 || arg->AllocationCount > WIRE_MAX_ALLOCATIONS)
			return STATUS_INVALID_PARAMETER;
		/* What was made in one call goes in one call. */
		resource = kmt_resource_find(arg->hDevice, arg->phAllocationList, arg->AllocationCount);
	}
	/* The service looks at the handle alone: a device of another name must not do. */
	if (!resource || !kmt_resource_is_of(arg->hDevice, resource))
		return STATUS_INVALID_PARAMETER;
	status = kmt_call_handle(WIRE_DESTROY_ALLOCATION, resource);
	if (status == STATUS_SUCCESS)
		kmt_resource_forget(resource);
	return status;
}

NTSTATUS APIENTRY kmt_query_resource_info_from_nt_handle(D3DKMT_QUERYRESOURCEINFOFROMNTHANDLE *arg)
{
	const struct wire_query_resource *reply;
	struct kmt_call call;
	NTSTATUS status;

	if (!arg)
		return STATUS_INVALID_PARAMETER;
	status = kmt_begin_with_nt_handle(&call, WIRE_QUERY_RESOURCE, sizeof(struct wire_header), arg->hNtHandle, NULL);
	if (status != STATUS_SUCCESS)
		return status;
	status = kmt_transact(&call, sizeof(*reply));
	reply = KMT_REPLY(&call, wire_query_resource);
	/* The NT handle comes first, as for sessions (KMT-03). */
	if (status == STATUS_SUCCESS && !kmt_device_is_live(arg->hDevice))
		status = STATUS_INVALID_PARAMETER;
	if (status == STATUS_SUCCESS && call.reply->size - sizeof(*reply) < reply->runtime_size)
		status = STATUS_DEVICE_REMOVED;
	if (status == STATUS_SUCCESS && arg->pPrivateRuntimeData && arg->PrivateRuntimeDataSize < reply->runtime_size)
		status = STATUS_BUFFER_TOO_SMALL;
	if (status == STATUS_SUCCESS) {
		if (arg->pPrivateRuntimeData)
			memcpy(arg->pPrivateRuntimeData, reply + 1, reply->runtime_size);
		arg->PrivateRuntimeDataSize = reply->runtime_size;
		arg->TotalPrivateDriverDataSize = reply->allocations_size;
		arg->ResourcePrivateDriverDataSize = reply->driver_size;
		arg->NumAllocations = reply->count;
	}
	kmt_end(&call);
	return status;
}

/* Copies what the service told of an opened resource into the caller's buffers. */
static NTSTATUS opening_take(D3DKMT_OPENRESOURCEFROMNTHANDLE *arg, const struct wire_open_resource *reply,
			     size_t reply_size, D3DKMT_HANDLE *ret_allocations)
{
	const struct wire_create_allocation_item *items = (const void *)(reply + 1);
	const uint8_t *data = (const uint8_t *)(items + reply->count);
	uint8_t *room = arg->pTotalPrivateDriverDataBuffer;
	size_t left = reply_size - sizeof(*reply);
	size_t total;

	if (reply->count > WIRE_MAX_ALLOCATIONS || left < reply->count * sizeof(*items))
		return STATUS_DEVICE_REMOVED;
	left -= reply->count * sizeof(*items);
	total = left - reply->runtime_size - reply->driver_size;
	for (UINT i = 0; i < reply->count; i++)
		left -= items[i].private_size;
	/* What is not each one's own data or the resource's is not what the service means to say. */
	if (left != (size_t)reply->runtime_size + reply->driver_size)
		return STATUS_DEVICE_REMOVED;
	if (arg->NumAllocations != reply->count || !arg->pOpenAllocationInfo2)
		return STATUS_INVALID_PARAMETER;
	if ((reply->runtime_size > 0 && !arg->pPrivateRuntimeData) ||
	    (reply->driver_size > 0 && !arg->pResourcePrivateDriverData) || (total > 0 && !room))
		return STATUS_INVALID_PARAMETER;
	if (arg->PrivateRuntimeDataSize < reply->runtime_size ||
	    arg->ResourcePrivateDriverDataSize < reply->driver_size || arg->TotalPrivateDriverDataBufferSize < total)
		return STATUS_BUFFER_TOO_SMALL;

	if (reply->runtime_size > 0)
		memcpy(arg->pPrivateRuntimeData, data, reply->runtime_size);
	data += reply->runtime_size;
	if (reply->driver_size > 0)
		memcpy(arg->pResourcePrivateDriverData, data, reply->driver_size);
	data += reply->driver_size;
	if (total > 0)
		memcpy(room, data, total);
	for (UINT i = 0; i < reply->count; i++) {
		arg->pOpenAllocationInfo2[i].hAllocation = items[i].allocation;
		arg->pOpenAllocationInfo2[i].pPrivateDriverData = room;
		arg->pOpenAllocationInfo2[i].PrivateDriverDataSize = items[i].private_size;
		arg->pOpenAllocationInfo2[i].GpuVirtualAddress = 0;
		if (items[i].private_size > 0)
			room += items[i].private_size;
		ret_allocations[i] = items[i].allocation;
	}
	arg->PrivateRuntimeDataSize = reply->runtime_size;
	arg->ResourcePrivateDriverDataSize = reply->driver_size;
	arg->TotalPrivateDriverDataBufferSize = (UINT)total;
	return STATUS_SUCCESS;
}

NTSTATUS APIENTRY kmt_open_resource_from_nt_handle(D3DKMT_OPENRESOURCEFROMNTHANDLE *arg)
{
	D3DKMT_HANDLE allocations[WIRE_MAX_ALLOCATIONS];
	struct wire_open_resource *request;
	struct kmt_resource *record;
	D3DKMT_HANDLE resource = 0;
	struct kmt_call call;
	NTSTATUS status;
	int descriptor;

	if (!arg)
		return STATUS_INVALID_PARAMETER;
	descriptor = kmt_nt_handle_descriptor(arg->hNtHandle);
	if (descriptor < 0)
		return STATUS_INVALID_HANDLE;
	/* A number that is not the resource's is refused below, when the NT handle has been looked at. */
	record = kmt_resource_reserve(arg->NumAllocations <= WIRE_MAX_ALLOCATIONS ? arg->NumAllocations : 0);
	if (!record)
		return STATUS_NO_MEMORY;
	request = kmt_begin(&call, WIRE_OPEN_RESOURCE, sizeof(*request));
	if (!request) {
		kmt_resource_drop(record);
		return STATUS_DEVICE_REMOVED;
	}
	request->device = arg->hDevice;
	kmt_attach(&call, descriptor);
	status = kmt_transact(&call, sizeof(*request));
	if (status == STATUS_SUCCESS) {
		resource = KMT_REPLY(&call, wire_open_resource)->resource;
		status = opening_take(arg, KMT_REPLY(&call, wire_open_resource), call.reply->size, allocations);
	}
	kmt_end(&call);
	if (status != STATUS_SUCCESS) {
		if (resource)
			(void)kmt_call_handle(WIRE_DESTROY_ALLOCATION, resource);
		kmt_resource_drop(record);
		return status;
	}
	kmt_resource_remember(record, arg->hDevice, resource, allocations);
	arg->hResource = resource;
	arg->hKeyedMutex = 0;
	arg->hSyncObject = 0;
	return STATUS_SUCCESS;
}
