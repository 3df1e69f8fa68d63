/* SPDX-License-Identifier: MIT */
/* A session with its surfaces, and every function that names a session. */
#include "conform/cs/cs.h"

#include <stdlib.h>
#include <string.h>

const GUID cs_no_profile = { 0 };
const GUID cs_random_guid = { 0x6f0cb3a1, 0x52d8, 0x4d1e, { 0x9a, 0x41, 0x7c, 0x05, 0xee, 0x13, 0xb2, 0x68 } };
const GUID cs_mpeg2_idct = { 0xbf22ad00, 0x03ea, 0x4690, { 0x80, 0x77, 0x47, 0x33, 0x46, 0x20, 0x9b, 0x7e } };

static void add_surfaces(struct cs_bench *bench)
{
	struct cf *cf = bench->cf;

	bench->protected = cf_protected(cf, &bench->device, D3DDDIFMT_A8R8G8B8, 16, 1);
	bench->system = cf_system(cf, &bench->device, D3DDDIFMT_A8R8G8B8, 16, 1);
	if (bench->protected.size > CS_ROOM)
		cf_give_up(cf, "a surface of 16 x 1 pixels has %zu bytes", bench->protected.size);
}

void cs_open(struct cf *cf, struct cs_bench *ret_bench)
{
	memset(ret_bench, 0, sizeof(*ret_bench));
	ret_bench->cf = cf;
	/* The one exchange that these tests can make. */
	if (memcmp(&cf_caps(cf)->KeyExchangeType, &D3DKEYEXCHANGE_RSAES_OAEP, sizeof(GUID)) != 0)
		cf_skip(cf, "its key exchange is not RSAES-OAEP");
	ret_bench->device = cf_device(cf);
	ret_bench->session = cf_session(cf, &ret_bench->device);
	add_surfaces(ret_bench);
	cf_wrap(cf, D3DDDI_CERTTYPE_CRYPTOSESSION, cf_key_k, CF_KEY, ret_bench->blob);
}

void cs_open_keyed(struct cf *cf, struct cs_bench *ret_bench)
{
	cs_open(cf, ret_bench);
	CF_NEED(cf, cf_exchange_blob(&ret_bench->device, ret_bench->session, ret_bench->blob));
}

void cs_fork(const struct cs_bench *bench, struct cs_bench *ret_bench)
{
	*ret_bench = *bench;
	ret_bench->session = cf_session(bench->cf, &bench->device);
	add_surfaces(ret_bench);
}

void cs_need_refresh(struct cf *cf)
{
	cf_require_caps(cf, D3DCPCAPS_FRESHENSESSIONKEY, "it does not offer FRESHENSESSIONKEY");
}

void cs_need_read_back_key(struct cf *cf)
{
	cf_require_caps(cf, D3DCPCAPS_ENCRYPTEDREADBACK | D3DCPCAPS_ENCRYPTEDREADBACKKEY,
			"it does not offer ENCRYPTEDREADBACKKEY");
}

void cs_need_decrypt(struct cs_bench *bench)
{
	if (!cs_offers(bench, CS_DECRYPT))
		cf_skip(bench->cf, "it does not offer DecryptionBlt");
}

void cs_need_transfers(struct cs_bench *bench)
{
	cs_need_decrypt(bench);
	cf_require_caps(bench->cf, D3DCPCAPS_ENCRYPTEDREADBACK,
			"it does not offer ENCRYPTEDREADBACK, so nobody can see what a transfer wrote");
}

/* ---- the functions --------------------------------------------------------------------------------------- */

static const char *const names[CS_ENTRIES] = {
	[CS_EXCHANGE] = "CryptoSessionKeyExchange",
	[CS_START] = "StartSessionKeyRefresh",
	[CS_FINISH] = "FinishSessionKeyRefresh",
	[CS_READ_BACK_KEY] = "GetEncryptionBltKey",
	[CS_ENCRYPT] = "EncryptionBlt",
	[CS_DECRYPT] = "DecryptionBlt",
	[CS_GET_PITCH] = "GetPitch",
	[CS_DESTROY] = "DestroyCryptoSession",
};

const char *cs_name(enum cs_entry entry)
{
	return names[entry];
}

static HRESULT call(struct cs_bench *bench, enum cs_entry entry, HANDLE device, HANDLE session, bool has_data)
{
	const D3DDDI_DEVICEFUNCS *f = bench->device.f;
	D3DDDIARG_CRYPTOSESSIONKEYEXCHANGE exchange = { session, CF_BLOB, bench->blob };
	const D3DDDIARG_STARTSESSIONKEYREFRESH start = { session, bench->value, CF_KEY };
	const D3DDDIARG_FINISHSESSIONKEYREFRESH finish = { session };
	const D3DDDIARG_GETENCRYPTIONBLTKEY key = { session, bench->value, CF_KEY };
	const D3DDDIARG_ENCRYPTIONBLT encrypt = {
		.hCryptoSession = session,
		.hSrcResource = bench->protected.h,
		.hDstResource = bench->system.h,
		.DstResourceSize = (UINT)bench->protected.size,
		.pIV = bench->iv,
	};
	const D3DDDIARG_DECRYPTIONBLT decrypt = {
		.hCryptoSession = session,
		.hSrcResource = bench->system.h,
		.hDstResource = bench->protected.h,
		.SrcResourceSize = (UINT)bench->protected.size,
		.pIV = bench->iv,
	};
	D3DDDIARG_GETPITCH pitch = { .hCryptoSession = session, .hResource = bench->protected.h };
	const D3DDDIARG_DESTROYCRYPTOSESSION destroy = { session };

	switch (entry) {
	case CS_EXCHANGE:
		return f->pfnCryptoSessionKeyExchange(device, has_data ? &exchange : NULL);
	case CS_START:
		return f->pfnStartSessionKeyRefresh(device, has_data ? &start : NULL);
	case CS_FINISH:
		return f->pfnFinishSessionKeyRefresh(device, has_data ? &finish : NULL);
	case CS_READ_BACK_KEY:
		return f->pfnGetEncryptionBltKey(device, has_data ? &key : NULL);
	case CS_ENCRYPT:
		return f->pfnEncryptionBlt(device, has_data ? &encrypt : NULL);
	case CS_DECRYPT:
		cf_iv(bench->iv, cf_fresh_iv(bench->cf), 0);
		return f->pfnDecryptionBlt(device, has_data ? &decrypt : NULL);
	case CS_GET_PITCH:
		return f->pfnGetPitch(device, has_data ? &pitch : NULL);
	default:
		return f->pfnDestroyCryptoSession(device, has_data ? &destroy : NULL);
	}
}

HRESULT cs_call(struct cs_bench *bench, enum cs_entry entry, HANDLE device, HANDLE session)
{
	return call(bench, entry, device, session, true);
}

HRESULT cs_call_null(struct cs_bench *bench, enum cs_entry entry, HANDLE device)
{
	return call(bench, entry, device, NULL, false);
}

bool cs_offers(struct cs_bench *bench, enum cs_entry entry)
{
	switch (entry) {
	case CS_START:
	case CS_FINISH:
		return cf_has(bench->cf, D3DCPCAPS_FRESHENSESSIONKEY);
	case CS_READ_BACK_KEY:
		return cf_has(bench->cf, D3DCPCAPS_ENCRYPTEDREADBACKKEY);
	case CS_ENCRYPT:
		return cf_has(bench->cf, D3DCPCAPS_ENCRYPTEDREADBACK);
	case CS_DECRYPT:
	case CS_GET_PITCH:
		return cs_call(bench, entry, bench->device.h, bench->session) != D3DDDIERR_NOTAVAILABLE;
	default:
		return true;
	}
}

/* ---- a picture there and back ----------------------------------------------------------------------------- */

HRESULT cs_put(struct cs_bench *bench, const uint8_t key[CF_KEY], uint32_t seed)
{
	cf_pattern(bench->plain, bench->protected.size, seed);
	return cf_put(bench->cf, &bench->device, bench->session, key, bench->plain, &bench->system, &bench->protected);
}

HRESULT cs_new_read_back_key(struct cs_bench *bench, const uint8_t session_key[CF_KEY], uint8_t ret_key[CF_KEY])
{
	uint8_t wrapped[CF_KEY];
	HRESULT hr;

	if (!cf_has(bench->cf, D3DCPCAPS_ENCRYPTEDREADBACKKEY)) {
		memcpy(ret_key, session_key, CF_KEY);
		return S_OK;
	}
	hr = cf_read_back_key(&bench->device, bench->session, wrapped);
	if (hr == S_OK)
		cf_ecb(session_key, /* encrypt= */ false, wrapped, ret_key);
	return hr;
}

HRESULT cs_read(struct cs_bench *bench, const uint8_t read_back_key[CF_KEY])
{
	HRESULT hr = cf_encrypt(&bench->device, bench->session, &bench->protected, &bench->system, bench->iv);

	if (hr == S_OK)
		cf_ctr(read_back_key, bench->iv, bench->system.memory, bench->back, bench->protected.size);
	return hr;
}

HRESULT cs_get(struct cs_bench *bench, const uint8_t session_key[CF_KEY])
{
	uint8_t key[CF_KEY];
	HRESULT hr = cs_new_read_back_key(bench, session_key, key);

	return hr == S_OK ? cs_read(bench, key) : hr;
}

bool cs_is_picture(const struct cs_bench *bench)
{
	return memcmp(bench->plain, bench->back, bench->protected.size) == 0;
}

void cs_xor(const uint8_t a[CF_KEY], const uint8_t b[CF_KEY], uint8_t ret[CF_KEY])
{
	for (int i = 0; i < CF_KEY; i++)
		ret[i] = a[i] ^ b[i];
}

static int compare(const void *a, const void *b)
{
	const uintptr_t left = (uintptr_t) * (const HANDLE *)a, right = (uintptr_t) * (const HANDLE *)b;

	return (left > right) - (left < right);
}

size_t cs_repeated(HANDLE *handles, size_t count)
{
	size_t bad = handles[0] == NULL;

	qsort(handles, count, sizeof(*handles), compare);
	for (size_t i = 1; i < count; i++)
		bad += handles[i] == handles[i - 1];
	return bad;
}

/* ---- capabilities --------------------------------------------------------------------------------------------- */

uint32_t cs_profiles(struct cf *cf, GUID *ret_profiles, uint32_t max)
{
	GUID all[256];
	UINT count = 0;
	D3DDDIARG_GETCAPS arg = { .Type = D3DDDICAPS_GETDECODEGUIDCOUNT, .pData = &count, .DataSize = sizeof(count) };

	if (cf_get_caps(cf, &arg) != S_OK || count == 0 || count > CS_COUNT(all))
		return 0;
	arg = (D3DDDIARG_GETCAPS) { .Type = D3DDDICAPS_GETDECODEGUIDS,
				    .pData = all,
				    .DataSize = count * (UINT)sizeof(GUID) };
	if (cf_get_caps(cf, &arg) != S_OK)
		return 0;
	memcpy(ret_profiles, all, (count < max ? count : max) * sizeof(GUID));
	return count < max ? count : max;
}

HRESULT cs_query(struct cf *cf, const GUID *type, const GUID *profile, D3DCONTENTPROTECTIONCAPS *ret_caps)
{
	DDICONTENTPROTECTIONCAPS pair = { *type, *profile };
	D3DDDIARG_GETCAPS arg = {
		.Type = D3DDDICAPS_GETCONTENTPROTECTIONCAPS,
		.pInfo = &pair,
		.pData = ret_caps,
		.DataSize = sizeof(*ret_caps),
	};
	HRESULT hr;

	memset(ret_caps, 0, sizeof(*ret_caps));
	hr = cf_get_caps(cf, &arg);
	return hr == S_OK && ret_caps->Caps == 0 ? D3DDDIERR_NOTAVAILABLE : hr;
}
