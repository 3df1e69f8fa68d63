/* SPDX-License-Identifier: MIT */
/* Channels in the kernel-mode driver: sessions tied to decode devices, outputs, encryption when accessible. */
#include "kmd_fixture_channel.h"

#include <string.h>

enum { NAME = 0x3003, OTHER_NAME = 0x3004 };

static const GUID NONE;

/* Two devices, each with a channel, a session and a decode device of the first profile. */
struct side {
	struct kf_channel channel;
	D3DKMT_HANDLE session;
	uint64_t decode, id;
};

struct bench {
	struct kf *kf;
	struct side a, b;
};

static struct side side(struct kf *kf)
{
	struct side side = { .channel = kf_channel_ready(kf, kf_device(kf), KF_SOFTWARE) };

	side.session = kf_decode_session(kf, side.channel.device, &drv_test_profiles[0]);
	assert_int_equal(kf_decode(kf, side.channel.device, &drv_test_profiles[0], &side.decode), S_OK);
	side.id = kf_device_id(&side.channel);
	side.channel.session = side.session;
	return side;
}

static struct bench start(int32_t outputs, bool has_decode)
{
	struct kmd_config config;
	struct bench b;

	kf_config(&config);
	config.has_decode = has_decode;
	config.outputs = outputs;
	config.encryption_guids = 2;
	b.kf = kf_start(&config);
	if (has_decode) {
		b.a = side(b.kf);
		b.b = side(b.kf);
		assert_true(b.a.id != b.b.id && b.a.decode != b.b.decode);
	}
	return b;
}

static void assert_tie(struct side *side, uint64_t decode, uint64_t session)
{
	struct kf_association tie;

	assert_int_equal(kf_query_association(&side->channel, decode, &tie), S_OK);
	assert_true(tie.decode == decode);
	assert_true(tie.session == session);
	assert_true(tie.device == (session ? side->id : 0));
}

/* AC-115 to AC-120, AC-142, AC-143: the triple, and each way in which it is none. */
static void test_triple(void **state)
{
	struct bench b = start(1, true);
	struct kf_association tie;
	const uint64_t hDevice = (uintptr_t)b.kf->devices[b.a.channel.device];
	D3DKMT_HANDLE plain = kf_session(b.kf, b.a.channel.device);
	D3DKMT_HANDLE second = kf_decode_session(b.kf, b.a.channel.device, &drv_test_profiles[1]);
	D3DKMT_HANDLE surface = kf_protected(b.kf, b.a.channel.device, 16, 1);
	D3DKMT_HANDLE dead = kf_decode_session(b.kf, b.a.channel.device, &drv_test_profiles[0]);
	const struct {
		uint64_t decode, name, device;
		D3DKMT_HANDLE session;
	} bad[] = {
		{ b.b.decode, NAME, b.a.id, b.a.session },
		{ 0, NAME, b.a.id, b.a.session },
		{ b.a.decode + 77, NAME, b.a.id, b.a.session },
		{ b.a.decode, 0, b.a.id, b.a.session },
		{ b.a.decode, NAME, b.b.id, b.a.session },
		{ b.a.decode, NAME, 0, b.a.session },
		{ b.a.decode, NAME, hDevice, b.a.session },
		{ b.a.decode, NAME, b.a.id, b.b.session },
		{ b.a.decode, NAME, b.a.id, 0 },
		{ b.a.decode, NAME, b.a.id, surface },
		{ b.a.decode, NAME, b.a.id, 0xffffffff },
		{ b.a.decode, NAME, b.a.id, dead },
		{ b.a.decode, 0x5005, b.a.id, plain },
		{ b.a.decode, 0x5006, b.a.id, second },
	};

	(void)state;
	kf_session_destroy(b.kf, dead);
	assert_tie(&b.a, b.a.decode, 0);
	assert_int_equal(kf_query_association(&b.a.channel, b.b.decode, &tie), E_INVALIDARG);
	assert_int_equal(kf_query_association(&b.a.channel, 0, &tie), E_INVALIDARG);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		b.a.channel.session = bad[i].session;
		assert_int_equal(kf_bind(&b.a.channel, bad[i].decode, bad[i].name, bad[i].device), E_INVALIDARG);
		assert_tie(&b.a, b.a.decode, 0);
	}
	b.a.channel.session = b.a.session;
	assert_int_equal(kf_bind(&b.a.channel, b.a.decode, NAME, b.a.id), S_OK);
	assert_tie(&b.a, b.a.decode, NAME);
	/* And the second profile with its own. */
	assert_int_equal(kf_decode(b.kf, b.a.channel.device, &drv_test_profiles[1], &tie.decode), S_OK);
	b.a.channel.session = second;
	assert_int_equal(kf_bind(&b.a.channel, tie.decode, 0x5006, b.a.id), S_OK);
	assert_tie(&b.a, tie.decode, 0x5006);
	kf_stop(b.kf);
}

/* AC-117: what a session is called where it is tied it is called everywhere. */
static void test_names(void **state)
{
	struct bench b = start(1, true);
	struct kf_snapshot before;

	(void)state;
	assert_int_equal(kf_bind(&b.a.channel, b.a.decode, NAME, b.a.id), S_OK);
	kf_snapshot(b.kf, &before);
	for (int bit = 0; bit < 64; bit++) {
		const uint64_t name = NAME ^ UINT64_C(1) << bit, outputs[3] = { b.a.id, name, 0 };
		struct drv_escape_message message;

		message = kf_message(&b.a.channel, KF_Q_OUTPUTIDCOUNT, b.a.channel.next_query++, outputs, 16);
		assert_int_equal(kf_send(b.kf, b.a.channel.device, &message), E_INVALIDARG);
		message = kf_message(&b.a.channel, KF_Q_OUTPUTID, b.a.channel.next_query++, outputs, 20);
		assert_int_equal(kf_send(b.kf, b.a.channel.device, &message), E_INVALIDARG);
		assert_int_equal(kf_bind(&b.a.channel, b.a.decode, name, b.a.id), E_INVALIDARG);
	}
	assert_tie(&b.a, b.a.decode, NAME);
	kf_stop(b.kf);
}

/* AC-121 to AC-123, AC-162: owners, replacements, ends. */
static void test_owners(void **state)
{
	struct bench b = start(1, true);
	struct side one = b.a, two = b.a; /* two channels of one device */
	D3DKMT_HANDLE other = kf_decode_session(b.kf, one.channel.device, &drv_test_profiles[0]);
	uint64_t second;

	(void)state;
	two.channel = kf_channel_ready(b.kf, one.channel.device, KF_SOFTWARE);
	two.channel.session = one.session;
	assert_int_equal(kf_decode(b.kf, one.channel.device, &drv_test_profiles[0], &second), S_OK);

	assert_int_equal(kf_bind(&one.channel, one.decode, NAME, one.id), S_OK);
	assert_int_equal(kf_bind(&one.channel, second, NAME, one.id), S_OK); /* one session, two decode devices */
	assert_tie(&one, second, NAME);
	one.channel.session = other;
	assert_int_equal(kf_bind(&one.channel, one.decode, OTHER_NAME, one.id), S_OK);
	assert_tie(&two, one.decode, OTHER_NAME);
	assert_tie(&two, second, NAME);
	assert_int_equal(kf_bind(&two.channel, one.decode, NAME, one.id), E_INVALIDARG);
	two.channel.session = other;
	assert_int_equal(kf_bind(&two.channel, one.decode, OTHER_NAME, one.id), S_OK); /* identical */
	two.channel.session = one.session;
	assert_int_equal(kf_bind(&two.channel, one.decode, NAME, one.id), E_INVALIDARG); /* and no owner by that */
	assert_tie(&one, one.decode, OTHER_NAME);

	/* The owner goes: it stays, and is anybody's. */
	assert_int_equal(kf_destroy(&one.channel), S_OK);
	assert_tie(&two, one.decode, OTHER_NAME);
	assert_int_equal(kf_bind(&two.channel, one.decode, NAME, one.id), S_OK);
	one.channel = kf_channel_ready(b.kf, two.channel.device, KF_SOFTWARE);
	one.channel.session = other;
	assert_int_equal(kf_bind(&one.channel, one.decode, OTHER_NAME, one.id), E_INVALIDARG); /* two owns it now */
	assert_int_equal(kf_bind(&one.channel, second, OTHER_NAME, one.id), S_OK);

	/* The session goes: nothing is tied, and nobody owns that. */
	kf_session_destroy(b.kf, one.session);
	assert_tie(&two, one.decode, 0);
	assert_tie(&two, second, OTHER_NAME);
	assert_int_equal(kf_bind(&one.channel, one.decode, OTHER_NAME, one.id), S_OK);
	kf_session_destroy(b.kf, other);
	/* Another one gets the same handle: it is not the one that was tied. */
	other = kf_decode_session(b.kf, one.channel.device, &drv_test_profiles[0]);
	assert_tie(&two, one.decode, 0);
	assert_tie(&two, second, 0);
	one.channel.session = other;
	assert_int_equal(kf_bind(&one.channel, second, 0x7777, one.id), S_OK);

	/* The decode device goes, and its handle names nothing, here or elsewhere. */
	assert_int_equal(kf_decode_destroy(b.kf, b.b.channel.device, second), E_INVALIDARG);
	assert_tie(&one, second, 0x7777);
	assert_int_equal(kf_decode_destroy(b.kf, one.channel.device, second), S_OK);
	assert_int_equal(kf_decode_destroy(b.kf, one.channel.device, second), E_INVALIDARG);
	assert_int_equal(kf_bind(&one.channel, second, 0x7777, one.id), E_INVALIDARG);
	kf_stop(b.kf);
}

static HRESULT output_count(struct side *side, uint64_t session, uint64_t device, uint32_t *ret)
{
	const uint64_t body[2] = { device, session };
	uint64_t out[3];
	HRESULT hr = kf_call(&side->channel, KF_Q_OUTPUTIDCOUNT, body, sizeof(body), out);

	if (hr == S_OK)
		assert_true(out[0] == device && out[1] == session && out[2] >> 32 == 0); /* AC-099 */
	*ret = (uint32_t)out[2];
	return hr;
}

static HRESULT output_id(struct side *side, uint64_t session, uint64_t device, uint32_t index, uint64_t *ret)
{
	const uint64_t body[3] = { device, session, index };
	uint64_t out[4];
	HRESULT hr = kf_call(&side->channel, KF_Q_OUTPUTID, body, sizeof(body), out);

	if (hr == S_OK)
		assert_true(out[0] == device && out[1] == session && out[2] == index);
	*ret = out[3];
	return hr;
}

/* AC-147 to AC-151. */
static void test_outputs(void **state)
{
	(void)state;
	for (int32_t outputs = -1; outputs <= KMD_OUTPUTS; outputs++) {
		struct bench b = start(outputs, true);
		const uint32_t there = outputs < 0 ? 1 : (uint32_t)outputs;
		uint64_t ids[KMD_OUTPUTS], id;
		uint32_t count;

		assert_int_equal(output_count(&b.a, NAME, b.a.id, &count), S_OK);
		assert_int_equal(count, 0); /* not tied */
		assert_int_equal(output_id(&b.a, NAME, b.a.id, 0, &id), E_INVALIDARG);
		assert_int_equal(kf_bind(&b.a.channel, b.a.decode, NAME, b.a.id), S_OK);
		assert_int_equal(output_count(&b.a, NAME, b.a.id, &count), S_OK);
		assert_int_equal(count, there);
		for (uint32_t i = 0; i < there; i++) {
			assert_int_equal(output_id(&b.a, NAME, b.a.id, i, &ids[i]), S_OK);
			assert_true(ids[i] != 0);
			for (uint32_t j = 0; j < i; j++)
				assert_true(ids[i] != ids[j]);
			assert_int_equal(output_id(&b.a, NAME, b.a.id, i, &id), S_OK);
			assert_true(id == ids[i]);
		}
		assert_int_equal(output_id(&b.a, NAME, b.a.id, there, &id), E_INVALIDARG);
		assert_int_equal(output_id(&b.a, NAME, b.a.id, UINT32_MAX, &id), E_INVALIDARG);

		assert_int_equal(output_count(&b.a, NAME, b.b.id, &count), E_INVALIDARG);
		assert_int_equal(output_count(&b.a, NAME, 0, &count), E_INVALIDARG);
		assert_int_equal(output_count(&b.a, 0, b.a.id, &count), E_INVALIDARG);
		b.a.channel.session = b.b.session;
		assert_int_equal(output_count(&b.a, OTHER_NAME, b.a.id, &count), E_INVALIDARG);
		b.a.channel.session = 0;
		assert_int_equal(output_count(&b.a, NAME, b.a.id, &count), E_INVALIDARG);
		b.a.channel.session = b.a.session;

		/* The monitor is pulled out; what a test configuration says stays. */
		b.kf->kernel.ShowPicture = NULL;
		assert_int_equal(output_count(&b.a, NAME, b.a.id, &count), S_OK);
		assert_int_equal(count, outputs < 0 ? 0 : outputs);
		assert_int_equal(output_id(&b.a, NAME, b.a.id, 0, &id), outputs > 0 ? S_OK : E_INVALIDARG);
		kf_session_destroy(b.kf, b.a.session);
		assert_int_equal(output_count(&b.a, NAME, b.a.id, &count), E_INVALIDARG);
		kf_stop(b.kf);
	}
}

/* D-41: where no test configuration says so, there is nothing to decode with. */
static void test_no_decoding(void **state)
{
	struct bench b = start(-1, false);
	int device = kf_device(b.kf);
	const struct drv_session info = {
		.magic = DRV_MAGIC,
		.crypto_type = D3DCRYPTOTYPE_AES128_CTR,
		.decode_profile = drv_test_profiles[0],
	};
	struct kf_channel channel = kf_channel_ready(b.kf, device, KF_SOFTWARE);
	D3DKMT_HANDLE session;
	struct kf_association tie;
	uint64_t decode;

	(void)state;
	for (int i = 0; i < DRV_TEST_PROFILES; i++)
		assert_int_equal(kf_decode(b.kf, device, &drv_test_profiles[i], &decode), D3DDDIERR_NOTAVAILABLE);
	assert_int_equal(kf_session_raw(b.kf, device, &info, sizeof(info), &session), STATUS_INVALID_PARAMETER);
	assert_int_equal(kf_decode_destroy(b.kf, device, 1), E_INVALIDARG);
	assert_int_equal(kf_query_association(&channel, 1, &tie), E_INVALIDARG);
	kf_stop(b.kf);
}

/* Decode devices: profiles that are none, too many, and what the end of the device leaves. */
static void test_decode_devices(void **state)
{
	struct bench b = start(1, true);
	uint64_t decode, last = 0;
	int count = 0;
	HRESULT hr;

	(void)state;
	for (int bit = 0; bit < 128; bit++) {
		uint8_t bytes[16];
		GUID profile;

		memcpy(bytes, &drv_test_profiles[0], 16);
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		memcpy(&profile, bytes, 16);
		assert_int_equal(kf_decode(b.kf, b.a.channel.device, &profile, &decode), D3DDDIERR_NOTAVAILABLE);
	}
	assert_int_equal(kf_decode(b.kf, b.a.channel.device, &NONE, &decode), D3DDDIERR_NOTAVAILABLE);
	while ((hr = kf_decode(b.kf, b.a.channel.device, &drv_test_profiles[0], &decode)) == S_OK) {
		assert_true(decode > last && count++ < 100000);
		last = decode;
	}
	assert_int_equal(hr, E_OUTOFMEMORY);
	assert_int_equal(kf_decode(b.kf, b.b.channel.device, &drv_test_profiles[0], &decode), S_OK);
	kf_device_destroy(b.kf, b.a.channel.device);
	assert_int_equal(kf_decode_destroy(b.kf, b.b.channel.device, last), E_INVALIDARG);
	kf_stop(b.kf);
}

/* ---- ENCRYPTIONWHENACCESSIBLE ------------------------------------------------------------------------------ */

static void assert_current(struct kf_channel *channel, const GUID *guid)
{
	const GUID current = kf_current_encryption(channel);

	assert_memory_equal(&current, guid, sizeof(*guid));
}

/* AC-134 to AC-138, AC-154 to AC-156, AC-159. */
static void test_encryption(void **state)
{
	struct bench b = start(1, true);
	struct kf_channel one = b.a.channel, two = kf_channel_ready(b.kf, one.device, KF_SOFTWARE),
			  *all[2] = { &one, &two };
	GUID g, h, wrong, got;

	(void)state;
	assert_int_equal(kf_query(&one, KF_Q_GUIDCOUNT), 2);
	assert_int_equal(kf_query_guid(&one, 0, &g), S_OK);
	assert_int_equal(kf_query_guid(&one, 1, &h), S_OK);
	assert_int_equal(kf_query_guid(&one, 2, &got), E_INVALIDARG);
	assert_int_equal(kf_query_guid(&one, UINT32_MAX, &got), E_INVALIDARG);
	assert_memory_not_equal(&g, &h, sizeof(g));
	assert_memory_not_equal(&g, &NONE, sizeof(g));
	assert_memory_not_equal(&h, &NONE, sizeof(h));
	wrong = g;
	wrong.Data4[7] ^= 1;

	for (int i = 0; i < 2; i++) {
		struct kf_channel *x = all[i], *y = all[!i];

		assert_current(x, &NONE);
		assert_int_equal(kf_encryption(x, &wrong), E_INVALIDARG);
		assert_int_equal(kf_encryption(x, &NONE), S_OK);
		assert_int_equal(kf_encryption(x, &g), S_OK);
		assert_current(y, &g);
		assert_current(&b.b.channel, &NONE);	      /* another device's business */
		assert_int_equal(kf_encryption(x, &h), S_OK); /* alone it may change its mind */
		assert_int_equal(kf_encryption(x, &g), S_OK);
		assert_int_equal(kf_encryption(y, &h), E_INVALIDARG);
		assert_int_equal(kf_encryption(y, &NONE), E_INVALIDARG);
		assert_int_equal(kf_encryption(y, &g), S_OK);
		assert_int_equal(kf_encryption(x, &h), E_INVALIDARG);
		assert_int_equal(kf_encryption(x, &NONE), S_OK);
		assert_current(x, &g);
		assert_int_equal(kf_encryption(x, &NONE), E_INVALIDARG); /* it has nothing left to give up */
		assert_int_equal(kf_encryption(y, &NONE), S_OK);
		assert_current(x, &NONE);
	}
	assert_int_equal(kf_encryption(&one, &h), S_OK);
	assert_int_equal(kf_encryption(&two, &h), S_OK);
	assert_int_equal(kf_destroy(&one), S_OK);
	assert_current(&two, &h);
	one = kf_channel_ready(b.kf, two.device, KF_SOFTWARE);
	assert_int_equal(kf_destroy(&two), S_OK);
	assert_current(&one, &NONE);
	kf_stop(b.kf);

	/* The shipped driver: none but "none". */
	b.kf = kf_start(NULL);
	one = kf_channel_ready(b.kf, kf_device(b.kf), KF_SOFTWARE);
	assert_int_equal(kf_query(&one, KF_Q_GUIDCOUNT), 0);
	assert_int_equal(kf_query_guid(&one, 0, &got), E_INVALIDARG);
	assert_int_equal(kf_encryption(&one, &g), E_INVALIDARG);
	assert_int_equal(kf_encryption(&one, &NONE), S_OK);
	assert_current(&one, &NONE);
	kf_stop(b.kf);
}

/* AC-152, AC-153. */
static void test_accessibility(void **state)
{
	struct kf *kf = kf_start(NULL);
	struct kf_channel channel = kf_channel_ready(kf, kf_device(kf), KF_SOFTWARE);
	uint32_t body[4];

	(void)state;
	assert_int_equal(kf_call(&channel, KF_Q_ACCESSIBILITY, NULL, 0, body), S_OK);
	assert_memory_equal(body, ((const uint32_t[]) { 0, 1, 1, 0 }), sizeof(body));
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
		cmocka_unit_test(test_triple),	    cmocka_unit_test(test_names),
		cmocka_unit_test(test_owners),	    cmocka_unit_test(test_outputs),
		cmocka_unit_test(test_no_decoding), cmocka_unit_test(test_decode_devices),
		cmocka_unit_test(test_encryption),  cmocka_unit_test(test_accessibility),
	};

	return cmocka_run_group_tests_name("kmd_channel_ties", tests, NULL, teardown_all);
}
