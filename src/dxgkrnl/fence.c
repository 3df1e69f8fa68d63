/* SPDX-License-Identifier: MIT */
/* Monitored fences: a count that every process reads from its own page and may sleep on. */
#include "dxgkrnl/internal.h"

#include <linux/futex.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

void dxgk_fence_show(struct dxgk_view *view)
{
	const struct dxgk_fence *fence = (const struct dxgk_fence *)view->object;
	struct wire_slot *slot = dxgk_process_slot(view->process, view->handle);

	atomic_store(&slot->state,
		     WIRE_SLOT_STATE(
			     fence->type == D3DDDI_MONITORED_FENCE ? WIRE_SLOT_MONITORED_FENCE : WIRE_SLOT_FENCE, 0));
	atomic_store(&slot->value, fence->value);
	atomic_store(&slot->handle, view->handle);
}

void dxgk_fence_publish(struct dxgk_fence *fence, uint64_t value)
{
	fence->value = value;
	LIST_FOR_EACH(node, &fence->views)
	{
		struct dxgk_view *view = LIST_ENTRY(node, struct dxgk_view, link);
		struct wire_slot *slot = dxgk_process_slot(view->process, view->handle);

		/* Behind every status that was stored before (KMT-22). */
		atomic_store_explicit(&slot->value, value, memory_order_release);
		dxgk_fence_wake(view);
	}
}

void dxgk_fence_count_loss(struct dxgk_fence *fence)
{
	struct dxgk_kernel *kernel = fence->kernel;

	if (!kernel->holds_fences) {
		dxgk_fence_publish(fence, fence->value + 1);
		return;
	}
	fence->value++;
	kernel->moved_fences += !fence->has_moved;
	fence->has_moved = true;
}

void dxgk_fence_show_losses(struct dxgk_fence *fence)
{
	if (!fence->has_moved)
		return;
	fence->has_moved = false;
	fence->kernel->moved_fences--;
	dxgk_fence_publish(fence, fence->value);
}

void dxgk_fence_wake(const struct dxgk_view *view)
{
	struct wire_slot *slot = dxgk_process_slot(view->process, view->handle);

	/* Waiters sleep on the low half: x86-64 and arm64 Linux are little-endian. */
	syscall(SYS_futex, (uint32_t *)&slot->value, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

void dxgk_fence_free(struct dxgk_fence *fence)
{
	fence->kernel->counts.fences--;
	free(fence);
}

NTSTATUS dxgk_do_create_fence(struct dxgk_call *call)
{
	const struct wire_create_fence *request = DXGK_REQUEST(call, wire_create_fence);
	struct dxgk_process *process = call->process;
	struct dxgk_device *device = dxgk_process_get(process, request->device, DXGK_DEVICE);
	D3DDDI_SYNCHRONIZATIONOBJECT_FLAGS flags = { .Value = request->flags };
	struct dxgk_fence *fence;
	NTSTATUS status;

	if (!device)
		return STATUS_INVALID_PARAMETER;
	/* NT handles are the only way to share here, so Shared alone shares with nobody. */
	if (flags.NtSecuritySharing && !flags.Shared)
		return STATUS_INVALID_PARAMETER;
	if (request->type != D3DDDI_MONITORED_FENCE && request->type != D3DDDI_FENCE)
		return STATUS_NOT_SUPPORTED;

	fence = calloc(1, sizeof(*fence));
	if (!fence)
		return STATUS_NO_MEMORY;
	fence->object = (struct dxgk_object) { .kind = DXGK_FENCE, .references = 1 };
	fence->kernel = process->kernel;
	fence->device = device->id;
	fence->value = request->value;
	fence->type = (uint8_t)request->type;
	fence->shareable = flags.Shared && flags.NtSecuritySharing;
	list_init(&fence->views);
	process->kernel->counts.fences++;

	status = dxgk_reply_view(call, &fence->object);
	dxgk_object_unref(&fence->object);
	return status;
}

NTSTATUS dxgk_do_destroy_fence(struct dxgk_call *call)
{
	return dxgk_release_view(call, DXGK_FENCE);
}

NTSTATUS dxgk_do_signal_fences(struct dxgk_call *call)
{
	const struct wire_signal_fences *request = DXGK_REQUEST(call, wire_signal_fences);
	struct dxgk_fence *fences[WIRE_MAX_SIGNALS];

	if (!dxgk_process_get(call->process, request->device, DXGK_DEVICE) || request->count == 0 ||
	    request->count > WIRE_MAX_SIGNALS)
		return STATUS_INVALID_PARAMETER;

	for (uint32_t i = 0; i < request->count; i++) {
		struct dxgk_view *view = dxgk_process_get(call->process, request->signals[i].fence, DXGK_FENCE);

		if (!view)
			return STATUS_INVALID_PARAMETER;
		fences[i] = (struct dxgk_fence *)view->object;
		if (fences[i]->type != D3DDDI_MONITORED_FENCE)
			return STATUS_INVALID_PARAMETER;
	}
	for (uint32_t i = 0; i < request->count; i++) {
		if (fences[i]->sessions > 0)
			return STATUS_ACCESS_DENIED;
	}
	for (uint32_t i = 0; i < request->count; i++)
		dxgk_fence_publish(fences[i], request->signals[i].value);
	return STATUS_SUCCESS;
}

NTSTATUS dxgk_do_open_fence(struct dxgk_call *call)
{
	const struct wire_handle *request = DXGK_REQUEST(call, wire_handle);
	struct dxgk_object *object;
	NTSTATUS status;

	status = dxgk_nt_handle_open(call->process->kernel, call->request->descriptors[0], DXGK_FENCE, &object);
	if (status != STATUS_SUCCESS)
		return status;
	/* The NT handle comes first, as for sessions (KMT-03). */
	if (!dxgk_process_get(call->process, request->handle, DXGK_DEVICE))
		return STATUS_INVALID_PARAMETER;
	return dxgk_reply_view(call, object);
}
