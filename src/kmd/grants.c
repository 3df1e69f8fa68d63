/* SPDX-License-Identifier: MIT */
/* The list of processes that may open a device's restricted resources (AC-125 to AC-133). */
#include "kmd/kmd_internal.h"

#include <dxvault/d3dcontentprotection.h>
#include <stdlib.h>

/* A token is never given to another process, so an entry that is late to go admits nobody (AC-127). */
static void drop_ended(struct kmd_device *device)
{
	const struct dxgk_interface *kernel = device->adapter->kernel;
	uint32_t kept = 0;

	for (uint32_t i = 0; i < device->grant_count; i++) {
		const struct kmd_grant *grant = &device->grants[i];

		if (grant->type == PROCESSIDTYPE_DWM || kernel->IsProcessAlive(kernel->DeviceHandle, grant->process))
			device->grants[kept++] = *grant;
	}
	device->grant_count = kept;
}

static struct kmd_grant *find(const struct kmd_device *device, uint32_t type, HANDLE process)
{
	for (uint32_t i = 0; i < device->grant_count; i++) {
		struct kmd_grant *grant = &device->grants[i];

		if (grant->type == type && grant->process == process)
			return grant;
	}
	return NULL;
}

static bool reserve(struct kmd_device *device)
{
	uint32_t room = device->grant_room ? device->grant_room * 2 : 4;
	struct kmd_grant *grants;

	if (device->grant_count < device->grant_room)
		return true;
	grants = realloc(device->grants, room * sizeof(*grants));
	if (!grants)
		return false;
	device->grants = grants;
	device->grant_room = room;
	return true;
}

HRESULT kmd_grant_add(struct kmd_device *device, uint32_t type, HANDLE process)
{
	drop_ended(device);
	if (find(device, type, process))
		return S_OK;
	/* No longer than there are processes. */
	if (!reserve(device))
		return E_OUTOFMEMORY;
	device->grants[device->grant_count++] = (struct kmd_grant) { .type = type, .process = process };
	return S_OK;
}

void kmd_grant_remove(struct kmd_device *device, uint32_t type, HANDLE process)
{
	struct kmd_grant *grant;

	drop_ended(device);
	grant = find(device, type, process);
	if (!grant)
		return;
	device->grant_count--;
	for (; grant < device->grants + device->grant_count; grant++)
		*grant = *(grant + 1);
}

uint32_t kmd_grant_count(struct kmd_device *device)
{
	drop_ended(device);
	return device->grant_count;
}

const struct kmd_grant *kmd_grant_at(struct kmd_device *device, uint32_t index)
{
	drop_ended(device);
	return index < device->grant_count ? &device->grants[index] : NULL;
}

bool kmd_allocation_admits(const struct kmd_allocation *allocation, HANDLE process)
{
	const struct dxgk_interface *kernel = allocation->adapter->kernel;

	/* The list goes with the device (AC-161). */
	if (!allocation->creator)
		return false;
	if (find(allocation->creator, PROCESSIDTYPE_HANDLE, process))
		return true;
	return find(allocation->creator, PROCESSIDTYPE_DWM, NULL) &&
	       kernel->GetCompositor(kernel->DeviceHandle) == process;
}
