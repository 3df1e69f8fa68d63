/* SPDX-License-Identifier: MIT */
/* SEC-31. Two submission rings whose client writes what it likes, while requests touch what transfers hold. */
#include "world.h"

#include <sys/mman.h>

enum { RINGS = 2 };

static struct wire_ring *shared[RINGS];

static struct dxgk_ring *ring_of(uint8_t number)
{
	const uint32_t handle = fuzz_handle(0, DXGK_DEVICE, number % RINGS);
	struct dxgk_device *device = dxgk_process_get(fuzz_world.clients[0].process, handle, DXGK_DEVICE);

	return device ? device->ring : NULL;
}

static void make_ring(uint32_t number)
{
	const struct wire_handle request = {
		.header = fuzz_header(WIRE_CREATE_RING, sizeof(request)),
		.handle = fuzz_handle(0, DXGK_DEVICE, (uint8_t)number),
	};
	const struct wire_header *reply = fuzz_send(0, &request, -1);

	FUZZ_CHECK(reply && reply->status == STATUS_SUCCESS && fuzz_world.descriptor_count >= 2);
	shared[number] = mmap(NULL, sizeof(**shared), PROT_READ | PROT_WRITE, MAP_SHARED,
			      fuzz_world.descriptors[fuzz_world.descriptor_count - 2], 0);
	FUZZ_CHECK(shared[number] != MAP_FAILED);
}

/* The second device has surfaces of the first one open too: they become the client's seventh and eighth. */
static void share_surface(uint8_t number)
{
	const struct wire_share_objects share = { .header = fuzz_header(WIRE_SHARE_OBJECTS, sizeof(share)),
						  .count = 1,
						  .access = UINT32_MAX,
						  .objects = { fuzz_handle(0, DXGK_RESOURCE, number) } };
	const struct wire_open_resource open = { .header = fuzz_header(WIRE_OPEN_RESOURCE, sizeof(open)),
						 .device = fuzz_handle(0, DXGK_DEVICE, 1) };

	FUZZ_CHECK(fuzz_send(0, &share, -1) && fuzz_world.descriptor_count > 0);
	(void)fuzz_send(0, &open, fuzz_world.descriptors[fuzz_world.descriptor_count - 1]);
	FUZZ_CHECK(fuzz_world.clients[0].counts[DXGK_ALLOCATION] == 7u + number);
}

/* A blt, or anything else; written where the counter says, or anywhere. */
static void write_entry(struct fuzz_input *input, struct wire_ring *ring, uint8_t switches)
{
	const D3DDDI_ESCAPEFLAGS flags = { .NoAdapterSynchronization = 1 };
	const uint32_t submitted = atomic_load(&ring->submitted);
	struct wire_ring_entry entry = {
		.adapter = fuzz_handle(0, DXGK_ADAPTER, 0),
		.type = D3DKMT_ESCAPE_DRIVERPRIVATE,
		.flags = flags.Value,
	};
	uint8_t command[FUZZ_COMMAND_MAX];
	uint8_t code = switches & 1 ? DRV_COMMAND_ENCRYPTION_BLT : DRV_COMMAND_DECRYPTION_BLT;
	uint32_t place = submitted;

	if (switches & 2)
		code = fuzz_u8(input);
	if (switches & 4)
		code |= 64;
	entry.size = (uint32_t)fuzz_command(input, 0, code, command);
	memcpy(entry.data, command, sizeof(entry.data));
	if (switches & 8)
		((uint8_t *)&entry)[fuzz_u8(input) % 32] = fuzz_u8(input);
	if (switches & 16)
		place = fuzz_u8(input);
	memcpy(&ring->entries[place % WIRE_RING_ENTRIES], &entry, sizeof(entry));
	if (!(switches & 32))
		atomic_store(&ring->submitted, submitted + 1);
}

static void write_counter(struct fuzz_input *input, struct wire_ring *ring)
{
	_Atomic uint32_t *const words[] = {
		&ring->submitted, &ring->client_sleeps,	 &ring->client_wants,
		&ring->completed, &ring->service_sleeps, &ring->is_closed,
	};
	const uint8_t which = fuzz_u8(input);
	_Atomic uint32_t *word = words[which % (sizeof(words) / sizeof(words[0]))];

	atomic_store(word, which & 0x80 ? fuzz_u32(input) : atomic_load(word) + fuzz_u8(input));
}

/* Only what looks at one handle: these requests all have that shape. */
static void send_request(struct fuzz_input *input)
{
	static const struct {
		uint8_t type;
		uint8_t kind;
	} requests[] = {
		{ WIRE_DESTROY_DEVICE, DXGK_DEVICE },	{ WIRE_DESTROY_SESSION, DXGK_SESSION },
		{ WIRE_DESTROY_FENCE, DXGK_FENCE },	{ WIRE_DESTROY_ALLOCATION, DXGK_RESOURCE },
		{ WIRE_DESTROY_CONTEXT, DXGK_CONTEXT }, { WIRE_CLOSE_ADAPTER, DXGK_ADAPTER },
		{ WIRE_CREATE_RING, DXGK_DEVICE },
	};
	const uint8_t which = fuzz_u8(input);
	const size_t number = which % (sizeof(requests) / sizeof(requests[0]));
	const struct wire_handle request = {
		.header = fuzz_header(requests[number].type, sizeof(request)),
		.handle = fuzz_handle(0, requests[number].kind, fuzz_u8(input) & 0x7f),
	};

	(void)fuzz_send(0, &request, -1);
}

static void on_unwrap(void)
{
	fuzz_worker_step(0, ring_of(0), false);
	fuzz_worker_step(1, ring_of(1), true);
}

static void step(struct fuzz_input *input)
{
	const uint8_t code = fuzz_u8(input);
	const uint8_t ring = code >> 7;
	uint8_t command[FUZZ_COMMAND_MAX];

	switch (code & 7) {
	case 0:
	case 1:
		write_entry(input, shared[ring], fuzz_u8(input));
		break;
	case 2:
		write_counter(input, shared[ring]);
		break;
	case 3:
		send_request(input);
		break;
	case 4:
		fuzz_escape(input, 0, command, fuzz_command(input, 0, fuzz_u8(input), command));
		break;
	case 5:
		if (code & 64)
			fuzz_lose(FUZZ_LOSE_KEYS);
		else if ((code & 48) == 48)
			fuzz_lose(FUZZ_REMOVE_DEVICE);
		break;
	default:
		fuzz_worker_step(code >> 6, ring_of(code >> 5 & 1), code & 16);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* A key for each session, as fuzz_command reads it. */
	static const uint8_t exchange[RINGS][4] = {
		{ 64 | DRV_COMMAND_KEY_EXCHANGE, 0, 7, 0 },
		{ 64 | DRV_COMMAND_KEY_EXCHANGE, 1, 7, 1 },
	};
	struct fuzz_input input = { data, size };

	fuzz_on_unwrap = NULL;
	fuzz_world_begin(fuzz_u8(&input) & 0x7f);
	fuzz_furnish(0);
	fuzz_add_device(0);
	share_surface(0);
	share_surface(1);
	for (uint32_t i = 0; i < RINGS; i++) {
		make_ring(i);
		fuzz_run(0, exchange[i], sizeof(exchange[i]));
	}
	fuzz_on_unwrap = on_unwrap;
	for (uint32_t i = 0; input.size > 0 && i < 128; i++)
		step(&input);
	fuzz_world_end();
	for (uint32_t i = 0; i < RINGS; i++)
		munmap(shared[i], sizeof(**shared));
	return 0;
}
