/* SPDX-License-Identifier: MIT */
/* Crypto sessions through the real stack: certificate, keys, transfers, loss, other processes. */
#include "kernel_fixture_stack.h"

#include <openssl/x509.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct ik_options real = { .real_driver = true };

/* The surface of the vectors: 64 linear bytes. */
#define VECTOR_SURFACE st_surface(D3DDDIFMT_A8R8G8B8, 16, 1)

static int setup(void **state)
{
	*state = ik_start(&real);
	ik_process(*state);
	return 0;
}

static int teardown(void **state)
{
	ik_stop(*state);
	return 0;
}

static void fill(uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		bytes[i] = (uint8_t)i;
}

/* ---- certificate and key exchange --------------------------------------------------------------------------- */

static void the_chain_leads_to_the_root(void **state) /* CAP-68, CAP-75, CS-29 */
{
	struct st st;
	uint8_t *one, *two, *root;
	const uint8_t *der, *end;
	size_t one_size, two_size;
	UINT root_size = 0;
	X509 *chain[8] = { NULL };
	int count = 0;

	(void)state;
	st_open(&st);
	assert_int_equal(rt_adapter_certificate(st.adapter, 2, &one, &one_size), S_OK);
	assert_int_equal(rt_adapter_certificate(st.adapter, 2, &two, &two_size), S_OK);
	assert_int_equal(one_size, two_size);
	assert_memory_equal(one, two, one_size);
	for (der = one, end = one + one_size; der < end; count++) {
		assert_true(count < 8);
		chain[count] = d2i_X509(NULL, &der, end - der);
		assert_non_null(chain[count]);
	}
	assert_true(count >= 2);
	for (int i = 0; i + 1 < count; i++)
		assert_int_equal(X509_verify(chain[i], X509_get0_pubkey(chain[i + 1])), 1);
	assert_int_equal(X509_verify(chain[count - 1], X509_get0_pubkey(chain[count - 1])), 1);
	/* The trust anchor comes by another way. */
	assert_int_equal(DxvaultGetRootCertificate(NULL, &root_size), STATUS_SUCCESS);
	root = malloc(root_size);
	root_size--;
	assert_int_equal(DxvaultGetRootCertificate(root, &root_size), STATUS_BUFFER_TOO_SMALL);
	assert_int_equal(DxvaultGetRootCertificate(root, &root_size), STATUS_SUCCESS);
	assert_true(root_size < one_size);
	assert_memory_equal(root, one + one_size - root_size, root_size);
	for (int i = 0; i < count; i++)
		X509_free(chain[i]);
	free(root);
	free(one);
	free(two);
	st_close(&st);
}

static void keys_come_under_the_sessions_leaf(void **state) /* CS-29, CS-33, CS-39 */
{
	const struct rt_surface surface = VECTOR_SURFACE;
	struct st st;
	struct rt_session *session;
	struct rt_resource *protected;
	struct st_system system;
	uint8_t blob[256], plain[64], back[64];

	(void)state;
	st_open(&st);
	session = st_session(&st);
	system = st_system(&st, &surface);
	protected = st_protected(&st, &surface, false);
	assert_int_equal(st_decrypt(&st, rt_session_handle(session), system.handle, rt_resource_handle(protected), 64,
				    1, 0, NULL),
			 D3DDDIERR_INVALIDCALL); /* CS-27 */
	assert_int_equal(st_exchange(&st, session, ST_C), S_OK);
	/* Made for the channel's leaf, or broken: refused, and the key before stays. */
	st_blob(&st, 1, ST_K, blob);
	assert_int_equal(st_exchange_blob(&st, rt_session_handle(session), blob), E_INVALIDARG);
	st_blob(&st, 2, ST_K, blob);
	blob[100] ^= 1;
	assert_int_equal(st_exchange_blob(&st, rt_session_handle(session), blob), E_INVALIDARG);
	fill(plain, sizeof(plain));
	{
		uint8_t iv[16];

		st_iv(iv, 9, 3);
		st_ctr(ST_C, iv, plain, system.memory, 64);
	}
	assert_int_equal(st_decrypt(&st, rt_session_handle(session), system.handle, rt_resource_handle(protected), 64,
				    9, 3, NULL),
			 S_OK);
	assert_int_equal(st_read(&st, session, ST_C, rt_resource_handle(protected), &system, back, 64), S_OK);
	assert_memory_equal(back, plain, 64);
	st_close(&st);
}

/* ---- transfers ------------------------------------------------------------------------------------------------- */

struct vector {
	uint64_t iv, count;
	bool has_info;
	D3DDDIENCRYPTED_BLOCK_INFO info;
	const char *cipher;
};

static const struct vector vectors[] = {
	/* F1 */
	{ 1,
	  0,
	  false,
	  { 0 },
	  "13199869e0ae01a978aaa0b63cb397d1 9f853b57589a5d22815b082ea90dc122"
	  "b4756417384a7f56d6279c499dd6b77f ed975d1628c88feba7f7cdf20f87bcb5" },
	/* P1 */
	{ 2,
	  0,
	  true,
	  { 16, 16, 16 },
	  "c76f8dcc7ed5f89c31e9897890b328cd 101112131415161718191a1b1c1d1e1f"
	  "a3d5293a914b039775e2738b2f702a1b 303132333435363738393a3b3c3d3e3f" },
	/* P2 */
	{ 3,
	  0,
	  true,
	  { 0, 16, 32 },
	  "000102030405060708090a0b0c0d0e0f 80da5772082413df5e3da8b70ed6456b"
	  "34c22120c0f01074a674e04073a860c1 303132333435363738393a3b3c3d3e3f" },
	/* P3 */
	{ 4,
	  0,
	  true,
	  { 32, 0, 0 },
	  "79d17a27057c9a88da582be365b8bb3d 2780082b5f23c70948de44cdf0294adf"
	  "202122232425262728292a2b2c2d2e2f 303132333435363738393a3b3c3d3e3f" },
	/* F3 */
	{ 5,
	  0xfffffffe,
	  false,
	  { 0 },
	  "3b98746867dea8ce331f6635d9a7a730 a1f185fbc772d9e175cf403f10d85433"
	  "1d5b0742abb2129a5971026c1ab54051 8da905a8f9e10b4e6fe894c4d4d1a2bd" },
};

static void vectors_through(struct st *st, const struct st_system *source, const struct st_system *sink,
			    const struct rt_surface *surface)
{
	struct rt_session *session = st_session(st);
	struct rt_resource *protected = st_protected(st, surface, false);
	uint8_t plain[64], back[64];

	assert_int_equal(st_exchange(st, session, ST_K), S_OK);
	fill(plain, sizeof(plain));
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		D3DDDIENCRYPTED_BLOCK_INFO info = vectors[i].info;

		st_hex(vectors[i].cipher, source->memory, 64);
		assert_int_equal(st_decrypt(st, rt_session_handle(session), source->handle,
					    rt_resource_handle(protected), 64, vectors[i].iv, vectors[i].count,
					    vectors[i].has_info ? &info : NULL),
				 S_OK);
		for (int again = 0; again < 2; again++) { /* BLT-16: it keeps its content */
			assert_int_equal(st_read(st, session, ST_K, rt_resource_handle(protected), sink, back, 64),
					 S_OK);
			assert_memory_equal(back, plain, 64);
			/* BLT-118: there at once, and no plaintext (BLT-19). */
			assert_memory_not_equal(sink->memory, plain, 64);
		}
	}
	/* BLT-07 */
	assert_int_equal(st_decrypt(st, rt_session_handle(session), source->handle, rt_resource_handle(protected), 64,
				    5, 9, NULL),
			 D3DDDIERR_INVALIDCALL);
	rt_session_close(session);
	rt_resource_close(protected);
}

static void vectors_in_shared_memory(void **state) /* BLT-03, BLT-16, BLT-43, BLT-74, BLT-118 */
{
	const struct rt_surface surface = VECTOR_SURFACE;
	struct st_system source, sink;
	struct dxgk_counts counts;
	struct st st;

	st_open(&st);
	source = st_system(&st, &surface);
	sink = st_system(&st, &surface);
	/* In place: no memory but the application's. */
	counts = ik_counts(*state);
	assert_int_equal(counts.memories, 2);
	vectors_through(&st, &source, &sink, &surface);
	st_close(&st);
}

static void vectors_in_staged_memory(void **state) /* BLT-28, BLT-37, BLT-43, BLT-61, BLT-63, BLT-115 */
{
	/* Four rows of Pitch 16; SysMemPitch says otherwise, and does not count. */
	const struct rt_surface surface = st_surface(D3DDDIFMT_A8R8G8B8, 4, 4);
	uint8_t *memory[2] = { aligned_alloc(16, 512), aligned_alloc(16, 512) };
	struct st_system source, sink;
	struct st st;

	(void)state;
	memset(memory[0], 0x44, 512);
	memset(memory[1], 0x44, 512);
	st_open(&st);
	source = st_system_own(&st, &surface, memory[0], 128);
	sink = st_system_own(&st, &surface, memory[1], 80);
	vectors_through(&st, &source, &sink, &surface);
	for (int i = 64; i < 512; i++) {
		assert_int_equal(memory[0][i], 0x44);
		assert_int_equal(memory[1][i], 0x44);
	}
	assert_int_equal(st.funcs->pfnDestroyResource(st.handle, source.handle), S_OK);
	assert_int_equal(st.funcs->pfnDestroyResource(st.handle, sink.handle), S_OK);
	st_close(&st);
	free(memory[0]);
	free(memory[1]);
}

static void all_formats_come_back(void **state) /* BLT-27, BLT-43, BLT-85, BLT-91, BLT-103 */
{
	static const D3DDDIFORMAT formats[] = { D3DDDIFMT_A8R8G8B8, D3DDDIFMT_X8R8G8B8, D3DDDIFMT_YUY2, D3DDDIFMT_UYVY,
						D3DDDIFMT_NV12 };
	static const uint32_t sizes[][2] = { { 1, 1 }, { 17, 3 }, { 640, 360 }, { 1279, 719 } };
	struct rt_session *session;
	uint64_t iv = 0;
	struct st st;

	(void)state;
	st_open(&st);
	session = st_session(&st);
	assert_int_equal(st_exchange(&st, session, ST_K), S_OK);
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		for (size_t j = 0; j < sizeof(sizes) / sizeof(sizes[0]); j++) {
			const struct rt_surface surface = st_surface(formats[i], sizes[j][0], sizes[j][1]);
			struct rt_resource *protected = st_protected(&st, &surface, false);
			struct st_system system = st_system(&st, &surface);
			uint8_t *plain = malloc(system.size), *back = malloc(system.size), block[16];

			for (size_t k = 0; k < system.size; k++)
				plain[k] = (uint8_t)(k * 2654435761u >> 13);
			/* New ones are zero. */
			assert_int_equal(st_read(&st, session, ST_K, rt_resource_handle(protected), &system, back,
						 (UINT)system.size),
					 S_OK);
			for (size_t k = 0; k < system.size; k++)
				if (back[k])
					fail_msg("a new surface is not zero");
			st_iv(block, ++iv, 0);
			st_ctr(ST_K, block, plain, system.memory, system.size);
			assert_int_equal(st_decrypt(&st, rt_session_handle(session), system.handle,
						    rt_resource_handle(protected), (UINT)system.size, iv, 0, NULL),
					 S_OK);
			assert_int_equal(st_read(&st, session, ST_K, rt_resource_handle(protected), &system, back,
						 (UINT)system.size),
					 S_OK);
			assert_memory_equal(back, plain, system.size);
			free(plain);
			free(back);
			rt_resource_close(system.resource);
			rt_resource_close(protected);
		}
	}
	st_close(&st);
}

static void a_content_key_decrypts_too(void **state) /* BLT-78, BLT-10 */
{
	const struct rt_surface surface = VECTOR_SURFACE;
	uint8_t plain[64], back[64], wrapped[16], block[16];
	D3DDDIARG_DECRYPTIONBLT arg = { .SrcResourceSize = 64, .pContentKey = wrapped, .pIV = block };
	struct rt_resource *protected;
	struct rt_session *session;
	struct st_system system;
	struct st st;

	(void)state;
	st_open(&st);
	session = st_session(&st);
	system = st_system(&st, &surface);
	protected = st_protected(&st, &surface, false);
	assert_int_equal(st_exchange(&st, session, ST_K), S_OK);
	st_ecb(ST_K, 1, ST_C, wrapped);
	/* F2 */
	st_iv(block, 0x0123456789abcdef, 0x10);
	st_hex("dc28df2e7f51e7d7ece75e92317c12d7 b48eb3fae6dd8fe56a9c8df9d3425f7f"
	       "ca33e20d248e7427de49bf242c2d0c8d 3200c8d1109f5cb9b970de8734ca37ad",
	       system.memory, 64);
	arg.hCryptoSession = rt_session_handle(session);
	arg.hSrcResource = system.handle;
	arg.hDstResource = rt_resource_handle(protected);
	assert_int_equal(st.funcs->pfnDecryptionBlt(st.handle, &arg), S_OK);
	assert_int_equal(st.funcs->pfnDecryptionBlt(st.handle, &arg), D3DDDIERR_INVALIDCALL);
	assert_int_equal(st_read(&st, session, ST_K, rt_resource_handle(protected), &system, back, 64), S_OK);
	fill(plain, sizeof(plain));
	assert_memory_equal(back, plain, 64);
	st_close(&st);
}

/* ---- devices ---------------------------------------------------------------------------------------------------- */

static void another_device_knows_none_of_it(void **state) /* CS-05, CAP-21, BLT-39 */
{
	const struct rt_surface surface = VECTOR_SURFACE;
	struct rt_resource *protected, *elsewhere;
	struct rt_session *session, *other;
	struct st_system system, there;
	uint8_t blob[256], iv[16];
	struct st st, second;

	(void)state;
	st_open(&st);
	st_open(&second);
	session = st_session(&st);
	other = st_session(&second);
	system = st_system(&st, &surface);
	there = st_system(&second, &surface);
	protected = st_protected(&st, &surface, false);
	elsewhere = st_protected(&second, &surface, false);
	st_blob(&st, 2, ST_K, blob);
	assert_int_equal(st_exchange_blob(&second, rt_session_handle(session), blob), E_INVALIDARG);
	assert_int_equal(st_exchange(&st, session, ST_K), S_OK);
	assert_int_equal(st_exchange(&second, other, ST_K), S_OK);
	assert_int_equal(st_decrypt(&second, rt_session_handle(session), there.handle, rt_resource_handle(elsewhere),
				    64, 1, 0, NULL),
			 E_INVALIDARG);
	assert_int_equal(st_decrypt(&second, rt_session_handle(other), system.handle, rt_resource_handle(elsewhere), 64,
				    1, 0, NULL),
			 E_INVALIDARG);
	assert_int_equal(st_decrypt(&second, rt_session_handle(other), there.handle, rt_resource_handle(protected), 64,
				    1, 0, NULL),
			 E_INVALIDARG);
	assert_int_equal(
		st_encrypt(&second, rt_session_handle(other), rt_resource_handle(protected), there.handle, 64, iv),
		E_INVALIDARG);
	assert_int_equal(st_decrypt(&second, rt_session_handle(other), there.handle, rt_resource_handle(elsewhere), 64,
				    1, 0, NULL),
			 S_OK);
	st_close(&st);
	/* The other goes on. */
	assert_int_equal(st_decrypt(&second, rt_session_handle(other), there.handle, rt_resource_handle(elsewhere), 64,
				    2, 0, NULL),
			 S_OK);
	st_close(&second);
}

static void a_device_takes_all_with_it(void **state) /* CAP-09, CAP-20, CAP-25, CAP-26, CS-45 */
{
	const struct rt_surface surface = VECTOR_SURFACE;
	const D3DDDI_ADAPTERFUNCS *adapter_funcs;
	struct rt_resource *protected, *shared;
	uint8_t *memory = aligned_alloc(16, 64);
	struct st_system staged, system;
	struct dxgk_counts counts;
	D3DDDIARG_LOCK lock = { 0 };
	D3DCONTENTPROTECTIONCAPS caps;
	static const GUID none;
	struct st st;

	st_open(&st);
	for (int i = 0; i < 10; i++)
		assert_int_equal(st_exchange(&st, st_session(&st), ST_K), S_OK);
	protected = st_protected(&st, &surface, false);
	counts = ik_counts(*state);
	/* One allocation, one resource, for one shared surface; and one end of it. */
	shared = st_protected(&st, &surface, true);
	assert_int_equal(ik_counts(*state).resources, counts.resources + 1);
	assert_int_equal(ik_counts(*state).allocations, counts.allocations + 1);
	rt_resource_close(shared);
	assert_int_equal(ik_counts(*state).resources, counts.resources);
	assert_int_equal(ik_counts(*state).allocations, counts.allocations);
	staged = st_system_own(&st, &surface, memory, 64);
	system = st_system(&st, &surface);

	/* A lock that protection refuses, and ones that it does not (BLT-100). */
	lock.hResource = rt_resource_handle(protected);
	assert_int_equal(st.funcs->pfnLock(st.handle, &lock), E_ACCESSDENIED);
	assert_null(lock.pSurfData);
	lock.hResource = system.handle;
	assert_int_equal(st.funcs->pfnLock(st.handle, &lock), S_OK);
	lock.hResource = staged.handle;
	assert_int_equal(st.funcs->pfnLock(st.handle, &lock), S_OK); /* and left locked */

	adapter_funcs = rt_adapter_funcs(st.adapter);
	assert_int_equal(adapter_funcs->pfnCloseAdapter(rt_adapter_handle(st.adapter)), E_INVALIDARG);
	assert_int_equal(rt_adapter_content_protection_caps(st.adapter, &D3DCRYPTOTYPE_AES128_CTR, &none, &caps), S_OK);

	counts = ik_counts(*state);
	assert_int_equal(counts.sessions, 10);
	rt_device_close(st.device);
	counts = ik_counts(*state);
	assert_int_equal(counts.sessions, 0);
	assert_int_equal(counts.fences, 0);
	assert_int_equal(counts.allocations, 0);
	assert_int_equal(counts.resources, 0);
	assert_int_equal(counts.memories, 0);
	assert_int_equal(counts.devices, 0);
	rt_adapter_close(st.adapter);
	ik_assert_empty(*state);
	free(memory);
}

static void a_driver_device_destroyed_with_all_live(void **state) /* CAP-20, CS-45 */
{
	const struct rt_surface surface = VECTOR_SURFACE;
	struct rt_session *session;
	struct st st;
	HANDLE old;

	st_open(&st);
	session = st_session(&st);
	old = rt_session_handle(session);
	(void)st_protected(&st, &surface, true);
	(void)st_system(&st, &surface);
	/* By the DDI alone: the driver frees what it holds, through the runtime's callbacks. */
	assert_int_equal(st.funcs->pfnDestroyDevice(st.handle), S_OK);
	assert_int_equal(ik_counts(*state).sessions, 0);
	assert_int_equal(ik_counts(*state).allocations, 0);
	assert_int_equal(st_exchange_blob(&st, old, (const uint8_t[256]) { 0 }), E_INVALIDARG);
	/* The runtime's device must survive that its driver's is gone. */
	st_close(&st);
	ik_assert_empty(*state);
}

/* ---- loss ---------------------------------------------------------------------------------------------------------- */

static void keys_are_lost_and_come_again(void **state) /* CS-13, KMT-20, KMT-21, KMT-22, BLT-123 */
{
	const struct rt_surface surface = VECTOR_SURFACE;
	const volatile UINT64 *losses;
	struct rt_resource *protected;
	uint8_t plain[64], back[64], block[16];
	struct rt_session *session;
	struct st_system system;
	struct st st;
	HANDLE handle;

	st_open(&st);
	session = st_session(&st);
	handle = rt_session_handle(session);
	losses = rt_session_fence_value(session);
	system = st_system(&st, &surface);
	protected = st_protected(&st, &surface, false);
	fill(plain, sizeof(plain));
	assert_int_equal(st_exchange(&st, session, ST_K), S_OK);
	st_iv(block, 1, 0);
	st_ctr(ST_K, block, plain, system.memory, 64);
	assert_int_equal(st_decrypt(&st, handle, system.handle, rt_resource_handle(protected), 64, 1, 0, NULL), S_OK);
	ik_assert_status(rt_session_kernel_handle(session), OK);
	assert_int_equal(*losses, 0);

	ik_lose_keys(*state);
	ik_assert_status(rt_session_kernel_handle(session), INVALID);
	assert_int_equal(*losses, 1);
	assert_int_equal(st_decrypt(&st, handle, system.handle, rt_resource_handle(protected), 64, 2, 0, NULL),
			 D3DDDIERR_INVALIDCALL);
	assert_int_equal(st_encrypt(&st, handle, rt_resource_handle(protected), system.handle, 64, block),
			 D3DDDIERR_INVALIDCALL);
	for (int i = 0; i < 16; i++)
		assert_int_equal(block[i], 0xee); /* BLT-20 */
	assert_int_equal(st_readback_key(&st, handle, ST_K, block), D3DDDIERR_INVALIDCALL);
	ik_lose_keys(*state);
	assert_int_equal(*losses, 1);

	/* A new exchange makes it usable; what was there stays closed; used IVs stay used. */
	assert_int_equal(st_exchange(&st, session, ST_K), S_OK);
	ik_assert_status(rt_session_kernel_handle(session), OK);
	assert_int_equal(*losses, 1);
	assert_int_equal(st_read(&st, session, ST_K, rt_resource_handle(protected), &system, back, 64), E_ACCESSDENIED);
	assert_int_equal(st_decrypt(&st, handle, system.handle, rt_resource_handle(protected), 64, 1, 0, NULL),
			 D3DDDIERR_INVALIDCALL);
	st_iv(block, 2, 0);
	st_ctr(ST_K, block, plain, system.memory, 64);
	assert_int_equal(st_decrypt(&st, handle, system.handle, rt_resource_handle(protected), 64, 2, 0, NULL), S_OK);
	assert_int_equal(st_read(&st, session, ST_K, rt_resource_handle(protected), &system, back, 64), S_OK);
	assert_memory_equal(back, plain, 64);
	ik_lose_keys(*state);
	assert_int_equal(*losses, 2);
	st_close(&st);
}

static void what_was_lost_is_not_shown(void **state) /* CS-13 */
{
	const struct rt_surface surface = VECTOR_SURFACE;
	const struct rt_present present = { .source = { 0, 0, 16, 1 }, .destination = { 0, 0, 16, 1 } };
	struct ik *ik = *state;
	struct rt_resource *protected;
	struct rt_session *session;
	struct st_system system;
	uint8_t zero[64] = { 0 };
	struct st st;

	st_open(&st);
	session = st_session(&st);
	system = st_system(&st, &surface);
	protected = st_protected(&st, &surface, false);
	assert_int_equal(st_exchange(&st, session, ST_K), S_OK);
	assert_int_equal(st_decrypt(&st, rt_session_handle(session), system.handle, rt_resource_handle(protected), 64,
				    1, 0, NULL),
			 S_OK);
	assert_int_equal(rt_present(st.device, protected, &present), S_OK);
	assert_memory_not_equal(ik->screen.bytes, zero, 64);
	ik_lose_keys(ik);
	assert_int_equal(rt_present(st.device, protected, &present), E_FAIL);
	assert_int_equal(ik->screen.shown, 1);

	/* Another key, another picture. */
	assert_int_equal(st_exchange(&st, session, ST_C), S_OK);
	assert_int_equal(st_decrypt(&st, rt_session_handle(session), system.handle, rt_resource_handle(protected), 64,
				    1, 0, NULL),
			 S_OK);
	assert_int_equal(rt_present(st.device, protected, &present), S_OK);
	assert_int_equal(ik->screen.shown, 2);
	st_close(&st);
}

/* ---- a second process ------------------------------------------------------------------------------------------------ */

static void content_belongs_to_the_key_that_brought_it(void **state) /* BLT-123, BLT-113, BLT-112 */
{
	const struct rt_surface surface = VECTOR_SURFACE;
	struct kmt_connection *first = kmt_connection_get(), *second;
	struct rt_resource *protected, *opened;
	struct rt_session *session, *theirs;
	struct st_system system, there;
	uint8_t plain[64], back[64], block[16];
	D3DDDIARG_LOCK lock = { 0 };
	struct st st, other;
	int nt_handle;

	st_open(&st);
	session = st_session(&st);
	system = st_system(&st, &surface);
	protected = st_protected(&st, &surface, true);
	assert_int_equal(rt_resource_share(protected, &nt_handle), S_OK);
	fill(plain, sizeof(plain));
	assert_int_equal(st_exchange(&st, session, ST_K), S_OK);

	second = ik_process(*state);
	st_open(&other);
	theirs = st_session(&other);
	there = st_system(&other, &surface);
	assert_int_equal(st_exchange(&other, theirs, ST_K), S_OK); /* even under the same key value */
	assert_int_equal(rt_resource_open(other.device, nt_handle, &opened), S_OK);
	/* Nobody wrote yet: open to all. */
	assert_int_equal(st_read(&other, theirs, ST_K, rt_resource_handle(opened), &there, back, 64), S_OK);

	kmt_connection_set(first);
	st_iv(block, 1, 0);
	st_ctr(ST_K, block, plain, system.memory, 64);
	assert_int_equal(st_decrypt(&st, rt_session_handle(session), system.handle, rt_resource_handle(protected), 64,
				    1, 0, NULL),
			 S_OK);
	kmt_connection_set(second);
	assert_int_equal(st_read(&other, theirs, ST_K, rt_resource_handle(opened), &there, back, 64), E_ACCESSDENIED);
	for (int i = 0; i < 64; i++)
		assert_int_equal(there.memory[i], 0x33); /* nothing written */
	lock.hResource = rt_resource_handle(opened);
	assert_int_equal(other.funcs->pfnLock(other.handle, &lock), E_ACCESSDENIED);
	kmt_connection_set(first);
	assert_int_equal(st_read(&st, session, ST_K, rt_resource_handle(protected), &system, back, 64), S_OK);
	assert_memory_equal(back, plain, 64);

	/* What they write is theirs. */
	kmt_connection_set(second);
	memset(there.memory, 0, 64);
	assert_int_equal(
		st_decrypt(&other, rt_session_handle(theirs), there.handle, rt_resource_handle(opened), 64, 1, 0, NULL),
		S_OK);
	assert_int_equal(st_read(&other, theirs, ST_K, rt_resource_handle(opened), &there, back, 64), S_OK);
	kmt_connection_set(first);
	assert_int_equal(st_read(&st, session, ST_K, rt_resource_handle(protected), &system, back, 64), E_ACCESSDENIED);
	/* The end of the session frees nobody to read. */
	kmt_connection_set(second);
	rt_session_close(theirs);
	kmt_connection_set(first);
	assert_int_equal(st_read(&st, session, ST_K, rt_resource_handle(protected), &system, back, 64), E_ACCESSDENIED);
	st_close(&st);
	kmt_connection_set(second);
	st_close(&other);
	close(nt_handle);
}

static void the_presenter_knows_the_session(void **state) /* KMT-50, KMT-60, KMT-20, KMT-23 */
{
	struct kmt_connection *first = kmt_connection_get(), *second;
	D3DKMT_QUERYPROTECTEDSESSIONINFOFROMNTHANDLE info = { 0 };
	const volatile uint64_t *value;
	D3DKMT_HANDLE opened, device, fence;
	int nt_session, nt_fence;
	struct rt_session *session;
	char runtime[16] = { 0 };
	struct st st;

	st_open(&st);
	session = st_session(&st);
	assert_int_equal(st_exchange(&st, session, ST_K), S_OK);
	assert_int_equal(rt_session_share(session, &nt_session), S_OK);
	assert_int_equal(rt_session_share_fence(session, &nt_fence), S_OK);
	second = ik_process(*state);
	info.hNtHandle = IK_HANDLE(nt_session);
	info.pPrivateRuntimeData = runtime;
	info.PrivateRuntimeDataSize = sizeof(runtime);
	assert_int_equal(D3DKMTQueryProtectedSessionInfoFromNtHandle(&info), STATUS_SUCCESS);
	assert_string_equal(runtime, "runtime");
	assert_int_equal(info.PrivateRuntimeDataSize, 8);
	opened = ik_open_session(nt_session);
	device = ik_device();
	assert_int_equal(ik_open_fence(device, nt_fence, &fence, &value), STATUS_SUCCESS);
	ik_assert_status(opened, OK);
	ik_lose_keys(*state);
	assert_int_equal(ik_wait(device, fence, 1), STATUS_SUCCESS);
	ik_assert_status(opened, INVALID);
	kmt_connection_set(first);
	assert_int_equal(st_exchange(&st, session, ST_K), S_OK);
	kmt_connection_set(second);
	ik_assert_status(opened, OK);
	assert_int_equal(*value, 1);
	/* DestroyCryptoSession ends the maker's handle, not the presenter's. */
	kmt_connection_set(first);
	st_close(&st);
	kmt_connection_set(second);
	ik_assert_status(opened, INVALID);
	assert_int_equal(*value, 2);
	close(nt_session);
	close(nt_fence);
}

/* ---- two threads -------------------------------------------------------------------------------------------------------- */

struct worker {
	struct kmt_connection *process;
	struct st st;
	struct rt_session *session;
	struct rt_resource *protected;
	struct st_system system;
	uint8_t blob[256];
	uint8_t key[16];
	int failures;
};

/* No assertion here: cmocka's are the main thread's. */
static void *work(void *argument)
{
	struct worker *worker = argument;
	struct st *st = &worker->st;
	HANDLE session = rt_session_handle(worker->session);
	uint8_t plain[64], back[64], iv[16], wrapped[16], readback[16];
	const D3DDDIARG_GETENCRYPTIONBLTKEY get = { .hCryptoSession = session, .pReadBackKey = wrapped, .KeySize = 16 };

	kmt_connection_set(worker->process);
	for (uint64_t i = 1; i <= 1000; i++) {
		if (i % 25 == 1 && st_exchange_blob(st, session, worker->blob) != S_OK)
			worker->failures++;
		for (int j = 0; j < 64; j++)
			plain[j] = (uint8_t)(i * 7 + (uint64_t)j);
		st_iv(iv, i, 0);
		st_ctr(worker->key, iv, plain, worker->system.memory, 64);
		if (st_decrypt(st, session, worker->system.handle, rt_resource_handle(worker->protected), 64, i, 0,
			       NULL) != S_OK)
			worker->failures++;
		if (st->funcs->pfnGetEncryptionBltKey(st->handle, &get) != S_OK)
			worker->failures++;
		st_ecb(worker->key, 0, wrapped, readback);
		if (st_encrypt(st, session, rt_resource_handle(worker->protected), worker->system.handle, 64, iv) !=
		    S_OK)
			worker->failures++;
		st_ctr(readback, iv, worker->system.memory, back, 64);
		if (memcmp(back, plain, 64) != 0)
			worker->failures++;
	}
	kmt_connection_set(NULL);
	return NULL;
}

static void two_threads(struct kmt_connection *processes[2])
{
	const struct rt_surface surface = VECTOR_SURFACE;
	struct worker workers[2];
	pthread_t threads[2];

	for (int i = 0; i < 2; i++) {
		struct worker *worker = &workers[i];

		kmt_connection_set(processes[i]);
		worker->process = processes[i];
		worker->failures = 0;
		memset(worker->key, i + 1, sizeof(worker->key));
		st_open(&worker->st);
		worker->session = st_session(&worker->st);
		worker->protected = st_protected(&worker->st, &surface, false);
		worker->system = st_system(&worker->st, &surface);
		st_blob(&worker->st, 2, worker->key, worker->blob);
	}
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(workers[i].failures, 0);
		kmt_connection_set(processes[i]);
		st_close(&workers[i].st);
	}
}

static void two_devices_on_two_threads(void **state) /* CS-11 */
{
	struct kmt_connection *processes[2] = { kmt_connection_get(), kmt_connection_get() };

	(void)state;
	two_threads(processes);
}

static void two_processes_on_two_threads(void **state) /* CS-11 */
{
	struct kmt_connection *processes[2] = { kmt_connection_get() };

	processes[1] = ik_process(*state);
	two_threads(processes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		CASE(the_chain_leads_to_the_root),
		CASE(keys_come_under_the_sessions_leaf),
		CASE(vectors_in_shared_memory),
		CASE(vectors_in_staged_memory),
		CASE(all_formats_come_back),
		CASE(a_content_key_decrypts_too),
		CASE(another_device_knows_none_of_it),
		CASE(a_device_takes_all_with_it),
		CASE(a_driver_device_destroyed_with_all_live),
		CASE(keys_are_lost_and_come_again),
		CASE(what_was_lost_is_not_shown),
		CASE(content_belongs_to_the_key_that_brought_it),
		CASE(the_presenter_knows_the_session),
		CASE(two_devices_on_two_threads),
		CASE(two_processes_on_two_threads),
	};

	return cmocka_run_group_tests(tests, NULL, ik_group_teardown);
}
