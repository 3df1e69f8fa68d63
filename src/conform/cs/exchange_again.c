/* SPDX-License-Identifier: MIT */
/* A second key exchange on a session: one that succeeds, one that fails, the same blob again. */
#include "conform/cs/cs.h"

#include <string.h>

static void a_second_exchange_replaces_all(struct cf *cf)
{
	static struct cs_bench bench, second;
	uint8_t other[CF_KEY], number[CF_KEY];

	cs_open_keyed(cf, &bench);
	cs_need_transfers(&bench);
	CF_NEED(cf, cs_put(&bench, cf_key_k, 12));
	CF_NEED(cf, cs_get(&bench, cf_key_k));
	if (cs_offers(&bench, CS_START))
		CF_NEED(cf, cf_start_refresh(&bench.device, bench.session, number));
	cf_key(4, other);
	CF_DECIDED(cf, "CS-38", S_OK, cf_exchange(cf, &bench.device, bench.session, other));

	if (cs_offers(&bench, CS_FINISH)) /* the pending number went */
		CF_DECIDED(cf, "CS-38", D3DDDIERR_INVALIDCALL, cf_finish_refresh(&bench.device, bench.session));
	if (cs_offers(&bench, CS_READ_BACK_KEY)) /* and the read-back key */
		CF_DECIDED(cf, "CS-38", D3DDDIERR_INVALIDCALL,
			   cs_call(&bench, CS_ENCRYPT, bench.device.h, bench.session));
	CF_DECIDED(cf, "CS-38", E_ACCESSDENIED, cs_get(&bench, other)); /* and the tie */

	/* The key is the new one, at once. */
	second = bench;
	second.protected = cf_protected(cf, &bench.device, D3DDDIFMT_A8R8G8B8, 16, 1);
	CF_DECIDED(cf, "CS-38", S_OK, cs_put(&second, other, 13));
	CF_DECIDED(cf, "CS-38", S_OK, cs_get(&second, other));
	CF_TRUE_DECIDED(cf, "CS-38", cs_is_picture(&second), "another picture came back: the key is not the new one");
}

static void a_failed_exchange_changes_nothing(struct cf *cf)
{
	static struct cs_bench bench;
	uint8_t read_back[CF_KEY], number[CF_KEY], refreshed[CF_KEY], blob[CF_BLOB];

	cs_open_keyed(cf, &bench);
	cs_need_transfers(&bench);
	CF_NEED(cf, cs_put(&bench, cf_key_k, 14));
	CF_NEED(cf, cs_new_read_back_key(&bench, cf_key_k, read_back));
	if (cs_offers(&bench, CS_START))
		CF_NEED(cf, cf_start_refresh(&bench.device, bench.session, number));
	memcpy(blob, bench.blob, sizeof(blob));
	blob[200] ^= 0x10;
	CF_DECIDED(cf, "CS-39", E_INVALIDARG, cf_exchange_blob(&bench.device, bench.session, blob));

	/* Content, tie and read-back key. */
	CF_DECIDED(cf, "CS-39", S_OK, cs_read(&bench, read_back));
	CF_TRUE_DECIDED(cf, "CS-39", cs_is_picture(&bench), "another picture came back");
	/* The session key. */
	CF_DECIDED(cf, "CS-39", S_OK, cs_put(&bench, cf_key_k, 15));
	CF_DECIDED(cf, "CS-39", S_OK, cs_read(&bench, read_back));
	CF_TRUE_DECIDED(cf, "CS-39", cs_is_picture(&bench), "another picture came back under the key before");
	if (!cs_offers(&bench, CS_FINISH))
		return;
	CF_DECIDED(cf, "CS-39", S_OK, cf_finish_refresh(&bench.device, bench.session));
	cs_xor(cf_key_k, number, refreshed);
	CF_DECIDED(cf, "CS-39", S_OK, cs_put(&bench, refreshed, 16));
	CF_DECIDED(cf, "CS-39", S_OK, cs_get(&bench, refreshed));
	CF_TRUE_DECIDED(cf, "CS-39", cs_is_picture(&bench), "another picture came back after the refresh");
}

static void the_same_blob_again(struct cf *cf)
{
	static struct cs_bench bench, other;
	uint8_t iv[CF_KEY];

	cs_open_keyed(cf, &bench);
	cs_need_transfers(&bench);
	cs_fork(&bench, &other);
	cf_iv(iv, cf_fresh_iv(cf), 0);
	CF_NEED(cf, cf_decrypt(&bench.device, bench.session, &bench.system, &bench.protected, iv));
	CF_DECIDED(cf, "CS-40", S_OK, cf_exchange_blob(&bench.device, bench.session, bench.blob));
	/* The history of the key stays; the exchange counts as a new one all the same. */
	CF_DECIDED(cf, "CS-40", D3DDDIERR_INVALIDCALL,
		   cf_decrypt(&bench.device, bench.session, &bench.system, &bench.protected, iv));
	CF_DECIDED(cf, "CS-40", E_ACCESSDENIED, cs_get(&bench, cf_key_k));
	CF_DECIDED(cf, "CS-40", S_OK, cs_put(&bench, cf_key_k, 17));
	CF_DECIDED(cf, "CS-40", S_OK, cs_get(&bench, cf_key_k));
	CF_TRUE_DECIDED(cf, "CS-40", cs_is_picture(&bench), "another picture came back");
	/* Another session takes it too, and has a history of its own. */
	CF_DECIDED(cf, "CS-40", S_OK, cf_exchange_blob(&other.device, other.session, bench.blob));
	CF_DECIDED(cf, "CS-40", S_OK, cf_decrypt(&other.device, other.session, &other.system, &other.protected, iv));
}

const struct cf_test cs_tests_exchange_again[] = {
	{ .name = "a-second-exchange-replaces-all", .rules = "CS-38", .run = a_second_exchange_replaces_all },
	{ .name = "a-failed-exchange-changes-nothing", .rules = "CS-39", .run = a_failed_exchange_changes_nothing },
	{ .name = "the-same-blob-again", .rules = "CS-40", .run = the_same_blob_again },
	{ 0 },
};
