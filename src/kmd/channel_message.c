/* SPDX-License-Identifier: MIT */
/* Messages of authenticated channels: the order of checks, the numbers, the tags, and what each answer says. */
#include "kmd/kmd_internal.h"

#include <dxvault/d3dcontentprotection.h>
#include <stddef.h>
#include <string.h>

typedef D3DAUTHENTICATEDCHANNEL_CONFIGURE_INPUT command_in;
typedef D3DAUTHENTICATEDCHANNEL_CONFIGURE_OUTPUT command_out;
typedef D3DAUTHENTICATEDCHANNEL_QUERY_INPUT query_in;
typedef D3DAUTHENTICATEDCHANNEL_QUERY_OUTPUT query_out;

/* What follows the tag in both kinds of answer is laid out alike. */
_Static_assert(sizeof(command_out) == sizeof(query_out) && offsetof(query_out, QueryType) == GPU_TAG_SIZE &&
		       offsetof(command_out, ConfigureType) == offsetof(query_out, QueryType) &&
		       offsetof(command_out, hChannel) == offsetof(query_out, hChannel) &&
		       offsetof(command_out, SequenceNumber) == offsetof(query_out, SequenceNumber) &&
		       offsetof(command_out, ReturnCode) == offsetof(query_out, ReturnCode),
	       "answers");

/* The part of a header that commands and queries share. */
struct header {
	GUID type;
	HANDLE channel;
	UINT number;
};

static struct header command_header(const struct drv_escape_message *escape)
{
	struct header header;

	KMD_GET(escape->input, command_in, ConfigureType, &header.type);
	KMD_GET(escape->input, command_in, hChannel, &header.channel);
	KMD_GET(escape->input, command_in, SequenceNumber, &header.number);
	return header;
}

static struct header query_header(const struct drv_escape_message *escape)
{
	struct header header;

	KMD_GET(escape->input, query_in, QueryType, &header.type);
	KMD_GET(escape->input, query_in, hChannel, &header.channel);
	KMD_GET(escape->input, query_in, SequenceNumber, &header.number);
	return header;
}

/* ---- answers (AC-076 to AC-079, AC-095 to AC-097) ----------------------------------------------- */

/* OUT-ZERO: there was no header to repeat. */
static HRESULT answer_zero(struct drv_escape_message *escape, HRESULT hr)
{
	memset(escape->output, 0, sizeof(escape->output));
	KMD_PUT(escape->output, query_out, ReturnCode, hr);
	escape->written = sizeof(query_out);
	return hr;
}

/* OUT-BARE: nobody proved to have sent this, so it earns no tag (D-32). */
static HRESULT answer_bare(struct drv_escape_message *escape, const struct header *header, HRESULT hr)
{
	answer_zero(escape, hr);
	KMD_PUT(escape->output, query_out, QueryType, header->type);
	KMD_PUT(escape->output, query_out, hChannel, header->channel);
	KMD_PUT(escape->output, query_out, SequenceNumber, header->number);
	return hr;
}

/* OUT-SIGNED. What a successful query has put behind the header is covered too. */
static HRESULT answer_signed(struct drv_escape_message *escape, const struct header *header,
			     struct kmd_channel *channel, uint32_t size, HRESULT hr)
{
	uint8_t body[DRV_MESSAGE_OUTPUT];
	uint8_t tag[GPU_TAG_SIZE];

	memcpy(body, escape->output, sizeof(body));
	answer_bare(escape, header, hr);
	if (hr == S_OK)
		memcpy(escape->output + sizeof(query_out), body + sizeof(query_out), size - sizeof(query_out));
	if (gpu_mac_compute(channel->mac, escape->output + GPU_TAG_SIZE, size - GPU_TAG_SIZE, tag) < 0)
		return answer_bare(escape, header, E_FAIL);
	memcpy(escape->output, tag, sizeof(tag));
	escape->written = size;
	return hr;
}

/* ---- checks ------------------------------------------------------------------------------------- */

/* Checks 3 and 4; in D3D11.1 the parameter and the buffer name the same one (AC-067). */
static struct kmd_channel *find_channel(const struct kmd_device *device, const struct drv_escape_message *escape,
					const struct header *header)
{
	uint64_t handle = (uintptr_t)header->channel;

	if (escape->channel && escape->channel != handle)
		return NULL;
	return kmd_channel_find(device, handle);
}

static bool is_type(const GUID *a, const GUID *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

static const struct kmd_command *find_command(const GUID *type)
{
	for (const struct kmd_command *command = kmd_commands; command->type; command++) {
		if (is_type(command->type, type))
			return command;
	}
	return NULL;
}

static const struct kmd_query *find_query(const GUID *type)
{
	for (const struct kmd_query *query = kmd_queries; query->type; query++) {
		if (is_type(query->type, type))
			return query;
	}
	return NULL;
}

/* E_INVALIDARG: not authentic. */
static HRESULT check_tag(struct kmd_channel *channel, const struct drv_escape_message *escape, uint32_t size)
{
	uint8_t tag[GPU_TAG_SIZE];
	bool is_good;

	if (gpu_mac_compute(channel->mac, escape->input + GPU_TAG_SIZE, size - GPU_TAG_SIZE, tag) < 0)
		return E_FAIL;
	is_good = gpu_equal(tag, escape->input, sizeof(tag));
	gpu_wipe(tag, sizeof(tag));
	return is_good ? S_OK : E_INVALIDARG;
}

/* A fresh number is used up at once, whatever comes of the message (AC-049, AC-051). */
static bool use_number(uint64_t *next, UINT number)
{
	if (number < *next)
		return false;
	*next = (uint64_t)number + 1;
	return true;
}

static bool is_allowed(const struct kmd_channel *channel, bool is_for_hardware)
{
	return is_for_hardware || channel->type == DDIAUTHENTICATEDCHANNEL_DRIVER_SOFTWARE;
}

/* ---- ConfigureAuthenticatedChannel (AC-064 to AC-075) --------------------------------------------- */

HRESULT kmd_configure_channel(struct kmd_device *device, struct drv_escape_message *escape)
{
	const struct kmd_command *command;
	struct kmd_channel *channel;
	struct header header;
	HRESULT hr;

	if (escape->input_size < sizeof(command_in))
		return answer_zero(escape, E_INVALIDARG);
	header = command_header(escape);
	channel = find_channel(device, escape, &header);
	if (!channel || !channel->mac)
		return answer_bare(escape, &header, E_INVALIDARG);
	command = find_command(&header.type);
	if (!command)
		return answer_bare(escape, &header, E_FAIL);
	if (escape->input_size != command->size)
		return answer_bare(escape, &header, E_INVALIDARG);
	hr = check_tag(channel, escape, command->size);
	if (hr != S_OK)
		return answer_bare(escape, &header, hr);
	if (channel->is_initialised == command->is_initialize)
		return answer_bare(escape, &header, E_INVALIDARG);
	/* INITIALIZE has a number that nobody looks at (AC-102). */
	if (!command->is_initialize && !use_number(&channel->next_command, header.number))
		return answer_bare(escape, &header, E_INVALIDARG);

	/* Signed before it acts: an answer that can't be signed must not stand for a command that took effect (AC-080). */
	hr = answer_signed(escape, &header, channel, sizeof(command_out), S_OK);
	if (hr != S_OK)
		return hr;
	hr = is_allowed(channel, command->is_for_hardware) ? command->run(channel, escape) : E_FAIL;
	return hr == S_OK ? S_OK : answer_signed(escape, &header, channel, sizeof(command_out), hr);
}

/* ---- QueryAuthenticatedChannel (AC-084 to AC-094) ------------------------------------------------- */

HRESULT kmd_query_channel(struct kmd_device *device, struct drv_escape_message *escape)
{
	const struct kmd_query *query;
	struct kmd_channel *channel;
	struct header header;
	HRESULT hr;

	/* No room for a header: the one case without an answer (AC-085). */
	if (escape->output_size < sizeof(query_out))
		return E_INVALIDARG;
	if (escape->input_size < sizeof(query_in))
		return answer_zero(escape, E_INVALIDARG);
	header = query_header(escape);
	channel = find_channel(device, escape, &header);
	if (!channel || !channel->mac)
		return answer_bare(escape, &header, E_INVALIDARG);
	query = find_query(&header.type);
	if (!query)
		return answer_bare(escape, &header, E_FAIL);
	if (escape->input_size != query->input_size || escape->output_size != query->output_size)
		return answer_bare(escape, &header, E_INVALIDARG);
	if (!channel->is_initialised || !use_number(&channel->next_query, header.number))
		return answer_bare(escape, &header, E_INVALIDARG);

	memset(escape->output, 0, sizeof(escape->output));
	hr = is_allowed(channel, query->is_for_hardware) ? query->run(channel, escape, escape->output) : E_FAIL;
	return answer_signed(escape, &header, channel, query->output_size, hr);
}
