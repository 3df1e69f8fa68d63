/* SPDX-License-Identifier: MIT */
/* CreateDevice and DestroyDevice. */
#include "umd/umd_internal.h"

#include <stdlib.h>

struct umd_device *umd_device_find_busy(HANDLE handle)
{
	return (struct umd_device *)umd_object_find(handle, UMD_DEVICE, /* owner= */ NULL);
}

struct umd_device *umd_device_find(HANDLE handle)
{
	struct umd_device *device = umd_device_find_busy(handle);

	if (device)
		umd_queue_settle(device);
	return device;
}

/* Only what this interface version has: a runtime's table may end there. */
static void copy_callbacks(struct umd_callbacks *callbacks, const D3DDDIARG_CREATEDEVICE *pData)
{
	const D3DDDI_DEVICECALLBACKS *table = pData->pCallbacks;
	const DXVAULT_DEVICECALLBACKS *extended = (const DXVAULT_DEVICECALLBACKS *)(const void *)table;

	*callbacks = (struct umd_callbacks) {
		.allocate = table->pfnAllocateCb,
		.deallocate = table->pfnDeallocateCb,
		.lock = table->pfnLockCb,
		.unlock = table->pfnUnlockCb,
		.escape = table->pfnEscapeCb,
		.create_context = table->pfnCreateContextCb,
		.destroy_context = table->pfnDestroyContextCb,
		.present = table->pfnPresentCb,
	};
	if (pData->Flags.Value & DXVAULT_CREATEDEVICE_PROTECTED_SESSIONS) {
		callbacks->create_session = extended->pfnCreateProtectedSessionCb;
		callbacks->destroy_session = extended->pfnDestroyProtectedSessionCb;
	}
	if (pData->Flags.Value & DXVAULT_CREATEDEVICE_QUEUED_BLTS) {
		callbacks->queue_escape = extended->pfnQueueEscapeCb;
		callbacks->wait_escapes = extended->pfnWaitEscapesCb;
	}
}

/* A runtime that does not know of queued blts has a table that ends where Windows' does (CAP-14). */
static void fill_table(const D3DDDIARG_CREATEDEVICE *pData)
{
	umd_table_fill(pData->pDeviceFuncs);
	if (pData->Flags.Value & DXVAULT_CREATEDEVICE_QUEUED_BLTS) {
		DXVAULT_DEVICEFUNCS *extended = (DXVAULT_DEVICEFUNCS *)(void *)pData->pDeviceFuncs;

		extended->pfnBeginQueue = umd_begin_queue;
		extended->pfnEndQueue = umd_end_queue;
	}
}

HRESULT APIENTRY umd_create_device(HANDLE hAdapter, D3DDDIARG_CREATEDEVICE *pData)
{
	struct umd_adapter *adapter = umd_adapter_find(hAdapter);
	struct umd_device *device;

	if (!adapter || !pData || !pData->pDeviceFuncs || !pData->pCallbacks)
		return E_INVALIDARG;

	device = calloc(1, sizeof(*device));
	if (!device)
		return E_OUTOFMEMORY;
	device->adapter = adapter;
	device->runtime = pData->hDevice;
	list_init(&device->sessions);
	list_init(&device->resources);
	list_init(&device->channels);
	list_init(&device->decodes);
	copy_callbacks(&device->callbacks, pData);

	umd_object_add(&device->object, UMD_DEVICE, &adapter->object);
	fill_table(pData);
	pData->hDevice = device->object.handle;
	return S_OK;
}

static void destroy_context(struct umd_device *device)
{
	D3DDDICB_DESTROYCONTEXT arg = { .hContext = device->context };

	if (device->context && device->callbacks.destroy_context)
		(void)device->callbacks.destroy_context(device->runtime, &arg);
}

HRESULT APIENTRY umd_destroy_device(HANDLE hDevice)
{
	struct umd_device *device = umd_device_find(hDevice);

	if (!device)
		return E_INVALIDARG;

	/* Channels first: what they protected is wiped with them, not shown (AC-013). */
	LIST_FOR_EACH(channel, &device->channels)
	umd_channel_free(device, LIST_ENTRY(channel, struct umd_channel, link));
	LIST_FOR_EACH(decode, &device->decodes)
	umd_decode_free(device, LIST_ENTRY(decode, struct umd_decode, link));
	LIST_FOR_EACH(node, &device->resources)
	umd_resource_free(LIST_ENTRY(node, struct umd_resource, link));
	LIST_FOR_EACH(node, &device->sessions)
	umd_session_free(LIST_ENTRY(node, struct umd_session, link));
	destroy_context(device);
	umd_queue_free(device);

	umd_object_remove(&device->object);
	free(device);
	return S_OK;
}
