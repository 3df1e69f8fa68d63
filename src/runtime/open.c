/* SPDX-License-Identifier: MIT */
/* Opening a shared resource: from an NT handle to the driver's OpenResource. */
#include "runtime/runtime_internal.h"

#include <stdlib.h>

/* The buffers that the kernel fills, sized by its own word. */
struct opening {
	D3DKMT_QUERYRESOURCEINFOFROMNTHANDLE info;
	D3DDDI_OPENALLOCATIONINFO2 *kernel_list;
	D3DDDI_OPENALLOCATIONINFO *list; /* the same in the form of interface version 0x2003 */
	void *runtime_data;
	void *resource_data;
	void *allocation_data;
};

static void opening_free(struct opening *opening)
{
	free(opening->kernel_list);
	free(opening->list);
	free(opening->runtime_data);
	free(opening->resource_data);
	free(opening->allocation_data);
}

static HRESULT opening_prepare(struct rt_device *device, int nt_handle, struct opening *opening)
{
	D3DKMT_QUERYRESOURCEINFOFROMNTHANDLE *info = &opening->info;
	HRESULT hr;

	info->hDevice = device->kernel;
	info->hNtHandle = (HANDLE)(intptr_t)nt_handle;
	hr = rt_hresult_from_status(D3DKMTQueryResourceInfoFromNtHandle(info));
	if (hr != S_OK)
		return hr;
	if (info->NumAllocations == 0)
		return E_INVALIDARG;

	/* A size may be 0, a pointer that calloc gives is freed all the same. */
	opening->kernel_list = calloc(info->NumAllocations, sizeof(*opening->kernel_list));
	opening->list = calloc(info->NumAllocations, sizeof(*opening->list));
	opening->runtime_data = calloc(1, (size_t)info->PrivateRuntimeDataSize + 1);
	opening->resource_data = calloc(1, (size_t)info->ResourcePrivateDriverDataSize + 1);
	opening->allocation_data = calloc(1, (size_t)info->TotalPrivateDriverDataSize + 1);
	if (!opening->kernel_list || !opening->list || !opening->runtime_data || !opening->resource_data ||
	    !opening->allocation_data)
		return E_OUTOFMEMORY;
	return S_OK;
}

static HRESULT open_in_kernel(struct rt_device *device, struct opening *opening, D3DKMT_HANDLE *ret_resource)
{
	const D3DKMT_QUERYRESOURCEINFOFROMNTHANDLE *info = &opening->info;
	D3DKMT_OPENRESOURCEFROMNTHANDLE arg = {
		.hDevice = device->kernel,
		.hNtHandle = info->hNtHandle,
		.NumAllocations = info->NumAllocations,
		.pOpenAllocationInfo2 = opening->kernel_list,
		.PrivateRuntimeDataSize = info->PrivateRuntimeDataSize,
		.pPrivateRuntimeData = opening->runtime_data,
		.ResourcePrivateDriverDataSize = info->ResourcePrivateDriverDataSize,
		.pResourcePrivateDriverData = opening->resource_data,
		.TotalPrivateDriverDataBufferSize = info->TotalPrivateDriverDataSize,
		.pTotalPrivateDriverDataBuffer = opening->allocation_data,
	};
	HRESULT hr;

	hr = rt_hresult_from_status(D3DKMTOpenResourceFromNtHandle(&arg));
	if (hr != S_OK)
		return hr;
	for (UINT i = 0; i < info->NumAllocations; i++) {
		opening->list[i].hAllocation = opening->kernel_list[i].hAllocation;
		opening->list[i].pPrivateDriverData = opening->kernel_list[i].pPrivateDriverData;
		opening->list[i].PrivateDriverDataSize = opening->kernel_list[i].PrivateDriverDataSize;
	}
	*ret_resource = arg.hResource;
	return S_OK;
}

static HRESULT open_in_driver(struct rt_resource *resource, const struct opening *opening, D3DKMT_HANDLE kernel)
{
	struct rt_device *device = resource->device;
	D3DDDIARG_OPENRESOURCE arg = {
		.NumAllocations = opening->info.NumAllocations,
		.pOpenAllocationInfo = opening->list,
		.hKMResource = kernel,
		.pPrivateDriverData = opening->resource_data,
		.PrivateDriverDataSize = opening->info.ResourcePrivateDriverDataSize,
		.hResource = resource,
		.Rotation = D3DDDI_ROTATION_IDENTITY,
	};
	HRESULT hr;

	hr = device->funcs.pfnOpenResource(device->driver, &arg);
	if (hr == S_OK)
		resource->driver = arg.hResource;
	return hr;
}

static HRESULT open_resource(struct rt_resource *resource, struct opening *opening)
{
	struct rt_device *device = resource->device;
	struct rt_kernel_resource *record;
	D3DKMT_HANDLE kernel;
	HRESULT hr;

	/* The record first: nothing can fail between the kernel's open and its being remembered. */
	hr = rt_kernel_resource_add(device, resource, 0);
	if (hr != S_OK)
		return hr;
	record = rt_kernel_resource_find(device, resource);
	hr = open_in_kernel(device, opening, &kernel);
	if (hr != S_OK) {
		list_remove(&record->link);
		free(record);
		return hr;
	}
	record->kernel = kernel;
	hr = open_in_driver(resource, opening, kernel);
	if (hr != S_OK)
		rt_kernel_resource_remove(device, record);
	return hr;
}

HRESULT rt_resource_open(struct rt_device *device, int nt_handle, struct rt_resource **ret_resource)
{
	struct opening opening = { 0 };
	struct rt_resource *resource;
	HRESULT hr;

	resource = calloc(1, sizeof(*resource));
	if (!resource)
		return E_OUTOFMEMORY;
	resource->device = device;
	hr = opening_prepare(device, nt_handle, &opening);
	if (hr == S_OK)
		hr = open_resource(resource, &opening);
	opening_free(&opening);
	if (hr != S_OK) {
		free(resource);
		return hr;
	}
	list_append(&device->resources, &resource->link);
	*ret_resource = resource;
	return S_OK;
}
