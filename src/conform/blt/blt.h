/* SPDX-License-Identifier: MIT */
/* What the tests of blt.md share: a session with a key and surfaces, and calls whose arguments can be spoilt. */
#ifndef DXV_CONFORM_BLT_BLT_H
#define DXV_CONFORM_BLT_BLT_H

#include "conform/conform.h"

/* D3DDDI_RESOURCEFLAGS.Value */
enum {
	BLT_RENDER_TARGET = 0x1,
	BLT_Z_BUFFER = 0x2,
	BLT_SHARED = 0x800,
	BLT_TEXTURE = 0x10000,
	BLT_CUBE_MAP = 0x20000,
	BLT_VOLUME = 0x40000,
	BLT_VERTEX_BUFFER = 0x80000,
	BLT_INDEX_BUFFER = 0x100000,
	BLT_DECODE_RENDER_TARGET = 0x200000,
	BLT_DECODE_COMPRESSED_BUFFER = 0x400000,
	BLT_VIDEO_PROCESS_RENDER_TARGET = 0x800000,
	BLT_RESTRICTED_CONTENT = 0x40000000,
};
#define BLT_RESTRICT_SHARED_ACCESS 0x80000000u

/* A session with a key, a protected surface and one in system memory for each way. */
struct blt {
	struct cf_device device;
	HANDLE session;
	uint8_t key[CF_KEY];	   /* the session's */
	uint8_t read_back[CF_KEY]; /* for cf_get; zero: none yet */
	struct cf_surface protected, in, out;
	size_t size; /* L of the protected surface, at most BLT_MOST */
	UINT whole;  /* the least SrcResourceSize and DstResourceSize: L, rounded up to BlockAlignmentSize */
};

enum { BLT_MOST = 65536 };

/* Of 16 x 1 pixels, A8R8G8B8: 64 bytes, and what a foreign driver's pitch adds. The session's key is K. */
struct blt blt_open(struct cf *cf);
struct blt blt_open_as(struct cf *cf, D3DDDIFORMAT format, uint32_t width, uint32_t height);
/* Where there is no EncryptionBlt the test does not apply. */
struct blt blt_open_readable(struct cf *cf);
/* For tests that need no DecryptionBlt: the others do not apply where there is none (BLT-52). */
struct blt blt_open_bare(struct cf *cf);

/* A further session of the device, with that key (NULL: none). */
HANDLE blt_session(struct cf *cf, const struct cf_device *device, const uint8_t *key);

/* Of what stands in b, the whole surface; the caller spoils it and calls. */
D3DDDIARG_DECRYPTIONBLT blt_decryption(const struct blt *b, uint8_t iv[16]);
D3DDDIARG_ENCRYPTIONBLT blt_encryption(const struct blt *b, uint8_t iv[16]);
HRESULT blt_decrypt(const struct cf_device *device, const D3DDDIARG_DECRYPTIONBLT *arg);
HRESULT blt_encrypt(const struct cf_device *device, const D3DDDIARG_ENCRYPTIONBLT *arg);

/* DecryptionBlt of what b->in holds, whole, with this vector. */
HRESULT blt_with_iv(const struct blt *b, uint64_t iv, uint64_t count);
/* The same with a clear content key, wrapped here by the session key. */
HRESULT blt_with_content_key(const struct blt *b, const uint8_t content_key[CF_KEY], uint64_t iv, uint64_t count);

/* Puts plain (L bytes) into the surface, or ends the test. */
void blt_put(struct cf *cf, struct blt *b, const void *plain);
/* What the surface holds (L bytes), or ends the test. */
void blt_get(struct cf *cf, struct blt *b, void *ret_plain);
/* Reads the surface and compares. */
bool blt_holds(struct cf *cf, struct blt *b, const char *rule, enum cf_basis basis, const void *want, size_t size,
	       const char *what);

/* A pattern, encrypted into b->in: what DecryptionBlt with this key and vector must bring. */
void blt_fill(const struct blt *b, const uint8_t key[CF_KEY], uint64_t iv, uint64_t count, uint32_t seed,
	      uint8_t *ret_plain);

/* Start and Finish; the new key stands in b->key. Ends the test where there is no refresh. */
void blt_refresh(struct cf *cf, struct blt *b);

/* CreateResource of one kind; the result of the call. handle may be NULL: destroyed again at once. */
HRESULT blt_create(struct cf *cf, const struct cf_device *device, D3DDDI_POOL pool, uint32_t flags, D3DDDIFORMAT format,
		   uint32_t width, uint32_t height, HANDLE *ret);
/* Such a resource for b, or NULL where the driver makes none of that kind. */
HANDLE blt_surface(struct cf *cf, const struct blt *b, D3DDDI_POOL pool, uint32_t flags);
/* An equal surface in system memory at this place. */
HANDLE blt_system_at(struct cf *cf, const struct blt *b, void *memory);

/* Pages of which the last cannot be read; returns where they end. size: of what lies before that end. */
uint8_t *blt_edge(struct cf *cf, size_t size);
/* Memory of the test's own that starts as the caps want it, filled with 0x5a. */
uint8_t *blt_memory(struct cf *cf, size_t size);

uint32_t blt_block(struct cf *cf);	    /* B */
uint32_t blt_start(struct cf *cf);	    /* A */
UINT blt_round(struct cf *cf, size_t size); /* up to B */

extern const struct cf_test blt_counter_tests[], blt_history_tests[], blt_encryption_tests[], blt_surface_tests[],
	blt_tie_tests[], blt_decryption_tests[], blt_partial_tests[], blt_content_key_tests[], blt_pitch_tests[],
	blt_resource_tests[], blt_lock_tests[], blt_shared_tests[], blt_system_memory_tests[], blt_order_tests[],
	blt_vector_tests[];

#endif
