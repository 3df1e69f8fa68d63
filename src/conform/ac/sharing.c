/* SPDX-License-Identifier: MIT */
/* Tests of authenticated-channel.md: SHAREDRESOURCE: which processes open restricted resources. */
#include "conform/ac/ac.h"

#include <fcntl.h>
#include <unistd.h>

/* D3DDDI_RESOURCEFLAGS.Value */
#define SHARED		0x800u
#define TEXTURE		0x10000u
#define PROTECTED	0x40000000u
#define RESTRICT_ACCESS 0x80000000u

/* A token that the kernel has not given, and will not. */
#define NEVER_GIVEN 0x7fffffffffffff01u

/* Where entries are in an answer. */
enum { ENTRY_TYPE = 52, ENTRY_PROCESS = 56 };

static void need_tokens(struct cf *cf)
{
	if (!cf_is_dxvault(cf))
		cf_skip(cf, "processes have tokens where dxvault's graphics kernel is below the driver");
}

static UINT64 own_token(struct cf *cf)
{
	UINT64 token = 0;

	if (DxvaultGetProcessToken(&token) != STATUS_SUCCESS || token == 0)
		cf_give_up(cf, "the kernel gives this process no token");
	return token;
}

/* ---- commands and queries ----------------------------------------------------------------------------------------- */

static bool allows(struct cf *cf, const char *rule, struct ac_channel *channel, UINT type, UINT64 process, BOOL access)
{
	struct ac_message message = ac_share(channel, type, process, access);

	return ac_accepted(cf, rule, channel, &message);
}

static void allow(struct cf *cf, struct ac_channel *channel, UINT type, UINT64 process, BOOL access)
{
	struct ac_message message = ac_share(channel, type, process, access);

	CF_NEED(cf, ac_send(&channel->device, &message));
}

/* Neither adding nor removing. */
static void is_nobody(struct cf *cf, const char *rule, struct ac_channel *channel, UINT type, UINT64 process)
{
	struct ac_message message;

	for (BOOL access = 0; access < 2; access++) {
		message = ac_share(channel, type, process, access);
		ac_refused_signed(cf, rule, channel, E_INVALIDARG, &message);
	}
}

static UINT count_of(struct cf *cf, struct ac_channel *channel, const GUID *query)
{
	struct ac_message message = ac_query(channel, query, NULL, 0);

	CF_NEED(cf, ac_send(&channel->device, &message));
	return ac_u32(message.output, AC_HEADER);
}

static void count_is(struct cf *cf, const char *rule, struct ac_channel *channel, UINT want)
{
	const UINT count = count_of(cf, channel, &D3DAUTHENTICATEDQUERY_RESTRICTEDSHAREDRESOURCEPROCESSCOUNT);

	AC_TRUE(cf, rule, count == want, "there are %u entries instead of %u", count, want);
}

static struct ac_message entry_query(struct ac_channel *channel, UINT index)
{
	return ac_query(channel, &D3DAUTHENTICATEDQUERY_RESTRICTEDSHAREDRESOURCEPROCESS, &index, sizeof(index));
}

static void entry_is(struct cf *cf, const char *rule, struct ac_channel *channel, UINT index, UINT type, UINT64 process)
{
	struct ac_message message = entry_query(channel, index);
	UINT got_type;
	UINT64 got;

	if (!ac_accepted(cf, rule, channel, &message))
		return;
	got_type = ac_u32(message.output, ENTRY_TYPE);
	got = ac_u64(message.output, ENTRY_PROCESS);
	AC_TRUE(cf, rule, got_type == type && got == process,
		"entry %u has type %u and process %llx instead of %u and %llx", index, got_type,
		(unsigned long long)got, type, (unsigned long long)process);
}

static void no_entry(struct cf *cf, const char *rule, struct ac_channel *channel, UINT index)
{
	struct ac_message message = entry_query(channel, index);

	ac_refused_signed(cf, rule, channel, E_INVALIDARG, &message);
}

/* ---- another process ------------------------------------------------------------------------------------------------ */

enum { TOKEN, OPEN };

struct shared {
	struct cf_device device;
	struct ac_channel channel;
	struct rt_resource *resource;
	int nt_handle;
};

/* OPEN: what opening the resource in a device of this process comes to. */
static uint64_t peer_answers(struct cf *cf, uint64_t question, void *context)
{
	const struct shared *s = context;
	struct rt_resource *resource;
	struct cf_device device;
	HRESULT hr;

	if (question == TOKEN)
		return own_token(cf);
	device = cf_device(cf);
	hr = rt_resource_open(device.rt, s->nt_handle, &resource);
	cf_device_close(cf, &device);
	return (uint32_t)hr;
}

static HRESULT opens(struct cf *cf, struct cf_peer *peer)
{
	return (HRESULT)cf_peer_ask(cf, peer, OPEN);
}

static struct shared open_shared(struct cf *cf)
{
	const struct rt_surface surface = { .format = D3DDDIFMT_A8R8G8B8, .width = 16, .height = 1 };
	struct shared s;

	need_tokens(cf);
	s.device = cf_device(cf);
	s.channel = ac_channel_ready(cf, &s.device, AC_SOFTWARE);
	CF_NEED(cf, rt_resource_create_video(s.device.rt, &surface,
					     (D3DDDI_RESOURCEFLAGS) { .Value = SHARED | PROTECTED | RESTRICT_ACCESS },
					     &s.resource));
	CF_NEED(cf, rt_resource_share(s.resource, &s.nt_handle));
	return s;
}

/* ---- the list ----------------------------------------------------------------------------------------------------- */

static void the_list(struct cf *cf)
{
	struct shared s = open_shared(cf);
	const UINT64 token = own_token(cf);

	count_is(cf, "AC-144", &s.channel, 0);
	no_entry(cf, "AC-145", &s.channel, 0);
	if (!allows(cf, "AC-125", &s.channel, PROCESSIDTYPE_HANDLE, token, TRUE))
		return;
	count_is(cf, "AC-125", &s.channel, 1);
	count_is(cf, "AC-144", &s.channel, 1);
	entry_is(cf, "AC-125", &s.channel, 0, PROCESSIDTYPE_HANDLE, token);
	entry_is(cf, "AC-145", &s.channel, 0, PROCESSIDTYPE_HANDLE, token);
	no_entry(cf, "AC-145", &s.channel, 1);
	no_entry(cf, "AC-145", &s.channel, 0xffffffff);
	allows(cf, "AC-125", &s.channel, PROCESSIDTYPE_HANDLE, token, FALSE);
	count_is(cf, "AC-125", &s.channel, 0);
	count_is(cf, "AC-144", &s.channel, 0);
	no_entry(cf, "AC-145", &s.channel, 0);
}

/* The kernel hears of the end of a process when it gets to it. */
static UINT count_after_end(struct cf *cf, struct ac_channel *channel, UINT want)
{
	UINT count = 0;

	for (int i = 0; i < 5000; i++) {
		count = count_of(cf, channel, &D3DAUTHENTICATEDQUERY_RESTRICTEDSHAREDRESOURCEPROCESSCOUNT);
		if (count == want)
			break;
		usleep(2000);
	}
	return count;
}

static void an_entry_ends_with_its_process(struct cf *cf)
{
	struct shared s = open_shared(cf);
	const UINT64 own = own_token(cf);
	struct cf_peer peer = cf_peer_start(cf, peer_answers, &s);
	const UINT64 token = cf_peer_ask(cf, &peer, TOKEN);
	UINT count;

	allow(cf, &s.channel, PROCESSIDTYPE_HANDLE, token, TRUE);
	allow(cf, &s.channel, PROCESSIDTYPE_HANDLE, own, TRUE);
	count_is(cf, "AC-125", &s.channel, 2);
	cf_peer_end(cf, &peer);
	count = count_after_end(cf, &s.channel, 1);
	AC_TRUE(cf, "AC-125", count == 1, "a process ended, and there are %u entries instead of 1", count);
	AC_TRUE(cf, "AC-144", count == 1, "a process ended, and there are %u entries instead of 1", count);
	entry_is(cf, "AC-145", &s.channel, 0, PROCESSIDTYPE_HANDLE, own);
	is_nobody(cf, "AC-128", &s.channel, PROCESSIDTYPE_HANDLE, token);
	count_is(cf, "AC-128", &s.channel, 1);
}

static void hardware_has_no_list(struct cf *cf)
{
	struct cf_device device = cf_device(cf);
	struct ac_channel hardware = ac_channel_ready(cf, &device, AC_HARDWARE);
	struct ac_channel software = ac_channel_ready(cf, &device, AC_SOFTWARE);
	struct ac_message message;
	UINT used;

	need_tokens(cf);
	used = hardware.next_command;
	message = ac_share(&hardware, PROCESSIDTYPE_HANDLE, own_token(cf), TRUE);
	ac_refused_signed(cf, "AC-126", &hardware, E_FAIL, &message);
	/* What else is wrong with it comes later. */
	message = ac_share(&hardware, PROCESSIDTYPE_UNKNOWN, 0, TRUE);
	ac_refused_signed(cf, "AC-126", &hardware, E_FAIL, &message);
	hardware.next_command = used;
	message = ac_protection(&hardware, 0);
	ac_refused_bare(cf, "AC-126", &device, E_INVALIDARG, &message);
	count_is(cf, "AC-126", &software, 0);
	allows(cf, "AC-126", &software, PROCESSIDTYPE_HANDLE, own_token(cf), TRUE);
}

static void identifiers(struct cf *cf)
{
	struct shared s = open_shared(cf);
	struct cf_peer first = cf_peer_start(cf, peer_answers, &s), second = cf_peer_start(cf, peer_answers, &s);
	const UINT64 own = own_token(cf);
	UINT64 tokens[3] = { cf_peer_ask(cf, &first, TOKEN), cf_peer_ask(cf, &second, TOKEN), 0 };

	AC_TRUE(cf, "AC-127", own_token(cf) == own, "the token of this process changes");
	AC_TRUE(cf, "AC-127", cf_peer_ask(cf, &first, TOKEN) == tokens[0], "the token of a process changes");
	cf_peer_end(cf, &first);
	first = cf_peer_start(cf, peer_answers, &s);
	tokens[2] = cf_peer_ask(cf, &first, TOKEN);
	for (size_t i = 0; i < 3; i++) {
		AC_TRUE(cf, "AC-127", tokens[i] != own && tokens[i] != tokens[(i + 1) % 3],
			"two processes have the token %llx", (unsigned long long)tokens[i]);
	}

	/* The compositor is named by kind, whatever else is said. */
	allows(cf, "AC-127", &s.channel, PROCESSIDTYPE_DWM, 0x1122334455667788, TRUE);
	entry_is(cf, "AC-127", &s.channel, 0, PROCESSIDTYPE_DWM, 0);
	allows(cf, "AC-127", &s.channel, PROCESSIDTYPE_DWM, own, TRUE);
	count_is(cf, "AC-127", &s.channel, 1);
	allows(cf, "AC-127", &s.channel, PROCESSIDTYPE_DWM, 0x99, FALSE);
	count_is(cf, "AC-127", &s.channel, 0);
	allows(cf, "AC-127", &s.channel, PROCESSIDTYPE_HANDLE, tokens[1], TRUE);
	entry_is(cf, "AC-127", &s.channel, 0, PROCESSIDTYPE_HANDLE, tokens[1]);
	cf_peer_end(cf, &first);
	cf_peer_end(cf, &second);
}

static void nobody_at_all(struct cf *cf)
{
	struct shared s = open_shared(cf);
	const UINT64 token = own_token(cf);
	static const UINT kinds[] = { PROCESSIDTYPE_UNKNOWN, 3, 0x10002, 0xffffffff };

	allow(cf, &s.channel, PROCESSIDTYPE_HANDLE, token, TRUE);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		is_nobody(cf, "AC-128", &s.channel, kinds[i], token);
		is_nobody(cf, "AC-128", &s.channel, kinds[i], 0);
	}
	is_nobody(cf, "AC-128", &s.channel, PROCESSIDTYPE_HANDLE, 0);
	is_nobody(cf, "AC-128", &s.channel, PROCESSIDTYPE_HANDLE, NEVER_GIVEN);
	is_nobody(cf, "AC-128", &s.channel, PROCESSIDTYPE_HANDLE, token ^ 1ull << 62);
	count_is(cf, "AC-128", &s.channel, 1);
	entry_is(cf, "AC-128", &s.channel, 0, PROCESSIDTYPE_HANDLE, token);
}

static void adding_twice_removing_nothing(struct cf *cf)
{
	struct shared s = open_shared(cf);
	struct cf_peer peer = cf_peer_start(cf, peer_answers, &s);
	const UINT64 token = own_token(cf), other = cf_peer_ask(cf, &peer, TOKEN);

	/* Any value but 0 allows. */
	allows(cf, "AC-129", &s.channel, PROCESSIDTYPE_HANDLE, token, 0x100);
	allows(cf, "AC-129", &s.channel, PROCESSIDTYPE_HANDLE, token, -1);
	count_is(cf, "AC-129", &s.channel, 1);
	allows(cf, "AC-129", &s.channel, PROCESSIDTYPE_HANDLE, other, FALSE);
	allows(cf, "AC-129", &s.channel, PROCESSIDTYPE_DWM, 0, FALSE);
	count_is(cf, "AC-129", &s.channel, 1);
	entry_is(cf, "AC-129", &s.channel, 0, PROCESSIDTYPE_HANDLE, token);
	allows(cf, "AC-129", &s.channel, PROCESSIDTYPE_DWM, 0, TRUE);
	allows(cf, "AC-129", &s.channel, PROCESSIDTYPE_DWM, 0, TRUE);
	count_is(cf, "AC-129", &s.channel, 2);
	allows(cf, "AC-129", &s.channel, PROCESSIDTYPE_HANDLE, token, FALSE);
	allows(cf, "AC-129", &s.channel, PROCESSIDTYPE_HANDLE, token, FALSE);
	count_is(cf, "AC-129", &s.channel, 1);
	cf_peer_end(cf, &peer);
}

static void order(struct cf *cf)
{
	struct shared s = open_shared(cf);
	struct cf_peer peer = cf_peer_start(cf, peer_answers, &s);
	const UINT64 p1 = cf_peer_ask(cf, &peer, TOKEN), p2 = own_token(cf);

	allow(cf, &s.channel, PROCESSIDTYPE_HANDLE, p1, TRUE);
	allow(cf, &s.channel, PROCESSIDTYPE_HANDLE, p2, TRUE);
	allow(cf, &s.channel, PROCESSIDTYPE_HANDLE, p1, TRUE);
	count_is(cf, "AC-130", &s.channel, 2);
	entry_is(cf, "AC-130", &s.channel, 0, PROCESSIDTYPE_HANDLE, p1);
	entry_is(cf, "AC-130", &s.channel, 1, PROCESSIDTYPE_HANDLE, p2);
	allow(cf, &s.channel, PROCESSIDTYPE_DWM, 0, TRUE);
	entry_is(cf, "AC-130", &s.channel, 2, PROCESSIDTYPE_DWM, 0);
	allow(cf, &s.channel, PROCESSIDTYPE_HANDLE, p1, FALSE);
	count_is(cf, "AC-130", &s.channel, 2);
	entry_is(cf, "AC-130", &s.channel, 0, PROCESSIDTYPE_HANDLE, p2);
	entry_is(cf, "AC-130", &s.channel, 1, PROCESSIDTYPE_DWM, 0);
	allow(cf, &s.channel, PROCESSIDTYPE_HANDLE, p1, TRUE);
	entry_is(cf, "AC-130", &s.channel, 2, PROCESSIDTYPE_HANDLE, p1);
	cf_peer_end(cf, &peer);
}

static void any_channel_revokes(struct cf *cf)
{
	struct shared s = open_shared(cf);
	struct ac_channel other = ac_channel_ready(cf, &s.device, AC_SOFTWARE);
	struct cf_peer peer = cf_peer_start(cf, peer_answers, &s);

	allow(cf, &s.channel, PROCESSIDTYPE_HANDLE, cf_peer_ask(cf, &peer, TOKEN), TRUE);
	AC_CODE(cf, "AC-131", S_OK, opens(cf, &peer));
	count_is(cf, "AC-131", &other, 1);
	allows(cf, "AC-131", &other, PROCESSIDTYPE_HANDLE, cf_peer_ask(cf, &peer, TOKEN), FALSE);
	count_is(cf, "AC-131", &s.channel, 0);
	AC_CODE(cf, "AC-131", E_ACCESSDENIED, opens(cf, &peer));
	cf_peer_end(cf, &peer);
}

/* ---- what the list is for --------------------------------------------------------------------------------------------- */

static void only_the_listed_open(struct cf *cf)
{
	struct shared s = open_shared(cf);
	struct cf_device own = cf_device(cf), elsewhere = cf_device(cf);
	struct ac_channel channel_elsewhere = ac_channel_ready(cf, &elsewhere, AC_SOFTWARE);
	struct cf_peer peer = cf_peer_start(cf, peer_answers, &s), another = cf_peer_start(cf, peer_answers, &s);
	const UINT64 token = cf_peer_ask(cf, &peer, TOKEN);
	struct rt_resource *resource;

	AC_CODE(cf, "AC-132", S_OK, rt_resource_open(own.rt, s.nt_handle, &resource));
	for (int i = 0; i < 2; i++) {
		AC_CODE(cf, "AC-132", E_ACCESSDENIED, opens(cf, &peer));
		AC_CODE(cf, "BLT-110", E_ACCESSDENIED, opens(cf, &peer));
		AC_CODE(cf, "BLT-109", E_ACCESSDENIED, opens(cf, &peer));
		/* The list of another device is of another device. */
		allow(cf, &channel_elsewhere, PROCESSIDTYPE_HANDLE, token, TRUE);
		AC_CODE(cf, "AC-132", E_ACCESSDENIED, opens(cf, &peer));
		allow(cf, &s.channel, PROCESSIDTYPE_HANDLE, token, TRUE);
		AC_CODE(cf, "AC-132", S_OK, opens(cf, &peer));
		AC_CODE(cf, "BLT-110", S_OK, opens(cf, &peer));
		AC_CODE(cf, "BLT-109", S_OK, opens(cf, &peer));
		AC_CODE(cf, "AC-132", E_ACCESSDENIED, opens(cf, &another));
		AC_CODE(cf, "BLT-109", E_ACCESSDENIED, opens(cf, &another));
		allow(cf, &s.channel, PROCESSIDTYPE_HANDLE, token, FALSE);
	}
	AC_CODE(cf, "AC-132", E_ACCESSDENIED, opens(cf, &peer));
	AC_CODE(cf, "BLT-110", E_ACCESSDENIED, opens(cf, &peer));
	cf_peer_end(cf, &peer);
	cf_peer_end(cf, &another);
}

static void designate(struct cf *cf, UINT64 token)
{
	if (DxvaultDesignateCompositor(token) != STATUS_SUCCESS)
		cf_give_up(cf, "the kernel designates no compositor");
}

static void the_compositor(struct cf *cf)
{
	struct shared s = open_shared(cf);
	struct cf_peer compositor = cf_peer_start(cf, peer_answers, &s), other = cf_peer_start(cf, peer_answers, &s);
	const UINT64 token = cf_peer_ask(cf, &compositor, TOKEN);

	/* Nobody is before it is said, and whoever it is has no right by that. */
	allow(cf, &s.channel, PROCESSIDTYPE_DWM, 0, TRUE);
	AC_CODE(cf, "AC-133", E_ACCESSDENIED, opens(cf, &compositor));
	designate(cf, token);
	AC_CODE(cf, "AC-133", S_OK, opens(cf, &compositor));
	AC_CODE(cf, "AC-133", E_ACCESSDENIED, opens(cf, &other));
	AC_CODE(cf, "BLT-110", S_OK, opens(cf, &compositor));
	AC_CODE(cf, "BLT-110", E_ACCESSDENIED, opens(cf, &other));
	allow(cf, &s.channel, PROCESSIDTYPE_DWM, 0, FALSE);
	AC_CODE(cf, "AC-133", E_ACCESSDENIED, opens(cf, &compositor));

	/* By its token it is a process like others: two entries, and each is enough. */
	allow(cf, &s.channel, PROCESSIDTYPE_DWM, 0, TRUE);
	allow(cf, &s.channel, PROCESSIDTYPE_HANDLE, token, TRUE);
	count_is(cf, "AC-130", &s.channel, 2);
	allow(cf, &s.channel, PROCESSIDTYPE_DWM, 0, FALSE);
	count_is(cf, "AC-130", &s.channel, 1);
	AC_CODE(cf, "AC-130", S_OK, opens(cf, &compositor));
	allow(cf, &s.channel, PROCESSIDTYPE_DWM, 0, TRUE);
	allow(cf, &s.channel, PROCESSIDTYPE_HANDLE, token, FALSE);
	AC_CODE(cf, "AC-130", S_OK, opens(cf, &compositor));

	/* The role moves. */
	designate(cf, cf_peer_ask(cf, &other, TOKEN));
	AC_CODE(cf, "AC-133", E_ACCESSDENIED, opens(cf, &compositor));
	AC_CODE(cf, "AC-133", S_OK, opens(cf, &other));
	designate(cf, 0);
	AC_CODE(cf, "AC-133", E_ACCESSDENIED, opens(cf, &other));
	cf_peer_end(cf, &compositor);
	cf_peer_end(cf, &other);
}

static void unrestricted_are(struct cf *cf, struct ac_channel *channel, UINT want)
{
	const UINT count = count_of(cf, channel, &D3DAUTHENTICATEDQUERY_UNRESTRICTEDPROTECTEDSHAREDRESOURCECOUNT);

	AC_TRUE(cf, "AC-146", count == want, "there are %u resources instead of %u", count, want);
}

/* Resources are counted, and not the surfaces that one may have. */
static void several_surfaces(struct cf *cf, struct ac_channel *channel)
{
	const D3DDDI_SURFACEINFO surfaces[] = { { .Width = 16, .Height = 4 },
						{ .Width = 8, .Height = 2 },
						{ .Width = 4, .Height = 1 } };
	D3DDDIARG_CREATERESOURCE create = {
		.Format = D3DDDIFMT_A8R8G8B8,
		.Pool = D3DDDIPOOL_VIDEOMEMORY,
		.pSurfList = surfaces,
		.SurfCount = 3,
		.MipLevels = 3,
		.Flags = { .Value = SHARED | PROTECTED | TEXTURE },
		.Rotation = D3DDDI_ROTATION_IDENTITY,
	};
	HANDLE handle;

	CF_NEED(cf, cf_create_resource(cf, &channel->device, &create, &handle));
	unrestricted_are(cf, channel, 1);
	CF_NEED(cf, cf_destroy_resource(&channel->device, handle));
	unrestricted_are(cf, channel, 0);
}

static void unrestricted_resources(struct cf *cf)
{
	static const UINT uncounted[] = { SHARED | PROTECTED | RESTRICT_ACCESS, SHARED | RESTRICT_ACCESS, SHARED,
					  PROTECTED };
	const struct rt_surface surface = { .format = D3DDDIFMT_A8R8G8B8, .width = 16, .height = 1 };
	struct cf_device device = cf_device(cf), other = cf_device(cf);
	struct ac_channel channel = ac_channel_ready(cf, &device, AC_SOFTWARE);
	struct ac_channel elsewhere = ac_channel_ready(cf, &other, AC_SOFTWARE);
	struct rt_resource *counted[2], *resource;

	unrestricted_are(cf, &channel, 0);
	for (UINT i = 0; i < 2; i++) {
		CF_NEED(cf, rt_resource_create_protected(device.rt, &surface,
							 (D3DDDI_RESOURCEFLAGS) { .Value = SHARED }, &counted[i]));
		unrestricted_are(cf, &channel, i + 1);
	}
	for (size_t i = 0; i < sizeof(uncounted) / sizeof(uncounted[0]); i++) {
		CF_NEED(cf, rt_resource_create_video(device.rt, &surface,
						     (D3DDDI_RESOURCEFLAGS) { .Value = uncounted[i] }, &resource));
		unrestricted_are(cf, &channel, 2);
	}
	unrestricted_are(cf, &elsewhere, 0);
	for (UINT i = 0; i < 2; i++) {
		rt_resource_close(counted[i]);
		unrestricted_are(cf, &channel, 1 - i);
	}
	several_surfaces(cf, &elsewhere);
}

const struct cf_test ac_tests_sharing[] = {
	{ "sharing-list", "AC-125 AC-144 AC-145", the_list },
	{ "sharing-end-of-process", "AC-125 AC-128 AC-144 AC-145", an_entry_ends_with_its_process },
	{ "sharing-hardware", "AC-126", hardware_has_no_list, .settings = AC_EVERYTHING },
	{ "sharing-identifiers", "AC-127", identifiers },
	{ "sharing-nobody", "AC-128", nobody_at_all },
	{ "sharing-twice", "AC-129", adding_twice_removing_nothing },
	{ "sharing-order", "AC-130", order },
	{ "sharing-revoked", "AC-131", any_channel_revokes },
	{ "sharing-opens", "AC-132 BLT-109 BLT-110", only_the_listed_open },
	{ "sharing-compositor", "AC-130 AC-133 BLT-110", the_compositor },
	{ "sharing-unrestricted", "AC-146", unrestricted_resources },
	{ 0 },
};
