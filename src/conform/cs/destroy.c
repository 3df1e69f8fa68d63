/* SPDX-License-Identifier: MIT */
/* DestroyCryptoSession and DestroyDevice. */
#include "conform/cs/cs.h"

#include <stdio.h>

static void destroy_releases_the_session(struct cf *cf)
{
	static struct cs_bench bench;
	bool is_offered[CS_ENTRIES];

	cs_open_keyed(cf, &bench);
	for (int entry = 0; entry < CS_ENTRIES; entry++)
		is_offered[entry] = cs_offers(&bench, entry);
	if (is_offered[CS_START])
		CF_NEED(cf, cs_call(&bench, CS_START, bench.device.h, bench.session));
	if (is_offered[CS_READ_BACK_KEY])
		CF_NEED(cf, cs_call(&bench, CS_READ_BACK_KEY, bench.device.h, bench.session));
	CF_OK(cf, "CS-42", cf_destroy_session(&bench.device, bench.session));
	for (int entry = 0; entry < CS_DESTROY; entry++) {
		char text[96];

		if (!is_offered[entry])
			continue;
		snprintf(text, sizeof(text), "%s(a destroyed session)", cs_name(entry));
		cf_check_fails(cf, "CS-42", E_INVALIDARG, cs_call(&bench, entry, bench.device.h, bench.session), text);
	}
	CF_DECIDED(cf, "CS-43", E_INVALIDARG, cf_destroy_session(&bench.device, bench.session));
	CF_DECIDED(cf, "CS-43", E_INVALIDARG, cf_destroy_session(&bench.device, bench.session));
}

static void every_state_can_end(struct cf *cf)
{
	static struct cs_bench bench;

	cs_open(cf, &bench);
	CF_DECIDED(cf, "CS-44", S_OK, cf_destroy_session(&bench.device, bench.session));
	bench.session = cf_session(cf, &bench.device);
	CF_NEED(cf, cf_exchange_blob(&bench.device, bench.session, bench.blob));
	CF_DECIDED(cf, "CS-44", S_OK, cf_destroy_session(&bench.device, bench.session));
	bench.session = cf_session(cf, &bench.device);
	CF_NEED(cf, cf_exchange_blob(&bench.device, bench.session, bench.blob));
	if (cs_offers(&bench, CS_READ_BACK_KEY))
		CF_NEED(cf, cs_call(&bench, CS_READ_BACK_KEY, bench.device.h, bench.session));
	if (cs_offers(&bench, CS_START))
		CF_NEED(cf, cs_call(&bench, CS_START, bench.device.h, bench.session));
	CF_DECIDED(cf, "CS-44", S_OK, cf_destroy_session(&bench.device, bench.session));
}

/* Sessions in all states, and surfaces, and then the device under them. */
static void the_device_takes_its_sessions(struct cf *cf)
{
	static struct cs_bench bench;
	struct cf_device fresh;
	HANDLE sessions[3];

	cs_open_keyed(cf, &bench);
	sessions[0] = bench.session;
	sessions[1] = cf_session(cf, &bench.device);
	sessions[2] = cf_session(cf, &bench.device);
	CF_NEED(cf, cf_exchange_blob(&bench.device, sessions[2], bench.blob));
	if (cs_offers(&bench, CS_START))
		CF_NEED(cf, cs_call(&bench, CS_START, bench.device.h, sessions[2]));
	CF_OK(cf, "CS-45", bench.device.f->pfnDestroyDevice(bench.device.h));

	fresh = cf_device(cf);
	for (size_t i = 0; i < CS_COUNT(sessions); i++) {
		CF_FAILS(cf, "CS-45", E_INVALIDARG, cf_exchange_blob(&fresh, sessions[i], bench.blob));
		CF_FAILS(cf, "CS-45", E_INVALIDARG, cf_destroy_session(&fresh, sessions[i]));
	}
	CF_OK(cf, "CS-45", cf_exchange_blob(&fresh, cf_session(cf, &fresh), bench.blob));
}

enum { ROUNDS = 1000 };

static void handles_do_not_come_back(struct cf *cf)
{
	static HANDLE handles[ROUNDS];
	struct cf_device device = cf_device(cf);

	for (int i = 0; i < ROUNDS; i++) {
		handles[i] = cf_session(cf, &device);
		CF_NEED(cf, cf_destroy_session(&device, handles[i]));
	}
	CF_TRUE_DECIDED(cf, "CS-47", cs_repeated(handles, ROUNDS) == 0, "%zu of %d handles came again",
			cs_repeated(handles, ROUNDS), ROUNDS);
}

const struct cf_test cs_tests_destroy[] = {
	{ .name = "destroy-releases-the-session", .rules = "CS-42 CS-43", .run = destroy_releases_the_session },
	{ .name = "every-state-can-end", .rules = "CS-44", .run = every_state_can_end },
	{ .name = "the-device-takes-its-sessions", .rules = "CS-45", .run = the_device_takes_its_sessions },
	{ .name = "handles-do-not-come-back", .rules = "CS-47", .run = handles_do_not_come_back },
	{ 0 },
};
