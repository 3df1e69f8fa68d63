/* SPDX-License-Identifier: MIT */
/* Drivers whose transfers take surfaces or sizes that they should not, or lay them out otherwise. */
#include "mutants_blt.h"

#include <stdlib.h>
#include <string.h>

/* ---- checks that are missing: an argument error becomes success --------------------------------------------------- */

#define FORGIVES(name, condition)                                            \
	MB_ENCRYPTION(name)                                                  \
	{                                                                    \
		HRESULT hr = MB_OUT(arg);                                    \
                                                                             \
		return hr == E_INVALIDARG && arg && (condition) ? S_OK : hr; \
	}
#define FORGIVES_IN(name, condition)                                         \
	MB_DECRYPTION(name)                                                  \
	{                                                                    \
		HRESULT hr = MB_IN(arg);                                     \
                                                                             \
		return hr == E_INVALIDARG && arg && (condition) ? S_OK : hr; \
	}

static bool agree(HANDLE one, HANDLE other)
{
	const struct mutant_resource *a = mutant_resource(one), *b = mutant_resource(other);

	return a && b && a->arg.Format == b->arg.Format && a->arg.pSurfList->Width == b->arg.pSurfList->Width &&
	       a->arg.pSurfList->Height == b->arg.pSurfList->Height;
}

static bool is_misaligned(HANDLE resource)
{
	size_t size;

	return (uintptr_t)mb_memory(resource, 0, &size) % 16 != 0;
}

static bool is_too_small(HANDLE resource, UINT size)
{
	size_t whole;

	return mb_memory(resource, 0, &whole) && size < whole;
}

static bool is_unknown_here(HANDLE resource)
{
	return !mutant_resource(resource);
}

FORGIVES(source_not_protected, mutant_resource(arg->hSrcResource) && !mb_is_flagged(arg->hSrcResource, 0x40000000))
FORGIVES(textures_too, mb_is_flagged(arg->hSrcResource, 0x10000))
FORGIVES(multisampled_too,
	 mb_is_flagged(arg->hSrcResource, 1) && mutant_resource(arg->hSrcResource)->arg.MultisampleType)
FORGIVES(destination_anywhere, mutant_resource(arg->hDstResource) && !mb_is_system(arg->hDstResource))
FORGIVES(stretches, !agree(arg->hSrcResource, arg->hDstResource))
FORGIVES(destination_too_small, is_too_small(arg->hDstResource, arg->DstResourceSize))
FORGIVES(destination_odd_size, arg->DstResourceSize % 16 != 0)
FORGIVES(destination_misaligned, is_misaligned(arg->hDstResource))
FORGIVES(source_index_beyond, arg->SrcSubResourceIndex > 0)
FORGIVES(dead_source, is_unknown_here(arg->hSrcResource))
FORGIVES_IN(destination_not_protected,
	    mutant_resource(arg->hDstResource) && !mb_is_flagged(arg->hDstResource, 0x40000000))
FORGIVES_IN(into_textures_too, mb_is_flagged(arg->hDstResource, 0x10000))
FORGIVES_IN(source_anywhere, mutant_resource(arg->hSrcResource) && !mb_is_system(arg->hSrcResource))
FORGIVES_IN(stretches_in, !agree(arg->hSrcResource, arg->hDstResource))
FORGIVES_IN(source_too_small, is_too_small(arg->hSrcResource, arg->SrcResourceSize))
FORGIVES_IN(source_odd_size, arg->SrcResourceSize % 16 != 0)
FORGIVES_IN(source_misaligned, is_misaligned(arg->hSrcResource))
FORGIVES_IN(dead_destination, is_unknown_here(arg->hDstResource))
FORGIVES_IN(size_wraps, arg->SrcResourceSize + 15 < 15)

MB_ENCRYPTION(size_must_match)
{
	size_t size;

	return mb_destination(arg, &size) && arg->DstResourceSize > size ? E_INVALIDARG : MB_OUT(arg);
}

/* ---- layout --------------------------------------------------------------------------------------------------------- */

/* Rows are read SysMemPitch apart. */
MB_DECRYPTION(sys_mem_pitch_in)
{
	const struct mutant_resource *noted = arg ? mutant_resource(arg->hSrcResource) : NULL;
	uint32_t row, pitch, rows, other;
	size_t size;
	uint8_t *memory = arg ? mb_memory(arg->hSrcResource, 0, &size) : NULL, *old;
	HRESULT hr;

	if (!memory || !mb_layout(arg->hSrcResource, 0, &row, &pitch, &rows) || rows != 4)
		return MB_IN(arg);
	other = noted->arg.pSurfList->SysMemPitch;
	old = malloc((size_t)(pitch + other) * rows);
	memcpy(old, memory, (size_t)(pitch > other ? pitch : other) * rows);
	for (uint32_t i = 0; i < rows; i++)
		memcpy(memory + (size_t)i * pitch, old + (size_t)i * other, pitch);
	hr = MB_IN(arg);
	memcpy(memory, old, size);
	free(old);
	return hr;
}

MB_ENCRYPTION(sys_mem_pitch_out)
{
	const struct mutant_resource *noted = arg ? mutant_resource(arg->hDstResource) : NULL;
	uint32_t row, pitch, rows, other;
	size_t size;
	uint8_t *memory = mb_destination(arg, &size), *bytes;
	HRESULT hr = MB_OUT(arg);

	if (hr != S_OK || !arg || !memory || !mb_layout(arg->hDstResource, 0, &row, &pitch, &rows) || rows != 4)
		return hr;
	other = noted->arg.pSurfList->SysMemPitch;
	bytes = malloc(size);
	memcpy(bytes, memory, size);
	for (uint32_t i = 0; i < rows; i++)
		memcpy(memory + (size_t)i * other, bytes + (size_t)i * pitch, row);
	free(bytes);
	return hr;
}

const struct mutant mutants_blt_surface[] = {
	{ "source-not-protected", "BLT-30", true, put_source_not_protected },
	{ "textures-too", "BLT-31", true, put_textures_too },
	{ "multisampled-too", "BLT-32", true, put_multisampled_too },
	{ "destination-anywhere", "BLT-33", true, put_destination_anywhere },
	{ "encryption-stretches", "BLT-34", true, put_stretches },
	{ "destination-too-small", "BLT-35", false, put_destination_too_small },
	{ "destination-of-odd-size", "BLT-35", false, put_destination_odd_size },
	{ "destination-misaligned", "BLT-36", false, put_destination_misaligned },
	{ "destination-size-must-match", "BLT-35", true, put_size_must_match },
	{ "source-index-beyond", "BLT-38", true, put_source_index_beyond },
	{ "dead-source", "BLT-39", true, put_dead_source },
	{ "destination-not-protected", "BLT-55", true, put_destination_not_protected },
	{ "into-textures-too", "BLT-56", true, put_into_textures_too },
	{ "source-anywhere", "BLT-57", true, put_source_anywhere },
	{ "decryption-stretches", "BLT-58", true, put_stretches_in },
	{ "source-too-small", "BLT-59", false, put_source_too_small },
	{ "source-of-odd-size", "BLT-59", false, put_source_odd_size },
	{ "source-misaligned", "BLT-60", false, put_source_misaligned },
	{ "dead-destination", "BLT-62", true, put_dead_destination },
	{ "size-wraps", "BLT-122", true, put_size_wraps },
	{ "sys-mem-pitch-read", "BLT-61", false, put_sys_mem_pitch_in },
	{ "sys-mem-pitch-written", "BLT-37", false, put_sys_mem_pitch_out },
	{ 0 },
};
