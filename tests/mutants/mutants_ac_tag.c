/* SPDX-License-Identifier: MIT */
/* Mutants of the tags: how they are made, what they cover, how they are compared. */
#include "mutants_ac.h"

#include <string.h>

enum { NUMBER = 40, PADDING = 44, CODE = 44, LIMIT_OF_HEADER = 48 };

typedef void make_fn(const struct ac_call *call, const uint8_t *bytes, size_t size, uint8_t ret[AC_TAG]);

/* Whether the input has the tag that make would give it. */
static bool is_made_by(const struct ac_call *call, make_fn *make)
{
	uint8_t tag[AC_TAG];

	if (!call->is_command)
		return true;
	if (call->input_size > AC_ROOM)
		return false;
	make(call, call->input + AC_TAG, call->input_size - AC_TAG, tag);
	return memcmp(tag, call->input, AC_TAG) == 0;
}

static void sign_by(struct ac_call *call, make_fn *make)
{
	make(call, call->answer + AC_TAG, call->written - AC_TAG, call->answer);
}

/* ---- how they are made ------------------------------------------------------------------------------------------------- */

/* Zeroes up to a whole block, as CBC-MAC would have it. */
static void zero_padded(const struct ac_call *call, const uint8_t *bytes, size_t size, uint8_t ret[AC_TAG])
{
	uint8_t whole[AC_ROOM] = { 0 };

	memcpy(whole, bytes, size);
	ac_mac(call->channel->key, whole, (size + AC_TAG - 1) / AC_TAG * AC_TAG, ret);
}

static bool is_zero_padded(const struct ac_call *call)
{
	return is_made_by(call, zero_padded);
}

static void sign_zero_padded(struct ac_call *call)
{
	sign_by(call, zero_padded);
}

/* 96 bits of it. */
static void truncated(const struct ac_call *call, const uint8_t *bytes, size_t size, uint8_t ret[AC_TAG])
{
	ac_mac(call->channel->key, bytes, size, ret);
	memset(ret + 12, 0, 4);
}

static void sign_truncated(struct ac_call *call)
{
	sign_by(call, truncated);
}

static void by_reversed_key(const struct ac_call *call, const uint8_t *bytes, size_t size, uint8_t ret[AC_TAG])
{
	uint8_t key[AC_KEY];

	for (size_t i = 0; i < AC_KEY; i++)
		key[i] = call->channel->key[AC_KEY - 1 - i];
	ac_mac(key, bytes, size, ret);
}

static bool is_by_reversed_key(const struct ac_call *call)
{
	return is_made_by(call, by_reversed_key);
}

static void sign_by_reversed_key(struct ac_call *call)
{
	sign_by(call, by_reversed_key);
}

static void one_key_for_all(struct ac_call *call)
{
	static const uint8_t key[AC_KEY];

	ac_mac(key, call->answer + AC_TAG, call->written - AC_TAG, call->answer);
}

/* ---- what they cover ------------------------------------------------------------------------------------------------------ */

static void header_only(const struct ac_call *call, const uint8_t *bytes, size_t size, uint8_t ret[AC_TAG])
{
	ac_mac(call->channel->key, bytes, size < 32 ? size : 32, ret);
}

static bool covers_header_only(const struct ac_call *call)
{
	return is_made_by(call, header_only);
}

static void sign_header_of_queries(struct ac_call *call)
{
	if (call->is_command)
		ac_sign(call);
	else
		sign_by(call, header_only);
}

static void without_padding(const struct ac_call *call, const uint8_t *bytes, size_t size, uint8_t ret[AC_TAG])
{
	uint8_t clean[AC_ROOM];

	memcpy(clean, bytes, size);
	if (call->is_command && size >= 32)
		memset(clean + PADDING - AC_TAG, 0, 4);
	ac_mac(call->channel->key, clean, size, ret);
}

static bool padding_is_cleared(const struct ac_call *call)
{
	return is_made_by(call, without_padding);
}

static bool padding_is_zero(const struct ac_call *call)
{
	return ac_is_authentic(call) && (!call->is_command || ac_u32(call->input, PADDING) == 0);
}

static void without_code(struct ac_call *call)
{
	if (call->is_command)
		ac_mac(call->channel->key, call->answer + AC_TAG, CODE - AC_TAG, call->answer);
	else
		ac_sign(call);
}

static void with_the_tag(struct ac_call *call)
{
	memset(call->answer, 0, AC_TAG);
	ac_mac(call->channel->key, call->answer, call->written, call->answer);
}

static bool with_its_tag(const struct ac_call *call)
{
	uint8_t whole[AC_ROOM], tag[AC_TAG];

	if (!call->is_command || call->input_size > AC_ROOM)
		return !call->is_command;
	memcpy(whole, call->input, sizeof(whole));
	memset(whole, 0, AC_TAG);
	ac_mac(call->channel->key, whole, call->input_size, tag);
	return memcmp(tag, call->input, AC_TAG) == 0;
}

static void only_success(struct ac_call *call)
{
	if (call->result == S_OK)
		ac_sign(call);
	else
		sign_by(call, header_only);
}

/* The tag says another number than the answer does. */
static void before_the_number(struct ac_call *call)
{
	uint8_t as_sent[AC_ROOM];

	memcpy(as_sent, call->answer, sizeof(as_sent));
	ac_put_u32(as_sent, NUMBER, call->number + 1);
	ac_mac(call->channel->key, as_sent + AC_TAG, call->written - AC_TAG, call->answer);
}

/* Queries as commands are: only with a tag in front, which they have no room for. */
static bool no_query_is(const struct ac_call *call)
{
	return call->is_command && ac_is_authentic(call);
}

/* ---- how they are compared -------------------------------------------------------------------------------------------------- */

static bool equals_up_to(const struct ac_call *call, size_t from, size_t to)
{
	uint8_t tag[AC_TAG];

	if (!call->is_command || call->input_size > AC_ROOM)
		return !call->is_command;
	ac_mac(call->channel->key, call->input + AC_TAG, call->input_size - AC_TAG, tag);
	return memcmp(tag + from, call->input + from, to - from) == 0;
}

static bool equals_in_15(const struct ac_call *call)
{
	return equals_up_to(call, 0, 15);
}

static bool equals_in_8(const struct ac_call *call)
{
	return equals_up_to(call, 0, 8);
}

static bool equals_from_1(const struct ac_call *call)
{
	return equals_up_to(call, 1, AC_TAG);
}

/* As text. */
static bool equals_up_to_zero(const struct ac_call *call)
{
	uint8_t tag[AC_TAG];

	if (!call->is_command || call->input_size > AC_ROOM)
		return !call->is_command;
	ac_mac(call->channel->key, call->input + AC_TAG, call->input_size - AC_TAG, tag);
	for (size_t i = 0; i < AC_TAG; i++) {
		if ((tag[i] & 0x7f) != (call->input[i] & 0x7f))
			return false;
	}
	return true;
}

/* Some bit that no one covers. */
static bool without_bit(const struct ac_call *call, size_t byte, uint8_t mask)
{
	struct ac_call other = *call;

	if (ac_is_authentic(call))
		return true;
	other.input[byte] ^= mask;
	return ac_is_authentic(&other);
}

static bool number_is_free(const struct ac_call *call)
{
	return without_bit(call, NUMBER, 1);
}

static bool body_is_free(const struct ac_call *call)
{
	return without_bit(call, LIMIT_OF_HEADER, 2);
}

static bool padding_is_free(const struct ac_call *call)
{
	return without_bit(call, 55, 0x10);
}

static bool no_tag_is_fine(const struct ac_call *call)
{
	static const uint8_t none[AC_TAG];

	return ac_is_authentic(call) || memcmp(call->input, none, AC_TAG) == 0;
}

const struct mutant mutants_ac_tag[] = {
	{ "tag-without-subkeys", "AC-053", false, AC_BENT(.is_authentic = is_zero_padded, .sign = sign_zero_padded) },
	{ "answers-zero-padded", "AC-053 AC-058", false, AC_BENT(.sign = sign_zero_padded) },
	{ "tag-of-96-bits", "AC-053", false, AC_BENT(.sign = sign_truncated) },
	{ "tag-by-the-key-reversed", "AC-054", false,
	  AC_BENT(.is_authentic = is_by_reversed_key, .sign = sign_by_reversed_key) },
	{ "answers-by-a-fixed-key", "AC-054", false, AC_BENT(.sign = one_key_for_all) },
	{ "command-tag-of-the-header", "AC-055", true, AC_BENT(.is_authentic = covers_header_only) },
	{ "command-padding-is-cleared", "AC-056", false, AC_BENT(.is_authentic = padding_is_cleared) },
	{ "command-padding-must-be-zero", "AC-056", false, AC_BENT(.is_authentic = padding_is_zero) },
	{ "command-answer-without-code", "AC-057", false, AC_BENT(.sign = without_code) },
	{ "query-answer-of-the-header", "AC-058", false, AC_BENT(.sign = sign_header_of_queries) },
	{ "failed-answer-of-the-header", "AC-058 AC-097", false, AC_BENT(.sign = only_success) },
	{ "answer-tag-over-the-tag", "AC-059", true, AC_BENT(.sign = with_the_tag) },
	{ "command-tag-over-the-tag", "AC-055 AC-059", true, AC_BENT(.is_authentic = with_its_tag) },
	{ "answer-tag-of-another-number", "AC-057 AC-058", false, AC_BENT(.sign = before_the_number) },
	{ "queries-want-a-tag", "AC-061", false, AC_BENT(.is_authentic = no_query_is) },
	{ "tag-compared-in-15-bytes", "AC-062 AC-063", true, AC_BENT(.is_authentic = equals_in_15) },
	{ "tag-compared-in-8-bytes", "AC-062 AC-063", true, AC_BENT(.is_authentic = equals_in_8) },
	{ "tag-compared-from-byte-1", "AC-062 AC-063", true, AC_BENT(.is_authentic = equals_from_1) },
	{ "tag-compared-in-7-bits", "AC-063", false, AC_BENT(.is_authentic = equals_up_to_zero) },
	{ "number-not-covered", "AC-063", false, AC_BENT(.is_authentic = number_is_free) },
	{ "body-not-covered", "AC-063", false, AC_BENT(.is_authentic = body_is_free) },
	{ "padding-not-covered", "AC-063", false, AC_BENT(.is_authentic = padding_is_free) },
	{ "zero-is-a-tag", "AC-072", false, AC_BENT(.is_authentic = no_tag_is_fine) },
	{ 0 },
};
