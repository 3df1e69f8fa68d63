/* SPDX-License-Identifier: MIT */
/* One call, made again and again with another of its allocations failing, until none is left to fail. */
#ifndef DXV_TESTS_FAILING_SCENARIO_H
#define DXV_TESTS_FAILING_SCENARIO_H

#include "failing_alloc.h"
#include "kernel_fixture_stack.h"

/* What a scenario works on. Made anew for each try, and looked at when it is gone: nothing may be left of it. */
struct scene {
	struct ik *ik;
	struct kmt_connection *process; /* the operator's own user */
	struct kmt_connection *second;	/* another process, or NULL */
	struct st st;
	struct rt_session *session;
	struct st_system system;
	struct rt_resource *protected;
	D3DKMT_HANDLE adapter, device, fence, context, made, allocation;
	const volatile uint64_t *value;
	HANDLE handle; /* of the DDI, what the call made or is about to take */
	void *memory;
	int nt_handle; /* -1: none */
	uint8_t key[16], blob[256], bytes[4096];
};

struct failing_scenario {
	const char *name;
	void (*prepare)(struct scene *scene); /* may be NULL, as may all but call */
	int32_t (*call)(
		struct scene *scene); /* the HRESULT or NTSTATUS; looks itself whether a refusal wrote anything */
	void (*refused)(struct scene *scene); /* the state is as it was */
	void (*done)(struct scene *scene);    /* it has worked */
	void (*clean)(struct scene *scene);   /* what the end of the processes would not give back */
	int32_t statuses[2];		      /* what the call may answer besides success; 0: nothing */
	uint32_t caps;			      /* D3DCPCAPS_*; 0: the default */
	const struct kmd_config *driver;      /* of the real driver; NULL: the default */
	bool never_fails;		      /* there is nothing to fail, or it does not matter (CS-07, CS-08) */
};

/*
 * For n = 1, 2, … until nothing is left to fail, once with the n-th allocation failing alone and once with all from the
 * n-th on: the status is one of the scenario's, counts of objects are as before, the same call works afterwards, and when
 * all is over blocks, mappings, secrets and descriptors are as before it began.
 */
void failing_run(const struct failing_scenario *scenario);

/* Group setup: the secret heap, libcrypto in it, and the identity with both leaves. */
int failing_setup(void **state);
int failing_teardown(void **state);

#endif
