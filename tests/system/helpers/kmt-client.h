/* SPDX-License-Identifier: MIT */
/* The D3DKMT calls that the test programs here make, each ending the program where it fails and should not. */
#ifndef DXV_TESTS_KMT_CLIENT_H
#define DXV_TESTS_KMT_CLIENT_H

#include <dxvault/dxvault.h>
#include <stdio.h>
#include <stdlib.h>

#define CHECK(status)                                                                                                \
	do {                                                                                                         \
		NTSTATUS check_status = (status);                                                                    \
                                                                                                                     \
		if (check_status != STATUS_SUCCESS) {                                                                \
			fprintf(stderr, "%s:%d: %s: 0x%08x\n", __FILE__, __LINE__, #status, (unsigned)check_status); \
			exit(1);                                                                                     \
		}                                                                                                    \
	} while (0)

#define REQUIRE(condition)                                                                  \
	do {                                                                                \
		if (!(condition)) {                                                         \
			fprintf(stderr, "%s:%d: not %s\n", __FILE__, __LINE__, #condition); \
			exit(1);                                                            \
		}                                                                           \
	} while (0)

static inline D3DKMT_HANDLE kc_adapter(void)
{
	D3DKMT_ADAPTERINFO info = { 0 };
	D3DKMT_ENUMADAPTERS2 adapters = { .NumAdapters = 1, .pAdapters = &info };

	CHECK(D3DKMTEnumAdapters2(&adapters));
	return info.hAdapter;
}

static inline D3DKMT_HANDLE kc_device(D3DKMT_HANDLE adapter)
{
	D3DKMT_CREATEDEVICE device = { .hAdapter = adapter };

	CHECK(D3DKMTCreateDevice(&device));
	return device.hDevice;
}

static inline NTSTATUS kc_try_fence(D3DKMT_HANDLE device, D3DKMT_HANDLE *ret, const volatile UINT64 **ret_value)
{
	D3DKMT_CREATESYNCHRONIZATIONOBJECT2 fence = { .hDevice = device, .Info.Type = D3DDDI_MONITORED_FENCE };
	NTSTATUS status;

	fence.Info.Flags.Shared = 1;
	fence.Info.Flags.NtSecuritySharing = 1;
	status = D3DKMTCreateSynchronizationObject2(&fence);
	if (status == STATUS_SUCCESS) {
		*ret = fence.hSyncObject;
		if (ret_value)
			*ret_value = fence.Info.MonitoredFence.FenceValueCPUVirtualAddress;
	}
	return status;
}

static inline D3DKMT_HANDLE kc_fence(D3DKMT_HANDLE device, const volatile UINT64 **ret_value)
{
	D3DKMT_HANDLE handle;

	CHECK(kc_try_fence(device, &handle, ret_value));
	return handle;
}

static inline NTSTATUS kc_try_session(D3DKMT_HANDLE device, D3DKMT_HANDLE fence, D3DKMT_HANDLE *ret)
{
	D3DKMT_CREATEPROTECTEDSESSION session = { .hDevice = device, .hSyncObject = fence };
	NTSTATUS status = D3DKMTCreateProtectedSession(&session);

	if (status == STATUS_SUCCESS)
		*ret = session.hHandle;
	return status;
}

static inline D3DKMT_HANDLE kc_session(D3DKMT_HANDLE device, D3DKMT_HANDLE fence)
{
	D3DKMT_HANDLE handle;

	CHECK(kc_try_session(device, fence, &handle));
	return handle;
}

static inline D3DKMT_PROTECTED_SESSION_STATUS kc_status(D3DKMT_HANDLE session)
{
	D3DKMT_QUERYPROTECTEDSESSIONSTATUS query = { .hHandle = session };

	CHECK(D3DKMTQueryProtectedSessionStatus(&query));
	return query.Status;
}

static inline NTSTATUS kc_destroy_session(D3DKMT_HANDLE session)
{
	return D3DKMTDestroyProtectedSession(&(D3DKMT_DESTROYPROTECTEDSESSION) { .hHandle = session });
}

static inline NTSTATUS kc_destroy_fence(D3DKMT_HANDLE fence)
{
	return D3DKMTDestroySynchronizationObject(&(D3DKMT_DESTROYSYNCHRONIZATIONOBJECT) { .hSyncObject = fence });
}

static inline NTSTATUS kc_destroy_device(D3DKMT_HANDLE device)
{
	return D3DKMTDestroyDevice(&(D3DKMT_DESTROYDEVICE) { .hDevice = device });
}

static inline int kc_share(D3DKMT_HANDLE object)
{
	HANDLE shared = NULL;

	CHECK(D3DKMTShareObjects(1, &object, NULL, GENERIC_ALL, &shared));
	return (int)(intptr_t)shared;
}

static inline NTSTATUS kc_try_open(int descriptor, D3DKMT_HANDLE *ret)
{
	D3DKMT_OPENPROTECTEDSESSIONFROMNTHANDLE open = { .hNtHandle = (HANDLE)(intptr_t)descriptor };
	NTSTATUS status = D3DKMTOpenProtectedSessionFromNtHandle(&open);

	if (status == STATUS_SUCCESS)
		*ret = open.hHandle;
	return status;
}

static inline NTSTATUS kc_wait(D3DKMT_HANDLE device, D3DKMT_HANDLE fence, UINT64 value)
{
	return D3DKMTWaitForSynchronizationObjectFromCpu(&(D3DKMT_WAITFORSYNCHRONIZATIONOBJECTFROMCPU) {
		.hDevice = device,
		.ObjectCount = 1,
		.ObjectHandleArray = &fence,
		.FenceValueArray = &value,
	});
}

static inline DXVAULT_SERVICE_INFO kc_service(void)
{
	DXVAULT_SERVICE_INFO info = { .Version = DXVAULT_SERVICE_INFO_VERSION };

	CHECK(DxvaultQueryService(&info));
	return info;
}

#endif
