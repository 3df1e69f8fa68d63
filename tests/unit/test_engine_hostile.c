/* SPDX-License-Identifier: MIT */
/* SEC-31: the real driver behind rings. Hostile blts of all sorts, beside an honest client whose bytes stay right. */
#include "engine_fixture.h"

#include "driver/driver_private.h"
#include "kernel_fixture_stack.h"

#include <stdlib.h>
#include <string.h>

enum { COMMANDS = 20000, SURFACES = 3 };

/* Handles as the kernel side knows them. */
struct blt_surface {
	uint32_t system;
	uint32_t protected;
	uint8_t *memory; /* the system surface's */
	uint32_t size;
};

struct party {
	struct st st;
	struct kmt_connection *connection;
	struct ef_client client;
	uint32_t session;
	uint8_t readback_key[16];
	struct blt_surface surfaces[SURFACES];
};

struct duel {
	struct ik *ik;
	struct party honest, hostile;
	struct party neighbour; /* another device of the hostile process */
	pthread_t thread;
	atomic_bool stops;
	atomic_uint done;      /* blts of the honest client, there and back */
	atomic_uint complaint; /* where its bytes were wrong */
};

/* ---- parties ------------------------------------------------------------------------------------------------- */

static struct dxgk_process *last_process(struct ik *ik)
{
	const struct dxgk_kernel *kernel = ik_acquire(ik);
	struct dxgk_process *process = LIST_ENTRY(kernel->processes.previous, struct dxgk_process, link);

	ik_release(ik);
	return process;
}

/* The device that was made last, and any adapter. */
static const struct dxgk_device *last_device(struct ik *ik, const struct dxgk_process *process, uint32_t *ret_adapter)
{
	const struct dxgk_device *found = NULL;
	uint32_t place = 0, handle;
	enum dxgk_kind kind;
	void *object;

	(void)ik_acquire(ik);
	while ((handle = dxgk_handle_next(&process->handles, &place, &kind, &object)) != 0) {
		if (kind == DXGK_DEVICE && (!found || ((struct dxgk_device *)object)->id > found->id))
			found = object;
		if (kind == DXGK_ADAPTER)
			*ret_adapter = handle;
	}
	ik_release(ik);
	assert_non_null(found);
	return found;
}

/* Of what was made last on it. */
static uint32_t last_session(const struct dxgk_device *device)
{
	const struct dxgk_session *session = LIST_ENTRY(device->sessions.previous, struct dxgk_session, device_link);

	return LIST_ENTRY(session->views.next, struct dxgk_view, link)->handle;
}

static uint32_t last_allocation(const struct dxgk_device *device)
{
	return LIST_ENTRY(device->opens.previous, struct dxgk_open, link)->allocations[0].handle;
}

/* A session with a key, surfaces of three sizes, a ring; in the calling thread's process. */
static void party_open(struct duel *duel, struct party *party, struct dxgk_process *process)
{
	static const uint32_t widths[SURFACES] = { 16, 100, 640 }, heights[SURFACES] = { 1, 40, 300 };
	const struct dxgk_device *device;
	struct rt_session *session;

	st_open(&party->st);
	party->connection = kmt_connection_get();
	party->client = (struct ef_client) { .process = process };
	device = last_device(duel->ik, process, &party->client.adapter);
	party->client.device = device->handle;
	session = st_session(&party->st);
	party->session = last_session(device);
	assert_int_equal(st_exchange(&party->st, session, ST_K), S_OK);
	assert_int_equal(st_readback_key(&party->st, rt_session_handle(session), ST_K, party->readback_key), S_OK);
	for (int i = 0; i < SURFACES; i++) {
		const struct rt_surface surface = st_surface(D3DDDIFMT_A8R8G8B8, widths[i], heights[i]);
		struct st_system system = st_system(&party->st, &surface);
		uint64_t size;
		uint32_t pitch;

		assert_true(drv_surface_layout(surface.format, widths[i], heights[i], &pitch, &size));
		assert_int_equal(system.pitch, pitch);
		party->surfaces[i].system = last_allocation(device);
		(void)st_protected(&party->st, &surface, /* shared= */ false);
		party->surfaces[i].protected = last_allocation(device);
		party->surfaces[i].memory = system.memory;
		party->surfaces[i].size = (uint32_t)size;
		assert_true(system.size >= size);
	}
	(void)ik_acquire(duel->ik);
	assert_int_equal(ef_create_ring(&party->client), STATUS_SUCCESS);
	ik_release(duel->ik);
}

static struct drv_escape_blt good_blt(const struct party *party, int surface, bool is_encryption, uint64_t iv)
{
	const struct blt_surface *its = &party->surfaces[surface];
	struct drv_escape_blt blt = {
		.header = {
			.magic = DRV_MAGIC,
			.command = is_encryption ? DRV_COMMAND_ENCRYPTION_BLT : DRV_COMMAND_DECRYPTION_BLT,
			.result = 77,
			.session = party->session,
		},
		.source = is_encryption ? its->protected : its->system,
		.destination = is_encryption ? its->system : its->protected,
		.size = its->size,
	};

	if (!is_encryption)
		st_iv(blt.iv, iv, 0);
	return blt;
}

/* ---- the honest client ---------------------------------------------------------------------------------------- */

static NTSTATUS blt_do(struct ef_client *client, struct drv_escape_blt *blt)
{
	memcpy(ef_next(client, sizeof(*blt))->data, blt, sizeof(*blt));
	ef_raise(client);
	ef_ring(client);
	return ef_take_data(client, blt, sizeof(*blt));
}

/* Each surface in turn: in by DecryptionBlt, out by EncryptionBlt, and compared. */
static void *be_honest(void *argument)
{
	struct duel *duel = argument;
	struct party *party = &duel->honest;
	uint8_t *plain = malloc(party->surfaces[SURFACES - 1].size), *back = malloc(party->surfaces[SURFACES - 1].size);
	uint32_t random = 3;
	uint8_t iv[16];

	for (uint64_t i = 1; !duel->stops && !duel->complaint; i++) {
		const struct blt_surface *surface = &party->surfaces[i % SURFACES];
		struct drv_escape_blt in = good_blt(party, i % SURFACES, /* is_encryption= */ false, i);
		struct drv_escape_blt out = good_blt(party, i % SURFACES, /* is_encryption= */ true, 0);

		for (uint32_t j = 0; j < surface->size; j += 4)
			memcpy(plain + j, &(uint32_t) { ef_random(&random) }, 4);
		st_iv(iv, i, 0);
		st_ctr(ST_K, iv, plain, surface->memory, surface->size);
		if (blt_do(&party->client, &in) != STATUS_SUCCESS || in.header.result != S_OK)
			duel->complaint = 1;
		if (blt_do(&party->client, &out) != STATUS_SUCCESS || out.header.result != S_OK)
			duel->complaint = 2;
		st_ctr(party->readback_key, out.iv, surface->memory, back, surface->size);
		if (memcmp(plain, back, surface->size) != 0)
			duel->complaint = 3;
		duel->done++;
	}
	free(plain);
	free(back);
	return NULL;
}

static int duel_open(void **state)
{
	struct duel *duel = calloc(1, sizeof(*duel));
	struct dxgk_process *process;

	alarm(110);
	duel->ik = ik_start(&(struct ik_options) { .real_driver = true, .workers = 2 });
	ik_process(duel->ik);
	process = last_process(duel->ik);
	party_open(duel, &duel->honest, process);
	ik_process(duel->ik);
	process = last_process(duel->ik);
	party_open(duel, &duel->neighbour, process);
	party_open(duel, &duel->hostile, process);
	assert_int_equal(pthread_create(&duel->thread, NULL, be_honest, duel), 0);
	*state = duel;
	return 0;
}

/* Everything must be back: ik_stop counts. */
static int duel_close(void **state)
{
	struct duel *duel = *state;

	duel->stops = true;
	pthread_join(duel->thread, NULL);
	ef_client_unmap(&duel->honest.client);
	ef_client_unmap(&duel->hostile.client);
	ef_client_unmap(&duel->neighbour.client);
	kmt_connection_set(duel->hostile.connection);
	st_close(&duel->hostile.st);
	st_close(&duel->neighbour.st);
	kmt_connection_set(duel->honest.connection);
	st_close(&duel->honest.st);
	ik_stop(duel->ik);
	free(duel);
	alarm(0);
	return 0;
}

/* It is right, and it goes on. */
static void assert_honest(struct duel *duel)
{
	const uint32_t done = duel->done;

	ef_until(duel->done > done + 20 || duel->complaint);
	assert_int_equal(duel->complaint, 0);
}

/* ---- the hostile one -------------------------------------------------------------------------------------------- */

static uint32_t any_handle(const struct duel *duel, uint32_t *random)
{
	const struct party *parties[] = { &duel->hostile, &duel->hostile, &duel->hostile, &duel->neighbour,
					  &duel->honest };
	const struct party *party = parties[ef_random(random) % 5];
	const struct blt_surface *surface = &party->surfaces[ef_random(random) % SURFACES];
	const uint32_t handles[] = {
		party->session,	    surface->system,	  surface->protected,	 surface->system,
		surface->protected, party->client.device, party->client.adapter, 0,
		ef_random(random),
	};

	return handles[ef_random(random) % (sizeof(handles) / sizeof(handles[0]))];
}

static uint32_t any_size(uint32_t size, uint32_t *random)
{
	const uint32_t sizes[] = {
		0,	   1,	     15,       16,	   size - 16,	    size - 1,	      size + 1,
		size + 16, size * 2, 1u << 31, UINT32_MAX, UINT32_MAX - 15, ef_random(random)
	};

	return sizes[ef_random(random) % (sizeof(sizes) / sizeof(sizes[0]))];
}

static void mutate(const struct duel *duel, struct drv_escape_blt *blt, uint32_t *random)
{
	switch (ef_random(random) % 12) {
	case 0:
		blt->header.session = any_handle(duel, random);
		break;
	case 1:
		blt->source = any_handle(duel, random);
		break;
	case 2:
		blt->destination = any_handle(duel, random);
		break;
	case 3:
		/* The same surface, and the wrong way round. */
		blt->source = ef_random(random) % 2 ? blt->destination : any_handle(duel, random);
		blt->destination = blt->source;
		break;
	case 4:
		blt->size = any_size(blt->size, random);
		break;
	case 5:
		blt->flags = ef_random(random) % 16;
		break;
	case 6:
		blt->flags |= DRV_BLT_HAS_BLOCK_INFO;
		blt->block_info.NumEncryptedBytesAtBeginning = any_size(blt->size, random);
		blt->block_info.NumBytesInSkipPattern = any_size(64, random);
		blt->block_info.NumBytesInEncryptPattern = any_size(64, random);
		break;
	case 7:
		blt->flags |= DRV_BLT_HAS_BLOCK_INFO;
		blt->block_info.NumBytesInSkipPattern = ef_random(random) % 8 * 16;
		blt->block_info.NumBytesInEncryptPattern = ef_random(random) % 8 * 16;
		break;
	case 8:
		/* Commands that are no transfers have no business here. */
		blt->header.command = ef_random(random) % 20;
		break;
	case 9:
		memset(blt->iv, 0xff, 8 + ef_random(random) % 9);
		break;
	case 10:
		((uint8_t *)blt)[ef_random(random) % sizeof(*blt)] = (uint8_t)ef_random(random);
		break;
	default:
		break;
	}
}

static void mutate_entry(struct wire_ring_entry *entry, uint32_t *random)
{
	switch (ef_random(random) % 40) {
	case 0:
		entry->adapter = ef_random(random);
		break;
	case 1:
		entry->size = any_size(sizeof(struct drv_escape_blt), random);
		break;
	case 2:
		entry->flags = ef_random(random);
		break;
	case 3:
		for (size_t i = 0; i < sizeof(entry->data); i++)
			entry->data[i] = (uint8_t)ef_random(random);
		break;
	default:
		break;
	}
}

/* Puts up to a ring full of blts, good and bad, and waits for all. Returns how many were done. */
static uint32_t attack(struct duel *duel, uint32_t count, uint32_t *random, uint64_t *iv)
{
	struct ef_client *client = &duel->hostile.client;
	struct drv_escape_blt blt;
	uint32_t good = 0;

	for (uint32_t i = 0; i < count; i++) {
		struct wire_ring_entry *entry = ef_next(client, sizeof(blt));

		/* The large one seldom: it takes as long as thirty others. */
		blt = good_blt(&duel->hostile, ef_random(random) % 32 ? ef_random(random) % 2 : 2,
			       ef_random(random) % 2, ++*iv);
		mutate(duel, &blt, random);
		if (ef_random(random) % 2)
			mutate(duel, &blt, random);
		memcpy(entry->data, &blt, sizeof(blt));
		mutate_entry(entry, random);
		ef_raise(client);
	}
	ef_ring(client);
	while (client->taken != client->submitted) {
		NTSTATUS status = ef_take_data(client, &blt, sizeof(blt));

		assert_true(status == STATUS_SUCCESS || status == STATUS_INVALID_PARAMETER ||
			    status == STATUS_NOT_SUPPORTED);
		good += status == STATUS_SUCCESS && blt.header.result == S_OK;
	}
	return good;
}

static void bad_blts_harm_nobody(void **state)
{
	struct duel *duel = *state;
	uint32_t random = 17, good = 0, all = 0;
	uint64_t iv = 0;

	while (all < COMMANDS) {
		uint32_t count = 1 + ef_random(&random) % WIRE_RING_ENTRIES;

		good += attack(duel, count, &random, &iv);
		all += count;
	}
	/* Else it was no test. */
	assert_in_range(good, all / 20, all - all / 20);
	assert_honest(duel);
}

static void *rewrite(void *argument)
{
	struct duel *duel = argument;
	const struct ef_client *client = &duel->hostile.client;
	const struct drv_escape_blt other = good_blt(&duel->hostile, 1, /* is_encryption= */ false, 1ull << 60);
	uint32_t random = 23;

	while (!duel->stops) {
		struct wire_ring_entry *entry =
			&client->alias
				 ->entries[(client->alias->completed + ef_random(&random) % 2) % WIRE_RING_ENTRIES];
		volatile uint8_t *data = entry->data;
		size_t at = ef_random(&random) % sizeof(other);

		/* A byte of another command, or of none; and the size. */
		data[at] = ef_random(&random) % 4 ? ((const uint8_t *)&other)[at] : (uint8_t)ef_random(&random);
		*(volatile uint32_t *)&entry->size = ef_random(&random) % 8 ? sizeof(other) : 0x1000;
		/* And of the picture itself, while it is read and written. */
		duel->hostile.surfaces[ef_random(&random) % SURFACES].memory[ef_random(&random) % 64] ^= 1;
	}
	return NULL;
}

static void blts_that_change_harm_nobody(void **state)
{
	struct duel *duel = *state;
	uint32_t random = 19, good = 0, all = 0;
	uint64_t iv = 1ull << 40;
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, rewrite, duel), 0);
	/* Else it was no test: the thread has to have its turn. */
	while (all < COMMANDS / 4 || good == 0 || good == all) {
		good += attack(duel, WIRE_RING_ENTRIES, &random, &iv);
		all += WIRE_RING_ENTRIES;
	}
	assert_honest(duel);
	duel->stops = true;
	pthread_join(thread, NULL);
}

/* The hostile device ends again and again with blts queued and under way; a new one takes its place. */
static void deaths_harm_nobody(void **state)
{
	struct duel *duel = *state;
	uint32_t random = 29;
	uint64_t iv = 0;

	for (int i = 0; i < 40; i++) {
		struct ef_client *client = &duel->hostile.client;

		for (int j = 0; j < 40; j++) {
			struct drv_escape_blt blt = good_blt(&duel->hostile, (int)(ef_random(&random) % SURFACES),
							     ef_random(&random) % 2, ++iv);

			memcpy(ef_next(client, sizeof(blt))->data, &blt, sizeof(blt));
			ef_raise(client);
		}
		ef_ring(client);
		ef_pause(ef_random(&random) % 300000);
		/* The device dies with its ring; sessions and surfaces go with it. */
		kmt_connection_set(duel->hostile.connection);
		st_close(&duel->hostile.st);
		ef_client_unmap(client);
		party_open(duel, &duel->hostile, client->process);
	}
	assert_honest(duel);
}

/* Losses come between: what is lost is lost, and what is under way ends first. */
static void losses_harm_nobody(void **state)
{
	struct duel *duel = *state;
	uint32_t random = 37;
	uint64_t iv = 0;

	/* The honest one's session would be lost as well. */
	duel->stops = true;
	pthread_join(duel->thread, NULL);
	assert_int_equal(duel->complaint, 0);
	for (int i = 0; i < 100; i++) {
		struct ef_client *client = &duel->hostile.client;
		struct drv_escape_blt blt;
		bool is_lost = false;

		for (int j = 0; j < 30; j++) {
			blt = good_blt(&duel->hostile, j % SURFACES, /* is_encryption= */ false, ++iv);
			memcpy(ef_next(client, sizeof(blt))->data, &blt, sizeof(blt));
			ef_raise(client);
		}
		ef_ring(client);
		ef_pause(ef_random(&random) % 400000);
		ik_lose_keys(duel->ik);
		/* In order: those before the loss are done, those behind it are refused. */
		while (client->taken != client->submitted) {
			assert_int_equal(ef_take_data(client, &blt, sizeof(blt)), STATUS_SUCCESS);
			if (blt.header.result != S_OK)
				is_lost = true;
			assert_int_equal(blt.header.result == S_OK, !is_lost);
		}
		blt = good_blt(&duel->hostile, 0, /* is_encryption= */ false, ++iv);
		assert_int_equal(blt_do(client, &blt), STATUS_SUCCESS);
		assert_int_not_equal(blt.header.result, S_OK);
		kmt_connection_set(duel->hostile.connection);
		st_close(&duel->hostile.st);
		ef_client_unmap(client);
		party_open(duel, &duel->hostile, client->process);
	}
	/* It is joined at the end, and stops at once. */
	assert_int_equal(pthread_create(&duel->thread, NULL, be_honest, duel), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(bad_blts_harm_nobody, duel_open, duel_close),
		cmocka_unit_test_setup_teardown(blts_that_change_harm_nobody, duel_open, duel_close),
		cmocka_unit_test_setup_teardown(deaths_harm_nobody, duel_open, duel_close),
		cmocka_unit_test_setup_teardown(losses_harm_nobody, duel_open, duel_close),
	};

	return cmocka_run_group_tests(tests, NULL, ik_group_teardown);
}
