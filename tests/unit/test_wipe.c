/* SPDX-License-Identifier: MIT */
/* The end of keys and surfaces: nothing of them is in memory that somebody else gets, or that stays (SEC-10, SEC-11). */
#include "kmd_fixture_channel.h"
#include "wipe_probe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* ---- memory on its way back to the system ---------------------------------------------------------------- */

int __real_munmap(void *memory, size_t size);
int __wrap_munmap(void *memory, size_t size);

static unsigned int unmapped;		/* mappings of protected memory */
static const uint8_t *unmapped_unwiped; /* the first one that was not zero */

static bool is_zero(const uint8_t *bytes, size_t size)
{
	return size == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, size - 1) == 0);
}

int __wrap_munmap(void *memory, size_t size)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	const uint8_t *inside = (const uint8_t *)memory + page;

	if (size > 2 * page && wp_is_protected(inside)) {
		unmapped++;
		if (!is_zero(inside, size - 2 * page) && !unmapped_unwiped)
			unmapped_unwiped = inside;
	}
	return __real_munmap(memory, size);
}

/* ---- the heap ---------------------------------------------------------------------------------------------- */

/* Each block that is given out is zero, and each that comes back is so before another is given out, whatever its size. */
static void test_heap(void **state) /* SEC-10 */
{
	enum { BLOCKS = 300, ROUNDS = 6000 };
	static struct {
		uint8_t *memory;
		size_t size;
	} blocks[BLOCKS];

	(void)state;
	srandom(10);
	for (int round = 0; round < ROUNDS; round++) {
		const size_t i = (size_t)random() % BLOCKS;
		const size_t size = 1 + (size_t)random() % (round % 50 == 0 ? 40000 : 400);
		const size_t kept = size < blocks[i].size ? size : blocks[i].size;
		uint8_t *old = blocks[i].memory;

		switch (random() % 3) {
		case 0:
			gpu_secret_free(old);
			/* The heap's own header and links are at its start, the next one's at its end. */
			if (blocks[i].size > 48)
				assert_true(is_zero(old + 16, blocks[i].size - 48));
			blocks[i].memory = gpu_secret_alloc(size);
			assert_true(is_zero(blocks[i].memory, size));
			break;
		case 1:
			blocks[i].memory = gpu_secret_realloc(old, size);
			assert_true(is_zero(blocks[i].memory + kept, size - kept));
			if (blocks[i].memory != old && blocks[i].size > 48)
				assert_true(is_zero(old + 16, blocks[i].size - 48));
			break;
		default:
			continue;
		}
		blocks[i].size = size;
		memset(blocks[i].memory, 0xb7, size);
	}
	for (size_t i = 0; i < BLOCKS; i++) {
		gpu_secret_free(blocks[i].memory);
		blocks[i].memory = NULL;
	}
}

/* An arena that goes back to the system is zero when it goes. */
static void test_arenas(void **state) /* SEC-10 */
{
	uint8_t *blocks[12];

	(void)state;
	unmapped = 0;
	for (size_t i = 0; i < 12; i++) {
		blocks[i] = gpu_secret_alloc(900000);
		assert_non_null(blocks[i]);
		memset(blocks[i], 0xb7, 900000);
	}
	for (size_t i = 0; i < 12; i++)
		gpu_secret_free(blocks[i]);
	assert_true(unmapped > 4);
	assert_null(unmapped_unwiped);
}

/* ---- keys -------------------------------------------------------------------------------------------------- */

static const char *const ends[] = {
	"end of the session",
	"end of its device",
	"loss of all keys",
	"loss of its keys",
	"broken seal",
	"refresh",
	"second key exchange",
	"second read-back key",
	"second content key",
	"end of the channel",
	"removal of the adapter",
};

enum end { SESSION, DEVICE, LOSS, SESSION_LOSS, SEAL, REFRESH, EXCHANGE, READBACK, CONTENT, CHANNEL, ADAPTER, ENDS };

/* Bits: what has to be gone. */
enum { KEY = 1, READBACK_KEY = 2, CONTENT_KEY = 4, CHANNEL_KEY = 8, REFRESHED_KEY = 16, NUMBER = 32, ALL = 63 };

static unsigned int due(enum end end)
{
	switch (end) {
	case SESSION:
	case SESSION_LOSS:
	case SEAL:
		return ALL & ~(unsigned int)CHANNEL_KEY;
	case DEVICE:
	case LOSS:
	case ADAPTER:
		return ALL;
	case REFRESH:
		return KEY | CONTENT_KEY | NUMBER;
	case EXCHANGE:
		return KEY | CONTENT_KEY | READBACK_KEY | NUMBER;
	case READBACK:
		return CONTENT_KEY | READBACK_KEY;
	case CHANNEL:
		return CONTENT_KEY | CHANNEL_KEY;
	default:
		return CONTENT_KEY;
	}
}

struct keys {
	uint8_t key[16], readback[16], content[16], number[16], refreshed[16];
	struct kf_channel channel;
};

static void know(const struct keys *keys, unsigned int which)
{
	wp_forget();
	if (which & KEY)
		wp_key("the session key", keys->key);
	if (which & READBACK_KEY)
		wp_key("the read-back key", keys->readback);
	if (which & CONTENT_KEY)
		wp_key("the content key", keys->content);
	if (which & CHANNEL_KEY)
		wp_key("the channel's key", keys->channel.key);
	if (which & REFRESHED_KEY)
		wp_key("the refreshed key", keys->refreshed);
	if (which & NUMBER)
		wp_secret("the number of the refresh", keys->number, 16);
}

struct world {
	struct kf *kf;
	int device;
	D3DKMT_HANDLE session, system, inside;
	struct keys keys;
};

static void new_key(uint8_t ret[16])
{
	assert_int_equal(gpu_random(ret, 16), 0);
}

static void use_content_key(struct world *w, const uint8_t key[16], uint64_t iv)
{
	uint8_t wrapped[16];

	kf_aes(w->keys.key, 1, key, wrapped);
	assert_int_equal(kf_decrypt_content(w->kf, w->device, w->session, w->system, w->inside, iv, wrapped), S_OK);
}

/* A session that has all it can have, each used, and a channel with a key. */
static void open_world(struct world *w)
{
	uint8_t iv[16];

	w->kf = kf_start(NULL);
	w->device = kf_device(w->kf);
	w->session = kf_session(w->kf, w->device);
	w->system = kf_system(w->kf, w->device, 64, 64);
	w->inside = kf_protected(w->kf, w->device, 64, 64);
	new_key(w->keys.key);
	new_key(w->keys.readback);
	new_key(w->keys.content);
	assert_int_equal(kf_exchange(w->kf, w->device, w->session, w->keys.key), S_OK);
	assert_int_equal(kf_decrypt(w->kf, w->device, w->session, w->system, w->inside, 1), S_OK);
	use_content_key(w, w->keys.content, 2);
	kf_random = w->keys.readback;
	assert_int_equal(kf_readback_key(w->kf, w->device, w->session, NULL), S_OK);
	kf_random = NULL;
	assert_int_equal(kf_encrypt(w->kf, w->device, w->session, w->inside, w->system, iv), S_OK);
	assert_int_equal(kf_start_refresh(w->kf, w->device, w->session, w->keys.number), S_OK);
	for (int i = 0; i < 16; i++)
		w->keys.refreshed[i] = w->keys.key[i] ^ w->keys.number[i];
	w->keys.channel = kf_channel_ready(w->kf, w->device, KF_SOFTWARE);
	assert_int_equal(kf_query(&w->keys.channel, KF_Q_PROTECTION), 1);
}

static void bring_about(struct world *w, enum end end)
{
	uint8_t fresh[16];

	new_key(fresh);
	switch (end) {
	case SESSION:
		kf_session_destroy(w->kf, w->session);
		break;
	case DEVICE:
		kf_device_destroy(w->kf, w->device);
		break;
	case LOSS:
		kmd_driver.LoseKeys(w->kf->adapter);
		break;
	case SESSION_LOSS:
		kmd_driver.LoseSessionKeys(w->kf->adapter, kf_session_inside(w->kf, w->session));
		break;
	case SEAL:
		kf_session_inside(w->kf, w->session)->secrets->seal_behind ^= 1;
		assert_int_equal(kf_decrypt(w->kf, w->device, w->session, w->system, w->inside, 3), E_FAIL);
		break;
	case REFRESH:
		assert_int_equal(kf_finish_refresh(w->kf, w->device, w->session), S_OK);
		break;
	case EXCHANGE:
		assert_int_equal(kf_exchange(w->kf, w->device, w->session, fresh), S_OK);
		break;
	case READBACK:
		assert_int_equal(kf_readback_key(w->kf, w->device, w->session, NULL), S_OK);
		break;
	case CONTENT:
		use_content_key(w, fresh, 3);
		break;
	case CHANNEL:
		assert_int_equal(kf_destroy(&w->keys.channel), S_OK);
		break;
	default:
		kf_stop(w->kf);
		w->kf = NULL;
	}
}

/* The engines keep schedules in different places. */
#define WITH_EACH_ENGINE(engine)                                                                     \
	for (enum gpu_engine engine = GPU_ENGINE_LIBCRYPTO; engine <= GPU_ENGINE_IPSEC_MB; engine++) \
		if (gpu_engine_start(engine) == 0)

static void test_keys(void **state) /* SEC-10 */
{
	static const unsigned int single[] = { KEY, READBACK_KEY, CHANNEL_KEY, NUMBER };
	struct world w;
	char what[96];

	(void)state;
	WITH_EACH_ENGINE(engine)
	{
		for (enum end end = 0; end < ENDS; end++) {
			open_world(&w);
			/* They are there, or their absence would show nothing; but a content key is done with. */
			for (size_t i = 0; end == 0 && i < sizeof(single) / sizeof(single[0]); i++) {
				know(&w.keys, single[i]);
				assert_true(wp_look_everywhere(/* is_protected= */ true) > 0);
			}
			know(&w.keys, CONTENT_KEY);
			wp_assert_none(wp_look_everywhere(true), "end of a blt");

			bring_about(&w, end);
			know(&w.keys, due(end));
			snprintf(what, sizeof(what), "%s (%s)", ends[end], gpu_engine_name());
			wp_assert_none(wp_look_everywhere(true), what);
			if (w.kf)
				kf_stop(w.kf);
		}
	}
	assert_null(unmapped_unwiped);
}

/* What is unwrapped and then refused, of both leaves, and what an engine refuses. */
static void test_refused(void **state) /* SEC-10 */
{
	static const size_t sizes[] = { 1, 15, 17, 32, 126 };
	uint8_t payload[126], blob[256];
	struct world w;

	(void)state;
	open_world(&w);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct kf_channel channel = kf_channel(w.kf, w.device, KF_SOFTWARE);

		assert_int_equal(gpu_random(payload, sizeof(payload)), 0);
		wp_forget();
		wp_secret("what was unwrapped", payload, sizes[i]);
		kf_blob(GPU_LEAF_SESSION, "SHA512", "", payload, sizes[i], blob);
		assert_int_equal(kf_exchange_blob(w.kf, w.device, w.session, blob), E_INVALIDARG);
		wp_assert_none(wp_look_everywhere(true), "refused key exchange");
		kf_blob(GPU_LEAF_CHANNEL, "SHA512", "", payload, sizes[i], blob);
		assert_int_equal(kf_channel_exchange_blob(w.kf, w.device, channel.handle, blob), E_INVALIDARG);
		wp_assert_none(wp_look_everywhere(true), "refused key exchange of a channel");
		assert_int_equal(kf_destroy(&channel), S_OK);
	}
	for (int i = 0; i < 2; i++) {
		new_key(payload);
		wp_forget();
		wp_key("the key", payload);
		kf_blob(GPU_LEAF_SESSION, "SHA512", "", payload, 16, blob);
		kf_fail_key_set = i == 0 ? 0 : -1;
		kf_fail_secret_alloc = i == 0 ? -1 : 0;
		assert_int_not_equal(kf_exchange_blob(w.kf, w.device, w.session, blob), S_OK);
		kf_fail_none();
		wp_assert_none(wp_look_everywhere(true), "key exchange that failed");
	}
	kf_stop(w.kf);
}

/* ---- surfaces ------------------------------------------------------------------------------------------------ */

enum { W = 128, BYTES = W * W * 4 };

/* What is decrypted of these bytes. */
static void know_picture(struct world *w, uint64_t iv)
{
	uint8_t *plain = malloc(BYTES), block[16];

	assert_non_null(plain);
	kf_iv(block, iv, 0);
	kf_ctr(w->keys.key, block, kf_bytes(w->kf, w->system), plain, BYTES);
	wp_forget();
	wp_bulk("the picture", plain, BYTES);
	explicit_bzero(plain, BYTES);
	free(plain);
}

static const char *const surface_ends[] = {
	"end of the surface",	      "end of the session",    "end of its device",	"loss of all keys",
	"loss of the session's keys", "failure of the engine", "end of its protection", "removal of the adapter",
};

enum surface_end { S_SURFACE, S_SESSION, S_DEVICE, S_LOSS, S_SESSION_LOSS, S_ENGINE, S_PROTECTION, S_ADAPTER, S_ENDS };

static void end_surface(struct world *w, enum surface_end end)
{
	switch (end) {
	case S_SURFACE:
		kf_free(w->kf, w->inside);
		break;
	case S_SESSION:
		/* Its pictures stay, closed to all; a loss takes them too. */
		kf_session_destroy(w->kf, w->session);
		assert_true(wp_look_everywhere(true) > 0);
		kmd_driver.LoseKeys(w->kf->adapter);
		break;
	case S_DEVICE:
		kf_device_destroy(w->kf, w->device);
		break;
	case S_LOSS:
		kmd_driver.LoseKeys(w->kf->adapter);
		break;
	case S_SESSION_LOSS:
		kmd_driver.LoseSessionKeys(w->kf->adapter, kf_session_inside(w->kf, w->session));
		break;
	case S_ENGINE:
		kf_fail_ctr = 0;
		assert_int_equal(kf_decrypt(w->kf, w->device, w->session, w->system, w->inside, 9), E_FAIL);
		kf_fail_none();
		break;
	case S_PROTECTION:
		assert_int_equal(kf_protect(&w->keys.channel, 0), S_OK);
		break;
	default:
		kf_stop(w->kf);
		w->kf = NULL;
	}
}

static void test_surfaces(void **state) /* SEC-11 */
{
	struct world w = { 0 };

	(void)state;
	assert_int_equal(gpu_engine_start(GPU_ENGINE_AUTO), 0);
	for (enum surface_end end = 0; end < S_ENDS; end++) {
		struct kmd_config config;
		unsigned int before;

		kf_config(&config);
		if (end == S_PROTECTION)
			config.caps &= ~(uint32_t)D3DCPCAPS_PROTECTIONALWAYSON;
		w.kf = kf_start(&config);
		w.device = kf_device(w.kf);
		w.session = kf_session(w.kf, w.device);
		w.keys.channel = kf_channel_ready(w.kf, w.device, KF_SOFTWARE);
		assert_int_equal(kf_protect(&w.keys.channel, 1), S_OK);
		w.system = kf_system(w.kf, w.device, W, W);
		w.inside = kf_protected(w.kf, w.device, W, W);
		new_key(w.keys.key);
		assert_int_equal(kf_exchange(w.kf, w.device, w.session, w.keys.key), S_OK);
		assert_int_equal(kf_decrypt(w.kf, w.device, w.session, w.system, w.inside, 5), S_OK);
		know_picture(&w, 5);
		assert_true(wp_look_everywhere(true) >= BYTES / 4 - 2);

		before = unmapped;
		end_surface(&w, end);
		wp_assert_none(wp_look_everywhere(true), surface_ends[end]);
		assert_null(unmapped_unwiped);
		if (end == S_SURFACE || end == S_ADAPTER)
			assert_true(unmapped > before);
		if (w.kf)
			kf_stop(w.kf);
	}
}

/* Surfaces of every size go back wiped, to the last byte of their last page, and come zero. */
static void test_surface_memory(void **state) /* SEC-11 */
{
	static const size_t sizes[] = { 1, 16, 4095, 4096, 4097, 65536, 1000000, 8 << 20 };

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		for (int round = 0; round < 3; round++) {
			const size_t rounded = (sizes[i] + 4095) & ~(size_t)4095;
			const unsigned int before = unmapped;
			void *memory;

			assert_int_equal(gpu_surface_memory_map(sizes[i], &memory), 0);
			assert_true(wp_is_protected(memory));
			assert_true(is_zero(memory, rounded));
			memset(memory, 0xd9, rounded);
			gpu_surface_memory_unmap(memory, sizes[i]);
			assert_int_equal(unmapped, before + 1);
			assert_null(unmapped_unwiped);
		}
	}
}

static int teardown_all(void **state)
{
	(void)state;
	kf_identity_stop();
	return 0;
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keys), cmocka_unit_test(test_refused), cmocka_unit_test(test_surfaces),
		cmocka_unit_test(test_heap), cmocka_unit_test(test_arenas),  cmocka_unit_test(test_surface_memory),
	};

	/* As in the service: what libcrypto keeps of a key is in the secret heap too. */
	if (gpu_memory_start(GPU_MEMORY_PLAIN, GPU_MEMORY_SECRET) < 0 || gpu_route_libcrypto() < 0)
		return 2;
	return cmocka_run_group_tests_name("wipe", tests, NULL, teardown_all);
}
