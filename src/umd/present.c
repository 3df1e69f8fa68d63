/* SPDX-License-Identifier: MIT */
/* Present: the one submission, and the context that it goes through. */
#include "umd/umd_internal.h"

/* Before the first submission, and not before (CAP-24). */
static HRESULT ensure_context(struct umd_device *device)
{
	D3DDDICB_CREATECONTEXT arg = { .NodeOrdinal = 0, .EngineAffinity = 0 };
	HRESULT hr;

	if (device->context)
		return S_OK;
	if (!device->callbacks.create_context)
		return E_FAIL;
	hr = umd_callback_result(device->callbacks.create_context(device->runtime, &arg));
	if (hr == S_OK)
		device->context = arg.hContext;
	return hr;
}

HRESULT APIENTRY umd_present(HANDLE hDevice, const D3DDDIARG_PRESENT *pData)
{
	struct umd_device *device = umd_device_find(hDevice);
	struct umd_resource *resource;
	struct umd_surface *surface;
	D3DDDICB_PRESENT arg = { 0 };
	HRESULT hr;

	/* To the screen, never into another surface. */
	if (!device || !pData || pData->hDstResource)
		return E_INVALIDARG;
	resource = umd_resource_find(device, pData->hSrcResource);
	surface = resource ? umd_resource_surface(resource, pData->SrcSubResourceIndex) : NULL;
	if (!surface || resource->pool == D3DDDIPOOL_SYSTEMMEM)
		return E_INVALIDARG;

	if (!device->callbacks.present)
		return E_FAIL;
	hr = ensure_context(device);
	if (hr != S_OK)
		return hr;
	arg.hSrcAllocation = surface->allocation;
	arg.hContext = device->context;
	hr = device->callbacks.present(device->runtime, &arg);
	/* A channel asked for the whole screen (AC-113). */
	return hr == E_ACCESSDENIED ? hr : umd_callback_result(hr);
}
