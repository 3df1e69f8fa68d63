/* SPDX-License-Identifier: MIT */
/* The state machine of crypto-session.md, cell by cell: what a call answers, and in which state it leaves the session. */
#include "conform/cs/cs.h"

#include <stdio.h>
#include <string.h>

enum state { S0, S1, S2, S3, STATES };

/* What a session holds, as far as the table says. */
struct marks {
	enum state state;
	uint8_t key[CF_KEY], number[CF_KEY];
	bool has_read_back;
	uint8_t read_back[CF_KEY];
};

enum action {
	EXCHANGE,
	EXCHANGE_BAD,
	START,
	FINISH,
	READ_BACK_KEY,
	ENCRYPT,
	ENCRYPT_RB, /* with the mark RB */
	DECRYPT,
	GET_PITCH,
	DESTROY,
	DESTROY_DEVICE,
	ACTIONS,
};

struct cell {
	enum { NONE, PAGE, FAILURE, DECISION } basis; /* NONE: there is no such cell */
	HRESULT result;
	enum state after;
};

#define DEAD                              \
	{                                 \
		FAILURE, E_INVALIDARG, S0 \
	}
#define CALL(state)                                    \
	{                                              \
		DECISION, D3DDDIERR_INVALIDCALL, state \
	}

/* Association with a decode device and DecodeBeginFrame wait until there is decoding. */
static const struct row {
	const char *name;
	enum cs_entry offered; /* the row is there if this is */
	struct cell cells[STATES];
} rows[ACTIONS] = {
	[EXCHANGE] = { "CryptoSessionKeyExchange(good)",
		       CS_EXCHANGE,
		       { DEAD, { PAGE, S_OK, S2 }, { DECISION, S_OK, S2 }, { DECISION, S_OK, S2 } } },
	[EXCHANGE_BAD] = { "CryptoSessionKeyExchange(bad)",
			   CS_EXCHANGE,
			   { DEAD,
			     { FAILURE, E_INVALIDARG, S1 },
			     { FAILURE, E_INVALIDARG, S2 },
			     { FAILURE, E_INVALIDARG, S3 } } },
	[START] = { "StartSessionKeyRefresh",
		    CS_START,
		    { DEAD, CALL(S1), { PAGE, S_OK, S3 }, { DECISION, S_OK, S3 } } },
	[FINISH] = { "FinishSessionKeyRefresh", CS_FINISH, { DEAD, CALL(S1), CALL(S2), { PAGE, S_OK, S2 } } },
	[READ_BACK_KEY] = { "GetEncryptionBltKey",
			    CS_READ_BACK_KEY,
			    { DEAD, CALL(S1), { PAGE, S_OK, S2 }, { PAGE, S_OK, S3 } } },
	[ENCRYPT] = { "EncryptionBlt(no read-back key)", CS_READ_BACK_KEY, { DEAD, CALL(S1), CALL(S2), CALL(S3) } },
	[ENCRYPT_RB] = { "EncryptionBlt(a read-back key)",
			 CS_READ_BACK_KEY,
			 { { 0 }, { 0 }, { PAGE, S_OK, S2 }, { PAGE, S_OK, S3 } } },
	[DECRYPT] = { "DecryptionBlt", CS_DECRYPT, { DEAD, CALL(S1), { PAGE, S_OK, S2 }, { PAGE, S_OK, S3 } } },
	[GET_PITCH] = { "GetPitch",
			CS_GET_PITCH,
			{ DEAD, { DECISION, S_OK, S1 }, { PAGE, S_OK, S2 }, { PAGE, S_OK, S3 } } },
	[DESTROY] = { "DestroyCryptoSession",
		      CS_DESTROY,
		      { DEAD, { DECISION, S_OK, S0 }, { PAGE, S_OK, S0 }, { DECISION, S_OK, S0 } } },
	[DESTROY_DEVICE] = { "DestroyDevice",
			     CS_DESTROY,
			     { { PAGE, S_OK, S0 }, { PAGE, S_OK, S0 }, { PAGE, S_OK, S0 }, { PAGE, S_OK, S0 } } },
};

struct walk {
	struct cs_bench bench;
	struct cf_surface untouched; /* never written: any session reads zero there */
	struct marks marks;
	bool offers[CS_ENTRIES];
	uint8_t bad[CF_BLOB];
	char text[128]; /* what is being done */
};

static void open_walk(struct cf *cf, struct walk *walk)
{
	cs_open(cf, &walk->bench);
	walk->untouched = cf_protected(cf, &walk->bench.device, D3DDDIFMT_A8R8G8B8, 16, 1);
	for (int entry = 0; entry < CS_ENTRIES; entry++)
		walk->offers[entry] = cs_offers(&walk->bench, entry);
	memcpy(walk->bad, walk->bench.blob, CF_BLOB);
	walk->bad[17] ^= 0x80;
}

/* ---- into the state ---------------------------------------------------------------------------------------- */

static bool is_reachable(const struct walk *walk, enum state state, bool has_read_back)
{
	if (state == S3 && !walk->offers[CS_START])
		return false;
	return !has_read_back || (state >= S2 && walk->offers[CS_READ_BACK_KEY]);
}

static void drive(struct walk *walk, enum state state, bool has_read_back)
{
	struct cs_bench *bench = &walk->bench;
	struct cf *cf = bench->cf;

	memset(&walk->marks, 0, sizeof(walk->marks));
	walk->marks.state = state;
	walk->marks.has_read_back = has_read_back;
	bench->session = cf_session(cf, &bench->device);
	if (state == S0)
		CF_NEED(cf, cf_destroy_session(&bench->device, bench->session));
	if (state < S2)
		return;
	CF_NEED(cf, cf_exchange_blob(&bench->device, bench->session, bench->blob));
	memcpy(walk->marks.key, cf_key_k, CF_KEY);
	if (has_read_back)
		CF_NEED(cf, cs_new_read_back_key(bench, cf_key_k, walk->marks.read_back));
	if (state == S3)
		CF_NEED(cf, cf_start_refresh(&bench->device, bench->session, walk->marks.number));
}

/* ---- the call -------------------------------------------------------------------------------------------------- */

/* EncryptionBlt of the surface that nobody wrote. */
static HRESULT read_untouched(struct walk *walk)
{
	struct cs_bench *bench = &walk->bench;

	return cf_encrypt(&bench->device, bench->session, &walk->untouched, &bench->system, bench->iv);
}

static HRESULT act(struct walk *walk, enum action action)
{
	struct cs_bench *bench = &walk->bench;
	struct marks *marks = &walk->marks;
	HRESULT hr;

	switch (action) {
	case EXCHANGE:
		hr = cf_exchange_blob(&bench->device, bench->session, bench->blob);
		if (hr == S_OK) {
			memcpy(marks->key, cf_key_k, CF_KEY);
			marks->has_read_back = false;
		}
		return hr;
	case EXCHANGE_BAD:
		return cf_exchange_blob(&bench->device, bench->session, walk->bad);
	case START:
		return cf_start_refresh(&bench->device, bench->session, marks->number);
	case FINISH:
		hr = cf_finish_refresh(&bench->device, bench->session);
		if (hr == S_OK)
			cs_xor(marks->key, marks->number, marks->key);
		return hr;
	case READ_BACK_KEY:
		hr = cs_new_read_back_key(bench, marks->key, marks->read_back);
		marks->has_read_back = marks->has_read_back || hr == S_OK;
		return hr;
	case ENCRYPT:
	case ENCRYPT_RB:
		return read_untouched(walk);
	case DECRYPT:
		return cs_put(bench, marks->key, 50);
	case GET_PITCH:
		return cs_call(bench, CS_GET_PITCH, bench->device.h, bench->session);
	case DESTROY:
		return cf_destroy_session(&bench->device, bench->session);
	default:
		return bench->device.f->pfnDestroyDevice(bench->device.h);
	}
}

/* ---- the state that follows -------------------------------------------------------------------------------- */

static void expect(struct walk *walk, const char *probe, HRESULT want, HRESULT got)
{
	char text[256];

	snprintf(text, sizeof(text), "%s, then %s", walk->text, probe);
	cf_check_code(walk->bench.cf, "CS-74", CF_BY_DECISION, want, got, text);
}

static void expect_dead(struct walk *walk)
{
	struct cs_bench *bench = &walk->bench;

	for (int entry = 0; entry < CS_ENTRIES; entry++) {
		if (walk->offers[entry])
			expect(walk, cs_name(entry), E_INVALIDARG,
			       cs_call(bench, entry, bench->device.h, bench->session));
	}
}

/* Each answers for one of the marks, those that change nothing first; the session is of no use afterwards. */
static void expect_state(struct walk *walk, enum state state)
{
	struct cs_bench *bench = &walk->bench;
	struct marks *marks = &walk->marks;
	struct cf *cf = bench->cf;

	if (state == S0) {
		expect_dead(walk);
		return;
	}
	if (walk->offers[CS_READ_BACK_KEY]) {
		expect(walk, "EncryptionBlt", marks->has_read_back ? S_OK : D3DDDIERR_INVALIDCALL,
		       read_untouched(walk));
		if (marks->has_read_back) {
			cf_ctr(marks->read_back, bench->iv, bench->system.memory, bench->back, bench->protected.size);
			CF_TRUE_DECIDED(cf, "CS-74", cf_is_all(bench->back, bench->protected.size, 0),
					"%s: the read-back key is another", walk->text);
		}
	}
	if (walk->offers[CS_DECRYPT])
		expect(walk, "DecryptionBlt", state >= S2 ? S_OK : D3DDDIERR_INVALIDCALL,
		       cs_put(bench, marks->key, 51));
	if (walk->offers[CS_FINISH]) {
		expect(walk, "FinishSessionKeyRefresh", state == S3 ? S_OK : D3DDDIERR_INVALIDCALL,
		       cf_finish_refresh(&bench->device, bench->session));
		if (state == S3)
			cs_xor(marks->key, marks->number, marks->key);
	}
	if (!walk->offers[CS_READ_BACK_KEY])
		return;
	expect(walk, "GetEncryptionBltKey", state >= S2 ? S_OK : D3DDDIERR_INVALIDCALL,
	       cs_new_read_back_key(bench, marks->key, marks->read_back));
	if (state < S2 || !walk->offers[CS_DECRYPT])
		return;
	expect(walk, "EncryptionBlt", S_OK, cs_read(bench, marks->read_back));
	CF_TRUE_DECIDED(cf, "CS-74", cs_is_picture(bench), "%s: the session key is another", walk->text);
}

/* ---- cells ------------------------------------------------------------------------------------------------------ */

static void check_cell(struct walk *walk, enum action action, enum state state, bool has_read_back)
{
	const struct cell *cell = &rows[action].cells[state];
	struct cf *cf = walk->bench.cf;
	HRESULT hr;

	if (cell->basis == NONE || !walk->offers[rows[action].offered] || !is_reachable(walk, state, has_read_back))
		return;
	if ((action == ENCRYPT && has_read_back) || (action == ENCRYPT_RB && !has_read_back))
		return;
	drive(walk, state, has_read_back);
	snprintf(walk->text, sizeof(walk->text), "%s in S%d%s", rows[action].name, state,
		 has_read_back ? " with a read-back key" : "");
	hr = act(walk, action);
	if (cell->basis == FAILURE)
		cf_check_fails(cf, "CS-74", cell->result, hr, walk->text);
	else
		cf_check_code(cf, "CS-74", cell->basis == PAGE ? CF_BY_PAGE : CF_BY_DECISION, cell->result, hr,
			      walk->text);
	if (action == DESTROY_DEVICE) {
		const HANDLE dead = walk->bench.session;

		open_walk(cf, walk); /* another device */
		walk->bench.session = dead;
	}
	expect_state(walk, cell->after);
}

static void every_cell(struct cf *cf)
{
	static struct walk walk;

	open_walk(cf, &walk);
	for (int action = 0; action < ACTIONS; action++) {
		for (int state = S0; state < STATES; state++) {
			check_cell(&walk, action, state, /* has_read_back= */ false);
			if (state >= S2)
				check_cell(&walk, action, state, /* has_read_back= */ true);
		}
	}
}

/* The row of the variant without a read-back key. */
static void without_read_back(struct cf *cf)
{
	static struct walk walk;

	open_walk(cf, &walk);
	if (cf_has(cf, D3DCPCAPS_ENCRYPTEDREADBACKKEY))
		cf_skip(cf, "it offers ENCRYPTEDREADBACKKEY");
	for (int state = S0; state < STATES; state++) {
		if (!is_reachable(&walk, state, false))
			continue;
		drive(&walk, state, false);
		snprintf(walk.text, sizeof(walk.text), "EncryptionBlt in S%d", state);
		cf_check_code(cf, "CS-74", CF_BY_DECISION, D3DDDIERR_NOTAVAILABLE, read_untouched(&walk), walk.text);
		if (state != S0)
			expect_state(&walk, state);
	}
}

const struct cf_test cs_tests_states[] = {
	{ .name = "every-cell", .rules = "CS-74", .run = every_cell },
	{ .name = "without-read-back", .rules = "CS-74", .run = without_read_back, .variant = 0x3d },
	{ 0 },
};
