/* SPDX-License-Identifier: MIT */
/* Tests of authenticated-channel.md: what Destroy ends, and what it leaves. */
#include "conform/ac/bench.h"

#include <string.h>

/* What every query answers before anybody has set a flag. */
static UINT base_level(struct cf *cf)
{
	return cf_has(cf, D3DCPCAPS_PROTECTIONALWAYSON) ? 1 : 0;
}

static void need_level(struct cf *cf, struct ac_channel *channel, UINT value)
{
	struct ac_message message = ac_protection(channel, value);

	CF_NEED(cf, ac_send(&channel->device, &message));
}

/* ---- the handle -------------------------------------------------------------------------------------------------- */

static void the_handle_is_dead(struct cf *cf)
{
	const struct cf_device device = cf_device(cf);
	struct ac_channel channel = ac_channel_ready(cf, &device, AC_SOFTWARE);
	struct ac_message message;
	uint8_t key[CF_KEY];

	cf_key(157, key);
	AC_CODE(cf, "AC-157", S_OK, ac_destroy(&device, channel.h));
	AC_CODE(cf, "AC-157", E_INVALIDARG, ac_exchange(cf, &device, channel.h, key));
	message = ac_protection(&channel, 0);
	ac_refused_bare(cf, "AC-157", &device, E_INVALIDARG, &message);
	message = ac_initialize(&channel, 0, 0, 0);
	ac_refused_bare(cf, "AC-157", &device, E_INVALIDARG, &message);
	message = ac_query(&channel, &D3DAUTHENTICATEDQUERY_CHANNELTYPE, NULL, 0);
	ac_refused_bare(cf, "AC-157", &device, E_INVALIDARG, &message);
	AC_CODE(cf, "AC-157", E_INVALIDARG, ac_destroy(&device, channel.h));
}

/* ---- protection ---------------------------------------------------------------------------------------------------- */

static void its_own_flags_fall(struct cf *cf)
{
	const struct cf_device device = cf_device(cf);
	struct ac_channel a = ac_channel_ready(cf, &device, AC_SOFTWARE);
	struct ac_channel b = ac_channel_ready(cf, &device, AC_SOFTWARE), c;

	need_level(cf, &a, 1);
	need_level(cf, &b, 3);
	AC_TRUE(cf, "AC-158", ac_protection_level(cf, &a) == 3, "the level is %u", ac_protection_level(cf, &a));
	AC_CODE(cf, "AC-158", S_OK, ac_destroy(&device, b.h));
	AC_TRUE(cf, "AC-158", ac_protection_level(cf, &a) == 1, "after B has gone the level is %u",
		ac_protection_level(cf, &a));
	AC_CODE(cf, "AC-158", S_OK, ac_destroy(&device, a.h));
	c = ac_channel_ready(cf, &device, AC_SOFTWARE);
	AC_TRUE(cf, "AC-158", ac_protection_level(cf, &c) == base_level(cf), "with nobody's flags the level is %u",
		ac_protection_level(cf, &c));
}

static void flags_of_hardware_fall(struct cf *cf)
{
	const struct cf_device device = cf_device(cf);
	struct ac_channel a = ac_channel_ready(cf, &device, AC_SOFTWARE);
	struct ac_channel b = ac_channel_ready(cf, &device, AC_HARDWARE);

	need_level(cf, &b, 2);
	AC_TRUE(cf, "AC-158", ac_protection_level(cf, &a) & 2, "the flag of a hardware channel is not told");
	AC_CODE(cf, "AC-158", S_OK, ac_destroy(&device, b.h));
	AC_TRUE(cf, "AC-158", ac_protection_level(cf, &a) == base_level(cf), "the flag of a hardware channel stays");
}

enum { MOST = 4096 };

/* A picture in a protected surface of the device; returns its size. */
static size_t put_picture(struct cf *cf, const struct cf_device *device, struct cf_surface *ret_surface,
			  uint8_t ret_picture[MOST])
{
	const HANDLE session = cf_session(cf, device);
	struct cf_surface system;
	size_t size;

	*ret_surface = cf_protected(cf, device, D3DDDIFMT_A8R8G8B8, 16, 4);
	system = cf_system(cf, device, D3DDDIFMT_A8R8G8B8, 16, 4);
	size = ret_surface->size < MOST ? ret_surface->size : MOST;
	cf_pattern(ret_picture, MOST, 158);
	CF_NEED(cf, cf_exchange(cf, device, session, cf_key_k));
	CF_NEED(cf, cf_put(cf, device, session, cf_key_k, ret_picture, &system, ret_surface));
	return size;
}

/* The last that protects goes: Lock works again, and shows nothing of the picture. */
static void content_goes_with_protection(struct cf *cf)
{
	static const char *const rules[] = { "AC-158", "AC-163" };
	static uint8_t picture[MOST], seen[MOST];
	const uint8_t zero[MOST] = { 0 };

	for (size_t i = 0; i < AC_COUNT(rules); i++) {
		const struct cf_device device = cf_device(cf);
		struct ac_channel a = ac_channel_ready(cf, &device, AC_SOFTWARE);
		struct ac_channel b = ac_channel_ready(cf, &device, AC_SOFTWARE);
		struct cf_surface surface;
		size_t size;

		need_level(cf, &a, 1);
		need_level(cf, &b, 3);
		size = put_picture(cf, &device, &surface, picture);
		AC_CODE(cf, rules[i], S_OK, ac_destroy(&device, b.h));
		AC_CODE(cf, rules[i], E_ACCESSDENIED, ac_look(&device, surface.h, seen, size));
		AC_CODE(cf, rules[i], S_OK, ac_destroy(&device, a.h));
		memset(seen, AC_FILL, sizeof(seen));
		AC_CODE(cf, rules[i], S_OK, ac_look(&device, surface.h, seen, size));
		AC_BYTES(cf, rules[i], zero, seen, size, "the surface once nothing protects it any more");
	}
}

static void protection_stays_on(struct cf *cf)
{
	const struct cf_device device = cf_device(cf);
	struct ac_channel a = ac_channel_ready(cf, &device, AC_SOFTWARE);
	struct cf_surface surface;
	static uint8_t picture[MOST], seen[MOST];
	size_t size;

	if (!cf_has(cf, D3DCPCAPS_PROTECTIONALWAYSON))
		cf_skip(cf, "protection is not always on");
	need_level(cf, &a, 3);
	size = put_picture(cf, &device, &surface, picture);
	AC_CODE(cf, "AC-158", E_ACCESSDENIED, ac_look(&device, surface.h, seen, size));
	AC_CODE(cf, "AC-158", S_OK, ac_destroy(&device, a.h));
	AC_CODE(cf, "AC-158", E_ACCESSDENIED, ac_look(&device, surface.h, seen, size));
}

/* ---- encryption ------------------------------------------------------------------------------------------------------ */

static GUID offered(struct cf *cf, struct ac_channel *channel)
{
	const UINT index = 0;
	struct ac_message message = ac_query(channel, &D3DAUTHENTICATEDQUERY_ENCRYPTIONWHENACCESSIBLEGUID, &index,
					     sizeof(index));
	GUID guid;

	CF_NEED(cf, ac_send(&channel->device, &message));
	memcpy(&guid, message.output + 52, sizeof(guid));
	return guid;
}

static void check_current(struct cf *cf, struct ac_channel *channel, const GUID *want, const char *what)
{
	struct ac_message message = ac_query(channel, &D3DAUTHENTICATEDQUERY_CURRENTENCRYPTIONWHENACCESSIBLE, NULL, 0);

	ac_accepted(cf, "AC-159", channel, &message);
	AC_BYTES(cf, "AC-159", want, message.output + AC_HEADER, sizeof(*want), what);
}

static void need_encryption(struct cf *cf, struct ac_channel *channel, const GUID *guid)
{
	struct ac_message message = ac_encryption(channel, guid);

	CF_NEED(cf, ac_send(&channel->device, &message));
}

static void its_encryption_falls(struct cf *cf)
{
	const struct cf_device device = cf_device(cf);
	struct ac_channel a = ac_channel_ready(cf, &device, AC_SOFTWARE);
	struct ac_channel b = ac_channel_ready(cf, &device, AC_SOFTWARE);
	const GUID guid = offered(cf, &b);

	need_encryption(cf, &a, &guid);
	check_current(cf, &b, &guid, "the encryption in force that A has set");
	AC_CODE(cf, "AC-159", S_OK, ac_destroy(&device, a.h));
	check_current(cf, &b, &ac_no_guid, "the encryption in force after A has gone");

	/* Unless another holds it too. */
	a = ac_channel_ready(cf, &device, AC_SOFTWARE);
	need_encryption(cf, &a, &guid);
	need_encryption(cf, &b, &guid);
	AC_CODE(cf, "AC-159", S_OK, ac_destroy(&device, a.h));
	check_current(cf, &b, &guid, "the encryption in force that B holds, after A has gone");
}

/* ---- shared resources ---------------------------------------------------------------------------------------------------- */

enum question { TOKEN, OPEN };

/* Of another process: its token, or whether the resource opens there. */
static uint64_t answer(struct cf *cf, uint64_t question, void *context)
{
	static struct cf_device device;
	const int *nt_handle = context;
	struct rt_resource *resource;
	UINT64 token = 0;

	if (question == TOKEN)
		return DxvaultGetProcessToken(&token) == STATUS_SUCCESS ? token : 0;
	if (!device.h)
		device = cf_device(cf);
	return (uint32_t)rt_resource_open(device.rt, *nt_handle, &resource);
}

static int share_restricted(struct cf *cf, const struct cf_device *device)
{
	const struct rt_surface surface = { .format = D3DDDIFMT_A8R8G8B8, .width = 16, .height = 1 };
	const D3DDDI_RESOURCEFLAGS flags = { .SharedResource = 1, .RestrictedContent = 1, .RestrictSharedAccess = 1 };
	struct rt_resource *resource;
	int nt_handle;

	CF_NEED(cf, rt_resource_create_video(device->rt, &surface, flags, &resource));
	if (rt_resource_share(resource, &nt_handle) != S_OK)
		cf_skip(cf, "its resources are not shared by the kernel");
	return nt_handle;
}

static void restricted_stays_restricted(struct cf *cf)
{
	const struct cf_device device = cf_device(cf);
	struct ac_channel a = ac_channel_ready(cf, &device, AC_SOFTWARE);
	int nt_handle = share_restricted(cf, &device);
	struct cf_peer peer = cf_peer_start(cf, answer, &nt_handle);

	need_level(cf, &a, 3);
	AC_CODE(cf, "AC-160", E_ACCESSDENIED, (HRESULT)cf_peer_ask(cf, &peer, OPEN));
	AC_CODE(cf, "AC-160", S_OK, ac_destroy(&device, a.h));
	AC_CODE(cf, "AC-160", E_ACCESSDENIED, (HRESULT)cf_peer_ask(cf, &peer, OPEN));
	cf_peer_end(cf, &peer);
}

static void check_listed(struct cf *cf, struct ac_channel *channel, UINT want)
{
	struct ac_message message = ac_query(channel, &D3DAUTHENTICATEDQUERY_RESTRICTEDSHAREDRESOURCEPROCESSCOUNT, NULL,
					     0);

	ac_accepted(cf, "AC-161", channel, &message);
	AC_TRUE(cf, "AC-161", ac_u32(message.output, AC_HEADER) == want, "%u processes are listed, not %u",
		ac_u32(message.output, AC_HEADER), want);
}

static void the_list_stays(struct cf *cf)
{
	const struct cf_device device = cf_device(cf);
	struct ac_channel a = ac_channel_ready(cf, &device, AC_SOFTWARE);
	struct ac_channel b = ac_channel_ready(cf, &device, AC_SOFTWARE);
	int nt_handle = share_restricted(cf, &device);
	struct cf_peer peer = cf_peer_start(cf, answer, &nt_handle);
	const UINT64 token = cf_peer_ask(cf, &peer, TOKEN);
	const UINT index = 0;
	struct ac_message message = ac_share(&a, PROCESSIDTYPE_HANDLE, token, TRUE);

	CF_NEED(cf, ac_send(&device, &message));
	check_listed(cf, &b, 1);
	AC_CODE(cf, "AC-161", S_OK, ac_destroy(&device, a.h));
	check_listed(cf, &b, 1);
	message = ac_query(&b, &D3DAUTHENTICATEDQUERY_RESTRICTEDSHAREDRESOURCEPROCESS, &index, sizeof(index));
	ac_accepted(cf, "AC-161", &b, &message);
	AC_TRUE(cf, "AC-161", ac_u64(message.output, 56) == token, "entry 0 is process %llu",
		(unsigned long long)ac_u64(message.output, 56));
	AC_CODE(cf, "AC-161", S_OK, (HRESULT)cf_peer_ask(cf, &peer, OPEN));
	message = ac_share(&b, PROCESSIDTYPE_HANDLE, token, FALSE);
	ac_accepted(cf, "AC-161", &b, &message);
	check_listed(cf, &b, 0);
	AC_CODE(cf, "AC-161", E_ACCESSDENIED, (HRESULT)cf_peer_ask(cf, &peer, OPEN));
	cf_peer_end(cf, &peer);
}

/* ---- crypto sessions -------------------------------------------------------------------------------------------------------- */

static void check_tied(struct cf *cf, struct ac_channel *channel, const struct ac_decode *decode, HANDLE session,
		       HANDLE device_id)
{
	const HANDLE want[] = { decode->handle, session, device_id };
	struct ac_message message = ac_query(channel, &D3DAUTHENTICATEDQUERY_CRYPTOSESSION, &decode->handle,
					     sizeof(decode->handle));

	ac_accepted(cf, "AC-162", channel, &message);
	AC_BYTES(cf, "AC-162", want, message.output + AC_HEADER, sizeof(want), "the session that a decode device has");
}

static void sessions_stay_tied(struct cf *cf)
{
	const struct cf_device device = cf_device(cf);
	struct ac_channel a = ac_channel_ready(cf, &device, AC_SOFTWARE);
	struct ac_channel b = ac_channel_ready(cf, &device, AC_SOFTWARE);
	const struct ac_decode decode = ac_decode_new(cf, &device, 0);
	const HANDLE first = ac_decode_session(cf, &device, 0), second = ac_decode_session(cf, &device, 0);
	const HANDLE device_id = ac_device_id(cf, &a);
	struct ac_message message = ac_tie(&a, decode.handle, first, device_id);

	CF_NEED(cf, ac_send(&device, &message));
	/* A owns the tie, and B may not replace it. */
	message = ac_tie(&b, decode.handle, second, device_id);
	ac_refused_signed(cf, "AC-162", &b, E_INVALIDARG, &message);
	AC_CODE(cf, "AC-162", S_OK, ac_destroy(&device, a.h));
	check_tied(cf, &b, &decode, first, device_id);
	message = ac_tie(&b, decode.handle, second, device_id);
	ac_accepted(cf, "AC-162", &b, &message);
	check_tied(cf, &b, &decode, second, device_id);
}

/* ---- when it works, and when it does not ------------------------------------------------------------------------------------- */

static void works_in_every_state(struct cf *cf)
{
	const struct cf_device device = cf_device(cf);
	struct ac_channel channel = ac_channel_new(cf, &device, AC_SOFTWARE);

	AC_CODE(cf, "AC-163", S_OK, ac_destroy(&device, channel.h));
	channel = ac_channel_keyed(cf, &device, AC_SOFTWARE);
	AC_CODE(cf, "AC-163", S_OK, ac_destroy(&device, channel.h));
	channel = ac_channel_ready(cf, &device, AC_SOFTWARE);
	AC_CODE(cf, "AC-163", S_OK, ac_destroy(&device, channel.h));
	/* With no number left. */
	channel = ac_channel_ready(cf, &device, AC_SOFTWARE);
	channel.next_command = 0xffffffff;
	need_level(cf, &channel, 3);
	AC_CODE(cf, "AC-163", S_OK, ac_destroy(&device, channel.h));
}

static void not_from_another_device(struct cf *cf)
{
	static char nothing[256];
	const struct cf_device device = cf_device(cf), other = cf_device(cf);
	struct ac_channel a = ac_channel_ready(cf, &device, AC_SOFTWARE);
	const HANDLE wrong[] = { NULL, nothing, device.h, (HANDLE)(uintptr_t)UINT64_MAX };
	struct ac_message message;

	need_level(cf, &a, 2);
	AC_CODE(cf, "AC-164", E_INVALIDARG, ac_destroy(&other, a.h));
	for (size_t i = 0; i < AC_COUNT(wrong); i++)
		AC_CODE(cf, "AC-164", E_INVALIDARG, ac_destroy(&device, wrong[i]));
	message = ac_query(&a, &D3DAUTHENTICATEDQUERY_CHANNELTYPE, NULL, 0);
	ac_accepted(cf, "AC-164", &a, &message);
	AC_TRUE(cf, "AC-164", ac_protection_level(cf, &a) & 2, "the flag is gone");
	message = ac_protection(&a, 0);
	ac_accepted(cf, "AC-164", &a, &message);
}

static void nothing_is_inherited(struct cf *cf)
{
	const struct cf_device device = cf_device(cf);
	struct ac_channel old = ac_channel_ready(cf, &device, AC_SOFTWARE), channel;
	struct ac_message message;

	old.next_command = 0xf0000000;
	old.next_query = 0xf0000000;
	need_level(cf, &old, 3);
	CF_NEED(cf, ac_destroy(&device, old.h));

	channel = ac_channel_new(cf, &device, AC_SOFTWARE);
	memcpy(channel.key, old.key, CF_KEY);
	message = ac_command_at(&channel, 0xf0000001, &D3DAUTHENTICATEDCONFIGURE_PROTECTION, NULL, 0);
	ac_refused_bare(cf, "AC-166", &device, E_INVALIDARG, &message);
	message = ac_initialize(&channel, 0, 0, 0);
	ac_refused_bare(cf, "AC-166", &device, E_INVALIDARG, &message);
	message = ac_query_at(&channel, 0xf0000001, &D3DAUTHENTICATEDQUERY_PROTECTION, NULL, 0);
	ac_refused_bare(cf, "AC-166", &device, E_INVALIDARG, &message);

	/* With a key of its own: not the old one's, and not its numbers. */
	cf_key(166, channel.key);
	CF_NEED(cf, ac_exchange(cf, &device, channel.h, channel.key));
	message = ac_command_at(&channel, 0xf0000001, &D3DAUTHENTICATEDCONFIGURE_PROTECTION, NULL, 0);
	ac_refused_bare(cf, "AC-166", &device, E_INVALIDARG, &message);
	message = ac_initialize(&channel, 0, 7, 9);
	ac_sign(&message, old.key);
	ac_refused_bare(cf, "AC-166", &device, E_INVALIDARG, &message);
	ac_sign(&message, channel.key);
	ac_accepted(cf, "AC-166", &channel, &message);
	channel.next_command = 7;
	channel.next_query = 9;
	AC_TRUE(cf, "AC-166", ac_protection_level(cf, &channel) == base_level(cf), "its level is %u",
		ac_protection_level(cf, &channel));
	message = ac_protection(&channel, 0);
	ac_accepted(cf, "AC-166", &channel, &message);
}

const struct cf_test ac_tests_destroy[] = {
	{ "channel-destroy-handle", "AC-157", the_handle_is_dead },
	{ "channel-destroy-flags", "AC-158", its_own_flags_fall },
	{ "channel-destroy-flags-switched", "AC-158", its_own_flags_fall, .variant = AC_SWITCHED },
	{ "channel-destroy-flags-hardware", "AC-158", flags_of_hardware_fall, .settings = AC_EVERYTHING },
	{ "channel-destroy-content", "AC-158 AC-163", content_goes_with_protection, .variant = AC_SWITCHED },
	{ "channel-destroy-always-on", "AC-158", protection_stays_on },
	{ "channel-destroy-encryption", "AC-159", its_encryption_falls, .settings = AC_EVERYTHING },
	{ "channel-destroy-restricted", "AC-160", restricted_stays_restricted },
	{ "channel-destroy-process-list", "AC-161", the_list_stays },
	{ "channel-destroy-association", "AC-162", sessions_stay_tied, .settings = AC_EVERYTHING },
	{ "channel-destroy-states", "AC-163", works_in_every_state },
	{ "channel-destroy-other-device", "AC-164", not_from_another_device },
	{ "channel-destroy-inherits-nothing", "AC-166", nothing_is_inherited },
	{ 0 },
};
