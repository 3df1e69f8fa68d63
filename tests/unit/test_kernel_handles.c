/* SPDX-License-Identifier: MIT */
/* Local handles: their shape, one table for all kinds, reuse, limits (KMT-70 to KMT-73). */
#include "dxgkrnl/handle_table.h"
#include "kernel_fixture.h"

#include <stdlib.h>
#include <string.h>
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

/* ---- the table itself ------------------------------------------------------------------------------------ */

static void new_values_have_the_shape(void **state) /* KMT-70 */
{
	struct dxgk_handle_table table = { 0 };
	uint32_t previous = 0;

	(void)state;
	for (int i = 0; i < 5000; i++) {
		uint32_t handle = dxgk_handle_reserve(&table);

		assert_int_not_equal(handle >> 30, 0);
		assert_int_equal(handle & 0x3f, 0);
		if (i > 0)
			assert_int_equal(handle, previous + 0x40);
		previous = handle;
	}
	assert_int_equal(table.live, 5000);
	dxgk_handle_table_clear(&table);
}

static void a_reserved_or_released_handle_means_nothing(void **state) /* KMT-71, KMT-73 */
{
	struct dxgk_handle_table table = { 0 };
	uint32_t handle = dxgk_handle_reserve(&table), other;
	enum dxgk_kind kind;
	int object;

	(void)state;
	assert_null(dxgk_handle_look(&table, handle, &kind));
	dxgk_handle_set(&table, handle, DXGK_SESSION, &object);
	assert_ptr_equal(dxgk_handle_look(&table, handle, &kind), &object);
	assert_int_equal(kind, DXGK_SESSION);
	assert_ptr_equal(dxgk_handle_get(&table, handle, DXGK_SESSION), &object);
	for (int wrong = DXGK_FREE; wrong < DXGK_KIND_END; wrong++)
		if (wrong != DXGK_SESSION)
			assert_null(dxgk_handle_get(&table, handle, (enum dxgk_kind)wrong));
	/* No bit of it is free to be anything else. */
	for (uint32_t bit = 1; bit; bit <<= 1)
		assert_null(dxgk_handle_look(&table, handle ^ bit, &kind));
	assert_null(dxgk_handle_look(&table, 0, &kind));
	assert_null(dxgk_handle_look(&table, UINT32_MAX, &kind));

	dxgk_handle_release(&table, handle);
	assert_null(dxgk_handle_look(&table, handle, &kind));
	other = dxgk_handle_reserve(&table);
	assert_int_not_equal(other, handle);
	dxgk_handle_table_clear(&table);
}

static void a_value_waits_3072_cycles(void **state) /* KMT-73 */
{
	enum { CYCLES = 3072 };
	struct dxgk_handle_table table = { 0 };
	uint32_t *seen = calloc(CYCLES, sizeof(*seen));
	enum dxgk_kind kind;
	uint32_t kept, handle;
	int object, another;

	(void)state;
	kept = dxgk_handle_reserve(&table);
	dxgk_handle_set(&table, kept, DXGK_DEVICE, &object);
	for (int i = 0; i < CYCLES; i++) {
		handle = dxgk_handle_reserve(&table);
		assert_int_not_equal(handle >> 30, 0);
		assert_int_equal(handle & 0x3f, 0);
		dxgk_handle_set(&table, handle, DXGK_FENCE, &another);
		for (int j = 0; j < i; j++) {
			if (seen[j] == handle)
				fail_msg("a value came again after %d cycles", i - j);
		}
		/* The one before is stale although something lives. */
		if (i > 0)
			assert_null(dxgk_handle_look(&table, seen[i - 1], &kind));
		seen[i] = handle;
		dxgk_handle_release(&table, handle);
	}
	/* With its slot in use again, no earlier value of it is taken. */
	handle = dxgk_handle_reserve(&table);
	dxgk_handle_set(&table, handle, DXGK_FENCE, &another);
	for (int j = 0; j < CYCLES; j++)
		if (seen[j] != handle)
			assert_null(dxgk_handle_look(&table, seen[j], &kind));
	assert_true(table.used <= 1 + DXGK_HANDLES_WAITING + 2); /* and slots are used again at all */
	assert_ptr_equal(dxgk_handle_get(&table, kept, DXGK_DEVICE), &object);
	dxgk_handle_table_clear(&table);
	free(seen);
}

static void the_table_walks_what_lives(void **state)
{
	struct dxgk_handle_table table = { 0 };
	uint32_t handles[100], index = 0, handle;
	enum dxgk_kind kind;
	void *object;
	int found = 0;

	(void)state;
	for (int i = 0; i < 100; i++) {
		handles[i] = dxgk_handle_reserve(&table);
		dxgk_handle_set(&table, handles[i], DXGK_FENCE, &handles[i]);
	}
	for (int i = 0; i < 100; i += 2)
		dxgk_handle_release(&table, handles[i]);
	while ((handle = dxgk_handle_next(&table, &index, &kind, &object)) != 0) {
		assert_int_equal(handle, handles[2 * found + 1]);
		assert_ptr_equal(object, &handles[2 * found + 1]);
		assert_int_equal(kind, DXGK_FENCE);
		found++;
	}
	assert_int_equal(found, 50);
	dxgk_handle_table_clear(&table);
}

static void a_table_may_begin_anywhere(void **state) /* KMT-83: a child's, behind its parent's */
{
	struct dxgk_handle_table table = { .first = DXGK_HANDLES_MAX - 10 };
	uint32_t handles[2000];
	int object;

	(void)state;
	for (uint32_t i = 0; i < 2000; i++) {
		handles[i] = dxgk_handle_reserve(&table);
		assert_int_equal(WIRE_HANDLE_INDEX(handles[i]), (DXGK_HANDLES_MAX - 10 + i) % DXGK_HANDLES_MAX);
		dxgk_handle_set(&table, handles[i], DXGK_FENCE, &handles[i]);
	}
	for (uint32_t i = 0; i < 2000; i++) {
		assert_ptr_equal(dxgk_handle_get(&table, handles[i], DXGK_FENCE), &handles[i]);
		dxgk_handle_release(&table, handles[i]);
		assert_null(dxgk_handle_get(&table, handles[i], DXGK_FENCE));
	}
	/* What would be the parent's lies in front of the first and behind the last. */
	assert_null(dxgk_handle_get(&table, 1u << 30 | (DXGK_HANDLES_MAX - 11) << 6, DXGK_FENCE));
	assert_null(dxgk_handle_get(&table, 1u << 30 | 1990u << 6, DXGK_FENCE));
	assert_false(dxgk_handle_is_removed(&table, 1u << 30 | 1990u << 6));
	handles[0] = dxgk_handle_reserve(&table);
	assert_int_equal(handles[0], 2u << 30 | (DXGK_HANDLES_MAX - 10) << 6);
	dxgk_handle_set(&table, handles[0], DXGK_FENCE, &object);
	dxgk_handle_table_clear(&table);
}

static void the_table_ends_at_its_size(void **state) /* KMT-72 */
{
	struct dxgk_handle_table table = { 0 };
	uint32_t first = 0, last = 0, handle;
	uint32_t count = 0;

	(void)state;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	skip(); /* a quarter of a GB, and as much again in shadows */
#endif
	while ((handle = dxgk_handle_reserve(&table)) != 0) {
		first = first ? first : handle;
		last = handle;
		count++;
	}
	assert_true(count >= (1u << 24) - 1025);
	assert_int_equal(last & 0x3f, 0);
	assert_int_not_equal(last >> 30, 0);
	/* Free slots have to wait first; then they are used again. */
	for (uint32_t i = 0; i < 1024; i++)
		dxgk_handle_release(&table, first + i * 0x40);
	assert_int_equal(dxgk_handle_reserve(&table), 0);
	dxgk_handle_release(&table, last);
	handle = dxgk_handle_reserve(&table);
	assert_int_not_equal(handle, 0);
	assert_int_not_equal(handle, first);
	assert_int_equal(handle << 2, first << 2);
	assert_int_equal(dxgk_handle_reserve(&table), 0);
	dxgk_handle_table_clear(&table);
}

/* ---- through the entries ----------------------------------------------------------------------------------- */

static void all_kinds_share_one_table(void **state) /* KMT-70, KMT-71 */
{
	D3DKMT_HANDLE handles[5 * 20], adapter, device;
	size_t count = 0;

	(void)state;
	for (int i = 0; i < 20; i++) {
		D3DKMT_CREATEDEVICE create = { 0 };
		D3DKMT_CREATECONTEXTVIRTUAL context = { 0 };

		adapter = handles[count++] = ik_adapter();
		create.hAdapter = adapter;
		assert_int_equal(D3DKMTCreateDevice(&create), STATUS_SUCCESS);
		device = handles[count++] = create.hDevice;
		handles[count++] = ik_fence(device);
		handles[count] = ik_session(device, handles[count - 1]);
		count++;
		context.hDevice = device;
		assert_int_equal(D3DKMTCreateContextVirtual(&context), STATUS_SUCCESS);
		handles[count++] = context.hContext;
	}
	for (size_t i = 0; i < count; i++) {
		assert_int_not_equal(handles[i] >> 30, 0);
		assert_int_equal(handles[i] & 0x3f, 0);
		if (i > 0)
			assert_int_equal(handles[i], handles[i - 1] + 0x40);
	}
	/* Each kind's entry refuses the others' values, and destroys nothing. */
	for (size_t i = 0; i < count; i++) {
		if (i % 5 != 0)
			assert_int_equal(D3DKMTCloseAdapter(&(D3DKMT_CLOSEADAPTER) { .hAdapter = handles[i] }),
					 STATUS_INVALID_PARAMETER);
		if (i % 5 != 1)
			assert_int_equal(ik_destroy_device(handles[i]), STATUS_INVALID_PARAMETER);
		if (i % 5 != 2)
			assert_int_equal(ik_destroy_fence(handles[i]), STATUS_INVALID_PARAMETER);
		if (i % 5 != 3)
			assert_int_equal(ik_destroy_session(handles[i]), STATUS_INVALID_PARAMETER);
		if (i % 5 != 4)
			assert_int_equal(D3DKMTDestroyContext(&(D3DKMT_DESTROYCONTEXT) { .hContext = handles[i] }),
					 STATUS_INVALID_PARAMETER);
	}
	for (int i = 0; i < 20; i++)
		ik_assert_status(handles[5 * i + 3], OK);
}

static void stale_handles_are_refused_through_the_entries(void **state) /* KMT-73, KMT-31, SEC-37 */
{
	enum { CYCLES = 3072 };
	D3DKMT_HANDLE device = ik_device();
	D3DKMT_HANDLE fence = ik_fence(device);
	D3DKMT_HANDLE *old = calloc(CYCLES, sizeof(*old));
	D3DKMT_PROTECTED_SESSION_STATUS is;
	D3DKMT_HANDLE live;

	(void)state;
	for (int i = 0; i < CYCLES; i++) {
		old[i] = ik_session(device, fence);
		assert_int_equal(ik_destroy_session(old[i]), STATUS_SUCCESS);
	}
	live = ik_session(device, fence);
	for (int i = 0; i < CYCLES; i++) {
		if (old[i] == live)
			continue; /* 3,072 cycles ago at the least */
		assert_int_equal(ik_query_status(old[i], &is), STATUS_INVALID_PARAMETER);
		assert_int_equal(ik_destroy_session(old[i]), STATUS_INVALID_PARAMETER);
	}
	ik_assert_status(live, OK);
	free(old);
}

static void a_users_handles_have_a_limit(void **state) /* KMT-72, SEC-36 */
{
	struct ik_options options = { 0 };
	struct kmt_connection *first, *second;
	D3DKMT_HANDLE device, fence, sessions[64], extra = 0;
	struct dxgk_counts before, after;
	D3DKMT_CREATEDEVICE create = { 0 };
	D3DKMT_CREATESYNCHRONIZATIONOBJECT2 sync = { .Info = { .Type = D3DDDI_MONITORED_FENCE } };
	D3DKMT_CREATECONTEXTVIRTUAL context = { 0 };
	int count = 0, nt_handle;
	struct ik *ik;

	(void)state;
	ik_need_users();
	dxgk_limits_default(&options.limits);
	options.limits.handles = 40;
	ik = ik_start(&options);
	first = ik_process(ik);
	create.hAdapter = ik_adapter();
	device = ik_device();
	fence = ik_fence(device);
	nt_handle = ik_share(fence);
	while (ik_create_session(device, fence, NULL, 0, NULL, 0, &sessions[count]) == STATUS_SUCCESS)
		assert_true(++count < 64);
	assert_int_equal(count, 40 - 4);

	before = ik_counts(ik);
	assert_int_equal(ik_create_session(device, fence, NULL, 0, NULL, 0, NULL), STATUS_INSUFFICIENT_RESOURCES);
	assert_int_equal(D3DKMTCreateDevice(&create), STATUS_INSUFFICIENT_RESOURCES);
	sync.hDevice = device;
	assert_int_equal(D3DKMTCreateSynchronizationObject2(&sync), STATUS_INSUFFICIENT_RESOURCES);
	assert_int_equal(ik_open_fence(device, nt_handle, &extra, NULL), STATUS_INSUFFICIENT_RESOURCES);
	context.hDevice = device;
	assert_int_equal(D3DKMTCreateContextVirtual(&context), STATUS_INSUFFICIENT_RESOURCES);
	assert_int_equal(create.hDevice, 0);
	assert_int_equal(context.hContext, 0);
	after = ik_counts(ik);
	assert_memory_equal(&before, &after, sizeof(after));
	/* Whether the driver was asked first or not, it has no session that nobody knows. */
	for (int i = count; i < ik_recorder.creates; i++)
		assert_int_equal(ik_recorder.sessions[i].destroys, 1);
	assert_int_equal(ik_recorder.devices, 1);

	/* The limit is the user's: a second process of his has none either, another user all. */
	second = ik_process(ik);
	{
		D3DKMT_ADAPTERINFO info = { 0 };
		D3DKMT_ENUMADAPTERS2 list = { .NumAdapters = 1, .pAdapters = &info };

		assert_int_equal(D3DKMTEnumAdapters2(&list), STATUS_INSUFFICIENT_RESOURCES);
	}
	assert_non_null(ik_process_of(ik, IK_USER + 1));
	extra = ik_device();
	ik_assert_status(ik_session(extra, ik_fence(extra)), OK);

	/* Nothing is harmed, and what goes makes room. */
	kmt_connection_set(first);
	for (int i = 0; i < count; i++)
		ik_assert_status(sessions[i], OK);
	assert_int_equal(ik_destroy_session(sessions[0]), STATUS_SUCCESS);
	sessions[0] = ik_session(device, fence);
	assert_int_equal(ik_create_session(device, fence, NULL, 0, NULL, 0, NULL), STATUS_INSUFFICIENT_RESOURCES);
	close(nt_handle);
	kmt_connection_set(second);
	ik_kill(ik, first);
	kmt_connection_set(second);
	device = ik_device();
	for (int i = 0; i < 30; i++)
		(void)ik_fence(device);
	ik_stop(ik);
}

static void a_users_processes_have_a_limit(void **state) /* KMT-72 */
{
	struct ik_options options = { 0 };
	struct ik *ik;

	(void)state;
	ik_need_users();
	dxgk_limits_default(&options.limits);
	options.limits.processes = 3;
	ik = ik_start(&options);
	for (int i = 0; i < 3; i++)
		assert_non_null(ik_process_of(ik, IK_USER));
	assert_null(ik_process_of(ik, IK_USER));
	assert_non_null(ik_process_of(ik, IK_USER + 1));
	ik_kill(ik, ik->processes[0]);
	assert_non_null(ik_process_of(ik, IK_USER));
	assert_null(ik_process_of(ik, IK_USER));
	ik_stop(ik);
}

struct quota {
	D3DKMT_HANDLE device, fence, sessions[3];
	int nt_handles[4];
};

/* Takes all that the limits below leave to the user of this thread's process, and is refused one more of each. */
static void take_all(struct ik *ik, uid_t user, struct quota *quota)
{
	D3DKMT_HANDLE extra = 0x55;
	int one;

	quota->device = ik_device();
	quota->fence = ik_fence(quota->device);
	for (int i = 0; i < 3; i++)
		quota->sessions[i] = ik_session(quota->device, quota->fence);
	assert_int_equal(ik_create_session(quota->device, quota->fence, NULL, 0, NULL, 0, &extra),
			 STATUS_INSUFFICIENT_RESOURCES);
	for (int i = 0; i < 4; i++)
		quota->nt_handles[i] = ik_share(quota->sessions[0]);
	assert_int_equal(ik_share_with(quota->sessions[0], GENERIC_ALL, &one), STATUS_INSUFFICIENT_RESOURCES);
	for (int i = 0; i < 3 + 11; i++)
		(void)ik_fence(quota->device);
	assert_int_equal(ik_open_fence(quota->device, quota->nt_handles[0], &extra, NULL), STATUS_OBJECT_TYPE_MISMATCH);
	assert_int_equal(ik_try_open_session(quota->nt_handles[0], &extra), STATUS_INSUFFICIENT_RESOURCES);
	assert_null(ik_process_of(ik, user));
	assert_int_equal(extra, 0x55);
}

static void one_users_limits_are_nobody_elses(void **state) /* KMT-72, CS-25, SEC-36 */
{
	struct ik_options options = { 0 };
	struct quota mine, theirs;
	struct kmt_connection *me, *them;
	struct ik *ik;
	int one;

	(void)state;
	ik_need_users();
	dxgk_limits_default(&options.limits);
	options.limits.handles = 20; /* adapter, device, fence, 3 sessions, 14 fences */
	options.limits.processes = 1;
	options.limits.nt_handles = 4;
	options.limits.sessions = 3;
	ik = ik_start(&options);
	me = ik_process_of(ik, IK_USER);
	assert_non_null(me);
	take_all(ik, IK_USER, &mine);
	/* All of it again, for another one. */
	them = ik_process_of(ik, IK_USER + 1);
	assert_non_null(them);
	take_all(ik, IK_USER + 1, &theirs);

	/* What the one gives back is not the other's. */
	assert_int_equal(ik_destroy_session(theirs.sessions[2]), STATUS_SUCCESS);
	close(theirs.nt_handles[3]);
	kmt_connection_set(me);
	assert_int_equal(ik_create_session(mine.device, mine.fence, NULL, 0, NULL, 0, NULL),
			 STATUS_INSUFFICIENT_RESOURCES);
	assert_int_equal(ik_share_with(mine.sessions[0], GENERIC_ALL, &one), STATUS_INSUFFICIENT_RESOURCES);
	kmt_connection_set(them);
	theirs.sessions[2] = ik_session(theirs.device, theirs.fence);
	theirs.nt_handles[3] = ik_share(theirs.sessions[0]);

	/* A session of another user costs its opener a handle. */
	kmt_connection_set(me);
	assert_int_equal(ik_destroy_session(mine.sessions[1]), STATUS_SUCCESS);
	mine.sessions[1] = ik_open_session(theirs.nt_handles[0]);
	assert_int_equal(ik_create_session(mine.device, mine.fence, NULL, 0, NULL, 0, NULL),
			 STATUS_INSUFFICIENT_RESOURCES);
	assert_int_equal(ik_destroy_session(mine.sessions[1]), STATUS_SUCCESS);
	mine.sessions[1] = ik_session(mine.device, mine.fence);
	ik_kill(ik, me);
	kmt_connection_set(them);
	for (int i = 0; i < 3; i++)
		ik_assert_status(theirs.sessions[i], OK);
	for (int i = 0; i < 4; i++) {
		close(mine.nt_handles[i]);
		close(theirs.nt_handles[i]);
	}
	ik_stop(ik);
}

int main(void)
{
	const struct CMUnitTest table[] = {
		cmocka_unit_test(new_values_have_the_shape),
		cmocka_unit_test(a_reserved_or_released_handle_means_nothing),
		cmocka_unit_test(a_value_waits_3072_cycles),
		cmocka_unit_test(the_table_walks_what_lives),
		cmocka_unit_test(a_table_may_begin_anywhere),
		cmocka_unit_test(the_table_ends_at_its_size),
	};
	const struct CMUnitTest entries[] = {
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		CASE(all_kinds_share_one_table),
		CASE(stale_handles_are_refused_through_the_entries),
		cmocka_unit_test(a_users_handles_have_a_limit),
		cmocka_unit_test(a_users_processes_have_a_limit),
		cmocka_unit_test(one_users_limits_are_nobody_elses),
	};

	int failures = cmocka_run_group_tests(entries, NULL, ik_group_teardown);

	/* No service comes near it. */
	if (!ik_over_wire())
		failures += cmocka_run_group_tests(table, NULL, NULL);
	return failures;
}
