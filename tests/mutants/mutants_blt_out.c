/* SPDX-License-Identifier: MIT */
/* Drivers whose EncryptionBlt breaks one rule of blt.md: bytes, vectors, states. */
#include "mutants_blt.h"

#include <stdlib.h>
#include <string.h>

/* ---- what is written --------------------------------------------------------------------------------------------- */

MB_ENCRYPTION(last_block_left_out)
{
	size_t size;
	uint8_t *memory = mb_destination(arg, &size), old[16];
	HRESULT hr;

	if (!memory)
		return MB_OUT(arg);
	memcpy(old, memory + size - 16, 16);
	hr = MB_OUT(arg);
	if (hr == S_OK)
		memcpy(memory + size - 16, old, 16);
	return hr;
}

/* It writes to memory of its own, and not to the application's. */
MB_ENCRYPTION(written_elsewhere)
{
	size_t size;
	uint8_t *memory = mb_destination(arg, &size), *old;
	HRESULT hr;

	if (!memory)
		return MB_OUT(arg);
	old = malloc(size);
	memcpy(old, memory, size);
	hr = MB_OUT(arg);
	memcpy(memory, old, size);
	free(old);
	return hr;
}

/* What came partially encrypted goes out the same way. */
static struct mb_notes partial;

static HRESULT APIENTRY note_partial(HANDLE hDevice, const D3DDDIARG_DECRYPTIONBLT *arg)
{
	HRESULT hr = MB_IN(arg);

	if (hr == S_OK && arg->pEncryptedBlockInfo)
		mb_note(&partial, arg->hDstResource, 0);
	return hr;
}

static HRESULT APIENTRY read_partially(HANDLE hDevice, const D3DDDIARG_ENCRYPTIONBLT *arg)
{
	size_t size;
	uint8_t *memory = mb_destination(arg, &size);
	HRESULT hr = MB_OUT(arg);

	if (hr == S_OK && memory && mb_is_noted(&partial, arg->hSrcResource, 0))
		memset(memory + size / 2, 0, size / 2);
	return hr;
}

static void put_partial_out(D3DDDI_DEVICEFUNCS *funcs)
{
	funcs->pfnDecryptionBlt = note_partial;
	funcs->pfnEncryptionBlt = read_partially;
}

/* Reading takes the content away: a second call finds something else. */
MB_ENCRYPTION(reading_destroys)
{
	static struct mb_notes read;
	size_t size;
	uint8_t *memory = mb_destination(arg, &size);
	HRESULT hr = MB_OUT(arg);

	if (hr != S_OK || !memory)
		return hr;
	if (mb_is_noted(&read, arg->hSrcResource, 0))
		memory[0] ^= 0xff;
	mb_note(&read, arg->hSrcResource, 0);
	return hr;
}

/* Some other key than the one that GetEncryptionBltKey gave. */
MB_ENCRYPTION(another_key)
{
	size_t size;
	uint8_t *memory = mb_destination(arg, &size);
	HRESULT hr = MB_OUT(arg);

	for (size_t i = 0; hr == S_OK && memory && i < size; i++)
		memory[i] ^= (uint8_t)(i * 37 + 11);
	return hr;
}

/* The bytes come when the call has long returned: with the next one. */
MB_ENCRYPTION(finished_late)
{
	static uint8_t *pending, *bytes;
	static size_t pending_size;
	size_t size;
	uint8_t *memory = mb_destination(arg, &size), *old;
	HRESULT hr;

	if (pending)
		memcpy(pending, bytes, pending_size);
	pending = NULL;
	if (!memory)
		return MB_OUT(arg);
	old = malloc(size);
	memcpy(old, memory, size);
	hr = MB_OUT(arg);
	if (hr == S_OK) {
		free(bytes);
		bytes = malloc(size);
		memcpy(bytes, memory, size);
		memcpy(memory, old, size);
		pending = memory;
		pending_size = size;
	}
	free(old);
	return hr;
}

MB_ENCRYPTION(padding_lost)
{
	uint32_t row, pitch, rows;
	size_t size;
	uint8_t *memory = mb_destination(arg, &size);
	HRESULT hr = MB_OUT(arg);

	if (hr != S_OK || !memory || !mb_layout(arg->hDstResource, arg->DstSubResourceIndex, &row, &pitch, &rows))
		return hr;
	for (uint32_t i = 0; i < rows; i++)
		memset(memory + (size_t)i * pitch + row, 0, pitch - row);
	return hr;
}

MB_ENCRYPTION(rest_of_the_buffer_cleared)
{
	size_t size;
	uint8_t *memory = mb_destination(arg, &size);
	HRESULT hr = MB_OUT(arg);

	if (hr == S_OK && memory && arg->DstResourceSize < 65536)
		memset(memory + size, 0, arg->DstResourceSize - size);
	return hr;
}

MB_ENCRYPTION(a_byte_behind_written)
{
	size_t size;
	uint8_t *memory = mb_destination(arg, &size);
	HRESULT hr = MB_OUT(arg);

	if (hr == S_OK && memory && (uintptr_t)memory % 4096 == 0)
		memory[size] ^= 1;
	return hr;
}

MB_ENCRYPTION(new_surface_not_cleared)
{
	static struct mb_notes seen;
	size_t size;
	uint8_t *memory = mb_destination(arg, &size);
	HRESULT hr = MB_OUT(arg);

	if (hr == S_OK && memory && !mb_is_noted(&seen, arg->hSrcResource, 0))
		memory[size / 2] ^= 0x10;
	if (hr == S_OK)
		mb_note(&seen, arg->hSrcResource, 0);
	return hr;
}

/* ---- the vector --------------------------------------------------------------------------------------------------- */

MB_ENCRYPTION(vector_not_returned)
{
	uint8_t iv[16];
	D3DDDIARG_ENCRYPTIONBLT other;

	if (!arg || !arg->pIV)
		return MB_OUT(arg);
	other = *arg;
	other.pIV = iv;
	return MB_OUT(&other);
}

MB_ENCRYPTION(vector_of_32_bytes)
{
	HRESULT hr = MB_OUT(arg);

	/* The place is the caller's stack or heap: what stands there is written back changed in one byte. */
	if (hr == S_OK && (uintptr_t)arg->pIV % 2)
		((uint8_t *)arg->pIV)[16] ^= 0xff;
	return hr;
}

MB_ENCRYPTION(vector_written_on_failure)
{
	HRESULT hr = MB_OUT(arg);

	if (hr != S_OK && arg && arg->pIV)
		memset(arg->pIV, 0, 16);
	return hr;
}

MB_ENCRYPTION(vector_not_needed)
{
	uint8_t iv[16];
	D3DDDIARG_ENCRYPTIONBLT other;

	if (!arg || arg->pIV)
		return MB_OUT(arg);
	other = *arg;
	other.pIV = iv;
	return MB_OUT(&other);
}

/* The numbers of a session begin with 1, in each of them. */
MB_ENCRYPTION(first_vector_fixed)
{
	static struct mb_notes firsts;
	HRESULT hr = MB_OUT(arg);

	if (hr != S_OK)
		return hr;
	mb_note(&firsts, arg->hCryptoSession, firsts.count);
	mb_store(arg->pIV, 1);
	return hr;
}

MB_ENCRYPTION(first_vector_large)
{
	HRESULT hr = MB_OUT(arg);

	if (hr == S_OK)
		((uint8_t *)arg->pIV)[0] |= 0x80;
	return hr;
}

MB_ENCRYPTION(vectors_step_by_two)
{
	HRESULT hr = MB_OUT(arg);

	return hr == S_OK ? MB_OUT(arg) : hr;
}

MB_ENCRYPTION(vector_returned_again)
{
	static HANDLE session;
	static uint8_t last[16];
	HRESULT hr = MB_OUT(arg);

	if (hr != S_OK)
		return hr;
	if (session == arg->hCryptoSession)
		memcpy(arg->pIV, last, 16);
	session = arg->hCryptoSession;
	memcpy(last, arg->pIV, 16);
	return hr;
}

/* A call that was refused took a number all the same. */
MB_ENCRYPTION(failed_calls_take_a_number)
{
	static struct mb_notes failed;
	static uint64_t extra;
	HRESULT hr = MB_OUT(arg);

	if (!arg || !arg->pIV)
		return hr;
	if (hr == E_INVALIDARG) {
		mb_note(&failed, arg->hCryptoSession, 0);
		extra++;
	} else if (hr == S_OK && mb_is_noted(&failed, arg->hCryptoSession, 0)) {
		mb_store(arg->pIV, mb_load(arg->pIV) + extra);
	}
	return hr;
}

MB_ENCRYPTION(count_returned_is_one)
{
	HRESULT hr = MB_OUT(arg);

	if (hr == S_OK)
		mb_store((uint8_t *)arg->pIV + 8, 1);
	return hr;
}

/* ---- states -------------------------------------------------------------------------------------------------------- */

MB_ENCRYPTION(no_read_back_key_needed)
{
	HRESULT hr = MB_OUT(arg);

	return hr == D3DDDIERR_INVALIDCALL ? S_OK : hr;
}

MB_ENCRYPTION(offered_without_the_bit)
{
	HRESULT hr = MB_OUT(arg);

	return hr == D3DDDIERR_NOTAVAILABLE ? D3DDDIERR_INVALIDCALL : hr;
}

MB_ENCRYPTION(refused_under_protection)
{
	return mb_is_flagged(arg ? arg->hSrcResource : NULL, 0x40000000) ? E_ACCESSDENIED : MB_OUT(arg);
}

MB_ENCRYPTION(tie_ignored)
{
	HRESULT hr = MB_OUT(arg);

	return hr == E_ACCESSDENIED ? S_OK : hr;
}

MB_ENCRYPTION(tie_has_the_wrong_code)
{
	HRESULT hr = MB_OUT(arg);

	return hr == E_ACCESSDENIED ? D3DDDIERR_INVALIDCALL : hr;
}

/* The lock is looked at before the content. */
static HANDLE locked;

static HRESULT APIENTRY noted_lock(HANDLE hDevice, D3DDDIARG_LOCK *arg)
{
	HRESULT hr = mutant_real.pfnLock(hDevice, arg);

	if (hr == S_OK)
		locked = arg->hResource;
	return hr;
}

static HRESULT APIENTRY lock_first(HANDLE hDevice, const D3DDDIARG_ENCRYPTIONBLT *arg)
{
	HRESULT hr = MB_OUT(arg);

	return hr == E_ACCESSDENIED && arg->hDstResource == locked ? D3DDDIERR_INVALIDCALL : hr;
}

static void put_lock_first(D3DDDI_DEVICEFUNCS *funcs)
{
	funcs->pfnLock = noted_lock;
	funcs->pfnEncryptionBlt = lock_first;
}

const struct mutant mutants_blt_out[] = {
	{ "last-block-left-out", "BLT-16 BLT-19", false, put_last_block_left_out },
	{ "written-elsewhere", "BLT-114", false, put_written_elsewhere },
	{ "partial-content-reads-back-partially", "BLT-41", true, put_partial_out },
	{ "reading-destroys", "BLT-16", false, put_reading_destroys },
	{ "another-read-back-key", "BLT-17 BLT-16", false, put_another_key },
	{ "encryption-finished-late", "BLT-118 BLT-16", true, put_finished_late },
	{ "row-padding-lost", "BLT-27", true, put_padding_lost },
	{ "rest-of-the-buffer-cleared", "BLT-28", true, put_rest_of_the_buffer_cleared },
	{ "a-byte-behind-written", "BLT-28", true, put_a_byte_behind_written },
	{ "new-surface-not-cleared", "BLT-103", true, put_new_surface_not_cleared },
	{ "vector-not-returned", "BLT-20", false, put_vector_not_returned },
	{ "vector-of-32-bytes", "BLT-20", false, put_vector_of_32_bytes },
	{ "vector-written-on-failure", "BLT-20", true, put_vector_written_on_failure },
	{ "vector-not-needed", "BLT-21", true, put_vector_not_needed },
	{ "first-vector-fixed", "BLT-22", false, put_first_vector_fixed },
	{ "first-vector-large", "BLT-22", true, put_first_vector_large },
	{ "vectors-step-by-two", "BLT-23", false, put_vectors_step_by_two },
	{ "vector-returned-again", "BLT-23", false, put_vector_returned_again },
	{ "failed-calls-take-a-number", "BLT-24", true, put_failed_calls_take_a_number },
	{ "count-returned-is-one", "BLT-25", true, put_count_returned_is_one },
	{ "no-read-back-key-needed", "BLT-18", true, put_no_read_back_key_needed },
	{ "encryption-offered-without-the-bit", "BLT-26", true, put_offered_without_the_bit },
	{ "encryption-refused-under-protection", "BLT-42", true, put_refused_under_protection },
	{ "tie-ignored", "BLT-123", true, put_tie_ignored },
	{ "tie-has-the-wrong-code", "BLT-123", true, put_tie_has_the_wrong_code },
	{ "lock-checked-before-the-tie", "BLT-121 BLT-120", true, put_lock_first },
	{ 0 },
};
