/* SPDX-License-Identifier: MIT */
/* The private keys of the driver's certificates: in protected memory alone, and on no stack (SEC-06, SEC-12). */
#include "wipe_probe.h"

#include "gpu/private.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <string.h>

/* ---- keys that are known ------------------------------------------------------------------------------------- */

int __real_gpu_rsa_create(unsigned int bits, const atomic_bool *stop, EVP_PKEY **ret);
int __wrap_gpu_rsa_create(unsigned int bits, const atomic_bool *stop, EVP_PKEY **ret);
int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *argument);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *argument);

enum { KEYS_MAX = 8, NUMBER_MAX = 512, WORDS_OF_FORGETTING = 8 };

static _Alignas(4096) uint8_t thread_stack[1 << 20];

static EVP_PKEY *keys[KEYS_MAX];
static atomic_uint key_count;

/* The root's is as short as the leaves': it is made in less time. */
int __wrap_gpu_rsa_create(unsigned int bits, const atomic_bool *stop, EVP_PKEY **ret)
{
	const int r = __real_gpu_rsa_create(2048, stop, ret);

	(void)bits;
	if (r == 0 && key_count < KEYS_MAX && EVP_PKEY_up_ref(*ret) == 1)
		keys[key_count++] = *ret;
	return r;
}

/* The identity's own thread, on a stack that can be looked at. */
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *argument)
{
	pthread_attr_t own;
	int r;

	(void)attributes;
	memset(thread_stack, 0, sizeof(thread_stack));
	pthread_attr_init(&own);
	pthread_attr_setstack(&own, thread_stack, sizeof(thread_stack));
	r = __real_pthread_create(thread, &own, run, argument);
	pthread_attr_destroy(&own);
	return r;
}

/* Both ways round: as it is computed with, and as it stands in files. */
static void know_number(const EVP_PKEY *key, const char *name)
{
	BIGNUM *number = NULL;
	uint8_t *bytes = gpu_secret_alloc(NUMBER_MAX);
	int size;

	assert_int_equal(EVP_PKEY_get_bn_param(key, name, &number), 1);
	size = BN_num_bytes(number);
	assert_true(size > 64 && size <= NUMBER_MAX);
	assert_int_equal(BN_bn2lebinpad(number, bytes, size), size);
	wp_secret(name, bytes, (size_t)size);
	assert_int_equal(BN_bn2binpad(number, bytes, size), size);
	wp_secret(name, bytes, (size_t)size);
	BN_clear_free(number);
	gpu_secret_free(bytes);
}

static void know_keys(void)
{
	static const char *const names[] = {
		OSSL_PKEY_PARAM_RSA_D,	       OSSL_PKEY_PARAM_RSA_FACTOR1,   OSSL_PKEY_PARAM_RSA_FACTOR2,
		OSSL_PKEY_PARAM_RSA_EXPONENT1, OSSL_PKEY_PARAM_RSA_EXPONENT2, OSSL_PKEY_PARAM_RSA_COEFFICIENT1,
	};

	for (unsigned int i = 0; i < key_count; i++)
		for (size_t n = 0; n < sizeof(names) / sizeof(names[0]); n++)
			know_number(keys[i], names[n]);
}

static void drop_keys(void)
{
	while (key_count > 0)
		EVP_PKEY_free(keys[--key_count]);
}

/* ---- calls ------------------------------------------------------------------------------------------------------ */

struct call {
	struct gpu_bytes key, certificate;
	struct gpu_identity *identity;
	uint8_t blob[GPU_OAEP_SIZE];
	uint8_t *payload; /* in protected memory */
	int result;
};

static void by_root_create(void *argument)
{
	struct call *call = argument;

	call->result = gpu_root_create(&call->key, &call->certificate);
}

static void by_start(void *argument)
{
	struct call *call = argument;

	call->result = gpu_identity_start(&call->key, &call->certificate, &call->identity);
}

static void by_unwrap(void *argument)
{
	struct call *call = argument;

	call->result = gpu_identity_unwrap(call->identity, GPU_LEAF_SESSION, call->blob, call->payload, 16);
}

static void run(struct call *call, void (*function)(void *))
{
	function(call);
	assert_int_equal(call->result, 0);
}

static void make_blob(struct call *call, const uint8_t payload[16])
{
	const uint8_t *chain = NULL;
	size_t size = 0, written = GPU_OAEP_SIZE;
	EVP_PKEY_CTX *context;
	X509 *leaf;

	assert_int_equal(gpu_identity_chain(call->identity, GPU_LEAF_SESSION, &chain, &size), 0);
	leaf = d2i_X509(NULL, &chain, (long)size);
	context = EVP_PKEY_CTX_new(X509_get0_pubkey(leaf), NULL);
	assert_int_equal(EVP_PKEY_encrypt_init(context), 1);
	assert_true(EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING) > 0);
	assert_true(EVP_PKEY_CTX_set_rsa_oaep_md(context, EVP_sha512()) > 0);
	assert_true(EVP_PKEY_CTX_set_rsa_mgf1_md(context, EVP_sha512()) > 0);
	assert_int_equal(EVP_PKEY_encrypt(context, call->blob, &written, payload, 16), 1);
	EVP_PKEY_CTX_free(context);
	X509_free(leaf);
}

static void open_identity(struct call *call)
{
	memset(call, 0, sizeof(*call));
	call->payload = gpu_secret_alloc(16);
	run(call, by_root_create);
	run(call, by_start);
	/* It waits a moment for somebody who needs the second one. */
	assert_int_equal(gpu_identity_wait(call->identity, GPU_LEAF_CHANNEL), 0);
	assert_int_equal(key_count, 3);
}

static void close_call(struct call *call)
{
	gpu_identity_stop(call->identity);
	gpu_secret_free(call->key.data);
	gpu_secret_free(call->certificate.data);
	gpu_secret_free(call->payload);
	drop_keys();
}

/* ---- tests -------------------------------------------------------------------------------------------------------- */

static void test_private_keys_are_in_protected_memory(void **state) /* SEC-06 */
{
	uint8_t planted[16], *payload;
	struct call call;

	(void)state;
	wp_need_memory();
	wp_forget();
	payload = gpu_secret_alloc(16);
	open_identity(&call);
	know_keys();
	assert_int_equal(gpu_random(payload, 16), 0);
	make_blob(&call, payload);
	gpu_forget_deep(); /* what the application's half left */
	for (int i = 0; i < 20; i++)
		run(&call, by_unwrap);
	assert_memory_equal(call.payload, payload, 16);
	wp_secret("a session key", payload, 16);
	assert_true(wp_look_everywhere(/* is_protected= */ true) > 3 * 6 * 100);
	wp_assert_none(wp_look_everywhere(false), "memory that is not protected");

	/* It would have been seen. */
	memcpy(planted, payload, 16);
	__asm__ volatile("" ::"r"(planted) : "memory");
	assert_true(wp_look_everywhere(false) > 0);
	gpu_secret_free(payload);
	close_call(&call);
}

static void test_nothing_is_left_on_stacks(void **state) /* SEC-12 */
{
	struct call call = { 0 };

	(void)state;
	wp_need_stack();
	wp_forget();
	assert_int_equal(wp_look_behind(by_root_create, &call), 0);
	assert_int_equal(call.result, 0);
	know_keys();
	wp_assert_none(wp_look_at_stack(), "making of a root");
	wp_assert_none(wp_look_behind(by_start, &call), "start of the identity");
	assert_int_equal(call.result, 0);
	assert_int_equal(gpu_identity_wait(call.identity, GPU_LEAF_CHANNEL), 0);
	gpu_identity_stop(call.identity);
	call.identity = NULL;
	assert_int_equal(key_count, 3);
	know_keys();
	wp_assert_none(wp_look("its stack", thread_stack, sizeof(thread_stack)), "the identity's thread");
	close_call(&call);
}

static void test_unwrap_leaves_nothing(void **state) /* SEC-12 */
{
	uint8_t payload[16];
	struct call call;

	(void)state;
	wp_need_stack();
	wp_forget();
	open_identity(&call);
	know_keys();
	assert_int_equal(gpu_random(payload, 16), 0);
	make_blob(&call, payload);
	wp_secret("a session key", payload, 16);
	wp_assert_none(wp_look_behind(by_unwrap, &call), "key exchange");
	/* What RSA computed on the way is no number of the key, and tells it all the same. */
	assert_true(wp_depth() > 8192);
	assert_true(wp_words_below(1024) <= WORDS_OF_FORGETTING);
	assert_int_equal(call.result, 0);
	close_call(&call);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_private_keys_are_in_protected_memory),
		cmocka_unit_test(test_nothing_is_left_on_stacks),
		cmocka_unit_test(test_unwrap_leaves_nothing),
	};

	if (gpu_memory_start(GPU_MEMORY_PLAIN, GPU_MEMORY_SECRET) < 0 || gpu_route_libcrypto() < 0)
		return 2;
	return cmocka_run_group_tests_name("wipe_identity", tests, NULL, NULL);
}
