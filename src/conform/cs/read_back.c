/* SPDX-License-Identifier: MIT */
/* GetEncryptionBltKey: a new key each time, wrapped with the session key of the moment. */
#include "conform/cs/cs.h"

#include <string.h>

static void open_to_read(struct cf *cf, struct cs_bench *bench)
{
	cs_need_read_back_key(cf);
	cs_open_keyed(cf, bench);
	cs_need_decrypt(bench);
	CF_NEED(cf, cs_put(bench, cf_key_k, 40));
}

static void every_call_makes_a_new_key(struct cf *cf)
{
	static struct cs_bench bench;
	uint8_t keys[2][CF_KEY];

	cs_need_read_back_key(cf);
	cs_open_keyed(cf, &bench);
	CF_OK(cf, "CS-63", cs_new_read_back_key(&bench, cf_key_k, keys[0]));
	CF_OK(cf, "CS-63", cs_new_read_back_key(&bench, cf_key_k, keys[1]));
	CF_TRUE(cf, "CS-63", memcmp(keys[0], keys[1], CF_KEY) != 0, "the same key twice");
	CF_TRUE(cf, "CS-63", memcmp(keys[1], cf_key_k, CF_KEY) != 0, "the key is the session key");
}

static void the_wrap_is_one_block(struct cf *cf)
{
	static struct cs_bench bench;
	uint8_t wrapped[CF_KEY], key[CF_KEY];

	open_to_read(cf, &bench);
	CF_OK(cf, "CS-64", cf_read_back_key(&bench.device, bench.session, wrapped));
	cf_ecb(cf_key_k, /* encrypt= */ false, wrapped, key);
	CF_OK(cf, "CS-64", cs_read(&bench, key));
	CF_TRUE(cf, "CS-64", cs_is_picture(&bench), "the unwrapped key does not decrypt what EncryptionBlt wrote");
	/* In the clear it would decrypt too. */
	CF_OK(cf, "CS-64", cs_read(&bench, wrapped));
	CF_TRUE(cf, "CS-64", !cs_is_picture(&bench), "the key was handed out in the clear");
}

static void without_a_session_key(struct cf *cf)
{
	static struct cs_bench bench;

	cs_need_read_back_key(cf);
	cs_open(cf, &bench);
	memset(bench.value, 0xc3, sizeof(bench.value));
	CF_DECIDED(cf, "CS-67", D3DDDIERR_INVALIDCALL,
		   cs_call(&bench, CS_READ_BACK_KEY, bench.device.h, bench.session));
	CF_TRUE_DECIDED(cf, "CS-67", cf_is_all(bench.value, CF_KEY, 0xc3), "the buffer was written");
}

static void while_a_refresh_is_pending(struct cf *cf)
{
	static struct cs_bench bench;
	uint8_t number[CF_KEY], key[CF_KEY];

	cs_need_refresh(cf);
	open_to_read(cf, &bench);
	CF_NEED(cf, cf_start_refresh(&bench.device, bench.session, number));
	CF_DECIDED(cf, "CS-68", S_OK, cs_new_read_back_key(&bench, cf_key_k, key));
	CF_DECIDED(cf, "CS-68", S_OK, cs_read(&bench, key));
	CF_TRUE_DECIDED(cf, "CS-68", cs_is_picture(&bench), "it does not unwrap with the old key");
}

static void the_newest_applies(struct cf *cf)
{
	static struct cs_bench bench;
	uint8_t keys[2][CF_KEY];

	open_to_read(cf, &bench);
	CF_NEED(cf, cs_new_read_back_key(&bench, cf_key_k, keys[0]));
	CF_DECIDED(cf, "CS-69", S_OK, cs_read(&bench, keys[0]));
	CF_TRUE_DECIDED(cf, "CS-69", cs_is_picture(&bench), "the first key does not decrypt");
	CF_NEED(cf, cs_new_read_back_key(&bench, cf_key_k, keys[1]));
	CF_DECIDED(cf, "CS-69", S_OK, cs_read(&bench, keys[1]));
	CF_TRUE_DECIDED(cf, "CS-69", cs_is_picture(&bench), "the second key does not decrypt");
	CF_DECIDED(cf, "CS-69", S_OK, cs_read(&bench, keys[0]));
	CF_TRUE_DECIDED(cf, "CS-69", !cs_is_picture(&bench), "the first key still decrypts");
}

const struct cf_test cs_tests_read_back[] = {
	{ .name = "every-call-makes-a-new-key", .rules = "CS-63", .run = every_call_makes_a_new_key },
	{ .name = "the-wrap-is-one-block", .rules = "CS-64", .run = the_wrap_is_one_block },
	{ .name = "without-a-session-key", .rules = "CS-67", .run = without_a_session_key },
	{ .name = "while-a-refresh-is-pending", .rules = "CS-68", .run = while_a_refresh_is_pending },
	{ .name = "the-newest-applies", .rules = "CS-69", .run = the_newest_applies },
	{ 0 },
};
