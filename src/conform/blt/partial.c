/* SPDX-License-Identifier: MIT */
/* Partial encryption: which bytes the pattern names, how their blocks count, and what is refused. */
#include "conform/blt/blt.h"

#include <string.h>

#define NO_PARTIAL "it does not offer PARTIALDECRYPTION"

static bool is_encrypted(const D3DDDIENCRYPTED_BLOCK_INFO *info, uint64_t offset)
{
	const uint64_t skip = info->NumBytesInSkipPattern, encrypt = info->NumBytesInEncryptPattern;

	if (offset < info->NumEncryptedBytesAtBeginning)
		return true;
	offset -= info->NumEncryptedBytesAtBeginning;
	return encrypt > 0 && offset % (skip + encrypt) >= skip;
}

/*
 * The two readings of how blocks count: over the encrypted blocks alone, or by their place in the surface. Both are this
 * file's own, by a key stream over the whole surface.
 */
enum reading { CHAINED, BY_PLACE };

static void encrypt_parts(const uint8_t key[CF_KEY], const uint8_t iv[16], const D3DDDIENCRYPTED_BLOCK_INFO *info,
			  enum reading reading, const uint8_t *in, uint8_t *out, size_t size)
{
	static const uint8_t zero[BLT_MOST];
	static uint8_t stream[BLT_MOST];
	size_t used = 0;

	cf_ctr(key, iv, zero, stream, size);
	for (size_t i = 0; i < size; i++) {
		if (is_encrypted(info, i))
			out[i] = in[i] ^ stream[reading == CHAINED ? used++ : i];
		else
			out[i] = in[i];
	}
}

static struct blt open_partial(struct cf *cf, uint32_t width, uint32_t height)
{
	cf_require_caps(cf, D3DCPCAPS_PARTIALDECRYPTION, NO_PARTIAL);
	cf_require_caps(cf, D3DCPCAPS_ENCRYPTEDREADBACK, "it offers no EncryptionBlt, so nothing can be read back");
	return blt_open_as(cf, D3DDDIFMT_A8R8G8B8, width, height);
}

/* A transfer of a pattern under info: by the page either reading will do, where they differ; BLT-74 wants the first. */
static void arrives(struct cf *cf, struct blt *b, const char *rule, enum cf_basis basis,
		    D3DDDIENCRYPTED_BLOCK_INFO info)
{
	static uint8_t plain[BLT_MOST], by_place[BLT_MOST], got[BLT_MOST];
	uint8_t iv[16];
	D3DDDIARG_DECRYPTIONBLT arg = blt_decryption(b, iv);

	cf_iv(iv, cf_fresh_iv(cf), 7);
	cf_pattern(plain, b->size, info.NumBytesInEncryptPattern + 1);
	encrypt_parts(b->key, iv, &info, CHAINED, plain, b->in.memory, b->size);
	encrypt_parts(b->key, iv, &info, BY_PLACE, b->in.memory, by_place, b->size);
	arg.pEncryptedBlockInfo = &info;
	if (!cf_check_code(cf, rule, basis, S_OK, blt_decrypt(&b->device, &arg), "DecryptionBlt with block info"))
		return;
	blt_get(cf, b, got);
	if (memcmp(got, plain, b->size) != 0 && memcmp(got, by_place, b->size) == 0) {
		CF_BYTES_DECIDED(cf, "BLT-74", plain, got, b->size, "a surface whose blocks were counted by place");
		return;
	}
	cf_check_bytes(cf, rule, basis, plain, got, b->size, "a partially encrypted surface");
	CF_TRUE_DECIDED(cf, "BLT-74", memcmp(got, plain, b->size) == 0, "the blocks were counted in no known way");
}

/* The least run that the driver and the cipher both take: all that the page wants is told in these. */
static UINT run_unit(struct cf *cf)
{
	const UINT block = blt_block(cf);
	UINT unit = block;

	while (unit % 16 != 0 && unit < BLT_MOST)
		unit += block;
	return unit;
}

static void the_pattern(struct cf *cf)
{
	static const struct {
		const char *rule;
		UINT first, skip, encrypt; /* of such runs */
	} rows[] = {
		{ "BLT-65", 1, 1, 1 },
		{ "BLT-65", 3, 2, 1 },
		{ "BLT-65", 0, 1, 1 },
		{ "BLT-65", 1, 3, 5 },
		{ "BLT-67", 2, 0, 0 },
		{ "BLT-67", 1, 0, 0 },
		/* The last run is cut where the surface ends; the skipped one too. */
		{ "BLT-68", 0, 1, 2 },
		{ "BLT-68", 0, 1, 4096 },
		{ "BLT-68", 1, 9, 10 },
		{ "BLT-68", 1, 40, 15 },
	};
	struct blt b = open_partial(cf, 16, 16);
	const UINT unit = run_unit(cf);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const D3DDDIENCRYPTED_BLOCK_INFO info = { rows[i].first * unit, rows[i].skip * unit,
							  rows[i].encrypt * unit };

		if (info.NumEncryptedBytesAtBeginning <= b.size)
			arrives(cf, &b, rows[i].rule, CF_BY_PAGE, info);
	}
}

static void runs_of_nothing(struct cf *cf)
{
	struct blt b = open_partial(cf, 16, 1);
	uint8_t plain[BLT_MOST], iv[16];
	D3DDDIENCRYPTED_BLOCK_INFO none = { 0, 0, 0 };
	D3DDDIARG_DECRYPTIONBLT arg = blt_decryption(&b, iv);

	arrives(cf, &b, "BLT-69", CF_BY_DECISION, (D3DDDIENCRYPTED_BLOCK_INFO) { 16, 0, 16 });
	arrives(cf, &b, "BLT-69", CF_BY_DECISION, (D3DDDIENCRYPTED_BLOCK_INFO) { 0, 0, 32 });
	arrives(cf, &b, "BLT-70", CF_BY_DECISION, (D3DDDIENCRYPTED_BLOCK_INFO) { 16, 32, 0 });
	arrives(cf, &b, "BLT-70", CF_BY_DECISION, (D3DDDIENCRYPTED_BLOCK_INFO) { 0, 16, 0 });
	arrives(cf, &b, "BLT-73", CF_BY_DECISION, (D3DDDIENCRYPTED_BLOCK_INFO) { 16, 0x80000000, 16 });
	arrives(cf, &b, "BLT-73", CF_BY_DECISION, (D3DDDIENCRYPTED_BLOCK_INFO) { 16, 0xfffffff0, 0xfffffff0 });

	/* Nothing encrypted: a copy, and a vector that is used up all the same. */
	cf_pattern(plain, b.size, 40);
	memcpy(b.in.memory, plain, b.size);
	arg.pEncryptedBlockInfo = &none;
	cf_iv(iv, cf_fresh_iv(cf), 0);
	CF_DECIDED(cf, "BLT-71", S_OK, blt_decrypt(&b.device, &arg));
	blt_holds(cf, &b, "BLT-71", CF_BY_DECISION, plain, b.size, "a surface of clear data");
	CF_DECIDED(cf, "BLT-71", D3DDDIERR_INVALIDCALL, blt_decrypt(&b.device, &arg));
}

static void no_info_all_encrypted(struct cf *cf)
{
	struct blt b = blt_open_readable(cf);
	const uint64_t iv = cf_fresh_iv(cf);
	uint8_t plain[BLT_MOST];

	blt_fill(&b, b.key, iv, 0, 14, plain);
	CF_OK(cf, "BLT-64", blt_with_iv(&b, iv, 0));
	blt_holds(cf, &b, "BLT-64", CF_BY_PAGE, plain, b.size, "a surface without block info");
}

/* Three members of 32 bits: the driver reads 12 bytes, the last before a page that it cannot. */
static void the_structure_has_12_bytes(struct cf *cf)
{
	struct blt b = open_partial(cf, 16, 16);
	const UINT unit = run_unit(cf);
	D3DDDIENCRYPTED_BLOCK_INFO info = { unit, unit, unit };
	uint8_t iv[16], plain[BLT_MOST], got[BLT_MOST];
	D3DDDIARG_DECRYPTIONBLT arg = blt_decryption(&b, iv);
	uint8_t *place = blt_edge(cf, sizeof(info)) - 12;

	_Static_assert(sizeof(info) == 12, "BLT-66");
	if (3 * (size_t)unit > b.size)
		cf_skip(cf, "its BlockAlignmentSize is too large for the surfaces of this test");
	memcpy(place, &info, 12);
	cf_iv(iv, cf_fresh_iv(cf), 0);
	cf_pattern(plain, b.size, 15);
	encrypt_parts(b.key, iv, &info, CHAINED, plain, b.in.memory, b.size);
	arg.pEncryptedBlockInfo = (void *)place;
	CF_OK(cf, "BLT-66", blt_decrypt(&b.device, &arg));
	blt_get(cf, &b, got);
	/* The first three runs tell that each member was read in its place; counting is BLT-74's. */
	CF_BYTES(cf, "BLT-66", plain, got, 2 * (size_t)unit, "two runs of a surface");
	CF_TRUE(cf, "BLT-66", memcmp(b.in.memory + 2 * (size_t)unit, got + 2 * (size_t)unit, 16) != 0,
		"the third run was not decrypted");
}

static void runs_match_the_block(struct cf *cf)
{
	static const D3DDDIENCRYPTED_BLOCK_INFO infos[] = {
		{ 100, 20, 2 }, { 8, 16, 16 }, { 16, 8, 16 }, { 16, 16, 8 }, { 15, 16, 16 },
		{ 16, 17, 16 }, { 16, 16, 1 }, { 0, 0, 8 },   { 0, 1, 0 },
	};
	struct blt b;
	uint8_t iv[16];
	D3DDDIARG_DECRYPTIONBLT arg;
	const uint32_t block = blt_block(cf);

	cf_require_caps(cf, D3DCPCAPS_PARTIALDECRYPTION, NO_PARTIAL);
	b = blt_open_as(cf, D3DDDIFMT_A8R8G8B8, 16, 16);
	arg = blt_decryption(&b, iv);
	for (size_t i = 0; i < sizeof(infos) / sizeof(infos[0]); i++) {
		D3DDDIENCRYPTED_BLOCK_INFO info = infos[i];
		const bool aligned = info.NumEncryptedBytesAtBeginning % block == 0 &&
				     info.NumBytesInSkipPattern % block == 0 &&
				     info.NumBytesInEncryptPattern % block == 0;

		cf_iv(iv, cf_fresh_iv(cf), 0);
		arg.pEncryptedBlockInfo = &info;
		if (aligned)
			CF_OK(cf, "BLT-72", blt_decrypt(&b.device, &arg));
		else
			CF_FAILS(cf, "BLT-72", E_INVALIDARG, blt_decrypt(&b.device, &arg));
	}
}

static void no_more_than_the_surface(struct cf *cf)
{
	struct blt b = open_partial(cf, 16, 1);
	uint8_t iv[16];
	D3DDDIARG_DECRYPTIONBLT arg = blt_decryption(&b, iv);
	D3DDDIENCRYPTED_BLOCK_INFO info = { (UINT)b.size, 0, 0 };

	arg.pEncryptedBlockInfo = &info;
	cf_iv(iv, cf_fresh_iv(cf), 0);
	CF_DECIDED(cf, "BLT-73", S_OK, blt_decrypt(&b.device, &arg));
	cf_iv(iv, cf_fresh_iv(cf), 0);
	info.NumEncryptedBytesAtBeginning = b.whole + blt_block(cf);
	/* However large the buffer is. */
	arg.SrcResourceSize = b.whole + 4 * blt_block(cf);
	CF_DECIDED(cf, "BLT-73", E_INVALIDARG, blt_decrypt(&b.device, &arg));
	info.NumEncryptedBytesAtBeginning = 0xfffffff0;
	CF_DECIDED(cf, "BLT-122", E_INVALIDARG, blt_decrypt(&b.device, &arg));
}

/* One whose blocks the two readings tell apart, in the first bytes already. */
static void skipped_blocks_do_not_count(struct cf *cf)
{
	struct blt b = open_partial(cf, 16, 4);

	arrives(cf, &b, "BLT-74", CF_BY_DECISION, (D3DDDIENCRYPTED_BLOCK_INFO) { 16, 16, 16 });
	arrives(cf, &b, "BLT-74", CF_BY_DECISION, (D3DDDIENCRYPTED_BLOCK_INFO) { 0, 32, 48 });
}

static void info_wants_its_capability(struct cf *cf)
{
	struct blt b = blt_open(cf);
	const UINT unit = run_unit(cf) <= b.size ? run_unit(cf) : 0;
	D3DDDIENCRYPTED_BLOCK_INFO none = { 0, 0, 0 }, some = { unit, unit, unit };
	uint8_t iv[16];
	D3DDDIARG_DECRYPTIONBLT arg = blt_decryption(&b, iv);

	cf_iv(iv, cf_fresh_iv(cf), 0);
	arg.pEncryptedBlockInfo = &some;
	if (cf_has(cf, D3DCPCAPS_PARTIALDECRYPTION)) {
		CF_OK(cf, "BLT-75", blt_decrypt(&b.device, &arg));
		return;
	}
	CF_FAILS(cf, "BLT-75", D3DDDIERR_NOTAVAILABLE, blt_decrypt(&b.device, &arg));
	arg.pEncryptedBlockInfo = &none;
	CF_FAILS(cf, "BLT-75", D3DDDIERR_NOTAVAILABLE, blt_decrypt(&b.device, &arg));
	arg.pEncryptedBlockInfo = NULL;
	CF_OK(cf, "BLT-75", blt_decrypt(&b.device, &arg));
	/* Step 7 before 8, and behind 6. */
	arg.pEncryptedBlockInfo = &none;
	arg.hDstResource = NULL;
	CF_DECIDED(cf, "BLT-120", D3DDDIERR_NOTAVAILABLE, blt_decrypt(&b.device, &arg));
	arg.pIV = NULL;
	CF_DECIDED(cf, "BLT-120", E_INVALIDARG, blt_decrypt(&b.device, &arg));
}

/* Rows of 20 bytes, further apart: positions are counted in the linear bytes, padding included. */
static void the_pattern_runs_over_padding(struct cf *cf)
{
	struct blt b = open_partial(cf, 5, 6);

	arrives(cf, &b, "BLT-76", CF_BY_DECISION, (D3DDDIENCRYPTED_BLOCK_INFO) { 16, 16, 32 });
	arrives(cf, &b, "BLT-76", CF_BY_DECISION, (D3DDDIENCRYPTED_BLOCK_INFO) { 0, 48, 16 });
}

static void partial_content_reads_back(struct cf *cf)
{
	struct blt b = open_partial(cf, 16, 2);

	/* All of it, encrypted: cf_get decrypts every byte. */
	arrives(cf, &b, "BLT-41", CF_BY_DECISION, (D3DDDIENCRYPTED_BLOCK_INFO) { 16, 32, 16 });
}

const struct cf_test blt_partial_tests[] = {
	{ "partial-none", "BLT-64", no_info_all_encrypted },
	{ "partial-pattern", "BLT-65 BLT-67 BLT-68 BLT-74", the_pattern },
	{ "partial-structure", "BLT-66", the_structure_has_12_bytes },
	{ "partial-empty-runs", "BLT-69 BLT-70 BLT-71 BLT-73 BLT-74", runs_of_nothing },
	{ "partial-aligned-runs", "BLT-72", runs_match_the_block },
	{ "partial-within-the-surface", "BLT-73 BLT-122", no_more_than_the_surface },
	{ "partial-counting", "BLT-74", skipped_blocks_do_not_count },
	{ "partial-capability", "BLT-75", info_wants_its_capability },
	{ "partial-not-offered", "BLT-75 BLT-120", info_wants_its_capability, .variant = 0xf5 },
	{ "partial-padding", "BLT-76 BLT-74", the_pattern_runs_over_padding },
	{ "partial-reads-back", "BLT-41 BLT-74", partial_content_reads_back },
	{ 0 },
};
