/* SPDX-License-Identifier: MIT */
/* CryptoSessionKeyExchange: the blob, its size, its padding, its payload. */
#include "conform/cs/cs.h"

#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <string.h>

/* ---- what is right ------------------------------------------------------------------------------------------ */

static void the_key_is_the_sessions(struct cf *cf)
{
	static struct cs_bench bench;
	uint8_t key[CF_KEY], blob[CF_BLOB];

	cs_open(cf, &bench);
	cf_key(3, key);
	cf_wrap(cf, D3DDDI_CERTTYPE_CRYPTOSESSION, key, sizeof(key), blob);
	CF_OK(cf, "CS-29", cf_exchange_blob(&bench.device, bench.session, blob));
	CF_OK(cf, "CS-30", cf_exchange_blob(&bench.device, bench.session, blob));
	CF_OK(cf, "CS-31", cf_exchange_blob(&bench.device, bench.session, blob));
	CF_OK(cf, "CS-32", cf_exchange_blob(&bench.device, bench.session, blob));
	if (!cs_offers(&bench, CS_DECRYPT) || !cf_has(cf, D3DCPCAPS_ENCRYPTEDREADBACK))
		return; /* nobody could see it */
	CF_OK(cf, "CS-29", cs_put(&bench, key, 10));
	CF_OK(cf, "CS-29", cs_get(&bench, key));
	CF_TRUE(cf, "CS-29", cs_is_picture(&bench), "another picture came back: the session has another key");
}

static void the_mechanism_is_the_reported_one(struct cf *cf)
{
	static const GUID none;
	D3DCONTENTPROTECTIONCAPS caps, again;
	static struct cs_bench bench;

	if (cs_query(cf, &D3DCRYPTOTYPE_AES128_CTR, &cs_no_profile, &caps) != S_OK)
		cf_give_up(cf, "GetCaps does not know AES128_CTR");
	CF_TRUE(cf, "CS-36", memcmp(&caps.KeyExchangeType, &none, sizeof(none)) != 0, "KeyExchangeType is zero");
	if (cs_query(cf, &D3DCRYPTOTYPE_AES128_CTR, &cs_no_profile, &again) != S_OK)
		cf_give_up(cf, "GetCaps does not know AES128_CTR the second time");
	CF_BYTES(cf, "CS-36", &caps.KeyExchangeType, &again.KeyExchangeType, sizeof(GUID),
		 "KeyExchangeType, asked again");
	CF_BYTES_DECIDED(cf, "CS-36", &D3DKEYEXCHANGE_RSAES_OAEP, &caps.KeyExchangeType, sizeof(GUID),
			 "KeyExchangeType");
	if (memcmp(&caps.KeyExchangeType, &D3DKEYEXCHANGE_RSAES_OAEP, sizeof(GUID)) != 0)
		return;
	cs_open(cf, &bench);
	CF_OK(cf, "CS-36", cf_exchange_blob(&bench.device, bench.session, bench.blob));
}

static void dxva_sets_the_key_elsewhere(struct cf *cf)
{
	D3DCONTENTPROTECTIONCAPS caps;
	uint8_t blob[CF_BLOB] = { 0 };
	struct cf_device device;

	if (cs_query(cf, &D3DCRYPTOTYPE_AES128_CTR, &cs_no_profile, &caps) != S_OK)
		cf_give_up(cf, "GetCaps does not know AES128_CTR");
	if (memcmp(&caps.KeyExchangeType, &D3DKEYEXCHANGE_DXVA, sizeof(GUID)) != 0)
		cf_skip(cf, "it does not report D3DKEYEXCHANGE_DXVA");
	device = cf_device(cf);
	CF_DECIDED(cf, "CS-37", D3DDDIERR_NOTAVAILABLE, cf_exchange_blob(&device, cf_session(cf, &device), blob));
}

static void every_key_is_a_key(struct cf *cf)
{
	static const uint8_t keys[][CF_KEY] = {
		{ 0 },
		{ 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff },
	};
	static struct cs_bench bench;

	cs_open(cf, &bench);
	for (size_t i = 0; i < CS_COUNT(keys); i++) {
		CF_DECIDED(cf, "CS-41", S_OK, cf_exchange(cf, &bench.device, bench.session, keys[i]));
		if (!cs_offers(&bench, CS_DECRYPT) || !cf_has(cf, D3DCPCAPS_ENCRYPTEDREADBACK))
			continue;
		CF_DECIDED(cf, "CS-41", S_OK, cs_put(&bench, keys[i], 11));
		CF_DECIDED(cf, "CS-41", S_OK, cs_get(&bench, keys[i]));
		CF_TRUE_DECIDED(cf, "CS-41", cs_is_picture(&bench), "another picture came back under key %zu", i);
	}
}

/* ---- sizes, NULL, what stays ----------------------------------------------------------------------------------- */

static void other_sizes_are_refused(struct cf *cf)
{
	static const UINT sizes[] = { 0, 16, 255, 257, 512 };
	static struct cs_bench bench;
	uint8_t room[512] = { 0 };
	D3DDDIARG_CRYPTOSESSIONKEYEXCHANGE arg = { .pData = room };

	cs_open(cf, &bench);
	arg.hCryptoSession = bench.session;
	/* The blob is good, at either end of the longer ones. */
	memcpy(room, bench.blob, CF_BLOB);
	memcpy(room + sizeof(room) - CF_BLOB, bench.blob, CF_BLOB);
	for (size_t i = 0; i < CS_COUNT(sizes); i++) {
		char text[64];

		arg.DataSize = sizes[i];
		snprintf(text, sizeof(text), "CryptoSessionKeyExchange(DataSize %u)", sizes[i]);
		cf_check_code(cf, "CS-30", CF_BY_DECISION, E_INVALIDARG,
			      bench.device.f->pfnCryptoSessionKeyExchange(bench.device.h, &arg), text);
	}
	arg.DataSize = CF_BLOB;
	CF_OK(cf, "CS-30", bench.device.f->pfnCryptoSessionKeyExchange(bench.device.h, &arg));
}

static void null_data_is_refused(struct cf *cf)
{
	static const UINT sizes[] = { 0, CF_BLOB };
	static struct cs_bench bench;
	D3DDDIARG_CRYPTOSESSIONKEYEXCHANGE arg = { 0 };

	cs_open(cf, &bench);
	arg.hCryptoSession = bench.session;
	for (size_t i = 0; i < CS_COUNT(sizes); i++) {
		arg.DataSize = sizes[i];
		CF_DECIDED(cf, "CS-34", E_INVALIDARG,
			   bench.device.f->pfnCryptoSessionKeyExchange(bench.device.h, &arg));
	}
}

static void the_blob_is_only_read(struct cf *cf)
{
	static struct cs_bench bench;
	uint8_t blob[CF_BLOB];
	D3DDDIARG_CRYPTOSESSIONKEYEXCHANGE arg, before;

	cs_open(cf, &bench);
	memset(&arg, 0xa5, sizeof(arg));
	arg.hCryptoSession = bench.session;
	arg.DataSize = CF_BLOB;
	arg.pData = blob;
	memcpy(blob, bench.blob, sizeof(blob));
	memcpy(&before, &arg, sizeof(arg));
	CF_NEED(cf, bench.device.f->pfnCryptoSessionKeyExchange(bench.device.h, &arg));
	CF_BYTES_DECIDED(cf, "CS-35", &before, &arg, sizeof(arg), "the structure");
	CF_BYTES_DECIDED(cf, "CS-35", bench.blob, blob, sizeof(blob), "the blob");
}

/* ---- blobs that must not be taken ------------------------------------------------------------------------------- */

static void other_parameters_are_refused(struct cf *cf)
{
	static const struct {
		const char *digest, *mask, *label, *text;
	} rows[] = {
		{ "SHA1", "SHA1", NULL, "CryptoSessionKeyExchange(SHA-1)" },
		{ "SHA256", "SHA256", NULL, "CryptoSessionKeyExchange(SHA-256)" },
		{ "SHA512", "SHA1", NULL, "CryptoSessionKeyExchange(SHA-512, mask by SHA-1)" },
		{ "SHA1", "SHA512", NULL, "CryptoSessionKeyExchange(SHA-1, mask by SHA-512)" },
		{ "SHA512", "SHA512", "label", "CryptoSessionKeyExchange(a label)" },
	};
	static struct cs_bench bench;
	uint8_t blob[CF_BLOB];

	cs_open(cf, &bench);
	for (size_t i = 0; i < CS_COUNT(rows); i++) {
		cf_wrap_with(cf, D3DDDI_CERTTYPE_CRYPTOSESSION, rows[i].digest, rows[i].mask, rows[i].label, cf_key_k,
			     CF_KEY, blob);
		cf_check_fails(cf, "CS-31", E_INVALIDARG, cf_exchange_blob(&bench.device, bench.session, blob),
			       rows[i].text);
	}
	/* The octets the other way round. */
	for (int i = 0; i < CF_BLOB; i++)
		blob[i] = bench.blob[CF_BLOB - 1 - i];
	cf_check_fails(cf, "CS-31", E_INVALIDARG, cf_exchange_blob(&bench.device, bench.session, blob),
		       "CryptoSessionKeyExchange(least significant byte first)");
	CF_OK(cf, "CS-31", cf_exchange_blob(&bench.device, bench.session, bench.blob));
}

static void other_payloads_are_refused(struct cf *cf)
{
	static const size_t sizes[] = { 0, 15, 17, 32, 40 };
	static const uint8_t payload[40] = { 1, 2, 3 };
	static struct cs_bench bench;
	uint8_t blob[CF_BLOB];

	cs_open(cf, &bench);
	for (size_t i = 0; i < CS_COUNT(sizes); i++) {
		char text[64];

		cf_wrap(cf, D3DDDI_CERTTYPE_CRYPTOSESSION, payload, sizes[i], blob);
		snprintf(text, sizeof(text), "CryptoSessionKeyExchange(a payload of %zu bytes)", sizes[i]);
		cf_check_fails(cf, "CS-32", E_INVALIDARG, cf_exchange_blob(&bench.device, bench.session, blob), text);
	}
	CF_OK(cf, "CS-32", cf_exchange_blob(&bench.device, bench.session, bench.blob));
}

/* The kinds of bad blob, none to be told from another. */
enum bad {
	TOO_BIG,
	ZERO,
	BAD_PADDING,
	FOR_THE_CHANNEL,
	FOR_AN_EARLIER_LEAF,
	SHORT_PAYLOAD,
	LONG_PAYLOAD,
	OTHER_DIGEST,
	BAD_BLOBS,
};

static const char *const bad_names[BAD_BLOBS] = {
	[TOO_BIG] = "an integer above the modulus",
	[ZERO] = "zero",
	[BAD_PADDING] = "bad padding",
	[FOR_THE_CHANNEL] = "made for the channel's leaf",
	[FOR_AN_EARLIER_LEAF] = "made for another key of 2048 bits",
	[SHORT_PAYLOAD] = "a payload of 15 bytes",
	[LONG_PAYLOAD] = "a payload of 17 bytes",
	[OTHER_DIGEST] = "SHA-1",
};

/* By a leaf that is no more, which nobody can tell from any other key. */
static void wrap_for_another(struct cf *cf, const void *payload, uint8_t ret[CF_BLOB])
{
	EVP_PKEY *key = EVP_RSA_gen(8 * CF_BLOB);
	EVP_PKEY_CTX *context = key ? EVP_PKEY_CTX_new(key, NULL) : NULL;
	size_t size = CF_BLOB;

	if (!context || EVP_PKEY_encrypt_init(context) <= 0 ||
	    EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING) <= 0 ||
	    EVP_PKEY_CTX_set_rsa_oaep_md_name(context, "SHA512", NULL) <= 0 ||
	    EVP_PKEY_encrypt(context, ret, &size, payload, CF_KEY) <= 0)
		cf_give_up(cf, "no blob could be made for another key");
	EVP_PKEY_CTX_free(context);
	EVP_PKEY_free(key);
}

static void make_bad(struct cf *cf, enum bad kind, uint8_t ret[CF_BLOB])
{
	uint8_t payload[17] = { 4, 5, 6 };

	switch (kind) {
	case TOO_BIG:
		memset(ret, 0xff, CF_BLOB);
		break;
	case ZERO:
		memset(ret, 0, CF_BLOB);
		break;
	case BAD_PADDING:
		cf_wrap(cf, D3DDDI_CERTTYPE_CRYPTOSESSION, payload, CF_KEY, ret);
		ret[100] ^= 1;
		break;
	case FOR_THE_CHANNEL:
		cf_wrap(cf, D3DDDI_CERTTYPE_AUTHENTICATED_CHANNEL, payload, CF_KEY, ret);
		break;
	case FOR_AN_EARLIER_LEAF:
		wrap_for_another(cf, payload, ret);
		break;
	case SHORT_PAYLOAD:
	case LONG_PAYLOAD:
		cf_wrap(cf, D3DDDI_CERTTYPE_CRYPTOSESSION, payload, kind == SHORT_PAYLOAD ? 15 : 17, ret);
		break;
	default:
		cf_wrap_with(cf, D3DDDI_CERTTYPE_CRYPTOSESSION, "SHA1", "SHA1", NULL, payload, CF_KEY, ret);
		break;
	}
}

static void bad_blobs_look_alike(struct cf *cf)
{
	static struct cs_bench bench;
	uint8_t blob[CF_BLOB], sent[CF_BLOB];

	cs_open(cf, &bench);
	for (int kind = 0; kind < BAD_BLOBS; kind++) {
		D3DDDIARG_CRYPTOSESSIONKEYEXCHANGE arg = { bench.session, CF_BLOB, sent };
		char text[96];

		make_bad(cf, kind, blob);
		memcpy(sent, blob, sizeof(sent));
		snprintf(text, sizeof(text), "CryptoSessionKeyExchange(%s)", bad_names[kind]);
		cf_check_code(cf, "CS-33", CF_BY_DECISION, E_INVALIDARG,
			      bench.device.f->pfnCryptoSessionKeyExchange(bench.device.h, &arg), text);
		CF_BYTES_DECIDED(cf, "CS-33", blob, sent, sizeof(sent), "the blob after a refusal");
		CF_TRUE_DECIDED(cf, "CS-33", arg.DataSize == CF_BLOB && arg.pData == sent,
				"the structure changed after %s", bad_names[kind]);
		/* Still without a key. */
		if (cs_offers(&bench, CS_START))
			CF_DECIDED(cf, "CS-33", D3DDDIERR_INVALIDCALL,
				   cs_call(&bench, CS_START, bench.device.h, bench.session));
	}
}

static void the_channels_leaf_is_another(struct cf *cf)
{
	static struct cs_bench bench;
	uint8_t blob[CF_BLOB];

	cs_open(cf, &bench);
	cf_wrap(cf, D3DDDI_CERTTYPE_AUTHENTICATED_CHANNEL, cf_key_k, CF_KEY, blob);
	CF_DECIDED(cf, "CS-29", E_INVALIDARG, cf_exchange_blob(&bench.device, bench.session, blob));
}

const struct cf_test cs_tests_exchange[] = {
	{ .name = "the-key-is-the-sessions", .rules = "CS-29 CS-30 CS-31 CS-32", .run = the_key_is_the_sessions },
	{ .name = "the-channels-leaf-is-another", .rules = "CS-29", .run = the_channels_leaf_is_another },
	{ .name = "other-sizes-are-refused", .rules = "CS-30", .run = other_sizes_are_refused },
	{ .name = "other-parameters-are-refused", .rules = "CS-31", .run = other_parameters_are_refused },
	{ .name = "other-payloads-are-refused", .rules = "CS-32", .run = other_payloads_are_refused },
	{ .name = "bad-blobs-look-alike", .rules = "CS-33", .run = bad_blobs_look_alike },
	{ .name = "null-data-is-refused", .rules = "CS-34", .run = null_data_is_refused },
	{ .name = "the-blob-is-only-read", .rules = "CS-35", .run = the_blob_is_only_read },
	{ .name = "the-mechanism-is-the-reported-one", .rules = "CS-36", .run = the_mechanism_is_the_reported_one },
	{ .name = "dxva-sets-the-key-elsewhere", .rules = "CS-37", .run = dxva_sets_the_key_elsewhere },
	{ .name = "every-key-is-a-key", .rules = "CS-41", .run = every_key_is_a_key },
	{ 0 },
};
