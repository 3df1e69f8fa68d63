/* SPDX-License-Identifier: MIT */
/* Key slots and AES: the published vectors, patterns, what setting a key may need, what clearing it leaves. */
#include "gpu/gpu.h"
#include "secret_probe.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the engine --------------------------------------------------------------------------------- */

static bool engine_is_libcrypto(void)
{
	return strcmp(gpu_engine_name(), "libcrypto") == 0;
}

/* The tests run twice: with what this machine would choose, and with libcrypto. */
static int engine_start(void)
{
	const char *name = getenv("DXVAULT_TEST_ENGINE");
	int r = gpu_engine_start(name != NULL && strcmp(name, "libcrypto") == 0 ? GPU_ENGINE_LIBCRYPTO
										: GPU_ENGINE_AUTO);

	print_message("# engine: %s\n", gpu_engine_name());
	return r;
}

/* ---- vectors ------------------------------------------------------------------------------------ */

static void from_hex(uint8_t *ret, const char *hex)
{
	for (; *hex != '\0'; hex++) {
		unsigned int byte;

		if (*hex == ' ')
			continue;
		assert_int_equal(sscanf(hex, "%2x", &byte), 1);
		*ret++ = (uint8_t)byte;
		hex++;
	}
}

#define K	       "000102030405060708090a0b0c0d0e0f"
#define R	       "a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5"
#define K_XOR_R	       "a5a4a7a6a1a0a3a2adacafaea9a8abaa"
#define C	       "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff"
#define C_WITH_K       "66a7c7e8345231489751de073316adad"
#define C_WITH_K_XOR_R "0bc17c14ee3a08c49b5d7ed22a872b28"

static struct gpu_key *key_create(const char *hex)
{
	uint8_t bytes[GPU_KEY_SIZE];
	struct gpu_key *key;

	from_hex(bytes, hex);
	assert_int_equal(gpu_key_reserve(&key), 0);
	assert_int_equal(gpu_key_set(key, bytes), 0);
	return key;
}

static void plaintext_fill(uint8_t *ret, size_t size)
{
	for (size_t i = 0; i < size; i++)
		ret[i] = (uint8_t)i;
}

struct vector {
	const char *name;
	const char *key;
	const char *iv;
	const struct gpu_pattern *pattern;
	const char *ciphertext;
	uint64_t blocks;
};

/* The vectors of blt.md: BLT-01, BLT-03, BLT-64, BLT-65, BLT-67, BLT-68, BLT-74, BLT-77. */
static const struct vector vectors[] = {
	{ "F1", K, "00000000000000010000000000000000", NULL,
	  "13199869e0ae01a978aaa0b63cb397d1 9f853b57589a5d22815b082ea90dc122"
	  "b4756417384a7f56d6279c499dd6b77f ed975d1628c88feba7f7cdf20f87bcb5",
	  4 },
	{ "F2", C, "0123456789abcdef0000000000000010", NULL,
	  "dc28df2e7f51e7d7ece75e92317c12d7 b48eb3fae6dd8fe56a9c8df9d3425f7f"
	  "ca33e20d248e7427de49bf242c2d0c8d 3200c8d1109f5cb9b970de8734ca37ad",
	  4 },
	{ "F3", K, "000000000000000500000000fffffffe", NULL,
	  "3b98746867dea8ce331f6635d9a7a730 a1f185fbc772d9e175cf403f10d85433"
	  "1d5b0742abb2129a5971026c1ab54051 8da905a8f9e10b4e6fe894c4d4d1a2bd",
	  4 },
	{ "P1", K, "00000000000000020000000000000000", &(const struct gpu_pattern) { 16, 16, 16 },
	  "c76f8dcc7ed5f89c31e9897890b328cd 101112131415161718191a1b1c1d1e1f"
	  "a3d5293a914b039775e2738b2f702a1b 303132333435363738393a3b3c3d3e3f",
	  2 },
	{ "P2", K, "00000000000000030000000000000000", &(const struct gpu_pattern) { 0, 16, 32 },
	  "000102030405060708090a0b0c0d0e0f 80da5772082413df5e3da8b70ed6456b"
	  "34c22120c0f01074a674e04073a860c1 303132333435363738393a3b3c3d3e3f",
	  2 },
	{ "P3", K, "00000000000000040000000000000000", &(const struct gpu_pattern) { 32, 0, 0 },
	  "79d17a27057c9a88da582be365b8bb3d 2780082b5f23c70948de44cdf0294adf"
	  "202122232425262728292a2b2c2d2e2f 303132333435363738393a3b3c3d3e3f",
	  2 },
};

static void test_vectors(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		const struct vector *vector = &vectors[i];
		struct gpu_key *key = key_create(vector->key);
		uint8_t plain[64], wanted[64], got[64], iv[16];

		print_message("vector %s\n", vector->name);
		plaintext_fill(plain, sizeof(plain));
		from_hex(wanted, vector->ciphertext);
		from_hex(iv, vector->iv);
		assert_int_equal(gpu_ctr(key, iv, vector->pattern, plain, got, sizeof(got)), 0);
		assert_memory_equal(got, wanted, sizeof(got));
		/* the other way, and the context starts afresh */
		assert_int_equal(gpu_ctr(key, iv, vector->pattern, wanted, got, sizeof(got)), 0);
		assert_memory_equal(got, plain, sizeof(got));
		assert_int_equal(gpu_pattern_blocks(vector->pattern, 64), vector->blocks);
		gpu_key_free(key);
	}
}

/* BLT-74: the counter is not bound to the position. */
static void test_vector_p1x_differs(void **state)
{
	struct gpu_key *key = key_create(K);
	uint8_t plain[64], p1x[64], got[64];
	uint8_t iv[16] = { [7] = 2 };
	struct gpu_pattern pattern = { 16, 16, 16 };

	(void)state;
	from_hex(p1x, "c76f8dcc7ed5f89c31e9897890b328cd 101112131415161718191a1b1c1d1e1f"
		      "25985676b3f98a7790b64dbd382b9601 303132333435363738393a3b3c3d3e3f");
	plaintext_fill(plain, sizeof(plain));
	assert_int_equal(gpu_ctr(key, iv, &pattern, plain, got, sizeof(got)), 0);
	assert_memory_equal(got, p1x, 32);
	assert_memory_not_equal(got + 32, p1x + 32, 16);
	gpu_key_free(key);
}

/* BLT-03: 4096 bytes that cross 2^32 after an odd number of blocks. */
static void test_vector_f4(void **state)
{
	struct gpu_key *key = key_create(K);
	uint8_t plain[4096], got[4096], iv[16], wanted[32], hash[32];

	(void)state;
	plaintext_fill(plain, sizeof(plain));
	from_hex(iv, "000000000000000600000000ffffff85");
	assert_int_equal(gpu_ctr(key, iv, NULL, plain, got, sizeof(got)), 0);
	from_hex(wanted, "54c7783a5a3425308d4124f305c05617 5f21315a1ad2a4392f2700f998deed20");
	assert_memory_equal(got, wanted, 16);
	assert_memory_equal(got + 4080, wanted + 16, 16);
	from_hex(wanted, "59d6693a4ead87de3bb6a1c69c41355ecf93ef59401bacdcf73eb4c258b25978");
	assert_int_equal(EVP_Digest(got, sizeof(got), hash, NULL, EVP_sha256(), NULL), 1);
	assert_memory_equal(hash, wanted, 32);
	gpu_key_free(key);
}

/* NIST SP 800-38A, F.5.1 CTR-AES128.Encrypt. */
static void test_vector_nist(void **state)
{
	struct gpu_key *key = key_create("2b7e151628aed2a6abf7158809cf4f3c");
	uint8_t plain[64], wanted[64], got[64], iv[16];

	(void)state;
	from_hex(iv, "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff");
	from_hex(plain, "6bc1bee22e409f96e93d7e117393172a ae2d8a571e03ac9c9eb76fac45af8e51"
			"30c81c46a35ce411e5fbc1191a0a52ef f69f2445df4f9b17ad2b417be66c3710");
	from_hex(wanted, "874d6191b620e3261bef6864990db6ce 9806f66b7970fdff8617187bb9fffdff"
			 "5ae4df3edbd5d35e5b4f09020db03eab 1e031dda2fbe03d1792170a0f3009cee");
	assert_int_equal(gpu_ctr(key, iv, NULL, plain, got, sizeof(got)), 0);
	assert_memory_equal(got, wanted, sizeof(got));
	/* a tail uses part of its block, and nothing is written behind it */
	memset(got, 0xee, sizeof(got));
	assert_int_equal(gpu_ctr(key, iv, NULL, plain, got, 21), 0);
	assert_memory_equal(got, wanted, 21);
	assert_int_equal(got[21], 0xee);
	assert_int_equal(gpu_ctr(key, iv, NULL, plain, got, 0), 0);
	gpu_key_free(key);
}

/* ---- patterns ----------------------------------------------------------------------------------- */

enum { SIZE = 64 * 16 };

/* BLT-65 read literally, byte by byte, over the key stream. Returns the encrypted bytes. */
static uint64_t model_crypt(const struct gpu_pattern *pattern, const uint8_t *stream, const uint8_t *src, uint8_t *dst)
{
	uint64_t used = 0;
	uint64_t period = (uint64_t)pattern->skip + pattern->encrypt;

	for (uint64_t i = 0; i < SIZE; i++) {
		bool encrypted = i < pattern->first;

		if (!encrypted && pattern->encrypt > 0)
			encrypted = (i - pattern->first) % period >= pattern->skip;
		dst[i] = encrypted ? src[i] ^ stream[used++] : src[i];
	}
	return used;
}

/* BLT-65, BLT-67 to BLT-71, BLT-73 (what passes it), BLT-74, BLT-77. */
static void test_patterns(void **state)
{
	static const struct gpu_pattern patterns[] = {
		{ 0, 0, 0 },
		{ 16, 0, 0 },
		{ 16, 32, 0 },
		{ 16, 0, 16 },
		{ 0, 0, 16 },
		{ SIZE, 0, 0 },
		{ SIZE, 16, 16 },
		{ 0, 16, 16 },
		{ 32, 144, 16 },
		{ 0, 48, 80 },
		{ 0, 16, 64 },
		{ 16, 1u << 31, 16 },
		{ 16, 16, 0xfffffff0u },
		{ 16, 0xfffffff0u, 0xfffffff0u },
	};
	struct gpu_key *key = key_create(K);
	uint8_t zeros[SIZE] = { 0 }, stream[SIZE], src[SIZE], wanted[SIZE], got[SIZE];
	uint8_t iv[16] = { [7] = 9, [12] = 0xff, [13] = 0xff, [14] = 0xff, [15] = 0xfd };

	(void)state;
	assert_int_equal(gpu_ctr(key, iv, NULL, zeros, stream, SIZE), 0);
	assert_int_equal(gpu_random(src, SIZE), 0);
	for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
		uint64_t used = model_crypt(&patterns[i], stream, src, wanted);

		memset(got, 0xee, SIZE);
		assert_int_equal(gpu_ctr(key, iv, &patterns[i], src, got, SIZE), 0);
		assert_memory_equal(got, wanted, SIZE);
		assert_int_equal(gpu_pattern_blocks(&patterns[i], SIZE), used / 16);
	}
	/* BLT-71: nothing is encrypted. BLT-69, BLT-70: as NULL, as {16, 0, 0}. */
	assert_int_equal(gpu_ctr(key, iv, &patterns[0], src, got, SIZE), 0);
	assert_memory_equal(got, src, SIZE);
	assert_int_equal(gpu_ctr(key, iv, NULL, src, wanted, SIZE), 0);
	assert_int_equal(gpu_ctr(key, iv, &patterns[3], src, got, SIZE), 0);
	assert_memory_equal(got, wanted, SIZE);
	assert_int_equal(gpu_ctr(key, iv, &patterns[1], src, wanted, SIZE), 0);
	assert_int_equal(gpu_ctr(key, iv, &patterns[2], src, got, SIZE), 0);
	assert_memory_equal(got, wanted, SIZE);
	gpu_key_free(key);
}

static void test_pattern_blocks(void **state)
{
	const struct gpu_pattern sparse = { 16, 144, 16 };
	const struct gpu_pattern huge = { 0, 0xfffffff0u, 0xfffffff0u };

	(void)state;
	assert_int_equal(gpu_pattern_blocks(NULL, 0), 0);
	assert_int_equal(gpu_pattern_blocks(NULL, 17), 2);
	assert_int_equal(gpu_pattern_blocks(NULL, UINT64_MAX), UINT64_C(1) << 60);
	assert_int_equal(gpu_pattern_blocks(&sparse, 16), 1);
	assert_int_equal(gpu_pattern_blocks(&sparse, 16 + 159), 2);
	assert_int_equal(gpu_pattern_blocks(&sparse, 16 + 160), 2);
	assert_int_equal(gpu_pattern_blocks(&sparse, 16 + 160 * 1000), 1001);
	assert_int_equal(gpu_pattern_blocks(&huge, 0x2ffffffd0u), 0x0fffffffu);
	assert_int_equal(gpu_pattern_blocks(&huge, 0x2ffffffe0u), 0x10000000u);
	/* BLT-77: one encrypted block in 64 bytes */
	assert_int_equal(gpu_pattern_blocks(&(const struct gpu_pattern) { 16, 0, 0 }, 64), 1);
}

/* BLT-03: 2^32 blocks and Count's last one; the last block of all is Count ffffffffffffffff. */
static void test_count_boundaries(void **state)
{
	static const char *const ivs[] = {
		"0000000000000007 00000000fffffff0",
		"0000000000000007 0000000fffffffff",
		"0000000000000007 ffffffffffffffe0",
	};
	struct gpu_key *key = key_create(K);
	uint8_t zeros[32 * 16] = { 0 }, got[32 * 16], counter[16], block[16];

	(void)state;
	for (size_t i = 0; i < sizeof(ivs) / sizeof(ivs[0]); i++) {
		from_hex(counter, ivs[i]);
		assert_int_equal(gpu_ctr(key, counter, NULL, zeros, got, sizeof(got)), 0);
		for (size_t j = 0; j < 32; j++) {
			assert_int_equal(gpu_key_wrap(key, counter, block), 0);
			assert_memory_equal(got + 16 * j, block, 16);
			for (size_t k = 15; k >= 8 && ++counter[k] == 0; k--)
				;
		}
	}
	gpu_key_free(key);
}

/* ---- wrapping ----------------------------------------------------------------------------------- */

static void wrap_check(struct gpu_key *key, const char *clear_hex, const char *wrapped_hex)
{
	uint8_t clear[16], wrapped[16], got[16];

	from_hex(clear, clear_hex);
	from_hex(wrapped, wrapped_hex);
	assert_int_equal(gpu_key_wrap(key, clear, got), 0);
	assert_memory_equal(got, wrapped, 16);
	assert_int_equal(gpu_key_unwrap(key, got, got), 0);
	assert_memory_equal(got, clear, 16);
	assert_int_equal(gpu_key_unwrap(key, wrapped, got), 0);
	assert_memory_equal(got, clear, 16);
}

/* CS-64, BLT-78, and the refreshed key of CS-52 and CS-57. */
static void test_wrap(void **state)
{
	struct gpu_key *key = key_create(K);
	uint8_t plain[16], wanted[16], got[16], bytes[16], number[16];
	uint8_t iv[16] = { [7] = 1 };

	(void)state;
	wrap_check(key, C, C_WITH_K);
	from_hex(number, R);
	for (size_t i = 0; i < 16; i++)
		bytes[i] = gpu_key_bytes(key)[i] ^ number[i];
	assert_int_equal(gpu_key_set(key, bytes), 0);
	from_hex(wanted, K_XOR_R);
	assert_memory_equal(gpu_key_bytes(key), wanted, 16);
	wrap_check(key, C, C_WITH_K_XOR_R);
	plaintext_fill(plain, 16);
	from_hex(wanted, "c1f7d8daaf35f298a08e8841ae413de1");
	assert_int_equal(gpu_ctr(key, iv, NULL, plain, got, 16), 0);
	assert_memory_equal(got, wanted, 16);
	gpu_key_free(key);
}

/* ---- slots -------------------------------------------------------------------------------------- */

static void test_slot_empty(void **state)
{
	uint8_t bytes[16] = { 1 }, out[16] = { 2 };
	struct gpu_key *key;

	(void)state;
	assert_int_equal(gpu_key_reserve(&key), 0);
	for (int round = 0; round < 2; round++) {
		assert_false(gpu_key_is_set(key));
		assert_int_equal(gpu_ctr(key, bytes, NULL, bytes, out, 16), -ENOKEY);
		assert_int_equal(gpu_key_wrap(key, bytes, out), -ENOKEY);
		assert_int_equal(gpu_key_unwrap(key, bytes, out), -ENOKEY);
		assert_int_equal(out[0], 2);
		assert_int_equal(gpu_key_set(key, bytes), 0);
		assert_true(gpu_key_is_set(key));
		gpu_key_clear(key);
	}
	gpu_key_free(key);
	gpu_key_free(NULL);
}

/* CS-41: every key value is a key. FIPS 197 has none weak; zero is the one an implementation could take for "none". */
static void test_key_zero(void **state)
{
	struct gpu_key *key = key_create("00000000000000000000000000000000");

	(void)state;
	assert_true(gpu_key_is_set(key));
	wrap_check(key, "00000000000000000000000000000000", "66e94bd4ef8a2c3b884cfa59ca342b2e");
	gpu_key_free(key);
}

/* CS-07: a reserved slot never asks for memory again. */
static void test_slot_needs_no_memory(void **state)
{
	struct gpu_pattern pattern = { 16, 16, 16 };
	uint8_t bytes[16] = { 1 }, iv[16] = { 0 }, src[64] = { 0 }, dst[64];
	unsigned int before;
	struct gpu_key *key;

	(void)state;
	assert_int_equal(gpu_key_reserve(&key), 0);
	before = sp_allocations;
	assert_true(before > 0);
	sp_refuse_after(0, /* lone= */ false);
	for (int round = 0; round < 3; round++) {
		assert_int_equal(gpu_key_set(key, bytes), 0);
		assert_int_equal(gpu_key_set(key, iv), 0);
		assert_int_equal(gpu_ctr(key, iv, &pattern, src, dst, 64), 0);
		assert_int_equal(gpu_ctr(key, iv, NULL, src, dst, 63), 0);
		assert_int_equal(gpu_key_wrap(key, bytes, dst), 0);
		assert_int_equal(gpu_key_unwrap(key, bytes, dst), 0);
		gpu_key_clear(key);
	}
	sp_refuse_none();
	assert_int_equal(sp_allocations, before);
	gpu_key_free(key);
}

/* Each allocation of a reservation refused in turn. */
static void test_reserve_without_memory(void **state)
{
	struct gpu_key *key = NULL;
	int refused = 0;
	int r = -1;
	int least = engine_is_libcrypto() ? 4 : 2; /* two for each context */

	(void)state;
	for (int n = 0; n < 50 && r != 0; n++) {
		sp_refuse_after(n, /* lone= */ false);
		r = gpu_key_reserve(&key);
		sp_refuse_none();
		if (r != 0) {
			assert_int_equal(r, -ENOMEM);
			assert_null(key);
			refused++;
		}
	}
	assert_int_equal(r, 0);
	assert_true(refused >= least);
	gpu_key_free(key);
}

/* CS-46: after release neither the key area nor a schedule (whose first round key is the key) holds the key. */
static void test_key_wiped(void **state)
{
	uint8_t bytes[GPU_KEY_SIZE], iv[16] = { 0 }, data[24] = { 0 }, stream[16];
	static const uint8_t zeros[16];
	const uint8_t *area;
	struct gpu_key *key;

	(void)state;
	for (int release = 0; release < 2; release++) {
		assert_int_equal(gpu_random(bytes, sizeof(bytes)), 0);
		assert_int_equal(gpu_key_reserve(&key), 0);
		assert_int_equal(gpu_key_set(key, bytes), 0);
		assert_int_equal(gpu_key_wrap(key, iv, stream), 0);
		/* 24 bytes: libcrypto's context keeps the last block of key stream */
		assert_int_equal(gpu_ctr(key, iv, NULL, data, data, 24), 0);
		iv[15] = 1;
		assert_int_equal(gpu_key_wrap(key, iv, stream), 0);
		iv[15] = 0;
		area = gpu_key_bytes(key);
		assert_memory_equal(area, bytes, GPU_KEY_SIZE);
		assert_true(sp_mapping_count(area, bytes) >= 3);
		assert_int_equal(sp_mapping_count(area, stream) >= 1, engine_is_libcrypto());
		if (release == 0) {
			gpu_key_clear(key);
			assert_memory_equal(area, zeros, GPU_KEY_SIZE);
			assert_false(gpu_key_is_set(key));
		} else {
			gpu_key_free(key);
			assert_memory_equal(area, zeros, GPU_KEY_SIZE);
		}
		assert_int_equal(sp_mapping_count(area, bytes), 0);
		assert_int_equal(sp_mapping_count(area, stream), 0);
		if (release == 0)
			gpu_key_free(key);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_vector_p1x_differs),
		cmocka_unit_test(test_vector_f4),
		cmocka_unit_test(test_vector_nist),
		cmocka_unit_test(test_patterns),
		cmocka_unit_test(test_pattern_blocks),
		cmocka_unit_test(test_count_boundaries),
		cmocka_unit_test(test_wrap),
		cmocka_unit_test(test_slot_empty),
		cmocka_unit_test(test_key_zero),
		cmocka_unit_test(test_slot_needs_no_memory),
		cmocka_unit_test(test_reserve_without_memory),
		cmocka_unit_test(test_key_wiped),
	};

	if (gpu_memory_start(GPU_MEMORY_PLAIN, GPU_MEMORY_SECRET) < 0 || sp_route_libcrypto() < 0 || engine_start() < 0)
		return 2;
	return cmocka_run_group_tests_name("gpu_key", tests, NULL, NULL);
}
