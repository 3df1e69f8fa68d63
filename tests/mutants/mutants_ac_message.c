/* SPDX-License-Identifier: MIT */
/* The man in the middle: commands and queries, checked as the rules say and handed on under numbers of its own. */
#include "mutants_ac.h"

#include <string.h>

enum { COMMAND_TYPE = 16, COMMAND_HANDLE = 32, COMMAND_NUMBER = 40, QUERY_HANDLE = 16, QUERY_NUMBER = 24, CODE = 44 };

/* ---- to the driver ------------------------------------------------------------------------------------------------ */

static HRESULT send_real(bool is_command, HANDLE device, const uint8_t *input, UINT input_size, void *output,
			 UINT output_size)
{
	const D3DDDIARG_CONFIGUREAUTHENTICATEDCHANNEL command = { input_size, input, output };
	const D3DDDIARG_QUERYAUTHENTICATEDCHANNEL query = { input_size, input, output_size, output };

	return is_command ? mutant_real.pfnConfigureAuthenticatedChannel(device, &command)
			  : mutant_real.pfnQueryAuthenticatedChannel(device, &query);
}

static void put_header(bool is_command, uint8_t *input, const GUID *type, HANDLE handle, UINT number)
{
	memcpy(input + (is_command ? COMMAND_TYPE : 0), type, sizeof(*type));
	memcpy(input + (is_command ? COMMAND_HANDLE : QUERY_HANDLE), &handle, sizeof(handle));
	ac_put_u32(input, is_command ? COMMAND_NUMBER : QUERY_NUMBER, number);
}

/* Under the driver's key, handle and next number. output: AC_ROOM bytes. */
static HRESULT send_own(struct ac_channel *channel, bool is_command, const GUID *type, uint8_t *input, uint8_t *output)
{
	const UINT size = ac_input_size(is_command, type);
	const bool is_first = is_command && memcmp(type, AC_CFG(INITIALIZE), sizeof(*type)) == 0;
	UINT number = 0;

	if (!is_first)
		number = is_command ? channel->real_command++ : channel->real_query++;
	put_header(is_command, input, type, channel->real, number);
	if (is_command)
		ac_mac(channel->real_key, input + AC_TAG, size - AC_TAG, input);
	return send_real(is_command, channel->device, input, size, output, ac_output_size(is_command, type));
}

static bool has_tag(const uint8_t *answer)
{
	static const uint8_t none[AC_TAG];

	return memcmp(answer, none, sizeof(none)) != 0;
}

/* INITIALIZE towards the driver, and where a mutant asks too early, a key. */
static HRESULT make_ready(struct ac_channel *channel, uint8_t answer[AC_ROOM])
{
	uint8_t input[AC_ROOM] = { 0 };
	HRESULT hr;

	if (!channel->has_key)
		(void)ac_give_key(channel, channel->key, AC_KEY);
	hr = send_own(channel, /* is_command= */ true, AC_CFG(INITIALIZE), input, answer);
	channel->is_ready = hr == S_OK;
	return hr;
}

HRESULT ac_tell(struct ac_channel *channel, const GUID *type, const void *body, size_t size)
{
	uint8_t input[AC_ROOM] = { 0 }, answer[AC_ROOM] = { 0 };

	memcpy(input + AC_HEADER, body, size);
	return send_own(channel, /* is_command= */ true, type, input, answer);
}

HRESULT ac_ask(struct ac_channel *channel, const GUID *type, const void *body, size_t size, void *ret, size_t ret_size)
{
	uint8_t input[AC_ROOM] = { 0 }, answer[AC_ROOM] = { 0 };
	HRESULT hr;

	if (size > 0)
		memcpy(input + AC_QUERY_HEADER, body, size);
	hr = send_own(channel, /* is_command= */ false, type, input, answer);
	memcpy(ret, answer + AC_HEADER, ret_size);
	return hr;
}

void ac_do(struct ac_call *call, struct ac_channel *channel)
{
	uint8_t input[AC_ROOM];

	call->class = AC_BARE;
	call->result = S_OK;
	if (!channel)
		return;
	memset(call->answer, 0, sizeof(call->answer));
	if (!channel->is_ready)
		call->result = make_ready(channel, call->answer);
	if (channel->is_ready && !ac_is(call, AC_CFG(INITIALIZE)) && ac_input_size(call->is_command, &call->type) > 0) {
		memcpy(input, call->input, sizeof(input));
		call->result = send_own(channel, call->is_command, &call->type, input, call->answer);
	}
	/* What the driver does not sign has not got that far: a loss. */
	if (channel->is_ready && (has_tag(call->answer) || ac_is(call, AC_CFG(INITIALIZE))))
		call->class = AC_SIGNED;
}

/* ---- the checks ----------------------------------------------------------------------------------------------------- */

bool ac_is_authentic(const struct ac_call *call)
{
	uint8_t tag[AC_TAG];

	if (!call->is_command)
		return true;
	if (call->input_size > AC_ROOM)
		return false;
	ac_mac(call->channel->key, call->input + AC_TAG, call->input_size - AC_TAG, tag);
	return memcmp(tag, call->input, AC_TAG) == 0;
}

bool ac_is_fresh(const struct ac_call *call)
{
	return call->number >= (call->is_command ? call->channel->next_command : call->channel->next_query);
}

void ac_use_up(struct ac_call *call)
{
	uint64_t *next = call->is_command ? &call->channel->next_command : &call->channel->next_query;

	*next = (uint64_t)call->number + 1;
}

static bool holds(struct ac_call *call, enum ac_step step)
{
	const struct ac_channel *channel = call->channel;
	const bool is_first = call->is_command && ac_is(call, AC_CFG(INITIALIZE));

	switch (step) {
	case AC_IS_LIVE:
		return channel != NULL;
	case AC_IS_OF_DEVICE:
		return !channel || channel->device == call->device;
	case AC_HAS_KEY:
		return !channel || channel->has_key;
	case AC_IS_KNOWN_TYPE:
		return ac_input_size(call->is_command, &call->type) > 0;
	case AC_IS_WHOLE:
		return call->input_size == ac_input_size(call->is_command, &call->type) &&
		       call->output_size == ac_output_size(call->is_command, &call->type);
	case AC_IS_AUTHENTIC:
		return !channel || (ac_bend->is_authentic ? ac_bend->is_authentic(call) : ac_is_authentic(call));
	case AC_IS_INITIALISED:
		return !channel || channel->is_initialised != is_first;
	case AC_IS_FRESH:
		return !channel || is_first || (ac_bend->is_fresh ? ac_bend->is_fresh(call) : ac_is_fresh(call));
	case AC_ACCEPTED:
		break;
	}
	return true;
}

/* The first check that fails. */
static enum ac_step judge(struct ac_call *call)
{
	static const enum ac_step by_the_rules[] = {
		AC_IS_LIVE,	 AC_IS_OF_DEVICE,   AC_HAS_KEY,	 AC_IS_KNOWN_TYPE, AC_IS_WHOLE,
		AC_IS_AUTHENTIC, AC_IS_INITIALISED, AC_IS_FRESH, AC_ACCEPTED,
	};
	const enum ac_step *order = ac_bend->order ? ac_bend->order : by_the_rules;

	while (*order != AC_ACCEPTED && ((ac_bend->skipped & AC_WITHOUT(*order)) || holds(call, *order)))
		order++;
	return *order;
}

/* ---- the answer ----------------------------------------------------------------------------------------------------- */

static void put_answer_header(struct ac_call *call)
{
	const size_t at = call->is_command ? COMMAND_TYPE : 0;

	memcpy(call->answer + AC_TAG, call->input + at, CODE - AC_TAG);
	ac_put_u32(call->answer, CODE, (UINT)call->result);
}

/* Whether the driver is there, and still has the key, before it would look any closer. */
static HRESULT ask_driver(const struct ac_call *call)
{
	static const GUID none;
	uint8_t input[AC_ROOM] = { 0 }, answer[AC_ROOM] = { 0 };

	put_header(call->is_command, input, &none, call->channel->real, /* number= */ 0);
	return send_real(call->is_command, call->channel->device, input, 56, answer, 56);
}

static void refuse(struct ac_call *call, const uint8_t *output)
{
	const HRESULT code = ac_bend->codes[call->step];

	call->class = AC_BARE;
	call->written = AC_HEADER;
	/* The device may be none, which gets no answer at all. */
	if (call->step <= AC_IS_OF_DEVICE) {
		memcpy(call->answer, output, AC_HEADER);
		call->result = send_real(call->is_command, call->device, call->input,
					 call->input_size < AC_ROOM ? call->input_size : AC_ROOM, call->answer,
					 call->output_size < AC_ROOM ? call->output_size : AC_ROOM);
	} else {
		memset(call->answer, 0, sizeof(call->answer));
		call->result = ask_driver(call);
		if (call->result == E_FAIL && call->step != AC_IS_KNOWN_TYPE)
			call->result = E_INVALIDARG;
		put_answer_header(call);
	}
	if (code != S_OK && call->result != D3DDDIERR_DEVICEREMOVED &&
	    ac_u32(call->answer, CODE) == (UINT)call->result) {
		call->result = code;
		ac_put_u32(call->answer, CODE, (UINT)code);
	}
}

static void remember(struct ac_call *call)
{
	struct ac_channel *channel = call->channel;

	if (!call->is_command || call->result != S_OK || !channel)
		return;
	if (ac_is(call, AC_CFG(INITIALIZE))) {
		channel->is_initialised = true;
		channel->next_query = ac_u32(call->input, AC_HEADER);
		channel->next_command = ac_u32(call->input, AC_HEADER + 4);
	} else if (ac_is(call, AC_CFG(PROTECTION))) {
		channel->flags = ac_u32(call->input, AC_HEADER);
	} else if (ac_is(call, AC_CFG(ENCRYPTIONWHENACCESSIBLE))) {
		memcpy(&channel->encryption, call->input + AC_HEADER, sizeof(GUID));
	}
}

static void accept(struct ac_call *call)
{
	if (call->channel && !(call->is_command && ac_is(call, AC_CFG(INITIALIZE)))) {
		if (ac_bend->use_up)
			ac_bend->use_up(call);
		else
			ac_use_up(call);
	}
	call->class = AC_SIGNED;
	if (!ac_bend->act || !ac_bend->act(call))
		ac_do(call, call->channel);
	remember(call);
	put_answer_header(call);
	call->written = call->class == AC_SIGNED ? ac_output_size(call->is_command, &call->type) : AC_HEADER;
	if (call->written == 0)
		call->written = AC_HEADER;
	if (call->written > call->output_size)
		call->written = call->output_size;
}

void ac_sign(struct ac_call *call)
{
	static const uint8_t no_key[AC_KEY];

	ac_mac(call->channel ? call->channel->key : no_key, call->answer + AC_TAG, call->written - AC_TAG,
	       call->answer);
}

static HRESULT answer(struct ac_call *call, uint8_t *output)
{
	HRESULT before;

	call->channel =
		ac_channel((HANDLE)(uintptr_t)ac_u64(call->input, call->is_command ? COMMAND_HANDLE : QUERY_HANDLE));
	call->number = ac_u32(call->input, call->is_command ? COMMAND_NUMBER : QUERY_NUMBER);
	call->step = judge(call);
	if (call->step == AC_ACCEPTED)
		accept(call);
	else
		refuse(call, output);

	before = call->result;
	if (ac_bend->after)
		ac_bend->after(call);
	if (call->result != before && ac_u32(call->answer, CODE) == (UINT)before)
		ac_put_u32(call->answer, CODE, (UINT)call->result);
	if (call->class == AC_SIGNED && ac_bend->sign)
		ac_bend->sign(call);
	else if (call->class == AC_SIGNED)
		ac_sign(call);
	else if (call->step > AC_IS_OF_DEVICE)
		memset(call->answer, 0, AC_TAG);
	if (ac_bend->last)
		ac_bend->last(call);
	memcpy(output, call->answer, call->written);
	return call->result;
}

/* No more than the GUID's structure has: behind that may be nothing, whatever the size says. */
static void read_input(struct ac_call *call, const void *input, UINT size, UINT header_size)
{
	UINT defined;

	call->input_size = size;
	memcpy(call->input, input, header_size);
	memcpy(&call->type, call->input + (call->is_command ? COMMAND_TYPE : 0), sizeof(GUID));
	defined = ac_input_size(call->is_command, &call->type);
	if (defined > 0)
		memcpy(call->input, input, size < defined ? size : defined);
}

HRESULT APIENTRY ac_configure(HANDLE hDevice, const D3DDDIARG_CONFIGUREAUTHENTICATEDCHANNEL *pData)
{
	struct ac_call call = { .is_command = true, .device = hDevice, .output_size = AC_HEADER };

	if (!hDevice || !pData || !pData->pInputData || !pData->pOutputData || pData->InputSize < AC_HEADER)
		return mutant_real.pfnConfigureAuthenticatedChannel(hDevice, pData);
	read_input(&call, pData->pInputData, pData->InputSize, AC_HEADER);
	return answer(&call, pData->pOutputData);
}

HRESULT APIENTRY ac_query(HANDLE hDevice, const D3DDDIARG_QUERYAUTHENTICATEDCHANNEL *pData)
{
	struct ac_call call = { .device = hDevice };

	if (!hDevice || !pData || !pData->pInputData || !pData->pOutputData || pData->InputSize < AC_QUERY_HEADER ||
	    pData->OutputSize < AC_HEADER)
		return mutant_real.pfnQueryAuthenticatedChannel(hDevice, pData);
	read_input(&call, pData->pInputData, pData->InputSize, AC_QUERY_HEADER);
	call.output_size = pData->OutputSize;
	return answer(&call, pData->pOutputData);
}
