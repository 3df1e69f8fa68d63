/* SPDX-License-Identifier: MIT */
/* DecryptionBlt: what it writes, and what it leaves alone. */
#include "conform/blt/blt.h"

#include <string.h>

static void plaintext_arrives(struct cf *cf)
{
	static const D3DDDIFORMAT formats[] = { D3DDDIFMT_A8R8G8B8, D3DDDIFMT_YUY2, D3DDDIFMT_NV12 };
	static uint8_t plain[BLT_MOST];

	cf_require_caps(cf, D3DCPCAPS_ENCRYPTEDREADBACK, "it offers no EncryptionBlt, so nothing can be read back");
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		HANDLE probe;
		struct cf_device device = cf_device(cf);

		/* Which formats there are is the driver's choice (BLT-91). */
		if (i > 0 && blt_create(cf, &device, D3DDDIPOOL_VIDEOMEMORY, BLT_RESTRICTED_CONTENT, formats[i], 64, 48,
					&probe) != S_OK)
			continue;
		struct blt b = blt_open_as(cf, formats[i], 64, 48);
		const uint64_t iv = cf_fresh_iv(cf);

		blt_fill(&b, b.key, iv, 0, 5 + (uint32_t)i, plain);
		CF_OK(cf, "BLT-43", blt_with_iv(&b, iv, 0));
		blt_holds(cf, &b, "BLT-43", CF_BY_PAGE, plain, b.size, "the surface after DecryptionBlt");
	}
}

static void without_content_key_the_session_key(struct cf *cf)
{
	struct blt b = blt_open_readable(cf);
	const uint64_t iv = cf_fresh_iv(cf);
	uint8_t plain[BLT_MOST];

	CF_NEED(cf, cf_exchange(cf, &b.device, b.session, cf_key_c));
	memcpy(b.key, cf_key_c, CF_KEY);
	blt_fill(&b, b.key, iv, 0, 6, plain);
	CF_OK(cf, "BLT-44", blt_with_iv(&b, iv, 0));
	blt_holds(cf, &b, "BLT-44", CF_BY_PAGE, plain, b.size, "the surface after DecryptionBlt without a content key");
	if (!cf_has(cf, D3DCPCAPS_CONTENTKEY)) {
		cf_not_applicable(cf, "BLT-54", "it does not offer CONTENTKEY");
		return;
	}
	/* Before and after a content key. */
	CF_OK(cf, "BLT-54", blt_with_iv(&b, cf_fresh_iv(cf), 0));
	CF_NEED(cf, blt_with_content_key(&b, cf_key_k, cf_fresh_iv(cf), 0));
	CF_OK(cf, "BLT-54", blt_with_iv(&b, cf_fresh_iv(cf), 0));
}

static void the_whole_surface_is_written(struct cf *cf)
{
	struct blt b;
	static uint8_t plain[BLT_MOST], old[BLT_MOST];

	cf_require_caps(cf, D3DCPCAPS_ENCRYPTEDREADBACK, "it offers no EncryptionBlt, so nothing can be read back");
	b = blt_open_as(cf, D3DDDIFMT_A8R8G8B8, 13, 9);
	memset(old, 0xe7, b.size);
	blt_put(cf, &b, old);
	cf_pattern(plain, b.size, 8);
	blt_put(cf, &b, plain);
	blt_holds(cf, &b, "BLT-46", CF_BY_PAGE, plain, b.size, "a surface that was full of 0xe7");
}

static void inputs_are_only_read(struct cf *cf)
{
	struct blt b = blt_open(cf);
	uint8_t before[BLT_MOST], plain[BLT_MOST], iv[16], vector[16];
	const uint64_t number = cf_fresh_iv(cf);
	const D3DDDIARG_DECRYPTIONBLT arg = blt_decryption(&b, iv);

	blt_fill(&b, b.key, number, 3, 9, plain);
	memcpy(before, b.in.memory, b.size);
	cf_iv(iv, number, 3);
	memcpy(vector, iv, sizeof(iv));
	CF_NEED(cf, blt_decrypt(&b.device, &arg));
	CF_BYTES_DECIDED(cf, "BLT-47", before, b.in.memory, b.size, "the source after DecryptionBlt");
	CF_TRUE_DECIDED(cf, "BLT-47", cf_guards_hold(&b.in), "bytes around the source were written");
	CF_BYTES(cf, "BLT-50", vector, iv, sizeof(iv), "the bytes at pIV after DecryptionBlt");
	/* And after a refusal. */
	blt_decrypt(&b.device, &arg);
	CF_BYTES(cf, "BLT-50", vector, iv, sizeof(iv), "the bytes at pIV after a refused DecryptionBlt");
}

static void a_wrong_key_goes_unnoticed(struct cf *cf)
{
	struct blt b = blt_open_readable(cf);
	uint8_t plain[BLT_MOST], got[BLT_MOST], wrapped[CF_KEY], iv[16];
	D3DDDIARG_DECRYPTIONBLT arg = blt_decryption(&b, iv);
	const uint64_t number = cf_fresh_iv(cf);

	/* Another vector than the one it was encrypted with. */
	blt_fill(&b, b.key, number, 0, 10, plain);
	CF_OK(cf, "BLT-48", blt_with_iv(&b, number, 1));
	blt_get(cf, &b, got);
	CF_TRUE(cf, "BLT-48", memcmp(plain, got, b.size) != 0, "a wrong Count gave the plaintext");
	if (!cf_has(cf, D3DCPCAPS_CONTENTKEY))
		return;
	cf_pattern(wrapped, sizeof(wrapped), 99);
	cf_iv(iv, cf_fresh_iv(cf), 0);
	arg.pContentKey = wrapped;
	CF_OK(cf, "BLT-48", blt_decrypt(&b.device, &arg));
	blt_get(cf, &b, got);
	CF_TRUE(cf, "BLT-48", memcmp(plain, got, b.size) != 0, "a random wrapped key gave the plaintext");
}

static void the_vector_is_needed(struct cf *cf)
{
	struct blt b = blt_open(cf);
	const D3DDDIARG_DECRYPTIONBLT arg = blt_decryption(&b, NULL);

	CF_DECIDED(cf, "BLT-49", E_INVALIDARG, blt_decrypt(&b.device, &arg));
}

static void small_inputs_may_lie_anywhere(struct cf *cf)
{
	struct blt b = blt_open_readable(cf);
	uint8_t room[64], before[64], plain[BLT_MOST];
	const D3DDDIENCRYPTED_BLOCK_INFO info = { 16, 0, 16 };
	D3DDDIARG_DECRYPTIONBLT arg = blt_decryption(&b, room + 1);
	const uint64_t number = cf_fresh_iv(cf);

	memset(room, 0x3c, sizeof(room));
	cf_iv(room + 1, number, 0);
	if (cf_has(cf, D3DCPCAPS_CONTENTKEY)) {
		arg.pContentKey = room + 19;
		cf_ecb(b.key, /* encrypt= */ true, cf_key_c, room + 19);
	}
	if (cf_has(cf, D3DCPCAPS_PARTIALDECRYPTION)) {
		memcpy(room + 37, &info, sizeof(info));
		arg.pEncryptedBlockInfo = (void *)(room + 37);
	}
	memcpy(before, room, sizeof(room));
	blt_fill(&b, arg.pContentKey ? cf_key_c : b.key, number, 0, 12, plain);
	CF_DECIDED(cf, "BLT-51", S_OK, blt_decrypt(&b.device, &arg));
	CF_BYTES_DECIDED(cf, "BLT-51", before, room, sizeof(room), "key, vector and block info after DecryptionBlt");
	blt_holds(cf, &b, "BLT-51", CF_BY_DECISION, plain, b.size, "the surface, with inputs at odd addresses");
}

static void support_shows_in_the_result(struct cf *cf)
{
	struct blt b = blt_open_bare(cf);
	HRESULT hr;

	CF_TRUE(cf, "BLT-52", !(cf_caps(cf)->Caps & 0x400), "Caps is %08x", (unsigned int)cf_caps(cf)->Caps);
	hr = blt_with_iv(&b, cf_fresh_iv(cf), 0);
	CF_TRUE(cf, "BLT-52", hr == S_OK || hr == D3DDDIERR_NOTAVAILABLE, "DecryptionBlt answered %s",
		cf_code_name(cf, hr));
}

static void a_content_key_wants_its_capability(struct cf *cf)
{
	struct blt b = blt_open(cf);
	uint8_t zero[CF_KEY] = { 0 }, iv[16];
	D3DDDIARG_DECRYPTIONBLT arg = blt_decryption(&b, iv);

	CF_OK(cf, "BLT-53", blt_with_iv(&b, cf_fresh_iv(cf), 0));
	if (cf_has(cf, D3DCPCAPS_CONTENTKEY))
		return;
	cf_iv(iv, cf_fresh_iv(cf), 0);
	arg.pContentKey = zero;
	CF_FAILS(cf, "BLT-53", D3DDDIERR_NOTAVAILABLE, blt_decrypt(&b.device, &arg));
	/* Step 7 before 8, and behind 6. */
	arg.hSrcResource = NULL;
	CF_DECIDED(cf, "BLT-121", D3DDDIERR_NOTAVAILABLE, blt_decrypt(&b.device, &arg));
	arg.pIV = NULL;
	CF_DECIDED(cf, "BLT-120", E_INVALIDARG, blt_decrypt(&b.device, &arg));
}

static void a_source_may_end_at_l(struct cf *cf)
{
	struct blt b = blt_open_readable(cf);
	uint8_t *memory = blt_edge(cf, b.size) - b.size, plain[BLT_MOST], iv[16];
	D3DDDIARG_DECRYPTIONBLT arg = blt_decryption(&b, iv);

	if ((uintptr_t)memory % blt_start(cf) != 0)
		cf_skip(cf, "no surface of this driver ends at the end of a page and begins as it wants");
	cf_pattern(plain, b.size, 13);
	cf_iv(iv, cf_fresh_iv(cf), 0);
	cf_ctr(b.key, iv, plain, memory, b.size);
	arg.hSrcResource = blt_system_at(cf, &b, memory);
	arg.SrcResourceSize = blt_round(cf, b.size + 64);
	CF_DECIDED(cf, "BLT-63", S_OK, blt_decrypt(&b.device, &arg));
	blt_holds(cf, &b, "BLT-63", CF_BY_DECISION, plain, b.size, "the surface, from a source that ends at L");
}

const struct cf_test blt_decryption_tests[] = {
	{ "decryption-plaintext-arrives", "BLT-43", plaintext_arrives },
	{ "decryption-session-key", "BLT-44 BLT-54", without_content_key_the_session_key },
	{ "decryption-whole-surface", "BLT-46", the_whole_surface_is_written },
	{ "decryption-inputs-only-read", "BLT-47 BLT-50", inputs_are_only_read },
	{ "decryption-wrong-key", "BLT-48", a_wrong_key_goes_unnoticed },
	{ "decryption-vector-needed", "BLT-49", the_vector_is_needed },
	{ "decryption-odd-addresses", "BLT-51", small_inputs_may_lie_anywhere },
	{ "decryption-support", "BLT-52", support_shows_in_the_result },
	{ "decryption-content-key-capability", "BLT-53", a_content_key_wants_its_capability },
	{ "decryption-content-key-not-offered", "BLT-53 BLT-120 BLT-121", a_content_key_wants_its_capability,
	  .variant = 0xed },
	{ "decryption-source-ends-at-l", "BLT-63", a_source_may_end_at_l },
	{ 0 },
};
