/* SPDX-License-Identifier: MIT */
/* Submission rings of devices. */
#include "dxgkrnl/internal.h"

NTSTATUS dxgk_do_create_ring(struct dxgk_call *call)
{
	const struct wire_handle *request = DXGK_REQUEST(call, wire_handle);

	if (!dxgk_process_get(call->process, request->handle, DXGK_DEVICE))
		return STATUS_INVALID_PARAMETER;
	return STATUS_NOT_SUPPORTED;
}
