/* SPDX-License-Identifier: MIT */
/* SEC-35. Certificates as a player reads them: a chain and its anchor, or a file. */
#include "chain.h"
#include "tools/trust.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static void read_file(const uint8_t *data, size_t size)
{
	uint8_t *certificate = NULL;
	size_t certificate_size = 0;
	char path[32];
	int file = memfd_create("fuzz", MFD_CLOEXEC);

	if (file < 0 || write(file, data, size) != (ssize_t)size)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
	if (trust_read_file(path, &certificate, &certificate_size) == 0 && certificate_size == 0)
		abort();
	free(certificate);
	close(file);
}

/* A chain that is accepted is one (SEC-35), and its key is of use. */
static bool check(const uint8_t *chain, size_t chain_size, const uint8_t *anchor, size_t anchor_size)
{
	const char *problem = NULL;
	struct trust *trust = NULL;
	uint8_t blob[TRUST_BLOB_SIZE];

	if (trust_check(chain, chain_size, anchor, anchor_size, &trust, &problem) < 0) {
		if (!problem || trust)
			abort();
		return false;
	}
	if (!chain_is_sound(chain, chain_size, anchor, anchor_size)) {
		fprintf(stderr, "a chain was accepted that does not lead to its anchor\n");
		abort();
	}
	if (trust_encrypt(trust, (const uint8_t *)"0123456789abcdef", 16, blob) < 0)
		abort();
	trust_free(trust);
	return true;
}

/* A chain that somebody made of certificates; one without a fault is accepted. */
static void check_built(struct fuzz_input *input)
{
	static uint8_t chain[CHAIN_BYTES];
	const bool is_good = input->size == 1 && input->data[0] >= 1 && input->data[0] <= 3;
	const uint8_t *anchor = chain;
	uint8_t *own, *own_anchor;
	size_t anchor_size = 0;
	const size_t size = chain_build(input, chain, &anchor, &anchor_size);

	/* Whoever reads behind their ends is found out. */
	own = malloc(size);
	own_anchor = malloc(anchor_size);
	if (!own || !own_anchor)
		abort();
	memcpy(own, chain, size);
	memcpy(own_anchor, anchor, anchor_size);
	if (!check(own, size, own_anchor, anchor_size) && is_good)
		abort();
	free(own);
	free(own_anchor);
}

void *__libc_malloc(size_t size);
void *__libc_realloc(void *memory, size_t size);
void __libc_free(void *memory);

/* libcrypto allocates some thousand times for each key that it decodes. What is looked at here is what we hand to it. */
static void *take(size_t size, const char *file, int line)
{
	return __libc_malloc(size);
}

static void *change(void *memory, size_t size, const char *file, int line)
{
	return __libc_realloc(memory, size);
}

static void give_back(void *memory, const char *file, int line)
{
	__libc_free(memory);
}

int LLVMFuzzerInitialize(int *argc, char ***argv);

/* NOLINTNEXTLINE(readability-non-const-parameter): libFuzzer says what it looks like */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	/* Where inputs are only read again, the sanitizer looks for leaks in it as well. */
	for (int i = 1; i < *argc; i++) {
		if (strcmp((*argv)[i], "-runs=0") == 0)
			return 0;
	}
	if (!CRYPTO_set_mem_functions(take, change, give_back))
		abort();
	return 0;
}

/* A byte: a file, a chain made to order, or a chain's size, the chain, and the anchor. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = { data, size };
	const uint8_t mode = fuzz_u8(&input);
	uint16_t chain_size;

	if (mode & 1) {
		read_file(input.data, input.size);
	} else if (mode & 2) {
		check_built(&input);
	} else {
		fuzz_bytes(&input, &chain_size, sizeof(chain_size));
		if (chain_size > input.size)
			chain_size = (uint16_t)input.size;
		(void)check(input.data, chain_size, input.data + chain_size, input.size - chain_size);
	}
	/* What it leaves there is taken for a leak. */
	ERR_clear_error();
	return 0;
}
