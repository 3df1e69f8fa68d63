/* SPDX-License-Identifier: MIT */
/* Commands of the user-mode half as an input describes them, and what their answers bring. */
#include "kmd/kmd_internal.h"
#include "world.h"

#include <dxvault/d3dcontentprotection.h>

enum { TYPES = 18, COMMANDS = 5, TAG = 16 };

/* The five commands of a channel, then the queries. */
static const struct {
	const GUID *guid;
	uint32_t input_size;
	uint32_t output_size;
} types[TYPES] = {
	{ &D3DAUTHENTICATEDCONFIGURE_INITIALIZE, 56, 48 },
	{ &D3DAUTHENTICATEDCONFIGURE_PROTECTION, 56, 48 },
	{ &D3DAUTHENTICATEDCONFIGURE_CRYPTOSESSION, 72, 48 },
	{ &D3DAUTHENTICATEDCONFIGURE_SHAREDRESOURCE, 72, 48 },
	{ &D3DAUTHENTICATEDCONFIGURE_ENCRYPTIONWHENACCESSIBLE, 64, 48 },
	{ &D3DAUTHENTICATEDQUERY_PROTECTION, 32, 56 },
	{ &D3DAUTHENTICATEDQUERY_CHANNELTYPE, 32, 56 },
	{ &D3DAUTHENTICATEDQUERY_DEVICEHANDLE, 32, 56 },
	{ &D3DAUTHENTICATEDQUERY_CRYPTOSESSION, 40, 72 },
	{ &D3DAUTHENTICATEDQUERY_RESTRICTEDSHAREDRESOURCEPROCESSCOUNT, 32, 56 },
	{ &D3DAUTHENTICATEDQUERY_RESTRICTEDSHAREDRESOURCEPROCESS, 40, 64 },
	{ &D3DAUTHENTICATEDQUERY_UNRESTRICTEDPROTECTEDSHAREDRESOURCECOUNT, 32, 56 },
	{ &D3DAUTHENTICATEDQUERY_OUTPUTIDCOUNT, 48, 72 },
	{ &D3DAUTHENTICATEDQUERY_OUTPUTID, 56, 80 },
	{ &D3DAUTHENTICATEDQUERY_ACCESSIBILITYATTRIBUTES, 32, 64 },
	{ &D3DAUTHENTICATEDQUERY_ENCRYPTIONWHENACCESSIBLEGUIDCOUNT, 32, 56 },
	{ &D3DAUTHENTICATEDQUERY_ENCRYPTIONWHENACCESSIBLEGUID, 40, 72 },
	{ &D3DAUTHENTICATEDQUERY_CURRENTENCRYPTIONWHENACCESSIBLE, 32, 64 },
};

/* The last command was sent to a channel without its key. */
static bool is_forged;

static struct fuzz_channel *find_channel(uint8_t selector)
{
	static struct fuzz_channel unknown = { .handle = 12345 };
	static struct fuzz_channel foreign;
	const uint32_t count = fuzz_world.channel_count < FUZZ_SEEN ? fuzz_world.channel_count : FUZZ_SEEN;

	if (selector == 0xfe) {
		foreign.handle = fuzz_world.foreign_channel;
		return &foreign;
	}
	return selector == 0xff || count == 0 ? &unknown : &fuzz_world.channels[selector % count];
}

static void blob(struct fuzz_input *input, uint8_t ret[256])
{
	const uint8_t seed = fuzz_u8(input);

	ret[0] = seed & 0x80 ? seed : 'K';
	memset(ret + 1, seed, 16);
}

static uint64_t id_of_device(uint32_t client)
{
	struct dxgk_process *process = fuzz_world.clients[client].process;
	const struct dxgk_device *device =
		process ? dxgk_process_get(process, fuzz_handle(client, DXGK_DEVICE, 0), DXGK_DEVICE) : NULL;

	return device ? ((const struct kmd_device *)device->driver_handle)->id : 0;
}

/* What a body names, as a good client does: its device, a session by any name, a decode device, the other client. */
static void name_objects(uint32_t client, const GUID *type, struct drv_escape_message *ret)
{
	const uint64_t device = id_of_device(client), session = ret->header.session;
	const uint64_t other = fuzz_world.clients[client ^ 1].token;

	if (type == &D3DAUTHENTICATEDCONFIGURE_CRYPTOSESSION) {
		memcpy(ret->input + 48, &fuzz_world.decodes[0], sizeof(uint64_t));
		memcpy(ret->input + 56, &session, sizeof(session));
		memcpy(ret->input + 64, &device, sizeof(device));
	} else if (type == &D3DAUTHENTICATEDCONFIGURE_SHAREDRESOURCE) {
		memcpy(ret->input + 56, &other, sizeof(other));
	} else if (type == &D3DAUTHENTICATEDQUERY_CRYPTOSESSION) {
		memcpy(ret->input + 32, &fuzz_world.decodes[0], sizeof(uint64_t));
	} else if (type == &D3DAUTHENTICATEDQUERY_OUTPUTIDCOUNT || type == &D3DAUTHENTICATEDQUERY_OUTPUTID) {
		memcpy(ret->input + 32, &device, sizeof(device));
		memcpy(ret->input + 40, &session, sizeof(session));
	}
}

/* Mostly the next number, the sizes that are defined, and a tag by the right key. */
static void message(struct fuzz_input *input, uint32_t client, struct drv_escape_message *ret)
{
	const uint8_t type = fuzz_u8(input);
	const uint8_t switches = fuzz_u8(input);
	struct fuzz_channel *channel = find_channel(fuzz_u8(input));
	const bool is_query = type % TYPES >= COMMANDS;
	uint8_t *header = ret->input + (is_query ? 0 : TAG);
	uint32_t number = channel->numbers[!is_query]++;

	if (switches & 1)
		number = fuzz_u32(input);
	memcpy(header, types[type % TYPES].guid, sizeof(GUID));
	memcpy(header + 16, &channel->handle, sizeof(channel->handle));
	memcpy(header + 24, &number, sizeof(number));
	ret->header.command = is_query ? DRV_COMMAND_QUERY_CHANNEL : DRV_COMMAND_CONFIGURE_CHANNEL;
	ret->input_size = types[type % TYPES].input_size;
	ret->output_size = types[type % TYPES].output_size;
	fuzz_bytes(input, header + 32, ret->input_size - (is_query ? 32 : 48));
	if (switches & 2)
		name_objects(client, types[type % TYPES].guid, ret);
	if (switches & 8)
		ret->channel = channel->handle;
	if (switches & 16)
		ret->input_size = fuzz_u32(input);
	if (switches & 32)
		ret->output_size = fuzz_u32(input);
	if (!is_query && !(switches & 64) && ret->input_size >= TAG && ret->input_size <= DRV_MESSAGE_INPUT) {
		struct gpu_mac *mac;

		FUZZ_CHECK(gpu_mac_reserve(&mac) == 0);
		FUZZ_CHECK(gpu_mac_set(mac, channel->key) == 0);
		FUZZ_CHECK(gpu_mac_compute(mac, ret->input + TAG, ret->input_size - TAG, ret->input) == 0);
		gpu_mac_free(mac);
	}
	if (switches & 128)
		fuzz_bytes(input, ret->input, 48);
	is_forged = !is_query && (switches & 64);
	/* An initialised channel counts from what the command says. */
	if (type % TYPES == 0 && !(switches & 0x41)) {
		memcpy(&channel->numbers[0], ret->input + 48, sizeof(uint32_t));
		memcpy(&channel->numbers[1], ret->input + 52, sizeof(uint32_t));
	}
}

static void blt(struct fuzz_input *input, uint32_t client, struct drv_escape_blt *ret)
{
	const uint8_t switches = fuzz_u8(input);

	ret->source = fuzz_handle(client, DXGK_ALLOCATION, fuzz_u8(input));
	ret->destination = fuzz_handle(client, DXGK_ALLOCATION, fuzz_u8(input));
	ret->size = switches & 1 ? fuzz_u32(input) : 4096;
	ret->flags = switches >> 1 & 15;
	if (switches & 2) {
		ret->block_info.NumEncryptedBytesAtBeginning = fuzz_u8(input) * 16u;
		ret->block_info.NumBytesInSkipPattern = fuzz_u8(input) * 16u;
		ret->block_info.NumBytesInEncryptPattern = fuzz_u8(input) * 16u;
	}
	if (switches & 4)
		memset(ret->content_key, fuzz_u8(input), sizeof(ret->content_key));
	if (switches & 32)
		fuzz_bytes(input, ret->iv, sizeof(ret->iv));
	if (switches & 64)
		ret->reserved = 1;
	if (switches & 128)
		fuzz_bytes(input, &ret->block_info, sizeof(ret->block_info));
}

static void channel_key(struct fuzz_input *input, struct drv_escape_channel_key *ret)
{
	struct fuzz_channel *channel = find_channel(fuzz_u8(input));

	ret->channel = channel->handle;
	blob(input, ret->blob);
	memcpy(channel->key, ret->blob + 1, sizeof(channel->key));
}

static void decode(struct fuzz_input *input, struct drv_escape_decode *ret)
{
	const uint8_t selector = fuzz_u8(input);

	if (ret->header.command == DRV_COMMAND_DESTROY_DECODE)
		ret->decode = fuzz_world.decodes[selector % FUZZ_SEEN];
	else if (selector & 0x80)
		fuzz_bytes(input, &ret->profile, sizeof(ret->profile));
	else
		ret->profile = drv_test_profiles[selector % DRV_TEST_PROFILES];
}

size_t fuzz_command(struct fuzz_input *input, uint32_t client, uint8_t command, uint8_t ret[FUZZ_COMMAND_MAX])
{
	union {
		struct drv_escape header;
		struct drv_escape_key_exchange key_exchange;
		struct drv_escape_key key;
		struct drv_escape_blt blt;
		struct drv_escape_pitch pitch;
		struct drv_escape_lock lock;
		struct drv_escape_channel channel;
		struct drv_escape_channel_key channel_key;
		struct drv_escape_message message;
		struct drv_escape_decode decode;
		uint8_t raw[FUZZ_COMMAND_MAX];
	} escape;
	size_t size = sizeof(escape.header);

	is_forged = false;
	memset(&escape, 0, sizeof(escape));
	escape.header.magic = DRV_MAGIC;
	escape.header.command = command & 31;
	escape.header.session = fuzz_handle(client, DXGK_SESSION, command & 64 ? fuzz_u8(input) : 0);
	switch (escape.header.command) {
	case DRV_COMMAND_KEY_EXCHANGE:
		size = sizeof(escape.key_exchange);
		blob(input, escape.key_exchange.blob);
		break;
	case DRV_COMMAND_START_REFRESH:
	case DRV_COMMAND_FINISH_REFRESH:
	case DRV_COMMAND_GET_READBACK_KEY:
		size = sizeof(escape.key);
		break;
	case DRV_COMMAND_ENCRYPTION_BLT:
	case DRV_COMMAND_DECRYPTION_BLT:
		size = sizeof(escape.blt);
		blt(input, client, &escape.blt);
		break;
	case DRV_COMMAND_GET_PITCH:
		size = sizeof(escape.pitch);
		escape.pitch.allocation = fuzz_handle(client, DXGK_ALLOCATION, fuzz_u8(input));
		break;
	case DRV_COMMAND_LOCK:
	case DRV_COMMAND_UNLOCK:
		size = sizeof(escape.lock);
		escape.lock.surface = fuzz_handle(client, DXGK_ALLOCATION, fuzz_u8(input));
		escape.lock.staging = fuzz_handle(client, DXGK_ALLOCATION, fuzz_u8(input));
		break;
	case DRV_COMMAND_CREATE_CHANNEL:
		size = sizeof(escape.channel);
		escape.channel.type = fuzz_u8(input) % 5u;
		break;
	case DRV_COMMAND_DESTROY_CHANNEL:
		size = sizeof(escape.channel);
		escape.channel.channel = find_channel(fuzz_u8(input))->handle;
		break;
	case DRV_COMMAND_CHANNEL_KEY_EXCHANGE:
		size = sizeof(escape.channel_key);
		channel_key(input, &escape.channel_key);
		break;
	case DRV_COMMAND_CONFIGURE_CHANNEL:
	case DRV_COMMAND_QUERY_CHANNEL:
		size = sizeof(escape.message);
		message(input, client, &escape.message);
		break;
	case DRV_COMMAND_CREATE_DECODE:
	case DRV_COMMAND_DESTROY_DECODE:
		size = sizeof(escape.decode);
		decode(input, &escape.decode);
		break;
	default:
		break;
	}
	/* Of any size, and with any byte changed. */
	if (command & 128) {
		const uint8_t place = fuzz_u8(input);

		escape.raw[place % size] ^= fuzz_u8(input);
		size = place & 128 ? fuzz_u32(input) % FUZZ_COMMAND_MAX : size;
	}
	memcpy(ret, &escape, sizeof(escape));
	return size;
}

static void learn(const struct drv_escape *header)
{
	if (header->result != S_OK)
		return;
	FUZZ_CHECK(!is_forged || header->command != DRV_COMMAND_CONFIGURE_CHANNEL);
	if (header->command == DRV_COMMAND_CREATE_CHANNEL)
		fuzz_world.channels[fuzz_world.channel_count++ % FUZZ_SEEN] = (struct fuzz_channel) {
			.handle = ((const struct drv_escape_channel *)(const void *)header)->channel,
		};
	if (header->command == DRV_COMMAND_CREATE_DECODE)
		fuzz_world.decodes[fuzz_world.decode_count++ % FUZZ_SEEN] =
			((const struct drv_escape_decode *)(const void *)header)->decode;
	if (header->command == DRV_COMMAND_CONFIGURE_CHANNEL || header->command == DRV_COMMAND_QUERY_CHANNEL)
		FUZZ_CHECK(((const struct drv_escape_message *)(const void *)header)->written <= DRV_MESSAGE_OUTPUT);
}

void fuzz_escape(struct fuzz_input *input, uint32_t client, uint8_t *data, size_t size)
{
	struct {
		struct wire_escape request;
		uint8_t data[FUZZ_COMMAND_MAX];
	} packet = {
		.request = {
			.header = fuzz_header(WIRE_ESCAPE, sizeof(packet.request) + size),
			.adapter = fuzz_handle(client, DXGK_ADAPTER, 0),
			.device = fuzz_handle(client, DXGK_DEVICE, fuzz_u8(input)),
			.type = D3DKMT_ESCAPE_DRIVERPRIVATE,
			.size = (uint32_t)size,
		},
	};
	const struct wire_header *reply;

	memcpy(packet.data, data, size);
	reply = fuzz_send(client, &packet, -1);
	if (reply && reply->status == STATUS_SUCCESS) {
		FUZZ_CHECK(reply->size == packet.request.header.size);
		learn((const void *)((const struct wire_escape *)(const void *)reply + 1));
	}
}

void fuzz_run(uint32_t client, const uint8_t *bytes, size_t size)
{
	struct fuzz_input input = { bytes, size };
	uint8_t command[FUZZ_COMMAND_MAX];
	const uint8_t code = fuzz_u8(&input);

	fuzz_escape(&input, client, command, fuzz_command(&input, client, code, command));
}
