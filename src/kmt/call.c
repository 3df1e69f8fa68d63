/* SPDX-License-Identifier: MIT */
/* Requests of the most common shapes, and looks at handles. */
#include "kmt/connection.h"

#include <fcntl.h>

bool kmt_device_is_live(D3DKMT_HANDLE device)
{
	struct kmt_connection *connection = kmt_connection_get();
	const struct wire_slot *slot = connection ? kmt_connection_slot(connection, device) : NULL;

	return slot && WIRE_SLOT_KIND(slot->state) == WIRE_SLOT_DEVICE;
}

NTSTATUS kmt_give_up(enum wire_type destroy, D3DKMT_HANDLE handle)
{
	NTSTATUS status = kmt_call_handle(destroy, handle);

	return status == STATUS_DEVICE_REMOVED ? status : STATUS_INSUFFICIENT_RESOURCES;
}

NTSTATUS kmt_finish_new(struct kmt_call *call, enum wire_type destroy, D3DKMT_HANDLE *ret_handle,
			const struct wire_slot **ret_slot)
{
	struct kmt_connection *connection = call->connection;
	const struct wire_slot *slot;
	D3DKMT_HANDLE handle = 0;
	NTSTATUS status;

	status = kmt_transact(call, sizeof(struct wire_handle));
	if (status == STATUS_SUCCESS)
		handle = KMT_REPLY(call, wire_handle)->handle;
	kmt_end(call);
	if (status != STATUS_SUCCESS)
		return status;
	slot = kmt_connection_map_slot(connection, handle);
	if (!slot)
		return kmt_give_up(destroy, handle);
	*ret_handle = handle;
	if (ret_slot)
		*ret_slot = slot;
	return STATUS_SUCCESS;
}

NTSTATUS kmt_call_handle(enum wire_type type, D3DKMT_HANDLE handle)
{
	struct wire_handle *request;
	struct kmt_call call;
	NTSTATUS status;

	request = kmt_begin(&call, type, sizeof(*request));
	if (!request)
		return STATUS_DEVICE_REMOVED;
	request->handle = handle;
	status = kmt_transact(&call, sizeof(struct wire_header));
	kmt_end(&call);
	return status;
}

NTSTATUS kmt_call_create(enum wire_type type, D3DKMT_HANDLE parent, D3DKMT_HANDLE *ret_handle)
{
	struct wire_handle *request;
	struct kmt_call call;
	NTSTATUS status;

	request = kmt_begin(&call, type, sizeof(*request));
	if (!request)
		return STATUS_DEVICE_REMOVED;
	request->handle = parent;
	status = kmt_transact(&call, sizeof(struct wire_handle));
	if (status == STATUS_SUCCESS)
		*ret_handle = KMT_REPLY(&call, wire_handle)->handle;
	kmt_end(&call);
	return status;
}

int kmt_nt_handle_descriptor(HANDLE handle)
{
	intptr_t value = (intptr_t)handle;

	/* 0 is NULL, which is no handle even where it is an open descriptor (KMT-03). */
	if (value <= 0 || value > INT32_MAX || fcntl((int)value, F_GETFD) < 0)
		return -1;
	return (int)value;
}

NTSTATUS kmt_begin_with_nt_handle(struct kmt_call *call, enum wire_type type, size_t size, HANDLE nt_handle, void **ret)
{
	int descriptor = kmt_nt_handle_descriptor(nt_handle);
	void *request;

	if (descriptor < 0)
		return STATUS_INVALID_HANDLE;
	request = kmt_begin(call, type, size);
	if (!request)
		return STATUS_DEVICE_REMOVED;
	kmt_attach(call, descriptor);
	if (ret)
		*ret = request;
	return STATUS_SUCCESS;
}
