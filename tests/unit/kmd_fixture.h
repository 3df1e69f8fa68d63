/* SPDX-License-Identifier: MIT */
/* A small graphics kernel that records what the kernel-mode driver tells it, and a client to drive it with. */
#ifndef DXV_TESTS_KMD_FIXTURE_H
#define DXV_TESTS_KMD_FIXTURE_H

#include "kmd/kmd_internal.h"

#include <setjmp.h>
#include <stdatomic.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define KF_OBJECTS   2048
#define KF_DEVICES   4
#define KF_PROCESSES 16
#define KF_WORKERS   4

/* The process of devices for which a test names none. */
#define KF_TOKEN UINT64_C(0x700000001)

struct kf_object {
	DXGK_HANDLE_TYPE type;	   /* 0: free */
	HANDLE driver;		   /* the driver's handle */
	int device;		   /* the creator */
	HANDLE opened[KF_DEVICES]; /* allocations: device-specific handles */
	void *memory;		   /* allocations: ours, if CpuVisible */
	SIZE_T size;
	UINT cpu_visible;
	int statuses; /* sessions: callbacks so far */
	int status;   /* sessions: the last one; -1: none */
};

/* A process that has a connection, or had one. */
struct kf_process {
	uint64_t token; /* 0: free */
	bool is_alive;
};

/* What the graphics kernel calls a device. */
struct kf_device_object {
	struct kf *kf;
	uint64_t token;
	int charges;
};

struct kf {
	struct dxgk_interface kernel; /* a test may put calls of its own in it */
	HANDLE adapter;
	HANDLE devices[KF_DEVICES];
	struct kf_device_object device_objects[KF_DEVICES];
	struct kf_process processes[KF_PROCESSES];
	uint64_t compositor; /* its token, 0: none */
	long blocks;	     /* of malloc that lived when it began */
	int charges;	     /* of all devices */
	int charge_limit;    /* how many there may be */
	int calling;	     /* the device inside an escape, -1 outside */
	HANDLE workers[KF_WORKERS];
	bool is_apart; /* between Unlock and Lock */
	int unlocks;
	int waits;
	void (*on_unlock)(struct kf *kf); /* what workers do before Lock returns; NULL: nothing */
	void (*on_wait)(struct kf *kf);	  /* finishes a transfer; NULL: the test fails, for none could ever finish */
	int in_session_entry;
	struct kf_object objects[KF_OBJECTS]; /* handle n + 1 */
	int shown;
	struct dxgk_picture picture;
	NTSTATUS show_status;
};

/* Failures of the software GPU and of malloc and its kin: the call after next_ok good ones fails; -1: none does. */
extern int kf_fail_malloc;
extern int kf_fail_secret_alloc;
extern int kf_fail_key_reserve;
extern int kf_fail_key_set;
extern int kf_fail_ctr;
extern atomic_int kf_fail_part;
extern int kf_fail_mac_reserve;
extern int kf_fail_mac_set;
extern int kf_fail_mac_compute;
/* All of them at once. */
void kf_fail_none(void);
/* What gpu_random delivers instead of random bytes; NULL: random bytes. */
extern const uint8_t *kf_random;
/* Called in the midst of the unwrapping of keys, and of a transfer by gpu_ctr. */
extern void (*kf_on_unwrap)(void);
extern void (*kf_on_ctr)(void);

extern const uint8_t KF_K[16], KF_C[16], KF_R[16], KF_KR[16];

struct gpu_identity *kf_identity(void);
void kf_identity_stop(void);

void kf_config(struct kmd_config *ret);
struct kf *kf_start(const struct kmd_config *config); /* NULL: the default */
void kf_stop(struct kf *kf);			      /* destroys all that is left first */

/* A process connects; it lives until it is ended. */
void kf_process(struct kf *kf, uint64_t token);
void kf_process_end(struct kf *kf, uint64_t token);

int kf_device(struct kf *kf);
int kf_device_of(struct kf *kf, uint64_t token); /* of a process that is alive */
void kf_device_destroy(struct kf *kf, int device);

D3DKMT_HANDLE kf_session(struct kf *kf, int device);
NTSTATUS kf_session_raw(struct kf *kf, int device, const void *data, UINT size, D3DKMT_HANDLE *ret);
void kf_session_destroy(struct kf *kf, D3DKMT_HANDLE session);
struct kmd_session *kf_session_inside(struct kf *kf, D3DKMT_HANDLE session);
struct kf_object *kf_object(struct kf *kf, D3DKMT_HANDLE handle);

struct drv_allocation kf_info(uint32_t pool, uint32_t flags, uint32_t format, uint32_t width, uint32_t height);
NTSTATUS kf_allocate(struct kf *kf, int device, const struct drv_allocation *infos, UINT count, D3DKMT_HANDLE *ret);
D3DKMT_HANDLE kf_surface(struct kf *kf, int device, uint32_t pool, uint32_t flags, uint32_t width, uint32_t height);
D3DKMT_HANDLE kf_protected(struct kf *kf, int device, uint32_t width, uint32_t height); /* A8R8G8B8, plain */
D3DKMT_HANDLE kf_system(struct kf *kf, int device, uint32_t width, uint32_t height);
NTSTATUS kf_open(struct kf *kf, int device, D3DKMT_HANDLE allocation);
void kf_free(struct kf *kf, D3DKMT_HANDLE allocation);
uint8_t *kf_bytes(struct kf *kf, D3DKMT_HANDLE allocation);	   /* of system memory */
const uint8_t *kf_inside(struct kf *kf, D3DKMT_HANDLE allocation); /* of protected memory: a test may look */

/* What is presented is the whole surface; kf->picture says what came to the monitor. */
NTSTATUS kf_present(struct kf *kf, int device, D3DKMT_HANDLE allocation, bool is_flip);

NTSTATUS kf_escape(struct kf *kf, int device, void *data, UINT size);

/* What an application does with the certificate. */
void kf_blob(enum gpu_leaf leaf, const char *digest, const char *label, const void *payload, size_t size,
	     uint8_t ret[256]);
/* An encoded message raised to the leaf's public exponent. */
void kf_raise(enum gpu_leaf leaf, const uint8_t message[256], uint8_t ret[256]);
HRESULT kf_exchange_blob(struct kf *kf, int device, D3DKMT_HANDLE session, const uint8_t blob[256]);
HRESULT kf_exchange(struct kf *kf, int device, D3DKMT_HANDLE session, const uint8_t key[16]);
HRESULT kf_start_refresh(struct kf *kf, int device, D3DKMT_HANDLE session, uint8_t ret[16]);
HRESULT kf_finish_refresh(struct kf *kf, int device, D3DKMT_HANDLE session);
HRESULT kf_readback_key(struct kf *kf, int device, D3DKMT_HANDLE session, uint8_t ret[16]);
HRESULT kf_pitch(struct kf *kf, int device, D3DKMT_HANDLE session, D3DKMT_HANDLE allocation, uint32_t *ret);

/* Sets magic, command, handles; size of the transfer is that of the surface named protected. */
struct drv_escape_blt kf_blt(struct kf *kf, D3DKMT_HANDLE session, uint32_t command, D3DKMT_HANDLE source,
			     D3DKMT_HANDLE destination);
void kf_iv(uint8_t ret[16], uint64_t iv, uint64_t count);
uint64_t kf_iv_number(const uint8_t iv[16]);
HRESULT kf_run(struct kf *kf, int device, struct drv_escape_blt *blt);

/* The same by a worker: begin, any number of parts by any worker, finish. */
HANDLE kf_worker(struct kf *kf);
NTSTATUS kf_begin(struct kf *kf, HANDLE worker, int device, struct drv_escape_blt *blt, uint64_t *ret_size);
void kf_finish(HANDLE worker, struct drv_escape_blt *blt);

/* The driver's objects that a transfer can change, as they are in memory, without the bytes of surfaces. */
struct kf_objects {
	size_t size;
	uint8_t bytes[65536];
};
void kf_objects(struct kf *kf, struct kf_objects *ret);
void kf_assert_objects(struct kf *kf, const struct kf_objects *before);

/* DecryptionBlt under the session key, Count 0. */
HRESULT kf_decrypt(struct kf *kf, int device, D3DKMT_HANDLE session, D3DKMT_HANDLE source, D3DKMT_HANDLE destination,
		   uint64_t iv);
HRESULT kf_decrypt_content(struct kf *kf, int device, D3DKMT_HANDLE session, D3DKMT_HANDLE source,
			   D3DKMT_HANDLE destination, uint64_t iv, const uint8_t wrapped[16]);
HRESULT kf_encrypt(struct kf *kf, int device, D3DKMT_HANDLE session, D3DKMT_HANDLE source, D3DKMT_HANDLE destination,
		   uint8_t ret_iv[16]);

/* An AES of the test's own. */
void kf_aes(const uint8_t key[16], int encrypt, const uint8_t in[16], uint8_t out[16]);
void kf_ctr(const uint8_t key[16], const uint8_t iv[16], const void *in, void *out, size_t size);
void kf_hex(const char *hex, uint8_t *ret, size_t size);

#endif
