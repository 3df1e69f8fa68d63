/* SPDX-License-Identifier: MIT */
/* Random sequences of DDI calls, good and bad, compared with a model of the rules: same codes, same bytes (CS-75). */
#include "random_world.h"

#include <stdlib.h>
#include <unistd.h>

/*
 * test_stack_random [SEED [FIRST [COUNT]]]: a failure says which sequence of which seed it was; with COUNT 1 that one runs
 * alone. Sanitizers make each call slower, so that fewer are run under them unless COUNT says otherwise.
 */
#define SEED UINT64_C(0x20261121)
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SEQUENCES 2000
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SEQUENCES 2000
#endif
#endif
#ifndef SEQUENCES
#define SEQUENCES 10000
#endif

enum { CALLS = 40 }; /* of a sequence, behind its beginning */

static uint64_t arg_seed = SEED;
static unsigned long arg_first, arg_count = SEQUENCES;

/* ---- what happens to all --------------------------------------------------------------------------------- */

static void lose_keys(void)
{
	int session = (int)rw_below(MODEL_SESSIONS);
	UINT lost;

	rw_become(0);
	if (rw_one_in(2) || !rw_world.model.sessions[session].is_live) {
		RW_TELL("all keys are lost");
		ik_lose_keys(rw_world.ik);
		model_lose_all(&rw_world.model);
	} else {
		RW_TELL("the keys of s%d are lost", session);
		assert_int_equal(DxvaultInvalidate(DXVAULT_LOSS_SESSION, rw_world.numbers[session], &lost),
				 STATUS_SUCCESS);
		model_lose_session(&rw_world.model, session);
	}
	rw_story_size++;
}

static void remove_adapter(void)
{
	UINT lost;

	rw_become(0);
	RW_TELL("the adapter is removed");
	rw_story_size++;
	assert_int_equal(DxvaultInvalidate(DXVAULT_LOSS_DEVICE, 0, &lost), STATUS_SUCCESS);
	model_remove(&rw_world.model);
}

/* ---- sequences ------------------------------------------------------------------------------------------- */

static void open_device(int device)
{
	rw_become(device);
	st_open(&rw_world.devices[device]);
	rw_world.areas[device] = DxvaultAllocateSystemMemory(rt_device_kernel_handle(rw_world.devices[device].device),
							     RW_AREA);
	assert_non_null(rw_world.areas[device]);
	rw_world.model.has_device[device] = true;
}

/* CS-45. */
static void close_device(int device)
{
	D3DKMT_HANDLE kernel = rt_device_kernel_handle(rw_world.devices[device].device);

	rw_become(device);
	for (int i = 0; i < MODEL_SESSIONS; i++) {
		if (rw_world.model.sessions[i].is_live && rw_world.model.sessions[i].device == device)
			rw_bury(rw_world.sessions[i]);
	}
	for (int i = 0; i < MODEL_RESOURCES; i++) {
		if (rw_world.model.resources[i].is_live && rw_world.model.resources[i].device == device)
			rw_forget_resource(i);
	}
	rw_bury(rw_world.devices[device].handle);
	st_close(&rw_world.devices[device]);
	DxvaultFreeSystemMemory(kernel, rw_world.areas[device]);
	model_destroy_device(&rw_world.model, device);
}

static void call_another_device(void)
{
	int device = (int)rw_below(MODEL_DEVICES);

	RW_TELL("another device in the place of d%d", device);
	rw_story_size++;
	close_device(device);
	open_device(device);
}

static void start_world(void)
{
	rw_world.ik = ik_start(&(const struct ik_options) { .real_driver = true, .no_screen = true });
	for (size_t i = 0; i < 2; i++) {
		rw_world.processes[i] = ik_process_of(rw_world.ik, geteuid());
		assert_non_null(rw_world.processes[i]);
	}
}

/* A session with a key on each device, and surfaces of one shape: what most calls need to get far. */
static void begin_sequence(void)
{

	memset(&rw_world.model, 0, sizeof(rw_world.model));
	memset(rw_world.sessions, 0, sizeof(rw_world.sessions));
	memset(rw_world.resources, 0, sizeof(rw_world.resources));
	rw_world.dead_count = 0;
	rw_world.highest = 0;
	rw_story_size = 0;
	rw_world.shape = rw_below(RW_SHAPES);
	for (int i = 0; i < MODEL_DEVICES; i++) {
		open_device(i);
		rw_call_create(i, /* is_good= */ true);
		rw_call_exchange(i, rw_pick_session(i), /* is_good= */ true);
		rw_call_get_key(i, rw_pick_session(i), /* is_good= */ true);
		rw_call_create_resource(i, RW_IN_PLACE + (enum rw_kind)rw_below(2), rw_world.shape);
	}
	rw_make_shared(0, rw_world.shape);
	rw_call_create_resource(1, RW_PLAIN, rw_world.shape);
	rw_call_create_resource(2, RW_TARGET, rw_world.shape);
	rw_call_open_resource();
}

static void end_sequence(void)
{
	bool was_removed = rw_world.model.is_removed;

	for (int i = 0; i < MODEL_DEVICES; i++)
		close_device(i);
	ik_assert_empty(rw_world.ik);
	if (was_removed) {
		ik_stop(rw_world.ik);
		start_world();
	}
}

static unsigned int pick_shape(void)
{
	return rw_one_in(4) ? rw_below(RW_SHAPES) : rw_world.shape;
}

static void one_call_of_a_session(void)
{
	int device = rw_pick_device();

	switch (rw_below(32)) {
	case 0:
	case 1:
		rw_call_create(device, /* is_good= */ false);
		break;
	case 2:
		if (rw_one_in(2))
			rw_call_destroy();
		break;
	case 3:
		rw_call_exchange(device, rw_pick_session(device), /* is_good= */ false);
		break;
	case 4:
	case 5:
	case 6:
		rw_call_start();
		break;
	case 7:
	case 8:
	case 9:
		rw_call_finish();
		break;
	case 10:
	case 11:
	case 12:
		rw_call_get_key(device, rw_pick_session(device), /* is_good= */ false);
		break;
	case 13:
	case 14:
		rw_call_get_pitch();
		break;
	case 15:
	case 16:
	case 17:
	case 18:
	case 19:
	case 20:
	case 21:
		rw_call_encrypt();
		break;
	default:
		rw_call_decrypt();
		break;
	}
}

static void one_call(void)
{
	/* Of a removed adapter the rules say what sessions and transfers answer (CS-12). */
	if (rw_world.model.is_removed || !rw_one_in(4)) {
		one_call_of_a_session();
		return;
	}
	switch (rw_below(16)) {
	case 0:
	case 1:
		rw_call_create_resource(rw_pick_device(), (enum rw_kind)rw_below(RW_KINDS), pick_shape());
		break;
	case 2:
		rw_call_create_bad_resource(rw_pick_device());
		break;
	case 3:
	case 4:
	case 5:
		rw_call_open_resource();
		break;
	case 6:
		rw_call_destroy_resource();
		break;
	case 7:
	case 8:
		rw_call_lock();
		break;
	case 9:
		rw_call_unlock();
		break;
	case 10:
	case 11:
		rw_unlock_all();
		break;
	case 12:
		lose_keys();
		break;
	case 13:
		if (rw_one_in(4))
			call_another_device();
		break;
	case 14:
		if (rw_one_in(30))
			remove_adapter();
		break;
	default:
		rw_make_shared((int)rw_below(MODEL_DEVICES), pick_shape());
		break;
	}
}

static void random_sequences_equal_the_model(void **state)
{
	(void)state;
	start_world();
	for (unsigned long i = arg_first; i < arg_first + arg_count; i++) {
		rw_seed(arg_seed, i);
		begin_sequence();
		for (int k = 0; k < CALLS; k++)
			one_call();
		end_sequence();
	}
	ik_stop(rw_world.ik);
	if (arg_count >= 1000)
		rw_assert_all_seen();
}

/* ---- setup ----------------------------------------------------------------------------------------------- */

static int setup(void **state)
{
	struct st st;

	(void)state;
	assert_int_equal(gpu_memory_start(GPU_MEMORY_PLAIN, GPU_MEMORY_SECRET), 0);
	assert_int_equal(gpu_route_libcrypto(), 0);
	for (size_t i = 0; i < sizeof(rw_keys); i++)
		((uint8_t *)rw_keys)[i] = (uint8_t)(i * 29 + 1);
	start_world();
	rw_become(0);
	st_open(&st);
	for (size_t i = 0; i < RW_KEYS; i++)
		st_blob(&st, 2, rw_keys[i], rw_blobs[i]);
	st_blob(&st, 2, rw_keys[0], rw_blobs[RW_KEYS]);
	rw_blobs[RW_KEYS][100] ^= 1;
	st_blob(&st, 1, rw_keys[0], rw_blobs[RW_KEYS + 1]);
	st_close(&st);
	ik_stop(rw_world.ik);
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_sequences_equal_the_model),
	};

	if (argc > 1)
		arg_seed = strtoull(argv[1], NULL, 0);
	if (argc > 2)
		arg_first = strtoul(argv[2], NULL, 0);
	if (argc > 3)
		arg_count = strtoul(argv[3], NULL, 0);
	return cmocka_run_group_tests(tests, setup, ik_group_teardown);
}
