/* SPDX-License-Identifier: MIT */
/* Monitored fences: made and signalled by the service, read in this process; kmt/wait.c waits for them. */
#include "kmt/connection.h"
#include "kmt/entry.h"

static VOID *value_address(const struct wire_slot *slot)
{
	return (VOID *)(uintptr_t)&slot->value;
}

NTSTATUS APIENTRY kmt_create_synchronization_object2(D3DKMT_CREATESYNCHRONIZATIONOBJECT2 *arg)
{
	struct wire_create_fence *request;
	const struct wire_slot *slot;
	struct kmt_call call;
	NTSTATUS status;

	if (!arg)
		return STATUS_INVALID_PARAMETER;
	request = kmt_begin(&call, WIRE_CREATE_FENCE, sizeof(*request));
	if (!request)
		return STATUS_DEVICE_REMOVED;
	request->device = arg->hDevice;
	request->type = (uint32_t)arg->Info.Type;
	request->flags = arg->Info.Flags.Value;
	request->value = arg->Info.Type == D3DDDI_MONITORED_FENCE ? arg->Info.MonitoredFence.InitialFenceValue
								  : arg->Info.Fence.FenceValue;
	status = kmt_finish_new(&call, WIRE_DESTROY_FENCE, &arg->hSyncObject, &slot);
	if (status != STATUS_SUCCESS)
		return status;
	arg->Info.SharedHandle = 0;
	if (arg->Info.Type == D3DDDI_MONITORED_FENCE) {
		arg->Info.MonitoredFence.FenceValueCPUVirtualAddress = value_address(slot);
		arg->Info.MonitoredFence.FenceValueGPUVirtualAddress = 0;
	}
	return STATUS_SUCCESS;
}

NTSTATUS APIENTRY kmt_destroy_synchronization_object(CONST D3DKMT_DESTROYSYNCHRONIZATIONOBJECT *arg)
{
	if (!arg)
		return STATUS_INVALID_PARAMETER;
	return kmt_call_handle(WIRE_DESTROY_FENCE, arg->hSyncObject);
}

NTSTATUS APIENTRY kmt_open_sync_object_from_nt_handle2(D3DKMT_OPENSYNCOBJECTFROMNTHANDLE2 *arg)
{
	const struct wire_slot *slot;
	struct kmt_call call;
	NTSTATUS status;
	void *request;

	if (!arg)
		return STATUS_INVALID_PARAMETER;
	status = kmt_begin_with_nt_handle(&call, WIRE_OPEN_FENCE, sizeof(struct wire_handle), arg->hNtHandle, &request);
	if (status != STATUS_SUCCESS)
		return status;
	((struct wire_handle *)request)->handle = arg->hDevice;
	status = kmt_finish_new(&call, WIRE_DESTROY_FENCE, &arg->hSyncObject, &slot);
	if (status != STATUS_SUCCESS)
		return status;
	arg->MonitoredFence.FenceValueCPUVirtualAddress = value_address(slot);
	arg->MonitoredFence.FenceValueGPUVirtualAddress = 0;
	return STATUS_SUCCESS;
}

NTSTATUS APIENTRY kmt_signal_synchronization_object_from_cpu(CONST D3DKMT_SIGNALSYNCHRONIZATIONOBJECTFROMCPU *arg)
{
	struct wire_signal_fences *request;
	struct kmt_call call;
	NTSTATUS status;

	if (!arg || arg->ObjectCount == 0 || arg->ObjectCount > D3DDDI_MAX_OBJECT_SIGNALED || !arg->ObjectHandleArray ||
	    !arg->FenceValueArray)
		return STATUS_INVALID_PARAMETER;
	request = kmt_begin(&call, WIRE_SIGNAL_FENCES, sizeof(*request));
	if (!request)
		return STATUS_DEVICE_REMOVED;
	request->device = arg->hDevice;
	request->count = arg->ObjectCount;
	for (UINT i = 0; i < arg->ObjectCount; i++) {
		request->signals[i].fence = arg->ObjectHandleArray[i];
		request->signals[i].value = arg->FenceValueArray[i];
	}
	status = kmt_transact(&call, sizeof(struct wire_header));
	kmt_end(&call);
	return status;
}
