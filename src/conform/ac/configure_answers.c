/* SPDX-License-Identifier: MIT */
/* Tests of authenticated-channel.md: what answers to commands say, and what commands do. */
#include "conform/ac/bench.h"

#include <string.h>

/* ---- what the answer says -------------------------------------------------------------------------------------------------- */

enum { ANSWERS = 64 };

/* Commands that are refused before they are accepted, each for its own reason; returns how many. */
static size_t early_failures(struct ac_bench *bench, struct ac_message ret[ANSWERS])
{
	struct ac_channel keyless = ac_channel_new(bench->cf, &bench->device, AC_SOFTWARE);
	struct ac_channel keyed = ac_channel_keyed(bench->cf, &bench->device, AC_SOFTWARE);
	size_t count = 0;

	for (int kind = AC_PROTECTION; kind < AC_COMMANDS; kind++) {
		const struct ac_message genuine = ac_bench_next(bench, &bench->channel, kind);

		ret[count] = genuine;
		ret[count++].input[7] ^= 4; /* tag */
		ret[count] = genuine;
		ret[count++].input[18] ^= 4; /* GUID */
		ret[count] = genuine;
		ret[count++].input[39] ^= 0x40; /* handle */
		ret[count] = genuine;
		ret[count++].input[43] ^= 0x80; /* number */
		ret[count] = genuine;
		ret[count].input_size += 8;
		ac_sign(&ret[count++], bench->channel.key);
		ret[count++] = ac_bench_message_at(bench, &bench->channel, 0, kind); /* stale */
		ret[count++] = ac_bench_message_at(bench, &keyless, 0x01020304, kind);
		ret[count++] = ac_bench_message_at(bench, &keyed, 0x05060708, kind);
	}
	ret[count++] = ac_initialize(&bench->channel, 0x0a0b0c0d, 1, 2);
	ret[count++] = ac_initialize(&keyless, 0xffffffff, 1, 2);
	ret[count] = ac_initialize(&keyed, 0x80000000, 1, 2);
	ret[count++].input[3] ^= 1;
	return count;
}

/* One way and the other: what is echoed, and the code twice. */
static void echoes(struct cf *cf, const char *rule, const struct ac_message *message)
{
	if (strcmp(rule, "AC-076") == 0)
		AC_BYTES(cf, rule, message->input + 16, message->output + 16, 28, "bytes 16 to 43 of an answer");
	else
		AC_TRUE(cf, rule, (HRESULT)ac_u32(message->output, 44) == message->result,
			"the function returned %s, and ReturnCode is %s", cf_code_name(cf, message->result),
			cf_code_name(cf, (HRESULT)ac_u32(message->output, 44)));
}

static void answers(struct cf *cf, const char *rule)
{
	static struct ac_message early[ANSWERS];
	const struct cf_device other = cf_device(cf);
	struct ac_bench bench;
	struct ac_channel keyed;
	struct ac_message message;
	size_t count;

	ac_bench_open(cf, &bench);
	count = early_failures(&bench, early);
	for (size_t i = 0; i < count; i++) {
		AC_TRUE(cf, rule, ac_send(&bench.device, &early[i]) != S_OK, "forgery %zu was accepted", i);
		echoes(cf, rule, &early[i]);
	}
	(void)ac_send(&other, &early[0]);
	echoes(cf, rule, &early[0]);
	for (int kind = AC_PROTECTION; kind < AC_COMMANDS; kind++) {
		message = ac_bench_message(&bench, &bench.channel, kind);
		(void)ac_send(&bench.device, &message);
		echoes(cf, rule, &message);
		message = ac_bench_bad_command(&bench, &bench.channel, kind);
		(void)ac_send(&bench.device, &message);
		echoes(cf, rule, &message);
	}
	keyed = ac_channel_keyed(cf, &bench.device, AC_SOFTWARE);
	message = ac_initialize(&keyed, 0xfedcba98, 1, 2);
	(void)ac_send(&bench.device, &message);
	echoes(cf, rule, &message);
}

static void answers_echo(struct cf *cf)
{
	answers(cf, "AC-076");
}

static void answers_repeat_the_code(struct cf *cf)
{
	struct ac_bench bench;

	answers(cf, "AC-077");
	ac_bench_open(cf, &bench);
	for (UINT size = 0; size < AC_HEADER; size += 47) {
		struct ac_message message = ac_bench_next(&bench, &bench.channel, AC_PROTECTION);

		message.input_size = size;
		(void)ac_send(&bench.device, &message);
		echoes(cf, "AC-077", &message);
	}
}

static void signs_what_it_accepted(struct cf *cf)
{
	static struct ac_message early[ANSWERS];
	struct ac_bench bench;
	struct ac_message message;
	size_t count;

	ac_bench_open(cf, &bench);
	count = early_failures(&bench, early);
	for (size_t i = 0; i < count; i++) {
		(void)ac_send(&bench.device, &early[i]);
		ac_is_bare(cf, "AC-078", &early[i]);
	}
	for (int kind = AC_PROTECTION; kind < AC_COMMANDS; kind++) {
		message = ac_bench_bad_command(&bench, &bench.channel, kind);
		ac_refused_signed(cf, "AC-078", &bench.channel, E_INVALIDARG, &message);
	}
	/* T3. */
	message = ac_protection(&bench.channel, 4);
	ac_refused_signed(cf, "AC-078", &bench.channel, E_INVALIDARG, &message);
}

/* ---- what a command does ---------------------------------------------------------------------------------------------------- */

/* What a refused command left behind would show when the next one is carried out. */
static void effects_do_not_wait(struct ac_bench *bench)
{
	struct ac_channel stranger = ac_channel_ready(bench->cf, &bench->device, AC_SOFTWARE);
	struct ac_message message = ac_protection(&stranger, 2); /* without the flag that others hold */
	struct cf *cf = bench->cf;

	ac_refused_signed(cf, "AC-080", &stranger, E_INVALIDARG, &message);
	message = ac_protection(&bench->channel, 1);
	ac_accepted(cf, "AC-080", &bench->channel, &message);
	AC_TRUE(cf, "AC-080", ac_protection_level(cf, &bench->observer) == 1,
		"what a refused PROTECTION asked for came into force later");
}

static void failures_change_nothing(struct cf *cf)
{
	static struct ac_message early[ANSWERS];
	struct ac_bench bench;
	struct ac_state before;
	const char *change;
	size_t count;

	ac_bench_open_all(cf, &bench);
	/* A setting of every kind. */
	for (int kind = AC_PROTECTION; kind < AC_COMMANDS; kind++) {
		struct ac_message message = ac_bench_message(&bench, &bench.channel, kind);

		CF_NEED(cf, ac_send(&bench.device, &message));
	}
	count = early_failures(&bench, early);
	ac_state_take(&bench, &before);
	for (size_t i = 0; i < count; i++) {
		(void)ac_send(&bench.device, &early[i]);
		change = ac_state_change(&bench, &before);
		AC_TRUE(cf, "AC-080", !change, "forgery %zu changed the answer to the %s", i, change);
	}
	for (int kind = AC_PROTECTION; kind < AC_COMMANDS; kind++) {
		struct ac_message message = ac_bench_bad_command(&bench, &bench.channel, kind);

		ac_refused_signed(cf, "AC-080", &bench.channel, E_INVALIDARG, &message);
		change = ac_state_change(&bench, &before);
		AC_TRUE(cf, "AC-080", !change, "%s with a bad parameter changed the answer to the %s",
			ac_kinds[kind].name, change);
	}
	effects_do_not_wait(&bench);
}

static void in_force_at_once(struct cf *cf)
{
	static const enum ac_kind seen_by[AC_COMMANDS] = {
		[AC_PROTECTION] = AC_Q_PROTECTION,
		[AC_CRYPTOSESSION] = AC_Q_CRYPTOSESSION,
		[AC_SHAREDRESOURCE] = AC_Q_PROCESS_COUNT,
		[AC_ENCRYPTION] = AC_Q_CURRENT,
	};
	struct ac_bench bench;
	struct ac_state before;

	ac_bench_open_all(cf, &bench);
	for (int kind = AC_PROTECTION; kind < AC_COMMANDS; kind++) {
		struct ac_message message = ac_bench_message(&bench, &bench.channel, kind);
		const char *change;

		ac_state_take(&bench, &before);
		ac_accepted(cf, "AC-081", &bench.channel, &message);
		change = ac_state_change(&bench, &before);
		AC_TRUE(cf, "AC-081", change && strcmp(change, ac_kinds[seen_by[kind]].name) == 0,
			"%s: the first query that answers otherwise is %s", ac_kinds[kind].name,
			change ? change : "none");
	}
}

/* Output in the memory of the input, or across its end. */
static void shares_memory(struct cf *cf)
{
	static const size_t places[] = { 0, 1, 8, 16, 40, 48, 64 };
	struct ac_bench bench;

	ac_bench_open_all(cf, &bench);
	for (int kind = AC_PROTECTION; kind < AC_COMMANDS; kind++) {
		for (size_t i = 0; i < AC_COUNT(places); i++) {
			struct ac_message message = ac_bench_message(&bench, &bench.channel, kind);
			_Alignas(8) uint8_t memory[2 * AC_ROOM];

			/* The input behind the output; then the other way round. */
			for (int turn = 0; turn < 2; turn++) {
				uint8_t *input = memory + (turn ? 0 : places[i]);
				uint8_t *output = memory + (turn ? places[i] : 0);

				memset(memory, AC_FILL, sizeof(memory));
				memcpy(input, message.input, message.input_size);
				message.result = ac_configure(&bench.device, input, message.input_size, output);
				memset(message.output, AC_FILL, AC_ROOM);
				memcpy(message.output, output, AC_COMMAND_ANSWER);
				AC_CODE(cf, "AC-082", turn ? E_INVALIDARG : S_OK, message.result);
				if (turn)
					ac_is_bare(cf, "AC-082", &message);
				else
					ac_is_signed(cf, "AC-082", &message, bench.channel.key);
			}
		}
	}
}

const struct cf_test ac_tests_configure_answers[] = {
	{ "configure-answers-echo", "AC-076", answers_echo },
	{ "configure-answers-repeat-the-code", "AC-077", answers_repeat_the_code },
	{ "configure-signs-what-it-accepted", "AC-078", signs_what_it_accepted },
	{ "configure-failures-change-nothing", "AC-080", failures_change_nothing, .settings = AC_EVERYTHING },
	{ "configure-in-force-at-once", "AC-081", in_force_at_once, .settings = AC_EVERYTHING },
	{ "configure-shares-memory", "AC-082", shares_memory, .settings = AC_EVERYTHING },
	{ 0 },
};
