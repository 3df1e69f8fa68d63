/* SPDX-License-Identifier: MIT */
/* Mutants that leave a check of commands or queries out, move it, or fail with another code. */
#include "mutants_ac.h"

#include <string.h>

typedef const D3DDDIARG_CONFIGUREAUTHENTICATEDCHANNEL configure_arg;
typedef const D3DDDIARG_QUERYAUTHENTICATEDCHANNEL query_arg;

/* ---- sizes below a header, which never get to the middle ---------------------------------------------------------- */

static HRESULT APIENTRY bare_for_short_command(HANDLE hDevice, configure_arg *pData)
{
	const HRESULT hr = ac_configure(hDevice, pData);

	if (hr == E_INVALIDARG && pData && pData->pInputData && pData->pOutputData && pData->InputSize == 47)
		memcpy((uint8_t *)pData->pOutputData + AC_TAG, (const uint8_t *)pData->pInputData + AC_TAG, 28);
	return hr;
}
AC_PUT(short_command_gets_an_echo, pfnConfigureAuthenticatedChannel, bare_for_short_command)

static HRESULT APIENTRY nothing_for_short_command(HANDLE hDevice, configure_arg *pData)
{
	if (hDevice && pData && pData->pInputData && pData->pOutputData && pData->InputSize < AC_HEADER)
		return E_INVALIDARG;
	return ac_configure(hDevice, pData);
}
AC_PUT(short_command_gets_nothing, pfnConfigureAuthenticatedChannel, nothing_for_short_command)

static HRESULT APIENTRY zero_for_short_output(HANDLE hDevice, query_arg *pData)
{
	const HRESULT hr = ac_query(hDevice, pData);

	if (hr == E_INVALIDARG && pData && pData->pInputData && pData->pOutputData && pData->OutputSize < AC_HEADER)
		memset(pData->pOutputData, 0, pData->OutputSize);
	return hr;
}
AC_PUT(short_output_is_written, pfnQueryAuthenticatedChannel, zero_for_short_output)

static HRESULT APIENTRY fail_for_short_output(HANDLE hDevice, query_arg *pData)
{
	const HRESULT hr = ac_query(hDevice, pData);

	return hr == E_INVALIDARG && pData && pData->OutputSize < AC_HEADER ? E_FAIL : hr;
}
AC_PUT(short_output_is_e_fail, pfnQueryAuthenticatedChannel, fail_for_short_output)

static HRESULT APIENTRY nothing_for_short_query(HANDLE hDevice, query_arg *pData)
{
	if (hDevice && pData && pData->pInputData && pData->pOutputData && pData->OutputSize >= AC_HEADER &&
	    pData->InputSize < AC_QUERY_HEADER)
		return E_INVALIDARG;
	return ac_query(hDevice, pData);
}
AC_PUT(short_query_gets_nothing, pfnQueryAuthenticatedChannel, nothing_for_short_query)

/* ---- other orders --------------------------------------------------------------------------------------------------- */

static const enum ac_step type_before_key[] = {
	AC_IS_LIVE,	 AC_IS_OF_DEVICE,   AC_IS_KNOWN_TYPE, AC_HAS_KEY,  AC_IS_WHOLE,
	AC_IS_AUTHENTIC, AC_IS_INITIALISED, AC_IS_FRESH,      AC_ACCEPTED,
};
static const enum ac_step fresh_before_tag[] = {
	AC_IS_LIVE,  AC_IS_OF_DEVICE,	AC_HAS_KEY,	 AC_IS_KNOWN_TYPE, AC_IS_WHOLE,
	AC_IS_FRESH, AC_IS_INITIALISED, AC_IS_AUTHENTIC, AC_ACCEPTED,
};

/* Of a command only, or of a query only. */
static bool command_is_fresh(const struct ac_call *call)
{
	return call->is_command || ac_is_fresh(call);
}

static bool query_is_fresh(const struct ac_call *call)
{
	return !call->is_command || ac_is_fresh(call);
}

/* Number used up before the tag is looked at. */
static bool fresh_and_used(const struct ac_call *call)
{
	struct ac_call *mine = (struct ac_call *)(uintptr_t)call;

	if (!ac_is_fresh(call))
		return false;
	if (call->channel->is_initialised)
		ac_use_up(mine);
	return true;
}

static void no_use(struct ac_call *call)
{
	(void)call;
}

/* ---- of one kind only ------------------------------------------------------------------------------------------------- */

static void larger_is_whole(struct ac_call *call)
{
	const UINT size = ac_input_size(call->is_command, &call->type);

	/* As if it had been accepted. */
	if (call->step == AC_IS_WHOLE && call->channel->has_key && call->input_size > size) {
		call->class = AC_SIGNED;
		call->result = S_OK;
	}
}

static void never_allowed_is_invalid(struct ac_call *call)
{
	if (call->step == AC_ACCEPTED && call->result == E_FAIL)
		call->result = E_INVALIDARG;
}

static void parameter_is_e_fail(struct ac_call *call)
{
	if (call->step == AC_ACCEPTED && call->result == E_INVALIDARG)
		call->result = E_FAIL;
}

static void handle_zero_is_e_fail(struct ac_call *call)
{
	if (call->step == AC_IS_LIVE && call->result == E_INVALIDARG)
		call->result = E_FAIL;
}

static void size_uses_up(struct ac_call *call)
{
	if (call->step == AC_IS_WHOLE && call->channel->is_initialised && ac_is_fresh(call))
		ac_use_up(call);
}

#define WITHOUT(...)	 AC_BENT(.skipped = (__VA_ARGS__))
#define CODE(step, code) AC_BENT(.codes = { [step] = (code) })

const struct mutant mutants_ac_order[] = {
	{ "short-command-gets-an-echo", "AC-065", true, AC_BENT(0), .device = short_command_gets_an_echo },
	{ "short-command-gets-nothing", "AC-065", true, AC_BENT(0), .device = short_command_gets_nothing },
	{ "unknown-channel-is-e-fail", "AC-066", true, CODE(AC_IS_LIVE, E_FAIL) },
	{ "unknown-channel-is-e-fail-to-queries", "AC-087", true, AC_BENT(.after = handle_zero_is_e_fail) },
	{ "dead-channels-answer", "AC-066 AC-157", false, WITHOUT(AC_WITHOUT(AC_IS_LIVE)) },
	{ "commands-of-foreign-devices", "AC-068", false, WITHOUT(AC_WITHOUT(AC_IS_OF_DEVICE)) },
	{ "foreign-device-is-e-fail", "AC-068", true, CODE(AC_IS_OF_DEVICE, E_FAIL) },
	{ "queries-of-foreign-devices", "AC-088", false, WITHOUT(AC_WITHOUT(AC_IS_OF_DEVICE)) },
	{ "command-without-key-is-e-fail", "AC-069", true, CODE(AC_HAS_KEY, E_FAIL) },
	{ "type-before-key", "AC-069 AC-089", true,
	  AC_BENT(.order = type_before_key, .codes = { [AC_IS_KNOWN_TYPE] = E_FAIL }) },
	{ "commands-without-key", "AC-069 AC-104", false,
	  WITHOUT(AC_WITHOUT(AC_HAS_KEY) | AC_WITHOUT(AC_IS_AUTHENTIC)) },
	{ "unknown-command-is-invalid", "AC-070", true, CODE(AC_IS_KNOWN_TYPE, E_INVALIDARG) },
	{ "unknown-commands-succeed", "AC-070", false,
	  WITHOUT(AC_WITHOUT(AC_IS_KNOWN_TYPE) | AC_WITHOUT(AC_IS_WHOLE)) },
	{ "larger-commands", "AC-071", true, AC_BENT(.after = larger_is_whole) },
	{ "any-command-size", "AC-071", true, WITHOUT(AC_WITHOUT(AC_IS_WHOLE)) },
	{ "no-tag-is-wrong", "AC-072 AC-063", false, WITHOUT(AC_WITHOUT(AC_IS_AUTHENTIC)) },
	{ "wrong-tag-is-e-fail", "AC-072", true, CODE(AC_IS_AUTHENTIC, E_FAIL) },
	{ "initialize-again-and-again", "AC-073 AC-103", false, WITHOUT(AC_WITHOUT(AC_IS_INITIALISED)) },
	{ "commands-before-initialize", "AC-073", false, WITHOUT(AC_WITHOUT(AC_IS_INITIALISED)) },
	{ "not-initialised-is-e-fail", "AC-073", true, CODE(AC_IS_INITIALISED, E_FAIL) },
	{ "commands-are-always-fresh", "AC-074 AC-044", false, AC_BENT(.is_fresh = command_is_fresh) },
	{ "stale-is-e-fail", "AC-074 AC-093", true, CODE(AC_IS_FRESH, E_FAIL) },
	{ "not-for-this-type-is-invalid", "AC-075 AC-126", true, AC_BENT(.after = never_allowed_is_invalid) },
	{ "bad-parameter-is-e-fail", "AC-075 AC-094", true, AC_BENT(.after = parameter_is_e_fail) },
	{ "freshness-before-the-tag", "AC-050", true,
	  AC_BENT(.order = fresh_before_tag, .is_fresh = fresh_and_used, .use_up = no_use) },
	{ "wrong-size-uses-up", "AC-050", true, AC_BENT(.after = size_uses_up) },
	{ "short-output-is-written", "AC-085", true, AC_BENT(0), .device = short_output_is_written },
	{ "short-output-is-e-fail", "AC-085", true, AC_BENT(0), .device = short_output_is_e_fail },
	{ "short-query-gets-nothing", "AC-086", true, AC_BENT(0), .device = short_query_gets_nothing },
	{ "queries-without-key", "AC-089", false, WITHOUT(AC_WITHOUT(AC_HAS_KEY) | AC_WITHOUT(AC_IS_INITIALISED)) },
	{ "unknown-query-is-invalid", "AC-090", true, CODE(AC_IS_KNOWN_TYPE, E_INVALIDARG) },
	{ "any-query-size", "AC-091", true, WITHOUT(AC_WITHOUT(AC_IS_WHOLE)) },
	{ "queries-before-initialize", "AC-092", false, WITHOUT(AC_WITHOUT(AC_IS_INITIALISED)) },
	{ "queries-are-always-fresh", "AC-093 AC-046", true, AC_BENT(.is_fresh = query_is_fresh) },
	{ "type-is-no-matter-to-queries", "AC-094", true, AC_BENT(.after = never_allowed_is_invalid) },
	{ 0 },
};
