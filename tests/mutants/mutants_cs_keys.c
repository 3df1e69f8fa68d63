/* SPDX-License-Identifier: MIT */
/* Drivers that break one rule of session key refresh or of the read-back key. */
#include "mutants_cs.h"

#include <string.h>

#define KEY 16u

typedef const D3DDDIARG_STARTSESSIONKEYREFRESH start_arg;
typedef const D3DDDIARG_FINISHSESSIONKEYREFRESH finish_arg;
typedef const D3DDDIARG_GETENCRYPTIONBLTKEY key_arg;
typedef const D3DDDIARG_ENCRYPTIONBLT encrypt_arg;
typedef const D3DDDIARG_DECRYPTIONBLT decrypt_arg;

#define real_start  mutant_real.pfnStartSessionKeyRefresh
#define real_finish mutant_real.pfnFinishSessionKeyRefresh
#define real_key    mutant_real.pfnGetEncryptionBltKey

static struct mutant_session *session_of(HANDLE device, HANDLE handle)
{
	struct mutant_session *session = mutant_session(handle);

	return session && !session->is_dead && session->device == device ? session : NULL;
}

/* ---- rules of all functions ----------------------------------------------------------------------------- */

static HRESULT APIENTRY s_false(HANDLE hDevice, finish_arg *pData)
{
	const HRESULT hr = real_finish(hDevice, pData);

	return hr == S_OK ? S_FALSE : hr;
}
MUTATE(finish_is_s_false, pfnFinishSessionKeyRefresh, s_false)

static HRESULT APIENTRY with_the_last_device(HANDLE hDevice, key_arg *pData)
{
	const struct mutant_session *session = pData ? mutant_session(pData->hCryptoSession) : NULL;

	return real_key(hDevice || !session ? hDevice : session->device, pData);
}
MUTATE(null_device_is_the_last, pfnGetEncryptionBltKey, with_the_last_device)

static HRESULT APIENTRY without_data(HANDLE hDevice, finish_arg *pData)
{
	return pData ? real_finish(hDevice, pData) : S_OK;
}
MUTATE(null_data_is_fine, pfnFinishSessionKeyRefresh, without_data)

static HRESULT APIENTRY by_any_device(HANDLE hDevice, start_arg *pData)
{
	return real_start(pData ? mutant_owner(hDevice, pData->hCryptoSession) : hDevice, pData);
}
MUTATE(refresh_by_any_device, pfnStartSessionKeyRefresh, by_any_device)

static HRESULT APIENTRY invalidcall_to_others(HANDLE hDevice, key_arg *pData)
{
	const struct mutant_session *session = pData ? mutant_session(pData->hCryptoSession) : NULL;
	const HRESULT hr = real_key(hDevice, pData);

	return hr == E_INVALIDARG && session && session->device != hDevice ? D3DDDIERR_INVALIDCALL : hr;
}
MUTATE(wrong_code_of_a_device, pfnGetEncryptionBltKey, invalidcall_to_others)

static HRESULT APIENTRY take_a_number(HANDLE hDevice, start_arg *pData)
{
	const HRESULT hr = real_start(hDevice, pData);
	uint8_t number[KEY];

	if (hr == E_INVALIDARG && pData && pData->RandomNumberSize != KEY)
		(void)real_start(hDevice, &(start_arg) { pData->hCryptoSession, number, KEY });
	return hr;
}
MUTATE(failed_start_takes_a_number, pfnStartSessionKeyRefresh, take_a_number)

static HRESULT APIENTRY write_size(HANDLE hDevice, start_arg *pData)
{
	const UINT size = KEY;

	if (pData)
		memcpy((uint8_t *)(uintptr_t)pData + offsetof(start_arg, RandomNumberSize), &size, sizeof(size));
	return real_start(hDevice, pData);
}
MUTATE(size_is_written_back, pfnStartSessionKeyRefresh, write_size)

static HRESULT APIENTRY notimpl(HANDLE hDevice, start_arg *pData)
{
	const HRESULT hr = real_start(hDevice, pData);

	return hr == D3DDDIERR_NOTAVAILABLE ? E_NOTIMPL : hr;
}
MUTATE(left_out_is_notimpl, pfnStartSessionKeyRefresh, notimpl)

static HRESULT APIENTRY without_notice(HANDLE hDevice, start_arg *pData)
{
	const struct mutant_session *session = pData ? session_of(hDevice, pData->hCryptoSession) : NULL;
	const HRESULT hr = real_start(hDevice, pData);

	if (hr != D3DDDIERR_INVALIDCALL || !session || !session->has_key)
		return hr;
	memset(pData->pRandomNumber, 0x11, KEY);
	return S_OK;
}
MUTATE(loss_goes_unnoticed, pfnStartSessionKeyRefresh, without_notice)

/* ---- StartSessionKeyRefresh -------------------------------------------------------------------------------- */

static HRESULT APIENTRY one_byte(HANDLE hDevice, start_arg *pData)
{
	const HRESULT hr = real_start(hDevice, pData);

	if (hr == S_OK)
		memset(pData->pRandomNumber, *(uint8_t *)pData->pRandomNumber, KEY);
	return hr;
}
MUTATE(one_random_byte, pfnStartSessionKeyRefresh, one_byte)

static HRESULT APIENTRY constant(HANDLE hDevice, start_arg *pData)
{
	const HRESULT hr = real_start(hDevice, pData);

	if (hr == S_OK)
		memset(pData->pRandomNumber, 4, KEY);
	return hr;
}
MUTATE(constant_number, pfnStartSessionKeyRefresh, constant)

static HRESULT APIENTRY short_of_one(HANDLE hDevice, start_arg *pData)
{
	const uint8_t last = pData && pData->pRandomNumber && pData->RandomNumberSize == KEY
				     ? ((uint8_t *)pData->pRandomNumber)[KEY - 1]
				     : 0;
	const HRESULT hr = real_start(hDevice, pData);

	if (hr == S_OK && pData)
		((uint8_t *)pData->pRandomNumber)[KEY - 1] = last;
	return hr;
}
MUTATE(short_number, pfnStartSessionKeyRefresh, short_of_one)

static HRESULT APIENTRY start_and_finish(HANDLE hDevice, start_arg *pData)
{
	const HRESULT hr = real_start(hDevice, pData);

	return hr == S_OK ? real_finish(hDevice, &(finish_arg) { pData->hCryptoSession }) : hr;
}

static HRESULT APIENTRY finish_what_is_done(HANDLE hDevice, finish_arg *pData)
{
	const struct mutant_session *session = pData ? session_of(hDevice, pData->hCryptoSession) : NULL;

	return session && session->has_number ? S_OK : real_finish(hDevice, pData);
}
MUTATE_TWO(refresh_at_start, pfnStartSessionKeyRefresh, start_and_finish, pfnFinishSessionKeyRefresh,
	   finish_what_is_done)

static HRESULT APIENTRY at_least_16(HANDLE hDevice, start_arg *pData)
{
	start_arg arg = { pData ? pData->hCryptoSession : NULL, pData ? pData->pRandomNumber : NULL, KEY };

	return real_start(hDevice, pData && pData->RandomNumberSize > KEY ? &arg : pData);
}
MUTATE(any_number_size, pfnStartSessionKeyRefresh, at_least_16)

static HRESULT APIENTRY write_anyway(HANDLE hDevice, start_arg *pData)
{
	const HRESULT hr = real_start(hDevice, pData);

	if (hr == E_INVALIDARG && pData && pData->pRandomNumber)
		memset(pData->pRandomNumber, 0, pData->RandomNumberSize);
	return hr;
}
MUTATE(failed_start_writes, pfnStartSessionKeyRefresh, write_anyway)

static HRESULT APIENTRY into_nothing(HANDLE hDevice, start_arg *pData)
{
	uint8_t number[KEY];
	start_arg arg = { pData ? pData->hCryptoSession : NULL, number, KEY };

	return real_start(hDevice, pData && !pData->pRandomNumber ? &arg : pData);
}
MUTATE(null_number_is_fine, pfnStartSessionKeyRefresh, into_nothing)

static HRESULT APIENTRY one_too_many(HANDLE hDevice, start_arg *pData)
{
	const HRESULT hr = real_start(hDevice, pData);

	if (hr == S_OK)
		((uint8_t *)pData->pRandomNumber)[KEY] = 0;
	return hr;
}
MUTATE(long_number, pfnStartSessionKeyRefresh, one_too_many)

static HRESULT APIENTRY without_key(HANDLE hDevice, start_arg *pData)
{
	const HRESULT hr = real_start(hDevice, pData);

	return hr == D3DDDIERR_INVALIDCALL ? S_OK : hr;
}
MUTATE(start_without_a_key, pfnStartSessionKeyRefresh, without_key)

static HRESULT APIENTRY only_once(HANDLE hDevice, start_arg *pData)
{
	const struct mutant_session *session = pData ? session_of(hDevice, pData->hCryptoSession) : NULL;

	return session && session->has_number ? D3DDDIERR_INVALIDCALL : real_start(hDevice, pData);
}
MUTATE(second_start_is_refused, pfnStartSessionKeyRefresh, only_once)

static HRESULT APIENTRY the_same_again(HANDLE hDevice, start_arg *pData)
{
	struct mutant_session *session = pData ? session_of(hDevice, pData->hCryptoSession) : NULL;
	HRESULT hr;

	if (session && session->has_number && pData->pRandomNumber && pData->RandomNumberSize == KEY) {
		memcpy(pData->pRandomNumber, session->bytes, KEY);
		return S_OK;
	}
	hr = real_start(hDevice, pData);
	if (hr == S_OK && session)
		memcpy(session->bytes, pData->pRandomNumber, KEY);
	return hr;
}
MUTATE(second_start_repeats, pfnStartSessionKeyRefresh, the_same_again)

static HRESULT APIENTRY on_and_off(HANDLE hDevice, start_arg *pData)
{
	struct mutant_session *session = pData ? session_of(hDevice, pData->hCryptoSession) : NULL;
	const bool was_pending = session && session->has_number;
	const HRESULT hr = real_start(hDevice, pData);

	if (hr == S_OK && session)
		session->flag = was_pending && !session->flag;
	return hr;
}

static HRESULT APIENTRY finish_unless_off(HANDLE hDevice, finish_arg *pData)
{
	const struct mutant_session *session = pData ? session_of(hDevice, pData->hCryptoSession) : NULL;

	return session && session->flag ? D3DDDIERR_INVALIDCALL : real_finish(hDevice, pData);
}
MUTATE_TWO(second_start_ends_refresh, pfnStartSessionKeyRefresh, on_and_off, pfnFinishSessionKeyRefresh,
	   finish_unless_off)

/* ---- FinishSessionKeyRefresh ------------------------------------------------------------------------------- */

static HRESULT APIENTRY nothing(HANDLE hDevice, finish_arg *pData)
{
	const struct mutant_session *session = pData ? session_of(hDevice, pData->hCryptoSession) : NULL;

	return session && session->has_key ? S_OK : real_finish(hDevice, pData);
}
MUTATE(finish_does_nothing, pfnFinishSessionKeyRefresh, nothing)

static HRESULT APIENTRY without_start(HANDLE hDevice, finish_arg *pData)
{
	const struct mutant_session *session = pData ? session_of(hDevice, pData->hCryptoSession) : NULL;
	const HRESULT hr = real_finish(hDevice, pData);

	return hr == D3DDDIERR_INVALIDCALL && session && session->has_key && session->finishes == 0 ? S_OK : hr;
}
MUTATE(finish_without_start, pfnFinishSessionKeyRefresh, without_start)

static HRESULT APIENTRY again(HANDLE hDevice, finish_arg *pData)
{
	const struct mutant_session *session = pData ? session_of(hDevice, pData->hCryptoSession) : NULL;
	const HRESULT hr = real_finish(hDevice, pData);

	return hr == D3DDDIERR_INVALIDCALL && session && session->finishes > 0 ? S_OK : hr;
}
MUTATE(number_is_not_consumed, pfnFinishSessionKeyRefresh, again)

static HRESULT APIENTRY finish_not_offered(HANDLE hDevice, finish_arg *pData)
{
	(void)real_finish(hDevice, pData);
	return D3DDDIERR_NOTAVAILABLE;
}
MUTATE(only_start_is_offered, pfnFinishSessionKeyRefresh, finish_not_offered)

static HRESULT APIENTRY finish_invalidcall(HANDLE hDevice, finish_arg *pData)
{
	const HRESULT hr = real_finish(hDevice, pData);

	return hr == D3DDDIERR_NOTAVAILABLE ? D3DDDIERR_INVALIDCALL : hr;
}
MUTATE(left_out_is_invalidcall, pfnFinishSessionKeyRefresh, finish_invalidcall)

/* flag: a Finish waits. */
static HRESULT APIENTRY finish_later(HANDLE hDevice, finish_arg *pData)
{
	struct mutant_session *session = pData ? session_of(hDevice, pData->hCryptoSession) : NULL;

	if (!session || !session->has_number)
		return real_finish(hDevice, pData);
	session->flag = true;
	return S_OK;
}

static HRESULT APIENTRY decrypt_and_finish(HANDLE hDevice, decrypt_arg *pData)
{
	struct mutant_session *session = pData ? session_of(hDevice, pData->hCryptoSession) : NULL;
	const HRESULT hr = mutant_real.pfnDecryptionBlt(hDevice, pData);

	if (session && session->flag) {
		(void)real_finish(hDevice, &(finish_arg) { session->handle });
		session->flag = false;
	}
	return hr;
}
MUTATE_TWO(switch_one_blt_late, pfnFinishSessionKeyRefresh, finish_later, pfnDecryptionBlt, decrypt_and_finish)

/* ---- transfers after a refresh ------------------------------------------------------------------------------- */

static HRESULT APIENTRY ignore_content_key(HANDLE hDevice, decrypt_arg *pData)
{
	const struct mutant_session *session = pData ? session_of(hDevice, pData->hCryptoSession) : NULL;
	D3DDDIARG_DECRYPTIONBLT arg;

	if (!session || session->finishes == 0)
		return mutant_real.pfnDecryptionBlt(hDevice, pData);
	arg = *pData;
	arg.pContentKey = NULL;
	return mutant_real.pfnDecryptionBlt(hDevice, &arg);
}
MUTATE(content_key_ignored, pfnDecryptionBlt, ignore_content_key)

/* flag: there was a Finish, and no read-back key since. */
static HRESULT APIENTRY finish_and_drop(HANDLE hDevice, finish_arg *pData)
{
	struct mutant_session *session = pData ? session_of(hDevice, pData->hCryptoSession) : NULL;
	const HRESULT hr = real_finish(hDevice, pData);

	if (hr == S_OK && session) {
		session->flag = true;
		session->reads = 0;
	}
	return hr;
}

static HRESULT APIENTRY encrypt_unless_dropped(HANDLE hDevice, encrypt_arg *pData)
{
	const struct mutant_session *session = pData ? session_of(hDevice, pData->hCryptoSession) : NULL;

	if (session && session->flag && session->reads == 0)
		return D3DDDIERR_INVALIDCALL;
	return mutant_real.pfnEncryptionBlt(hDevice, pData);
}
MUTATE_TWO(finish_drops_read_back_key, pfnFinishSessionKeyRefresh, finish_and_drop, pfnEncryptionBlt,
	   encrypt_unless_dropped)

static HRESULT APIENTRY no_vector_twice(HANDLE hDevice, decrypt_arg *pData)
{
	struct mutant_session *session = pData ? session_of(hDevice, pData->hCryptoSession) : NULL;
	HRESULT hr;

	if (session && pData->pIV && memcmp(session->bytes, pData->pIV, 8) == 0)
		return D3DDDIERR_INVALIDCALL;
	hr = mutant_real.pfnDecryptionBlt(hDevice, pData);
	if (hr == S_OK && session)
		memcpy(session->bytes, pData->pIV, sizeof(session->bytes));
	return hr;
}
MUTATE(history_outlives_refresh, pfnDecryptionBlt, no_vector_twice)

/* ---- GetEncryptionBltKey ------------------------------------------------------------------------------------- */

static HRESULT APIENTRY the_first_for_good(HANDLE hDevice, key_arg *pData)
{
	struct mutant_session *session = pData ? session_of(hDevice, pData->hCryptoSession) : NULL;
	HRESULT hr;

	if (session && session->reads > 0 && pData->pReadBackKey && pData->KeySize == KEY) {
		memcpy(pData->pReadBackKey, session->bytes, KEY);
		return S_OK;
	}
	hr = real_key(hDevice, pData);
	if (hr == S_OK && session)
		memcpy(session->bytes, pData->pReadBackKey, KEY);
	return hr;
}
MUTATE(same_read_back_key, pfnGetEncryptionBltKey, the_first_for_good)

static HRESULT APIENTRY another_wrap(HANDLE hDevice, key_arg *pData)
{
	const HRESULT hr = real_key(hDevice, pData);

	for (unsigned int i = 0; hr == S_OK && i < KEY; i++)
		((uint8_t *)pData->pReadBackKey)[i] ^= 0x55;
	return hr;
}
MUTATE(wrap_is_not_ecb, pfnGetEncryptionBltKey, another_wrap)

static HRESULT APIENTRY key_of_at_least_16(HANDLE hDevice, key_arg *pData)
{
	key_arg arg = { pData ? pData->hCryptoSession : NULL, pData ? pData->pReadBackKey : NULL, KEY };

	return real_key(hDevice, pData && pData->KeySize > KEY ? &arg : pData);
}
MUTATE(any_read_back_size, pfnGetEncryptionBltKey, key_of_at_least_16)

static HRESULT APIENTRY key_of_17(HANDLE hDevice, key_arg *pData)
{
	const HRESULT hr = real_key(hDevice, pData);

	if (hr == S_OK)
		((uint8_t *)pData->pReadBackKey)[KEY] = 0;
	return hr;
}
MUTATE(long_read_back_key, pfnGetEncryptionBltKey, key_of_17)

static HRESULT APIENTRY key_into_nothing(HANDLE hDevice, key_arg *pData)
{
	uint8_t key[KEY];
	key_arg arg = { pData ? pData->hCryptoSession : NULL, key, KEY };

	return real_key(hDevice, pData && !pData->pReadBackKey ? &arg : pData);
}
MUTATE(null_read_back_key, pfnGetEncryptionBltKey, key_into_nothing)

static HRESULT APIENTRY key_under_nothing(HANDLE hDevice, key_arg *pData)
{
	const HRESULT hr = real_key(hDevice, pData);

	if (hr != D3DDDIERR_INVALIDCALL)
		return hr;
	memset(pData->pReadBackKey, 0, KEY);
	return S_OK;
}
MUTATE(read_back_without_a_key, pfnGetEncryptionBltKey, key_under_nothing)

static HRESULT APIENTRY key_unless_pending(HANDLE hDevice, key_arg *pData)
{
	const struct mutant_session *session = pData ? session_of(hDevice, pData->hCryptoSession) : NULL;

	return session && session->has_number ? D3DDDIERR_INVALIDCALL : real_key(hDevice, pData);
}
MUTATE(no_read_back_while_pending, pfnGetEncryptionBltKey, key_unless_pending)

static HRESULT APIENTRY key_of_no_use(HANDLE hDevice, key_arg *pData)
{
	static uint8_t number;
	const struct mutant_session *session = pData ? session_of(hDevice, pData->hCryptoSession) : NULL;

	if (!session || session->reads == 0 || !pData->pReadBackKey || pData->KeySize != KEY)
		return real_key(hDevice, pData);
	memset(pData->pReadBackKey, ++number, KEY);
	return S_OK;
}
MUTATE(old_read_back_key_stays, pfnGetEncryptionBltKey, key_of_no_use)

static HRESULT APIENTRY key_all_the_same(HANDLE hDevice, key_arg *pData)
{
	const HRESULT hr = real_key(hDevice, pData);

	return hr == D3DDDIERR_NOTAVAILABLE ? D3DDDIERR_INVALIDCALL : hr;
}
MUTATE(read_back_left_out_but_answers, pfnGetEncryptionBltKey, key_all_the_same)

/* ---- order of checks ------------------------------------------------------------------------------------------- */

static HRESULT APIENTRY key_first(HANDLE hDevice, start_arg *pData)
{
	const struct mutant_session *session = pData ? session_of(hDevice, pData->hCryptoSession) : NULL;
	const HRESULT hr = real_start(hDevice, pData);

	return hr == E_INVALIDARG && session && !session->has_key ? D3DDDIERR_INVALIDCALL : hr;
}
MUTATE(state_before_size, pfnStartSessionKeyRefresh, key_first)

static HRESULT APIENTRY offer_first(HANDLE hDevice, start_arg *pData)
{
	start_arg arg = { NULL, NULL, 0 };

	return real_start(hDevice, pData ? pData : &arg);
}
MUTATE(offer_before_null, pfnStartSessionKeyRefresh, offer_first)

static HRESULT APIENTRY session_first(HANDLE hDevice, start_arg *pData)
{
	const HRESULT hr = real_start(hDevice, pData);

	return hr == D3DDDIERR_NOTAVAILABLE && !session_of(hDevice, pData->hCryptoSession) ? E_INVALIDARG : hr;
}
MUTATE(session_before_offer, pfnStartSessionKeyRefresh, session_first)
