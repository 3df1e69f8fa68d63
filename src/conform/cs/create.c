/* SPDX-License-Identifier: MIT */
/* CreateCryptoSession: what it takes, what it refuses, how many there may be. */
#include "conform/cs/cs.h"

#include <string.h>

enum { PROFILES = 64, MANY = 1024, QUOTA = 8 };

static HRESULT create(const struct cf_device *device, const GUID *type, const GUID *profile)
{
	HANDLE session = NULL;
	HRESULT hr = cf_create_session(device, type, profile, &session);

	if (hr == S_OK)
		(void)cf_destroy_session(device, session);
	return hr;
}

static void without_a_profile(struct cf *cf)
{
	struct cf_device device = cf_device(cf);
	HANDLE session = NULL;

	CF_OK(cf, "CS-15", cf_create_session(&device, &D3DCRYPTOTYPE_AES128_CTR, &cs_no_profile, &session));
	CF_TRUE(cf, "CS-15", session != NULL, "hCryptoSession is NULL");
	CF_OK(cf, "CS-15", cf_destroy_session(&device, session));
}

/* Profiles that the driver lists, and what it says of each and AES128_CTR. */
static void profiles_that_it_lists(struct cf *cf)
{
	struct cf_device device = cf_device(cf);
	D3DCONTENTPROTECTIONCAPS caps;
	GUID profiles[PROFILES];
	const uint32_t count = cs_profiles(cf, profiles, PROFILES);
	uint32_t usable = 0;

	for (uint32_t i = 0; i < count; i++) {
		if (cs_query(cf, &D3DCRYPTOTYPE_AES128_CTR, &profiles[i], &caps) != S_OK)
			continue;
		usable++;
		CF_OK(cf, "CS-16", create(&device, &D3DCRYPTOTYPE_AES128_CTR, &profiles[i]));
	}
	if (usable == 0)
		cf_not_applicable(cf, "CS-16", "it lists no decode profile that AES128_CTR can be used with");
}

static void no_crypto_type(struct cf *cf)
{
	static const GUID none;
	struct cf_device device = cf_device(cf);

	CF_CODE(cf, "CS-17", D3DDDIERR_NOTAVAILABLE, create(&device, &none, &cs_no_profile));
	CF_CODE(cf, "CS-17", D3DDDIERR_NOTAVAILABLE, create(&device, &none, &cs_mpeg2_idct));
	CF_CODE(cf, "CS-17", D3DDDIERR_NOTAVAILABLE, create(&device, &none, &cs_random_guid));
}

static void unknown_crypto_types(struct cf *cf)
{
	/* The last differs from the real one in its last bit. */
	GUID types[] = { D3DCRYPTOTYPE_PROPRIETARY, cs_random_guid, D3DCRYPTOTYPE_AES128_CTR,
			 D3DCRYPTOTYPE_AES128_CTR };
	struct cf_device device = cf_device(cf);
	D3DCONTENTPROTECTIONCAPS caps;
	int refused = 0;

	types[3].Data4[7] ^= 1;
	for (size_t i = 0; i < CS_COUNT(types); i++) {
		if (cs_query(cf, &types[i], &cs_no_profile, &caps) != D3DDDIERR_NOTAVAILABLE)
			continue;
		refused++;
		CF_CODE(cf, "CS-18", D3DDDIERR_NOTAVAILABLE, create(&device, &types[i], &cs_no_profile));
	}
	if (refused == 0)
		cf_give_up(cf, "GetCaps says of no crypto type that it is not available");
}

/* A profile that the type cannot be used with, by the driver's own word. */
static void profiles_that_refuse_the_type(struct cf *cf)
{
	struct cf_device device = cf_device(cf);
	D3DCONTENTPROTECTIONCAPS caps;
	GUID profiles[PROFILES + 1] = { cs_mpeg2_idct };
	const uint32_t count = 1 + cs_profiles(cf, profiles + 1, PROFILES);
	uint32_t refused = 0;

	for (uint32_t i = 0; i < count; i++) {
		if (cs_query(cf, &D3DCRYPTOTYPE_AES128_CTR, &profiles[i], &caps) != D3DDDIERR_UNSUPPORTEDCRYPTO)
			continue;
		refused++;
		CF_CODE(cf, "CS-19", D3DDDIERR_UNSUPPORTEDCRYPTO,
			create(&device, &D3DCRYPTOTYPE_AES128_CTR, &profiles[i]));
	}
	if (refused == 0)
		cf_not_applicable(cf, "CS-19", "it names no profile that AES128_CTR cannot be used with");
}

static void unknown_profiles(struct cf *cf)
{
	struct cf_device device = cf_device(cf);

	(void)cf_caps(cf); /* the type itself is offered */
	CF_DECIDED(cf, "CS-20", D3DDDIERR_UNSUPPORTEDCRYPTO,
		   create(&device, &D3DCRYPTOTYPE_AES128_CTR, &cs_random_guid));
}

static void the_type_decides_first(struct cf *cf)
{
	struct cf_device device = cf_device(cf);
	GUID other = cs_random_guid;

	other.Data1 ^= 0x1000;
	CF_CODE(cf, "CS-21", D3DDDIERR_NOTAVAILABLE, create(&device, &cs_random_guid, &other));
	CF_CODE(cf, "CS-21", D3DDDIERR_NOTAVAILABLE, create(&device, &cs_random_guid, &cs_mpeg2_idct));
}

static void creation_agrees_with_the_query(struct cf *cf)
{
	const GUID *const types[] = { &D3DCRYPTOTYPE_AES128_CTR, &D3DCRYPTOTYPE_PROPRIETARY, &cs_random_guid };
	struct cf_device device = cf_device(cf);
	D3DCONTENTPROTECTIONCAPS caps;
	GUID profiles[PROFILES + 3] = { cs_no_profile, cs_mpeg2_idct, cs_random_guid };
	const uint32_t count = 3 + cs_profiles(cf, profiles + 3, PROFILES);

	for (size_t i = 0; i < CS_COUNT(types); i++) {
		for (uint32_t j = 0; j < count; j++) {
			const HRESULT query = cs_query(cf, types[i], &profiles[j], &caps);
			const HRESULT made = create(&device, types[i], &profiles[j]);

			CF_TRUE(cf, "CS-22", query == made, "type %08x, profile %08x: GetCaps says %s, Create says %s",
				types[i]->Data1, profiles[j].Data1, cf_code_name(cf, query), cf_code_name(cf, made));
		}
	}
}

/* ---- the structure and the handle ---------------------------------------------------------------------------- */

static void the_structure(struct cf *cf)
{
	struct cf_device device = cf_device(cf);
	const HANDLE pattern = (HANDLE)(uintptr_t)0x5a5a5a5a5a5a5a5au;
	D3DDDIARG_CREATECRYPTOSESSION arg = {
		.CryptoType = D3DCRYPTOTYPE_AES128_CTR,
		.hCryptoSession = pattern,
	};

	CF_OK(cf, "CS-23", device.f->pfnCreateCryptoSession(device.h, &arg));
	CF_TRUE(cf, "CS-23", arg.hCryptoSession != pattern, "hCryptoSession was not written");
	CF_BYTES(cf, "CS-28", &D3DCRYPTOTYPE_AES128_CTR, &arg.CryptoType, sizeof(GUID), "CryptoType after S_OK");
	CF_BYTES(cf, "CS-28", &cs_no_profile, &arg.DecodeProfile, sizeof(GUID), "DecodeProfile after S_OK");

	arg = (D3DDDIARG_CREATECRYPTOSESSION) { cs_random_guid, cs_mpeg2_idct, pattern };
	CF_CODE(cf, "CS-23", D3DDDIERR_NOTAVAILABLE, device.f->pfnCreateCryptoSession(device.h, &arg));
	CF_TRUE_DECIDED(cf, "CS-23", arg.hCryptoSession == pattern, "hCryptoSession is %p after a failure",
			arg.hCryptoSession);
	CF_BYTES(cf, "CS-28", &cs_random_guid, &arg.CryptoType, sizeof(GUID), "CryptoType after a failure");
	CF_BYTES(cf, "CS-28", &cs_mpeg2_idct, &arg.DecodeProfile, sizeof(GUID), "DecodeProfile after a failure");
}

static void live_handles_differ(struct cf *cf)
{
	struct cf_device devices[2] = { cf_device(cf), cf_device(cf) };
	HANDLE handles[2][64], all[128];

	for (int i = 0; i < 64; i++) {
		for (int j = 0; j < 2; j++)
			handles[j][i] = cf_session(cf, &devices[j]);
	}
	memcpy(all, handles, sizeof(all));
	/* One device alone: what names a session there must name one. */
	CF_TRUE(cf, "CS-24", cs_repeated(handles[0], 64) == 0, "two of 64 sessions of a device have one handle");
	CF_TRUE_DECIDED(cf, "CS-24", cs_repeated(all, 128) == 0, "two of 128 sessions of two devices have one handle");
}

static void no_limit_on_sessions(struct cf *cf)
{
	static HANDLE handles[MANY];
	struct cf_device device = cf_device(cf);

	for (int i = 0; i < MANY; i++) {
		HRESULT hr = cf_create_session(&device, &D3DCRYPTOTYPE_AES128_CTR, &cs_no_profile, &handles[i]);

		if (hr != S_OK) {
			CF_DECIDED(cf, "CS-25", S_OK, hr);
			return;
		}
	}
	/* All of them live: the first and the last can be named. */
	CF_DECIDED(cf, "CS-25", S_OK, cf_destroy_session(&device, handles[0]));
	CF_DECIDED(cf, "CS-25", S_OK, cf_destroy_session(&device, handles[MANY - 1]));
}

/* The service gives a user eight. */
static void a_quota_on_sessions(struct cf *cf)
{
	struct cf_device device = cf_device(cf);
	D3DDDIARG_CREATECRYPTOSESSION arg = { .CryptoType = D3DCRYPTOTYPE_AES128_CTR, .hCryptoSession = &device };
	HANDLE handles[QUOTA];

	for (int i = 0; i < QUOTA; i++)
		CF_DECIDED(cf, "CS-25", S_OK,
			   cf_create_session(&device, &D3DCRYPTOTYPE_AES128_CTR, &cs_no_profile, &handles[i]));
	CF_DECIDED(cf, "CS-25", E_OUTOFMEMORY, device.f->pfnCreateCryptoSession(device.h, &arg));
	CF_TRUE_DECIDED(cf, "CS-25", arg.hCryptoSession == &device, "hCryptoSession is %p", arg.hCryptoSession);
	CF_NEED(cf, cf_destroy_session(&device, handles[3]));
	CF_DECIDED(cf, "CS-25", S_OK, device.f->pfnCreateCryptoSession(device.h, &arg));
}

/* ---- a session by itself --------------------------------------------------------------------------------------- */

static void sessions_are_independent(struct cf *cf)
{
	static struct cs_bench one, two;
	uint8_t iv[CF_KEY], other[CF_KEY];

	cs_open_keyed(cf, &one);
	cs_need_transfers(&one);
	cs_fork(&one, &two);
	CF_NEED(cf, cf_exchange_blob(&two.device, two.session, two.blob));

	/* One vector, once in each. */
	cf_iv(iv, cf_fresh_iv(cf), 0);
	CF_DECIDED(cf, "CS-26", S_OK, cf_decrypt(&one.device, one.session, &one.system, &one.protected, iv));
	CF_DECIDED(cf, "CS-26", S_OK, cf_decrypt(&two.device, two.session, &two.system, &two.protected, iv));

	/* Another key in the second leaves the first with its own. */
	cf_key(2, other);
	CF_NEED(cf, cf_exchange(cf, &two.device, two.session, other));
	CF_DECIDED(cf, "CS-26", S_OK, cs_put(&one, cf_key_k, 8));
	CF_DECIDED(cf, "CS-26", S_OK, cs_get(&one, cf_key_k));
	CF_TRUE_DECIDED(cf, "CS-26", cs_is_picture(&one), "another picture came back through the first session");
	CF_DECIDED(cf, "CS-26", S_OK, cs_put(&two, other, 9));
	CF_DECIDED(cf, "CS-26", S_OK, cs_get(&two, other));
	CF_TRUE_DECIDED(cf, "CS-26", cs_is_picture(&two), "another picture came back through the second session");

	/* What one brought is closed to the other. */
	two.protected = one.protected;
	CF_DECIDED(cf, "CS-26", E_ACCESSDENIED, cs_get(&two, other));
}

/* The pending number and the read-back key of one session are not the other's. */
static void marks_are_independent(struct cf *cf)
{
	static struct cs_bench one, two;
	uint8_t number[CF_KEY], key[CF_KEY];

	cs_open_keyed(cf, &one);
	cs_need_refresh(cf);
	cs_need_read_back_key(cf);
	cs_fork(&one, &two);
	CF_NEED(cf, cf_exchange_blob(&two.device, two.session, two.blob));
	CF_NEED(cf, cf_start_refresh(&one.device, one.session, number));
	CF_DECIDED(cf, "CS-26", D3DDDIERR_INVALIDCALL, cf_finish_refresh(&two.device, two.session));
	CF_NEED(cf, cs_new_read_back_key(&one, cf_key_k, key));
	CF_DECIDED(cf, "CS-26", D3DDDIERR_INVALIDCALL, cs_call(&two, CS_ENCRYPT, two.device.h, two.session));
	CF_DECIDED(cf, "CS-26", S_OK, cs_read(&one, key));
	CF_TRUE_DECIDED(cf, "CS-26", cf_is_all(one.back, one.protected.size, 0), "a new surface does not read as zero");
	CF_DECIDED(cf, "CS-26", S_OK, cf_finish_refresh(&one.device, one.session));
}

static void a_new_session_has_no_key(struct cf *cf)
{
	static struct cs_bench bench;

	cs_open(cf, &bench);
	cs_need_decrypt(&bench);
	CF_FAILS(cf, "CS-27", D3DDDIERR_INVALIDCALL, cs_call(&bench, CS_DECRYPT, bench.device.h, bench.session));
	CF_NEED(cf, cf_exchange_blob(&bench.device, bench.session, bench.blob));
	CF_OK(cf, "CS-27", cs_call(&bench, CS_DECRYPT, bench.device.h, bench.session));
}

const struct cf_test cs_tests_create[] = {
	{ .name = "without-a-profile", .rules = "CS-15", .run = without_a_profile },
	{ .name = "profiles-that-it-lists", .rules = "CS-16", .run = profiles_that_it_lists },
	{ .name = "no-crypto-type", .rules = "CS-17", .run = no_crypto_type },
	{ .name = "unknown-crypto-types", .rules = "CS-18", .run = unknown_crypto_types },
	{ .name = "profiles-that-refuse-the-type", .rules = "CS-19", .run = profiles_that_refuse_the_type },
	{ .name = "unknown-profiles", .rules = "CS-20", .run = unknown_profiles },
	{ .name = "the-type-decides-first", .rules = "CS-21", .run = the_type_decides_first },
	{ .name = "creation-agrees-with-the-query", .rules = "CS-22", .run = creation_agrees_with_the_query },
	{ .name = "the-structure", .rules = "CS-23 CS-28", .run = the_structure },
	{ .name = "live-handles-differ", .rules = "CS-24", .run = live_handles_differ },
	{ .name = "no-limit-on-sessions", .rules = "CS-25", .run = no_limit_on_sessions },
	{ .name = "a-quota-on-sessions", .rules = "CS-25", .run = a_quota_on_sessions, .settings = "sessions = 8\n" },
	{ .name = "sessions-are-independent", .rules = "CS-26", .run = sessions_are_independent },
	{ .name = "marks-are-independent", .rules = "CS-26", .run = marks_are_independent },
	{ .name = "a-new-session-has-no-key", .rules = "CS-27", .run = a_new_session_has_no_key },
	{ 0 },
};
