/* SPDX-License-Identifier: MIT */
/* The one adapter: how it is found, opened, and what may be asked of it. */
#include "dxgkrnl/internal.h"

#include <string.h>

/* Any value will do that no other adapter of the machine has; a client never makes one up. */
#define ADAPTER_LUID_LOW 0x44585631u

#define DRIVER_DESCRIPTION L"dxvault software GPU for protected content"
#define USER_MODE_DRIVER   L"libdxvault-umd.so"

/* Every answer has the size of its structure, and no other is taken. */
#define ANSWER(type, ...)                                \
	do {                                             \
		const type answer = __VA_ARGS__;         \
                                                         \
		if (size != sizeof(answer))              \
			return STATUS_INVALID_PARAMETER; \
		memcpy(data, &answer, sizeof(answer));   \
		return STATUS_SUCCESS;                   \
	} while (0)

/* What is the graphics kernel's to answer. data holds the question where there is one. */
static NTSTATUS adapter_answer(const struct dxgk_kernel *kernel, uint32_t type, void *data, size_t size)
{
	D3DKMT_QUERY_DEVICE_IDS ids;

	switch (type) {
	case KMTQAITYPE_ADAPTERTYPE:
	case KMTQAITYPE_ADAPTERTYPE_RENDER:
		ANSWER(D3DKMT_ADAPTERTYPE, { .RenderSupported = 1, .SoftwareDevice = 1 });
	case KMTQAITYPE_PHYSICALADAPTERCOUNT:
		ANSWER(D3DKMT_PHYSICAL_ADAPTER_COUNT, { .Count = 1 });
	case KMTQAITYPE_PHYSICALADAPTERDEVICEIDS:
		if (size != sizeof(ids))
			return STATUS_INVALID_PARAMETER;
		memcpy(&ids, data, sizeof(ids));
		if (ids.PhysicalAdapterIndex != 0)
			return STATUS_INVALID_PARAMETER;
		/* No PCI device: every id is zero. */
		ANSWER(D3DKMT_QUERY_DEVICE_IDS, { .PhysicalAdapterIndex = 0 });
	case KMTQAITYPE_DRIVER_DESCRIPTION:
		ANSWER(D3DKMT_DRIVER_DESCRIPTION, { .DriverDescription = DRIVER_DESCRIPTION });
	case KMTQAITYPE_UMDRIVERNAME:
		/* One driver, whichever version of Direct3D the question names. */
		ANSWER(D3DKMT_UMDFILENAMEINFO, { .UmdFileName = USER_MODE_DRIVER });
	case KMTQAITYPE_WDDM_2_7_CAPS:
		ANSWER(D3DKMT_WDDM_2_7_CAPS, { .Value = 0 });
	case KMTQAITYPE_HWDRM_SUPPORT:
		/* Software protection, and never a claim of more. */
		ANSWER(D3DKMT_HWDRM_SUPPORT, { .Supported = FALSE });
	case KMTQAITYPE_QUERY_HW_PROTECTION_TEARDOWN_COUNT:
		ANSWER(UINT, kernel->counts.teardowns);
	default:
		return STATUS_NOT_SUPPORTED;
	}
}

NTSTATUS dxgk_do_enum_adapters(struct dxgk_call *call)
{
	struct wire_adapter *reply = DXGK_REPLY(call, wire_adapter);

	reply->luid_low = ADAPTER_LUID_LOW;
	return STATUS_SUCCESS;
}

NTSTATUS dxgk_do_open_adapter(struct dxgk_call *call)
{
	const struct wire_adapter *request = DXGK_REQUEST(call, wire_adapter);
	struct dxgk_process *process = call->process;
	struct wire_handle *reply;
	uint32_t handle;

	if (request->luid_low != ADAPTER_LUID_LOW || request->luid_high != 0)
		return STATUS_INVALID_PARAMETER;
	handle = dxgk_process_reserve_handle(process, /* slot= */ false);
	if (!handle)
		return STATUS_INSUFFICIENT_RESOURCES;
	dxgk_handle_set(&process->handles, handle, DXGK_ADAPTER, process->kernel);
	reply = DXGK_REPLY(call, wire_handle);
	reply->handle = handle;
	return STATUS_SUCCESS;
}

NTSTATUS dxgk_do_close_adapter(struct dxgk_call *call)
{
	const struct wire_handle *request = DXGK_REQUEST(call, wire_handle);

	if (!dxgk_process_get_to_release(call->process, request->handle, DXGK_ADAPTER))
		return STATUS_INVALID_PARAMETER;
	dxgk_process_release_handle(call->process, request->handle);
	return STATUS_SUCCESS;
}

NTSTATUS dxgk_do_query_adapter_info(struct dxgk_call *call)
{
	const struct wire_query_adapter_info *request = DXGK_REQUEST(call, wire_query_adapter_info);
	struct dxgk_kernel *kernel = call->process->kernel;
	struct wire_query_adapter_info *reply;
	DXGKARG_QUERYADAPTERINFO argument;
	NTSTATUS status;

	if (!dxgk_process_get(call->process, request->adapter, DXGK_ADAPTER))
		return STATUS_INVALID_PARAMETER;
	if (call->request->size != sizeof(*request) + request->size ||
	    request->size > WIRE_MAX_MESSAGE - sizeof(*reply))
		return STATUS_INVALID_PARAMETER;

	reply = DXGK_REPLY(call, wire_query_adapter_info);
	reply->size = request->size;
	/* What the driver does not write comes back as it went in. */
	dxgk_reply_append(call, request + 1, request->size);
	if (request->type != KMTQAITYPE_UMDRIVERPRIVATE)
		return adapter_answer(kernel, request->type, reply + 1, request->size);
	argument = (DXGKARG_QUERYADAPTERINFO) {
		.Type = DXGKQAITYPE_UMDRIVERPRIVATE,
		.pInputData = (void *)(request + 1),
		.InputDataSize = request->size,
		.pOutputData = reply + 1,
		.OutputDataSize = request->size,
	};
	status = kernel->driver->DxgkDdiQueryAdapterInfo(kernel->adapter, &argument);
	return status == STATUS_BUFFER_TOO_SMALL ? STATUS_INVALID_PARAMETER : status;
}
