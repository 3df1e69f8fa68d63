/* SPDX-License-Identifier: MIT */
/* Blts on engine workers: the bytes, the answers, who has to come again, failures, and workers beside everything else. */
#include "kmd_fixture_channel.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { PART = 65536 };

static HRESULT begun(struct kf *kf, HANDLE worker, int device, struct drv_escape_blt *blt)
{
	uint64_t size = 0;

	assert_int_equal(kf_begin(kf, worker, device, blt, &size), STATUS_SUCCESS);
	return size > 0 ? S_OK : blt->header.result;
}

static void run_all(HANDLE worker, uint64_t size)
{
	for (uint64_t at = 0; at < size; at += PART)
		kmd_driver.RunTransfer(worker, worker, at, size - at < PART ? size - at : PART);
}

/* A whole blt by one worker. */
static HRESULT by_worker(struct kf *kf, HANDLE worker, int device, struct drv_escape_blt *blt)
{
	uint64_t size = 0;

	assert_int_equal(kf_begin(kf, worker, device, blt, &size), STATUS_SUCCESS);
	if (size == 0)
		return blt->header.result;
	run_all(worker, size);
	kf_finish(worker, blt);
	return blt->header.result;
}

static void fill(uint8_t *bytes, size_t size, uint32_t seed)
{
	for (size_t i = 0; i < size; i++) {
		seed = seed * 1664525u + 1013904223u;
		bytes[i] = (uint8_t)(seed >> 24);
	}
}

/* Two sessions with the same keys, and so with the same answers; two of each surface. */
struct world {
	struct kf *kf;
	int device;
	D3DKMT_HANDLE session[2], source[2], destination[2];
	HANDLE worker[KF_WORKERS];
	uint32_t size;
};

static struct world world(const struct kmd_config *config, uint32_t width, uint32_t height)
{
	struct world w = { .kf = kf_start(config), .size = width * height * 4 };

	kf_random = KF_R; /* the same read-back key and vectors for both */
	w.device = kf_device(w.kf);
	for (int i = 0; i < 2; i++) {
		w.session[i] = kf_session(w.kf, w.device);
		w.source[i] = kf_system(w.kf, w.device, width, height);
		w.destination[i] = kf_protected(w.kf, w.device, width, height);
		assert_int_equal(kf_object(w.kf, w.destination[i])->size, w.size);
		assert_int_equal(kf_exchange(w.kf, w.device, w.session[i], KF_K), S_OK);
		assert_int_equal(kf_readback_key(w.kf, w.device, w.session[i], NULL), S_OK);
		fill(kf_bytes(w.kf, w.source[i]), w.size, 1);
	}
	for (int i = 0; i < KF_WORKERS; i++)
		w.worker[i] = kf_worker(w.kf);
	return w;
}

static struct drv_escape_blt decryption(const struct world *w, int i, uint64_t iv)
{
	struct drv_escape_blt blt = kf_blt(w->kf, w->session[i], DRV_COMMAND_DECRYPTION_BLT, w->source[i],
					   w->destination[i]);

	kf_iv(blt.iv, iv, 0);
	return blt;
}

static struct drv_escape_blt encryption(const struct world *w, int i)
{
	return kf_blt(w->kf, w->session[i], DRV_COMMAND_ENCRYPTION_BLT, w->destination[i], w->source[i]);
}

static const struct kmd_allocation *inside(const struct world *w, D3DKMT_HANDLE handle)
{
	return kf_object(w->kf, handle)->driver;
}

/* ---- the bytes ------------------------------------------------------------------------------------ */

/* Workers that take parts of one transfer, in an order that is given. */
struct gang {
	HANDLE owner;
	uint64_t size;
	uint32_t order[64];
	uint32_t count;
	atomic_uint next;
};

struct member {
	struct gang *gang;
	HANDLE worker;
};

static void *work(void *argument)
{
	const struct member *member = argument;
	struct gang *gang = member->gang;
	uint32_t i;

	while ((i = atomic_fetch_add(&gang->next, 1)) < gang->count) {
		uint64_t at = (uint64_t)gang->order[i] * PART;

		kmd_driver.RunTransfer(gang->owner, member->worker, at,
				       gang->size - at < PART ? gang->size - at : PART);
	}
	return NULL;
}

enum order { FORWARD, BACKWARD, SHUFFLED };

static void run_gang(const struct world *w, uint64_t size, int workers, enum order order)
{
	struct gang gang = { .owner = w->worker[0], .size = size, .count = (uint32_t)((size + PART - 1) / PART) };
	struct member members[KF_WORKERS];
	pthread_t threads[KF_WORKERS];

	assert_true(gang.count > 1 && gang.count <= 64);
	for (uint32_t i = 0; i < gang.count; i++)
		gang.order[i] = order == FORWARD ? i : gang.count - 1 - i;
	for (uint32_t i = 0; order == SHUFFLED && i < gang.count; i++) {
		uint32_t j = (uint32_t)rand() % gang.count, k = gang.order[i];

		gang.order[i] = gang.order[j];
		gang.order[j] = k;
	}
	for (int i = 0; i < workers; i++) {
		members[i] = (struct member) { &gang, w->worker[i] };
		assert_int_equal(pthread_create(&threads[i], NULL, work, &members[i]), 0);
	}
	for (int i = 0; i < workers; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
}

/* Session 0 by the control path, session 1 by workers. */
static void compare(struct world *w, const struct drv_escape_blt blts[2], int workers, enum order order)
{
	struct drv_escape_blt here = blts[0], there = blts[1];
	uint64_t size = 0;

	assert_int_equal(kf_run(w->kf, w->device, &here), S_OK);
	assert_int_equal(kf_begin(w->kf, w->worker[0], w->device, &there, &size), STATUS_SUCCESS);
	assert_int_equal(size, w->size);
	assert_memory_equal(&there, &blts[1], sizeof(there)); /* the answer comes with the finish */
	run_gang(w, size, workers, order);
	kf_finish(w->worker[0], &there);

	assert_int_equal(there.header.result, S_OK);
	assert_memory_equal(here.iv, there.iv, sizeof(here.iv));
	assert_memory_equal(kf_inside(w->kf, w->destination[0]), kf_inside(w->kf, w->destination[1]), w->size);
	assert_memory_equal(kf_bytes(w->kf, w->source[0]), kf_bytes(w->kf, w->source[1]), w->size);
	for (int i = 0; i < 2; i++) {
		const struct kmd_session *session = kf_session_inside(w->kf, w->session[i]);
		static const uint8_t zero[16];

		assert_int_equal(inside(w, w->destination[i])->tie.session, session->number);
		assert_int_equal(inside(w, w->destination[i])->tie.exchange, session->exchange);
		assert_memory_equal(session->secrets->work, zero, sizeof(zero));
		assert_false(gpu_key_is_set(session->spare));
	}
}

/* A key of its own each time, so that each wrapping is a content key of its own. */
static void wrap_content_key(struct drv_escape_blt *blt, uint8_t number)
{
	uint8_t key[16];

	memcpy(key, KF_C, sizeof(key));
	key[0] = number;
	blt->flags |= DRV_BLT_HAS_CONTENT_KEY;
	kf_aes(KF_K, 1, key, blt->content_key);
}

static void compare_all(struct world *w)
{
	static const D3DDDIENCRYPTED_BLOCK_INFO patterns[] = {
		{ 0 },			 /* none */
		{ 16, 16, 16 },		 /* short runs */
		{ 65536 + 32, 48, 80 },	 /* a part's end inside the first bytes */
		{ 0, 100000, 30000 },	 /* long runs */
		{ 131072 + 4096, 0, 0 }, /* nothing behind the first */
	};
	struct drv_escape_blt blts[2];
	uint64_t iv = 1;

	for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++)
		for (int content = 0; content < 2; content++)
			for (int workers = 1; workers <= KF_WORKERS; workers++) {
				for (int k = 0; k < 2; k++) {
					blts[k] = decryption(w, k, iv);
					/* Past 2^32 in the middle (BLT-03). */
					kf_iv(blts[k].iv, iv, UINT32_MAX - PART / 16);
					if (i > 0) {
						blts[k].flags |= DRV_BLT_HAS_BLOCK_INFO;
						blts[k].block_info = patterns[i];
					}
					if (content)
						wrap_content_key(&blts[k], (uint8_t)iv);
				}
				compare(w, blts, workers, (enum order)(iv % 3));
				/* BLT-08: the IV was recorded under the key that it was used with. */
				assert_int_equal(kf_run(w->kf, w->device, &blts[1]), D3DDDIERR_INVALIDCALL);
				iv++;
			}
	for (int workers = 1; workers <= KF_WORKERS; workers++) {
		for (int k = 0; k < 2; k++)
			blts[k] = encryption(w, k);
		compare(w, blts, workers, (enum order)(workers % 3));
		assert_int_equal(kf_session_inside(w->kf, w->session[0])->readback_iv,
				 kf_session_inside(w->kf, w->session[1])->readback_iv);
	}
}

/* BLT-03, BLT-65 to BLT-74, BLT-81, BLT-22: parts by anybody in any order are the same as the whole by one. */
static void test_parts(void **state)
{
	static const enum gpu_engine engines[] = { GPU_ENGINE_LIBCRYPTO, GPU_ENGINE_AUTO };

	(void)state;
	srand(6);
	for (size_t i = 0; i < sizeof(engines) / sizeof(engines[0]); i++) {
		struct world w;

		assert_int_equal(gpu_engine_start(engines[i]), 0);
		w = world(NULL, 512, 161); /* five parts, the last a short one */
		compare_all(&w);
		kf_stop(w.kf);
	}
}

/* ---- the answers ---------------------------------------------------------------------------------- */

/* A refusal is the control path's, and ends the transfer where it begins (BLT-120). */
static void same_refusal(struct world *w, const struct drv_escape_blt *blt, HRESULT expected)
{
	struct drv_escape_blt here = *blt, there = *blt;
	uint64_t size = 1;

	assert_int_equal(kf_run(w->kf, w->device, &here), expected);
	assert_int_equal(kf_begin(w->kf, w->worker[0], w->device, &there, &size), STATUS_SUCCESS);
	assert_int_equal(size, 0);
	assert_memory_equal(&here, &there, sizeof(here));
}

static void test_refusals(void **state)
{
	struct world w = world(NULL, 16, 4), locked;
	const uint32_t commands[] = { DRV_COMMAND_DECRYPTION_BLT, DRV_COMMAND_ENCRYPTION_BLT };
	struct drv_escape_blt blt;
	struct kmd_config config;
	D3DKMT_HANDLE bare = kf_session(w.kf, w.device);
	int other = kf_device(w.kf);
	D3DKMT_HANDLE foreign = kf_session(w.kf, other);

	(void)state;
	for (int i = 0; i < 2; i++) {
		const struct drv_escape_blt good = i == 0 ? decryption(&w, 0, 5) : encryption(&w, 0);

		blt = good;
		blt.header.session = 77;
		same_refusal(&w, &blt, E_INVALIDARG);
		blt.header.session = foreign;
		same_refusal(&w, &blt, E_INVALIDARG);
		blt.header.session = bare; /* no key */
		same_refusal(&w, &blt, D3DDDIERR_INVALIDCALL);
		blt = good;
		blt.source = 99;
		same_refusal(&w, &blt, E_INVALIDARG);
		blt = good;
		blt.destination = good.source;
		same_refusal(&w, &blt, E_INVALIDARG);
		blt = good;
		blt.size -= 16;
		same_refusal(&w, &blt, E_INVALIDARG);
		blt = good;
		blt.flags = DRV_BLT_LOCKED;
		same_refusal(&w, &blt, D3DDDIERR_INVALIDCALL);
		blt.flags = DRV_BLT_NO_MEMORY;
		same_refusal(&w, &blt, E_OUTOFMEMORY);
	}
	blt = decryption(&w, 0, 5);
	assert_int_equal(by_worker(w.kf, w.worker[0], w.device, &blt), S_OK);
	same_refusal(&w, &blt, D3DDDIERR_INVALIDCALL); /* BLT-08 */
	blt = encryption(&w, 1);
	blt.source = w.destination[0];
	same_refusal(&w, &blt, E_ACCESSDENIED); /* BLT-123 */
	blt = decryption(&w, 0, 6);
	wrap_content_key(&blt, 1);
	blt.flags |= DRV_BLT_NO_MEMORY;
	same_refusal(&w, &blt, E_OUTOFMEMORY);
	assert_int_equal(kf_session_inside(w.kf, w.session[0])->secrets->work[0], 0);
	/* Nothing of all that is held. */
	blt = decryption(&w, 0, 6);
	assert_int_equal(by_worker(w.kf, w.worker[0], w.device, &blt), S_OK);
	kf_stop(w.kf);

	kf_config(&config);
	config.caps &= ~(uint32_t)(D3DCPCAPS_ENCRYPTEDREADBACK | D3DCPCAPS_ENCRYPTEDREADBACKKEY | D3DCPCAPS_CONTENTKEY);
	config.has_decryption_blt = false;
	locked = (struct world) { .kf = kf_start(&config) };
	locked.device = kf_device(locked.kf);
	locked.worker[0] = kf_worker(locked.kf);
	for (int i = 0; i < 2; i++) {
		blt = kf_blt(locked.kf, 99, commands[i], 98, 97); /* CS-73: before the session is looked at */
		same_refusal(&locked, &blt, D3DDDIERR_NOTAVAILABLE);
	}
	kf_stop(locked.kf);
}

static void refused_escape(struct world *w, int device, void *data, UINT size)
{
	DXGKARG_ESCAPE arg = {
		.hDevice = device < 0 ? NULL : w->kf->devices[device],
		.pPrivateDriverData = data,
		.PrivateDriverDataSize = size,
	};
	uint8_t before[512] = { 0 };
	UINT64 moved = 7;

	memcpy(before, data, size);
	w->kf->calling = w->device;
	assert_int_equal(kmd_driver.BeginTransfer(w->kf->adapter, w->worker[0], &arg, &moved),
			 STATUS_INVALID_PARAMETER);
	w->kf->calling = -1;
	assert_int_equal(moved, 7);
	assert_memory_equal(before, data, size);
}

/* What is no blt, or none that is well-formed. */
static void test_malformed(void **state)
{
	struct world w = world(NULL, 16, 4);
	struct drv_escape_blt blt = decryption(&w, 0, 1);
	union {
		struct drv_escape header;
		uint8_t bytes[512];
	} other;

	(void)state;
	refused_escape(&w, -1, &blt, sizeof(blt));
	refused_escape(&w, w.device, &blt, sizeof(blt) - 1);
	refused_escape(&w, w.device, &blt, sizeof(blt.header));
	refused_escape(&w, w.device, &blt, 3);
	blt.header.magic++;
	refused_escape(&w, w.device, &blt, sizeof(blt));
	blt = decryption(&w, 0, 1);
	blt.reserved = 1;
	refused_escape(&w, w.device, &blt, sizeof(blt));
	blt.reserved = 0;
	blt.flags = 1u << 31;
	refused_escape(&w, w.device, &blt, sizeof(blt));
	blt = encryption(&w, 0);
	blt.flags = DRV_BLT_HAS_CONTENT_KEY;
	refused_escape(&w, w.device, &blt, sizeof(blt));
	/* Every other command, at every size. */
	for (uint32_t command = 0; command < 32; command++) {
		if (command == DRV_COMMAND_DECRYPTION_BLT || command == DRV_COMMAND_ENCRYPTION_BLT)
			continue;
		for (UINT size = sizeof(other.header); size <= sizeof(other); size += 4) {
			memset(&other, 0, sizeof(other));
			other.header = (struct drv_escape) { DRV_MAGIC, command, 0x5a5a, w.session[0] };
			refused_escape(&w, w.device, &other, size);
		}
	}
	assert_int_equal(w.kf->unlocks, 2); /* of the key exchanges in world() */
	kf_stop(w.kf);
}

/* ---- who has to come again ------------------------------------------------------------------------ */

static struct {
	struct world w;
	int times;
} retry;

static void assert_retry(struct world *w, const struct drv_escape_blt *blt)
{
	static struct kf_objects before;
	struct drv_escape_blt sent = *blt;
	uint64_t moved = 7;

	kf_objects(w->kf, &before);
	assert_int_equal(kf_begin(w->kf, w->worker[1], w->device, &sent, &moved), STATUS_RETRY);
	assert_int_equal(moved, 7);
	assert_memory_equal(&sent, blt, sizeof(sent));
	kf_assert_objects(w->kf, &before);
}

/* One at a time has a session, a source, a destination; whoever comes second comes again, and has changed nothing. */
static void test_retry(void **state)
{
	struct world w = world(NULL, 16, 4);
	struct drv_escape_blt first = decryption(&w, 0, 1), second, blts[8];
	D3DKMT_HANDLE fresh = kf_session(w.kf, w.device); /* not named yet */
	int count = 0;

	(void)state;
	assert_int_equal(begun(w.kf, w.worker[0], w.device, &first), S_OK);
	blts[count] = decryption(&w, 1, 1); /* the session */
	blts[count++].header.session = w.session[0];
	blts[count] = encryption(&w, 1);
	blts[count++].header.session = w.session[0];
	blts[count] = decryption(&w, 1, 1); /* the source, as either */
	blts[count++].source = w.source[0];
	blts[count] = encryption(&w, 1);
	blts[count++].destination = w.source[0];
	blts[count] = decryption(&w, 1, 1); /* the destination, as either (BLT-123) */
	blts[count++].destination = w.destination[0];
	blts[count] = encryption(&w, 1);
	blts[count++].source = w.destination[0];
	blts[count] = decryption(&w, 0, 1); /* nothing is said before: neither of a size nor of a key */
	blts[count].header.session = fresh;
	blts[count++].size = 1;
	for (int i = 0; i < count; i++)
		assert_retry(&w, &blts[i]);
	/* What shares nothing goes beside it. */
	second = decryption(&w, 1, 1);
	assert_int_equal(by_worker(w.kf, w.worker[1], w.device, &second), S_OK);

	run_all(w.worker[0], w.size);
	kf_finish(w.worker[0], &first);
	assert_int_equal(first.header.result, S_OK);
	/* And now all of them find what is there. */
	assert_int_equal(by_worker(w.kf, w.worker[1], w.device, &blts[5]), E_ACCESSDENIED);
	assert_int_equal(by_worker(w.kf, w.worker[1], w.device, &blts[6]), E_INVALIDARG);
	assert_int_equal(by_worker(w.kf, w.worker[1], w.device, &blts[1]), E_ACCESSDENIED);
	assert_int_equal(by_worker(w.kf, w.worker[1], w.device, &blts[0]), D3DDDIERR_INVALIDCALL);
	assert_int_equal(by_worker(w.kf, w.worker[1], w.device, &blts[2]), D3DDDIERR_INVALIDCALL);
	assert_int_equal(w.kf->waits, 0);
	kf_stop(w.kf);
}

/* KMT-24, CS-13: a broken seal is found when nobody writes what the loss would wipe. */
static void test_retry_seal(void **state)
{
	struct world w = world(NULL, 16, 4);
	struct drv_escape_blt first = decryption(&w, 0, 1), second;
	struct kmd_session *owner = kf_session_inside(w.kf, w.session[0]);

	(void)state;
	assert_int_equal(by_worker(w.kf, w.worker[0], w.device, &first), S_OK);
	second = decryption(&w, 1, 1);
	second.destination = w.destination[0];
	assert_int_equal(begun(w.kf, w.worker[0], w.device, &second), S_OK);
	owner->secrets->seal_before ^= 1;
	first = decryption(&w, 0, 2);
	first.destination = w.destination[1];
	assert_retry(&w, &first);
	assert_int_equal(kf_object(w.kf, w.session[0])->statuses, 0);
	run_all(w.worker[0], w.size);
	kf_finish(w.worker[0], &second);

	assert_int_equal(begun(w.kf, w.worker[1], w.device, &first), E_FAIL);
	assert_int_equal(kf_object(w.kf, w.session[0])->status, DXGK_PROTECTED_SESSION_STATUS_INVALID);
	assert_false(kmd_session_has_key(owner));
	/* The other's picture stands. */
	assert_int_equal(inside(&w, w.destination[0])->wipes, 0);
	assert_int_equal(inside(&w, w.destination[0])->tie.session, kf_session_inside(w.kf, w.session[1])->number);
	assert_int_equal(begun(w.kf, w.worker[1], w.device, &first), D3DDDIERR_INVALIDCALL);
	kf_stop(w.kf);
}

/* ---- beside the calling thread's own work -------------------------------------------------------------- */

static void retry_beside_blt(void)
{
	struct drv_escape_blt blt = decryption(&retry.w, 1, 1);

	assert_true(retry.w.kf->is_apart);
	retry.times++;
	blt.header.session = retry.w.session[0];
	assert_retry(&retry.w, &blt);
	blt = decryption(&retry.w, 1, 1);
	blt.source = retry.w.source[0];
	assert_retry(&retry.w, &blt);
	blt = encryption(&retry.w, 1);
	blt.source = retry.w.destination[0];
	assert_retry(&retry.w, &blt);
	blt = decryption(&retry.w, 1, 1);
	assert_int_equal(by_worker(retry.w.kf, retry.w.worker[1], retry.w.device, &blt), S_OK);
}

static void retry_beside_present(struct kf *kf)
{
	struct drv_escape_blt blt = decryption(&retry.w, 0, 2);

	retry.times++;
	assert_int_equal(kf->shown, 0);
	assert_retry(&retry.w, &blt);
	/* Nor is it wiped, by a loss of its session that is found now. */
	kf_session_inside(kf, retry.w.session[0])->secrets->seal_behind ^= 1;
	blt.source = retry.w.source[1];
	blt.destination = retry.w.destination[1];
	assert_retry(&retry.w, &blt);
	kf_session_inside(kf, retry.w.session[0])->secrets->seal_behind ^= 1;
	blt = decryption(&retry.w, 1, 2);
	assert_int_equal(by_worker(kf, retry.w.worker[1], retry.w.device, &blt), S_OK);
}

/* A blt over the control path holds the same, and a present its surface; others come in between. */
static void test_control_path(void **state)
{
	struct drv_escape_blt blt;

	(void)state;
	retry.w = world(NULL, 16, 4);
	retry.times = 0;
	kf_on_ctr = retry_beside_blt;
	blt = decryption(&retry.w, 0, 1);
	assert_int_equal(kf_run(retry.w.kf, retry.w.device, &blt), S_OK);
	kf_on_ctr = NULL;
	retry.w.kf->on_unlock = retry_beside_present;
	assert_int_equal(kf_present(retry.w.kf, retry.w.device, retry.w.destination[0], true), STATUS_SUCCESS);
	assert_int_equal(retry.w.kf->shown, 1);
	assert_int_equal(retry.times, 2);
	retry.w.kf->on_unlock = NULL;
	blt = decryption(&retry.w, 0, 2);
	assert_int_equal(by_worker(retry.w.kf, retry.w.worker[0], retry.w.device, &blt), S_OK);
	kf_stop(retry.w.kf);
}

static struct drv_escape_blt left; /* what the worker 0 has begun */

static void blts_beside_unwrap(void)
{
	struct world *w = &retry.w;
	struct drv_escape_blt blt;

	assert_true(w->kf->is_apart);
	retry.times++;
	blt = decryption(w, 1, 1);
	assert_int_equal(by_worker(w->kf, w->worker[1], w->device, &blt), S_OK);
	/* The exchange has not happened yet for the session itself. */
	blt = decryption(w, 0, 1);
	assert_int_equal(by_worker(w->kf, w->worker[1], w->device, &blt), S_OK);
	left = decryption(w, 0, 2);
	wrap_content_key(&left, 3);
	assert_int_equal(begun(w->kf, w->worker[0], w->device, &left), S_OK);
}

static void finish_left(struct kf *kf)
{
	(void)kf;
	run_all(retry.w.worker[0], retry.w.size);
	kf_finish(retry.w.worker[0], &left);
}

/* CS-29, CS-38: while a key is unwrapped, others' blts go on, and the session's own under its old key. */
static void test_key_exchange(void **state)
{
	const struct kmd_session *session;
	uint8_t key[16], iv[16], *expected;
	struct drv_escape_blt blt;
	struct world *w = &retry.w;
	uint64_t before;

	(void)state;
	*w = world(NULL, 16, 4);
	retry.times = 0;
	session = kf_session_inside(w->kf, w->session[0]);
	before = session->exchange;
	kf_on_unwrap = blts_beside_unwrap;
	w->kf->on_wait = finish_left;
	assert_int_equal(kf_exchange(w->kf, w->device, w->session[0], KF_KR), S_OK);
	kf_on_unwrap = NULL;
	w->kf->on_wait = NULL;
	assert_int_equal(retry.times, 1);
	assert_int_equal(w->kf->waits, 1);

	assert_int_equal(left.header.result, S_OK);
	memcpy(key, KF_C, sizeof(key));
	key[0] = 3;
	kf_iv(iv, 2, 0);
	expected = malloc(w->size);
	kf_ctr(key, iv, kf_bytes(w->kf, w->source[0]), expected, w->size);
	assert_memory_equal(kf_inside(w->kf, w->destination[0]), expected, w->size);
	free(expected);
	assert_int_equal(inside(w, w->destination[0])->tie.exchange, before);
	assert_true(session->exchange > before);
	assert_memory_equal(gpu_key_bytes(session->key), KF_KR, 16);
	assert_false(gpu_key_is_set(session->spare));
	/* The tie is the old exchange's (BLT-123), and a new blt is under the new key. */
	assert_int_equal(kf_readback_key(w->kf, w->device, w->session[0], NULL), S_OK);
	assert_int_equal(kf_encrypt(w->kf, w->device, w->session[0], w->destination[0], w->source[1], NULL),
			 E_ACCESSDENIED);
	blt = decryption(w, 0, 1);
	assert_int_equal(by_worker(w->kf, w->worker[0], w->device, &blt), S_OK);
	kf_stop(w->kf);
}

static void blt_beside_unwrap(void)
{
	struct world *w = &retry.w;
	struct drv_escape_blt blt = decryption(w, 0, 1);

	assert_true(w->kf->is_apart);
	retry.times++;
	assert_int_equal(by_worker(w->kf, w->worker[1], w->device, &blt), S_OK);
}

/* The same of a channel's key (AC-033). */
static void test_channel_key_exchange(void **state)
{
	struct kf_channel channel;
	struct world *w = &retry.w;

	(void)state;
	*w = world(NULL, 16, 4);
	retry.times = 0;
	channel = kf_channel(w->kf, w->device, KF_SOFTWARE);
	kf_on_unwrap = blt_beside_unwrap;
	assert_int_equal(kf_exchange_key(&channel, KF_KR), S_OK);
	kf_on_unwrap = NULL;
	assert_int_equal(retry.times, 1);
	kf_stop(w->kf);
}

static void lose_beside_unwrap(void)
{
	struct world *w = &retry.w;
	struct drv_escape_blt blt = decryption(w, 0, 1);

	retry.times++;
	kf_session_inside(w->kf, w->session[0])->secrets->seal_before ^= 1;
	assert_int_equal(begun(w->kf, w->worker[1], w->device, &blt), E_FAIL);
}

/* KMT-20: a worker finds a broken seal meanwhile; the new key stands. A blob that is bad gives none (CS-33). */
static void test_key_exchange_loss(void **state)
{
	struct world *w = &retry.w;
	uint8_t blob[256] = { 0 };

	(void)state;
	for (int is_good = 0; is_good < 2; is_good++) {
		const struct kmd_session *session;

		*w = world(NULL, 16, 4);
		retry.times = 0;
		session = kf_session_inside(w->kf, w->session[0]);
		kf_on_unwrap = lose_beside_unwrap;
		if (is_good)
			assert_int_equal(kf_exchange(w->kf, w->device, w->session[0], KF_KR), S_OK);
		else
			assert_int_equal(kf_exchange_blob(w->kf, w->device, w->session[0], blob), E_INVALIDARG);
		kf_on_unwrap = NULL;
		assert_int_equal(retry.times, 1);
		assert_int_equal(kmd_session_has_key(session), is_good);
		assert_int_equal(kf_object(w->kf, w->session[0])->status,
				 is_good ? DXGK_PROTECTED_SESSION_STATUS_OK : DXGK_PROTECTED_SESSION_STATUS_INVALID);
		kf_stop(w->kf);
	}
}

/* ---- failures ------------------------------------------------------------------------------------- */

static void test_failing_engine(void **state)
{
	struct world w = world(NULL, 512, 161);
	const struct kmd_session *session = kf_session_inside(w.kf, w.session[0]);
	static const uint8_t zero[16];

	(void)state;
	for (int content = 0; content < 2; content++) {
		const uint64_t iv = 10 + (uint64_t)content;
		struct drv_escape_blt blt = decryption(&w, 0, iv), again;
		uint32_t histories;

		if (content)
			wrap_content_key(&blt, 9);
		again = blt;
		histories = session->history.count;
		kf_fail_part = 2;
		assert_int_equal(by_worker(w.kf, w.worker[0], w.device, &blt), E_FAIL);
		kf_fail_none();
		for (uint32_t i = 0; i < w.size; i++)
			assert_int_equal(kf_inside(w.kf, w.destination[0])[i], 0);
		assert_true(kmd_allocation_is_lost(inside(&w, w.destination[0])));
		assert_int_equal(session->history.count, histories);
		assert_memory_equal(session->secrets->work, zero, sizeof(zero));
		assert_false(gpu_key_is_set(session->spare));
		assert_int_equal(kf_encrypt(w.kf, w.device, w.session[0], w.destination[0], w.source[1], NULL),
				 E_ACCESSDENIED);
		/* The IV is not used up. */
		assert_int_equal(by_worker(w.kf, w.worker[0], w.device, &again), S_OK);
	}

	assert_int_equal(kf_encrypt(w.kf, w.device, w.session[0], w.destination[0], w.source[1], NULL), S_OK);
	for (int i = 0; i < 2; i++) {
		struct drv_escape_blt blt = encryption(&w, 0), before = blt;
		const uint64_t number = session->readback_iv;

		kf_fail_part = i == 0 ? 1 : -1;
		assert_int_equal(by_worker(w.kf, w.worker[0], w.device, &blt), i == 0 ? E_FAIL : S_OK);
		if (i == 0)
			assert_memory_equal(blt.iv, before.iv, sizeof(blt.iv)); /* BLT-20 */
		/* Used up all the same, for some of its key stream is out (BLT-24). */
		assert_int_equal(session->readback_iv, number + 1);
	}
	kf_stop(w.kf);
}

/* A worker takes all that it needs when it is made (CS-07). */
static void test_memory(void **state)
{
	struct world w = world(NULL, 16, 4);
	struct drv_escape_blt blt = decryption(&w, 0, 1);
	HANDLE worker = &w;

	(void)state;
	kf_fail_malloc = 0;
	assert_int_equal(kmd_driver.CreateWorker(w.kf->adapter, &worker), STATUS_NO_MEMORY);
	kf_fail_none();
	kf_fail_secret_alloc = 0;
	assert_int_equal(kmd_driver.CreateWorker(w.kf->adapter, &worker), STATUS_NO_MEMORY);
	kf_fail_none();
	assert_ptr_equal(worker, &w);
	assert_int_equal(begun(w.kf, w.worker[0], w.device, &blt), S_OK);
	kf_fail_malloc = kf_fail_secret_alloc = 0;
	run_all(w.worker[0], w.size);
	kf_finish(w.worker[0], &blt);
	kf_fail_none();
	assert_int_equal(blt.header.result, S_OK);
	kf_stop(w.kf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parts),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_retry),
		cmocka_unit_test(test_retry_seal),
		cmocka_unit_test(test_control_path),
		cmocka_unit_test(test_key_exchange),
		cmocka_unit_test(test_channel_key_exchange),
		cmocka_unit_test(test_key_exchange_loss),
		cmocka_unit_test(test_failing_engine),
		cmocka_unit_test(test_memory),
	};
	int result = cmocka_run_group_tests(tests, NULL, NULL);

	kf_identity_stop();
	return result;
}
