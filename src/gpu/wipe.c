/* SPDX-License-Identifier: MIT */
/* Wiping and comparing secrets, and the end of a process that must not go on. */
#include "gpu/private.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void gpu_wipe(void *memory, size_t size)
{
	/* Not OPENSSL_cleanse: this is as fast as memset, and surfaces are large. */
	if (size > 0)
		explicit_bzero(memory, size);
}

bool gpu_equal(const void *a, const void *b, size_t size)
{
	return CRYPTO_memcmp(a, b, size) == 0;
}

_Noreturn void gpu_panic(const char *why)
{
	fprintf(stderr, "dxvault: internal error: %s\n", why);
	abort();
}
