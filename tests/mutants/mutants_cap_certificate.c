/* SPDX-License-Identifier: MIT */
/* Mutants of the two certificate queries. */
#include "mutants_cap.h"
#include "mutants_chain.h"

#include <string.h>

#define SESSION D3DDDI_CERTTYPE_CRYPTOSESSION
#define CHANNEL D3DDDI_CERTTYPE_AUTHENTICATED_CHANNEL

static bool is_bytes(const D3DDDIARG_GETCAPS *pData)
{
	return pData && pData->Type == D3DDDICAPS_GETCERTIFICATE;
}

/* The condition of either query; NULL: another query, or none. */
static const DDICERTIFICATEINFO *info_of(const D3DDDIARG_GETCAPS *pData)
{
	return mutant_asks_size(pData) || is_bytes(pData) ? pData->pInfo : NULL;
}

static bool is_for_sessions(const D3DDDIARG_GETCAPS *pData)
{
	const DDICERTIFICATEINFO *info = info_of(pData);

	return info && info->CertificateType == SESSION &&
	       memcmp(&info->CryptoSessionType, &D3DCRYPTOTYPE_AES128_CTR, sizeof(GUID)) == 0;
}

/* ---- sizes and buffers --------------------------------------------------------------------------------------- */

GET_CAPS(size_of_64_bits)
{
	HRESULT hr = REAL_GET_CAPS(pData);
	UINT size;

	if (hr != S_OK || !mutant_asks_size(pData))
		return hr;
	/* The caller's buffer has but 4 bytes, and what lies behind it is the suite's. */
	memcpy(&size, pData->pData, sizeof(size));
	memset((uint8_t *)pData->pData + sizeof(size), 0, sizeof(size));
	return hr;
}

GET_CAPS(size_without_condition)
{
	if (mutant_asks_size(pData) && !pData->pInfo)
		return mutant_ask_certificate(hAdapter, pData, SESSION);
	return REAL_GET_CAPS(pData);
}

GET_CAPS(size_too_large)
{
	HRESULT hr = REAL_GET_CAPS(pData);
	UINT size;

	if (hr != S_OK || !mutant_asks_size(pData))
		return hr;
	memcpy(&size, pData->pData, sizeof(size));
	size += 8;
	memcpy(pData->pData, &size, sizeof(size));
	return hr;
}

GET_CAPS(certificate_cut)
{
	uint8_t whole[MUTANT_CHAIN];
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
		return mutant_ask_certificate(hAdapter, pData, SESSION);
	return REAL_GET_CAPS(pData);
}

static HRESULT any_channel(HANDLE hAdapter, const D3DDDIARG_GETCAPS *pData, UINT channel)
{
	const DDICERTIFICATEINFO *info = info_of(pData);

	if (info && info->CertificateType == CHANNEL && (UINT)info->ChannelType == channel)
		return mutant_ask_certificate(hAdapter, pData, CHANNEL);
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

	if (info && info->CertificateType == SESSION)
		return mutant_ask_certificate(hAdapter, pData, SESSION);
	return REAL_GET_CAPS(pData);
}

GET_CAPS(channels_for_sessions)
{
	return is_for_sessions(pData) ? mutant_ask_certificate(hAdapter, pData, CHANNEL) : REAL_GET_CAPS(pData);
}

GET_CAPS(one_leaf_for_both)
{
	const DDICERTIFICATEINFO *info = info_of(pData);

	if (info && info->CertificateType == CHANNEL)
		return mutant_ask_certificate(hAdapter, pData, SESSION);
	return REAL_GET_CAPS(pData);
}

/* ---- what is in it ------------------------------------------------------------------------------------------------ */

static HRESULT give_new_key(HANDLE hAdapter, const D3DDDIARG_GETCAPS *pData, unsigned int bits, unsigned int exponent)
{
	static struct mutant_chain chain;

	if (!is_for_sessions(pData))
		return REAL_GET_CAPS(pData);
	if (chain.size == 0)
		mutant_chain_append(&chain, bits, exponent);
	return mutant_chain_give(&chain, pData);
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
	static struct mutant_chain real, turned;
	size_t root;

	if (!is_for_sessions(pData))
		return REAL_GET_CAPS(pData);
	root = mutant_chain_read(hAdapter, SESSION, &real);
	mutant_chain_turn(&real, root, &turned);
	return mutant_chain_give(&turned, pData);
}

GET_CAPS(root_left_out)
{
	static struct mutant_chain chain;

	if (!is_for_sessions(pData))
		return REAL_GET_CAPS(pData);
	chain.size = mutant_chain_read(hAdapter, SESSION, &chain);
	return mutant_chain_give(&chain, pData);
}

GET_CAPS(root_of_its_own)
{
	static struct mutant_chain chain;

	if (!is_for_sessions(pData))
		return REAL_GET_CAPS(pData);
	if (chain.size == 0) {
		chain.size = mutant_chain_read(hAdapter, SESSION, &chain);
		mutant_chain_append(&chain, 2048, 65537);
	}
	return mutant_chain_give(&chain, pData);
}
