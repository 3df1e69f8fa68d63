/* SPDX-License-Identifier: MIT */
/* The user-mode driver's crypto sessions: handles, arguments, the order of checks, callbacks that fail. */
#include "umd_fixture.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* Every function that names a session, with arguments that are right but for the session's state. */
struct bench {
	struct uf *uf;
	uint8_t blob[256], value[16], iv[16];
	_Alignas(16) uint8_t memory[64];
	HANDLE system, protected;
};

enum entry { EXCHANGE, START, FINISH, READBACK_KEY, ENCRYPT, DECRYPT, GET_PITCH, DESTROY, ENTRIES };

static struct bench bench_start(uint32_t caps)
{
	return (struct bench) { .uf = uf_start_with(caps, /* open= */ true) };
}

/* device NULL and has_data false are passed on as they are. */
static HRESULT call(struct bench *b, enum entry entry, HANDLE device, HANDLE session, bool has_data)
{
	const D3DDDI_DEVICEFUNCS *funcs = &b->uf->funcs;
	D3DDDIARG_CRYPTOSESSIONKEYEXCHANGE exchange = { session, sizeof(b->blob), b->blob };
	D3DDDIARG_STARTSESSIONKEYREFRESH start = { session, b->value, sizeof(b->value) };
	D3DDDIARG_FINISHSESSIONKEYREFRESH finish = { session };
	D3DDDIARG_GETENCRYPTIONBLTKEY key = { session, b->value, sizeof(b->value) };
	D3DDDIARG_ENCRYPTIONBLT encrypt = { .hCryptoSession = session,
					    .hSrcResource = b->protected,
					    .hDstResource = b->system,
					    .DstResourceSize = 64,
					    .pIV = b->iv };
	D3DDDIARG_DECRYPTIONBLT decrypt = { .hCryptoSession = session,
					    .hSrcResource = b->system,
					    .hDstResource = b->protected,
					    .SrcResourceSize = 64,
					    .pIV = b->iv };
	D3DDDIARG_GETPITCH pitch = { .hCryptoSession = session, .hResource = b->protected };
	D3DDDIARG_DESTROYCRYPTOSESSION destroy = { session };

	switch (entry) {
	case EXCHANGE:
		return funcs->pfnCryptoSessionKeyExchange(device, has_data ? &exchange : NULL);
	case START:
		return funcs->pfnStartSessionKeyRefresh(device, has_data ? &start : NULL);
	case FINISH:
		return funcs->pfnFinishSessionKeyRefresh(device, has_data ? &finish : NULL);
	case READBACK_KEY:
		return funcs->pfnGetEncryptionBltKey(device, has_data ? &key : NULL);
	case ENCRYPT:
		return funcs->pfnEncryptionBlt(device, has_data ? &encrypt : NULL);
	case DECRYPT:
		return funcs->pfnDecryptionBlt(device, has_data ? &decrypt : NULL);
	case GET_PITCH:
		return funcs->pfnGetPitch(device, has_data ? &pitch : NULL);
	default:
		return funcs->pfnDestroyCryptoSession(device, has_data ? &destroy : NULL);
	}
}

static void add_surfaces(struct bench *b)
{
	b->protected = uf_resource(b->uf, 0, D3DDDIPOOL_VIDEOMEMORY, 0x40000000, 16, 1, NULL);
	b->system = uf_resource(b->uf, 0, D3DDDIPOOL_SYSTEMMEM, 0, 16, 1, b->memory);
}

/* CS-02, CS-03, CS-04, CS-05, CS-42, CS-43. */
static void test_handles(void **state)
{
	struct bench b = bench_start(0xfd);
	HANDLE session = uf_session_with_key(b.uf, 0), dead = uf_session(b.uf, 0);
	const HANDLE device = b.uf->devices[0];
	const HANDLE wrong[] = { NULL, (HANDLE)0x10, &b, dead, device, b.uf->adapter, (HANDLE)(uintptr_t)-16 };

	(void)state;
	add_surfaces(&b);
	assert_hr(call(&b, DESTROY, device, dead, true), S_OK);
	for (int entry = 0; entry < ENTRIES; entry++) {
		assert_hr(call(&b, entry, NULL, session, true), INVALIDARG);
		assert_hr(call(&b, entry, session, session, true), INVALIDARG);
		assert_hr(call(&b, entry, device, session, false), INVALIDARG);
		for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
			assert_hr(call(&b, entry, device, wrong[i], true), INVALIDARG);
		/* Through the other device; afterwards the same call works. */
		assert_hr(call(&b, entry, b.uf->devices[1], session, true), INVALIDARG);
		if (entry == FINISH)
			assert_hr(call(&b, START, device, session, true), S_OK);
		if (entry == ENCRYPT)
			assert_hr(call(&b, READBACK_KEY, device, session, true), S_OK);
		assert_hr(call(&b, entry, device, session, true), S_OK);
	}
	assert_hr(call(&b, DESTROY, device, session, true), INVALIDARG);
	uf_stop(b.uf);
}

/* CS-24, CS-47, CAP-23; CS-45: DestroyDevice takes what is left along. */
static void test_handle_values(void **state)
{
	struct uf *uf = uf_start();
	HANDLE live[128], seen[1000];
	D3DDDIARG_DESTROYCRYPTOSESSION destroy;

	(void)state;
	for (int i = 0; i < 128; i++) {
		live[i] = uf_session(uf, i % 2);
		assert_non_null(live[i]);
		assert_ptr_equal(uf->seen_device, UF_RUNTIME_DEVICE(i % 2));
		for (int j = 0; j < i; j++)
			assert_ptr_not_equal(live[i], live[j]);
	}
	for (int i = 0; i < 1000; i++) {
		seen[i] = destroy.hCryptoSession = uf_session(uf, 0);
		assert_hr(uf->funcs.pfnDestroyCryptoSession(uf->devices[0], &destroy), S_OK);
		for (int j = 0; j < i; j++)
			assert_ptr_not_equal(seen[i], seen[j]);
	}
	/* Dead for a new device too. */
	destroy.hCryptoSession = live[0];
	assert_hr(uf->funcs.pfnDestroyDevice(uf->devices[0]), S_OK);
	D3DDDIARG_CREATEDEVICE arg = uf_device_arg(uf, 0);
	assert_hr(uf->adapter_funcs.pfnCreateDevice(uf->adapter, &arg), S_OK);
	uf->devices[0] = arg.hDevice;
	assert_hr(uf->funcs.pfnDestroyCryptoSession(uf->devices[0], &destroy), INVALIDARG);
	uf_stop(uf);
}

/* CS-25 as far as the driver goes: no limit of its own. The registry grows on the way. */
static void test_many_sessions(void **state)
{
	struct uf *uf = uf_start();

	(void)state;
	for (int i = 0; i < 1024; i++)
		uf_session(uf, 0);
	uf_stop(uf);
}

/* CS-07, CS-08, CS-25, CS-72, CAP-27, CAP-28: Create without memory or without its callbacks. */
static void test_create_fails(void **state)
{
	struct uf *uf = uf_start();
	const HRESULT results[][2] = {
		{ E_OUTOFMEMORY, E_OUTOFMEMORY },
		{ DEVICEREMOVED, DEVICEREMOVED },
		{ INVALIDARG, E_FAIL },
		{ E_FAIL, E_FAIL },
	};
	D3DDDIARG_CREATECRYPTOSESSION arg = { .CryptoType = D3DCRYPTOTYPE_AES128_CTR, .hCryptoSession = (HANDLE)5 };
	D3DDDIARG_CREATEDEVICE device = uf_device_arg(uf, 9);
	D3DDDIARG_DESTROYCRYPTOSESSION destroy;

	(void)state;
	assert_hr(uf->funcs.pfnCreateCryptoSession(NULL, &arg), INVALIDARG);
	assert_hr(uf->funcs.pfnCreateCryptoSession(uf->devices[0], NULL), INVALIDARG);
	for (size_t i = 0; i < sizeof(results) / sizeof(results[0]); i++) {
		uf->session_result = results[i][0];
		assert_hr(uf->funcs.pfnCreateCryptoSession(uf->devices[0], &arg), results[i][1]);
		assert_ptr_equal(arg.hCryptoSession, (HANDLE)5);
	}
	uf->session_result = S_OK;
	if (uf_can_fail_calloc()) {
		uf_fail_calloc(0);
		assert_hr(uf->funcs.pfnCreateCryptoSession(uf->devices[0], &arg), E_OUTOFMEMORY);
		uf_fail_calloc(0);
		arg.CryptoType = UF_RANDOM_GUID;
		assert_hr(uf->funcs.pfnCreateCryptoSession(uf->devices[0], &arg), NOTAVAILABLE);
		uf_fail_calloc_off();
		arg.CryptoType = D3DCRYPTOTYPE_AES128_CTR;
		destroy.hCryptoSession = uf_session(uf, 0);
		uf_fail_calloc(0);
		assert_hr(uf->funcs.pfnDestroyCryptoSession(uf->devices[0], &destroy), S_OK);
		uf_fail_calloc_off();
	}

	/* A runtime without the two callbacks, or with a NULL for one. */
	device.Flags.Value = 0;
	assert_hr(uf->adapter_funcs.pfnCreateDevice(uf->adapter, &device), S_OK);
	assert_hr(uf->funcs.pfnCreateCryptoSession(device.hDevice, &arg), E_FAIL);
	assert_hr(uf->funcs.pfnDestroyDevice(device.hDevice), S_OK);
	uf->device_callbacks.pfnCreateProtectedSessionCb = NULL;
	device = uf_device_arg(uf, 9);
	assert_hr(uf->adapter_funcs.pfnCreateDevice(uf->adapter, &device), S_OK);
	assert_hr(uf->funcs.pfnCreateCryptoSession(device.hDevice, &arg), E_FAIL);
	assert_hr(uf->funcs.pfnDestroyDevice(device.hDevice), S_OK);
	assert_ptr_equal(arg.hCryptoSession, (HANDLE)5);
	uf_stop(uf);
}

/* What reaches the kernel half of a creation. */
static void test_create_data(void **state)
{
	struct uf *uf = uf_start();

	(void)state;
	uf_session(uf, 1);
	assert_int_equal(uf->calls.create_session, 1);
	assert_int_equal(uf->sessions[0].info.magic, DRV_MAGIC);
	assert_int_equal(uf->sessions[0].info.reserved, 0);
	assert_memory_equal(&uf->sessions[0].info.crypto_type, &D3DCRYPTOTYPE_AES128_CTR, sizeof(GUID));
	assert_memory_equal(&uf->sessions[0].info.decode_profile, &UF_ZERO, sizeof(GUID));
	uf_stop(uf);
}

/* CS-30, CS-34, CS-35, CS-06. */
static void test_exchange(void **state)
{
	struct bench b = bench_start(0xfd);
	const UINT sizes[] = { 0, 16, 255, 257, 512 };
	D3DDDIARG_CRYPTOSESSIONKEYEXCHANGE arg = { uf_session(b.uf, 0), 256, b.blob }, before;
	uint8_t blob[256];

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		arg.DataSize = sizes[i];
		assert_hr(b.uf->funcs.pfnCryptoSessionKeyExchange(b.uf->devices[0], &arg), INVALIDARG);
		assert_false(b.uf->sessions[0].has_key);
	}
	arg.DataSize = 256;
	arg.pData = NULL;
	assert_hr(b.uf->funcs.pfnCryptoSessionKeyExchange(b.uf->devices[0], &arg), INVALIDARG);
	arg.pData = b.blob;
	b.blob[0] = 0xff;
	assert_hr(b.uf->funcs.pfnCryptoSessionKeyExchange(b.uf->devices[0], &arg), INVALIDARG);
	memset(b.blob, 0x33, sizeof(b.blob));
	memcpy(blob, b.blob, sizeof(blob));
	memcpy(&before, &arg, sizeof(arg));
	b.uf->command_result = E_OUTOFMEMORY;
	assert_hr(b.uf->funcs.pfnCryptoSessionKeyExchange(b.uf->devices[0], &arg), E_OUTOFMEMORY);
	b.uf->command_result = S_OK;
	assert_hr(b.uf->funcs.pfnCryptoSessionKeyExchange(b.uf->devices[0], &arg), S_OK);
	assert_memory_equal(blob, b.blob, sizeof(blob));
	assert_memory_equal(&before, &arg, sizeof(arg));
	uf_stop(b.uf);
}

/* CS-09, CS-49, CS-50, CS-51, CS-53 to CS-55, CS-65, CS-66, CS-67. */
static void test_refresh_arguments(void **state)
{
	struct bench b = bench_start(0xfd);
	const struct uf *uf = b.uf;
	const HANDLE device = uf->devices[0];
	uint8_t room[48];
	D3DDDIARG_STARTSESSIONKEYREFRESH start = { uf_session(b.uf, 0), room + 16, 16 }, start_before;
	D3DDDIARG_GETENCRYPTIONBLTKEY key = { start.hCryptoSession, room + 16, 16 }, key_before;
	const UINT sizes[] = { 0, 8, 15, 17, 32 };

	(void)state;
	memset(room, 0xc3, sizeof(room));
	assert_hr(uf->funcs.pfnStartSessionKeyRefresh(device, &start), INVALIDCALL);
	assert_hr(uf->funcs.pfnGetEncryptionBltKey(device, &key), INVALIDCALL);
	assert_hr(call(&b, FINISH, device, start.hCryptoSession, true), INVALIDCALL);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		/* Step 7 before 8: there is no key yet either (CS-73). */
		start.RandomNumberSize = key.KeySize = sizes[i];
		assert_hr(uf->funcs.pfnStartSessionKeyRefresh(device, &start), INVALIDARG);
		assert_hr(uf->funcs.pfnGetEncryptionBltKey(device, &key), INVALIDARG);
	}
	start.RandomNumberSize = key.KeySize = 16;
	start.pRandomNumber = key.pReadBackKey = NULL;
	assert_hr(uf->funcs.pfnStartSessionKeyRefresh(device, &start), INVALIDARG);
	assert_hr(uf->funcs.pfnGetEncryptionBltKey(device, &key), INVALIDARG);
	for (size_t i = 0; i < sizeof(room); i++)
		assert_int_equal(room[i], 0xc3);

	start.pRandomNumber = key.pReadBackKey = room + 16;
	assert_hr(call(&b, EXCHANGE, device, start.hCryptoSession, true), S_OK);
	assert_hr(call(&b, FINISH, device, start.hCryptoSession, true), INVALIDCALL);
	memcpy(&start_before, &start, sizeof(start));
	memcpy(&key_before, &key, sizeof(key));
	assert_hr(uf->funcs.pfnStartSessionKeyRefresh(device, &start), S_OK);
	for (size_t i = 0; i < sizeof(room); i++)
		assert_int_equal(room[i], i >= 16 && i < 32 ? 0x51 : 0xc3);
	assert_hr(uf->funcs.pfnGetEncryptionBltKey(device, &key), S_OK);
	for (size_t i = 0; i < sizeof(room); i++)
		assert_int_equal(room[i], i >= 16 && i < 32 ? 0x52 : 0xc3);
	assert_memory_equal(&start_before, &start, sizeof(start));
	assert_memory_equal(&key_before, &key, sizeof(key));
	assert_hr(call(&b, FINISH, device, start.hCryptoSession, true), S_OK);
	assert_hr(call(&b, FINISH, device, start.hCryptoSession, true), INVALIDCALL);
	uf_stop(b.uf);
}

/* CS-10, CS-61, CS-70, CS-73, BLT-26, BLT-52, BLT-84: a function that is not offered says so before all else. */
static void test_not_offered(void **state)
{
	const struct {
		enum entry entry;
		uint32_t caps; /* without it */
	} rows[] = { { START, 0xdd },	{ FINISH, 0xdd },  { READBACK_KEY, 0x3d },
		     { ENCRYPT, 0x3d }, { DECRYPT, 0xfd }, { GET_PITCH, 0xfd } };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct bench b = { .uf = uf_start_with(rows[i].caps, /* open= */ false) };

		b.uf->caps.has_decryption_blt = rows[i].entry != DECRYPT;
		b.uf->caps.has_get_pitch = rows[i].entry != GET_PITCH;
		uf_open(b.uf);
		assert_hr(call(&b, rows[i].entry, b.uf->devices[0], NULL, true), NOTAVAILABLE);
		assert_hr(call(&b, rows[i].entry, b.uf->devices[0], uf_session(b.uf, 0), true), NOTAVAILABLE);
		assert_hr(call(&b, rows[i].entry, b.uf->devices[0], NULL, false), INVALIDARG);
		b.uf->is_removed = true;
		assert_hr(call(&b, rows[i].entry, b.uf->devices[0], NULL, true), DEVICEREMOVED);
		b.uf->is_removed = false;
		uf_stop(b.uf);
	}
}

/* CS-12, CS-71 to CS-73, BLT-121: after the adapter is lost. */
static void test_removed(void **state)
{
	struct bench b = bench_start(0xfd);
	HANDLE session = uf_session_with_key(b.uf, 0);
	const HANDLE device = b.uf->devices[0];
	D3DDDIARG_CREATECRYPTOSESSION create = { .CryptoType = UF_RANDOM_GUID };

	(void)state;
	add_surfaces(&b);
	b.uf->is_removed = true;
	for (int entry = 0; entry < DESTROY; entry++) {
		assert_hr(call(&b, entry, device, session, true), DEVICEREMOVED);
		assert_hr(call(&b, entry, device, NULL, true), DEVICEREMOVED);
		assert_hr(call(&b, entry, b.uf->devices[1], session, true), DEVICEREMOVED);
		assert_hr(call(&b, entry, device, session, false), INVALIDARG);
		assert_hr(call(&b, entry, NULL, session, true), INVALIDARG);
	}
	assert_hr(b.uf->funcs.pfnCreateCryptoSession(device, &create), DEVICEREMOVED);
	create.CryptoType = D3DCRYPTOTYPE_AES128_CTR;
	assert_hr(b.uf->funcs.pfnCreateCryptoSession(device, &create), DEVICEREMOVED);
	assert_hr(call(&b, DESTROY, device, NULL, true), INVALIDARG);
	assert_hr(call(&b, DESTROY, device, session, true), S_OK);
	uf_stop(b.uf);
}

/* CS-07, CAP-27, CAP-28: an escape that fails. */
static void test_escape_fails(void **state)
{
	struct bench b = bench_start(0xfd);
	HANDLE session = uf_session_with_key(b.uf, 0);
	const HANDLE device = b.uf->devices[0];
	D3DDDIARG_CREATEDEVICE arg = uf_device_arg(b.uf, 4);

	(void)state;
	add_surfaces(&b);
	for (int entry = 0; entry < DESTROY; entry++) {
		const bool is_reserved = entry == START || entry == FINISH || entry == READBACK_KEY ||
					 entry == GET_PITCH;

		b.uf->escape_result = E_OUTOFMEMORY;
		assert_hr(call(&b, entry, device, session, true), is_reserved ? E_FAIL : E_OUTOFMEMORY);
		b.uf->escape_result = INVALIDARG;
		assert_hr(call(&b, entry, device, session, true), E_FAIL);
		b.uf->escape_result = S_OK;
		if (uf_can_fail_calloc() && is_reserved && entry != FINISH) {
			uf_fail_calloc(0);
			assert_hr(call(&b, entry, device, session, true), S_OK);
			uf_fail_calloc_off();
		}
	}
	assert_hr(call(&b, READBACK_KEY, device, session, true), S_OK);

	b.uf->device_callbacks.Callbacks.pfnEscapeCb = NULL;
	assert_hr(b.uf->adapter_funcs.pfnCreateDevice(b.uf->adapter, &arg), S_OK);
	D3DDDIARG_CREATECRYPTOSESSION create = { .CryptoType = D3DCRYPTOTYPE_AES128_CTR };
	assert_hr(b.uf->funcs.pfnCreateCryptoSession(arg.hDevice, &create), S_OK);
	assert_hr(call(&b, EXCHANGE, arg.hDevice, create.hCryptoSession, true), E_FAIL);
	assert_hr(call(&b, EXCHANGE, arg.hDevice, NULL, true), INVALIDARG);
	assert_hr(b.uf->funcs.pfnDestroyDevice(arg.hDevice), S_OK);
	uf_stop(b.uf);
}

/* CS-11 for the registry: two threads, a device each. The callbacks of this one touch nothing that is shared. */
static HRESULT APIENTRY lone_create(HANDLE hDevice, DXVAULTCB_CREATEPROTECTEDSESSION *data)
{
	data->hProtectedSession = (D3DKMT_HANDLE)(uintptr_t)hDevice;
	return S_OK;
}

static HRESULT APIENTRY lone_destroy(HANDLE hDevice, const DXVAULTCB_DESTROYPROTECTEDSESSION *data)
{
	return data->hProtectedSession == (D3DKMT_HANDLE)(uintptr_t)hDevice ? S_OK : E_FAIL;
}

struct worker {
	struct uf *uf;
	HANDLE device;
	int failures;
};

static void *work(void *arg)
{
	struct worker *worker = arg;
	HANDLE sessions[8];

	for (int i = 0; i < 2000; i++) {
		for (int j = 0; j < 8; j++) {
			D3DDDIARG_CREATECRYPTOSESSION create = { .CryptoType = D3DCRYPTOTYPE_AES128_CTR };

			worker->failures += worker->uf->funcs.pfnCreateCryptoSession(worker->device, &create) != S_OK;
			sessions[j] = create.hCryptoSession;
		}
		for (int j = 0; j < 8; j++) {
			const D3DDDIARG_DESTROYCRYPTOSESSION destroy = { sessions[j] };

			worker->failures += worker->uf->funcs.pfnDestroyCryptoSession(worker->device, &destroy) != S_OK;
		}
	}
	return NULL;
}

static void test_two_threads(void **state)
{
	struct uf *uf = uf_start_with(0xfd, /* open= */ false);
	struct worker workers[2];
	pthread_t threads[2];

	(void)state;
	uf->device_callbacks.pfnCreateProtectedSessionCb = lone_create;
	uf->device_callbacks.pfnDestroyProtectedSessionCb = lone_destroy;
	uf_open(uf);
	for (int i = 0; i < 2; i++) {
		workers[i] = (struct worker) { .uf = uf, .device = uf->devices[i] };
		assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
	}
	for (int i = 0; i < 2; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(workers[i].failures, 0);
	}
	uf_stop(uf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_handles),		  cmocka_unit_test(test_handle_values),
		cmocka_unit_test(test_many_sessions),	  cmocka_unit_test(test_create_fails),
		cmocka_unit_test(test_create_data),	  cmocka_unit_test(test_exchange),
		cmocka_unit_test(test_refresh_arguments), cmocka_unit_test(test_not_offered),
		cmocka_unit_test(test_removed),		  cmocka_unit_test(test_escape_fails),
		cmocka_unit_test(test_two_threads),
	};

	return cmocka_run_group_tests_name("umd_session", tests, NULL, NULL);
}
