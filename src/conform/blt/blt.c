/* SPDX-License-Identifier: MIT */
/* What the tests of blt.md share. */
#include "conform/blt/blt.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

uint32_t blt_block(struct cf *cf)
{
	const uint32_t block = cf_caps(cf)->BlockAlignmentSize;

	if (block == 0)
		cf_give_up(cf, "BlockAlignmentSize is 0");
	return block;
}

uint32_t blt_start(struct cf *cf)
{
	const uint32_t start = cf_caps(cf)->BufferAlignmentStart;

	if (start == 0)
		cf_give_up(cf, "BufferAlignmentStart is 0");
	return start;
}

UINT blt_round(struct cf *cf, size_t size)
{
	const size_t block = blt_block(cf);

	return (UINT)((size + block - 1) / block * block);
}

HANDLE blt_session(struct cf *cf, const struct cf_device *device, const uint8_t *key)
{
	HANDLE session = cf_session(cf, device);

	if (key)
		CF_NEED(cf, cf_exchange(cf, device, session, key));
	return session;
}

static struct blt open_bare(struct cf *cf, D3DDDIFORMAT format, uint32_t width, uint32_t height)
{
	struct blt b = { .device = cf_device(cf) };

	memcpy(b.key, cf_key_k, CF_KEY);
	b.session = blt_session(cf, &b.device, b.key);
	b.protected = cf_protected(cf, &b.device, format, width, height);
	b.in = cf_system(cf, &b.device, format, width, height);
	b.out = cf_system(cf, &b.device, format, width, height);
	b.size = b.protected.size;
	b.whole = blt_round(cf, b.size);
	if (b.size == 0 || b.size > BLT_MOST)
		cf_give_up(cf, "a surface of %u x %u pixels has %zu bytes", width, height, b.size);
	return b;
}

/* No bit announces DecryptionBlt. A session without a key takes no data, so that this changes nothing. */
static void require_decryption(struct cf *cf, const struct blt *b)
{
	HANDLE session = blt_session(cf, &b->device, NULL);
	uint8_t iv[16] = { 0 };

	if (cf_decrypt(&b->device, session, &b->in, &b->protected, iv) == D3DDDIERR_NOTAVAILABLE)
		cf_skip(cf, "it does not offer DecryptionBlt");
	CF_NEED(cf, cf_destroy_session(&b->device, session));
}

struct blt blt_open_as(struct cf *cf, D3DDDIFORMAT format, uint32_t width, uint32_t height)
{
	struct blt b = open_bare(cf, format, width, height);

	require_decryption(cf, &b);
	return b;
}

struct blt blt_open_bare(struct cf *cf)
{
	return open_bare(cf, D3DDDIFMT_A8R8G8B8, 16, 1);
}

struct blt blt_open(struct cf *cf)
{
	return blt_open_as(cf, D3DDDIFMT_A8R8G8B8, 16, 1);
}

struct blt blt_open_readable(struct cf *cf)
{
	cf_require_caps(cf, D3DCPCAPS_ENCRYPTEDREADBACK, "it offers no EncryptionBlt, so nothing can be read back");
	return blt_open(cf);
}

/* ---- calls -------------------------------------------------------------------------------------------------- */

D3DDDIARG_DECRYPTIONBLT blt_decryption(const struct blt *b, uint8_t iv[16])
{
	return (D3DDDIARG_DECRYPTIONBLT) {
		.hCryptoSession = b->session,
		.hSrcResource = b->in.h,
		.hDstResource = b->protected.h,
		.SrcResourceSize = b->whole,
		.pIV = iv,
	};
}

D3DDDIARG_ENCRYPTIONBLT blt_encryption(const struct blt *b, uint8_t iv[16])
{
	return (D3DDDIARG_ENCRYPTIONBLT) {
		.hCryptoSession = b->session,
		.hSrcResource = b->protected.h,
		.hDstResource = b->out.h,
		.DstResourceSize = b->whole,
		.pIV = iv,
	};
}

HRESULT blt_decrypt(const struct cf_device *device, const D3DDDIARG_DECRYPTIONBLT *arg)
{
	return device->f->pfnDecryptionBlt(device->h, arg);
}

HRESULT blt_encrypt(const struct cf_device *device, const D3DDDIARG_ENCRYPTIONBLT *arg)
{
	return device->f->pfnEncryptionBlt(device->h, arg);
}

HRESULT blt_with_iv(const struct blt *b, uint64_t iv, uint64_t count)
{
	uint8_t vector[16];
	const D3DDDIARG_DECRYPTIONBLT arg = blt_decryption(b, vector);

	cf_iv(vector, iv, count);
	return blt_decrypt(&b->device, &arg);
}

HRESULT blt_with_content_key(const struct blt *b, const uint8_t content_key[CF_KEY], uint64_t iv, uint64_t count)
{
	uint8_t vector[16], wrapped[CF_KEY];
	D3DDDIARG_DECRYPTIONBLT arg = blt_decryption(b, vector);

	cf_iv(vector, iv, count);
	cf_ecb(b->key, /* encrypt= */ true, content_key, wrapped);
	arg.pContentKey = wrapped;
	return blt_decrypt(&b->device, &arg);
}

/* ---- content ------------------------------------------------------------------------------------------------ */

void blt_put(struct cf *cf, struct blt *b, const void *plain)
{
	CF_NEED(cf, cf_put(cf, &b->device, b->session, b->key, plain, &b->in, &b->protected));
}

void blt_get(struct cf *cf, struct blt *b, void *ret_plain)
{
	CF_NEED(cf, cf_get(cf, &b->device, b->session, b->key, b->read_back, &b->protected, &b->out, ret_plain));
}

bool blt_holds(struct cf *cf, struct blt *b, const char *rule, enum cf_basis basis, const void *want, size_t size,
	       const char *what)
{
	static uint8_t got[BLT_MOST];

	blt_get(cf, b, got);
	return cf_check_bytes(cf, rule, basis, want, got, size, what);
}

void blt_fill(const struct blt *b, const uint8_t key[CF_KEY], uint64_t iv, uint64_t count, uint32_t seed,
	      uint8_t *ret_plain)
{
	uint8_t vector[16];

	cf_pattern(ret_plain, b->size, seed);
	cf_iv(vector, iv, count);
	cf_ctr(key, vector, ret_plain, b->in.memory, b->size);
}

void blt_refresh(struct cf *cf, struct blt *b)
{
	uint8_t number[CF_KEY];

	cf_require_caps(cf, D3DCPCAPS_FRESHENSESSIONKEY, "it offers no key refresh");
	CF_NEED(cf, cf_start_refresh(&b->device, b->session, number));
	CF_NEED(cf, cf_finish_refresh(&b->device, b->session));
	for (size_t i = 0; i < CF_KEY; i++)
		b->key[i] ^= number[i];
}

/* ---- resources ---------------------------------------------------------------------------------------------- */

HRESULT blt_create(struct cf *cf, const struct cf_device *device, D3DDDI_POOL pool, uint32_t flags, D3DDDIFORMAT format,
		   uint32_t width, uint32_t height, HANDLE *ret)
{
	const D3DDDI_SURFACEINFO info = {
		.Width = width,
		.Height = height,
		.pSysMem = pool == D3DDDIPOOL_SYSTEMMEM ? blt_memory(cf, (size_t)width * height * 8 + 4096) : NULL,
		.SysMemPitch = pool == D3DDDIPOOL_SYSTEMMEM ? width * 4 : 0,
	};
	D3DDDIARG_CREATERESOURCE arg = {
		.Format = format,
		.Pool = pool,
		.pSurfList = &info,
		.SurfCount = 1,
		.Flags = { .Value = flags },
		.Rotation = D3DDDI_ROTATION_IDENTITY,
	};
	HANDLE handle;
	HRESULT hr;

	hr = cf_create_resource(cf, device, &arg, &handle);
	if (hr != S_OK)
		return hr;
	if (ret)
		*ret = handle;
	else
		cf_destroy_resource(device, handle);
	return S_OK;
}

HANDLE blt_surface(struct cf *cf, const struct blt *b, D3DDDI_POOL pool, uint32_t flags)
{
	HANDLE handle;

	return blt_create(cf, &b->device, pool, flags, D3DDDIFMT_A8R8G8B8, 16, 1, &handle) == S_OK ? handle : NULL;
}

HANDLE blt_system_at(struct cf *cf, const struct blt *b, void *memory)
{
	return cf_system_at(cf, &b->device, D3DDDIFMT_A8R8G8B8, 16, 1, memory, 64).h;
}

/* ---- memory ------------------------------------------------------------------------------------------------- */

uint8_t *blt_edge(struct cf *cf, size_t size)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE), pages = (size + page - 1) / page * page;
	uint8_t *memory;

	memory = mmap(NULL, pages + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED || mprotect(memory + pages, page, PROT_NONE) < 0)
		cf_give_up(cf, "no memory for the test");
	return memory + pages;
}

uint8_t *blt_memory(struct cf *cf, size_t size)
{
	const size_t start = blt_start(cf) > 4096 ? blt_start(cf) : 4096;
	void *memory;

	if (posix_memalign(&memory, start, size) != 0)
		cf_give_up(cf, "no memory for the test");
	memset(memory, 0x5a, size);
	return memory;
}
