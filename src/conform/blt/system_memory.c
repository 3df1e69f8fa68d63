/* SPDX-License-Identifier: MIT */
/* Surfaces in the application's own memory. */
#include "conform/blt/blt.h"

#include <string.h>

static void it_is_the_applications(struct cf *cf)
{
	struct blt b = blt_open_readable(cf);
	uint8_t *memory = blt_memory(cf, b.whole + 64), plain[BLT_MOST], clear[BLT_MOST], iv[16];
	D3DDDIARG_ENCRYPTIONBLT arg = blt_encryption(&b, iv);
	const D3DDDI_SURFACEINFO info = { .Width = 16, .Height = 1, .pSysMem = memory, .SysMemPitch = 64 };
	D3DDDIARG_CREATERESOURCE create = {
		.Format = D3DDDIFMT_A8R8G8B8,
		.Pool = D3DDDIPOOL_SYSTEMMEM,
		.pSurfList = &info,
		.SurfCount = 1,
		.Rotation = D3DDDI_ROTATION_IDENTITY,
	};

	CF_OK(cf, "BLT-114", cf_create_resource(cf, &b.device, &create, &arg.hDstResource));
	cf_pattern(plain, b.size, 3);
	blt_put(cf, &b, plain);
	blt_get(cf, &b, clear);
	CF_OK(cf, "BLT-114", blt_encrypt(&b.device, &arg));
	cf_ctr(cf_has(cf, D3DCPCAPS_ENCRYPTEDREADBACKKEY) ? b.read_back : b.key, iv, memory, clear, b.size);
	CF_BYTES(cf, "BLT-114", plain, clear, b.size, "what EncryptionBlt wrote at pSysMem");
	CF_BYTES_DECIDED(cf, "BLT-118", plain, clear, b.size, "the bytes at pSysMem when EncryptionBlt had returned");
}

static void any_memory_makes_a_surface(struct cf *cf)
{
	struct cf_device device = cf_device(cf);
	uint8_t *memory = blt_memory(cf, 8192);
	D3DDDI_SURFACEINFO info = { .Width = 16, .Height = 1, .SysMemPitch = 64 };
	D3DDDIARG_CREATERESOURCE arg = {
		.Format = D3DDDIFMT_A8R8G8B8,
		.Pool = D3DDDIPOOL_SYSTEMMEM,
		.pSurfList = &info,
		.SurfCount = 1,
		.Rotation = D3DDDI_ROTATION_IDENTITY,
	};
	HANDLE handle;

	for (size_t offset = 0; offset < 64; offset = offset * 2 + 1) {
		info.pSysMem = memory + offset;
		CF_OK(cf, "BLT-115", cf_create_resource(cf, &device, &arg, &handle));
	}
	info.pSysMem = NULL;
	CF_DECIDED(cf, "BLT-116", E_INVALIDARG, cf_create_resource(cf, &device, &arg, &handle));
}

static void each_surface_has_its_own(struct cf *cf)
{
	struct blt b = blt_open(cf);
	uint8_t *memory[3], iv[16], before[BLT_MOST];
	D3DDDI_SURFACEINFO infos[3];
	D3DDDIARG_CREATERESOURCE create = {
		.Format = D3DDDIFMT_A8R8G8B8,
		.Pool = D3DDDIPOOL_SYSTEMMEM,
		.pSurfList = infos,
		.SurfCount = 3,
		.Rotation = D3DDDI_ROTATION_IDENTITY,
	};
	D3DDDIARG_ENCRYPTIONBLT enc = blt_encryption(&b, iv);
	D3DDDIARG_DECRYPTIONBLT dec = blt_decryption(&b, iv);
	uint8_t plain[BLT_MOST], clear[BLT_MOST];

	for (size_t i = 0; i < 3; i++) {
		memory[i] = blt_memory(cf, b.whole);
		infos[i] = (D3DDDI_SURFACEINFO) { .Width = 16, .Height = 1, .pSysMem = memory[i], .SysMemPitch = 64 };
	}
	CF_OK(cf, "BLT-119", cf_create_resource(cf, &b.device, &create, &enc.hDstResource));
	/* In through the second, out through the third. */
	cf_pattern(plain, b.size, 4);
	cf_iv(iv, cf_fresh_iv(cf), 0);
	cf_ctr(b.key, iv, plain, memory[1], b.size);
	dec.hSrcResource = enc.hDstResource;
	dec.SrcSubResourceIndex = 1;
	CF_OK(cf, "BLT-119", blt_decrypt(&b.device, &dec));
	if (!cf_has(cf, D3DCPCAPS_ENCRYPTEDREADBACK))
		return;
	blt_get(cf, &b, clear);
	CF_BYTES(cf, "BLT-119", plain, clear, b.size, "what came through subresource 1");
	memset(memory[1], 0x5a, b.size);
	enc.DstSubResourceIndex = 2;
	CF_OK(cf, "BLT-119", blt_encrypt(&b.device, &enc));
	memset(before, 0x5a, b.size);
	CF_BYTES(cf, "BLT-119", before, memory[0], b.size, "the memory of subresource 0");
	CF_BYTES(cf, "BLT-119", before, memory[1], b.size, "the memory of subresource 1");
	cf_ctr(cf_has(cf, D3DCPCAPS_ENCRYPTEDREADBACKKEY) ? b.read_back : b.key, iv, memory[2], clear, b.size);
	CF_BYTES(cf, "BLT-119", plain, clear, b.size, "what went to subresource 2");
}

const struct cf_test blt_system_memory_tests[] = {
	{ "system-memory-is-the-applications", "BLT-114 BLT-118", it_is_the_applications },
	{ "system-memory-any-address", "BLT-115 BLT-116", any_memory_makes_a_surface },
	{ "system-memory-of-each-subresource", "BLT-119", each_surface_has_its_own },
	{ 0 },
};
