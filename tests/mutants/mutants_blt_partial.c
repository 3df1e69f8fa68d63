/* SPDX-License-Identifier: MIT */
/* Drivers that break one rule of partial encryption. */
#include "mutants_blt.h"

static HRESULT with_info(HANDLE hDevice, const D3DDDIARG_DECRYPTIONBLT *arg, UINT first, UINT skip, UINT encrypt)
{
	D3DDDIENCRYPTED_BLOCK_INFO info = { first, skip, encrypt };
	D3DDDIARG_DECRYPTIONBLT other = *arg;

	other.pEncryptedBlockInfo = &info;
	return MB_IN(&other);
}

static HRESULT without_info(HANDLE hDevice, const D3DDDIARG_DECRYPTIONBLT *arg)
{
	D3DDDIARG_DECRYPTIONBLT other = *arg;

	other.pEncryptedBlockInfo = NULL;
	return MB_IN(&other);
}

#define INFO(arg) ((arg) ? (arg)->pEncryptedBlockInfo : NULL)
#define N1(arg)	  ((arg)->pEncryptedBlockInfo->NumEncryptedBytesAtBeginning)
#define S(arg)	  ((arg)->pEncryptedBlockInfo->NumBytesInSkipPattern)
#define E(arg)	  ((arg)->pEncryptedBlockInfo->NumBytesInEncryptPattern)

MB_DECRYPTION(runs_swapped)
{
	return INFO(arg) ? with_info(hDevice, arg, N1(arg), E(arg), S(arg)) : MB_IN(arg);
}

/* Each run begins with Count again: all but the first get the wrong key stream. */
static bool is_in_a_later_run(const D3DDDIARG_DECRYPTIONBLT *arg, size_t offset)
{
	const D3DDDIENCRYPTED_BLOCK_INFO *info = arg->pEncryptedBlockInfo;
	bool was_clear = false;

	if (!info || !mb_is_encrypted(info, offset))
		return false;
	for (size_t i = 0; i < offset; i += 16)
		was_clear = was_clear || (i > 0 && !mb_is_encrypted(info, i));
	return was_clear && offset >= (size_t)info->NumEncryptedBytesAtBeginning + info->NumBytesInSkipPattern;
}

MB_DECRYPTION(count_starts_anew_with_each_run)
{
	return mb_decrypt_wrong(hDevice, arg, is_in_a_later_run);
}

/* A last run that does not fit is left as it came. */
static bool is_in_a_cut_run(const D3DDDIARG_DECRYPTIONBLT *arg, size_t offset)
{
	const D3DDDIENCRYPTED_BLOCK_INFO *info = arg->pEncryptedBlockInfo;
	uint64_t first, run, period;
	size_t size;

	if (!info || info->NumBytesInEncryptPattern == 0 || info->NumBytesInSkipPattern == 0 ||
	    !mb_memory(arg->hSrcResource, arg->SrcSubResourceIndex, &size))
		return false;
	first = info->NumEncryptedBytesAtBeginning;
	period = (uint64_t)info->NumBytesInSkipPattern + info->NumBytesInEncryptPattern;
	if (offset < first)
		return false;
	run = first + (offset - first) / period * period;
	return offset - run >= info->NumBytesInSkipPattern && run + period > size;
}

MB_DECRYPTION(last_run_not_cut)
{
	return mb_decrypt_wrong(hDevice, arg, is_in_a_cut_run);
}

MB_DECRYPTION(no_pattern_means_all)
{
	return INFO(arg) && S(arg) == 0 && E(arg) == 0 && N1(arg) > 0 ? without_info(hDevice, arg) : MB_IN(arg);
}

MB_DECRYPTION(beginning_repeats)
{
	return INFO(arg) && N1(arg) > 0 && S(arg) > 0 && E(arg) > 0 ? with_info(hDevice, arg, 0, S(arg), E(arg))
								    : MB_IN(arg);
}

MB_DECRYPTION(runs_not_checked)
{
	HRESULT hr = MB_IN(arg);

	if (hr == E_INVALIDARG && INFO(arg) && (N1(arg) % 16 || S(arg) % 16 || E(arg) % 16))
		return with_info(hDevice, arg, N1(arg) / 16 * 16, S(arg) / 16 * 16, E(arg) / 16 * 16);
	return hr;
}

MB_DECRYPTION(beginning_not_checked)
{
	HRESULT hr = MB_IN(arg);
	size_t size = 0;

	if (hr == E_INVALIDARG && INFO(arg) && mb_memory(arg->hSrcResource, 0, &size) && N1(arg) > size)
		return with_info(hDevice, arg, (UINT)size, 0, 0);
	return hr;
}

MB_DECRYPTION(no_gap_is_no_pattern)
{
	return INFO(arg) && S(arg) == 0 && E(arg) > 0 ? with_info(hDevice, arg, N1(arg), 0, 0) : MB_IN(arg);
}

MB_DECRYPTION(endless_gap_is_none)
{
	return INFO(arg) && S(arg) > 0 && E(arg) == 0 && S(arg) % 16 == 0 ? without_info(hDevice, arg) : MB_IN(arg);
}

/* Clear data needs no vector, so none is remembered. */
MB_DECRYPTION(clear_transfer_not_recorded)
{
	HRESULT hr = MB_IN(arg);

	return hr == D3DDDIERR_INVALIDCALL && INFO(arg) && N1(arg) == 0 && E(arg) == 0 ? S_OK : hr;
}

MB_DECRYPTION(info_of_16_bytes)
{
	const volatile uint8_t *info = (const void *)INFO(arg);

	for (size_t i = 0; info && i < 16; i++)
		(void)info[i];
	return MB_IN(arg);
}

MB_DECRYPTION(info_not_offered_taken)
{
	HRESULT hr = MB_IN(arg);

	return hr == D3DDDIERR_NOTAVAILABLE && INFO(arg) ? without_info(hDevice, arg) : hr;
}

/* The pattern counts the pixels of a row alone, so that padded surfaces come out wrong. */
static bool is_behind_padding(const D3DDDIARG_DECRYPTIONBLT *arg, size_t offset)
{
	uint32_t row, pitch, rows;

	return arg->pEncryptedBlockInfo && mb_layout(arg->hSrcResource, 0, &row, &pitch, &rows) && row < pitch &&
	       offset >= pitch;
}

MB_DECRYPTION(pattern_without_padding)
{
	return mb_decrypt_wrong(hDevice, arg, is_behind_padding);
}

/* Without block info only whole groups of 32 bytes are decrypted. */
static bool is_last_block_without_info(const D3DDDIARG_DECRYPTIONBLT *arg, size_t offset)
{
	size_t size;

	return !arg->pEncryptedBlockInfo && mb_memory(arg->hSrcResource, arg->SrcSubResourceIndex, &size) &&
	       offset >= size - 16;
}

MB_DECRYPTION(last_block_forgotten)
{
	return mb_decrypt_wrong(hDevice, arg, is_last_block_without_info);
}

const struct mutant mutants_blt_partial[] = {
	{ "partial-runs-swapped", "BLT-65", false, put_runs_swapped },
	{ "partial-count-starts-anew", "BLT-65 BLT-74", false, put_count_starts_anew_with_each_run },
	{ "partial-count-starts-anew-strictly", "BLT-74 BLT-65", true, put_count_starts_anew_with_each_run },
	{ "partial-last-run-not-cut", "BLT-68", false, put_last_run_not_cut },
	{ "partial-no-pattern-means-all", "BLT-67", false, put_no_pattern_means_all },
	{ "partial-beginning-forgotten", "BLT-65", false, put_beginning_repeats },
	{ "partial-runs-not-checked", "BLT-72", false, put_runs_not_checked },
	{ "partial-beginning-not-checked", "BLT-73 BLT-122", true, put_beginning_not_checked },
	{ "partial-no-gap-is-no-pattern", "BLT-69", true, put_no_gap_is_no_pattern },
	{ "partial-endless-gap-is-none", "BLT-70", true, put_endless_gap_is_none },
	{ "partial-clear-not-recorded", "BLT-71", true, put_clear_transfer_not_recorded },
	{ "partial-info-of-16-bytes", "BLT-66", false, put_info_of_16_bytes },
	{ "partial-info-not-offered-taken", "BLT-75", false, put_info_not_offered_taken },
	{ "partial-pattern-without-padding", "BLT-76", true, put_pattern_without_padding },
	{ "partial-last-block-forgotten", "BLT-64 BLT-43", false, put_last_block_forgotten },
	{ 0 },
};
