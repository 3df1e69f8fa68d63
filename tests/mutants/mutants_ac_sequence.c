/* SPDX-License-Identifier: MIT */
/* Mutants of sequence numbers and of INITIALIZE. */
#include "mutants_ac.h"

#include <string.h>

enum { START_QUERY = 48, START_COMMAND = 52 };

static uint64_t next_of(const struct ac_call *call)
{
	return call->is_command ? call->channel->next_command : call->channel->next_query;
}

static uint64_t *counter_of(struct ac_call *call)
{
	return call->is_command ? &call->channel->next_command : &call->channel->next_query;
}

/* ---- what is fresh ----------------------------------------------------------------------------------------------------- */

/* Also what was accepted last: the counter keeps that. */
static void keep(struct ac_call *call)
{
	*counter_of(call) = call->number;
}

static void keep_of_queries(struct ac_call *call)
{
	*counter_of(call) = (uint64_t)call->number + !!call->is_command;
}

/* Strictly greater than the start value, too. */
static bool above_the_start(const struct ac_call *call)
{
	return call->number >= next_of(call) + (call->channel->note == 0 && call->is_command);
}

static void above_from_now(struct ac_call *call)
{
	call->channel->note = call->channel->note || call->is_command;
	ac_use_up(call);
}

static bool just_the_next(const struct ac_call *call)
{
	return call->number == next_of(call);
}

static bool just_the_next_query(const struct ac_call *call)
{
	return call->is_command ? ac_is_fresh(call) : just_the_next(call);
}

/* Not the last one, which is all that is remembered. */
static bool not_the_last(const struct ac_call *call)
{
	return ac_is_fresh(call) ||
	       (call->is_command && (uint64_t)call->number + 1 != next_of(call) && call->channel->note != 0);
}

static void note_use(struct ac_call *call)
{
	call->channel->note += call->is_command;
	ac_use_up(call);
}

static bool one_below(const struct ac_call *call)
{
	return call->number + (call->channel->note == 0 && call->is_command) >= next_of(call);
}

static void wrapping(struct ac_call *call)
{
	*counter_of(call) = (uint32_t)(call->number + 1);
}

static void wrapping_queries(struct ac_call *call)
{
	*counter_of(call) = call->is_command ? (uint64_t)call->number + 1 : (uint32_t)(call->number + 1);
}

/* The last number is never accepted. */
static bool below_the_last(const struct ac_call *call)
{
	return ac_is_fresh(call) && call->number != 0xffffffff;
}

static bool as_signed(const struct ac_call *call)
{
	return (int32_t)call->number >= (int32_t)next_of(call);
}

/* ---- whose counter ------------------------------------------------------------------------------------------------------- */

static void both_counters(struct ac_call *call)
{
	ac_use_up(call);
	if (call->channel->next_query < *counter_of(call))
		call->channel->next_query = *counter_of(call);
}

static void for_all_channels(struct ac_call *call)
{
	ac_use_up(call);
	for (struct ac_channel *at = NULL; call->is_command && (at = ac_next_channel(at, call->device));) {
		if (at->next_command < call->channel->next_command)
			at->next_command = call->channel->next_command;
	}
}

/* ---- what uses a number up -------------------------------------------------------------------------------------------------- */

static void use_nothing(struct ac_call *call)
{
	(void)call;
}

static void use_what_succeeds(struct ac_call *call)
{
	if (call->step == AC_ACCEPTED && call->result == S_OK && !(call->is_command && ac_is(call, AC_CFG(INITIALIZE))))
		ac_use_up(call);
}

/* Commands that fail give theirs back; queries do not. */
static void use_of_queries(struct ac_call *call)
{
	if (!call->is_command)
		ac_use_up(call);
}

static void use_of_done_commands(struct ac_call *call)
{
	if (call->is_command)
		use_what_succeeds(call);
}

static void use_of_commands(struct ac_call *call)
{
	if (call->is_command)
		ac_use_up(call);
}

static void use_of_answered_queries(struct ac_call *call)
{
	if (!call->is_command)
		use_what_succeeds(call);
}

static void use_of_forged(struct ac_call *call)
{
	if (call->is_command && call->step == AC_IS_AUTHENTIC && call->channel->is_initialised &&
	    !ac_is(call, AC_CFG(INITIALIZE)) && ac_is_fresh(call))
		ac_use_up(call);
}

static void use_of_unknown(struct ac_call *call)
{
	if (call->is_command && call->step == AC_IS_KNOWN_TYPE && call->channel->is_initialised && ac_is_fresh(call))
		ac_use_up(call);
}

/* ---- INITIALIZE ------------------------------------------------------------------------------------------------------------- */

static bool is_initialize(const struct ac_call *call)
{
	return call->is_command && ac_is(call, AC_CFG(INITIALIZE));
}

static bool is_initialized(const struct ac_call *call)
{
	return is_initialize(call) && call->step == AC_ACCEPTED && call->result == S_OK;
}

static void swapped(struct ac_call *call)
{
	if (!is_initialized(call))
		return;
	call->channel->next_query = ac_u32(call->input, START_COMMAND);
	call->channel->next_command = ac_u32(call->input, START_QUERY);
}

static void not_set(struct ac_call *call)
{
	if (is_initialized(call))
		call->channel->next_query = call->channel->next_command = 0;
}

static void own_number_counts(struct ac_call *call)
{
	if (is_initialized(call) && call->channel->next_command <= call->number)
		call->channel->next_command = (uint64_t)call->number + 1;
}

static bool own_number_is_start(struct ac_call *call)
{
	if (!is_initialize(call) || call->number <= ac_u32(call->input, START_COMMAND))
		return false;
	return ac_answer_with(call, E_INVALIDARG);
}

static bool one_try(const struct ac_call *call)
{
	struct ac_channel *channel = call->channel;

	if (!is_initialize(call))
		return ac_is_authentic(call);
	if (channel->note)
		return false;
	channel->note = !ac_is_authentic(call);
	return !channel->note;
}

/* Refused, but the counters go where it says. */
static void second_resets(struct ac_call *call)
{
	if (is_initialize(call) && call->step == AC_IS_INITIALISED) {
		call->channel->next_query = ac_u32(call->input, START_QUERY);
		call->channel->next_command = ac_u32(call->input, START_COMMAND);
	}
}

static bool unless_initialize(const struct ac_call *call)
{
	return is_initialize(call) || ac_is_authentic(call);
}

static void never_zero(struct ac_call *call)
{
	if (is_initialized(call) && call->channel->next_command == 0)
		call->channel->next_command = 1;
}

static bool no_high_starts(struct ac_call *call)
{
	if (!is_initialize(call) ||
	    (ac_u32(call->input, START_COMMAND) < 0x80000000 && ac_u32(call->input, START_QUERY) < 0x80000000))
		return false;
	return ac_answer_with(call, E_INVALIDARG);
}

static void protects(struct ac_call *call)
{
	const uint64_t both = 3;

	if (is_initialized(call))
		(void)ac_tell(call->channel, AC_CFG(PROTECTION), &both, sizeof(both));
}

const struct mutant mutants_ac_sequence[] = {
	{ "one-counter-for-both", "AC-043", true, AC_BENT(.use_up = both_counters) },
	{ "last-number-again", "AC-044", true, AC_BENT(.use_up = keep) },
	{ "start-value-is-stale", "AC-044 AC-047", true,
	  AC_BENT(.is_fresh = above_the_start, .use_up = above_from_now) },
	{ "numbers-without-gaps", "AC-045", true, AC_BENT(.is_fresh = just_the_next) },
	{ "only-the-last-is-stale", "AC-045", true, AC_BENT(.is_fresh = not_the_last, .use_up = note_use) },
	{ "last-query-again", "AC-046", true, AC_BENT(.use_up = keep_of_queries) },
	{ "queries-without-gaps", "AC-045 AC-046", true, AC_BENT(.is_fresh = just_the_next_query) },
	{ "below-the-start", "AC-047", true, AC_BENT(.is_fresh = one_below, .use_up = note_use) },
	{ "counters-wrap", "AC-048", true, AC_BENT(.use_up = wrapping) },
	{ "query-counter-wraps", "AC-048", true, AC_BENT(.use_up = wrapping_queries) },
	{ "last-number-is-refused", "AC-048", true, AC_BENT(.is_fresh = below_the_last) },
	{ "numbers-are-signed", "AC-043 AC-105", true, AC_BENT(.is_fresh = as_signed) },
	{ "failed-commands-use-nothing", "AC-049", true,
	  AC_BENT(.use_up = use_of_queries, .after = use_of_done_commands) },
	{ "no-command-uses-up", "AC-044 AC-074", true, AC_BENT(.use_up = use_of_queries) },
	{ "nothing-uses-up", "AC-046 AC-093", true, AC_BENT(.use_up = use_nothing) },
	{ "forged-commands-use-up", "AC-050", true, AC_BENT(.after = use_of_forged) },
	{ "unknown-commands-use-up", "AC-050", true, AC_BENT(.after = use_of_unknown) },
	{ "failed-queries-use-nothing", "AC-051", true,
	  AC_BENT(.use_up = use_of_commands, .after = use_of_answered_queries) },
	{ "channels-share-a-counter", "AC-052", false, AC_BENT(.use_up = for_all_channels) },
	{ "start-values-swapped", "AC-101", false, AC_BENT(.after = swapped) },
	{ "start-values-ignored", "AC-101 AC-047", false, AC_BENT(.after = not_set) },
	{ "number-of-initialize-counts", "AC-102", false, AC_BENT(.after = own_number_counts) },
	{ "number-of-initialize-is-checked", "AC-102", false, AC_BENT(.act = own_number_is_start) },
	{ "one-try-at-initialize", "AC-103", true, AC_BENT(.is_authentic = one_try) },
	{ "second-initialize-resets", "AC-103", true, AC_BENT(.after = second_resets) },
	{ "initialize-without-tag", "AC-104", false, AC_BENT(.is_authentic = unless_initialize) },
	{ "start-at-1", "AC-105", true, AC_BENT(.after = never_zero) },
	{ "no-start-above-2-31", "AC-105", true, AC_BENT(.act = no_high_starts) },
	{ "initialize-protects", "AC-106", true, AC_BENT(.after = protects) },
	{ 0 },
};
