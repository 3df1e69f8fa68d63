/* SPDX-License-Identifier: MIT */
/* How rings end: with their device, their client, the kernel, with commands queued and transfers under way. */
#include "engine_fixture.h"

#include <string.h>

enum { GATE = 1, LARGE = 1 << 20 };

static const struct ef_command answer = { .action = EF_ANSWER };

/* Opens the gate once whoever ends the ring has had time to go wrong. */
struct opener {
	pthread_t thread;
	atomic_bool has_opened;
};

static void *open_later(void *argument)
{
	struct opener *opener = argument;

	usleep(30000);
	opener->has_opened = true;
	ef_gate_open(GATE);
	return NULL;
}

/* One transfer stands at the gate, 40 commands wait behind it. */
static void fill(struct ef_client *client, uint64_t size)
{
	ef_hold(client, &(struct ef_command) { .action = EF_MOVE, .size = size, .gate = GATE });
	for (int i = 0; i < 40; i++)
		ef_submit(client, &(struct ef_command) { .action = i % 2 ? EF_ANSWER : EF_MOVE, .size = 1000 });
	ef_driver.begun = 0;
	ef_driver.finished = 0;
}

/* The transfer is waited for, nothing else begins, nobody is told of it. */
static void end_within(uint32_t workers, uint64_t size, bool dies)
{
	struct dxgk_kernel *kernel = ef_start(workers, NULL);
	struct opener opener = { 0 };
	struct ef_client client, other;

	ef_client_open(&client, kernel);
	ef_client_again(&other, &client);
	ef_do(&other, &answer);
	fill(&client, size);
	assert_int_equal(pthread_create(&opener.thread, NULL, open_later, &opener), 0);
	if (dies)
		dxgk_process_destroy(client.process);
	else
		assert_int_equal(ef_call(client.process, WIRE_DESTROY_DEVICE, client.device), STATUS_SUCCESS);
	assert_true(opener.has_opened);
	assert_int_equal(ef_driver.finished, 1);
	assert_int_equal(ef_driver.begun, 0);
	assert_int_equal(ef_driver.devices, dies ? 0 : 1);
	assert_int_equal(client.ring->is_closed, 1);
	assert_int_equal(client.ring->completed, client.taken);
	assert_int_equal(ef_entry(&client, client.taken)->status, 0x7777);
	pthread_join(opener.thread, NULL);
	if (!dies) {
		ef_do(&other, &answer);
		dxgk_process_destroy(client.process);
	}
	ef_client_unmap(&other);
	ef_client_unmap(&client);
	ef_stop(kernel);
}

static void a_client_dies_with_commands_queued(void **state)
{
	(void)state;
	end_within(1, LARGE, /* dies= */ true);
	end_within(2, LARGE, /* dies= */ true);
	end_within(2, 4096, /* dies= */ true);
}

static void a_device_ends_with_commands_queued(void **state)
{
	(void)state;
	end_within(1, 4096, /* dies= */ false);
	end_within(2, LARGE, /* dies= */ false);
	end_within(4, 4096, /* dies= */ false);
}

/* While a client is waited for at its end, others wait too, and go on after. */
static void others_outlive_it(void **state)
{
	struct dxgk_kernel *kernel = ef_start(4, NULL);
	struct ef_client clients[3], victim;
	struct ef_flood floods[3] = { 0 };
	struct opener opener;

	(void)state;
	for (int i = 0; i < 3; i++) {
		ef_client_open(&clients[i], kernel);
		ef_flood_start(&floods[i], &clients[i],
			       (struct ef_command) { .action = EF_MOVE, .size = 1000u << 5 * i }, 5);
	}
	for (int i = 0; i < 10; i++) {
		uint32_t done[3];

		ef_client_open(&victim, kernel);
		fill(&victim, i % 2 ? LARGE : 4096);
		opener.has_opened = false;
		assert_int_equal(pthread_create(&opener.thread, NULL, open_later, &opener), 0);
		ef_client_kill(&victim);
		assert_true(opener.has_opened);
		pthread_join(opener.thread, NULL);
		for (int j = 0; j < 3; j++)
			done[j] = floods[j].done;
		for (int j = 0; j < 3; j++)
			ef_until(floods[j].done > done[j] + 10);
	}
	for (int i = 0; i < 3; i++) {
		ef_flood_stop(&floods[i]);
		ef_client_kill(&clients[i]);
	}
	ef_stop(kernel);
}

/* At any moment of a command, and of a worker's way to sleep. */
static void everything_ends_at_any_moment(void **state)
{
	static const uint32_t counts[] = { 1, 2, 4 };
	uint32_t random = 31;

	(void)state;
	for (int round = 0; round < 600; round++) {
		struct dxgk_kernel *kernel = ef_start(counts[round % 3], NULL);
		struct ef_client clients[2];

		ef_client_open(&clients[0], kernel);
		ef_client_again(&clients[1], &clients[0]);
		for (uint32_t i = ef_random(&random) % 20; i > 0; i--)
			ef_submit(&clients[i % 2],
				  &(struct ef_command) { .action = EF_MOVE, .size = 1 + ef_random(&random) % LARGE });
		if (round % 2)
			while (clients[0].taken != clients[0].submitted)
				(void)ef_take(&clients[0], NULL);
		/* Workers look for some ten microseconds before they sleep. */
		ef_pause(ef_random(&random) % 60000);
		dxgk_process_destroy(clients[0].process);
		ef_client_unmap(&clients[1]);
		ef_client_unmap(&clients[0]);
		ef_pause(ef_random(&random) % 3 * 10000);
		ef_stop(kernel);
	}
}

/* Devices come and go beside rings that are busy; places of rings are used again. */
static void rings_come_and_go(void **state)
{
	struct dxgk_kernel *kernel = ef_start(2, NULL);
	struct ef_client busy, client[4];
	struct ef_flood flood = { 0 };
	uint32_t random = 5;

	(void)state;
	ef_client_open(&busy, kernel);
	ef_flood_start(&flood, &busy, (struct ef_command) { .action = EF_MOVE, .size = 70000 }, 20);
	for (int i = 0; i < 4; i++)
		ef_client_open(&client[i], kernel);
	for (int round = 0; round < 1500; round++) {
		struct ef_client *one = &client[ef_random(&random) % 4];

		for (uint32_t i = ef_random(&random) % 3; i > 0; i--)
			ef_do(one, &(struct ef_command) { .action = EF_ANSWER, .number = i });
		for (uint32_t i = ef_random(&random) % 5; i > 0; i--)
			ef_submit(one, &answer);
		if (ef_random(&random) % 2)
			ef_client_kill(one);
		else {
			assert_int_equal(ef_call(one->process, WIRE_DESTROY_DEVICE, one->device), STATUS_SUCCESS);
			ef_client_kill(one);
		}
		ef_client_open(one, kernel);
	}
	ef_flood_stop(&flood);
	for (int i = 0; i < 4; i++)
		ef_client_kill(&client[i]);
	ef_client_kill(&busy);
	ef_stop(kernel);
}

/* A ring whose command waits for another transfer ends as well. */
static void a_blocked_ring_ends(void **state)
{
	struct dxgk_kernel *kernel = ef_start(2, NULL);
	struct ef_client holder, blocked;

	(void)state;
	ef_client_open(&holder, kernel);
	ef_client_open(&blocked, kernel);
	ef_hold(&holder, &(struct ef_command) { .action = EF_MOVE, .size = LARGE, .key = 1, .gate = GATE });
	ef_submit(&blocked, &(struct ef_command) { .action = EF_MOVE, .size = 10, .key = 1 });
	ef_until(ef_driver.retried > 0);
	ef_client_kill(&blocked);
	ef_gate_open(GATE);
	assert_int_equal(ef_take(&holder, NULL), STATUS_SUCCESS);
	assert_int_equal(ef_driver.begun_of[1], holder.submitted);
	ef_do(&holder, &answer);
	ef_client_kill(&holder);
	ef_stop(kernel);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_client_dies_with_commands_queued),
		cmocka_unit_test(a_device_ends_with_commands_queued),
		cmocka_unit_test(others_outlive_it),
		cmocka_unit_test(everything_ends_at_any_moment),
		cmocka_unit_test(rings_come_and_go),
		cmocka_unit_test(a_blocked_ring_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
