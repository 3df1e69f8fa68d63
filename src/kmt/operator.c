/* SPDX-License-Identifier: MIT */
/* The operator's requests: who holds which session, that content be lost, and who composes the desktop. */
#include "kmt/connection.h"

#include <assert.h>
#include <dxvault/dxvault.h>
#include <string.h>

static void session_info(const struct wire_session_item *item, DXVAULT_SESSION_INFO *ret)
{
	*ret = (DXVAULT_SESSION_INFO) {
		.Session = item->session,
		.Device = item->device,
		.ProcessId = item->process_id,
		.User = item->user,
		.Status = (D3DKMT_PROTECTED_SESSION_STATUS)item->status,
		.Losses = item->losses,
		.Age = item->age,
		.LocalHandles = item->local_handles,
		.NtHandles = item->nt_handles,
	};
	memcpy(ret->Command, item->command, sizeof(ret->Command) - 1);
	memcpy(ret->CryptoType, item->crypto, sizeof(ret->CryptoType) - 1);
}

static_assert(sizeof(((DXVAULT_SESSION_INFO *)NULL)->Command) == sizeof(((struct wire_session_item *)NULL)->command),
	      "names have the same room");
static_assert(sizeof(((DXVAULT_SESSION_INFO *)NULL)->CryptoType) == sizeof(((struct wire_session_item *)NULL)->crypto),
	      "types have the same room");
static_assert((int)DXVAULT_LISTED_SESSIONS == (int)WIRE_MAX_LISTED, "a whole answer fits");
static_assert((int)DXVAULT_LOSS_SESSION == (int)WIRE_LOSS_SESSION && (int)DXVAULT_LOSS_KEYS == (int)WIRE_LOSS_KEYS &&
		      (int)DXVAULT_LOSS_TEARDOWN == (int)WIRE_LOSS_TEARDOWN &&
		      (int)DXVAULT_LOSS_DEVICE == (int)WIRE_LOSS_DEVICE,
	      "losses are numbered alike");

NTSTATUS APIENTRY DxvaultListSessions(UINT64 *pCursor, DXVAULT_SESSION_INFO *pSessions, UINT *pCount)
{
	const struct wire_list_sessions *reply;
	struct wire_list_sessions *request;
	struct kmt_call call;
	NTSTATUS status;

	if (!pCursor || !pSessions || !pCount || *pCount < DXVAULT_LISTED_SESSIONS)
		return STATUS_INVALID_PARAMETER;
	request = kmt_begin(&call, WIRE_LIST_SESSIONS, sizeof(*request));
	if (!request)
		return STATUS_DEVICE_REMOVED;
	request->cursor = *pCursor;
	status = kmt_transact(&call, sizeof(*reply));
	reply = KMT_REPLY(&call, wire_list_sessions);
	if (status == STATUS_SUCCESS) {
		const struct wire_session_item *items = (const void *)(reply + 1);
		UINT count = reply->count;

		if (count > DXVAULT_LISTED_SESSIONS || call.reply->size != sizeof(*reply) + count * sizeof(*items)) {
			status = STATUS_UNSUCCESSFUL;
		} else {
			for (UINT i = 0; i < count; i++)
				session_info(&items[i], &pSessions[i]);
			*pCount = count;
			*pCursor = reply->cursor;
		}
	}
	kmt_end(&call);
	return status;
}

NTSTATUS APIENTRY DxvaultInvalidate(DXVAULT_LOSS loss, UINT64 session, UINT *pLost)
{
	struct wire_invalidate *request;
	struct kmt_call call;
	NTSTATUS status;

	request = kmt_begin(&call, WIRE_INVALIDATE, sizeof(*request));
	if (!request)
		return STATUS_DEVICE_REMOVED;
	request->loss = (uint32_t)loss;
	request->session = session;
	status = kmt_transact(&call, sizeof(*request));
	if (status == STATUS_SUCCESS && pLost)
		*pLost = KMT_REPLY(&call, wire_invalidate)->lost;
	kmt_end(&call);
	return status;
}

NTSTATUS APIENTRY DxvaultDesignateCompositor(UINT64 token)
{
	struct wire_designate_compositor *request;
	struct kmt_call call;
	NTSTATUS status;

	request = kmt_begin(&call, WIRE_DESIGNATE_COMPOSITOR, sizeof(*request));
	if (!request)
		return STATUS_DEVICE_REMOVED;
	request->token = token;
	status = kmt_transact(&call, sizeof(struct wire_header));
	kmt_end(&call);
	return status;
}
