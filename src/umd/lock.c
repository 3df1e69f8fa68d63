/* SPDX-License-Identifier: MIT */
/* Lock and Unlock. Which ordinary surfaces are locked is known here alone; the kernel half is told at a transfer. */
#include "umd/umd_internal.h"

HRESULT umd_map(struct umd_device *device, D3DKMT_HANDLE allocation, D3DDDICB_LOCKFLAGS flags, void **ret_memory)
{
	D3DDDICB_LOCK arg = { .hAllocation = allocation, .Flags = flags };
	HRESULT hr;

	if (!device->callbacks.lock)
		return E_FAIL;
	hr = umd_callback_result(device->callbacks.lock(device->runtime, &arg));
	if (hr == S_OK)
		*ret_memory = arg.pData;
	return hr;
}

HRESULT umd_unmap(struct umd_device *device, D3DKMT_HANDLE allocation)
{
	const D3DDDICB_UNLOCK arg = { .NumAllocations = 1, .phAllocations = &allocation };

	if (!device->callbacks.unlock)
		return E_FAIL;
	return umd_callback_result(device->callbacks.unlock(device->runtime, &arg));
}

/* 0: positions in such a surface are not known. */
static uint32_t pixel_bytes(D3DDDIFORMAT format)
{
	switch (format) {
	case D3DDDIFMT_A8R8G8B8:
	case D3DDDIFMT_X8R8G8B8:
		return 4;
	case D3DDDIFMT_YUY2:
	case D3DDDIFMT_UYVY:
		return 2;
	case D3DDDIFMT_NV12:
		return 1;
	default:
		return 0;
	}
}

static bool rectangle_offset(const struct umd_resource *resource, const struct umd_surface *surface, uint32_t pitch,
			     const D3DDDIBOX *box, uint64_t *ret_offset)
{
	const uint64_t bytes = pixel_bytes(resource->format);

	if (bytes == 0 || box->Left >= box->Right || box->Top >= box->Bottom || box->Right > surface->width ||
	    box->Bottom > surface->height || box->Front != 0 || box->Back > 1)
		return false;
	*ret_offset = (uint64_t)box->Top * pitch + box->Left * bytes;
	return true;
}

/* Where the part begins that the caller asks for. */
static bool part_offset(const struct umd_resource *resource, const struct umd_surface *surface, uint32_t pitch,
			const D3DDDIARG_LOCK *pData, uint64_t *ret_offset)
{
	const bool is_system = resource->pool == D3DDDIPOOL_SYSTEMMEM;

	*ret_offset = 0;
	if (pData->Flags.RangeValid) {
		*ret_offset = pData->Range.Offset;
		/* How far the application's own memory goes is its own affair. */
		return is_system || (uint64_t)pData->Range.Offset + pData->Range.Size <= surface->size;
	}
	if (pData->Flags.AreaValid) {
		const RECT *area = &pData->Area;
		/* A negative number is a large one here, and refused. */
		const D3DDDIBOX box = {
			.Left = (UINT)area->left,
			.Top = (UINT)area->top,
			.Right = (UINT)area->right,
			.Bottom = (UINT)area->bottom,
			.Back = 1,
		};

		return rectangle_offset(resource, surface, pitch, &box, ret_offset);
	}
	if (pData->Flags.BoxValid)
		return rectangle_offset(resource, surface, pitch, &pData->Box, ret_offset);
	return true;
}

static HRESULT lock_video(struct umd_device *device, struct umd_surface *surface, uint64_t offset,
			  D3DDDIARG_LOCK *pData)
{
	const D3DDDICB_LOCKFLAGS flags = {
		.ReadOnly = pData->Flags.ReadOnly,
		.WriteOnly = pData->Flags.WriteOnly,
		.LockEntire = 1,
	};
	void *memory;
	HRESULT hr;

	hr = umd_map(device, surface->allocation, flags, &memory);
	if (hr != S_OK)
		return hr;
	surface->is_mapped = true;
	pData->pSurfData = (uint8_t *)memory + offset;
	pData->Pitch = surface->pitch;
	pData->SlicePitch = (UINT)surface->size;
	return S_OK;
}

static HRESULT lock_protected(struct umd_device *device, struct umd_resource *resource, struct umd_surface *surface,
			      D3DDDIARG_LOCK *pData)
{
	uint64_t offset;
	void *memory;
	HRESULT hr;

	hr = umd_protected_lock(device, surface);
	if (hr != S_OK || pData->Flags.NotifyOnly)
		return hr;
	hr = E_INVALIDARG;
	if (part_offset(resource, surface, surface->pitch, pData, &offset))
		hr = umd_protected_map(resource, surface, !pData->Flags.ReadOnly, &memory);
	if (hr != S_OK) {
		umd_protected_cancel(device, surface);
		return hr;
	}
	pData->pSurfData = (uint8_t *)memory + offset;
	pData->Pitch = surface->pitch;
	pData->SlicePitch = (UINT)surface->size;
	return S_OK;
}

static void lock_system(const struct umd_surface *surface, uint64_t offset, D3DDDIARG_LOCK *pData)
{
	pData->pSurfData = (uint8_t *)surface->memory + offset;
	pData->Pitch = surface->memory_pitch;
	pData->SlicePitch = surface->memory_slice_pitch;
}

HRESULT APIENTRY umd_lock(HANDLE hDevice, D3DDDIARG_LOCK *pData)
{
	struct umd_device *device = umd_device_find(hDevice);
	struct umd_resource *resource;
	struct umd_surface *surface;
	uint64_t offset;
	HRESULT hr;

	if (!device || !pData)
		return E_INVALIDARG;
	resource = umd_resource_find(device, pData->hResource);
	surface = resource ? umd_resource_surface(resource, pData->SubResourceIndex) : NULL;
	if (!surface)
		return E_INVALIDARG;
	/* Known without a callback (CAP-26). In the variants without this bit the kernel half decides (BLT-94, BLT-95). */
	if (resource->flags.RestrictedContent && (device->adapter->caps.caps & D3DCPCAPS_PROTECTIONALWAYSON))
		return E_ACCESSDENIED;
	if (surface->is_locked)
		return E_INVALIDARG;
	if (resource->flags.RestrictedContent) {
		hr = lock_protected(device, resource, surface, pData);
		surface->is_locked = hr == S_OK;
		return hr;
	}

	/* For synchronisation alone: no memory is asked for (BLT-117). */
	if (!pData->Flags.NotifyOnly) {
		const bool is_system = resource->pool == D3DDDIPOOL_SYSTEMMEM;

		if (!part_offset(resource, surface, is_system ? surface->memory_pitch : surface->pitch, pData, &offset))
			return E_INVALIDARG;
		if (is_system) {
			lock_system(surface, offset, pData);
		} else {
			hr = lock_video(device, surface, offset, pData);
			if (hr != S_OK)
				return hr;
		}
	}
	surface->is_locked = true;
	return S_OK;
}

HRESULT APIENTRY umd_unlock(HANDLE hDevice, const D3DDDIARG_UNLOCK *pData)
{
	struct umd_device *device = umd_device_find(hDevice);
	struct umd_resource *resource;
	struct umd_surface *surface;
	HRESULT hr;

	if (!device || !pData)
		return E_INVALIDARG;
	resource = umd_resource_find(device, pData->hResource);
	surface = resource ? umd_resource_surface(resource, pData->SubResourceIndex) : NULL;
	if (!surface || !surface->is_locked)
		return E_INVALIDARG;

	if (resource->flags.RestrictedContent) {
		hr = umd_protected_unlock(device, surface);
		surface->is_locked = hr != S_OK;
		return hr;
	}
	/* Paired with what Lock did, not with what the flags say (CAP-26). */
	if (surface->is_mapped) {
		hr = umd_unmap(device, surface->allocation);
		if (hr != S_OK)
			return hr;
		surface->is_mapped = false;
	}
	surface->is_locked = false;
	return S_OK;
}
