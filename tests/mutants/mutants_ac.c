/* SPDX-License-Identifier: MIT */
/* Mutants of CreateAuthenticatedChannel, and of what all entry points of a channel have in common. */
#include "mutants_ac.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define real_create mutant_real.pfnCreateAuthenticatedChannel

typedef D3DDDIARG_CREATEAUTHENTICATEDCHANNEL create_arg;
typedef D3DDDIARG_AUTHENTICATEDCHANNELKEYEXCHANGE exchange_arg;
typedef const D3DDDIARG_CONFIGUREAUTHENTICATEDCHANNEL configure_arg;
typedef const D3DDDIARG_QUERYAUTHENTICATEDCHANNEL query_arg;

static const struct ac_bend nothing_bent;

/* ---- which types ---------------------------------------------------------------------------------------------- */

static HRESULT create_as_software(HANDLE device, create_arg *pData)
{
	create_arg arg = { .ChannelType = DDIAUTHENTICATEDCHANNEL_DRIVER_SOFTWARE };
	HRESULT hr = real_create(device, &arg);

	if (hr == S_OK)
		pData->hChannel = arg.hChannel;
	return hr;
}

static HRESULT APIENTRY also_type_1(HANDLE hDevice, create_arg *pData)
{
	return pData && pData->ChannelType == 1 ? create_as_software(hDevice, pData) : real_create(hDevice, pData);
}
AC_PUT(type_1_is_made, pfnCreateAuthenticatedChannel, also_type_1)

static HRESULT APIENTRY any_type(HANDLE hDevice, create_arg *pData)
{
	const HRESULT hr = real_create(hDevice, pData);

	return hr == D3DDDIERR_NOTAVAILABLE ? create_as_software(hDevice, pData) : hr;
}
AC_PUT(any_type_is_made, pfnCreateAuthenticatedChannel, any_type)

static HRESULT APIENTRY invalid_type(HANDLE hDevice, create_arg *pData)
{
	const HRESULT hr = real_create(hDevice, pData);

	return hr == D3DDDIERR_NOTAVAILABLE ? E_INVALIDARG : hr;
}
AC_PUT(unknown_type_is_invalid, pfnCreateAuthenticatedChannel, invalid_type)

static HRESULT APIENTRY hardware_too(HANDLE hDevice, create_arg *pData)
{
	const HRESULT hr = real_create(hDevice, pData);

	return hr == D3DDDIERR_NOTAVAILABLE && pData->ChannelType == DDIAUTHENTICATEDCHANNEL_DRIVER_HARDWARE
		       ? create_as_software(hDevice, pData)
		       : hr;
}
AC_PUT(hardware_without_the_bit, pfnCreateAuthenticatedChannel, hardware_too)

static HRESULT APIENTRY never_hardware(HANDLE hDevice, create_arg *pData)
{
	return pData && pData->ChannelType == DDIAUTHENTICATEDCHANNEL_DRIVER_HARDWARE ? D3DDDIERR_NOTAVAILABLE
										      : real_create(hDevice, pData);
}
AC_PUT(bit_without_hardware, pfnCreateAuthenticatedChannel, never_hardware)

/* ---- handles ---------------------------------------------------------------------------------------------------- */

/* And nowhere else. */
static HRESULT APIENTRY handle_in_type(HANDLE hDevice, create_arg *pData)
{
	const HANDLE before = pData ? pData->hChannel : NULL;
	const HRESULT hr = real_create(hDevice, pData);

	if (hr == S_OK && pData) {
		memcpy(&pData->ChannelType, &pData->hChannel, sizeof(pData->ChannelType));
		pData->hChannel = before;
	}
	return hr;
}
AC_PUT(handle_in_the_type, pfnCreateAuthenticatedChannel, handle_in_type)

static HRESULT APIENTRY no_handle(HANDLE hDevice, create_arg *pData)
{
	create_arg arg = pData ? *pData : (create_arg) { 0 };

	return real_create(hDevice, pData ? &arg : NULL);
}
AC_PUT(channel_without_handle, pfnCreateAuthenticatedChannel, no_handle)

/* From 0x100000001 in each process. */
static HRESULT count_here(struct ac_channel *channel)
{
	static uint64_t count;
	static pid_t process;

	if (process != getpid())
		count = UINT64_C(1) << 32;
	process = getpid();
	channel->handle = (HANDLE)(uintptr_t)++count;
	return S_OK;
}

static HRESULT lowest_free(struct ac_channel *channel)
{
	uint64_t handle = (UINT64_C(1) << 32) + 1;

	while (ac_channel((HANDLE)(uintptr_t)handle))
		handle++;
	channel->handle = (HANDLE)(uintptr_t)handle;
	return S_OK;
}

static HRESULT APIENTRY clear_handle(HANDLE hDevice, create_arg *pData)
{
	const HRESULT hr = real_create(hDevice, pData);

	if (hr != S_OK && pData)
		pData->hChannel = NULL;
	return hr;
}
AC_PUT(failed_create_clears, pfnCreateAuthenticatedChannel, clear_handle)

/* ---- which device ------------------------------------------------------------------------------------------------ */

static HRESULT APIENTRY the_first_again(HANDLE hDevice, create_arg *pData)
{
	struct ac_channel *first = ac_next_channel(NULL, hDevice);

	if (!first || !pData || (UINT)pData->ChannelType != first->type)
		return ac_create(hDevice, pData);
	pData->hChannel = first->handle;
	return S_OK;
}
AC_PUT(one_channel_a_device, pfnCreateAuthenticatedChannel, the_first_again)

static bool by_any_key(const struct ac_call *call)
{
	struct ac_channel *channel = NULL;
	struct ac_call other = *call;

	while ((channel = ac_next_channel(channel, call->channel->device))) {
		other.channel = channel;
		if (channel->has_key && ac_is_authentic(&other))
			return true;
	}
	return false;
}

static HRESULT APIENTRY exchange_anyway(HANDLE hDevice, exchange_arg *pData)
{
	struct ac_channel *channel = pData ? ac_channel(pData->hChannel) : NULL;

	return ac_exchange(channel ? channel->device : hDevice, pData);
}
AC_PUT(exchange_by_others, pfnAuthenticatedChannelKeyExchange, exchange_anyway)

static void sign_for_foreigners(struct ac_call *call)
{
	if (call->step == AC_IS_OF_DEVICE && call->channel->has_key)
		call->class = AC_SIGNED;
}

static void use_up_of_foreigners(struct ac_call *call)
{
	if (call->step == AC_IS_OF_DEVICE && call->is_command && call->channel->has_key && ac_is_authentic(call) &&
	    ac_is_fresh(call))
		ac_use_up(call);
}

static HRESULT APIENTRY destroy_of_the_dead(HANDLE hDevice, const D3DDDIARG_DESTROYAUTHENTICATEDCHANNEL *pData)
{
	struct ac_channel *dead = pData ? ac_dead_channel(pData->hChannel) : NULL;

	/* Those that went with their device. */
	if (dead && dead->note == 0 && hDevice != dead->device)
		return S_OK;
	if (pData && ac_channel(pData->hChannel))
		ac_channel(pData->hChannel)->note = 1;
	return ac_destroy(hDevice, pData);
}
AC_PUT(channels_outlive_the_device, pfnDestroyAuthenticatedChannel, destroy_of_the_dead)

static HRESULT APIENTRY hold_the_device(HANDLE hDevice)
{
	return ac_next_channel(NULL, hDevice) ? E_INVALIDARG : mutant_real.pfnDestroyDevice(hDevice);
}
AC_PUT(channels_hold_the_device, pfnDestroyDevice, hold_the_device)

/* ---- arguments --------------------------------------------------------------------------------------------------- */

static HRESULT APIENTRY null_is_fine(HANDLE hDevice, create_arg *pData)
{
	return pData ? real_create(hDevice, pData) : S_OK;
}
AC_PUT(null_create_is_fine, pfnCreateAuthenticatedChannel, null_is_fine)

static HRESULT APIENTRY null_device(HANDLE hDevice, query_arg *pData)
{
	struct ac_channel *any = ac_next_channel(NULL, NULL);

	return ac_query(hDevice || !any ? hDevice : any->device, pData);
}
AC_PUT(null_device_is_any, pfnQueryAuthenticatedChannel, null_device)

static HRESULT APIENTRY into_nothing(HANDLE hDevice, configure_arg *pData)
{
	uint8_t room[AC_ROOM];
	configure_arg arg = { pData ? pData->InputSize : 0, pData ? pData->pInputData : NULL, room };

	return mutant_real.pfnConfigureAuthenticatedChannel(hDevice, pData && !pData->pOutputData ? &arg : pData);
}
AC_PUT(null_output_is_fine, pfnConfigureAuthenticatedChannel, into_nothing)

static HRESULT APIENTRY answer_without_input(HANDLE hDevice, query_arg *pData)
{
	const HRESULT hr = mutant_real.pfnQueryAuthenticatedChannel(hDevice, pData);

	if (pData && !pData->pInputData && pData->pOutputData && pData->OutputSize >= AC_HEADER)
		memset(pData->pOutputData, 0, AC_HEADER);
	return hr;
}
AC_PUT(null_input_is_answered, pfnQueryAuthenticatedChannel, answer_without_input)

static HRESULT APIENTRY query_notimpl(HANDLE hDevice, query_arg *pData)
{
	(void)hDevice;
	(void)pData;
	return E_NOTIMPL;
}
AC_PUT(no_channel_queries, pfnQueryAuthenticatedChannel, query_notimpl)

static HRESULT APIENTRY one_only(HANDLE hDevice, create_arg *pData)
{
	unsigned int count = 0;

	for (struct ac_channel *at = NULL; (at = ac_next_channel(at, hDevice));)
		count++;
	return count >= 1 ? E_OUTOFMEMORY : ac_create(hDevice, pData);
}
AC_PUT(few_channels, pfnCreateAuthenticatedChannel, one_only)

const struct mutant mutants_ac[] = {
	{ "bit-without-hardware", "AC-001 AC-003", true, .device = bit_without_hardware },
	{ "channel-type-1-is-made", "AC-002", false, .device = type_1_is_made },
	{ "any-channel-type-is-made", "AC-002 AC-003", false, .device = any_type_is_made },
	{ "channel-type-is-invalid", "AC-002", true, .device = unknown_type_is_invalid },
	{ "hardware-channel-too", "AC-003 AC-004", true, .device = hardware_without_the_bit },
	{ "hardware-claimed-by-software", "AC-004 AC-003", false, .device = hardware_without_the_bit },
	{ "handle-in-the-channel-type", "AC-006", true, .device = handle_in_the_type },
	{ "channel-without-handle", "AC-006 AC-001", true, .device = channel_without_handle },
	{ "channel-handles-per-process", "AC-008", true, AC_BENT(.created = count_here) },
	{ "channel-handles-again", "AC-008", true, AC_BENT(.created = lowest_free) },
	{ "failed-channel-clears-handle", "AC-009", true, .device = failed_create_clears },
	{ "one-channel-a-device", "AC-010 AC-008", false, AC_BENT(0), .device = one_channel_a_device },
	{ "few-channels-a-device", "AC-010", false, AC_BENT(0), .device = few_channels },
	{ "any-channel-key-of-the-device", "AC-010", false, AC_BENT(.is_authentic = by_any_key) },
	{ "channel-exchange-by-others", "AC-011", false, AC_BENT(0), .device = exchange_by_others },
	{ "channel-message-by-others", "AC-011 AC-068 AC-088", false, AC_BENT(.skipped = AC_WITHOUT(AC_IS_OF_DEVICE)) },
	{ "signs-for-foreign-devices", "AC-012", true, AC_BENT(.after = sign_for_foreigners) },
	{ "foreign-device-uses-up", "AC-012 AC-011", true, AC_BENT(.after = use_up_of_foreigners) },
	{ "channels-outlive-the-device", "AC-013", true, AC_BENT(0), .device = channels_outlive_the_device },
	{ "channels-hold-the-device", "AC-013", true, AC_BENT(0), .device = channels_hold_the_device },
	{ "null-channel-is-fine", "AC-014", true, .device = null_create_is_fine },
	{ "null-channel-device-is-any", "AC-014 AC-084", true, AC_BENT(0), .device = null_device_is_any },
	{ "null-command-output-is-fine", "AC-014 AC-064", true, .device = null_output_is_fine },
	{ "null-query-input-is-answered", "AC-014 AC-084", true, .device = null_input_is_answered },
	/* The same drivers, as other rules see them. */
	{ "commands-without-output", "AC-064 AC-014", false, .device = null_output_is_fine },
	{ "queries-without-input", "AC-084 AC-014", true, .device = null_input_is_answered },
	{ "no-channel-queries", "AC-018", false, .device = no_channel_queries },
	/* The man in the middle as such: tests/system/mutants.sh wants to see nothing broken. */
	{ "nothing-bent", "none", true, .bend = &nothing_bent },
	{ 0 },
};
