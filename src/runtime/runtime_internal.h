/* SPDX-License-Identifier: MIT */
/* The objects of the runtime, and what its files call in each other. */
#ifndef DXV_RUNTIME_RUNTIME_INTERNAL_H
#define DXV_RUNTIME_RUNTIME_INTERNAL_H

#include "runtime/runtime.h"
#include "util/list.h"

#include <dxvault/d3dkmthk.h>
#include <dxvault/d3dumddi.h>
#include <stdbool.h>

struct rt_adapter {
	D3DKMT_HANDLE kernel;
	void *library; /* the driver's, NULL if it is linked in */
	HANDLE driver;
	D3DDDI_ADAPTERFUNCS funcs;
	D3DDDI_ADAPTERCALLBACKS callbacks;
};

/* A protected session and its fence, made inside CreateCryptoSession by whoever called that. */
struct rt_kernel_session {
	struct list link;
	D3DKMT_HANDLE session;
	D3DKMT_HANDLE fence;
	const volatile UINT64 *fence_value;
};

/* What the kernel has for an hResource that the driver allocated for. */
struct rt_kernel_resource {
	struct list link;
	HANDLE runtime;
	D3DKMT_HANDLE kernel;
};

struct rt_device {
	struct rt_adapter *adapter;
	D3DKMT_HANDLE kernel;
	HANDLE driver;
	union {
		D3DDDI_DEVICEFUNCS funcs; /* the driver's */
		DXVAULT_DEVICEFUNCS extended;
	};
	D3DDDI_DEVICEFUNCS shown; /* as callers get them */
	DXVAULT_DEVICECALLBACKS callbacks;
	struct list sessions;	      /* struct rt_session */
	struct list resources;	      /* struct rt_resource */
	struct list kernel_sessions;  /* struct rt_kernel_session */
	struct list kernel_resources; /* struct rt_kernel_resource */

	/* For the callbacks, which have no member for it; valid while the entry runs that it belongs to. */
	struct rt_session *creating;
	const struct rt_present *present;
};

struct rt_session {
	struct rt_device *device;
	struct list link;
	HANDLE driver;
	struct rt_kernel_session *kernel;
	const void *data; /* for the time of CreateCryptoSession */
	UINT data_size;
};

struct rt_resource {
	struct rt_device *device;
	struct list link;
	HANDLE driver;
	bool is_shared;
	void *shared_memory; /* of DxvaultAllocateSystemMemory */
	void *own_memory;    /* where there was none of that */
};

/* ---- callbacks.c, allocation.c ------------------------------------------------------------------ */

extern const DXVAULT_DEVICECALLBACKS rt_device_callbacks;
HRESULT APIENTRY rt_query_adapter_info_cb(HANDLE hAdapter, const D3DDDICB_QUERYADAPTERINFO *pData);
HRESULT APIENTRY rt_allocate_cb(HANDLE hDevice, D3DDDICB_ALLOCATE *pData);
HRESULT APIENTRY rt_deallocate_cb(HANDLE hDevice, const D3DDDICB_DEALLOCATE *pData);
/* The newest of that name; NULL if there is none. */
struct rt_kernel_resource *rt_kernel_resource_find(struct rt_device *device, HANDLE runtime);
/* Remembers what the kernel has for runtime. E_OUTOFMEMORY. */
HRESULT rt_kernel_resource_add(struct rt_device *device, HANDLE runtime, D3DKMT_HANDLE kernel);
void rt_kernel_resource_remove(struct rt_device *device, struct rt_kernel_resource *resource);

/* ---- present.c ---------------------------------------------------------------------------------- */

HRESULT APIENTRY rt_present_cb(HANDLE hDevice, const D3DDDICB_PRESENT *pData);
/* What a caller is given in place of a driver's pfnPresent. */
PFND3DDDI_PRESENT rt_present_watch(PFND3DDDI_PRESENT present);

/* ---- session.c ---------------------------------------------------------------------------------- */

HRESULT APIENTRY rt_create_protected_session_cb(HANDLE hDevice, DXVAULTCB_CREATEPROTECTEDSESSION *pData);
HRESULT APIENTRY rt_destroy_protected_session_cb(HANDLE hDevice, const DXVAULTCB_DESTROYPROTECTEDSESSION *pData);
void rt_kernel_session_free(struct rt_kernel_session *session);

/* ---- status.c ----------------------------------------------------------------------------------- */

/* Notes why, for rt_last_error; returns E_FAIL. */
HRESULT rt_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* D3DKMTShareObjects of one object. */
HRESULT rt_share(D3DKMT_HANDLE object, int *ret_nt_handle);

#endif
