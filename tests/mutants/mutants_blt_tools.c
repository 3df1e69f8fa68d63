/* SPDX-License-Identifier: MIT */
/* What the mutants of blt.md share. */
#include "mutants_blt.h"

#include <stdlib.h>
#include <string.h>

static uint32_t round_up(uint32_t value, uint32_t multiple)
{
	return (value + multiple - 1) / multiple * multiple;
}

bool mb_layout(HANDLE resource, UINT index, uint32_t *ret_row, uint32_t *ret_pitch, uint32_t *ret_rows)
{
	const struct mutant_resource *noted = mutant_resource(resource);
	uint32_t width, height;

	if (!noted || index >= noted->arg.SurfCount)
		return false;
	width = noted->arg.pSurfList[index].Width;
	height = noted->arg.pSurfList[index].Height;
	*ret_rows = height;
	switch ((uint32_t)noted->arg.Format) {
	case D3DDDIFMT_NV12:
		*ret_row = round_up(width, 2);
		*ret_rows = round_up(height, 2) / 2 * 3;
		break;
	case D3DDDIFMT_YUY2:
	case D3DDDIFMT_UYVY:
		*ret_row = round_up(width, 2) * 2;
		break;
	default:
		*ret_row = width * 4;
		break;
	}
	*ret_pitch = round_up(*ret_row, 16);
	return true;
}

uint8_t *mb_memory(HANDLE resource, UINT index, size_t *ret_size)
{
	const struct mutant_resource *noted = mutant_resource(resource);
	uint32_t row, pitch, rows;

	if (!mb_is_system(resource) || !mb_layout(resource, index, &row, &pitch, &rows))
		return NULL;
	*ret_size = (size_t)pitch * rows;
	return (uint8_t *)(uintptr_t)noted->arg.pSurfList[index].pSysMem;
}

bool mb_is_flagged(HANDLE resource, UINT flags)
{
	const struct mutant_resource *noted = mutant_resource(resource);

	return noted && (noted->arg.Flags.Value & flags);
}

bool mb_is_system(HANDLE resource)
{
	const struct mutant_resource *noted = mutant_resource(resource);

	return noted && noted->arg.Pool == D3DDDIPOOL_SYSTEMMEM;
}

uint64_t mb_load(const void *bytes)
{
	const uint8_t *byte = bytes;
	uint64_t value = 0;

	for (size_t i = 0; i < 8; i++)
		value = value << 8 | byte[i];
	return value;
}

void mb_store(void *bytes, uint64_t value)
{
	uint8_t *byte = bytes;

	for (size_t i = 8; i-- > 0; value >>= 8)
		byte[i] = (uint8_t)value;
}

bool mb_is_encrypted(const D3DDDIENCRYPTED_BLOCK_INFO *info, uint64_t offset)
{
	const uint64_t skip = info->NumBytesInSkipPattern, encrypt = info->NumBytesInEncryptPattern;

	if (offset < info->NumEncryptedBytesAtBeginning)
		return true;
	return encrypt > 0 && (offset - info->NumEncryptedBytesAtBeginning) % (skip + encrypt) >= skip;
}

void mb_note(struct mb_notes *notes, HANDLE handle, uint64_t value)
{
	notes->notes[notes->count++ % (sizeof(notes->notes) / sizeof(notes->notes[0]))] = (struct mb_note) { handle,
													     value };
}

bool mb_is_noted(const struct mb_notes *notes, HANDLE handle, uint64_t value)
{
	for (size_t i = 0; i < notes->count && i < sizeof(notes->notes) / sizeof(notes->notes[0]); i++) {
		if (notes->notes[i].handle == handle && notes->notes[i].value == value)
			return true;
	}
	return false;
}

HRESULT mb_decrypt_wrong(HANDLE hDevice, const D3DDDIARG_DECRYPTIONBLT *arg,
			 bool (*is_wrong)(const D3DDDIARG_DECRYPTIONBLT *arg, size_t offset))
{
	size_t size = 0;
	uint8_t *memory = arg ? mb_memory(arg->hSrcResource, arg->SrcSubResourceIndex, &size) : NULL;
	HRESULT hr;

	if (!memory || !arg->pIV)
		return MB_IN(arg);
	for (size_t i = 0; i < size; i++)
		memory[i] ^= is_wrong(arg, i) ? 0x69 : 0;
	hr = MB_IN(arg);
	for (size_t i = 0; i < size; i++)
		memory[i] ^= is_wrong(arg, i) ? 0x69 : 0;
	return hr;
}

HRESULT mb_with_vector(HANDLE hDevice, const D3DDDIARG_DECRYPTIONBLT *arg, uint64_t iv, uint64_t count)
{
	D3DDDIARG_DECRYPTIONBLT other = *arg;
	uint8_t vector[16];

	mb_store(vector, iv);
	mb_store(vector + 8, count);
	other.pIV = vector;
	return MB_IN(&other);
}

uint8_t *mb_destination(const D3DDDIARG_ENCRYPTIONBLT *arg, size_t *ret_size)
{
	return arg ? mb_memory(arg->hDstResource, arg->DstSubResourceIndex, ret_size) : NULL;
}
