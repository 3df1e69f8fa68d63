/* SPDX-License-Identifier: MIT */
/* The library's own implementations of the D3DKMT functions: what the exported ones reach unless a client driver stands
   in between (KMT-84). */
#ifndef DXV_KMT_ENTRY_H
#define DXV_KMT_ENTRY_H

#include <dxvault/d3dkmthk.h>

/*
 * Every function that has a member in DXVAULT_CLIENT_DRIVER and takes one argument block: ENTRY(the name after D3DKMT, the
 * name after kmt_, the block's type). D3DKMTOpenAdapterFromLuid and D3DKMTShareObjects have shapes of their own.
 */
#define KMT_BLOCK_ENTRIES(ENTRY)                                                                                       \
	ENTRY(EnumAdapters2, enum_adapters2, CONST D3DKMT_ENUMADAPTERS2)                                               \
	ENTRY(EnumAdapters3, enum_adapters3, D3DKMT_ENUMADAPTERS3)                                                     \
	ENTRY(CloseAdapter, close_adapter, CONST D3DKMT_CLOSEADAPTER)                                                  \
	ENTRY(QueryAdapterInfo, query_adapter_info, CONST D3DKMT_QUERYADAPTERINFO)                                     \
	ENTRY(CreateDevice, create_device, D3DKMT_CREATEDEVICE)                                                        \
	ENTRY(DestroyDevice, destroy_device, CONST D3DKMT_DESTROYDEVICE)                                               \
	ENTRY(GetDeviceState, get_device_state, D3DKMT_GETDEVICESTATE)                                                 \
	ENTRY(CreateContextVirtual, create_context_virtual, D3DKMT_CREATECONTEXTVIRTUAL)                               \
	ENTRY(DestroyContext, destroy_context, CONST D3DKMT_DESTROYCONTEXT)                                            \
	ENTRY(CreateSynchronizationObject2, create_synchronization_object2, D3DKMT_CREATESYNCHRONIZATIONOBJECT2)       \
	ENTRY(DestroySynchronizationObject, destroy_synchronization_object, CONST D3DKMT_DESTROYSYNCHRONIZATIONOBJECT) \
	ENTRY(OpenSyncObjectFromNtHandle2, open_sync_object_from_nt_handle2, D3DKMT_OPENSYNCOBJECTFROMNTHANDLE2)       \
	ENTRY(SignalSynchronizationObjectFromCpu, signal_synchronization_object_from_cpu,                              \
	      CONST D3DKMT_SIGNALSYNCHRONIZATIONOBJECTFROMCPU)                                                         \
	ENTRY(WaitForSynchronizationObjectFromCpu, wait_for_synchronization_object_from_cpu,                           \
	      CONST D3DKMT_WAITFORSYNCHRONIZATIONOBJECTFROMCPU)                                                        \
	ENTRY(CreateAllocation2, create_allocation2, D3DKMT_CREATEALLOCATION)                                          \
	ENTRY(DestroyAllocation2, destroy_allocation2, CONST D3DKMT_DESTROYALLOCATION2)                                \
	ENTRY(Lock2, lock2, D3DKMT_LOCK2)                                                                              \
	ENTRY(Unlock2, unlock2, CONST D3DKMT_UNLOCK2)                                                                  \
	ENTRY(QueryResourceInfoFromNtHandle, query_resource_info_from_nt_handle, D3DKMT_QUERYRESOURCEINFOFROMNTHANDLE) \
	ENTRY(OpenResourceFromNtHandle, open_resource_from_nt_handle, D3DKMT_OPENRESOURCEFROMNTHANDLE)                 \
	ENTRY(Escape, escape, CONST D3DKMT_ESCAPE)                                                                     \
	ENTRY(Present, present, D3DKMT_PRESENT)                                                                        \
	ENTRY(CreateProtectedSession, create_protected_session, D3DKMT_CREATEPROTECTEDSESSION)                         \
	ENTRY(DestroyProtectedSession, destroy_protected_session, D3DKMT_DESTROYPROTECTEDSESSION)                      \
	ENTRY(QueryProtectedSessionStatus, query_protected_session_status, D3DKMT_QUERYPROTECTEDSESSIONSTATUS)         \
	ENTRY(QueryProtectedSessionInfoFromNtHandle, query_protected_session_info_from_nt_handle,                      \
	      D3DKMT_QUERYPROTECTEDSESSIONINFOFROMNTHANDLE)                                                            \
	ENTRY(OpenProtectedSessionFromNtHandle, open_protected_session_from_nt_handle,                                 \
	      D3DKMT_OPENPROTECTEDSESSIONFROMNTHANDLE)

#define KMT_DECLARE(Name, name, type) NTSTATUS APIENTRY kmt_##name(type *arg);
KMT_BLOCK_ENTRIES(KMT_DECLARE)
#undef KMT_DECLARE

NTSTATUS APIENTRY kmt_open_adapter_from_luid(D3DKMT_OPENADAPTERFROMLUID *arg);
NTSTATUS APIENTRY kmt_queue_escape(CONST D3DKMT_ESCAPE *arg);
NTSTATUS APIENTRY kmt_share_objects(UINT count, CONST D3DKMT_HANDLE *objects, POBJECT_ATTRIBUTES attributes,
				    DWORD access, HANDLE *nt_handle);

#endif
