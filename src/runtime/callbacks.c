/* SPDX-License-Identifier: MIT */
/* The callbacks of a driver, but for allocations, presents and sessions: each is one D3DKMT call. */
#include "runtime/runtime_internal.h"

HRESULT APIENTRY rt_query_adapter_info_cb(HANDLE hAdapter, const D3DDDICB_QUERYADAPTERINFO *pData)
{
	const struct rt_adapter *adapter = hAdapter;
	const D3DKMT_QUERYADAPTERINFO arg = {
		.hAdapter = adapter->kernel,
		.Type = KMTQAITYPE_UMDRIVERPRIVATE,
		.pPrivateDriverData = pData->pPrivateDriverData,
		.PrivateDriverDataSize = pData->PrivateDriverDataSize,
	};

	return rt_hresult_from_status(D3DKMTQueryAdapterInfo(&arg));
}

static HRESULT APIENTRY lock_cb(HANDLE hDevice, D3DDDICB_LOCK *pData)
{
	const struct rt_device *device = hDevice;
	D3DKMT_LOCK2 arg = { .hDevice = device->kernel, .hAllocation = pData->hAllocation };
	HRESULT hr;

	hr = rt_hresult_from_status(D3DKMTLock2(&arg));
	if (hr == S_OK)
		pData->pData = arg.pData;
	return hr;
}

static HRESULT APIENTRY unlock_cb(HANDLE hDevice, const D3DDDICB_UNLOCK *pData)
{
	const struct rt_device *device = hDevice;
	HRESULT hr = S_OK;

	for (UINT i = 0; i < pData->NumAllocations && hr == S_OK; i++) {
		const D3DKMT_UNLOCK2 arg = { .hDevice = device->kernel, .hAllocation = pData->phAllocations[i] };

		hr = rt_hresult_from_status(D3DKMTUnlock2(&arg));
	}
	return hr;
}

static D3DKMT_HANDLE context_handle(HANDLE hContext)
{
	return (D3DKMT_HANDLE)(uintptr_t)hContext;
}

static D3DKMT_ESCAPE kernel_escape(const struct rt_adapter *adapter, const D3DDDICB_ESCAPE *pData)
{
	const struct rt_device *device = pData->hDevice;

	return (D3DKMT_ESCAPE) {
		.hAdapter = adapter->kernel,
		.hDevice = device ? device->kernel : 0,
		.Type = D3DKMT_ESCAPE_DRIVERPRIVATE,
		.Flags = pData->Flags,
		.pPrivateDriverData = pData->pPrivateDriverData,
		.PrivateDriverDataSize = pData->PrivateDriverDataSize,
		.hContext = context_handle(pData->hContext),
	};
}

static HRESULT APIENTRY escape_cb(HANDLE hAdapter, const D3DDDICB_ESCAPE *pData)
{
	const D3DKMT_ESCAPE arg = kernel_escape(hAdapter, pData);

	return rt_hresult_from_status(D3DKMTEscape(&arg));
}

static HRESULT APIENTRY queue_escape_cb(HANDLE hAdapter, const D3DDDICB_ESCAPE *pData)
{
	const D3DKMT_ESCAPE arg = kernel_escape(hAdapter, pData);

	return rt_hresult_from_status(DxvaultQueueEscape(&arg));
}

static HRESULT APIENTRY wait_escapes_cb(HANDLE hDevice, UINT Left)
{
	const struct rt_device *device = hDevice;

	return rt_hresult_from_status(DxvaultWaitEscapes(device->kernel, Left));
}

/* A virtual-addressing context has no command buffer and no lists to hand out. */
static HRESULT APIENTRY create_context_cb(HANDLE hDevice, D3DDDICB_CREATECONTEXT *pData)
{
	const struct rt_device *device = hDevice;
	D3DKMT_CREATECONTEXTVIRTUAL arg = {
		.hDevice = device->kernel,
		.NodeOrdinal = pData->NodeOrdinal,
		.EngineAffinity = pData->EngineAffinity,
		.Flags = pData->Flags,
		.pPrivateDriverData = pData->pPrivateDriverData,
		.PrivateDriverDataSize = pData->PrivateDriverDataSize,
		.ClientHint = D3DKMT_CLIENTHINT_DX9,
	};
	HRESULT hr;

	hr = rt_hresult_from_status(D3DKMTCreateContextVirtual(&arg));
	if (hr == S_OK)
		pData->hContext = (HANDLE)(uintptr_t)arg.hContext;
	return hr;
}

static HRESULT APIENTRY destroy_context_cb(HANDLE hDevice, const D3DDDICB_DESTROYCONTEXT *pData)
{
	const D3DKMT_DESTROYCONTEXT arg = { .hContext = context_handle(pData->hContext) };

	(void)hDevice;
	return rt_hresult_from_status(D3DKMTDestroyContext(&arg));
}

const DXVAULT_DEVICECALLBACKS rt_device_callbacks = {
	.Callbacks = {
		.pfnAllocateCb = rt_allocate_cb,
		.pfnDeallocateCb = rt_deallocate_cb,
		.pfnPresentCb = rt_present_cb,
		.pfnLockCb = lock_cb,
		.pfnUnlockCb = unlock_cb,
		.pfnEscapeCb = escape_cb,
		.pfnCreateContextCb = create_context_cb,
		.pfnDestroyContextCb = destroy_context_cb,
	},
	.pfnCreateProtectedSessionCb = rt_create_protected_session_cb,
	.pfnDestroyProtectedSessionCb = rt_destroy_protected_session_cb,
	.pfnQueueEscapeCb = queue_escape_cb,
	.pfnWaitEscapesCb = wait_escapes_cb,
};
