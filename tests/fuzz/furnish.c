/* SPDX-License-Identifier: MIT */
/* What clients of the fuzzers' world begin with. */
#include "world.h"

static uint32_t newest(uint32_t client, enum dxgk_kind kind)
{
	const uint32_t count = fuzz_world.clients[client].counts[kind];

	return fuzz_world.clients[client].handles[kind][(count + FUZZ_SEEN - 1) % FUZZ_SEEN];
}

static uint32_t send_handle(uint32_t client, uint32_t type, uint32_t handle)
{
	const struct wire_handle request = { .header = fuzz_header(type, sizeof(request)), .handle = handle };
	const struct wire_header *reply = fuzz_send(client, &request, -1);

	FUZZ_CHECK(reply && reply->status == STATUS_SUCCESS);
	return ((const struct wire_handle *)(const void *)reply)->handle;
}

uint32_t fuzz_create_session(uint32_t client, uint32_t device, const void *data, size_t size)
{
	struct {
		struct wire_create_session request;
		uint8_t data[256];
	} packet = {
		.request = {
			.header = fuzz_header(WIRE_CREATE_SESSION, sizeof(packet.request) + size),
			.device = device,
			.fence = newest(client, DXGK_FENCE),
			.driver_size = (uint32_t)size,
		},
	};
	const struct wire_header *reply;

	FUZZ_CHECK(size <= sizeof(packet.data));
	memcpy(packet.data, data, size);
	reply = fuzz_send(client, &packet, -1);
	return reply && reply->status == STATUS_SUCCESS ? ((const struct wire_handle *)(const void *)reply)->handle : 0;
}

void fuzz_create_allocation(uint32_t client, uint32_t device, const void *data, size_t size, uint32_t memory)
{
	struct {
		struct wire_create_allocation request;
		struct wire_create_allocation_item item;
		uint8_t data[256];
	} packet = {
		.request = {
			.header = fuzz_header(WIRE_CREATE_ALLOCATION, sizeof(packet.request) + sizeof(packet.item) + size),
			.device = device,
			.shared = 1,
			.count = 1,
		},
		.item = { .private_size = (uint32_t)size, .memory = memory },
	};

	FUZZ_CHECK(size <= sizeof(packet.data));
	memcpy(packet.data, data, size);
	(void)fuzz_send(client, &packet, -1);
}

static void add_surface(uint32_t client, uint32_t device, uint32_t pool, uint32_t flags)
{
	const struct drv_allocation info = {
		.magic = DRV_MAGIC,
		.format = D3DDDIFMT_A8R8G8B8,
		.pool = pool,
		.flags = flags,
		.width = 64,
		.height = 16,
		.rotation = D3DDDI_ROTATION_IDENTITY,
		.refresh_numerator = 60,
		.refresh_denominator = 1,
	};
	const uint32_t count = fuzz_world.clients[client].counts[DXGK_ALLOCATION];

	fuzz_create_allocation(client, device, &info, sizeof(info), 0);
	FUZZ_CHECK(fuzz_world.clients[client].counts[DXGK_ALLOCATION] == count + 1);
}

static uint32_t create_device(uint32_t client)
{
	const uint32_t device = send_handle(client, WIRE_CREATE_DEVICE, fuzz_handle(client, DXGK_ADAPTER, 0));

	(void)send_handle(client, WIRE_CREATE_CONTEXT, device);
	return device;
}

void fuzz_add_device(uint32_t client)
{
	const D3DDDI_RESOURCEFLAGS is_protected = { .RestrictedContent = 1 };
	const struct drv_session session = { .magic = DRV_MAGIC, .crypto_type = D3DCRYPTOTYPE_AES128_CTR };
	const uint32_t device = create_device(client);
	const struct wire_create_fence fence = {
		.header = fuzz_header(WIRE_CREATE_FENCE, sizeof(fence)),
		.device = device,
		.type = D3DDDI_MONITORED_FENCE,
	};

	(void)fuzz_send(client, &fence, -1);
	FUZZ_CHECK(fuzz_create_session(client, device, &session, sizeof(session)) != 0);
	add_surface(client, device, D3DDDIPOOL_VIDEOMEMORY, is_protected.Value);
	add_surface(client, device, D3DDDIPOOL_SYSTEMMEM, 0);
	add_surface(client, device, D3DDDIPOOL_SYSTEMMEM, 0);
}

static void open_adapter(uint32_t client)
{
	const struct wire_hello hello = {
		.header = fuzz_header(WIRE_HELLO, sizeof(hello)),
		.magic = WIRE_MAGIC,
		.version = WIRE_VERSION,
	};
	struct wire_adapter open = { .header = fuzz_header(WIRE_ENUM_ADAPTERS, sizeof(struct wire_header)) };
	const struct wire_header *reply;

	FUZZ_CHECK(fuzz_send(client, &hello, -1));
	reply = fuzz_send(client, &open.header, -1);
	FUZZ_CHECK(reply && reply->status == STATUS_SUCCESS);
	open = *(const struct wire_adapter *)(const void *)reply;
	open.header = fuzz_header(WIRE_OPEN_ADAPTER, sizeof(open));
	FUZZ_CHECK(fuzz_send(client, &open, -1));
}

void fuzz_greet(uint32_t client)
{
	open_adapter(client);
	(void)create_device(client);
}

void fuzz_furnish(uint32_t client)
{
	open_adapter(client);
	fuzz_add_device(client);
}
