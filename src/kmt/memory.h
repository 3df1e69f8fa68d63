/* SPDX-License-Identifier: MIT */
/* What this process has mapped of the service's: system memory, and allocations that were locked. */
#ifndef DXV_KMT_MEMORY_H
#define DXV_KMT_MEMORY_H

#include <dxvault/d3dkmthk.h>
#include <stdbool.h>

struct kmt_connection;
struct kmt_resource;

/*
 * Records belong to a connection, as the handles in them do. Functions that take none use the calling thread's.
 *
 * Where an address lies in memory that DxvaultAllocateSystemMemory gave out: its handle and the offset.
 */
bool kmt_memory_find(const void *address, D3DKMT_HANDLE *ret_memory, UINT64 *ret_offset);

/*
 * A record with room for count allocations, to be made before the resource is: what can fail has failed by then. NULL: no
 * memory. It goes to kmt_resource_remember or kmt_resource_drop.
 */
struct kmt_resource *kmt_resource_reserve(UINT count);
void kmt_resource_drop(struct kmt_resource *resource);
/* Keeps in mind which allocations a resource has. */
void kmt_resource_remember(struct kmt_resource *resource, D3DKMT_HANDLE device, D3DKMT_HANDLE handle,
			   const D3DKMT_HANDLE *allocations);
/* The resource of a device that has exactly these allocations; 0: there is none. */
D3DKMT_HANDLE kmt_resource_find(D3DKMT_HANDLE device, const D3DKMT_HANDLE *allocations, UINT count);
/* Whether a device has this resource. */
bool kmt_resource_is_of(D3DKMT_HANDLE device, D3DKMT_HANDLE resource);
/* Forgets a resource and unmaps what was locked of it. */
void kmt_resource_forget(D3DKMT_HANDLE handle);
/* The same for all resources of a device. */
void kmt_resources_forget(D3DKMT_HANDLE device);
/* Forgets all that a connection has; unmap: and takes the memory away, which a forked child may still look at. */
void kmt_memory_forget(struct kmt_connection *connection, bool unmap);

/* Held over a fork. */
void kmt_memory_lock(void);
void kmt_memory_unlock(void);

#endif
