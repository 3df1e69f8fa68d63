/* SPDX-License-Identifier: MIT */
/* A worker of the fault campaign: protected sessions of two processes, one of which has them by NT handle; fence waits. */
#include "torture/worker.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TURNS = 40, ANSWER_LIMIT_MS = 10000 };

/* What the owner asks of the other process, and is told. */
enum question { ASK_STATUS, ASK_WAIT, ASK_REOPEN };
struct message {
	uint32_t question;
	uint32_t outcome;
	uint64_t value;
	uint32_t is_invalid;
	uint32_t pad;
};

struct owner {
	D3DKMT_HANDLE adapter, device, fence, losses, session;
	const volatile UINT64 *lost; /* the value of losses */
	int nt_session, nt_fence;
	int event; /* comes with the first loss */
	int child; /* socket */
	pid_t process;
};

static NTSTATUS make_fence(D3DKMT_HANDLE device, D3DKMT_HANDLE *ret, const volatile UINT64 **ret_value)
{
	D3DKMT_CREATESYNCHRONIZATIONOBJECT2 fence = { .hDevice = device, .Info.Type = D3DDDI_MONITORED_FENCE };
	NTSTATUS status;

	fence.Info.Flags.Shared = 1;
	fence.Info.Flags.NtSecuritySharing = 1;
	status = D3DKMTCreateSynchronizationObject2(&fence);
	if (status == STATUS_SUCCESS) {
		*ret = fence.hSyncObject;
		if (ret_value)
			*ret_value = fence.Info.MonitoredFence.FenceValueCPUVirtualAddress;
	}
	return status;
}

static NTSTATUS open_device(D3DKMT_HANDLE *ret_adapter, D3DKMT_HANDLE *ret_device)
{
	D3DKMT_ADAPTERINFO info = { 0 };
	D3DKMT_ENUMADAPTERS2 adapters = { .NumAdapters = 1, .pAdapters = &info };
	D3DKMT_CREATEDEVICE create = { 0 };
	NTSTATUS status = D3DKMTEnumAdapters2(&adapters);

	if (status != STATUS_SUCCESS)
		return status;
	*ret_adapter = create.hAdapter = info.hAdapter;
	status = D3DKMTCreateDevice(&create);
	*ret_device = create.hDevice;
	return status;
}

static NTSTATUS share(D3DKMT_HANDLE object, int *ret)
{
	HANDLE handle = NULL;
	NTSTATUS status = D3DKMTShareObjects(1, &object, NULL, GENERIC_ALL, &handle);

	if (status == STATUS_SUCCESS)
		*ret = (int)(intptr_t)handle;
	return status;
}

static NTSTATUS wait_for(D3DKMT_HANDLE device, D3DKMT_HANDLE fence, UINT64 value, int event)
{
	return D3DKMTWaitForSynchronizationObjectFromCpu(&(D3DKMT_WAITFORSYNCHRONIZATIONOBJECTFROMCPU) {
		.hDevice = device,
		.ObjectCount = 1,
		.ObjectHandleArray = &fence,
		.FenceValueArray = &value,
		.hAsyncEvent = event < 0 ? NULL : (HANDLE)(intptr_t)event,
	});
}

static NTSTATUS open_session(int nt_handle, D3DKMT_HANDLE *ret)
{
	D3DKMT_OPENPROTECTEDSESSIONFROMNTHANDLE open = { .hNtHandle = (HANDLE)(intptr_t)nt_handle };
	NTSTATUS status = D3DKMTOpenProtectedSessionFromNtHandle(&open);

	*ret = open.hHandle;
	return status;
}

static NTSTATUS close_session(D3DKMT_HANDLE session)
{
	return D3DKMTDestroyProtectedSession(&(D3DKMT_DESTROYPROTECTEDSESSION) { session });
}

/* Says INVALID of a session whose service is gone, too. */
static enum outcome is_invalid(D3DKMT_HANDLE session, bool *ret)
{
	D3DKMT_QUERYPROTECTEDSESSIONSTATUS query = { .hHandle = session };
	enum outcome outcome = TRY_KMT("D3DKMTQueryProtectedSessionStatus", D3DKMTQueryProtectedSessionStatus(&query));

	*ret = outcome == LOST || query.Status == D3DKMT_PROTECTED_SESSION_STATUS_INVALID;
	return outcome;
}

/* ---- the other process -------------------------------------------------------------------------------------- */

struct other {
	D3DKMT_HANDLE adapter, device, fence, session;
	int nt_session;
};

/*
 * An NT handle outlives its service as a descriptor, and names nothing in the next one; nor does one of a removed adapter's
 * object.
 */
static enum outcome judge_opened(const char *name, NTSTATUS status)
{
	if (status == STATUS_INVALID_HANDLE || status == STATUS_INVALID_PARAMETER) {
		worker.page->losses++;
		return LOST;
	}
	return worker_judge_status(name, status);
}

static enum outcome other_open(struct other *other, int nt_session, int nt_fence)
{
	D3DKMT_OPENSYNCOBJECTFROMNTHANDLE2 open = { .hNtHandle = (HANDLE)(intptr_t)nt_fence };
	enum outcome outcome;

	other->nt_session = nt_session;
	outcome = TRY_KMT("the other's CreateDevice", open_device(&other->adapter, &other->device));
	if (outcome != DONE)
		return outcome;
	outcome = judge_opened(
		"D3DKMTOpenProtectedSessionFromNtHandle",
		TIMED("D3DKMTOpenProtectedSessionFromNtHandle", open_session(nt_session, &other->session)));
	if (outcome != DONE)
		return outcome;
	open.hDevice = other->device;
	outcome = judge_opened("D3DKMTOpenSyncObjectFromNtHandle2",
			       TIMED("D3DKMTOpenSyncObjectFromNtHandle2", D3DKMTOpenSyncObjectFromNtHandle2(&open)));
	other->fence = open.hSyncObject;
	return outcome;
}

static void answer(struct other *other, struct message *message)
{
	D3DKMT_HANDLE again;
	bool invalid = false;

	switch (message->question) {
	case ASK_WAIT:
		/* Not clocked here: the owner clocks the answer, which comes after its signal. */
		message->outcome = worker_judge_status("D3DKMTWaitForSynchronizationObjectFromCpu",
						       wait_for(other->device, other->fence, message->value, -1));
		worker.page->waits += message->outcome == DONE;
		break;
	case ASK_REOPEN:
		message->outcome = judge_opened("opening it once more",
						TIMED("opening it once more", open_session(other->nt_session, &again)));
		if (message->outcome == DONE)
			message->outcome = TRY_KMT("D3DKMTDestroyProtectedSession", close_session(again));
		break;
	default:
		message->outcome = is_invalid(other->session, &invalid);
		message->is_invalid = invalid;
		break;
	}
}

_Noreturn static void other_run(int socket, int nt_session, int nt_fence)
{
	struct message message = { 0 };
	struct other other = { 0 };

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	worker_become_child();
	message.outcome = other_open(&other, nt_session, nt_fence);
	while (write(socket, &message, sizeof(message)) == sizeof(message) &&
	       read(socket, &message, sizeof(message)) == sizeof(message))
		answer(&other, &message);
	_exit(0);
}

/* ---- the owner -------------------------------------------------------------------------------------------------- */

/* The answer, in time; LOST where the other one was killed. */
static enum outcome hear(struct owner *owner, struct message *ret)
{
	struct pollfd item = { .fd = owner->child, .events = POLLIN };
	int ready;

	do
		ready = poll(&item, 1, ANSWER_LIMIT_MS);
	while (ready < 0 && errno == EINTR);
	if (ready == 0)
		worker_fail("the other process does not answer");
	return read(owner->child, ret, sizeof(*ret)) == sizeof(*ret) ? (enum outcome)ret->outcome : LOST;
}

static enum outcome ask(struct owner *owner, const char *name, struct message *message)
{
	if (send(owner->child, message, sizeof(*message), MSG_NOSIGNAL) != sizeof(*message))
		return LOST;
	return TIMED(name, hear(owner, message));
}

static enum outcome start_other(struct owner *owner)
{
	struct message hello;
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return worker_no_memory("a socket");
	owner->child = ends[0];
	owner->process = fork();
	if (owner->process == 0) {
		close(ends[0]);
		other_run(ends[1], owner->nt_session, owner->nt_fence);
	}
	close(ends[1]);
	if (owner->process < 0)
		return worker_no_memory("a process");
	return TIMED("opening by NT handle elsewhere", hear(owner, &hello));
}

static enum outcome open_owner(struct owner *owner)
{
	D3DKMT_CREATEPROTECTEDSESSION create;
	enum outcome outcome = TRY_KMT("D3DKMTCreateDevice", open_device(&owner->adapter, &owner->device));

	if (outcome == DONE)
		outcome = TRY_KMT("creating a fence", make_fence(owner->device, &owner->fence, NULL));
	if (outcome == DONE)
		outcome = TRY_KMT("creating a fence", make_fence(owner->device, &owner->losses, &owner->lost));
	if (outcome != DONE)
		return outcome;
	create = (D3DKMT_CREATEPROTECTEDSESSION) { .hDevice = owner->device, .hSyncObject = owner->losses };
	outcome = TRY_KMT("D3DKMTCreateProtectedSession", D3DKMTCreateProtectedSession(&create));
	owner->session = create.hHandle;
	if (outcome == DONE)
		outcome = TRY_KMT("D3DKMTShareObjects", share(owner->session, &owner->nt_session));
	if (outcome == DONE)
		outcome = TRY_KMT("D3DKMTShareObjects", share(owner->fence, &owner->nt_fence));
	if (outcome != DONE)
		return outcome;
	owner->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (owner->event < 0)
		return worker_no_memory("an event");
	outcome = TRY_KMT("waiting with an event", wait_for(owner->device, owner->losses, 1, owner->event));
	return outcome == DONE ? start_other(owner) : outcome;
}

static void close_owner(struct owner *owner)
{
	int *const descriptors[] = { &owner->nt_session, &owner->nt_fence, &owner->event, &owner->child };

	if (owner->process > 0) {
		close(owner->child);
		owner->child = -1;
		if (worker_random(2) == 0)
			kill(owner->process, SIGKILL);
		TIMED("the other's end", waitpid(owner->process, NULL, 0));
	}
	for (size_t i = 0; i < sizeof(descriptors) / sizeof(descriptors[0]); i++) {
		if (*descriptors[i] >= 0)
			close(*descriptors[i]);
	}
	worker_begin("closing");
	if (owner->session)
		(void)close_session(owner->session);
	if (owner->device)
		(void)D3DKMTDestroyDevice(&(D3DKMT_DESTROYDEVICE) { .hDevice = owner->device });
	if (owner->adapter)
		(void)D3DKMTCloseAdapter(&(D3DKMT_CLOSEADAPTER) { .hAdapter = owner->adapter });
	worker_end();
}

/* The other one waits, this one signals, and the answer is there soon. */
static enum outcome signal_other(struct owner *owner, uint64_t value)
{
	struct message message = { .question = ASK_WAIT, .value = value };
	D3DKMT_SIGNALSYNCHRONIZATIONOBJECTFROMCPU signal = {
		.hDevice = owner->device,
		.ObjectCount = 1,
		.ObjectHandleArray = &owner->fence,
		.FenceValueArray = &value,
	};
	enum outcome outcome;

	if (send(owner->child, &message, sizeof(message), MSG_NOSIGNAL) != sizeof(message))
		return LOST;
	worker_pause((unsigned int)worker_random(3000));
	outcome = TRY_KMT("D3DKMTSignalSynchronizationObjectFromCpu",
			  D3DKMTSignalSynchronizationObjectFromCpu(&signal));
	/* Nobody signals any more then, and the wait ends by itself only if what took the device away reaches it too. */
	if (outcome == SHORTAGE)
		return outcome;
	return TIMED("a wait in another process", hear(owner, &message)) == DONE ? outcome : LOST;
}

/* KMT-22: who sees the fence move reads INVALID, in both processes. */
static enum outcome compare(struct owner *owner)
{
	struct message message = { .question = ASK_STATUS };
	struct pollfd item = { .fd = owner->event, .events = POLLIN };
	bool moved = owner->lost && *owner->lost > 0;
	bool invalid = false;
	enum outcome outcome = is_invalid(owner->session, &invalid);

	if (outcome == DONE && moved && !invalid)
		worker_fail("KMT-22: the fence has moved, and the session reads OK");
	if (outcome == DONE)
		outcome = ask(owner, "the status in another process", &message);
	if (outcome != DONE)
		return outcome;
	if (moved && !message.is_invalid)
		worker_fail("KMT-22: the fence has moved, and the session reads OK in another process");
	if (!moved)
		return DONE;
	/* The event is the library's thread's to give; without a loss it does not come. */
	if (TIMED("the event of a loss", poll(&item, 1, ANSWER_LIMIT_MS)) != 1)
		worker_fail("KMT-23: a loss without its event");
	worker.page->losses++;
	return KEYLESS;
}

enum outcome work_sessions(void)
{
	struct owner owner = { .nt_session = -1, .nt_fence = -1, .event = -1, .child = -1 };
	struct message reopen = { .question = ASK_REOPEN };
	enum outcome outcome = open_owner(&owner);

	for (uint64_t i = 1; outcome == DONE && i <= TURNS && worker_goes_on(); i++) {
		outcome = compare(&owner);
		if (outcome == DONE)
			outcome = signal_other(&owner, i);
		if (outcome == DONE && worker_random(4) == 0)
			outcome = ask(&owner, "opening it once more elsewhere", &reopen);
		worker_pause((unsigned int)worker_random(6000));
	}
	close_owner(&owner);
	return outcome;
}
