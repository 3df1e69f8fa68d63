/* SPDX-License-Identifier: MIT */
/*
 * Stands before gpu_rsa_create, by the linker's --wrap: where $DXVAULT_TEST_KEYS names a folder, a process takes the keys
 * that an earlier one made, and puts there what is missing. Making one takes longer than most tests. Without the variable
 * all is as without this file.
 */
#include "gpu/private.h"

#include <limits.h>
#include <openssl/x509.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int __real_gpu_rsa_create(unsigned int bits, const atomic_bool *stop, EVP_PKEY **ret);
int __wrap_gpu_rsa_create(unsigned int bits, const atomic_bool *stop, EVP_PKEY **ret);

/* The first keys of a process differ from each other: root and both leaves. */
enum { KEYS = 4 };

static EVP_PKEY *load(const char *path)
{
	FILE *file = fopen(path, "re");
	PKCS8_PRIV_KEY_INFO *info;
	EVP_PKEY *key;

	if (!file)
		return NULL;
	info = d2i_PKCS8_PRIV_KEY_INFO_fp(file, NULL);
	key = info ? EVP_PKCS82PKEY(info) : NULL;
	PKCS8_PRIV_KEY_INFO_free(info);
	fclose(file);
	return key;
}

/* Whole or not at all; who comes second changes nothing that matters. */
static void save(const char *path, const EVP_PKEY *key)
{
	char unfinished[PATH_MAX];
	bool is_written;
	FILE *file;

	if (snprintf(unfinished, sizeof(unfinished), "%s.%d", path, (int)getpid()) >= (int)sizeof(unfinished))
		return;
	file = fopen(unfinished, "wxe");
	if (!file)
		return;
	is_written = i2d_PKCS8PrivateKeyInfo_fp(file, key) == 1;
	if (fclose(file) != 0 || !is_written || rename(unfinished, path) < 0)
		remove(unfinished);
}

int __wrap_gpu_rsa_create(unsigned int bits, const atomic_bool *stop, EVP_PKEY **ret)
{
	static atomic_uint calls;
	const char *folder = getenv("DXVAULT_TEST_KEYS");
	char path[PATH_MAX];
	int r;

	if (!folder || !*folder ||
	    snprintf(path, sizeof(path), "%s/%u-%u", folder, bits, atomic_fetch_add(&calls, 1) % KEYS) >=
		    (int)sizeof(path))
		return __real_gpu_rsa_create(bits, stop, ret);
	*ret = load(path);
	if (*ret)
		return 0;
	r = __real_gpu_rsa_create(bits, stop, ret);
	if (r == 0)
		save(path, *ret);
	return r;
}
