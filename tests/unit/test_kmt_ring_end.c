/* SPDX-License-Identifier: MIT */
/* The client's side of submission rings: a service that goes or can't be believed, the end of devices, threads, children. */
#include "kmt/rings.h"
#include "ring_fixture.h"

#include <sched.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- a service that goes, or can't be believed --------------------------------------------------------------------------- */

/* Whatever was under way is over, nothing was written, and there is no connection any more. */
static void assert_lost(D3DKMT_HANDLE device, const struct block *blocks, uint32_t count)
{
	struct block block = { 0 };

	assert_int_equal(DxvaultWaitEscapes(device, 0), STATUS_DEVICE_REMOVED);
	assert_int_equal(DxvaultWaitEscapes(device, 0), STATUS_DEVICE_REMOVED);
	for (uint32_t i = 0; i < count; i++)
		assert_true(block_is_asked(&blocks[i], i));
	assert_int_equal(ask(device, &block), STATUS_DEVICE_REMOVED);
	assert_int_equal(queue(device, &block), STATUS_DEVICE_REMOVED);
	assert_int_equal(destroy_device(device), STATUS_DEVICE_REMOVED);
}

static void test_a_counter_that_makes_no_sense_is_the_end(void **state)
{
	/* As far as from where it stood: beyond the submitted ones, back, and anywhere. */
	static const uint32_t jumps[] = { 6, UINT32_MAX, 0x80000000u, 0x80000001u, 1000, (uint32_t)-64 };

	(void)state;
	for (size_t i = 0; i < sizeof(jumps) / sizeof(jumps[0]); i++) {
		struct fake_side *side = fake_side_create();
		struct fake_ring *ring;
		struct block blocks[5];
		D3DKMT_HANDLE device;

		kmt_connection_set(side->connection);
		side->first = (uint32_t)i * 0x40000000u;
		device = make_ring(side, &ring);
		fake_ring_take_over(ring);
		queue_numbers(device, blocks, 5);
		fake_ring_complete(ring, ring->shared->completed + jumps[i]);
		if (i % 2) {
			block_set(&blocks[0], 0, STATUS_SUCCESS);
			assert_int_equal(ask(device, &blocks[0]), STATUS_DEVICE_REMOVED);
		}
		assert_lost(device, blocks, 5);
		assert_true(kmt_connection_is_lost(side->connection));
		kmt_connection_set(NULL);
		fake_side_destroy(side);
	}
}

/* It answered that there is something new, and was gone before that could be used: removed, and not a want of memory. */
static void test_a_service_that_goes_behind_a_new_object(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct fake_side *side = fake_side_create();
		D3DKMT_CREATEPROTECTEDSESSION session = { 0 };
		D3DKMT_CREATEDEVICE device = { 0 };

		kmt_connection_set(side->connection);
		if (i == 0) {
			side->deadly = WIRE_OBJECT_PAGE;
			assert_int_equal(D3DKMTCreateDevice(&device), STATUS_DEVICE_REMOVED);
			assert_int_equal(device.hDevice, 0);
		} else {
			assert_int_equal(D3DKMTCreateDevice(&device), STATUS_SUCCESS);
			session.hDevice = device.hDevice;
			side->deadly = WIRE_OBJECT_PAGE;
			assert_int_equal(D3DKMTCreateProtectedSession(&session), STATUS_DEVICE_REMOVED);
			assert_int_equal(session.hHandle, 0);
		}
		kmt_connection_set(NULL);
		fake_side_destroy(side);
	}
}

static struct fake_ring *sleeper;

static void close_before_sleep(void)
{
	fake_ring_break(sleeper, /* wakes= */ true);
}

static void test_a_ring_may_close_at_any_time(void **state)
{
	struct fake_side *side = *state;
	struct fake_ring *ring;
	struct block blocks[5];
	struct block block;
	D3DKMT_HANDLE device;

	for (unsigned int way = 0; way < 4; way++) {
		unsigned int messages = side->messages;
		unsigned int asked;

		device = make_ring(side, &ring);
		asked = side->rings_asked;
		fake_ring_take_over(ring);
		sleeper = ring;
		queue_numbers(device, blocks, 5);
		/* What it did before counts. */
		memcpy(ring->shared->entries[2].data, "answer", 6);
		ring->shared->entries[2].status = STATUS_SUCCESS;
		ring->shared->entries[1].status = STATUS_SUCCESS;
		fake_ring_complete(ring, 3);
		if (way == 3)
			on_sleep = close_before_sleep;
		else
			fake_ring_break(ring, /* wakes= */ way != 2);
		block_set(&block, 30, STATUS_SUCCESS);
		if (way == 1)
			assert_int_equal(ask(device, &block), STATUS_DEVICE_REMOVED);
		assert_int_equal(DxvaultWaitEscapes(device, 3), way == 1 ? STATUS_DEVICE_REMOVED : STATUS_SUCCESS);
		assert_memory_equal(&blocks[1], "answer", 6);
		assert_int_equal(DxvaultWaitEscapes(device, 0), way == 1 ? STATUS_SUCCESS : STATUS_DEVICE_REMOVED);
		for (uint32_t i = 2; i < 5; i++)
			assert_true(block_is_asked(&blocks[i], i));
		/* The device itself is as well as the control path says it is. */
		assert_int_equal(ask(device, &block), STATUS_SUCCESS);
		assert_int_equal(side->messages, messages + 1);
		assert_int_equal(side->rings_asked, asked);
		assert_int_equal(destroy_device(device), STATUS_SUCCESS);
		assert_int_equal(mappings_of_rings(), 0);
	}
}

static void test_a_service_that_is_gone_is_noticed(void **state)
{
	struct fake_side *side = *state;
	struct fake_ring *ring;
	struct block blocks[5];
	D3DKMT_HANDLE device;
	struct job job;

	device = make_ring(side, &ring);
	fake_ring_take_over(ring);
	queue_numbers(device, blocks, 5);
	job_start(&job, side, device, call_ask);
	pause_for(20);
	assert_false(job.is_done);
	side->is_dead = true;
	assert_int_equal(job_end(&job), STATUS_DEVICE_REMOVED);
	assert_true(block_is_asked(&job.block, 9));
	assert_lost(device, blocks, 5);
	/* Both of ours are the test's. */
	assert_int_equal(mappings_of_rings(), 1);
}

static void test_what_a_service_did_before_it_went_counts(void **state)
{
	struct fake_side *side = *state;
	struct fake_ring *ring;
	struct block block;
	D3DKMT_HANDLE device;

	device = make_ring(side, &ring);
	fake_ring_take_over(ring);
	ring->shared->entries[1].status = STATUS_NO_MEMORY;
	side->last_words = ring;
	block_set(&block, 0, STATUS_SUCCESS);
	assert_int_equal(ask(device, &block), STATUS_NO_MEMORY);
	assert_true(side->is_dead);
	assert_int_equal(ask(device, &block), STATUS_DEVICE_REMOVED);
}

/* ---- ends ---------------------------------------------------------------------------------------------------------------- */

static NTSTATUS call_destroy(struct job *job)
{
	return destroy_device(job->device);
}

static void test_a_device_goes_when_its_escapes_are_answered(void **state)
{
	struct fake_side *side = *state;
	struct fake_ring *ring;
	struct block blocks[5];
	D3DKMT_HANDLE device;
	struct job job;

	side->is_held = true;
	device = make_ring(side, &ring);
	assert_int_equal(mappings_of_rings(), 2);
	queue_numbers(device, blocks, 5);
	job_start(&job, side, device, call_destroy);
	pause_for(20);
	assert_false(job.is_done);
	fake_ring_allow(ring, FAKE_ALL);
	assert_int_equal(job_end(&job), STATUS_SUCCESS);
	for (uint32_t i = 0; i < 5; i++)
		assert_true(block_is_answered(&blocks[i], i));
	assert_int_equal(mappings_of_rings(), 0);
	assert_int_equal(DxvaultWaitEscapes(device, 0), STATUS_INVALID_PARAMETER);

	/* Many, one after the other and at once. */
	side->is_held = false;
	for (int i = 0; i < 50; i++)
		assert_int_equal(destroy_device(make_ring(side, &ring)), STATUS_SUCCESS);
	for (int i = 0; i < 40; i++)
		(void)make_ring(side, &ring);
	assert_int_equal(mappings_of_rings(), 80);
}

static void test_a_disconnect_waits_for_nobody(void **state)
{
	struct fake_side *side = *state;
	struct fake_ring *ring;
	struct block blocks[5];

	side->is_held = true;
	queue_numbers(make_ring(side, &ring), blocks, 5);
	kmt_connection_set(NULL);
	kmt_connection_destroy(side->connection);
	side->connection = NULL;
	assert_int_equal(mappings_of_rings(), 1);
	fake_ring_allow(ring, FAKE_ALL);
	while (ring->count < 6)
		sched_yield();
	for (uint32_t i = 0; i < 5; i++)
		assert_true(block_is_asked(&blocks[i], i));
}

/* ---- threads and children ------------------------------------------------------------------------------------------------- */

static NTSTATUS call_many(struct job *job)
{
	NTSTATUS status = STATUS_SUCCESS;

	for (uint32_t i = 0; i < 100 && status == STATUS_SUCCESS; i++) {
		block_set(&job->block, i, STATUS_SUCCESS);
		status = i % 3 ? ask(job->device, &job->block) : queue(job->device, &job->block);
		if (status == STATUS_SUCCESS && i % 3 == 0)
			status = DxvaultWaitEscapes(job->device, 0);
		if (status == STATUS_SUCCESS && !block_is_answered(&job->block, i))
			status = STATUS_UNSUCCESSFUL;
	}
	return status;
}

static void test_threads_take_turns(void **state)
{
	struct fake_ring *ring;
	D3DKMT_HANDLE device = make_device();
	struct job jobs[6];

	/* Four that all want to be the first, and two with devices of their own. */
	for (int i = 0; i < 6; i++)
		job_start(&jobs[i], *state, i < 4 ? device : make_ring(*state, &ring), call_many);
	for (int i = 0; i < 6; i++)
		assert_int_equal(job_end(&jobs[i]), STATUS_SUCCESS);
	assert_int_equal(((struct fake_side *)*state)->messages, 0);
	assert_int_equal(((struct fake_side *)*state)->rings_asked, 3);
}

static struct fake_side *hook_side;
static D3DKMT_HANDLE hook_device;
static struct fake_ring *hook_ring;

/* The next device gets the place that the record of this one had. */
static void replace_before_lock(void)
{
	assert_int_equal(destroy_device(hook_device), STATUS_SUCCESS);
	hook_side->last_index += KMT_RING_BUCKETS - 1;
	(void)make_ring(hook_side, &hook_ring);
}

static void ask_before_lock(void)
{
	struct block block = { 0 };

	assert_int_equal(ask(hook_device, &block), STATUS_SUCCESS);
}

static void test_what_others_did_before_the_lock_is_seen(void **state)
{
	struct block block = { 0 };

	hook_side = *state;
	hook_device = make_ring(*state, &hook_ring);
	on_lock = replace_before_lock;
	assert_int_equal(ask(hook_device, &block), STATUS_SUCCESS);
	assert_null(on_lock);
	assert_int_equal(hook_ring->count, 1);
	assert_int_equal(hook_side->messages, 1);

	hook_device = make_device();
	on_lock = ask_before_lock;
	assert_int_equal(ask(hook_device, &block), STATUS_SUCCESS);
	assert_null(on_lock);
	assert_int_equal(fake_side_ring(hook_side, hook_device)->count, 2);
	assert_int_equal(hook_side->rings_asked, 3);
	assert_int_equal(hook_side->messages, 1);
}

/* Whatever happens first: an answer, or no device. */
static void test_a_device_may_go_below_its_threads(void **state)
{
	for (int i = 0; i < 30; i++) {
		D3DKMT_HANDLE device = make_device();
		struct job jobs[2];

		job_start(&jobs[0], *state, device, call_many);
		job_start(&jobs[1], *state, device, call_ask);
		if (i % 2)
			pause_for(1);
		assert_int_equal(destroy_device(device), STATUS_SUCCESS);
		for (int j = 0; j < 2; j++) {
			NTSTATUS status = job_end(&jobs[j]);

			/* The control path of this service knows no device. */
			assert_true(status == STATUS_SUCCESS || status == STATUS_DEVICE_REMOVED ||
				    status == STATUS_INVALID_PARAMETER || status == STATUS_UNSUCCESSFUL);
		}
	}
}

/* In a child. 0: it has nothing of its parent's, and a ring of its own. */
static int child_looks(D3DKMT_HANDLE device, unsigned int events, struct block *parents)
{
	struct fake_side *before = process_side;
	struct block block = { 0 };
	struct fake_ring *ring;

	/* One is the parent's service's. */
	if (mappings_of_rings() != 1)
		return 1;
	if (open_events() != events)
		return 2;
	if (DxvaultWaitEscapes(device, 0) != STATUS_INVALID_PARAMETER)
		return 3;
	if (process_side == before)
		return 4;
	if (ask(device, &block) != STATUS_SUCCESS || process_side->messages != 1 || process_side->rings_asked != 0)
		return 5;
	process_side->last_index = 100;
	device = make_device();
	block_set(&block, 4, STATUS_SUCCESS);
	if (queue(device, &block) != STATUS_SUCCESS || DxvaultWaitEscapes(device, 0) != STATUS_SUCCESS)
		return 6;
	ring = fake_side_ring(process_side, device);
	if (!ring || ring->count != 1 || !block_is_answered(&block, 4) || !block_is_asked(parents, 0))
		return 7;
	return 0;
}

static void assert_child(pid_t child)
{
	int status = 0;

	assert_true(child > 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void test_a_child_has_no_ring_of_its_parent(void **state)
{
	struct fake_ring *ring;
	struct block blocks[3];
	D3DKMT_HANDLE device;
	unsigned int events;
	pid_t child;

	(void)state;
	/* The process's own connection, which the fork handlers know. */
	kmt_connection_set(NULL);
	(void)kmt_connection_get();
	process_side->is_held = true;
	device = make_ring(process_side, &ring);
	fake_ring_take_over(ring);
	queue_numbers(device, blocks, 3);
	assert_int_equal(mappings_of_rings(), 2);
	events = open_events();

	child = fork();
	if (child == 0)
		_exit(child_looks(device, events - 1, blocks));
	assert_child(child);
	/* Its copy of the doorbell stays. */
	child = _Fork();
	if (child == 0)
		_exit(child_looks(device, events, blocks));
	assert_child(child);
	/* One that makes no call, and has a child in its turn. */
	child = _Fork();
	if (child == 0) {
		int status = 1;

		child = fork();
		if (child == 0)
			_exit(child_looks(device, events, blocks));
		_exit(child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) ? WEXITSTATUS(status) : 99);
	}
	assert_child(child);

	/* The parent's goes on. */
	for (uint32_t i = 0; i < 3; i++) {
		assert_true(block_is_asked(&blocks[i], i));
		ring->shared->entries[i + 1].status = STATUS_SUCCESS;
	}
	fake_ring_complete(ring, 4);
	assert_int_equal(DxvaultWaitEscapes(device, 0), STATUS_SUCCESS);
	DxvaultDisconnect();
	process_side->connection = NULL;
	fake_side_destroy(process_side);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, ring_setup, ring_teardown)
		TEST(a_counter_that_makes_no_sense_is_the_end),
		TEST(a_service_that_goes_behind_a_new_object),
		TEST(a_ring_may_close_at_any_time),
		TEST(a_service_that_is_gone_is_noticed),
		TEST(what_a_service_did_before_it_went_counts),
		TEST(a_device_goes_when_its_escapes_are_answered),
		TEST(a_disconnect_waits_for_nobody),
		TEST(threads_take_turns),
		TEST(what_others_did_before_the_lock_is_seen),
		TEST(a_device_may_go_below_its_threads),
		TEST(a_child_has_no_ring_of_its_parent),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
