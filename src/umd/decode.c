/* SPDX-License-Identifier: MIT */
/* Decode devices: none, but for the test configuration's, which can be tied to a session and decode nothing. */
#include "umd/umd_internal.h"

#include <stdlib.h>
#include <string.h>

bool umd_is_profile(const struct umd_adapter *adapter, const GUID *guid)
{
	for (uint32_t i = 0; i < adapter->caps.decode_profiles && i < DRV_TEST_PROFILES; i++) {
		if (umd_guid_equal(guid, &drv_test_profiles[i]))
			return true;
	}
	return false;
}

HRESULT APIENTRY umd_create_decode(HANDLE hDevice, D3DDDIARG_CREATEDECODEDEVICE *pData)
{
	struct umd_device *device = umd_device_find(hDevice);
	struct drv_escape_decode escape = { 0 };
	struct umd_decode *decode;
	HRESULT hr;

	/* It is the slot that says whether a profile is offered (CAP-18). */
	if (device && device->adapter->caps.decode_profiles == 0)
		return D3DDDIERR_NOTAVAILABLE;
	if (!device || !pData || !pData->pGuid || !pData->pConfig)
		return E_INVALIDARG;
	if (!umd_is_profile(device->adapter, pData->pGuid))
		return D3DDDIERR_NOTAVAILABLE;
	decode = calloc(1, sizeof(*decode));
	if (!decode)
		return umd_refuse(device, E_OUTOFMEMORY);
	escape.profile = *pData->pGuid;
	hr = umd_escape(device, DRV_COMMAND_CREATE_DECODE, &escape, sizeof(escape));
	if (hr != S_OK) {
		free(decode);
		return hr;
	}
	decode->kernel = escape.decode;
	list_append(&device->decodes, &decode->link);
	umd_object_add(&decode->object, UMD_DECODE, &device->object);
	pData->hDecode = decode->object.handle;
	return S_OK;
}

void umd_decode_free(struct umd_device *device, struct umd_decode *decode)
{
	struct drv_escape_decode escape = { .decode = decode->kernel };

	(void)umd_escape(device, DRV_COMMAND_DESTROY_DECODE, &escape, sizeof(escape));
	list_remove(&decode->link);
	umd_object_remove(&decode->object);
	free(decode);
}

HRESULT APIENTRY umd_destroy_decode(HANDLE hDevice, HANDLE hDecode)
{
	struct umd_device *device = umd_device_find(hDevice);
	struct umd_object *object;

	if (device && device->adapter->caps.decode_profiles == 0)
		return E_NOTIMPL;
	object = device ? umd_object_find(hDecode, UMD_DECODE, &device->object) : NULL;
	if (!object)
		return E_INVALIDARG;
	umd_decode_free(device, (struct umd_decode *)object);
	return S_OK;
}

/* DXVA2_DECODE_GET_DRIVER_HANDLE alone: the name by which channels know it (AC-116). */
HRESULT APIENTRY umd_decode_extension(HANDLE hDevice, const D3DDDIARG_DECODEEXTENSIONEXECUTE *pData)
{
	struct umd_device *device = umd_device_find(hDevice);
	struct umd_object *object;
	HANDLE handle;

	if (device && device->adapter->caps.decode_profiles == 0)
		return E_NOTIMPL;
	if (!device || !pData)
		return E_INVALIDARG;
	if (!pData->hDecode)
		return E_FAIL;
	object = umd_object_find(pData->hDecode, UMD_DECODE, &device->object);
	if (!object)
		return E_INVALIDARG;
	if (pData->Function != DXVA2_DECODE_GET_DRIVER_HANDLE)
		return E_NOTIMPL;
	if (!pData->pPrivateOutput || !pData->pPrivateOutput->pData ||
	    pData->pPrivateOutput->DataSize != sizeof(handle))
		return E_INVALIDARG;
	handle = (HANDLE)(uintptr_t)((struct umd_decode *)object)->kernel;
	memcpy(pData->pPrivateOutput->pData, &handle, sizeof(handle));
	return S_OK;
}
