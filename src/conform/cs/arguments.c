/* SPDX-License-Identifier: MIT */
/* The 16-byte buffers of StartSessionKeyRefresh and GetEncryptionBltKey: size, NULL, bounds; and who offers what. */
#include "conform/cs/cs.h"

#include <stdio.h>
#include <string.h>

enum { FILL = 0xc3 };

/* A buffer with guards around it. */
struct room {
	uint8_t before[CF_GUARD], value[2 * CF_KEY], behind[CF_GUARD];
};

static HRESULT start(const struct cs_bench *bench, void *buffer, UINT size)
{
	const D3DDDIARG_STARTSESSIONKEYREFRESH arg = { bench->session, buffer, size };

	return bench->device.f->pfnStartSessionKeyRefresh(bench->device.h, &arg);
}

static HRESULT read_back_key(const struct cs_bench *bench, void *buffer, UINT size)
{
	const D3DDDIARG_GETENCRYPTIONBLTKEY arg = { bench->session, buffer, size };

	return bench->device.f->pfnGetEncryptionBltKey(bench->device.h, &arg);
}

typedef HRESULT (*call_t)(const struct cs_bench *bench, void *buffer, UINT size);

static void check_sizes(struct cs_bench *bench, const char *rule, const char *name, call_t call)
{
	static const UINT sizes[] = { 0, 8, 15, 17, 32 };
	struct cf *cf = bench->cf;
	struct room room;

	memset(&room, FILL, sizeof(room));
	for (size_t i = 0; i < CS_COUNT(sizes); i++) {
		char text[96];

		snprintf(text, sizeof(text), "%s(a size of %u)", name, sizes[i]);
		cf_check_code(cf, rule, CF_BY_DECISION, E_INVALIDARG, call(bench, room.value, sizes[i]), text);
		CF_TRUE_DECIDED(cf, rule, cf_is_all(&room, sizeof(room), FILL), "%s wrote something", text);
	}
	CF_OK(cf, rule, call(bench, room.value, CF_KEY));
}

/* The 16 bytes, and not one more. */
static void check_bounds(struct cs_bench *bench, const char *rule, call_t call)
{
	struct cf *cf = bench->cf;
	struct room room;

	memset(&room, FILL, sizeof(room));
	CF_NEED(cf, call(bench, room.value, CF_KEY));
	CF_TRUE_DECIDED(cf, rule, !cf_is_all(room.value, CF_KEY, FILL), "nothing was written");
	CF_TRUE_DECIDED(cf, rule, cf_is_all(room.before, sizeof(room.before), FILL), "bytes before it were written");
	CF_TRUE_DECIDED(cf, rule,
			cf_is_all(room.value + CF_KEY, CF_KEY, FILL) &&
				cf_is_all(room.behind, sizeof(room.behind), FILL),
			"bytes behind it were written");
	/* At an odd address too. */
	memset(&room, FILL, sizeof(room));
	CF_DECIDED(cf, rule, S_OK, call(bench, room.value + 1, CF_KEY));
	CF_TRUE_DECIDED(cf, rule, room.value[0] == FILL && cf_is_all(room.value + 1 + CF_KEY, CF_KEY - 1, FILL),
			"bytes around an odd address were written");
}

static void the_number_has_16_bytes(struct cf *cf)
{
	static struct cs_bench bench;

	cs_need_refresh(cf);
	cs_open_keyed(cf, &bench);
	check_sizes(&bench, "CS-49", cs_name(CS_START), start);
	CF_DECIDED(cf, "CS-50", E_INVALIDARG, start(&bench, NULL, CF_KEY));
	CF_DECIDED(cf, "CS-50", E_INVALIDARG, start(&bench, NULL, 0));
	check_bounds(&bench, "CS-51", start);
}

static void the_read_back_key_has_16_bytes(struct cf *cf)
{
	static struct cs_bench bench;

	cs_need_read_back_key(cf);
	cs_open_keyed(cf, &bench);
	check_sizes(&bench, "CS-65", cs_name(CS_READ_BACK_KEY), read_back_key);
	check_bounds(&bench, "CS-65", read_back_key);
	CF_DECIDED(cf, "CS-66", E_INVALIDARG, read_back_key(&bench, NULL, CF_KEY));
	CF_DECIDED(cf, "CS-66", E_INVALIDARG, read_back_key(&bench, NULL, 0));
}

/* ---- who offers what ---------------------------------------------------------------------------------------- */

static void refresh_is_announced(struct cf *cf)
{
	static struct cs_bench bench;
	const bool has = cf_has(cf, D3DCPCAPS_FRESHENSESSIONKEY);
	HRESULT hr;

	cs_open_keyed(cf, &bench);
	for (int entry = CS_START; entry <= CS_FINISH; entry++) {
		hr = cs_call(&bench, entry, bench.device.h, bench.session);
		CF_TRUE(cf, "CS-61", (hr == D3DDDIERR_NOTAVAILABLE) == !has, "FRESHENSESSIONKEY is %s, %s answers %s",
			has ? "set" : "clear", cs_name(entry), cf_code_name(cf, hr));
	}
}

static void the_read_back_key_is_announced(struct cf *cf)
{
	static struct cs_bench bench;
	const bool has = cf_has(cf, D3DCPCAPS_ENCRYPTEDREADBACKKEY);
	HRESULT hr;

	cs_open_keyed(cf, &bench);
	hr = cs_call(&bench, CS_READ_BACK_KEY, bench.device.h, bench.session);
	CF_TRUE(cf, "CS-70", (hr == D3DDDIERR_NOTAVAILABLE) == !has,
		"ENCRYPTEDREADBACKKEY is %s, the function answers %s", has ? "set" : "clear", cf_code_name(cf, hr));
	if (has && cf_has(cf, D3DCPCAPS_ENCRYPTEDREADBACK))
		CF_OK(cf, "CS-70", cs_call(&bench, CS_ENCRYPT, bench.device.h, bench.session));
	if (!has)
		CF_DECIDED(cf, "CS-70", D3DDDIERR_NOTAVAILABLE,
			   cs_call(&bench, CS_ENCRYPT, bench.device.h, bench.session));
}

const struct cf_test cs_tests_arguments[] = {
	{ .name = "the-number-has-16-bytes", .rules = "CS-49 CS-50 CS-51", .run = the_number_has_16_bytes },
	{ .name = "the-read-back-key-has-16-bytes", .rules = "CS-65 CS-66", .run = the_read_back_key_has_16_bytes },
	{ .name = "refresh-is-announced", .rules = "CS-61", .run = refresh_is_announced },
	{ .name = "refresh-is-left-out", .rules = "CS-61", .run = refresh_is_announced, .variant = 0xdd },
	{ .name = "the-read-back-key-is-announced", .rules = "CS-70", .run = the_read_back_key_is_announced },
	{ .name = "the-read-back-key-is-left-out",
	  .rules = "CS-70",
	  .run = the_read_back_key_is_announced,
	  .variant = 0x3d },
	{ 0 },
};
