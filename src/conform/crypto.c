/* SPDX-License-Identifier: MIT */
/* What an application does by itself: AES-CTR, AES-ECB, AES-CMAC, keys and patterns, by libcrypto. */
#include "conform/cf.h"

#include <limits.h>
#include <openssl/core_names.h>
#include <openssl/params.h>
#include <string.h>

const uint8_t cf_key_k[CF_KEY] = { 0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07,
				   0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f };
const uint8_t cf_key_c[CF_KEY] = { 0xf0, 0xf1, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7,
				   0xf8, 0xf9, 0xfa, 0xfb, 0xfc, 0xfd, 0xfe, 0xff };

static void store(uint8_t ret[8], uint64_t value)
{
	for (int i = 7; i >= 0; i--, value >>= 8)
		ret[i] = (uint8_t)value;
}

static uint64_t load(const uint8_t bytes[8])
{
	uint64_t value = 0;

	for (int i = 0; i < 8; i++)
		value = value << 8 | bytes[i];
	return value;
}

void cf_iv(uint8_t ret[16], uint64_t iv, uint64_t count)
{
	store(ret, iv);
	store(ret + 8, count);
}

static void need(int good)
{
	if (good != 1)
		cf_give_up(cf_running, "libcrypto failed");
}

/* The key stream of one buffer; its counter goes on from run to run. */
struct stream {
	EVP_CIPHER_CTX *context;
	const uint8_t *key;
	uint8_t block[16]; /* the counter block of the next run */
	size_t used;	   /* bytes of that block that were used up */
};

static void stream_start(struct stream *stream, const uint8_t key[CF_KEY], const uint8_t iv[16])
{
	*stream = (struct stream) { .context = EVP_CIPHER_CTX_new(), .key = key };
	need(stream->context != NULL);
	memcpy(stream->block, iv, sizeof(stream->block));
	need(EVP_EncryptInit_ex(stream->context, EVP_aes_128_ctr(), NULL, key, iv));
}

static void stream_part(struct stream *stream, const uint8_t *in, uint8_t *out, size_t size)
{
	int done;

	need(EVP_EncryptUpdate(stream->context, out, &done, in, (int)size));
	need((size_t)done == size);
}

static void stream_run(struct stream *stream, const uint8_t *in, uint8_t *out, size_t size)
{
	while (size > 0) {
		const uint64_t count = load(stream->block + 8);
		/* libcrypto's counter is 16 bytes long: where ours ends, it starts anew. */
		const uint64_t blocks = count == 0 ? UINT64_MAX / 16 : UINT64_MAX - count + 1;
		size_t part = size < INT_MAX / 2 ? size : INT_MAX / 2;

		if (blocks <= UINT64_MAX / 16 && part > blocks * 16 - stream->used)
			part = (size_t)(blocks * 16 - stream->used);
		stream_part(stream, in, out, part);
		stream->used += part;
		store(stream->block + 8, count + stream->used / 16);
		stream->used %= 16;
		if (stream->used == 0 && count != 0 && load(stream->block + 8) == 0)
			need(EVP_EncryptInit_ex(stream->context, NULL, NULL, stream->key, stream->block));
		in += part;
		out += part;
		size -= part;
	}
}

void cf_ctr(const uint8_t key[CF_KEY], const uint8_t iv[16], const void *in, void *out, size_t size)
{
	struct stream stream;

	stream_start(&stream, key, iv);
	stream_run(&stream, in, out, size);
	EVP_CIPHER_CTX_free(stream.context);
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

void cf_ctr_pattern(const uint8_t key[CF_KEY], const uint8_t iv[16], const D3DDDIENCRYPTED_BLOCK_INFO *info,
		    const void *in, void *out, size_t size)
{
	const uint8_t *from = in;
	uint8_t *to = out;
	struct stream stream;
	size_t at, run;

	stream_start(&stream, key, iv);
	at = info ? least(info->NumEncryptedBytesAtBeginning, size) : size;
	stream_run(&stream, from, to, at);
	while (at < size) {
		run = info->NumBytesInEncryptPattern > 0 ? least(info->NumBytesInSkipPattern, size - at) : size - at;
		memmove(to + at, from + at, run);
		at += run;
		run = least(info->NumBytesInEncryptPattern, size - at);
		stream_run(&stream, from + at, to + at, run);
		at += run;
	}
	EVP_CIPHER_CTX_free(stream.context);
}

void cf_ecb(const uint8_t key[CF_KEY], bool encrypt, const uint8_t in[CF_KEY], uint8_t out[CF_KEY])
{
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	int size;

	need(context != NULL);
	need(EVP_CipherInit_ex(context, EVP_aes_128_ecb(), NULL, key, NULL, encrypt));
	need(EVP_CIPHER_CTX_set_padding(context, 0));
	need(EVP_CipherUpdate(context, out, &size, in, CF_KEY));
	EVP_CIPHER_CTX_free(context);
}

void cf_omac(const uint8_t key[CF_KEY], const void *data, size_t size, uint8_t ret[CF_KEY])
{
	char cipher[] = "AES-128-CBC";
	const OSSL_PARAM parameters[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_CIPHER, cipher, 0),
		OSSL_PARAM_construct_end(),
	};
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "CMAC", NULL);
	EVP_MAC_CTX *context;
	size_t written = 0;

	need(mac != NULL);
	context = EVP_MAC_CTX_new(mac);
	need(context != NULL);
	need(EVP_MAC_init(context, key, CF_KEY, parameters));
	need(EVP_MAC_update(context, data, size));
	need(EVP_MAC_final(context, ret, &written, CF_KEY));
	need(written == CF_KEY);
	EVP_MAC_CTX_free(context);
	EVP_MAC_free(mac);
}

void cf_key(uint32_t number, uint8_t ret[CF_KEY])
{
	uint8_t block[CF_KEY] = { 0 };

	store(block + 8, number);
	block[0] = 1;
	cf_ecb(cf_key_c, true, block, ret);
}

void cf_pattern(void *ret, size_t size, uint32_t seed)
{
	uint8_t *bytes = ret;
	uint64_t state = seed + UINT64_C(0x9e3779b97f4a7c15);

	for (size_t i = 0; i < size; i++) {
		state ^= state << 13;
		state ^= state >> 7;
		state ^= state << 17;
		bytes[i] = (uint8_t)(state >> 32);
	}
}
