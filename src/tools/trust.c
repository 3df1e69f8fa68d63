/* SPDX-License-Identifier: MIT */
/* The driver's certificate chain as a player sees it: checked against the trust anchor, then used. */
#include "tools/trust.h"

#include <limits.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CHAIN_MAX = 8 };

struct trust {
	EVP_PKEY *key;
};

static STACK_OF(X509) * chain_parse(const uint8_t *data, size_t size)
{
	STACK_OF(X509) *chain = sk_X509_new_null();
	const unsigned char *at = data;

	while (chain && at < data + size && sk_X509_num(chain) < CHAIN_MAX) {
		X509 *certificate = d2i_X509(NULL, &at, (long)(data + size - at));

		if (!certificate)
			break;
		if (!sk_X509_push(chain, certificate)) {
			X509_free(certificate);
			break;
		}
	}
	if (chain && (at != data + size || sk_X509_num(chain) < 2)) {
		sk_X509_pop_free(chain, X509_free);
		return NULL;
	}
	return chain;
}

/* What lies between leaf and root is only a hint; nothing is trusted but the anchor. */
static int chain_verify(STACK_OF(X509) * chain, X509 *anchor)
{
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *context = X509_STORE_CTX_new();
	int good = 0;

	if (store && context && X509_STORE_add_cert(store, anchor) &&
	    X509_STORE_CTX_init(context, store, sk_X509_value(chain, 0), chain))
		good = X509_verify_cert(context) == 1;
	X509_STORE_CTX_free(context);
	X509_STORE_free(store);
	return good ? 0 : -1;
}

int trust_check(const uint8_t *chain_data, size_t chain_size, const uint8_t *anchor_data, size_t anchor_size,
		struct trust **ret, const char **ret_problem)
{
	const unsigned char *at = anchor_data;
	X509 *anchor = d2i_X509(NULL, &at, (long)anchor_size);
	STACK_OF(X509) *chain = chain_parse(chain_data, chain_size);
	struct trust *trust = NULL;

	if (!anchor) {
		*ret_problem = "the trust anchor is no certificate";
	} else if (!chain) {
		*ret_problem = "the driver's certificate chain can't be read";
	} else if (chain_verify(chain, anchor) < 0) {
		*ret_problem = "the driver's certificate does not lead to the trust anchor";
	} else {
		EVP_PKEY *key = X509_get_pubkey(sk_X509_value(chain, 0));

		if (key && EVP_PKEY_is_a(key, "RSA") && EVP_PKEY_get_bits(key) == 2048)
			trust = calloc(1, sizeof(*trust));
		if (trust)
			trust->key = key;
		else
			EVP_PKEY_free(key);
		*ret_problem = "the driver's certificate has no RSA-2048 key";
	}
	X509_free(anchor);
	sk_X509_pop_free(chain, X509_free);
	if (!trust)
		return -1;
	*ret = trust;
	return 0;
}

int trust_encrypt(struct trust *trust, const uint8_t *key, size_t key_size, uint8_t blob[TRUST_BLOB_SIZE])
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(trust->key, NULL);
	size_t size = TRUST_BLOB_SIZE;
	int good;

	good = context && EVP_PKEY_encrypt_init(context) > 0 &&
	       EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING) > 0 &&
	       EVP_PKEY_CTX_set_rsa_oaep_md(context, EVP_sha512()) > 0 &&
	       EVP_PKEY_CTX_set_rsa_mgf1_md(context, EVP_sha512()) > 0 &&
	       EVP_PKEY_encrypt(context, blob, &size, key, key_size) > 0 && size == TRUST_BLOB_SIZE;
	EVP_PKEY_CTX_free(context);
	return good ? 0 : -1;
}

void trust_free(struct trust *trust)
{
	if (!trust)
		return;
	EVP_PKEY_free(trust->key);
	free(trust);
}

int trust_read_file(const char *path, uint8_t **ret, size_t *ret_size)
{
	FILE *file = fopen(path, "rbe");
	X509 *certificate = NULL;
	unsigned char *data = NULL;
	int size;

	if (!file)
		return -1;
	certificate = PEM_read_X509(file, NULL, NULL, NULL);
	if (!certificate) {
		rewind(file);
		certificate = d2i_X509_fp(file, NULL);
	}
	fclose(file);
	size = certificate ? i2d_X509(certificate, &data) : -1;
	X509_free(certificate);
	if (size <= 0)
		return -1;
	*ret = malloc((size_t)size);
	if (*ret)
		memcpy(*ret, data, (size_t)size);
	OPENSSL_free(data);
	*ret_size = (size_t)size;
	return *ret ? 0 : -1;
}
