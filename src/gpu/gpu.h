/* SPDX-License-Identifier: MIT */
/* The software GPU as its kernel-mode driver sees it: protected memory, key slots, AES, the identity. */
#ifndef DXV_GPU_GPU_H
#define DXV_GPU_GPU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Memory in, memory out: nothing here knows a process, a socket, a file or a handle of one.
 * Functions return 0 or a negative errno value; outputs are named ret_ and written on success only.
 */

enum {
	GPU_KEY_SIZE = 16,
	GPU_IV_SIZE = 16,
	GPU_BLOCK_SIZE = 16,
	GPU_OAEP_SIZE = 256, /* an RSA-2048 ciphertext */
};

/* ---- protected memory (memory.c, secret_heap.c) ---------------------------------------------- */

/* From the strongest down. */
enum gpu_memory_kind {
	GPU_MEMORY_SECRET, /* memfd_secret(2): no other process and no core file can read it */
	GPU_MEMORY_LOCKED, /* mlock(2), out of core files, wiped in a child */
	GPU_MEMORY_PLAIN,  /* as LOCKED, but RLIMIT_MEMLOCK left no room: may be swapped */
};

struct gpu_memory_report {
	enum gpu_memory_kind keys;     /* weakest kind that holds or held keys since start */
	enum gpu_memory_kind surfaces; /* weakest kind that holds or held surfaces since start */
	uint64_t key_bytes;	       /* mapped for keys now */
	uint64_t surface_bytes;	       /* mapped for surfaces now */
	char reason[128];	       /* why it is not memfd_secret everywhere; empty if it is */
};

/*
 * Chooses the kinds and reserves the secret heap, before surfaces can use up RLIMIT_MEMLOCK. Called once a
 * process, before libcrypto allocates. weakest_allowed GPU_MEMORY_SECRET is --strict.
 * Returns -EPERM where only a weaker kind than weakest_allowed is to be had (the report's reason says why).
 * force, for tests: the strongest kind that may be tried. Once started: 0 for the same arguments, else -EALREADY.
 * A child of fork() has none of the memory (it is absent or zero): it may only _exit() or exec.
 */
int gpu_memory_start(enum gpu_memory_kind weakest_allowed, enum gpu_memory_kind force);
void gpu_memory_report(struct gpu_memory_report *ret);
const char *gpu_memory_kind_name(enum gpu_memory_kind kind); /* "memfd_secret", "mlock", "unlocked" */

/* Page-rounded, zeroed, between guard pages. -ENOMEM; -EPERM where the kind left is not allowed; -EINVAL: size 0. */
int gpu_surface_memory_map(size_t size, void **ret);
/* Wipes, then unmaps. size as it was asked for; NULL is allowed. */
void gpu_surface_memory_unmap(void *memory, size_t size);

/* A heap in protected memory for keys and libcrypto. Freed bytes are wiped at once. Thread-safe. Size 0 is a block too. */
void *gpu_secret_alloc(size_t size);			   /* NULL: out of memory; zeroed, 16-byte aligned */
void *gpu_secret_realloc(void *memory, size_t size);	   /* the old bytes are wiped when it moves; size 0: freed */
void gpu_secret_free(void *memory);			   /* NULL is allowed */
void gpu_wipe(void *memory, size_t size);		   /* never optimised away */
bool gpu_equal(const void *a, const void *b, size_t size); /* in constant time */
/*
 * Overwrites what calls with secrets leave to whatever runs next in this thread: the stack below the caller's frame and the
 * registers that calls may change. Libraries clear after themselves on some processors and not on others. Part of the end
 * of an entry that the graphics kernel calls, not of each block.
 */
void gpu_forget(void);

/*
 * Gives libcrypto the secret heap (CRYPTO_set_mem_functions). Must precede every other call of libcrypto in the
 * process, and follow gpu_memory_start; -EBUSY if it came too late, -EIO. libcrypto then reads no openssl.cnf. The
 * service calls it; in-process mode does not.
 */
int gpu_route_libcrypto(void);

/* ---- random (random.c) ------------------------------------------------------------------------ */

/* From the operating system's generator (CS-14). -EIO if it cannot deliver; memory is then untouched. */
int gpu_random(void *memory, size_t size);
/* For tests of CS-14: the next n calls fail. */
void gpu_random_fail_next(unsigned int n);

/* ---- the AES engine (engine.c, ipsec_mb.c) ----------------------------------------------------- */

enum gpu_engine {
	GPU_ENGINE_AUTO,      /* intel-ipsec-mb where it can be used, else libcrypto */
	GPU_ENGINE_LIBCRYPTO, /* everywhere */
	GPU_ENGINE_IPSEC_MB,  /* needs VAES and AVX-512 */
};

/*
 * Chooses what does AES-CTR, once, before the first key slot; if it is not called, that slot chooses GPU_ENGINE_AUTO.
 * -EOPNOTSUPP: the engine cannot be used here (gpu_engine_missing says why); -ENOMEM, -EIO. For tests it may be called
 * again: slots and workers keep the engine that they began with.
 */
int gpu_engine_start(enum gpu_engine engine);
/* Why intel-ipsec-mb cannot be used: a few words that live for ever; NULL if it can. */
const char *gpu_engine_missing(void);
/* What does AES-CTR: "libcrypto", "intel-ipsec-mb AVX512"; "none" before it was chosen. */
const char *gpu_engine_name(void);

/* What a thread needs to work on a transfer beside others: taken before, so that the transfer needs no memory (CS-07). */
struct gpu_worker;

/* For the engine that is in use now. -ENOMEM, -EIO. */
int gpu_worker_create(struct gpu_worker **ret);
void gpu_worker_destroy(struct gpu_worker *worker); /* NULL is allowed */

/* ---- AES-128 (key.c, ctr.c) ------------------------------------------------------------------- */

/*
 * A key slot: the key and its schedules, in protected memory (libcrypto's schedules only where libcrypto is routed
 * there). Two slots are independent. Two threads must not use one slot at once, except by gpu_ctr_part.
 */
struct gpu_key;

/* A slot with no key in it; whatever setting it later needs is taken now (CS-07). -ENOMEM, -EIO. */
int gpu_key_reserve(struct gpu_key **ret);
/* Loads a key, in place of the one before. Needs no memory. -EIO: the engine failed; the slot is then empty. */
int gpu_key_set(struct gpu_key *key, const uint8_t bytes[GPU_KEY_SIZE]);
/* Wipes the key, keeps the slot. */
void gpu_key_clear(struct gpu_key *key);
bool gpu_key_is_set(const struct gpu_key *key);
void gpu_key_free(struct gpu_key *key);			 /* wiped; NULL is allowed */
const uint8_t *gpu_key_bytes(const struct gpu_key *key); /* in protected memory, while it lives */
/* What tells this key from others and does not give it away, so that it may outlive it. -EIO; -ENOKEY: empty slot. */
int gpu_key_name(struct gpu_key *key, uint8_t ret[GPU_BLOCK_SIZE]);

/* One block in ECB mode, for key wrapping (CS-64, BLT-78). in and out may be the same. -EIO; -ENOKEY: empty slot. */
int gpu_key_wrap(struct gpu_key *key, const uint8_t in[GPU_BLOCK_SIZE], uint8_t out[GPU_BLOCK_SIZE]);
int gpu_key_unwrap(struct gpu_key *key, const uint8_t in[GPU_BLOCK_SIZE], uint8_t out[GPU_BLOCK_SIZE]);

/*
 * Which bytes of a buffer are encrypted (BLT-65 to BLT-74), already checked by the caller: each member is a multiple
 * of the block size and first <= size. skip 0 with encrypt > 0: all of it. encrypt 0: only the first ones.
 */
struct gpu_pattern {
	uint32_t first;
	uint32_t skip;
	uint32_t encrypt;
};

/* How many cipher blocks of a buffer of size bytes the pattern encrypts; NULL: all (BLT-77). */
uint64_t gpu_pattern_blocks(const struct gpu_pattern *pattern, uint64_t size);

/*
 * AES-128-CTR over size bytes (a multiple of 16, or not: a tail uses part of the last block), src to dst; they do not
 * overlap. Clear runs of the pattern are copied and take no counter value (BLT-74). iv holds IV and Count, most
 * significant byte first; the caller has checked that Count does not overflow (BLT-04). src may be written by others
 * meanwhile: each byte of dst comes from one read of it, and nothing is read back. -EIO: the engine failed; dst is then
 * undefined. -ENOKEY: empty slot. With intel-ipsec-mb, threads with different slots take turns; gpu_ctr_part needs none.
 */
int gpu_ctr(struct gpu_key *key, const uint8_t iv[GPU_IV_SIZE], const struct gpu_pattern *pattern, const void *src,
	    void *dst, size_t size);

/*
 * The part of such a transfer that begins at offset (a multiple of 16): src and dst are the part's own first bytes. iv and
 * pattern are the whole transfer's. Parts but the last are whole blocks. Any number of threads may work on parts with one
 * slot, each with a worker of its own; nobody may set, clear or free the slot meanwhile. With intel-ipsec-mb they all
 * read the slot's schedule. libcrypto's can serve only one: the others load the key into their worker and wipe it at the
 * end. -EINVAL: the worker is another engine's than the slot.
 */
int gpu_ctr_part(struct gpu_key *key, struct gpu_worker *worker, const uint8_t iv[GPU_IV_SIZE],
		 const struct gpu_pattern *pattern, uint64_t offset, const void *src, void *dst, size_t size);

/* ---- OMAC (mac.c) ----------------------------------------------------------------------------- */

enum { GPU_TAG_SIZE = 16 };

/*
 * A slot for the key of an authenticated channel: OMAC1 with AES-128, which is AES-CMAC of RFC 4493 (AC-053). Key and
 * schedules as in a key slot; one thread at a time.
 */
struct gpu_mac;

/* A slot with no key in it. -ENOMEM, -EIO. */
int gpu_mac_reserve(struct gpu_mac **ret);
/* Loads a key, in place of the one before. -ENOMEM; -EIO: the engine failed. The slot is then empty. */
int gpu_mac_set(struct gpu_mac *mac, const uint8_t key[GPU_KEY_SIZE]);
void gpu_mac_clear(struct gpu_mac *mac); /* wipes the key, keeps the slot */
bool gpu_mac_is_set(const struct gpu_mac *mac);
/* The tag of size bytes. -EIO; -ENOKEY: empty slot. Needs no memory. */
int gpu_mac_compute(struct gpu_mac *mac, const void *data, size_t size, uint8_t ret[GPU_TAG_SIZE]);
void gpu_mac_free(struct gpu_mac *mac); /* wiped; NULL is allowed */

/* ---- identity (identity.c, root.c) ------------------------------------------------------------ */

enum gpu_leaf { GPU_LEAF_CHANNEL, GPU_LEAF_SESSION, GPU_LEAF_COUNT };

/* A byte string of the caller's; free with gpu_secret_free. */
struct gpu_bytes {
	uint8_t *data;
	size_t size;
};

/*
 * Makes an installation's root: an RSA-3072 key (PKCS#8 DER) and its self-signed certificate (DER, 30 years, CA, subject
 * "dxvault root " and 8 hex digits of the key's hash). -ENOMEM, -EIO.
 */
int gpu_root_create(struct gpu_bytes *ret_key, struct gpu_bytes *ret_certificate);

/* The device's identity: two RSA-2048 leaf keys (exponent 65537), made anew and certified by the root. */
struct gpu_identity;

/*
 * Checks that key and certificate belong together (-EBADMSG otherwise), keeps a copy of the certificate, and starts a
 * thread that makes and certifies the session leaf at once, the channel leaf when it is asked for, or after some seconds,
 * and then wipes its copy of the root key. Does not wait for it.
 */
int gpu_identity_start(const struct gpu_bytes *root_key, const struct gpu_bytes *root_certificate,
		       struct gpu_identity **ret);
void gpu_identity_stop(struct gpu_identity *identity); /* ends the thread soon; NULL is allowed */

/* Waits until a leaf is made. -EIO: making it failed. */
int gpu_identity_wait(struct gpu_identity *identity, enum gpu_leaf leaf);
/*
 * The chain of a leaf: DER certificates back to back, leaf first, root last (CAP-75). The bytes live as long as the
 * identity. Waits for nothing: -EAGAIN if it is not made yet (asking makes it come soon); -EIO: making it failed.
 */
int gpu_identity_chain(struct gpu_identity *identity, enum gpu_leaf leaf, const uint8_t **ret, size_t *ret_size);
/* The root certificate alone, DER; does not wait. */
void gpu_identity_root(struct gpu_identity *identity, const uint8_t **ret, size_t *ret_size);

/*
 * RSAES-OAEP with SHA-512, MGF1-SHA-512 and no label (CS-31). Writes size bytes at payload if the ciphertext is good and
 * its payload has exactly size bytes; every other ciphertext is -EBADMSG, alike in result and, as far as libcrypto allows,
 * in time (CS-33). -EAGAIN: the leaf is not made yet, and no ciphertext can be for it. -ENOMEM, -EIO.
 */
int gpu_identity_unwrap(struct gpu_identity *identity, enum gpu_leaf leaf, const uint8_t ciphertext[GPU_OAEP_SIZE],
			void *payload, size_t size);

#endif
