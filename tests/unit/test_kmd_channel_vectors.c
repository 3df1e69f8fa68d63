/* SPDX-License-Identifier: MIT */
/* The worked vectors of constants-channel.md, byte for byte, through the kernel-mode driver. */
#include "channel_vectors.h"
#include "kmd_fixture_channel.h"

#include <string.h>

struct bench {
	struct kf *kf;
	struct kf_channel channel;
};

/* As the vectors have it: key, handle, device id, output. */
static struct bench bench_start(void)
{
	struct kmd_config config;
	struct bench b;

	kf_config(&config);
	config.first.channel = T_CHANNEL;
	config.first.device = T_DEVICE;
	config.first.output = T_OUTPUT;
	config.outputs = 1;
	config.has_decode = true;
	b.kf = kf_start(&config);
	b.channel = kf_channel(b.kf, kf_device(b.kf), KF_SOFTWARE);
	assert_int_equal(b.channel.handle, T_CHANNEL);
	assert_int_equal(kf_exchange_key(&b.channel, KF_K), S_OK);
	return b;
}

static size_t hex_size(const char *hex)
{
	size_t digits = 0;

	for (; *hex; hex++)
		digits += *hex != ' ';
	return digits / 2;
}

/* input is sent as it stands; written bytes are output's, and one more was not written. */
static void exact(struct bench *b, uint32_t command, const char *input, uint32_t output_size, HRESULT expected,
		  const char *output)
{
	struct drv_escape_message message = {
		.header = { .magic = DRV_MAGIC, .command = command, .session = b->channel.session },
		.input_size = (uint32_t)hex_size(input),
		.output_size = output_size,
	};
	uint8_t wanted[DRV_MESSAGE_OUTPUT];

	assert_true(message.input_size <= sizeof(message.input));
	kf_hex(input, message.input, message.input_size);
	kf_hex(output, wanted, hex_size(output));
	assert_int_equal(kf_send(b->kf, b->channel.device, &message), expected);
	assert_int_equal(message.written, hex_size(output));
	assert_memory_equal(message.output, wanted, message.written);
}

static void command(struct bench *b, const char *input, HRESULT expected, const char *output)
{
	exact(b, DRV_COMMAND_CONFIGURE_CHANNEL, input, 48, expected, output);
}

static void query(struct bench *b, const char *input, uint32_t output_size, HRESULT expected, const char *output)
{
	exact(b, DRV_COMMAND_QUERY_CHANNEL, input, output_size, expected, output);
}

/* AC-055 to AC-060, AC-072 to AC-075, AC-096, AC-097, AC-101, AC-107, AC-108, AC-139, AC-140, AC-145, AC-150. */
static void test_vectors(void **state)
{
	struct bench b = bench_start();
	struct kf_channel helper;
	uint64_t decode;

	(void)state;
	command(&b, T1_IN, S_OK, T1_OUT);
	command(&b, T2_IN, S_OK, T2_OUT);
	command(&b, T3_IN, E_INVALIDARG, T3_OUT);
	command(&b, T2_IN, E_INVALIDARG, T3B_OUT);
	query(&b, T4_IN, 56, S_OK, T4_OUT);
	query(&b, T5_IN, 56, S_OK, T5_OUT);

	/* What T7 asks of: another channel ties the session that the client calls 0x3003 to a decode device. */
	b.channel.session = kf_decode_session(b.kf, b.channel.device, &drv_test_profiles[0]);
	assert_int_equal(kf_decode(b.kf, b.channel.device, &drv_test_profiles[0], &decode), S_OK);
	helper = kf_channel_ready(b.kf, b.channel.device, KF_SOFTWARE);
	helper.session = b.channel.session;
	assert_int_equal(kf_bind(&helper, decode, T_SESSION, T_DEVICE), S_OK);
	query(&b, T7_IN, 80, S_OK, T7_OUT);

	b.channel.session = 0;
	query(&b, T6_IN, 64, E_INVALIDARG, T6_OUT);
	query(&b, T4_IN, 56, E_INVALIDARG, T6B_OUT);
	kf_stop(b.kf);
}

/* Padding is what the sender left there (AC-056); the answer has none of it. */
static void test_t2b(void **state)
{
	struct bench b = bench_start();

	(void)state;
	command(&b, T1_IN, S_OK, T1_OUT);
	command(&b, T2B_IN, S_OK, T2_OUT);
	query(&b, T4_IN, 56, S_OK, T4_OUT);
	kf_stop(b.kf);
}

/* AC-030, AC-033, AC-036: the key of a block encoded elsewhere (T8), raised to this leaf's exponent. */
static void test_t8(void **state)
{
	uint8_t block[256], blob[256];
	struct kmd_config config;
	struct bench b;

	(void)state;
	kf_config(&config);
	config.first.channel = T_CHANNEL;
	b.kf = kf_start(&config);
	b.channel = kf_channel(b.kf, kf_device(b.kf), KF_SOFTWARE);
	kf_hex(T8_ENCODED, block, sizeof(block));
	for (int attempt = 0; attempt < 2; attempt++) {
		block[255] ^= attempt == 0;
		kf_raise(GPU_LEAF_CHANNEL, block, blob);
		assert_int_equal(kf_channel_exchange_blob(b.kf, b.channel.device, b.channel.handle, blob),
				 attempt == 0 ? E_INVALIDARG : S_OK);
		block[255] ^= attempt == 0;
	}
	command(&b, T1_IN, S_OK, T1_OUT);
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
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_t2b),
		cmocka_unit_test(test_t8),
	};

	return cmocka_run_group_tests_name("kmd_channel_vectors", tests, NULL, teardown_all);
}
