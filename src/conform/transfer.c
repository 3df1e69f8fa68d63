/* SPDX-License-Identifier: MIT */
/* Transfers, and the whole way of bytes into a protected surface and out again. */
#include "conform/cf.h"

#include <string.h>

/* Above what tests choose by hand, and with room for growing. */
#define FIRST_IV (UINT64_C(1) << 32)

uint64_t cf_fresh_iv(struct cf *cf)
{
	return FIRST_IV + cf->next_iv++;
}

HRESULT cf_decrypt_with(const struct cf_device *device, HANDLE session, const struct cf_surface *source,
			const struct cf_surface *destination, const uint8_t iv[16], const uint8_t *content_key,
			D3DDDIENCRYPTED_BLOCK_INFO *info)
{
	const D3DDDIARG_DECRYPTIONBLT arg = {
		.hCryptoSession = session,
		.hSrcResource = source->h,
		.hDstResource = destination->h,
		.SrcResourceSize = (UINT)source->size,
		.pEncryptedBlockInfo = info,
		.pContentKey = (void *)(uintptr_t)content_key,
		.pIV = (void *)(uintptr_t)iv,
	};
	HRESULT hr = device->f->pfnDecryptionBlt(device->h, &arg);

	/* No bit announces the function; this is how a driver says that it has none (BLT-52). */
	if (hr == D3DDDIERR_NOTAVAILABLE && !content_key && !info)
		cf_running->missing = "DecryptionBlt";
	return hr;
}

HRESULT cf_decrypt(const struct cf_device *device, HANDLE session, const struct cf_surface *source,
		   const struct cf_surface *destination, const uint8_t iv[16])
{
	return cf_decrypt_with(device, session, source, destination, iv, NULL, NULL);
}

HRESULT cf_encrypt(const struct cf_device *device, HANDLE session, const struct cf_surface *source,
		   const struct cf_surface *destination, uint8_t ret_iv[16])
{
	D3DDDIARG_ENCRYPTIONBLT arg = {
		.hCryptoSession = session,
		.hSrcResource = source->h,
		.hDstResource = destination->h,
		.DstResourceSize = (UINT)destination->size,
	};

	arg.pIV = ret_iv;
	return device->f->pfnEncryptionBlt(device->h, &arg);
}

HRESULT cf_put(struct cf *cf, const struct cf_device *device, HANDLE session, const uint8_t key[CF_KEY],
	       const void *plain, const struct cf_surface *through, const struct cf_surface *protected)
{
	uint8_t iv[16];

	cf_iv(iv, cf_fresh_iv(cf), 0);
	cf_ctr(key, iv, plain, through->memory, through->size);
	return cf_decrypt(device, session, through, protected, iv);
}

HRESULT cf_get(struct cf *cf, const struct cf_device *device, HANDLE session, const uint8_t session_key[CF_KEY],
	       uint8_t read_back_key[CF_KEY], const struct cf_surface *protected, const struct cf_surface *through,
	       void *ret_plain)
{
	static const uint8_t none[CF_KEY];
	uint8_t wrapped[CF_KEY], iv[16];
	const uint8_t *key = read_back_key;
	HRESULT hr;

	/* A driver that reads back under the session key has no other (BLT-17). */
	if (!cf_has(cf, D3DCPCAPS_ENCRYPTEDREADBACKKEY)) {
		key = session_key;
	} else if (memcmp(read_back_key, none, CF_KEY) == 0) {
		hr = cf_read_back_key(device, session, wrapped);
		if (hr != S_OK)
			return hr;
		cf_ecb(session_key, false, wrapped, read_back_key);
	}
	hr = cf_encrypt(device, session, protected, through, iv);
	if (hr == S_OK)
		cf_ctr(key, iv, through->memory, ret_plain, through->size);
	return hr;
}
