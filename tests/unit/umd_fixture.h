/* SPDX-License-Identifier: MIT */
/* A runtime that records the driver's callbacks, with a small kernel half behind it that knows keys by name only. */
#ifndef DXV_TESTS_UMD_FIXTURE_H
#define DXV_TESTS_UMD_FIXTURE_H

#include "driver/driver_private.h"

#include <dxvault/d3dcontentprotection.h>
#include <dxvault/d3dumddi.h>
#include <dxvault/dxvault.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define UF_RESTRICTED	   0x40000000u
#define UF_RESTRICT_SHARED 0x80000000u
#define UF_SHARED	   0x00000800u
#define UF_TEXTURE	   0x00010000u
#define UF_RENDER_TARGET   0x00000001u

#define UF_ALLOCATIONS	    64
#define UF_SESSIONS	    2048
#define UF_CERTIFICATE_SIZE 700u
#define UF_QUEUED	    64 /* escapes of a device that are not answered */

/* What the runtime passes for its own handles. */
#define UF_RUNTIME_ADAPTER   ((HANDLE)(uintptr_t)0x1000)
#define UF_RUNTIME_DEVICE(n) ((HANDLE)(uintptr_t)(0x2000 + (n)))
#define UF_RUNTIME_CONTEXT   ((HANDLE)(uintptr_t)0x3000)

struct uf_allocation {
	D3DKMT_HANDLE handle; /* 0: free */
	HANDLE resource;
	struct drv_allocation info;
	uint8_t *in_place; /* pSystemMem */
	uint8_t *memory;   /* L bytes of its own, where in_place is NULL */
	uint64_t size;
	int locks;
	bool is_locked; /* by DRV_COMMAND_LOCK */
};

struct uf_session {
	D3DKMT_HANDLE handle; /* 0: free */
	HANDLE device;
	struct drv_session info;
	bool has_key, has_pending, has_readback;
};

/* How often each callback came. */
struct uf_calls {
	int query, allocate, deallocate, lock, unlock, escape, ping, create_context, destroy_context, present;
	int create_session, destroy_session, queue, wait;
};

/* An escape that is not answered. */
struct uf_queued {
	struct drv_escape_blt *escape;
	struct drv_escape_blt before; /* it is the kernel's, so nobody changes it */
	struct drv_escape_blt after;
};

struct uf {
	/* Set by a test: what goes wrong. S_OK: nothing. */
	struct drv_caps caps;
	bool is_removed;    /* every callback: D3DDDIERR_DEVICEREMOVED */
	bool shares_memory; /* the kernel takes pSystemMem */
	HRESULT query_result, allocate_result, lock_result, unlock_result, escape_result, session_result;
	HRESULT context_result, present_result;
	HRESULT command_result; /* for drv_escape.result, instead of the command's own */
	HRESULT queue_result;
	int failing_lock; /* the n-th DRV_COMMAND_LOCK to come is refused: E_ACCESSDENIED; 0: none */

	uint32_t device_flags; /* of CreateDevice */
	bool is_eager;	       /* queued escapes are done at once, and answered as late as the others */
	int refused_escape;    /* the n-th queued escape to be answered is refused by the kernel; 0: none */
	HRESULT refusal;       /* what the wait says then; S_OK: E_FAIL */
	int removed_at;	       /* instead of the n-th answer, the adapter goes; 0: never */

	/* Recorded. */
	struct uf_calls calls;
	HANDLE seen_adapter; /* the last hAdapter and hDevice that came */
	HANDLE seen_device;
	D3DDDICB_DEALLOCATE seen_deallocate;
	D3DDDICB_PRESENT seen_present;
	UINT seen_left;		   /* of the last wait */
	int encryptions;	   /* done; the first byte of the vector */
	uint32_t seen_allocations; /* NumAllocations of the last allocate */
	struct drv_escape_blt seen_blt;

	struct uf_allocation allocations[UF_ALLOCATIONS];
	struct uf_session sessions[UF_SESSIONS];
	D3DKMT_HANDLE next_handle;
	int locked_surfaces;		       /* of the kernel half's */
	int live_decodes;		       /* the same */
	struct uf_queued queued[2][UF_QUEUED]; /* of each device, the oldest first */
	int queued_count[2];

	/* The driver's, as opened by uf_start. */
	D3DDDI_ADAPTERCALLBACKS adapter_callbacks;
	DXVAULT_DEVICECALLBACKS device_callbacks;
	D3DDDI_ADAPTERFUNCS adapter_funcs;
	union {
		D3DDDI_DEVICEFUNCS funcs;
		DXVAULT_DEVICEFUNCS extended; /* with DXVAULT_CREATEDEVICE_QUEUED_BLTS */
	};
	HANDLE adapter;
	HANDLE devices[2];
};

/* One at a time. Opens the adapter and two devices with the default capabilities. */
struct uf *uf_start(void);
/* The same with others; the test opens by itself if open is false. */
struct uf *uf_start_with(uint32_t caps, bool open);
void uf_open(struct uf *uf);
/* Destroys what is left, then asserts that nothing was leaked and that locks pair up (CAP-20, CAP-26). */
void uf_stop(struct uf *uf);

D3DDDIARG_OPENADAPTER uf_open_arg(struct uf *uf);
D3DDDIARG_CREATEDEVICE uf_device_arg(struct uf *uf, int n);
HANDLE uf_session(struct uf *uf, int device); /* a crypto session, state S1 */
HANDLE uf_session_with_key(struct uf *uf, int device);
HANDLE uf_resource(struct uf *uf, int device, D3DDDI_POOL pool, uint32_t flags, UINT width, UINT height, void *memory);
HRESULT uf_destroy_resource(struct uf *uf, int device, HANDLE resource);
struct uf_allocation *uf_allocation_of(struct uf *uf, uint32_t pool); /* the first live one there */
int uf_live_allocations(const struct uf *uf);
int uf_live_sessions(const struct uf *uf);

/* A 16 x 1 surface of A8R8G8B8: 64 linear bytes. */
struct uf_bench {
	struct uf *uf;
	HANDLE device, session, protected, system;
	_Alignas(16) uint8_t memory[256];
	uint8_t iv[16];
};

void uf_bench_start(struct uf_bench *b, bool shares_memory);
void uf_bench_start_with(struct uf_bench *b, uint32_t caps, bool shares_memory);
/* On a device that was made with DXVAULT_CREATEDEVICE_QUEUED_BLTS. */
void uf_bench_start_queueing(struct uf_bench *b, bool shares_memory);
HRESULT uf_begin(struct uf_bench *b, UINT max_blts, HRESULT *results);
HRESULT uf_end(struct uf_bench *b, UINT *count);
D3DDDIARG_DECRYPTIONBLT uf_decryption(struct uf_bench *b);
D3DDDIARG_ENCRYPTIONBLT uf_encryption(struct uf_bench *b);
HRESULT uf_decrypt(struct uf_bench *b, const D3DDDIARG_DECRYPTIONBLT *arg);
HRESULT uf_encrypt(struct uf_bench *b, const D3DDDIARG_ENCRYPTIONBLT *arg);
HRESULT uf_lock(struct uf_bench *b, HANDLE resource, uint32_t flags, D3DDDIARG_LOCK *ret);
HRESULT uf_unlock(struct uf_bench *b, HANDLE resource, uint32_t flags);
/* The runtime's handle is 0x4000, and changes on success only (BLT-108). */
HRESULT uf_create(struct uf *uf, D3DDDIFORMAT format, D3DDDI_POOL pool, uint32_t flags, const D3DDDI_SURFACEINFO *list,
		  UINT count, HANDLE *ret);

/* Memory failures: the calloc after next_ok good ones fails, once. False where the linker was not told to wrap it. */
bool uf_can_fail_calloc(void);
void uf_fail_calloc(int next_ok);
void uf_fail_calloc_off(void);

#define INVALIDARG		  E_INVALIDARG
#define INVALIDCALL		  D3DDDIERR_INVALIDCALL
#define NOTAVAILABLE		  D3DDDIERR_NOTAVAILABLE
#define DEVICEREMOVED		  D3DDDIERR_DEVICEREMOVED
#define UNSUPPORTEDCRYPTO	  D3DDDIERR_UNSUPPORTEDCRYPTO
#define assert_hr(call, expected) assert_int_equal((uint32_t)(call), (uint32_t)(expected))

extern const GUID UF_ZERO, UF_RANDOM_GUID;

#endif
