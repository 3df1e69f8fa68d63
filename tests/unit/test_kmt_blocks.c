/* SPDX-License-Identifier: MIT */
/* The client's library where the caller's block makes no sense: it never reaches the service. */
#include "fake_service.h"

#include <dxvault/dxvault.h>

static D3DKMT_HANDLE handles[] = { HANDLE_VALUE };

/* KMT-04: sizes first, then pointers, and whatever they point to is not looked at. */
static void test_blocks_of_allocations(void **state)
{
	D3DDDI_ALLOCATIONINFO2 info = { 0 };
	D3DKMT_CREATEALLOCATION good = { .hDevice = HANDLE_VALUE, .NumAllocations = 1, .pAllocationInfo2 = &info };
	D3DKMT_CREATEALLOCATION arg;
	D3DDDI_ALLOCATIONINFO2 many[WIRE_MAX_ALLOCATIONS];
	D3DKMT_DESTROYALLOCATION2 destroyed = { .hDevice = HANDLE_VALUE };
	static uint8_t bytes[WIRE_MAX_PRIVATE_DATA];

	(void)state;
#define WRONG_CREATION(member, value, status) \
	arg = good;                           \
	arg.member = (value);                 \
	assert_int_equal(D3DKMTCreateAllocation2(&arg), status)
	WRONG_CREATION(NumAllocations, 0, STATUS_INVALID_PARAMETER);
	WRONG_CREATION(NumAllocations, WIRE_MAX_ALLOCATIONS + 1, STATUS_INVALID_PARAMETER);
	WRONG_CREATION(pAllocationInfo2, NULL, STATUS_INVALID_PARAMETER);
	WRONG_CREATION(PrivateRuntimeDataSize, 1, STATUS_INVALID_PARAMETER);
	WRONG_CREATION(PrivateRuntimeDataSize, WIRE_MAX_PRIVATE_DATA + 1, STATUS_INVALID_PARAMETER);
	WRONG_CREATION(PrivateDriverDataSize, 1, STATUS_INVALID_PARAMETER);
	WRONG_CREATION(PrivateDriverDataSize, UINT32_MAX, STATUS_INVALID_PARAMETER);
	WRONG_CREATION(Flags.StandardAllocation, 1, STATUS_NOT_SUPPORTED);
	WRONG_CREATION(Flags.ExistingSection, 1, STATUS_NOT_SUPPORTED);
	WRONG_CREATION(Flags.CreateShared, 1, STATUS_NOT_SUPPORTED);
	WRONG_CREATION(hResource, HANDLE_VALUE, STATUS_NOT_SUPPORTED);
	info.PrivateDriverDataSize = 1;
	assert_int_equal(D3DKMTCreateAllocation2(&good), STATUS_INVALID_PARAMETER);
	info.PrivateDriverDataSize = WIRE_MAX_PRIVATE_DATA + 1;
	info.pPrivateDriverData = bytes;
	assert_int_equal(D3DKMTCreateAllocation2(&good), STATUS_INVALID_PARAMETER);
	info.PrivateDriverDataSize = 0;
	info.pSystemMem = bytes; /* no memory of DxvaultAllocateSystemMemory */
	assert_int_equal(D3DKMTCreateAllocation2(&good), STATUS_INVALID_PARAMETER);
	/* Each is small enough, and all together are not. */
	for (size_t i = 0; i < WIRE_MAX_ALLOCATIONS; i++)
		many[i] = (D3DDDI_ALLOCATIONINFO2) { .pPrivateDriverData = bytes,
						     .PrivateDriverDataSize = sizeof(bytes) };
	arg = good;
	arg.NumAllocations = WIRE_MAX_ALLOCATIONS;
	arg.pAllocationInfo2 = many;
	assert_int_equal(D3DKMTCreateAllocation2(&arg), STATUS_INVALID_PARAMETER);

	assert_int_equal(D3DKMTDestroyAllocation2(&destroyed), STATUS_INVALID_PARAMETER);
	destroyed.phAllocationList = handles;
	assert_int_equal(D3DKMTDestroyAllocation2(&destroyed), STATUS_INVALID_PARAMETER);
	destroyed.AllocationCount = WIRE_MAX_ALLOCATIONS + 1;
	assert_int_equal(D3DKMTDestroyAllocation2(&destroyed), STATUS_INVALID_PARAMETER);
	destroyed.AllocationCount = 1; /* nothing of that handle was made here */
	assert_int_equal(D3DKMTDestroyAllocation2(&destroyed), STATUS_INVALID_PARAMETER);
	destroyed.hResource = HANDLE_VALUE;
	assert_int_equal(D3DKMTDestroyAllocation2(&destroyed), STATUS_INVALID_PARAMETER);
	assert_int_equal(fs_service.asked, 0);
}

static void test_other_blocks(void **state)
{
	D3DKMT_ADAPTERINFO adapters[1];
	uint8_t data[64];
	D3DKMT_ENUMADAPTERS2 none = { .NumAdapters = 0, .pAdapters = adapters };
	D3DKMT_CREATECONTEXTVIRTUAL context = { .hDevice = HANDLE_VALUE };
	D3DKMT_CREATECONTEXTVIRTUAL contexts[4];
	D3DKMT_PRESENT present = { .hContext = HANDLE_VALUE, .hSource = HANDLE_VALUE };
	D3DKMT_PRESENT presents[3];
	DXVAULT_SESSION_INFO sessions[DXVAULT_LISTED_SESSIONS];
	DXVAULT_SERVICE_INFO info = { .Version = DXVAULT_SERVICE_INFO_VERSION + 1 };
	UINT count = DXVAULT_LISTED_SESSIONS, few = DXVAULT_LISTED_SESSIONS - 1;
	UINT64 cursor = 0;

	(void)state;
	assert_int_equal(D3DKMTEnumAdapters2(&none), STATUS_BUFFER_TOO_SMALL);
	for (size_t i = 0; i < 4; i++)
		contexts[i] = context;
	contexts[0].NodeOrdinal = 1;
	contexts[1].EngineAffinity = 2;
	contexts[2].PrivateDriverDataSize = 1;
	contexts[3].PrivateDriverDataSize = WIRE_MAX_PRIVATE_DATA + 1;
	contexts[3].pPrivateDriverData = data;
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(D3DKMTCreateContextVirtual(&contexts[i]), STATUS_INVALID_PARAMETER);
	for (size_t i = 0; i < 3; i++)
		presents[i] = present;
	presents[0].hDestination = HANDLE_VALUE;
	presents[1].SubRectCnt = 1;
	presents[2].BroadcastContextCount = 1;
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(D3DKMTPresent(&presents[i]), STATUS_INVALID_PARAMETER);
	assert_int_equal(DxvaultQueryService(NULL), STATUS_INVALID_PARAMETER);
	assert_int_equal(DxvaultQueryService(&info), STATUS_INVALID_PARAMETER);
	assert_int_equal(DxvaultGetRootCertificate(data, NULL), STATUS_INVALID_PARAMETER);
	assert_int_equal(DxvaultGetProcessToken(NULL), STATUS_INVALID_PARAMETER);
	assert_int_equal(DxvaultListSessions(NULL, sessions, &count), STATUS_INVALID_PARAMETER);
	assert_int_equal(DxvaultListSessions(&cursor, NULL, &count), STATUS_INVALID_PARAMETER);
	assert_int_equal(DxvaultListSessions(&cursor, sessions, NULL), STATUS_INVALID_PARAMETER);
	assert_int_equal(DxvaultListSessions(&cursor, sessions, &few), STATUS_INVALID_PARAMETER);
	assert_null(DxvaultAllocateSystemMemory(HANDLE_VALUE, 0));
	assert_null(DxvaultAllocateSystemMemory(HANDLE_VALUE, SIZE_MAX));
	assert_int_equal(fs_service.asked, 0);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, fs_setup, fs_teardown)
	const struct CMUnitTest tests[] = {
		CASE(test_blocks_of_allocations),
		CASE(test_other_blocks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
