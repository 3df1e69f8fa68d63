/* SPDX-License-Identifier: MIT */
/* Resources: what they are made of, what is charged for them, and how a device has them open. */
#include "dxgkrnl/internal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static void allocations_release(struct dxgk_resource *resource)
{
	struct dxgk_kernel *kernel = resource->kernel;

	for (uint32_t i = 0; i < resource->count; i++) {
		struct dxgk_allocation *allocation = &resource->allocations[i];

		if (allocation->driver_handle)
			kernel->driver->DxgkDdiDestroyAllocation(kernel->adapter,
								 &(DXGKARG_DESTROYALLOCATION) {
									 .NumAllocations = 1,
									 .pAllocationList = &allocation->driver_handle,
								 });
		dxgk_memory_unref(allocation->memory);
		free(allocation->private_data);
	}
}

void dxgk_resource_free(struct dxgk_resource *resource)
{
	allocations_release(resource);
	resource->account->protected_bytes -= resource->charged;
	dxgk_account_unref(resource->account);
	resource->kernel->counts.resources--;
	resource->kernel->counts.allocations -= resource->count;
	free(resource->runtime_data);
	free(resource->driver_data);
	free(resource);
}

void dxgk_open_destroy(struct dxgk_open *open)
{
	struct dxgk_process *process = open->device->process;
	struct dxgk_kernel *kernel = process->kernel;

	for (uint32_t i = 0; i < open->resource->count; i++) {
		kernel->driver->DxgkDdiCloseAllocation(open->device->driver_handle,
						       &(DXGKARG_CLOSEALLOCATION) {
							       .NumAllocations = 1,
							       .pOpenHandleList = &open->allocations[i].driver_handle,
						       });
		dxgk_process_release_handle(process, open->allocations[i].handle);
	}
	dxgk_process_release_handle(process, open->handle);
	list_remove(&open->link);
	dxgk_object_unref(&open->resource->object);
	free(open);
}

/* Takes back what open_create gave out for the first count allocations. */
static void open_undo(struct dxgk_open *open, uint32_t opened, uint32_t reserved)
{
	struct dxgk_process *process = open->device->process;
	struct dxgk_kernel *kernel = process->kernel;

	for (uint32_t i = 0; i < opened; i++)
		kernel->driver->DxgkDdiCloseAllocation(open->device->driver_handle,
						       &(DXGKARG_CLOSEALLOCATION) {
							       .NumAllocations = 1,
							       .pOpenHandleList = &open->allocations[i].driver_handle,
						       });
	for (uint32_t i = 0; i < reserved; i++)
		dxgk_process_release_handle(process, open->allocations[i].handle);
	if (open->handle)
		dxgk_process_release_handle(process, open->handle);
	free(open);
}

/* The driver finds its allocation through the handle, so that comes first. */
static NTSTATUS allocation_open(struct dxgk_open *open, uint32_t index)
{
	struct dxgk_process *process = open->device->process;
	struct dxgk_kernel *kernel = process->kernel;
	struct dxgk_open_allocation *item = &open->allocations[index];
	struct dxgk_allocation *allocation = &open->resource->allocations[index];
	DXGK_OPENALLOCATIONINFO info = {
		.hAllocation = item->handle,
		.pPrivateDriverData = allocation->private_data,
		.PrivateDriverDataSize = allocation->private_size,
	};
	DXGKARG_OPENALLOCATION argument = { .NumAllocations = 1, .pOpenAllocation = &info };
	NTSTATUS status;

	dxgk_handle_set(&process->handles, item->handle, DXGK_ALLOCATION, item);
	kernel->caller = process;
	kernel->caller_device = open->device;
	status = kernel->driver->DxgkDdiOpenAllocation(open->device->driver_handle, &argument);
	kernel->caller = NULL;
	kernel->caller_device = NULL;
	item->driver_handle = info.hDeviceSpecificAllocation;
	return status;
}

static NTSTATUS open_create(struct dxgk_device *device, struct dxgk_resource *resource, struct dxgk_open **ret)
{
	struct dxgk_process *process = device->process;
	struct dxgk_open *open;
	NTSTATUS status;

	open = calloc(1, sizeof(*open) + resource->count * sizeof(open->allocations[0]));
	if (!open)
		return STATUS_NO_MEMORY;
	open->device = device;
	open->resource = resource;
	list_init(&open->link);
	open->handle = dxgk_process_reserve_handle(process, /* slot= */ false);
	if (!open->handle) {
		open_undo(open, 0, 0);
		return STATUS_INSUFFICIENT_RESOURCES;
	}
	for (uint32_t i = 0; i < resource->count; i++) {
		open->allocations[i].open = open;
		open->allocations[i].handle = dxgk_process_reserve_handle(process, /* slot= */ false);
		if (!open->allocations[i].handle) {
			open_undo(open, 0, i);
			return STATUS_INSUFFICIENT_RESOURCES;
		}
	}
	for (uint32_t i = 0; i < resource->count; i++) {
		status = allocation_open(open, i);
		if (status != STATUS_SUCCESS) {
			open_undo(open, i, resource->count);
			return status;
		}
		dxgk_process_has_size(process, resource->allocations[i].size);
	}
	dxgk_handle_set(&process->handles, open->handle, DXGK_RESOURCE, open);
	dxgk_object_ref(&resource->object);
	list_append(&device->opens, &open->link);
	*ret = open;
	return STATUS_SUCCESS;
}

/* A view on a request whose counts and sizes have been found to agree with its length. */
struct creation {
	const struct wire_create_allocation *request;
	const struct wire_create_allocation_item *items;
	const uint8_t *runtime_data;
	const uint8_t *driver_data;
	const uint8_t *allocation_data;
};

static NTSTATUS creation_check(const struct dxgk_call *call, struct creation *ret)
{
	const struct wire_create_allocation *request = DXGK_REQUEST(call, wire_create_allocation);
	size_t left = call->request->size - sizeof(*request);
	size_t items_size;

	if (request->count == 0 || request->count > WIRE_MAX_ALLOCATIONS || request->shared > 1)
		return STATUS_INVALID_PARAMETER;
	items_size = request->count * sizeof(struct wire_create_allocation_item);
	if (left < items_size || request->runtime_size > WIRE_MAX_PRIVATE_DATA ||
	    request->driver_size > WIRE_MAX_PRIVATE_DATA)
		return STATUS_INVALID_PARAMETER;
	left -= items_size;

	ret->request = request;
	ret->items = (const void *)(request + 1);
	ret->runtime_data = (const uint8_t *)ret->items + items_size;
	ret->driver_data = ret->runtime_data + request->runtime_size;
	ret->allocation_data = ret->driver_data + request->driver_size;
	if (left < (size_t)request->runtime_size + request->driver_size)
		return STATUS_INVALID_PARAMETER;
	left -= (size_t)request->runtime_size + request->driver_size;
	for (uint32_t i = 0; i < request->count; i++) {
		if (left < ret->items[i].private_size)
			return STATUS_INVALID_PARAMETER;
		left -= ret->items[i].private_size;
	}
	return left == 0 ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER;
}

static void *copy_of(const void *data, size_t size, bool *failed)
{
	void *copy;

	if (size == 0)
		return NULL;
	copy = malloc(size);
	if (copy)
		memcpy(copy, data, size);
	else
		*failed = true;
	return copy;
}

/* Gives an allocation its bytes: the driver's own, a part of memory that the client named, or new memory. */
static NTSTATUS allocation_back(struct dxgk_process *process, struct dxgk_resource *resource,
				struct dxgk_allocation *allocation, const struct wire_create_allocation_item *item,
				const DXGK_ALLOCATIONINFO *info)
{
	const struct dxgk_kernel *kernel = process->kernel;
	NTSTATUS status;

	allocation->size = info->Size;
	if (!info->Flags.CpuVisible) {
		uint64_t limit = kernel->config.limits.protected_bytes;

		if (item->memory)
			return STATUS_INVALID_PARAMETER;
		if (info->Size > limit || resource->account->protected_bytes > limit - info->Size)
			return STATUS_NO_MEMORY;
		resource->account->protected_bytes += info->Size;
		resource->charged += info->Size;
		return STATUS_SUCCESS;
	}
	if (item->memory) {
		struct dxgk_memory *memory = dxgk_process_get(process, item->memory, DXGK_MEMORY);

		if (!memory || item->offset > memory->size || info->Size > memory->size - item->offset)
			return STATUS_INVALID_PARAMETER;
		memory->references++;
		allocation->memory = memory;
		allocation->offset = item->offset;
	} else {
		status = dxgk_memory_create(process, info->Size, &allocation->memory);
		if (status != STATUS_SUCCESS)
			return status;
	}
	return kernel->driver->MapSystemMemory(kernel->adapter, allocation->driver_handle,
					       (uint8_t *)allocation->memory->map + allocation->offset,
					       allocation->size);
}

static NTSTATUS allocation_create(struct dxgk_process *process, struct dxgk_resource *resource,
				  const struct wire_create_allocation_item *item, const uint8_t *data,
				  struct dxgk_allocation *allocation)
{
	struct dxgk_kernel *kernel = process->kernel;
	DXGKARG_CREATEALLOCATION argument = { .NumAllocations = 1, .hResource = resource->driver_handle };
	DXGK_ALLOCATIONINFO info = { 0 };
	bool failed = false;
	NTSTATUS status;

	allocation->private_data = copy_of(data, item->private_size, &failed);
	if (failed)
		return STATUS_NO_MEMORY;
	allocation->private_size = item->private_size;
	info.pPrivateDriverData = allocation->private_data;
	info.PrivateDriverDataSize = allocation->private_size;
	argument.pAllocationInfo = &info;
	argument.Flags.Resource = 1;
	status = kernel->driver->DxgkDdiCreateAllocation(kernel->adapter, &argument);
	if (status != STATUS_SUCCESS)
		return status;
	allocation->driver_handle = info.hAllocation;
	resource->driver_handle = argument.hResource;
	return allocation_back(process, resource, allocation, item, &info);
}

static struct dxgk_resource *resource_create(struct dxgk_process *process, const struct creation *creation)
{
	const struct wire_create_allocation *request = creation->request;
	struct dxgk_resource *resource;
	bool failed = false;

	resource = calloc(1, sizeof(*resource) + request->count * sizeof(resource->allocations[0]));
	if (!resource)
		return NULL;
	resource->runtime_data = copy_of(creation->runtime_data, request->runtime_size, &failed);
	resource->driver_data = copy_of(creation->driver_data, request->driver_size, &failed);
	if (failed) {
		free(resource->runtime_data);
		free(resource->driver_data);
		free(resource);
		return NULL;
	}
	resource->object = (struct dxgk_object) { .kind = DXGK_RESOURCE, .references = 1 };
	resource->kernel = process->kernel;
	resource->account = process->account;
	resource->account->references++;
	resource->shareable = request->shared != 0;
	resource->runtime_size = request->runtime_size;
	resource->driver_size = request->driver_size;
	resource->count = request->count;
	process->kernel->counts.resources++;
	process->kernel->counts.allocations += request->count;
	return resource;
}

NTSTATUS dxgk_do_create_allocation(struct dxgk_call *call)
{
	struct dxgk_process *process = call->process;
	struct wire_create_allocation *reply;
	struct dxgk_resource *resource;
	struct dxgk_device *device;
	struct creation creation;
	const uint8_t *data;
	struct dxgk_open *open;
	NTSTATUS status;

	status = creation_check(call, &creation);
	if (status != STATUS_SUCCESS)
		return status;
	device = dxgk_process_get(process, creation.request->device, DXGK_DEVICE);
	if (!device)
		return STATUS_INVALID_PARAMETER;
	resource = resource_create(process, &creation);
	if (!resource)
		return STATUS_NO_MEMORY;

	data = creation.allocation_data;
	for (uint32_t i = 0; i < resource->count && status == STATUS_SUCCESS; i++) {
		status = allocation_create(process, resource, &creation.items[i], data, &resource->allocations[i]);
		data += creation.items[i].private_size;
	}
	if (status == STATUS_SUCCESS)
		status = open_create(device, resource, &open);
	dxgk_object_unref(&resource->object);
	if (status != STATUS_SUCCESS)
		return status;

	reply = DXGK_REPLY(call, wire_create_allocation);
	reply->resource = open->handle;
	reply->count = resource->count;
	for (uint32_t i = 0; i < resource->count; i++) {
		struct wire_create_allocation_item item = { .allocation = open->allocations[i].handle };

		dxgk_reply_append(call, &item, sizeof(item));
	}
	return STATUS_SUCCESS;
}

NTSTATUS dxgk_do_destroy_allocation(struct dxgk_call *call)
{
	const struct wire_handle *request = DXGK_REQUEST(call, wire_handle);
	struct dxgk_open *open = dxgk_process_get_to_release(call->process, request->handle, DXGK_RESOURCE);

	if (!open)
		return STATUS_INVALID_PARAMETER;
	dxgk_open_destroy(open);
	return STATUS_SUCCESS;
}

NTSTATUS dxgk_do_lock_allocation(struct dxgk_call *call)
{
	const struct wire_lock_allocation *request = DXGK_REQUEST(call, wire_lock_allocation);
	struct dxgk_open_allocation *item = dxgk_process_get(call->process, request->allocation, DXGK_ALLOCATION);
	const struct dxgk_allocation *allocation;
	struct wire_lock_allocation *reply;

	if (!item || item->open->device->handle != request->device)
		return STATUS_INVALID_PARAMETER;
	allocation = &item->open->resource->allocations[item - item->open->allocations];
	/* Protected memory has no address in a client. */
	if (!allocation->memory)
		return STATUS_ACCESS_DENIED;
	reply = DXGK_REPLY(call, wire_lock_allocation);
	reply->offset = allocation->offset;
	reply->size = allocation->size;
	reply->memory_size = allocation->memory->size;
	return dxgk_reply_descriptor(call, allocation->memory->descriptor);
}

static uint32_t allocations_size(const struct dxgk_resource *resource)
{
	uint32_t size = 0;

	for (uint32_t i = 0; i < resource->count; i++)
		size += resource->allocations[i].private_size;
	return size;
}

NTSTATUS dxgk_do_query_resource(struct dxgk_call *call)
{
	const struct dxgk_resource *resource;
	struct wire_query_resource *reply;
	struct dxgk_object *object;
	NTSTATUS status;

	status = dxgk_nt_handle_open(call->process->kernel, call->request->descriptors[0], DXGK_RESOURCE, &object);
	if (status != STATUS_SUCCESS)
		return status;
	resource = (const struct dxgk_resource *)object;
	reply = DXGK_REPLY(call, wire_query_resource);
	reply->count = resource->count;
	reply->runtime_size = resource->runtime_size;
	reply->driver_size = resource->driver_size;
	reply->allocations_size = allocations_size(resource);
	dxgk_reply_append(call, resource->runtime_data, resource->runtime_size);
	return STATUS_SUCCESS;
}

NTSTATUS dxgk_do_open_resource(struct dxgk_call *call)
{
	const struct wire_open_resource *request = DXGK_REQUEST(call, wire_open_resource);
	struct dxgk_resource *resource;
	struct wire_open_resource *reply;
	struct dxgk_device *device;
	struct dxgk_object *object;
	struct dxgk_open *open;
	NTSTATUS status;

	status = dxgk_nt_handle_open(call->process->kernel, call->request->descriptors[0], DXGK_RESOURCE, &object);
	if (status != STATUS_SUCCESS)
		return status;
	resource = (struct dxgk_resource *)object;
	device = dxgk_process_get(call->process, request->device, DXGK_DEVICE);
	if (!device)
		return STATUS_INVALID_PARAMETER;
	status = open_create(device, resource, &open);
	if (status != STATUS_SUCCESS)
		return status;

	reply = DXGK_REPLY(call, wire_open_resource);
	reply->resource = open->handle;
	reply->count = resource->count;
	reply->runtime_size = resource->runtime_size;
	reply->driver_size = resource->driver_size;
	for (uint32_t i = 0; i < resource->count; i++) {
		struct wire_create_allocation_item item = {
			.private_size = resource->allocations[i].private_size,
			.allocation = open->allocations[i].handle,
		};

		dxgk_reply_append(call, &item, sizeof(item));
	}
	dxgk_reply_append(call, resource->runtime_data, resource->runtime_size);
	dxgk_reply_append(call, resource->driver_data, resource->driver_size);
	for (uint32_t i = 0; i < resource->count; i++)
		dxgk_reply_append(call, resource->allocations[i].private_data, resource->allocations[i].private_size);
	return STATUS_SUCCESS;
}

static RECT rect_of(const struct wire_rectangle *rectangle)
{
	return (RECT) {
		.left = rectangle->left,
		.top = rectangle->top,
		.right = rectangle->right,
		.bottom = rectangle->bottom,
	};
}

/* Without rectangles it is all of the surface, in its own size. */
static void picture_rects(const struct wire_present *request, struct dxgk_picture *picture)
{
	LONG width;
	LONG height;

	picture->source = (RECT) { .right = (LONG)picture->width, .bottom = (LONG)picture->height };
	if (request->flags & WIRE_PRESENT_SOURCE)
		picture->source = rect_of(&request->source);
	if (request->flags & WIRE_PRESENT_DESTINATION) {
		picture->destination = rect_of(&request->destination);
		return;
	}
	/* Unsigned, for nobody has looked at them yet: the driver refuses a source that is none. */
	width = (LONG)((uint32_t)picture->source.right - (uint32_t)picture->source.left);
	height = (LONG)((uint32_t)picture->source.bottom - (uint32_t)picture->source.top);
	picture->destination = (RECT) { .right = width, .bottom = height };
	if (picture->rotation == D3DDDI_ROTATION_90 || picture->rotation == D3DDDI_ROTATION_270)
		picture->destination = (RECT) { .right = height, .bottom = width };
}

NTSTATUS dxgk_do_present(struct dxgk_call *call)
{
	const struct wire_present *request = DXGK_REQUEST(call, wire_present);
	struct dxgk_process *process = call->process;
	struct dxgk_kernel *kernel = process->kernel;
	struct dxgk_context *context = dxgk_process_get(process, request->context, DXGK_CONTEXT);
	struct dxgk_open_allocation *item = dxgk_process_get(process, request->allocation, DXGK_ALLOCATION);
	DXGKARG_DESCRIBEALLOCATION description = { 0 };
	struct dxgk_picture picture = { 0 };
	NTSTATUS status;

	if (!context || !item || item->open->device != context->device || request->source_id != 0 ||
	    (request->flags & ~(uint32_t)WIRE_PRESENT_FLAGS))
		return STATUS_INVALID_PARAMETER;
	description.hAllocation = item->open->resource->allocations[item - item->open->allocations].driver_handle;
	status = kernel->driver->DxgkDdiDescribeAllocation(kernel->adapter, &description);
	if (status != STATUS_SUCCESS)
		return status;

	picture.width = description.Width;
	picture.height = description.Height;
	picture.format = description.Format;
	picture.refresh_rate = description.RefreshRate;
	picture.rotation = description.Rotation;
	picture_rects(request, &picture);
	picture.count = request->count;
	picture.duration = request->duration;
	picture.is_flip = (request->flags & WIRE_PRESENT_FLIP) != 0;
	status = kernel->driver->Present(context->device->driver_handle, item->driver_handle, &picture);
	if (status == STATUS_SUCCESS)
		(void)DXGK_REPLY(call, wire_header);
	return status;
}
