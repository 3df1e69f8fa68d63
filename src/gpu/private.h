/* SPDX-License-Identifier: MIT */
/* What the files of src/gpu say to each other. */
#ifndef DXV_GPU_PRIVATE_H
#define DXV_GPU_PRIVATE_H

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

/* What slots need of libcrypto: taken at the first slot, or before. -ENOMEM, -EIO. */
int gpu_ciphers_fetch(void);
/* The context for AES-128-CTR of a slot that holds a key, NULL if it holds none. */
EVP_CIPHER_CTX *gpu_key_ctr_context(struct gpu_key *key);

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
