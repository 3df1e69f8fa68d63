/* SPDX-License-Identifier: MIT */
/*
 * A client that does what ordinary ones do not, against a real service: client_program CASE. Exit status 1 with a line
 * that says what is wrong. For tests/system/libdxg.sh.
 */
#include <dxvault/dxvault.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define NEED(condition)                                                                 \
	do {                                                                            \
		if (!(condition)) {                                                     \
			fprintf(stderr, "line %d: not so: %s\n", __LINE__, #condition); \
			exit(1);                                                        \
		}                                                                       \
	} while (0)
#define IS(call, expected)                                                                                \
	do {                                                                                              \
		NTSTATUS is_ = (call);                                                                    \
                                                                                                          \
		if (is_ != (expected)) {                                                                  \
			fprintf(stderr, "line %d: %s: status %#x\n", __LINE__, #call, (unsigned int)is_); \
			exit(1);                                                                          \
		}                                                                                         \
	} while (0)

struct objects {
	D3DKMT_HANDLE adapter;
	D3DKMT_HANDLE device;
	D3DKMT_HANDLE fence;
	D3DKMT_HANDLE loss; /* the session's fence */
	D3DKMT_HANDLE session;
};

static D3DKMT_HANDLE fence_make(D3DKMT_HANDLE device)
{
	D3DKMT_CREATESYNCHRONIZATIONOBJECT2 arg = { .hDevice = device, .Info.Type = D3DDDI_MONITORED_FENCE };

	IS(D3DKMTCreateSynchronizationObject2(&arg), STATUS_SUCCESS);
	return arg.hSyncObject;
}

static struct objects objects_make(void)
{
	D3DKMT_ADAPTERINFO info;
	D3DKMT_ENUMADAPTERS2 adapters = { .NumAdapters = 1, .pAdapters = &info };
	D3DKMT_CREATEDEVICE device = { 0 };
	D3DKMT_CREATEPROTECTEDSESSION session = { 0 };
	struct objects ret;

	IS(D3DKMTEnumAdapters2(&adapters), STATUS_SUCCESS);
	device.hAdapter = info.hAdapter;
	IS(D3DKMTCreateDevice(&device), STATUS_SUCCESS);
	ret.adapter = info.hAdapter;
	ret.device = device.hDevice;
	ret.fence = fence_make(device.hDevice);
	ret.loss = fence_make(device.hDevice);
	session.hDevice = ret.device;
	session.hSyncObject = ret.loss;
	IS(D3DKMTCreateProtectedSession(&session), STATUS_SUCCESS);
	ret.session = session.hHandle;
	return ret;
}

static void objects_destroy(const struct objects *objects)
{
	IS(D3DKMTDestroyProtectedSession(&(D3DKMT_DESTROYPROTECTEDSESSION) { objects->session }), STATUS_SUCCESS);
	IS(D3DKMTDestroySynchronizationObject(&(D3DKMT_DESTROYSYNCHRONIZATIONOBJECT) { objects->fence }),
	   STATUS_SUCCESS);
	IS(D3DKMTDestroySynchronizationObject(&(D3DKMT_DESTROYSYNCHRONIZATIONOBJECT) { objects->loss }),
	   STATUS_SUCCESS);
	IS(D3DKMTDestroyDevice(&(D3DKMT_DESTROYDEVICE) { objects->device }), STATUS_SUCCESS);
	IS(D3DKMTCloseAdapter(&(D3DKMT_CLOSEADAPTER) { objects->adapter }), STATUS_SUCCESS);
}

static NTSTATUS status_of(D3DKMT_HANDLE session, D3DKMT_PROTECTED_SESSION_STATUS *ret)
{
	D3DKMT_QUERYPROTECTEDSESSIONSTATUS arg = { .hHandle = session };
	NTSTATUS status = D3DKMTQueryProtectedSessionStatus(&arg);

	*ret = arg.Status;
	return status;
}

static void need_ok(D3DKMT_HANDLE session)
{
	D3DKMT_PROTECTED_SESSION_STATUS status;

	IS(status_of(session, &status), STATUS_SUCCESS);
	NEED(status == D3DKMT_PROTECTED_SESSION_STATUS_OK);
}

static void fence_signal(const struct objects *objects, UINT64 value)
{
	IS(D3DKMTSignalSynchronizationObjectFromCpu(&(D3DKMT_SIGNALSYNCHRONIZATIONOBJECTFROMCPU) {
		   .hDevice = objects->device,
		   .ObjectCount = 1,
		   .ObjectHandleArray = &objects->fence,
		   .FenceValueArray = &value,
	   }),
	   STATUS_SUCCESS);
}

static NTSTATUS fence_wait(const struct objects *objects, D3DKMT_HANDLE fence, UINT64 value, int event)
{
	return D3DKMTWaitForSynchronizationObjectFromCpu(&(D3DKMT_WAITFORSYNCHRONIZATIONOBJECTFROMCPU) {
		.hDevice = objects->device,
		.ObjectCount = 1,
		.ObjectHandleArray = &fence,
		.FenceValueArray = &value,
		.hAsyncEvent = (HANDLE)(intptr_t)event,
	});
}

static bool event_comes(int event, int milliseconds)
{
	struct pollfd item = { .fd = event, .events = POLLIN };
	uint64_t count = 0;

	if (poll(&item, 1, milliseconds) != 1)
		return false;
	NEED(read(event, &count, sizeof(count)) == sizeof(count));
	NEED(count == 1);
	return true;
}

static int event_make(void)
{
	int event = eventfd(0, EFD_CLOEXEC);

	NEED(event > 2);
	return event;
}

static void child_must_succeed(pid_t pid)
{
	int status;

	NEED(pid > 0);
	NEED(waitpid(pid, &status, 0) == pid);
	NEED(status == 0);
}

static UINT sessions_of_all(void)
{
	DXVAULT_SERVICE_INFO info = { .Version = DXVAULT_SERVICE_INFO_VERSION };

	IS(DxvaultQueryService(&info), STATUS_SUCCESS);
	return info.ProtectedSessions;
}

/* ---- KMT-83 -------------------------------------------------------------------------------------------- */

static int in_child(const struct objects *parents)
{
	D3DKMT_PROTECTED_SESSION_STATUS status;
	struct objects own;

	/* The parent's handles mean nothing here, before there is a connection and after. */
	IS(status_of(parents->session, &status), STATUS_INVALID_PARAMETER);
	IS(D3DKMTDestroyProtectedSession(&(D3DKMT_DESTROYPROTECTEDSESSION) { parents->session }),
	   STATUS_INVALID_PARAMETER);
	IS(D3DKMTDestroyDevice(&(D3DKMT_DESTROYDEVICE) { parents->device }), STATUS_INVALID_PARAMETER);
	IS(D3DKMTDestroySynchronizationObject(&(D3DKMT_DESTROYSYNCHRONIZATIONOBJECT) { parents->fence }),
	   STATUS_INVALID_PARAMETER);
	IS(D3DKMTCloseAdapter(&(D3DKMT_CLOSEADAPTER) { parents->adapter }), STATUS_INVALID_PARAMETER);
	IS(status_of(parents->session, &status), STATUS_INVALID_PARAMETER);
	NEED(sessions_of_all() == 1);
	own = objects_make();
	need_ok(own.session);
	fence_signal(&own, 3);
	NEED(sessions_of_all() == 2);
	/* The own ones are left to the end of the process. */
	return 0;
}

static void case_fork(void)
{
	struct objects objects = objects_make();
	int event = event_make();
	pid_t pid;

	IS(fence_wait(&objects, objects.fence, 1, event), STATUS_SUCCESS);
	for (int i = 0; i < 3; i++) {
		pid = fork();
		if (pid == 0)
			exit(in_child(&objects));
		child_must_succeed(pid);
		need_ok(objects.session);
		for (int tries = 0; tries < 200 && sessions_of_all() != 1; tries++)
			usleep(10000);
		NEED(sessions_of_all() == 1);
	}
	NEED(!event_comes(event, 50));
	fence_signal(&objects, 1);
	NEED(event_comes(event, 5000));
	/* A child that only execs or ends has no say in what its parent holds. */
	pid = fork();
	if (pid == 0)
		_exit(0);
	child_must_succeed(pid);
	need_ok(objects.session);
	objects_destroy(&objects);
}

static atomic_bool stop;

static void *make_and_destroy(void *unused)
{
	while (!atomic_load(&stop)) {
		struct objects objects = objects_make();

		objects_destroy(&objects);
	}
	return NULL;
}

/* A fork at any point of other threads' calls: the child's first call must not meet a lock that nobody gives back. */
static void case_fork_beside_calls(void)
{
	pthread_t threads[3];

	for (int i = 0; i < 3; i++)
		NEED(pthread_create(&threads[i], NULL, make_and_destroy, NULL) == 0);
	for (int i = 0; i < 60; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			struct objects own;

			alarm(20);
			own = objects_make();
			need_ok(own.session);
			objects_destroy(&own);
			_exit(0);
		}
		child_must_succeed(pid);
	}
	atomic_store(&stop, true);
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
}

/* ---- AC-127, AC-128, AC-133 --------------------------------------------------------------------------------- */

static UINT64 token_of(void)
{
	UINT64 token = 0;

	IS(DxvaultGetProcessToken(&token), STATUS_SUCCESS);
	NEED(token != 0);
	return token;
}

static void *token_of_thread(void *token)
{
	*(UINT64 *)token = token_of();
	return NULL;
}

/* Until the service has noticed that the process is gone. */
static void need_no_process(UINT64 token)
{
	NTSTATUS status = STATUS_SUCCESS;

	for (int tries = 0; tries < 500 && status == STATUS_SUCCESS; tries++) {
		status = DxvaultDesignateCompositor(token);
		usleep(10000);
	}
	IS(status, STATUS_INVALID_PARAMETER);
}

static void case_token(void)
{
	struct objects objects = objects_make();
	UINT64 own = token_of(), threads, childs = 0, before;
	pthread_t thread;
	int wait[2], tell[2];
	pid_t pid;

	NEED(token_of() == own);
	NEED(pthread_create(&thread, NULL, token_of_thread, &threads) == 0);
	pthread_join(thread, NULL);
	NEED(threads == own);
	IS(DxvaultDesignateCompositor(own), STATUS_SUCCESS);
	IS(DxvaultDesignateCompositor((UINT64)getpid()), STATUS_INVALID_PARAMETER);

	for (int i = 0; i < 3; i++) {
		before = childs;
		NEED(pipe(wait) == 0 && pipe(tell) == 0);
		pid = fork();
		if (pid == 0) {
			close(wait[1]);
			childs = token_of();
			NEED(write(tell[1], &childs, sizeof(childs)) == sizeof(childs));
			NEED(read(wait[0], &childs, 1) == 0);
			exit(0);
		}
		NEED(read(tell[0], &childs, sizeof(childs)) == sizeof(childs));
		NEED(childs != own && childs != before);
		IS(DxvaultDesignateCompositor(childs), STATUS_SUCCESS);
		close(wait[0]);
		close(wait[1]);
		child_must_succeed(pid);
		need_no_process(childs);
		close(tell[0]);
		close(tell[1]);
	}
	NEED(token_of() == own);
	IS(DxvaultDesignateCompositor(0), STATUS_SUCCESS);
	/* Without fork handlers it has nothing to disconnect, and no token of its parent's either. */
	pid = _Fork();
	if (pid == 0) {
		DxvaultDisconnect();
		_exit(token_of() != own ? 0 : 1);
	}
	child_must_succeed(pid);
	NEED(token_of() == own);
	need_ok(objects.session);

	/* Gone with all that it had, at once. */
	objects_destroy(&objects);
	for (int i = 0; i < 20; i++) {
		before = own;
		DxvaultDisconnect();
		own = token_of();
		NEED(own != before);
		IS(DxvaultDesignateCompositor(before), STATUS_INVALID_PARAMETER);
	}
}

/* ---- waits ------------------------------------------------------------------------------------------------ */

static void case_async(void)
{
	struct objects objects = objects_make();
	int event = event_make();
	int loss = event_make();

	IS(fence_wait(&objects, objects.fence, 2, event), STATUS_SUCCESS);
	IS(fence_wait(&objects, objects.loss, 1, loss), STATUS_SUCCESS);
	fence_signal(&objects, 1);
	NEED(!event_comes(event, 100));
	fence_signal(&objects, 2);
	NEED(event_comes(event, 5000));
	/* KMT-17, KMT-23: the device's end is the session's loss. */
	IS(D3DKMTDestroyDevice(&(D3DKMT_DESTROYDEVICE) { objects.device }), STATUS_SUCCESS);
	NEED(event_comes(loss, 5000));
	/* With a wait left over, the process ends when main does. */
	objects = objects_make();
	IS(fence_wait(&objects, objects.fence, 1, event), STATUS_SUCCESS);
}

static void *wait_block(void *context)
{
	const struct objects *objects = context;

	return (void *)(intptr_t)fence_wait(objects, objects->fence, 100, 0);
}

/* The service goes: whoever waits is told. */
static void service_ends(int number)
{
	DXVAULT_SERVICE_INFO info = { .Version = DXVAULT_SERVICE_INFO_VERSION };
	struct objects objects = objects_make();
	D3DKMT_PROTECTED_SESSION_STATUS status;
	int event = event_make();
	pthread_t thread;
	void *result;

	IS(DxvaultQueryService(&info), STATUS_SUCCESS);
	IS(fence_wait(&objects, objects.fence, 1, event), STATUS_SUCCESS);
	NEED(pthread_create(&thread, NULL, wait_block, &objects) == 0);
	usleep(50000);
	NEED(kill((pid_t)info.ProcessId, number) == 0);
	NEED(event_comes(event, 5000));
	pthread_join(thread, &result);
	IS((NTSTATUS)(intptr_t)result, STATUS_DEVICE_REMOVED);
	IS(status_of(objects.session, &status), STATUS_SUCCESS);
	NEED(status == D3DKMT_PROTECTED_SESSION_STATUS_INVALID);
	/* Refused from now on, with no event. */
	IS(fence_wait(&objects, objects.fence, 1, event), STATUS_DEVICE_REMOVED);
	NEED(!event_comes(event, 50));
}

static void case_service_death(void)
{
	service_ends(SIGKILL);
}

static void case_service_stop(void)
{
	service_ends(SIGTERM);
}

static void *end_main(void *context)
{
	usleep(100000);
	return context;
}

/* The thread for waits goes when it has none: a program whose main thread left by pthread_exit still ends. */
static void case_main_leaves(void)
{
	struct objects objects = objects_make();
	int event = event_make();
	pthread_t thread;

	IS(fence_wait(&objects, objects.fence, 1, event), STATUS_SUCCESS);
	fence_signal(&objects, 1);
	NEED(event_comes(event, 5000));
	NEED(pthread_create(&thread, NULL, end_main, NULL) == 0);
	pthread_detach(thread);
	alarm(20);
	pthread_exit(NULL);
}

/* ---- descriptors ------------------------------------------------------------------------------------------- */

static NTSTATUS open_session(int descriptor)
{
	D3DKMT_OPENPROTECTEDSESSIONFROMNTHANDLE arg = { .hNtHandle = (HANDLE)(intptr_t)descriptor };

	return D3DKMTOpenProtectedSessionFromNtHandle(&arg);
}

/* KMT-51, KMT-53: descriptors that the service never gave out; the connection goes on, and so do they. */
static void case_other_descriptors(void)
{
	struct objects objects = objects_make();
	uint8_t parameters[256] = { 0 };
	int list[8];
	int count = 0;
	int pair[2];

	list[count++] = open("/dev/null", O_RDWR | O_CLOEXEC);
	list[count++] = open("/", O_PATH | O_CLOEXEC);
	list[count++] = memfd_create("dxvault-test", MFD_CLOEXEC);
	list[count++] = event_make();
	NEED(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
	list[count++] = pair[0];
	list[count++] = pair[1];
#ifdef SYS_io_uring_setup
	/* The one that Linux refuses to send at all. */
	list[count] = (int)syscall(SYS_io_uring_setup, 4, parameters);
	if (list[count] >= 0)
		count++;
	else
		printf("no io_uring here\n");
#endif
	for (int i = 0; i < count; i++) {
		D3DKMT_QUERYPROTECTEDSESSIONINFOFROMNTHANDLE info = { .hNtHandle = (HANDLE)(intptr_t)list[i] };
		D3DKMT_OPENSYNCOBJECTFROMNTHANDLE2 sync = { .hNtHandle = (HANDLE)(intptr_t)list[i],
							    .hDevice = objects.device };

		IS(open_session(list[i]), STATUS_INVALID_HANDLE);
		IS(D3DKMTQueryProtectedSessionInfoFromNtHandle(&info), STATUS_INVALID_HANDLE);
		IS(D3DKMTOpenSyncObjectFromNtHandle2(&sync), STATUS_INVALID_HANDLE);
		NEED(fcntl(list[i], F_GETFD) >= 0);
		need_ok(objects.session);
	}
	IS(open_session(0), STATUS_INVALID_HANDLE);
	IS(open_session(1000000), STATUS_INVALID_HANDLE);
	IS(open_session(-1), STATUS_INVALID_HANDLE);
	objects_destroy(&objects);
}

/* A process that has no descriptor left is refused what needs one, and keeps all that it has. */
static void case_no_descriptor_left(void)
{
	struct objects objects = objects_make();
	struct rlimit before;
	struct rlimit none;
	HANDLE handle = NULL;
	int event = event_make();

	NEED(getrlimit(RLIMIT_NOFILE, &before) == 0);
	none = before;
	none.rlim_cur = (rlim_t)event + 1;
	NEED(setrlimit(RLIMIT_NOFILE, &none) == 0);
	IS(D3DKMTShareObjects(1, &objects.session, NULL, GENERIC_READ, &handle), STATUS_INSUFFICIENT_RESOURCES);
	NEED(handle == NULL);
	NEED(DxvaultAllocateSystemMemory(objects.device, 4096) == NULL);
	IS(fence_wait(&objects, objects.fence, 1, event), STATUS_INSUFFICIENT_RESOURCES);
	need_ok(objects.session);
	NEED(setrlimit(RLIMIT_NOFILE, &before) == 0);
	NEED(!event_comes(event, 50));
	IS(D3DKMTShareObjects(1, &objects.session, NULL, GENERIC_READ, &handle), STATUS_SUCCESS);
	IS(open_session((int)(intptr_t)handle), STATUS_SUCCESS);
	objects_destroy(&objects);
}

static const struct {
	const char *name;
	void (*run)(void);
} cases[] = {
	{ "fork", case_fork },
	{ "fork-beside-calls", case_fork_beside_calls },
	{ "token", case_token },
	{ "async", case_async },
	{ "service-death", case_service_death },
	{ "service-stop", case_service_stop },
	{ "main-leaves", case_main_leaves },
	{ "other-descriptors", case_other_descriptors },
	{ "no-descriptor-left", case_no_descriptor_left },
};

int main(int argc, char **argv)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (argc == 2 && strcmp(argv[1], cases[i].name) == 0) {
			cases[i].run();
			return 0;
		}
	}
	fprintf(stderr, "usage: client_program CASE\n");
	return 2;
}
