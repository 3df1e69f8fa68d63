/* SPDX-License-Identifier: MIT */
/* Mutants of GetCaps: which queries are answered, and how the caller's memory is treated. */
#include "mutants_cap.h"

#include <stdlib.h>
#include <string.h>

static const GUID zero;
static const GUID idct = { 0x1b81be6a, 0xa0c7, 0x11d3, { 0xb9, 0x84, 0x00, 0xc0, 0x4f, 0x2e, 0x73, 0xc5 } };

static bool is_guid(const GUID *a, const GUID *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

/* The condition of a query for capabilities; NULL: another query, or none. */
static const DDICONTENTPROTECTIONCAPS *pair_of(const D3DDDIARG_GETCAPS *pData)
{
	return pData && pData->Type == D3DDDICAPS_GETCONTENTPROTECTIONCAPS ? pData->pInfo : NULL;
}

/* As if the caller had asked for this pair. */
static HRESULT ask_instead(HANDLE hAdapter, const D3DDDIARG_GETCAPS *pData, const GUID *type, const GUID *profile)
{
	DDICONTENTPROTECTIONCAPS pair = { .CryptoType = *type, .DecodeProfile = *profile };
	D3DDDIARG_GETCAPS arg = *pData;

	arg.pInfo = &pair;
	return REAL_GET_CAPS(&arg);
}

GET_CAPS(no_protection_e_notimpl)
{
	return pair_of(pData) ? E_NOTIMPL : REAL_GET_CAPS(pData);
}

GET_CAPS(types_swapped)
{
	D3DDDIARG_GETCAPS arg;

	if (!pData)
		return REAL_GET_CAPS(pData);
	arg = *pData;
	if (arg.Type == D3DDDICAPS_GETCERTIFICATESIZE)
		arg.Type = D3DDDICAPS_GETCERTIFICATE;
	else if (arg.Type == D3DDDICAPS_GETCERTIFICATE)
		arg.Type = D3DDDICAPS_GETCERTIFICATESIZE;
	return REAL_GET_CAPS(&arg);
}

GET_CAPS(buffer_of_its_own)
{
	static D3DCONTENTPROTECTIONCAPS buffer;
	D3DDDIARG_GETCAPS *arg = (D3DDDIARG_GETCAPS *)(uintptr_t)pData;

	if (pair_of(pData))
		arg->pData = &buffer;
	return REAL_GET_CAPS(pData);
}

GET_CAPS(structure_changed)
{
	HRESULT hr = REAL_GET_CAPS(pData);

	if (hr == S_OK && pData->DataSize > 4)
		((D3DDDIARG_GETCAPS *)(uintptr_t)pData)->DataSize -= 4;
	return hr;
}

GET_CAPS(short_buffer)
{
	D3DCONTENTPROTECTIONCAPS whole;
	D3DDDIARG_GETCAPS arg;
	HRESULT hr;

	if (!pair_of(pData) || !pData->pData)
		return REAL_GET_CAPS(pData);
	arg = *pData;
	arg.pData = &whole;
	arg.DataSize = sizeof(whole);
	hr = REAL_GET_CAPS(&arg);
	if (hr == S_OK)
		memcpy(pData->pData, &whole, pData->DataSize < sizeof(whole) ? pData->DataSize : sizeof(whole));
	return hr;
}

GET_CAPS(no_condition)
{
	if (pData && pData->Type == D3DDDICAPS_GETCONTENTPROTECTIONCAPS && !pData->pInfo)
		return ask_instead(hAdapter, pData, &D3DCRYPTOTYPE_AES128_CTR, &zero);
	return REAL_GET_CAPS(pData);
}

GET_CAPS(unknown_type_answered)
{
	return pData && pData->Type == 0 ? S_OK : REAL_GET_CAPS(pData);
}

GET_CAPS(memory_counts_down)
{
	static ULONGLONG count;
	HRESULT hr = REAL_GET_CAPS(pData);

	if (hr == S_OK && pair_of(pData))
		((D3DCONTENTPROTECTIONCAPS *)pData->pData)->ProtectedMemorySize -= ++count;
	return hr;
}

GET_CAPS(half_an_answer)
{
	D3DCONTENTPROTECTIONCAPS *caps, before;
	HRESULT hr;

	if (!pair_of(pData) || !pData->pData || pData->DataSize < sizeof(before))
		return REAL_GET_CAPS(pData);
	caps = pData->pData;
	before = *caps;
	hr = REAL_GET_CAPS(pData);
	caps->ProtectedMemorySize = before.ProtectedMemorySize;
	return hr;
}

GET_CAPS(idct_not_available)
{
	const DDICONTENTPROTECTIONCAPS *pair = pair_of(pData);

	return pair && is_guid(&pair->DecodeProfile, &idct) ? D3DDDIERR_NOTAVAILABLE : REAL_GET_CAPS(pData);
}

GET_CAPS(profile_ignored)
{
	const DDICONTENTPROTECTIONCAPS *pair = pair_of(pData);

	return pair ? ask_instead(hAdapter, pData, &pair->CryptoType, &zero) : REAL_GET_CAPS(pData);
}

GET_CAPS(any_crypto_type)
{
	const DDICONTENTPROTECTIONCAPS *pair = pair_of(pData);

	if (pair && !is_guid(&pair->CryptoType, &zero))
		return ask_instead(hAdapter, pData, &D3DCRYPTOTYPE_AES128_CTR, &pair->DecodeProfile);
	return REAL_GET_CAPS(pData);
}

GET_CAPS(no_union)
{
	const DDICONTENTPROTECTIONCAPS *pair = pair_of(pData);

	return pair && is_guid(&pair->CryptoType, &zero) ? D3DDDIERR_NOTAVAILABLE : REAL_GET_CAPS(pData);
}

GET_CAPS(union_loses_a_bit)
{
	const DDICONTENTPROTECTIONCAPS *pair = pair_of(pData);
	HRESULT hr = REAL_GET_CAPS(pData);

	if (hr == S_OK && pair && is_guid(&pair->CryptoType, &zero))
		((D3DCONTENTPROTECTIONCAPS *)pData->pData)->Caps &= ~(DWORD)D3DCPCAPS_CONTENTKEY;
	return hr;
}

GET_CAPS(union_for_any_profile)
{
	const DDICONTENTPROTECTIONCAPS *pair = pair_of(pData);

	if (pair && is_guid(&pair->CryptoType, &zero))
		return ask_instead(hAdapter, pData, &zero, &zero);
	return REAL_GET_CAPS(pData);
}

GET_CAPS(union_of_another_alignment)
{
	const DDICONTENTPROTECTIONCAPS *pair = pair_of(pData);
	HRESULT hr = REAL_GET_CAPS(pData);

	if (hr == S_OK && pair && is_guid(&pair->CryptoType, &zero))
		((D3DCONTENTPROTECTIONCAPS *)pData->pData)->BufferAlignmentStart = 64;
	return hr;
}

GET_CAPS(output_on_failure)
{
	HRESULT hr = REAL_GET_CAPS(pData);

	if (hr != S_OK && pair_of(pData) && pData->pData && pData->DataSize >= sizeof(D3DCONTENTPROTECTIONCAPS))
		memset(pData->pData, 0, sizeof(D3DCONTENTPROTECTIONCAPS));
	return hr;
}

/* ---- decoding ------------------------------------------------------------------------------------------------------ */

GET_CAPS(guid_twice)
{
	const UINT count = 2;

	if (pData && pData->pData && pData->Type == D3DDDICAPS_GETDECODEGUIDCOUNT) {
		memcpy(pData->pData, &count, sizeof(count));
		return S_OK;
	}
	if (pData && pData->pData && pData->Type == D3DDDICAPS_GETDECODEGUIDS && pData->DataSize >= 2 * sizeof(idct)) {
		memcpy(pData->pData, &idct, sizeof(idct));
		memcpy((uint8_t *)pData->pData + sizeof(idct), &idct, sizeof(idct));
		return S_OK;
	}
	return REAL_GET_CAPS(pData);
}

GET_CAPS(unknown_profile_answered)
{
	const UINT none = 0;

	if (!pData || pData->Type != D3DDDICAPS_GETDECODERTFORMATCOUNT || !pData->pData || !pData->pInfo)
		return REAL_GET_CAPS(pData);
	memcpy(pData->pData, &none, sizeof(none));
	return S_OK;
}
