/* SPDX-License-Identifier: MIT */
/* Crypto sessions: creation, key exchange, destruction. Their keys are the kernel half's alone. */
#include "umd/umd_internal.h"

#include <stdlib.h>
#include <string.h>

HRESULT umd_session_find(struct umd_device *device, bool is_offered, HANDLE handle, struct umd_session **ret_session)
{
	struct umd_object *object;

	if (!is_offered)
		return umd_refuse(device, D3DDDIERR_NOTAVAILABLE);
	object = umd_object_find(handle, UMD_SESSION, &device->object);
	if (!object)
		return umd_refuse(device, E_INVALIDARG);
	*ret_session = (struct umd_session *)object;
	return S_OK;
}

static HRESULT create_kernel_session(struct umd_device *device, const D3DDDIARG_CREATECRYPTOSESSION *pData,
				     D3DKMT_HANDLE *ret_session)
{
	const struct drv_session info = {
		.magic = DRV_MAGIC,
		.crypto_type = pData->CryptoType,
		.decode_profile = pData->DecodeProfile,
	};
	DXVAULTCB_CREATEPROTECTEDSESSION arg = {
		.pPrivateDriverData = &info,
		.PrivateDriverDataSize = sizeof(info),
	};
	HRESULT hr;

	if (!device->callbacks.create_session)
		return E_FAIL;
	hr = umd_callback_result(device->callbacks.create_session(device->runtime, &arg));
	if (hr != S_OK)
		return hr;
	*ret_session = arg.hProtectedSession;
	return S_OK;
}

HRESULT APIENTRY umd_create_crypto_session(HANDLE hDevice, D3DDDIARG_CREATECRYPTOSESSION *pData)
{
	struct umd_device *device = umd_device_find(hDevice);
	struct umd_session *session;
	HRESULT hr;

	if (!device || !pData)
		return E_INVALIDARG;
	hr = umd_crypto_check(device->adapter, &pData->CryptoType, &pData->DecodeProfile);
	if (hr != S_OK)
		return umd_refuse(device, hr);

	session = calloc(1, sizeof(*session));
	if (!session)
		return umd_refuse(device, E_OUTOFMEMORY);
	hr = create_kernel_session(device, pData, &session->kernel);
	if (hr != S_OK) {
		free(session);
		return umd_refuse(device, hr);
	}

	session->device = device;
	list_append(&device->sessions, &session->link);
	umd_object_add(&session->object, UMD_SESSION, &device->object);
	pData->hCryptoSession = session->object.handle;
	return S_OK;
}

HRESULT APIENTRY umd_crypto_session_key_exchange(HANDLE hDevice, D3DDDIARG_CRYPTOSESSIONKEYEXCHANGE *pData)
{
	struct umd_device *device = umd_device_find(hDevice);
	struct drv_escape_key_exchange escape;
	struct umd_session *session = NULL;
	HRESULT hr;

	if (!device || !pData)
		return E_INVALIDARG;
	hr = umd_session_find(device, /* is_offered= */ true, pData->hCryptoSession, &session);
	if (!session)
		return hr;
	if (!pData->pData || pData->DataSize != sizeof(escape.blob))
		return umd_refuse(device, E_INVALIDARG);

	memset(&escape, 0, sizeof(escape));
	escape.header.session = session->kernel;
	memcpy(escape.blob, pData->pData, sizeof(escape.blob));
	return umd_escape(device, DRV_COMMAND_KEY_EXCHANGE, &escape, sizeof(escape));
}

void umd_session_free(struct umd_session *session)
{
	struct umd_device *device = session->device;
	const DXVAULTCB_DESTROYPROTECTEDSESSION arg = { .hProtectedSession = session->kernel };

	/* The session is gone for us whatever the runtime says (CS-08, CS-12). */
	if (device->callbacks.destroy_session)
		(void)device->callbacks.destroy_session(device->runtime, &arg);
	list_remove(&session->link);
	umd_object_remove(&session->object);
	free(session);
}

HRESULT APIENTRY umd_destroy_crypto_session(HANDLE hDevice, const D3DDDIARG_DESTROYCRYPTOSESSION *pData)
{
	struct umd_device *device = umd_device_find(hDevice);
	struct umd_object *object;

	if (!device || !pData)
		return E_INVALIDARG;
	object = umd_object_find(pData->hCryptoSession, UMD_SESSION, &device->object);
	if (!object)
		return E_INVALIDARG;
	umd_session_free((struct umd_session *)object);
	return S_OK;
}
