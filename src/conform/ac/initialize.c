/* SPDX-License-Identifier: MIT */
/* Tests of authenticated-channel.md: INITIALIZE. */
#include "conform/ac/bench.h"

#include <stdio.h>
#include <string.h>

static bool initialize(struct cf *cf, const char *rule, const struct ac_channel *channel, UINT number,
		       UINT first_command, UINT first_query)
{
	struct ac_message message = ac_initialize(channel, number, first_command, first_query);

	return ac_accepted(cf, rule, channel, &message);
}

static struct ac_message protection_at(const struct ac_channel *channel, UINT number)
{
	const UINT value = 1;

	return ac_command_at(channel, number, &D3DAUTHENTICATEDCONFIGURE_PROTECTION, &value, sizeof(value));
}

static struct ac_message type_at(const struct ac_channel *channel, UINT number)
{
	return ac_query_at(channel, number, &D3DAUTHENTICATEDQUERY_CHANNELTYPE, NULL, 0);
}

/* The lowest numbers that the two counters take. */
static void counters_are_at(struct cf *cf, const char *rule, const struct ac_channel *channel, UINT command, UINT query)
{
	struct ac_message message;

	if (command > 0) {
		message = protection_at(channel, command - 1);
		ac_refused_bare(cf, rule, &channel->device, E_INVALIDARG, &message);
	}
	if (query > 0) {
		message = type_at(channel, query - 1);
		ac_refused_bare(cf, rule, &channel->device, E_INVALIDARG, &message);
	}
	message = protection_at(channel, command);
	ac_accepted(cf, rule, channel, &message);
	message = type_at(channel, query);
	ac_accepted(cf, rule, channel, &message);
}

static void sets_both_starts(struct cf *cf)
{
	const struct cf_device device = cf_device(cf);
	/* T1, and the other way round: each start goes to its own counter. */
	static const UINT starts[][2] = { { 0x10000000, 0x20000000 }, { 0x20000000, 0x10000000 }, { 7, 7 } };

	for (size_t i = 0; i < AC_COUNT(starts); i++) {
		const struct ac_channel channel = ac_channel_keyed(cf, &device, AC_SOFTWARE);

		initialize(cf, "AC-101", &channel, 0, starts[i][0], starts[i][1]);
		counters_are_at(cf, "AC-101", &channel, starts[i][0], starts[i][1]);
	}
}

static void the_input_has_56_bytes(struct cf *cf)
{
	const struct cf_device device = cf_device(cf);
	const struct ac_channel channel = ac_channel_keyed(cf, &device, AC_SOFTWARE);
	static const UINT sizes[] = { 48, 52, 55, 57, 60, 64, 72 };

	for (size_t i = 0; i < AC_COUNT(sizes); i++) {
		struct ac_message message = ac_initialize(&channel, 0, 5, 6);

		/* With the tag of the 56 bytes, and with that of the size. */
		message.input_size = sizes[i];
		ac_refused_bare(cf, "AC-101", &device, E_INVALIDARG, &message);
		ac_sign(&message, channel.key);
		ac_refused_bare(cf, "AC-101", &device, E_INVALIDARG, &message);
	}
	initialize(cf, "AC-101", &channel, 0, 8, 9);
	counters_are_at(cf, "AC-101", &channel, 8, 9);
}

static void its_own_number_is_ignored(struct cf *cf)
{
	const struct cf_device device = cf_device(cf);
	static const UINT numbers[] = { 0, AC_FIRST_COMMAND - 1, AC_FIRST_COMMAND, AC_FIRST_COMMAND + 1, 0xffffffff };

	for (size_t i = 0; i < AC_COUNT(numbers); i++) {
		const struct ac_channel channel = ac_channel_keyed(cf, &device, AC_SOFTWARE);

		initialize(cf, "AC-102", &channel, numbers[i], AC_FIRST_COMMAND, AC_FIRST_QUERY);
		counters_are_at(cf, "AC-102", &channel, AC_FIRST_COMMAND, AC_FIRST_QUERY);
	}
}

static void succeeds_once(struct cf *cf)
{
	const struct cf_device device = cf_device(cf);
	const struct ac_channel channel = ac_channel_keyed(cf, &device, AC_SOFTWARE);
	static const UINT again[][2] = { { 0, 0 }, { 500, 600 }, { 0x40000000, 0x50000000 }, { 1000, 2000 } };
	struct ac_message message = ac_initialize(&channel, 0, 3, 4);

	/* What fails does not count as the one. */
	message.input[0] ^= 1;
	ac_refused_bare(cf, "AC-103", &device, E_INVALIDARG, &message);
	message = ac_initialize(&channel, 0, 3, 4);
	message.input[20] ^= 1;
	ac_refused_bare(cf, "AC-103", &device, E_FAIL, &message);

	initialize(cf, "AC-103", &channel, 0, 1000, 2000);
	for (size_t i = 0; i < AC_COUNT(again); i++) {
		message = ac_initialize(&channel, 2000, again[i][0], again[i][1]);
		ac_refused_bare(cf, "AC-103", &device, E_INVALIDARG, &message);
	}
	counters_are_at(cf, "AC-103", &channel, 1000, 2000);
	/* Nor behind the first command. */
	message = ac_initialize(&channel, 1001, 0, 0);
	ac_refused_bare(cf, "AC-103", &device, E_INVALIDARG, &message);
	counters_are_at(cf, "AC-103", &channel, 1001, 2001);
}

static void needs_the_key(struct cf *cf)
{
	const struct cf_device device = cf_device(cf);
	struct ac_channel channel = ac_channel_new(cf, &device, AC_SOFTWARE);
	struct ac_message message;
	static const uint8_t no_key[CF_KEY];

	/* With the key that it will have, and with the one that memory may hold before. */
	memcpy(channel.key, cf_key_c, CF_KEY);
	message = ac_initialize(&channel, 0, 30, 40);
	ac_refused_bare(cf, "AC-104", &device, E_INVALIDARG, &message);
	ac_sign(&message, no_key);
	ac_refused_bare(cf, "AC-104", &device, E_INVALIDARG, &message);

	CF_NEED(cf, ac_exchange(cf, &device, channel.h, channel.key));
	ac_refused_bare(cf, "AC-104", &device, E_INVALIDARG, &message);
	memset(message.input, 0, AC_TAG);
	ac_refused_bare(cf, "AC-104", &device, E_INVALIDARG, &message);
	ac_sign(&message, cf_key_k);
	ac_refused_bare(cf, "AC-104", &device, E_INVALIDARG, &message);
	ac_sign(&message, channel.key);
	ac_accepted(cf, "AC-104", &channel, &message);
}

static void any_start_will_do(struct cf *cf)
{
	const struct cf_device device = cf_device(cf);
	static const UINT starts[] = { 0, 1, 0x7fffffff, 0x80000000, 0xffffffff };

	for (size_t i = 0; i < AC_COUNT(starts); i++) {
		for (size_t j = 0; j < AC_COUNT(starts); j++) {
			const struct ac_channel channel = ac_channel_keyed(cf, &device, AC_SOFTWARE);

			if (initialize(cf, "AC-105", &channel, 0, starts[i], starts[j]))
				counters_are_at(cf, "AC-105", &channel, starts[i], starts[j]);
			CF_NEED(cf, ac_destroy(&device, channel.h));
		}
	}
}

static void changes_no_protection(struct cf *cf)
{
	const struct cf_device device = cf_device(cf);
	const UINT always_on = cf_has(cf, D3DCPCAPS_PROTECTIONALWAYSON) ? 1 : 0;
	struct ac_bench bench;
	struct ac_channel channel;
	struct ac_state before;
	const char *change;

	/* A device of which nobody asked anything yet. */
	channel = ac_channel_ready(cf, &device, AC_SOFTWARE);
	AC_TRUE(cf, "AC-106", ac_protection_level(cf, &channel) == always_on,
		"INITIALIZE changed the flags of a new device");
	ac_bench_open(cf, &bench);
	for (UINT value = 0; value < 4; value++) {
		struct ac_message message = ac_protection(&bench.channel, value);

		CF_NEED(cf, ac_send(&bench.device, &message));
		ac_state_take(&bench, &before);
		channel = ac_channel_keyed(cf, &bench.device, AC_SOFTWARE);
		initialize(cf, "AC-106", &channel, 0, AC_FIRST_COMMAND, AC_FIRST_QUERY);
		channel.next_query = AC_FIRST_QUERY;
		AC_TRUE(cf, "AC-106", ac_protection_level(cf, &channel) == ac_u32(before.bodies[0], 0),
			"with PROTECTION at %u, INITIALIZE changed the flags", value);
		change = ac_state_change(&bench, &before);
		AC_TRUE(cf, "AC-106", !change, "INITIALIZE changed the answer to the %s", change);
	}
}

const struct cf_test ac_tests_initialize[] = {
	{ "initialize-sets-both-starts", "AC-101", sets_both_starts },
	{ "initialize-has-56-bytes", "AC-101", the_input_has_56_bytes },
	{ "initialize-ignores-its-number", "AC-102", its_own_number_is_ignored },
	{ "initialize-once", "AC-103", succeeds_once },
	{ "initialize-needs-the-key", "AC-104", needs_the_key },
	{ "initialize-any-start", "AC-105", any_start_will_do },
	{ "initialize-changes-no-protection", "AC-106", changes_no_protection },
	{ 0 },
};
