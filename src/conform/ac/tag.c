/* SPDX-License-Identifier: MIT */
/* Tests of authenticated-channel.md: what a tag is made of, in commands and in answers. */
#include "conform/ac/bench.h"

#include <stdio.h>
#include <string.h>

/* Sends it, and says so when an answer that has to be signed is not. */
static void signed_answer(struct cf *cf, const char *rule, const struct ac_channel *channel, struct ac_message *message)
{
	(void)ac_send(&channel->device, message);
	ac_is_signed(cf, rule, message, channel->key);
}

/*
 * Before any bench, which gives up where a tag is wrong: then nothing would be said of tags. All that a tag covers comes in
 * an INITIALIZE and in the two answers.
 */
static void the_first_answers(struct cf *cf)
{
	const struct cf_device device = cf_device(cf);
	struct ac_channel channel = ac_channel_keyed(cf, &device, AC_SOFTWARE);
	struct ac_message message = ac_initialize(&channel, 0, AC_FIRST_COMMAND, AC_FIRST_QUERY);

	ac_accepted(cf, "AC-053", &channel, &message);
	ac_is_signed(cf, "AC-057", &message, channel.key);
	ac_is_signed(cf, "AC-059", &message, channel.key);
	channel.next_query = AC_FIRST_QUERY;
	message = ac_query(&channel, &D3DAUTHENTICATEDQUERY_CHANNELTYPE, NULL, 0);
	AC_CODE(cf, "AC-061", S_OK, ac_send(&device, &message));
	ac_is_signed(cf, "AC-053", &message, channel.key);
	ac_is_signed(cf, "AC-058", &message, channel.key);
}

/* ---- algorithm and key ---------------------------------------------------------------------------------------------- */

/* Inputs of 40, 48 and 56 covered bytes, answers of 32, 40, 48, 56 and 64: with and without a full last block. */
static void every_length(struct cf *cf)
{
	struct ac_bench bench;

	ac_bench_open_all(cf, &bench);
	for (int kind = AC_PROTECTION; kind < AC_KINDS; kind++) {
		struct ac_message message = ac_bench_message(&bench, &bench.channel, kind);

		ac_accepted(cf, "AC-053", &bench.channel, &message);
	}
}

/* K of the vectors, as it comes from the exchange: in that order, and all of it. */
static void the_key_is_the_exchanged_one(struct cf *cf)
{
	const struct cf_device device = cf_device(cf);
	struct ac_channel channel = ac_channel_new(cf, &device, AC_SOFTWARE);
	struct ac_message message;
	uint8_t keys[CF_KEY * 2 + 2][CF_KEY];

	memcpy(channel.key, cf_key_k, CF_KEY);
	CF_NEED(cf, ac_exchange(cf, &device, channel.h, channel.key));
	for (size_t i = 0; i < CF_KEY; i++) {
		memcpy(keys[i], cf_key_k, CF_KEY);
		keys[i][i] ^= 0x80;
		memcpy(keys[CF_KEY + i], cf_key_k, CF_KEY);
		keys[CF_KEY + i][i] ^= 0x01;
		keys[CF_KEY * (size_t)2][i] = cf_key_k[CF_KEY - 1 - i];
	}
	memset(keys[CF_KEY * 2 + 1], 0, CF_KEY);
	for (size_t i = 0; i < AC_COUNT(keys); i++) {
		message = ac_initialize(&channel, 0, AC_FIRST_COMMAND, AC_FIRST_QUERY);
		ac_sign(&message, keys[i]);
		ac_refused_bare(cf, "AC-054", &device, E_INVALIDARG, &message);
	}
	/* T1, T2, T3 and T5 but for the handle. */
	message = ac_initialize(&channel, 0, AC_FIRST_COMMAND, AC_FIRST_QUERY);
	ac_accepted(cf, "AC-054", &channel, &message);
	channel.next_command = AC_FIRST_COMMAND;
	channel.next_query = AC_FIRST_QUERY;
	message = ac_protection(&channel, 3);
	ac_accepted(cf, "AC-054", &channel, &message);
	message = ac_protection(&channel, 4);
	ac_refused_signed(cf, "AC-054", &channel, E_INVALIDARG, &message);
	message = ac_query(&channel, &D3DAUTHENTICATEDQUERY_CHANNELTYPE, NULL, 0);
	ac_accepted(cf, "AC-054", &channel, &message);
}

/* ---- what a command's covers ------------------------------------------------------------------------------------------ */

/* The tag over these bytes of the input and no others; the tag field may be part of them, zero. */
static void sign_part(struct ac_message *message, const uint8_t key[CF_KEY], size_t from, size_t to)
{
	uint8_t tag[AC_TAG];

	memset(message->input, 0, AC_TAG);
	cf_omac(key, message->input + from, to - from, tag);
	memcpy(message->input, tag, AC_TAG);
}

/* PROTECTION without what no member has: the wrong reading that the vector T2 warns of. */
static void members_alone(struct ac_bench *bench)
{
	struct ac_channel *channel = &bench->channel;
	struct ac_message message = ac_bench_next(bench, channel, AC_PROTECTION);
	uint8_t members[32];

	memcpy(members, message.input + 16, 28);
	memcpy(members + 28, message.input + 48, 4);
	cf_omac(channel->key, members, sizeof(members), message.input);
	ac_refused_bare(bench->cf, "AC-055", &bench->device, E_INVALIDARG, &message);
}

static void covers_all_behind_the_tag(struct cf *cf)
{
	struct ac_bench bench;
	struct ac_channel *channel = &bench.channel;

	ac_bench_open(cf, &bench);
	members_alone(&bench);
	for (int kind = AC_PROTECTION; kind < AC_COMMANDS; kind++) {
		const size_t size = ac_kinds[kind].input;
		const struct {
			size_t from, to;
		} parts[] = {
			{ 16, 44 },	  { 16, 48 },	    { 16, size - 1 }, { 16, size - 4 }, { 16, size - 8 },
			{ 16, size + 1 }, { 16, size + 8 }, { 16, AC_ROOM },  { 17, size },	{ 32, size },
			{ 40, size },	  { 48, size },	    { 8, size },      { 0, 48 },	{ 16, 16 },
		};

		for (size_t i = 0; i < AC_COUNT(parts); i++) {
			struct ac_message message = ac_bench_next(&bench, channel, kind);

			sign_part(&message, channel->key, parts[i].from, parts[i].to);
			ac_refused_bare(cf, "AC-055", &bench.device, E_INVALIDARG, &message);
		}
		{
			struct ac_message message = ac_bench_message(&bench, channel, kind);

			signed_answer(cf, "AC-055", channel, &message);
		}
	}
}

static void never_covers_itself(struct cf *cf)
{
	struct ac_bench bench;
	struct ac_channel *channel = &bench.channel;
	uint8_t all[AC_HEADER], tag[AC_TAG];

	ac_bench_open(cf, &bench);
	for (int kind = AC_PROTECTION; kind < AC_COMMANDS; kind++) {
		struct ac_message message = ac_bench_next(&bench, channel, kind);

		sign_part(&message, channel->key, 0, ac_kinds[kind].input);
		ac_refused_bare(cf, "AC-059", &bench.device, E_INVALIDARG, &message);
		message = ac_bench_message(&bench, channel, kind);
		signed_answer(cf, "AC-059", channel, &message);
		memcpy(all, message.output, sizeof(all));
		memset(all, 0, AC_TAG);
		cf_omac(channel->key, all, sizeof(all), tag);
		AC_TRUE(cf, "AC-059", memcmp(tag, message.output, AC_TAG) != 0,
			"the answer to %s has a tag over all 48 bytes", ac_kinds[kind].name);
	}
}

/* Padding is covered as the caller left it. */
static void padding_is_as_it_came(struct cf *cf)
{
	static const struct {
		enum ac_kind kind;
		size_t at;
	} paddings[] = {
		{ AC_PROTECTION, 44 },	   { AC_PROTECTION, 52 },     { AC_CRYPTOSESSION, 44 },
		{ AC_SHAREDRESOURCE, 44 }, { AC_SHAREDRESOURCE, 52 }, { AC_SHAREDRESOURCE, 68 },
		{ AC_ENCRYPTION, 44 },
	};
	struct ac_bench bench;
	struct ac_channel *channel = &bench.channel;
	struct ac_message message;

	ac_bench_open_all(cf, &bench);
	/* T2b: all of PROTECTION's. */
	message = ac_bench_message(&bench, channel, AC_PROTECTION);
	memset(message.input + 44, 0xaa, 4);
	memset(message.input + 52, 0xaa, 4);
	ac_sign(&message, channel->key);
	ac_accepted(cf, "AC-056", channel, &message);
	for (size_t i = 0; i < AC_COUNT(paddings); i++) {
		/* Others than the tag knows, and then the tag's own. */
		message = ac_bench_message(&bench, channel, paddings[i].kind);
		ac_put_u32(message.input, paddings[i].at, 0xffffffff);
		ac_refused_bare(cf, "AC-056", &bench.device, E_INVALIDARG, &message);
		ac_sign(&message, channel->key);
		ac_accepted(cf, "AC-056", channel, &message);
	}
	AC_TRUE(cf, "AC-056", ac_protection_level(cf, channel) == 3, "PROTECTION 3 with padding left another level");

	/* INITIALIZE has four bytes. */
	*channel = ac_channel_keyed(cf, &bench.device, AC_SOFTWARE);
	message = ac_initialize(channel, 0, AC_FIRST_COMMAND, AC_FIRST_QUERY);
	memset(message.input + 44, 0xaa, 4);
	ac_refused_bare(cf, "AC-056", &bench.device, E_INVALIDARG, &message);
	ac_sign(&message, channel->key);
	ac_accepted(cf, "AC-056", channel, &message);
}

/* Numbers are covered as they lie in memory, not as a network would have them. */
static void the_memory_image(struct cf *cf)
{
	struct ac_bench bench;
	struct ac_channel *channel = &bench.channel;
	struct ac_message message, swapped;

	ac_bench_open(cf, &bench);
	message = ac_bench_message(&bench, channel, AC_PROTECTION);
	for (size_t from = 16; from < 56; from += 4) {
		swapped = message;
		for (size_t i = 0; i < 4; i++)
			swapped.input[from + i] = message.input[from + 3 - i];
		if (memcmp(swapped.input + from, message.input + from, 4) == 0)
			continue;
		ac_sign(&swapped, channel->key);
		memcpy(swapped.input + from, message.input + from, 4);
		ac_refused_bare(cf, "AC-056", &bench.device, E_INVALIDARG, &swapped);
	}
	ac_accepted(cf, "AC-056", channel, &message);
}

static void each_byte_of_a_tag_counts(struct cf *cf)
{
	struct ac_bench bench;
	struct ac_message message, wrong;

	ac_bench_open(cf, &bench);
	message = ac_bench_message(&bench, &bench.channel, AC_PROTECTION);
	for (size_t i = 0; i < AC_TAG; i++) {
		wrong = message;
		wrong.input[i] = (uint8_t)~wrong.input[i];
		ac_refused_bare(cf, "AC-062", &bench.device, E_INVALIDARG, &wrong);
		/* The right ones up to there, and from there on. */
		for (size_t at = i; at < AC_TAG; at++)
			wrong.input[at] = (uint8_t)~message.input[at];
		ac_refused_bare(cf, "AC-062", &bench.device, E_INVALIDARG, &wrong);
		wrong = message;
		for (size_t at = 0; at <= i; at++)
			wrong.input[at] = (uint8_t)~message.input[at];
		ac_refused_bare(cf, "AC-062", &bench.device, E_INVALIDARG, &wrong);
	}
	ac_accepted(cf, "AC-062", &bench.channel, &message);
}

/* ---- what an answer's covers ------------------------------------------------------------------------------------------- */

static void command_answers(struct cf *cf)
{
	struct ac_bench bench;
	struct ac_channel *channel = &bench.channel, fresh;
	struct ac_message message;
	uint8_t tag[AC_TAG];

	ac_bench_open_all(cf, &bench);
	fresh = ac_channel_keyed(cf, &bench.device, AC_SOFTWARE);
	message = ac_bench_message(&bench, &fresh, AC_INITIALIZE);
	ac_accepted(cf, "AC-057", &fresh, &message);
	for (int kind = AC_PROTECTION; kind < AC_COMMANDS; kind++) {
		message = ac_bench_message(&bench, channel, kind);
		ac_accepted(cf, "AC-057", channel, &message);
		message = ac_bench_bad_command(&bench, channel, kind);
		ac_refused_signed(cf, "AC-057", channel, E_INVALIDARG, &message);
		/* ReturnCode is covered: an answer of 28 covered bytes would have this tag. */
		cf_omac(channel->key, message.output + AC_TAG, 28, tag);
		AC_TRUE(cf, "AC-057", memcmp(tag, message.output, AC_TAG) != 0, "%s: ReturnCode is not covered",
			ac_kinds[kind].name);
	}
}

static void query_answers(struct cf *cf)
{
	struct ac_bench bench;
	struct ac_channel *channel = &bench.channel;
	uint8_t tag[AC_TAG];

	ac_bench_open_all(cf, &bench);
	for (int kind = AC_COMMANDS; kind < AC_KINDS; kind++) {
		struct ac_message message = ac_bench_message(&bench, channel, kind);

		ac_accepted(cf, "AC-058", channel, &message);
		cf_omac(channel->key, message.output + AC_TAG, 32, tag);
		AC_TRUE(cf, "AC-058", memcmp(tag, message.output, AC_TAG) != 0, "%s: the body is not covered",
			ac_kinds[kind].name);
		if (ac_kinds[kind].input == AC_QUERY_HEADER)
			continue;
		/* And of those that can fail, the failure. */
		message = ac_bench_message(&bench, channel, kind);
		memset(message.input + AC_QUERY_HEADER, 0xff, message.input_size - AC_QUERY_HEADER);
		ac_refused_signed(cf, "AC-058", channel, E_INVALIDARG, &message);
	}
}

static void spare_bytes_are_zero(struct cf *cf)
{
	static const struct {
		enum ac_kind kind;
		size_t at;
	} spare[] = {
		{ AC_Q_PROTECTION, 52 },	 { AC_Q_CHANNELTYPE, 52 },  { AC_Q_PROCESS_COUNT, 52 },
		{ AC_Q_UNRESTRICTED_COUNT, 52 }, { AC_Q_OUTPUT_COUNT, 68 }, { AC_Q_OUTPUT, 68 },
		{ AC_Q_ACCESSIBILITY, 60 },	 { AC_Q_GUID_COUNT, 52 },   { AC_Q_GUID, 68 },
	};
	struct ac_bench bench;

	ac_bench_open_all(cf, &bench);
	for (size_t i = 0; i < AC_COUNT(spare); i++) {
		struct ac_message message = ac_bench_message(&bench, &bench.channel, spare[i].kind);

		/* What the input has there is none of the answer's business. */
		if (spare[i].kind == AC_Q_OUTPUT || spare[i].kind == AC_Q_GUID)
			ac_put_u32(message.input, message.input_size - 4, 0xffffffff);
		ac_accepted(cf, "AC-060", &bench.channel, &message);
		AC_TRUE(cf, "AC-060", ac_u32(message.output, spare[i].at) == 0, "%s: bytes %zu to %zu are 0x%08x",
			ac_kinds[spare[i].kind].name, spare[i].at, spare[i].at + 3,
			ac_u32(message.output, spare[i].at));
	}
}

/* Whoever has the handle may ask; the answer's tag is for him who has the key. */
static void queries_have_no_tag(struct cf *cf)
{
	struct ac_bench bench;
	struct ac_channel stranger;

	ac_bench_open(cf, &bench);
	stranger = bench.channel;
	memset(stranger.key, 0, sizeof(stranger.key));
	for (int kind = AC_COMMANDS; kind < AC_KINDS; kind++) {
		struct ac_message message = ac_bench_message(&bench, &stranger, kind);

		if (ac_kinds[kind].input != AC_QUERY_HEADER)
			continue;
		/* The four bytes that no member has included. */
		ac_put_u32(message.input, 28, 0x5a5a5a5a);
		AC_CODE(cf, "AC-061", S_OK, ac_send(&bench.device, &message));
		ac_is_signed(cf, "AC-061", &message, bench.channel.key);
	}
}

const struct cf_test ac_tests_tag[] = {
	{ "tag-first-answers", "AC-053 AC-057 AC-058 AC-059 AC-061", the_first_answers },
	{ "tag-every-length", "AC-053", every_length, .settings = AC_EVERYTHING },
	{ "tag-key", "AC-054", the_key_is_the_exchanged_one },
	{ "tag-covers-all-behind-it", "AC-055", covers_all_behind_the_tag },
	{ "tag-never-covers-itself", "AC-059", never_covers_itself },
	{ "tag-padding", "AC-056", padding_is_as_it_came, .settings = AC_EVERYTHING },
	{ "tag-memory-image", "AC-056", the_memory_image },
	{ "tag-each-byte", "AC-062", each_byte_of_a_tag_counts },
	{ "tag-command-answers", "AC-057", command_answers, .settings = AC_EVERYTHING },
	{ "tag-query-answers", "AC-058", query_answers, .settings = AC_EVERYTHING },
	{ "tag-spare-bytes", "AC-060", spare_bytes_are_zero, .settings = AC_EVERYTHING },
	{ "tag-queries-have-none", "AC-061", queries_have_no_tag },
	{ 0 },
};
