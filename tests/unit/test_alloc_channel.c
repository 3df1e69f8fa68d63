/* SPDX-License-Identifier: MIT */
/* Each entry of authenticated channels with each of its allocations failing: the code, nothing changed, nothing left. */
#include "driver/driver_private.h"
#include "failing_scenario.h"

#include <stdlib.h>
#include <string.h>

/* What a scene knows of its channels; there is one scene at a time. */
struct state {
	HANDLE channel, witness; /* the one under test; another one of the device */
	HANDLE decode, decode_name, session;
	uint64_t device;
	uint8_t key[16], witness_key[16];
	UINT next_command, next_query, next_of_witness;
};

static struct state state;

union message {
	D3DAUTHENTICATEDCHANNEL_CONFIGURE_INPUT command;
	D3DAUTHENTICATEDCHANNEL_CONFIGUREINITIALIZE initialize;
	D3DAUTHENTICATEDCHANNEL_CONFIGUREPROTECTION protection;
	D3DAUTHENTICATEDCHANNEL_CONFIGURECRYPTOSESSION session;
	D3DAUTHENTICATEDCHANNEL_CONFIGURESHAREDRESOURCE sharing;
	D3DAUTHENTICATEDCHANNEL_CONFIGUREUNCOMPRESSEDENCRYPTION encryption;
	D3DAUTHENTICATEDCHANNEL_QUERY_INPUT query;
	D3DAUTHENTICATEDCHANNEL_QUERYCRYPTOSESSION_INPUT query_session;
	D3DAUTHENTICATEDCHANNEL_QUERYOUTPUTIDCOUNT_INPUT query_outputs;
	D3DAUTHENTICATEDCHANNEL_QUERYOUTPUTID_INPUT query_output;
	uint8_t bytes[72];
};

union answer {
	D3DAUTHENTICATEDCHANNEL_QUERY_OUTPUT header;
	D3DAUTHENTICATEDCHANNEL_QUERYPROTECTION_OUTPUT protection;
	D3DAUTHENTICATEDCHANNEL_QUERYDEVICEHANDLE_OUTPUT device;
	uint8_t bytes[80];
};

static bool is_zero(const uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (bytes[i] != 0)
			return false;
	return true;
}

/*
 * A lack of memory comes before the message is accepted, and the answer is bare: the number is good again. Or it comes
 * after, and the answer is signed and the number used up (AC-083).
 */
static bool is_accepted(const union answer *answer, UINT size, HRESULT hr, const uint8_t key[16])
{
	uint8_t tag[16];

	assert_int_equal(answer->header.ReturnCode, hr);
	if (is_zero(answer->bytes, 16)) {
		assert_int_not_equal(hr, S_OK);
		return false;
	}
	st_tag(key, answer->bytes + 16, size - 16, tag);
	assert_memory_equal(answer->bytes, tag, 16);
	return true;
}

static HRESULT command(struct scene *scene, const GUID *type, union message *message, UINT size)
{
	union answer answer;
	HRESULT hr;

	message->command.ConfigureType = *type;
	message->command.hChannel = state.channel;
	message->command.SequenceNumber = state.next_command;
	fail_alloc_hold();
	st_tag(state.key, message->bytes + 16, size - 16, message->bytes);
	memset(&answer, 0xfd, sizeof(answer));
	fail_alloc_go_on();
	hr = st_channel_configure(&scene->st, message, size, &answer);
	fail_alloc_hold();
	if (is_accepted(&answer, 48, hr, state.key))
		state.next_command++;
	fail_alloc_go_on();
	return hr;
}

static HRESULT query(struct scene *scene, const GUID *type, union message *message, UINT size, UINT output_size)
{
	union answer answer;
	HRESULT hr;

	message->query.QueryType = *type;
	message->query.hChannel = state.channel;
	message->query.SequenceNumber = state.next_query;
	memset(&answer, 0xfd, sizeof(answer));
	hr = st_channel_query(&scene->st, message, size, &answer, output_size);
	fail_alloc_hold();
	if (is_accepted(&answer, output_size, hr, state.key))
		state.next_query++;
	fail_alloc_go_on();
	return hr;
}

/* ---- where scenes begin --------------------------------------------------------------------------------- */

static const uint8_t WITNESS_KEY[16] = { 0x77, 1, 2, 3 };

static void open_device(struct scene *scene)
{
	st_open(&scene->st);
	state = (struct state) { 0 };
	memcpy(state.key, ST_K, 16);
	st_blob(&scene->st, D3DDDI_CERTTYPE_AUTHENTICATED_CHANNEL, ST_K, scene->blob);
}

static int32_t call_create(struct scene *scene)
{
	return st_channel(&scene->st, DDIAUTHENTICATEDCHANNEL_DRIVER_SOFTWARE, &state.channel);
}

static void make_channel(struct scene *scene)
{
	open_device(scene);
	assert_int_equal(call_create(scene), S_OK);
}

static int32_t call_exchange(struct scene *scene)
{
	return st_channel_exchange(&scene->st, state.channel, scene->blob);
}

static void make_key(struct scene *scene)
{
	make_channel(scene);
	assert_int_equal(call_exchange(scene), S_OK);
}

static int32_t call_initialize(struct scene *scene)
{
	union message message = { .initialize = { .StartSequenceQuery = 1, .StartSequenceConfigure = 1 } };
	HRESULT hr;

	state.next_command = 0;
	hr = command(scene, &D3DAUTHENTICATEDCONFIGURE_INITIALIZE, &message, sizeof(message.initialize));
	if (hr == S_OK)
		state.next_command = state.next_query = 1;
	return hr;
}

/* Initialised, with a second one beside it that holds nothing and sees everything. */
static void make_ready(struct scene *scene)
{
	HANDLE channel;

	make_key(scene);
	assert_int_equal(call_initialize(scene), S_OK);
	channel = state.channel;
	assert_int_equal(call_create(scene), S_OK);
	memcpy(state.key, WITNESS_KEY, 16);
	st_blob(&scene->st, D3DDDI_CERTTYPE_AUTHENTICATED_CHANNEL, WITNESS_KEY, scene->blob);
	assert_int_equal(call_exchange(scene), S_OK);
	assert_int_equal(call_initialize(scene), S_OK);
	state.witness = state.channel;
	memcpy(state.witness_key, WITNESS_KEY, 16);
	state.next_of_witness = 1;
	state.channel = channel;
	memcpy(state.key, ST_K, 16);
}

/* What a plain query of the witness says, in its first four bytes. */
static uint32_t ask(struct scene *scene, const GUID *type, UINT output_size)
{
	union message message = { .query = { *type, state.witness, state.next_of_witness++ } };
	union answer answer;

	assert_int_equal(st_channel_query(&scene->st, &message, sizeof(message.query), &answer, output_size), S_OK);
	assert_true(is_accepted(&answer, output_size, S_OK, state.witness_key));
	return answer.protection.ProtectionFlags.Value;
}

/* ---- create, exchange, destroy ------------------------------------------------------------------------------ */

/* No key came: what needs one says so, and a good blob is good (AC-015, AC-039). */
static void still_without_key(struct scene *scene)
{
	union message message = { .initialize = { .StartSequenceQuery = 1, .StartSequenceConfigure = 1 } };

	assert_int_equal(command(scene, &D3DAUTHENTICATEDCONFIGURE_INITIALIZE, &message, sizeof(message.initialize)),
			 E_INVALIDARG);
}

static void exchange_works(struct scene *scene)
{
	union message message = { 0 };

	assert_int_equal(call_exchange(scene), E_INVALIDARG); /* AC-040 */
	assert_int_equal(call_initialize(scene), S_OK);
	assert_int_equal(query(scene, &D3DAUTHENTICATEDQUERY_PROTECTION, &message, 32, 56), S_OK);
}

static void channel_works(struct scene *scene)
{
	assert_int_equal(call_exchange(scene), S_OK);
	exchange_works(scene);
}

static int32_t call_bad_exchange(struct scene *scene)
{
	HRESULT hr;

	scene->blob[100] ^= 1;
	hr = call_exchange(scene);
	scene->blob[100] ^= 1;
	return hr == E_INVALIDARG ? S_OK : hr;
}

static int32_t call_protect(struct scene *scene)
{
	union message message = { .protection = { .Protections = { .Value = 3 } } };

	return command(scene, &D3DAUTHENTICATEDCONFIGURE_PROTECTION, &message, sizeof(message.protection));
}

static void make_protecting(struct scene *scene)
{
	make_ready(scene);
	assert_int_equal(call_protect(scene), S_OK);
	assert_int_equal(ask(scene, &D3DAUTHENTICATEDQUERY_PROTECTION, 56), 3);
}

static int32_t call_destroy(struct scene *scene)
{
	return st_channel_destroy(&scene->st, state.channel);
}

/* AC-157, AC-158, AC-163: it is gone for both halves, and what it protected is not protected any more. */
static void is_destroyed(struct scene *scene)
{
	union message message = { 0 };

	assert_int_equal(ask(scene, &D3DAUTHENTICATEDQUERY_PROTECTION, 56), 0);
	assert_int_equal(query(scene, &D3DAUTHENTICATEDQUERY_PROTECTION, &message, 32, 56), E_INVALIDARG);
	assert_int_equal(call_destroy(scene), E_INVALIDARG);
}

static int32_t call_close_device(struct scene *scene)
{
	st_close(&scene->st);
	return S_OK;
}

/* ---- commands ------------------------------------------------------------------------------------------------- */

static void is_unprotected(struct scene *scene)
{
	assert_int_equal(ask(scene, &D3DAUTHENTICATEDQUERY_PROTECTION, 56), 0);
}

static void is_protected(struct scene *scene)
{
	assert_int_equal(ask(scene, &D3DAUTHENTICATEDQUERY_PROTECTION, 56), 3);
}

static int32_t call_share(struct scene *scene)
{
	union message message = { .sharing = { .ProcessIdentiferType = PROCESSIDTYPE_DWM, .AllowAccess = TRUE } };

	return command(scene, &D3DAUTHENTICATEDCONFIGURE_SHAREDRESOURCE, &message, sizeof(message.sharing));
}

static void is_unlisted(struct scene *scene)
{
	assert_int_equal(ask(scene, &D3DAUTHENTICATEDQUERY_RESTRICTEDSHAREDRESOURCEPROCESSCOUNT, 56), 0);
}

static void is_listed(struct scene *scene)
{
	assert_int_equal(ask(scene, &D3DAUTHENTICATEDQUERY_RESTRICTEDSHAREDRESOURCEPROCESSCOUNT, 56), 1);
}

static int32_t call_encryption(struct scene *scene)
{
	union message message = { 0 };

	return command(scene, &D3DAUTHENTICATEDCONFIGURE_ENCRYPTIONWHENACCESSIBLE, &message,
		       sizeof(message.encryption));
}

/* A refused one stays refused, and its answer is signed. */
static int32_t call_protect_badly(struct scene *scene)
{
	union message message = { .protection = { .Protections = { .Value = 4 } } };
	HRESULT hr = command(scene, &D3DAUTHENTICATEDCONFIGURE_PROTECTION, &message, sizeof(message.protection));

	return hr == E_INVALIDARG ? S_OK : hr;
}

/* ---- decode devices ---------------------------------------------------------------------------------------------- */

static struct kmd_config decoding;
static DXVADDI_CONFIGPICTUREDECODE picture_config;

static int32_t call_create_decode(struct scene *scene)
{
	D3DDDIARG_CREATEDECODEDEVICE arg = {
		.pGuid = &drv_test_profiles[0],
		.pConfig = &picture_config,
		.hDecode = scene,
	};
	HRESULT hr = scene->st.funcs->pfnCreateDecodeDevice(scene->st.handle, &arg);

	if (hr == S_OK)
		state.decode = arg.hDecode;
	else
		assert_ptr_equal(arg.hDecode, scene);
	return hr;
}

static void make_tie_partners(struct scene *scene)
{
	D3DDDIARG_CREATECRYPTOSESSION session = {
		.CryptoType = D3DCRYPTOTYPE_AES128_CTR,
		.DecodeProfile = drv_test_profiles[0],
	};
	DXVADDI_PRIVATEDATA output = { .pData = &state.decode_name, .DataSize = sizeof(state.decode_name) };
	D3DDDIARG_DECODEEXTENSIONEXECUTE extension = { .Function = 0x725, .pPrivateOutput = &output };
	union message message = { .query = { .SequenceNumber = 0 } };
	union answer answer;

	make_ready(scene);
	assert_int_equal(call_create_decode(scene), S_OK);
	extension.hDecode = state.decode;
	assert_int_equal(scene->st.funcs->pfnDecodeExtensionExecute(scene->st.handle, &extension), S_OK);
	assert_int_equal(scene->st.funcs->pfnCreateCryptoSession(scene->st.handle, &session), S_OK);
	state.session = session.hCryptoSession;
	message.query = (D3DAUTHENTICATEDCHANNEL_QUERY_INPUT) {
		.QueryType = D3DAUTHENTICATEDQUERY_DEVICEHANDLE,
		.hChannel = state.witness,
		.SequenceNumber = state.next_of_witness++,
	};
	assert_int_equal(st_channel_query(&scene->st, &message, 32, &answer, 56), S_OK);
	state.device = (uintptr_t)answer.device.DeviceHandle;
}

static int32_t call_tie(struct scene *scene)
{
	union message message = { .session = {
					  .DXVA2DecodeHandle = state.decode_name,
					  .CryptoSessionHandle = state.session,
					  .DeviceHandle = (HANDLE)(uintptr_t)state.device,
				  } };

	return command(scene, &D3DAUTHENTICATEDCONFIGURE_CRYPTOSESSION, &message, sizeof(message.session));
}

static void make_tied(struct scene *scene)
{
	make_tie_partners(scene);
	assert_int_equal(call_tie(scene), S_OK);
}

static int32_t call_query_tie(struct scene *scene)
{
	union message message = { .query_session = { .DXVA2DecodeHandle = state.decode_name } };

	return query(scene, &D3DAUTHENTICATEDQUERY_CRYPTOSESSION, &message, 40, 72);
}

static int32_t call_query_outputs(struct scene *scene)
{
	union message message = { .query_outputs = {
					  .DeviceHandle = (HANDLE)(uintptr_t)state.device,
					  .CryptoSessionHandle = state.session,
				  } };

	return query(scene, &D3DAUTHENTICATEDQUERY_OUTPUTIDCOUNT, &message, 48, 72);
}

static int32_t call_query_output(struct scene *scene)
{
	union message message = { .query_output = {
					  .DeviceHandle = (HANDLE)(uintptr_t)state.device,
					  .CryptoSessionHandle = state.session,
				  } };

	return query(scene, &D3DAUTHENTICATEDQUERY_OUTPUTID, &message, 56, 80);
}

static int32_t call_destroy_decode(struct scene *scene)
{
	return scene->st.funcs->pfnDestroyDecodeDevice(scene->st.handle, state.decode);
}

/* ---- queries ------------------------------------------------------------------------------------------------------- */

#define QUERY(name, type, input_size, output_size, expected)                                                 \
	static int32_t name(struct scene *scene)                                                             \
	{                                                                                                    \
		union message message = { 0 };                                                               \
		HRESULT hr = query(scene, &D3DAUTHENTICATEDQUERY_##type, &message, input_size, output_size); \
                                                                                                             \
		return hr == (expected) ? S_OK : hr;                                                         \
	}

QUERY(query_protection, PROTECTION, 32, 56, S_OK)
QUERY(query_type, CHANNELTYPE, 32, 56, S_OK)
QUERY(query_device, DEVICEHANDLE, 32, 56, S_OK)
QUERY(query_process_count, RESTRICTEDSHAREDRESOURCEPROCESSCOUNT, 32, 56, S_OK)
QUERY(query_process, RESTRICTEDSHAREDRESOURCEPROCESS, 40, 64, E_INVALIDARG)
QUERY(query_unrestricted, UNRESTRICTEDPROTECTEDSHAREDRESOURCECOUNT, 32, 56, S_OK)
QUERY(query_accessibility, ACCESSIBILITYATTRIBUTES, 32, 64, S_OK)
QUERY(query_guid_count, ENCRYPTIONWHENACCESSIBLEGUIDCOUNT, 32, 56, S_OK)
QUERY(query_guid, ENCRYPTIONWHENACCESSIBLEGUID, 40, 72, E_INVALIDARG)
QUERY(query_encryption, CURRENTENCRYPTIONWHENACCESSIBLE, 32, 64, S_OK)

/* ---- the scenarios --------------------------------------------------------------------------------------------------- */

#define LACKS_MEMORY .statuses = { E_OUTOFMEMORY }

static const struct failing_scenario scenarios[] = {
	{ "CreateAuthenticatedChannel", open_device, call_create, NULL, channel_works, LACKS_MEMORY },
	{ "AuthenticatedChannelKeyExchange", make_channel, call_exchange, still_without_key, exchange_works,
	  LACKS_MEMORY },
	{ "AuthenticatedChannelKeyExchange (bad blob)", make_channel, call_bad_exchange, still_without_key,
	  channel_works, LACKS_MEMORY },
	{ "INITIALIZE", make_key, call_initialize, .never_fails = true },
	{ "PROTECTION", make_ready, call_protect, is_unprotected, is_protected, .caps = 0xf9, .never_fails = true },
	{ "PROTECTION (refused)", make_ready, call_protect_badly, .never_fails = true },
	{ "SHAREDRESOURCE", make_ready, call_share, is_unlisted, is_listed, LACKS_MEMORY },
	{ "ENCRYPTIONWHENACCESSIBLE", make_ready, call_encryption, .never_fails = true },
	{ "query PROTECTION", make_ready, query_protection, .never_fails = true },
	{ "query CHANNELTYPE", make_ready, query_type, .never_fails = true },
	{ "query DEVICEHANDLE", make_ready, query_device, .never_fails = true },
	{ "query RESTRICTEDSHAREDRESOURCEPROCESSCOUNT", make_ready, query_process_count, .never_fails = true },
	{ "query RESTRICTEDSHAREDRESOURCEPROCESS", make_ready, query_process, .never_fails = true },
	{ "query UNRESTRICTEDPROTECTEDSHAREDRESOURCECOUNT", make_ready, query_unrestricted, .never_fails = true },
	{ "query ACCESSIBILITYATTRIBUTES", make_ready, query_accessibility, .never_fails = true },
	{ "query ENCRYPTIONWHENACCESSIBLEGUIDCOUNT", make_ready, query_guid_count, .never_fails = true },
	{ "query ENCRYPTIONWHENACCESSIBLEGUID", make_ready, query_guid, .never_fails = true },
	{ "query CURRENTENCRYPTIONWHENACCESSIBLE", make_ready, query_encryption, .never_fails = true },
	{ "DestroyAuthenticatedChannel", make_protecting, call_destroy, NULL, is_destroyed, .caps = 0xf9,
	  .never_fails = true },
	{ "DestroyDevice (with channels)", make_protecting, call_close_device, .caps = 0xf9, .never_fails = true },

	{ "CreateDecodeDevice", open_device, call_create_decode, .driver = &decoding, LACKS_MEMORY },
	{ "CRYPTOSESSION", make_tie_partners, call_tie, .driver = &decoding, .never_fails = true },
	{ "query CRYPTOSESSION", make_tied, call_query_tie, .driver = &decoding, .never_fails = true },
	{ "query OUTPUTIDCOUNT", make_tied, call_query_outputs, .driver = &decoding, .never_fails = true },
	{ "query OUTPUTID", make_tied, call_query_output, .driver = &decoding, .never_fails = true },
	{ "DestroyDecodeDevice", make_tied, call_destroy_decode, .driver = &decoding, .never_fails = true },
	{ "DestroyDevice (with decode devices)", make_tied, call_close_device, .driver = &decoding,
	  .never_fails = true },
};

static void every_entry_without_memory(void **unused) /* AC-015, AC-083, AC-100, AC-163 */
{
	(void)unused;
	kmd_config_default(&decoding);
	decoding.has_decode = true;
	decoding.outputs = 1;
	for (size_t i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++)
		failing_run(&scenarios[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(every_entry_without_memory) };

	return cmocka_run_group_tests(tests, failing_setup, failing_teardown);
}
