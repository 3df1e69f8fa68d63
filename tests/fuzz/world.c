/* SPDX-License-Identifier: MIT */
/* A graphics kernel with the driver, two hostile clients of it and a witness, and what these have learnt from its answers. */
#include "world.h"

#include <dxvault/d3dcontentprotection.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

enum { HOUSES = 128, INPUTS_OF_A_HOUSE = 1024 };

struct fuzz_world fuzz_world;

/* To make a kernel takes as long as most inputs: there is one for each set of offers, and in it lives a witness. */
static struct house {
	struct dxgk_kernel *kernel;
	struct fuzz_client client;
	struct fuzz_witness *witness;
	struct fuzz_server *server; /* NULL: nobody came over sockets yet */
	struct dxgk_counts counts;  /* with the witness alone */
	struct fuzz_in_use in_use;  /* by it */
	uint32_t inputs;
} houses[HOUSES];
static struct house *house;
static struct fuzz_in_use before;

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

static void root_certificate(void *context, const uint8_t **ret, size_t *ret_size)
{
	static const uint8_t certificate[1000];

	*ret = certificate;
	*ret_size = sizeof(certificate);
}

/* The houses have some hundred descriptors. */
static void raise_limit(void)
{
	struct rlimit limit;

	FUZZ_CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
	limit.rlim_cur = limit.rlim_max;
	FUZZ_CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
}

static void start_gpu(void)
{
	static bool is_started;
	struct gpu_worker *worker;
	struct gpu_key *key;

	if (is_started)
		return;
	raise_limit();
	FUZZ_CHECK(gpu_memory_start(GPU_MEMORY_PLAIN, GPU_MEMORY_PLAIN) == 0);
	FUZZ_CHECK(gpu_engine_start(GPU_ENGINE_AUTO) == 0);
	/* What the engine keeps for good it takes now. */
	FUZZ_CHECK(gpu_key_reserve(&key) == 0 && gpu_worker_create(&worker) == 0);
	FUZZ_CHECK(gpu_key_set(key, (const uint8_t[GPU_KEY_SIZE]) { 0 }) == 0);
	gpu_worker_destroy(worker);
	gpu_key_free(key);
	is_started = true;
}

static void build_house(uint8_t switches)
{
	static struct dxgk_driver table;
	static uint8_t identity;
	struct kmd_config driver;
	struct dxgk_config config = {
		.driver = &table,
		.driver_context = &driver,
		.workers = 2,
		.show_picture = fuzz_watch_picture,
		.root_certificate = root_certificate,
	};

	table = kmd_driver;
	table.DxgkDdiEscape = fuzz_watch_escape;
	table.BeginTransfer = fuzz_watch_begin_transfer;
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
	FUZZ_CHECK(dxgk_kernel_create(&config, &house->kernel) == 0);
	FUZZ_CHECK(dxgk_engine_create(house->kernel, &house->kernel->engine) == STATUS_SUCCESS);
	house->inputs = 0;
}

static void create_client(uint32_t number, uid_t user)
{
	struct fuzz_client *client = &fuzz_world.clients[number];

	FUZZ_CHECK(dxgk_process_create(fuzz_world.kernel, user, &client->process) == 0);
	FUZZ_CHECK(dxgk_process_identify(client->process, getpid(), number + 1) == 0);
}

static void invite_witness(void)
{
	const struct fuzz_in_use without = fuzz_in_use();

	fuzz_stand_in_begin(2);
	create_client(FUZZ_WITNESS, geteuid() + 2);
	house->witness = fuzz_witness_create();
	house->client = fuzz_world.clients[FUZZ_WITNESS];
	dxgk_counts(house->kernel, &house->counts);
	house->in_use.secrets = fuzz_in_use().secrets - without.secrets;
	house->in_use.surface_bytes = fuzz_in_use().surface_bytes - without.surface_bytes;
}

static void dismiss_witness(void)
{
	fuzz_witness_free(house->witness);
	house->witness = NULL;
	dxgk_process_destroy(house->client.process);
}

void fuzz_world_begin(uint8_t switches)
{
	start_gpu();
	memset(&fuzz_world, 0, sizeof(fuzz_world));
	house = &houses[switches % HOUSES];
	if (!house->kernel)
		build_house(switches);
	fuzz_world.kernel = house->kernel;
	if (!house->witness)
		invite_witness();
	memset(&fuzz_world, 0, sizeof(fuzz_world));
	fuzz_world.kernel = house->kernel;
	fuzz_world.clients[FUZZ_WITNESS] = house->client;
	fuzz_world.witness = house->witness;
	fuzz_world.foreign_channel = fuzz_witness_channel(house->witness);
	fuzz_world.is_served = switches & 128;
	if (fuzz_world.is_served && !house->server)
		house->server = fuzz_server_create(house->kernel);
	fuzz_world.first_free = lowest_free();
	before = fuzz_in_use();
	fuzz_stand_in_begin(1);
	for (uint32_t i = 0; i < FUZZ_HOSTILE; i++)
		fuzz_world.clients[i].socket = -1;
	if (fuzz_world.is_served) {
		fuzz_server_begin(house->server);
		return;
	}
	/* The second one is the operator. */
	create_client(0, geteuid() + 1);
	create_client(1, geteuid());
}

void fuzz_hang_up(uint32_t client)
{
	if (fuzz_world.is_served) {
		fuzz_server_hang_up(&fuzz_world.clients[client]);
		return;
	}
	dxgk_process_destroy(fuzz_world.clients[client].process);
	fuzz_world.clients[client].process = NULL;
}

void fuzz_lose(enum fuzz_loss loss)
{
	const uint32_t good = fuzz_world.kernel->good_sessions;
	uint32_t lost;

	if (loss == FUZZ_LOSE_KEYS)
		lost = dxgk_lose_keys(fuzz_world.kernel);
	else if (loss == FUZZ_TEARDOWN)
		lost = dxgk_teardown(fuzz_world.kernel);
	else
		lost = dxgk_remove_device(fuzz_world.kernel);
	FUZZ_CHECK(lost == good && fuzz_world.kernel->good_sessions == 0);
	fuzz_world.has_lost = true;
}

static void check_counts(const struct dxgk_counts *due)
{
	struct dxgk_counts counts;

	dxgk_counts(fuzz_world.kernel, &counts);
	counts.teardowns = due->teardowns;
	FUZZ_CHECK(memcmp(&counts, due, sizeof(counts)) == 0);
}

static void check_in_use(size_t secrets, size_t surface_bytes)
{
	FUZZ_CHECK(fuzz_in_use().secrets == secrets && fuzz_in_use().surface_bytes == surface_bytes);
}

/* What a service without clients has: nothing. */
static void pull_down_house(void)
{
	fuzz_server_destroy(house->server);
	house->server = NULL;
	dxgk_kernel_destroy(house->kernel);
	house->kernel = NULL;
}

/* What a hostile client has mapped. */
static void look_at_memory(const struct fuzz_client *client)
{
	for (uint32_t i = 0; client->process && i < FUZZ_SEEN; i++) {
		const struct dxgk_open_allocation *item =
			dxgk_process_get(client->process, client->handles[DXGK_ALLOCATION][i], DXGK_ALLOCATION);
		const struct dxgk_allocation *allocation;

		if (!item)
			continue;
		allocation = &item->open->resource->allocations[item - item->open->allocations];
		if (allocation->memory)
			fuzz_look_for_picture(allocation->memory->map, allocation->memory->size);
	}
}

void fuzz_world_end(void)
{
	static const struct dxgk_counts none;

	for (uint32_t i = 0; i < FUZZ_HOSTILE; i++)
		look_at_memory(&fuzz_world.clients[i]);

	for (uint32_t i = 0; i < FUZZ_HOSTILE; i++)
		fuzz_hang_up(i);
	if (fuzz_world.is_served)
		fuzz_server_end();
	for (uint32_t i = 0; i < fuzz_world.descriptor_count; i++)
		close(fuzz_world.descriptors[i]);
	dxgk_collect(fuzz_world.kernel);
	check_counts(&house->counts);
	FUZZ_CHECK(fuzz_world.kernel->lock.transfers == 0);
	FUZZ_CHECK(lowest_free() == fuzz_world.first_free);
	fuzz_witness_check(house->witness, fuzz_world.has_lost);
	/* Whom the operator designated, the next one does not. */
	fuzz_world.kernel->compositor = NULL;
	house->inputs++;
	if (!fuzz_world.has_lost && house->inputs < INPUTS_OF_A_HOUSE) {
		check_in_use(before.secrets, before.surface_bytes);
		return;
	}
	dismiss_witness();
	check_in_use(before.secrets - house->in_use.secrets, before.surface_bytes - house->in_use.surface_bytes);
	check_counts(&none);
	FUZZ_CHECK(fuzz_world.kernel->good_sessions == 0 && list_is_empty(&fuzz_world.kernel->users));
	if (house->inputs >= INPUTS_OF_A_HOUSE)
		pull_down_house();
}
