/* SPDX-License-Identifier: MIT */
/* The client's library where there is no service, and where its answers make no sense. */
#include "fake_service.h"
#include "process_fixture.h"

#include <dxvault/dxvault.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* ---- calls, each with a block that is good -------------------------------------------------------------------- */

#define NT_HANDLE ((HANDLE)(intptr_t)1) /* a descriptor that is open; nobody looks what it is */

static D3DKMT_HANDLE handles[] = { HANDLE_VALUE };
static UINT64 values[] = { 1 };

/* A block that is refused comes back as it was. */
#define CALL(Name, type, ...)                                            \
	static NTSTATUS call_##Name(void)                                \
	{                                                                \
		type arg, before;                                        \
		NTSTATUS status;                                         \
                                                                         \
		memset(&arg, 0, sizeof(arg));                            \
		arg = (type) { __VA_ARGS__ };                            \
		memcpy(&before, &arg, sizeof(arg));                      \
		status = D3DKMT##Name(&arg);                             \
		if (status != STATUS_SUCCESS)                            \
			assert_memory_equal(&arg, &before, sizeof(arg)); \
		return status;                                           \
	}

static D3DKMT_ADAPTERINFO adapters[1];
static D3DDDI_ALLOCATIONINFO2 allocations[1];
static D3DDDI_OPENALLOCATIONINFO2 openings[1];
static uint8_t data[64], more_data[64], all_data[64];

CALL(EnumAdapters2, D3DKMT_ENUMADAPTERS2, .NumAdapters = 1, .pAdapters = adapters)
CALL(EnumAdapters3, D3DKMT_ENUMADAPTERS3, .NumAdapters = 1, .pAdapters = adapters)
CALL(OpenAdapterFromLuid, D3DKMT_OPENADAPTERFROMLUID, .AdapterLuid = { 1, 0 })
CALL(QueryAdapterInfo, D3DKMT_QUERYADAPTERINFO, .hAdapter = HANDLE_VALUE, .Type = KMTQAITYPE_UMDRIVERPRIVATE,
     .pPrivateDriverData = data, .PrivateDriverDataSize = sizeof(data))
CALL(CreateDevice, D3DKMT_CREATEDEVICE, .hAdapter = HANDLE_VALUE)
CALL(GetDeviceState, D3DKMT_GETDEVICESTATE, .hDevice = HANDLE_VALUE, .StateType = D3DKMT_DEVICESTATE_EXECUTION)
CALL(CreateContextVirtual, D3DKMT_CREATECONTEXTVIRTUAL, .hDevice = HANDLE_VALUE)
CALL(CreateSynchronizationObject2, D3DKMT_CREATESYNCHRONIZATIONOBJECT2, .hDevice = HANDLE_VALUE,
     .Info.Type = D3DDDI_MONITORED_FENCE)
CALL(OpenSyncObjectFromNtHandle2, D3DKMT_OPENSYNCOBJECTFROMNTHANDLE2, .hNtHandle = NT_HANDLE, .hDevice = HANDLE_VALUE)
CALL(CreateAllocation2, D3DKMT_CREATEALLOCATION, .hDevice = HANDLE_VALUE, .NumAllocations = 1,
     .pAllocationInfo2 = allocations, .Flags.CreateResource = 1)
CALL(QueryResourceInfoFromNtHandle, D3DKMT_QUERYRESOURCEINFOFROMNTHANDLE, .hDevice = HANDLE_VALUE,
     .hNtHandle = NT_HANDLE)
CALL(OpenResourceFromNtHandle, D3DKMT_OPENRESOURCEFROMNTHANDLE, .hDevice = HANDLE_VALUE, .hNtHandle = NT_HANDLE,
     .NumAllocations = 1, .pOpenAllocationInfo2 = openings, .pPrivateRuntimeData = data,
     .PrivateRuntimeDataSize = sizeof(data), .pResourcePrivateDriverData = more_data,
     .ResourcePrivateDriverDataSize = sizeof(more_data), .pTotalPrivateDriverDataBuffer = all_data,
     .TotalPrivateDriverDataBufferSize = sizeof(all_data))
CALL(Escape, D3DKMT_ESCAPE, .hAdapter = HANDLE_VALUE, .pPrivateDriverData = data, .PrivateDriverDataSize = sizeof(data))
CALL(CreateProtectedSession, D3DKMT_CREATEPROTECTEDSESSION, .hDevice = HANDLE_VALUE, .hSyncObject = HANDLE_VALUE)
CALL(QueryProtectedSessionInfoFromNtHandle, D3DKMT_QUERYPROTECTEDSESSIONINFOFROMNTHANDLE, .hNtHandle = NT_HANDLE)
CALL(OpenProtectedSessionFromNtHandle, D3DKMT_OPENPROTECTEDSESSIONFROMNTHANDLE, .hNtHandle = NT_HANDLE)
CALL(CloseAdapter, D3DKMT_CLOSEADAPTER, .hAdapter = HANDLE_VALUE)
CALL(DestroyDevice, D3DKMT_DESTROYDEVICE, .hDevice = HANDLE_VALUE)
CALL(DestroyContext, D3DKMT_DESTROYCONTEXT, .hContext = HANDLE_VALUE)
CALL(DestroySynchronizationObject, D3DKMT_DESTROYSYNCHRONIZATIONOBJECT, .hSyncObject = HANDLE_VALUE)
CALL(SignalSynchronizationObjectFromCpu, D3DKMT_SIGNALSYNCHRONIZATIONOBJECTFROMCPU, .hDevice = HANDLE_VALUE,
     .ObjectCount = 1, .ObjectHandleArray = handles, .FenceValueArray = values)
CALL(Present, D3DKMT_PRESENT, .hContext = HANDLE_VALUE, .hSource = HANDLE_VALUE)
CALL(DestroyProtectedSession, D3DKMT_DESTROYPROTECTEDSESSION, .hHandle = HANDLE_VALUE)

static NTSTATUS call_QueryService(void)
{
	DXVAULT_SERVICE_INFO info = { .Version = DXVAULT_SERVICE_INFO_VERSION, .Devices = 77 };
	NTSTATUS status = DxvaultQueryService(&info);

	if (status != STATUS_SUCCESS)
		assert_int_equal(info.Devices, 77);
	return status;
}

static NTSTATUS call_ListSessions(void)
{
	DXVAULT_SESSION_INFO sessions[DXVAULT_LISTED_SESSIONS];
	UINT count = DXVAULT_LISTED_SESSIONS;
	UINT64 cursor = 77;
	NTSTATUS status = DxvaultListSessions(&cursor, sessions, &count);

	if (status != STATUS_SUCCESS)
		assert_true(count == DXVAULT_LISTED_SESSIONS && cursor == 77);
	return status;
}

static NTSTATUS call_Invalidate(void)
{
	UINT lost = 77;
	NTSTATUS status = DxvaultInvalidate(DXVAULT_LOSS_KEYS, 0, &lost);

	if (status != STATUS_SUCCESS)
		assert_int_equal(lost, 77);
	return status;
}

static NTSTATUS call_DesignateCompositor(void)
{
	return DxvaultDesignateCompositor(1);
}

static NTSTATUS call_GetRootCertificate(void)
{
	UINT size = 77;
	NTSTATUS status = DxvaultGetRootCertificate(NULL, &size);

	if (status != STATUS_SUCCESS)
		assert_int_equal(size, 77);
	return status;
}

static NTSTATUS call_ShareObjects(void)
{
	HANDLE nt_handle = (HANDLE)(intptr_t)77;
	NTSTATUS status = D3DKMTShareObjects(1, handles, NULL, 0, &nt_handle);

	if (status != STATUS_SUCCESS)
		assert_int_equal((intptr_t)nt_handle, 77);
	return status;
}

/* brings: success has more than a header. */
static const struct {
	NTSTATUS (*call)(void);
	bool brings;
} calls[] = {
	{ call_EnumAdapters2, true },
	{ call_EnumAdapters3, true },
	{ call_OpenAdapterFromLuid, true },
	{ call_QueryAdapterInfo, true },
	{ call_CreateDevice, true },
	{ call_GetDeviceState, true },
	{ call_CreateContextVirtual, true },
	{ call_CreateSynchronizationObject2, true },
	{ call_OpenSyncObjectFromNtHandle2, true },
	{ call_CreateAllocation2, true },
	{ call_QueryResourceInfoFromNtHandle, true },
	{ call_OpenResourceFromNtHandle, true },
	{ call_Escape, true },
	{ call_CreateProtectedSession, true },
	{ call_QueryProtectedSessionInfoFromNtHandle, true },
	{ call_OpenProtectedSessionFromNtHandle, true },
	{ call_QueryService, true },
	{ call_ListSessions, true },
	{ call_Invalidate, true },
	{ call_CloseAdapter, false },
	{ call_DestroyDevice, false },
	{ call_DestroyContext, false },
	{ call_DestroySynchronizationObject, false },
	{ call_SignalSynchronizationObjectFromCpu, false },
	{ call_Present, false },
	{ call_DestroyProtectedSession, false },
	{ call_DesignateCompositor, false },
	{ call_GetRootCertificate, false },
	{ call_ShareObjects, false },
};

#define CALLS (sizeof(calls) / sizeof(calls[0]))

/* ---- no service, and one that can't be believed ------------------------------------------------------------------- */

static void test_no_service(void **state)
{
	D3DKMT_QUERYPROTECTEDSESSIONSTATUS query = { .hHandle = HANDLE_VALUE };
	const D3DKMT_WAITFORSYNCHRONIZATIONOBJECTFROMCPU wait = {
		.hDevice = HANDLE_VALUE,
		.ObjectCount = 1,
		.ObjectHandleArray = handles,
		.FenceValueArray = values,
	};
	UINT64 token = 77;

	(void)state;
	kmt_connection_set(NULL);
	for (size_t i = 0; i < CALLS; i++)
		assert_int_equal(calls[i].call(), STATUS_DEVICE_REMOVED);
	assert_int_equal(D3DKMTWaitForSynchronizationObjectFromCpu(&wait), STATUS_DEVICE_REMOVED);
	assert_int_equal(DxvaultWaitEscapes(HANDLE_VALUE, 0), STATUS_DEVICE_REMOVED);
	assert_int_equal(DxvaultGetProcessToken(&token), STATUS_DEVICE_REMOVED);
	assert_int_equal(token, 77);
	assert_null(DxvaultAllocateSystemMemory(HANDLE_VALUE, 4096));
	/* A status is looked up, and no handle is known. */
	assert_int_equal(D3DKMTQueryProtectedSessionStatus(&query), STATUS_INVALID_PARAMETER);
	assert_int_equal(fs_service.asked, 0);
}

/* One answer that makes no sense, and nothing is believed any more: what comes next may be the answer to something else. */
static void test_answers_that_make_no_sense(void **state)
{
	int before = pf_open_descriptors();

	(void)state;
	for (enum fs_lie lie = GONE; lie < LIES_END; lie++) {
		for (size_t i = 0; i < CALLS; i++) {
			struct kmt_connection *other = fs_connect();

			if (lie == TOO_SHORT && !calls[i].brings) {
				kmt_connection_destroy(other);
				fs_service.closed--;
				continue;
			}
			assert_non_null(other);
			kmt_connection_set(other);
			fs_service.lie = lie;
			fs_service.asked = 0;
			assert_int_equal(calls[i].call(), STATUS_DEVICE_REMOVED);
			assert_int_equal(fs_service.asked, 1);
			assert_true(kmt_connection_is_lost(other));
			fs_service.lie = HONEST;
			assert_int_equal(calls[i].call(), STATUS_DEVICE_REMOVED);
			assert_int_equal(fs_service.asked, 1);
			kmt_connection_set(fs_connection);
			kmt_connection_destroy(other);
			fs_service.closed--;
			assert_int_equal(pf_open_descriptors(), before);
		}
	}
}

/* A refusal is the caller's answer, and the end of nothing. */
static void test_refusals(void **state)
{
	(void)state;
	fs_service.status = STATUS_ACCESS_DENIED;
	for (size_t i = 0; i < CALLS; i++)
		assert_int_equal(calls[i].call(), STATUS_ACCESS_DENIED);
	assert_int_equal(fs_service.asked, CALLS);
	assert_false(kmt_connection_is_lost(fs_connection));
	assert_null(DxvaultAllocateSystemMemory(HANDLE_VALUE, 4096));
}

static void test_a_hello_that_is_not_understood(void **state)
{
	(void)state;
	fs_service.answers_hello = false;
	for (enum fs_lie lie = GONE; lie < LIES_END; lie++) {
		int before = pf_open_descriptors();

		fs_service.lie = lie;
		assert_null(fs_connect());
		assert_int_equal(pf_open_descriptors(), before);
	}
	fs_service.closed = 0;
}

/* ---- answers whose parts do not fit together ------------------------------------------------------------------------ */

static void test_what_is_told_of_a_resource(void **state)
{
	struct wire_query_resource *answer = (void *)fs_service.answer;
	uint8_t runtime_data[4] = { 0 };
	D3DKMT_QUERYRESOURCEINFOFROMNTHANDLE good = {
		.hDevice = HANDLE_VALUE,
		.hNtHandle = NT_HANDLE,
		.pPrivateRuntimeData = runtime_data,
		.PrivateRuntimeDataSize = sizeof(runtime_data),
	};
	D3DKMT_QUERYRESOURCEINFOFROMNTHANDLE arg = good;

	(void)state;
	fs_service.size = sizeof(*answer) + 4;
	answer->runtime_size = 4;
	memcpy(answer + 1, "abcd", 4);
	/* No device of that handle is known (KMT-03). */
	assert_int_equal(D3DKMTQueryResourceInfoFromNtHandle(&arg), STATUS_INVALID_PARAMETER);
	fs_make_device_known();
	/* The private data that it announces did not come. */
	answer->runtime_size = 5;
	assert_int_equal(D3DKMTQueryResourceInfoFromNtHandle(&arg), STATUS_DEVICE_REMOVED);
	answer->runtime_size = UINT32_MAX;
	assert_int_equal(D3DKMTQueryResourceInfoFromNtHandle(&arg), STATUS_DEVICE_REMOVED);
	answer->runtime_size = 4;
	arg.PrivateRuntimeDataSize = 3;
	assert_int_equal(D3DKMTQueryResourceInfoFromNtHandle(&arg), STATUS_BUFFER_TOO_SMALL);
	assert_int_equal(arg.PrivateRuntimeDataSize, 3);
	assert_int_equal(runtime_data[0], 0);
	assert_int_equal(D3DKMTQueryResourceInfoFromNtHandle(&good), STATUS_SUCCESS);
	assert_memory_equal(runtime_data, "abcd", 4);
}

static void test_what_is_told_of_a_session(void **state)
{
	static const struct {
		uint32_t driver, runtime;
	} wrong[] = { { 9, 0 }, { 0, 9 }, { 4, 3 }, { 4, 5 }, { UINT32_MAX, 9 }, { 0, 0 } };
	struct wire_query_session *answer = (void *)fs_service.answer;
	uint8_t driver_data[4] = { 0 }, runtime_data[4] = { 0 };
	D3DKMT_QUERYPROTECTEDSESSIONINFOFROMNTHANDLE arg = {
		.hNtHandle = NT_HANDLE,
		.pPrivateDriverData = driver_data,
		.PrivateDriverDataSize = sizeof(driver_data),
		.pPrivateRuntimeData = runtime_data,
		.PrivateRuntimeDataSize = sizeof(runtime_data),
	};

	(void)state;
	fs_service.size = sizeof(*answer) + 8;
	memcpy(answer + 1, "abcdefgh", 8);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		answer->driver_size = wrong[i].driver;
		answer->runtime_size = wrong[i].runtime;
		assert_int_equal(call_QueryProtectedSessionInfoFromNtHandle(), STATUS_DEVICE_REMOVED);
		assert_int_equal(D3DKMTQueryProtectedSessionInfoFromNtHandle(&arg), STATUS_DEVICE_REMOVED);
		assert_int_equal(driver_data[0] | runtime_data[0], 0);
	}
	answer->driver_size = 4;
	answer->runtime_size = 4;
	assert_int_equal(D3DKMTQueryProtectedSessionInfoFromNtHandle(&arg), STATUS_SUCCESS);
	assert_memory_equal(driver_data, "abcd", 4);
	assert_memory_equal(runtime_data, "efgh", 4);
}

/* What can't be handed to the caller is given back. */
static void assert_opening_fails(D3DKMT_OPENRESOURCEFROMNTHANDLE *arg, NTSTATUS status)
{
	D3DKMT_OPENRESOURCEFROMNTHANDLE before;

	memcpy(&before, arg, sizeof(before));
	memset(openings, 0, sizeof(openings));
	memset(data, 0, sizeof(data));
	fs_service.last_type = 0;
	assert_int_equal(D3DKMTOpenResourceFromNtHandle(arg), status);
	assert_int_equal(fs_service.last_type, WIRE_DESTROY_ALLOCATION);
	assert_memory_equal(arg, &before, sizeof(before));
	assert_int_equal(openings[0].hAllocation, 0);
	assert_int_equal(data[0], 0);
}

static void test_what_is_told_of_an_opened_resource(void **state)
{
	struct {
		struct wire_open_resource head;
		struct wire_create_allocation_item item;
		char bytes[12]; /* of the runtime, the resource and the allocation, four each */
	} *answer = (void *)fs_service.answer;
	D3DKMT_OPENRESOURCEFROMNTHANDLE good = {
		.hDevice = HANDLE_VALUE,
		.hNtHandle = NT_HANDLE,
		.NumAllocations = 1,
		.pOpenAllocationInfo2 = openings,
		.pPrivateRuntimeData = data,
		.PrivateRuntimeDataSize = 4,
		.pResourcePrivateDriverData = more_data,
		.ResourcePrivateDriverDataSize = 4,
		.pTotalPrivateDriverDataBuffer = all_data,
		.TotalPrivateDriverDataBufferSize = 4,
	};
	D3DKMT_OPENRESOURCEFROMNTHANDLE arg;

	(void)state;
	fs_service.size = offsetof(__typeof__(*answer), bytes) + sizeof(answer->bytes);
	answer->head = (struct wire_open_resource) { .resource = 5, .count = 1, .runtime_size = 4, .driver_size = 4 };
	answer->item = (struct wire_create_allocation_item) { .allocation = 6, .private_size = 4 };
	memcpy(answer->bytes, "abcdefghijkl", 12);
#define WRONG_ANSWER(member, value, right)                  \
	answer->member = (value);                           \
	assert_opening_fails(&good, STATUS_DEVICE_REMOVED); \
	answer->member = (right)
	WRONG_ANSWER(head.count, WIRE_MAX_ALLOCATIONS + 1, 1);
	WRONG_ANSWER(head.count, 2, 1);
	WRONG_ANSWER(head.count, 0, 1);
	WRONG_ANSWER(head.runtime_size, 5, 4);
	WRONG_ANSWER(head.runtime_size, UINT32_MAX, 4);
	WRONG_ANSWER(head.driver_size, 3, 4);
	WRONG_ANSWER(item.private_size, UINT32_MAX, 4);
#define WRONG_BLOCK(member, value, status) \
	arg = good;                        \
	arg.member = (value);              \
	assert_opening_fails(&arg, status)
	WRONG_BLOCK(NumAllocations, 2, STATUS_INVALID_PARAMETER);
	WRONG_BLOCK(NumAllocations, 0, STATUS_INVALID_PARAMETER);
	WRONG_BLOCK(NumAllocations, UINT32_MAX, STATUS_INVALID_PARAMETER);
	WRONG_BLOCK(pOpenAllocationInfo2, NULL, STATUS_INVALID_PARAMETER);
	WRONG_BLOCK(pPrivateRuntimeData, NULL, STATUS_INVALID_PARAMETER);
	WRONG_BLOCK(pResourcePrivateDriverData, NULL, STATUS_INVALID_PARAMETER);
	WRONG_BLOCK(pTotalPrivateDriverDataBuffer, NULL, STATUS_INVALID_PARAMETER);
	WRONG_BLOCK(PrivateRuntimeDataSize, 3, STATUS_BUFFER_TOO_SMALL);
	WRONG_BLOCK(ResourcePrivateDriverDataSize, 3, STATUS_BUFFER_TOO_SMALL);
	WRONG_BLOCK(TotalPrivateDriverDataBufferSize, 3, STATUS_BUFFER_TOO_SMALL);
	assert_int_equal(D3DKMTOpenResourceFromNtHandle(&good), STATUS_SUCCESS);
	assert_memory_equal(data, "abcd", 4);
	assert_memory_equal(more_data, "efgh", 4);
	assert_memory_equal(all_data, "ijkl", 4);
	assert_int_equal(openings[0].hAllocation, 6);
	assert_int_equal(good.hResource, 5);
}

static void test_what_is_told_of_sessions(void **state)
{
	struct wire_list_sessions *answer = (void *)fs_service.answer;

	(void)state;
	answer->count = 1;
	fs_service.size = sizeof(*answer);
	assert_int_equal(call_ListSessions(), STATUS_UNSUCCESSFUL);
	answer->count = DXVAULT_LISTED_SESSIONS + 1;
	assert_int_equal(call_ListSessions(), STATUS_UNSUCCESSFUL);
	answer->count = UINT32_MAX;
	assert_int_equal(call_ListSessions(), STATUS_UNSUCCESSFUL);
	answer->count = 0;
	assert_int_equal(call_ListSessions(), STATUS_SUCCESS);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, fs_setup, fs_teardown)
	const struct CMUnitTest tests[] = {
		CASE(test_no_service),
		CASE(test_answers_that_make_no_sense),
		CASE(test_refusals),
		CASE(test_a_hello_that_is_not_understood),
		CASE(test_what_is_told_of_a_resource),
		CASE(test_what_is_told_of_a_session),
		CASE(test_what_is_told_of_an_opened_resource),
		CASE(test_what_is_told_of_sessions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
