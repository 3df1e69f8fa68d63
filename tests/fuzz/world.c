/* SPDX-License-Identifier: MIT */
/* A graphics kernel with the driver, two clients of it, and what these have learnt from its answers. */
#include "world.h"

#include <dxvault/d3dcontentprotection.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct fuzz_world fuzz_world;

static uint8_t answer[WIRE_MAX_MESSAGE];

void fuzz_fail(const char *what, const char *file, int line)
{
	fprintf(stderr, "%s:%d: not so: %s\n", file, line, what);
	abort();
}

static int lowest_free(void)
{
	int descriptor = fcntl(0, F_DUPFD_CLOEXEC, 3);

	FUZZ_CHECK(descriptor >= 0);
	close(descriptor);
	return descriptor;
}

/* As a screen does it: each byte of the part that is shown. */
static NTSTATUS show_picture(void *context, const struct dxgk_picture *picture)
{
	const volatile uint8_t *memory = picture->memory;

	FUZZ_CHECK(picture->width > 0 && picture->height > 0 && picture->pitch > 0);
	FUZZ_CHECK(picture->source.left >= 0 && picture->source.top >= 0 &&
		   picture->source.left < picture->source.right && picture->source.top < picture->source.bottom &&
		   (uint32_t)picture->source.right <= picture->width &&
		   (uint32_t)picture->source.bottom <= picture->height);
	for (uint32_t y = 0; y < picture->height; y++)
		(void)memory[(size_t)y * picture->pitch];
	return STATUS_SUCCESS;
}

static void root_certificate(void *context, const uint8_t **ret, size_t *ret_size)
{
	static const uint8_t certificate[1000];

	*ret = certificate;
	*ret_size = sizeof(certificate);
}

/* In a block of exactly that size, for the sanitizer. */
static NTSTATUS escape(HANDLE adapter, const DXGKARG_ESCAPE *arg)
{
	DXGKARG_ESCAPE own = *arg;
	NTSTATUS status;

	own.pPrivateDriverData = malloc(arg->PrivateDriverDataSize);
	FUZZ_CHECK(own.pPrivateDriverData);
	memcpy(own.pPrivateDriverData, arg->pPrivateDriverData, arg->PrivateDriverDataSize);
	status = kmd_driver.DxgkDdiEscape(adapter, &own);
	memcpy(arg->pPrivateDriverData, own.pPrivateDriverData, arg->PrivateDriverDataSize);
	free(own.pPrivateDriverData);
	return status;
}

static void start_gpu(void)
{
	static bool is_started;
	struct gpu_worker *worker;
	struct gpu_key *key;

	if (is_started)
		return;
	FUZZ_CHECK(gpu_memory_start(GPU_MEMORY_PLAIN, GPU_MEMORY_PLAIN) == 0);
	FUZZ_CHECK(gpu_engine_start(GPU_ENGINE_AUTO) == 0);
	/* What the engine keeps for good it takes now. */
	FUZZ_CHECK(gpu_key_reserve(&key) == 0 && gpu_worker_create(&worker) == 0);
	FUZZ_CHECK(gpu_key_set(key, (const uint8_t[GPU_KEY_SIZE]) { 0 }) == 0);
	gpu_worker_destroy(worker);
	gpu_key_free(key);
	is_started = true;
}

void fuzz_world_begin(uint8_t switches)
{
	static struct dxgk_driver table;
	struct kmd_config driver;
	struct dxgk_config config = {
		.driver = &table,
		.driver_context = &driver,
		.workers = 2,
		.show_picture = show_picture,
		.root_certificate = root_certificate,
	};
	static uint8_t identity;

	table = kmd_driver;
	table.DxgkDdiEscape = escape;
	start_gpu();
	fuzz_stand_in_begin();
	memset(&fuzz_world, 0, sizeof(fuzz_world));
	fuzz_world.first_free = lowest_free();
	kmd_config_default(&driver);
	driver.identity = (struct gpu_identity *)(void *)&identity;
	driver.protected_memory_size = 1 << 20;
	driver.has_decryption_blt = !(switches & 1);
	driver.has_get_pitch = !(switches & 2);
	driver.has_decode = !(switches & 4);
	driver.channel_types = switches & 8 ? D3DCPCAPS_SOFTWARE : D3DCPCAPS_SOFTWARE | D3DCPCAPS_HARDWARE;
	driver.encryption_guids = switches & 16 ? 0 : KMD_ENCRYPTION_GUIDS;
	driver.outputs = switches & 32 ? -1 : 2;
	if (switches & 64)
		driver.caps = kmd_caps_normalise(D3DCPCAPS_SOFTWARE);
	dxgk_limits_default(&config.limits);
	config.limits.handles = 200;
	config.limits.sessions = 8;
	config.limits.nt_handles = 8;
	config.limits.rings = 3;
	config.limits.protected_bytes = 1 << 20;
	config.limits.shared_bytes = 1 << 20;
	FUZZ_CHECK(dxgk_kernel_create(&config, &fuzz_world.kernel) == 0);
	for (uint32_t i = 0; i < FUZZ_CLIENTS; i++) {
		struct fuzz_client *client = &fuzz_world.clients[i];

		/* The second one is the operator. */
		FUZZ_CHECK(dxgk_process_create(fuzz_world.kernel, i == 0 ? geteuid() + 1 : geteuid(),
					       &client->process) == 0);
		FUZZ_CHECK(dxgk_process_identify(client->process, getpid(), i + 1) == 0);
	}
}

void fuzz_hang_up(uint32_t client)
{
	dxgk_process_destroy(fuzz_world.clients[client].process);
	fuzz_world.clients[client].process = NULL;
}

void fuzz_world_end(void)
{
	struct dxgk_counts counts;

	for (uint32_t i = 0; i < FUZZ_CLIENTS; i++)
		fuzz_hang_up(i);
	for (uint32_t i = 0; i < fuzz_world.descriptor_count; i++)
		close(fuzz_world.descriptors[i]);
	dxgk_collect(fuzz_world.kernel);
	dxgk_counts(fuzz_world.kernel, &counts);
	FUZZ_CHECK(counts.processes == 0 && counts.devices == 0 && counts.contexts == 0 && counts.fences == 0);
	FUZZ_CHECK(counts.sessions == 0 && counts.allocations == 0 && counts.resources == 0 && counts.memories == 0);
	FUZZ_CHECK(counts.rings == 0 && counts.nt_handles == 0);
	FUZZ_CHECK(fuzz_world.kernel->good_sessions == 0 && fuzz_world.kernel->lock.transfers == 0);
	FUZZ_CHECK(list_is_empty(&fuzz_world.kernel->users));
	dxgk_kernel_destroy(fuzz_world.kernel);
	fuzz_stand_in_end();
	FUZZ_CHECK(lowest_free() == fuzz_world.first_free);
}

/* ---- requests -------------------------------------------------------------------------------------- */

struct wire_header fuzz_header(uint32_t type, size_t size)
{
	return (struct wire_header) { .size = (uint32_t)size, .type = type };
}

static void remember(struct fuzz_client *client, enum dxgk_kind kind, uint32_t handle)
{
	if (handle == 0)
		return;
	client->handles[kind][client->counts[kind] % FUZZ_SEEN] = handle;
	client->counts[kind]++;
}

uint32_t fuzz_handle(uint32_t number, enum dxgk_kind kind, uint8_t selector)
{
	const struct fuzz_client *client = &fuzz_world.clients[number];
	uint32_t count;

	if (selector == 0xff)
		return 0;
	if (selector & 0x80)
		kind = selector % DXGK_KIND_END;
	count = client->counts[kind] < FUZZ_SEEN ? client->counts[kind] : FUZZ_SEEN;
	return count > 0 ? client->handles[kind][selector % count] : 0x40000000u | (uint32_t)selector << 6;
}

static void learn(struct fuzz_client *client, const struct wire_header *header)
{
	const struct wire_create_allocation_item *items = NULL;
	const struct wire_handle *reply = (const void *)header;
	uint32_t count = 0;

	switch (header->type) {
	case WIRE_HELLO:
		client->token = ((const struct wire_welcome *)(const void *)header)->token;
		break;
	case WIRE_OPEN_ADAPTER:
		remember(client, DXGK_ADAPTER, reply->handle);
		break;
	case WIRE_CREATE_DEVICE:
		remember(client, DXGK_DEVICE, reply->handle);
		break;
	case WIRE_CREATE_CONTEXT:
		remember(client, DXGK_CONTEXT, reply->handle);
		break;
	case WIRE_CREATE_FENCE:
	case WIRE_OPEN_FENCE:
		remember(client, DXGK_FENCE, reply->handle);
		break;
	case WIRE_CREATE_MEMORY:
		remember(client, DXGK_MEMORY, reply->handle);
		break;
	case WIRE_CREATE_SESSION:
	case WIRE_OPEN_SESSION:
		remember(client, DXGK_SESSION, reply->handle);
		break;
	case WIRE_CREATE_ALLOCATION:
		remember(client, DXGK_RESOURCE,
			 ((const struct wire_create_allocation *)(const void *)header)->resource);
		count = ((const struct wire_create_allocation *)(const void *)header)->count;
		items = (const void *)((const struct wire_create_allocation *)(const void *)header + 1);
		FUZZ_CHECK(header->size == sizeof(struct wire_create_allocation) + count * sizeof(*items));
		break;
	case WIRE_OPEN_RESOURCE:
		remember(client, DXGK_RESOURCE, ((const struct wire_open_resource *)(const void *)header)->resource);
		count = ((const struct wire_open_resource *)(const void *)header)->count;
		items = (const void *)((const struct wire_open_resource *)(const void *)header + 1);
		FUZZ_CHECK(header->size >= sizeof(struct wire_open_resource) + count * sizeof(*items));
		break;
	default:
		break;
	}
	for (uint32_t i = 0; i < count; i++)
		remember(client, DXGK_ALLOCATION, items[i].allocation);
}

static void keep_descriptors(struct wire_packet *reply)
{
	for (size_t i = 0; i < reply->descriptor_count; i++) {
		if (fuzz_world.descriptor_count < FUZZ_SEEN)
			fuzz_world.descriptors[fuzz_world.descriptor_count++] = reply->descriptors[i];
		else
			close(reply->descriptors[i]);
	}
}

const struct wire_header *fuzz_send(uint32_t number, const void *request, int descriptor)
{
	const struct wire_header *asked = request;
	struct wire_packet packet = { .data = (void *)(uintptr_t)request,
				      .size = asked->size,
				      .capacity = asked->size };
	struct wire_packet reply = { .data = answer, .capacity = sizeof(answer) };
	const struct wire_header *header = (const void *)answer;
	struct fuzz_client *client = &fuzz_world.clients[number];
	int result;

	if (!client->process)
		return NULL;
	if (descriptor >= 0)
		packet.descriptors[packet.descriptor_count++] = descriptor;
	/* Whoever reads behind its end is found out. */
	packet.data = malloc(packet.size);
	FUZZ_CHECK(packet.data);
	memcpy(packet.data, request, packet.size);
	result = dxgk_transact(client->process, &packet, &reply);
	free(packet.data);
	if (result < 0) {
		fuzz_hang_up(number);
		return NULL;
	}
	FUZZ_CHECK(result == 0 && reply.size >= sizeof(*header) && reply.size <= sizeof(answer));
	FUZZ_CHECK(header->size == reply.size && header->type == asked->type && header->sequence == asked->sequence);
	FUZZ_CHECK(header->status != STATUS_PENDING && header->status != STATUS_RETRY);
	FUZZ_CHECK(reply.descriptor_count <= WIRE_MAX_DESCRIPTORS);
	if (header->status == STATUS_SUCCESS)
		learn(client, header);
	else
		FUZZ_CHECK(reply.descriptor_count == 0);
	keep_descriptors(&reply);
	return header;
}

/* ---- a furnished client -------------------------------------------------------------------------------- */

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

void fuzz_add_device(uint32_t client)
{
	const D3DDDI_RESOURCEFLAGS is_protected = { .RestrictedContent = 1 };
	const struct drv_session session = { .magic = DRV_MAGIC, .crypto_type = D3DCRYPTOTYPE_AES128_CTR };
	const uint32_t device = send_handle(client, WIRE_CREATE_DEVICE, fuzz_handle(client, DXGK_ADAPTER, 0));
	const struct wire_create_fence fence = {
		.header = fuzz_header(WIRE_CREATE_FENCE, sizeof(fence)),
		.device = device,
		.type = D3DDDI_MONITORED_FENCE,
	};

	(void)send_handle(client, WIRE_CREATE_CONTEXT, device);
	(void)fuzz_send(client, &fence, -1);
	FUZZ_CHECK(fuzz_create_session(client, device, &session, sizeof(session)) != 0);
	add_surface(client, device, D3DDDIPOOL_VIDEOMEMORY, is_protected.Value);
	add_surface(client, device, D3DDDIPOOL_SYSTEMMEM, 0);
	add_surface(client, device, D3DDDIPOOL_SYSTEMMEM, 0);
}

void fuzz_world_furnish(void)
{
	const struct wire_hello hello = {
		.header = fuzz_header(WIRE_HELLO, sizeof(hello)),
		.magic = WIRE_MAGIC,
		.version = WIRE_VERSION,
	};
	struct wire_adapter open = { .header = fuzz_header(WIRE_ENUM_ADAPTERS, sizeof(struct wire_header)) };
	const struct wire_header *reply;

	FUZZ_CHECK(fuzz_send(0, &hello, -1));
	reply = fuzz_send(0, &open.header, -1);
	FUZZ_CHECK(reply && reply->status == STATUS_SUCCESS);
	open = *(const struct wire_adapter *)(const void *)reply;
	open.header = fuzz_header(WIRE_OPEN_ADAPTER, sizeof(open));
	FUZZ_CHECK(fuzz_send(0, &open, -1));
	fuzz_add_device(0);
}
