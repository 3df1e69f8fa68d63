/* SPDX-License-Identifier: MIT */
/* Clients that write rings by hand. */
#include "engine_fixture.h"

#include <linux/futex.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>

/* ---- requests -------------------------------------------------------------------------------------------- */

NTSTATUS ef_request(struct dxgk_process *process, uint32_t type, void *request, size_t size, void *reply,
		    size_t reply_size, int ret_descriptors[2])
{
	static _Alignas(8) uint8_t buffer[WIRE_MAX_MESSAGE];
	struct wire_packet out = { .data = request, .size = size, .capacity = size };
	struct wire_packet in = { .data = buffer, .capacity = sizeof(buffer) };
	struct wire_header *header = request;
	NTSTATUS status;

	*header = (struct wire_header) { .size = (uint32_t)size, .type = type };
	assert_int_equal(dxgk_transact(process, &out, &in), 0);
	status = ((const struct wire_header *)(const void *)buffer)->status;
	if (status == STATUS_SUCCESS && reply) {
		assert_true(in.size >= reply_size);
		memcpy(reply, buffer, reply_size);
	}
	if (status == STATUS_SUCCESS && ret_descriptors) {
		assert_int_equal(in.descriptor_count, 2);
		memcpy(ret_descriptors, in.descriptors, 2 * sizeof(int));
		in.descriptor_count = 0;
	}
	wire_packet_clear(&in);
	return status;
}

struct dxgk_process *ef_process(struct dxgk_kernel *kernel, uid_t user)
{
	struct wire_hello hello = { .magic = WIRE_MAGIC, .version = WIRE_VERSION };
	struct dxgk_process *process;

	assert_int_equal(dxgk_process_create(kernel, user, &process), 0);
	assert_int_equal(dxgk_process_identify(process, 0, 0), 0);
	assert_int_equal(ef_request(process, WIRE_HELLO, &hello, sizeof(hello), NULL, 0, NULL), STATUS_SUCCESS);
	return process;
}

NTSTATUS ef_call(struct dxgk_process *process, uint32_t type, uint32_t argument)
{
	struct wire_handle request = { .handle = argument };

	return ef_request(process, type, &request, sizeof(request), NULL, 0, NULL);
}

uint32_t ef_handle(struct dxgk_process *process, uint32_t type, uint32_t argument)
{
	struct wire_handle request = { .handle = argument };
	struct wire_adapter adapter;

	if (type != WIRE_OPEN_ADAPTER) {
		assert_int_equal(ef_request(process, type, &request, sizeof(request), &request, sizeof(request), NULL),
				 STATUS_SUCCESS);
		return request.handle;
	}
	assert_int_equal(ef_request(process, WIRE_ENUM_ADAPTERS, &request.header, sizeof(request.header), &adapter,
				    sizeof(adapter), NULL),
			 STATUS_SUCCESS);
	assert_int_equal(
		ef_request(process, WIRE_OPEN_ADAPTER, &adapter, sizeof(adapter), &request, sizeof(request), NULL),
		STATUS_SUCCESS);
	return request.handle;
}

uint32_t ef_session(struct dxgk_process *process, uint32_t device)
{
	struct wire_create_fence fence = { .device = device, .type = D3DDDI_MONITORED_FENCE };
	struct wire_create_session session = { .device = device };
	struct wire_handle reply = { 0 };

	assert_int_equal(ef_request(process, WIRE_CREATE_FENCE, &fence, sizeof(fence), &reply, sizeof(reply), NULL),
			 STATUS_SUCCESS);
	session.fence = reply.handle;
	assert_int_equal(
		ef_request(process, WIRE_CREATE_SESSION, &session, sizeof(session), &reply, sizeof(reply), NULL),
		STATUS_SUCCESS);
	return reply.handle;
}

NTSTATUS ef_escape(struct ef_client *client, struct ef_command *command)
{
	struct {
		struct wire_escape escape;
		struct ef_command command;
	} message = {
		.escape = {
			.adapter = client->adapter,
			.device = client->device,
			.type = D3DKMT_ESCAPE_DRIVERPRIVATE,
			.size = sizeof(*command),
		},
		.command = *command,
	};
	NTSTATUS status = ef_request(client->process, WIRE_ESCAPE, &message, sizeof(message), &message, sizeof(message),
				     NULL);

	*command = message.command;
	return status;
}

/* ---- clients --------------------------------------------------------------------------------------------- */

NTSTATUS ef_create_ring(struct ef_client *client)
{
	struct wire_handle request = { .handle = client->device };
	struct stat stat;
	NTSTATUS status;
	int both[2];

	status = ef_request(client->process, WIRE_CREATE_RING, &request, sizeof(request), NULL, 0, both);
	if (status != STATUS_SUCCESS)
		return status;
	assert_int_equal(fstat(both[0], &stat), 0);
	assert_int_equal(stat.st_size, sizeof(struct wire_ring));
	client->ring = mmap(NULL, sizeof(*client->ring), PROT_READ | PROT_WRITE, MAP_SHARED, both[0], 0);
	client->alias = mmap(NULL, sizeof(*client->ring), PROT_READ | PROT_WRITE, MAP_SHARED, both[0], 0);
	assert_true(client->ring != MAP_FAILED && client->alias != MAP_FAILED);
	close(both[0]);
	client->doorbell = both[1];
	client->submitted = client->taken = client->ring->submitted;
	return STATUS_SUCCESS;
}

void ef_client_open(struct ef_client *client, struct dxgk_kernel *kernel)
{
	*client = (struct ef_client) { .process = ef_process(kernel, 1000) };
	client->adapter = ef_handle(client->process, WIRE_OPEN_ADAPTER, 0);
	client->device = ef_handle(client->process, WIRE_CREATE_DEVICE, client->adapter);
	assert_int_equal(ef_create_ring(client), STATUS_SUCCESS);
}

void ef_client_again(struct ef_client *client, const struct ef_client *other)
{
	*client = (struct ef_client) { .process = other->process, .adapter = other->adapter };
	client->device = ef_handle(client->process, WIRE_CREATE_DEVICE, client->adapter);
	assert_int_equal(ef_create_ring(client), STATUS_SUCCESS);
}

void ef_client_unmap(struct ef_client *client)
{
	if (!client->ring)
		return;
	munmap(client->ring, sizeof(*client->ring));
	munmap(client->alias, sizeof(*client->alias));
	close(client->doorbell);
	client->ring = NULL;
}

void ef_client_kill(struct ef_client *client)
{
	dxgk_process_destroy(client->process);
	ef_client_unmap(client);
}

struct wire_ring_entry *ef_entry(struct ef_client *client, uint32_t number)
{
	return &client->ring->entries[number % WIRE_RING_ENTRIES];
}

struct wire_ring_entry *ef_next(struct ef_client *client, uint32_t size)
{
	struct wire_ring_entry *entry = ef_entry(client, client->submitted);

	*entry = (struct wire_ring_entry) {
		.adapter = client->adapter,
		.type = D3DKMT_ESCAPE_DRIVERPRIVATE,
		.flags = EF_FLAGS,
		.size = size,
		.status = 0x7777,
	};
	return entry;
}

void ef_raise(struct ef_client *client)
{
	atomic_store(&client->ring->submitted, ++client->submitted);
}

void ef_put(struct ef_client *client, const struct ef_command *command)
{
	memcpy(ef_next(client, sizeof(*command))->data, command, sizeof(*command));
	ef_raise(client);
}

void ef_ring(struct ef_client *client)
{
	static const uint64_t one = 1;

	if (atomic_load(&client->ring->service_sleeps))
		assert_int_equal(write(client->doorbell, &one, sizeof(one)), sizeof(one));
}

void ef_submit(struct ef_client *client, const struct ef_command *command)
{
	ef_put(client, command);
	ef_ring(client);
}

bool ef_is_done(const struct ef_client *client, uint32_t number)
{
	return (int32_t)(atomic_load(&client->ring->completed) - number) > 0;
}

/* No time limit: a wake-up that is lost is a test that hangs. */
static void await(struct ef_client *client)
{
	struct wire_ring *ring = client->ring;
	uint32_t seen;

	for (int i = 0; i < 200; i++) {
		if (ef_is_done(client, client->taken))
			return;
		spin_pause();
	}
	while (!ef_is_done(client, client->taken)) {
		atomic_store(&ring->client_sleeps, 1);
		seen = atomic_load(&ring->completed);
		if ((int32_t)(seen - client->taken) <= 0)
			syscall(SYS_futex, &ring->completed, FUTEX_WAIT, seen, NULL, NULL, 0);
		atomic_store(&ring->client_sleeps, 0);
	}
}

NTSTATUS ef_take_data(struct ef_client *client, void *ret, size_t size)
{
	const struct wire_ring_entry *entry = ef_entry(client, client->taken);

	await(client);
	client->taken++;
	if (ret)
		memcpy(ret, entry->data, size);
	return entry->status;
}

NTSTATUS ef_take(struct ef_client *client, struct ef_command *ret)
{
	return ef_take_data(client, ret, sizeof(*ret));
}

void ef_do(struct ef_client *client, const struct ef_command *command)
{
	struct ef_command answer;

	ef_submit(client, command);
	assert_int_equal(ef_take(client, &answer), STATUS_SUCCESS);
	assert_int_equal(answer.number, command->number);
	assert_int_equal(answer.answer, ef_answer(command->number));
}

/* ---- threads and time ------------------------------------------------------------------------------------- */

static void *flood_main(void *argument)
{
	struct ef_flood *flood = argument;
	struct ef_client *client = flood->client;
	struct ef_command answer;

	while (!flood->stops || client->taken != client->submitted) {
		while (!flood->stops && client->submitted - client->taken < flood->depth) {
			flood->command.number++;
			ef_submit(client, &flood->command);
		}
		if (client->taken == client->submitted)
			continue;
		if (ef_take(client, &answer) == STATUS_SUCCESS && answer.answer == ef_answer(answer.number))
			flood->done++;
		else
			ef_driver.complaint = "a client of a flood got a wrong answer";
	}
	return NULL;
}

void ef_flood_start(struct ef_flood *flood, struct ef_client *client, struct ef_command command, uint32_t depth)
{
	flood->client = client;
	flood->command = command;
	flood->depth = depth;
	flood->stops = false;
	flood->done = 0;
	assert_int_equal(pthread_create(&flood->thread, NULL, flood_main, flood), 0);
}

void ef_flood_stop(struct ef_flood *flood)
{
	flood->stops = true;
	pthread_join(flood->thread, NULL);
}

uint32_t ef_random(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

void ef_pause(uint64_t nanoseconds)
{
	const uint64_t begin = spin_clock();

	while (spin_clock() - begin < nanoseconds)
		spin_pause();
}
