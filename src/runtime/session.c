/* SPDX-License-Identifier: MIT */
/* Crypto sessions, and the protected sessions and fences that the kernel has behind them. */
#include "runtime/runtime_internal.h"

#include <stdlib.h>

#define RUNTIME_DATA_LIMIT 65536u

/* ---- the kernel's half ------------------------------------------------------------------------- */

static void destroy_fence(D3DKMT_HANDLE fence)
{
	(void)D3DKMTDestroySynchronizationObject(&(D3DKMT_DESTROYSYNCHRONIZATIONOBJECT) { .hSyncObject = fence });
}

static HRESULT create_fence(const struct rt_device *device, struct rt_kernel_session *session)
{
	D3DKMT_CREATESYNCHRONIZATIONOBJECT2 arg = {
		.hDevice = device->kernel,
		.Info = { .Type = D3DDDI_MONITORED_FENCE },
	};
	HRESULT hr;

	arg.Info.Flags.Shared = 1;
	arg.Info.Flags.NtSecuritySharing = 1;
	hr = rt_hresult_from_status(D3DKMTCreateSynchronizationObject2(&arg));
	if (hr != S_OK)
		return hr;
	session->fence = arg.hSyncObject;
	session->fence_value = arg.Info.MonitoredFence.FenceValueCPUVirtualAddress;
	return S_OK;
}

static HRESULT create_session(const struct rt_device *device, const DXVAULTCB_CREATEPROTECTEDSESSION *pData,
			      struct rt_kernel_session *session)
{
	D3DKMT_CREATEPROTECTEDSESSION arg = {
		.hDevice = device->kernel,
		.hSyncObject = session->fence,
		.pPrivateDriverData = pData->pPrivateDriverData,
		.PrivateDriverDataSize = pData->PrivateDriverDataSize,
	};
	HRESULT hr;

	if (device->creating && device->creating->data_size > 0) {
		arg.pPrivateRuntimeData = device->creating->data;
		arg.PrivateRuntimeDataSize = device->creating->data_size;
	}
	hr = rt_hresult_from_status(D3DKMTCreateProtectedSession(&arg));
	if (hr == S_OK)
		session->session = arg.hHandle;
	return hr;
}

/* All that the callback may say (dxvault.h). */
static HRESULT callback_result(HRESULT hr)
{
	return hr == S_OK || hr == E_OUTOFMEMORY || hr == D3DDDIERR_DEVICEREMOVED ? hr : E_FAIL;
}

HRESULT APIENTRY rt_create_protected_session_cb(HANDLE hDevice, DXVAULTCB_CREATEPROTECTEDSESSION *pData)
{
	struct rt_device *device = hDevice;
	struct rt_kernel_session *session = calloc(1, sizeof(*session));
	HRESULT hr;

	if (!session)
		return E_OUTOFMEMORY;
	hr = create_fence(device, session);
	if (hr != S_OK)
		goto fail;
	hr = create_session(device, pData, session);
	if (hr != S_OK) {
		destroy_fence(session->fence);
		goto fail;
	}

	list_append(&device->kernel_sessions, &session->link);
	if (device->creating)
		device->creating->kernel = session;
	pData->hProtectedSession = session->session;
	return S_OK;
fail:
	free(session);
	return callback_result(hr);
}

void rt_kernel_session_free(struct rt_kernel_session *session)
{
	(void)D3DKMTDestroyProtectedSession(&(D3DKMT_DESTROYPROTECTEDSESSION) { .hHandle = session->session });
	destroy_fence(session->fence);
	list_remove(&session->link);
	free(session);
}

static struct rt_kernel_session *find_kernel_session(struct rt_device *device, D3DKMT_HANDLE handle)
{
	LIST_FOR_EACH(node, &device->kernel_sessions)
	{
		struct rt_kernel_session *session = LIST_ENTRY(node, struct rt_kernel_session, link);

		if (session->session == handle)
			return session;
	}
	return NULL;
}

HRESULT APIENTRY rt_destroy_protected_session_cb(HANDLE hDevice, const DXVAULTCB_DESTROYPROTECTEDSESSION *pData)
{
	struct rt_device *device = hDevice;
	struct rt_kernel_session *kernel = find_kernel_session(device, pData->hProtectedSession);

	if (!kernel)
		return E_INVALIDARG;
	LIST_FOR_EACH(node, &device->sessions)
	{
		struct rt_session *session = LIST_ENTRY(node, struct rt_session, link);

		if (session->kernel == kernel)
			session->kernel = NULL;
	}
	rt_kernel_session_free(kernel);
	return S_OK;
}

/* ---- the caller's half -------------------------------------------------------------------------- */

HRESULT rt_session_create(struct rt_device *device, const GUID *crypto_type, const GUID *decode_profile,
			  const void *runtime_data, UINT runtime_data_size, struct rt_session **ret_session)
{
	D3DDDIARG_CREATECRYPTOSESSION arg = { .CryptoType = *crypto_type, .DecodeProfile = *decode_profile };
	struct rt_session *session;
	HRESULT hr;

	if (runtime_data_size > RUNTIME_DATA_LIMIT || (runtime_data_size > 0 && !runtime_data))
		return E_INVALIDARG;
	session = calloc(1, sizeof(*session));
	if (!session)
		return E_OUTOFMEMORY;
	session->device = device;
	session->data = runtime_data;
	session->data_size = runtime_data_size;

	device->creating = session;
	hr = device->funcs.pfnCreateCryptoSession(device->driver, &arg);
	device->creating = NULL;
	if (hr != S_OK) {
		free(session);
		return hr;
	}
	session->driver = arg.hCryptoSession;
	session->data = NULL;
	list_append(&device->sessions, &session->link);
	*ret_session = session;
	return S_OK;
}

void rt_session_close(struct rt_session *session)
{
	D3DDDIARG_DESTROYCRYPTOSESSION arg;

	if (!session)
		return;
	arg.hCryptoSession = session->driver;
	(void)session->device->funcs.pfnDestroyCryptoSession(session->device->driver, &arg);
	list_remove(&session->link);
	free(session);
}

HANDLE rt_session_handle(struct rt_session *session)
{
	return session->driver;
}

D3DKMT_HANDLE rt_session_kernel_handle(struct rt_session *session)
{
	return session->kernel ? session->kernel->session : 0;
}

D3DKMT_HANDLE rt_session_fence(struct rt_session *session)
{
	return session->kernel ? session->kernel->fence : 0;
}

const volatile UINT64 *rt_session_fence_value(struct rt_session *session)
{
	return session->kernel ? session->kernel->fence_value : NULL;
}

HRESULT rt_session_share(struct rt_session *session, int *ret_nt_handle)
{
	return rt_share(rt_session_kernel_handle(session), ret_nt_handle);
}

HRESULT rt_session_share_fence(struct rt_session *session, int *ret_nt_handle)
{
	return rt_share(rt_session_fence(session), ret_nt_handle);
}
