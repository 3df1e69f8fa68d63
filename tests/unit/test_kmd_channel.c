/* SPDX-License-Identifier: MIT */
/* Authenticated channels in the kernel-mode driver: the state machine, key exchange, the loss of keys. */
#include "kmd_fixture_channel.h"

#include <stdio.h>
#include <string.h>

/* S0: never made; S4: destroyed; S5: key lost, with and without an INITIALIZE before. */
enum state { S0, S1, S2, S3, S4, S5_OF_S2, S5_OF_S3, STATES };

/* A device with all that the commands speak of, a channel under test, and one that is always there. */
struct bench {
	struct kf *kf;
	int device;
	struct kf_channel channel, witness;
	D3DKMT_HANDLE session;
	uint64_t decode, id;
	uint8_t blob[256]; /* good, of KF_K */
};

enum { SESSION = 0x3003 };

static void bench_witness(struct bench *b)
{
	b->witness = kf_channel_ready(b->kf, b->device, KF_SOFTWARE);
	b->witness.session = b->session;
}

static struct bench bench_start(void)
{
	struct kmd_config config;
	struct bench b;

	kf_config(&config);
	config.has_decode = true;
	config.outputs = 2;
	config.encryption_guids = 2;
	config.channel_types = D3DCPCAPS_SOFTWARE | D3DCPCAPS_HARDWARE;
	b.kf = kf_start(&config);
	b.device = kf_device(b.kf);
	b.session = kf_decode_session(b.kf, b.device, &drv_test_profiles[1]);
	assert_int_equal(kf_decode(b.kf, b.device, &drv_test_profiles[1], &b.decode), S_OK);
	kf_blob(GPU_LEAF_CHANNEL, "SHA512", "", KF_K, 16, b.blob);
	bench_witness(&b);
	b.id = kf_device_id(&b.witness);
	assert_int_equal(kf_bind(&b.witness, b.decode, SESSION, b.id), S_OK);
	return b;
}

static void bench_enter(struct bench *b, enum state state)
{
	b->channel = (struct kf_channel) { .kf = b->kf, .device = b->device, .handle = 0x4711, .session = b->session };
	memcpy(b->channel.key, KF_K, 16);
	b->channel.next_configure = b->channel.next_query = 100;
	if (state == S0)
		return;
	assert_int_equal(kf_channel_create(b->kf, b->device, KF_SOFTWARE, &b->channel.handle), S_OK);
	if (state != S1)
		assert_int_equal(kf_channel_exchange_blob(b->kf, b->device, b->channel.handle, b->blob), S_OK);
	if (state == S3 || state == S4 || state == S5_OF_S3)
		kf_initialise(&b->channel, 100, 100);
	if (state == S4)
		assert_int_equal(kf_destroy(&b->channel), S_OK);
	if (state == S5_OF_S2 || state == S5_OF_S3) {
		kmd_driver.LoseKeys(b->kf->adapter);
		assert_int_equal(kf_destroy(&b->witness), S_OK);
		bench_witness(b);
	}
}

static HRESULT unknown_query(struct bench *b, enum kf_class *ret)
{
	struct drv_escape_message message = kf_message(&b->channel, KF_Q_PROTECTION, 100, NULL, 0);

	message.input[3] ^= 1;
	(void)kf_send(b->kf, b->device, &message);
	*ret = kf_class(&message, KF_K);
	return message.header.result;
}

/* By calls alone, which it does not survive: S0 and S4 are one, and so are the two of S5. */
static enum state bench_leave(struct bench *b)
{
	const uint32_t starts[2] = { 100, 100 };
	struct drv_escape_message message = kf_message(&b->channel, KF_INITIALIZE, 0, starts, sizeof(starts));
	const HRESULT exchanged = kf_channel_exchange_blob(b->kf, b->device, b->channel.handle, b->blob);
	const HRESULT initialised = kf_send(b->kf, b->device, &message);
	enum kf_class class;
	const HRESULT unknown = unknown_query(b, &class);
	const HRESULT destroyed = kf_destroy(&b->channel);

	if (destroyed != S_OK) {
		assert_int_equal(destroyed, E_INVALIDARG);
		assert_int_equal(exchanged, E_INVALIDARG);
		return S0;
	}
	if (exchanged == S_OK)
		return S1;
	if (unknown == E_INVALIDARG)
		return S5_OF_S3;
	assert_int_equal(unknown, E_FAIL);
	return initialised == S_OK ? S2 : S3;
}

static enum state plain(enum state state)
{
	if (state == S4)
		return S0;
	return state == S5_OF_S2 ? S5_OF_S3 : state;
}

/* What makes each of the messages succeed where it can. */
static struct drv_escape_message good(struct bench *b, enum kf_type type, uint32_t number)
{
	const uint32_t starts[2] = { 7, 7 }, flags = 1, dwm[6] = { KF_DWM, 0, 0, 0, 1 }, index = 0;
	const uint64_t tie[3] = { b->decode, SESSION, b->id }, outputs[3] = { b->id, SESSION, 1 };

	switch (type) {
	case KF_INITIALIZE:
		return kf_message(&b->channel, type, number, starts, sizeof(starts));
	case KF_PROTECTION:
		return kf_message(&b->channel, type, number, &flags, sizeof(flags));
	case KF_CRYPTOSESSION:
		return kf_message(&b->channel, type, number, tie, sizeof(tie));
	case KF_SHAREDRESOURCE:
		return kf_message(&b->channel, type, number, dwm, sizeof(dwm));
	case KF_Q_CRYPTOSESSION:
		return kf_message(&b->channel, type, number, &b->decode, sizeof(b->decode));
	case KF_Q_PROCESS:
	case KF_Q_GUID:
		return kf_message(&b->channel, type, number, &index, sizeof(index));
	case KF_Q_OUTPUTIDCOUNT:
		return kf_message(&b->channel, type, number, outputs, 16);
	case KF_Q_OUTPUTID:
		return kf_message(&b->channel, type, number, outputs, 20);
	default:
		return kf_message(&b->channel, type, number, NULL, 0);
	}
}

enum cell_call { FRESH, STALE, BAD_TAG, UNKNOWN, CELL_CALLS };

/* One cell of the table: a message of that type, in that state, with that flaw. */
static void message_cell(struct bench *b, enum kf_type type, enum cell_call call, enum state state)
{
	const bool is_first = type == KF_INITIALIZE;
	HRESULT expected = E_INVALIDARG;
	enum kf_class class = KF_BARE;
	enum state next = plain(state);
	struct drv_escape_message message;
	struct kf_snapshot before;

	bench_enter(b, state);
	message = good(b, type, call == STALE ? 99 : 100);
	if (call == BAD_TAG)
		message.input[15] ^= 0x80;
	if (call == UNKNOWN) {
		message.input[type >= KF_QUERIES ? 0 : 16] ^= 1;
		kf_message_tag(&message, KF_K);
		if (state == S2 || state == S3)
			expected = E_FAIL;
	}
	if (call == FRESH && state == (is_first ? S2 : S3)) {
		expected = S_OK;
		class = KF_SIGNED;
	}
	/* Its number is never looked at (AC-102). */
	if (call == STALE && is_first && state == S2) {
		expected = S_OK;
		class = KF_SIGNED;
	}
	if (expected == S_OK && is_first)
		next = S3;
	kf_snapshot(b->kf, &before);
	(void)kf_send(b->kf, b->device, &message);
	kf_assert_answer(&message, KF_K, expected, class);
	if (expected != S_OK)
		kf_assert_unchanged(b->kf, &before); /* AC-050, AC-080 */
	else if (!is_first) {
		/* Used up (AC-049, AC-051), and the other counter is not (AC-043). */
		message = good(b, type, 100);
		(void)kf_send(b->kf, b->device, &message);
		kf_assert_answer(&message, KF_K, E_INVALIDARG, KF_BARE);
		message = good(b, type >= KF_QUERIES ? KF_PROTECTION : KF_Q_PROTECTION, 100);
		(void)kf_send(b->kf, b->device, &message);
		kf_assert_answer(&message, KF_K, S_OK, KF_SIGNED);
	}
	assert_int_equal(bench_leave(b), next);
}

/* AC-066, AC-069, AC-070, AC-072 to AC-074, AC-087, AC-089, AC-090, AC-092, AC-093, AC-169, and 11.1 for all messages. */
static void test_messages(void **state)
{
	struct bench b = bench_start();

	(void)state;
	/* So that index 0 of the list of processes is there. */
	assert_int_equal(kf_share(&b.witness, KF_DWM, 0, 1), S_OK);
	for (enum state from = S0; from < STATES; from++)
		for (enum kf_type type = 0; type < KF_TYPES; type++)
			for (enum cell_call call = 0; call < CELL_CALLS; call++)
				if (call != BAD_TAG || type < KF_QUERIES)
					message_cell(&b, type, call, from);
	kf_stop(b.kf);
}

/* AC-039 to AC-042, AC-157, AC-163, AC-171: the rest of 11.1. */
static void test_other_calls(void **state)
{
	static const struct {
		HRESULT good, destroy;
		enum state next;
	} cells[STATES] = {
		[S0] = { E_INVALIDARG, E_INVALIDARG, S0 },
		[S1] = { S_OK, S_OK, S2 },
		[S2] = { E_INVALIDARG, S_OK, S2 },
		[S3] = { E_INVALIDARG, S_OK, S3 },
		[S4] = { E_INVALIDARG, E_INVALIDARG, S0 },
		[S5_OF_S2] = { E_INVALIDARG, S_OK, S5_OF_S3 },
		[S5_OF_S3] = { E_INVALIDARG, S_OK, S5_OF_S3 },
	};
	struct bench b = bench_start();
	struct kf_snapshot before;
	uint8_t bad[256], other[256];
	uint64_t made, last = 0;

	(void)state;
	memcpy(bad, b.blob, sizeof(bad));
	bad[17] ^= 4;
	kf_blob(GPU_LEAF_CHANNEL, "SHA512", "", KF_C, 16, other);
	for (enum state from = S0; from < STATES; from++) {
		bench_enter(&b, from);
		kf_snapshot(b.kf, &before);
		assert_int_equal(kf_channel_exchange_blob(b.kf, b.device, b.channel.handle, bad), E_INVALIDARG);
		kf_assert_unchanged(b.kf, &before);
		assert_int_equal(bench_leave(&b), plain(from));

		bench_enter(&b, from);
		assert_int_equal(kf_channel_exchange_blob(b.kf, b.device, b.channel.handle, b.blob), cells[from].good);
		/* Whichever key came first stays. */
		assert_int_equal(kf_channel_exchange_blob(b.kf, b.device, b.channel.handle, other), E_INVALIDARG);
		assert_int_equal(bench_leave(&b), cells[from].next);

		bench_enter(&b, from);
		assert_int_equal(kf_destroy(&b.channel), cells[from].destroy);
		assert_int_equal(kf_destroy(&b.channel), E_INVALIDARG);
		assert_int_equal(bench_leave(&b), S0);

		/* Create makes another one, and leaves this one alone. Numbers go up (AC-008). */
		bench_enter(&b, from);
		assert_int_equal(kf_channel_create(b.kf, b.device, KF_SOFTWARE, &made), S_OK);
		assert_true(made > last && made != b.channel.handle);
		last = made;
		assert_int_equal(bench_leave(&b), plain(from));
		assert_int_equal(kf_channel_destroy(b.kf, b.device, made), S_OK);
	}
	kf_stop(b.kf);
}

/* Section 11: what a hardware channel has; a refusal is signed, and uses its number up (AC-049, AC-075, AC-094, AC-126). */
static void test_hardware(void **state)
{
	struct bench b = bench_start();

	(void)state;
	for (enum kf_type type = 0; type < KF_TYPES; type++) {
		const bool refused = kf_types[type].is_software_only;
		struct drv_escape_message message;

		bench_enter(&b, S0);
		assert_int_equal(kf_channel_create(b.kf, b.device, KF_HARDWARE, &b.channel.handle), S_OK);
		assert_int_equal(kf_channel_exchange_blob(b.kf, b.device, b.channel.handle, b.blob), S_OK);
		if (type != KF_INITIALIZE)
			kf_initialise(&b.channel, 100, 100);
		message = good(&b, type, 100);
		(void)kf_send(b.kf, b.device, &message);
		kf_assert_answer(&message, KF_K, refused ? E_FAIL : S_OK, KF_SIGNED);
		message = good(&b, type, 100);
		(void)kf_send(b.kf, b.device, &message);
		kf_assert_answer(&message, KF_K, E_INVALIDARG, KF_BARE);
		b.channel.next_query = 101;
		if (type != KF_INITIALIZE)
			assert_int_equal(kf_query(&b.channel, KF_Q_CHANNELTYPE), KF_HARDWARE);
		assert_int_equal(kf_destroy(&b.channel), S_OK);
	}
	kf_stop(b.kf);
}

/* AC-001 to AC-004, AC-009: by configuration; and what no driver gets. */
static void test_types(void **state)
{
	static const uint32_t types[] = { 0, 1, 2, 3, 4, 0xffffffff };

	(void)state;
	for (uint32_t offered = 1; offered <= 3; offered++) {
		struct kmd_config config;
		struct kf *kf;
		int device;

		kf_config(&config);
		config.channel_types = offered;
		kf = kf_start(&config);
		device = kf_device(kf);
		for (size_t i = 0; i < 6; i++) {
			const bool good = types[i] == 2 ? offered & 1 : types[i] == 3 && offered & 2;
			uint64_t channel;

			assert_int_equal(kf_channel_create(kf, device, types[i], &channel),
					 good ? S_OK : D3DDDIERR_NOTAVAILABLE);
			assert_int_equal(kf->charges, good);
			if (good) {
				struct kf_channel made = { .kf = kf, .device = device, .handle = channel };

				assert_int_equal(kf_exchange_key(&made, KF_K), S_OK);
				kf_initialise(&made, 0, 0);
				assert_int_equal(kf_query(&made, KF_Q_CHANNELTYPE), types[i]); /* AC-140 */
				assert_int_equal(kf_destroy(&made), S_OK);
			}
		}
		kf_stop(kf);
	}
}

/* AC-030, AC-033 to AC-038: everything but the right block, alike, and nothing changes. */
static void test_bad_blobs(void **state)
{
	const size_t sizes[] = { 0, 15, 17, 24, 32, 40 };
	static const char *const digests[] = { "SHA1", "SHA256", "SHA384" };
	struct bench b = bench_start();
	uint8_t blob[256], reversed[256], payload[40] = { 7 };
	struct kf_snapshot before;

	(void)state;
	bench_enter(&b, S1);
	kf_snapshot(b.kf, &before);
	for (size_t i = 0; i < 6 + 3 + 6; i++) {
		if (i < 6)
			kf_blob(GPU_LEAF_CHANNEL, "SHA512", "", payload, sizes[i], blob);
		else if (i < 9)
			kf_blob(GPU_LEAF_CHANNEL, digests[i - 6], "", KF_K, 16, blob);
		else if (i == 9)
			kf_blob(GPU_LEAF_CHANNEL, "SHA512", "label", KF_K, 16, blob);
		else if (i == 10)
			kf_blob(GPU_LEAF_SESSION, "SHA512", "", KF_K, 16, blob); /* the other leaf */
		else if (i == 11)
			memset(blob, 0xff, sizeof(blob)); /* not below the modulus */
		else if (i == 12)
			memset(blob, 0, sizeof(blob));
		else if (i == 13)
			memset(blob, 1, sizeof(blob));
		else {
			for (size_t j = 0; j < 256; j++)
				reversed[j] = b.blob[255 - j];
			memcpy(blob, reversed, sizeof(blob));
		}
		assert_int_equal(kf_channel_exchange_blob(b.kf, b.device, b.channel.handle, blob), E_INVALIDARG);
		kf_assert_unchanged(b.kf, &before);
	}
	assert_int_equal(kf_channel_exchange_blob(b.kf, b.device, b.channel.handle, b.blob), S_OK);

	/* And a channel's is nothing to a crypto session. */
	assert_int_equal(kf_exchange_blob(b.kf, b.device, b.session, b.blob), E_INVALIDARG);
	kf_stop(b.kf);
}

/* AC-173: the same key on two channels, and no message of one is good on the other. AC-010, AC-052. */
static void test_blob_on_two_channels(void **state)
{
	struct bench b = bench_start();
	struct drv_escape_message message;
	struct kf_channel one, two;

	(void)state;
	bench_enter(&b, S3);
	one = b.channel;
	bench_enter(&b, S3);
	two = b.channel;
	for (int changed = 0; changed < 2; changed++) {
		b.channel = one;
		message = good(&b, KF_PROTECTION, 100);
		if (changed) /* its handle swapped for the other's, and the tag left */
			memcpy(message.input + 32, &two.handle, 8);
		else
			message.channel = two.handle; /* AC-067 */
		(void)kf_send(b.kf, b.device, &message);
		kf_assert_answer(&message, KF_K, E_INVALIDARG, KF_BARE);
	}
	for (int i = 0; i < 2; i++) {
		b.channel = i ? two : one;
		message = good(&b, KF_PROTECTION, 100);
		message.channel = b.channel.handle;
		(void)kf_send(b.kf, b.device, &message);
		kf_assert_answer(&message, KF_K, S_OK, KF_SIGNED);
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
		cmocka_unit_test(test_messages),  cmocka_unit_test(test_other_calls),
		cmocka_unit_test(test_hardware),  cmocka_unit_test(test_types),
		cmocka_unit_test(test_bad_blobs), cmocka_unit_test(test_blob_on_two_channels),
	};

	return cmocka_run_group_tests_name("kmd_channel", tests, NULL, teardown_all);
}
