/* SPDX-License-Identifier: MIT */
/* Random calls on two sessions and three surfaces, and a model that says beforehand what each answers. */
#include "conform/cs/cs.h"

#include <stdio.h>
#include <string.h>

enum { STEPS = 10000, SESSIONS = 2, SURFACES = 3, KEYS = 4, LOSS_EVERY = 400 };

/* Below the 256 keys that a session remembers at least (BLT-14): then it is destroyed and made anew. */
enum { HISTORY = 200 };

/* ---- the model ----------------------------------------------------------------------------------------------- */

struct used_key {
	uint8_t key[CF_KEY];
	uint64_t iv; /* the last */
};

struct session {
	HANDLE handle;
	bool is_live, has_key, has_number, has_read_back, has_iv;
	uint8_t key[CF_KEY], number[CF_KEY], read_back[CF_KEY];
	uint64_t exchange; /* of all sessions; which one this has now */
	uint64_t next_iv;  /* of EncryptionBlt, once it has_iv */
	struct used_key history[HISTORY + 2];
	size_t keys_used;
};

struct surface {
	struct cf_surface cf;
	uint64_t tie; /* the exchange that wrote it; 0: nobody wrote */
	uint8_t content[CS_ROOM];
};

struct walk {
	struct cf *cf;
	struct cs_bench bench;
	struct cf_device elsewhere;
	uint8_t keys[KEYS][CF_KEY], blobs[KEYS][CF_BLOB], bad[CF_BLOB];
	struct session sessions[SESSIONS];
	struct surface surfaces[SURFACES];
	uint64_t exchanges;
	uint64_t random;
	int step;
	bool has_failed;
	char text[128];
};

/* xorshift: the same walk each time. */
static uint32_t draw(struct walk *walk, uint32_t below)
{
	walk->random ^= walk->random << 13;
	walk->random ^= walk->random >> 7;
	walk->random ^= walk->random << 17;
	return (uint32_t)(walk->random >> 32) % below;
}

static struct used_key *history_of(struct session *session, const uint8_t key[CF_KEY])
{
	for (size_t i = 0; i < session->keys_used; i++) {
		if (memcmp(session->history[i].key, key, CF_KEY) == 0)
			return &session->history[i];
	}
	return NULL;
}

static void record(struct session *session, const uint8_t key[CF_KEY], uint64_t iv)
{
	struct used_key *used = history_of(session, key);

	if (!used) {
		used = &session->history[session->keys_used++];
		memcpy(used->key, key, CF_KEY);
	}
	used->iv = iv;
}

/* ---- verdicts --------------------------------------------------------------------------------------------------- */

static void expect(struct walk *walk, HRESULT want, HRESULT got)
{
	char text[192];

	if (want == got)
		return;
	walk->has_failed = true;
	snprintf(text, sizeof(text), "step %d: %s", walk->step, walk->text);
	cf_check_code(walk->cf, "CS-75", CF_BY_DECISION, want, got, text);
}

static void expect_true(struct walk *walk, bool holds, const char *what)
{
	if (holds)
		return;
	walk->has_failed = true;
	CF_TRUE_DECIDED(walk->cf, "CS-75", holds, "step %d: %s: %s", walk->step, walk->text, what);
}

/* ---- steps ----------------------------------------------------------------------------------------------------- */

static void create(struct walk *walk, struct session *session)
{
	memset(session, 0, sizeof(*session));
	expect(walk, S_OK,
	       cf_create_session(&walk->bench.device, &D3DCRYPTOTYPE_AES128_CTR, &cs_no_profile, &session->handle));
	session->is_live = true;
}

static void destroy(struct walk *walk, struct session *session)
{
	expect(walk, session->is_live ? S_OK : E_INVALIDARG, cf_destroy_session(&walk->bench.device, session->handle));
	session->is_live = false;
}

static void exchange(struct walk *walk, struct session *session)
{
	const uint32_t which = draw(walk, KEYS);

	expect(walk, session->is_live ? S_OK : E_INVALIDARG,
	       cf_exchange_blob(&walk->bench.device, session->handle, walk->blobs[which]));
	if (!session->is_live)
		return;
	memcpy(session->key, walk->keys[which], CF_KEY);
	session->has_key = true;
	session->has_number = session->has_read_back = false;
	session->exchange = ++walk->exchanges;
}

static void exchange_bad(struct walk *walk, struct session *session)
{
	expect(walk, E_INVALIDARG, cf_exchange_blob(&walk->bench.device, session->handle, walk->bad));
}

/* What a function that needs a key answers without. */
static HRESULT keyed(const struct session *session)
{
	if (!session->is_live)
		return E_INVALIDARG;
	return session->has_key ? S_OK : D3DDDIERR_INVALIDCALL;
}

static void start(struct walk *walk, struct session *session)
{
	uint8_t number[CF_KEY];

	expect(walk, keyed(session), cf_start_refresh(&walk->bench.device, session->handle, number));
	if (keyed(session) != S_OK)
		return;
	memcpy(session->number, number, CF_KEY);
	session->has_number = true;
}

static void finish(struct walk *walk, struct session *session)
{
	HRESULT want = keyed(session);

	if (want == S_OK && !session->has_number)
		want = D3DDDIERR_INVALIDCALL;
	expect(walk, want, cf_finish_refresh(&walk->bench.device, session->handle));
	if (want != S_OK)
		return;
	cs_xor(session->key, session->number, session->key);
	session->has_number = false;
}

static void get_read_back_key(struct walk *walk, struct session *session)
{
	uint8_t wrapped[CF_KEY];

	expect(walk, keyed(session), cf_read_back_key(&walk->bench.device, session->handle, wrapped));
	if (keyed(session) != S_OK)
		return;
	cf_ecb(session->key, /* encrypt= */ false, wrapped, session->read_back);
	session->has_read_back = true;
}

static uint64_t number_of(const uint8_t iv[CF_KEY])
{
	uint64_t number = 0;

	for (int i = 0; i < 8; i++)
		number = number << 8 | iv[i];
	return number;
}

static void encrypt(struct walk *walk, struct session *session)
{
	struct surface *surface = &walk->surfaces[draw(walk, SURFACES)];
	struct cs_bench *bench = &walk->bench;
	const size_t size = surface->cf.size;
	HRESULT want = keyed(session);
	uint8_t iv[CF_KEY];

	if (want == S_OK && !session->has_read_back)
		want = D3DDDIERR_INVALIDCALL;
	if (want == S_OK && surface->tie != 0 && surface->tie != session->exchange)
		want = E_ACCESSDENIED;
	expect(walk, want, cf_encrypt(&bench->device, session->handle, &surface->cf, &bench->system, iv));
	if (want != S_OK || walk->has_failed)
		return;
	cf_ctr(session->read_back, iv, bench->system.memory, bench->back, size);
	expect_true(walk, memcmp(bench->back, surface->content, size) == 0, "other content came back");
	expect_true(walk, !session->has_iv || number_of(iv) == session->next_iv, "the IV number is not the next");
	session->has_iv = true;
	session->next_iv = number_of(iv) + 1;
}

/* With the session key or a content key; with a fresh vector, the last one, or one below. */
static void decrypt(struct walk *walk, struct session *session)
{
	struct surface *surface = &walk->surfaces[draw(walk, SURFACES)];
	struct cs_bench *bench = &walk->bench;
	const size_t size = surface->cf.size;
	const bool has_content_key = cf_has(walk->cf, D3DCPCAPS_CONTENTKEY) && draw(walk, 3) == 0;
	const uint8_t *key = has_content_key ? walk->keys[draw(walk, KEYS)] : session->key;
	const struct used_key *used = history_of(session, key);
	uint64_t number = 1 + draw(walk, 8);
	HRESULT want = keyed(session);
	uint8_t iv[CF_KEY], wrapped[CF_KEY];

	if (used)
		number = draw(walk, 4) ? used->iv + 1 + draw(walk, 4) : used->iv - draw(walk, 2);
	if (want == S_OK && used && number <= used->iv)
		want = D3DDDIERR_INVALIDCALL;

	cf_iv(iv, number, draw(walk, 1000));
	cf_pattern(bench->plain, size, (uint32_t)walk->step);
	cf_ctr(key, iv, bench->plain, bench->system.memory, size);
	cf_ecb(session->key, /* encrypt= */ true, key, wrapped);
	expect(walk, want,
	       cf_decrypt_with(&bench->device, session->handle, &bench->system, &surface->cf, iv,
			       has_content_key ? wrapped : NULL, NULL));
	if (want != S_OK)
		return;
	record(session, key, number);
	memcpy(surface->content, bench->plain, size);
	surface->tie = session->exchange;
}

static void get_pitch(struct walk *walk, struct session *session)
{
	const struct surface *surface = &walk->surfaces[draw(walk, SURFACES)];
	UINT pitch = 0;

	expect(walk, session->is_live ? S_OK : E_INVALIDARG,
	       cf_pitch(&walk->bench.device, session->handle, surface->cf.h, &pitch));
	expect_true(walk, pitch == (session->is_live ? surface->cf.pitch : 0), "another pitch");
}

/* Whatever the state is: the device is not the session's. */
static void from_elsewhere(struct walk *walk, struct session *session)
{
	uint8_t buffer[CF_KEY];

	switch (draw(walk, 4)) {
	case 0:
		expect(walk, E_INVALIDARG, cf_exchange_blob(&walk->elsewhere, session->handle, walk->blobs[0]));
		break;
	case 1:
		expect(walk, E_INVALIDARG, cf_start_refresh(&walk->elsewhere, session->handle, buffer));
		break;
	case 2:
		expect(walk, E_INVALIDARG, cf_read_back_key(&walk->elsewhere, session->handle, buffer));
		break;
	default:
		expect(walk, E_INVALIDARG, cf_destroy_session(&walk->elsewhere, session->handle));
		break;
	}
}

/* All sessions are in state S1, and what they brought can't be read until it is written again. */
static void lose_keys(struct walk *walk)
{
	cf_lose_keys(walk->cf);
	for (int i = 0; i < SESSIONS; i++) {
		struct session *session = &walk->sessions[i];

		session->has_key = session->has_number = session->has_read_back = false;
		session->exchange = 0;
	}
}

/* ---- the walk ---------------------------------------------------------------------------------------------------- */

static const struct {
	const char *name;
	void (*run)(struct walk *walk, struct session *session);
	uint32_t weight;
} steps[] = {
	{ "CryptoSessionKeyExchange", exchange, 5 },
	{ "CryptoSessionKeyExchange(bad)", exchange_bad, 2 },
	{ "StartSessionKeyRefresh", start, 10 },
	{ "FinishSessionKeyRefresh", finish, 8 },
	{ "GetEncryptionBltKey", get_read_back_key, 10 },
	{ "EncryptionBlt", encrypt, 30 },
	{ "DecryptionBlt", decrypt, 30 },
	{ "GetPitch", get_pitch, 2 },
	{ "from another device", from_elsewhere, 2 },
	{ "DestroyCryptoSession", destroy, 1 },
};

static void one_step(struct walk *walk)
{
	const uint32_t which = draw(walk, SESSIONS);
	struct session *session = &walk->sessions[which];
	uint32_t weight = 0, at = 0;

	/* A dead one is used for a while before there is another. */
	if (session->keys_used >= HISTORY || (!session->is_live && draw(walk, 8) == 0)) {
		snprintf(walk->text, sizeof(walk->text), "CreateCryptoSession");
		if (session->is_live)
			destroy(walk, session);
		create(walk, session);
		return;
	}
	for (size_t i = 0; i < CS_COUNT(steps); i++)
		weight += steps[i].weight;
	weight = draw(walk, weight);
	while (weight >= steps[at].weight)
		weight -= steps[at++].weight;
	snprintf(walk->text, sizeof(walk->text), "session %u: %s", which, steps[at].name);
	steps[at].run(walk, session);
}

static void random_walk(struct cf *cf)
{
	static struct walk walk;
	bool has_losses;

	cs_need_refresh(cf);
	cs_need_read_back_key(cf);
	walk.cf = cf;
	walk.random = 0x9e3779b97f4a7c15u;
	cs_open(cf, &walk.bench);
	if (!cs_offers(&walk.bench, CS_DECRYPT) || !cs_offers(&walk.bench, CS_GET_PITCH))
		cf_skip(cf, "it does not offer DecryptionBlt or GetPitch");
	walk.elsewhere = cf_device(cf);
	has_losses = cf_is_dxvault(cf);
	for (uint32_t i = 0; i < KEYS; i++) {
		cf_key(20 + i, walk.keys[i]);
		cf_wrap(cf, D3DDDI_CERTTYPE_CRYPTOSESSION, walk.keys[i], CF_KEY, walk.blobs[i]);
	}
	memcpy(walk.bad, walk.blobs[0], CF_BLOB);
	walk.bad[99] ^= 4;
	for (int i = 0; i < SURFACES; i++)
		walk.surfaces[i].cf = cf_protected(cf, &walk.bench.device, D3DDDIFMT_A8R8G8B8, 16, 1);
	for (int i = 0; i < SESSIONS; i++)
		create(&walk, &walk.sessions[i]);

	for (walk.step = 1; walk.step <= STEPS && !walk.has_failed; walk.step++) {
		if (has_losses && walk.step % LOSS_EVERY == 0)
			lose_keys(&walk);
		else
			one_step(&walk);
	}
	CF_TRUE_DECIDED(cf, "CS-75", !walk.has_failed, "the model failed at step %d of %d", walk.step - 1, STEPS);
}

const struct cf_test cs_tests_walk[] = {
	{ .name = "random-walk", .rules = "CS-75", .run = random_walk },
	{ 0 },
};
