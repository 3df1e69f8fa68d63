/* SPDX-License-Identifier: MIT */
/* Protected sessions through the D3DKMT entries: arguments, creation, status, lifetime (KMT-01 to KMT-35). */
#include "kernel_fixture.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static int setup(void **state)
{
	*state = ik_start(NULL);
	ik_process(*state);
	return 0;
}

static int teardown(void **state)
{
	ik_stop(*state);
	return 0;
}

static void assert_unchanged(struct ik *ik, const struct dxgk_counts *before)
{
	struct dxgk_counts now = ik_counts(ik);

	assert_memory_equal(&now, before, sizeof(now));
}

/* ---- arguments --------------------------------------------------------------------------------------- */

static void null_blocks_are_refused(void **state) /* KMT-01 */
{
	struct dxgk_counts before = ik_counts(*state);
	HANDLE handle;

	assert_int_equal(D3DKMTCreateProtectedSession(NULL), STATUS_INVALID_PARAMETER);
	assert_int_equal(D3DKMTDestroyProtectedSession(NULL), STATUS_INVALID_PARAMETER);
	assert_int_equal(D3DKMTQueryProtectedSessionStatus(NULL), STATUS_INVALID_PARAMETER);
	assert_int_equal(D3DKMTQueryProtectedSessionInfoFromNtHandle(NULL), STATUS_INVALID_PARAMETER);
	assert_int_equal(D3DKMTOpenProtectedSessionFromNtHandle(NULL), STATUS_INVALID_PARAMETER);
	assert_int_equal(D3DKMTEnumAdapters2(NULL), STATUS_INVALID_PARAMETER);
	assert_int_equal(D3DKMTEnumAdapters3(NULL), STATUS_INVALID_PARAMETER);
	assert_int_equal(D3DKMTOpenAdapterFromLuid(NULL), STATUS_INVALID_PARAMETER);
	assert_int_equal(D3DKMTCloseAdapter(NULL), STATUS_INVALID_PARAMETER);
	assert_int_equal(D3DKMTQueryAdapterInfo(NULL), STATUS_INVALID_PARAMETER);
	assert_int_equal(D3DKMTCreateDevice(NULL), STATUS_INVALID_PARAMETER);
	assert_int_equal(D3DKMTDestroyDevice(NULL), STATUS_INVALID_PARAMETER);
	assert_int_equal(D3DKMTGetDeviceState(NULL), STATUS_INVALID_PARAMETER);
	assert_int_equal(D3DKMTCreateContextVirtual(NULL), STATUS_INVALID_PARAMETER);
	assert_int_equal(D3DKMTDestroyContext(NULL), STATUS_INVALID_PARAMETER);
	assert_int_equal(D3DKMTCreateSynchronizationObject2(NULL), STATUS_INVALID_PARAMETER);
	assert_int_equal(D3DKMTDestroySynchronizationObject(NULL), STATUS_INVALID_PARAMETER);
	assert_int_equal(D3DKMTSignalSynchronizationObjectFromCpu(NULL), STATUS_INVALID_PARAMETER);
	assert_int_equal(D3DKMTWaitForSynchronizationObjectFromCpu(NULL), STATUS_INVALID_PARAMETER);
	assert_int_equal(D3DKMTOpenSyncObjectFromNtHandle2(NULL), STATUS_INVALID_PARAMETER);
	assert_int_equal(D3DKMTShareObjects(1, NULL, NULL, GENERIC_ALL, &handle), STATUS_INVALID_PARAMETER);
	assert_int_equal(D3DKMTEscape(NULL), STATUS_INVALID_PARAMETER);
	assert_unchanged(*state, &before);
}

/* Calls an entry with a block of equal bytes: the status, the block and the counts must be as they should. */
#define CHECK_FILLED(entry, type, byte, expected)                 \
	do {                                                      \
		struct dxgk_counts before_ = ik_counts(*state);   \
		type arg_, copy_;                                 \
                                                                  \
		memset(&arg_, (byte), sizeof(arg_));              \
		copy_ = arg_;                                     \
		assert_int_equal(entry(&arg_), (expected));       \
		assert_memory_equal(&arg_, &copy_, sizeof(arg_)); \
		assert_unchanged(*state, &before_);               \
	} while (0)

static void filled_blocks_are_refused(void **state) /* KMT-02, KMT-03, KMT-04, KMT-05 */
{
	static const int bytes[] = { 0x00, 0xa5, 0xff };

	for (size_t i = 0; i < sizeof(bytes) / sizeof(bytes[0]); i++) {
		CHECK_FILLED(D3DKMTCreateProtectedSession, D3DKMT_CREATEPROTECTEDSESSION, bytes[i],
			     STATUS_INVALID_PARAMETER);
		CHECK_FILLED(D3DKMTDestroyProtectedSession, D3DKMT_DESTROYPROTECTEDSESSION, bytes[i],
			     STATUS_INVALID_PARAMETER);
		CHECK_FILLED(D3DKMTQueryProtectedSessionStatus, D3DKMT_QUERYPROTECTEDSESSIONSTATUS, bytes[i],
			     STATUS_INVALID_PARAMETER);
		CHECK_FILLED(D3DKMTQueryProtectedSessionInfoFromNtHandle, D3DKMT_QUERYPROTECTEDSESSIONINFOFROMNTHANDLE,
			     bytes[i], STATUS_INVALID_HANDLE);
		CHECK_FILLED(D3DKMTOpenProtectedSessionFromNtHandle, D3DKMT_OPENPROTECTEDSESSIONFROMNTHANDLE, bytes[i],
			     STATUS_INVALID_HANDLE);
	}
	assert_int_equal(ik_recorder.creates, 0);
}

static void sizes_without_pointers_are_refused(void **state) /* KMT-05, KMT-06 */
{
	D3DKMT_HANDLE device = ik_device();
	D3DKMT_HANDLE fence = ik_fence(device);
	struct dxgk_counts before = ik_counts(*state);
	uint8_t byte = 1;

	assert_int_equal(ik_create_session(device, fence, NULL, 1, NULL, 0, NULL), STATUS_INVALID_PARAMETER);
	assert_int_equal(ik_create_session(device, fence, NULL, 0, NULL, 1, NULL), STATUS_INVALID_PARAMETER);
	assert_int_equal(ik_create_session(device, fence, &byte, 1, NULL, 1, NULL), STATUS_INVALID_PARAMETER);
	assert_unchanged(*state, &before);
	assert_int_equal(ik_recorder.creates, 0);
	/* A pointer with size 0 is nothing. */
	assert_int_equal(ik_create_session(device, fence, &byte, 0, &byte, 0, NULL), STATUS_SUCCESS);
	assert_int_equal(ik_recorder.sessions[0].data_size, 0);
}

static void private_data_has_a_limit(void **state) /* KMT-07 */
{
	D3DKMT_HANDLE device = ik_device();
	D3DKMT_HANDLE fence = ik_fence(device);
	uint8_t *data = malloc(65537);
	struct dxgk_counts before;
	D3DKMT_HANDLE session;

	for (size_t i = 0; i < 65537; i++)
		data[i] = (uint8_t)(i * 31 >> 3);
	assert_int_equal(ik_create_session(device, fence, data, 65536, data + 1, 65536, &session), STATUS_SUCCESS);
	assert_int_equal(ik_recorder.sessions[0].data_size, 65536);
	assert_memory_equal(ik_recorder.sessions[0].data, data, 65536);
	before = ik_counts(*state);
	assert_int_equal(ik_create_session(device, fence, data, 65537, NULL, 0, NULL), STATUS_INVALID_PARAMETER);
	assert_int_equal(ik_create_session(device, fence, NULL, 0, data, 65537, NULL), STATUS_INVALID_PARAMETER);
	assert_int_equal(ik_create_session(device, fence, data, UINT32_MAX, NULL, 0, NULL), STATUS_INVALID_PARAMETER);
	assert_int_equal(ik_recorder.creates, 1);
	assert_unchanged(*state, &before);
	free(data);
}

/* ---- creation ---------------------------------------------------------------------------------------- */

static void the_driver_is_called_once(void **state) /* KMT-10, KMT-13, KMT-30 */
{
	static const char driver[] = "the driver's", runtime[] = "the runtime's own";
	D3DKMT_HANDLE device = ik_device(), session, other;
	D3DKMT_HANDLE fence = ik_fence(device);

	(void)state;
	assert_int_equal(ik_create_session(device, fence, driver, sizeof(driver), runtime, sizeof(runtime), &session),
			 STATUS_SUCCESS);
	assert_int_equal(ik_recorder.creates, 1);
	assert_non_null(ik_recorder.sessions[0].kernel);
	/* The driver's blob alone, not the runtime's. */
	assert_int_equal(ik_recorder.sessions[0].data_size, sizeof(driver));
	assert_memory_equal(ik_recorder.sessions[0].data, driver, sizeof(driver));

	assert_int_equal(ik_create_session(device, fence, NULL, 0, NULL, 0, &other), STATUS_SUCCESS);
	assert_int_equal(ik_recorder.creates, 2);
	assert_ptr_not_equal(ik_recorder.sessions[0].kernel, ik_recorder.sessions[1].kernel);
	assert_int_not_equal(session, other);

	/* Later calls bring the driver's own handle, which is the record here. */
	assert_int_equal(ik_destroy_session(session), STATUS_SUCCESS);
	assert_int_equal(ik_recorder.sessions[0].destroys, 1);
	assert_int_equal(ik_recorder.sessions[1].destroys, 0);
	assert_int_equal(ik_destroy_session(other), STATUS_SUCCESS);
	assert_int_equal(ik_recorder.sessions[1].destroys, 1);
}

static void a_refusal_of_the_driver_leaves_nothing(void **state) /* KMT-14 */
{
	static const NTSTATUS statuses[] = { STATUS_NO_MEMORY, STATUS_NOT_SUPPORTED, STATUS_INVALID_PARAMETER,
					     STATUS_DEVICE_REMOVED, STATUS_ACCESS_DENIED };
	D3DKMT_HANDLE device = ik_device();
	D3DKMT_HANDLE fence = ik_fence(device);
	struct dxgk_counts before = ik_counts(*state);

	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
		ik_recorder.create_session_status = statuses[i];
		assert_int_equal(ik_create_session(device, fence, "x", 1, NULL, 0, NULL), statuses[i]);
		assert_int_equal(ik_recorder.creates, i + 1);
		assert_unchanged(*state, &before);
		/* A status for what never was one. */
		assert_int_equal(
			ik_report(*state, ik_recorder.sessions[i].kernel, DXGK_PROTECTED_SESSION_STATUS_INVALID),
			STATUS_INVALID_PARAMETER);
	}
	/* The fence counts no losses and is its owner's again. */
	assert_int_equal(ik_signal(device, fence, 5), STATUS_SUCCESS);
	ik_recorder.create_session_status = STATUS_SUCCESS;
	(void)ik_session(device, fence);
	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
		assert_int_equal(ik_recorder.sessions[i].destroys, 0);
}

static void the_device_must_be_one(void **state) /* KMT-11 */
{
	struct kmt_connection *first = kmt_connection_get(), *second;
	D3DKMT_HANDLE adapter = ik_adapter(), device = ik_device(), stale = ik_device(), foreign;
	D3DKMT_HANDLE fence = ik_fence(device);
	D3DKMT_HANDLE session = ik_session(device, fence);
	struct dxgk_counts before;

	assert_int_equal(ik_destroy_device(stale), STATUS_SUCCESS);
	second = ik_process(*state);
	for (int i = 0; i < 40; i++)
		foreign = ik_adapter();
	{
		D3DKMT_CREATEDEVICE arg = { .hAdapter = foreign };

		assert_int_equal(D3DKMTCreateDevice(&arg), STATUS_SUCCESS);
		foreign = arg.hDevice;
	}
	before = ik_counts(*state);
	assert_int_equal(ik_create_session(foreign, fence, NULL, 0, NULL, 0, NULL), STATUS_INVALID_PARAMETER);
	kmt_connection_set(first);
	assert_int_equal(ik_create_session(0, fence, NULL, 0, NULL, 0, NULL), STATUS_INVALID_PARAMETER);
	assert_int_equal(ik_create_session(stale, fence, NULL, 0, NULL, 0, NULL), STATUS_INVALID_PARAMETER);
	assert_int_equal(ik_create_session(foreign, fence, NULL, 0, NULL, 0, NULL), STATUS_INVALID_PARAMETER);
	assert_int_equal(ik_create_session(adapter, fence, NULL, 0, NULL, 0, NULL), STATUS_INVALID_PARAMETER);
	assert_int_equal(ik_create_session(fence, fence, NULL, 0, NULL, 0, NULL), STATUS_INVALID_PARAMETER);
	assert_int_equal(ik_create_session(session, fence, NULL, 0, NULL, 0, NULL), STATUS_INVALID_PARAMETER);
	assert_int_equal(ik_create_session(device + 1, fence, NULL, 0, NULL, 0, NULL), STATUS_INVALID_PARAMETER);
	assert_unchanged(*state, &before);
	assert_int_equal(ik_recorder.creates, 1);
	(void)second;
}

static void the_fence_must_be_one_of_the_device(void **state) /* KMT-12 */
{
	struct kmt_connection *first = kmt_connection_get(), *second;
	D3DKMT_HANDLE device = ik_device(), other = ik_device(), opened;
	D3DKMT_HANDLE fence = ik_fence(device), elsewhere = ik_fence(other), stale = ik_fence(device);
	D3DKMT_CREATESYNCHRONIZATIONOBJECT2 plain = { .hDevice = device, .Info = { .Type = D3DDDI_FENCE } };
	D3DKMT_HANDLE session = ik_session(device, fence);
	int nt_handle = ik_share(fence);
	struct dxgk_counts before;

	assert_int_equal(D3DKMTCreateSynchronizationObject2(&plain), STATUS_SUCCESS);
	assert_int_equal(ik_destroy_fence(stale), STATUS_SUCCESS);
	before = ik_counts(*state);
	assert_int_equal(ik_create_session(device, 0, NULL, 0, NULL, 0, NULL), STATUS_INVALID_PARAMETER);
	assert_int_equal(ik_create_session(device, device, NULL, 0, NULL, 0, NULL), STATUS_INVALID_PARAMETER);
	assert_int_equal(ik_create_session(device, session, NULL, 0, NULL, 0, NULL), STATUS_INVALID_PARAMETER);
	assert_int_equal(ik_create_session(device, stale, NULL, 0, NULL, 0, NULL), STATUS_INVALID_PARAMETER);
	assert_int_equal(ik_create_session(device, elsewhere, NULL, 0, NULL, 0, NULL), STATUS_INVALID_PARAMETER);
	assert_int_equal(ik_create_session(other, fence, NULL, 0, NULL, 0, NULL), STATUS_INVALID_PARAMETER);
	assert_int_equal(ik_create_session(device, plain.hSyncObject, NULL, 0, NULL, 0, NULL),
			 STATUS_INVALID_PARAMETER);
	assert_unchanged(*state, &before);
	assert_int_equal(ik_recorder.creates, 1);

	/* Opened in another process it is still the first device's. */
	second = ik_process(*state);
	device = ik_device();
	assert_int_equal(ik_open_fence(device, nt_handle, &opened, NULL), STATUS_SUCCESS);
	assert_int_equal(ik_create_session(device, opened, NULL, 0, NULL, 0, NULL), STATUS_INVALID_PARAMETER);
	assert_int_equal(ik_recorder.creates, 1);
	kmt_connection_set(first);
	close(nt_handle);
	(void)second;
}

static void a_new_session_is_ok_and_shareable(void **state) /* KMT-15, KMT-16 */
{
	D3DKMT_HANDLE device = ik_device();
	D3DKMT_HANDLE session = ik_session(device, ik_fence_with(device, 0, /* shared= */ false, NULL));

	(void)state;
	ik_assert_status(session, OK);
	close(ik_share(session));
}

static void the_session_outlives_what_it_was_made_of(void **state) /* KMT-17 */
{
	const volatile uint64_t *value;
	D3DKMT_HANDLE device = ik_device(), session, opened;
	D3DKMT_HANDLE fence = ik_fence_with(device, 0, /* shared= */ true, &value);
	int nt_fence = ik_share(fence), nt_session;

	session = ik_session(device, fence);
	nt_session = ik_share(session);
	assert_int_equal(ik_destroy_fence(fence), STATUS_SUCCESS);
	assert_int_equal(ik_counts(*state).fences, 1);
	assert_int_equal(ik_report(*state, ik_recorder.sessions[0].kernel, DXGK_PROTECTED_SESSION_STATUS_INVALID),
			 STATUS_SUCCESS);
	ik_assert_status(session, INVALID);
	/* The fence went on counting, and is there for who opens it. */
	assert_int_equal(ik_open_fence(device, nt_fence, &opened, &value), STATUS_SUCCESS);
	assert_int_equal(*value, 1);
	assert_int_equal(ik_report(*state, ik_recorder.sessions[0].kernel, DXGK_PROTECTED_SESSION_STATUS_OK),
			 STATUS_SUCCESS);
	ik_assert_status(session, OK);

	/* Device teardown takes the content. */
	assert_int_equal(ik_destroy_device(device), STATUS_SUCCESS);
	ik_assert_status(session, INVALID);
	assert_int_equal(*value, 2);
	ik_process(*state);
	session = ik_open_session(nt_session);
	ik_assert_status(session, INVALID);
	assert_int_equal(ik_recorder.sessions[0].destroys, 0);
	close(nt_fence);
	close(nt_session);
}

static void a_process_that_dies_takes_its_devices_content(void **state) /* KMT-17, KMT-34 */
{
	struct kmt_connection *maker = kmt_connection_get(), *holder;
	D3DKMT_HANDLE device = ik_device(), opened;
	D3DKMT_HANDLE fence = ik_fence(device);
	int nt_handle = ik_share(ik_session(device, fence));

	holder = ik_process(*state);
	opened = ik_open_session(nt_handle);
	ik_assert_status(opened, OK);
	ik_kill(*state, maker);
	kmt_connection_set(holder);
	ik_assert_status(opened, INVALID);
	assert_int_equal(ik_recorder.sessions[0].destroys, 0);
	assert_int_equal(ik_counts(*state).devices, 0);
	close(nt_handle);
	assert_int_equal(ik_destroy_session(opened), STATUS_SUCCESS);
	assert_int_equal(ik_recorder.sessions[0].destroys, 1);
	ik_assert_empty(*state);
}

/* ---- status ------------------------------------------------------------------------------------------ */

static void status_and_fence_follow_in_every_process(void **state) /* KMT-20, KMT-21, KMT-50 */
{
	static const struct {
		DXGK_PROTECTED_SESSION_STATUS report;
		uint64_t value;
	} steps[] = {
		{ DXGK_PROTECTED_SESSION_STATUS_OK, 0 },      { DXGK_PROTECTED_SESSION_STATUS_INVALID, 1 },
		{ DXGK_PROTECTED_SESSION_STATUS_INVALID, 1 }, { DXGK_PROTECTED_SESSION_STATUS_OK, 1 },
		{ DXGK_PROTECTED_SESSION_STATUS_OK, 1 },      { DXGK_PROTECTED_SESSION_STATUS_INVALID, 2 },
		{ DXGK_PROTECTED_SESSION_STATUS_OK, 2 },      { DXGK_PROTECTED_SESSION_STATUS_INVALID, 3 },
	};
	struct kmt_connection *processes[3] = { kmt_connection_get() };
	const volatile uint64_t *values[3];
	D3DKMT_HANDLE sessions[3], opened, device = ik_device(), other;
	D3DKMT_HANDLE fence = ik_fence_with(device, 0, /* shared= */ true, &values[0]);
	int nt_session, nt_fence = ik_share(fence);

	sessions[0] = ik_session(device, fence);
	other = ik_session(device, ik_fence(device));
	nt_session = ik_share(sessions[0]);
	for (int i = 1; i < 3; i++) {
		processes[i] = ik_process(*state);
		sessions[i] = ik_open_session(nt_session);
		assert_int_equal(ik_open_fence(ik_device(), nt_fence, &opened, &values[i]), STATUS_SUCCESS);
	}
	for (size_t step = 0; step < sizeof(steps) / sizeof(steps[0]); step++) {
		assert_int_equal(ik_report(*state, ik_recorder.sessions[0].kernel, steps[step].report), STATUS_SUCCESS);
		for (int i = 0; i < 3; i++) {
			D3DKMT_PROTECTED_SESSION_STATUS is;

			kmt_connection_set(processes[i]);
			assert_int_equal(ik_query_status(sessions[i], &is), STATUS_SUCCESS);
			assert_int_equal(is, steps[step].report);
			assert_int_equal(*values[i], steps[step].value);
		}
	}
	/* The other session of the device is another matter. */
	kmt_connection_set(processes[0]);
	ik_assert_status(other, OK);
	close(nt_session);
	close(nt_fence);
}

static void all_causes_of_loss_are_seen(void **state) /* KMT-24, KMT-21 */
{
	const volatile uint64_t *value;
	D3DKMT_HANDLE device = ik_device();
	D3DKMT_HANDLE session = ik_session(device, ik_fence_with(device, 0, /* shared= */ true, &value));
	UINT count = 77;
	int loses;
	const D3DKMT_QUERYADAPTERINFO query = {
		.hAdapter = ik_adapter(),
		.Type = KMTQAITYPE_QUERY_HW_PROTECTION_TEARDOWN_COUNT,
		.pPrivateDriverData = &count,
		.PrivateDriverDataSize = sizeof(count),
	};

	assert_int_equal(D3DKMTQueryAdapterInfo(&query), STATUS_SUCCESS);
	assert_int_equal(count, 0);

	/* Content-protection teardown, by the driver's callback. */
	(void)ik_acquire(*state);
	ik_recorder.interface->DxgkCbHardwareContentProtectionTeardown(ik_recorder.interface->DeviceHandle);
	ik_release(*state);
	ik_assert_status(session, INVALID);
	assert_int_equal(*value, 1);
	assert_int_equal(D3DKMTQueryAdapterInfo(&query), STATUS_SUCCESS);
	assert_int_equal(count, 1);

	/* Loss of keys: resume, tamper, operator. */
	assert_int_equal(ik_report(*state, ik_recorder.sessions[0].kernel, DXGK_PROTECTED_SESSION_STATUS_OK),
			 STATUS_SUCCESS);
	loses = ik_recorder.loses;
	ik_lose_keys(*state);
	assert_int_equal(ik_recorder.loses, loses + 1);
	ik_assert_status(session, INVALID);
	assert_int_equal(*value, 2);

	/* A driver that forgets one leaves it at OK no more. */
	ik_recorder.forgets_losses = true;
	assert_int_equal(ik_report(*state, ik_recorder.sessions[0].kernel, DXGK_PROTECTED_SESSION_STATUS_OK),
			 STATUS_SUCCESS);
	ik_lose_keys(*state);
	ik_assert_status(session, INVALID);
	assert_int_equal(*value, 3);
	assert_int_equal(D3DKMTQueryAdapterInfo(&query), STATUS_SUCCESS);
	assert_int_equal(count, 1);
}

struct waiter {
	struct kmt_connection *process;
	D3DKMT_HANDLE device, fence;
	UINT64 value;
	atomic_int started;
	NTSTATUS status;
	struct timespec end;
};

static void *wait_for(void *argument)
{
	struct waiter *waiter = argument;

	kmt_connection_set(waiter->process);
	waiter->started = 1;
	waiter->status = ik_wait(waiter->device, waiter->fence, waiter->value);
	clock_gettime(CLOCK_MONOTONIC, &waiter->end);
	kmt_connection_set(NULL);
	return NULL;
}

static void sleep_ms(long ms)
{
	nanosleep(&(struct timespec) { .tv_nsec = ms * 1000000 }, NULL);
}

static void a_waiter_wakes_at_the_loss(void **state) /* KMT-23 */
{
	const volatile uint64_t *value;
	D3DKMT_HANDLE device = ik_device();
	D3DKMT_HANDLE fence = ik_fence_with(device, 0, /* shared= */ true, &value);
	D3DKMT_HANDLE session = ik_session(device, fence);
	struct waiter waiter = { .process = kmt_connection_get(), .device = device, .fence = fence };
	double best = 1e9;

	/* Who would only look from time to time looks every 100 ms, which is after the loss in each of these. */
	for (int i = 0; i < 5; i++) {
		struct timespec lost;
		pthread_t thread;
		double took;

		waiter.value = *value + 1;
		waiter.started = 0;
		assert_int_equal(pthread_create(&thread, NULL, wait_for, &waiter), 0);
		while (!waiter.started)
			sched_yield();
		sleep_ms(20);
		clock_gettime(CLOCK_MONOTONIC, &lost);
		assert_int_equal(
			ik_report(*state, ik_recorder.sessions[0].kernel, DXGK_PROTECTED_SESSION_STATUS_INVALID),
			STATUS_SUCCESS);
		pthread_join(thread, NULL);
		assert_int_equal(waiter.status, STATUS_SUCCESS);
		ik_assert_status(session, INVALID);
		took = (double)(waiter.end.tv_sec - lost.tv_sec) * 1e3 +
		       (double)(waiter.end.tv_nsec - lost.tv_nsec) / 1e6;
		best = took < best ? took : best;
		assert_int_equal(ik_report(*state, ik_recorder.sessions[0].kernel, DXGK_PROTECTED_SESSION_STATUS_OK),
				 STATUS_SUCCESS);
	}
	assert_true(best < 40);
}

static void the_end_of_the_service_is_a_loss(void **state) /* KMT-24 */
{
	struct ik *ik = ik_start(NULL);
	struct kmt_connection *process = ik_process(ik);
	D3DKMT_HANDLE device = ik_device();
	D3DKMT_HANDLE fence = ik_fence(device);
	D3DKMT_HANDLE session = ik_session(device, fence);
	struct waiter waiter = { .process = process, .device = device, .fence = fence, .value = 100 };
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, wait_for, &waiter), 0);
	while (!waiter.started)
		sched_yield();
	sleep_ms(20);
	ik_end_service(ik);
	pthread_join(thread, NULL);
	assert_int_equal(waiter.status, STATUS_DEVICE_REMOVED);
	/* Nobody writes the page any more: its last word must not stand. */
	if (kmt_connection_check(process))
		fail_msg("the connection is still there");
	{
		D3DKMT_PROTECTED_SESSION_STATUS is;
		NTSTATUS status = ik_query_status(session, &is);

		assert_true(status == STATUS_INVALID_PARAMETER ||
			    (status == STATUS_SUCCESS && is == D3DKMT_PROTECTED_SESSION_STATUS_INVALID));
	}
	assert_int_equal(ik_destroy_session(session), STATUS_DEVICE_REMOVED);
	assert_int_equal(ik_recorder.sessions[0].destroys, 1);
	ik_stop(ik);
	(void)state;
}

/* ---- the order of the two stores (KMT-22) --------------------------------------------------------------- */

/* As many as there is time for: on a crowded machine each round costs both sides a slice of the scheduler's. */
enum { ROUNDS = 20000, ROUNDS_MIN = 100, ROUNDS_SECONDS = 10, LOOKS = 1000 };

struct race {
	struct kmt_connection *process; /* the reader's */
	D3DKMT_HANDLE session;		/* there */
	const volatile uint64_t *value; /* where the maker sees it */
	atomic_uint seen;		/* rounds that the reader is through with */
	atomic_uint recovered;		/* rounds whose OK it has read */
	atomic_uint wrong;
	atomic_bool is_over;
};

/* Looks so often before it gives its processor away that the two stores are mostly met in the middle. */
static void look_again(unsigned int *looks)
{
	if (++*looks % LOOKS == 0)
		sched_yield();
}

static void *read_after_fence(void *argument)
{
	struct race *race = argument;
	const _Atomic uint64_t *value = (const _Atomic uint64_t *)(uintptr_t)race->value;
	D3DKMT_PROTECTED_SESSION_STATUS is;
	unsigned int looks = 0;

	kmt_connection_set(race->process);
	for (unsigned int round = 1; !race->is_over; round++) {
		while (atomic_load_explicit(value, memory_order_acquire) < round && !race->is_over)
			look_again(&looks);
		if (race->is_over)
			break;
		if (ik_query_status(race->session, &is) != STATUS_SUCCESS ||
		    is != D3DKMT_PROTECTED_SESSION_STATUS_INVALID)
			race->wrong++;
		race->seen = round;
		while (race->recovered < round)
			look_again(&looks);
	}
	kmt_connection_set(NULL);
	return NULL;
}

static void nobody_reads_ok_after_the_fence_moved(void **state) /* KMT-22 */
{
	struct kmt_connection *maker = kmt_connection_get();
	struct race race = { 0 };
	D3DKMT_HANDLE device = ik_device();
	D3DKMT_HANDLE fence = ik_fence_with(device, 0, /* shared= */ true, &race.value);
	int nt_handle = ik_share(ik_session(device, fence));
	const time_t end = time(NULL) + ROUNDS_SECONDS;
	unsigned int round = 0;
	pthread_t thread;

	/* The first fence to be written and the last status: whatever comes between shows. */
	for (int i = 0; i < 8; i++) {
		race.process = ik_process(*state);
		race.session = ik_open_session(nt_handle);
	}
	kmt_connection_set(maker);
	assert_int_equal(pthread_create(&thread, NULL, read_after_fence, &race), 0);
	while (round < ROUNDS_MIN || (round < ROUNDS && time(NULL) < end)) {
		round++;
		(void)ik_report(*state, ik_recorder.sessions[0].kernel, DXGK_PROTECTED_SESSION_STATUS_INVALID);
		while (race.seen < round)
			sched_yield();
		(void)ik_report(*state, ik_recorder.sessions[0].kernel, DXGK_PROTECTED_SESSION_STATUS_OK);
		race.recovered = round;
	}
	race.is_over = true;
	pthread_join(thread, NULL);
	assert_int_equal(*race.value, round);
	assert_int_equal(race.wrong, 0);
	close(nt_handle);
}

/* ---- a driver's late reports, and handles that are none --------------------------------------------------- */

static void reports_for_the_dead_are_refused(void **state) /* KMT-25 */
{
	D3DKMT_HANDLE device = ik_device();
	D3DKMT_HANDLE fence = ik_fence(device);
	D3DKMT_HANDLE session = ik_session(device, fence), next;
	HANDLE dead = ik_recorder.sessions[0].kernel;

	assert_int_equal(ik_report(*state, dead, (DXGK_PROTECTED_SESSION_STATUS)2), STATUS_INVALID_PARAMETER);
	assert_int_equal(ik_report(*state, NULL, DXGK_PROTECTED_SESSION_STATUS_INVALID), STATUS_INVALID_PARAMETER);
	assert_int_equal(ik_report(*state, (HANDLE)UINTPTR_MAX, DXGK_PROTECTED_SESSION_STATUS_INVALID),
			 STATUS_INVALID_PARAMETER);
	ik_assert_status(session, OK);

	ik_recorder.report_in_destroy = true;
	assert_int_equal(ik_destroy_session(session), STATUS_SUCCESS);
	assert_int_equal(ik_recorder.sessions[0].destroys, 1);
	assert_int_equal(ik_recorder.reported_in_destroy, STATUS_INVALID_PARAMETER);
	ik_recorder.report_in_destroy = false;
	assert_int_equal(ik_report(*state, dead, DXGK_PROTECTED_SESSION_STATUS_INVALID), STATUS_INVALID_PARAMETER);

	/* Nor does its number come to mean the next one. */
	next = ik_session(device, fence);
	assert_int_equal(ik_report(*state, dead, DXGK_PROTECTED_SESSION_STATUS_INVALID), STATUS_INVALID_PARAMETER);
	ik_assert_status(next, OK);
}

static void status_wants_a_session_of_this_process(void **state) /* KMT-26, KMT-57 */
{
	struct kmt_connection *first = kmt_connection_get();
	D3DKMT_PROTECTED_SESSION_STATUS is;
	D3DKMT_HANDLE adapter = ik_adapter(), device = ik_device();
	D3DKMT_HANDLE fence = ik_fence(device);
	D3DKMT_HANDLE session = ik_session(device, fence), stale = ik_session(device, fence);

	assert_int_equal(ik_destroy_session(stale), STATUS_SUCCESS);
	assert_int_equal(ik_query_status(stale, &is), STATUS_INVALID_PARAMETER);
	assert_int_equal(ik_query_status(0, &is), STATUS_INVALID_PARAMETER);
	assert_int_equal(ik_query_status(fence, &is), STATUS_INVALID_PARAMETER);
	assert_int_equal(ik_query_status(device, &is), STATUS_INVALID_PARAMETER);
	assert_int_equal(ik_query_status(adapter, &is), STATUS_INVALID_PARAMETER);
	for (D3DKMT_HANDLE bit = 1; bit; bit <<= 1)
		assert_int_equal(ik_query_status(session ^ bit, &is), STATUS_INVALID_PARAMETER);
	ik_assert_status(session, OK);

	ik_process(*state);
	assert_int_equal(ik_query_status(session, &is), STATUS_INVALID_PARAMETER);
	assert_int_equal(ik_destroy_session(session), STATUS_INVALID_PARAMETER);
	kmt_connection_set(first);
}

/* ---- lifetime ---------------------------------------------------------------------------------------- */

static void the_last_reference_destroys(void **state) /* KMT-30, KMT-31, KMT-32, KMT-33 */
{
	struct kmt_connection *first = kmt_connection_get(), *second;
	D3DKMT_HANDLE device = ik_device();
	D3DKMT_HANDLE session, opened, again;
	uint8_t blob[8] = "private";
	D3DKMT_QUERYPROTECTEDSESSIONINFOFROMNTHANDLE info = { 0 };
	int nt_handle, copy;

	assert_int_equal(ik_create_session(device, ik_fence(device), blob, sizeof(blob), NULL, 0, &session),
			 STATUS_SUCCESS);
	nt_handle = ik_share(session);
	copy = fcntl(nt_handle, F_DUPFD_CLOEXEC, 3);
	second = ik_process(*state);
	opened = ik_open_session(nt_handle);
	again = ik_open_session(nt_handle);
	assert_int_equal(ik_destroy_session(opened), STATUS_SUCCESS);
	assert_int_equal(ik_destroy_session(opened), STATUS_INVALID_PARAMETER);
	assert_int_equal(ik_destroy_session(again), STATUS_SUCCESS);
	kmt_connection_set(first);
	assert_int_equal(ik_destroy_session(session), STATUS_SUCCESS);
	assert_int_equal(ik_destroy_session(session), STATUS_INVALID_PARAMETER);
	assert_int_equal(ik_recorder.sessions[0].destroys, 0);

	/* The NT handle alone keeps it, with all it knows. */
	kmt_connection_set(second);
	opened = ik_open_session(nt_handle);
	ik_assert_status(opened, OK);
	memset(blob, 0, sizeof(blob));
	info.hNtHandle = IK_HANDLE(nt_handle);
	info.pPrivateDriverData = blob;
	info.PrivateDriverDataSize = sizeof(blob);
	assert_int_equal(D3DKMTQueryProtectedSessionInfoFromNtHandle(&info), STATUS_SUCCESS);
	assert_memory_equal(blob, "private", sizeof(blob));
	assert_int_equal(ik_counts(*state).nt_handles, 1);
	close(nt_handle);
	assert_int_equal(ik_counts(*state).nt_handles, 1); /* a copy is the handle as well */
	close(copy);
	assert_int_equal(ik_counts(*state).nt_handles, 0);

	/* And a local handle alone, which can be shared again. */
	ik_assert_status(opened, OK);
	nt_handle = ik_share(opened);
	kmt_connection_set(first);
	session = ik_open_session(nt_handle);
	kmt_connection_set(second);
	assert_int_equal(ik_destroy_session(opened), STATUS_SUCCESS);
	close(nt_handle);
	assert_int_equal(ik_counts(*state).sessions, 1);
	assert_int_equal(ik_recorder.sessions[0].destroys, 0);
	kmt_connection_set(first);
	assert_int_equal(ik_destroy_session(session), STATUS_SUCCESS);
	assert_int_equal(ik_recorder.sessions[0].destroys, 1);
	assert_int_equal(ik_counts(*state).sessions, 0);
}

static void the_last_nt_handle_destroys(void **state) /* KMT-30 */
{
	D3DKMT_HANDLE device = ik_device();
	D3DKMT_HANDLE session = ik_session(device, ik_fence(device));
	int nt_handle = ik_share(session);

	assert_int_equal(ik_destroy_session(session), STATUS_SUCCESS);
	assert_int_equal(ik_counts(*state).sessions, 1);
	assert_int_equal(ik_recorder.sessions[0].destroys, 0);
	close(nt_handle);
	assert_int_equal(ik_counts(*state).sessions, 0);
	assert_int_equal(ik_recorder.sessions[0].destroys, 1);
}

static void handles_in_flight_do_not_leak(void **state) /* KMT-35 */
{
	D3DKMT_HANDLE device = ik_device();
	D3DKMT_HANDLE session = ik_session(device, ik_fence(device));

	for (int i = 0; i < 20; i++) {
		int nt_handle = ik_share(session);
		struct wire_packet packet = { .descriptors = { nt_handle }, .descriptor_count = 1 };
		char byte = 0;
		int ends[2];

		assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
		packet.data = &byte;
		packet.size = packet.capacity = 1;
		assert_int_equal(wire_send(ends[0], &packet, 0), 0);
		close(nt_handle);
		assert_int_equal(ik_counts(*state).nt_handles, 1);
		if (i == 19) {
			/* The session lives in the socket alone. */
			assert_int_equal(ik_destroy_session(session), STATUS_SUCCESS);
			assert_int_equal(ik_counts(*state).sessions, 1);
		}
		close(ends[0]);
		close(ends[1]);
		assert_int_equal(ik_counts(*state).nt_handles, 0);
	}
	assert_int_equal(ik_counts(*state).sessions, 0);
	assert_int_equal(ik_recorder.sessions[0].destroys, 1);
}

static void a_process_that_ends_gives_all_back(void **state) /* KMT-34 */
{
	struct kmt_connection *first = kmt_connection_get();

	for (int i = 0; i < 50; i++) {
		struct kmt_connection *process = ik_process(*state);
		D3DKMT_HANDLE device = ik_device();
		D3DKMT_HANDLE fence = ik_fence(device);
		D3DKMT_HANDLE session = 0;

		for (int j = 0; j <= i; j++)
			session = ik_session(device, fence);
		if (i % 3 == 0)
			close(ik_share(session));
		if (i % 4 == 1)
			(void)ik_destroy_device(device);
		ik_kill(*state, process);
		ik_assert_empty(*state);
	}
	for (int i = 0; i < ik_recorder.creates; i++)
		assert_int_equal(ik_recorder.sessions[i].destroys, 1);
	kmt_connection_set(first);
	(void)ik_device();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		CASE(null_blocks_are_refused),
		CASE(filled_blocks_are_refused),
		CASE(sizes_without_pointers_are_refused),
		CASE(private_data_has_a_limit),
		CASE(the_driver_is_called_once),
		CASE(a_refusal_of_the_driver_leaves_nothing),
		CASE(the_device_must_be_one),
		CASE(the_fence_must_be_one_of_the_device),
		CASE(a_new_session_is_ok_and_shareable),
		CASE(the_session_outlives_what_it_was_made_of),
		CASE(a_process_that_dies_takes_its_devices_content),
		CASE(status_and_fence_follow_in_every_process),
		CASE(all_causes_of_loss_are_seen),
		CASE(a_waiter_wakes_at_the_loss),
		cmocka_unit_test(the_end_of_the_service_is_a_loss),
		CASE(nobody_reads_ok_after_the_fence_moved),
		CASE(reports_for_the_dead_are_refused),
		CASE(status_wants_a_session_of_this_process),
		CASE(the_last_reference_destroys),
		CASE(the_last_nt_handle_destroys),
		CASE(handles_in_flight_do_not_leak),
		CASE(a_process_that_ends_gives_all_back),
	};

	return cmocka_run_group_tests(tests, NULL, ik_group_teardown);
}
