/* SPDX-License-Identifier: MIT */
/* What the files of src/gpu say to each other. */
#ifndef DXV_GPU_PRIVATE_H
#define DXV_GPU_PRIVATE_H

#include "config.h"
#include "gpu/gpu.h"

#include <openssl/types.h>
#include <stdatomic.h>

/* A programming error or a damaged heap: says so and aborts. */
_Noreturn void gpu_panic(const char *why);

/* ---- memory.c, secret_heap.c ------------------------------------------------------------------ */

enum gpu_purpose { GPU_FOR_KEYS, GPU_FOR_SURFACES };

/* The strongest kind that is to be had; page-rounded, zeroed, between guard pages. -ENOMEM, -EPERM. */
int gpu_memory_map(enum gpu_purpose purpose, size_t size, void **ret);
/* Wipes, then unmaps. */
void gpu_memory_unmap(enum gpu_purpose purpose, void *memory, size_t size);

/* Maps the first arena. Once. -ENOMEM, -EPERM, -EIO. */
int gpu_heap_start(void);

/* ---- key.c -------------------------------------------------------------------------------------- */

enum { GPU_SCHEDULE_SIZE = 11 * GPU_BLOCK_SIZE }; /* of the ten rounds of AES-128 */

/* The key is not at the start: a freed block of the heap has its links there. */
struct gpu_key {
	enum gpu_engine engine; /* GPU_ENGINE_LIBCRYPTO or GPU_ENGINE_IPSEC_MB */
	atomic_flag ctr_is_taken;
	bool set;
	EVP_CIPHER_CTX *ctr; /* libcrypto's engine alone: one thread at a time has it */
	EVP_CIPHER_CTX *ecb; /* its direction and schedule are set at each use: wrapping is rare, slots are many */
	uint8_t bytes[GPU_KEY_SIZE];
	_Alignas(GPU_BLOCK_SIZE)
		uint8_t schedule[]; /* intel-ipsec-mb alone; it only reads it, in any number of threads */
};

/* What slots need of libcrypto: taken at the first slot, or before. -ENOMEM, -EIO. */
int gpu_ciphers_fetch(void);
/* A context for AES-128-CTR that later keys only overwrite (CS-07). gpu_ciphers_fetch came before. -ENOMEM. */
int gpu_ctr_context_create(EVP_CIPHER_CTX **ret);
/* Zeros over its schedule and its last block of key stream; or else it is unusable. */
void gpu_ctr_context_wipe(EVP_CIPHER_CTX *context);

/* ---- engine.c ----------------------------------------------------------------------------------- */

enum { GPU_SCRATCH_SIZE = 4096 };

struct gpu_worker {
	enum gpu_engine engine; /* as in a slot */
	EVP_CIPHER_CTX *ctr;	/* libcrypto's */
	struct IMB_MGR *manager;
	uint8_t scratch[GPU_SCRATCH_SIZE]; /* zero between transfers */
};

/* The engine of slots that are reserved from now on; chosen now if it was not yet. -ENOMEM, -EIO. */
int gpu_engine_current(enum gpu_engine *ret);
/* A worker for the callers that bring none. intel-ipsec-mb alone. */
struct gpu_worker *gpu_engine_worker_lock(void);
void gpu_engine_worker_unlock(void);

/* ---- ipsec_mb.c --------------------------------------------------------------------------------- */

#ifdef CONFIG_IPSEC_MB
/* Why the library cannot be used here: a text that lives for ever. NULL: it can. */
const char *gpu_ipsec_mb_missing(void);
/* A manager, for one thread at a time. -ENOMEM; -EOPNOTSUPP: its self-test failed. */
int gpu_ipsec_mb_manager_create(struct IMB_MGR **ret);
void gpu_ipsec_mb_manager_destroy(struct IMB_MGR *manager); /* NULL is allowed */
void gpu_ipsec_mb_expand(const uint8_t key[GPU_KEY_SIZE], uint8_t schedule[GPU_SCHEDULE_SIZE]);
/* AES-128-CTR; counter goes on where it stopped if size is whole blocks. -EIO. */
int gpu_ipsec_mb_crypt(struct IMB_MGR *manager, const uint8_t schedule[GPU_SCHEDULE_SIZE], uint8_t counter[GPU_IV_SIZE],
		       const uint8_t *src, uint8_t *dst, size_t size);
#endif

/* ---- ctr.c -------------------------------------------------------------------------------------- */

/* IV and Count are one number of 128 bits, most significant byte first. */
void gpu_counter_add(uint8_t counter[GPU_IV_SIZE], uint64_t blocks);

/* ---- forget.c ------------------------------------------------------------------------------------ */

/* gpu_forget behind calls that go deep: RSA. */
void gpu_forget_deep(void);

/* ---- mac.c -------------------------------------------------------------------------------------- */

/* What tag slots need of libcrypto: taken at the first slot, or before. -ENOMEM, -EIO. */
int gpu_mac_fetch(void);

/* ---- libcrypto.c -------------------------------------------------------------------------------- */

/* Before calls of libcrypto whose failure gpu_crypto_error explains: what another's failure left is not this one's. */
void gpu_crypto_begin(void);
/* Whether libcrypto lacked memory since then, in this thread, even if it could do without. */
bool gpu_crypto_is_starved(void);
/* What the failed call of libcrypto means: -ENOMEM if it lacked memory, else other. Empties its error queue. */
int gpu_crypto_error(int other);

/* ---- certificate.c ------------------------------------------------------------------------------ */

/* A new RSA key, exponent 65537. stop, if not NULL, ends the search early. -ENOMEM; -EIO, also when stopped. */
int gpu_rsa_create(unsigned int bits, const atomic_bool *stop, EVP_PKEY **ret);

/*
 * A signed X.509 v3 certificate for subject_key, named subject_prefix and 8 hex digits of the key's hash. issuer NULL:
 * a self-signed root. -ENOMEM, -EIO.
 */
int gpu_certificate_create(EVP_PKEY *subject_key, const char *subject_prefix, X509 *issuer, EVP_PKEY *issuer_key,
			   X509 **ret);

#endif
