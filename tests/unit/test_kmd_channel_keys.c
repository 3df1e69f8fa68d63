/* SPDX-License-Identifier: MIT */
/* Keys of authenticated channels: where they are, that they go, what their loss leaves, what lack of memory does. */
#include "kmd_fixture_channel.h"
#include "secret_probe.h"

#include <string.h>

/* ---- nothing is left of a key (AC-165) --------------------------------------------------------------- */

enum end { DESTROY, DESTROY_DEVICE, LOSE_KEYS, REFUSE, ENDS };

static void test_key_wiped(void **state)
{
	(void)state;
	for (enum end end = 0; end < ENDS; end++) {
		struct kf *kf = kf_start(NULL);
		struct kf_channel channel = kf_channel(kf, kf_device(kf), KF_SOFTWARE);
		const uint8_t *heap = gpu_secret_alloc(16); /* tells which mapping is the heap */
		uint8_t key[17];

		assert_int_equal(gpu_random(key, sizeof(key)), 0);
		if (end == REFUSE) {
			/* One byte too long: what was unwrapped goes with the refusal. */
			uint8_t blob[256];

			kf_blob(GPU_LEAF_CHANNEL, "SHA512", "", key, 17, blob);
			assert_int_equal(kf_channel_exchange_blob(kf, channel.device, channel.handle, blob),
					 E_INVALIDARG);
		} else {
			assert_int_equal(kf_exchange_key(&channel, key), S_OK);
			kf_initialise(&channel, 1, 1);
			assert_int_equal(kf_protect(&channel, 1), S_OK);
			assert_int_equal(kf_query(&channel, KF_Q_PROTECTION), 1);
			assert_true(sp_mapping_count(kf_channel_inside(&channel)->mac, key) >= 1);
			assert_true(sp_mapping_count(heap, key) >= 1);
		}
		if (end == DESTROY)
			assert_int_equal(kf_destroy(&channel), S_OK);
		if (end == DESTROY_DEVICE)
			kf_device_destroy(kf, channel.device);
		if (end == LOSE_KEYS)
			kmd_driver.LoseKeys(kf->adapter);
		assert_int_equal(sp_mapping_count(heap, key), 0);
		gpu_secret_free((void *)(uintptr_t)heap);
		kf_stop(kf);
	}
}

/* ---- a new one has nothing of an old one (AC-166) ------------------------------------------------------ */

static void test_nothing_is_inherited(void **state)
{
	struct kmd_config config;
	struct kf_channel old, new;
	struct drv_escape_message message;
	struct kf *kf;
	const uint32_t flags = 2;
	GUID guid, zero = { 0 };
	int device;

	(void)state;
	kf_config(&config);
	config.caps = 0xf9;
	config.encryption_guids = 2;
	kf = kf_start(&config);
	device = kf_device(kf);
	for (int round = 0; round < 50; round++) {
		old = kf_channel_ready(kf, device, KF_SOFTWARE);
		assert_int_equal(kf_query_guid(&old, (uint32_t)round % 2, &guid), S_OK);
		assert_int_equal(kf_encryption(&old, &guid), S_OK);
		assert_int_equal(kf_protect(&old, 3), S_OK);
		assert_int_equal(kf_destroy(&old), S_OK);

		new = kf_channel(kf, device, KF_SOFTWARE);
		assert_true(new.handle > old.handle);
		memcpy(new.key, old.key, 16);
		new.next_configure = old.next_configure;
		message = kf_message(&new, KF_PROTECTION, new.next_configure, &flags, sizeof(flags));
		(void)kf_send(kf, device, &message);
		kf_assert_answer(&message, new.key, E_INVALIDARG, KF_BARE);
		assert_int_equal(kf_exchange_key(&new, KF_C), S_OK);
		kf_initialise(&new, 0, 0);			      /* numbers below the old ones */
		assert_int_equal(kf_query(&new, KF_Q_PROTECTION), 0); /* AC-158 */
		guid = kf_current_encryption(&new);		      /* AC-159 */
		assert_memory_equal(&guid, &zero, sizeof(guid));
		assert_int_equal(kf_protect(&new, 1), S_OK);
		assert_int_equal(kf_destroy(&new), S_OK);
	}
	kf_stop(kf);
}

/* ---- the key store is lost (AC-169 to AC-171) ------------------------------------------------------------ */

static void test_loss(void **state)
{
	struct kmd_config config;
	struct kf_channel lost, young, new;
	struct drv_escape_message message;
	struct kf_process_entry entry;
	struct kf_association tie;
	D3DKMT_HANDLE session;
	const uint32_t zero = 0;
	uint64_t decode, id;
	GUID guid, got;
	struct kf *kf;
	int device;

	(void)state;
	kf_config(&config);
	config.caps = 0xf9;
	config.encryption_guids = 2;
	config.has_decode = true;
	kf = kf_start(&config);
	device = kf_device(kf);
	lost = kf_channel_ready(kf, device, KF_SOFTWARE);
	young = kf_channel(kf, device, KF_SOFTWARE);
	session = kf_decode_session(kf, device, &drv_test_profiles[0]);
	assert_int_equal(kf_decode(kf, device, &drv_test_profiles[0], &decode), S_OK);
	id = kf_device_id(&lost);
	lost.session = session;
	assert_int_equal(kf_query_guid(&lost, 0, &guid), S_OK);
	assert_int_equal(kf_encryption(&lost, &guid), S_OK);
	assert_int_equal(kf_protect(&lost, 2), S_OK);
	assert_int_equal(kf_share(&lost, KF_HANDLE, KF_TOKEN, 1), S_OK);
	assert_int_equal(kf_bind(&lost, decode, 0x3003, id), S_OK);

	/* One session's loss is no channel's. */
	kmd_driver.LoseSessionKeys(kf->adapter, kf_session_inside(kf, session));
	assert_int_equal(kf_query(&lost, KF_Q_PROTECTION), 2);

	kmd_driver.LoseKeys(kf->adapter);
	message = kf_message(&lost, KF_PROTECTION, lost.next_configure, &zero, sizeof(zero));
	(void)kf_send(kf, device, &message);
	kf_assert_answer(&message, lost.key, E_INVALIDARG, KF_BARE);
	assert_int_equal(kf_exchange_key(&lost, KF_K), E_INVALIDARG);

	/* One that had no key yet may get its first. */
	assert_int_equal(kf_exchange_key(&young, KF_K), S_OK);
	kf_initialise(&young, 0, 0);
	kmd_driver.LoseKeys(kf->adapter); /* again: the lost one is lost already */
	assert_int_equal(kf_exchange_key(&young, KF_K), E_INVALIDARG);
	assert_int_equal(kf_destroy(&young), S_OK);

	/* What it set stays in force, and is respected, until it is destroyed. */
	new = kf_channel_ready(kf, device, KF_SOFTWARE);
	new.session = session;
	assert_int_equal(kf_query(&new, KF_Q_PROTECTION), 2);
	assert_int_equal(kf_protect(&new, 0), E_INVALIDARG);
	assert_int_equal(kf_protect(&new, 1), E_INVALIDARG);
	got = kf_current_encryption(&new);
	assert_memory_equal(&got, &guid, sizeof(guid));
	assert_int_equal(kf_encryption(&new, &(const GUID) { 0 }), E_INVALIDARG);
	assert_int_equal(kf_query_process(&new, 0, &entry), S_OK);
	assert_true(entry.type == KF_HANDLE && entry.process == KF_TOKEN);
	assert_int_equal(kf_query_association(&new, decode, &tie), S_OK);
	assert_true(tie.session == 0x3003 && tie.device == id);
	assert_int_equal(kf_bind(&new, decode, 0x3003, id), S_OK); /* identical: no owner by that */
	assert_int_equal(kf_destroy(&lost), S_OK);
	assert_int_equal(kf_query(&new, KF_Q_PROTECTION), 0);
	got = kf_current_encryption(&new);
	assert_memory_equal(&got, &(const GUID) { 0 }, sizeof(got));
	assert_int_equal(kf_query(&new, KF_Q_PROCESSCOUNT), 1); /* AC-161 */
	assert_int_equal(kf_query_association(&new, decode, &tie), S_OK);
	assert_true(tie.session == 0x3003); /* AC-162 */
	assert_int_equal(kf_share(&new, KF_HANDLE, KF_TOKEN, 0), S_OK);
	kf_stop(kf);
}

/* ---- no memory --------------------------------------------------------------------------------------------- */

/* AC-015: each allocation in turn, of each kind; then the same again works. */
static void test_create_and_exchange_without_memory(void **state)
{
	int *const kinds[] = { &kf_fail_malloc, &kf_fail_secret_alloc, &kf_fail_mac_reserve, &kf_fail_mac_set };
	struct kf *kf = kf_start(NULL);
	int device = kf_device(kf), creates = 0, exchanges = 0;
	struct kf_channel channel;
	struct kf_snapshot before;
	uint8_t blob[256];

	(void)state;
	kf_blob(GPU_LEAF_CHANNEL, "SHA512", "", KF_K, 16, blob);
	for (int kind = 0; kind < 4; kind++) {
		for (int good = 0;; good++) {
			uint64_t handle = 0;
			HRESULT hr;

			kf_snapshot(kf, &before);
			*kinds[kind] = good;
			hr = kf_channel_create(kf, device, KF_SOFTWARE, &handle);
			kf_fail_none();
			if (hr == S_OK) {
				assert_int_equal(kf_channel_destroy(kf, device, handle), S_OK);
				break;
			}
			assert_int_equal(hr, E_OUTOFMEMORY);
			kf_assert_unchanged(kf, &before);
			creates++;
		}
		for (int good = 0;; good++) {
			HRESULT hr;

			channel = kf_channel(kf, device, KF_SOFTWARE);
			kf_snapshot(kf, &before);
			*kinds[kind] = good;
			hr = kf_channel_exchange_blob(kf, device, channel.handle, blob);
			kf_fail_none();
			if (hr != S_OK) {
				assert_int_equal(hr, E_OUTOFMEMORY);
				kf_assert_unchanged(kf, &before);
				assert_int_equal(kf_channel_exchange_blob(kf, device, channel.handle, blob), S_OK);
				exchanges++;
			}
			memcpy(channel.key, KF_K, 16);
			kf_initialise(&channel, 5, 5);
			assert_int_equal(kf_destroy(&channel), S_OK);
			if (hr == S_OK)
				break;
		}
	}
	assert_true(creates >= 1 && exchanges >= 3);
	kf_stop(kf);
}

/* AC-083: after the command was accepted. Its number is used up, and nobody is listed. */
static void test_share_without_memory(void **state)
{
	struct kf *kf = kf_start(NULL);
	struct kf_channel channel = kf_channel_ready(kf, kf_device(kf), KF_SOFTWARE);
	struct kf_process_entry entry;
	int refused = 0;

	(void)state;
	for (uint64_t i = 0; i < 12; i++) {
		const uint64_t token = 0x700000100 + i;
		HRESULT hr;

		kf_process(kf, token);
		kf_fail_malloc = 0;
		hr = kf_share(&channel, KF_HANDLE, token, 1); /* signed, and with a number of its own */
		kf_fail_none();
		assert_int_equal(kf_query(&channel, KF_Q_PROCESSCOUNT), i + (hr == S_OK));
		if (hr != S_OK) {
			struct drv_escape_message again;

			assert_int_equal(hr, E_OUTOFMEMORY);
			again = kf_message(&channel, KF_PROTECTION, channel.next_configure - 1, NULL, 0);
			(void)kf_send(kf, channel.device, &again);
			kf_assert_answer(&again, channel.key, E_INVALIDARG, KF_BARE);
			refused++;
			assert_int_equal(kf_share(&channel, KF_HANDLE, token, 1), S_OK);
		}
		assert_int_equal(kf_query_process(&channel, (uint32_t)i, &entry), S_OK);
		assert_true(entry.index == i && entry.type == KF_HANDLE && entry.process == token);
	}
	assert_true(refused >= 2);
	kf_stop(kf);
}

/* AC-083, AC-100: what needs no memory does not fail for lack of it; a tag that the engine owes is a failure of its own. */
static void test_messages_without_memory(void **state)
{
	struct kf *kf = kf_start(NULL);
	struct kf_channel channel = kf_channel_ready(kf, kf_device(kf), KF_SOFTWARE);
	const uint32_t one = 1;
	struct drv_escape_message message;
	struct kf_snapshot before;

	(void)state;
	for (enum kf_type type = KF_QUERIES; type < KF_TYPES; type++) {
		message = kf_message(&channel, type, channel.next_query++, NULL, 0);
		kf_fail_malloc = kf_fail_secret_alloc = kf_fail_mac_reserve = kf_fail_mac_set = 0;
		(void)kf_send(kf, channel.device, &message);
		kf_fail_none();
		assert_int_equal(kf_class(&message, channel.key), KF_SIGNED);
		assert_true(message.header.result == S_OK || message.header.result == E_INVALIDARG);
	}
	kf_snapshot(kf, &before);
	message = kf_message(&channel, KF_PROTECTION, channel.next_configure, &one, sizeof(one));
	kf_fail_mac_compute = 0; /* while its tag is looked at: it was not accepted */
	(void)kf_send(kf, channel.device, &message);
	kf_fail_none();
	kf_assert_answer(&message, channel.key, E_FAIL, KF_BARE);
	kf_assert_unchanged(kf, &before);
	assert_int_equal(kf_protect(&channel, 1), S_OK);
	kf_stop(kf);
}

/* ---- limits ----------------------------------------------------------------------------------------------------- */

/* What a device has counts as handles of its user: refused, nothing is left; given back at every end. */
static void test_charges(void **state)
{
	struct kf *kf = kf_start(NULL);
	int one = kf_device(kf), two = kf_device(kf);
	struct kf_channel channels[6];
	struct kf_snapshot before;
	uint64_t handle;

	(void)state;
	kf->charge_limit = 6;
	for (int i = 0; i < 6; i++) {
		channels[i] = kf_channel(kf, i % 2 ? two : one, KF_SOFTWARE);
		assert_int_equal(kf->charges, i + 1);
		assert_int_equal(kf->device_objects[i % 2 ? two : one].charges, i / 2 + 1);
	}
	kf_snapshot(kf, &before);
	assert_int_equal(kf_channel_create(kf, one, KF_SOFTWARE, &handle), E_OUTOFMEMORY);
	kf_assert_unchanged(kf, &before);
	assert_int_equal(kf_channel_create(kf, one, KF_HARDWARE, &handle), D3DDDIERR_NOTAVAILABLE);
	kf_assert_unchanged(kf, &before);
	assert_int_equal(kf_destroy(&channels[1]), S_OK);
	assert_int_equal(kf->charges, 5);
	assert_int_equal(kf_channel_create(kf, one, KF_SOFTWARE, &handle), S_OK);
	kmd_driver.LoseKeys(kf->adapter); /* a channel without a key is one still */
	assert_int_equal(kf->charges, 6);
	kf_device_destroy(kf, two); /* AC-013 */
	assert_int_equal(kf->charges, 4);
	assert_int_equal(kf_channel_destroy(kf, one, channels[3].handle), E_INVALIDARG);
	kf_device_destroy(kf, one);
	assert_int_equal(kf->charges, 0);
	kf_stop(kf);
}

/* One device has so many; the others have theirs. */
static void test_too_many(void **state)
{
	struct kf *kf = kf_start(NULL);
	int one = kf_device(kf), two = kf_device(kf);
	uint64_t handle, first = 0;
	int count = 0;
	HRESULT hr;

	(void)state;
	while ((hr = kf_channel_create(kf, one, KF_SOFTWARE, &handle)) == S_OK && count < 100000) {
		first = first ? first : handle;
		count++;
	}
	assert_int_equal(hr, E_OUTOFMEMORY);
	assert_int_equal(kf->charges, count);
	assert_int_equal(kf_channel_create(kf, two, KF_SOFTWARE, &handle), S_OK);
	assert_int_equal(kf_channel_destroy(kf, one, first), S_OK);
	assert_int_equal(kf_channel_create(kf, one, KF_SOFTWARE, &handle), S_OK);
	kf_stop(kf);
}

/* AC-008, AC-141: no number twice, whoever made and unmade what. */
static void test_numbers(void **state)
{
	struct kf *kf = kf_start(NULL);
	uint64_t last_channel = 0, last_device = 0;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		int device = kf_device(kf);
		struct kf_channel channel = kf_channel(kf, device, KF_SOFTWARE);
		const uint64_t id = ((struct kmd_device *)kf->devices[device])->id;

		assert_true(channel.handle > last_channel);
		assert_true(id > last_device);
		last_channel = channel.handle;
		last_device = id;
		if (i % 2)
			assert_int_equal(kf_destroy(&channel), S_OK);
		kf_device_destroy(kf, device);
	}
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
		cmocka_unit_test(test_key_wiped),
		cmocka_unit_test(test_nothing_is_inherited),
		cmocka_unit_test(test_loss),
		cmocka_unit_test(test_create_and_exchange_without_memory),
		cmocka_unit_test(test_share_without_memory),
		cmocka_unit_test(test_messages_without_memory),
		cmocka_unit_test(test_charges),
		cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_numbers),
	};

	/* As in the service: what libcrypto keeps of a key is in the secret heap too. */
	if (gpu_memory_start(GPU_MEMORY_PLAIN, GPU_MEMORY_SECRET) < 0 || gpu_route_libcrypto() < 0)
		return 2;
	return cmocka_run_group_tests_name("kmd_channel_keys", tests, NULL, teardown_all);
}
