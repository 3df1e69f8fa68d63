/* SPDX-License-Identifier: MIT */
/* The client's side of submission rings: what goes there, queues, sleeping and waking. */
#include "ring_fixture.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

/* ---- where an escape goes ---------------------------------------------------------------------------------------- */

static void test_an_escape_takes_the_ring_and_no_message(void **state)
{
	D3DKMT_HANDLE device = make_device();
	struct fake_side *side = *state;
	const struct wire_ring_entry *seen;
	struct block block;
	D3DKMT_ESCAPE arg;

	block_set(&block, 3, STATUS_SUCCESS);
	arg = escape_of(device, &block);
	arg.hContext = 0x40001240;
	arg.Flags.HardwareAccess = 1;
	arg.PrivateDriverDataSize = 50;
	assert_int_equal(D3DKMTEscape(&arg), STATUS_SUCCESS);
	assert_int_equal(side->messages, 0);
	assert_int_equal(side->rings_asked, 1);
	assert_int_equal(fake_side_ring(side, device)->count, 1);
	seen = &fake_side_ring(side, device)->seen[0];
	assert_int_equal(seen->adapter, FAKE_ADAPTER);
	assert_int_equal(seen->context, 0x40001240);
	assert_int_equal(seen->type, D3DKMT_ESCAPE_DRIVERPRIVATE);
	assert_int_equal(seen->flags, arg.Flags.Value);
	assert_int_equal(seen->size, 50);
	assert_int_equal(block.command.number, 3 + FAKE_ANSWER);
	assert_int_equal(block.bytes[0], (uint8_t)~3);
	/* The 51st byte is none of its. */
	assert_int_equal(block.bytes[50 - sizeof(block.command) - 1], (uint8_t) ~(3 + 37));
	assert_int_equal(block.bytes[50 - sizeof(block.command)], 3 + 38);

	/* One is enough for a device, and each has its own. */
	block_set(&block, 4, STATUS_NO_MEMORY);
	assert_int_equal(ask(device, &block), STATUS_NO_MEMORY);
	assert_true(block_is_asked(&block, 4));
	assert_int_equal(side->rings_asked, 1);
	assert_int_equal(ask(make_device(), &block), STATUS_NO_MEMORY);
	assert_int_equal(side->rings_asked, 2);
	assert_int_equal(side->messages, 0);
}

static void test_what_is_not_for_a_ring_is_a_message(void **state)
{
	struct fake_side *side = *state;
	uint8_t large[WIRE_RING_DATA + 1] = { 0 };
	D3DKMT_HANDLE device = make_device();
	struct block block = { 0 };
	const D3DKMT_ESCAPE good = escape_of(device, &block);
	D3DKMT_ESCAPE arg[6] = { good, good, good, good, good, good };

	arg[0].Flags.Value = 0;
	arg[1].pPrivateDriverData = large;
	arg[1].PrivateDriverDataSize = sizeof(large);
	arg[2].Type = (D3DKMT_ESCAPETYPE)1;
	arg[3].hDevice = 0;
	arg[4].hDevice = device + 0x40;
	arg[5].pPrivateDriverData = NULL;
	arg[5].PrivateDriverDataSize = 0;
	for (unsigned int i = 0; i < 6; i++) {
		assert_int_equal(D3DKMTEscape(&arg[i]), STATUS_SUCCESS);
		assert_int_equal(side->messages, 2 * i + 1);
		assert_int_equal(DxvaultQueueEscape(&arg[i]), STATUS_SUCCESS);
		assert_int_equal(side->messages, 2 * i + 2);
	}
	assert_int_equal(side->rings_asked, 0);
	arg[0].PrivateDriverDataSize = 1;
	arg[0].pPrivateDriverData = NULL;
	assert_int_equal(DxvaultQueueEscape(&arg[0]), STATUS_INVALID_PARAMETER);
	assert_int_equal(DxvaultQueueEscape(NULL), STATUS_INVALID_PARAMETER);
	assert_int_equal(DxvaultWaitEscapes(device, 0), STATUS_SUCCESS);
	assert_int_equal(DxvaultWaitEscapes(device + 0x40, 0), STATUS_INVALID_PARAMETER);
	assert_int_equal(DxvaultWaitEscapes(0, 0), STATUS_INVALID_PARAMETER);
}

static void assert_messages(struct fake_side *side, unsigned int asked)
{
	D3DKMT_HANDLE device = make_device();
	unsigned int messages = side->messages;
	struct block block = { 0 };

	asked += side->rings_asked;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(ask(device, &block), STATUS_SUCCESS);
		assert_int_equal(queue(device, &block), STATUS_SUCCESS);
		assert_int_equal(DxvaultWaitEscapes(device, 0), STATUS_SUCCESS);
	}
	assert_int_equal(side->rings_asked, asked);
	assert_int_equal(side->messages, messages + 6);
	assert_int_equal(destroy_device(device), STATUS_SUCCESS);
	assert_int_equal(mappings_of_rings(), 0);
	assert_int_equal(open_events(), 0);
}

static void test_without_a_ring_there_are_messages(void **state)
{
	static const NTSTATUS refusals[] = { STATUS_NOT_SUPPORTED, STATUS_INSUFFICIENT_RESOURCES, STATUS_NO_MEMORY };
	struct fake_side *side = *state;
	struct fake_ring *ring;

	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		side->ring_status = refusals[i];
		assert_messages(side, 1);
	}
	side->ring_status = STATUS_SUCCESS;
	for (side->ring_descriptors = 0; side->ring_descriptors < 2; side->ring_descriptors++)
		assert_messages(side, 1);
	side->ring_size -= 1;
	assert_messages(side, 1);
	side->ring_size += 1;
	side->lead = 1;
	assert_messages(side, 1);
	side->lead = 0;
	(void)make_ring(side, &ring);
}

static void test_no_ring_where_the_user_wants_none(void **state)
{
	struct fake_ring *ring;

	assert_int_equal(setenv("DXVAULT_RING", "off", 1), 0);
	assert_messages(*state, 0);
	assert_int_equal(setenv("DXVAULT_RING", "on", 1), 0);
	(void)make_ring(*state, &ring);
	assert_int_equal(unsetenv("DXVAULT_RING"), 0);
}

/* KMT-84 */
static NTSTATUS APIENTRY own_escape(CONST D3DKMT_ESCAPE *arg)
{
	((struct block *)arg->pPrivateDriverData)->command.number = 77;
	return STATUS_SUCCESS;
}

static void test_a_client_driver_gets_queued_escapes_too(void **state)
{
	const DXVAULT_CLIENT_DRIVER driver = { sizeof(driver), DXVAULT_CLIENT_DRIVER_VERSION, .pfnEscape = own_escape };
	D3DKMT_HANDLE device = make_device();
	struct fake_side *side = *state;
	struct block block;

	block_set(&block, 1, STATUS_SUCCESS);
	assert_int_equal(DxvaultRegisterClientDriver(&driver), STATUS_SUCCESS);
	assert_int_equal(queue(device, &block), STATUS_SUCCESS);
	assert_int_equal(block.command.number, 77);
	assert_int_equal(DxvaultWaitEscapes(device, 0), STATUS_SUCCESS);
	assert_int_equal(DxvaultWaitEscapes(12345, 0), STATUS_SUCCESS);
	assert_int_equal(DxvaultUnregisterClientDriver(), STATUS_SUCCESS);
	assert_int_equal(DxvaultWaitEscapes(12345, 0), STATUS_INVALID_PARAMETER);
	assert_int_equal(side->rings_asked, 0);
}

/* ---- queues --------------------------------------------------------------------------------------------------------- */

static void test_answers_come_in_order_and_to_their_owners(void **state)
{
	static struct block blocks[2000];
	struct fake_ring *ring;
	D3DKMT_HANDLE device = make_ring(*state, &ring);

	queue_numbers(device, blocks, 2000);
	assert_int_equal(DxvaultWaitEscapes(device, 0), STATUS_SUCCESS);
	assert_int_equal(ring->count, 2001);
	for (uint32_t i = 0; i < 2000; i++) {
		struct block seen;

		assert_true(block_is_answered(&blocks[i], i));
		memcpy(&seen, ring->seen[i + 1].data, sizeof(seen));
		assert_true(block_is_asked(&seen, i));
	}
	assert_int_equal(((struct fake_side *)*state)->messages, 0);
}

static NTSTATUS call_queue(struct job *job)
{
	return queue(job->device, &job->block);
}

static NTSTATUS call_wait_3(struct job *job)
{
	return DxvaultWaitEscapes(job->device, 3);
}

static void test_64_are_under_way_and_no_more(void **state)
{
	struct fake_side *side = *state;
	struct block blocks[WIRE_RING_ENTRIES];
	struct fake_ring *ring;
	D3DKMT_HANDLE device;
	struct job job;

	side->is_held = true;
	device = make_ring(side, &ring);
	queue_numbers(device, blocks, WIRE_RING_ENTRIES);
	assert_int_equal(ring->shared->submitted - ring->shared->completed, WIRE_RING_ENTRIES);
	for (uint32_t i = 0; i < WIRE_RING_ENTRIES; i++)
		assert_true(block_is_asked(&blocks[i], i));
	job_start(&job, side, device, call_queue);
	pause_for(50);
	assert_false(job.is_done);
	assert_int_equal(ring->shared->submitted - ring->shared->completed, WIRE_RING_ENTRIES);
	fake_ring_allow(ring, 1);
	assert_int_equal(job_end(&job), STATUS_SUCCESS);
	assert_true(block_is_asked(&job.block, 9));
	assert_true(block_is_answered(&blocks[0], 0));
	assert_true(block_is_asked(&blocks[1], 1));
	fake_ring_allow(ring, FAKE_ALL);
	assert_int_equal(DxvaultWaitEscapes(device, 0), STATUS_SUCCESS);
	assert_true(block_is_answered(&job.block, 9));
	for (uint32_t i = 0; i < WIRE_RING_ENTRIES; i++)
		assert_true(block_is_answered(&blocks[i], i));
}

static void test_a_wait_leaves_the_last_ones_under_way(void **state)
{
	struct fake_side *side = *state;
	struct fake_ring *ring;
	struct block blocks[10];
	D3DKMT_HANDLE device;
	struct job job;

	side->is_held = true;
	device = make_ring(side, &ring);
	queue_numbers(device, blocks, 10);
	assert_int_equal(DxvaultWaitEscapes(device, 10), STATUS_SUCCESS);
	assert_int_equal(DxvaultWaitEscapes(device, UINT32_MAX), STATUS_SUCCESS);
	fake_ring_allow(ring, 6);
	job_start(&job, side, device, call_wait_3);
	pause_for(20);
	assert_false(job.is_done);
	fake_ring_allow(ring, 1);
	assert_int_equal(job_end(&job), STATUS_SUCCESS);
	for (uint32_t i = 0; i < 10; i++)
		assert_true(i < 7 ? block_is_answered(&blocks[i], i) : block_is_asked(&blocks[i], i));

	/* One that waits for itself comes behind them, and they are done then. */
	fake_ring_allow(ring, FAKE_ALL);
	block_set(&job.block, 20, STATUS_SUCCESS);
	assert_int_equal(ask(device, &job.block), STATUS_SUCCESS);
	for (uint32_t i = 7; i < 10; i++)
		assert_true(block_is_answered(&blocks[i], i));
	assert_int_equal(DxvaultWaitEscapes(device, 0), STATUS_SUCCESS);
}

static void test_the_first_refusal_is_told_once_and_ends_the_queue(void **state)
{
	struct fake_side *side = *state;
	struct fake_ring *ring;
	struct block blocks[6];
	D3DKMT_HANDLE device;
	struct job job;

	side->is_held = true;
	device = make_ring(side, &ring);
	for (uint32_t i = 0; i < 6; i++) {
		block_set(&blocks[i], i, i == 1 ? STATUS_NO_MEMORY : i == 3 ? STATUS_NOT_SUPPORTED : STATUS_SUCCESS);
		assert_int_equal(queue(device, &blocks[i]), STATUS_SUCCESS);
	}
	fake_ring_allow(ring, 3);
	job_start(&job, side, device, call_wait_3);
	pause_for(20);
	assert_false(job.is_done);
	fake_ring_allow(ring, FAKE_ALL);
	assert_int_equal(job_end(&job), STATUS_NO_MEMORY);
	for (uint32_t i = 0; i < 6; i++)
		assert_true(i == 1 || i == 3 ? block_is_asked(&blocks[i], i) : block_is_answered(&blocks[i], i));
	assert_int_equal(DxvaultWaitEscapes(device, 0), STATUS_SUCCESS);

	/* What was waited for has told already; what was not is kept, whoever took the answer. */
	block_set(&blocks[0], 0, STATUS_NO_MEMORY);
	assert_int_equal(ask(device, &blocks[0]), STATUS_NO_MEMORY);
	assert_int_equal(DxvaultWaitEscapes(device, 0), STATUS_SUCCESS);
	assert_int_equal(queue(device, &blocks[0]), STATUS_SUCCESS);
	block_set(&blocks[1], 1, STATUS_SUCCESS);
	assert_int_equal(ask(device, &blocks[1]), STATUS_SUCCESS);
	assert_int_equal(DxvaultWaitEscapes(device, 0), STATUS_NO_MEMORY);
	assert_int_equal(DxvaultWaitEscapes(device, 0), STATUS_SUCCESS);
}

static void test_the_counters_go_round(void **state)
{
	struct fake_side *side = *state;
	struct fake_ring *ring;
	struct block blocks[200];
	D3DKMT_HANDLE device;

	side->first = UINT32_MAX - 100;
	device = make_ring(side, &ring);
	for (uint32_t i = 0; i < 70; i++) {
		block_set(&blocks[i], i, STATUS_SUCCESS);
		assert_int_equal(ask(device, &blocks[i]), STATUS_SUCCESS);
		assert_true(block_is_answered(&blocks[i], i));
	}
	queue_numbers(device, blocks, 200);
	assert_int_equal(DxvaultWaitEscapes(device, 0), STATUS_SUCCESS);
	for (uint32_t i = 0; i < 200; i++)
		assert_true(block_is_answered(&blocks[i], i));
	assert_int_equal(ring->shared->completed, 170);
	assert_int_equal(side->messages, 0);
}

/* ---- sleeping and waking ---------------------------------------------------------------------------------------------- */

static void test_a_service_that_sleeps_is_rung_for_and_another_is_not(void **state)
{
	struct fake_side *side = *state;
	struct fake_ring *ring;
	D3DKMT_HANDLE device = make_ring(side, &ring);
	struct block blocks[20];
	struct block block;

	for (uint32_t i = 0; i < 20; i++) {
		while (!ring->shared->service_sleeps)
			sched_yield();
		block_set(&block, i, STATUS_SUCCESS);
		assert_int_equal(ask(device, &block), STATUS_SUCCESS);
	}
	assert_false(ring->missed);

	/* Rung for once, however much there is: the doorbell is no count. */
	fake_ring_take_over(ring);
	writes = 0;
	ring->shared->service_sleeps = 0;
	queue_numbers(device, blocks, 10);
	assert_int_equal(writes, 0);
	ring->shared->service_sleeps = 1;
	queue_numbers(device, &blocks[10], 10);
	assert_int_equal(writes, 10);

	/* Nor does a doorbell that has no room for more keep anybody. */
	assert_int_equal(eventfd_write(ring->doorbell, UINT64_MAX - 1 - 10), 0);
	block_set(&block, 1, STATUS_SUCCESS);
	assert_int_equal(queue(device, &block), STATUS_SUCCESS);
	assert_int_equal(writes, 11);
	fake_ring_complete(ring, ring->shared->submitted);
}

static void test_a_client_that_sleeps_is_woken(void **state)
{
	enum { ROUNDS = 30 };
	struct fake_side *side = *state;
	struct fake_ring *ring;
	D3DKMT_HANDLE device = make_ring(side, &ring);
	struct block block;

	futex_timeouts = 0;
	ring->wakes = 0;
	for (uint32_t i = 0; i < ROUNDS; i++) {
		block_set(&block, i, STATUS_SUCCESS);
		block.command.waits_for_sleep = 1;
		assert_int_equal(ask(device, &block), STATUS_SUCCESS);
		assert_true(block_is_answered(&block, i));
	}
	assert_int_equal(ring->wakes, ROUNDS);
	/* Each answer that is missed costs one. A machine that stands still for that long may cost some too. */
	assert_true(futex_timeouts < ROUNDS / 2);
	assert_int_equal(ring->shared->client_sleeps, 0);
}

static struct fake_ring *sleeper;
static unsigned int said_so;

static void complete_before_sleep(void)
{
	said_so += sleeper->shared->client_sleeps;
	/* The wake finds nobody. */
	fake_ring_complete(sleeper, sleeper->shared->submitted);
}

static void test_an_answer_between_the_look_and_the_sleep_is_seen(void **state)
{
	struct block block;
	D3DKMT_HANDLE device;

	device = make_ring(*state, &sleeper);
	fake_ring_take_over(sleeper);
	futex_timeouts = 0;
	said_so = 0;
	for (uint32_t i = 0; i < 20; i++) {
		block_set(&block, i, STATUS_SUCCESS);
		on_sleep = complete_before_sleep;
		assert_int_equal(ask(device, &block), STATUS_SUCCESS);
		assert_null(on_sleep);
	}
	/* It had said so before it looked for the last time: else no service would have woken it. */
	assert_int_equal(said_so, 20);
	assert_int_equal(futex_timeouts, 0);
}

static void test_a_warm_ring_takes_no_system_call(void **state)
{
	struct fake_ring *ring;
	D3DKMT_HANDLE device;
	unsigned int quiet = 0;
	struct block block;

	if (!has_processors())
		skip();
	device = make_ring(*state, &ring);
	ring->spins = true;
	fake_ring_allow(ring, FAKE_ALL);
	for (unsigned int i = 0; i < 100000 && quiet < 5; i++) {
		unsigned int before = futex_waits + writes;

		block_set(&block, i, STATUS_SUCCESS);
		assert_int_equal(ask(device, &block), STATUS_SUCCESS);
		quiet += futex_waits + writes == before;
	}
	assert_int_equal(quiet, 5);
}

static void test_who_has_one_processor_does_not_spin(void **state)
{
	struct fake_ring *ring;
	struct block block;
	D3DKMT_HANDLE device;

	one_processor = true;
	device = make_ring(*state, &ring);
	fake_ring_take_over(ring);
	sleeper = ring;
	for (unsigned int i = 0; i < 20; i++) {
		block_set(&block, i, STATUS_SUCCESS);
		on_sleep = complete_before_sleep;
		clock_looks = 0;
		assert_int_equal(ask(device, &block), STATUS_SUCCESS);
		assert_null(on_sleep);
		/* It times its sleep. Who spins looks more often. */
		assert_true(clock_looks <= 2);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, ring_setup, ring_teardown)
		TEST(an_escape_takes_the_ring_and_no_message),
		TEST(what_is_not_for_a_ring_is_a_message),
		TEST(without_a_ring_there_are_messages),
		TEST(no_ring_where_the_user_wants_none),
		TEST(a_client_driver_gets_queued_escapes_too),
		TEST(answers_come_in_order_and_to_their_owners),
		TEST(64_are_under_way_and_no_more),
		TEST(a_wait_leaves_the_last_ones_under_way),
		TEST(the_first_refusal_is_told_once_and_ends_the_queue),
		TEST(the_counters_go_round),
		TEST(a_service_that_sleeps_is_rung_for_and_another_is_not),
		TEST(a_client_that_sleeps_is_woken),
		TEST(an_answer_between_the_look_and_the_sleep_is_seen),
		TEST(a_warm_ring_takes_no_system_call),
		TEST(who_has_one_processor_does_not_spin),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
