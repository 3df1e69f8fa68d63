/* SPDX-License-Identifier: MIT */
/* Certificates, key blobs, and the calls that set, refresh and give out keys. */
#include "conform/cf.h"

#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#define GUARD_BYTE 0xa7

void cf_certificate(struct cf *cf, UINT type, const uint8_t **ret, size_t *ret_size)
{
	uint8_t *data;
	HRESULT hr = rt_adapter_certificate(cf_adapter(cf), type, &data, ret_size);

	if (hr != S_OK)
		cf_give_up(cf, "GetCaps of certificate type %u answered %s", type, cf_code_name(cf, hr));
	*ret = data;
}

/* Of the leaf, which comes first. */
static EVP_PKEY *leaf_key(struct cf *cf, UINT type)
{
	const uint8_t *chain, *at;
	X509 *certificate;
	size_t size;

	if (type < 1 || type > CF_CERTIFICATE_TYPES)
		cf_give_up(cf, "no certificate has type %u", type);
	if (cf->keys[type - 1])
		return cf->keys[type - 1];
	cf_certificate(cf, type, &chain, &size);
	at = chain;
	certificate = d2i_X509(NULL, &at, (long)size);
	if (certificate)
		cf->keys[type - 1] = X509_get_pubkey(certificate);
	X509_free(certificate);
	free((void *)(uintptr_t)chain);
	if (!cf->keys[type - 1] || !EVP_PKEY_is_a(cf->keys[type - 1], "RSA"))
		cf_give_up(cf, "certificate type %u is no X.509 certificate of an RSA key", type);
	return cf->keys[type - 1];
}

/* libcrypto frees the label. */
static bool set_label(EVP_PKEY_CTX *context, const char *label)
{
	char *copy = OPENSSL_strdup(label);

	if (copy && EVP_PKEY_CTX_set0_rsa_oaep_label(context, copy, (int)strlen(copy)) > 0)
		return true;
	OPENSSL_free(copy);
	return false;
}

void cf_wrap_with(struct cf *cf, UINT type, const char *digest, const char *mgf1_digest, const char *label,
		  const void *data, size_t size, uint8_t ret[CF_BLOB])
{
	EVP_PKEY *key = leaf_key(cf, type);
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);
	size_t written = CF_BLOB;
	bool good;

	if (EVP_PKEY_get_size(key) != CF_BLOB)
		cf_give_up(cf, "the RSA key of certificate type %u has %d bits", type, EVP_PKEY_get_bits(key));
	good = context && EVP_PKEY_encrypt_init(context) > 0 &&
	       EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING) > 0 &&
	       EVP_PKEY_CTX_set_rsa_oaep_md_name(context, digest, NULL) > 0 &&
	       EVP_PKEY_CTX_set_rsa_mgf1_md_name(context, mgf1_digest, NULL) > 0 &&
	       (!label || set_label(context, label)) && EVP_PKEY_encrypt(context, ret, &written, data, size) > 0 &&
	       written == CF_BLOB;
	EVP_PKEY_CTX_free(context);
	if (!good)
		cf_give_up(cf, "%zu bytes can't be encrypted by RSAES-OAEP with %s and %s", size, digest, mgf1_digest);
}

void cf_wrap(struct cf *cf, UINT type, const void *data, size_t size, uint8_t ret[CF_BLOB])
{
	cf_wrap_with(cf, type, "SHA512", "SHA512", NULL, data, size, ret);
}

/* ---- calls ---------------------------------------------------------------------------------------------- */

uint8_t *cf_guard_blob(struct cf_guarded_blob *ret, const uint8_t blob[CF_BLOB])
{
	memset(ret->bytes, GUARD_BYTE, sizeof(ret->bytes));
	return memcpy(ret->bytes + CF_GUARD, blob, CF_BLOB);
}

void cf_need_guards(const struct cf_guarded_blob *guarded, const char *call)
{
	if (!cf_is_all(guarded->bytes, CF_GUARD, GUARD_BYTE) ||
	    !cf_is_all(guarded->bytes + CF_GUARD + CF_BLOB, CF_GUARD, GUARD_BYTE))
		cf_give_up(cf_running, "%s wrote outside the buffer at pData", call);
}

HRESULT cf_exchange_blob(const struct cf_device *device, HANDLE session, const uint8_t blob[CF_BLOB])
{
	struct cf_guarded_blob copy;
	D3DDDIARG_CRYPTOSESSIONKEYEXCHANGE arg = {
		.hCryptoSession = session,
		.DataSize = CF_BLOB,
		.pData = cf_guard_blob(&copy, blob),
	};
	HRESULT hr = device->f->pfnCryptoSessionKeyExchange(device->h, &arg);

	cf_need_guards(&copy, "CryptoSessionKeyExchange");
	return hr;
}

HRESULT cf_exchange(struct cf *cf, const struct cf_device *device, HANDLE session, const uint8_t key[CF_KEY])
{
	uint8_t blob[CF_BLOB];

	cf_wrap(cf, 2, key, CF_KEY, blob);
	return cf_exchange_blob(device, session, blob);
}

HRESULT cf_start_refresh(const struct cf_device *device, HANDLE session, uint8_t ret_number[CF_KEY])
{
	D3DDDIARG_STARTSESSIONKEYREFRESH arg = { .hCryptoSession = session, .RandomNumberSize = CF_KEY };

	arg.pRandomNumber = ret_number;
	return device->f->pfnStartSessionKeyRefresh(device->h, &arg);
}

HRESULT cf_finish_refresh(const struct cf_device *device, HANDLE session)
{
	const D3DDDIARG_FINISHSESSIONKEYREFRESH arg = { .hCryptoSession = session };

	return device->f->pfnFinishSessionKeyRefresh(device->h, &arg);
}

HRESULT cf_read_back_key(const struct cf_device *device, HANDLE session, uint8_t ret_wrapped[CF_KEY])
{
	D3DDDIARG_GETENCRYPTIONBLTKEY arg = { .hCryptoSession = session, .KeySize = CF_KEY };

	arg.pReadBackKey = ret_wrapped;
	return device->f->pfnGetEncryptionBltKey(device->h, &arg);
}
