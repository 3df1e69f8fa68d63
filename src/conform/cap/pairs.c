/* SPDX-License-Identifier: MIT */
/* Which pair of crypto type and profile gets capabilities, and what a query without a type gets: CAP-42, CAP-45 to CAP-52. */
#include "conform/cap/cap.h"

#include <string.h>

enum { ANSWER = sizeof(D3DCONTENTPROTECTIONCAPS), PADDING = 28, PADDING_SIZE = 4 };

_Static_assert(ANSWER == 40, "D3DCONTENTPROTECTIONCAPS");

/* The whole of a room, filled before. */
static HRESULT ask(struct cf *cf, const GUID *type, const GUID *profile, uint8_t fill, uint8_t room[ANSWER + 24])
{
	DDICONTENTPROTECTIONCAPS pair = { .CryptoType = *type, .DecodeProfile = *profile };

	memset(room, fill, ANSWER + 24);
	return cap_query(cf, D3DDDICAPS_GETCONTENTPROTECTIONCAPS, &pair, room, ANSWER);
}

static void a_pair_gets_its_structure(struct cf *cf)
{
	_Alignas(16) uint8_t first[ANSWER + 24], second[ANSWER + 24];

	(void)cf_caps(cf);
	if (!CF_OK(cf, "CAP-42", ask(cf, &D3DCRYPTOTYPE_AES128_CTR, &cap_zero_guid, 0x00, first)) ||
	    !CF_OK(cf, "CAP-42", ask(cf, &D3DCRYPTOTYPE_AES128_CTR, &cap_zero_guid, CAP_FILL, second)))
		return;
	CF_TRUE(cf, "CAP-42", cf_is_all(second + ANSWER, 24, CAP_FILL), "more than 40 bytes were written");
	/* A byte that was not written shows the fill. The padding is no member. */
	memset(first + PADDING, 0, PADDING_SIZE);
	memset(second + PADDING, 0, PADDING_SIZE);
	CF_BYTES(cf, "CAP-42", first, second, ANSWER,
		 "the members in a buffer filled with 0x00 and in one filled with 0xc3");
}

static void profile_that_cannot_use_the_type(struct cf *cf)
{
	D3DCONTENTPROTECTIONCAPS caps;
	HRESULT hr;

	(void)cf_caps(cf);
	hr = cap_pair(cf, &D3DCRYPTOTYPE_AES128_CTR, &cap_mpeg2_idct, &caps);
	if (hr == S_OK)
		cf_not_applicable(cf, "CAP-45", "the driver's MPEG2_IDCT profile supports AES128_CTR");
	else
		CF_CODE(cf, "CAP-45", D3DDDIERR_UNSUPPORTEDCRYPTO, hr);
	CF_DECIDED(cf, "CAP-47", D3DDDIERR_UNSUPPORTEDCRYPTO,
		   cap_pair(cf, &D3DCRYPTOTYPE_AES128_CTR, &cap_unknown_guid, &caps));
}

static void type_that_is_not_there(struct cf *cf)
{
	D3DCONTENTPROTECTIONCAPS caps;

	(void)cf_caps(cf);
	CF_CODE(cf, "CAP-46", D3DDDIERR_NOTAVAILABLE, cap_pair(cf, &cap_unknown_guid, &cap_zero_guid, &caps));
	CF_CODE(cf, "CAP-46", D3DDDIERR_NOTAVAILABLE, cap_pair(cf, &cap_unknown_guid, &cap_mpeg2_idct, &caps));
	CF_CODE(cf, "CAP-46", D3DDDIERR_NOTAVAILABLE, cap_pair(cf, &cap_unknown_guid, &cap_unknown_guid, &caps));
	/* The other type that has a name: a driver may have it. */
	if (cap_pair(cf, &D3DCRYPTOTYPE_PROPRIETARY, &cap_zero_guid, &caps) == S_OK)
		return;
	CF_CODE(cf, "CAP-46", D3DDDIERR_NOTAVAILABLE, cap_pair(cf, &D3DCRYPTOTYPE_PROPRIETARY, &cap_zero_guid, &caps));
	CF_CODE(cf, "CAP-46", D3DDDIERR_NOTAVAILABLE,
		cap_pair(cf, &D3DCRYPTOTYPE_PROPRIETARY, &cap_unknown_guid, &caps));
}

/* Caps of all types of a name together. *ret_alone: AES128_CTR is the only one. */
static uint32_t known_caps(struct cf *cf, bool *ret_alone)
{
	D3DCONTENTPROTECTIONCAPS caps;

	*ret_alone = cap_pair(cf, &D3DCRYPTOTYPE_PROPRIETARY, &cap_zero_guid, &caps) != S_OK;
	return cf_caps(cf)->Caps | (*ret_alone ? 0 : caps.Caps);
}

static void no_type_asks_for_the_union(struct cf *cf)
{
	bool alone;
	const uint32_t expected = known_caps(cf, &alone);
	_Alignas(16) uint8_t united[ANSWER + 24], single[ANSWER + 24];
	D3DCONTENTPROTECTIONCAPS caps;

	if (!CF_OK(cf, "CAP-48", cap_pair(cf, &cap_zero_guid, &cap_zero_guid, &caps)))
		return;
	CF_TRUE(cf, "CAP-51", (expected & ~caps.Caps) == 0, "the union 0x%x lacks bits of 0x%x", caps.Caps, expected);
	CF_TRUE(cf, "CAP-48", (expected & ~caps.Caps) == 0, "the union 0x%x lacks bits of 0x%x", caps.Caps, expected);
	/* A driver may know a type that has no name here. */
	CF_TRUE_DECIDED(cf, "CAP-48", caps.Caps == expected, "the union is 0x%x, its types have 0x%x", caps.Caps,
			expected);
	if (!alone) {
		cf_not_applicable(cf, "CAP-50", "the driver has a proprietary crypto type too");
		return;
	}
	CF_NEED(cf, ask(cf, &cap_zero_guid, &cap_zero_guid, CAP_FILL, united));
	CF_NEED(cf, ask(cf, &D3DCRYPTOTYPE_AES128_CTR, &cap_zero_guid, CAP_FILL, single));
	CF_BYTES_DECIDED(cf, "CAP-50", single, united, ANSWER, "the union over the one crypto type there is");
}

static void no_type_and_a_profile(struct cf *cf)
{
	D3DCONTENTPROTECTIONCAPS caps;

	(void)cf_caps(cf);
	CF_DECIDED(cf, "CAP-49", D3DDDIERR_UNSUPPORTEDCRYPTO, cap_pair(cf, &cap_zero_guid, &cap_unknown_guid, &caps));
	/* That it supports none is what the driver says of the pair. */
	if (cap_pair(cf, &D3DCRYPTOTYPE_AES128_CTR, &cap_mpeg2_idct, &caps) != S_OK)
		CF_DECIDED(cf, "CAP-49", D3DDDIERR_UNSUPPORTEDCRYPTO,
			   cap_pair(cf, &cap_zero_guid, &cap_mpeg2_idct, &caps));
	else
		CF_DECIDED(cf, "CAP-49", S_OK, cap_pair(cf, &cap_zero_guid, &cap_mpeg2_idct, &caps));
}

static void a_failed_query_writes_nothing(struct cf *cf)
{
	const GUID *const types[] = { &D3DCRYPTOTYPE_AES128_CTR, &D3DCRYPTOTYPE_PROPRIETARY, &cap_zero_guid,
				      &cap_unknown_guid };
	const GUID *const profiles[] = { &cap_zero_guid, &cap_mpeg2_idct, &cap_unknown_guid };
	_Alignas(16) uint8_t room[ANSWER + 24];

	(void)cf_caps(cf);
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		for (size_t j = 0; j < sizeof(profiles) / sizeof(profiles[0]); j++) {
			const HRESULT hr = ask(cf, types[i], profiles[j], CAP_FILL, room);

			if (hr != S_OK)
				CF_TRUE_DECIDED(cf, "CAP-52", cf_is_all(room, sizeof(room), CAP_FILL),
						"pData was written by a query that answered %s", cf_code_name(cf, hr));
		}
	}
}

const struct cf_test cap_tests_pairs[] = {
	{ "pair-gets-its-structure", "CAP-42", a_pair_gets_its_structure },
	{ "pair-unusable-profile", "CAP-45 CAP-47", profile_that_cannot_use_the_type },
	{ "pair-unknown-type", "CAP-46", type_that_is_not_there },
	{ "union-of-all-types", "CAP-48 CAP-50 CAP-51", no_type_asks_for_the_union },
	{ "union-for-a-profile", "CAP-49", no_type_and_a_profile },
	{ "pair-failed-query", "CAP-52", a_failed_query_writes_nothing },
	{ 0 },
};
