/* SPDX-License-Identifier: MIT */
/* A graphics kernel in this process, with a driver that records or the real one, and processes that are connections. */
#include "kernel_fixture.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- the recording driver ------------------------------------------------------------------------- */

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
	(void)picture;
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

	(void)kmt_in_process_acquire(ik->mode);
	answer = report(kernel_session, status);
	kmt_in_process_release(ik->mode);
	return answer;
}

static void recorder_clear(void)
{
	for (int i = 0; i < ik_recorder.creates; i++)
		free(ik_recorder.sessions[i].data);
	memset(&ik_recorder, 0, sizeof(ik_recorder));
}

/* ---- the kernel ------------------------------------------------------------------------------------ */

static struct gpu_identity *identity;

struct gpu_identity *ik_identity(void)
{
	struct gpu_bytes key, certificate;

	if (identity)
		return identity;
	assert_int_equal(gpu_memory_start(GPU_MEMORY_PLAIN, GPU_MEMORY_SECRET), 0);
	assert_int_equal(gpu_root_create(&key, &certificate), 0);
	assert_int_equal(gpu_identity_start(&key, &certificate, &identity), 0);
	gpu_secret_free(key.data);
	gpu_secret_free(certificate.data);
	return identity;
}

int ik_group_teardown(void **state)
{
	(void)state;
	gpu_identity_stop(identity);
	identity = NULL;
	recorder_clear();
	return 0;
}

int ik_open_descriptors(void)
{
	DIR *folder = opendir("/proc/self/fd");
	int count = 0;

	assert_non_null(folder);
	while (readdir(folder))
		count++;
	closedir(folder);
	return count;
}

static NTSTATUS show_picture(void *context, const struct dxgk_picture *picture)
{
	struct ik *ik = context;
	size_t rows = picture->format == (D3DDDIFORMAT)D3DDDIFMT_NV12 ? (picture->height + 1) / 2 * 3 : picture->height;

	ik->screen.shown++;
	ik->screen.picture = *picture;
	free(ik->screen.bytes);
	ik->screen.size = picture->pitch * rows;
	ik->screen.bytes = malloc(ik->screen.size);
	memcpy(ik->screen.bytes, picture->memory, ik->screen.size);
	return ik->screen.status;
}

static void root_certificate(void *context, const uint8_t **ret, size_t *ret_size)
{
	(void)context;
	gpu_identity_root(ik_identity(), ret, ret_size);
}

struct ik *ik_start(const struct ik_options *options)
{
	static const struct ik_options usual;
	struct dxgk_limits unset = { 0 };
	struct dxgk_config config = { .driver = &ik_recording_driver };
	struct ik *ik = calloc(1, sizeof(*ik));
	struct dxgk_kernel *kernel;
	struct kmd_config driver;

	assert_non_null(ik);
	if (!options)
		options = &usual;
	recorder_clear();
	config.limits = options->limits;
	if (memcmp(&config.limits, &unset, sizeof(unset)) == 0)
		dxgk_limits_default(&config.limits);
	if (options->real_driver) {
		kmd_config_default(&driver);
		driver.protected_memory_size = config.limits.protected_bytes;
		driver.identity = ik_identity();
		config.driver = &kmd_driver;
		config.driver_context = &driver;
		config.root_certificate = root_certificate;
	}
	ik->descriptors = ik_open_descriptors();
	if (!options->no_screen)
		config.show_picture = show_picture;
	config.context = ik;
	assert_int_equal(dxgk_kernel_create(&config, &kernel), 0);
	ik->mode = kmt_in_process_create(kernel);
	assert_non_null(ik->mode);
	return ik;
}

void ik_stop(struct ik *ik)
{
	struct dxgk_counts counts;

	for (size_t i = 0; i < ik->process_count; i++)
		kmt_connection_destroy(ik->processes[i]);
	kmt_connection_set(NULL);
	counts = ik_counts(ik);
	counts.teardowns = 0;
	assert_memory_equal(&counts, &(struct dxgk_counts) { 0 }, sizeof(counts));
	kmt_in_process_destroy(ik->mode);
	assert_int_equal(ik_recorder.devices, 0);
	assert_int_equal(ik_recorder.allocations, 0);
	assert_int_equal(ik_recorder.opens, 0);
	assert_null(ik_recorder.bad_adapter);
	for (int i = 0; i < ik_recorder.creates; i++)
		assert_true(ik_recorder.sessions[i].destroys <= 1);
	assert_int_equal(ik_open_descriptors(), ik->descriptors);
	free(ik->screen.bytes);
	free(ik);
}

struct kmt_connection *ik_process_of(struct ik *ik, uid_t user)
{
	struct kmt_connection *process = kmt_in_process_connect(ik->mode, user, getpid());

	if (!process)
		return NULL;
	assert_true(ik->process_count < sizeof(ik->processes) / sizeof(ik->processes[0]));
	ik->processes[ik->process_count++] = process;
	kmt_connection_set(process);
	return process;
}

struct kmt_connection *ik_process(struct ik *ik)
{
	struct kmt_connection *process = ik_process_of(ik, IK_USER);

	assert_non_null(process);
	return process;
}

void ik_kill(struct ik *ik, struct kmt_connection *process)
{
	for (size_t i = 0; i < ik->process_count; i++) {
		if (ik->processes[i] != process)
			continue;
		ik->processes[i] = ik->processes[--ik->process_count];
		kmt_connection_destroy(process);
		return;
	}
	fail_msg("no such process");
}

struct dxgk_counts ik_counts(struct ik *ik)
{
	struct dxgk_kernel *kernel = kmt_in_process_acquire(ik->mode);
	struct dxgk_counts counts = { 0 };

	if (kernel) {
		dxgk_collect(kernel);
		dxgk_counts(kernel, &counts);
	}
	kmt_in_process_release(ik->mode);
	return counts;
}

void ik_assert_empty(struct ik *ik)
{
	struct dxgk_counts counts = ik_counts(ik);

	counts.processes = 0;
	counts.teardowns = 0;
	assert_memory_equal(&counts, &(struct dxgk_counts) { 0 }, sizeof(counts));
}

void ik_lose_keys(struct ik *ik)
{
	dxgk_lose_keys(kmt_in_process_acquire(ik->mode));
	kmt_in_process_release(ik->mode);
}

/* ---- entries ---------------------------------------------------------------------------------------- */

D3DKMT_HANDLE ik_adapter(void)
{
	D3DKMT_ADAPTERINFO info[2] = { 0 };
	D3DKMT_ENUMADAPTERS2 list = { .NumAdapters = 2, .pAdapters = info };

	assert_int_equal(D3DKMTEnumAdapters2(&list), STATUS_SUCCESS);
	assert_int_equal(list.NumAdapters, 1);
	return info[0].hAdapter;
}

D3DKMT_HANDLE ik_device(void)
{
	D3DKMT_CREATEDEVICE arg = { .hAdapter = ik_adapter() };

	assert_int_equal(D3DKMTCreateDevice(&arg), STATUS_SUCCESS);
	return arg.hDevice;
}

D3DKMT_HANDLE ik_fence_with(D3DKMT_HANDLE device, uint64_t value, bool shared, const volatile uint64_t **ret_value)
{
	D3DKMT_CREATESYNCHRONIZATIONOBJECT2 arg = { .hDevice = device, .Info = { .Type = D3DDDI_MONITORED_FENCE } };

	arg.Info.Flags.Shared = shared;
	arg.Info.Flags.NtSecuritySharing = shared;
	arg.Info.MonitoredFence.InitialFenceValue = value;
	assert_int_equal(D3DKMTCreateSynchronizationObject2(&arg), STATUS_SUCCESS);
	if (ret_value)
		*ret_value = arg.Info.MonitoredFence.FenceValueCPUVirtualAddress;
	return arg.hSyncObject;
}

D3DKMT_HANDLE ik_fence(D3DKMT_HANDLE device)
{
	return ik_fence_with(device, 0, /* shared= */ true, NULL);
}

NTSTATUS ik_create_session(D3DKMT_HANDLE device, D3DKMT_HANDLE fence, const void *driver, UINT driver_size,
			   const void *runtime, UINT runtime_size, D3DKMT_HANDLE *ret)
{
	D3DKMT_CREATEPROTECTEDSESSION arg = {
		.hDevice = device,
		.hSyncObject = fence,
		.pPrivateDriverData = driver,
		.PrivateDriverDataSize = driver_size,
		.pPrivateRuntimeData = runtime,
		.PrivateRuntimeDataSize = runtime_size,
		.hHandle = 0xdeadbeef,
	};
	NTSTATUS status = D3DKMTCreateProtectedSession(&arg);

	if (status == STATUS_SUCCESS && ret)
		*ret = arg.hHandle;
	else if (status != STATUS_SUCCESS)
		assert_int_equal(arg.hHandle, 0xdeadbeef); /* KMT-05 */
	return status;
}

D3DKMT_HANDLE ik_session(D3DKMT_HANDLE device, D3DKMT_HANDLE fence)
{
	D3DKMT_HANDLE session = 0;

	assert_int_equal(ik_create_session(device, fence, NULL, 0, NULL, 0, &session), STATUS_SUCCESS);
	return session;
}

NTSTATUS ik_destroy_session(D3DKMT_HANDLE session)
{
	return D3DKMTDestroyProtectedSession(&(D3DKMT_DESTROYPROTECTEDSESSION) { .hHandle = session });
}

NTSTATUS ik_query_status(D3DKMT_HANDLE session, D3DKMT_PROTECTED_SESSION_STATUS *ret)
{
	D3DKMT_QUERYPROTECTEDSESSIONSTATUS arg = { .hHandle = session, .Status = (D3DKMT_PROTECTED_SESSION_STATUS)77 };
	NTSTATUS status = D3DKMTQueryProtectedSessionStatus(&arg);

	if (status == STATUS_SUCCESS)
		*ret = arg.Status;
	else
		assert_int_equal(arg.Status, 77); /* KMT-05 */
	return status;
}

NTSTATUS ik_share_with(D3DKMT_HANDLE object, DWORD access, int *ret)
{
	HANDLE handle = (HANDLE)(intptr_t)-77;
	NTSTATUS status = D3DKMTShareObjects(1, &object, NULL, access, &handle);

	if (status == STATUS_SUCCESS)
		*ret = (int)(intptr_t)handle;
	else
		assert_int_equal((intptr_t)handle, -77); /* KMT-05 */
	return status;
}

int ik_share(D3DKMT_HANDLE object)
{
	int nt_handle = -1;

	assert_int_equal(ik_share_with(object, GENERIC_ALL, &nt_handle), STATUS_SUCCESS);
	return nt_handle;
}

NTSTATUS ik_try_open_session(int nt_handle, D3DKMT_HANDLE *ret)
{
	D3DKMT_OPENPROTECTEDSESSIONFROMNTHANDLE arg = { .hNtHandle = IK_HANDLE(nt_handle), .hHandle = 0xdeadbeef };
	NTSTATUS status = D3DKMTOpenProtectedSessionFromNtHandle(&arg);

	if (status == STATUS_SUCCESS && ret)
		*ret = arg.hHandle;
	else if (status != STATUS_SUCCESS)
		assert_int_equal(arg.hHandle, 0xdeadbeef);
	return status;
}

D3DKMT_HANDLE ik_open_session(int nt_handle)
{
	D3DKMT_HANDLE session = 0;

	assert_int_equal(ik_try_open_session(nt_handle, &session), STATUS_SUCCESS);
	return session;
}

NTSTATUS ik_open_fence(D3DKMT_HANDLE device, int nt_handle, D3DKMT_HANDLE *ret, const volatile uint64_t **ret_value)
{
	D3DKMT_OPENSYNCOBJECTFROMNTHANDLE2 arg = { .hDevice = device, .hNtHandle = IK_HANDLE(nt_handle) };
	NTSTATUS status = D3DKMTOpenSyncObjectFromNtHandle2(&arg);

	if (status != STATUS_SUCCESS) {
		assert_int_equal(arg.hSyncObject, 0);
		return status;
	}
	*ret = arg.hSyncObject;
	if (ret_value)
		*ret_value = arg.MonitoredFence.FenceValueCPUVirtualAddress;
	return status;
}

NTSTATUS ik_signal(D3DKMT_HANDLE device, D3DKMT_HANDLE fence, UINT64 value)
{
	const D3DKMT_SIGNALSYNCHRONIZATIONOBJECTFROMCPU arg = {
		.hDevice = device,
		.ObjectCount = 1,
		.ObjectHandleArray = &fence,
		.FenceValueArray = &value,
	};

	return D3DKMTSignalSynchronizationObjectFromCpu(&arg);
}

NTSTATUS ik_wait(D3DKMT_HANDLE device, D3DKMT_HANDLE fence, UINT64 value)
{
	const D3DKMT_WAITFORSYNCHRONIZATIONOBJECTFROMCPU arg = {
		.hDevice = device,
		.ObjectCount = 1,
		.ObjectHandleArray = &fence,
		.FenceValueArray = &value,
	};

	return D3DKMTWaitForSynchronizationObjectFromCpu(&arg);
}

NTSTATUS ik_destroy_fence(D3DKMT_HANDLE fence)
{
	return D3DKMTDestroySynchronizationObject(&(D3DKMT_DESTROYSYNCHRONIZATIONOBJECT) { .hSyncObject = fence });
}

NTSTATUS ik_destroy_device(D3DKMT_HANDLE device)
{
	return D3DKMTDestroyDevice(&(D3DKMT_DESTROYDEVICE) { .hDevice = device });
}
