/* SPDX-License-Identifier: MIT */
/* CreateDevice and DestroyDevice: CAP-11 to CAP-13, CAP-17, CAP-20, CAP-21. */
#include "conform/cap/cap.h"
#include "conform/cf.h"

#include <string.h>

static D3DDDIARG_CREATEDEVICE device_arg(D3DDDI_DEVICEFUNCS *funcs)
{
	D3DDDIARG_CREATEDEVICE arg = {
		.hDevice = cap_spy_runtime_device(),
		.Interface = 9,
		.Version = D3D_UMD_INTERFACE_VERSION_WIN7,
		.pCallbacks = &cap_spy.callbacks.Callbacks,
		.pDeviceFuncs = funcs,
	};

	arg.Flags.Value = DXVAULT_CREATEDEVICE_PROTECTED_SESSIONS;
	return arg;
}

static HRESULT CreateDevice(struct cf *cf, D3DDDIARG_CREATEDEVICE *arg)
{
	struct rt_adapter *adapter = cf_adapter(cf);

	return rt_adapter_funcs(adapter)->pfnCreateDevice(rt_adapter_handle(adapter), arg);
}

static void returns_a_handle_and_the_table(struct cf *cf)
{
	D3DDDI_DEVICEFUNCS funcs;
	D3DDDIARG_CREATEDEVICE arg = device_arg(&funcs);

	cap_spy_start(cf);
	memset(&funcs, 0, sizeof(funcs));
	if (!CF_OK(cf, "CAP-11", CreateDevice(cf, &arg)))
		return;
	CF_TRUE(cf, "CAP-11", arg.hDevice != cap_spy_runtime_device() && arg.hDevice != NULL, "hDevice is %p",
		arg.hDevice);
	CF_TRUE(cf, "CAP-11", funcs.pfnDestroyDevice && funcs.pfnCreateResource && funcs.pfnLock,
		"the table at pDeviceFuncs was not filled");
	CF_TRUE(cf, "CAP-11", arg.pDeviceFuncs == &funcs && arg.pCallbacks == &cap_spy.callbacks.Callbacks,
		"the pointers in the structure were changed");
	cf_fill_device_table(&funcs);
	CF_OK(cf, "CAP-11", funcs.pfnDestroyDevice(arg.hDevice));
}

enum { MANY = 256 };

static void many_devices(struct cf *cf)
{
	D3DDDI_DEVICEFUNCS funcs;
	HANDLE devices[MANY];

	cap_spy_start(cf);
	for (int i = 0; i < MANY; i++) {
		D3DDDIARG_CREATEDEVICE arg = device_arg(&funcs);

		if (!CF_OK(cf, "CAP-12", CreateDevice(cf, &arg)))
			return;
		cf_fill_device_table(&funcs);
		devices[i] = arg.hDevice;
	}
	for (int i = 0; i < MANY; i++)
		CF_OK(cf, "CAP-12", funcs.pfnDestroyDevice(devices[i]));
}

static void obsolete_members_are_ignored(struct cf *cf)
{
	D3DDDI_DEVICEFUNCS funcs;
	D3DDDIARG_CREATEDEVICE arg = device_arg(&funcs);

	cap_spy_start(cf);
	memset(&arg.pCommandBuffer, CAP_FILL, sizeof(arg.pCommandBuffer));
	memset(&arg.pAllocationList, CAP_FILL, sizeof(arg.pAllocationList));
	memset(&arg.pPatchLocationList, CAP_FILL, sizeof(arg.pPatchLocationList));
	arg.CommandBufferSize = arg.AllocationListSize = arg.PatchLocationListSize = 0xffffffff;
	arg.CommandBuffer = 0xc3c3c3c3c3c3c3c3;
	if (!CF_DECIDED(cf, "CAP-13", S_OK, CreateDevice(cf, &arg)))
		return;
	cf_fill_device_table(&funcs);
	CF_DECIDED(cf, "CAP-13", S_OK, funcs.pfnDestroyDevice(arg.hDevice));
}

static void refuses_missing_arguments(struct cf *cf)
{
	struct rt_adapter *adapter = cf_adapter(cf);
	const D3DDDI_ADAPTERFUNCS *table = rt_adapter_funcs(adapter);
	D3DDDI_DEVICEFUNCS funcs;
	D3DDDIARG_CREATEDEVICE arg, before;

	cap_spy_start(cf);
	CF_DECIDED(cf, "CAP-17", E_INVALIDARG, table->pfnCreateDevice(rt_adapter_handle(adapter), NULL));
	for (int i = 0; i < 2; i++) {
		memset(&funcs, CAP_FILL, sizeof(funcs));
		arg = device_arg(&funcs);
		if (i == 0)
			arg.pDeviceFuncs = NULL;
		else
			arg.pCallbacks = NULL;
		before = arg;
		CF_DECIDED(cf, "CAP-17", E_INVALIDARG, CreateDevice(cf, &arg));
		CF_BYTES_DECIDED(cf, "CAP-17", &before, &arg, sizeof(arg),
				 "D3DDDIARG_CREATEDEVICE after a refused CreateDevice");
		CF_TRUE_DECIDED(cf, "CAP-17", cf_is_all(&funcs, sizeof(funcs), CAP_FILL),
				"the table was written by a refused CreateDevice");
	}
}

/* ---- CAP-20, CAP-21 ---------------------------------------------------------------------------------------- */

static void destroy_device_takes_all_with_it(struct cf *cf)
{
	const D3DDDI_RESOURCEFLAGS protected = { .RestrictedContent = 1 }, plain = { .Value = 0 };
	struct cf_device device;
	HANDLE resource;

	(void)cf_caps(cf);
	cap_spy_start(cf);
	CF_NEED(cf, cap_spy_device());
	device = cap_spy_as_device();
	for (int i = 0; i < 3; i++)
		(void)cf_session(cf, &device);
	CF_NEED(cf, cap_spy_resource(1, D3DDDIPOOL_VIDEOMEMORY, protected, &resource));
	CF_NEED(cf, cap_spy_resource(2, D3DDDIPOOL_SYSTEMMEM, plain, &resource));
	CF_OK(cf, "CAP-20", cap_spy.f.pfnDestroyDevice(cap_spy.device));
	CF_TRUE(cf, "CAP-20", cap_spy.live_allocations == 0, "%u allocations were not given back",
		cap_spy.live_allocations);
	CF_TRUE(cf, "CAP-20", cap_spy.sessions == cap_spy.sessions_gone,
		"%u protected sessions were made and %u destroyed", cap_spy.sessions, cap_spy.sessions_gone);
	CF_TRUE(cf, "CAP-20", cap_spy.locks == cap_spy.unlocks && cap_spy.contexts == cap_spy.contexts_gone,
		"%u locks and %u unlocks, %u contexts made and %u destroyed", cap_spy.locks, cap_spy.unlocks,
		cap_spy.contexts, cap_spy.contexts_gone);
}

static void resources_belong_to_their_device(struct cf *cf)
{
	struct cf_device a = cf_device(cf), b = cf_device(cf);
	const HANDLE session = cf_session(cf, &b);
	struct cf_surface inner_a, outer_a, inner_b, outer_b;
	uint8_t key[CF_KEY], iv[16];

	cf_key(21, key);
	CF_NEED(cf, cf_exchange(cf, &b, session, key));
	inner_a = cf_protected(cf, &a, D3DDDIFMT_A8R8G8B8, 16, 16);
	outer_a = cf_system(cf, &a, D3DDDIFMT_A8R8G8B8, 16, 16);
	inner_b = cf_protected(cf, &b, D3DDDIFMT_A8R8G8B8, 16, 16);
	outer_b = cf_system(cf, &b, D3DDDIFMT_A8R8G8B8, 16, 16);
	cf_iv(iv, cf_fresh_iv(cf), 0);
	CF_NEED(cf, cf_decrypt(&b, session, &outer_b, &inner_b, iv));
	cf_iv(iv, cf_fresh_iv(cf), 0);
	CF_FAILS(cf, "CAP-21", E_INVALIDARG, cf_decrypt(&b, session, &outer_a, &inner_b, iv));
	cf_iv(iv, cf_fresh_iv(cf), 0);
	CF_FAILS(cf, "CAP-21", E_INVALIDARG, cf_decrypt(&b, session, &outer_b, &inner_a, iv));
	cf_iv(iv, cf_fresh_iv(cf), 0);
	CF_OK(cf, "CAP-21", cf_decrypt(&b, session, &outer_b, &inner_b, iv));
}

const struct cf_test cap_tests_device[] = {
	{ "create-device-handle-and-table", "CAP-11", returns_a_handle_and_the_table },
	{ "many-devices", "CAP-12", many_devices },
	{ "create-device-obsolete-members", "CAP-13", obsolete_members_are_ignored },
	{ "create-device-missing-arguments", "CAP-17", refuses_missing_arguments },
	{ "destroy-device-takes-all-with-it", "CAP-20", destroy_device_takes_all_with_it },
	{ "resources-belong-to-their-device", "CAP-21", resources_belong_to_their_device },
	{ 0 },
};
