/* SPDX-License-Identifier: MIT */
/* The Direct3D runtime's role, for programs that have none: loads a user-mode driver and calls it by the DDI. */
#ifndef DXV_RUNTIME_RUNTIME_H
#define DXV_RUNTIME_RUNTIME_H

#include <dxvault/d3dcontentprotection.h>
#include <dxvault/dxvault.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Thin: a caller still fills in the DDI structures where that is what it came for (rt_device_funcs). One thread a device
 * at a time, as the DDI wants it; two devices may be used by two threads. Every function returns an HRESULT, the driver's
 * own where it was the driver that answered; outputs are named ret_ and written on success only.
 */
struct rt_adapter;
struct rt_device;
struct rt_session;
struct rt_resource;

/* ---- adapter ------------------------------------------------------------------------------------ */

/*
 * Opens the first dxvault adapter that D3DKMTEnumAdapters2 lists and loads its user-mode driver: umd_path, else
 * $DXVAULT_UMD, else the file that KMTQAITYPE_UMDRIVERNAME names, looked for beside libdxvault-kmt.so and then as the
 * dynamic linker looks. E_FAIL: no adapter, or no driver that exports OpenAdapter (rt_last_error says why).
 */
HRESULT rt_adapter_open(const char *umd_path, struct rt_adapter **ret_adapter);
/* The same with a driver that is linked in. */
HRESULT rt_adapter_open_with(HRESULT(APIENTRY *open_adapter)(D3DDDIARG_OPENADAPTER *), struct rt_adapter **ret_adapter);
void rt_adapter_close(struct rt_adapter *adapter); /* its devices are closed before; NULL is allowed */

const D3DDDI_ADAPTERFUNCS *rt_adapter_funcs(struct rt_adapter *adapter);
HANDLE rt_adapter_handle(struct rt_adapter *adapter); /* the driver's */
D3DKMT_HANDLE rt_adapter_kernel_handle(struct rt_adapter *adapter);

HRESULT rt_adapter_content_protection_caps(struct rt_adapter *adapter, const GUID *crypto_type,
					   const GUID *decode_profile, D3DCONTENTPROTECTIONCAPS *ret_caps);
/* GETCERTIFICATESIZE and GETCERTIFICATE for AES128_CTR; *ret_data is malloc'ed, the caller frees it. */
HRESULT rt_adapter_certificate(struct rt_adapter *adapter, uint32_t certificate_type, uint8_t **ret_data,
			       size_t *ret_size);

const char *rt_last_error(void); /* one line about the last E_FAIL of this thread, or "" */

/* ---- device ------------------------------------------------------------------------------------- */

HRESULT rt_device_create(struct rt_adapter *adapter, struct rt_device **ret_device);
void rt_device_close(struct rt_device *device); /* and what was made on it; NULL is allowed */
/* The driver's, but that the runtime hears of the flags of a pfnPresent: D3DKMTPresent has Flags.Flip from there. */
const D3DDDI_DEVICEFUNCS *rt_device_funcs(struct rt_device *device);
HANDLE rt_device_handle(struct rt_device *device); /* the driver's */
D3DKMT_HANDLE rt_device_kernel_handle(struct rt_device *device);

/*
 * Until rt_queue_end the device's pfnEncryptionBlt and pfnDecryptionBlt return before they are done (DXVAULT_DEVICEFUNCS):
 * ret_results has room for max_blts, and belongs to the driver until then. ret_count: how many there are; may be NULL.
 * D3DDDIERR_NOTAVAILABLE: the driver has no queues, and every blt waits for itself.
 */
HRESULT rt_queue_begin(struct rt_device *device, UINT max_blts, HRESULT *ret_results);
HRESULT rt_queue_end(struct rt_device *device, UINT *ret_count);

/* ---- crypto session and its protected session ---------------------------------------------------- */

/*
 * CreateCryptoSession. runtime_data (at most 64 KiB, copied) becomes the private runtime data of the kernel's protected
 * session, whose handle and monitored fence the runtime owns.
 */
HRESULT rt_session_create(struct rt_device *device, const GUID *crypto_type, const GUID *decode_profile,
			  const void *runtime_data, UINT runtime_data_size, struct rt_session **ret_session);
void rt_session_close(struct rt_session *session);		    /* DestroyCryptoSession; NULL is allowed */
HANDLE rt_session_handle(struct rt_session *session);		    /* hCryptoSession */
D3DKMT_HANDLE rt_session_kernel_handle(struct rt_session *session); /* of the protected session */
D3DKMT_HANDLE rt_session_fence(struct rt_session *session);
const volatile UINT64 *rt_session_fence_value(
	struct rt_session *session); /* read-only mapping of the count of losses */
/* An NT handle (a descriptor, close-on-exec) of the protected session; the caller closes it. */
HRESULT rt_session_share(struct rt_session *session, int *ret_nt_handle);
/* An NT handle of its monitored fence. */
HRESULT rt_session_share_fence(struct rt_session *session, int *ret_nt_handle);

/* ---- resources (one subresource each) ------------------------------------------------------------- */

struct rt_surface {
	D3DDDIFORMAT format;
	uint32_t width;
	uint32_t height;
	D3DDDI_RATIONAL refresh_rate; /* 0/0: none */
	D3DDDI_ROTATION rotation;     /* 0: identity */
};

/*
 * A system-memory surface whose bytes the runtime allocates so that the kernel reads them in place: *ret_memory (page
 * aligned, size bytes for the linear bytes of a protected surface of the same kind) lives as long as the resource.
 */
HRESULT rt_resource_create_system(struct rt_device *device, const struct rt_surface *surface, void **ret_memory,
				  size_t *ret_size, uint32_t *ret_pitch, struct rt_resource **ret_resource);
/* A surface in VIDEOMEMORY with these flags. */
HRESULT rt_resource_create_video(struct rt_device *device, const struct rt_surface *surface, D3DDDI_RESOURCEFLAGS flags,
				 struct rt_resource **ret_resource);
/* A protected surface (RestrictedContent, VIDEOMEMORY); flags are added, e.g. SharedResource. */
HRESULT rt_resource_create_protected(struct rt_device *device, const struct rt_surface *surface,
				     D3DDDI_RESOURCEFLAGS flags, struct rt_resource **ret_resource);
/* An NT handle of a shared resource; the caller closes it. */
HRESULT rt_resource_share(struct rt_resource *resource, int *ret_nt_handle);
/* D3DKMTQueryResourceInfoFromNtHandle, D3DKMTOpenResourceFromNtHandle, OpenResource. nt_handle stays the caller's. */
HRESULT rt_resource_open(struct rt_device *device, int nt_handle, struct rt_resource **ret_resource);
void rt_resource_close(struct rt_resource *resource);	 /* DestroyResource; NULL is allowed */
HANDLE rt_resource_handle(struct rt_resource *resource); /* the driver's */

/* ---- present --------------------------------------------------------------------------------------- */

struct rt_present {
	RECT source;	  /* the part of the surface to show */
	RECT destination; /* its size on the screen */
	uint32_t count;	  /* refresh at which it shows */
	uint32_t duration;
	bool windowed; /* into a window of the desktop; else a full-screen flip */
};

/* pfnPresent; what the DDI structure has no member for reaches D3DKMTPresent from here. */
HRESULT rt_present(struct rt_device *device, struct rt_resource *resource, const struct rt_present *present);

/* ---- statuses ---------------------------------------------------------------------------------------- */

/* The one place where an NTSTATUS becomes an HRESULT for a driver. */
HRESULT rt_hresult_from_status(NTSTATUS status);

#endif
