/* SPDX-License-Identifier: MIT */
/*
 * SEC-42: no branch and no address in our own code depends on a key, plaintext or a MAC. Runs under valgrind's memcheck: what
 * is secret is marked as undefined, and memcheck reports each jump and each address that undefined bits decide. The marks
 * follow the bits through copies, libcrypto and intel-ipsec-mb. Nothing is suppressed, in the libraries either: where
 * libcrypto had to do AES with tables, this would fail.
 */
#include "config.h"
#include "kmd_fixture_channel.h"
#include "measure.h"

#include <openssl/evp.h>
#include <string.h>
#include <sys/random.h>
#include <valgrind/memcheck.h>
#ifdef CONFIG_IPSEC_MB
#include <intel-ipsec-mb.h>
#endif

/* ---- where secrets come from, and where they end: by the linker's --wrap --------------------------- */

/* Whether the random numbers of this call are keys. Others are handles' and seals'. */
static bool is_random_secret;

ssize_t __real_getrandom(void *memory, size_t size, unsigned int flags);
ssize_t __wrap_getrandom(void *memory, size_t size, unsigned int flags);

ssize_t __wrap_getrandom(void *memory, size_t size, unsigned int flags)
{
	ssize_t n = __real_getrandom(memory, size, flags);

	if (is_random_secret && n > 0)
		(void)VALGRIND_MAKE_MEM_UNDEFINED(memory, n);
	return n;
}

int __real_EVP_PKEY_decrypt(EVP_PKEY_CTX *context, unsigned char *out, size_t *out_size, const unsigned char *in,
			    size_t in_size);
int __wrap_EVP_PKEY_decrypt(EVP_PKEY_CTX *context, unsigned char *out, size_t *out_size, const unsigned char *in,
			    size_t in_size);

/* What was in the blob. Whether it was good is told to the client, alike for all that was wrong (SEC-40). */
int __wrap_EVP_PKEY_decrypt(EVP_PKEY_CTX *context, unsigned char *out, size_t *out_size, const unsigned char *in,
			    size_t in_size)
{
	int r = __real_EVP_PKEY_decrypt(context, out, out_size, in, in_size);

	(void)VALGRIND_MAKE_MEM_UNDEFINED(out, GPU_OAEP_SIZE);
	return r;
}

bool __real_gpu_equal(const void *a, const void *b, size_t size);
bool __wrap_gpu_equal(const void *a, const void *b, size_t size);

/* Whether two secrets are equal as a whole is no secret: the client is told, or knows. */
bool __wrap_gpu_equal(const void *a, const void *b, size_t size)
{
	bool is_equal = __real_gpu_equal(a, b, size);

	(void)VALGRIND_MAKE_MEM_DEFINED(&is_equal, sizeof(is_equal));
	return is_equal;
}

NTSTATUS __real_kmd_escape(HANDLE hAdapter, const DXGKARG_ESCAPE *arg);
NTSTATUS __wrap_kmd_escape(HANDLE hAdapter, const DXGKARG_ESCAPE *arg);

/* The answer is the client's: results, the number of a refresh, a wrapped key, tags. */
NTSTATUS __wrap_kmd_escape(HANDLE hAdapter, const DXGKARG_ESCAPE *arg)
{
	NTSTATUS status = __real_kmd_escape(hAdapter, arg);

	(void)VALGRIND_MAKE_MEM_DEFINED(arg->pPrivateDriverData, arg->PrivateDriverDataSize);
	return status;
}

#ifdef CONFIG_IPSEC_MB
const char *__wrap_gpu_ipsec_mb_missing(void);
void __real_init_mb_mgr_auto(IMB_MGR *manager, IMB_ARCH *arch);
void __wrap_init_mb_mgr_auto(IMB_MGR *manager, IMB_ARCH *arch);

/* valgrind has no AVX-512. With what the library does instead, our own code is the same. */
const char *__wrap_gpu_ipsec_mb_missing(void)
{
	return NULL;
}

void __wrap_init_mb_mgr_auto(IMB_MGR *manager, IMB_ARCH *arch)
{
	__real_init_mb_mgr_auto(manager, arch);
	manager->used_arch = IMB_ARCH_AVX512;
	manager->features |= IMB_CPUFLAGS_AVX512_T2 | IMB_FEATURE_SAFE_DATA;
}
#endif

static bool is_secret(const void *memory, size_t size)
{
	uint8_t marks[64] = { 0 };
	bool found = false;

	for (size_t at = 0; at < size; at += sizeof(marks)) {
		size_t part = size - at < sizeof(marks) ? size - at : sizeof(marks);

		assert_int_equal(VALGRIND_GET_VBITS((const uint8_t *)memory + at, marks, part), 1);
		for (size_t i = 0; i < part; i++)
			found = found || marks[i] != 0;
	}
	return found;
}

/* ---- a world ------------------------------------------------------------------------------------- */

enum { WIDTH = 16, HEIGHT = 8, BYTES = WIDTH * HEIGHT * 4, PIXELS = 0x5a };

struct world {
	struct kf *kf;
	int device;
	D3DKMT_HANDLE session, protected, system, staging;
	uint64_t iv;
};

static struct world begin(void)
{
	struct world world = { .kf = kf_start(NULL), .iv = 1 };

	world.device = kf_device(world.kf);
	world.session = kf_session(world.kf, world.device);
	world.protected = kf_protected(world.kf, world.device, WIDTH, HEIGHT);
	world.system = kf_system(world.kf, world.device, WIDTH, HEIGHT);
	world.staging = kf_system(world.kf, world.device, WIDTH, HEIGHT);
	memset(kf_bytes(world.kf, world.system), PIXELS, BYTES);
	assert_int_equal(kf_exchange(world.kf, world.device, world.session, KF_K), S_OK);
	assert_true(is_secret(gpu_key_bytes(kf_session_inside(world.kf, world.session)->key), GPU_KEY_SIZE));
	return world;
}

static void end(struct world *world)
{
	/* Wiped is known again. */
	kmd_driver.LoseKeys(world->kf->adapter);
	assert_false(is_secret(kf_inside(world->kf, world->protected), BYTES));
	assert_false(is_secret(gpu_key_bytes(kf_session_inside(world->kf, world->session)->key), GPU_KEY_SIZE));
	kf_stop(world->kf);
}

static void decrypt(struct world *world, const uint8_t *content_key, const D3DDDIENCRYPTED_BLOCK_INFO *info)
{
	struct drv_escape_blt blt = kf_blt(world->kf, world->session, DRV_COMMAND_DECRYPTION_BLT, world->system,
					   world->protected);

	kf_iv(blt.iv, world->iv++, 0);
	if (content_key) {
		blt.flags |= DRV_BLT_HAS_CONTENT_KEY;
		memcpy(blt.content_key, content_key, sizeof(blt.content_key));
	}
	if (info) {
		blt.flags |= DRV_BLT_HAS_BLOCK_INFO;
		blt.block_info = *info;
	}
	assert_int_equal(kf_run(world->kf, world->device, &blt), S_OK);
	assert_true(is_secret(kf_inside(world->kf, world->protected), BYTES));
}

static void refresh(struct world *world)
{
	is_random_secret = true;
	assert_int_equal(kf_start_refresh(world->kf, world->device, world->session, NULL), S_OK);
	is_random_secret = false;
	assert_true(is_secret(kf_session_inside(world->kf, world->session)->secrets->pending, GPU_KEY_SIZE));
	assert_int_equal(kf_finish_refresh(world->kf, world->device, world->session), S_OK);
}

static void read_back(struct world *world)
{
	uint8_t iv[16];

	is_random_secret = true;
	assert_int_equal(kf_readback_key(world->kf, world->device, world->session, NULL), S_OK);
	is_random_secret = false;
	assert_true(is_secret(gpu_key_bytes(kf_session_inside(world->kf, world->session)->readback), GPU_KEY_SIZE));
	for (int i = 0; i < 2; i++)
		assert_int_equal(
			kf_encrypt(world->kf, world->device, world->session, world->protected, world->staging, iv),
			S_OK);
	assert_true(is_secret(kf_bytes(world->kf, world->staging), BYTES));
}

/* ---- what is done with secrets ------------------------------------------------------------------- */

/* Good blobs, a payload of another length, and one that is none. */
static void exchanges(void)
{
	struct world world = begin();
	uint8_t blob[GPU_OAEP_SIZE] = { 0 };

	assert_int_equal(kf_exchange_blob(world.kf, world.device, world.session, blob), E_INVALIDARG);
	kf_blob(GPU_LEAF_SESSION, "SHA512", "", KF_C, 15, blob);
	assert_int_equal(kf_exchange_blob(world.kf, world.device, world.session, blob), E_INVALIDARG);
	assert_int_equal(kf_exchange(world.kf, world.device, world.session, KF_C), S_OK);
	refresh(&world);
	refresh(&world);
	end(&world);
}

static void blts(void)
{
	const D3DDDIENCRYPTED_BLOCK_INFO patterns[] = { { 32, 0, 0 }, { 16, 48, 16 }, { 0, 16, 160 } };
	struct world world = begin();

	decrypt(&world, NULL, NULL);
	for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++)
		decrypt(&world, NULL, &patterns[i]);
	read_back(&world);
	refresh(&world);
	decrypt(&world, NULL, NULL);
	read_back(&world);
	assert_int_equal(kf_present(world.kf, world.device, world.protected, true), STATUS_SUCCESS);
	assert_int_equal(world.kf->shown, 1);
	end(&world);
}

/* A surface that is not protected for now, read and written by the CPU. */
static void locks(void)
{
	struct world world = begin();
	struct drv_escape_lock lock = {
		.header = { .magic = DRV_MAGIC, .command = DRV_COMMAND_LOCK },
		.surface = world.protected,
		.staging = world.staging,
	};
	struct kmd_adapter *adapter = world.kf->adapter;

	adapter->config.caps &= ~(uint32_t)D3DCPCAPS_PROTECTIONALWAYSON;
	decrypt(&world, NULL, NULL);
	assert_int_equal(kf_escape(world.kf, world.device, &lock, sizeof(lock)), STATUS_SUCCESS);
	assert_int_equal(lock.header.result, S_OK);
	assert_true(is_secret(kf_bytes(world.kf, world.staging), BYTES));
	lock.header.command = DRV_COMMAND_UNLOCK;
	assert_int_equal(kf_escape(world.kf, world.device, &lock, sizeof(lock)), STATUS_SUCCESS);
	assert_int_equal(lock.header.result, S_OK);
	end(&world);
}

/* More content keys than the first room of the history has, new ones and old ones. */
static void content_keys(void)
{
	struct world world = begin();

	for (int i = 0; i < 24; i++) {
		uint8_t wrapped[GPU_KEY_SIZE];

		memset(wrapped, i % 12, sizeof(wrapped));
		decrypt(&world, wrapped, NULL);
	}
	assert_true(is_secret(kf_session_inside(world.kf, world.session)->history.entries[3].name, GPU_BLOCK_SIZE));
	/* A counter that this key had already. */
	world.iv = 1;
	assert_int_equal(kf_decrypt(world.kf, world.device, world.session, world.system, world.protected, world.iv),
			 S_OK);
	assert_int_equal(kf_decrypt(world.kf, world.device, world.session, world.system, world.protected, world.iv),
			 D3DDDIERR_INVALIDCALL);
	end(&world);
}

/* Parts of one transfer by two workers. */
static void workers(void)
{
	struct world world = begin();
	HANDLE one = kf_worker(world.kf), other = kf_worker(world.kf);
	struct drv_escape_blt blt = kf_blt(world.kf, world.session, DRV_COMMAND_DECRYPTION_BLT, world.system,
					   world.protected);
	uint64_t size = 0;

	kf_iv(blt.iv, world.iv, 0);
	assert_int_equal(kf_begin(world.kf, one, world.device, &blt, &size), STATUS_SUCCESS);
	assert_int_equal(size, BYTES);
	kmd_driver.RunTransfer(one, other, BYTES / 2, BYTES / 2);
	kmd_driver.RunTransfer(one, one, 0, BYTES / 2);
	kf_finish(one, &blt);
	assert_int_equal(blt.header.result, S_OK);
	assert_true(is_secret(kf_inside(world.kf, world.protected), BYTES));
	end(&world);
}

/* Commands and queries of a channel, with right tags and with wrong ones. AC-054. */
static void channels(void)
{
	struct kf *kf = kf_start(NULL);
	struct kf_channel channel = kf_channel_ready(kf, kf_device(kf), KF_SOFTWARE);
	const uint32_t flags = 1;

	assert_int_equal(kf_protect(&channel, flags), S_OK);
	for (size_t i = 0; i < GPU_TAG_SIZE; i += 5) {
		struct drv_escape_message message = kf_message(&channel, KF_PROTECTION, channel.next_configure, &flags,
							       sizeof(flags));

		message.input[i] ^= 0x10;
		assert_int_equal(kf_send(kf, channel.device, &message), E_INVALIDARG);
		assert_int_equal(kf_class(&message, channel.key), KF_BARE);
	}
	(void)kf_query(&channel, KF_Q_PROTECTION);
	(void)kf_device_id(&channel);
	kmd_driver.LoseKeys(kf->adapter);
	kf_stop(kf);
}

/* ---- the tests ----------------------------------------------------------------------------------- */

static volatile uint8_t table[256];

/* What the others rely on: both kinds are reported. valgrind's first two reports are this test's. */
static void test_control(void **state)
{
	volatile uint8_t key = 3;
	unsigned int before = VALGRIND_COUNT_ERRORS;

	(void)state;
	(void)VALGRIND_MAKE_MEM_UNDEFINED(&key, sizeof(key));
	if (key & 1)
		table[0] = 1;
	assert_int_equal(VALGRIND_COUNT_ERRORS, before + 1);
	table[1] = table[key];
	assert_int_equal(VALGRIND_COUNT_ERRORS, before + 2);
}

/* With each engine. */
static void test_quiet(void **state)
{
	void (*const *work)(void) = *state;
	unsigned int before = VALGRIND_COUNT_ERRORS;

	assert_int_equal(gpu_engine_start(GPU_ENGINE_LIBCRYPTO), 0);
	(*work)();
#ifdef CONFIG_IPSEC_MB
	assert_int_equal(gpu_engine_start(GPU_ENGINE_IPSEC_MB), 0);
	(*work)();
#else
	print_message("# not with intel-ipsec-mb: it is not in this build\n");
#endif
	assert_int_equal(VALGRIND_COUNT_ERRORS, before);
}

int main(int argc, char **argv)
{
	static void (*const work[])(void) = { exchanges, blts, content_keys, workers, locks, channels };
	const struct CMUnitTest tests[] = {
		{ "secrets_that_decide_are_seen", test_control, NULL, NULL, NULL },
		{ "secrets_of_exchanges_decide_nothing", test_quiet, NULL, NULL, (void *)&work[0] },
		{ "secrets_of_blts_decide_nothing", test_quiet, NULL, NULL, (void *)&work[1] },
		{ "secrets_of_content_keys_decide_nothing", test_quiet, NULL, NULL, (void *)&work[2] },
		{ "secrets_of_workers_decide_nothing", test_quiet, NULL, NULL, (void *)&work[3] },
		{ "secrets_of_locks_decide_nothing", test_quiet, NULL, NULL, (void *)&work[4] },
		{ "secrets_of_channels_decide_nothing", test_quiet, NULL, NULL, (void *)&work[5] },
	};

	(void)argc;
	if (!measure_start())
		return 2;
	/* Without valgrind: makes the RSA keys, which takes a minute with it, in $DXVAULT_TEST_KEYS. */
	if (!RUNNING_ON_VALGRIND) {
		(void)kf_identity();
		kf_identity_stop();
		return 0;
	}
	return measure_main("secrets", tests, sizeof(tests) / sizeof(tests[0]), argv);
}
