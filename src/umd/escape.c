/* SPDX-License-Identifier: MIT */
/* Commands to the kernel half, and what the runtime's answers mean to an entry. */
#include "umd/umd_internal.h"

HRESULT umd_callback_result(HRESULT hr)
{
	if (SUCCEEDED(hr))
		return S_OK;
	if (hr == E_OUTOFMEMORY || hr == D3DDDIERR_DEVICEREMOVED)
		return hr;
	return E_FAIL;
}

D3DDDICB_ESCAPE umd_escape_describe(const struct umd_device *device, enum drv_command command, void *escape,
				    uint32_t size)
{
	struct drv_escape *header = escape;
	D3DDDICB_ESCAPE arg = {
		.hDevice = device->runtime,
		.pPrivateDriverData = escape,
		.PrivateDriverDataSize = size,
	};

	header->magic = DRV_MAGIC;
	header->command = command;
	header->result = E_FAIL;
	/* The kernel half orders transfers by what they use: they may go by the submission ring. */
	arg.Flags.NoAdapterSynchronization = command == DRV_COMMAND_ENCRYPTION_BLT ||
					     command == DRV_COMMAND_DECRYPTION_BLT;
	return arg;
}

HRESULT umd_escape(struct umd_device *device, enum drv_command command, void *escape, uint32_t size)
{
	const D3DDDICB_ESCAPE arg = umd_escape_describe(device, command, escape, size);
	HRESULT hr;

	if (!device->callbacks.escape)
		return E_FAIL;
	hr = umd_callback_result(device->callbacks.escape(device->adapter->runtime, &arg));
	return hr == S_OK ? ((struct drv_escape *)escape)->result : hr;
}

HRESULT umd_escape_reserved(struct umd_device *device, enum drv_command command, void *escape, uint32_t size)
{
	HRESULT hr = umd_escape(device, command, escape, size);

	return hr == E_OUTOFMEMORY ? E_FAIL : hr;
}

HRESULT umd_refuse(struct umd_device *device, HRESULT hr)
{
	struct drv_escape ping = { 0 };

	if (umd_escape(device, DRV_COMMAND_PING, &ping, sizeof(ping)) == D3DDDIERR_DEVICEREMOVED)
		return D3DDDIERR_DEVICEREMOVED;
	return hr;
}
