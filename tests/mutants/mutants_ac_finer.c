/* SPDX-License-Identifier: MIT */
/* Mutants that break a rule in one case only. */
#include "mutants_ac.h"

#include <string.h>

enum { DECODE = 48, SESSION = 56, LONG_ANSWER = 64 };

static bool is_hardware(const struct ac_call *call)
{
	return call->channel->type == DDIAUTHENTICATEDCHANNEL_DRIVER_HARDWARE;
}

static bool is_accepted(const struct ac_call *call, const GUID *type)
{
	return call->step == AC_ACCEPTED && call->class == AC_SIGNED && ac_is(call, type);
}

/* ---- of one channel type ------------------------------------------------------------------------------------------------ */

static bool no_outputs_for_hardware(struct ac_call *call)
{
	return !call->is_command && is_hardware(call) &&
	       (ac_is(call, AC_QRY(OUTPUTIDCOUNT)) || ac_is(call, AC_QRY(OUTPUTID))) && ac_answer_with(call, E_FAIL);
}

static bool no_ties_for_hardware(struct ac_call *call)
{
	return !call->is_command && is_hardware(call) && ac_is(call, AC_QRY(CRYPTOSESSION)) &&
	       ac_answer_with(call, E_FAIL);
}

static bool no_guids_for_hardware(struct ac_call *call)
{
	return !call->is_command && is_hardware(call) && ac_is(call, AC_QRY(ENCRYPTIONWHENACCESSIBLEGUID)) &&
	       ac_answer_with(call, E_FAIL);
}

static bool unrestricted_for_hardware(struct ac_call *call)
{
	return !call->is_command && is_hardware(call) &&
	       ac_is(call, AC_QRY(UNRESTRICTEDPROTECTEDSHAREDRESOURCECOUNT)) && ac_answer_with(call, S_OK);
}

static void flags_of_hardware_stay(struct ac_channel *channel)
{
	static UINT left;

	left |= channel->type == DDIAUTHENTICATEDCHANNEL_DRIVER_HARDWARE ? channel->flags : 0;
	for (struct ac_channel *at = NULL; (at = ac_next_channel(at, channel->device));)
		at->note = left;
}

static void add_note(struct ac_call *call)
{
	if (!call->is_command && is_accepted(call, AC_QRY(PROTECTION)))
		ac_put_u32(call->answer, AC_HEADER, ac_u32(call->answer, AC_HEADER) | (UINT)call->channel->note);
}

/* ---- numbers ------------------------------------------------------------------------------------------------------------- */

/* Not for this channel type: the number may be used again. */
static void gives_back_where_not_allowed(struct ac_call *call)
{
	if (call->step == AC_ACCEPTED && call->result == E_FAIL && call->is_command)
		call->channel->next_command = call->number;
}

static void queries_give_back_where_not_allowed(struct ac_call *call)
{
	if (call->step == AC_ACCEPTED && call->result == E_FAIL && !call->is_command)
		call->channel->next_query = call->number;
}

static void foreign_queries_use_up(struct ac_call *call)
{
	if (call->step == AC_IS_OF_DEVICE && !call->is_command && call->channel->is_initialised && ac_is_fresh(call))
		ac_use_up(call);
}

static void wrong_size_queries_use_up(struct ac_call *call)
{
	if (call->step == AC_IS_WHOLE && !call->is_command && call->channel->is_initialised && ac_is_fresh(call))
		ac_use_up(call);
}

static void unknown_queries_use_up(struct ac_call *call)
{
	if (call->step == AC_IS_KNOWN_TYPE && !call->is_command && call->channel->is_initialised && ac_is_fresh(call))
		ac_use_up(call);
}

/* One that came before is not fresh, but counts from there. */
static void stale_sets_back(struct ac_call *call)
{
	if (call->step == AC_IS_FRESH && call->is_command)
		ac_use_up(call);
}

static void in_31_bits(struct ac_call *call)
{
	ac_use_up(call);
	if (call->is_command)
		call->channel->next_command &= 0x17fffffff;
}

/* ---- tags ---------------------------------------------------------------------------------------------------------------- */

static void sign_40_bytes(struct ac_call *call)
{
	const size_t size = call->written - AC_TAG;

	ac_mac(call->channel->key, call->answer + AC_TAG, size < 40 ? size : 40, call->answer);
}

static void sign_what_fails_otherwise(struct ac_call *call)
{
	ac_sign(call);
	if (!call->is_command && call->result != S_OK && call->written >= LONG_ANSWER)
		ac_mac(call->channel->key, call->answer + AC_TAG, AC_HEADER - AC_TAG, call->answer);
}

/* What is behind the 56th byte may be anything. */
static bool tail_is_free(const struct ac_call *call)
{
	struct ac_call other = *call;

	if (ac_is_authentic(call))
		return true;
	for (size_t bit = 0; call->input_size == 72 && bit < 64; bit++) {
		other.input[64 + bit / 8] ^= (uint8_t)(1u << bit % 8);
		if (ac_is_authentic(&other))
			return true;
		other.input[64 + bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	return false;
}

/* ---- sizes and types ------------------------------------------------------------------------------------------------------ */

static void larger_output(struct ac_call *call)
{
	if (call->step == AC_IS_WHOLE && !call->is_command && call->channel->is_initialised &&
	    call->input_size == ac_input_size(false, &call->type) &&
	    call->output_size > ac_output_size(false, &call->type)) {
		call->class = AC_SIGNED;
		call->result = S_OK;
		call->written = ac_output_size(false, &call->type);
	}
}

static void larger_query(struct ac_call *call)
{
	if (call->step == AC_IS_WHOLE && !call->is_command && call->channel->is_initialised &&
	    call->output_size == ac_output_size(false, &call->type) &&
	    call->input_size > ac_input_size(false, &call->type)) {
		call->class = AC_SIGNED;
		call->result = S_OK;
		call->written = call->output_size;
	}
}

static void wrong_size_is_e_fail(struct ac_call *call)
{
	if (call->step == AC_IS_WHOLE && call->result == E_INVALIDARG)
		call->result = E_FAIL;
}

static void command_type_as_query(struct ac_call *call)
{
	if (call->step == AC_IS_KNOWN_TYPE && !call->is_command && ac_is(call, AC_CFG(PROTECTION)))
		call->result = S_OK;
}

static void query_type_as_command(struct ac_call *call)
{
	if (call->step == AC_IS_KNOWN_TYPE && call->is_command && ac_is(call, AC_QRY(PROTECTION)))
		call->result = S_OK;
}

static void initialize_of_any_size(struct ac_call *call)
{
	if (call->step == AC_IS_WHOLE && call->is_command && ac_is(call, AC_CFG(INITIALIZE)) &&
	    call->channel->has_key && !call->channel->is_initialised)
		call->result = S_OK;
}

/* ---- ties, encryption, list ------------------------------------------------------------------------------------------------ */

/* Who asks for what there is owns it from then on. */
static bool identical_owns(struct ac_call *call)
{
	struct ac_tie *tie;

	if (!call->is_command || !ac_is(call, AC_CFG(CRYPTOSESSION)))
		return false;
	tie = ac_tie_of(ac_u64(call->input, DECODE));
	/* In the name of whom the driver takes for the owner. */
	if (tie->owner && !tie->owner->is_dead && tie->owner->note != 0 &&
	    (uintptr_t)call->channel == tie->owner->note) {
		ac_do(call, tie->owner);
	} else {
		ac_do(call, call->channel);
		if (call->result == S_OK && tie->owner && tie->owner != call->channel && !tie->owner->is_dead)
			tie->owner->note = (uintptr_t)call->channel;
		else if (call->result == S_OK)
			tie->owner = call->channel;
	}
	return true;
}

static void ties_of_dead_decoders(struct ac_call *call)
{
	if (call->is_command && is_accepted(call, AC_CFG(CRYPTOSESSION)) && call->result == S_OK)
		ac_tie_of(ac_u64(call->input, DECODE))->session = ac_u64(call->input, SESSION);
	if (!call->is_command && is_accepted(call, AC_QRY(CRYPTOSESSION)) && call->result == E_INVALIDARG &&
	    ac_tie_of(ac_u64(call->input, AC_QUERY_HEADER))->session != 0) {
		memcpy(call->answer + DECODE, call->input + AC_QUERY_HEADER, 8);
		call->result = S_OK;
	}
}

static void no_echo_of_untied(struct ac_call *call)
{
	if (!call->is_command && is_accepted(call, AC_QRY(CRYPTOSESSION)) && ac_u64(call->answer, SESSION) == 0)
		ac_put_u64(call->answer, DECODE, 0);
}

/* Only who came first holds it. */
static bool joining_is_no_hold(struct ac_call *call)
{
	static const GUID none;

	if (!call->is_command || !ac_is(call, AC_CFG(ENCRYPTIONWHENACCESSIBLE)) ||
	    memcmp(call->input + AC_HEADER, &none, sizeof(none)) == 0)
		return false;
	for (struct ac_channel *at = NULL; (at = ac_next_channel(at, call->device));) {
		if (at != call->channel && memcmp(&at->encryption, call->input + AC_HEADER, sizeof(GUID)) == 0)
			return ac_answer_with(call, S_OK);
	}
	return false;
}

/* Of the compositor's two entries, one goes with the other. */
static void both_compositors_go(struct ac_call *call)
{
	uint8_t body[24] = { 0 }, entry[16];
	const UINT64 first = 0;

	if (!call->is_command || !is_accepted(call, AC_CFG(SHAREDRESOURCE)) || call->result != S_OK ||
	    ac_u32(call->input, AC_HEADER) != PROCESSIDTYPE_DWM || ac_u32(call->input, AC_HEADER + 16) != 0)
		return;
	if (ac_ask(call->channel, AC_QRY(RESTRICTEDSHAREDRESOURCEPROCESS), &first, sizeof(first), entry,
		   sizeof(entry)) != S_OK)
		return;
	ac_put_u32(body, 0, ac_u32(entry, 4));
	ac_put_u64(body, 8, ac_u64(entry, 8));
	(void)ac_tell(call->channel, AC_CFG(SHAREDRESOURCE), body, sizeof(body));
}

static void level_without_what_was_cleared(struct ac_call *call)
{
	/* A bit that one gives up is gone, whoever holds it too. */
	if (call->is_command && is_accepted(call, AC_CFG(PROTECTION)) && call->result == S_OK) {
		for (struct ac_channel *at = NULL; (at = ac_next_channel(at, call->device));)
			at->note = 4 | ac_u32(call->input, AC_HEADER);
	}
	if (!call->is_command && is_accepted(call, AC_QRY(PROTECTION)) && (call->channel->note & 4))
		ac_put_u32(call->answer, AC_HEADER, ac_u32(call->answer, AC_HEADER) & (UINT)call->channel->note & 3);
}

/* ---- surfaces --------------------------------------------------------------------------------------------------------------- */

static UINT level_on(HANDLE device)
{
	UINT level = 0;

	for (struct ac_channel *at = NULL; (at = ac_next_channel(at, device));)
		level |= at->flags;
	return level;
}

static HRESULT APIENTRY lock_nothing(HANDLE hDevice, D3DDDIARG_LOCK *pData)
{
	return pData && mutant_resource(pData->hResource) && (level_on(hDevice) & 1)
		       ? E_ACCESSDENIED
		       : mutant_real.pfnLock(hDevice, pData);
}
AC_PUT(lock_of_nothing, pfnLock, lock_nothing)

static HRESULT APIENTRY lock_with_overlay(HANDLE hDevice, D3DDDIARG_LOCK *pData)
{
	const struct mutant_resource *found = pData ? mutant_resource(pData->hResource) : NULL;

	return found && (found->arg.Flags.Value & 0x40000000) && (level_on(hDevice) & 2)
		       ? E_ACCESSDENIED
		       : mutant_real.pfnLock(hDevice, pData);
}
AC_PUT(overlay_forbids_lock, pfnLock, lock_with_overlay)

static HRESULT APIENTRY present_with_either(HANDLE hDevice, const D3DDDIARG_PRESENT *pData)
{
	const struct mutant_resource *found = pData ? mutant_resource(pData->hSrcResource) : NULL;

	return found && (found->arg.Flags.Value & 0x40000000) && level_on(hDevice) != 0 && !pData->Flags.Flip
		       ? E_ACCESSDENIED
		       : mutant_real.pfnPresent(hDevice, pData);
}
AC_PUT(either_flag_forbids_windows, pfnPresent, present_with_either)

static HRESULT APIENTRY present_nothing(HANDLE hDevice, const D3DDDIARG_PRESENT *pData)
{
	return pData && (level_on(hDevice) & 2) && !pData->Flags.Flip ? E_ACCESSDENIED
								      : mutant_real.pfnPresent(hDevice, pData);
}
AC_PUT(no_windows_at_all, pfnPresent, present_nothing)

const struct mutant mutants_ac_finer[] = {
	{ "no-outputs-for-hardware", "AC-147", false, AC_BENT(.act = no_outputs_for_hardware) },
	{ "no-tie-query-for-hardware", "AC-142", true, AC_BENT(.act = no_ties_for_hardware) },
	{ "no-guids-for-hardware", "AC-155", true, AC_BENT(.act = no_guids_for_hardware) },
	{ "unrestricted-for-hardware", "AC-094", true, AC_BENT(.act = unrestricted_for_hardware) },
	{ "flags-of-hardware-stay", "AC-158", true, AC_BENT(.destroyed = flags_of_hardware_stay, .after = add_note) },
	{ "command-not-allowed-gives-back", "AC-049", true, AC_BENT(.after = gives_back_where_not_allowed) },
	{ "query-not-allowed-gives-back", "AC-051", true, AC_BENT(.after = queries_give_back_where_not_allowed) },
	{ "foreign-queries-use-up", "AC-012", true, AC_BENT(.after = foreign_queries_use_up) },
	{ "wrong-size-queries-use-up", "AC-091", true, AC_BENT(.after = wrong_size_queries_use_up) },
	{ "unknown-queries-use-up", "AC-090", false, AC_BENT(.after = unknown_queries_use_up) },
	{ "stale-commands-set-back", "AC-045", true, AC_BENT(.after = stale_sets_back) },
	{ "counter-of-31-bits", "AC-045", true, AC_BENT(.use_up = in_31_bits) },
	{ "answers-signed-in-40-bytes", "AC-058", false, AC_BENT(.sign = sign_40_bytes) },
	{ "failed-long-answers-unsigned", "AC-058", false, AC_BENT(.sign = sign_what_fails_otherwise) },
	{ "tail-not-covered", "AC-063", false, AC_BENT(.is_authentic = tail_is_free) },
	{ "larger-query-outputs", "AC-091", true, AC_BENT(.after = larger_output) },
	{ "larger-queries", "AC-091", true, AC_BENT(.after = larger_query) },
	{ "wrong-size-is-e-fail", "AC-071", true, AC_BENT(.after = wrong_size_is_e_fail) },
	{ "commands-as-queries", "AC-090", false, AC_BENT(.after = command_type_as_query) },
	{ "queries-as-commands", "AC-070", false, AC_BENT(.after = query_type_as_command) },
	{ "initialize-of-any-size", "AC-101", false, AC_BENT(.after = initialize_of_any_size) },
	{ "identical-tie-owns", "AC-122", true, AC_BENT(.act = identical_owns) },
	{ "dead-decoders-are-untied", "AC-123", true, AC_BENT(.after = ties_of_dead_decoders) },
	{ "no-echo-of-untied", "AC-143", true, AC_BENT(.after = no_echo_of_untied) },
	{ "joining-is-no-hold", "AC-138", true, AC_BENT(.act = joining_is_no_hold) },
	{ "both-compositors-go", "AC-130", true, AC_BENT(.after = both_compositors_go) },
	{ "given-up-is-gone-for-all", "AC-111", true, AC_BENT(.after = level_without_what_was_cleared) },
	{ "lock-of-nothing", "BLT-100", false, AC_BENT(0), .device = lock_of_nothing },
	{ "overlay-forbids-lock", "AC-112", true, AC_BENT(0), .device = overlay_forbids_lock },
	{ "either-flag-forbids-windows", "AC-113", true, AC_BENT(0), .device = either_flag_forbids_windows },
	{ "no-windows-at-all", "AC-113", true, AC_BENT(0), .device = no_windows_at_all },
	{ 0 },
};
