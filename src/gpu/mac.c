/* SPDX-License-Identifier: MIT */
/* The tags of authenticated channels: OMAC1 with AES-128, by libcrypto's CMAC. */
#include "gpu/private.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <pthread.h>

#define CIPHER "AES-128-CBC"

struct gpu_mac {
	EVP_MAC_CTX *context; /* holds the key, its schedules and the subkeys */
	bool set;
};

static const uint8_t zeros[GPU_KEY_SIZE];

static pthread_mutex_t algorithm_lock = PTHREAD_MUTEX_INITIALIZER;
static EVP_MAC *algorithm; /* fetched once, kept for the process */
static EVP_CIPHER *cipher; /* the one that it fetches by itself: found once, it is found again */

static int load(struct gpu_mac *mac, const uint8_t key[GPU_KEY_SIZE])
{
	const OSSL_PARAM parameters[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_CIPHER, (char[]) { CIPHER }, 0),
		OSSL_PARAM_construct_end(),
	};

	/* The one that could not be wiped is gone: gpu_mac_clear. */
	if (mac->context == NULL)
		mac->context = EVP_MAC_CTX_new(algorithm);
	return mac->context == NULL ? 0 : EVP_MAC_init(mac->context, key, GPU_KEY_SIZE, parameters);
}

int gpu_mac_fetch(void)
{
	bool ready;

	gpu_crypto_begin();
	pthread_mutex_lock(&algorithm_lock);
	if (algorithm == NULL)
		algorithm = EVP_MAC_fetch(NULL, "CMAC", NULL);
	if (cipher == NULL)
		cipher = EVP_CIPHER_fetch(NULL, CIPHER, NULL);
	ready = algorithm != NULL && cipher != NULL;
	pthread_mutex_unlock(&algorithm_lock);
	return ready ? 0 : gpu_crypto_error(-EIO);
}

int gpu_mac_reserve(struct gpu_mac **ret)
{
	struct gpu_mac *mac;
	int r = gpu_mac_fetch();

	if (r < 0)
		return r;
	mac = gpu_secret_alloc(sizeof(*mac));
	if (mac == NULL)
		return -ENOMEM;
	mac->context = EVP_MAC_CTX_new(algorithm);
	/* A key that is none: whatever is missing shows now. */
	if (mac->context == NULL || load(mac, zeros) != 1) {
		gpu_mac_free(mac);
		return gpu_crypto_error(-ENOMEM);
	}
	*ret = mac;
	return 0;
}

int gpu_mac_set(struct gpu_mac *mac, const uint8_t key[GPU_KEY_SIZE])
{
	gpu_crypto_begin();
	if (load(mac, key) != 1) {
		gpu_mac_clear(mac);
		return gpu_crypto_error(-EIO);
	}
	mac->set = true;
	return 0;
}

void gpu_mac_clear(struct gpu_mac *mac)
{
	mac->set = false;
	/* A zero key over the schedules; rather none than some that are not wiped. */
	if (mac->context != NULL && load(mac, zeros) != 1) {
		ERR_clear_error();
		EVP_MAC_CTX_free(mac->context);
		mac->context = NULL;
	}
}

bool gpu_mac_is_set(const struct gpu_mac *mac)
{
	return mac->set;
}

int gpu_mac_compute(struct gpu_mac *mac, const void *data, size_t size, uint8_t ret[GPU_TAG_SIZE])
{
	uint8_t tag[GPU_TAG_SIZE];
	size_t written;

	if (!mac->set)
		return -ENOKEY;
	if (EVP_MAC_init(mac->context, NULL, 0, NULL) != 1 || EVP_MAC_update(mac->context, data, size) != 1 ||
	    EVP_MAC_final(mac->context, tag, &written, sizeof(tag)) != 1 || written != sizeof(tag)) {
		ERR_clear_error();
		return -EIO;
	}
	for (size_t i = 0; i < sizeof(tag); i++)
		ret[i] = tag[i];
	gpu_wipe(tag, sizeof(tag));
	return 0;
}

void gpu_mac_free(struct gpu_mac *mac)
{
	if (mac == NULL)
		return;
	EVP_MAC_CTX_free(mac->context); /* the heap wipes what it frees */
	gpu_secret_free(mac);
}
