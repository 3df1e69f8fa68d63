/* SPDX-License-Identifier: MIT */
/* Each D3DKMT function with each of its allocations failing: the documented status, nothing changed, nothing left. */
#include "failing_scenario.h"

#include "driver/driver_private.h"

#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* A call whose block is left as it was unless it succeeds (KMT-05). */
#define CALL(function, type, block)                                               \
	do {                                                                      \
		const type before_ = (block);                                     \
                                                                                  \
		status = function(&(block));                                      \
		if (status != STATUS_SUCCESS)                                     \
			assert_memory_equal(&(block), &before_, sizeof(before_)); \
	} while (0)

static const GUID none;

/* ---- where scenes begin ------------------------------------------------------------------------------------ */

static void make_adapter(struct scene *scene)
{
	scene->adapter = ik_adapter();
}

static void make_device(struct scene *scene)
{
	D3DKMT_CREATEDEVICE arg;

	make_adapter(scene);
	arg = (D3DKMT_CREATEDEVICE) { .hAdapter = scene->adapter };
	assert_int_equal(D3DKMTCreateDevice(&arg), STATUS_SUCCESS);
	scene->device = arg.hDevice;
}

static void make_fence(struct scene *scene)
{
	make_device(scene);
	scene->fence = ik_fence_with(scene->device, 0, /* shared= */ true, &scene->value);
}

static struct drv_session session_data(void)
{
	return (struct drv_session) {
		.magic = DRV_MAGIC,
		.crypto_type = D3DCRYPTOTYPE_AES128_CTR,
		.decode_profile = none,
	};
}

static void make_session(struct scene *scene)
{
	const struct drv_session data = session_data();

	make_fence(scene);
	assert_int_equal(
		ik_create_session(scene->device, scene->fence, &data, sizeof(data), "runtime", 8, &scene->made),
		STATUS_SUCCESS);
}

static struct drv_allocation allocation_data(uint32_t pool)
{
	struct drv_allocation data = {
		.magic = DRV_MAGIC,
		.format = D3DDDIFMT_A8R8G8B8,
		.pool = pool,
		.width = 16,
		.height = 1,
		.rotation = D3DDDI_ROTATION_IDENTITY,
	};

	if (pool != D3DDDIPOOL_SYSTEMMEM)
		data.flags = (D3DDDI_RESOURCEFLAGS) { .RestrictedContent = 1 }.Value;
	return data;
}

/* Two allocations; memory NULL: the service's own. */
static NTSTATUS create_allocation(struct scene *scene, uint32_t pool, const void *memory, bool shared)
{
	struct drv_allocation data = allocation_data(pool);
	D3DDDI_ALLOCATIONINFO2 infos[2] = {
		{ .pSystemMem = memory, .pPrivateDriverData = &data, .PrivateDriverDataSize = sizeof(data) },
		{ .pSystemMem = memory, .pPrivateDriverData = &data, .PrivateDriverDataSize = sizeof(data) },
	};
	const D3DDDI_ALLOCATIONINFO2 infos_before[2] = { infos[0], infos[1] };
	D3DKMT_CREATEALLOCATION arg = {
		.hDevice = scene->device,
		.pPrivateRuntimeData = "runtime",
		.PrivateRuntimeDataSize = 8,
		.pPrivateDriverData = "driver",
		.PrivateDriverDataSize = 7,
		.NumAllocations = 2,
		.pAllocationInfo2 = infos,
	};
	NTSTATUS status;

	arg.Flags.CreateResource = 1;
	arg.Flags.CreateShared = shared;
	arg.Flags.NtSecuritySharing = shared;
	CALL(D3DKMTCreateAllocation2, D3DKMT_CREATEALLOCATION, arg);
	if (status == STATUS_SUCCESS) {
		scene->made = arg.hResource;
		scene->allocation = infos[1].hAllocation;
	} else {
		assert_memory_equal(infos, infos_before, sizeof(infos));
	}
	return status;
}

static void make_resource(struct scene *scene)
{
	make_device(scene);
	assert_int_equal(create_allocation(scene, D3DDDIPOOL_VIDEOMEMORY, NULL, /* shared= */ true), STATUS_SUCCESS);
}

static void make_system_resource(struct scene *scene)
{
	make_device(scene);
	assert_int_equal(create_allocation(scene, D3DDDIPOOL_SYSTEMMEM, NULL, /* shared= */ false), STATUS_SUCCESS);
}

/* The NT handle of what was made, and then another process, which has nothing yet but what it asks for. */
static void pass_on(struct scene *scene, D3DKMT_HANDLE object, bool has_device)
{
	scene->nt_handle = ik_share(object);
	scene->second = ik_process_of(scene->ik, geteuid());
	assert_non_null(scene->second);
	if (has_device)
		make_device(scene);
}

static void pass_session(struct scene *scene)
{
	make_session(scene);
	pass_on(scene, scene->made, /* has_device= */ false);
}

static void pass_fence(struct scene *scene)
{
	make_fence(scene);
	pass_on(scene, scene->fence, /* has_device= */ true);
}

static void pass_resource(struct scene *scene)
{
	make_resource(scene);
	pass_on(scene, scene->made, /* has_device= */ true);
}

/* ---- connection, adapters, devices ---------------------------------------------------------------------------- */

static int32_t call_connect(struct scene *scene)
{
	struct kmt_connection *connection = kmt_in_process_connect(scene->ik->mode, 77, 77);

	if (!connection)
		return STATUS_NO_MEMORY;
	kmt_connection_destroy(connection);
	return STATUS_SUCCESS;
}

static int32_t call_enum_adapters2(struct scene *scene)
{
	D3DKMT_ADAPTERINFO info = { .hAdapter = 77 };
	const D3DKMT_ADAPTERINFO info_before = info;
	D3DKMT_ENUMADAPTERS2 arg = { .NumAdapters = 1, .pAdapters = &info };
	NTSTATUS status;

	(void)scene;
	CALL(D3DKMTEnumAdapters2, D3DKMT_ENUMADAPTERS2, arg);
	if (status != STATUS_SUCCESS)
		assert_memory_equal(&info, &info_before, sizeof(info));
	return status;
}

static int32_t call_enum_adapters3(struct scene *scene)
{
	D3DKMT_ADAPTERINFO info = { .hAdapter = 77 };
	D3DKMT_ENUMADAPTERS3 arg = { .NumAdapters = 1, .pAdapters = &info };
	NTSTATUS status;

	(void)scene;
	CALL(D3DKMTEnumAdapters3, D3DKMT_ENUMADAPTERS3, arg);
	if (status != STATUS_SUCCESS)
		assert_int_equal(info.hAdapter, 77);
	return status;
}

/* The first handle of a process. */
static int32_t call_open_adapter(struct scene *scene)
{
	D3DKMT_OPENADAPTERFROMLUID arg = { .AdapterLuid = { .LowPart = 0x44585631 }, .hAdapter = 77 };
	NTSTATUS status;

	(void)scene;
	CALL(D3DKMTOpenAdapterFromLuid, D3DKMT_OPENADAPTERFROMLUID, arg);
	return status;
}

static int32_t call_query_adapter(struct scene *scene)
{
	union {
		struct drv_query query;
		struct drv_memory memory;
	} data = { .query = { .magic = DRV_MAGIC, .type = DRV_QUERY_MEMORY } };
	const D3DKMT_QUERYADAPTERINFO arg = {
		.hAdapter = scene->adapter,
		.Type = KMTQAITYPE_UMDRIVERPRIVATE,
		.pPrivateDriverData = &data,
		.PrivateDriverDataSize = sizeof(data),
	};

	return D3DKMTQueryAdapterInfo(&arg);
}

static int32_t call_close_adapter(struct scene *scene)
{
	const D3DKMT_CLOSEADAPTER arg = { .hAdapter = scene->adapter };

	return D3DKMTCloseAdapter(&arg);
}

static int32_t call_create_device(struct scene *scene)
{
	D3DKMT_CREATEDEVICE arg = { .hAdapter = scene->adapter, .hDevice = 77 };
	NTSTATUS status;

	CALL(D3DKMTCreateDevice, D3DKMT_CREATEDEVICE, arg);
	return status;
}

static int32_t call_device_state(struct scene *scene)
{
	D3DKMT_GETDEVICESTATE arg = { .hDevice = scene->device, .StateType = D3DKMT_DEVICESTATE_EXECUTION };

	return D3DKMTGetDeviceState(&arg);
}

static int32_t call_destroy_device(struct scene *scene)
{
	return ik_destroy_device(scene->device);
}

static int32_t call_create_context(struct scene *scene)
{
	D3DKMT_CREATECONTEXTVIRTUAL arg = { .hDevice = scene->device, .hContext = 77 };
	NTSTATUS status;

	CALL(D3DKMTCreateContextVirtual, D3DKMT_CREATECONTEXTVIRTUAL, arg);
	scene->context = arg.hContext;
	return status;
}

static void make_context(struct scene *scene)
{
	make_resource(scene);
	assert_int_equal(call_create_context(scene), STATUS_SUCCESS);
}

static int32_t call_destroy_context(struct scene *scene)
{
	const D3DKMT_DESTROYCONTEXT arg = { .hContext = scene->context };

	return D3DKMTDestroyContext(&arg);
}

static int32_t call_present(struct scene *scene)
{
	D3DKMT_PRESENT arg = {
		.hContext = scene->context,
		.hSource = scene->allocation,
		.SrcRect = { 0, 0, 16, 1 },
		.DstRect = { 0, 0, 16, 1 },
	};
	NTSTATUS status;

	arg.Flags.SrcRectValid = 1;
	arg.Flags.DstRectValid = 1;
	CALL(D3DKMTPresent, D3DKMT_PRESENT, arg);
	return status;
}

static int32_t call_escape(struct scene *scene)
{
	struct drv_escape ping = { .magic = DRV_MAGIC, .command = DRV_COMMAND_PING };
	const D3DKMT_ESCAPE arg = {
		.hAdapter = scene->adapter,
		.hDevice = scene->device,
		.Type = D3DKMT_ESCAPE_DRIVERPRIVATE,
		.pPrivateDriverData = &ping,
		.PrivateDriverDataSize = sizeof(ping),
	};

	return D3DKMTEscape(&arg);
}

/* ---- fences ------------------------------------------------------------------------------------------------------ */

static int32_t call_create_fence(struct scene *scene)
{
	D3DKMT_CREATESYNCHRONIZATIONOBJECT2 arg = {
		.hDevice = scene->device,
		.Info = { .Type = D3DDDI_MONITORED_FENCE },
		.hSyncObject = 77,
	};
	NTSTATUS status;

	arg.Info.MonitoredFence.InitialFenceValue = 5;
	CALL(D3DKMTCreateSynchronizationObject2, D3DKMT_CREATESYNCHRONIZATIONOBJECT2, arg);
	if (status == STATUS_SUCCESS)
		assert_int_equal(*(const UINT64 *)arg.Info.MonitoredFence.FenceValueCPUVirtualAddress, 5);
	return status;
}

static int32_t call_destroy_fence(struct scene *scene)
{
	return ik_destroy_fence(scene->fence);
}

static int32_t call_open_fence(struct scene *scene)
{
	D3DKMT_OPENSYNCOBJECTFROMNTHANDLE2 arg = {
		.hDevice = scene->device,
		.hNtHandle = IK_HANDLE(scene->nt_handle),
		.hSyncObject = 77,
	};
	NTSTATUS status;

	CALL(D3DKMTOpenSyncObjectFromNtHandle2, D3DKMT_OPENSYNCOBJECTFROMNTHANDLE2, arg);
	return status;
}

static int32_t call_signal(struct scene *scene)
{
	return ik_signal(scene->device, scene->fence, 9);
}

static void is_signalled(struct scene *scene)
{
	assert_int_equal(*scene->value, 9);
}

static int32_t call_wait(struct scene *scene)
{
	return ik_wait(scene->device, scene->fence, 0);
}

/* The eventfd stands in nt_handle: it is closed like one. */
static void make_event(struct scene *scene)
{
	make_fence(scene);
	scene->nt_handle = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	assert_true(scene->nt_handle > 0);
}

static int32_t call_wait_for_event(struct scene *scene)
{
	const UINT64 value = 9;
	const D3DKMT_WAITFORSYNCHRONIZATIONOBJECTFROMCPU arg = {
		.hDevice = scene->device,
		.ObjectCount = 1,
		.ObjectHandleArray = &scene->fence,
		.FenceValueArray = &value,
		.hAsyncEvent = IK_HANDLE(scene->nt_handle),
	};

	return D3DKMTWaitForSynchronizationObjectFromCpu(&arg);
}

static uint64_t event_count(const struct scene *scene)
{
	uint64_t count = 0;

	return read(scene->nt_handle, &count, sizeof(count)) == sizeof(count) ? count : 0;
}

/* A refused wait signals nothing, not even when the fence moves: that would have come by now, or not at all. */
static void event_is_silent(struct scene *scene)
{
	assert_int_equal(event_count(scene), 0);
}

static void event_comes(struct scene *scene)
{
	uint64_t count = 0;

	assert_int_equal(call_signal(scene), STATUS_SUCCESS);
	while (count == 0)
		count = event_count(scene);
	assert_int_equal(count, 1);
}

/* ---- sessions ---------------------------------------------------------------------------------------------------- */

static int32_t call_create_session(struct scene *scene)
{
	const struct drv_session data = session_data();

	/* ik_create_session looks at the block. */
	return ik_create_session(scene->device, scene->fence, &data, sizeof(data), "runtime", 8, &scene->made);
}

/* Whoever made no session has a fence that is still his. */
static void fence_is_free(struct scene *scene)
{
	assert_int_equal(ik_signal(scene->device, scene->fence, 0), STATUS_SUCCESS);
}

static int32_t call_query_status(struct scene *scene)
{
	D3DKMT_PROTECTED_SESSION_STATUS answer;

	return ik_query_status(scene->made, &answer);
}

static int32_t call_query_info(struct scene *scene)
{
	D3DKMT_QUERYPROTECTEDSESSIONINFOFROMNTHANDLE arg = {
		.hNtHandle = IK_HANDLE(scene->nt_handle),
		.pPrivateDriverData = scene->bytes,
		.PrivateDriverDataSize = sizeof(struct drv_session),
	};
	NTSTATUS status;

	CALL(D3DKMTQueryProtectedSessionInfoFromNtHandle, D3DKMT_QUERYPROTECTEDSESSIONINFOFROMNTHANDLE, arg);
	if (status == STATUS_SUCCESS)
		assert_int_equal(arg.PrivateRuntimeDataSize, 8);
	return status;
}

static int32_t call_open_session(struct scene *scene)
{
	/* ik_try_open_session looks at the block. */
	return ik_try_open_session(scene->nt_handle, &scene->made);
}

static void session_is_ok(struct scene *scene)
{
	ik_assert_status(scene->made, OK);
}

static int32_t call_destroy_session(struct scene *scene)
{
	return ik_destroy_session(scene->made);
}

static int32_t share(struct scene *scene, D3DKMT_HANDLE object)
{
	/* ik_share_with looks at the out pointer. */
	return ik_share_with(object, GENERIC_ALL, &scene->nt_handle);
}

static int32_t call_share_session(struct scene *scene)
{
	return share(scene, scene->made);
}

static int32_t call_share_fence(struct scene *scene)
{
	return share(scene, scene->fence);
}

/* ---- allocations ---------------------------------------------------------------------------------------------------- */

static int32_t call_create_protected(struct scene *scene)
{
	return create_allocation(scene, D3DDDIPOOL_VIDEOMEMORY, NULL, /* shared= */ true);
}

static int32_t call_create_system(struct scene *scene)
{
	return create_allocation(scene, D3DDDIPOOL_SYSTEMMEM, NULL, /* shared= */ false);
}

static int32_t call_create_in_place(struct scene *scene)
{
	return create_allocation(scene, D3DDDIPOOL_SYSTEMMEM, scene->memory, /* shared= */ false);
}

static int32_t call_allocate_memory(struct scene *scene)
{
	scene->memory = DxvaultAllocateSystemMemory(scene->device, 5000);
	return scene->memory ? STATUS_SUCCESS : STATUS_NO_MEMORY;
}

static void make_memory(struct scene *scene)
{
	make_device(scene);
	assert_int_equal(call_allocate_memory(scene), STATUS_SUCCESS);
}

static int32_t call_free_memory(struct scene *scene)
{
	DxvaultFreeSystemMemory(scene->device, scene->memory);
	return STATUS_SUCCESS;
}

static int32_t call_destroy_allocation(struct scene *scene)
{
	const D3DKMT_DESTROYALLOCATION2 arg = { .hDevice = scene->device, .hResource = scene->made };

	return D3DKMTDestroyAllocation2(&arg);
}

static int32_t call_lock(struct scene *scene)
{
	D3DKMT_LOCK2 arg = { .hDevice = scene->device, .hAllocation = scene->allocation, .pData = scene };
	NTSTATUS status;

	CALL(D3DKMTLock2, D3DKMT_LOCK2, arg);
	if (status == STATUS_SUCCESS)
		scene->memory = arg.pData;
	return status;
}

static int32_t call_unlock(struct scene *scene)
{
	const D3DKMT_UNLOCK2 arg = { .hDevice = scene->device, .hAllocation = scene->allocation };

	return D3DKMTUnlock2(&arg);
}

static void is_not_locked(struct scene *scene)
{
	assert_int_equal(call_unlock(scene), STATUS_INVALID_PARAMETER);
}

static void memory_is_there(struct scene *scene)
{
	memset(scene->memory, 0x5c, 64);
}

static void make_locked(struct scene *scene)
{
	make_system_resource(scene);
	assert_int_equal(call_lock(scene), STATUS_SUCCESS);
}

static int32_t call_query_resource(struct scene *scene)
{
	D3DKMT_QUERYRESOURCEINFOFROMNTHANDLE arg = {
		.hDevice = scene->device,
		.hNtHandle = IK_HANDLE(scene->nt_handle),
	};

	return D3DKMTQueryResourceInfoFromNtHandle(&arg);
}

static int32_t call_open_resource(struct scene *scene)
{
	D3DDDI_OPENALLOCATIONINFO2 list[2] = { { .hAllocation = 77 }, { .hAllocation = 77 } };
	const D3DDDI_OPENALLOCATIONINFO2 list_before[2] = { list[0], list[1] };
	uint8_t runtime[8], driver[7], allocations[2 * sizeof(struct drv_allocation)];
	D3DKMT_OPENRESOURCEFROMNTHANDLE arg = {
		.hDevice = scene->device,
		.hNtHandle = IK_HANDLE(scene->nt_handle),
		.NumAllocations = 2,
		.pOpenAllocationInfo2 = list,
		.PrivateRuntimeDataSize = sizeof(runtime),
		.pPrivateRuntimeData = runtime,
		.ResourcePrivateDriverDataSize = sizeof(driver),
		.pResourcePrivateDriverData = driver,
		.TotalPrivateDriverDataBufferSize = sizeof(allocations),
		.pTotalPrivateDriverDataBuffer = allocations,
	};
	NTSTATUS status;

	memset(runtime, 0x5c, sizeof(runtime));
	CALL(D3DKMTOpenResourceFromNtHandle, D3DKMT_OPENRESOURCEFROMNTHANDLE, arg);
	if (status != STATUS_SUCCESS) {
		assert_memory_equal(list, list_before, sizeof(list));
		assert_int_equal(runtime[0], 0x5c);
	}
	return status;
}

/* ---- what dxvault adds ------------------------------------------------------------------------------------------------ */

static int32_t call_query_service(struct scene *scene)
{
	DXVAULT_SERVICE_INFO info = { .Version = DXVAULT_SERVICE_INFO_VERSION };

	(void)scene;
	return DxvaultQueryService(&info);
}

static int32_t call_root_certificate(struct scene *scene)
{
	UINT size = sizeof(scene->bytes);

	return DxvaultGetRootCertificate(scene->bytes, &size);
}

static int32_t call_list_sessions(struct scene *scene)
{
	static DXVAULT_SESSION_INFO list[DXVAULT_LISTED_SESSIONS];
	UINT count = DXVAULT_LISTED_SESSIONS;
	UINT64 cursor = 0;
	NTSTATUS status = DxvaultListSessions(&cursor, list, &count);

	(void)scene;
	assert_int_equal(count, 1);
	return status;
}

static int32_t invalidate(DXVAULT_LOSS loss)
{
	UINT lost = 0;
	NTSTATUS status = DxvaultInvalidate(loss, 0, &lost);

	assert_int_equal(lost, 1);
	return status;
}

static int32_t call_lose_keys(struct scene *scene)
{
	(void)scene;
	return invalidate(DXVAULT_LOSS_KEYS);
}

static int32_t call_teardown(struct scene *scene)
{
	(void)scene;
	return invalidate(DXVAULT_LOSS_TEARDOWN);
}

static int32_t call_remove(struct scene *scene)
{
	(void)scene;
	return invalidate(DXVAULT_LOSS_DEVICE);
}

static void session_is_lost(struct scene *scene)
{
	ik_assert_status(scene->made, INVALID);
	assert_int_equal(*scene->value, 1);
}

static int32_t call_client_driver(struct scene *scene)
{
	DXVAULT_CLIENT_DRIVER driver = { .Size = sizeof(driver), .Version = DXVAULT_CLIENT_DRIVER_VERSION };
	NTSTATUS status;

	(void)scene;
	status = DxvaultGetDefaultClientDriver(&driver);
	if (status == STATUS_SUCCESS)
		status = DxvaultRegisterClientDriver(&driver);
	return status == STATUS_SUCCESS ? DxvaultUnregisterClientDriver() : status;
}

static int32_t call_end_of_process(struct scene *scene)
{
	ik_kill(scene->ik, scene->process);
	scene->process = NULL;
	return STATUS_SUCCESS;
}

/* ---- the scenarios -------------------------------------------------------------------------------------------------------- */

/* No handle, no descriptor; no memory. */
#define LACKS_HANDLE .statuses = { (int32_t)STATUS_INSUFFICIENT_RESOURCES }
#define LACKS_MEMORY .statuses = { (int32_t)STATUS_NO_MEMORY }
#define LACKS	     .statuses = { (int32_t)STATUS_NO_MEMORY, (int32_t)STATUS_INSUFFICIENT_RESOURCES }

static const struct failing_scenario scenarios[] = {
	{ "connect", NULL, call_connect, LACKS_MEMORY },
	{ "EnumAdapters2", NULL, call_enum_adapters2, LACKS_HANDLE },
	{ "EnumAdapters3", NULL, call_enum_adapters3, LACKS_HANDLE },
	{ "OpenAdapterFromLuid", NULL, call_open_adapter, LACKS_HANDLE },
	{ "QueryAdapterInfo", make_adapter, call_query_adapter, .never_fails = true },
	{ "CloseAdapter", make_adapter, call_close_adapter, .never_fails = true },
	{ "CreateDevice", make_adapter, call_create_device, LACKS },
	{ "GetDeviceState", make_device, call_device_state, .never_fails = true },
	{ "DestroyDevice", make_session, call_destroy_device, .never_fails = true },
	{ "CreateContextVirtual", make_device, call_create_context, LACKS },
	{ "DestroyContext", make_context, call_destroy_context, .never_fails = true },
	{ "Present", make_context, call_present, .never_fails = true },
	{ "Escape", make_device, call_escape, .never_fails = true },

	{ "CreateSynchronizationObject2", make_device, call_create_fence, LACKS },
	{ "DestroySynchronizationObject", make_session, call_destroy_fence, .never_fails = true },
	{ "OpenSyncObjectFromNtHandle2", pass_fence, call_open_fence, LACKS_HANDLE },
	{ "SignalSynchronizationObjectFromCpu", make_fence, call_signal, NULL, is_signalled, .never_fails = true },
	{ "WaitForSynchronizationObjectFromCpu", make_fence, call_wait, .never_fails = true },
	{ "WaitForSynchronizationObjectFromCpu (event)", make_event, call_wait_for_event, event_is_silent, event_comes,
	  LACKS_HANDLE },

	{ "CreateProtectedSession", make_fence, call_create_session, fence_is_free, session_is_ok, LACKS },
	{ "QueryProtectedSessionStatus", make_session, call_query_status, .never_fails = true },
	{ "QueryProtectedSessionInfoFromNtHandle", pass_session, call_query_info, LACKS_HANDLE },
	{ "OpenProtectedSessionFromNtHandle", pass_session, call_open_session, NULL, session_is_ok, LACKS_HANDLE },
	{ "DestroyProtectedSession", make_session, call_destroy_session, .never_fails = true },
	{ "ShareObjects (session)", make_session, call_share_session, LACKS_HANDLE },
	{ "ShareObjects (fence)", make_fence, call_share_fence, LACKS_HANDLE },
	{ "ShareObjects (resource)", make_resource, call_share_session, LACKS_HANDLE },

	{ "CreateAllocation2 (protected)", make_device, call_create_protected, LACKS },
	{ "CreateAllocation2 (system memory)", make_device, call_create_system, LACKS },
	{ "CreateAllocation2 (in place)", make_memory, call_create_in_place, LACKS },
	{ "DestroyAllocation2", make_resource, call_destroy_allocation, .never_fails = true },
	{ "Lock2", make_system_resource, call_lock, is_not_locked, memory_is_there, LACKS },
	{ "Unlock2", make_locked, call_unlock, .never_fails = true },
	{ "QueryResourceInfoFromNtHandle", pass_resource, call_query_resource, LACKS_HANDLE },
	{ "OpenResourceFromNtHandle", pass_resource, call_open_resource, LACKS },

	{ "DxvaultAllocateSystemMemory", make_device, call_allocate_memory, NULL, memory_is_there, LACKS_MEMORY },
	{ "DxvaultFreeSystemMemory", make_memory, call_free_memory, .never_fails = true },
	{ "DxvaultQueryService", NULL, call_query_service, .never_fails = true },
	{ "DxvaultGetRootCertificate", NULL, call_root_certificate, .never_fails = true },
	{ "DxvaultListSessions", make_session, call_list_sessions, .never_fails = true },
	{ "DxvaultInvalidate (keys)", make_session, call_lose_keys, NULL, session_is_lost, .never_fails = true },
	{ "DxvaultInvalidate (teardown)", make_session, call_teardown, NULL, session_is_lost, .never_fails = true },
	{ "DxvaultInvalidate (device)", make_session, call_remove, NULL, session_is_lost, .never_fails = true },
	{ "a client driver", NULL, call_client_driver, .never_fails = true },
	{ "the end of a process", make_session, call_end_of_process, .never_fails = true },
};

static void every_function_without_memory(void **state) /* KMT-05, KMT-14, KMT-34, KMT-72 */
{
	(void)state;
	for (size_t i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++)
		failing_run(&scenarios[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_function_without_memory),
	};

	return cmocka_run_group_tests(tests, failing_setup, failing_teardown);
}
