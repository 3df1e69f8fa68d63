/* SPDX-License-Identifier: MIT */
/* GetPitch, and the formats and layouts that it tells of. */
#include "conform/blt/blt.h"

static const struct {
	D3DDDIFORMAT format;
	uint32_t multiple; /* of pixels in a row */
	uint32_t bytes;	   /* for each of them */
	uint32_t halves;   /* rows for each two rows of pixels */
} formats[] = {
	{ D3DDDIFMT_A8R8G8B8, 1, 4, 2 }, { D3DDDIFMT_X8R8G8B8, 1, 4, 2 }, { D3DDDIFMT_YUY2, 2, 2, 2 },
	{ D3DDDIFMT_UYVY, 2, 2, 2 },	 { D3DDDIFMT_NV12, 2, 1, 3 },
};

enum { FORMATS = sizeof(formats) / sizeof(formats[0]) };

static uint32_t row_bytes(size_t format, uint32_t width)
{
	const uint32_t multiple = formats[format].multiple;

	return (width + multiple - 1) / multiple * multiple * formats[format].bytes;
}

/* GetPitch is optional: without it the rules about its answers do not apply. */
static void require_pitch(struct cf *cf, const struct blt *b)
{
	UINT pitch;

	if (cf_pitch(&b->device, b->session, b->protected.h, &pitch) == D3DDDIERR_NOTAVAILABLE)
		cf_skip(cf, "it does not offer GetPitch");
}

static void at_least_a_row(struct cf *cf)
{
	struct blt b = blt_open_bare(cf);
	UINT pitch = 0;
	HANDLE handle;

	require_pitch(cf, &b);
	for (uint32_t width = 1; width <= 64; width += 9) {
		if (blt_create(cf, &b.device, D3DDDIPOOL_VIDEOMEMORY, BLT_RESTRICTED_CONTENT, D3DDDIFMT_A8R8G8B8, width,
			       3, &handle) != S_OK)
			cf_give_up(cf, "CreateResource refuses %u x 3 pixels", width);
		CF_OK(cf, "BLT-83", cf_pitch(&b.device, b.session, handle, &pitch));
		CF_TRUE(cf, "BLT-83", pitch >= width * 4, "Pitch %u for %u pixels of 4 bytes", pitch, width);
		CF_NEED(cf, cf_destroy_resource(&b.device, handle));
	}
	CF_TRUE_DECIDED(cf, "BLT-84", cf_pitch(&b.device, b.session, b.protected.h, &pitch) != D3DDDIERR_NOTAVAILABLE,
			"GetPitch answers D3DDDIERR_NOTAVAILABLE now and then");
}

static void the_function_is_optional(struct cf *cf)
{
	struct blt b = blt_open_bare(cf);
	UINT pitch;
	HRESULT hr;

	hr = cf_pitch(&b.device, b.session, b.protected.h, &pitch);
	CF_TRUE(cf, "BLT-84", hr == S_OK || hr == D3DDDIERR_NOTAVAILABLE, "GetPitch answered %s", cf_code_name(cf, hr));
}

static void multiples_of_sixteen(struct cf *cf)
{
	struct blt b = blt_open_bare(cf);
	HANDLE handle;

	require_pitch(cf, &b);
	for (size_t format = 0; format < FORMATS; format++) {
		for (uint32_t width = 1; width <= 64; width++) {
			UINT pitch = 1;

			if (!CF_DECIDED(cf, "BLT-91", S_OK,
					blt_create(cf, &b.device, D3DDDIPOOL_VIDEOMEMORY, BLT_RESTRICTED_CONTENT,
						   formats[format].format, width, 2, &handle)))
				break;
			CF_DECIDED(cf, "BLT-85", S_OK, cf_pitch(&b.device, b.session, handle, &pitch));
			CF_TRUE_DECIDED(cf, "BLT-85", pitch % 16 == 0, "Pitch %u for format %u, width %u", pitch,
					(unsigned int)formats[format].format, width);
			CF_TRUE_DECIDED(cf, "BLT-91",
					pitch >= row_bytes(format, width) && pitch < row_bytes(format, width) + 16,
					"Pitch %u for format %u, width %u", pitch, (unsigned int)formats[format].format,
					width);
			CF_NEED(cf, cf_destroy_resource(&b.device, handle));
		}
	}
	/* Surfaces that are not protected as well. */
	for (uint32_t width = 1; width <= 64; width += 7) {
		UINT pitch = 1;

		if (blt_create(cf, &b.device, D3DDDIPOOL_VIDEOMEMORY, 0, D3DDDIFMT_A8R8G8B8, width, 2, &handle) != S_OK)
			break;
		if (cf_pitch(&b.device, b.session, handle, &pitch) == S_OK)
			CF_TRUE_DECIDED(cf, "BLT-85", pitch % 16 == 0, "Pitch %u for width %u", pitch, width);
		CF_NEED(cf, cf_destroy_resource(&b.device, handle));
	}
}

/* L is Pitch times rows: the least size that a transfer takes. */
static void bytes_of_each_format(struct cf *cf)
{
	static const D3DDDIFORMAT others[] = { D3DDDIFMT_R8G8B8, D3DDDIFMT_R5G6B5, D3DDDIFMT_A8,     D3DDDIFMT_L8,
					       D3DDDIFMT_P8,	 D3DDDIFMT_D24S8,  D3DDDIFMT_UNKNOWN };
	static const uint32_t sizes[][2] = { { 33, 5 }, { 1, 1 }, { 16, 4 } };
	struct blt b = blt_open(cf);

	for (size_t format = 0; format < FORMATS; format++) {
		for (size_t i = 0; i < 3; i++) {
			const uint32_t width = sizes[i][0], height = sizes[i][1];
			const uint32_t pitch = (row_bytes(format, width) + 15) / 16 * 16;
			const uint32_t rows = formats[format].halves == 3 ? (height + 1) / 2 * 3 : height;
			const UINT size = pitch * rows;
			uint8_t iv[16], *memory = blt_memory(cf, size + 64);
			D3DDDIARG_DECRYPTIONBLT arg = blt_decryption(&b, iv);
			const D3DDDI_SURFACEINFO info = {
				.Width = width, .Height = height, .pSysMem = memory, .SysMemPitch = pitch
			};
			D3DDDIARG_CREATERESOURCE create = {
				.Format = formats[format].format,
				.Pool = D3DDDIPOOL_SYSTEMMEM,
				.pSurfList = &info,
				.SurfCount = 1,
				.Rotation = D3DDDI_ROTATION_IDENTITY,
			};

			if (!CF_DECIDED(cf, "BLT-91", S_OK,
					cf_create_resource(cf, &b.device, &create, &arg.hSrcResource)) ||
			    !CF_DECIDED(cf, "BLT-91", S_OK,
					blt_create(cf, &b.device, D3DDDIPOOL_VIDEOMEMORY, BLT_RESTRICTED_CONTENT,
						   formats[format].format, width, height, &arg.hDstResource)))
				continue;
			cf_iv(iv, cf_fresh_iv(cf), 0);
			arg.SrcResourceSize = size - 16;
			CF_DECIDED(cf, "BLT-91", E_INVALIDARG, blt_decrypt(&b.device, &arg));
			arg.SrcResourceSize = size;
			CF_DECIDED(cf, "BLT-91", S_OK, blt_decrypt(&b.device, &arg));
		}
	}
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		CF_DECIDED(cf, "BLT-91", E_INVALIDARG,
			   blt_create(cf, &b.device, D3DDDIPOOL_VIDEOMEMORY, BLT_RESTRICTED_CONTENT, others[i], 16, 16,
				      NULL));
}

/* All chroma rows come and go: a surface of odd height, whole. */
static void chroma_rows_come_back(struct cf *cf)
{
	static uint8_t plain[BLT_MOST];
	struct blt b;
	HANDLE probe;
	struct cf_device device = cf_device(cf);

	cf_require_caps(cf, D3DCPCAPS_ENCRYPTEDREADBACK, "it offers no EncryptionBlt, so nothing can be read back");
	if (!CF_DECIDED(cf, "BLT-91", S_OK,
			blt_create(cf, &device, D3DDDIPOOL_VIDEOMEMORY, BLT_RESTRICTED_CONTENT, D3DDDIFMT_NV12, 34, 7,
				   &probe)))
		return;
	b = blt_open_as(cf, D3DDDIFMT_NV12, 34, 7);
	cf_pattern(plain, b.size, 91);
	blt_put(cf, &b, plain);
	blt_holds(cf, &b, "BLT-91", CF_BY_DECISION, plain, b.size, "an NV12 surface of odd height");
	CF_TRUE_DECIDED(cf, "BLT-91", b.size == (size_t)48 * 12, "34 x 7 pixels of NV12 have %zu bytes", b.size);
}

static void it_does_not_change(struct cf *cf)
{
	struct blt b = blt_open(cf);
	UINT before = 1, after = 2;

	require_pitch(cf, &b);
	CF_NEED(cf, cf_pitch(&b.device, b.session, b.protected.h, &before));
	CF_TRUE_DECIDED(cf, "BLT-86", before == b.protected.pitch, "Pitch was %u at first and is %u", b.protected.pitch,
			before);
	CF_NEED(cf, blt_with_iv(&b, cf_fresh_iv(cf), 0));
	CF_DECIDED(cf, "BLT-86", S_OK, cf_pitch(&b.device, b.session, b.protected.h, &after));
	CF_TRUE_DECIDED(cf, "BLT-86", before == after, "Pitch was %u and is %u after a transfer", before, after);
	CF_NEED(cf, cf_exchange(cf, &b.device, b.session, cf_key_c));
	CF_DECIDED(cf, "BLT-86", S_OK, cf_pitch(&b.device, b.session, b.protected.h, &after));
	CF_TRUE_DECIDED(cf, "BLT-86", before == after, "Pitch was %u and is %u after a key exchange", before, after);
	/* And it is the Pitch of a Lock, where there may be one: of a surface that is not protected. */
	{
		HANDLE ordinary = blt_surface(cf, &b, D3DDDIPOOL_VIDEOMEMORY, 0);
		D3DDDIARG_LOCK lock = { .hResource = ordinary };

		if (ordinary && cf_pitch(&b.device, b.session, ordinary, &before) == S_OK &&
		    b.device.f->pfnLock(b.device.h, &lock) == S_OK)
			CF_TRUE_DECIDED(cf, "BLT-86", lock.Pitch == before, "GetPitch says %u, Lock %u", before,
					lock.Pitch);
	}
}

/* Of a protected surface, where protection can be off. */
static void it_is_the_pitch_of_a_lock(struct cf *cf)
{
	struct blt b = blt_open(cf);
	HANDLE surface = NULL;
	D3DDDIARG_LOCK lock;
	UINT before = 1, after = 2;

	require_pitch(cf, &b);
	if (cf_has(cf, D3DCPCAPS_PROTECTIONALWAYSON))
		cf_skip(cf, "PROTECTIONALWAYSON: there is no Lock of a protected surface");
	CF_NEED(cf, blt_create(cf, &b.device, D3DDDIPOOL_VIDEOMEMORY, BLT_RESTRICTED_CONTENT, D3DDDIFMT_A8R8G8B8, 18, 5,
			       &surface));
	CF_NEED(cf, cf_pitch(&b.device, b.session, surface, &before));
	lock = (D3DDDIARG_LOCK) { .hResource = surface };
	CF_NEED(cf, b.device.f->pfnLock(b.device.h, &lock));
	CF_TRUE_DECIDED(cf, "BLT-86", lock.Pitch == before, "GetPitch says %u, Lock %u", before, lock.Pitch);
	CF_DECIDED(cf, "BLT-86", S_OK, cf_pitch(&b.device, b.session, surface, &after));
	CF_TRUE_DECIDED(cf, "BLT-86", before == after, "Pitch was %u and is %u under a lock", before, after);
}

static void no_key_is_needed(struct cf *cf)
{
	struct blt b = blt_open_bare(cf);
	UINT pitch;

	require_pitch(cf, &b);
	CF_DECIDED(cf, "BLT-87", S_OK, cf_pitch(&b.device, blt_session(cf, &b.device, NULL), b.protected.h, &pitch));
}

static void what_must_match(struct cf *cf)
{
	struct blt b = blt_open_bare(cf), other = blt_open_bare(cf);
	HANDLE session = cf_session(cf, &b.device),
	       resource = blt_surface(cf, &b, D3DDDIPOOL_VIDEOMEMORY, BLT_RESTRICTED_CONTENT);
	D3DDDIARG_GETPITCH arg = { .hCryptoSession = b.session, .hResource = b.protected.h, .Pitch = 0x5a5a5a5a };
	UINT pitch = 0x5a5a5a5a;

	require_pitch(cf, &b);
	CF_NEED(cf, cf_destroy_session(&b.device, session));
	CF_NEED(cf, cf_destroy_resource(&b.device, resource));
	/* The page: session and device of creation. The rest is a decision. */
	CF_FAILS(cf, "BLT-88", E_INVALIDARG, cf_pitch(&other.device, b.session, other.protected.h, &pitch));
	CF_DECIDED(cf, "BLT-88", E_INVALIDARG, cf_pitch(&other.device, b.session, b.protected.h, &pitch));
	CF_DECIDED(cf, "BLT-88", E_INVALIDARG, cf_pitch(&b.device, session, b.protected.h, &pitch));
	CF_DECIDED(cf, "BLT-88", E_INVALIDARG, cf_pitch(&b.device, NULL, b.protected.h, &pitch));
	CF_DECIDED(cf, "BLT-88", E_INVALIDARG, cf_pitch(&b.device, b.session, resource, &pitch));
	CF_DECIDED(cf, "BLT-88", E_INVALIDARG, cf_pitch(&b.device, b.session, other.protected.h, &pitch));
	CF_DECIDED(cf, "BLT-88", E_INVALIDARG, cf_pitch(&b.device, b.session, NULL, &pitch));
	for (UINT index = 1; index != 0; index <<= 1) {
		arg.SubResourceIndex = index;
		CF_DECIDED(cf, "BLT-88", E_INVALIDARG, b.device.f->pfnGetPitch(b.device.h, &arg));
	}
	CF_TRUE_DECIDED(cf, "BLT-90",
			arg.Pitch == 0x5a5a5a5a && arg.hCryptoSession == b.session && arg.hResource == b.protected.h &&
				arg.SubResourceIndex == 0x80000000,
			"a refused GetPitch wrote to its argument: Pitch is %08x", arg.Pitch);
	arg.SubResourceIndex = 0;
	CF_DECIDED(cf, "BLT-90", S_OK, b.device.f->pfnGetPitch(b.device.h, &arg));
	CF_TRUE_DECIDED(cf, "BLT-90",
			arg.hCryptoSession == b.session && arg.hResource == b.protected.h && arg.SubResourceIndex == 0,
			"GetPitch wrote to its inputs");
}

static void system_memory_has_its_own(struct cf *cf)
{
	static const uint32_t pitches[] = { 64, 80, 68, 1 };
	struct blt b = blt_open_bare(cf);
	UINT pitch;

	require_pitch(cf, &b);
	for (size_t i = 0; i < sizeof(pitches) / sizeof(pitches[0]); i++) {
		struct cf_surface system = cf_system_at(cf, &b.device, D3DDDIFMT_A8R8G8B8, 16, 1,
							blt_memory(cf, b.whole), pitches[i]);

		pitch = 0;
		CF_DECIDED(cf, "BLT-89", S_OK, cf_pitch(&b.device, b.session, system.h, &pitch));
		CF_TRUE_DECIDED(cf, "BLT-89", pitch == pitches[i], "SysMemPitch is %u, GetPitch says %u", pitches[i],
				pitch);
	}
}

const struct cf_test blt_pitch_tests[] = {
	{ "pitch-at-least-a-row", "BLT-83 BLT-84", at_least_a_row },
	{ "pitch-is-optional", "BLT-84", the_function_is_optional },
	{ "pitch-multiples-of-16", "BLT-85 BLT-91", multiples_of_sixteen },
	{ "pitch-bytes-of-formats", "BLT-91", bytes_of_each_format },
	{ "pitch-chroma-rows", "BLT-91", chroma_rows_come_back },
	{ "pitch-constant", "BLT-86", it_does_not_change },
	{ "pitch-of-lock", "BLT-86", it_is_the_pitch_of_a_lock, .variant = 0xf9 },
	{ "pitch-without-key", "BLT-87", no_key_is_needed },
	{ "pitch-what-must-match", "BLT-88 BLT-90", what_must_match },
	{ "pitch-system-memory", "BLT-89", system_memory_has_its_own },
	{ 0 },
};
