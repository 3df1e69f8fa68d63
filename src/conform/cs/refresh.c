/* SPDX-License-Identifier: MIT */
/* Session key refresh: what the two calls do to the key, the content keys, the read-back key and the history. */
#include "conform/cs/cs.h"

#include <string.h>

static void open_to_refresh(struct cf *cf, struct cs_bench *bench)
{
	cs_need_refresh(cf);
	cs_open_keyed(cf, bench);
	cs_need_transfers(bench);
}

static void start(struct cs_bench *bench, uint8_t ret_number[CF_KEY])
{
	CF_NEED(bench->cf, cf_start_refresh(&bench->device, bench->session, ret_number));
}

static void finish(struct cs_bench *bench)
{
	CF_NEED(bench->cf, cf_finish_refresh(&bench->device, bench->session));
}

static void start_leaves_the_key(struct cf *cf)
{
	static struct cs_bench bench;
	uint8_t numbers[8][CF_KEY];
	uint8_t written[CF_KEY] = { 0 };

	open_to_refresh(cf, &bench);
	/* A byte that never differs from what was there before was not written. */
	for (size_t i = 0; i < CS_COUNT(numbers); i++) {
		const uint8_t before = i % 2 ? 0x55 : 0xaa;
		const D3DDDIARG_STARTSESSIONKEYREFRESH arg = { bench.session, numbers[i], CF_KEY };

		memset(numbers[i], before, CF_KEY);
		CF_OK(cf, "CS-48", bench.device.f->pfnStartSessionKeyRefresh(bench.device.h, &arg));
		for (int j = 0; j < CF_KEY; j++)
			written[j] |= numbers[i][j] != before;
	}
	CF_TRUE(cf, "CS-48", cf_is_all(written, CF_KEY, 1), "not all 16 bytes at pRandomNumber were written");
	CF_TRUE(cf, "CS-48", memcmp(numbers[0], numbers[7], CF_KEY) != 0 || memcmp(numbers[1], numbers[6], CF_KEY) != 0,
		"the same number each time");
	CF_OK(cf, "CS-48", cs_put(&bench, cf_key_k, 20));
	CF_OK(cf, "CS-48", cs_get(&bench, cf_key_k));
	CF_TRUE(cf, "CS-48", cs_is_picture(&bench), "another picture came back: Start changed the key");
}

static void finish_changes_the_key(struct cf *cf)
{
	static struct cs_bench bench;
	uint8_t number[CF_KEY], refreshed[CF_KEY];

	open_to_refresh(cf, &bench);
	start(&bench, number);
	CF_OK(cf, "CS-52", cf_finish_refresh(&bench.device, bench.session));
	cs_xor(cf_key_k, number, refreshed);
	CF_OK(cf, "CS-52", cs_put(&bench, refreshed, 21));
	CF_OK(cf, "CS-52", cs_get(&bench, refreshed));
	CF_TRUE(cf, "CS-52", cs_is_picture(&bench), "another picture came back: the key is not K xor R");
	/* Under the old key it is noise, of which nobody is told. */
	CF_OK(cf, "CS-52", cs_put(&bench, cf_key_k, 22));
	CF_OK(cf, "CS-52", cs_get(&bench, refreshed));
	CF_TRUE(cf, "CS-52", !cs_is_picture(&bench), "the old key still decrypts");
}

/* One transfer just before Finish, one just after. */
static void the_switch_is_at_finish(struct cf *cf)
{
	static struct cs_bench before, after;
	uint8_t number[CF_KEY], refreshed[CF_KEY];

	open_to_refresh(cf, &before);
	after = before;
	after.protected = cf_protected(cf, &before.device, D3DDDIFMT_A8R8G8B8, 16, 1);
	start(&before, number);
	cs_xor(cf_key_k, number, refreshed);
	CF_OK(cf, "CS-62", cs_put(&before, cf_key_k, 23));
	finish(&before);
	CF_OK(cf, "CS-62", cs_put(&after, refreshed, 24));
	CF_OK(cf, "CS-62", cs_get(&before, refreshed));
	CF_TRUE(cf, "CS-62", cs_is_picture(&before), "the transfer before Finish did not use the old key");
	CF_OK(cf, "CS-62", cs_get(&after, refreshed));
	CF_TRUE(cf, "CS-62", cs_is_picture(&after), "the transfer after Finish did not use the new key");
}

static void finish_needs_start(struct cf *cf)
{
	static struct cs_bench bench;
	uint8_t number[CF_KEY];

	cs_need_refresh(cf);
	cs_open(cf, &bench);
	CF_DECIDED(cf, "CS-55", D3DDDIERR_INVALIDCALL, cf_start_refresh(&bench.device, bench.session, number));
	CF_NEED(cf, cf_exchange_blob(&bench.device, bench.session, bench.blob));
	CF_DECIDED(cf, "CS-53", D3DDDIERR_INVALIDCALL, cf_finish_refresh(&bench.device, bench.session));
	start(&bench, number);
	CF_DECIDED(cf, "CS-54", S_OK, cf_finish_refresh(&bench.device, bench.session));
	CF_DECIDED(cf, "CS-54", D3DDDIERR_INVALIDCALL, cf_finish_refresh(&bench.device, bench.session));
}

/* Finish in state S2 left the key as it was. */
static void a_lone_finish_changes_nothing(struct cf *cf)
{
	static struct cs_bench bench;

	open_to_refresh(cf, &bench);
	CF_DECIDED(cf, "CS-53", D3DDDIERR_INVALIDCALL, cf_finish_refresh(&bench.device, bench.session));
	CF_DECIDED(cf, "CS-53", S_OK, cs_put(&bench, cf_key_k, 25));
	CF_DECIDED(cf, "CS-53", S_OK, cs_get(&bench, cf_key_k));
	CF_TRUE_DECIDED(cf, "CS-53", cs_is_picture(&bench), "another picture came back: Finish changed the key");
}

static void a_second_start_replaces_the_number(struct cf *cf)
{
	static struct cs_bench bench;
	uint8_t first[CF_KEY], second[CF_KEY], refreshed[CF_KEY];

	open_to_refresh(cf, &bench);
	start(&bench, first);
	CF_DECIDED(cf, "CS-56", S_OK, cf_start_refresh(&bench.device, bench.session, second));
	CF_TRUE_DECIDED(cf, "CS-56", memcmp(first, second, CF_KEY) != 0, "the second number is the first");
	finish(&bench);
	cs_xor(cf_key_k, second, refreshed);
	CF_DECIDED(cf, "CS-56", S_OK, cs_put(&bench, refreshed, 26));
	CF_DECIDED(cf, "CS-56", S_OK, cs_get(&bench, refreshed));
	CF_TRUE_DECIDED(cf, "CS-56", cs_is_picture(&bench), "another picture came back: not K xor the second number");
}

/* ---- what hangs on the session key ---------------------------------------------------------------------------- */

/* P under the content key C, wrapped with the key that is given. */
static HRESULT put_wrapped(struct cs_bench *bench, const uint8_t wrapping_key[CF_KEY], uint32_t seed)
{
	uint8_t iv[CF_KEY], wrapped[CF_KEY];

	cf_ecb(wrapping_key, /* encrypt= */ true, cf_key_c, wrapped);
	cf_pattern(bench->plain, bench->protected.size, seed);
	cf_iv(iv, cf_fresh_iv(bench->cf), 0);
	cf_ctr(cf_key_c, iv, bench->plain, bench->system.memory, bench->protected.size);
	return cf_decrypt_with(&bench->device, bench->session, &bench->system, &bench->protected, iv, wrapped, NULL);
}

static void content_keys_follow_the_session_key(struct cf *cf)
{
	static struct cs_bench bench;
	uint8_t number[CF_KEY], refreshed[CF_KEY];

	cf_require_caps(cf, D3DCPCAPS_CONTENTKEY, "it does not offer CONTENTKEY");
	open_to_refresh(cf, &bench);
	start(&bench, number);
	finish(&bench);
	cs_xor(cf_key_k, number, refreshed);
	CF_OK(cf, "CS-57", put_wrapped(&bench, refreshed, 27));
	CF_OK(cf, "CS-57", cs_get(&bench, refreshed));
	CF_TRUE(cf, "CS-57", cs_is_picture(&bench), "a content key wrapped with the new key does not decrypt");
	CF_OK(cf, "CS-57", put_wrapped(&bench, cf_key_k, 28));
	CF_OK(cf, "CS-57", cs_get(&bench, refreshed));
	CF_TRUE(cf, "CS-57", !cs_is_picture(&bench), "a content key wrapped with the old key still decrypts");
}

static void new_read_back_keys_follow_the_session_key(struct cf *cf)
{
	static struct cs_bench bench;
	uint8_t number[CF_KEY], refreshed[CF_KEY];

	cs_need_refresh(cf);
	cs_need_read_back_key(cf);
	cs_open_keyed(cf, &bench);
	cs_need_decrypt(&bench);
	start(&bench, number);
	finish(&bench);
	cs_xor(cf_key_k, number, refreshed);
	CF_OK(cf, "CS-57", cs_put(&bench, refreshed, 29));
	CF_OK(cf, "CS-57", cs_get(&bench, refreshed));
	CF_TRUE(cf, "CS-57", cs_is_picture(&bench), "the read-back key does not unwrap with the new session key");
}

static void an_existing_read_back_key_stays(struct cf *cf)
{
	static struct cs_bench bench;
	uint8_t number[CF_KEY], read_back[CF_KEY];

	cs_need_refresh(cf);
	cs_need_read_back_key(cf);
	cs_open_keyed(cf, &bench);
	cs_need_decrypt(&bench);
	CF_NEED(cf, cs_put(&bench, cf_key_k, 30));
	CF_NEED(cf, cs_new_read_back_key(&bench, cf_key_k, read_back));
	start(&bench, number);
	finish(&bench);
	CF_DECIDED(cf, "CS-58", S_OK, cs_read(&bench, read_back));
	CF_TRUE_DECIDED(cf, "CS-58", cs_is_picture(&bench), "another picture came back under the key obtained before");
}

static void a_new_key_has_no_history(struct cf *cf)
{
	static struct cs_bench bench;
	uint8_t number[CF_KEY], iv[CF_KEY];

	open_to_refresh(cf, &bench);
	cf_iv(iv, cf_fresh_iv(cf), 0);
	CF_NEED(cf, cf_decrypt(&bench.device, bench.session, &bench.system, &bench.protected, iv));
	start(&bench, number);
	finish(&bench);
	CF_DECIDED(cf, "CS-59", S_OK, cf_decrypt(&bench.device, bench.session, &bench.system, &bench.protected, iv));
	CF_DECIDED(cf, "CS-59", D3DDDIERR_INVALIDCALL,
		   cf_decrypt(&bench.device, bench.session, &bench.system, &bench.protected, iv));
}

const struct cf_test cs_tests_refresh[] = {
	{ .name = "start-leaves-the-key", .rules = "CS-48", .run = start_leaves_the_key },
	{ .name = "finish-changes-the-key", .rules = "CS-52", .run = finish_changes_the_key },
	{ .name = "the-switch-is-at-finish", .rules = "CS-62", .run = the_switch_is_at_finish },
	{ .name = "finish-needs-start", .rules = "CS-53 CS-54 CS-55", .run = finish_needs_start },
	{ .name = "a-lone-finish-changes-nothing", .rules = "CS-53", .run = a_lone_finish_changes_nothing },
	{ .name = "a-second-start-replaces-the-number", .rules = "CS-56", .run = a_second_start_replaces_the_number },
	{ .name = "content-keys-follow", .rules = "CS-57", .run = content_keys_follow_the_session_key },
	{ .name = "new-read-back-keys-follow", .rules = "CS-57", .run = new_read_back_keys_follow_the_session_key },
	{ .name = "an-existing-read-back-key-stays", .rules = "CS-58", .run = an_existing_read_back_key_stays },
	{ .name = "a-new-key-has-no-history", .rules = "CS-59", .run = a_new_key_has_no_history },
	{ 0 },
};
