/* SPDX-License-Identifier: MIT */
/*
 * Stands before gpu_rsa_create, by the linker's --wrap: where $DXVAULT_TEST_KEYS names a folder, a process takes the keys
 * that an earlier one made, and puts there what is missing. Making one takes longer than most tests. Without the variable
 * all is as without this file.
 */
#include "ready_keys.h"

#include "gpu/private.h"

#include <fcntl.h>
#include <limits.h>
#include <openssl/x509.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int __real_gpu_rsa_create(unsigned int bits, const atomic_bool *stop, EVP_PKEY **ret);
int __wrap_gpu_rsa_create(unsigned int bits, const atomic_bool *stop, EVP_PKEY **ret);

/* The first keys of a process differ from each other: root and both leaves. */
enum { KEYS = 4, KEY_SIZE_MAX = 4096, LEAF_BITS = 2048 };

static EVP_PKEY *early[KEYS]; /* taken when files could still be opened */

/* A key is appended by one write: the first one in the file is whole, whoever else writes at that time. */
static int open_file(unsigned int bits, unsigned int number)
{
	const char *folder = getenv("DXVAULT_TEST_KEYS");
	char path[PATH_MAX];

	if (!folder || !*folder || snprintf(path, sizeof(path), "%s/%u-%u", folder, bits, number) >= (int)sizeof(path))
		return -1;
	return open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

static EVP_PKEY *load(int file)
{
	unsigned char bytes[KEY_SIZE_MAX];
	const unsigned char *at = bytes;
	ssize_t size = read(file, bytes, sizeof(bytes));
	PKCS8_PRIV_KEY_INFO *info = size > 0 ? d2i_PKCS8_PRIV_KEY_INFO(NULL, &at, size) : NULL;
	EVP_PKEY *key = info ? EVP_PKCS82PKEY(info) : NULL;

	PKCS8_PRIV_KEY_INFO_free(info);
	return key;
}

static void save(int file, const EVP_PKEY *key)
{
	PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key);
	unsigned char *bytes = NULL;
	int size = info ? i2d_PKCS8_PRIV_KEY_INFO(info, &bytes) : 0;

	if (size > 0)
		(void)!write(file, bytes, (size_t)size);
	OPENSSL_free(bytes);
	PKCS8_PRIV_KEY_INFO_free(info);
}

static int take(unsigned int bits, unsigned int number, const atomic_bool *stop, EVP_PKEY **ret)
{
	int file = open_file(bits, number);
	EVP_PKEY *key = file >= 0 ? load(file) : NULL;
	int r = 0;

	if (!key) {
		r = __real_gpu_rsa_create(bits, stop, &key);
		if (r == 0 && file >= 0)
			save(file, key);
	}
	if (file >= 0)
		close(file);
	if (r == 0)
		*ret = key;
	return r;
}

void ready_keys_take(void)
{
	const char *folder = getenv("DXVAULT_TEST_KEYS");

	for (unsigned int i = 0; folder && *folder && i < KEYS; i++)
		(void)take(LEAF_BITS, i, NULL, &early[i]);
}

int __wrap_gpu_rsa_create(unsigned int bits, const atomic_bool *stop, EVP_PKEY **ret)
{
	static atomic_uint calls;
	unsigned int number = atomic_fetch_add(&calls, 1) % KEYS;

	if (bits != LEAF_BITS || !early[number])
		return take(bits, number, stop, ret);
	*ret = early[number];
	early[number] = NULL;
	return 0;
}
