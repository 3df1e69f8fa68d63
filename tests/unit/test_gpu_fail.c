/* SPDX-License-Identifier: MIT */
/* The GPU where libcrypto or the random generator fails: no key is half set, nothing is computed with what is there. */
#include "gpu/private.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/random.h>

#include <cmocka.h>

/* ---- what fails ------------------------------------------------------------------------------------------- */

enum call {
	NONE,
	ENCRYPT_INIT,
	ENCRYPT_UPDATE,
	ENCRYPT_PART,
	CIPHER_INIT,
	CIPHER_UPDATE,
	MAC_INIT,
	MAC_UPDATE,
	MAC_FINAL
};

static enum call failing;
static unsigned int failing_at; /* the how manieth of them, from 1; all after it too */

static bool fails(enum call call)
{
	if (failing != call)
		return false;
	if (failing_at > 1) {
		failing_at--;
		return false;
	}
	ERR_raise(ERR_LIB_EVP, EVP_R_INITIALIZATION_ERROR);
	return true;
}

static void fail_at(enum call call, unsigned int at)
{
	failing = call;
	failing_at = at;
}

int __real_EVP_EncryptInit_ex2(EVP_CIPHER_CTX *context, const EVP_CIPHER *cipher, const unsigned char *key,
			       const unsigned char *iv, const OSSL_PARAM parameters[]);
int __wrap_EVP_EncryptInit_ex2(EVP_CIPHER_CTX *context, const EVP_CIPHER *cipher, const unsigned char *key,
			       const unsigned char *iv, const OSSL_PARAM parameters[]);
int __real_EVP_EncryptUpdate(EVP_CIPHER_CTX *context, unsigned char *out, int *size, const unsigned char *in,
			     int in_size);
int __wrap_EVP_EncryptUpdate(EVP_CIPHER_CTX *context, unsigned char *out, int *size, const unsigned char *in,
			     int in_size);
int __real_EVP_CipherInit_ex2(EVP_CIPHER_CTX *context, const EVP_CIPHER *cipher, const unsigned char *key,
			      const unsigned char *iv, int encrypts, const OSSL_PARAM parameters[]);
int __wrap_EVP_CipherInit_ex2(EVP_CIPHER_CTX *context, const EVP_CIPHER *cipher, const unsigned char *key,
			      const unsigned char *iv, int encrypts, const OSSL_PARAM parameters[]);
int __real_EVP_CipherUpdate(EVP_CIPHER_CTX *context, unsigned char *out, int *size, const unsigned char *in,
			    int in_size);
int __wrap_EVP_CipherUpdate(EVP_CIPHER_CTX *context, unsigned char *out, int *size, const unsigned char *in,
			    int in_size);
int __real_EVP_MAC_init(EVP_MAC_CTX *context, const unsigned char *key, size_t size, const OSSL_PARAM parameters[]);
int __wrap_EVP_MAC_init(EVP_MAC_CTX *context, const unsigned char *key, size_t size, const OSSL_PARAM parameters[]);
int __real_EVP_MAC_update(EVP_MAC_CTX *context, const unsigned char *data, size_t size);
int __wrap_EVP_MAC_update(EVP_MAC_CTX *context, const unsigned char *data, size_t size);
int __real_EVP_MAC_final(EVP_MAC_CTX *context, unsigned char *out, size_t *size, size_t room);
int __wrap_EVP_MAC_final(EVP_MAC_CTX *context, unsigned char *out, size_t *size, size_t room);
ssize_t __real_getrandom(void *memory, size_t size, unsigned int flags);
ssize_t __wrap_getrandom(void *memory, size_t size, unsigned int flags);

int __wrap_EVP_EncryptInit_ex2(EVP_CIPHER_CTX *context, const EVP_CIPHER *cipher, const unsigned char *key,
			       const unsigned char *iv, const OSSL_PARAM parameters[])
{
	return fails(ENCRYPT_INIT) ? 0 : __real_EVP_EncryptInit_ex2(context, cipher, key, iv, parameters);
}

int __wrap_EVP_EncryptUpdate(EVP_CIPHER_CTX *context, unsigned char *out, int *size, const unsigned char *in,
			     int in_size)
{
	int result = fails(ENCRYPT_UPDATE) ? 0 : __real_EVP_EncryptUpdate(context, out, size, in, in_size);

	if (fails(ENCRYPT_PART))
		--*size;
	return result;
}

int __wrap_EVP_CipherInit_ex2(EVP_CIPHER_CTX *context, const EVP_CIPHER *cipher, const unsigned char *key,
			      const unsigned char *iv, int encrypts, const OSSL_PARAM parameters[])
{
	return fails(CIPHER_INIT) ? 0 : __real_EVP_CipherInit_ex2(context, cipher, key, iv, encrypts, parameters);
}

int __wrap_EVP_CipherUpdate(EVP_CIPHER_CTX *context, unsigned char *out, int *size, const unsigned char *in,
			    int in_size)
{
	return fails(CIPHER_UPDATE) ? 0 : __real_EVP_CipherUpdate(context, out, size, in, in_size);
}

int __wrap_EVP_MAC_init(EVP_MAC_CTX *context, const unsigned char *key, size_t size, const OSSL_PARAM parameters[])
{
	return fails(MAC_INIT) ? 0 : __real_EVP_MAC_init(context, key, size, parameters);
}

int __wrap_EVP_MAC_update(EVP_MAC_CTX *context, const unsigned char *data, size_t size)
{
	return fails(MAC_UPDATE) ? 0 : __real_EVP_MAC_update(context, data, size);
}

int __wrap_EVP_MAC_final(EVP_MAC_CTX *context, unsigned char *out, size_t *size, size_t room)
{
	return fails(MAC_FINAL) ? 0 : __real_EVP_MAC_final(context, out, size, room);
}

static unsigned int interruptions;
static int random_error;
static size_t random_most = SIZE_MAX;

ssize_t __wrap_getrandom(void *memory, size_t size, unsigned int flags)
{
	if (interruptions > 0) {
		interruptions--;
		errno = EINTR;
		return -1;
	}
	if (random_error != 0) {
		errno = random_error;
		return -1;
	}
	return __real_getrandom(memory, size < random_most ? size : random_most, flags);
}

/* ---- keys ------------------------------------------------------------------------------------------------- */

static const uint8_t first[GPU_KEY_SIZE] = "the first key";
static const uint8_t second[GPU_KEY_SIZE] = "the second key";
static const uint8_t iv[GPU_IV_SIZE];
static const uint8_t plain[64] = "plain text";
static const uint8_t none[GPU_KEY_SIZE];

static int reset(void **state)
{
	(void)state;
	fail_at(NONE, 0);
	/* Nothing of libcrypto's complaints stays behind for whoever looks next. */
	return ERR_peek_error() == 0 ? 0 : -1;
}

static void assert_empty(struct gpu_key *key)
{
	uint8_t out[64] = { 0 };

	assert_false(gpu_key_is_set(key));
	assert_memory_equal(gpu_key_bytes(key), none, GPU_KEY_SIZE);
	assert_int_equal(gpu_ctr(key, iv, NULL, plain, out, sizeof(out)), -ENOKEY);
	assert_int_equal(gpu_key_wrap(key, plain, out), -ENOKEY);
	assert_memory_equal(out, (uint8_t[64]) { 0 }, sizeof(out));
}

static void test_a_key_that_cannot_be_set(void **state)
{
	struct gpu_key *key;

	(void)state;
	assert_int_equal(gpu_key_reserve(&key), 0);
	assert_int_equal(gpu_key_set(key, first), 0);
	/* The one before goes too, and does not come back. */
	fail_at(ENCRYPT_INIT, 1);
	assert_int_equal(gpu_key_set(key, second), -EIO);
	fail_at(NONE, 0);
	assert_empty(key);
	gpu_key_free(key);
}

/* What can't be wiped by a key of zeros can't be used again either. */
static void test_a_key_that_cannot_be_wiped(void **state)
{
	static const struct {
		enum call call;
		unsigned int at;
	} ways[] = { { ENCRYPT_INIT, 1 }, { ENCRYPT_UPDATE, 1 }, { ENCRYPT_INIT, 2 } };
	uint8_t out[sizeof(plain)];

	(void)state;
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		struct gpu_key *key;

		assert_int_equal(gpu_key_reserve(&key), 0);
		assert_int_equal(gpu_key_set(key, first), 0);
		fail_at(ways[i].call, ways[i].at);
		gpu_key_clear(key);
		fail_at(NONE, 0);
		assert_empty(key);
		if (gpu_key_set(key, second) == 0)
			assert_int_not_equal(gpu_key_wrap(key, plain, out), 0);
		else
			assert_empty(key);
		gpu_key_free(key);
	}
}

static void test_no_slot(void **state)
{
	struct gpu_key *key = NULL;
	struct gpu_mac *mac = NULL;

	(void)state;
	for (unsigned int at = 1; at <= 2; at++) {
		fail_at(ENCRYPT_INIT, at);
		assert_int_equal(gpu_key_reserve(&key), -ENOMEM);
		assert_null(key);
	}
	fail_at(MAC_INIT, 1);
	assert_int_equal(gpu_mac_reserve(&mac), -ENOMEM);
	assert_null(mac);
}

/* ---- blocks and transfers ------------------------------------------------------------------------------------ */

static void test_blocks(void **state)
{
	static const enum call calls[] = { CIPHER_INIT, CIPHER_UPDATE };
	struct gpu_key *key;
	uint8_t out[GPU_BLOCK_SIZE], back[GPU_BLOCK_SIZE];

	(void)state;
	assert_int_equal(gpu_key_reserve(&key), 0);
	assert_int_equal(gpu_key_set(key, first), 0);
	for (size_t i = 0; i < 2; i++) {
		memset(out, 0x5a, sizeof(out));
		fail_at(calls[i], 1);
		assert_int_equal(gpu_key_wrap(key, plain, out), -EIO);
		assert_int_equal(gpu_key_unwrap(key, plain, out), -EIO);
		for (size_t j = 0; j < sizeof(out); j++)
			assert_int_equal(out[j], 0x5a);
		fail_at(NONE, 0);
	}
	/* The key is as good as before. */
	assert_int_equal(gpu_key_wrap(key, plain, out), 0);
	assert_int_equal(gpu_key_unwrap(key, out, back), 0);
	assert_memory_equal(back, plain, sizeof(back));
	gpu_key_free(key);
}

static void test_transfers(void **state)
{
	static const enum call calls[] = { ENCRYPT_INIT, ENCRYPT_UPDATE, ENCRYPT_PART };
	static const struct gpu_pattern pattern = { .first = 16, .skip = 16, .encrypt = 16 };
	uint8_t out[sizeof(plain)], again[sizeof(plain)], before[sizeof(plain)];
	struct gpu_worker *worker;
	struct gpu_key *key;

	(void)state;
	assert_int_equal(gpu_key_reserve(&key), 0);
	assert_int_equal(gpu_worker_create(&worker), 0);
	assert_int_equal(gpu_key_set(key, first), 0);
	assert_int_equal(gpu_ctr(key, iv, &pattern, plain, before, sizeof(plain)), 0);
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		fail_at(calls[i], 1);
		assert_int_equal(gpu_ctr(key, iv, NULL, plain, out, sizeof(plain)), -EIO);
		assert_int_equal(gpu_ctr(key, iv, &pattern, plain, out, sizeof(plain)), -EIO);
		assert_int_equal(gpu_ctr_part(key, worker, iv, &pattern, 0, plain, out, sizeof(plain)), -EIO);
		fail_at(NONE, 0);
		assert_int_equal(gpu_ctr(key, iv, &pattern, plain, again, sizeof(plain)), 0);
		assert_memory_equal(again, before, sizeof(again));
	}
	/* The same with the worker's own context, while another thread has the slot's. */
	atomic_flag_test_and_set(&key->ctr_is_taken);
	assert_int_equal(gpu_ctr_part(key, worker, iv, &pattern, 0, plain, again, sizeof(plain)), 0);
	assert_memory_equal(again, before, sizeof(again));
	fail_at(ENCRYPT_INIT, 1);
	assert_int_equal(gpu_ctr_part(key, worker, iv, &pattern, 0, plain, out, sizeof(plain)), -EIO);
	fail_at(NONE, 0);
	atomic_flag_clear(&key->ctr_is_taken);
	gpu_worker_destroy(worker);
	gpu_key_free(key);
}

/* ---- tags ------------------------------------------------------------------------------------------------- */

static void test_tags(void **state)
{
	static const enum call calls[] = { MAC_INIT, MAC_UPDATE, MAC_FINAL };
	uint8_t tag[GPU_TAG_SIZE], again[GPU_TAG_SIZE], other[GPU_TAG_SIZE];
	struct gpu_mac *mac;

	(void)state;
	assert_int_equal(gpu_mac_reserve(&mac), 0);
	assert_int_equal(gpu_mac_set(mac, first), 0);
	assert_int_equal(gpu_mac_compute(mac, plain, sizeof(plain), tag), 0);
	for (size_t i = 0; i < 3; i++) {
		memset(again, 0x5a, sizeof(again));
		fail_at(calls[i], 1);
		assert_int_equal(gpu_mac_compute(mac, plain, sizeof(plain), again), -EIO);
		for (size_t j = 0; j < sizeof(again); j++)
			assert_int_equal(again[j], 0x5a);
		fail_at(NONE, 0);
		assert_int_equal(gpu_mac_compute(mac, plain, sizeof(plain), again), 0);
		assert_memory_equal(again, tag, sizeof(tag));
	}
	/* A key that can't be set leaves none, and the slot is good for the next. */
	fail_at(MAC_INIT, 1);
	assert_int_equal(gpu_mac_set(mac, second), -EIO);
	fail_at(NONE, 0);
	assert_false(gpu_mac_is_set(mac));
	assert_int_equal(gpu_mac_compute(mac, plain, sizeof(plain), again), -ENOKEY);
	assert_int_equal(gpu_mac_set(mac, second), 0);
	assert_int_equal(gpu_mac_compute(mac, plain, sizeof(plain), other), 0);
	assert_memory_not_equal(other, tag, sizeof(tag));
	gpu_mac_free(mac);
}

/* ---- random numbers ------------------------------------------------------------------------------------------- */

static void test_random(void **state)
{
	uint8_t bytes[64] = { 0 }, rest[16] = { 0 };

	(void)state;
	interruptions = 3;
	random_most = 7;
	assert_int_equal(gpu_random(bytes, 48), 0);
	assert_int_equal(interruptions, 0);
	random_most = SIZE_MAX;
	/* Each part was filled, and nothing behind them. */
	for (size_t i = 0; i < 48; i += 16)
		assert_memory_not_equal(bytes + i, rest, sizeof(rest));
	assert_memory_equal(bytes + 48, rest, sizeof(rest));
	random_error = ENOSYS;
	assert_int_equal(gpu_random(rest, sizeof(rest)), -EIO);
	assert_memory_equal(bytes + 48, rest, sizeof(rest));
	random_error = 0;
}

static int start(void **state)
{
	(void)state;
	if (gpu_memory_start(GPU_MEMORY_PLAIN, GPU_MEMORY_PLAIN) < 0)
		return -1;
	return gpu_engine_start(GPU_ENGINE_LIBCRYPTO);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_teardown(name, reset)
	const struct CMUnitTest tests[] = {
		CASE(test_a_key_that_cannot_be_set),
		CASE(test_a_key_that_cannot_be_wiped),
		CASE(test_no_slot),
		CASE(test_blocks),
		CASE(test_transfers),
		CASE(test_tags),
		CASE(test_random),
	};

	return cmocka_run_group_tests(tests, start, NULL);
}
