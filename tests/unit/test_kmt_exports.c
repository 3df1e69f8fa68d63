/* SPDX-License-Identifier: MIT */
/* The names that libdxg exports are exported by the shared library, and those out of scope touch nothing. */
#include <dxvault/d3dkmthk.h>
#include <dxvault/dxvault.h>
#include <dlfcn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

/*
 * What libdxg's library exports as "D3DKMT", taken from nm on a build of its source. The calls here need no service, and
 * main() sees to it that none could be started.
 */
static const char *const in_scope[] = {
	"EnumAdapters2",
	"EnumAdapters3",
	"CloseAdapter",
	"QueryAdapterInfo",
	"CreateDevice",
	"DestroyDevice",
	"GetDeviceState",
	"CreateContextVirtual",
	"DestroyContext",
	"CreateSynchronizationObject2",
	"DestroySynchronizationObject",
	"OpenSyncObjectFromNtHandle2",
	"SignalSynchronizationObjectFromCpu",
	"WaitForSynchronizationObjectFromCpu",
	"CreateAllocation2",
	"DestroyAllocation2",
	"Lock2",
	"Unlock2",
	"QueryResourceInfoFromNtHandle",
	"OpenResourceFromNtHandle",
	"Escape",
	"Present",
	"CreateProtectedSession",
	"DestroyProtectedSession",
	"QueryProtectedSessionStatus",
	"QueryProtectedSessionInfoFromNtHandle",
	"OpenProtectedSessionFromNtHandle",
	"OpenAdapterFromLuid",
};

static const char *const out_of_scope[] = {
	"AcquireKeyedMutex2",
	"ChangeVideoMemoryReservation",
	"CreateContext",
	"CreateHwContext",
	"CreateHwQueue",
	"CreateKeyedMutex2",
	"CreatePagingQueue",
	"CreateSyncFile",
	"CreateSynchronizationObject",
	"DestroyAllocation",
	"DestroyHwContext",
	"DestroyHwQueue",
	"DestroyKeyedMutex",
	"DestroyPagingQueue",
	"Evict",
	"FlushHeapTransitions",
	"FreeGpuVirtualAddress",
	"GetAllocationPriority",
	"GetContextInProcessSchedulingPriority",
	"GetContextSchedulingPriority",
	"GetMultisampleMethodList",
	"GetSharedResourceAdapterLuid",
	"InvalidateCache",
	"Lock",
	"MakeResident",
	"MapGpuVirtualAddress",
	"MarkDeviceAsError",
	"OfferAllocations",
	"OpenKeyedMutex2",
	"OpenNtHandleFromName",
	"OpenResource",
	"OpenSyncObjectNtHandleFromName",
	"OpenSynchronizationObject",
	"QueryAllocationResidency",
	"QueryClockCalibration",
	"QueryResourceInfo",
	"QueryStatistics",
	"QueryVideoMemoryInfo",
	"ReclaimAllocations2",
	"ReleaseKeyedMutex2",
	"Render",
	"ReserveGpuVirtualAddress",
	"SetAllocationPriority",
	"SetContextInProcessSchedulingPriority",
	"SetContextSchedulingPriority",
	"SetDisplayPrivateDriverFormat",
	"SetQueuedLimit",
	"ShareObjectWithHost",
	"SignalSynchronizationObject",
	"SignalSynchronizationObject2",
	"SignalSynchronizationObjectFromGpu",
	"SignalSynchronizationObjectFromGpu2",
	"SubmitCommand",
	"SubmitCommandToHwQueue",
	"SubmitPresentToHwQueue",
	"SubmitSignalSyncObjectsToHwQueue",
	"SubmitWaitForSyncObjectsToHwQueue",
	"Unlock",
	"UpdateAllocationProperty",
	"UpdateGpuVirtualAddress",
	"WaitForSynchronizationObject",
	"WaitForSynchronizationObject2",
	"WaitForSynchronizationObjectFromGpu",
	"PinResources",
	"UnpinResources",
	"ShareObjectsInternal",
	"CreateTrackedWorkload",
	"UpdateTrackedWorkload",
	"DestroyTrackedWorkload",
	"GetTrackedWorkloadStatistics",
	"ResetTrackedWorkloadStatistics",
	"GetAvailableTrackedWorkloadIndex",
};

/* Without a declaration in libdxg's headers: its C++ source gives them these names. */
static const char *const cxx_names[] = {
	"_Z18D3DKMTPinResourcesP20_D3DKMT_PINRESOURCES",
	"_Z20D3DKMTUnpinResourcesPK22_D3DKMT_UNPINRESOURCES",
	"_Z26D3DKMTShareObjectsInternalP20_D3DKMT_SHAREOBJECTS",
	"_Z27D3DKMTCreateTrackedWorkloadP29_D3DKMT_CREATETRACKEDWORKLOAD",
	"_Z27D3DKMTUpdateTrackedWorkloadP29_D3DKMT_UPDATETRACKEDWORKLOAD",
	"_Z28D3DKMTDestroyTrackedWorkloadP30_D3DKMT_DESTROYTRACKEDWORKLOAD",
	"_Z34D3DKMTGetTrackedWorkloadStatisticsP36_D3DKMT_GETTRACKEDWORKLOADSTATISTICS",
	"_Z36D3DKMTResetTrackedWorkloadStatisticsPK38_D3DKMT_RESETTRACKEDWORKLOADSTATISTICS",
	"_Z38D3DKMTGetAvailableTrackedWorkloadIndexP40_D3DKMT_GETAVAILABLETRACKEDWORKLOADINDEX",
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

typedef NTSTATUS (*block_function)(const void *);

static void *library;

static block_function find(const char *name)
{
	char full[128];
	void *symbol;
	block_function function;

	snprintf(full, sizeof(full), "%s%s", name[0] == '_' ? "" : "D3DKMT", name);
	symbol = dlsym(library, full);
	if (!symbol)
		fail_msg("%s is not exported", full);
	memcpy(&function, &symbol, sizeof(function));
	return function;
}

static int open_library(void **state)
{
	Dl_info info;

	/* The one that this program is linked with, for the sanitizers' builds have their own. */
	if (!dladdr((void *)(uintptr_t)DxvaultQueryService, &info))
		return -1;
	library = dlopen(info.dli_fname, RTLD_NOW | RTLD_LOCAL);
	return library ? 0 : -1;
}

static int close_library(void **state)
{
	return dlclose(library);
}

/* KMT-80 */
static void test_every_name_of_libdxg_is_exported(void **state)
{
	for (size_t i = 0; i < COUNT(in_scope); i++)
		(void)find(in_scope[i]);
	for (size_t i = 0; i < COUNT(out_of_scope); i++)
		(void)find(out_of_scope[i]);
	for (size_t i = 0; i < COUNT(cxx_names); i++)
		(void)find(cxx_names[i]);
	(void)find("ShareObjects");
	(void)find("SetStablePowerState");
	(void)find("CloseDxCoreDevice");
	/* libdxg exports 94 under C names, and 9 more under C++ names, which we have under both. */
	assert_int_equal(COUNT(cxx_names), 9);
	assert_int_equal(COUNT(in_scope) + COUNT(out_of_scope) + 3, 94 + 9);
}

static void refuses_untouched(const char *name)
{
	block_function function = find(name);
	uint8_t block[4096];
	uint8_t before[4096];
	void *forbidden;

	memset(block, 0xa5, sizeof(block));
	memset(before, 0xa5, sizeof(before));
	assert_int_equal(function(block), STATUS_NOT_SUPPORTED);
	assert_memory_equal(block, before, sizeof(block));
	assert_int_equal(function(NULL), STATUS_NOT_SUPPORTED);
	/* Not even read. */
	forbidden = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(forbidden, MAP_FAILED);
	assert_int_equal(function(forbidden), STATUS_NOT_SUPPORTED);
	munmap(forbidden, 4096);
}

/* KMT-81 */
static void test_functions_out_of_scope_touch_nothing(void **state)
{
	for (size_t i = 0; i < COUNT(out_of_scope); i++)
		refuses_untouched(out_of_scope[i]);
	for (size_t i = 0; i < COUNT(cxx_names); i++)
		refuses_untouched(cxx_names[i]);
}

/* KMT-81: as in libdxg */
static void test_stable_power_state_and_core_device(void **state)
{
	block_function set_stable = find("SetStablePowerState");
	block_function close_core = find("CloseDxCoreDevice");
	uint8_t block[64];
	uint8_t before[64];

	memset(block, 0xa5, sizeof(block));
	memset(before, 0xa5, sizeof(before));
	assert_int_equal(set_stable(block), STATUS_SUCCESS);
	assert_memory_equal(block, before, sizeof(block));
	assert_int_equal(set_stable(NULL), STATUS_SUCCESS);
	(void)close_core(NULL);
}

/* KMT-01 */
static void test_functions_in_scope_refuse_null(void **state)
{
	NTSTATUS (*share)(UINT, const D3DKMT_HANDLE *, POBJECT_ATTRIBUTES, DWORD, HANDLE *);
	block_function found = find("ShareObjects");
	const D3DKMT_HANDLE object = 0x40000040;
	HANDLE out = (HANDLE)(uintptr_t)0xa5a5a5a5;

	for (size_t i = 0; i < COUNT(in_scope); i++) {
		if (find(in_scope[i])(NULL) != STATUS_INVALID_PARAMETER)
			fail_msg("D3DKMT%s takes NULL", in_scope[i]);
	}
	/* KMT-41: what is wrong whatever the handles are. */
	memcpy(&share, &found, sizeof(share));
	assert_int_equal(share(0, &object, NULL, GENERIC_READ, &out), STATUS_INVALID_PARAMETER);
	assert_int_equal(share(4, &object, NULL, GENERIC_READ, &out), STATUS_INVALID_PARAMETER);
	assert_int_equal(share(1, NULL, NULL, GENERIC_READ, &out), STATUS_INVALID_PARAMETER);
	assert_int_equal(share(1, &object, NULL, GENERIC_READ, NULL), STATUS_INVALID_PARAMETER);
	assert_ptr_equal(out, (HANDLE)(uintptr_t)0xa5a5a5a5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_name_of_libdxg_is_exported),
		cmocka_unit_test(test_functions_out_of_scope_touch_nothing),
		cmocka_unit_test(test_stable_power_state_and_core_device),
		cmocka_unit_test(test_functions_in_scope_refuse_null),
	};

	setenv("DXVAULT_SERVICE", "/nonexistent/dxvaultd", 1);
	setenv("DXVAULT_RUNTIME_DIR", "/nonexistent/dxvault", 1);
	return cmocka_run_group_tests(tests, open_library, close_library);
}
