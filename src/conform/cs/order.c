/* SPDX-License-Identifier: MIT */
/* Two faults in one call: the earlier check answers. */
#include "conform/cs/cs.h"

#include <stdio.h>
#include <string.h>

/* What can be wrong with a call, in the order in which it is looked for; and the state of the world. */
enum fault {
	NO_DEVICE = 1 << 0,
	NO_DATA = 1 << 1,
	REMOVED = 1 << 2,
	NOT_OFFERED = 1 << 3,
	DEAD_SESSION = 1 << 4,
	FOREIGN_DEVICE = 1 << 5,
	BAD_ARGUMENT = 1 << 6,
	NO_KEY = 1 << 7,
	FAULTS = 1 << 8,
};

static const char *const fault_names[] = { "hDevice NULL",	"pData NULL",	  "adapter removed", "not offered",
					   "destroyed session", "foreign device", "bad size",	     "no key" };

static HRESULT answer(unsigned int faults)
{
	if (faults & (NO_DEVICE | NO_DATA))
		return E_INVALIDARG;
	if (faults & REMOVED)
		return D3DDDIERR_DEVICEREMOVED;
	if (faults & NOT_OFFERED)
		return D3DDDIERR_NOTAVAILABLE;
	if (faults & (DEAD_SESSION | FOREIGN_DEVICE | BAD_ARGUMENT))
		return E_INVALIDARG;
	return faults & NO_KEY ? D3DDDIERR_INVALIDCALL : S_OK;
}

struct order {
	struct cs_bench bench;
	struct cf_device elsewhere;
	HANDLE without_key, dead;
};

static void open_order(struct cf *cf, struct order *order)
{
	cs_open_keyed(cf, &order->bench);
	order->elsewhere = cf_device(cf);
	order->without_key = cf_session(cf, &order->bench.device);
	order->dead = cf_session(cf, &order->bench.device);
	CF_NEED(cf, cf_destroy_session(&order->bench.device, order->dead));
}

static HRESULT call(struct order *order, enum cs_entry entry, unsigned int faults)
{
	struct cs_bench *bench = &order->bench;
	const D3DDDI_DEVICEFUNCS *f = bench->device.f;
	const UINT size = faults & BAD_ARGUMENT ? 8 : CF_KEY;
	HANDLE device = bench->device.h, session = bench->session;
	D3DDDIARG_CRYPTOSESSIONKEYEXCHANGE exchange = { .DataSize = faults & BAD_ARGUMENT ? CF_BLOB - 1 : CF_BLOB };
	D3DDDIARG_STARTSESSIONKEYREFRESH start = { .pRandomNumber = bench->value, .RandomNumberSize = size };
	D3DDDIARG_GETENCRYPTIONBLTKEY key = { .pReadBackKey = bench->value, .KeySize = size };

	if (faults & FOREIGN_DEVICE)
		device = order->elsewhere.h;
	if (faults & NO_DEVICE)
		device = NULL;
	if (faults & NO_KEY)
		session = order->without_key;
	if (faults & DEAD_SESSION)
		session = order->dead;
	if (faults & NO_DATA)
		return cs_call_null(bench, entry, device);
	exchange.hCryptoSession = start.hCryptoSession = key.hCryptoSession = session;
	exchange.pData = bench->blob;

	switch (entry) {
	case CS_EXCHANGE:
		return f->pfnCryptoSessionKeyExchange(device, &exchange);
	case CS_START:
		return f->pfnStartSessionKeyRefresh(device, &start);
	case CS_READ_BACK_KEY:
		return f->pfnGetEncryptionBltKey(device, &key);
	default:
		return cs_call(bench, entry, device, session);
	}
}

static void describe(char *text, size_t size, const char *name, unsigned int faults)
{
	int used = snprintf(text, size, "%s(", name);
	const char *comma = "";

	for (unsigned int i = 0; 1u << i < FAULTS; i++) {
		if (!(faults & 1u << i))
			continue;
		used += snprintf(text + used, size - (size_t)used, "%s%s", comma, fault_names[i]);
		comma = ", ";
	}
	snprintf(text + used, size - (size_t)used, ")");
}

/* world: what holds whatever the call says. Every set of the faults that this function can have. */
static void check_entry(struct order *order, enum cs_entry entry, unsigned int world, unsigned int possible)
{
	char text[192];

	for (unsigned int faults = 0; faults < FAULTS; faults++) {
		if ((faults & ~possible) || !(faults | world))
			continue;
		describe(text, sizeof(text), cs_name(entry), faults | world);
		cf_check_code(order->bench.cf, "CS-71", CF_BY_DECISION, answer(faults | world),
			      call(order, entry, faults), text);
	}
}

static void check_all(struct order *order, unsigned int world)
{
	const unsigned int handles = NO_DEVICE | NO_DATA | DEAD_SESSION | FOREIGN_DEVICE;
	static const struct {
		enum cs_entry entry;
		unsigned int more;
	} rows[] = {
		{ CS_EXCHANGE, BAD_ARGUMENT },
		{ CS_START, BAD_ARGUMENT | NO_KEY },
		{ CS_FINISH, NO_KEY },
		{ CS_READ_BACK_KEY, BAD_ARGUMENT | NO_KEY },
	};

	for (size_t i = 0; i < CS_COUNT(rows); i++) {
		const unsigned int offered = cs_offers(&order->bench, rows[i].entry) ? 0 : NOT_OFFERED;

		check_entry(order, rows[i].entry, world | offered, handles | rows[i].more);
	}
}

static void two_faults(struct cf *cf)
{
	static struct order order;

	open_order(cf, &order);
	check_all(&order, 0);
}

static void two_faults_after_removal(struct cf *cf)
{
	static struct order order;

	open_order(cf, &order);
	cf_remove_adapter(cf);
	check_all(&order, REMOVED);
}

/* ---- Create ---------------------------------------------------------------------------------------------------- */

static HRESULT create(const struct cf_device *device, const GUID *type, const GUID *profile)
{
	HANDLE session;

	return cf_create_session(device, type, profile, &session);
}

static void faults_of_create(struct cf *cf)
{
	struct cf_device device = cf_device(cf), none = device;

	(void)cf_caps(cf);
	none.h = NULL;
	CF_DECIDED(cf, "CS-72", E_INVALIDARG, create(&none, &cs_random_guid, &cs_no_profile));
	CF_DECIDED(cf, "CS-72", E_INVALIDARG, create(&none, &D3DCRYPTOTYPE_AES128_CTR, &cs_random_guid));
	CF_CODE(cf, "CS-72", D3DDDIERR_NOTAVAILABLE, create(&device, &cs_random_guid, &cs_random_guid));
	CF_CODE(cf, "CS-72", D3DDDIERR_NOTAVAILABLE, create(&device, &cs_no_profile, &cs_random_guid));
}

static void faults_of_create_after_removal(struct cf *cf)
{
	struct cf_device device = cf_device(cf), none = device;

	none.h = NULL;
	(void)cf_caps(cf);
	cf_remove_adapter(cf);
	CF_DECIDED(cf, "CS-72", E_INVALIDARG, create(&none, &D3DCRYPTOTYPE_AES128_CTR, &cs_no_profile));
	CF_DECIDED(cf, "CS-72", E_INVALIDARG, device.f->pfnCreateCryptoSession(device.h, NULL));
	CF_DECIDED(cf, "CS-72", D3DDDIERR_DEVICEREMOVED, create(&device, &cs_random_guid, &cs_no_profile));
	CF_DECIDED(cf, "CS-72", D3DDDIERR_DEVICEREMOVED, create(&device, &D3DCRYPTOTYPE_AES128_CTR, &cs_random_guid));
	CF_DECIDED(cf, "CS-72", D3DDDIERR_DEVICEREMOVED, create(&device, &cs_no_profile, &cs_no_profile));
}

/* ---- the examples of the rulebook -------------------------------------------------------------------------------- */

static void examples(struct cf *cf)
{
	static struct order order;

	cs_need_refresh(cf);
	open_order(cf, &order);
	CF_DECIDED(cf, "CS-73", E_INVALIDARG, call(&order, CS_START, NO_KEY | BAD_ARGUMENT));
	CF_DECIDED(cf, "CS-73", E_INVALIDARG, call(&order, CS_START, NO_KEY | FOREIGN_DEVICE));
}

static void examples_not_offered(struct cf *cf)
{
	static struct order order;

	if (cf_has(cf, D3DCPCAPS_FRESHENSESSIONKEY))
		cf_skip(cf, "it offers FRESHENSESSIONKEY");
	open_order(cf, &order);
	CF_DECIDED(cf, "CS-73", D3DDDIERR_NOTAVAILABLE, call(&order, CS_START, DEAD_SESSION));
}

static void examples_after_removal(struct cf *cf)
{
	static struct order order;

	open_order(cf, &order);
	cf_remove_adapter(cf);
	CF_DECIDED(cf, "CS-73", E_INVALIDARG, call(&order, CS_EXCHANGE, NO_DATA));
	CF_DECIDED(cf, "CS-73", D3DDDIERR_DEVICEREMOVED, call(&order, CS_EXCHANGE, DEAD_SESSION));
}

const struct cf_test cs_tests_order[] = {
	{ .name = "two-faults", .rules = "CS-71", .run = two_faults },
	{ .name = "two-faults-not-offered", .rules = "CS-71", .run = two_faults, .variant = 0x1d },
	{ .name = "two-faults-removed", .rules = "CS-71", .run = two_faults_after_removal, .is_private = true },
	{ .name = "two-faults-removed-not-offered",
	  .rules = "CS-71",
	  .run = two_faults_after_removal,
	  .variant = 0x1d,
	  .is_private = true },
	{ .name = "faults-of-create", .rules = "CS-72", .run = faults_of_create },
	{ .name = "faults-of-create-removed",
	  .rules = "CS-72",
	  .run = faults_of_create_after_removal,
	  .is_private = true },
	{ .name = "examples", .rules = "CS-73", .run = examples },
	{ .name = "examples-not-offered", .rules = "CS-73", .run = examples_not_offered, .variant = 0xdd },
	{ .name = "examples-removed", .rules = "CS-73", .run = examples_after_removal, .is_private = true },
	{ 0 },
};
