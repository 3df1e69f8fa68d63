/* SPDX-License-Identifier: MIT */
/* What the operator of the service may ask: who holds which session, and that content be lost. */
#include "dxgkrnl/internal.h"

#include <string.h>
#include <time.h>

/* Places of sessions that one request looks at, whoever they belong to: no answer keeps the others waiting for long. */
#define PLACES_LIMIT 16384

static uint32_t count_views(const struct dxgk_session *session)
{
	/* Each local handle and each NT handle is one reference, and nothing else is between requests. */
	return session->object.references - session->nt_handles;
}

static void describe(const struct dxgk_session *session, uint32_t now, struct wire_session_item *ret)
{
	const struct dxgk_account *account = session->account;
	const struct dxgk_kernel *kernel = account->kernel;

	*ret = (struct wire_session_item) {
		.session = session->id,
		.device = session->device,
		.process_id = (uint32_t)account->pid,
		.user = account->user->id,
		.status = session->status,
		.losses = session->losses,
		.age = now - session->created,
		.local_handles = count_views(session),
		.nt_handles = session->nt_handles,
	};
	memcpy(ret->command, account->command, sizeof(ret->command));
	if (kernel->driver->DescribeSession)
		kernel->driver->DescribeSession(kernel->adapter, session->driver_handle, ret->crypto,
						sizeof(ret->crypto));
	ret->crypto[sizeof(ret->crypto) - 1] = '\0';
}

NTSTATUS dxgk_do_list_sessions(struct dxgk_call *call)
{
	const struct wire_list_sessions *request = DXGK_REQUEST(call, wire_list_sessions);
	const struct dxgk_kernel *kernel = call->process->kernel;
	struct wire_list_sessions *reply;
	const struct dxgk_session *session;
	uint32_t left = PLACES_LIMIT;
	struct timespec now;
	uint32_t place;

	if (!dxgk_process_is_operator(call->process))
		return STATUS_ACCESS_DENIED;
	if (request->cursor > UINT32_MAX)
		return STATUS_INVALID_PARAMETER;

	clock_gettime(CLOCK_BOOTTIME, &now);
	place = (uint32_t)request->cursor;
	reply = DXGK_REPLY(call, wire_list_sessions);
	while (reply->count < WIRE_MAX_LISTED && left > 0) {
		uint32_t before = place;
		struct wire_session_item item;

		session = dxgk_session_id_next(kernel, &place, left);
		if (!session)
			break;
		left -= place - before;
		describe(session, (uint32_t)now.tv_sec, &item);
		dxgk_reply_append(call, &item, sizeof(item));
		reply->count++;
	}
	reply->cursor = dxgk_session_id_more(place) ? place : 0;
	return STATUS_SUCCESS;
}

NTSTATUS dxgk_do_invalidate(struct dxgk_call *call)
{
	const struct wire_invalidate *request = DXGK_REQUEST(call, wire_invalidate);
	struct dxgk_kernel *kernel = call->process->kernel;
	struct dxgk_session *session = NULL;
	struct wire_invalidate *reply;
	uint32_t lost;

	if (!dxgk_process_is_operator(call->process))
		return STATUS_ACCESS_DENIED;
	if (request->loss == WIRE_LOSS_SESSION) {
		session = dxgk_session_id_find(request->session);
		if (!session || session->account->kernel != kernel)
			return STATUS_INVALID_PARAMETER;
	} else if (request->session != 0) {
		return STATUS_INVALID_PARAMETER;
	}

	switch (request->loss) {
	case WIRE_LOSS_SESSION:
		/* -Wanalyzer-null-dereference: with this loss it was found above */
		lost = session->status == D3DKMT_PROTECTED_SESSION_STATUS_OK;
		dxgk_lose_session(session);
		break;
	case WIRE_LOSS_KEYS:
		lost = dxgk_lose_keys_locked(kernel);
		break;
	case WIRE_LOSS_TEARDOWN:
		lost = dxgk_teardown_locked(kernel);
		break;
	case WIRE_LOSS_DEVICE:
		lost = dxgk_remove_device_locked(kernel);
		break;
	default:
		return STATUS_INVALID_PARAMETER;
	}
	reply = DXGK_REPLY(call, wire_invalidate);
	reply->lost = lost;
	return STATUS_SUCCESS;
}
