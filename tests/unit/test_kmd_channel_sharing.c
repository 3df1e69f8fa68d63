/* SPDX-License-Identifier: MIT */
/* Channels in the kernel-mode driver: the list of processes, and who opens what is shared. */
#include "kmd_fixture_channel.h"

#include <string.h>

static const uint64_t P1 = 0x700000011, P2 = 0x700000012, P3 = 0x700000013;

static const D3DDDI_RESOURCEFLAGS OPEN = { .RestrictedContent = 1, .SharedResource = 1 };
static const D3DDDI_RESOURCEFLAGS RESTRICTED = { .RestrictedContent = 1,
						 .SharedResource = 1,
						 .RestrictSharedAccess = 1 };
static const D3DDDI_RESOURCEFLAGS PRIVATE = { .RestrictedContent = 1 };
static const D3DDDI_RESOURCEFLAGS ORDINARY = { .SharedResource = 1 };

static struct kf *start(void)
{
	struct kmd_config config;
	struct kf *kf;

	kf_config(&config);
	kf = kf_start(&config);
	kf_process(kf, P1);
	kf_process(kf, P2);
	kf_process(kf, P3);
	return kf;
}

static D3DKMT_HANDLE surface(struct kf *kf, int device, D3DDDI_RESOURCEFLAGS flags)
{
	return kf_surface(kf, device, D3DDDIPOOL_VIDEOMEMORY, flags.Value, 16, 1);
}

static void assert_list(struct kf_channel *channel, int count, const uint64_t *tokens)
{
	struct kf_process_entry entry;

	assert_int_equal(kf_query(channel, KF_Q_PROCESSCOUNT), count);
	for (int i = 0; i < count; i++) {
		assert_int_equal(kf_query_process(channel, (uint32_t)i, &entry), S_OK);
		assert_int_equal(entry.index, i);
		assert_int_equal(entry.type, tokens[i] ? KF_HANDLE : KF_DWM);
		assert_true(entry.process == tokens[i]);
	}
	assert_int_equal(kf_query_process(channel, (uint32_t)count, &entry), E_INVALIDARG);
	assert_int_equal(kf_query_process(channel, UINT32_MAX, &entry), E_INVALIDARG);
}

/* AC-125, AC-127 to AC-131, AC-144, AC-145, AC-161. */
static void test_list(void **state)
{
	struct kf *kf = start();
	struct kf_channel a = kf_channel_ready(kf, kf_device(kf), KF_SOFTWARE);
	struct kf_channel b = kf_channel_ready(kf, a.device, KF_SOFTWARE);
	struct kf_channel other = kf_channel_ready(kf, kf_device_of(kf, P1), KF_SOFTWARE);

	(void)state;
	assert_list(&a, 0, NULL);
	assert_int_equal(kf_share(&a, KF_HANDLE, P1, 1), S_OK);
	assert_int_equal(kf_share(&a, KF_HANDLE, P2, -1), S_OK); /* any number but zero is TRUE */
	assert_int_equal(kf_share(&b, KF_HANDLE, P1, 1), S_OK);
	assert_list(&a, 2, (const uint64_t[]) { P1, P2 });
	assert_int_equal(kf_share(&b, KF_DWM, 0xdeadbeef, 1), S_OK);
	assert_int_equal(kf_share(&b, KF_DWM, 0, 1), S_OK);
	assert_list(&b, 3, (const uint64_t[]) { P1, P2, 0 });
	assert_list(&other, 0, NULL); /* a device's own */
	assert_int_equal(kf_share(&b, KF_HANDLE, P1, 0), S_OK);
	assert_int_equal(kf_share(&b, KF_HANDLE, P1, 0), S_OK);
	assert_int_equal(kf_share(&b, KF_HANDLE, P3, 0), S_OK);
	assert_list(&a, 2, (const uint64_t[]) { P2, 0 });

	/* Kinds and tokens that are none, to add or to remove. */
	for (int32_t allow = 0; allow < 2; allow++) {
		static const struct {
			uint32_t type;
			uint64_t process;
		} bad[] = { { 0, P2 },
			    { 3, P2 },
			    { UINT32_MAX, P2 },
			    { KF_HANDLE, 0 },
			    { KF_HANDLE, 0x4711 },
			    { KF_HANDLE, UINT64_MAX } };

		for (size_t i = 0; i < 6; i++)
			assert_int_equal(kf_share(&a, bad[i].type, bad[i].process, allow), E_INVALIDARG);
	}
	assert_list(&a, 2, (const uint64_t[]) { P2, 0 });

	/* The channel that added them goes: the list stays. Its process ends: the entry goes. */
	assert_int_equal(kf_destroy(&a), S_OK);
	assert_int_equal(kf_share(&b, KF_HANDLE, P3, 1), S_OK);
	assert_list(&b, 3, (const uint64_t[]) { P2, 0, P3 });
	kf_process_end(kf, P2);
	assert_list(&b, 2, (const uint64_t[]) { 0, P3 });
	assert_int_equal(kf_share(&b, KF_HANDLE, P2, 1), E_INVALIDARG);
	assert_int_equal(kf_share(&b, KF_HANDLE, P2, 0), E_INVALIDARG);
	kf_process_end(kf, P3);
	assert_list(&b, 1, (const uint64_t[]) { 0 });
	assert_int_equal(kf_destroy(&b), S_OK);

	/* The list goes with the device. */
	b = kf_channel_ready(kf, b.device, KF_SOFTWARE);
	assert_list(&b, 1, (const uint64_t[]) { 0 });
	kf_device_destroy(kf, b.device);
	b = kf_channel_ready(kf, kf_device(kf), KF_SOFTWARE);
	assert_list(&b, 0, NULL);
	kf_stop(kf);
}

/* AC-125: a process that ends between two calls, and the gap that it leaves in a long list. */
static void test_long_list(void **state)
{
	struct kf *kf = start();
	struct kf_channel a = kf_channel_ready(kf, kf_device(kf), KF_SOFTWARE);
	uint64_t tokens[10];

	(void)state;
	for (uint64_t i = 0; i < 10; i++) {
		tokens[i] = 0x700000100 + i;
		kf_process(kf, tokens[i]);
		assert_int_equal(kf_share(&a, KF_HANDLE, tokens[i], 1), S_OK);
	}
	assert_list(&a, 10, tokens);
	for (int left = 10; left > 0; left--) {
		const int gone = left * 7 % left, next = left / 2 < left - 1 ? left / 2 : 0;

		if (left % 2)
			kf_process_end(kf, tokens[gone]);
		else
			assert_int_equal(kf_share(&a, KF_HANDLE, tokens[gone], 0), S_OK);
		memmove(tokens + gone, tokens + gone + 1, (size_t)(left - 1 - gone) * sizeof(*tokens));
		if (left > 1 && tokens[next]) /* adding again does not move it */
			assert_int_equal(kf_share(&a, KF_HANDLE, tokens[next], 1), S_OK);
		assert_list(&a, left - 1, tokens);
	}
	kf_stop(kf);
}

/* AC-132, AC-160, BLT-109: who opens a restricted resource. */
static void test_admission(void **state) /* SEC-37 */
{
	struct kf *kf = start();
	int mine = kf_device_of(kf, P1), also_mine = kf_device_of(kf, P1), theirs = kf_device_of(kf, P2);
	struct kf_channel a = kf_channel_ready(kf, mine, KF_SOFTWARE);
	struct kf_channel b = kf_channel_ready(kf, also_mine, KF_SOFTWARE);
	D3DKMT_HANDLE shared = surface(kf, mine, RESTRICTED);

	(void)state;
	assert_int_equal(kf_open(kf, also_mine, shared), STATUS_SUCCESS);
	assert_int_equal(kf_open(kf, theirs, shared), STATUS_ACCESS_DENIED);
	assert_int_equal(kf_share(&b, KF_HANDLE, P2, 1), S_OK); /* of the other device: it made nothing */
	assert_int_equal(kf_open(kf, theirs, shared), STATUS_ACCESS_DENIED);
	assert_int_equal(kf_share(&a, KF_HANDLE, P3, 1), S_OK);
	assert_int_equal(kf_open(kf, theirs, shared), STATUS_ACCESS_DENIED);
	assert_int_equal(kf_share(&a, KF_HANDLE, P2, 1), S_OK);
	assert_int_equal(kf_destroy(&a), S_OK); /* neither the permission nor the restriction was its own */
	assert_int_equal(kf_open(kf, theirs, shared), STATUS_SUCCESS);
	kf_device_destroy(kf, theirs);
	theirs = kf_device_of(kf, P2);
	a = kf_channel_ready(kf, mine, KF_SOFTWARE);
	assert_int_equal(kf_share(&a, KF_HANDLE, P2, 0), S_OK);
	assert_int_equal(kf_open(kf, theirs, shared), STATUS_ACCESS_DENIED);

	/* The list goes with the device that made it, and nobody comes in any more but its own process. */
	assert_int_equal(kf_share(&a, KF_HANDLE, P2, 1), S_OK);
	kf_device_destroy(kf, mine);
	assert_int_equal(kf_open(kf, theirs, shared), STATUS_ACCESS_DENIED);
	mine = kf_device_of(kf, P1);
	assert_int_equal(kf_open(kf, mine, shared), STATUS_SUCCESS);
	/* Neither does a list of a device that only opened it. */
	a = kf_channel_ready(kf, mine, KF_SOFTWARE);
	assert_int_equal(kf_share(&a, KF_HANDLE, P2, 1), S_OK);
	assert_int_equal(kf_open(kf, theirs, shared), STATUS_ACCESS_DENIED);
	kf_stop(kf);
}

/* AC-130, AC-133: the compositor is whoever is designated at that moment. */
static void test_compositor(void **state)
{
	struct kf *kf = start();
	int mine = kf_device_of(kf, P1), theirs = kf_device_of(kf, P2), third = kf_device_of(kf, P3);
	struct kf_channel a = kf_channel_ready(kf, mine, KF_SOFTWARE);
	D3DKMT_HANDLE shared[4];

	(void)state;
	for (int i = 0; i < 4; i++)
		shared[i] = surface(kf, mine, RESTRICTED);
	kf->compositor = P2;
	assert_int_equal(kf_open(kf, theirs, shared[0]), STATUS_ACCESS_DENIED); /* it is not on the list */
	assert_int_equal(kf_share(&a, KF_DWM, 0x123, 1), S_OK);
	assert_int_equal(kf_open(kf, theirs, shared[0]), STATUS_SUCCESS);
	assert_int_equal(kf_open(kf, third, shared[0]), STATUS_ACCESS_DENIED);
	kf->compositor = P3;
	assert_int_equal(kf_open(kf, theirs, shared[1]), STATUS_ACCESS_DENIED);
	assert_int_equal(kf_open(kf, third, shared[1]), STATUS_SUCCESS);
	kf->compositor = 0;
	assert_int_equal(kf_open(kf, theirs, shared[2]), STATUS_ACCESS_DENIED);
	assert_int_equal(kf_open(kf, third, shared[2]), STATUS_ACCESS_DENIED);

	/* By token and by role are two entries. */
	kf->compositor = P2;
	assert_int_equal(kf_share(&a, KF_HANDLE, P2, 1), S_OK);
	assert_list(&a, 2, (const uint64_t[]) { 0, P2 });
	assert_int_equal(kf_share(&a, KF_DWM, 0, 0), S_OK);
	assert_int_equal(kf_open(kf, theirs, shared[2]), STATUS_SUCCESS);
	assert_int_equal(kf_share(&a, KF_HANDLE, P2, 0), S_OK);
	assert_int_equal(kf_open(kf, theirs, shared[3]), STATUS_ACCESS_DENIED);

	/* One that has ended is nobody. */
	assert_int_equal(kf_share(&a, KF_DWM, 0, 1), S_OK);
	kf_process_end(kf, P2);
	assert_int_equal(kf_open(kf, third, shared[3]), STATUS_ACCESS_DENIED);
	kf_stop(kf);
}

/* AC-146, with resources that outlive their handle, their device, or both. */
static void test_unrestricted(void **state)
{
	struct kf *kf = start();
	int mine = kf_device_of(kf, P1), theirs = kf_device_of(kf, P2);
	struct kf_channel a = kf_channel_ready(kf, mine, KF_SOFTWARE);
	struct kf_channel b = kf_channel_ready(kf, theirs, KF_SOFTWARE);
	struct drv_allocation infos[3];
	D3DKMT_HANDLE first, list[3];

	(void)state;
	assert_int_equal(kf_query(&a, KF_Q_UNRESTRICTED), 0);
	(void)surface(kf, mine, PRIVATE);
	(void)surface(kf, mine, ORDINARY);
	(void)surface(kf, mine, RESTRICTED);
	assert_int_equal(kf_query(&a, KF_Q_UNRESTRICTED), 0);
	first = surface(kf, mine, OPEN);
	assert_int_equal(kf_query(&a, KF_Q_UNRESTRICTED), 1);
	assert_int_equal(kf_query(&b, KF_Q_UNRESTRICTED), 0);
	assert_int_equal(kf_open(kf, theirs, first), STATUS_SUCCESS);
	assert_int_equal(kf_query(&a, KF_Q_UNRESTRICTED), 1);
	assert_int_equal(kf_query(&b, KF_Q_UNRESTRICTED), 0); /* it opened it, and made it not */

	/* Several surfaces in one request are one resource, until the last of them goes. */
	for (size_t mixed = 0; mixed < 2; mixed++) {
		static const size_t orders[3][3] = { { 0, 1, 2 }, { 1, 2, 0 }, { 1, 0, 2 } };

		for (size_t order = 0; order < 3; order++) {
			D3DKMT_HANDLE other = surface(kf, theirs, OPEN);

			for (size_t i = 0; i < 3; i++)
				infos[i] = kf_info(D3DDDIPOOL_VIDEOMEMORY, (mixed && i == 0 ? RESTRICTED : OPEN).Value,
						   D3DDDIFMT_A8R8G8B8, 16, 1);
			assert_int_equal(kf_allocate(kf, theirs, infos, 3, list), STATUS_SUCCESS);
			assert_int_equal(kf_query(&b, KF_Q_UNRESTRICTED), 2);
			for (size_t i = 0; i < 3; i++) {
				bool is_left = false;

				kf_free(kf, list[orders[order][i]]);
				for (size_t j = i + 1; j < 3; j++)
					is_left |= !mixed || orders[order][j] != 0;
				assert_int_equal(kf_query(&b, KF_Q_UNRESTRICTED), is_left ? 2 : 1);
			}
			kf_free(kf, other);
			assert_int_equal(kf_query(&b, KF_Q_UNRESTRICTED), 0);
		}
	}

	/* The maker's device goes while another one has it open; then the surface does. */
	kf_device_destroy(kf, mine);
	mine = kf_device_of(kf, P1);
	a = kf_channel_ready(kf, mine, KF_SOFTWARE);
	assert_int_equal(kf_query(&a, KF_Q_UNRESTRICTED), 0);
	assert_int_equal(kf_query(&b, KF_Q_UNRESTRICTED), 0);
	kf_free(kf, first);
	assert_int_equal(kf_query(&b, KF_Q_UNRESTRICTED), 0);
	kf_stop(kf);
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
		cmocka_unit_test(test_list),	     cmocka_unit_test(test_long_list),
		cmocka_unit_test(test_admission),    cmocka_unit_test(test_compositor),
		cmocka_unit_test(test_unrestricted),
	};

	return cmocka_run_group_tests_name("kmd_channel_sharing", tests, NULL, teardown_all);
}
