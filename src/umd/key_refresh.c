/* SPDX-License-Identifier: MIT */
/* The optional session functions: refresh and read-back key. None of them allocates (CS-07). */
#include "umd/umd_internal.h"

#include <string.h>

static HRESULT send_key_command(struct umd_device *device, enum drv_command command, const struct umd_session *session,
				void *ret_value)
{
	struct drv_escape_key escape;
	HRESULT hr;

	memset(&escape, 0, sizeof(escape));
	escape.header.session = session->kernel;
	hr = umd_escape_reserved(device, command, &escape, sizeof(escape));
	if (hr == S_OK && ret_value)
		memcpy(ret_value, escape.value, sizeof(escape.value));
	return hr;
}

/* A 16-byte answer for the caller's buffer: no other size is right for this crypto type (CS-49, CS-65). */
static HRESULT get_value(struct umd_device *device, uint32_t cap, enum drv_command command, HANDLE handle,
			 void *ret_value, uint32_t size)
{
	struct umd_session *session = NULL;
	HRESULT hr;

	hr = umd_session_find(device, device->adapter->caps.caps & cap, handle, &session);
	if (hr != S_OK)
		return hr;
	if (!ret_value || size != sizeof(((struct drv_escape_key *)0)->value))
		return umd_refuse(device, E_INVALIDARG);
	return send_key_command(device, command, session, ret_value);
}

HRESULT APIENTRY umd_start_session_key_refresh(HANDLE hDevice, const D3DDDIARG_STARTSESSIONKEYREFRESH *pData)
{
	struct umd_device *device = umd_device_find(hDevice);

	if (!device || !pData)
		return E_INVALIDARG;
	return get_value(device, D3DCPCAPS_FRESHENSESSIONKEY, DRV_COMMAND_START_REFRESH, pData->hCryptoSession,
			 pData->pRandomNumber, pData->RandomNumberSize);
}

HRESULT APIENTRY umd_finish_session_key_refresh(HANDLE hDevice, const D3DDDIARG_FINISHSESSIONKEYREFRESH *pData)
{
	struct umd_device *device = umd_device_find(hDevice);
	struct umd_session *session = NULL;
	HRESULT hr;

	if (!device || !pData)
		return E_INVALIDARG;
	hr = umd_session_find(device, device->adapter->caps.caps & D3DCPCAPS_FRESHENSESSIONKEY, pData->hCryptoSession,
			      &session);
	if (hr != S_OK)
		return hr;
	return send_key_command(device, DRV_COMMAND_FINISH_REFRESH, session, /* ret_value= */ NULL);
}

HRESULT APIENTRY umd_get_encryption_blt_key(HANDLE hDevice, const D3DDDIARG_GETENCRYPTIONBLTKEY *pData)
{
	struct umd_device *device = umd_device_find(hDevice);

	if (!device || !pData)
		return E_INVALIDARG;
	return get_value(device, D3DCPCAPS_ENCRYPTEDREADBACKKEY, DRV_COMMAND_GET_READBACK_KEY, pData->hCryptoSession,
			 pData->pReadBackKey, pData->KeySize);
}
