/* SPDX-License-Identifier: MIT */
/* Monitored fences: made, signalled, waited for, and out of a client's reach while a session counts in them (KMT-12). */
#include "kernel_fixture.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int setup(void **state)
{
	*state = ik_start(NULL);
	ik_process(*state);
	return 0;
}

static int teardown(void **state)
{
	ik_stop(*state);
	return 0;
}

static NTSTATUS signal_all(D3DKMT_HANDLE device, const D3DKMT_HANDLE *fences, const UINT64 *values, UINT count)
{
	const D3DKMT_SIGNALSYNCHRONIZATIONOBJECTFROMCPU arg = {
		.hDevice = device,
		.ObjectCount = count,
		.ObjectHandleArray = fences,
		.FenceValueArray = values,
	};

	return D3DKMTSignalSynchronizationObjectFromCpu(&arg);
}

static NTSTATUS wait_all(D3DKMT_HANDLE device, const D3DKMT_HANDLE *fences, const UINT64 *values, UINT count, UINT any)
{
	D3DKMT_WAITFORSYNCHRONIZATIONOBJECTFROMCPU arg = {
		.hDevice = device,
		.ObjectCount = count,
		.ObjectHandleArray = fences,
		.FenceValueArray = values,
	};

	arg.Flags.WaitAny = any;
	return D3DKMTWaitForSynchronizationObjectFromCpu(&arg);
}

static void values_are_read_from_the_mapping(void **state)
{
	const volatile uint64_t *value, *other;
	D3DKMT_HANDLE device = ik_device();
	D3DKMT_HANDLE fence = ik_fence_with(device, 7, /* shared= */ false, &value);

	(void)state;
	(void)ik_fence_with(device, UINT64_MAX, /* shared= */ false, &other);
	assert_int_equal(*value, 7);
	assert_true(*other == UINT64_MAX);
	assert_int_equal(ik_signal(device, fence, 8), STATUS_SUCCESS);
	assert_int_equal(*value, 8);
	assert_int_equal(ik_signal(device, fence, 0x123456789abcdef0), STATUS_SUCCESS);
	assert_true(*value == 0x123456789abcdef0);
	assert_true(*other == UINT64_MAX);
}

static void what_signal_refuses(void **state) /* KMT-05 */
{
	struct kmt_connection *first = kmt_connection_get();
	const volatile uint64_t *value;
	D3DKMT_HANDLE device = ik_device();
	D3DKMT_HANDLE fence = ik_fence_with(device, 3, /* shared= */ false, &value), stale = ik_fence(device);
	D3DKMT_CREATESYNCHRONIZATIONOBJECT2 plain = { .hDevice = device, .Info = { .Type = D3DDDI_FENCE } };
	D3DKMT_HANDLE pair[2] = { fence };
	const UINT64 values[2] = { 9, 9 };
	D3DKMT_HANDLE many[D3DDDI_MAX_OBJECT_SIGNALED + 1];
	UINT64 many_values[D3DDDI_MAX_OBJECT_SIGNALED + 1];

	assert_int_equal(D3DKMTCreateSynchronizationObject2(&plain), STATUS_SUCCESS);
	assert_int_equal(ik_destroy_fence(stale), STATUS_SUCCESS);
	assert_int_equal(ik_signal(0, fence, 9), STATUS_INVALID_PARAMETER);
	assert_int_equal(ik_signal(fence, fence, 9), STATUS_INVALID_PARAMETER);
	assert_int_equal(ik_signal(device, device, 9), STATUS_INVALID_PARAMETER);
	assert_int_equal(signal_all(device, &fence, values, 0), STATUS_INVALID_PARAMETER);
	assert_int_equal(signal_all(device, NULL, values, 1), STATUS_INVALID_PARAMETER);
	assert_int_equal(signal_all(device, &fence, NULL, 1), STATUS_INVALID_PARAMETER);
	/* One bad one among good ones: none moves. */
	pair[1] = stale;
	assert_int_equal(signal_all(device, pair, values, 2), STATUS_INVALID_PARAMETER);
	pair[1] = plain.hSyncObject;
	assert_int_equal(signal_all(device, pair, values, 2), STATUS_INVALID_PARAMETER);
	pair[1] = 0;
	assert_int_equal(signal_all(device, pair, values, 2), STATUS_INVALID_PARAMETER);
	for (size_t i = 0; i < D3DDDI_MAX_OBJECT_SIGNALED + 1; i++) {
		many[i] = fence;
		many_values[i] = 50 + i;
	}
	assert_int_equal(signal_all(device, many, many_values, D3DDDI_MAX_OBJECT_SIGNALED + 1),
			 STATUS_INVALID_PARAMETER);
	assert_int_equal(*value, 3);
	assert_int_equal(signal_all(device, many, many_values, D3DDDI_MAX_OBJECT_SIGNALED), STATUS_SUCCESS);
	assert_int_equal(*value, 50 + D3DDDI_MAX_OBJECT_SIGNALED - 1);
	ik_process(*state);
	assert_int_equal(ik_signal(ik_device(), fence + 0x4000, 9), STATUS_INVALID_PARAMETER);
	kmt_connection_set(first);
}

static void a_sessions_fence_is_nobodys_to_signal(void **state) /* KMT-12, KMT-21 */
{
	struct kmt_connection *first = kmt_connection_get(), *second;
	const volatile uint64_t *value, *free_value, *there;
	D3DKMT_HANDLE device = ik_device(), opened, other_device;
	D3DKMT_HANDLE fence = ik_fence_with(device, 0, /* shared= */ true, &value);
	D3DKMT_HANDLE other = ik_fence_with(device, 0, /* shared= */ true, &free_value);
	D3DKMT_HANDLE session, one_more, pair[3];
	const UINT64 values[3] = { 5, 6, 7 };
	int nt_handle = ik_share(fence);

	assert_int_equal(ik_signal(device, fence, 1), STATUS_SUCCESS); /* before there is a session */
	session = ik_session(device, fence);
	one_more = ik_session(device, fence);
	assert_int_equal(ik_signal(device, fence, 2), STATUS_ACCESS_DENIED);
	assert_int_equal(ik_signal(device, fence, 1), STATUS_ACCESS_DENIED);
	assert_int_equal(ik_signal(device, fence, 0), STATUS_ACCESS_DENIED);
	for (int at = 0; at < 3; at++) {
		for (int i = 0; i < 3; i++)
			pair[i] = i == at ? fence : other;
		assert_int_equal(signal_all(device, pair, values, 3), STATUS_ACCESS_DENIED);
		assert_int_equal(*free_value, 0);
		assert_int_equal(*value, 1);
	}

	second = ik_process(*state);
	other_device = ik_device();
	assert_int_equal(ik_open_fence(other_device, nt_handle, &opened, &there), STATUS_SUCCESS);
	assert_int_equal(ik_signal(other_device, opened, 9), STATUS_ACCESS_DENIED);
	pair[0] = ik_fence_with(other_device, 0, /* shared= */ true, &free_value);
	pair[1] = opened;
	assert_int_equal(signal_all(other_device, pair, values, 2), STATUS_ACCESS_DENIED);
	assert_int_equal(*free_value, 0);
	assert_int_equal(*there, 1);

	/* Losses count from where it stood; both sessions count in it. */
	assert_int_equal(ik_report(*state, ik_recorder.sessions[0].kernel, DXGK_PROTECTED_SESSION_STATUS_INVALID),
			 STATUS_SUCCESS);
	assert_int_equal(*there, 2);
	ik_lose_keys(*state);
	assert_int_equal(*there, 3);

	/* As long as one of them lives. */
	kmt_connection_set(first);
	assert_int_equal(ik_destroy_session(session), STATUS_SUCCESS);
	assert_int_equal(ik_signal(device, fence, 9), STATUS_ACCESS_DENIED);
	kmt_connection_set(second);
	assert_int_equal(ik_signal(other_device, opened, 9), STATUS_ACCESS_DENIED);
	kmt_connection_set(first);
	assert_int_equal(ik_destroy_session(one_more), STATUS_SUCCESS);
	assert_int_equal(*value, 3);
	assert_int_equal(ik_signal(device, fence, 9), STATUS_SUCCESS);
	assert_int_equal(*there, 9);
	close(nt_handle);
}

static void opened_in_another_process_it_is_the_same(void **state) /* KMT-42 */
{
	struct kmt_connection *first = kmt_connection_get();
	const volatile uint64_t *value, *there;
	D3DKMT_HANDLE device = ik_device(), opened, other_device;
	D3DKMT_HANDLE fence = ik_fence_with(device, 4, /* shared= */ true, &value);
	int nt_handle = ik_share(fence);
	struct dxgk_counts before, after;

	ik_process(*state);
	other_device = ik_device();
	before = ik_counts(*state);
	assert_int_equal(ik_open_fence(0, nt_handle, &opened, NULL), STATUS_INVALID_PARAMETER);
	after = ik_counts(*state);
	assert_memory_equal(&before, &after, sizeof(after));
	assert_int_equal(ik_open_fence(other_device, nt_handle, &opened, &there), STATUS_SUCCESS);
	assert_int_equal(*there, 4);
	assert_int_equal(ik_signal(other_device, opened, 5), STATUS_SUCCESS);
	assert_int_equal(*value, 5);
	kmt_connection_set(first);
	assert_int_equal(ik_signal(device, fence, 6), STATUS_SUCCESS);
	assert_int_equal(*there, 6);
	assert_int_equal(ik_destroy_fence(fence), STATUS_SUCCESS);
	assert_int_equal(ik_destroy_fence(fence), STATUS_INVALID_PARAMETER);
	assert_int_equal(ik_counts(*state).fences, 1);
	close(nt_handle);
}

static void waits_that_are_over_return_at_once(void **state)
{
	D3DKMT_HANDLE device = ik_device();
	D3DKMT_HANDLE fences[3] = { ik_fence(device), ik_fence(device), ik_fence(device) };
	const UINT64 reached[3] = { 1, 2, 3 }, one[3] = { 100, 2, 100 }, zero[3] = { 0 };
	struct kmt_connection *first = kmt_connection_get();

	assert_int_equal(wait_all(device, fences, zero, 3, 0), STATUS_SUCCESS);
	assert_int_equal(signal_all(device, fences, reached, 3), STATUS_SUCCESS);
	assert_int_equal(wait_all(device, fences, reached, 3, 0), STATUS_SUCCESS);
	assert_int_equal(wait_all(device, fences, reached, 3, 1), STATUS_SUCCESS);
	assert_int_equal(wait_all(device, fences, one, 3, 1), STATUS_SUCCESS);

	assert_int_equal(wait_all(0, fences, reached, 3, 0), STATUS_INVALID_PARAMETER);
	assert_int_equal(wait_all(fences[0], fences, reached, 3, 0), STATUS_INVALID_PARAMETER);
	assert_int_equal(wait_all(device, fences, reached, 0, 0), STATUS_INVALID_PARAMETER);
	assert_int_equal(wait_all(device, NULL, reached, 1, 0), STATUS_INVALID_PARAMETER);
	assert_int_equal(wait_all(device, fences, NULL, 1, 0), STATUS_INVALID_PARAMETER);
	assert_int_equal(wait_all(device, fences, reached, D3DDDI_MAX_OBJECT_WAITED_ON + 1, 0),
			 STATUS_INVALID_PARAMETER);
	assert_int_equal(wait_all(device, &device, zero, 1, 0), STATUS_INVALID_PARAMETER);
	assert_int_equal(ik_destroy_fence(fences[2]), STATUS_SUCCESS);
	assert_int_equal(wait_all(device, fences, reached, 3, 1), STATUS_INVALID_PARAMETER);
	ik_process(*state);
	assert_int_equal(wait_all(ik_device(), fences + 1, zero, 1, 0), STATUS_INVALID_PARAMETER);
	kmt_connection_set(first);
}

struct waiter {
	struct kmt_connection *process;
	D3DKMT_HANDLE device, fences[2];
	UINT64 values[2];
	UINT any;
	atomic_int started, done;
	NTSTATUS status;
};

static void *wait_thread(void *argument)
{
	struct waiter *waiter = argument;

	kmt_connection_set(waiter->process);
	waiter->started = 1;
	waiter->status = wait_all(waiter->device, waiter->fences, waiter->values, 2, waiter->any);
	waiter->done = 1;
	kmt_connection_set(NULL);
	return NULL;
}

static void sleep_ms(long ms)
{
	nanosleep(&(struct timespec) { .tv_nsec = ms * 1000000 }, NULL);
}

static double now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static void waits_of_all_and_of_any(void **state)
{
	D3DKMT_HANDLE device = ik_device();
	double best = 1e9;

	(void)state;
	for (int i = 0; i < 12; i++) {
		struct waiter waiter = {
			.process = kmt_connection_get(),
			.device = device,
			.fences = { ik_fence(device), ik_fence(device) },
			.values = { 2, 1 },
			.any = (UINT)i & 1,
		};
		int first = i / 2 & 1;
		pthread_t thread;
		double began;

		assert_int_equal(pthread_create(&thread, NULL, wait_thread, &waiter), 0);
		while (!waiter.started)
			sched_yield();
		sleep_ms(10);
		assert_int_equal(ik_signal(device, waiter.fences[0], 1), STATUS_SUCCESS); /* short of it */
		sleep_ms(10);
		assert_int_equal(waiter.done, 0);
		assert_int_equal(ik_signal(device, waiter.fences[first], waiter.values[first]), STATUS_SUCCESS);
		if (!waiter.any) {
			sleep_ms(10);
			assert_int_equal(waiter.done, 0);
			assert_int_equal(ik_signal(device, waiter.fences[!first], waiter.values[!first]),
					 STATUS_SUCCESS);
		}
		began = now_ms();
		pthread_join(thread, NULL);
		assert_int_equal(waiter.status, STATUS_SUCCESS);
		best = now_ms() - began < best ? now_ms() - began : best;
	}
	assert_true(best < 40); /* woken: who looks from time to time takes longer */
}

static void the_mapping_is_read_only(void **state) /* KMT-21: a client least of all */
{
	const volatile uint64_t *value;
	D3DKMT_HANDLE device = ik_device();
	D3DKMT_HANDLE fence = ik_fence_with(device, 3, /* shared= */ true, &value);
	int status;
	pid_t child;

	(void)state;
	(void)ik_session(device, fence);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		(void)signal(SIGSEGV, SIG_DFL); /* a sanitizer would have its say first */
		*(volatile uint64_t *)(uintptr_t)value = 4;
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGSEGV);
	assert_int_equal(*value, 3);
}

/* Signals from two processes while others come and go: the last value stands in every mapping. */
struct signaller {
	struct kmt_connection *process;
	D3DKMT_HANDLE device, fence;
	atomic_uint failures;
};

static void *signal_thread(void *argument)
{
	struct signaller *signaller = argument;

	kmt_connection_set(signaller->process);
	for (UINT64 i = 1; i <= 2000; i++) {
		if (ik_signal(signaller->device, signaller->fence, i) != STATUS_SUCCESS)
			signaller->failures++;
	}
	kmt_connection_set(NULL);
	return NULL;
}

static void threads_of_several_processes(void **state)
{
	struct kmt_connection *first = kmt_connection_get();
	const volatile uint64_t *values[3];
	D3DKMT_HANDLE device = ik_device(), opened;
	struct signaller signallers[3] = { { .process = first, .device = device } };
	pthread_t threads[3];
	int nt_handle;

	signallers[0].fence = ik_fence_with(device, 0, /* shared= */ true, &values[0]);
	nt_handle = ik_share(signallers[0].fence);
	for (int i = 1; i < 3; i++) {
		signallers[i].process = ik_process(*state);
		signallers[i].device = ik_device();
		assert_int_equal(ik_open_fence(signallers[i].device, nt_handle, &opened, &values[i]), STATUS_SUCCESS);
		signallers[i].fence = opened;
	}
	for (int i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, signal_thread, &signallers[i]), 0);
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(signallers[i].failures, 0);
		assert_int_equal(*values[i], 2000);
	}
	kmt_connection_set(first);
	close(nt_handle);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		CASE(values_are_read_from_the_mapping),
		CASE(what_signal_refuses),
		CASE(a_sessions_fence_is_nobodys_to_signal),
		CASE(opened_in_another_process_it_is_the_same),
		CASE(waits_that_are_over_return_at_once),
		CASE(waits_of_all_and_of_any),
		CASE(the_mapping_is_read_only),
		CASE(threads_of_several_processes),
	};

	return cmocka_run_group_tests(tests, NULL, ik_group_teardown);
}
