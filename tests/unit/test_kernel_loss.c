/* SPDX-License-Identifier: MIT */
/* Losing content: the adapter removed, teardown, the service's stop, and the operator who lists and causes it (KMT-24). */
#include "kernel_fixture.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The operator is the service's own user. */
static struct kmt_connection *operator_process(struct ik *ik)
{
	return ik_process_of(ik, geteuid());
}

static int setup(void **state)
{
	*state = ik_start(NULL);
	operator_process(*state);
	return 0;
}

static int teardown(void **state)
{
	ik_stop(*state);
	return 0;
}

static uint32_t remove_device(struct ik *ik)
{
	uint32_t lost = dxgk_remove_device(ik_acquire(ik));

	ik_release(ik);
	return lost;
}

/* KMT-24, CS-12: every handle that was there answers with the removal, can be destroyed, and a new adapter is as good. */
static void a_removed_adapter_says_so(void **state)
{
	const volatile uint64_t *value;
	D3DKMT_HANDLE adapter = ik_adapter(), device = ik_device(), fence = ik_fence_with(device, 0, true, &value);
	D3DKMT_HANDLE session = ik_session(device, fence), other, plain = ik_fence(device);
	int shared = ik_share(session), nt_fence = ik_share(fence);
	D3DKMT_CLOSEADAPTER close_adapter = { .hAdapter = adapter };
	D3DKMT_CREATEDEVICE create = { .hAdapter = adapter };
	D3DKMT_CREATECONTEXTVIRTUAL context = { .hDevice = device };
	D3DKMT_ESCAPE escape = { .hAdapter = adapter, .hDevice = device };
	UINT count = 0;
	const D3DKMT_QUERYADAPTERINFO query = {
		.hAdapter = adapter,
		.Type = KMTQAITYPE_QUERY_HW_PROTECTION_TEARDOWN_COUNT,
		.pPrivateDriverData = &count,
		.PrivateDriverDataSize = sizeof(count),
	};
	struct dxgk_counts before = ik_counts(*state);
	int again;

	assert_int_equal(remove_device(*state), 1);
	assert_int_equal(ik_recorder.loses, 1);
	ik_assert_status(session, INVALID);
	assert_int_equal(*value, 1);

	assert_int_equal(D3DKMTQueryAdapterInfo(&query), STATUS_DEVICE_REMOVED);
	assert_int_equal(D3DKMTCreateDevice(&create), STATUS_DEVICE_REMOVED);
	assert_int_equal(D3DKMTCreateContextVirtual(&context), STATUS_DEVICE_REMOVED);
	assert_int_equal(D3DKMTEscape(&escape), STATUS_DEVICE_REMOVED);
	assert_int_equal(ik_create_session(device, fence, NULL, 0, NULL, 0, &other), STATUS_DEVICE_REMOVED);
	assert_int_equal(ik_signal(device, plain, 1), STATUS_DEVICE_REMOVED);
	assert_int_equal(ik_wait(device, plain, 1), STATUS_DEVICE_REMOVED);
	assert_int_equal(ik_share_with(session, GENERIC_ALL, &again), STATUS_DEVICE_REMOVED);
	assert_int_equal(ik_try_open_session(shared, &other), STATUS_DEVICE_REMOVED);
	assert_int_equal(ik_counts(*state).sessions, before.sessions);
	assert_int_equal(ik_counts(*state).fences, before.fences);

	/* What is opened now works beside what is gone. */
	{
		D3DKMT_HANDLE new_device = ik_device(), new_fence = ik_fence(new_device);
		D3DKMT_HANDLE new_session = ik_session(new_device, new_fence);

		ik_assert_status(new_session, OK);
		assert_int_equal(ik_open_fence(new_device, nt_fence, &other, NULL), STATUS_DEVICE_REMOVED);
		assert_int_equal(ik_destroy_session(new_session), STATUS_SUCCESS);
		assert_int_equal(ik_destroy_fence(new_fence), STATUS_SUCCESS);
		assert_int_equal(ik_destroy_device(new_device), STATUS_SUCCESS);
	}

	/* The driver can't bring back a session of an adapter that is gone. */
	assert_int_equal(ik_report(*state, ik_recorder.sessions[0].kernel, DXGK_PROTECTED_SESSION_STATUS_OK),
			 STATUS_INVALID_PARAMETER);
	ik_assert_status(session, INVALID);

	assert_int_equal(ik_destroy_session(session), STATUS_SUCCESS);
	assert_int_equal(ik_destroy_fence(fence), STATUS_SUCCESS);
	assert_int_equal(ik_destroy_fence(plain), STATUS_SUCCESS);
	assert_int_equal(ik_destroy_device(device), STATUS_SUCCESS);
	assert_int_equal(D3DKMTCloseAdapter(&close_adapter), STATUS_SUCCESS);
	close(shared);
	close(nt_fence);
}

static NTSTATUS allocate(D3DKMT_HANDLE device, uint32_t visible, bool shared, D3DKMT_HANDLE *ret_resource,
			 D3DKMT_HANDLE *ret_allocation)
{
	struct ik_allocation_data data = { .visible = visible, .size = 1000 };
	D3DDDI_ALLOCATIONINFO2 info = { .pPrivateDriverData = &data, .PrivateDriverDataSize = sizeof(data) };
	D3DKMT_CREATEALLOCATION arg = {
		.hDevice = device,
		.NumAllocations = 1,
		.pAllocationInfo2 = &info,
		.Flags.CreateResource = 1,
	};
	NTSTATUS status;

	arg.Flags.CreateShared = shared;
	arg.Flags.NtSecuritySharing = shared;
	status = D3DKMTCreateAllocation2(&arg);
	if (status == STATUS_SUCCESS) {
		*ret_resource = arg.hResource;
		*ret_allocation = info.hAllocation;
	} else {
		assert_int_equal(arg.hResource, 0);
		assert_int_equal(info.hAllocation, 0);
	}
	return status;
}

static NTSTATUS open_resource(D3DKMT_HANDLE device, int nt_handle)
{
	struct ik_allocation_data data;
	D3DDDI_OPENALLOCATIONINFO2 info = { 0 };
	D3DKMT_OPENRESOURCEFROMNTHANDLE arg = {
		.hDevice = device,
		.hNtHandle = IK_HANDLE(nt_handle),
		.NumAllocations = 1,
		.pOpenAllocationInfo2 = &info,
		.pTotalPrivateDriverDataBuffer = &data,
		.TotalPrivateDriverDataBufferSize = sizeof(data),
	};

	return D3DKMTOpenResourceFromNtHandle(&arg);
}

/* KMT-24, CS-12: resources of the adapter that is gone, of it opened anew, and of another process. */
static void resources_of_a_removed_adapter_say_so(void **state)
{
	struct kmt_connection *maker = kmt_connection_get();
	D3DKMT_HANDLE device = ik_device(), resource = 0, allocation = 0, hidden = 0, hidden_allocation = 0;
	D3DKMT_HANDLE refused, new_device, there;
	D3DKMT_LOCK2 lock = { .hDevice = device }, again;
	D3DKMT_QUERYRESOURCEINFOFROMNTHANDLE query = { 0 };
	struct dxgk_counts before;
	uint8_t *memory = DxvaultAllocateSystemMemory(device, 5000);
	int nt_handle, blind;

	assert_non_null(memory);
	assert_int_equal(allocate(device, 1, false, &resource, &allocation), STATUS_SUCCESS);
	assert_int_equal(allocate(device, 0, true, &hidden, &hidden_allocation), STATUS_SUCCESS);
	nt_handle = ik_share(hidden);
	lock.hAllocation = allocation;
	assert_int_equal(D3DKMTLock2(&lock), STATUS_SUCCESS);

	(void)remove_device(*state);
	before = ik_counts(*state);
	assert_int_equal(allocate(device, 1, false, &refused, &refused), STATUS_DEVICE_REMOVED);
	assert_int_equal(allocate(device, 0, false, &refused, &refused), STATUS_DEVICE_REMOVED);
	assert_null(DxvaultAllocateSystemMemory(device, 5000));
	assert_int_equal(ik_share_with(hidden, GENERIC_ALL, &blind), STATUS_DEVICE_REMOVED);
	again = (D3DKMT_LOCK2) { .hDevice = device, .hAllocation = hidden_allocation };
	assert_int_equal(D3DKMTLock2(&again), STATUS_DEVICE_REMOVED);
	assert_null(again.pData);
	query.hDevice = device;
	query.hNtHandle = IK_HANDLE(nt_handle);
	assert_int_equal(D3DKMTQueryResourceInfoFromNtHandle(&query), STATUS_DEVICE_REMOVED);
	assert_int_equal(open_resource(device, nt_handle), STATUS_DEVICE_REMOVED);
	/* Memory that the process has mapped stays where it is: nothing of this faults. */
	((uint8_t *)lock.pData)[999] = 1;
	memory[4999] = 1;

	/* Neither the adapter opened anew nor another process gets at what was of the old one. */
	new_device = ik_device();
	query.hDevice = new_device;
	assert_int_equal(D3DKMTQueryResourceInfoFromNtHandle(&query), STATUS_DEVICE_REMOVED);
	assert_int_equal(open_resource(new_device, nt_handle), STATUS_DEVICE_REMOVED);
	assert_int_equal(ik_destroy_device(new_device), STATUS_SUCCESS);
	ik_process(*state);
	there = ik_device();
	query.hDevice = there;
	assert_int_equal(D3DKMTQueryResourceInfoFromNtHandle(&query), STATUS_DEVICE_REMOVED);
	assert_int_equal(open_resource(there, nt_handle), STATUS_DEVICE_REMOVED);
	assert_int_equal(allocate(there, 0, false, &refused, &refused), STATUS_SUCCESS);
	kmt_connection_set(maker);
	assert_int_equal(ik_counts(*state).resources, before.resources + 1);
	assert_int_equal(ik_counts(*state).memories, before.memories);

	/* All of it can be let go. */
	assert_int_equal(D3DKMTUnlock2(&(D3DKMT_UNLOCK2) { .hDevice = device, .hAllocation = allocation }),
			 STATUS_SUCCESS);
	assert_int_equal(
		D3DKMTDestroyAllocation2(&(D3DKMT_DESTROYALLOCATION2) { .hDevice = device, .hResource = resource }),
		STATUS_SUCCESS);
	assert_int_equal(
		D3DKMTDestroyAllocation2(&(D3DKMT_DESTROYALLOCATION2) { .hDevice = device, .hResource = hidden }),
		STATUS_SUCCESS);
	DxvaultFreeSystemMemory(device, memory);
	assert_int_equal(ik_counts(*state).memories, 0);
	assert_int_equal(ik_counts(*state).resources, 2); /* the other process's, and what the NT handle holds */
	close(nt_handle);
	assert_int_equal(ik_counts(*state).resources, 1);
	assert_int_equal(ik_destroy_device(device), STATUS_SUCCESS);
}

/* KMT-24: in all processes, and in one that holds the session by an opened handle alone. */
static void a_removal_reaches_every_process(void **state)
{
	struct kmt_connection *maker = kmt_connection_get(), *opener;
	D3DKMT_HANDLE device = ik_device(), session = ik_session(device, ik_fence(device)), opened;
	int shared = ik_share(session);

	opener = ik_process(*state);
	opened = ik_open_session(shared);
	ik_assert_status(opened, OK);
	assert_int_equal(remove_device(*state), 1);
	ik_assert_status(opened, INVALID);
	kmt_connection_set(maker);
	ik_assert_status(session, INVALID);
	assert_int_equal(ik_destroy_session(session), STATUS_SUCCESS);
	kmt_connection_set(opener);
	ik_assert_status(opened, INVALID);
	assert_int_equal(ik_destroy_session(opened), STATUS_SUCCESS);
	close(shared);
}

/* A second loss of what is lost already moves nothing (KMT-21). */
static void a_loss_counts_once(void **state)
{
	const volatile uint64_t *value;
	D3DKMT_HANDLE device = ik_device(), fence = ik_fence_with(device, 0, false, &value);
	D3DKMT_HANDLE session = ik_session(device, fence);

	struct dxgk_kernel *kernel = ik_acquire(*state);
	uint32_t lost = dxgk_teardown(kernel), lost_again = dxgk_teardown(kernel);

	ik_release(*state);
	assert_int_equal(lost, 1);
	assert_int_equal(lost_again, 0);
	assert_int_equal(ik_counts(*state).teardowns, 2);
	ik_lose_keys(*state);
	assert_int_equal(*value, 1);
	ik_assert_status(session, INVALID);
}

/* KMT-21, KMT-22: sessions that share a fence are lost at once, each of them counted, and before the fence has moved. */
static void a_loss_of_many_counts_each(void **state)
{
	enum { COUNT = 1000 };
	const volatile uint64_t *value, *opened_value;
	D3DKMT_HANDLE device = ik_device(), fence = ik_fence_with(device, 5, true, &value), opened, sessions[COUNT];
	struct kmt_connection *maker = kmt_connection_get();
	int nt_fence = ik_share(fence);

	for (int i = 0; i < COUNT; i++)
		sessions[i] = ik_session(device, fence);
	ik_process(*state);
	assert_int_equal(ik_open_fence(ik_device(), nt_fence, &opened, &opened_value), STATUS_SUCCESS);
	kmt_connection_set(maker);

	ik_lose_keys(*state);
	assert_int_equal(*value, 5 + COUNT);
	assert_int_equal(*opened_value, 5 + COUNT);
	for (int i = 0; i < COUNT; i++)
		ik_assert_status(sessions[i], INVALID);
	for (int i = 0; i < COUNT; i += 2)
		assert_int_equal(ik_report(*state, ik_recorder.sessions[i].kernel, DXGK_PROTECTED_SESSION_STATUS_OK),
				 STATUS_SUCCESS);
	assert_int_equal(*value, 5 + COUNT);
	/* Those that are OK again are lost with their device. */
	assert_int_equal(ik_destroy_device(device), STATUS_SUCCESS);
	assert_int_equal(*value, 5 + COUNT + COUNT / 2);
	assert_int_equal(*opened_value, 5 + COUNT + COUNT / 2);
	for (int i = 0; i < COUNT; i++)
		ik_assert_status(sessions[i], INVALID);
	close(nt_fence);
}

/* A fence that everybody opens again and again would keep the service busy for as long, each time it moves. */
static void a_fence_is_not_opened_without_end(void **state)
{
	D3DKMT_HANDLE device = ik_device(), fence = ik_fence(device), first = 0, opened;
	int nt_fence = ik_share(fence);

	(void)state;
	for (int i = 1; i < 1024; i++) {
		assert_int_equal(ik_open_fence(device, nt_fence, &opened, NULL), STATUS_SUCCESS);
		first = first ? first : opened;
	}
	assert_int_equal(ik_open_fence(device, nt_fence, &opened, NULL), STATUS_INSUFFICIENT_RESOURCES);
	assert_int_equal(ik_destroy_fence(first), STATUS_SUCCESS);
	assert_int_equal(ik_open_fence(device, nt_fence, &opened, NULL), STATUS_SUCCESS);
	close(nt_fence);
}

/* KMT-24: a service that stops takes its clients' handles, and leaves what they read as it was: INVALID, and moved. */
static void a_stop_is_read_as_a_loss(void **state)
{
	const volatile uint64_t *value;
	D3DKMT_HANDLE device = ik_device(), fence = ik_fence_with(device, 0, false, &value);
	D3DKMT_HANDLE session = ik_session(device, fence);

	dxgk_stop(ik_acquire(*state));
	ik_release(*state);
	ik_assert_status(session, INVALID);
	assert_int_equal(*value, 1);
}

/* The operator sees each session once, over as many parts as it takes. */
static void the_operator_sees_them_all(void **state)
{
	enum { COUNT = DXVAULT_LISTED_SESSIONS * 2 + 100 };
	DXVAULT_SESSION_INFO *list = calloc(DXVAULT_LISTED_SESSIONS, sizeof(*list));
	UINT64 *seen = calloc(COUNT, sizeof(*seen));
	D3DKMT_HANDLE device = ik_device(), fence = ik_fence(device);
	size_t total = 0;
	UINT64 cursor = 0;

	(void)state;
	assert_non_null(list);
	assert_non_null(seen);
	for (int i = 0; i < COUNT; i++)
		ik_session(device, fence);
	do {
		UINT count = DXVAULT_LISTED_SESSIONS;

		assert_int_equal(DxvaultListSessions(&cursor, list, &count), STATUS_SUCCESS);
		for (UINT i = 0; i < count; i++) {
			assert_true(total < COUNT);
			assert_int_equal(list[i].Status, D3DKMT_PROTECTED_SESSION_STATUS_OK);
			assert_int_equal(list[i].LocalHandles, 1);
			assert_int_equal(list[i].NtHandles, 0);
			assert_int_equal(list[i].User, geteuid());
			for (size_t j = 0; j < total; j++)
				assert_int_not_equal(seen[j], list[i].Session);
			seen[total++] = list[i].Session;
		}
	} while (cursor != 0);
	assert_int_equal(total, COUNT);
	free(list);
	free(seen);
}

/* One session is lost on command, its neighbour is not; a number that is not alive is refused. */
static void the_operator_invalidates_one(void **state)
{
	DXVAULT_SESSION_INFO *list = calloc(DXVAULT_LISTED_SESSIONS, sizeof(*list));
	UINT count = DXVAULT_LISTED_SESSIONS, lost = 77;
	D3DKMT_HANDLE device = ik_device(), first, second;
	UINT64 cursor = 0, number;
	int shared;

	(void)state;
	assert_non_null(list);
	first = ik_session(device, ik_fence(device));
	assert_int_equal(DxvaultListSessions(&cursor, list, &count), STATUS_SUCCESS);
	assert_int_equal(count, 1);
	number = list[0].Session;
	second = ik_session(device, ik_fence(device));
	shared = ik_share(first);

	assert_int_equal(DxvaultInvalidate(DXVAULT_LOSS_SESSION, number, &lost), STATUS_SUCCESS);
	assert_int_equal(lost, 1);
	ik_assert_status(first, INVALID);
	ik_assert_status(second, OK);

	cursor = 0;
	count = DXVAULT_LISTED_SESSIONS;
	assert_int_equal(DxvaultListSessions(&cursor, list, &count), STATUS_SUCCESS);
	assert_int_equal(count, 2);
	for (UINT i = 0; i < count; i++) {
		bool is_first = list[i].Session == number;

		assert_int_equal(list[i].Losses, is_first ? 1 : 0);
		assert_int_equal(list[i].NtHandles, is_first ? 1 : 0);
	}
	assert_int_equal(ik_destroy_session(first), STATUS_SUCCESS);
	close(shared);
	assert_int_equal(DxvaultInvalidate(DXVAULT_LOSS_SESSION, number, &lost), STATUS_INVALID_PARAMETER);
	assert_int_equal(DxvaultInvalidate(DXVAULT_LOSS_SESSION, 0, &lost), STATUS_INVALID_PARAMETER);
	assert_int_equal(DxvaultInvalidate((DXVAULT_LOSS)0, 0, &lost), STATUS_INVALID_PARAMETER);
	assert_int_equal(DxvaultInvalidate(DXVAULT_LOSS_KEYS, 0, &lost), STATUS_SUCCESS);
	assert_int_equal(lost, 1);
	ik_assert_status(second, INVALID);
	free(list);
}

/* Another user is served, and neither sees nor commands. */
static void others_are_no_operators(void **state)
{
	DXVAULT_SESSION_INFO *list = calloc(DXVAULT_LISTED_SESSIONS, sizeof(*list));
	UINT count = DXVAULT_LISTED_SESSIONS;
	struct kmt_connection *own = kmt_connection_get();
	D3DKMT_HANDLE device = ik_device(), session = ik_session(device, ik_fence(device));
	UINT64 cursor = 0;
	UINT lost = 77;

	ik_need_users();
	assert_non_null(list);
	assert_non_null(ik_process_of(*state, geteuid() + 4321));
	assert_int_equal(DxvaultListSessions(&cursor, list, &count), STATUS_ACCESS_DENIED);
	for (int loss = DXVAULT_LOSS_SESSION; loss <= DXVAULT_LOSS_DEVICE; loss++)
		assert_int_equal(DxvaultInvalidate((DXVAULT_LOSS)loss, 1, &lost), STATUS_ACCESS_DENIED);
	assert_int_equal(lost, 77);
	kmt_connection_set(own);
	ik_assert_status(session, OK);
	free(list);
}

/* CS-25, KMT-72: past the limit of a user sessions are refused, another user is served, and one destroyed makes room. */
static void sessions_have_a_limit(void **state)
{
	struct ik_options options = { 0 };
	struct kmt_connection *other;
	D3DKMT_HANDLE device, fence, session = 0, refused = 0x55;
	struct ik *ik;

	ik_need_users();
	ik_stop(*state);
	dxgk_limits_default(&options.limits);
	options.limits.sessions = 3;
	*state = ik = ik_start(&options);
	operator_process(ik);
	device = ik_device();
	fence = ik_fence(device);
	for (int i = 0; i < 3; i++)
		session = ik_session(device, fence);
	assert_int_equal(ik_create_session(device, fence, NULL, 0, NULL, 0, &refused), STATUS_INSUFFICIENT_RESOURCES);
	assert_int_equal(refused, 0x55);
	assert_int_equal(ik_counts(ik).sessions, 3);

	other = kmt_connection_get();
	assert_non_null(ik_process_of(ik, geteuid() + 4321));
	{
		D3DKMT_HANDLE theirs = ik_device();

		ik_session(theirs, ik_fence(theirs));
	}
	kmt_connection_set(other);
	assert_int_equal(ik_destroy_session(session), STATUS_SUCCESS);
	ik_session(device, fence);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_removed_adapter_says_so),       CASE(resources_of_a_removed_adapter_say_so),
		CASE(a_removal_reaches_every_process), CASE(a_loss_counts_once),
		CASE(a_loss_of_many_counts_each),      CASE(a_fence_is_not_opened_without_end),
		CASE(a_stop_is_read_as_a_loss),	       CASE(the_operator_sees_them_all),
		CASE(the_operator_invalidates_one),    CASE(others_are_no_operators),
		CASE(sessions_have_a_limit),
	};

	return cmocka_run_group_tests(tests, NULL, ik_group_teardown);
}
