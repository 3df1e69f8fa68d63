/* SPDX-License-Identifier: MIT */
/* The kernel half of Lock: who gets a copy of a protected surface, what comes back, and hostile commands. */
#include "kmd_fixture.h"

#include <stdlib.h>
#include <string.h>

#define INVALIDCALL D3DDDIERR_INVALIDCALL

enum { LOCK = DRV_COMMAND_LOCK, UNLOCK = DRV_COMMAND_UNLOCK, RESTRICTED = 0x40000000, SIZE = 64 };

/* A session with key K, a protected surface of 64 bytes, one for transfers and one for the copy. */
struct bench {
	struct kf *kf;
	int device;
	D3DKMT_HANDLE session, system, protected, staging;
};

static struct bench bench_start(uint32_t caps)
{
	struct kmd_config config;
	struct bench b;

	kf_config(&config);
	config.caps = caps;
	b.kf = kf_start(&config);
	b.device = kf_device(b.kf);
	b.session = kf_session(b.kf, b.device);
	b.system = kf_system(b.kf, b.device, 16, 1);
	b.staging = kf_system(b.kf, b.device, 16, 1);
	b.protected = kf_protected(b.kf, b.device, 16, 1);
	assert_int_equal(kf_exchange(b.kf, b.device, b.session, KF_K), S_OK);
	return b;
}

static HRESULT as(struct bench *b, int device, uint32_t command, D3DKMT_HANDLE surface, D3DKMT_HANDLE staging)
{
	struct drv_escape_lock lock = {
		.header = { .magic = DRV_MAGIC, .command = command, .result = 0x5a5a },
		.surface = surface,
		.staging = staging,
	};

	assert_int_equal(kf_escape(b->kf, device, &lock, sizeof(lock)), STATUS_SUCCESS);
	assert_int_equal(lock.surface, surface);
	assert_int_equal(lock.staging, staging);
	return lock.header.result;
}

static HRESULT send(struct bench *b, uint32_t command, D3DKMT_HANDLE staging)
{
	return as(b, b->device, command, b->protected, staging);
}

static HRESULT bring(struct bench *b, uint64_t iv)
{
	return kf_decrypt(b->kf, b->device, b->session, b->system, b->protected, iv);
}

static const uint8_t *inside(struct bench *b)
{
	return kf_inside(b->kf, b->protected);
}

static uint8_t *copy(struct bench *b)
{
	return kf_bytes(b->kf, b->staging);
}

static bool is_zero(const uint8_t *bytes)
{
	static const uint8_t zero[SIZE];

	return memcmp(bytes, zero, SIZE) == 0;
}

static struct kmd_allocation *surface_of(struct bench *b)
{
	return kf_object(b->kf, b->protected)->driver;
}

/* BLT-95, BLT-98: out, and back. */
static void test_there_and_back(void **state)
{
	struct bench b = bench_start(0xf9);
	uint8_t before[SIZE];

	(void)state;
	assert_int_equal(bring(&b, 1), S_OK);
	memcpy(before, inside(&b), SIZE);
	assert_false(is_zero(before));
	assert_int_equal(send(&b, LOCK, b.staging), S_OK);
	assert_memory_equal(copy(&b), before, SIZE);

	memset(copy(&b), 0x33, SIZE);
	assert_memory_equal(inside(&b), before, SIZE); /* a copy, no mapping */
	assert_int_equal(send(&b, UNLOCK, b.staging), S_OK);
	assert_memory_equal(inside(&b), copy(&b), SIZE);
	assert_int_equal(send(&b, UNLOCK, b.staging), E_INVALIDARG); /* BLT-99 */
	assert_int_equal(surface_of(&b)->locks, 0);

	/* Nothing goes back that was not asked for, and what comes later shows nowhere else. */
	assert_int_equal(send(&b, LOCK, b.staging), S_OK);
	memset(copy(&b), 0x44, SIZE);
	assert_int_equal(send(&b, UNLOCK, 0), S_OK);
	assert_int_equal(inside(&b)[0], 0x33);
	assert_int_equal(bring(&b, 2), S_OK);
	assert_int_equal(copy(&b)[0], 0x44);
	kf_stop(b.kf);
}

/* BLT-40, BLT-120: step 14, whatever the client says of it. */
static void test_no_transfer_meanwhile(void **state)
{
	struct bench b = bench_start(0xf9);
	uint8_t wrapped[16], iv[16], before[SIZE];
	int other = kf_device(b.kf);
	D3DKMT_HANDLE theirs = kf_session(b.kf, other), system = kf_system(b.kf, other, 16, 1);

	(void)state;
	assert_int_equal(kf_open(b.kf, other, b.protected), STATUS_SUCCESS);
	assert_int_equal(kf_exchange(b.kf, other, theirs, KF_C), S_OK);
	assert_int_equal(kf_readback_key(b.kf, b.device, b.session, wrapped), S_OK);
	assert_int_equal(bring(&b, 1), S_OK);
	memcpy(before, inside(&b), SIZE);
	assert_int_equal(send(&b, LOCK, 0), S_OK);

	assert_int_equal(bring(&b, 2), INVALIDCALL);
	assert_int_equal(kf_encrypt(b.kf, b.device, b.session, b.protected, b.system, iv), INVALIDCALL);
	assert_int_equal(kf_decrypt(b.kf, other, theirs, system, b.protected, 1), INVALIDCALL);
	assert_memory_equal(inside(&b), before, SIZE);

	/* Both hold it: until both have gone. */
	assert_int_equal(as(&b, other, LOCK, b.protected, system), S_OK);
	assert_memory_equal(kf_bytes(b.kf, system), before, SIZE);
	assert_int_equal(as(&b, other, LOCK, b.protected, system), S_OK); /* again changes nothing */
	assert_int_equal(surface_of(&b)->locks, 2);
	assert_int_equal(send(&b, UNLOCK, 0), S_OK);
	assert_int_equal(bring(&b, 2), INVALIDCALL);
	kf_device_destroy(b.kf, other);
	assert_int_equal(surface_of(&b)->locks, 0);
	assert_int_equal(bring(&b, 2), S_OK);
	kf_stop(b.kf);
}

/* BLT-123: what the CPU left alone is still its session's. What was wiped has nobody's bytes. */
static void test_tie(void **state)
{
	struct bench b = bench_start(0xf9);
	D3DKMT_HANDLE other = kf_session(b.kf, b.device);
	uint8_t wrapped[16], iv[16];

	(void)state;
	assert_int_equal(kf_exchange(b.kf, b.device, other, KF_C), S_OK);
	assert_int_equal(kf_readback_key(b.kf, b.device, other, wrapped), S_OK);
	assert_int_equal(kf_readback_key(b.kf, b.device, b.session, wrapped), S_OK);

	/* Never written by a session: open to each. */
	assert_int_equal(send(&b, LOCK, b.staging), S_OK);
	memset(copy(&b), 0x21, SIZE);
	assert_int_equal(send(&b, UNLOCK, b.staging), S_OK);
	assert_int_equal(kf_encrypt(b.kf, b.device, other, b.protected, b.system, iv), S_OK);

	assert_int_equal(bring(&b, 1), S_OK);
	assert_int_equal(send(&b, LOCK, b.staging), S_OK);
	copy(&b)[0] ^= 1;
	assert_int_equal(send(&b, UNLOCK, b.staging), S_OK);
	assert_int_equal(kf_encrypt(b.kf, b.device, other, b.protected, b.system, iv), E_ACCESSDENIED);
	assert_int_equal(kf_encrypt(b.kf, b.device, b.session, b.protected, b.system, iv), S_OK);

	kmd_driver.LoseKeys(b.kf->adapter);
	assert_int_equal(kf_exchange(b.kf, b.device, other, KF_C), S_OK);
	assert_int_equal(kf_readback_key(b.kf, b.device, other, wrapped), S_OK);
	assert_int_equal(kf_encrypt(b.kf, b.device, other, b.protected, b.system, iv), E_ACCESSDENIED);
	assert_int_equal(send(&b, LOCK, b.staging), S_OK);
	assert_int_equal(send(&b, UNLOCK, 0), S_OK); /* to look is not to write */
	assert_int_equal(kf_encrypt(b.kf, b.device, other, b.protected, b.system, iv), E_ACCESSDENIED);
	assert_int_equal(send(&b, LOCK, b.staging), S_OK);
	memset(copy(&b), 0x22, SIZE);
	assert_int_equal(send(&b, UNLOCK, b.staging), S_OK);
	assert_int_equal(kf_encrypt(b.kf, b.device, other, b.protected, b.system, iv), S_OK);
	kf_stop(b.kf);
}

/* CS-13: zeros after the loss, and a lock from before it does not bring the content back. */
static void test_key_loss(void **state)
{
	struct bench b = bench_start(0xf9);

	(void)state;
	assert_int_equal(bring(&b, 1), S_OK);
	kmd_driver.LoseKeys(b.kf->adapter);
	assert_int_equal(send(&b, LOCK, b.staging), S_OK);
	assert_true(is_zero(copy(&b)));
	assert_int_equal(send(&b, UNLOCK, b.staging), S_OK);

	assert_int_equal(kf_exchange(b.kf, b.device, b.session, KF_K), S_OK);
	assert_int_equal(bring(&b, 2), S_OK);
	assert_int_equal(send(&b, LOCK, b.staging), S_OK);
	assert_false(is_zero(copy(&b)));
	kmd_driver.LoseKeys(b.kf->adapter);
	assert_int_equal(send(&b, UNLOCK, b.staging), S_OK);
	assert_true(is_zero(inside(&b)));
	assert_true(kmd_allocation_is_lost(surface_of(&b)));
	kf_stop(b.kf);
}

/* BLT-94, BLT-96, BLT-106, SEC-39: refused with PROTECTIONALWAYSON, wherever the copy is to go. */
static void test_always_on(void **state)
{
	struct bench b = bench_start(0xfd);
	const D3DKMT_HANDLE handles[] = { b.protected, b.system, b.staging, b.session, 0, 999, 0xffffffff };
	const size_t count = sizeof(handles) / sizeof(handles[0]);

	(void)state;
	assert_int_equal(bring(&b, 1), S_OK);
	for (size_t i = 0; i < count * count; i++) {
		const HRESULT locked = as(&b, b.device, LOCK, handles[i / count], handles[i % count]);
		const HRESULT unlocked = as(&b, b.device, UNLOCK, handles[i / count], handles[i % count]);

		if (handles[i / count] == b.protected) {
			assert_int_equal(locked, E_ACCESSDENIED);
			assert_int_equal(unlocked, E_ACCESSDENIED);
		} else {
			assert_int_equal(locked, E_INVALIDARG);
			assert_true(unlocked == E_INVALIDARG || unlocked == E_ACCESSDENIED);
		}
	}
	assert_true(is_zero(copy(&b)));
	assert_int_equal(surface_of(&b)->locks, 0);
	assert_int_equal(bring(&b, 2), S_OK);
	kf_stop(b.kf);
}

/* BLT-98: a lock from before protection was enabled ends well; nothing more is shown. */
static void test_enabled_under_a_lock(void **state)
{
	struct bench b = bench_start(0xf9);
	struct kmd_adapter *adapter = b.kf->adapter;

	(void)state;
	assert_int_equal(bring(&b, 1), S_OK);
	assert_int_equal(send(&b, LOCK, b.staging), S_OK);
	adapter->config.caps |= D3DCPCAPS_PROTECTIONALWAYSON; /* as a channel does it, for all surfaces */
	memset(copy(&b), 0x55, SIZE);
	assert_int_equal(send(&b, LOCK, b.staging), E_ACCESSDENIED);
	assert_int_equal(copy(&b)[0], 0x55);
	assert_int_equal(send(&b, UNLOCK, b.staging), S_OK);
	assert_int_equal(inside(&b)[0], 0x55);
	assert_int_equal(send(&b, LOCK, b.staging), E_ACCESSDENIED);
	kf_stop(b.kf);
}

/* Surfaces and places for the copy that will not do; no refusal changes anything. */
static void test_bad_arguments(void **state)
{
	struct bench b = bench_start(0xf9);
	int other = kf_device(b.kf);
	struct drv_allocation info = kf_info(D3DDDIPOOL_SYSTEMMEM, 0, D3DDDIFMT_X8R8G8B8, 16, 1);
	D3DKMT_HANDLE bad[9], ordinary = kf_surface(b.kf, b.device, D3DDDIPOOL_VIDEOMEMORY, 0, 16, 1);
	size_t count = 0;

	(void)state;
	assert_int_equal(kf_allocate(b.kf, b.device, &info, 1, &bad[count++]), STATUS_SUCCESS);
	bad[count++] = kf_system(b.kf, b.device, 17, 1);
	bad[count++] = kf_system(b.kf, b.device, 16, 2);
	bad[count++] = kf_system(b.kf, b.device, 8, 1);
	bad[count++] = kf_protected(b.kf, b.device, 16, 1);
	bad[count++] = ordinary;
	bad[count++] = kf_system(b.kf, other, 16, 1); /* another device's */
	bad[count++] = b.session;
	bad[count++] = 999;

	assert_int_equal(bring(&b, 1), S_OK);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(send(&b, LOCK, bad[i]), E_INVALIDARG);
	assert_int_equal(surface_of(&b)->locks, 0);
	assert_true(is_zero(kf_bytes(b.kf, ordinary)));
	assert_int_equal(as(&b, b.device, LOCK, b.system, b.staging), E_INVALIDARG);
	assert_int_equal(as(&b, b.device, LOCK, ordinary, b.staging), E_INVALIDARG);
	assert_int_equal(as(&b, b.device, LOCK, 0, b.staging), E_INVALIDARG);
	assert_int_equal(as(&b, other, LOCK, b.protected, 0), E_INVALIDARG); /* not open there */
	assert_int_equal(as(&b, other, UNLOCK, b.protected, 0), E_INVALIDARG);

	assert_int_equal(send(&b, LOCK, b.staging), S_OK);
	assert_int_equal(as(&b, other, UNLOCK, b.protected, 0), E_INVALIDARG);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(send(&b, UNLOCK, bad[i]), E_INVALIDARG);
	assert_int_equal(surface_of(&b)->locks, 1);
	assert_int_equal(send(&b, UNLOCK, b.staging), S_OK);

	for (UINT size = 0; size < 40; size++) {
		uint8_t bytes[40] = { 0 };
		const struct drv_escape header = { .magic = DRV_MAGIC, .command = LOCK };

		memcpy(bytes, &header, sizeof(header));
		if (size != sizeof(struct drv_escape_lock))
			assert_int_equal(kf_escape(b.kf, b.device, bytes, size), STATUS_INVALID_PARAMETER);
	}
	kf_stop(b.kf);
}

/* Destroyed while locked, and anything else in any order; the fixture's adapter has nothing left at its end. */
static void test_hostile(void **state)
{
	struct bench b = bench_start(0xf9);
	int other = kf_device(b.kf);

	(void)state;
	assert_int_equal(send(&b, LOCK, b.staging), S_OK);
	kf_free(b.kf, b.protected);
	b.protected = kf_protected(b.kf, b.device, 16, 1);
	assert_int_equal(send(&b, LOCK, b.staging), S_OK);
	kf_free(b.kf, b.staging); /* the copy first */
	assert_int_equal(send(&b, UNLOCK, b.staging), E_INVALIDARG);
	assert_int_equal(send(&b, UNLOCK, 0), S_OK);
	assert_int_equal(kf_open(b.kf, other, b.protected), STATUS_SUCCESS);

	srand(4);
	for (int i = 0; i < 20000; i++) {
		const D3DKMT_HANDLE surface = (D3DKMT_HANDLE)(rand() % 8), staging = (D3DKMT_HANDLE)(rand() % 8);

		(void)as(&b, rand() % 2 ? other : b.device, rand() % 2 ? LOCK : UNLOCK, surface, staging);
		assert_true(surface_of(&b)->locks <= 2);
	}
	kf_stop(b.kf);
}

static int teardown_all(void **state)
{
	(void)state;
	kf_identity_stop();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_there_and_back),
		cmocka_unit_test(test_no_transfer_meanwhile),
		cmocka_unit_test(test_tie),
		cmocka_unit_test(test_key_loss),
		cmocka_unit_test(test_always_on),
		cmocka_unit_test(test_enabled_under_a_lock),
		cmocka_unit_test(test_bad_arguments),
		cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests_name("kmd_lock", tests, NULL, teardown_all);
}
