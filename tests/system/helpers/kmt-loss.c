/* SPDX-License-Identifier: MIT */
/*
 * How a holder of protected sessions finds its content lost (KMT-24).
 * usage: kmt-loss session|keys|device|stop COMMAND...
 * Makes two sessions, runs the command with {} replaced by the first one's number, and looks at what became of them:
 * session: the first alone is lost; keys: both, and new ones are good; device: so is every handle, but a new adapter is
 * good; stop: the service is gone.
 */
#include "kmt-client.h"

#include <spawn.h>
#include <stdbool.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static D3DKMT_HANDLE adapter, device, context, fences[2], sessions[2], opened;
static const volatile UINT64 *values[2];
static int shared;

static void make(void)
{
	D3DKMT_CREATECONTEXTVIRTUAL make_context;

	adapter = kc_adapter();
	device = kc_device(adapter);
	make_context = (D3DKMT_CREATECONTEXTVIRTUAL) { .hDevice = device };
	CHECK(D3DKMTCreateContextVirtual(&make_context));
	context = make_context.hContext;
	for (int i = 0; i < 2; i++) {
		fences[i] = kc_fence(device, &values[i]);
		sessions[i] = kc_session(device, fences[i]);
		REQUIRE(kc_status(sessions[i]) == D3DKMT_PROTECTED_SESSION_STATUS_OK);
	}
	shared = kc_share(sessions[0]);
	CHECK(kc_try_open(shared, &opened));
}

/* The older one of the two that this process holds: numbers come in no order, ages in whole seconds; handles tell. */
static UINT64 number_of_first(void)
{
	DXVAULT_SESSION_INFO list[DXVAULT_LISTED_SESSIONS];
	UINT64 cursor = 0, found = 0;

	do {
		UINT count = DXVAULT_LISTED_SESSIONS;

		CHECK(DxvaultListSessions(&cursor, list, &count));
		for (UINT i = 0; i < count; i++) {
			if (list[i].ProcessId != (UINT)getpid())
				continue;
			REQUIRE(strcmp(list[i].Command, "kmt-loss") == 0 && strcmp(list[i].CryptoType, "none") == 0);
			REQUIRE(list[i].User == geteuid() && list[i].Losses == 0 && list[i].Age < 60);
			REQUIRE(list[i].Status == D3DKMT_PROTECTED_SESSION_STATUS_OK);
			if (list[i].NtHandles == 0) {
				REQUIRE(list[i].LocalHandles == 1);
				continue;
			}
			REQUIRE(list[i].NtHandles == 1 && list[i].LocalHandles == 2 && found == 0);
			found = list[i].Session;
		}
	} while (cursor != 0);
	REQUIRE(found != 0);
	return found;
}

static void run(char **words, UINT64 session)
{
	char number[32];
	int status;
	pid_t pid;

	REQUIRE(words[0]);
	snprintf(number, sizeof(number), "%llx", (unsigned long long)session);
	for (char **word = words; *word; word++) {
		if (strcmp(*word, "{}") == 0)
			*word = number;
	}
	REQUIRE(posix_spawnp(&pid, words[0], NULL, NULL, words, environ) == 0);
	REQUIRE(waitpid(pid, &status, 0) == pid);
	REQUIRE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void require_lost(int i)
{
	CHECK(kc_wait(device, fences[i], 1));
	REQUIRE(*values[i] == 1);
	REQUIRE(kc_status(sessions[i]) == D3DKMT_PROTECTED_SESSION_STATUS_INVALID);
}

static void require_new_is_good(void)
{
	D3DKMT_HANDLE new_device = kc_device(kc_adapter());

	REQUIRE(kc_status(kc_session(new_device, kc_fence(new_device, NULL))) == D3DKMT_PROTECTED_SESSION_STATUS_OK);
}

/* Every handle answers DEVICE_REMOVED, whatever is asked of it, until it is given back. */
static void require_removed(void)
{
	D3DKMT_CREATEDEVICE new_device = { .hAdapter = adapter };
	D3DKMT_CREATECONTEXTVIRTUAL new_context = { .hDevice = device };
	D3DKMT_GETDEVICESTATE state = { .hDevice = device, .StateType = D3DKMT_DEVICESTATE_EXECUTION };
	D3DKMT_QUERYPROTECTEDSESSIONINFOFROMNTHANDLE info = { .hNtHandle = (HANDLE)(intptr_t)shared };
	UINT teardowns;
	D3DKMT_QUERYADAPTERINFO query = {
		.hAdapter = adapter,
		.Type = KMTQAITYPE_QUERY_HW_PROTECTION_TEARDOWN_COUNT,
		.pPrivateDriverData = &teardowns,
		.PrivateDriverDataSize = sizeof(teardowns),
	};
	D3DKMT_HANDLE handle;
	HANDLE nt_handle;
	UINT64 value = 7;

	REQUIRE(D3DKMTQueryAdapterInfo(&query) == STATUS_DEVICE_REMOVED);
	REQUIRE(D3DKMTCreateDevice(&new_device) == STATUS_DEVICE_REMOVED);
	REQUIRE(D3DKMTCreateContextVirtual(&new_context) == STATUS_DEVICE_REMOVED);
	REQUIRE(D3DKMTGetDeviceState(&state) == STATUS_DEVICE_REMOVED);
	REQUIRE(kc_try_fence(device, &handle, NULL) == STATUS_DEVICE_REMOVED);
	REQUIRE(kc_try_session(device, fences[0], &handle) == STATUS_DEVICE_REMOVED);
	REQUIRE(D3DKMTEscape(&(D3DKMT_ESCAPE) { .hAdapter = adapter }) == STATUS_DEVICE_REMOVED);
	REQUIRE(D3DKMTShareObjects(1, &sessions[1], NULL, GENERIC_ALL, &nt_handle) == STATUS_DEVICE_REMOVED);
	REQUIRE(D3DKMTShareObjects(1, &fences[1], NULL, GENERIC_ALL, &nt_handle) == STATUS_DEVICE_REMOVED);
	REQUIRE(D3DKMTSignalSynchronizationObjectFromCpu(&(D3DKMT_SIGNALSYNCHRONIZATIONOBJECTFROMCPU) {
			.hDevice = device,
			.ObjectCount = 1,
			.ObjectHandleArray = &fences[0],
			.FenceValueArray = &value,
		}) == STATUS_DEVICE_REMOVED);
	REQUIRE(kc_try_open(shared, &handle) == STATUS_DEVICE_REMOVED);
	REQUIRE(D3DKMTQueryProtectedSessionInfoFromNtHandle(&info) == STATUS_DEVICE_REMOVED);
	/* What will never come is not waited for. */
	REQUIRE(kc_wait(device, fences[0], 2) == STATUS_DEVICE_REMOVED);

	require_new_is_good();
	CHECK(kc_destroy_session(opened));
	CHECK(kc_destroy_session(sessions[0]));
	REQUIRE(kc_destroy_session(sessions[0]) == STATUS_INVALID_PARAMETER);
	CHECK(kc_destroy_session(sessions[1]));
	CHECK(kc_destroy_fence(fences[0]));
	CHECK(kc_destroy_fence(fences[1]));
	CHECK(D3DKMTDestroyContext(&(D3DKMT_DESTROYCONTEXT) { .hContext = context }));
	CHECK(kc_destroy_device(device));
	CHECK(D3DKMTCloseAdapter(&(D3DKMT_CLOSEADAPTER) { .hAdapter = adapter }));
	REQUIRE(kc_service().Devices == 1);
}

int main(int argc, char **argv)
{
	const char *cause;

	if (argc < 3)
		return 2;
	cause = argv[1];
	make();
	run(argv + 2, number_of_first());
	require_lost(0);
	REQUIRE(kc_status(opened) == D3DKMT_PROTECTED_SESSION_STATUS_INVALID);
	if (strcmp(cause, "session") == 0) {
		REQUIRE(kc_status(sessions[1]) == D3DKMT_PROTECTED_SESSION_STATUS_OK && *values[1] == 0);
		require_new_is_good();
		return 0;
	}
	require_lost(1);
	if (strcmp(cause, "keys") == 0) {
		require_new_is_good();
		/* An INVALID session is opened all the same (KMT-55). */
		CHECK(kc_try_open(shared, &opened));
		REQUIRE(kc_status(opened) == D3DKMT_PROTECTED_SESSION_STATUS_INVALID);
	} else if (strcmp(cause, "device") == 0) {
		require_removed();
	} else {
		REQUIRE(strcmp(cause, "stop") == 0);
		/* Once it is gone, nothing can be made. */
		while (kc_try_session(device, fences[0], &opened) != STATUS_DEVICE_REMOVED)
			usleep(1000);
		REQUIRE(kc_status(sessions[0]) == D3DKMT_PROTECTED_SESSION_STATUS_INVALID);
		REQUIRE(kc_wait(device, fences[0], 2) == STATUS_DEVICE_REMOVED);
	}
	return 0;
}
