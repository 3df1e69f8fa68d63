/* SPDX-License-Identifier: MIT */
/* Certificates as a player reads them: a chain and its anchor, or a file. */
#include "input.h"

#include "tools/trust.h"

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

/* A byte: file or chain; then a chain's size, the chain, and the anchor. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = { data, size };
	const char *problem = NULL;
	struct trust *trust = NULL;
	uint16_t chain_size;
	uint8_t mode = fuzz_u8(&input);

	if (mode & 1) {
		read_file(input.data, input.size);
		return 0;
	}
	fuzz_bytes(&input, &chain_size, sizeof(chain_size));
	if (chain_size > input.size)
		chain_size = (uint16_t)input.size;
	if (trust_check(input.data, chain_size, input.data + chain_size, input.size - chain_size, &trust, &problem) ==
	    0) {
		uint8_t blob[TRUST_BLOB_SIZE];

		if (trust_encrypt(trust, data, size < 16 ? size : 16, blob) < 0)
			abort();
		trust_free(trust);
	} else if (!problem || trust) {
		abort();
	}
	return 0;
}
