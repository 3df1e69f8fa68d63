/* SPDX-License-Identifier: MIT */
/* Queued blts through the real stack: the same bytes and results as one by one, loss and removal in the middle. */
#include "kernel_fixture_stack.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static const struct ik_options real = { .real_driver = true };

static int setup(void **state)
{
	*state = ik_start(&real);
	ik_process(*state);
	return 0;
}

static int teardown(void **state)
{
	ik_stop(*state);
	return 0;
}

/* ---- a random sequence ---------------------------------------------------------------------------------------- */

enum { BLTS = 500, SIZES = 4, PROTECTED = 3, OUTSIDE = 3, SESSIONS = 3, LARGEST = 128 * 128 * 4 };

static const uint32_t sides[SIZES] = { 4, 16, 32, 128 };

static UINT bytes_of(int size)
{
	return sides[size] * sides[size] * 4;
}

/* What the application knows of a surface: its linear bytes. */
struct protected_side {
	struct rt_resource *resource;
	uint8_t *bytes;
};

/* in: ciphertext, which stays; out: what the last EncryptionBlt left. The last of each is copied, not shared. */
struct outside {
	struct st_system in, out;
	void *own[2];
	uint8_t *bytes; /* what has to be in out */
};

struct world {
	struct st st;
	struct rt_session *sessions[SESSIONS]; /* the last one has no key */
	uint8_t read_back[SESSIONS][16];
	struct protected_side protected[SIZES][PROTECTED];
	struct outside outside[SIZES][OUTSIDE];
};

struct step {
	bool is_encryption, has_info, has_content_key;
	bool is_from_out; /* DecryptionBlt: of what an EncryptionBlt before it may have left */
	int session, size, protected, outside;
	UINT given_size;
	uint8_t iv[16], written_iv[16], wrapped[16], content_key[16];
	D3DDDIENCRYPTED_BLOCK_INFO info;
};

static void fill(uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		bytes[i] = (uint8_t)random();
}

static struct st_system outside_memory(struct st *st, int size, void **ret_own)
{
	const struct rt_surface surface = st_surface(D3DDDIFMT_A8R8G8B8, sides[size], sides[size]);
	void *own;

	if (!ret_own)
		return st_system(st, &surface);
	own = aligned_alloc(64, bytes_of(size));
	assert_non_null(own);
	*ret_own = own;
	return st_system_own(st, &surface, own, sides[size] * 4);
}

static void world_open(struct world *world)
{
	memset(world, 0, sizeof(*world));
	st_open(&world->st);
	for (int i = 0; i < SESSIONS; i++) {
		world->sessions[i] = st_session(&world->st);
		if (i + 1 == SESSIONS)
			break;
		assert_int_equal(st_exchange(&world->st, world->sessions[i], ST_K), S_OK);
		assert_int_equal(
			st_readback_key(&world->st, rt_session_handle(world->sessions[i]), ST_K, world->read_back[i]),
			S_OK);
	}
	for (int size = 0; size < SIZES; size++) {
		const struct rt_surface surface = st_surface(D3DDDIFMT_A8R8G8B8, sides[size], sides[size]);

		for (int i = 0; i < PROTECTED; i++) {
			world->protected[size][i].resource = st_protected(&world->st, &surface, false);
			world->protected[size][i].bytes = calloc(1, bytes_of(size));
		}
		for (int i = 0; i < OUTSIDE; i++) {
			struct outside *outside = &world->outside[size][i];
			const bool is_copied = i + 1 == OUTSIDE;

			outside->in = outside_memory(&world->st, size, is_copied ? &outside->own[0] : NULL);
			outside->out = outside_memory(&world->st, size, is_copied ? &outside->own[1] : NULL);
			outside->bytes = malloc(bytes_of(size));
			fill(outside->in.memory, bytes_of(size));
			fill(outside->bytes, bytes_of(size));
			memcpy(outside->out.memory, outside->bytes, bytes_of(size));
		}
	}
}

static void world_close(struct world *world)
{
	st_close(&world->st);
	for (int size = 0; size < SIZES; size++) {
		for (int i = 0; i < PROTECTED; i++)
			free(world->protected[size][i].bytes);
		for (int i = 0; i < OUTSIDE; i++) {
			free(world->outside[size][i].bytes);
			free(world->outside[size][i].own[0]);
			free(world->outside[size][i].own[1]);
		}
	}
}

/* Most are good. Old vectors, a session without a key, another one's surfaces and counters that end are in between. */
static void choose(struct step *steps, int number)
{
	struct step *step = &steps[number];

	memset(step, 0, sizeof(*step));
	step->is_encryption = random() % 3 == 0;
	step->session = (int)(random() % 12);
	step->session = step->session < 8 ? 0 : step->session < 11 ? 1 : 2;
	step->size = (int)(random() % SIZES);
	step->size = step->size == 3 && random() % 2 ? 1 : step->size;
	step->protected = (int)(random() % PROTECTED);
	step->outside = (int)(random() % OUTSIDE);
	/* Half of them meet what the one before has left, or has not yet. */
	if (number > 0 && random() % 2) {
		step->size = steps[number - 1].size;
		step->protected = steps[number - 1].protected;
		step->outside = steps[number - 1].outside;
	}
	step->given_size = bytes_of(step->size);
	if (random() % 20 == 0)
		step->given_size -= 16; /* BLT-120: refused at once */
	st_iv(step->iv, (uint64_t)(random() % 10 == 0 ? number / 2 : number + 1),
	      random() % 20 == 0 ? UINT64_MAX : (uint64_t)random());
	step->has_info = random() % 3 == 0;
	step->info.NumEncryptedBytesAtBeginning = 16 * (UINT)(random() % 4);
	step->info.NumBytesInSkipPattern = 16 * (UINT)(random() % 5);
	step->info.NumBytesInEncryptPattern = 16 * (UINT)(random() % 5);
	step->has_content_key = random() % 4 == 0;
	step->is_from_out = random() % 3 == 0;
	fill(step->content_key, sizeof(step->content_key));
	step->content_key[0] = (uint8_t)(random() % 3);
	memset(step->content_key + 1, 7, 15);
	st_ecb(ST_K, 1, step->content_key, step->wrapped);
}

static HRESULT call(struct world *world, struct step *step)
{
	const HANDLE inside = rt_resource_handle(world->protected[step->size][step->protected].resource);
	const struct outside *outside = &world->outside[step->size][step->outside];
	const HANDLE session = rt_session_handle(world->sessions[step->session]);

	memset(step->written_iv, 0xee, sizeof(step->written_iv));
	if (step->is_encryption) {
		return world->st.funcs->pfnEncryptionBlt(world->st.handle, &(D3DDDIARG_ENCRYPTIONBLT) {
										   .hCryptoSession = session,
										   .hSrcResource = inside,
										   .hDstResource = outside->out.handle,
										   .DstResourceSize = step->given_size,
										   .pIV = step->written_iv,
									   });
	}
	return world->st.funcs->pfnDecryptionBlt(
		world->st.handle, &(D3DDDIARG_DECRYPTIONBLT) {
					  .hCryptoSession = session,
					  .hSrcResource = step->is_from_out ? outside->out.handle : outside->in.handle,
					  .hDstResource = inside,
					  .SrcResourceSize = step->given_size,
					  .pEncryptedBlockInfo = step->has_info ? &step->info : NULL,
					  .pContentKey = step->has_content_key ? step->wrapped : NULL,
					  .pIV = step->iv,
				  });
}

static bool is_encrypted(const struct step *step, UINT at)
{
	const D3DDDIENCRYPTED_BLOCK_INFO *info = &step->info;

	if (!step->has_info || at < info->NumEncryptedBytesAtBeginning)
		return true;
	if (info->NumBytesInEncryptPattern == 0)
		return false;
	return (at - info->NumEncryptedBytesAtBeginning) %
		       (info->NumBytesInSkipPattern + info->NumBytesInEncryptPattern) >=
	       info->NumBytesInSkipPattern;
}

/* By an AES of the test's own (BLT-65 to BLT-71). */
static void decrypt(const struct step *step, const uint8_t *from, uint8_t *to)
{
	static uint8_t gathered[LARGEST];
	UINT count = 0;

	for (UINT at = 0; at < bytes_of(step->size); at += 16) {
		if (is_encrypted(step, at)) {
			memcpy(gathered + count, from + at, 16);
			count += 16;
		}
	}
	st_ctr(step->has_content_key ? step->content_key : ST_K, step->iv, gathered, gathered, count);
	count = 0;
	for (UINT at = 0; at < bytes_of(step->size); at += 16) {
		memcpy(to + at, is_encrypted(step, at) ? gathered + count : from + at, 16);
		count += is_encrypted(step, at) ? 16 : 0;
	}
}

/* What comes of a step with this result. */
static void note(struct world *world, struct step *step, HRESULT result)
{
	static const uint8_t untouched[16] = { 0xee, 0xee, 0xee, 0xee, 0xee, 0xee, 0xee, 0xee,
					       0xee, 0xee, 0xee, 0xee, 0xee, 0xee, 0xee, 0xee };
	struct protected_side *inside = &world->protected[step->size][step->protected];
	struct outside *outside = &world->outside[step->size][step->outside];

	if (result != S_OK)
		assert_memory_equal(step->written_iv, untouched, sizeof(untouched)); /* BLT-20 */
	else if (step->is_encryption)
		st_ctr(world->read_back[step->session], step->written_iv, inside->bytes, outside->bytes,
		       bytes_of(step->size));
	else
		decrypt(step, step->is_from_out ? outside->bytes : outside->in.memory, inside->bytes);
}

static void check_outside(struct world *world)
{
	for (int size = 0; size < SIZES; size++) {
		for (int i = 0; i < OUTSIDE; i++) {
			const struct outside *outside = &world->outside[size][i];

			assert_memory_equal(outside->out.memory, outside->bytes, bytes_of(size));
		}
	}
}

static void check_protected(struct world *world)
{
	static uint8_t back[LARGEST];

	for (int size = 0; size < SIZES; size++) {
		for (int i = 0; i < PROTECTED; i++) {
			const struct protected_side *inside = &world->protected[size][i];
			const HANDLE handle = rt_resource_handle(inside->resource);
			int session = 0;

			/* One of the two wrote to it (BLT-123). */
			while (session < 2 && st_read(&world->st, world->sessions[session], ST_K, handle,
						      &world->outside[size][0].out, back, bytes_of(size)) != S_OK)
				session++;
			assert_true(session < 2);
			assert_memory_equal(back, inside->bytes, bytes_of(size));
		}
	}
}

/* max_blts 0: one by one. Writes the result of each step. */
static void run(struct step *steps, UINT max_blts, HRESULT *ret_results)
{
	HRESULT *queued = calloc(BLTS, sizeof(*queued));
	int places[BLTS];
	struct world world;

	srandom(16);
	world_open(&world);
	for (int i = 0; i < BLTS; i++)
		choose(steps, i);
	for (int done = 0; done < BLTS;) {
		const int end = max_blts && done + (int)max_blts < BLTS ? done + (int)max_blts : BLTS;
		UINT count = 0, expected = 0;

		if (max_blts)
			assert_int_equal(rt_queue_begin(world.st.device, max_blts, queued), S_OK);
		for (int i = done; i < end; i++) {
			ret_results[i] = call(&world, &steps[i]);
			if (max_blts && ret_results[i] == S_OK)
				places[expected++] = i;
		}
		if (max_blts) {
			(void)rt_queue_end(world.st.device, &count);
			assert_int_equal(count, expected);
			for (UINT i = 0; i < count; i++)
				ret_results[places[i]] = queued[i];
		}
		for (; done < end; done++)
			note(&world, &steps[done], ret_results[done]);
		check_outside(&world);
	}
	check_protected(&world);
	world_close(&world);
	free(queued);
}

static void queued_blts_do_what_single_ones_do(void **state) /* BLT-01 to BLT-08, BLT-65 to BLT-71, BLT-120 */
{
	static const UINT queues[] = { BLTS, 100, 7, 1 };
	struct step *steps = calloc(BLTS, sizeof(*steps));
	HRESULT alone[BLTS], results[BLTS];
	int good = 0, late = 0, at_once = 0;

	(void)state;
	run(steps, 0, alone);
	for (int i = 0; i < BLTS; i++) {
		good += alone[i] == S_OK;
		late += alone[i] == D3DDDIERR_INVALIDCALL;
		at_once += alone[i] == E_INVALIDARG;
	}
	assert_true(good > BLTS / 3 && late > BLTS / 10 && at_once > BLTS / 50);
	for (size_t q = 0; q < sizeof(queues) / sizeof(queues[0]); q++) {
		run(steps, queues[q], results);
		assert_memory_equal(results, alone, sizeof(alone));
	}
	free(steps);
}

/* ---- what happens meanwhile -------------------------------------------------------------------------------------- */

#define SURFACE st_surface(D3DDDIFMT_A8R8G8B8, 128, 128)

struct pair {
	struct st st;
	struct rt_session *session;
	struct st_system system;
	struct rt_resource *protected;
};

static void pair_open(struct pair *pair)
{
	const struct rt_surface surface = SURFACE;

	st_open(&pair->st);
	pair->session = st_session(&pair->st);
	pair->system = st_system(&pair->st, &surface);
	pair->protected = st_protected(&pair->st, &surface, false);
	assert_int_equal(st_exchange(&pair->st, pair->session, ST_K), S_OK);
}

static HRESULT pair_decrypt(struct pair *pair, uint64_t iv)
{
	return st_decrypt(&pair->st, rt_session_handle(pair->session), pair->system.handle,
			  rt_resource_handle(pair->protected), LARGEST, iv, 0, NULL);
}

/* One that comes second under an IV is refused in its turn, and the IV counts for those after it (BLT-07, BLT-08). */
static void the_order_is_that_of_the_calls(void **state)
{
	static const uint64_t ivs[] = { 1, 5, 5, 3, 6, 6, 7 };
	static const bool is_good[] = { true, true, false, false, true, false, true };
	HRESULT results[7];
	struct pair pair;
	UINT count;

	(void)state;
	pair_open(&pair);
	assert_int_equal(rt_queue_begin(pair.st.device, 7, results), S_OK);
	for (int i = 0; i < 7; i++)
		assert_int_equal(pair_decrypt(&pair, ivs[i]), S_OK);
	assert_int_equal(pair_decrypt(&pair, 8), D3DDDIERR_INVALIDCALL);
	assert_int_equal(rt_queue_end(pair.st.device, &count), D3DDDIERR_INVALIDCALL);
	assert_int_equal(count, 7);
	for (int i = 0; i < 7; i++)
		assert_int_equal(results[i], is_good[i] ? S_OK : D3DDDIERR_INVALIDCALL);
	assert_int_equal(pair_decrypt(&pair, 8), S_OK); /* BLT-12: what was refused took no vector */
	st_close(&pair.st);
}

enum { BEFORE = 50, AFTER = 70 };

/* Some were done when it happened, none of those that came after it. */
static void check_prefix(const HRESULT *results, HRESULT after)
{
	int i = 0;

	while (i < BEFORE && results[i] == S_OK)
		i++;
	for (; i < BEFORE + AFTER; i++)
		assert_int_equal(results[i], after);
}

static void keys_are_lost_in_the_middle(void **state) /* CS-13, CS-14 */
{
	HRESULT results[BEFORE + AFTER];
	struct pair pair;

	pair_open(&pair);
	for (int i = 0; i < BEFORE + AFTER; i++) {
		if (i == 0)
			assert_int_equal(rt_queue_begin(pair.st.device, BEFORE + AFTER, results), S_OK);
		if (i == BEFORE)
			ik_lose_keys(*state);
		assert_int_equal(pair_decrypt(&pair, (uint64_t)i + 1), S_OK);
	}
	assert_int_equal(rt_queue_end(pair.st.device, NULL), D3DDDIERR_INVALIDCALL);
	check_prefix(results, D3DDDIERR_INVALIDCALL);
	ik_assert_status(rt_session_kernel_handle(pair.session), INVALID);

	assert_int_equal(st_exchange(&pair.st, pair.session, ST_C), S_OK);
	assert_int_equal(rt_queue_begin(pair.st.device, 1, results), S_OK);
	assert_int_equal(pair_decrypt(&pair, 1), S_OK);
	assert_int_equal(rt_queue_end(pair.st.device, NULL), S_OK);
	st_close(&pair.st);
}

static void the_adapter_goes_in_the_middle(void **state) /* CS-12 */
{
	HRESULT results[BEFORE + AFTER];
	struct pair pair;
	UINT count, queued = BEFORE;

	pair_open(&pair);
	assert_int_equal(rt_queue_begin(pair.st.device, BEFORE + AFTER, results), S_OK);
	for (int i = 0; i < BEFORE; i++)
		assert_int_equal(pair_decrypt(&pair, (uint64_t)i + 1), S_OK);
	(void)dxgk_remove_device(ik_acquire(*state));
	ik_release(*state);
	for (int i = BEFORE; i < BEFORE + AFTER; i++) {
		/* It may be noticed at once, or by its answer. */
		HRESULT hr = pair_decrypt(&pair, (uint64_t)i + 1);

		queued += hr == S_OK;
		assert_true(hr == S_OK || hr == D3DDDIERR_DEVICEREMOVED);
	}
	(void)rt_queue_end(pair.st.device, &count);
	assert_int_equal(count, queued);
	for (UINT i = queued; i < BEFORE + AFTER; i++)
		results[i] = D3DDDIERR_DEVICEREMOVED;
	check_prefix(results, D3DDDIERR_DEVICEREMOVED);
	st_close(&pair.st);
}

static void the_service_ends_in_the_middle(void **state)
{
	HRESULT results[BEFORE + AFTER];
	struct pair pair;
	UINT count, queued = BEFORE;

	if (!ik_over_wire())
		ik_skip_in_process("there is no service that could end");
	pair_open(&pair);
	assert_int_equal(rt_queue_begin(pair.st.device, BEFORE + AFTER, results), S_OK);
	for (int i = 0; i < BEFORE; i++)
		assert_int_equal(pair_decrypt(&pair, (uint64_t)i + 1), S_OK);
	ik_end_service(*state);
	for (int i = BEFORE; i < BEFORE + AFTER; i++)
		queued += pair_decrypt(&pair, (uint64_t)i + 1) == S_OK;
	(void)rt_queue_end(pair.st.device, &count);
	assert_int_equal(count, queued);
	for (UINT i = queued; i < BEFORE + AFTER; i++)
		results[i] = D3DDDIERR_DEVICEREMOVED;
	check_prefix(results, D3DDDIERR_DEVICEREMOVED);
	st_close(&pair.st);
}

/* A session, its surfaces and the device may be given back with blts on their way. */
static void everything_is_given_back_in_the_middle(void **state)
{
	const struct rt_surface surface = SURFACE;
	HRESULT results[3 * 20];
	struct pair pair;

	(void)state;
	for (int i = 0; i < 60; i++)
		results[i] = E_FAIL;
	pair_open(&pair);
	assert_int_equal(rt_queue_begin(pair.st.device, 60, results), S_OK);
	for (int i = 0; i < 20; i++)
		assert_int_equal(pair_decrypt(&pair, (uint64_t)i + 1), S_OK);
	rt_resource_close(pair.protected);
	for (int i = 0; i < 20; i++)
		assert_int_equal(results[i], S_OK);
	pair.protected = st_protected(&pair.st, &surface, false);
	for (int i = 20; i < 40; i++)
		assert_int_equal(pair_decrypt(&pair, (uint64_t)i + 1), S_OK);
	rt_session_close(pair.session);
	pair.session = st_session(&pair.st);
	assert_int_equal(st_exchange(&pair.st, pair.session, ST_K), S_OK);
	for (int i = 40; i < 60; i++)
		assert_int_equal(pair_decrypt(&pair, (uint64_t)i + 1), S_OK);
	st_close(&pair.st);
	for (int i = 0; i < 60; i++)
		assert_int_equal(results[i], S_OK);
}

/* ---- two devices, two threads (CS-11) ------------------------------------------------------------------------------ */

struct worker {
	struct kmt_connection *process;
	struct pair pair;
	HRESULT results[64];
	int failures;
};

/* No assertion here: cmocka knows one thread. */
static void *queue_again_and_again(void *argument)
{
	struct worker *worker = argument;
	uint64_t iv = 0;

	kmt_connection_set(worker->process);
	for (int round = 0; round < 20; round++) {
		worker->failures += rt_queue_begin(worker->pair.st.device, 64, worker->results) != S_OK;
		for (int i = 0; i < 64; i++)
			worker->failures += pair_decrypt(&worker->pair, ++iv) != S_OK;
		worker->failures += rt_queue_end(worker->pair.st.device, NULL) != S_OK;
		worker->failures += pair_decrypt(&worker->pair, ++iv) != S_OK;
	}
	return NULL;
}

static void two_threads_queue_on_two_devices(void **state)
{
	struct worker workers[2] = { 0 };
	pthread_t thread;

	(void)state;
	for (int i = 0; i < 2; i++) {
		workers[i].process = kmt_connection_get();
		pair_open(&workers[i].pair);
	}
	assert_int_equal(pthread_create(&thread, NULL, queue_again_and_again, &workers[0]), 0);
	(void)queue_again_and_again(&workers[1]);
	assert_int_equal(pthread_join(thread, NULL), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(workers[i].failures, 0);
		st_close(&workers[i].pair.st);
	}
}

/* ---- a driver that knows no queues ----------------------------------------------------------------------------------- */

static PFND3DDDI_CREATEDEVICE create_device;

static HRESULT APIENTRY create_device_without_queues(HANDLE hAdapter, D3DDDIARG_CREATEDEVICE *pData)
{
	D3DDDIARG_CREATEDEVICE arg = *pData;
	HRESULT hr;

	arg.Flags.Value &= ~DXVAULT_CREATEDEVICE_QUEUED_BLTS;
	hr = create_device(hAdapter, &arg);
	pData->hDevice = arg.hDevice;
	return hr;
}

static HRESULT APIENTRY open_adapter_without_queues(D3DDDIARG_OPENADAPTER *pData)
{
	HRESULT hr = OpenAdapter(pData);

	create_device = pData->pAdapterFuncs->pfnCreateDevice;
	pData->pAdapterFuncs->pfnCreateDevice = create_device_without_queues;
	return hr;
}

static void a_driver_without_queues_works_without(void **state) /* CAP-14 */
{
	struct rt_adapter *adapter;
	struct rt_device *device;
	HRESULT result;

	(void)state;
	assert_int_equal(rt_adapter_open_with(open_adapter_without_queues, &adapter), S_OK);
	assert_int_equal(rt_device_create(adapter, &device), S_OK);
	assert_int_equal(rt_queue_begin(device, 1, &result), D3DDDIERR_NOTAVAILABLE);
	assert_int_equal(rt_queue_end(device, NULL), D3DDDIERR_NOTAVAILABLE);
	rt_device_close(device);
	rt_adapter_close(adapter);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(queued_blts_do_what_single_ones_do, setup, teardown),
		cmocka_unit_test_setup_teardown(the_order_is_that_of_the_calls, setup, teardown),
		cmocka_unit_test_setup_teardown(keys_are_lost_in_the_middle, setup, teardown),
		cmocka_unit_test_setup_teardown(the_adapter_goes_in_the_middle, setup, teardown),
		cmocka_unit_test_setup_teardown(the_service_ends_in_the_middle, setup, teardown),
		cmocka_unit_test_setup_teardown(everything_is_given_back_in_the_middle, setup, teardown),
		cmocka_unit_test_setup_teardown(two_threads_queue_on_two_devices, setup, teardown),
		cmocka_unit_test_setup_teardown(a_driver_without_queues_works_without, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, ik_group_teardown);
}
