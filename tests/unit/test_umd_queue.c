/* SPDX-License-Identifier: MIT */
/* Queued blts of the user-mode driver: order, results, what waits for them, copies of system memory, failures. */
#include "umd_fixture.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define UNTOUCHED ((HRESULT)0x77777777)
#define MANY	  500

static HRESULT results[MANY + 1];

static void forget_results(void)
{
	for (int i = 0; i < MANY + 1; i++)
		results[i] = UNTOUCHED;
}

static void start(struct uf_bench *b, bool shares_memory, UINT max_blts)
{
	forget_results();
	uf_bench_start_queueing(b, shares_memory);
	assert_hr(uf_begin(b, max_blts, results), S_OK);
}

static int waiting(const struct uf_bench *b)
{
	return b->uf->queued_count[0];
}

static HANDLE protected_surface(struct uf_bench *b)
{
	return uf_resource(b->uf, 0, D3DDDIPOOL_VIDEOMEMORY, UF_RESTRICTED, 16, 1, NULL);
}

static HANDLE system_surface(struct uf_bench *b, bool shares_memory, void *memory)
{
	HANDLE surface;

	b->uf->shares_memory = shares_memory;
	surface = uf_resource(b->uf, 0, D3DDDIPOOL_SYSTEMMEM, 0, 16, 1, memory);
	return surface;
}

/* The bytes of the n-th live protected surface, from 0 on. */
static uint8_t *protected_bytes(struct uf_bench *b, int n)
{
	for (int i = 0; i < UF_ALLOCATIONS; i++) {
		struct uf_allocation *allocation = &b->uf->allocations[i];

		if (allocation->handle && (allocation->info.flags & UF_RESTRICTED) && n-- == 0)
			return allocation->memory;
	}
	fail();
	return NULL;
}

/* CAP-14: the two entries are behind the table for those who ask for them, and nothing is touched for others. */
static void test_table(void **state)
{
	struct {
		DXVAULT_DEVICEFUNCS funcs;
		uint8_t guard[64];
	} room;
	struct uf *uf = uf_start();
	const uint8_t *bytes = (const uint8_t *)&room;

	(void)state;
	for (int queues = 0; queues < 2; queues++) {
		const size_t end = queues ? sizeof(room.funcs) : sizeof(room.funcs.Functions);
		D3DDDIARG_CREATEDEVICE arg = uf_device_arg(uf, 3);

		memset(&room, 0xc3, sizeof(room));
		arg.pDeviceFuncs = &room.funcs.Functions;
		arg.Flags.Value |= queues ? DXVAULT_CREATEDEVICE_QUEUED_BLTS : 0;
		assert_hr(uf->adapter_funcs.pfnCreateDevice(uf->adapter, &arg), S_OK);
		for (size_t i = end; i < sizeof(room); i++)
			assert_int_equal(bytes[i], 0xc3);
		if (queues) {
			assert_hr(room.funcs.pfnEndQueue(arg.hDevice, NULL), INVALIDCALL);
			assert_hr(room.funcs.pfnBeginQueue(arg.hDevice, NULL), INVALIDARG);
		}
		assert_hr(room.funcs.Functions.pfnDestroyDevice(arg.hDevice), S_OK);
	}
	uf_stop(uf);
}

/* CAP-28: without the flag the callbacks are not looked at; with it, one that is missing is missed by BeginQueue. */
static void test_callbacks(void **state)
{
	struct uf_bench b;
	DXVAULT_DEVICEFUNCS funcs;

	(void)state;
	uf_bench_start_queueing(&b, true);
	for (int i = 0; i < 3; i++) {
		D3DDDIARG_CREATEDEVICE arg = uf_device_arg(b.uf, 3);
		DXVAULT_DEVICECALLBACKS callbacks = b.uf->device_callbacks;

		callbacks.pfnQueueEscapeCb = i == 0 ? NULL : callbacks.pfnQueueEscapeCb;
		callbacks.pfnWaitEscapesCb = i == 1 ? NULL : callbacks.pfnWaitEscapesCb;
		arg.pCallbacks = &callbacks.Callbacks;
		arg.pDeviceFuncs = &funcs.Functions;
		arg.Flags.Value = i == 2 ? DXVAULT_CREATEDEVICE_PROTECTED_SESSIONS : arg.Flags.Value;
		assert_hr(b.uf->adapter_funcs.pfnCreateDevice(b.uf->adapter, &arg), S_OK);
		assert_hr(b.uf->extended.pfnBeginQueue(arg.hDevice, &(DXVAULTARG_BEGINQUEUE) { 1, results }), E_FAIL);
		assert_hr(b.uf->extended.pfnEndQueue(arg.hDevice, NULL), INVALIDCALL);
		assert_hr(b.uf->funcs.pfnDestroyDevice(arg.hDevice), S_OK);
	}
	uf_stop(b.uf);
}

static void test_begin_and_end_refused(void **state) /* CS-02, CS-03 */
{
	struct uf_bench b;
	UINT count = 77;
	const HANDLE garbage[] = { NULL, (HANDLE)1, UF_RUNTIME_DEVICE(0), &b };
	const DXVAULTARG_BEGINQUEUE good = { .MaxBlts = 2, .pResults = results };

	(void)state;
	forget_results();
	uf_bench_start_queueing(&b, true);
	for (size_t i = 0; i < sizeof(garbage) / sizeof(garbage[0]); i++) {
		assert_hr(b.uf->extended.pfnBeginQueue(garbage[i], &good), INVALIDARG);
		assert_hr(b.uf->extended.pfnEndQueue(garbage[i], &count), INVALIDARG);
	}
	assert_hr(b.uf->extended.pfnBeginQueue(b.uf->adapter, &good), INVALIDARG);
	assert_hr(b.uf->extended.pfnBeginQueue(b.device, NULL), INVALIDARG);
	assert_hr(uf_begin(&b, 0, results), INVALIDARG);
	assert_hr(uf_begin(&b, 1, NULL), INVALIDARG);
	assert_hr(uf_end(&b, &count), INVALIDCALL);
	assert_int_equal(count, 77);
	assert_hr(uf_begin(&b, 1, results), S_OK);
	assert_hr(uf_begin(&b, 1, results), INVALIDCALL);
	assert_hr(uf_begin(&b, 0, results), INVALIDARG);
	assert_hr(uf_end(&b, &count), S_OK);
	assert_int_equal(count, 0);
	assert_hr(uf_end(&b, &count), INVALIDCALL);
	assert_int_equal(b.uf->calls.wait, 0);
	assert_true(results[0] == UNTOUCHED);
	uf_stop(b.uf);
}

static void test_begin_without_memory(void **state) /* CS-07 */
{
	struct uf_bench b;

	(void)state;
	uf_bench_start_queueing(&b, true);
	if (!uf_can_fail_calloc()) {
		uf_stop(b.uf);
		skip();
	}
	uf_fail_calloc(0);
	assert_hr(uf_begin(&b, 1, results), E_OUTOFMEMORY);
	assert_hr(uf_end(&b, NULL), INVALIDCALL);
	assert_hr(uf_begin(&b, 1, results), S_OK);
	assert_hr(uf_end(&b, NULL), S_OK);
	/* Nothing is needed for the next one. */
	uf_fail_calloc(0);
	assert_hr(uf_begin(&b, 1, results), S_OK);
	uf_fail_calloc_off();
	uf_stop(b.uf);
}

/* Accepted ones have their results in order, those that are refused at once have no place. */
static void test_results(void **state)
{
	struct uf_bench b;
	D3DDDIARG_DECRYPTIONBLT good, keyless, bad;
	uint8_t pings;
	UINT count = 77;

	(void)state;
	for (int eager = 0; eager < 2; eager++) {
		start(&b, true, 10);
		b.uf->is_eager = eager;
		good = keyless = bad = uf_decryption(&b);
		assert_hr(uf_end(&b, NULL), S_OK);
		keyless.hCryptoSession = uf_session(b.uf, 0);
		assert_hr(uf_begin(&b, 10, results), S_OK);
		bad.pIV = NULL;
		pings = (uint8_t)b.uf->calls.ping;
		assert_hr(uf_decrypt(&b, &bad), INVALIDARG);
		assert_hr(uf_decrypt(&b, &good), S_OK);
		assert_hr(uf_decrypt(&b, &keyless), S_OK); /* CS-27, when its turn comes */
		assert_hr(uf_decrypt(&b, &bad), INVALIDARG);
		assert_hr(uf_decrypt(&b, &good), S_OK);
		assert_int_equal(b.uf->calls.ping, pings + 2);
		assert_int_equal(waiting(&b), 3);
		assert_int_equal(b.uf->calls.wait, 0);
		if (!eager)
			assert_int_equal(protected_bytes(&b, 0)[5], 0);
		assert_true(results[0] == UNTOUCHED);
		assert_hr(uf_end(&b, &count), INVALIDCALL);
		assert_int_equal(count, 3);
		assert_int_equal(protected_bytes(&b, 0)[5], 5);
		assert_hr(results[0], S_OK);
		assert_hr(results[1], INVALIDCALL);
		assert_hr(results[2], S_OK);
		assert_true(results[3] == UNTOUCHED);
		/* The next ones wait for themselves, and the next queue begins with its own first. */
		assert_hr(uf_decrypt(&b, &keyless), INVALIDCALL);
		forget_results();
		assert_hr(uf_begin(&b, 10, results), S_OK);
		assert_hr(uf_decrypt(&b, &keyless), S_OK);
		assert_hr(uf_decrypt(&b, &good), S_OK);
		assert_hr(uf_end(&b, NULL), INVALIDCALL);
		assert_hr(results[0], INVALIDCALL);
		assert_hr(results[1], S_OK);
		assert_true(results[2] == UNTOUCHED);
		/* A failure is its own queue's. */
		assert_hr(uf_begin(&b, 10, results), S_OK);
		assert_hr(uf_decrypt(&b, &good), S_OK);
		assert_hr(uf_end(&b, NULL), S_OK);
		uf_stop(b.uf);
	}
}

static void test_max_blts(void **state)
{
	struct uf_bench b;
	UINT count;

	(void)state;
	for (UINT max = 1; max < 150; max += 63) {
		start(&b, true, max);
		D3DDDIARG_DECRYPTIONBLT dec = uf_decryption(&b), bad = dec;
		D3DDDIARG_ENCRYPTIONBLT enc = uf_encryption(&b);

		bad.SrcResourceSize = 1;
		for (UINT i = 0; i < max; i++)
			assert_hr(uf_decrypt(&b, &dec), S_OK);
		assert_hr(uf_decrypt(&b, &dec), INVALIDCALL);
		assert_hr(uf_encrypt(&b, &enc), INVALIDCALL);
		assert_hr(uf_decrypt(&b, &bad), INVALIDARG);
		/* What was done meanwhile makes no room. */
		assert_hr(b.uf->funcs.pfnFlush(b.device), E_NOTIMPL);
		assert_hr(uf_decrypt(&b, &dec), INVALIDCALL);
		assert_hr(uf_end(&b, &count), S_OK);
		assert_int_equal(count, max);
		assert_hr(results[max - 1], S_OK);
		assert_true(results[max] == UNTOUCHED);
		assert_hr(uf_begin(&b, max, results), S_OK);
		assert_hr(uf_decrypt(&b, &dec), S_OK);
		assert_hr(uf_end(&b, &count), S_OK);
		assert_int_equal(count, 1);
		uf_stop(b.uf);
	}
}

/* With 64 unanswered, half of them are waited for (the fixture takes no more). */
static void test_many(void **state)
{
	struct uf_bench b;
	HANDLE keyless;
	UINT count;

	(void)state;
	start(&b, true, MANY);
	keyless = uf_session(b.uf, 0);
	for (int i = 0; i < MANY; i++) {
		D3DDDIARG_DECRYPTIONBLT dec = uf_decryption(&b);

		dec.hCryptoSession = i % 7 == 3 ? keyless : b.session;
		assert_hr(uf_decrypt(&b, &dec), S_OK);
		if (i == 63)
			assert_int_equal(b.uf->calls.wait, 0);
		if (i == 64) {
			assert_int_equal(b.uf->calls.wait, 1);
			assert_int_equal(b.uf->seen_left, 32);
			assert_hr(results[31], INVALIDCALL);
			assert_true(results[32] == UNTOUCHED);
		}
	}
	assert_hr(uf_end(&b, &count), INVALIDCALL);
	assert_int_equal(count, MANY);
	assert_int_equal(b.uf->calls.wait, 15);
	for (int i = 0; i < MANY; i++)
		assert_hr(results[i], i % 7 == 3 ? INVALIDCALL : S_OK);
	assert_true(results[MANY] == UNTOUCHED);
	uf_stop(b.uf);
}

/* ---- what waits for them ------------------------------------------------------------------------ */

#define SLOT(name) (offsetof(D3DDDI_DEVICEFUNCS, name) / sizeof(void *))

/* Every entry of the table but the blts; each with nothing to do, and those that do something below. */
static void test_every_entry_waits(void **state)
{
	typedef HRESULT(APIENTRY * slot_fn)(HANDLE, void *);
	slot_fn slots[sizeof(D3DDDI_DEVICEFUNCS) / sizeof(void *)];
	struct uf_bench b;
	UINT count;

	(void)state;
	start(&b, true, MANY);
	const D3DDDIARG_DECRYPTIONBLT dec = uf_decryption(&b);

	memcpy(slots, &b.uf->funcs, sizeof(slots));
	for (size_t i = 0, n = 0; i < sizeof(slots) / sizeof(slots[0]); i++) {
		const bool is_blt = i == SLOT(pfnEncryptionBlt) || i == SLOT(pfnDecryptionBlt);

		if (i == SLOT(pfnDestroyDevice))
			continue;
		assert_hr(uf_decrypt(&b, &dec), S_OK);
		assert_int_equal(waiting(&b), 1);
		if (i == SLOT(pfnFlush))
			(void)b.uf->funcs.pfnFlush(b.device);
		else
			(void)slots[i](b.device, NULL);
		if (waiting(&b) != is_blt)
			fail_msg("slot %zu", i);
		if (is_blt)
			(void)b.uf->funcs.pfnFlush(b.device);
		assert_hr(results[n++], S_OK);
		assert_true(results[n] == UNTOUCHED);
	}
	assert_hr(uf_decrypt(&b, &dec), S_OK);
	assert_hr(uf_begin(&b, 1, results), INVALIDCALL);
	assert_int_equal(waiting(&b), 0);
	assert_hr(uf_end(&b, &count), S_OK);
	assert_int_equal(count, 121);
	uf_stop(b.uf);
}

/* The same with something to do: every callback of the fixture says if it came too early. */
static void test_entries_at_work_wait(void **state)
{
	struct uf_bench b;
	uint8_t blob[256] = { 1 }, key[16];
	D3DDDIARG_LOCK lock;

	(void)state;
	start(&b, false, MANY);
	const D3DDDI_DEVICEFUNCS *f = &b.uf->funcs;
	const D3DDDIARG_DECRYPTIONBLT dec = uf_decryption(&b);
	D3DDDIARG_CREATECRYPTOSESSION create = { .CryptoType = D3DCRYPTOTYPE_AES128_CTR };
	const D3DDDIARG_STARTSESSIONKEYREFRESH refresh = { b.session, key, sizeof(key) };
	const D3DDDIARG_FINISHSESSIONKEYREFRESH finish = { b.session };
	const D3DDDIARG_GETENCRYPTIONBLTKEY get = { b.session, key, sizeof(key) };
	D3DDDIARG_CRYPTOSESSIONKEYEXCHANGE exchange = { b.session, sizeof(blob), blob };
	D3DDDIARG_GETPITCH pitch = { .hCryptoSession = b.session, .hResource = b.protected };
	const D3DDDIARG_PRESENT present = { .hSrcResource = b.protected };
	HANDLE other;

#define AFTER_A_BLT(call)                              \
	do {                                           \
		assert_hr(uf_decrypt(&b, &dec), S_OK); \
		assert_int_equal(waiting(&b), 1);      \
		assert_hr(call, S_OK);                 \
		assert_int_equal(waiting(&b), 0);      \
	} while (0)

	AFTER_A_BLT(f->pfnCreateCryptoSession(b.device, &create));
	AFTER_A_BLT(f->pfnDestroyCryptoSession(b.device, &(D3DDDIARG_DESTROYCRYPTOSESSION) { create.hCryptoSession }));
	AFTER_A_BLT(f->pfnStartSessionKeyRefresh(b.device, &refresh));
	AFTER_A_BLT(f->pfnFinishSessionKeyRefresh(b.device, &finish));
	AFTER_A_BLT(f->pfnGetEncryptionBltKey(b.device, &get));
	AFTER_A_BLT(f->pfnGetPitch(b.device, &pitch));
	AFTER_A_BLT(f->pfnPresent(b.device, &present));
	AFTER_A_BLT(uf_lock(&b, b.system, 0, &lock));
	/* BLT-40: the lock was not there yet when the blts before it were called. */
	assert_hr(uf_decrypt(&b, &dec), S_OK);
	assert_hr(uf_unlock(&b, b.system, 0), S_OK);
	assert_hr(results[8], INVALIDCALL);
	assert_hr(results[7], S_OK);
	AFTER_A_BLT(f->pfnCryptoSessionKeyExchange(b.device, &exchange));
	other = protected_surface(&b);
	AFTER_A_BLT(uf_destroy_resource(b.uf, 0, other));
	/* A surface that the queued blt writes to, and the copy that it reads. */
	AFTER_A_BLT(uf_destroy_resource(b.uf, 0, b.protected));
	b.protected = protected_surface(&b);
	assert_hr(uf_end(&b, NULL), INVALIDCALL);
	assert_hr(uf_begin(&b, MANY, results), S_OK);
	D3DDDIARG_DECRYPTIONBLT last = uf_decryption(&b);

	assert_hr(uf_decrypt(&b, &last), S_OK);
	assert_hr(uf_destroy_resource(b.uf, 0, b.system), S_OK);
	assert_hr(uf_end(&b, NULL), S_OK);
	uf_stop(b.uf);
}

static void test_destroy_device_ends_the_queue(void **state)
{
	struct uf_bench b;

	(void)state;
	start(&b, true, 3);
	const D3DDDIARG_DECRYPTIONBLT dec = uf_decryption(&b);

	assert_hr(uf_decrypt(&b, &dec), S_OK);
	assert_hr(uf_decrypt(&b, &dec), S_OK);
	b.uf->devices[0] = NULL;
	assert_hr(b.uf->funcs.pfnDestroyDevice(b.device), S_OK);
	assert_int_equal(waiting(&b), 0);
	assert_hr(results[1], S_OK);
	assert_true(results[2] == UNTOUCHED);
	assert_hr(uf_end(&b, NULL), INVALIDARG);
	uf_stop(b.uf);
}

/* A queue is its device's alone. */
static void test_two_devices(void **state)
{
	struct uf_bench b, other;

	(void)state;
	start(&b, true, 3);
	const D3DDDIARG_DECRYPTIONBLT dec = uf_decryption(&b);

	assert_hr(uf_decrypt(&b, &dec), S_OK);
	other = b;
	other.device = b.uf->devices[1];
	other.session = uf_session_with_key(b.uf, 1);
	other.protected = uf_resource(b.uf, 1, D3DDDIPOOL_VIDEOMEMORY, UF_RESTRICTED, 16, 1, NULL);
	other.system = uf_resource(b.uf, 1, D3DDDIPOOL_SYSTEMMEM, 0, 16, 1, other.memory);
	const D3DDDIARG_DECRYPTIONBLT there = uf_decryption(&other);

	assert_hr(uf_decrypt(&other, &there), S_OK);
	assert_hr(uf_end(&other, NULL), INVALIDCALL);
	assert_int_equal(waiting(&b), 1);
	assert_hr(uf_end(&b, NULL), S_OK);
	uf_stop(b.uf);
}

/* ---- answers ------------------------------------------------------------------------------------ */

/* BLT-20: vector and bytes are written when the answer is taken, and for S_OK alone. */
static void test_vectors(void **state)
{
	struct uf_bench b;
	uint8_t iv[3][16];

	(void)state;
	for (int variant = 0; variant < 4; variant++) {
		const bool shares = variant & 1;

		start(&b, shares, 10);
		b.uf->is_eager = variant & 2;
		D3DDDIARG_ENCRYPTIONBLT enc = uf_encryption(&b), keyless = enc;
		uint8_t *other = malloc(64);

		memset(other, 0x2a, 64);
		memset(iv, 0xc3, sizeof(iv));
		memset(protected_bytes(&b, 0), 0x5e, 64);
		keyless.hCryptoSession = uf_session(b.uf, 0);
		keyless.hDstResource = system_surface(&b, shares, other);
		enc.pIV = iv[0];
		assert_hr(uf_encrypt(&b, &enc), S_OK);
		keyless.pIV = iv[1];
		assert_hr(uf_encrypt(&b, &keyless), S_OK);
		assert_int_equal(iv[0][0], 0xc3);
		if (!shares)
			assert_int_equal(b.memory[7], 7);
		assert_int_equal(b.uf->calls.wait, 0);
		assert_hr(uf_end(&b, NULL), INVALIDCALL);
		assert_int_equal(iv[0][0], 1);
		assert_int_equal(iv[0][15], 0x1f);
		assert_int_equal(iv[1][0], 0xc3);
		assert_int_equal(b.memory[7], 0x5e);
		assert_int_equal(other[7], 0x2a);
		assert_hr(uf_destroy_resource(b.uf, 0, keyless.hDstResource), S_OK);
		free(other);
		uf_stop(b.uf);
	}
}

/* The callback refuses: at once, and it takes no place (CAP-27). */
static void test_queue_callback_fails(void **state)
{
	static const HRESULT codes[][2] = {
		{ E_OUTOFMEMORY, E_OUTOFMEMORY },
		{ DEVICEREMOVED, DEVICEREMOVED },
		{ INVALIDARG, E_FAIL },
	};
	struct uf_bench b;
	UINT count;

	(void)state;
	start(&b, true, 1);
	const D3DDDIARG_DECRYPTIONBLT dec = uf_decryption(&b);
	const D3DDDIARG_ENCRYPTIONBLT enc = uf_encryption(&b);

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		b.uf->queue_result = codes[i][0];
		assert_hr(uf_decrypt(&b, &dec), codes[i][1]);
		assert_hr(uf_encrypt(&b, &enc), codes[i][1]);
	}
	b.uf->queue_result = S_OK;
	assert_hr(uf_decrypt(&b, &dec), S_OK);
	assert_hr(uf_end(&b, &count), S_OK);
	assert_int_equal(count, 1);
	uf_stop(b.uf);
}

/* One escape is refused by the kernel: it alone has no answer. */
static void test_wait_fails(void **state)
{
	static const HRESULT codes[][2] = {
		{ E_FAIL, E_FAIL },
		{ INVALIDARG, E_FAIL },
		{ E_OUTOFMEMORY, E_OUTOFMEMORY },
	};
	struct uf_bench b;
	uint8_t iv[70][16];

	(void)state;
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		start(&b, true, MANY);
		const HANDLE keyless = uf_session(b.uf, 0);

		memset(iv, 0xc3, sizeof(iv));
		b.uf->refused_escape = 10;
		b.uf->refusal = codes[i][0];
		for (int n = 0; n < 70; n++) {
			D3DDDIARG_ENCRYPTIONBLT enc = uf_encryption(&b);

			enc.pIV = iv[n];
			enc.hCryptoSession = n == 20 || n == 50 ? keyless : b.session;
			assert_hr(uf_encrypt(&b, &enc), S_OK);
			/* Half was asked for, all are answered. */
			assert_int_equal(waiting(&b), n < 64 ? n + 1 : n - 63);
		}
		assert_hr(uf_end(&b, NULL), codes[i][1]);
		for (int n = 0; n < 70; n++) {
			assert_hr(results[n], n == 9 ? codes[i][1] : n == 20 || n == 50 ? INVALIDCALL : S_OK);
			assert_int_equal(iv[n][15], results[n] == S_OK ? 0x1f : 0xc3);
		}
		uf_stop(b.uf);
	}
}

static void test_removed(void **state) /* CS-12 */
{
	struct uf_bench b;
	uint8_t iv[5][16];

	(void)state;
	for (int i = 1; i <= 5; i++) {
		start(&b, true, 10);
		memset(iv, 0xc3, sizeof(iv));
		b.uf->removed_at = i;
		for (int n = 0; n < 5; n++) {
			D3DDDIARG_ENCRYPTIONBLT enc = uf_encryption(&b);

			enc.pIV = iv[n];
			assert_hr(uf_encrypt(&b, &enc), S_OK);
		}
		assert_hr(uf_end(&b, NULL), DEVICEREMOVED);
		for (int n = 0; n < 5; n++) {
			assert_hr(results[n], n < i - 1 ? S_OK : DEVICEREMOVED);
			assert_int_equal(iv[n][15], n < i - 1 ? 0x1f : 0xc3);
		}
		assert_hr(uf_begin(&b, 1, results), S_OK);
		const D3DDDIARG_DECRYPTIONBLT dec = uf_decryption(&b);

		assert_hr(uf_decrypt(&b, &dec), DEVICEREMOVED);
		assert_hr(uf_end(&b, NULL), S_OK);
		b.uf->is_removed = false;
		uf_stop(b.uf);
	}
}

/* The wait for half of them finds it: none is left to be waited for. */
static void test_removed_when_full(void **state)
{
	struct uf_bench b;
	UINT count;

	(void)state;
	start(&b, true, MANY);
	const D3DDDIARG_DECRYPTIONBLT dec = uf_decryption(&b);

	for (int i = 0; i < 64; i++)
		assert_hr(uf_decrypt(&b, &dec), S_OK);
	b.uf->removed_at = 5;
	assert_hr(uf_decrypt(&b, &dec), DEVICEREMOVED);
	assert_int_equal(b.uf->calls.wait, 1);
	assert_hr(results[63], DEVICEREMOVED);
	assert_hr(uf_end(&b, &count), DEVICEREMOVED);
	assert_int_equal(b.uf->calls.wait, 1);
	assert_int_equal(count, 64);
	for (int i = 0; i < 64; i++)
		assert_hr(results[i], i < 4 ? S_OK : DEVICEREMOVED);
	b.uf->is_removed = false;
	uf_stop(b.uf);
}

/* An entry that finds the adapter gone by its wait says so itself. */
static void test_removed_before_another_entry(void **state)
{
	struct uf_bench b;

	(void)state;
	start(&b, true, 10);
	const D3DDDIARG_DECRYPTIONBLT dec = uf_decryption(&b);
	D3DDDIARG_GETPITCH pitch = { .hCryptoSession = b.session, .hResource = b.protected };

	assert_hr(uf_decrypt(&b, &dec), S_OK);
	b.uf->removed_at = 1;
	assert_hr(b.uf->funcs.pfnGetPitch(b.device, &pitch), DEVICEREMOVED);
	assert_hr(results[0], DEVICEREMOVED);
	assert_hr(uf_end(&b, NULL), DEVICEREMOVED);
	b.uf->is_removed = false;
	uf_stop(b.uf);
}

/* ---- copies of system memory (BLT-28, BLT-63, BLT-115) -------------------------------------------- */

/* One transfer at a time has the copy of a surface; other surfaces' go on. */
static void test_copy_in_use(void **state)
{
	struct uf_bench b;
	HANDLE second, third;

	(void)state;
	start(&b, false, 10);
	second = protected_surface(&b);
	third = system_surface(&b, false, b.memory + 64);
	D3DDDIARG_DECRYPTIONBLT dec = uf_decryption(&b);

	assert_hr(uf_decrypt(&b, &dec), S_OK);
	dec.hSrcResource = third;
	dec.hDstResource = second;
	assert_hr(uf_decrypt(&b, &dec), S_OK);
	assert_int_equal(waiting(&b), 2);
	dec = uf_decryption(&b);
	assert_hr(uf_decrypt(&b, &dec), S_OK);
	assert_int_equal(b.uf->seen_left, 1);
	assert_int_equal(waiting(&b), 2);
	assert_hr(uf_end(&b, NULL), S_OK);
	/* In place there is nothing to wait for. */
	b.system = system_surface(&b, true, b.memory + 128);
	dec = uf_decryption(&b);
	assert_hr(uf_begin(&b, 10, results), S_OK);
	for (int i = 1; i <= 3; i++) {
		assert_hr(uf_decrypt(&b, &dec), S_OK);
		assert_int_equal(waiting(&b), i);
	}
	assert_hr(uf_end(&b, NULL), S_OK);
	uf_stop(b.uf);
}

/*
 * Random sequences give the same bytes, vectors and results queued as they do without a queue: surfaces with a copy and
 * in place, two over the same memory and two that overlap, sessions with and without a key.
 */
enum { SEQUENCES = 2000, LENGTH = 90, SURFACES = 4, MEMORY = 256 };

struct outcome {
	_Alignas(16) uint8_t memory[MEMORY];
	uint8_t surfaces[SURFACES][64];
	uint8_t iv[LENGTH][16];
	HRESULT results[LENGTH];
};

static void run_sequence(unsigned int seed, bool is_queued, bool is_eager, struct outcome *ret)
{
	static const size_t offsets[SURFACES + 1] = { 0, 0, 32, 128, 64 };
	struct uf_bench b;
	HANDLE keyless, inner[SURFACES], outer[SURFACES + 1];
	UINT count = 0;

	memset(ret, 0xc3, sizeof(*ret));
	uf_bench_start_queueing(&b, true);
	b.uf->is_eager = is_eager;
	keyless = uf_session(b.uf, 0);
	for (int i = 0; i < SURFACES; i++)
		inner[i] = i == 0 ? b.protected : protected_surface(&b);
	srandom(seed);
	for (int i = 0; i < SURFACES + 1; i++)
		outer[i] = system_surface(&b, random() % 3 == 0, ret->memory + offsets[i]);
	for (int i = 0; i < MEMORY; i++)
		ret->memory[i] = (uint8_t)random();
	for (int i = 0; i < SURFACES; i++)
		memset(protected_bytes(&b, i), i, 64);

	if (is_queued)
		assert_hr(uf_begin(&b, LENGTH, ret->results), S_OK);
	for (int i = 0; i < LENGTH; i++) {
		const HANDLE inside = inner[random() % SURFACES], outside = outer[random() % (SURFACES + 1)];
		const HANDLE session = random() % 8 == 0 ? keyless : b.session;
		HRESULT hr;

		if (random() % 2) {
			D3DDDIARG_DECRYPTIONBLT dec = uf_decryption(&b);

			dec.hCryptoSession = session;
			dec.hSrcResource = outside;
			dec.hDstResource = inside;
			hr = uf_decrypt(&b, &dec);
		} else {
			D3DDDIARG_ENCRYPTIONBLT enc = uf_encryption(&b);

			enc.hCryptoSession = session;
			enc.hSrcResource = inside;
			enc.hDstResource = outside;
			enc.pIV = ret->iv[i];
			hr = uf_encrypt(&b, &enc);
		}
		if (is_queued)
			assert_hr(hr, S_OK);
		else
			ret->results[i] = hr;
	}
	if (is_queued) {
		(void)uf_end(&b, &count);
		assert_int_equal(count, LENGTH);
	}
	for (int i = 0; i < SURFACES; i++)
		memcpy(ret->surfaces[i], protected_bytes(&b, i), 64);
	uf_stop(b.uf);
}

static void test_random_sequences(void **state)
{
	struct outcome alone, queued;

	(void)state;
	for (unsigned int seed = 0; seed < SEQUENCES; seed++) {
		run_sequence(seed, false, false, &alone);
		run_sequence(seed, true, seed % 2, &queued);
		if (memcmp(alone.memory, queued.memory, sizeof(alone.memory)) != 0)
			fail_msg("sequence %u: memory", seed);
		if (memcmp(alone.surfaces, queued.surfaces, sizeof(alone.surfaces)) != 0)
			fail_msg("sequence %u: surfaces", seed);
		assert_memory_equal(alone.iv, queued.iv, sizeof(alone.iv));
		assert_memory_equal(alone.results, queued.results, sizeof(alone.results));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_callbacks),
		cmocka_unit_test(test_begin_and_end_refused),
		cmocka_unit_test(test_begin_without_memory),
		cmocka_unit_test(test_results),
		cmocka_unit_test(test_max_blts),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_every_entry_waits),
		cmocka_unit_test(test_entries_at_work_wait),
		cmocka_unit_test(test_destroy_device_ends_the_queue),
		cmocka_unit_test(test_two_devices),
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_queue_callback_fails),
		cmocka_unit_test(test_wait_fails),
		cmocka_unit_test(test_removed),
		cmocka_unit_test(test_removed_when_full),
		cmocka_unit_test(test_removed_before_another_entry),
		cmocka_unit_test(test_copy_in_use),
		cmocka_unit_test(test_random_sequences),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
