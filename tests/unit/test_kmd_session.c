/* SPDX-License-Identifier: MIT */
/* The kernel-mode driver's crypto sessions: states, key exchange, refresh, read-back key, loss. */
#include "kmd_fixture.h"

#include <stdlib.h>
#include <string.h>

#define INVALIDCALL  D3DDDIERR_INVALIDCALL
#define NOTAVAILABLE D3DDDIERR_NOTAVAILABLE

/* One device, one session, one pair of surfaces of 64 bytes. */
struct bench {
	struct kf *kf;
	int device;
	D3DKMT_HANDLE session;
	D3DKMT_HANDLE system;
	D3DKMT_HANDLE protected;
};

static struct bench bench_start(const struct kmd_config *config)
{
	struct bench b = { .kf = kf_start(config) };

	b.device = kf_device(b.kf);
	b.session = kf_session(b.kf, b.device);
	b.system = kf_system(b.kf, b.device, 16, 1);
	b.protected = kf_protected(b.kf, b.device, 16, 1);
	return b;
}

static HRESULT exchange(struct bench *b, const uint8_t key[16])
{
	return kf_exchange(b->kf, b->device, b->session, key);
}

static HRESULT decrypt(struct bench *b, uint64_t iv)
{
	return kf_decrypt(b->kf, b->device, b->session, b->system, b->protected, iv);
}

static HRESULT encrypt(struct bench *b, uint8_t ret_iv[16])
{
	return kf_encrypt(b->kf, b->device, b->session, b->protected, b->system, ret_iv);
}

static HRESULT readback_key(struct bench *b, uint8_t ret[16])
{
	return kf_readback_key(b->kf, b->device, b->session, ret);
}

static HRESULT start(struct bench *b, uint8_t ret[16])
{
	return kf_start_refresh(b->kf, b->device, b->session, ret);
}

static HRESULT finish(struct bench *b)
{
	return kf_finish_refresh(b->kf, b->device, b->session);
}

/* Drives a new session into S1, S2 or S3, with or without a read-back key. */
static struct bench bench_in(int state, int readback)
{
	struct bench b = bench_start(NULL);
	uint8_t out[16];

	if (state >= 2)
		assert_int_equal(exchange(&b, KF_K), S_OK);
	if (readback)
		assert_int_equal(readback_key(&b, out), S_OK);
	if (state == 3)
		assert_int_equal(start(&b, out), S_OK);
	return b;
}

/* Which state it is in, found out by calls; ends with the session used up. */
static int state_of(struct bench *b, int *ret_readback)
{
	HRESULT hr = encrypt(b, NULL);

	*ret_readback = hr == S_OK || hr == E_ACCESSDENIED;
	if (finish(b) == S_OK)
		return 3;
	return start(b, NULL) == S_OK ? 2 : 1;
}

enum call { GOOD_BLOB, BAD_BLOB, START, FINISH, GET_KEY, ENCRYPT, DECRYPT, PITCH, CALLS };

static HRESULT make_call(struct bench *b, enum call call)
{
	uint8_t blob[256] = { 1 }, out[16];
	uint32_t pitch;

	switch (call) {
	case GOOD_BLOB:
		return exchange(b, KF_C);
	case BAD_BLOB:
		return kf_exchange_blob(b->kf, b->device, b->session, blob);
	case START:
		return start(b, out);
	case FINISH:
		return finish(b);
	case GET_KEY:
		return readback_key(b, out);
	case ENCRYPT:
		return encrypt(b, out);
	case DECRYPT:
		return decrypt(b, 77);
	case PITCH:
		return kf_pitch(b->kf, b->device, b->session, b->protected, &pitch);
	case CALLS:
	default:
		fail();
		return E_FAIL;
	}
}

/* CS-74: every cell of the table that an escape can show; S0: a number that never named a session, and a dead one. */
static void test_state_machine(void **state)
{
	const struct {
		HRESULT hr;
		int next, readback; /* -1: the mark stays */
	} cells[CALLS][3] = {
		[GOOD_BLOB] = { { S_OK, 2, 0 }, { S_OK, 2, 0 }, { S_OK, 2, 0 } },
		[BAD_BLOB] = { { E_INVALIDARG, 1, -1 }, { E_INVALIDARG, 2, -1 }, { E_INVALIDARG, 3, -1 } },
		[START] = { { INVALIDCALL, 1, -1 }, { S_OK, 3, -1 }, { S_OK, 3, -1 } },
		[FINISH] = { { INVALIDCALL, 1, -1 }, { INVALIDCALL, 2, -1 }, { S_OK, 2, -1 } },
		[GET_KEY] = { { INVALIDCALL, 1, -1 }, { S_OK, 2, 1 }, { S_OK, 3, 1 } },
		[DECRYPT] = { { INVALIDCALL, 1, -1 }, { S_OK, 2, -1 }, { S_OK, 3, -1 } },
		[PITCH] = { { S_OK, 1, -1 }, { S_OK, 2, -1 }, { S_OK, 3, -1 } },
		[ENCRYPT] = { { INVALIDCALL, 1, -1 }, { S_OK, 2, -1 }, { S_OK, 3, -1 } },
	};

	(void)state;
	for (int call = 0; call < CALLS; call++) {
		struct bench b = bench_in(1, 0);

		b.session = 999;
		assert_int_equal(make_call(&b, call), E_INVALIDARG);
		b.session = kf_session(b.kf, b.device);
		kf_session_destroy(b.kf, b.session);
		assert_int_equal(make_call(&b, call), E_INVALIDARG); /* CS-04, CS-42 */
		kf_stop(b.kf);

		for (int from = 1; from <= 3; from++) {
			for (int readback = 0; readback <= (from > 1); readback++) {
				HRESULT expected = cells[call][from - 1].hr;
				int mark = cells[call][from - 1].readback, next, found;

				if (call == ENCRYPT && !readback)
					expected = INVALIDCALL; /* BLT-18 */
				b = bench_in(from, readback);
				assert_int_equal(make_call(&b, call), expected);
				next = state_of(&b, &found);
				assert_int_equal(next, cells[call][from - 1].next);
				assert_int_equal(found, mark < 0 ? readback : mark);
				kf_session_destroy(b.kf, b.session); /* CS-44 */
				kf_stop(b.kf);
			}
		}
	}
}

/* CS-10, CS-61, CS-70, BLT-26, BLT-52, BLT-84: what is not offered is so in every state, S0 included (CS-73). */
static void test_variants(void **state)
{
	struct kmd_config config;
	struct bench b;

	(void)state;
	kf_config(&config);
	config.caps = 0x5D | 0x02 | 0xFFFFFC00;
	config.has_decryption_blt = false;
	config.has_get_pitch = false;
	b = bench_start(&config);
	for (int i = 0; i < 2; i++) {
		for (int call = START; call < CALLS; call++)
			assert_int_equal(make_call(&b, call), NOTAVAILABLE);
		assert_int_equal(make_call(&b, GOOD_BLOB), i ? E_INVALIDARG : S_OK);
		b.session = 999;
	}
	kf_stop(b.kf);

	/* CAP-53, CAP-56, CAP-57: no set of this driver has one read-back bit alone. */
	for (uint32_t caps = 0; caps < 0x2000; caps++) {
		uint32_t offered = kmd_caps_normalise(caps);

		assert_int_equal(offered & 3, D3DCPCAPS_SOFTWARE);
		assert_int_equal(offered & 0xFFFFFC00, 0);
		assert_int_equal(!!(offered & 0x40), !!(offered & 0x80));
		assert_int_equal(offered & 0x3C, caps & 0x3C);
	}
	assert_int_equal(kmd_caps_normalise(0xFD), 0xFD); /* CAP-54 */
	assert_int_equal(kmd_caps_normalise(0xF9), 0xF9);
	assert_int_equal(kmd_caps_normalise(0x7D), 0x3D);
}

/* CS-29 to CS-33, CAP-77: every bad blob alike. */
static void test_bad_blobs(void **state)
{
	struct bench b = bench_start(NULL);
	const size_t sizes[] = { 0, 15, 17, 32, 40 };
	uint8_t blob[256], payload[40] = { 7 }, ones[256];

	(void)state;
	assert_int_equal(exchange(&b, KF_K), S_OK);
	for (size_t i = 0; i < 5; i++) {
		kf_blob(GPU_LEAF_SESSION, "SHA512", "", payload, sizes[i], blob);
		assert_int_equal(kf_exchange_blob(b.kf, b.device, b.session, blob), E_INVALIDARG);
	}
	kf_blob(GPU_LEAF_SESSION, "SHA1", "", KF_K, 16, blob);
	assert_int_equal(kf_exchange_blob(b.kf, b.device, b.session, blob), E_INVALIDARG);
	kf_blob(GPU_LEAF_SESSION, "SHA256", "", KF_K, 16, blob);
	assert_int_equal(kf_exchange_blob(b.kf, b.device, b.session, blob), E_INVALIDARG);
	kf_blob(GPU_LEAF_SESSION, "SHA512", "label", KF_K, 16, blob);
	assert_int_equal(kf_exchange_blob(b.kf, b.device, b.session, blob), E_INVALIDARG);
	kf_blob(GPU_LEAF_CHANNEL, "SHA512", "", KF_K, 16, blob);
	assert_int_equal(kf_exchange_blob(b.kf, b.device, b.session, blob), E_INVALIDARG);
	memset(ones, 0xff, sizeof(ones)); /* not below the modulus */
	assert_int_equal(kf_exchange_blob(b.kf, b.device, b.session, ones), E_INVALIDARG);
	memset(ones, 0, sizeof(ones));
	assert_int_equal(kf_exchange_blob(b.kf, b.device, b.session, ones), E_INVALIDARG);

	/* CS-39: the key before is still there. CS-41: any key value is one. */
	assert_int_equal(decrypt(&b, 1), S_OK);
	assert_int_equal(exchange(&b, ones), S_OK);
	assert_int_equal(decrypt(&b, 1), S_OK);
	kf_stop(b.kf);
}

/* CS-38, CS-39, CS-40, SEC-39: a further exchange, the same blob included. */
static void test_exchange_again(void **state)
{
	struct bench b = bench_start(NULL);
	uint8_t blob[256], bad[256] = { 0 }, out[16];
	D3DKMT_HANDLE other = kf_session(b.kf, b.device), written = kf_protected(b.kf, b.device, 16, 1);

	(void)state;
	kf_blob(GPU_LEAF_SESSION, "SHA512", "", KF_K, 16, blob);
	assert_int_equal(kf_exchange_blob(b.kf, b.device, b.session, blob), S_OK);
	assert_int_equal(decrypt(&b, 5), S_OK);
	assert_int_equal(readback_key(&b, out), S_OK);
	assert_int_equal(start(&b, out), S_OK);

	assert_int_equal(kf_exchange_blob(b.kf, b.device, b.session, bad), E_INVALIDARG);
	assert_int_equal(encrypt(&b, out), S_OK);
	assert_int_equal(finish(&b), S_OK);
	assert_int_equal(start(&b, out), S_OK);

	assert_int_equal(kf_exchange_blob(b.kf, b.device, b.session, blob), S_OK);
	assert_int_equal(finish(&b), INVALIDCALL);
	assert_int_equal(encrypt(&b, out), INVALIDCALL);
	assert_int_equal(decrypt(&b, 5), INVALIDCALL); /* the history of the key value survives */
	assert_int_equal(readback_key(&b, out), S_OK);
	assert_int_equal(encrypt(&b, out), E_ACCESSDENIED);
	assert_int_equal(kf_decrypt(b.kf, b.device, b.session, b.system, written, 6), S_OK);
	assert_int_equal(kf_encrypt(b.kf, b.device, b.session, written, b.system, out), S_OK);

	/* CS-26: another session has a history of its own. */
	assert_int_equal(kf_exchange_blob(b.kf, b.device, other, blob), S_OK);
	assert_int_equal(kf_decrypt(b.kf, b.device, other, b.system, written, 5), S_OK);
	kf_stop(b.kf);
}

/* CS-48, CS-52 to CS-57, CS-59, CS-60, and the vectors of crypto-session.md. */
static void test_refresh(void **state)
{
	struct bench b = bench_start(NULL);
	uint8_t number[16], again[16], plain[64], cipher[64], iv[16], wrapped[16];

	(void)state;
	memset(plain, 0x31, sizeof(plain));
	assert_int_equal(exchange(&b, KF_K), S_OK);
	assert_int_equal(decrypt(&b, 5), S_OK);

	assert_int_equal(start(&b, number), S_OK);
	assert_int_equal(start(&b, again), S_OK);
	assert_memory_not_equal(number, again, 16); /* CS-56 */

	kf_random = KF_R;
	assert_int_equal(start(&b, number), S_OK);
	kf_random = NULL;
	assert_memory_equal(number, KF_R, 16);

	/* The old key until Finish (CS-48), the new one from then on (CS-52). */
	kf_iv(iv, 6, 0);
	kf_ctr(KF_K, iv, plain, kf_bytes(b.kf, b.system), 64);
	assert_int_equal(decrypt(&b, 6), S_OK);
	assert_memory_equal(kf_inside(b.kf, b.protected), plain, 64);
	assert_int_equal(finish(&b), S_OK);
	assert_int_equal(finish(&b), INVALIDCALL); /* CS-54 */

	memset(kf_bytes(b.kf, b.system), 0, 64);
	kf_hex("c1f7d8daaf35f298a08e8841ae413de1", kf_bytes(b.kf, b.system), 16);
	assert_int_equal(decrypt(&b, 1), S_OK); /* CS-59: 1 is below 6, but the key is new */
	assert_memory_equal(kf_inside(b.kf, b.protected), KF_K, 16);

	/* CS-57, CS-64: C wrapped with K xor R. */
	kf_hex("0bc17c14ee3a08c49b5d7ed22a872b28", wrapped, 16);
	kf_iv(iv, 9, 0);
	kf_ctr(KF_C, iv, plain, cipher, 64);
	memcpy(kf_bytes(b.kf, b.system), cipher, 64);
	assert_int_equal(kf_decrypt_content(b.kf, b.device, b.session, b.system, b.protected, 9, wrapped), S_OK);
	assert_memory_equal(kf_inside(b.kf, b.protected), plain, 64);
	kf_hex("66a7c7e8345231489751de073316adad", wrapped, 16);
	assert_int_equal(kf_decrypt_content(b.kf, b.device, b.session, b.system, b.protected, 10, wrapped), S_OK);
	assert_memory_not_equal(kf_inside(b.kf, b.protected), plain, 64);
	kf_random = KF_C;
	assert_int_equal(readback_key(&b, wrapped), S_OK);
	kf_hex("0bc17c14ee3a08c49b5d7ed22a872b28", again, 16);
	assert_memory_equal(wrapped, again, 16);

	/* CS-60: the same number again restores K, and its history. */
	kf_random = KF_R;
	assert_int_equal(start(&b, number), S_OK);
	assert_int_equal(finish(&b), S_OK);
	assert_int_equal(decrypt(&b, 6), INVALIDCALL);
	assert_int_equal(decrypt(&b, 7), S_OK);
	kf_stop(b.kf);
}

/* CS-58, CS-63, CS-64, CS-68, CS-69, BLT-17. */
static void test_readback_key(void **state)
{
	struct bench b = bench_start(NULL);
	uint8_t wrapped[16], first[16], second[16], iv[16], plain[64], zero[64] = { 0 };

	(void)state;
	assert_int_equal(exchange(&b, KF_K), S_OK);
	kf_random = KF_C;
	assert_int_equal(readback_key(&b, wrapped), S_OK);
	kf_random = NULL;
	kf_hex("66a7c7e8345231489751de073316adad", first, 16);
	assert_memory_equal(wrapped, first, 16);

	assert_int_equal(readback_key(&b, wrapped), S_OK);
	kf_aes(KF_K, 0, wrapped, first);
	assert_int_equal(start(&b, iv), S_OK);
	assert_int_equal(readback_key(&b, wrapped), S_OK);
	kf_aes(KF_K, 0, wrapped, second); /* the old key while a number is pending */
	assert_memory_not_equal(first, second, 16);
	assert_int_equal(finish(&b), S_OK);

	assert_int_equal(encrypt(&b, iv), S_OK);
	kf_ctr(second, iv, kf_bytes(b.kf, b.system), plain, 64);
	assert_memory_equal(plain, zero, 64); /* BLT-103 */
	kf_ctr(first, iv, kf_bytes(b.kf, b.system), plain, 64);
	assert_memory_not_equal(plain, zero, 64);
	kf_ctr(KF_K, iv, kf_bytes(b.kf, b.system), plain, 64);
	assert_memory_not_equal(plain, zero, 64);
	kf_stop(b.kf);
}

/* CS-14: a generator that fails; nothing written (the fixture looks), nothing changed (CS-06). */
static void test_generator_fails(void **state)
{
	struct bench b = bench_start(NULL);
	uint8_t number[16], wrapped[16], key[16], iv[16], plain[64], zero[64] = { 0 };

	(void)state;
	assert_int_equal(exchange(&b, KF_K), S_OK);
	assert_int_equal(readback_key(&b, wrapped), S_OK);
	gpu_random_fail_next(1);
	assert_int_equal(start(&b, number), E_FAIL);
	assert_int_equal(finish(&b), INVALIDCALL);
	assert_int_equal(start(&b, number), S_OK);
	gpu_random_fail_next(1);
	assert_int_equal(start(&b, iv), E_FAIL);
	gpu_random_fail_next(1);
	assert_int_equal(readback_key(&b, key), E_FAIL);
	gpu_random_fail_next(1);
	assert_int_equal(encrypt(&b, iv), E_FAIL);
	assert_int_equal(encrypt(&b, iv), S_OK);
	kf_aes(KF_K, 0, wrapped, key);
	kf_ctr(key, iv, kf_bytes(b.kf, b.system), plain, 64);
	assert_memory_equal(plain, zero, 64);

	/* The number that came before the failure is the one that counts. */
	assert_int_equal(finish(&b), S_OK);
	for (int i = 0; i < 16; i++)
		key[i] = KF_K[i] ^ number[i];
	memset(plain, 0x44, 64);
	kf_iv(iv, 1, 0);
	kf_ctr(key, iv, plain, kf_bytes(b.kf, b.system), 64);
	assert_int_equal(decrypt(&b, 1), S_OK);
	assert_memory_equal(kf_inside(b.kf, b.protected), plain, 64);
	kf_stop(b.kf);
}

/* CS-06, CS-07: memory fails in the exchange alone, and changes nothing there; later calls need none. */
static void test_memory_fails(void **state)
{
	struct bench b = bench_start(NULL);
	uint8_t blob[256], out[16];

	(void)state;
	kf_blob(GPU_LEAF_SESSION, "SHA512", "", KF_K, 16, blob);
	kf_fail_secret_alloc = 0;
	assert_int_equal(kf_exchange_blob(b.kf, b.device, b.session, blob), E_OUTOFMEMORY);
	for (int slot = 0; slot < 3; slot++) {
		kf_fail_key_reserve = slot > 0; /* what came before the failure is kept for the next try */
		assert_int_equal(kf_exchange_blob(b.kf, b.device, b.session, blob), E_OUTOFMEMORY);
		assert_int_equal(start(&b, out), INVALIDCALL);
	}
	kf_fail_key_reserve = -1;
	assert_int_equal(kf_exchange_blob(b.kf, b.device, b.session, blob), S_OK);

	kf_fail_secret_alloc = kf_fail_key_reserve = 0;
	assert_int_equal(start(&b, out), S_OK);
	assert_int_equal(readback_key(&b, out), S_OK);
	assert_int_equal(finish(&b), S_OK);
	assert_int_equal(make_call(&b, PITCH), S_OK);
	assert_int_equal(encrypt(&b, out), S_OK);
	assert_int_equal(kf_fail_secret_alloc, 0);

	/* The history of a new key does: refused, and the same IV is good afterwards (BLT-12). */
	assert_int_equal(decrypt(&b, 1), E_OUTOFMEMORY);
	assert_int_equal(decrypt(&b, 1), S_OK);

	/* An engine that fails to load a key: E_FAIL, and the keys before still work. */
	kf_fail_key_set = 0;
	assert_int_equal(exchange(&b, KF_C), E_FAIL);
	assert_int_equal(start(&b, out), S_OK);
	kf_fail_key_set = 0;
	assert_int_equal(finish(&b), E_FAIL);
	kf_fail_key_set = 0;
	assert_int_equal(readback_key(&b, out), E_FAIL);
	assert_int_equal(decrypt(&b, 1), INVALIDCALL);
	assert_int_equal(encrypt(&b, out), S_OK);
	assert_int_equal(finish(&b), S_OK);
	kf_stop(b.kf);
}

/* CS-13, KMT-20, BLT-24: keys and content go, histories and counters stay; reported, and taken back by an exchange. */
static void test_loss(void **state)
{
	struct bench b = bench_start(NULL);
	const uint8_t zero[sizeof(struct kmd_secrets)] = { 0 };
	D3DKMT_HANDLE keyless = kf_session(b.kf, b.device), dead = kf_session(b.kf, b.device);
	D3DKMT_HANDLE fresh = kf_protected(b.kf, b.device, 16, 1), left = kf_protected(b.kf, b.device, 16, 1);
	uint8_t out[16], iv[16], next[16];

	(void)state;
	memset(kf_bytes(b.kf, b.system), 0x5c, 64);
	assert_int_equal(exchange(&b, KF_K), S_OK);
	assert_int_equal(kf_exchange(b.kf, b.device, dead, KF_K), S_OK);
	assert_int_equal(kf_decrypt(b.kf, b.device, dead, b.system, left, 1), S_OK);
	kf_session_destroy(b.kf, dead);
	assert_int_equal(decrypt(&b, 5), S_OK);
	assert_int_equal(readback_key(&b, out), S_OK);
	assert_int_equal(start(&b, out), S_OK);
	assert_int_equal(encrypt(&b, iv), S_OK);
	assert_int_equal(kf_object(b.kf, b.session)->statuses, 0);

	kmd_driver.LoseKeys(b.kf->adapter);
	assert_int_equal(kf_object(b.kf, b.session)->status, DXGK_PROTECTED_SESSION_STATUS_INVALID);
	assert_int_equal(kf_object(b.kf, keyless)->status, DXGK_PROTECTED_SESSION_STATUS_INVALID);
	assert_memory_equal(kf_inside(b.kf, b.protected), zero, 64);
	assert_memory_equal(kf_inside(b.kf, left), zero, 64);
	assert_false(gpu_key_is_set(kf_session_inside(b.kf, b.session)->key));
	assert_false(gpu_key_is_set(kf_session_inside(b.kf, b.session)->readback));
	assert_memory_equal(kf_session_inside(b.kf, b.session)->secrets, zero, sizeof(struct kmd_secrets));

	assert_int_equal(decrypt(&b, 6), INVALIDCALL);
	assert_int_equal(start(&b, out), INVALIDCALL);
	assert_int_equal(finish(&b), INVALIDCALL);
	assert_int_equal(readback_key(&b, out), INVALIDCALL);
	assert_int_equal(encrypt(&b, out), INVALIDCALL);
	assert_int_equal(make_call(&b, BAD_BLOB), E_INVALIDARG);
	assert_int_equal(kf_object(b.kf, b.session)->statuses, 1);

	assert_int_equal(exchange(&b, KF_K), S_OK);
	assert_int_equal(kf_object(b.kf, b.session)->status, DXGK_PROTECTED_SESSION_STATUS_OK);
	assert_int_equal(kf_object(b.kf, b.session)->statuses, 2);
	assert_int_equal(kf_object(b.kf, keyless)->status, DXGK_PROTECTED_SESSION_STATUS_INVALID);
	assert_int_equal(exchange(&b, KF_K), S_OK);
	assert_int_equal(kf_object(b.kf, b.session)->statuses, 2); /* once a loss */

	assert_int_equal(decrypt(&b, 5), INVALIDCALL);
	assert_int_equal(readback_key(&b, out), S_OK);
	assert_int_equal(encrypt(&b, next), E_ACCESSDENIED);
	assert_int_equal(kf_encrypt(b.kf, b.device, b.session, left, b.system, next), E_ACCESSDENIED);
	assert_int_equal(kf_encrypt(b.kf, b.device, b.session, fresh, b.system, next), S_OK);
	assert_int_equal(kf_iv_number(next), kf_iv_number(iv) + 1);
	assert_int_equal(decrypt(&b, 6), S_OK);
	assert_int_equal(encrypt(&b, next), S_OK);
	kf_stop(b.kf);
}

/* KMT-24: the driver finds its key material damaged, on either side: that session's keys go, and it says so. */
static void test_tamper(void **state)
{
	(void)state;
	for (int side = 0; side < 2; side++) {
		struct bench b = bench_start(NULL);
		D3DKMT_HANDLE other = kf_session(b.kf, b.device);
		struct kmd_secrets *secrets;
		uint8_t out[16];

		assert_int_equal(exchange(&b, KF_K), S_OK);
		assert_int_equal(kf_exchange(b.kf, b.device, other, KF_K), S_OK);
		assert_int_equal(decrypt(&b, 1), S_OK);
		secrets = kf_session_inside(b.kf, b.session)->secrets;
		if (side == 0)
			secrets->seal_before ^= 1;
		else
			secrets->seal_behind ^= (uint64_t)1 << 63;

		assert_int_equal(decrypt(&b, 2), E_FAIL);
		assert_int_equal(kf_object(b.kf, b.session)->status, DXGK_PROTECTED_SESSION_STATUS_INVALID);
		assert_int_equal(kf_object(b.kf, b.session)->statuses, 1);
		assert_false(gpu_key_is_set(kf_session_inside(b.kf, b.session)->key));
		assert_int_equal(decrypt(&b, 3), INVALIDCALL);
		assert_int_equal(start(&b, out), INVALIDCALL);

		assert_int_equal(kf_object(b.kf, other)->statuses, 0);
		assert_int_equal(kf_decrypt(b.kf, b.device, other, b.system, b.protected, 1), S_OK);
		assert_int_equal(exchange(&b, KF_K), S_OK);
		assert_int_equal(kf_object(b.kf, b.session)->status, DXGK_PROTECTED_SESSION_STATUS_OK);
		assert_int_equal(decrypt(&b, 4), S_OK);
		kf_stop(b.kf);
	}
}

/* CS-05, CS-45, KMT-17, SEC-38: a session is its device's; with the device its keys and its content go. */
static void test_devices(void **state)
{
	struct bench b = bench_start(NULL);
	const uint8_t zero[64] = { 0 };
	int other = kf_device(b.kf);
	D3DKMT_HANDLE theirs = kf_session(b.kf, other), seen = kf_protected(b.kf, other, 16, 1), unnamed;
	struct kmd_session *inside;

	(void)state;
	unnamed = kf_session(b.kf, b.device);
	assert_int_equal(kf_open(b.kf, b.device, seen), STATUS_SUCCESS);
	memset(kf_bytes(b.kf, b.system), 0x5c, 64);
	assert_int_equal(exchange(&b, KF_K), S_OK);
	b.device = other;
	for (int call = 0; call < CALLS; call++)
		assert_int_equal(make_call(&b, call), E_INVALIDARG);
	b.device = 0;
	assert_int_equal(kf_decrypt(b.kf, b.device, b.session, b.system, seen, 1), S_OK);
	assert_int_equal(kf_exchange(b.kf, other, theirs, KF_C), S_OK);

	/* A graphics kernel that gave the session to another device would not help it. */
	kf_object(b.kf, b.session)->device = other;
	assert_int_equal(kf_exchange(b.kf, other, b.session, KF_C), E_INVALIDARG);
	kf_object(b.kf, b.session)->device = b.device;

	kf_device_destroy(b.kf, b.device);
	assert_int_equal(kf_object(b.kf, b.session)->status, DXGK_PROTECTED_SESSION_STATUS_INVALID);
	assert_int_equal(kf_object(b.kf, theirs)->statuses, 0);
	assert_memory_equal(kf_inside(b.kf, seen), zero, 64);
	inside = kf_session_inside(b.kf, b.session);
	assert_false(gpu_key_is_set(inside->key));
	assert_null(inside->device);

	/* Nor when its own is gone. */
	kf_object(b.kf, b.session)->device = other;
	assert_int_equal(kf_exchange(b.kf, other, b.session, KF_K), E_INVALIDARG);
	kf_object(b.kf, unnamed)->device = other;
	assert_int_equal(kf_exchange(b.kf, other, unnamed, KF_K), S_OK);
	kf_session_destroy(b.kf, b.session);
	kf_stop(b.kf);
}

/* KMT-10, KMT-14, CS-18, CS-20: private data that is ours is checked; other data makes a session without keys. */
static void test_private_data(void **state)
{
	struct bench b = bench_start(NULL);
	struct drv_session info = { .magic = DRV_MAGIC, .crypto_type = D3DCRYPTOTYPE_AES128_CTR }, bad;
	uint8_t *large = calloc(1, 65536);
	D3DKMT_HANDLE bare;

	(void)state;
	assert_int_equal(kf_session_raw(b.kf, b.device, NULL, 0, &bare), STATUS_SUCCESS);
	assert_int_equal(kf_exchange(b.kf, b.device, bare, KF_K), E_INVALIDARG);
	assert_int_equal(kf_session_raw(b.kf, b.device, large, 65536, &bare), STATUS_SUCCESS);
	assert_int_equal(kf_exchange(b.kf, b.device, bare, KF_K), E_INVALIDARG);
	kmd_driver.LoseKeys(b.kf->adapter);
	assert_int_equal(kf_object(b.kf, bare)->status, DXGK_PROTECTED_SESSION_STATUS_INVALID);

	assert_int_equal(kf_session_raw(b.kf, b.device, &info, sizeof(info) - 1, &bare), STATUS_INVALID_PARAMETER);
	bad = info;
	bad.reserved = 1;
	assert_int_equal(kf_session_raw(b.kf, b.device, &bad, sizeof(bad), &bare), STATUS_INVALID_PARAMETER);
	bad = info;
	bad.crypto_type = D3DCRYPTOTYPE_PROPRIETARY;
	assert_int_equal(kf_session_raw(b.kf, b.device, &bad, sizeof(bad), &bare), STATUS_INVALID_PARAMETER);
	bad = info;
	bad.decode_profile.Data1 = 1;
	assert_int_equal(kf_session_raw(b.kf, b.device, &bad, sizeof(bad), &bare), STATUS_INVALID_PARAMETER);
	free(large);
	kf_stop(b.kf);
}

/* CS-75: 10,000 random calls on two sessions and two surfaces against a model, with a fixed seed. */
struct model {
	int has_key, has_number, has_readback;
	uint8_t key[16], number[16];
	uint64_t last[64]; /* history: highest IV by key */
	uint8_t keys[64][16];
	int known;
	uint64_t exchange;
};

static uint64_t *model_last(struct model *m)
{
	for (int i = 0; i < m->known; i++)
		if (memcmp(m->keys[i], m->key, 16) == 0)
			return &m->last[i];
	return NULL;
}

static void test_random_walk(void **state)
{
	struct bench b = bench_start(NULL);
	struct model models[2] = { 0 }, *m;
	D3DKMT_HANDLE sessions[2] = { b.session, kf_session(b.kf, b.device) };
	D3DKMT_HANDLE surfaces[2] = { b.protected, kf_protected(b.kf, b.device, 16, 1) };
	struct {
		int session;
		uint64_t exchange;
	} ties[2] = { { -1, 0 }, { -1, 0 } };
	uint8_t blobs[3][256], keys[3][16] = { { 1 }, { 2 }, { 3 } }, out[16];
	uint64_t exchanges = 0;

	(void)state;
	for (int i = 0; i < 3; i++)
		kf_blob(GPU_LEAF_SESSION, "SHA512", "", keys[i], 16, blobs[i]);
	srand(20240611);
	for (int step = 0; step < 10000; step++) {
		int s = rand() % 2, t = rand() % 2, k = rand() % 3, call = rand() % 40;
		uint64_t iv = (uint64_t)(rand() % 4000), *last;

		m = &models[s];
		b.session = sessions[s];
		b.protected = surfaces[t];
		if (call == 0) {
			assert_int_equal(kf_exchange_blob(b.kf, b.device, b.session, blobs[k]), S_OK);
			memcpy(m->key, keys[k], 16);
			m->has_key = 1;
			m->has_number = m->has_readback = 0;
			m->exchange = ++exchanges;
		} else if (call == 1) {
			assert_int_equal(make_call(&b, BAD_BLOB), E_INVALIDARG);
		} else if (call < 6) {
			assert_int_equal(start(&b, m->has_key ? m->number : out), m->has_key ? S_OK : INVALIDCALL);
			m->has_number = m->has_key;
		} else if (call < 7 && m->known < 60) {
			assert_int_equal(finish(&b), m->has_number ? S_OK : INVALIDCALL);
			for (int i = 0; m->has_number && i < 16; i++)
				m->key[i] ^= m->number[i];
			m->has_number = 0;
		} else if (call < 10) {
			assert_int_equal(readback_key(&b, out), m->has_key ? S_OK : INVALIDCALL);
			m->has_readback = m->has_key;
		} else if (call < 20) {
			HRESULT expected = S_OK;

			if (!m->has_readback)
				expected = INVALIDCALL;
			else if (ties[t].session != -1 && (ties[t].session != s || ties[t].exchange != m->exchange))
				expected = E_ACCESSDENIED;
			assert_int_equal(encrypt(&b, out), expected);
		} else if (call < 39) {
			HRESULT expected;

			last = model_last(m);
			expected = !m->has_key || (last && iv <= *last) ? INVALIDCALL : S_OK;
			assert_int_equal(decrypt(&b, iv), expected);
			if (expected != S_OK)
				continue;
			if (!last) {
				memcpy(m->keys[m->known], m->key, 16);
				last = &m->last[m->known++];
			}
			*last = iv;
			ties[t].session = s;
			ties[t].exchange = m->exchange;
		} else if (step % 3 == 0) {
			kmd_driver.LoseKeys(b.kf->adapter);
			for (int i = 0; i < 2; i++) {
				models[i].has_key = models[i].has_number = models[i].has_readback = 0;
				if (ties[i].session != -1)
					ties[i].session = -2;
			}
		}
	}
	kf_stop(b.kf);
}

static int teardown_all(void **state)
{
	(void)state;
	kf_identity_stop();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_state_machine),
		cmocka_unit_test(test_variants),
		cmocka_unit_test(test_bad_blobs),
		cmocka_unit_test(test_exchange_again),
		cmocka_unit_test(test_refresh),
		cmocka_unit_test(test_readback_key),
		cmocka_unit_test(test_generator_fails),
		cmocka_unit_test(test_memory_fails),
		cmocka_unit_test(test_loss),
		cmocka_unit_test(test_tamper),
		cmocka_unit_test(test_devices),
		cmocka_unit_test(test_private_data),
		cmocka_unit_test(test_random_walk),
	};

	return cmocka_run_group_tests(tests, NULL, teardown_all);
}
