/* SPDX-License-Identifier: MIT */
/* The counter block: its two fields, their byte order, where Count begins and ends. */
#include "conform/blt/blt.h"

static void fields_and_byte_order(struct cf *cf)
{
	/* The page's own example, then numbers of which no byte equals another. */
	static const uint64_t blocks[][2] = { { 1, 0 }, { 0x0102030405060708, 0x1112131415161718 } };
	struct blt b = blt_open_readable(cf);
	uint8_t plain[BLT_MOST];

	for (size_t i = 0; i < 2; i++) {
		blt_fill(&b, b.key, blocks[i][0], blocks[i][1], 11 + (uint32_t)i, plain);
		CF_OK(cf, "BLT-01", blt_with_iv(&b, blocks[i][0], blocks[i][1]));
		blt_holds(cf, &b, "BLT-01", CF_BY_PAGE, plain, b.size, "the surface after DecryptionBlt");
	}
}

static void blocks_count_upwards(struct cf *cf)
{
	/* Carries out of the low 8, 16, 32 and 56 bits, each inside the surface's first four blocks. */
	static const uint64_t counts[] = { 0xfe, 0xffff, 0xfffffffd, 0xfffffffffffffe, 0xfffffffeffffffff };
	struct blt b = blt_open_readable(cf);
	uint8_t plain[BLT_MOST];

	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		const uint64_t iv = cf_fresh_iv(cf);

		blt_fill(&b, b.key, iv, counts[i], 21 + (uint32_t)i, plain);
		CF_OK(cf, "BLT-03", blt_with_iv(&b, iv, counts[i]));
		blt_holds(cf, &b, "BLT-03", CF_BY_PAGE, plain, b.size, "the surface after a carry inside Count");
	}
}

/* Long enough for an engine that works on many blocks at once to meet the carry in its middle. */
static void a_carry_in_the_middle(struct cf *cf)
{
	static uint8_t plain[BLT_MOST];
	struct blt b;

	cf_require_caps(cf, D3DCPCAPS_ENCRYPTEDREADBACK, "it offers no EncryptionBlt, so nothing can be read back");
	b = blt_open_as(cf, D3DDDIFMT_A8R8G8B8, 64, 33);
	for (uint32_t below = 1; below < 20; below += 6) {
		const uint64_t iv = cf_fresh_iv(cf), count = 0x100000000 - below;

		blt_fill(&b, b.key, iv, count, below, plain);
		CF_OK(cf, "BLT-03", blt_with_iv(&b, iv, count));
		blt_holds(cf, &b, "BLT-03", CF_BY_PAGE, plain, b.size, "a large surface whose Count passes 2^32");
	}
}

static void the_end_of_count(struct cf *cf)
{
	struct blt b = blt_open_readable(cf);
	const uint64_t blocks = b.size / 16, last = 0 - blocks;
	D3DDDIENCRYPTED_BLOCK_INFO one = { 16, 0, 0 }, two = { 32, 0, 0 };
	uint8_t plain[BLT_MOST], iv[16];
	D3DDDIARG_DECRYPTIONBLT arg = blt_decryption(&b, iv);
	uint64_t number = cf_fresh_iv(cf);

	blt_fill(&b, b.key, number, last, 31, plain);
	CF_DECIDED(cf, "BLT-04", S_OK, blt_with_iv(&b, number, last));
	blt_holds(cf, &b, "BLT-04", CF_BY_DECISION, plain, b.size, "the surface after a transfer that ends at 2^64");
	CF_DECIDED(cf, "BLT-04", E_INVALIDARG, blt_with_iv(&b, cf_fresh_iv(cf), last + 1));
	CF_DECIDED(cf, "BLT-04", E_INVALIDARG, blt_with_iv(&b, cf_fresh_iv(cf), UINT64_MAX));

	if (!cf_has(cf, D3DCPCAPS_PARTIALDECRYPTION)) {
		cf_not_applicable(cf, "BLT-77", "it does not offer PARTIALDECRYPTION");
		return;
	}
	cf_iv(iv, cf_fresh_iv(cf), UINT64_MAX);
	arg.pEncryptedBlockInfo = &two;
	CF_DECIDED(cf, "BLT-04", E_INVALIDARG, blt_decrypt(&b.device, &arg));
	arg.pEncryptedBlockInfo = &one;
	CF_DECIDED(cf, "BLT-04", S_OK, blt_decrypt(&b.device, &arg));
	/* Again: the one encrypted block counts, not all that the surface has (BLT-77). */
	cf_iv(iv, cf_fresh_iv(cf), UINT64_MAX);
	CF_DECIDED(cf, "BLT-77", S_OK, blt_decrypt(&b.device, &arg));
	arg.pEncryptedBlockInfo = &(D3DDDIENCRYPTED_BLOCK_INFO) { 0, 16, 16 };
	cf_iv(iv, cf_fresh_iv(cf), 0 - (blocks / 2));
	CF_DECIDED(cf, "BLT-77", S_OK, blt_decrypt(&b.device, &arg));
	cf_iv(iv, cf_fresh_iv(cf), 1 - (blocks / 2));
	CF_DECIDED(cf, "BLT-77", E_INVALIDARG, blt_decrypt(&b.device, &arg));
}

static void any_start_of_count(struct cf *cf)
{
	static const uint64_t counts[] = { 0, 1, 1000, 1ull << 63 };
	struct blt b = blt_open_readable(cf);
	uint8_t plain[BLT_MOST];

	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		const uint64_t iv = cf_fresh_iv(cf);

		blt_fill(&b, b.key, iv, counts[i], 41 + (uint32_t)i, plain);
		CF_DECIDED(cf, "BLT-05", S_OK, blt_with_iv(&b, iv, counts[i]));
		blt_holds(cf, &b, "BLT-05", CF_BY_DECISION, plain, b.size, "the surface after a start anywhere");
	}
}

static void the_first_iv_may_be_zero(struct cf *cf)
{
	struct blt b = blt_open(cf);

	if (CF_DECIDED(cf, "BLT-06", S_OK, blt_with_iv(&b, 0, 0)))
		CF_FAILS(cf, "BLT-06", D3DDDIERR_INVALIDCALL, blt_with_iv(&b, 0, 0));
}

const struct cf_test blt_counter_tests[] = {
	{ "counter-fields-and-byte-order", "BLT-01", fields_and_byte_order },
	{ "counter-blocks-count-upwards", "BLT-03", blocks_count_upwards },
	{ "counter-carry-in-a-large-surface", "BLT-03", a_carry_in_the_middle },
	{ "counter-ends-at-2-64", "BLT-04 BLT-77", the_end_of_count },
	{ "counter-starts-anywhere", "BLT-05", any_start_of_count },
	{ "counter-first-iv-zero", "BLT-06", the_first_iv_may_be_zero },
	{ 0 },
};
