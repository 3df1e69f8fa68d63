/* SPDX-License-Identifier: MIT */
/* Escapes of channels as no user-mode half of ours would send them, and messages that somebody changed on the way. */
#include "kmd_fixture_channel.h"

#include <string.h>

enum { SESSION = 0x3003 };

struct bench {
	struct kf *kf;
	struct kf_channel a, b; /* of two devices */
	uint64_t decode;
	uint64_t id; /* of a's device */
};

static struct bench bench_start(void)
{
	struct kmd_config config;
	struct bench b;

	kf_config(&config);
	config.has_decode = true;
	config.outputs = 2;
	config.encryption_guids = 2;
	b.kf = kf_start(&config);
	b.a = kf_channel_ready(b.kf, kf_device(b.kf), KF_SOFTWARE);
	b.b = kf_channel_ready(b.kf, kf_device(b.kf), KF_SOFTWARE);
	b.a.session = kf_decode_session(b.kf, b.a.device, &drv_test_profiles[0]);
	assert_int_equal(kf_decode(b.kf, b.a.device, &drv_test_profiles[0], &b.decode), S_OK);
	b.id = kf_device_id(&b.a);
	/* So that the session is called something already. */
	assert_int_equal(kf_bind(&b.a, b.decode, SESSION, b.id), S_OK);
	return b;
}

/* What succeeds, and changes something. */
static struct drv_escape_message command(struct bench *b, enum kf_type type, uint32_t number)
{
	const uint32_t flags = 2, dwm[6] = { KF_DWM, 0, 0, 0, 1 }, starts[2] = { 1, 1 };
	const uint64_t tie[3] = { b->decode, SESSION, b->id };
	GUID guid;

	switch (type) {
	case KF_INITIALIZE:
		return kf_message(&b->a, type, number, starts, sizeof(starts));
	case KF_PROTECTION:
		return kf_message(&b->a, type, number, &flags, sizeof(flags));
	case KF_CRYPTOSESSION:
		return kf_message(&b->a, type, number, tie, sizeof(tie));
	case KF_SHAREDRESOURCE:
		return kf_message(&b->a, type, number, dwm, sizeof(dwm));
	default:
		assert_int_equal(type, KF_ENCRYPTION);
		guid = *kmd_encryption_at(b->kf->adapter, 1);
		return kf_message(&b->a, type, number, &guid, sizeof(guid));
	}
}

/* AC-063: every bit of every command, tag and all. E_FAIL where it names another command that there is not (AC-070). */
static void test_every_bit(void **state)
{
	struct bench b = bench_start();
	struct kf_snapshot before;

	(void)state;
	for (enum kf_type type = 0; type < KF_QUERIES; type++) {
		const uint32_t number = b.a.next_configure++;
		struct drv_escape_message good;

		if (type == KF_INITIALIZE) { /* the one that takes it is another one, which is not initialised yet */
			struct kf_channel fresh = kf_channel(b.kf, b.a.device, KF_SOFTWARE);

			assert_int_equal(kf_exchange_key(&fresh, b.a.key), S_OK);
			fresh.session = b.a.session;
			fresh.next_configure = 1;
			fresh.next_query = 1;
			b.a = fresh;
		}
		good = command(&b, type, type == KF_INITIALIZE ? 0 : number);
		kf_snapshot(b.kf, &before);
		for (uint32_t bit = 0; bit < 8 * good.input_size; bit++) {
			struct drv_escape_message bad = good;
			const bool is_type = bit / 8 >= 16 && bit / 8 < 32;

			bad.input[bit / 8] ^= (uint8_t)(1 << bit % 8);
			(void)kf_send(b.kf, b.a.device, &bad);
			kf_assert_answer(&bad, b.a.key, is_type ? E_FAIL : E_INVALIDARG, KF_BARE);
			kf_assert_unchanged(b.kf, &before);
		}
		/* Tags that are none. */
		for (int fill = 0; fill < 256; fill += 5) {
			struct drv_escape_message bad = good;

			memset(bad.input, fill, 16);
			(void)kf_send(b.kf, b.a.device, &bad);
			kf_assert_answer(&bad, b.a.key, E_INVALIDARG, KF_BARE);
			kf_assert_unchanged(b.kf, &before);
		}
		(void)kf_send(b.kf, b.a.device, &good);
		kf_assert_answer(&good, b.a.key, S_OK, KF_SIGNED);
	}
	kf_stop(b.kf);
}

/* A tag of more or less than the covered bytes, or by another key, is none (AC-055, AC-059, AC-072). */
static void test_wrong_tags(void **state)
{
	struct bench b = bench_start();
	struct kf_snapshot before;

	(void)state;
	kf_snapshot(b.kf, &before);
	for (enum kf_type type = KF_PROTECTION; type < KF_QUERIES; type++) {
		for (uint32_t from = 0; from <= 24; from += 4) {
			for (uint32_t to = 40; to <= 76; to += 4) {
				struct drv_escape_message bad = command(&b, type, b.a.next_configure);

				if (from == 16 && to == bad.input_size)
					continue;
				memset(bad.input, 0, 16);
				kf_tag(b.a.key, bad.input + from, (to < 72 ? to : 72) - from, bad.input);
				if (from == 16 && to > 72 && bad.input_size == 72)
					continue;
				(void)kf_send(b.kf, b.a.device, &bad);
				kf_assert_answer(&bad, b.a.key, E_INVALIDARG, KF_BARE);
			}
		}
		for (int i = 0; i < 128; i++) {
			struct drv_escape_message bad = command(&b, type, b.a.next_configure);
			uint8_t key[16];

			memcpy(key, b.a.key, 16);
			key[i / 8] ^= (uint8_t)(1 << i % 8);
			kf_message_tag(&bad, key);
			(void)kf_send(b.kf, b.a.device, &bad);
			kf_assert_answer(&bad, b.a.key, E_INVALIDARG, KF_BARE);
		}
	}
	kf_assert_unchanged(b.kf, &before);
	kf_stop(b.kf);
}

static bool is_size_of_interest(uint32_t size)
{
	return size <= 96 || size % 251 == 0;
}

/* AC-065, AC-071, AC-085, AC-086, AC-091, AC-096: all sizes, what a client says of them included. */
static void test_message_sizes(void **state)
{
	static const uint32_t huge[] = { 0x10000, 0x7fffffff, 0x80000000, 0xfffffff0, 0xffffffff };
	struct bench b = bench_start();
	struct kf_snapshot before;

	(void)state;
	kf_snapshot(b.kf, &before);
	for (enum kf_type type = 0; type < KF_TYPES; type++) {
		const struct kf_type_info *info = &kf_types[type];
		const bool query = type >= KF_QUERIES;

		for (uint32_t i = 0; i < 300; i++) {
			const uint32_t input = i < 295 ? i : huge[i - 295];

			for (uint32_t j = query ? 0 : 299; j < 300; j++) {
				const uint32_t output = !query ? 48 : j < 295 ? j : huge[j - 295];
				struct drv_escape_message message = kf_message(&b.a, type, UINT32_MAX, NULL, 0);
				enum kf_class class = KF_BARE;

				if (!is_size_of_interest(i) || !is_size_of_interest(j))
					continue;
				if (input == info->input_size && output == info->output_size)
					continue;
				message.input_size = input;
				message.output_size = output;
				kf_message_tag(&message, b.a.key);
				(void)kf_send(b.kf, b.a.device, &message);
				if (input < (query ? 32 : 48))
					class = KF_ZERO;
				if (output < 48)
					class = KF_NONE;
				kf_assert_answer(&message, b.a.key, E_INVALIDARG, class);
			}
		}
	}
	kf_assert_unchanged(b.kf, &before);
	kf_stop(b.kf);
}

/* The escapes themselves: sizes, reserved members, a NULL. */
static void test_escapes(void **state)
{
	static const struct {
		uint32_t command, size;
	} commands[] = {
		{ DRV_COMMAND_CREATE_CHANNEL, sizeof(struct drv_escape_channel) },
		{ DRV_COMMAND_DESTROY_CHANNEL, sizeof(struct drv_escape_channel) },
		{ DRV_COMMAND_CHANNEL_KEY_EXCHANGE, sizeof(struct drv_escape_channel_key) },
		{ DRV_COMMAND_CONFIGURE_CHANNEL, sizeof(struct drv_escape_message) },
		{ DRV_COMMAND_QUERY_CHANNEL, sizeof(struct drv_escape_message) },
		{ DRV_COMMAND_CREATE_DECODE, sizeof(struct drv_escape_decode) },
		{ DRV_COMMAND_DESTROY_DECODE, sizeof(struct drv_escape_decode) },
	};
	struct bench b = bench_start();
	struct drv_escape_message message;
	struct drv_escape_channel channel;
	struct kf_snapshot before;
	uint8_t bytes[400];

	(void)state;
	kf_snapshot(b.kf, &before);
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		for (UINT size = 0; size < sizeof(bytes); size++) {
			struct drv_escape header = { .magic = DRV_MAGIC, .command = commands[i].command };

			memset(bytes, 0, sizeof(bytes));
			if (size == commands[i].size)
				header.magic ^= 1;
			memcpy(bytes, &header, sizeof(header));
			assert_int_equal(kf_escape(b.kf, b.a.device, bytes, size), STATUS_INVALID_PARAMETER);
		}
		assert_int_equal(kf_escape(b.kf, b.a.device, NULL, commands[i].size), STATUS_INVALID_PARAMETER);
	}
	for (uint32_t bit = 1; bit != 0; bit <<= 1) {
		for (uint32_t i = 0; i < 2; i++) {
			channel = (struct drv_escape_channel) {
				.header = { .magic = DRV_MAGIC, .command = commands[i].command },
				.channel = i ? b.a.handle : 0,
				.type = i ? 0 : KF_SOFTWARE,
				.reserved = bit,
			};
			assert_int_equal(kf_escape(b.kf, b.a.device, &channel, sizeof(channel)),
					 STATUS_INVALID_PARAMETER);
		}
		for (int i = 0; i < 4; i++) {
			message = kf_message(&b.a, i % 2 ? KF_PROTECTION : KF_Q_PROTECTION, UINT32_MAX, NULL, 0);
			message.reserved = i < 2 ? bit : 0;
			message.written = i < 2 ? 0 : bit;
			assert_int_equal(kf_escape(b.kf, b.a.device, &message, sizeof(message)),
					 STATUS_INVALID_PARAMETER);
		}
	}
	kf_assert_unchanged(b.kf, &before);
	kf_stop(b.kf);
}

/* AC-011, AC-012, AC-068, AC-088, AC-164: the other device, with a good message; afterwards the right one. */
static void test_other_device(void **state)
{
	struct bench b = bench_start();
	struct drv_escape_message message;
	struct kf_snapshot before;
	uint8_t blob[256];

	(void)state;
	kf_blob(GPU_LEAF_CHANNEL, "SHA512", "", KF_K, 16, blob);
	kf_snapshot(b.kf, &before);
	for (enum kf_type type = 0; type < KF_TYPES; type++) {
		message = kf_message(&b.a, type, UINT32_MAX, NULL, 0);
		(void)kf_send(b.kf, b.b.device, &message);
		kf_assert_answer(&message, b.a.key, E_INVALIDARG, KF_BARE);
		/* Nor does a parameter of the right device help the buffer of the wrong one, or the other way (AC-067). */
		for (int i = 0; i < 4; i++) {
			message = kf_message(i % 2 ? &b.a : &b.b, type, UINT32_MAX, NULL, 0);
			message.channel = i % 2 ? b.b.handle : b.a.handle;
			(void)kf_send(b.kf, i / 2 ? b.a.device : b.b.device, &message);
			kf_assert_answer(&message, b.a.key, E_INVALIDARG, KF_BARE);
		}
	}
	assert_int_equal(kf_channel_exchange_blob(b.kf, b.b.device, b.a.handle, blob), E_INVALIDARG);
	assert_int_equal(kf_channel_destroy(b.kf, b.b.device, b.a.handle), E_INVALIDARG);
	kf_assert_unchanged(b.kf, &before);
	message = kf_message(&b.a, KF_PROTECTION, b.a.next_configure++, NULL, 0);
	message.channel = b.a.handle;
	(void)kf_send(b.kf, b.a.device, &message);
	kf_assert_answer(&message, b.a.key, S_OK, KF_SIGNED);
	kf_stop(b.kf);
}

/* Anything at all: no crash, no success, and nothing but query numbers moves. */
static void test_noise(void **state)
{
	struct bench b = bench_start();
	uint32_t seed = 11;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		struct drv_escape_message message = kf_message(&b.a, (enum kf_type)(seed >> 8) % KF_QUERIES,
							       b.a.next_configure + (seed >> 16 & 3), NULL, 0);
		uint32_t state_of_it[2] = { b.a.next_configure, 0 };

		memset(message.output, 0, sizeof(message.output));
		for (int changes = (int)(seed >> 24) % 4 + 1; changes > 0; changes--) {
			seed = seed * 1664525 + 1013904223;
			message.input[(seed >> 8) % 56] ^= (uint8_t)(1 << (seed >> 29));
		}
		message.channel = seed & 0x100 ? b.a.handle : 0;
		message.header.session = seed >> 20;
		assert_int_equal(kf_escape(b.kf, b.a.device, &message, sizeof(message)), STATUS_SUCCESS);
		state_of_it[1] = (uint32_t)kf_channel_inside(&b.a)->next_command;
		/* Two changes may have undone each other. */
		if (message.header.result == S_OK) {
			assert_int_equal(kf_class(&message, b.a.key), KF_SIGNED);
			b.a.next_configure = state_of_it[1];
			continue;
		}
		if (kf_class(&message, b.a.key) != KF_SIGNED)
			assert_int_equal(state_of_it[0], state_of_it[1]);
		b.a.next_configure = state_of_it[1];
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
		cmocka_unit_test(test_every_bit),     cmocka_unit_test(test_wrong_tags),
		cmocka_unit_test(test_message_sizes), cmocka_unit_test(test_escapes),
		cmocka_unit_test(test_other_device),  cmocka_unit_test(test_noise),
	};

	return cmocka_run_group_tests_name("kmd_channel_hostile", tests, NULL, teardown_all);
}
