/* SPDX-License-Identifier: MIT */
/* What the driver calls in the runtime, with which handles, and what it makes of a failure there: CAP-23 to CAP-28. */
#include "conform/cap/cap.h"

#include <string.h>

static const D3DDDI_RESOURCEFLAGS protected = { .RestrictedContent = 1 };
static const D3DDDI_RESOURCEFLAGS shared = { .RestrictedContent = 1, .SharedResource = 1 };
static const D3DDDI_RESOURCEFLAGS plain = { .Value = 0 };

/* Of a driver of content protection: the suite has nothing to say of others' surfaces. */
static void start(struct cf *cf)
{
	(void)cf_caps(cf);
	cap_spy_start(cf);
	CF_NEED(cf, cap_spy_device());
}

static HRESULT lock(HANDLE resource)
{
	D3DDDIARG_LOCK arg = { .hResource = resource };

	return cap_spy.f.pfnLock(cap_spy.device, &arg);
}

static HRESULT unlock(HANDLE resource)
{
	const D3DDDIARG_UNLOCK arg = { .hResource = resource };

	return cap_spy.f.pfnUnlock(cap_spy.device, &arg);
}

static HRESULT present(HANDLE resource)
{
	const D3DDDIARG_PRESENT arg = { .hSrcResource = resource };

	return cap_spy.f.pfnPresent(cap_spy.device, &arg);
}

/* ---- handles ------------------------------------------------------------------------------------------------ */

static void callbacks_get_the_runtimes_handles(struct cf *cf)
{
	struct cf_device device;
	struct cf_surface inner = { 0 }, outer = { 0 };
	uint8_t key[CF_KEY], iv[16];
	HANDLE session;

	start(cf);
	device = cap_spy_as_device();
	session = cf_session(cf, &device);
	cf_key(23, key);
	CF_NEED(cf, cf_exchange(cf, &device, session, key));
	CF_NEED(cf, cap_spy_resource(1, D3DDDIPOOL_VIDEOMEMORY, protected, &inner.h));
	CF_NEED(cf, cap_spy_resource(2, D3DDDIPOOL_SYSTEMMEM, plain, &outer.h));
	inner.size = outer.size = (size_t)16 * 16 * 4;
	cf_iv(iv, cf_fresh_iv(cf), 0);
	CF_NEED(cf, cf_decrypt(&device, session, &outer, &inner, iv));
	(void)present(inner.h);
	(void)cf_destroy_resource(&device, outer.h);
	(void)cf_destroy_resource(&device, inner.h);
	(void)cf_destroy_session(&device, session);
	CF_NEED(cf, cap_spy.f.pfnDestroyDevice(cap_spy.device));

	CF_TRUE(cf, "CAP-23", cap_spy.wrong_device == NULL, "a callback got the device handle %p, not the runtime's %p",
		cap_spy.wrong_device, cap_spy_runtime_device());
	CF_TRUE(cf, "CAP-23", cap_spy.wrong_resource == NULL,
		"pfnAllocateCb or pfnDeallocateCb got the resource handle %p, not the runtime's",
		cap_spy.wrong_resource);
	CF_TRUE(cf, "CAP-23", cap_spy.wrong_adapter == NULL, "pfnEscapeCb got the adapter handle %p, not the runtime's",
		cap_spy.wrong_adapter);
}

static void context_before_the_first_submission(struct cf *cf)
{
	HANDLE resource;
	HRESULT hr;

	start(cf);
	CF_TRUE(cf, "CAP-24", cap_spy.contexts == 0, "CreateDevice made %u contexts", cap_spy.contexts);
	CF_NEED(cf, cap_spy_resource(1, D3DDDIPOOL_VIDEOMEMORY, protected, &resource));
	hr = present(resource);
	if (hr != S_OK || cap_spy.presents == 0) {
		cf_not_applicable(cf, "CAP-24", "the driver submits nothing when it presents");
		return;
	}
	CF_TRUE(cf, "CAP-24", !cap_spy.present_without_context, "pfnPresentCb was called before pfnCreateContextCb");
	CF_NEED(cf, cap_spy.f.pfnDestroyDevice(cap_spy.device));
	CF_TRUE(cf, "CAP-24", cap_spy.contexts == cap_spy.contexts_gone, "%u contexts made and %u destroyed",
		cap_spy.contexts, cap_spy.contexts_gone);
}

/* ---- allocations -------------------------------------------------------------------------------------------- */

static void one_call_for_a_shared_resource(struct cf *cf)
{
	struct cf_device device;
	HANDLE resource;

	start(cf);
	device = cap_spy_as_device();
	CF_NEED(cf, cap_spy_resource(1, D3DDDIPOOL_VIDEOMEMORY, shared, &resource));
	CF_TRUE(cf, "CAP-25", cap_spy.allocates == 1, "%u calls of pfnAllocateCb", cap_spy.allocates);
	CF_NEED(cf, cf_destroy_resource(&device, resource));
	CF_TRUE(cf, "CAP-25", cap_spy.deallocates == 1, "%u calls of pfnDeallocateCb", cap_spy.deallocates);
	CF_TRUE(cf, "CAP-25",
		cap_spy.last_deallocate.hResource == cap_spy_runtime_resource(1) &&
			cap_spy.last_deallocate.NumAllocations == 0,
		"pfnDeallocateCb got hResource %p and NumAllocations %u", cap_spy.last_deallocate.hResource,
		cap_spy.last_deallocate.NumAllocations);
}

/* ---- locks -------------------------------------------------------------------------------------------------- */

static void locks_pair_up(struct cf *cf)
{
	HANDLE resource, forgotten;
	HRESULT hr;

	start(cf);
	hr = cap_spy_resource(1, D3DDDIPOOL_VIDEOMEMORY, plain, &resource);
	if (hr != S_OK || lock(resource) != S_OK) {
		cf_not_applicable(cf, "CAP-26", "the driver has no unprotected surface in video memory to lock");
		return;
	}
	CF_TRUE(cf, "CAP-26", cap_spy.locks == 1, "%u calls of pfnLockCb", cap_spy.locks);
	CF_NEED(cf, unlock(resource));
	CF_TRUE(cf, "CAP-26", cap_spy.unlocks == 1, "%u calls of pfnUnlockCb", cap_spy.unlocks);
	CF_NEED(cf, cap_spy_resource(2, D3DDDIPOOL_VIDEOMEMORY, plain, &forgotten));
	CF_NEED(cf, lock(forgotten));
	CF_NEED(cf, cap_spy.f.pfnDestroyDevice(cap_spy.device));
	CF_TRUE(cf, "CAP-26", cap_spy.locks == cap_spy.unlocks, "%u locks, %u unlocks", cap_spy.locks, cap_spy.unlocks);
}

static void refused_lock_makes_no_callback(struct cf *cf)
{
	HANDLE resource;

	cf_require_caps(cf, D3DCPCAPS_PROTECTIONALWAYSON,
			"protection must be enabled first: it does not report "
			"D3DCPCAPS_PROTECTIONALWAYSON");
	start(cf);
	CF_NEED(cf, cap_spy_resource(1, D3DDDIPOOL_VIDEOMEMORY, protected, &resource));
	if (lock(resource) == S_OK)
		cf_give_up(cf, "Lock of a protected surface answered S_OK");
	CF_TRUE_DECIDED(cf, "CAP-26", cap_spy.locks == 0, "%u calls of pfnLockCb for a refused Lock", cap_spy.locks);
}

/* ---- failures ------------------------------------------------------------------------------------------------ */

static const struct {
	HRESULT callback, entry;
} failures[] = {
	{ E_OUTOFMEMORY, E_OUTOFMEMORY },
	{ D3DDDIERR_DEVICEREMOVED, D3DDDIERR_DEVICEREMOVED },
	{ E_INVALIDARG, E_FAIL },
	{ D3DDDIERR_NOTAVAILABLE, E_FAIL },
	{ E_FAIL, E_FAIL },
};

enum { FAILURES = sizeof(failures) / sizeof(failures[0]) };

static void failing_allocation(struct cf *cf)
{
	const HANDLE before = cap_spy_runtime_resource(1);
	HANDLE resource;

	start(cf);
	for (int i = 0; i < FAILURES; i++) {
		resource = before;
		cap_spy.fail_allocate = failures[i].callback;
		CF_DECIDED(cf, "CAP-27", failures[i].entry,
			   cap_spy_resource(1, D3DDDIPOOL_VIDEOMEMORY, protected, &resource));
		CF_TRUE_DECIDED(cf, "CAP-27", resource == before, "hResource was changed to %p", resource);
	}
	cap_spy.fail_allocate = S_OK;
	CF_DECIDED(cf, "CAP-27", S_OK, cap_spy_resource(1, D3DDDIPOOL_VIDEOMEMORY, protected, &resource));
	CF_NEED(cf, cap_spy.f.pfnDestroyDevice(cap_spy.device));
	CF_TRUE_DECIDED(cf, "CAP-27", cap_spy.live_allocations == 0, "%u allocations are left",
			cap_spy.live_allocations);
}

static void failing_lock(struct cf *cf)
{
	HANDLE resource;

	start(cf);
	if (cap_spy_resource(1, D3DDDIPOOL_VIDEOMEMORY, plain, &resource) != S_OK || lock(resource) != S_OK)
		cf_skip(cf, "the driver has no unprotected surface in video memory to lock");
	CF_NEED(cf, unlock(resource));
	for (int i = 0; i < FAILURES; i++) {
		cap_spy.fail_lock = failures[i].callback;
		CF_DECIDED(cf, "CAP-27", failures[i].entry, lock(resource));
	}
	cap_spy.fail_lock = S_OK;
	CF_DECIDED(cf, "CAP-27", S_OK, lock(resource));
	CF_DECIDED(cf, "CAP-27", S_OK, unlock(resource));
}

/* pfnGetPitch never says E_OUTOFMEMORY (CS-07), so a function that may is taken: a key exchange. */
static void failing_escape(struct cf *cf)
{
	struct cf_device device;
	uint8_t key[CF_KEY];
	HANDLE session;

	start(cf);
	device = cap_spy_as_device();
	session = cf_session(cf, &device);
	cf_key(27, key);
	CF_NEED(cf, cf_exchange(cf, &device, session, key));
	for (int i = 0; i < FAILURES; i++) {
		cap_spy.fail_escape = failures[i].callback;
		CF_DECIDED(cf, "CAP-27", failures[i].entry, cf_exchange(cf, &device, session, key));
	}
	cap_spy.fail_escape = S_OK;
	CF_DECIDED(cf, "CAP-27", S_OK, cf_exchange(cf, &device, session, key));
}

static void missing_callback_counts_when_it_is_needed(struct cf *cf)
{
	HANDLE resource = NULL;

	cap_spy_start(cf);
	cap_spy.callbacks.Callbacks.pfnAllocateCb = NULL;
	cap_spy.callbacks.Callbacks.pfnLockCb = NULL;
	if (!CF_DECIDED(cf, "CAP-28", S_OK, cap_spy_device()))
		return;
	CF_DECIDED(cf, "CAP-28", E_FAIL, cap_spy_resource(1, D3DDDIPOOL_VIDEOMEMORY, protected, &resource));
	CF_TRUE_DECIDED(cf, "CAP-28", resource == NULL, "hResource was changed to %p", resource);
	CF_DECIDED(cf, "CAP-28", S_OK, cap_spy.f.pfnDestroyDevice(cap_spy.device));
}

/* The table of a runtime that has nothing: still a device. */
static void empty_callback_table(struct cf *cf)
{
	cap_spy_start(cf);
	memset(&cap_spy.callbacks, 0, sizeof(cap_spy.callbacks));
	if (CF_DECIDED(cf, "CAP-28", S_OK, cap_spy_device()))
		CF_DECIDED(cf, "CAP-28", S_OK, cap_spy.f.pfnDestroyDevice(cap_spy.device));
}

const struct cf_test cap_tests_callbacks[] = {
	{ "callbacks-get-the-runtimes-handles", "CAP-23", callbacks_get_the_runtimes_handles },
	{ "context-before-the-first-submission", "CAP-24", context_before_the_first_submission },
	{ "shared-resource-one-call", "CAP-25", one_call_for_a_shared_resource },
	{ "locks-pair-up", "CAP-26", locks_pair_up },
	{ "refused-lock-makes-no-callback", "CAP-26", refused_lock_makes_no_callback },
	{ "failing-allocation", "CAP-27", failing_allocation },
	{ "failing-lock", "CAP-27", failing_lock },
	{ "failing-escape", "CAP-27", failing_escape },
	{ "missing-callback", "CAP-28", missing_callback_counts_when_it_is_needed },
	{ "empty-callback-table", "CAP-28", empty_callback_table },
	{ 0 },
};
