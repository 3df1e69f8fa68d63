/* SPDX-License-Identifier: MIT */
/* Resources that may hold protected content: flags, pools, memory, and what is in a new one. */
#include "conform/blt/blt.h"

#include <stdlib.h>
#include <string.h>

#define CREATE(pool, flags) blt_create(cf, &device, (pool), (flags), D3DDDIFMT_A8R8G8B8, 16, 4, NULL)

static void restricted_content(struct cf *cf)
{
	struct cf_device device = cf_device(cf);

	/* Protection has not been switched on here; with PROTECTIONALWAYSON it is on all the same. */
	CF_OK(cf, "BLT-92", CREATE(D3DDDIPOOL_VIDEOMEMORY, BLT_RESTRICTED_CONTENT));
	/* Lockable, and not. */
	CF_OK(cf, "BLT-93", CREATE(D3DDDIPOOL_VIDEOMEMORY, BLT_RESTRICTED_CONTENT));
	CF_OK(cf, "BLT-92", CREATE(D3DDDIPOOL_VIDEOMEMORY, BLT_RESTRICTED_CONTENT | 0x80));
	CF_OK(cf, "BLT-101", CREATE(D3DDDIPOOL_VIDEOMEMORY, BLT_RESTRICTED_CONTENT));
	CF_DECIDED(cf, "BLT-101", S_OK, CREATE(D3DDDIPOOL_LOCALVIDMEM, BLT_RESTRICTED_CONTENT));
	CF_DECIDED(cf, "BLT-101", S_OK, CREATE(D3DDDIPOOL_NONLOCALVIDMEM, BLT_RESTRICTED_CONTENT));
	CF_DECIDED(cf, "BLT-101", E_INVALIDARG, CREATE(D3DDDIPOOL_SYSTEMMEM, BLT_RESTRICTED_CONTENT));
	CF_DECIDED(cf, "BLT-111", E_INVALIDARG,
		   CREATE(D3DDDIPOOL_VIDEOMEMORY, BLT_RESTRICTED_CONTENT | BLT_RESTRICT_SHARED_ACCESS));
	CF_DECIDED(cf, "BLT-111", E_INVALIDARG, CREATE(D3DDDIPOOL_VIDEOMEMORY, BLT_RESTRICT_SHARED_ACCESS));
	CF_DECIDED(cf, "BLT-111", S_OK,
		   CREATE(D3DDDIPOOL_VIDEOMEMORY, BLT_RESTRICTED_CONTENT | BLT_RESTRICT_SHARED_ACCESS | BLT_SHARED));
}

/* ---- the limit --------------------------------------------------------------------------------------------- */

enum { ROW = 16384, SURFACES = 512 };

static HRESULT create_rows(struct cf *cf, const struct cf_device *device, uint64_t rows, HANDLE *ret)
{
	return blt_create(cf, device, D3DDDIPOOL_VIDEOMEMORY, BLT_RESTRICTED_CONTENT, D3DDDIFMT_A8R8G8B8, ROW / 4,
			  (uint32_t)rows, ret);
}

static void one_more_surface(struct cf *cf, void *context)
{
	const struct cf_device device = cf_device(cf);
	HANDLE handle;

	(void)context;
	CF_DECIDED(cf, "BLT-102", S_OK, create_rows(cf, &device, 64, &handle));
}

/* Surfaces up to the last byte, on two devices of one process. */
static void no_more_than_the_caps_say(struct cf *cf)
{
	const uint64_t limit = cf_caps(cf)->ProtectedMemorySize, step = 2048;
	struct cf_device devices[2] = { cf_device(cf), cf_device(cf) };
	HANDLE handles[SURFACES] = { 0 }, extra;
	uint64_t rows = limit / ROW;
	size_t count = 0;

	if (limit == 0 || limit > 1u << 30 || limit % ROW != 0 || rows / step >= SURFACES)
		cf_skip(cf, "its ProtectedMemorySize is too large to be used up in a test");
	while (rows > 0) {
		const uint64_t part = rows < step ? rows : step;

		if (!CF_DECIDED(cf, "BLT-102", S_OK, create_rows(cf, &devices[count % 2], part, &handles[count])))
			return;
		rows -= part;
		count++;
	}
	CF_DECIDED(cf, "BLT-102", E_OUTOFMEMORY, create_rows(cf, &devices[0], 1, &extra));
	CF_DECIDED(cf, "BLT-102", E_OUTOFMEMORY, create_rows(cf, &devices[1], 1, &extra));
	/* Another process has a share of its own. */
	cf_in_another_process(cf, one_more_surface, NULL);
	CF_NEED(cf, cf_destroy_resource(&devices[0], handles[0]));
	CF_DECIDED(cf, "BLT-102", S_OK, create_rows(cf, &devices[1], 1, &extra));
	CF_NEED(cf, cf_destroy_resource(&devices[1], extra));
	for (size_t i = 1; i < count; i++)
		CF_NEED(cf, cf_destroy_resource(&devices[i % 2], handles[i]));
}

/* ---- content ----------------------------------------------------------------------------------------------- */

static void new_surfaces_are_zero(struct cf *cf)
{
	static uint8_t zero[BLT_MOST], plain[BLT_MOST];
	struct blt b;

	cf_require_caps(cf, D3DCPCAPS_ENCRYPTEDREADBACK, "it offers no EncryptionBlt, so nothing can be read back");
	b = blt_open_as(cf, D3DDDIFMT_A8R8G8B8, 61, 19);
	/* Memory that was just given back full of something. */
	for (uint32_t i = 0; i < 4; i++) {
		blt_holds(cf, &b, "BLT-103", CF_BY_DECISION, zero, b.size, "a new surface");
		memset(plain, 0xee, b.size);
		blt_put(cf, &b, plain);
		CF_NEED(cf, cf_destroy_resource(&b.device, b.protected.h));
		b.protected = cf_protected(cf, &b.device, D3DDDIFMT_A8R8G8B8, 61, 19);
	}
}

/* ---- handles and lists --------------------------------------------------------------------------------------- */

static void the_driver_names_it(struct cf *cf)
{
	struct blt b = blt_open(cf);
	const D3DDDI_SURFACEINFO info = { .Width = 16, .Height = 1 };
	D3DDDIARG_CREATERESOURCE arg = {
		.Format = D3DDDIFMT_A8R8G8B8,
		.Pool = D3DDDIPOOL_VIDEOMEMORY,
		.pSurfList = &info,
		.SurfCount = 1,
		.Flags = { .Value = BLT_RESTRICTED_CONTENT },
		.Rotation = D3DDDI_ROTATION_IDENTITY,
	};
	HANDLE runtime = malloc(1); /* a value that nobody else has */
	uint8_t iv[16];
	D3DDDIARG_DECRYPTIONBLT blt = blt_decryption(&b, iv);

	arg.hResource = runtime;
	CF_OK(cf, "BLT-108", b.device.f->pfnCreateResource(b.device.h, &arg));
	CF_TRUE(cf, "BLT-108", arg.hResource != NULL && arg.hResource != runtime, "hResource is %p, and was %p",
		arg.hResource, runtime);
	cf_iv(iv, cf_fresh_iv(cf), 0);
	blt.hDstResource = runtime;
	CF_FAILS(cf, "BLT-108", E_INVALIDARG, blt_decrypt(&b.device, &blt));
	blt.hDstResource = arg.hResource;
	CF_OK(cf, "BLT-108", blt_decrypt(&b.device, &blt));
}

/* D3DDDIARG_BLT, as the page has it: the slot is one that dxvault's headers leave open. */
struct surface_blt {
	HANDLE source;
	UINT source_index;
	RECT source_part;
	HANDLE destination;
	UINT destination_index;
	RECT destination_part;
	UINT color_key;
	UINT flags;
};

static HRESULT copy(const struct blt *b, HANDLE source, HANDLE destination)
{
	const RECT all = { 0, 0, 16, 1 };
	struct surface_blt arg = {
		.source = source, .source_part = all, .destination = destination, .destination_part = all
	};

	return b->device.f->pfnBlt(b->device.h, &arg);
}

static void no_other_way_out(struct cf *cf)
{
	struct blt b = blt_open(cf);
	HANDLE ordinary = blt_surface(cf, &b, D3DDDIPOOL_VIDEOMEMORY, 0);
	HANDLE second = blt_surface(cf, &b, D3DDDIPOOL_VIDEOMEMORY, 0);
	D3DDDIARG_LOCK lock = { .hResource = ordinary };
	uint8_t plain[BLT_MOST];

	if (!cf_has(cf, D3DCPCAPS_PROTECTIONALWAYSON))
		cf_skip(cf, "protection is not always on");
	if (!ordinary || !second)
		cf_skip(cf, "it makes no ordinary surface");
	cf_pattern(plain, b.size, 5);
	blt_put(cf, &b, plain);
	/* Whatever the answer is: no byte of the content comes out. */
	if (copy(&b, b.protected.h, ordinary) != S_OK && copy(&b, ordinary, second) != S_OK) {
		CF_NEED(cf, b.device.f->pfnLock(b.device.h, &lock));
		CF_TRUE_DECIDED(cf, "BLT-105", memcmp(lock.pSurfData, plain, 16) != 0, "a refused Blt copied content");
		cf_not_applicable(cf, "BLT-105", "it has no Blt: ordinary surfaces are not copied either");
		return;
	}
	CF_DECIDED(cf, "BLT-105", E_ACCESSDENIED, copy(&b, b.protected.h, ordinary));
	{
		struct blt other = b;

		other.protected = cf_protected(cf, &b.device, D3DDDIFMT_A8R8G8B8, 16, 1);
		CF_DECIDED(cf, "BLT-105", S_OK, copy(&b, b.protected.h, other.protected.h));
		if (cf_has(cf, D3DCPCAPS_ENCRYPTEDREADBACKKEY)) {
			uint8_t iv[16], wrapped[CF_KEY];
			D3DDDIARG_ENCRYPTIONBLT arg = blt_encryption(&other, iv);

			arg.hCryptoSession = blt_session(cf, &b.device, cf_key_c);
			CF_NEED(cf, cf_read_back_key(&b.device, arg.hCryptoSession, wrapped));
			CF_DECIDED(cf, "BLT-105", E_ACCESSDENIED, blt_encrypt(&b.device, &arg));
		}
	}
}

const struct cf_test blt_resource_tests[] = {
	{ "resources-flags-and-pools", "BLT-92 BLT-93 BLT-101 BLT-111", restricted_content },
	{ "resources-flags-without-alwayson", "BLT-92 BLT-93 BLT-101 BLT-111", restricted_content, .variant = 0xf9 },
	{ "resources-limit", "BLT-102", no_more_than_the_caps_say },
	{ "resources-new-ones-are-zero", "BLT-103", new_surfaces_are_zero },
	{ "resources-other-copies", "BLT-105", no_other_way_out },
	{ "resources-handles", "BLT-108", the_driver_names_it },
	{ 0 },
};
