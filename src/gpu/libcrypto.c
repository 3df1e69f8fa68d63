/* SPDX-License-Identifier: MIT */
/* libcrypto as a guest: where it allocates, what it may load, what its errors mean. */
#include "gpu/private.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/err.h>

/* This thread's call of libcrypto found no memory. libcrypto does not always say so itself. */
static _Thread_local bool is_starved;

static atomic_bool is_routed; /* libcrypto's memory is the secret heap's */

static void *note_starved(void *memory)
{
	if (memory == NULL)
		is_starved = true;
	return memory;
}

static void *crypto_alloc(size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	return size == 0 ? NULL : note_starved(gpu_secret_alloc(size));
}

static void *crypto_realloc(void *memory, size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	if (memory == NULL)
		return crypto_alloc(size, file, line);
	if (size > 0)
		return note_starved(gpu_secret_realloc(memory, size));
	gpu_secret_free(memory);
	return NULL;
}

static void crypto_free(void *memory, const char *file, int line)
{
	(void)file;
	(void)line;
	gpu_secret_free(memory);
}

int gpu_route_libcrypto(void)
{
	CRYPTO_malloc_fn current;

	CRYPTO_get_mem_functions(&current, NULL, NULL);
	if (current == crypto_alloc)
		return 0;
	/* libcrypto itself refuses only while its own functions are in use: another's it would let go, blocks and all. */
	if (current != CRYPTO_malloc || CRYPTO_set_mem_functions(crypto_alloc, crypto_realloc, crypto_free) != 1)
		return -EBUSY;
	atomic_store(&is_routed, true);
	/* No openssl.cnf: it is the caller's to choose by OPENSSL_CONF, and could load code beside the keys. */
	return OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) == 1 ? 0 : -EIO;
}

void gpu_crypto_begin(void)
{
	ERR_clear_error();
	is_starved = false;
}

bool gpu_crypto_is_starved(void)
{
	return is_starved;
}

int gpu_crypto_error(int other)
{
	unsigned long error;
	int r = is_starved ? -ENOMEM : other;

	/*
	 * Where its memory is ours, is_starved says all. What stands in its queue then stays unread: how long that takes tells
	 * bad padding, which leaves an error, from good padding, which leaves one that was taken back (SEC-40).
	 */
	while (!is_routed && (error = ERR_get_error()) != 0) {
		if (ERR_GET_REASON(error) == ERR_R_MALLOC_FAILURE)
			r = -ENOMEM;
	}
	ERR_clear_error();
	return r;
}
