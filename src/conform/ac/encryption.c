/* SPDX-License-Identifier: MIT */
/* Tests of authenticated-channel.md: ENCRYPTIONWHENACCESSIBLE. */
#include "conform/ac/ac.h"

#include <string.h>

enum { GUID_AT = 52 }; /* in the answer to ENCRYPTIONWHENACCESSIBLEGUID */

static const GUID none;
/* Of no encryption. */
static const GUID unknown = { 0x3b1d5f2a, 0x9c44, 0x4e01, { 0x83, 0x5e, 0x6f, 0x10, 0x2a, 0xd7, 0x4b, 0x99 } };

static bool same(const GUID *a, const GUID *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

static UINT guid_count(struct cf *cf, const char *rule, struct ac_channel *channel)
{
	struct ac_message message = ac_query(channel, &D3DAUTHENTICATEDQUERY_ENCRYPTIONWHENACCESSIBLEGUIDCOUNT, NULL,
					     0);

	return ac_accepted(cf, rule, channel, &message) ? ac_u32(message.output, AC_HEADER) : 0;
}

static struct ac_message guid_query(struct ac_channel *channel, UINT index)
{
	return ac_query(channel, &D3DAUTHENTICATEDQUERY_ENCRYPTIONWHENACCESSIBLEGUID, &index, sizeof(index));
}

/* The GUID number index on offer; gives up without. */
static GUID offered(struct cf *cf, struct ac_channel *channel, UINT index)
{
	struct ac_message message = guid_query(channel, index);
	GUID guid;

	CF_NEED(cf, ac_send(&channel->device, &message));
	memcpy(&guid, message.output + GUID_AT, sizeof(guid));
	return guid;
}

static bool sets(struct cf *cf, const char *rule, struct ac_channel *channel, const GUID *guid)
{
	struct ac_message message = ac_encryption(channel, guid);

	return ac_accepted(cf, rule, channel, &message);
}

static void cannot_set(struct cf *cf, const char *rule, struct ac_channel *channel, const GUID *guid)
{
	struct ac_message message = ac_encryption(channel, guid);

	ac_refused_signed(cf, rule, channel, E_INVALIDARG, &message);
}

static void current_is(struct cf *cf, const char *rule, struct ac_channel *channel, const GUID *want)
{
	struct ac_message message = ac_query(channel, &D3DAUTHENTICATEDQUERY_CURRENTENCRYPTIONWHENACCESSIBLE, NULL, 0);

	if (ac_accepted(cf, rule, channel, &message))
		AC_BYTES(cf, rule, want, message.output + AC_HEADER, sizeof(*want), "the encryption in force");
}

/* A device with two channels, and what the test configuration offers. */
struct room {
	struct cf_device device;
	struct ac_channel a, b;
	GUID g, h;
};

static struct room open_room(struct cf *cf)
{
	struct room r = { .device = cf_device(cf) };

	r.a = ac_channel_ready(cf, &r.device, AC_SOFTWARE);
	r.b = ac_channel_ready(cf, &r.device, AC_HARDWARE);
	r.g = offered(cf, &r.a, 0);
	r.h = offered(cf, &r.a, 1);
	return r;
}

static void what_is_on_offer(struct cf *cf)
{
	struct room r = open_room(cf);
	const UINT count = guid_count(cf, "AC-154", &r.a);
	struct ac_message message;

	AC_TRUE(cf, "AC-154", count == 2, "there are %u GUIDs instead of 2", count);
	AC_TRUE(cf, "AC-154", guid_count(cf, "AC-154", &r.b) == count, "another channel has another count");
	for (UINT i = 0; i < count; i++) {
		message = guid_query(&r.b, i);
		ac_accepted(cf, "AC-155", &r.b, &message);
	}
	AC_TRUE(cf, "AC-155", !same(&r.g, &none) && !same(&r.h, &none) && !same(&r.g, &r.h),
		"the GUIDs on offer are zero or equal");
	message = guid_query(&r.a, count);
	ac_refused_signed(cf, "AC-155", &r.a, E_INVALIDARG, &message);
	message = guid_query(&r.a, 0xffffffff);
	ac_refused_signed(cf, "AC-155", &r.a, E_INVALIDARG, &message);
}

static void choice(struct cf *cf)
{
	struct room r = open_room(cf);
	struct cf_device other = cf_device(cf);
	struct ac_channel elsewhere = ac_channel_ready(cf, &other, AC_SOFTWARE);
	struct ac_message message;

	current_is(cf, "AC-136", &r.a, &none);
	current_is(cf, "AC-156", &r.a, &none);
	/* Both types of channel may, and each shows it. */
	for (int i = 0; i < 2; i++) {
		struct ac_channel *chooser = i == 0 ? &r.a : &r.b, *observer = i == 0 ? &r.b : &r.a;

		if (!sets(cf, "AC-134", chooser, &r.g))
			continue;
		current_is(cf, "AC-134", chooser, &r.g);
		current_is(cf, "AC-134", observer, &r.g);
		current_is(cf, "AC-156", observer, &r.g);
		current_is(cf, "AC-137", &elsewhere, &none);
		/* A lone holder changes its mind. */
		sets(cf, "AC-137", chooser, &r.h);
		current_is(cf, "AC-134", observer, &r.h);
		sets(cf, "AC-136", chooser, &none);
		current_is(cf, "AC-136", observer, &none);
	}
	message = ac_query(&r.a, &D3DAUTHENTICATEDQUERY_CURRENTENCRYPTIONWHENACCESSIBLE, NULL, 0);
	message.output_size = sizeof(D3DAUTHENTICATEDCHANNEL_QUERYEVICTIONENCRYPTIONGUIDCOUNT_OUTPUT);
	ac_refused_bare(cf, "AC-156", &r.device, E_INVALIDARG, &message);
}

static void other_guids(struct cf *cf)
{
	struct room r = open_room(cf);
	GUID near = r.g;

	cannot_set(cf, "AC-135", &r.a, &unknown);
	current_is(cf, "AC-135", &r.a, &none);
	sets(cf, "AC-135", &r.a, &r.g);
	cannot_set(cf, "AC-135", &r.a, &unknown);
	near.Data4[7] ^= 1;
	cannot_set(cf, "AC-135", &r.a, &near);
	cannot_set(cf, "AC-135", &r.a, &D3DCRYPTOTYPE_AES128_CTR);
	current_is(cf, "AC-135", &r.a, &r.g);
}

static void what_another_holds(struct cf *cf)
{
	struct room r = open_room(cf);

	sets(cf, "AC-137", &r.a, &r.g);
	cannot_set(cf, "AC-137", &r.b, &r.h);
	cannot_set(cf, "AC-137", &r.b, &none);
	current_is(cf, "AC-137", &r.b, &r.g);
	sets(cf, "AC-137", &r.b, &r.g);
	cannot_set(cf, "AC-137", &r.a, &r.h);
	cannot_set(cf, "AC-137", &r.b, &r.h);
	current_is(cf, "AC-137", &r.a, &r.g);
}

static void the_last_hold(struct cf *cf)
{
	struct room r = open_room(cf);

	sets(cf, "AC-138", &r.a, &r.g);
	sets(cf, "AC-138", &r.b, &r.g);
	sets(cf, "AC-138", &r.a, &none);
	current_is(cf, "AC-138", &r.a, &r.g);
	/* It has nothing left to give up. */
	cannot_set(cf, "AC-137", &r.a, &none);
	sets(cf, "AC-138", &r.b, &none);
	current_is(cf, "AC-138", &r.a, &none);
	sets(cf, "AC-138", &r.a, &none);
	sets(cf, "AC-138", &r.a, &r.h);
	current_is(cf, "AC-138", &r.b, &r.h);
}

static void ends_with_the_channel(struct cf *cf)
{
	struct room r = open_room(cf);

	sets(cf, "AC-159", &r.a, &r.g);
	CF_NEED(cf, ac_destroy(&r.device, r.a.h));
	current_is(cf, "AC-159", &r.b, &none);
	/* Not while another one holds it. */
	r.a = ac_channel_ready(cf, &r.device, AC_SOFTWARE);
	sets(cf, "AC-159", &r.a, &r.g);
	sets(cf, "AC-159", &r.b, &r.g);
	CF_NEED(cf, ac_destroy(&r.device, r.a.h));
	current_is(cf, "AC-159", &r.b, &r.g);
	sets(cf, "AC-159", &r.b, &r.h);
	current_is(cf, "AC-159", &r.b, &r.h);
}

static void as_shipped(struct cf *cf)
{
	struct cf_device device = cf_device(cf);
	struct ac_channel channel = ac_channel_ready(cf, &device, AC_SOFTWARE);
	const UINT count = guid_count(cf, "AC-154", &channel);
	struct ac_message message;

	AC_TRUE(cf, "AC-154", count == 0, "there are %u GUIDs", count);
	message = guid_query(&channel, 0);
	ac_refused_signed(cf, "AC-155", &channel, E_INVALIDARG, &message);
	current_is(cf, "AC-156", &channel, &none);
	cannot_set(cf, "AC-135", &channel, &unknown);
	cannot_set(cf, "AC-135", &channel, &D3DCRYPTOTYPE_AES128_CTR);
	sets(cf, "AC-135", &channel, &none);
	current_is(cf, "AC-156", &channel, &none);
}

const struct cf_test ac_tests_encryption[] = {
	{ "encryption-on-offer", "AC-154 AC-155", what_is_on_offer, .settings = AC_EVERYTHING },
	{ "encryption-chosen", "AC-134 AC-136 AC-137 AC-156", choice, .settings = AC_EVERYTHING },
	{ "encryption-other-guids", "AC-135", other_guids, .settings = AC_EVERYTHING },
	{ "encryption-of-another", "AC-137", what_another_holds, .settings = AC_EVERYTHING },
	{ "encryption-last-hold", "AC-137 AC-138", the_last_hold, .settings = AC_EVERYTHING },
	{ "encryption-ends-with-channel", "AC-159", ends_with_the_channel, .settings = AC_EVERYTHING },
	{ "encryption-as-shipped", "AC-135 AC-154 AC-155 AC-156", as_shipped },
	{ 0 },
};
