/* SPDX-License-Identifier: MIT */
/* Which surfaces and sizes the two transfers take: each test drives both, and each way has its own rule. */
#include "conform/blt/blt.h"

#include <string.h>

enum way { OUT, IN }; /* EncryptionBlt, DecryptionBlt */

#define WAYS(way) for (enum way way = OUT; way <= IN; way++)

/* One transfer of b's surfaces, or of others in their place. */
struct move {
	HANDLE protected, system;
	UINT protected_index, system_index, size;
};

static struct move whole(const struct blt *b, enum way way)
{
	return (struct move) {
		.protected = b->protected.h,
		.system = way == OUT ? b->out.h : b->in.h,
		.size = b->whole,
	};
}

/* With a vector that was not used before. */
static HRESULT move(struct cf *cf, const struct blt *b, enum way way, const struct move *move)
{
	uint8_t iv[16];

	cf_iv(iv, cf_fresh_iv(cf), 0);
	if (way == OUT) {
		D3DDDIARG_ENCRYPTIONBLT arg = blt_encryption(b, iv);

		arg.hSrcResource = move->protected;
		arg.SrcSubResourceIndex = move->protected_index;
		arg.hDstResource = move->system;
		arg.DstSubResourceIndex = move->system_index;
		arg.DstResourceSize = move->size;
		return blt_encrypt(&b->device, &arg);
	} else {
		D3DDDIARG_DECRYPTIONBLT arg = blt_decryption(b, iv);

		arg.hSrcResource = move->system;
		arg.SrcSubResourceIndex = move->system_index;
		arg.hDstResource = move->protected;
		arg.DstSubResourceIndex = move->protected_index;
		arg.SrcResourceSize = move->size;
		return blt_decrypt(&b->device, &arg);
	}
}

/* A session that can transfer both ways; without EncryptionBlt the rules of that way do not apply. */
static struct blt open_both(struct cf *cf)
{
	struct blt b = blt_open(cf);
	uint8_t wrapped[CF_KEY];

	if (cf_has(cf, D3DCPCAPS_ENCRYPTEDREADBACKKEY)) {
		CF_NEED(cf, cf_read_back_key(&b.device, b.session, wrapped));
		cf_ecb(b.key, /* encrypt= */ false, wrapped, b.read_back);
	}
	return b;
}

static bool applies(struct cf *cf, enum way way, const char *rule)
{
	if (way == IN || cf_has(cf, D3DCPCAPS_ENCRYPTEDREADBACK))
		return true;
	cf_not_applicable(cf, rule, "it offers no EncryptionBlt");
	return false;
}

static void protected_on_one_side(struct cf *cf)
{
	static const char *const rules[] = { "BLT-30", "BLT-55" };
	struct blt b = open_both(cf);
	HANDLE ordinary = blt_surface(cf, &b, D3DDDIPOOL_VIDEOMEMORY, 0);

	WAYS(way)
	{
		struct move m = whole(&b, way);

		if (!applies(cf, way, rules[way]))
			continue;
		CF_DECIDED(cf, rules[way], S_OK, move(cf, &b, way, &m));
		m.protected = b.out.h;
		CF_DECIDED(cf, rules[way], E_INVALIDARG, move(cf, &b, way, &m));
		m.protected = ordinary;
		if (ordinary)
			CF_DECIDED(cf, rules[way], E_INVALIDARG, move(cf, &b, way, &m));
	}
}

static void kinds_of_surfaces(struct cf *cf)
{
	static const char *const rules[] = { "BLT-31", "BLT-56" };
	static const struct {
		uint32_t flags;
		HRESULT result;
	} rows[] = {
		{ 0, S_OK },
		{ BLT_RENDER_TARGET, S_OK },
		{ BLT_RENDER_TARGET | BLT_TEXTURE, S_OK },
		{ BLT_VIDEO_PROCESS_RENDER_TARGET, S_OK },
		{ BLT_DECODE_RENDER_TARGET, S_OK },
		{ BLT_TEXTURE, E_INVALIDARG },
		{ BLT_CUBE_MAP, E_INVALIDARG },
		{ BLT_VOLUME, E_INVALIDARG },
		{ BLT_VERTEX_BUFFER, E_INVALIDARG },
		{ BLT_INDEX_BUFFER, E_INVALIDARG },
		{ BLT_Z_BUFFER, E_INVALIDARG },
		{ BLT_DECODE_COMPRESSED_BUFFER, E_INVALIDARG },
	};
	struct blt b = open_both(cf);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		HANDLE surface = blt_surface(cf, &b, D3DDDIPOOL_VIDEOMEMORY, BLT_RESTRICTED_CONTENT | rows[i].flags);

		WAYS(way)
		{
			struct move m = whole(&b, way);
			const char *rule = rules[way];

			/* The pages name two kinds for reading; that a driver makes every other is not in them. */
			if (!surface || !applies(cf, way, rule))
				continue;
			m.protected = surface;
			if (i < 2 && way == OUT)
				CF_OK(cf, rule, move(cf, &b, way, &m));
			else
				CF_DECIDED(cf, rule, rows[i].result, move(cf, &b, way, &m));
		}
	}
}

static HANDLE multisampled(struct cf *cf, const struct blt *b, uint32_t flags, D3DDDIMULTISAMPLE_TYPE type)
{
	const D3DDDI_SURFACEINFO info = { .Width = 16, .Height = 1 };
	D3DDDIARG_CREATERESOURCE arg = {
		.Format = D3DDDIFMT_A8R8G8B8,
		.Pool = D3DDDIPOOL_VIDEOMEMORY,
		.MultisampleType = type,
		.pSurfList = &info,
		.SurfCount = 1,
		.Flags = { .Value = BLT_RESTRICTED_CONTENT | flags },
		.Rotation = D3DDDI_ROTATION_IDENTITY,
	};
	HANDLE handle;

	return cf_create_resource(cf, &b->device, &arg, &handle) == S_OK ? handle : NULL;
}

static void multisampling(struct cf *cf)
{
	static const char *const rules[] = { "BLT-32", "BLT-56" };
	struct blt b = open_both(cf);
	HANDLE target = multisampled(cf, &b, BLT_RENDER_TARGET, D3DDDIMULTISAMPLE_4_SAMPLES);
	/* Without such a flag the member is reserved, and the driver must not look at it. */
	HANDLE plain = multisampled(cf, &b, 0, D3DDDIMULTISAMPLE_4_SAMPLES);

	CF_TRUE(cf, "BLT-32", plain != NULL, "CreateResource looks at a reserved MultisampleType");
	WAYS(way)
	{
		struct move m = whole(&b, way);

		if (!applies(cf, way, rules[way]))
			continue;
		m.protected = plain;
		if (plain && way == OUT)
			CF_OK(cf, rules[way], move(cf, &b, way, &m));
		else if (plain)
			CF_DECIDED(cf, rules[way], S_OK, move(cf, &b, way, &m));
		m.protected = target;
		if (target)
			CF_DECIDED(cf, rules[way], E_INVALIDARG, move(cf, &b, way, &m));
	}
}

static void system_memory_on_the_other_side(struct cf *cf)
{
	static const char *const rules[] = { "BLT-33", "BLT-57" };
	struct blt b = open_both(cf);
	HANDLE ordinary = blt_surface(cf, &b, D3DDDIPOOL_VIDEOMEMORY, 0);
	HANDLE second = blt_surface(cf, &b, D3DDDIPOOL_VIDEOMEMORY, BLT_RESTRICTED_CONTENT);

	WAYS(way)
	{
		struct move m = whole(&b, way);

		if (!applies(cf, way, rules[way]))
			continue;
		m.system = second;
		CF_DECIDED(cf, rules[way], E_INVALIDARG, move(cf, &b, way, &m));
		m.system = ordinary;
		if (ordinary)
			CF_DECIDED(cf, rules[way], E_INVALIDARG, move(cf, &b, way, &m));
	}
}

static void both_sides_agree(struct cf *cf)
{
	static const char *const rules[] = { "BLT-34", "BLT-58" };
	/* Each as many bytes or more, so that only width, height or format differ. */
	static const struct {
		D3DDDIFORMAT format;
		uint32_t width, height;
	} others[] = {
		{ D3DDDIFMT_A8R8G8B8, 15, 1 }, { D3DDDIFMT_A8R8G8B8, 17, 1 }, { D3DDDIFMT_A8R8G8B8, 16, 2 },
		{ D3DDDIFMT_X8R8G8B8, 16, 1 }, { D3DDDIFMT_YUY2, 32, 1 },
	};
	struct blt b = open_both(cf);

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		HANDLE other;

		if (blt_create(cf, &b.device, D3DDDIPOOL_SYSTEMMEM, 0, others[i].format, others[i].width,
			       others[i].height, &other) != S_OK)
			continue;
		WAYS(way)
		{
			struct move m = whole(&b, way);

			if (!applies(cf, way, rules[way]))
				continue;
			m.system = other;
			CF_DECIDED(cf, rules[way], E_INVALIDARG, move(cf, &b, way, &m));
		}
	}
}

static void sizes(struct cf *cf)
{
	static const char *const rules[] = { "BLT-35", "BLT-59" };
	struct blt b = open_both(cf);
	const uint32_t block = blt_block(cf);
	HANDLE large = blt_system_at(cf, &b, blt_memory(cf, b.whole + 2 * (size_t)block));

	WAYS(way)
	{
		struct move m = whole(&b, way);

		if (!applies(cf, way, rules[way]))
			continue;
		m.system = large;
		CF_OK(cf, rules[way], move(cf, &b, way, &m));
		m.size = b.whole + block;
		CF_DECIDED(cf, rules[way], S_OK, move(cf, &b, way, &m));
		m.size = b.whole - block;
		CF_FAILS(cf, rules[way], E_INVALIDARG, move(cf, &b, way, &m));
		m.size = 0;
		CF_FAILS(cf, rules[way], E_INVALIDARG, move(cf, &b, way, &m));
		m.size = b.whole + 1;
		if (block > 1)
			CF_FAILS(cf, rules[way], E_INVALIDARG, move(cf, &b, way, &m));
		m.size = b.whole - 1;
		if (block > 1)
			CF_FAILS(cf, rules[way], E_INVALIDARG, move(cf, &b, way, &m));
		m.size = b.whole + block / 2;
		if (block > 1)
			CF_FAILS(cf, rules[way], E_INVALIDARG, move(cf, &b, way, &m));
		/* Nothing wraps in 32 bits: neither a size that rounds up to 0, nor one that is no multiple. */
		m.size = UINT32_MAX;
		CF_DECIDED(cf, "BLT-122", E_INVALIDARG, move(cf, &b, way, &m));
	}
}

static void alignment(struct cf *cf)
{
	static const char *const rules[] = { "BLT-36", "BLT-60" };
	const uint32_t start = blt_start(cf);
	struct blt b = open_both(cf);
	uint8_t *memory = blt_memory(cf, b.whole + 4 * (size_t)start);
	const uint32_t offsets[] = { start / 2, 1, start - 1, start + start / 2 };

	if (start == 1)
		cf_skip(cf, "BufferAlignmentStart is 1: every address is aligned");
	/* Creation is no reason to refuse (BLT-115). */
	for (size_t i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
		const HANDLE system = blt_system_at(cf, &b, memory + offsets[i]);

		WAYS(way)
		{
			struct move m = whole(&b, way);

			if (!applies(cf, way, rules[way]))
				continue;
			m.system = system;
			CF_FAILS(cf, rules[way], E_INVALIDARG, move(cf, &b, way, &m));
		}
	}
	WAYS(way)
	{
		struct move m = whole(&b, way);

		if (!applies(cf, way, rules[way]))
			continue;
		m.system = blt_system_at(cf, &b, memory + start);
		CF_OK(cf, rules[way], move(cf, &b, way, &m));
	}
}

/* Rows lie Pitch apart, whatever SysMemPitch says: 4 x 4 pixels, of which each row is 16 bytes. */
static void the_protected_pitch_counts(struct cf *cf)
{
	static const uint32_t pitches[] = { 16, 64, 20, 1, 0 };
	struct blt b;
	static uint8_t plain[BLT_MOST], clear[BLT_MOST];
	uint8_t iv[16];

	cf_require_caps(cf, D3DCPCAPS_ENCRYPTEDREADBACK, "it offers no EncryptionBlt, so nothing can be read back");
	b = blt_open_as(cf, D3DDDIFMT_A8R8G8B8, 4, 4);
	for (size_t i = 0; i < sizeof(pitches) / sizeof(pitches[0]); i++) {
		uint8_t *memory = blt_memory(cf, b.whole + 1024);
		struct cf_surface other = cf_system_at(cf, &b.device, D3DDDIFMT_A8R8G8B8, 4, 4, memory, pitches[i]);
		D3DDDIARG_DECRYPTIONBLT dec = blt_decryption(&b, iv);
		D3DDDIARG_ENCRYPTIONBLT enc = blt_encryption(&b, iv);

		cf_pattern(plain, b.size, 60 + (uint32_t)i);
		cf_iv(iv, cf_fresh_iv(cf), 0);
		cf_ctr(b.key, iv, plain, memory, b.size);
		dec.hSrcResource = other.h;
		CF_OK(cf, "BLT-61", blt_decrypt(&b.device, &dec));
		blt_holds(cf, &b, "BLT-61", CF_BY_PAGE, plain, b.size, "what came from a surface of another pitch");
		enc.hDstResource = other.h;
		memset(memory, 0, b.whole);
		CF_OK(cf, "BLT-37", blt_encrypt(&b.device, &enc));
		cf_ctr(cf_has(cf, D3DCPCAPS_ENCRYPTEDREADBACKKEY) ? b.read_back : b.key, iv, memory, clear, b.size);
		CF_BYTES(cf, "BLT-37", plain, clear, b.size, "what went to a surface of another pitch");
	}
}

static void indices(struct cf *cf)
{
	static const char *const rules[] = { "BLT-38", "BLT-62" };
	static const UINT beyond[] = { 1, 2, 0x7fffffff, 0x80000000, 0xffffffff };
	struct blt b = open_both(cf);

	WAYS(way)
	{
		if (!applies(cf, way, rules[way]))
			continue;
		for (size_t i = 0; i < sizeof(beyond) / sizeof(beyond[0]); i++) {
			struct move m = whole(&b, way);

			m.protected_index = beyond[i];
			CF_DECIDED(cf, rules[way], E_INVALIDARG, move(cf, &b, way, &m));
			m.protected_index = 0;
			m.system_index = beyond[i];
			CF_DECIDED(cf, rules[way], E_INVALIDARG, move(cf, &b, way, &m));
		}
	}
}

static void resource_handles(struct cf *cf)
{
	static const char *const rules[] = { "BLT-39", "BLT-62" };
	struct blt b = open_both(cf), other = blt_open(cf);
	struct cf_surface dead = cf_protected(cf, &b.device, D3DDDIFMT_A8R8G8B8, 16, 1);
	HANDLE dead_system = blt_system_at(cf, &b, blt_memory(cf, b.whole));
	uint8_t junk[8] = { 0 };

	CF_NEED(cf, cf_destroy_resource(&b.device, dead.h));
	CF_NEED(cf, cf_destroy_resource(&b.device, dead_system));
	WAYS(way)
	{
		/* NULL, never given, dead, of another device, a handle of another kind. */
		HANDLE const protected[] = { NULL, junk, dead.h, other.protected.h, b.session };
		HANDLE const system[] = { NULL, junk, dead_system, other.in.h, b.session };

		if (!applies(cf, way, rules[way]))
			continue;
		for (size_t i = 0; i < sizeof(system) / sizeof(system[0]); i++) {
			struct move m = whole(&b, way);

			m.protected = protected[i];
			CF_DECIDED(cf, rules[way], E_INVALIDARG, move(cf, &b, way, &m));
			m = whole(&b, way);
			m.system = system[i];
			CF_DECIDED(cf, rules[way], E_INVALIDARG, move(cf, &b, way, &m));
		}
	}
}

static void locked_surfaces(struct cf *cf)
{
	static const char *const rules[] = { "BLT-40", "BLT-62" };
	struct blt b = open_both(cf);

	WAYS(way)
	{
		struct move m = whole(&b, way);
		D3DDDIARG_LOCK lock = { .hResource = m.system };
		const D3DDDIARG_UNLOCK unlock = { .hResource = m.system };

		if (!applies(cf, way, rules[way]))
			continue;
		CF_NEED(cf, b.device.f->pfnLock(b.device.h, &lock));
		CF_DECIDED(cf, rules[way], D3DDDIERR_INVALIDCALL, move(cf, &b, way, &m));
		CF_NEED(cf, b.device.f->pfnUnlock(b.device.h, &unlock));
		CF_DECIDED(cf, rules[way], S_OK, move(cf, &b, way, &m));
	}
}

const struct cf_test blt_surface_tests[] = {
	{ "surfaces-protected-side", "BLT-30 BLT-55", protected_on_one_side },
	{ "surfaces-kinds", "BLT-31 BLT-56", kinds_of_surfaces },
	{ "surfaces-multisampled", "BLT-32 BLT-56", multisampling },
	{ "surfaces-system-side", "BLT-33 BLT-57", system_memory_on_the_other_side },
	{ "surfaces-agree", "BLT-34 BLT-58", both_sides_agree },
	{ "surfaces-sizes", "BLT-35 BLT-59 BLT-122", sizes },
	{ "surfaces-alignment", "BLT-36 BLT-60", alignment },
	{ "surfaces-pitch", "BLT-37 BLT-61", the_protected_pitch_counts },
	{ "surfaces-indices", "BLT-38 BLT-62", indices },
	{ "surfaces-handles", "BLT-39 BLT-62", resource_handles },
	{ "surfaces-locked", "BLT-40 BLT-62", locked_surfaces },
	{ 0 },
};
