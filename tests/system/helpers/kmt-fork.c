/* SPDX-License-Identifier: MIT */
/*
 * KMT-83, KMT-57: what a forked child has of its parent's handles, also once it has made its own, and its child in turn;
 * and that the parent goes on. usage: kmt-fork fork|_Fork: the latter calls no handlers of libraries.
 */
#include "kmt-client.h"

#include <stdbool.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SESSIONS = 20, OWN = 3000, GENERATIONS = 3 };

struct made {
	D3DKMT_HANDLE adapter, device, context, fence;
	D3DKMT_HANDLE sessions[SESSIONS];
	int shared;
};

static struct made all[GENERATIONS];
static bool handlers;

static void make(struct made *made)
{
	D3DKMT_CREATECONTEXTVIRTUAL context;

	made->adapter = kc_adapter();
	made->device = kc_device(made->adapter);
	context = (D3DKMT_CREATECONTEXTVIRTUAL) { .hDevice = made->device };
	CHECK(D3DKMTCreateContextVirtual(&context));
	made->context = context.hContext;
	made->fence = kc_fence(made->device, NULL);
	/* Slots that were used before, too. */
	for (int i = 0; i < OWN; i++)
		CHECK(kc_destroy_session(kc_session(made->device, made->fence)));
	for (int i = 0; i < SESSIONS; i++)
		made->sessions[i] = kc_session(made->device, made->fence);
	made->shared = kc_share(made->sessions[0]);
}

static bool is_of(D3DKMT_HANDLE handle, const struct made *made)
{
	bool found = handle == made->adapter || handle == made->device || handle == made->context ||
		     handle == made->fence;

	for (int i = 0; i < SESSIONS; i++)
		found |= handle == made->sessions[i];
	return found;
}

#define REQUIRE_REFUSED(call) REQUIRE((call) == STATUS_INVALID_PARAMETER)

static void require_foreign(const struct made *made)
{
	D3DKMT_CREATECONTEXTVIRTUAL context = { .hDevice = made->device };
	D3DKMT_CREATEDEVICE device = { .hAdapter = made->adapter };
	D3DKMT_HANDLE handle;
	HANDLE shared;

	REQUIRE_REFUSED(D3DKMTCreateDevice(&device));
	REQUIRE_REFUSED(D3DKMTCreateContextVirtual(&context));
	REQUIRE_REFUSED(kc_try_fence(made->device, &handle, NULL));
	REQUIRE_REFUSED(kc_try_session(made->device, made->fence, &handle));
	REQUIRE_REFUSED(kc_wait(made->device, made->fence, 0));
	REQUIRE_REFUSED(kc_destroy_fence(made->fence));
	REQUIRE_REFUSED(D3DKMTDestroyContext(&(D3DKMT_DESTROYCONTEXT) { .hContext = made->context }));
	for (int i = 0; i < SESSIONS; i++) {
		D3DKMT_QUERYPROTECTEDSESSIONSTATUS query = { .hHandle = made->sessions[i] };

		REQUIRE_REFUSED(D3DKMTQueryProtectedSessionStatus(&query));
		REQUIRE_REFUSED(D3DKMTShareObjects(1, &made->sessions[i], NULL, GENERIC_ALL, &shared));
		REQUIRE_REFUSED(kc_destroy_session(made->sessions[i]));
	}
	REQUIRE_REFUSED(kc_destroy_device(made->device));
	REQUIRE_REFUSED(D3DKMTCloseAdapter(&(D3DKMT_CLOSEADAPTER) { .hAdapter = made->adapter }));
}

static void require_own(const struct made *made)
{
	for (int i = 0; i < SESSIONS; i++)
		REQUIRE(kc_status(made->sessions[i]) == D3DKMT_PROTECTED_SESSION_STATUS_OK);
}

static void generation(int number)
{
	D3DKMT_HANDLE opened;
	int status;
	pid_t child;

	/* Before it has said anything to the service, and after. */
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < number; i++)
			require_foreign(&all[i]);
	}
	make(&all[number]);
	for (int i = 0; i < number; i++) {
		REQUIRE(!is_of(all[number].adapter, &all[i]) && !is_of(all[number].device, &all[i]) &&
			!is_of(all[number].context, &all[i]) && !is_of(all[number].fence, &all[i]));
		for (int j = 0; j < SESSIONS; j++)
			REQUIRE(!is_of(all[number].sessions[j], &all[i]));
		require_foreign(&all[i]);
		/* An NT handle is a descriptor: it is inherited. */
		CHECK(kc_try_open(all[i].shared, &opened));
		CHECK(kc_destroy_session(opened));
	}
	if (number + 1 < GENERATIONS) {
		fflush(NULL);
		child = handlers ? fork() : _Fork();
		REQUIRE(child >= 0);
		if (child == 0) {
			generation(number + 1);
			_exit(0);
		}
		REQUIRE(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
	}
	require_own(&all[number]);
	for (int i = 0; i < SESSIONS; i++)
		CHECK(kc_destroy_session(all[number].sessions[i]));
	CHECK(kc_destroy_device(all[number].device));
}

int main(int argc, char **argv)
{
	REQUIRE(argc == 2 && (strcmp(argv[1], "fork") == 0 || strcmp(argv[1], "_Fork") == 0));
	handlers = strcmp(argv[1], "fork") == 0;
	generation(0);
	return 0;
}
