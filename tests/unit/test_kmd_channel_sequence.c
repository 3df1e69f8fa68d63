/* SPDX-License-Identifier: MIT */
/* Channels in the kernel-mode driver: which sequence numbers are fresh, and which are used up. */
#include "kmd_fixture_channel.h"

#include <string.h>

/* A channel that has its key and no INITIALIZE. */
static struct kf_channel start(void)
{
	struct kf *kf = kf_start(NULL);
	struct kf_channel channel = kf_channel(kf, kf_device(kf), KF_SOFTWARE);

	assert_int_equal(kf_exchange_key(&channel, KF_K), S_OK);
	return channel;
}

/* One message with that number: accepted or not. */
static bool is_fresh(struct kf_channel *channel, enum kf_type type, uint32_t number)
{
	struct drv_escape_message message = kf_message(channel, type, number, NULL, 0);
	const HRESULT hr = kf_send(channel->kf, channel->device, &message);

	kf_assert_answer(&message, channel->key, hr, hr == S_OK ? KF_SIGNED : KF_BARE);
	assert_true(hr == S_OK || hr == E_INVALIDARG);
	return hr == S_OK;
}

static const enum kf_type kinds[2] = { KF_PROTECTION, KF_Q_PROTECTION };

/* AC-044 to AC-047, AC-101, AC-105: from any start, for both counters, which do not know of each other (AC-043). */
static void test_order(void **state)
{
	static const uint32_t starts[] = { 0, 1, 0x10000000, 0x7fffffff, 0x80000000, 0xfffffff0 };

	(void)state;
	for (size_t i = 0; i < 6; i++) {
		for (int kind = 0; kind < 2; kind++) {
			struct kf_channel channel = start();
			const enum kf_type type = kinds[kind], other = kinds[!kind];
			const uint32_t s = starts[i];

			kf_initialise(&channel, kind ? s : 5, kind ? 5 : s);
			if (s > 0)
				assert_false(is_fresh(&channel, type, s - 1));
			assert_true(is_fresh(&channel, type, s));
			assert_false(is_fresh(&channel, type, s));
			assert_true(is_fresh(&channel, type, s + 1));
			assert_true(is_fresh(&channel, type, s + 8));
			for (uint32_t back = 0; back <= 8; back++)
				assert_false(is_fresh(&channel, type, s + back));
			assert_true(is_fresh(&channel, type, s + 9));
			assert_false(is_fresh(&channel, other, 4));
			assert_true(is_fresh(&channel, other, 5));
			kf_stop(channel.kf);
		}
	}
}

/* AC-048: they do not wrap. */
static void test_end(void **state)
{
	(void)state;
	for (int kind = 0; kind < 2; kind++) {
		struct kf_channel channel = start();
		const enum kf_type type = kinds[kind], other = kinds[!kind];

		kf_initialise(&channel, 3, 3);
		assert_true(is_fresh(&channel, type, 0xfffffffe));
		assert_true(is_fresh(&channel, type, 0xffffffff));
		for (uint32_t number = 0; number < 6; number++)
			assert_false(is_fresh(&channel, type, number));
		assert_false(is_fresh(&channel, type, 0xfffffffe));
		assert_false(is_fresh(&channel, type, 0xffffffff));
		assert_true(is_fresh(&channel, other, 3));
		kf_stop(channel.kf);

		/* Also where it begins there. */
		channel = start();
		kf_initialise(&channel, 0xffffffff, 0xffffffff);
		assert_false(is_fresh(&channel, type, 0xfffffffe));
		assert_true(is_fresh(&channel, type, 0xffffffff));
		assert_false(is_fresh(&channel, type, 0xffffffff));
		assert_false(is_fresh(&channel, type, 0));
		kf_stop(channel.kf);
	}
}

/* AC-102, AC-103, AC-106: INITIALIZE's own number is nobody's; it succeeds once, and what failed was not that once. */
static void test_initialize(void **state)
{
	static const uint32_t own[] = { 0, 50, 0xffffffff };
	const uint32_t first[2] = { 60, 50 }, second[2] = { 7, 7 };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct kf_channel channel = start();
		struct drv_escape_message message;

		for (int round = 0; round < 4; round++) {
			message = kf_message(&channel, KF_INITIALIZE, own[i], round == 2 ? first : second,
					     sizeof(first));
			if (round < 2)
				message.input[round ? 55 : 0] ^= 1;
			(void)kf_send(channel.kf, channel.device, &message);
			if (round == 2)
				kf_assert_answer(&message, channel.key, S_OK, KF_SIGNED);
			else
				kf_assert_answer(&message, channel.key, E_INVALIDARG, KF_BARE);
		}
		assert_false(is_fresh(&channel, KF_PROTECTION, 49));
		assert_false(is_fresh(&channel, KF_Q_PROTECTION, 59));
		assert_true(is_fresh(&channel, KF_PROTECTION, 50));
		assert_true(is_fresh(&channel, KF_Q_PROTECTION, 60));
		kf_stop(channel.kf);
	}
}

/* AC-049 to AC-051, AC-080: what is refused for its meaning has used its number up, what is refused before has not. */
static void test_used_up(void **state)
{
	struct kf_channel channel = start();
	struct drv_escape_message message;
	const uint32_t unknown[6] = { 0, 0, 0, 0, 1 }, index = 0;

	(void)state;
	kf_initialise(&channel, 10, 10);
	message = kf_message(&channel, KF_PROTECTION, 0xffffffff, NULL, 0);
	message.input[0] ^= 1;
	(void)kf_send(channel.kf, channel.device, &message);
	kf_assert_answer(&message, channel.key, E_INVALIDARG, KF_BARE);
	message = kf_message(&channel, KF_SHAREDRESOURCE, 10, unknown, sizeof(unknown));
	(void)kf_send(channel.kf, channel.device, &message);
	kf_assert_answer(&message, channel.key, E_INVALIDARG, KF_SIGNED);
	assert_false(is_fresh(&channel, KF_PROTECTION, 10));
	assert_true(is_fresh(&channel, KF_PROTECTION, 11));

	message = kf_message(&channel, KF_Q_PROCESS, 0xffffffff, &index, sizeof(index));
	message.output_size++;
	(void)kf_send(channel.kf, channel.device, &message);
	kf_assert_answer(&message, channel.key, E_INVALIDARG, KF_BARE);
	message = kf_message(&channel, KF_Q_PROCESS, 10, &index, sizeof(index));
	(void)kf_send(channel.kf, channel.device, &message);
	kf_assert_answer(&message, channel.key, E_INVALIDARG, KF_SIGNED);
	assert_false(is_fresh(&channel, KF_Q_PROTECTION, 10));
	assert_true(is_fresh(&channel, KF_Q_PROTECTION, 11));
	kf_stop(channel.kf);
}

/* AC-061: a query needs no key; AC-098: asked twice, the same is said. */
static void test_queries_of_anybody(void **state)
{
	struct kf_channel channel = start(), anybody;
	uint8_t bodies[2][32];

	(void)state;
	kf_initialise(&channel, 0, 0);
	anybody = channel;
	memset(anybody.key, 0, sizeof(anybody.key));
	for (enum kf_type type = KF_QUERIES; type < KF_TYPES; type++) {
		for (int i = 0; i < 2; i++) {
			struct drv_escape_message message = kf_message(&anybody, type, 2 * (uint32_t)type + (uint32_t)i,
								       NULL, 0);

			(void)kf_send(channel.kf, channel.device, &message);
			assert_int_equal(kf_class(&message, channel.key), KF_SIGNED);
			memset(bodies[i], 0, sizeof(bodies[i]));
			memcpy(bodies[i], message.output + KF_HEADER, message.written - KF_HEADER);
		}
		assert_memory_equal(bodies[0], bodies[1], sizeof(bodies[0]));
	}
	kf_stop(channel.kf);
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
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_end),
		cmocka_unit_test(test_initialize),
		cmocka_unit_test(test_used_up),
		cmocka_unit_test(test_queries_of_anybody),
	};

	return cmocka_run_group_tests_name("kmd_channel_sequence", tests, NULL, teardown_all);
}
