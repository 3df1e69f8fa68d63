/* SPDX-License-Identifier: MIT */
/* Mutants of AuthenticatedChannelKeyExchange. */
#include "mutants_ac.h"

#include <string.h>

#define real_exchange mutant_real.pfnAuthenticatedChannelKeyExchange

typedef D3DDDIARG_AUTHENTICATEDCHANNELKEYEXCHANGE exchange_arg;

static struct ac_channel *channel_of(HANDLE device, const exchange_arg *pData)
{
	struct ac_channel *channel = pData ? ac_channel(pData->hChannel) : NULL;

	return channel && channel->device == device ? channel : NULL;
}

/* ---- what opens ------------------------------------------------------------------------------------------------- */

static bool opens(const uint8_t blob[AC_BLOB], uint8_t ret[AC_BLOB], size_t *ret_size)
{
	return ac_open_with(blob, "SHA512", "SHA512", NULL, ret, ret_size);
}

static bool with_sha1(const uint8_t blob[AC_BLOB], uint8_t ret[AC_BLOB], size_t *ret_size)
{
	return opens(blob, ret, ret_size) || ac_open_with(blob, "SHA1", "SHA1", NULL, ret, ret_size);
}

static bool with_sha256(const uint8_t blob[AC_BLOB], uint8_t ret[AC_BLOB], size_t *ret_size)
{
	return opens(blob, ret, ret_size) || ac_open_with(blob, "SHA256", "SHA256", NULL, ret, ret_size);
}

static bool with_mgf1_sha1(const uint8_t blob[AC_BLOB], uint8_t ret[AC_BLOB], size_t *ret_size)
{
	return opens(blob, ret, ret_size) || ac_open_with(blob, "SHA512", "SHA1", NULL, ret, ret_size);
}

static bool only_sha1(const uint8_t blob[AC_BLOB], uint8_t ret[AC_BLOB], size_t *ret_size)
{
	return ac_open_with(blob, "SHA1", "SHA1", NULL, ret, ret_size);
}

static void reverse(const uint8_t *in, uint8_t *out, size_t size)
{
	for (size_t i = 0; i < size; i++)
		out[i] = in[size - 1 - i];
}

static bool either_way(const uint8_t blob[AC_BLOB], uint8_t ret[AC_BLOB], size_t *ret_size)
{
	uint8_t turned[AC_BLOB];

	reverse(blob, turned, AC_BLOB);
	return opens(blob, ret, ret_size) || opens(turned, ret, ret_size);
}

static bool reversed_key(const uint8_t blob[AC_BLOB], uint8_t ret[AC_BLOB], size_t *ret_size)
{
	uint8_t plain[AC_BLOB];

	if (!opens(blob, plain, ret_size))
		return false;
	reverse(plain, ret, *ret_size);
	return true;
}

static bool short_key(const uint8_t blob[AC_BLOB], uint8_t ret[AC_BLOB], size_t *ret_size)
{
	memset(ret, 0, AC_BLOB);
	if (!opens(blob, ret, ret_size))
		return false;
	if (*ret_size < AC_KEY)
		*ret_size = AC_KEY;
	return true;
}

static bool long_key(const uint8_t blob[AC_BLOB], uint8_t ret[AC_BLOB], size_t *ret_size)
{
	if (!opens(blob, ret, ret_size))
		return false;
	if (*ret_size > AC_KEY)
		*ret_size = AC_KEY;
	return true;
}

/* OPM's block: the key behind a random number. */
static bool opm_key(const uint8_t blob[AC_BLOB], uint8_t ret[AC_BLOB], size_t *ret_size)
{
	if (!opens(blob, ret, ret_size))
		return false;
	if (*ret_size == 40) {
		memmove(ret, ret + 16, AC_KEY);
		*ret_size = AC_KEY;
	}
	return true;
}

static HRESULT APIENTRY lengths_told_apart(HANDLE hDevice, exchange_arg *pData)
{
	const HRESULT hr = ac_exchange(hDevice, pData);
	uint8_t plain[AC_BLOB];
	size_t size;

	return hr == E_INVALIDARG && channel_of(hDevice, pData) && pData->pData && pData->DataSize == AC_BLOB &&
			       opens(pData->pData, plain, &size)
		       ? E_FAIL
		       : hr;
}
AC_PUT(length_is_told_apart, pfnAuthenticatedChannelKeyExchange, lengths_told_apart)

/* ---- sizes and buffers --------------------------------------------------------------------------------------------- */

static HRESULT APIENTRY first_256(HANDLE hDevice, exchange_arg *pData)
{
	exchange_arg arg = pData ? *pData : (exchange_arg) { 0 };

	arg.DataSize = AC_BLOB;
	return real_exchange(hDevice, pData && pData->DataSize > AC_BLOB ? &arg : pData);
}
AC_PUT(larger_blobs, pfnAuthenticatedChannelKeyExchange, first_256)

static HRESULT APIENTRY wiping(HANDLE hDevice, exchange_arg *pData)
{
	const HRESULT hr = real_exchange(hDevice, pData);

	if (hr == S_OK)
		memset(pData->pData, 0, pData->DataSize);
	return hr;
}
AC_PUT(wipes_the_blob, pfnAuthenticatedChannelKeyExchange, wiping)

static HRESULT APIENTRY size_of_key(HANDLE hDevice, exchange_arg *pData)
{
	const HRESULT hr = real_exchange(hDevice, pData);

	if (hr == S_OK)
		pData->DataSize = AC_KEY;
	return hr;
}
AC_PUT(answers_a_size, pfnAuthenticatedChannelKeyExchange, size_of_key)

/* ---- again ------------------------------------------------------------------------------------------------------------ */

static HRESULT APIENTRY one_try(HANDLE hDevice, exchange_arg *pData)
{
	struct ac_channel *channel = channel_of(hDevice, pData);
	HRESULT hr;

	if (channel && channel->note)
		return E_INVALIDARG;
	hr = ac_exchange(hDevice, pData);
	if (hr != S_OK && channel)
		channel->note = 1;
	return hr;
}
AC_PUT(only_one_try, pfnAuthenticatedChannelKeyExchange, one_try)

static HRESULT APIENTRY the_newest(HANDLE hDevice, exchange_arg *pData)
{
	struct ac_channel *channel = channel_of(hDevice, pData);
	uint8_t plain[AC_BLOB];
	size_t size = 0;

	if (!channel || !channel->has_key || pData->DataSize != AC_BLOB || !pData->pData ||
	    !opens(pData->pData, plain, &size) || size != AC_KEY)
		return ac_exchange(hDevice, pData);
	memcpy(channel->key, plain, AC_KEY);
	return S_OK;
}
AC_PUT(second_key_counts, pfnAuthenticatedChannelKeyExchange, the_newest)

static HRESULT APIENTRY as_if(HANDLE hDevice, exchange_arg *pData)
{
	struct ac_channel *channel = channel_of(hDevice, pData);
	const bool has_key = channel && channel->has_key;
	const HRESULT hr = ac_exchange(hDevice, pData);

	return hr == E_INVALIDARG && has_key ? S_OK : hr;
}
AC_PUT(second_key_is_ignored, pfnAuthenticatedChannelKeyExchange, as_if)

static HRESULT APIENTRY dead_is_fine(HANDLE hDevice, exchange_arg *pData)
{
	const HRESULT hr = real_exchange(hDevice, pData);

	return hr == E_INVALIDARG && pData && ac_dead_channel(pData->hChannel) && !ac_channel(pData->hChannel) ? S_OK
													       : hr;
}
AC_PUT(dead_channels_exchange, pfnAuthenticatedChannelKeyExchange, dead_is_fine)

static HRESULT APIENTRY used_only_once(HANDLE hDevice, exchange_arg *pData)
{
	static uint8_t used[64][AC_BLOB];
	static size_t count;
	HRESULT hr;

	for (size_t i = 0; i < count && pData && pData->pData && pData->DataSize == AC_BLOB; i++) {
		if (memcmp(used[i], pData->pData, AC_BLOB) == 0)
			return E_INVALIDARG;
	}
	hr = real_exchange(hDevice, pData);
	if (hr == S_OK && count < 64)
		memcpy(used[count++], pData->pData, AC_BLOB);
	return hr;
}
AC_PUT(a_blob_once, pfnAuthenticatedChannelKeyExchange, used_only_once)

/* A command for another channel with the same key is as good as one for this. */
static bool for_any_handle(const struct ac_call *call)
{
	struct ac_call other = *call;

	if (ac_is_authentic(call))
		return true;
	for (struct ac_channel *at = NULL; call->is_command && (at = ac_next_channel(at, NULL));) {
		ac_put_u64(other.input, 32, (uintptr_t)at->handle);
		if (ac_is_authentic(&other))
			return true;
	}
	return false;
}

const struct mutant mutants_ac_exchange[] = {
	{ "larger-channel-blobs", "AC-033", false, .device = larger_blobs },
	{ "channel-oaep-of-sha-1", "AC-034", true, AC_BENT(.open = with_sha1) },
	{ "channel-oaep-of-sha-256", "AC-034", true, AC_BENT(.open = with_sha256) },
	{ "channel-mgf1-of-sha-1", "AC-034", true, AC_BENT(.open = with_mgf1_sha1) },
	{ "channel-oaep-not-of-sha-512", "AC-034 AC-033", true, AC_BENT(.open = only_sha1) },
	{ "channel-blob-either-way", "AC-035", true, AC_BENT(.open = either_way) },
	{ "channel-key-reversed", "AC-036 AC-054", false, AC_BENT(.open = reversed_key) },
	{ "short-channel-key", "AC-037", true, AC_BENT(.open = short_key) },
	{ "long-channel-key", "AC-037", true, AC_BENT(.open = long_key) },
	{ "channel-key-like-opm", "AC-037 AC-036", true, AC_BENT(.open = opm_key) },
	{ "channel-key-length-told-apart", "AC-038 AC-037", true, AC_BENT(0), .device = length_is_told_apart },
	{ "one-try-at-a-channel-key", "AC-039", true, AC_BENT(0), .device = only_one_try },
	{ "second-channel-key-counts", "AC-040", true, AC_BENT(0), .device = second_key_counts },
	{ "second-channel-key-is-ignored", "AC-040", true, AC_BENT(0), .device = second_key_is_ignored },
	{ "channel-blob-is-wiped", "AC-041", true, .device = wipes_the_blob },
	{ "channel-exchange-answers-a-size", "AC-041", true, .device = answers_a_size },
	{ "dead-channels-exchange", "AC-042 AC-157", false, AC_BENT(0), .device = dead_channels_exchange },
	{ "channel-blob-only-once", "AC-173", true, .device = a_blob_once },
	{ "command-for-another-channel", "AC-173 AC-063", true, AC_BENT(.is_authentic = for_any_handle) },
	{ 0 },
};
