/* SPDX-License-Identifier: MIT */
/* Tests of authenticated-channel.md: the order of the checks of commands and queries, by two faults at once. */
#include "conform/ac/bench.h"

#include <stdio.h>
#include <string.h>

/* What a call is made of. Two faults of one part do not go together. */
enum part { DEVICE, INPUT, OUTPUT, OUTPUT_SIZE, SIZE, STATE, TYPE, GUID_PART, TAG, NUMBER, BODY };

enum answer { NONE, ZERO, BARE, SIGNED };

enum what {
	NO_DEVICE,
	NO_INPUT,
	NO_OUTPUT,
	SHORT_OUTPUT,
	SHORT_INPUT,
	DEAD,
	FOREIGN,
	KEYLESS,
	UNKNOWN,
	WRONG_SIZE,
	WRONG_OUTPUT_SIZE,
	WRONG_TAG,
	UNINITIALISED,
	STALE,
	WRONG_TYPE,
	WRONG_BODY,
	WHATS,
};

/* In the order of the checks; rules of commands and of queries, NULL: not theirs. */
static const struct fault {
	const char *name;
	enum part part;
	HRESULT result;
	enum answer answer;
	const char *rules[2];
} faults[WHATS] = {
	[NO_DEVICE] = { "hDevice NULL", DEVICE, E_INVALIDARG, NONE, { "AC-064", "AC-084" } },
	[NO_INPUT] = { "pInputData NULL", INPUT, E_INVALIDARG, NONE, { "AC-064", "AC-084" } },
	[NO_OUTPUT] = { "pOutputData NULL", OUTPUT, E_INVALIDARG, NONE, { "AC-064", "AC-084" } },
	[SHORT_OUTPUT] = { "an OutputSize of 47", OUTPUT_SIZE, E_INVALIDARG, NONE, { NULL, "AC-085" } },
	[SHORT_INPUT] = { "an InputSize below the header's", SIZE, E_INVALIDARG, ZERO, { "AC-065", "AC-086" } },
	[DEAD] = { "a destroyed channel", STATE, E_INVALIDARG, BARE, { "AC-066", "AC-087" } },
	[FOREIGN] = { "another device", DEVICE, E_INVALIDARG, BARE, { "AC-068", "AC-088" } },
	[KEYLESS] = { "no key", STATE, E_INVALIDARG, BARE, { "AC-069", "AC-089" } },
	[UNKNOWN] = { "an unknown GUID", GUID_PART, E_FAIL, BARE, { "AC-070", "AC-090" } },
	[WRONG_SIZE] = { "a wrong InputSize", SIZE, E_INVALIDARG, BARE, { "AC-071", "AC-091" } },
	[WRONG_OUTPUT_SIZE] = { "a wrong OutputSize", OUTPUT_SIZE, E_INVALIDARG, BARE, { NULL, "AC-091" } },
	[WRONG_TAG] = { "a wrong tag", TAG, E_INVALIDARG, BARE, { "AC-072", NULL } },
	[UNINITIALISED] = { "no INITIALIZE", STATE, E_INVALIDARG, BARE, { "AC-073", "AC-092" } },
	[STALE] = { "a stale number", NUMBER, E_INVALIDARG, BARE, { "AC-074", "AC-093" } },
	[WRONG_TYPE] = { "a hardware channel", TYPE, E_FAIL, SIGNED, { "AC-075", "AC-094" } },
	[WRONG_BODY] = { "a bad parameter", BODY, E_INVALIDARG, SIGNED, { "AC-075", "AC-094" } },
};

enum { READY, KEYED, NEW, DESTROYED, STATES };

/* What the faults are made from: channels of both types in every state. */
struct parts {
	struct cf *cf;
	struct cf_device device, other;
	bool has_hardware;
	struct ac_channel channels[2][STATES];
};

static void open_parts(struct cf *cf, struct parts *p)
{
	struct ac_message message;

	*p = (struct parts) { .cf = cf, .device = cf_device(cf), .other = cf_device(cf) };
	p->has_hardware = cf_has(cf, D3DCPCAPS_HARDWARE);
	for (size_t i = 0; i < 1u + p->has_hardware; i++) {
		const UINT type = i ? AC_HARDWARE : AC_SOFTWARE;

		p->channels[i][READY] = ac_channel_ready(cf, &p->device, type);
		p->channels[i][KEYED] = ac_channel_keyed(cf, &p->device, type);
		p->channels[i][NEW] = ac_channel_new(cf, &p->device, type);
		p->channels[i][DESTROYED] = ac_channel_ready(cf, &p->device, type);
		CF_NEED(cf, ac_destroy(&p->device, p->channels[i][DESTROYED].h));
	}
	/* So that the list has an entry to ask for. */
	message = ac_share(&p->channels[0][READY], PROCESSIDTYPE_DWM, 0, 1);
	CF_NEED(cf, ac_send(&p->device, &message));
}

static struct ac_channel *channel_of(struct parts *p, const bool has[WHATS])
{
	struct ac_channel *channels = p->channels[has[WRONG_TYPE]];

	if (has[DEAD])
		return &channels[DESTROYED];
	if (has[KEYLESS])
		return &channels[NEW];
	return &channels[has[UNINITIALISED] ? KEYED : READY];
}

static struct ac_message build(const struct ac_channel *channel, const bool has[WHATS], bool is_command)
{
	const UINT number = (is_command ? channel->next_command : channel->next_query) - has[STALE];
	uint8_t body[24] = { 0 };
	struct ac_message message;

	if (is_command) {
		ac_put_u32(body, 0, has[WRONG_BODY] ? PROCESSIDTYPE_UNKNOWN : PROCESSIDTYPE_DWM);
		ac_put_u32(body, 16, 1);
		message = ac_command_at(channel, number,
					has[UNKNOWN] ? &ac_random_guid : &D3DAUTHENTICATEDCONFIGURE_SHAREDRESOURCE,
					body, 24);
	} else {
		ac_put_u32(body, 0, has[WRONG_BODY] ? 0xffffffff : 0);
		message = ac_query_at(channel, number,
				      has[UNKNOWN] ? &ac_random_guid
						   : &D3DAUTHENTICATEDQUERY_RESTRICTEDSHAREDRESOURCEPROCESS,
				      body, 8);
		message.output_size = 64;
	}
	if (has[WRONG_SIZE])
		message.input_size += 8;
	if (has[SHORT_INPUT])
		message.input_size = is_command ? 47 : 31;
	if (has[WRONG_OUTPUT_SIZE])
		message.output_size += 8;
	if (has[SHORT_OUTPUT])
		message.output_size = 47;
	if (is_command)
		ac_sign(&message, channel->key);
	if (has[WRONG_TAG])
		message.input[0] ^= 1;
	return message;
}

static HRESULT send(const struct parts *p, const bool has[WHATS], struct ac_message *message)
{
	struct cf_device device = has[FOREIGN] ? p->other : p->device;
	void *input = has[NO_INPUT] ? NULL : message->input, *output = has[NO_OUTPUT] ? NULL : message->output;

	if (has[NO_DEVICE])
		device.h = NULL;
	memset(message->output, AC_FILL, sizeof(message->output));
	message->result = message->is_command
				  ? ac_configure(&device, input, message->input_size, output)
				  : ac_ask(&device, input, message->input_size, output, message->output_size);
	return message->result;
}

/* Without a fault: S_OK, which shows that no number was used up. */
static void nothing_wrong(struct parts *p, const char *rule, bool is_command)
{
	static const bool none[WHATS];
	struct ac_channel *channel = channel_of(p, none);
	struct ac_message message = build(channel, none, is_command);

	ac_accepted(p->cf, rule, channel, &message);
	(*(is_command ? &channel->next_command : &channel->next_query))++;
}

static void two_faults(struct parts *p, enum what first, enum what second, bool is_command)
{
	const struct fault *fault = &faults[first];
	const char *rule = fault->rules[!is_command];
	struct cf *cf = p->cf;
	struct ac_channel *channel;
	bool has[WHATS] = { 0 };
	struct ac_message message;
	char text[160];

	has[first] = has[second] = true;
	channel = channel_of(p, has);
	message = build(channel, has, is_command);
	snprintf(text, sizeof(text), "%s with %s and %s",
		 is_command ? "ConfigureAuthenticatedChannel" : "QueryAuthenticatedChannel", fault->name,
		 first == second ? "no other fault" : faults[second].name);
	cf_check_code(cf, rule, CF_BY_DECISION, fault->result, send(p, has, &message), text);
	switch (fault->answer) {
	case NONE:
		ac_is_none(cf, rule, &message);
		break;
	case ZERO:
		ac_is_zero(cf, rule, &message);
		break;
	case BARE:
		ac_is_bare(cf, rule, &message);
		break;
	default:
		ac_is_signed(cf, rule, &message, channel->key);
		(*(is_command ? &channel->next_command : &channel->next_query))++;
		break;
	}
}

static bool fits(const struct parts *p, enum what what, bool is_command)
{
	return faults[what].rules[!is_command] && (what != WRONG_TYPE || p->has_hardware);
}

static void pairs(struct cf *cf, bool is_command)
{
	static struct parts p;

	open_parts(cf, &p);
	nothing_wrong(&p, is_command ? "AC-075" : "AC-094", is_command);
	for (int first = 0; first < WHATS; first++) {
		for (int second = first; second < WHATS; second++) {
			if (!fits(&p, first, is_command) || !fits(&p, second, is_command) ||
			    (first != second && faults[first].part == faults[second].part))
				continue;
			two_faults(&p, first, second, is_command);
		}
		if (fits(&p, first, is_command))
			nothing_wrong(&p, faults[first].rules[!is_command], is_command);
	}
}

static void commands(struct cf *cf)
{
	pairs(cf, /* is_command= */ true);
}

static void queries(struct cf *cf)
{
	pairs(cf, /* is_command= */ false);
}

#define COMMAND_RULES "AC-064 AC-065 AC-066 AC-068 AC-069 AC-070 AC-071 AC-072 AC-073 AC-074 AC-075"
#define QUERY_RULES   "AC-084 AC-085 AC-086 AC-087 AC-088 AC-089 AC-090 AC-091 AC-092 AC-093 AC-094"

const struct cf_test ac_tests_order[] = {
	{ "order-of-a-command", COMMAND_RULES, commands },
	{ "order-of-a-query", QUERY_RULES, queries },
	{ "order-of-a-command-of-both-types", COMMAND_RULES, commands, .settings = AC_EVERYTHING },
	{ "order-of-a-query-of-both-types", QUERY_RULES, queries, .settings = AC_EVERYTHING },
	{ 0 },
};
