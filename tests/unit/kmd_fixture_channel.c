/* SPDX-License-Identifier: MIT */
/* Authenticated channels by escapes: what an application does with one, and how its answers are to look. */
#include "kmd_fixture_channel.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <string.h>

#define PATTERN 0xfd

/* Section 3 of constants-channel.md. */
const struct kf_type_info kf_types[KF_TYPES] = {
	[KF_INITIALIZE] = { &D3DAUTHENTICATEDCONFIGURE_INITIALIZE, 56, 48, false },
	[KF_PROTECTION] = { &D3DAUTHENTICATEDCONFIGURE_PROTECTION, 56, 48, false },
	[KF_CRYPTOSESSION] = { &D3DAUTHENTICATEDCONFIGURE_CRYPTOSESSION, 72, 48, false },
	[KF_SHAREDRESOURCE] = { &D3DAUTHENTICATEDCONFIGURE_SHAREDRESOURCE, 72, 48, true },
	[KF_ENCRYPTION] = { &D3DAUTHENTICATEDCONFIGURE_ENCRYPTIONWHENACCESSIBLE, 64, 48, false },
	[KF_Q_PROTECTION] = { &D3DAUTHENTICATEDQUERY_PROTECTION, 32, 56, false },
	[KF_Q_CHANNELTYPE] = { &D3DAUTHENTICATEDQUERY_CHANNELTYPE, 32, 56, false },
	[KF_Q_DEVICEHANDLE] = { &D3DAUTHENTICATEDQUERY_DEVICEHANDLE, 32, 56, false },
	[KF_Q_CRYPTOSESSION] = { &D3DAUTHENTICATEDQUERY_CRYPTOSESSION, 40, 72, false },
	[KF_Q_PROCESSCOUNT] = { &D3DAUTHENTICATEDQUERY_RESTRICTEDSHAREDRESOURCEPROCESSCOUNT, 32, 56, true },
	[KF_Q_PROCESS] = { &D3DAUTHENTICATEDQUERY_RESTRICTEDSHAREDRESOURCEPROCESS, 40, 64, true },
	[KF_Q_UNRESTRICTED] = { &D3DAUTHENTICATEDQUERY_UNRESTRICTEDPROTECTEDSHAREDRESOURCECOUNT, 32, 56, true },
	[KF_Q_OUTPUTIDCOUNT] = { &D3DAUTHENTICATEDQUERY_OUTPUTIDCOUNT, 48, 72, false },
	[KF_Q_OUTPUTID] = { &D3DAUTHENTICATEDQUERY_OUTPUTID, 56, 80, false },
	[KF_Q_ACCESSIBILITY] = { &D3DAUTHENTICATEDQUERY_ACCESSIBILITYATTRIBUTES, 32, 64, false },
	[KF_Q_GUIDCOUNT] = { &D3DAUTHENTICATEDQUERY_ENCRYPTIONWHENACCESSIBLEGUIDCOUNT, 32, 56, false },
	[KF_Q_GUID] = { &D3DAUTHENTICATEDQUERY_ENCRYPTIONWHENACCESSIBLEGUID, 40, 72, false },
	[KF_Q_ENCRYPTION] = { &D3DAUTHENTICATEDQUERY_CURRENTENCRYPTIONWHENACCESSIBLE, 32, 64, false },
};

/* ---- create, destroy, exchange --------------------------------------------------------------------- */

static HRESULT channel_escape(struct kf *kf, int device, struct drv_escape_channel *escape)
{
	const struct drv_escape_channel before = *escape;

	assert_int_equal(kf_escape(kf, device, escape, sizeof(*escape)), STATUS_SUCCESS);
	assert_int_equal(escape->type, before.type);
	assert_int_equal(escape->reserved, 0);
	if (escape->header.result != S_OK || before.header.command == DRV_COMMAND_DESTROY_CHANNEL)
		assert_true(escape->channel == before.channel);
	return escape->header.result;
}

HRESULT kf_channel_create(struct kf *kf, int device, uint32_t type, uint64_t *ret)
{
	struct drv_escape_channel escape = {
		.header = { .magic = DRV_MAGIC, .command = DRV_COMMAND_CREATE_CHANNEL, .result = 0x5a5a },
		.type = type,
	};
	HRESULT hr = channel_escape(kf, device, &escape);

	if (hr != S_OK)
		return hr;
	assert_true(escape.channel != 0); /* AC-008 */
	*ret = escape.channel;
	return hr;
}

HRESULT kf_channel_destroy(struct kf *kf, int device, uint64_t channel)
{
	struct drv_escape_channel escape = {
		.header = { .magic = DRV_MAGIC, .command = DRV_COMMAND_DESTROY_CHANNEL, .result = 0x5a5a },
		.channel = channel,
	};

	return channel_escape(kf, device, &escape);
}

HRESULT kf_channel_exchange_blob(struct kf *kf, int device, uint64_t channel, const uint8_t blob[256])
{
	struct drv_escape_channel_key escape = {
		.header = { .magic = DRV_MAGIC, .command = DRV_COMMAND_CHANNEL_KEY_EXCHANGE, .result = 0x5a5a },
		.channel = channel,
	};

	memcpy(escape.blob, blob, sizeof(escape.blob));
	assert_int_equal(kf_escape(kf, device, &escape, sizeof(escape)), STATUS_SUCCESS);
	assert_memory_equal(escape.blob, blob, sizeof(escape.blob)); /* AC-041 */
	assert_true(escape.channel == channel);
	return escape.header.result;
}

struct kf_channel kf_channel(struct kf *kf, int device, uint32_t type)
{
	struct kf_channel channel = { .kf = kf, .device = device };

	assert_int_equal(kf_channel_create(kf, device, type, &channel.handle), S_OK);
	return channel;
}

HRESULT kf_exchange_key(struct kf_channel *channel, const uint8_t key[16])
{
	uint8_t blob[256];
	HRESULT hr;

	kf_blob(GPU_LEAF_CHANNEL, "SHA512", "", key, 16, blob);
	hr = kf_channel_exchange_blob(channel->kf, channel->device, channel->handle, blob);
	if (hr == S_OK)
		memcpy(channel->key, key, 16);
	return hr;
}

void kf_initialise(struct kf_channel *channel, uint32_t start_query, uint32_t start_configure)
{
	const uint32_t starts[2] = { start_query, start_configure };
	struct drv_escape_message message = kf_message(channel, KF_INITIALIZE, 0, starts, sizeof(starts));

	assert_int_equal(kf_send(channel->kf, channel->device, &message), S_OK);
	assert_int_equal(kf_class(&message, channel->key), KF_SIGNED);
	channel->next_query = start_query;
	channel->next_configure = start_configure;
}

struct kf_channel kf_channel_ready(struct kf *kf, int device, uint32_t type)
{
	struct kf_channel channel = kf_channel(kf, device, type);
	uint8_t key[16];

	assert_int_equal(gpu_random(key, sizeof(key)), 0);
	assert_int_equal(kf_exchange_key(&channel, key), S_OK);
	kf_initialise(&channel, 0x20000000, 0x10000000);
	return channel;
}

HRESULT kf_destroy(struct kf_channel *channel)
{
	return kf_channel_destroy(channel->kf, channel->device, channel->handle);
}

/* ---- messages ---------------------------------------------------------------------------------------- */

void kf_tag(const uint8_t key[16], const void *data, size_t size, uint8_t ret[16])
{
	const OSSL_PARAM parameters[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_CIPHER, (char[]) { "AES-128-CBC" }, 0),
		OSSL_PARAM_construct_end(),
	};
	static EVP_MAC *algorithm;
	EVP_MAC_CTX *context;
	size_t written;

	if (!algorithm)
		algorithm = EVP_MAC_fetch(NULL, "CMAC", NULL);
	context = EVP_MAC_CTX_new(algorithm);
	assert_non_null(context);
	assert_int_equal(EVP_MAC_init(context, key, 16, parameters), 1);
	assert_int_equal(EVP_MAC_update(context, data, size), 1);
	assert_int_equal(EVP_MAC_final(context, ret, &written, 16), 1);
	EVP_MAC_CTX_free(context);
}

static bool is_query(const struct drv_escape_message *message)
{
	return message->header.command == DRV_COMMAND_QUERY_CHANNEL;
}

struct drv_escape_message kf_message(const struct kf_channel *channel, enum kf_type type, uint32_t number,
				     const void *body, size_t size)
{
	const bool query = type >= KF_QUERIES;
	struct drv_escape_message message = {
		.header = {
			.magic = DRV_MAGIC,
			.command = query ? DRV_COMMAND_QUERY_CHANNEL : DRV_COMMAND_CONFIGURE_CHANNEL,
			.result = 0x5a5a,
			.session = channel->session,
		},
		.input_size = kf_types[type].input_size,
		.output_size = kf_types[type].output_size,
	};
	uint8_t *header = message.input + (query ? 0 : 16);

	assert_true((query ? KF_QUERY_HEADER : KF_HEADER) + size <= message.input_size);
	memcpy(header, kf_types[type].guid, sizeof(GUID));
	memcpy(header + 16, &channel->handle, 8);
	memcpy(header + 24, &number, 4);
	if (size > 0)
		memcpy(header + 32, body, size);
	memset(message.output, PATTERN, sizeof(message.output));
	kf_message_tag(&message, channel->key);
	return message;
}

void kf_message_tag(struct drv_escape_message *message, const uint8_t key[16])
{
	if (!is_query(message) && message->input_size >= 16 && message->input_size <= DRV_MESSAGE_INPUT)
		kf_tag(key, message->input + 16, message->input_size - 16, message->input);
}

HRESULT kf_send(struct kf *kf, int device, struct drv_escape_message *message)
{
	struct drv_escape_message before = *message;
	HRESULT code;

	assert_int_equal(kf_escape(kf, device, message, sizeof(*message)), STATUS_SUCCESS);
	before.header.result = message->header.result;
	before.written = message->written;
	assert_true(message->written <= sizeof(message->output));
	/* The user-mode half passes on what was written alone. Behind it is nothing that anybody could learn from. */
	for (size_t i = message->written; i < sizeof(message->output); i++)
		assert_true(message->output[i] == PATTERN || message->output[i] == 0);
	memcpy(before.output, message->output, sizeof(before.output));
	assert_memory_equal(message, &before, sizeof(before));
	if (message->written > 0) {
		assert_true(message->written >= KF_HEADER);
		assert_true(message->written <= message->output_size);
		memcpy(&code, message->output + 44, sizeof(code));
		assert_int_equal(code, message->header.result); /* AC-077 */
	}
	return message->header.result;
}

static bool is_zero(const uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (bytes[i] != 0)
			return false;
	return true;
}

enum kf_class kf_class(const struct drv_escape_message *message, const uint8_t key[16])
{
	const uint8_t *output = message->output, *echo = message->input + (is_query(message) ? 0 : 16);
	uint8_t tag[16];

	if (message->written == 0)
		return KF_NONE;
	if (message->written == KF_HEADER && is_zero(output, 44))
		return KF_ZERO;
	if (memcmp(output + 16, echo, 28) != 0)
		return KF_WRONG;
	if (is_zero(output, 16))
		return message->written == KF_HEADER ? KF_BARE : KF_WRONG;
	kf_tag(key, output + 16, message->written - 16, tag);
	if (memcmp(output, tag, sizeof(tag)) != 0 || message->written != message->output_size)
		return KF_WRONG;
	if (message->header.result != S_OK && !is_zero(output + KF_HEADER, message->written - KF_HEADER))
		return KF_WRONG;
	return KF_SIGNED;
}

HRESULT kf_call(struct kf_channel *channel, enum kf_type type, const void *body, size_t size, void *ret_body)
{
	uint32_t *next = type >= KF_QUERIES ? &channel->next_query : &channel->next_configure;
	struct drv_escape_message message = kf_message(channel, type, (*next)++, body, size);

	(void)kf_send(channel->kf, channel->device, &message);
	assert_int_equal(kf_class(&message, channel->key), KF_SIGNED);
	if (ret_body)
		memcpy(ret_body, message.output + KF_HEADER, message.written - KF_HEADER);
	return message.header.result;
}

/* ---- commands and queries ------------------------------------------------------------------------------ */

HRESULT kf_protect(struct kf_channel *channel, uint32_t flags)
{
	return kf_call(channel, KF_PROTECTION, &flags, sizeof(flags), NULL);
}

HRESULT kf_share(struct kf_channel *channel, uint32_t type, uint64_t process, int32_t allow)
{
	const struct {
		uint32_t type, padding;
		uint64_t process;
		int32_t allow;
		uint32_t padding_behind;
	} body = { .type = type, .process = process, .allow = allow };

	return kf_call(channel, KF_SHAREDRESOURCE, &body, sizeof(body), NULL);
}

HRESULT kf_encryption(struct kf_channel *channel, const GUID *guid)
{
	return kf_call(channel, KF_ENCRYPTION, guid, sizeof(*guid), NULL);
}

HRESULT kf_bind(struct kf_channel *channel, uint64_t decode, uint64_t session, uint64_t device)
{
	const uint64_t body[3] = { decode, session, device };

	return kf_call(channel, KF_CRYPTOSESSION, body, sizeof(body), NULL);
}

uint32_t kf_query(struct kf_channel *channel, enum kf_type type)
{
	uint32_t body[8] = { 0 };

	assert_int_equal(kf_call(channel, type, NULL, 0, body), S_OK);
	return body[0];
}

uint64_t kf_device_id(struct kf_channel *channel)
{
	uint64_t id = 0;

	assert_int_equal(kf_call(channel, KF_Q_DEVICEHANDLE, NULL, 0, &id), S_OK);
	assert_true(id != 0);
	return id;
}

HRESULT kf_query_process(struct kf_channel *channel, uint32_t index, struct kf_process_entry *ret)
{
	return kf_call(channel, KF_Q_PROCESS, &index, sizeof(index), ret);
}

HRESULT kf_query_association(struct kf_channel *channel, uint64_t decode, struct kf_association *ret)
{
	return kf_call(channel, KF_Q_CRYPTOSESSION, &decode, sizeof(decode), ret);
}

HRESULT kf_query_guid(struct kf_channel *channel, uint32_t index, GUID *ret)
{
	uint8_t body[24];
	HRESULT hr = kf_call(channel, KF_Q_GUID, &index, sizeof(index), body);

	memcpy(ret, body + 4, sizeof(*ret));
	if (hr == S_OK)
		assert_memory_equal(body, &index, sizeof(index)); /* AC-099 */
	return hr;
}

GUID kf_current_encryption(struct kf_channel *channel)
{
	GUID guid = { 0 };

	assert_int_equal(kf_call(channel, KF_Q_ENCRYPTION, NULL, 0, &guid), S_OK);
	return guid;
}

/* ---- decode devices --------------------------------------------------------------------------------------- */

HRESULT kf_decode(struct kf *kf, int device, const GUID *profile, uint64_t *ret)
{
	struct drv_escape_decode escape = {
		.header = { .magic = DRV_MAGIC, .command = DRV_COMMAND_CREATE_DECODE, .result = 0x5a5a },
		.profile = *profile,
	};

	assert_int_equal(kf_escape(kf, device, &escape, sizeof(escape)), STATUS_SUCCESS);
	if (escape.header.result == S_OK) {
		assert_true(escape.decode != 0);
		*ret = escape.decode;
	} else {
		assert_true(escape.decode == 0);
	}
	return escape.header.result;
}

HRESULT kf_decode_destroy(struct kf *kf, int device, uint64_t decode)
{
	struct drv_escape_decode escape = {
		.header = { .magic = DRV_MAGIC, .command = DRV_COMMAND_DESTROY_DECODE, .result = 0x5a5a },
		.decode = decode,
	};

	assert_int_equal(kf_escape(kf, device, &escape, sizeof(escape)), STATUS_SUCCESS);
	return escape.header.result;
}

D3DKMT_HANDLE kf_decode_session(struct kf *kf, int device, const GUID *profile)
{
	const struct drv_session info = {
		.magic = DRV_MAGIC,
		.crypto_type = D3DCRYPTOTYPE_AES128_CTR,
		.decode_profile = *profile,
	};
	D3DKMT_HANDLE handle = 0;

	assert_int_equal(kf_session_raw(kf, device, &info, sizeof(info), &handle), STATUS_SUCCESS);
	return handle;
}

/* ---- what the driver keeps ---------------------------------------------------------------------------------- */

static void append(struct kf_snapshot *snapshot, const void *data, size_t size)
{
	assert_true(size <= sizeof(snapshot->bytes) - snapshot->size);
	if (size > 0)
		memcpy(snapshot->bytes + snapshot->size, data, size);
	snapshot->size += size;
}

void kf_snapshot(struct kf *kf, struct kf_snapshot *ret)
{
	const struct kmd_adapter *adapter = kf->adapter;
	const struct list *link;

	ret->size = 0;
	append(ret, adapter, sizeof(*adapter));
	append(ret, &kf->charges, sizeof(kf->charges));
	for (link = adapter->channels.next; link != &adapter->channels; link = link->next)
		append(ret, LIST_ENTRY(link, struct kmd_channel, link), sizeof(struct kmd_channel));
	for (link = adapter->sessions.next; link != &adapter->sessions; link = link->next)
		append(ret, LIST_ENTRY(link, struct kmd_session, link), sizeof(struct kmd_session));
	for (link = adapter->allocations.next; link != &adapter->allocations; link = link->next) {
		const struct kmd_allocation *allocation = LIST_ENTRY(link, struct kmd_allocation, link);

		append(ret, allocation, sizeof(*allocation));
		append(ret, allocation->memory, allocation->size);
	}
	for (int i = 0; i < KF_DEVICES; i++) {
		const struct kmd_device *device = kf->devices[i];

		if (!device)
			continue;
		append(ret, device, sizeof(*device));
		append(ret, device->grants, device->grant_count * sizeof(*device->grants));
		for (link = device->decodes.next; link != &device->decodes; link = link->next)
			append(ret, LIST_ENTRY(link, struct kmd_decode, link), sizeof(struct kmd_decode));
		for (link = device->opens.next; link != &device->opens; link = link->next)
			append(ret, LIST_ENTRY(link, struct kmd_open_allocation, device_link),
			       sizeof(struct kmd_open_allocation));
	}
}

void kf_assert_unchanged(struct kf *kf, const struct kf_snapshot *before)
{
	static struct kf_snapshot now;

	kf_snapshot(kf, &now);
	assert_int_equal(now.size, before->size);
	assert_memory_equal(now.bytes, before->bytes, now.size);
}

struct kmd_channel *kf_channel_inside(const struct kf_channel *channel)
{
	const struct kmd_device *device = channel->kf->devices[channel->device];

	return device ? kmd_channel_find(device, channel->handle) : NULL;
}
