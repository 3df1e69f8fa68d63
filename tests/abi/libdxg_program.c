/* SPDX-License-Identifier: MIT */
/*
 * An ordinary program for libdxg (KMT-80, KMT-82): lists the adapters with what it can learn of them, then makes a device
 * and objects on it, and destroys them. Prints what it finds; exit status 1 where a call answers otherwise than it should.
 * For tests/system/libdxg.sh, compiled as C and as C++.
 */
#include "libdxg_layout.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SIZE(type, size)     _Static_assert(sizeof(type) == (size), #type)
#define STATUS_NOT_SUPPORTED ((ntstatus)0xC00000BBu)

#ifdef __cplusplus
#define _Static_assert static_assert
#endif

/* The table of the specification ("Layout, 64-bit"). */
SIZE(struct adapter_info, 20);
SIZE(struct enum_adapters2, 16);
SIZE(struct open_adapter, 12);
SIZE(struct query_adapter_info, 24);
SIZE(struct create_device, 64);
SIZE(struct get_device_state, 56);
SIZE(struct create_sync2, 96);
SIZE(struct open_sync2, 88);
SIZE(struct signal_cpu, 32);
SIZE(struct wait_cpu, 40);
SIZE(struct create_session, 40);
SIZE(struct query_session_info, 40);
SIZE(struct open_session, 16);

static void check(const char *what, ntstatus status, ntstatus expected)
{
	if (status == expected)
		return;
	fprintf(stderr, "%s: status %#x, not %#x\n", what, (unsigned int)status, (unsigned int)expected);
	exit(1);
}

#define OK(call) check(#call, (call), 0)
#define NEED(condition)                                              \
	do {                                                         \
		if (!(condition)) {                                  \
			fprintf(stderr, "not so: %s\n", #condition); \
			exit(1);                                     \
		}                                                    \
	} while (0)

static void query(handle32 adapter, uint32_t type, void *data, uint32_t size)
{
	struct query_adapter_info arg;

	memset(&arg, 0, sizeof(arg));
	arg.adapter = adapter;
	arg.type = type;
	arg.data = data;
	arg.size = size;
	OK(D3DKMTQueryAdapterInfo(&arg));
}

static void describe(handle32 adapter)
{
	struct driver_description description;
	struct umd_file_name driver;
	struct device_ids ids;
	uint32_t value;
	uint8_t hardware;

	memset(&description, 0xa5, sizeof(description));
	query(adapter, DRIVER_DESCRIPTION, &description, sizeof(description));
	printf("description %ls\n", description.text);
	memset(&driver, 0, sizeof(driver));
	query(adapter, UMDRIVERNAME, &driver, sizeof(driver));
	printf("driver %ls\n", driver.name);
	query(adapter, ADAPTERTYPE, &value, sizeof(value));
	printf("type render=%u display=%u software=%u\n", value & 1, value >> 1 & 1, value >> 2 & 1);
	query(adapter, ADAPTERTYPE_RENDER, &value, sizeof(value));
	query(adapter, PHYSICALADAPTERCOUNT, &value, sizeof(value));
	printf("physical adapters %u\n", value);
	memset(&ids, 0, sizeof(ids));
	query(adapter, PHYSICALADAPTERDEVICEIDS, &ids, sizeof(ids));
	printf("vendor %#x device %#x\n", ids.ids[0], ids.ids[1]);
	query(adapter, WDDM_2_7_CAPS, &value, sizeof(value));
	printf("wddm 2.7 caps %#x\n", value);
	query(adapter, HWDRM_SUPPORT, &hardware, sizeof(hardware));
	printf("hardware drm %u\n", hardware);
	query(adapter, TEARDOWN_COUNT, &value, sizeof(value));
	printf("teardowns %u\n", value);
}

static handle32 enumerate(void)
{
	struct adapter_info infos[8];
	struct enum_adapters3 third;
	struct enum_adapters2 arg;
	struct one_handle close;
	struct open_adapter open;

	memset(&arg, 0, sizeof(arg));
	OK(D3DKMTEnumAdapters2(&arg));
	printf("adapters %u\n", arg.count);
	NEED(arg.count >= 1 && arg.count <= 8);
	memset(infos, 0xa5, sizeof(infos));
	arg.adapters = infos;
	OK(D3DKMTEnumAdapters2(&arg));
	NEED(arg.count == 1 && infos[0].adapter != 0);
	NEED(infos[1].adapter == 0xa5a5a5a5u);
	close.handle = infos[0].adapter;
	OK(D3DKMTCloseAdapter(&close));

	memset(&third, 0, sizeof(third));
	third.filter = 3;
	third.count = 8;
	third.adapters = infos;
	OK(D3DKMTEnumAdapters3(&third));
	NEED(third.count == 1);
	close.handle = infos[0].adapter;
	OK(D3DKMTCloseAdapter(&close));

	memset(&open, 0, sizeof(open));
	open.luid = infos[0].luid;
	OK(D3DKMTOpenAdapterFromLuid(&open));
	describe(open.adapter);
	return open.adapter;
}

static handle32 make_fence(handle32 device, volatile uint64_t **ret_value)
{
	struct create_sync2 arg;

	memset(&arg, 0, sizeof(arg));
	arg.device = device;
	arg.info.type = MONITORED_FENCE;
	arg.info.flags = 3; /* Shared, NtSecuritySharing */
	arg.info.of.fence.initial = 5;
	OK(D3DKMTCreateSynchronizationObject2(&arg));
	NEED(arg.info.of.fence.cpu_address != NULL);
	*ret_value = (volatile uint64_t *)arg.info.of.fence.cpu_address;
	NEED(**ret_value == 5);
	return arg.sync;
}

static void use_fence(handle32 device)
{
	volatile uint64_t *value;
	struct open_sync2 open;
	struct one_handle one;
	struct signal_cpu signal;
	struct wait_cpu wait;
	handle32 fence = make_fence(device, &value);
	uint64_t six = 6;
	void *nt_handle;

	memset(&signal, 0, sizeof(signal));
	signal.device = device;
	signal.count = 1;
	signal.handles = &fence;
	signal.values = &six;
	OK(D3DKMTSignalSynchronizationObjectFromCpu(&signal));
	NEED(*value == 6);
	memset(&wait, 0, sizeof(wait));
	wait.device = device;
	wait.count = 1;
	wait.handles = &fence;
	wait.values = &six;
	OK(D3DKMTWaitForSynchronizationObjectFromCpu(&wait));

	OK(D3DKMTShareObjects(1, &fence, NULL, 0x80000000u, &nt_handle));
	memset(&open, 0, sizeof(open));
	open.nt_handle = nt_handle;
	open.device = device;
	OK(D3DKMTOpenSyncObjectFromNtHandle2(&open));
	NEED(*(volatile uint64_t *)open.of.fence.cpu_address == 6);
	close((int)(intptr_t)nt_handle);
	one.handle = open.sync;
	OK(D3DKMTDestroySynchronizationObject(&one));
	one.handle = fence;
	OK(D3DKMTDestroySynchronizationObject(&one));
	printf("fence used\n");
}

static void use_session(handle32 device)
{
	static const char driver_data[] = "of the driver";
	struct query_session_status status;
	struct query_session_info info;
	volatile uint64_t *value;
	struct create_session arg;
	struct open_session open;
	struct one_handle one;
	char driver_room[64];
	void *nt_handle;
	handle32 fence;

	fence = make_fence(device, &value);
	memset(&arg, 0, sizeof(arg));
	arg.device = device;
	arg.sync = fence;
	arg.runtime = driver_data;
	arg.runtime_size = sizeof(driver_data);
	OK(D3DKMTCreateProtectedSession(&arg));
	OK(D3DKMTShareObjects(1, &arg.session, NULL, 0x80000000u, &nt_handle));
	memset(&info, 0, sizeof(info));
	info.nt_handle = nt_handle;
	info.runtime = driver_room;
	info.runtime_size = sizeof(driver_room);
	OK(D3DKMTQueryProtectedSessionInfoFromNtHandle(&info));
	NEED(info.runtime_size == sizeof(driver_data) && !memcmp(driver_room, driver_data, sizeof(driver_data)));
	memset(&open, 0, sizeof(open));
	open.nt_handle = nt_handle;
	OK(D3DKMTOpenProtectedSessionFromNtHandle(&open));
	close((int)(intptr_t)nt_handle);
	status.session = open.session;
	status.status = 7;
	OK(D3DKMTQueryProtectedSessionStatus(&status));
	NEED(status.status == 0);
	one.handle = open.session;
	OK(D3DKMTDestroyProtectedSession(&one));
	one.handle = arg.session;
	OK(D3DKMTDestroyProtectedSession(&one));
	one.handle = fence;
	OK(D3DKMTDestroySynchronizationObject(&one));
	printf("session used\n");
}

int main(void)
{
	struct create_context context;
	struct get_device_state state;
	struct create_device device;
	struct one_handle one;
	handle32 adapter;

	adapter = enumerate();
	memset(&device, 0, sizeof(device));
	device.of.adapter = adapter;
	OK(D3DKMTCreateDevice(&device));
	one.handle = adapter;
	OK(D3DKMTCloseAdapter(&one));
	memset(&state, 0, sizeof(state));
	state.device = device.device;
	state.type = DEVICESTATE_EXECUTION;
	OK(D3DKMTGetDeviceState(&state));
	NEED(state.state.execution == DEVICEEXECUTION_ACTIVE);
	memset(&context, 0, sizeof(context));
	context.device = device.device;
	OK(D3DKMTCreateContextVirtual(&context));

	use_fence(device.device);
	use_session(device.device);

	one.handle = context.context;
	OK(D3DKMTDestroyContext(&one));
	one.handle = device.device;
	OK(D3DKMTDestroyDevice(&one));
	check("D3DKMTQueryStatistics", D3DKMTQueryStatistics(&one), STATUS_NOT_SUPPORTED);
	OK(D3DKMTSetStablePowerState(&one));
	D3DKMTCloseDxCoreDevice();
	printf("all destroyed\n");
	return 0;
}
