/* SPDX-License-Identifier: MIT */
/* What is in the certificates: CAP-73 to CAP-77. */
#include "conform/cap/cap.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

enum { CHANNEL = 1, SESSION = 2, CERTIFICATES = 8, MODULUS = 256 };

struct chain {
	const uint8_t *bytes;
	size_t size;
	unsigned int count;
	X509 *certificates[CERTIFICATES];
	size_t offsets[CERTIFICATES + 1];
};

/* As many certificates as stand one after another; offsets[count] is where that ends. */
static void read_chain(struct cf *cf, UINT type, struct chain *ret)
{
	const unsigned char *at;

	memset(ret, 0, sizeof(*ret));
	cf_certificate(cf, type, &ret->bytes, &ret->size);
	at = ret->bytes;
	while (ret->count < CERTIFICATES && at < ret->bytes + ret->size) {
		X509 *certificate = d2i_X509(NULL, &at, (long)(ret->bytes + ret->size - at));

		if (!certificate)
			break;
		ret->certificates[ret->count++] = certificate;
		ret->offsets[ret->count] = (size_t)(at - ret->bytes);
	}
}

static EVP_PKEY *leaf_key(const struct chain *chain)
{
	return chain->count > 0 ? X509_get0_pubkey(chain->certificates[0]) : NULL;
}

static bool has_channel(struct cf *cf)
{
	DDICERTIFICATEINFO info = cap_certificate_info(CHANNEL, DDIAUTHENTICATEDCHANNEL_DRIVER_SOFTWARE,
						       &D3DCRYPTOTYPE_AES128_CTR);
	UINT size;

	return cap_query(cf, D3DDDICAPS_GETCERTIFICATESIZE, &info, &size, sizeof(size)) == S_OK;
}

static void first_certificate_has_the_key(struct cf *cf)
{
	struct cf_device device;
	struct chain chain;
	uint8_t key[CF_KEY];
	HANDLE session;

	cap_require_certificate(cf);
	read_chain(cf, SESSION, &chain);
	if (!CF_TRUE(cf, "CAP-73", chain.count > 0, "the %zu bytes do not begin with an X.509 certificate", chain.size))
		return;
	CF_TRUE(cf, "CAP-73", leaf_key(&chain) && EVP_PKEY_is_a(leaf_key(&chain), "RSA"),
		"the first certificate has no RSA key");
	device = cf_device(cf);
	session = cf_session(cf, &device);
	cf_key(73, key);
	/* Wrapped for that very certificate. */
	CF_OK(cf, "CAP-73", cf_exchange(cf, &device, session, key));
}

static void check_key(struct cf *cf, UINT type)
{
	struct chain chain;
	BIGNUM *exponent = NULL;
	EVP_PKEY *key;

	read_chain(cf, type, &chain);
	key = leaf_key(&chain);
	if (!key)
		cf_give_up(cf, "certificate type %u has no key", type);
	CF_TRUE(cf, "CAP-74", EVP_PKEY_get_size(key) == MODULUS && EVP_PKEY_get_bits(key) == MODULUS * 8,
		"the key of certificate type %u has %d bits", type, EVP_PKEY_get_bits(key));
	CF_TRUE_DECIDED(cf, "CAP-74",
			EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &exponent) == 1 &&
				BN_is_word(exponent, 65537),
			"the public exponent of certificate type %u is another", type);
	BN_free(exponent);
}

static void size_of_the_key(struct cf *cf)
{
	cap_require_certificate(cf);
	check_key(cf, SESSION);
	if (has_channel(cf))
		check_key(cf, CHANNEL);
}

/* ---- the chain -------------------------------------------------------------------------------------------------- */

static void check_chain(struct cf *cf, UINT type)
{
	struct chain chain;

	read_chain(cf, type, &chain);
	CF_TRUE_DECIDED(cf, "CAP-75", chain.count >= 2 && chain.offsets[chain.count] == chain.size,
			"%u certificates fill %zu of the %zu bytes of certificate type %u", chain.count,
			chain.offsets[chain.count], chain.size, type);
	for (unsigned int i = 0; i < chain.count; i++) {
		X509 *issuer = chain.certificates[i + 1 < chain.count ? i + 1 : i];

		CF_TRUE_DECIDED(
			cf, "CAP-75",
			X509_NAME_cmp(X509_get_issuer_name(chain.certificates[i]), X509_get_subject_name(issuer)) == 0,
			"certificate %u of type %u does not name the next as its issuer, nor the last itself", i, type);
		CF_TRUE_DECIDED(cf, "CAP-75", X509_verify(chain.certificates[i], X509_get0_pubkey(issuer)) == 1,
				"the signature of certificate %u of type %u is not by the key of the next", i, type);
		CF_TRUE_DECIDED(cf, "CAP-75", X509_check_ca(chain.certificates[i]) == (i > 0 ? 1 : 0),
				"certificate %u of type %u may %s others", i, type, i > 0 ? "not sign" : "sign");
	}
}

static void leaf_first_root_last(struct cf *cf)
{
	cap_require_certificate(cf);
	check_chain(cf, SESSION);
	if (has_channel(cf))
		check_chain(cf, CHANNEL);
}

static void root_is_the_installations(struct cf *cf)
{
	struct chain chain;
	uint8_t *root;
	UINT size = 0;

	cap_require_certificate(cf);
	if (!cf_is_dxvault(cf)) {
		cf_not_applicable(cf, "CAP-76", "another driver's root is its vendor's affair");
		return;
	}
	read_chain(cf, SESSION, &chain);
	if (chain.count == 0)
		cf_give_up(cf, "there is no chain");
	if (DxvaultGetRootCertificate(NULL, &size) != STATUS_SUCCESS || !(root = malloc(size ? size : 1)) ||
	    DxvaultGetRootCertificate(root, &size) != STATUS_SUCCESS)
		cf_give_up(cf, "DxvaultGetRootCertificate gives no root");
	if (CF_TRUE_DECIDED(cf, "CAP-76", chain.size - chain.offsets[chain.count - 1] == size,
			    "the last certificate has %zu bytes and the installation's root %u",
			    chain.size - chain.offsets[chain.count - 1], size))
		CF_BYTES_DECIDED(cf, "CAP-76", root, chain.bytes + chain.offsets[chain.count - 1], size,
				 "the last certificate, where the installation's root is due");
	free(root);
}

/* ---- two leaves --------------------------------------------------------------------------------------------------- */

static void one_leaf_each(struct cf *cf)
{
	struct chain session, channel;

	cap_require_certificate(cf);
	if (!CF_TRUE_DECIDED(cf, "CAP-77", has_channel(cf), "there is no certificate for channels"))
		return;
	read_chain(cf, SESSION, &session);
	read_chain(cf, CHANNEL, &channel);
	if (session.count < 2 || channel.count < 2)
		cf_give_up(cf, "one of the two chains has no root");
	CF_TRUE_DECIDED(cf, "CAP-77", X509_cmp(session.certificates[0], channel.certificates[0]) != 0,
			"the two leaf certificates are the same");
	CF_TRUE_DECIDED(cf, "CAP-77", EVP_PKEY_eq(leaf_key(&session), leaf_key(&channel)) != 1,
			"the two leaf certificates have the same key");
	CF_TRUE_DECIDED(cf, "CAP-77",
			X509_cmp(session.certificates[session.count - 1], channel.certificates[channel.count - 1]) == 0,
			"the two chains end in different roots");
}

/* The other way round, a session's blob to a channel, is a test of the channel's (authenticated-channel.md). */
static void a_blob_for_the_channel_is_nothing_to_a_session(struct cf *cf)
{
	struct cf_device device;
	uint8_t key[CF_KEY], blob[CF_BLOB];
	HANDLE session;

	cap_require_certificate(cf);
	if (!has_channel(cf))
		cf_skip(cf, "there is no certificate for channels");
	device = cf_device(cf);
	session = cf_session(cf, &device);
	cf_key(77, key);
	cf_wrap(cf, CHANNEL, key, sizeof(key), blob);
	CF_DECIDED(cf, "CAP-77", E_INVALIDARG, cf_exchange_blob(&device, session, blob));
	cf_wrap(cf, SESSION, key, sizeof(key), blob);
	CF_DECIDED(cf, "CAP-77", S_OK, cf_exchange_blob(&device, session, blob));
}

const struct cf_test cap_tests_chain[] = {
	{ "certificate-key", "CAP-73", first_certificate_has_the_key },
	{ "certificate-key-size", "CAP-74", size_of_the_key },
	{ "certificate-chain", "CAP-75", leaf_first_root_last },
	{ "certificate-root", "CAP-76", root_is_the_installations },
	{ "certificate-two-leaves", "CAP-77", one_leaf_each },
	{ "certificate-of-the-other-kind", "CAP-77", a_blob_for_the_channel_is_nothing_to_a_session },
	{ 0 },
};
