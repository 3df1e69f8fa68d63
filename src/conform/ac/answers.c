/* SPDX-License-Identifier: MIT */
/* Tests of authenticated-channel.md: the queries that have one answer. */
#include "conform/ac/ac.h"

#include <stdlib.h>
#include <string.h>

/* ---- PROTECTION, CHANNELTYPE ------------------------------------------------------------------------------------- */

static void level_of_a_new_device(struct cf *cf)
{
	const UINT due = cf_has(cf, D3DCPCAPS_PROTECTIONALWAYSON) ? 1 : 0;
	struct cf_device device = cf_device(cf);
	struct ac_channel channel = ac_channel_ready(cf, &device, AC_SOFTWARE);
	struct ac_message message;

	for (int i = 0; i < 2; i++) {
		message = ac_query(&channel, &D3DAUTHENTICATEDQUERY_PROTECTION, NULL, 0);
		if (!ac_accepted(cf, "AC-139", &channel, &message))
			return;
		AC_TRUE(cf, "AC-139", ac_u32(message.output, AC_HEADER) == due, "the level is %08x instead of %u",
			ac_u32(message.output, AC_HEADER), due);
	}
}

static void level_of_hardware(struct cf *cf)
{
	struct cf_device device = cf_device(cf);
	struct ac_channel channel = ac_channel_ready(cf, &device, AC_SOFTWARE);
	struct ac_channel hardware = ac_channel_ready(cf, &device, AC_HARDWARE);
	struct ac_message message = ac_protection(&channel, 3);

	CF_NEED(cf, ac_send(&device, &message));
	message = ac_query(&hardware, &D3DAUTHENTICATEDQUERY_PROTECTION, NULL, 0);
	if (ac_accepted(cf, "AC-139", &hardware, &message))
		AC_TRUE(cf, "AC-139", ac_u32(message.output, AC_HEADER) == 3, "the level is %08x instead of 3",
			ac_u32(message.output, AC_HEADER));
}

static void type_is(struct cf *cf, const struct cf_device *device, UINT type)
{
	struct ac_channel channel = ac_channel_ready(cf, device, type);
	struct ac_message message = ac_query(&channel, &D3DAUTHENTICATEDQUERY_CHANNELTYPE, NULL, 0);

	if (ac_accepted(cf, "AC-140", &channel, &message))
		AC_TRUE(cf, "AC-140", ac_u32(message.output, AC_HEADER) == type, "the type is %u instead of %u",
			ac_u32(message.output, AC_HEADER), type);
}

static void software_type(struct cf *cf)
{
	const struct cf_device device = cf_device(cf);

	type_is(cf, &device, AC_SOFTWARE);
}

static void both_types(struct cf *cf)
{
	const struct cf_device device = cf_device(cf);

	type_is(cf, &device, AC_HARDWARE);
	type_is(cf, &device, AC_SOFTWARE);
	type_is(cf, &device, AC_HARDWARE);
}

/* ---- DEVICEHANDLE ------------------------------------------------------------------------------------------------ */

enum { DEVICES = 40, LIVE = 8 };

/* The ids of this many devices of this process, some of them alive at a time. */
static void take_ids(struct cf *cf, UINT64 ret[DEVICES])
{
	struct cf_device devices[LIVE] = { 0 };

	for (size_t i = 0; i < DEVICES; i++) {
		struct cf_device *device = &devices[i % LIVE];
		struct ac_channel channel;

		if (device->rt)
			cf_device_close(cf, device);
		*device = cf_device(cf);
		channel = ac_channel_ready(cf, device, AC_SOFTWARE);
		ret[i] = (UINT64)(uintptr_t)ac_device_id(cf, &channel);
	}
}

static uint64_t ids_of_peer(struct cf *cf, uint64_t question, void *context)
{
	static UINT64 ids[DEVICES];

	(void)context;
	if (ids[0] == 0)
		take_ids(cf, ids);
	return ids[question];
}

static int compare(const void *a, const void *b)
{
	const UINT64 *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void ids_of_devices(struct cf *cf)
{
	struct cf_device device = cf_device(cf);
	struct ac_channel a = ac_channel_ready(cf, &device, AC_SOFTWARE);
	struct ac_channel b = ac_channel_ready(cf, &device, AC_SOFTWARE);
	struct ac_message message = ac_query(&a, &D3DAUTHENTICATEDQUERY_DEVICEHANDLE, NULL, 0);
	UINT64 ids[1 + 2 * DEVICES];
	struct cf_peer peer;
	size_t same = 0;

	if (!ac_accepted(cf, "AC-141", &a, &message))
		return;
	ids[0] = ac_u64(message.output, AC_HEADER);
	AC_TRUE(cf, "AC-141", ids[0] != 0, "the device id is 0");
	AC_TRUE(cf, "AC-141", (UINT64)(uintptr_t)ac_device_id(cf, &b) == ids[0],
		"channels of one device tell of two devices");
	peer = cf_peer_start(cf, ids_of_peer, NULL);
	(void)cf_peer_ask(cf, &peer, 0);
	take_ids(cf, ids + 1);
	for (size_t i = 0; i < DEVICES; i++)
		ids[1 + DEVICES + i] = cf_peer_ask(cf, &peer, i);
	cf_peer_end(cf, &peer);
	AC_TRUE(cf, "AC-141", (UINT64)(uintptr_t)ac_device_id(cf, &a) == ids[0], "the device id changes");
	qsort(ids, sizeof(ids) / sizeof(ids[0]), sizeof(ids[0]), compare);
	for (size_t i = 1; i < sizeof(ids) / sizeof(ids[0]); i++)
		same += ids[i] == ids[i - 1];
	AC_TRUE(cf, "AC-141", same == 0, "%zu ids of %zu were given before", same, sizeof(ids) / sizeof(ids[0]));
	AC_TRUE(cf, "AC-141", ids[0] != 0, "a device id is 0");
}

/* ---- ACCESSIBILITYATTRIBUTES --------------------------------------------------------------------------------------- */

static void bus_and_access(struct cf *cf)
{
	enum { BASES = 5, FIRST_MODIFIER = 0x10000, LAST_MODIFIER = 0x50000 };
	const UINT non_standard = (UINT)D3DBUSIMPL_MODIFIER_NON_STANDARD;
	struct cf_device device = cf_device(cf);
	struct ac_channel channel = ac_channel_ready(cf, &device, AC_SOFTWARE);
	struct ac_message message = ac_query(&channel, &D3DAUTHENTICATEDQUERY_ACCESSIBILITYATTRIBUTES, NULL, 0);
	UINT bus, modifier, access[2];

	if (!ac_accepted(cf, "AC-152", &channel, &message))
		return;
	bus = ac_u32(message.output, AC_HEADER);
	modifier = bus & ~non_standard & ~0xffffu;
	for (size_t i = 0; i < 2; i++)
		access[i] = ac_u32(message.output, AC_HEADER + 4 + 4 * i);
	AC_TRUE(cf, "AC-152", (bus & 0xffff) < BASES, "the bus type is %08x", bus);
	AC_TRUE(cf, "AC-152",
		modifier == 0 ||
			(modifier >= FIRST_MODIFIER && modifier <= LAST_MODIFIER && modifier % FIRST_MODIFIER == 0),
		"the bus type is %08x", bus);
	AC_TRUE(cf, "AC-152", ((bus & non_standard) != 0) == (modifier != 0), "the bus type is %08x", bus);
	AC_TRUE(cf, "AC-152", access[0] <= 1 && access[1] <= 1, "the members are %08x and %08x", access[0], access[1]);

	AC_TRUE(cf, "AC-153", bus == D3DBUSTYPE_OTHER, "the bus type is %08x", bus);
	AC_TRUE(cf, "AC-153", access[0] == 1 && access[1] == 1, "the members are %u and %u", access[0], access[1]);
	AC_TRUE(cf, "AC-153", ac_u32(message.output, AC_HEADER + 12) == 0, "the padding is %08x",
		ac_u32(message.output, AC_HEADER + 12));
}

/* ---- all of them, in the shipped configuration ---------------------------------------------------------------------- */

/* What a query is asked with, and the first 32-bit number of its answer's body that is its own, or E_INVALIDARG. */
struct question {
	const char *rule;
	const GUID *type;
	UINT64 body[3];
	HRESULT result;
	UINT at; /* 0: nothing to compare */
	UINT value;
};

static void all_queries(struct cf *cf)
{
	struct cf_device device = cf_device(cf);
	struct ac_channel channel = ac_channel_ready(cf, &device, AC_SOFTWARE);
	const UINT64 id = (UINT64)(uintptr_t)ac_device_id(cf, &channel);
	const UINT64 session = (UINT64)(uintptr_t)cf_session(cf, &device);
	const UINT level = cf_has(cf, D3DCPCAPS_PROTECTIONALWAYSON) ? 1 : 0;
	const struct question questions[] = {
		{ "AC-139", &D3DAUTHENTICATEDQUERY_PROTECTION, { 0 }, S_OK, 48, level },
		{ "AC-140", &D3DAUTHENTICATEDQUERY_CHANNELTYPE, { 0 }, S_OK, 48, AC_SOFTWARE },
		{ "AC-141", &D3DAUTHENTICATEDQUERY_DEVICEHANDLE, { 0 }, S_OK, 48, (UINT)id },
		/* There is no decode device. */
		{ "AC-142", &D3DAUTHENTICATEDQUERY_CRYPTOSESSION, { 0x1000 }, E_INVALIDARG, 0, 0 },
		{ "AC-144", &D3DAUTHENTICATEDQUERY_RESTRICTEDSHAREDRESOURCEPROCESSCOUNT, { 0 }, S_OK, 48, 0 },
		{ "AC-145", &D3DAUTHENTICATEDQUERY_RESTRICTEDSHAREDRESOURCEPROCESS, { 0 }, E_INVALIDARG, 0, 0 },
		{ "AC-146", &D3DAUTHENTICATEDQUERY_UNRESTRICTEDPROTECTEDSHAREDRESOURCECOUNT, { 0 }, S_OK, 48, 0 },
		{ "AC-147", &D3DAUTHENTICATEDQUERY_OUTPUTIDCOUNT, { id, session }, S_OK, 64, 0 },
		{ "AC-150", &D3DAUTHENTICATEDQUERY_OUTPUTID, { id, session, 0 }, E_INVALIDARG, 0, 0 },
		{ "AC-152", &D3DAUTHENTICATEDQUERY_ACCESSIBILITYATTRIBUTES, { 0 }, S_OK, 0, 0 },
		{ "AC-154", &D3DAUTHENTICATEDQUERY_ENCRYPTIONWHENACCESSIBLEGUIDCOUNT, { 0 }, S_OK, 48, 0 },
		{ "AC-155", &D3DAUTHENTICATEDQUERY_ENCRYPTIONWHENACCESSIBLEGUID, { 0 }, E_INVALIDARG, 0, 0 },
		{ "AC-156", &D3DAUTHENTICATEDQUERY_CURRENTENCRYPTIONWHENACCESSIBLE, { 0 }, S_OK, 48, 0 },
	};

	for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++) {
		const struct question *q = &questions[i];
		struct ac_message message = ac_query(&channel, q->type, q->body,
						     ac_input_size(q->type) - AC_QUERY_HEADER);

		if (q->result != S_OK)
			ac_refused_signed(cf, q->rule, &channel, q->result, &message);
		else if (ac_accepted(cf, q->rule, &channel, &message) && q->at)
			AC_TRUE(cf, q->rule, ac_u32(message.output, q->at) == q->value, "it is %08x instead of %08x",
				ac_u32(message.output, q->at), q->value);
	}
}

const struct cf_test ac_tests_answers[] = {
	{ "answer-level", "AC-139", level_of_a_new_device },
	{ "answer-level-switched", "AC-139", level_of_a_new_device, .variant = AC_SWITCHED },
	{ "answer-level-of-hardware", "AC-139", level_of_hardware, .settings = AC_EVERYTHING },
	{ "answer-channel-type", "AC-140", software_type },
	{ "answer-channel-types", "AC-140", both_types, .settings = AC_EVERYTHING },
	{ "answer-device-ids", "AC-141", ids_of_devices },
	{ "answer-accessibility", "AC-152 AC-153", bus_and_access },
	{ "answer-all", "AC-139 AC-140 AC-141 AC-142 AC-144 AC-145 AC-146 AC-147 AC-150 AC-152 AC-154 AC-155 AC-156",
	  all_queries },
	{ 0 },
};
