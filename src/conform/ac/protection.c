/* SPDX-License-Identifier: MIT */
/* Tests of authenticated-channel.md: the flags of PROTECTION, and the level that they make. */
#include "conform/ac/ac.h"

enum { ENABLED = 1, FULL_SCREEN = 2 };

static bool is_always_on(struct cf *cf)
{
	return cf_has(cf, D3DCPCAPS_PROTECTIONALWAYSON);
}

static bool sets(struct cf *cf, const char *rule, struct ac_channel *channel, UINT value)
{
	struct ac_message message = ac_protection(channel, value);

	return ac_accepted(cf, rule, channel, &message);
}

static void set(struct cf *cf, struct ac_channel *channel, UINT value)
{
	struct ac_message message = ac_protection(channel, value);

	CF_NEED(cf, ac_send(&channel->device, &message));
}

static void cannot_set(struct cf *cf, const char *rule, struct ac_channel *channel, UINT value)
{
	struct ac_message message = ac_protection(channel, value);

	ac_refused_signed(cf, rule, channel, E_INVALIDARG, &message);
}

/* What the channels make of it; where protection is always on bit 0 is set besides, which is a decision (D-39). */
static void level_is(struct cf *cf, const char *rule, struct ac_channel *channel, UINT want)
{
	const enum cf_basis basis = is_always_on(cf) ? CF_BY_DECISION : ac_basis(rule);
	const UINT due = is_always_on(cf) ? want | ENABLED : want;
	const UINT level = ac_protection_level(cf, channel);

	cf_check(cf, rule, basis, level == due, "the query PROTECTION gives the level", "it is %08x instead of %08x",
		 level, due);
}

/* ---- flags ------------------------------------------------------------------------------------------------------ */

static void all_values_of(struct cf *cf, UINT type)
{
	static const UINT values[] = { 1, 2, 3, 0, 3, 1, 0, 2, 0 };
	struct cf_device device = cf_device(cf);
	struct ac_channel channel = ac_channel_ready(cf, &device, type);

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		if (sets(cf, "AC-107", &channel, values[i]))
			level_is(cf, "AC-107", &channel, values[i]);
	}
}

static void values(struct cf *cf)
{
	all_values_of(cf, AC_SOFTWARE);
}

static void values_of_hardware(struct cf *cf)
{
	all_values_of(cf, AC_HARDWARE);
}

static void reserved_bits(struct cf *cf)
{
	struct cf_device device = cf_device(cf);
	struct ac_channel channel = ac_channel_ready(cf, &device, AC_SOFTWARE);

	set(cf, &channel, FULL_SCREEN);
	for (UINT bit = 2; bit < 32; bit++)
		cannot_set(cf, "AC-108", &channel, 1u << bit);
	cannot_set(cf, "AC-108", &channel, 0x80000001);
	cannot_set(cf, "AC-108", &channel, 0xffffffff);
	level_is(cf, "AC-108", &channel, FULL_SCREEN);
}

static void levels_add_up(struct cf *cf)
{
	struct cf_device device = cf_device(cf);
	struct ac_channel a = ac_channel_ready(cf, &device, AC_SOFTWARE);
	struct ac_channel b = ac_channel_ready(cf, &device, AC_SOFTWARE);
	struct ac_channel observer = ac_channel_ready(cf, &device, AC_SOFTWARE);

	set(cf, &a, 1);
	level_is(cf, "AC-109", &observer, 1);
	set(cf, &b, 3);
	level_is(cf, "AC-109", &a, 3);
	level_is(cf, "AC-109", &b, 3);
	level_is(cf, "AC-109", &observer, 3);
	set(cf, &b, 1);
	level_is(cf, "AC-109", &observer, 1);
	set(cf, &a, 3);
	level_is(cf, "AC-109", &observer, 3);
	set(cf, &a, 2);
	level_is(cf, "AC-109", &observer, 3);
	level_is(cf, "AC-109", &b, 3);
}

static void nobody_switches_off_anothers(struct cf *cf)
{
	struct cf_device device = cf_device(cf);
	struct ac_channel a = ac_channel_ready(cf, &device, AC_SOFTWARE);
	struct ac_channel b = ac_channel_ready(cf, &device, AC_SOFTWARE);

	set(cf, &a, 1);
	cannot_set(cf, "AC-110", &b, 0);
	level_is(cf, "AC-110", &b, 1);
	cannot_set(cf, "AC-110", &b, 2);
	level_is(cf, "AC-110", &b, 1);
	sets(cf, "AC-110", &b, 3);
	level_is(cf, "AC-110", &a, 3);

	/* Now the other bit is b's alone. */
	cannot_set(cf, "AC-110", &a, 0);
	cannot_set(cf, "AC-110", &a, 1);
	level_is(cf, "AC-110", &a, 3);
	sets(cf, "AC-110", &a, 2);
	level_is(cf, "AC-110", &a, 3);
}

static void a_channel_gives_up_its_own(struct cf *cf)
{
	struct cf_device device = cf_device(cf);
	struct ac_channel a = ac_channel_ready(cf, &device, AC_SOFTWARE);
	struct ac_channel b = ac_channel_ready(cf, &device, AC_SOFTWARE);

	for (UINT bits = 1; bits <= 3; bits++) {
		set(cf, &a, bits);
		set(cf, &b, bits);
		sets(cf, "AC-111", &b, 0);
		level_is(cf, "AC-111", &a, bits);
		sets(cf, "AC-111", &a, 0);
		level_is(cf, "AC-111", &a, 0);
	}
}

static void a_level_is_its_devices(struct cf *cf)
{
	struct cf_device device = cf_device(cf), other = cf_device(cf);
	struct ac_channel a = ac_channel_ready(cf, &device, AC_SOFTWARE);
	struct ac_channel b = ac_channel_ready(cf, &other, AC_SOFTWARE);

	set(cf, &a, 3);
	level_is(cf, "AC-114", &b, 0);
	sets(cf, "AC-114", &b, 2);
	level_is(cf, "AC-114", &b, 2);
	level_is(cf, "AC-114", &a, 3);
	sets(cf, "AC-114", &b, 0);
	level_is(cf, "AC-114", &a, 3);
}

const struct cf_test ac_tests_protection[] = {
	{ "protection-values", "AC-107", values },
	{ "protection-values-switched", "AC-107", values, .variant = AC_SWITCHED },
	{ "protection-values-of-hardware", "AC-107", values_of_hardware, .settings = AC_EVERYTHING },
	{ "protection-reserved-bits", "AC-108", reserved_bits },
	{ "protection-levels-add-up", "AC-109", levels_add_up },
	{ "protection-levels-add-up-switched", "AC-109", levels_add_up, .variant = AC_SWITCHED },
	{ "protection-of-another", "AC-110", nobody_switches_off_anothers },
	{ "protection-of-another-switched", "AC-110", nobody_switches_off_anothers, .variant = AC_SWITCHED },
	{ "protection-given-up", "AC-111", a_channel_gives_up_its_own },
	{ "protection-given-up-switched", "AC-111", a_channel_gives_up_its_own, .variant = AC_SWITCHED },
	{ "protection-of-a-device", "AC-114", a_level_is_its_devices },
	{ "protection-of-a-device-switched", "AC-114", a_level_is_its_devices, .variant = AC_SWITCHED },
	{ 0 },
};
