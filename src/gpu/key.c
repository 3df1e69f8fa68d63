/* SPDX-License-Identifier: MIT */
/* Key slots: an AES-128 key, the contexts that hold its schedules, and key wrapping. */
#include "gpu/private.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <string.h>

static const uint8_t zeros[GPU_BLOCK_SIZE];

static pthread_mutex_t ciphers_lock = PTHREAD_MUTEX_INITIALIZER;
static EVP_CIPHER *cipher_ctr; /* fetched once, kept for the process */
static EVP_CIPHER *cipher_ecb;

int gpu_ciphers_fetch(void)
{
	bool ready;

	gpu_crypto_begin();
	pthread_mutex_lock(&ciphers_lock);
	if (cipher_ctr == NULL)
		cipher_ctr = EVP_CIPHER_fetch(NULL, "AES-128-CTR", NULL);
	if (cipher_ecb == NULL)
		cipher_ecb = EVP_CIPHER_fetch(NULL, "AES-128-ECB", NULL);
	ready = cipher_ctr != NULL && cipher_ecb != NULL;
	pthread_mutex_unlock(&ciphers_lock);
	return ready ? 0 : gpu_crypto_error(-EIO);
}

int gpu_ctr_context_create(EVP_CIPHER_CTX **ret)
{
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();

	/* The first key makes libcrypto allocate the schedule; the later ones only overwrite it. */
	if (context == NULL || EVP_EncryptInit_ex2(context, cipher_ctr, zeros, zeros, NULL) != 1) {
		EVP_CIPHER_CTX_free(context);
		ERR_clear_error();
		return -ENOMEM; /* the cipher is there, so nothing else can be missing */
	}
	*ret = context;
	return 0;
}

void gpu_ctr_context_wipe(EVP_CIPHER_CTX *context)
{
	uint8_t last;
	int size;

	/* Rather one that cannot be used again than one that is not wiped. */
	if (EVP_EncryptInit_ex2(context, NULL, zeros, zeros, NULL) != 1 ||
	    EVP_EncryptUpdate(context, &last, &size, zeros, 1) != 1) {
		ERR_clear_error();
		EVP_CIPHER_CTX_reset(context);
	}
}

static int ecb_context_create(EVP_CIPHER_CTX **ret)
{
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();

	if (context == NULL || EVP_EncryptInit_ex2(context, cipher_ecb, zeros, NULL, NULL) != 1 ||
	    EVP_CIPHER_CTX_set_padding(context, 0) != 1) {
		EVP_CIPHER_CTX_free(context);
		ERR_clear_error();
		return -ENOMEM;
	}
	*ret = context;
	return 0;
}

int gpu_key_reserve(struct gpu_key **ret)
{
	enum gpu_engine engine = GPU_ENGINE_AUTO;
	struct gpu_key *key;
	int r = gpu_ciphers_fetch();

	if (r == 0)
		r = gpu_engine_current(&engine);
	if (r < 0)
		return r;
	key = gpu_secret_alloc(sizeof(*key) + (engine == GPU_ENGINE_IPSEC_MB ? GPU_SCHEDULE_SIZE : 0));
	if (key == NULL)
		return -ENOMEM;
	key->engine = engine;
	atomic_flag_clear(&key->ctr_is_taken);
	if (engine == GPU_ENGINE_LIBCRYPTO)
		r = gpu_ctr_context_create(&key->ctr);
	if (r == 0)
		r = ecb_context_create(&key->ecb);
	if (r < 0) {
		gpu_key_free(key);
		return r;
	}
	*ret = key;
	return 0;
}

static int schedule_set(struct gpu_key *key, const uint8_t bytes[GPU_KEY_SIZE])
{
#ifdef CONFIG_IPSEC_MB
	if (key->engine == GPU_ENGINE_IPSEC_MB) {
		gpu_ipsec_mb_expand(bytes, key->schedule);
		return 0;
	}
#endif
	if (EVP_EncryptInit_ex2(key->ctr, NULL, bytes, NULL, NULL) != 1) {
		ERR_clear_error();
		return -EIO;
	}
	return 0;
}

int gpu_key_set(struct gpu_key *key, const uint8_t bytes[GPU_KEY_SIZE])
{
	if (schedule_set(key, bytes) < 0) {
		gpu_key_clear(key);
		return -EIO;
	}
	memmove(key->bytes, bytes, GPU_KEY_SIZE);
	key->set = true;
	return 0;
}

void gpu_key_clear(struct gpu_key *key)
{
	gpu_wipe(key->bytes, sizeof(key->bytes));
	key->set = false;
	if (key->engine == GPU_ENGINE_IPSEC_MB)
		gpu_wipe(key->schedule, GPU_SCHEDULE_SIZE);
	else
		gpu_ctr_context_wipe(key->ctr);
	if (EVP_EncryptInit_ex2(key->ecb, NULL, zeros, NULL, NULL) != 1) {
		ERR_clear_error();
		EVP_CIPHER_CTX_reset(key->ecb);
	}
}

bool gpu_key_is_set(const struct gpu_key *key)
{
	return key->set;
}

void gpu_key_free(struct gpu_key *key)
{
	if (key == NULL)
		return;
	EVP_CIPHER_CTX_free(key->ctr); /* libcrypto wipes the schedules itself, the heap wipes the rest */
	EVP_CIPHER_CTX_free(key->ecb);
	gpu_secret_free(key);
}

const uint8_t *gpu_key_bytes(const struct gpu_key *key)
{
	return key->bytes;
}

static int block_crypt(struct gpu_key *key, int encrypt, const uint8_t *in, uint8_t *out)
{
	int size;

	if (!key->set)
		return -ENOKEY;
	if (EVP_CipherInit_ex2(key->ecb, NULL, key->bytes, NULL, encrypt, NULL) != 1 ||
	    EVP_CipherUpdate(key->ecb, out, &size, in, GPU_BLOCK_SIZE) != 1 || size != GPU_BLOCK_SIZE) {
		ERR_clear_error();
		return -EIO;
	}
	return 0;
}

int gpu_key_wrap(struct gpu_key *key, const uint8_t in[GPU_BLOCK_SIZE], uint8_t out[GPU_BLOCK_SIZE])
{
	return block_crypt(key, 1, in, out);
}

int gpu_key_name(struct gpu_key *key, uint8_t ret[GPU_BLOCK_SIZE])
{
	/* The highest vector under the highest count: hardly ever a block of somebody's key stream. */
	static const uint8_t ones[GPU_BLOCK_SIZE] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
						      0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

	return block_crypt(key, 1, ones, ret);
}

int gpu_key_unwrap(struct gpu_key *key, const uint8_t in[GPU_BLOCK_SIZE], uint8_t out[GPU_BLOCK_SIZE])
{
	return block_crypt(key, 0, in, out);
}
