/* SPDX-License-Identifier: MIT */
/* What this process has mapped of the service's: system memory, and allocations that were locked. */
#include "kmt/memory.h"

#include "kmt/connection.h"
#include "kmt/entry.h"
#include "util/list.h"

#include <dxvault/dxvault.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Memory of DxvaultAllocateSystemMemory. */
struct memory {
	struct list link;
	struct kmt_connection *connection;
	D3DKMT_HANDLE handle;
	uint8_t *address;
	size_t size;
};

struct kmt_resource {
	struct list link;
	struct kmt_connection *connection;
	D3DKMT_HANDLE device;
	D3DKMT_HANDLE handle;
	UINT count;
	struct allocation {
		D3DKMT_HANDLE handle;
		UINT locks;
		void *map; /* begins at a page, address may lie behind it */
		size_t map_size;
		void *address;
	} allocations[];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct list memories = { &memories, &memories };
static struct list resources = { &resources, &resources };

void kmt_memory_lock(void)
{
	pthread_mutex_lock(&lock);
}

void kmt_memory_unlock(void)
{
	pthread_mutex_unlock(&lock);
}

bool kmt_memory_find(const void *address, D3DKMT_HANDLE *ret_memory, UINT64 *ret_offset)
{
	struct kmt_connection *connection = kmt_connection_get();
	uintptr_t wanted = (uintptr_t)address;
	bool found = false;

	pthread_mutex_lock(&lock);
	LIST_FOR_EACH(node, &memories)
	{
		struct memory *memory = LIST_ENTRY(node, struct memory, link);
		uintptr_t begin = (uintptr_t)memory->address;

		if (memory->connection != connection || wanted < begin || wanted - begin >= memory->size)
			continue;
		*ret_memory = memory->handle;
		*ret_offset = wanted - begin;
		found = true;
		break;
	}
	pthread_mutex_unlock(&lock);
	return found;
}

static struct memory *memory_map(D3DKMT_HANDLE device, size_t size)
{
	struct memory *memory = calloc(1, sizeof(*memory));
	struct wire_create_memory *request;
	struct kmt_call call;
	int descriptor = -1;

	if (!memory)
		return NULL;
	request = kmt_begin(&call, WIRE_CREATE_MEMORY, sizeof(*request));
	if (!request)
		goto fail;
	request->device = device;
	request->size = size;
	if (kmt_transact(&call, sizeof(struct wire_handle)) == STATUS_SUCCESS) {
		memory->connection = call.connection;
		memory->handle = KMT_REPLY(&call, wire_handle)->handle;
		descriptor = kmt_take_descriptor(&call);
	}
	kmt_end(&call);
	if (!memory->handle)
		goto fail;
	/* A descriptor that found no room in this process did not come. */
	if (descriptor < 0)
		goto fail_made;

	memory->size = size;
	memory->address = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, descriptor, 0);
	close(descriptor);
	if (memory->address == MAP_FAILED)
		goto fail_made;
	return memory;

fail_made:
	(void)kmt_call_handle(WIRE_DESTROY_MEMORY, memory->handle);
fail:
	free(memory);
	return NULL;
}

VOID *APIENTRY DxvaultAllocateSystemMemory(D3DKMT_HANDLE hDevice, SIZE_T size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	struct memory *memory;

	if (size == 0 || size > SIZE_MAX - page)
		return NULL;
	memory = memory_map(hDevice, (size + page - 1) / page * page);
	if (!memory)
		return NULL;
	pthread_mutex_lock(&lock);
	list_append(&memories, &memory->link);
	pthread_mutex_unlock(&lock);
	return memory->address;
}

VOID APIENTRY DxvaultFreeSystemMemory(D3DKMT_HANDLE hDevice, VOID *address)
{
	struct kmt_connection *connection;
	struct memory *found = NULL;

	(void)hDevice;
	if (!address)
		return;
	connection = kmt_connection_get();
	pthread_mutex_lock(&lock);
	LIST_FOR_EACH(node, &memories)
	{
		struct memory *memory = LIST_ENTRY(node, struct memory, link);

		if (memory->connection == connection && memory->address == address)
			found = memory;
	}
	if (found)
		list_remove(&found->link);
	pthread_mutex_unlock(&lock);
	if (!found)
		return;
	(void)kmt_call_handle(WIRE_DESTROY_MEMORY, found->handle);
	munmap(found->address, found->size);
	free(found);
}

struct kmt_resource *kmt_resource_reserve(UINT count)
{
	struct kmt_resource *resource = calloc(1, sizeof(*resource) + count * sizeof(resource->allocations[0]));

	if (resource)
		resource->count = count;
	return resource;
}

void kmt_resource_drop(struct kmt_resource *resource)
{
	free(resource);
}

void kmt_resource_remember(struct kmt_resource *resource, D3DKMT_HANDLE device, D3DKMT_HANDLE handle,
			   const D3DKMT_HANDLE *allocations)
{
	resource->connection = kmt_connection_get();
	resource->device = device;
	resource->handle = handle;
	for (UINT i = 0; i < resource->count; i++)
		resource->allocations[i].handle = allocations[i];
	pthread_mutex_lock(&lock);
	list_append(&resources, &resource->link);
	pthread_mutex_unlock(&lock);
}

static bool resource_is(const struct kmt_resource *resource, const D3DKMT_HANDLE *allocations, UINT count)
{
	if (resource->count != count)
		return false;
	for (UINT i = 0; i < count; i++) {
		if (resource->allocations[i].handle != allocations[i])
			return false;
	}
	return true;
}

bool kmt_resource_is_of(D3DKMT_HANDLE device, D3DKMT_HANDLE handle)
{
	struct kmt_connection *connection = kmt_connection_get();
	bool found = false;

	pthread_mutex_lock(&lock);
	LIST_FOR_EACH(node, &resources)
	{
		struct kmt_resource *resource = LIST_ENTRY(node, struct kmt_resource, link);

		if (resource->connection == connection && resource->device == device && resource->handle == handle)
			found = true;
	}
	pthread_mutex_unlock(&lock);
	return found;
}

D3DKMT_HANDLE kmt_resource_find(D3DKMT_HANDLE device, const D3DKMT_HANDLE *allocations, UINT count)
{
	struct kmt_connection *connection = kmt_connection_get();
	D3DKMT_HANDLE found = 0;

	pthread_mutex_lock(&lock);
	LIST_FOR_EACH(node, &resources)
	{
		struct kmt_resource *resource = LIST_ENTRY(node, struct kmt_resource, link);

		if (resource->connection == connection && resource->device == device &&
		    resource_is(resource, allocations, count))
			found = resource->handle;
	}
	pthread_mutex_unlock(&lock);
	return found;
}

static void resource_free(struct kmt_resource *resource, bool unmap)
{
	list_remove(&resource->link);
	for (UINT i = 0; i < resource->count; i++) {
		if (unmap && resource->allocations[i].map)
			munmap(resource->allocations[i].map, resource->allocations[i].map_size);
	}
	free(resource);
}

void kmt_resource_forget(D3DKMT_HANDLE handle)
{
	struct kmt_connection *connection = kmt_connection_get();

	pthread_mutex_lock(&lock);
	LIST_FOR_EACH(node, &resources)
	{
		struct kmt_resource *resource = LIST_ENTRY(node, struct kmt_resource, link);

		if (resource->connection == connection && resource->handle == handle)
			resource_free(resource, /* unmap= */ true);
	}
	pthread_mutex_unlock(&lock);
}

void kmt_resources_forget(D3DKMT_HANDLE device)
{
	struct kmt_connection *connection = kmt_connection_get();

	pthread_mutex_lock(&lock);
	LIST_FOR_EACH(node, &resources)
	{
		struct kmt_resource *resource = LIST_ENTRY(node, struct kmt_resource, link);

		if (resource->connection == connection && resource->device == device)
			resource_free(resource, /* unmap= */ true);
	}
	pthread_mutex_unlock(&lock);
}

void kmt_memory_forget(struct kmt_connection *connection, bool unmap)
{
	pthread_mutex_lock(&lock);
	LIST_FOR_EACH(resource_node, &resources)
	{
		struct kmt_resource *resource = LIST_ENTRY(resource_node, struct kmt_resource, link);

		if (resource->connection == connection)
			resource_free(resource, unmap);
	}
	LIST_FOR_EACH(node, &memories)
	{
		struct memory *memory = LIST_ENTRY(node, struct memory, link);

		if (memory->connection != connection)
			continue;
		list_remove(&memory->link);
		if (unmap)
			munmap(memory->address, memory->size);
		free(memory);
	}
	pthread_mutex_unlock(&lock);
}

/* Under the lock. */
static struct allocation *allocation_find(D3DKMT_HANDLE device, D3DKMT_HANDLE handle)
{
	struct kmt_connection *connection = kmt_connection_get();

	LIST_FOR_EACH(node, &resources)
	{
		struct kmt_resource *resource = LIST_ENTRY(node, struct kmt_resource, link);

		if (resource->connection != connection || resource->device != device)
			continue;
		for (UINT i = 0; i < resource->count; i++) {
			if (resource->allocations[i].handle == handle)
				return &resource->allocations[i];
		}
	}
	return NULL;
}

/* Under the lock. */
static NTSTATUS allocation_map(D3DKMT_HANDLE device, struct allocation *allocation)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	struct wire_lock_allocation *request;
	UINT64 offset = 0;
	UINT64 size = 0;
	struct kmt_call call;
	NTSTATUS status;
	int descriptor;

	request = kmt_begin(&call, WIRE_LOCK_ALLOCATION, sizeof(*request));
	if (!request)
		return STATUS_DEVICE_REMOVED;
	request->device = device;
	request->allocation = allocation->handle;
	status = kmt_transact(&call, sizeof(*request));
	descriptor = kmt_take_descriptor(&call);
	if (status == STATUS_SUCCESS) {
		offset = KMT_REPLY(&call, wire_lock_allocation)->offset;
		size = KMT_REPLY(&call, wire_lock_allocation)->size;
	}
	kmt_end(&call);
	if (status != STATUS_SUCCESS || descriptor < 0)
		return status != STATUS_SUCCESS ? status : STATUS_INSUFFICIENT_RESOURCES;

	allocation->map_size = size + offset % page;
	allocation->map = mmap(NULL, allocation->map_size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor,
			       (off_t)(offset - offset % page));
	close(descriptor);
	if (allocation->map == MAP_FAILED) {
		allocation->map = NULL;
		return STATUS_NO_MEMORY;
	}
	allocation->address = (uint8_t *)allocation->map + offset % page;
	return STATUS_SUCCESS;
}

NTSTATUS APIENTRY kmt_lock2(D3DKMT_LOCK2 *arg)
{
	NTSTATUS status = STATUS_SUCCESS;
	struct allocation *allocation;

	if (!arg)
		return STATUS_INVALID_PARAMETER;
	pthread_mutex_lock(&lock);
	allocation = allocation_find(arg->hDevice, arg->hAllocation);
	if (!allocation)
		status = STATUS_INVALID_PARAMETER;
	else if (!allocation->map)
		status = allocation_map(arg->hDevice, allocation);
	if (status == STATUS_SUCCESS) {
		allocation->locks++;
		arg->pData = allocation->address;
	}
	pthread_mutex_unlock(&lock);
	return status;
}

NTSTATUS APIENTRY kmt_unlock2(CONST D3DKMT_UNLOCK2 *arg)
{
	NTSTATUS status = STATUS_INVALID_PARAMETER;
	struct allocation *allocation;

	if (!arg)
		return STATUS_INVALID_PARAMETER;
	pthread_mutex_lock(&lock);
	allocation = allocation_find(arg->hDevice, arg->hAllocation);
	if (allocation && allocation->locks > 0) {
		if (--allocation->locks == 0) {
			munmap(allocation->map, allocation->map_size);
			allocation->map = NULL;
		}
		status = STATUS_SUCCESS;
	}
	pthread_mutex_unlock(&lock);
	return status;
}
