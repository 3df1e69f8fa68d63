/* SPDX-License-Identifier: MIT */
/* A runtime that watches: its callbacks count, look at the handles, fail on command, and pass on to the suite's runtime. */
#include "conform/cap/cap.h"
#include "conform/cf.h"
#include "runtime/runtime_internal.h"

#include <string.h>

struct cap_spy cap_spy;

/* Addresses that nobody follows: what the driver got as runtime handles. */
static uint8_t device_handle, adapter_handle, resource_handles[16];

static struct rt_adapter *adapter; /* the suite's own, behind adapter_handle */
static unsigned int queries;
static HANDLE wrong_query;

/* ---- adapters ------------------------------------------------------------------------------------------- */

static HRESULT APIENTRY query_cb(HANDLE hAdapter, const D3DDDICB_QUERYADAPTERINFO *pData)
{
	queries++;
	if (hAdapter != &adapter_handle)
		wrong_query = hAdapter;
	return rt_query_adapter_info_cb(adapter, pData);
}

void cap_opening_init(struct cf *cf, struct cap_opening *ret)
{
	static D3DDDI_ADAPTERCALLBACKS callbacks = { .pfnQueryAdapterInfoCb = query_cb };

	adapter = cf_adapter(cf);
	queries = 0;
	wrong_query = NULL;
	memset(ret, 0, sizeof(*ret));
	memset(ret->guard, CAP_FILL, sizeof(ret->guard));
	ret->arg = (D3DDDIARG_OPENADAPTER) {
		.hAdapter = &adapter_handle,
		.Interface = 9,
		.Version = D3D_UMD_INTERFACE_VERSION_WIN7,
		.pAdapterCallbacks = &callbacks,
		.pAdapterFuncs = &ret->funcs,
	};
}

HRESULT cap_open(struct cf *cf, struct cap_opening *opening)
{
	HRESULT hr = cap_open_adapter(cf)(&opening->arg);

	opening->raw = opening->funcs;
	if (hr == S_OK)
		cf_fill_adapter_table(&opening->funcs);
	return hr;
}

unsigned int cap_opening_queries(void)
{
	return queries;
}

HANDLE cap_opening_wrong_handle(void)
{
	return wrong_query;
}

HANDLE cap_opening_runtime_adapter(void)
{
	return &adapter_handle;
}

/* ---- the callbacks of a device ---------------------------------------------------------------------------- */

HANDLE cap_spy_runtime_device(void)
{
	return &device_handle;
}

HANDLE cap_spy_runtime_resource(unsigned int number)
{
	return &resource_handles[number];
}

static void look_at_device(HANDLE hDevice)
{
	if (hDevice != &device_handle)
		cap_spy.wrong_device = hDevice;
}

static void look_at_resource(HANDLE hResource)
{
	if (hResource && ((uint8_t *)hResource < resource_handles ||
			  (uint8_t *)hResource >= resource_handles + sizeof(resource_handles)))
		cap_spy.wrong_resource = hResource;
}

static HRESULT APIENTRY allocate_cb(HANDLE hDevice, D3DDDICB_ALLOCATE *pData)
{
	HRESULT hr;

	look_at_device(hDevice);
	look_at_resource(pData->hResource);
	cap_spy.allocates++;
	if (cap_spy.fail_allocate != S_OK)
		return cap_spy.fail_allocate;
	hr = rt_device_callbacks.Callbacks.pfnAllocateCb(cap_spy.under, pData);
	/* A resource's allocations go with one call; others one by one. */
	if (hr == S_OK)
		cap_spy.live_allocations += pData->hResource ? 1 : pData->NumAllocations;
	return hr;
}

static HRESULT APIENTRY deallocate_cb(HANDLE hDevice, const D3DDDICB_DEALLOCATE *pData)
{
	look_at_device(hDevice);
	look_at_resource(pData->hResource);
	cap_spy.deallocates++;
	cap_spy.last_deallocate = *pData;
	cap_spy.live_allocations -= pData->hResource ? 1 : pData->NumAllocations;
	return rt_device_callbacks.Callbacks.pfnDeallocateCb(cap_spy.under, pData);
}

static HRESULT APIENTRY lock_cb(HANDLE hDevice, D3DDDICB_LOCK *pData)
{
	look_at_device(hDevice);
	if (cap_spy.fail_lock != S_OK)
		return cap_spy.fail_lock;
	cap_spy.locks++;
	return rt_device_callbacks.Callbacks.pfnLockCb(cap_spy.under, pData);
}

static HRESULT APIENTRY unlock_cb(HANDLE hDevice, const D3DDDICB_UNLOCK *pData)
{
	look_at_device(hDevice);
	cap_spy.unlocks += pData->NumAllocations;
	return rt_device_callbacks.Callbacks.pfnUnlockCb(cap_spy.under, pData);
}

/* The first parameter of this one is the adapter's handle, and the device is in the structure. */
static HRESULT APIENTRY escape_cb(HANDLE hAdapter, const D3DDDICB_ESCAPE *pData)
{
	D3DDDICB_ESCAPE arg = *pData;

	if (hAdapter != adapter)
		cap_spy.wrong_adapter = hAdapter;
	if (arg.hDevice) {
		look_at_device(arg.hDevice);
		arg.hDevice = cap_spy.under;
	}
	if (cap_spy.fail_escape != S_OK)
		return cap_spy.fail_escape;
	return rt_device_callbacks.Callbacks.pfnEscapeCb(adapter, &arg);
}

static HRESULT APIENTRY create_context_cb(HANDLE hDevice, D3DDDICB_CREATECONTEXT *pData)
{
	look_at_device(hDevice);
	cap_spy.contexts++;
	return rt_device_callbacks.Callbacks.pfnCreateContextCb(cap_spy.under, pData);
}

static HRESULT APIENTRY destroy_context_cb(HANDLE hDevice, const D3DDDICB_DESTROYCONTEXT *pData)
{
	look_at_device(hDevice);
	cap_spy.contexts_gone++;
	return rt_device_callbacks.Callbacks.pfnDestroyContextCb(cap_spy.under, pData);
}

static HRESULT APIENTRY present_cb(HANDLE hDevice, const D3DDDICB_PRESENT *pData)
{
	look_at_device(hDevice);
	cap_spy.presents++;
	if (cap_spy.contexts == 0)
		cap_spy.present_without_context = true;
	return rt_device_callbacks.Callbacks.pfnPresentCb(cap_spy.under, pData);
}

static HRESULT APIENTRY create_session_cb(HANDLE hDevice, DXVAULTCB_CREATEPROTECTEDSESSION *pData)
{
	HRESULT hr;

	look_at_device(hDevice);
	hr = rt_device_callbacks.pfnCreateProtectedSessionCb(cap_spy.under, pData);
	if (hr == S_OK)
		cap_spy.sessions++;
	return hr;
}

static HRESULT APIENTRY destroy_session_cb(HANDLE hDevice, const DXVAULTCB_DESTROYPROTECTEDSESSION *pData)
{
	look_at_device(hDevice);
	cap_spy.sessions_gone++;
	return rt_device_callbacks.pfnDestroyProtectedSessionCb(cap_spy.under, pData);
}

/* ---- devices and resources -------------------------------------------------------------------------------- */

void cap_spy_start(struct cf *cf)
{
	adapter = cf_adapter(cf);
	cap_spy = (struct cap_spy) {
		.cf = cf,
		.callbacks = {
			.Callbacks = {
				.pfnAllocateCb = allocate_cb,
				.pfnDeallocateCb = deallocate_cb,
				.pfnPresentCb = present_cb,
				.pfnLockCb = lock_cb,
				.pfnUnlockCb = unlock_cb,
				.pfnEscapeCb = escape_cb,
				.pfnCreateContextCb = create_context_cb,
				.pfnDestroyContextCb = destroy_context_cb,
			},
			.pfnCreateProtectedSessionCb = create_session_cb,
			.pfnDestroyProtectedSessionCb = destroy_session_cb,
		},
	};
	/* A kernel device, and one of the driver's that nothing is asked of. */
	CF_NEED(cf, rt_device_create(adapter, &cap_spy.under));
}

HRESULT cap_spy_device(void)
{
	D3DDDIARG_CREATEDEVICE arg = {
		.hDevice = &device_handle,
		.Interface = 9,
		.Version = D3D_UMD_INTERFACE_VERSION_WIN7,
		.pCallbacks = &cap_spy.callbacks.Callbacks,
		.pDeviceFuncs = &cap_spy.f,
	};
	HRESULT hr;

	arg.Flags.Value = DXVAULT_CREATEDEVICE_PROTECTED_SESSIONS;
	hr = rt_adapter_funcs(adapter)->pfnCreateDevice(rt_adapter_handle(adapter), &arg);
	if (hr == S_OK) {
		cap_spy.device = arg.hDevice;
		cap_spy.raw = cap_spy.f;
		cf_fill_device_table(&cap_spy.f);
	}
	return hr;
}

struct cf_device cap_spy_as_device(void)
{
	return (struct cf_device) { .rt = cap_spy.under, .h = cap_spy.device, .f = &cap_spy.f };
}

HRESULT cap_spy_resource(unsigned int number, D3DDDI_POOL pool, D3DDDI_RESOURCEFLAGS flags, HANDLE *ret)
{
	static uint8_t memory[16 * 64] __attribute__((aligned(64)));
	const D3DDDI_SURFACEINFO surface = {
		.Width = 16,
		.Height = 16,
		.pSysMem = pool == D3DDDIPOOL_SYSTEMMEM ? memory : NULL,
		.SysMemPitch = pool == D3DDDIPOOL_SYSTEMMEM ? 64 : 0,
	};
	D3DDDIARG_CREATERESOURCE arg = {
		.Format = D3DDDIFMT_A8R8G8B8,
		.Pool = pool,
		.pSurfList = &surface,
		.SurfCount = 1,
		.MipLevels = 1,
		.hResource = &resource_handles[number],
		.Flags = flags,
		.Rotation = D3DDDI_ROTATION_IDENTITY,
	};
	HRESULT hr = cap_spy.f.pfnCreateResource(cap_spy.device, &arg);

	if (hr == S_OK)
		*ret = arg.hResource;
	return hr;
}
