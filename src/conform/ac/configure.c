/* SPDX-License-Identifier: MIT */
/* Tests of authenticated-channel.md: what ConfigureAuthenticatedChannel checks before a command, and how it answers. */
#include "conform/ac/bench.h"

#include <stdio.h>
#include <string.h>

/* That nothing was used up: the channel's very next command is accepted. */
static void goes_on(struct cf *cf, const char *rule, struct ac_channel *channel)
{
	struct ac_message message = ac_protection(channel, 1);

	ac_accepted(cf, rule, channel, &message);
}

/* ---- pointers and sizes ------------------------------------------------------------------------------------------------ */

static void without_a_pointer(struct cf *cf)
{
	struct ac_bench bench;
	struct ac_message message;
	struct cf_device closed;

	ac_bench_open(cf, &bench);
	message = ac_bench_next(&bench, &bench.channel, AC_PROTECTION);
	memset(message.output, AC_FILL, AC_ROOM);
	AC_CODE(cf, "AC-064", E_INVALIDARG, bench.device.f->pfnConfigureAuthenticatedChannel(bench.device.h, NULL));
	AC_CODE(cf, "AC-064", E_INVALIDARG, ac_configure(&bench.device, NULL, 56, message.output));
	ac_is_none(cf, "AC-064", &message);
	AC_CODE(cf, "AC-064", E_INVALIDARG, ac_configure(&bench.device, NULL, 0, message.output));
	ac_is_none(cf, "AC-064", &message);
	AC_CODE(cf, "AC-064", E_INVALIDARG, ac_configure(&bench.device, message.input, 56, NULL));
	AC_CODE(cf, "AC-064", E_INVALIDARG, ac_configure(&bench.device, NULL, 0, NULL));
	closed = bench.device;
	closed.h = NULL;
	AC_CODE(cf, "AC-064", E_INVALIDARG, ac_send(&closed, &message));
	ac_is_none(cf, "AC-064", &message);
	goes_on(cf, "AC-064", &bench.channel);
}

static void without_a_header(struct cf *cf)
{
	struct ac_bench bench;

	ac_bench_open(cf, &bench);
	for (UINT size = 0; size < AC_HEADER; size++) {
		struct ac_message message = ac_bench_next(&bench, &bench.channel, AC_PROTECTION);

		message.input_size = size;
		AC_CODE(cf, "AC-065", E_INVALIDARG, ac_send(&bench.device, &message));
		ac_is_zero(cf, "AC-065", &message);
		if (size != 0 && size != 1 && size != 16 && size != 47)
			continue;
		AC_CODE(cf, "AC-065", E_INVALIDARG, ac_send_at_the_edge(cf, &bench.device, &message, size, AC_HEADER));
		ac_is_zero(cf, "AC-065", &message);
	}
	goes_on(cf, "AC-065", &bench.channel);
}

static void sizes(struct cf *cf)
{
	struct ac_bench bench;

	ac_bench_open(cf, &bench);
	for (int kind = AC_PROTECTION; kind < AC_COMMANDS; kind++) {
		const UINT size = ac_kinds[kind].input;
		const UINT wrong[] = { 48,	 size - 8, size - 4,  size - 1,	    size + 1,	size + 4,
				       size + 8, 112,	   size + 48, 0x10000 + 56, 0x7fffffff, 0xffffffff };

		for (size_t i = 0; i < AC_COUNT(wrong); i++) {
			struct ac_message message = ac_bench_next(&bench, &bench.channel, kind);

			if (wrong[i] == size)
				continue;
			/* A tag over as much as is claimed, so that the size alone is wrong. */
			message.input_size = wrong[i];
			ac_sign(&message, bench.channel.key);
			ac_refused_bare(cf, "AC-071", &bench.device, E_INVALIDARG, &message);
			/* And one that is right for the true size. */
			message = ac_bench_next(&bench, &bench.channel, kind);
			message.input_size = wrong[i];
			ac_refused_bare(cf, "AC-071", &bench.device, E_INVALIDARG, &message);
			/* Whatever is claimed, no command is longer than 72 bytes. */
			AC_CODE(cf, "AC-071", E_INVALIDARG,
				ac_send_at_the_edge(cf, &bench.device, &message, wrong[i] < 72 ? wrong[i] : 72,
						    AC_HEADER));
			ac_is_bare(cf, "AC-071", &message);
		}
		{
			struct ac_message message = ac_bench_message(&bench, &bench.channel, kind);

			(void)ac_send(&bench.device, &message);
			ac_is_signed(cf, "AC-071", &message, bench.channel.key);
		}
	}
}

static void to_the_byte(struct cf *cf)
{
	struct ac_bench bench;

	ac_bench_open_all(cf, &bench);
	for (int kind = AC_PROTECTION; kind < AC_COMMANDS; kind++) {
		struct ac_message message = ac_bench_message(&bench, &bench.channel, kind);

		AC_CODE(cf, "AC-079", S_OK,
			ac_send_at_the_edge(cf, &bench.device, &message, message.input_size, AC_HEADER));
		ac_is_signed(cf, "AC-079", &message, bench.channel.key);
		message = ac_bench_next(&bench, &bench.channel, kind);
		message.input[0] ^= 1;
		AC_CODE(cf, "AC-079", E_INVALIDARG,
			ac_send_at_the_edge(cf, &bench.device, &message, message.input_size, AC_HEADER));
		ac_is_bare(cf, "AC-079", &message);
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
		message = ac_command_at(&other, other.next_command, &D3DAUTHENTICATEDCONFIGURE_PROTECTION, NULL, 0);
		ac_refused_bare(cf, "AC-066", &bench.device, E_INVALIDARG, &message);
		/* Before the GUID is looked at. */
		message = ac_command_at(&other, other.next_command, &ac_random_guid, NULL, 0);
		ac_refused_bare(cf, "AC-066", &bench.device, E_INVALIDARG, &message);
	}
	goes_on(cf, "AC-066", &bench.channel);
}

static void another_device(struct cf *cf)
{
	struct ac_bench bench;
	const struct cf_device other = cf_device(cf);

	ac_bench_open(cf, &bench);
	for (int kind = AC_INITIALIZE; kind < AC_COMMANDS; kind++) {
		struct ac_message message = ac_bench_next(&bench, &bench.channel, kind);

		ac_refused_bare(cf, "AC-068", &other, E_INVALIDARG, &message);
	}
	goes_on(cf, "AC-068", &bench.channel);
}

static void without_a_key(struct cf *cf)
{
	struct ac_bench bench;
	struct ac_channel keyless;
	struct ac_message message;

	ac_bench_open(cf, &bench);
	keyless = ac_channel_new(cf, &bench.device, AC_SOFTWARE);
	for (int kind = AC_INITIALIZE; kind < AC_COMMANDS; kind++) {
		message = ac_bench_message_at(&bench, &keyless, 0, kind);
		ac_refused_bare(cf, "AC-069", &bench.device, E_INVALIDARG, &message);
	}
	message = ac_command_at(&keyless, 0, &ac_random_guid, NULL, 0);
	ac_refused_bare(cf, "AC-069", &bench.device, E_INVALIDARG, &message);
}

/* ---- what command ------------------------------------------------------------------------------------------------------- */

static void unknown_guids(struct cf *cf)
{
	struct ac_bench bench;
	GUID guids[4 + AC_KINDS] = { ac_no_guid, ac_random_guid, D3DCRYPTOTYPE_AES128_CTR };
	size_t count = 4;

	ac_bench_open(cf, &bench);
	memset(&guids[3], 0xff, sizeof(GUID));
	for (int kind = AC_COMMANDS; kind < AC_KINDS; kind++)
		guids[count++] = *ac_kinds[kind].type;
	for (size_t i = 0; i < count; i++) {
		static const size_t bodies[] = { 0, 8, 16, 24 };

		for (size_t j = 0; j < AC_COUNT(bodies); j++) {
			static const uint8_t body[24];
			struct ac_message message = ac_command_at(&bench.channel, bench.channel.next_command, &guids[i],
								  body, bodies[j]);

			ac_refused_bare(cf, "AC-070", &bench.device, E_FAIL, &message);
		}
	}
	goes_on(cf, "AC-070", &bench.channel);
}

static void wrong_tags(struct cf *cf)
{
	struct ac_bench bench;
	struct ac_message message, other;

	ac_bench_open(cf, &bench);
	for (int kind = AC_PROTECTION; kind < AC_COMMANDS; kind++) {
		message = ac_bench_next(&bench, &bench.channel, kind);
		memset(message.input, 0, AC_TAG);
		ac_refused_bare(cf, "AC-072", &bench.device, E_INVALIDARG, &message);
		ac_sign(&message, bench.observer.key);
		ac_refused_bare(cf, "AC-072", &bench.device, E_INVALIDARG, &message);
		/* The tag of the same command with another number. */
		other = ac_bench_message_at(&bench, &bench.channel, bench.channel.next_command + 1, kind);
		memcpy(message.input, other.input, AC_TAG);
		ac_refused_bare(cf, "AC-072", &bench.device, E_INVALIDARG, &message);
	}
	/* The tag of an answer. */
	message = ac_protection(&bench.channel, 1);
	ac_accepted(cf, "AC-072", &bench.channel, &message);
	memcpy(message.input, message.output, AC_TAG);
	ac_refused_bare(cf, "AC-072", &bench.device, E_INVALIDARG, &message);
	goes_on(cf, "AC-072", &bench.channel);
}

static void initialised_or_not(struct cf *cf)
{
	struct ac_bench bench;
	struct ac_channel keyed;
	struct ac_message message;

	ac_bench_open(cf, &bench);
	keyed = ac_channel_keyed(cf, &bench.device, AC_SOFTWARE);
	for (int kind = AC_PROTECTION; kind < AC_COMMANDS; kind++) {
		static const UINT numbers[] = { 0, AC_FIRST_COMMAND, 0xffffffff };

		for (size_t i = 0; i < AC_COUNT(numbers); i++) {
			message = ac_bench_message_at(&bench, &keyed, numbers[i], kind);
			ac_refused_bare(cf, "AC-073", &bench.device, E_INVALIDARG, &message);
		}
	}
	message = ac_bench_message(&bench, &keyed, AC_INITIALIZE);
	ac_accepted(cf, "AC-073", &keyed, &message);
	ac_refused_bare(cf, "AC-073", &bench.device, E_INVALIDARG, &message);
	message = ac_bench_next(&bench, &bench.channel, AC_INITIALIZE);
	ac_refused_bare(cf, "AC-073", &bench.device, E_INVALIDARG, &message);
	goes_on(cf, "AC-073", &bench.channel);
}

static void replayed(struct cf *cf)
{
	struct ac_bench bench;

	ac_bench_open(cf, &bench);
	for (int kind = AC_PROTECTION; kind < AC_COMMANDS; kind++) {
		struct ac_message message = ac_bench_message(&bench, &bench.channel, kind);

		(void)ac_send(&bench.device, &message);
		ac_is_signed(cf, "AC-074", &message, bench.channel.key);
		ac_refused_bare(cf, "AC-074", &bench.device, E_INVALIDARG, &message);
		goes_on(cf, "AC-074", &bench.channel);
		ac_refused_bare(cf, "AC-074", &bench.device, E_INVALIDARG, &message);
	}
}

/* Refused for what they ask, which only the client can have asked: the refusal is signed. */
static void refused_for_their_meaning(struct cf *cf)
{
	struct ac_bench bench;
	struct ac_channel hardware;
	struct ac_message message;

	ac_bench_open_all(cf, &bench);
	for (int kind = AC_PROTECTION; kind < AC_COMMANDS; kind++) {
		message = ac_bench_bad_command(&bench, &bench.channel, kind);
		ac_refused_signed(cf, "AC-075", &bench.channel, E_INVALIDARG, &message);
	}
	hardware = ac_channel_ready(cf, &bench.device, AC_HARDWARE);
	/* The type comes before the parameters. */
	message = ac_bench_message(&bench, &hardware, AC_SHAREDRESOURCE);
	ac_refused_signed(cf, "AC-075", &hardware, E_FAIL, &message);
	message = ac_bench_bad_command(&bench, &hardware, AC_SHAREDRESOURCE);
	ac_refused_signed(cf, "AC-075", &hardware, E_FAIL, &message);
	for (int kind = AC_PROTECTION; kind < AC_COMMANDS; kind++) {
		message = ac_bench_message(&bench, &hardware, kind);
		if (kind != AC_SHAREDRESOURCE)
			ac_accepted(cf, "AC-075", &hardware, &message);
	}
}

const struct cf_test ac_tests_configure[] = {
	{ "configure-pointers", "AC-064", without_a_pointer },
	{ "configure-without-a-header", "AC-065", without_a_header },
	{ "configure-sizes", "AC-071", sizes },
	{ "configure-to-the-byte", "AC-079", to_the_byte, .settings = AC_EVERYTHING },
	{ "configure-unknown-channels", "AC-066", unknown_channels },
	{ "configure-another-device", "AC-068", another_device },
	{ "configure-without-a-key", "AC-069", without_a_key },
	{ "configure-unknown-guids", "AC-070", unknown_guids },
	{ "configure-wrong-tags", "AC-072", wrong_tags },
	{ "configure-initialised-or-not", "AC-073", initialised_or_not },
	{ "configure-replayed", "AC-074", replayed },
	{ "configure-refused-for-their-meaning", "AC-075", refused_for_their_meaning, .settings = AC_EVERYTHING },
	{ 0 },
};
