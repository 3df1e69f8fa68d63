/* SPDX-License-Identifier: MIT */
/* Devices: the kernel's and the driver's, one of each, and the callbacks between them. */
#include "runtime/runtime_internal.h"

#include <stdlib.h>

#define DIRECT3D_9 9u

static void destroy_kernel_device(D3DKMT_HANDLE handle)
{
	(void)D3DKMTDestroyDevice(&(D3DKMT_DESTROYDEVICE) { .hDevice = handle });
}

static HRESULT create_driver_device(struct rt_device *device)
{
	D3DDDIARG_CREATEDEVICE arg = {
		.hDevice = device,
		.Interface = DIRECT3D_9,
		.Version = D3D_UMD_INTERFACE_VERSION_WIN7,
		.pCallbacks = &device->callbacks.Callbacks,
		.pDeviceFuncs = &device->extended.Functions,
	};
	HRESULT hr;

	arg.Flags.Value = DXVAULT_CREATEDEVICE_PROTECTED_SESSIONS | DXVAULT_CREATEDEVICE_QUEUED_BLTS;
	hr = device->adapter->funcs.pfnCreateDevice(device->adapter->driver, &arg);
	if (hr != S_OK)
		return hr;
	device->driver = arg.hDevice;
	device->shown = device->funcs;
	device->shown.pfnPresent = rt_present_watch(device->funcs.pfnPresent);
	return S_OK;
}

HRESULT rt_device_create(struct rt_adapter *adapter, struct rt_device **ret_device)
{
	D3DKMT_CREATEDEVICE create = { .hAdapter = adapter->kernel };
	struct rt_device *device = calloc(1, sizeof(*device));
	HRESULT hr;

	if (!device)
		return E_OUTOFMEMORY;
	device->adapter = adapter;
	device->callbacks = rt_device_callbacks;
	list_init(&device->sessions);
	list_init(&device->resources);
	list_init(&device->kernel_sessions);
	list_init(&device->kernel_resources);

	hr = rt_hresult_from_status(D3DKMTCreateDevice(&create));
	if (hr != S_OK) {
		free(device);
		return hr;
	}
	device->kernel = create.hDevice;
	hr = create_driver_device(device);
	if (hr != S_OK) {
		destroy_kernel_device(device->kernel);
		free(device);
		return hr;
	}
	*ret_device = device;
	return S_OK;
}

void rt_device_close(struct rt_device *device)
{
	if (!device)
		return;
	LIST_FOR_EACH(node, &device->resources)
	rt_resource_close(LIST_ENTRY(node, struct rt_resource, link));
	LIST_FOR_EACH(node, &device->sessions)
	rt_session_close(LIST_ENTRY(node, struct rt_session, link));
	(void)device->funcs.pfnDestroyDevice(device->driver);

	/* What a driver that forgets would leave. */
	LIST_FOR_EACH(node, &device->kernel_sessions)
	rt_kernel_session_free(LIST_ENTRY(node, struct rt_kernel_session, link));
	LIST_FOR_EACH(node, &device->kernel_resources)
	rt_kernel_resource_remove(device, LIST_ENTRY(node, struct rt_kernel_resource, link));
	destroy_kernel_device(device->kernel);
	free(device);
}

const D3DDDI_DEVICEFUNCS *rt_device_funcs(struct rt_device *device)
{
	return &device->shown;
}

HANDLE rt_device_handle(struct rt_device *device)
{
	return device->driver;
}

HRESULT rt_queue_begin(struct rt_device *device, UINT max_blts, HRESULT *ret_results)
{
	DXVAULTARG_BEGINQUEUE arg = { .MaxBlts = max_blts };

	arg.pResults = ret_results;
	if (!device->extended.pfnBeginQueue || !device->extended.pfnEndQueue)
		return D3DDDIERR_NOTAVAILABLE;
	return device->extended.pfnBeginQueue(device->driver, &arg);
}

HRESULT rt_queue_end(struct rt_device *device, UINT *ret_count)
{
	if (!device->extended.pfnEndQueue)
		return D3DDDIERR_NOTAVAILABLE;
	return device->extended.pfnEndQueue(device->driver, ret_count);
}

D3DKMT_HANDLE rt_device_kernel_handle(struct rt_device *device)
{
	return device->kernel;
}
