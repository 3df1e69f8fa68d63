/* SPDX-License-Identifier: MIT */
/* The root, the two leaves, their chains, and what a leaf opens and refuses. */
#include "gpu/gpu.h"

/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include <errno.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

static struct gpu_bytes root_key;
static struct gpu_bytes root_certificate;
static struct gpu_identity *identity;

static X509 *certificate_parse(const uint8_t **next, const uint8_t *end)
{
	X509 *certificate = d2i_X509(NULL, next, end - *next);

	assert_non_null(certificate);
	return certificate;
}

/* Leaf and root of a chain. */
static void chain_parse(enum gpu_leaf which, X509 **ret_leaf, X509 **ret_root)
{
	const uint8_t *next;
	const uint8_t *end;
	size_t size;

	assert_int_equal(gpu_identity_wait(identity, which), 0);
	assert_int_equal(gpu_identity_chain(identity, which, &next, &size), 0);
	end = next + size;
	*ret_leaf = certificate_parse(&next, end);
	*ret_root = certificate_parse(&next, end);
	assert_ptr_equal(next, end);
}

static EVP_PKEY *leaf_public_key(enum gpu_leaf which)
{
	X509 *leaf, *root;
	EVP_PKEY *key;

	chain_parse(which, &leaf, &root);
	key = X509_get_pubkey(leaf);
	assert_non_null(key);
	X509_free(leaf);
	X509_free(root);
	return key;
}

struct oaep {
	const EVP_MD *hash;
	const EVP_MD *mgf1;
	const char *label;
};

/* An application's side of the exchange. */
static void oaep_encrypt(EVP_PKEY *key, const struct oaep *oaep, const void *payload, size_t size, uint8_t *ret)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
	size_t written = GPU_OAEP_SIZE;

	assert_int_equal(EVP_PKEY_encrypt_init(context), 1);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING), 1);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_oaep_md(context, oaep->hash), 1);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_mgf1_md(context, oaep->mgf1), 1);
	if (oaep->label != NULL)
		assert_int_equal(EVP_PKEY_CTX_set0_rsa_oaep_label(context, OPENSSL_strdup(oaep->label),
								  (int)strlen(oaep->label)),
				 1);
	assert_int_equal(EVP_PKEY_encrypt(context, ret, &written, payload, size), 1);
	assert_int_equal(written, GPU_OAEP_SIZE);
	EVP_PKEY_CTX_free(context);
}

static struct oaep oaep_right(void)
{
	return (struct oaep) { EVP_sha512(), EVP_sha512(), NULL };
}

static void refusal_check(enum gpu_leaf leaf, const uint8_t *ciphertext)
{
	uint8_t payload[16], untouched[16];

	memset(payload, 0x77, sizeof(payload));
	memset(untouched, 0x77, sizeof(untouched));
	assert_int_equal(gpu_identity_unwrap(identity, leaf, ciphertext, payload, sizeof(payload)), -EBADMSG);
	assert_memory_equal(payload, untouched, sizeof(payload));
	assert_int_equal(ERR_peek_error(), 0);
}

/* CAP-75: leaf first, root last and self-signed, sizes add up, signatures verify. CAP-77: two leaves, two keys, one root. */
static void test_chains(void **state)
{
	X509 *leaves[GPU_LEAF_COUNT], *roots[GPU_LEAF_COUNT];
	const uint8_t *root_bytes;
	size_t root_size;

	(void)state;
	gpu_identity_root(identity, &root_bytes, &root_size);
	assert_int_equal(root_size, root_certificate.size);
	assert_memory_equal(root_bytes, root_certificate.data, root_size);
	for (int i = 0; i < GPU_LEAF_COUNT; i++) {
		X509_STORE *store = X509_STORE_new();
		X509_STORE_CTX *context = X509_STORE_CTX_new();

		chain_parse((enum gpu_leaf)i, &leaves[i], &roots[i]);
		assert_int_equal(X509_self_signed(roots[i], 1), 1);
		assert_int_equal(X509_STORE_add_cert(store, roots[i]), 1);
		assert_int_equal(X509_STORE_set_flags(store, X509_V_FLAG_X509_STRICT | X509_V_FLAG_CHECK_SS_SIGNATURE),
				 1);
		assert_int_equal(X509_STORE_CTX_init(context, store, leaves[i], NULL), 1);
		if (X509_verify_cert(context) != 1)
			fail_msg("%s", X509_verify_cert_error_string(X509_STORE_CTX_get_error(context)));
		X509_STORE_CTX_free(context);
		X509_STORE_free(store);
	}
	assert_int_equal(X509_cmp(roots[0], roots[1]), 0);
	assert_int_not_equal(X509_cmp(leaves[0], leaves[1]), 0);
	assert_int_equal(EVP_PKEY_eq(X509_get0_pubkey(leaves[0]), X509_get0_pubkey(leaves[1])), 0);
	for (int i = 0; i < GPU_LEAF_COUNT; i++) {
		X509_free(leaves[i]);
		X509_free(roots[i]);
	}
}

static void common_name_check(X509 *certificate, const char *prefix)
{
	char name[64];

	assert_true(X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, name, 64) > 0);
	assert_int_equal(strlen(name), strlen(prefix) + 8);
	assert_memory_equal(name, prefix, strlen(prefix));
	assert_int_equal(strspn(name + strlen(prefix), "0123456789abcdef"), 8);
}

/* CAP-73: X.509 with an RSA key; CAP-74: modulus of 2048 bits, exponent 65537, in both. */
static void test_leaf_contents(void **state)
{
	static const char *const names[] = {
		[GPU_LEAF_CHANNEL] = "dxvault channel ", [GPU_LEAF_SESSION] = "dxvault session "
	};

	(void)state;
	for (int i = 0; i < GPU_LEAF_COUNT; i++) {
		BIGNUM *modulus = NULL, *exponent = NULL;
		time_t in_360_days = time(NULL) + 360 * 86400;
		X509 *leaf, *root;

		chain_parse((enum gpu_leaf)i, &leaf, &root);
		assert_int_equal(EVP_PKEY_get_base_id(X509_get0_pubkey(leaf)), EVP_PKEY_RSA);
		assert_int_equal(EVP_PKEY_get_bn_param(X509_get0_pubkey(leaf), "n", &modulus), 1);
		assert_int_equal(EVP_PKEY_get_bn_param(X509_get0_pubkey(leaf), "e", &exponent), 1);
		assert_int_equal(BN_num_bits(modulus), 2048);
		assert_int_equal(BN_is_word(exponent, 65537), 1);
		BN_free(modulus);
		BN_free(exponent);

		assert_int_equal(X509_get_version(leaf), X509_VERSION_3);
		common_name_check(leaf, names[i]);
		assert_int_equal(X509_get_signature_nid(leaf), NID_sha256WithRSAEncryption);
		assert_int_equal(X509_get_key_usage(leaf), KU_KEY_ENCIPHERMENT);
		assert_int_equal(X509_check_ca(leaf), 0);
		assert_true(ASN1_STRING_length(X509_get0_serialNumber(leaf)) >= 8);
		assert_int_equal(X509_cmp_current_time(X509_get0_notBefore(leaf)), -1);
		assert_int_equal(X509_cmp_time(X509_get0_notAfter(leaf), &in_360_days), 1);
		X509_free(leaf);
		X509_free(root);
	}
}

static void test_root_contents(void **state)
{
	const uint8_t *next = root_certificate.data;
	X509 *root = certificate_parse(&next, next + root_certificate.size);
	time_t in_29_years = time(NULL) + (time_t)29 * 365 * 86400;
	time_t in_31_years = time(NULL) + (time_t)31 * 366 * 86400;

	(void)state;
	common_name_check(root, "dxvault root ");
	assert_int_equal(EVP_PKEY_get_bits(X509_get0_pubkey(root)), 3072);
	assert_int_equal(X509_check_ca(root), 1);
	assert_int_equal(X509_get_pathlen(root), 0);
	assert_int_equal(X509_get_key_usage(root), KU_KEY_CERT_SIGN);
	assert_int_equal(X509_cmp_time(X509_get0_notAfter(root), &in_29_years), 1);
	assert_int_equal(X509_cmp_time(X509_get0_notAfter(root), &in_31_years), -1);
	X509_free(root);
}

/* CS-31, CS-32, CS-41: the right padding and 16 bytes of any value. CAP-73: the certificate's key is the one that counts. */
static void test_unwrap(void **state)
{
	static const uint8_t zero[16];
	struct oaep oaep = oaep_right();

	(void)state;
	for (int i = 0; i < GPU_LEAF_COUNT; i++) {
		EVP_PKEY *key = leaf_public_key((enum gpu_leaf)i);
		uint8_t payload[40], ciphertext[GPU_OAEP_SIZE], got[40];

		assert_int_equal(gpu_random(payload, sizeof(payload)), 0);
		oaep_encrypt(key, &oaep, payload, 16, ciphertext);
		assert_int_equal(gpu_identity_unwrap(identity, (enum gpu_leaf)i, ciphertext, got, 16), 0);
		assert_memory_equal(got, payload, 16);
		/* twice is no error here: CS-40 */
		assert_int_equal(gpu_identity_unwrap(identity, (enum gpu_leaf)i, ciphertext, got, 16), 0);
		oaep_encrypt(key, &oaep, payload, 40, ciphertext);
		assert_int_equal(gpu_identity_unwrap(identity, (enum gpu_leaf)i, ciphertext, got, 40), 0);
		assert_memory_equal(got, payload, 40);
		oaep_encrypt(key, &oaep, zero, 16, ciphertext);
		assert_int_equal(gpu_identity_unwrap(identity, (enum gpu_leaf)i, ciphertext, got, 16), 0);
		assert_memory_equal(got, zero, 16);
		EVP_PKEY_free(key);
	}
}

/* CS-31: other hashes and labels. CS-32: other lengths. CS-33: all alike, nothing written. */
static void test_unwrap_refuses(void **state)
{
	const struct oaep wrong[] = {
		{ EVP_sha1(), EVP_sha1(), NULL },     { EVP_sha256(), EVP_sha256(), NULL },
		{ EVP_sha512(), EVP_sha1(), NULL },   { EVP_sha1(), EVP_sha512(), NULL },
		{ EVP_sha512(), EVP_sha256(), NULL }, { EVP_sha512(), EVP_sha512(), "label" },
	};
	static const size_t lengths[] = { 0, 15, 17, 32, 40, 126 };
	EVP_PKEY *key = leaf_public_key(GPU_LEAF_SESSION);
	struct oaep oaep = oaep_right();
	uint8_t payload[126], ciphertext[GPU_OAEP_SIZE], got[16];

	(void)state;
	assert_int_equal(gpu_random(payload, sizeof(payload)), 0);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		oaep_encrypt(key, &wrong[i], payload, 16, ciphertext);
		refusal_check(GPU_LEAF_SESSION, ciphertext);
	}
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		oaep_encrypt(key, &oaep, payload, lengths[i], ciphertext);
		refusal_check(GPU_LEAF_SESSION, ciphertext);
	}
	oaep_encrypt(key, &oaep, payload, 16, ciphertext);
	ciphertext[255] ^= 1;
	refusal_check(GPU_LEAF_SESSION, ciphertext);
	ciphertext[255] ^= 1;
	assert_int_equal(gpu_identity_unwrap(identity, GPU_LEAF_SESSION, ciphertext, got, 16), 0);
	assert_memory_equal(got, payload, 16);
	/* integers: zero, the modulus, and the largest, which is above any modulus */
	memset(ciphertext, 0, sizeof(ciphertext));
	refusal_check(GPU_LEAF_SESSION, ciphertext);
	memset(ciphertext, 0xff, sizeof(ciphertext));
	refusal_check(GPU_LEAF_SESSION, ciphertext);
	BIGNUM *modulus = NULL;
	assert_int_equal(EVP_PKEY_get_bn_param(key, "n", &modulus), 1);
	assert_int_equal(BN_bn2binpad(modulus, ciphertext, GPU_OAEP_SIZE), GPU_OAEP_SIZE);
	refusal_check(GPU_LEAF_SESSION, ciphertext);
	BN_free(modulus);
	EVP_PKEY_free(key);
}

/* CAP-77, CS-29, CS-33, SEC-61: a message for one leaf is nothing to the other. */
static void test_leaves_are_strangers(void **state)
{
	struct oaep oaep = oaep_right();
	uint8_t payload[16] = { 1 }, ciphertext[GPU_OAEP_SIZE];

	(void)state;
	for (int i = 0; i < GPU_LEAF_COUNT; i++) {
		EVP_PKEY *key = leaf_public_key((enum gpu_leaf)i);

		oaep_encrypt(key, &oaep, payload, 16, ciphertext);
		refusal_check(i == GPU_LEAF_SESSION ? GPU_LEAF_CHANNEL : GPU_LEAF_SESSION, ciphertext);
		EVP_PKEY_free(key);
	}
}

/* CS-33: a message for an earlier start's leaf. The root stays, the leaves do not. */
static void test_earlier_leaf(void **state)
{
	struct gpu_identity *other;
	struct oaep oaep = oaep_right();
	EVP_PKEY *key = leaf_public_key(GPU_LEAF_SESSION);
	uint8_t payload[16] = { 1 }, ciphertext[GPU_OAEP_SIZE];

	(void)state;
	oaep_encrypt(key, &oaep, payload, 16, ciphertext);
	assert_int_equal(gpu_identity_start(&root_key, &root_certificate, &other), 0);
	/* Nobody waits for a leaf by trying it. */
	assert_int_equal(gpu_identity_unwrap(other, GPU_LEAF_SESSION, ciphertext, payload, 16), -EAGAIN);
	assert_int_equal(gpu_identity_wait(other, GPU_LEAF_SESSION), 0);
	assert_int_equal(gpu_identity_unwrap(other, GPU_LEAF_SESSION, ciphertext, payload, 16), -EBADMSG);
	gpu_identity_stop(other);
	EVP_PKEY_free(key);
}

static void start_refusal(const struct gpu_bytes *key, const struct gpu_bytes *certificate)
{
	struct gpu_identity *untouched = identity;

	assert_int_equal(gpu_identity_start(key, certificate, &untouched), -EBADMSG);
	assert_ptr_equal(untouched, identity);
	assert_int_equal(ERR_peek_error(), 0);
}

static void test_start_refuses(void **state)
{
	struct gpu_bytes key, certificate;
	struct gpu_bytes cut;

	(void)state;
	assert_int_equal(gpu_root_create(&key, &certificate), 0);
	assert_memory_not_equal(certificate.data, root_certificate.data, certificate.size);
	start_refusal(&key, &root_certificate);
	start_refusal(&root_key, &certificate);
	cut = (struct gpu_bytes) { key.data, key.size - 1 };
	start_refusal(&cut, &certificate);
	cut = (struct gpu_bytes) { certificate.data, certificate.size - 1 };
	start_refusal(&key, &cut);
	cut = (struct gpu_bytes) { certificate.data, 0 };
	start_refusal(&key, &cut);
	start_refusal(&cut, &certificate);
	certificate.data[certificate.size - 1] ^= 1; /* the signature */
	start_refusal(&key, &certificate);
	/* a leaf is no root */
	assert_int_equal(gpu_identity_chain(identity, GPU_LEAF_SESSION, (const uint8_t **)&cut.data, &cut.size), 0);
	start_refusal(&root_key, &cut);
	gpu_secret_free(key.data);
	gpu_secret_free(certificate.data);
}

static void test_stop_at_once(void **state)
{
	struct gpu_identity *short_lived;

	(void)state;
	assert_int_equal(gpu_identity_start(&root_key, &root_certificate, &short_lived), 0);
	gpu_identity_stop(short_lived);
	gpu_identity_stop(NULL);
}

/* CS-14: without random numbers there is no certificate, and whoever waits is told. */
static void test_random_failure(void **state)
{
	struct gpu_identity *failed;
	struct gpu_bytes key = { 0 }, certificate = { 0 };
	const uint8_t *chain = NULL;
	uint8_t buffer[GPU_OAEP_SIZE] = { 0 };
	size_t size;

	(void)state;
	gpu_random_fail_next(1);
	assert_int_equal(gpu_root_create(&key, &certificate), -EIO);
	assert_null(key.data);
	assert_null(certificate.data);
	gpu_random_fail_next(2);
	assert_int_equal(gpu_identity_start(&root_key, &root_certificate, &failed), 0);
	for (int i = 0; i < GPU_LEAF_COUNT; i++) {
		assert_int_equal(gpu_identity_wait(failed, (enum gpu_leaf)i), -EIO);
		assert_int_equal(gpu_identity_chain(failed, (enum gpu_leaf)i, &chain, &size), -EIO);
		assert_null(chain);
		assert_int_equal(gpu_identity_unwrap(failed, (enum gpu_leaf)i, buffer, buffer, 16), -EIO);
	}
	gpu_identity_stop(failed);
	gpu_random_fail_next(0);
}

static void *unwrap_often(void *data)
{
	const uint8_t *ciphertext = data;
	uintptr_t wrong = 0;

	for (int i = 0; i < 100; i++) {
		uint8_t got[16] = { 0 };

		wrong += gpu_identity_unwrap(identity, GPU_LEAF_SESSION, ciphertext, got, 16) != 0 || got[0] != 0x42;
	}
	return (void *)wrong;
}

/* CS-11: sessions of several devices exchange keys at once. */
static double thread_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Stopping does not wait for a key: six stopped starts cost less processor time than six that made theirs. */
static void test_stop_is_soon(void **state)
{
	struct gpu_identity *other;
	double made = 0, stopped = 0, before;

	(void)state;
	for (int i = 0; i < 6; i++) {
		before = thread_seconds();
		assert_int_equal(gpu_identity_start(&root_key, &root_certificate, &other), 0);
		gpu_identity_stop(other);
		stopped += thread_seconds() - before;

		before = thread_seconds();
		assert_int_equal(gpu_identity_start(&root_key, &root_certificate, &other), 0);
		assert_int_equal(gpu_identity_wait(other, GPU_LEAF_SESSION), 0);
		gpu_identity_stop(other);
		made += thread_seconds() - before;
	}
	assert_true(stopped < made / 2);
}

static void test_unwrap_threads(void **state)
{
	struct oaep oaep = oaep_right();
	EVP_PKEY *key = leaf_public_key(GPU_LEAF_SESSION);
	uint8_t payload[16] = { 0x42 }, ciphertext[GPU_OAEP_SIZE];
	pthread_t threads[4];
	void *wrong;

	(void)state;
	oaep_encrypt(key, &oaep, payload, 16, ciphertext);
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, unwrap_often, ciphertext), 0);
	for (int i = 0; i < 4; i++) {
		pthread_join(threads[i], &wrong);
		assert_null(wrong);
	}
	EVP_PKEY_free(key);
}

static int group_setup(void **state)
{
	(void)state;
	if (gpu_root_create(&root_key, &root_certificate) < 0)
		return -1;
	if (gpu_identity_start(&root_key, &root_certificate, &identity) < 0)
		return -1;
	return gpu_identity_wait(identity, GPU_LEAF_CHANNEL);
}

static int group_teardown(void **state)
{
	(void)state;
	gpu_identity_stop(identity);
	gpu_secret_free(root_key.data);
	gpu_secret_free(root_certificate.data);
	return 0;
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_chains),	       cmocka_unit_test(test_leaf_contents),
		cmocka_unit_test(test_root_contents),  cmocka_unit_test(test_unwrap),
		cmocka_unit_test(test_unwrap_refuses), cmocka_unit_test(test_leaves_are_strangers),
		cmocka_unit_test(test_earlier_leaf),   cmocka_unit_test(test_start_refuses),
		cmocka_unit_test(test_stop_at_once),   cmocka_unit_test(test_random_failure),
		cmocka_unit_test(test_stop_is_soon),   cmocka_unit_test(test_unwrap_threads),
	};

	if (gpu_memory_start(GPU_MEMORY_PLAIN, GPU_MEMORY_SECRET) < 0 || gpu_route_libcrypto() < 0)
		return 2;
	return cmocka_run_group_tests_name("gpu_identity", tests, group_setup, group_teardown);
}
