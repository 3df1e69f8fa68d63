/* SPDX-License-Identifier: MIT */
/* Client processes: which connections are of one, and what token it has (AC-127, AC-128). */
#include "kernel_fixture.h"

#include <unistd.h>

/* ---- tokens ------------------------------------------------------------------------------------------------------ */

static void connections_of_a_process_have_one_token(void **state) /* AC-127 */
{
	UINT64 first, second;

	ik_process(*state);
	first = ik_token();
	assert_int_equal(ik_token(), first);
	ik_process_again(*state);
	assert_int_equal(ik_token(), first);
	ik_process(*state);
	second = ik_token();
	assert_true(second != first);
	ik_process_again(*state);
	assert_int_equal(ik_token(), second);
	assert_int_equal(ik_counts(*state).processes, 4);
}

static void the_driver_has_the_token(void **state) /* AC-127 */
{
	ik_process(*state);
	(void)ik_device();
	assert_int_equal((uintptr_t)ik_recorder.process, ik_token());
	ik_process(*state);
	(void)ik_device();
	assert_int_equal((uintptr_t)ik_recorder.process, ik_token());
}

static void a_token_lives_as_long_as_a_connection(void **state) /* AC-127, AC-128 */
{
	struct kmt_connection *one = ik_process(*state), *two = ik_process_again(*state);
	UINT64 mine = ik_token();

	assert_true(ik_is_alive(*state, mine));
	ik_kill(*state, one);
	assert_true(ik_is_alive(*state, mine));
	ik_kill(*state, two);
	assert_false(ik_is_alive(*state, mine));
	/* The same process, and a name that nobody ever had. */
	ik_process_again(*state);
	assert_true(ik_token() != mine);
	assert_false(ik_is_alive(*state, mine));
	assert_true(ik_is_alive(*state, ik_token()));
}

/* It has ended when its connection does, however long it takes to give all back. */
static void a_token_ends_before_all_is_given_back(void **state) /* AC-127 */
{
	enum { OPENED = 8 };
	static _Alignas(struct wire_header) uint8_t bytes[WIRE_MAX_MESSAGE];
	struct wire_packet reply = { .data = bytes, .capacity = WIRE_MAX_MESSAGE };
	struct wire_hello hello = {
		.header = { .size = sizeof(hello), .type = WIRE_HELLO },
		.magic = WIRE_MAGIC,
		.version = WIRE_VERSION,
	};
	struct wire_adapter open = { .header = { .size = sizeof(open), .type = WIRE_OPEN_ADAPTER } };
	struct wire_header list = { .size = sizeof(list), .type = WIRE_ENUM_ADAPTERS };
	const struct wire_packet requests[] = {
		{ .data = &hello, .size = sizeof(hello) },
		{ .data = &list, .size = sizeof(list) },
		{ .data = &open, .size = sizeof(open) },
	};
	struct dxgk_process *process;
	struct dxgk_kernel *kernel;
	UINT64 token;

	ik_skip_over_wire("test_service.c holds that the service does it in parts");
	kernel = ik_acquire(*state);
	assert_int_equal(dxgk_process_create(kernel, IK_USER, &process), 0);
	assert_int_equal(dxgk_process_identify(process, getpid(), /* birth= */ 1), 0);
	assert_int_equal(dxgk_transact(process, &requests[0], &reply), 0);
	token = ((const struct wire_welcome *)bytes)->token;
	assert_int_equal(dxgk_transact(process, &requests[1], &reply), 0);
	open.luid_low = ((const struct wire_adapter *)bytes)->luid_low;
	for (int i = 0; i < OPENED; i++)
		assert_int_equal(dxgk_transact(process, &requests[2], &reply), 0);
	ik_release(*state);
	assert_true(ik_is_alive(*state, token));
	for (int i = 0; i < OPENED; i++) {
		bool is_gone;

		(void)ik_acquire(*state);
		is_gone = dxgk_process_destroy_part(process, /* budget= */ 1);
		ik_release(*state);
		assert_true(is_gone == (i == OPENED - 1));
		assert_false(ik_is_alive(*state, token));
	}
}

static void no_other_number_is_a_process(void **state) /* AC-128 */
{
	UINT64 mine;

	ik_process(*state);
	mine = ik_token();
	assert_false(ik_is_alive(*state, 0));
	assert_false(ik_is_alive(*state, mine + 1));
	assert_false(ik_is_alive(*state, mine - 1));
	assert_false(ik_is_alive(*state, (uint32_t)mine));
	assert_false(ik_is_alive(*state, mine + DXGK_TURN * 1024));
	assert_false(ik_is_alive(*state, UINT64_MAX));
	assert_false(ik_is_alive(*state, (UINT64)getpid()));
}

/* One process number throughout, and each time another birth: as if numbers were given again at once. */
static void a_process_number_given_again_is_another_process(void **state) /* AC-127 */
{
	enum { TIMES = 2000 };
	UINT64 before = 0;

	for (int i = 0; i < TIMES; i++) {
		struct kmt_connection *process = ik_process(*state);
		UINT64 now = ik_token();

		assert_true(now > before);
		assert_false(ik_is_alive(*state, before));
		before = now;
		ik_kill(*state, process);
	}
}

static void many_processes_at_once(void **state) /* AC-127 */
{
	enum { COUNT = 100 };
	struct kmt_connection *processes[COUNT];
	UINT64 tokens[COUNT];

	for (int i = 0; i < COUNT; i++) {
		processes[i] = ik_process(*state);
		tokens[i] = ik_token();
	}
	for (int i = 0; i < COUNT; i += 2)
		ik_kill(*state, processes[i]);
	for (int i = 0; i < COUNT; i++) {
		assert_true(ik_is_alive(*state, tokens[i]) == (i % 2 == 1));
		for (int j = 0; j < i; j++)
			assert_true(tokens[i] != tokens[j]);
	}
}

/* Pid 0: of another PID namespace. Without a birth two connections can't be told from two processes. */
static void who_is_not_known_is_a_process_of_its_own(void **state) /* AC-127 */
{
	static const struct {
		pid_t pid;
		uint64_t birth;
	} unknown[] = { { 0, 0 }, { 0, 1 }, { 7, 0 } };
	struct kmt_connection *connections[2];
	struct ik *ik = *state;

	ik_skip_over_wire("the service asks the system who it is");
	for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
		UINT64 tokens[2];

		for (int j = 0; j < 2; j++) {
			connections[j] = kmt_in_process_connect_as(ik->mode, IK_USER, unknown[i].pid, unknown[i].birth);
			assert_non_null(connections[j]);
			kmt_connection_set(connections[j]);
			tokens[j] = ik_token();
		}
		assert_true(tokens[0] != tokens[1]);
		kmt_connection_destroy(connections[0]);
		assert_false(ik_is_alive(ik, tokens[0]));
		assert_true(ik_is_alive(ik, tokens[1]));
		kmt_connection_destroy(connections[1]);
	}
	kmt_connection_set(NULL);
}

static void a_token_is_asked_for(void **state)
{
	UINT64 token = 77;

	ik_process(*state);
	assert_int_equal(DxvaultGetProcessToken(NULL), STATUS_INVALID_PARAMETER);
	ik_end_service(*state);
	assert_int_equal(DxvaultGetProcessToken(&token), STATUS_DEVICE_REMOVED);
	assert_int_equal(token, 77);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, ik_setup, ik_teardown)
	const struct CMUnitTest tests[] = {
		CASE(connections_of_a_process_have_one_token),
		CASE(the_driver_has_the_token),
		CASE(a_token_lives_as_long_as_a_connection),
		CASE(a_token_ends_before_all_is_given_back),
		CASE(no_other_number_is_a_process),
		CASE(a_process_number_given_again_is_another_process),
		CASE(many_processes_at_once),
		CASE(who_is_not_known_is_a_process_of_its_own),
		CASE(a_token_is_asked_for),
	};

	return cmocka_run_group_tests(tests, NULL, ik_group_teardown);
}
