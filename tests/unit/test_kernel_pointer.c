/* SPDX-License-Identifier: MIT */
/* Pointers with nothing behind them: a fault of the caller, and of nobody else (KMT-08). */
#include "kernel_fixture.h"

#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PAGE = 4096 };

static uint8_t *nothing; /* neither read nor written */
static uint8_t *fixed;	 /* read alone */

/* ---- bad calls -------------------------------------------------------------------------------------------- */

/* A block that can be read and not written: the answer faults when the kernel side is through. */
static void *read_only(const void *block, size_t size)
{
	(void)mprotect(fixed, PAGE, PROT_READ | PROT_WRITE);
	memcpy(fixed, block, size);
	(void)mprotect(fixed, PAGE, PROT_READ);
	return fixed;
}

static void create_from_nowhere(const struct ik_caller *caller)
{
	(void)caller;
	(void)D3DKMTCreateProtectedSession((void *)nothing);
}

static void create_with_driver_data(const struct ik_caller *caller)
{
	D3DKMT_CREATEPROTECTEDSESSION arg = {
		.hDevice = caller->device,
		.hSyncObject = caller->fence,
		.pPrivateDriverData = nothing,
		.PrivateDriverDataSize = 100,
	};

	(void)D3DKMTCreateProtectedSession(&arg);
}

static void create_with_runtime_data(const struct ik_caller *caller)
{
	/* The last good byte and one behind it. */
	D3DKMT_CREATEPROTECTEDSESSION arg = {
		.hDevice = caller->device,
		.hSyncObject = caller->fence,
		.pPrivateRuntimeData = fixed + PAGE - 1,
		.PrivateRuntimeDataSize = 2,
	};

	(void)D3DKMTCreateProtectedSession(&arg);
}

static void create_without_an_answer(const struct ik_caller *caller)
{
	const D3DKMT_CREATEPROTECTEDSESSION arg = { .hDevice = caller->device, .hSyncObject = caller->fence };

	(void)D3DKMTCreateProtectedSession(read_only(&arg, sizeof(arg)));
}

static void open_without_an_answer(const struct ik_caller *caller)
{
	const D3DKMT_OPENPROTECTEDSESSIONFROMNTHANDLE arg = { .hNtHandle = caller->nt_handle };

	(void)D3DKMTOpenProtectedSessionFromNtHandle(read_only(&arg, sizeof(arg)));
}

static void query_status_without_an_answer(const struct ik_caller *caller)
{
	const D3DKMT_QUERYPROTECTEDSESSIONSTATUS arg = { .hHandle = caller->session };

	(void)D3DKMTQueryProtectedSessionStatus(read_only(&arg, sizeof(arg)));
}

static void query_info_into_nothing(const struct ik_caller *caller)
{
	D3DKMT_QUERYPROTECTEDSESSIONINFOFROMNTHANDLE arg = {
		.hNtHandle = caller->nt_handle,
		.pPrivateDriverData = nothing,
		.PrivateDriverDataSize = PAGE,
	};

	(void)D3DKMTQueryProtectedSessionInfoFromNtHandle(&arg);
}

static void destroy_from_nowhere(const struct ik_caller *caller)
{
	(void)caller;
	(void)D3DKMTDestroyProtectedSession((void *)nothing);
}

static void share_what_is_nowhere(const struct ik_caller *caller)
{
	HANDLE handle;

	(void)caller;
	(void)D3DKMTShareObjects(1, (void *)nothing, NULL, GENERIC_ALL, &handle);
}

static void share_with_bad_attributes(const struct ik_caller *caller)
{
	HANDLE handle;

	(void)D3DKMTShareObjects(1, &caller->session, (void *)nothing, GENERIC_ALL, &handle);
}

static void share_without_an_answer(const struct ik_caller *caller)
{
	(void)D3DKMTShareObjects(1, &caller->session, NULL, GENERIC_ALL, (void *)fixed);
}

static void signal_from_nowhere(const struct ik_caller *caller)
{
	const D3DKMT_SIGNALSYNCHRONIZATIONOBJECTFROMCPU arg = {
		.hDevice = caller->device,
		.ObjectCount = 1,
		.ObjectHandleArray = (void *)nothing,
		.FenceValueArray = (void *)nothing,
	};

	(void)D3DKMTSignalSynchronizationObjectFromCpu(&arg);
}

static void wait_for_nowhere(const struct ik_caller *caller)
{
	const D3DKMT_WAITFORSYNCHRONIZATIONOBJECTFROMCPU arg = {
		.hDevice = caller->device,
		.ObjectCount = 1,
		.ObjectHandleArray = &caller->fence,
		.FenceValueArray = (void *)nothing,
	};

	(void)D3DKMTWaitForSynchronizationObjectFromCpu(&arg);
}

static void escape_from_nowhere(const struct ik_caller *caller)
{
	const D3DKMT_ESCAPE arg = {
		.hAdapter = caller->adapter,
		.hDevice = caller->device,
		.Type = D3DKMT_ESCAPE_DRIVERPRIVATE,
		.pPrivateDriverData = nothing,
		.PrivateDriverDataSize = sizeof(struct ik_escape_data),
	};

	(void)D3DKMTEscape(&arg);
}

static void escape_without_an_answer(const struct ik_caller *caller)
{
	const struct ik_escape_data data = { .object = caller->session, .type = DXGK_HANDLE_PROTECTED_SESSION };
	const D3DKMT_ESCAPE arg = {
		.hAdapter = caller->adapter,
		.hDevice = caller->device,
		.Type = D3DKMT_ESCAPE_DRIVERPRIVATE,
		.pPrivateDriverData = read_only(&data, sizeof(data)),
		.PrivateDriverDataSize = sizeof(data),
	};

	(void)D3DKMTEscape(&arg);
}

static void allocate_from_nowhere(const struct ik_caller *caller)
{
	D3DKMT_CREATEALLOCATION arg = {
		.hDevice = caller->device,
		.NumAllocations = 1,
		.pAllocationInfo2 = (void *)nothing,
		.Flags.CreateResource = 1,
	};

	(void)D3DKMTCreateAllocation2(&arg);
}

static void allocate_without_an_answer(const struct ik_caller *caller)
{
	struct ik_allocation_data data = { .visible = 1, .size = 1000 };
	const D3DDDI_ALLOCATIONINFO2 info = { .pPrivateDriverData = &data, .PrivateDriverDataSize = sizeof(data) };
	D3DKMT_CREATEALLOCATION arg = {
		.hDevice = caller->device,
		.NumAllocations = 1,
		.pAllocationInfo2 = read_only(&info, sizeof(info)),
		.Flags.CreateResource = 1,
	};

	(void)D3DKMTCreateAllocation2(&arg);
}

static void list_adapters_into_nothing(const struct ik_caller *caller)
{
	D3DKMT_ENUMADAPTERS2 arg = { .NumAdapters = 1, .pAdapters = (void *)nothing };

	(void)caller;
	(void)D3DKMTEnumAdapters2(&arg);
}

static void query_adapter_into_nothing(const struct ik_caller *caller)
{
	const D3DKMT_QUERYADAPTERINFO arg = {
		.hAdapter = caller->adapter,
		.Type = KMTQAITYPE_QUERY_HW_PROTECTION_TEARDOWN_COUNT,
		.pPrivateDriverData = nothing,
		.PrivateDriverDataSize = sizeof(UINT),
	};

	(void)D3DKMTQueryAdapterInfo(&arg);
}

static const struct {
	const char *name;
	void (*call)(const struct ik_caller *caller);
} bad_calls[] = {
#define BAD(name)           \
	{                   \
#name, name \
	}
	BAD(create_from_nowhere),	 BAD(create_with_driver_data),	  BAD(create_with_runtime_data),
	BAD(create_without_an_answer),	 BAD(open_without_an_answer),	  BAD(query_status_without_an_answer),
	BAD(query_info_into_nothing),	 BAD(destroy_from_nowhere),	  BAD(share_what_is_nowhere),
	BAD(share_with_bad_attributes),	 BAD(share_without_an_answer),	  BAD(signal_from_nowhere),
	BAD(wait_for_nowhere),		 BAD(escape_from_nowhere),	  BAD(escape_without_an_answer),
	BAD(allocate_from_nowhere),	 BAD(allocate_without_an_answer), BAD(list_adapters_into_nothing),
	BAD(query_adapter_into_nothing),
};

/* ---- the caller, in a process of its own ------------------------------------------------------------------- */

enum { NO_FAULT = 1, NOT_READY, KERNEL_STUCK };

static sigjmp_buf faulted;

static void on_fault(int number)
{
	(void)number;
	siglongjmp(faulted, 1);
}

/*
 * In-process the kernel side faults along with its caller, so it is asked there, in the child: the fault must not have hit
 * it in the middle of a request.
 */
static bool kernel_goes_on(struct ik *ik)
{
	struct ik_caller another;

	alarm(20); /* a lock that is held is held for ever */
	kmt_connection_set(ik_child_connect(ik, -1));
	return kmt_connection_get() && ik_caller_init(&another);
}

static _Noreturn void caller_main(struct ik *ik, int socket, void (*call)(const struct ik_caller *))
{
	const struct rlimit no_core = { 0, 0 };
	struct ik_caller caller = { 0 };

	(void)setrlimit(RLIMIT_CORE, &no_core);
	kmt_connection_set(ik_child_connect(ik, socket));
	if (!kmt_connection_get() || !ik_caller_init(&caller))
		_exit(NOT_READY);
	(void)signal(SIGSEGV, ik_over_wire() ? SIG_DFL : on_fault);
	if (sigsetjmp(faulted, 1) == 0) {
		call(&caller);
		_exit(NO_FAULT);
	}
	if (!kernel_goes_on(ik))
		_exit(KERNEL_STUCK);
	(void)signal(SIGSEGV, SIG_DFL);
	(void)raise(SIGSEGV);
	_exit(NO_FAULT);
}

static void a_bad_pointer_is_the_callers_fault(void **state) /* KMT-08 */
{
	struct ik *ik = *state;
	D3DKMT_HANDLE device = ik_device();
	D3DKMT_HANDLE session = ik_session(device, ik_fence(device));

	for (size_t i = 0; i < sizeof(bad_calls) / sizeof(bad_calls[0]); i++) {
		int socket = ik_over_wire() ? ik_connect(ik, IK_USER) : -1;
		struct dxgk_counts before, after;
		int status;
		pid_t pid;

		before = ik_counts(ik);
		pid = fork();
		if (pid == 0)
			caller_main(ik, socket, bad_calls[i].call);
		assert_true(pid > 0);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGSEGV)
			fail_msg("%s: status %#x", bad_calls[i].name, (unsigned int)status);
		if (socket >= 0)
			close(socket);

		/* All that the caller had is back, and the others are served as before. */
		after = ik_counts(ik);
		before.processes = 1;
		assert_memory_equal(&after, &before, sizeof(after));
		ik_assert_status(session, OK);
		assert_int_equal(ik_destroy_session(ik_session(device, ik_fence(device))), STATUS_SUCCESS);
	}
}

/* What the library can see it refuses: memory that a surface is to lie in must be the kernel's. */
static void bad_surface_memory_is_refused(void **state) /* KMT-08, KMT-05 */
{
	struct ik_allocation_data data = { .visible = 1, .size = 1000 };
	D3DDDI_ALLOCATIONINFO2 info = { .pPrivateDriverData = &data, .PrivateDriverDataSize = sizeof(data) };
	D3DKMT_CREATEALLOCATION arg = { .NumAllocations = 1, .pAllocationInfo2 = &info, .Flags.CreateResource = 1 };
	struct dxgk_counts before, after;

	arg.hDevice = ik_device();
	before = ik_counts(*state);
	info.pSystemMem = nothing;
	assert_int_equal(D3DKMTCreateAllocation2(&arg), STATUS_INVALID_PARAMETER);
	info.pSystemMem = (void *)UINTPTR_MAX;
	assert_int_equal(D3DKMTCreateAllocation2(&arg), STATUS_INVALID_PARAMETER);
	info.pSystemMem = (void *)16;
	assert_int_equal(D3DKMTCreateAllocation2(&arg), STATUS_INVALID_PARAMETER);
	after = ik_counts(*state);
	assert_memory_equal(&after, &before, sizeof(after));
}

static int setup(void **state)
{
	*state = ik_start(NULL);
	ik_process(*state);
	/* With a hole behind it. */
	fixed = mmap(NULL, 2 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (fixed == MAP_FAILED || mprotect(fixed, PAGE, PROT_READ) < 0)
		return -1;
	nothing = fixed + PAGE;
	return 0;
}

static int teardown(void **state)
{
	munmap(fixed, 2 * PAGE);
	ik_stop(*state);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		CASE(a_bad_pointer_is_the_callers_fault),
		CASE(bad_surface_memory_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, ik_group_teardown);
}
