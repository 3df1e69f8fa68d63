/* SPDX-License-Identifier: MIT */
/* Tests of authenticated-channel.md: commands and answers with single bits changed. */
#include "conform/ac/bench.h"

#include <stdio.h>
#include <string.h>

/* ---- on the way in: the driver refuses -------------------------------------------------------------------------------- */

/* What came of all flips of one command. */
struct flips {
	unsigned int bits;
	unsigned int accepted, other_code, not_bare;
	size_t first_accepted, first_other, first_not_bare; /* bits */
};

static void count(unsigned int *counter, size_t *first, size_t bit)
{
	if ((*counter)++ == 0)
		*first = bit;
}

/* Bits of ConfigureType make a GUID that is none of the five: check 6. */
static HRESULT due_for(const struct ac_message *flipped, size_t bit)
{
	const size_t byte = bit / 8;

	if (byte < 16 || byte >= 32)
		return E_INVALIDARG;
	for (int kind = 0; kind < AC_COMMANDS; kind++) {
		if (memcmp(flipped->input + 16, ac_kinds[kind].type, sizeof(GUID)) == 0)
			return E_INVALIDARG;
	}
	return E_FAIL;
}

static struct flips flip_each_bit(const struct ac_bench *bench, const struct ac_message *genuine)
{
	struct flips flips = { .bits = genuine->input_size * 8 };

	for (size_t bit = 0; bit < flips.bits; bit++) {
		struct ac_message flipped = *genuine;
		HRESULT hr;

		flipped.input[bit / 8] ^= (uint8_t)(1 << bit % 8);
		hr = ac_send(&bench->device, &flipped);
		if (hr >= 0)
			count(&flips.accepted, &flips.first_accepted, bit);
		if (hr != due_for(&flipped, bit))
			count(&flips.other_code, &flips.first_other, bit);
		if (!ac_looks_bare(&flipped))
			count(&flips.not_bare, &flips.first_not_bare, bit);
	}
	return flips;
}

/* All its bits, and then the command itself, which must still be fresh. */
static void command(struct ac_bench *bench, struct ac_channel *channel, enum ac_kind kind)
{
	struct ac_message genuine = ac_bench_message(bench, channel, kind);
	struct cf *cf = bench->cf;
	struct ac_state before;
	struct flips flips;
	const char *change;

	ac_state_take(bench, &before);
	flips = flip_each_bit(bench, &genuine);
	CF_TRUE(cf, "AC-063", flips.accepted == 0, "%s: %u of %u changed bits were not noticed, the first is bit %zu",
		ac_kinds[kind].name, flips.accepted, flips.bits, flips.first_accepted);
	CF_TRUE_DECIDED(cf, "AC-063", flips.other_code == 0,
			"%s: %u of %u changed bits gave another code than they should, the first is bit %zu",
			ac_kinds[kind].name, flips.other_code, flips.bits, flips.first_other);
	CF_TRUE_DECIDED(cf, "AC-063", flips.not_bare == 0,
			"%s: the answers to %u of %u changed bits are no bare header, the first is bit %zu",
			ac_kinds[kind].name, flips.not_bare, flips.bits, flips.first_not_bare);
	change = ac_state_change(bench, &before);
	CF_TRUE(cf, "AC-063", !change, "%s with a changed bit changed the answer to the %s", ac_kinds[kind].name,
		change);
	ac_accepted(cf, "AC-063", channel, &genuine);
}

static void each_bit_of_protection(struct cf *cf)
{
	struct ac_bench bench;

	ac_bench_open(cf, &bench);
	command(&bench, &bench.channel, AC_PROTECTION);
}

static void each_bit_of_each_command(struct cf *cf)
{
	struct ac_bench bench;
	struct ac_channel keyed;

	ac_bench_open_all(cf, &bench);
	keyed = ac_channel_keyed(cf, &bench.device, AC_SOFTWARE);
	command(&bench, &keyed, AC_INITIALIZE);
	for (int kind = AC_PROTECTION; kind < AC_COMMANDS; kind++)
		command(&bench, &bench.channel, kind);
}

/* The same for a command whose number is used up: no bit makes it fresh again. */
static void each_bit_of_a_replay(struct cf *cf)
{
	struct ac_bench bench;
	struct ac_message replayed;
	struct flips flips;

	ac_bench_open(cf, &bench);
	replayed = ac_protection(&bench.channel, 3);
	ac_accepted(cf, "AC-063", &bench.channel, &replayed);
	flips = flip_each_bit(&bench, &replayed);
	CF_TRUE(cf, "AC-063", flips.accepted == 0, "%u changed bits made a replay succeed, the first is bit %zu",
		flips.accepted, flips.first_accepted);
	CF_TRUE_DECIDED(cf, "AC-063", flips.not_bare == 0, "%u answers to a replay with a changed bit are not bare",
			flips.not_bare);
}

/* ---- on the way out: the caller refuses --------------------------------------------------------------------------------- */

/*
 * A client that trusts nothing but the tag: the answer has the size that it knows, is tagged with its key, and is to the very
 * message that it sent last. It hears ReturnCode from there, and not from the function.
 */
static bool client_takes(const struct ac_message *sent, const uint8_t *answer, const uint8_t key[CF_KEY],
			 HRESULT *ret_result)
{
	const UINT size = sent->is_command ? AC_COMMAND_ANSWER : sent->output_size;
	const uint8_t *header = sent->input + (sent->is_command ? AC_TAG : 0);
	uint8_t tag[AC_TAG];

	cf_omac(key, answer + AC_TAG, size - AC_TAG, tag);
	if (memcmp(tag, answer, AC_TAG) != 0)
		return false;
	if (memcmp(answer + 16, header, sizeof(GUID)) != 0 || memcmp(answer + 32, header + 16, 8) != 0 ||
	    ac_u32(answer, 40) != ac_u32(header, 24))
		return false;
	*ret_result = (HRESULT)ac_u32(answer, 44);
	return true;
}

/* Of the answer that was just received. */
static void answer(struct cf *cf, const char *rule, const char *name, const struct ac_message *sent,
		   const uint8_t key[CF_KEY])
{
	const UINT size = sent->is_command ? AC_COMMAND_ANSWER : sent->output_size;
	unsigned int taken = 0;
	HRESULT result = 0;

	if (!AC_TRUE(cf, rule, client_takes(sent, sent->output, key, &result), "a client refuses the answer to %s",
		     name))
		return;
	AC_TRUE(cf, rule, result == sent->result, "%s answered %s, and ReturnCode is %s", name,
		cf_code_name(cf, sent->result), cf_code_name(cf, result));
	for (size_t bit = 0; bit < (size_t)size * 8; bit++) {
		uint8_t flipped[AC_ROOM];

		memcpy(flipped, sent->output, sizeof(flipped));
		flipped[bit / 8] ^= (uint8_t)(1 << bit % 8);
		taken += client_takes(sent, flipped, key, &result);
	}
	AC_TRUE(cf, rule, taken == 0, "a client takes %u answers to %s with a changed bit for genuine", taken, name);
}

static void each_bit_of_each_answer(struct cf *cf)
{
	struct ac_bench bench;
	struct ac_channel *channel = &bench.channel, keyed;
	struct ac_message message;

	ac_bench_open_all(cf, &bench);
	keyed = ac_channel_keyed(cf, &bench.device, AC_SOFTWARE);
	message = ac_bench_message(&bench, &keyed, AC_INITIALIZE);
	CF_NEED(cf, ac_send(&bench.device, &message));
	answer(cf, "AC-057", ac_kinds[AC_INITIALIZE].name, &message, keyed.key);
	for (int kind = AC_PROTECTION; kind < AC_KINDS; kind++) {
		const char *rule = kind < AC_COMMANDS ? "AC-057" : "AC-058";

		message = ac_bench_message(&bench, channel, kind);
		CF_NEED(cf, ac_send(&bench.device, &message));
		answer(cf, rule, ac_kinds[kind].name, &message, channel->key);
		if (kind >= AC_COMMANDS)
			continue;
		message = ac_bench_bad_command(&bench, channel, kind);
		(void)ac_send(&bench.device, &message);
		answer(cf, rule, "a command with a bad parameter", &message, channel->key);
	}
}

/* Genuine answers at the wrong time or place: an earlier one, another query's, another channel's. */
static void answers_of_others(struct cf *cf)
{
	struct ac_bench bench;
	struct ac_channel *channel = &bench.channel;
	struct ac_message first, second, other, command;
	HRESULT result;

	ac_bench_open(cf, &bench);
	first = ac_bench_message(&bench, channel, AC_Q_PROTECTION);
	CF_NEED(cf, ac_send(&bench.device, &first));
	second = ac_bench_message(&bench, channel, AC_Q_PROTECTION);
	CF_NEED(cf, ac_send(&bench.device, &second));
	AC_TRUE(cf, "AC-095", client_takes(&second, second.output, channel->key, &result),
		"a client refuses an answer");
	AC_TRUE(cf, "AC-095", !client_takes(&second, first.output, channel->key, &result),
		"an earlier answer passes for a later one");
	other = ac_bench_message(&bench, channel, AC_Q_CHANNELTYPE);
	CF_NEED(cf, ac_send(&bench.device, &other));
	AC_TRUE(cf, "AC-095", !client_takes(&second, other.output, channel->key, &result),
		"the answer to CHANNELTYPE passes for one to PROTECTION");
	/* A command's answer has the same header. */
	command = ac_command_at(channel, ac_u32(second.input, 24), &D3DAUTHENTICATEDCONFIGURE_PROTECTION, "\1\0\0\0",
				4);
	CF_NEED(cf, ac_send(&bench.device, &command));
	AC_TRUE(cf, "AC-076", client_takes(&command, command.output, channel->key, &result),
		"a client refuses an answer");
	AC_TRUE(cf, "AC-076", !client_takes(&second, command.output, channel->key, &result),
		"the answer to a command passes for one to a query");
	AC_TRUE(cf, "AC-076", !client_takes(&command, second.output, channel->key, &result),
		"the answer to a query passes for one to a command");
	/* Another channel's, of the same kind and number. */
	other = ac_bench_message_at(&bench, &bench.observer, bench.observer.next_query + 100, AC_Q_PROTECTION);
	CF_NEED(cf, ac_send(&bench.device, &other));
	first = ac_bench_message_at(&bench, channel, bench.observer.next_query + 100, AC_Q_PROTECTION);
	CF_NEED(cf, ac_send(&bench.device, &first));
	AC_TRUE(cf, "AC-095", !client_takes(&first, other.output, channel->key, &result),
		"another channel's answer passes for this one's");
	/* And what was refused before it was accepted proves nothing. */
	(void)ac_send(&bench.device, &second);
	AC_TRUE(cf, "AC-078", !client_takes(&second, second.output, channel->key, &result),
		"the answer to a replay passes for a signed one");
}

const struct cf_test ac_tests_tamper[] = {
	{ "tamper-protection", "AC-063", each_bit_of_protection },
	{ "tamper-each-command", "AC-063", each_bit_of_each_command, .settings = AC_EVERYTHING },
	{ "tamper-replay", "AC-063", each_bit_of_a_replay },
	{ "tamper-each-answer", "AC-057 AC-058", each_bit_of_each_answer, .settings = AC_EVERYTHING },
	{ "tamper-answers-of-others", "AC-076 AC-078 AC-095", answers_of_others },
	{ 0 },
};
