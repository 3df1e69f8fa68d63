/* SPDX-License-Identifier: MIT */
/* A small graphics kernel that records what the kernel-mode driver tells it, and a client to drive it with. */
#include "kmd_fixture.h"

#include <errno.h>
#include <limits.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const uint8_t KF_K[16] = { 0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07,
			   0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f };
const uint8_t KF_C[16] = { 0xf0, 0xf1, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7,
			   0xf8, 0xf9, 0xfa, 0xfb, 0xfc, 0xfd, 0xfe, 0xff };
const uint8_t KF_R[16] = { 0xa5, 0xa5, 0xa5, 0xa5, 0xa5, 0xa5, 0xa5, 0xa5,
			   0xa5, 0xa5, 0xa5, 0xa5, 0xa5, 0xa5, 0xa5, 0xa5 };
const uint8_t KF_KR[16] = { 0xa5, 0xa4, 0xa7, 0xa6, 0xa1, 0xa0, 0xa3, 0xa2,
			    0xad, 0xac, 0xaf, 0xae, 0xa9, 0xa8, 0xab, 0xaa };

/* ---- failures, by the linker's --wrap ------------------------------------------------------------ */

int kf_fail_malloc = -1;
int kf_fail_secret_alloc = -1;
int kf_fail_key_reserve = -1;
int kf_fail_key_set = -1;
int kf_fail_ctr = -1;
atomic_int kf_fail_part = -1;
int kf_fail_mac_reserve = -1;
int kf_fail_mac_set = -1;
int kf_fail_mac_compute = -1;
const uint8_t *kf_random;
void (*kf_on_unwrap)(void);
void (*kf_on_ctr)(void);

void kf_fail_none(void)
{
	kf_fail_malloc = kf_fail_secret_alloc = kf_fail_key_reserve = kf_fail_key_set = kf_fail_ctr = -1;
	kf_fail_mac_reserve = kf_fail_mac_set = kf_fail_mac_compute = -1;
	kf_fail_part = -1;
}

static int fails(int *next_ok)
{
	if (*next_ok < 0)
		return 0;
	return (*next_ok)-- == 0;
}

void *__real_gpu_secret_alloc(size_t size);
void *__wrap_gpu_secret_alloc(size_t size);
void *__real_gpu_secret_realloc(void *memory, size_t size);
void *__wrap_gpu_secret_realloc(void *memory, size_t size);
int __real_gpu_random(void *memory, size_t size);
int __wrap_gpu_random(void *memory, size_t size);
int __real_gpu_ctr(struct gpu_key *key, const uint8_t iv[16], const struct gpu_pattern *pattern, const void *src,
		   void *dst, size_t size);
int __wrap_gpu_ctr(struct gpu_key *key, const uint8_t iv[16], const struct gpu_pattern *pattern, const void *src,
		   void *dst, size_t size);
int __real_gpu_ctr_part(struct gpu_key *key, struct gpu_worker *worker, const uint8_t iv[16],
			const struct gpu_pattern *pattern, uint64_t offset, const void *src, void *dst, size_t size);
int __wrap_gpu_ctr_part(struct gpu_key *key, struct gpu_worker *worker, const uint8_t iv[16],
			const struct gpu_pattern *pattern, uint64_t offset, const void *src, void *dst, size_t size);
int __real_gpu_identity_unwrap(struct gpu_identity *identity, enum gpu_leaf leaf, const uint8_t ciphertext[256],
			       void *payload, size_t size);
int __wrap_gpu_identity_unwrap(struct gpu_identity *identity, enum gpu_leaf leaf, const uint8_t ciphertext[256],
			       void *payload, size_t size);

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__wrap_realloc(void *memory, size_t size);
void __real_free(void *memory);
void __wrap_free(void *memory);
void *__real_reallocarray(void *memory, size_t count, size_t size);
void *__wrap_reallocarray(void *memory, size_t count, size_t size);
int __real_gpu_mac_compute(struct gpu_mac *mac, const void *data, size_t size, uint8_t ret[16]);
int __wrap_gpu_mac_compute(struct gpu_mac *mac, const void *data, size_t size, uint8_t ret[16]);

/* Blocks that live, of what is linked statically: the driver and the test. */
static atomic_long blocks;

static void *counted(void *memory)
{
	blocks += memory != NULL;
	return memory;
}

void *__wrap_malloc(size_t size)
{
	return fails(&kf_fail_malloc) ? NULL : counted(__real_malloc(size));
}

void *__wrap_calloc(size_t count, size_t size)
{
	return fails(&kf_fail_malloc) ? NULL : counted(__real_calloc(count, size));
}

void *__wrap_realloc(void *memory, size_t size)
{
	if (fails(&kf_fail_malloc))
		return NULL;
	return memory ? __real_realloc(memory, size) : counted(__real_realloc(memory, size));
}

void *__wrap_reallocarray(void *memory, size_t count, size_t size)
{
	if (fails(&kf_fail_malloc))
		return NULL;
	return memory ? __real_reallocarray(memory, count, size) : counted(__real_reallocarray(memory, count, size));
}

void __wrap_free(void *memory)
{
	blocks -= memory != NULL;
	__real_free(memory);
}

int __wrap_gpu_mac_compute(struct gpu_mac *mac, const void *data, size_t size, uint8_t ret[16])
{
	return fails(&kf_fail_mac_compute) ? -EIO : __real_gpu_mac_compute(mac, data, size, ret);
}

void *__wrap_gpu_secret_alloc(size_t size)
{
	return fails(&kf_fail_secret_alloc) ? NULL : __real_gpu_secret_alloc(size);
}

void *__wrap_gpu_secret_realloc(void *memory, size_t size)
{
	return fails(&kf_fail_secret_alloc) ? NULL : __real_gpu_secret_realloc(memory, size);
}

/* A slot that failed to take a key is without one. */
#define SLOT_FAILURES(kind, set_error)                                                                \
	int __real_gpu_##kind##_reserve(struct gpu_##kind **ret);                                     \
	int __wrap_gpu_##kind##_reserve(struct gpu_##kind **ret);                                     \
	int __real_gpu_##kind##_set(struct gpu_##kind *slot, const uint8_t key[16]);                  \
	int __wrap_gpu_##kind##_set(struct gpu_##kind *slot, const uint8_t key[16]);                  \
                                                                                                      \
	int __wrap_gpu_##kind##_reserve(struct gpu_##kind **ret)                                      \
	{                                                                                             \
		return fails(&kf_fail_##kind##_reserve) ? -ENOMEM : __real_gpu_##kind##_reserve(ret); \
	}                                                                                             \
                                                                                                      \
	int __wrap_gpu_##kind##_set(struct gpu_##kind *slot, const uint8_t key[16])                   \
	{                                                                                             \
		if (!fails(&kf_fail_##kind##_set))                                                    \
			return __real_gpu_##kind##_set(slot, key);                                    \
		gpu_##kind##_clear(slot);                                                             \
		return set_error;                                                                     \
	}

SLOT_FAILURES(key, -EIO)
SLOT_FAILURES(mac, -ENOMEM)

int __wrap_gpu_random(void *memory, size_t size)
{
	if (!kf_random)
		return __real_gpu_random(memory, size);
	memcpy(memory, kf_random, size);
	return 0;
}

int __wrap_gpu_ctr(struct gpu_key *key, const uint8_t iv[16], const struct gpu_pattern *pattern, const void *src,
		   void *dst, size_t size)
{
	if (kf_on_ctr)
		kf_on_ctr();
	if (!fails(&kf_fail_ctr))
		return __real_gpu_ctr(key, iv, pattern, src, dst, size);
	memset(dst, 0x77, size / 2);
	return -EIO;
}

int __wrap_gpu_ctr_part(struct gpu_key *key, struct gpu_worker *worker, const uint8_t iv[16],
			const struct gpu_pattern *pattern, uint64_t offset, const void *src, void *dst, size_t size)
{
	if (kf_fail_part < 0 || atomic_fetch_sub(&kf_fail_part, 1) != 0)
		return __real_gpu_ctr_part(key, worker, iv, pattern, offset, src, dst, size);
	memset(dst, 0x77, size / 2);
	return -EIO;
}

int __wrap_gpu_identity_unwrap(struct gpu_identity *identity, enum gpu_leaf leaf, const uint8_t ciphertext[256],
			       void *payload, size_t size)
{
	if (kf_on_unwrap)
		kf_on_unwrap();
	return __real_gpu_identity_unwrap(identity, leaf, ciphertext, payload, size);
}

/* ---- the identity, one for all tests of a program ------------------------------------------------- */

static struct gpu_identity *identity;

struct gpu_identity *kf_identity(void)
{
	struct gpu_bytes key, certificate;
	if (identity)
		return identity;
	assert_int_equal(gpu_memory_start(GPU_MEMORY_PLAIN, GPU_MEMORY_SECRET), 0);
	assert_int_equal(gpu_root_create(&key, &certificate), 0);
	assert_int_equal(gpu_identity_start(&key, &certificate, &identity), 0);
	/* Its thread is done before a test makes calls fail. */
	assert_int_equal(gpu_identity_wait(identity, GPU_LEAF_CHANNEL), 0);
	gpu_secret_free(key.data);
	gpu_secret_free(certificate.data);
	return identity;
}

void kf_identity_stop(void)
{
	gpu_identity_stop(identity);
	identity = NULL;
}

/* ---- the graphics kernel ------------------------------------------------------------------------- */

struct kf_object *kf_object(struct kf *kf, D3DKMT_HANDLE handle)
{
	return handle == 0 || handle > KF_OBJECTS || !kf->objects[handle - 1].type ? NULL : &kf->objects[handle - 1];
}

static D3DKMT_HANDLE new_object(struct kf *kf, DXGK_HANDLE_TYPE type, int device)
{
	for (D3DKMT_HANDLE i = 0; i < KF_OBJECTS; i++)
		if (!kf->objects[i].type) {
			kf->objects[i] = (struct kf_object) { .type = type, .device = device, .status = -1 };
			return i + 1;
		}
	fail_msg("too many objects");
	return 0;
}

static PVOID get_handle_data(HANDLE DeviceHandle, const DXGKARGCB_GETHANDLEDATA *arg)
{
	struct kf *kf = DeviceHandle;
	struct kf_object *object = kf_object(kf, arg->hObject);

	assert_true(kf->calling >= 0);
	if (!object || object->type != arg->Type)
		return NULL;
	if (arg->Type == DXGK_HANDLE_PROTECTED_SESSION)
		return object->device == kf->calling ? object->driver : NULL;
	return arg->Flags.DeviceSpecific ? object->opened[kf->calling] : object->driver;
}

/* The kernel's own handle of a session is its object here; there is no other way back from it. */
static NTSTATUS set_status(const DXGKARGCB_PROTECTEDSESSIONSTATUS *arg)
{
	struct kf_object *object = arg->hProtectedSession;

	assert_int_equal(object->type, DXGK_HANDLE_PROTECTED_SESSION);
	assert_non_null(object->driver); /* KMT-25: neither while it is made nor when it is gone */
	object->status = (int)arg->Status;
	object->statuses++;
	return STATUS_SUCCESS;
}

static void teardown(HANDLE DeviceHandle)
{
	(void)DeviceHandle;
	fail_msg("teardown");
}

static NTSTATUS show(HANDLE DeviceHandle, const struct dxgk_picture *picture)
{
	struct kf *kf = DeviceHandle;

	assert_true(kf->is_apart);
	kf->shown++;
	kf->picture = *picture;
	return kf->show_status;
}

/* Workers' calls name devices of their own. */
static void call_apart(struct kf *kf, void (*call)(struct kf *kf))
{
	int calling = kf->calling;

	kf->calling = -1;
	if (call)
		call(kf);
	kf->calling = calling;
}

static void unlock(HANDLE DeviceHandle)
{
	struct kf *kf = DeviceHandle;

	assert_false(kf->is_apart);
	kf->is_apart = true;
	kf->unlocks++;
	call_apart(kf, kf->on_unlock);
}

static void lock(HANDLE DeviceHandle)
{
	struct kf *kf = DeviceHandle;

	assert_true(kf->is_apart);
	kf->is_apart = false;
}

static void wait_for_transfer(HANDLE DeviceHandle)
{
	struct kf *kf = DeviceHandle;

	assert_false(kf->is_apart);
	assert_non_null(kf->on_wait);
	kf->waits++;
	call_apart(kf, kf->on_wait);
}

static struct kf_process *find_process(struct kf *kf, uint64_t token)
{
	for (int i = 0; i < KF_PROCESSES; i++)
		if (token && kf->processes[i].token == token)
			return &kf->processes[i];
	return NULL;
}

static bool is_process_alive(HANDLE DeviceHandle, HANDLE hKmdProcess)
{
	const struct kf_process *process = find_process(DeviceHandle, (uint64_t)(uintptr_t)hKmdProcess);

	return process && process->is_alive;
}

static HANDLE get_compositor(HANDLE DeviceHandle)
{
	struct kf *kf = DeviceHandle;
	const struct kf_process *process = find_process(kf, kf->compositor);

	return process && process->is_alive ? (HANDLE)(uintptr_t)kf->compositor : NULL;
}

static bool charge_objects(HANDLE hDevice, int count)
{
	struct kf_device_object *device = hDevice;

	assert_non_null(device);
	assert_non_null(device->kf);
	if (count > 0 && device->kf->charges + count > device->kf->charge_limit)
		return false;
	device->charges += count;
	device->kf->charges += count;
	assert_true(device->charges >= 0); /* more given back than was taken */
	return true;
}

void kf_process(struct kf *kf, uint64_t token)
{
	int i = 0;

	assert_null(find_process(kf, token)); /* AC-127: never given again */
	while (kf->processes[i].token)
		assert_true(++i < KF_PROCESSES);
	kf->processes[i] = (struct kf_process) { .token = token, .is_alive = true };
}

void kf_process_end(struct kf *kf, uint64_t token)
{
	find_process(kf, token)->is_alive = false;
}

void kf_config(struct kmd_config *ret)
{
	kmd_config_default(ret);
	ret->identity = kf_identity();
}

struct kf *kf_start(const struct kmd_config *config)
{
	struct kmd_config usual;
	struct kf *kf;

	kf_config(&usual); /* with the identity, which stays */
	kf = calloc(1, sizeof(*kf));
	assert_non_null(kf);
	kf->blocks = blocks;
	kf->calling = -1;
	kf->kernel.DeviceHandle = kf;
	kf->kernel.DxgkCbSetProtectedSessionStatus = set_status;
	kf->kernel.DxgkCbHardwareContentProtectionTeardown = teardown;
	kf->kernel.DxgkCbGetHandleData = get_handle_data;
	kf->kernel.IsProcessAlive = is_process_alive;
	kf->kernel.GetCompositor = get_compositor;
	kf->kernel.ChargeObjects = charge_objects;
	kf->kernel.Unlock = unlock;
	kf->kernel.Lock = lock;
	kf->kernel.WaitForTransfer = wait_for_transfer;
	kf->kernel.ShowPicture = show;
	kf->charge_limit = INT_MAX;
	kf_process(kf, KF_TOKEN);
	if (config)
		usual = *config;
	assert_int_equal(kmd_driver.StartDevice(&kf->kernel, &usual, &kf->adapter), STATUS_SUCCESS);
	return kf;
}

void kf_stop(struct kf *kf)
{
	kf_fail_none();
	kf_random = NULL;
	kf_on_unwrap = kf_on_ctr = NULL;
	for (int i = 0; i < KF_WORKERS; i++)
		if (kf->workers[i])
			kmd_driver.DestroyWorker(kf->workers[i]);
	for (D3DKMT_HANDLE i = 1; i <= KF_OBJECTS; i++) {
		struct kf_object *object = kf_object(kf, i);

		if (object && object->type == DXGK_HANDLE_ALLOCATION)
			kf_free(kf, i);
	}
	for (int i = 0; i < KF_DEVICES; i++)
		if (kf->devices[i])
			kf_device_destroy(kf, i);
	for (D3DKMT_HANDLE i = 1; i <= KF_OBJECTS; i++)
		if (kf_object(kf, i))
			kf_session_destroy(kf, i);
	assert_int_equal(kf->charges, 0);
	kmd_driver.StopDevice(kf->adapter);
	assert_int_equal(blocks, kf->blocks); /* nothing is left of it */
	free(kf);
}

int kf_device_of(struct kf *kf, uint64_t token)
{
	DXGKARG_CREATEDEVICE arg = { .hKmdProcess = (HANDLE)(uintptr_t)token };
	int i = 0;

	while (kf->devices[i])
		assert_true(++i < KF_DEVICES);
	kf->device_objects[i] = (struct kf_device_object) { .kf = kf, .token = token };
	arg.hDevice = &kf->device_objects[i];
	assert_int_equal(kmd_driver.DxgkDdiCreateDevice(kf->adapter, &arg), STATUS_SUCCESS);
	kf->devices[i] = arg.hDevice;
	return i;
}

int kf_device(struct kf *kf)
{
	return kf_device_of(kf, KF_TOKEN);
}

void kf_device_destroy(struct kf *kf, int device)
{
	for (D3DKMT_HANDLE i = 1; i <= KF_OBJECTS; i++) {
		struct kf_object *object = kf_object(kf, i);
		DXGKARG_CLOSEALLOCATION arg = { .NumAllocations = 1 };

		if (!object || !object->opened[device])
			continue;
		arg.pOpenHandleList = &object->opened[device];
		kmd_driver.DxgkDdiCloseAllocation(kf->devices[device], &arg);
		object->opened[device] = NULL;
	}
	assert_int_equal(kmd_driver.DxgkDdiDestroyDevice(kf->devices[device]), STATUS_SUCCESS);
	assert_int_equal(kf->device_objects[device].charges, 0); /* all that was kept for it is given back */
	kf->devices[device] = NULL;
}

NTSTATUS kf_session_raw(struct kf *kf, int device, const void *data, UINT size, D3DKMT_HANDLE *ret)
{
	D3DKMT_HANDLE handle = new_object(kf, DXGK_HANDLE_PROTECTED_SESSION, device);
	struct kf_object *object = kf_object(kf, handle);
	DXGKARG_CREATEPROTECTEDSESSION arg = {
		.hProtectedSession = object,
		.pPrivateDriverData = (void *)(uintptr_t)data,
		.PrivateDriverDataSize = size,
	};
	NTSTATUS status = kmd_driver.DxgkDdiCreateProtectedSession(kf->adapter, &arg);

	if (status != STATUS_SUCCESS) {
		assert_ptr_equal(arg.hProtectedSession, object);
		object->type = 0;
		return status;
	}
	object->driver = arg.hProtectedSession;
	*ret = handle;
	return status;
}

D3DKMT_HANDLE kf_session(struct kf *kf, int device)
{
	const struct drv_session info = { .magic = DRV_MAGIC, .crypto_type = D3DCRYPTOTYPE_AES128_CTR };
	D3DKMT_HANDLE handle = 0;

	assert_int_equal(kf_session_raw(kf, device, &info, sizeof(info), &handle), STATUS_SUCCESS);
	return handle;
}

void kf_session_destroy(struct kf *kf, D3DKMT_HANDLE session)
{
	struct kf_object *object = kf_object(kf, session);
	HANDLE driver = object->driver;

	object->driver = NULL;
	assert_int_equal(kmd_driver.DxgkDdiDestroyProtectedSession(kf->adapter, driver), STATUS_SUCCESS);
	object->type = 0;
}

struct kmd_session *kf_session_inside(struct kf *kf, D3DKMT_HANDLE session)
{
	return kf_object(kf, session)->driver;
}

/* ---- allocations ---------------------------------------------------------------------------------- */

struct drv_allocation kf_info(uint32_t pool, uint32_t flags, uint32_t format, uint32_t width, uint32_t height)
{
	return (struct drv_allocation) {
		.magic = DRV_MAGIC,
		.format = format,
		.pool = pool,
		.flags = flags,
		.width = width,
		.height = height,
		.rotation = D3DDDI_ROTATION_IDENTITY,
		.refresh_numerator = 60,
		.refresh_denominator = 1,
	};
}

NTSTATUS kf_open(struct kf *kf, int device, D3DKMT_HANDLE allocation)
{
	DXGK_OPENALLOCATIONINFO info = { .hAllocation = allocation };
	DXGKARG_OPENALLOCATION arg = { .NumAllocations = 1, .pOpenAllocation = &info };
	NTSTATUS status;

	kf->calling = device;
	status = kmd_driver.DxgkDdiOpenAllocation(kf->devices[device], &arg);
	kf->calling = -1;
	if (status == STATUS_SUCCESS)
		kf_object(kf, allocation)->opened[device] = info.hDeviceSpecificAllocation;
	return status;
}

NTSTATUS kf_allocate(struct kf *kf, int device, const struct drv_allocation *infos, UINT count, D3DKMT_HANDLE *ret)
{
	DXGK_ALLOCATIONINFO list[8] = { 0 };
	DXGKARG_CREATEALLOCATION arg = { .NumAllocations = count, .pAllocationInfo = list };
	NTSTATUS status;

	assert_true(count <= 8);
	for (UINT i = 0; i < count; i++) {
		list[i].pPrivateDriverData = (void *)(uintptr_t)&infos[i];
		list[i].PrivateDriverDataSize = sizeof(infos[i]);
	}
	status = kmd_driver.DxgkDdiCreateAllocation(kf->adapter, &arg);
	if (status != STATUS_SUCCESS) {
		for (UINT i = 0; i < count; i++)
			assert_null(list[i].hAllocation);
		return status;
	}
	for (UINT i = 0; i < count; i++) {
		struct kf_object *object;

		ret[i] = new_object(kf, DXGK_HANDLE_ALLOCATION, device);
		object = kf_object(kf, ret[i]);
		object->driver = list[i].hAllocation;
		object->size = list[i].Size;
		object->cpu_visible = list[i].Flags.CpuVisible;
		if (object->cpu_visible) {
			/* Exactly as many bytes as were asked for: the sanitizer watches the end. */
			object->memory = calloc(1, object->size);
			assert_non_null(object->memory);
			assert_int_equal(
				kmd_driver.MapSystemMemory(kf->adapter, object->driver, object->memory, object->size),
				STATUS_SUCCESS);
		}
		assert_int_equal(kf_open(kf, device, ret[i]), STATUS_SUCCESS);
	}
	return status;
}

D3DKMT_HANDLE kf_surface(struct kf *kf, int device, uint32_t pool, uint32_t flags, uint32_t width, uint32_t height)
{
	const struct drv_allocation info = kf_info(pool, flags, D3DDDIFMT_A8R8G8B8, width, height);
	D3DKMT_HANDLE handle = 0;

	assert_int_equal(kf_allocate(kf, device, &info, 1, &handle), STATUS_SUCCESS);
	return handle;
}

D3DKMT_HANDLE kf_protected(struct kf *kf, int device, uint32_t width, uint32_t height)
{
	const D3DDDI_RESOURCEFLAGS flags = { .RestrictedContent = 1 };

	return kf_surface(kf, device, D3DDDIPOOL_VIDEOMEMORY, flags.Value, width, height);
}

D3DKMT_HANDLE kf_system(struct kf *kf, int device, uint32_t width, uint32_t height)
{
	return kf_surface(kf, device, D3DDDIPOOL_SYSTEMMEM, 0, width, height);
}

void kf_free(struct kf *kf, D3DKMT_HANDLE allocation)
{
	struct kf_object *object = kf_object(kf, allocation);
	DXGKARG_DESTROYALLOCATION arg = { .NumAllocations = 1, .pAllocationList = &object->driver };

	for (int i = 0; i < KF_DEVICES; i++) {
		DXGKARG_CLOSEALLOCATION close = { .NumAllocations = 1, .pOpenHandleList = &object->opened[i] };

		if (object->opened[i])
			kmd_driver.DxgkDdiCloseAllocation(kf->devices[i], &close);
	}
	assert_int_equal(kmd_driver.DxgkDdiDestroyAllocation(kf->adapter, &arg), STATUS_SUCCESS);
	free(object->memory);
	object->type = 0;
}

uint8_t *kf_bytes(struct kf *kf, D3DKMT_HANDLE allocation)
{
	return kf_object(kf, allocation)->memory;
}

const uint8_t *kf_inside(struct kf *kf, D3DKMT_HANDLE allocation)
{
	return ((struct kmd_allocation *)kf_object(kf, allocation)->driver)->memory;
}

NTSTATUS kf_present(struct kf *kf, int device, D3DKMT_HANDLE allocation, bool is_flip)
{
	DXGKARG_DESCRIBEALLOCATION info = { .hAllocation = kf_object(kf, allocation)->driver };
	struct dxgk_picture picture = { .count = 1, .duration = 1, .is_flip = is_flip };
	NTSTATUS status;

	assert_int_equal(kmd_driver.DxgkDdiDescribeAllocation(kf->adapter, &info), STATUS_SUCCESS);
	picture.width = info.Width;
	picture.height = info.Height;
	picture.format = info.Format;
	picture.source = picture.destination = (RECT) { 0, 0, (LONG)info.Width, (LONG)info.Height };
	kf->calling = device;
	status = kmd_driver.Present(kf->devices[device], kf_object(kf, allocation)->opened[device], &picture);
	kf->calling = -1;
	return status;
}

/* ---- escapes -------------------------------------------------------------------------------------- */

NTSTATUS kf_escape(struct kf *kf, int device, void *data, UINT size)
{
	DXGKARG_ESCAPE arg = {
		.hDevice = kf->devices[device],
		.pPrivateDriverData = data,
		.PrivateDriverDataSize = size,
	};
	NTSTATUS status;

	kf->calling = device;
	status = kmd_driver.DxgkDdiEscape(kf->adapter, &arg);
	kf->calling = -1;
	return status;
}

static struct drv_escape header(uint32_t command, D3DKMT_HANDLE session)
{
	return (struct drv_escape) { .magic = DRV_MAGIC, .command = command, .result = 0x5a5a, .session = session };
}

HRESULT kf_exchange_blob(struct kf *kf, int device, D3DKMT_HANDLE session, const uint8_t blob[256])
{
	struct drv_escape_key_exchange escape = { .header = header(DRV_COMMAND_KEY_EXCHANGE, session) };

	memcpy(escape.blob, blob, sizeof(escape.blob));
	assert_int_equal(kf_escape(kf, device, &escape, sizeof(escape)), STATUS_SUCCESS);
	assert_memory_equal(escape.blob, blob, sizeof(escape.blob)); /* CS-35 */
	return escape.header.result;
}

HRESULT kf_exchange(struct kf *kf, int device, D3DKMT_HANDLE session, const uint8_t key[16])
{
	uint8_t blob[256];

	kf_blob(GPU_LEAF_SESSION, "SHA512", "", key, 16, blob);
	return kf_exchange_blob(kf, device, session, blob);
}

/* The 16 bytes go out on success only. */
static HRESULT key_escape(struct kf *kf, int device, uint32_t command, D3DKMT_HANDLE session, uint8_t ret[16])
{
	struct drv_escape_key escape = { .header = header(command, session) };
	uint8_t before[16];

	memset(escape.value, 0xee, sizeof(escape.value));
	memcpy(before, escape.value, sizeof(before));
	assert_int_equal(kf_escape(kf, device, &escape, sizeof(escape)), STATUS_SUCCESS);
	if (escape.header.result != S_OK || command == DRV_COMMAND_FINISH_REFRESH)
		assert_memory_equal(escape.value, before, sizeof(before));
	else if (ret)
		memcpy(ret, escape.value, sizeof(escape.value));
	return escape.header.result;
}

HRESULT kf_start_refresh(struct kf *kf, int device, D3DKMT_HANDLE session, uint8_t ret[16])
{
	return key_escape(kf, device, DRV_COMMAND_START_REFRESH, session, ret);
}

HRESULT kf_finish_refresh(struct kf *kf, int device, D3DKMT_HANDLE session)
{
	return key_escape(kf, device, DRV_COMMAND_FINISH_REFRESH, session, NULL);
}

HRESULT kf_readback_key(struct kf *kf, int device, D3DKMT_HANDLE session, uint8_t ret[16])
{
	return key_escape(kf, device, DRV_COMMAND_GET_READBACK_KEY, session, ret);
}

HRESULT kf_pitch(struct kf *kf, int device, D3DKMT_HANDLE session, D3DKMT_HANDLE allocation, uint32_t *ret)
{
	struct drv_escape_pitch escape = {
		.header = header(DRV_COMMAND_GET_PITCH, session),
		.allocation = allocation,
		.pitch = 0xeeeeeeee,
	};

	assert_int_equal(kf_escape(kf, device, &escape, sizeof(escape)), STATUS_SUCCESS);
	if (escape.header.result == S_OK)
		*ret = escape.pitch;
	else
		assert_int_equal(escape.pitch, 0xeeeeeeee); /* BLT-90 */
	return escape.header.result;
}

struct drv_escape_blt kf_blt(struct kf *kf, D3DKMT_HANDLE session, uint32_t command, D3DKMT_HANDLE source,
			     D3DKMT_HANDLE destination)
{
	struct kf_object *object = kf_object(kf, command == DRV_COMMAND_ENCRYPTION_BLT ? source : destination);

	return (struct drv_escape_blt) {
		.header = header(command, session),
		.source = source,
		.destination = destination,
		.size = object ? (uint32_t)object->size : 64,
	};
}

void kf_iv(uint8_t ret[16], uint64_t iv, uint64_t count)
{
	for (int i = 7; i >= 0; i--, iv >>= 8, count >>= 8) {
		ret[i] = (uint8_t)iv;
		ret[8 + i] = (uint8_t)count;
	}
}

uint64_t kf_iv_number(const uint8_t iv[16])
{
	uint64_t value = 0;

	for (int i = 0; i < 8; i++)
		value = value << 8 | iv[i];
	return value;
}

HRESULT kf_run(struct kf *kf, int device, struct drv_escape_blt *blt)
{
	const struct drv_escape_blt before = *blt;

	assert_int_equal(kf_escape(kf, device, blt, sizeof(*blt)), STATUS_SUCCESS);
	/* Inputs stay (BLT-50); the vector of EncryptionBlt is written on success only (BLT-20). */
	assert_memory_equal(&blt->source, &before.source, offsetof(struct drv_escape_blt, iv) - 16);
	if (blt->header.result != S_OK || blt->header.command != DRV_COMMAND_ENCRYPTION_BLT)
		assert_memory_equal(blt->iv, before.iv, sizeof(before.iv));
	return blt->header.result;
}

HANDLE kf_worker(struct kf *kf)
{
	int i = 0;

	while (kf->workers[i])
		assert_true(++i < KF_WORKERS);
	assert_int_equal(kmd_driver.CreateWorker(kf->adapter, &kf->workers[i]), STATUS_SUCCESS);
	return kf->workers[i];
}

static DXGKARG_ESCAPE ring_escape(struct drv_escape_blt *blt)
{
	DXGKARG_ESCAPE arg = { .pPrivateDriverData = blt, .PrivateDriverDataSize = sizeof(*blt) };

	arg.Flags.NoAdapterSynchronization = 1;
	return arg;
}

NTSTATUS kf_begin(struct kf *kf, HANDLE worker, int device, struct drv_escape_blt *blt, uint64_t *ret_size)
{
	DXGKARG_ESCAPE arg = ring_escape(blt);
	int calling = kf->calling;
	NTSTATUS status;

	arg.hDevice = kf->devices[device];
	kf->calling = device;
	status = kmd_driver.BeginTransfer(kf->adapter, worker, &arg, ret_size);
	kf->calling = calling;
	return status;
}

void kf_finish(HANDLE worker, struct drv_escape_blt *blt)
{
	DXGKARG_ESCAPE arg = ring_escape(blt);

	kmd_driver.FinishTransfer(worker, &arg);
}

static void add_object(struct kf_objects *objects, const void *data, size_t size)
{
	assert_true(size <= sizeof(objects->bytes) - objects->size);
	memcpy(objects->bytes + objects->size, data, size);
	objects->size += size;
}

void kf_objects(struct kf *kf, struct kf_objects *ret)
{
	const struct kmd_adapter *adapter = kf->adapter;
	const struct list *link;

	ret->size = 0;
	add_object(ret, adapter, sizeof(*adapter));
	for (link = adapter->sessions.next; link != &adapter->sessions; link = link->next) {
		const struct kmd_session *session = LIST_ENTRY(link, struct kmd_session, link);

		add_object(ret, session, sizeof(*session));
		if (session->secrets)
			add_object(ret, session->secrets, sizeof(*session->secrets));
	}
	for (link = adapter->allocations.next; link != &adapter->allocations; link = link->next)
		add_object(ret, LIST_ENTRY(link, struct kmd_allocation, link), sizeof(struct kmd_allocation));
	for (int i = 0; i < KF_DEVICES; i++)
		if (kf->devices[i])
			add_object(ret, kf->devices[i], sizeof(struct kmd_device));
}

void kf_assert_objects(struct kf *kf, const struct kf_objects *before)
{
	static struct kf_objects now;

	kf_objects(kf, &now);
	assert_int_equal(now.size, before->size);
	assert_memory_equal(now.bytes, before->bytes, now.size);
}

HRESULT kf_decrypt(struct kf *kf, int device, D3DKMT_HANDLE session, D3DKMT_HANDLE source, D3DKMT_HANDLE destination,
		   uint64_t iv)
{
	struct drv_escape_blt blt = kf_blt(kf, session, DRV_COMMAND_DECRYPTION_BLT, source, destination);

	kf_iv(blt.iv, iv, 0);
	return kf_run(kf, device, &blt);
}

HRESULT kf_decrypt_content(struct kf *kf, int device, D3DKMT_HANDLE session, D3DKMT_HANDLE source,
			   D3DKMT_HANDLE destination, uint64_t iv, const uint8_t wrapped[16])
{
	struct drv_escape_blt blt = kf_blt(kf, session, DRV_COMMAND_DECRYPTION_BLT, source, destination);

	kf_iv(blt.iv, iv, 0);
	blt.flags = DRV_BLT_HAS_CONTENT_KEY;
	memcpy(blt.content_key, wrapped, 16);
	return kf_run(kf, device, &blt);
}

HRESULT kf_encrypt(struct kf *kf, int device, D3DKMT_HANDLE session, D3DKMT_HANDLE source, D3DKMT_HANDLE destination,
		   uint8_t ret_iv[16])
{
	struct drv_escape_blt blt = kf_blt(kf, session, DRV_COMMAND_ENCRYPTION_BLT, source, destination);
	HRESULT hr;

	memset(blt.iv, 0xee, sizeof(blt.iv));
	hr = kf_run(kf, device, &blt);
	if (hr == S_OK && ret_iv)
		memcpy(ret_iv, blt.iv, sizeof(blt.iv));
	return hr;
}

/* ---- what an application does with libcrypto ------------------------------------------------------ */

/* For a leaf's public key; encrypt_with gives it back. */
static EVP_PKEY_CTX *encryption_to(enum gpu_leaf leaf, int padding)
{
	const uint8_t *chain;
	size_t chain_size;
	X509 *certificate;
	EVP_PKEY_CTX *context;

	assert_int_equal(gpu_identity_chain(kf_identity(), leaf, &chain, &chain_size), 0);
	certificate = d2i_X509(NULL, &chain, (long)chain_size);
	assert_non_null(certificate);
	context = EVP_PKEY_CTX_new(X509_get0_pubkey(certificate), NULL);
	X509_free(certificate);
	assert_int_equal(EVP_PKEY_encrypt_init(context), 1);
	assert_true(EVP_PKEY_CTX_set_rsa_padding(context, padding) > 0);
	return context;
}

static void encrypt_with(EVP_PKEY_CTX *context, const void *in, size_t size, uint8_t ret[256])
{
	size_t out = 256;

	assert_int_equal(EVP_PKEY_encrypt(context, ret, &out, in, size), 1);
	assert_int_equal(out, 256);
	EVP_PKEY_CTX_free(context);
}

void kf_blob(enum gpu_leaf leaf, const char *digest, const char *label, const void *payload, size_t size,
	     uint8_t ret[256])
{
	EVP_PKEY_CTX *context = encryption_to(leaf, RSA_PKCS1_OAEP_PADDING);

	assert_true(EVP_PKEY_CTX_set_rsa_oaep_md_name(context, digest, NULL) > 0);
	assert_true(EVP_PKEY_CTX_set_rsa_mgf1_md_name(context, digest, NULL) > 0);
	if (label[0])
		assert_true(EVP_PKEY_CTX_set0_rsa_oaep_label(context, OPENSSL_strdup(label), (int)strlen(label)) > 0);
	encrypt_with(context, payload, size, ret);
}

void kf_raise(enum gpu_leaf leaf, const uint8_t message[256], uint8_t ret[256])
{
	encrypt_with(encryption_to(leaf, RSA_NO_PADDING), message, 256, ret);
}

void kf_aes(const uint8_t key[16], int encrypt, const uint8_t in[16], uint8_t out[16])
{
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	int size;

	assert_int_equal(EVP_CipherInit_ex(context, EVP_aes_128_ecb(), NULL, key, NULL, encrypt), 1);
	EVP_CIPHER_CTX_set_padding(context, 0);
	assert_int_equal(EVP_CipherUpdate(context, out, &size, in, 16), 1);
	EVP_CIPHER_CTX_free(context);
}

void kf_ctr(const uint8_t key[16], const uint8_t iv[16], const void *in, void *out, size_t size)
{
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	int done;

	assert_int_equal(EVP_EncryptInit_ex(context, EVP_aes_128_ctr(), NULL, key, iv), 1);
	assert_int_equal(EVP_EncryptUpdate(context, out, &done, in, (int)size), 1);
	EVP_CIPHER_CTX_free(context);
}

void kf_hex(const char *hex, uint8_t *ret, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		unsigned int byte;

		while (*hex == ' ')
			hex++;
		assert_int_equal(sscanf(hex, "%2x", &byte), 1);
		ret[i] = (uint8_t)byte;
		hex += 2;
	}
}
