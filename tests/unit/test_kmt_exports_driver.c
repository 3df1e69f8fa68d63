/* SPDX-License-Identifier: MIT */
/* A client driver between the exported D3DKMT functions and the library's own (KMT-84). No service is needed. */
#include <dxvault/dxvault.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define OWN_STATUS ((NTSTATUS)0x12345678)

_Static_assert(sizeof(DXVAULT_CLIENT_DRIVER) == 8 + 29 * sizeof(void *), "one member a function");
_Static_assert(offsetof(DXVAULT_CLIENT_DRIVER, pfnOpenAdapterFromLuid) == 8, "the functions begin");

static DXVAULT_CLIENT_DRIVER defaults;
static const void *seen;
static int calls;

static NTSTATUS APIENTRY own_query_status(D3DKMT_QUERYPROTECTEDSESSIONSTATUS *arg)
{
	seen = arg;
	calls++;
	if (arg)
		arg->Status = D3DKMT_PROTECTED_SESSION_STATUS_INVALID;
	return STATUS_SUCCESS;
}

static NTSTATUS APIENTRY own_open(D3DKMT_OPENPROTECTEDSESSIONFROMNTHANDLE *arg)
{
	seen = arg;
	calls++;
	return OWN_STATUS;
}

/* Looks, then lets the library do it: what a tracing driver is. */
static NTSTATUS APIENTRY own_destroy(D3DKMT_DESTROYPROTECTEDSESSION *arg)
{
	calls++;
	return defaults.pfnDestroyProtectedSession(arg);
}

static UINT shared_count;
static DWORD shared_access;

static NTSTATUS APIENTRY own_share(UINT count, const D3DKMT_HANDLE *objects, POBJECT_ATTRIBUTES attributes,
				   DWORD access, HANDLE *nt_handle)
{
	shared_count = count;
	shared_access = access;
	seen = objects;
	*nt_handle = attributes;
	return OWN_STATUS;
}

static NTSTATUS APIENTRY own_block(const void *arg)
{
	seen = arg;
	calls++;
	return OWN_STATUS;
}

static DXVAULT_CLIENT_DRIVER empty(void)
{
	return (DXVAULT_CLIENT_DRIVER) {
		.Size = sizeof(DXVAULT_CLIENT_DRIVER),
		.Version = DXVAULT_CLIENT_DRIVER_VERSION,
	};
}

static int setup(void **state)
{
	calls = 0;
	seen = NULL;
	defaults = empty();
	return DxvaultGetDefaultClientDriver(&defaults) == STATUS_SUCCESS ? 0 : -1;
}

static int teardown(void **state)
{
	(void)DxvaultUnregisterClientDriver();
	return 0;
}

/* KMT-84 */
static void test_calls_reach_the_registered_functions(void **state)
{
	D3DKMT_OPENPROTECTEDSESSIONFROMNTHANDLE open = { 0 };
	D3DKMT_QUERYPROTECTEDSESSIONSTATUS query = { .hHandle = 1 };
	OBJECT_ATTRIBUTES attributes = { 0 };
	DXVAULT_CLIENT_DRIVER driver = empty();
	D3DKMT_HANDLE object = 0x40;
	HANDLE handle = NULL;

	driver.pfnQueryProtectedSessionStatus = own_query_status;
	driver.pfnOpenProtectedSessionFromNtHandle = own_open;
	driver.pfnShareObjects = own_share;
	assert_int_equal(DxvaultRegisterClientDriver(&driver), STATUS_SUCCESS);
	/* It was read and not kept. */
	memset(&driver, 0xa5, sizeof(driver));

	assert_int_equal(D3DKMTQueryProtectedSessionStatus(&query), STATUS_SUCCESS);
	assert_int_equal(query.Status, D3DKMT_PROTECTED_SESSION_STATUS_INVALID);
	assert_ptr_equal(seen, &query);
	assert_int_equal(D3DKMTOpenProtectedSessionFromNtHandle(&open), OWN_STATUS);
	assert_ptr_equal(seen, &open);
	/* Unchecked: a NULL block is the driver's to refuse. */
	assert_int_equal(D3DKMTQueryProtectedSessionStatus(NULL), STATUS_SUCCESS);
	assert_int_equal(calls, 3);
	assert_int_equal(D3DKMTShareObjects(7, &object, &attributes, 0x1234, &handle), OWN_STATUS);
	assert_int_equal(shared_count, 7);
	assert_int_equal(shared_access, 0x1234);
	assert_ptr_equal(seen, &object);
	assert_ptr_equal(handle, &attributes);
}

/* KMT-84 */
static void test_null_members_fall_back(void **state)
{
	D3DKMT_OPENPROTECTEDSESSIONFROMNTHANDLE open = { 0 };
	D3DKMT_QUERYPROTECTEDSESSIONSTATUS query = { 0 };
	DXVAULT_CLIENT_DRIVER driver = empty();

	driver.pfnQueryProtectedSessionStatus = own_query_status;
	assert_int_equal(DxvaultRegisterClientDriver(&driver), STATUS_SUCCESS);
	assert_int_equal(D3DKMTQueryProtectedSessionStatus(&query), STATUS_SUCCESS);
	/* The library's own: KMT-03, KMT-01. */
	assert_int_equal(D3DKMTOpenProtectedSessionFromNtHandle(&open), STATUS_INVALID_HANDLE);
	assert_int_equal(D3DKMTCreateDevice(NULL), STATUS_INVALID_PARAMETER);
	assert_int_equal(calls, 1);
}

/* KMT-84 */
static void test_a_second_registration_is_refused(void **state)
{
	D3DKMT_QUERYPROTECTEDSESSIONSTATUS query = { 0 };
	D3DKMT_OPENPROTECTEDSESSIONFROMNTHANDLE open = { 0 };
	DXVAULT_CLIENT_DRIVER first = empty();
	DXVAULT_CLIENT_DRIVER second = empty();

	first.pfnQueryProtectedSessionStatus = own_query_status;
	second.pfnOpenProtectedSessionFromNtHandle = own_open;
	assert_int_equal(DxvaultRegisterClientDriver(&first), STATUS_SUCCESS);
	assert_int_equal(DxvaultRegisterClientDriver(&second), STATUS_ACCESS_DENIED);
	assert_int_equal(DxvaultRegisterClientDriver(&first), STATUS_ACCESS_DENIED);
	/* The first stands, nothing of the second does. */
	assert_int_equal(D3DKMTQueryProtectedSessionStatus(&query), STATUS_SUCCESS);
	assert_int_equal(D3DKMTOpenProtectedSessionFromNtHandle(&open), STATUS_INVALID_HANDLE);

	assert_int_equal(DxvaultUnregisterClientDriver(), STATUS_SUCCESS);
	assert_int_equal(DxvaultUnregisterClientDriver(), STATUS_INVALID_PARAMETER);
	assert_int_equal(D3DKMTQueryProtectedSessionStatus(&query), STATUS_INVALID_PARAMETER);
	assert_int_equal(DxvaultRegisterClientDriver(&second), STATUS_SUCCESS);
	assert_int_equal(D3DKMTOpenProtectedSessionFromNtHandle(&open), OWN_STATUS);
	assert_int_equal(D3DKMTQueryProtectedSessionStatus(&query), STATUS_INVALID_PARAMETER);
}

/* KMT-84 */
static void test_bad_tables_are_refused(void **state)
{
	D3DKMT_QUERYPROTECTEDSESSIONSTATUS query = { 0 };
	static const UINT sizes[] = {
		0, 4, 9, sizeof(DXVAULT_CLIENT_DRIVER) - 1, sizeof(DXVAULT_CLIENT_DRIVER) + 8, UINT32_MAX
	};
	DXVAULT_CLIENT_DRIVER driver = empty();
	DXVAULT_CLIENT_DRIVER before;

	driver.pfnQueryProtectedSessionStatus = own_query_status;
	assert_int_equal(DxvaultRegisterClientDriver(NULL), STATUS_INVALID_PARAMETER);
	assert_int_equal(DxvaultGetDefaultClientDriver(NULL), STATUS_INVALID_PARAMETER);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		driver.Size = sizes[i];
		before = driver;
		assert_int_equal(DxvaultRegisterClientDriver(&driver), STATUS_INVALID_PARAMETER);
		assert_int_equal(DxvaultGetDefaultClientDriver(&driver), STATUS_INVALID_PARAMETER);
		assert_memory_equal(&driver, &before, sizeof(driver));
	}
	driver.Size = sizeof(driver);
	driver.Version = DXVAULT_CLIENT_DRIVER_VERSION + 1;
	assert_int_equal(DxvaultRegisterClientDriver(&driver), STATUS_INVALID_PARAMETER);
	assert_int_equal(DxvaultGetDefaultClientDriver(&driver), STATUS_INVALID_PARAMETER);
	assert_int_equal(D3DKMTQueryProtectedSessionStatus(&query), STATUS_INVALID_PARAMETER);
	assert_int_equal(calls, 0);
}

/* KMT-84: a table of older headers, which ends before the members that came later. */
static void test_a_shorter_table(void **state)
{
	DXVAULT_CLIENT_DRIVER driver = empty();
	D3DKMT_OPENPROTECTEDSESSIONFROMNTHANDLE open = { 0 };
	D3DKMT_ENUMADAPTERS2 adapters = { 0 };

	driver.Size = offsetof(DXVAULT_CLIENT_DRIVER, pfnEnumAdapters3);
	driver.pfnEnumAdapters2 = (PFND3DKMT_ENUMADAPTERS2)(void (*)(void))own_block;
	driver.pfnOpenProtectedSessionFromNtHandle = own_open; /* lies beyond Size */
	assert_int_equal(DxvaultRegisterClientDriver(&driver), STATUS_SUCCESS);
	assert_int_equal(D3DKMTEnumAdapters2(&adapters), OWN_STATUS);
	assert_int_equal(D3DKMTOpenProtectedSessionFromNtHandle(&open), STATUS_INVALID_HANDLE);

	driver = (DXVAULT_CLIENT_DRIVER) {
		.Size = offsetof(DXVAULT_CLIENT_DRIVER, pfnEnumAdapters3),
		.Version = DXVAULT_CLIENT_DRIVER_VERSION,
	};
	assert_int_equal(DxvaultGetDefaultClientDriver(&driver), STATUS_SUCCESS);
	assert_ptr_equal(driver.pfnEnumAdapters2, defaults.pfnEnumAdapters2);
	assert_null(driver.pfnEnumAdapters3);
}

/* KMT-84 */
static void test_calling_through(void **state)
{
	D3DKMT_DESTROYPROTECTEDSESSION destroy = { 0 };
	DXVAULT_CLIENT_DRIVER driver = empty();
	DXVAULT_CLIENT_DRIVER again = empty();

	driver.pfnDestroyProtectedSession = own_destroy;
	assert_int_equal(DxvaultRegisterClientDriver(&driver), STATUS_SUCCESS);
	assert_int_equal(D3DKMTDestroyProtectedSession(NULL), STATUS_INVALID_PARAMETER);
	assert_int_equal(calls, 1);
	/* A service can't be had in this test, so a call that came through says so. */
	assert_int_equal(D3DKMTDestroyProtectedSession(&destroy), STATUS_DEVICE_REMOVED);
	assert_int_equal(calls, 2);
	/* Whatever is registered, the defaults are the library's own. */
	assert_int_equal(DxvaultGetDefaultClientDriver(&again), STATUS_SUCCESS);
	assert_memory_equal(&again, &defaults, sizeof(again));
}

/* KMT-84: every exported function has its own member: own_block stands in one member after the other. */
static void test_every_function_dispatches(void **state)
{
	NTSTATUS (*own)(const void *) = own_block;
	OBJECT_ATTRIBUTES attributes = { 0 };
	uint8_t block[512] = { 0 };
	HANDLE handle;

#define TRY(Name)                                                                       \
	do {                                                                            \
		DXVAULT_CLIENT_DRIVER driver = empty();                                 \
                                                                                        \
		memcpy(&driver.pfn##Name, &own, sizeof(own));                           \
		calls = 0;                                                              \
		assert_non_null(defaults.pfn##Name);                                    \
		assert_int_equal(DxvaultRegisterClientDriver(&driver), STATUS_SUCCESS); \
		assert_int_equal(D3DKMT##Name((void *)block), OWN_STATUS);              \
		assert_int_equal(calls, 1);                                             \
		assert_ptr_equal(seen, block);                                          \
		assert_int_equal(DxvaultUnregisterClientDriver(), STATUS_SUCCESS);      \
		assert_int_equal(D3DKMT##Name(NULL), STATUS_INVALID_PARAMETER);         \
		assert_int_equal(calls, 1);                                             \
	} while (0)

	TRY(EnumAdapters2);
	TRY(EnumAdapters3);
	TRY(CloseAdapter);
	TRY(QueryAdapterInfo);
	TRY(CreateDevice);
	TRY(DestroyDevice);
	TRY(GetDeviceState);
	TRY(CreateContextVirtual);
	TRY(DestroyContext);
	TRY(CreateSynchronizationObject2);
	TRY(DestroySynchronizationObject);
	TRY(OpenSyncObjectFromNtHandle2);
	TRY(SignalSynchronizationObjectFromCpu);
	TRY(WaitForSynchronizationObjectFromCpu);
	TRY(CreateAllocation2);
	TRY(DestroyAllocation2);
	TRY(Lock2);
	TRY(Unlock2);
	TRY(QueryResourceInfoFromNtHandle);
	TRY(OpenResourceFromNtHandle);
	TRY(Escape);
	TRY(Present);
	TRY(CreateProtectedSession);
	TRY(DestroyProtectedSession);
	TRY(QueryProtectedSessionStatus);
	TRY(QueryProtectedSessionInfoFromNtHandle);
	TRY(OpenProtectedSessionFromNtHandle);
	TRY(OpenAdapterFromLuid);
#undef TRY
	{
		DXVAULT_CLIENT_DRIVER driver = empty();

		driver.pfnShareObjects = own_share;
		assert_int_equal(DxvaultRegisterClientDriver(&driver), STATUS_SUCCESS);
		assert_int_equal(D3DKMTShareObjects(1, NULL, &attributes, 0, &handle), OWN_STATUS);
	}
}

/* ---- threads ---------------------------------------------------------------------------------------- */

static atomic_int winners;
static pthread_barrier_t barrier;

static void *race(void *unused)
{
	DXVAULT_CLIENT_DRIVER driver = empty();
	NTSTATUS status;

	driver.pfnQueryProtectedSessionStatus = own_query_status;
	pthread_barrier_wait(&barrier);
	status = DxvaultRegisterClientDriver(&driver);
	if (status == STATUS_SUCCESS)
		atomic_fetch_add(&winners, 1);
	else if (status != STATUS_ACCESS_DENIED)
		atomic_fetch_add(&winners, 1000);
	return NULL;
}

/* KMT-84 */
static void test_one_of_many_registers(void **state)
{
	enum { THREADS = 8, ROUNDS = 200 };
	pthread_t threads[THREADS];

	for (int round = 0; round < ROUNDS; round++) {
		atomic_store(&winners, 0);
		pthread_barrier_init(&barrier, NULL, THREADS);
		for (int i = 0; i < THREADS; i++)
			assert_int_equal(pthread_create(&threads[i], NULL, race, NULL), 0);
		for (int i = 0; i < THREADS; i++)
			pthread_join(threads[i], NULL);
		pthread_barrier_destroy(&barrier);
		assert_int_equal(atomic_load(&winners), 1);
		assert_int_equal(DxvaultUnregisterClientDriver(), STATUS_SUCCESS);
	}
}

static atomic_bool stop;
static atomic_int wrong;

static NTSTATUS APIENTRY quiet_query(D3DKMT_QUERYPROTECTEDSESSIONSTATUS *arg)
{
	return OWN_STATUS;
}

static void *ask(void *unused)
{
	D3DKMT_QUERYPROTECTEDSESSIONSTATUS query = { 0 };

	while (!atomic_load(&stop)) {
		NTSTATUS status = D3DKMTQueryProtectedSessionStatus(&query);

		if (status != OWN_STATUS && status != STATUS_INVALID_PARAMETER)
			atomic_fetch_add(&wrong, 1);
	}
	return NULL;
}

/* KMT-84: calls that run while a driver is registered see the one or the other, and nothing in between. */
static void test_registering_beside_calls(void **state)
{
	DXVAULT_CLIENT_DRIVER driver = empty();
	pthread_t threads[4];

	driver.pfnQueryProtectedSessionStatus = quiet_query;
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, ask, NULL), 0);
	nanosleep(&(struct timespec) { .tv_nsec = 20000000 }, NULL);
	assert_int_equal(DxvaultRegisterClientDriver(&driver), STATUS_SUCCESS);
	nanosleep(&(struct timespec) { .tv_nsec = 20000000 }, NULL);
	atomic_store(&stop, true);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(atomic_load(&wrong), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_calls_reach_the_registered_functions),
		TEST(test_null_members_fall_back),
		TEST(test_a_second_registration_is_refused),
		TEST(test_bad_tables_are_refused),
		TEST(test_a_shorter_table),
		TEST(test_calling_through),
		TEST(test_every_function_dispatches),
		TEST(test_one_of_many_registers),
		TEST(test_registering_beside_calls),
	};

	setenv("DXVAULT_SERVICE", "/nonexistent/dxvaultd", 1);
	setenv("DXVAULT_RUNTIME_DIR", "/nonexistent/dxvault", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
