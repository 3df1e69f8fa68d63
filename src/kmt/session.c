/* SPDX-License-Identifier: MIT */
/* Protected sessions. */
#include "kmt/connection.h"
#include "kmt/entry.h"

#include <stdatomic.h>
#include <string.h>

/* Looked at before the pointers are: a block full of garbage touches no memory (KMT-04). */
static bool blob_is_good(const void *data, UINT size)
{
	return size <= WIRE_MAX_PRIVATE_DATA && (size == 0 || data);
}

NTSTATUS APIENTRY kmt_create_protected_session(D3DKMT_CREATEPROTECTEDSESSION *arg)
{
	struct wire_create_session *request;
	struct kmt_call call;

	if (!arg || !blob_is_good(arg->pPrivateDriverData, arg->PrivateDriverDataSize) ||
	    !blob_is_good(arg->pPrivateRuntimeData, arg->PrivateRuntimeDataSize))
		return STATUS_INVALID_PARAMETER;
	request = kmt_begin(&call, WIRE_CREATE_SESSION, sizeof(*request));
	if (!request)
		return STATUS_DEVICE_REMOVED;
	request->device = arg->hDevice;
	request->fence = arg->hSyncObject;
	request->driver_size = arg->PrivateDriverDataSize;
	request->runtime_size = arg->PrivateRuntimeDataSize;
	kmt_append(&call, arg->pPrivateDriverData, arg->PrivateDriverDataSize);
	kmt_append(&call, arg->pPrivateRuntimeData, arg->PrivateRuntimeDataSize);
	return kmt_finish_new(&call, WIRE_DESTROY_SESSION, &arg->hHandle, /* ret_slot= */ NULL);
}

NTSTATUS APIENTRY kmt_destroy_protected_session(D3DKMT_DESTROYPROTECTEDSESSION *arg)
{
	if (!arg)
		return STATUS_INVALID_PARAMETER;
	return kmt_call_handle(WIRE_DESTROY_SESSION, arg->hHandle);
}

NTSTATUS APIENTRY kmt_query_protected_session_status(D3DKMT_QUERYPROTECTEDSESSIONSTATUS *arg)
{
	struct kmt_connection *connection;
	const struct wire_slot *slot;
	uint32_t state;

	if (!arg)
		return STATUS_INVALID_PARAMETER;
	/* A block of zeros is refused without a service (KMT-02). */
	connection = arg->hHandle ? kmt_connection_get() : NULL;
	slot = connection ? kmt_connection_slot(connection, arg->hHandle) : NULL;
	if (!slot)
		return STATUS_INVALID_PARAMETER;
	state = atomic_load_explicit(&slot->state, memory_order_acquire);
	/* The handle may have been destroyed, and its slot used again, since it was looked up. */
	if (WIRE_SLOT_KIND(state) != WIRE_SLOT_SESSION || slot->handle != arg->hHandle)
		return STATUS_INVALID_PARAMETER;
	/* Nobody writes the page of a service that is gone, and with it went the keys. */
	arg->Status = kmt_connection_is_lost(connection) ? D3DKMT_PROTECTED_SESSION_STATUS_INVALID
							 : (D3DKMT_PROTECTED_SESSION_STATUS)WIRE_SLOT_STATUS(state);
	return STATUS_SUCCESS;
}

NTSTATUS APIENTRY kmt_query_protected_session_info_from_nt_handle(D3DKMT_QUERYPROTECTEDSESSIONINFOFROMNTHANDLE *arg)
{
	const struct wire_query_session *reply;
	struct kmt_call call;
	NTSTATUS status;

	if (!arg)
		return STATUS_INVALID_PARAMETER;
	status = kmt_begin_with_nt_handle(&call, WIRE_QUERY_SESSION, sizeof(struct wire_header), arg->hNtHandle, NULL);
	if (status != STATUS_SUCCESS)
		return status;
	status = kmt_transact(&call, sizeof(*reply));
	reply = KMT_REPLY(&call, wire_query_session);
	if (status == STATUS_SUCCESS) {
		const uint8_t *driver_data = (const uint8_t *)(reply + 1);

		if (call.reply->size - sizeof(*reply) != (size_t)reply->driver_size + reply->runtime_size) {
			kmt_end(&call);
			return STATUS_DEVICE_REMOVED;
		}
		if ((arg->pPrivateDriverData && arg->PrivateDriverDataSize < reply->driver_size) ||
		    (arg->pPrivateRuntimeData && arg->PrivateRuntimeDataSize < reply->runtime_size)) {
			status = STATUS_BUFFER_TOO_SMALL;
		} else {
			if (arg->pPrivateDriverData)
				memcpy((void *)(uintptr_t)arg->pPrivateDriverData, driver_data, reply->driver_size);
			if (arg->pPrivateRuntimeData)
				memcpy((void *)(uintptr_t)arg->pPrivateRuntimeData, driver_data + reply->driver_size,
				       reply->runtime_size);
		}
		/* Both sizes come back in either case (KMT-62). */
		arg->PrivateDriverDataSize = reply->driver_size;
		arg->PrivateRuntimeDataSize = reply->runtime_size;
	}
	kmt_end(&call);
	return status;
}

NTSTATUS APIENTRY kmt_open_protected_session_from_nt_handle(D3DKMT_OPENPROTECTEDSESSIONFROMNTHANDLE *arg)
{
	struct kmt_call call;
	NTSTATUS status;

	if (!arg)
		return STATUS_INVALID_PARAMETER;
	status = kmt_begin_with_nt_handle(&call, WIRE_OPEN_SESSION, sizeof(struct wire_header), arg->hNtHandle, NULL);
	if (status != STATUS_SUCCESS)
		return status;
	return kmt_finish_new(&call, WIRE_DESTROY_SESSION, &arg->hHandle, /* ret_slot= */ NULL);
}
