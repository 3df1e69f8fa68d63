/* SPDX-License-Identifier: MIT */
/* Random calls of crypto sessions: creation, key exchange, refresh, read-back key, destruction. */
#include "random_world.h"

#include <dxvault/dxvault.h>

/* The number by which the operator knows the newest session. */
static UINT64 newest_number(void)
{
	static DXVAULT_SESSION_INFO list[DXVAULT_LISTED_SESSIONS];
	UINT count = DXVAULT_LISTED_SESSIONS;
	UINT64 cursor = 0, newest = 0;

	assert_int_equal(DxvaultListSessions(&cursor, list, &count), STATUS_SUCCESS);
	for (UINT i = 0; i < count; i++) {
		bool is_known = false;

		for (int k = 0; k < MODEL_SESSIONS; k++)
			is_known |= rw_world.model.sessions[k].is_live && rw_world.numbers[k] == list[i].Session;
		if (!is_known)
			newest = list[i].Session;
	}
	return newest;
}

static bool has_place_for_session(void)
{
	for (int i = 0; i < MODEL_SESSIONS; i++) {
		if (!rw_world.model.sessions[i].is_live)
			return true;
	}
	return false;
}

void rw_call_create(int device, bool is_good)
{
	const bool is_known = is_good || !rw_one_in(12), is_zero = is_good || !rw_one_in(12);
	D3DDDIARG_CREATECRYPTOSESSION arg = { .hCryptoSession = (HANDLE)0x5c5c };
	D3DDDIARG_CREATECRYPTOSESSION before;
	HRESULT expected = model_create(&rw_world.model, device, is_known, is_zero), hr;
	UINT64 number;
	int session;

	if (!has_place_for_session())
		return;
	if (is_known)
		arg.CryptoType = D3DCRYPTOTYPE_AES128_CTR;
	else if (rw_one_in(2))
		arg.CryptoType.Data1 = 7;
	if (!is_zero)
		arg.DecodeProfile.Data1 = 7;
	before = arg;
	RW_TELL("create d%d type %d profile %d", device, is_known, !is_zero);
	rw_fault_begin(10);
	hr = rw_funcs(device)->pfnCreateCryptoSession(rw_device_handle(device), &arg);
	rw_fault_end();
	if (!rw_judge(RW_CREATE, expected, hr, RW_MEMORY)) {
		RW_CHECK(rw_is_same(&arg, &before, sizeof(arg)));
		return;
	}
	number = newest_number();
	session = model_create_done(&rw_world.model, device);
	for (int i = 0; i < MODEL_SESSIONS; i++) /* CS-24 */
		RW_CHECK(arg.hCryptoSession != rw_world.sessions[i]);
	rw_world.sessions[session] = arg.hCryptoSession;
	rw_world.numbers[session] = number;
}

void rw_call_destroy(void)
{
	int device = rw_pick_device(), session = rw_pick_session(device);
	const D3DDDIARG_DESTROYCRYPTOSESSION arg = { .hCryptoSession = rw_session_handle(&session) };
	HRESULT expected = model_destroy(&rw_world.model, device, session), hr;

	RW_TELL("destroy d%d s%d", device, session);
	rw_fault_begin(3);
	hr = rw_funcs(device)->pfnDestroyCryptoSession(rw_device_handle(device), &arg);
	rw_fault_end();
	if (rw_judge(RW_DESTROY, expected, hr, RW_NEVER)) {
		model_destroy_done(&rw_world.model, session);
		rw_bury(rw_world.sessions[session]);
	}
}

void rw_call_exchange(int device, int session, bool is_good)
{
	unsigned int blob = is_good || !rw_one_in(8) ? rw_below(RW_KEYS) : RW_KEYS + rw_below(RW_BLOBS - RW_KEYS);
	const struct model_exchange how = {
		.has_data = is_good || !rw_one_in(40),
		.size = is_good || !rw_one_in(40) ? 256 : 255 + 2 * rw_below(2),
		.is_good = blob < RW_KEYS,
	};
	uint8_t data[272];
	D3DDDIARG_CRYPTOSESSIONKEYEXCHANGE arg = { .DataSize = how.size, .pData = how.has_data ? data : NULL };
	D3DDDIARG_CRYPTOSESSIONKEYEXCHANGE before;
	HRESULT expected, hr;

	arg.hCryptoSession = rw_session_handle(&session);
	expected = model_exchange(&rw_world.model, device, session, &how);
	before = arg;
	memset(data, 0x5c, sizeof(data));
	memcpy(data, rw_blobs[blob], 256);
	RW_TELL("exchange d%d s%d blob %u size %u%s", device, session, blob, how.size, how.has_data ? "" : " at NULL");
	rw_fault_begin(8);
	hr = rw_funcs(device)->pfnCryptoSessionKeyExchange(rw_device_handle(device), &arg);
	rw_fault_end();
	/* Whether a blob is good is not known before there is memory to open it in. */
	if (rw_fault.failed && hr == E_OUTOFMEMORY && expected == E_INVALIDARG && how.has_data && how.size == 256 &&
	    session != MODEL_NONE && device != MODEL_NONE && rw_world.model.sessions[session].device == device)
		expected = hr;
	if (rw_judge(RW_EXCHANGE, expected, hr, RW_MEMORY))
		model_exchange_done(&rw_world.model, session, rw_keys[blob]);
	RW_CHECK(rw_is_same(&arg, &before, sizeof(arg)) && rw_is_same(data, rw_blobs[blob], 256));
}

void rw_call_start(void)
{
	int device = rw_pick_device(), session = rw_pick_session(device);
	bool has_buffer = !rw_one_in(30);
	uint32_t size = rw_pick_size16();
	uint8_t buffer[48];
	D3DDDIARG_STARTSESSIONKEYREFRESH arg = { .RandomNumberSize = size };
	D3DDDIARG_STARTSESSIONKEYREFRESH before;
	HRESULT expected, hr;
	bool done;

	memset(buffer, 0x5c, sizeof(buffer));
	arg.hCryptoSession = rw_session_handle(&session);
	arg.pRandomNumber = has_buffer ? buffer + 16 : NULL;
	before = arg;
	expected = model_start(&rw_world.model, device, session, has_buffer, size);
	RW_TELL("start d%d s%d size %u%s", device, session, size, has_buffer ? "" : " at NULL");
	rw_fault_begin(3);
	hr = rw_funcs(device)->pfnStartSessionKeyRefresh(rw_device_handle(device), &arg);
	rw_fault_end();
	done = rw_judge(RW_START, expected, hr, RW_RANDOM);
	for (unsigned int i = 0; i < sizeof(buffer); i++) /* CS-51 */
		RW_CHECK((done && i >= 16 && i < 32) || buffer[i] == 0x5c);
	RW_CHECK(rw_is_same(&arg, &before, sizeof(arg)));
	if (done)
		model_start_done(&rw_world.model, session, buffer + 16);
}

void rw_call_finish(void)
{
	int device = rw_pick_device(), session = rw_pick_session(device);
	const D3DDDIARG_FINISHSESSIONKEYREFRESH arg = { .hCryptoSession = rw_session_handle(&session) };
	HRESULT expected = model_finish(&rw_world.model, device, session), hr;

	RW_TELL("finish d%d s%d", device, session);
	rw_fault_begin(3);
	hr = rw_funcs(device)->pfnFinishSessionKeyRefresh(rw_device_handle(device), &arg);
	rw_fault_end();
	if (rw_judge(RW_FINISH, expected, hr, RW_NEVER))
		model_finish_done(&rw_world.model, session);
}

void rw_call_get_key(int device, int session, bool is_good)
{
	bool has_buffer = is_good || !rw_one_in(30), done;
	uint32_t size = is_good ? 16 : rw_pick_size16();
	uint8_t buffer[48];
	D3DDDIARG_GETENCRYPTIONBLTKEY arg = { .KeySize = size };
	HRESULT expected, hr;

	memset(buffer, 0x5c, sizeof(buffer));
	arg.hCryptoSession = rw_session_handle(&session);
	arg.pReadBackKey = has_buffer ? buffer + 16 : NULL;
	expected = model_get_key(&rw_world.model, device, session, has_buffer, size);
	RW_TELL("get key d%d s%d size %u%s", device, session, size, has_buffer ? "" : " at NULL");
	rw_fault_begin(3);
	hr = rw_funcs(device)->pfnGetEncryptionBltKey(rw_device_handle(device), &arg);
	rw_fault_end();
	done = rw_judge(RW_GET_KEY, expected, hr, RW_RANDOM);
	for (unsigned int i = 0; i < sizeof(buffer); i++) /* CS-65 */
		RW_CHECK((done && i >= 16 && i < 32) || buffer[i] == 0x5c);
	if (done)
		model_get_key_done(&rw_world.model, session, buffer + 16);
}
