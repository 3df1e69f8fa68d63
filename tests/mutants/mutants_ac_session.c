/* SPDX-License-Identifier: MIT */
/* Mutants of CRYPTOSESSION, command and query, and of the outputs of a session. */
#include "mutants_ac.h"

#include <string.h>

/* In the command and in the query's answer; the query's input has the first alone. */
enum { DECODE = 48, SESSION = 56, DEVICE = 64 };
/* In the queries of outputs: in, out. */
enum { IN_DEVICE = 32, IN_SESSION = 40, IN_INDEX = 48, OUT_COUNT = 64, OUT_ID = 72 };

static bool is_tie(const struct ac_call *call)
{
	return call->is_command && ac_is(call, AC_CFG(CRYPTOSESSION));
}

static bool is_answer(const struct ac_call *call, const GUID *type)
{
	return call->step == AC_ACCEPTED && call->class == AC_SIGNED && !call->is_command && ac_is(call, type);
}

/* Done with another input. */
static bool do_instead(struct ac_call *call, size_t offset, UINT64 value)
{
	const UINT64 own = ac_u64(call->input, offset);

	ac_put_u64(call->input, offset, value);
	ac_do(call, call->channel);
	ac_put_u64(call->input, offset, own);
	return true;
}

/* ---- the command ------------------------------------------------------------------------------------------------------------ */

static bool tie_nothing(struct ac_call *call)
{
	return is_tie(call) && ac_answer_with(call, S_OK);
}

static bool not_by_hardware(struct ac_call *call)
{
	return is_tie(call) && call->channel->type == DDIAUTHENTICATEDCHANNEL_DRIVER_HARDWARE &&
	       ac_answer_with(call, E_FAIL);
}

static bool tie_anything(struct ac_call *call)
{
	if (!is_tie(call))
		return false;
	ac_do(call, call->channel);
	if (call->result == E_INVALIDARG)
		call->result = S_OK;
	return true;
}

static UINT64 id_of(struct ac_channel *channel)
{
	UINT64 id = 0;

	(void)ac_ask(channel, AC_QRY(DEVICEHANDLE), NULL, 0, &id, sizeof(id));
	return id;
}

static bool any_device_id(struct ac_call *call)
{
	return is_tie(call) && do_instead(call, DEVICE, id_of(call->channel));
}

static bool one_decoder_a_session(struct ac_call *call)
{
	if (!is_tie(call))
		return false;
	for (size_t i = 0; i < AC_TIES; i++) {
		if (ac_ties[i].session == ac_u64(call->input, SESSION) &&
		    ac_ties[i].decode != ac_u64(call->input, DECODE))
			return ac_answer_with(call, E_INVALIDARG);
	}
	return false;
}

static bool anyone_replaces(struct ac_call *call)
{
	const struct ac_tie *tie;

	if (!is_tie(call))
		return false;
	tie = ac_tie_of(ac_u64(call->input, DECODE));
	ac_do(call, tie->owner && !tie->owner->is_dead ? tie->owner : call->channel);
	return true;
}

static bool owner_may_not(struct ac_call *call)
{
	return is_tie(call) && ac_tie_of(ac_u64(call->input, DECODE))->owner == call->channel &&
	       ac_answer_with(call, E_INVALIDARG);
}

static bool others_never(struct ac_call *call)
{
	const struct ac_tie *tie;

	if (!is_tie(call))
		return false;
	tie = ac_tie_of(ac_u64(call->input, DECODE));
	return tie->owner && !tie->owner->is_dead && tie->owner != call->channel && ac_answer_with(call, E_INVALIDARG);
}

/* ---- decode handles --------------------------------------------------------------------------------------------------------- */

static struct decoder {
	UINT64 decode;
	HANDLE given;
} decoders[64];

static HRESULT decode_handle(HANDLE device, const D3DDDIARG_DECODEEXTENSIONEXECUTE *pData, bool is_new)
{
	static size_t count;
	HRESULT hr = mutant_real.pfnDecodeExtensionExecute(device, pData);

	if (hr != S_OK || pData->Function != DXVA2_DECODE_GET_DRIVER_HANDLE || count == 64)
		return hr;
	memcpy(&decoders[count].decode, pData->pPrivateOutput->pData, sizeof(UINT64));
	if (is_new) {
		decoders[count].given = (HANDLE)(uintptr_t)((UINT64_C(1) << 40) + count);
		memcpy(pData->pPrivateOutput->pData, &decoders[count].given, sizeof(HANDLE));
	} else {
		decoders[count].given = pData->hDecode;
	}
	count++;
	return hr;
}

static HRESULT APIENTRY another_handle(HANDLE hDevice, const D3DDDIARG_DECODEEXTENSIONEXECUTE *pData)
{
	return decode_handle(hDevice, pData, true);
}
AC_PUT(decode_handles_change, pfnDecodeExtensionExecute, another_handle)

static HRESULT APIENTRY note_handle(HANDLE hDevice, const D3DDDIARG_DECODEEXTENSIONEXECUTE *pData)
{
	return decode_handle(hDevice, pData, false);
}
AC_PUT(runtime_handle_too, pfnDecodeExtensionExecute, note_handle)

static bool as_given(struct ac_call *call)
{
	size_t at = call->is_command ? DECODE : AC_QUERY_HEADER;

	if (!is_tie(call) && !(!call->is_command && ac_is(call, AC_QRY(CRYPTOSESSION))))
		return false;
	for (size_t i = 0; i < 64; i++) {
		if (decoders[i].given && (uintptr_t)decoders[i].given == ac_u64(call->input, at))
			return do_instead(call, at, decoders[i].decode);
	}
	return false;
}

/* ---- the query -------------------------------------------------------------------------------------------------------------- */

static void no_device_id(struct ac_call *call)
{
	if (is_answer(call, AC_QRY(CRYPTOSESSION)) && call->result == S_OK)
		ac_put_u64(call->answer, DEVICE, 0);
}

static void device_of_untied(struct ac_call *call)
{
	if (is_answer(call, AC_QRY(CRYPTOSESSION)) && call->result == S_OK)
		ac_put_u64(call->answer, DEVICE, id_of(call->channel));
}

static void dead_session_shows(struct ac_call *call)
{
	ac_note_tie(call);
	if (is_answer(call, AC_QRY(CRYPTOSESSION)) && call->result == S_OK && ac_u64(call->answer, SESSION) == 0 &&
	    ac_tie_of(ac_u64(call->answer, DECODE))->owner) {
		ac_put_u64(call->answer, SESSION, ac_tie_of(ac_u64(call->answer, DECODE))->session);
		ac_put_u64(call->answer, DEVICE, id_of(call->channel));
	}
}

static void untied_fails(struct ac_call *call)
{
	if (is_answer(call, AC_QRY(CRYPTOSESSION)) && call->result == S_OK && ac_u64(call->answer, SESSION) == 0) {
		memset(call->answer + AC_HEADER, 0, 24);
		call->result = E_INVALIDARG;
	}
}

static void unknown_is_untied(struct ac_call *call)
{
	if (is_answer(call, AC_QRY(CRYPTOSESSION)) && call->result == E_INVALIDARG) {
		memcpy(call->answer + DECODE, call->input + AC_QUERY_HEADER, 8);
		call->result = S_OK;
	}
}

/* QUERY_INPUT will do for CRYPTOSESSION: the handle is taken for 0. */
static void short_input(struct ac_call *call)
{
	if (call->step == AC_IS_WHOLE && !call->is_command && ac_is(call, AC_QRY(CRYPTOSESSION)) &&
	    call->input_size == AC_QUERY_HEADER && call->output_size == 72) {
		call->class = AC_SIGNED;
		call->written = 72;
		call->result = S_OK;
	}
}

/* ---- outputs ------------------------------------------------------------------------------------------------------------------ */

static void one_output(struct ac_call *call)
{
	if (is_answer(call, AC_QRY(OUTPUTIDCOUNT)) && call->result == S_OK && ac_u32(call->answer, OUT_COUNT) > 1)
		ac_put_u32(call->answer, OUT_COUNT, 1);
}

static void untied_has_outputs(struct ac_call *call)
{
	if (is_answer(call, AC_QRY(OUTPUTIDCOUNT)) && call->result == S_OK && ac_u32(call->answer, OUT_COUNT) == 0)
		ac_put_u32(call->answer, OUT_COUNT, 1);
}

static bool asks_outputs(const struct ac_call *call)
{
	return !call->is_command && (ac_is(call, AC_QRY(OUTPUTIDCOUNT)) || ac_is(call, AC_QRY(OUTPUTID)));
}

static bool outputs_of_any_device(struct ac_call *call)
{
	return asks_outputs(call) && do_instead(call, IN_DEVICE, id_of(call->channel));
}

static void no_session_no_outputs(struct ac_call *call)
{
	if (is_answer(call, AC_QRY(OUTPUTIDCOUNT)) && call->result == E_INVALIDARG) {
		memcpy(call->answer + AC_HEADER, call->input + IN_DEVICE, 16);
		call->result = S_OK;
	}
}

static bool one_output_too_many(struct ac_call *call)
{
	uint8_t body[24], answer[32];

	if (call->is_command || !ac_is(call, AC_QRY(OUTPUTID)))
		return false;
	memcpy(body, call->input + AC_QUERY_HEADER, sizeof(body));
	ac_do(call, call->channel);
	if (call->result != E_INVALIDARG || ac_u32(call->input, IN_INDEX) == 0)
		return true;
	ac_put_u32(body, 16, 0);
	if (ac_ask(call->channel, AC_QRY(OUTPUTID), body, sizeof(body), answer, sizeof(answer)) != S_OK)
		return true;
	memcpy(call->answer + AC_HEADER, answer, sizeof(answer));
	memcpy(call->answer + OUT_COUNT, call->input + IN_INDEX, 4);
	call->result = S_OK;
	return true;
}

static void same_output_id(struct ac_call *call)
{
	if (is_answer(call, AC_QRY(OUTPUTID)) && call->result == S_OK)
		ac_put_u64(call->answer, OUT_ID, 0x1122334455667788);
}

static void new_output_id(struct ac_call *call)
{
	static UINT64 count;

	if (is_answer(call, AC_QRY(OUTPUTID)) && call->result == S_OK)
		ac_put_u64(call->answer, OUT_ID, ac_u64(call->answer, OUT_ID) + (++count << 32));
}

static void no_output_id(struct ac_call *call)
{
	if (is_answer(call, AC_QRY(OUTPUTID)) && call->result == S_OK)
		ac_put_u64(call->answer, OUT_ID, 0);
}

static void session_of_output(struct ac_call *call)
{
	if (is_answer(call, AC_QRY(OUTPUTID)) && call->result == S_OK)
		ac_put_u64(call->answer, SESSION, 0);
}

const struct mutant mutants_ac_session[] = {
	{ "sessions-are-not-tied", "AC-115", true, AC_BENT(.act = tie_nothing) },
	{ "no-ties-by-hardware", "AC-115", true, AC_BENT(.act = not_by_hardware) },
	{ "decode-handles-change", "AC-116", false, AC_BENT(.act = as_given), .device = decode_handles_change },
	{ "runtime-decode-handle-too", "AC-116", false, AC_BENT(.act = as_given), .device = runtime_handle_too },
	{ "any-session-is-tied", "AC-117", false, AC_BENT(.act = tie_anything) },
	{ "tie-by-any-device-id", "AC-118", false, AC_BENT(.act = any_device_id) },
	{ "session-of-another-device-is-tied", "AC-119", false, AC_BENT(.act = tie_anything) },
	{ "profile-of-tie-is-no-matter", "AC-120", true, AC_BENT(.act = tie_anything) },
	{ "one-decoder-a-session", "AC-121", true, AC_BENT(.act = one_decoder_a_session, .after = ac_note_tie) },
	{ "anyone-ties-anew", "AC-122", true, AC_BENT(.act = anyone_replaces, .after = ac_note_tie) },
	{ "owner-may-not-tie-anew", "AC-122", true, AC_BENT(.act = owner_may_not, .after = ac_note_tie) },
	{ "identical-tie-is-refused", "AC-122", true, AC_BENT(.act = others_never, .after = ac_note_tie) },
	{ "dead-session-is-still-tied", "AC-123", true, AC_BENT(.after = dead_session_shows) },
	{ "tie-without-device-id", "AC-142 AC-115", true, AC_BENT(.after = no_device_id) },
	{ "tie-asked-with-a-plain-query", "AC-142", true, AC_BENT(.after = short_input) },
	{ "untied-has-a-device", "AC-143", true, AC_BENT(.after = device_of_untied) },
	{ "untied-is-a-failure", "AC-143", true, AC_BENT(.after = untied_fails) },
	{ "unknown-decoder-is-untied", "AC-143", true, AC_BENT(.after = unknown_is_untied) },
	{ "one-output-only", "AC-147", false, AC_BENT(.after = one_output) },
	{ "outputs-by-any-device-id", "AC-148", true, AC_BENT(.act = outputs_of_any_device) },
	{ "outputs-of-no-session", "AC-148", true, AC_BENT(.after = no_session_no_outputs) },
	{ "untied-session-has-outputs", "AC-149", true, AC_BENT(.after = untied_has_outputs) },
	{ "one-output-too-many", "AC-150", true, AC_BENT(.act = one_output_too_many) },
	{ "output-id-without-session", "AC-150 AC-099", true, AC_BENT(.after = session_of_output) },
	{ "outputs-share-an-id", "AC-151", true, AC_BENT(.after = same_output_id) },
	{ "output-ids-change", "AC-151", true, AC_BENT(.after = new_output_id) },
	{ "output-id-is-zero", "AC-151", true, AC_BENT(.after = no_output_id) },
	{ 0 },
};
