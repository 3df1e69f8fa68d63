/* SPDX-License-Identifier: MIT */
/* Drivers that break one rule of crypto-session.md. */
#include "mutants_cs.h"

#include <string.h>
#include <unistd.h>

#define real_create   mutant_real.pfnCreateCryptoSession
#define real_exchange mutant_real.pfnCryptoSessionKeyExchange
#define real_destroy  mutant_real.pfnDestroyCryptoSession
#define real_decrypt  mutant_real.pfnDecryptionBlt
#define real_encrypt  mutant_real.pfnEncryptionBlt

enum { BLOB = 256 };

typedef D3DDDIARG_CREATECRYPTOSESSION create_arg;
typedef D3DDDIARG_CRYPTOSESSIONKEYEXCHANGE exchange_arg;
typedef const D3DDDIARG_DESTROYCRYPTOSESSION destroy_arg;
typedef const D3DDDIARG_DECRYPTIONBLT decrypt_arg;
typedef const D3DDDIARG_ENCRYPTIONBLT encrypt_arg;

static const GUID none;

static bool is_guid(const GUID *a, const GUID *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

static struct mutant_session *session_of(HANDLE device, HANDLE handle)
{
	struct mutant_session *session = mutant_session(handle);

	return session && !session->is_dead && session->device == device ? session : NULL;
}

HANDLE mutant_owner(HANDLE device, HANDLE session)
{
	const struct mutant_session *found = mutant_session(session);

	return device && found && !found->is_dead ? found->device : device;
}

#define LOCAL(name, slot, function) static MUTATE(name, slot, function)
#define LOCAL_TWO(name, slot, function, other_slot, other_function) \
	static MUTATE_TWO(name, slot, function, other_slot, other_function)

/* ---- rules of all functions ----------------------------------------------------------------------------- */

static HRESULT APIENTRY dead_is_fine(HANDLE hDevice, exchange_arg *pData)
{
	const HRESULT hr = real_exchange(hDevice, pData);
	const struct mutant_session *session = pData ? mutant_session(pData->hCryptoSession) : NULL;

	return hr == E_INVALIDARG && hDevice && pData && (!session || session->is_dead) ? S_OK : hr;
}
LOCAL(dead_session_is_fine, pfnCryptoSessionKeyExchange, dead_is_fine)

static HRESULT APIENTRY exchange_by_any(HANDLE hDevice, exchange_arg *pData)
{
	return real_exchange(pData ? mutant_owner(hDevice, pData->hCryptoSession) : hDevice, pData);
}
LOCAL(exchange_by_any_device, pfnCryptoSessionKeyExchange, exchange_by_any)

static HRESULT APIENTRY destroy_by_any(HANDLE hDevice, destroy_arg *pData)
{
	return real_destroy(pData ? mutant_owner(hDevice, pData->hCryptoSession) : hDevice, pData);
}
LOCAL(destroy_by_any_device, pfnDestroyCryptoSession, destroy_by_any)

/* The vector of the last call that failed. */
static HRESULT APIENTRY vectors_of_failures(HANDLE hDevice, decrypt_arg *pData)
{
	static uint8_t used[8];
	HRESULT hr;

	if (pData && pData->pIV && memcmp(used, pData->pIV, sizeof(used)) == 0)
		return D3DDDIERR_INVALIDCALL;
	hr = real_decrypt(hDevice, pData);
	if (hr == E_INVALIDARG && pData && pData->pIV)
		memcpy(used, pData->pIV, sizeof(used));
	return hr;
}
LOCAL(failure_uses_the_vector, pfnDecryptionBlt, vectors_of_failures)

static HRESULT APIENTRY write_destination(HANDLE hDevice, encrypt_arg *pData)
{
	const HRESULT hr = real_encrypt(hDevice, pData);

	if (hr == D3DDDIERR_INVALIDCALL && pData->pIV)
		memset(pData->pIV, 0, 16);
	return hr;
}
LOCAL(failure_writes_the_vector, pfnEncryptionBlt, write_destination)

static HRESULT APIENTRY wipe_handle(HANDLE hDevice, destroy_arg *pData)
{
	const HRESULT hr = real_destroy(hDevice, pData);

	if (hr == S_OK)
		memset((void *)(uintptr_t)&pData->hCryptoSession, 0, sizeof(pData->hCryptoSession));
	return hr;
}
LOCAL(destroy_wipes_the_handle, pfnDestroyCryptoSession, wipe_handle)

static HRESULT APIENTRY shared_argument(HANDLE hDevice, decrypt_arg *pData)
{
	static D3DDDIARG_DECRYPTIONBLT shared;

	if (!pData)
		return real_decrypt(hDevice, pData);
	shared = *pData;
	usleep(20);
	return real_decrypt(hDevice, &shared);
}
LOCAL(devices_share_an_argument, pfnDecryptionBlt, shared_argument)

static HRESULT APIENTRY fail_after_removal(HANDLE hDevice, exchange_arg *pData)
{
	const HRESULT hr = real_exchange(hDevice, pData);

	return hr == D3DDDIERR_DEVICEREMOVED ? E_FAIL : hr;
}
LOCAL(removal_is_e_fail, pfnCryptoSessionKeyExchange, fail_after_removal)

static HRESULT APIENTRY keep_after_removal(HANDLE hDevice, destroy_arg *pData)
{
	exchange_arg arg = { 0 };

	return pData && real_exchange(hDevice, &arg) == D3DDDIERR_DEVICEREMOVED ? D3DDDIERR_DEVICEREMOVED
										: real_destroy(hDevice, pData);
}
LOCAL(destroy_needs_the_adapter, pfnDestroyCryptoSession, keep_after_removal)

/* ---- CreateCryptoSession ----------------------------------------------------------------------------------- */

static HRESULT APIENTRY no_handle(HANDLE hDevice, create_arg *pData)
{
	const HRESULT hr = real_create(hDevice, pData);

	if (hr == S_OK)
		pData->hCryptoSession = NULL;
	return hr;
}
LOCAL(create_gives_no_handle, pfnCreateCryptoSession, no_handle)

/* Another type or profile than the application's, which does not see it. */
static HRESULT create_as(HANDLE hDevice, create_arg *pData, const GUID *type, const GUID *profile)
{
	create_arg arg = { *type, *profile, pData->hCryptoSession };
	const HRESULT hr = real_create(hDevice, &arg);

	pData->hCryptoSession = arg.hCryptoSession;
	return hr;
}

static HRESULT APIENTRY zero_is_aes(HANDLE hDevice, create_arg *pData)
{
	if (pData && is_guid(&pData->CryptoType, &none))
		return create_as(hDevice, pData, &D3DCRYPTOTYPE_AES128_CTR, &none);
	return real_create(hDevice, pData);
}
LOCAL(zero_type_is_the_default, pfnCreateCryptoSession, zero_is_aes)

static HRESULT APIENTRY wrong_code_of_type(HANDLE hDevice, create_arg *pData)
{
	const HRESULT hr = real_create(hDevice, pData);

	return hr == D3DDDIERR_NOTAVAILABLE ? D3DDDIERR_UNSUPPORTEDCRYPTO : hr;
}
LOCAL(unknown_type_is_unsupported, pfnCreateCryptoSession, wrong_code_of_type)

static HRESULT APIENTRY any_type(HANDLE hDevice, create_arg *pData)
{
	return pData ? create_as(hDevice, pData, &D3DCRYPTOTYPE_AES128_CTR, &pData->DecodeProfile)
		     : real_create(hDevice, pData);
}
LOCAL(type_is_not_checked, pfnCreateCryptoSession, any_type)

static HRESULT APIENTRY any_profile(HANDLE hDevice, create_arg *pData)
{
	return pData ? create_as(hDevice, pData, &pData->CryptoType, &none) : real_create(hDevice, pData);
}
LOCAL(profile_is_not_checked, pfnCreateCryptoSession, any_profile)

static HRESULT APIENTRY wrong_code_of_profile(HANDLE hDevice, create_arg *pData)
{
	const HRESULT hr = real_create(hDevice, pData);

	return hr == D3DDDIERR_UNSUPPORTEDCRYPTO ? D3DDDIERR_NOTAVAILABLE : hr;
}
LOCAL(profile_is_notavailable, pfnCreateCryptoSession, wrong_code_of_profile)

static HRESULT APIENTRY unknown_profile(HANDLE hDevice, create_arg *pData)
{
	static const GUID mpeg2_idct = {
		0xbf22ad00, 0x03ea, 0x4690, { 0x80, 0x77, 0x47, 0x33, 0x46, 0x20, 0x9b, 0x7e }
	};
	const HRESULT hr = real_create(hDevice, pData);

	return hr == D3DDDIERR_UNSUPPORTEDCRYPTO && !is_guid(&pData->DecodeProfile, &mpeg2_idct) ? E_INVALIDARG : hr;
}
LOCAL(unknown_profile_is_invalidarg, pfnCreateCryptoSession, unknown_profile)

static HRESULT APIENTRY profile_first(HANDLE hDevice, create_arg *pData)
{
	const HRESULT hr = real_create(hDevice, pData);

	return hr == D3DDDIERR_NOTAVAILABLE && !is_guid(&pData->DecodeProfile, &none) ? D3DDDIERR_UNSUPPORTEDCRYPTO
										      : hr;
}
LOCAL(profile_decides_first, pfnCreateCryptoSession, profile_first)

static HRESULT APIENTRY query_any_profile(HANDLE hAdapter, const D3DDDIARG_GETCAPS *pData)
{
	DDICONTENTPROTECTIONCAPS pair;
	D3DDDIARG_GETCAPS arg;

	if (!pData || pData->Type != D3DDDICAPS_GETCONTENTPROTECTIONCAPS || !pData->pInfo)
		return mutant_real_adapter.pfnGetCaps(hAdapter, pData);
	memcpy(&pair, pData->pInfo, sizeof(pair));
	pair.DecodeProfile = none;
	arg = *pData;
	arg.pInfo = &pair;
	return mutant_real_adapter.pfnGetCaps(hAdapter, &arg);
}

static void query_takes_any_profile(D3DDDI_ADAPTERFUNCS *funcs)
{
	funcs->pfnGetCaps = query_any_profile;
}

static HRESULT APIENTRY clear_handle(HANDLE hDevice, create_arg *pData)
{
	const HRESULT hr = real_create(hDevice, pData);

	if (hr != S_OK && pData)
		pData->hCryptoSession = NULL;
	return hr;
}
LOCAL(failure_clears_the_handle, pfnCreateCryptoSession, clear_handle)

static HRESULT APIENTRY the_first_again(HANDLE hDevice, create_arg *pData)
{
	const struct mutant_session *first = mutant_session_on(hDevice);
	const HRESULT hr = real_create(hDevice, pData);

	if (hr == S_OK && first)
		pData->hCryptoSession = first->handle;
	return hr;
}
LOCAL(second_session_is_the_first, pfnCreateCryptoSession, the_first_again)

static HRESULT APIENTRY not_above_256(HANDLE hDevice, create_arg *pData)
{
	return mutant_sessions_alive() >= 256 ? E_OUTOFMEMORY : real_create(hDevice, pData);
}
LOCAL(limit_of_256_sessions, pfnCreateCryptoSession, not_above_256)

static HRESULT APIENTRY wrong_code_of_quota(HANDLE hDevice, create_arg *pData)
{
	const HRESULT hr = real_create(hDevice, pData);

	return hr == E_OUTOFMEMORY ? E_FAIL : hr;
}
LOCAL(quota_is_e_fail, pfnCreateCryptoSession, wrong_code_of_quota)

static HRESULT APIENTRY one_history(HANDLE hDevice, decrypt_arg *pData)
{
	static uint8_t last[8];
	HRESULT hr;

	if (pData && pData->pIV && memcmp(last, pData->pIV, sizeof(last)) == 0)
		return D3DDDIERR_INVALIDCALL;
	hr = real_decrypt(hDevice, pData);
	if (hr == S_OK && pData)
		memcpy(last, pData->pIV, sizeof(last));
	return hr;
}
LOCAL(sessions_share_the_history, pfnDecryptionBlt, one_history)

static HRESULT APIENTRY no_key_needed(HANDLE hDevice, decrypt_arg *pData)
{
	const struct mutant_session *session = pData ? session_of(hDevice, pData->hCryptoSession) : NULL;
	const HRESULT hr = real_decrypt(hDevice, pData);

	return hr == D3DDDIERR_INVALIDCALL && session && !session->has_key ? S_OK : hr;
}
LOCAL(blt_needs_no_key, pfnDecryptionBlt, no_key_needed)

static HRESULT APIENTRY fill_profile(HANDLE hDevice, create_arg *pData)
{
	const HRESULT hr = real_create(hDevice, pData);

	if (hr == S_OK)
		pData->DecodeProfile = pData->CryptoType;
	return hr;
}
LOCAL(create_writes_the_profile, pfnCreateCryptoSession, fill_profile)

static HRESULT APIENTRY type_before_device(HANDLE hDevice, create_arg *pData)
{
	const HRESULT hr = real_create(hDevice, pData);

	return hr == E_INVALIDARG && pData && !is_guid(&pData->CryptoType, &D3DCRYPTOTYPE_AES128_CTR)
		       ? D3DDDIERR_NOTAVAILABLE
		       : hr;
}
LOCAL(create_checks_the_type_first, pfnCreateCryptoSession, type_before_device)

static HRESULT APIENTRY type_before_removal(HANDLE hDevice, create_arg *pData)
{
	const HRESULT hr = real_create(hDevice, pData);

	return hr == D3DDDIERR_DEVICEREMOVED && !is_guid(&pData->CryptoType, &D3DCRYPTOTYPE_AES128_CTR)
		       ? D3DDDIERR_NOTAVAILABLE
		       : hr;
}
LOCAL(create_checks_removal_last, pfnCreateCryptoSession, type_before_removal)

/* ---- CryptoSessionKeyExchange -------------------------------------------------------------------------------- */

static HRESULT APIENTRY any_blob(HANDLE hDevice, exchange_arg *pData)
{
	const HRESULT hr = real_exchange(hDevice, pData);

	return hr == E_INVALIDARG && pData && session_of(hDevice, pData->hCryptoSession) && pData->pData &&
			       pData->DataSize == BLOB
		       ? S_OK
		       : hr;
}
LOCAL(any_blob_will_do, pfnCryptoSessionKeyExchange, any_blob)

static HRESULT APIENTRY exchange_nothing(HANDLE hDevice, exchange_arg *pData)
{
	return pData && pData->pData && session_of(hDevice, pData->hCryptoSession) ? S_OK
										   : real_exchange(hDevice, pData);
}
LOCAL(exchange_does_nothing, pfnCryptoSessionKeyExchange, exchange_nothing)

static HRESULT APIENTRY at_least_256(HANDLE hDevice, exchange_arg *pData)
{
	exchange_arg arg = { .DataSize = BLOB };

	if (!pData || pData->DataSize <= BLOB)
		return real_exchange(hDevice, pData);
	arg.hCryptoSession = pData->hCryptoSession;
	arg.pData = pData->pData;
	return real_exchange(hDevice, &arg);
}
LOCAL(larger_blobs_are_fine, pfnCryptoSessionKeyExchange, at_least_256)

static HRESULT APIENTRY tell_apart(HANDLE hDevice, exchange_arg *pData)
{
	const HRESULT hr = real_exchange(hDevice, pData);

	/* Above any modulus. */
	return hr == E_INVALIDARG && pData && pData->pData && pData->DataSize == BLOB &&
			       memcmp(pData->pData, "\xff\xff\xff\xff\xff\xff\xff\xff", 8) == 0
		       ? E_FAIL
		       : hr;
}
LOCAL(too_big_is_told_apart, pfnCryptoSessionKeyExchange, tell_apart)

static HRESULT APIENTRY null_blob(HANDLE hDevice, exchange_arg *pData)
{
	if (pData && !pData->pData && session_of(hDevice, pData->hCryptoSession))
		return S_OK;
	return real_exchange(hDevice, pData);
}
LOCAL(null_blob_is_fine, pfnCryptoSessionKeyExchange, null_blob)

static HRESULT APIENTRY wipe_blob(HANDLE hDevice, exchange_arg *pData)
{
	const HRESULT hr = real_exchange(hDevice, pData);

	if (hr == S_OK)
		memset(pData->pData, 0, BLOB);
	return hr;
}
LOCAL(blob_is_wiped, pfnCryptoSessionKeyExchange, wipe_blob)

static HRESULT APIENTRY answer_size(HANDLE hDevice, exchange_arg *pData)
{
	const HRESULT hr = real_exchange(hDevice, pData);

	if (hr == S_OK)
		pData->DataSize = 0;
	return hr;
}
LOCAL(exchange_answers_a_size, pfnCryptoSessionKeyExchange, answer_size)

static HRESULT query_mechanism(HANDLE hAdapter, const D3DDDIARG_GETCAPS *pData, const GUID *mechanism)
{
	const HRESULT hr = mutant_real_adapter.pfnGetCaps(hAdapter, pData);

	if (hr == S_OK && pData->Type == D3DDDICAPS_GETCONTENTPROTECTIONCAPS)
		((D3DCONTENTPROTECTIONCAPS *)pData->pData)->KeyExchangeType = *mechanism;
	return hr;
}

static HRESULT APIENTRY query_without_mechanism(HANDLE hAdapter, const D3DDDIARG_GETCAPS *pData)
{
	return query_mechanism(hAdapter, pData, &none);
}

static HRESULT APIENTRY query_with_dxva(HANDLE hAdapter, const D3DDDIARG_GETCAPS *pData)
{
	return query_mechanism(hAdapter, pData, &D3DKEYEXCHANGE_DXVA);
}

static void mechanism_has_no_name(D3DDDI_ADAPTERFUNCS *funcs)
{
	funcs->pfnGetCaps = query_without_mechanism;
}

static void dxva_but_exchanges(D3DDDI_ADAPTERFUNCS *funcs)
{
	funcs->pfnGetCaps = query_with_dxva;
}

/* A second blob is not looked at. */
static HRESULT APIENTRY exchange_once(HANDLE hDevice, exchange_arg *pData)
{
	const struct mutant_session *session = pData ? session_of(hDevice, pData->hCryptoSession) : NULL;

	return session && session->exchanges > 0 && pData->pData && pData->DataSize == BLOB
		       ? S_OK
		       : real_exchange(hDevice, pData);
}
LOCAL(first_key_stays, pfnCryptoSessionKeyExchange, exchange_once)

static HRESULT APIENTRY encrypt_after_exchange(HANDLE hDevice, encrypt_arg *pData)
{
	const struct mutant_session *session = pData ? session_of(hDevice, pData->hCryptoSession) : NULL;
	HRESULT hr = real_encrypt(hDevice, pData);
	uint8_t key[16];

	if (hr != D3DDDIERR_INVALIDCALL || !session || session->exchanges < 2)
		return hr;
	hr = mutant_real.pfnGetEncryptionBltKey(hDevice,
						&(D3DDDIARG_GETENCRYPTIONBLTKEY) { session->handle, key, sizeof(key) });
	return hr == S_OK ? real_encrypt(hDevice, pData) : hr;
}
LOCAL(read_back_key_stays, pfnEncryptionBlt, encrypt_after_exchange)

static HRESULT APIENTRY finish_after_exchange(HANDLE hDevice, const D3DDDIARG_FINISHSESSIONKEYREFRESH *pData)
{
	const struct mutant_session *session = pData ? session_of(hDevice, pData->hCryptoSession) : NULL;
	const HRESULT hr = mutant_real.pfnFinishSessionKeyRefresh(hDevice, pData);

	return hr == D3DDDIERR_INVALIDCALL && session && session->had_number ? S_OK : hr;
}
LOCAL(number_stays, pfnFinishSessionKeyRefresh, finish_after_exchange)

static HRESULT APIENTRY encrypt_untied(HANDLE hDevice, encrypt_arg *pData)
{
	const HRESULT hr = real_encrypt(hDevice, pData);

	return hr == E_ACCESSDENIED ? S_OK : hr;
}
LOCAL(content_has_no_tie, pfnEncryptionBlt, encrypt_untied)

/* flag: the key is gone for the mutant. */
static HRESULT APIENTRY drop_on_failure(HANDLE hDevice, exchange_arg *pData)
{
	struct mutant_session *session = pData ? session_of(hDevice, pData->hCryptoSession) : NULL;
	const HRESULT hr = real_exchange(hDevice, pData);

	if (session)
		session->flag = hr == E_INVALIDARG;
	return hr;
}

static HRESULT APIENTRY decrypt_unless_dropped(HANDLE hDevice, decrypt_arg *pData)
{
	const struct mutant_session *session = pData ? session_of(hDevice, pData->hCryptoSession) : NULL;

	return session && session->flag ? D3DDDIERR_INVALIDCALL : real_decrypt(hDevice, pData);
}
LOCAL_TWO(failed_exchange_drops_the_key, pfnCryptoSessionKeyExchange, drop_on_failure, pfnDecryptionBlt,
	  decrypt_unless_dropped)

static HRESULT APIENTRY refuse_replay(HANDLE hDevice, exchange_arg *pData)
{
	static uint8_t last[BLOB];
	HRESULT hr;

	if (pData && pData->pData && pData->DataSize == BLOB && memcmp(last, pData->pData, BLOB) == 0)
		return E_INVALIDARG;
	hr = real_exchange(hDevice, pData);
	if (hr == S_OK && pData)
		memcpy(last, pData->pData, BLOB);
	return hr;
}
LOCAL(replay_is_refused, pfnCryptoSessionKeyExchange, refuse_replay)

static HRESULT APIENTRY forget_history(HANDLE hDevice, decrypt_arg *pData)
{
	const struct mutant_session *session = pData ? session_of(hDevice, pData->hCryptoSession) : NULL;
	const HRESULT hr = real_decrypt(hDevice, pData);

	return hr == D3DDDIERR_INVALIDCALL && session && session->exchanges > 1 ? S_OK : hr;
}
LOCAL(exchange_resets_the_history, pfnDecryptionBlt, forget_history)

/* ---- DestroyCryptoSession, DestroyDevice ---------------------------------------------------------------------- */

static HRESULT APIENTRY destroy_nothing(HANDLE hDevice, destroy_arg *pData)
{
	return pData && session_of(hDevice, pData->hCryptoSession) ? S_OK : real_destroy(hDevice, pData);
}
LOCAL(destroy_does_nothing, pfnDestroyCryptoSession, destroy_nothing)

static HRESULT APIENTRY destroy_again(HANDLE hDevice, destroy_arg *pData)
{
	const struct mutant_session *session = pData ? mutant_session(pData->hCryptoSession) : NULL;
	const HRESULT hr = real_destroy(hDevice, pData);

	return hr == E_INVALIDARG && session && session->is_dead && session->device == hDevice ? S_OK : hr;
}
LOCAL(second_destroy_is_fine, pfnDestroyCryptoSession, destroy_again)

static HRESULT APIENTRY destroy_unless_pending(HANDLE hDevice, destroy_arg *pData)
{
	const struct mutant_session *session = pData ? session_of(hDevice, pData->hCryptoSession) : NULL;

	return session && session->has_number ? D3DDDIERR_INVALIDCALL : real_destroy(hDevice, pData);
}
LOCAL(pending_cannot_be_destroyed, pfnDestroyCryptoSession, destroy_unless_pending)

static HRESULT APIENTRY exchange_for_orphans(HANDLE hDevice, exchange_arg *pData)
{
	const struct mutant_session *session = pData ? mutant_session(pData->hCryptoSession) : NULL;
	const HRESULT hr = real_exchange(hDevice, pData);

	return hr == E_INVALIDARG && session && session->device_is_gone ? S_OK : hr;
}
LOCAL(sessions_outlive_the_device, pfnCryptoSessionKeyExchange, exchange_for_orphans)

static HRESULT APIENTRY keep_the_device(HANDLE hDevice)
{
	return mutant_session_on(hDevice) ? E_FAIL : mutant_real.pfnDestroyDevice(hDevice);
}
LOCAL(sessions_hold_the_device, pfnDestroyDevice, keep_the_device)

/* ---- what only a long walk meets --------------------------------------------------------------------------------- */

static HRESULT APIENTRY fail_the_500th(HANDLE hDevice, decrypt_arg *pData)
{
	static unsigned int calls;
	const HRESULT hr = real_decrypt(hDevice, pData);

	return hr == S_OK && ++calls == 500 ? E_OUTOFMEMORY : hr;
}
LOCAL(the_500th_blt_fails, pfnDecryptionBlt, fail_the_500th)

#define ROW_OF_KEYS(function, name, rules, is_strict) { name, rules, is_strict, .device = function },

const struct mutant mutants_cs[] = {
	{ "dead-session-is-fine", "CS-04", false, .device = dead_session_is_fine },
	{ "exchange-by-any-device", "CS-05", false, .device = exchange_by_any_device },
	{ "destroy-by-any-device", "CS-05", false, .device = destroy_by_any_device },
	{ "failure-uses-the-vector", "CS-06", true, .device = failure_uses_the_vector },
	{ "failure-writes-the-vector", "CS-06", true, .device = failure_writes_the_vector },
	{ "destroy-wipes-the-handle", "CS-09", false, .device = destroy_wipes_the_handle },
	{ "devices-share-an-argument", "CS-11", true, .device = devices_share_an_argument },
	{ "removal-is-e-fail", "CS-12", true, .device = removal_is_e_fail },
	{ "destroy-needs-the-adapter", "CS-12", true, .device = destroy_needs_the_adapter },
	{ "create-gives-no-handle", "CS-15 CS-24", false, .device = create_gives_no_handle },
	{ "zero-type-is-the-default", "CS-17", false, .device = zero_type_is_the_default },
	{ "unknown-type-is-unsupported", "CS-18 CS-21 CS-22", false, .device = unknown_type_is_unsupported },
	{ "type-is-not-checked", "CS-18 CS-22", false, .device = type_is_not_checked },
	{ "profile-is-not-checked", "CS-19 CS-20 CS-22", false, .device = profile_is_not_checked },
	{ "profile-is-notavailable", "CS-19 CS-20 CS-22", false, .device = profile_is_notavailable },
	{ "unknown-profile-is-invalidarg", "CS-20 CS-22", true, .device = unknown_profile_is_invalidarg },
	{ "profile-decides-first", "CS-21 CS-17", false, .device = profile_decides_first },
	{ "query-takes-any-profile", "CS-22", false, .adapter = query_takes_any_profile },
	{ "failure-clears-the-handle", "CS-23 CS-06", true, .device = failure_clears_the_handle },
	{ "second-session-is-the-first", "CS-24", false, .device = second_session_is_the_first },
	{ "handles-per-device", "CS-24 CS-05", true, .device = mutant_handles_per_device },
	{ "limit-of-256-sessions", "CS-25", true, .device = limit_of_256_sessions },
	{ "quota-is-e-fail", "CS-25", true, .device = quota_is_e_fail },
	{ "sessions-share-the-history", "CS-26", true, .device = sessions_share_the_history },
	{ "blt-needs-no-key", "CS-27", false, .device = blt_needs_no_key },
	{ "create-writes-the-profile", "CS-28", false, .device = create_writes_the_profile },
	{ "exchange-does-nothing", "CS-29 CS-41", false, .device = exchange_does_nothing },
	{ "larger-blobs-are-fine", "CS-30", true, .device = larger_blobs_are_fine },
	{ "any-blob-will-do", "CS-31 CS-32 CS-33", false, .device = any_blob_will_do },
	/* The same driver, as another rule sees it; no-key-is-a-key likewise. */
	{ "any-payload-will-do", "CS-32 CS-31 CS-33", false, .device = any_blob_will_do },
	{ "too-big-is-told-apart", "CS-33", true, .device = too_big_is_told_apart },
	{ "null-blob-is-fine", "CS-34", true, .device = null_blob_is_fine },
	{ "blob-is-wiped", "CS-35", true, .device = blob_is_wiped },
	{ "exchange-answers-a-size", "CS-35", true, .device = exchange_answers_a_size },
	{ "mechanism-has-no-name", "CS-36", false, .adapter = mechanism_has_no_name },
	{ "dxva-but-exchanges", "CS-37 CS-36", true, .adapter = dxva_but_exchanges },
	{ "first-key-stays", "CS-38", true, .device = first_key_stays },
	{ "read-back-key-stays", "CS-38", true, .device = read_back_key_stays },
	{ "number-stays", "CS-38", true, .device = number_stays },
	{ "content-has-no-tie", "CS-38 CS-13 CS-26 CS-40", true, .device = content_has_no_tie },
	{ "failed-exchange-drops-the-key", "CS-39", true, .device = failed_exchange_drops_the_key },
	{ "replay-is-refused", "CS-40", true, .device = replay_is_refused },
	{ "exchange-resets-the-history", "CS-40", true, .device = exchange_resets_the_history },
	{ "no-key-is-a-key", "CS-41 CS-29", true, .device = exchange_does_nothing },
	{ "destroy-does-nothing", "CS-42", false, .device = destroy_does_nothing },
	{ "second-destroy-is-fine", "CS-43", true, .device = second_destroy_is_fine },
	{ "pending-cannot-be-destroyed", "CS-44", true, .device = pending_cannot_be_destroyed },
	{ "sessions-outlive-the-device", "CS-45", false, .device = sessions_outlive_the_device },
	{ "sessions-hold-the-device", "CS-45", false, .device = sessions_hold_the_device },
	{ "handles-come-again", "CS-47", true, .device = mutant_handles_again },
	{ "create-checks-the-type-first", "CS-72", true, .device = create_checks_the_type_first },
	{ "create-checks-removal-last", "CS-72", true, .device = create_checks_removal_last },
	{ "the-500th-blt-fails", "CS-75", true, .device = the_500th_blt_fails },
	MUTANTS_OF_KEYS(ROW_OF_KEYS) { 0 },
};
