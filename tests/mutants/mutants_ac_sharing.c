/* SPDX-License-Identifier: MIT */
/* Mutants of SHAREDRESOURCE, of the list of processes, and of OpenResource by it. */
#include "mutants_ac.h"

#include <string.h>

/* In the command; in the query's input; in its answer. */
enum { KIND = 48, PROCESS = 56, ALLOW = 64, IN_INDEX = 32, OUT_INDEX = 48, OUT_KIND = 52, OUT_PROCESS = 56 };
enum { KIND_DWM = PROCESSIDTYPE_DWM, KIND_HANDLE = PROCESSIDTYPE_HANDLE };

#define RESTRICTED_ACCESS 0x80000000u

static bool is_share(const struct ac_call *call)
{
	return call->is_command && ac_is(call, AC_CFG(SHAREDRESOURCE));
}

static bool asks_entry(const struct ac_call *call)
{
	return !call->is_command && ac_is(call, AC_QRY(RESTRICTEDSHAREDRESOURCEPROCESS));
}

static bool is_answer(const struct ac_call *call, const GUID *type)
{
	return call->step == AC_ACCEPTED && call->class == AC_SIGNED && !call->is_command && ac_is(call, type);
}

static bool is_count(const struct ac_call *call)
{
	return is_answer(call, AC_QRY(RESTRICTEDSHAREDRESOURCEPROCESSCOUNT)) && call->result == S_OK;
}

static bool is_entry(const struct ac_call *call)
{
	return asks_entry(call) && call->step == AC_ACCEPTED && call->result == S_OK;
}

static UINT count_on(struct ac_channel *channel)
{
	UINT count = 0;

	(void)ac_ask(channel, AC_QRY(RESTRICTEDSHAREDRESOURCEPROCESSCOUNT), NULL, 0, &count, sizeof(count));
	return count;
}

static bool is_listed(struct ac_channel *channel, UINT kind, UINT64 process)
{
	const UINT count = count_on(channel);

	for (UINT64 i = 0; i < count; i++) {
		uint8_t entry[16];

		if (ac_ask(channel, AC_QRY(RESTRICTEDSHAREDRESOURCEPROCESS), &i, sizeof(i), entry, sizeof(entry)) ==
			    S_OK &&
		    ac_u32(entry, 4) == kind && (kind == KIND_DWM || ac_u64(entry, 8) == process))
			return true;
	}
	return false;
}

/* ---- the command ---------------------------------------------------------------------------------------------------------- */

static bool list_nobody(struct ac_call *call)
{
	if (!is_share(call))
		return false;
	ac_do(call, call->channel);
	if (call->result == S_OK && ac_u32(call->input, ALLOW) != 0) {
		ac_put_u32(call->input, ALLOW, 0);
		(void)ac_tell(call->channel, AC_CFG(SHAREDRESOURCE), call->input + AC_HEADER, 24);
	}
	return true;
}

static bool never_remove(struct ac_call *call)
{
	return is_share(call) && ac_u32(call->input, ALLOW) == 0 && ac_answer_with(call, S_OK);
}

static bool by_hardware_too(struct ac_call *call)
{
	if (!is_share(call))
		return false;
	ac_do(call, call->channel);
	if (call->result == E_FAIL)
		call->result = S_OK;
	return true;
}

static bool list_by_hardware(struct ac_call *call)
{
	if (call->is_command || !ac_is(call, AC_QRY(RESTRICTEDSHAREDRESOURCEPROCESSCOUNT)))
		return false;
	ac_do(call, call->channel);
	if (call->result == E_FAIL)
		call->result = S_OK;
	return true;
}

static void keep_the_process(struct ac_call *call)
{
	static UINT64 process;

	if (is_share(call) && call->step == AC_ACCEPTED && call->result == S_OK &&
	    ac_u32(call->input, KIND) == KIND_DWM)
		process = ac_u64(call->input, PROCESS);
	if (is_entry(call) && ac_u32(call->answer, OUT_KIND) == KIND_DWM)
		ac_put_u64(call->answer, OUT_PROCESS, process);
}

static void no_kind(struct ac_call *call)
{
	if (is_entry(call))
		ac_put_u32(call->answer, OUT_KIND, KIND_HANDLE);
}

static bool anyone_is_fine(struct ac_call *call)
{
	if (!is_share(call))
		return false;
	ac_do(call, call->channel);
	if (call->result == E_INVALIDARG)
		call->result = S_OK;
	return true;
}

static bool removing_anyone_is_fine(struct ac_call *call)
{
	return is_share(call) && ac_u32(call->input, ALLOW) == 0 && anyone_is_fine(call);
}

static bool twice_is_refused(struct ac_call *call)
{
	return is_share(call) && ac_u32(call->input, ALLOW) != 0 &&
	       is_listed(call->channel, ac_u32(call->input, KIND), ac_u64(call->input, PROCESS)) &&
	       ac_answer_with(call, E_INVALIDARG);
}

static bool unlisted_is_refused(struct ac_call *call)
{
	return is_share(call) && ac_u32(call->input, ALLOW) == 0 &&
	       !is_listed(call->channel, ac_u32(call->input, KIND), ac_u64(call->input, PROCESS)) &&
	       ac_answer_with(call, E_INVALIDARG);
}

/* Only 1 is TRUE. */
static bool only_1_allows(struct ac_call *call)
{
	const UINT allow = is_share(call) ? ac_u32(call->input, ALLOW) : 1;

	if (allow <= 1)
		return false;
	ac_put_u32(call->input, ALLOW, 0);
	ac_do(call, call->channel);
	ac_put_u32(call->input, ALLOW, allow);
	return true;
}

/* Listed again, which only makes it longer. */
static UINT doubles;

static bool list_twice(struct ac_call *call)
{
	if (is_share(call) && ac_u32(call->input, ALLOW) != 0 &&
	    is_listed(call->channel, ac_u32(call->input, KIND), ac_u64(call->input, PROCESS)))
		doubles++;
	return false;
}

static void add_doubles(struct ac_call *call)
{
	if (is_count(call) && ac_u32(call->answer, AC_HEADER) > 0)
		ac_put_u32(call->answer, AC_HEADER, ac_u32(call->answer, AC_HEADER) + doubles);
}

static bool newest_first(struct ac_call *call)
{
	const UINT index = asks_entry(call) ? ac_u32(call->input, IN_INDEX) : 0;
	const UINT count = asks_entry(call) ? count_on(call->channel) : 0;

	if (index >= count)
		return false;
	ac_put_u32(call->input, IN_INDEX, count - 1 - index);
	ac_do(call, call->channel);
	ac_put_u32(call->input, IN_INDEX, index);
	ac_put_u32(call->answer, OUT_INDEX, index);
	return true;
}

/* One that is added again goes to the end. */
static bool again_is_last(struct ac_call *call)
{
	if (is_share(call) && ac_u32(call->input, ALLOW) != 0 &&
	    is_listed(call->channel, ac_u32(call->input, KIND), ac_u64(call->input, PROCESS))) {
		uint8_t body[24];

		memcpy(body, call->input + AC_HEADER, sizeof(body));
		ac_put_u32(body, ALLOW - AC_HEADER, 0);
		(void)ac_tell(call->channel, AC_CFG(SHAREDRESOURCE), body, sizeof(body));
	}
	return false;
}

/* Who has added it: few tests add more. */
static struct {
	UINT64 process;
	const struct ac_channel *owner;
} added[64];

static bool owner_removes(struct ac_call *call)
{
	UINT64 process;

	if (!is_share(call))
		return false;
	process = ac_u32(call->input, KIND) == KIND_DWM ? 1 : ac_u64(call->input, PROCESS);
	for (size_t i = 0; i < 64; i++) {
		if (ac_u32(call->input, ALLOW) == 0 && added[i].process == process && added[i].owner != call->channel)
			return ac_answer_with(call, E_INVALIDARG);
		if (ac_u32(call->input, ALLOW) != 0 && (added[i].process == 0 || added[i].process == process)) {
			added[i].process = process;
			added[i].owner = call->channel;
			break;
		}
	}
	return false;
}

/* ---- the queries ------------------------------------------------------------------------------------------------------------ */

static void count_of_channel(struct ac_call *call)
{
	if (is_share(call) && call->step == AC_ACCEPTED && call->result == S_OK)
		call->channel->note = ac_u32(call->input, ALLOW) != 0;
	if (is_count(call) && call->channel->note == 0)
		ac_put_u32(call->answer, AC_HEADER, 0);
}

static void one_more(struct ac_call *call)
{
	if (is_count(call))
		ac_put_u32(call->answer, AC_HEADER, ac_u32(call->answer, AC_HEADER) + 1);
}

static bool index_is_count(struct ac_call *call)
{
	if (!asks_entry(call))
		return false;
	ac_do(call, call->channel);
	if (call->result == E_INVALIDARG && ac_u32(call->input, IN_INDEX) == count_on(call->channel)) {
		ac_put_u32(call->answer, OUT_INDEX, ac_u32(call->input, IN_INDEX));
		call->result = S_OK;
	}
	return true;
}

/* The highest number is the last of all. */
static bool last_index(struct ac_call *call)
{
	if (!asks_entry(call) || ac_u32(call->input, IN_INDEX) != 0xffffffff)
		return false;
	memset(call->answer, 0, sizeof(call->answer));
	ac_put_u32(call->answer, OUT_INDEX, 0xffffffff);
	call->result = S_OK;
	return true;
}

/* ---- whom the list lets in ------------------------------------------------------------------------------------------------ */

/* On every device there is, as far as a channel can say it. */
static void on_all_devices(struct ac_call *call)
{
	if (!is_share(call) || call->step != AC_ACCEPTED || call->result != S_OK)
		return;
	for (struct ac_channel *at = NULL; (at = ac_next_channel(at, NULL));) {
		if (at->device != call->device && at->is_ready)
			(void)ac_tell(at, AC_CFG(SHAREDRESOURCE), call->input + AC_HEADER, 24);
	}
}

static bool compositor_is_nobody(struct ac_call *call)
{
	return is_share(call) && ac_u32(call->input, KIND) == KIND_DWM && ac_answer_with(call, S_OK);
}

/* The dead stay where they are: what was counted once is the least. */
static void never_less(struct ac_call *call)
{
	static UINT64 most;
	static HANDLE device;

	if (is_share(call) && call->step == AC_ACCEPTED && call->result == S_OK && ac_u32(call->input, ALLOW) == 0)
		most = 0;
	if (!is_count(call))
		return;
	most = device == call->device ? most : 0;
	device = call->device;
	if (ac_u32(call->answer, AC_HEADER) < most)
		ac_put_u32(call->answer, AC_HEADER, (UINT)most);
	most = ac_u32(call->answer, AC_HEADER);
}

static void all_shared_count(struct ac_call *call)
{
	static UINT most;

	if (!is_answer(call, AC_QRY(UNRESTRICTEDPROTECTEDSHAREDRESOURCECOUNT)) || call->result != S_OK)
		return;
	/* They never end. */
	if (ac_u32(call->answer, AC_HEADER) > most)
		most = ac_u32(call->answer, AC_HEADER);
	ac_put_u32(call->answer, AC_HEADER, most);
}

static void none_unrestricted(struct ac_call *call)
{
	if (is_answer(call, AC_QRY(UNRESTRICTEDPROTECTEDSHAREDRESOURCECOUNT)) && call->result == S_OK)
		ac_put_u32(call->answer, AC_HEADER, 0);
}

/* ---- OpenResource -------------------------------------------------------------------------------------------------------- */

static HRESULT APIENTRY never_open(HANDLE hDevice, D3DDDIARG_OPENRESOURCE *pData)
{
	(void)hDevice;
	(void)pData;
	return E_ACCESSDENIED;
}
AC_PUT(nobody_opens, pfnOpenResource, never_open)

/* Shared with everybody from the beginning. */
static HRESULT APIENTRY without_restriction(HANDLE hDevice, D3DDDIARG_CREATERESOURCE *pData)
{
	const UINT flags = pData ? pData->Flags.Value : 0;
	HRESULT hr;

	if (pData)
		pData->Flags.Value &= ~RESTRICTED_ACCESS;
	hr = mutant_real.pfnCreateResource(hDevice, pData);
	if (pData)
		pData->Flags.Value = flags;
	return hr;
}
AC_PUT(nothing_is_restricted, pfnCreateResource, without_restriction)

const struct mutant mutants_ac_sharing[] = {
	{ "nobody-is-listed", "AC-125", true, AC_BENT(.act = list_nobody) },
	{ "nobody-is-removed", "AC-125", true, AC_BENT(.act = never_remove) },
	{ "the-dead-stay-listed", "AC-125", true, AC_BENT(.after = never_less) },
	{ "hardware-lists-processes", "AC-126", true, AC_BENT(.act = by_hardware_too) },
	{ "hardware-counts-processes", "AC-094", true, AC_BENT(.act = list_by_hardware) },
	{ "compositor-keeps-its-handle", "AC-127", true, AC_BENT(.after = keep_the_process) },
	{ "compositor-is-a-handle", "AC-127 AC-145", true, AC_BENT(.after = no_kind) },
	{ "any-process-is-listed", "AC-128", true, AC_BENT(.act = anyone_is_fine) },
	{ "any-process-is-removed", "AC-128", true, AC_BENT(.act = removing_anyone_is_fine) },
	{ "listed-twice-is-refused", "AC-129", true, AC_BENT(.act = twice_is_refused) },
	{ "unlisted-cannot-be-removed", "AC-129", true, AC_BENT(.act = unlisted_is_refused) },
	{ "only-1-allows", "AC-129", true, AC_BENT(.act = only_1_allows) },
	{ "processes-listed-twice", "AC-130 AC-129", true, AC_BENT(.act = list_twice, .after = add_doubles) },
	{ "newest-process-first", "AC-130", true, AC_BENT(.act = newest_first) },
	{ "listed-again-is-last", "AC-130", true, AC_BENT(.act = again_is_last) },
	{ "only-who-listed-removes", "AC-131", true, AC_BENT(.act = owner_removes) },
	{ "listed-on-all-devices", "AC-132 AC-125", false, AC_BENT(.after = on_all_devices) },
	{ "removed-still-open", "AC-132 AC-125", false, AC_BENT(.act = never_remove) },
	{ "compositor-is-nobody", "AC-133 AC-127", false, AC_BENT(.act = compositor_is_nobody) },
	{ "nobody-opens-restricted", "AC-132", false, AC_BENT(0), .device = nobody_opens },
	{ "nothing-is-restricted", "AC-160 AC-132", false, .device = nothing_is_restricted },
	{ "list-of-a-channel", "AC-131 AC-161", true, AC_BENT(.after = count_of_channel) },
	{ "one-process-more", "AC-144", false, AC_BENT(.after = one_more) },
	{ "process-at-count", "AC-145", true, AC_BENT(.act = index_is_count) },
	{ "last-process-index", "AC-145", true, AC_BENT(.act = last_index) },
	{ "unrestricted-never-less", "AC-146", false, AC_BENT(.after = all_shared_count) },
	{ "none-unrestricted", "AC-146", false, AC_BENT(.after = none_unrestricted) },
	{ 0 },
};
