/* SPDX-License-Identifier: MIT */
/* Tests of authenticated-channel.md: sequence numbers, and messages that were meant for another time or place. */
#include "conform/ac/bench.h"

#include <string.h>

/* One of the two counters of a channel: commands are PROTECTION 1, queries CHANNELTYPE. */
static struct ac_message at(const struct ac_channel *channel, bool is_command, UINT number)
{
	const UINT value = 1;

	if (is_command)
		return ac_command_at(channel, number, &D3DAUTHENTICATEDCONFIGURE_PROTECTION, &value, sizeof(value));
	return ac_query_at(channel, number, &D3DAUTHENTICATEDQUERY_CHANNELTYPE, NULL, 0);
}

static void good(struct cf *cf, const char *rule, const struct ac_channel *channel, bool is_command, UINT number)
{
	struct ac_message message = at(channel, is_command, number);

	ac_accepted(cf, rule, channel, &message);
}

static void stale(struct cf *cf, const char *rule, const struct ac_channel *channel, bool is_command, UINT number)
{
	struct ac_message message = at(channel, is_command, number);

	ac_refused_bare(cf, rule, &channel->device, E_INVALIDARG, &message);
}

static struct ac_channel started(struct cf *cf, const struct cf_device *device, UINT first_command, UINT first_query)
{
	struct ac_channel channel = ac_channel_keyed(cf, device, AC_SOFTWARE);
	struct ac_message message = ac_initialize(&channel, 0, first_command, first_query);

	CF_NEED(cf, ac_send(device, &message));
	channel.next_command = first_command;
	channel.next_query = first_query;
	return channel;
}

/* ---- the counters ------------------------------------------------------------------------------------------------- */

static void two_counters(struct cf *cf)
{
	const struct cf_device device = cf_device(cf);
	struct ac_channel channel = ac_channel_keyed(cf, &device, AC_SOFTWARE);
	static const UINT numbers[] = { 0, 1, AC_FIRST_COMMAND, 0xffffffff };
	struct ac_message message;

	/* Before INITIALIZE no number will do, and none is remembered. */
	for (size_t i = 0; i < AC_COUNT(numbers); i++) {
		stale(cf, "AC-043", &channel, true, numbers[i]);
		stale(cf, "AC-043", &channel, false, numbers[i]);
	}
	message = ac_initialize(&channel, 0, 100, 100);
	ac_accepted(cf, "AC-043", &channel, &message);
	good(cf, "AC-043", &channel, true, 0xf0000000);
	good(cf, "AC-043", &channel, false, 100);
	good(cf, "AC-043", &channel, false, 101);
	good(cf, "AC-043", &channel, true, 0xf0000001);

	channel = started(cf, &device, 100, 100);
	good(cf, "AC-043", &channel, false, 0xf0000000);
	good(cf, "AC-043", &channel, true, 100);
	good(cf, "AC-043", &channel, true, 101);
}

static void from_the_start(struct cf *cf, const char *rule, bool is_command)
{
	const struct cf_device device = cf_device(cf);
	const UINT start = 0x12345678;
	const struct ac_channel channel = started(cf, &device, start, start);

	good(cf, rule, &channel, is_command, start);
	stale(cf, rule, &channel, is_command, start);
	good(cf, rule, &channel, is_command, start + 1);
	stale(cf, rule, &channel, is_command, start + 1);
	stale(cf, rule, &channel, is_command, start);
	good(cf, rule, &channel, is_command, start + 2);
}

static void commands_from_the_start(struct cf *cf)
{
	from_the_start(cf, "AC-044", true);
}

static void queries_from_the_start(struct cf *cf)
{
	from_the_start(cf, "AC-046", false);
}

static void gaps(struct cf *cf)
{
	const struct cf_device device = cf_device(cf);
	const UINT start = 40;

	for (int is_command = 0; is_command < 2; is_command++) {
		const struct ac_channel channel = started(cf, &device, start, start);

		good(cf, "AC-045", &channel, is_command, start);
		good(cf, "AC-045", &channel, is_command, start + 7);
		for (UINT number = start; number <= start + 7; number++)
			stale(cf, "AC-045", &channel, is_command, number);
		good(cf, "AC-045", &channel, is_command, start + 8);
		/* Growth is meant without a sign. */
		good(cf, "AC-045", &channel, is_command, 0x7fffffff);
		good(cf, "AC-045", &channel, is_command, 0x80000000);
		stale(cf, "AC-045", &channel, is_command, start + 9);
	}
}

static void below_the_start(struct cf *cf)
{
	const struct cf_device device = cf_device(cf);
	const UINT start = 0x80000000;
	const struct ac_channel channel = started(cf, &device, start, start);

	for (int is_command = 0; is_command < 2; is_command++) {
		stale(cf, "AC-047", &channel, is_command, start - 1);
		stale(cf, "AC-047", &channel, is_command, 0);
		good(cf, "AC-047", &channel, is_command, start);
	}
}

static void the_end(struct cf *cf)
{
	const struct cf_device device = cf_device(cf);
	static const UINT numbers[] = { 0, 1, 9, 10, 11, 0x7fffffff, 0xfffffffe, 0xffffffff };

	for (int is_command = 0; is_command < 2; is_command++) {
		struct ac_channel channel = started(cf, &device, 10, 10);
		struct ac_message message;

		good(cf, "AC-048", &channel, is_command, 0xffffffff);
		for (size_t i = 0; i < AC_COUNT(numbers); i++)
			stale(cf, "AC-048", &channel, is_command, numbers[i]);
		/* The other one goes on; and nothing opens this one again. */
		good(cf, "AC-048", &channel, !is_command, 10);
		message = ac_initialize(&channel, 0, 10, 10);
		ac_refused_bare(cf, "AC-048", &device, E_INVALIDARG, &message);
		stale(cf, "AC-048", &channel, is_command, 10);
		stale(cf, "AC-048", &channel, is_command, 0xffffffff);
	}
}

static void each_channel_its_own(struct cf *cf)
{
	const struct cf_device device = cf_device(cf), other = cf_device(cf);
	const struct ac_channel channels[] = {
		started(cf, &device, 50, 50),
		started(cf, &device, 50, 50),
		started(cf, &other, 50, 50),
	};

	for (int is_command = 0; is_command < 2; is_command++) {
		good(cf, "AC-052", &channels[0], is_command, 0xffffffff);
		for (UINT number = 50; number < 53; number++) {
			for (size_t i = 1; i < AC_COUNT(channels); i++)
				good(cf, "AC-052", &channels[i], is_command, number);
		}
	}
}

/* ---- what uses a number up ------------------------------------------------------------------------------------------ */

static void refused_commands_use_theirs(struct cf *cf)
{
	struct ac_bench bench;

	ac_bench_open(cf, &bench);
	for (int kind = AC_PROTECTION; kind < AC_COMMANDS; kind++) {
		struct ac_message message = ac_bench_bad_command(&bench, &bench.channel, kind);
		const UINT number = bench.channel.next_command - 1;

		ac_refused_signed(cf, "AC-049", &bench.channel, E_INVALIDARG, &message);
		stale(cf, "AC-049", &bench.channel, true, number);
		/* The same once more is a replay. */
		ac_refused_bare(cf, "AC-049", &bench.device, E_INVALIDARG, &message);
		good(cf, "AC-049", &bench.channel, true, bench.channel.next_command++);
	}
}

static void commands_of_another_type_use_theirs(struct cf *cf)
{
	const struct cf_device device = cf_device(cf);
	struct ac_channel channel = ac_channel_ready(cf, &device, AC_HARDWARE);
	struct ac_message message = ac_share(&channel, PROCESSIDTYPE_DWM, 0, 1);

	ac_refused_signed(cf, "AC-049", &channel, E_FAIL, &message);
	stale(cf, "AC-049", &channel, true, AC_FIRST_COMMAND);
	good(cf, "AC-049", &channel, true, AC_FIRST_COMMAND + 1);

	message = ac_query(&channel, &D3DAUTHENTICATEDQUERY_RESTRICTEDSHAREDRESOURCEPROCESSCOUNT, NULL, 0);
	ac_refused_signed(cf, "AC-051", &channel, E_FAIL, &message);
	stale(cf, "AC-051", &channel, false, AC_FIRST_QUERY);
	good(cf, "AC-051", &channel, false, AC_FIRST_QUERY + 1);
}

static void forged_commands_use_nothing(struct cf *cf)
{
	const struct cf_device device = cf_device(cf);
	const struct ac_channel channel = started(cf, &device, 70, 70);
	static const UINT numbers[] = { 70, 71, 0xfffffffe, 0xffffffff };
	struct ac_message message;

	good(cf, "AC-050", &channel, true, 70);
	for (size_t i = 0; i < AC_COUNT(numbers); i++) {
		const UINT number = numbers[i];

		/* The tag is wrong; then the size, the GUID, under good tags. */
		message = at(&channel, true, number);
		message.input[15] ^= 0x80;
		ac_refused_bare(cf, "AC-050", &device, E_INVALIDARG, &message);
		message = at(&channel, true, number);
		message.input_size = 64;
		ac_sign(&message, channel.key);
		ac_refused_bare(cf, "AC-050", &device, E_INVALIDARG, &message);
		message = ac_command_at(&channel, number, &ac_random_guid, NULL, 0);
		ac_refused_bare(cf, "AC-050", &device, E_FAIL, &message);
	}
	stale(cf, "AC-050", &channel, true, 70);
	good(cf, "AC-050", &channel, true, 71);
}

static void refused_queries_use_theirs(struct cf *cf)
{
	struct ac_bench bench;
	struct ac_channel *channel = &bench.channel;
	static const enum ac_kind kinds[] = { AC_Q_OUTPUT, AC_Q_PROCESS, AC_Q_GUID, AC_Q_CRYPTOSESSION };

	ac_bench_open(cf, &bench);
	for (size_t i = 0; i < AC_COUNT(kinds); i++) {
		/* An index that is none; a decode device that is none. */
		struct ac_message message = ac_bench_message(&bench, channel, kinds[i]);
		const UINT number = channel->next_query - 1;

		memset(message.input + message.input_size - 8, 0xff, 8);
		ac_refused_signed(cf, "AC-051", channel, E_INVALIDARG, &message);
		stale(cf, "AC-051", channel, false, number);
		good(cf, "AC-051", channel, false, channel->next_query++);
	}
	/* What is not well formed uses nothing, whatever number it has. */
	for (int kind = AC_COMMANDS; kind < AC_KINDS; kind++) {
		struct ac_message message = ac_bench_message_at(&bench, channel, 0xffffffff, kind);

		message.input_size += 8;
		ac_refused_bare(cf, "AC-051", &bench.device, E_INVALIDARG, &message);
		message.input_size -= 8;
		message.output_size += 8;
		ac_refused_bare(cf, "AC-051", &bench.device, E_INVALIDARG, &message);
		message.output_size -= 8;
		message.input[3] ^= 0x40;
		ac_refused_bare(cf, "AC-051", &bench.device, E_FAIL, &message);
	}
	good(cf, "AC-051", channel, false, channel->next_query);
}

/* ---- another time, another place ------------------------------------------------------------------------------------ */

/* Everything that a client sent, once more, in the same order and in the other. */
static void replay(struct cf *cf)
{
	struct ac_bench bench;
	struct ac_message sent[AC_KINDS];
	struct ac_state before;
	const char *change;

	ac_bench_open_all(cf, &bench);
	for (int kind = AC_PROTECTION; kind < AC_KINDS; kind++) {
		const char *rule = kind < AC_COMMANDS ? "AC-074" : "AC-093";

		sent[kind] = ac_bench_message(&bench, &bench.channel, kind);
		ac_accepted(cf, rule, &bench.channel, &sent[kind]);
	}
	ac_state_take(&bench, &before);
	for (int kind = AC_PROTECTION; kind < AC_KINDS; kind++)
		ac_refused_bare(cf, kind < AC_COMMANDS ? "AC-074" : "AC-093", &bench.device, E_INVALIDARG, &sent[kind]);
	for (int kind = AC_KINDS - 1; kind >= AC_PROTECTION; kind--)
		ac_refused_bare(cf, kind < AC_COMMANDS ? "AC-074" : "AC-093", &bench.device, E_INVALIDARG, &sent[kind]);
	change = ac_state_change(&bench, &before);
	AC_TRUE(cf, "AC-074", !change, "a replay changed the answer to the %s", change);
	good(cf, "AC-074", &bench.channel, true, bench.channel.next_command);
	good(cf, "AC-093", &bench.channel, false, bench.channel.next_query);
}

/* Three of each kind arrive as 3, 1, 2. */
static void reordered(struct cf *cf)
{
	struct ac_bench bench;
	struct ac_channel *channel = &bench.channel;
	const UINT values[] = { 1, 0, 2 };
	struct ac_message commands[3], queries[3];

	ac_bench_open(cf, &bench);
	for (size_t i = 0; i < 3; i++) {
		commands[i] = ac_protection(channel, values[i]);
		queries[i] = ac_bench_message(&bench, channel, AC_Q_PROTECTION);
	}
	ac_accepted(cf, "AC-074", channel, &commands[2]);
	ac_accepted(cf, "AC-093", channel, &queries[2]);
	for (size_t i = 0; i < 2; i++) {
		ac_refused_bare(cf, "AC-074", &bench.device, E_INVALIDARG, &commands[i]);
		ac_refused_bare(cf, "AC-093", &bench.device, E_INVALIDARG, &queries[i]);
	}
	AC_TRUE(cf, "AC-074", (ac_protection_level(cf, &bench.observer) & 2) == 2,
		"a command that came too late was carried out");
	good(cf, "AC-074", channel, true, channel->next_command);
	good(cf, "AC-093", channel, false, channel->next_query);
}

/* The same key, the same numbers: only the handle tells whose a message is. */
static void of_another_channel(struct cf *cf)
{
	const struct cf_device device = cf_device(cf), other = cf_device(cf);
	const struct cf_device *devices[] = { &device, &other };
	struct ac_channel a = ac_channel_new(cf, &device, AC_SOFTWARE);
	uint8_t blob[CF_BLOB];

	cf_wrap(cf, D3DDDI_CERTTYPE_AUTHENTICATED_CHANNEL, cf_key_c, CF_KEY, blob);
	memcpy(a.key, cf_key_c, CF_KEY);
	CF_NEED(cf, ac_exchange_blob(&device, a.h, blob));
	for (size_t i = 0; i < 2; i++) {
		struct ac_channel b = ac_channel_new(cf, devices[i], AC_SOFTWARE);
		struct ac_message message, for_b;

		memcpy(b.key, cf_key_c, CF_KEY);
		CF_NEED(cf, ac_exchange_blob(devices[i], b.h, blob));
		for_b = ac_initialize(&a, 0, 60, 60);
		memcpy(for_b.input + 32, &b.h, sizeof(b.h));
		ac_refused_bare(cf, "AC-055", devices[i], E_INVALIDARG, &for_b);
		message = ac_initialize(&b, 0, 60, 60);
		ac_accepted(cf, "AC-055", &b, &message);
		if (i == 0) {
			message = ac_initialize(&a, 0, 60, 60);
			ac_accepted(cf, "AC-055", &a, &message);
		}
		for_b = at(&a, true, 60 + (UINT)i);
		memcpy(for_b.input + 32, &b.h, sizeof(b.h));
		ac_refused_bare(cf, "AC-055", devices[i], E_INVALIDARG, &for_b);
		good(cf, "AC-055", &b, true, 60);
		good(cf, "AC-055", &a, true, 60 + (UINT)i);
	}
}

/* The genuine next messages of a channel, brought by another device or process. */
struct courier {
	struct ac_message command, query;
};

static void deliver(struct cf *cf, void *context)
{
	struct courier *courier = context;
	const struct cf_device device = cf_device(cf);
	struct ac_channel own = ac_channel_ready(cf, &device, AC_SOFTWARE);

	ac_refused_bare(cf, "AC-068", &device, E_INVALIDARG, &courier->command);
	ac_refused_bare(cf, "AC-088", &device, E_INVALIDARG, &courier->query);
	/* It has channels that work. */
	good(cf, "AC-068", &own, true, own.next_command);
	good(cf, "AC-088", &own, false, own.next_query);
}

static void by_another(struct cf *cf, bool is_process)
{
	struct ac_bench bench;
	struct courier courier;
	struct ac_state before;
	const char *change;

	ac_bench_open(cf, &bench);
	ac_state_take(&bench, &before);
	courier.command = ac_protection(&bench.channel, 2);
	courier.query = ac_bench_message(&bench, &bench.channel, AC_Q_DEVICEHANDLE);
	if (is_process)
		cf_in_another_process(cf, deliver, &courier);
	else
		deliver(cf, &courier);
	change = ac_state_change(&bench, &before);
	AC_TRUE(cf, "AC-068", !change, "another device's command changed the answer to the %s", change);
	ac_accepted(cf, "AC-068", &bench.channel, &courier.command);
	ac_accepted(cf, "AC-088", &bench.channel, &courier.query);
}

static void by_another_device(struct cf *cf)
{
	by_another(cf, /* is_process= */ false);
}

static void by_another_process(struct cf *cf)
{
	by_another(cf, /* is_process= */ true);
}

const struct cf_test ac_tests_sequence[] = {
	{ "sequence-two-counters", "AC-043", two_counters },
	{ "sequence-commands-from-the-start", "AC-044", commands_from_the_start },
	{ "sequence-queries-from-the-start", "AC-046", queries_from_the_start },
	{ "sequence-gaps", "AC-045", gaps },
	{ "sequence-below-the-start", "AC-047", below_the_start },
	{ "sequence-the-end", "AC-048", the_end },
	{ "sequence-each-channel-its-own", "AC-052", each_channel_its_own },
	{ "sequence-refused-commands", "AC-049", refused_commands_use_theirs },
	{ "sequence-commands-of-another-type", "AC-049 AC-051", commands_of_another_type_use_theirs,
	  .settings = AC_EVERYTHING },
	{ "sequence-forged-commands", "AC-050", forged_commands_use_nothing },
	{ "sequence-refused-queries", "AC-051", refused_queries_use_theirs },
	{ "sequence-replay", "AC-074 AC-093", replay, .settings = AC_EVERYTHING },
	{ "sequence-reordered", "AC-074 AC-093", reordered },
	{ "sequence-of-another-channel", "AC-055", of_another_channel },
	{ "sequence-by-another-device", "AC-068 AC-088", by_another_device },
	{ "sequence-by-another-process", "AC-068 AC-088", by_another_process },
	{ 0 },
};
