/* SPDX-License-Identifier: MIT */
/* GetCaps: content-protection capabilities, and the decode queries of a driver that decodes nothing. */
#include "umd/umd_internal.h"

#include <string.h>

/* Bits above are the Direct3D 11 interface's, with other meanings (CAP-56). */
#define CAPS_MASK 0x3ffu

bool umd_guid_equal(const GUID *a, const GUID *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

bool umd_guid_is_zero(const GUID *guid)
{
	static const GUID zero;

	return umd_guid_equal(guid, &zero);
}

/*
 * No profile is listed while the driver does not decode: any that is named cannot use the type (CAP-47, CS-20), but for
 * those of the test configuration.
 */
HRESULT umd_crypto_check(const struct umd_adapter *adapter, const GUID *crypto_type, const GUID *decode_profile)
{
	if (!umd_guid_equal(crypto_type, &D3DCRYPTOTYPE_AES128_CTR))
		return D3DDDIERR_NOTAVAILABLE;
	if (umd_guid_is_zero(decode_profile) || umd_is_profile(adapter, decode_profile))
		return S_OK;
	return D3DDDIERR_UNSUPPORTEDCRYPTO;
}

static HRESULT get_content_protection_caps(struct umd_adapter *adapter, const D3DDDIARG_GETCAPS *pData)
{
	D3DCONTENTPROTECTIONCAPS answer;
	DDICONTENTPROTECTIONCAPS pair;
	HRESULT hr;

	if (!pData->pData || !pData->pInfo || pData->DataSize < sizeof(answer))
		return E_INVALIDARG;

	memcpy(&pair, pData->pInfo, sizeof(pair));
	/* A zero type asks for the union of all, which is this one's (CAP-48, CAP-50). */
	if (umd_guid_is_zero(&pair.CryptoType))
		pair.CryptoType = D3DCRYPTOTYPE_AES128_CTR;
	hr = umd_crypto_check(adapter, &pair.CryptoType, &pair.DecodeProfile);
	if (hr != S_OK)
		return hr;

	memset(&answer, 0, sizeof(answer)); /* the padding too (CAP-63) */
	answer.Caps = adapter->caps.caps & CAPS_MASK;
	answer.KeyExchangeType = D3DKEYEXCHANGE_RSAES_OAEP;
	answer.BufferAlignmentStart = DRV_BUFFER_ALIGNMENT;
	answer.BlockAlignmentSize = DRV_BLOCK_ALIGNMENT;
	answer.ProtectedMemorySize = adapter->caps.protected_memory_size;
	memcpy(pData->pData, &answer, sizeof(answer));
	return S_OK;
}

static HRESULT get_decode_guid_count(const D3DDDIARG_GETCAPS *pData)
{
	const UINT count = 0;

	if (!pData->pData || pData->DataSize < sizeof(count))
		return E_INVALIDARG;
	memcpy(pData->pData, &count, sizeof(count));
	return S_OK;
}

HRESULT APIENTRY umd_get_caps(HANDLE hAdapter, const D3DDDIARG_GETCAPS *pData)
{
	struct umd_adapter *adapter = umd_adapter_find(hAdapter);

	if (!adapter || !pData)
		return E_INVALIDARG;

	switch (pData->Type) {
	case D3DDDICAPS_GETCONTENTPROTECTIONCAPS:
		return get_content_protection_caps(adapter, pData);
	case D3DDDICAPS_GETCERTIFICATESIZE:
		return umd_get_certificate_size(adapter, pData);
	case D3DDDICAPS_GETCERTIFICATE:
		return umd_get_certificate(adapter, pData);
	case D3DDDICAPS_GETDECODEGUIDCOUNT:
		return get_decode_guid_count(pData);
	case D3DDDICAPS_GETDECODEGUIDS:
		/* An array of none. */
		return pData->pData ? S_OK : E_INVALIDARG;
	case D3DDDICAPS_GETDECODERTFORMATCOUNT:
	case D3DDDICAPS_GETDECODERTFORMATS:
	case D3DDDICAPS_GETDECODECOMPRESSEDBUFFERINFOCOUNT:
	case D3DDDICAPS_GETDECODECOMPRESSEDBUFFERINFO:
	case D3DDDICAPS_GETDECODECONFIGURATIONCOUNT:
	case D3DDDICAPS_GETDECODECONFIGURATIONS:
		/* Every GUID is unknown (CAP-83). */
		return pData->pData && pData->pInfo ? D3DDDIERR_NOTAVAILABLE : E_INVALIDARG;
	default:
		return D3DDDIERR_NOTAVAILABLE;
	}
}
