/* SPDX-License-Identifier: MIT */
/* Engine workers beside a thread that calls all other entries: no picture that is seen is half of one and half of another. */
#include "kmd_fixture.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WORKERS = 3, SESSIONS = 3, PAIRS = 4, WIDTH = 160, SIZE = WIDTH * WIDTH * 4, PART = 65536, CALLS = 300 };

/* What the graphics kernel's lock does, in short: calls of the driver one by one, and nothing begins while one waits. */
static struct {
	pthread_mutex_t mutex;
	pthread_cond_t finished;
	pthread_cond_t passed; /* something has ended: look again */
	bool is_waiting;
	bool is_stopping;
	int transfers;
	int calling;
} kernel = {
	.mutex = PTHREAD_MUTEX_INITIALIZER,
	.finished = PTHREAD_COND_INITIALIZER,
	.passed = PTHREAD_COND_INITIALIZER,
};

/* All below is the kernel's lock's. */
static struct {
	struct kf *kf;
	int device;
	uint64_t iv;
	D3DKMT_HANDLE sessions[SESSIONS];
	struct {
		D3DKMT_HANDLE source, surface, output;
	} pairs[PAIRS];
	/* What came of it all: what the test does not reach it does not show. */
	int decrypted, encrypted, refused, denied, retried, waited, shown;
} all;

#define CHECK(condition)                                                                \
	do {                                                                            \
		if (!(condition)) {                                                     \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
			abort(); /* cmocka's jump leads out of its own thread alone */  \
		}                                                                       \
	} while (0)

/* ---- the kernel's side ---------------------------------------------------------------------------- */

static void enter(void)
{
	pthread_mutex_lock(&kernel.mutex);
}

static void leave(void)
{
	kernel.is_waiting = false;
	pthread_cond_broadcast(&kernel.passed);
	pthread_mutex_unlock(&kernel.mutex);
}

static void unlock(HANDLE DeviceHandle)
{
	struct kf *kf = DeviceHandle;

	kf->is_apart = true;
	kernel.calling = kf->calling;
	kf->calling = -1;
	leave();
}

static void lock(HANDLE DeviceHandle)
{
	struct kf *kf = DeviceHandle;

	enter();
	kf->is_apart = false;
	kf->calling = kernel.calling;
}

static void wait_for_transfer(HANDLE DeviceHandle)
{
	struct kf *kf = DeviceHandle;
	int calling = kf->calling;

	CHECK(kernel.transfers > 0);
	all.waited++;
	kernel.is_waiting = true;
	pthread_cond_wait(&kernel.finished, &kernel.mutex);
	kf->calling = calling;
}

/* ---- workers -------------------------------------------------------------------------------------- */

static struct drv_escape_blt choose(unsigned int *seed)
{
	const int i = rand_r(seed) % PAIRS, j = rand_r(seed) % PAIRS;
	const D3DKMT_HANDLE session = all.sessions[rand_r(seed) % SESSIONS];
	struct drv_escape_blt blt;

	if (rand_r(seed) % 3 == 0)
		return kf_blt(all.kf, session, DRV_COMMAND_ENCRYPTION_BLT, all.pairs[i].surface, all.pairs[j].output);
	blt = kf_blt(all.kf, session, DRV_COMMAND_DECRYPTION_BLT, all.pairs[i].source, all.pairs[j].surface);
	kf_iv(blt.iv, ++all.iv, 0);
	if (rand_r(seed) % 2) {
		blt.flags = DRV_BLT_HAS_CONTENT_KEY;
		kf_aes(KF_K, 1, KF_C, blt.content_key);
	}
	return blt;
}

/* Right after the end of a transfer its destination has its bytes, all of them (BLT-46, BLT-20). */
static void check(const struct drv_escape_blt *blt)
{
	static uint8_t expected[SIZE];

	CHECK(blt->header.result == S_OK);
	if (blt->header.command == DRV_COMMAND_ENCRYPTION_BLT) {
		kf_ctr(KF_R, blt->iv, kf_inside(all.kf, blt->source), expected, SIZE);
		CHECK(memcmp(expected, kf_bytes(all.kf, blt->destination), SIZE) == 0);
		all.encrypted++;
		return;
	}
	kf_ctr(blt->flags & DRV_BLT_HAS_CONTENT_KEY ? KF_C : KF_K, blt->iv, kf_bytes(all.kf, blt->source), expected,
	       SIZE);
	CHECK(memcmp(expected, kf_inside(all.kf, blt->destination), SIZE) == 0);
	all.decrypted++;
}

static void count_refusal(HRESULT hr)
{
	/* No key after a loss, another session's picture; a vector that waited behind a younger one. */
	CHECK(hr == D3DDDIERR_INVALIDCALL || hr == E_ACCESSDENIED);
	all.refused += hr == D3DDDIERR_INVALIDCALL;
	all.denied += hr == E_ACCESSDENIED;
}

/* Under the lock. */
static void do_blt(HANDLE worker, unsigned int *seed)
{
	struct drv_escape_blt blt;
	uint64_t size = 0;
	NTSTATUS status;

	/* A command names what there is now: what it named before may have been destroyed in between. */
	for (;;) {
		while (kernel.is_waiting)
			pthread_cond_wait(&kernel.passed, &kernel.mutex);
		if (kernel.is_stopping)
			return;
		blt = choose(seed);
		status = kf_begin(all.kf, worker, all.device, &blt, &size);
		if (status != STATUS_RETRY)
			break;
		all.retried++;
		pthread_cond_wait(&kernel.passed, &kernel.mutex);
	}
	CHECK(status == STATUS_SUCCESS);
	if (size == 0) {
		count_refusal(blt.header.result);
		pthread_cond_wait(&kernel.passed, &kernel.mutex);
		return;
	}
	CHECK(size == SIZE);
	kernel.transfers++;
	pthread_mutex_unlock(&kernel.mutex);
	for (uint64_t at = 0; at < size; at += PART) {
		kmd_driver.RunTransfer(worker, worker, at, size - at < PART ? size - at : PART);
		usleep(100); /* so that others find it half done */
	}
	pthread_mutex_lock(&kernel.mutex);
	kf_finish(worker, &blt);
	kernel.transfers--;
	check(&blt);
	pthread_cond_broadcast(&kernel.finished);
	pthread_cond_broadcast(&kernel.passed);
}

static void *worker_main(void *argument)
{
	HANDLE worker = argument;
	unsigned int seed;

	enter();
	seed = (unsigned int)++all.iv;
	while (!kernel.is_stopping) {
		do_blt(worker, &seed);
		pthread_mutex_unlock(&kernel.mutex);
		pthread_mutex_lock(&kernel.mutex);
	}
	pthread_mutex_unlock(&kernel.mutex);
	return NULL;
}

/* ---- the thread that calls ------------------------------------------------------------------------ */

static void make_pair(int i)
{
	uint8_t *bytes;

	all.pairs[i].source = kf_system(all.kf, all.device, WIDTH, WIDTH);
	all.pairs[i].output = kf_system(all.kf, all.device, WIDTH, WIDTH);
	all.pairs[i].surface = kf_protected(all.kf, all.device, WIDTH, WIDTH);
	bytes = kf_bytes(all.kf, all.pairs[i].source);
	for (int k = 0; k < SIZE; k++)
		bytes[k] = (uint8_t)(k * (2 * i + 3) >> 3);
}

static void give_keys(int i)
{
	assert_int_equal(kf_exchange(all.kf, all.device, all.sessions[i], KF_K), S_OK);
	/* A broken seal may have been found since: then there is none to ask for. */
	if (kf_readback_key(all.kf, all.device, all.sessions[i], NULL) != S_OK)
		assert_false(kmd_session_has_key(kf_session_inside(all.kf, all.sessions[i])));
}

static int32_t lock_escape(uint32_t command, D3DKMT_HANDLE surface, D3DKMT_HANDLE staging)
{
	struct drv_escape_lock escape = {
		.header = { .magic = DRV_MAGIC, .command = command },
		.surface = surface,
		.staging = staging,
	};

	assert_int_equal(kf_escape(all.kf, all.device, &escape, sizeof(escape)), STATUS_SUCCESS);
	return escape.header.result;
}

/* All its bytes are there, or all are zero: nobody is at work on it. */
static void lock_one(int i)
{
	const uint8_t *copy = kf_bytes(all.kf, all.pairs[i].output), *bytes;

	assert_int_equal(lock_escape(DRV_COMMAND_LOCK, all.pairs[i].surface, all.pairs[i].output), S_OK);
	bytes = kf_inside(all.kf, all.pairs[i].surface);
	assert_memory_equal(copy, bytes, SIZE);
	assert_int_equal(lock_escape(DRV_COMMAND_UNLOCK, all.pairs[i].surface, 0), S_OK);
}

static void blt_here(unsigned int *seed)
{
	struct drv_escape_blt blt = choose(seed);

	assert_int_equal(kf_escape(all.kf, all.device, &blt, sizeof(blt)), STATUS_SUCCESS);
	if (blt.header.result == S_OK)
		check(&blt);
	else
		count_refusal(blt.header.result);
}

static void lose(int i)
{
	struct kmd_session *session = kf_session_inside(all.kf, all.sessions[i]);

	kmd_driver.LoseSessionKeys(all.kf->adapter, session);
	assert_false(kmd_session_has_key(session));
	assert_null(session->written);
	give_keys(i);
}

static void lose_all(void)
{
	kmd_driver.LoseKeys(all.kf->adapter);
	for (int i = 0; i < PAIRS; i++) {
		const uint8_t *bytes = kf_inside(all.kf, all.pairs[i].surface);

		for (int k = 0; k < SIZE; k++)
			assert_int_equal(bytes[k], 0);
	}
	for (int i = 0; i < SESSIONS; i++)
		give_keys(i);
}

static void remake_pair(int i)
{
	kf_free(all.kf, all.pairs[i].surface);
	kf_free(all.kf, all.pairs[i].source);
	kf_free(all.kf, all.pairs[i].output);
	make_pair(i);
}

static void remake_session(int i)
{
	kf_session_destroy(all.kf, all.sessions[i]);
	all.sessions[i] = kf_session(all.kf, all.device);
	give_keys(i);
}

static void call(unsigned int *seed)
{
	const int pair = rand_r(seed) % PAIRS, session = rand_r(seed) % SESSIONS;

	switch (rand_r(seed) % 24) {
	case 0:
		give_keys(session);
		break;
	case 1:
		lose(session);
		break;
	case 2:
		lose_all();
		break;
	case 3:
		remake_pair(pair);
		break;
	case 4:
		remake_session(session);
		break;
	case 5:
	case 6:
	case 7:
		(void)kf_present(all.kf, all.device, all.pairs[pair].surface, true);
		break;
	case 8:
	case 9:
	case 10:
		lock_one(pair);
		break;
	default:
		blt_here(seed);
		break;
	}
}

/* BLT-46, BLT-123, CS-13, with TSan's eyes. */
static void test_threads(void **state)
{
	struct kmd_config config;
	pthread_t threads[WORKERS];
	unsigned int seed = 4;

	(void)state;
	kf_config(&config);
	config.caps &= ~(uint32_t)D3DCPCAPS_PROTECTIONALWAYSON;
	all.kf = kf_start(&config);
	kf_random = KF_R;
	all.kf->kernel.Unlock = unlock;
	all.kf->kernel.Lock = lock;
	all.kf->kernel.WaitForTransfer = wait_for_transfer;
	enter();
	all.device = kf_device(all.kf);
	for (int i = 0; i < PAIRS; i++)
		make_pair(i);
	for (int i = 0; i < SESSIONS; i++) {
		all.sessions[i] = kf_session(all.kf, all.device);
		give_keys(i);
	}
	for (int i = 0; i < WORKERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, worker_main, kf_worker(all.kf)), 0);
	/* Until everything has come up. */
	for (int i = 0; i < CALLS || all.decrypted < CALLS || all.encrypted == 0 || all.denied == 0 ||
			all.retried == 0 || all.waited == 0;
	     i++) {
		call(&seed);
		leave();
		enter();
	}
	kernel.is_stopping = true;
	leave();
	for (int i = 0; i < WORKERS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	print_message("decrypted %d, encrypted %d, refused %d, denied %d, retried %d, waited %d, shown %d\n",
		      all.decrypted, all.encrypted, all.refused, all.denied, all.retried, all.waited, all.kf->shown);
	kf_stop(all.kf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_threads),
	};
	int result = cmocka_run_group_tests(tests, NULL, NULL);

	kf_identity_stop();
	return result;
}
