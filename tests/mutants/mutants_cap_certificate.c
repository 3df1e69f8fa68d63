/* SPDX-License-Identifier: MIT */
/* Mutants of the two certificate queries. */
#include "mutants_cap.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

enum { LIMIT = 65536 };

static bool is_size(const D3DDDIARG_GETCAPS *pData)
{
	return pData && pData->Type == D3DDDICAPS_GETCERTIFICATESIZE;
}

static bool is_bytes(const D3DDDIARG_GETCAPS *pData)
{
	return pData && pData->Type == D3DDDICAPS_GETCERTIFICATE;
}

/* The condition of either query; NULL: another query, or none. */
static const DDICERTIFICATEINFO *info_of(const D3DDDIARG_GETCAPS *pData)
{
	return is_size(pData) || is_bytes(pData) ? pData->pInfo : NULL;
}

static bool is_for_sessions(const D3DDDIARG_GETCAPS *pData)
{
	const DDICERTIFICATEINFO *info = info_of(pData);

	return info && info->CertificateType == D3DDDI_CERTTYPE_CRYPTOSESSION &&
	       memcmp(&info->CryptoSessionType, &D3DCRYPTOTYPE_AES128_CTR, sizeof(GUID)) == 0;
}

/* As if the caller had asked for this one. */
static HRESULT ask_instead(HANDLE hAdapter, const D3DDDIARG_GETCAPS *pData, D3DDDI_CERTIFICATETYPE type)
{
	DDICERTIFICATEINFO info = {
		.CertificateType = type,
		.ChannelType = DDIAUTHENTICATEDCHANNEL_DRIVER_SOFTWARE,
		.CryptoSessionType = D3DCRYPTOTYPE_AES128_CTR,
	};
	D3DDDIARG_GETCAPS arg = *pData;

	arg.pInfo = &info;
	return REAL_GET_CAPS(&arg);
}

/* ---- sizes and buffers --------------------------------------------------------------------------------------- */

GET_CAPS(size_of_64_bits)
{
	HRESULT hr = REAL_GET_CAPS(pData);
	UINT size;

	if (hr != S_OK || !is_size(pData))
		return hr;
	/* The caller's buffer has but 4 bytes, and what lies behind it is the suite's. */
	memcpy(&size, pData->pData, sizeof(size));
	memset((uint8_t *)pData->pData + sizeof(size), 0, sizeof(size));
	return hr;
}

GET_CAPS(size_without_condition)
{
	if (is_size(pData) && !pData->pInfo)
		return ask_instead(hAdapter, pData, D3DDDI_CERTTYPE_CRYPTOSESSION);
	return REAL_GET_CAPS(pData);
}

GET_CAPS(size_too_large)
{
	HRESULT hr = REAL_GET_CAPS(pData);
	UINT size;

	if (hr != S_OK || !is_size(pData))
		return hr;
	memcpy(&size, pData->pData, sizeof(size));
	size += 8;
	memcpy(pData->pData, &size, sizeof(size));
	return hr;
}

GET_CAPS(certificate_cut)
{
	uint8_t whole[LIMIT];
	D3DDDIARG_GETCAPS arg;
	HRESULT hr;

	if (!is_bytes(pData) || !pData->pData || pData->DataSize > sizeof(whole))
		return REAL_GET_CAPS(pData);
	arg = *pData;
	arg.pData = whole;
	arg.DataSize = sizeof(whole);
	hr = REAL_GET_CAPS(&arg);
	if (hr == S_OK)
		memcpy(pData->pData, whole, pData->DataSize);
	return hr;
}

GET_CAPS(another_each_time)
{
	static uint8_t count;
	HRESULT hr = REAL_GET_CAPS(pData);

	if (hr == S_OK && is_bytes(pData))
		((uint8_t *)pData->pData)[pData->DataSize - 1] ^= ++count;
	return hr;
}

/* ---- which certificate ------------------------------------------------------------------------------------------ */

GET_CAPS(certificate_type_3)
{
	const DDICERTIFICATEINFO *info = info_of(pData);

	if (info && info->CertificateType == 3)
		return ask_instead(hAdapter, pData, D3DDDI_CERTTYPE_CRYPTOSESSION);
	return REAL_GET_CAPS(pData);
}

static HRESULT any_channel(HANDLE hAdapter, const D3DDDIARG_GETCAPS *pData, UINT channel)
{
	const DDICERTIFICATEINFO *info = info_of(pData);

	if (info && info->CertificateType == D3DDDI_CERTTYPE_AUTHENTICATED_CHANNEL &&
	    (UINT)info->ChannelType == channel)
		return ask_instead(hAdapter, pData, D3DDDI_CERTTYPE_AUTHENTICATED_CHANNEL);
	return REAL_GET_CAPS(pData);
}

GET_CAPS(api_channel)
{
	return any_channel(hAdapter, pData, 1);
}

GET_CAPS(hardware_channel)
{
	return any_channel(hAdapter, pData, DDIAUTHENTICATEDCHANNEL_DRIVER_HARDWARE);
}

GET_CAPS(certificate_for_any_type)
{
	const DDICERTIFICATEINFO *info = info_of(pData);

	if (info && info->CertificateType == D3DDDI_CERTTYPE_CRYPTOSESSION)
		return ask_instead(hAdapter, pData, D3DDDI_CERTTYPE_CRYPTOSESSION);
	return REAL_GET_CAPS(pData);
}

GET_CAPS(channels_for_sessions)
{
	return is_for_sessions(pData) ? ask_instead(hAdapter, pData, D3DDDI_CERTTYPE_AUTHENTICATED_CHANNEL)
				      : REAL_GET_CAPS(pData);
}

GET_CAPS(one_leaf_for_both)
{
	const DDICERTIFICATEINFO *info = info_of(pData);

	if (info && info->CertificateType == D3DDDI_CERTTYPE_AUTHENTICATED_CHANNEL)
		return ask_instead(hAdapter, pData, D3DDDI_CERTTYPE_CRYPTOSESSION);
	return REAL_GET_CAPS(pData);
}

/* ---- what is in it ------------------------------------------------------------------------------------------------ */

/* The chain to be given for sessions; 0 bytes: the driver's own. */
struct chain {
	uint8_t bytes[LIMIT];
	size_t size;
};

/* Answers both queries with a chain of the mutant's own. */
static HRESULT give(const struct chain *chain, const D3DDDIARG_GETCAPS *pData)
{
	const UINT size = (UINT)chain->size;

	if (!pData->pData || pData->DataSize < (is_size(pData) ? sizeof(size) : size))
		return E_INVALIDARG;
	if (is_size(pData))
		memcpy(pData->pData, &size, sizeof(size));
	else
		memcpy(pData->pData, chain->bytes, size);
	return S_OK;
}

static void read_real(HANDLE hAdapter, struct chain *ret)
{
	D3DDDIARG_GETCAPS arg = {
		.Type = D3DDDICAPS_GETCERTIFICATESIZE,
		.pData = &ret->size,
		.DataSize = sizeof(UINT),
	};

	ret->size = 0;
	if (ask_instead(hAdapter, &arg, D3DDDI_CERTTYPE_CRYPTOSESSION) != S_OK)
		abort();
	arg.Type = D3DDDICAPS_GETCERTIFICATE;
	arg.pData = ret->bytes;
	arg.DataSize = sizeof(ret->bytes);
	if (ask_instead(hAdapter, &arg, D3DDDI_CERTTYPE_CRYPTOSESSION) != S_OK)
		abort();
}

/* Where the last certificate begins. */
static size_t root_offset(const struct chain *chain)
{
	const unsigned char *at = chain->bytes, *last = at;

	while (at < chain->bytes + chain->size) {
		X509 *certificate;

		last = at;
		certificate = d2i_X509(NULL, &at, (long)(chain->bytes + chain->size - at));
		if (!certificate)
			abort();
		X509_free(certificate);
	}
	return (size_t)(last - chain->bytes);
}

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

/* A self-signed certificate, appended. */
static void append(struct chain *chain, EVP_PKEY *key)
{
	unsigned char *at = chain->bytes + chain->size;
	X509 *certificate = X509_new();
	X509_NAME *name;

	if (!certificate)
		abort();
	name = X509_get_subject_name(certificate);
	if (X509_set_version(certificate, X509_VERSION_3) != 1 || X509_set_pubkey(certificate, key) != 1 ||
	    !X509_gmtime_adj(X509_getm_notBefore(certificate), 0) ||
	    !X509_gmtime_adj(X509_getm_notAfter(certificate), 86400) ||
	    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"mutant", -1, -1, 0) != 1 ||
	    X509_set_issuer_name(certificate, name) != 1 || X509_sign(certificate, key, EVP_sha256()) == 0 ||
	    i2d_X509(certificate, NULL) > (int)(sizeof(chain->bytes) - chain->size))
		abort();
	chain->size += (size_t)i2d_X509(certificate, &at);
	X509_free(certificate);
}

static HRESULT give_new_key(HANDLE hAdapter, const D3DDDIARG_GETCAPS *pData, unsigned int bits, unsigned int exponent)
{
	static struct chain chain;
	EVP_PKEY *key;

	if (!is_for_sessions(pData))
		return REAL_GET_CAPS(pData);
	if (chain.size == 0) {
		key = make_key(bits, exponent);
		append(&chain, key);
		EVP_PKEY_free(key);
	}
	return give(&chain, pData);
}

GET_CAPS(key_of_1024_bits)
{
	return give_new_key(hAdapter, pData, 1024, 65537);
}

GET_CAPS(exponent_3)
{
	return give_new_key(hAdapter, pData, 2048, 3);
}

GET_CAPS(root_first)
{
	static struct chain real, turned;
	size_t root, rest;

	if (!is_for_sessions(pData))
		return REAL_GET_CAPS(pData);
	read_real(hAdapter, &real);
	root = root_offset(&real);
	rest = real.size - root;
	memcpy(turned.bytes, real.bytes + root, rest);
	memcpy(turned.bytes + rest, real.bytes, root);
	turned.size = real.size;
	return give(&turned, pData);
}

GET_CAPS(root_left_out)
{
	static struct chain chain;

	if (!is_for_sessions(pData))
		return REAL_GET_CAPS(pData);
	read_real(hAdapter, &chain);
	chain.size = root_offset(&chain);
	return give(&chain, pData);
}

GET_CAPS(root_of_its_own)
{
	static struct chain chain;
	EVP_PKEY *key;

	if (!is_for_sessions(pData))
		return REAL_GET_CAPS(pData);
	if (chain.size == 0) {
		key = make_key(2048, 65537);
		read_real(hAdapter, &chain);
		chain.size = root_offset(&chain);
		append(&chain, key);
		EVP_PKEY_free(key);
	}
	return give(&chain, pData);
}
