/* SPDX-License-Identifier: MIT */
/* Mutants of PROTECTION and ENCRYPTIONWHENACCESSIBLE, and of Lock and Present under them. */
#include "mutants_ac.h"

#include <string.h>

enum { RESTRICTED = 0x40000000 };

static bool is_set(const struct ac_call *call)
{
	return call->is_command && ac_is(call, AC_CFG(PROTECTION));
}

static bool is_level(const struct ac_call *call)
{
	return call->step == AC_ACCEPTED && call->result == S_OK && !call->is_command &&
	       ac_is(call, AC_QRY(PROTECTION));
}

static UINT value_of(const struct ac_call *call)
{
	return ac_u32(call->input, AC_HEADER);
}

/* The command with another value. */
static bool set_instead(struct ac_call *call, UINT value)
{
	uint8_t input[AC_ROOM];

	memcpy(input, call->input, sizeof(input));
	ac_put_u32(call->input, AC_HEADER, value);
	ac_do(call, call->channel);
	memcpy(call->input, input, sizeof(input));
	return true;
}

/* ---- one channel --------------------------------------------------------------------------------------------------------- */

static bool only_bit_0(struct ac_call *call)
{
	return is_set(call) && value_of(call) <= 3 && set_instead(call, value_of(call) & 1);
}

static bool never_off(struct ac_call *call)
{
	return is_set(call) && value_of(call) <= 3 && set_instead(call, value_of(call) | call->channel->flags);
}

static bool any_bits(struct ac_call *call)
{
	return is_set(call) && set_instead(call, value_of(call) & 3);
}

static bool set_nothing(struct ac_call *call)
{
	return is_set(call) && value_of(call) <= 3 && ac_answer_with(call, S_OK);
}

static bool not_for_hardware(struct ac_call *call)
{
	return is_set(call) && call->channel->type == DDIAUTHENTICATEDCHANNEL_DRIVER_HARDWARE &&
	       ac_answer_with(call, E_FAIL);
}

/* ---- several ------------------------------------------------------------------------------------------------------------- */

static void own_level(struct ac_call *call)
{
	if (is_level(call))
		ac_put_u32(call->answer, AC_HEADER, call->channel->flags);
}

static void highest_level(struct ac_call *call)
{
	UINT level = 0;

	if (!is_level(call))
		return;
	for (struct ac_channel *at = NULL; (at = ac_next_channel(at, call->device));)
		level = at->flags > level ? at->flags : level;
	ac_put_u32(call->answer, AC_HEADER, level);
}

static void level_of_all_devices(struct ac_call *call)
{
	UINT level = 0;

	if (!is_level(call))
		return;
	for (struct ac_channel *at = NULL; (at = ac_next_channel(at, NULL));)
		level |= at->flags;
	ac_put_u32(call->answer, AC_HEADER, ac_u32(call->answer, AC_HEADER) | level);
}

static void sum_of_levels(struct ac_call *call)
{
	UINT level = 0;

	if (!is_level(call))
		return;
	for (struct ac_channel *at = NULL; (at = ac_next_channel(at, call->device));)
		level += at->flags;
	ac_put_u32(call->answer, AC_HEADER, level);
}

/* The others' as well. */
static bool switch_off(struct ac_call *call)
{
	if (!is_set(call) || value_of(call) > 3)
		return false;
	for (struct ac_channel *at = NULL; (at = ac_next_channel(at, call->device));) {
		const uint64_t value = at->flags & value_of(call);

		if (at != call->channel && at->is_ready && at->flags != value &&
		    ac_tell(at, AC_CFG(PROTECTION), &value, sizeof(value)) == S_OK)
			at->flags = (UINT)value;
	}
	return false;
}

static bool refused_but_s_ok(struct ac_call *call)
{
	if (!is_set(call) || value_of(call) > 3)
		return false;
	ac_do(call, call->channel);
	if (call->result == E_INVALIDARG)
		call->result = S_OK;
	return true;
}

static UINT flags_of_others(const struct ac_call *call)
{
	UINT flags = 0;

	for (struct ac_channel *at = NULL; (at = ac_next_channel(at, call->device));)
		flags |= at != call->channel ? at->flags : 0;
	return flags;
}

static bool shared_bits_stay(struct ac_call *call)
{
	return is_set(call) && value_of(call) <= 3 && (flags_of_others(call) & ~value_of(call)) != 0 &&
	       ac_answer_with(call, E_INVALIDARG);
}

/* Only the whole level will do. */
static bool both_bits_or_none(struct ac_call *call)
{
	return is_set(call) && value_of(call) <= 3 && flags_of_others(call) != 0 &&
	       value_of(call) != flags_of_others(call) && ac_answer_with(call, E_INVALIDARG);
}

/* ---- Lock and Present ----------------------------------------------------------------------------------------------------- */

static bool is_protected(HANDLE resource)
{
	const struct mutant_resource *found = mutant_resource(resource);

	return found && (found->arg.Flags.Value & RESTRICTED);
}

static void set_all(HANDLE device, bool is_on)
{
	for (struct ac_channel *at = NULL; (at = ac_next_channel(at, device));) {
		const uint64_t value = is_on ? at->flags : 0;

		if (at->is_ready && at->flags)
			(void)ac_tell(at, AC_CFG(PROTECTION), &value, sizeof(value));
	}
}

static HRESULT APIENTRY lock_anyway(HANDLE hDevice, D3DDDIARG_LOCK *pData)
{
	HRESULT hr = mutant_real.pfnLock(hDevice, pData);

	if (hr == S_OK || !pData || !is_protected(pData->hResource))
		return hr;
	set_all(hDevice, false);
	hr = mutant_real.pfnLock(hDevice, pData);
	set_all(hDevice, true);
	return hr;
}
AC_PUT(lock_under_protection, pfnLock, lock_anyway)

static HRESULT APIENTRY never_lock(HANDLE hDevice, D3DDDIARG_LOCK *pData)
{
	return pData && is_protected(pData->hResource) ? E_ACCESSDENIED : mutant_real.pfnLock(hDevice, pData);
}
AC_PUT(no_lock_ever, pfnLock, never_lock)

/* What was there before protection ended. */
static HRESULT APIENTRY with_content(HANDLE hDevice, D3DDDIARG_LOCK *pData)
{
	const HRESULT hr = mutant_real.pfnLock(hDevice, pData);

	if (hr == S_OK && is_protected(pData->hResource) && pData->pSurfData)
		((uint8_t *)pData->pSurfData)[5] = 0x5a;
	return hr;
}
AC_PUT(nothing_is_wiped, pfnLock, with_content)

static HRESULT APIENTRY present_anyway(HANDLE hDevice, const D3DDDIARG_PRESENT *pData)
{
	const HRESULT hr = mutant_real.pfnPresent(hDevice, pData);

	return hr == E_ACCESSDENIED ? S_OK : hr;
}
AC_PUT(windowed_present, pfnPresent, present_anyway)

static HRESULT APIENTRY no_present_at_all(HANDLE hDevice, const D3DDDIARG_PRESENT *pData)
{
	return pData && is_protected(pData->hSrcResource) && ac_next_channel(NULL, hDevice)
		       ? E_ACCESSDENIED
		       : mutant_real.pfnPresent(hDevice, pData);
}
AC_PUT(protected_is_never_presented, pfnPresent, no_present_at_all)

static HRESULT APIENTRY present_is_e_fail(HANDLE hDevice, const D3DDDIARG_PRESENT *pData)
{
	const HRESULT hr = mutant_real.pfnPresent(hDevice, pData);

	return hr == E_ACCESSDENIED ? E_FAIL : hr;
}
AC_PUT(refused_present_is_e_fail, pfnPresent, present_is_e_fail)

/* ---- encryption ------------------------------------------------------------------------------------------------------------ */

static const GUID none;

static bool is_encrypt(const struct ac_call *call)
{
	return call->is_command && ac_is(call, AC_CFG(ENCRYPTIONWHENACCESSIBLE));
}

static bool is_none(const void *guid)
{
	return memcmp(guid, &none, sizeof(none)) == 0;
}

static bool encrypt_nothing(struct ac_call *call)
{
	if (!is_encrypt(call))
		return false;
	ac_do(call, call->channel);
	if (call->result == S_OK)
		(void)ac_tell(call->channel, AC_CFG(ENCRYPTIONWHENACCESSIBLE), &none, sizeof(none));
	return true;
}

static bool encrypt_with_anything(struct ac_call *call)
{
	if (!is_encrypt(call))
		return false;
	ac_do(call, call->channel);
	if (call->result == E_INVALIDARG)
		call->result = S_OK;
	return true;
}

static bool never_without(struct ac_call *call)
{
	return is_encrypt(call) && is_none(call->input + AC_HEADER) && ac_answer_with(call, E_INVALIDARG);
}

/* The others give up first. */
static bool take_over(struct ac_call *call)
{
	if (!is_encrypt(call))
		return false;
	for (struct ac_channel *at = NULL; (at = ac_next_channel(at, call->device));) {
		if (at != call->channel && at->is_ready && !is_none(&at->encryption) &&
		    ac_tell(at, AC_CFG(ENCRYPTIONWHENACCESSIBLE), &none, sizeof(none)) == S_OK)
			at->encryption = none;
	}
	return false;
}

static bool not_together(struct ac_call *call)
{
	if (!is_encrypt(call) || is_none(call->input + AC_HEADER))
		return false;
	for (struct ac_channel *at = NULL; (at = ac_next_channel(at, call->device));) {
		if (at != call->channel && !is_none(&at->encryption))
			return ac_answer_with(call, E_INVALIDARG);
	}
	return false;
}

static bool all_give_up(struct ac_call *call)
{
	return is_encrypt(call) && is_none(call->input + AC_HEADER) && !is_none(&call->channel->encryption) &&
	       take_over(call);
}

static bool holders_stay(struct ac_call *call)
{
	if (!is_encrypt(call) || !is_none(call->input + AC_HEADER))
		return false;
	for (struct ac_channel *at = NULL; (at = ac_next_channel(at, call->device));) {
		if (at != call->channel && !is_none(&at->encryption))
			return ac_answer_with(call, E_INVALIDARG);
	}
	return false;
}

static bool not_encrypted_by_hardware(struct ac_call *call)
{
	return is_encrypt(call) && call->channel->type == DDIAUTHENTICATEDCHANNEL_DRIVER_HARDWARE &&
	       ac_answer_with(call, E_FAIL);
}

const struct mutant mutants_ac_protection[] = {
	{ "only-protection-enabled", "AC-107", false, AC_BENT(.act = only_bit_0) },
	{ "protection-never-off", "AC-107", false, AC_BENT(.act = never_off) },
	{ "protection-does-nothing", "AC-107", false, AC_BENT(.act = set_nothing) },
	{ "no-protection-by-hardware", "AC-107", false, AC_BENT(.act = not_for_hardware) },
	{ "reserved-flags", "AC-108", true, AC_BENT(.act = any_bits) },
	{ "own-level-only", "AC-109", true, AC_BENT(.after = own_level) },
	{ "highest-level-counts", "AC-109", true, AC_BENT(.after = highest_level) },
	{ "levels-are-added", "AC-109", true, AC_BENT(.after = sum_of_levels) },
	{ "others-switch-off", "AC-110", true, AC_BENT(.act = switch_off) },
	{ "refused-switch-is-s-ok", "AC-110", true, AC_BENT(.act = refused_but_s_ok) },
	{ "whole-level-or-none", "AC-110", true, AC_BENT(.act = both_bits_or_none) },
	{ "shared-flags-stay", "AC-111", true, AC_BENT(.act = shared_bits_stay) },
	{ "lock-under-protection", "AC-112", true, AC_BENT(0), .device = lock_under_protection },
	{ "no-lock-ever", "AC-112", true, AC_BENT(0), .device = no_lock_ever },
	{ "protected-in-a-window", "AC-113", true, AC_BENT(0), .device = windowed_present },
	{ "protected-never-presented", "AC-113", true, AC_BENT(0), .device = protected_is_never_presented },
	{ "refused-present-is-e-fail", "AC-113", true, AC_BENT(0), .device = refused_present_is_e_fail },
	{ "level-of-all-devices", "AC-114", true, AC_BENT(.after = level_of_all_devices) },
	{ "nothing-is-wiped", "AC-114", true, .device = nothing_is_wiped },
	{ "encryption-does-nothing", "AC-134", false, AC_BENT(.act = encrypt_nothing) },
	{ "no-encryption-by-hardware", "AC-134", false, AC_BENT(.act = not_encrypted_by_hardware) },
	{ "encryption-with-anything", "AC-135", true, AC_BENT(.act = encrypt_with_anything) },
	{ "never-without-encryption", "AC-136", true, AC_BENT(.act = never_without) },
	{ "others-change-encryption", "AC-137", true, AC_BENT(.act = take_over) },
	{ "no-encryption-together", "AC-137", true, AC_BENT(.act = not_together) },
	{ "one-gives-encryption-up-for-all", "AC-138", true, AC_BENT(.act = all_give_up) },
	{ "holders-keep-each-other", "AC-138", true, AC_BENT(.act = holders_stay) },
	{ 0 },
};
