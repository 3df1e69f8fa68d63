/* SPDX-License-Identifier: MIT */
/* Commands and queries, their tags, and whether an answer is one of its class. */
#include "conform/ac/ac.h"

#include "conform/cf.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* ---- what there is ----------------------------------------------------------------------------------------- */

struct kind {
	const GUID *guid;
	const char *name;
	bool is_command;
	UINT input, output;
	UINT echo;    /* bytes of the input's body that the output's begins with (AC-099) */
	UINT padding; /* where in the output four bytes are of no member; 0: nowhere */
};

#define COMMAND(guid, type)                                                                             \
	{                                                                                               \
		&D3DAUTHENTICATEDCONFIGURE_##guid, #guid, true, sizeof(D3DAUTHENTICATEDCHANNEL_##type), \
			AC_COMMAND_ANSWER, 0, 0                                                         \
	}
#define QUERY(guid, in, out, echo, padding)                                                        \
	{                                                                                          \
		&D3DAUTHENTICATEDQUERY_##guid, #guid, false, sizeof(D3DAUTHENTICATEDCHANNEL_##in), \
			sizeof(D3DAUTHENTICATEDCHANNEL_##out), echo, padding                       \
	}

/* clang-format off */
static const struct kind kinds[] = {
	COMMAND(INITIALIZE, CONFIGUREINITIALIZE),
	COMMAND(PROTECTION, CONFIGUREPROTECTION),
	COMMAND(CRYPTOSESSION, CONFIGURECRYPTOSESSION),
	COMMAND(SHAREDRESOURCE, CONFIGURESHAREDRESOURCE),
	COMMAND(ENCRYPTIONWHENACCESSIBLE, CONFIGUREUNCOMPRESSEDENCRYPTION),
	QUERY(PROTECTION, QUERY_INPUT, QUERYPROTECTION_OUTPUT, 0, 52),
	QUERY(CHANNELTYPE, QUERY_INPUT, QUERYCHANNELTYPE_OUTPUT, 0, 52),
	QUERY(DEVICEHANDLE, QUERY_INPUT, QUERYDEVICEHANDLE_OUTPUT, 0, 0),
	QUERY(CRYPTOSESSION, QUERYCRYPTOSESSION_INPUT, QUERYCRYPTOSESSION_OUTPUT, 8, 0),
	QUERY(RESTRICTEDSHAREDRESOURCEPROCESSCOUNT, QUERY_INPUT, QUERYRESTRICTEDSHAREDRESOURCEPROCESSCOUNT_OUTPUT, 0, 52),
	QUERY(RESTRICTEDSHAREDRESOURCEPROCESS, QUERYRESTRICTEDSHAREDRESOURCEPROCESS_INPUT,
	      QUERYRESTRICTEDSHAREDRESOURCEPROCESS_OUTPUT, 4, 0),
	QUERY(UNRESTRICTEDPROTECTEDSHAREDRESOURCECOUNT, QUERY_INPUT,
	      QUERYUNRESTRICTEDPROTECTEDSHAREDRESOURCECOUNT_OUTPUT, 0, 52),
	QUERY(OUTPUTIDCOUNT, QUERYOUTPUTIDCOUNT_INPUT, QUERYOUTPUTIDCOUNT_OUTPUT, 16, 68),
	QUERY(OUTPUTID, QUERYOUTPUTID_INPUT, QUERYOUTPUTID_OUTPUT, 20, 68),
	QUERY(ACCESSIBILITYATTRIBUTES, QUERY_INPUT, QUERYINFOBUSTYPE_OUTPUT, 0, 60),
	QUERY(ENCRYPTIONWHENACCESSIBLEGUIDCOUNT, QUERY_INPUT, QUERYEVICTIONENCRYPTIONGUIDCOUNT_OUTPUT, 0, 52),
	QUERY(ENCRYPTIONWHENACCESSIBLEGUID, QUERYEVICTIONENCRYPTIONGUID_INPUT, QUERYEVICTIONENCRYPTIONGUID_OUTPUT, 4, 68),
	QUERY(CURRENTENCRYPTIONWHENACCESSIBLE, QUERY_INPUT, QUERYUNCOMPRESSEDENCRYPTIONLEVEL_OUTPUT, 0, 0),
};
/* clang-format on */

static const struct kind *kind_of(const void *guid)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (memcmp(kinds[i].guid, guid, sizeof(GUID)) == 0)
			return &kinds[i];
	}
	return NULL;
}

UINT ac_input_size(const GUID *type)
{
	const struct kind *kind = kind_of(type);

	return kind ? kind->input : 0;
}

UINT ac_output_size(const GUID *type)
{
	const struct kind *kind = kind_of(type);

	return kind ? kind->output : 0;
}

/* ---- numbers ------------------------------------------------------------------------------------------------- */

UINT ac_u32(const uint8_t *bytes, size_t offset)
{
	UINT value;

	memcpy(&value, bytes + offset, sizeof(value));
	return value;
}

UINT64 ac_u64(const uint8_t *bytes, size_t offset)
{
	UINT64 value;

	memcpy(&value, bytes + offset, sizeof(value));
	return value;
}

void ac_put_u32(uint8_t *bytes, size_t offset, UINT value)
{
	memcpy(bytes + offset, &value, sizeof(value));
}

void ac_put_u64(uint8_t *bytes, size_t offset, UINT64 value)
{
	memcpy(bytes + offset, &value, sizeof(value));
}

/* ---- commands and queries ------------------------------------------------------------------------------------ */

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

void ac_sign(struct ac_message *message, const uint8_t key[CF_KEY])
{
	const size_t size = least(message->input_size, AC_ROOM);

	if (size > AC_TAG)
		cf_omac(key, message->input + AC_TAG, size - AC_TAG, message->input);
}

/* header: its bytes; the GUID, the handle and the number are the last 32 of them, of both kinds. */
static struct ac_message message_of(const struct ac_channel *channel, UINT header, UINT number, const GUID *type,
				    const void *body, size_t size)
{
	const struct kind *kind = kind_of(type);
	const bool is_command = header == AC_HEADER;
	struct ac_message message = { .is_command = is_command, .input_size = header + (UINT)size };

	message.output_size = AC_HEADER;
	if (kind && kind->is_command == is_command) {
		message.input_size = kind->input;
		message.output_size = kind->output;
	}
	memcpy(message.input + header - 32, type, sizeof(*type));
	ac_put_u64(message.input, header - 16, (uintptr_t)channel->h);
	ac_put_u32(message.input, header - 8, number);
	if (size > 0)
		memcpy(message.input + header, body, least(size, AC_ROOM - header));
	if (is_command)
		ac_sign(&message, channel->key);
	return message;
}

struct ac_message ac_command_at(const struct ac_channel *channel, UINT number, const GUID *type, const void *body,
				size_t size)
{
	return message_of(channel, AC_HEADER, number, type, body, size);
}

struct ac_message ac_query_at(const struct ac_channel *channel, UINT number, const GUID *type, const void *body,
			      size_t size)
{
	return message_of(channel, AC_QUERY_HEADER, number, type, body, size);
}

struct ac_message ac_command(struct ac_channel *channel, const GUID *type, const void *body, size_t size)
{
	return ac_command_at(channel, channel->next_command++, type, body, size);
}

struct ac_message ac_query(struct ac_channel *channel, const GUID *type, const void *body, size_t size)
{
	return ac_query_at(channel, channel->next_query++, type, body, size);
}

struct ac_message ac_initialize(const struct ac_channel *channel, UINT number, UINT first_command, UINT first_query)
{
	const UINT body[] = { first_query, first_command };

	return ac_command_at(channel, number, &D3DAUTHENTICATEDCONFIGURE_INITIALIZE, body, sizeof(body));
}

struct ac_message ac_protection(struct ac_channel *channel, UINT value)
{
	return ac_command(channel, &D3DAUTHENTICATEDCONFIGURE_PROTECTION, &value, sizeof(value));
}

struct ac_message ac_tie(struct ac_channel *channel, HANDLE decode, HANDLE session, HANDLE device_id)
{
	const HANDLE body[] = { decode, session, device_id };

	return ac_command(channel, &D3DAUTHENTICATEDCONFIGURE_CRYPTOSESSION, body, sizeof(body));
}

struct ac_message ac_share(struct ac_channel *channel, UINT type, UINT64 process, BOOL allow)
{
	uint8_t body[24] = { 0 };

	ac_put_u32(body, 0, type);
	ac_put_u64(body, 8, process);
	ac_put_u32(body, 16, (UINT)allow);
	return ac_command(channel, &D3DAUTHENTICATEDCONFIGURE_SHAREDRESOURCE, body, sizeof(body));
}

struct ac_message ac_encryption(struct ac_channel *channel, const GUID *guid)
{
	return ac_command(channel, &D3DAUTHENTICATEDCONFIGURE_ENCRYPTIONWHENACCESSIBLE, guid, sizeof(*guid));
}

HRESULT ac_send(const struct cf_device *device, struct ac_message *message)
{
	const D3DDDIARG_CONFIGUREAUTHENTICATEDCHANNEL command = {
		.InputSize = message->input_size,
		.pInputData = message->input,
		.pOutputData = message->output,
	};
	const D3DDDIARG_QUERYAUTHENTICATEDCHANNEL query = {
		.InputSize = message->input_size,
		.pInputData = message->input,
		.OutputSize = message->output_size,
		.pOutputData = message->output,
	};
	uint8_t before[AC_ROOM];

	memcpy(before, message->input, sizeof(before));
	memset(message->output, AC_FILL, sizeof(message->output));
	if (message->is_command)
		message->result = device->f->pfnConfigureAuthenticatedChannel(device->h, &command);
	else
		message->result = device->f->pfnQueryAuthenticatedChannel(device->h, &query);
	if (memcmp(before, message->input, sizeof(before)) != 0)
		cf_give_up(cf_running, "%s wrote to its input",
			   message->is_command ? "ConfigureAuthenticatedChannel" : "QueryAuthenticatedChannel");
	return message->result;
}

/* ---- answers ------------------------------------------------------------------------------------------------- */

static const struct kind *kind_in(const struct ac_message *message)
{
	return kind_of(message->input + (message->is_command ? AC_TAG : 0));
}

/* "the answer to the command PROTECTION" and what it has to be. */
static const char *words(const struct ac_message *message, const char *what, char text[128])
{
	const struct kind *kind = kind_in(message);

	snprintf(text, 128, "the answer to the %s %s: %s", message->is_command ? "command" : "query",
		 kind ? kind->name : "that is none", what);
	return text;
}

/* GUID, handle and number as they came, and the result: bytes 16 to 47. */
static void put_header(const struct ac_message *message, uint8_t *due)
{
	memcpy(due + AC_TAG, message->input + (message->is_command ? AC_TAG : 0), 28);
	ac_put_u32(due, 44, (UINT)message->result);
}

bool ac_is_none(struct cf *cf, const char *rule, const struct ac_message *message)
{
	uint8_t due[AC_ROOM];
	char text[128];

	memset(due, AC_FILL, sizeof(due));
	return CF_BYTES_DECIDED(cf, rule, due, message->output, AC_ROOM, words(message, "nothing", text));
}

bool ac_is_zero(struct cf *cf, const char *rule, const struct ac_message *message)
{
	uint8_t due[AC_ROOM];
	char text[128];

	memset(due, AC_FILL, sizeof(due));
	memset(due, 0, AC_HEADER);
	ac_put_u32(due, 44, (UINT)message->result);
	return CF_BYTES_DECIDED(cf, rule, due, message->output, AC_ROOM,
				words(message, "48 bytes, all zero but ReturnCode", text));
}

bool ac_is_bare(struct cf *cf, const char *rule, const struct ac_message *message)
{
	uint8_t due[AC_ROOM];
	char text[128];

	memset(due, AC_FILL, sizeof(due));
	memset(due, 0, AC_TAG);
	put_header(message, due);
	return CF_BYTES_DECIDED(cf, rule, due, message->output, AC_ROOM,
				words(message, "a header without a tag", text));
}

bool ac_is_signed(struct cf *cf, const char *rule, const struct ac_message *message, const uint8_t key[CF_KEY])
{
	const struct kind *kind = kind_in(message);
	const UINT size = kind ? kind->output : AC_HEADER;
	uint8_t due[AC_ROOM];
	char text[128];
	bool held = true;

	/* What came is what is signed: a wrong byte shows as itself, and not as a tag that it made wrong. */
	memcpy(due, message->output, sizeof(due));
	cf_omac(key, message->output + AC_TAG, size - AC_TAG, due);
	put_header(message, due);
	if (kind && message->result == S_OK && !message->is_command)
		memcpy(due + AC_HEADER, message->input + AC_QUERY_HEADER, kind->echo);
	if (ac_basis(rule) == CF_BY_PAGE)
		held = CF_BYTES(cf, rule, due, message->output, AC_ROOM, words(message, "signed", text));
	if (message->result != S_OK)
		memset(due + AC_HEADER, 0, size - AC_HEADER);
	else if (kind && kind->padding)
		memset(due + kind->padding, 0, 4);
	memset(due + size, AC_FILL, AC_ROOM - size);
	return CF_BYTES_DECIDED(cf, rule, due, message->output, AC_ROOM,
				words(message, "signed, and zero or left alone where no member is", text)) &&
	       held;
}

/* Both are checked, whatever the first one shows. */
static bool send_and_check(struct cf *cf, const char *rule, const struct cf_device *device, HRESULT want,
			   struct ac_message *message)
{
	char text[128];
	HRESULT hr = ac_send(device, message);

	return ac_check_code(cf, rule, want, hr, words(message, "its code", text));
}

bool ac_accepted(struct cf *cf, const char *rule, const struct ac_channel *channel, struct ac_message *message)
{
	bool held = send_and_check(cf, rule, &channel->device, S_OK, message);

	return ac_is_signed(cf, rule, message, channel->key) && held;
}

bool ac_refused_signed(struct cf *cf, const char *rule, const struct ac_channel *channel, HRESULT want,
		       struct ac_message *message)
{
	bool held = send_and_check(cf, rule, &channel->device, want, message);

	return ac_is_signed(cf, rule, message, channel->key) && held;
}

bool ac_refused_bare(struct cf *cf, const char *rule, const struct cf_device *device, HRESULT want,
		     struct ac_message *message)
{
	bool held = send_and_check(cf, rule, device, want, message);

	return ac_is_bare(cf, rule, message) && held;
}

/* ---- what queries tell ------------------------------------------------------------------------------------------ */

/* Gives up unless it is answered with S_OK and signed. */
static struct ac_message ask(struct cf *cf, struct ac_channel *channel, const GUID *type)
{
	struct ac_message message = ac_query(channel, type, NULL, 0);
	uint8_t tag[AC_TAG];

	CF_NEED(cf, ac_send(&channel->device, &message));
	cf_omac(channel->key, message.output + AC_TAG, message.output_size - AC_TAG, tag);
	if (memcmp(tag, message.output, sizeof(tag)) != 0)
		/* -Wanalyzer-null-dereference: what ac_query made is of a kind */
		cf_give_up(cf, "the answer to the query %s has a wrong tag", kind_in(&message)->name);
	return message;
}

UINT ac_protection_level(struct cf *cf, struct ac_channel *channel)
{
	const struct ac_message message = ask(cf, channel, &D3DAUTHENTICATEDQUERY_PROTECTION);

	return ac_u32(message.output, AC_HEADER);
}

HANDLE ac_device_id(struct cf *cf, struct ac_channel *channel)
{
	const struct ac_message message = ask(cf, channel, &D3DAUTHENTICATEDQUERY_DEVICEHANDLE);

	return (HANDLE)(uintptr_t)ac_u64(message.output, AC_HEADER);
}
