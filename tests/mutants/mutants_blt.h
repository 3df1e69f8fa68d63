/* SPDX-License-Identifier: MIT */
/* What the mutants of blt.md share. */
#ifndef DXV_TESTS_MUTANTS_BLT_H
#define DXV_TESTS_MUTANTS_BLT_H

#include "mutant.h"

#define MB_IN(arg)  mutant_real.pfnDecryptionBlt(hDevice, (arg))
#define MB_OUT(arg) mutant_real.pfnEncryptionBlt(hDevice, (arg))

/* A function with a body, and what puts it into the table. */
#define MB_SLOT(name, slot, type)                               \
	static HRESULT APIENTRY name(HANDLE hDevice, type arg); \
	static void put_##name(D3DDDI_DEVICEFUNCS *funcs)       \
	{                                                       \
		funcs->slot = name;                             \
	}                                                       \
	static HRESULT APIENTRY name(HANDLE hDevice, type arg)
#define MB_DECRYPTION(name) MB_SLOT(name, pfnDecryptionBlt, const D3DDDIARG_DECRYPTIONBLT *)
#define MB_ENCRYPTION(name) MB_SLOT(name, pfnEncryptionBlt, const D3DDDIARG_ENCRYPTIONBLT *)
#define MB_PITCH(name)	    MB_SLOT(name, pfnGetPitch, D3DDDIARG_GETPITCH *)
#define MB_CREATE(name)	    MB_SLOT(name, pfnCreateResource, D3DDDIARG_CREATERESOURCE *)
#define MB_LOCK(name)	    MB_SLOT(name, pfnLock, D3DDDIARG_LOCK *)

/* The application's memory of a system-memory subresource, and its linear bytes; NULL: it is none. */
uint8_t *mb_memory(HANDLE resource, UINT index, size_t *ret_size);
uint8_t *mb_destination(const D3DDDIARG_ENCRYPTIONBLT *arg, size_t *ret_size);
/* Pitch and row bytes of a subresource, as this project lays it out. */
bool mb_layout(HANDLE resource, UINT index, uint32_t *ret_row, uint32_t *ret_pitch, uint32_t *ret_rows);
bool mb_is_flagged(HANDLE resource, UINT flags); /* any of them, at creation */
bool mb_is_system(HANDLE resource);

uint64_t mb_load(const void *bytes); /* 8, most significant first */
void mb_store(void *bytes, uint64_t value);
bool mb_is_encrypted(const D3DDDIENCRYPTED_BLOCK_INFO *info, uint64_t offset);

/* Whether two calls name the same thing: a few values that a mutant notes, the oldest forgotten. */
struct mb_notes {
	struct mb_note {
		HANDLE handle;
		uint64_t value;
	} notes[1024];
	size_t count;
};
void mb_note(struct mb_notes *notes, HANDLE handle, uint64_t value);
bool mb_is_noted(const struct mb_notes *notes, HANDLE handle, uint64_t value);

/*
 * A DecryptionBlt that gets some bytes wrong, as one does that takes the wrong key stream for them: the source is changed
 * for the time of the call.
 */
HRESULT mb_decrypt_wrong(HANDLE hDevice, const D3DDDIARG_DECRYPTIONBLT *arg,
			 bool (*is_wrong)(const D3DDDIARG_DECRYPTIONBLT *arg, size_t offset));

/* The same call with another vector. */
HRESULT mb_with_vector(HANDLE hDevice, const D3DDDIARG_DECRYPTIONBLT *arg, uint64_t iv, uint64_t count);

#endif
