/* SPDX-License-Identifier: MIT */
/* SEC-41: MACs are compared in constant time. AC-054. */
#include "kmd_fixture_channel.h"
#include "measure.h"

#include <string.h>

/* Where a forged tag differs from the right one. */
enum wrong { FIRST, MIDDLE, LAST, ALL, WRONGS };

static const char *const names[WRONGS] = {
	[FIRST] = "first byte wrong",
	[MIDDLE] = "byte in the middle wrong",
	[LAST] = "last byte wrong",
	[ALL] = "every byte wrong",
};

enum { POOL = 32 };

/*
 * What forged tags differ in. Made beforehand and applied without a branch, so that before each run the same is done, at
 * the same places, whatever the class is.
 */
static uint8_t flips[POOL][WRONGS][GPU_TAG_SIZE];

static void fill_pool(void)
{
	static const size_t places[] = { [FIRST] = 0, [MIDDLE] = 7, [LAST] = 15 };

	memset(flips, 0, sizeof(flips));
	for (int i = 0; i < POOL; i++)
		for (int wrong = 0; wrong < WRONGS; wrong++)
			for (size_t at = 0; at < GPU_TAG_SIZE; at++)
				if (wrong == ALL || at == places[wrong])
					flips[i][wrong][at] = (uint8_t)(1 + measure_random() % 255);
}

static void forge(uint8_t tag[GPU_TAG_SIZE], unsigned int wrong)
{
	const uint8_t *flip = flips[measure_random() % POOL][wrong];

	for (size_t i = 0; i < GPU_TAG_SIZE; i++)
		tag[i] ^= flip[i];
}

/* ---- the comparison itself ----------------------------------------------------------------------- */

enum { REPEATS = 16 };

struct pair {
	uint8_t right[GPU_TAG_SIZE], given[GPU_TAG_SIZE];
	bool (*equal)(const void *a, const void *b, size_t size);
	unsigned int found;
};

/* The control: what a comparison must not be. */
static bool equal_until_different(const void *a, const void *b, size_t size)
{
	const volatile uint8_t *one = a, *other = b;

	for (size_t i = 0; i < size; i++)
		if (one[i] != other[i])
			return false;
	return true;
}

static void prepare_pair(void *data, unsigned int class_number)
{
	static bool (*const functions[])(const void *a, const void *b, size_t size) = {
		gpu_equal, gpu_equal, gpu_equal, gpu_equal, equal_until_different,
	};
	struct pair *pair = data;

	assert_int_equal(pair->found, 0);
	pair->equal = functions[class_number];
	for (size_t i = 0; i < sizeof(pair->right); i++)
		pair->given[i] = pair->right[i] = (uint8_t)measure_random();
	forge(pair->given, class_number == WRONGS ? LAST : class_number);
}

static void run_pair(void *data)
{
	struct pair *pair = data;

	for (int i = 0; i < REPEATS; i++)
		pair->found += pair->equal(pair->right, pair->given, sizeof(pair->right));
}

static void test_compare(void **state)
{
	struct pair pair = { 0 };
	const struct measure measure = {
		.names = names,
		.classes = WRONGS,
		.control = "stops at the last byte",
		.seconds = 3,
		.samples = 60000,
		.prepare = prepare_pair,
		.run = run_pair,
		.data = &pair,
	};

	(void)state;
	fill_pool();
	measure_assert_alike(&measure);
}

/* ---- a channel's command ------------------------------------------------------------------------- */

enum { CONTROL_NANOSECONDS = 40 };

struct commands {
	struct kf_channel channel;
	struct drv_escape_message pool[POOL]; /* rightly tagged */
	struct drv_escape_message message;
	bool is_delayed;
};

static void prepare_command(void *data, unsigned int class_number)
{
	struct commands *commands = data;

	assert_int_equal(commands->message.header.result, E_INVALIDARG);
	commands->is_delayed = class_number == WRONGS;
	commands->message = commands->pool[measure_random() % POOL];
	forge(commands->message.input, commands->is_delayed ? FIRST : class_number);
}

static void run_command(void *data)
{
	struct commands *commands = data;

	(void)kf_escape(commands->channel.kf, commands->channel.device, &commands->message, sizeof(commands->message));
	if (commands->is_delayed)
		measure_delay(CONTROL_NANOSECONDS);
}

static void test_command(void **state)
{
	struct commands commands = { 0 };
	const struct measure measure = {
		.names = names,
		.classes = WRONGS,
		.control = "40 ns more",
		.seconds = 4,
		.samples = 60000,
		.prepare = prepare_command,
		.run = run_command,
		.data = &commands,
	};
	struct kf *kf = kf_start(NULL);

	(void)state;
	commands.channel = kf_channel_ready(kf, kf_device(kf), KF_SOFTWARE);
	fill_pool();
	for (uint32_t i = 0; i < POOL; i++) {
		const uint32_t flags = i % 4;

		commands.pool[i] = kf_message(&commands.channel, KF_PROTECTION, commands.channel.next_configure + i,
					      &flags, sizeof(flags));
	}
	commands.message.header.result = E_INVALIDARG;
	measure_assert_alike(&measure);
	/* They were refused for their tag and for nothing else. */
	commands.message = commands.pool[POOL - 1];
	assert_int_equal(kf_send(kf, commands.channel.device, &commands.message), S_OK);
	kf_stop(kf);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		{ "mac_comparison_lasts_alike", test_compare, NULL, NULL, NULL },
		{ "mac_of_a_command_is_compared_alike", test_command, NULL, NULL, NULL },
	};

	(void)argc;
	if (!measure_start())
		return 2;
	return measure_main("mac", tests, sizeof(tests) / sizeof(tests[0]), argv);
}
