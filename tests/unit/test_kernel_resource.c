/* SPDX-License-Identifier: MIT */
/* Allocations and resources: private data, sharing, system memory, limits, and that all of it is given back. */
#include "kernel_fixture.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PAGE 4096u

static int setup(void **state)
{
	*state = ik_start(NULL);
	ik_process(*state);
	return 0;
}

static int teardown(void **state)
{
	ik_stop(*state);
	return 0;
}

struct creation {
	struct ik_allocation_data data[4];
	D3DDDI_ALLOCATIONINFO2 infos[4];
	D3DKMT_CREATEALLOCATION arg;
};

static void creation_init(struct creation *creation, D3DKMT_HANDLE device, UINT count, uint32_t visible, uint64_t size)
{
	memset(creation, 0, sizeof(*creation));
	for (UINT i = 0; i < count; i++) {
		creation->data[i] = (struct ik_allocation_data) { .visible = visible, .number = 100 + i, .size = size };
		creation->infos[i].pPrivateDriverData = &creation->data[i];
		creation->infos[i].PrivateDriverDataSize = sizeof(creation->data[i]);
	}
	creation->arg.hDevice = device;
	creation->arg.NumAllocations = count;
	creation->arg.pAllocationInfo2 = creation->infos;
	creation->arg.Flags.CreateResource = 1;
}

static NTSTATUS create(D3DKMT_HANDLE device, uint32_t visible, uint64_t size, D3DKMT_HANDLE *ret_resource,
		       D3DKMT_HANDLE *ret_allocation)
{
	struct creation creation;
	NTSTATUS status;

	creation_init(&creation, device, 1, visible, size);
	status = D3DKMTCreateAllocation2(&creation.arg);
	if (status == STATUS_SUCCESS) {
		if (ret_resource)
			*ret_resource = creation.arg.hResource;
		if (ret_allocation)
			*ret_allocation = creation.infos[0].hAllocation;
	} else {
		assert_int_equal(creation.arg.hResource, 0);
		assert_int_equal(creation.infos[0].hAllocation, 0);
	}
	return status;
}

static NTSTATUS destroy(D3DKMT_HANDLE device, D3DKMT_HANDLE resource)
{
	return D3DKMTDestroyAllocation2(&(D3DKMT_DESTROYALLOCATION2) { .hDevice = device, .hResource = resource });
}

/* The driver's own look at an object, from the kernel's side. */
static struct ik_escape_data look(D3DKMT_HANDLE device, struct ik_escape_data data)
{
	const D3DKMT_ESCAPE arg = {
		.hAdapter = ik_adapter(),
		.hDevice = device,
		.Type = D3DKMT_ESCAPE_DRIVERPRIVATE,
		.pPrivateDriverData = &data,
		.PrivateDriverDataSize = sizeof(data),
	};

	assert_int_equal(D3DKMTEscape(&arg), STATUS_SUCCESS);
	return data;
}

static void private_data_and_order_of_calls(void **state)
{
	D3DKMT_HANDLE device = ik_device();
	struct creation creation;

	creation_init(&creation, device, 2, /* visible= */ 0, 1000);
	creation.data[1].visible = 1;
	ik_log_clear();
	assert_int_equal(D3DKMTCreateAllocation2(&creation.arg), STATUS_SUCCESS);
	assert_string_equal(ik_recorder.log, "AAMOO");
	assert_int_equal(ik_counts(*state).allocations, 2);
	assert_int_equal(ik_counts(*state).resources, 1);
	for (uint32_t i = 0; i < 2; i++) {
		struct ik_escape_data ask = { .object = creation.infos[i].hAllocation, .type = DXGK_HANDLE_ALLOCATION };

		ask.offset = UINT64_MAX;
		ask = look(device, ask);
		assert_int_equal(ask.found, 1);
		assert_int_equal(ask.value, 100 + i);
		ask.device_specific = 1;
		assert_int_equal(look(device, ask).found, 1);
	}
	ik_log_clear();
	assert_int_equal(destroy(device, creation.arg.hResource), STATUS_SUCCESS);
	assert_string_equal(ik_recorder.log, "ooaa");
	assert_int_equal(destroy(device, creation.arg.hResource), STATUS_INVALID_PARAMETER);
	assert_int_equal(ik_counts(*state).allocations, 0);
}

static void the_driver_finds_what_the_caller_may_name(void **state) /* CS-05, BLT-39, SEC-38 */
{
	struct kmt_connection *first = kmt_connection_get();
	D3DKMT_HANDLE device = ik_device(), other = ik_device(), allocation = 0, session;
	struct ik_escape_data ask = { .type = DXGK_HANDLE_ALLOCATION };
	DXGKARGCB_GETHANDLEDATA asked = { .Type = DXGK_HANDLE_ALLOCATION };
	void *found, *found_nothing;

	assert_int_equal(create(device, 1, 100, NULL, &allocation), STATUS_SUCCESS);
	session = ik_session(device, ik_fence(device));
	ask.object = allocation;
	assert_int_equal(look(device, ask).found, 1);
	assert_int_equal(look(other, ask).found, 0);
	assert_int_equal(look(0, ask).found, 0);
	ask.type = DXGK_HANDLE_PROTECTED_SESSION;
	assert_int_equal(look(device, ask).found, 0);
	ask.object = session;
	assert_int_equal(look(device, ask).found, 1);
	assert_int_equal(look(other, ask).found, 0);
	assert_int_equal(look(0, ask).found, 0);
	ask.type = DXGK_HANDLE_ALLOCATION;
	assert_int_equal(look(device, ask).found, 0);
	ask.type = 99;
	assert_int_equal(look(device, ask).found, 0);

	ik_process(*state);
	device = ik_device();
	ask.object = allocation;
	ask.type = DXGK_HANDLE_ALLOCATION;
	assert_int_equal(look(device, ask).found, 0);
	kmt_connection_set(first);
	/* Outside of a call of a client nothing is found. */
	(void)ik_acquire(*state);
	asked.hObject = allocation;
	found = ik_recorder.interface->DxgkCbGetHandleData(ik_recorder.interface->DeviceHandle, &asked);
	found_nothing = ik_recorder.interface->DxgkCbGetHandleData(ik_recorder.interface->DeviceHandle, NULL);
	ik_release(*state);
	assert_null(found);
	assert_null(found_nothing);
}

static void protected_memory_has_no_address(void **state)
{
	D3DKMT_HANDLE device = ik_device(), other = ik_device(), allocation = 0;
	D3DKMT_LOCK2 lock = { .hDevice = device, .pData = (void *)0x1234 };

	(void)state;
	assert_int_equal(create(device, 0, 100, NULL, &allocation), STATUS_SUCCESS);
	lock.hAllocation = allocation;
	assert_int_equal(D3DKMTLock2(&lock), STATUS_ACCESS_DENIED);
	assert_ptr_equal(lock.pData, (void *)0x1234);
	assert_int_equal(D3DKMTUnlock2(&(D3DKMT_UNLOCK2) { .hDevice = device, .hAllocation = allocation }),
			 STATUS_INVALID_PARAMETER);
	assert_int_equal(create(device, 1, 100, NULL, &allocation), STATUS_SUCCESS);
	lock.hAllocation = allocation;
	lock.hDevice = other;
	assert_int_equal(D3DKMTLock2(&lock), STATUS_INVALID_PARAMETER);
	lock.hDevice = device;
	lock.hAllocation = device;
	assert_int_equal(D3DKMTLock2(&lock), STATUS_INVALID_PARAMETER);
	assert_ptr_equal(lock.pData, (void *)0x1234);
	/* Nor can protected memory be laid over memory of the client's. */
	{
		void *memory = DxvaultAllocateSystemMemory(device, PAGE);
		struct creation creation;

		creation_init(&creation, device, 1, /* visible= */ 0, 100);
		creation.infos[0].pSystemMem = memory;
		assert_int_equal(D3DKMTCreateAllocation2(&creation.arg), STATUS_INVALID_PARAMETER);
		DxvaultFreeSystemMemory(device, memory);
	}
}

static void locked_memory_is_the_kernels(void **state)
{
	D3DKMT_HANDLE device = ik_device(), allocation = 0, resource = 0;
	D3DKMT_LOCK2 lock = { .hDevice = device }, again;
	struct ik_escape_data ask = { .type = DXGK_HANDLE_ALLOCATION, .offset = 4999 };
	uint8_t *bytes;

	assert_int_equal(create(device, 1, 5000, &resource, &allocation), STATUS_SUCCESS);
	assert_int_equal(ik_counts(*state).memories, 1);
	lock.hAllocation = ask.object = allocation;
	assert_int_equal(D3DKMTLock2(&lock), STATUS_SUCCESS);
	bytes = lock.pData;
	for (int i = 0; i < 5000; i++)
		assert_int_equal(bytes[i], 0);
	bytes[4999] = 0xab;
	assert_int_equal(look(device, ask).value, 0xab);
	ask.has_value = 1;
	ask.value = 0xcd;
	(void)look(device, ask);
	assert_int_equal(bytes[4999], 0xcd);
	again = lock;
	assert_int_equal(D3DKMTLock2(&again), STATUS_SUCCESS);
	assert_ptr_equal(again.pData, bytes);
	for (int i = 0; i < 2; i++)
		assert_int_equal(D3DKMTUnlock2(&(D3DKMT_UNLOCK2) { .hDevice = device, .hAllocation = allocation }),
				 STATUS_SUCCESS);
	assert_int_equal(D3DKMTUnlock2(&(D3DKMT_UNLOCK2) { .hDevice = device, .hAllocation = allocation }),
			 STATUS_INVALID_PARAMETER);
	assert_int_equal(D3DKMTLock2(&lock), STATUS_SUCCESS);
	assert_int_equal(((uint8_t *)lock.pData)[4999], 0xcd);
	assert_int_equal(destroy(device, resource), STATUS_SUCCESS);
	assert_int_equal(ik_counts(*state).memories, 0);
}

static void system_memory_is_shared_in_place(void **state) /* BLT-28, BLT-115 */
{
	D3DKMT_HANDLE device = ik_device();
	uint8_t *memory = DxvaultAllocateSystemMemory(device, 3 * PAGE - 10);
	struct creation creation;
	D3DKMT_HANDLE resource;

	assert_non_null(memory);
	assert_int_equal((uintptr_t)memory % PAGE, 0);
	for (size_t i = 0; i < 3 * PAGE; i++)
		assert_int_equal(memory[i], 0);
	creation_init(&creation, device, 1, /* visible= */ 1, 1000);
	creation.infos[0].pSystemMem = memory + PAGE + 16;
	assert_int_equal(D3DKMTCreateAllocation2(&creation.arg), STATUS_SUCCESS);
	assert_int_equal(ik_counts(*state).memories, 1); /* and none of its own */
	resource = creation.arg.hResource;
	for (uint64_t i = 0; i < 1000; i += 37) {
		struct ik_escape_data ask = {
			.object = creation.infos[0].hAllocation,
			.type = DXGK_HANDLE_ALLOCATION,
			.offset = i,
		};

		memory[PAGE + 16 + i] = (uint8_t)(i + 3);
		assert_int_equal(look(device, ask).value, (uint8_t)(i + 3));
		ask.has_value = 1;
		ask.value = (uint8_t)~i;
		(void)look(device, ask);
		assert_int_equal(memory[PAGE + 16 + i], (uint8_t)~i);
	}
	assert_int_equal(memory[PAGE + 15], 0);
	assert_int_equal(memory[PAGE + 16 + 1000], 0);
	assert_int_equal(destroy(device, resource), STATUS_SUCCESS);

	/* To the last byte and no further. */
	creation.infos[0].pSystemMem = memory + 3 * PAGE - 1000;
	creation.arg.hResource = 0;
	creation.infos[0].hAllocation = 0;
	assert_int_equal(D3DKMTCreateAllocation2(&creation.arg), STATUS_SUCCESS);
	assert_int_equal(destroy(device, creation.arg.hResource), STATUS_SUCCESS);
	creation.infos[0].pSystemMem = memory + 3 * PAGE - 999;
	assert_int_equal(D3DKMTCreateAllocation2(&creation.arg), STATUS_INVALID_PARAMETER);
	/* Memory that the kernel can't see. */
	creation.infos[0].pSystemMem = &creation;
	assert_int_equal(D3DKMTCreateAllocation2(&creation.arg), STATUS_INVALID_PARAMETER);

	/* An allocation keeps the kernel's side of it. */
	creation.infos[0].pSystemMem = memory;
	assert_int_equal(D3DKMTCreateAllocation2(&creation.arg), STATUS_SUCCESS);
	DxvaultFreeSystemMemory(device, memory);
	assert_int_equal(ik_counts(*state).memories, 1);
	{
		struct ik_escape_data ask = {
			.object = creation.infos[0].hAllocation,
			.type = DXGK_HANDLE_ALLOCATION,
			.has_value = 1,
			.value = 0x77,
		};

		assert_int_equal(look(device, ask).value, 0x77);
	}
	assert_int_equal(destroy(device, creation.arg.hResource), STATUS_SUCCESS);
	assert_int_equal(ik_counts(*state).memories, 0);
	assert_null(DxvaultAllocateSystemMemory(device, 0));
	assert_null(DxvaultAllocateSystemMemory(0, PAGE));
	assert_null(DxvaultAllocateSystemMemory(device, SIZE_MAX));
	DxvaultFreeSystemMemory(device, NULL);
}

/* ---- failure of the driver: nothing stays ------------------------------------------------------------------- */

static void refusals_of_the_driver_leave_nothing(void **state) /* KMT-05 */
{
	D3DKMT_HANDLE device = ik_device();
	struct dxgk_counts before = ik_counts(*state), after;
	struct creation creation;
	NTSTATUS *knobs[] = { &ik_recorder.create_allocation_status, &ik_recorder.open_allocation_status,
			      &ik_recorder.map_status };

	for (size_t i = 0; i < sizeof(knobs) / sizeof(knobs[0]); i++) {
		creation_init(&creation, device, 3, /* visible= */ 1, 1000);
		*knobs[i] = STATUS_NO_MEMORY;
		assert_int_equal(D3DKMTCreateAllocation2(&creation.arg), STATUS_NO_MEMORY);
		*knobs[i] = STATUS_SUCCESS;
		after = ik_counts(*state);
		assert_memory_equal(&before, &after, sizeof(after));
		assert_int_equal(ik_recorder.allocations, 0);
		assert_int_equal(ik_recorder.opens, 0);
		for (int j = 0; j < 3; j++)
			assert_int_equal(creation.infos[j].hAllocation, 0);
	}
	/* The last of several is bad. */
	creation_init(&creation, device, 3, /* visible= */ 1, 1000);
	creation.data[2].visible = 2;
	assert_int_equal(D3DKMTCreateAllocation2(&creation.arg), STATUS_INVALID_PARAMETER);
	after = ik_counts(*state);
	assert_memory_equal(&before, &after, sizeof(after));
	assert_int_equal(ik_recorder.allocations, 0);
	/* A device that the driver refuses. */
	ik_recorder.create_device_status = STATUS_NO_MEMORY;
	{
		D3DKMT_CREATEDEVICE arg = { .hAdapter = ik_adapter() };

		assert_int_equal(D3DKMTCreateDevice(&arg), STATUS_NO_MEMORY);
		assert_int_equal(arg.hDevice, 0);
	}
	after = ik_counts(*state);
	assert_memory_equal(&before, &after, sizeof(after));
}

/* ---- sharing ---------------------------------------------------------------------------------------------------- */

static void a_resource_opens_in_a_second_process(void **state) /* KMT-44, KMT-52, BLT-113 */
{
	static const char runtime[] = "runtime", driver[] = "driver of the resource";
	struct kmt_connection *first = kmt_connection_get();
	D3DKMT_HANDLE device = ik_device(), other_device;
	struct ik_allocation_data totals[2];
	char runtime_back[sizeof(runtime)], driver_back[sizeof(driver)];
	D3DDDI_OPENALLOCATIONINFO2 infos[2] = { 0 };
	D3DKMT_QUERYRESOURCEINFOFROMNTHANDLE query = { 0 };
	D3DKMT_OPENRESOURCEFROMNTHANDLE open = { 0 };
	struct creation creation;
	struct dxgk_counts before, after;
	int nt_handle, blind;

	creation_init(&creation, device, 2, /* visible= */ 0, 1000);
	creation.arg.Flags.CreateShared = 1;
	creation.arg.Flags.NtSecuritySharing = 1;
	creation.arg.pPrivateRuntimeData = runtime;
	creation.arg.PrivateRuntimeDataSize = sizeof(runtime);
	creation.arg.pPrivateDriverData = driver;
	creation.arg.PrivateDriverDataSize = sizeof(driver);
	assert_int_equal(D3DKMTCreateAllocation2(&creation.arg), STATUS_SUCCESS);
	nt_handle = ik_share(creation.arg.hResource);
	assert_int_equal(ik_share_with(creation.arg.hResource, 0, &blind), STATUS_SUCCESS);
	assert_int_equal(ik_share_with(creation.infos[0].hAllocation, GENERIC_ALL, &(int) { 0 }),
			 STATUS_INVALID_PARAMETER);

	ik_process(*state);
	other_device = ik_device();
	query.hDevice = other_device;
	query.hNtHandle = IK_HANDLE(blind);
	assert_int_equal(D3DKMTQueryResourceInfoFromNtHandle(&query), STATUS_ACCESS_DENIED);
	query.hNtHandle = IK_HANDLE(nt_handle);
	assert_int_equal(D3DKMTQueryResourceInfoFromNtHandle(&query), STATUS_SUCCESS);
	assert_int_equal(query.NumAllocations, 2);
	assert_int_equal(query.PrivateRuntimeDataSize, sizeof(runtime));
	assert_int_equal(query.ResourcePrivateDriverDataSize, sizeof(driver));
	assert_int_equal(query.TotalPrivateDriverDataSize, sizeof(totals));

	open.hDevice = other_device;
	open.hNtHandle = IK_HANDLE(nt_handle);
	open.NumAllocations = 2;
	open.pOpenAllocationInfo2 = infos;
	open.pPrivateRuntimeData = runtime_back;
	open.PrivateRuntimeDataSize = sizeof(runtime_back);
	open.pResourcePrivateDriverData = driver_back;
	open.ResourcePrivateDriverDataSize = sizeof(driver_back);
	open.pTotalPrivateDriverDataBuffer = totals;
	open.TotalPrivateDriverDataBufferSize = sizeof(totals) - 1;
	before = ik_counts(*state);
	assert_int_equal(D3DKMTOpenResourceFromNtHandle(&open), STATUS_BUFFER_TOO_SMALL);
	open.TotalPrivateDriverDataBufferSize = sizeof(totals);
	open.NumAllocations = 1;
	assert_int_equal(D3DKMTOpenResourceFromNtHandle(&open), STATUS_INVALID_PARAMETER);
	open.NumAllocations = 2;
	open.hNtHandle = IK_HANDLE(blind);
	assert_int_equal(D3DKMTOpenResourceFromNtHandle(&open), STATUS_ACCESS_DENIED);
	open.hNtHandle = IK_HANDLE(nt_handle);
	open.hDevice = device + 0x4000;
	assert_int_equal(D3DKMTOpenResourceFromNtHandle(&open), STATUS_INVALID_PARAMETER);
	open.hDevice = other_device;
	ik_recorder.open_allocation_status = STATUS_NO_MEMORY;
	assert_int_equal(D3DKMTOpenResourceFromNtHandle(&open), STATUS_NO_MEMORY);
	ik_recorder.open_allocation_status = STATUS_SUCCESS;
	assert_int_equal(open.hResource, 0);
	after = ik_counts(*state);
	assert_memory_equal(&before, &after, sizeof(after));
	assert_int_equal(ik_recorder.opens, 2);

	assert_int_equal(D3DKMTOpenResourceFromNtHandle(&open), STATUS_SUCCESS);
	assert_int_not_equal(open.hResource, 0);
	assert_string_equal(runtime_back, runtime);
	assert_string_equal(driver_back, driver);
	assert_memory_equal(totals, creation.data, sizeof(totals));
	for (uint32_t i = 0; i < 2; i++) {
		struct ik_escape_data ask = {
			.object = infos[i].hAllocation,
			.type = DXGK_HANDLE_ALLOCATION,
			.offset = UINT64_MAX,
		};

		assert_int_equal(look(other_device, ask).value, 100 + i);
		assert_ptr_equal(infos[i].pPrivateDriverData, &totals[i]);
		assert_int_equal(infos[i].PrivateDriverDataSize, sizeof(totals[i]));
	}
	assert_int_equal(ik_counts(*state).resources, 1);
	assert_int_equal(ik_recorder.allocations, 2);
	assert_int_equal(ik_recorder.opens, 4);

	/* The maker goes; the other holds it. */
	ik_kill(*state, first);
	assert_int_equal(ik_counts(*state).resources, 1);
	assert_int_equal(ik_recorder.allocations, 2);
	assert_int_equal(ik_recorder.opens, 2);
	close(nt_handle);
	close(blind);
	assert_int_equal(ik_counts(*state).resources, 1);
	assert_int_equal(destroy(other_device, open.hResource), STATUS_SUCCESS);
	assert_int_equal(ik_recorder.allocations, 0);
}

static void only_a_shared_resource_is_shared(void **state) /* KMT-41 */
{
	D3DKMT_HANDLE device = ik_device(), resource = 0;
	struct creation creation;

	(void)state;
	assert_int_equal(create(device, 0, 100, &resource, NULL), STATUS_SUCCESS);
	assert_int_equal(ik_share_with(resource, GENERIC_ALL, &(int) { 0 }), STATUS_INVALID_PARAMETER);
	creation_init(&creation, device, 1, 0, 100);
	creation.arg.Flags.CreateShared = 1;
	assert_int_equal(D3DKMTCreateAllocation2(&creation.arg), STATUS_NOT_SUPPORTED);
}

/* ---- limits ------------------------------------------------------------------------------------------------------ */

static void protected_bytes_count_per_process(void **state) /* BLT-102, SEC-36 */
{
	struct ik_options options = { 0 };
	D3DKMT_HANDLE devices[2], resources[4], other;
	struct kmt_connection *first, *second;
	struct dxgk_counts before, after;
	struct creation creation;
	struct ik *ik;

	(void)state;
	dxgk_limits_default(&options.limits);
	options.limits.protected_bytes = 10000;
	ik = ik_start(&options);
	first = ik_process(ik);
	devices[0] = ik_device();
	devices[1] = ik_device();
	/* Over all devices of the process. */
	for (int i = 0; i < 4; i++)
		assert_int_equal(create(devices[i & 1], 0, 2500, &resources[i], NULL), STATUS_SUCCESS);
	before = ik_counts(ik);
	assert_int_equal(create(devices[0], 0, 1, NULL, NULL), STATUS_NO_MEMORY);
	assert_int_equal(create(devices[1], 0, UINT64_MAX, NULL, NULL), STATUS_NO_MEMORY);
	after = ik_counts(ik);
	assert_memory_equal(&before, &after, sizeof(after));
	assert_int_equal(ik_recorder.allocations, 4);
	/* Visible ones are another matter, and so are another process's. */
	assert_int_equal(create(devices[0], 1, 2500, NULL, NULL), STATUS_SUCCESS);
	second = ik_process(ik);
	other = ik_device();
	assert_int_equal(create(other, 0, 10001, NULL, NULL), STATUS_NO_MEMORY);
	assert_int_equal(create(other, 0, 10000, NULL, NULL), STATUS_SUCCESS);
	kmt_connection_set(first);
	assert_int_equal(destroy(devices[0], resources[2]), STATUS_SUCCESS);
	assert_int_equal(create(devices[1], 0, 2501, NULL, NULL), STATUS_NO_MEMORY);
	/* A creation that fails half way gives back what it had taken. */
	creation_init(&creation, devices[0], 2, 0, 2000);
	assert_int_equal(D3DKMTCreateAllocation2(&creation.arg), STATUS_NO_MEMORY);
	assert_int_equal(create(devices[1], 0, 2500, NULL, NULL), STATUS_SUCCESS);
	assert_int_equal(create(devices[1], 0, 1, NULL, NULL), STATUS_NO_MEMORY);
	assert_int_equal(ik_destroy_device(devices[1]), STATUS_SUCCESS);
	assert_int_equal(create(devices[0], 0, 7500, NULL, NULL), STATUS_SUCCESS);
	assert_int_equal(create(devices[0], 0, 1, NULL, NULL), STATUS_NO_MEMORY);
	(void)second;
	ik_stop(ik);
}

static void what_another_holds_stays_charged_to_its_maker(void **state) /* BLT-102 */
{
	struct ik_options options = { 0 };
	D3DKMT_HANDLE device, other, opened;
	struct kmt_connection *first, *second;
	struct creation creation;
	D3DDDI_OPENALLOCATIONINFO2 info = { 0 };
	struct ik_allocation_data data;
	D3DKMT_OPENRESOURCEFROMNTHANDLE open = {
		.NumAllocations = 1,
		.pOpenAllocationInfo2 = &info,
		.pTotalPrivateDriverDataBuffer = &data,
		.TotalPrivateDriverDataBufferSize = sizeof(data),
	};
	int nt_handle;
	struct ik *ik;

	(void)state;
	dxgk_limits_default(&options.limits);
	options.limits.protected_bytes = 1000;
	ik = ik_start(&options);
	first = ik_process(ik);
	device = ik_device();
	creation_init(&creation, device, 1, 0, 1000);
	creation.arg.Flags.CreateShared = 1;
	creation.arg.Flags.NtSecuritySharing = 1;
	assert_int_equal(D3DKMTCreateAllocation2(&creation.arg), STATUS_SUCCESS);
	nt_handle = ik_share(creation.arg.hResource);
	second = ik_process(ik);
	other = ik_device();
	open.hDevice = other;
	open.hNtHandle = IK_HANDLE(nt_handle);
	assert_int_equal(D3DKMTOpenResourceFromNtHandle(&open), STATUS_SUCCESS);
	opened = open.hResource;
	assert_int_equal(create(other, 0, 1000, NULL, NULL), STATUS_SUCCESS); /* its own share is whole */
	kmt_connection_set(first);
	assert_int_equal(destroy(device, creation.arg.hResource), STATUS_SUCCESS);
	assert_int_equal(create(device, 0, 1, NULL, NULL), STATUS_NO_MEMORY);
	kmt_connection_set(second);
	assert_int_equal(destroy(other, opened), STATUS_SUCCESS);
	kmt_connection_set(first);
	assert_int_equal(create(device, 0, 1, NULL, NULL), STATUS_NO_MEMORY); /* the NT handle is one more holder */
	close(nt_handle);
	assert_int_equal(create(device, 0, 1000, NULL, NULL), STATUS_SUCCESS);
	ik_stop(ik);
}

static void shared_bytes_count_per_process(void **state) /* BLT-102 */
{
	struct ik_options options = { 0 };
	D3DKMT_HANDLE device, resource;
	uint8_t *memory;
	struct ik *ik;

	(void)state;
	dxgk_limits_default(&options.limits);
	options.limits.shared_bytes = 10 * PAGE;
	ik = ik_start(&options);
	ik_process(ik);
	device = ik_device();
	assert_null(DxvaultAllocateSystemMemory(device, 10 * PAGE + 1));
	memory = DxvaultAllocateSystemMemory(device, 9 * PAGE + 1);
	assert_non_null(memory);
	assert_null(DxvaultAllocateSystemMemory(device, 1));
	assert_int_equal(create(device, 1, 1, NULL, NULL), STATUS_NO_MEMORY);
	assert_int_equal(ik_recorder.allocations, 0);
	/* An alias costs nothing more. */
	{
		struct creation creation;

		creation_init(&creation, device, 1, 1, 5 * PAGE);
		creation.infos[0].pSystemMem = memory;
		assert_int_equal(D3DKMTCreateAllocation2(&creation.arg), STATUS_SUCCESS);
		resource = creation.arg.hResource;
	}
	DxvaultFreeSystemMemory(device, memory);
	assert_int_equal(create(device, 1, 1, NULL, NULL), STATUS_NO_MEMORY); /* the alias holds it */
	assert_int_equal(destroy(device, resource), STATUS_SUCCESS);
	assert_int_equal(create(device, 1, 10 * PAGE, &resource, NULL), STATUS_SUCCESS);
	assert_null(DxvaultAllocateSystemMemory(device, 1));
	ik_process(ik);
	assert_int_equal(create(ik_device(), 1, 10 * PAGE, NULL, NULL), STATUS_SUCCESS);
	ik_stop(ik);
}

/* ---- ends --------------------------------------------------------------------------------------------------------- */

static void a_device_closes_before_it_goes(void **state) /* CAP-20 */
{
	D3DKMT_HANDLE device = ik_device(), allocation = 0;
	D3DKMT_CREATECONTEXTVIRTUAL context = { .hDevice = device };
	D3DKMT_LOCK2 lock = { .hDevice = device };

	assert_int_equal(create(device, 0, 100, NULL, NULL), STATUS_SUCCESS);
	assert_int_equal(create(device, 1, 100, NULL, &allocation), STATUS_SUCCESS);
	assert_int_equal(D3DKMTCreateContextVirtual(&context), STATUS_SUCCESS);
	(void)ik_session(device, ik_fence(device));
	lock.hAllocation = allocation;
	assert_int_equal(D3DKMTLock2(&lock), STATUS_SUCCESS);
	ik_log_clear();
	assert_int_equal(ik_destroy_device(device), STATUS_SUCCESS);
	/* Each opening is closed, and what nobody else holds is gone, before the driver's device is. */
	assert_string_equal(ik_recorder.log, "oaoad");
	assert_int_equal(ik_counts(*state).contexts, 0);
	assert_int_equal(ik_counts(*state).sessions, 1);
	assert_int_equal(D3DKMTDestroyContext(&(D3DKMT_DESTROYCONTEXT) { .hContext = context.hContext }),
			 STATUS_INVALID_PARAMETER);
	assert_int_equal(D3DKMTLock2(&lock), STATUS_INVALID_PARAMETER);
	assert_int_equal(ik_destroy_device(device), STATUS_INVALID_PARAMETER);
}

static void a_process_gives_back_everything(void **state) /* KMT-34 */
{
	struct kmt_connection *process;

	for (int i = 0; i < 20; i++) {
		D3DKMT_HANDLE device, other, allocation;
		D3DKMT_LOCK2 lock;
		struct creation creation;

		process = ik_process(*state);
		device = ik_device();
		other = ik_device();
		assert_non_null(DxvaultAllocateSystemMemory(device, 100000));
		assert_int_equal(create(device, 1, 50000, NULL, &allocation), STATUS_SUCCESS);
		lock = (D3DKMT_LOCK2) { .hDevice = device, .hAllocation = allocation };
		assert_int_equal(D3DKMTLock2(&lock), STATUS_SUCCESS);
		creation_init(&creation, other, 3, i & 1, 1000);
		creation.infos[1].pSystemMem = i & 1 ? DxvaultAllocateSystemMemory(other, 1000) : NULL;
		creation.arg.Flags.CreateShared = 1;
		creation.arg.Flags.NtSecuritySharing = 1;
		assert_int_equal(D3DKMTCreateAllocation2(&creation.arg), STATUS_SUCCESS);
		if (i % 3 == 0)
			close(ik_share(creation.arg.hResource));
		if (i % 4 == 0)
			assert_int_equal(ik_destroy_device(device), STATUS_SUCCESS);
		ik_kill(*state, process);
		ik_assert_empty(*state);
		assert_int_equal(ik_recorder.allocations, 0);
		assert_int_equal(ik_recorder.opens, 0);
		assert_int_equal(ik_recorder.devices, 0);
	}
	kmt_connection_set(((struct ik *)*state)->processes[0]);
}

static void an_nt_handle_keeps_a_resource(void **state) /* KMT-30 */
{
	struct kmt_connection *process = ik_process(*state);
	struct creation creation;
	int nt_handle;

	creation_init(&creation, ik_device(), 1, 0, 1000);
	creation.arg.Flags.CreateShared = 1;
	creation.arg.Flags.NtSecuritySharing = 1;
	assert_int_equal(D3DKMTCreateAllocation2(&creation.arg), STATUS_SUCCESS);
	nt_handle = ik_share(creation.arg.hResource);
	ik_kill(*state, process);
	assert_int_equal(ik_recorder.allocations, 1);
	assert_int_equal(ik_recorder.opens, 0);
	assert_int_equal(ik_counts(*state).resources, 1);
	close(nt_handle);
	ik_assert_empty(*state);
	assert_int_equal(ik_recorder.allocations, 0);
	kmt_connection_set(((struct ik *)*state)->processes[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		CASE(private_data_and_order_of_calls),
		CASE(the_driver_finds_what_the_caller_may_name),
		CASE(protected_memory_has_no_address),
		CASE(locked_memory_is_the_kernels),
		CASE(system_memory_is_shared_in_place),
		CASE(refusals_of_the_driver_leave_nothing),
		CASE(a_resource_opens_in_a_second_process),
		CASE(only_a_shared_resource_is_shared),
		cmocka_unit_test(protected_bytes_count_per_process),
		cmocka_unit_test(what_another_holds_stays_charged_to_its_maker),
		cmocka_unit_test(shared_bytes_count_per_process),
		CASE(a_device_closes_before_it_goes),
		CASE(a_process_gives_back_everything),
		CASE(an_nt_handle_keeps_a_resource),
	};

	return cmocka_run_group_tests(tests, NULL, ik_group_teardown);
}
