/* SPDX-License-Identifier: MIT */
/* AES-128-CTR over a buffer, whole or in the encrypted runs of a pattern. */
#include "gpu/private.h"

#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <string.h>

/* What libcrypto takes at once: an int, and whole blocks, so that the counter goes on where it stopped. */
#define CHUNK_MAX ((size_t)(INT_MAX & ~(GPU_BLOCK_SIZE - 1)))

/* The context's counter goes on from call to call: runs of a pattern chain without a word (BLT-74). */
static int run_crypt(EVP_CIPHER_CTX *context, const uint8_t *src, uint8_t *dst, size_t size)
{
	while (size > 0) {
		size_t chunk = size < CHUNK_MAX ? size : CHUNK_MAX;
		int done;

		if (EVP_EncryptUpdate(context, dst, &done, src, (int)chunk) != 1 || (size_t)done != chunk)
			return -EIO;
		src += chunk;
		dst += chunk;
		size -= chunk;
	}
	return 0;
}

static size_t size_min(uint64_t a, size_t b)
{
	return a < b ? (size_t)a : b;
}

static bool pattern_is_whole(const struct gpu_pattern *pattern)
{
	return pattern == NULL || (pattern->skip == 0 && pattern->encrypt > 0);
}

uint64_t gpu_pattern_blocks(const struct gpu_pattern *pattern, uint64_t size)
{
	uint64_t encrypted = size;

	if (!pattern_is_whole(pattern)) {
		uint64_t first = pattern->first < size ? pattern->first : size;
		uint64_t period = (uint64_t)pattern->skip + pattern->encrypt;

		encrypted = first;
		if (pattern->encrypt > 0) {
			uint64_t rest = (size - first) % period;

			encrypted += (size - first) / period * pattern->encrypt;
			encrypted += rest > pattern->skip ? rest - pattern->skip : 0;
		}
	}
	return encrypted / GPU_BLOCK_SIZE + (encrypted % GPU_BLOCK_SIZE != 0);
}

static int pattern_crypt(EVP_CIPHER_CTX *context, const struct gpu_pattern *pattern, const uint8_t *src, uint8_t *dst,
			 size_t size)
{
	size_t run = size_min(pattern->first, size);
	size_t at = run;
	int r = run_crypt(context, src, dst, run);

	while (r == 0 && at < size) {
		run = pattern->encrypt > 0 ? size_min(pattern->skip, size - at) : size - at;
		memcpy(dst + at, src + at, run);
		at += run;
		run = size_min(pattern->encrypt, size - at);
		r = run_crypt(context, src + at, dst + at, run);
		at += run;
	}
	return r;
}

int gpu_ctr(struct gpu_key *key, const uint8_t iv[GPU_IV_SIZE], const struct gpu_pattern *pattern, const void *src,
	    void *dst, size_t size)
{
	EVP_CIPHER_CTX *context = gpu_key_ctr_context(key);
	int r = -EIO;

	if (context == NULL)
		return -ENOKEY;
	if (EVP_EncryptInit_ex2(context, NULL, NULL, iv, NULL) == 1) {
		if (pattern_is_whole(pattern))
			r = run_crypt(context, src, dst, size);
		else
			r = pattern_crypt(context, pattern, src, dst, size);
	}
	if (r < 0)
		ERR_clear_error();
	return r;
}

const char *gpu_engine_name(void)
{
	return "libcrypto";
}
