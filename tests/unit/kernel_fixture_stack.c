/* SPDX-License-Identifier: MIT */
/* An application on the whole stack in one process: runtime, user-mode driver, kmt, dxgkrnl, kmd, gpu. */
#include "kernel_fixture_stack.h"

#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const uint8_t ST_K[16] = { 0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07,
			   0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f };
const uint8_t ST_C[16] = { 0xf0, 0xf1, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7,
			   0xf8, 0xf9, 0xfa, 0xfb, 0xfc, 0xfd, 0xfe, 0xff };

/* ---- device, session ------------------------------------------------------------------------------------ */

void st_open(struct st *st)
{
	assert_int_equal(rt_adapter_open_with(OpenAdapter, &st->adapter), S_OK);
	assert_int_equal(rt_device_create(st->adapter, &st->device), S_OK);
	st->funcs = rt_device_funcs(st->device);
	st->handle = rt_device_handle(st->device);
}

void st_close(struct st *st)
{
	rt_device_close(st->device);
	rt_adapter_close(st->adapter);
	memset(st, 0, sizeof(*st));
}

struct rt_session *st_session(struct st *st)
{
	static const GUID none;
	struct rt_session *session;

	assert_int_equal(rt_session_create(st->device, &D3DCRYPTOTYPE_AES128_CTR, &none, "runtime", 8, &session), S_OK);
	return session;
}

void st_blob(struct st *st, UINT certificate_type, const uint8_t key[16], uint8_t ret[256])
{
	uint8_t *chain;
	const uint8_t *der;
	size_t chain_size, out = 256;
	X509 *certificate;
	EVP_PKEY_CTX *context;

	assert_int_equal(rt_adapter_certificate(st->adapter, certificate_type, &chain, &chain_size), S_OK);
	der = chain;
	certificate = d2i_X509(NULL, &der, (long)chain_size);
	assert_non_null(certificate);
	context = EVP_PKEY_CTX_new(X509_get0_pubkey(certificate), NULL);
	assert_int_equal(EVP_PKEY_encrypt_init(context), 1);
	assert_true(EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING) > 0);
	assert_true(EVP_PKEY_CTX_set_rsa_oaep_md_name(context, "SHA512", NULL) > 0);
	assert_true(EVP_PKEY_CTX_set_rsa_mgf1_md_name(context, "SHA512", NULL) > 0);
	assert_int_equal(EVP_PKEY_encrypt(context, ret, &out, key, 16), 1);
	assert_int_equal(out, 256);
	EVP_PKEY_CTX_free(context);
	X509_free(certificate);
	free(chain);
}

HRESULT st_exchange_blob(struct st *st, HANDLE session, const uint8_t blob[256])
{
	uint8_t copy[256];
	D3DDDIARG_CRYPTOSESSIONKEYEXCHANGE arg = { .hCryptoSession = session, .DataSize = 256, .pData = copy };

	memcpy(copy, blob, sizeof(copy));
	return st->funcs->pfnCryptoSessionKeyExchange(st->handle, &arg);
}

HRESULT st_exchange(struct st *st, struct rt_session *session, const uint8_t key[16])
{
	uint8_t blob[256];

	st_blob(st, 2, key, blob);
	return st_exchange_blob(st, rt_session_handle(session), blob);
}

/* ---- channels --------------------------------------------------------------------------------------------- */

HRESULT st_channel(struct st *st, UINT type, HANDLE *ret)
{
	D3DDDIARG_CREATEAUTHENTICATEDCHANNEL arg = { .ChannelType = type, .hChannel = st };
	HRESULT hr = st->funcs->pfnCreateAuthenticatedChannel(st->handle, &arg);

	assert_int_equal(arg.ChannelType, type); /* AC-006 */
	if (hr == S_OK)
		*ret = arg.hChannel;
	else
		assert_ptr_equal(arg.hChannel, st); /* AC-009 */
	return hr;
}

HRESULT st_channel_exchange(struct st *st, HANDLE channel, const uint8_t blob[256])
{
	uint8_t copy[256];
	D3DDDIARG_AUTHENTICATEDCHANNELKEYEXCHANGE arg = { .hChannel = channel, .DataSize = 256, .pData = copy };
	HRESULT hr;

	memcpy(copy, blob, sizeof(copy));
	hr = st->funcs->pfnAuthenticatedChannelKeyExchange(st->handle, &arg);
	assert_memory_equal(copy, blob, sizeof(copy)); /* AC-041 */
	return hr;
}

HRESULT st_channel_configure(struct st *st, const void *input, UINT input_size, void *output)
{
	const D3DDDIARG_CONFIGUREAUTHENTICATEDCHANNEL arg = {
		.InputSize = input_size,
		.pInputData = input,
		.pOutputData = output,
	};

	return st->funcs->pfnConfigureAuthenticatedChannel(st->handle, &arg);
}

HRESULT st_channel_query(struct st *st, const void *input, UINT input_size, void *output, UINT output_size)
{
	const D3DDDIARG_QUERYAUTHENTICATEDCHANNEL arg = {
		.InputSize = input_size,
		.pInputData = input,
		.OutputSize = output_size,
		.pOutputData = output,
	};

	return st->funcs->pfnQueryAuthenticatedChannel(st->handle, &arg);
}

HRESULT st_channel_destroy(struct st *st, HANDLE channel)
{
	const D3DDDIARG_DESTROYAUTHENTICATEDCHANNEL arg = { .hChannel = channel };

	return st->funcs->pfnDestroyAuthenticatedChannel(st->handle, &arg);
}

/* ---- surfaces --------------------------------------------------------------------------------------------- */

struct rt_surface st_surface(D3DDDIFORMAT format, uint32_t width, uint32_t height)
{
	return (struct rt_surface) {
		.format = format,
		.width = width,
		.height = height,
		.refresh_rate = { .Numerator = 24000, .Denominator = 1001 },
	};
}

struct st_system st_system(struct st *st, const struct rt_surface *surface)
{
	struct st_system system = { 0 };
	void *memory;

	assert_int_equal(
		rt_resource_create_system(st->device, surface, &memory, &system.size, &system.pitch, &system.resource),
		S_OK);
	system.memory = memory;
	system.handle = rt_resource_handle(system.resource);
	return system;
}

struct st_system st_system_own(struct st *st, const struct rt_surface *surface, void *memory, uint32_t pitch)
{
	static int runtime_handles[64];
	static int count;
	const D3DDDI_SURFACEINFO info = {
		.Width = surface->width,
		.Height = surface->height,
		.pSysMem = memory,
		.SysMemPitch = pitch,
	};
	D3DDDIARG_CREATERESOURCE arg = {
		.Format = surface->format,
		.Pool = D3DDDIPOOL_SYSTEMMEM,
		.pSurfList = &info,
		.SurfCount = 1,
		.hResource = &runtime_handles[count++ % 64],
		.Rotation = D3DDDI_ROTATION_IDENTITY,
	};

	assert_int_equal(st->funcs->pfnCreateResource(st->handle, &arg), S_OK);
	return (struct st_system) { .handle = arg.hResource, .memory = memory, .pitch = pitch };
}

struct rt_resource *st_protected(struct st *st, const struct rt_surface *surface, bool shared)
{
	D3DDDI_RESOURCEFLAGS flags = { .Value = 0 };
	struct rt_resource *resource;

	flags.SharedResource = shared;
	assert_int_equal(rt_resource_create_protected(st->device, surface, flags, &resource), S_OK);
	return resource;
}

/* ---- transfers ---------------------------------------------------------------------------------------------- */

void st_iv(uint8_t ret[16], uint64_t iv, uint64_t count)
{
	for (int i = 7; i >= 0; i--, iv >>= 8, count >>= 8) {
		ret[i] = (uint8_t)iv;
		ret[8 + i] = (uint8_t)count;
	}
}

HRESULT st_decrypt(struct st *st, HANDLE session, HANDLE source, HANDLE destination, UINT size, uint64_t iv,
		   uint64_t count, D3DDDIENCRYPTED_BLOCK_INFO *info)
{
	uint8_t block[16];
	const D3DDDIARG_DECRYPTIONBLT arg = {
		.hCryptoSession = session,
		.hSrcResource = source,
		.SrcResourceSize = size,
		.hDstResource = destination,
		.pEncryptedBlockInfo = info,
		.pIV = block,
	};

	st_iv(block, iv, count);
	return st->funcs->pfnDecryptionBlt(st->handle, &arg);
}

HRESULT st_encrypt(struct st *st, HANDLE session, HANDLE source, HANDLE destination, UINT size, uint8_t ret_iv[16])
{
	const D3DDDIARG_ENCRYPTIONBLT arg = {
		.hCryptoSession = session,
		.hSrcResource = source,
		.hDstResource = destination,
		.DstResourceSize = size,
		.pIV = ret_iv,
	};

	memset(ret_iv, 0xee, 16);
	return st->funcs->pfnEncryptionBlt(st->handle, &arg);
}

HRESULT st_readback_key(struct st *st, HANDLE session, const uint8_t session_key[16], uint8_t ret[16])
{
	uint8_t wrapped[16];
	const D3DDDIARG_GETENCRYPTIONBLTKEY arg = {
		.hCryptoSession = session,
		.pReadBackKey = wrapped,
		.KeySize = sizeof(wrapped),
	};
	HRESULT hr = st->funcs->pfnGetEncryptionBltKey(st->handle, &arg);

	if (hr == S_OK)
		st_ecb(session_key, 0, wrapped, ret);
	return hr;
}

HRESULT st_read(struct st *st, struct rt_session *session, const uint8_t session_key[16], HANDLE source,
		const struct st_system *through, uint8_t *ret, UINT size)
{
	uint8_t key[16], iv[16];
	HRESULT hr;

	hr = st_readback_key(st, rt_session_handle(session), session_key, key);
	if (hr != S_OK)
		return hr;
	memset(through->memory, 0x33, size);
	hr = st_encrypt(st, rt_session_handle(session), source, through->handle, size, iv);
	if (hr == S_OK)
		st_ctr(key, iv, through->memory, ret, size);
	return hr;
}

/* ---- what an application does with libcrypto ------------------------------------------------------------------ */

void st_tag(const uint8_t key[16], const void *data, size_t size, uint8_t ret[16])
{
	size_t written;

	assert_non_null(EVP_Q_mac(NULL, "CMAC", NULL, "AES-128-CBC", NULL, key, 16, data, size, ret, 16, &written));
	assert_int_equal(written, 16);
}

void st_ctr(const uint8_t key[16], const uint8_t iv[16], const void *in, void *out, size_t size)
{
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	int done;

	assert_int_equal(EVP_EncryptInit_ex(context, EVP_aes_128_ctr(), NULL, key, iv), 1);
	assert_int_equal(EVP_EncryptUpdate(context, out, &done, in, (int)size), 1);
	EVP_CIPHER_CTX_free(context);
}

void st_ecb(const uint8_t key[16], int encrypt, const uint8_t in[16], uint8_t out[16])
{
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	int size;

	assert_int_equal(EVP_CipherInit_ex(context, EVP_aes_128_ecb(), NULL, key, NULL, encrypt), 1);
	EVP_CIPHER_CTX_set_padding(context, 0);
	assert_int_equal(EVP_CipherUpdate(context, out, &size, in, 16), 1);
	EVP_CIPHER_CTX_free(context);
}

void st_hex(const char *hex, uint8_t *ret, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		unsigned int byte;

		while (*hex == ' ')
			hex++;
		assert_int_equal(sscanf(hex, "%2x", &byte), 1);
		ret[i] = (uint8_t)byte;
		hex += 2;
	}
}
