/* SPDX-License-Identifier: MIT */
/* Tests of authenticated-channel.md: what answers to queries say, and that queries do nothing. */
#include "conform/ac/bench.h"

#include <string.h>

/* Of the five queries that ask for something in particular, and here for something that is not there. */
static struct ac_message for_nothing(struct ac_bench *bench, enum ac_kind kind)
{
	struct ac_message message = ac_bench_message(bench, &bench->channel, kind);

	memset(message.input + AC_QUERY_HEADER, 0xff, message.input_size - AC_QUERY_HEADER);
	return message;
}

static void refused_for_their_meaning(struct cf *cf)
{
	struct ac_bench bench;

	ac_bench_open_all(cf, &bench);
	for (int kind = AC_COMMANDS; kind < AC_KINDS; kind++) {
		struct ac_message message = for_nothing(&bench, kind);

		if (message.input_size == AC_QUERY_HEADER) {
			ac_accepted(cf, "AC-094", &bench.channel, &message);
			continue;
		}
		ac_refused_signed(cf, "AC-094", &bench.channel, E_INVALIDARG, &message);
		AC_TRUE(cf, "AC-097", ac_looks_signed(&message, bench.channel.key),
			"the refusal of the %s is not signed", ac_kinds[kind].name);
		for (size_t i = AC_HEADER; i < message.output_size; i++)
			AC_TRUE(cf, "AC-097", message.output[i] == 0, "byte %zu of the refused %s is 0x%02x", i,
				ac_kinds[kind].name, message.output[i]);
	}
}

/* ---- what the answer says -------------------------------------------------------------------------------------------------- */

static void echoes(struct cf *cf, const struct ac_message *message)
{
	AC_BYTES(cf, "AC-095", message->input, message->output + 16, 28, "bytes 16 to 43 of an answer");
	AC_TRUE(cf, "AC-095", (HRESULT)ac_u32(message->output, 44) == message->result,
		"the function returned %s, and ReturnCode is %s", cf_code_name(cf, message->result),
		cf_code_name(cf, (HRESULT)ac_u32(message->output, 44)));
}

static void answers_echo(struct cf *cf)
{
	const struct cf_device other = cf_device(cf);
	struct ac_bench bench;
	struct ac_channel keyed;

	ac_bench_open_all(cf, &bench);
	keyed = ac_channel_keyed(cf, &bench.device, AC_SOFTWARE);
	for (int kind = AC_COMMANDS; kind < AC_KINDS; kind++) {
		struct ac_message message = ac_bench_message(&bench, &bench.channel, kind);

		(void)ac_send(&bench.device, &message);
		echoes(cf, &message);
		(void)ac_send(&bench.device, &message); /* a replay */
		echoes(cf, &message);
		(void)ac_send(&other, &message);
		echoes(cf, &message);
		message = for_nothing(&bench, kind);
		(void)ac_send(&bench.device, &message);
		echoes(cf, &message);
		message.input[2] ^= 8; /* an unknown GUID, a dead handle, a wrong size, none to answer for */
		(void)ac_send(&bench.device, &message);
		echoes(cf, &message);
		message.input[22] ^= 0x80;
		(void)ac_send(&bench.device, &message);
		echoes(cf, &message);
		message = ac_bench_next(&bench, &bench.channel, kind);
		message.output_size += 8;
		(void)ac_send(&bench.device, &message);
		echoes(cf, &message);
		message = ac_bench_message_at(&bench, &keyed, 0xfedcba98, kind);
		(void)ac_send(&bench.device, &message);
		echoes(cf, &message);
	}
}

static void parameters_are_echoed(struct cf *cf)
{
	static const struct {
		enum ac_kind kind;
		UINT size;
		size_t index; /* in the input; 0: none */
	} kinds[] = {
		{ AC_Q_CRYPTOSESSION, 8 }, { AC_Q_PROCESS, 4, 32 }, { AC_Q_OUTPUT_COUNT, 16 },
		{ AC_Q_OUTPUT, 20, 48 },   { AC_Q_GUID, 4, 32 },
	};
	struct ac_bench bench;
	struct ac_message message;

	ac_bench_open_all(cf, &bench);
	/* A second entry on the list. */
	message = ac_bench_message(&bench, &bench.channel, AC_SHAREDRESOURCE);
	CF_NEED(cf, ac_send(&bench.device, &message));
	for (size_t i = 0; i < AC_COUNT(kinds); i++) {
		for (UINT index = 0; index < 2; index++) {
			message = ac_bench_message(&bench, &bench.channel, kinds[i].kind);
			if (kinds[i].index > 0)
				ac_put_u32(message.input, kinds[i].index, index);
			ac_accepted(cf, "AC-099", &bench.channel, &message);
			AC_BYTES(cf, "AC-099", message.input + AC_QUERY_HEADER, message.output + AC_HEADER,
				 kinds[i].size, ac_kinds[kinds[i].kind].name);
		}
	}
}

static void changes_nothing(struct cf *cf)
{
	struct ac_bench bench;
	struct ac_state before;
	const char *change;

	ac_bench_open_all(cf, &bench);
	for (int kind = AC_PROTECTION; kind < AC_COMMANDS; kind++) {
		struct ac_message message = ac_bench_message(&bench, &bench.channel, kind);

		CF_NEED(cf, ac_send(&bench.device, &message));
	}
	ac_state_take(&bench, &before);
	for (int kind = AC_COMMANDS; kind < AC_KINDS; kind++) {
		struct ac_message first = ac_bench_message(&bench, &bench.channel, kind);
		struct ac_message second = ac_bench_message(&bench, &bench.channel, kind);
		struct ac_message refused = for_nothing(&bench, kind);

		ac_accepted(cf, "AC-098", &bench.channel, &first);
		ac_accepted(cf, "AC-098", &bench.channel, &second);
		AC_BYTES(cf, "AC-098", first.output + AC_HEADER, second.output + AC_HEADER,
			 ac_kinds[kind].output - AC_HEADER, ac_kinds[kind].name);
		(void)ac_send(&bench.device, &refused);
		(void)ac_send(&bench.device, &refused);
		change = ac_state_change(&bench, &before);
		AC_TRUE(cf, "AC-098", !change, "the %s changed the answer to the %s", ac_kinds[kind].name, change);
	}
}

/* Output in the memory of the input, or across its end. */
static void shares_memory(struct cf *cf)
{
	static const size_t places[] = { 0, 1, 8, 16, 28, 32, 48 };
	struct ac_bench bench;

	ac_bench_open_all(cf, &bench);
	for (int kind = AC_COMMANDS; kind < AC_KINDS; kind++) {
		for (size_t i = 0; i < 2 * AC_COUNT(places); i++) {
			const size_t place = places[i / 2];
			struct ac_message message = ac_bench_message(&bench, &bench.channel, kind);
			_Alignas(8) uint8_t memory[2 * AC_ROOM];
			uint8_t *input = memory + (i % 2 ? 0 : place), *output = memory + (i % 2 ? place : 0);

			memset(memory, AC_FILL, sizeof(memory));
			memcpy(input, message.input, message.input_size);
			message.result = ac_ask(&bench.device, input, message.input_size, output, message.output_size);
			memset(message.output, AC_FILL, AC_ROOM);
			memcpy(message.output, output, message.output_size);
			AC_CODE(cf, "AC-100", S_OK, message.result);
			ac_is_signed(cf, "AC-100", &message, bench.channel.key);
		}
	}
}

const struct cf_test ac_tests_query_answers[] = {
	{ "query-refused-for-their-meaning", "AC-094 AC-097", refused_for_their_meaning, .settings = AC_EVERYTHING },
	{ "query-answers-echo", "AC-095", answers_echo, .settings = AC_EVERYTHING },
	{ "query-parameters-are-echoed", "AC-099", parameters_are_echoed, .settings = AC_EVERYTHING },
	{ "query-changes-nothing", "AC-098", changes_nothing, .settings = AC_EVERYTHING },
	{ "query-shares-memory", "AC-100", shares_memory, .settings = AC_EVERYTHING },
	{ 0 },
};
