/* SPDX-License-Identifier: MIT */
/* Adapters and devices. */
#include "kmt/connection.h"
#include "kmt/entry.h"
#include "kmt/memory.h"
#include "kmt/rings.h"

#include <string.h>
#include <time.h>
#include <sys/mman.h>
#include <unistd.h>

/* How often, and how long, a service that is still starting is asked again. */
enum { NOT_READY_MS = 2, NOT_READY_LIMIT_MS = 30000 };

static NTSTATUS adapter_find(LUID *ret_luid)
{
	struct kmt_call call;
	NTSTATUS status;

	if (!kmt_begin(&call, WIRE_ENUM_ADAPTERS, sizeof(struct wire_header)))
		return STATUS_DEVICE_REMOVED;
	status = kmt_transact(&call, sizeof(struct wire_adapter));
	if (status == STATUS_SUCCESS) {
		ret_luid->LowPart = KMT_REPLY(&call, wire_adapter)->luid_low;
		ret_luid->HighPart = KMT_REPLY(&call, wire_adapter)->luid_high;
	}
	kmt_end(&call);
	return status;
}

static NTSTATUS adapter_open(const LUID *luid, D3DKMT_HANDLE *ret_handle)
{
	struct wire_adapter *request;
	struct kmt_call call;
	NTSTATUS status;

	request = kmt_begin(&call, WIRE_OPEN_ADAPTER, sizeof(*request));
	if (!request)
		return STATUS_DEVICE_REMOVED;
	request->luid_low = luid->LowPart;
	request->luid_high = luid->HighPart;
	status = kmt_transact(&call, sizeof(struct wire_handle));
	if (status == STATUS_SUCCESS)
		*ret_handle = KMT_REPLY(&call, wire_handle)->handle;
	kmt_end(&call);
	return status;
}

/*
 * Whether there is memory at an address. Nothing else in a block of garbage would give its pointer away (KMT-04): there is
 * no handle in it, and any number of adapters is a good one. The call asks for nothing to be done.
 */
static bool memory_is_mapped(const void *address, size_t size)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	uintptr_t begin = (uintptr_t)address & ~(page - 1);

	return msync((void *)begin, (uintptr_t)address + size - begin, MS_ASYNC) == 0;
}

/* There is one adapter. Where there is room for it, it comes back open. */
static NTSTATUS adapters_list(ULONG *count, D3DKMT_ADAPTERINFO *adapters)
{
	D3DKMT_ADAPTERINFO info = { 0 };
	NTSTATUS status;

	if (adapters && *count == 0)
		return STATUS_BUFFER_TOO_SMALL;
	if (adapters && !memory_is_mapped(adapters, sizeof(*adapters)))
		return STATUS_INVALID_PARAMETER;
	status = adapter_find(&info.AdapterLuid);
	if (status != STATUS_SUCCESS)
		return status;
	if (adapters) {
		status = adapter_open(&info.AdapterLuid, &info.hAdapter);
		if (status != STATUS_SUCCESS)
			return status;
		adapters[0] = info;
	}
	*count = 1;
	return STATUS_SUCCESS;
}

NTSTATUS APIENTRY kmt_enum_adapters2(CONST D3DKMT_ENUMADAPTERS2 *arg)
{
	if (!arg)
		return STATUS_INVALID_PARAMETER;
	/* The type is constant as published, and NumAdapters an output all the same. */
	return adapters_list((ULONG *)(uintptr_t)&arg->NumAdapters, arg->pAdapters);
}

NTSTATUS APIENTRY kmt_enum_adapters3(D3DKMT_ENUMADAPTERS3 *arg)
{
	if (!arg)
		return STATUS_INVALID_PARAMETER;
	return adapters_list(&arg->NumAdapters, arg->pAdapters);
}

NTSTATUS APIENTRY kmt_open_adapter_from_luid(D3DKMT_OPENADAPTERFROMLUID *arg)
{
	if (!arg)
		return STATUS_INVALID_PARAMETER;
	return adapter_open(&arg->AdapterLuid, &arg->hAdapter);
}

NTSTATUS APIENTRY kmt_close_adapter(CONST D3DKMT_CLOSEADAPTER *arg)
{
	if (!arg)
		return STATUS_INVALID_PARAMETER;
	return kmt_call_handle(WIRE_CLOSE_ADAPTER, arg->hAdapter);
}

static NTSTATUS query_once(CONST D3DKMT_QUERYADAPTERINFO *arg)
{
	struct wire_query_adapter_info *request;
	struct kmt_call call;
	NTSTATUS status;
	size_t size = arg->PrivateDriverDataSize;

	request = kmt_begin(&call, WIRE_QUERY_ADAPTER_INFO, sizeof(*request));
	if (!request)
		return STATUS_DEVICE_REMOVED;
	request->adapter = arg->hAdapter;
	request->type = (uint32_t)arg->Type;
	request->size = (uint32_t)size;
	kmt_append(&call, arg->pPrivateDriverData, size);
	status = kmt_transact(&call, sizeof(*request) + size);
	if (status == STATUS_SUCCESS)
		memcpy(arg->pPrivateDriverData, KMT_REPLY(&call, wire_query_adapter_info) + 1, size);
	kmt_end(&call);
	return status;
}

NTSTATUS APIENTRY kmt_query_adapter_info(CONST D3DKMT_QUERYADAPTERINFO *arg)
{
	NTSTATUS status;

	if (!arg || !arg->pPrivateDriverData || arg->PrivateDriverDataSize > WIRE_MAX_PRIVATE_DATA)
		return STATUS_INVALID_PARAMETER;
	/* A service that has just started makes its keys, and serves others meanwhile; whoever needs one waits here. */
	for (unsigned int waited_ms = 0;; waited_ms += NOT_READY_MS) {
		status = query_once(arg);
		if (status != STATUS_DEVICE_NOT_READY || waited_ms >= NOT_READY_LIMIT_MS)
			return status;
		nanosleep(&(struct timespec) { .tv_nsec = NOT_READY_MS * 1000000L }, NULL);
	}
}

NTSTATUS APIENTRY kmt_create_device(D3DKMT_CREATEDEVICE *arg)
{
	D3DKMT_HANDLE device;
	NTSTATUS status;

	if (!arg)
		return STATUS_INVALID_PARAMETER;
	status = kmt_call_create(WIRE_CREATE_DEVICE, arg->hAdapter, &device);
	if (status != STATUS_SUCCESS)
		return status;
	if (!kmt_connection_map_slot(kmt_connection_get(), device))
		return kmt_give_up(WIRE_DESTROY_DEVICE, device);
	arg->hDevice = device;
	arg->pCommandBuffer = NULL;
	arg->CommandBufferSize = 0;
	arg->pAllocationList = NULL;
	arg->AllocationListSize = 0;
	arg->pPatchLocationList = NULL;
	arg->PatchLocationListSize = 0;
	return STATUS_SUCCESS;
}

NTSTATUS APIENTRY kmt_destroy_device(CONST D3DKMT_DESTROYDEVICE *arg)
{
	NTSTATUS status;

	if (!arg)
		return STATUS_INVALID_PARAMETER;
	kmt_rings_drain(arg->hDevice);
	status = kmt_call_handle(WIRE_DESTROY_DEVICE, arg->hDevice);
	if (status == STATUS_SUCCESS) {
		kmt_rings_forget(arg->hDevice);
		kmt_resources_forget(arg->hDevice);
	}
	return status;
}

NTSTATUS APIENTRY kmt_get_device_state(D3DKMT_GETDEVICESTATE *arg)
{
	struct wire_device_state *request;
	struct kmt_call call;
	NTSTATUS status;

	if (!arg)
		return STATUS_INVALID_PARAMETER;
	request = kmt_begin(&call, WIRE_GET_DEVICE_STATE, sizeof(*request));
	if (!request)
		return STATUS_DEVICE_REMOVED;
	request->device = arg->hDevice;
	request->type = (uint32_t)arg->StateType;
	status = kmt_transact(&call, sizeof(*request));
	if (status == STATUS_SUCCESS)
		arg->ExecutionState = (D3DKMT_DEVICEEXECUTION_STATE)KMT_REPLY(&call, wire_device_state)->value;
	kmt_end(&call);
	return status;
}

NTSTATUS APIENTRY kmt_create_context_virtual(D3DKMT_CREATECONTEXTVIRTUAL *arg)
{
	/* There is one node with one engine. The driver takes no private data, but garbage is garbage. */
	if (!arg || arg->NodeOrdinal != 0 || arg->EngineAffinity > 1 ||
	    arg->PrivateDriverDataSize > WIRE_MAX_PRIVATE_DATA ||
	    (arg->PrivateDriverDataSize > 0 && !arg->pPrivateDriverData))
		return STATUS_INVALID_PARAMETER;
	return kmt_call_create(WIRE_CREATE_CONTEXT, arg->hDevice, &arg->hContext);
}

NTSTATUS APIENTRY kmt_destroy_context(CONST D3DKMT_DESTROYCONTEXT *arg)
{
	if (!arg)
		return STATUS_INVALID_PARAMETER;
	return kmt_call_handle(WIRE_DESTROY_CONTEXT, arg->hContext);
}

static NTSTATUS escape_by_message(CONST D3DKMT_ESCAPE *arg)
{
	size_t size = arg->PrivateDriverDataSize;
	struct wire_escape *request;
	struct kmt_call call;
	NTSTATUS status;

	request = kmt_begin(&call, WIRE_ESCAPE, sizeof(*request));
	if (!request)
		return STATUS_DEVICE_REMOVED;
	request->adapter = arg->hAdapter;
	request->device = arg->hDevice;
	request->context = arg->hContext;
	request->type = (uint32_t)arg->Type;
	request->flags = arg->Flags.Value;
	request->size = (uint32_t)size;
	kmt_append(&call, arg->pPrivateDriverData, size);
	status = kmt_transact(&call, sizeof(*request) + size);
	if (status == STATUS_SUCCESS && size > 0)
		memcpy(arg->pPrivateDriverData, KMT_REPLY(&call, wire_escape) + 1, size);
	kmt_end(&call);
	return status;
}

static NTSTATUS escape(CONST D3DKMT_ESCAPE *arg, bool waits)
{
	NTSTATUS status;

	if (!arg || arg->PrivateDriverDataSize > WIRE_MAX_PRIVATE_DATA ||
	    (arg->PrivateDriverDataSize > 0 && !arg->pPrivateDriverData))
		return STATUS_INVALID_PARAMETER;
	return kmt_rings_escape(arg, waits, &status) ? status : escape_by_message(arg);
}

NTSTATUS APIENTRY kmt_escape(CONST D3DKMT_ESCAPE *arg)
{
	return escape(arg, /* waits= */ true);
}

NTSTATUS APIENTRY kmt_queue_escape(CONST D3DKMT_ESCAPE *arg)
{
	return escape(arg, /* waits= */ false);
}

NTSTATUS APIENTRY kmt_present(D3DKMT_PRESENT *arg)
{
	struct wire_present *request;
	struct kmt_call call;
	NTSTATUS status;

	/* A whole surface goes to the screen, and nothing to another allocation. */
	if (!arg || arg->hDestination || arg->SubRectCnt > 0 || arg->BroadcastContextCount > 0)
		return STATUS_INVALID_PARAMETER;
	request = kmt_begin(&call, WIRE_PRESENT, sizeof(*request));
	if (!request)
		return STATUS_DEVICE_REMOVED;
	request->context = arg->hContext;
	request->source_id = arg->VidPnSourceId;
	request->allocation = arg->hSource;
	request->count = arg->Flags.PresentCountValid ? arg->PresentCount : 0;
	request->duration = arg->Flags.DurationValid ? arg->Duration : 1;
	request->flags = (arg->Flags.Flip ? WIRE_PRESENT_FLIP : 0u) |
			 (arg->Flags.SrcRectValid ? WIRE_PRESENT_SOURCE : 0u) |
			 (arg->Flags.DstRectValid ? WIRE_PRESENT_DESTINATION : 0u);
	request->source = (struct wire_rectangle) { arg->SrcRect.left, arg->SrcRect.top, arg->SrcRect.right,
						    arg->SrcRect.bottom };
	request->destination = (struct wire_rectangle) { arg->DstRect.left, arg->DstRect.top, arg->DstRect.right,
							 arg->DstRect.bottom };
	status = kmt_transact(&call, sizeof(struct wire_header));
	kmt_end(&call);
	return status;
}
