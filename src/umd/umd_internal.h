/* SPDX-License-Identifier: MIT */
/* The objects of the user-mode driver, and what its files call in each other. */
#ifndef DXV_UMD_UMD_INTERNAL_H
#define DXV_UMD_UMD_INTERNAL_H

#include "driver/driver_private.h"
#include "util/list.h"

#include <dxvault/d3dcontentprotection.h>
#include <dxvault/d3dumddi.h>
#include <dxvault/dxvault.h>
#include <stdbool.h>
#include <stdint.h>

#define UMD_DEVICE_SLOTS 121 /* the Windows 7 part of the device table (CAP-14) */

/* ---- handle.c --------------------------------------------------------------------------------- */

enum umd_kind { UMD_ADAPTER = 1, UMD_DEVICE, UMD_SESSION, UMD_RESOURCE, UMD_DECODE };

/* The first member of all that a handle names. */
struct umd_object {
	HANDLE handle;
	enum umd_kind kind;
	struct umd_object *owner; /* of a device its adapter; of a session or resource its device */
	uint32_t children;
	struct umd_object *next; /* in its bucket */
};

#define UMD_FIRST_BUCKETS 8

/* Objects by their handles. All zero is an empty one, and one without objects holds no memory. */
struct umd_objects {
	size_t count;
	size_t bucket_count;	     /* of buckets, a power of two as the first */
	struct umd_object **buckets; /* NULL: the first ones */
	struct umd_object *first_buckets[UMD_FIRST_BUCKETS];
};

/* Where the values of handles begin. Only a test that needs one of them to be a certain number ever changes it. */
extern uint64_t umd_handle_base;

/* Gives the object a handle that no object of this process had before (CS-24, CS-47). */
void umd_object_add(struct umd_object *object, enum umd_kind kind, struct umd_object *owner);

/* NULL for any value that is not the handle of such an object. owner: of all but adapters and devices, their device. */
struct umd_object *umd_object_find(HANDLE handle, enum umd_kind kind, const struct umd_object *owner);

/* False, and nothing is done, while the object owns others. */
bool umd_object_remove(struct umd_object *object);

/* ---- objects ---------------------------------------------------------------------------------- */

struct umd_adapter {
	struct umd_object object;
	HANDLE runtime; /* the runtime's handle */
	PFND3DDDI_QUERYADAPTERINFOCB query_cb;
	struct drv_caps caps; /* asked once: constant for the adapter object's life (CAP-62) */
};

/* Any of these may be NULL (CAP-28). */
struct umd_callbacks {
	PFND3DDDI_ALLOCATECB allocate;
	PFND3DDDI_DEALLOCATECB deallocate;
	PFND3DDDI_LOCKCB lock;
	PFND3DDDI_UNLOCKCB unlock;
	PFND3DDDI_ESCAPECB escape;
	PFND3DDDI_CREATECONTEXTCB create_context;
	PFND3DDDI_DESTROYCONTEXTCB destroy_context;
	PFND3DDDI_PRESENTCB present;
	PFNDXVAULT_CREATEPROTECTEDSESSIONCB create_session;
	PFNDXVAULT_DESTROYPROTECTEDSESSIONCB destroy_session;
	PFNDXVAULT_QUEUEESCAPECB queue_escape;
	PFNDXVAULT_WAITESCAPESCB wait_escapes;
};

struct umd_device {
	struct umd_object object;
	struct umd_adapter *adapter;
	HANDLE runtime; /* the runtime's handle, for its callbacks (CAP-23) */
	struct umd_callbacks callbacks;
	struct umd_objects objects; /* what is in the lists below, channels excepted */
	struct list sessions;
	struct list resources;
	struct list channels;
	struct list decodes;
	HANDLE context;		 /* NULL before the first submission (CAP-24) */
	struct umd_queue *queue; /* NULL before the first BeginQueue */
};

struct umd_session {
	struct umd_object object;
	struct umd_device *device;
	struct list link;
	D3DKMT_HANDLE kernel; /* the protected session */
};

/* Its handle is the kernel half's own: messages name it under a tag, and no other process has the same (AC-008). */
struct umd_channel {
	struct list link;
	HANDLE handle;
};

struct umd_decode {
	struct umd_object object;
	struct list link;
	uint64_t kernel; /* the handle that channels know it by */
};

/* One subresource. */
struct umd_surface {
	D3DKMT_HANDLE allocation; /* 0: the kernel half does not know this surface (BLT-115) */
	uint32_t width;
	uint32_t height;
	uint32_t pitch; /* of the linear bytes; 0: a layout that dxvault does not know */
	uint64_t size;	/* L, or 0 */

	/* D3DDDIPOOL_SYSTEMMEM only. */
	void *memory; /* the application's */
	uint32_t memory_pitch;
	uint32_t memory_slice_pitch;
	bool is_staged;	   /* the allocation has memory of its own, not the application's */
	void *staging;	   /* that memory, once mapped */
	uint64_t last_blt; /* is_staged: the number of the last queued blt that uses that memory */

	/* RestrictedContent only: what Lock shows is a copy (protected_lock.c). */
	D3DKMT_HANDLE copy;
	bool is_copy_mapped;
	bool is_copy_for_writing; /* goes back at Unlock */

	bool is_locked;
	bool is_mapped; /* by pfnLockCb, and pfnUnlockCb is due */
};

struct umd_resource {
	struct umd_object object;
	struct umd_device *device;
	struct list link;
	HANDLE runtime; /* the runtime's handle */
	D3DDDIFORMAT format;
	D3DDDI_POOL pool;
	D3DDDI_RESOURCEFLAGS flags;
	uint32_t multisample; /* 0 where the page calls the member reserved (BLT-32) */
	uint32_t rotation;
	D3DDDI_RATIONAL refresh_rate;
	uint32_t source_id;
	D3DKMT_HANDLE *handles; /* of all allocations, as they were made; behind the surfaces */
	uint32_t handle_count;
	uint32_t count;
	struct umd_surface surfaces[];
};

/* ---- escape.c --------------------------------------------------------------------------------- */

/* What an entry answers when a callback answered hr (CAP-27). */
HRESULT umd_callback_result(HRESULT hr);

/* Completes the header, and says how the command is sent. */
D3DDDICB_ESCAPE umd_escape_describe(const struct umd_device *device, enum drv_command command, void *escape,
				    uint32_t size);

/* Sends a command; header.session and the command's own members are filled in. The DDI function's result. */
HRESULT umd_escape(struct umd_device *device, enum drv_command command, void *escape, uint32_t size);

/* The same for functions that never say E_OUTOFMEMORY (CS-07). */
HRESULT umd_escape_reserved(struct umd_device *device, enum drv_command command, void *escape, uint32_t size);

/* hr, which an argument earned, unless the adapter is gone: that comes before all but step 1 (CS-71, BLT-120). */
HRESULT umd_refuse(struct umd_device *device, HRESULT hr);

/* ---- adapter.c, caps.c, certificate.c ---------------------------------------------------------- */

struct umd_adapter *umd_adapter_find(HANDLE handle);
/* pfnQueryAdapterInfoCb: data holds the query, and then the answer. */
HRESULT umd_adapter_query(struct umd_adapter *adapter, void *data, uint32_t size);

/* S_OK, D3DDDIERR_NOTAVAILABLE or D3DDDIERR_UNSUPPORTEDCRYPTO; a zero type is up to the caller. */
HRESULT umd_crypto_check(const struct umd_adapter *adapter, const GUID *crypto_type, const GUID *decode_profile);
bool umd_guid_equal(const GUID *a, const GUID *b);
bool umd_guid_is_zero(const GUID *guid);

HRESULT APIENTRY umd_get_caps(HANDLE hAdapter, const D3DDDIARG_GETCAPS *pData);
HRESULT umd_get_certificate_size(struct umd_adapter *adapter, const D3DDDIARG_GETCAPS *pData);
HRESULT umd_get_certificate(struct umd_adapter *adapter, const D3DDDIARG_GETCAPS *pData);

/* ---- device.c, table.c ------------------------------------------------------------------------- */

HRESULT APIENTRY umd_create_device(HANDLE hAdapter, D3DDDIARG_CREATEDEVICE *pData);
HRESULT APIENTRY umd_destroy_device(HANDLE hDevice);
/* For every entry but the blts: what is queued is done first. */
struct umd_device *umd_device_find(HANDLE handle);
/* The same without a wait. */
struct umd_device *umd_device_find_busy(HANDLE handle);

void umd_table_fill(D3DDDI_DEVICEFUNCS *ret_table);

/* ---- crypto_session.c, key_refresh.c ------------------------------------------------------------ */

HRESULT APIENTRY umd_create_crypto_session(HANDLE hDevice, D3DDDIARG_CREATECRYPTOSESSION *pData);
HRESULT APIENTRY umd_crypto_session_key_exchange(HANDLE hDevice, D3DDDIARG_CRYPTOSESSIONKEYEXCHANGE *pData);
HRESULT APIENTRY umd_destroy_crypto_session(HANDLE hDevice, const D3DDDIARG_DESTROYCRYPTOSESSION *pData);
HRESULT APIENTRY umd_start_session_key_refresh(HANDLE hDevice, const D3DDDIARG_STARTSESSIONKEYREFRESH *pData);
HRESULT APIENTRY umd_finish_session_key_refresh(HANDLE hDevice, const D3DDDIARG_FINISHSESSIONKEYREFRESH *pData);
HRESULT APIENTRY umd_get_encryption_blt_key(HANDLE hDevice, const D3DDDIARG_GETENCRYPTIONBLTKEY *pData);

/* Steps 2 to 5 of CS-71: a function that is not offered, a session that is dead or another device's. */
HRESULT umd_session_find(struct umd_device *device, bool is_offered, HANDLE handle, struct umd_session **ret_session);
void umd_session_free(struct umd_session *session);

/* ---- channel.c --------------------------------------------------------------------------------- */

HRESULT APIENTRY umd_create_channel(HANDLE hDevice, D3DDDIARG_CREATEAUTHENTICATEDCHANNEL *pData);
HRESULT APIENTRY umd_channel_key_exchange(HANDLE hDevice, D3DDDIARG_AUTHENTICATEDCHANNELKEYEXCHANGE *pData);
HRESULT APIENTRY umd_configure_channel(HANDLE hDevice, const D3DDDIARG_CONFIGUREAUTHENTICATEDCHANNEL *pData);
HRESULT APIENTRY umd_query_channel(HANDLE hDevice, const D3DDDIARG_QUERYAUTHENTICATEDCHANNEL *pData);
HRESULT APIENTRY umd_destroy_channel(HANDLE hDevice, const D3DDDIARG_DESTROYAUTHENTICATEDCHANNEL *pData);
void umd_channel_free(struct umd_device *device, struct umd_channel *channel);

/* ---- decode.c ---------------------------------------------------------------------------------- */

HRESULT APIENTRY umd_create_decode(HANDLE hDevice, D3DDDIARG_CREATEDECODEDEVICE *pData);
HRESULT APIENTRY umd_destroy_decode(HANDLE hDevice, HANDLE hDecode);
HRESULT APIENTRY umd_decode_extension(HANDLE hDevice, const D3DDDIARG_DECODEEXTENSIONEXECUTE *pData);
void umd_decode_free(struct umd_device *device, struct umd_decode *decode);
/* Whether a profile is the driver's. */
bool umd_is_profile(const struct umd_adapter *adapter, const GUID *guid);

/* ---- blt.c ------------------------------------------------------------------------------------- */

HRESULT APIENTRY umd_encryption_blt(HANDLE hDevice, const D3DDDIARG_ENCRYPTIONBLT *pData);
HRESULT APIENTRY umd_decryption_blt(HANDLE hDevice, const D3DDDIARG_DECRYPTIONBLT *pData);
HRESULT APIENTRY umd_get_pitch(HANDLE hDevice, D3DDDIARG_GETPITCH *pData);

/* ---- queue.c ----------------------------------------------------------------------------------- */

HRESULT APIENTRY umd_begin_queue(HANDLE hDevice, const DXVAULTARG_BEGINQUEUE *pData);
HRESULT APIENTRY umd_end_queue(HANDLE hDevice, UINT *pCount);

bool umd_queue_is_open(const struct umd_device *device);
/* Where the next blt is to be built: own, unless it will be queued. */
struct drv_escape_blt *umd_queue_record(struct umd_device *device, struct drv_escape_blt *own);
/* Before a blt reads or writes system's memory. D3DDDIERR_INVALIDCALL: the queue is full. */
HRESULT umd_queue_admit(struct umd_device *device, const struct umd_surface *system, bool is_encryption);
/* The blt that was built in umd_queue_record. iv: where EncryptionBlt's vector goes; NULL for DecryptionBlt. */
HRESULT umd_queue_blt(struct umd_device *device, enum drv_command command, struct drv_escape_blt *escape,
		      struct umd_surface *system, void *iv);
/* All that is queued is done, and its results are written. */
void umd_queue_settle(struct umd_device *device);
void umd_queue_free(struct umd_device *device);

/* ---- resource.c, open_resource.c ----------------------------------------------------------------- */

HRESULT APIENTRY umd_create_resource(HANDLE hDevice, D3DDDIARG_CREATERESOURCE *pData);
HRESULT APIENTRY umd_destroy_resource(HANDLE hDevice, HANDLE hResource);
HRESULT APIENTRY umd_open_resource(HANDLE hDevice, D3DDDIARG_OPENRESOURCE *pData);

struct umd_resource *umd_resource_find(const struct umd_device *device, HANDLE handle);
/* NULL for an index past the list. */
struct umd_surface *umd_resource_surface(struct umd_resource *resource, uint32_t index);
struct umd_resource *umd_resource_new(struct umd_device *device, HANDLE runtime, uint32_t count);
void umd_resource_publish(struct umd_resource *resource); /* gives it its handle */
/* Undoes locks, releases the allocations, frees. The runtime's answers change nothing: the object is gone. */
void umd_resource_free(struct umd_resource *resource);
/* One call for all surfaces that have a layout and, in system memory, an alignment (CAP-25). */
HRESULT umd_resource_allocate(struct umd_resource *resource, bool in_place);

/* ---- system_memory.c ----------------------------------------------------------------------------- */

bool umd_system_is_aligned(const struct umd_surface *surface);
HRESULT umd_system_allocate(struct umd_resource *resource);
/* Before a transfer: staged bytes can be reached. */
HRESULT umd_system_prepare(struct umd_device *device, struct umd_surface *surface);
void umd_system_to_kernel(struct umd_surface *surface);	  /* before DecryptionBlt */
void umd_system_from_kernel(struct umd_surface *surface); /* after EncryptionBlt */

/* ---- lock.c --------------------------------------------------------------------------------------- */

HRESULT APIENTRY umd_lock(HANDLE hDevice, D3DDDIARG_LOCK *pData);
HRESULT APIENTRY umd_unlock(HANDLE hDevice, const D3DDDIARG_UNLOCK *pData);
/* pfnLockCb and pfnUnlockCb for one allocation. */
HRESULT umd_map(struct umd_device *device, D3DKMT_HANDLE allocation, D3DDDICB_LOCKFLAGS flags, void **ret_memory);
HRESULT umd_unmap(struct umd_device *device, D3DKMT_HANDLE allocation);

/* ---- protected_lock.c ----------------------------------------------------------------------------- */

/* E_ACCESSDENIED while protection is enabled. */
HRESULT umd_protected_lock(struct umd_device *device, struct umd_surface *surface);
/* The surface's bytes, for the holder of the lock; is_for_writing: they go back at the end. */
HRESULT umd_protected_map(struct umd_resource *resource, struct umd_surface *surface, bool is_for_writing,
			  void **ret_memory);
/* On failure the surface is locked as before. */
HRESULT umd_protected_unlock(struct umd_device *device, struct umd_surface *surface);
/* For a Lock that fails later. */
void umd_protected_cancel(struct umd_device *device, struct umd_surface *surface);
/* For a surface that goes: nothing is written to it. */
void umd_protected_free(struct umd_device *device, struct umd_surface *surface);

/* ---- present.c ------------------------------------------------------------------------------------ */

HRESULT APIENTRY umd_present(HANDLE hDevice, const D3DDDIARG_PRESENT *pData);

#endif
