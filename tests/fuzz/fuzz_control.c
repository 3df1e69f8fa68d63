/* SPDX-License-Identifier: MIT */
/* SEC-30. The control protocol: sequences of messages of two clients, with handles and descriptors that earlier answers gave. */
#include "world.h"

#include <dxvault/d3dkmthk.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

enum { FIXED_MAX = 128, HANDLES = 3 };

/* Where a request's handles stand, and of which kind each mostly is. */
static const struct {
	uint8_t offset;
	uint8_t kind;
} places[WIRE_TYPE_END][HANDLES] = {
	[WIRE_CLOSE_ADAPTER] = { { 16, DXGK_ADAPTER } },
	[WIRE_QUERY_ADAPTER_INFO] = { { 16, DXGK_ADAPTER } },
	[WIRE_CREATE_DEVICE] = { { 16, DXGK_ADAPTER } },
	[WIRE_DESTROY_DEVICE] = { { 16, DXGK_DEVICE } },
	[WIRE_GET_DEVICE_STATE] = { { 16, DXGK_DEVICE } },
	[WIRE_CREATE_CONTEXT] = { { 16, DXGK_DEVICE } },
	[WIRE_DESTROY_CONTEXT] = { { 16, DXGK_CONTEXT } },
	[WIRE_CREATE_FENCE] = { { 16, DXGK_DEVICE } },
	[WIRE_DESTROY_FENCE] = { { 16, DXGK_FENCE } },
	[WIRE_SIGNAL_FENCES] = { { 16, DXGK_DEVICE }, { 24, DXGK_FENCE }, { 40, DXGK_FENCE } },
	[WIRE_OPEN_FENCE] = { { 16, DXGK_DEVICE } },
	[WIRE_CREATE_MEMORY] = { { 16, DXGK_DEVICE } },
	[WIRE_DESTROY_MEMORY] = { { 16, DXGK_MEMORY } },
	[WIRE_CREATE_ALLOCATION] = { { 16, DXGK_DEVICE }, { 44, DXGK_MEMORY } },
	[WIRE_DESTROY_ALLOCATION] = { { 16, DXGK_RESOURCE } },
	[WIRE_LOCK_ALLOCATION] = { { 16, DXGK_DEVICE }, { 20, DXGK_ALLOCATION } },
	[WIRE_OPEN_RESOURCE] = { { 16, DXGK_DEVICE } },
	[WIRE_SHARE_OBJECTS] = { { 24, DXGK_SESSION } },
	[WIRE_PRESENT] = { { 16, DXGK_CONTEXT }, { 24, DXGK_ALLOCATION } },
	[WIRE_CREATE_SESSION] = { { 16, DXGK_DEVICE }, { 20, DXGK_FENCE } },
	[WIRE_DESTROY_SESSION] = { { 16, DXGK_SESSION } },
	[WIRE_CREATE_RING] = { { 16, DXGK_DEVICE } },
};

static void put(uint8_t *request, size_t offset, const void *value, size_t size)
{
	memcpy(request + offset, value, size);
}

/* The fields without which a request goes nowhere; the input may overwrite each of them. */
static void fill(uint32_t client, uint8_t *request, uint32_t type)
{
	const D3DDDI_RESOURCEFLAGS is_protected = { .RestrictedContent = 1 };
	const struct drv_session session = {
		.magic = DRV_MAGIC,
		.crypto_type = { 0x9b6bd711, 0x4f74, 0x41c9, { 0x9e, 0x7b, 0x0b, 0xe2, 0xd7, 0xd9, 0x3b, 0x4f } },
	};
	const struct drv_allocation surface = {
		.magic = DRV_MAGIC,
		.format = D3DDDIFMT_A8R8G8B8,
		.pool = D3DDDIPOOL_VIDEOMEMORY,
		.flags = is_protected.Value,
		.width = 16,
		.height = 16,
		.rotation = D3DDDI_ROTATION_IDENTITY,
		.refresh_numerator = 60,
		.refresh_denominator = 1,
	};
	static const uint32_t one = 1, luid[2] = { 0x44585631, 0 }, fence_type = D3DDDI_MONITORED_FENCE,
			      state = D3DKMT_DEVICESTATE_EXECUTION, all = UINT32_MAX;
	static const D3DDDI_SYNCHRONIZATIONOBJECT_FLAGS shareable = { .Shared = 1, .NtSecuritySharing = 1 };
	static const uint32_t one_session = WIRE_LOSS_SESSION;
	static const uint64_t magic = WIRE_MAGIC;
	static const uint32_t version = WIRE_VERSION;
	const uint32_t fence = fuzz_handle(client, DXGK_FENCE, 0);
	const uint32_t session_size = sizeof(session), surface_size = sizeof(surface), page = 4096;

	switch (type) {
	case WIRE_HELLO:
		put(request, offsetof(struct wire_hello, magic), &magic, sizeof(magic));
		put(request, offsetof(struct wire_hello, version), &version, sizeof(version));
		break;
	case WIRE_GET_DEVICE_STATE:
		put(request, offsetof(struct wire_device_state, type), &state, 4);
		break;
	case WIRE_OPEN_ADAPTER:
		put(request, 16, luid, sizeof(luid));
		break;
	case WIRE_CREATE_FENCE:
		put(request, offsetof(struct wire_create_fence, type), &fence_type, 4);
		put(request, offsetof(struct wire_create_fence, flags), &shareable, 4);
		break;
	case WIRE_CREATE_MEMORY:
		put(request, offsetof(struct wire_create_memory, size), &page, 4);
		break;
	case WIRE_CREATE_SESSION:
		put(request, offsetof(struct wire_create_session, driver_size), &session_size, 4);
		put(request, sizeof(struct wire_create_session), &session, sizeof(session));
		break;
	case WIRE_CREATE_ALLOCATION:
		put(request, offsetof(struct wire_create_allocation, shared), &one, 4);
		put(request, offsetof(struct wire_create_allocation, count), &one, 4);
		put(request, sizeof(struct wire_create_allocation), &surface_size, 4);
		put(request, sizeof(struct wire_create_allocation) + sizeof(struct wire_create_allocation_item),
		    &surface, sizeof(surface));
		break;
	case WIRE_SHARE_OBJECTS:
		put(request, offsetof(struct wire_share_objects, count), &one, 4);
		put(request, offsetof(struct wire_share_objects, access), &all, 4);
		break;
	case WIRE_SIGNAL_FENCES:
		put(request, offsetof(struct wire_signal_fences, count), &one, 4);
		for (size_t i = 0; i < WIRE_MAX_SIGNALS; i++)
			put(request, offsetof(struct wire_signal_fences, signals[i].fence), &fence, 4);
		break;
	case WIRE_INVALIDATE:
		put(request, offsetof(struct wire_invalidate, loss), &one_session, 4);
		put(request, offsetof(struct wire_invalidate, session), &fuzz_world.listed, 8);
		break;
	case WIRE_DESIGNATE_COMPOSITOR:
		put(request, 16, &fuzz_world.clients[client ^ 1].token, 8);
		break;
	default:
		break;
	}
}

static size_t size_of(uint32_t type, const struct wire_rule *rule)
{
	switch (type) {
	case WIRE_CREATE_SESSION:
		return sizeof(struct wire_create_session) + sizeof(struct drv_session);
	case WIRE_CREATE_ALLOCATION:
		return sizeof(struct wire_create_allocation) + sizeof(struct wire_create_allocation_item) +
		       sizeof(struct drv_allocation);
	default:
		return rule ? rule->minimum : sizeof(struct wire_header);
	}
}

/* Changes of the body: how many, then each one's place, width and value. */
static void change(struct fuzz_input *input, uint8_t *request, size_t size, uint8_t count)
{
	for (uint8_t i = 0; i < count && size > sizeof(struct wire_header); i++) {
		const size_t at = sizeof(struct wire_header) + fuzz_u8(input) % (size - sizeof(struct wire_header));
		const uint8_t value = fuzz_u8(input);

		if (value == 0xfe && at + 4 <= size) {
			const uint32_t word = fuzz_u32(input);

			memcpy(request + at, &word, sizeof(word));
		} else {
			request[at] = value;
		}
	}
}

/* What is no NT handle: a file, memory, a socket of its own, an eventfd. All copies are closed with the input. */
static int foreign_descriptor(uint8_t selector)
{
	static int foreign[4] = { -1 };
	static int other;

	if (foreign[0] < 0) {
		int pair[2];

		FUZZ_CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
		other = pair[1];
		foreign[1] = memfd_create("fuzz", MFD_CLOEXEC);
		foreign[2] = pair[0];
		foreign[3] = eventfd(0, EFD_CLOEXEC);
		foreign[0] = open("/dev/null", O_RDWR | O_CLOEXEC);
		/* Where they are in nobody's way. */
		for (size_t i = 0; i < 4; i++) {
			const int high = fcntl(foreign[i], F_DUPFD_CLOEXEC, 200);

			FUZZ_CHECK(high >= 0);
			close(foreign[i]);
			foreign[i] = high;
		}
		FUZZ_CHECK(fcntl(other, F_DUPFD_CLOEXEC, 200) >= 0);
		close(other);
	}
	return foreign[selector % 4];
}

static int pick_descriptor(struct fuzz_input *input)
{
	const uint8_t selector = fuzz_u8(input);

	if (selector & 0x80 || fuzz_world.descriptor_count == 0)
		return foreign_descriptor(selector);
	return fuzz_world.descriptors[selector % fuzz_world.descriptor_count];
}

/* Mostly as many as the type asks for. */
static void add_descriptors(struct fuzz_input *input, struct wire_packet *packet, const struct wire_rule *rule,
			    bool is_wrong)
{
	size_t count = rule ? rule->descriptors : 0;

	if (is_wrong)
		count = fuzz_u8(input) % (sizeof(packet->descriptors) / sizeof(int) + 1);
	while (packet->descriptor_count < count)
		packet->descriptors[packet->descriptor_count++] = pick_descriptor(input);
}

static void send_message(struct fuzz_input *input, uint32_t client, uint32_t type, uint8_t switches)
{
	static uint8_t request[sizeof(struct wire_signal_fences) + 256];
	const struct wire_rule *rule = wire_rule_get(type);
	struct wire_packet packet = { .data = request };
	size_t size = size_of(type, rule);
	struct wire_header header;

	memset(request, 0, sizeof(request));
	fill(client, request, type);
	for (size_t i = 0; type < WIRE_TYPE_END && i < HANDLES && places[type][i].offset; i++) {
		const uint32_t handle = fuzz_handle(client, places[type][i].kind, fuzz_u8(input));

		if (i == 0 || handle == 0 || size >= places[type][i].offset + sizeof(handle))
			memcpy(request + places[type][i].offset, &handle, sizeof(handle));
		/* Memory of the client's is asked for only where the input says so. */
		if (places[type][i].kind == DXGK_MEMORY && type == WIRE_CREATE_ALLOCATION && !(switches & 32))
			memset(request + places[type][i].offset, 0, sizeof(handle));
	}
	if (switches & 128)
		size += fuzz_u8(input);
	if (size > sizeof(request))
		size = sizeof(request);
	change(input, request, size, switches & 7);
	header = fuzz_header(type, size);
	header.sequence = switches;
	memcpy(request, &header, sizeof(header));
	packet.size = size;
	add_descriptors(input, &packet, rule, switches & 64);
	(void)fuzz_send_packet(client, &packet, type == WIRE_INVALIDATE || !(switches & 16));
}

/* Bytes that need not be a message: none, a part of a header, a header that says another size. */
static void send_bytes(struct fuzz_input *input, uint32_t client, uint8_t switches)
{
	uint8_t bytes[64];
	struct wire_packet packet = { .data = bytes, .size = fuzz_u8(input) % (sizeof(bytes) + 1) };

	fuzz_bytes(input, bytes, packet.size);
	if (switches & 1 && packet.size >= sizeof(uint32_t))
		memcpy(bytes, &(uint32_t) { (uint32_t)packet.size }, sizeof(uint32_t));
	add_descriptors(input, &packet, NULL, switches & 64);
	(void)fuzz_send_packet(client, &packet, true);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = { data, size };
	uint8_t command[FUZZ_COMMAND_MAX];

	(void)foreign_descriptor(0);
	fuzz_world_begin(fuzz_u8(&input));
	for (uint32_t i = 0; input.size > 0 && i < 64; i++) {
		const uint8_t type = fuzz_u8(&input);
		const uint8_t switches = fuzz_u8(&input);
		const uint32_t client = switches >> 3 & 1;

		if (type == WIRE_ESCAPE)
			fuzz_escape(&input, client, command, fuzz_command(&input, client, fuzz_u8(&input), command));
		else if (type == 255)
			fuzz_hang_up(client);
		else if (type == 254)
			send_bytes(&input, client, switches);
		else
			send_message(&input, client, type, switches);
	}
	fuzz_world_end();
	return 0;
}
