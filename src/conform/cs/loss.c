/* SPDX-License-Identifier: MIT */
/* After the adapter is gone, and after the keys are lost. */
#include "conform/cs/cs.h"

#include <stdio.h>
#include <string.h>

static void after_removal_all_say_so(struct cf *cf)
{
	static struct cs_bench bench;
	HANDLE another = &bench;

	cs_open_keyed(cf, &bench);
	cf_remove_adapter(cf);
	CF_DECIDED(cf, "CS-12", D3DDDIERR_DEVICEREMOVED,
		   cf_create_session(&bench.device, &D3DCRYPTOTYPE_AES128_CTR, &cs_no_profile, &another));
	for (int entry = 0; entry < CS_DESTROY; entry++) {
		char text[96];

		snprintf(text, sizeof(text), "%s(the adapter is gone)", cs_name(entry));
		cf_check_code(cf, "CS-12", CF_BY_DECISION, D3DDDIERR_DEVICEREMOVED,
			      cs_call(&bench, entry, bench.device.h, bench.session), text);
	}
	CF_DECIDED(cf, "CS-12", S_OK, cf_destroy_session(&bench.device, bench.session));
	CF_DECIDED(cf, "CS-12", E_INVALIDARG, cf_destroy_session(&bench.device, bench.session));
}

/* Back in state S1: key, number and read-back key are gone, handle and history stay. */
static void lost_keys_leave_state_s1(struct cf *cf)
{
	static struct cs_bench bench;
	uint8_t iv[CF_KEY], number[CF_KEY];

	cs_open_keyed(cf, &bench);
	cs_need_decrypt(&bench);
	cs_need_refresh(cf);
	cs_need_read_back_key(cf);
	cf_iv(iv, cf_fresh_iv(cf), 0);
	CF_NEED(cf, cf_decrypt(&bench.device, bench.session, &bench.system, &bench.protected, iv));
	CF_NEED(cf, cs_call(&bench, CS_READ_BACK_KEY, bench.device.h, bench.session));
	CF_NEED(cf, cf_start_refresh(&bench.device, bench.session, number));
	cf_lose_keys(cf);

	for (int entry = CS_START; entry <= CS_DECRYPT; entry++) {
		char text[96];

		snprintf(text, sizeof(text), "%s(the keys are lost)", cs_name(entry));
		cf_check_code(cf, "CS-13", CF_BY_DECISION, D3DDDIERR_INVALIDCALL,
			      cs_call(&bench, entry, bench.device.h, bench.session), text);
	}
	if (cs_offers(&bench, CS_GET_PITCH))
		CF_DECIDED(cf, "CS-13", S_OK, cs_call(&bench, CS_GET_PITCH, bench.device.h, bench.session));

	CF_DECIDED(cf, "CS-13", S_OK, cf_exchange_blob(&bench.device, bench.session, bench.blob));
	CF_DECIDED(cf, "CS-13", D3DDDIERR_INVALIDCALL, cf_finish_refresh(&bench.device, bench.session));
	CF_DECIDED(cf, "CS-13", D3DDDIERR_INVALIDCALL,
		   cs_call(&bench, CS_ENCRYPT, bench.device.h, bench.session)); /* no read-back key */
	CF_DECIDED(cf, "CS-13", S_OK, cs_call(&bench, CS_READ_BACK_KEY, bench.device.h, bench.session));
	CF_DECIDED(cf, "CS-13", E_ACCESSDENIED,
		   cs_call(&bench, CS_ENCRYPT, bench.device.h, bench.session)); /* what the lost key brought */
	CF_DECIDED(cf, "CS-13", D3DDDIERR_INVALIDCALL,
		   cf_decrypt(&bench.device, bench.session, &bench.system, &bench.protected, iv));
	CF_DECIDED(cf, "CS-13", S_OK, cs_put(&bench, cf_key_k, 6));
	CF_DECIDED(cf, "CS-13", S_OK, cs_get(&bench, cf_key_k));
	CF_TRUE_DECIDED(cf, "CS-13", cs_is_picture(&bench), "another picture came back after the new exchange");
}

/* With protection off, Lock shows what is left of the content: nothing. */
static void lost_content_is_zero(struct cf *cf)
{
	static struct cs_bench bench;
	D3DDDIARG_LOCK lock = { 0 };

	cs_open_keyed(cf, &bench);
	cs_need_decrypt(&bench);
	if (cf_has(cf, D3DCPCAPS_PROTECTIONALWAYSON))
		cf_skip(cf, "PROTECTIONALWAYSON: nobody can look at the surface");
	CF_NEED(cf, cs_put(&bench, cf_key_k, 7));
	cf_lose_keys(cf);
	lock.hResource = bench.protected.h;
	CF_NEED(cf, bench.device.f->pfnLock(bench.device.h, &lock));
	CF_TRUE_DECIDED(cf, "CS-13", cf_is_all(lock.pSurfData, bench.protected.size, 0),
			"the surface holds something after the keys were lost");
}

const struct cf_test cs_tests_loss[] = {
	{ .name = "after-removal-all-say-so", .rules = "CS-12", .run = after_removal_all_say_so, .is_private = true },
	{ .name = "lost-keys-leave-state-s1", .rules = "CS-13", .run = lost_keys_leave_state_s1 },
	{ .name = "lost-content-is-zero", .rules = "CS-13", .run = lost_content_is_zero, .variant = 0xf9 },
	{ 0 },
};
