/* SPDX-License-Identifier: MIT */
/* The graphics kernel's start and that of its engine, where something that they need is not to be had: all is given back. */
#include "dxgkrnl/internal.h"
#include "process_fixture.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <cmocka.h>

#define WORKERS 3

/* ---- what is not to be had --------------------------------------------------------------------------------- */

enum call { NONE, CALLOC, EPOLL, EVENTFD, EPOLL_CTL, THREAD, START_DEVICE, WORKER };

static int devices, workers; /* of the driver, that live */

static bool fails(enum call call)
{
	return pf_fails(call, EMFILE);
}

void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
int __real_epoll_create1(int flags);
int __wrap_epoll_create1(int flags);
int __real_eventfd(unsigned int count, int flags);
int __wrap_eventfd(unsigned int count, int flags);
int __real_epoll_ctl(int epoll, int operation, int descriptor, struct epoll_event *event);
int __wrap_epoll_ctl(int epoll, int operation, int descriptor, struct epoll_event *event);
int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *argument);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *argument);

void *__wrap_calloc(size_t count, size_t size)
{
	return fails(CALLOC) ? NULL : __real_calloc(count, size);
}

int __wrap_epoll_create1(int flags)
{
	return fails(EPOLL) ? -1 : __real_epoll_create1(flags);
}

int __wrap_eventfd(unsigned int count, int flags)
{
	return fails(EVENTFD) ? -1 : __real_eventfd(count, flags);
}

int __wrap_epoll_ctl(int epoll, int operation, int descriptor, struct epoll_event *event)
{
	return fails(EPOLL_CTL) ? -1 : __real_epoll_ctl(epoll, operation, descriptor, event);
}

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *argument)
{
	return fails(THREAD) ? EAGAIN : __real_pthread_create(thread, attributes, run, argument);
}

/* ---- a driver that is there and no more ------------------------------------------------------------------------ */

static NTSTATUS start_device(const struct dxgk_interface *interface, void *context, HANDLE *ret_adapter)
{
	(void)interface;
	(void)context;
	if (fails(START_DEVICE))
		return STATUS_UNSUCCESSFUL;
	*ret_adapter = &devices;
	devices++;
	return STATUS_SUCCESS;
}

static void stop_device(HANDLE adapter)
{
	assert_ptr_equal(adapter, &devices);
	assert_int_equal(workers, 0);
	devices--;
}

static NTSTATUS create_worker(HANDLE adapter, HANDLE *ret_worker)
{
	assert_ptr_equal(adapter, &devices);
	if (fails(WORKER))
		return STATUS_NO_MEMORY;
	*ret_worker = &workers;
	workers++;
	return STATUS_SUCCESS;
}

static void destroy_worker(HANDLE worker)
{
	assert_ptr_equal(worker, &workers);
	workers--;
}

static const struct dxgk_driver driver = {
	.StartDevice = start_device,
	.StopDevice = stop_device,
	.CreateWorker = create_worker,
	.DestroyWorker = destroy_worker,
};
static const struct dxgk_driver driver_without_transfers = {
	.StartDevice = start_device,
	.StopDevice = stop_device,
};

static struct dxgk_config config_of(const struct dxgk_driver *which, uint32_t count)
{
	struct dxgk_config config = { .driver = which, .workers = count };

	dxgk_limits_default(&config.limits);
	return config;
}

/* ---- cases --------------------------------------------------------------------------------------------------- */

static void test_the_kernel(void **state)
{
	static const struct {
		enum call call;
		int error;
	} rows[] = { { CALLOC, -ENOMEM }, { EPOLL, -EMFILE }, { START_DEVICE, -ENOMEM } };
	const struct dxgk_config config = config_of(&driver, WORKERS);
	int before = pf_open_descriptors();
	struct dxgk_kernel *kernel = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		pf_fail_at(rows[i].call, 1);
		assert_int_equal(dxgk_kernel_create(&config, &kernel), rows[i].error);
		assert_null(kernel);
		assert_int_equal(devices, 0);
		assert_int_equal(pf_open_descriptors(), before);
	}
	pf_fail_at(NONE, 0);
	assert_int_equal(dxgk_kernel_create(&config, &kernel), 0);
	assert_int_equal(devices, 1);
	dxgk_kernel_destroy(kernel);
	dxgk_kernel_destroy(NULL);
	assert_int_equal(devices, 0);
	assert_int_equal(pf_open_descriptors(), before);
}

/* What fails leaves no thread, no worker of the driver and no descriptor; with some workers fewer it starts. */
static void test_the_engine(void **state)
{
	static const struct {
		enum call call;
		unsigned int at;
		NTSTATUS status;
		int workers;
	} rows[] = {
		{ CALLOC, 1, STATUS_NO_MEMORY, 0 },
		{ EPOLL, 1, STATUS_INSUFFICIENT_RESOURCES, 0 },
		{ EVENTFD, 1, STATUS_INSUFFICIENT_RESOURCES, 0 },
		{ EPOLL_CTL, 1, STATUS_INSUFFICIENT_RESOURCES, 0 },
		{ WORKER, 1, STATUS_NO_MEMORY, 0 },
		{ THREAD, 1, STATUS_INSUFFICIENT_RESOURCES, 0 },
		{ WORKER, 2, STATUS_SUCCESS, 1 },
		{ THREAD, 3, STATUS_SUCCESS, 2 },
		{ NONE, 0, STATUS_SUCCESS, WORKERS },
	};
	const struct dxgk_config config = config_of(&driver, WORKERS);
	struct dxgk_kernel *kernel;
	int before;

	(void)state;
	assert_int_equal(dxgk_kernel_create(&config, &kernel), 0);
	before = pf_open_descriptors();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct dxgk_engine *engine = NULL;

		pf_fail_at(rows[i].call, rows[i].at);
		assert_int_equal(dxgk_engine_create(kernel, &engine), rows[i].status);
		assert_int_equal(engine != NULL, rows[i].status == STATUS_SUCCESS);
		assert_int_equal(workers, rows[i].workers);
		pf_fail_at(NONE, 0);
		dxgk_engine_destroy(engine);
		assert_int_equal(workers, 0);
		assert_int_equal(pf_open_descriptors(), before);
	}
	dxgk_kernel_destroy(kernel);
}

static void test_no_engine(void **state)
{
	const struct dxgk_config configs[] = { config_of(&driver, 0), config_of(&driver_without_transfers, WORKERS) };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct dxgk_engine *engine = NULL;
		struct dxgk_kernel *kernel;

		assert_int_equal(dxgk_kernel_create(&configs[i], &kernel), 0);
		assert_int_equal(dxgk_engine_create(kernel, &engine), STATUS_NOT_SUPPORTED);
		assert_null(engine);
		dxgk_kernel_destroy(kernel);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_kernel),
		cmocka_unit_test(test_the_engine),
		cmocka_unit_test(test_no_engine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
