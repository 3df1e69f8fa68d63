/* SPDX-License-Identifier: MIT */
/* Resources of one subresource: system memory that the kernel reads in place, and protected surfaces. */
#include "runtime/runtime_internal.h"

#include <stdlib.h>
#include <string.h>

#define PAGE_SIZE	4096u
#define PITCH_ALIGNMENT 16u
#define DIMENSION_LIMIT 16384u

static size_t round_up(size_t value, size_t multiple)
{
	return (value + multiple - 1) / multiple * multiple;
}

/* The linear bytes by the published rules alone (BLT-85, BLT-91): a runtime knows nothing private to a driver. */
static bool get_layout(const struct rt_surface *surface, uint32_t *ret_pitch, size_t *ret_size)
{
	const size_t width = surface->width, even_width = round_up(surface->width, 2);
	size_t row, rows = surface->height;

	if (width == 0 || width > DIMENSION_LIMIT || rows == 0 || rows > DIMENSION_LIMIT)
		return false;
	switch ((uint32_t)surface->format) {
	case D3DDDIFMT_A8R8G8B8:
	case D3DDDIFMT_X8R8G8B8:
		row = width * 4;
		break;
	case D3DDDIFMT_YUY2:
	case D3DDDIFMT_UYVY:
		row = even_width * 2;
		break;
	case D3DDDIFMT_NV12:
		row = even_width;
		rows = round_up(rows, 2) / 2 * 3;
		break;
	default:
		return false;
	}
	row = round_up(row, PITCH_ALIGNMENT);
	*ret_pitch = (uint32_t)row;
	*ret_size = row * rows;
	return true;
}

static struct rt_resource *new_resource(struct rt_device *device)
{
	struct rt_resource *resource = calloc(1, sizeof(*resource));

	if (!resource)
		return NULL;
	resource->device = device;
	list_append(&device->resources, &resource->link);
	return resource;
}

static void free_resource(struct rt_resource *resource)
{
	if (resource->shared_memory)
		DxvaultFreeSystemMemory(resource->device->kernel, resource->shared_memory);
	free(resource->own_memory);
	list_remove(&resource->link);
	free(resource);
}

/* Ordinary memory where the kernel has none to share: the driver then copies. */
static void *allocate_memory(struct rt_resource *resource, size_t size)
{
	const size_t total = round_up(size, PAGE_SIZE);

	resource->shared_memory = DxvaultAllocateSystemMemory(resource->device->kernel, total);
	if (resource->shared_memory)
		return resource->shared_memory;
	resource->own_memory = aligned_alloc(PAGE_SIZE, total);
	if (resource->own_memory)
		memset(resource->own_memory, 0, total);
	return resource->own_memory;
}

static HRESULT create(struct rt_resource *resource, const struct rt_surface *surface, D3DDDI_POOL pool,
		      D3DDDI_RESOURCEFLAGS flags, const D3DDDI_SURFACEINFO *info)
{
	struct rt_device *device = resource->device;
	D3DDDIARG_CREATERESOURCE arg = {
		.Format = surface->format,
		.Pool = pool,
		.pSurfList = info,
		.SurfCount = 1,
		.RefreshRate = surface->refresh_rate,
		.hResource = resource,
		.Flags = flags,
		.Rotation = surface->rotation ? surface->rotation : D3DDDI_ROTATION_IDENTITY,
	};
	HRESULT hr;

	resource->is_shared = flags.SharedResource;
	hr = device->funcs.pfnCreateResource(device->driver, &arg);
	if (hr == S_OK)
		resource->driver = arg.hResource;
	return hr;
}

HRESULT rt_resource_create_system(struct rt_device *device, const struct rt_surface *surface, void **ret_memory,
				  size_t *ret_size, uint32_t *ret_pitch, struct rt_resource **ret_resource)
{
	D3DDDI_SURFACEINFO info = { .Width = surface->width, .Height = surface->height };
	struct rt_resource *resource;
	uint32_t pitch;
	size_t size;
	void *memory;
	HRESULT hr;

	if (!get_layout(surface, &pitch, &size))
		return E_INVALIDARG;
	resource = new_resource(device);
	if (!resource)
		return E_OUTOFMEMORY;
	memory = allocate_memory(resource, size);
	if (!memory) {
		free_resource(resource);
		return E_OUTOFMEMORY;
	}

	info.pSysMem = memory;
	info.SysMemPitch = pitch;
	hr = create(resource, surface, D3DDDIPOOL_SYSTEMMEM, (D3DDDI_RESOURCEFLAGS) { .Value = 0 }, &info);
	if (hr != S_OK) {
		free_resource(resource);
		return hr;
	}
	*ret_memory = memory;
	*ret_size = size;
	*ret_pitch = pitch;
	*ret_resource = resource;
	return S_OK;
}

HRESULT rt_resource_create_video(struct rt_device *device, const struct rt_surface *surface, D3DDDI_RESOURCEFLAGS flags,
				 struct rt_resource **ret_resource)
{
	const D3DDDI_SURFACEINFO info = { .Width = surface->width, .Height = surface->height };
	struct rt_resource *resource = new_resource(device);
	HRESULT hr;

	if (!resource)
		return E_OUTOFMEMORY;
	hr = create(resource, surface, D3DDDIPOOL_VIDEOMEMORY, flags, &info);
	if (hr != S_OK) {
		free_resource(resource);
		return hr;
	}
	*ret_resource = resource;
	return S_OK;
}

HRESULT rt_resource_create_protected(struct rt_device *device, const struct rt_surface *surface,
				     D3DDDI_RESOURCEFLAGS flags, struct rt_resource **ret_resource)
{
	flags.RestrictedContent = 1;
	return rt_resource_create_video(device, surface, flags, ret_resource);
}

HRESULT rt_resource_share(struct rt_resource *resource, int *ret_nt_handle)
{
	const struct rt_kernel_resource *kernel = rt_kernel_resource_find(resource->device, resource);

	if (!kernel)
		return rt_fail("the kernel has nothing behind this resource");
	return rt_share(kernel->kernel, ret_nt_handle);
}

void rt_resource_close(struct rt_resource *resource)
{
	if (!resource)
		return;
	(void)resource->device->funcs.pfnDestroyResource(resource->device->driver, resource->driver);
	free_resource(resource);
}

HANDLE rt_resource_handle(struct rt_resource *resource)
{
	return resource->driver;
}
