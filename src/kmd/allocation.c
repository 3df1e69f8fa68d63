/* SPDX-License-Identifier: MIT */
/* Surfaces: one allocation is one subresource, in protected memory or in memory that the graphics kernel shares. */
#include "kmd/kmd_internal.h"

#include <stdlib.h>
#include <string.h>

/* The session of a tie that nobody has (struct kmd_tie): numbers of sessions never get there. */
#define TIE_NOBODY UINT64_MAX

static bool is_pool(uint32_t pool)
{
	switch (pool) {
	case D3DDDIPOOL_SYSTEMMEM:
	case D3DDDIPOOL_VIDEOMEMORY:
	case D3DDDIPOOL_LOCALVIDMEM:
	case D3DDDIPOOL_NONLOCALVIDMEM:
		return true;
	default:
		return false;
	}
}

/* Copies what a client said of its surface, then checks the copy. */
static bool read_info(const void *data, size_t size, struct drv_allocation *ret)
{
	D3DDDI_RESOURCEFLAGS flags;

	if (!data || size != sizeof(*ret))
		return false;
	memcpy(ret, data, sizeof(*ret));

	flags.Value = ret->flags;
	if (ret->magic != DRV_MAGIC || !is_pool(ret->pool) || ret->rotation > D3DDDI_ROTATION_270)
		return false;
	/* Memory that a client can map cannot be protected (BLT-101); no sharing, nothing to restrict (BLT-111). */
	if (flags.RestrictedContent && ret->pool == D3DDDIPOOL_SYSTEMMEM)
		return false;
	if (flags.RestrictSharedAccess && !flags.SharedResource)
		return false;
	return true;
}

void kmd_allocation_untie(struct kmd_allocation *allocation)
{
	if (!allocation->previous_written)
		return;
	*allocation->previous_written = allocation->next_written;
	if (allocation->next_written)
		allocation->next_written->previous_written = allocation->previous_written;
	allocation->next_written = NULL;
	allocation->previous_written = NULL;
}

/* The device that makes it opens it first. What others may open is the device's business as long as that lives. */
static void enter_creator(struct kmd_allocation *allocation, struct kmd_device *device)
{
	allocation->process = device->process;
	if (!allocation->flags.SharedResource)
		return;
	allocation->creator = device;
	list_append(&device->shared, &allocation->creator_link);
	if (kmd_allocation_is_protected(allocation) && !allocation->flags.RestrictSharedAccess &&
	    allocation->resource->unrestricted++ == 0)
		device->unrestricted++;
}

void kmd_allocation_leave_creator(struct kmd_allocation *allocation)
{
	struct kmd_device *device = allocation->creator;

	if (!device)
		return;
	list_remove(&allocation->creator_link);
	if (kmd_allocation_is_protected(allocation) && !allocation->flags.RestrictSharedAccess &&
	    --allocation->resource->unrestricted == 0)
		device->unrestricted--;
	allocation->creator = NULL;
}

static void resource_unref(struct kmd_resource *resource)
{
	if (--resource->references == 0)
		free(resource);
}

static void free_allocation(struct kmd_allocation *allocation)
{
	list_remove(&allocation->link);
	kmd_allocation_leave_creator(allocation);
	kmd_allocation_untie(allocation);
	if (kmd_allocation_is_protected(allocation))
		gpu_surface_memory_unmap(allocation->memory, (size_t)allocation->size);
	resource_unref(allocation->resource);
	free(allocation);
}

static NTSTATUS make_allocation(struct kmd_adapter *adapter, struct kmd_resource *resource,
				const DXGK_ALLOCATIONINFO *request, struct kmd_allocation **ret)
{
	struct kmd_allocation *allocation;
	struct drv_allocation info;
	uint32_t pitch;
	uint64_t size;

	if (!read_info(request->pPrivateDriverData, request->PrivateDriverDataSize, &info) ||
	    !drv_surface_layout(info.format, info.width, info.height, &pitch, &size))
		return STATUS_INVALID_PARAMETER;

	allocation = calloc(1, sizeof(*allocation));
	if (!allocation)
		return STATUS_NO_MEMORY;
	allocation->adapter = adapter;
	allocation->info = info;
	allocation->flags.Value = info.flags;
	allocation->pitch = pitch;
	allocation->size = size;

	if (kmd_allocation_is_protected(allocation)) {
		/* The sum over a process is the graphics kernel's to hold (BLT-102); it comes zeroed (BLT-103). */
		if (size > adapter->config.protected_memory_size ||
		    gpu_surface_memory_map((size_t)size, &allocation->memory) < 0) {
			free(allocation);
			return STATUS_NO_MEMORY;
		}
	}
	allocation->resource = resource;
	resource->references++;
	list_append(&adapter->allocations, &allocation->link);
	*ret = allocation;
	return STATUS_SUCCESS;
}

/* All or nothing; outputs when all of them are there. */
static NTSTATUS make_allocations(struct kmd_adapter *adapter, struct kmd_resource *resource, DXGK_ALLOCATIONINFO *infos,
				 UINT count, struct kmd_allocation **made)
{
	for (UINT i = 0; i < count; i++) {
		NTSTATUS status = make_allocation(adapter, resource, &infos[i], &made[i]);

		if (status == STATUS_SUCCESS)
			continue;
		while (i-- > 0)
			free_allocation(made[i]);
		return status;
	}
	for (UINT i = 0; i < count; i++) {
		infos[i].hAllocation = made[i];
		infos[i].Size = (SIZE_T)made[i]->size;
		infos[i].Alignment = 0;
		infos[i].Flags.Value = 0;
		infos[i].Flags.CpuVisible = !kmd_allocation_is_protected(made[i]);
	}
	return STATUS_SUCCESS;
}

NTSTATUS kmd_create_allocation(HANDLE hAdapter, DXGKARG_CREATEALLOCATION *arg)
{
	struct kmd_resource *resource = arg->hResource;
	struct kmd_allocation **made;
	NTSTATUS status;

	if (arg->NumAllocations == 0 || !arg->pAllocationInfo)
		return STATUS_INVALID_PARAMETER;
	made = calloc(arg->NumAllocations, sizeof(*made));
	if (!made)
		return STATUS_NO_MEMORY;
	if (!resource)
		resource = calloc(1, sizeof(*resource));
	if (!resource) {
		free(made);
		return STATUS_NO_MEMORY;
	}
	/* One of our own, so that it is there when the last that was made goes again. */
	resource->references++;
	status = make_allocations(hAdapter, resource, arg->pAllocationInfo, arg->NumAllocations, made);
	if (status == STATUS_SUCCESS)
		arg->hResource = resource;
	/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): one reference is ours, whatever went with those that were made */
	resource_unref(resource);
	free(made);
	return status;
}

NTSTATUS kmd_destroy_allocation(HANDLE hAdapter, const DXGKARG_DESTROYALLOCATION *arg)
{
	(void)hAdapter;
	for (UINT i = 0; i < arg->NumAllocations; i++)
		kmd_allocation_settle(arg->pAllocationList[i]);
	for (UINT i = 0; i < arg->NumAllocations; i++)
		free_allocation(arg->pAllocationList[i]);
	return STATUS_SUCCESS;
}

NTSTATUS kmd_describe_allocation(HANDLE hAdapter, DXGKARG_DESCRIBEALLOCATION *arg)
{
	const struct kmd_allocation *allocation = arg->hAllocation;

	(void)hAdapter;
	arg->Width = allocation->info.width;
	arg->Height = allocation->info.height;
	arg->Format = (D3DDDIFORMAT)allocation->info.format;
	arg->MultisampleMethod = (D3DDDI_MULTISAMPLINGMETHOD) { 0 };
	arg->RefreshRate.Numerator = allocation->info.refresh_numerator;
	arg->RefreshRate.Denominator = allocation->info.refresh_denominator;
	arg->Rotation = (D3DDDI_ROTATION)allocation->info.rotation;
	return STATUS_SUCCESS;
}

static NTSTATUS open_one(struct kmd_device *device, D3DKMT_HANDLE handle, struct kmd_open_allocation **ret)
{
	const struct dxgk_interface *kernel = device->adapter->kernel;
	const DXGKARGCB_GETHANDLEDATA arg = { .hObject = handle, .Type = DXGK_HANDLE_ALLOCATION };
	struct kmd_allocation *allocation;
	struct kmd_open_allocation *open;

	allocation = kernel->DxgkCbGetHandleData(kernel->DeviceHandle, &arg);
	if (!allocation)
		return STATUS_INVALID_PARAMETER;
	/* The first to open it is its creator. Others come in by a grant (BLT-109). */
	if (allocation->flags.RestrictSharedAccess && allocation->process && allocation->process != device->process &&
	    !kmd_allocation_admits(allocation, device->process))
		return STATUS_ACCESS_DENIED;
	open = malloc(sizeof(*open));
	if (!open)
		return STATUS_NO_MEMORY;
	*open = (struct kmd_open_allocation) { .device = device, .allocation = allocation };
	if (!kmd_guards_enter(open)) {
		free(open);
		return STATUS_INSUFFICIENT_RESOURCES;
	}
	if (!allocation->process)
		enter_creator(allocation, device);
	*ret = open;
	return STATUS_SUCCESS;
}

static void close_one(struct kmd_open_allocation *open)
{
	kmd_drop_lock(open);
	kmd_guards_leave(open);
	free(open);
}

NTSTATUS kmd_open_allocation(HANDLE hDevice, const DXGKARG_OPENALLOCATION *arg)
{
	struct kmd_device *device = hDevice;
	struct kmd_open_allocation **opened;
	NTSTATUS status = STATUS_SUCCESS;
	UINT count;

	if (arg->NumAllocations == 0 || !arg->pOpenAllocation)
		return STATUS_INVALID_PARAMETER;
	opened = calloc(arg->NumAllocations, sizeof(*opened));
	if (!opened)
		return STATUS_NO_MEMORY;

	for (count = 0; count < arg->NumAllocations; count++) {
		status = open_one(device, arg->pOpenAllocation[count].hAllocation, &opened[count]);
		if (status != STATUS_SUCCESS)
			break;
	}

	for (UINT i = 0; i < count; i++) {
		if (status == STATUS_SUCCESS)
			arg->pOpenAllocation[i].hDeviceSpecificAllocation = opened[i];
		else
			close_one(opened[i]);
	}
	free(opened);
	return status;
}

NTSTATUS kmd_close_allocation(HANDLE hDevice, const DXGKARG_CLOSEALLOCATION *arg)
{
	(void)hDevice;
	for (UINT i = 0; i < arg->NumAllocations; i++) {
		const struct kmd_open_allocation *open = arg->pOpenHandleList[i];

		kmd_allocation_settle(open->allocation);
	}
	for (UINT i = 0; i < arg->NumAllocations; i++)
		close_one(arg->pOpenHandleList[i]);
	return STATUS_SUCCESS;
}

NTSTATUS kmd_map_system_memory(HANDLE hAdapter, HANDLE hAllocation, void *memory, SIZE_T size)
{
	struct kmd_allocation *allocation = hAllocation;

	(void)hAdapter;
	/* Protected memory has its place already, and moves nowhere. */
	if (!memory || size < allocation->size || allocation->memory)
		return STATUS_INVALID_PARAMETER;
	allocation->memory = memory;
	return STATUS_SUCCESS;
}

void kmd_allocation_tie(struct kmd_allocation *allocation, struct kmd_session *session)
{
	allocation->tie = (struct kmd_tie) { .session = session->number, .exchange = session->exchange };
	kmd_allocation_untie(allocation);
	allocation->next_written = session->written;
	allocation->previous_written = &session->written;
	if (session->written)
		session->written->previous_written = &allocation->next_written;
	session->written = allocation;
}

void kmd_allocation_wipe(struct kmd_allocation *allocation)
{
	gpu_wipe(allocation->memory, (size_t)allocation->size);
	allocation->tie = (struct kmd_tie) { .session = TIE_NOBODY };
	allocation->wipes++;
	kmd_allocation_untie(allocation);
}

void kmd_allocation_written_by_cpu(struct kmd_allocation *allocation)
{
	/* What the CPU left alone is still its session's; in a wiped surface there is nothing to leave (BLT-123). */
	if (kmd_allocation_is_lost(allocation))
		allocation->tie = (struct kmd_tie) { 0 };
}

bool kmd_allocation_is_lost(const struct kmd_allocation *allocation)
{
	return allocation->tie.session == TIE_NOBODY;
}
