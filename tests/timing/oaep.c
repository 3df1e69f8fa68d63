/* SPDX-License-Identifier: MIT */
/* SEC-40: a key exchange that fails looks and lasts alike whatever was wrong with the padding. CS-33, AC-034. */
#define OPENSSL_SUPPRESS_DEPRECATED /* libcrypto's own encoding, step by step: no newer function has the steps */
#include "kmd_fixture_channel.h"
#include "measure.h"

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <string.h>

/* What can be wrong with 256 bytes below the modulus. Nothing of it is known to who did not make the padding himself. */
enum wrong { LEADING_BYTE, LABEL_HASH, PADDING_BYTE, NO_SEPARATOR, LENGTH, NOISE, WRONGS };

static const char *const names[WRONGS] = {
	[LEADING_BYTE] = "first byte not 0",	[LABEL_HASH] = "another label's hash",
	[PADDING_BYTE] = "padding not 0",	[NO_SEPARATOR] = "no 1 behind the padding",
	[LENGTH] = "payload of another length", [NOISE] = "no encoding at all",
};

enum { SEED = 64, HASH = 64, DB = GPU_OAEP_SIZE - 1 - SEED, POOL = 96, CONTROL_NANOSECONDS = 2500 };

static uint8_t inputs[WRONGS][POOL][GPU_OAEP_SIZE];

/* Unmasks what is masked, and the other way round; bytes is the encoding behind its first byte. */
static void mask_db(uint8_t *bytes)
{
	uint8_t mask[DB];

	assert_int_equal(PKCS1_MGF1(mask, DB, bytes, SEED, EVP_sha512()), 0);
	for (size_t i = 0; i < DB; i++)
		bytes[SEED + i] ^= mask[i];
}

static void mask_seed(uint8_t *bytes)
{
	uint8_t mask[SEED];

	assert_int_equal(PKCS1_MGF1(mask, SEED, bytes + SEED, DB, EVP_sha512()), 0);
	for (size_t i = 0; i < SEED; i++)
		bytes[i] ^= mask[i];
}

static uint8_t random_byte(uint8_t least, uint8_t most)
{
	return (uint8_t)(least + measure_random() % (most - least + 1u));
}

/* A good encoding, but for one thing that is wrong. */
static void encode(enum wrong wrong, uint8_t ret[GPU_OAEP_SIZE])
{
	static const int lengths[] = { 1, 15, 17, 32, 126 };
	int size = wrong == LENGTH ? lengths[measure_random() % 5] : GPU_KEY_SIZE;
	uint8_t payload[126], *db = ret + 1 + SEED;

	assert_int_equal(gpu_random(payload, sizeof(payload)), 0);
	assert_int_equal(
		RSA_padding_add_PKCS1_OAEP_mgf1(ret, GPU_OAEP_SIZE, payload, size, NULL, 0, EVP_sha512(), EVP_sha512()),
		1);
	mask_seed(ret + 1);
	mask_db(ret + 1);
	switch (wrong) {
	case LABEL_HASH:
		db[measure_random() % HASH] ^= random_byte(1, 255);
		break;
	case PADDING_BYTE:
		db[HASH + measure_random() % (DB - HASH - GPU_KEY_SIZE - 1)] = random_byte(2, 255);
		break;
	case NO_SEPARATOR:
		memset(db + HASH, 0, DB - HASH);
		break;
	case LEADING_BYTE:
	case LENGTH:
	case NOISE:
	case WRONGS:
		break;
	}
	mask_db(ret + 1);
	mask_seed(ret + 1);
	if (wrong == LEADING_BYTE)
		ret[0] = random_byte(1, 0x7f); /* still below the modulus */
	if (wrong == NOISE) {
		assert_int_equal(gpu_random(ret, GPU_OAEP_SIZE), 0);
		ret[0] &= 0x7f;
	}
}

static void fill_pool(enum gpu_leaf leaf)
{
	for (int i = 0; i < POOL; i++)
		for (int wrong = 0; wrong < WRONGS; wrong++) {
			uint8_t message[GPU_OAEP_SIZE];

			encode((enum wrong)wrong, message);
			kf_raise(leaf, message, inputs[wrong][i]);
		}
}

/* ---- what is measured ---------------------------------------------------------------------------- */

struct bench {
	enum gpu_leaf leaf;
	struct kf *kf;
	int device;
	D3DKMT_HANDLE session;
	uint64_t channel;
	bool is_delayed; /* the control */
	uint8_t blob[GPU_OAEP_SIZE];
	int result, wanted;
};

static void prepare(void *data, unsigned int class_number)
{
	struct bench *bench = data;

	assert_int_equal(bench->result, bench->wanted);
	bench->is_delayed = class_number == WRONGS;
	memcpy(bench->blob, inputs[bench->is_delayed ? 0 : class_number][measure_random() % POOL], GPU_OAEP_SIZE);
}

static void run_unwrap(void *data)
{
	struct bench *bench = data;
	uint8_t key[GPU_KEY_SIZE];

	bench->result = gpu_identity_unwrap(kf_identity(), bench->leaf, bench->blob, key, sizeof(key));
	if (bench->is_delayed)
		measure_delay(CONTROL_NANOSECONDS);
}

static void run_escape(void *data)
{
	struct bench *bench = data;

	if (bench->leaf == GPU_LEAF_SESSION)
		bench->result = kf_exchange_blob(bench->kf, bench->device, bench->session, bench->blob);
	else
		bench->result = kf_channel_exchange_blob(bench->kf, bench->device, bench->channel, bench->blob);
	if (bench->is_delayed)
		measure_delay(CONTROL_NANOSECONDS);
}

/* Only what follows libcrypto's answer: a thousandth of the whole, and our own. */
static bool is_rest_measured;

int __real_EVP_PKEY_decrypt(EVP_PKEY_CTX *context, unsigned char *out, size_t *out_size, const unsigned char *in,
			    size_t in_size);
int __wrap_EVP_PKEY_decrypt(EVP_PKEY_CTX *context, unsigned char *out, size_t *out_size, const unsigned char *in,
			    size_t in_size);

int __wrap_EVP_PKEY_decrypt(EVP_PKEY_CTX *context, unsigned char *out, size_t *out_size, const unsigned char *in,
			    size_t in_size)
{
	int r = __real_EVP_PKEY_decrypt(context, out, out_size, in, in_size);

	if (is_rest_measured)
		measure_from_here();
	return r;
}

static void assert_alike(struct bench *bench, void (*run)(void *data), int wanted)
{
	const struct measure measure = {
		.names = names,
		.classes = WRONGS,
		.control = "2.5 us more",
		.seconds = 7,
		.samples = 40000,
		.prepare = prepare,
		.run = run,
		.data = bench,
	};

	bench->result = bench->wanted = wanted;
	fill_pool(bench->leaf);
	measure_assert_alike(&measure);
}

/* By the function that opens blobs. */
static void test_unwrap(void **state)
{
	struct bench bench = { .leaf = GPU_LEAF_SESSION };

	(void)state;
	assert_alike(&bench, run_unwrap, -EBADMSG);
}

static void test_rest(void **state)
{
	struct bench bench = { .leaf = GPU_LEAF_SESSION };

	(void)state;
	is_rest_measured = true;
	assert_alike(&bench, run_unwrap, -EBADMSG);
	is_rest_measured = false;
}

/* By the escape of a crypto session, which has a key from before. */
static void test_session_exchange(void **state)
{
	struct bench bench = { .leaf = GPU_LEAF_SESSION, .kf = kf_start(NULL) };

	(void)state;
	bench.device = kf_device(bench.kf);
	bench.session = kf_session(bench.kf, bench.device);
	assert_int_equal(kf_exchange(bench.kf, bench.device, bench.session, KF_K), S_OK);
	assert_alike(&bench, run_escape, E_INVALIDARG);
	kf_stop(bench.kf);
}

/* By the escape of an authenticated channel. */
static void test_channel_exchange(void **state)
{
	struct bench bench = { .leaf = GPU_LEAF_CHANNEL, .kf = kf_start(NULL) };

	(void)state;
	bench.device = kf_device(bench.kf);
	assert_int_equal(kf_channel_create(bench.kf, bench.device, KF_SOFTWARE, &bench.channel), S_OK);
	assert_alike(&bench, run_escape, E_INVALIDARG);
	kf_stop(bench.kf);
}

/*
 * What a client sees besides the time: the same result, its buffer as it was, libcrypto's words gone, the key from before
 * in force. So too for a number that is not below the modulus, which is quicker: the client can see that itself.
 */
static void test_looks(void **state)
{
	struct kf *kf = kf_start(NULL);
	int device = kf_device(kf);
	D3DKMT_HANDLE session = kf_session(kf, device);
	uint8_t above[GPU_OAEP_SIZE], before[16], after[16];

	(void)state;
	memset(above, 0xff, sizeof(above));
	fill_pool(GPU_LEAF_SESSION);
	assert_int_equal(kf_exchange(kf, device, session, KF_K), S_OK);
	kf_random = KF_R;
	assert_int_equal(kf_readback_key(kf, device, session, before), S_OK);
	kf_random = NULL;
	for (int wrong = 0; wrong <= WRONGS; wrong++) {
		uint8_t key[GPU_KEY_SIZE], untouched[GPU_KEY_SIZE];
		const uint8_t *blob = wrong < WRONGS ? inputs[wrong][0] : above;

		memset(key, 0x77, sizeof(key));
		memset(untouched, 0x77, sizeof(untouched));
		assert_int_equal(gpu_identity_unwrap(kf_identity(), GPU_LEAF_SESSION, blob, key, sizeof(key)),
				 -EBADMSG);
		assert_memory_equal(key, untouched, sizeof(key));
		assert_int_equal(kf_exchange_blob(kf, device, session, blob), E_INVALIDARG);
	}
	kf_random = KF_R;
	assert_int_equal(kf_readback_key(kf, device, session, after), S_OK);
	kf_random = NULL;
	assert_memory_equal(before, after, sizeof(before));
	kf_stop(kf);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		{ "oaep_failures_look_alike", test_looks, NULL, NULL, NULL },
		{ "oaep_failures_last_alike", test_unwrap, NULL, NULL, NULL },
		{ "oaep_failures_end_alike", test_rest, NULL, NULL, NULL },
		{ "oaep_failures_of_sessions_last_alike", test_session_exchange, NULL, NULL, NULL },
		{ "oaep_failures_of_channels_last_alike", test_channel_exchange, NULL, NULL, NULL },
	};

	(void)argc;
	if (!measure_start())
		return 2;
	return measure_main("oaep", tests, sizeof(tests) / sizeof(tests[0]), argv);
}
