/* SPDX-License-Identifier: MIT */
/* Tests of authenticated-channel.md: the key exchange of channels: its blob, what is refused, what it leaves. */
#include "conform/ac/bench.h"

#include <stdio.h>
#include <string.h>

enum { CHANNEL = D3DDDI_CERTTYPE_AUTHENTICATED_CHANNEL, MOST = 512 };

static HRESULT exchange(const struct cf_device *device, HANDLE channel, UINT size, void *data)
{
	D3DDDIARG_AUTHENTICATEDCHANNELKEYEXCHANGE arg = { .hChannel = channel, .DataSize = size, .pData = data };

	return device->f->pfnAuthenticatedChannelKeyExchange(device->h, &arg);
}

/* A command tagged with that key is taken: INITIALIZE, which works once. */
static HRESULT initialize_with(struct ac_channel *channel, const uint8_t key[CF_KEY])
{
	struct ac_message message;

	memcpy(channel->key, key, CF_KEY);
	message = ac_initialize(channel, 0, AC_FIRST_COMMAND, AC_FIRST_QUERY);
	channel->next_command = AC_FIRST_COMMAND;
	channel->next_query = AC_FIRST_QUERY;
	return ac_send(&channel->device, &message);
}

static void exactly_256_bytes(struct cf *cf)
{
	static const UINT sizes[] = { 255, 257, 0, 1, 16, 128, 512, 0xffffffff };
	const struct cf_device device = cf_device(cf);
	const struct ac_channel channel = ac_channel_new(cf, &device, AC_SOFTWARE);
	uint8_t blob[MOST] = { 0 }, key[CF_KEY];
	char text[64];

	cf_key(33, key);
	cf_wrap(cf, CHANNEL, key, CF_KEY, blob);
	for (size_t i = 0; i < AC_COUNT(sizes); i++) {
		snprintf(text, sizeof(text), "a good blob with DataSize %u", sizes[i]);
		ac_check_code(cf, "AC-033", E_INVALIDARG, exchange(&device, channel.h, sizes[i], blob), text);
	}
	AC_CODE(cf, "AC-033", S_OK, exchange(&device, channel.h, CF_BLOB, blob));
}

static void the_parameters_of_oaep(struct cf *cf)
{
	static const struct {
		const char *digest, *mgf1_digest, *label;
	} wrong[] = {
		{ "SHA1", "SHA1", NULL },      { "SHA256", "SHA256", NULL },	  { "SHA384", "SHA384", NULL },
		{ "SHA512", "SHA1", NULL },    { "SHA512", "SHA256", NULL },	  { "SHA1", "SHA512", NULL },
		{ "SHA512", "SHA512", "OPM" }, { "SHA512", "SHA512", "a label" },
	};
	const struct cf_device device = cf_device(cf);
	struct ac_channel channel = ac_channel_new(cf, &device, AC_SOFTWARE);
	uint8_t blob[CF_BLOB], key[CF_KEY];
	char text[96];

	cf_key(34, key);
	for (size_t i = 0; i < AC_COUNT(wrong); i++) {
		cf_wrap_with(cf, CHANNEL, wrong[i].digest, wrong[i].mgf1_digest, wrong[i].label, key, CF_KEY, blob);
		snprintf(text, sizeof(text), "a blob of %s, MGF1-%s, %s", wrong[i].digest, wrong[i].mgf1_digest,
			 wrong[i].label ? "a label" : "no label");
		ac_check_code(cf, "AC-034", E_INVALIDARG, ac_exchange_blob(&device, channel.h, blob), text);
	}
	cf_wrap_with(cf, CHANNEL, "SHA512", "SHA512", NULL, key, CF_KEY, blob);
	AC_CODE(cf, "AC-034", S_OK, ac_exchange_blob(&device, channel.h, blob));
	AC_CODE(cf, "AC-034", S_OK, initialize_with(&channel, key));
}

static void most_significant_byte_first(struct cf *cf)
{
	const struct cf_device device = cf_device(cf);
	const struct ac_channel channel = ac_channel_new(cf, &device, AC_SOFTWARE);
	uint8_t blob[CF_BLOB], reversed[CF_BLOB], key[CF_KEY];

	cf_key(35, key);
	cf_wrap(cf, CHANNEL, key, CF_KEY, blob);
	for (size_t i = 0; i < CF_BLOB; i++)
		reversed[i] = blob[CF_BLOB - 1 - i];
	AC_CODE(cf, "AC-035", E_INVALIDARG, ac_exchange_blob(&device, channel.h, reversed));
	AC_CODE(cf, "AC-035", S_OK, ac_exchange_blob(&device, channel.h, blob));
}

/* The one that K is, and not K read from its end. */
static void the_key_in_the_order_received(struct cf *cf)
{
	const struct cf_device device = cf_device(cf);
	struct ac_channel channel = ac_channel_new(cf, &device, AC_SOFTWARE);
	uint8_t reversed[CF_KEY];
	struct ac_message message;

	for (size_t i = 0; i < CF_KEY; i++)
		reversed[i] = cf_key_k[CF_KEY - 1 - i];
	AC_CODE(cf, "AC-036", S_OK, ac_exchange(cf, &device, channel.h, cf_key_k));
	AC_CODE(cf, "AC-036", E_INVALIDARG, initialize_with(&channel, reversed));
	AC_CODE(cf, "AC-036", S_OK, initialize_with(&channel, cf_key_k));
	message = ac_protection(&channel, 0);
	ac_accepted(cf, "AC-036", &channel, &message);
}

/* And the channel has no key then: not the first 16 bytes, not what a shorter one is followed by. */
static void another_length(struct cf *cf)
{
	static const size_t sizes[] = { 1, 15, 17, 24, 32, 40, 64 };
	const struct cf_device device = cf_device(cf);
	struct ac_channel channel = ac_channel_new(cf, &device, AC_SOFTWARE);
	uint8_t blob[CF_BLOB], plain[64];
	struct ac_message message;
	char text[64];

	for (size_t i = 0; i < AC_COUNT(sizes); i++) {
		cf_pattern(plain, sizeof(plain), 37);
		memset(plain + sizes[i], 0, sizeof(plain) - sizes[i]);
		cf_wrap(cf, CHANNEL, plain, sizes[i], blob);
		snprintf(text, sizeof(text), "a blob of %zu bytes", sizes[i]);
		ac_check_code(cf, "AC-037", E_INVALIDARG, ac_exchange_blob(&device, channel.h, blob), text);
		memcpy(channel.key, plain, CF_KEY);
		message = ac_initialize(&channel, 0, AC_FIRST_COMMAND, AC_FIRST_QUERY);
		ac_refused_bare(cf, "AC-037", &device, E_INVALIDARG, &message);
	}
	AC_CODE(cf, "AC-037", S_OK, ac_exchange(cf, &device, channel.h, cf_key_k));
}

/* A blob that fails in one of the ways in which decryption does. */
enum failure { RANDOM, DIGEST, LABEL, LENGTH, ABOVE_THE_MODULUS, ZERO, ONE, ONE_BIT, FAILURES };

static const char *make_failing(struct cf *cf, enum failure failure, uint8_t ret[CF_BLOB])
{
	uint8_t plain[CF_KEY + 1];

	cf_pattern(plain, sizeof(plain), 38);
	cf_wrap(cf, CHANNEL, plain, CF_KEY, ret);
	switch (failure) {
	case RANDOM:
		cf_pattern(ret, CF_BLOB, 39);
		ret[0] = 0; /* below the modulus */
		return "random bytes";
	case DIGEST:
		cf_wrap_with(cf, CHANNEL, "SHA256", "SHA256", NULL, plain, CF_KEY, ret);
		return "another digest";
	case LABEL:
		cf_wrap_with(cf, CHANNEL, "SHA512", "SHA512", "label", plain, CF_KEY, ret);
		return "a label";
	case LENGTH:
		cf_wrap(cf, CHANNEL, plain, CF_KEY + 1, ret);
		return "17 bytes";
	case ABOVE_THE_MODULUS:
		memset(ret, 0xff, CF_BLOB);
		return "a number above the modulus";
	case ZERO:
		memset(ret, 0, CF_BLOB);
		return "zero";
	case ONE:
		memset(ret, 0, CF_BLOB);
		ret[CF_BLOB - 1] = 1;
		return "one";
	default:
		ret[CF_BLOB / 2] ^= 0x10;
		return "a good blob with one bit changed";
	}
}

static void failures_look_the_same(struct cf *cf)
{
	const struct cf_device device = cf_device(cf);
	const struct ac_channel channel = ac_channel_new(cf, &device, AC_SOFTWARE);
	uint8_t blob[CF_BLOB], before[CF_BLOB], key[CF_KEY];

	for (enum failure failure = RANDOM; failure < FAILURES; failure++) {
		const char *what = make_failing(cf, failure, blob);

		memcpy(before, blob, sizeof(before));
		ac_check_code(cf, "AC-038", E_INVALIDARG, exchange(&device, channel.h, CF_BLOB, blob), what);
		AC_BYTES(cf, "AC-038", before, blob, CF_BLOB, "the buffer after a refused exchange");
	}
	cf_key(38, key);
	AC_CODE(cf, "AC-038", S_OK, ac_exchange(cf, &device, channel.h, key));
}

static void the_caller_may_try_again(struct cf *cf)
{
	const struct cf_device device = cf_device(cf);
	struct ac_channel channel;
	uint8_t blob[CF_BLOB], key[CF_KEY];

	cf_key(39, key);
	for (enum failure failure = RANDOM; failure < FAILURES; failure++) {
		const char *what = make_failing(cf, failure, blob);

		channel = ac_channel_new(cf, &device, AC_SOFTWARE);
		ac_check_code(cf, "AC-039", E_INVALIDARG, ac_exchange_blob(&device, channel.h, blob), what);
		AC_CODE(cf, "AC-039", S_OK, ac_exchange(cf, &device, channel.h, key));
		AC_CODE(cf, "AC-039", S_OK, initialize_with(&channel, key));
	}
}

static void one_success_a_channel(struct cf *cf)
{
	const struct cf_device device = cf_device(cf);
	struct ac_channel channel = ac_channel_new(cf, &device, AC_SOFTWARE);
	uint8_t blob[CF_BLOB], key[CF_KEY], other[CF_KEY];
	struct ac_message message;

	cf_key(40, key);
	cf_key(41, other);
	cf_wrap(cf, CHANNEL, key, CF_KEY, blob);
	CF_NEED(cf, ac_exchange_blob(&device, channel.h, blob));
	/* Another key, the same, the very same blob; before INITIALIZE and after. */
	for (int i = 0; i < 2; i++) {
		AC_CODE(cf, "AC-040", E_INVALIDARG, ac_exchange(cf, &device, channel.h, other));
		AC_CODE(cf, "AC-040", E_INVALIDARG, ac_exchange(cf, &device, channel.h, key));
		AC_CODE(cf, "AC-040", E_INVALIDARG, ac_exchange_blob(&device, channel.h, blob));
		if (i == 0) {
			AC_CODE(cf, "AC-040", E_INVALIDARG, initialize_with(&channel, other));
			AC_CODE(cf, "AC-040", S_OK, initialize_with(&channel, key));
		}
	}
	message = ac_protection(&channel, 0);
	ac_sign(&message, other);
	ac_refused_bare(cf, "AC-040", &device, E_INVALIDARG, &message);
	ac_sign(&message, key);
	ac_accepted(cf, "AC-040", &channel, &message);
}

/* The whole structure, padding included. */
static void check_unchanged(struct cf *cf, const struct ac_channel *channel, uint8_t blob[CF_BLOB], const char *what)
{
	D3DDDIARG_AUTHENTICATEDCHANNELKEYEXCHANGE arg, before;
	uint8_t bytes[CF_BLOB];

	memset(&arg, 0xa5, sizeof(arg));
	arg.hChannel = channel->h;
	arg.DataSize = CF_BLOB;
	arg.pData = blob;
	memcpy(&before, &arg, sizeof(before));
	memcpy(bytes, blob, sizeof(bytes));
	(void)channel->device.f->pfnAuthenticatedChannelKeyExchange(channel->device.h, &arg);
	AC_BYTES(cf, "AC-041", &before, &arg, sizeof(arg), what);
	AC_BYTES(cf, "AC-041", bytes, blob, sizeof(bytes), what);
}

static void nothing_travels_back(struct cf *cf)
{
	const struct cf_device device = cf_device(cf);
	const struct ac_channel channel = ac_channel_new(cf, &device, AC_SOFTWARE);
	uint8_t blob[CF_BLOB], key[CF_KEY];

	for (enum failure failure = RANDOM; failure < FAILURES; failure++) {
		(void)make_failing(cf, failure, blob);
		check_unchanged(cf, &channel, blob, "structure and buffer of a refused exchange");
	}
	cf_key(41, key);
	cf_wrap(cf, CHANNEL, key, CF_KEY, blob);
	check_unchanged(cf, &channel, blob, "structure and buffer of an exchange that succeeds");
	check_unchanged(cf, &channel, blob, "structure and buffer of a second exchange");
}

static void unknown_channels(struct cf *cf)
{
	static char nothing[256];
	const struct cf_device device = cf_device(cf);
	const struct ac_channel alive = ac_channel_new(cf, &device, AC_SOFTWARE);
	const struct ac_channel dead = ac_channel_new(cf, &device, AC_SOFTWARE);
	const HANDLE wrong[] = { NULL, nothing, dead.h, device.h, (HANDLE)(uintptr_t)UINT64_MAX };
	static const char *const what[] = { "hChannel NULL", "hChannel never issued", "hChannel destroyed",
					    "hChannel is the device", "hChannel is the greatest number" };
	uint8_t key[CF_KEY];

	cf_key(42, key);
	CF_NEED(cf, ac_destroy(&device, dead.h));
	for (size_t i = 0; i < AC_COUNT(wrong); i++)
		ac_check_code(cf, "AC-042", E_INVALIDARG, ac_exchange(cf, &device, wrong[i], key), what[i]);
	AC_CODE(cf, "AC-042", S_OK, ac_exchange(cf, &device, alive.h, key));
}

/* The same key, and yet no message of one is one of the other. */
static void one_blob_on_two_channels(struct cf *cf)
{
	const struct cf_device device = cf_device(cf);
	struct ac_channel a = ac_channel_new(cf, &device, AC_SOFTWARE);
	struct ac_channel b = ac_channel_new(cf, &device, AC_SOFTWARE);
	struct ac_message message, moved;
	uint8_t blob[CF_BLOB], key[CF_KEY];

	cf_key(173, key);
	cf_wrap(cf, CHANNEL, key, CF_KEY, blob);
	AC_CODE(cf, "AC-173", S_OK, ac_exchange_blob(&device, a.h, blob));
	AC_CODE(cf, "AC-173", S_OK, ac_exchange_blob(&device, b.h, blob));
	AC_CODE(cf, "AC-173", S_OK, initialize_with(&a, key));
	AC_CODE(cf, "AC-173", S_OK, initialize_with(&b, key));

	message = ac_protection(&a, 0);
	moved = message;
	ac_put_u64(moved.input, 32, (uintptr_t)b.h);
	ac_refused_bare(cf, "AC-173", &device, E_INVALIDARG, &moved);
	ac_accepted(cf, "AC-173", &a, &message);
	message = ac_protection(&b, 0);
	ac_accepted(cf, "AC-173", &b, &message);
}

const struct cf_test ac_tests_exchange[] = {
	{ "channel-exchange-size", "AC-033", exactly_256_bytes },
	{ "channel-exchange-oaep", "AC-034", the_parameters_of_oaep },
	{ "channel-exchange-byte-order", "AC-035", most_significant_byte_first },
	{ "channel-exchange-key", "AC-036", the_key_in_the_order_received },
	{ "channel-exchange-length", "AC-037", another_length },
	{ "channel-exchange-failures", "AC-038", failures_look_the_same },
	{ "channel-exchange-again-after-failure", "AC-039", the_caller_may_try_again },
	{ "channel-exchange-once", "AC-040", one_success_a_channel },
	{ "channel-exchange-unchanged", "AC-041", nothing_travels_back },
	{ "channel-exchange-unknown-channel", "AC-042", unknown_channels },
	{ "channel-exchange-blob-on-two", "AC-173", one_blob_on_two_channels },
	{ 0 },
};
