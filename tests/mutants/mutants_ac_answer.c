/* SPDX-License-Identifier: MIT */
/* Mutants of what answers look like: the echo, ReturnCode, which are signed, how much is written. */
#include "mutants_ac.h"

#include <string.h>

enum { TYPE = 16, HANDLE_AT = 32, NUMBER = 40, CODE = 44, IS_OUTPUTID = 80 };

typedef const D3DDDIARG_CONFIGUREAUTHENTICATEDCHANNEL configure_arg;
typedef const D3DDDIARG_QUERYAUTHENTICATEDCHANNEL query_arg;

static bool is_command_answer(const struct ac_call *call)
{
	return call->is_command && call->step > AC_IS_OF_DEVICE;
}

static bool is_query_answer(const struct ac_call *call)
{
	return !call->is_command && call->step > AC_IS_OF_DEVICE;
}

/* ---- echo and ReturnCode --------------------------------------------------------------------------------------------- */

static void no_number(struct ac_call *call)
{
	if (is_command_answer(call))
		ac_put_u32(call->answer, NUMBER, 0);
}

static void no_number_of_initialize(struct ac_call *call)
{
	if (is_command_answer(call) && ac_is(call, AC_CFG(INITIALIZE)))
		ac_put_u32(call->answer, NUMBER, 0);
}

static void no_type_in_failures(struct ac_call *call)
{
	if (is_command_answer(call) && call->result != S_OK)
		memset(call->answer + TYPE, 0, sizeof(GUID));
}

static void no_number_of_queries(struct ac_call *call)
{
	if (is_query_answer(call))
		ac_put_u32(call->answer, NUMBER, 0);
}

static void no_handle_of_queries(struct ac_call *call)
{
	if (is_query_answer(call) && call->result != S_OK)
		ac_put_u64(call->answer, HANDLE_AT, 0);
}

static void code_is_s_ok(struct ac_call *call)
{
	if (call->step > AC_IS_OF_DEVICE)
		ac_put_u32(call->answer, CODE, S_OK);
}

static void code_is_positive(struct ac_call *call)
{
	if (call->class == AC_SIGNED && call->result != S_OK)
		ac_put_u32(call->answer, CODE, (UINT)call->result & 0xffff);
}

static HRESULT APIENTRY returns_s_ok(HANDLE hDevice, configure_arg *pData)
{
	const HRESULT hr = ac_configure(hDevice, pData);

	/* The application has it in ReturnCode, after all. */
	return pData && pData->pInputData && pData->pOutputData && pData->InputSize >= AC_HEADER ? S_OK : hr;
}
AC_PUT(only_the_answer_fails, pfnConfigureAuthenticatedChannel, returns_s_ok)

/* ---- which are signed ------------------------------------------------------------------------------------------------- */

static void sign_early_commands(struct ac_call *call)
{
	if (is_command_answer(call) && call->channel->has_key && call->result != D3DDDIERR_DEVICEREMOVED)
		call->class = AC_SIGNED;
}

static void sign_unknown_commands(struct ac_call *call)
{
	if (is_command_answer(call) && call->step == AC_IS_KNOWN_TYPE && call->channel->has_key)
		call->class = AC_SIGNED;
}

static void sign_replays(struct ac_call *call)
{
	if (is_command_answer(call) && call->step == AC_IS_FRESH)
		call->class = AC_SIGNED;
}

static void sign_stale_queries(struct ac_call *call)
{
	if (is_query_answer(call) && call->step == AC_IS_FRESH)
		call->class = AC_SIGNED;
}

static void sign_no_failure(struct ac_call *call)
{
	if (is_command_answer(call) && call->result != S_OK)
		call->class = AC_BARE;
}

static void sign_no_failed_query(struct ac_call *call)
{
	if (is_query_answer(call) && call->result != S_OK) {
		call->class = AC_BARE;
		call->written = AC_HEADER;
	}
}

/* ---- how much is written ------------------------------------------------------------------------------------------------ */

static HRESULT APIENTRY one_byte_more(HANDLE hDevice, configure_arg *pData)
{
	const HRESULT hr = ac_configure(hDevice, pData);

	if (pData && pData->pInputData && pData->pOutputData && pData->InputSize >= AC_HEADER)
		((uint8_t *)pData->pOutputData)[AC_HEADER] = 0;
	return hr;
}
AC_PUT(command_answer_of_49_bytes, pfnConfigureAuthenticatedChannel, one_byte_more)

/* One byte less of the tag, which nobody misses where it is bare. */
static HRESULT APIENTRY from_byte_1(HANDLE hDevice, configure_arg *pData)
{
	uint8_t first = 0;
	const bool has_output = pData && pData->pInputData && pData->pOutputData && pData->InputSize >= AC_HEADER;
	HRESULT hr;

	if (has_output)
		first = *(uint8_t *)pData->pOutputData;
	hr = ac_configure(hDevice, pData);
	if (has_output && hr != S_OK)
		*(uint8_t *)pData->pOutputData = first;
	return hr;
}
AC_PUT(failure_leaves_a_byte, pfnConfigureAuthenticatedChannel, from_byte_1)

static void write_all_there_is(struct ac_call *call)
{
	if (is_query_answer(call) && call->class == AC_BARE && call->output_size <= AC_ROOM)
		call->written = call->output_size;
}

static void body_in_failures(struct ac_call *call)
{
	if (is_query_answer(call) && call->class == AC_SIGNED && call->result != S_OK)
		memset(call->answer + AC_HEADER, 0x77, call->written - AC_HEADER);
}

static void echo_in_failures(struct ac_call *call)
{
	const UINT size = ac_input_size(/* is_command= */ false, &call->type);

	if (is_query_answer(call) && call->class == AC_SIGNED && call->result != S_OK && size > AC_QUERY_HEADER)
		memcpy(call->answer + AC_HEADER, call->input + AC_QUERY_HEADER, size - AC_QUERY_HEADER);
}

static void padding_of_output_id(struct ac_call *call)
{
	if (is_query_answer(call) && call->class == AC_SIGNED && call->written == IS_OUTPUTID)
		memset(call->answer + 68, 0xff, 4);
}

/* What is behind a UINT or BOOL at the end of an answer. */
static void padding_at_the_end(struct ac_call *call)
{
	if (is_query_answer(call) && call->class == AC_SIGNED && call->result == S_OK &&
	    (ac_is(call, AC_QRY(PROTECTION)) || ac_is(call, AC_QRY(CHANNELTYPE)) ||
	     ac_is(call, AC_QRY(ENCRYPTIONWHENACCESSIBLEGUIDCOUNT))))
		memset(call->answer + AC_HEADER + 4, 0xee, 4);
}

/* ---- when -------------------------------------------------------------------------------------------------------------- */

static HRESULT APIENTRY output_first(HANDLE hDevice, configure_arg *pData)
{
	if (hDevice && pData && pData->pInputData && pData->pOutputData && pData->InputSize >= AC_HEADER)
		memset(pData->pOutputData, 0, AC_HEADER);
	return ac_configure(hDevice, pData);
}
AC_PUT(output_before_input, pfnConfigureAuthenticatedChannel, output_first)

static HRESULT APIENTRY query_output_first(HANDLE hDevice, query_arg *pData)
{
	const bool is_answered = hDevice && pData && pData->pInputData && pData->pOutputData &&
				 pData->InputSize >= AC_QUERY_HEADER && pData->OutputSize >= AC_HEADER;

	if (is_answered)
		memset(pData->pOutputData, 0, AC_HEADER);
	return ac_query(hDevice, pData);
}
AC_PUT(query_output_before_input, pfnQueryAuthenticatedChannel, query_output_first)

/* A command is done when the next one comes, or a query has been answered. */
static struct ac_call late;

static bool do_later(struct ac_call *call)
{
	const bool was_late = late.channel && !late.channel->is_dead;

	if (call->is_command && was_late) {
		ac_do(&late, late.channel);
		late.channel = NULL;
	}
	if (!call->is_command || !ac_is(call, AC_CFG(PROTECTION)) || ac_u32(call->input, AC_HEADER) > 3)
		return false;
	late = *call;
	return ac_answer_with(call, S_OK);
}

/* One that the driver refuses sets both flags all the same. */
static void effect_of_failure(struct ac_call *call)
{
	uint8_t body[8] = { 0 };

	if (call->step != AC_ACCEPTED || !call->is_command || call->result == S_OK || !ac_is(call, AC_CFG(PROTECTION)))
		return;
	ac_put_u32(body, 0, 3);
	(void)ac_tell(call->channel, AC_CFG(PROTECTION), body, sizeof(body));
}

static void count_of_queries(struct ac_call *call)
{
	if (call->step == AC_ACCEPTED && !call->is_command && call->result == S_OK &&
	    ac_is(call, AC_QRY(RESTRICTEDSHAREDRESOURCEPROCESSCOUNT)))
		ac_put_u32(call->answer, AC_HEADER, ac_u32(call->answer, AC_HEADER) + (UINT)call->channel->note++);
}

static void no_index(struct ac_call *call)
{
	if (call->step == AC_ACCEPTED && !call->is_command && call->result == S_OK &&
	    ac_is(call, AC_QRY(ENCRYPTIONWHENACCESSIBLEGUID)))
		ac_put_u32(call->answer, AC_HEADER, 0);
}

const struct mutant mutants_ac_answer[] = {
	{ "no-number-in-command-answers", "AC-076", false, AC_BENT(.after = no_number) },
	{ "no-number-of-initialize", "AC-076", false, AC_BENT(.after = no_number_of_initialize) },
	{ "no-type-in-failed-commands", "AC-076", false, AC_BENT(.after = no_type_in_failures) },
	{ "code-is-always-s-ok", "AC-077", false, AC_BENT(.after = code_is_s_ok) },
	{ "code-is-positive", "AC-077", false, AC_BENT(.after = code_is_positive) },
	{ "only-the-answer-fails", "AC-077", false, AC_BENT(0), .device = only_the_answer_fails },
	{ "early-failures-signed", "AC-078", true, AC_BENT(.after = sign_early_commands) },
	{ "unknown-commands-signed", "AC-078 AC-070", true, AC_BENT(.after = sign_unknown_commands) },
	{ "replays-signed", "AC-074 AC-078", true, AC_BENT(.after = sign_replays) },
	{ "late-failures-bare", "AC-078", true, AC_BENT(.after = sign_no_failure) },
	{ "command-answer-of-49-bytes", "AC-079", true, AC_BENT(0), .device = command_answer_of_49_bytes },
	{ "bare-answer-of-47-bytes", "AC-078", true, AC_BENT(0), .device = failure_leaves_a_byte },
	{ "failure-has-an-effect", "AC-080", false, AC_BENT(.after = effect_of_failure) },
	{ "protection-is-late", "AC-081", true, AC_BENT(.act = do_later) },
	{ "command-output-before-input", "AC-082", true, AC_BENT(0), .device = output_before_input },
	{ "stale-queries-signed", "AC-093", true, AC_BENT(.after = sign_stale_queries) },
	{ "failed-queries-bare", "AC-094", true, AC_BENT(.after = sign_no_failed_query) },
	{ "no-number-in-query-answers", "AC-095", false, AC_BENT(.after = no_number_of_queries) },
	{ "no-channel-in-failed-queries", "AC-095", false, AC_BENT(.after = no_handle_of_queries) },
	{ "bare-answer-fills-the-buffer", "AC-096", true, AC_BENT(.after = write_all_there_is) },
	{ "body-in-failed-queries", "AC-097", true, AC_BENT(.after = body_in_failures) },
	{ "echo-in-failed-queries", "AC-097", true, AC_BENT(.after = echo_in_failures) },
	{ "counts-grow-by-asking", "AC-098", false, AC_BENT(.after = count_of_queries) },
	{ "no-index-in-answers", "AC-099", false, AC_BENT(.after = no_index) },
	{ "query-output-before-input", "AC-100", false, AC_BENT(0), .device = query_output_before_input },
	{ "padding-of-output-id", "AC-060", true, AC_BENT(.after = padding_of_output_id) },
	{ "padding-at-the-end", "AC-060", true, AC_BENT(.after = padding_at_the_end) },
	{ 0 },
};
