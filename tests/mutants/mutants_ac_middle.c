/* SPDX-License-Identifier: MIT */
/* The man in the middle: its certificate, its notes of channels, and the calls that make, key and end them. */
#include "mutants_ac.h"

#include "mutants_ac_key.h"
#include "mutants_chain.h"

#include <limits.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct ac_bend *ac_bend;

static HANDLE adapter;
static EVP_PKEY *own_key;

static void *must(void *pointer)
{
	if (!pointer)
		abort();
	return pointer;
}

/* ---- the certificate ------------------------------------------------------------------------------------------- */

static EVP_PKEY *load_own_key(void)
{
	unsigned char der[sizeof(mutant_ac_key)];
	const unsigned char *at = der;
	int size = EVP_DecodeBlock(der, (const unsigned char *)mutant_ac_key, (int)sizeof(mutant_ac_key) - 1);

	return must(size > 0 ? d2i_AutoPrivateKey(NULL, &at, size) : NULL);
}

/* The root key of the suite's services, which lies where they are told to keep it; NULL: elsewhere. */
static EVP_PKEY *load_root_key(void)
{
	const char *folder = getenv("STAND_IN_STATE") ? getenv("STAND_IN_STATE") : getenv("DXVAULT_STATE_DIR");
	unsigned char der[8192];
	const unsigned char *at = der;
	char path[PATH_MAX];
	size_t size;
	FILE *file;

	if (!folder || snprintf(path, sizeof(path), "%s/root.key", folder) >= (int)sizeof(path))
		return NULL;
	file = fopen(path, "rbe");
	if (!file)
		return NULL;
	size = fread(der, 1, sizeof(der), file);
	fclose(file);
	return d2i_AutoPrivateKey(NULL, &at, (long)size);
}

/* The driver's own chain with our key in its leaf. Signing is deterministic: the same each time. */
static HRESULT make_chain(const DDICERTIFICATEINFO *info, struct mutant_chain *ret)
{
	static struct mutant_chain real;
	const unsigned char *rest = real.bytes;
	unsigned char *end = ret->bytes;
	HRESULT hr = mutant_chain_ask(adapter, info, &real);
	EVP_PKEY *root_key;
	X509 *leaf;

	if (hr != S_OK)
		return hr;
	leaf = must(d2i_X509(NULL, &rest, (long)real.size));
	root_key = load_root_key();
	if (X509_set_pubkey(leaf, own_key) != 1 || X509_sign(leaf, root_key ? root_key : own_key, EVP_sha256()) == 0 ||
	    i2d_X509(leaf, NULL) > MUTANT_CHAIN / 2 || i2d_X509(leaf, &end) <= 0)
		abort();
	X509_free(leaf);
	EVP_PKEY_free(root_key);
	ret->size = (size_t)(end - ret->bytes) + real.size - (size_t)(rest - real.bytes);
	if (ret->size > sizeof(ret->bytes))
		abort();
	memcpy(end, rest, real.size - (size_t)(rest - real.bytes));
	return S_OK;
}

static HRESULT APIENTRY get_caps(HANDLE hAdapter, const D3DDDIARG_GETCAPS *pData)
{
	static struct mutant_chain chain;
	const DDICERTIFICATEINFO *info;

	adapter = hAdapter;
	if (!pData || (!mutant_asks_size(pData) && pData->Type != D3DDDICAPS_GETCERTIFICATE))
		return mutant_real_adapter.pfnGetCaps(hAdapter, pData);
	info = pData->pInfo;
	if (!info || !pData->pData || info->CertificateType != D3DDDI_CERTTYPE_AUTHENTICATED_CHANNEL ||
	    make_chain(info, &chain) != S_OK)
		return mutant_real_adapter.pfnGetCaps(hAdapter, pData);
	return mutant_chain_give(&chain, pData);
}

/* ---- blobs ----------------------------------------------------------------------------------------------------- */

static bool set_oaep(EVP_PKEY_CTX *context, const char *digest, const char *mgf1_digest, const char *label)
{
	char *copy = label ? must(OPENSSL_strdup(label)) : NULL;

	return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING) > 0 &&
	       EVP_PKEY_CTX_set_rsa_oaep_md_name(context, digest, NULL) > 0 &&
	       EVP_PKEY_CTX_set_rsa_mgf1_md_name(context, mgf1_digest, NULL) > 0 &&
	       (!copy || EVP_PKEY_CTX_set0_rsa_oaep_label(context, copy, (int)strlen(copy)) > 0);
}

bool ac_open_with(const uint8_t blob[AC_BLOB], const char *digest, const char *mgf1_digest, const char *label,
		  uint8_t ret[AC_BLOB], size_t *ret_size)
{
	EVP_PKEY_CTX *context = must(EVP_PKEY_CTX_new(own_key, NULL));
	bool is_open;

	*ret_size = AC_BLOB;
	if (EVP_PKEY_decrypt_init(context) <= 0 || !set_oaep(context, digest, mgf1_digest, label))
		abort();
	is_open = EVP_PKEY_decrypt(context, ret, ret_size, blob, AC_BLOB) > 0;
	EVP_PKEY_CTX_free(context);
	return is_open;
}

/* For the driver's leaf. False: it gives none. */
static bool wrap(UINT type, const void *data, size_t size, uint8_t ret[AC_BLOB])
{
	const DDICERTIFICATEINFO info = {
		.CertificateType = D3DDDI_CERTTYPE_AUTHENTICATED_CHANNEL,
		.ChannelType = (DDIAUTHENTICATEDCHANNELTYPE)type,
	};
	static struct mutant_chain real;
	const unsigned char *at = real.bytes;
	size_t written = AC_BLOB;
	EVP_PKEY_CTX *context;
	X509 *leaf;

	if (mutant_chain_ask(adapter, &info, &real) != S_OK)
		return false;
	leaf = must(d2i_X509(NULL, &at, (long)real.size));
	context = must(EVP_PKEY_CTX_new(X509_get0_pubkey(leaf), NULL));
	if (EVP_PKEY_encrypt_init(context) <= 0 || !set_oaep(context, "SHA512", "SHA512", NULL) ||
	    EVP_PKEY_encrypt(context, ret, &written, data, size) <= 0)
		abort();
	EVP_PKEY_CTX_free(context);
	X509_free(leaf);
	return true;
}

/* ---- channels --------------------------------------------------------------------------------------------------- */

struct note {
	struct note *next; /* the newest first */
	struct ac_channel channel;
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct note *notes;

static struct ac_channel *find(HANDLE handle, bool is_dead)
{
	struct ac_channel *found = NULL;

	pthread_mutex_lock(&mutex);
	for (struct note *note = notes; note && !found; note = note->next) {
		if (note->channel.handle == handle && note->channel.is_dead == is_dead)
			found = &note->channel;
	}
	pthread_mutex_unlock(&mutex);
	return found;
}

struct ac_channel *ac_channel(HANDLE handle)
{
	return find(handle, /* is_dead= */ false);
}

struct ac_channel *ac_dead_channel(HANDLE handle)
{
	return find(handle, /* is_dead= */ true);
}

struct ac_channel *ac_next_channel(const struct ac_channel *after, HANDLE device)
{
	struct ac_channel *found = NULL;
	bool is_passed = !after;

	pthread_mutex_lock(&mutex);
	for (struct note *note = notes; note && !found; note = note->next) {
		if (is_passed && !note->channel.is_dead && (!device || note->channel.device == device))
			found = &note->channel;
		if (&note->channel == after)
			is_passed = true;
	}
	pthread_mutex_unlock(&mutex);
	return found;
}

static struct note *add_note(void)
{
	struct note *note = must(calloc(1, sizeof(*note)));

	pthread_mutex_lock(&mutex);
	note->next = notes;
	notes = note;
	pthread_mutex_unlock(&mutex);
	return note;
}

HRESULT APIENTRY ac_create(HANDLE hDevice, D3DDDIARG_CREATEAUTHENTICATEDCHANNEL *pData)
{
	HRESULT hr = mutant_real.pfnCreateAuthenticatedChannel(hDevice, pData);
	struct ac_channel *channel;

	if (hr != S_OK)
		return hr;
	channel = &add_note()->channel;
	*channel = (struct ac_channel) {
		.handle = pData->hChannel,
		.real = pData->hChannel,
		.device = hDevice,
		.type = (UINT)pData->ChannelType,
	};
	if (ac_bend && ac_bend->created) {
		hr = ac_bend->created(channel);
		pData->hChannel = channel->handle;
	}
	return hr;
}

HRESULT ac_give_key(struct ac_channel *channel, const void *key, size_t size)
{
	uint8_t blob[AC_BLOB] = { 0 };
	D3DDDIARG_AUTHENTICATEDCHANNELKEYEXCHANGE arg = {
		.hChannel = channel->real,
		.DataSize = sizeof(blob),
		.pData = blob,
	};
	HRESULT hr;

	(void)wrap(channel->type, key, size, blob);
	hr = mutant_real.pfnAuthenticatedChannelKeyExchange(channel->device, &arg);
	if (hr == S_OK && size == AC_KEY)
		memcpy(channel->real_key, key, size);
	return hr;
}

HRESULT APIENTRY ac_exchange(HANDLE hDevice, D3DDDIARG_AUTHENTICATEDCHANNELKEYEXCHANGE *pData)
{
	struct ac_channel *channel = pData ? ac_channel(pData->hChannel) : NULL;
	D3DDDIARG_AUTHENTICATEDCHANNELKEYEXCHANGE arg;
	uint8_t plain[AC_BLOB], blob[AC_BLOB];
	size_t size = 0;
	HRESULT hr;

	if (!channel)
		return mutant_real.pfnAuthenticatedChannelKeyExchange(hDevice, pData);
	arg = *pData;
	arg.hChannel = channel->real;
	if (channel->device != hDevice || !pData->pData || pData->DataSize != AC_BLOB)
		return mutant_real.pfnAuthenticatedChannelKeyExchange(hDevice, &arg);
	memcpy(blob, pData->pData, sizeof(blob));
	arg.pData = blob;
	if (channel->has_key ||
	    !(ac_bend && ac_bend->open ? ac_bend->open(blob, plain, &size)
				       : ac_open_with(blob, "SHA512", "SHA512", NULL, plain, &size)))
		return mutant_real.pfnAuthenticatedChannelKeyExchange(hDevice, &arg);
	hr = channel->is_ready && size == AC_KEY ? S_OK : ac_give_key(channel, plain, size);
	if (hr != S_OK)
		return hr;
	memcpy(channel->key, plain, AC_KEY);
	channel->has_key = true;
	return hr;
}

HRESULT APIENTRY ac_destroy(HANDLE hDevice, const D3DDDIARG_DESTROYAUTHENTICATEDCHANNEL *pData)
{
	struct ac_channel *channel = pData ? ac_channel(pData->hChannel) : NULL;
	D3DDDIARG_DESTROYAUTHENTICATEDCHANNEL arg;
	HRESULT hr;

	if (!channel)
		return mutant_real.pfnDestroyAuthenticatedChannel(hDevice, pData);
	if (channel->device == hDevice && ac_bend && ac_bend->destroying)
		ac_bend->destroying(channel);
	arg.hChannel = channel->real;
	hr = mutant_real.pfnDestroyAuthenticatedChannel(hDevice, &arg);
	channel->is_dead = channel->is_dead || hr == S_OK;
	if (hr == S_OK && ac_bend && ac_bend->destroyed)
		ac_bend->destroyed(channel);
	return hr;
}

static HRESULT APIENTRY destroy_device(HANDLE hDevice)
{
	HRESULT hr = mutant_real.pfnDestroyDevice(hDevice);
	struct ac_channel *channel = NULL;

	if (hr != S_OK || !hDevice)
		return hr;
	while ((channel = ac_next_channel(NULL, hDevice)))
		channel->is_dead = true;
	return hr;
}

/* ---- tables ----------------------------------------------------------------------------------------------------- */

void mutant_ac_adapter(const struct ac_bend *bend, D3DDDI_ADAPTERFUNCS *funcs)
{
	ac_bend = bend;
	if (!own_key)
		own_key = load_own_key();
	funcs->pfnGetCaps = get_caps;
}

void mutant_ac_device(const struct ac_bend *bend, D3DDDI_DEVICEFUNCS *funcs)
{
	ac_bend = bend;
	funcs->pfnCreateAuthenticatedChannel = ac_create;
	funcs->pfnAuthenticatedChannelKeyExchange = ac_exchange;
	funcs->pfnConfigureAuthenticatedChannel = ac_configure;
	funcs->pfnQueryAuthenticatedChannel = ac_query;
	funcs->pfnDestroyAuthenticatedChannel = ac_destroy;
	funcs->pfnDestroyDevice = destroy_device;
}
