/* SPDX-License-Identifier: MIT */
/* Mutants that take the loss of the adapter or of the key store otherwise. */
#include "mutants_ac.h"

#include <string.h>

typedef D3DDDIARG_CREATEAUTHENTICATEDCHANNEL create_arg;
typedef D3DDDIARG_AUTHENTICATEDCHANNELKEYEXCHANGE exchange_arg;

/* ---- the adapter ------------------------------------------------------------------------------------------------------------ */

static HRESULT APIENTRY create_fails(HANDLE hDevice, create_arg *pData)
{
	const HRESULT hr = mutant_real.pfnCreateAuthenticatedChannel(hDevice, pData);

	return hr == D3DDDIERR_DEVICEREMOVED ? E_FAIL : hr;
}
AC_PUT(removed_create_is_e_fail, pfnCreateAuthenticatedChannel, create_fails)

static HRESULT APIENTRY exchange_is_invalid(HANDLE hDevice, exchange_arg *pData)
{
	const HRESULT hr = mutant_real.pfnAuthenticatedChannelKeyExchange(hDevice, pData);

	return hr == D3DDDIERR_DEVICEREMOVED ? E_INVALIDARG : hr;
}
AC_PUT(removed_exchange_is_invalid, pfnAuthenticatedChannelKeyExchange, exchange_is_invalid)

static void command_is_e_fail(struct ac_call *call)
{
	if (call->is_command && call->result == D3DDDIERR_DEVICEREMOVED)
		call->result = E_FAIL;
}

static void query_is_e_fail(struct ac_call *call)
{
	if (!call->is_command && call->result == D3DDDIERR_DEVICEREMOVED)
		call->result = E_FAIL;
}

static void removal_is_signed(struct ac_call *call)
{
	if (call->is_command && call->result == D3DDDIERR_DEVICEREMOVED && call->channel && call->channel->has_key)
		call->class = AC_SIGNED;
}

static void removal_of_queries_is_signed(struct ac_call *call)
{
	if (!call->is_command && call->result == D3DDDIERR_DEVICEREMOVED && call->channel && call->channel->has_key)
		call->class = AC_SIGNED;
}

/* Nothing but a good tag is told. */
static void tag_before_removal(struct ac_call *call)
{
	if (call->is_command && call->result == D3DDDIERR_DEVICEREMOVED && call->step != AC_ACCEPTED)
		call->result = E_INVALIDARG;
}

static void header_before_removal(struct ac_call *call)
{
	if (!call->is_command && call->result == D3DDDIERR_DEVICEREMOVED &&
	    (call->step == AC_IS_WHOLE || call->step == AC_IS_KNOWN_TYPE || call->step == AC_IS_FRESH))
		call->result = E_INVALIDARG;
}

static void removal_answers_nothing(struct ac_call *call)
{
	if (call->result == D3DDDIERR_DEVICEREMOVED)
		call->written = 0;
}

/* ---- the key store ---------------------------------------------------------------------------------------------------------- */

static bool is_lost(const struct ac_call *call)
{
	return call->step == AC_ACCEPTED && call->class == AC_BARE && call->result == E_INVALIDARG;
}

static void still_answers(struct ac_call *call)
{
	if (is_lost(call)) {
		call->class = AC_SIGNED;
		call->written = ac_output_size(call->is_command, &call->type);
		call->result = S_OK;
	}
}

static void signs_the_loss(struct ac_call *call)
{
	if (is_lost(call))
		call->class = AC_SIGNED;
}

static void loss_is_e_fail(struct ac_call *call)
{
	if (is_lost(call))
		call->result = E_FAIL;
}

/* The type is looked at first. */
static void unknown_after_loss(struct ac_call *call)
{
	if (call->step == AC_IS_KNOWN_TYPE && call->result == E_INVALIDARG && call->channel->has_key)
		call->result = E_FAIL;
}

/* What those have set that had answered, and do not any more. */
static void loss_ends_protection(struct ac_call *call)
{
	UINT level = 0;

	if (call->step != AC_ACCEPTED || call->result != S_OK || call->is_command || !ac_is(call, AC_QRY(PROTECTION)))
		return;
	for (struct ac_channel *at = NULL; (at = ac_next_channel(at, call->device));) {
		UINT64 own;

		if (at == call->channel || ac_ask(at, AC_QRY(CHANNELTYPE), NULL, 0, &own, sizeof(own)) == S_OK)
			level |= at->flags;
	}
	ac_put_u32(call->answer, AC_HEADER, level);
}

static bool loss_lets_others(struct ac_call *call)
{
	if (!call->is_command || !ac_is(call, AC_CFG(PROTECTION)) || ac_u32(call->input, AC_HEADER) > 3)
		return false;
	ac_do(call, call->channel);
	if (call->class == AC_SIGNED && call->result == E_INVALIDARG)
		call->result = S_OK;
	return true;
}

/* A channel that had a key and does not answer takes another. */
static HRESULT APIENTRY exchange_after_loss(HANDLE hDevice, exchange_arg *pData)
{
	const HRESULT hr = ac_exchange(hDevice, pData);
	struct ac_channel *channel = pData ? ac_channel(pData->hChannel) : NULL;
	UINT64 own;

	return hr == E_INVALIDARG && channel && channel->is_ready &&
			       ac_ask(channel, AC_QRY(CHANNELTYPE), NULL, 0, &own, sizeof(own)) != S_OK
		       ? S_OK
		       : hr;
}
AC_PUT(lost_channels_exchange, pfnAuthenticatedChannelKeyExchange, exchange_after_loss)

static HRESULT APIENTRY no_exchange_after_loss(HANDLE hDevice, exchange_arg *pData)
{
	struct ac_channel *channel = NULL;
	UINT64 own;

	while ((channel = ac_next_channel(channel, hDevice))) {
		if (channel->is_ready && ac_ask(channel, AC_QRY(CHANNELTYPE), NULL, 0, &own, sizeof(own)) != S_OK)
			return E_INVALIDARG;
	}
	return ac_exchange(hDevice, pData);
}
AC_PUT(nobody_exchanges_after_loss, pfnAuthenticatedChannelKeyExchange, no_exchange_after_loss)

const struct mutant mutants_ac_loss[] = {
	{ "removed-create-is-e-fail", "AC-167", true, .device = removed_create_is_e_fail },
	{ "removed-exchange-is-invalid", "AC-167", true, .device = removed_exchange_is_invalid },
	{ "removed-command-is-e-fail", "AC-168 AC-167", true, AC_BENT(.after = command_is_e_fail) },
	{ "removed-command-is-signed", "AC-168 AC-167", true, AC_BENT(.after = removal_is_signed) },
	{ "tag-before-removal", "AC-167 AC-168", true, AC_BENT(.after = tag_before_removal) },
	{ "removal-answers-nothing", "AC-168 AC-174", true, AC_BENT(.after = removal_answers_nothing) },
	{ "removed-query-is-e-fail", "AC-174 AC-167", true, AC_BENT(.after = query_is_e_fail) },
	{ "removed-query-is-signed", "AC-174 AC-167", true, AC_BENT(.after = removal_of_queries_is_signed) },
	{ "query-checked-before-removal", "AC-174 AC-167", true, AC_BENT(.after = header_before_removal) },
	{ "lost-channels-answer", "AC-169", true, AC_BENT(.after = still_answers) },
	{ "loss-is-signed", "AC-169", true, AC_BENT(.after = signs_the_loss) },
	{ "loss-is-e-fail", "AC-169", true, AC_BENT(.after = loss_is_e_fail) },
	{ "type-before-loss", "AC-169", true, AC_BENT(.after = unknown_after_loss) },
	{ "loss-ends-protection", "AC-170", true, AC_BENT(.after = loss_ends_protection) },
	{ "loss-lets-others-switch-off", "AC-170 AC-110", true, AC_BENT(.act = loss_lets_others) },
	{ "lost-channels-exchange", "AC-171", true, AC_BENT(0), .device = lost_channels_exchange },
	{ "nobody-exchanges-after-loss", "AC-171", true, AC_BENT(0), .device = nobody_exchanges_after_loss },
	{ 0 },
};
