/* SPDX-License-Identifier: MIT */
/* Making an installation's root: the key that certifies each start's leaves. */
#include "gpu/private.h"

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

static int certificate_encode(X509 *certificate, struct gpu_bytes *ret)
{
	int size = i2d_X509(certificate, NULL);
	uint8_t *data;
	uint8_t *end;

	if (size <= 0)
		return gpu_crypto_error(-EIO);
	data = end = gpu_secret_alloc((size_t)size);
	if (data == NULL)
		return -ENOMEM;
	i2d_X509(certificate, &end);
	*ret = (struct gpu_bytes) { data, (size_t)size };
	return 0;
}

static int key_encode(EVP_PKEY *key, struct gpu_bytes *ret)
{
	PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key);
	int size = info != NULL ? i2d_PKCS8_PRIV_KEY_INFO(info, NULL) : 0;
	uint8_t *data = NULL;
	uint8_t *end;
	int r = 0;

	if (size <= 0) {
		r = gpu_crypto_error(-EIO);
	} else if ((data = end = gpu_secret_alloc((size_t)size)) == NULL) {
		r = -ENOMEM;
	} else {
		i2d_PKCS8_PRIV_KEY_INFO(info, &end);
		*ret = (struct gpu_bytes) { data, (size_t)size };
	}
	PKCS8_PRIV_KEY_INFO_free(info); /* wipes */
	return r;
}

int gpu_root_create(struct gpu_bytes *ret_key, struct gpu_bytes *ret_certificate)
{
	struct gpu_bytes key_bytes = { 0 };
	struct gpu_bytes certificate_bytes = { 0 };
	X509 *certificate = NULL;
	EVP_PKEY *key = NULL;
	int r;

	r = gpu_rsa_create(3072, /* stop= */ NULL, &key);
	if (r == 0)
		r = gpu_certificate_create(key, "dxvault root ", NULL, key, &certificate);
	if (r == 0)
		r = key_encode(key, &key_bytes);
	if (r == 0)
		r = certificate_encode(certificate, &certificate_bytes);
	if (r == 0) {
		*ret_key = key_bytes;
		*ret_certificate = certificate_bytes;
	} else {
		gpu_secret_free(key_bytes.data);
	}
	X509_free(certificate);
	EVP_PKEY_free(key);
	return r;
}
