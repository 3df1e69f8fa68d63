/* SPDX-License-Identifier: MIT */
/*
 * AES-CTR for the demuxer, in place of libavutil's, which frees a film's key and its round keys as they are: libcrypto wipes
 * them. The dynamic linker finds these functions first, since the module that is loaded stands before what it needs
 * (SEC-03).
 */
#include <endian.h>
#include <libavutil/aes_ctr.h>
#include <libavutil/error.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

#pragma GCC visibility push(default)

enum { BLOCK = 16 };

struct AVAESCTR {
	EVP_CIPHER_CTX *context;
	uint8_t iv[BLOCK];
	uint64_t until_wrap; /* bytes, until the lower half of the counter begins anew; 0: more than a film has */
};

/* The upper half is the vector, and never carried into; libcrypto counts with both. */
static void begin(struct AVAESCTR *a)
{
	uint64_t blocks;

	memcpy(&blocks, a->iv + BLOCK / 2, sizeof(blocks));
	blocks = 0 - be64toh(blocks);
	a->until_wrap = blocks <= UINT32_MAX ? blocks * BLOCK : 0;
	(void)EVP_EncryptInit_ex2(a->context, NULL, NULL, a->iv, NULL);
}

struct AVAESCTR *av_aes_ctr_alloc(void)
{
	return calloc(1, sizeof(struct AVAESCTR));
}

int av_aes_ctr_init(struct AVAESCTR *a, const uint8_t *key)
{
	EVP_CIPHER_CTX_free(a->context);
	a->context = EVP_CIPHER_CTX_new();
	memset(a->iv, 0, BLOCK);
	a->until_wrap = 0;
	if (!a->context || EVP_EncryptInit_ex2(a->context, EVP_aes_128_ctr(), key, a->iv, NULL) != 1)
		return AVERROR(ENOMEM);
	return 0;
}

void av_aes_ctr_free(struct AVAESCTR *a)
{
	if (!a)
		return;
	EVP_CIPHER_CTX_free(a->context);
	free(a);
}

void av_aes_ctr_crypt(struct AVAESCTR *a, uint8_t *dst, const uint8_t *src, int size)
{
	int done;

	if (a->until_wrap > 0 && (uint64_t)size >= a->until_wrap) {
		int first = (int)a->until_wrap;

		(void)EVP_EncryptUpdate(a->context, dst, &done, src, first);
		memset(a->iv + BLOCK / 2, 0, BLOCK / 2);
		begin(a);
		dst += first;
		src += first;
		size -= first;
	} else if (a->until_wrap > 0) {
		a->until_wrap -= (uint64_t)size;
	}
	/* It has a key, and nothing else can fail; what is not decrypted is damage to the decoder. */
	(void)EVP_EncryptUpdate(a->context, dst, &done, src, size);
}

const uint8_t *av_aes_ctr_get_iv(struct AVAESCTR *a)
{
	return a->iv;
}

void av_aes_ctr_set_full_iv(struct AVAESCTR *a, const uint8_t *iv)
{
	memcpy(a->iv, iv, BLOCK);
	begin(a);
}

void av_aes_ctr_set_iv(struct AVAESCTR *a, const uint8_t *iv)
{
	memcpy(a->iv, iv, AES_CTR_IV_SIZE);
	memset(a->iv + AES_CTR_IV_SIZE, 0, BLOCK - AES_CTR_IV_SIZE);
	begin(a);
}

void av_aes_ctr_set_random_iv(struct AVAESCTR *a)
{
	uint8_t iv[AES_CTR_IV_SIZE] = { 0 };

	(void)RAND_bytes(iv, sizeof(iv));
	av_aes_ctr_set_iv(a, iv);
}

void av_aes_ctr_increment_iv(struct AVAESCTR *a)
{
	uint64_t vector;

	memcpy(&vector, a->iv, sizeof(vector));
	vector = htobe64(be64toh(vector) + 1);
	av_aes_ctr_set_iv(a, (const uint8_t *)&vector);
}
