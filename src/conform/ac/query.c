/* SPDX-License-Identifier: MIT */
/* Tests of authenticated-channel.md: what QueryAuthenticatedChannel checks before a query, and how it answers. */
#include "conform/ac/bench.h"

#include <string.h>

/* That nothing was used up: the channel's very next query is accepted. */
static void goes_on(struct cf *cf, const char *rule, struct ac_channel *channel)
{
	struct ac_message message = ac_query(channel, &D3DAUTHENTICATEDQUERY_CHANNELTYPE, NULL, 0);

	ac_accepted(cf, rule, channel, &message);
}

/* ---- pointers and sizes ------------------------------------------------------------------------------------------------ */

static void without_a_pointer(struct cf *cf)
{
	struct ac_bench bench;
	struct ac_message message;
	struct cf_device closed;

	ac_bench_open(cf, &bench);
	message = ac_bench_next(&bench, &bench.channel, AC_Q_PROTECTION);
	memset(message.output, AC_FILL, AC_ROOM);
	AC_CODE(cf, "AC-084", E_INVALIDARG, bench.device.f->pfnQueryAuthenticatedChannel(bench.device.h, NULL));
	AC_CODE(cf, "AC-084", E_INVALIDARG, ac_ask(&bench.device, NULL, 32, message.output, 56));
	ac_is_none(cf, "AC-084", &message);
	AC_CODE(cf, "AC-084", E_INVALIDARG, ac_ask(&bench.device, NULL, 0, message.output, 56));
	ac_is_none(cf, "AC-084", &message);
	AC_CODE(cf, "AC-084", E_INVALIDARG, ac_ask(&bench.device, message.input, 32, NULL, 56));
	AC_CODE(cf, "AC-084", E_INVALIDARG, ac_ask(&bench.device, message.input, 32, NULL, 0));
	closed = bench.device;
	closed.h = NULL;
	AC_CODE(cf, "AC-084", E_INVALIDARG, ac_send(&closed, &message));
	ac_is_none(cf, "AC-084", &message);
	goes_on(cf, "AC-084", &bench.channel);
}

static void without_room(struct cf *cf)
{
	struct ac_bench bench;

	ac_bench_open(cf, &bench);
	for (UINT size = 0; size < AC_HEADER; size++) {
		struct ac_message message = ac_bench_next(&bench, &bench.channel, AC_Q_PROTECTION);

		message.output_size = size;
		AC_CODE(cf, "AC-085", E_INVALIDARG, ac_send(&bench.device, &message));
		ac_is_none(cf, "AC-085", &message);
		AC_CODE(cf, "AC-085", E_INVALIDARG, ac_send_at_the_edge(cf, &bench.device, &message, 32, size));
		ac_is_none(cf, "AC-085", &message);
		/* Nor is there one to an input without a header. */
		message.input_size = 31;
		AC_CODE(cf, "AC-085", E_INVALIDARG, ac_send(&bench.device, &message));
		ac_is_none(cf, "AC-085", &message);
	}
	goes_on(cf, "AC-085", &bench.channel);
}

static void without_a_header(struct cf *cf)
{
	struct ac_bench bench;

	ac_bench_open(cf, &bench);
	for (UINT size = 0; size < AC_QUERY_HEADER; size++) {
		static const UINT outputs[] = { 48, 56, 80, 128 };

		for (size_t i = 0; i < AC_COUNT(outputs); i++) {
			struct ac_message message = ac_bench_next(&bench, &bench.channel, AC_Q_PROTECTION);

			message.input_size = size;
			message.output_size = outputs[i];
			AC_CODE(cf, "AC-086", E_INVALIDARG, ac_send(&bench.device, &message));
			ac_is_zero(cf, "AC-086", &message);
			AC_CODE(cf, "AC-086", E_INVALIDARG,
				ac_send_at_the_edge(cf, &bench.device, &message, size, AC_HEADER));
			ac_is_zero(cf, "AC-086", &message);
		}
	}
	goes_on(cf, "AC-086", &bench.channel);
}

static void wrong_size(struct ac_bench *bench, enum ac_kind kind, UINT input_size, UINT output_size)
{
	struct ac_message message = ac_bench_next(bench, &bench->channel, kind);
	struct cf *cf = bench->cf;

	if (input_size < AC_QUERY_HEADER || output_size < AC_HEADER ||
	    (input_size == ac_kinds[kind].input && output_size == ac_kinds[kind].output))
		return;
	message.input_size = input_size;
	message.output_size = output_size;
	ac_refused_bare(cf, "AC-091", &bench->device, E_INVALIDARG, &message);
	/* Whatever is claimed, no input is longer than 72 bytes, and what is refused has a header for an answer. */
	AC_CODE(cf, "AC-091", E_INVALIDARG,
		ac_send_at_the_edge(cf, &bench->device, &message, input_size < 72 ? input_size : 72, AC_HEADER));
	ac_is_bare(cf, "AC-091", &message);
}

static void sizes(struct cf *cf)
{
	static const UINT off[] = { -48u, -24u, -16u, -8u, -4u, -1u, 1, 4, 8, 16, 24 };
	struct ac_bench bench;

	ac_bench_open(cf, &bench);
	for (int kind = AC_COMMANDS; kind < AC_KINDS; kind++) {
		const UINT input = ac_kinds[kind].input, output = ac_kinds[kind].output;
		struct ac_message message;

		for (size_t i = 0; i < AC_COUNT(off); i++) {
			/* Below zero is far above the room. */
			if (input + off[i] < AC_ROOM)
				wrong_size(&bench, kind, input + off[i], output);
			if (output + off[i] < AC_ROOM)
				wrong_size(&bench, kind, input, output + off[i]);
			if (input + off[i] < AC_ROOM && output + off[i] < AC_ROOM)
				wrong_size(&bench, kind, input + off[i], output + off[i]);
		}
		wrong_size(&bench, kind, AC_QUERY_HEADER, output);
		wrong_size(&bench, kind, input, AC_HEADER);
		wrong_size(&bench, kind, 0xffffffff, output);
		wrong_size(&bench, kind, input, 0xffffffff);
		wrong_size(&bench, kind, 0x80000000, 0x80000000);
		wrong_size(&bench, kind, output, input);
		message = ac_bench_message(&bench, &bench.channel, kind);
		(void)ac_send(&bench.device, &message);
		ac_is_signed(cf, "AC-091", &message, bench.channel.key);
	}
}

static void the_written_length(struct cf *cf)
{
	static const UINT lengths[] = { 48, 52, 60, 64 };
	struct ac_bench bench;
	struct ac_message message;

	ac_bench_open_all(cf, &bench);
	for (size_t i = 0; i < AC_COUNT(lengths); i++) {
		message = ac_bench_next(&bench, &bench.channel, AC_Q_PROTECTION);
		message.output_size = lengths[i];
		ac_refused_bare(cf, "AC-096", &bench.device, E_INVALIDARG, &message);
	}
	for (int kind = AC_COMMANDS; kind < AC_KINDS; kind++) {
		message = ac_bench_message(&bench, &bench.channel, kind);
		AC_CODE(cf, "AC-096", S_OK,
			ac_send_at_the_edge(cf, &bench.device, &message, message.input_size, message.output_size));
		ac_is_signed(cf, "AC-096", &message, bench.channel.key);
		/* A replay is answered in 48 bytes, however many there are. */
		AC_CODE(cf, "AC-096", E_INVALIDARG,
			ac_send_at_the_edge(cf, &bench.device, &message, message.input_size, message.output_size));
		ac_is_bare(cf, "AC-096", &message);
	}
}

/* ---- whose channel ------------------------------------------------------------------------------------------------------ */

static void unknown_channels(struct cf *cf)
{
	struct ac_bench bench;
	struct ac_channel other;
	HANDLE handles[AC_STRANGERS];
	size_t count;

	ac_bench_open(cf, &bench);
	other = bench.channel;
	count = ac_bench_strangers(&bench, handles);
	for (size_t i = 0; i < count; i++) {
		struct ac_message message;

		other.h = handles[i];
		for (int kind = AC_COMMANDS; kind < AC_KINDS; kind++) {
			message = ac_bench_next(&bench, &other, kind);
			ac_refused_bare(cf, "AC-087", &bench.device, E_INVALIDARG, &message);
		}
		/* Before the GUID is looked at. */
		message = ac_query_at(&other, other.next_query, &ac_random_guid, NULL, 0);
		ac_refused_bare(cf, "AC-087", &bench.device, E_INVALIDARG, &message);
	}
	goes_on(cf, "AC-087", &bench.channel);
}

static void another_device(struct cf *cf)
{
	struct ac_bench bench;
	const struct cf_device other = cf_device(cf);

	ac_bench_open(cf, &bench);
	for (int kind = AC_COMMANDS; kind < AC_KINDS; kind++) {
		struct ac_message message = ac_bench_next(&bench, &bench.channel, kind);

		ac_refused_bare(cf, "AC-088", &other, E_INVALIDARG, &message);
	}
	goes_on(cf, "AC-088", &bench.channel);
}

static void before_its_time(struct cf *cf, const char *rule, bool has_key)
{
	static const UINT numbers[] = { 0, AC_FIRST_QUERY, 0xffffffff };
	struct ac_bench bench;
	struct ac_channel channel;
	struct ac_message message;

	ac_bench_open(cf, &bench);
	channel = has_key ? ac_channel_keyed(cf, &bench.device, AC_SOFTWARE)
			  : ac_channel_new(cf, &bench.device, AC_SOFTWARE);
	for (int kind = AC_COMMANDS; kind < AC_KINDS; kind++) {
		for (size_t i = 0; i < AC_COUNT(numbers); i++) {
			message = ac_bench_message_at(&bench, &channel, numbers[i], kind);
			ac_refused_bare(cf, rule, &bench.device, E_INVALIDARG, &message);
		}
	}
	message = ac_query_at(&channel, 0, &ac_random_guid, NULL, 0);
	ac_refused_bare(cf, rule, &bench.device, has_key ? E_FAIL : E_INVALIDARG, &message);
}

static void without_a_key(struct cf *cf)
{
	before_its_time(cf, "AC-089", /* has_key= */ false);
}

static void before_initialize(struct cf *cf)
{
	before_its_time(cf, "AC-092", /* has_key= */ true);
}

/* ---- what query ---------------------------------------------------------------------------------------------------------- */

static void unknown_guids(struct cf *cf)
{
	struct ac_bench bench;
	GUID guids[4 + AC_COMMANDS] = { ac_no_guid, ac_random_guid, D3DCRYPTOTYPE_AES128_CTR };
	size_t count = 4;

	ac_bench_open(cf, &bench);
	memset(&guids[3], 0xff, sizeof(GUID));
	for (int kind = 0; kind < AC_COMMANDS; kind++)
		guids[count++] = *ac_kinds[kind].type;
	for (size_t i = 0; i < count; i++) {
		static const UINT outputs[] = { 48, 56, 64, 72, 80 };

		for (size_t j = 0; j < AC_COUNT(outputs); j++) {
			struct ac_message message = ac_query_at(&bench.channel, bench.channel.next_query, &guids[i],
								NULL, 0);

			message.output_size = outputs[j];
			ac_refused_bare(cf, "AC-090", &bench.device, E_FAIL, &message);
		}
	}
	goes_on(cf, "AC-090", &bench.channel);
}

static void replayed(struct cf *cf)
{
	struct ac_bench bench;

	ac_bench_open(cf, &bench);
	for (int kind = AC_COMMANDS; kind < AC_KINDS; kind++) {
		struct ac_message message = ac_bench_message(&bench, &bench.channel, kind);

		(void)ac_send(&bench.device, &message);
		ac_is_signed(cf, "AC-093", &message, bench.channel.key);
		/* T6b. */
		ac_refused_bare(cf, "AC-093", &bench.device, E_INVALIDARG, &message);
		goes_on(cf, "AC-093", &bench.channel);
		ac_refused_bare(cf, "AC-093", &bench.device, E_INVALIDARG, &message);
	}
}

/* Section 11 of the rulebook: the list of processes and the count of open shared resources are for software channels. */
static bool is_for_software(enum ac_kind kind)
{
	return kind == AC_Q_PROCESS_COUNT || kind == AC_Q_PROCESS || kind == AC_Q_UNRESTRICTED_COUNT;
}

static void of_the_other_type(struct cf *cf)
{
	struct ac_bench bench;
	struct ac_channel hardware;

	ac_bench_open_all(cf, &bench);
	hardware = ac_channel_ready(cf, &bench.device, AC_HARDWARE);
	for (int kind = AC_COMMANDS; kind < AC_KINDS; kind++) {
		struct ac_message message = ac_bench_message(&bench, &hardware, kind);

		if (!is_for_software(kind))
			ac_accepted(cf, "AC-094", &hardware, &message);
		else
			ac_refused_signed(cf, "AC-094", &hardware, E_FAIL, &message);
		if (kind != AC_Q_PROCESS)
			continue;
		/* The type comes before the parameters. */
		message = ac_bench_message(&bench, &hardware, kind);
		ac_put_u32(message.input, 32, 0xffffffff);
		ac_refused_signed(cf, "AC-094", &hardware, E_FAIL, &message);
	}
}

const struct cf_test ac_tests_query[] = {
	{ "query-pointers", "AC-084", without_a_pointer },
	{ "query-without-room", "AC-085", without_room },
	{ "query-without-a-header", "AC-086", without_a_header },
	{ "query-sizes", "AC-091", sizes },
	{ "query-written-length", "AC-096", the_written_length, .settings = AC_EVERYTHING },
	{ "query-unknown-channels", "AC-087", unknown_channels },
	{ "query-another-device", "AC-088", another_device },
	{ "query-without-a-key", "AC-089", without_a_key },
	{ "query-before-initialize", "AC-092", before_initialize },
	{ "query-unknown-guids", "AC-090", unknown_guids },
	{ "query-replayed", "AC-093", replayed },
	{ "query-of-the-other-type", "AC-094", of_the_other_type, .settings = AC_EVERYTHING },
	{ 0 },
};
