/* SPDX-License-Identifier: MIT */
/* The submission ring, as the service sees it: order, answers, checks, limits, and clients that write nonsense. */
#include "engine_fixture.h"

#include <string.h>
#include <sys/resource.h>

static const struct ef_command answer = { .action = EF_ANSWER };

/* ---- commands ---------------------------------------------------------------------------------------------- */

static void commands_are_done_in_order(void **state)
{
	struct dxgk_kernel *kernel = ef_start(2, NULL);
	struct ef_command command, got;
	struct ef_client client;
	uint32_t next = 0;

	(void)state;
	ef_client_open(&client, kernel);
	for (uint32_t batch = 1; batch <= WIRE_RING_ENTRIES; batch++) {
		for (uint32_t i = 0; i < batch; i++) {
			command = (struct ef_command) { .action = i % 3 ? EF_ANSWER : EF_MOVE, .size = 100 + i };
			command.number = client.submitted;
			ef_put(&client, &command);
		}
		ef_ring(&client);
		for (uint32_t i = 0; i < batch; i++, next++) {
			assert_int_equal(ef_take(&client, &got), STATUS_SUCCESS);
			assert_int_equal(got.number, next);
			assert_int_equal(got.answer, ef_answer(next));
		}
	}
	assert_int_equal(ef_driver.begun, next);
	assert_true(next < EF_ORDER);
	for (uint32_t i = 0; i < next; i++)
		assert_int_equal(ef_driver.order[i], i);
	ef_client_kill(&client);
	ef_stop(kernel);
}

/* What is done to the good entry, and what that has to be answered. */
struct bad {
	uint32_t offset;
	uint32_t value;
	NTSTATUS status;
};

#define BAD(member, value_, status_)                                                                              \
	{                                                                                                         \
		.offset = offsetof(struct wire_ring_entry, member), .value = (value_), .status = STATUS_##status_ \
	}

static void put_bad(struct ef_client *client, const struct bad *bad, const struct ef_command *command)
{
	struct wire_ring_entry *entry = ef_entry(client, client->submitted);

	ef_put(client, command);
	memcpy((uint8_t *)entry + bad->offset, &bad->value, sizeof(bad->value));
	ef_ring(client);
}

static void entries_are_checked(void **state)
{
	struct dxgk_kernel *kernel = ef_start(1, NULL);
	struct ef_client client, other;
	struct ef_command got;

	(void)state;
	/* Another process has handles where this one has none. */
	ef_client_open(&other, kernel);
	for (int i = 0; i < 5; i++)
		(void)ef_handle(other.process, WIRE_OPEN_ADAPTER, 0);
	ef_client_open(&client, kernel);
	const struct bad bads[] = {
		BAD(adapter, 0, INVALID_PARAMETER),
		BAD(adapter, 0xffffffff, INVALID_PARAMETER),
		BAD(adapter, client.device, INVALID_PARAMETER),
		BAD(adapter, ef_handle(other.process, WIRE_OPEN_ADAPTER, 0), INVALID_PARAMETER),
		BAD(context, 1, INVALID_PARAMETER),
		BAD(context, client.device, INVALID_PARAMETER),
		BAD(type, D3DKMT_ESCAPE_VIDMM, NOT_SUPPORTED),
		BAD(type, 0xffffffff, NOT_SUPPORTED),
		BAD(flags, 0, INVALID_PARAMETER),
		BAD(flags, ~EF_FLAGS, INVALID_PARAMETER),
		BAD(size, WIRE_RING_DATA + 1, INVALID_PARAMETER),
		BAD(size, 0xffffffff, INVALID_PARAMETER),
	};
	/* These are the driver's to judge. */
	const struct bad driver_bads[] = {
		BAD(size, 0, INVALID_PARAMETER),
		BAD(data[offsetof(struct ef_command, action)], 1, INVALID_PARAMETER),
	};

	for (size_t i = 0; i < sizeof(bads) / sizeof(bads[0]); i++) {
		put_bad(&client, &bads[i], &answer);
		assert_int_equal(ef_take(&client, &got), bads[i].status);
		/* The data is as it was. */
		assert_memory_equal(&got, &answer, sizeof(got));
	}
	assert_int_equal(ef_driver.begun, 0);
	for (size_t i = 0; i < sizeof(driver_bads) / sizeof(driver_bads[0]); i++) {
		put_bad(&client, &driver_bads[i], &answer);
		assert_int_equal(ef_take(&client, NULL), driver_bads[i].status);
	}
	ef_submit(&client, &(struct ef_command) { .action = EF_FAIL, .status = STATUS_ACCESS_DENIED });
	assert_int_equal(ef_take(&client, &got), STATUS_ACCESS_DENIED);
	assert_int_equal(got.answer, 0);
	/* The largest that fits, with flags that the driver may know. */
	put_bad(&client, &(struct bad)BAD(size, WIRE_RING_DATA, SUCCESS), &answer);
	assert_int_equal(ef_take(&client, NULL), STATUS_SUCCESS);
	put_bad(&client, &(struct bad)BAD(flags, 0xffffffff, SUCCESS), &answer);
	assert_int_equal(ef_take(&client, NULL), STATUS_SUCCESS);
	ef_client_kill(&client);
	ef_client_kill(&other);
	ef_stop(kernel);
}

static void a_closed_adapter_is_none(void **state)
{
	struct dxgk_kernel *kernel = ef_start(1, NULL);
	struct ef_client client;

	(void)state;
	ef_client_open(&client, kernel);
	ef_do(&client, &answer);
	assert_int_equal(ef_call(client.process, WIRE_CLOSE_ADAPTER, client.adapter), STATUS_SUCCESS);
	ef_submit(&client, &answer);
	assert_int_equal(ef_take(&client, NULL), STATUS_INVALID_PARAMETER);
	client.adapter = ef_handle(client.process, WIRE_OPEN_ADAPTER, 0);
	ef_do(&client, &answer);
	ef_client_kill(&client);
	ef_stop(kernel);
}

static void a_removed_device_says_so(void **state)
{
	struct dxgk_kernel *kernel = ef_start(1, NULL);
	struct ef_client client, another;
	uint32_t begun;

	(void)state;
	ef_client_open(&client, kernel);
	ef_do(&client, &answer);
	begun = ef_driver.begun;
	(void)dxgk_remove_device(kernel);
	for (int i = 0; i < 3; i++) {
		ef_submit(&client, &answer);
		assert_int_equal(ef_take(&client, NULL), STATUS_DEVICE_REMOVED);
	}
	/* The adapter anew, but the ring's device is gone. */
	client.adapter = ef_handle(client.process, WIRE_OPEN_ADAPTER, 0);
	ef_submit(&client, &answer);
	assert_int_equal(ef_take(&client, NULL), STATUS_DEVICE_REMOVED);
	/* A number that never was one is nothing that was removed, although the last request met something. */
	assert_int_equal(ef_call(client.process, WIRE_CREATE_CONTEXT, client.device), STATUS_DEVICE_REMOVED);
	client.adapter = 0;
	ef_submit(&client, &answer);
	assert_int_equal(ef_take(&client, NULL), STATUS_INVALID_PARAMETER);
	assert_int_equal(ef_driver.begun, begun);
	another = client;
	assert_int_equal(ef_create_ring(&another), STATUS_DEVICE_REMOVED);
	ef_client_open(&another, kernel);
	ef_do(&another, &answer);
	ef_client_kill(&another);
	ef_client_kill(&client);
	ef_stop(kernel);
}

/* ---- rings ------------------------------------------------------------------------------------------------ */

static void a_device_has_one_ring(void **state)
{
	struct dxgk_kernel *kernel = ef_start(1, NULL);
	struct ef_client client, second, foreign;

	(void)state;
	ef_client_open(&client, kernel);
	ef_client_open(&foreign, kernel);
	for (int i = 0; i < 5; i++)
		foreign.device = ef_handle(foreign.process, WIRE_CREATE_DEVICE, foreign.adapter);
	second = client;
	assert_int_equal(ef_create_ring(&second), STATUS_INVALID_PARAMETER);
	second.device = foreign.device;
	assert_int_equal(ef_create_ring(&second), STATUS_INVALID_PARAMETER);
	second.device = client.adapter;
	assert_int_equal(ef_create_ring(&second), STATUS_INVALID_PARAMETER);
	second.device = 0;
	assert_int_equal(ef_create_ring(&second), STATUS_INVALID_PARAMETER);
	ef_do(&client, &answer);
	second.device = client.device;
	assert_int_equal(ef_call(client.process, WIRE_DESTROY_DEVICE, client.device), STATUS_SUCCESS);
	assert_int_equal(client.ring->is_closed, 1);
	assert_int_equal(ef_create_ring(&second), STATUS_INVALID_PARAMETER);
	second.device = ef_handle(client.process, WIRE_CREATE_DEVICE, client.adapter);
	assert_int_equal(ef_create_ring(&second), STATUS_SUCCESS);
	ef_do(&second, &answer);
	ef_client_unmap(&second);
	ef_client_kill(&client);
	ef_client_kill(&foreign);
	ef_stop(kernel);
}

static void a_user_has_so_many(void **state) /* SEC-36 */
{
	struct dxgk_kernel *kernel;
	struct dxgk_limits limits;
	struct ef_client clients[3], other;

	(void)state;
	dxgk_limits_default(&limits);
	/* One user leaves the others some. */
	assert_true(limits.rings < DXGK_RINGS_MAX);
	limits.rings = 2;
	kernel = ef_start(1, &limits);
	ef_client_open(&clients[0], kernel);
	ef_client_open(&clients[1], kernel);
	clients[2] = clients[0];
	clients[2].device = ef_handle(clients[0].process, WIRE_CREATE_DEVICE, clients[0].adapter);
	assert_int_equal(ef_create_ring(&clients[2]), STATUS_INSUFFICIENT_RESOURCES);
	other = (struct ef_client) { .process = ef_process(kernel, 1001) };
	other.adapter = ef_handle(other.process, WIRE_OPEN_ADAPTER, 0);
	other.device = ef_handle(other.process, WIRE_CREATE_DEVICE, other.adapter);
	assert_int_equal(ef_create_ring(&other), STATUS_SUCCESS);
	ef_do(&other, &answer);
	ef_client_kill(&clients[1]);
	assert_int_equal(ef_create_ring(&clients[2]), STATUS_SUCCESS);
	ef_do(&clients[2], &answer);
	ef_do(&clients[0], &answer);
	ef_client_unmap(&clients[2]);
	ef_client_kill(&clients[0]);
	ef_client_kill(&other);
	ef_stop(kernel);

	limits.rings = 0;
	kernel = ef_start(1, &limits);
	other.process = ef_process(kernel, 1000);
	other.adapter = ef_handle(other.process, WIRE_OPEN_ADAPTER, 0);
	other.device = ef_handle(other.process, WIRE_CREATE_DEVICE, other.adapter);
	assert_int_equal(ef_create_ring(&other), STATUS_INSUFFICIENT_RESOURCES);
	assert_int_equal(ef_driver.workers, 0);
	dxgk_process_destroy(other.process);
	ef_stop(kernel);
}

/* Of all users together. Each costs the service one descriptor, and none while it is refused. */
static void there_are_so_many(void **state)
{
	struct rlimit descriptors;
	struct dxgk_kernel *kernel;
	struct dxgk_limits limits;
	struct ef_client client;
	uint32_t devices[DXGK_RINGS_MAX];

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &descriptors), 0);
	descriptors.rlim_cur = DXGK_RINGS_MAX + 100;
	if (descriptors.rlim_max < descriptors.rlim_cur) {
		print_message("# skipped: this process may not have %d descriptors\n", DXGK_RINGS_MAX + 100);
		skip();
	}
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &descriptors), 0);
	dxgk_limits_default(&limits);
	limits.rings = 2 * DXGK_RINGS_MAX;
	kernel = ef_start(1, &limits);
	ef_client_open(&client, kernel);
	for (uint32_t i = 0; i < DXGK_RINGS_MAX; i++) {
		ef_client_unmap(&client);
		devices[i] = client.device;
		client.device = ef_handle(client.process, WIRE_CREATE_DEVICE, client.adapter);
		assert_int_equal(ef_create_ring(&client),
				 i + 1 < DXGK_RINGS_MAX ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES);
	}
	assert_int_equal(ef_create_ring(&client), STATUS_INSUFFICIENT_RESOURCES);
	/* A place in the middle is free again, and its new owner is heard. */
	assert_int_equal(ef_call(client.process, WIRE_DESTROY_DEVICE, devices[500]), STATUS_SUCCESS);
	assert_int_equal(ef_create_ring(&client), STATUS_SUCCESS);
	ef_do(&client, &answer);
	ef_client_kill(&client);
	ef_stop(kernel);
}

static void without_workers_there_is_no_ring(void **state)
{
	struct dxgk_kernel *kernel = ef_start(0, NULL);
	struct ef_client client = { 0 };

	(void)state;
	client.process = ef_process(kernel, 1000);
	client.adapter = ef_handle(client.process, WIRE_OPEN_ADAPTER, 0);
	client.device = ef_handle(client.process, WIRE_CREATE_DEVICE, client.adapter);
	assert_int_equal(ef_create_ring(&client), STATUS_NOT_SUPPORTED);
	dxgk_process_destroy(client.process);
	ef_stop(kernel);

	kernel = ef_start(4, NULL);
	ef_driver.create_worker_status = STATUS_NO_MEMORY;
	client.process = ef_process(kernel, 1000);
	client.adapter = ef_handle(client.process, WIRE_OPEN_ADAPTER, 0);
	client.device = ef_handle(client.process, WIRE_CREATE_DEVICE, client.adapter);
	assert_int_equal(ef_create_ring(&client), STATUS_NO_MEMORY);
	/* It may come right later. Fewer than asked for will do. */
	ef_driver.create_worker_status = STATUS_SUCCESS;
	ef_driver.workers_max = 2;
	assert_int_equal(ef_create_ring(&client), STATUS_SUCCESS);
	assert_int_equal(ef_driver.workers, 2);
	ef_do(&client, &answer);
	ef_do(&client, &(struct ef_command) { .action = EF_MOVE, .size = 4 << 20 });
	ef_client_kill(&client);
	ef_stop(kernel);
}

/* ---- counters ----------------------------------------------------------------------------------------------- */

/* As if the ring had seen four thousand million commands. Nothing was submitted before. */
static void set_counters(struct ef_client *client, uint32_t value)
{
	const struct dxgk_device *device = dxgk_process_get(client->process, client->device, DXGK_DEVICE);

	device->ring->done = value;
	client->submitted = client->taken = value;
	client->ring->completed = value;
	client->ring->submitted = value;
}

static void counters_wrap(void **state)
{
	struct dxgk_kernel *kernel = ef_start(2, NULL);
	struct ef_client client, later;
	struct ef_command got;

	(void)state;
	ef_client_open(&client, kernel);
	set_counters(&client, 0xffffffe0);
	/* The engine's lock was taken since: no worker sees half of it. */
	ef_client_again(&later, &client);
	for (uint32_t round = 0; round < 5; round++) {
		for (uint32_t i = 0; i < WIRE_RING_ENTRIES; i++)
			ef_submit(&client, &(struct ef_command) { .action = EF_ANSWER, .number = client.submitted });
		for (uint32_t i = 0; i < WIRE_RING_ENTRIES; i++) {
			assert_int_equal(ef_take(&client, &got), STATUS_SUCCESS);
			assert_int_equal(got.number, client.taken - 1);
			assert_int_equal(got.answer, ef_answer(got.number));
		}
	}
	assert_int_equal(client.ring->completed, 5 * WIRE_RING_ENTRIES - 0x20);
	assert_int_equal(client.ring->is_closed, 0);
	ef_client_unmap(&later);
	ef_client_kill(&client);
	ef_stop(kernel);
}

static void a_ring_that_sleeps_waits_for_its_doorbell(void **state)
{
	static const uint64_t one = 1;
	struct dxgk_kernel *kernel = ef_start(2, NULL);
	struct ef_client client;

	(void)state;
	ef_client_open(&client, kernel);
	for (int i = 0; i < 3; i++) {
		ef_until(client.ring->service_sleeps);
		ef_put(&client, &answer);
		usleep(20000);
		assert_int_equal(client.ring->completed, i);
		assert_int_equal(write(client.doorbell, &one, sizeof(one)), sizeof(one));
		assert_int_equal(ef_take(&client, NULL), STATUS_SUCCESS);
	}
	/* For nothing. */
	ef_until(client.ring->service_sleeps);
	for (int i = 0; i < 100; i++)
		assert_int_equal(write(client.doorbell, &one, sizeof(one)), sizeof(one));
	ef_do(&client, &answer);
	ef_client_kill(&client);
	ef_stop(kernel);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commands_are_done_in_order),
		cmocka_unit_test(entries_are_checked),
		cmocka_unit_test(a_closed_adapter_is_none),
		cmocka_unit_test(a_removed_device_says_so),
		cmocka_unit_test(a_device_has_one_ring),
		cmocka_unit_test(a_user_has_so_many),
		cmocka_unit_test(there_are_so_many),
		cmocka_unit_test(without_workers_there_is_no_ring),
		cmocka_unit_test(counters_wrap),
		cmocka_unit_test(a_ring_that_sleeps_waits_for_its_doorbell),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
