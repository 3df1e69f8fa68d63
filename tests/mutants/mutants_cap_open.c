/* SPDX-License-Identifier: MIT */
/* Mutants of OpenAdapter, CloseAdapter and CreateDevice. */
#include "mutants_cap.h"

#include <string.h>

/* ---- OpenAdapter ------------------------------------------------------------------------------------------ */

MUTANT_OPEN(mutant_writes_behind_the_adapter_table)
{
	HRESULT hr = mutant_open(arg);

	if (hr == S_OK)
		memset(arg->pAdapterFuncs + 1, 0, sizeof(void *));
	return hr;
}

MUTANT_OPEN(mutant_version_of_windows_8)
{
	HRESULT hr = mutant_open(arg);

	if (hr == S_OK)
		arg->DriverVersion = D3D_UMD_INTERFACE_VERSION_WIN8;
	return hr;
}

MUTANT_OPEN(mutant_version_of_vista)
{
	HRESULT hr = mutant_open(arg);

	if (hr == S_OK)
		arg->DriverVersion = 0x000c;
	return hr;
}

MUTANT_OPEN(mutant_opens_for_anything)
{
	const D3DDDIARG_OPENADAPTER before = *arg;
	HRESULT hr;

	arg->Interface = 9;
	arg->Version = D3D_UMD_INTERFACE_VERSION_WIN7;
	hr = mutant_open(arg);
	arg->Interface = before.Interface;
	arg->Version = before.Version;
	return hr;
}

MUTANT_OPEN(mutant_opens_without_a_table)
{
	D3DDDI_ADAPTERFUNCS unseen;
	HRESULT hr;

	if (!arg || arg->pAdapterFuncs)
		return arg ? mutant_open(arg) : E_INVALIDARG;
	arg->pAdapterFuncs = &unseen;
	hr = mutant_open(arg);
	arg->pAdapterFuncs = NULL;
	return hr;
}

MUTANT_OPEN(mutant_one_adapter_for_all)
{
	static HANDLE first;
	HRESULT hr = mutant_open(arg);

	if (hr != S_OK)
		return hr;
	if (!first)
		first = arg->hAdapter;
	else
		(void)mutant_real_adapter.pfnCloseAdapter(arg->hAdapter);
	arg->hAdapter = first;
	return hr;
}

/* The suite's own runtime follows its handle, so only what is opened after that may get another. */
static const D3DDDI_ADAPTERCALLBACKS *runtime_callbacks;
static HANDLE first_handle;
static PFND3DDDI_QUERYADAPTERINFOCB first_query;

static HRESULT APIENTRY query_with_another_handle(HANDLE hAdapter, const D3DDDICB_QUERYADAPTERINFO *pData)
{
	if (hAdapter == first_handle)
		return first_query(hAdapter, pData);
	return runtime_callbacks->pfnQueryAdapterInfoCb((uint8_t *)hAdapter + 1, pData);
}

static HRESULT APIENTRY query_of_the_first(HANDLE hAdapter, const D3DDDICB_QUERYADAPTERINFO *pData)
{
	(void)hAdapter;
	return first_query(first_handle, pData);
}

static HRESULT open_with(D3DDDIARG_OPENADAPTER *arg, PFND3DDDI_QUERYADAPTERINFOCB query)
{
	static D3DDDI_ADAPTERCALLBACKS callbacks;
	const D3DDDI_ADAPTERCALLBACKS *theirs = arg->pAdapterCallbacks;
	HRESULT hr;

	if (!first_handle) {
		first_handle = arg->hAdapter;
		first_query = theirs->pfnQueryAdapterInfoCb;
	}
	runtime_callbacks = theirs;
	callbacks = *theirs;
	callbacks.pfnQueryAdapterInfoCb = query;
	arg->pAdapterCallbacks = &callbacks;
	hr = mutant_open(arg);
	arg->pAdapterCallbacks = theirs;
	return hr;
}

MUTANT_OPEN(mutant_asks_with_another_handle)
{
	return open_with(arg, query_with_another_handle);
}

MUTANT_OPEN(mutant_never_asks)
{
	return open_with(arg, query_of_the_first);
}

/* ---- the adapter's functions -------------------------------------------------------------------------------- */

MUTANT_ADAPTER(mutant_no_close_adapter)
{
	funcs->pfnCloseAdapter = NULL;
}

static HRESULT APIENTRY close_whatever_lives(HANDLE hAdapter)
{
	(void)mutant_real_adapter.pfnCloseAdapter(hAdapter);
	return S_OK;
}

MUTANT_ADAPTER(mutant_closes_with_devices)
{
	funcs->pfnCloseAdapter = close_whatever_lives;
}

static HANDLE last_adapter;

static HRESULT APIENTRY get_caps_of_any(HANDLE hAdapter, const D3DDDIARG_GETCAPS *pData)
{
	HRESULT hr = mutant_real_adapter.pfnGetCaps(hAdapter, pData);

	if (hr != E_INVALIDARG) {
		last_adapter = hAdapter;
		return hr;
	}
	return last_adapter ? mutant_real_adapter.pfnGetCaps(last_adapter, pData) : S_OK;
}

MUTANT_ADAPTER(mutant_closed_adapter_answers)
{
	funcs->pfnGetCaps = get_caps_of_any;
}

/* ---- CreateDevice -------------------------------------------------------------------------------------------- */

static HRESULT APIENTRY create_one_of_few(HANDLE hAdapter, D3DDDIARG_CREATEDEVICE *pData)
{
	static unsigned int count;

	return count++ < 32 ? mutant_real_adapter.pfnCreateDevice(hAdapter, pData) : E_OUTOFMEMORY;
}

MUTANT_ADAPTER(mutant_few_devices)
{
	funcs->pfnCreateDevice = create_one_of_few;
}

static HRESULT APIENTRY create_without_command_buffer(HANDLE hAdapter, D3DDDIARG_CREATEDEVICE *pData)
{
	if (pData && pData->CommandBufferSize != 0)
		return E_INVALIDARG;
	return mutant_real_adapter.pfnCreateDevice(hAdapter, pData);
}

MUTANT_ADAPTER(mutant_looks_at_the_command_buffer)
{
	funcs->pfnCreateDevice = create_without_command_buffer;
}

static HRESULT APIENTRY create_with_a_longer_table(HANDLE hAdapter, D3DDDIARG_CREATEDEVICE *pData)
{
	HRESULT hr = mutant_real_adapter.pfnCreateDevice(hAdapter, pData);

	if (hr == S_OK)
		memset(pData->pDeviceFuncs + 1, 0, sizeof(void *));
	return hr;
}

MUTANT_ADAPTER(mutant_writes_behind_the_device_table)
{
	funcs->pfnCreateDevice = create_with_a_longer_table;
}

static HRESULT APIENTRY create_with_no_callbacks(HANDLE hAdapter, D3DDDIARG_CREATEDEVICE *pData)
{
	static const DXVAULT_DEVICECALLBACKS none;
	HRESULT hr;

	if (!pData || pData->pCallbacks)
		return mutant_real_adapter.pfnCreateDevice(hAdapter, pData);
	pData->pCallbacks = &none.Callbacks;
	hr = mutant_real_adapter.pfnCreateDevice(hAdapter, pData);
	pData->pCallbacks = NULL;
	return hr;
}

MUTANT_ADAPTER(mutant_device_without_callbacks)
{
	funcs->pfnCreateDevice = create_with_no_callbacks;
}

static HRESULT APIENTRY create_with_a_context(HANDLE hAdapter, D3DDDIARG_CREATEDEVICE *pData)
{
	const HANDLE runtime = pData ? pData->hDevice : NULL;
	HRESULT hr = mutant_real_adapter.pfnCreateDevice(hAdapter, pData);
	D3DDDICB_CREATECONTEXT context = { 0 };

	if (hr == S_OK && pData)
		(void)pData->pCallbacks->pfnCreateContextCb(runtime, &context);
	return hr;
}

MUTANT_ADAPTER(mutant_context_at_creation)
{
	funcs->pfnCreateDevice = create_with_a_context;
}

static HRESULT APIENTRY create_with_all_callbacks(HANDLE hAdapter, D3DDDIARG_CREATEDEVICE *pData)
{
	if (pData && pData->pCallbacks && !pData->pCallbacks->pfnAllocateCb)
		return E_INVALIDARG;
	return mutant_real_adapter.pfnCreateDevice(hAdapter, pData);
}

MUTANT_ADAPTER(mutant_wants_all_callbacks)
{
	funcs->pfnCreateDevice = create_with_all_callbacks;
}
