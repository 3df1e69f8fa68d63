/* SPDX-License-Identifier: MIT */
/* Which vectors were used with which key: what is refused, what is not, and how long it is remembered. */
#include "conform/blt/blt.h"

#include <string.h>

static void a_used_iv_is_refused(struct cf *cf)
{
	struct blt b = blt_open_readable(cf);
	const uint64_t iv = cf_fresh_iv(cf);
	uint8_t plain[BLT_MOST], other[BLT_MOST];

	blt_fill(&b, b.key, iv, 0, 1, plain);
	CF_NEED(cf, blt_with_iv(&b, iv, 0));
	/* With other data, and with the same and another Count. */
	blt_fill(&b, b.key, iv, 5000, 2, other);
	CF_FAILS(cf, "BLT-07", D3DDDIERR_INVALIDCALL, blt_with_iv(&b, iv, 5000));
	CF_FAILS(cf, "BLT-07", D3DDDIERR_INVALIDCALL, blt_with_iv(&b, iv, 0));
	CF_DECIDED(cf, "BLT-15", D3DDDIERR_INVALIDCALL, blt_with_iv(&b, iv, 1));
	blt_holds(cf, &b, "BLT-07", CF_BY_DECISION, plain, b.size, "the surface after a refused vector");
}

static void a_smaller_iv(struct cf *cf)
{
	struct blt b = blt_open(cf);

	CF_NEED(cf, blt_with_iv(&b, 10, 0));
	/* The page allows both answers, but not the same number once more. */
	if (CF_DECIDED(cf, "BLT-08", D3DDDIERR_INVALIDCALL, blt_with_iv(&b, 9, 0)))
		CF_DECIDED(cf, "BLT-08", S_OK, blt_with_iv(&b, 11, 0));
	else
		CF_FAILS(cf, "BLT-08", D3DDDIERR_INVALIDCALL, blt_with_iv(&b, 9, 0));
	CF_FAILS(cf, "BLT-08", D3DDDIERR_INVALIDCALL, blt_with_iv(&b, 10, 0));
}

static void gaps_are_harmless(struct cf *cf)
{
	static const uint64_t numbers[] = { 1, 2, 100, 1ull << 63, UINT64_MAX };
	struct blt b = blt_open(cf);

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		CF_OK(cf, "BLT-09", blt_with_iv(&b, numbers[i], 0));
	/* None of them is forgotten for the later ones. */
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		CF_FAILS(cf, "BLT-07", D3DDDIERR_INVALIDCALL, blt_with_iv(&b, numbers[i], 0));
}

static void each_key_has_its_own(struct cf *cf)
{
	struct blt b = blt_open(cf);
	uint8_t first[CF_KEY], second[CF_KEY];

	cf_require_caps(cf, D3DCPCAPS_CONTENTKEY, "it does not offer CONTENTKEY: one key alone");
	cf_key(1, first);
	cf_key(2, second);
	CF_OK(cf, "BLT-11", blt_with_iv(&b, 3, 0));
	CF_OK(cf, "BLT-11", blt_with_content_key(&b, first, 3, 0));
	CF_OK(cf, "BLT-11", blt_with_content_key(&b, second, 3, 0));
	CF_FAILS(cf, "BLT-10", D3DDDIERR_INVALIDCALL, blt_with_content_key(&b, first, 3, 0));
	CF_FAILS(cf, "BLT-10", D3DDDIERR_INVALIDCALL, blt_with_iv(&b, 3, 0));
	CF_FAILS(cf, "BLT-10", D3DDDIERR_INVALIDCALL, blt_with_content_key(&b, second, 3, 0));
	/* What one key moved on by does not move the others. */
	CF_OK(cf, "BLT-11", blt_with_content_key(&b, first, 50, 0));
	CF_OK(cf, "BLT-11", blt_with_content_key(&b, second, 4, 0));
	CF_OK(cf, "BLT-11", blt_with_iv(&b, 4, 0));
}

static void a_key_is_its_value(struct cf *cf)
{
	struct blt b = blt_open(cf);
	uint8_t content_key[CF_KEY], old[CF_KEY];

	cf_require_caps(cf, D3DCPCAPS_CONTENTKEY, "it does not offer CONTENTKEY: one key alone");
	cf_key(3, content_key);
	CF_NEED(cf, blt_with_iv(&b, 6, 0));
	CF_DECIDED(cf, "BLT-10", D3DDDIERR_INVALIDCALL, blt_with_content_key(&b, b.key, 6, 0));
	CF_DECIDED(cf, "BLT-10", S_OK, blt_with_content_key(&b, b.key, 7, 0));
	CF_DECIDED(cf, "BLT-10", D3DDDIERR_INVALIDCALL, blt_with_iv(&b, 7, 0));

	CF_NEED(cf, blt_with_content_key(&b, content_key, 7, 0));
	memcpy(old, b.key, CF_KEY);
	blt_refresh(cf, &b);
	/* Wrapped anew, it is the key that it was; and so is the session key of before. */
	CF_DECIDED(cf, "BLT-10", D3DDDIERR_INVALIDCALL, blt_with_content_key(&b, content_key, 7, 0));
	CF_DECIDED(cf, "BLT-10", D3DDDIERR_INVALIDCALL, blt_with_content_key(&b, old, 7, 0));
	CF_DECIDED(cf, "BLT-10", S_OK, blt_with_content_key(&b, content_key, 8, 0));
	/* And the same after a new exchange of the same key. */
	CF_NEED(cf, cf_exchange(cf, &b.device, b.session, old));
	memcpy(b.key, old, CF_KEY);
	CF_DECIDED(cf, "BLT-10", D3DDDIERR_INVALIDCALL, blt_with_iv(&b, 7, 0));
}

static void a_failed_call_may_be_repeated(struct cf *cf)
{
	struct blt b = blt_open(cf);
	uint8_t iv[16];
	D3DDDIARG_DECRYPTIONBLT arg = blt_decryption(&b, iv);

	cf_iv(iv, 4, 0);
	arg.SrcResourceSize = 0;
	if (blt_decrypt(&b.device, &arg) != S_OK)
		CF_DECIDED(cf, "BLT-12", S_OK, blt_with_iv(&b, 4, 0));
	/* The handle of the wrong surface, and a counter that ends too early. */
	cf_iv(iv, 5, 0);
	arg = blt_decryption(&b, iv);
	arg.hDstResource = b.out.h;
	CF_DECIDED(cf, "BLT-12", E_INVALIDARG, blt_decrypt(&b.device, &arg));
	CF_DECIDED(cf, "BLT-12", E_INVALIDARG, blt_with_iv(&b, 5, UINT64_MAX));
	CF_DECIDED(cf, "BLT-12", S_OK, blt_with_iv(&b, 5, 0));
	/* A refused vector is no use of it: the numbers go on where they stood. */
	CF_DECIDED(cf, "BLT-12", D3DDDIERR_INVALIDCALL, blt_with_iv(&b, 5, 0));
	CF_DECIDED(cf, "BLT-12", S_OK, blt_with_iv(&b, 6, 0));
	CF_DECIDED(cf, "BLT-12", D3DDDIERR_INVALIDCALL, blt_with_iv(&b, 5, 0));
}

/* 256 keys of both kinds, each used once, the session's first key before all. */
static void two_hundred_and_fifty_six_keys(struct cf *cf)
{
	enum { REFRESHES = 40, CONTENT_KEYS = 256 - 1 - REFRESHES };
	struct blt b = blt_open(cf);
	uint8_t content_key[CF_KEY];

	cf_require_caps(cf, D3DCPCAPS_CONTENTKEY, "it does not offer CONTENTKEY: too few keys");
	CF_NEED(cf, blt_with_iv(&b, 9, 0));
	for (uint32_t i = 0; i < REFRESHES && cf_has(cf, D3DCPCAPS_FRESHENSESSIONKEY); i++) {
		blt_refresh(cf, &b);
		CF_NEED(cf, blt_with_iv(&b, 9, 0));
	}
	for (uint32_t i = 0; i < CONTENT_KEYS; i++) {
		cf_key(100 + i, content_key);
		CF_NEED(cf, blt_with_content_key(&b, content_key, 9, 0));
	}
	/* The oldest is the first: K, which only a content key brings back without an exchange. */
	CF_DECIDED(cf, "BLT-14", D3DDDIERR_INVALIDCALL, blt_with_content_key(&b, cf_key_k, 9, 0));
	CF_DECIDED(cf, "BLT-14", D3DDDIERR_INVALIDCALL, blt_with_iv(&b, 9, 0));
	cf_key(100, content_key);
	CF_DECIDED(cf, "BLT-14", D3DDDIERR_INVALIDCALL, blt_with_content_key(&b, content_key, 9, 0));
}

const struct cf_test blt_history_tests[] = {
	{ "history-used-iv", "BLT-07 BLT-15", a_used_iv_is_refused },
	{ "history-smaller-iv", "BLT-08", a_smaller_iv },
	{ "history-gaps", "BLT-09 BLT-07", gaps_are_harmless },
	{ "history-of-each-key", "BLT-10 BLT-11", each_key_has_its_own },
	{ "history-by-the-key-value", "BLT-10", a_key_is_its_value },
	{ "history-failed-call", "BLT-12", a_failed_call_may_be_repeated },
	{ "history-of-256-keys", "BLT-14", two_hundred_and_fifty_six_keys },
	{ 0 },
};
