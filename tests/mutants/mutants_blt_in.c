/* SPDX-License-Identifier: MIT */
/* Drivers whose DecryptionBlt breaks one rule of blt.md: what it reads and writes, content keys. */
#include "mutants_blt.h"

#include <string.h>

static bool is_zero(const void *bytes, size_t size)
{
	const uint8_t *byte = bytes;

	while (size > 0 && byte[size - 1] == 0)
		size--;
	return size == 0;
}

/* ---- what is read and written ---------------------------------------------------------------------------------------- */

static bool is_in_the_last_row(const D3DDDIARG_DECRYPTIONBLT *arg, size_t offset)
{
	uint32_t row, pitch, rows;

	return mb_layout(arg->hSrcResource, arg->SrcSubResourceIndex, &row, &pitch, &rows) && rows > 1 &&
	       offset >= (size_t)pitch * (rows - 1);
}

MB_DECRYPTION(last_row_forgotten)
{
	return mb_decrypt_wrong(hDevice, arg, is_in_the_last_row);
}

static bool is_chroma(const D3DDDIARG_DECRYPTIONBLT *arg, size_t offset)
{
	const struct mutant_resource *noted = mutant_resource(arg->hSrcResource);
	uint32_t row, pitch, rows;

	return noted->arg.Format == D3DDDIFMT_NV12 && mb_layout(arg->hSrcResource, 0, &row, &pitch, &rows) &&
	       offset >= (size_t)pitch * (rows / 3 * 2);
}

MB_DECRYPTION(chroma_rows_forgotten)
{
	return mb_decrypt_wrong(hDevice, arg, is_chroma);
}

/* Clear data in the application's memory: here any other, which is seen the same way. */
MB_DECRYPTION(source_written)
{
	HRESULT hr = MB_IN(arg);
	size_t size;
	uint8_t *memory = hr == S_OK ? mb_memory(arg->hSrcResource, arg->SrcSubResourceIndex, &size) : NULL;

	if (memory)
		memory[size - 1] ^= 1;
	return hr;
}

MB_DECRYPTION(vector_overwritten)
{
	HRESULT hr = MB_IN(arg);

	if (hr == S_OK)
		mb_store((uint8_t *)arg->pIV + 8, mb_load((uint8_t *)arg->pIV + 8) + 4);
	return hr;
}

MB_DECRYPTION(vector_by_default)
{
	static uint64_t next = 1;

	if (arg && !arg->pIV)
		return mb_with_vector(hDevice, arg, UINT64_MAX / 2 + next++, 0);
	return MB_IN(arg);
}

MB_DECRYPTION(odd_vector_refused)
{
	return arg && (uintptr_t)arg->pIV % 8 != 0 ? E_INVALIDARG : MB_IN(arg);
}

MB_DECRYPTION(source_read_to_its_end)
{
	size_t size;
	const volatile uint8_t *memory = arg ? mb_memory(arg->hSrcResource, arg->SrcSubResourceIndex, &size) : NULL;

	if (memory && arg->SrcResourceSize < 65536 && (uintptr_t)memory % 16 == 0)
		for (size_t i = 0; i < arg->SrcResourceSize; i++)
			(void)memory[i];
	return MB_IN(arg);
}

/* ---- content keys ---------------------------------------------------------------------------------------------------- */

MB_DECRYPTION(content_key_ignored)
{
	D3DDDIARG_DECRYPTIONBLT other;

	if (!arg)
		return MB_IN(arg);
	other = *arg;
	other.pContentKey = NULL;
	return MB_IN(&other);
}

MB_DECRYPTION(content_key_demanded)
{
	static bool is_told;
	HRESULT hr;

	/* The first call is forgiven, or nothing else would be seen. */
	if (arg && is_told && !arg->pContentKey)
		return E_INVALIDARG;
	hr = MB_IN(arg);
	is_told = is_told || hr == S_OK;
	return hr;
}

MB_DECRYPTION(content_key_stays)
{
	static uint8_t last[16];
	static bool has_last;
	D3DDDIARG_DECRYPTIONBLT other;

	if (!arg)
		return MB_IN(arg);
	other = *arg;
	if (arg->pContentKey) {
		memcpy(last, arg->pContentKey, sizeof(last));
		has_last = true;
	} else if (has_last) {
		other.pContentKey = last;
	}
	return MB_IN(&other);
}

static bool is_wrong(const D3DDDIARG_DECRYPTIONBLT *arg, size_t offset)
{
	(void)arg;
	(void)offset;
	return true;
}

/* Without a content key it goes on with the session's first key. */
static struct mb_notes exchanges;

static HRESULT APIENTRY counted_exchange(HANDLE hDevice, D3DDDIARG_CRYPTOSESSIONKEYEXCHANGE *arg)
{
	HRESULT hr = mutant_real.pfnCryptoSessionKeyExchange(hDevice, arg);

	if (hr == S_OK)
		mb_note(&exchanges, arg->hCryptoSession, mb_is_noted(&exchanges, arg->hCryptoSession, 0));
	return hr;
}

static HRESULT APIENTRY first_key_in(HANDLE hDevice, const D3DDDIARG_DECRYPTIONBLT *arg)
{
	if (arg && !arg->pContentKey && mb_is_noted(&exchanges, arg->hCryptoSession, 1))
		return mb_decrypt_wrong(hDevice, arg, is_wrong);
	return MB_IN(arg);
}

static void put_first_key_stays(D3DDDI_DEVICEFUNCS *funcs)
{
	funcs->pfnCryptoSessionKeyExchange = counted_exchange;
	funcs->pfnDecryptionBlt = first_key_in;
}

/* The clear key of wrapped bytes that were seen before is taken from a cache, whatever the session key is by now. */
MB_DECRYPTION(content_key_cached)
{
	static struct mb_notes seen;
	HRESULT hr;

	if (!arg || !arg->pContentKey)
		return MB_IN(arg);
	if (mb_is_noted(&seen, arg->hCryptoSession, mb_load(arg->pContentKey)))
		return mb_decrypt_wrong(hDevice, arg, is_wrong);
	hr = MB_IN(arg);
	mb_note(&seen, arg->hCryptoSession, mb_load(arg->pContentKey));
	return hr;
}

MB_DECRYPTION(content_key_of_32_bytes)
{
	const volatile uint8_t *key = arg ? arg->pContentKey : NULL;

	for (size_t i = 0; key && i < 32; i++)
		(void)key[i];
	return MB_IN(arg);
}

MB_DECRYPTION(content_key_zero_is_none)
{
	D3DDDIARG_DECRYPTIONBLT other;

	if (!arg || !arg->pContentKey || !is_zero(arg->pContentKey, 16))
		return MB_IN(arg);
	other = *arg;
	other.pContentKey = NULL;
	return MB_IN(&other);
}

MB_DECRYPTION(content_key_not_offered_taken)
{
	D3DDDIARG_DECRYPTIONBLT other;
	HRESULT hr = MB_IN(arg);

	if (hr != D3DDDIERR_NOTAVAILABLE || !arg->pContentKey)
		return hr;
	other = *arg;
	other.pContentKey = NULL;
	return MB_IN(&other);
}

/* Integrity where the mode has none. */
MB_DECRYPTION(unknown_content_key_refused)
{
	return arg && arg->pContentKey && ((uint8_t *)arg->pContentKey)[0] % 2 ? E_INVALIDARG : MB_IN(arg);
}

const struct mutant mutants_blt_in[] = {
	{ "last-row-forgotten", "BLT-43 BLT-46", false, put_last_row_forgotten },
	{ "chroma-rows-forgotten", "BLT-91 BLT-43", true, put_chroma_rows_forgotten },
	{ "source-written", "BLT-47", true, put_source_written },
	{ "vector-overwritten", "BLT-50", false, put_vector_overwritten },
	{ "vector-by-default", "BLT-49", true, put_vector_by_default },
	{ "odd-vector-refused", "BLT-51", true, put_odd_vector_refused },
	{ "source-read-to-its-end", "BLT-63", true, put_source_read_to_its_end },
	{ "content-key-not-used", "BLT-45 BLT-78", false, put_content_key_ignored },
	{ "content-key-demanded", "BLT-54", false, put_content_key_demanded },
	{ "content-key-stays", "BLT-82", false, put_content_key_stays },
	{ "first-session-key-stays", "BLT-44", false, put_first_key_stays },
	{ "content-key-cached", "BLT-81", false, put_content_key_cached },
	{ "content-key-of-32-bytes", "BLT-79", true, put_content_key_of_32_bytes },
	{ "content-key-zero-is-none", "BLT-80", true, put_content_key_zero_is_none },
	{ "content-key-not-offered-taken", "BLT-53", false, put_content_key_not_offered_taken },
	{ "unknown-content-key-refused", "BLT-48", false, put_unknown_content_key_refused },
	{ 0 },
};
