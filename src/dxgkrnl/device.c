/* SPDX-License-Identifier: MIT */
/* Devices and contexts of a process. */
#include "dxgkrnl/internal.h"

#include <assert.h>
#include <stdlib.h>

void dxgk_context_destroy(struct dxgk_context *context)
{
	struct dxgk_process *process = context->device->process;

	list_remove(&context->link);
	dxgk_process_release_handle(process, context->handle);
	process->kernel->counts.contexts--;
	free(context);
}

static void spend(uint32_t *budget, uint32_t cost)
{
	*budget = *budget > cost ? *budget - cost : 0;
}

/* What the device protected is gone with it, even where others still hold the session (KMT-17). */
static void session_orphan(struct dxgk_session *session)
{
	const struct dxgk_kernel *kernel = session->account->kernel;

	session->is_dead = true;
	if (kernel->driver->OrphanSession)
		kernel->driver->OrphanSession(kernel->adapter, session->driver_handle);
	dxgk_session_set_status(session, D3DKMT_PROTECTED_SESSION_STATUS_INVALID);
}

/* First what the sessions say, then their fences (KMT-22), each of them once. */
static void orphan_sessions(struct dxgk_device *device, uint32_t *budget)
{
	struct dxgk_kernel *kernel = device->process->kernel;
	struct list *end = device->sessions.next;

	dxgk_loss_begin(kernel);
	for (; end != &device->sessions && *budget > 0; end = end->next) {
		struct dxgk_session *session = LIST_ENTRY(end, struct dxgk_session, device_link);

		session_orphan(session);
		spend(budget, 1 + session->object.references / 64 + session->fence->view_count);
	}
	while (device->sessions.next != end) {
		struct dxgk_session *session = LIST_ENTRY(device->sessions.next, struct dxgk_session, device_link);

		dxgk_fence_show_losses(session->fence);
		list_remove(&session->device_link);
	}
	dxgk_loss_end(kernel);
}

static bool destroy_children(struct dxgk_device *device, uint32_t *budget)
{
	LIST_FOR_EACH(context_node, &device->contexts)
	{
		if (*budget == 0)
			return false;
		dxgk_context_destroy(LIST_ENTRY(context_node, struct dxgk_context, link));
		spend(budget, 1);
	}
	LIST_FOR_EACH(node, &device->opens)
	{
		struct dxgk_open *open = LIST_ENTRY(node, struct dxgk_open, link);

		if (*budget == 0)
			return false;
		spend(budget, 1 + open->resource->count);
		dxgk_open_destroy(open);
	}
	orphan_sessions(device, budget);
	return list_is_empty(&device->sessions);
}

bool dxgk_cb_charge_objects(HANDLE handle, int count)
{
	struct dxgk_device *device = handle;
	struct dxgk_user *user = device->process->user;
	const uint32_t limit = device->process->kernel->config.limits.handles;
	uint32_t back;

	if (count >= 0) {
		/* The handles in use are never more than the limit. */
		if ((uint32_t)count > limit - user->handles)
			return false;
		device->charged += (uint32_t)count;
		user->handles += (uint32_t)count;
		return true;
	}
	back = 0u - (uint32_t)count;
	/* A driver that gives back what it never had would spend what others hold. */
	assert(back <= device->charged);
	device->charged -= back;
	user->handles -= back;
	return true;
}

/* What a driver forgets is given back with the device. */
static void settle_charges(struct dxgk_device *device)
{
	device->process->user->handles -= device->charged;
	device->charged = 0;
}

bool dxgk_device_destroy_part(struct dxgk_device *device, uint32_t *budget)
{
	struct dxgk_process *process = device->process;
	struct dxgk_kernel *kernel = process->kernel;

	/* Before the rest, so that its commands meet all of the device or none of it. */
	dxgk_ring_destroy(device->ring);
	if (!destroy_children(device, budget))
		return false;
	kernel->driver->DxgkDdiDestroyDevice(device->driver_handle);
	settle_charges(device);
	dxgk_process_release_handle(process, device->handle);
	kernel->counts.devices--;
	free(device);
	return true;
}

NTSTATUS dxgk_do_create_device(struct dxgk_call *call)
{
	const struct wire_handle *request = DXGK_REQUEST(call, wire_handle);
	struct dxgk_process *process = call->process;
	struct dxgk_kernel *kernel = process->kernel;
	DXGKARG_CREATEDEVICE argument = { 0 };
	struct dxgk_device *device;
	struct wire_handle *reply;
	struct wire_slot *slot;
	NTSTATUS status;

	if (!dxgk_process_get(process, request->handle, DXGK_ADAPTER))
		return STATUS_INVALID_PARAMETER;
	device = calloc(1, sizeof(*device));
	if (!device)
		return STATUS_NO_MEMORY;
	device->process = process;
	device->handle = dxgk_process_reserve_handle(process, /* slot= */ true);
	if (!device->handle) {
		free(device);
		return STATUS_INSUFFICIENT_RESOURCES;
	}

	argument.hDevice = device;
	argument.hKmdProcess = dxgk_identity_handle(process->identity);
	status = kernel->driver->DxgkDdiCreateDevice(kernel->adapter, &argument);
	if (status != STATUS_SUCCESS) {
		settle_charges(device);
		dxgk_process_release_handle(process, device->handle);
		free(device);
		return status;
	}
	device->driver_handle = argument.hDevice;
	device->id = ++kernel->next_device;
	list_init(&device->contexts);
	list_init(&device->opens);
	list_init(&device->sessions);
	dxgk_handle_set(&process->handles, device->handle, DXGK_DEVICE, device);
	kernel->counts.devices++;
	slot = dxgk_process_slot(process, device->handle);
	atomic_store(&slot->state, WIRE_SLOT_STATE(WIRE_SLOT_DEVICE, WIRE_DEVICE_ACTIVE));
	atomic_store(&slot->handle, device->handle);

	reply = DXGK_REPLY(call, wire_handle);
	reply->handle = device->handle;
	return STATUS_SUCCESS;
}

NTSTATUS dxgk_do_destroy_device(struct dxgk_call *call)
{
	const struct wire_handle *request = DXGK_REQUEST(call, wire_handle);
	struct dxgk_device *device = dxgk_process_get_to_release(call->process, request->handle, DXGK_DEVICE);

	if (!device)
		return STATUS_INVALID_PARAMETER;
	call->process->ending = device;
	return STATUS_PENDING;
}

NTSTATUS dxgk_do_get_device_state(struct dxgk_call *call)
{
	const struct wire_device_state *request = DXGK_REQUEST(call, wire_device_state);
	struct wire_device_state *reply;

	if (!dxgk_process_get(call->process, request->device, DXGK_DEVICE))
		return STATUS_INVALID_PARAMETER;
	if (request->type != D3DKMT_DEVICESTATE_EXECUTION)
		return STATUS_NOT_SUPPORTED;
	reply = DXGK_REPLY(call, wire_device_state);
	reply->device = request->device;
	reply->type = request->type;
	reply->value = D3DKMT_DEVICEEXECUTION_ACTIVE;
	return STATUS_SUCCESS;
}

NTSTATUS dxgk_do_create_context(struct dxgk_call *call)
{
	const struct wire_handle *request = DXGK_REQUEST(call, wire_handle);
	struct dxgk_process *process = call->process;
	struct dxgk_device *device = dxgk_process_get(process, request->handle, DXGK_DEVICE);
	struct dxgk_context *context;
	struct wire_handle *reply;

	if (!device)
		return STATUS_INVALID_PARAMETER;
	context = calloc(1, sizeof(*context));
	if (!context)
		return STATUS_NO_MEMORY;
	context->handle = dxgk_process_reserve_handle(process, /* slot= */ false);
	if (!context->handle) {
		free(context);
		return STATUS_INSUFFICIENT_RESOURCES;
	}
	context->device = device;
	list_append(&device->contexts, &context->link);
	dxgk_handle_set(&process->handles, context->handle, DXGK_CONTEXT, context);
	process->kernel->counts.contexts++;

	reply = DXGK_REPLY(call, wire_handle);
	reply->handle = context->handle;
	return STATUS_SUCCESS;
}

NTSTATUS dxgk_do_destroy_context(struct dxgk_call *call)
{
	const struct wire_handle *request = DXGK_REQUEST(call, wire_handle);
	struct dxgk_context *context = dxgk_process_get_to_release(call->process, request->handle, DXGK_CONTEXT);

	if (!context)
		return STATUS_INVALID_PARAMETER;
	dxgk_context_destroy(context);
	return STATUS_SUCCESS;
}
