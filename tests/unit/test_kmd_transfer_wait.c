/* SPDX-License-Identifier: MIT */
/* Entries of the driver that touch what a transfer holds wait for it: all comes out as if it had ended before. */
#include "kmd_fixture_channel.h"

#include <string.h>

enum { WIDTH = 160, SIZE = WIDTH * WIDTH * 4, PART = 65536 };

/*
 * One device. Session a has written the surface, and b is writing it anew, from the staging surface. Protection is off;
 * where a case wants it on, the channel asks for it.
 */
static struct scene {
	struct kf *kf;
	int device;
	int second; /* a device that has the surface open too */
	D3DKMT_HANDLE a, b;
	D3DKMT_HANDLE staging, surface;
	D3DKMT_HANDLE other_staging, other;
	struct kf_channel channel;
	HANDLE worker;
	struct drv_escape_blt blt;
	bool is_under_way;
	struct kmd_transfer held; /* by hand, where no transfer could be */
	struct kf_objects before; /* when the entry was called */
} stage;

/* What an entry does; anything that it says. */
typedef int32_t entry_fn(struct scene *scene);

static void prepare(struct scene *scene)
{
	struct kmd_config config;
	struct kf *kf;

	kf_config(&config);
	config.caps &= ~(uint32_t)D3DCPCAPS_PROTECTIONALWAYSON;
	*scene = (struct scene) { .kf = kf = kf_start(&config) };
	kf_random = KF_R;
	scene->device = kf_device(kf);
	scene->second = kf_device(kf);
	scene->a = kf_session(kf, scene->device);
	scene->b = kf_session(kf, scene->device);
	scene->staging = kf_system(kf, scene->device, WIDTH, WIDTH);
	scene->surface = kf_protected(kf, scene->device, WIDTH, WIDTH);
	scene->other_staging = kf_system(kf, scene->device, WIDTH, WIDTH);
	scene->other = kf_protected(kf, scene->device, WIDTH, WIDTH);
	scene->worker = kf_worker(kf);
	assert_int_equal(kf_open(kf, scene->second, scene->surface), STATUS_SUCCESS);
	for (int i = 0; i < SIZE; i++) {
		kf_bytes(kf, scene->staging)[i] = (uint8_t)(i * 7 + 1);
		kf_bytes(kf, scene->other_staging)[i] = (uint8_t)(i * 11 + 2);
	}
	for (int i = 0; i < 2; i++) {
		D3DKMT_HANDLE session = i == 0 ? scene->a : scene->b;

		assert_int_equal(kf_exchange(kf, scene->device, session, i == 0 ? KF_K : KF_C), S_OK);
		assert_int_equal(kf_readback_key(kf, scene->device, session, NULL), S_OK);
		assert_int_equal(kf_start_refresh(kf, scene->device, session, NULL), S_OK);
	}
	assert_int_equal(kf_decrypt(kf, scene->device, scene->a, scene->other_staging, scene->surface, 1), S_OK);
	scene->blt = kf_blt(kf, scene->b, DRV_COMMAND_DECRYPTION_BLT, scene->staging, scene->surface);
	kf_iv(scene->blt.iv, 1, 0);
	kf->unlocks = 0;
}

static void begin(struct scene *scene)
{
	uint64_t size = 0;

	assert_int_equal(kf_begin(scene->kf, scene->worker, scene->device, &scene->blt, &size), STATUS_SUCCESS);
	assert_int_equal(size, SIZE);
	kmd_driver.RunTransfer(scene->worker, scene->worker, PART, SIZE - PART);
	scene->is_under_way = true;
}

static void finish(struct scene *scene)
{
	assert_true(scene->is_under_way);
	scene->is_under_way = false;
	kmd_driver.RunTransfer(scene->worker, scene->worker, 0, PART);
	kf_finish(scene->worker, &scene->blt);
}

static void on_wait(struct kf *kf)
{
	/* Whoever waits has done nothing yet. */
	kf_assert_objects(kf, &stage.before);
	finish(&stage);
}

/* ---- what can be seen afterwards ------------------------------------------------------------------ */

struct outcome {
	int32_t entry;
	int32_t blt;
	struct {
		bool is_there;
		uint64_t exchange, readback_iv, uses;
		uint32_t history;
		bool is_lost, is_orphan, has_device, has_pending, has_key, has_readback, has_spare;
		uint8_t key[16], readback[16];
		int status, statuses;
	} sessions[2];
	struct {
		bool is_there;
		struct kmd_tie tie;
		uint32_t locks;
		uint64_t wipes;
		bool is_listed;
		uint8_t bytes[SIZE];
	} surfaces[4];
	int shown;
};

static void look_at_session(struct scene *scene, D3DKMT_HANDLE handle, struct outcome *ret, int i)
{
	const struct kf_object *object = kf_object(scene->kf, handle);
	const struct kmd_session *session = object ? object->driver : NULL;

	if (!session)
		return;
	ret->sessions[i].is_there = true;
	ret->sessions[i].exchange = session->exchange;
	ret->sessions[i].readback_iv = session->readback_iv;
	ret->sessions[i].uses = session->history.uses;
	ret->sessions[i].history = session->history.count;
	ret->sessions[i].is_lost = session->is_lost;
	ret->sessions[i].is_orphan = session->is_orphan;
	ret->sessions[i].has_device = session->device != NULL;
	ret->sessions[i].has_pending = session->has_pending;
	ret->sessions[i].has_key = gpu_key_is_set(session->key);
	ret->sessions[i].has_readback = gpu_key_is_set(session->readback);
	ret->sessions[i].has_spare = gpu_key_is_set(session->spare);
	memcpy(ret->sessions[i].key, gpu_key_bytes(session->key), 16);
	memcpy(ret->sessions[i].readback, gpu_key_bytes(session->readback), 16);
	ret->sessions[i].status = object->status;
	ret->sessions[i].statuses = object->statuses;
}

static void look_at_surface(struct scene *scene, D3DKMT_HANDLE handle, struct outcome *ret, int i)
{
	const struct kf_object *object = kf_object(scene->kf, handle);
	const struct kmd_allocation *allocation = object ? object->driver : NULL;

	if (!allocation)
		return;
	ret->surfaces[i].is_there = true;
	ret->surfaces[i].tie = allocation->tie;
	ret->surfaces[i].locks = allocation->locks;
	ret->surfaces[i].wipes = allocation->wipes;
	ret->surfaces[i].is_listed = allocation->previous_written != NULL;
	memcpy(ret->surfaces[i].bytes, allocation->memory, SIZE);
}

static void look(struct scene *scene, int32_t entry, struct outcome *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->entry = entry;
	ret->blt = scene->blt.header.result;
	look_at_session(scene, scene->a, ret, 0);
	look_at_session(scene, scene->b, ret, 1);
	look_at_surface(scene, scene->surface, ret, 0);
	look_at_surface(scene, scene->staging, ret, 1);
	look_at_surface(scene, scene->other, ret, 2);
	look_at_surface(scene, scene->other_staging, ret, 3);
	ret->shown = scene->kf->shown;
}

/* ---- entries -------------------------------------------------------------------------------------- */

static int32_t exchange(struct scene *scene)
{
	return kf_exchange(scene->kf, scene->device, scene->b, KF_KR);
}

static int32_t start_refresh(struct scene *scene)
{
	return kf_start_refresh(scene->kf, scene->device, scene->b, NULL);
}

static int32_t finish_refresh(struct scene *scene)
{
	return kf_finish_refresh(scene->kf, scene->device, scene->b);
}

static int32_t readback_key(struct scene *scene)
{
	return kf_readback_key(scene->kf, scene->device, scene->b, NULL);
}

static int32_t get_pitch(struct scene *scene)
{
	uint32_t pitch = 0;

	return kf_pitch(scene->kf, scene->device, scene->b, scene->other, &pitch);
}

static int32_t blt_of_session(struct scene *scene)
{
	return kf_decrypt(scene->kf, scene->device, scene->b, scene->other_staging, scene->other, 2);
}

/* While the surface is still tied to a, it is b that writes there (BLT-123). */
static int32_t encrypt_from_destination(struct scene *scene)
{
	HRESULT hr = kf_encrypt(scene->kf, scene->device, scene->a, scene->surface, scene->other_staging, NULL);

	assert_int_equal(hr, E_ACCESSDENIED);
	return hr;
}

static int32_t decrypt_to_destination(struct scene *scene)
{
	return kf_decrypt(scene->kf, scene->device, scene->a, scene->other_staging, scene->surface, 2);
}

static int32_t decrypt_from_source(struct scene *scene)
{
	return kf_decrypt(scene->kf, scene->device, scene->a, scene->staging, scene->other, 2);
}

static int32_t lock_escape(struct scene *scene, uint32_t command, D3DKMT_HANDLE surface, D3DKMT_HANDLE staging)
{
	struct drv_escape_lock escape = {
		.header = { .magic = DRV_MAGIC, .command = command },
		.surface = surface,
		.staging = staging,
	};

	assert_int_equal(kf_escape(scene->kf, scene->device, &escape, sizeof(escape)), STATUS_SUCCESS);
	return escape.header.result;
}

static int32_t lock_destination(struct scene *scene)
{
	return lock_escape(scene, DRV_COMMAND_LOCK, scene->surface, scene->other_staging);
}

static int32_t lock_destination_bare(struct scene *scene)
{
	return lock_escape(scene, DRV_COMMAND_LOCK, scene->surface, 0);
}

static int32_t lock_to_source(struct scene *scene)
{
	return lock_escape(scene, DRV_COMMAND_LOCK, scene->other, scene->staging);
}

static void lock_other(struct scene *scene)
{
	assert_int_equal(lock_escape(scene, DRV_COMMAND_LOCK, scene->other, 0), S_OK);
}

static int32_t unlock_from_source(struct scene *scene)
{
	return lock_escape(scene, DRV_COMMAND_UNLOCK, scene->other, scene->staging);
}

static int32_t present(struct scene *scene)
{
	return (int32_t)kf_present(scene->kf, scene->device, scene->surface, true);
}

static int32_t close_one(struct scene *scene, int device, D3DKMT_HANDLE handle)
{
	HANDLE *opened = &kf_object(scene->kf, handle)->opened[device];
	const DXGKARG_CLOSEALLOCATION arg = { .NumAllocations = 1, .pOpenHandleList = opened };
	NTSTATUS status = kmd_driver.DxgkDdiCloseAllocation(scene->kf->devices[device], &arg);

	*opened = NULL;
	return (int32_t)status;
}

static void protect(struct scene *scene)
{
	scene->channel = kf_channel_ready(scene->kf, scene->device, KF_SOFTWARE);
	assert_int_equal(kf_protect(&scene->channel, 1), S_OK);
}

/* The last protection falls with it: wiped (BLT-112). */
static int32_t close_destination(struct scene *scene)
{
	return close_one(scene, scene->device, scene->surface);
}

static int32_t close_elsewhere(struct scene *scene)
{
	return close_one(scene, scene->second, scene->surface);
}

static int32_t close_source(struct scene *scene)
{
	return close_one(scene, scene->device, scene->staging);
}

static int32_t unprotect(struct scene *scene)
{
	return kf_protect(&scene->channel, 0);
}

static int32_t destroy_channel(struct scene *scene)
{
	return kf_destroy(&scene->channel);
}

static int32_t destroy_session(struct scene *scene)
{
	kf_session_destroy(scene->kf, scene->b);
	return 0;
}

static int32_t lose_keys(struct scene *scene)
{
	kmd_driver.LoseKeys(scene->kf->adapter);
	return 0;
}

static int32_t lose_session(struct scene *scene)
{
	kmd_driver.LoseSessionKeys(scene->kf->adapter, kf_session_inside(scene->kf, scene->b));
	return 0;
}

/* What it has written is being written by b, and no longer its own. */
static int32_t lose_session_of_content(struct scene *scene)
{
	kmd_driver.LoseSessionKeys(scene->kf->adapter, kf_session_inside(scene->kf, scene->a));
	return 0;
}

static int32_t orphan(struct scene *scene)
{
	kmd_driver.OrphanSession(scene->kf->adapter, kf_session_inside(scene->kf, scene->b));
	return 0;
}

static int32_t orphan_of_content(struct scene *scene)
{
	kmd_driver.OrphanSession(scene->kf->adapter, kf_session_inside(scene->kf, scene->a));
	return 0;
}

static void break_seal(struct scene *scene)
{
	kf_session_inside(scene->kf, scene->a)->secrets->seal_behind ^= 1;
}

static int32_t find_broken_seal(struct scene *scene)
{
	uint32_t pitch = 0;
	HRESULT hr = kf_pitch(scene->kf, scene->device, scene->a, scene->other, &pitch);

	assert_int_equal(hr, E_FAIL);
	return hr;
}

static const struct situation {
	const char *name;
	void (*before)(struct scene *scene); /* NULL: nothing */
	entry_fn *entry;
} waiting[] = {
	{ "key exchange", NULL, exchange },
	{ "start refresh", NULL, start_refresh },
	{ "finish refresh", NULL, finish_refresh },
	{ "read-back key", NULL, readback_key },
	{ "pitch", NULL, get_pitch },
	{ "blt of the session", NULL, blt_of_session },
	{ "EncryptionBlt from the destination", NULL, encrypt_from_destination },
	{ "DecryptionBlt to the destination", NULL, decrypt_to_destination },
	{ "DecryptionBlt from the source", NULL, decrypt_from_source },
	{ "lock of the destination", NULL, lock_destination },
	{ "lock of the destination, no copy", NULL, lock_destination_bare },
	{ "lock with the source for the copy", NULL, lock_to_source },
	{ "unlock with the source for the copy", lock_other, unlock_from_source },
	{ "present", NULL, present },
	{ "close of the destination", NULL, close_destination },
	{ "close of the destination, protected", protect, close_destination },
	{ "close by another device", NULL, close_elsewhere },
	{ "close of the source", NULL, close_source },
	{ "end of protection", protect, unprotect },
	{ "end of a channel", protect, destroy_channel },
	{ "end of the session", NULL, destroy_session },
	{ "loss of all keys", NULL, lose_keys },
	{ "loss of the session's keys", NULL, lose_session },
	{ "loss of keys of the content", NULL, lose_session_of_content },
	{ "orphan", NULL, orphan },
	{ "orphan with the content", NULL, orphan_of_content },
	{ "broken seal of the content's session", break_seal, find_broken_seal },
};

/* Byte by byte: both were zeroed before they were filled. */
static bool is_same(const void *a, const void *b, size_t size)
{
	return memcmp(a, b, size) == 0;
}

static void play(const struct situation *situation, bool is_first, struct outcome *ret)
{
	int32_t result;

	prepare(&stage);
	if (situation->before)
		situation->before(&stage);
	begin(&stage);
	if (is_first)
		finish(&stage);
	else
		stage.kf->on_wait = on_wait;
	kf_objects(stage.kf, &stage.before);
	result = situation->entry(&stage);
	if (stage.kf->waits != !is_first)
		fail_msg("%s: waited %d times", situation->name, stage.kf->waits);
	assert_false(stage.is_under_way);
	look(&stage, result, ret);
	kf_stop(stage.kf);
}

/* CS-06, CS-13, BLT-112, BLT-123: of a transfer that is half done, nobody sees or changes anything. */
static void test_waits(void **state)
{
	static struct outcome first, waited;

	(void)state;
	for (size_t i = 0; i < sizeof(waiting) / sizeof(waiting[0]); i++) {
		play(&waiting[i], true, &first);
		play(&waiting[i], false, &waited);
		assert_int_equal(first.blt, S_OK);
		if (!is_same(&first, &waited, sizeof(first)))
			fail_msg("%s: another outcome", waiting[i].name);
	}
}

/* ---- where the graphics kernel's order leaves no transfer: by hand ------------------------------------ */

static void let_go(struct kf *kf)
{
	kf_assert_objects(kf, &stage.before);
	kmd_transfer_leave(&stage.held);
}

static void test_waits_by_hand(void **state)
{
	DXGKARG_DESTROYALLOCATION arg = { .NumAllocations = 2 };
	HANDLE list[2];
	struct kmd_adapter *adapter;

	(void)state;
	/* Either of two that are destroyed at once. */
	for (int i = 0; i < 2; i++) {
		prepare(&stage);
		adapter = stage.kf->adapter;
		list[0] = kf_object(stage.kf, stage.other)->driver;
		list[1] = kf_object(stage.kf, stage.surface)->driver;
		close_one(&stage, stage.device, stage.other);
		close_one(&stage, stage.device, stage.surface);
		close_one(&stage, stage.second, stage.surface);
		stage.held = (struct kmd_transfer) { .destination = list[i] };
		kmd_transfer_enter(adapter, &stage.held);
		stage.kf->on_wait = let_go;
		kf_objects(stage.kf, &stage.before);
		arg.pAllocationList = list;
		assert_int_equal(kmd_driver.DxgkDdiDestroyAllocation(adapter, &arg), STATUS_SUCCESS);
		assert_int_equal(stage.kf->waits, 1);
		kf_object(stage.kf, stage.other)->type = 0;
		kf_object(stage.kf, stage.surface)->type = 0;
		kf_stop(stage.kf);
	}

	prepare(&stage);
	protect(&stage);
	for (D3DKMT_HANDLE handle = 1; handle <= KF_OBJECTS; handle++) {
		const struct kf_object *object = kf_object(stage.kf, handle);

		if (object && object->opened[stage.device])
			close_one(&stage, stage.device, handle);
	}
	stage.held = (struct kmd_transfer) { .session = kf_session_inside(stage.kf, stage.b) };
	kmd_transfer_enter(stage.kf->adapter, &stage.held);
	stage.kf->on_wait = let_go;
	kf_objects(stage.kf, &stage.before);
	kf_device_destroy(stage.kf, stage.device);
	assert_int_equal(stage.kf->waits, 1);
	kf_stop(stage.kf);
}

/* ---- nobody waits for what is not his ----------------------------------------------------------------- */

static void test_others_go_on(void **state)
{
	struct kf *kf;
	int device;

	(void)state;
	prepare(&stage);
	kf = stage.kf;
	device = kf_device(kf);
	begin(&stage);
	/* on_wait is NULL: the test fails if one of these waits. */
	assert_int_equal(kf_finish_refresh(kf, stage.device, stage.a), S_OK);
	assert_int_equal(kf_readback_key(kf, stage.device, stage.a, NULL), S_OK);
	assert_int_equal(kf_decrypt(kf, stage.device, stage.a, stage.other_staging, stage.other, 2), S_OK);
	assert_int_equal(kf_encrypt(kf, stage.device, stage.a, stage.other, stage.other_staging, NULL), S_OK);
	assert_int_equal(kf_present(kf, stage.device, stage.other, true), STATUS_SUCCESS);
	assert_int_equal(lock_escape(&stage, DRV_COMMAND_LOCK, stage.other, stage.other_staging), S_OK);
	assert_int_equal(lock_escape(&stage, DRV_COMMAND_UNLOCK, stage.other, stage.other_staging), S_OK);
	kf_free(kf, stage.other);
	assert_int_equal(kf_exchange(kf, stage.device, stage.a, KF_KR), S_OK);
	kf_session_destroy(kf, stage.a);
	kf_channel_ready(kf, device, KF_SOFTWARE);
	kf_device_destroy(kf, device);
	assert_int_equal(kf->waits, 0);
	finish(&stage);
	assert_int_equal(stage.blt.header.result, S_OK);
	kf_stop(kf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_waits),
		cmocka_unit_test(test_waits_by_hand),
		cmocka_unit_test(test_others_go_on),
	};
	int result = cmocka_run_group_tests(tests, NULL, NULL);

	kf_identity_stop();
	return result;
}
