/* SPDX-License-Identifier: MIT */
/* Tests of authenticated-channel.md: after the adapter is gone, and after the protected key store is lost. */
#include "conform/ac/bench.h"

#include <string.h>

/* ---- the adapter -------------------------------------------------------------------------------------------------------- */

static void create_and_exchange_say_so(struct ac_bench *bench, const struct ac_channel *keyless,
				       const uint8_t blob[CF_BLOB])
{
	D3DDDIARG_CREATEAUTHENTICATEDCHANNEL create = { .ChannelType = (DDIAUTHENTICATEDCHANNELTYPE)AC_SOFTWARE,
							.hChannel = bench };
	const D3DDDIARG_CREATEAUTHENTICATEDCHANNEL before = create;
	struct cf *cf = bench->cf;
	struct ac_message message;

	AC_CODE(cf, "AC-167", D3DDDIERR_DEVICEREMOVED,
		bench->device.f->pfnCreateAuthenticatedChannel(bench->device.h, &create));
	AC_TRUE(cf, "AC-167", create.hChannel == before.hChannel && create.ChannelType == before.ChannelType,
		"Create changed its structure");
	AC_CODE(cf, "AC-167", D3DDDIERR_DEVICEREMOVED, ac_exchange_blob(&bench->device, keyless->h, blob));
	AC_CODE(cf, "AC-167", D3DDDIERR_DEVICEREMOVED, ac_exchange_blob(&bench->device, bench->channel.h, blob));
	AC_CODE(cf, "AC-167", D3DDDIERR_DEVICEREMOVED, ac_exchange_blob(&bench->device, NULL, blob));
	message = ac_initialize(keyless, 0, 1, 2);
	ac_refused_bare(cf, "AC-167", &bench->device, D3DDDIERR_DEVICEREMOVED, &message);
}

/* A message of each kind, with what later checks would find too. */
static void messages_say_so(struct ac_bench *bench, const struct cf_device *other, enum ac_kind kind)
{
	const char *rule = kind < AC_COMMANDS ? "AC-168" : "AC-174";
	const struct ac_message genuine = ac_bench_message(bench, &bench->channel, kind);
	const size_t type = kind < AC_COMMANDS ? 16 : 0;
	struct cf *cf = bench->cf;
	struct ac_message message = genuine;

	ac_refused_bare(cf, "AC-167", &bench->device, D3DDDIERR_DEVICEREMOVED, &message);
	/* Not even a replay is told from the first time. */
	ac_refused_bare(cf, rule, &bench->device, D3DDDIERR_DEVICEREMOVED, &message);
	ac_refused_bare(cf, rule, other, D3DDDIERR_DEVICEREMOVED, &message);
	message.input[type + 23] ^= 0x20; /* no such channel */
	ac_refused_bare(cf, rule, &bench->device, D3DDDIERR_DEVICEREMOVED, &message);
	message = genuine;
	message.input[type + 5] ^= 1; /* no such GUID */
	ac_refused_bare(cf, rule, &bench->device, D3DDDIERR_DEVICEREMOVED, &message);
	message = genuine;
	message.input_size += 8;
	ac_refused_bare(cf, rule, &bench->device, D3DDDIERR_DEVICEREMOVED, &message);
	if (kind >= AC_COMMANDS)
		return;
	message = genuine;
	message.input[9] ^= 1; /* tag */
	ac_refused_bare(cf, rule, &bench->device, D3DDDIERR_DEVICEREMOVED, &message);
}

/* What stands before the adapter in the order of the checks. */
static void earlier_checks(struct ac_bench *bench)
{
	struct cf *cf = bench->cf;
	struct ac_message message = ac_protection(&bench->channel, 1);

	message.input_size = 47;
	AC_CODE(cf, "AC-167", E_INVALIDARG, ac_send(&bench->device, &message));
	ac_is_zero(cf, "AC-167", &message);
	AC_CODE(cf, "AC-168", E_INVALIDARG, ac_configure(&bench->device, NULL, 56, message.output));
	AC_CODE(cf, "AC-168", E_INVALIDARG, ac_configure(&bench->device, message.input, 56, NULL));
	message = ac_bench_message(bench, &bench->channel, AC_Q_PROTECTION);
	message.output_size = 47;
	AC_CODE(cf, "AC-174", E_INVALIDARG, ac_send(&bench->device, &message));
	ac_is_none(cf, "AC-174", &message);
	message.output_size = 56;
	message.input_size = 31;
	AC_CODE(cf, "AC-174", E_INVALIDARG, ac_send(&bench->device, &message));
	ac_is_zero(cf, "AC-174", &message);
	AC_CODE(cf, "AC-174", E_INVALIDARG, ac_ask(&bench->device, NULL, 32, message.output, 56));
	AC_CODE(cf, "AC-174", E_INVALIDARG, ac_ask(&bench->device, message.input, 32, NULL, 56));
}

static void the_adapter_is_gone(struct cf *cf)
{
	const struct cf_device other = cf_device(cf);
	struct ac_bench bench;
	struct ac_channel channels[3];
	uint8_t blob[CF_BLOB];

	ac_bench_open(cf, &bench);
	channels[0] = ac_channel_new(cf, &bench.device, AC_SOFTWARE);
	channels[1] = ac_channel_keyed(cf, &bench.device, AC_SOFTWARE);
	channels[2] = bench.channel;
	cf_wrap(cf, D3DDDI_CERTTYPE_AUTHENTICATED_CHANNEL, channels[0].key, CF_KEY, blob);
	cf_remove_adapter(cf);
	create_and_exchange_say_so(&bench, &channels[0], blob);
	for (int kind = AC_PROTECTION; kind < AC_KINDS; kind++)
		messages_say_so(&bench, &other, kind);
	earlier_checks(&bench);
	/* Destroy works in every state, once. */
	for (size_t i = 0; i < AC_COUNT(channels); i++) {
		AC_CODE(cf, "AC-163", S_OK, ac_destroy(&bench.device, channels[i].h));
		AC_CODE(cf, "AC-163", E_INVALIDARG, ac_destroy(&bench.device, channels[i].h));
	}
}

/* ---- the key store ---------------------------------------------------------------------------------------------------------- */

static void refuses_like_one_without_a_key(struct ac_bench *bench, struct ac_channel *channel)
{
	struct cf *cf = bench->cf;
	struct ac_message message;

	for (int kind = 0; kind < AC_KINDS; kind++) {
		message = ac_bench_message(bench, channel, kind);
		ac_refused_bare(cf, "AC-169", &bench->device, E_INVALIDARG, &message);
	}
	message = ac_command(channel, &ac_random_guid, NULL, 0);
	ac_refused_bare(cf, "AC-169", &bench->device, E_INVALIDARG, &message);
	message = ac_query(channel, &ac_random_guid, NULL, 0);
	ac_refused_bare(cf, "AC-169", &bench->device, E_INVALIDARG, &message);
	/* Nor is there another key that would do. */
	message = ac_command(channel, &D3DAUTHENTICATEDCONFIGURE_PROTECTION, NULL, 0);
	ac_sign(&message, (const uint8_t[CF_KEY]) { 0 });
	ac_refused_bare(cf, "AC-169", &bench->device, E_INVALIDARG, &message);
}

static void keys_are_lost(struct cf *cf)
{
	struct ac_bench bench;
	struct ac_channel keyed, keyless;

	ac_bench_open(cf, &bench);
	keyed = ac_channel_keyed(cf, &bench.device, AC_SOFTWARE);
	keyless = ac_channel_new(cf, &bench.device, AC_SOFTWARE);
	cf_lose_keys(cf);
	refuses_like_one_without_a_key(&bench, &bench.channel);
	refuses_like_one_without_a_key(&bench, &keyed);
	/* One that had none lost nothing. */
	AC_CODE(cf, "AC-169", S_OK, ac_exchange(cf, &bench.device, keyless.h, keyless.key));
	AC_CODE(cf, "AC-163", S_OK, ac_destroy(&bench.device, bench.channel.h));
	AC_CODE(cf, "AC-163", S_OK, ac_destroy(&bench.device, keyed.h));
	AC_CODE(cf, "AC-163", S_OK, ac_destroy(&bench.device, keyless.h));
	AC_CODE(cf, "AC-163", E_INVALIDARG, ac_destroy(&bench.device, keyed.h));
}

static void no_second_key(struct cf *cf)
{
	struct ac_bench bench;
	struct ac_channel lost[2], fresh;
	struct ac_message message;
	uint8_t blobs[2][CF_BLOB];

	ac_bench_open(cf, &bench);
	lost[0] = bench.channel;
	lost[1] = ac_channel_keyed(cf, &bench.device, AC_SOFTWARE);
	cf_wrap(cf, D3DDDI_CERTTYPE_AUTHENTICATED_CHANNEL, bench.channel.key, CF_KEY, blobs[0]);
	cf_wrap(cf, D3DDDI_CERTTYPE_AUTHENTICATED_CHANNEL, cf_key_c, CF_KEY, blobs[1]);
	cf_lose_keys(cf);
	for (size_t i = 0; i < AC_COUNT(lost); i++) {
		for (size_t j = 0; j < AC_COUNT(blobs); j++) {
			/* Its own key again, and another. */
			AC_CODE(cf, "AC-171", E_INVALIDARG, ac_exchange_blob(&bench.device, lost[i].h, blobs[j]));
			memcpy(lost[i].key, j ? cf_key_c : bench.channel.key, CF_KEY);
			message = ac_protection(&lost[i], 1);
			ac_refused_bare(cf, "AC-171", &bench.device, E_INVALIDARG, &message);
		}
	}
	/* A new channel takes the same blob, and works. */
	fresh = ac_channel_new(cf, &bench.device, AC_SOFTWARE);
	memcpy(fresh.key, cf_key_c, CF_KEY);
	AC_CODE(cf, "AC-171", S_OK, ac_exchange(cf, &bench.device, fresh.h, fresh.key));
	message = ac_bench_message(&bench, &fresh, AC_INITIALIZE);
	ac_accepted(cf, "AC-171", &fresh, &message);
	fresh.next_command = AC_FIRST_COMMAND;
	message = ac_protection(&fresh, 1);
	ac_accepted(cf, "AC-171", &fresh, &message);
}

static bool is_zero(const void *bytes, size_t size)
{
	const uint8_t *at = bytes;

	for (size_t i = 0; i < size; i++) {
		if (at[i] != 0)
			return false;
	}
	return true;
}

static void protections_stay(struct cf *cf)
{
	struct ac_bench bench;
	struct ac_channel lost[2];
	struct ac_message message;
	struct ac_state before;
	const char *change;
	HANDLE other;

	ac_bench_open_all(cf, &bench);
	other = ac_decode_session(cf, &bench.device, 0);
	for (int kind = AC_PROTECTION; kind < AC_COMMANDS; kind++) {
		message = ac_bench_message(&bench, &bench.channel, kind);
		CF_NEED(cf, ac_send(&bench.device, &message));
	}
	ac_state_take(&bench, &before);
	cf_lose_keys(cf);

	/* Whoever comes next sees all of it, and respects it. */
	lost[0] = bench.channel;
	lost[1] = bench.observer;
	bench.observer = ac_channel_ready(cf, &bench.device, AC_SOFTWARE);
	change = ac_state_change(&bench, &before);
	AC_TRUE(cf, "AC-170", !change, "the loss changed the answer to the %s", change);
	message = ac_protection(&bench.observer, 0);
	ac_refused_signed(cf, "AC-170", &bench.observer, E_INVALIDARG, &message);
	message = ac_protection(&bench.observer, 1);
	ac_refused_signed(cf, "AC-170", &bench.observer, E_INVALIDARG, &message);
	message = ac_encryption(&bench.observer, &ac_no_guid);
	ac_refused_signed(cf, "AC-170", &bench.observer, E_INVALIDARG, &message);
	message = ac_tie(&bench.observer, bench.free_decode, other, bench.device_id);
	ac_refused_signed(cf, "AC-170", &bench.observer, E_INVALIDARG, &message);
	change = ac_state_change(&bench, &before);
	AC_TRUE(cf, "AC-170", !change, "a refused command changed the answer to the %s", change);

	/* Until the lost channels are destroyed. */
	CF_NEED(cf, ac_destroy(&bench.device, lost[0].h));
	AC_TRUE(cf, "AC-170", (ac_protection_level(cf, &bench.observer) & 2) == 0,
		"OverlayOrFullscreenRequired is set after Destroy");
	message = ac_bench_message(&bench, &bench.observer, AC_Q_CURRENT);
	ac_accepted(cf, "AC-170", &bench.observer, &message);
	AC_TRUE(cf, "AC-170", is_zero(message.output + AC_HEADER, sizeof(GUID)), "the encryption is set after Destroy");
	CF_NEED(cf, ac_destroy(&bench.device, lost[1].h));
	message = ac_protection(&bench.observer, 0);
	ac_accepted(cf, "AC-170", &bench.observer, &message);
	/* The list and the ties are no channel's. */
	message = ac_bench_message(&bench, &bench.observer, AC_Q_PROCESS_COUNT);
	ac_accepted(cf, "AC-170", &bench.observer, &message);
	AC_TRUE(cf, "AC-170", ac_u32(message.output, AC_HEADER) == 2, "there are %u entries after Destroy",
		ac_u32(message.output, AC_HEADER));
	message = ac_tie(&bench.observer, bench.free_decode, other, bench.device_id);
	ac_accepted(cf, "AC-170", &bench.observer, &message);
}

const struct cf_test ac_tests_loss[] = {
	{ "loss-adapter", "AC-163 AC-167 AC-168 AC-174", the_adapter_is_gone, .is_private = true },
	{ "loss-keys", "AC-163 AC-169", keys_are_lost },
	{ "loss-no-second-key", "AC-171", no_second_key },
	{ "loss-protections-stay", "AC-170", protections_stay, .settings = AC_EVERYTHING },
	{ 0 },
};
