/* SPDX-License-Identifier: MIT */
/* A device with two channels, each command and query in a form that succeeds, and all that the queries tell of a device. */
#include "conform/ac/bench.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

const struct ac_kind_info ac_kinds[AC_KINDS] = {
	[AC_INITIALIZE] = { "INITIALIZE", &D3DAUTHENTICATEDCONFIGURE_INITIALIZE, 56, 48 },
	[AC_PROTECTION] = { "PROTECTION", &D3DAUTHENTICATEDCONFIGURE_PROTECTION, 56, 48 },
	[AC_CRYPTOSESSION] = { "CRYPTOSESSION", &D3DAUTHENTICATEDCONFIGURE_CRYPTOSESSION, 72, 48 },
	[AC_SHAREDRESOURCE] = { "SHAREDRESOURCE", &D3DAUTHENTICATEDCONFIGURE_SHAREDRESOURCE, 72, 48 },
	[AC_ENCRYPTION] = { "ENCRYPTIONWHENACCESSIBLE", &D3DAUTHENTICATEDCONFIGURE_ENCRYPTIONWHENACCESSIBLE, 64, 48 },
	[AC_Q_PROTECTION] = { "query PROTECTION", &D3DAUTHENTICATEDQUERY_PROTECTION, 32, 56 },
	[AC_Q_CHANNELTYPE] = { "query CHANNELTYPE", &D3DAUTHENTICATEDQUERY_CHANNELTYPE, 32, 56 },
	[AC_Q_DEVICEHANDLE] = { "query DEVICEHANDLE", &D3DAUTHENTICATEDQUERY_DEVICEHANDLE, 32, 56 },
	[AC_Q_CRYPTOSESSION] = { "query CRYPTOSESSION", &D3DAUTHENTICATEDQUERY_CRYPTOSESSION, 40, 72 },
	[AC_Q_PROCESS_COUNT] = { "query RESTRICTEDSHAREDRESOURCEPROCESSCOUNT",
				 &D3DAUTHENTICATEDQUERY_RESTRICTEDSHAREDRESOURCEPROCESSCOUNT, 32, 56 },
	[AC_Q_PROCESS] = { "query RESTRICTEDSHAREDRESOURCEPROCESS",
			   &D3DAUTHENTICATEDQUERY_RESTRICTEDSHAREDRESOURCEPROCESS, 40, 64 },
	[AC_Q_UNRESTRICTED_COUNT] = { "query UNRESTRICTEDPROTECTEDSHAREDRESOURCECOUNT",
				      &D3DAUTHENTICATEDQUERY_UNRESTRICTEDPROTECTEDSHAREDRESOURCECOUNT, 32, 56 },
	[AC_Q_OUTPUT_COUNT] = { "query OUTPUTIDCOUNT", &D3DAUTHENTICATEDQUERY_OUTPUTIDCOUNT, 48, 72 },
	[AC_Q_OUTPUT] = { "query OUTPUTID", &D3DAUTHENTICATEDQUERY_OUTPUTID, 56, 80 },
	[AC_Q_ACCESSIBILITY] = { "query ACCESSIBILITYATTRIBUTES", &D3DAUTHENTICATEDQUERY_ACCESSIBILITYATTRIBUTES, 32,
				 64 },
	[AC_Q_GUID_COUNT] = { "query ENCRYPTIONWHENACCESSIBLEGUIDCOUNT",
			      &D3DAUTHENTICATEDQUERY_ENCRYPTIONWHENACCESSIBLEGUIDCOUNT, 32, 56 },
	[AC_Q_GUID] = { "query ENCRYPTIONWHENACCESSIBLEGUID", &D3DAUTHENTICATEDQUERY_ENCRYPTIONWHENACCESSIBLEGUID, 40,
			72 },
	[AC_Q_CURRENT] = { "query CURRENTENCRYPTIONWHENACCESSIBLE",
			   &D3DAUTHENTICATEDQUERY_CURRENTENCRYPTIONWHENACCESSIBLE, 32, 64 },
};

const GUID ac_no_guid = { 0 };
const GUID ac_random_guid = { 0x2b7d90e6, 0x18c5, 0x4f3a, { 0xb1, 0x06, 0xd4, 0x7e, 0x59, 0xa2, 0xc8, 0x33 } };

/* ---- the bench ------------------------------------------------------------------------------------------------ */

void ac_bench_open(struct cf *cf, struct ac_bench *ret_bench)
{
	*ret_bench = (struct ac_bench) { .cf = cf, .device = cf_device(cf) };
	ret_bench->channel = ac_channel_ready(cf, &ret_bench->device, AC_SOFTWARE);
	ret_bench->observer = ac_channel_ready(cf, &ret_bench->device, AC_SOFTWARE);
	ret_bench->device_id = ac_device_id(cf, &ret_bench->observer);
}

static void need(struct ac_bench *bench, struct ac_message message)
{
	CF_NEED(bench->cf, ac_send(&bench->device, &message));
}

void ac_bench_open_all(struct cf *cf, struct ac_bench *ret_bench)
{
	struct ac_channel *observer = &ret_bench->observer;
	struct ac_message message;
	UINT64 token;

	ac_bench_open(cf, ret_bench);
	ret_bench->session = ac_decode_session(cf, &ret_bench->device, 0);
	ret_bench->decode = ac_decode_new(cf, &ret_bench->device, 0).handle;
	ret_bench->free_decode = ac_decode_new(cf, &ret_bench->device, 0).handle;
	if (DxvaultGetProcessToken(&token) != STATUS_SUCCESS)
		cf_give_up(cf, "this process has no token");
	message = ac_query(observer, &D3DAUTHENTICATEDQUERY_ENCRYPTIONWHENACCESSIBLEGUID, NULL, 0);
	CF_NEED(cf, ac_send(&ret_bench->device, &message));
	memcpy(&ret_bench->encryption, message.output + 52, sizeof(GUID));
	need(ret_bench, ac_protection(observer, 1));
	need(ret_bench, ac_share(observer, PROCESSIDTYPE_HANDLE, token, 1));
	need(ret_bench, ac_tie(observer, ret_bench->decode, ret_bench->session, ret_bench->device_id));
}

/* ---- messages --------------------------------------------------------------------------------------------------- */

static void put_handle(uint8_t *bytes, size_t offset, HANDLE handle)
{
	ac_put_u64(bytes, offset, (uintptr_t)handle);
}

static void put_body(const struct ac_bench *bench, enum ac_kind kind, uint8_t *body)
{
	switch (kind) {
	case AC_INITIALIZE:
		ac_put_u32(body, 0, AC_FIRST_QUERY);
		ac_put_u32(body, 4, AC_FIRST_COMMAND);
		break;
	case AC_PROTECTION:
		ac_put_u32(body, 0, 3);
		break;
	case AC_CRYPTOSESSION:
		put_handle(body, 0, bench->free_decode);
		put_handle(body, 8, bench->session);
		put_handle(body, 16, bench->device_id);
		break;
	case AC_SHAREDRESOURCE:
		ac_put_u32(body, 0, PROCESSIDTYPE_DWM);
		ac_put_u32(body, 16, 1);
		break;
	case AC_ENCRYPTION:
		memcpy(body, &bench->encryption, sizeof(GUID));
		break;
	case AC_Q_CRYPTOSESSION:
		put_handle(body, 0, bench->decode);
		break;
	case AC_Q_OUTPUT_COUNT:
	case AC_Q_OUTPUT:
		put_handle(body, 0, bench->device_id);
		put_handle(body, 8, bench->session);
		break;
	default: /* an index of 0, or nothing */
		break;
	}
}

struct ac_message ac_bench_message_at(const struct ac_bench *bench, const struct ac_channel *channel, UINT number,
				      enum ac_kind kind)
{
	const UINT header = kind < AC_COMMANDS ? AC_HEADER : AC_QUERY_HEADER;
	uint8_t body[AC_ROOM] = { 0 };

	put_body(bench, kind, body);
	if (kind < AC_COMMANDS)
		return ac_command_at(channel, kind == AC_INITIALIZE ? 0 : number, ac_kinds[kind].type, body,
				     ac_kinds[kind].input - header);
	/* cppcheck-suppress arrayIndexOutOfBoundsCond ; AC_KINDS is more than AC_COMMANDS */
	return ac_query_at(channel, number, ac_kinds[kind].type, body, ac_kinds[kind].input - header);
}

struct ac_message ac_bench_next(const struct ac_bench *bench, const struct ac_channel *channel, enum ac_kind kind)
{
	return ac_bench_message_at(bench, channel, kind < AC_COMMANDS ? channel->next_command : channel->next_query,
				   kind);
}

struct ac_message ac_bench_message(const struct ac_bench *bench, struct ac_channel *channel, enum ac_kind kind)
{
	const struct ac_message message = ac_bench_next(bench, channel, kind);

	if (kind >= AC_COMMANDS)
		channel->next_query++;
	else if (kind != AC_INITIALIZE)
		channel->next_command++;
	return message;
}

struct ac_message ac_bench_bad_command(const struct ac_bench *bench, struct ac_channel *channel, enum ac_kind kind)
{
	switch (kind) {
	case AC_CRYPTOSESSION:
		return ac_tie(channel, bench->free_decode, bench->session, NULL);
	case AC_SHAREDRESOURCE:
		return ac_share(channel, PROCESSIDTYPE_UNKNOWN, 0, 1);
	case AC_ENCRYPTION:
		return ac_encryption(channel, &ac_random_guid);
	default:
		return ac_protection(channel, 4);
	}
}

static HANDLE dead_channel(struct ac_bench *bench)
{
	const struct ac_channel dead = ac_channel_ready(bench->cf, &bench->device, AC_SOFTWARE);

	CF_NEED(bench->cf, ac_destroy(&bench->device, dead.h));
	return dead.h;
}

size_t ac_bench_strangers(struct ac_bench *bench, HANDLE ret[AC_STRANGERS])
{
	const uintptr_t own = (uintptr_t)bench->channel.h;
	const HANDLE dead = dead_channel(bench);
	const HANDLE handles[AC_STRANGERS] = {
		NULL,
		dead,
		(HANDLE)UINTPTR_MAX,
		(HANDLE)(own ^ (uintptr_t)1 << 63),
		(HANDLE)(own ^ (uintptr_t)1 << 32),
		bench->device.h,
		cf_session(bench->cf, &bench->device),
		bench->device_id,
	};
	size_t count = 0;

	/* What is of another kind may have the number of a live channel. */
	for (size_t i = 0; i < AC_STRANGERS; i++) {
		if (handles[i] != bench->channel.h && handles[i] != bench->observer.h)
			ret[count++] = handles[i];
	}
	return count;
}

/* ---- the state of a device ---------------------------------------------------------------------------------------- */

/* Every query once, and those with an index or a decode device a second time. */
static const struct probe {
	enum ac_kind kind;
	bool is_second;
} probes[] = {
	{ AC_Q_PROTECTION },
	{ AC_Q_CHANNELTYPE },
	{ AC_Q_DEVICEHANDLE },
	{ AC_Q_CRYPTOSESSION },
	{ AC_Q_CRYPTOSESSION, true },
	{ AC_Q_PROCESS_COUNT },
	{ AC_Q_PROCESS },
	{ AC_Q_PROCESS, true },
	{ AC_Q_UNRESTRICTED_COUNT },
	{ AC_Q_OUTPUT_COUNT },
	{ AC_Q_OUTPUT },
	{ AC_Q_OUTPUT, true },
	{ AC_Q_ACCESSIBILITY },
	{ AC_Q_GUID_COUNT },
	{ AC_Q_GUID },
	{ AC_Q_GUID, true },
	{ AC_Q_CURRENT },
};
_Static_assert(AC_COUNT(probes) == AC_PROBES, "AC_PROBES says how many");

static struct ac_message probe(struct ac_bench *bench, size_t i)
{
	struct ac_message message = ac_bench_message(bench, &bench->observer, probes[i].kind);

	if (probes[i].is_second && probes[i].kind == AC_Q_CRYPTOSESSION)
		put_handle(message.input, AC_QUERY_HEADER, bench->free_decode);
	else if (probes[i].is_second)
		ac_put_u32(message.input, probes[i].kind == AC_Q_OUTPUT ? 48 : 32, 1);
	(void)ac_send(&bench->device, &message);
	if (!ac_looks_signed(&message, bench->observer.key))
		cf_give_up(bench->cf, "the answer to the %s is not signed; %s", ac_kinds[probes[i].kind].name,
			   cf_code_name(bench->cf, message.result));
	return message;
}

void ac_state_take(struct ac_bench *bench, struct ac_state *ret_state)
{
	for (size_t i = 0; i < AC_PROBES; i++) {
		const struct ac_message message = probe(bench, i);

		ret_state->results[i] = message.result;
		memcpy(ret_state->bodies[i], message.output + AC_HEADER, AC_BODY);
	}
}

const char *ac_state_change(struct ac_bench *bench, const struct ac_state *before)
{
	struct ac_state now;

	ac_state_take(bench, &now);
	for (size_t i = 0; i < AC_PROBES; i++) {
		if (now.results[i] != before->results[i] || memcmp(now.bodies[i], before->bodies[i], AC_BODY) != 0)
			return ac_kinds[probes[i].kind].name;
	}
	return NULL;
}

/* ---- answers ---------------------------------------------------------------------------------------------------------- */

static bool has_header(const struct ac_message *message)
{
	/* GUID, handle and number. */
	return memcmp(message->output + AC_TAG, message->input + (message->is_command ? AC_TAG : 0), 28) == 0 &&
	       ac_u32(message->output, 44) == (UINT)message->result;
}

bool ac_looks_bare(const struct ac_message *message)
{
	return cf_is_all(message->output, AC_TAG, 0) && has_header(message) &&
	       cf_is_all(message->output + AC_HEADER, AC_ROOM - AC_HEADER, AC_FILL);
}

bool ac_looks_signed(const struct ac_message *message, const uint8_t key[CF_KEY])
{
	const UINT size = message->is_command ? AC_COMMAND_ANSWER : message->output_size;
	uint8_t tag[AC_TAG];

	cf_omac(key, message->output + AC_TAG, size - AC_TAG, tag);
	return memcmp(tag, message->output, AC_TAG) == 0 && has_header(message) &&
	       cf_is_all(message->output + size, AC_ROOM - size, AC_FILL);
}

/* ---- raw calls ---------------------------------------------------------------------------------------------------------- */

HRESULT ac_configure(const struct cf_device *device, const void *input, UINT input_size, void *output)
{
	const D3DDDIARG_CONFIGUREAUTHENTICATEDCHANNEL arg = {
		.InputSize = input_size,
		.pInputData = input,
		.pOutputData = output,
	};

	return device->f->pfnConfigureAuthenticatedChannel(device->h, &arg);
}

HRESULT ac_ask(const struct cf_device *device, const void *input, UINT input_size, void *output, UINT output_size)
{
	const D3DDDIARG_QUERYAUTHENTICATEDCHANNEL arg = {
		.InputSize = input_size,
		.pInputData = input,
		.OutputSize = output_size,
		.pOutputData = output,
	};

	return device->f->pfnQueryAuthenticatedChannel(device->h, &arg);
}

/* size bytes, with a page behind them that nobody can touch. */
static uint8_t *edge(struct cf *cf, size_t size)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uint8_t *memory = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED || mprotect(memory + page, page, PROT_NONE) < 0)
		cf_give_up(cf, "no memory with an end");
	return memory + page - size;
}

HRESULT ac_send_at_the_edge(struct cf *cf, const struct cf_device *device, struct ac_message *message, UINT input_room,
			    UINT output_room)
{
	uint8_t *input = edge(cf, input_room), *output = edge(cf, output_room);

	memcpy(input, message->input, input_room);
	memset(output - CF_GUARD, AC_FILL, CF_GUARD + output_room);
	message->result = message->is_command
				  ? ac_configure(device, input, message->input_size, output)
				  : ac_ask(device, input, message->input_size, output, message->output_size);
	memset(message->output, AC_FILL, AC_ROOM);
	memcpy(message->output, output, output_room);
	if (!cf_is_all(output - CF_GUARD, CF_GUARD, AC_FILL))
		message->output[AC_ROOM - 1] = 0;
	return message->result;
}
