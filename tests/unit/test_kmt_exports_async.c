/* SPDX-License-Identifier: MIT */
/* Waits that end in an eventfd (hAsyncEvent), garbage in every block, and a client driver before real sessions. */
#include "kernel_fixture.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define SOON_MS	 5000
#define NEVER_MS 150

static int event_make(void)
{
	int event = eventfd(0, EFD_CLOEXEC);

	assert_true(event > 0);
	return event;
}

/* Whether the event came within a time; takes it if so, and it must have come once. */
static bool event_comes(int event, int milliseconds)
{
	struct pollfd item = { .fd = event, .events = POLLIN };
	uint64_t count = 0;

	if (poll(&item, 1, milliseconds) != 1)
		return false;
	assert_int_equal(read(event, &count, sizeof(count)), sizeof(count));
	assert_int_equal(count, 1);
	return true;
}

static NTSTATUS wait_many(D3DKMT_HANDLE device, UINT count, const D3DKMT_HANDLE *fences, const UINT64 *values, bool any,
			  HANDLE event)
{
	D3DKMT_WAITFORSYNCHRONIZATIONOBJECTFROMCPU arg = {
		.hDevice = device,
		.ObjectCount = count,
		.ObjectHandleArray = fences,
		.FenceValueArray = values,
		.hAsyncEvent = event,
		.Flags.WaitAny = any,
	};

	return D3DKMTWaitForSynchronizationObjectFromCpu(&arg);
}

static NTSTATUS wait_later(D3DKMT_HANDLE device, D3DKMT_HANDLE fence, UINT64 value, int event)
{
	return wait_many(device, 1, &fence, &value, false, IK_HANDLE(event));
}

static int setup(void **state)
{
	*state = ik_start(NULL);
	(void)ik_process(*state);
	return 0;
}

static int teardown(void **state)
{
	ik_stop(*state);
	return 0;
}

/* KMT-82, KMT-23 */
static void test_the_event_comes_with_the_value(void **state)
{
	D3DKMT_HANDLE device = ik_device();
	D3DKMT_HANDLE fence = ik_fence(device);
	int event = event_make();

	assert_int_equal(wait_later(device, fence, 2, event), STATUS_SUCCESS);
	assert_int_equal(ik_signal(device, fence, 1), STATUS_SUCCESS);
	assert_false(event_comes(event, NEVER_MS));
	assert_int_equal(ik_signal(device, fence, 2), STATUS_SUCCESS);
	assert_true(event_comes(event, SOON_MS));
	/* Once. */
	assert_int_equal(ik_signal(device, fence, 3), STATUS_SUCCESS);
	assert_false(event_comes(event, NEVER_MS));
	/* What holds already is told at once, without a thread. */
	assert_int_equal(wait_later(device, fence, 3, event), STATUS_SUCCESS);
	assert_true(event_comes(event, 0));
	close(event);
}

/* The library has a copy: the caller may close the event, or do other things with the number. */
static void test_the_descriptor_stays_the_callers(void **state)
{
	D3DKMT_HANDLE device = ik_device();
	D3DKMT_HANDLE fence = ik_fence(device);
	int event = event_make();
	int copy = fcntl(event, F_DUPFD_CLOEXEC, 3);
	int other;

	assert_int_equal(wait_later(device, fence, 1, event), STATUS_SUCCESS);
	other = event_make();
	assert_int_equal(dup3(other, event, O_CLOEXEC), event);
	assert_int_equal(ik_signal(device, fence, 1), STATUS_SUCCESS);
	assert_true(event_comes(copy, SOON_MS));
	assert_false(event_comes(event, NEVER_MS));
	close(event);
	close(copy);
	close(other);
}

static void test_all_and_any(void **state)
{
	D3DKMT_HANDLE device = ik_device();
	D3DKMT_HANDLE fences[3] = { ik_fence(device), ik_fence(device), ik_fence(device) };
	UINT64 values[3] = { 1, 1, 1 };
	int all = event_make();
	int any = event_make();

	assert_int_equal(wait_many(device, 3, fences, values, false, IK_HANDLE(all)), STATUS_SUCCESS);
	assert_int_equal(wait_many(device, 3, fences, values, true, IK_HANDLE(any)), STATUS_SUCCESS);
	assert_int_equal(ik_signal(device, fences[2], 1), STATUS_SUCCESS);
	assert_true(event_comes(any, SOON_MS));
	assert_int_equal(ik_signal(device, fences[0], 1), STATUS_SUCCESS);
	assert_false(event_comes(all, NEVER_MS));
	assert_int_equal(ik_signal(device, fences[1], 1), STATUS_SUCCESS);
	assert_true(event_comes(all, SOON_MS));
	assert_false(event_comes(any, 0));
	close(all);
	close(any);
}

/* More than the system takes in one sleep. */
static void test_many_waits(void **state)
{
	enum { COUNT = 300 };
	D3DKMT_HANDLE device = ik_device();
	D3DKMT_HANDLE fences[COUNT];
	int events[COUNT];

	for (int i = 0; i < COUNT; i++) {
		fences[i] = ik_fence(device);
		events[i] = event_make();
		assert_int_equal(wait_later(device, fences[i], 1, events[i]), STATUS_SUCCESS);
	}
	for (int i = COUNT - 1; i >= 0; i--)
		assert_int_equal(ik_signal(device, fences[i], 1), STATUS_SUCCESS);
	for (int i = 0; i < COUNT; i++) {
		assert_true(event_comes(events[i], SOON_MS));
		close(events[i]);
	}
}

/* KMT-22, KMT-23: a loss. */
static void test_a_loss_brings_the_event(void **state)
{
	D3DKMT_HANDLE device = ik_device();
	D3DKMT_HANDLE fence = ik_fence(device);
	D3DKMT_HANDLE session = ik_session(device, fence);
	int event = event_make();

	assert_int_equal(wait_later(device, fence, 1, event), STATUS_SUCCESS);
	ik_lose_keys(*state);
	assert_true(event_comes(event, SOON_MS));
	ik_assert_status(session, INVALID);
	close(event);
}

/* Nobody sleeps on an event that can't come. */
static void test_ends_without_the_value(void **state)
{
	struct kmt_connection *process;
	D3DKMT_HANDLE device = ik_device();
	D3DKMT_HANDLE fence = ik_fence(device);
	int event = event_make();

	assert_int_equal(wait_later(device, fence, 1, event), STATUS_SUCCESS);
	assert_int_equal(ik_destroy_fence(fence), STATUS_SUCCESS);
	assert_true(event_comes(event, SOON_MS));

	process = ik_process(*state);
	device = ik_device();
	fence = ik_fence(device);
	assert_int_equal(wait_later(device, fence, 1, event), STATUS_SUCCESS);
	ik_kill(*state, process);
	assert_true(event_comes(event, SOON_MS));
	close(event);
}

/* The same for a wait that blocks. */
static void *destroy_soon(void *context)
{
	struct kmt_connection *const *process = context;
	D3DKMT_HANDLE fence = 0;

	memcpy(&fence, process + 1, sizeof(fence));
	kmt_connection_set(process[0]);
	usleep(50000);
	(void)ik_destroy_fence(fence);
	return NULL;
}

static void test_a_blocking_wait_ends_with_its_fence(void **state)
{
	struct kmt_connection *context[2] = { ik_process(*state), NULL };
	D3DKMT_HANDLE device = ik_device();
	D3DKMT_HANDLE fence = ik_fence(device);
	pthread_t thread;

	memcpy(&context[1], &fence, sizeof(fence));
	assert_int_equal(pthread_create(&thread, NULL, destroy_soon, context), 0);
	assert_int_equal(ik_wait(device, fence, 1), STATUS_INVALID_PARAMETER);
	pthread_join(thread, NULL);
}

/* KMT-05: what is refused signals nothing. */
static void test_what_is_no_eventfd(void **state)
{
	D3DKMT_HANDLE device = ik_device();
	D3DKMT_HANDLE fence = ik_fence(device);
	int event = event_make();
	int memory = memfd_create("dxvault-test", MFD_CLOEXEC);
	int timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	char byte;
	int ends[2];

	assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
	assert_int_equal(wait_later(device, fence, 0, ends[1]), STATUS_INVALID_HANDLE);
	assert_int_equal(wait_later(device, fence, 0, memory), STATUS_INVALID_HANDLE);
	assert_int_equal(wait_later(device, fence, 0, timer), STATUS_INVALID_HANDLE);
	assert_int_equal(wait_later(device, fence, 0, -1), STATUS_INVALID_HANDLE);
	assert_int_equal(wait_many(device, 1, &fence, &(UINT64) { 0 }, false, (HANDLE)(uintptr_t)0xa5a5a5a5a5a5a5a5),
			 STATUS_INVALID_HANDLE);
	/* Nothing was tried out on them. */
	assert_int_equal(read(ends[0], &byte, 1), -1);
	assert_int_equal(lseek(memory, 0, SEEK_END), 0);

	assert_int_equal(wait_later(device, fence + 0x40, 0, event), STATUS_INVALID_PARAMETER);
	assert_int_equal(wait_later(device + 0x40, fence, 0, event), STATUS_INVALID_PARAMETER);
	assert_int_equal(wait_many(device, 0, &fence, &(UINT64) { 0 }, false, IK_HANDLE(event)),
			 STATUS_INVALID_PARAMETER);
	assert_false(event_comes(event, NEVER_MS));
	close(event);
	assert_int_equal(wait_later(device, fence, 0, event), STATUS_INVALID_HANDLE);
	close(ends[0]);
	close(ends[1]);
	close(memory);
	close(timer);
}

/* A write to a full eventfd blocks; the thread must not. */
static void test_a_full_event_blocks_nobody(void **state)
{
	D3DKMT_HANDLE device = ik_device();
	D3DKMT_HANDLE fence = ik_fence(device);
	const uint64_t most = UINT64_MAX - 1;
	int full = event_make();
	int event = event_make();

	assert_int_equal(write(full, &most, sizeof(most)), sizeof(most));
	assert_int_equal(wait_later(device, fence, 1, full), STATUS_SUCCESS);
	assert_int_equal(wait_later(device, fence, 1, event), STATUS_SUCCESS);
	assert_int_equal(wait_later(device, fence, 0, full), STATUS_SUCCESS);
	assert_int_equal(ik_signal(device, fence, 1), STATUS_SUCCESS);
	assert_true(event_comes(event, SOON_MS));
	close(full);
	close(event);
}

/* KMT-83: the child has none of the waits, and the parent's go on. */
static void test_fork(void **state)
{
	D3DKMT_HANDLE device = ik_device();
	D3DKMT_HANDLE fence = ik_fence(device);
	int event = event_make();
	int status;
	pid_t pid;

	assert_int_equal(wait_later(device, fence, 1, event), STATUS_SUCCESS);
	pid = fork();
	if (pid == 0)
		_exit(event_comes(event, 300) ? 1 : 0);
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(ik_signal(device, fence, 1), STATUS_SUCCESS);
	assert_true(event_comes(event, SOON_MS));
	close(event);
}

/* ---- KMT-04, KMT-05: garbage ------------------------------------------------------------------------------ */

/* Calls with a block of one byte over and over; the block must come back as it was. */
#define REFUSED(name, type, byte, status)                                                                       \
	do {                                                                                                    \
		type block_, before_;                                                                           \
		NTSTATUS got_;                                                                                  \
                                                                                                                \
		memset(&block_, (byte), sizeof(block_));                                                        \
		memset(&before_, (byte), sizeof(before_));                                                      \
		got_ = D3DKMT##name(&block_);                                                                   \
		if (got_ != (status))                                                                           \
			fail_msg("D3DKMT%s with %#x: %#x, not %#x", #name, (byte), (UINT)got_, (UINT)(status)); \
		assert_memory_equal(&block_, &before_, sizeof(block_));                                         \
	} while (0)

static void every_block(int byte)
{
	REFUSED(OpenAdapterFromLuid, D3DKMT_OPENADAPTERFROMLUID, byte, STATUS_INVALID_PARAMETER);
	REFUSED(CloseAdapter, D3DKMT_CLOSEADAPTER, byte, STATUS_INVALID_PARAMETER);
	REFUSED(QueryAdapterInfo, D3DKMT_QUERYADAPTERINFO, byte, STATUS_INVALID_PARAMETER);
	REFUSED(CreateDevice, D3DKMT_CREATEDEVICE, byte, STATUS_INVALID_PARAMETER);
	REFUSED(DestroyDevice, D3DKMT_DESTROYDEVICE, byte, STATUS_INVALID_PARAMETER);
	REFUSED(GetDeviceState, D3DKMT_GETDEVICESTATE, byte, STATUS_INVALID_PARAMETER);
	REFUSED(CreateContextVirtual, D3DKMT_CREATECONTEXTVIRTUAL, byte, STATUS_INVALID_PARAMETER);
	REFUSED(DestroyContext, D3DKMT_DESTROYCONTEXT, byte, STATUS_INVALID_PARAMETER);
	REFUSED(CreateSynchronizationObject2, D3DKMT_CREATESYNCHRONIZATIONOBJECT2, byte, STATUS_INVALID_PARAMETER);
	REFUSED(DestroySynchronizationObject, D3DKMT_DESTROYSYNCHRONIZATIONOBJECT, byte, STATUS_INVALID_PARAMETER);
	REFUSED(OpenSyncObjectFromNtHandle2, D3DKMT_OPENSYNCOBJECTFROMNTHANDLE2, byte, STATUS_INVALID_HANDLE);
	REFUSED(SignalSynchronizationObjectFromCpu, D3DKMT_SIGNALSYNCHRONIZATIONOBJECTFROMCPU, byte,
		STATUS_INVALID_PARAMETER);
	REFUSED(WaitForSynchronizationObjectFromCpu, D3DKMT_WAITFORSYNCHRONIZATIONOBJECTFROMCPU, byte,
		STATUS_INVALID_PARAMETER);
	REFUSED(CreateAllocation2, D3DKMT_CREATEALLOCATION, byte, STATUS_INVALID_PARAMETER);
	REFUSED(DestroyAllocation2, D3DKMT_DESTROYALLOCATION2, byte, STATUS_INVALID_PARAMETER);
	REFUSED(Lock2, D3DKMT_LOCK2, byte, STATUS_INVALID_PARAMETER);
	REFUSED(Unlock2, D3DKMT_UNLOCK2, byte, STATUS_INVALID_PARAMETER);
	REFUSED(QueryResourceInfoFromNtHandle, D3DKMT_QUERYRESOURCEINFOFROMNTHANDLE, byte, STATUS_INVALID_HANDLE);
	REFUSED(OpenResourceFromNtHandle, D3DKMT_OPENRESOURCEFROMNTHANDLE, byte, STATUS_INVALID_HANDLE);
	REFUSED(Escape, D3DKMT_ESCAPE, byte, STATUS_INVALID_PARAMETER);
	REFUSED(Present, D3DKMT_PRESENT, byte, STATUS_INVALID_PARAMETER);
	REFUSED(CreateProtectedSession, D3DKMT_CREATEPROTECTEDSESSION, byte, STATUS_INVALID_PARAMETER);
	REFUSED(DestroyProtectedSession, D3DKMT_DESTROYPROTECTEDSESSION, byte, STATUS_INVALID_PARAMETER);
	REFUSED(QueryProtectedSessionStatus, D3DKMT_QUERYPROTECTEDSESSIONSTATUS, byte, STATUS_INVALID_PARAMETER);
	REFUSED(QueryProtectedSessionInfoFromNtHandle, D3DKMT_QUERYPROTECTEDSESSIONINFOFROMNTHANDLE, byte,
		STATUS_INVALID_HANDLE);
	REFUSED(OpenProtectedSessionFromNtHandle, D3DKMT_OPENPROTECTEDSESSIONFROMNTHANDLE, byte, STATUS_INVALID_HANDLE);
}

/* KMT-02, KMT-03, KMT-04, KMT-05: with live objects around, which no garbage may hit. */
static void test_garbage_in_every_block(void **state)
{
	D3DKMT_HANDLE device = ik_device();
	D3DKMT_HANDLE session = ik_session(device, ik_fence(device));
	struct dxgk_counts before = ik_counts(*state);
	struct dxgk_counts after;

	every_block(0xa5);
	every_block(0x00);
	every_block(0xff);
	every_block(0x41);
	/* Zeros ask these for the number alone; garbage has a pointer with nothing behind it. */
	REFUSED(EnumAdapters2, D3DKMT_ENUMADAPTERS2, 0xa5, STATUS_INVALID_PARAMETER);
	REFUSED(EnumAdapters3, D3DKMT_ENUMADAPTERS3, 0xa5, STATUS_INVALID_PARAMETER);
	after = ik_counts(*state);
	assert_memory_equal(&after, &before, sizeof(after));
	ik_assert_status(session, OK);
}

/* KMT-03: a descriptor 0 that is a live NT handle is still NULL. */
static void test_descriptor_zero_is_no_nt_handle(void **state)
{
	D3DKMT_HANDLE device = ik_device();
	int handle = ik_share(ik_session(device, ik_fence(device)));
	int before = fcntl(0, F_DUPFD_CLOEXEC, 3);
	D3DKMT_HANDLE opened;
	NTSTATUS status;

	assert_int_equal(dup2(handle, 0), 0);
	status = ik_try_open_session(0, &opened);
	if (before < 0)
		close(0);
	else
		dup2(before, 0);
	close(before);
	close(handle);
	assert_int_equal(status, STATUS_INVALID_HANDLE);
}

/* ---- KMT-84: a client driver before a kernel side that answers -------------------------------------------- */

static DXVAULT_CLIENT_DRIVER defaults;
static int traced;

/* What a tracing driver does. */
static NTSTATUS APIENTRY traced_create(D3DKMT_CREATEPROTECTEDSESSION *arg)
{
	traced++;
	return defaults.pfnCreateProtectedSession(arg);
}

/* What a driver does that has sessions of its own, which no kernel side knows. */
static NTSTATUS APIENTRY own_status(D3DKMT_QUERYPROTECTEDSESSIONSTATUS *arg)
{
	if (arg->hHandle != 0x1234)
		return defaults.pfnQueryProtectedSessionStatus(arg);
	arg->Status = D3DKMT_PROTECTED_SESSION_STATUS_INVALID;
	return STATUS_SUCCESS;
}

/* KMT-84 */
static void test_a_client_driver_beside_real_sessions(void **state)
{
	DXVAULT_CLIENT_DRIVER driver = { .Size = sizeof(driver), .Version = DXVAULT_CLIENT_DRIVER_VERSION };
	D3DKMT_HANDLE device = ik_device(), fence = ik_fence(device), session, handles[2];
	struct dxgk_counts before, after;

	defaults = driver;
	traced = 0;
	assert_int_equal(DxvaultGetDefaultClientDriver(&defaults), STATUS_SUCCESS);
	driver.pfnCreateProtectedSession = traced_create;
	driver.pfnQueryProtectedSessionStatus = own_status;
	handles[0] = ik_session(device, fence);
	assert_int_equal(DxvaultRegisterClientDriver(&driver), STATUS_SUCCESS);
	before = ik_counts(*state);
	handles[1] = session = ik_session(device, fence);
	assert_int_equal(traced, 1);
	assert_int_equal(ik_counts(*state).sessions, before.sessions + 1);
	ik_assert_status(0x1234, INVALID);
	/* Those from before, and the functions that it leaves alone, are what they were. */
	ik_assert_status(handles[0], OK);
	ik_assert_status(handles[1], OK);
	close(ik_share(session));
	assert_int_equal(ik_destroy_session(session), STATUS_SUCCESS);
	after = ik_counts(*state);
	assert_memory_equal(&before, &after, sizeof(after));

	assert_int_equal(DxvaultUnregisterClientDriver(), STATUS_SUCCESS);
	assert_int_equal(D3DKMTQueryProtectedSessionStatus(&(D3DKMT_QUERYPROTECTEDSESSIONSTATUS) { .hHandle = 0x1234 }),
			 STATUS_INVALID_PARAMETER);
	(void)ik_session(device, fence);
	assert_int_equal(traced, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_the_event_comes_with_the_value),
		TEST(test_the_descriptor_stays_the_callers),
		TEST(test_all_and_any),
		TEST(test_many_waits),
		TEST(test_a_loss_brings_the_event),
		TEST(test_ends_without_the_value),
		TEST(test_a_blocking_wait_ends_with_its_fence),
		TEST(test_what_is_no_eventfd),
		TEST(test_a_full_event_blocks_nobody),
		TEST(test_fork),
		TEST(test_garbage_in_every_block),
		TEST(test_descriptor_zero_is_no_nt_handle),
		TEST(test_a_client_driver_beside_real_sessions),
	};

	return cmocka_run_group_tests(tests, NULL, ik_group_teardown);
}
