/* SPDX-License-Identifier: MIT */
/* Devices: what a client works through, and what its sessions and open allocations belong to. */
#include "kmd/kmd_internal.h"

#include <assert.h>
#include <stdlib.h>

NTSTATUS kmd_create_device(HANDLE hAdapter, DXGKARG_CREATEDEVICE *arg)
{
	struct kmd_adapter *adapter = hAdapter;
	struct kmd_device *device;

	device = calloc(1, sizeof(*device));
	if (!device)
		return STATUS_NO_MEMORY;
	device->adapter = adapter;
	device->kernel_handle = arg->hDevice;
	device->process = arg->hKmdProcess;
	device->id = adapter->next_device++;
	list_init(&device->opens);
	list_init(&device->shared);
	list_init(&device->channels);
	list_init(&device->decodes);
	arg->hDevice = device;
	return STATUS_SUCCESS;
}

NTSTATUS kmd_destroy_device(HANDLE hDevice)
{
	struct kmd_device *device = hDevice;

	if (device->sessions > 0)
		kmd_adapter_settle(device->adapter);
	/* Channels first (AC-013). What they protected is closed by now, or wiped with this. */
	LIST_FOR_EACH(channel, &device->channels)
	kmd_channel_free(LIST_ENTRY(channel, struct kmd_channel, device_link));
	kmd_device_update_level(device);
	LIST_FOR_EACH(decode, &device->decodes)
	kmd_decode_free(device, LIST_ENTRY(decode, struct kmd_decode, link));
	LIST_FOR_EACH(shared, &device->shared)
	kmd_allocation_leave_creator(LIST_ENTRY(shared, struct kmd_allocation, creator_link));

	/* The session objects live on until the graphics kernel destroys them (KMT-17). */
	LIST_FOR_EACH(node, &device->adapter->sessions)
	{
		struct kmd_session *session = LIST_ENTRY(node, struct kmd_session, link);

		if (device->sessions == 0)
			break;
		if (session->device == device)
			kmd_orphan_session(device->adapter, session);
	}
	/* The graphics kernel has closed all that was open. */
	assert(list_is_empty(&device->opens));
	free(device->grants);
	free(device);
	return STATUS_SUCCESS;
}
