/* SPDX-License-Identifier: MIT */
/* Drivers whose DecryptionBlt breaks one rule of blt.md: counter and history. */
#include "mutants_blt.h"

/* ---- the counter block ------------------------------------------------------------------------------------------ */

MB_DECRYPTION(count_little_endian)
{
	if (!arg || !arg->pIV)
		return MB_IN(arg);
	return mb_with_vector(hDevice, arg, mb_load(arg->pIV), __builtin_bswap64(mb_load((uint8_t *)arg->pIV + 8)));
}

MB_DECRYPTION(fields_swapped)
{
	if (!arg || !arg->pIV)
		return MB_IN(arg);
	return mb_with_vector(hDevice, arg, mb_load((uint8_t *)arg->pIV + 8), mb_load(arg->pIV));
}

MB_DECRYPTION(count_ignored)
{
	return arg && arg->pIV ? mb_with_vector(hDevice, arg, mb_load(arg->pIV), 0) : MB_IN(arg);
}

/* Blocks beyond the carry get another key stream. */
static bool is_beyond_2_32(const D3DDDIARG_DECRYPTIONBLT *arg, size_t offset)
{
	const uint64_t count = mb_load((uint8_t *)arg->pIV + 8);

	return (count + offset / 16) >> 32 != count >> 32;
}

MB_DECRYPTION(carry_lost_at_2_32)
{
	return mb_decrypt_wrong(hDevice, arg, is_beyond_2_32);
}

/* An engine that takes eight blocks at once, and adds to the low 32 bits of the last alone. */
static bool is_in_a_batch(const D3DDDIARG_DECRYPTIONBLT *arg, size_t offset)
{
	const uint64_t batch = (mb_load((uint8_t *)arg->pIV + 8) + offset / 128 * 8) & UINT32_MAX;

	return batch > UINT32_MAX - 7 && batch + offset / 16 % 8 > UINT32_MAX;
}

MB_DECRYPTION(carry_lost_in_a_batch)
{
	return mb_decrypt_wrong(hDevice, arg, is_in_a_batch);
}

MB_DECRYPTION(count_may_wrap)
{
	HRESULT hr = MB_IN(arg);

	if (hr == E_INVALIDARG && arg && arg->pIV && mb_load((uint8_t *)arg->pIV + 8) > UINT64_MAX - 4096)
		return mb_with_vector(hDevice, arg, mb_load(arg->pIV), 0);
	return hr;
}

MB_DECRYPTION(count_must_be_zero)
{
	return arg && arg->pIV && mb_load((uint8_t *)arg->pIV + 8) != 0 ? E_INVALIDARG : MB_IN(arg);
}

MB_DECRYPTION(iv_zero_refused)
{
	return arg && arg->pIV && mb_load(arg->pIV) == 0 ? E_INVALIDARG : MB_IN(arg);
}

/* A driver that checks for the end of Count before it looks at the pattern. */
MB_DECRYPTION(clear_blocks_count_too)
{
	size_t size = 0;

	if (arg && arg->pIV && arg->pEncryptedBlockInfo && mb_memory(arg->hSrcResource, 0, &size) &&
	    mb_load((uint8_t *)arg->pIV + 8) > UINT64_MAX - (size / 16 - 1))
		return E_INVALIDARG;
	return MB_IN(arg);
}

/* ---- the history -------------------------------------------------------------------------------------------------- */

static struct mb_notes used; /* session and IV number */

static HRESULT and_note(HANDLE hDevice, const D3DDDIARG_DECRYPTIONBLT *arg)
{
	HRESULT hr = MB_IN(arg);

	if (hr == S_OK && arg)
		mb_note(&used, arg->hCryptoSession, mb_load(arg->pIV));
	return hr;
}

static bool is_used(const D3DDDIARG_DECRYPTIONBLT *arg)
{
	return arg && arg->pIV && mb_is_noted(&used, arg->hCryptoSession, mb_load(arg->pIV));
}

MB_DECRYPTION(iv_reuse_accepted)
{
	HRESULT hr = and_note(hDevice, arg);

	return hr == D3DDDIERR_INVALIDCALL && is_used(arg) ? S_OK : hr;
}

/* Only the vector used last is remembered. */
MB_DECRYPTION(last_iv_alone_refused)
{
	static HANDLE session;
	static uint64_t last;
	HRESULT hr = and_note(hDevice, arg);

	if (hr == D3DDDIERR_INVALIDCALL && is_used(arg) &&
	    (session != arg->hCryptoSession || last != mb_load(arg->pIV)))
		hr = S_OK;
	if (hr == S_OK) {
		session = arg->hCryptoSession;
		last = mb_load(arg->pIV);
	}
	return hr;
}

MB_DECRYPTION(smaller_iv_accepted)
{
	HRESULT hr = and_note(hDevice, arg);

	if (hr == D3DDDIERR_INVALIDCALL && arg && arg->pIV && !is_used(arg) && used.count > 0) {
		mb_note(&used, arg->hCryptoSession, mb_load(arg->pIV));
		return S_OK;
	}
	return hr;
}

MB_DECRYPTION(gaps_refused)
{
	if (arg && arg->pIV && used.count > 0 && !is_used(arg) &&
	    !mb_is_noted(&used, arg->hCryptoSession, mb_load(arg->pIV) - 1) && mb_load(arg->pIV) > 3)
		return D3DDDIERR_INVALIDCALL;
	return and_note(hDevice, arg);
}

MB_DECRYPTION(one_history_for_all_keys)
{
	return is_used(arg) ? D3DDDIERR_INVALIDCALL : and_note(hDevice, arg);
}

MB_DECRYPTION(no_history_for_content_keys)
{
	HRESULT hr = and_note(hDevice, arg);

	return hr == D3DDDIERR_INVALIDCALL && is_used(arg) && arg->pContentKey ? S_OK : hr;
}

/* Compares content keys as they come: wrapped anew by another session key, one is new. */
MB_DECRYPTION(history_by_wrapped_key)
{
	static struct mb_notes wrapped;
	HRESULT hr = MB_IN(arg);

	if (hr == D3DDDIERR_INVALIDCALL && arg && arg->pContentKey && arg->pIV &&
	    !mb_is_noted(&wrapped, arg->hCryptoSession, mb_load(arg->pContentKey) ^ mb_load(arg->pIV)))
		hr = S_OK;
	if (hr == S_OK && arg->pContentKey)
		mb_note(&wrapped, arg->hCryptoSession, mb_load(arg->pContentKey) ^ mb_load(arg->pIV));
	return hr;
}

MB_DECRYPTION(failed_calls_use_the_iv_up)
{
	HRESULT hr;

	if (is_used(arg))
		return D3DDDIERR_INVALIDCALL;
	hr = MB_IN(arg);
	if (hr == E_INVALIDARG && arg && arg->pIV && arg->hDstResource)
		mb_note(&used, arg->hCryptoSession, mb_load(arg->pIV));
	return hr;
}

/* A history of so many keys that the oldest is gone. */
MB_DECRYPTION(short_history)
{
	static size_t calls;
	HRESULT hr = and_note(hDevice, arg);

	calls += hr == S_OK;
	return hr == D3DDDIERR_INVALIDCALL && is_used(arg) && calls > 100 ? S_OK : hr;
}

MB_DECRYPTION(reuse_is_an_argument_error)
{
	HRESULT hr = and_note(hDevice, arg);

	return hr == D3DDDIERR_INVALIDCALL && is_used(arg) ? E_INVALIDARG : hr;
}

MB_DECRYPTION(reuse_checked_first)
{
	return is_used(arg) && !arg->pContentKey ? D3DDDIERR_INVALIDCALL : and_note(hDevice, arg);
}

MB_DECRYPTION(refused_but_written)
{
	HRESULT hr = and_note(hDevice, arg);

	if (hr == D3DDDIERR_INVALIDCALL && is_used(arg) && mb_load(arg->pIV) < UINT32_MAX * UINT64_C(1000))
		(void)mb_with_vector(hDevice, arg, mb_load(arg->pIV) + (UINT64_C(1) << 60), 0);
	return hr;
}

const struct mutant mutants_blt[] = {
	{ "count-little-endian", "BLT-01 BLT-03", false, put_count_little_endian },
	{ "iv-and-count-swapped", "BLT-01", false, put_fields_swapped },
	{ "count-ignored", "BLT-01 BLT-03 BLT-05", false, put_count_ignored },
	{ "carry-lost-at-2-32", "BLT-03", false, put_carry_lost_at_2_32 },
	{ "carry-lost-in-a-batch", "BLT-03", false, put_carry_lost_in_a_batch },
	{ "count-may-wrap", "BLT-04", true, put_count_may_wrap },
	{ "count-must-be-zero", "BLT-05 BLT-01", true, put_count_must_be_zero },
	{ "iv-zero-refused", "BLT-06", true, put_iv_zero_refused },
	{ "clear-blocks-count-too", "BLT-77", true, put_clear_blocks_count_too },
	{ "iv-reuse-accepted", "BLT-07 BLT-06 BLT-15", false, put_iv_reuse_accepted },
	{ "last-iv-alone-refused", "BLT-07", false, put_last_iv_alone_refused },
	{ "smaller-iv-accepted", "BLT-08", true, put_smaller_iv_accepted },
	{ "iv-gaps-refused", "BLT-09", false, put_gaps_refused },
	{ "one-history-for-all-keys", "BLT-11", false, put_one_history_for_all_keys },
	{ "no-history-for-content-keys", "BLT-10", false, put_no_history_for_content_keys },
	{ "history-by-wrapped-key", "BLT-10", true, put_history_by_wrapped_key },
	{ "failed-calls-use-the-iv-up", "BLT-12", true, put_failed_calls_use_the_iv_up },
	{ "history-of-100-keys", "BLT-14", true, put_short_history },
	{ "reuse-is-an-argument-error", "BLT-15", true, put_reuse_is_an_argument_error },
	{ "reuse-checked-first", "BLT-120 BLT-121", true, put_reuse_checked_first },
	{ "reuse-refused-but-written", "BLT-07", true, put_refused_but_written },
	{ 0 },
};
