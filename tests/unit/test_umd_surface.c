/* SPDX-License-Identifier: MIT */
/* The user-mode driver: surfaces of each format, resources that others made, runtimes that lack callbacks, decode devices. */
#include "umd_fixture.h"

#include <string.h>

/* ---- positions ---------------------------------------------------------------------------------- */

/* Where a part of 2 x 2 at (4, 2) begins in each format; -1: no parts of it can be had. */
static void test_positions(void **state)
{
	static const struct {
		D3DDDIFORMAT format;
		int bytes;
	} rows[] = {
		{ D3DDDIFMT_A8R8G8B8, 4 }, { D3DDDIFMT_X8R8G8B8, 4 }, { D3DDDIFMT_YUY2, 2 },
		{ D3DDDIFMT_UYVY, 2 },	   { D3DDDIFMT_NV12, 1 },
	};
	const D3DDDI_SURFACEINFO list = { .Width = 32, .Height = 4 };
	struct uf_bench b;
	D3DDDIARG_LOCK arg;
	HANDLE resource;

	(void)state;
	uf_bench_start(&b, true);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t *base;

		assert_hr(uf_create(b.uf, rows[i].format, D3DDDIPOOL_VIDEOMEMORY, 0, &list, 1, &resource), S_OK);
		assert_hr(uf_lock(&b, resource, 0, &arg), S_OK);
		base = arg.pSurfData;
		assert_int_equal(arg.Pitch % 16, 0);
		assert_hr(uf_unlock(&b, resource, 0), S_OK);
		for (int as_box = 0; as_box < 2; as_box++) {
			memset(&arg, 0, sizeof(arg));
			arg.hResource = resource;
			arg.Flags.AreaValid = !as_box;
			arg.Flags.BoxValid = as_box;
			if (as_box)
				arg.Box = (D3DDDIBOX) { .Left = 4, .Top = 2, .Right = 6, .Bottom = 4, .Back = 1 };
			else
				arg.Area = (RECT) { 4, 2, 6, 4 };
			assert_hr(b.uf->funcs.pfnLock(b.device, &arg), S_OK);
			assert_ptr_equal(arg.pSurfData, base + 2 * arg.Pitch + 4 * rows[i].bytes);
			assert_hr(uf_unlock(&b, resource, 0), S_OK);
		}
		/* A surface has no depth. */
		memset(&arg, 0, sizeof(arg));
		arg.hResource = resource;
		arg.Flags.BoxValid = 1;
		arg.Box = (D3DDDIBOX) { .Left = 4, .Top = 2, .Right = 6, .Bottom = 4, .Back = 2 };
		assert_hr(b.uf->funcs.pfnLock(b.device, &arg), INVALIDARG);
		arg.Box.Front = arg.Box.Back = 1;
		assert_hr(b.uf->funcs.pfnLock(b.device, &arg), INVALIDARG);
		assert_null(arg.pSurfData);
		assert_hr(uf_unlock(&b, resource, 0), INVALIDARG);
		assert_hr(uf_destroy_resource(b.uf, 0, resource), S_OK);
	}
	uf_stop(b.uf);
}

/* The application's own memory may have a format that the driver does not know: then there are no parts of it. */
static void test_positions_that_are_not_known(void **state)
{
	static uint8_t memory[4096];
	const D3DDDI_SURFACEINFO list = { .Width = 32, .Height = 4, .pSysMem = memory, .SysMemPitch = 64 };
	struct uf_bench b;
	D3DDDIARG_LOCK arg = { .Flags.AreaValid = 1, .Area = { 4, 2, 6, 4 } };

	(void)state;
	uf_bench_start(&b, true);
	assert_hr(uf_create(b.uf, D3DDDIFMT_R5G6B5, D3DDDIPOOL_SYSTEMMEM, 0, &list, 1, &arg.hResource), S_OK);
	assert_hr(b.uf->funcs.pfnLock(b.device, &arg), INVALIDARG);
	arg.Flags.Value = 0;
	assert_hr(b.uf->funcs.pfnLock(b.device, &arg), S_OK);
	assert_ptr_equal(arg.pSurfData, memory);
	assert_hr(uf_unlock(&b, arg.hResource, 0), S_OK);
	/* How far it goes is not known either. */
	arg.Flags.RangeValid = 1;
	arg.Range = (D3DDDIRANGE) { .Offset = 100, .Size = 0xffffffff };
	assert_hr(b.uf->funcs.pfnLock(b.device, &arg), S_OK);
	assert_ptr_equal(arg.pSurfData, memory + 100);
	assert_hr(uf_unlock(&b, arg.hResource, 0), S_OK);
	uf_stop(b.uf);
}

/* ---- what others made ---------------------------------------------------------------------------- */

/* All surfaces of a resource are of one kind. */
static void test_open_several(void **state)
{
	struct uf_bench b;
	struct drv_allocation infos[2];
	D3DDDI_OPENALLOCATIONINFO list[2] = { 0 };
	D3DDDIARG_OPENRESOURCE arg = { .NumAllocations = 2, .pOpenAllocationInfo = list, .hResource = (HANDLE)0x5550 };

	(void)state;
	uf_bench_start(&b, true);
	for (int i = 0; i < 2; i++) {
		infos[i] = uf_allocation_of(b.uf, D3DDDIPOOL_VIDEOMEMORY)->info;
		list[i].hAllocation = uf_allocation_of(b.uf, D3DDDIPOOL_VIDEOMEMORY)->handle;
		list[i].pPrivateDriverData = &infos[i];
		list[i].PrivateDriverDataSize = sizeof(infos[i]);
	}
	for (int fault = 0; fault < 6; fault++) {
		struct drv_allocation good = infos[1];

		infos[1].format = fault == 0 ? D3DDDIFMT_X8R8G8B8 : good.format;
		infos[1].pool = fault == 1 ? D3DDDIPOOL_LOCALVIDMEM : good.pool;
		infos[1].flags = fault == 2 ? good.flags ^ UF_RESTRICTED : good.flags;
		infos[1].multisample = fault == 3 ? good.multisample + 1 : good.multisample;
		infos[1].width = fault == 4 ? 0 : good.width;
		list[1].pPrivateDriverData = fault == 5 ? NULL : &infos[1];
		assert_hr(b.uf->funcs.pfnOpenResource(b.uf->devices[1], &arg), INVALIDARG);
		assert_ptr_equal(arg.hResource, (HANDLE)0x5550);
		infos[1] = good;
	}
	list[1].pPrivateDriverData = &infos[1];
	/* The runtime takes back what it opened. */
	assert_int_equal(b.uf->calls.deallocate, 0);
	if (uf_can_fail_calloc()) {
		uf_fail_calloc(0);
		assert_hr(b.uf->funcs.pfnOpenResource(b.uf->devices[1], &arg), E_OUTOFMEMORY);
		uf_fail_calloc_off();
	}
	assert_hr(b.uf->funcs.pfnOpenResource(b.uf->devices[1], &arg), S_OK);
	assert_hr(uf_destroy_resource(b.uf, 1, arg.hResource), S_OK);
	assert_int_equal(b.uf->calls.deallocate, 1);
	uf_stop(b.uf);
}

/* ---- runtimes that lack a callback --------------------------------------------------------------- */

/* CAP-28: missed when it is needed, and not before. */
static void test_missing_callbacks(void **state)
{
	struct uf *uf = uf_start_with(0xf9, /* open= */ false);
	D3DDDI_DEVICECALLBACKS *callbacks = &uf->device_callbacks.Callbacks;
	const D3DDDI_DEVICECALLBACKS whole = *callbacks;
	struct uf_bench b = { .uf = uf };
	D3DDDIARG_PRESENT present = { 0 };
	D3DDDIARG_CREATEDEVICE device;
	D3DDDIARG_LOCK arg;
	HANDLE ordinary, protected;

	(void)state;
	callbacks->pfnLockCb = NULL;
	callbacks->pfnPresentCb = NULL;
	uf_open(uf);
	b.device = uf->devices[0];
	ordinary = uf_resource(uf, 0, D3DDDIPOOL_VIDEOMEMORY, 0, 16, 1, NULL);
	protected = uf_resource(uf, 0, D3DDDIPOOL_VIDEOMEMORY, UF_RESTRICTED, 16, 1, NULL);
	assert_hr(uf_lock(&b, ordinary, 0, &arg), E_FAIL);
	assert_hr(uf_unlock(&b, ordinary, 0), INVALIDARG);
	/* Its copy can't be had: the kernel half is told that it is not locked after all. */
	assert_hr(uf_lock(&b, protected, 0, &arg), E_FAIL);
	assert_int_equal(uf->locked_surfaces, 0);
	assert_int_equal(uf_live_allocations(uf), 2);
	present.hSrcResource = ordinary;
	assert_hr(uf->funcs.pfnPresent(b.device, &present), E_FAIL);
	assert_int_equal(uf->calls.create_context, 0);

	/* The same, with others missing. */
	*callbacks = whole;
	callbacks->pfnCreateContextCb = NULL;
	device = uf_device_arg(uf, 7);
	assert_hr(uf->adapter_funcs.pfnCreateDevice(uf->adapter, &device), S_OK);
	assert_hr(uf->funcs.pfnDestroyDevice(uf->devices[1]), S_OK);
	uf->devices[1] = device.hDevice;
	b.device = device.hDevice;
	present.hSrcResource = uf_resource(uf, 1, D3DDDIPOOL_VIDEOMEMORY, 0, 16, 1, NULL);
	assert_hr(uf->funcs.pfnPresent(b.device, &present), E_FAIL);
	assert_int_equal(uf->calls.present, 0);
	uf_stop(uf);
}

/* ---- decode devices ------------------------------------------------------------------------------ */

/* AC-116: the test configuration's can be made, and asked for a handle by which channels know them. */
static void test_decode(void **state)
{
	struct uf *uf = uf_start_with(0xfd, /* open= */ false);
	DXVADDI_CONFIGPICTUREDECODE config = { 0 };
	D3DDDIARG_CREATEDECODEDEVICE arg = {
		.pGuid = &drv_test_profiles[0],
		.pConfig = &config,
		.hDecode = (HANDLE)0x6660,
	};
	D3DDDIARG_CREATEDECODEDEVICE bad;
	HANDLE handles[2] = { NULL, NULL }, again = NULL;
	DXVADDI_PRIVATEDATA output = { .pData = &handles[0], .DataSize = sizeof(HANDLE) };
	D3DDDIARG_DECODEEXTENSIONEXECUTE ask = { .Function = DXVA2_DECODE_GET_DRIVER_HANDLE,
						 .pPrivateOutput = &output };
	HANDLE device;

	(void)state;
	uf->caps.decode_profiles = 1;
	uf_open(uf);
	device = uf->devices[0];
	for (int fault = 0; fault < 5; fault++) {
		bad = arg;
		bad.pGuid = fault == 1	 ? NULL
			    : fault == 2 ? &UF_RANDOM_GUID
			    : fault == 3 ? &drv_test_profiles[1]
					 : arg.pGuid;
		bad.pConfig = fault == 4 ? NULL : &config;
		assert_hr(uf->funcs.pfnCreateDecodeDevice(fault == 0 ? NULL : device, &bad),
			  fault == 2 || fault == 3 ? NOTAVAILABLE : INVALIDARG);
		assert_ptr_equal(bad.hDecode, (HANDLE)0x6660);
	}
	assert_hr(uf->funcs.pfnCreateDecodeDevice(device, NULL), INVALIDARG);
	uf->command_result = E_OUTOFMEMORY;
	assert_hr(uf->funcs.pfnCreateDecodeDevice(device, &bad), INVALIDARG);
	bad = arg;
	assert_hr(uf->funcs.pfnCreateDecodeDevice(device, &bad), E_OUTOFMEMORY);
	assert_ptr_equal(bad.hDecode, (HANDLE)0x6660);
	uf->command_result = S_OK;
	if (uf_can_fail_calloc()) {
		uf_fail_calloc(0);
		assert_hr(uf->funcs.pfnCreateDecodeDevice(device, &bad), E_OUTOFMEMORY);
		uf_fail_calloc_off();
		/* A removed adapter says so first (CAP-27). */
		uf->is_removed = true;
		uf_fail_calloc(0);
		assert_hr(uf->funcs.pfnCreateDecodeDevice(device, &bad), DEVICEREMOVED);
		uf_fail_calloc_off();
		uf->is_removed = false;
	}
	assert_hr(uf->funcs.pfnCreateDecodeDevice(device, &arg), S_OK);
	assert_ptr_not_equal(arg.hDecode, (HANDLE)0x6660);
	assert_hr(uf->funcs.pfnCreateDecodeDevice(device, &bad), S_OK);

	/* Twice the same, and of no other device. */
	assert_hr(uf->funcs.pfnDecodeExtensionExecute(NULL, &ask), INVALIDARG);
	assert_hr(uf->funcs.pfnDecodeExtensionExecute(device, NULL), INVALIDARG);
	assert_hr(uf->funcs.pfnDecodeExtensionExecute(device, &ask), E_FAIL);
	ask.hDecode = arg.hDecode;
	assert_hr(uf->funcs.pfnDecodeExtensionExecute(uf->devices[1], &ask), INVALIDARG);
	ask.Function++;
	assert_hr(uf->funcs.pfnDecodeExtensionExecute(device, &ask), E_NOTIMPL);
	ask.Function--;
	ask.pPrivateOutput = NULL;
	assert_hr(uf->funcs.pfnDecodeExtensionExecute(device, &ask), INVALIDARG);
	ask.pPrivateOutput = &output;
	output.DataSize--;
	assert_hr(uf->funcs.pfnDecodeExtensionExecute(device, &ask), INVALIDARG);
	output.DataSize++;
	output.pData = NULL;
	assert_hr(uf->funcs.pfnDecodeExtensionExecute(device, &ask), INVALIDARG);
	output.pData = &handles[0];
	assert_null(handles[0]);
	assert_hr(uf->funcs.pfnDecodeExtensionExecute(device, &ask), S_OK);
	assert_non_null(handles[0]);
	output.pData = &again;
	assert_hr(uf->funcs.pfnDecodeExtensionExecute(device, &ask), S_OK);
	assert_ptr_equal(again, handles[0]);
	ask.hDecode = bad.hDecode;
	output.pData = &handles[1];
	assert_hr(uf->funcs.pfnDecodeExtensionExecute(device, &ask), S_OK);
	assert_ptr_not_equal(handles[1], handles[0]);

	assert_hr(uf->funcs.pfnDestroyDecodeDevice(uf->devices[1], arg.hDecode), INVALIDARG);
	assert_hr(uf->funcs.pfnDestroyDecodeDevice(NULL, arg.hDecode), INVALIDARG);
	assert_int_equal(uf->live_decodes, 2);
	assert_hr(uf->funcs.pfnDestroyDecodeDevice(device, arg.hDecode), S_OK);
	assert_int_equal(uf->live_decodes, 1);
	assert_hr(uf->funcs.pfnDestroyDecodeDevice(device, arg.hDecode), INVALIDARG);
	ask.hDecode = arg.hDecode;
	assert_hr(uf->funcs.pfnDecodeExtensionExecute(device, &ask), INVALIDARG);
	/* The other one goes with its device. */
	assert_hr(uf->funcs.pfnDestroyDevice(device), S_OK);
	assert_int_equal(uf->live_decodes, 0);
	uf->devices[0] = NULL;
	uf_stop(uf);
}

/* CAP-18: none by default, and what says so comes before every other answer. */
static void test_no_decode(void **state)
{
	struct uf *uf = uf_start();
	const D3DDDIARG_DECODEEXTENSIONEXECUTE ask = { .Function = DXVA2_DECODE_GET_DRIVER_HANDLE };

	(void)state;
	assert_hr(uf->funcs.pfnCreateDecodeDevice(uf->devices[0], NULL), NOTAVAILABLE);
	assert_hr(uf->funcs.pfnDecodeExtensionExecute(uf->devices[0], &ask), E_NOTIMPL);
	assert_hr(uf->funcs.pfnDestroyDecodeDevice(uf->devices[0], NULL), E_NOTIMPL);
	uf_stop(uf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_positions),    cmocka_unit_test(test_positions_that_are_not_known),
		cmocka_unit_test(test_open_several), cmocka_unit_test(test_missing_callbacks),
		cmocka_unit_test(test_decode),	     cmocka_unit_test(test_no_decode),
	};

	return cmocka_run_group_tests_name("umd_surface", tests, NULL, NULL);
}
