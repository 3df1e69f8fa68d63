/* SPDX-License-Identifier: MIT */
/* The layout of surfaces, one for both halves of the driver, and the sizes of what they say to each other. */
#include "driver/driver_private.h"

#include <stddef.h>

/* No padding that is not named: each structure ends where its last member does, and each member follows the other. */
#define ASSERT_OFFSET(type, member, offset) _Static_assert(offsetof(type, member) == (offset), #type "." #member)
#define ASSERT_SIZE(type, size)		    _Static_assert(sizeof(type) == (size), #type)

ASSERT_SIZE(struct drv_query, 16);
ASSERT_OFFSET(struct drv_query, type, 4);
ASSERT_OFFSET(struct drv_query, leaf, 8);
ASSERT_OFFSET(struct drv_query, reserved, 12);

ASSERT_SIZE(struct drv_caps, 32);
ASSERT_OFFSET(struct drv_caps, caps, 4);
ASSERT_OFFSET(struct drv_caps, protected_memory_size, 8);
ASSERT_OFFSET(struct drv_caps, has_decryption_blt, 16);
ASSERT_OFFSET(struct drv_caps, has_get_pitch, 20);
ASSERT_OFFSET(struct drv_caps, decode_profiles, 24);

ASSERT_SIZE(struct drv_certificate, 8);
ASSERT_OFFSET(struct drv_certificate, size, 4);

ASSERT_SIZE(struct drv_memory, 192);
ASSERT_OFFSET(struct drv_memory, keys, 4);
ASSERT_OFFSET(struct drv_memory, surfaces, 8);
ASSERT_OFFSET(struct drv_memory, reserved, 12);
ASSERT_OFFSET(struct drv_memory, key_bytes, 16);
ASSERT_OFFSET(struct drv_memory, surface_bytes, 24);
ASSERT_OFFSET(struct drv_memory, reason, 32);
ASSERT_OFFSET(struct drv_memory, engine, 160);

ASSERT_SIZE(struct drv_allocation, 40);
ASSERT_OFFSET(struct drv_allocation, format, 4);
ASSERT_OFFSET(struct drv_allocation, pool, 8);
ASSERT_OFFSET(struct drv_allocation, flags, 12);
ASSERT_OFFSET(struct drv_allocation, width, 16);
ASSERT_OFFSET(struct drv_allocation, height, 20);
ASSERT_OFFSET(struct drv_allocation, multisample, 24);
ASSERT_OFFSET(struct drv_allocation, rotation, 28);
ASSERT_OFFSET(struct drv_allocation, refresh_numerator, 32);
ASSERT_OFFSET(struct drv_allocation, refresh_denominator, 36);

ASSERT_SIZE(struct drv_session, 40);
ASSERT_OFFSET(struct drv_session, reserved, 4);
ASSERT_OFFSET(struct drv_session, crypto_type, 8);
ASSERT_OFFSET(struct drv_session, decode_profile, 24);

ASSERT_SIZE(struct drv_escape, 16);
ASSERT_OFFSET(struct drv_escape, command, 4);
ASSERT_OFFSET(struct drv_escape, result, 8);
ASSERT_OFFSET(struct drv_escape, session, 12);

ASSERT_SIZE(struct drv_escape_key_exchange, 272);
ASSERT_OFFSET(struct drv_escape_key_exchange, blob, 16);

ASSERT_SIZE(struct drv_escape_key, 32);
ASSERT_OFFSET(struct drv_escape_key, value, 16);

ASSERT_SIZE(D3DDDIENCRYPTED_BLOCK_INFO, 12);
ASSERT_SIZE(struct drv_escape_blt, 80);
ASSERT_OFFSET(struct drv_escape_blt, source, 16);
ASSERT_OFFSET(struct drv_escape_blt, destination, 20);
ASSERT_OFFSET(struct drv_escape_blt, size, 24);
ASSERT_OFFSET(struct drv_escape_blt, flags, 28);
ASSERT_OFFSET(struct drv_escape_blt, block_info, 32);
ASSERT_OFFSET(struct drv_escape_blt, reserved, 44);
ASSERT_OFFSET(struct drv_escape_blt, content_key, 48);
ASSERT_OFFSET(struct drv_escape_blt, iv, 64);

ASSERT_SIZE(struct drv_escape_pitch, 24);
ASSERT_OFFSET(struct drv_escape_pitch, allocation, 16);
ASSERT_OFFSET(struct drv_escape_pitch, pitch, 20);

ASSERT_SIZE(struct drv_escape_lock, 24);
ASSERT_OFFSET(struct drv_escape_lock, surface, 16);
ASSERT_OFFSET(struct drv_escape_lock, staging, 20);

/* Random. The conformance suite knows them too (src/conform/ac/ac.c). */
const GUID drv_test_profiles[DRV_TEST_PROFILES] = {
	{ 0x6d1b9c44, 0x20fe, 0x4f0a, { 0x8e, 0x53, 0x71, 0x0c, 0x9b, 0xd6, 0x2a, 0xe1 } },
	{ 0xc3a7e805, 0x5b92, 0x4d67, { 0xa4, 0x1f, 0x0e, 0x38, 0xf7, 0x5c, 0xd9, 0x12 } },
};

ASSERT_SIZE(struct drv_escape_channel, 32);
ASSERT_OFFSET(struct drv_escape_channel, channel, 16);
ASSERT_OFFSET(struct drv_escape_channel, type, 24);
ASSERT_OFFSET(struct drv_escape_channel, reserved, 28);

ASSERT_SIZE(struct drv_escape_channel_key, 280);
ASSERT_OFFSET(struct drv_escape_channel_key, channel, 16);
ASSERT_OFFSET(struct drv_escape_channel_key, blob, 24);

ASSERT_SIZE(struct drv_escape_message, 192);
ASSERT_OFFSET(struct drv_escape_message, channel, 16);
ASSERT_OFFSET(struct drv_escape_message, input_size, 24);
ASSERT_OFFSET(struct drv_escape_message, output_size, 28);
ASSERT_OFFSET(struct drv_escape_message, written, 32);
ASSERT_OFFSET(struct drv_escape_message, reserved, 36);
ASSERT_OFFSET(struct drv_escape_message, input, 40);
ASSERT_OFFSET(struct drv_escape_message, output, 112);

ASSERT_SIZE(struct drv_escape_decode, 40);
ASSERT_OFFSET(struct drv_escape_decode, decode, 16);
ASSERT_OFFSET(struct drv_escape_decode, profile, 24);

static uint32_t round_up(uint32_t value, uint32_t multiple)
{
	return (value + multiple - 1) / multiple * multiple;
}

int drv_surface_layout(uint32_t format, uint32_t width, uint32_t height, uint32_t *ret_pitch, uint64_t *ret_size)
{
	uint32_t row, rows, pitch;

	/* First of all: with these bounds nothing below can overflow (BLT-122). */
	if (width == 0 || width > DRV_MAX_DIMENSION || height == 0 || height > DRV_MAX_DIMENSION)
		return 0;

	rows = height;
	switch (format) {
	case D3DDDIFMT_A8R8G8B8:
	case D3DDDIFMT_X8R8G8B8:
		row = width * 4;
		break;
	case D3DDDIFMT_YUY2:
	case D3DDDIFMT_UYVY:
		row = round_up(width, 2) * 2;
		break;
	case D3DDDIFMT_NV12:
		row = round_up(width, 2);
		rows = round_up(height, 2) / 2 * 3;
		break;
	default:
		return 0;
	}

	pitch = round_up(row, DRV_PITCH_ALIGNMENT);
	*ret_pitch = pitch;
	*ret_size = (uint64_t)pitch * rows;
	return 1;
}

int drv_surface_blt_kind(uint32_t resource_flags, uint32_t multisample)
{
	const D3DDDI_RESOURCEFLAGS flags = { .Value = resource_flags };

	/* Only a render target may be multisampled; elsewhere the member is reserved (BLT-32). */
	if (flags.RenderTarget || flags.DecodeRenderTarget || flags.VideoProcessRenderTarget)
		return multisample == D3DDDIMULTISAMPLE_NONE;

	return !(flags.Texture || flags.CubeMap || flags.Volume || flags.VertexBuffer || flags.IndexBuffer ||
		 flags.ZBuffer || flags.DecodeCompressedBuffer);
}
