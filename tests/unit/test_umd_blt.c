/* SPDX-License-Identifier: MIT */
/* The user-mode driver's transfers: arguments, both ways of system memory, locked surfaces, GetPitch. */
#include "umd_fixture.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* BLT-117, BLT-40: locks of system memory; the kernel half hears of them at the transfer. */
static void test_lock_system(void **state)
{
	struct uf_bench b;
	D3DDDIARG_LOCK arg;

	(void)state;
	for (int shares = 0; shares < 2; shares++) {
		uf_bench_start(&b, shares);
		D3DDDIARG_ENCRYPTIONBLT enc = uf_encryption(&b);
		D3DDDIARG_DECRYPTIONBLT dec = uf_decryption(&b);

		assert_hr(uf_lock(&b, b.system, 0x80, &arg), S_OK);
		assert_hr(uf_encrypt(&b, &enc), INVALIDCALL);
		assert_int_equal(b.uf->seen_blt.flags, DRV_BLT_LOCKED);
		assert_hr(uf_decrypt(&b, &dec), INVALIDCALL);
		assert_int_equal(b.uf->seen_blt.flags, DRV_BLT_LOCKED);
		assert_int_equal(b.memory[5], 5);
		assert_hr(uf_unlock(&b, b.system, 0x80), S_OK);
		assert_hr(uf_unlock(&b, b.system, 0x80), INVALIDARG);
		assert_hr(uf_decrypt(&b, &dec), S_OK);
		assert_hr(uf_encrypt(&b, &enc), S_OK);
		assert_int_equal(b.uf->seen_blt.flags, 0);

		assert_hr(uf_lock(&b, b.system, 0, &arg), S_OK);
		assert_ptr_equal(arg.pSurfData, b.memory);
		assert_int_equal(arg.Pitch, 68);
		uf_stop(b.uf);
	}
}

/* BLT-28, BLT-37, BLT-47, BLT-61, BLT-63, BLT-115, BLT-118: both ways for the bytes; CAP-26 for the staged one. */
static void test_bytes(void **state)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uint8_t *pages = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint8_t *memory = pages + page - 64, before[64];

	(void)state;
	assert_ptr_not_equal(pages, MAP_FAILED);
	for (int shares = 0; shares < 2; shares++) {
		struct uf_bench b;

		uf_bench_start(&b, shares);
		assert_hr(uf_destroy_resource(b.uf, 0, b.system), S_OK);
		b.system = uf_resource(b.uf, 0, D3DDDIPOOL_SYSTEMMEM, 0, 16, 1, memory);
		assert_int_equal(uf_allocation_of(b.uf, D3DDDIPOOL_SYSTEMMEM)->in_place == memory, shares);

		D3DDDIARG_ENCRYPTIONBLT enc = uf_encryption(&b);
		D3DDDIARG_DECRYPTIONBLT dec = uf_decryption(&b);

		/* Nothing past L is touched: it is not mapped. */
		assert_int_equal(mprotect(pages + page, page, PROT_NONE), 0);
		dec.SrcResourceSize = enc.DstResourceSize = 128;
		for (int round = 0; round < 2; round++) {
			memset(memory, 0x40 + round + shares, 64);
			memcpy(before, memory, sizeof(before));
			assert_hr(uf_decrypt(&b, &dec), S_OK);
			assert_memory_equal(memory, before, sizeof(before));
			memset(memory, 0, 64);
			memset(b.iv, 0, sizeof(b.iv));
			assert_hr(uf_encrypt(&b, &enc), S_OK);
			assert_memory_equal(memory, before, sizeof(before));
			assert_int_equal(b.iv[15], 0x1f);
		}
		/* Mapped once, on demand, until the surface goes. */
		assert_int_equal(b.uf->calls.lock, shares ? 0 : 1);
		assert_int_equal(b.uf->calls.unlock, 0);
		uf_stop(b.uf);
		assert_int_equal(mprotect(pages + page, page, PROT_READ | PROT_WRITE), 0);
	}
	munmap(pages, 2 * page);
}

/* BLT-20, CS-06: a refused EncryptionBlt writes neither bytes nor vector; a map that fails stops the call. */
static void test_failed_transfer(void **state)
{
	struct uf_bench b;

	(void)state;
	for (int shares = 0; shares < 2; shares++) {
		uf_bench_start(&b, shares);
		D3DDDIARG_ENCRYPTIONBLT enc = uf_encryption(&b);
		D3DDDIARG_DECRYPTIONBLT dec = uf_decryption(&b);

		memset(b.iv, 0xc3, sizeof(b.iv));
		if (!shares) {
			b.uf->lock_result = E_OUTOFMEMORY;
			assert_hr(uf_encrypt(&b, &enc), E_OUTOFMEMORY);
			assert_hr(uf_decrypt(&b, &dec), E_OUTOFMEMORY);
			b.uf->lock_result = S_OK;
			b.uf->command_result = E_ACCESSDENIED;
			assert_hr(uf_encrypt(&b, &enc), E_ACCESSDENIED);
			assert_int_equal(b.memory[5], 5);
		}
		b.uf->command_result = E_ACCESSDENIED;
		assert_hr(uf_encrypt(&b, &enc), E_ACCESSDENIED);
		assert_int_equal(b.iv[0], 0xc3);
		uf_stop(b.uf);
	}
}

/* BLT-30 to BLT-39, BLT-55 to BLT-62, BLT-21, BLT-49, CAP-21: surfaces and sizes of both transfers. */
static void test_surfaces(void **state)
{
	struct uf_bench b;
	uint8_t *odd;
	HANDLE other, ordinary, narrow, misaligned, texture, target, dead, foreign;

	(void)state;
	uf_bench_start(&b, true);
	odd = b.memory + 72;
	ordinary = uf_resource(b.uf, 0, D3DDDIPOOL_VIDEOMEMORY, 0, 16, 1, NULL);
	narrow = uf_resource(b.uf, 0, D3DDDIPOOL_SYSTEMMEM, 0, 15, 1, b.memory);
	misaligned = uf_resource(b.uf, 0, D3DDDIPOOL_SYSTEMMEM, 0, 16, 1, odd);
	texture = uf_resource(b.uf, 0, D3DDDIPOOL_VIDEOMEMORY, UF_RESTRICTED | UF_TEXTURE, 16, 1, NULL);
	target = uf_resource(b.uf, 0, D3DDDIPOOL_VIDEOMEMORY, UF_RESTRICTED | UF_TEXTURE | UF_RENDER_TARGET, 16, 1,
			     NULL);
	dead = uf_resource(b.uf, 0, D3DDDIPOOL_VIDEOMEMORY, UF_RESTRICTED, 16, 1, NULL);
	assert_hr(uf_destroy_resource(b.uf, 0, dead), S_OK);
	foreign = uf_resource(b.uf, 1, D3DDDIPOOL_VIDEOMEMORY, UF_RESTRICTED, 16, 1, NULL);
	other = uf_resource(b.uf, 1, D3DDDIPOOL_SYSTEMMEM, 0, 16, 1, b.memory);

	const struct {
		HANDLE protected, system;
		UINT index, size;
		HRESULT result;
	} rows[] = {
		{ b.protected, b.system, 0, 64, S_OK },
		{ b.protected, b.system, 0, 80, S_OK },
		{ target, b.system, 0, 64, S_OK },
		{ b.protected, b.system, 0, 48, INVALIDARG },
		{ b.protected, b.system, 0, 65, INVALIDARG },
		{ b.protected, b.system, 0, 0, INVALIDARG },
		{ b.protected, b.system, 0, 0xffffffff, INVALIDARG },
		{ b.protected, b.system, 1, 64, INVALIDARG },
		{ b.protected, b.system, 0xffffffff, 64, INVALIDARG },
		{ b.protected, misaligned, 0, 64, INVALIDARG },
		{ b.protected, narrow, 0, 64, INVALIDARG },
		{ b.protected, ordinary, 0, 64, INVALIDARG },
		{ b.protected, target, 0, 64, INVALIDARG },
		{ b.protected, other, 0, 64, INVALIDARG },
		{ b.protected, NULL, 0, 64, INVALIDARG },
		{ ordinary, b.system, 0, 64, INVALIDARG },
		{ b.system, b.system, 0, 64, INVALIDARG },
		{ texture, b.system, 0, 64, INVALIDARG },
		{ dead, b.system, 0, 64, INVALIDARG },
		{ foreign, b.system, 0, 64, INVALIDARG },
		{ NULL, b.system, 0, 64, INVALIDARG },
		{ b.session, b.system, 0, 64, INVALIDARG },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		D3DDDIARG_ENCRYPTIONBLT enc = uf_encryption(&b);
		D3DDDIARG_DECRYPTIONBLT dec = uf_decryption(&b);

		enc.hSrcResource = dec.hDstResource = rows[i].protected;
		enc.hDstResource = dec.hSrcResource = rows[i].system;
		enc.SrcSubResourceIndex = dec.SrcSubResourceIndex = rows[i].index;
		enc.DstResourceSize = dec.SrcResourceSize = rows[i].size;
		assert_hr(uf_encrypt(&b, &enc), rows[i].result);
		assert_hr(uf_decrypt(&b, &dec), rows[i].result);
		enc.pIV = dec.pIV = NULL;
		assert_hr(uf_encrypt(&b, &enc), INVALIDARG);
		assert_hr(uf_decrypt(&b, &dec), INVALIDARG);
		if (rows[i].result == S_OK)
			continue;
		/* BLT-121: no session key and a wrong size. */
		enc.pIV = dec.pIV = b.iv;
		enc.hCryptoSession = dec.hCryptoSession = uf_session(b.uf, 0);
		assert_hr(uf_encrypt(&b, &enc), INVALIDARG);
		assert_hr(uf_decrypt(&b, &dec), INVALIDARG);
	}
	uf_stop(b.uf);
}

/* BLT-04, BLT-05, BLT-51, BLT-53, BLT-72, BLT-73, BLT-75, BLT-77, BLT-79, BLT-120 to BLT-122. */
static void test_inputs(void **state)
{
	const struct {
		D3DDDIENCRYPTED_BLOCK_INFO info;
		bool has_info;
		uint8_t count; /* all eight bytes of Count */
		uint8_t last;  /* but the last */
		HRESULT result;
	} rows[] = {
		{ { 0, 0, 0 }, false, 0, 0, S_OK },
		{ { 0, 0, 0 }, false, 0xff, 0xfc, S_OK }, /* 4 blocks: up to 2^64 */
		{ { 0, 0, 0 }, false, 0xff, 0xfd, INVALIDARG },
		{ { 0, 0, 0 }, true, 0xff, 0xff, S_OK }, /* nothing is encrypted */
		{ { 16, 0, 0 }, true, 0xff, 0xff, S_OK },
		{ { 32, 0, 0 }, true, 0xff, 0xff, INVALIDARG },
		{ { 16, 16, 16 }, true, 0xff, 0xfe, S_OK }, /* 2 blocks */
		{ { 16, 16, 16 }, true, 0xff, 0xff, INVALIDARG },
		{ { 16, 0, 16 }, true, 0xff, 0xfc, S_OK }, /* no gap: all 4 */
		{ { 16, 0, 16 }, true, 0xff, 0xfd, INVALIDARG },
		{ { 16, 32, 0 }, true, 0xff, 0xff, S_OK },
		{ { 0, 16, 64 }, true, 0xff, 0xfd, S_OK }, /* 3 blocks, cut at the end */
		{ { 0, 16, 64 }, true, 0xff, 0xfe, INVALIDARG },
		{ { 16, 0x80000000, 16 }, true, 0xff, 0xff, S_OK },
		{ { 16, 0xfffffff0, 0xfffffff0 }, true, 0xff, 0xff, S_OK },
		{ { 100, 20, 2 }, true, 0, 0, INVALIDARG },
		{ { 8, 16, 16 }, true, 0, 0, INVALIDARG },
		{ { 16, 8, 16 }, true, 0, 0, INVALIDARG },
		{ { 16, 16, 8 }, true, 0, 0, INVALIDARG },
		{ { 80, 0, 0 }, true, 0, 0, INVALIDARG },
		{ { 0xfffffff0, 0, 0 }, true, 0, 0, INVALIDARG },
		{ { 64, 0, 0 }, true, 0, 0, S_OK },
	};
	struct uf_bench b;
	uint8_t room[64], before[64];

	(void)state;
	uf_bench_start(&b, true);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		D3DDDIARG_DECRYPTIONBLT dec = uf_decryption(&b);

		/* At odd addresses, and read only. */
		memset(room, 0x3c, sizeof(room));
		memcpy(room + 1, &rows[i].info, 12);
		memset(room + 33 + 8, rows[i].count, 8);
		room[33 + 15] = rows[i].last;
		memcpy(before, room, sizeof(room));
		dec.pEncryptedBlockInfo = rows[i].has_info ? (void *)(room + 1) : NULL;
		dec.pContentKey = i % 2 ? room + 15 : NULL;
		dec.pIV = room + 33;
		assert_hr(uf_decrypt(&b, &dec), rows[i].result);
		assert_memory_equal(room, before, sizeof(room));
		if (rows[i].result != S_OK)
			continue;
		assert_int_equal(b.uf->seen_blt.flags, (rows[i].has_info ? DRV_BLT_HAS_BLOCK_INFO : 0) |
							       (i % 2 ? DRV_BLT_HAS_CONTENT_KEY : 0));
		assert_memory_equal(b.uf->seen_blt.iv, room + 33, 16);
		assert_int_equal(b.uf->seen_blt.content_key[0], i % 2 ? 0x3c : 0);
	}
	uf_stop(b.uf);
}

/* BLT-53, BLT-75, BLT-120, BLT-121: step 7 before 8. */
static void test_inputs_not_offered(void **state)
{
	struct uf *uf = uf_start_with(0xe5, /* open= */ true);
	uint8_t bytes[16] = { 0 };
	D3DDDIENCRYPTED_BLOCK_INFO info = { 0, 0, 0 };
	D3DDDIARG_DECRYPTIONBLT arg = { .hCryptoSession = uf_session(uf, 0), .pIV = bytes, .pContentKey = bytes };

	(void)state;
	assert_hr(uf->funcs.pfnDecryptionBlt(uf->devices[0], &arg), NOTAVAILABLE);
	arg.pContentKey = NULL;
	assert_hr(uf->funcs.pfnDecryptionBlt(uf->devices[0], &arg), INVALIDARG);
	arg.pEncryptedBlockInfo = &info;
	assert_hr(uf->funcs.pfnDecryptionBlt(uf->devices[0], &arg), NOTAVAILABLE);
	arg.pIV = NULL; /* step 6 before 7 */
	assert_hr(uf->funcs.pfnDecryptionBlt(uf->devices[0], &arg), INVALIDARG);
	uf_stop(uf);
}

/* BLT-119, BLT-38: three surfaces, each with memory of its own. */
static void test_subresources(void **state)
{
	struct uf_bench b;
	_Alignas(16) uint8_t memory[3][64];
	D3DDDI_SURFACEINFO list[3];
	HANDLE many;

	(void)state;
	for (int shares = 0; shares < 2; shares++) {
		uf_bench_start(&b, shares);
		memset(memory, 0x11, sizeof(memory));
		for (int i = 0; i < 3; i++)
			list[i] = (D3DDDI_SURFACEINFO) {
				.Width = 16, .Height = 1, .pSysMem = memory[i], .SysMemPitch = 7
			};
		assert_hr(uf_create(b.uf, D3DDDIFMT_A8R8G8B8, D3DDDIPOOL_SYSTEMMEM, 0, list, 3, &many), S_OK);
		D3DDDIARG_ENCRYPTIONBLT enc = uf_encryption(&b);

		enc.hDstResource = many;
		enc.DstSubResourceIndex = 2;
		assert_hr(uf_encrypt(&b, &enc), S_OK);
		assert_int_equal(memory[0][0], 0x11);
		assert_int_equal(memory[1][63], 0x11);
		assert_int_equal(memory[2][0], 0);
		assert_int_equal(memory[2][63], 0);
		enc.DstSubResourceIndex = 3;
		assert_hr(uf_encrypt(&b, &enc), INVALIDARG);
		uf_stop(b.uf);
	}
}

/* BLT-83 to BLT-90. */
static void test_pitch(void **state)
{
	struct uf_bench b;
	D3DDDIARG_GETPITCH arg = { .Pitch = 0x55 };

	(void)state;
	uf_bench_start(&b, true);
	arg.hCryptoSession = uf_session(b.uf, 0);
	arg.hResource = b.protected;
	arg.SubResourceIndex = 1;
	assert_hr(b.uf->funcs.pfnGetPitch(b.device, &arg), INVALIDARG);
	assert_int_equal(arg.Pitch, 0x55);
	arg.SubResourceIndex = 0;
	assert_hr(b.uf->funcs.pfnGetPitch(b.device, &arg), S_OK);
	assert_int_equal(arg.Pitch, 64);
	arg.hResource = b.system;
	assert_hr(b.uf->funcs.pfnGetPitch(b.device, &arg), S_OK);
	assert_int_equal(arg.Pitch, 68); /* BLT-89 */
	b.uf->is_removed = true;
	arg.Pitch = 0x55;
	assert_hr(b.uf->funcs.pfnGetPitch(b.device, &arg), DEVICEREMOVED);
	assert_int_equal(arg.Pitch, 0x55);
	uf_stop(b.uf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lock_system),	cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_failed_transfer), cmocka_unit_test(test_surfaces),
		cmocka_unit_test(test_inputs),		cmocka_unit_test(test_inputs_not_offered),
		cmocka_unit_test(test_subresources),	cmocka_unit_test(test_pitch),
	};

	return cmocka_run_group_tests_name("umd_blt", tests, NULL, NULL);
}
