/* SPDX-License-Identifier: MIT */
/* The user-mode driver's Lock of protected surfaces, where protection is not always on. */
#include "umd_fixture.h"

#include <string.h>

enum { READ_ONLY = 0x1, NOTIFY_ONLY = 0x80 };

static void bench_start(struct uf_bench *b)
{
	uf_bench_start_with(b, 0xf9, /* shares_memory= */ true);
}

static uint8_t *inside(struct uf_bench *b)
{
	return uf_allocation_of(b->uf, D3DDDIPOOL_VIDEOMEMORY)->memory;
}

/* BLT-86, BLT-95, BLT-98, BLT-99, CAP-26: a copy for each lock, which ends with it. */
static void test_lock(void **state)
{
	struct uf_bench b;
	D3DDDIARG_LOCK arg, again;
	int live;

	(void)state;
	bench_start(&b);
	live = uf_live_allocations(b.uf);
	memset(inside(&b), 0x31, 64);
	assert_hr(uf_unlock(&b, b.protected, 0), INVALIDARG);
	assert_hr(uf_lock(&b, b.protected, 0, &arg), S_OK);
	assert_int_equal(arg.Pitch, 64);
	assert_int_equal(arg.SlicePitch, 64);
	assert_ptr_not_equal(arg.pSurfData, inside(&b));
	assert_memory_equal(arg.pSurfData, inside(&b), 64);
	assert_int_equal(uf_live_allocations(b.uf), live + 1);
	assert_hr(uf_lock(&b, b.protected, 0, &again), INVALIDARG);

	memset(arg.pSurfData, 0x32, 64);
	assert_hr(uf_unlock(&b, b.protected, 0), S_OK);
	assert_int_equal(inside(&b)[63], 0x32);
	assert_int_equal(uf_live_allocations(b.uf), live);
	assert_int_equal(b.uf->calls.lock, b.uf->calls.unlock);
	assert_hr(uf_unlock(&b, b.protected, 0), INVALIDARG);

	/* ReadOnly: nothing goes back. */
	assert_hr(uf_lock(&b, b.protected, READ_ONLY, &arg), S_OK);
	memset(arg.pSurfData, 0x33, 64);
	assert_hr(uf_unlock(&b, b.protected, 0), S_OK);
	assert_int_equal(inside(&b)[0], 0x32);

	/* For synchronisation alone: no memory. */
	assert_hr(uf_lock(&b, b.protected, NOTIFY_ONLY, &arg), S_OK);
	assert_int_equal((uintptr_t)arg.pSurfData, 0xc3c3c3c3c3c3c3c3);
	assert_int_equal(uf_live_allocations(b.uf), live);
	assert_hr(uf_unlock(&b, b.protected, NOTIFY_ONLY), S_OK);
	assert_int_equal(inside(&b)[0], 0x32);
	uf_stop(b.uf);
}

/* BLT-40, BLT-106: each subresource by itself; ranges. */
static void test_parts(void **state)
{
	const D3DDDI_SURFACEINFO list[2] = { { .Width = 32, .Height = 2 }, { .Width = 16, .Height = 2 } };
	struct uf_bench b;
	D3DDDIARG_LOCK arg, first;
	D3DDDIARG_DECRYPTIONBLT blt;
	HANDLE resource;
	int escapes;

	(void)state;
	bench_start(&b);
	assert_hr(uf_create(b.uf, D3DDDIFMT_A8R8G8B8, D3DDDIPOOL_VIDEOMEMORY, UF_RESTRICTED, list, 2, &resource), S_OK);
	assert_hr(uf_lock(&b, resource, 0, &first), S_OK);
	assert_int_equal(first.Pitch, 128);
	memset(&arg, 0, sizeof(arg));
	arg.hResource = resource;
	arg.SubResourceIndex = 1;
	arg.Flags.RangeValid = 1;
	arg.Range = (D3DDDIRANGE) { .Offset = 100, .Size = 29 };
	escapes = b.uf->calls.escape;
	assert_hr(b.uf->funcs.pfnLock(b.device, &arg), INVALIDARG);
	assert_int_equal(b.uf->calls.escape, escapes + 2); /* taken, and given back */
	assert_null(arg.pSurfData);
	arg.Range.Size = 28;
	assert_hr(b.uf->funcs.pfnLock(b.device, &arg), S_OK);
	assert_int_equal(arg.Pitch, 64);
	((uint8_t *)arg.pSurfData)[0] = 0x77;
	assert_hr(b.uf->funcs.pfnUnlock(b.device, &(D3DDDIARG_UNLOCK) { .hResource = resource, .SubResourceIndex = 1 }),
		  S_OK);
	arg.Flags.Value = 0;
	arg.Flags.AreaValid = 1;
	arg.Area = (RECT) { 9, 1, 10, 2 };
	assert_hr(b.uf->funcs.pfnLock(b.device, &arg), S_OK);
	assert_int_equal(*(uint8_t *)arg.pSurfData, 0x77);

	/* Both are left locked: uf_stop sees that nothing leaks. The bench's own surface is another matter. */
	blt = uf_decryption(&b);
	assert_hr(uf_decrypt(&b, &blt), S_OK);
	assert_hr(uf_lock(&b, b.protected, 0, &arg), S_OK);
	assert_hr(uf_decrypt(&b, &blt), INVALIDCALL);
	assert_true(b.uf->seen_blt.flags & DRV_BLT_LOCKED);
	assert_hr(uf_unlock(&b, b.protected, 0), S_OK);
	assert_hr(uf_decrypt(&b, &blt), S_OK);
	uf_stop(b.uf);
}

static void assert_refused(struct uf_bench *b, HRESULT expected)
{
	const int live = uf_live_allocations(b->uf);
	D3DDDIARG_LOCK arg;

	assert_hr(uf_lock(b, b->protected, 0, &arg), expected);
	assert_int_equal(arg.Pitch, 0xc3c3c3c3);
	assert_int_equal(arg.SlicePitch, 0xc3c3c3c3);
	assert_int_equal((uintptr_t)arg.pSurfData, 0xc3c3c3c3c3c3c3c3);
	assert_hr(uf_unlock(b, b->protected, 0), INVALIDARG);
	assert_int_equal(uf_live_allocations(b->uf), live);
	assert_int_equal(b->uf->locked_surfaces, 0);
}

/* CAP-26, CAP-27, BLT-94: what fails leaves nothing behind. */
static void test_refusals(void **state)
{
	struct uf_bench b;
	D3DDDIARG_LOCK arg;
	int locks;

	(void)state;
	bench_start(&b);
	b.uf->allocate_result = E_OUTOFMEMORY;
	assert_refused(&b, E_OUTOFMEMORY);
	b.uf->allocate_result = S_OK;
	b.uf->lock_result = E_OUTOFMEMORY;
	assert_refused(&b, E_OUTOFMEMORY);
	b.uf->lock_result = INVALIDARG;
	assert_refused(&b, E_FAIL);
	b.uf->lock_result = S_OK;

	/* The kernel half says no: without a mapping. */
	locks = b.uf->calls.lock;
	b.uf->command_result = E_ACCESSDENIED;
	assert_refused(&b, E_ACCESSDENIED);
	b.uf->command_result = S_OK;
	assert_int_equal(b.uf->calls.lock, locks);
	b.uf->failing_lock = 2; /* protection was enabled between the two */
	assert_refused(&b, E_ACCESSDENIED);
	b.uf->escape_result = E_OUTOFMEMORY;
	assert_refused(&b, E_OUTOFMEMORY);
	b.uf->escape_result = S_OK;

	/* An Unlock that fails is none; a later one is. */
	assert_hr(uf_lock(&b, b.protected, 0, &arg), S_OK);
	memset(arg.pSurfData, 0x61, 64);
	b.uf->unlock_result = E_OUTOFMEMORY;
	assert_hr(uf_unlock(&b, b.protected, 0), E_OUTOFMEMORY);
	b.uf->unlock_result = S_OK;
	b.uf->command_result = E_FAIL;
	assert_hr(uf_unlock(&b, b.protected, 0), E_FAIL);
	b.uf->command_result = S_OK;
	assert_int_equal(b.uf->locked_surfaces, 1);
	assert_hr(uf_unlock(&b, b.protected, 0), S_OK);
	assert_int_equal(inside(&b)[0], 0x61);
	assert_int_equal(b.uf->locked_surfaces, 0);
	uf_stop(b.uf);
}

/* CAP-20, CS-12: destroyed while locked, with an adapter and without one. */
static void test_destroyed(void **state)
{
	struct uf_bench b;
	D3DDDIARG_LOCK arg;

	(void)state;
	for (int removed = 0; removed < 2; removed++) {
		bench_start(&b);
		assert_hr(uf_lock(&b, b.protected, 0, &arg), S_OK);
		if (!removed)
			assert_hr(uf_destroy_resource(b.uf, 0, b.protected), S_OK);
		b.uf->is_removed = removed;
		if (removed)
			assert_hr(uf_unlock(&b, b.protected, 0), DEVICEREMOVED);
		b.uf->is_removed = false;
		uf_stop(b.uf);
	}
	bench_start(&b);
	b.uf->is_removed = true;
	assert_refused(&b, DEVICEREMOVED);
	b.uf->is_removed = false;
	uf_stop(b.uf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lock),
		cmocka_unit_test(test_parts),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_destroyed),
	};

	return cmocka_run_group_tests_name("umd_lock", tests, NULL, NULL);
}
