/* SPDX-License-Identifier: MIT */
/* How protected content is lost: keys, teardown, one session, the whole adapter (KMT-24). */
#include "dxgkrnl/internal.h"
#include "util/log.h"

void dxgk_loss_begin(struct dxgk_kernel *kernel)
{
	kernel->holds_fences = true;
}

void dxgk_loss_end(struct dxgk_kernel *kernel)
{
	const struct dxgk_session *session;
	uint32_t place = 0;

	kernel->holds_fences = false;
	while (kernel->moved_fences > 0 && (session = dxgk_session_id_next(kernel, &place, UINT32_MAX)) != NULL)
		dxgk_fence_show_losses(session->fence);
}

/* A driver that forgot one must not leave it at OK. */
static void invalidate_all(struct dxgk_kernel *kernel, bool is_dead)
{
	struct dxgk_session *session;
	uint32_t place = 0;

	while ((is_dead || kernel->good_sessions > 0) &&
	       (session = dxgk_session_id_next(kernel, &place, UINT32_MAX)) != NULL) {
		if (session->status == D3DKMT_PROTECTED_SESSION_STATUS_OK)
			dxgk_session_set_status(session, D3DKMT_PROTECTED_SESSION_STATUS_INVALID);
		session->is_dead |= is_dead;
	}
}

uint32_t dxgk_lose_keys_locked(struct dxgk_kernel *kernel)
{
	uint32_t good = kernel->good_sessions;

	/* A driver whose wiping ends in a teardown comes back here. */
	if (kernel->is_losing)
		return 0;
	kernel->is_losing = true;
	dxgk_loss_begin(kernel);
	kernel->driver->LoseKeys(kernel->adapter);
	invalidate_all(kernel, /* is_dead= */ false);
	dxgk_loss_end(kernel);
	kernel->is_losing = false;
	return good;
}

bool dxgk_has_slept(struct dxgk_kernel *kernel)
{
	if (!kernel->has_slept && kernel->config.has_slept)
		kernel->has_slept = kernel->config.has_slept(kernel->config.context);
	return kernel->has_slept;
}

void dxgk_lose_after_sleep(struct dxgk_kernel *kernel)
{
	if (!dxgk_has_slept(kernel))
		return;
	kernel->has_slept = false;
	log_warning("resume: lost_sessions=%u", dxgk_lose_keys_locked(kernel));
}

uint32_t dxgk_teardown_locked(struct dxgk_kernel *kernel)
{
	kernel->counts.teardowns++;
	return dxgk_lose_keys_locked(kernel);
}

void dxgk_cb_teardown(HANDLE handle)
{
	(void)dxgk_teardown_locked(handle);
}

void dxgk_lose_session(struct dxgk_session *session)
{
	const struct dxgk_kernel *kernel = session->account->kernel;

	if (kernel->driver->LoseSessionKeys)
		kernel->driver->LoseSessionKeys(kernel->adapter, session->driver_handle);
	dxgk_session_set_status(session, D3DKMT_PROTECTED_SESSION_STATUS_INVALID);
}

void dxgk_stop(struct dxgk_kernel *kernel)
{
	dxgk_enter(kernel);
	(void)dxgk_lose_keys_locked(kernel);
	kernel->is_stopping = true;
	dxgk_leave(kernel);
}

uint32_t dxgk_remove_device_locked(struct dxgk_kernel *kernel)
{
	uint32_t good = kernel->good_sessions;

	/* First what the sessions say, then their handles: a waiter that wakes reads INVALID (KMT-22). */
	(void)dxgk_lose_keys_locked(kernel);
	invalidate_all(kernel, /* is_dead= */ true);
	dxgk_nt_handles_remove(kernel);
	LIST_FOR_EACH(node, &kernel->processes)
	dxgk_process_remove(LIST_ENTRY(node, struct dxgk_process, link));
	return good;
}

/* ---- for those who do not hold the lock -------------------------------------------------------------- */

static uint32_t with_lock(struct dxgk_kernel *kernel, uint32_t (*lose)(struct dxgk_kernel *kernel))
{
	uint32_t lost;

	dxgk_enter(kernel);
	lost = lose(kernel);
	dxgk_leave(kernel);
	return lost;
}

uint32_t dxgk_lose_keys(struct dxgk_kernel *kernel)
{
	return with_lock(kernel, dxgk_lose_keys_locked);
}

uint32_t dxgk_teardown(struct dxgk_kernel *kernel)
{
	return with_lock(kernel, dxgk_teardown_locked);
}

uint32_t dxgk_remove_device(struct dxgk_kernel *kernel)
{
	return with_lock(kernel, dxgk_remove_device_locked);
}
