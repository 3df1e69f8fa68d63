/* SPDX-License-Identifier: MIT */
/* The exported D3DKMT functions, and the client driver that may stand between them and this library's own (KMT-84). */
#include "kmt/entry.h"
#include "kmt/rings.h"

#include <dxvault/dxvault.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* Where the functions begin; what stands before is looked at, not called. */
#define HEADER_BYTES offsetof(DXVAULT_CLIENT_DRIVER, pfnOpenAdapterFromLuid)

static const DXVAULT_CLIENT_DRIVER defaults = { .Size = sizeof(DXVAULT_CLIENT_DRIVER),
						.Version = DXVAULT_CLIENT_DRIVER_VERSION,
						.pfnOpenAdapterFromLuid = kmt_open_adapter_from_luid,
						.pfnShareObjects = kmt_share_objects,
#define MEMBER(Name, name, type) .pfn##Name = kmt_##name,
						KMT_BLOCK_ENTRIES(MEMBER)
#undef MEMBER
};

/* Every member of the active table is set, so that a call costs one load and one jump. */
static DXVAULT_CLIENT_DRIVER registered;
static _Atomic(const DXVAULT_CLIENT_DRIVER *) active = &defaults;

/* Who may write registered. CHANGING is never waited for: two programs that race for it have already lost. */
enum { FREE, CHANGING, TAKEN };
static _Atomic int place = FREE;

static bool size_is_good(UINT size)
{
	return size >= HEADER_BYTES && size <= sizeof(DXVAULT_CLIENT_DRIVER) &&
	       (size - HEADER_BYTES) % sizeof(void *) == 0;
}

NTSTATUS APIENTRY DxvaultRegisterClientDriver(const DXVAULT_CLIENT_DRIVER *pDriver)
{
	DXVAULT_CLIENT_DRIVER given = { 0 };
	int seen = FREE;

	if (!pDriver || pDriver->Version != DXVAULT_CLIENT_DRIVER_VERSION || !size_is_good(pDriver->Size))
		return STATUS_INVALID_PARAMETER;
	if (!atomic_compare_exchange_strong(&place, &seen, CHANGING))
		return STATUS_ACCESS_DENIED;
	/* Members that the caller's headers did not know yet stay NULL. */
	memcpy(&given, pDriver, pDriver->Size);
	registered = defaults;
#define TAKE(Name, name, type) \
	if (given.pfn##Name)   \
		registered.pfn##Name = given.pfn##Name;
	KMT_BLOCK_ENTRIES(TAKE)
	TAKE(OpenAdapterFromLuid, , )
	TAKE(ShareObjects, , )
#undef TAKE
	atomic_store_explicit(&active, &registered, memory_order_release);
	atomic_store(&place, TAKEN);
	return STATUS_SUCCESS;
}

NTSTATUS APIENTRY DxvaultUnregisterClientDriver(VOID)
{
	int seen = TAKEN;

	if (!atomic_compare_exchange_strong(&place, &seen, CHANGING))
		return STATUS_INVALID_PARAMETER;
	atomic_store(&active, &defaults);
	atomic_store(&place, FREE);
	return STATUS_SUCCESS;
}

NTSTATUS APIENTRY DxvaultGetDefaultClientDriver(DXVAULT_CLIENT_DRIVER *pDriver)
{
	if (!pDriver || pDriver->Version != DXVAULT_CLIENT_DRIVER_VERSION || !size_is_good(pDriver->Size))
		return STATUS_INVALID_PARAMETER;
	memcpy((char *)pDriver + HEADER_BYTES, (const char *)&defaults + HEADER_BYTES, pDriver->Size - HEADER_BYTES);
	return STATUS_SUCCESS;
}

/* ---- the exported functions -------------------------------------------------------------------------- */

static inline const DXVAULT_CLIENT_DRIVER *driver(void)
{
	return atomic_load_explicit(&active, memory_order_acquire);
}

#define EXPORT(Name, name, type)                  \
	NTSTATUS APIENTRY D3DKMT##Name(type *arg) \
	{                                         \
		return driver()->pfn##Name(arg);  \
	}
KMT_BLOCK_ENTRIES(EXPORT)
#undef EXPORT

NTSTATUS APIENTRY D3DKMTOpenAdapterFromLuid(CONST D3DKMT_OPENADAPTERFROMLUID *arg)
{
	/* Constant as published, with an output in it; the type of the pointer to it is published without. */
	return driver()->pfnOpenAdapterFromLuid((D3DKMT_OPENADAPTERFROMLUID *)(uintptr_t)arg);
}

NTSTATUS APIENTRY D3DKMTShareObjects(UINT count, CONST D3DKMT_HANDLE *objects, POBJECT_ATTRIBUTES attributes,
				     DWORD access, HANDLE *nt_handle)
{
	return driver()->pfnShareObjects(count, objects, attributes, access, nt_handle);
}

/* ---- exported beside them ----------------------------------------------------------------------------- */

/* An escape that a client driver has taken over is done when that returns, and waiting for it is nothing. */
NTSTATUS APIENTRY DxvaultQueueEscape(CONST D3DKMT_ESCAPE *pData)
{
	PFND3DKMT_ESCAPE taken_over = driver()->pfnEscape;

	return taken_over == kmt_escape ? kmt_queue_escape(pData) : taken_over(pData);
}

NTSTATUS APIENTRY DxvaultWaitEscapes(D3DKMT_HANDLE hDevice, UINT Left)
{
	NTSTATUS status = kmt_rings_wait(hDevice, Left);

	/* Its devices need not be ours. */
	return status == STATUS_INVALID_PARAMETER && driver()->pfnEscape != kmt_escape ? STATUS_SUCCESS : status;
}
