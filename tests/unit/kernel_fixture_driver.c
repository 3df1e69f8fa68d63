/* SPDX-License-Identifier: MIT */
/* The recording driver: stands in for ours below the graphics kernel, and tells what it was asked. */
#include "kernel_fixture.h"

#include <stdlib.h>
#include <string.h>

struct ik_recorder ik_recorder;

#define ADAPTER ((HANDLE)&ik_recorder)

struct device {
	int live;
};

struct allocation {
	struct ik_allocation_data data;
	uint8_t *memory;
	int opens;
};

struct opening {
	struct device *device;
	struct allocation *allocation;
};

static void note(char event)
{
	if (ik_recorder.log_size < IK_LOG - 1)
		ik_recorder.log[ik_recorder.log_size++] = event;
}

void ik_log_clear(void)
{
	memset(ik_recorder.log, 0, sizeof(ik_recorder.log));
	ik_recorder.log_size = 0;
}

static void check_adapter(HANDLE adapter)
{
	if (adapter != ADAPTER)
		ik_recorder.bad_adapter = adapter ? adapter : (HANDLE)1;
}

static NTSTATUS start_device(const struct dxgk_interface *interface, void *context, HANDLE *ret)
{
	(void)context;
	ik_recorder.interface = interface;
	*ret = ADAPTER;
	return STATUS_SUCCESS;
}

static void stop_device(HANDLE adapter)
{
	check_adapter(adapter);
	ik_recorder.interface = NULL;
}

static NTSTATUS query_adapter_info(const HANDLE adapter, const DXGKARG_QUERYADAPTERINFO *arg)
{
	check_adapter(adapter);
	return arg->OutputDataSize == 4 ? STATUS_SUCCESS : STATUS_NOT_SUPPORTED;
}

static NTSTATUS create_device(const HANDLE adapter, DXGKARG_CREATEDEVICE *arg)
{
	struct device *device;

	check_adapter(adapter);
	ik_recorder.kernel_device = arg->hDevice;
	ik_recorder.process = arg->hKmdProcess;
	if (ik_recorder.charge_in_create > 0)
		ik_recorder.charged = ik_recorder.interface->ChargeObjects(arg->hDevice, ik_recorder.charge_in_create);
	if (ik_recorder.create_device_status != STATUS_SUCCESS)
		return ik_recorder.create_device_status;
	device = calloc(1, sizeof(*device));
	arg->hDevice = device;
	ik_recorder.devices++;
	note('D');
	return STATUS_SUCCESS;
}

static NTSTATUS destroy_device(const HANDLE device)
{
	note('d');
	ik_recorder.devices--;
	free(device);
	return STATUS_SUCCESS;
}

static NTSTATUS create_allocation(const HANDLE adapter, DXGKARG_CREATEALLOCATION *arg)
{
	check_adapter(adapter);
	if (ik_recorder.create_allocation_status != STATUS_SUCCESS)
		return ik_recorder.create_allocation_status;
	for (UINT i = 0; i < arg->NumAllocations; i++) {
		DXGK_ALLOCATIONINFO *info = &arg->pAllocationInfo[i];
		struct ik_allocation_data data;
		struct allocation *allocation;

		if (info->PrivateDriverDataSize != sizeof(data) || !info->pPrivateDriverData)
			return STATUS_INVALID_PARAMETER;
		memcpy(&data, info->pPrivateDriverData, sizeof(data));
		if (data.visible > 1 || data.size == 0)
			return STATUS_INVALID_PARAMETER;
		allocation = calloc(1, sizeof(*allocation));
		allocation->data = data;
		info->hAllocation = allocation;
		info->Size = (SIZE_T)data.size;
		info->Flags.Value = 0;
		info->Flags.CpuVisible = data.visible;
		ik_recorder.allocations++;
		note('A');
	}
	return STATUS_SUCCESS;
}

static NTSTATUS destroy_allocation(const HANDLE adapter, const DXGKARG_DESTROYALLOCATION *arg)
{
	check_adapter(adapter);
	for (UINT i = 0; i < arg->NumAllocations; i++) {
		struct allocation *allocation = arg->pAllocationList[i];

		if (allocation->opens != 0)
			abort();
		free(allocation);
		ik_recorder.allocations--;
		note('a');
	}
	return STATUS_SUCCESS;
}

static NTSTATUS describe_allocation(const HANDLE adapter, DXGKARG_DESCRIBEALLOCATION *arg)
{
	check_adapter(adapter);
	arg->Width = 16;
	arg->Height = 1;
	arg->Rotation = ik_recorder.rotation;
	return STATUS_SUCCESS;
}

static void *handle_data(D3DKMT_HANDLE object, uint32_t type, uint32_t device_specific)
{
	DXGKARGCB_GETHANDLEDATA arg = { .hObject = object, .Type = (DXGK_HANDLE_TYPE)type };

	arg.Flags.DeviceSpecific = device_specific != 0;
	return ik_recorder.interface->DxgkCbGetHandleData(ik_recorder.interface->DeviceHandle, &arg);
}

static NTSTATUS open_allocation(const HANDLE device, const DXGKARG_OPENALLOCATION *arg)
{
	struct allocation *allocation;
	struct opening *opening;

	if (ik_recorder.open_allocation_status != STATUS_SUCCESS)
		return ik_recorder.open_allocation_status;
	if (arg->NumAllocations != 1)
		abort();
	allocation = handle_data(arg->pOpenAllocation->hAllocation, DXGK_HANDLE_ALLOCATION, 0);
	if (!allocation)
		abort();
	opening = calloc(1, sizeof(*opening));
	opening->device = device;
	opening->allocation = allocation;
	allocation->opens++;
	arg->pOpenAllocation->hDeviceSpecificAllocation = opening;
	ik_recorder.opens++;
	note('O');
	return STATUS_SUCCESS;
}

static NTSTATUS close_allocation(const HANDLE device, const DXGKARG_CLOSEALLOCATION *arg)
{
	for (UINT i = 0; i < arg->NumAllocations; i++) {
		struct opening *opening = arg->pOpenHandleList[i];

		if (opening->device != device)
			abort();
		opening->allocation->opens--;
		free(opening);
		ik_recorder.opens--;
		note('o');
	}
	return STATUS_SUCCESS;
}

static NTSTATUS map_system_memory(HANDLE adapter, HANDLE hAllocation, void *memory, SIZE_T size)
{
	struct allocation *allocation = hAllocation;

	check_adapter(adapter);
	if (ik_recorder.map_status != STATUS_SUCCESS)
		return ik_recorder.map_status;
	if (allocation->memory || size != allocation->data.size)
		abort();
	allocation->memory = memory;
	note('M');
	return STATUS_SUCCESS;
}

static NTSTATUS escape(const HANDLE adapter, const DXGKARG_ESCAPE *arg)
{
	struct ik_escape_data data;
	const void *found;

	check_adapter(adapter);
	note('E');
	if (ik_recorder.escape_status != STATUS_SUCCESS)
		return ik_recorder.escape_status;
	if (arg->PrivateDriverDataSize != sizeof(data))
		return STATUS_INVALID_PARAMETER;
	memcpy(&data, arg->pPrivateDriverData, sizeof(data));
	found = handle_data(data.object, data.type, data.device_specific);
	data.found = found != NULL;
	data.value = 0;
	if (found && data.type == DXGK_HANDLE_ALLOCATION) {
		const struct allocation *allocation = data.device_specific ? ((const struct opening *)found)->allocation
									   : found;

		if (allocation->memory && data.offset < allocation->data.size) {
			if (data.has_value)
				allocation->memory[data.offset] =
					(uint8_t)((struct ik_escape_data *)arg->pPrivateDriverData)->value;
			data.value = allocation->memory[data.offset];
		} else {
			data.value = allocation->data.number;
		}
	} else if (found) {
		data.value = (uint32_t)((const struct ik_session_record *)found - ik_recorder.sessions);
	}
	memcpy(arg->pPrivateDriverData, &data, sizeof(data));
	return STATUS_SUCCESS;
}

static NTSTATUS create_session(const HANDLE adapter, DXGKARG_CREATEPROTECTEDSESSION *arg)
{
	struct ik_session_record *record;

	check_adapter(adapter);
	note('S');
	if (ik_recorder.creates == IK_RECORDS)
		return STATUS_NO_MEMORY;
	record = &ik_recorder.sessions[ik_recorder.creates++];
	*record = (struct ik_session_record) { .kernel = arg->hProtectedSession,
					       .data_size = arg->PrivateDriverDataSize };
	if (arg->PrivateDriverDataSize > 0) {
		record->data = malloc(arg->PrivateDriverDataSize);
		memcpy(record->data, arg->pPrivateDriverData, arg->PrivateDriverDataSize);
	} else if (arg->pPrivateDriverData) {
		abort();
	}
	if (ik_recorder.create_session_status != STATUS_SUCCESS)
		return ik_recorder.create_session_status;
	arg->hProtectedSession = record;
	return STATUS_SUCCESS;
}

static NTSTATUS report(HANDLE session, DXGK_PROTECTED_SESSION_STATUS status)
{
	return ik_recorder.interface->DxgkCbSetProtectedSessionStatus(
		&(DXGKARGCB_PROTECTEDSESSIONSTATUS) { .hProtectedSession = session, .Status = status });
}

static NTSTATUS destroy_session(const HANDLE adapter, HANDLE session)
{
	struct ik_session_record *record = session;

	check_adapter(adapter);
	note('s');
	record->destroys++;
	if (ik_recorder.report_in_destroy)
		ik_recorder.reported_in_destroy = report(record->kernel, DXGK_PROTECTED_SESSION_STATUS_INVALID);
	return STATUS_SUCCESS;
}

static NTSTATUS present(HANDLE device, HANDLE allocation, struct dxgk_picture *picture)
{
	(void)device;
	(void)allocation;
	ik_recorder.picture = *picture;
	note('P');
	return STATUS_SUCCESS;
}

static void lose_keys(HANDLE adapter)
{
	check_adapter(adapter);
	ik_recorder.loses++;
	for (int i = 0; i < ik_recorder.creates && !ik_recorder.forgets_losses; i++)
		if (ik_recorder.sessions[i].destroys == 0)
			(void)report(ik_recorder.sessions[i].kernel, DXGK_PROTECTED_SESSION_STATUS_INVALID);
}

const struct dxgk_driver ik_recording_driver = {
	.StartDevice = start_device,
	.StopDevice = stop_device,
	.DxgkDdiQueryAdapterInfo = query_adapter_info,
	.DxgkDdiCreateDevice = create_device,
	.DxgkDdiDestroyDevice = destroy_device,
	.DxgkDdiCreateAllocation = create_allocation,
	.DxgkDdiDestroyAllocation = destroy_allocation,
	.DxgkDdiDescribeAllocation = describe_allocation,
	.DxgkDdiOpenAllocation = open_allocation,
	.DxgkDdiCloseAllocation = close_allocation,
	.DxgkDdiEscape = escape,
	.DxgkDdiCreateProtectedSession = create_session,
	.DxgkDdiDestroyProtectedSession = destroy_session,
	.MapSystemMemory = map_system_memory,
	.Present = present,
	.LoseKeys = lose_keys,
};

NTSTATUS ik_report(struct ik *ik, HANDLE kernel_session, DXGK_PROTECTED_SESSION_STATUS status)
{
	NTSTATUS answer;

	(void)ik_acquire(ik);
	answer = report(kernel_session, status);
	ik_release(ik);
	return answer;
}

bool ik_is_alive(struct ik *ik, UINT64 process)
{
	bool alive;

	ik_settle(ik);
	(void)ik_acquire(ik);
	alive = ik_recorder.interface->IsProcessAlive(ik_recorder.interface->DeviceHandle, (HANDLE)(uintptr_t)process);
	ik_release(ik);
	return alive;
}

void ik_recorder_clear(void)
{
	for (int i = 0; i < ik_recorder.creates; i++)
		free(ik_recorder.sessions[i].data);
	memset(&ik_recorder, 0, sizeof(ik_recorder));
}
