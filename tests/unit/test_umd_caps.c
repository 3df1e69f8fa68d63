/* SPDX-License-Identifier: MIT */
/* The user-mode driver: OpenAdapter, GetCaps, certificates, CreateDevice and its table. */
#include "umd_fixture.h"

#include <stdlib.h>
#include <string.h>

#define GUARD 0xc3

static const GUID idct = { 0x1b81be6a, 0xa0c7, 0x11d3, { 0xb9, 0x84, 0x00, 0xc0, 0x4f, 0x2e, 0x73, 0xc5 } };

static HRESULT get_caps(struct uf *uf, D3DDDICAPS_TYPE type, void *info, void *data, UINT size)
{
	const D3DDDIARG_GETCAPS arg = { .Type = type, .pInfo = info, .pData = data, .DataSize = size };

	return uf->adapter_funcs.pfnGetCaps(uf->adapter, &arg);
}

/* CAP-02, CAP-03, CAP-04, CAP-07, CAP-22: the structure, 24 bytes of table, and whose handle goes to the runtime. */
static void test_open(void **state)
{
	struct uf *uf = uf_start_with(0xfd, /* open= */ false);
	uint8_t room[64];
	D3DDDIARG_OPENADAPTER first = uf_open_arg(uf), second = uf_open_arg(uf);
	D3DDDI_ADAPTERFUNCS *funcs = (D3DDDI_ADAPTERFUNCS *)(void *)room;

	(void)state;
	memset(room, GUARD, sizeof(room));
	first.pAdapterFuncs = funcs;
	assert_hr(OpenAdapter(&first), S_OK);
	assert_int_equal(first.DriverVersion, 0x2003);
	assert_non_null(first.hAdapter);
	assert_ptr_not_equal(first.hAdapter, UF_RUNTIME_ADAPTER);
	assert_non_null(funcs->pfnGetCaps);
	assert_non_null(funcs->pfnCreateDevice);
	assert_non_null(funcs->pfnCloseAdapter);
	for (size_t i = 24; i < sizeof(room); i++)
		assert_int_equal(room[i], GUARD);
	assert_int_equal(uf->calls.query, 1);
	assert_ptr_equal(uf->seen_adapter, UF_RUNTIME_ADAPTER);

	second.Version = 0x3004;
	assert_hr(OpenAdapter(&second), S_OK);
	assert_ptr_not_equal(second.hAdapter, first.hAdapter);
	assert_hr(funcs->pfnCloseAdapter(first.hAdapter), S_OK);
	assert_hr(funcs->pfnCloseAdapter(first.hAdapter), INVALIDARG);
	uf->adapter = second.hAdapter;
	uf_stop(uf);
}

/* CAP-05, CAP-06, CAP-27, CAP-28: refusals, with nothing written. */
static void test_open_refused(void **state)
{
	struct uf *uf = uf_start_with(0xfd, /* open= */ false);
	const struct {
		UINT interface, version;
	} wrong[] = { { 7, 0x2003 }, { 8, 0x2003 }, { 10, 0x2003 }, { 9, 0x000c }, { 9, 0x2002 } };
	const HRESULT results[][2] = {
		{ E_OUTOFMEMORY, E_OUTOFMEMORY },
		{ DEVICEREMOVED, DEVICEREMOVED },
		{ INVALIDARG, E_FAIL },
		{ E_FAIL, E_FAIL },
	};
	D3DDDIARG_OPENADAPTER arg, before;

	(void)state;
	assert_hr(OpenAdapter(NULL), INVALIDARG);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		arg = uf_open_arg(uf);
		arg.Interface = wrong[i].interface;
		arg.Version = wrong[i].version;
		before = arg;
		assert_hr(OpenAdapter(&arg), INVALIDARG);
		assert_memory_equal(&arg, &before, sizeof(arg));
	}
	arg = uf_open_arg(uf);
	arg.pAdapterFuncs = NULL;
	assert_hr(OpenAdapter(&arg), INVALIDARG);
	arg = uf_open_arg(uf);
	arg.pAdapterCallbacks = NULL;
	assert_hr(OpenAdapter(&arg), INVALIDARG);
	assert_int_equal(uf->calls.query, 0);

	for (size_t i = 0; i < sizeof(results) / sizeof(results[0]); i++) {
		uf->query_result = results[i][0];
		before = arg = uf_open_arg(uf);
		assert_hr(OpenAdapter(&arg), results[i][1]);
		assert_memory_equal(&arg, &before, sizeof(arg));
	}
	uf->query_result = S_OK;
	uf->adapter_callbacks.pfnQueryAdapterInfoCb = NULL;
	arg = uf_open_arg(uf);
	assert_hr(OpenAdapter(&arg), E_FAIL);
	assert_null(uf->adapter_funcs.pfnGetCaps);
	uf_stop(uf);
}

/* CAP-08, CAP-19, CAP-41. */
static void test_no_memory(void **state)
{
	struct uf *uf = uf_start();
	D3DDDIARG_OPENADAPTER open = uf_open_arg(uf), before = open;
	D3DDDIARG_CREATEDEVICE device = uf_device_arg(uf, 5);
	DDICERTIFICATEINFO info = { .CertificateType = D3DDDI_CERTTYPE_CRYPTOSESSION,
				    .CryptoSessionType = D3DCRYPTOTYPE_AES128_CTR };
	uint8_t chain[UF_CERTIFICATE_SIZE] = { 0 };

	(void)state;
	if (!uf_can_fail_calloc()) {
		uf_stop(uf);
		skip();
	}
	uf_fail_calloc(0);
	assert_hr(OpenAdapter(&open), E_OUTOFMEMORY);
	assert_memory_equal(&open, &before, sizeof(open));
	uf_fail_calloc(0);
	assert_hr(uf->adapter_funcs.pfnCreateDevice(uf->adapter, &device), E_OUTOFMEMORY);
	assert_ptr_equal(device.hDevice, UF_RUNTIME_DEVICE(5));
	uf_fail_calloc(0);
	assert_hr(get_caps(uf, D3DDDICAPS_GETCERTIFICATE, &info, chain, sizeof(chain)), E_OUTOFMEMORY);
	assert_int_equal(chain[0], 0);
	uf_stop(uf);
}

/* CAP-09, CAP-10: handles of adapters, good ones and others. */
static void test_adapter_handles(void **state)
{
	struct uf *uf = uf_start();
	const HANDLE garbage[] = { NULL, (HANDLE)1, (HANDLE)(uintptr_t)-1, uf, UF_RUNTIME_ADAPTER, uf->devices[0] };
	D3DDDIARG_CREATEDEVICE arg = uf_device_arg(uf, 3);
	UINT count;
	const D3DDDIARG_GETCAPS caps = { .Type = D3DDDICAPS_GETDECODEGUIDCOUNT, .pData = &count, .DataSize = 4 };

	(void)state;
	for (size_t i = 0; i < sizeof(garbage) / sizeof(garbage[0]); i++) {
		assert_hr(uf->adapter_funcs.pfnGetCaps(garbage[i], &caps), INVALIDARG);
		assert_hr(uf->adapter_funcs.pfnCreateDevice(garbage[i], &arg), INVALIDARG);
		assert_hr(uf->adapter_funcs.pfnCloseAdapter(garbage[i]), INVALIDARG);
		assert_hr(uf->funcs.pfnDestroyDevice(i == 5 ? uf->adapter : garbage[i]), INVALIDARG);
	}
	assert_hr(uf->adapter_funcs.pfnCloseAdapter(uf->adapter), INVALIDARG);
	assert_hr(uf->adapter_funcs.pfnGetCaps(uf->adapter, &caps), S_OK);
	assert_hr(uf->funcs.pfnDestroyDevice(uf->devices[1]), S_OK);
	assert_hr(uf->funcs.pfnDestroyDevice(uf->devices[1]), INVALIDARG);
	uf->devices[1] = NULL;
	uf_stop(uf);
}

/* The decision table; CAP-42, CAP-44, CAP-45 to CAP-52. */
static void test_pairs(void **state)
{
	struct uf *uf = uf_start();
	const struct {
		const GUID *type, *profile;
		HRESULT caps, create;
	} rows[] = {
		{ &D3DCRYPTOTYPE_AES128_CTR, &UF_ZERO, S_OK, S_OK },
		{ &D3DCRYPTOTYPE_AES128_CTR, &idct, UNSUPPORTEDCRYPTO, UNSUPPORTEDCRYPTO },
		{ &D3DCRYPTOTYPE_AES128_CTR, &UF_RANDOM_GUID, UNSUPPORTEDCRYPTO, UNSUPPORTEDCRYPTO },
		{ &D3DCRYPTOTYPE_PROPRIETARY, &UF_ZERO, NOTAVAILABLE, NOTAVAILABLE },
		{ &UF_RANDOM_GUID, &UF_ZERO, NOTAVAILABLE, NOTAVAILABLE },
		{ &UF_RANDOM_GUID, &UF_RANDOM_GUID, NOTAVAILABLE, NOTAVAILABLE },
		{ &UF_ZERO, &UF_ZERO, S_OK, NOTAVAILABLE },
		{ &UF_ZERO, &idct, UNSUPPORTEDCRYPTO, NOTAVAILABLE },
		{ &UF_ZERO, &UF_RANDOM_GUID, UNSUPPORTEDCRYPTO, NOTAVAILABLE },
	};
	uint8_t first[56], data[56];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		DDICONTENTPROTECTIONCAPS pair = { .CryptoType = *rows[i].type, .DecodeProfile = *rows[i].profile };
		D3DDDIARG_CREATECRYPTOSESSION create = { .CryptoType = *rows[i].type,
							 .DecodeProfile = *rows[i].profile,
							 .hCryptoSession = (HANDLE)0x77 };
		const HANDLE before = create.hCryptoSession;

		memset(data, GUARD, sizeof(data));
		assert_hr(get_caps(uf, D3DDDICAPS_GETCONTENTPROTECTIONCAPS, &pair, data, sizeof(data)), rows[i].caps);
		for (size_t j = rows[i].caps == S_OK ? 40 : 0; j < sizeof(data); j++)
			assert_int_equal(data[j], GUARD);
		if (i == 0)
			memcpy(first, data, sizeof(first));
		if (rows[i].caps == S_OK)
			assert_memory_equal(data, first, sizeof(first)); /* CAP-50, CAP-51 */
		/* CS-17 to CS-23, CS-28 */
		assert_hr(uf->funcs.pfnCreateCryptoSession(uf->devices[0], &create), rows[i].create);
		if (rows[i].create == S_OK)
			assert_ptr_not_equal(create.hCryptoSession, before);
		else
			assert_ptr_equal(create.hCryptoSession, before);
		assert_memory_equal(&create.CryptoType, rows[i].type, sizeof(GUID));
		assert_memory_equal(&create.DecodeProfile, rows[i].profile, sizeof(GUID));
	}
	uf_stop(uf);
}

/* CAP-37, CAP-38, CAP-53, CAP-54, CAP-56, CAP-58 to CAP-63. */
static void test_members(void **state)
{
	struct uf *uf = uf_start_with(0xfffff4fd, /* open= */ true);
	DDICONTENTPROTECTIONCAPS pair = { .CryptoType = D3DCRYPTOTYPE_AES128_CTR };
	D3DCONTENTPROTECTIONCAPS caps;
	const uint8_t zero[4] = { 0 };

	(void)state;
	memset(&caps, GUARD, sizeof(caps));
	assert_hr(get_caps(uf, D3DDDICAPS_GETCONTENTPROTECTIONCAPS, &pair, &caps, sizeof(caps) - 1), INVALIDARG);
	assert_hr(get_caps(uf, D3DDDICAPS_GETCONTENTPROTECTIONCAPS, NULL, &caps, sizeof(caps)), INVALIDARG);
	assert_hr(get_caps(uf, D3DDDICAPS_GETCONTENTPROTECTIONCAPS, &pair, NULL, sizeof(caps)), INVALIDARG);
	assert_hr(uf->adapter_funcs.pfnGetCaps(uf->adapter, NULL), INVALIDARG);
	assert_int_equal(((uint8_t *)&caps)[0], GUARD);

	assert_hr(get_caps(uf, D3DDDICAPS_GETCONTENTPROTECTIONCAPS, &pair, &caps, sizeof(caps)), S_OK);
	assert_int_equal(caps.Caps, 0xfd);
	assert_memory_equal(&caps.KeyExchangeType, &D3DKEYEXCHANGE_RSAES_OAEP, sizeof(GUID));
	assert_int_equal(caps.BufferAlignmentStart, 16);
	assert_int_equal(caps.BlockAlignmentSize, 16);
	assert_int_equal(caps.ProtectedMemorySize, 0x10000000);
	assert_memory_equal((uint8_t *)&caps + 28, zero, sizeof(zero));

	/* Constant for the life of the adapter object. */
	uf->caps.caps = 0xf9;
	assert_hr(get_caps(uf, D3DDDICAPS_GETCONTENTPROTECTIONCAPS, &pair, &caps, sizeof(caps)), S_OK);
	assert_int_equal(caps.Caps, 0xfd);
	uf_stop(uf);
}

/* CAP-34, CAP-36, CAP-39, CAP-78, CAP-83. */
static void test_types(void **state)
{
	struct uf *uf = uf_start();
	GUID guid = UF_RANDOM_GUID;
	uint8_t data[64];
	UINT count = 99;

	(void)state;
	memset(data, GUARD, sizeof(data));
	for (UINT type = 0; type < 1001; type += type < 60 ? 1 : 940) {
		if ((type >= 14 && type <= 15) || (type >= 42 && type <= 44))
			continue;
		assert_hr(get_caps(uf, (D3DDDICAPS_TYPE)type, &guid, data, sizeof(data)), NOTAVAILABLE);
	}
	assert_hr(get_caps(uf, D3DDDICAPS_GETDECODERTFORMATS, NULL, data, sizeof(data)), INVALIDARG);
	assert_hr(get_caps(uf, D3DDDICAPS_GETDECODEGUIDS, NULL, data, sizeof(data)), S_OK);
	for (size_t i = 0; i < sizeof(data); i++)
		assert_int_equal(data[i], GUARD);
	assert_hr(get_caps(uf, D3DDDICAPS_GETDECODEGUIDCOUNT, NULL, &count, 3), INVALIDARG);
	assert_hr(get_caps(uf, D3DDDICAPS_GETDECODEGUIDCOUNT, NULL, &count, 4), S_OK);
	assert_int_equal(count, 0);
	uf_stop(uf);
}

/* CAP-64 to CAP-72. */
static void test_certificates(void **state)
{
	struct uf *uf = uf_start();
	const struct {
		uint32_t type, channel;
		const GUID *crypto;
		HRESULT result;
	} rows[] = {
		{ 2, 77, &D3DCRYPTOTYPE_AES128_CTR, S_OK },
		{ 1, 2, &UF_RANDOM_GUID, S_OK },
		{ 1, 1, &D3DCRYPTOTYPE_AES128_CTR, NOTAVAILABLE },
		{ 1, 3, &D3DCRYPTOTYPE_AES128_CTR, NOTAVAILABLE },
		{ 2, 2, &D3DCRYPTOTYPE_PROPRIETARY, NOTAVAILABLE },
		{ 2, 2, &UF_ZERO, NOTAVAILABLE },
		{ 2, 2, &UF_RANDOM_GUID, NOTAVAILABLE },
		{ 0, 2, &D3DCRYPTOTYPE_AES128_CTR, INVALIDARG },
		{ 3, 2, &D3DCRYPTOTYPE_AES128_CTR, INVALIDARG },
	};
	uint8_t chain[UF_CERTIFICATE_SIZE + 8];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		DDICERTIFICATEINFO info = { .CertificateType = (D3DDDI_CERTIFICATETYPE)rows[i].type,
					    .ChannelType = (DDIAUTHENTICATEDCHANNELTYPE)rows[i].channel,
					    .CryptoSessionType = *rows[i].crypto };
		uint32_t size = 0;

		memset(chain, GUARD, sizeof(chain));
		assert_hr(get_caps(uf, D3DDDICAPS_GETCERTIFICATESIZE, &info, &size, sizeof(size)), rows[i].result);
		assert_hr(get_caps(uf, D3DDDICAPS_GETCERTIFICATE, &info, chain, sizeof(chain)), rows[i].result);
		if (rows[i].result != S_OK) {
			assert_int_equal(size, 0);
			assert_int_equal(chain[0], GUARD);
			continue;
		}
		assert_int_equal(size, UF_CERTIFICATE_SIZE);
		for (size_t j = 0; j < sizeof(chain); j++)
			assert_int_equal(chain[j], j < size ? rows[i].type : GUARD);
		memset(chain, GUARD, sizeof(chain));
		assert_hr(get_caps(uf, D3DDDICAPS_GETCERTIFICATE, &info, chain, size - 1), INVALIDARG);
		assert_int_equal(chain[0], GUARD);
		assert_hr(get_caps(uf, D3DDDICAPS_GETCERTIFICATESIZE, NULL, &size, sizeof(size)), INVALIDARG);
		assert_hr(get_caps(uf, D3DDDICAPS_GETCERTIFICATESIZE, &info, &size, 3), INVALIDARG);
	}
	uf_stop(uf);
}

/* CAP-11 to CAP-18: the device and its 121 slots. */
static void test_device_table(void **state)
{
	struct uf *uf = uf_start();
	struct {
		D3DDDI_DEVICEFUNCS funcs;
		uint8_t guard[64];
	} room;
	D3DDDIARG_CREATEDEVICE arg = uf_device_arg(uf, 7);
	typedef HRESULT(APIENTRY * slot_fn)(HANDLE, void *);
	slot_fn slots[121];
	static const uint8_t real[] = { 35,  36,  37,  38,  40,	 91,  93,  106, 107, 108, 109,
					110, 111, 112, 113, 114, 115, 116, 117, 118, 119 };

	(void)state;
	memset(&room, GUARD, sizeof(room));
	arg.pDeviceFuncs = &room.funcs;
	arg.pCommandBuffer = (void *)1; /* CAP-13 */
	arg.CommandBufferSize = 5;
	assert_hr(uf->adapter_funcs.pfnCreateDevice(uf->adapter, &arg), S_OK);
	assert_ptr_not_equal(arg.hDevice, UF_RUNTIME_DEVICE(7));
	for (size_t i = 0; i < sizeof(room.guard); i++)
		assert_int_equal(room.guard[i], GUARD);

	assert_int_equal(sizeof(slots), 968);
	memcpy(slots, &room.funcs, sizeof(slots));
	for (int i = 0; i < 121; i++) {
		assert_non_null(slots[i]);
		if (i == 41)
			assert_hr(room.funcs.pfnFlush(arg.hDevice), E_NOTIMPL);
		else if (i == 69)
			assert_hr(room.funcs.pfnCreateDecodeDevice(arg.hDevice, NULL), NOTAVAILABLE);
		else if (!memchr(real, i, sizeof(real)))
			assert_hr(slots[i](arg.hDevice, NULL), E_NOTIMPL);
		else if (i != 91)
			assert_hr(slots[i](arg.hDevice, NULL), INVALIDARG); /* CS-03 */
	}
	assert_hr(room.funcs.pfnDestroyDevice(arg.hDevice), S_OK);

	arg = uf_device_arg(uf, 7);
	arg.pDeviceFuncs = NULL;
	assert_hr(uf->adapter_funcs.pfnCreateDevice(uf->adapter, &arg), INVALIDARG);
	arg = uf_device_arg(uf, 7);
	arg.pCallbacks = NULL;
	assert_hr(uf->adapter_funcs.pfnCreateDevice(uf->adapter, &arg), INVALIDARG);
	assert_hr(uf->adapter_funcs.pfnCreateDevice(uf->adapter, NULL), INVALIDARG);
	assert_ptr_equal(arg.hDevice, UF_RUNTIME_DEVICE(7));
	uf_stop(uf);
}

/* CAP-12, and CAP-20 with nothing in it. */
static void test_many_devices(void **state)
{
	struct uf *uf = uf_start();
	HANDLE devices[256];

	(void)state;
	for (int i = 0; i < 256; i++) {
		D3DDDIARG_CREATEDEVICE arg = uf_device_arg(uf, i);

		assert_hr(uf->adapter_funcs.pfnCreateDevice(uf->adapter, &arg), S_OK);
		devices[i] = arg.hDevice;
	}
	for (int i = 0; i < 256; i++)
		assert_hr(uf->funcs.pfnDestroyDevice(devices[i]), S_OK);
	uf_stop(uf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_open),	     cmocka_unit_test(test_open_refused),
		cmocka_unit_test(test_no_memory),    cmocka_unit_test(test_adapter_handles),
		cmocka_unit_test(test_pairs),	     cmocka_unit_test(test_members),
		cmocka_unit_test(test_types),	     cmocka_unit_test(test_certificates),
		cmocka_unit_test(test_device_table), cmocka_unit_test(test_many_devices),
	};

	return cmocka_run_group_tests_name("umd_caps", tests, NULL, NULL);
}
