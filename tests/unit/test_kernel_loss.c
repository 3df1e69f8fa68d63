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

static struct dxgk_kernel *acquire(struct ik *ik)
{
	return kmt_in_process_acquire(ik->mode);
}

static void release(struct ik *ik)
{
	kmt_in_process_release(ik->mode);
}

static uint32_t remove_device(struct ik *ik)
{
	uint32_t lost = dxgk_remove_device(acquire(ik));

	release(ik);
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

	struct dxgk_kernel *kernel = acquire(*state);
	uint32_t lost = dxgk_teardown(kernel), lost_again = dxgk_teardown(kernel);

	release(*state);
	assert_int_equal(lost, 1);
	assert_int_equal(lost_again, 0);
	assert_int_equal(ik_counts(*state).teardowns, 2);
	ik_lose_keys(*state);
	assert_int_equal(*value, 1);
	ik_assert_status(session, INVALID);
}

/* KMT-24: a service that stops takes its clients' handles, and leaves what they read as it was: INVALID, and moved. */
static void a_stop_is_read_as_a_loss(void **state)
{
	const volatile uint64_t *value;
	D3DKMT_HANDLE device = ik_device(), fence = ik_fence_with(device, 0, false, &value);
	D3DKMT_HANDLE session = ik_session(device, fence);

	dxgk_stop(acquire(*state));
	release(*state);
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
		CASE(a_removed_adapter_says_so),  CASE(a_removal_reaches_every_process),
		CASE(a_loss_counts_once),	  CASE(a_stop_is_read_as_a_loss),
		CASE(the_operator_sees_them_all), CASE(the_operator_invalidates_one),
		CASE(others_are_no_operators),	  CASE(sessions_have_a_limit),
	};

	return cmocka_run_group_tests(tests, NULL, ik_group_teardown);
}
