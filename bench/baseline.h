/* SPDX-License-Identifier: MIT */
/* What rows are compared with: copies, libcrypto in the calling process, bare round trips. */
#ifndef DXV_BENCH_BASELINE_H
#define DXV_BENCH_BASELINE_H

#include "bench/bench.h"

#include <openssl/evp.h>

/* Memory of the kind that the service has for surfaces, touched; weaker where this process gets none. */
void *baseline_memory(size_t size);

/* Functions named _once do for struct bench_loop and bench_calls; their context is the structure above them. */

/* memcpy of several pairs of buffers in turns. */
struct baseline_copy {
	void *to[64];
	const void *from[64];
	size_t size;
	unsigned int pairs;
	unsigned int next;
};
void baseline_copy_once(void *context);

/* AES-128-CTR by EVP: one context, its key set once, an IV for each buffer. */
struct baseline_evp {
	struct baseline_copy buffers;
	EVP_CIPHER_CTX *context;
	uint64_t iv;
};
void baseline_evp_open(struct baseline_evp *evp, const struct baseline_copy *buffers);
void baseline_evp_once(void *context);

/* A child that answers each packet with one of the same size. It stays on one processor; so should who asks. */
struct baseline_echo {
	int socket;
	int descriptor; /* goes with each request; -1: none */
	size_t size;
};
void baseline_echo_open(struct baseline_echo *echo, size_t size, bool with_descriptor);
void baseline_echo_once(void *context);
void baseline_echo_twice(void *context);

#endif
