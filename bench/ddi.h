/* SPDX-License-Identifier: MIT */
/* A client of the Direct3D 9 DDI with a crypto session, its key and surfaces. */
#ifndef DXV_BENCH_DDI_H
#define DXV_BENCH_DDI_H

#include "bench/baseline.h"
#include "runtime/runtime.h"
#include "tools/trust.h"

enum { DDI_KEY = 16, DDI_PAIRS_MAX = 64 };

/* A surface in system memory and a protected one of the same size. */
struct ddi_pair {
	struct rt_resource *system;
	struct rt_resource *protected;
	void *memory;
	enum { DDI_FRESH, DDI_DECRYPTED, DDI_ENCRYPTED } last; /* blt, and its IV */
	uint8_t iv[16];
	uint8_t digest[32]; /* of what is in the protected one, once it was looked at */
};

struct ddi {
	struct rt_adapter *adapter;
	struct rt_device *device;
	const D3DDDI_DEVICEFUNCS *functions;
	HANDLE handle;
	struct rt_session *session;
	uint8_t key[DDI_KEY];
	uint8_t blob[TRUST_BLOB_SIZE]; /* the key, wrapped */
	bool has_read_back;
	uint8_t read_back[DDI_KEY]; /* what EncryptionBlt encrypts with */
	uint64_t iv;
	size_t size; /* of a surface */
	unsigned int count;
	unsigned int next;
	struct ddi_pair pairs[DDI_PAIRS_MAX];
};

/* Opens the driver, makes a session and gives it a key, to the service that this process uses. */
void ddi_open(struct ddi *ddi);
/* Waits until the service has made all its keys, which it does in a thread beside its work. */
void ddi_settle(void);
/* count pairs of A8R8G8B8 surfaces; size: a power of two from 4 KiB, or 12 MiB. */
void ddi_make_pairs(struct ddi *ddi, size_t size, unsigned int count);
/*
 * Whether the last blt of each pair has done what it should: a driver that moves nothing would be fast. Fills the protected
 * surfaces that nothing was put into yet.
 */
void ddi_check(struct ddi *ddi);

/* For struct bench_loop; context is a struct ddi. In turns on all pairs. */
void ddi_decrypt_once(void *context);
void ddi_encrypt_once(void *context);
void ddi_decrypt_queued(void *context); /* all pairs once, one wait */
void ddi_exchange_once(void *context);

/* The same buffers for memcpy and EVP: from the surface's memory to such as a protected surface has, or back. */
void ddi_buffers(const struct ddi *ddi, bool out, struct baseline_copy *ret);

#endif
