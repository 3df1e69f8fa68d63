/* SPDX-License-Identifier: MIT */
/* Rules that all session functions share: success, handles, NULL, constant structures, random values. */
#include "conform/cs/cs.h"

#include <stdio.h>
#include <string.h>

/* A check of one of the functions, with words for what was wrong with the call. */
static void check(struct cs_bench *bench, enum cf_basis basis, const char *rule, enum cs_entry entry, const char *what,
		  HRESULT want, HRESULT got)
{
	char text[96];

	snprintf(text, sizeof(text), "%s(%s)", cs_name(entry), what);
	cf_check_code(bench->cf, rule, basis, want, got, text);
}

/* Every function once, in an order in which each succeeds. */
static void success_is_s_ok(struct cf *cf)
{
	static const enum cs_entry order[] = { CS_GET_PITCH, CS_EXCHANGE,      CS_START,   CS_FINISH,
					       CS_DECRYPT,   CS_READ_BACK_KEY, CS_ENCRYPT, CS_DESTROY };
	struct cs_bench bench;
	HANDLE another;

	cs_open(cf, &bench);
	for (size_t i = 0; i < CS_COUNT(order); i++) {
		if (cs_offers(&bench, order[i]))
			check(&bench, CF_BY_DECISION, "CS-01", order[i], "all right", S_OK,
			      cs_call(&bench, order[i], bench.device.h, bench.session));
	}
	CF_DECIDED(cf, "CS-01", S_OK,
		   cf_create_session(&bench.device, &D3DCRYPTOTYPE_AES128_CTR, &cs_no_profile, &another));
}

static void devices_must_be_alive(struct cf *cf)
{
	static char nothing[256];
	struct cs_bench bench;
	struct cf_device gone;
	HANDLE session = NULL;

	cs_open_keyed(cf, &bench);
	gone = cf_device(cf);
	CF_NEED(cf, gone.f->pfnDestroyDevice(gone.h));
	{
		const HANDLE wrong[] = { NULL, nothing, gone.h, bench.session };
		const char *const what[] = { "hDevice NULL", "hDevice never issued", "hDevice destroyed",
					     "hDevice is a session" };

		for (size_t i = 0; i < CS_COUNT(wrong); i++) {
			struct cf_device device = { .h = wrong[i], .f = bench.device.f };

			for (int entry = 0; entry < CS_ENTRIES; entry++)
				check(&bench, CF_BY_DECISION, "CS-02", entry, what[i], E_INVALIDARG,
				      cs_call(&bench, entry, wrong[i], bench.session));
			CF_DECIDED(cf, "CS-02", E_INVALIDARG,
				   cf_create_session(&device, &D3DCRYPTOTYPE_AES128_CTR, &cs_no_profile, &session));
		}
	}
}

static void null_is_refused(struct cf *cf)
{
	struct cs_bench bench;

	cs_open_keyed(cf, &bench);
	for (int entry = 0; entry < CS_ENTRIES; entry++)
		check(&bench, CF_BY_DECISION, "CS-03", entry, "pData NULL", E_INVALIDARG,
		      cs_call_null(&bench, entry, bench.device.h));
	CF_DECIDED(cf, "CS-03", E_INVALIDARG, bench.device.f->pfnCreateCryptoSession(bench.device.h, NULL));
}

static void sessions_must_be_alive(struct cf *cf)
{
	static char nothing[256];
	struct cs_bench bench;
	HANDLE dead;

	cs_open_keyed(cf, &bench);
	dead = cf_session(cf, &bench.device);
	CF_NEED(cf, cf_destroy_session(&bench.device, dead));
	{
		const HANDLE wrong[] = { NULL, nothing, dead, bench.device.h, bench.protected.h };
		const char *const what[] = { "hCryptoSession NULL", "hCryptoSession never issued",
					     "hCryptoSession destroyed", "hCryptoSession is the device",
					     "hCryptoSession is a resource" };

		for (int entry = 0; entry < CS_ENTRIES; entry++) {
			if (!cs_offers(&bench, entry))
				continue;
			for (size_t i = 0; i < CS_COUNT(wrong); i++) {
				char text[96];

				snprintf(text, sizeof(text), "%s(%s)", cs_name(entry), what[i]);
				cf_check_fails(cf, "CS-04", E_INVALIDARG,
					       cs_call(&bench, entry, bench.device.h, wrong[i]), text);
			}
		}
	}
}

/* ---- what a failed call leaves alone ---------------------------------------------------------------------- */

/* Each call fails for one reason; the session goes on from where it was. */
static void failure_changes_nothing(struct cf *cf)
{
	struct cs_bench bench, other;
	uint8_t number[CF_KEY], read_back[CF_KEY], refreshed[CF_KEY];
	uint8_t before[CS_ROOM], room[CF_KEY];
	D3DDDIARG_CRYPTOSESSIONKEYEXCHANGE exchange = { .DataSize = CF_BLOB - 1 };
	D3DDDIARG_STARTSESSIONKEYREFRESH start = { .pRandomNumber = room, .RandomNumberSize = CF_KEY - 1 };
	D3DDDIARG_GETENCRYPTIONBLTKEY key = { .pReadBackKey = room, .KeySize = CF_KEY - 1 };
	D3DDDIARG_CREATECRYPTOSESSION create = { .CryptoType = cs_random_guid, .hCryptoSession = &bench };
	D3DDDIARG_GETPITCH pitch = { .hResource = NULL, .Pitch = 0x5a5a5a5a };

	cs_open_keyed(cf, &bench);
	cs_need_transfers(&bench);
	cs_need_refresh(cf);
	cs_need_read_back_key(cf);
	CF_NEED(cf, cs_put(&bench, cf_key_k, 1));
	CF_NEED(cf, cs_new_read_back_key(&bench, cf_key_k, read_back));
	CF_NEED(cf, cf_start_refresh(&bench.device, bench.session, number));
	exchange.hCryptoSession = start.hCryptoSession = key.hCryptoSession = pitch.hCryptoSession = bench.session;
	exchange.pData = bench.blob;
	memset(room, 0xc3, sizeof(room));

	CF_DECIDED(cf, "CS-06", E_INVALIDARG, bench.device.f->pfnCryptoSessionKeyExchange(bench.device.h, &exchange));
	CF_DECIDED(cf, "CS-06", E_INVALIDARG, bench.device.f->pfnStartSessionKeyRefresh(bench.device.h, &start));
	CF_DECIDED(cf, "CS-06", E_INVALIDARG, bench.device.f->pfnGetEncryptionBltKey(bench.device.h, &key));
	CF_TRUE_DECIDED(cf, "CS-06", cf_is_all(room, sizeof(room), 0xc3), "the buffer was written");
	CF_DECIDED(cf, "CS-06", D3DDDIERR_NOTAVAILABLE,
		   bench.device.f->pfnCreateCryptoSession(bench.device.h, &create));
	CF_TRUE_DECIDED(cf, "CS-06", create.hCryptoSession == &bench, "hCryptoSession is %p", create.hCryptoSession);
	if (cs_offers(&bench, CS_GET_PITCH)) {
		CF_DECIDED(cf, "CS-06", E_INVALIDARG, bench.device.f->pfnGetPitch(bench.device.h, &pitch));
		CF_TRUE_DECIDED(cf, "CS-06", pitch.Pitch == 0x5a5a5a5a, "Pitch is %08x", pitch.Pitch);
	}

	/* A transfer of a session without a key writes neither memory nor vector. */
	cs_fork(&bench, &other);
	memset(other.system.memory, 0x77, other.protected.size);
	memcpy(before, other.system.memory, other.protected.size);
	memset(other.iv, 0xee, sizeof(other.iv));
	CF_DECIDED(cf, "CS-06", D3DDDIERR_INVALIDCALL, cs_call(&other, CS_ENCRYPT, other.device.h, other.session));
	CF_BYTES_DECIDED(cf, "CS-06", before, other.system.memory, other.protected.size,
			 "the destination of a refused EncryptionBlt");
	CF_TRUE_DECIDED(cf, "CS-06", cf_is_all(other.iv, sizeof(other.iv), 0xee), "pIV was written");

	/* Read-back key, content and pending number are what they were. */
	CF_DECIDED(cf, "CS-06", S_OK, cs_read(&bench, read_back));
	CF_TRUE_DECIDED(cf, "CS-06", cs_is_picture(&bench), "another picture came back");
	CF_DECIDED(cf, "CS-06", S_OK, cf_finish_refresh(&bench.device, bench.session));
	cs_xor(cf_key_k, number, refreshed);
	CF_DECIDED(cf, "CS-06", S_OK, cs_put(&bench, refreshed, 2));
	CF_DECIDED(cf, "CS-06", S_OK, cs_get(&bench, refreshed));
	CF_TRUE_DECIDED(cf, "CS-06", cs_is_picture(&bench), "another picture came back after the refresh");
}

/* The IV of a DecryptionBlt that failed was not used. */
static void a_failed_transfer_uses_no_vector(struct cf *cf)
{
	struct cs_bench bench;
	D3DDDIARG_DECRYPTIONBLT arg = { 0 };
	uint8_t iv[CF_KEY], kept[CF_KEY];

	cs_open_keyed(cf, &bench);
	cs_need_decrypt(&bench);
	cf_iv(iv, cf_fresh_iv(cf), 0);
	memcpy(kept, iv, sizeof(kept));
	arg.hCryptoSession = bench.session;
	arg.hSrcResource = bench.system.h;
	arg.hDstResource = bench.protected.h;
	arg.SrcResourceSize = (UINT)bench.protected.size + 1;
	arg.pIV = iv;
	cf_check_fails(cf, "CS-06", E_INVALIDARG, bench.device.f->pfnDecryptionBlt(bench.device.h, &arg),
		       "DecryptionBlt(one byte more than the surface)");
	arg.SrcResourceSize = (UINT)bench.protected.size;
	CF_DECIDED(cf, "CS-06", S_OK, bench.device.f->pfnDecryptionBlt(bench.device.h, &arg));
	CF_BYTES_DECIDED(cf, "CS-06", kept, iv, sizeof(iv), "the vector");
}

/* ---- constant structures --------------------------------------------------------------------------------------- */

/* Structures are compared whole, padding included. */
#define UNCHANGED(cf, arg, before, call)                                                                         \
	do {                                                                                                     \
		memcpy(&(before), &(arg), sizeof(arg));                                                          \
		(void)(call);                                                                                    \
		CF_BYTES((cf), "CS-09", &(before), &(arg), sizeof(arg), "the structure after a call of " #call); \
	} while (0)

static void constant_structures_stay(struct cf *cf)
{
	struct cs_bench bench;
	const D3DDDI_DEVICEFUNCS *f;
	D3DDDIARG_STARTSESSIONKEYREFRESH start, start_before;
	D3DDDIARG_FINISHSESSIONKEYREFRESH finish, finish_before;
	D3DDDIARG_GETENCRYPTIONBLTKEY key, key_before;
	D3DDDIARG_DESTROYCRYPTOSESSION destroy, destroy_before;

	cs_open_keyed(cf, &bench);
	f = bench.device.f;
	memset(&start, 0xa5, sizeof(start));
	memset(&finish, 0xa5, sizeof(finish));
	memset(&key, 0xa5, sizeof(key));
	memset(&destroy, 0xa5, sizeof(destroy));
	start.hCryptoSession = finish.hCryptoSession = key.hCryptoSession = destroy.hCryptoSession = bench.session;
	start.pRandomNumber = key.pReadBackKey = bench.value;

	/* Too short first, which is where a driver might answer with the right size. */
	start.RandomNumberSize = key.KeySize = 8;
	UNCHANGED(cf, start, start_before, f->pfnStartSessionKeyRefresh(bench.device.h, &start));
	UNCHANGED(cf, key, key_before, f->pfnGetEncryptionBltKey(bench.device.h, &key));
	start.RandomNumberSize = key.KeySize = CF_KEY;
	UNCHANGED(cf, start, start_before, f->pfnStartSessionKeyRefresh(bench.device.h, &start));
	UNCHANGED(cf, key, key_before, f->pfnGetEncryptionBltKey(bench.device.h, &key));
	UNCHANGED(cf, finish, finish_before, f->pfnFinishSessionKeyRefresh(bench.device.h, &finish));
	UNCHANGED(cf, destroy, destroy_before, f->pfnDestroyCryptoSession(bench.device.h, &destroy));
}

/* ---- what is not offered ------------------------------------------------------------------------------------------ */

static void what_is_not_offered_says_so(struct cf *cf)
{
	static const enum cs_entry optional[] = { CS_START, CS_FINISH, CS_READ_BACK_KEY };
	bool has_all = true;
	struct cs_bench bench;

	cs_open_keyed(cf, &bench);
	for (size_t i = 0; i < CS_COUNT(optional); i++) {
		if (cs_offers(&bench, optional[i]))
			continue;
		has_all = false;
		check(&bench, CF_BY_PAGE, "CS-10", optional[i], "the capability bit is clear", D3DDDIERR_NOTAVAILABLE,
		      cs_call(&bench, optional[i], bench.device.h, bench.session));
	}
	if (has_all)
		cf_not_applicable(cf, "CS-10", "it offers all three functions");
}

/* ---- random values ------------------------------------------------------------------------------------------------ */

enum { VALUES = 1000 };

static size_t equal_pairs(const uint8_t values[][CF_KEY], size_t count)
{
	size_t equal = 0;

	for (size_t i = 0; i < count; i++) {
		for (size_t j = 0; j < i; j++)
			equal += memcmp(values[i], values[j], CF_KEY) == 0;
	}
	return equal;
}

static void random_values_differ(struct cf *cf)
{
	static uint8_t values[VALUES][CF_KEY];
	struct cs_bench bench;

	cs_open_keyed(cf, &bench);
	if (!cf_has(cf, D3DCPCAPS_FRESHENSESSIONKEY) && !cf_has(cf, D3DCPCAPS_ENCRYPTEDREADBACKKEY))
		cf_skip(cf, "it offers nothing that hands out a random value");
	if (cf_has(cf, D3DCPCAPS_FRESHENSESSIONKEY)) {
		for (int i = 0; i < VALUES; i++)
			CF_NEED(cf, cf_start_refresh(&bench.device, bench.session, values[i]));
		CF_TRUE_DECIDED(cf, "CS-14", equal_pairs(values, VALUES) == 0,
				"%zu pairs of %d random numbers are equal", equal_pairs(values, VALUES), VALUES);
	}
	if (cf_has(cf, D3DCPCAPS_ENCRYPTEDREADBACKKEY)) {
		/* One block each under one key: equal if and only if the keys are. */
		for (int i = 0; i < VALUES; i++)
			CF_NEED(cf, cf_read_back_key(&bench.device, bench.session, values[i]));
		CF_TRUE_DECIDED(cf, "CS-14", equal_pairs(values, VALUES) == 0,
				"%zu pairs of %d read-back keys are equal", equal_pairs(values, VALUES), VALUES);
	}
}

/* The first vector of a session's EncryptionBlt. */
static void first_vectors_differ(struct cf *cf)
{
	static uint8_t values[32][CF_KEY];
	struct cs_bench bench;

	cs_open_keyed(cf, &bench);
	cs_need_read_back_key(cf);
	for (size_t i = 0; i < CS_COUNT(values); i++) {
		CF_NEED(cf, cs_call(&bench, CS_READ_BACK_KEY, bench.device.h, bench.session));
		CF_NEED(cf, cf_encrypt(&bench.device, bench.session, &bench.protected, &bench.system, values[i]));
		CF_NEED(cf, cf_destroy_session(&bench.device, bench.session));
		bench.session = cf_session(cf, &bench.device);
		CF_NEED(cf, cf_exchange_blob(&bench.device, bench.session, bench.blob));
	}
	CF_TRUE_DECIDED(cf, "CS-14", equal_pairs(values, CS_COUNT(values)) == 0,
			"%zu pairs of %zu first vectors are equal", equal_pairs(values, CS_COUNT(values)),
			CS_COUNT(values));
}

const struct cf_test cs_tests_common[] = {
	{ .name = "success-is-s-ok", .rules = "CS-01", .run = success_is_s_ok },
	{ .name = "devices-must-be-alive", .rules = "CS-02", .run = devices_must_be_alive },
	{ .name = "null-is-refused", .rules = "CS-03", .run = null_is_refused },
	{ .name = "sessions-must-be-alive", .rules = "CS-04", .run = sessions_must_be_alive },
	{ .name = "failure-changes-nothing", .rules = "CS-06", .run = failure_changes_nothing },
	{ .name = "a-failed-transfer-uses-no-vector", .rules = "CS-06", .run = a_failed_transfer_uses_no_vector },
	{ .name = "constant-structures-stay", .rules = "CS-09", .run = constant_structures_stay },
	{ .name = "what-is-not-offered-says-so", .rules = "CS-10", .run = what_is_not_offered_says_so },
	{ .name = "refresh-not-offered", .rules = "CS-10", .run = what_is_not_offered_says_so, .variant = 0xdd },
	{ .name = "read-back-key-not-offered", .rules = "CS-10", .run = what_is_not_offered_says_so, .variant = 0x3d },
	{ .name = "random-values-differ", .rules = "CS-14", .run = random_values_differ },
	{ .name = "first-vectors-differ", .rules = "CS-14", .run = first_vectors_differ },
	{ 0 },
};
