/* SPDX-License-Identifier: MIT */
/* The kernel-mode driver's two transfers: vectors, patterns, histories, ties, the order of checks, hostile input. */
#include "kmd_fixture.h"

#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

#define INVALIDCALL  D3DDDIERR_INVALIDCALL
#define NOTAVAILABLE D3DDDIERR_NOTAVAILABLE

enum { RESTRICTED = 0x40000000, RENDER_TARGET = 0x1, TEXTURE = 0x10000 };

/* One device, one session with key K, one pair of surfaces of 64 bytes. */
struct bench {
	struct kf *kf;
	int device;
	D3DKMT_HANDLE session, system, protected;
};

static struct bench bench_start(const struct kmd_config *config, uint32_t width)
{
	struct bench b = { .kf = kf_start(config) };

	b.device = kf_device(b.kf);
	b.session = kf_session(b.kf, b.device);
	b.system = kf_system(b.kf, b.device, width, 1);
	b.protected = kf_protected(b.kf, b.device, width, 1);
	assert_int_equal(kf_exchange(b.kf, b.device, b.session, KF_K), S_OK);
	return b;
}

static struct drv_escape_blt decryption(struct bench *b, uint64_t iv, uint64_t count)
{
	struct drv_escape_blt blt = kf_blt(b->kf, b->session, DRV_COMMAND_DECRYPTION_BLT, b->system, b->protected);

	kf_iv(blt.iv, iv, count);
	return blt;
}

static struct drv_escape_blt encryption(struct bench *b)
{
	return kf_blt(b->kf, b->session, DRV_COMMAND_ENCRYPTION_BLT, b->protected, b->system);
}

static HRESULT run(struct bench *b, struct drv_escape_blt blt)
{
	return kf_run(b->kf, b->device, &blt);
}

static HRESULT decrypt(struct bench *b, uint64_t iv)
{
	return run(b, decryption(b, iv, 0));
}

static HRESULT pattern(struct bench *b, uint64_t iv, uint64_t count, UINT first, UINT skip, UINT encrypted)
{
	struct drv_escape_blt blt = decryption(b, iv, count);

	blt.flags = DRV_BLT_HAS_BLOCK_INFO;
	blt.block_info = (D3DDDIENCRYPTED_BLOCK_INFO) { first, skip, encrypted };
	return run(b, blt);
}

static void wrap(const uint8_t session_key[16], const uint8_t content[16], uint8_t ret[16])
{
	kf_aes(session_key, 1, content, ret);
}

/* Reads a surface back as an application would. */
static HRESULT read_back(struct bench *b, const uint8_t session_key[16], void *ret, size_t size)
{
	uint8_t wrapped[16], key[16], iv[16];
	HRESULT hr;

	hr = kf_readback_key(b->kf, b->device, b->session, wrapped);
	if (hr == S_OK)
		hr = kf_encrypt(b->kf, b->device, b->session, b->protected, b->system, iv);
	if (hr != S_OK)
		return hr;
	kf_aes(session_key, 0, wrapped, key);
	assert_memory_equal(iv + 8, "\0\0\0\0\0\0\0", 8); /* BLT-25 */
	kf_ctr(key, iv, kf_bytes(b->kf, b->system), ret, size);
	return S_OK;
}

/* BLT-01, BLT-03, BLT-45, BLT-65, BLT-67, BLT-68, BLT-74, BLT-78: the vectors of blt.md. */
static void test_vectors(void **state)
{
	static const struct {
		int content;
		uint64_t iv, count;
		int has_pattern;
		UINT n, s, e;
		const char *cipher;
	} vectors[] = {
		{ 0, 1, 0, 0, 0, 0, 0,
		  "13199869e0ae01a978aaa0b63cb397d1 9f853b57589a5d22815b082ea90dc122"
		  "b4756417384a7f56d6279c499dd6b77f ed975d1628c88feba7f7cdf20f87bcb5" },
		{ 1, 0x0123456789abcdef, 0x10, 0, 0, 0, 0,
		  "dc28df2e7f51e7d7ece75e92317c12d7 b48eb3fae6dd8fe56a9c8df9d3425f7f"
		  "ca33e20d248e7427de49bf242c2d0c8d 3200c8d1109f5cb9b970de8734ca37ad" },
		{ 0, 2, 0, 1, 16, 16, 16,
		  "c76f8dcc7ed5f89c31e9897890b328cd 101112131415161718191a1b1c1d1e1f"
		  "a3d5293a914b039775e2738b2f702a1b 303132333435363738393a3b3c3d3e3f" },
		{ 0, 3, 0, 1, 0, 16, 32,
		  "000102030405060708090a0b0c0d0e0f 80da5772082413df5e3da8b70ed6456b"
		  "34c22120c0f01074a674e04073a860c1 303132333435363738393a3b3c3d3e3f" },
		{ 0, 4, 0, 1, 32, 0, 0,
		  "79d17a27057c9a88da582be365b8bb3d 2780082b5f23c70948de44cdf0294adf"
		  "202122232425262728292a2b2c2d2e2f 303132333435363738393a3b3c3d3e3f" },
		{ 0, 5, 0xfffffffe, 0, 0, 0, 0,
		  "3b98746867dea8ce331f6635d9a7a730 a1f185fbc772d9e175cf403f10d85433"
		  "1d5b0742abb2129a5971026c1ab54051 8da905a8f9e10b4e6fe894c4d4d1a2bd" },
	};
	struct bench b = bench_start(NULL, 16);
	uint8_t p[64], cipher[64], out[64];

	(void)state;
	for (int i = 0; i < 64; i++)
		p[i] = (uint8_t)i;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		struct drv_escape_blt blt = decryption(&b, vectors[i].iv, vectors[i].count);

		kf_hex(vectors[i].cipher, cipher, 64);
		memcpy(kf_bytes(b.kf, b.system), cipher, 64);
		if (vectors[i].content) {
			blt.flags |= DRV_BLT_HAS_CONTENT_KEY;
			kf_hex("66a7c7e8345231489751de073316adad", blt.content_key, 16);
		}
		if (vectors[i].has_pattern) {
			blt.flags |= DRV_BLT_HAS_BLOCK_INFO;
			blt.block_info = (D3DDDIENCRYPTED_BLOCK_INFO) { vectors[i].n, vectors[i].s, vectors[i].e };
		}
		assert_int_equal(run(&b, blt), S_OK);
		assert_memory_equal(kf_inside(b.kf, b.protected), p, 64);
		assert_memory_equal(kf_bytes(b.kf, b.system), cipher, 64); /* BLT-47 */
		assert_int_equal(read_back(&b, KF_K, out, 64), S_OK);	   /* BLT-16, BLT-41, BLT-43 */
		assert_memory_equal(out, p, 64);
	}

	/* P1x: a counter bound to the position would give another second run. */
	kf_hex("c76f8dcc7ed5f89c31e9897890b328cd 101112131415161718191a1b1c1d1e1f"
	       "25985676b3f98a7790b64dbd382b9601 303132333435363738393a3b3c3d3e3f",
	       kf_bytes(b.kf, b.system), 64);
	kf_session_destroy(b.kf, b.session);
	b.session = kf_session(b.kf, b.device);
	assert_int_equal(kf_exchange(b.kf, b.device, b.session, KF_K), S_OK);
	assert_int_equal(pattern(&b, 2, 0, 16, 16, 16), S_OK);
	assert_memory_not_equal(kf_inside(b.kf, b.protected), p, 64);
	kf_stop(b.kf);
}

/* BLT-03: F4, a transfer across 2^32. */
static void test_vector_f4(void **state)
{
	struct bench b = bench_start(NULL, 1024);
	uint8_t p[4096], iv[16], sum[32], hash[32], *cipher = kf_bytes(b.kf, b.system);

	(void)state;
	for (int i = 0; i < 4096; i++)
		p[i] = (uint8_t)i;
	kf_iv(iv, 6, 0xffffff85);
	kf_ctr(KF_K, iv, p, cipher, 4096);
	kf_hex("59d6693a4ead87de3bb6a1c69c41355ecf93ef59401bacdcf73eb4c258b25978", sum, 32);
	SHA256(cipher, 4096, hash);
	assert_memory_equal(hash, sum, 32);
	assert_int_equal(run(&b, decryption(&b, 6, 0xffffff85)), S_OK);
	assert_memory_equal(kf_inside(b.kf, b.protected), p, 4096);
	kf_stop(b.kf);
}

/* BLT-64, BLT-68 to BLT-73, BLT-77, BLT-04. */
static void test_block_info(void **state)
{
	struct bench b = bench_start(NULL, 16);
	uint8_t plain[64], cipher[64], all[64], iv[16], *source = kf_bytes(b.kf, b.system);
	const uint8_t *inside = kf_inside(b.kf, b.protected);

	(void)state;
	for (int i = 0; i < 64; i++)
		source[i] = cipher[i] = (uint8_t)(i * 7 + 1);
	kf_iv(iv, 1, 0);
	kf_ctr(KF_K, iv, cipher, all, 64);
	assert_int_equal(pattern(&b, 1, 0, 16, 0, 16), S_OK); /* no gap: as without a pattern */
	assert_memory_equal(inside, all, 64);

	kf_iv(iv, 2, 0);
	kf_ctr(KF_K, iv, cipher, plain, 64);
	memcpy(plain + 16, cipher + 16, 48);
	assert_int_equal(pattern(&b, 2, 0, 16, 32, 0), S_OK);
	assert_memory_equal(inside, plain, 64);
	kf_iv(iv, 3, 0);
	kf_ctr(KF_K, iv, cipher, plain, 64);
	memcpy(plain + 16, cipher + 16, 48);
	assert_int_equal(pattern(&b, 3, 0, 16, 0x80000000, 16), S_OK);
	assert_memory_equal(inside, plain, 64);
	assert_int_equal(pattern(&b, 4, 0, 16, 0xfffffff0, 0xfffffff0), S_OK);

	/* The last run is cut. */
	kf_iv(iv, 5, 0);
	memcpy(plain, cipher, 16);
	kf_ctr(KF_K, iv, cipher + 16, plain + 16, 48);
	assert_int_equal(pattern(&b, 5, 0, 0, 16, 64), S_OK);
	assert_memory_equal(inside, plain, 64);

	/* All three zero: a copy, but the vector is used (BLT-71). */
	assert_int_equal(pattern(&b, 6, 0, 0, 0, 0), S_OK);
	assert_memory_equal(inside, cipher, 64);
	assert_int_equal(pattern(&b, 6, 0, 0, 0, 0), INVALIDCALL);

	assert_int_equal(pattern(&b, 7, 0, 100, 20, 2), E_INVALIDARG);
	assert_int_equal(pattern(&b, 7, 0, 8, 16, 16), E_INVALIDARG);
	assert_int_equal(pattern(&b, 7, 0, 16, 8, 16), E_INVALIDARG);
	assert_int_equal(pattern(&b, 7, 0, 16, 16, 8), E_INVALIDARG);
	assert_int_equal(pattern(&b, 7, 0, 80, 16, 16), E_INVALIDARG);
	assert_int_equal(pattern(&b, 7, 0, 0xfffffff0, 16, 16), E_INVALIDARG); /* BLT-122 */
	assert_int_equal(pattern(&b, 7, 0, 64, 16, 16), S_OK);

	/* Count: only encrypted blocks, and not past 2^64. */
	assert_int_equal(run(&b, decryption(&b, 8, UINT64_MAX)), E_INVALIDARG);
	assert_int_equal(run(&b, decryption(&b, 8, UINT64_MAX - 2)), E_INVALIDARG);
	assert_int_equal(run(&b, decryption(&b, 8, UINT64_MAX - 3)), S_OK);
	assert_int_equal(pattern(&b, 9, UINT64_MAX, 32, 0, 0), E_INVALIDARG);
	assert_int_equal(pattern(&b, 9, UINT64_MAX, 16, 0, 0), S_OK);
	assert_int_equal(pattern(&b, 10, UINT64_MAX, 0, 0, 0), S_OK);
	assert_int_equal(pattern(&b, 11, UINT64_MAX, 0, 16, 16), E_INVALIDARG);
	assert_int_equal(pattern(&b, 11, UINT64_MAX, 0, 32, 16), S_OK);
	kf_stop(b.kf);
}

/* BLT-05 to BLT-12, BLT-15, BLT-48, BLT-80, BLT-81, BLT-82. */
static void test_history(void **state)
{
	struct bench b = bench_start(NULL, 16);
	const uint8_t zero[16] = { 0 };
	uint8_t c1[16] = { 1 }, c2[16] = { 2 }, w[16], number[16], key[16];
	struct drv_escape_blt blt;

	(void)state;
	assert_int_equal(decrypt(&b, 0), S_OK); /* BLT-06 */
	assert_int_equal(decrypt(&b, 0), INVALIDCALL);
	assert_int_equal(run(&b, decryption(&b, 0, 1000)), INVALIDCALL);
	assert_int_equal(run(&b, decryption(&b, 10, 1000)), S_OK);
	assert_int_equal(decrypt(&b, 9), INVALIDCALL); /* BLT-08 */
	assert_int_equal(decrypt(&b, 100), S_OK);      /* BLT-09 */
	assert_int_equal(decrypt(&b, 1ull << 63), S_OK);

	/* BLT-12: a refused call uses no vector. */
	blt = decryption(&b, UINT64_MAX - 1, 0);
	blt.size--;
	assert_int_equal(run(&b, blt), E_INVALIDARG);
	assert_int_equal(decrypt(&b, UINT64_MAX - 1), S_OK);
	assert_int_equal(decrypt(&b, UINT64_MAX), S_OK);

	/* BLT-11, BLT-80 (zeros are a content key like any other). */
	wrap(KF_K, c1, w);
	assert_int_equal(kf_decrypt_content(b.kf, b.device, b.session, b.system, b.protected, 3, w), S_OK);
	assert_int_equal(kf_decrypt_content(b.kf, b.device, b.session, b.system, b.protected, 3, w), INVALIDCALL);
	wrap(KF_K, c2, w);
	assert_int_equal(kf_decrypt_content(b.kf, b.device, b.session, b.system, b.protected, 3, w), S_OK);
	assert_int_equal(kf_decrypt_content(b.kf, b.device, b.session, b.system, b.protected, 3, zero), S_OK);
	/* BLT-10: the session key as a content key. */
	wrap(KF_K, KF_K, w);
	assert_int_equal(kf_decrypt_content(b.kf, b.device, b.session, b.system, b.protected, 3, w), INVALIDCALL);

	/* BLT-10: wrapped anew after a refresh it is still the same key; BLT-81: the same bytes are another. */
	assert_int_equal(kf_start_refresh(b.kf, b.device, b.session, number), S_OK);
	assert_int_equal(kf_finish_refresh(b.kf, b.device, b.session), S_OK);
	for (int i = 0; i < 16; i++)
		key[i] = KF_K[i] ^ number[i];
	wrap(KF_K, c1, w);
	assert_int_equal(kf_decrypt_content(b.kf, b.device, b.session, b.system, b.protected, 3, w), S_OK);
	wrap(key, c1, w);
	assert_int_equal(kf_decrypt_content(b.kf, b.device, b.session, b.system, b.protected, 3, w), INVALIDCALL);
	assert_int_equal(kf_decrypt_content(b.kf, b.device, b.session, b.system, b.protected, 4, w), S_OK);
	/* The old session key's history holds for it as a content key. */
	wrap(key, KF_K, w);
	assert_int_equal(kf_decrypt_content(b.kf, b.device, b.session, b.system, b.protected, 3, w), INVALIDCALL);
	assert_int_equal(decrypt(&b, 3), S_OK); /* BLT-82 */
	kf_stop(b.kf);
}

/* BLT-14: 256 keys of all kinds, the one used longest ago the first to go. */
static void test_history_limit(void **state)
{
	struct bench b = bench_start(NULL, 16);
	uint8_t content[16] = { 0 }, w[16], key[16], number[16];

	(void)state;
	memcpy(key, KF_K, 16);
	assert_int_equal(decrypt(&b, 9), S_OK); /* the first key: K itself */
	for (int i = 1; i < 128; i++) {		/* session keys left behind */
		assert_int_equal(kf_start_refresh(b.kf, b.device, b.session, number), S_OK);
		assert_int_equal(kf_finish_refresh(b.kf, b.device, b.session), S_OK);
		for (int n = 0; n < 16; n++)
			key[n] ^= number[n];
		assert_int_equal(decrypt(&b, 9), S_OK);
	}
	for (int i = 128; i < 256; i++) { /* content keys */
		content[0] = 0x80;
		content[1] = (uint8_t)i;
		wrap(key, content, w);
		assert_int_equal(kf_decrypt_content(b.kf, b.device, b.session, b.system, b.protected, 9, w), S_OK);
	}
	wrap(key, KF_K, w);
	assert_int_equal(kf_decrypt_content(b.kf, b.device, b.session, b.system, b.protected, 9, w), INVALIDCALL);
	/* Used again it is the latest: 255 more may come and it is still known. */
	assert_int_equal(kf_decrypt_content(b.kf, b.device, b.session, b.system, b.protected, 10, w), S_OK);
	for (int i = 0; i < 255; i++) {
		content[0] = 0x90;
		content[1] = (uint8_t)i;
		wrap(key, content, w);
		assert_int_equal(kf_decrypt_content(b.kf, b.device, b.session, b.system, b.protected, 9, w), S_OK);
	}
	wrap(key, KF_K, w);
	assert_int_equal(kf_decrypt_content(b.kf, b.device, b.session, b.system, b.protected, 10, w), INVALIDCALL);
	kf_stop(b.kf);
}

/* BLT-123, CS-58, CAP-21, SEC-39: content is closed to everybody but the exchange that brought it. */
static void test_ties(void **state)
{
	struct bench b = bench_start(NULL, 16), two = b;
	int other = kf_device(b.kf);
	D3DKMT_HANDLE theirs = kf_session(b.kf, other), their_system = kf_system(b.kf, other, 16, 1);
	uint8_t out[16], iv[16], next[16], before[64];

	(void)state;
	two.session = kf_session(b.kf, b.device);
	assert_int_equal(kf_exchange(b.kf, b.device, two.session, KF_K), S_OK);
	assert_int_equal(kf_readback_key(b.kf, b.device, b.session, out), S_OK);
	assert_int_equal(kf_readback_key(b.kf, b.device, two.session, out), S_OK);

	/* Never written: any session. */
	assert_int_equal(run(&b, encryption(&b)), S_OK);
	assert_int_equal(kf_encrypt(b.kf, b.device, two.session, b.protected, b.system, iv), S_OK);

	assert_int_equal(decrypt(&b, 1), S_OK);
	memcpy(before, kf_bytes(b.kf, b.system), 64);
	assert_int_equal(run(&two, encryption(&two)), E_ACCESSDENIED);
	assert_memory_equal(kf_bytes(b.kf, b.system), before, 64);
	assert_int_equal(run(&b, encryption(&b)), S_OK);
	assert_int_equal(kf_start_refresh(b.kf, b.device, b.session, out), S_OK);
	assert_int_equal(kf_finish_refresh(b.kf, b.device, b.session), S_OK);
	assert_int_equal(run(&b, encryption(&b)), S_OK);

	/* Opened by another device: its own sessions see nothing; one that is not opened is not there. */
	assert_int_equal(kf_exchange(b.kf, other, theirs, KF_K), S_OK);
	assert_int_equal(kf_readback_key(b.kf, other, theirs, out), S_OK);
	assert_int_equal(kf_encrypt(b.kf, other, theirs, b.protected, their_system, out), E_INVALIDARG);
	assert_int_equal(kf_open(b.kf, other, b.protected), STATUS_SUCCESS);
	assert_int_equal(kf_encrypt(b.kf, other, theirs, b.protected, their_system, out), E_ACCESSDENIED);

	/* Tied anew by the next write. No vector was consumed by what was refused (BLT-23, BLT-24). */
	assert_int_equal(decrypt(&two, 2), S_OK);
	assert_int_equal(run(&b, encryption(&b)), E_ACCESSDENIED);
	assert_int_equal(kf_encrypt(b.kf, b.device, two.session, b.protected, b.system, next), S_OK);
	assert_int_equal(kf_iv_number(next), kf_iv_number(iv) + 1);

	/* The end of the session frees nothing. */
	kf_session_destroy(b.kf, two.session);
	assert_int_equal(run(&b, encryption(&b)), E_ACCESSDENIED);
	two.session = kf_session(b.kf, b.device);
	assert_int_equal(kf_exchange(b.kf, b.device, two.session, KF_K), S_OK);
	assert_int_equal(kf_readback_key(b.kf, b.device, two.session, out), S_OK);
	assert_int_equal(run(&two, encryption(&two)), E_ACCESSDENIED);
	kf_stop(b.kf);
}

/* BLT-22 to BLT-24. */
static void test_readback_vectors(void **state)
{
	struct bench b = bench_start(NULL, 16);
	uint64_t first[20];
	uint8_t out[16], iv[16];
	int differ = 0;

	(void)state;
	for (int i = 0; i < 20; i++) {
		b.session = kf_session(b.kf, b.device);
		assert_int_equal(kf_exchange(b.kf, b.device, b.session, KF_K), S_OK);
		assert_int_equal(kf_readback_key(b.kf, b.device, b.session, out), S_OK);
		assert_int_equal(kf_encrypt(b.kf, b.device, b.session, b.protected, b.system, iv), S_OK);
		first[i] = kf_iv_number(iv);
		assert_true(first[i] < 1ull << 63);
		differ |= first[i] != first[0];
	}
	assert_true(differ);
	assert_int_equal(kf_exchange(b.kf, b.device, b.session, KF_C), S_OK);
	assert_int_equal(run(&b, encryption(&b)), INVALIDCALL);
	assert_int_equal(kf_readback_key(b.kf, b.device, b.session, out), S_OK);
	assert_int_equal(kf_encrypt(b.kf, b.device, b.session, b.protected, b.system, iv), S_OK);
	assert_int_equal(kf_iv_number(iv), first[19] + 1);

	/* An engine that fails half-way may have shown key stream: that vector is never used again. */
	kf_fail_ctr = 0;
	assert_int_equal(run(&b, encryption(&b)), E_FAIL);
	assert_int_equal(kf_encrypt(b.kf, b.device, b.session, b.protected, b.system, iv), S_OK);
	assert_int_equal(kf_iv_number(iv), first[19] + 3);

	/* And one that fails to decrypt leaves nothing to read. */
	assert_int_equal(decrypt(&b, 1), S_OK);
	kf_fail_ctr = 0;
	assert_int_equal(decrypt(&b, 2), E_FAIL);
	assert_int_equal(kf_inside(b.kf, b.protected)[0], 0);
	assert_int_equal(run(&b, encryption(&b)), E_ACCESSDENIED);
	assert_int_equal(decrypt(&b, 2), S_OK);
	assert_int_equal(run(&b, encryption(&b)), S_OK);
	kf_stop(b.kf);
}

/* BLT-27, BLT-28, BLT-35, BLT-59, BLT-63, BLT-46: L bytes, neither more nor less; padding included. */
static void test_sizes(void **state)
{
	struct bench b = bench_start(NULL, 5); /* 20 bytes in a pitch of 32 */
	const uint32_t good[] = { 32, 48, 96, 0xfffffff0 }, bad[] = { 0, 16, 31, 33, 40, 0xffffffff };
	uint8_t data[32], out[32], key[16];
	struct drv_escape_blt blt;

	(void)state;
	for (int i = 0; i < 32; i++)
		data[i] = kf_bytes(b.kf, b.system)[i] = (uint8_t)(200 - i);
	assert_int_equal(kf_readback_key(b.kf, b.device, b.session, key), S_OK);
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		blt = decryption(&b, i, 0);
		blt.size = good[i];
		assert_int_equal(run(&b, blt), S_OK);
		blt = encryption(&b);
		blt.size = good[i]; /* the sanitizer watches the end of the surface */
		assert_int_equal(run(&b, blt), S_OK);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		blt = decryption(&b, 100, 0);
		blt.size = bad[i];
		assert_int_equal(run(&b, blt), E_INVALIDARG);
		blt = encryption(&b);
		blt.size = bad[i];
		assert_int_equal(run(&b, blt), E_INVALIDARG);
	}
	memcpy(kf_bytes(b.kf, b.system), data, 32);
	assert_int_equal(pattern(&b, 100, 0, 0, 0, 0), S_OK);
	assert_int_equal(read_back(&b, KF_K, out, 32), S_OK);
	assert_memory_equal(out, data, 32);
	kf_stop(b.kf);
}

/* BLT-30 to BLT-34, BLT-39, BLT-55 to BLT-58, CAP-21. */
static void test_surfaces(void **state)
{
	struct bench b = bench_start(NULL, 16);
	static const struct {
		uint32_t flags, multisample;
		HRESULT hr;
	} kinds[] = {
		{ RESTRICTED, 0, S_OK },
		{ RESTRICTED, 4, S_OK }, /* reserved there (BLT-32) */
		{ RESTRICTED | RENDER_TARGET, 0, S_OK },
		{ RESTRICTED | RENDER_TARGET | TEXTURE, 0, S_OK },
		{ RESTRICTED | 0x200000, 0, S_OK },
		{ RESTRICTED | 0x800000 | TEXTURE, 0, S_OK },
		{ RESTRICTED | RENDER_TARGET, 1, E_INVALIDARG },
		{ RESTRICTED | 0x200000, 4, E_INVALIDARG },
		{ RESTRICTED | TEXTURE, 0, E_INVALIDARG },
		{ RESTRICTED | 0x20000, 0, E_INVALIDARG },
		{ RESTRICTED | 0x40000, 0, E_INVALIDARG },
		{ RESTRICTED | 0x80000, 0, E_INVALIDARG },
		{ RESTRICTED | 0x100000, 0, E_INVALIDARG },
		{ RESTRICTED | 0x2, 0, E_INVALIDARG },
		{ RESTRICTED | 0x400000, 0, E_INVALIDARG },
		{ 0, 0, E_INVALIDARG },
		{ RENDER_TARGET, 0, E_INVALIDARG },
	};
	const D3DKMT_HANDLE usual = b.protected, system = b.system;
	D3DKMT_HANDLE others[5], foreign;
	struct drv_allocation info;
	uint8_t out[16];
	int other = kf_device(b.kf);

	(void)state;
	assert_int_equal(kf_readback_key(b.kf, b.device, b.session, out), S_OK);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		info = kf_info(D3DDDIPOOL_VIDEOMEMORY, kinds[i].flags, D3DDDIFMT_A8R8G8B8, 16, 1);
		info.multisample = kinds[i].multisample;
		assert_int_equal(kf_allocate(b.kf, b.device, &info, 1, &b.protected), STATUS_SUCCESS);
		assert_int_equal(decrypt(&b, i), kinds[i].hr);
		assert_int_equal(run(&b, encryption(&b)), kinds[i].hr);
		kf_free(b.kf, b.protected);
	}
	b.protected = usual;

	/* The other side: another pool, protected, another width, height, format. */
	others[0] = kf_surface(b.kf, b.device, D3DDDIPOOL_VIDEOMEMORY, 0, 16, 1);
	others[1] = kf_protected(b.kf, b.device, 16, 1);
	others[2] = kf_system(b.kf, b.device, 15, 1);
	others[3] = kf_system(b.kf, b.device, 16, 2);
	info = kf_info(D3DDDIPOOL_SYSTEMMEM, 0, D3DDDIFMT_X8R8G8B8, 16, 1);
	assert_int_equal(kf_allocate(b.kf, b.device, &info, 1, &others[4]), STATUS_SUCCESS);
	for (int i = 0; i < 5; i++) {
		b.system = others[i];
		assert_int_equal(decrypt(&b, 100), E_INVALIDARG);
		assert_int_equal(run(&b, encryption(&b)), E_INVALIDARG);
	}

	/* Handles: none, dead, another device's, a session's. */
	foreign = kf_protected(b.kf, other, 16, 1);
	kf_free(b.kf, others[1]);
	for (int i = 0; i < 4; i++) {
		const D3DKMT_HANDLE bad[] = { 0, others[1], foreign, b.session };

		b.protected = bad[i];
		b.system = system;
		assert_int_equal(decrypt(&b, 100), E_INVALIDARG);
		assert_int_equal(run(&b, encryption(&b)), E_INVALIDARG);
		b.protected = usual;
		b.system = bad[i];
		assert_int_equal(decrypt(&b, 100), E_INVALIDARG);
		assert_int_equal(run(&b, encryption(&b)), E_INVALIDARG);
	}
	b.system = system;
	assert_int_equal(decrypt(&b, 100), S_OK);
	kf_stop(b.kf);
}

/* BLT-120, BLT-121, BLT-122: of two faults the earlier step gives the code. */
static void test_order(void **state)
{
	struct kmd_config config;
	struct bench b = bench_start(NULL, 16);
	const D3DKMT_HANDLE session = b.session, keyless = kf_session(b.kf, b.device), system = b.system;
	struct drv_escape_blt blt;
	uint8_t out[16];

	(void)state;
	assert_int_equal(decrypt(&b, 5), S_OK);

	b.session = keyless;
	blt = decryption(&b, 5, 0);
	blt.size = 48;
	assert_int_equal(run(&b, blt), E_INVALIDARG); /* 10 before 12 */
	blt = decryption(&b, 5, UINT64_MAX);
	assert_int_equal(run(&b, blt), E_INVALIDARG);		    /* 11 before 12 */
	assert_int_equal(pattern(&b, 5, 0, 8, 0, 0), E_INVALIDARG); /* 11 before 12 */
	assert_int_equal(decrypt(&b, 5), INVALIDCALL);
	b.session = session;
	blt = decryption(&b, 5, 0);
	blt.size = 48;
	assert_int_equal(run(&b, blt), E_INVALIDARG);				/* 10 before 15 */
	assert_int_equal(run(&b, decryption(&b, 5, UINT64_MAX)), E_INVALIDARG); /* 11 before 15 */

	/* 15 before 16: with the history's eight first places taken a new key needs memory, reuse does not. */
	for (int i = 1; i < 8; i++) {
		out[0] = (uint8_t)i;
		memset(out + 1, 0, 15);
		assert_int_equal(kf_decrypt_content(b.kf, b.device, b.session, b.system, b.protected, 5, out), S_OK);
	}
	kf_fail_secret_alloc = 0;
	assert_int_equal(decrypt(&b, 5), INVALIDCALL);
	assert_int_equal(kf_fail_secret_alloc, 0);
	out[0] = 8;
	assert_int_equal(kf_decrypt_content(b.kf, b.device, b.session, b.system, b.protected, 5, out), E_OUTOFMEMORY);
	assert_int_equal(kf_decrypt_content(b.kf, b.device, b.session, b.system, b.protected, 5, out), S_OK);
	assert_int_equal(decrypt(&b, 5), INVALIDCALL);

	/* 12 before 13: content of another session and no read-back key. */
	b.session = keyless;
	assert_int_equal(run(&b, encryption(&b)), INVALIDCALL);
	assert_int_equal(kf_exchange(b.kf, b.device, keyless, KF_C), S_OK);
	assert_int_equal(run(&b, encryption(&b)), INVALIDCALL);
	assert_int_equal(kf_readback_key(b.kf, b.device, keyless, out), S_OK);
	assert_int_equal(run(&b, encryption(&b)), E_ACCESSDENIED);
	/* 10 before 13, 9 before 13. */
	blt = encryption(&b);
	blt.size = 48;
	assert_int_equal(run(&b, blt), E_INVALIDARG);
	b.system = kf_system(b.kf, b.device, 17, 1);
	assert_int_equal(run(&b, encryption(&b)), E_INVALIDARG);
	b.system = system;
	kf_stop(b.kf);

	/* Step 7: capability of the content key, then of the block info, before handles; step 4 before both. */
	kf_config(&config);
	config.caps = 0xE5;
	b = bench_start(&config, 16);
	b.protected = 999;
	blt = decryption(&b, 1, 0);
	blt.flags = DRV_BLT_HAS_CONTENT_KEY;
	assert_int_equal(run(&b, blt), NOTAVAILABLE);
	assert_int_equal(pattern(&b, 1, 0, 0, 0, 0), NOTAVAILABLE); /* BLT-75 */
	assert_int_equal(decrypt(&b, 1), E_INVALIDARG);
	b.session = 999;
	blt.header.session = 999;
	assert_int_equal(run(&b, blt), E_INVALIDARG);
	kf_stop(b.kf);

	/* Step 3 before 4: no DecryptionBlt, dead session. */
	kf_config(&config);
	config.has_decryption_blt = false;
	b = bench_start(&config, 16);
	b.session = 999;
	assert_int_equal(decrypt(&b, 1), NOTAVAILABLE);
	kf_stop(b.kf);

	/* CAP-32: each bit with its function. */
	kf_config(&config);
	config.caps = 0xF5;
	b = bench_start(&config, 16);
	assert_int_equal(pattern(&b, 1, 0, 0, 0, 0), NOTAVAILABLE);
	assert_int_equal(kf_decrypt_content(b.kf, b.device, b.session, b.system, b.protected, 1, KF_C),
			 S_OK); /* BLT-48 */
	kf_stop(b.kf);
}

/* Escapes that no user-mode half would send: refused as a whole, the buffer as it was. */
static void test_malformed(void **state)
{
	struct bench b = bench_start(NULL, 16);
	struct drv_escape_blt blt, before;
	struct drv_escape ping = { .magic = DRV_MAGIC, .command = DRV_COMMAND_PING, .result = -1 };

	(void)state;
	assert_int_equal(kf_escape(b.kf, b.device, &ping, sizeof(ping)), STATUS_SUCCESS);
	assert_int_equal(ping.result, S_OK);
	assert_int_equal(kf_escape(b.kf, b.device, &ping, sizeof(ping) - 1), STATUS_INVALID_PARAMETER);
	assert_int_equal(kf_escape(b.kf, b.device, NULL, 0), STATUS_INVALID_PARAMETER);
	for (int fault = 0; fault < 6; fault++) {
		UINT size = sizeof(blt);

		blt = decryption(&b, 1, 0);
		if (fault == 0)
			blt.header.magic ^= 1;
		if (fault == 1)
			blt.header.command = 0;
		if (fault == 2)
			blt.header.command = 9;
		if (fault == 3)
			blt.flags = 16;
		if (fault == 4)
			blt.reserved = 1;
		if (fault == 5)
			size -= 4;
		before = blt;
		assert_int_equal(kf_escape(b.kf, b.device, &blt, size), STATUS_INVALID_PARAMETER);
		assert_memory_equal(&blt, &before, sizeof(blt));
	}
	blt = encryption(&b);
	blt.flags = DRV_BLT_HAS_CONTENT_KEY;
	assert_int_equal(kf_escape(b.kf, b.device, &blt, sizeof(blt)), STATUS_INVALID_PARAMETER);
	b.kf->devices[3] = NULL;
	assert_int_equal(kf_escape(b.kf, 3, &ping, sizeof(ping)), STATUS_INVALID_PARAMETER);
	kf_stop(b.kf);
}

/* Random bytes and sizes in every escape: no crash, and the driver works afterwards. */
static void test_hostile(void **state)
{
	static const UINT sizes[] = { 0, 16, 272, 32, 32, 32, 80, 80, 24 };
	struct bench b = bench_start(NULL, 16);
	uint8_t *data;

	(void)state;
	srand(4711);
	for (int i = 0; i < 60000; i++) {
		UINT command = (UINT)(rand() % 10),
		     size = command < 9 && rand() % 8 ? sizes[command] : (UINT)(rand() % 300);
		struct drv_escape header = { .magic = DRV_MAGIC, .command = command };

		if (command == DRV_COMMAND_KEY_EXCHANGE && i % 16)
			continue;		/* slow */
		data = malloc(size ? size : 1); /* of that very size: the sanitizer watches both ends */
		for (UINT n = 0; n < size; n++)
			data[n] = (uint8_t)(rand() % 4 ? rand() >> 7 : 0);
		header.session = (D3DKMT_HANDLE)(rand() % 5);
		if (size >= sizeof(header) && rand() % 16)
			memcpy(data, &header, sizeof(header));
		if (size == sizeof(struct drv_escape_blt) && rand() % 4) {
			struct drv_escape_blt *blt = (struct drv_escape_blt *)data;

			blt->source = (D3DKMT_HANDLE)(rand() % 5);
			blt->destination = (D3DKMT_HANDLE)(rand() % 5);
			blt->flags &= 7;
			blt->reserved = 0;
			if (rand() % 2)
				blt->size &= 0x1f0;
			if (rand() % 2) {
				blt->block_info.NumEncryptedBytesAtBeginning &= 0x70;
				blt->block_info.NumBytesInSkipPattern &= 0xfffffff0;
				blt->block_info.NumBytesInEncryptPattern &= 0xfffffff0;
			}
		}
		(void)kf_escape(b.kf, b.device, data, size);
		free(data);
	}
	assert_int_equal(kf_exchange(b.kf, b.device, b.session, KF_C), S_OK);
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
		cmocka_unit_test(test_vectors),		 cmocka_unit_test(test_vector_f4),
		cmocka_unit_test(test_block_info),	 cmocka_unit_test(test_history),
		cmocka_unit_test(test_history_limit),	 cmocka_unit_test(test_ties),
		cmocka_unit_test(test_readback_vectors), cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_surfaces),	 cmocka_unit_test(test_order),
		cmocka_unit_test(test_malformed),	 cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests(tests, NULL, teardown_all);
}
