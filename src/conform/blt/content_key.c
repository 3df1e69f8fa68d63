/* SPDX-License-Identifier: MIT */
/* Content keys: how they are wrapped, and for how long they count. */
#include "conform/blt/blt.h"

#include <string.h>

static struct blt open_with_content_keys(struct cf *cf)
{
	cf_require_caps(cf, D3DCPCAPS_CONTENTKEY, "it does not offer CONTENTKEY");
	return blt_open_readable(cf);
}

/* Data under one key, and the wrapped bytes that are to bring it. */
static HRESULT move(struct cf *cf, struct blt *b, const uint8_t key[CF_KEY], const uint8_t *wrapped, uint32_t seed,
		    uint8_t *ret_plain)
{
	uint8_t iv[16], copy[CF_KEY];
	D3DDDIARG_DECRYPTIONBLT arg = blt_decryption(b, iv);

	cf_pattern(ret_plain, b->size, seed);
	cf_iv(iv, cf_fresh_iv(cf), 0);
	cf_ctr(key, iv, ret_plain, b->in.memory, b->size);
	if (wrapped) {
		memcpy(copy, wrapped, CF_KEY);
		arg.pContentKey = copy;
	}
	return blt_decrypt(&b->device, &arg);
}

static void wrapped_by_ecb(struct cf *cf)
{
	/* C under K: the rulebook's own vector. */
	static const uint8_t vector[CF_KEY] = { 0x66, 0xa7, 0xc7, 0xe8, 0x34, 0x52, 0x31, 0x48,
						0x97, 0x51, 0xde, 0x07, 0x33, 0x16, 0xad, 0xad };
	struct blt b = open_with_content_keys(cf);
	uint8_t plain[BLT_MOST], key[CF_KEY], wrapped[CF_KEY];

	CF_OK(cf, "BLT-78", move(cf, &b, cf_key_c, vector, 1, plain));
	blt_holds(cf, &b, "BLT-78", CF_BY_PAGE, plain, b.size, "what came under the content key C");
	CF_OK(cf, "BLT-45", move(cf, &b, cf_key_c, vector, 2, plain));
	blt_holds(cf, &b, "BLT-45", CF_BY_PAGE, plain, b.size, "what came under a content key");
	cf_key(7, key);
	cf_ecb(b.key, /* encrypt= */ true, key, wrapped);
	CF_OK(cf, "BLT-45", move(cf, &b, key, wrapped, 3, plain));
	blt_holds(cf, &b, "BLT-45", CF_BY_PAGE, plain, b.size, "what came under another content key");
}

static void sixteen_bytes_are_read(struct cf *cf)
{
	struct blt b = open_with_content_keys(cf);
	uint8_t iv[16], *wrapped = blt_edge(cf, CF_KEY) - CF_KEY;
	D3DDDIARG_DECRYPTIONBLT arg = blt_decryption(&b, iv);

	cf_ecb(b.key, /* encrypt= */ true, cf_key_c, wrapped);
	cf_iv(iv, cf_fresh_iv(cf), 0);
	arg.pContentKey = wrapped;
	CF_DECIDED(cf, "BLT-79", S_OK, blt_decrypt(&b.device, &arg));
}

static void any_sixteen_bytes_are_a_key(struct cf *cf)
{
	static const uint8_t zero[CF_KEY];
	struct blt b = open_with_content_keys(cf);
	uint8_t plain[BLT_MOST], key[CF_KEY], wrapped[CF_KEY];

	cf_ecb(b.key, /* encrypt= */ false, zero, key);
	CF_DECIDED(cf, "BLT-80", S_OK, move(cf, &b, key, zero, 4, plain));
	blt_holds(cf, &b, "BLT-80", CF_BY_DECISION, plain, b.size, "what came under a wrapped key of zero bytes");
	/* And a clear key of zero bytes is no session key either. */
	cf_ecb(b.key, /* encrypt= */ true, zero, wrapped);
	CF_DECIDED(cf, "BLT-80", S_OK, move(cf, &b, zero, wrapped, 5, plain));
	blt_holds(cf, &b, "BLT-80", CF_BY_DECISION, plain, b.size, "what came under a content key of zero bytes");
}

static void the_present_session_key_unwraps(struct cf *cf)
{
	struct blt b = open_with_content_keys(cf);
	uint8_t plain[BLT_MOST], wrapped[CF_KEY], key[CF_KEY];

	cf_ecb(b.key, /* encrypt= */ true, cf_key_c, wrapped);
	CF_OK(cf, "BLT-81", move(cf, &b, cf_key_c, wrapped, 6, plain));
	blt_refresh(cf, &b);
	/* The same wrapped bytes are another key now. */
	cf_ecb(b.key, /* encrypt= */ false, wrapped, key);
	CF_OK(cf, "BLT-81", move(cf, &b, key, wrapped, 7, plain));
	blt_holds(cf, &b, "BLT-81", CF_BY_PAGE, plain, b.size, "what came under the same wrapped bytes after Finish");
	cf_ecb(b.key, /* encrypt= */ true, cf_key_c, wrapped);
	CF_OK(cf, "BLT-81", move(cf, &b, cf_key_c, wrapped, 8, plain));
	blt_holds(cf, &b, "BLT-81", CF_BY_PAGE, plain, b.size, "what came under the key wrapped anew");
}

static void valid_for_one_call(struct cf *cf)
{
	struct blt b = open_with_content_keys(cf);
	uint8_t plain[BLT_MOST], wrapped[CF_KEY];

	cf_ecb(b.key, /* encrypt= */ true, cf_key_c, wrapped);
	CF_OK(cf, "BLT-82", move(cf, &b, cf_key_c, wrapped, 9, plain));
	CF_OK(cf, "BLT-82", move(cf, &b, b.key, NULL, 10, plain));
	blt_holds(cf, &b, "BLT-82", CF_BY_PAGE, plain, b.size, "what came without a content key after one with it");
}

const struct cf_test blt_content_key_tests[] = {
	{ "content-key-wrapped-by-ecb", "BLT-45 BLT-78", wrapped_by_ecb },
	{ "content-key-sixteen-bytes", "BLT-79", sixteen_bytes_are_read },
	{ "content-key-any-value", "BLT-80", any_sixteen_bytes_are_a_key },
	{ "content-key-present-session-key", "BLT-81", the_present_session_key_unwraps },
	{ "content-key-one-call", "BLT-82", valid_for_one_call },
	{ 0 },
};
