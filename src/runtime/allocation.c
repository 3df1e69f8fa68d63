/* SPDX-License-Identifier: MIT */
/* The allocation callbacks: a driver names resources by the runtime's handles, the kernel by its own. */
#include "runtime/runtime_internal.h"

#include <stdlib.h>

/*
 * A caller that calls CreateResource by itself brings an hResource of its own, so any value may come here. Two
 * resources of a device that live at the same time want two values.
 */
struct rt_kernel_resource *rt_kernel_resource_find(struct rt_device *device, HANDLE runtime)
{
	for (struct list *node = device->kernel_resources.previous; node != &device->kernel_resources;
	     node = node->previous) {
		struct rt_kernel_resource *resource = LIST_ENTRY(node, struct rt_kernel_resource, link);

		if (resource->runtime == runtime)
			return resource;
	}
	return NULL;
}

HRESULT rt_kernel_resource_add(struct rt_device *device, HANDLE runtime, D3DKMT_HANDLE kernel)
{
	struct rt_kernel_resource *resource = calloc(1, sizeof(*resource));

	if (!resource)
		return E_OUTOFMEMORY;
	resource->runtime = runtime;
	resource->kernel = kernel;
	list_append(&device->kernel_resources, &resource->link);
	/* -Wanalyzer-malloc-leak: it is in the list */
	return S_OK;
}

static HRESULT destroy_kernel_resource(const struct rt_device *device, D3DKMT_HANDLE kernel)
{
	const D3DKMT_DESTROYALLOCATION2 arg = { .hDevice = device->kernel, .hResource = kernel };

	return rt_hresult_from_status(D3DKMTDestroyAllocation2(&arg));
}

static void forget(struct rt_kernel_resource *resource)
{
	list_remove(&resource->link);
	free(resource);
}

void rt_kernel_resource_remove(struct rt_device *device, struct rt_kernel_resource *resource)
{
	(void)destroy_kernel_resource(device, resource->kernel);
	forget(resource);
}

/* Only the runtime knows which of its resources are to be shared. */
static bool is_shared(const struct rt_device *device, HANDLE runtime)
{
	LIST_FOR_EACH(node, &device->resources)
	{
		const struct rt_resource *resource = LIST_ENTRY(node, struct rt_resource, link);

		if (resource == runtime)
			return resource->is_shared;
	}
	return false;
}

static D3DDDI_ALLOCATIONINFO2 *convert_infos(const D3DDDICB_ALLOCATE *pData)
{
	D3DDDI_ALLOCATIONINFO2 *infos = calloc(pData->NumAllocations, sizeof(*infos));

	if (!infos)
		return NULL;
	for (UINT i = 0; i < pData->NumAllocations; i++) {
		const D3DDDI_ALLOCATIONINFO *info = &pData->pAllocationInfo[i];

		infos[i].pSystemMem = info->pSystemMem;
		infos[i].pPrivateDriverData = info->pPrivateDriverData;
		infos[i].PrivateDriverDataSize = info->PrivateDriverDataSize;
		infos[i].VidPnSourceId = info->VidPnSourceId;
		infos[i].Flags.Primary = info->Flags.Primary;
		infos[i].Flags.Stereo = info->Flags.Stereo;
	}
	return infos;
}

static HRESULT create_allocations(struct rt_device *device, D3DDDICB_ALLOCATE *pData, D3DDDI_ALLOCATIONINFO2 *infos)
{
	D3DKMT_CREATEALLOCATION arg = {
		.hDevice = device->kernel,
		.pPrivateDriverData = pData->pPrivateDriverData,
		.PrivateDriverDataSize = pData->PrivateDriverDataSize,
		.NumAllocations = pData->NumAllocations,
		.pAllocationInfo2 = infos,
		.hPrivateRuntimeResourceHandle = pData->hResource,
	};
	HRESULT hr;

	if (pData->hResource) {
		arg.Flags.CreateResource = 1;
		arg.Flags.CreateShared = is_shared(device, pData->hResource);
		arg.Flags.NtSecuritySharing = arg.Flags.CreateShared;
	}
	hr = rt_hresult_from_status(D3DKMTCreateAllocation2(&arg));
	if (hr != S_OK)
		return hr;
	if (pData->hResource) {
		hr = rt_kernel_resource_add(device, pData->hResource, arg.hResource);
		if (hr != S_OK) {
			(void)destroy_kernel_resource(device, arg.hResource);
			return hr;
		}
		pData->hKMResource = arg.hResource;
	}
	for (UINT i = 0; i < pData->NumAllocations; i++)
		pData->pAllocationInfo[i].hAllocation = infos[i].hAllocation;
	return S_OK;
}

HRESULT APIENTRY rt_allocate_cb(HANDLE hDevice, D3DDDICB_ALLOCATE *pData)
{
	struct rt_device *device = hDevice;
	D3DDDI_ALLOCATIONINFO2 *infos;
	HRESULT hr;

	if (pData->NumAllocations == 0)
		return E_INVALIDARG;
	infos = convert_infos(pData);
	if (!infos)
		return E_OUTOFMEMORY;
	hr = create_allocations(device, pData, infos);
	free(infos);
	return hr;
}

HRESULT APIENTRY rt_deallocate_cb(HANDLE hDevice, const D3DDDICB_DEALLOCATE *pData)
{
	struct rt_device *device = hDevice;
	struct rt_kernel_resource *resource;
	HRESULT hr;

	if (!pData->hResource) {
		const D3DKMT_DESTROYALLOCATION2 arg = {
			.hDevice = device->kernel,
			.phAllocationList = pData->HandleList,
			.AllocationCount = pData->NumAllocations,
		};

		return rt_hresult_from_status(D3DKMTDestroyAllocation2(&arg));
	}

	resource = rt_kernel_resource_find(device, pData->hResource);
	if (!resource)
		return E_INVALIDARG;
	hr = destroy_kernel_resource(device, resource->kernel);
	forget(resource);
	return hr;
}
