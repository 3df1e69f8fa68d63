/* SPDX-License-Identifier: MIT */
/* The kernel-mode driver's surfaces, presents and adapter queries. */
#include "kmd_fixture.h"

#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

enum { RESTRICTED = 0x40000000, SHARED = 0x800 };
#define RESTRICT_SHARED 0x80000000u

static const uint32_t formats[] = { D3DDDIFMT_A8R8G8B8, D3DDDIFMT_X8R8G8B8, D3DDDIFMT_YUY2, D3DDDIFMT_UYVY,
				    D3DDDIFMT_NV12 };

/* BLT-85, BLT-91: row bytes and L of each format; the limits of a surface. */
static void test_layout(void **state)
{
	uint32_t pitch;
	uint64_t size;

	(void)state;
	for (uint32_t width = 1; width <= 64; width++) {
		for (uint32_t height = 1; height <= 5; height++) {
			const uint32_t even = (width + 1) & ~1u;
			const uint32_t rows[] = { width * 4, width * 4, even * 2, even * 2, even };

			for (int i = 0; i < 5; i++) {
				uint64_t lines = i == 4 ? ((height + 1) & ~1u) * 3 / 2 : height;

				assert_true(drv_surface_layout(formats[i], width, height, &pitch, &size));
				assert_int_equal(pitch % 16, 0);
				assert_true(pitch >= rows[i] && pitch < rows[i] + 16);
				assert_int_equal(size, pitch * lines);
			}
		}
	}
	assert_true(drv_surface_layout(formats[0], 16384, 16384, &pitch, &size));
	assert_int_equal(size, 1ull << 30);
	pitch = 7;
	size = 7;
	assert_false(drv_surface_layout(formats[0], 0, 1, &pitch, &size));
	assert_false(drv_surface_layout(formats[0], 1, 0, &pitch, &size));
	assert_false(drv_surface_layout(formats[0], 16385, 1, &pitch, &size));
	assert_false(drv_surface_layout(formats[0], 1, 0xffffffff, &pitch, &size));
	assert_false(drv_surface_layout(D3DDDIFMT_R5G6B5, 1, 1, &pitch, &size));
	assert_false(drv_surface_layout(0, 1, 1, &pitch, &size));
	assert_int_equal(pitch, 7);
	assert_int_equal(size, 7);
}

/* BLT-83, BLT-86 to BLT-88, BLT-90: GetPitch in state S1, for every format. */
static void test_get_pitch(void **state)
{
	struct kf *kf = kf_start(NULL);
	int device = kf_device(kf), other = kf_device(kf);
	D3DKMT_HANDLE session = kf_session(kf, device), handle;

	(void)state;
	for (int i = 0; i < 5; i++) {
		const struct drv_allocation info = kf_info(D3DDDIPOOL_VIDEOMEMORY, RESTRICTED, formats[i], 33, 3);
		uint32_t expected, pitch = 0;
		uint64_t size;

		assert_int_equal(kf_allocate(kf, device, &info, 1, &handle), STATUS_SUCCESS);
		drv_surface_layout(formats[i], 33, 3, &expected, &size);
		assert_int_equal(kf_pitch(kf, device, session, handle, &pitch), S_OK);
		assert_int_equal(pitch, expected);
		assert_int_equal(kf_pitch(kf, other, session, handle, &pitch), E_INVALIDARG);
		assert_int_equal(kf_pitch(kf, other, kf_session(kf, other), handle, &pitch), E_INVALIDARG);
		kf_free(kf, handle);
		assert_int_equal(kf_pitch(kf, device, session, handle, &pitch), E_INVALIDARG);
	}
	kf_stop(kf);
}

/* BLT-91 to BLT-93, BLT-101, BLT-111: what may be created, and where its bytes are. */
static void test_create(void **state)
{
	struct kf *kf = kf_start(NULL);
	int device = kf_device(kf);
	struct drv_allocation info;
	D3DKMT_HANDLE handle;

	(void)state;
	for (int i = 0; i < 5; i++) {
		for (uint32_t pool = D3DDDIPOOL_SYSTEMMEM; pool <= D3DDDIPOOL_NONLOCALVIDMEM; pool++) {
			uint32_t pitch;
			uint64_t size;

			drv_surface_layout(formats[i], 20, 7, &pitch, &size);
			info = kf_info(pool, 0, formats[i], 20, 7);
			assert_int_equal(kf_allocate(kf, device, &info, 1, &handle), STATUS_SUCCESS);
			assert_true(kf_object(kf, handle)->cpu_visible);
			assert_int_equal(kf_object(kf, handle)->size, size);

			info.flags = RESTRICTED;
			if (pool == D3DDDIPOOL_SYSTEMMEM) {
				assert_int_equal(kf_allocate(kf, device, &info, 1, &handle), STATUS_INVALID_PARAMETER);
				continue;
			}
			assert_int_equal(kf_allocate(kf, device, &info, 1, &handle), STATUS_SUCCESS);
			assert_false(kf_object(kf, handle)->cpu_visible);
			assert_int_equal(kf_object(kf, handle)->size, size);
			for (uint64_t n = 0; n < size; n++) /* BLT-103 */
				assert_int_equal(kf_inside(kf, handle)[n], 0);
			/* Protected bytes do not move to memory that a client sees. */
			assert_int_equal(kmd_driver.MapSystemMemory(kf->adapter, kf_object(kf, handle)->driver, &info,
								    (SIZE_T)size),
					 STATUS_INVALID_PARAMETER);
		}
	}

	for (int fault = 0; fault < 12; fault++) {
		info = kf_info(D3DDDIPOOL_VIDEOMEMORY, RESTRICTED, D3DDDIFMT_NV12, 16, 16);
		if (fault == 0)
			info.magic++;
		if (fault == 1)
			info.format = D3DDDIFMT_A8;
		if (fault == 2)
			info.pool = 0;
		if (fault == 3)
			info.pool = D3DDDIPOOL_STAGINGMEM;
		if (fault == 4)
			info.pool = 0xffffffff;
		if (fault == 5)
			info.flags |= RESTRICT_SHARED;
		if (fault == 6)
			info.width = 0;
		if (fault == 7)
			info.height = 16385;
		if (fault == 8)
			info.rotation = 5;
		if (fault == 9)
			info.width = 0xffffffff;
		if (fault == 10)
			info.height = 0;
		if (fault == 11)
			info.format = 0xffffffff;
		assert_int_equal(kf_allocate(kf, device, &info, 1, &handle), STATUS_INVALID_PARAMETER);
	}
	info = kf_info(D3DDDIPOOL_VIDEOMEMORY, RESTRICTED | RESTRICT_SHARED | SHARED, D3DDDIFMT_NV12, 16, 16);
	assert_int_equal(kf_allocate(kf, device, &info, 1, &handle), STATUS_SUCCESS);
	kf_stop(kf);
}

/* All or nothing, and private data of any other size. */
static void test_create_many(void **state)
{
	struct kf *kf = kf_start(NULL);
	int device = kf_device(kf);
	struct gpu_memory_report before, after;
	struct drv_allocation infos[3];
	DXGK_ALLOCATIONINFO one = { .pPrivateDriverData = infos, .PrivateDriverDataSize = sizeof(infos[0]) };
	DXGKARG_CREATEALLOCATION arg = { .NumAllocations = 1, .pAllocationInfo = &one };
	D3DKMT_HANDLE handles[3];

	(void)state;
	for (int i = 0; i < 3; i++)
		infos[i] = kf_info(D3DDDIPOOL_VIDEOMEMORY, RESTRICTED, D3DDDIFMT_NV12, 16, 16);
	assert_int_equal(kf_allocate(kf, device, infos, 3, handles), STATUS_SUCCESS);
	infos[2].format = 0;
	gpu_memory_report(&before);
	assert_int_equal(kf_allocate(kf, device, infos, 3, handles), STATUS_INVALID_PARAMETER);
	gpu_memory_report(&after);
	assert_int_equal(before.surface_bytes, after.surface_bytes);

	for (UINT size = 0; size < sizeof(infos[0]) + 8; size++) {
		one.PrivateDriverDataSize = size;
		if (size != sizeof(infos[0]))
			assert_int_equal(kmd_driver.DxgkDdiCreateAllocation(kf->adapter, &arg),
					 STATUS_INVALID_PARAMETER);
	}
	one.PrivateDriverDataSize = sizeof(infos[0]);
	one.pPrivateDriverData = NULL;
	assert_int_equal(kmd_driver.DxgkDdiCreateAllocation(kf->adapter, &arg), STATUS_INVALID_PARAMETER);
	arg.NumAllocations = 0;
	assert_int_equal(kmd_driver.DxgkDdiCreateAllocation(kf->adapter, &arg), STATUS_INVALID_PARAMETER);
	assert_null(one.hAllocation);

	/* Opening what is not there. */
	assert_int_equal(kf_open(kf, device, 999), STATUS_INVALID_PARAMETER);
	kf_stop(kf);
}

/* BLT-102, the driver's part: no single surface beyond the limit. */
static void test_limit(void **state)
{
	struct kmd_config config;
	struct drv_allocation info = kf_info(D3DDDIPOOL_VIDEOMEMORY, RESTRICTED, D3DDDIFMT_A8R8G8B8, 16, 16);
	D3DKMT_HANDLE handle;
	struct kf *kf;
	int device;

	(void)state;
	kf_config(&config);
	config.protected_memory_size = 1024;
	kf = kf_start(&config);
	device = kf_device(kf);
	assert_int_equal(kf_allocate(kf, device, &info, 1, &handle), STATUS_SUCCESS);
	info.height = 17;
	assert_int_equal(kf_allocate(kf, device, &info, 1, &handle), STATUS_NO_MEMORY);
	info.flags = 0;
	assert_int_equal(kf_allocate(kf, device, &info, 1, &handle), STATUS_SUCCESS);
	kf_stop(kf);
}

static void test_describe(void **state)
{
	struct kf *kf = kf_start(NULL);
	int device = kf_device(kf);
	struct drv_allocation info = kf_info(D3DDDIPOOL_VIDEOMEMORY, RESTRICTED, D3DDDIFMT_NV12, 18, 10);
	DXGKARG_DESCRIBEALLOCATION arg = { .MultisampleMethod = { 4, 4 } };
	D3DKMT_HANDLE handle;

	(void)state;
	info.rotation = D3DDDI_ROTATION_90;
	info.refresh_numerator = 24000;
	info.refresh_denominator = 1001;
	info.multisample = 2;
	assert_int_equal(kf_allocate(kf, device, &info, 1, &handle), STATUS_SUCCESS);
	arg.hAllocation = kf_object(kf, handle)->driver;
	assert_int_equal(kmd_driver.DxgkDdiDescribeAllocation(kf->adapter, &arg), STATUS_SUCCESS);
	assert_int_equal(arg.Width, 18);
	assert_int_equal(arg.Height, 10);
	assert_int_equal(arg.Format, D3DDDIFMT_NV12);
	assert_int_equal(arg.Rotation, D3DDDI_ROTATION_90);
	assert_int_equal(arg.RefreshRate.Numerator, 24000);
	assert_int_equal(arg.RefreshRate.Denominator, 1001);
	assert_int_equal(arg.MultisampleMethod.NumSamples, 0);
	assert_int_equal(arg.MultisampleMethod.NumQualityLevels, 0);
	kf_stop(kf);
}

static NTSTATUS present(struct kf *kf, int device, D3DKMT_HANDLE handle, RECT source)
{
	struct dxgk_picture picture = { .width = 16, .height = 8, .source = source, .count = 3 };
	NTSTATUS status;

	kf->calling = device;
	status = kmd_driver.Present(kf->devices[device], kf_object(kf, handle)->opened[device], &picture);
	kf->calling = -1;
	if (status == STATUS_INVALID_PARAMETER)
		assert_null(picture.memory);
	return status;
}

static void test_present(void **state)
{
	struct kf *kf = kf_start(NULL);
	int device = kf_device(kf);
	D3DKMT_HANDLE shown = kf_protected(kf, device, 16, 8), system = kf_system(kf, device, 16, 8);
	D3DKMT_HANDLE video = kf_surface(kf, device, D3DDDIPOOL_LOCALVIDMEM, 0, 16, 8);
	const RECT bad[] = { { 0, 0, 17, 8 }, { 0, 0, 16, 9 }, { -1, 0, 16, 8 }, { 0, -1, 16, 8 },
			     { 5, 0, 5, 8 },  { 6, 0, 5, 8 },  { 0, 8, 16, 8 },	 { INT32_MIN, 0, INT32_MAX, 8 },
			     { 0, 0, 0, 0 },  { 16, 8, 17, 9 } };
	const RECT whole = { 0, 0, 16, 8 }, part = { 15, 7, 16, 8 };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(present(kf, device, shown, bad[i]), STATUS_INVALID_PARAMETER);
	assert_int_equal(present(kf, device, system, whole), STATUS_INVALID_PARAMETER);
	assert_int_equal(kf->shown, 0);
	assert_int_equal(present(kf, device, shown, whole), STATUS_SUCCESS);
	assert_ptr_equal(kf->picture.memory, kf_inside(kf, shown));
	assert_int_equal(kf->picture.pitch, 64);
	assert_int_equal(kf->picture.count, 3);
	assert_int_equal(present(kf, device, video, part), STATUS_SUCCESS);
	assert_ptr_equal(kf->picture.memory, kf_bytes(kf, video));
	assert_int_equal(kf->shown, 2);
	kf->show_status = STATUS_DEVICE_REMOVED;
	assert_int_equal(present(kf, device, shown, whole), STATUS_DEVICE_REMOVED);

	/* No monitor: nothing leaves, but what is wrong is wrong. */
	kf->kernel.ShowPicture = NULL;
	assert_int_equal(present(kf, device, shown, whole), STATUS_SUCCESS);
	assert_int_equal(present(kf, device, shown, bad[0]), STATUS_INVALID_PARAMETER);
	assert_int_equal(kf->shown, 3);
	kf_stop(kf);
}

static NTSTATUS query(struct kf *kf, uint32_t type, uint32_t leaf, void *out, UINT size)
{
	struct drv_query input = { .magic = DRV_MAGIC, .type = type, .leaf = leaf };
	DXGKARG_QUERYADAPTERINFO arg = {
		.Type = DXGKQAITYPE_UMDRIVERPRIVATE,
		.pInputData = &input,
		.InputDataSize = sizeof(input),
		.pOutputData = out,
		.OutputDataSize = size,
	};

	return kmd_driver.DxgkDdiQueryAdapterInfo(kf->adapter, &arg);
}

static void test_query(void **state)
{
	struct kmd_config config;
	struct drv_query input = { .magic = DRV_MAGIC, .type = DRV_QUERY_CAPS };
	struct drv_caps caps;
	struct drv_memory memory;
	DXGKARG_QUERYADAPTERINFO arg = {
		.pInputData = &input,
		.InputDataSize = sizeof(input),
		.pOutputData = &caps,
		.OutputDataSize = sizeof(caps),
	};
	struct kf *kf;

	(void)state;
	kf_config(&config);
	config.caps = 0x7D; /* BLT-26 */
	config.has_get_pitch = false;
	config.protected_memory_size = 12345;
	kf = kf_start(&config);
	memset(&caps, 0xee, sizeof(caps));
	assert_int_equal(query(kf, DRV_QUERY_CAPS, 0, &caps, sizeof(caps) - 1), STATUS_BUFFER_TOO_SMALL);
	assert_int_equal(caps.magic, 0xeeeeeeee);
	assert_int_equal(query(kf, DRV_QUERY_CAPS, 0, &caps, sizeof(caps)), STATUS_SUCCESS);
	assert_int_equal(caps.magic, DRV_MAGIC);
	assert_int_equal(caps.caps, 0x3D);
	assert_int_equal(caps.protected_memory_size, 12345);
	assert_int_equal(caps.has_decryption_blt, 1);
	assert_int_equal(caps.has_get_pitch, 0);

	assert_int_equal(query(kf, DRV_QUERY_MEMORY, 0, &memory, sizeof(memory)), STATUS_SUCCESS);
	assert_string_equal(memory.engine, gpu_engine_name());
	assert_true(memory.key_bytes > 0);
	assert_int_equal(query(kf, DRV_QUERY_MEMORY, 0, &memory, sizeof(memory) - 1), STATUS_BUFFER_TOO_SMALL);

	assert_int_equal(query(kf, 0, 0, &caps, sizeof(caps)), STATUS_INVALID_PARAMETER);
	assert_int_equal(query(kf, 4, 0, &caps, sizeof(caps)), STATUS_INVALID_PARAMETER);
	arg.Type = DXGKQAITYPE_DRIVERCAPS;
	assert_int_equal(kmd_driver.DxgkDdiQueryAdapterInfo(kf->adapter, &arg), STATUS_NOT_SUPPORTED);
	arg.Type = DXGKQAITYPE_UMDRIVERPRIVATE;
	arg.InputDataSize--;
	assert_int_equal(kmd_driver.DxgkDdiQueryAdapterInfo(kf->adapter, &arg), STATUS_INVALID_PARAMETER);
	arg.InputDataSize++;
	input.reserved = 1;
	assert_int_equal(kmd_driver.DxgkDdiQueryAdapterInfo(kf->adapter, &arg), STATUS_INVALID_PARAMETER);
	input.reserved = 0;
	input.magic = 0;
	assert_int_equal(kmd_driver.DxgkDdiQueryAdapterInfo(kf->adapter, &arg), STATUS_INVALID_PARAMETER);
	kf_stop(kf);
}

/* CAP-66 to CAP-69, CAP-75, CAP-77. */
static void test_certificates(void **state)
{
	struct kf *kf = kf_start(NULL);
	struct drv_certificate header = { 0 };
	uint8_t *leaf[3] = { NULL };

	(void)state;
	assert_int_equal(query(kf, DRV_QUERY_CERTIFICATE, 0, &header, sizeof(header)), STATUS_INVALID_PARAMETER);
	assert_int_equal(query(kf, DRV_QUERY_CERTIFICATE, 3, &header, sizeof(header)), STATUS_INVALID_PARAMETER);
	assert_int_equal(query(kf, DRV_QUERY_CERTIFICATE, 2, &header, sizeof(header) - 1), STATUS_BUFFER_TOO_SMALL);
	for (uint32_t type = D3DDDI_CERTTYPE_AUTHENTICATED_CHANNEL; type <= D3DDDI_CERTTYPE_CRYPTOSESSION; type++) {
		const uint8_t *walk;
		UINT size;
		int count = 0;

		assert_int_equal(query(kf, DRV_QUERY_CERTIFICATE, type, &header, sizeof(header)), STATUS_SUCCESS);
		assert_int_equal(header.magic, DRV_MAGIC);
		size = header.size + (UINT)sizeof(header);
		leaf[type] = calloc(1, size);
		/* One byte short: the header alone. */
		assert_int_equal(query(kf, DRV_QUERY_CERTIFICATE, type, leaf[type], size - 1), STATUS_SUCCESS);
		assert_int_equal(leaf[type][sizeof(header)], 0);
		assert_int_equal(query(kf, DRV_QUERY_CERTIFICATE, type, leaf[type], size), STATUS_SUCCESS);
		walk = leaf[type] + sizeof(header);
		while (walk < leaf[type] + size) {
			X509 *certificate = d2i_X509(NULL, &walk, leaf[type] + size - walk);

			assert_non_null(certificate);
			X509_free(certificate);
			count++;
		}
		assert_int_equal(count, 2);
	}
	assert_memory_not_equal(leaf[1] + sizeof(header), leaf[2] + sizeof(header), 600);
	free(leaf[1]);
	free(leaf[2]);
	kf_stop(kf);
}

/* What a start needs, and what it gives by default (CAP-54, CAP-61). */
static void test_start(void **state)
{
	struct kmd_config config;
	struct dxgk_interface kernel = { 0 };
	HANDLE adapter = &config;

	(void)state;
	kmd_config_default(&config);
	assert_int_equal(config.caps, 0xFD);
	assert_int_equal(config.protected_memory_size, 0x10000000);
	assert_true(config.has_decryption_blt && config.has_get_pitch);
	assert_int_equal(kmd_driver.StartDevice(&kernel, &config, &adapter), STATUS_INVALID_PARAMETER);
	assert_int_equal(kmd_driver.StartDevice(&kernel, NULL, &adapter), STATUS_INVALID_PARAMETER);
	config.identity = kf_identity();
	assert_int_equal(kmd_driver.StartDevice(NULL, &config, &adapter), STATUS_INVALID_PARAMETER);
	assert_ptr_equal(adapter, &config);
}

/* Random private data: refused or a surface like any other. */
static void test_hostile(void **state)
{
	struct kf *kf = kf_start(NULL);
	int device = kf_device(kf), made = 0;

	(void)state;
	srand(99);
	for (int i = 0; i < 20000; i++) {
		struct drv_allocation info;
		uint8_t *bytes = (uint8_t *)&info;
		D3DKMT_HANDLE handle;

		for (size_t n = 0; n < sizeof(info); n++)
			bytes[n] = (uint8_t)(rand() >> 7);
		if (rand() % 16)
			info.magic = DRV_MAGIC;
		if (rand() % 4)
			info.format = formats[rand() % 5];
		if (rand() % 4)
			info.pool = (uint32_t)(rand() % 6);
		if (rand() % 4)
			info.rotation %= 6;
		if (rand() % 4) {
			info.width %= 70;
			info.height %= 70;
		}
		if (kf_allocate(kf, device, &info, 1, &handle) != STATUS_SUCCESS)
			continue;
		kf_free(kf, handle);
		made++;
	}
	assert_true(made > 0);
	kf_stop(kf);
}

/* All surfaces of a resource are opened, or none: what was opened before the one that can't be is closed again. */
static void test_open_in_part(void **state)
{
	struct kf *kf = kf_start(NULL);
	int device = kf_device(kf), other = kf_device(kf);
	DXGK_OPENALLOCATIONINFO list[3] = { 0 };
	DXGKARG_OPENALLOCATION arg = { .NumAllocations = 3, .pOpenAllocation = list };
	HANDLE opened[3];

	(void)state;
	for (int i = 0; i < 3; i++)
		list[i].hAllocation = kf_protected(kf, device, 16, 1);
	kf->calling = other;
	for (int good = 0; good < 4; good++) {
		kf_fail_malloc = good;
		assert_int_equal(kmd_driver.DxgkDdiOpenAllocation(kf->devices[other], &arg), STATUS_NO_MEMORY);
		kf_fail_none();
		for (int i = 0; i < 3; i++)
			assert_null(list[i].hDeviceSpecificAllocation);
	}
	for (int bad = 0; bad < 3; bad++) {
		const D3DKMT_HANDLE handle = list[bad].hAllocation;

		list[bad].hAllocation = 0;
		assert_int_equal(kmd_driver.DxgkDdiOpenAllocation(kf->devices[other], &arg), STATUS_INVALID_PARAMETER);
		list[bad].hAllocation = handle;
		for (int i = 0; i < 3; i++)
			assert_null(list[i].hDeviceSpecificAllocation);
	}
	assert_int_equal(kmd_driver.DxgkDdiOpenAllocation(kf->devices[other], &arg), STATUS_SUCCESS);
	for (int i = 0; i < 3; i++) {
		opened[i] = list[i].hDeviceSpecificAllocation;
		assert_non_null(opened[i]);
	}
	assert_int_equal(kmd_driver.DxgkDdiCloseAllocation(
				 kf->devices[other],
				 &(DXGKARG_CLOSEALLOCATION) { .NumAllocations = 3, .pOpenHandleList = opened }),
			 STATUS_SUCCESS);
	kf->calling = -1;
	kf_stop(kf);
}

static int teardown_all(void **state)
{
	(void)state;
	kf_identity_stop();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_layout),	     cmocka_unit_test(test_get_pitch),
		cmocka_unit_test(test_create),	     cmocka_unit_test(test_create_many),
		cmocka_unit_test(test_limit),	     cmocka_unit_test(test_describe),
		cmocka_unit_test(test_present),	     cmocka_unit_test(test_query),
		cmocka_unit_test(test_certificates), cmocka_unit_test(test_start),
		cmocka_unit_test(test_hostile),	     cmocka_unit_test(test_open_in_part),
	};

	return cmocka_run_group_tests(tests, NULL, teardown_all);
}
