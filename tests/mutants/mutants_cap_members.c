/* SPDX-License-Identifier: MIT */
/* Mutants of single members of D3DCONTENTPROTECTIONCAPS. */
#include "mutants_cap.h"

#include <stdlib.h>
#include <string.h>

/* A GetCaps that changes the answer: a statement about caps. */
#define MEMBER(name, change)                                                       \
	GET_CAPS(name)                                                             \
	{                                                                          \
		HRESULT hr = REAL_GET_CAPS(pData);                                 \
		D3DCONTENTPROTECTIONCAPS *caps = hr == S_OK ? pData->pData : NULL; \
                                                                                   \
		if (caps && pData->Type == D3DDDICAPS_GETCONTENTPROTECTIONCAPS) {  \
			change;                                                    \
		}                                                                  \
		return hr;                                                         \
	}

static const GUID exchange_of_its_own = { 0x11111111, 0x2222, 0x3333, { 1, 2, 3, 4, 5, 6, 7, 8 } };

static unsigned int sessions;

static HRESULT APIENTRY create_and_count(HANDLE hDevice, D3DDDIARG_CREATECRYPTOSESSION *pData)
{
	sessions++;
	return mutant_real.pfnCreateCryptoSession(hDevice, pData);
}

MUTANT_DEVICE(mutant_session_counted)
{
	funcs->pfnCreateCryptoSession = create_and_count;
}

/* clang-format off */
MEMBER(function_without_bit, caps->Caps &= ~(DWORD)D3DCPCAPS_FRESHENSESSIONKEY)
MEMBER(neither_software_nor_hardware, caps->Caps &= ~(DWORD)D3DCPCAPS_SOFTWARE)
MEMBER(hardware_too, caps->Caps |= D3DCPCAPS_HARDWARE)
MEMBER(client_chooses, if (getenv("DXVAULT_CAPS")) caps->Caps &= ~(DWORD)D3DCPCAPS_PROTECTIONALWAYSON)
MEMBER(direct3d_11_bit, caps->Caps |= 0x400)
MEMBER(read_back_bit_alone, caps->Caps &= ~(DWORD)D3DCPCAPS_ENCRYPTEDREADBACK)
MEMBER(key_exchange_of_its_own, caps->KeyExchangeType = exchange_of_its_own)
MEMBER(alignment_of_24, caps->BufferAlignmentStart = 24)
MEMBER(alignment_of_0, caps->BufferAlignmentStart = 0)
MEMBER(blocks_of_0, caps->BlockAlignmentSize = 0)
MEMBER(no_memory, caps->ProtectedMemorySize = 0)
MEMBER(all_the_memory, caps->ProtectedMemorySize = (ULONGLONG)1 << 40)
MEMBER(memory_of_sessions, caps->ProtectedMemorySize -= (ULONGLONG)sessions * 4096)
MEMBER(padding_left, memset((uint8_t *)caps + 28, 0xa5, 4))
/* clang-format on */
