/* SPDX-License-Identifier: MIT */
/* OpenAdapter, the driver's one exported function, and CloseAdapter. */
#include "umd/umd_internal.h"

#include <stdlib.h>

#define DIRECT3D_9 9u

struct umd_adapter *umd_adapter_find(HANDLE handle)
{
	return (struct umd_adapter *)umd_object_find(handle, UMD_ADAPTER, /* owner= */ NULL);
}

HRESULT umd_adapter_query(struct umd_adapter *adapter, void *data, uint32_t size)
{
	D3DDDICB_QUERYADAPTERINFO arg = { .pPrivateDriverData = data, .PrivateDriverDataSize = size };

	if (!adapter->query_cb)
		return E_FAIL;
	return umd_callback_result(adapter->query_cb(adapter->runtime, &arg));
}

static HRESULT query_caps(struct umd_adapter *adapter)
{
	union {
		struct drv_query query;
		struct drv_caps caps;
	} data = { .query = { .magic = DRV_MAGIC, .type = DRV_QUERY_CAPS } };
	HRESULT hr;

	hr = umd_adapter_query(adapter, &data, sizeof(data));
	if (hr != S_OK)
		return hr;
	if (data.caps.magic != DRV_MAGIC)
		return E_FAIL;
	adapter->caps = data.caps;
	return S_OK;
}

static HRESULT APIENTRY close_adapter(HANDLE hAdapter)
{
	struct umd_adapter *adapter = umd_adapter_find(hAdapter);

	if (!adapter || !umd_object_remove(&adapter->object))
		return E_INVALIDARG;
	free(adapter);
	return S_OK;
}

__attribute__((visibility("default"))) HRESULT APIENTRY OpenAdapter(D3DDDIARG_OPENADAPTER *pOpenData)
{
	struct umd_adapter *adapter;
	HRESULT hr;

	if (!pOpenData || !pOpenData->pAdapterFuncs || !pOpenData->pAdapterCallbacks)
		return E_INVALIDARG;
	/* Content protection belongs to Direct3D 9Ex on Windows 7 (CAP-05). */
	if (pOpenData->Interface != DIRECT3D_9 || pOpenData->Version < D3D_UMD_INTERFACE_VERSION_WIN7)
		return E_INVALIDARG;

	adapter = calloc(1, sizeof(*adapter));
	if (!adapter)
		return E_OUTOFMEMORY;
	adapter->runtime = pOpenData->hAdapter;
	adapter->query_cb = pOpenData->pAdapterCallbacks->pfnQueryAdapterInfoCb;

	hr = query_caps(adapter);
	if (hr != S_OK) {
		free(adapter);
		return hr;
	}

	umd_object_add(&adapter->object, UMD_ADAPTER, /* owner= */ NULL);
	*pOpenData->pAdapterFuncs = (D3DDDI_ADAPTERFUNCS) {
		.pfnGetCaps = umd_get_caps,
		.pfnCreateDevice = umd_create_device,
		.pfnCloseAdapter = close_adapter,
	};
	pOpenData->hAdapter = adapter->object.handle;
	pOpenData->DriverVersion = D3D_UMD_INTERFACE_VERSION_WIN7;
	return S_OK;
}
