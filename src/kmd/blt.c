/* SPDX-License-Identifier: MIT */
/* EncryptionBlt and DecryptionBlt: the checks in the order of BLT-120, and what a transfer leaves behind. */
#include "kmd/kmd_internal.h"

#include <string.h>

/* Pitches are multiples of the block, so the pattern and the counter never meet a tail (BLT-85). */
_Static_assert(DRV_PITCH_ALIGNMENT % GPU_BLOCK_SIZE == 0, "pitch");
_Static_assert(DRV_BLOCK_ALIGNMENT % GPU_BLOCK_SIZE == 0, "block");

static uint64_t load_be64(const uint8_t bytes[8])
{
	uint64_t value = 0;

	for (size_t i = 0; i < 8; i++)
		value = value << 8 | bytes[i];
	return value;
}

static void store_be64(uint8_t bytes[8], uint64_t value)
{
	for (size_t i = 8; i-- > 0; value >>= 8)
		bytes[i] = (uint8_t)value;
}

/* Step 9: pool, protection, kind, multisample, size and format agreement. */
static bool is_pair(const struct kmd_allocation *protected, const struct kmd_allocation *system)
{
	if (!kmd_allocation_is_protected(protected) || kmd_allocation_is_system(protected))
		return false;
	if (!drv_surface_blt_kind(protected->info.flags, protected->info.multisample))
		return false;
	if (!kmd_allocation_is_system(system) || !system->memory)
		return false;
	return protected->info.width == system->info.width && protected->info.height == system->info.height &&
	       protected->info.format == system->info.format;
}

/* Step 10. The layout is that of the protected surface: exactly its linear bytes are touched (BLT-28, BLT-63). */
static bool is_size(const struct kmd_allocation *protected, uint32_t size)
{
	return size % DRV_BLOCK_ALIGNMENT == 0 && size >= protected->size;
}

static bool is_aligned(uint32_t value)
{
	return value % DRV_BLOCK_ALIGNMENT == 0;
}

/* Step 11, the first half (BLT-72, BLT-73). */
static bool is_block_info(const D3DDDIENCRYPTED_BLOCK_INFO *info, uint64_t size)
{
	return is_aligned(info->NumEncryptedBytesAtBeginning) && is_aligned(info->NumBytesInSkipPattern) &&
	       is_aligned(info->NumBytesInEncryptPattern) && info->NumEncryptedBytesAtBeginning <= size;
}

/* Whether Count passes 2^64 before the last encrypted block (BLT-04, BLT-77). */
static bool counter_overflows(uint64_t count, uint64_t blocks)
{
	return blocks > 0 && count > UINT64_MAX - (blocks - 1);
}

/* Step 13: written through this session under its present exchange, or never written at all (BLT-123). */
static bool may_read(const struct kmd_session *session, const struct kmd_tie *tie)
{
	if (tie->session == 0)
		return true;
	return tie->session == session->number && tie->exchange == session->exchange;
}

/* The first IV number of a session is random and leaves 2^63 to come (BLT-22). */
static HRESULT first_readback_iv(uint64_t *ret)
{
	uint64_t iv;

	if (gpu_random(&iv, sizeof(iv)) < 0)
		return E_FAIL;
	*ret = iv & INT64_MAX;
	return S_OK;
}

static HRESULT begin_encryption(struct kmd_transfer *ret, struct kmd_session *session, struct kmd_allocation *source,
				struct kmd_allocation *destination, const struct drv_escape_blt *escape)
{
	if (!source || !destination || !is_pair(source, destination) || !is_size(source, escape->size))
		return E_INVALIDARG;
	if (!kmd_session_has_key(session) || !gpu_key_is_set(session->readback))
		return D3DDDIERR_INVALIDCALL;
	if (!may_read(session, &source->tie))
		return E_ACCESSDENIED;
	if ((escape->flags & DRV_BLT_LOCKED) || source->locks > 0)
		return D3DDDIERR_INVALIDCALL;
	if (escape->flags & DRV_BLT_NO_MEMORY)
		return E_OUTOFMEMORY;

	if (!session->has_readback_iv) {
		HRESULT hr = first_readback_iv(&session->readback_iv);

		if (hr != S_OK)
			return hr;
		session->has_readback_iv = true;
	}

	*ret = (struct kmd_transfer) {
		.session = session,
		.source = source,
		.destination = destination,
		.key = session->readback,
		.size = source->size,
	};
	/*
	 * The number is used up before the first byte leaves: should the engine fail half-way, the client may have seen
	 * some of the key stream, and another picture must not meet it (the one exception to BLT-24).
	 */
	store_be64(ret->iv, session->readback_iv++);
	return S_OK;
}

/* From work to the spare slot, and no longer anywhere else. */
static int take_content_key(const struct kmd_transfer *transfer)
{
	struct kmd_secrets *secrets = transfer->session->secrets;
	int r = gpu_key_set(transfer->key, secrets->work);

	gpu_wipe(secrets->work, sizeof(secrets->work));
	return r < 0 ? r : gpu_key_name(transfer->key, secrets->content_name);
}

/* Steps 14 to 16, with the name of the key that the data is encrypted with. */
static HRESULT reserve(struct kmd_transfer *transfer, const struct drv_escape_blt *escape)
{
	struct kmd_session *session = transfer->session;

	if ((escape->flags & DRV_BLT_LOCKED) || transfer->destination->locks > 0)
		return D3DDDIERR_INVALIDCALL;
	if (transfer->key == session->spare && take_content_key(transfer) < 0)
		return E_FAIL;
	if (!kmd_history_allows(&session->history, transfer->name, load_be64(transfer->iv)))
		return D3DDDIERR_INVALIDCALL;
	if ((escape->flags & DRV_BLT_NO_MEMORY) || kmd_history_reserve(&session->history) < 0)
		return E_OUTOFMEMORY;
	return S_OK;
}

/* The content key was for this one call (BLT-81). */
static void drop_content_key(const struct kmd_transfer *transfer)
{
	struct kmd_session *session = transfer->session;

	if (transfer->key != session->spare)
		return;
	gpu_key_clear(session->spare);
	gpu_wipe(session->secrets->work, GPU_KEY_SIZE);
	gpu_wipe(session->secrets->content_name, GPU_BLOCK_SIZE);
}

static HRESULT begin_decryption(struct kmd_transfer *ret, struct kmd_session *session, struct kmd_allocation *source,
				struct kmd_allocation *destination, const struct drv_escape_blt *escape)
{
	const uint32_t caps = session->adapter->config.caps;
	const bool has_content_key = escape->flags & DRV_BLT_HAS_CONTENT_KEY;
	const bool has_block_info = escape->flags & DRV_BLT_HAS_BLOCK_INFO;
	const D3DDDIENCRYPTED_BLOCK_INFO *info = &escape->block_info;
	struct gpu_pattern pattern;
	uint64_t blocks;
	HRESULT hr;

	if (has_content_key && !(caps & D3DCPCAPS_CONTENTKEY))
		return D3DDDIERR_NOTAVAILABLE;
	if (has_block_info && !(caps & D3DCPCAPS_PARTIALDECRYPTION))
		return D3DDDIERR_NOTAVAILABLE;

	if (!source || !destination || !is_pair(destination, source) || !is_size(destination, escape->size))
		return E_INVALIDARG;

	if (has_block_info && !is_block_info(info, destination->size))
		return E_INVALIDARG;
	pattern = (struct gpu_pattern) {
		.first = info->NumEncryptedBytesAtBeginning,
		.skip = info->NumBytesInSkipPattern,
		.encrypt = info->NumBytesInEncryptPattern,
	};
	blocks = gpu_pattern_blocks(has_block_info ? &pattern : NULL, destination->size);
	if (counter_overflows(load_be64(escape->iv + 8), blocks))
		return E_INVALIDARG;

	if (!kmd_session_has_key(session))
		return D3DDDIERR_INVALIDCALL;
	/* The present session key unwraps it (BLT-82). */
	if (has_content_key && gpu_key_unwrap(session->key, escape->content_key, session->secrets->work) < 0)
		return E_FAIL;

	*ret = (struct kmd_transfer) {
		.session = session,
		.source = source,
		.destination = destination,
		.key = has_content_key ? session->spare : session->key,
		.name = has_content_key ? session->secrets->content_name : session->secrets->name,
		.pattern = pattern,
		.has_pattern = has_block_info,
		.size = destination->size,
	};
	memcpy(ret->iv, escape->iv, sizeof(ret->iv));
	hr = reserve(ret, escape);
	if (hr != S_OK)
		drop_content_key(ret);
	return hr;
}

HRESULT kmd_blt_begin(struct kmd_transfer *ret, struct kmd_session *session, struct kmd_allocation *source,
		      struct kmd_allocation *destination, const struct drv_escape_blt *escape)
{
	if (escape->header.command == DRV_COMMAND_ENCRYPTION_BLT)
		return begin_encryption(ret, session, source, destination, escape);
	return begin_decryption(ret, session, source, destination, escape);
}

HRESULT kmd_blt_finish(struct kmd_transfer *transfer, int r, struct drv_escape_blt *escape)
{
	struct kmd_session *session = transfer->session;

	if (!transfer->name) {
		if (r < 0)
			return E_FAIL;
		memcpy(escape->iv, transfer->iv, sizeof(escape->iv));
		return S_OK;
	}
	if (r < 0) {
		/* What the engine left belongs to nobody. The one refusal that changes something (CS-06). */
		kmd_allocation_wipe(transfer->destination);
	} else {
		kmd_history_record(&session->history, transfer->name, load_be64(transfer->iv));
		kmd_allocation_tie(transfer->destination, session);
	}
	drop_content_key(transfer);
	return r < 0 ? E_FAIL : S_OK;
}
