/* SPDX-License-Identifier: MIT */
/* What the two halves of the driver say to each other: private data, adapter queries, escapes. */
#ifndef DXV_DRIVER_DRIVER_PRIVATE_H
#define DXV_DRIVER_DRIVER_PRIVATE_H

#include <dxvault/d3dcontentprotection.h>
#include <dxvault/d3dumddi.h>
#include <stdint.h>

/*
 * Each structure crosses the process boundary: fixed width, no pointers, no padding that is not named, sizes held by
 * static assertions in driver_private.c. The kernel-mode half copies it, then checks it.
 */

#define DRV_MAGIC 0x31565844u /* "DXV1" */

/* Limits of a surface. */
#define DRV_MAX_DIMENSION    16384u
#define DRV_PITCH_ALIGNMENT  16u
#define DRV_BUFFER_ALIGNMENT 16u
#define DRV_BLOCK_ALIGNMENT  16u

/* ---- QueryAdapterInfo, UMDRIVERPRIVATE --------------------------------------------------------- */

enum drv_query_type {
	DRV_QUERY_CAPS = 1,	   /* → struct drv_caps */
	DRV_QUERY_CERTIFICATE = 2, /* → struct drv_certificate and the chain behind it */
	DRV_QUERY_MEMORY = 3,	   /* → struct drv_memory */
};

struct drv_query {
	uint32_t magic;
	uint32_t type; /* enum drv_query_type */
	uint32_t leaf; /* DRV_QUERY_CERTIFICATE: D3DDDI_CERTTYPE_* */
	uint32_t reserved;
};

/* What the service is configured to offer. */
struct drv_caps {
	uint32_t magic;
	uint32_t caps; /* D3DCPCAPS_* */
	uint64_t protected_memory_size;
	uint32_t has_decryption_blt; /* 0 or 1: no capability bit tells (BLT-52) */
	uint32_t has_get_pitch;	     /* the same (BLT-84) */
	uint32_t decode_profiles; /* how many of drv_test_profiles there are: a test configuration's (D-41), else 0 */
	uint32_t reserved;
};

enum { DRV_TEST_PROFILES = 2 };
/* Profiles that no film has: a decode device with one of them can be tied to a session, and decodes nothing. */
extern const GUID drv_test_profiles[DRV_TEST_PROFILES];

struct drv_certificate {
	uint32_t magic;
	uint32_t size; /* bytes of the chain that follow; more than the room there is: only this header was written */
};

struct drv_memory {
	uint32_t magic;
	uint32_t keys;	   /* enum gpu_memory_kind */
	uint32_t surfaces; /* enum gpu_memory_kind */
	uint32_t reserved;
	uint64_t key_bytes;
	uint64_t surface_bytes;
	char reason[128];
	char engine[32];
};

/* ---- private driver data of an allocation (one subresource) and of a protected session ---------- */

struct drv_allocation {
	uint32_t magic;
	uint32_t format; /* D3DDDIFORMAT */
	uint32_t pool;	 /* D3DDDI_POOL */
	uint32_t flags;	 /* D3DDDI_RESOURCEFLAGS.Value */
	uint32_t width;
	uint32_t height;
	uint32_t multisample; /* D3DDDIMULTISAMPLE_TYPE; 0 where the page calls it reserved */
	uint32_t rotation;    /* D3DDDI_ROTATION */
	uint32_t refresh_numerator;
	uint32_t refresh_denominator;
};

struct drv_session {
	uint32_t magic;
	uint32_t reserved;
	GUID crypto_type;
	GUID decode_profile;
};

/*
 * The linear layout of a surface, the same in both halves. Returns 0 for a format that dxvault does not know or a
 * dimension out of range; else writes the pitch (a multiple of 16, BLT-85) and the number of linear bytes L.
 */
int drv_surface_layout(uint32_t format, uint32_t width, uint32_t height, uint32_t *ret_pitch, uint64_t *ret_size);

/* The kinds of surface that the two blts take (BLT-31, BLT-32): 0 for a kind that they refuse. */
int drv_surface_blt_kind(uint32_t resource_flags, uint32_t multisample);

/* ---- escapes: D3DKMTEscape, DRIVERPRIVATE, with hDevice ------------------------------------------ */

enum drv_command {
	DRV_COMMAND_PING = 1, /* header alone: is the adapter still there? */
	DRV_COMMAND_KEY_EXCHANGE,
	DRV_COMMAND_START_REFRESH,
	DRV_COMMAND_FINISH_REFRESH,
	DRV_COMMAND_GET_READBACK_KEY,
	DRV_COMMAND_ENCRYPTION_BLT,
	DRV_COMMAND_DECRYPTION_BLT,
	DRV_COMMAND_GET_PITCH,
	DRV_COMMAND_LOCK,
	DRV_COMMAND_UNLOCK,
	DRV_COMMAND_CREATE_CHANNEL,
	DRV_COMMAND_DESTROY_CHANNEL,
	DRV_COMMAND_CHANNEL_KEY_EXCHANGE,
	DRV_COMMAND_CONFIGURE_CHANNEL,
	DRV_COMMAND_QUERY_CHANNEL,
	DRV_COMMAND_CREATE_DECODE,
	DRV_COMMAND_DESTROY_DECODE,
};

/*
 * Every escape begins with this. The status of the escape itself is STATUS_SUCCESS whenever the command was understood;
 * what the DDI function returns stands in result. A size that is not the command's: STATUS_INVALID_PARAMETER.
 */
struct drv_escape {
	uint32_t magic;
	uint32_t command;      /* enum drv_command */
	int32_t result;	       /* out: the HRESULT of the DDI function */
	D3DKMT_HANDLE session; /* D3DKMT handle of the protected session; 0 for commands that name none */
};

struct drv_escape_key_exchange {
	struct drv_escape header;
	uint8_t blob[256];
};

/* START_REFRESH: the number, out. GET_READBACK_KEY: the wrapped key, out. FINISH_REFRESH: unused, zero. */
struct drv_escape_key {
	struct drv_escape header;
	uint8_t value[16];
};

enum {
	DRV_BLT_HAS_BLOCK_INFO = 1u << 0,
	DRV_BLT_HAS_CONTENT_KEY = 1u << 1,
	DRV_BLT_LOCKED = 1u << 2, /* the client holds a lock on a surface: D3DDDIERR_INVALIDCALL at step 14 (BLT-40) */
	DRV_BLT_NO_MEMORY = 1u << 3, /* the client cannot reach its system memory: E_OUTOFMEMORY at step 16 */
};

/* ENCRYPTION_BLT: iv is out; flags are LOCKED and NO_MEMORY, block_info and content_key are zero. DECRYPTION_BLT: all in. */
struct drv_escape_blt {
	struct drv_escape header;
	D3DKMT_HANDLE source;
	D3DKMT_HANDLE destination;
	uint32_t size;	/* DstResourceSize or SrcResourceSize */
	uint32_t flags; /* DRV_BLT_* */
	D3DDDIENCRYPTED_BLOCK_INFO block_info;
	uint32_t reserved;
	uint8_t content_key[16];
	uint8_t iv[16];
};

struct drv_escape_pitch {
	struct drv_escape header;
	D3DKMT_HANDLE allocation;
	uint32_t pitch; /* out */
};

/*
 * LOCK: the calling device locks a protected surface, and has its linear bytes copied to the staging surface. UNLOCK: copied
 * back, and the lock is over. staging has the surface's layout and is in system memory; 0: nothing is copied. A device that
 * holds the lock may send LOCK again.
 */
struct drv_escape_lock {
	struct drv_escape header;
	D3DKMT_HANDLE surface;
	D3DKMT_HANDLE staging;
};

/* CREATE_CHANNEL: type in, channel out. DESTROY_CHANNEL: channel in, type 0. */
struct drv_escape_channel {
	struct drv_escape header;
	uint64_t channel; /* the handle, chosen by the kernel half: no other process has it (AC-008) */
	uint32_t type;	  /* DDIAUTHENTICATEDCHANNELTYPE */
	uint32_t reserved;
};

struct drv_escape_channel_key {
	struct drv_escape header;
	uint64_t channel;
	uint8_t blob[256];
};

enum {
	DRV_MESSAGE_INPUT = 72,	 /* the largest command */
	DRV_MESSAGE_OUTPUT = 80, /* the largest answer */
};

/*
 * CONFIGURE_CHANNEL and QUERY_CHANNEL: the application's buffers as they are. The sizes are the caller's own, of any value;
 * input holds the first bytes of them, as many as fit, zero behind. What the first written bytes of output say is the
 * answer, whatever the result is. header.session: the session that CryptoSessionHandle in the buffer names on this device, 0
 * if none.
 */
struct drv_escape_message {
	struct drv_escape header;
	uint64_t channel; /* D3D11.1's parameter, which the buffer has to agree with (AC-067); 0: there is none */
	uint32_t input_size;
	uint32_t output_size; /* QUERY_CHANNEL; 48 for CONFIGURE_CHANNEL */
	uint32_t written;     /* out */
	uint32_t reserved;
	uint8_t input[DRV_MESSAGE_INPUT];
	uint8_t output[DRV_MESSAGE_OUTPUT];
};

/* CREATE_DECODE: profile in, decode out. DESTROY_DECODE: decode in, profile zero. In the test configuration alone. */
struct drv_escape_decode {
	struct drv_escape header;
	uint64_t decode; /* the driver's content-protection handle of the decode device (AC-116) */
	GUID profile;
};

#endif
