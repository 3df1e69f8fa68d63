/* SPDX-License-Identifier: MIT */
/* SEC-31: clients that write to their rings what they must not, while the service reads them. Nobody else is harmed. */
#include "engine_fixture.h"

#include <linux/futex.h>
#include <string.h>
#include <sys/syscall.h>

static const struct ef_command answer = { .action = EF_ANSWER };

enum { HONEST = 2000, ROUNDS = 60 };

/* An honest client beside the hostile one, from the first moment to the last. */
struct world {
	struct dxgk_kernel *kernel;
	struct ef_client honest;
	struct ef_flood flood;
	struct ef_client hostile;
	atomic_bool stops;
	uint32_t random;
};

static void world_open(struct world *world, uint32_t workers)
{
	*world = (struct world) { .kernel = ef_start(workers, NULL), .random = 4711 };
	ef_client_open(&world->honest, world->kernel);
	ef_client_open(&world->hostile, world->kernel);
	ef_flood_start(&world->flood, &world->honest, (struct ef_command) { .action = EF_MOVE, .size = 4096 }, 8);
}

static void world_close(struct world *world)
{
	const uint32_t done = world->flood.done;

	/* It is not only right, it also goes on. */
	ef_until(world->flood.done >= done + 100);
	ef_flood_stop(&world->flood);
	ef_client_kill(&world->honest);
	ef_client_kill(&world->hostile);
	ef_stop(world->kernel);
}

static void ring_bell(const struct ef_client *client)
{
	static const uint64_t one = 1;

	assert_int_equal(write(client->doorbell, &one, sizeof(one)), sizeof(one));
}

static void replace_device(struct world *world)
{
	struct ef_client *client = &world->hostile;

	ef_client_unmap(client);
	client->device = ef_handle(client->process, WIRE_CREATE_DEVICE, client->adapter);
	assert_int_equal(ef_create_ring(client), STATUS_SUCCESS);
}

/* The same process gets a fresh device, as a hostile one would. */
static void begin_anew(struct world *world)
{
	assert_int_equal(ef_call(world->hostile.process, WIRE_DESTROY_DEVICE, world->hostile.device), STATUS_SUCCESS);
	replace_device(world);
}

/* ---- head and tail ------------------------------------------------------------------------------------------ */

static void a_counter_that_jumps_closes_the_ring(void **state)
{
	static const uint32_t jumps[] = {
		WIRE_RING_ENTRIES + 1, 2 * WIRE_RING_ENTRIES, 1u << 31, UINT32_MAX, UINT32_MAX - 63, 1000000,
	};
	struct world world;

	(void)state;
	world_open(&world, 2);
	for (size_t i = 0; i < 2 * sizeof(jumps) / sizeof(jumps[0]); i++) {
		struct ef_client *client = &world.hostile;
		uint32_t seen;

		for (size_t before = i % 7; before > 0; before--)
			ef_do(client, &answer);
		/* A client of its own that sleeps is woken. */
		client->ring->client_sleeps = 1;
		seen = client->ring->completed;
		atomic_fetch_add(&client->ring->submitted, jumps[i / 2]);
		ring_bell(client);
		ef_until(client->ring->is_closed);
		/* From here on it is dead, whatever it says. */
		client->ring->submitted = client->submitted;
		client->ring->is_closed = 0;
		ef_submit(client, &answer);
		ring_bell(client);
		usleep(2000);
		assert_int_equal(client->ring->completed, seen);
		begin_anew(&world);
	}
	/* As many as there are entries is none. */
	for (int i = 0; i < WIRE_RING_ENTRIES; i++)
		ef_put(&world.hostile, &answer);
	ef_ring(&world.hostile);
	for (int i = 0; i < WIRE_RING_ENTRIES; i++)
		assert_int_equal(ef_take(&world.hostile, NULL), STATUS_SUCCESS);
	assert_int_equal(world.hostile.ring->is_closed, 0);
	world_close(&world);
}

/* A thread that waits for an answer, with a limit. */
struct sleeper {
	pthread_t thread;
	const struct ef_client *client;
	bool was_woken;
};

static void *sleep_on_it(void *argument)
{
	static const struct timespec limit = { .tv_sec = 5 };
	struct sleeper *sleeper = argument;
	struct wire_ring *ring = sleeper->client->ring;
	const uint32_t seen = ring->completed;

	ring->client_sleeps = 1;
	sleeper->was_woken = syscall(SYS_futex, &ring->completed, FUTEX_WAIT, seen, &limit, NULL, 0) == 0;
	return NULL;
}

/* Whether by a broken ring or by the end of its device. */
static void a_ring_that_closes_wakes_its_client(void **state)
{
	struct world world;
	bool was_woken[2] = { false, false };

	(void)state;
	world_open(&world, 2);
	/* The thread may not be asleep yet. */
	for (int i = 0; i < 10 && !(was_woken[0] && was_woken[1]); i++) {
		struct sleeper sleeper = { .client = &world.hostile };
		bool jumps = !was_woken[0];

		assert_int_equal(pthread_create(&sleeper.thread, NULL, sleep_on_it, &sleeper), 0);
		usleep(10000);
		if (jumps) {
			world.hostile.alias->submitted = 1u << 30;
			ring_bell(&world.hostile);
		} else {
			assert_int_equal(ef_call(world.hostile.process, WIRE_DESTROY_DEVICE, world.hostile.device),
					 STATUS_SUCCESS);
		}
		pthread_join(sleeper.thread, NULL);
		was_woken[jumps ? 0 : 1] = sleeper.was_woken;
		if (jumps)
			assert_int_equal(ef_call(world.hostile.process, WIRE_DESTROY_DEVICE, world.hostile.device),
					 STATUS_SUCCESS);
		replace_device(&world);
	}
	assert_true(was_woken[0] && was_woken[1]);
	world_close(&world);
}

/* The service keeps its own count, and reads nothing back. */
static void what_the_service_wrote_is_not_read_back(void **state)
{
	struct world world;
	struct ef_client *client = &world.hostile;

	(void)state;
	world_open(&world, 2);
	for (uint32_t i = 0; i < 500; i++) {
		client->ring->completed = ef_random(&world.random);
		client->ring->is_closed = ef_random(&world.random);
		ef_put(client, &(struct ef_command) { .action = EF_ANSWER, .number = i });
		client->ring->service_sleeps = ef_random(&world.random);
		ring_bell(client);
		ef_until(client->ring->completed == i + 1);
		assert_int_equal(ef_entry(client, i)->status, STATUS_SUCCESS);
	}
	world_close(&world);
}

static void *scribble(void *argument)
{
	struct world *world = argument;
	struct ef_client *client = &world->hostile;
	uint32_t random = 99;

	while (!world->stops) {
		switch (ef_random(&random) % 8) {
		case 0:
			client->alias->submitted = ef_random(&random);
			break;
		case 1:
			client->alias->completed = ef_random(&random);
			break;
		case 2:
			client->alias->service_sleeps = ef_random(&random) % 2;
			break;
		case 3:
			client->alias->client_sleeps = ef_random(&random) % 2;
			break;
		case 4:
			client->alias->is_closed = ef_random(&random) % 2;
			break;
		default:
			atomic_fetch_add(&client->alias->submitted, ef_random(&random) % 3);
			break;
		}
		if (ef_random(&random) % 4 == 0)
			ring_bell(client);
	}
	return NULL;
}

static void counters_that_never_rest_harm_nobody(void **state)
{
	struct world world;
	pthread_t thread;

	(void)state;
	world_open(&world, 2);
	for (int round = 0; round < ROUNDS; round++) {
		uint32_t done = world.flood.done;

		for (uint32_t i = 0; i < WIRE_RING_ENTRIES; i++) {
			ef_put(&world.hostile,
			       &(struct ef_command) { .action = i % 2 ? EF_MOVE : EF_ANSWER, .size = 1000 });
			world.hostile.ring->submitted = 0;
		}
		world.stops = false;
		assert_int_equal(pthread_create(&thread, NULL, scribble, &world), 0);
		ef_until(world.flood.done >= done + 20);
		world.stops = true;
		pthread_join(thread, NULL);
		begin_anew(&world);
	}
	ef_do(&world.hostile, &answer);
	world_close(&world);
}

/* ---- entries -------------------------------------------------------------------------------------------------- */

/* Good and bad values of all that is checked, in turn and without a pause. */
static void *flip(void *argument)
{
	struct world *world = argument;
	struct ef_client *client = &world->hostile;
	uint32_t random = 77;

	while (!world->stops) {
		/* What the service reads next, or reads now. */
		uint32_t number = client->alias->completed + ef_random(&random) % 2;
		struct wire_ring_entry *entry = &client->alias->entries[number % WIRE_RING_ENTRIES];
		volatile uint32_t *size = &entry->size, *flags = &entry->flags;
		volatile uint8_t *data = entry->data;

		*size = ef_random(&random) % 2 ? (uint32_t)sizeof(struct ef_command) : 0x10000;
		*flags = ef_random(&random) % 2 ? EF_FLAGS : 0;
		data[offsetof(struct ef_command, number)] = (uint8_t)ef_random(&random);
		data[offsetof(struct ef_command, size) + 1] = (uint8_t)ef_random(&random);
		/* All but the action, so that the driver's answers are known. */
		data[4 + ef_random(&random) % (WIRE_RING_DATA - 4)] ^= 1;
	}
	return NULL;
}

/* Looks whether the answers are some, and the data is what the driver answered for one number or another. */
static uint32_t take_all(struct ef_client *client)
{
	uint32_t good = 0;

	for (; client->taken != client->submitted; client->taken++) {
		NTSTATUS status;

		ef_until(ef_is_done(client, client->taken));
		status = ef_entry(client, client->taken)->status;
		assert_true(status == STATUS_SUCCESS || status == STATUS_INVALID_PARAMETER);
		good += status == STATUS_SUCCESS;
	}
	return good;
}

static void a_command_that_changes_is_read_once(void **state)
{
	struct world world;
	uint32_t good = 0, all = 0;
	pthread_t thread;

	(void)state;
	world_open(&world, 2);
	assert_int_equal(pthread_create(&thread, NULL, flip, &world), 0);
	/* Else it was no test: the thread has to have its turn. */
	while (all < 40000 || good < 400 || all - good < 400) {
		for (uint32_t i = 0; i < WIRE_RING_ENTRIES; i++, all++)
			ef_put(&world.hostile, &(struct ef_command) {
						       .action = i % 2 ? EF_MOVE : EF_ANSWER,
						       .size = i % 16 == 1 ? 1 << 20 : 70000,
						       .number = i,
					       });
		ring_bell(&world.hostile);
		good += take_all(&world.hostile);
	}
	world.stops = true;
	pthread_join(thread, NULL);
	world_close(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_counter_that_jumps_closes_the_ring),
		cmocka_unit_test(a_ring_that_closes_wakes_its_client),
		cmocka_unit_test(what_the_service_wrote_is_not_read_back),
		cmocka_unit_test(counters_that_never_rest_harm_nobody),
		cmocka_unit_test(a_command_that_changes_is_read_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
