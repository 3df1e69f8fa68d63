/* SPDX-License-Identifier: MIT */
/* Certificate chains: the driver's, one of the mutant's own making, and how it is given out. */
#include "mutants_chain.h"

#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

DDICERTIFICATEINFO mutant_certificate(D3DDDI_CERTIFICATETYPE type)
{
	return (DDICERTIFICATEINFO) {
		.CertificateType = type,
		.ChannelType = DDIAUTHENTICATEDCHANNEL_DRIVER_SOFTWARE,
		.CryptoSessionType = D3DCRYPTOTYPE_AES128_CTR,
	};
}

HRESULT mutant_ask_certificate(HANDLE adapter, const D3DDDIARG_GETCAPS *asked, D3DDDI_CERTIFICATETYPE type)
{
	DDICERTIFICATEINFO info = mutant_certificate(type);
	D3DDDIARG_GETCAPS arg = *asked;

	arg.pInfo = &info;
	return mutant_real_adapter.pfnGetCaps(adapter, &arg);
}

/* ---- the driver's ------------------------------------------------------------------------------------------------ */

HRESULT mutant_chain_ask(HANDLE adapter, const DDICERTIFICATEINFO *info, struct mutant_chain *ret)
{
	UINT size = 0;
	D3DDDIARG_GETCAPS arg = {
		.Type = D3DDDICAPS_GETCERTIFICATESIZE,
		.pInfo = (DDICERTIFICATEINFO *)(uintptr_t)info,
		.pData = &size,
		.DataSize = sizeof(size),
	};
	HRESULT hr = mutant_real_adapter.pfnGetCaps(adapter, &arg);

	if (hr != S_OK || size > sizeof(ret->bytes))
		return hr == S_OK ? E_FAIL : hr;
	arg.Type = D3DDDICAPS_GETCERTIFICATE;
	arg.pData = ret->bytes;
	arg.DataSize = size;
	ret->size = size;
	return mutant_real_adapter.pfnGetCaps(adapter, &arg);
}

size_t mutant_chain_read(HANDLE adapter, D3DDDI_CERTIFICATETYPE type, struct mutant_chain *ret)
{
	const DDICERTIFICATEINFO info = mutant_certificate(type);
	const unsigned char *at = ret->bytes, *last = at;

	if (mutant_chain_ask(adapter, &info, ret) != S_OK)
		abort();
	while (at < ret->bytes + ret->size) {
		X509 *certificate;

		last = at;
		certificate = d2i_X509(NULL, &at, (long)(ret->bytes + ret->size - at));
		if (!certificate)
			abort();
		X509_free(certificate);
	}
	return (size_t)(last - ret->bytes);
}

/* ---- the mutant's own -------------------------------------------------------------------------------------------- */

static EVP_PKEY *make_key(unsigned int bits, unsigned int exponent)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	BIGNUM *e = BN_new();
	EVP_PKEY *key = NULL;

	if (!context || !e || !BN_set_word(e, exponent) || EVP_PKEY_keygen_init(context) != 1 ||
	    EVP_PKEY_CTX_set_rsa_keygen_bits(context, (int)bits) != 1 ||
	    EVP_PKEY_CTX_set1_rsa_keygen_pubexp(context, e) != 1 || EVP_PKEY_generate(context, &key) != 1)
		abort();
	BN_free(e);
	EVP_PKEY_CTX_free(context);
	return key;
}

void mutant_chain_append(struct mutant_chain *chain, unsigned int bits, unsigned int exponent)
{
	unsigned char *at = chain->bytes + chain->size;
	EVP_PKEY *key = make_key(bits, exponent);
	X509 *certificate = X509_new();
	X509_NAME *name = certificate ? X509_get_subject_name(certificate) : NULL;
	int size;

	if (!name || X509_set_version(certificate, X509_VERSION_3) != 1 || X509_set_pubkey(certificate, key) != 1 ||
	    !X509_gmtime_adj(X509_getm_notBefore(certificate), 0) ||
	    !X509_gmtime_adj(X509_getm_notAfter(certificate), 86400) ||
	    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"mutant", -1, -1, 0) != 1 ||
	    X509_set_issuer_name(certificate, name) != 1 || X509_sign(certificate, key, EVP_sha256()) == 0)
		abort();
	size = i2d_X509(certificate, NULL);
	if (size <= 0 || (size_t)size > sizeof(chain->bytes) - chain->size || i2d_X509(certificate, &at) != size)
		abort();
	chain->size += (size_t)size;
	X509_free(certificate);
	EVP_PKEY_free(key);
}

void mutant_chain_turn(const struct mutant_chain *chain, size_t root, struct mutant_chain *ret)
{
	memcpy(ret->bytes, chain->bytes + root, chain->size - root);
	memcpy(ret->bytes + chain->size - root, chain->bytes, root);
	ret->size = chain->size;
}

/* ---- given out --------------------------------------------------------------------------------------------------- */

bool mutant_asks_size(const D3DDDIARG_GETCAPS *asked)
{
	return asked && asked->Type == D3DDDICAPS_GETCERTIFICATESIZE;
}

HRESULT mutant_chain_give(const struct mutant_chain *chain, const D3DDDIARG_GETCAPS *asked)
{
	const UINT size = (UINT)chain->size;

	if (!asked->pData || asked->DataSize < (mutant_asks_size(asked) ? sizeof(size) : size))
		return E_INVALIDARG;
	if (mutant_asks_size(asked))
		memcpy(asked->pData, &size, sizeof(size));
	else
		memcpy(asked->pData, chain->bytes, size);
	return S_OK;
}
