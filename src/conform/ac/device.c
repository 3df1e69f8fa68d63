/* SPDX-License-Identifier: MIT */
/* Tests of authenticated-channel.md: a channel and its device: other devices, the device's end, no device at all. */
#include "conform/ac/bench.h"

#include <string.h>

enum { MOST = 4096 };

/* ---- devices ------------------------------------------------------------------------------------------------------ */

static void another_device(struct cf *cf)
{
	const struct cf_device device = cf_device(cf), other = cf_device(cf);
	struct ac_channel a = ac_channel_new(cf, &device, AC_SOFTWARE);
	struct ac_message message;

	cf_key(11, a.key);
	AC_CODE(cf, "AC-011", E_INVALIDARG, ac_exchange(cf, &other, a.h, a.key));
	AC_CODE(cf, "AC-011", S_OK, ac_exchange(cf, &device, a.h, a.key));
	message = ac_initialize(&a, 0, AC_FIRST_COMMAND, AC_FIRST_QUERY);
	AC_CODE(cf, "AC-011", E_INVALIDARG, ac_send(&other, &message));
	AC_CODE(cf, "AC-011", S_OK, ac_send(&device, &message));
	a.next_command = AC_FIRST_COMMAND;
	a.next_query = AC_FIRST_QUERY;

	/* The same message each time: had the first sending used its number up, the second would be stale. */
	message = ac_protection(&a, 2);
	AC_CODE(cf, "AC-011", E_INVALIDARG, ac_send(&other, &message));
	AC_TRUE(cf, "AC-011", !(ac_protection_level(cf, &a) & 2), "the flag was set through another device");
	AC_CODE(cf, "AC-011", S_OK, ac_send(&device, &message));
	message = ac_query(&a, &D3DAUTHENTICATEDQUERY_CHANNELTYPE, NULL, 0);
	AC_CODE(cf, "AC-011", E_INVALIDARG, ac_send(&other, &message));
	AC_CODE(cf, "AC-011", S_OK, ac_send(&device, &message));
	AC_CODE(cf, "AC-011", E_INVALIDARG, ac_destroy(&other, a.h));
	AC_TRUE(cf, "AC-011", ac_protection_level(cf, &a) & 2, "the flag is gone");
	AC_CODE(cf, "AC-011", S_OK, ac_destroy(&device, a.h));
}

static void nothing_is_signed_for_another_device(struct cf *cf)
{
	const struct cf_device device = cf_device(cf), other = cf_device(cf);
	struct ac_channel a = ac_channel_keyed(cf, &device, AC_SOFTWARE);
	struct ac_message message = ac_initialize(&a, 0, AC_FIRST_COMMAND, AC_FIRST_QUERY);

	ac_refused_bare(cf, "AC-012", &other, E_INVALIDARG, &message);
	ac_accepted(cf, "AC-012", &a, &message);
	a.next_command = AC_FIRST_COMMAND;
	a.next_query = AC_FIRST_QUERY;
	message = ac_protection(&a, 0);
	ac_refused_bare(cf, "AC-012", &other, E_INVALIDARG, &message);
	ac_accepted(cf, "AC-012", &a, &message);
	message = ac_query(&a, &D3DAUTHENTICATEDQUERY_CHANNELTYPE, NULL, 0);
	ac_refused_bare(cf, "AC-012", &other, E_INVALIDARG, &message);
	ac_accepted(cf, "AC-012", &a, &message);
}

/* ---- the end of the device ---------------------------------------------------------------------------------------- */

static void channels_go_with_their_device(struct cf *cf)
{
	const struct cf_device device = cf_device(cf), other = cf_device(cf);
	struct ac_channel channels[3] = {
		ac_channel_new(cf, &device, AC_SOFTWARE),
		ac_channel_keyed(cf, &device, AC_SOFTWARE),
		ac_channel_ready(cf, &device, AC_SOFTWARE),
	};
	struct ac_message message = ac_protection(&channels[2], 3);
	uint8_t key[CF_KEY];

	cf_key(13, key);
	CF_NEED(cf, ac_send(&device, &message));
	AC_CODE(cf, "AC-013", S_OK, device.f->pfnDestroyDevice(device.h));
	for (size_t i = 0; i < AC_COUNT(channels); i++) {
		const struct ac_channel *channel = &channels[i];

		AC_CODE(cf, "AC-013", E_INVALIDARG, ac_exchange(cf, &other, channel->h, key));
		message = ac_initialize(channel, 0, 0, 0);
		ac_refused_bare(cf, "AC-013", &other, E_INVALIDARG, &message);
		message = ac_query_at(channel, AC_FIRST_QUERY, &D3DAUTHENTICATEDQUERY_PROTECTION, NULL, 0);
		ac_refused_bare(cf, "AC-013", &other, E_INVALIDARG, &message);
		AC_CODE(cf, "AC-013", E_INVALIDARG, ac_destroy(&other, channel->h));
	}
}

/* With the effects that Destroy has: the protection of a surface that another device made falls, and its content with it. */
static void protection_goes_with_the_device(struct cf *cf)
{
	static uint8_t picture[MOST], seen[MOST], zero[MOST];
	const struct rt_surface kind = { .format = D3DDDIFMT_A8R8G8B8, .width = 16, .height = 4 };
	const D3DDDI_RESOURCEFLAGS flags = { .SharedResource = 1, .RestrictedContent = 1 };
	const struct cf_device device = cf_device(cf), other = cf_device(cf);
	struct ac_channel a = ac_channel_ready(cf, &device, AC_SOFTWARE);
	struct ac_message message = ac_protection(&a, 1);
	struct cf_surface surface = cf_protected(cf, &other, kind.format, kind.width, kind.height);
	const struct cf_surface system = cf_system(cf, &other, kind.format, kind.width, kind.height);
	const HANDLE session = cf_session(cf, &other);
	const size_t size = surface.size < MOST ? surface.size : MOST;
	struct rt_resource *resource, *opened;
	int nt_handle;

	CF_NEED(cf, rt_resource_create_video(other.rt, &kind, flags, &resource));
	surface.h = rt_resource_handle(resource);
	if (rt_resource_share(resource, &nt_handle) != S_OK)
		cf_skip(cf, "its resources are not shared by the kernel");
	CF_NEED(cf, rt_resource_open(device.rt, nt_handle, &opened));
	cf_pattern(picture, sizeof(picture), 13);
	CF_NEED(cf, cf_exchange(cf, &other, session, cf_key_k));
	CF_NEED(cf, cf_put(cf, &other, session, cf_key_k, picture, &system, &surface));
	AC_CODE(cf, "AC-013", S_OK, ac_look(&other, surface.h, seen, size));
	AC_BYTES(cf, "AC-013", picture, seen, size, "the surface before anything protects it");
	CF_NEED(cf, ac_send(&device, &message));
	AC_CODE(cf, "AC-013", E_ACCESSDENIED, ac_look(&other, surface.h, seen, size));
	AC_CODE(cf, "AC-013", S_OK, device.f->pfnDestroyDevice(device.h));
	AC_CODE(cf, "AC-013", S_OK, ac_look(&other, surface.h, seen, size));
	AC_BYTES(cf, "AC-013", zero, seen, size, "the surface after the device that protected it has gone");
}

/* ---- arguments -------------------------------------------------------------------------------------------------------- */

/* The five functions, with arguments that are right but for this device. */
static void check_dead_device(struct cf *cf, const struct ac_channel *channel, HANDLE device, const char *what)
{
	const struct cf_device wrong = { .h = device, .f = channel->device.f };
	D3DDDIARG_CREATEAUTHENTICATEDCHANNEL create, before;
	struct ac_message message;
	uint8_t key[CF_KEY];

	memset(&create, 0xa5, sizeof(create));
	create.ChannelType = DDIAUTHENTICATEDCHANNEL_DRIVER_SOFTWARE;
	memcpy(&before, &create, sizeof(before));
	ac_check_code(cf, "AC-014", E_INVALIDARG, wrong.f->pfnCreateAuthenticatedChannel(device, &create), what);
	AC_BYTES(cf, "AC-014", &before, &create, sizeof(create), "the structure of a refused Create");
	cf_key(14, key);
	ac_check_code(cf, "AC-014", E_INVALIDARG, ac_exchange(cf, &wrong, channel->h, key), what);
	message = ac_command_at(channel, channel->next_command, &D3DAUTHENTICATEDCONFIGURE_PROTECTION, NULL, 0);
	ac_check_code(cf, "AC-014", E_INVALIDARG, ac_send(&wrong, &message), what);
	ac_is_none(cf, "AC-014", &message);
	message = ac_query_at(channel, channel->next_query, &D3DAUTHENTICATEDQUERY_PROTECTION, NULL, 0);
	ac_check_code(cf, "AC-014", E_INVALIDARG, ac_send(&wrong, &message), what);
	ac_is_none(cf, "AC-014", &message);
	ac_check_code(cf, "AC-014", E_INVALIDARG, ac_destroy(&wrong, channel->h), what);
}

static void unknown_devices(struct cf *cf)
{
	static char nothing[256];
	const struct cf_device device = cf_device(cf), gone = cf_device(cf);
	const struct ac_channel channel = ac_channel_ready(cf, &device, AC_SOFTWARE);
	const HANDLE wrong[] = { NULL, nothing, gone.h, channel.h, (HANDLE)(uintptr_t)UINT64_MAX };
	static const char *const what[] = { "hDevice NULL", "hDevice never issued", "hDevice destroyed",
					    "hDevice is a channel", "hDevice is the greatest number" };
	struct ac_message message;

	CF_NEED(cf, gone.f->pfnDestroyDevice(gone.h));
	for (size_t i = 0; i < AC_COUNT(wrong); i++)
		check_dead_device(cf, &channel, wrong[i], what[i]);
	message = ac_command_at(&channel, channel.next_command, &D3DAUTHENTICATEDCONFIGURE_PROTECTION, NULL, 0);
	ac_accepted(cf, "AC-014", &channel, &message);
}

static void missing_arguments(struct cf *cf)
{
	const struct cf_device device = cf_device(cf);
	const D3DDDI_DEVICEFUNCS *f = device.f;
	const struct ac_channel bare = ac_channel_new(cf, &device, AC_SOFTWARE);
	struct ac_channel channel = ac_channel_ready(cf, &device, AC_SOFTWARE);
	struct ac_message message = ac_protection(&channel, 0);
	D3DDDIARG_AUTHENTICATEDCHANNELKEYEXCHANGE exchange = { .hChannel = bare.h, .DataSize = CF_BLOB };

	AC_CODE(cf, "AC-014", E_INVALIDARG, f->pfnCreateAuthenticatedChannel(device.h, NULL));
	AC_CODE(cf, "AC-014", E_INVALIDARG, f->pfnAuthenticatedChannelKeyExchange(device.h, NULL));
	AC_CODE(cf, "AC-014", E_INVALIDARG, f->pfnConfigureAuthenticatedChannel(device.h, NULL));
	AC_CODE(cf, "AC-014", E_INVALIDARG, f->pfnQueryAuthenticatedChannel(device.h, NULL));
	AC_CODE(cf, "AC-014", E_INVALIDARG, f->pfnDestroyAuthenticatedChannel(device.h, NULL));
	AC_CODE(cf, "AC-014", E_INVALIDARG, f->pfnAuthenticatedChannelKeyExchange(device.h, &exchange));

	memset(message.output, AC_FILL, sizeof(message.output));
	message.result = ac_configure(&device, NULL, message.input_size, message.output);
	AC_CODE(cf, "AC-014", E_INVALIDARG, message.result);
	ac_is_none(cf, "AC-014", &message);
	AC_CODE(cf, "AC-014", E_INVALIDARG, ac_configure(&device, message.input, message.input_size, NULL));
	ac_accepted(cf, "AC-014", &channel, &message);

	message = ac_query(&channel, &D3DAUTHENTICATEDQUERY_PROTECTION, NULL, 0);
	memset(message.output, AC_FILL, sizeof(message.output));
	message.result = ac_ask(&device, NULL, message.input_size, message.output, message.output_size);
	AC_CODE(cf, "AC-014", E_INVALIDARG, message.result);
	ac_is_none(cf, "AC-014", &message);
	AC_CODE(cf, "AC-014", E_INVALIDARG,
		ac_ask(&device, message.input, message.input_size, NULL, message.output_size));
	ac_accepted(cf, "AC-014", &channel, &message);
}

const struct cf_test ac_tests_device[] = {
	{ "channel-another-device", "AC-011", another_device },
	{ "channel-another-device-unsigned", "AC-012", nothing_is_signed_for_another_device },
	{ "channel-device-destroyed", "AC-013", channels_go_with_their_device },
	{ "channel-device-destroyed-protection", "AC-013", protection_goes_with_the_device, .variant = AC_SWITCHED },
	{ "channel-unknown-device", "AC-014", unknown_devices },
	{ "channel-missing-arguments", "AC-014", missing_arguments },
	{ 0 },
};
