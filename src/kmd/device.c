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
	device->process = arg->hKmdProcess;
	arg->hDevice = device;
	return STATUS_SUCCESS;
}

NTSTATUS kmd_destroy_device(HANDLE hDevice)
{
	struct kmd_device *device = hDevice;

	/* The session objects live on until the graphics kernel destroys them (KMT-17). */
	LIST_FOR_EACH(node, &device->adapter->sessions)
	{
		struct kmd_session *session = LIST_ENTRY(node, struct kmd_session, link);

		if (device->sessions == 0)
			break;
		if (session->device == device)
			kmd_orphan_session(device->adapter, session);
	}
	free(device);
	return STATUS_SUCCESS;
}
