/* SPDX-License-Identifier: MIT */
/* The user-mode driver's resources: creation, locks, opening, present. */
#include "umd_fixture.h"

#include <string.h>

/* BLT-91 to BLT-93, BLT-101, BLT-108, BLT-111, BLT-114 to BLT-116. */
static void test_create(void **state)
{
	struct uf *uf = uf_start();
	_Alignas(16) uint8_t memory[80];
	const D3DDDI_SURFACEINFO plain = { .Width = 16, .Height = 1 };
	const D3DDDI_SURFACEINFO system = { .Width = 16, .Height = 1, .pSysMem = memory, .SysMemPitch = 64 };
	const D3DDDI_SURFACEINFO odd = { .Width = 16, .Height = 1, .pSysMem = memory + 8, .SysMemPitch = 64 };
	const D3DDDI_SURFACEINFO wide = { .Width = 16385, .Height = 1 };
	const struct {
		uint32_t format;
		D3DDDI_POOL pool;
		uint32_t flags;
		const D3DDDI_SURFACEINFO *surface;
		HRESULT result;
		uint32_t allocations;
	} rows[] = {
		{ 21, D3DDDIPOOL_VIDEOMEMORY, UF_RESTRICTED, &plain, S_OK, 1 },
		{ 22, D3DDDIPOOL_LOCALVIDMEM, UF_RESTRICTED, &plain, S_OK, 1 },
		{ 0x59565955, D3DDDIPOOL_NONLOCALVIDMEM, UF_RESTRICTED | 0x80, &plain, S_OK, 1 },
		{ 0x32595559, D3DDDIPOOL_VIDEOMEMORY, UF_RESTRICTED | UF_SHARED, &plain, S_OK, 1 },
		{ 0x3231564e, D3DDDIPOOL_VIDEOMEMORY, UF_RESTRICTED | UF_SHARED | UF_RESTRICT_SHARED, &plain, S_OK, 1 },
		{ 21, D3DDDIPOOL_VIDEOMEMORY, 0, &plain, S_OK, 1 },
		{ 21, D3DDDIPOOL_SYSTEMMEM, 0, &system, S_OK, 1 },
		{ 21, D3DDDIPOOL_SYSTEMMEM, 0, &odd, S_OK, 0 },
		{ 77, D3DDDIPOOL_SYSTEMMEM, 0, &system, S_OK, 0 },
		{ 23, D3DDDIPOOL_VIDEOMEMORY, UF_RESTRICTED, &plain, INVALIDARG, 0 },
		{ 23, D3DDDIPOOL_VIDEOMEMORY, 0, &plain, INVALIDARG, 0 },
		{ 100, D3DDDIPOOL_VIDEOMEMORY, 0x00080000, &plain, NOTAVAILABLE, 0 },
		{ 100, D3DDDIPOOL_VIDEOMEMORY, UF_RESTRICTED | 0x00080000, &plain, INVALIDARG, 0 },
		{ 21, D3DDDIPOOL_VIDEOMEMORY, UF_RESTRICTED, &wide, INVALIDARG, 0 },
		{ 21, D3DDDIPOOL_SYSTEMMEM, UF_RESTRICTED, &system, INVALIDARG, 0 },
		{ 21, D3DDDIPOOL_SYSTEMMEM, 0, &plain, INVALIDARG, 0 },
		{ 21, D3DDDIPOOL_VIDEOMEMORY, UF_RESTRICT_SHARED, &plain, INVALIDARG, 0 },
		{ 21, (D3DDDI_POOL)0, 0, &plain, INVALIDARG, 0 },
		{ 21, D3DDDIPOOL_STAGINGMEM, 0, &plain, INVALIDARG, 0 },
	};
	HANDLE resource = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_hr(uf_create(uf, (D3DDDIFORMAT)rows[i].format, rows[i].pool, rows[i].flags, rows[i].surface, 1,
				    &resource),
			  rows[i].result);
		assert_int_equal(uf_live_allocations(uf), rows[i].allocations);
		if (rows[i].result != S_OK)
			continue;
		assert_hr(uf_destroy_resource(uf, 1, resource), INVALIDARG); /* CAP-21 */
		assert_hr(uf_destroy_resource(uf, 0, resource), S_OK);
		assert_hr(uf_destroy_resource(uf, 0, resource), INVALIDARG);
		assert_int_equal(uf_live_allocations(uf), 0);
	}
	assert_hr(uf_create(uf, D3DDDIFMT_A8R8G8B8, D3DDDIPOOL_VIDEOMEMORY, 0, NULL, 1, &resource), INVALIDARG);
	assert_hr(uf_create(uf, D3DDDIFMT_A8R8G8B8, D3DDDIPOOL_VIDEOMEMORY, 0, &plain, 0, &resource), INVALIDARG);
	uf_stop(uf);
}

/* CAP-23, CAP-25: one allocate call for all subresources, one deallocate call by the resource. BLT-32: multisample. */
static void test_private_data(void **state)
{
	struct uf *uf = uf_start();
	const D3DDDI_SURFACEINFO list[3] = { { .Width = 64, .Height = 4 },
					     { .Width = 32, .Height = 2 },
					     { .Width = 16, .Height = 1 } };
	D3DDDIARG_CREATERESOURCE arg = {
		.Format = D3DDDIFMT_A8R8G8B8,
		.Pool = D3DDDIPOOL_VIDEOMEMORY,
		.MultisampleType = D3DDDIMULTISAMPLE_4_SAMPLES,
		.pSurfList = list,
		.SurfCount = 3,
		.RefreshRate = { 60000, 1001 },
		.hResource = (HANDLE)0x4440,
		.Rotation = (D3DDDI_ROTATION)0,
	};

	(void)state;
	arg.Flags.Value = UF_RESTRICTED | UF_SHARED;
	assert_hr(uf->funcs.pfnCreateResource(uf->devices[0], &arg), S_OK);
	assert_int_equal(uf->calls.allocate, 1);
	assert_int_equal(uf->seen_allocations, 3);
	assert_ptr_equal(uf->seen_device, UF_RUNTIME_DEVICE(0));
	for (int i = 0; i < 3; i++) {
		const struct drv_allocation *info = &uf->allocations[i].info;

		assert_ptr_equal(uf->allocations[i].resource, (HANDLE)0x4440);
		assert_int_equal(info->width, list[i].Width);
		assert_int_equal(info->height, list[i].Height);
		assert_int_equal(info->flags, UF_RESTRICTED | UF_SHARED);
		assert_int_equal(info->multisample, 0); /* reserved without RenderTarget */
		assert_int_equal(info->rotation, D3DDDI_ROTATION_IDENTITY);
		assert_int_equal(info->refresh_numerator, 60000);
		assert_int_equal(info->refresh_denominator, 1001);
	}
	assert_hr(uf_destroy_resource(uf, 0, arg.hResource), S_OK);
	assert_int_equal(uf->calls.deallocate, 1);
	assert_ptr_equal(uf->seen_deallocate.hResource, (HANDLE)0x4440);
	assert_int_equal(uf->seen_deallocate.NumAllocations, 0);

	arg.hResource = NULL; /* a runtime that names none: by the list */
	arg.Flags.Value = UF_RESTRICTED | UF_RENDER_TARGET;
	assert_hr(uf->funcs.pfnCreateResource(uf->devices[0], &arg), S_OK);
	assert_int_equal(uf->allocations[0].info.multisample, 4);
	assert_hr(uf_destroy_resource(uf, 0, arg.hResource), S_OK);
	assert_int_equal(uf->calls.deallocate, 2);
	assert_int_equal(uf->seen_deallocate.NumAllocations, 3);
	uf_stop(uf);
}

/* CAP-27, CAP-28. */
static void test_allocate_fails(void **state)
{
	struct uf *uf = uf_start();
	_Alignas(16) uint8_t memory[64];
	const D3DDDI_SURFACEINFO surface = { .Width = 16, .Height = 1, .pSysMem = memory, .SysMemPitch = 64 };
	const HRESULT results[][2] = {
		{ E_OUTOFMEMORY, E_OUTOFMEMORY },
		{ DEVICEREMOVED, DEVICEREMOVED },
		{ INVALIDARG, E_FAIL },
		{ E_ACCESSDENIED, E_FAIL },
	};
	D3DDDIARG_CREATEDEVICE arg = uf_device_arg(uf, 3);
	HANDLE resource, saved;

	(void)state;
	for (size_t i = 0; i < sizeof(results) / sizeof(results[0]); i++) {
		uf->allocate_result = results[i][0];
		for (int pool = D3DDDIPOOL_SYSTEMMEM; pool <= D3DDDIPOOL_VIDEOMEMORY; pool++)
			assert_hr(uf_create(uf, D3DDDIFMT_A8R8G8B8, (D3DDDI_POOL)pool, 0, &surface, 1, &resource),
				  results[i][1]);
	}
	uf->allocate_result = S_OK;
	for (int i = 0; uf_can_fail_calloc() && i < 3; i++) {
		uf_fail_calloc(i);
		assert_hr(uf_create(uf, D3DDDIFMT_A8R8G8B8, D3DDDIPOOL_VIDEOMEMORY, 0, &surface, 1, &resource),
			  E_OUTOFMEMORY);
	}
	uf->device_callbacks.Callbacks.pfnAllocateCb = NULL;
	assert_hr(uf->adapter_funcs.pfnCreateDevice(uf->adapter, &arg), S_OK);
	saved = uf->devices[0];
	uf->devices[0] = arg.hDevice;
	assert_hr(uf_create(uf, D3DDDIFMT_A8R8G8B8, D3DDDIPOOL_VIDEOMEMORY, 0, &surface, 1, &resource), E_FAIL);
	uf->devices[0] = saved;
	assert_hr(uf->funcs.pfnDestroyDevice(arg.hDevice), S_OK);
	assert_int_equal(uf_live_allocations(uf), 0);
	assert_int_equal(uf->calls.deallocate, 0);
	uf_stop(uf);
}

/* BLT-94, BLT-96, BLT-99, BLT-100, BLT-104, BLT-106, CAP-26. */
static void test_lock(void **state)
{
	struct uf_bench b;
	HANDLE ordinary;
	D3DDDIARG_LOCK arg;

	(void)state;
	uf_bench_start(&b, true);
	ordinary = uf_resource(b.uf, 0, D3DDDIPOOL_VIDEOMEMORY, 0, 18, 4, NULL);

	assert_hr(uf_lock(&b, b.protected, 0, &arg), E_ACCESSDENIED);
	assert_int_equal(arg.Pitch, 0xc3c3c3c3);
	assert_int_equal(arg.SlicePitch, 0xc3c3c3c3);
	assert_int_equal((uintptr_t)arg.pSurfData, 0xc3c3c3c3c3c3c3c3);
	assert_hr(uf_lock(&b, b.protected, 0x80, &arg), E_ACCESSDENIED);
	assert_hr(uf_unlock(&b, b.protected, 0), INVALIDARG);
	assert_int_equal(b.uf->calls.lock, 0);

	assert_hr(uf_unlock(&b, ordinary, 0), INVALIDARG);
	assert_hr(uf_lock(&b, ordinary, 0, &arg), S_OK);
	assert_int_equal(arg.Pitch, 80); /* 18 pixels, to a multiple of 16 (BLT-85, BLT-86) */
	assert_int_equal(b.uf->calls.lock, 1);
	assert_hr(uf_lock(&b, ordinary, 0, &arg), INVALIDARG);
	assert_hr(uf_unlock(&b, ordinary, 0), S_OK);
	assert_int_equal(b.uf->calls.unlock, 1);
	assert_hr(uf_unlock(&b, ordinary, 0), INVALIDARG);

	/* Failing callbacks leave the state as it was. */
	b.uf->lock_result = INVALIDARG;
	assert_hr(uf_lock(&b, ordinary, 0, &arg), E_FAIL);
	assert_hr(uf_unlock(&b, ordinary, 0), INVALIDARG);
	b.uf->lock_result = S_OK;
	assert_hr(uf_lock(&b, ordinary, 0, &arg), S_OK);
	b.uf->unlock_result = E_OUTOFMEMORY;
	assert_hr(uf_unlock(&b, ordinary, 0), E_OUTOFMEMORY);
	b.uf->unlock_result = S_OK;

	assert_hr(uf_lock(&b, NULL, 0, &arg), INVALIDARG);
	arg.hResource = ordinary;
	arg.SubResourceIndex = 1;
	assert_hr(b.uf->funcs.pfnLock(b.device, &arg), INVALIDARG);
	assert_hr(b.uf->funcs.pfnLock(b.device, NULL), INVALIDARG);
	/* Destroyed while locked: the fixture asserts that the calls pair up. */
	assert_hr(uf_destroy_resource(b.uf, 0, ordinary), S_OK);
	assert_int_equal(b.uf->calls.unlock, 3);
	uf_stop(b.uf);
}

/* The parts of a surface. */
static void test_lock_parts(void **state)
{
	struct uf_bench b;
	HANDLE ordinary;
	D3DDDIARG_LOCK arg;
	const struct {
		RECT area;
		intptr_t offset; /* -1: refused */
	} rows[] = { { { 0, 0, 18, 4 }, 0 }, { { 2, 1, 3, 2 }, 88 },  { { 2, 1, 2, 2 }, -1 },  { { 0, 0, 19, 1 }, -1 },
		     { { 0, 0, 1, 5 }, -1 }, { { -1, 0, 1, 1 }, -1 }, { { 0, -1, 1, 1 }, -1 }, { { 3, 0, 2, 1 }, -1 } };
	uint8_t *base;

	(void)state;
	uf_bench_start(&b, true);
	ordinary = uf_resource(b.uf, 0, D3DDDIPOOL_VIDEOMEMORY, 0, 18, 4, NULL);
	assert_hr(uf_lock(&b, ordinary, 0, &arg), S_OK);
	base = arg.pSurfData;
	assert_hr(uf_unlock(&b, ordinary, 0), S_OK);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		memset(&arg, 0, sizeof(arg));
		arg.hResource = ordinary;
		arg.Flags.AreaValid = 1;
		arg.Area = rows[i].area;
		assert_hr(b.uf->funcs.pfnLock(b.device, &arg), rows[i].offset < 0 ? INVALIDARG : S_OK);
		if (rows[i].offset < 0)
			continue;
		assert_ptr_equal(arg.pSurfData, base + rows[i].offset);
		assert_hr(uf_unlock(&b, ordinary, 0), S_OK);
	}
	memset(&arg, 0, sizeof(arg));
	arg.hResource = ordinary;
	arg.Flags.RangeValid = 1;
	arg.Range = (D3DDDIRANGE) { .Offset = 0xffffffff, .Size = 2 };
	assert_hr(b.uf->funcs.pfnLock(b.device, &arg), INVALIDARG);
	arg.Range = (D3DDDIRANGE) { .Offset = 319, .Size = 1 };
	assert_hr(b.uf->funcs.pfnLock(b.device, &arg), S_OK);
	assert_ptr_equal(arg.pSurfData, base + 319);
	uf_stop(b.uf);
}

/* OpenResource rebuilds all from the allocations; BLT-39, BLT-112: protected there too. */
static void test_open(void **state)
{
	struct uf_bench b;
	struct drv_allocation info;
	D3DDDI_OPENALLOCATIONINFO open = { .pPrivateDriverData = &info, .PrivateDriverDataSize = sizeof(info) };
	D3DDDIARG_OPENRESOURCE arg = { .NumAllocations = 1, .pOpenAllocationInfo = &open, .hResource = (HANDLE)0x5550 };
	D3DDDIARG_LOCK lock_arg = { .pSurfData = NULL };

	(void)state;
	uf_bench_start(&b, true);
	open.hAllocation = uf_allocation_of(b.uf, D3DDDIPOOL_VIDEOMEMORY)->handle;
	info = uf_allocation_of(b.uf, D3DDDIPOOL_VIDEOMEMORY)->info;
	for (int fault = 0; fault < 7; fault++) {
		D3DDDIARG_OPENRESOURCE bad = arg;

		bad.NumAllocations = fault != 0;
		bad.pOpenAllocationInfo = fault == 1 ? NULL : &open;
		info.magic = fault == 2 ? 0 : DRV_MAGIC;
		info.format = fault == 3 ? 23 : 21;
		info.pool = fault == 4 ? D3DDDIPOOL_SYSTEMMEM : D3DDDIPOOL_VIDEOMEMORY;
		info.height = fault == 5 ? 0 : 1;
		open.PrivateDriverDataSize = fault == 6 ? 39 : 40;
		assert_hr(b.uf->funcs.pfnOpenResource(b.uf->devices[1], &bad), INVALIDARG);
		assert_ptr_equal(bad.hResource, (HANDLE)0x5550);
	}
	open.PrivateDriverDataSize = 40;
	assert_int_equal(b.uf->calls.deallocate, 0);
	assert_hr(b.uf->funcs.pfnOpenResource(b.uf->devices[1], &arg), S_OK);
	assert_ptr_not_equal(arg.hResource, (HANDLE)0x5550);
	lock_arg.hResource = arg.hResource;
	assert_hr(b.uf->funcs.pfnLock(b.uf->devices[1], &lock_arg), E_ACCESSDENIED);

	D3DDDIARG_ENCRYPTIONBLT enc = uf_encryption(&b);
	enc.hSrcResource = arg.hResource;
	assert_hr(uf_encrypt(&b, &enc), INVALIDARG); /* not of this device */
	enc.hCryptoSession = uf_session_with_key(b.uf, 1);
	enc.hDstResource = uf_resource(b.uf, 1, D3DDDIPOOL_SYSTEMMEM, 0, 16, 1, b.memory);
	assert_hr(b.uf->funcs.pfnEncryptionBlt(b.uf->devices[1], &enc), S_OK);
	assert_hr(uf_destroy_resource(b.uf, 1, arg.hResource), S_OK);
	assert_ptr_equal(b.uf->seen_deallocate.hResource, (HANDLE)0x5550);
	uf_stop(b.uf);
}

/* CAP-24: a context before the first present, one for all; CAP-27. */
static void test_present(void **state)
{
	struct uf_bench b;
	D3DDDIARG_PRESENT arg = { .hSrcResource = NULL };

	(void)state;
	uf_bench_start(&b, true);
	assert_hr(b.uf->funcs.pfnPresent(b.device, &arg), INVALIDARG);
	arg.hSrcResource = b.system;
	assert_hr(b.uf->funcs.pfnPresent(b.device, &arg), INVALIDARG);
	arg.hSrcResource = b.protected;
	arg.hDstResource = b.protected;
	assert_hr(b.uf->funcs.pfnPresent(b.device, &arg), INVALIDARG);
	arg.hDstResource = NULL;
	assert_int_equal(b.uf->calls.create_context, 0);
	b.uf->context_result = INVALIDARG;
	assert_hr(b.uf->funcs.pfnPresent(b.device, &arg), E_FAIL);
	b.uf->context_result = S_OK;
	b.uf->calls.create_context = 0;
	for (int i = 0; i < 3; i++)
		assert_hr(b.uf->funcs.pfnPresent(b.device, &arg), S_OK);
	assert_int_equal(b.uf->calls.create_context, 1);
	assert_int_equal(b.uf->calls.present, 3);
	assert_ptr_equal(b.uf->seen_present.hContext, UF_RUNTIME_CONTEXT);
	assert_int_equal(b.uf->seen_present.hSrcAllocation, uf_allocation_of(b.uf, D3DDDIPOOL_VIDEOMEMORY)->handle);
	b.uf->present_result = E_OUTOFMEMORY;
	assert_hr(b.uf->funcs.pfnPresent(b.device, &arg), E_OUTOFMEMORY);
	uf_stop(b.uf);
}

/* CAP-20: everything at once, locked and staged; uf_stop destroys the devices and counts. CS-12: after a removal too. */
static void test_destroy_device(void **state)
{
	struct uf_bench b;
	D3DDDIARG_LOCK arg;

	(void)state;
	for (int removed = 0; removed < 2; removed++) {
		uf_bench_start(&b, false);
		D3DDDIARG_ENCRYPTIONBLT enc = uf_encryption(&b);
		HANDLE ordinary = uf_resource(b.uf, 0, D3DDDIPOOL_VIDEOMEMORY, UF_SHARED, 16, 1, NULL);
		D3DDDIARG_PRESENT present = { .hSrcResource = b.protected };

		assert_hr(uf_encrypt(&b, &enc), S_OK);
		assert_hr(b.uf->funcs.pfnPresent(b.device, &present), S_OK);
		uf_session(b.uf, 1);
		if (!removed)
			assert_hr(uf_lock(&b, ordinary, 0, &arg), S_OK);
		if (removed)
			assert_hr(uf_destroy_resource(b.uf, 0, b.system), S_OK);
		b.uf->is_removed = removed;
		uf_stop(b.uf);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_create),	       cmocka_unit_test(test_private_data),
		cmocka_unit_test(test_allocate_fails), cmocka_unit_test(test_lock),
		cmocka_unit_test(test_lock_parts),     cmocka_unit_test(test_open),
		cmocka_unit_test(test_present),	       cmocka_unit_test(test_destroy_device),
	};

	return cmocka_run_group_tests_name("umd_resource", tests, NULL, NULL);
}
