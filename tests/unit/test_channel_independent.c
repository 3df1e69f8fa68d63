/* SPDX-License-Identifier: MIT */
/* What channels do with keys, checked by a library that has no line in common with the one that they use: libgcrypt. */
#include "channel_vectors.h"
#include "kmd_fixture_channel.h"

#include <gcrypt.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <string.h>

/* ---- libgcrypt's side ----------------------------------------------------------------------------------- */

static void gcrypt_tag(const uint8_t key[16], const void *data, size_t size, uint8_t ret[16])
{
	gcry_mac_hd_t mac;
	size_t written = 16;

	assert_int_equal(gcry_mac_open(&mac, GCRY_MAC_CMAC_AES, 0, NULL), 0);
	assert_int_equal(gcry_mac_setkey(mac, key, 16), 0);
	assert_int_equal(gcry_mac_write(mac, data, size), 0);
	assert_int_equal(gcry_mac_read(mac, ret, &written), 0);
	assert_int_equal(written, 16);
	gcry_mac_close(mac);
}

static size_t number_bytes(EVP_PKEY *key, const char *name, uint8_t ret[256])
{
	BIGNUM *number = NULL;
	int size;

	assert_int_equal(EVP_PKEY_get_bn_param(key, name, &number), 1);
	size = BN_bn2bin(number, ret);
	BN_free(number);
	return (size_t)size;
}

/* The public key of a leaf, by its two numbers. */
static gcry_sexp_t public_key(enum gpu_leaf leaf)
{
	uint8_t n[256], e[256];
	const uint8_t *chain;
	size_t chain_size, n_size, e_size;
	X509 *certificate;
	gcry_sexp_t key;

	assert_int_equal(gpu_identity_chain(kf_identity(), leaf, &chain, &chain_size), 0);
	certificate = d2i_X509(NULL, &chain, (long)chain_size);
	assert_non_null(certificate);
	n_size = number_bytes(X509_get0_pubkey(certificate), OSSL_PKEY_PARAM_RSA_N, n);
	e_size = number_bytes(X509_get0_pubkey(certificate), OSSL_PKEY_PARAM_RSA_E, e);
	X509_free(certificate);
	assert_int_equal(n_size, 256);
	/* A zero in front: they are positive. */
	assert_int_equal(gcry_sexp_build(&key, NULL, "(public-key (rsa (n %b) (e %b)))", 256, n, (int)e_size, e), 0);
	return key;
}

/* RSAES-OAEP of libgcrypt; hash is also that of its mask generation. seed: NULL, or the random bytes to take. */
static void gcrypt_blob(enum gpu_leaf leaf, const char *hash, const char *label, const uint8_t *seed,
			const void *payload, int size, uint8_t ret[256])
{
	gcry_sexp_t key = public_key(leaf), data, cipher, list;
	const char *bytes;
	size_t written;

	if (seed)
		assert_int_equal(gcry_sexp_build(&data, NULL,
						 "(data (flags oaep) (hash-algo %s) (value %b) (random-override %b))",
						 hash, size, payload, 64, seed),
				 0);
	else if (label)
		assert_int_equal(gcry_sexp_build(&data, NULL,
						 "(data (flags oaep) (hash-algo %s) (value %b) (label %s))", hash, size,
						 payload, label),
				 0);
	else
		assert_int_equal(gcry_sexp_build(&data, NULL, "(data (flags oaep) (hash-algo %s) (value %b))", hash,
						 size, payload),
				 0);
	assert_int_equal(gcry_pk_encrypt(&cipher, data, key), 0);
	list = gcry_sexp_find_token(cipher, "a", 0);
	bytes = gcry_sexp_nth_data(list, 1, &written);
	assert_non_null(bytes);
	/* A number: with a zero in front of it, or without those that it begins with. */
	if (written > 256) {
		bytes += written - 256;
		written = 256;
	}
	memset(ret, 0, 256 - written);
	memcpy(ret + 256 - written, bytes, written);
	gcry_sexp_release(list);
	gcry_sexp_release(cipher);
	gcry_sexp_release(data);
	gcry_sexp_release(key);
}

/* ---- tags -------------------------------------------------------------------------------------------------- */

/* AC-053, AC-054: any key, any length, one slot for all and one for each. */
static void test_tags(void **state)
{
	struct gpu_mac *shared;

	(void)state;
	assert_int_equal(gpu_mac_reserve(&shared), 0);
	for (int i = 0; i < 1500; i++) {
		uint8_t key[16], message[96], wanted[16], got[16];
		const size_t size = (size_t)i % 97;
		struct gpu_mac *own;

		assert_int_equal(gpu_random(key, sizeof(key)), 0);
		assert_int_equal(gpu_random(message, sizeof(message)), 0);
		gcrypt_tag(key, message, size, wanted);
		assert_int_equal(gpu_mac_set(shared, key), 0);
		assert_int_equal(gpu_mac_compute(shared, message, size, got), 0);
		assert_memory_equal(got, wanted, 16);
		assert_int_equal(gpu_mac_reserve(&own), 0);
		assert_int_equal(gpu_mac_set(own, key), 0);
		assert_int_equal(gpu_mac_compute(own, message, size, got), 0);
		assert_memory_equal(got, wanted, 16);
		gpu_mac_free(own);
	}
	gpu_mac_free(shared);
}

struct bench {
	struct kf *kf;
	struct kf_channel channel;
};

static struct bench start(void)
{
	struct bench b;

	b.kf = kf_start(NULL);
	b.channel = kf_channel(b.kf, kf_device(b.kf), KF_SOFTWARE);
	return b;
}

/* Tagged here, and its answer verified here: no line of libcrypto's CMAC between (AC-055, AC-057, AC-058). */
static HRESULT exchange_message(struct bench *b, enum kf_type type, uint32_t number, const void *body, size_t size)
{
	struct drv_escape_message message = kf_message(&b->channel, type, number, body, size);
	uint8_t tag[16];
	HRESULT hr;

	if (type < KF_QUERIES)
		gcrypt_tag(b->channel.key, message.input + 16, kf_types[type].input_size - 16, message.input);
	hr = kf_send(b->kf, b->channel.device, &message);
	assert_int_equal(message.written, kf_types[type].output_size);
	gcrypt_tag(b->channel.key, message.output + 16, message.written - 16, tag);
	assert_memory_equal(message.output, tag, 16);
	return hr;
}

static void test_messages(void **state)
{
	(void)state;
	for (int i = 0; i < 25; i++) {
		struct bench b = start();
		const uint32_t starts[2] = { 10, 10 }, flags = 3, dwm[6] = { KF_DWM, 0, 0, 0, 1 };
		uint8_t key[16];

		assert_int_equal(gpu_random(key, sizeof(key)), 0);
		assert_int_equal(kf_exchange_key(&b.channel, key), S_OK);
		assert_int_equal(exchange_message(&b, KF_INITIALIZE, 0, starts, sizeof(starts)), S_OK);
		assert_int_equal(exchange_message(&b, KF_PROTECTION, 10, &flags, sizeof(flags)), S_OK);
		assert_int_equal(exchange_message(&b, KF_SHAREDRESOURCE, 11, dwm, sizeof(dwm)), S_OK);
		assert_int_equal(exchange_message(&b, KF_ENCRYPTION, 12, NULL, 0), S_OK);
		assert_int_equal(exchange_message(&b, KF_CRYPTOSESSION, 13, NULL, 0), E_INVALIDARG);
		for (enum kf_type type = KF_QUERIES; type < KF_TYPES; type++)
			(void)exchange_message(&b, type, (uint32_t)type + 10, NULL, 0);
		kf_stop(b.kf);
	}
}

/* ---- key exchange -------------------------------------------------------------------------------------------- */

/* AC-030, AC-033, AC-034, AC-036: what libgcrypt encodes the driver takes, and the key is what was meant. CS-31 alike. */
static void test_exchange(void **state)
{
	(void)state;
	for (int i = 0; i < 20; i++) {
		const uint32_t starts[2] = { 0, 0 };
		struct bench b = start();
		D3DKMT_HANDLE session = kf_session(b.kf, b.channel.device);
		uint8_t key[16], got[16], blob[256], out[16], wrapped[16];

		assert_int_equal(gpu_random(key, sizeof(key)), 0);
		gcrypt_blob(GPU_LEAF_CHANNEL, "sha512", NULL, NULL, key, 16, blob);
		assert_int_equal(gpu_identity_unwrap(kf_identity(), GPU_LEAF_CHANNEL, blob, got, 16), 0);
		assert_memory_equal(got, key, 16);
		assert_int_equal(kf_exchange_blob(b.kf, b.channel.device, session, blob), E_INVALIDARG);
		assert_int_equal(kf_channel_exchange_blob(b.kf, b.channel.device, b.channel.handle, blob), S_OK);
		memcpy(b.channel.key, key, 16);
		assert_int_equal(exchange_message(&b, KF_INITIALIZE, 0, starts, sizeof(starts)), S_OK);

		gcrypt_blob(GPU_LEAF_SESSION, "sha512", NULL, NULL, key, 16, blob);
		assert_int_equal(gpu_identity_unwrap(kf_identity(), GPU_LEAF_SESSION, blob, got, 16), 0);
		assert_memory_equal(got, key, 16);
		assert_int_equal(kf_exchange_blob(b.kf, b.channel.device, session, blob), S_OK);
		/* The session's key wraps the read-back key, which is known here. */
		kf_random = KF_R;
		assert_int_equal(kf_readback_key(b.kf, b.channel.device, session, out), S_OK);
		kf_random = NULL;
		kf_aes(key, 1, KF_R, wrapped);
		assert_memory_equal(out, wrapped, 16);
		kf_stop(b.kf);
	}
}

/* AC-034, AC-037: with another hash, with a label, or of another length it is refused. */
static void test_refusals(void **state)
{
	static const char *const hashes[] = { "sha1", "sha224", "sha256", "sha384" };
	static const int sizes[] = { 1, 15, 17, 32, 40, 126 };
	struct bench b = start();
	uint8_t blob[256], payload[126] = { 3 };

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		gcrypt_blob(GPU_LEAF_CHANNEL, hashes[i], NULL, NULL, KF_K, 16, blob);
		assert_int_equal(kf_channel_exchange_blob(b.kf, b.channel.device, b.channel.handle, blob),
				 E_INVALIDARG);
	}
	for (size_t i = 0; i < 6; i++) {
		gcrypt_blob(GPU_LEAF_CHANNEL, "sha512", NULL, NULL, payload, sizes[i], blob);
		assert_int_equal(kf_channel_exchange_blob(b.kf, b.channel.device, b.channel.handle, blob),
				 E_INVALIDARG);
	}
	gcrypt_blob(GPU_LEAF_CHANNEL, "sha512", "dxvault", NULL, KF_K, 16, blob);
	assert_int_equal(kf_channel_exchange_blob(b.kf, b.channel.device, b.channel.handle, blob), E_INVALIDARG);
	gcrypt_blob(GPU_LEAF_SESSION, "sha512", NULL, NULL, KF_K, 16, blob);
	assert_int_equal(kf_channel_exchange_blob(b.kf, b.channel.device, b.channel.handle, blob), E_INVALIDARG);
	gcrypt_blob(GPU_LEAF_CHANNEL, "sha512", NULL, NULL, KF_K, 16, blob);
	assert_int_equal(kf_channel_exchange_blob(b.kf, b.channel.device, b.channel.handle, blob), S_OK);
	kf_stop(b.kf);
}

/* T8 of constants-channel.md: the encoding that stands there is libgcrypt's too, so both its hashes are SHA-512. */
static void test_t8(void **state)
{
	uint8_t block[256], wanted[256], got[256], seed[64];

	(void)state;
	for (size_t i = 0; i < sizeof(seed); i++)
		seed[i] = (uint8_t)i;
	kf_hex(T8_ENCODED, block, sizeof(block));
	kf_raise(GPU_LEAF_CHANNEL, block, wanted);
	gcrypt_blob(GPU_LEAF_CHANNEL, "sha512", NULL, seed, KF_K, 16, got);
	assert_memory_equal(got, wanted, sizeof(wanted));
}

static int teardown_all(void **state)
{
	(void)state;
	kf_identity_stop();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tags),	 cmocka_unit_test(test_messages), cmocka_unit_test(test_exchange),
		cmocka_unit_test(test_refusals), cmocka_unit_test(test_t8),
	};

	/* No locked memory of its own: what it holds here is the test's. */
	if (!gcry_check_version("1.10.0") || gcry_control(GCRYCTL_DISABLE_SECMEM, 0) != 0 ||
	    gcry_control(GCRYCTL_INITIALIZATION_FINISHED, 0) != 0)
		return 2;
	if (gpu_memory_start(GPU_MEMORY_PLAIN, GPU_MEMORY_SECRET) < 0)
		return 2;
	return cmocka_run_group_tests_name("channel_independent", tests, NULL, teardown_all);
}
