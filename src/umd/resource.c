/* SPDX-License-Identifier: MIT */
/* CreateResource and DestroyResource: lists of surfaces, one allocation each. */
#include "umd/umd_internal.h"

#include <stdlib.h>

struct umd_resource *umd_resource_find(const struct umd_device *device, HANDLE handle)
{
	return (struct umd_resource *)umd_object_find(handle, UMD_RESOURCE, &device->object);
}

struct umd_surface *umd_resource_surface(struct umd_resource *resource, uint32_t index)
{
	return index < resource->count ? &resource->surfaces[index] : NULL;
}

struct umd_resource *umd_resource_new(struct umd_device *device, HANDLE runtime, uint32_t count)
{
	struct umd_resource *resource;

	resource = calloc(1, sizeof(*resource) + count * (sizeof(resource->surfaces[0]) + sizeof(D3DKMT_HANDLE)));
	if (!resource)
		return NULL;
	resource->handles = (D3DKMT_HANDLE *)&resource->surfaces[count];
	resource->device = device;
	resource->runtime = runtime;
	resource->count = count;
	list_init(&resource->link);
	return resource;
}

void umd_resource_publish(struct umd_resource *resource)
{
	list_append(&resource->device->resources, &resource->link);
	umd_object_add(&resource->object, UMD_RESOURCE, &resource->device->object);
}

/* By the resource, as a shared one must be; a runtime that named none gets the list (CAP-25). */
static void deallocate(struct umd_resource *resource)
{
	struct umd_device *device = resource->device;
	D3DDDICB_DEALLOCATE arg = { .hResource = resource->runtime };

	if (resource->handle_count == 0 || !device->callbacks.deallocate)
		return;
	if (!resource->runtime) {
		arg.NumAllocations = resource->handle_count;
		arg.HandleList = resource->handles;
	}
	(void)device->callbacks.deallocate(device->runtime, &arg);
}

void umd_resource_free(struct umd_resource *resource)
{
	for (uint32_t i = 0; i < resource->count; i++) {
		struct umd_surface *surface = &resource->surfaces[i];

		if (surface->is_mapped)
			(void)umd_unmap(resource->device, surface->allocation);
		umd_protected_free(resource->device, surface);
		if (surface->staging)
			(void)umd_unmap(resource->device, surface->allocation);
	}
	deallocate(resource);
	if (resource->object.handle) {
		list_remove(&resource->link);
		umd_object_remove(&resource->object);
	}
	free(resource);
}

/* ---- allocation ------------------------------------------------------------------------------- */

static bool needs_allocation(const struct umd_resource *resource, const struct umd_surface *surface)
{
	if (surface->pitch == 0)
		return false;
	return resource->pool != D3DDDIPOOL_SYSTEMMEM || umd_system_is_aligned(surface);
}

static void describe(const struct umd_resource *resource, const struct umd_surface *surface,
		     struct drv_allocation *ret_info)
{
	*ret_info = (struct drv_allocation) {
		.magic = DRV_MAGIC,
		.format = resource->format,
		.pool = resource->pool,
		.flags = resource->flags.Value,
		.width = surface->width,
		.height = surface->height,
		.multisample = resource->multisample,
		.rotation = resource->rotation,
		.refresh_numerator = resource->refresh_rate.Numerator,
		.refresh_denominator = resource->refresh_rate.Denominator,
	};
}

/* One entry of each array for each surface that is to have an allocation; returns how many there are. */
static uint32_t describe_all(const struct umd_resource *resource, bool in_place, struct drv_allocation *infos,
			     D3DDDI_ALLOCATIONINFO *list)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < resource->count; i++) {
		const struct umd_surface *surface = &resource->surfaces[i];

		if (!needs_allocation(resource, surface))
			continue;
		describe(resource, surface, &infos[n]);
		list[n].pSystemMem = in_place ? surface->memory : NULL;
		list[n].pPrivateDriverData = &infos[n];
		list[n].PrivateDriverDataSize = sizeof(infos[n]);
		list[n].VidPnSourceId = resource->source_id;
		list[n].Flags.Primary = resource->flags.Primary;
		n++;
	}
	return n;
}

static void take_handles(struct umd_resource *resource, bool in_place, const D3DDDI_ALLOCATIONINFO *list)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < resource->count; i++) {
		struct umd_surface *surface = &resource->surfaces[i];

		if (!needs_allocation(resource, surface))
			continue;
		surface->allocation = resource->handles[n] = list[n].hAllocation;
		n++;
		surface->is_staged = resource->pool == D3DDDIPOOL_SYSTEMMEM && !in_place;
	}
	resource->handle_count = n;
}

HRESULT umd_resource_allocate(struct umd_resource *resource, bool in_place)
{
	struct umd_device *device = resource->device;
	D3DDDICB_ALLOCATE arg = { .hResource = resource->runtime };
	struct drv_allocation *infos;
	D3DDDI_ALLOCATIONINFO *list;
	HRESULT hr = S_OK;

	if (!device->callbacks.allocate)
		return E_FAIL;
	infos = calloc(resource->count, sizeof(*infos));
	list = calloc(resource->count, sizeof(*list));
	if (!infos || !list) {
		hr = E_OUTOFMEMORY;
		goto out;
	}

	arg.pAllocationInfo = list;
	arg.NumAllocations = describe_all(resource, in_place, infos, list);
	if (arg.NumAllocations == 0)
		goto out;
	hr = umd_callback_result(device->callbacks.allocate(device->runtime, &arg));
	if (hr == S_OK)
		take_handles(resource, in_place, list);
out:
	free(list);
	free(infos);
	return hr;
}

/* ---- the entries ------------------------------------------------------------------------------ */

static bool is_multisample_used(D3DDDI_RESOURCEFLAGS flags)
{
	return flags.RenderTarget || flags.DecodeRenderTarget || flags.VideoProcessRenderTarget;
}

static bool is_rotation(D3DDDI_ROTATION rotation)
{
	return rotation >= D3DDDI_ROTATION_IDENTITY && rotation <= D3DDDI_ROTATION_270;
}

/* What each pool and flag asks of the others; of the surfaces only that they are there. */
static HRESULT check_resource(const D3DDDIARG_CREATERESOURCE *pData)
{
	if (!pData->pSurfList || pData->SurfCount == 0)
		return E_INVALIDARG;
	if (pData->Pool < D3DDDIPOOL_SYSTEMMEM || pData->Pool > D3DDDIPOOL_NONLOCALVIDMEM)
		return E_INVALIDARG;
	if (pData->Flags.RestrictSharedAccess && !pData->Flags.SharedResource)
		return E_INVALIDARG;
	if (pData->Pool != D3DDDIPOOL_SYSTEMMEM)
		return S_OK;

	/* Memory of one application cannot be protected (BLT-101), nor opened by another device. */
	if (pData->Flags.RestrictedContent || pData->Flags.SharedResource)
		return E_INVALIDARG;
	for (uint32_t i = 0; i < pData->SurfCount; i++) {
		if (!pData->pSurfList[i].pSysMem)
			return E_INVALIDARG;
	}
	return S_OK;
}

/* E_INVALIDARG for a layout that video memory cannot have; system memory may have any (BLT-91). */
static HRESULT fill_surfaces(struct umd_resource *resource, const D3DDDI_SURFACEINFO *list)
{
	const bool is_system = resource->pool == D3DDDIPOOL_SYSTEMMEM;

	for (uint32_t i = 0; i < resource->count; i++) {
		struct umd_surface *surface = &resource->surfaces[i];

		surface->width = list[i].Width;
		surface->height = list[i].Height;
		if (is_system) {
			surface->memory = (void *)(uintptr_t)list[i].pSysMem;
			surface->memory_pitch = list[i].SysMemPitch;
			surface->memory_slice_pitch = list[i].SysMemSlicePitch;
		}
		if (!drv_surface_layout(resource->format, surface->width, surface->height, &surface->pitch,
					&surface->size) &&
		    !is_system)
			return E_INVALIDARG;
	}
	return S_OK;
}

static HRESULT build(struct umd_resource *resource, const D3DDDIARG_CREATERESOURCE *pData)
{
	HRESULT hr;

	resource->format = pData->Format;
	resource->pool = pData->Pool;
	resource->flags = pData->Flags;
	resource->multisample = is_multisample_used(pData->Flags) ? pData->MultisampleType : 0;
	/* Callers that turn nothing leave the member as it came. */
	resource->rotation = is_rotation(pData->Rotation) ? pData->Rotation : D3DDDI_ROTATION_IDENTITY;
	resource->refresh_rate = pData->RefreshRate;
	resource->source_id = pData->VidPnSourceId;

	hr = fill_surfaces(resource, pData->pSurfList);
	if (hr == E_INVALIDARG && (pData->Flags.VertexBuffer || pData->Flags.IndexBuffer) &&
	    !pData->Flags.RestrictedContent)
		return D3DDDIERR_NOTAVAILABLE; /* the page's own code: such buffers stay in system memory */
	if (hr != S_OK)
		return hr;
	if (resource->pool == D3DDDIPOOL_SYSTEMMEM)
		return umd_system_allocate(resource);
	return umd_resource_allocate(resource, /* in_place= */ false);
}

HRESULT APIENTRY umd_create_resource(HANDLE hDevice, D3DDDIARG_CREATERESOURCE *pData)
{
	struct umd_device *device = umd_device_find(hDevice);
	struct umd_resource *resource;
	HRESULT hr;

	if (!device || !pData)
		return E_INVALIDARG;
	hr = check_resource(pData);
	if (hr != S_OK)
		return hr;

	resource = umd_resource_new(device, pData->hResource, pData->SurfCount);
	if (!resource)
		return E_OUTOFMEMORY;
	hr = build(resource, pData);
	if (hr != S_OK) {
		umd_resource_free(resource);
		return hr;
	}
	umd_resource_publish(resource);
	pData->hResource = resource->object.handle;
	return S_OK;
}

HRESULT APIENTRY umd_destroy_resource(HANDLE hDevice, HANDLE hResource)
{
	struct umd_device *device = umd_device_find(hDevice);
	struct umd_resource *resource = device ? umd_resource_find(device, hResource) : NULL;

	if (!resource)
		return E_INVALIDARG;
	umd_resource_free(resource);
	return S_OK;
}
