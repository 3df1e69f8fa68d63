/* SPDX-License-Identifier: MIT */
/* A graphics kernel in this process, with a driver that records or the real one, and processes that are connections. */
#include "kernel_fixture.h"

#include "kernel_fixture_wire.h"
#include "kmt/service.h"
#include "process_fixture.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- the kernel ------------------------------------------------------------------------------------ */

static struct gpu_identity *identity;

struct gpu_identity *ik_identity(void)
{
	struct gpu_bytes key, certificate;

	if (identity)
		return identity;
	assert_int_equal(gpu_memory_start(GPU_MEMORY_PLAIN, GPU_MEMORY_SECRET), 0);
	assert_int_equal(gpu_root_create(&key, &certificate), 0);
	assert_int_equal(gpu_identity_start(&key, &certificate, &identity), 0);
	gpu_secret_free(key.data);
	gpu_secret_free(certificate.data);
	/* Keys that lie ready are read by the identity's thread: a file less must not look like a descriptor lost. */
	if (getenv("DXVAULT_TEST_KEYS")) {
		assert_int_equal(gpu_identity_wait(identity, GPU_LEAF_SESSION), 0);
		assert_int_equal(gpu_identity_wait(identity, GPU_LEAF_CHANNEL), 0);
	}
	return identity;
}

int ik_setup(void **state)
{
	*state = ik_start(NULL);
	return 0;
}

int ik_teardown(void **state)
{
	ik_stop(*state);
	return 0;
}

int ik_group_teardown(void **state)
{
	(void)state;
	gpu_identity_stop(identity);
	identity = NULL;
	ik_recorder_clear();
	return 0;
}

static NTSTATUS show_picture(void *context, const struct dxgk_picture *picture)
{
	struct ik *ik = context;
	size_t rows = picture->format == (D3DDDIFORMAT)D3DDDIFMT_NV12 ? (picture->height + 1) / 2 * 3 : picture->height;

	ik->screen.shown++;
	ik->screen.picture = *picture;
	free(ik->screen.bytes);
	ik->screen.size = picture->pitch * rows;
	ik->screen.bytes = malloc(ik->screen.size);
	memcpy(ik->screen.bytes, picture->memory, ik->screen.size);
	return ik->screen.status;
}

static void root_certificate(void *context, const uint8_t **ret, size_t *ret_size)
{
	(void)context;
	gpu_identity_root(ik_identity(), ret, ret_size);
}

bool ik_over_wire(void)
{
	const char *mode = getenv("DXVAULT_TEST_MODE");

	if (!mode || strcmp(mode, "in-process") == 0)
		return false;
	if (strcmp(mode, "wire") != 0)
		abort();
	return true;
}

static void skip_because(const char *why)
{
	print_message("# skipped: %s\n", why);
	skip();
}

void ik_skip_over_wire(const char *why)
{
	if (ik_over_wire())
		skip_because(why);
}

void ik_skip_in_process(const char *why)
{
	if (!ik_over_wire())
		skip_because(why);
}

void ik_need_users(void)
{
	if (ik_over_wire() && geteuid() != 0)
		skip_because("only root can connect as another user");
}

/* Of the process that came last: one program plays them all. */
static atomic_uint_least64_t births;

static uint64_t current_birth(void)
{
	return births;
}

struct ik *ik_start(const struct ik_options *options)
{
	static const struct ik_options usual;
	struct dxgk_config config = { .driver = &ik_recording_driver };
	struct ik *ik = calloc(1, sizeof(*ik));
	struct dxgk_kernel *kernel;
	struct kmd_config driver;

	assert_non_null(ik);
	if (!options)
		options = &usual;
	ik_recorder_clear();
	config.limits = options->limits;
	/* No limit lets a user have no handle. */
	if (config.limits.handles == 0)
		dxgk_limits_default(&config.limits);
	if (options->real_driver) {
		kmd_config_default(&driver);
		if (options->driver)
			driver = *options->driver;
		driver.protected_memory_size = config.limits.protected_bytes;
		driver.identity = ik_identity();
		if (options->caps)
			driver.caps = options->caps;
		config.driver = &kmd_driver;
		config.driver_context = &driver;
		config.root_certificate = root_certificate;
	}
	ik->descriptors = pf_open_descriptors();
	if (!options->no_screen)
		config.show_picture = show_picture;
	config.context = ik;
	if (ik_over_wire()) {
		config.liveness = &ik->liveness;
		config.workers = 2;
	}
	if (options->workers > 0)
		config.workers = options->workers;
	assert_int_equal(dxgk_kernel_create(&config, &kernel), 0);
	if (ik_over_wire()) {
		ik->wire = ik_wire_start(kernel, &ik->liveness, options->real_births ? NULL : current_birth);
	} else {
		ik->mode = kmt_in_process_create(kernel);
		assert_non_null(ik->mode);
	}
	return ik;
}

void ik_end_service(struct ik *ik)
{
	if (ik->wire)
		ik_wire_stop(ik->wire);
	kmt_in_process_destroy(ik->mode);
	ik->wire = NULL;
	ik->mode = NULL;
}

void ik_stop(struct ik *ik)
{
	struct dxgk_counts counts;

	for (size_t i = 0; i < ik->process_count; i++)
		kmt_connection_destroy(ik->processes[i]);
	kmt_connection_set(NULL);
	if (ik->wire || ik->mode) {
		counts = ik_counts(ik);
		counts.teardowns = 0;
		assert_memory_equal(&counts, &(struct dxgk_counts) { 0 }, sizeof(counts));
	}
	ik_end_service(ik);
	assert_int_equal(ik_recorder.devices, 0);
	assert_int_equal(ik_recorder.allocations, 0);
	assert_int_equal(ik_recorder.opens, 0);
	assert_null(ik_recorder.bad_adapter);
	for (int i = 0; i < ik_recorder.creates; i++)
		assert_true(ik_recorder.sessions[i].destroys <= 1);
	assert_int_equal(pf_open_descriptors(), ik->descriptors);
	free(ik->screen.bytes);
	free(ik);
}

int ik_connect(struct ik *ik, uid_t user)
{
	/* Who is not root plays one user only, whichever is asked for first. */
	if (user == IK_USER && geteuid() != 0)
		user = geteuid();
	return ik_wire_connect(ik->wire, user);
}

static struct kmt_connection *process_connect(struct ik *ik, uid_t user)
{
	struct kmt_connection *process = ik->wire ? kmt_service_connect_over(ik_connect(ik, user))
						  : kmt_in_process_connect_as(ik->mode, user, getpid(), births);

	if (!process)
		return NULL;
	assert_true(ik->process_count < sizeof(ik->processes) / sizeof(ik->processes[0]));
	ik->processes[ik->process_count++] = process;
	kmt_connection_set(process);
	return process;
}

struct kmt_connection *ik_process_of(struct ik *ik, uid_t user)
{
	births++;
	return process_connect(ik, user);
}

struct kmt_connection *ik_process_again(struct ik *ik)
{
	struct kmt_connection *process = process_connect(ik, IK_USER);

	assert_non_null(process);
	return process;
}

struct kmt_connection *ik_process(struct ik *ik)
{
	struct kmt_connection *process = ik_process_of(ik, IK_USER);

	assert_non_null(process);
	return process;
}

void ik_kill(struct ik *ik, struct kmt_connection *process)
{
	for (size_t i = 0; i < ik->process_count; i++) {
		if (ik->processes[i] != process)
			continue;
		ik->processes[i] = ik->processes[--ik->process_count];
		kmt_connection_destroy(process);
		ik_settle(ik);
		return;
	}
	fail_msg("no such process");
}

struct dxgk_kernel *ik_acquire(struct ik *ik)
{
	return ik->wire ? ik_wire_acquire(ik->wire) : kmt_in_process_acquire(ik->mode);
}

void ik_release(struct ik *ik)
{
	if (ik->wire)
		ik_wire_release(ik->wire);
	else
		kmt_in_process_release(ik->mode);
}

void ik_settle(struct ik *ik)
{
	if (ik->wire)
		ik_wire_settle(ik->wire);
}

struct dxgk_counts ik_counts(struct ik *ik)
{
	struct dxgk_kernel *kernel;
	struct dxgk_counts counts = { 0 };

	ik_settle(ik);
	kernel = ik_acquire(ik);
	/* The service sees by itself that an NT handle is gone. */
	if (!ik->wire)
		dxgk_collect(kernel);
	dxgk_counts(kernel, &counts);
	ik_release(ik);
	return counts;
}

void ik_assert_empty(struct ik *ik)
{
	struct dxgk_counts counts = ik_counts(ik);

	counts.processes = 0;
	counts.teardowns = 0;
	assert_memory_equal(&counts, &(struct dxgk_counts) { 0 }, sizeof(counts));
}

void ik_lose_keys(struct ik *ik)
{
	dxgk_lose_keys(ik_acquire(ik));
	ik_release(ik);
}

/* ---- entries ---------------------------------------------------------------------------------------- */

struct kmt_connection *ik_child_connect(struct ik *ik, int socket)
{
	return ik->wire ? kmt_service_connect_over(socket) : kmt_in_process_connect(ik->mode, IK_USER, getpid());
}

bool ik_caller_init(struct ik_caller *ret)
{
	D3DKMT_ADAPTERINFO info = { 0 };
	D3DKMT_ENUMADAPTERS2 list = { .NumAdapters = 1, .pAdapters = &info };
	D3DKMT_CREATEDEVICE device = { 0 };
	D3DKMT_CREATESYNCHRONIZATIONOBJECT2 fence = { .Info = { .Type = D3DDDI_MONITORED_FENCE } };
	D3DKMT_CREATEPROTECTEDSESSION session = { .pPrivateDriverData = "data", .PrivateDriverDataSize = 5 };

	fence.Info.Flags.Shared = 1;
	fence.Info.Flags.NtSecuritySharing = 1;
	if (D3DKMTEnumAdapters2(&list) != STATUS_SUCCESS || list.NumAdapters != 1)
		return false;
	device.hAdapter = ret->adapter = info.hAdapter;
	if (D3DKMTCreateDevice(&device) != STATUS_SUCCESS)
		return false;
	ret->device = fence.hDevice = session.hDevice = device.hDevice;
	if (D3DKMTCreateSynchronizationObject2(&fence) != STATUS_SUCCESS)
		return false;
	ret->fence = session.hSyncObject = fence.hSyncObject;
	if (D3DKMTCreateProtectedSession(&session) != STATUS_SUCCESS)
		return false;
	ret->session = session.hHandle;
	return D3DKMTShareObjects(1, &ret->session, NULL, GENERIC_ALL, &ret->nt_handle) == STATUS_SUCCESS;
}

UINT64 ik_token(void)
{
	UINT64 token = 0;

	assert_int_equal(DxvaultGetProcessToken(&token), STATUS_SUCCESS);
	assert_true(token != 0);
	return token;
}

D3DKMT_HANDLE ik_adapter(void)
{
	D3DKMT_ADAPTERINFO info[2] = { 0 };
	D3DKMT_ENUMADAPTERS2 list = { .NumAdapters = 2, .pAdapters = info };

	assert_int_equal(D3DKMTEnumAdapters2(&list), STATUS_SUCCESS);
	assert_int_equal(list.NumAdapters, 1);
	return info[0].hAdapter;
}

D3DKMT_HANDLE ik_device(void)
{
	D3DKMT_CREATEDEVICE arg = { .hAdapter = ik_adapter() };

	assert_int_equal(D3DKMTCreateDevice(&arg), STATUS_SUCCESS);
	return arg.hDevice;
}

D3DKMT_HANDLE ik_fence_with(D3DKMT_HANDLE device, uint64_t value, bool shared, const volatile uint64_t **ret_value)
{
	D3DKMT_CREATESYNCHRONIZATIONOBJECT2 arg = { .hDevice = device, .Info = { .Type = D3DDDI_MONITORED_FENCE } };

	arg.Info.Flags.Shared = shared;
	arg.Info.Flags.NtSecuritySharing = shared;
	arg.Info.MonitoredFence.InitialFenceValue = value;
	assert_int_equal(D3DKMTCreateSynchronizationObject2(&arg), STATUS_SUCCESS);
	if (ret_value)
		*ret_value = arg.Info.MonitoredFence.FenceValueCPUVirtualAddress;
	return arg.hSyncObject;
}

D3DKMT_HANDLE ik_fence(D3DKMT_HANDLE device)
{
	return ik_fence_with(device, 0, /* shared= */ true, NULL);
}

NTSTATUS ik_create_session(D3DKMT_HANDLE device, D3DKMT_HANDLE fence, const void *driver, UINT driver_size,
			   const void *runtime, UINT runtime_size, D3DKMT_HANDLE *ret)
{
	D3DKMT_CREATEPROTECTEDSESSION arg = {
		.hDevice = device,
		.hSyncObject = fence,
		.pPrivateDriverData = driver,
		.PrivateDriverDataSize = driver_size,
		.pPrivateRuntimeData = runtime,
		.PrivateRuntimeDataSize = runtime_size,
		.hHandle = 0xdeadbeef,
	};
	NTSTATUS status = D3DKMTCreateProtectedSession(&arg);

	if (status == STATUS_SUCCESS && ret)
		*ret = arg.hHandle;
	else if (status != STATUS_SUCCESS)
		assert_int_equal(arg.hHandle, 0xdeadbeef); /* KMT-05 */
	return status;
}

D3DKMT_HANDLE ik_session(D3DKMT_HANDLE device, D3DKMT_HANDLE fence)
{
	D3DKMT_HANDLE session = 0;

	assert_int_equal(ik_create_session(device, fence, NULL, 0, NULL, 0, &session), STATUS_SUCCESS);
	return session;
}

NTSTATUS ik_destroy_session(D3DKMT_HANDLE session)
{
	return D3DKMTDestroyProtectedSession(&(D3DKMT_DESTROYPROTECTEDSESSION) { .hHandle = session });
}

NTSTATUS ik_query_status(D3DKMT_HANDLE session, D3DKMT_PROTECTED_SESSION_STATUS *ret)
{
	D3DKMT_QUERYPROTECTEDSESSIONSTATUS arg = { .hHandle = session, .Status = (D3DKMT_PROTECTED_SESSION_STATUS)77 };
	NTSTATUS status = D3DKMTQueryProtectedSessionStatus(&arg);

	if (status == STATUS_SUCCESS)
		*ret = arg.Status;
	else
		assert_int_equal(arg.Status, 77); /* KMT-05 */
	return status;
}

NTSTATUS ik_share_with(D3DKMT_HANDLE object, DWORD access, int *ret)
{
	HANDLE handle = (HANDLE)(intptr_t)-77;
	NTSTATUS status = D3DKMTShareObjects(1, &object, NULL, access, &handle);

	if (status == STATUS_SUCCESS)
		*ret = (int)(intptr_t)handle;
	else
		assert_int_equal((intptr_t)handle, -77); /* KMT-05 */
	return status;
}

int ik_share(D3DKMT_HANDLE object)
{
	int nt_handle = -1;

	assert_int_equal(ik_share_with(object, GENERIC_ALL, &nt_handle), STATUS_SUCCESS);
	return nt_handle;
}

NTSTATUS ik_try_open_session(int nt_handle, D3DKMT_HANDLE *ret)
{
	D3DKMT_OPENPROTECTEDSESSIONFROMNTHANDLE arg = { .hNtHandle = IK_HANDLE(nt_handle), .hHandle = 0xdeadbeef };
	NTSTATUS status = D3DKMTOpenProtectedSessionFromNtHandle(&arg);

	if (status == STATUS_SUCCESS && ret)
		*ret = arg.hHandle;
	else if (status != STATUS_SUCCESS)
		assert_int_equal(arg.hHandle, 0xdeadbeef);
	return status;
}

D3DKMT_HANDLE ik_open_session(int nt_handle)
{
	D3DKMT_HANDLE session = 0;

	assert_int_equal(ik_try_open_session(nt_handle, &session), STATUS_SUCCESS);
	return session;
}

NTSTATUS ik_open_fence(D3DKMT_HANDLE device, int nt_handle, D3DKMT_HANDLE *ret, const volatile uint64_t **ret_value)
{
	D3DKMT_OPENSYNCOBJECTFROMNTHANDLE2 arg = { .hDevice = device, .hNtHandle = IK_HANDLE(nt_handle) };
	NTSTATUS status = D3DKMTOpenSyncObjectFromNtHandle2(&arg);

	if (status != STATUS_SUCCESS) {
		assert_int_equal(arg.hSyncObject, 0);
		return status;
	}
	*ret = arg.hSyncObject;
	if (ret_value)
		*ret_value = arg.MonitoredFence.FenceValueCPUVirtualAddress;
	return status;
}

NTSTATUS ik_signal(D3DKMT_HANDLE device, D3DKMT_HANDLE fence, UINT64 value)
{
	const D3DKMT_SIGNALSYNCHRONIZATIONOBJECTFROMCPU arg = {
		.hDevice = device,
		.ObjectCount = 1,
		.ObjectHandleArray = &fence,
		.FenceValueArray = &value,
	};

	return D3DKMTSignalSynchronizationObjectFromCpu(&arg);
}

NTSTATUS ik_wait(D3DKMT_HANDLE device, D3DKMT_HANDLE fence, UINT64 value)
{
	const D3DKMT_WAITFORSYNCHRONIZATIONOBJECTFROMCPU arg = {
		.hDevice = device,
		.ObjectCount = 1,
		.ObjectHandleArray = &fence,
		.FenceValueArray = &value,
	};

	return D3DKMTWaitForSynchronizationObjectFromCpu(&arg);
}

NTSTATUS ik_destroy_fence(D3DKMT_HANDLE fence)
{
	return D3DKMTDestroySynchronizationObject(&(D3DKMT_DESTROYSYNCHRONIZATIONOBJECT) { .hSyncObject = fence });
}

NTSTATUS ik_destroy_device(D3DKMT_HANDLE device)
{
	return D3DKMTDestroyDevice(&(D3DKMT_DESTROYDEVICE) { .hDevice = device });
}
