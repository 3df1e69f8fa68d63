/* SPDX-License-Identifier: MIT */
/* Going to sleep and being woken, on both sides of a ring: no wake-up is lost, and who has nothing to do does nothing. */
#include "engine_fixture.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { GATE = 1 };

static const struct ef_command answer = { .action = EF_ANSWER };

/* ---- no wake-up is lost -------------------------------------------------------------------------------------- */

/* Commands one by one, each at some moment of the service's way to sleep. */
struct pinger {
	struct ef_client client;
	pthread_t thread;
	uint32_t rounds; /* at most; done */
	uint32_t random;
};

/* On a machine that is busy with other things each sleep takes its time. */
enum { PING_TIME = 900000000 };

/*
 * What matters is a command that comes just when the service decides that there is none. So most come at once, and the
 * others when the ring fell asleep the last time, a little before or after.
 */
static void *ping(void *argument)
{
	struct pinger *pinger = argument;
	struct ef_client *client = &pinger->client;
	struct ef_command command = { .action = EF_ANSWER }, got;
	const uint64_t start = spin_clock();
	uint64_t asleep = 20000;
	uint32_t i;

	for (i = 0; i < pinger->rounds && spin_clock() - start < PING_TIME; i++) {
		uint32_t kind = ef_random(&pinger->random) % 64;

		if (kind == 0) {
			uint64_t begin = spin_clock();

			while (!client->ring->service_sleeps && spin_clock() - begin < 1000000)
				spin_pause();
			asleep = spin_clock() - begin;
		} else if (kind < 8) {
			ef_pause((asleep > 1024 ? asleep - 1024 : 0) + ef_random(&pinger->random) % 2048);
		} else if (kind < 16) {
			ef_pause(ef_random(&pinger->random) % 2048);
		}
		command.number = i;
		command.action = i % 2 ? EF_ANSWER : EF_MOVE;
		command.size = 1;
		ef_submit(client, &command);
		if (ef_take(client, &got) != STATUS_SUCCESS || got.answer != ef_answer(i))
			ef_driver.complaint = "a wrong answer";
	}
	pinger->rounds = i;
	return NULL;
}

static void ping_all(uint32_t workers, uint32_t rings, uint32_t rounds)
{
	struct dxgk_kernel *kernel = ef_start(workers, NULL);
	struct pinger pingers[4] = { 0 };
	uint32_t all = 0;

	for (uint32_t i = 0; i < rings; i++) {
		ef_client_open(&pingers[i].client, kernel);
		pingers[i].random = 1 + i;
		pingers[i].rounds = rounds;
		assert_int_equal(pthread_create(&pingers[i].thread, NULL, ping, &pingers[i]), 0);
	}
	for (uint32_t i = 0; i < rings; i++)
		pthread_join(pingers[i].thread, NULL);
	for (uint32_t i = 0; i < rings; i++) {
		all += pingers[i].rounds;
		ef_client_kill(&pingers[i].client);
	}
	print_message("# %u workers, %u rings: %u rounds\n", workers, rings, all);
	ef_stop(kernel);
}

static void no_wake_up_is_lost_with_one_worker(void **state)
{
	(void)state;
	ping_all(1, 1, 40000);
	ping_all(1, 3, 5000);
}

static void no_wake_up_is_lost_with_two_workers(void **state)
{
	(void)state;
	ping_all(2, 1, 20000);
	ping_all(2, 3, 5000);
}

static void no_wake_up_is_lost_with_four_workers(void **state)
{
	(void)state;
	ping_all(4, 1, 10000);
	ping_all(4, 4, 4000);
}

/* ---- idle ---------------------------------------------------------------------------------------------------- */

/* Both counts of a thread's status; 0 if it is no worker: a sanitizer has threads too. */
static uint64_t read_switches(FILE *status)
{
	bool is_worker = false;
	uint64_t sum = 0;
	char line[256];

	while (fgets(line, sizeof(line), status)) {
		const char *found = strstr(line, "ctxt_switches:");

		if (strcmp(line, "Name:\tdxvault-engine\n") == 0)
			is_worker = true;
		if (found)
			sum += strtoul(found + strlen("ctxt_switches:"), NULL, 10);
	}
	return is_worker ? sum : 0;
}

/* The sum of all switches of all workers. */
static uint64_t count_switches(void)
{
	DIR *folder = opendir("/proc/self/task");
	uint64_t sum = 0;
	struct dirent *item;

	assert_non_null(folder);
	while ((item = readdir(folder))) {
		char name[300];
		FILE *status;

		if (item->d_name[0] == '.')
			continue;
		(void)snprintf(name, sizeof(name), "/proc/self/task/%s/status", item->d_name);
		status = fopen(name, "re");
		/* A thread that was joined may be seen for a moment. */
		if (!status)
			continue;
		sum += read_switches(status);
		assert_int_equal(fclose(status), 0);
	}
	closedir(folder);
	assert_true(sum > 0);
	return sum;
}

/* Soon nobody runs any more, for good. */
static void assert_idle(void)
{
	uint64_t before = count_switches(), after;

	for (int tries = 0; tries < 20; tries++) {
		usleep(300000);
		after = count_switches();
		if (after == before)
			return;
		before = after;
	}
	fail_msg("somebody goes on running");
}

/* A client that rings a doorbell without a ring. */
static void assert_deaf(const struct ef_client *client)
{
	static const uint64_t one = 1;
	uint64_t before = count_switches();

	for (int i = 0; i < 20; i++) {
		assert_int_equal(write(client->doorbell, &one, sizeof(one)), sizeof(one));
		usleep(5000);
	}
	assert_int_equal(count_switches(), before);
}

/* How much of a processor this program used while it should have slept. */
static uint64_t used_while_asleep(useconds_t time)
{
	struct timespec used[2];

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used[0]);
	usleep(time);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used[1]);
	return (uint64_t)(used[1].tv_sec - used[0].tv_sec) * 1000000000u +
	       (uint64_t)(used[1].tv_nsec - used[0].tv_nsec);
}

static void idle_means_no_wake_ups(void **state)
{
	struct dxgk_kernel *kernel = ef_start(4, NULL);
	struct ef_client clients[3];

	(void)state;
	for (int i = 0; i < 3; i++)
		ef_client_open(&clients[i], kernel);
	for (int i = 0; i < 300; i++) {
		ef_do(&clients[i % 3], &answer);
		ef_do(&clients[i % 3], &(struct ef_command) { .action = EF_MOVE, .size = 1 << 20 });
	}
	assert_idle();
	for (int i = 0; i < 3; i++)
		assert_int_equal(clients[i].ring->service_sleeps, 1);
	/* What is broken or gone wakes nobody either. */
	atomic_fetch_add(&clients[0].ring->submitted, 1000);
	ef_ring(&clients[0]);
	ef_until(clients[0].ring->is_closed);
	ef_do(&clients[1], &answer);
	assert_int_equal(ef_call(clients[1].process, WIRE_DESTROY_DEVICE, clients[1].device), STATUS_SUCCESS);
	assert_idle();
	assert_deaf(&clients[1]);
	ef_do(&clients[2], &answer);
	for (int i = 0; i < 3; i++)
		ef_client_kill(&clients[i]);
	ef_stop(kernel);
}

/* One worker has the last part of a transfer; for the others there is nothing to do, nor to look for. */
static void who_cannot_help_sleeps(void **state)
{
	struct dxgk_kernel *kernel = ef_start(4, NULL);
	struct ef_client holder, blocked;
	uint64_t used = UINT64_MAX;

	(void)state;
	ef_client_open(&holder, kernel);
	ef_client_open(&blocked, kernel);
	ef_hold(&holder, &(struct ef_command) { .action = EF_MOVE, .size = 2 << 20, .key = 1, .gate = GATE });
	/* This one can't go on either, and is no reason to look. */
	ef_submit(&blocked, &(struct ef_command) { .action = EF_ANSWER, .key = 1 });
	ef_until(ef_driver.retried > 0);
	for (int tries = 0; tries < 20 && used > 5000000; tries++)
		used = used_while_asleep(50000);
	assert_true(used <= 5000000);
	assert_idle();
	assert_int_equal(ef_driver.retried, 1);
	ef_gate_open(GATE);
	assert_int_equal(ef_take(&holder, NULL), STATUS_SUCCESS);
	assert_int_equal(ef_take(&blocked, NULL), STATUS_SUCCESS);
	ef_client_kill(&holder);
	ef_client_kill(&blocked);
	ef_stop(kernel);
}

/* ---- the budget ----------------------------------------------------------------------------------------------- */

static void the_budget_follows_what_was_waited(void **state)
{
	struct spin spin = { .budget = 20000, .limit = 100000 };

	(void)state;
	/* Waits that a longer budget would have covered. */
	for (int i = 0; i < 20; i++)
		spin_learn(&spin, 60000);
	assert_in_range(spin.budget, 60000, spin.limit);
	/* A picture each 16 ms is nothing to wait for awake. */
	for (int i = 0; i < 20; i++)
		spin_learn(&spin, 16000000);
	assert_in_range(spin.budget, 1, 2000);
	for (int i = 0; i < 100; i++)
		spin_learn(&spin, 1000000);
	assert_true(spin.budget > 0);
	/* And back, however long it was so. */
	for (int i = 0; i < 20; i++)
		spin_learn(&spin, 10000);
	assert_in_range(spin.budget, 10000, spin.limit);
	spin_learn(&spin, UINT64_MAX);
	assert_in_range(spin.budget, 1, spin.limit);
	/* On one processor it never begins. */
	spin = (struct spin) { 0 };
	spin_learn(&spin, 1000);
	assert_int_equal(spin.budget, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_wake_up_is_lost_with_one_worker),
		cmocka_unit_test(no_wake_up_is_lost_with_two_workers),
		cmocka_unit_test(no_wake_up_is_lost_with_four_workers),
		cmocka_unit_test(idle_means_no_wake_ups),
		cmocka_unit_test(who_cannot_help_sleeps),
		cmocka_unit_test(the_budget_follows_what_was_waited),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
