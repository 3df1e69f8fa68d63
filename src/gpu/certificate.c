/* SPDX-License-Identifier: MIT */
/* Making RSA keys and X.509 certificates: what the root and the leaves have in common. */
#include "gpu/private.h"

#include <errno.h>
#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>

enum {
	DAY = 24 * 60 * 60,
	ROOT_DAYS = 30 * 365 + 8,
	LEAF_DAYS = 365,
	SERIAL_SIZE = 16,
	HASH_SHOWN = 4,
};

/* Asked again and again while primes are looked for; 0 gives up. */
static int keygen_goes_on(EVP_PKEY_CTX *context)
{
	const atomic_bool *stop = EVP_PKEY_CTX_get_app_data(context);

	return !stop || !atomic_load(stop);
}

int gpu_rsa_create(unsigned int bits, const atomic_bool *stop, EVP_PKEY **ret)
{
	EVP_PKEY_CTX *context;
	BIGNUM *exponent;
	EVP_PKEY *key = NULL;
	int r = 0;

	gpu_crypto_begin();
	context = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	exponent = BN_new();
	if (context != NULL) {
		EVP_PKEY_CTX_set_app_data(context, (void *)(uintptr_t)stop);
		EVP_PKEY_CTX_set_cb(context, keygen_goes_on);
	}
	if (context == NULL || exponent == NULL || BN_set_word(exponent, RSA_F4) != 1 ||
	    EVP_PKEY_keygen_init(context) != 1 || EVP_PKEY_CTX_set_rsa_keygen_bits(context, (int)bits) != 1 ||
	    EVP_PKEY_CTX_set1_rsa_keygen_pubexp(context, exponent) != 1 || EVP_PKEY_generate(context, &key) != 1)
		r = gpu_crypto_error(-EIO);
	else
		*ret = key;
	BN_free(exponent);
	EVP_PKEY_CTX_free(context);
	return r;
}

static int serial_set(X509 *certificate)
{
	uint8_t bytes[SERIAL_SIZE];
	BIGNUM *number;
	bool done;

	if (gpu_random(bytes, sizeof(bytes)) < 0)
		return -EIO;
	bytes[0] = (bytes[0] & 0x7f) | 0x40; /* positive, and never short of its length */
	number = BN_bin2bn(bytes, sizeof(bytes), NULL);
	done = number != NULL && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != NULL;
	BN_free(number);
	return done ? 0 : -EIO;
}

/* The public key must be in the certificate already. */
static bool subject_set(X509 *certificate, const char *prefix)
{
	X509_NAME *name = X509_get_subject_name(certificate);
	unsigned char hash[EVP_MAX_MD_SIZE];
	unsigned int size;
	char text[64];

	if (X509_pubkey_digest(certificate, EVP_sha256(), hash, &size) != 1 || size < HASH_SHOWN)
		return false;
	snprintf(text, sizeof(text), "%s%02x%02x%02x%02x", prefix, hash[0], hash[1], hash[2], hash[3]);
	return X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (unsigned char *)text, -1, -1, 0) == 1;
}

static bool extension_add(X509 *certificate, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX context;
	X509_EXTENSION *extension;
	bool done;

	X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
	extension = X509V3_EXT_nconf_nid(NULL, &context, nid, value);
	done = extension != NULL && X509_add_ext(certificate, extension, -1) == 1;
	X509_EXTENSION_free(extension);
	return done;
}

static bool extensions_add(X509 *certificate, X509 *issuer)
{
	bool root = issuer == certificate;

	return extension_add(certificate, issuer, NID_basic_constraints,
			     root ? "critical,CA:TRUE,pathlen:0" : "critical,CA:FALSE") &&
	       extension_add(certificate, issuer, NID_key_usage,
			     root ? "critical,keyCertSign" : "critical,keyEncipherment") &&
	       extension_add(certificate, issuer, NID_subject_key_identifier, "hash") &&
	       extension_add(certificate, issuer, NID_authority_key_identifier, "keyid:always");
}

int gpu_certificate_create(EVP_PKEY *subject_key, const char *subject_prefix, X509 *issuer, EVP_PKEY *issuer_key,
			   X509 **ret)
{
	int days = issuer != NULL ? LEAF_DAYS : ROOT_DAYS;
	X509 *certificate;
	X509 *signer;

	gpu_crypto_begin();
	certificate = X509_new();
	signer = issuer != NULL ? issuer : certificate;
	/* One day back: a client's clock may be behind. */
	if (certificate == NULL || X509_set_version(certificate, X509_VERSION_3) != 1 || serial_set(certificate) < 0 ||
	    X509_set_pubkey(certificate, subject_key) != 1 ||
	    X509_gmtime_adj(X509_getm_notBefore(certificate), -DAY) == NULL ||
	    X509_time_adj_ex(X509_getm_notAfter(certificate), days, 0, NULL) == NULL ||
	    !subject_set(certificate, subject_prefix) ||
	    X509_set_issuer_name(certificate, X509_get_subject_name(signer)) != 1 ||
	    !extensions_add(certificate, signer) || X509_sign(certificate, issuer_key, EVP_sha256()) == 0) {
		X509_free(certificate);
		return gpu_crypto_error(-EIO);
	}
	*ret = certificate;
	return 0;
}
