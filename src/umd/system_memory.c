/* SPDX-License-Identifier: MIT */
/* Surfaces in the application's memory, and how their bytes reach the kernel half. */
#include "umd/umd_internal.h"

#include <string.h>

/*
 * Where the kernel can share the application's memory, transfers read and write it in place. Where it cannot, the
 * allocation has memory of its own, and exactly L bytes are copied at each transfer (BLT-28, BLT-63, BLT-115).
 */

bool umd_system_is_aligned(const struct umd_surface *surface)
{
	return (uintptr_t)surface->memory % DRV_BUFFER_ALIGNMENT == 0;
}

HRESULT umd_system_allocate(struct umd_resource *resource)
{
	HRESULT hr;

	hr = umd_resource_allocate(resource, /* in_place= */ true);
	/* Any other refusal may mean that this memory cannot be shared. */
	if (hr == S_OK || hr == D3DDDIERR_DEVICEREMOVED)
		return hr;
	return umd_resource_allocate(resource, /* in_place= */ false);
}

HRESULT umd_system_prepare(struct umd_device *device, struct umd_surface *surface)
{
	if (!surface->is_staged || surface->staging)
		return S_OK;
	/* Mapped until the surface goes: one message for many transfers. */
	return umd_map(device, surface->allocation, (D3DDDICB_LOCKFLAGS) { .LockEntire = 1 }, &surface->staging);
}

void umd_system_to_kernel(struct umd_surface *surface)
{
	if (surface->staging)
		memcpy(surface->staging, surface->memory, surface->size);
}

void umd_system_from_kernel(struct umd_surface *surface)
{
	if (surface->staging)
		memcpy(surface->memory, surface->staging, surface->size);
}
