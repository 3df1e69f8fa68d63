/* SPDX-License-Identifier: MIT */
/* Lock of protected surfaces, where the kernel half allows it: the application sees a copy, in memory of its own. */
#include "umd/umd_internal.h"

/*
 * Each lock has an allocation of its own, which goes at Unlock: a pointer that an application keeps never shows what is
 * written to the surface later (BLT-98).
 */

static HRESULT send(struct umd_device *device, enum drv_command command, const struct umd_surface *surface,
		    D3DKMT_HANDLE staging)
{
	struct drv_escape_lock escape = { .surface = surface->allocation, .staging = staging };

	return umd_escape(device, command, &escape, sizeof(escape));
}

static HRESULT allocate_copy(struct umd_resource *resource, struct umd_surface *surface)
{
	struct umd_device *device = resource->device;
	struct drv_allocation info = {
		.magic = DRV_MAGIC,
		.format = resource->format,
		.pool = D3DDDIPOOL_SYSTEMMEM,
		.width = surface->width,
		.height = surface->height,
		.rotation = D3DDDI_ROTATION_IDENTITY,
	};
	D3DDDI_ALLOCATIONINFO list = { .pPrivateDriverData = &info, .PrivateDriverDataSize = sizeof(info) };
	D3DDDICB_ALLOCATE arg = { .NumAllocations = 1, .pAllocationInfo = &list };
	HRESULT hr;

	if (!device->callbacks.allocate)
		return E_FAIL;
	hr = umd_callback_result(device->callbacks.allocate(device->runtime, &arg));
	if (hr == S_OK)
		surface->copy = list.hAllocation;
	return hr;
}

/* A copy that the runtime will not take back is kept, to be given back later; never to be used again. */
static HRESULT deallocate_copy(struct umd_device *device, struct umd_surface *surface)
{
	const D3DDDICB_DEALLOCATE arg = { .NumAllocations = 1, .HandleList = &surface->copy };
	HRESULT hr;

	if (!surface->copy)
		return S_OK;
	if (!device->callbacks.deallocate)
		return E_FAIL;
	hr = umd_callback_result(device->callbacks.deallocate(device->runtime, &arg));
	if (hr == S_OK) {
		surface->copy = 0;
		surface->is_copy_mapped = false;
	}
	return hr;
}

static HRESULT unmap_copy(struct umd_device *device, struct umd_surface *surface)
{
	HRESULT hr;

	if (!surface->is_copy_mapped)
		return S_OK;
	hr = umd_unmap(device, surface->copy);
	if (hr == S_OK)
		surface->is_copy_mapped = false;
	return hr;
}

HRESULT umd_protected_lock(struct umd_device *device, struct umd_surface *surface)
{
	return send(device, DRV_COMMAND_LOCK, surface, 0);
}

HRESULT umd_protected_map(struct umd_resource *resource, struct umd_surface *surface, bool is_for_writing,
			  void **ret_memory)
{
	struct umd_device *device = resource->device;
	HRESULT hr;

	hr = deallocate_copy(device, surface);
	if (hr == S_OK)
		hr = allocate_copy(resource, surface);
	if (hr != S_OK)
		return hr;
	hr = umd_map(device, surface->copy, (D3DDDICB_LOCKFLAGS) { .LockEntire = 1 }, ret_memory);
	if (hr != S_OK)
		return hr;
	surface->is_copy_mapped = true;
	hr = send(device, DRV_COMMAND_LOCK, surface, surface->copy);
	/* A copy that was not filled must not go back. */
	surface->is_copy_for_writing = hr == S_OK && is_for_writing;
	return hr;
}

HRESULT umd_protected_unlock(struct umd_device *device, struct umd_surface *surface)
{
	HRESULT hr;

	hr = unmap_copy(device, surface);
	if (hr == S_OK)
		hr = send(device, DRV_COMMAND_UNLOCK, surface, surface->is_copy_for_writing ? surface->copy : 0);
	if (hr != S_OK)
		return hr;
	surface->is_copy_for_writing = false;
	(void)deallocate_copy(device, surface);
	return S_OK;
}

void umd_protected_cancel(struct umd_device *device, struct umd_surface *surface)
{
	umd_protected_free(device, surface);
	(void)send(device, DRV_COMMAND_UNLOCK, surface, 0);
}

void umd_protected_free(struct umd_device *device, struct umd_surface *surface)
{
	(void)unmap_copy(device, surface);
	(void)deallocate_copy(device, surface);
}
