/* SPDX-License-Identifier: MIT */
/* AES-CTR for the demuxer beside AES block by block: pieces of any size, and a counter whose lower half begins anew. */
#include <libavutil/aes_ctr.h>
#include <openssl/evp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { BLOCK = 16, SIZE = 40 * BLOCK + 5 };

static const uint8_t key[BLOCK] = { 0x2b, 0x7e, 0x15, 0x16, 0x28, 0xae, 0xd2, 0xa6,
				    0xab, 0xf7, 0x15, 0x88, 0x09, 0xcf, 0x4f, 0x3c };

/* The lower half counts, and is not carried out of. */
static void expect(const uint8_t iv[BLOCK], const uint8_t *in, uint8_t *out)
{
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	uint8_t counter[BLOCK];
	uint8_t stream[BLOCK];
	int done;

	memcpy(counter, iv, BLOCK);
	assert_int_equal(EVP_EncryptInit_ex2(context, EVP_aes_128_ecb(), key, NULL, NULL), 1);
	EVP_CIPHER_CTX_set_padding(context, 0);
	for (size_t i = 0; i < SIZE; i++) {
		if (i % BLOCK == 0) {
			assert_int_equal(EVP_EncryptUpdate(context, stream, &done, counter, BLOCK), 1);
			for (int at = BLOCK - 1; at >= BLOCK / 2 && ++counter[at] == 0; at--)
				;
		}
		out[i] = in[i] ^ stream[i % BLOCK];
	}
	EVP_CIPHER_CTX_free(context);
}

static void check(const uint8_t iv[BLOCK], int piece)
{
	struct AVAESCTR *a = av_aes_ctr_alloc();
	uint8_t in[SIZE];
	uint8_t out[SIZE];
	uint8_t expected[SIZE];

	for (size_t i = 0; i < SIZE; i++)
		in[i] = (uint8_t)(i * 7);
	expect(iv, in, expected);
	assert_non_null(a);
	assert_int_equal(av_aes_ctr_init(a, key), 0);
	/* A second picture under the same key begins anew. */
	for (int again = 0; again < 2; again++) {
		memcpy(out, in, SIZE);
		av_aes_ctr_set_full_iv(a, iv);
		for (int at = 0; at < SIZE; at += piece)
			av_aes_ctr_crypt(a, out + at, out + at, SIZE - at < piece ? SIZE - at : piece);
		assert_memory_equal(out, expected, SIZE);
	}
	av_aes_ctr_free(a);
}

static void test_pieces(void **state)
{
	static const uint8_t ivs[][BLOCK] = {
		{ 1, 2, 3, 4, 5, 6, 7, 8, 0 },
		{ 1, 2, 3, 4, 5, 6, 7, 8, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff },
		{ 1, 2, 3, 4, 5, 6, 7, 8, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xf1 },
		{ 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xd8 },
		{ 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xfe },
	};
	static const int pieces[] = { 1, 3, BLOCK, 2 * BLOCK - 1, 15 * BLOCK, SIZE };

	for (size_t i = 0; i < sizeof(ivs) / sizeof(ivs[0]); i++) {
		for (size_t j = 0; j < sizeof(pieces) / sizeof(pieces[0]); j++)
			check(ivs[i], pieces[j]);
	}
}

static void test_short_vectors(void **state)
{
	static const uint8_t short_iv[AES_CTR_IV_SIZE] = { 9, 8, 7, 6, 5, 4, 3, 0xff };
	static const uint8_t full[BLOCK] = { 9, 8, 7, 6, 5, 4, 3, 0xff };
	static const uint8_t next[BLOCK] = { 9, 8, 7, 6, 5, 4, 4, 0 };
	struct AVAESCTR *a = av_aes_ctr_alloc();
	uint8_t first[AES_CTR_IV_SIZE];

	assert_int_equal(av_aes_ctr_init(a, key), 0);
	av_aes_ctr_set_iv(a, short_iv);
	assert_memory_equal(av_aes_ctr_get_iv(a), full, BLOCK);
	av_aes_ctr_increment_iv(a);
	assert_memory_equal(av_aes_ctr_get_iv(a), next, BLOCK);
	av_aes_ctr_set_random_iv(a);
	memcpy(first, av_aes_ctr_get_iv(a), sizeof(first));
	av_aes_ctr_set_random_iv(a);
	assert_memory_not_equal(av_aes_ctr_get_iv(a), first, sizeof(first));
	av_aes_ctr_free(a);
	av_aes_ctr_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_short_vectors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
