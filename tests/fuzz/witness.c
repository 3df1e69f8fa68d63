/* SPDX-License-Identifier: MIT */
/* An honest client in the hostile ones' world: what it has is compared with what it had (SEC-30 to SEC-34). */
#include "kmd/kmd_internal.h"
#include "world.h"

#include <dxvault/d3dcontentprotection.h>
#include <stdlib.h>

enum { PICTURE = 4096, PARTS = 24, BLOCK = 64 };

struct fuzz_witness {
	struct dxgk_process *process;
	struct dxgk_session *session;
	struct dxgk_fence *fence;
	struct kmd_session *keys;
	const struct kmd_channel *channel;
	const struct kmd_allocation *picture;
	/* Where an object lies, and what it was. */
	struct part {
		const void *memory;
		void *copy;
		size_t size;
	} parts[PARTS];
	uint32_t part_count;
	uint8_t keystream[BLOCK];
	uint8_t tag[GPU_TAG_SIZE];
};

static const uint8_t vector[GPU_IV_SIZE] = "witness";
static const uint8_t zeros[PICTURE];

static uint64_t picture_word(size_t place)
{
	return (place + 1) * 0x9e3779b97f4a7c15u;
}

/* Not where the fuzzer learns what is compared: it would send the picture itself. */
__attribute__((no_sanitize("address", "coverage"))) void fuzz_look_for_picture(const void *data, size_t size)
{
	const uint8_t *bytes = data;
	/* In memory that is shared it could lie as it lies in a surface. */
	const size_t step = size >= PICTURE ? sizeof(uint64_t) : 1;

	for (size_t i = 0; i + 2 * sizeof(uint64_t) <= size; i += step) {
		uint64_t pair[2];

		memcpy(pair, bytes + i, sizeof(pair));
		/* Whichever part of the picture it is: two words that follow each other. */
		if (pair[1] - pair[0] == 0x9e3779b97f4a7c15u)
			fuzz_fail("the witness's picture is not in what others read", __FILE__, __LINE__);
	}
}

static uint32_t handle_of(enum dxgk_kind kind, uint8_t number)
{
	return fuzz_handle(FUZZ_WITNESS, kind, number);
}

static void *object(const struct fuzz_witness *witness, enum dxgk_kind kind, uint8_t number)
{
	void *found = dxgk_process_get(witness->process, handle_of(kind, number), kind);

	FUZZ_CHECK(found);
	return found;
}

static struct dxgk_allocation *allocation(const struct fuzz_witness *witness, uint8_t number)
{
	struct dxgk_open_allocation *item = object(witness, DXGK_ALLOCATION, number);

	return &item->open->resource->allocations[item - item->open->allocations];
}

static void keep(struct fuzz_witness *witness, const void *memory, size_t size)
{
	struct part *part = &witness->parts[witness->part_count];

	if (size == 0)
		return;
	FUZZ_CHECK(witness->part_count < PARTS);
	witness->part_count++;
	*part = (struct part) { .memory = memory, .copy = malloc(size), .size = size };
	FUZZ_CHECK(part->copy);
	memcpy(part->copy, memory, size);
}

/* A picture comes as others do: encrypted, by a blt. */
static void bring_picture(const struct fuzz_witness *witness, struct kmd_session *keys)
{
	/* The vector, behind what is named: it comes from the first surface in system memory. */
	uint8_t decrypt[4 + sizeof(vector)] = { DRV_COMMAND_DECRYPTION_BLT, 32, 1, 0 };
	uint8_t *system = (uint8_t *)allocation(witness, 1)->memory->map + allocation(witness, 1)->offset;
	uint64_t picture[PICTURE / sizeof(uint64_t)];

	for (size_t i = 0; i < PICTURE / sizeof(uint64_t); i++)
		picture[i] = picture_word(i);
	FUZZ_CHECK(gpu_ctr(keys->key, vector, NULL, picture, system, PICTURE) == 0);
	memcpy(decrypt + 4, vector, sizeof(vector));
	fuzz_run(FUZZ_WITNESS, decrypt, sizeof(decrypt));
	/* Where the configuration has no such blt there is no picture. */
	FUZZ_CHECK(keys->written ? memcmp(witness->picture->memory, picture, PICTURE) == 0
				 : !keys->adapter->config.has_decryption_blt);
}

static void use_keys(const struct fuzz_witness *witness, uint8_t keystream[BLOCK], uint8_t tag[GPU_TAG_SIZE])
{
	FUZZ_CHECK(gpu_ctr(witness->keys->key, vector, NULL, zeros, keystream, BLOCK) == 0);
	FUZZ_CHECK(gpu_mac_compute(witness->channel->mac, vector, sizeof(vector), tag) == 0);
}

/* What others' objects stand beside, such as lists, is as it was too: those are gone when this is compared. */
static void keep_all(struct fuzz_witness *witness)
{
	const struct dxgk_device *device = object(witness, DXGK_DEVICE, 0);

	keep(witness, dxgk_process_slot(witness->process, handle_of(DXGK_DEVICE, 0)), sizeof(struct wire_slot));
	keep(witness, dxgk_process_slot(witness->process, handle_of(DXGK_SESSION, 0)), sizeof(struct wire_slot));
	keep(witness, dxgk_process_slot(witness->process, handle_of(DXGK_FENCE, 0)), sizeof(struct wire_slot));
	keep(witness, device, sizeof(*device));
	keep(witness, device->driver_handle, sizeof(struct kmd_device));
	keep(witness, object(witness, DXGK_CONTEXT, 0), sizeof(struct dxgk_context));
	keep(witness, witness->session, sizeof(*witness->session));
	keep(witness, witness->fence, sizeof(*witness->fence));
	keep(witness, witness->process->account, sizeof(*witness->process->account));
	keep(witness, witness->process->user, sizeof(*witness->process->user));
	keep(witness, witness->keys, sizeof(*witness->keys));
	keep(witness, witness->keys->secrets, sizeof(*witness->keys->secrets));
	keep(witness, witness->keys->history.entries,
	     witness->keys->history.count * sizeof(*witness->keys->history.entries));
	keep(witness, witness->channel, sizeof(*witness->channel));
	for (uint8_t i = 0; i < 3; i++) {
		const struct kmd_allocation *surface = allocation(witness, i)->driver_handle;

		keep(witness, surface, sizeof(*surface));
		keep(witness, surface->memory, PICTURE);
	}
	use_keys(witness, witness->keystream, witness->tag);
}

struct fuzz_witness *fuzz_witness_create(void)
{
	/* As fuzz_command reads them: the keys; a channel, its key, its numbers, and that it protects. */
	static const uint8_t session_key[] = { DRV_COMMAND_KEY_EXCHANGE, 0x57, 0 };
	static const uint8_t create[] = { DRV_COMMAND_CREATE_CHANNEL, 2 };
	static const uint8_t channel_key[] = { DRV_COMMAND_CHANNEL_KEY_EXCHANGE, 0, 0x58 };
	static const uint8_t initialize[] = { DRV_COMMAND_CONFIGURE_CHANNEL, 0, 0, 0 };
	static const uint8_t protect[] = { DRV_COMMAND_CONFIGURE_CHANNEL, 1, 0, 0, 1 };
	struct fuzz_witness *witness = calloc(1, sizeof(*witness));
	const struct kmd_device *device;

	FUZZ_CHECK(witness);
	witness->process = fuzz_world.clients[FUZZ_WITNESS].process;
	fuzz_furnish(FUZZ_WITNESS);
	witness->session = (void *)((struct dxgk_view *)object(witness, DXGK_SESSION, 0))->object;
	witness->fence = (void *)((struct dxgk_view *)object(witness, DXGK_FENCE, 0))->object;
	witness->keys = witness->session->driver_handle;
	witness->picture = allocation(witness, 0)->driver_handle;
	fuzz_run(FUZZ_WITNESS, session_key, sizeof(session_key));
	FUZZ_CHECK(kmd_session_has_key(witness->keys));
	bring_picture(witness, witness->keys);
	fuzz_run(FUZZ_WITNESS, create, sizeof(create));
	fuzz_run(FUZZ_WITNESS, channel_key, sizeof(channel_key));
	fuzz_run(FUZZ_WITNESS, initialize, sizeof(initialize));
	fuzz_run(FUZZ_WITNESS, protect, sizeof(protect));
	device = ((struct dxgk_device *)object(witness, DXGK_DEVICE, 0))->driver_handle;
	FUZZ_CHECK(device->channel_count == 1);
	witness->channel = LIST_ENTRY(device->channels.next, struct kmd_channel, device_link);
	FUZZ_CHECK(witness->channel->is_initialised && device->level != 0);
	keep_all(witness);
	return witness;
}

void fuzz_witness_free(struct fuzz_witness *witness)
{
	for (uint32_t i = 0; i < witness->part_count; i++)
		free(witness->parts[i].copy);
	free(witness);
}

uint64_t fuzz_witness_channel(const struct fuzz_witness *witness)
{
	return witness->channel->handle;
}

bool fuzz_witness_is_meant(const struct fuzz_witness *witness, const struct wire_invalidate *request)
{
	return request->loss != WIRE_LOSS_SESSION || request->session == witness->session->id;
}

static void check_lost(const struct fuzz_witness *witness)
{
	const struct dxgk_fence *before = NULL;

	for (uint32_t i = 0; i < witness->part_count; i++) {
		if (witness->parts[i].memory == witness->fence)
			before = witness->parts[i].copy;
	}
	FUZZ_CHECK(before && witness->fence->value > before->value);
	FUZZ_CHECK(witness->session->status != DXGK_PROTECTED_SESSION_STATUS_OK);
	FUZZ_CHECK(!kmd_session_has_key(witness->keys) && !gpu_key_is_set(witness->keys->key));
	FUZZ_CHECK(memcmp(witness->picture->memory, zeros, PICTURE) == 0);
}

void fuzz_witness_check(const struct fuzz_witness *witness, bool has_lost)
{
	uint8_t keystream[BLOCK], tag[GPU_TAG_SIZE];

	if (has_lost) {
		check_lost(witness);
		return;
	}
	for (uint32_t i = 0; i < witness->part_count; i++)
		FUZZ_CHECK(memcmp(witness->parts[i].memory, witness->parts[i].copy, witness->parts[i].size) == 0);
	use_keys(witness, keystream, tag);
	FUZZ_CHECK(memcmp(keystream, witness->keystream, sizeof(keystream)) == 0);
	FUZZ_CHECK(memcmp(tag, witness->tag, sizeof(tag)) == 0);
}
