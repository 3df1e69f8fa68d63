/* SPDX-License-Identifier: MIT */
/* Tests of authenticated-channel.md: sessions tied to decode devices, and the outputs that show them. */
#include "conform/ac/ac.h"

#include <string.h>

/* Where the answers to these queries have what they tell. */
enum { TIED_SESSION = 56, TIED_DEVICE = 64, OUTPUTS = 64, OUTPUT_ID = 72 };

/* What no object of a driver is called. */
#define STRANGER ((HANDLE)(uintptr_t)0x0123456789abcdef)

static UINT64 number(HANDLE handle)
{
	return (UINT64)(uintptr_t)handle;
}

/* In the test configuration: a channel, a decode device and a session that may be tied to it. */
struct room {
	struct cf_device device;
	struct ac_channel channel;
	HANDLE id;
	struct ac_decode decode;
	HANDLE session;
};

static struct room open_room(struct cf *cf, UINT type)
{
	struct room r = { .device = cf_device(cf) };

	r.channel = ac_channel_ready(cf, &r.device, type);
	r.id = ac_device_id(cf, &r.channel);
	r.decode = ac_decode_new(cf, &r.device, 0);
	r.session = ac_decode_session(cf, &r.device, 0);
	return r;
}

static bool ties(struct cf *cf, const char *rule, struct ac_channel *channel, const struct room *r, HANDLE session)
{
	struct ac_message message = ac_tie(channel, r->decode.handle, session, r->id);

	return ac_accepted(cf, rule, channel, &message);
}

static void tie(struct cf *cf, struct room *r)
{
	struct ac_message message = ac_tie(&r->channel, r->decode.handle, r->session, r->id);

	CF_NEED(cf, ac_send(&r->device, &message));
}

static void cannot_tie(struct cf *cf, const char *rule, struct ac_channel *channel, HANDLE decode, HANDLE session,
		       HANDLE id)
{
	struct ac_message message = ac_tie(channel, decode, session, id);

	ac_refused_signed(cf, rule, channel, E_INVALIDARG, &message);
}

/* session NULL: none. */
static void tied_to(struct cf *cf, const char *rule, struct ac_channel *channel, HANDLE decode, HANDLE session,
		    HANDLE id)
{
	struct ac_message message = ac_query(channel, &D3DAUTHENTICATEDQUERY_CRYPTOSESSION, &decode, sizeof(decode));
	UINT64 got_session, got_device;

	if (!ac_accepted(cf, rule, channel, &message))
		return;
	got_session = ac_u64(message.output, TIED_SESSION);
	got_device = ac_u64(message.output, TIED_DEVICE);
	AC_TRUE(cf, rule, got_session == number(session), "the session is %llx instead of %p",
		(unsigned long long)got_session, session);
	AC_TRUE(cf, rule, got_device == (session ? number(id) : 0), "the device is %llx, the session %p",
		(unsigned long long)got_device, session);
}

static void is_no_decode_device(struct cf *cf, const char *rule, struct ac_channel *channel, HANDLE decode)
{
	struct ac_message message = ac_query(channel, &D3DAUTHENTICATEDQUERY_CRYPTOSESSION, &decode, sizeof(decode));

	ac_refused_signed(cf, rule, channel, E_INVALIDARG, &message);
}

/* ---- the association ---------------------------------------------------------------------------------------------- */

static void tie_on(struct cf *cf, UINT type)
{
	struct room r = open_room(cf, type);
	struct ac_message message;

	tied_to(cf, "AC-143", &r.channel, r.decode.handle, NULL, NULL);
	if (!ties(cf, "AC-115", &r.channel, &r, r.session))
		return;
	tied_to(cf, "AC-115", &r.channel, r.decode.handle, r.session, r.id);
	tied_to(cf, "AC-142", &r.channel, r.decode.handle, r.session, r.id);
	/* What one page lists for this query. */
	message = ac_query(&r.channel, &D3DAUTHENTICATEDQUERY_CRYPTOSESSION, &r.decode.handle, sizeof(HANDLE));
	message.input_size = sizeof(D3DAUTHENTICATEDCHANNEL_QUERY_INPUT);
	ac_refused_bare(cf, "AC-142", &r.device, E_INVALIDARG, &message);
}

static void tie_by_software(struct cf *cf)
{
	tie_on(cf, AC_SOFTWARE);
}

static void tie_by_hardware(struct cf *cf)
{
	tie_on(cf, AC_HARDWARE);
}

static void decode_handles(struct cf *cf)
{
	struct room r = open_room(cf, AC_SOFTWARE);
	struct ac_decode other = ac_decode_new(cf, &r.device, 0);
	struct room elsewhere = open_room(cf, AC_SOFTWARE);
	HANDLE again = NULL;

	AC_TRUE(cf, "AC-116", r.decode.handle != NULL, "the decode handle is 0");
	AC_CODE(cf, "AC-116", S_OK, ac_decode_handle(&r.device, r.decode.h, &again));
	AC_TRUE(cf, "AC-116", again == r.decode.handle, "first it is %p, then %p", r.decode.handle, again);
	AC_TRUE(cf, "AC-116", other.handle != r.decode.handle && elsewhere.decode.handle != r.decode.handle,
		"decode devices share the handle %p", r.decode.handle);
	tie(cf, &r);
	CF_NEED(cf, ac_decode_destroy(&r.device, other.h));
	AC_CODE(cf, "AC-116", S_OK, ac_decode_handle(&r.device, r.decode.h, &again));
	AC_TRUE(cf, "AC-116", again == r.decode.handle, "first it is %p, then %p", r.decode.handle, again);
	other = ac_decode_new(cf, &r.device, 0);
	AC_TRUE(cf, "AC-116", other.handle != r.decode.handle, "decode devices share the handle %p", other.handle);

	/* What the runtime calls it, and what the driver calls it to the runtime. */
	if (other.h != other.handle) {
		cannot_tie(cf, "AC-116", &r.channel, other.h, r.session, r.id);
		tied_to(cf, "AC-116", &r.channel, other.handle, NULL, NULL);
	}
	cannot_tie(cf, "AC-116", &r.channel, NULL, r.session, r.id);
	cannot_tie(cf, "AC-116", &r.channel, STRANGER, r.session, r.id);
	cannot_tie(cf, "AC-116", &r.channel, r.session, r.session, r.id);
	CF_NEED(cf, ac_decode_destroy(&r.device, other.h));
	cannot_tie(cf, "AC-116", &r.channel, other.handle, r.session, r.id);
}

static void session_handles(struct cf *cf)
{
	struct room r = open_room(cf, AC_SOFTWARE);
	HANDLE dead = ac_decode_session(cf, &r.device, 0);

	CF_NEED(cf, cf_destroy_session(&r.device, dead));
	cannot_tie(cf, "AC-117", &r.channel, r.decode.handle, NULL, r.id);
	cannot_tie(cf, "AC-117", &r.channel, r.decode.handle, STRANGER, r.id);
	cannot_tie(cf, "AC-117", &r.channel, r.decode.handle, dead, r.id);
	cannot_tie(cf, "AC-117", &r.channel, r.decode.handle, r.channel.h, r.id);
	tied_to(cf, "AC-117", &r.channel, r.decode.handle, NULL, NULL);
	ties(cf, "AC-117", &r.channel, &r, r.session);
}

static void device_ids(struct cf *cf)
{
	struct room r = open_room(cf, AC_SOFTWARE), other = open_room(cf, AC_SOFTWARE);

	cannot_tie(cf, "AC-118", &r.channel, r.decode.handle, r.session, other.id);
	cannot_tie(cf, "AC-118", &r.channel, r.decode.handle, r.session, NULL);
	cannot_tie(cf, "AC-118", &r.channel, r.decode.handle, r.session, STRANGER);
	if (r.device.h != r.id)
		cannot_tie(cf, "AC-118", &r.channel, r.decode.handle, r.session, r.device.h);
	tied_to(cf, "AC-118", &r.channel, r.decode.handle, NULL, NULL);
	ties(cf, "AC-118", &r.channel, &r, r.session);
}

static void all_of_one_device(struct cf *cf)
{
	struct room r = open_room(cf, AC_SOFTWARE), other = open_room(cf, AC_SOFTWARE);

	cannot_tie(cf, "AC-119", &r.channel, r.decode.handle, other.session, r.id);
	cannot_tie(cf, "AC-119", &r.channel, r.decode.handle, other.session, other.id);
	tied_to(cf, "AC-119", &r.channel, r.decode.handle, NULL, NULL);
	cannot_tie(cf, "AC-119", &r.channel, other.decode.handle, r.session, r.id);
	cannot_tie(cf, "AC-119", &r.channel, other.decode.handle, other.session, other.id);
	cannot_tie(cf, "AC-119", &r.channel, other.decode.handle, other.session, r.id);
	tied_to(cf, "AC-119", &other.channel, other.decode.handle, NULL, NULL);
	ties(cf, "AC-119", &other.channel, &other, other.session);
}

static void profiles(struct cf *cf)
{
	struct room r = open_room(cf, AC_SOFTWARE);
	HANDLE without = cf_session(cf, &r.device), another = ac_decode_session(cf, &r.device, 1);

	cannot_tie(cf, "AC-120", &r.channel, r.decode.handle, without, r.id);
	cannot_tie(cf, "AC-120", &r.channel, r.decode.handle, another, r.id);
	tied_to(cf, "AC-120", &r.channel, r.decode.handle, NULL, NULL);
	r.decode = ac_decode_new(cf, &r.device, 1);
	cannot_tie(cf, "AC-120", &r.channel, r.decode.handle, r.session, r.id);
	ties(cf, "AC-120", &r.channel, &r, another);
}

static void one_session_many_decoders(struct cf *cf)
{
	struct room r = open_room(cf, AC_SOFTWARE), second = r;
	HANDLE another = ac_decode_session(cf, &r.device, 0);

	second.decode = ac_decode_new(cf, &r.device, 0);
	tie(cf, &r);
	ties(cf, "AC-121", &r.channel, &second, r.session);
	tied_to(cf, "AC-121", &r.channel, r.decode.handle, r.session, r.id);
	tied_to(cf, "AC-121", &r.channel, second.decode.handle, r.session, r.id);
	/* And one for each decode device: the new one takes the place of the old. */
	ties(cf, "AC-121", &r.channel, &second, another);
	tied_to(cf, "AC-121", &r.channel, r.decode.handle, r.session, r.id);
	tied_to(cf, "AC-121", &r.channel, second.decode.handle, another, r.id);
}

static void only_the_owner_replaces(struct cf *cf)
{
	struct room r = open_room(cf, AC_SOFTWARE);
	struct ac_channel other = ac_channel_ready(cf, &r.device, AC_SOFTWARE);
	HANDLE first = r.session, second = ac_decode_session(cf, &r.device, 0);

	tie(cf, &r);
	ties(cf, "AC-122", &r.channel, &r, second);
	tied_to(cf, "AC-122", &other, r.decode.handle, second, r.id);
	cannot_tie(cf, "AC-122", &other, r.decode.handle, first, r.id);
	tied_to(cf, "AC-122", &other, r.decode.handle, second, r.id);
	/* The same wish is granted, and gives no rights. */
	ties(cf, "AC-122", &other, &r, second);
	cannot_tie(cf, "AC-122", &other, r.decode.handle, first, r.id);
	ties(cf, "AC-122", &r.channel, &r, first);
	tied_to(cf, "AC-122", &other, r.decode.handle, first, r.id);
	/* When the owner has gone any channel may. */
	CF_NEED(cf, ac_destroy(&r.device, r.channel.h));
	tied_to(cf, "AC-122", &other, r.decode.handle, first, r.id);
	ties(cf, "AC-122", &other, &r, second);
	tied_to(cf, "AC-122", &other, r.decode.handle, second, r.id);
}

static void ends_of_associations(struct cf *cf)
{
	struct room r = open_room(cf, AC_SOFTWARE);
	struct ac_channel other = ac_channel_ready(cf, &r.device, AC_SOFTWARE);
	HANDLE next = ac_decode_session(cf, &r.device, 0);

	tie(cf, &r);
	CF_NEED(cf, cf_destroy_session(&r.device, r.session));
	tied_to(cf, "AC-123", &r.channel, r.decode.handle, NULL, NULL);
	/* With it goes the ownership. */
	ties(cf, "AC-123", &other, &r, next);
	tied_to(cf, "AC-123", &r.channel, r.decode.handle, next, r.id);
	CF_NEED(cf, ac_decode_destroy(&r.device, r.decode.h));
	is_no_decode_device(cf, "AC-123", &r.channel, r.decode.handle);
	/* The session is free for another. */
	r.decode = ac_decode_new(cf, &r.device, 0);
	tied_to(cf, "AC-123", &r.channel, r.decode.handle, NULL, NULL);
	ties(cf, "AC-123", &r.channel, &r, next);
}

static void queries_without_association(struct cf *cf)
{
	struct room r = open_room(cf, AC_SOFTWARE), other = open_room(cf, AC_SOFTWARE);

	tied_to(cf, "AC-143", &r.channel, r.decode.handle, NULL, NULL);
	is_no_decode_device(cf, "AC-143", &r.channel, NULL);
	is_no_decode_device(cf, "AC-143", &r.channel, STRANGER);
	is_no_decode_device(cf, "AC-143", &r.channel, r.session);
	tie(cf, &other);
	is_no_decode_device(cf, "AC-143", &r.channel, other.decode.handle);
	CF_NEED(cf, ac_decode_destroy(&r.device, r.decode.h));
	is_no_decode_device(cf, "AC-143", &r.channel, r.decode.handle);
}

/* ---- outputs ------------------------------------------------------------------------------------------------------ */

struct output_query {
	HANDLE device;
	HANDLE session;
	UINT64 index; /* in OUTPUTID alone; padding above */
};

static struct ac_message count_query(struct ac_channel *channel, HANDLE id, HANDLE session)
{
	const struct output_query body = { id, session, 0 };

	return ac_query(channel, &D3DAUTHENTICATEDQUERY_OUTPUTIDCOUNT, &body, 16);
}

static struct ac_message id_query(struct ac_channel *channel, HANDLE id, HANDLE session, UINT index)
{
	const struct output_query body = { id, session, index };

	return ac_query(channel, &D3DAUTHENTICATEDQUERY_OUTPUTID, &body, sizeof(body));
}

static void outputs_are(struct cf *cf, const char *rule, struct room *r, UINT want)
{
	struct ac_message message = count_query(&r->channel, r->id, r->session);

	if (ac_accepted(cf, rule, &r->channel, &message))
		AC_TRUE(cf, rule, ac_u32(message.output, OUTPUTS) == want, "there are %u outputs instead of %u",
			ac_u32(message.output, OUTPUTS), want);
}

static void no_output_at(struct cf *cf, const char *rule, struct room *r, UINT index)
{
	struct ac_message message = id_query(&r->channel, r->id, r->session, index);

	ac_refused_signed(cf, rule, &r->channel, E_INVALIDARG, &message);
}

/* 0: refused. */
static UINT64 output_at(struct cf *cf, const char *rule, struct room *r, UINT index)
{
	struct ac_message message = id_query(&r->channel, r->id, r->session, index);

	return ac_accepted(cf, rule, &r->channel, &message) ? ac_u64(message.output, OUTPUT_ID) : 0;
}

static void outputs(struct cf *cf)
{
	struct room r = open_room(cf, AC_SOFTWARE), again = open_room(cf, AC_HARDWARE);
	UINT64 ids[2];

	/* Without a decode device nothing shows what the session brings. */
	outputs_are(cf, "AC-149", &r, 0);
	no_output_at(cf, "AC-149", &r, 0);
	tie(cf, &r);
	outputs_are(cf, "AC-147", &r, 2);
	for (UINT i = 0; i < 2; i++)
		ids[i] = output_at(cf, "AC-150", &r, i);
	no_output_at(cf, "AC-150", &r, 2);
	no_output_at(cf, "AC-150", &r, 0xffffffff);
	AC_TRUE(cf, "AC-151", ids[0] != 0 && ids[1] != 0 && ids[0] != ids[1], "the outputs are %llx and %llx",
		(unsigned long long)ids[0], (unsigned long long)ids[1]);
	for (UINT i = 0; i < 2; i++)
		AC_TRUE(cf, "AC-151", output_at(cf, "AC-151", &r, i) == ids[i], "output %u changes its id", i);
	/* The screens are the adapter's. */
	tie(cf, &again);
	outputs_are(cf, "AC-147", &again, 2);
	for (UINT i = 0; i < 2; i++)
		AC_TRUE(cf, "AC-151", output_at(cf, "AC-151", &again, i) == ids[i],
			"output %u has another id on another device", i);
	/* And again without. */
	CF_NEED(cf, ac_decode_destroy(&r.device, r.decode.h));
	outputs_are(cf, "AC-149", &r, 0);
	no_output_at(cf, "AC-149", &r, 0);
}

static void has_no_outputs(struct cf *cf, struct room *r, HANDLE id, HANDLE session)
{
	struct ac_message message = count_query(&r->channel, id, session);

	ac_refused_signed(cf, "AC-148", &r->channel, E_INVALIDARG, &message);
	message = id_query(&r->channel, id, session, 0);
	ac_refused_signed(cf, "AC-148", &r->channel, E_INVALIDARG, &message);
}

static void outputs_of_others(struct cf *cf)
{
	struct room r = open_room(cf, AC_SOFTWARE), other = open_room(cf, AC_SOFTWARE);

	tie(cf, &r);
	tie(cf, &other);
	has_no_outputs(cf, &r, r.id, other.session);
	has_no_outputs(cf, &r, other.id, other.session);
	has_no_outputs(cf, &r, other.id, r.session);
	has_no_outputs(cf, &r, NULL, r.session);
	has_no_outputs(cf, &r, r.id, NULL);
	has_no_outputs(cf, &r, r.id, STRANGER);
	CF_NEED(cf, cf_destroy_session(&r.device, r.session));
	has_no_outputs(cf, &r, r.id, r.session);
}

/* The suite's services have no screen. */
static void no_screen(struct cf *cf)
{
	struct room r = open_room(cf, AC_SOFTWARE);

	tie(cf, &r);
	outputs_are(cf, "AC-151", &r, 0);
	no_output_at(cf, "AC-151", &r, 0);
	outputs_are(cf, "AC-147", &r, 0);
}

/* ---- the shipped driver, which has no decode devices ----------------------------------------------------------------- */

static void as_shipped(struct cf *cf)
{
	struct room r = { .device = cf_device(cf) };

	r.channel = ac_channel_ready(cf, &r.device, AC_SOFTWARE);
	r.id = ac_device_id(cf, &r.channel);
	r.session = cf_session(cf, &r.device);
	cannot_tie(cf, "AC-115", &r.channel, NULL, r.session, r.id);
	cannot_tie(cf, "AC-116", &r.channel, STRANGER, r.session, r.id);
	is_no_decode_device(cf, "AC-143", &r.channel, NULL);
	is_no_decode_device(cf, "AC-143", &r.channel, STRANGER);
	outputs_are(cf, "AC-149", &r, 0);
	no_output_at(cf, "AC-149", &r, 0);
}

#define NO_SCREEN "test-decode = yes\n"

const struct cf_test ac_tests_session[] = {
	{ "session-tied", "AC-115 AC-142 AC-143", tie_by_software, .settings = AC_EVERYTHING },
	{ "session-tied-by-hardware", "AC-115 AC-142 AC-143", tie_by_hardware, .settings = AC_EVERYTHING },
	{ "session-decode-handles", "AC-116", decode_handles, .settings = AC_EVERYTHING },
	{ "session-handles", "AC-117", session_handles, .settings = AC_EVERYTHING },
	{ "session-device-ids", "AC-118", device_ids, .settings = AC_EVERYTHING },
	{ "session-of-one-device", "AC-119", all_of_one_device, .settings = AC_EVERYTHING },
	{ "session-profiles", "AC-120", profiles, .settings = AC_EVERYTHING },
	{ "session-of-two-decoders", "AC-121", one_session_many_decoders, .settings = AC_EVERYTHING },
	{ "session-owners", "AC-122", only_the_owner_replaces, .settings = AC_EVERYTHING },
	{ "session-untied", "AC-123", ends_of_associations, .settings = AC_EVERYTHING },
	{ "session-queries", "AC-143", queries_without_association, .settings = AC_EVERYTHING },
	{ "session-outputs", "AC-147 AC-149 AC-150 AC-151", outputs, .settings = AC_EVERYTHING },
	{ "session-outputs-of-others", "AC-148", outputs_of_others, .settings = AC_EVERYTHING },
	{ "session-no-screen", "AC-147 AC-151", no_screen, .settings = NO_SCREEN },
	{ "session-as-shipped", "AC-115 AC-116 AC-143 AC-149", as_shipped },
	{ 0 },
};
