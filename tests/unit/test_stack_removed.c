/* SPDX-License-Identifier: MIT */
/* The user-mode driver after the adapter was removed: what each function answers, and that all can be let go (CS-12). */
#include "kernel_fixture_stack.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static const struct ik_options real = { .real_driver = true };
/* Protection can be off: Lock shows protected surfaces (BLT-95). */
static const struct ik_options lockable = { .real_driver = true, .caps = 0xf9 };

#define REMOVED D3DDDIERR_DEVICEREMOVED
#define SURFACE st_surface(D3DDDIFMT_A8R8G8B8, 16, 1)

struct bench {
	struct st st;
	struct rt_session *session;
	HANDLE handle; /* the driver's, of the session */
	struct st_system system;
	struct rt_resource *protected;
	uint8_t blob[256];
};

static int setup(void **state)
{
	*state = ik_start(&real);
	ik_process(*state);
	return 0;
}

static int setup_lockable(void **state)
{
	*state = ik_start(&lockable);
	ik_process(*state);
	return 0;
}

static int teardown(void **state)
{
	ik_stop(*state);
	return 0;
}

static void remove_adapter(struct ik *ik)
{
	(void)dxgk_remove_device(ik_acquire(ik));
	ik_release(ik);
}

/* All that the functions want, with a key and a picture. */
static void bench_open(struct bench *bench)
{
	const struct rt_surface surface = SURFACE;

	st_open(&bench->st);
	bench->session = st_session(&bench->st);
	bench->handle = rt_session_handle(bench->session);
	bench->system = st_system(&bench->st, &surface);
	bench->protected = st_protected(&bench->st, &surface, true);
	st_blob(&bench->st, 2, ST_K, bench->blob);
	assert_int_equal(st_exchange_blob(&bench->st, bench->handle, bench->blob), S_OK);
	assert_int_equal(st_decrypt(&bench->st, bench->handle, bench->system.handle,
				    rt_resource_handle(bench->protected), 64, 1, 0, NULL),
			 S_OK);
}

static HRESULT start_refresh(struct bench *bench, void *number)
{
	const D3DDDIARG_STARTSESSIONKEYREFRESH arg = {
		.hCryptoSession = bench->handle,
		.pRandomNumber = number,
		.RandomNumberSize = 16,
	};

	return bench->st.funcs->pfnStartSessionKeyRefresh(bench->st.handle, &arg);
}

static HRESULT finish_refresh(struct bench *bench)
{
	const D3DDDIARG_FINISHSESSIONKEYREFRESH arg = { .hCryptoSession = bench->handle };

	return bench->st.funcs->pfnFinishSessionKeyRefresh(bench->st.handle, &arg);
}

static HRESULT get_pitch(struct bench *bench, HANDLE resource, UINT *ret)
{
	D3DDDIARG_GETPITCH arg = { .hCryptoSession = bench->handle, .hResource = resource, .Pitch = 0x5a5a5a5a };
	HRESULT hr = bench->st.funcs->pfnGetPitch(bench->st.handle, &arg);

	*ret = arg.Pitch;
	return hr;
}

static void every_session_function_says_so(void **state) /* CS-12, CS-06, BLT-121 */
{
	D3DDDIARG_CREATECRYPTOSESSION create = { .CryptoType = D3DCRYPTOTYPE_AES128_CTR };
	const D3DDDIARG_DESTROYCRYPTOSESSION *destroy;
	uint8_t number[16], key[16], iv[16], untouched[64];
	HANDLE protected_surface;
	struct bench bench;
	UINT pitch;

	bench_open(&bench);
	destroy = &(const D3DDDIARG_DESTROYCRYPTOSESSION) { .hCryptoSession = bench.handle };
	protected_surface = rt_resource_handle(bench.protected);
	/* They all work until then, so that nothing but the removal can be what they answer. */
	assert_int_equal(start_refresh(&bench, number), S_OK);
	assert_int_equal(finish_refresh(&bench), S_OK);
	assert_int_equal(st_readback_key(&bench.st, bench.handle, ST_K, key), S_OK);
	assert_int_equal(get_pitch(&bench, protected_surface, &pitch), S_OK);
	assert_int_equal(start_refresh(&bench, number), S_OK);

	remove_adapter(*state);
	ik_assert_status(rt_session_kernel_handle(bench.session), INVALID);
	create.hCryptoSession = &create;
	assert_int_equal(bench.st.funcs->pfnCreateCryptoSession(bench.st.handle, &create), REMOVED);
	assert_ptr_equal(create.hCryptoSession, &create);
	assert_int_equal(st_exchange_blob(&bench.st, bench.handle, bench.blob), REMOVED);
	memset(number, 0x5a, sizeof(number));
	memset(untouched, 0x5a, sizeof(untouched));
	assert_int_equal(start_refresh(&bench, number), REMOVED);
	assert_memory_equal(number, untouched, sizeof(number));
	assert_int_equal(finish_refresh(&bench), REMOVED);
	assert_int_equal(st_readback_key(&bench.st, bench.handle, ST_K, key), REMOVED);
	memset(bench.system.memory, 0x5a, 64);
	assert_int_equal(st_encrypt(&bench.st, bench.handle, protected_surface, bench.system.handle, 64, iv), REMOVED);
	for (size_t i = 0; i < sizeof(iv); i++)
		assert_int_equal(iv[i], 0xee);
	assert_memory_equal(bench.system.memory, untouched, sizeof(untouched));
	assert_int_equal(st_decrypt(&bench.st, bench.handle, bench.system.handle, protected_surface, 64, 2, 0, NULL),
			 REMOVED);
	assert_int_equal(get_pitch(&bench, protected_surface, &pitch), REMOVED);
	assert_int_equal(pitch, 0x5a5a5a5a);
	assert_int_equal(get_pitch(&bench, bench.system.handle, &pitch), REMOVED);
	assert_int_equal(pitch, 0x5a5a5a5a);

	assert_int_equal(bench.st.funcs->pfnDestroyCryptoSession(bench.st.handle, destroy), S_OK);
	assert_int_equal(bench.st.funcs->pfnDestroyCryptoSession(bench.st.handle, destroy), E_INVALIDARG);
	assert_int_equal(ik_counts(*state).sessions, 0);
	st_close(&bench.st);
}

static void surfaces_say_so_too(void **state) /* CS-12, BLT-112 */
{
	const struct rt_present present = { .source = { 0, 0, 16, 1 }, .destination = { 0, 0, 16, 1 } };
	const struct rt_surface surface = SURFACE;
	D3DDDIARG_LOCK lock = { 0 };
	struct rt_resource *made = NULL;
	struct bench bench;
	struct ik *ik = *state;
	size_t size;
	void *memory;
	uint32_t pitch;
	int nt_handle;

	bench_open(&bench);
	assert_int_equal(rt_resource_share(bench.protected, &nt_handle), S_OK);
	assert_int_equal(rt_present(bench.st.device, bench.protected, &present), S_OK);
	assert_int_equal(ik->screen.shown, 1);

	remove_adapter(ik);
	assert_int_equal(rt_present(bench.st.device, bench.protected, &present), REMOVED);
	assert_int_equal(ik->screen.shown, 1);
	assert_int_equal(
		rt_resource_create_protected(bench.st.device, &surface, (D3DDDI_RESOURCEFLAGS) { .Value = 0 }, &made),
		REMOVED);
	assert_int_not_equal(rt_resource_create_system(bench.st.device, &surface, &memory, &size, &pitch, &made), S_OK);
	assert_int_equal(rt_resource_open(bench.st.device, nt_handle, &made), REMOVED);
	assert_null(made);
	/* Protection refuses before anything else, and one's own memory is there as long as one wants. */
	lock.hResource = rt_resource_handle(bench.protected);
	assert_int_not_equal(bench.st.funcs->pfnLock(bench.st.handle, &lock), S_OK);
	assert_null(lock.pSurfData);

	rt_resource_close(bench.protected);
	rt_resource_close(bench.system.resource);
	close(nt_handle);
	assert_int_equal(ik_counts(ik).resources, 0);
	st_close(&bench.st);
	ik_assert_empty(ik);
}

static void the_next_one_is_as_good_as_new(void **state) /* CS-12 */
{
	struct bench gone, next;
	struct rt_resource *opened = NULL;
	uint8_t back[64];
	int nt_handle;

	bench_open(&gone);
	assert_int_equal(rt_resource_share(gone.protected, &nt_handle), S_OK);
	remove_adapter(*state);
	/* Opened beside what is left of the old one. */
	bench_open(&next);
	assert_int_equal(st_read(&next.st, next.session, ST_K, rt_resource_handle(next.protected), &next.system, back,
				 sizeof(back)),
			 S_OK);
	assert_int_equal(st_exchange_blob(&gone.st, gone.handle, gone.blob), REMOVED);
	/* A removed device names nothing of the new one, nor the other way round. */
	assert_int_equal(st_exchange_blob(&gone.st, next.handle, next.blob), REMOVED);
	assert_int_equal(st_exchange_blob(&next.st, gone.handle, next.blob), E_INVALIDARG);
	assert_int_equal(rt_resource_open(next.st.device, nt_handle, &opened), REMOVED);
	assert_null(opened);
	close(nt_handle);
	st_close(&gone.st);
	assert_int_equal(st_exchange_blob(&next.st, next.handle, next.blob), S_OK);
	st_close(&next.st);
	ik_assert_empty(*state);
}

static bool is_mapped(void *address)
{
	const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);

	return msync((void *)((uintptr_t)address / page * page), page, MS_ASYNC) == 0 || errno != ENOMEM;
}

/* A lock of a protected surface, which has memory of its own: gone with the surface, removed or not. */
static void a_lock_ends_with_its_surface(void **state) /* BLT-95, BLT-98 */
{
	for (int removed = 0; removed < 2; removed++) {
		D3DDDIARG_LOCK lock = { 0 };
		D3DDDIARG_UNLOCK unlock = { 0 };
		struct bench bench;

		bench_open(&bench);
		lock.hResource = unlock.hResource = rt_resource_handle(bench.protected);
		assert_int_equal(bench.st.funcs->pfnLock(bench.st.handle, &lock), S_OK);
		assert_int_equal(bench.st.funcs->pfnUnlock(bench.st.handle, &unlock), S_OK);
		assert_false(is_mapped(lock.pSurfData));
		assert_int_equal(bench.st.funcs->pfnLock(bench.st.handle, &lock), S_OK);
		assert_true(is_mapped(lock.pSurfData));
		if (removed) {
			remove_adapter(*state);
			assert_int_equal(bench.st.funcs->pfnUnlock(bench.st.handle, &unlock), REMOVED);
		}
		rt_resource_close(bench.protected);
		assert_false(is_mapped(lock.pSurfData));
		st_close(&bench.st);
		ik_assert_empty(*state);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		CASE(every_session_function_says_so),
		CASE(surfaces_say_so_too),
		CASE(the_next_one_is_as_good_as_new),
		cmocka_unit_test_setup_teardown(a_lock_ends_with_its_surface, setup_lockable, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, ik_group_teardown);
}
