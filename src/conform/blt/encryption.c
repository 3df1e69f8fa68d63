/* SPDX-License-Identifier: MIT */
/* EncryptionBlt: what it writes, under which key, and the vectors that it hands out. */
#include "conform/blt/blt.h"

#include <string.h>

#define NO_READ_BACK "it offers no EncryptionBlt"

static uint64_t load(const uint8_t bytes[8])
{
	uint64_t value = 0;

	for (size_t i = 0; i < 8; i++)
		value = value << 8 | bytes[i];
	return value;
}

static void get_read_back_key(struct cf *cf, struct blt *b)
{
	uint8_t wrapped[CF_KEY];

	if (!cf_has(cf, D3DCPCAPS_ENCRYPTEDREADBACKKEY)) {
		memcpy(b->read_back, b->key, CF_KEY); /* the page's other case (BLT-17) */
		return;
	}
	CF_NEED(cf, cf_read_back_key(&b->device, b->session, wrapped));
	cf_ecb(b->key, /* encrypt= */ false, wrapped, b->read_back);
}

/* One EncryptionBlt; its IV number. */
static uint64_t next_iv(struct cf *cf, const struct blt *b)
{
	uint8_t iv[16];
	const D3DDDIARG_ENCRYPTIONBLT arg = blt_encryption(b, iv);

	CF_NEED(cf, blt_encrypt(&b->device, &arg));
	return load(iv);
}

static void content_comes_back(struct cf *cf)
{
	struct blt b = blt_open_readable(cf);
	uint8_t plain[BLT_MOST];

	cf_pattern(plain, b.size, 1);
	blt_put(cf, &b, plain);
	blt_holds(cf, &b, "BLT-16", CF_BY_PAGE, plain, b.size, "what EncryptionBlt read");
	blt_holds(cf, &b, "BLT-16", CF_BY_PAGE, plain, b.size, "what a second EncryptionBlt read");
	cf_pattern(plain, b.size, 2);
	blt_put(cf, &b, plain);
	blt_holds(cf, &b, "BLT-16", CF_BY_PAGE, plain, b.size, "what EncryptionBlt read after new content");
}

/* It exists to read while Lock is refused, and works as well while that is not. */
static void whatever_protection_says(struct cf *cf)
{
	struct blt b = blt_open_readable(cf);
	uint8_t plain[BLT_MOST], iv[16];
	const D3DDDIARG_ENCRYPTIONBLT arg = blt_encryption(&b, iv);

	cf_pattern(plain, b.size, 21);
	blt_put(cf, &b, plain);
	get_read_back_key(cf, &b);
	if (CF_DECIDED(cf, "BLT-42", S_OK, blt_encrypt(&b.device, &arg)))
		blt_holds(cf, &b, "BLT-42", CF_BY_DECISION, plain, b.size, "what EncryptionBlt read");
}

static void the_read_back_key_encrypts(struct cf *cf)
{
	struct blt b = blt_open_readable(cf);
	uint8_t plain[BLT_MOST], clear[BLT_MOST], iv[16], untouched[16];
	const D3DDDIARG_ENCRYPTIONBLT arg = blt_encryption(&b, iv);
	size_t same = 0;

	cf_pattern(plain, b.size, 3);
	blt_put(cf, &b, plain);
	get_read_back_key(cf, &b);
	memset(iv, 0xc3, sizeof(iv));
	memcpy(untouched, iv, sizeof(iv));
	CF_OK(cf, "BLT-17", blt_encrypt(&b.device, &arg));
	cf_ctr(b.read_back, iv, b.out.memory, clear, b.size);
	CF_BYTES(cf, "BLT-17", plain, clear, b.size, "the data, decrypted with the key that the caps name");
	if (cf_has(cf, D3DCPCAPS_ENCRYPTEDREADBACKKEY)) {
		cf_ctr(b.key, iv, b.out.memory, clear, b.size);
		CF_TRUE(cf, "BLT-17", memcmp(plain, clear, b.size) != 0, "the session key decrypts it as well");
	}
	/* Every block, and at once (BLT-118). */
	for (size_t i = 0; i + 16 <= b.size; i += 16)
		same += memcmp(plain + i, b.out.memory + i, 16) == 0;
	CF_TRUE(cf, "BLT-19", same == 0, "%zu clear blocks in the destination", same);
	cf_ctr(b.read_back, iv, b.out.memory, clear, b.size);
	CF_BYTES(cf, "BLT-19", plain, clear, b.size, "all bytes of the destination, decrypted");
	CF_BYTES_DECIDED(cf, "BLT-118", plain, clear, b.size, "the destination when the call had returned");
	CF_TRUE(cf, "BLT-20", memcmp(iv, untouched, sizeof(iv)) != 0, "pIV still holds the pattern");
	CF_BYTES(cf, "BLT-20", plain, clear, b.size, "the data, decrypted with the vector at pIV");
}

static void without_a_read_back_key(struct cf *cf)
{
	struct blt b = blt_open(cf);
	uint8_t iv[16], before[BLT_MOST];
	const D3DDDIARG_ENCRYPTIONBLT arg = blt_encryption(&b, iv);

	cf_require_caps(cf, D3DCPCAPS_ENCRYPTEDREADBACK | D3DCPCAPS_ENCRYPTEDREADBACKKEY, "it has no read-back key");
	memset(iv, 0xc3, sizeof(iv));
	memset(b.out.memory, 0x77, b.size);
	memset(before, 0x77, b.size);
	CF_DECIDED(cf, "BLT-18", D3DDDIERR_INVALIDCALL, blt_encrypt(&b.device, &arg));
	get_read_back_key(cf, &b);
	CF_DECIDED(cf, "BLT-18", S_OK, blt_encrypt(&b.device, &arg));
	CF_NEED(cf, cf_exchange(cf, &b.device, b.session, cf_key_c));
	memcpy(b.key, cf_key_c, CF_KEY);
	memset(b.out.memory, 0x77, b.size);
	memset(iv, 0xc3, sizeof(iv));
	CF_DECIDED(cf, "BLT-18", D3DDDIERR_INVALIDCALL, blt_encrypt(&b.device, &arg));
	/* And a refused call writes neither. */
	CF_BYTES_DECIDED(cf, "BLT-20", before, b.out.memory, b.size, "the destination of a refused EncryptionBlt");
	memset(before, 0xc3, sizeof(iv));
	CF_BYTES_DECIDED(cf, "BLT-20", before, iv, sizeof(iv), "pIV of a refused EncryptionBlt");
	get_read_back_key(cf, &b);
	CF_DECIDED(cf, "BLT-18", S_OK, blt_encrypt(&b.device, &arg));
}

static void the_vector_needs_a_place(struct cf *cf)
{
	struct blt b = blt_open(cf);
	D3DDDIARG_ENCRYPTIONBLT arg = blt_encryption(&b, NULL);
	uint8_t room[48], before[48];

	cf_require_caps(cf, D3DCPCAPS_ENCRYPTEDREADBACK, NO_READ_BACK);
	get_read_back_key(cf, &b);
	CF_DECIDED(cf, "BLT-21", E_INVALIDARG, blt_encrypt(&b.device, &arg));
	/* 16 bytes, and no more, wherever they lie. */
	memset(room, 0xc3, sizeof(room));
	memset(before, 0xc3, sizeof(before));
	arg.pIV = room + 17;
	CF_OK(cf, "BLT-20", blt_encrypt(&b.device, &arg));
	memcpy(before + 17, room + 17, 16);
	CF_BYTES(cf, "BLT-20", before, room, sizeof(room), "the bytes around pIV");
	/* Refused for an argument. */
	memcpy(before, room, sizeof(room));
	arg.hDstResource = b.protected.h;
	CF_DECIDED(cf, "BLT-20", E_INVALIDARG, blt_encrypt(&b.device, &arg));
	CF_BYTES_DECIDED(cf, "BLT-20", before, room, sizeof(room), "pIV of a refused EncryptionBlt");
}

static void first_vectors_are_random(struct cf *cf)
{
	enum { SESSIONS = 100 };
	struct blt b = blt_open(cf);
	uint64_t numbers[SESSIONS];
	size_t equal = 0;

	cf_require_caps(cf, D3DCPCAPS_ENCRYPTEDREADBACK, NO_READ_BACK);
	for (size_t i = 0; i < SESSIONS; i++) {
		b.session = blt_session(cf, &b.device, b.key);
		get_read_back_key(cf, &b);
		numbers[i] = next_iv(cf, &b);
		CF_TRUE_DECIDED(cf, "BLT-22", numbers[i] < 1ull << 63, "the first IV number is %016llx",
				(unsigned long long)numbers[i]);
		cf_destroy_session(&b.device, b.session);
		for (size_t j = 0; j < i; j++)
			equal += numbers[j] == numbers[i];
	}
	CF_TRUE(cf, "BLT-22", equal < SESSIONS - 1, "the first IV number of %d sessions is %016llx", SESSIONS,
		(unsigned long long)numbers[0]);
	/* Uniform over 63 bits: two equal ones come once in 10^15 runs. */
	CF_TRUE_DECIDED(cf, "BLT-22", equal == 0, "%zu pairs of first IV numbers are equal", equal);
}

static void vectors_count_up(struct cf *cf)
{
	struct blt b = blt_open(cf);
	uint64_t first, number;
	uint8_t iv[16];
	D3DDDIARG_ENCRYPTIONBLT arg = blt_encryption(&b, iv);

	cf_require_caps(cf, D3DCPCAPS_ENCRYPTEDREADBACK, NO_READ_BACK);
	get_read_back_key(cf, &b);
	first = next_iv(cf, &b);
	for (uint64_t n = 1; n < 5; n++) {
		number = next_iv(cf, &b);
		CF_TRUE(cf, "BLT-23", number == first + n, "IV number %llu after the first, in call %llu",
			(unsigned long long)(number - first), (unsigned long long)n + 1);
	}
	CF_NEED(cf, blt_encrypt(&b.device, &arg));
	CF_TRUE_DECIDED(cf, "BLT-25", load(iv + 8) == 0, "Count is %016llx", (unsigned long long)load(iv + 8));
	CF_TRUE(cf, "BLT-25", load(iv + 8) <= 0 - (uint64_t)(b.size / 16) || load(iv + 8) == 0,
		"Count %016llx wraps inside the surface", (unsigned long long)load(iv + 8));
}

static void the_sequence_goes_on(struct cf *cf)
{
	struct blt b = blt_open(cf);
	uint64_t first, number;
	uint8_t iv[16];
	D3DDDIARG_ENCRYPTIONBLT arg = blt_encryption(&b, iv);

	cf_require_caps(cf, D3DCPCAPS_ENCRYPTEDREADBACK, NO_READ_BACK);
	get_read_back_key(cf, &b);
	first = next_iv(cf, &b);
	get_read_back_key(cf, &b);
	number = next_iv(cf, &b);
	CF_TRUE_DECIDED(cf, "BLT-24", number == first + 1, "%016llx follows %016llx over GetEncryptionBltKey",
			(unsigned long long)number, (unsigned long long)first);
	/* What fails takes no number. */
	arg.DstResourceSize = 0;
	blt_encrypt(&b.device, &arg);
	arg = blt_encryption(&b, iv);
	arg.hSrcResource = b.in.h;
	blt_encrypt(&b.device, &arg);
	number = next_iv(cf, &b);
	CF_TRUE_DECIDED(cf, "BLT-24", number == first + 2, "%016llx follows %016llx + 1 over failed calls",
			(unsigned long long)number, (unsigned long long)first);
	CF_NEED(cf, cf_exchange(cf, &b.device, b.session, cf_key_c));
	memcpy(b.key, cf_key_c, CF_KEY);
	get_read_back_key(cf, &b);
	number = next_iv(cf, &b);
	CF_TRUE_DECIDED(cf, "BLT-24", number == first + 3, "%016llx follows %016llx + 2 over a key exchange",
			(unsigned long long)number, (unsigned long long)first);
	blt_refresh(cf, &b);
	number = next_iv(cf, &b);
	CF_TRUE_DECIDED(cf, "BLT-24", number == first + 4, "%016llx follows %016llx + 3 over a refresh",
			(unsigned long long)number, (unsigned long long)first);
}

/* Without the separate key this project's driver has no EncryptionBlt, and says so before all else. */
static void no_key_no_read_back(struct cf *cf)
{
	struct blt b = blt_open(cf);
	uint8_t iv[16], before[BLT_MOST];
	D3DDDIARG_ENCRYPTIONBLT arg = blt_encryption(&b, iv);

	CF_TRUE_DECIDED(cf, "BLT-26",
			!(cf_caps(cf)->Caps & (D3DCPCAPS_ENCRYPTEDREADBACK | D3DCPCAPS_ENCRYPTEDREADBACKKEY)),
			"Caps is %08x", (unsigned int)cf_caps(cf)->Caps);
	memset(iv, 0xc3, sizeof(iv));
	memset(b.out.memory, 0x77, b.size);
	CF_DECIDED(cf, "BLT-26", D3DDDIERR_NOTAVAILABLE, blt_encrypt(&b.device, &arg));
	memset(before, 0x77, b.size);
	CF_BYTES_DECIDED(cf, "BLT-26", before, b.out.memory, b.size, "the destination");
	memset(before, 0xc3, sizeof(iv));
	CF_BYTES_DECIDED(cf, "BLT-26", before, iv, sizeof(iv), "pIV");
	/* Step 3 before steps 4 to 8. */
	CF_DECIDED(cf, "BLT-120", D3DDDIERR_NOTAVAILABLE,
		   blt_encrypt(&b.device, &(D3DDDIARG_ENCRYPTIONBLT) { .hCryptoSession = NULL }));
}

static void row_padding_survives(struct cf *cf)
{
	struct blt b;
	uint8_t plain[BLT_MOST];

	cf_require_caps(cf, D3DCPCAPS_ENCRYPTEDREADBACK, NO_READ_BACK);
	b = blt_open_as(cf, D3DDDIFMT_A8R8G8B8, 5, 7);
	cf_pattern(plain, b.size, 5);
	blt_put(cf, &b, plain);
	blt_holds(cf, &b, "BLT-27", CF_BY_DECISION, plain, b.size, "the linear bytes, padding among them");
}

static void nothing_beyond_is_written(struct cf *cf)
{
	struct blt b = blt_open(cf);
	const size_t behind = 4 * (size_t)b.whole + 64;
	uint8_t *memory = blt_memory(cf, b.whole + behind), iv[16];
	D3DDDIARG_ENCRYPTIONBLT arg = blt_encryption(&b, iv);
	bool held = true;

	cf_require_caps(cf, D3DCPCAPS_ENCRYPTEDREADBACK, NO_READ_BACK);
	get_read_back_key(cf, &b);
	arg.hDstResource = blt_system_at(cf, &b, memory);
	for (uint32_t i = 0; i < 3; i++) {
		arg.DstResourceSize = b.whole * (i + 1);
		CF_DECIDED(cf, "BLT-28", S_OK, blt_encrypt(&b.device, &arg));
		for (size_t k = b.size; k < b.whole + behind; k++)
			held = held && memory[k] == 0x5a;
		CF_TRUE_DECIDED(cf, "BLT-28", held, "bytes behind L were written, DstResourceSize %u",
				arg.DstResourceSize);
	}
	/* And the surface that the suite keeps guards around. */
	arg.hDstResource = b.out.h;
	arg.DstResourceSize = b.whole;
	CF_NEED(cf, blt_encrypt(&b.device, &arg));
	CF_TRUE_DECIDED(cf, "BLT-28", cf_guards_hold(&b.out), "bytes around the destination were written");
}

const struct cf_test blt_encryption_tests[] = {
	{ "encryption-content-comes-back", "BLT-16", content_comes_back },
	{ "encryption-protection-on", "BLT-42", whatever_protection_says },
	{ "encryption-protection-off", "BLT-42", whatever_protection_says, .variant = 0xf9 },
	{ "encryption-key-bytes-vector", "BLT-17 BLT-19 BLT-20 BLT-118", the_read_back_key_encrypts },
	{ "encryption-without-read-back-key", "BLT-18 BLT-20", without_a_read_back_key },
	{ "encryption-place-of-the-vector", "BLT-20 BLT-21", the_vector_needs_a_place },
	{ "encryption-first-vector-random", "BLT-22", first_vectors_are_random },
	{ "encryption-vectors-count-up", "BLT-23 BLT-25", vectors_count_up },
	{ "encryption-sequence-goes-on", "BLT-24", the_sequence_goes_on },
	{ "encryption-not-offered", "BLT-26 BLT-120", no_key_no_read_back, .variant = 0x3d },
	{ "encryption-row-padding", "BLT-27", row_padding_survives },
	{ "encryption-nothing-beyond", "BLT-28", nothing_beyond_is_written },
	{ 0 },
};
