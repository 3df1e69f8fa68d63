/* SPDX-License-Identifier: MIT */
/* The GPU with each allocation failing: its root, its identity, its leaves, its heap and its surfaces. */
#include "failing_scenario.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- keys are made once: looking for primes asks for memory some thousand times, always alike ------------- */

static EVP_PKEY *made_key;

int __real_gpu_rsa_create(unsigned int bits, const atomic_bool *stop, EVP_PKEY **ret);
int __wrap_gpu_rsa_create(unsigned int bits, const atomic_bool *stop, EVP_PKEY **ret);
int __wrap_gpu_rsa_create(unsigned int bits, const atomic_bool *stop, EVP_PKEY **ret)
{
	if (!made_key)
		return __real_gpu_rsa_create(bits, stop, ret);
	EVP_PKEY_up_ref(made_key);
	*ret = made_key;
	return 0;
}

/*
 * libcrypto 3.0 frees what it must not where it lacks memory for the algorithm of a signature (ASN1_item_sign_ctx, whose
 * d2i_X509_ALGOR takes a member of the certificate along): a process that is so short of memory ends here, whoever calls.
 */
int __real_X509_sign(X509 *certificate, EVP_PKEY *key, const EVP_MD *digest);
int __wrap_X509_sign(X509 *certificate, EVP_PKEY *key, const EVP_MD *digest);
int __wrap_X509_sign(X509 *certificate, EVP_PKEY *key, const EVP_MD *digest)
{
	int size;

	fail_alloc_hold();
	size = __real_X509_sign(certificate, key, digest);
	fail_alloc_go_on();
	return size;
}

static struct fail_alloc_balance balance(void)
{
	OPENSSL_thread_stop();
	return fail_alloc_balance();
}

static void assert_balanced(const struct fail_alloc_balance *before, const char *what, unsigned int n)
{
	struct fail_alloc_balance after = balance();

	if (memcmp(before, &after, sizeof(after)) != 0)
		fail_msg("%s: allocation %u failed, and %+ld blocks, %+ld mappings, %+ld secrets are left", what, n,
			 after.blocks - before->blocks, after.mappings - before->mappings,
			 after.secrets - before->secrets);
}

/*
 * Making certificates asks libcrypto for memory some thousand times, on ways that differ little. The argument "all" lets
 * each fail (half a minute); without it they stand further and further apart behind the 32nd.
 */
static bool has_all;

static unsigned int next_after(unsigned int n)
{
	return n + 1 + (has_all ? 0 : n / 32);
}

static void fail_next(unsigned int n, bool onwards)
{
	if (onwards)
		fail_alloc_from(n);
	else
		fail_alloc_at(n);
}

/* ---- root and identity --------------------------------------------------------------------------------------- */

static void free_root(const struct gpu_bytes *key, const struct gpu_bytes *certificate)
{
	gpu_secret_free(key->data);
	gpu_secret_free(certificate->data);
}

static void a_root_without_memory(void **state)
{
	const bool modes[] = { false, true };
	struct gpu_bytes key, certificate;

	(void)state;
	assert_int_equal(gpu_root_create(&key, &certificate), 0);
	free_root(&key, &certificate);
	for (size_t m = 0; m < 2; m++) {
		unsigned int failed = 1, refusals = 0, n;

		for (n = 1; failed > 0; n = next_after(n)) {
			struct fail_alloc_balance before = balance();
			struct gpu_bytes none = { (uint8_t *)&before, 77 };
			int r;

			key = certificate = none;
			fail_next(n, modes[m]);
			r = gpu_root_create(&key, &certificate);
			failed = fail_alloc_stop();
			if (r == 0) {
				free_root(&key, &certificate);
			} else {
				assert_true(failed > 0);
				assert_int_equal(r, -ENOMEM);
				assert_memory_equal(&key, &none, sizeof(none));
				assert_memory_equal(&certificate, &none, sizeof(none));
				refusals++;
			}
			assert_balanced(&before, "gpu_root_create", n);
		}
		assert_true(refusals > 0);
		print_message("# gpu_root_create: less than %u allocations, %u refusals\n", n, refusals);
	}
}

static void an_identity_without_memory(void **state)
{
	struct gpu_bytes key, certificate;
	unsigned int failed = 1, refusals = 0, n;

	(void)state;
	assert_int_equal(gpu_root_create(&key, &certificate), 0);
	for (n = 1; failed > 0; n = next_after(n)) {
		struct fail_alloc_balance before = balance();
		struct gpu_identity *identity = (struct gpu_identity *)&before;
		int r;

		fail_alloc_at(n);
		r = gpu_identity_start(&key, &certificate, &identity);
		failed = fail_alloc_stop();
		if (r == 0) {
			gpu_identity_stop(identity);
		} else {
			assert_true(failed > 0);
			assert_int_equal(r, -ENOMEM);
			assert_ptr_equal(identity, &before);
			refusals++;
		}
		assert_balanced(&before, "gpu_identity_start", n);
	}
	assert_true(refusals > 0);
	print_message("# gpu_identity_start: less than %u allocations, %u refusals\n", n, refusals);
	free_root(&key, &certificate);
}

/* One allocation after the other fails, extra more being left out each time. Returns how many leaves could not be made. */
static unsigned int leaves_from(const struct gpu_bytes *key, const struct gpu_bytes *certificate, unsigned int extra)
{
	unsigned int refusals = 0, failed = 1, n;

	for (n = 1; failed > 0; n = next_after(n) + extra) {
		struct fail_alloc_balance before = balance();
		struct gpu_identity *identity;
		const uint8_t *chain;
		int r[GPU_LEAF_COUNT];
		size_t size;

		/* What gpu_identity_start itself takes was in the test before. */
		fail_alloc_anywhere(n);
		if (gpu_identity_start(key, certificate, &identity) < 0) {
			assert_true(fail_alloc_stop() > 0);
			assert_balanced(&before, "gpu_identity_start", n);
			continue;
		}
		r[0] = gpu_identity_wait(identity, GPU_LEAF_CHANNEL);
		r[1] = gpu_identity_wait(identity, GPU_LEAF_SESSION);
		failed = fail_alloc_stop();
		for (size_t i = 0; i < GPU_LEAF_COUNT; i++) {
			if (r[i] == 0)
				continue;
			assert_true(failed > 0);
			assert_int_equal(r[i], -EIO);
			refusals++;
		}
		/* Known for good, and one leaf's failure is not the other's. */
		assert_int_equal(gpu_identity_chain(identity, GPU_LEAF_CHANNEL, &chain, &size), r[0]);
		assert_int_equal(gpu_identity_chain(identity, GPU_LEAF_SESSION, &chain, &size), r[1]);
		assert_true(r[0] == 0 || r[1] == 0);
		gpu_identity_stop(identity);
		assert_balanced(&before, "leaves", n);
	}
	print_message("# leaves: less than %u allocations, %u refusals\n", n, refusals);
	return refusals;
}

/* The thread that makes the leaves: it says that it failed, and no one waits for ever. */
static void leaves_without_memory(void **state)
{
	struct gpu_bytes key, certificate;
	unsigned int refusals = 0;

	(void)state;
	assert_int_equal(gpu_root_create(&key, &certificate), 0);
	/* How much a key takes is up to chance, and libcrypto can do without most of it. */
	for (unsigned int extra = 0; refusals == 0 && extra < 16; extra++)
		refusals = leaves_from(&key, &certificate, extra);
	assert_true(refusals > 0);
	free_root(&key, &certificate);
}

/*
 * libcrypto makes a new blinding at every 32nd use of a key. Whenever memory lacks, meanwhile too, a good ciphertext is
 * good again afterwards (CS-06, CS-07).
 */
static void a_leaf_survives_lack_of_memory(void **state)
{
	uint8_t cipher[GPU_OAEP_SIZE];
	unsigned int failed = 1, refusals = 0, n;

	(void)state;
	{
		struct ik *ik = ik_start(&(const struct ik_options) { .real_driver = true });
		struct st st;

		ik_process(ik);
		st_open(&st);
		st_blob(&st, 2, ST_K, cipher);
		st_close(&st);
		ik_stop(ik);
	}
	for (n = 1; failed > 0; n++) {
		for (int use = 0; use < 33; use++) {
			uint8_t payload[16];
			int r;

			memset(payload, 0x5c, sizeof(payload));
			fail_alloc_from(n);
			r = gpu_identity_unwrap(ik_identity(), GPU_LEAF_SESSION, cipher, payload, sizeof(payload));
			failed = fail_alloc_stop();
			if (r != 0) {
				assert_true(failed > 0);
				assert_int_equal(r, -ENOMEM);
				for (size_t i = 0; i < sizeof(payload); i++)
					assert_int_equal(payload[i], 0x5c);
				refusals++;
			}
			r = gpu_identity_unwrap(ik_identity(), GPU_LEAF_SESSION, cipher, payload, sizeof(payload));
			if (r != 0)
				fail_msg("allocation %u failed, and the leaf refuses what is good: %d", n, r);
			assert_memory_equal(payload, ST_K, 16);
		}
	}
	assert_true(refusals > 20);
}

/* ---- memory ------------------------------------------------------------------------------------------------------ */

/* Whatever weaker kind is left is taken; where nothing is left, -ENOMEM, and nothing stays mapped. */
static void surfaces_without_memory(void **state)
{
	const bool modes[] = { false, true };

	(void)state;
	for (size_t m = 0; m < 2; m++) {
		unsigned int failed = 1, refusals = 0;

		for (unsigned int n = 1; failed > 0; n++) {
			struct fail_alloc_balance before = balance();
			struct gpu_memory_report had, has;
			void *memory = &before;
			int r;

			gpu_memory_report(&had);
			fail_next(n, modes[m]);
			r = gpu_surface_memory_map(5000, &memory);
			failed = fail_alloc_stop();
			if (r == 0) {
				for (size_t i = 0; i < 5000; i++)
					assert_int_equal(((uint8_t *)memory)[i], 0);
				gpu_surface_memory_unmap(memory, 5000);
			} else {
				assert_int_equal(r, -ENOMEM);
				assert_ptr_equal(memory, &before);
				refusals++;
			}
			gpu_memory_report(&has);
			assert_int_equal(had.surface_bytes, has.surface_bytes);
			assert_balanced(&before, "gpu_surface_memory_map", n);
		}
		/* A lone one only makes it weaker. */
		assert_int_equal(refusals > 0, modes[m]);
	}
}

/* More than an arena holds: the heap grows, or it says that it can't and is as good as before. */
static void a_heap_that_cannot_grow(void **state)
{
	enum { LARGE = 3 << 20 };
	unsigned int failed = 1, refusals = 0;
	uint8_t *small = gpu_secret_alloc(64);

	(void)state;
	memset(small, 0x5c, 64);
	for (unsigned int n = 2; failed > 0; n++) { /* the first one is the function itself, which the linker wraps */
		struct gpu_memory_report had, has;
		uint8_t *large;

		gpu_memory_report(&had);
		fail_alloc_from(n);
		large = gpu_secret_alloc(LARGE);
		failed = fail_alloc_stop();
		if (!large) {
			refusals++;
			gpu_memory_report(&has);
			assert_int_equal(had.key_bytes, has.key_bytes);
		}
		gpu_secret_free(large);
		fail_alloc_from(n);
		large = gpu_secret_realloc(small, LARGE);
		failed += fail_alloc_stop();
		for (size_t i = 0; i < 64; i++)
			assert_int_equal((large ? large : small)[i], 0x5c);
		small = large ? gpu_secret_realloc(large, 64) : small;
	}
	assert_true(refusals > 0);
	gpu_secret_free(small);
}

/* ---- the first exchange of a process ------------------------------------------------------------------------- */

/*
 * libcrypto looks for algorithms once, and where it lacks memory then, it may never find them: they are there before anybody
 * comes. Each try is a process of its own, which gets root, key and blob in a file. Its exit status says how it went.
 */
enum { FIRST_WHOLE, FIRST_SURVIVED, FIRST_WRONG, FIRST_STUCK };

struct inheritance {
	uint32_t key_size, certificate_size;
	uint8_t key[4096];
	uint8_t certificate[4096];
	uint8_t blob[GPU_OAEP_SIZE];
};

static int unwrap_and_reserve(struct gpu_identity *identity, const uint8_t blob[GPU_OAEP_SIZE], struct gpu_key **ret)
{
	uint8_t payload[16];
	int r = gpu_identity_unwrap(identity, GPU_LEAF_SESSION, blob, payload, sizeof(payload));

	if (r == 0)
		r = gpu_key_reserve(ret);
	if (r == 0)
		r = gpu_key_set(*ret, payload);
	return r;
}

static int first_main(unsigned int n, int descriptor)
{
	static struct inheritance in;
	const unsigned char *next = in.key;
	struct gpu_bytes key = { in.key, 0 }, certificate = { in.certificate, 0 };
	struct gpu_identity *identity;
	struct gpu_key *slot = NULL;
	unsigned int failed;
	int r;

	if (gpu_memory_start(GPU_MEMORY_PLAIN, GPU_MEMORY_SECRET) < 0 || gpu_route_libcrypto() < 0 ||
	    pread(descriptor, &in, sizeof(in), 0) != sizeof(in))
		return FIRST_WRONG;
	key.size = in.key_size;
	certificate.size = in.certificate_size;
	made_key = d2i_AutoPrivateKey(NULL, &next, (long)key.size);
	if (!made_key || gpu_identity_start(&key, &certificate, &identity) < 0 ||
	    gpu_identity_wait(identity, GPU_LEAF_SESSION) < 0)
		return FIRST_WRONG;
	fail_alloc_at(n);
	r = unwrap_and_reserve(identity, in.blob, &slot);
	failed = fail_alloc_stop();
	if (r != 0 && (failed == 0 || r != -ENOMEM || slot))
		return FIRST_WRONG;
	if (r != 0 && unwrap_and_reserve(identity, in.blob, &slot) != 0)
		return FIRST_STUCK;
	if (memcmp(gpu_key_bytes(slot), ST_K, 16) != 0)
		return FIRST_WRONG;
	gpu_key_free(slot);
	gpu_identity_stop(identity);
	EVP_PKEY_free(made_key);
	return failed == 0 ? FIRST_WHOLE : FIRST_SURVIVED;
}

/* The leaf's key is the one that was made, as the root's is. */
static void encrypt_blob(uint8_t ret[GPU_OAEP_SIZE])
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(made_key, NULL);
	size_t size = GPU_OAEP_SIZE;

	assert_int_equal(EVP_PKEY_encrypt_init(context), 1);
	assert_true(EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING) > 0);
	assert_true(EVP_PKEY_CTX_set_rsa_oaep_md_name(context, "SHA512", NULL) > 0);
	assert_true(EVP_PKEY_CTX_set_rsa_mgf1_md_name(context, "SHA512", NULL) > 0);
	assert_int_equal(EVP_PKEY_encrypt(context, ret, &size, ST_K, 16), 1);
	EVP_PKEY_CTX_free(context);
}

/* A file without a name, which an exec leaves open. */
static int bequeath(void)
{
	static struct inheritance out;
	struct gpu_bytes key, certificate;
	int descriptor = memfd_create("inheritance", 0);

	assert_true(descriptor >= 0);
	assert_int_equal(gpu_root_create(&key, &certificate), 0);
	assert_true(key.size <= sizeof(out.key) && certificate.size <= sizeof(out.certificate));
	out.key_size = (uint32_t)key.size;
	out.certificate_size = (uint32_t)certificate.size;
	memcpy(out.key, key.data, key.size);
	memcpy(out.certificate, certificate.data, certificate.size);
	encrypt_blob(out.blob);
	assert_int_equal(write(descriptor, &out, sizeof(out)), sizeof(out));
	free_root(&key, &certificate);
	return descriptor;
}

static void the_first_exchange_without_memory(void **state) /* CS-06, CS-07 */
{
	int descriptor = bequeath(), status = -1;
	unsigned int n;

	(void)state;
	for (n = 1; status != FIRST_WHOLE; n = next_after(n)) {
		char number[16], file[16];
		pid_t child;

		snprintf(number, sizeof(number), "%u", n);
		snprintf(file, sizeof(file), "%d", descriptor);
		child = fork();
		if (child == 0) {
			execl("/proc/self/exe", "test_alloc_gpu", "first", number, file, NULL);
			_exit(FIRST_WRONG);
		}
		assert_int_equal(waitpid(child, &status, 0), child);
		status = WIFEXITED(status) ? WEXITSTATUS(status) : FIRST_WRONG;
		if (status != FIRST_WHOLE && status != FIRST_SURVIVED)
			fail_msg("allocation %u failed, and the first exchange %s", n,
				 status == FIRST_STUCK ? "does not work any more" : "went wrong");
	}
	print_message("# the first exchange: less than %u allocations\n", n);
	close(descriptor);
}

static int setup(void **state)
{
	int r = failing_setup(state);

	assert_int_equal(__real_gpu_rsa_create(2048, NULL, &made_key), 0);
	return r;
}

static int teardown(void **state)
{
	EVP_PKEY_free(made_key);
	made_key = NULL;
	return failing_teardown(state);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_root_without_memory),
		cmocka_unit_test(an_identity_without_memory),
		cmocka_unit_test(leaves_without_memory),
		cmocka_unit_test(a_leaf_survives_lack_of_memory),
		cmocka_unit_test(surfaces_without_memory),
		cmocka_unit_test(a_heap_that_cannot_grow),
		cmocka_unit_test(the_first_exchange_without_memory),
	};

	if (argc > 3 && strcmp(argv[1], "first") == 0)
		return first_main((unsigned int)strtoul(argv[2], NULL, 10), (int)strtol(argv[3], NULL, 10));
	has_all = argc > 1 && strcmp(argv[1], "all") == 0;
	return cmocka_run_group_tests(tests, setup, teardown);
}
