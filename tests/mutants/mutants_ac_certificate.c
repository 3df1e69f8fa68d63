/* SPDX-License-Identifier: MIT */
/* Mutants of the channel certificate. */
#include "mutants_ac.h"
#include "mutants_chain.h"

#include <string.h>

#define CHANNEL D3DDDI_CERTTYPE_AUTHENTICATED_CHANNEL

#define real_caps mutant_real_adapter.pfnGetCaps

/* A GetCaps, and the function that puts it into the table. Its body follows. */
#define GET_CAPS(name)                                                                            \
	static HRESULT APIENTRY name##_get_caps(HANDLE hAdapter, const D3DDDIARG_GETCAPS *pData); \
	static void name(D3DDDI_ADAPTERFUNCS *funcs)                                              \
	{                                                                                         \
		funcs->pfnGetCaps = name##_get_caps;                                              \
	}                                                                                         \
	static HRESULT APIENTRY name##_get_caps(HANDLE hAdapter, const D3DDDIARG_GETCAPS *pData)

/* What is asked for a channel certificate; NULL: it is another query, or none. */
static const DDICERTIFICATEINFO *info_of(const D3DDDIARG_GETCAPS *pData)
{
	const DDICERTIFICATEINFO *info;

	if (!pData || (!mutant_asks_size(pData) && pData->Type != D3DDDICAPS_GETCERTIFICATE))
		return NULL;
	info = pData->pInfo;
	return info && info->CertificateType == CHANNEL ? info : NULL;
}

/* ---- sizes and buffers ------------------------------------------------------------------------------------------- */

static bool is_any_device;

static HRESULT APIENTRY note_device(HANDLE hAdapter, D3DDDIARG_CREATEDEVICE *pData)
{
	const HRESULT hr = mutant_real_adapter.pfnCreateDevice(hAdapter, pData);

	is_any_device = is_any_device || hr == S_OK;
	return hr;
}

static HRESULT APIENTRY when_there_is_a_device(HANDLE hAdapter, const D3DDDIARG_GETCAPS *pData)
{
	return info_of(pData) && !is_any_device ? E_FAIL : real_caps(hAdapter, pData);
}

static void wants_a_device(D3DDDI_ADAPTERFUNCS *funcs)
{
	funcs->pfnGetCaps = when_there_is_a_device;
	funcs->pfnCreateDevice = note_device;
}

GET_CAPS(size_of_3_bytes)
{
	UINT size = 0;
	D3DDDIARG_GETCAPS arg;
	HRESULT hr;

	if (!info_of(pData) || !mutant_asks_size(pData) || pData->DataSize != 3 || !pData->pData)
		return real_caps(hAdapter, pData);
	arg = *pData;
	arg.pData = &size;
	arg.DataSize = sizeof(size);
	hr = real_caps(hAdapter, &arg);
	if (hr == S_OK)
		memcpy(pData->pData, &size, 3);
	return hr;
}

GET_CAPS(size_is_zero)
{
	const HRESULT hr = real_caps(hAdapter, pData);

	if (hr == S_OK && info_of(pData) && mutant_asks_size(pData))
		memset(pData->pData, 0, sizeof(UINT));
	return hr;
}

GET_CAPS(gives_a_pointer)
{
	static uint8_t chain[MUTANT_CHAIN];
	D3DDDIARG_GETCAPS arg;
	void *pointer = chain;
	HRESULT hr;

	if (!info_of(pData) || mutant_asks_size(pData) || !pData->pData || pData->DataSize < sizeof(pointer))
		return real_caps(hAdapter, pData);
	arg = *pData;
	arg.pData = chain;
	hr = pData->DataSize <= MUTANT_CHAIN ? real_caps(hAdapter, &arg) : E_INVALIDARG;
	if (hr == S_OK)
		memcpy(pData->pData, &pointer, sizeof(pointer));
	return hr;
}

GET_CAPS(clears_the_rest)
{
	HRESULT hr;

	if (info_of(pData) && !mutant_asks_size(pData) && pData->pData)
		memset(pData->pData, 0, pData->DataSize);
	hr = real_caps(hAdapter, pData);
	return hr;
}

GET_CAPS(cuts_what_is_long)
{
	static uint8_t chain[MUTANT_CHAIN];
	D3DDDIARG_GETCAPS arg;
	HRESULT hr;

	if (!info_of(pData) || mutant_asks_size(pData) || !pData->pData || pData->DataSize > MUTANT_CHAIN)
		return real_caps(hAdapter, pData);
	arg = *pData;
	arg.pData = chain;
	arg.DataSize = MUTANT_CHAIN;
	hr = real_caps(hAdapter, &arg);
	if (hr == S_OK)
		memcpy(pData->pData, chain, pData->DataSize);
	return hr;
}

GET_CAPS(another_each_time)
{
	static uint8_t count;
	const HRESULT hr = real_caps(hAdapter, pData);

	if (hr == S_OK && info_of(pData) && !mutant_asks_size(pData))
		((uint8_t *)pData->pData)[pData->DataSize - 1] ^= ++count;
	return hr;
}

/* ---- which ---------------------------------------------------------------------------------------------------------- */

static HRESULT for_channel_type(HANDLE hAdapter, const D3DDDIARG_GETCAPS *pData, UINT type)
{
	const DDICERTIFICATEINFO *info = info_of(pData);

	return info && (UINT)info->ChannelType == type ? mutant_ask_certificate(hAdapter, pData, CHANNEL)
						       : real_caps(hAdapter, pData);
}

GET_CAPS(for_type_1)
{
	return for_channel_type(hAdapter, pData, 1);
}

GET_CAPS(for_hardware)
{
	return for_channel_type(hAdapter, pData, DDIAUTHENTICATEDCHANNEL_DRIVER_HARDWARE);
}

GET_CAPS(refused_as_invalid)
{
	const HRESULT hr = real_caps(hAdapter, pData);

	return hr == D3DDDIERR_NOTAVAILABLE && info_of(pData) ? E_INVALIDARG : hr;
}

GET_CAPS(unknown_as_unavailable)
{
	const HRESULT hr = real_caps(hAdapter, pData);
	const DDICERTIFICATEINFO *info = pData && (mutant_asks_size(pData) || pData->Type == D3DDDICAPS_GETCERTIFICATE)
						 ? pData->pInfo
						 : NULL;

	return hr == E_INVALIDARG && info && ((UINT)info->CertificateType == 0 || (UINT)info->CertificateType > 2)
		       ? D3DDDIERR_NOTAVAILABLE
		       : hr;
}

GET_CAPS(looks_at_the_crypto_type)
{
	static const GUID none;
	const DDICERTIFICATEINFO *info = info_of(pData);

	if (info && memcmp(&info->CryptoSessionType, &none, sizeof(none)) != 0 &&
	    memcmp(&info->CryptoSessionType, &D3DCRYPTOTYPE_AES128_CTR, sizeof(GUID)) != 0)
		return D3DDDIERR_NOTAVAILABLE;
	return real_caps(hAdapter, pData);
}

GET_CAPS(session_leaf_for_channels)
{
	return info_of(pData) ? mutant_ask_certificate(hAdapter, pData, D3DDDI_CERTTYPE_CRYPTOSESSION)
			      : real_caps(hAdapter, pData);
}

/* ---- what is in it -------------------------------------------------------------------------------------------------- */

GET_CAPS(key_of_1024_bits)
{
	static struct mutant_chain chain;

	if (!info_of(pData))
		return real_caps(hAdapter, pData);
	if (chain.size == 0)
		mutant_chain_append(&chain, 1024, 65537);
	return mutant_chain_give(&chain, pData);
}

GET_CAPS(root_first)
{
	static struct mutant_chain real, turned;
	size_t root;

	if (!info_of(pData))
		return real_caps(hAdapter, pData);
	root = mutant_chain_read(hAdapter, CHANNEL, &real);
	mutant_chain_turn(&real, root, &turned);
	return mutant_chain_give(&turned, pData);
}

GET_CAPS(byte_behind_the_root)
{
	static struct mutant_chain chain;

	if (!info_of(pData))
		return real_caps(hAdapter, pData);
	(void)mutant_chain_read(hAdapter, CHANNEL, &chain);
	chain.bytes[chain.size++] = 0;
	return mutant_chain_give(&chain, pData);
}

GET_CAPS(root_of_its_own)
{
	static struct mutant_chain chain;

	if (!info_of(pData))
		return real_caps(hAdapter, pData);
	if (chain.size == 0)
		mutant_chain_append(&chain, 2048, 65537);
	return mutant_chain_give(&chain, pData);
}

const struct mutant mutants_ac_certificate[] = {
	{ "channel-certificate-wants-a-device", "AC-019", false, .adapter = wants_a_device },
	{ "channel-certificate-size-of-3-bytes", "AC-020", true, .adapter = size_of_3_bytes },
	{ "channel-certificate-size-is-zero", "AC-020", true, .adapter = size_is_zero },
	{ "channel-certificate-is-a-pointer", "AC-021", true, .adapter = gives_a_pointer },
	{ "channel-certificate-clears-the-rest", "AC-022", true, .adapter = clears_the_rest },
	{ "channel-certificate-is-cut", "AC-022", true, .adapter = cuts_what_is_long },
	{ "channel-certificate-changes", "AC-023", false, .adapter = another_each_time },
	{ "channel-certificate-of-type-1", "AC-024", true, .adapter = for_type_1 },
	{ "no-channel-certificate-is-invalid", "AC-024 AC-025", true, .adapter = refused_as_invalid },
	{ "channel-certificate-of-hardware", "AC-025", true, .adapter = for_hardware },
	{ "certificate-type-3-is-unavailable", "AC-025", true, .adapter = unknown_as_unavailable },
	{ "channel-certificate-of-a-crypto-type", "AC-026", true, .adapter = looks_at_the_crypto_type },
	{ "channel-key-of-1024-bits", "AC-027", false, .adapter = key_of_1024_bits },
	{ "channel-root-first", "AC-028", true, .adapter = root_first },
	{ "byte-behind-the-channel-root", "AC-028", true, .adapter = byte_behind_the_root },
	{ "channel-root-of-its-own", "AC-029 AC-030", true, .adapter = root_of_its_own },
	{ "session-leaf-for-channels", "AC-030", true, .adapter = session_leaf_for_channels },
	{ 0 },
};
