/* SPDX-License-Identifier: MIT */
/* Devices: what a client works through, and what its sessions and open allocations belong to. */
#include "kmd/kmd_internal.h"

#include <stdlib.h>

NTSTATUS kmd_create_device(HANDLE hAdapter, DXGKARG_CREATEDEVICE *arg)
{
	struct kmd_device *device;

	device = calloc(1, sizeof(*device));
	if (!device)
		return STATUS_NO_MEMORY;
	device->adapter = hAdapter;
	arg->hDevice = device;
	return STATUS_SUCCESS;
}

NTSTATUS kmd_destroy_device(HANDLE hDevice)
{
	struct kmd_device *device = hDevice;

	/* The session objects live on until the graphics kernel destroys them (KMT-17). */
	kmd_sessions_orphan(device);
	free(device);
	return STATUS_SUCCESS;
}
