/* SPDX-License-Identifier: MIT */
/* NT handles of sessions and fences: made, opened, asked, never forged (KMT-40 to KMT-63). */
#include "kernel_fixture.h"
#include "process_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
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

static D3DKMT_HANDLE new_session(void)
{
	D3DKMT_HANDLE device = ik_device();

	return ik_session(device, ik_fence(device));
}

/* The size-only form. */
static NTSTATUS query_info(int nt_handle)
{
	D3DKMT_QUERYPROTECTEDSESSIONINFOFROMNTHANDLE arg = { .hNtHandle = IK_HANDLE(nt_handle) };

	return D3DKMTQueryProtectedSessionInfoFromNtHandle(&arg);
}

/* As SCM_RIGHTS does: another number for the same open file. */
static int pass_on(int descriptor)
{
	struct wire_packet packet = { .descriptors = { descriptor }, .descriptor_count = 1 };
	uint8_t byte = 0;
	int ends[2], received;

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
	packet.data = &byte;
	packet.size = packet.capacity = 1;
	assert_int_equal(wire_send(ends[0], &packet, 0), 0);
	packet.descriptor_count = 0;
	assert_int_equal(wire_receive(ends[1], &packet, 0), 1);
	assert_int_equal(packet.descriptor_count, 1);
	received = packet.descriptors[0];
	close(ends[0]);
	close(ends[1]);
	return received;
}

/* ---- sharing ------------------------------------------------------------------------------------------ */

static void an_nt_handle_is_a_descriptor(void **state) /* KMT-40, KMT-53 */
{
	D3DKMT_HANDLE session = new_session();
	int nt_handle = ik_share(session), received;
	struct stat before, after;

	assert_true(nt_handle > 2);
	assert_int_equal(fcntl(nt_handle, F_GETFD), FD_CLOEXEC);
	received = pass_on(nt_handle);
	close(nt_handle);
	ik_process(*state);
	assert_int_equal(fstat(received, &before), 0);
	ik_assert_status(ik_open_session(received), OK);
	assert_int_equal(query_info(received), STATUS_SUCCESS);
	assert_int_equal(fstat(received, &after), 0);
	assert_int_equal(before.st_ino, after.st_ino);
	assert_int_equal(fcntl(received, F_GETFD), FD_CLOEXEC);
	close(received);
}

static void standard_streams_keep_their_numbers(void **state) /* KMT-40 */
{
	D3DKMT_HANDLE session = new_session();
	int saved[3], nt_handles[3], flags[3];
	NTSTATUS queried[3];

	for (int i = 0; i < 3; i++) {
		saved[i] = fcntl(i, F_DUPFD_CLOEXEC, 10);
		close(i);
	}
	for (int i = 0; i < 3; i++) {
		if (ik_share_with(session, GENERIC_ALL, &nt_handles[i]) != STATUS_SUCCESS)
			nt_handles[i] = -1;
		flags[i] = fcntl(nt_handles[i], F_GETFD);
		queried[i] = query_info(nt_handles[i]);
	}
	/* The kernel's ends may have these numbers in this process: they go first. */
	for (int i = 0; i < 3; i++)
		close(nt_handles[i]);
	(void)ik_counts(*state);
	for (int i = 0; i < 3; i++) {
		dup2(saved[i], i);
		close(saved[i]);
	}
	for (int i = 0; i < 3; i++) {
		assert_true(nt_handles[i] > 2);
		assert_int_equal(flags[i], FD_CLOEXEC);
		assert_int_equal(queried[i], STATUS_SUCCESS);
	}
}

static void what_cannot_be_shared(void **state) /* KMT-41, KMT-05 */
{
	D3DKMT_HANDLE adapter = ik_adapter(), device = ik_device(), stale = new_session();
	D3DKMT_HANDLE fence = ik_fence(device);
	D3DKMT_HANDLE session = ik_session(device, fence), second = ik_session(device, fence);
	const HANDLE untouched = (HANDLE)0x7777;
	struct dxgk_counts before, after;
	int descriptors;
	const struct {
		UINT count;
		D3DKMT_HANDLE objects[4];
	} refused[] = {
		{ 0, { session } },	    { 4, { session, fence, fence, fence } },
		{ 1, { stale } },	    { 1, { 0 } },
		{ 1, { device } },	    { 1, { adapter } },
		{ 2, { session, fence } },  { 2, { fence, session } },
		{ 2, { session, second } }, { 3, { session, session, session } },
		{ UINT_MAX, { session } },  { 1, { session + 0x40000000 } },
		{ 2, { session, 0 } },	    { 1, { session | 1 } },
	};

	assert_int_equal(ik_destroy_session(stale), STATUS_SUCCESS);
	before = ik_counts(*state);
	ik_settle(*state);
	descriptors = pf_open_descriptors();
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		HANDLE handle = untouched;

		assert_int_equal(D3DKMTShareObjects(refused[i].count, refused[i].objects, NULL, GENERIC_ALL, &handle),
				 STATUS_INVALID_PARAMETER);
		assert_ptr_equal(handle, untouched);
	}
	{
		HANDLE handle = untouched;

		assert_int_equal(D3DKMTShareObjects(1, NULL, NULL, GENERIC_ALL, &handle), STATUS_INVALID_PARAMETER);
		assert_ptr_equal(handle, untouched);
	}
	assert_int_equal(D3DKMTShareObjects(1, &session, NULL, GENERIC_ALL, NULL), STATUS_INVALID_PARAMETER);
	after = ik_counts(*state);
	assert_memory_equal(&before, &after, sizeof(after));
	ik_settle(*state);
	assert_int_equal(pf_open_descriptors(), descriptors);
}

static void a_fence_says_whether_it_is_shareable(void **state) /* KMT-42 */
{
	static const struct {
		UINT shared, nt;
		NTSTATUS create, share;
	} cases[] = {
		{ 0, 0, STATUS_SUCCESS, STATUS_INVALID_PARAMETER },
		{ 1, 0, STATUS_SUCCESS, STATUS_INVALID_PARAMETER },
		{ 0, 1, STATUS_INVALID_PARAMETER, 0 },
		{ 1, 1, STATUS_SUCCESS, STATUS_SUCCESS },
	};
	D3DKMT_HANDLE device = ik_device();

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		D3DKMT_CREATESYNCHRONIZATIONOBJECT2 arg = { .hDevice = device,
							    .Info = { .Type = D3DDDI_MONITORED_FENCE } };
		int nt_handle = -1;

		arg.Info.Flags.Shared = cases[i].shared;
		arg.Info.Flags.NtSecuritySharing = cases[i].nt;
		assert_int_equal(D3DKMTCreateSynchronizationObject2(&arg), cases[i].create);
		if (cases[i].create != STATUS_SUCCESS)
			continue;
		assert_int_equal(ik_share_with(arg.hSyncObject, GENERIC_ALL, &nt_handle), cases[i].share);
		if (cases[i].share == STATUS_SUCCESS)
			close(nt_handle);
	}
}

static void an_opened_handle_can_be_shared_again(void **state) /* KMT-43 */
{
	D3DKMT_HANDLE device = ik_device(), opened_session, opened_fence;
	D3DKMT_HANDLE fence = ik_fence(device);
	int nt_session = ik_share(ik_session(device, fence)), nt_fence = ik_share(fence);
	int again_session, again_fence;

	ik_process(*state);
	opened_session = ik_open_session(nt_session);
	assert_int_equal(ik_open_fence(ik_device(), nt_fence, &opened_fence, NULL), STATUS_SUCCESS);
	again_session = ik_share(opened_session);
	again_fence = ik_share(opened_fence);
	close(nt_session);
	close(nt_fence);
	ik_process(*state);
	ik_assert_status(ik_open_session(again_session), OK);
	assert_int_equal(ik_open_fence(ik_device(), again_fence, &opened_fence, NULL), STATUS_SUCCESS);
	close(again_session);
	close(again_fence);
}

static void access_must_include_reading(void **state) /* KMT-44, SEC-37 */
{
	static const struct {
		DWORD access;
		NTSTATUS open;
	} cases[] = {
		{ 0x00020000, STATUS_SUCCESS }, /* STANDARD_RIGHTS_READ */
		{ 0x80000000, STATUS_SUCCESS }, /* GENERIC_READ */
		{ 0x10000000, STATUS_SUCCESS }, /* GENERIC_ALL */
		{ 0xffffffff, STATUS_SUCCESS },	      { 0x00020001, STATUS_SUCCESS },
		{ 0, STATUS_ACCESS_DENIED },	      { 0x40000000, STATUS_ACCESS_DENIED }, /* GENERIC_WRITE */
		{ 0x20000000, STATUS_ACCESS_DENIED },					    /* GENERIC_EXECUTE */
		{ 0x00010000, STATUS_ACCESS_DENIED },					    /* DELETE */
		{ 0x0001ffff, STATUS_ACCESS_DENIED },
	};
	D3DKMT_HANDLE device = ik_device(), opened;
	D3DKMT_HANDLE fence = ik_fence(device);
	D3DKMT_HANDLE session = ik_session(device, fence);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int nt_handle;

		assert_int_equal(ik_share_with(session, cases[i].access, &nt_handle), STATUS_SUCCESS);
		assert_int_equal(ik_try_open_session(nt_handle, NULL), cases[i].open);
		assert_int_equal(query_info(nt_handle), cases[i].open); /* KMT-63 */
		close(nt_handle);
		assert_int_equal(ik_share_with(fence, cases[i].access, &nt_handle), STATUS_SUCCESS);
		assert_int_equal(ik_open_fence(device, nt_handle, &opened, NULL), cases[i].open);
		close(nt_handle);
	}
}

static void attributes_are_optional_and_inherit(void **state) /* KMT-45 */
{
	D3DKMT_HANDLE session = new_session();
	OBJECT_ATTRIBUTES attributes = { .Length = sizeof(attributes) };
	HANDLE handle;

	(void)state;
	assert_int_equal(sizeof(attributes), 48);
	assert_int_equal(D3DKMTShareObjects(1, &session, &attributes, GENERIC_ALL, &handle), STATUS_SUCCESS);
	assert_int_equal(fcntl((int)(intptr_t)handle, F_GETFD), FD_CLOEXEC);
	close((int)(intptr_t)handle);
	attributes.Attributes = OBJ_INHERIT;
	assert_int_equal(D3DKMTShareObjects(1, &session, &attributes, GENERIC_ALL, &handle), STATUS_SUCCESS);
	assert_int_equal(fcntl((int)(intptr_t)handle, F_GETFD), 0);
	assert_int_equal(query_info((int)(intptr_t)handle), STATUS_SUCCESS);
	close((int)(intptr_t)handle);
}

static void two_shares_are_independent(void **state) /* KMT-46 */
{
	D3DKMT_HANDLE session = new_session();
	int first = ik_share(session), second = ik_share(session);

	assert_int_not_equal(first, second);
	assert_int_equal(ik_counts(*state).nt_handles, 2);
	close(first);
	assert_int_equal(ik_counts(*state).nt_handles, 1);
	ik_process(*state);
	ik_assert_status(ik_open_session(second), OK);
	close(second);
}

/* ---- opening ------------------------------------------------------------------------------------------- */

static void opened_is_the_same_session(void **state) /* KMT-50, KMT-10 */
{
	static const char driver[] = "driver blob", runtime[] = "the runtime's blob";
	D3DKMT_HANDLE device = ik_device(), session;
	char driver_back[64], runtime_back[64];
	D3DKMT_QUERYPROTECTEDSESSIONINFOFROMNTHANDLE info = {
		.pPrivateDriverData = driver_back,
		.PrivateDriverDataSize = sizeof(driver_back),
		.pPrivateRuntimeData = runtime_back,
		.PrivateRuntimeDataSize = sizeof(runtime_back),
	};
	int nt_handle;

	assert_int_equal(
		ik_create_session(device, ik_fence(device), driver, sizeof(driver), runtime, sizeof(runtime), &session),
		STATUS_SUCCESS);
	nt_handle = ik_share(session);
	ik_process(*state);
	session = ik_open_session(nt_handle);
	ik_assert_status(session, OK);
	assert_int_equal(ik_recorder.creates, 1);
	memset(driver_back, 0x5a, sizeof(driver_back));
	memset(runtime_back, 0x5a, sizeof(runtime_back));
	info.hNtHandle = IK_HANDLE(nt_handle);
	assert_int_equal(D3DKMTQueryProtectedSessionInfoFromNtHandle(&info), STATUS_SUCCESS);
	assert_int_equal(info.PrivateDriverDataSize, sizeof(driver));
	assert_int_equal(info.PrivateRuntimeDataSize, sizeof(runtime));
	assert_string_equal(driver_back, driver);
	assert_string_equal(runtime_back, runtime);
	/* Bytes past the true size stay (KMT-61). */
	for (size_t i = sizeof(driver); i < sizeof(driver_back); i++)
		assert_int_equal(driver_back[i], 0x5a);
	for (size_t i = sizeof(runtime); i < sizeof(runtime_back); i++)
		assert_int_equal(runtime_back[i], 0x5a);
	close(nt_handle);
}

static void check_foreign(void **state, int descriptor)
{
	D3DKMT_HANDLE opened;
	struct dxgk_counts before = ik_counts(*state), after;
	D3DKMT_QUERYRESOURCEINFOFROMNTHANDLE resource = { .hNtHandle = IK_HANDLE(descriptor) };

	assert_int_equal(ik_try_open_session(descriptor, NULL), STATUS_INVALID_HANDLE);
	assert_int_equal(query_info(descriptor), STATUS_INVALID_HANDLE); /* KMT-63 */
	assert_int_equal(ik_open_fence(0, descriptor, &opened, NULL), STATUS_INVALID_HANDLE);
	assert_int_equal(D3DKMTQueryResourceInfoFromNtHandle(&resource), STATUS_INVALID_HANDLE);
	after = ik_counts(*state);
	assert_memory_equal(&before, &after, sizeof(after));
}

static void foreign_descriptors_are_refused(void **state) /* KMT-51, KMT-56, SEC-37 */
{
	static const int types[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET };
	int nt_handle = ik_share(new_session());
	D3DKMT_OPENPROTECTEDSESSIONFROMNTHANDLE arg = { 0 };
	int ends[2], descriptor;
	char path[64];

	check_foreign(state, -1);
	check_foreign(state, INT_MIN);
	check_foreign(state, INT_MAX);
	arg.hNtHandle = (HANDLE)((uintptr_t)nt_handle | 1ull << 32);
	assert_int_equal(D3DKMTOpenProtectedSessionFromNtHandle(&arg), STATUS_INVALID_HANDLE);
	arg.hNtHandle = (HANDLE)((uintptr_t)nt_handle | 1ull << 63);
	assert_int_equal(D3DKMTOpenProtectedSessionFromNtHandle(&arg), STATUS_INVALID_HANDLE);

	descriptor = open("/dev/null", O_RDWR | O_CLOEXEC);
	check_foreign(state, descriptor);
	close(descriptor);
	check_foreign(state, descriptor); /* closed */
	descriptor = open("/", O_RDONLY | O_CLOEXEC);
	check_foreign(state, descriptor);
	close(descriptor);
	descriptor = open("/", O_PATH | O_CLOEXEC);
	check_foreign(state, descriptor);
	close(descriptor);
	descriptor = memfd_create("foreign", MFD_CLOEXEC);
	check_foreign(state, descriptor);
	close(descriptor);
	descriptor = epoll_create1(EPOLL_CLOEXEC);
	check_foreign(state, descriptor);
	close(descriptor);
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	check_foreign(state, ends[0]);
	check_foreign(state, ends[1]);
	close(ends[0]);
	close(ends[1]);
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		for (int n = 0; n < 100; n++) {
			assert_int_equal(socketpair(AF_UNIX, types[i] | SOCK_CLOEXEC, 0, ends), 0);
			check_foreign(state, ends[0]);
			check_foreign(state, ends[1]);
			close(ends[0]);
			close(ends[1]);
		}
	}
	/* A path to it gives nothing. */
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", nt_handle);
	assert_int_equal(open(path, O_RDWR | O_CLOEXEC), -1);
	descriptor = open(path, O_PATH | O_CLOEXEC);
	if (descriptor >= 0) {
		check_foreign(state, descriptor);
		close(descriptor);
	}
	assert_int_equal(query_info(nt_handle), STATUS_SUCCESS);
	close(nt_handle);
	/* Nor does the number, once it is closed. */
	check_foreign(state, nt_handle);
}

static void other_kinds_are_a_mismatch(void **state) /* KMT-52, KMT-63, SEC-37 */
{
	D3DKMT_HANDLE device = ik_device(), opened;
	D3DKMT_HANDLE fence = ik_fence(device);
	int nt_fence = ik_share(fence), nt_session = ik_share(ik_session(device, fence));
	D3DKMT_QUERYRESOURCEINFOFROMNTHANDLE resource = { .hDevice = device };

	(void)state;
	assert_int_equal(ik_try_open_session(nt_fence, NULL), STATUS_OBJECT_TYPE_MISMATCH);
	assert_int_equal(query_info(nt_fence), STATUS_OBJECT_TYPE_MISMATCH);
	assert_int_equal(ik_open_fence(device, nt_session, &opened, NULL), STATUS_OBJECT_TYPE_MISMATCH);
	resource.hNtHandle = IK_HANDLE(nt_session);
	assert_int_equal(D3DKMTQueryResourceInfoFromNtHandle(&resource), STATUS_OBJECT_TYPE_MISMATCH);
	close(nt_fence);
	close(nt_session);
}

static void each_open_is_a_handle_of_its_own(void **state) /* KMT-54, KMT-57 */
{
	struct kmt_connection *first = kmt_connection_get();
	D3DKMT_PROTECTED_SESSION_STATUS is;
	int nt_handle = ik_share(new_session());
	D3DKMT_HANDLE one, two;

	ik_process(*state);
	for (int i = 0; i < 100; i++)
		(void)ik_adapter();
	one = ik_open_session(nt_handle);
	two = ik_open_session(nt_handle);
	assert_int_not_equal(one, two);
	assert_int_equal(ik_counts(*state).sessions, 1);
	assert_int_equal(ik_destroy_session(one), STATUS_SUCCESS);
	assert_int_equal(ik_query_status(one, &is), STATUS_INVALID_PARAMETER);
	ik_assert_status(two, OK);
	/* Meaningless elsewhere. */
	kmt_connection_set(first);
	assert_int_equal(ik_query_status(two, &is), STATUS_INVALID_PARAMETER);
	assert_int_equal(ik_destroy_session(two), STATUS_INVALID_PARAMETER);
	close(nt_handle);
}

static void a_lost_session_opens_and_says_so(void **state) /* KMT-55 */
{
	D3DKMT_HANDLE device = ik_device(), opened;
	D3DKMT_HANDLE fence = ik_fence(device);
	int nt_handle = ik_share(ik_session(device, fence)), nt_fence = ik_share(fence);
	const volatile uint64_t *value;

	assert_int_equal(ik_report(*state, ik_recorder.sessions[0].kernel, DXGK_PROTECTED_SESSION_STATUS_INVALID),
			 STATUS_SUCCESS);
	ik_process(*state);
	ik_assert_status(ik_open_session(nt_handle), INVALID);
	device = ik_device();
	assert_int_equal(ik_open_fence(device, nt_fence, &opened, &value), STATUS_SUCCESS);
	assert_int_equal(*value, 1);
	assert_int_equal(ik_wait(device, opened, 1), STATUS_SUCCESS);
	close(nt_handle);
	close(nt_fence);
}

/* ---- query info ------------------------------------------------------------------------------------------ */

struct asked {
	bool driver, runtime; /* with a pointer */
	UINT driver_size, runtime_size;
	NTSTATUS status;
};

static void query_info_by_size(void **state) /* KMT-06, KMT-60, KMT-61, KMT-62 */
{
	enum { DRIVER = 20, RUNTIME = 40 };
	static const struct asked cases[] = {
		/* a size of what has no pointer is nothing (KMT-60) */
		{ false, false, 0, 0, STATUS_SUCCESS },
		{ false, false, 1, 1, STATUS_SUCCESS },
		{ false, false, UINT_MAX, UINT_MAX, STATUS_SUCCESS },
		{ true, false, DRIVER, 0, STATUS_SUCCESS },
		{ true, false, DRIVER, 1, STATUS_SUCCESS },
		{ false, true, 0, RUNTIME, STATUS_SUCCESS },
		{ false, true, 3, RUNTIME, STATUS_SUCCESS },
		/* large enough (KMT-61) */
		{ true, true, DRIVER, RUNTIME, STATUS_SUCCESS },
		{ true, true, DRIVER + 5, RUNTIME + 9, STATUS_SUCCESS },
		{ true, true, UINT_MAX, UINT_MAX, STATUS_SUCCESS },
		/* whichever is too small (KMT-62) */
		{ true, true, DRIVER - 1, RUNTIME, STATUS_BUFFER_TOO_SMALL },
		{ true, true, DRIVER, RUNTIME - 1, STATUS_BUFFER_TOO_SMALL },
		{ true, true, 0, 0, STATUS_BUFFER_TOO_SMALL },
		{ true, false, DRIVER - 1, 0, STATUS_BUFFER_TOO_SMALL },
		{ false, true, 0, RUNTIME - 1, STATUS_BUFFER_TOO_SMALL },
		{ false, true, UINT_MAX, 0, STATUS_BUFFER_TOO_SMALL },
	};
	D3DKMT_HANDLE device = ik_device(), session;
	uint8_t driver[DRIVER], runtime[RUNTIME], untouched[64];
	int nt_handle;

	(void)state;
	memset(driver, 0x11, sizeof(driver));
	memset(runtime, 0x22, sizeof(runtime));
	memset(untouched, 0x5a, sizeof(untouched));
	assert_int_equal(ik_create_session(device, ik_fence(device), driver, DRIVER, runtime, RUNTIME, &session),
			 STATUS_SUCCESS);
	nt_handle = ik_share(session);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct asked *asked = &cases[i];
		bool copies = asked->status == STATUS_SUCCESS;
		uint8_t driver_back[64], runtime_back[64];
		D3DKMT_QUERYPROTECTEDSESSIONINFOFROMNTHANDLE arg = {
			.hNtHandle = IK_HANDLE(nt_handle),
			.pPrivateDriverData = asked->driver ? driver_back : NULL,
			.PrivateDriverDataSize = asked->driver_size,
			.pPrivateRuntimeData = asked->runtime ? runtime_back : NULL,
			.PrivateRuntimeDataSize = asked->runtime_size,
		};

		memset(driver_back, 0x5a, sizeof(driver_back));
		memset(runtime_back, 0x5a, sizeof(runtime_back));
		assert_int_equal(D3DKMTQueryProtectedSessionInfoFromNtHandle(&arg), asked->status);
		assert_int_equal(arg.PrivateDriverDataSize, DRIVER);
		assert_int_equal(arg.PrivateRuntimeDataSize, RUNTIME);
		assert_memory_equal(driver_back, copies && asked->driver ? driver : untouched, DRIVER);
		assert_memory_equal(runtime_back, copies && asked->runtime ? runtime : untouched, RUNTIME);
		assert_memory_equal(driver_back + DRIVER, untouched, sizeof(untouched) - DRIVER);
		assert_memory_equal(runtime_back + RUNTIME, untouched, sizeof(untouched) - RUNTIME);
		assert_ptr_equal(arg.pPrivateDriverData, asked->driver ? driver_back : NULL);
		assert_int_equal((int)(intptr_t)arg.hNtHandle, nt_handle);
	}
	close(nt_handle);
}

static void a_users_nt_handles_have_a_limit(void **state) /* KMT-72 */
{
	struct ik_options options = { 0 };
	D3DKMT_HANDLE session;
	int handles[10], one;
	struct ik *ik;

	(void)state;
	ik_need_users();
	dxgk_limits_default(&options.limits);
	options.limits.nt_handles = 10;
	ik = ik_start(&options);
	ik_process(ik);
	session = new_session();
	for (int i = 0; i < 10; i++)
		handles[i] = ik_share(session);
	assert_int_equal(ik_share_with(session, GENERIC_ALL, &one), STATUS_INSUFFICIENT_RESOURCES);
	ik_process(ik);
	assert_int_equal(ik_share_with(new_session(), GENERIC_ALL, &one), STATUS_INSUFFICIENT_RESOURCES);
	assert_non_null(ik_process_of(ik, IK_USER + 1));
	close(ik_share(new_session()));
	kmt_connection_set(ik->processes[0]);
	close(handles[4]);
	handles[4] = ik_share(session);
	for (int i = 0; i < 10; i++) {
		assert_int_equal(query_info(handles[i]), STATUS_SUCCESS);
		close(handles[i]);
	}
	ik_stop(ik);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		CASE(an_nt_handle_is_a_descriptor),
		CASE(standard_streams_keep_their_numbers),
		CASE(what_cannot_be_shared),
		CASE(a_fence_says_whether_it_is_shareable),
		CASE(an_opened_handle_can_be_shared_again),
		CASE(access_must_include_reading),
		CASE(attributes_are_optional_and_inherit),
		CASE(two_shares_are_independent),
		CASE(opened_is_the_same_session),
		CASE(foreign_descriptors_are_refused),
		CASE(other_kinds_are_a_mismatch),
		CASE(each_open_is_a_handle_of_its_own),
		CASE(a_lost_session_opens_and_says_so),
		CASE(query_info_by_size),
		cmocka_unit_test(a_users_nt_handles_have_a_limit),
	};

	return cmocka_run_group_tests(tests, NULL, ik_group_teardown);
}
