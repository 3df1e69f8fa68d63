/* SPDX-License-Identifier: MIT */
/* Authenticated channels as an application makes them, and the decode devices of the test configuration. */
#include "conform/ac/ac.h"

#include "conform/cf.h"
#include "conform/rules.h"

#include <string.h>
#include <unistd.h>

/* Random, and in no driver but in dxvault's test configuration (src/driver/driver_private.c). */
const GUID ac_test_profiles[AC_TEST_PROFILES] = {
	{ 0x6d1b9c44, 0x20fe, 0x4f0a, { 0x8e, 0x53, 0x71, 0x0c, 0x9b, 0xd6, 0x2a, 0xe1 } },
	{ 0xc3a7e805, 0x5b92, 0x4d67, { 0xa4, 0x1f, 0x0e, 0x38, 0xf7, 0x5c, 0xd9, 0x12 } },
};

/* ---- checks ---------------------------------------------------------------------------------------------- */

enum cf_basis ac_basis(const char *rule)
{
	const struct cf_rule *row = cf_rule_find(rule);

	return row && row->basis == CF_RULE_DECISION ? CF_BY_DECISION : CF_BY_PAGE;
}

bool ac_check_code(struct cf *cf, const char *rule, HRESULT want, HRESULT got, const char *call)
{
	enum cf_basis basis = ac_basis(rule);

	if (basis == CF_BY_PAGE && want != S_OK)
		return cf_check_fails(cf, rule, want, got, call);
	return cf_check_code(cf, rule, basis, want, got, call);
}

/* ---- channels -------------------------------------------------------------------------------------------- */

HRESULT ac_create(const struct cf_device *device, UINT type, HANDLE *ret)
{
	D3DDDIARG_CREATEAUTHENTICATEDCHANNEL arg = { .ChannelType = (DDIAUTHENTICATEDCHANNELTYPE)type };
	HRESULT hr = device->f->pfnCreateAuthenticatedChannel(device->h, &arg);

	if (hr == S_OK)
		*ret = arg.hChannel;
	return hr;
}

HRESULT ac_destroy(const struct cf_device *device, HANDLE channel)
{
	const D3DDDIARG_DESTROYAUTHENTICATEDCHANNEL arg = { .hChannel = channel };

	return device->f->pfnDestroyAuthenticatedChannel(device->h, &arg);
}

HRESULT ac_exchange_blob(const struct cf_device *device, HANDLE channel, const uint8_t blob[CF_BLOB])
{
	struct cf_guarded_blob copy;
	D3DDDIARG_AUTHENTICATEDCHANNELKEYEXCHANGE arg = {
		.hChannel = channel,
		.DataSize = CF_BLOB,
		.pData = cf_guard_blob(&copy, blob),
	};
	HRESULT hr = device->f->pfnAuthenticatedChannelKeyExchange(device->h, &arg);

	cf_need_guards(&copy, "AuthenticatedChannelKeyExchange");
	return hr;
}

HRESULT ac_exchange(struct cf *cf, const struct cf_device *device, HANDLE channel, const uint8_t key[CF_KEY])
{
	uint8_t blob[CF_BLOB];

	cf_wrap(cf, D3DDDI_CERTTYPE_AUTHENTICATED_CHANNEL, key, CF_KEY, blob);
	return ac_exchange_blob(device, channel, blob);
}

struct ac_channel ac_channel_new(struct cf *cf, const struct cf_device *device, UINT type)
{
	struct ac_channel channel = { .device = *device };
	HRESULT hr = ac_create(device, type, &channel.h);

	if (hr == S_OK)
		return channel;
	cf_skip_without_protection(cf);
	if (type == AC_SOFTWARE)
		cf_require_caps(cf, D3DCPCAPS_SOFTWARE, "the driver offers no software channels");
	else
		cf_require_caps(cf, D3DCPCAPS_HARDWARE, "the driver offers no hardware channels");
	cf_give_up(cf, "CreateAuthenticatedChannel of type %u answered %s", type, cf_code_name(cf, hr));
}

/* Another one for each channel of the test, in all of its processes. */
static void next_key(uint8_t ret[CF_KEY])
{
	static uint32_t number;

	cf_key((uint32_t)getpid() << 10 ^ ++number, ret);
}

struct ac_channel ac_channel_keyed(struct cf *cf, const struct cf_device *device, UINT type)
{
	struct ac_channel channel = ac_channel_new(cf, device, type);

	next_key(channel.key);
	CF_NEED(cf, ac_exchange(cf, device, channel.h, channel.key));
	return channel;
}

struct ac_channel ac_channel_ready(struct cf *cf, const struct cf_device *device, UINT type)
{
	struct ac_channel channel = ac_channel_keyed(cf, device, type);
	struct ac_message message = ac_initialize(&channel, 0, AC_FIRST_COMMAND, AC_FIRST_QUERY);

	CF_NEED(cf, ac_send(device, &message));
	channel.next_command = AC_FIRST_COMMAND;
	channel.next_query = AC_FIRST_QUERY;
	return channel;
}

/* ---- what every driver with content protection has --------------------------------------------------------- */

/* Of a channel or session that there is, its key; without one, bytes that any driver refuses. */
static HRESULT try_exchange(struct cf *cf, const struct cf_device *device, bool is_channel, HANDLE handle,
			    const uint8_t key[CF_KEY])
{
	uint8_t blob[CF_BLOB];

	cf_pattern(blob, sizeof(blob), 18);
	if (handle)
		cf_wrap(cf, is_channel ? D3DDDI_CERTTYPE_AUTHENTICATED_CHANNEL : D3DDDI_CERTTYPE_CRYPTOSESSION, key,
			CF_KEY, blob);
	return is_channel ? ac_exchange_blob(device, handle, blob) : cf_exchange_blob(device, handle, blob);
}

void ac_call_required(struct cf *cf, const struct cf_device *device, struct ac_required ret[AC_REQUIRED])
{
	static const GUID no_profile;
	static const char *const names[AC_REQUIRED] = {
		"CreateAuthenticatedChannel",	 "AuthenticatedChannelKeyExchange",
		"ConfigureAuthenticatedChannel", "QueryAuthenticatedChannel",
		"DestroyAuthenticatedChannel",	 "CreateCryptoSession",
		"CryptoSessionKeyExchange",	 "DestroyCryptoSession",
	};
	struct ac_channel channel = { .device = *device };
	struct ac_message initialize, query;
	HANDLE session = NULL;

	for (size_t i = 0; i < AC_REQUIRED; i++)
		ret[i].name = names[i];
	next_key(channel.key);
	ret[0].result = ac_create(device, cf_has(cf, D3DCPCAPS_SOFTWARE) ? AC_SOFTWARE : AC_HARDWARE, &channel.h);
	ret[1].result = try_exchange(cf, device, /* is_channel= */ true, channel.h, channel.key);
	initialize = ac_initialize(&channel, 0, AC_FIRST_COMMAND, AC_FIRST_QUERY);
	ret[2].result = ac_send(device, &initialize);
	query = ac_query_at(&channel, AC_FIRST_QUERY, &D3DAUTHENTICATEDQUERY_CHANNELTYPE, NULL, 0);
	ret[3].result = ac_send(device, &query);
	ret[4].result = ac_destroy(device, channel.h);
	ret[5].result = cf_create_session(device, &D3DCRYPTOTYPE_AES128_CTR, &no_profile, &session);
	ret[6].result = try_exchange(cf, device, /* is_channel= */ false, session, channel.key);
	ret[7].result = cf_destroy_session(device, session);
}

/* ---- surfaces ---------------------------------------------------------------------------------------------- */

HRESULT ac_look(const struct cf_device *device, HANDLE surface, void *ret, size_t size)
{
	D3DDDIARG_LOCK arg = { .hResource = surface, .Flags = { .ReadOnly = 1 } };
	const D3DDDIARG_UNLOCK unlock = { .hResource = surface };
	HRESULT hr = device->f->pfnLock(device->h, &arg);

	if (hr != S_OK)
		return hr;
	memcpy(ret, arg.pSurfData, size);
	return device->f->pfnUnlock(device->h, &unlock);
}

/* ---- decode devices of the test configuration -------------------------------------------------------------- */

HRESULT ac_decode_handle(const struct cf_device *device, HANDLE decode, HANDLE *ret)
{
	HANDLE handle = NULL;
	DXVADDI_PRIVATEDATA output = { .pData = &handle, .DataSize = sizeof(handle) };
	const D3DDDIARG_DECODEEXTENSIONEXECUTE arg = {
		.hDecode = decode,
		.Function = DXVA2_DECODE_GET_DRIVER_HANDLE,
		.pPrivateOutput = &output,
	};
	HRESULT hr = device->f->pfnDecodeExtensionExecute(device->h, &arg);

	if (hr == S_OK)
		*ret = handle;
	return hr;
}

HRESULT ac_decode_destroy(const struct cf_device *device, HANDLE decode)
{
	return device->f->pfnDestroyDecodeDevice(device->h, decode);
}

struct ac_decode ac_decode_new(struct cf *cf, const struct cf_device *device, size_t profile)
{
	static char name; /* what the runtime calls the decode device */
	DXVADDI_CONFIGPICTUREDECODE config = { 0 };
	D3DDDIARG_CREATEDECODEDEVICE arg = {
		.pGuid = &ac_test_profiles[profile],
		.VideoDesc = { .SampleWidth = 64, .SampleHeight = 64, .Format = D3DDDIFMT_NV12 },
		.pConfig = &config,
		.hDecode = &name,
	};
	struct ac_decode decode = { 0 };

	CF_NEED(cf, device->f->pfnCreateDecodeDevice(device->h, &arg));
	decode.h = arg.hDecode;
	CF_NEED(cf, ac_decode_handle(device, decode.h, &decode.handle));
	return decode;
}

HANDLE ac_decode_session(struct cf *cf, const struct cf_device *device, size_t profile)
{
	HANDLE session = NULL;

	CF_NEED(cf, cf_create_session(device, &D3DCRYPTOTYPE_AES128_CTR, &ac_test_profiles[profile], &session));
	return session;
}
