/* SPDX-License-Identifier: MIT */
/* Presents: what the caller of pfnPresent said, and its way through the driver to D3DKMTPresent. */
#include "runtime/runtime_internal.h"

#include <pthread.h>

/*
 * The callback has no member for the flags. A runtime knows them because it is the one that calls pfnPresent; here callers
 * do that by the table, so they get a function that notes the flags for the time of the call and hands everything on as it
 * came. There is one for each driver's function: a handle alone, which may be a wrong one, does not say whose it is.
 */
static _Thread_local const D3DDDI_PRESENTFLAGS *presented;

enum { DRIVERS = 4 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static PFND3DDDI_PRESENT drivers[DRIVERS]; /* each is written once, before its watching function is handed out */

static HRESULT watched(PFND3DDDI_PRESENT present, HANDLE hDevice, const D3DDDIARG_PRESENT *pData)
{
	HRESULT hr;

	presented = pData ? &pData->Flags : NULL;
	hr = present(hDevice, pData);
	presented = NULL;
	return hr;
}

#define WATCH(n)                                                                          \
	static HRESULT APIENTRY watch_##n(HANDLE hDevice, const D3DDDIARG_PRESENT *pData) \
	{                                                                                 \
		return watched(drivers[n], hDevice, pData);                               \
	}

WATCH(0)
WATCH(1)
WATCH(2)
WATCH(3)

PFND3DDDI_PRESENT rt_present_watch(PFND3DDDI_PRESENT present)
{
	static const PFND3DDDI_PRESENT watches[DRIVERS] = { watch_0, watch_1, watch_2, watch_3 };
	PFND3DDDI_PRESENT watch = present;

	if (!present)
		return NULL;
	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < DRIVERS && watch == present; i++) {
		if (!drivers[i])
			drivers[i] = present;
		if (drivers[i] == present)
			watch = watches[i];
	}
	pthread_mutex_unlock(&lock);
	/* Of a fifth driver every present counts as one into a window. */
	return watch;
}

/* The rectangles and the time are the caller's of rt_present: the DDI structure has no member for them. */
HRESULT APIENTRY rt_present_cb(HANDLE hDevice, const D3DDDICB_PRESENT *pData)
{
	const struct rt_device *device = hDevice;
	D3DKMT_PRESENT arg = {
		.hContext = (D3DKMT_HANDLE)(uintptr_t)pData->hContext,
		.VidPnSourceId = 0,
		.hSource = pData->hSrcAllocation,
		.hDestination = pData->hDstAllocation,
	};

	arg.Flags.Flip = presented && presented->Flip;
	if (device->present) {
		arg.SrcRect = device->present->source;
		arg.DstRect = device->present->destination;
		arg.PresentCount = device->present->count;
		arg.Duration = device->present->duration;
		arg.Flags.SrcRectValid = 1;
		arg.Flags.DstRectValid = 1;
		arg.Flags.PresentCountValid = 1;
		arg.Flags.DurationValid = 1;
	}
	return rt_hresult_from_status(D3DKMTPresent(&arg));
}

HRESULT rt_present(struct rt_device *device, struct rt_resource *resource, const struct rt_present *present)
{
	D3DDDIARG_PRESENT arg = { .hSrcResource = resource->driver };
	HRESULT hr;

	arg.Flags.Flip = !present->windowed;
	device->present = present;
	hr = device->shown.pfnPresent(device->driver, &arg);
	device->present = NULL;
	return hr;
}
