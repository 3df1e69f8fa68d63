/* SPDX-License-Identifier: MIT */
/* Who waits for whom: transfers for each other, requests for transfers, large ones for help; and nobody for ever. */
#include "engine_fixture.h"

#include <stdlib.h>
#include <string.h>

enum { GATE = 1, LAST_GATE = 2, LARGE = 1 << 20 };

static const struct ef_command answer = { .action = EF_ANSWER };

/* ---- transfers wait for transfers ---------------------------------------------------------------------------- */

static void a_command_that_has_to_wait_is_begun_anew(void **state)
{
	struct dxgk_kernel *kernel = ef_start(2, NULL);
	struct ef_client holder, blocked, other;

	(void)state;
	ef_client_open(&holder, kernel);
	ef_client_open(&blocked, kernel);
	ef_client_open(&other, kernel);
	for (uint32_t i = 1; i < 200; i++) {
		ef_hold(&holder, &(struct ef_command) { .action = EF_MOVE, .size = LARGE, .key = 1, .gate = GATE });
		ef_driver.retried = 0;
		ef_submit(&blocked, &(struct ef_command) { .action = EF_MOVE, .size = 99, .key = 1, .number = i });
		ef_submit(&blocked, &answer);
		ef_until(ef_driver.retried > 0);
		/* Others go on meanwhile, also where transfers end: that one is looked at and still has to wait. */
		ef_do(&other, &answer);
		ef_do(&other, &(struct ef_command) { .action = EF_MOVE, .size = 3000 });
		assert_false(ef_is_done(&blocked, blocked.taken));
		ef_gate_open(GATE);
		assert_int_equal(ef_take(&holder, NULL), STATUS_SUCCESS);
		assert_int_equal(ef_take(&blocked, NULL), STATUS_SUCCESS);
		assert_int_equal(ef_take(&blocked, NULL), STATUS_SUCCESS);
	}
	ef_client_kill(&holder);
	ef_client_kill(&blocked);
	ef_client_kill(&other);
	ef_stop(kernel);
}

/* Each request that ends may have held what the ring needs; nothing else makes it try again. */
static void a_request_that_ends_lets_it_try_again(void **state)
{
	struct dxgk_kernel *kernel = ef_start(2, NULL);
	struct ef_client client;

	(void)state;
	ef_client_open(&client, kernel);
	ef_submit(&client, &(struct ef_command) { .action = EF_ANSWER, .number = 1, .retries = 5 });
	for (uint32_t i = 1; i <= 5; i++) {
		ef_until(ef_driver.retried == i);
		usleep(3000);
		assert_int_equal(ef_driver.retried, i);
		assert_int_equal(ef_driver.begun, 0);
		assert_int_equal(ef_escape(&client, &(struct ef_command) { 0 }), STATUS_SUCCESS);
	}
	assert_int_equal(ef_take(&client, NULL), STATUS_SUCCESS);
	ef_client_kill(&client);
	ef_stop(kernel);
}

/* Many that want the same: each gets it. */
static void nobody_is_passed_over_for_ever(void **state)
{
	struct dxgk_kernel *kernel = ef_start(2, NULL);
	struct ef_client clients[3];
	struct ef_flood floods[3] = { 0 };

	(void)state;
	for (int i = 0; i < 3; i++) {
		ef_client_open(&clients[i], kernel);
		ef_flood_start(&floods[i], &clients[i],
			       (struct ef_command) { .action = EF_MOVE, .key = 1, .size = 3u << 9 * i }, 64);
	}
	for (int i = 0; i < 20; i++) {
		uint32_t done[3];

		for (int j = 0; j < 3; j++)
			done[j] = floods[j].done;
		for (int j = 0; j < 3; j++)
			ef_until(floods[j].done > done[j] + 50);
	}
	for (int i = 0; i < 3; i++)
		ef_flood_stop(&floods[i]);
	for (int i = 0; i < 3; i++)
		ef_client_kill(&clients[i]);
	ef_stop(kernel);
}

/* ---- requests wait for transfers -------------------------------------------------------------------------------- */

static void *open_gate(void *argument)
{
	(void)argument;
	usleep(2000);
	ef_gate_open(GATE);
	return NULL;
}

/* Begun small commands without end can't keep it, and the driver complains if one begins before it has ended. */
static void a_request_that_waits_comes_first(void **state) /* SEC-36 */
{
	struct dxgk_kernel *kernel = ef_start(3, NULL);
	struct ef_client holder, busy[2];
	struct ef_flood floods[2] = { 0 };

	(void)state;
	ef_client_open(&holder, kernel);
	for (int i = 0; i < 2; i++) {
		ef_client_open(&busy[i], kernel);
		ef_flood_start(&floods[i], &busy[i],
			       (struct ef_command) { .action = i ? EF_MOVE : EF_ANSWER, .size = 500 }, 60);
	}
	for (uint32_t i = 1; i <= 100; i++) {
		pthread_t thread;

		ef_hold(&holder, &(struct ef_command) { .action = EF_MOVE, .size = LARGE, .key = 1, .gate = GATE });
		assert_int_equal(pthread_create(&thread, NULL, open_gate, NULL), 0);
		assert_int_equal(ef_escape(&holder, &(struct ef_command) { .action = EF_WAIT, .key = 1 }),
				 STATUS_SUCCESS);
		assert_int_equal(ef_driver.answers, i);
		assert_int_equal(ef_take(&holder, NULL), STATUS_SUCCESS);
		pthread_join(thread, NULL);
	}
	for (int i = 0; i < 2; i++)
		ef_flood_stop(&floods[i]);
	for (int i = 0; i < 2; i++)
		ef_client_kill(&busy[i]);
	ef_client_kill(&holder);
	ef_stop(kernel);
}

/* A client whose ring is never empty. */
struct treadmill {
	struct ef_client client;
	pthread_t thread;
	atomic_bool stops;
};

static void *tread(void *argument)
{
	static const uint64_t one = 1;
	struct treadmill *treadmill = argument;
	struct wire_ring *ring = treadmill->client.alias;

	while (!treadmill->stops) {
		ring->submitted = ring->completed + WIRE_RING_ENTRIES - 8;
		if (ring->service_sleeps && write(treadmill->client.doorbell, &one, sizeof(one)) < 0)
			break;
	}
	return NULL;
}

static void treadmill_start(struct treadmill *treadmill, struct dxgk_kernel *kernel, struct ef_command command)
{
	ef_client_open(&treadmill->client, kernel);
	for (int i = 0; i < WIRE_RING_ENTRIES; i++)
		ef_put(&treadmill->client, &command);
	treadmill->client.ring->submitted = 0;
	treadmill->stops = false;
	assert_int_equal(pthread_create(&treadmill->thread, NULL, tread, treadmill), 0);
}

static void treadmill_stop(struct treadmill *treadmill)
{
	treadmill->stops = true;
	pthread_join(treadmill->thread, NULL);
	ef_client_kill(&treadmill->client);
}

static int compare(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* A request gets its turn after some commands, however many workers have however many. */
static void a_request_is_not_starved(void **state)
{
	enum { REQUESTS = 201 };
	struct dxgk_kernel *kernel = ef_start(2, NULL);
	struct treadmill treadmills[2];
	struct ef_client client;
	uint32_t passed[REQUESTS];

	(void)state;
	ef_client_open(&client, kernel);
	for (int i = 0; i < 2; i++)
		treadmill_start(&treadmills[i], kernel, answer);
	for (int i = 0; i < REQUESTS; i++) {
		struct ef_command command = { 0 };
		uint32_t before = ef_driver.begun;

		ef_until(ef_driver.begun != before);
		before = ef_driver.begun;
		assert_int_equal(ef_escape(&client, &command), STATUS_SUCCESS);
		passed[i] = (uint32_t)command.answer - before;
	}
	qsort(passed, REQUESTS, sizeof(passed[0]), compare);
	print_message("# commands that came before a request: median %u, three quarters %u, nine tenths %u, most %u\n",
		      passed[REQUESTS / 2], passed[REQUESTS * 3 / 4], passed[REQUESTS * 9 / 10], passed[REQUESTS - 1]);
	assert_true(passed[REQUESTS * 3 / 4] <= 8);
	for (int i = 0; i < 2; i++)
		treadmill_stop(&treadmills[i]);
	ef_client_kill(&client);
	ef_stop(kernel);
}

struct apart {
	pthread_t thread;
	struct ef_client *client;
	bool works;
};

static void *work_meanwhile(void *argument)
{
	struct apart *apart = argument;

	ef_gate_await(GATE);
	for (uint32_t i = 0; i < 20; i++) {
		ef_do(apart->client, &(struct ef_command) { .action = i % 2 ? EF_MOVE : EF_ANSWER, .size = 777 });
		apart->works = ef_driver.begun_apart > i;
	}
	ef_gate_open(GATE);
	return NULL;
}

/* The driver gives the lock up in a request: workers go on, and the request knows its caller after that. */
static void workers_go_on_beside_a_request_that_takes_long(void **state)
{
	struct dxgk_kernel *kernel = ef_start(2, NULL);
	struct ef_client client, other, blocked;
	struct apart apart = { .client = &other };
	uint32_t session;

	(void)state;
	ef_client_open(&client, kernel);
	ef_client_open(&other, kernel);
	ef_client_open(&blocked, kernel);
	session = ef_session(client.process, client.device);
	for (uint32_t i = 1; i <= 50; i++) {
		struct ef_command command = { .action = EF_APART, .number = session, .key = 2, .gate = GATE };

		ef_driver.begun_apart = 0;
		ef_driver.retried = 0;
		ef_gate_close(GATE);
		assert_int_equal(pthread_create(&apart.thread, NULL, work_meanwhile, &apart), 0);
		/* What that request holds, a transfer has to wait for; or that request for it, if it was first. */
		ef_submit(&blocked, &(struct ef_command) { .action = EF_MOVE, .size = 50, .key = 2 });
		assert_int_equal(ef_escape(&client, &command), STATUS_SUCCESS);
		pthread_join(apart.thread, NULL);
		assert_true(apart.works);
		assert_int_equal(ef_take(&blocked, NULL), STATUS_SUCCESS);
	}
	ef_client_kill(&client);
	ef_client_kill(&other);
	ef_client_kill(&blocked);
	ef_stop(kernel);
}

/* ---- keys are lost ---------------------------------------------------------------------------------------------- */

/* A worker is the first to notice that the machine has slept. Nobody else is answered until all keys are lost. */
static void a_request_waits_for_a_loss(void **state)
{
	struct dxgk_kernel *kernel = ef_start(3, NULL);
	struct ef_client holder, other;

	(void)state;
	ef_client_open(&holder, kernel);
	ef_client_open(&other, kernel);
	for (uint32_t i = 1; i <= 50; i++) {
		pthread_t thread;

		ef_hold(&holder, &(struct ef_command) { .action = EF_MOVE, .size = LARGE, .key = 1, .gate = GATE });
		ef_driver.has_slept = true;
		ef_submit(&other, &answer);
		ef_until(ef_driver.losing == i);
		assert_int_equal(pthread_create(&thread, NULL, open_gate, NULL), 0);
		assert_int_equal(ef_escape(&other, &(struct ef_command) { 0 }), STATUS_SUCCESS);
		assert_int_equal(ef_driver.lost, i);
		pthread_join(thread, NULL);
		assert_int_equal(ef_take(&other, NULL), STATUS_SUCCESS);
		assert_int_equal(ef_take(&holder, NULL), STATUS_SUCCESS);
	}
	ef_client_kill(&holder);
	ef_client_kill(&other);
	ef_stop(kernel);
}

static void *sleep_meanwhile(void *argument)
{
	struct ef_client *client = argument;

	ef_gate_await(GATE);
	ef_driver.has_slept = true;
	ef_submit(client, &answer);
	usleep(2000);
	ef_gate_open(GATE);
	usleep(2000);
	if (ef_driver.losing != ef_driver.lost)
		ef_driver.complaint = "keys are lost too early";
	ef_gate_open(LAST_GATE);
	if (ef_take(client, NULL) != STATUS_SUCCESS)
		ef_driver.complaint = "a wrong answer after a loss";
	return NULL;
}

/* What a request holds while it has given the lock up, it gives back first; and it may have to wait for a transfer itself. */
static void a_loss_waits_for_a_request(void **state)
{
	struct dxgk_kernel *kernel = ef_start(3, NULL);
	struct ef_client client, other, busy, holder;
	struct ef_flood flood = { 0 };
	uint32_t session;

	(void)state;
	ef_client_open(&client, kernel);
	ef_client_open(&other, kernel);
	ef_client_open(&busy, kernel);
	ef_client_open(&holder, kernel);
	ef_flood_start(&flood, &busy, (struct ef_command) { .action = EF_MOVE, .size = 600, .key = 3 }, 10);
	session = ef_session(client.process, client.device);
	for (uint32_t i = 1; i <= 50; i++) {
		struct ef_command command = {
			.action = EF_APART,
			.number = session,
			.key = 2,
			.gate = GATE,
			.then = 4,
		};
		pthread_t thread;

		ef_hold(&holder,
			&(struct ef_command) { .action = EF_MOVE, .size = LARGE, .key = 4, .gate = LAST_GATE });
		ef_gate_close(GATE);
		assert_int_equal(pthread_create(&thread, NULL, sleep_meanwhile, &other), 0);
		assert_int_equal(ef_escape(&client, &command), STATUS_SUCCESS);
		pthread_join(thread, NULL);
		assert_int_equal(ef_driver.lost, i);
		assert_int_equal(ef_take(&holder, NULL), STATUS_SUCCESS);
	}
	ef_flood_stop(&flood);
	ef_client_kill(&client);
	ef_client_kill(&other);
	ef_client_kill(&busy);
	ef_client_kill(&holder);
	ef_stop(kernel);
}

/* ---- large transfers -------------------------------------------------------------------------------------------- */

static void large_transfers_are_split(void **state)
{
	static const uint64_t sizes[] = { 1, 65536, 524287, 524288, 524289, 12 << 20, (12 << 20) + 5, EF_TRANSFER };
	static const uint32_t counts[] = { 1, 2, 4 };

	(void)state;
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		struct dxgk_kernel *kernel = ef_start(counts[i], NULL);
		struct ef_client client, other;
		struct ef_flood flood = { 0 };

		ef_client_open(&client, kernel);
		ef_client_open(&other, kernel);
		for (size_t j = 0; j < sizeof(sizes) / sizeof(sizes[0]); j++)
			ef_do(&client, &(struct ef_command) { .action = EF_MOVE, .size = sizes[j] });
		/* Two at once help each other, or not; each unit is still moved once. */
		ef_flood_start(&flood, &other, (struct ef_command) { .action = EF_MOVE, .size = 3 << 20 }, 3);
		for (int j = 0; j < 300; j++)
			ef_do(&client, &(struct ef_command) { .action = EF_MOVE, .size = 2 << 20 });
		ef_flood_stop(&flood);
		/* The owner stands at the first part: all others are the helpers'. */
		if (counts[i] > 1) {
			ef_hold(&client, &(struct ef_command) { .action = EF_MOVE, .size = 4 << 20, .gate = GATE });
			ef_until(ef_driver.parts == 31);
			ef_gate_open(GATE);
			assert_int_equal(ef_take(&client, NULL), STATUS_SUCCESS);
			assert_in_range(ef_driver.largest, 2, counts[i]);
		}
		ef_client_kill(&client);
		ef_client_kill(&other);
		ef_stop(kernel);
	}
}

/* ---- fairness ------------------------------------------------------------------------------------------------------ */

/* How many of its commands come before one of another client's, whose ring is asleep so that its doorbell has to be heard. */
static void endless_commands_keep_nobody_waiting(void **state)
{
	enum { ROUNDS = 101 };
	static const uint32_t counts[] = { 1, 2 };

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct dxgk_kernel *kernel = ef_start(counts[i], NULL);
		struct treadmill treadmill;
		struct ef_client client;
		uint32_t passed[ROUNDS];

		treadmill_start(&treadmill, kernel, (struct ef_command) { .action = EF_MOVE, .size = 500, .key = 1 });
		for (int j = 0; j < ROUNDS; j++) {
			uint32_t before;

			ef_client_open(&client, kernel);
			before = ef_driver.begun_of[1];
			ef_until(ef_driver.begun_of[1] != before);
			before = ef_driver.begun_of[1];
			ef_do(&client, &answer);
			passed[j] = ef_driver.begun_of[1] - before;
			ef_client_kill(&client);
		}
		qsort(passed, ROUNDS, sizeof(passed[0]), compare);
		print_message("# %u workers, commands that came before another client's: median %u, most %u\n",
			      counts[i], passed[ROUNDS / 2], passed[ROUNDS - 1]);
		assert_true(passed[ROUNDS / 2] <= 2 * 17 * 32);
		treadmill_stop(&treadmill);
		ef_stop(kernel);
	}
}

/* Two that have much to do when the only worker has time for them: neither waits for the end of the other. */
static void a_full_ring_does_not_hold_the_worker(void **state) /* SEC-36 */
{
	enum { COMMANDS = 60 };
	struct dxgk_kernel *kernel = ef_start(1, NULL);
	const struct ef_command hold = { .action = EF_MOVE, .size = 64, .key = 1, .gate = GATE };
	uint32_t run = 1, longest = 1, first;
	struct ef_client holder, clients[2];

	(void)state;
	ef_client_open(&holder, kernel);
	ef_client_open(&clients[0], kernel);
	ef_client_open(&clients[1], kernel);
	ef_hold(&holder, &hold);
	first = ef_driver.begun;
	for (uint32_t i = 0; i < 2 * COMMANDS; i++)
		ef_submit(&clients[i / COMMANDS], &(struct ef_command) { .action = EF_ANSWER, .number = 1000 + i });
	ef_gate_open(GATE);
	assert_int_equal(ef_take(&holder, NULL), STATUS_SUCCESS);
	for (uint32_t i = 0; i < 2 * COMMANDS; i++)
		assert_int_equal(ef_take(&clients[i / COMMANDS], NULL), STATUS_SUCCESS);
	for (uint32_t i = first + 1; i < first + 2 * COMMANDS; i++) {
		bool is_same = (ef_driver.order[i] < 1000 + COMMANDS) == (ef_driver.order[i - 1] < 1000 + COMMANDS);

		run = is_same ? run + 1 : 1;
		longest = run > longest ? run : longest;
	}
	assert_true(longest <= 32);
	ef_client_kill(&clients[0]);
	ef_client_kill(&clients[1]);
	ef_client_kill(&holder);
	ef_stop(kernel);
}

/* The same where both want what only one can have. */
static void who_was_sent_away_comes_first(void **state)
{
	enum { ROUNDS = 101 };
	struct dxgk_kernel *kernel = ef_start(2, NULL);
	struct treadmill treadmill;
	struct ef_client client;
	uint32_t passed[ROUNDS];

	(void)state;
	ef_client_open(&client, kernel);
	treadmill_start(&treadmill, kernel, (struct ef_command) { .action = EF_MOVE, .size = 500, .key = 1 });
	for (int j = 0; j < ROUNDS; j++) {
		uint32_t before = ef_driver.begun_of[1];

		ef_until(ef_driver.begun_of[1] != before);
		before = ef_driver.begun_of[1];
		ef_do(&client, &(struct ef_command) { .action = EF_MOVE, .size = 500, .key = 1 });
		passed[j] = ef_driver.begun_of[1] - before;
	}
	qsort(passed, ROUNDS, sizeof(passed[0]), compare);
	print_message("# commands that came before one that wants the same: median %u, most %u\n", passed[ROUNDS / 2],
		      passed[ROUNDS - 1]);
	assert_true(passed[ROUNDS / 2] <= 2 * 17 * 32);
	treadmill_stop(&treadmill);
	ef_client_kill(&client);
	ef_stop(kernel);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_command_that_has_to_wait_is_begun_anew),
		cmocka_unit_test(a_request_that_ends_lets_it_try_again),
		cmocka_unit_test(nobody_is_passed_over_for_ever),
		cmocka_unit_test(a_request_that_waits_comes_first),
		cmocka_unit_test(a_request_is_not_starved),
		cmocka_unit_test(workers_go_on_beside_a_request_that_takes_long),
		cmocka_unit_test(a_request_waits_for_a_loss),
		cmocka_unit_test(a_loss_waits_for_a_request),
		cmocka_unit_test(large_transfers_are_split),
		cmocka_unit_test(endless_commands_keep_nobody_waiting),
		cmocka_unit_test(a_full_ring_does_not_hold_the_worker),
		cmocka_unit_test(who_was_sent_away_comes_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
