/* SPDX-License-Identifier: MIT */
/* EncryptionBlt, DecryptionBlt and GetPitch: steps 1 to 11 of BLT-120; the rest is the kernel half's. */
#include "umd/umd_internal.h"

#include <string.h>

#define IV_SIZE		 16u
#define CONTENT_KEY_SIZE 16u

/* The two ends of a transfer. */
struct pair {
	struct umd_resource *protected_resource;
	struct umd_resource *system_resource;
	struct umd_surface *protected_surface;
	struct umd_surface *system_surface;
};

static uint64_t load_be64(const uint8_t bytes[8])
{
	uint64_t value = 0;

	for (size_t i = 0; i < 8; i++)
		value = value << 8 | bytes[i];
	return value;
}

static bool is_block_multiple(uint32_t value)
{
	return value % DRV_BLOCK_ALIGNMENT == 0;
}

/* Step 8: the handles, then the indices. */
static bool find_pair(const struct umd_device *device, HANDLE protected_handle, uint32_t protected_index,
		      HANDLE system_handle, uint32_t system_index, struct pair *ret_pair)
{
	struct pair pair = {
		.protected_resource = umd_resource_find(device, protected_handle),
		.system_resource = umd_resource_find(device, system_handle),
	};

	if (!pair.protected_resource || !pair.system_resource)
		return false;
	pair.protected_surface = umd_resource_surface(pair.protected_resource, protected_index);
	pair.system_surface = umd_resource_surface(pair.system_resource, system_index);
	if (!pair.protected_surface || !pair.system_surface)
		return false;
	*ret_pair = pair;
	return true;
}

/* Step 9: pool, protection, kind, multisample, size and format agreement. */
static bool is_kind(const struct pair *pair)
{
	const struct umd_resource *protected = pair->protected_resource, *system = pair->system_resource;

	if (protected->pool == D3DDDIPOOL_SYSTEMMEM || !protected->flags.RestrictedContent)
		return false;
	if (!drv_surface_blt_kind(protected->flags.Value, protected->multisample))
		return false;
	if (system->pool != D3DDDIPOOL_SYSTEMMEM)
		return false;
	return protected->format == system->format && pair->protected_surface->width == pair->system_surface->width &&
	       pair->protected_surface->height == pair->system_surface->height;
}

/* Step 10. A surface that agrees with a protected one and is aligned has an allocation. */
static bool is_size(const struct pair *pair, uint32_t size)
{
	return is_block_multiple(size) && size >= pair->protected_surface->size &&
	       umd_system_is_aligned(pair->system_surface);
}

/* Steps 8 to 10. */
static bool check_pair(const struct umd_device *device, HANDLE protected_handle, uint32_t protected_index,
		       HANDLE system_handle, uint32_t system_index, uint32_t size, struct pair *ret_pair)
{
	return find_pair(device, protected_handle, protected_index, system_handle, system_index, ret_pair) &&
	       is_kind(ret_pair) && is_size(ret_pair, size);
}

/* How many of size bytes are encrypted (BLT-65 to BLT-71); in 64 bits, where nothing wraps (BLT-122). */
static uint64_t encrypted_bytes(const D3DDDIENCRYPTED_BLOCK_INFO *info, uint64_t size)
{
	const uint64_t first = info->NumEncryptedBytesAtBeginning;
	const uint64_t skip = info->NumBytesInSkipPattern, encrypt = info->NumBytesInEncryptPattern;
	const uint64_t period = skip + encrypt, rest = size - first;
	uint64_t last;

	if (encrypt == 0)
		return first;
	last = rest % period;
	return first + rest / period * encrypt + (last > skip ? last - skip : 0);
}

/* Step 11: the values of the block info, then the end of Count (BLT-04, BLT-72, BLT-73, BLT-77). */
static bool check_counter(const D3DDDIENCRYPTED_BLOCK_INFO *info, const uint8_t iv[IV_SIZE], uint64_t size)
{
	uint64_t blocks = size / DRV_BLOCK_ALIGNMENT;

	if (info) {
		if (!is_block_multiple(info->NumEncryptedBytesAtBeginning) ||
		    !is_block_multiple(info->NumBytesInSkipPattern) ||
		    !is_block_multiple(info->NumBytesInEncryptPattern) || info->NumEncryptedBytesAtBeginning > size)
			return false;
		blocks = encrypted_bytes(info, size) / DRV_BLOCK_ALIGNMENT;
	}
	return blocks == 0 || load_be64(iv + 8) <= UINT64_MAX - (blocks - 1);
}

/* The kernel half answers for keys and tie before it answers for the lock (BLT-121). */
static uint32_t lock_flag(const struct pair *pair)
{
	return pair->protected_surface->is_locked || pair->system_surface->is_locked ? DRV_BLT_LOCKED : 0;
}

/* A lack of memory is told to the kernel half too: keys, tie, lock and IV come before it (BLT-120). */
static HRESULT prepare(struct umd_device *device, const struct pair *pair, struct drv_escape_blt *escape,
		       bool is_encryption)
{
	HRESULT hr;

	hr = umd_queue_admit(device, pair->system_surface, is_encryption);
	if (hr != S_OK)
		return hr;
	escape->flags |= lock_flag(pair);
	if (escape->flags & DRV_BLT_LOCKED)
		return S_OK;
	hr = umd_system_prepare(device, pair->system_surface);
	if (hr != E_OUTOFMEMORY)
		return hr;
	escape->flags |= DRV_BLT_NO_MEMORY;
	return S_OK;
}

/* Step 12 on. */
static HRESULT transfer(struct umd_device *device, enum drv_command command, struct drv_escape_blt *escape,
			struct umd_surface *system, void *iv)
{
	HRESULT hr;

	if (umd_queue_is_open(device))
		return umd_queue_blt(device, command, escape, system, iv);
	hr = umd_escape(device, command, escape, sizeof(*escape));
	if (hr == S_OK && iv) {
		umd_system_from_kernel(system);
		memcpy(iv, escape->iv, IV_SIZE);
	}
	return hr;
}

HRESULT APIENTRY umd_encryption_blt(HANDLE hDevice, const D3DDDIARG_ENCRYPTIONBLT *pData)
{
	struct umd_device *device = umd_device_find_busy(hDevice);
	struct drv_escape_blt own, *escape;
	struct umd_session *session = NULL;
	struct pair pair;
	HRESULT hr;

	if (!device || !pData)
		return E_INVALIDARG;
	hr = umd_session_find(device, device->adapter->caps.caps & D3DCPCAPS_ENCRYPTEDREADBACK, pData->hCryptoSession,
			      &session);
	if (hr != S_OK)
		return hr;
	if (!pData->pIV || !check_pair(device, pData->hSrcResource, pData->SrcSubResourceIndex, pData->hDstResource,
				       pData->DstSubResourceIndex, pData->DstResourceSize, &pair))
		return umd_refuse(device, E_INVALIDARG);

	escape = umd_queue_record(device, &own);
	memset(escape, 0, sizeof(*escape));
	escape->header.session = session->kernel;
	escape->source = pair.protected_surface->allocation;
	escape->destination = pair.system_surface->allocation;
	escape->size = pData->DstResourceSize;

	hr = prepare(device, &pair, escape, /* is_encryption= */ true);
	if (hr != S_OK)
		return umd_refuse(device, hr);
	return transfer(device, DRV_COMMAND_ENCRYPTION_BLT, escape, pair.system_surface, pData->pIV);
}

/* Step 7. */
static bool offers_inputs(const struct umd_device *device, const D3DDDIARG_DECRYPTIONBLT *pData)
{
	const uint32_t caps = device->adapter->caps.caps;

	if (pData->pContentKey && !(caps & D3DCPCAPS_CONTENTKEY))
		return false;
	return !pData->pEncryptedBlockInfo || (caps & D3DCPCAPS_PARTIALDECRYPTION);
}

HRESULT APIENTRY umd_decryption_blt(HANDLE hDevice, const D3DDDIARG_DECRYPTIONBLT *pData)
{
	struct umd_device *device = umd_device_find_busy(hDevice);
	struct drv_escape_blt own, *escape;
	struct umd_session *session = NULL;
	struct pair pair;
	HRESULT hr;

	if (!device || !pData)
		return E_INVALIDARG;
	hr = umd_session_find(device, device->adapter->caps.has_decryption_blt, pData->hCryptoSession, &session);
	if (hr != S_OK)
		return hr;
	if (!pData->pIV)
		return umd_refuse(device, E_INVALIDARG);
	if (!offers_inputs(device, pData))
		return umd_refuse(device, D3DDDIERR_NOTAVAILABLE);
	if (!check_pair(device, pData->hDstResource, pData->DstSubResourceIndex, pData->hSrcResource,
			pData->SrcSubResourceIndex, pData->SrcResourceSize, &pair))
		return umd_refuse(device, E_INVALIDARG);

	escape = umd_queue_record(device, &own);
	memset(escape, 0, sizeof(*escape));
	escape->header.session = session->kernel;
	escape->source = pair.system_surface->allocation;
	escape->destination = pair.protected_surface->allocation;
	escape->size = pData->SrcResourceSize;
	memcpy(escape->iv, pData->pIV, IV_SIZE);
	if (pData->pContentKey) {
		escape->flags |= DRV_BLT_HAS_CONTENT_KEY;
		memcpy(escape->content_key, pData->pContentKey, CONTENT_KEY_SIZE);
	}
	if (pData->pEncryptedBlockInfo) {
		escape->flags |= DRV_BLT_HAS_BLOCK_INFO;
		memcpy(&escape->block_info, pData->pEncryptedBlockInfo, sizeof(escape->block_info));
	}
	if (!check_counter(pData->pEncryptedBlockInfo ? &escape->block_info : NULL, escape->iv,
			   pair.protected_surface->size))
		return umd_refuse(device, E_INVALIDARG);

	hr = prepare(device, &pair, escape, /* is_encryption= */ false);
	if (hr != S_OK)
		return umd_refuse(device, hr);
	if (!(escape->flags & (DRV_BLT_LOCKED | DRV_BLT_NO_MEMORY)))
		umd_system_to_kernel(pair.system_surface);
	return transfer(device, DRV_COMMAND_DECRYPTION_BLT, escape, pair.system_surface, /* iv= */ NULL);
}

HRESULT APIENTRY umd_get_pitch(HANDLE hDevice, D3DDDIARG_GETPITCH *pData)
{
	struct umd_device *device = umd_device_find(hDevice);
	struct drv_escape_pitch escape;
	struct umd_resource *resource;
	struct umd_surface *surface;
	struct umd_session *session = NULL;
	HRESULT hr;

	if (!device || !pData)
		return E_INVALIDARG;
	hr = umd_session_find(device, device->adapter->caps.has_get_pitch, pData->hCryptoSession, &session);
	if (hr != S_OK)
		return hr;
	resource = umd_resource_find(device, pData->hResource);
	surface = resource ? umd_resource_surface(resource, pData->SubResourceIndex) : NULL;
	if (!surface)
		return umd_refuse(device, E_INVALIDARG);

	/* The application's own number, which the kernel half never heard (BLT-89). */
	if (resource->pool == D3DDDIPOOL_SYSTEMMEM) {
		hr = umd_refuse(device, S_OK);
		if (hr == S_OK)
			pData->Pitch = surface->memory_pitch;
		return hr;
	}

	memset(&escape, 0, sizeof(escape));
	escape.header.session = session->kernel;
	escape.allocation = surface->allocation;
	hr = umd_escape_reserved(device, DRV_COMMAND_GET_PITCH, &escape, sizeof(escape));
	if (hr == S_OK)
		pData->Pitch = escape.pitch;
	return hr;
}
