/* SPDX-License-Identifier: MIT */
/* OpenResource: a resource rebuilt from what its creator's driver left with each allocation. */
#include "umd/umd_internal.h"

#include <stdlib.h>
#include <string.h>

static bool read_info(const D3DDDI_OPENALLOCATIONINFO *open, struct drv_allocation *ret_info)
{
	if (!open->pPrivateDriverData || open->PrivateDriverDataSize != sizeof(*ret_info))
		return false;
	memcpy(ret_info, open->pPrivateDriverData, sizeof(*ret_info));
	/* The creator's memory in system memory is out of reach here. */
	return ret_info->magic == DRV_MAGIC && ret_info->pool != D3DDDIPOOL_SYSTEMMEM;
}

static void take_properties(struct umd_resource *resource, const struct drv_allocation *info)
{
	resource->format = (D3DDDIFORMAT)info->format;
	resource->pool = (D3DDDI_POOL)info->pool;
	resource->flags.Value = info->flags;
	resource->multisample = info->multisample;
	resource->rotation = info->rotation;
	resource->refresh_rate.Numerator = info->refresh_numerator;
	resource->refresh_rate.Denominator = info->refresh_denominator;
}

static bool is_same_kind(const struct umd_resource *resource, const struct drv_allocation *info)
{
	return resource->format == (D3DDDIFORMAT)info->format && resource->pool == (D3DDDI_POOL)info->pool &&
	       resource->flags.Value == info->flags && resource->multisample == info->multisample;
}

static bool rebuild(struct umd_resource *resource, const D3DDDI_OPENALLOCATIONINFO *list)
{
	for (uint32_t i = 0; i < resource->count; i++) {
		struct umd_surface *surface = &resource->surfaces[i];
		struct drv_allocation info;

		if (!read_info(&list[i], &info))
			return false;
		if (i == 0)
			take_properties(resource, &info);
		if (!is_same_kind(resource, &info))
			return false;
		surface->allocation = resource->handles[i] = list[i].hAllocation;
		surface->width = info.width;
		surface->height = info.height;
		if (!drv_surface_layout(info.format, info.width, info.height, &surface->pitch, &surface->size))
			return false;
	}
	return true;
}

HRESULT APIENTRY umd_open_resource(HANDLE hDevice, D3DDDIARG_OPENRESOURCE *pData)
{
	struct umd_device *device = umd_device_find(hDevice);
	struct umd_resource *resource;

	if (!device || !pData || !pData->pOpenAllocationInfo || pData->NumAllocations == 0)
		return E_INVALIDARG;

	resource = umd_resource_new(device, pData->hResource, pData->NumAllocations);
	if (!resource)
		return E_OUTOFMEMORY;
	if (!rebuild(resource, pData->pOpenAllocationInfo)) {
		/* The runtime opened the allocations; on a refusal it closes them. */
		free(resource);
		return E_INVALIDARG;
	}
	resource->handle_count = resource->count;
	umd_resource_publish(resource);
	pData->hResource = resource->object.handle;
	return S_OK;
}
