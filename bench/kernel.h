/* SPDX-License-Identifier: MIT */
/* D3DKMT calls as rows make them, each ending the row where it fails. */
#ifndef DXV_BENCH_KERNEL_H
#define DXV_BENCH_KERNEL_H

#include "bench/bench.h"

#include <dxvault/dxvault.h>

static inline void kernel_must(const char *call, NTSTATUS status)
{
	if (status != STATUS_SUCCESS)
		bench_fail("%s: 0x%08x", call, (unsigned int)status);
}

static inline D3DKMT_HANDLE kernel_device(void)
{
	D3DKMT_ADAPTERINFO info = { 0 };
	D3DKMT_ENUMADAPTERS2 adapters = { .NumAdapters = 1, .pAdapters = &info };
	D3DKMT_CREATEDEVICE device = { 0 };

	kernel_must("D3DKMTEnumAdapters2", D3DKMTEnumAdapters2(&adapters));
	device.hAdapter = info.hAdapter;
	kernel_must("D3DKMTCreateDevice", D3DKMTCreateDevice(&device));
	return device.hDevice;
}

static inline D3DKMT_HANDLE kernel_fence(D3DKMT_HANDLE device)
{
	D3DKMT_CREATESYNCHRONIZATIONOBJECT2 fence = { .hDevice = device, .Info.Type = D3DDDI_MONITORED_FENCE };

	fence.Info.Flags.Shared = 1;
	fence.Info.Flags.NtSecuritySharing = 1;
	kernel_must("D3DKMTCreateSynchronizationObject2", D3DKMTCreateSynchronizationObject2(&fence));
	return fence.hSyncObject;
}

static inline void kernel_destroy_fence(D3DKMT_HANDLE fence)
{
	kernel_must(
		"D3DKMTDestroySynchronizationObject",
		D3DKMTDestroySynchronizationObject(&(D3DKMT_DESTROYSYNCHRONIZATIONOBJECT) { .hSyncObject = fence }));
}

static inline D3DKMT_HANDLE kernel_session(D3DKMT_HANDLE device, D3DKMT_HANDLE fence)
{
	D3DKMT_CREATEPROTECTEDSESSION session = { .hDevice = device, .hSyncObject = fence };

	kernel_must("D3DKMTCreateProtectedSession", D3DKMTCreateProtectedSession(&session));
	return session.hHandle;
}

static inline void kernel_destroy_session(D3DKMT_HANDLE session)
{
	kernel_must("D3DKMTDestroyProtectedSession",
		    D3DKMTDestroyProtectedSession(&(D3DKMT_DESTROYPROTECTEDSESSION) { .hHandle = session }));
}

static inline D3DKMT_PROTECTED_SESSION_STATUS kernel_status(D3DKMT_HANDLE session)
{
	D3DKMT_QUERYPROTECTEDSESSIONSTATUS query = { .hHandle = session };

	kernel_must("D3DKMTQueryProtectedSessionStatus", D3DKMTQueryProtectedSessionStatus(&query));
	return query.Status;
}

static inline HANDLE kernel_share(D3DKMT_HANDLE object)
{
	HANDLE shared = NULL;

	kernel_must("D3DKMTShareObjects", D3DKMTShareObjects(1, &object, NULL, GENERIC_ALL, &shared));
	return shared;
}

static inline D3DKMT_HANDLE kernel_open_session(HANDLE shared)
{
	D3DKMT_OPENPROTECTEDSESSIONFROMNTHANDLE open = { .hNtHandle = shared };

	kernel_must("D3DKMTOpenProtectedSessionFromNtHandle", D3DKMTOpenProtectedSessionFromNtHandle(&open));
	return open.hHandle;
}

#endif
