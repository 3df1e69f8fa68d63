/* SPDX-License-Identifier: MIT */
/* Vectors that others computed, through the DDI: the rulebook's, and those of NIST SP 800-38A. */
#include "conform/blt/blt.h"

#include <openssl/evp.h>
#include <string.h>

static uint8_t digit(char c)
{
	return (uint8_t)(c >= 'a' ? c - 'a' + 10 : c - '0');
}

/* Blanks between bytes are passed over. */
static void from_hex(const char *hex, uint8_t *ret, size_t size)
{
	for (size_t i = 0; i < size; hex++) {
		if (*hex == ' ')
			continue;
		ret[i++] = (uint8_t)(digit(hex[0]) << 4 | digit(hex[1]));
		hex++;
	}
}

/* ---- the rulebook's ------------------------------------------------------------------------------------------- */

struct vector {
	const char *name, *rule;
	enum cf_basis basis;
	bool is_content_key; /* C, wrapped by K; else K */
	bool has_info;
	uint64_t iv, count;
	D3DDDIENCRYPTED_BLOCK_INFO info;
	const char *cipher; /* of 00 01 .. 3f */
};

static const struct vector vectors[] = {
	{ "F1",
	  "BLT-03",
	  CF_BY_PAGE,
	  false,
	  false,
	  1,
	  0,
	  { 0 },
	  "13199869e0ae01a978aaa0b63cb397d1 9f853b57589a5d22815b082ea90dc122"
	  "b4756417384a7f56d6279c499dd6b77f ed975d1628c88feba7f7cdf20f87bcb5" },
	{ "F2",
	  "BLT-78",
	  CF_BY_PAGE,
	  true,
	  false,
	  0x0123456789abcdef,
	  0x10,
	  { 0 },
	  "dc28df2e7f51e7d7ece75e92317c12d7 b48eb3fae6dd8fe56a9c8df9d3425f7f"
	  "ca33e20d248e7427de49bf242c2d0c8d 3200c8d1109f5cb9b970de8734ca37ad" },
	/* P1, P2 and P3 cover the first 64 bytes; P1x is the other reading of P1 (below). */
	{ "P1",
	  "BLT-74",
	  CF_BY_DECISION,
	  false,
	  true,
	  2,
	  0,
	  { 16, 16, 16 },
	  "c76f8dcc7ed5f89c31e9897890b328cd 101112131415161718191a1b1c1d1e1f"
	  "a3d5293a914b039775e2738b2f702a1b 303132333435363738393a3b3c3d3e3f" },
	{ "P2",
	  "BLT-74",
	  CF_BY_DECISION,
	  false,
	  true,
	  3,
	  0,
	  { 0, 16, 32 },
	  "000102030405060708090a0b0c0d0e0f 80da5772082413df5e3da8b70ed6456b"
	  "34c22120c0f01074a674e04073a860c1 303132333435363738393a3b3c3d3e3f" },
	{ "P3",
	  "BLT-67",
	  CF_BY_PAGE,
	  false,
	  true,
	  4,
	  0,
	  { 32, 0, 0 },
	  "79d17a27057c9a88da582be365b8bb3d 2780082b5f23c70948de44cdf0294adf"
	  "202122232425262728292a2b2c2d2e2f 303132333435363738393a3b3c3d3e3f" },
	{ "F3",
	  "BLT-03",
	  CF_BY_PAGE,
	  false,
	  false,
	  5,
	  0xfffffffe,
	  { 0 },
	  "3b98746867dea8ce331f6635d9a7a730 a1f185fbc772d9e175cf403f10d85433"
	  "1d5b0742abb2129a5971026c1ab54051 8da905a8f9e10b4e6fe894c4d4d1a2bd" },
};

/* The surface is 64 bytes or, with a foreign pitch, more: the vector is its beginning. */
static void one_vector(struct cf *cf, struct blt *b, const struct vector *vector)
{
	uint8_t plain[64], iv[16], wrapped[CF_KEY];
	D3DDDIENCRYPTED_BLOCK_INFO info = vector->info;
	D3DDDIARG_DECRYPTIONBLT arg = blt_decryption(b, iv);

	for (size_t i = 0; i < sizeof(plain); i++)
		plain[i] = (uint8_t)i;
	if (vector->has_info && !cf_has(cf, D3DCPCAPS_PARTIALDECRYPTION)) {
		cf_not_applicable(cf, vector->rule, "it does not offer PARTIALDECRYPTION");
		return;
	}
	if (vector->is_content_key && !cf_has(cf, D3DCPCAPS_CONTENTKEY)) {
		cf_not_applicable(cf, vector->rule, "it does not offer CONTENTKEY");
		return;
	}
	if (vector->has_info && 16 % blt_block(cf) != 0) {
		cf_not_applicable(cf, vector->rule, "its BlockAlignmentSize does not allow the runs of the vector");
		return;
	}
	cf_iv(iv, vector->iv, vector->count);
	cf_ecb(b->key, /* encrypt= */ true, cf_key_c, wrapped);
	if (vector->is_content_key)
		arg.pContentKey = wrapped;
	if (vector->has_info)
		arg.pEncryptedBlockInfo = &info;
	from_hex(vector->cipher, b->in.memory, 64);
	if (cf_check_code(cf, vector->rule, vector->basis, S_OK, blt_decrypt(&b->device, &arg), vector->name))
		blt_holds(cf, b, vector->rule, vector->basis, plain, 64, vector->name);
}

static void the_rulebooks_vectors(struct cf *cf)
{
	struct blt b = blt_open_readable(cf);

	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++)
		one_vector(cf, &b, &vectors[i]);
}

/* A system-memory surface whose bytes the runtime gave, so that a kernel may read and write them in place. */
static void take_runtimes_memory(struct cf *cf, const struct blt *b, struct cf_surface *surface)
{
	const struct rt_surface kind = { .format = D3DDDIFMT_A8R8G8B8, .width = 16, .height = 1 };
	struct rt_resource *resource;
	uint32_t pitch;
	void *memory;
	size_t size;

	CF_NEED(cf, rt_resource_create_system(b->device.rt, &kind, &memory, &size, &pitch, &resource));
	/* The runtime lays out rows by the rulebook (BLT-85). */
	if (pitch != surface->pitch || size != b->size || size != b->whole)
		cf_skip(cf, "its pitch is not the one that the suite's runtime allocates for");
	*surface = (struct cf_surface) {
		.h = rt_resource_handle(resource), .memory = memory, .size = size, .pitch = pitch, .rt = resource
	};
}

static void vectors_in_place(struct cf *cf)
{
	struct blt b = blt_open_readable(cf);

	take_runtimes_memory(cf, &b, &b.in);
	take_runtimes_memory(cf, &b, &b.out);
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++)
		one_vector(cf, &b, &vectors[i]);
}

/* P1 and P1x: the same plaintext under two readings; a driver has one of them, and this project's is P1's. */
static void which_reading(struct cf *cf)
{
	static const char p1x[] = "c76f8dcc7ed5f89c31e9897890b328cd 101112131415161718191a1b1c1d1e1f"
				  "25985676b3f98a7790b64dbd382b9601 303132333435363738393a3b3c3d3e3f";
	struct blt b = blt_open_readable(cf);
	D3DDDIENCRYPTED_BLOCK_INFO info = { 16, 16, 16 };
	uint8_t plain[64], got[BLT_MOST], iv[16];
	D3DDDIARG_DECRYPTIONBLT arg = blt_decryption(&b, iv);

	cf_require_caps(cf, D3DCPCAPS_PARTIALDECRYPTION, "it does not offer PARTIALDECRYPTION");
	if (16 % blt_block(cf) != 0)
		cf_skip(cf, "its BlockAlignmentSize does not allow the runs of the vector");
	for (size_t i = 0; i < sizeof(plain); i++)
		plain[i] = (uint8_t)i;
	cf_iv(iv, 2, 0);
	arg.pEncryptedBlockInfo = &info;
	from_hex(p1x, b.in.memory, 64);
	CF_NEED(cf, blt_decrypt(&b.device, &arg));
	blt_get(cf, &b, got);
	/* The first run does not tell them apart. */
	CF_BYTES(cf, "BLT-65", plain, got, 32, "P1x, its first two runs");
	CF_TRUE_DECIDED(cf, "BLT-74", memcmp(got, plain, 64) != 0, "it decrypts P1x: blocks are counted by place");
}

/* 4,096 bytes that cross 2^32 after an odd number of blocks; what they must be is known by their SHA-256. */
static void the_large_vector(struct cf *cf)
{
	static const char digest_hex[] = "59d6693a4ead87de3bb6a1c69c41355ecf93ef59401bacdcf73eb4c258b25978";
	static uint8_t plain[4096];
	uint8_t digest[32], want[32], iv[16];
	unsigned int length = 0;
	struct blt b;

	cf_require_caps(cf, D3DCPCAPS_ENCRYPTEDREADBACK, "it offers no EncryptionBlt, so nothing can be read back");
	b = blt_open_as(cf, D3DDDIFMT_A8R8G8B8, 1024, 1);
	for (size_t i = 0; i < sizeof(plain); i++)
		plain[i] = (uint8_t)i;
	cf_iv(iv, 6, 0xffffff85);
	cf_ctr(b.key, iv, plain, b.in.memory, sizeof(plain));
	/* The suite's own cipher is under test here too. */
	from_hex(digest_hex, want, sizeof(want));
	if (EVP_Digest(b.in.memory, sizeof(plain), digest, &length, EVP_sha256(), NULL) != 1 ||
	    memcmp(digest, want, sizeof(want)) != 0)
		cf_give_up(cf, "the suite computes F4 wrongly");
	CF_OK(cf, "BLT-03", blt_with_iv(&b, 6, 0xffffff85));
	blt_holds(cf, &b, "BLT-03", CF_BY_PAGE, plain, sizeof(plain), "F4");
}

/* ---- NIST SP 800-38A, F.5.1 and F.5.2: CTR-AES128 ------------------------------------------------------------- */

static const char nist_key[] = "2b7e151628aed2a6abf7158809cf4f3c";
static const uint64_t nist_iv = 0xf0f1f2f3f4f5f6f7, nist_count = 0xf8f9fafbfcfdfeff; /* in range for four blocks */
static const char nist_plain[] = "6bc1bee22e409f96e93d7e117393172a ae2d8a571e03ac9c9eb76fac45af8e51"
				 "30c81c46a35ce411e5fbc1191a0a52ef f69f2445df4f9b17ad2b417be66c3710";
static const char nist_cipher[] = "874d6191b620e3261bef6864990db6ce 9806f66b7970fdff8617187bb9fffdff"
				  "5ae4df3edbd5d35e5b4f09020db03eab 1e031dda2fbe03d1792170a0f3009cee";

/* Counter mode is its own inverse: the second half sends plaintext, and the surface must hold ciphertext. */
static void nist_ctr(struct cf *cf)
{
	struct blt b = blt_open_readable(cf);
	uint8_t plain[64], cipher[64];

	from_hex(nist_key, b.key, sizeof(b.key));
	from_hex(nist_plain, plain, sizeof(plain));
	from_hex(nist_cipher, cipher, sizeof(cipher));
	CF_NEED(cf, cf_exchange(cf, &b.device, b.session, b.key));
	memcpy(b.in.memory, cipher, sizeof(cipher));
	CF_OK(cf, "BLT-03", blt_with_iv(&b, nist_iv, nist_count));
	blt_holds(cf, &b, "BLT-03", CF_BY_PAGE, plain, sizeof(plain), "the plaintext of SP 800-38A F.5.2");

	/* In a session of its own, where the vector is new. */
	b.session = blt_session(cf, &b.device, b.key);
	memset(b.read_back, 0, CF_KEY);
	memcpy(b.in.memory, plain, sizeof(plain));
	CF_OK(cf, "BLT-03", blt_with_iv(&b, nist_iv, nist_count));
	blt_holds(cf, &b, "BLT-03", CF_BY_PAGE, cipher, sizeof(cipher), "the ciphertext of SP 800-38A F.5.1");
}

/* EncryptionBlt chooses key and vector, so that no fixed vector fits: its key stream comes from ECB, block by block. */
static void block_by_block(struct cf *cf)
{
	static uint8_t plain[BLT_MOST], clear[BLT_MOST];
	struct blt b = blt_open_readable(cf);
	uint8_t iv[16], stream[16];
	const D3DDDIARG_ENCRYPTIONBLT arg = blt_encryption(&b, iv);

	cf_pattern(plain, b.size, 17);
	blt_put(cf, &b, plain);
	blt_get(cf, &b, clear);
	CF_NEED(cf, blt_encrypt(&b.device, &arg));
	for (size_t i = 0; i + 16 <= b.size; i += 16) {
		cf_ecb(cf_has(cf, D3DCPCAPS_ENCRYPTEDREADBACKKEY) ? b.read_back : b.key, /* encrypt= */ true, iv,
		       stream);
		for (size_t k = 0; k < 16; k++)
			clear[i + k] = b.out.memory[i + k] ^ stream[k];
		for (size_t k = 16; k-- > 8 && ++iv[k] == 0;)
			;
	}
	CF_BYTES(cf, "BLT-01", plain, clear, b.size / 16 * 16, "EncryptionBlt, decrypted block by block");
}

const struct cf_test blt_vector_tests[] = {
	{ "vectors-of-the-rulebook", "BLT-03 BLT-67 BLT-74 BLT-78", the_rulebooks_vectors },
	{ "vectors-of-the-rulebook-in-place", "BLT-03 BLT-67 BLT-74 BLT-78", vectors_in_place },
	{ "vectors-p1-or-p1x", "BLT-65 BLT-74", which_reading },
	{ "vectors-f4", "BLT-03", the_large_vector },
	{ "vectors-sp-800-38a", "BLT-03", nist_ctr },
	{ "vectors-block-by-block", "BLT-01", block_by_block },
	{ 0 },
};
