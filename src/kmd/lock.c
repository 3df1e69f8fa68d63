/* SPDX-License-Identifier: MIT */
/* Locks of protected surfaces while protection is off: clients never map such memory, its bytes are copied. */
#include "kmd/kmd_internal.h"

#include <string.h>

/* What a client may name as the place of the copy: memory of its own, laid out alike. */
static struct kmd_allocation *find_staging(struct kmd_device *device, D3DKMT_HANDLE handle,
					   const struct kmd_allocation *surface)
{
	struct kmd_allocation *staging = kmd_find_allocation(device, handle);

	if (!staging || !kmd_allocation_is_system(staging) || !staging->memory)
		return NULL;
	if (staging->info.width != surface->info.width || staging->info.height != surface->info.height ||
	    staging->info.format != surface->info.format)
		return NULL;
	return staging;
}

static bool is_refused(const struct kmd_open_allocation *open)
{
	return open && kmd_allocation_is_protected(open->allocation) && kmd_allocation_is_guarded(open->allocation);
}

HRESULT kmd_lock(struct kmd_device *device, const struct drv_escape_lock *escape)
{
	struct kmd_allocation *surface, *staging = NULL;
	struct kmd_open_allocation *open;

	open = kmd_find_open_allocation(device, escape->surface);
	if (!open || !kmd_allocation_is_protected(open->allocation))
		return E_INVALIDARG;
	surface = open->allocation;
	kmd_allocation_settle(surface);
	if (is_refused(open))
		return E_ACCESSDENIED;
	if (escape->staging) {
		staging = find_staging(device, escape->staging, surface);
		if (!staging)
			return E_INVALIDARG;
		kmd_allocation_settle(staging);
	}

	if (!open->is_locked)
		surface->locks++;
	open->is_locked = true;
	open->wipes_seen = surface->wipes;
	if (staging)
		memcpy(staging->memory, surface->memory, (size_t)surface->size);
	return S_OK;
}

HRESULT kmd_unlock(struct kmd_device *device, const struct drv_escape_lock *escape)
{
	struct kmd_open_allocation *open = kmd_find_open_allocation(device, escape->surface);
	struct kmd_allocation *surface, *staging = NULL;

	/* A lock that was taken before protection was enabled stays valid (BLT-98). */
	if (!open || !open->is_locked)
		return is_refused(open) ? E_ACCESSDENIED : E_INVALIDARG;
	/* What is locked is in no transfer. */
	surface = open->allocation;
	if (escape->staging) {
		staging = find_staging(device, escape->staging, surface);
		if (!staging)
			return E_INVALIDARG;
		kmd_allocation_settle(staging);
	}

	/* Wiped since the lock: the copy is what had to go, and it does not come back (CS-13). */
	if (staging && open->wipes_seen == surface->wipes) {
		memcpy(surface->memory, staging->memory, (size_t)surface->size);
		kmd_allocation_written_by_cpu(surface);
	}
	kmd_drop_lock(open);
	return S_OK;
}

void kmd_drop_lock(struct kmd_open_allocation *open)
{
	if (!open->is_locked)
		return;
	open->is_locked = false;
	open->allocation->locks--;
}
