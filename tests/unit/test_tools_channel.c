/* SPDX-License-Identifier: MIT */
/* A player's side of an authenticated channel, against a driver that the test bends: which answers it believes. */
#include "tools/play_channel.h"

#include "fake_channel.h"

/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TOKEN = 0x1234 };

/* ---- random numbers ------------------------------------------------------------------------------------------- */

static enum { RANDOM, NONE, ONES } numbers;

int __real_RAND_bytes(unsigned char *bytes, int size);
int __wrap_RAND_bytes(unsigned char *bytes, int size);
int __real_RAND_priv_bytes(unsigned char *bytes, int size);
int __wrap_RAND_priv_bytes(unsigned char *bytes, int size);

int __wrap_RAND_bytes(unsigned char *bytes, int size)
{
	if (numbers == NONE)
		return 0;
	if (numbers == RANDOM)
		return __real_RAND_bytes(bytes, size);
	memset(bytes, 0xff, (size_t)size);
	return 1;
}

int __wrap_RAND_priv_bytes(unsigned char *bytes, int size)
{
	return numbers == NONE ? 0 : __real_RAND_priv_bytes(bytes, size);
}

/* ---- a channel ------------------------------------------------------------------------------------------------ */

static struct channel *make_channel(void)
{
	struct channel *channel;

	assert_int_equal(channel_create(&fake_channel_funcs, NULL, DDIAUTHENTICATEDCHANNEL_DRIVER_SOFTWARE, &channel),
			 S_OK);
	assert_int_equal(channel_exchange(channel, fake_channel_trust), CHANNEL_OK);
	assert_int_equal(channel_initialize(channel), CHANNEL_OK);
	return channel;
}

static enum channel_result ask(struct channel *channel, D3DAUTHENTICATEDCHANNEL_QUERYPROTECTION_OUTPUT *output)
{
	D3DAUTHENTICATEDCHANNEL_QUERY_INPUT input = { .QueryType = D3DAUTHENTICATEDQUERY_PROTECTION };

	memset(output, 0xee, sizeof(*output));
	return channel_query(channel, &input, sizeof(input), &output->Output, sizeof(*output));
}

static enum channel_result protect(struct channel *channel, UINT value)
{
	D3DAUTHENTICATEDCHANNEL_CONFIGUREPROTECTION command = {
		.Parameters.ConfigureType = D3DAUTHENTICATEDCONFIGURE_PROTECTION,
		.Protections.Value = value,
	};

	return channel_command(channel, &command.Parameters, sizeof(command));
}

static void assert_nothing_in(const D3DAUTHENTICATEDCHANNEL_QUERYPROTECTION_OUTPUT *output)
{
	static const uint8_t zero[sizeof(*output)];

	assert_memory_equal(output, zero, sizeof(zero));
}

/* The driver of this test makes tags as the rulebook's vectors have them (T2, T4), so what agrees with it does. */
static void test_AC_053_tags_of_the_vectors(void **state)
{
	static const uint8_t key[FAKE_KEY] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };
	/* clang-format off */
	static const uint8_t t2[48] = {
		0xcc, 0xd4, 0x1b, 0xac, 0x56, 0x18, 0x7d, 0x72, 0xf6, 0x6f, 0x8c, 0xd2, 0xc8, 0xf8, 0x36, 0x69,
		0x58, 0x56, 0x45, 0x50, 0x47, 0x3f, 0x62, 0x43, 0xbf, 0x99, 0xbf, 0xdf, 0xcd, 0xe9, 0xed, 0x29,
		0x01, 0x10, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x10, 0x00, 0x00, 0x00, 0x00,
	};
	static const uint8_t t4[56] = {
		0x74, 0x01, 0xc1, 0x29, 0xbe, 0x38, 0x4d, 0x3f, 0xa0, 0x6f, 0x0c, 0xd7, 0xe4, 0x40, 0x7a, 0x03,
		0x84, 0xb5, 0x4e, 0xa8, 0x95, 0xc4, 0xaa, 0x48, 0xb9, 0x4d, 0x8b, 0xd2, 0xd6, 0xfb, 0xce, 0x05,
		0x01, 0x10, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x20, 0x00, 0x00, 0x00, 0x00,
		0x03, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	};
	/* clang-format on */
	uint8_t tag[FAKE_TAG];

	(void)state;
	fake_channel_tag(key, t4, sizeof(t4), tag);
	assert_memory_equal(tag, t4, FAKE_TAG);
	fake_channel_tag(key, t2, sizeof(t2), tag);
	assert_memory_equal(tag, t2, FAKE_TAG);
}

static void test_a_command_and_a_query(void **state)
{
	D3DAUTHENTICATEDCHANNEL_QUERYPROTECTION_OUTPUT output;
	struct channel *channel = make_channel();

	(void)state;
	assert_int_equal(protect(channel, 3), CHANNEL_OK);
	assert_int_equal(ask(channel, &output), CHANNEL_OK);
	assert_int_equal(output.ProtectionFlags.Value, 3);
	assert_int_equal(protect(channel, 0), CHANNEL_OK);
	assert_int_equal(ask(channel, &output), CHANNEL_OK);
	assert_int_equal(output.ProtectionFlags.Value, 0);
	assert_int_equal(channel_code(channel), S_OK);
	channel_destroy(channel);
	assert_null(fake_channel.channel);
	channel_destroy(NULL);
}

/* AC-063's counterpart: no bit of an answer may be another one. */
static void test_AC_058_every_bit_of_an_answer(void **state)
{
	D3DAUTHENTICATEDCHANNEL_QUERYPROTECTION_OUTPUT output;
	struct channel *channel = make_channel();

	(void)state;
	for (fake_channel.flip = 0; fake_channel.flip < (int)sizeof(output) * 8; fake_channel.flip++) {
		assert_int_equal(ask(channel, &output), CHANNEL_FORGED);
		assert_nothing_in(&output);
	}
	assert_int_equal(ask(channel, &output), CHANNEL_OK);
	channel_destroy(channel);
}

static void test_AC_057_every_bit_of_a_command_s_answer(void **state)
{
	struct channel *channel = make_channel();

	(void)state;
	for (fake_channel.flip = 0; fake_channel.flip < FAKE_HEADER * 8; fake_channel.flip++)
		assert_int_equal(protect(channel, 1), CHANNEL_FORGED);
	assert_int_equal(protect(channel, 1), CHANNEL_OK);
	channel_destroy(channel);
}

static uint8_t old_answer[64];

static void keep(uint8_t *answer, size_t size)
{
	memcpy(old_answer, answer, size);
}
static void replay(uint8_t *answer, size_t size)
{
	memcpy(answer, old_answer, size);
}
static void another_channel(uint8_t *answer, size_t size)
{
	(void)size;
	answer[32] ^= 1;
}
static void another_question(uint8_t *answer, size_t size)
{
	(void)size;
	memcpy(answer + FAKE_TAG, &D3DAUTHENTICATEDQUERY_CHANNELTYPE, sizeof(GUID));
}

/* Under a good tag, but said about something else (AC-095). */
static void test_AC_095_answers_to_something_else(void **state)
{
	static void (*const bends[])(uint8_t *, size_t) = { replay, another_channel, another_question };
	D3DAUTHENTICATEDCHANNEL_QUERYPROTECTION_OUTPUT output;
	struct channel *channel = make_channel();

	(void)state;
	fake_channel.bend = keep;
	assert_int_equal(ask(channel, &output), CHANNEL_OK);
	for (size_t i = 0; i < sizeof(bends) / sizeof(bends[0]); i++) {
		fake_channel.bend = bends[i];
		assert_int_equal(ask(channel, &output), CHANNEL_FOREIGN);
		assert_nothing_in(&output);
	}
	fake_channel.bend = keep;
	assert_int_equal(protect(channel, 1), CHANNEL_OK);
	for (size_t i = 0; i < sizeof(bends) / sizeof(bends[0]); i++) {
		fake_channel.bend = bends[i];
		assert_int_equal(protect(channel, 1), CHANNEL_FOREIGN);
	}
	channel_destroy(channel);
}

static void test_AC_077_refusals(void **state)
{
	D3DAUTHENTICATEDCHANNEL_QUERYPROTECTION_OUTPUT output;
	struct channel *channel = make_channel();

	(void)state;
	fake_channel.refusal = D3DDDIERR_DEVICEREMOVED;
	assert_int_equal(ask(channel, &output), CHANNEL_REFUSED);
	assert_nothing_in(&output);
	assert_int_equal(channel_code(channel), D3DDDIERR_DEVICEREMOVED);
	assert_int_equal(protect(channel, 1), CHANNEL_REFUSED);
	fake_channel.refusal = S_OK;
	for (int lying = 0; lying < 2; lying++) {
		fake_channel.is_lying = lying;
		fake_channel.signed_refusal = E_FAIL;
		assert_int_equal(ask(channel, &output), CHANNEL_REFUSED);
		assert_nothing_in(&output);
		assert_int_equal(channel_code(channel), E_FAIL);
		assert_int_equal(protect(channel, 1), CHANNEL_REFUSED);
		assert_int_equal(channel_code(channel), E_FAIL);
		fake_channel.signed_refusal = S_OK;
		assert_int_equal(ask(channel, &output), CHANNEL_OK);
		assert_int_equal(channel_code(channel), S_OK);
	}
	/* Success by halves is none. */
	fake_channel.refusal = S_FALSE;
	assert_int_equal(ask(channel, &output), CHANNEL_REFUSED);
	channel_destroy(channel);
}

/* The memory that the answer goes to holds no older one. */
static void test_a_driver_that_writes_nothing(void **state)
{
	static D3DAUTHENTICATEDCHANNEL_QUERYPROTECTION_OUTPUT output;
	struct channel *channel = make_channel();

	(void)state;
	assert_int_equal(ask(channel, &output), CHANNEL_OK);
	fake_channel.is_silent = true;
	assert_int_equal(ask(channel, &output), CHANNEL_FORGED);
	assert_nothing_in(&output);
	assert_int_equal(protect(channel, 3), CHANNEL_FORGED);
	channel_destroy(channel);
}

/* AC-051: who wants an answer in advance has to guess for which number. */
static void test_AC_051_numbers_cannot_be_told(void **state)
{
	D3DAUTHENTICATEDCHANNEL_QUERYPROTECTION_OUTPUT output;
	UINT first = 0, first_command = 0, steps = 0;

	(void)state;
	for (int round = 0; round < 2; round++) {
		struct channel *channel;

		fake_channel_reset(NULL);
		channel = make_channel();
		for (int i = 0; i < 64; i++)
			assert_int_equal(ask(channel, &output), CHANNEL_OK);
		for (int i = 2; i < 64; i++)
			steps += fake_channel.numbers[i] - fake_channel.numbers[i - 1] !=
				 fake_channel.numbers[i - 1] - fake_channel.numbers[i - 2];
		/* By chance once in a thousand million. */
		assert_false(round == 1 && fake_channel.first_query == first &&
			     fake_channel.next_command == first_command);
		first = fake_channel.first_query;
		first_command = (UINT)fake_channel.next_command;
		channel_destroy(channel);
	}
	assert_true(steps > 100);
}

/* AC-048: they do not come round. */
static void test_AC_048_numbers_are_used_up(void **state)
{
	D3DAUTHENTICATEDCHANNEL_QUERYPROTECTION_OUTPUT output;
	unsigned int asked = 0, last;
	struct channel *channel;

	(void)state;
	numbers = ONES;
	channel = make_channel();
	fake_channel.is_silent = true; /* spares the driver the work */
	while (asked < 1u << 20 && ask(channel, &output) == CHANNEL_FORGED)
		asked++;
	assert_int_equal(ask(channel, &output), CHANNEL_FAILED);
	assert_int_equal(channel_code(channel), S_OK);
	assert_int_equal(fake_channel.queries, asked);
	last = fake_channel.numbers[(asked - 1) % 80];
	assert_true(last > UINT32_MAX - (1u << 14));
	assert_true(asked > 24 * 60 * 60); /* a check a second for days of film */
	numbers = RANDOM;
	channel_destroy(channel);
}

static void test_without_random_numbers(void **state)
{
	D3DAUTHENTICATEDCHANNEL_QUERYPROTECTION_OUTPUT output;
	struct channel *channel;

	(void)state;
	assert_int_equal(channel_create(&fake_channel_funcs, NULL, DDIAUTHENTICATEDCHANNEL_DRIVER_SOFTWARE, &channel),
			 S_OK);
	numbers = NONE;
	assert_int_equal(channel_exchange(channel, fake_channel_trust), CHANNEL_FAILED);
	assert_false(fake_channel.has_key);
	numbers = RANDOM;
	assert_int_equal(channel_exchange(channel, fake_channel_trust), CHANNEL_OK);
	numbers = NONE;
	assert_int_equal(channel_initialize(channel), CHANNEL_FAILED);
	numbers = RANDOM;
	assert_int_equal(channel_initialize(channel), CHANNEL_OK);
	numbers = NONE;
	assert_int_equal(ask(channel, &output), CHANNEL_FAILED);
	assert_nothing_in(&output);
	assert_int_equal(fake_channel.queries, 0);
	numbers = RANDOM;
	assert_int_equal(ask(channel, &output), CHANNEL_OK);
	channel_destroy(channel);
}

static void test_without_a_key(void **state)
{
	D3DAUTHENTICATEDCHANNEL_QUERYPROTECTION_OUTPUT output;
	struct channel *channel;

	(void)state;
	assert_int_equal(channel_create(&fake_channel_funcs, NULL, DDIAUTHENTICATEDCHANNEL_DRIVER_SOFTWARE, &channel),
			 S_OK);
	assert_false(channel_key_is_locked(channel));
	fake_channel.exchange = E_INVALIDARG;
	assert_int_equal(channel_exchange(channel, fake_channel_trust), CHANNEL_REFUSED);
	assert_int_equal(channel_code(channel), E_INVALIDARG);
	assert_false(channel_key_is_locked(channel));
	assert_int_equal(channel_initialize(channel), CHANNEL_FAILED);
	assert_int_equal(protect(channel, 1), CHANNEL_FAILED);
	assert_int_equal(ask(channel, &output), CHANNEL_FAILED);
	assert_int_equal(fake_channel.commands + fake_channel.queries, 0);

	fake_channel.exchange = S_OK;
	assert_int_equal(channel_exchange(channel, fake_channel_trust), CHANNEL_OK);
	assert_int_equal(channel_exchange(channel, fake_channel_trust), CHANNEL_FAILED); /* AC-040 */
	assert_int_equal(channel_initialize(channel), CHANNEL_OK);
	channel_destroy(channel);
}

static void test_a_driver_without_channels(void **state)
{
	D3DDDI_DEVICEFUNCS without = fake_channel_funcs;
	struct channel *channel = NULL;

	(void)state;
	without.pfnQueryAuthenticatedChannel = NULL;
	assert_int_equal(channel_create(&without, NULL, DDIAUTHENTICATEDCHANNEL_DRIVER_SOFTWARE, &channel),
			 D3DDDIERR_NOTAVAILABLE);
	fake_channel.create = E_NOTIMPL;
	assert_int_equal(channel_create(&fake_channel_funcs, NULL, DDIAUTHENTICATEDCHANNEL_DRIVER_SOFTWARE, &channel),
			 E_NOTIMPL);
	assert_null(channel);
}

/* ---- the key in memory -------------------------------------------------------------------------------------- */

/* How often key, whose bits are turned round, lies there. A sanitizer's notes on the memory do not count. */
__attribute__((no_sanitize("address", "thread"))) static unsigned int count_keys(const uint8_t *begin,
										 const uint8_t *end,
										 const uint8_t hidden[FAKE_KEY])
{
	unsigned int count = 0;

	for (const uint8_t *at = begin; at + FAKE_KEY <= end; at++) {
		size_t i = 0;

		while (i < FAKE_KEY && (at[i] ^ hidden[i]) == 0xff)
			i++;
		count += i == FAKE_KEY;
	}
	return count;
}

/* The same in all of this process's memory; flags: what the kernel says of where it was last. */
static unsigned int find_key(const uint8_t hidden[FAKE_KEY], char *flags, size_t flags_size)
{
	FILE *maps = fopen("/proc/self/smaps", "re");
	unsigned int here = 0, count = 0;
	char line[512];

	assert_non_null(maps);
	while (fgets(line, sizeof(line), maps)) {
		unsigned long begin, end;
		char rights[8];

		if (sscanf(line, "%lx-%lx %7s", &begin, &end, rights) == 3) {
			here = 0;
			/* What is larger is a sanitizer's own. */
			if (strncmp(rights, "rw", 2) == 0 && !strstr(line, "[v") && end - begin < 1ul << 28)
				here = count_keys((const uint8_t *)begin, (const uint8_t *)end, hidden);
			count += here;
		} else if (here > 0 && strncmp(line, "VmFlags:", 8) == 0) {
			snprintf(flags, flags_size, "%s", line);
		}
	}
	fclose(maps);
	return count;
}

static void test_where_the_key_is(void **state)
{
	D3DAUTHENTICATEDCHANNEL_QUERYPROTECTION_OUTPUT output;
	struct channel *channel = make_channel();
	uint8_t hidden[FAKE_KEY];
	char flags[512] = "";

	(void)state;
	assert_int_equal(ask(channel, &output), CHANNEL_OK);
	for (size_t i = 0; i < FAKE_KEY; i++)
		hidden[i] = fake_channel.key[i] ^ 0xff;
	explicit_bzero(fake_channel.key, FAKE_KEY);
	assert_int_equal(find_key(hidden, flags, sizeof(flags)), 1);
	assert_non_null(strstr(flags, " dd")); /* no core file */
	assert_non_null(strstr(flags, " wf")); /* no child */
	assert_int_equal(strstr(flags, " lo") != NULL, channel_key_is_locked(channel));
	channel_destroy(channel);
	assert_int_equal(find_key(hidden, flags, sizeof(flags)), 0);
}

/* ---- what play asks of it ------------------------------------------------------------------------------------ */

static void test_a_film(void **state)
{
	struct play_channel play = { 0 };

	(void)state;
	assert_true(play_channel_open(&play, &fake_channel_funcs, NULL, fake_channel_trust));
	assert_int_equal(fake_channel.level, 3);
	assert_true(play_channel_admit(&play, TOKEN));
	assert_int_equal(fake_channel.listed, TOKEN);
	assert_true(play_channel_check_surfaces(&play));
	assert_int_equal(play.checks, 0);
	assert_true(play_channel_check(&play, 0));
	assert_true(play_channel_check(&play, 1));
	assert_int_equal(play.checks, 2);
	play_channel_close(&play);
	assert_null(fake_channel.channel);
	play_channel_close(&play);
}

static void test_when_a_check_is_due(void **state)
{
	struct play_channel play = { 0 };

	(void)state;
	assert_true(play_channel_open(&play, &fake_channel_funcs, NULL, fake_channel_trust));
	assert_true(play_channel_check(&play, 10));
	play.checked_ms += 100000; /* a machine that is slow */
	assert_false(play_channel_is_due(&play, 10.9));
	assert_true(play_channel_is_due(&play, 11));
	play.checked_ms -= 101000;
	assert_true(play_channel_is_due(&play, 10));
	play_channel_close(&play);
}

static void assert_problem(struct play_channel *play, const char *problem, HRESULT code)
{
	assert_string_equal(play->problem, problem);
	assert_int_equal(play->code, code);
	play_channel_close(play);
	assert_null(fake_channel.channel);
	fake_channel_reset(NULL);
}

static void test_what_is_wrong_before_the_film(void **state)
{
	struct play_channel play = { 0 };

	(void)state;
	fake_channel.create = E_NOTIMPL;
	assert_false(play_channel_open(&play, &fake_channel_funcs, NULL, fake_channel_trust));
	assert_problem(&play, "the driver gives no authenticated channel", E_NOTIMPL);
	fake_channel.exchange = E_INVALIDARG;
	assert_false(play_channel_open(&play, &fake_channel_funcs, NULL, fake_channel_trust));
	assert_problem(&play, "the driver refuses", E_INVALIDARG);
	fake_channel.type = D3DAUTHENTICATEDCHANNEL_DRIVER_HARDWARE;
	assert_false(play_channel_open(&play, &fake_channel_funcs, NULL, fake_channel_trust));
	assert_problem(&play, "the driver's channel is not of the type that was asked for", S_OK);
	fake_channel.flip = 0;
	assert_false(play_channel_open(&play, &fake_channel_funcs, NULL, fake_channel_trust));
	assert_problem(&play, "the driver's answer is not authentic", S_OK);

	fake_channel.processes = 2;
	assert_true(play_channel_open(&play, &fake_channel_funcs, NULL, fake_channel_trust));
	assert_false(play_channel_admit(&play, TOKEN));
	assert_problem(&play, "another process than the presenter may open the surfaces", S_OK);
	fake_channel.unrestricted = 1;
	assert_true(play_channel_open(&play, &fake_channel_funcs, NULL, fake_channel_trust));
	assert_true(play_channel_admit(&play, TOKEN));
	assert_false(play_channel_check_surfaces(&play));
	assert_problem(&play, "any process may open a surface", S_OK);
}

static void another_process(uint8_t *answer, size_t size)
{
	if (size == sizeof(D3DAUTHENTICATEDCHANNEL_QUERYRESTRICTEDSHAREDRESOURCEPROCESS_OUTPUT))
		answer[FAKE_HEADER + 8] ^= 1;
}

static void test_another_process_in_the_list(void **state)
{
	struct play_channel play = { 0 };

	(void)state;
	assert_true(play_channel_open(&play, &fake_channel_funcs, NULL, fake_channel_trust));
	fake_channel.bend = another_process;
	assert_false(play_channel_admit(&play, TOKEN));
	assert_problem(&play, "another process than the presenter may open the surfaces", S_OK);
}

static void test_what_is_wrong_during_the_film(void **state)
{
	struct play_channel play = { 0 };

	(void)state;
	for (UINT level = 0; level < 3; level++) {
		assert_true(play_channel_open(&play, &fake_channel_funcs, NULL, fake_channel_trust));
		assert_true(play_channel_check(&play, 0));
		fake_channel.level = level;
		assert_false(play_channel_check(&play, 1));
		assert_problem(&play, "it is switched off", S_OK);
	}
	assert_true(play_channel_open(&play, &fake_channel_funcs, NULL, fake_channel_trust));
	fake_channel.bend = keep;
	assert_true(play_channel_check(&play, 0));
	fake_channel.bend = replay;
	assert_false(play_channel_check(&play, 1));
	assert_problem(&play, "the driver's answer is one to another question", S_OK);
	assert_true(play_channel_open(&play, &fake_channel_funcs, NULL, fake_channel_trust));
	fake_channel.signed_refusal = E_INVALIDARG;
	assert_false(play_channel_check(&play, 1));
	assert_problem(&play, "the driver refuses", E_INVALIDARG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_AC_053_tags_of_the_vectors, fake_channel_reset),
		cmocka_unit_test_setup(test_a_command_and_a_query, fake_channel_reset),
		cmocka_unit_test_setup(test_AC_058_every_bit_of_an_answer, fake_channel_reset),
		cmocka_unit_test_setup(test_AC_057_every_bit_of_a_command_s_answer, fake_channel_reset),
		cmocka_unit_test_setup(test_AC_095_answers_to_something_else, fake_channel_reset),
		cmocka_unit_test_setup(test_AC_077_refusals, fake_channel_reset),
		cmocka_unit_test_setup(test_a_driver_that_writes_nothing, fake_channel_reset),
		cmocka_unit_test_setup(test_AC_051_numbers_cannot_be_told, fake_channel_reset),
		cmocka_unit_test_setup(test_AC_048_numbers_are_used_up, fake_channel_reset),
		cmocka_unit_test_setup(test_without_random_numbers, fake_channel_reset),
		cmocka_unit_test_setup(test_without_a_key, fake_channel_reset),
		cmocka_unit_test_setup(test_a_driver_without_channels, fake_channel_reset),
		cmocka_unit_test_setup(test_where_the_key_is, fake_channel_reset),
		cmocka_unit_test_setup(test_a_film, fake_channel_reset),
		cmocka_unit_test_setup(test_when_a_check_is_due, fake_channel_reset),
		cmocka_unit_test_setup(test_what_is_wrong_before_the_film, fake_channel_reset),
		cmocka_unit_test_setup(test_another_process_in_the_list, fake_channel_reset),
		cmocka_unit_test_setup(test_what_is_wrong_during_the_film, fake_channel_reset),
	};

	return cmocka_run_group_tests(tests, fake_channel_start, fake_channel_end);
}
