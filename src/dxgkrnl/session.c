/* SPDX-License-Identifier: MIT */
/* Protected sessions: private data, status, the count of losses, and the driver's object behind each. */
#include "dxgkrnl/internal.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SWOLLEN 10000

void dxgk_session_show(struct dxgk_view *view)
{
	const struct dxgk_session *session = (const struct dxgk_session *)view->object;
	struct wire_slot *slot = dxgk_process_slot(view->process, view->handle);

	atomic_store(&slot->value, 0);
	atomic_store(&slot->state, WIRE_SLOT_STATE(WIRE_SLOT_SESSION, session->status));
	atomic_store(&slot->handle, view->handle);
}

void dxgk_session_set_status(struct dxgk_session *session, D3DKMT_PROTECTED_SESSION_STATUS status)
{
	const bool was_good = session->status == D3DKMT_PROTECTED_SESSION_STATUS_OK;
	const bool is_good = status == D3DKMT_PROTECTED_SESSION_STATUS_OK;
	const bool lost = was_good && !is_good;

	session->status = (uint8_t)status;
	session->account->kernel->good_sessions += (uint32_t)is_good - (uint32_t)was_good;
	if (lost)
		session->losses++;
	LIST_FOR_EACH(node, &session->views)
	{
		struct dxgk_view *view = LIST_ENTRY(node, struct dxgk_view, link);

		atomic_store_explicit(&dxgk_process_slot(view->process, view->handle)->state,
				      WIRE_SLOT_STATE(WIRE_SLOT_SESSION, status), memory_order_relaxed);
	}
	/* The value is stored with release order, after every status: who sees it move reads INVALID (KMT-22). */
	if (lost)
		dxgk_fence_count_loss(session->fence);
}

NTSTATUS dxgk_cb_set_protected_session_status(const DXGKARGCB_PROTECTEDSESSIONSTATUS *argument)
{
	struct dxgk_session *session;

	if (!argument || (argument->Status != DXGK_PROTECTED_SESSION_STATUS_OK &&
			  argument->Status != DXGK_PROTECTED_SESSION_STATUS_INVALID))
		return STATUS_INVALID_PARAMETER;
	session = dxgk_session_id_find((uint64_t)(uintptr_t)argument->hProtectedSession);
	/* What is lost with its device or adapter can't be recovered: nobody could bring a new key. */
	if (!session || (session->is_dead && argument->Status == DXGK_PROTECTED_SESSION_STATUS_OK))
		return STATUS_INVALID_PARAMETER;
	dxgk_session_set_status(session, argument->Status == DXGK_PROTECTED_SESSION_STATUS_OK
						 ? D3DKMT_PROTECTED_SESSION_STATUS_OK
						 : D3DKMT_PROTECTED_SESSION_STATUS_INVALID);
	return STATUS_SUCCESS;
}

void dxgk_session_free(struct dxgk_session *session)
{
	struct dxgk_account *account = session->account;
	struct dxgk_kernel *kernel = account->kernel;

	/* Its number goes first: a status reported from inside the driver's call finds nothing (KMT-25). */
	dxgk_session_id_destroy(session->id);
	kernel->driver->DxgkDdiDestroyProtectedSession(kernel->adapter, session->driver_handle);
	list_remove(&session->device_link);
	session->fence->sessions--;
	dxgk_object_unref(&session->fence->object);
	kernel->counts.sessions--;
	kernel->good_sessions -= session->status == D3DKMT_PROTECTED_SESSION_STATUS_OK;
	account->user->sessions--;
	dxgk_account_unref(account);
	free(session);
}

static uint32_t seconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint32_t)now.tv_sec;
}

/* Checks what a client asks for, and makes the object without its driver's half. */
static NTSTATUS session_prepare(struct dxgk_call *call, struct dxgk_device **ret_device, struct dxgk_session **ret)
{
	const struct wire_create_session *request = DXGK_REQUEST(call, wire_create_session);
	struct dxgk_device *device = dxgk_process_get(call->process, request->device, DXGK_DEVICE);
	struct dxgk_view *view = dxgk_process_get(call->process, request->fence, DXGK_FENCE);
	struct dxgk_session *session;
	struct dxgk_fence *fence;
	size_t size;

	if (!device || !view)
		return STATUS_INVALID_PARAMETER;
	fence = (struct dxgk_fence *)view->object;
	if (fence->device != device->id || fence->type != D3DDDI_MONITORED_FENCE)
		return STATUS_INVALID_PARAMETER;
	if (request->driver_size > WIRE_MAX_PRIVATE_DATA || request->runtime_size > WIRE_MAX_PRIVATE_DATA)
		return STATUS_INVALID_PARAMETER;
	size = (size_t)request->driver_size + request->runtime_size;
	if (call->request->size != sizeof(*request) + size)
		return STATUS_INVALID_PARAMETER;

	if (call->process->user->sessions >= call->process->kernel->config.limits.sessions)
		return STATUS_INSUFFICIENT_RESOURCES;

	session = calloc(1, sizeof(*session) + size);
	if (!session)
		return STATUS_NO_MEMORY;
	session->object = (struct dxgk_object) { .kind = DXGK_SESSION, .references = 1 };
	session->account = call->process->account;
	session->created = seconds_now();
	session->device = device->id;
	session->fence = fence;
	session->driver_size = request->driver_size;
	session->runtime_size = request->runtime_size;
	session->status = D3DKMT_PROTECTED_SESSION_STATUS_OK;
	memcpy(session->private_data, request + 1, size);
	list_init(&session->device_link);
	list_init(&session->views);
	*ret_device = device;
	*ret = session;
	return STATUS_SUCCESS;
}

NTSTATUS dxgk_do_create_session(struct dxgk_call *call)
{
	struct dxgk_kernel *kernel = call->process->kernel;
	DXGKARG_CREATEPROTECTEDSESSION argument;
	struct dxgk_session *session;
	struct dxgk_device *device;
	NTSTATUS status;

	status = session_prepare(call, &device, &session);
	if (status != STATUS_SUCCESS)
		return status;
	session->id = dxgk_session_id_create(session);
	if (!session->id) {
		free(session);
		return STATUS_NO_MEMORY;
	}

	argument = (DXGKARG_CREATEPROTECTEDSESSION) {
		.hProtectedSession = (HANDLE)(uintptr_t)session->id,
		.pPrivateDriverData = session->driver_size ? session->private_data : NULL,
		.PrivateDriverDataSize = session->driver_size,
	};
	status = kernel->driver->DxgkDdiCreateProtectedSession(kernel->adapter, &argument);
	if (status != STATUS_SUCCESS) {
		dxgk_session_id_destroy(session->id);
		free(session);
		return status;
	}

	session->driver_handle = argument.hProtectedSession;
	session->fence->sessions++;
	dxgk_object_ref(&session->fence->object);
	session->account->references++;
	session->account->user->sessions++;
	if (!session->account->command[0])
		dxgk_account_read_command(session->account);
	list_append(&device->sessions, &session->device_link);
	kernel->counts.sessions++;
	kernel->good_sessions++;
	if (kernel->counts.sessions >= SWOLLEN)
		kernel->is_swollen = true;

	status = dxgk_reply_view(call, &session->object);
	dxgk_object_unref(&session->object);
	return status;
}

NTSTATUS dxgk_do_destroy_session(struct dxgk_call *call)
{
	return dxgk_release_view(call, DXGK_SESSION);
}

NTSTATUS dxgk_do_query_session(struct dxgk_call *call)
{
	struct wire_query_session *reply;
	struct dxgk_session *session;
	struct dxgk_object *object;
	NTSTATUS status;

	status = dxgk_nt_handle_open(call->process->kernel, call->request->descriptors[0], DXGK_SESSION, &object);
	if (status != STATUS_SUCCESS)
		return status;
	session = (struct dxgk_session *)object;
	reply = DXGK_REPLY(call, wire_query_session);
	reply->driver_size = session->driver_size;
	reply->runtime_size = session->runtime_size;
	dxgk_reply_append(call, session->private_data, (size_t)session->driver_size + session->runtime_size);
	return STATUS_SUCCESS;
}

NTSTATUS dxgk_do_open_session(struct dxgk_call *call)
{
	struct dxgk_object *object;
	NTSTATUS status;

	status = dxgk_nt_handle_open(call->process->kernel, call->request->descriptors[0], DXGK_SESSION, &object);
	if (status != STATUS_SUCCESS)
		return status;
	return dxgk_reply_view(call, object);
}
