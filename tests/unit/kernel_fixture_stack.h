/* SPDX-License-Identifier: MIT */
/* An application on the whole stack in one process: runtime, user-mode driver, kmt, dxgkrnl, kmd, gpu. */
#ifndef DXV_TESTS_KERNEL_FIXTURE_STACK_H
#define DXV_TESTS_KERNEL_FIXTURE_STACK_H

#include "kernel_fixture.h"

extern const uint8_t ST_K[16], ST_C[16];

/* One device on an adapter of its own, of the process that the thread was when it began. */
struct st {
	struct rt_adapter *adapter;
	struct rt_device *device;
	const D3DDDI_DEVICEFUNCS *funcs;
	HANDLE handle; /* the driver's, of the device */
};

struct st_system {
	struct rt_resource *resource; /* NULL: made by the DDI itself, see handle */
	HANDLE handle;
	uint8_t *memory;
	size_t size;
	uint32_t pitch;
};

void st_open(struct st *st);
void st_close(struct st *st);
struct rt_session *st_session(struct st *st);
/* A blob for the leaf of a certificate type (2: crypto session, 1: channel, of the software kind). */
void st_blob(struct st *st, UINT certificate_type, const uint8_t key[16], uint8_t ret[256]);
HRESULT st_exchange_blob(struct st *st, HANDLE session, const uint8_t blob[256]);
HRESULT st_exchange(struct st *st, struct rt_session *session, const uint8_t key[16]);

/* Channels, by the device's own entries. Outputs are as the caller left them. */
HRESULT st_channel(struct st *st, UINT type, HANDLE *ret);
HRESULT st_channel_exchange(struct st *st, HANDLE channel, const uint8_t blob[256]);
HRESULT st_channel_configure(struct st *st, const void *input, UINT input_size, void *output);
HRESULT st_channel_query(struct st *st, const void *input, UINT input_size, void *output, UINT output_size);
HRESULT st_channel_destroy(struct st *st, HANDLE channel);

struct rt_surface st_surface(D3DDDIFORMAT format, uint32_t width, uint32_t height);
struct st_system st_system(struct st *st, const struct rt_surface *surface);
/* The same in memory that the kernel can't share, with a row distance of one's own. */
struct st_system st_system_own(struct st *st, const struct rt_surface *surface, void *memory, uint32_t pitch);
struct rt_resource *st_protected(struct st *st, const struct rt_surface *surface, bool shared);

void st_iv(uint8_t ret[16], uint64_t iv, uint64_t count);
HRESULT st_decrypt(struct st *st, HANDLE session, HANDLE source, HANDLE destination, UINT size, uint64_t iv,
		   uint64_t count, D3DDDIENCRYPTED_BLOCK_INFO *info);
/* EncryptionBlt alone; ret_iv is set to 0xee before. */
HRESULT st_encrypt(struct st *st, HANDLE session, HANDLE source, HANDLE destination, UINT size, uint8_t ret_iv[16]);
/* GetEncryptionBltKey, unwrapped by the session key. */
HRESULT st_readback_key(struct st *st, HANDLE session, const uint8_t session_key[16], uint8_t ret[16]);
/* Both, and decrypted by an AES of the test's own. The protected surface's linear bytes. */
HRESULT st_read(struct st *st, struct rt_session *session, const uint8_t session_key[16], HANDLE source,
		const struct st_system *through, uint8_t *ret, UINT size);

void st_tag(const uint8_t key[16], const void *data, size_t size, uint8_t ret[16]); /* AES-CMAC */
void st_ctr(const uint8_t key[16], const uint8_t iv[16], const void *in, void *out, size_t size);
void st_ecb(const uint8_t key[16], int encrypt, const uint8_t in[16], uint8_t out[16]);
void st_hex(const char *hex, uint8_t *ret, size_t size);

#endif
