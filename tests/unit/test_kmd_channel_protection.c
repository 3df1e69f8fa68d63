/* SPDX-License-Identifier: MIT */
/* Channels in the kernel-mode driver: PROTECTION, and what Lock, Present and the end of a device make of it. */
#include "kmd_fixture_channel.h"

#include <string.h>

enum { UNPROTECTED = 0xf9 }; /* without D3DCPCAPS_PROTECTIONALWAYSON */

static const uint64_t P1 = 0x700000011, P2 = 0x700000012;

static const D3DDDI_RESOURCEFLAGS OPEN = { .RestrictedContent = 1, .SharedResource = 1 };
static const D3DDDI_RESOURCEFLAGS RESTRICTED = { .RestrictedContent = 1,
						 .SharedResource = 1,
						 .RestrictSharedAccess = 1 };
static const D3DDDI_RESOURCEFLAGS PRIVATE = { .RestrictedContent = 1 };
static const D3DDDI_RESOURCEFLAGS ORDINARY = { .SharedResource = 1 };

static struct kf *start(uint32_t caps)
{
	struct kmd_config config;
	struct kf *kf;

	kf_config(&config);
	config.caps = caps;
	config.channel_types = D3DCPCAPS_SOFTWARE | D3DCPCAPS_HARDWARE;
	kf = kf_start(&config);
	kf_process(kf, P1);
	kf_process(kf, P2);
	return kf;
}

static D3DKMT_HANDLE surface(struct kf *kf, int device, D3DDDI_RESOURCEFLAGS flags)
{
	return kf_surface(kf, device, D3DDDIPOOL_VIDEOMEMORY, flags.Value, 16, 1);
}

static HRESULT lock(struct kf *kf, int device, uint32_t command, D3DKMT_HANDLE surface, D3DKMT_HANDLE staging)
{
	struct drv_escape_lock escape = {
		.header = { .magic = DRV_MAGIC, .command = command },
		.surface = surface,
		.staging = staging,
	};

	assert_int_equal(kf_escape(kf, device, &escape, sizeof(escape)), STATUS_SUCCESS);
	return escape.header.result;
}

static bool is_zero(const uint8_t *bytes)
{
	static const uint8_t zero[64];

	return memcmp(bytes, zero, sizeof(zero)) == 0;
}

/* Writes a surface through a lock, so that there is something to lose. */
static void fill(struct kf *kf, int device, D3DKMT_HANDLE surface, D3DKMT_HANDLE staging)
{
	assert_int_equal(lock(kf, device, DRV_COMMAND_LOCK, surface, staging), S_OK);
	memset(kf_bytes(kf, staging), 0x5a, 64);
	assert_int_equal(lock(kf, device, DRV_COMMAND_UNLOCK, surface, staging), S_OK);
	assert_int_equal(kf_inside(kf, surface)[63], 0x5a);
}

/* AC-107, AC-109 to AC-111, AC-139, AC-158. */
static void test_levels(void **state)
{
	struct kf *kf = start(UNPROTECTED);
	struct kf_channel a = kf_channel_ready(kf, kf_device(kf), KF_SOFTWARE);
	struct kf_channel b = kf_channel_ready(kf, a.device, KF_HARDWARE);
	struct kf_channel other = kf_channel_ready(kf, kf_device(kf), KF_SOFTWARE);

	(void)state;
	for (uint32_t held = 0; held < 4; held++)
		for (uint32_t mine = 0; mine < 4; mine++)
			for (uint32_t wanted = 0; wanted < 4; wanted++) {
				const bool refused = held & ~wanted & ~mine;
				const uint32_t now = refused ? mine : wanted;

				assert_int_equal(kf_protect(&a, 3), S_OK);
				assert_int_equal(kf_protect(&b, 3), S_OK);
				assert_int_equal(kf_protect(&a, held), S_OK);
				/* b holds all: it may give up what it likes. */
				assert_int_equal(kf_protect(&b, mine), S_OK);
				assert_int_equal(kf_query(&a, KF_Q_PROTECTION), held | mine);
				assert_int_equal(kf_protect(&b, wanted), refused ? E_INVALIDARG : S_OK);
				assert_int_equal(kf_query(&b, KF_Q_PROTECTION), held | now);
				assert_int_equal(kf_query(&other, KF_Q_PROTECTION), 0); /* AC-114 */
				assert_int_equal(kf_protect(&b, 3), S_OK);
			}
	for (uint32_t bit = 4; bit != 0; bit <<= 1) { /* AC-108 */
		assert_int_equal(kf_protect(&b, bit), E_INVALIDARG);
		assert_int_equal(kf_protect(&b, bit | 3), E_INVALIDARG);
	}
	assert_int_equal(kf_protect(&a, 1), S_OK);
	assert_int_equal(kf_destroy(&b), S_OK);
	assert_int_equal(kf_query(&a, KF_Q_PROTECTION), 1);
	kf_stop(kf);
}

/* AC-112, AC-114, AC-158, BLT-94, BLT-112: a surface of two devices, and who protects it. */
static void test_lock_under_protection(void **state)
{
	struct kf *kf = start(UNPROTECTED);
	int one = kf_device_of(kf, P1), two = kf_device_of(kf, P2);
	struct kf_channel a = kf_channel_ready(kf, one, KF_SOFTWARE), b = kf_channel_ready(kf, two, KF_SOFTWARE);
	D3DKMT_HANDLE shared = surface(kf, one, OPEN), own = surface(kf, two, PRIVATE);
	D3DKMT_HANDLE s1 = kf_system(kf, one, 16, 1), s2 = kf_system(kf, two, 16, 1);

	(void)state;
	assert_int_equal(kf_open(kf, two, shared), STATUS_SUCCESS);
	for (int round = 0; round < 6; round++) {
		fill(kf, one, shared, s1);
		fill(kf, two, own, s2);
		assert_int_equal(kf_protect(&a, 1), S_OK);
		assert_int_equal(lock(kf, one, DRV_COMMAND_LOCK, shared, s1), E_ACCESSDENIED);
		assert_int_equal(lock(kf, two, DRV_COMMAND_LOCK, shared, s2), E_ACCESSDENIED);
		assert_int_equal(lock(kf, two, DRV_COMMAND_LOCK, own, s2), S_OK); /* one has it not */
		assert_int_equal(lock(kf, two, DRV_COMMAND_UNLOCK, own, 0), S_OK);
		assert_int_equal(kf_query(&b, KF_Q_PROTECTION), 0);

		/* The other flag protects nothing from a lock, and its end is no end of protection. */
		assert_int_equal(kf_protect(&b, 2), S_OK);
		assert_int_equal(kf_protect(&b, 3), S_OK);
		assert_int_equal(kf_protect(&a, 0), S_OK); /* the second device protects it still */
		assert_int_equal(kf_inside(kf, shared)[63], 0x5a);
		assert_int_equal(lock(kf, one, DRV_COMMAND_LOCK, shared, s1), E_ACCESSDENIED);
		switch (round) {
		case 0:
			assert_int_equal(kf_protect(&b, 2), S_OK);
			assert_int_equal(kf_protect(&b, 0), S_OK);
			break;
		case 1:
			assert_int_equal(kf_destroy(&b), S_OK);
			b = kf_channel_ready(kf, two, KF_SOFTWARE);
			break;
		case 2:
			kmd_driver.LoseKeys(kf->adapter); /* AC-170: the protection stays, the content goes */
			assert_int_equal(lock(kf, one, DRV_COMMAND_LOCK, shared, s1), E_ACCESSDENIED);
			assert_int_equal(kf_destroy(&b), S_OK);
			assert_int_equal(kf_destroy(&a), S_OK);
			a = kf_channel_ready(kf, one, KF_SOFTWARE);
			b = kf_channel_ready(kf, two, KF_SOFTWARE);
			break;
		case 3:
			/* A second channel holds it: nothing ends with the first. */
			a = kf_channel_ready(kf, two, KF_SOFTWARE);
			assert_int_equal(kf_protect(&a, 3), S_OK);
			assert_int_equal(kf_destroy(&b), S_OK);
			assert_int_equal(kf_inside(kf, shared)[63], 0x5a);
			assert_int_equal(kf_protect(&a, 0), S_OK);
			a = kf_channel_ready(kf, one, KF_SOFTWARE);
			b = kf_channel_ready(kf, two, KF_SOFTWARE);
			break;
		default:
			/* The device that protects it goes. */
			kf_device_destroy(kf, two);
			two = kf_device_of(kf, P2);
			b = kf_channel_ready(kf, two, KF_SOFTWARE);
			kf_free(kf, own);
			kf_free(kf, s2);
			own = surface(kf, two, PRIVATE);
			s2 = kf_system(kf, two, 16, 1);
			assert_int_equal(kf_open(kf, two, shared), STATUS_SUCCESS);
			break;
		}
		memset(kf_bytes(kf, s1), 0x77, 64);
		assert_int_equal(lock(kf, one, DRV_COMMAND_LOCK, shared, s1), S_OK);
		assert_true(is_zero(kf_bytes(kf, s1)));
		assert_int_equal(lock(kf, one, DRV_COMMAND_UNLOCK, shared, s1), S_OK);
	}
	kf_stop(kf);
}

/* A lock from before: what the CPU has comes not back when protection fell meanwhile (AC-114, BLT-98). */
static void test_lock_before_protection(void **state)
{
	struct kf *kf = start(UNPROTECTED);
	int device = kf_device(kf);
	struct kf_channel a = kf_channel_ready(kf, device, KF_SOFTWARE);
	D3DKMT_HANDLE mine = surface(kf, device, PRIVATE), staging = kf_system(kf, device, 16, 1);
	D3DKMT_HANDLE ordinary = surface(kf, device, (D3DDDI_RESOURCEFLAGS) { .Value = 0 });

	(void)state;
	fill(kf, device, mine, staging);
	memset(kf_bytes(kf, ordinary), 0x31, 64);
	assert_int_equal(lock(kf, device, DRV_COMMAND_LOCK, mine, staging), S_OK);
	assert_int_equal(kf_protect(&a, 1), S_OK);
	assert_int_equal(kf_inside(kf, mine)[0], 0x5a);
	assert_int_equal(kf_protect(&a, 0), S_OK);
	assert_true(is_zero(kf_inside(kf, mine)));
	assert_int_equal(lock(kf, device, DRV_COMMAND_UNLOCK, mine, staging), S_OK);
	assert_true(is_zero(kf_inside(kf, mine)));
	assert_int_equal(kf_bytes(kf, ordinary)[63], 0x31); /* what is not protected stays */

	/* Opened while the device protects, and closed: no lower than nothing, and no higher. */
	assert_int_equal(kf_protect(&a, 1), S_OK);
	for (int i = 0; i < 3; i++) {
		D3DKMT_HANDLE made = surface(kf, device, PRIVATE);

		assert_int_equal(lock(kf, device, DRV_COMMAND_LOCK, made, staging), E_ACCESSDENIED);
		kf_free(kf, made);
	}
	assert_int_equal(kf_protect(&a, 0), S_OK);
	assert_int_equal(lock(kf, device, DRV_COMMAND_LOCK, mine, staging), S_OK);
	kf_stop(kf);
}

/* With D3DCPCAPS_PROTECTIONALWAYSON nothing ends, so nothing is wiped (AC-139, AC-158). */
static void test_always_on(void **state)
{
	struct kf *kf = start(0xfd);
	int device = kf_device(kf);
	struct kf_channel a = kf_channel_ready(kf, device, KF_SOFTWARE);
	D3DKMT_HANDLE mine = surface(kf, device, PRIVATE), system = kf_system(kf, device, 16, 1);
	D3DKMT_HANDLE session = kf_session(kf, device);

	(void)state;
	assert_int_equal(kf_exchange(kf, device, session, KF_K), S_OK);
	assert_int_equal(kf_decrypt(kf, device, session, system, mine, 1), S_OK);
	assert_false(is_zero(kf_inside(kf, mine)));
	for (uint32_t flags = 0; flags < 4; flags++) {
		assert_int_equal(kf_protect(&a, flags), S_OK);
		assert_int_equal(kf_query(&a, KF_Q_PROTECTION), flags | 1);
		assert_int_equal(lock(kf, device, DRV_COMMAND_LOCK, mine, system), E_ACCESSDENIED);
	}
	assert_int_equal(kf_destroy(&a), S_OK);
	assert_int_equal(lock(kf, device, DRV_COMMAND_LOCK, mine, system), E_ACCESSDENIED);
	assert_false(is_zero(kf_inside(kf, mine)));
	kf_stop(kf);
}

/* AC-113: by any device that has it open, and the picture is a flip or is not shown. */
static void test_present(void **state)
{
	struct kf *kf = start(0xfd);
	int one = kf_device_of(kf, P1), two = kf_device_of(kf, P2);
	struct kf_channel a = kf_channel_ready(kf, one, KF_SOFTWARE);
	D3DKMT_HANDLE shared = surface(kf, one, OPEN), ordinary = surface(kf, one, ORDINARY);
	int shown = 0;

	(void)state;
	assert_int_equal(kf_open(kf, two, shared), STATUS_SUCCESS);
	for (uint32_t flags = 0; flags < 4; flags++) {
		const NTSTATUS window = flags & 2 ? STATUS_ACCESS_DENIED : STATUS_SUCCESS;

		assert_int_equal(kf_protect(&a, flags), S_OK);
		for (int device = 0; device < 2; device++) {
			assert_int_equal(kf_present(kf, device ? two : one, shared, false), window);
			shown += window == STATUS_SUCCESS;
			assert_int_equal(kf->shown, shown);
			assert_int_equal(kf_present(kf, device ? two : one, shared, true), STATUS_SUCCESS);
			assert_int_equal(kf->shown, ++shown);
			assert_true(kf->picture.is_flip);
		}
		assert_int_equal(kf_present(kf, one, ordinary, false), STATUS_SUCCESS);
		assert_int_equal(kf->shown, ++shown);
	}
	/* The device that asked for it closes the surface. */
	kf_device_destroy(kf, one);
	assert_int_equal(kf_present(kf, two, shared, false), STATUS_SUCCESS);
	kf_stop(kf);
}

/* A command visits all that a device has open, so that has an end; each opening counts, and each closing. */
static void test_many_opens(void **state)
{
	enum { MANY = 1 << 17 };
	static HANDLE opened[MANY];
	struct kf *kf = start(UNPROTECTED);
	int one = kf_device_of(kf, P1), two = kf_device_of(kf, P2);
	struct kf_channel a = kf_channel_ready(kf, one, KF_SOFTWARE);
	D3DKMT_HANDLE shared = surface(kf, two, OPEN), staging = kf_system(kf, two, 16, 1);
	DXGK_OPENALLOCATIONINFO info = { .hAllocation = shared };
	const DXGKARG_OPENALLOCATION open = { .NumAllocations = 1, .pOpenAllocation = &info };
	NTSTATUS status = STATUS_SUCCESS;
	int count = 0;

	(void)state;
	fill(kf, two, shared, staging);
	kf->calling = one;
	while (count < MANY) {
		status = kmd_driver.DxgkDdiOpenAllocation(kf->devices[one], &open);
		if (status != STATUS_SUCCESS)
			break;
		opened[count++] = info.hDeviceSpecificAllocation;
		if (count == 100) {
			assert_int_equal(kf_protect(&a, 1), S_OK);
			kf->calling = one;
		}
	}
	assert_int_equal(status, STATUS_INSUFFICIENT_RESOURCES);
	assert_true(count > 1000);
	assert_int_equal(kf_protect(&a, 3), S_OK);
	for (int i = 0; i < count; i++) {
		const DXGKARG_CLOSEALLOCATION close = { .NumAllocations = 1, .pOpenHandleList = &opened[i] };

		if (i == count - 1) { /* the last one protects it still */
			assert_int_equal(lock(kf, two, DRV_COMMAND_LOCK, shared, staging), E_ACCESSDENIED);
			assert_int_equal(kf_inside(kf, shared)[63], 0x5a);
		}
		assert_int_equal(kmd_driver.DxgkDdiCloseAllocation(kf->devices[one], &close), STATUS_SUCCESS);
	}
	assert_int_equal(lock(kf, two, DRV_COMMAND_LOCK, shared, staging), S_OK);
	assert_true(is_zero(kf_bytes(kf, staging))); /* AC-114 */
	kf_stop(kf);
}

/* AC-013: a device goes with channels of each state, surfaces that others hold, decode devices and sessions. */
static void test_device_destroyed(void **state)
{
	(void)state;
	for (int round = 0; round < 4; round++) {
		struct kf *kf = start(round % 2 ? UNPROTECTED : 0xfd);
		int one = kf_device_of(kf, P1), two = kf_device_of(kf, P2);
		struct kf_channel a = kf_channel_ready(kf, one, KF_SOFTWARE),
				  b = kf_channel_ready(kf, two, KF_HARDWARE);
		struct kf_channel bare = kf_channel(kf, one, KF_SOFTWARE);
		D3DKMT_HANDLE shared = surface(kf, one, OPEN), restricted = surface(kf, one, RESTRICTED);

		assert_int_equal(kf_share(&a, KF_HANDLE, P2, 1), S_OK);
		assert_int_equal(kf_open(kf, two, shared), STATUS_SUCCESS);
		assert_int_equal(kf_open(kf, two, restricted), STATUS_SUCCESS);
		assert_int_equal(kf_protect(&a, 3), S_OK);
		if (round / 2)
			kmd_driver.LoseKeys(kf->adapter);
		kf_device_destroy(kf, one);
		assert_int_equal(kf->charges, 1);
		for (int i = 0; i < 2; i++) {
			const uint64_t handle = i ? bare.handle : a.handle;

			assert_int_equal(kf_channel_destroy(kf, two, handle), E_INVALIDARG);
			assert_null(kmd_channel_find(kf->devices[two], handle));
		}
		assert_int_equal(kf_present(kf, two, shared, true),
				 round % 2 ? STATUS_GRAPHICS_ALLOCATION_CONTENT_LOST : STATUS_SUCCESS);
		assert_int_equal(kf_destroy(&b), S_OK);
		kf_stop(kf);
	}
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
		cmocka_unit_test(test_levels),
		cmocka_unit_test(test_lock_under_protection),
		cmocka_unit_test(test_lock_before_protection),
		cmocka_unit_test(test_always_on),
		cmocka_unit_test(test_present),
		cmocka_unit_test(test_many_opens),
		cmocka_unit_test(test_device_destroyed),
	};

	return cmocka_run_group_tests_name("kmd_channel_protection", tests, NULL, teardown_all);
}
