/* SPDX-License-Identifier: MIT */
/* Mutants of DestroyAuthenticatedChannel, and of what it undoes and what it does not. */
#include "mutants_ac.h"

#include <string.h>

#define real_destroy mutant_real.pfnDestroyAuthenticatedChannel

typedef const D3DDDIARG_DESTROYAUTHENTICATEDCHANNEL destroy_arg;
typedef const D3DDDIARG_CONFIGUREAUTHENTICATEDCHANNEL configure_arg;

/* ---- what ends ---------------------------------------------------------------------------------------------------- */

static HRESULT APIENTRY do_nothing(HANDLE hDevice, destroy_arg *pData)
{
	struct ac_channel *channel = pData ? ac_channel(pData->hChannel) : NULL;

	return channel && channel->device == hDevice ? S_OK : ac_destroy(hDevice, pData);
}
AC_PUT(destroy_does_nothing, pfnDestroyAuthenticatedChannel, do_nothing)

static HRESULT APIENTRY twice(HANDLE hDevice, destroy_arg *pData)
{
	const HRESULT hr = ac_destroy(hDevice, pData);

	return hr == E_INVALIDARG && pData && ac_dead_channel(pData->hChannel) && !ac_channel(pData->hChannel) ? S_OK
													       : hr;
}
AC_PUT(second_destroy_is_fine, pfnDestroyAuthenticatedChannel, twice)

static HRESULT APIENTRY s_false(HANDLE hDevice, destroy_arg *pData)
{
	const HRESULT hr = real_destroy(hDevice, pData);

	return hr == S_OK ? S_FALSE : hr;
}
AC_PUT(destroy_is_s_false, pfnDestroyAuthenticatedChannel, s_false)

static HRESULT APIENTRY with_a_key(HANDLE hDevice, destroy_arg *pData)
{
	struct ac_channel *channel = pData ? ac_channel(pData->hChannel) : NULL;

	return channel && !channel->has_key ? E_INVALIDARG : ac_destroy(hDevice, pData);
}
AC_PUT(destroy_wants_a_key, pfnDestroyAuthenticatedChannel, with_a_key)

static HRESULT APIENTRY by_anyone(HANDLE hDevice, destroy_arg *pData)
{
	struct ac_channel *channel = pData ? ac_channel(pData->hChannel) : NULL;

	return ac_destroy(channel ? channel->device : hDevice, pData);
}
AC_PUT(destroy_by_others, pfnDestroyAuthenticatedChannel, by_anyone)

/* Refused, and gone all the same. */
static HRESULT APIENTRY refused_but_done(HANDLE hDevice, destroy_arg *pData)
{
	struct ac_channel *channel = pData ? ac_channel(pData->hChannel) : NULL;
	const HRESULT hr = ac_destroy(hDevice, pData);

	if (hr == E_INVALIDARG && hDevice && channel)
		(void)ac_destroy(channel->device, pData);
	return hr;
}
AC_PUT(refused_destroy_destroys, pfnDestroyAuthenticatedChannel, refused_but_done)

static HRESULT APIENTRY where_adapter_is(HANDLE hDevice, destroy_arg *pData)
{
	static const GUID none;
	struct ac_channel *channel = pData ? ac_channel(pData->hChannel) : NULL;
	_Alignas(8) uint8_t input[AC_ROOM] = { 0 }, answer[AC_ROOM];
	configure_arg command = { AC_HEADER, input, answer };

	memcpy(input + AC_TAG, &none, sizeof(none));
	if (channel)
		memcpy(input + 32, &channel->real, sizeof(channel->real));
	if (channel && mutant_real.pfnConfigureAuthenticatedChannel(hDevice, &command) == D3DDDIERR_DEVICEREMOVED)
		return D3DDDIERR_DEVICEREMOVED;
	return ac_destroy(hDevice, pData);
}
AC_PUT(destroy_wants_the_adapter, pfnDestroyAuthenticatedChannel, where_adapter_is)

static HRESULT inherit(struct ac_channel *channel)
{
	static const struct ac_channel *last;
	HRESULT hr = S_OK;

	if (last && last->is_dead && last->has_key && last->is_initialised) {
		channel->has_key = channel->is_initialised = true;
		memcpy(channel->key, last->key, AC_KEY);
		channel->next_command = last->next_command;
		channel->next_query = last->next_query;
		hr = ac_give_key(channel, channel->key, AC_KEY);
	}
	last = channel;
	return hr;
}

/* ---- what it undoes -------------------------------------------------------------------------------------------------- */

/* Of channels that are gone; tests have few devices. */
struct left {
	HANDLE device;
	UINT flags;
	GUID encryption;
};
static struct left lefts[64];

static struct left *left_on(HANDLE device)
{
	for (size_t i = 0; i < sizeof(lefts) / sizeof(lefts[0]); i++) {
		if (!lefts[i].device)
			lefts[i].device = device;
		if (lefts[i].device == device)
			return &lefts[i];
	}
	return &lefts[0];
}

static void leave(struct ac_channel *channel)
{
	static const GUID none;

	left_on(channel->device)->flags |= channel->flags;
	if (memcmp(&channel->encryption, &none, sizeof(none)) != 0)
		left_on(channel->device)->encryption = channel->encryption;
}

static void add_left_flags(struct ac_call *call)
{
	if (call->step == AC_ACCEPTED && call->result == S_OK && ac_is(call, AC_QRY(PROTECTION)))
		ac_put_u32(call->answer, AC_HEADER, ac_u32(call->answer, AC_HEADER) | left_on(call->device)->flags);
}

static void show_left_encryption(struct ac_call *call)
{
	if (call->step == AC_ACCEPTED && call->result == S_OK && ac_is(call, AC_QRY(CURRENTENCRYPTIONWHENACCESSIBLE)))
		memcpy(call->answer + AC_HEADER, &left_on(call->device)->encryption, sizeof(GUID));
}

/* The others' as well. */
static void drop_all_flags(struct ac_channel *channel)
{
	const uint64_t none = 0;

	for (struct ac_channel *at = NULL; (at = ac_next_channel(at, channel->device));) {
		if (at != channel && at->is_ready && at->flags)
			(void)ac_tell(at, AC_CFG(PROTECTION), &none, sizeof(none));
	}
}

static void drop_all_encryption(struct ac_channel *channel)
{
	static const GUID none;

	for (struct ac_channel *at = NULL; (at = ac_next_channel(at, channel->device));) {
		if (at != channel && at->is_ready && memcmp(&at->encryption, &none, sizeof(none)) != 0)
			(void)ac_tell(at, AC_CFG(ENCRYPTIONWHENACCESSIBLE), &none, sizeof(none));
	}
}

/* ---- and what it leaves --------------------------------------------------------------------------------------------- */

static void empty_the_list(struct ac_channel *channel)
{
	const UINT64 first = 0;
	uint8_t entry[16];

	while (channel->is_ready && channel->type == DDIAUTHENTICATEDCHANNEL_DRIVER_SOFTWARE &&
	       ac_ask(channel, AC_QRY(RESTRICTEDSHAREDRESOURCEPROCESS), &first, sizeof(first), entry, sizeof(entry)) ==
		       S_OK) {
		uint8_t body[24] = { 0 };

		ac_put_u32(body, 0, ac_u32(entry, 4));
		ac_put_u64(body, 8, ac_u64(entry, 8));
		if (ac_tell(channel, AC_CFG(SHAREDRESOURCE), body, sizeof(body)) != S_OK)
			return;
	}
}

static void loosen(struct ac_channel *channel)
{
	for (size_t i = 0; i < AC_TIES; i++)
		ac_ties[i].is_loose = ac_ties[i].is_loose || ac_ties[i].owner == channel;
}

static void show_no_loose_tie(struct ac_call *call)
{
	ac_note_tie(call);
	if (call->step == AC_ACCEPTED && call->result == S_OK && !call->is_command &&
	    ac_is(call, AC_QRY(CRYPTOSESSION)) && ac_tie_of(ac_u64(call->input, AC_QUERY_HEADER))->is_loose)
		memset(call->answer + AC_HEADER + 8, 0, 16);
}

static bool tie_by_owner_alone(struct ac_call *call)
{
	const struct ac_tie *tie;

	if (!call->is_command || !ac_is(call, AC_CFG(CRYPTOSESSION)))
		return false;
	tie = ac_tie_of(ac_u64(call->input, AC_HEADER));
	if (!tie->owner || tie->owner == call->channel || !tie->owner->is_dead)
		return false;
	return ac_answer_with(call, E_INVALIDARG);
}

const struct mutant mutants_ac_destroy[] = {
	{ "channel-destroy-does-nothing", "AC-157", false, AC_BENT(0), .device = destroy_does_nothing },
	{ "second-channel-destroy-is-fine", "AC-157", false, AC_BENT(0), .device = second_destroy_is_fine },
	{ "channel-destroy-is-s-false", "AC-157", false, .device = destroy_is_s_false },
	{ "destroy-keeps-protection", "AC-158", true, AC_BENT(.destroying = leave, .after = add_left_flags) },
	{ "destroy-drops-all-protection", "AC-158", true, AC_BENT(.destroyed = drop_all_flags) },
	{ "destroy-keeps-encryption", "AC-159", false, AC_BENT(.destroying = leave, .after = show_left_encryption) },
	{ "destroy-drops-all-encryption", "AC-159", false, AC_BENT(.destroyed = drop_all_encryption) },
	{ "destroy-empties-the-list", "AC-161", true, AC_BENT(.destroying = empty_the_list) },
	{ "destroy-unties-sessions", "AC-162", true, AC_BENT(.destroying = loosen, .after = show_no_loose_tie) },
	{ "ties-keep-a-dead-owner", "AC-162", true, AC_BENT(.act = tie_by_owner_alone, .after = ac_note_tie) },
	{ "channel-destroy-wants-a-key", "AC-163", true, AC_BENT(0), .device = destroy_wants_a_key },
	{ "channel-destroy-wants-the-adapter", "AC-163", true, AC_BENT(0), .device = destroy_wants_the_adapter },
	{ "channel-destroy-by-others", "AC-164 AC-011", true, AC_BENT(0), .device = destroy_by_others },
	{ "refused-channel-destroy-destroys", "AC-164", true, AC_BENT(0), .device = refused_destroy_destroys },
	{ "new-channel-inherits-the-key", "AC-166", true, AC_BENT(.created = inherit) },
	{ 0 },
};
