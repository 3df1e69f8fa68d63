/* SPDX-License-Identifier: MIT */
/* The keys of a crypto session: key exchange, refresh, read-back key. */
#include "kmd/kmd_internal.h"

#include <errno.h>
#include <string.h>

HRESULT kmd_result(int r)
{
	switch (r) {
	case 0:
		return S_OK;
	case -ENOMEM:
		return E_OUTOFMEMORY;
	case -EBADMSG:
	case -EAGAIN: /* no leaf yet, so no blob for it */
		return E_INVALIDARG;
	default:
		return E_FAIL;
	}
}

/* With a name, in work. -EIO: the slot is empty. */
static int load_spare(struct kmd_session *session, const uint8_t bytes[GPU_KEY_SIZE])
{
	int r = gpu_key_set(session->spare, bytes);

	if (r == 0)
		r = gpu_key_name(session->spare, session->secrets->work);
	if (r < 0) {
		gpu_key_clear(session->spare);
		gpu_wipe(session->secrets->work, GPU_KEY_SIZE);
	}
	return r;
}

/* The new key waits in the spare slot; the old one is wiped. */
static void swap_spare(struct gpu_key **slot, struct gpu_key **spare)
{
	struct gpu_key *old = *slot;

	*slot = *spare;
	*spare = old;
	gpu_key_clear(old);
}

/* The same for the session key, with its name. */
static void swap_session_key(struct kmd_session *session)
{
	swap_spare(&session->key, &session->spare);
	memcpy(session->secrets->name, session->secrets->work, GPU_BLOCK_SIZE);
	gpu_wipe(session->secrets->work, GPU_KEY_SIZE);
}

static int reserve_key(struct gpu_key **slot)
{
	return *slot ? 0 : gpu_key_reserve(slot);
}

/* All that the refresh and the read-back key will need, so that they cannot run out of memory (CS-07). */
static int reserve_slots(struct kmd_session *session)
{
	int r = reserve_key(&session->key);

	if (r == 0)
		r = reserve_key(&session->readback);
	if (r == 0)
		r = reserve_key(&session->spare);
	return r;
}

static void drop_pending(struct kmd_session *session)
{
	gpu_wipe(session->secrets->pending, GPU_KEY_SIZE);
	session->has_pending = false;
}

static int unwrap(const struct kmd_adapter *adapter, const uint8_t *blob, uint8_t ret[GPU_KEY_SIZE])
{
	const struct dxgk_interface *kernel = adapter->kernel;
	int r;

	kernel->Unlock(kernel->DeviceHandle);
	r = gpu_identity_unwrap(adapter->config.identity, GPU_LEAF_SESSION, blob, ret, GPU_KEY_SIZE);
	kernel->Lock(kernel->DeviceHandle);
	return r;
}

HRESULT kmd_key_exchange(struct kmd_session *session, struct drv_escape_key_exchange *escape)
{
	struct kmd_adapter *adapter = session->adapter;
	uint8_t *bytes;
	int r;

	if (!session->secrets)
		session->secrets = gpu_secret_alloc(sizeof(*session->secrets));
	if (!session->secrets)
		return E_OUTOFMEMORY;
	r = reserve_slots(session);
	if (r < 0)
		return kmd_result(r);
	bytes = gpu_secret_alloc(GPU_KEY_SIZE);
	if (!bytes)
		return E_OUTOFMEMORY;

	/* The same order and the same work for every bad blob (CS-33). Blts under the old key go on meanwhile. */
	r = unwrap(adapter, escape->blob, bytes);
	kmd_session_settle(session);
	if (r == 0)
		r = load_spare(session, bytes);
	gpu_secret_free(bytes);
	if (r < 0)
		return kmd_result(r);

	/* The new number cuts the tie of every surface that an earlier exchange wrote (CS-38). */
	swap_session_key(session);
	gpu_key_clear(session->readback);
	drop_pending(session);
	session->exchange = ++adapter->exchanges_made;
	kmd_session_seal(session);
	kmd_session_recover(session);
	return S_OK;
}

HRESULT kmd_start_refresh(struct kmd_session *session, struct drv_escape_key *escape)
{
	int r;

	if (!kmd_session_has_key(session))
		return D3DDDIERR_INVALIDCALL;

	r = gpu_random(session->secrets->work, GPU_KEY_SIZE);
	if (r < 0)
		return E_FAIL;

	memcpy(session->secrets->pending, session->secrets->work, GPU_KEY_SIZE);
	memcpy(escape->value, session->secrets->work, GPU_KEY_SIZE);
	gpu_wipe(session->secrets->work, GPU_KEY_SIZE);
	session->has_pending = true;
	return S_OK;
}

HRESULT kmd_finish_refresh(struct kmd_session *session)
{
	struct kmd_secrets *secrets = session->secrets;
	const uint8_t *old;
	int r;

	if (!kmd_session_has_key(session) || !session->has_pending)
		return D3DDDIERR_INVALIDCALL;

	old = gpu_key_bytes(session->key);
	for (size_t i = 0; i < GPU_KEY_SIZE; i++)
		secrets->work[i] = old[i] ^ secrets->pending[i];
	r = load_spare(session, secrets->work);
	if (r < 0)
		return E_FAIL;

	/* Neither the read-back key (CS-58) nor the tie of surfaces (BLT-123) depends on the session key. */
	swap_session_key(session);
	drop_pending(session);
	return S_OK;
}

HRESULT kmd_get_readback_key(struct kmd_session *session, struct drv_escape_key *escape)
{
	uint8_t wrapped[GPU_KEY_SIZE];
	int r;

	if (!kmd_session_has_key(session))
		return D3DDDIERR_INVALIDCALL;

	r = gpu_random(session->secrets->work, GPU_KEY_SIZE);
	if (r == 0)
		r = gpu_key_set(session->spare, session->secrets->work);
	if (r == 0)
		r = gpu_key_wrap(session->key, session->secrets->work, wrapped);
	gpu_wipe(session->secrets->work, GPU_KEY_SIZE);
	if (r < 0) {
		gpu_key_clear(session->spare);
		return E_FAIL;
	}

	swap_spare(&session->readback, &session->spare);
	memcpy(escape->value, wrapped, GPU_KEY_SIZE);
	return S_OK;
}
