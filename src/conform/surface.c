/* SPDX-License-Identifier: MIT */
/* Surfaces on both sides of a transfer, made through the table. */
#include "conform/cf.h"

#include "runtime/runtime_internal.h"

#include <stdlib.h>
#include <string.h>

#define PAGE	   4096u
#define GUARD_BYTE 0xc6

static uint32_t round_up(uint32_t value, uint32_t multiple)
{
	return (value + multiple - 1) / multiple * multiple;
}

bool cf_layout(D3DDDIFORMAT format, uint32_t width, uint32_t height, uint32_t *ret_row, uint32_t *ret_rows)
{
	*ret_rows = height;
	switch ((uint32_t)format) {
	case D3DDDIFMT_A8R8G8B8:
	case D3DDDIFMT_X8R8G8B8:
		*ret_row = width * 4;
		return true;
	case D3DDDIFMT_YUY2:
	case D3DDDIFMT_UYVY:
		*ret_row = round_up(width, 2) * 2;
		return true;
	case D3DDDIFMT_NV12:
		*ret_row = round_up(width, 2);
		*ret_rows = round_up(height, 2) / 2 * 3;
		return true;
	default:
		return false;
	}
}

/* ---- resources ------------------------------------------------------------------------------------------ */

HRESULT cf_create_resource(struct cf *cf, const struct cf_device *device, D3DDDIARG_CREATERESOURCE *arg, HANDLE *ret)
{
	/* Its address is the runtime's handle, and that of no other; it goes with the process. */
	struct rt_resource *resource = calloc(1, sizeof(*resource));
	HRESULT hr;

	if (!resource)
		cf_give_up(cf, "out of memory");
	resource->device = device->rt;
	resource->is_shared = arg->Flags.SharedResource;
	arg->hResource = resource;
	/* The runtime is asked for it while the driver allocates. */
	list_append(&device->rt->resources, &resource->link);
	hr = device->f->pfnCreateResource(device->h, arg);
	list_remove(&resource->link);
	if (hr == S_OK) {
		resource->driver = arg->hResource;
		*ret = arg->hResource;
	}
	return hr;
}

HRESULT cf_destroy_resource(const struct cf_device *device, HANDLE resource)
{
	return device->f->pfnDestroyResource(device->h, resource);
}

HRESULT cf_pitch(const struct cf_device *device, HANDLE session, HANDLE resource, UINT *ret)
{
	D3DDDIARG_GETPITCH arg = { .hCryptoSession = session, .hResource = resource };
	HRESULT hr = device->f->pfnGetPitch(device->h, &arg);

	if (hr == S_OK)
		*ret = arg.Pitch;
	return hr;
}

static HRESULT create(struct cf *cf, const struct cf_device *device, D3DDDIFORMAT format,
		      const D3DDDI_SURFACEINFO *info, HANDLE *ret)
{
	D3DDDIARG_CREATERESOURCE arg = {
		.Format = format,
		.Pool = info->pSysMem ? D3DDDIPOOL_SYSTEMMEM : D3DDDIPOOL_VIDEOMEMORY,
		.pSurfList = info,
		.SurfCount = 1,
		.Rotation = D3DDDI_ROTATION_IDENTITY,
	};

	arg.Flags.RestrictedContent = !info->pSysMem;
	return cf_create_resource(cf, device, &arg, ret);
}

/* ---- pitch ---------------------------------------------------------------------------------------------- */

/* Asks with a session of its own, since any does (BLT-87). protected NULL: makes one to ask about. */
static HRESULT ask_pitch(struct cf *cf, const struct cf_device *device, D3DDDIFORMAT format,
			 const D3DDDI_SURFACEINFO *info, HANDLE protected, UINT *ret)
{
	HANDLE session = cf_session(cf, device), made = NULL;
	HRESULT hr = S_OK;

	if (!protected) {
		hr = create(cf, device, format, info, &made);
		protected = made;
	}
	if (hr == S_OK)
		hr = cf_pitch(device, session, protected, ret);
	if (made)
		(void)cf_destroy_resource(device, made);
	(void)cf_destroy_session(device, session);
	return hr;
}

/* Of a protected surface; asked once for each format and width. *ret_asked: it was the driver that said so. */
static uint32_t pitch_of(struct cf *cf, const struct cf_device *device, D3DDDIFORMAT format, uint32_t width,
			 uint32_t height, HANDLE protected, bool *ret_asked)
{
	const D3DDDI_SURFACEINFO info = { .Width = width, .Height = height };
	const D3DCONTENTPROTECTIONCAPS *caps;
	uint32_t row, rows;
	UINT pitch = 0;
	HRESULT hr;

	*ret_asked = true;
	for (size_t i = 0; i < cf->pitch_count; i++) {
		if (cf->pitches[i].format == format && cf->pitches[i].width == width)
			return cf->pitches[i].pitch;
	}
	if (!cf_layout(format, width, height, &row, &rows))
		cf_give_up(cf, "the suite knows no layout of format %u", (unsigned int)format);
	hr = ask_pitch(cf, device, format, &info, protected, &pitch);
	/* A driver may leave GetPitch out (BLT-84). Then rows lie as close as its blocks allow. */
	if (hr == D3DDDIERR_NOTAVAILABLE) {
		caps = cf_caps(cf);
		*ret_asked = false;
		return round_up(row, caps->BlockAlignmentSize ? caps->BlockAlignmentSize : 1);
	}
	if (hr != S_OK)
		cf_give_up(cf, "asking for the pitch of a %ux%u surface: %s", width, height, cf_code_name(cf, hr));
	if (pitch < row || pitch > UINT32_MAX / rows)
		cf_give_up(cf, "the pitch of a %ux%u surface is %u, but its rows have %u bytes", width, height, pitch,
			   row);
	if (cf->pitch_count < CF_PITCHES)
		cf->pitches[cf->pitch_count++] = (struct cf_pitch) { format, width, pitch };
	return pitch;
}

/* ---- surfaces ------------------------------------------------------------------------------------------- */

struct cf_surface cf_protected(struct cf *cf, const struct cf_device *device, D3DDDIFORMAT format, uint32_t width,
			       uint32_t height)
{
	const D3DDDI_SURFACEINFO info = { .Width = width, .Height = height };
	struct cf_surface surface = { 0 };
	uint32_t row, rows = 0, pitch;
	bool was_asked;
	HRESULT hr;

	hr = create(cf, device, format, &info, &surface.h);
	if (hr != S_OK)
		cf_give_up(cf, "CreateResource of a protected surface answered %s", cf_code_name(cf, hr));
	pitch = pitch_of(cf, device, format, width, height, surface.h, &was_asked);
	(void)cf_layout(format, width, height, &row, &rows);
	surface.size = (size_t)pitch * rows;
	surface.pitch = was_asked ? pitch : 0;
	return surface;
}

static size_t linear_size(struct cf *cf, const struct cf_device *device, D3DDDIFORMAT format, uint32_t width,
			  uint32_t height, uint32_t *ret_pitch)
{
	uint32_t row, rows = 0;
	bool was_asked;

	*ret_pitch = pitch_of(cf, device, format, width, height, NULL, &was_asked);
	(void)cf_layout(format, width, height, &row, &rows);
	return (size_t)*ret_pitch * rows;
}

static HANDLE create_system(struct cf *cf, const struct cf_device *device, D3DDDIFORMAT format, uint32_t width,
			    uint32_t height, void *memory, uint32_t pitch)
{
	const D3DDDI_SURFACEINFO info = { .Width = width, .Height = height, .pSysMem = memory, .SysMemPitch = pitch };
	HANDLE handle;
	HRESULT hr;

	hr = create(cf, device, format, &info, &handle);
	if (hr != S_OK)
		cf_give_up(cf, "CreateResource of a system-memory surface answered %s", cf_code_name(cf, hr));
	return handle;
}

struct cf_surface cf_system(struct cf *cf, const struct cf_device *device, D3DDDIFORMAT format, uint32_t width,
			    uint32_t height)
{
	const uint32_t alignment = cf_caps(cf)->BufferAlignmentStart;
	const size_t page = alignment > PAGE && (alignment & (alignment - 1)) == 0 ? alignment : PAGE;
	struct cf_surface surface = { .has_guards = true };
	uint8_t *memory;
	size_t total;

	surface.size = linear_size(cf, device, format, width, height, &surface.pitch);
	total = (page + surface.size + CF_GUARD + page - 1) / page * page;
	memory = aligned_alloc(page, total);
	if (!memory)
		cf_give_up(cf, "out of memory");
	memset(memory, GUARD_BYTE, total);
	surface.memory = memory + page;
	memset(surface.memory, 0, surface.size);
	surface.h = create_system(cf, device, format, width, height, surface.memory, surface.pitch);
	/* cppcheck-suppress memleak ; it goes with the process */
	return surface;
}

struct cf_surface cf_system_at(struct cf *cf, const struct cf_device *device, D3DDDIFORMAT format, uint32_t width,
			       uint32_t height, void *memory, uint32_t pitch)
{
	struct cf_surface surface = { .memory = memory, .pitch = pitch };
	uint32_t other;

	surface.size = linear_size(cf, device, format, width, height, &other);
	surface.h = create_system(cf, device, format, width, height, memory, pitch);
	return surface;
}

bool cf_guards_hold(const struct cf_surface *surface)
{
	return !surface->has_guards || (cf_is_all(surface->memory - CF_GUARD, CF_GUARD, GUARD_BYTE) &&
					cf_is_all(surface->memory + surface->size, CF_GUARD, GUARD_BYTE));
}
