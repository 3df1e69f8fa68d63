/* SPDX-License-Identifier: MIT */
/* The device table: how far it is written, what stands in which slot: CAP-14, CAP-15, CAP-18. */
#include "conform/cap/cap.h"

#include <string.h>

enum { SLOTS = 121, SLOT_CREATE_DECODE_DEVICE = 69 };

_Static_assert(sizeof(D3DDDI_DEVICEFUNCS) == SLOTS * sizeof(void *), "the Windows 7 part (CAP-14)");

typedef HRESULT(APIENTRY *slot_fn)(HANDLE, void *);

/* Room for the longest table there is, and more. */
struct room {
	D3DDDI_DEVICEFUNCS funcs;
	uint8_t guard[1024];
};

static HRESULT create_device(struct cf *cf, D3DDDI_DEVICEFUNCS *funcs, HANDLE *ret)
{
	struct rt_adapter *adapter = cf_adapter(cf);
	D3DDDIARG_CREATEDEVICE arg = {
		.hDevice = cap_spy_runtime_device(),
		.Interface = 9,
		.Version = D3D_UMD_INTERFACE_VERSION_WIN7,
		.pCallbacks = &cap_spy.callbacks.Callbacks,
		.pDeviceFuncs = funcs,
	};
	HRESULT hr;

	arg.Flags.Value = DXVAULT_CREATEDEVICE_PROTECTED_SESSIONS;
	hr = rt_adapter_funcs(adapter)->pfnCreateDevice(rt_adapter_handle(adapter), &arg);
	if (hr == S_OK)
		*ret = arg.hDevice;
	return hr;
}

static void make(struct cf *cf, struct room *room, HANDLE *ret_device)
{
	cap_spy_start(cf);
	memset(room, CAP_FILL, sizeof(*room));
	CF_NEED(cf, create_device(cf, &room->funcs, ret_device));
}

static slot_fn slot(const struct room *room, unsigned int number)
{
	slot_fn function;

	memcpy(&function, (const uint8_t *)&room->funcs + number * sizeof(function), sizeof(function));
	return function;
}

static void ends_where_the_version_ends(struct cf *cf)
{
	struct room room;
	HANDLE device;

	make(cf, &room, &device);
	CF_TRUE_DECIDED(cf, "CAP-14", cf_is_all(room.guard, sizeof(room.guard), CAP_FILL),
			"bytes behind the 968 of the Windows 7 table were written");
	for (unsigned int i = 0; i < SLOTS; i++) {
		const slot_fn function = slot(&room, i);

		CF_TRUE_DECIDED(cf, "CAP-14", !cf_is_all(&function, sizeof(function), CAP_FILL),
				"slot %u was not written", i);
	}
}

/* By the number alone: what acts there is the function of that name. */
static void functions_stand_in_their_slots(struct cf *cf)
{
	enum {
		CREATE_RESOURCE = 37,
		DESTROY_RESOURCE = 38,
		DESTROY_DEVICE = 91,
		CREATE = 111,
		DESTROY = 113,
		PITCH = 115
	};
	static const unsigned int needed[] = { CREATE_RESOURCE, DESTROY_RESOURCE, DESTROY_DEVICE, CREATE, DESTROY };
	const D3DDDI_SURFACEINFO surface = { .Width = 16, .Height = 16 };
	D3DDDIARG_CREATERESOURCE resource = {
		.Format = D3DDDIFMT_A8R8G8B8,
		.Pool = D3DDDIPOOL_VIDEOMEMORY,
		.pSurfList = &surface,
		.SurfCount = 1,
		.MipLevels = 1,
		.hResource = cap_spy_runtime_resource(1),
		.Flags = { .RestrictedContent = 1 },
		.Rotation = D3DDDI_ROTATION_IDENTITY,
	};
	D3DDDIARG_CREATECRYPTOSESSION create = { .CryptoType = D3DCRYPTOTYPE_AES128_CTR };
	D3DDDIARG_DESTROYCRYPTOSESSION destroy;
	D3DDDIARG_GETPITCH pitch;
	struct room room;
	HANDLE device;
	HRESULT hr;

	(void)cf_caps(cf);
	make(cf, &room, &device);
	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
		if (!CF_TRUE(cf, "CAP-15", slot(&room, needed[i]) != NULL, "slot %u is NULL", needed[i]))
			return;
	}
	CF_OK(cf, "CAP-15", slot(&room, CREATE)(device, &create));
	CF_TRUE(cf, "CAP-15", create.hCryptoSession != NULL, "slot 111 made no crypto session");
	CF_OK(cf, "CAP-15", slot(&room, CREATE_RESOURCE)(device, &resource));
	CF_TRUE(cf, "CAP-15", resource.hResource != cap_spy_runtime_resource(1),
		"slot 37 gave no handle of the driver's");
	pitch = (D3DDDIARG_GETPITCH) { .hCryptoSession = create.hCryptoSession, .hResource = resource.hResource };
	hr = slot(&room, PITCH) ? slot(&room, PITCH)(device, &pitch) : D3DDDIERR_NOTAVAILABLE;
	CF_TRUE(cf, "CAP-15", hr == D3DDDIERR_NOTAVAILABLE || (hr == S_OK && pitch.Pitch >= 64),
		"slot 115 answered %s and the pitch %u", cf_code_name(cf, hr), pitch.Pitch);
	/* Its second parameter is the handle itself. */
	CF_OK(cf, "CAP-15", slot(&room, DESTROY_RESOURCE)(device, resource.hResource));
	destroy.hCryptoSession = create.hCryptoSession;
	CF_OK(cf, "CAP-15", slot(&room, DESTROY)(device, &destroy));
	CF_OK(cf, "CAP-15", room.funcs.pfnDestroyDevice(device));
	CF_TRUE(cf, "CAP-15", cap_spy.live_allocations == 0 && cap_spy.sessions == cap_spy.sessions_gone,
		"the functions of slots 38, 91 and 113 left %u allocations and %u sessions", cap_spy.live_allocations,
		cap_spy.sessions - cap_spy.sessions_gone);
}

static void empty_slots_hold_a_function(struct cf *cf)
{
	struct room room;
	HANDLE device;

	make(cf, &room, &device);
	for (unsigned int i = 0; i < SLOTS; i++)
		CF_TRUE_DECIDED(cf, "CAP-18", slot(&room, i) != NULL, "slot %u is NULL", i);
}

/* Slots that are neither this DDI's nor a resource's: a driver for content protection alone has nothing to do there. */
static void what_is_not_there_says_so(struct cf *cf)
{
	static const uint8_t others[] = { 35,  36,  37,	 38,  40,  41,	91,  93,  106, 107, 108,
					  109, 110, 111, 112, 113, 114, 115, 116, 117, 118, 119 };
	uint8_t argument[512] = { 0 };
	struct room room;
	HANDLE device;

	make(cf, &room, &device);
	for (unsigned int i = 0; i < SLOTS; i++) {
		const slot_fn function = slot(&room, i);

		if (!function || memchr(others, (int)i, sizeof(others)))
			continue;
		if (i == SLOT_CREATE_DECODE_DEVICE)
			CF_DECIDED(cf, "CAP-18", D3DDDIERR_NOTAVAILABLE, function(device, argument));
		else
			CF_DECIDED(cf, "CAP-18", E_NOTIMPL, function(device, argument));
	}
	if (room.funcs.pfnFlush)
		CF_DECIDED(cf, "CAP-18", E_NOTIMPL, room.funcs.pfnFlush(device));
}

const struct cf_test cap_tests_table[] = {
	{ "device-table-size", "CAP-14", ends_where_the_version_ends },
	{ "device-table-slots", "CAP-15", functions_stand_in_their_slots },
	{ "device-table-is-full", "CAP-18", empty_slots_hold_a_function },
	{ "device-table-what-is-not-there", "CAP-18", what_is_not_there_says_so },
	{ 0 },
};
