/* SPDX-License-Identifier: MIT */
/* Lock and Unlock: refused for protected surfaces while protection is on, and for no others. */
#include "conform/ac/ac.h"
#include "conform/blt/blt.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define SWITCHED "protection is not always on: an authenticated channel switches it"

static HRESULT lock(const struct cf_device *device, D3DDDIARG_LOCK *arg)
{
	return device->f->pfnLock(device->h, arg);
}

static HRESULT unlock(const struct cf_device *device, HANDLE resource, UINT index, UINT flags)
{
	const D3DDDIARG_UNLOCK arg = { .hResource = resource, .SubResourceIndex = index, .Flags = { .Value = flags } };

	return device->f->pfnUnlock(device->h, &arg);
}

static void protected_surfaces(struct cf *cf)
{
	static const UINT flags[] = { 0, /* ReadOnly */ 1, /* WriteOnly */ 2, /* Discard */ 8, /* DoNotWait */ 0x200 };
	struct blt b = blt_open_bare(cf);

	if (!cf_has(cf, D3DCPCAPS_PROTECTIONALWAYSON))
		cf_skip(cf, SWITCHED);
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		D3DDDIARG_LOCK arg = {
			.hResource = b.protected.h,
			.pSurfData = (void *)(uintptr_t)0x5a5a5a50,
			.Pitch = 0x11223344,
			.SlicePitch = 0x55667788,
			.Flags = { .Value = flags[i] },
		};

		CF_FAILS(cf, "BLT-96", E_ACCESSDENIED, lock(&b.device, &arg));
		CF_FAILS(cf, "BLT-94", E_ACCESSDENIED, lock(&b.device, &arg));
		CF_TRUE_DECIDED(cf, "BLT-94",
				arg.pSurfData == (void *)(uintptr_t)0x5a5a5a50 && arg.Pitch == 0x11223344 &&
					arg.SlicePitch == 0x55667788,
				"a refused Lock wrote pSurfData %p, Pitch %08x, SlicePitch %08x", arg.pSurfData,
				arg.Pitch, arg.SlicePitch);
	}
	/* With content and without a session as well. */
	if (blt_with_iv(&b, cf_fresh_iv(cf), 0) == S_OK) {
		D3DDDIARG_LOCK arg = { .hResource = b.protected.h };

		CF_FAILS(cf, "BLT-96", E_ACCESSDENIED, lock(&b.device, &arg));
		CF_NEED(cf, cf_destroy_session(&b.device, b.session));
		CF_FAILS(cf, "BLT-96", E_ACCESSDENIED, lock(&b.device, &arg));
	}
	/* What was not locked cannot be unlocked. */
	CF_FAILS(cf, "BLT-99", E_INVALIDARG, unlock(&b.device, b.protected.h, 0, 0));
}

/* Nobody switched it on, and it is not always on. */
static void protection_off(struct cf *cf)
{
	enum { READ_ONLY = 1 };
	uint8_t plain[BLT_MOST], written[BLT_MOST];
	struct blt b = blt_open_bare(cf);
	D3DDDIARG_LOCK arg = { .hResource = b.protected.h };

	if (cf_has(cf, D3DCPCAPS_PROTECTIONALWAYSON))
		cf_skip(cf, "protection is always on");
	if (!CF_OK(cf, "BLT-95", lock(&b.device, &arg)))
		return;
	CF_TRUE(cf, "BLT-95", arg.pSurfData != NULL, "Lock gave no pointer");
	CF_OK(cf, "BLT-95", unlock(&b.device, b.protected.h, 0, 0));
	CF_FAILS(cf, "BLT-99", E_INVALIDARG, unlock(&b.device, b.protected.h, 0, 0));

	/* It shows the surface, and what is written there is the surface's. */
	b = blt_open(cf);
	cf_pattern(plain, b.size, 31);
	cf_pattern(written, b.size, 32);
	blt_put(cf, &b, plain);
	arg = (D3DDDIARG_LOCK) { .hResource = b.protected.h };
	if (!CF_OK(cf, "BLT-95", lock(&b.device, &arg)))
		return;
	CF_TRUE_DECIDED(cf, "BLT-95", memcmp(arg.pSurfData, plain, b.size) == 0, "Lock does not show the surface");
	memcpy(arg.pSurfData, written, b.size);
	CF_OK(cf, "BLT-95", unlock(&b.device, b.protected.h, 0, 0));
	arg = (D3DDDIARG_LOCK) { .hResource = b.protected.h, .Flags = { .Value = READ_ONLY } };
	if (!CF_OK(cf, "BLT-95", lock(&b.device, &arg)))
		return;
	CF_TRUE_DECIDED(cf, "BLT-95", memcmp(arg.pSurfData, written, b.size) == 0, "what was written there is gone");
	CF_OK(cf, "BLT-95", unlock(&b.device, b.protected.h, 0, 0));
}

/* Whether these bytes stand at an address where there may be nothing by now: the kernel looks. */
static bool shows(struct cf *cf, const void *address, const void *bytes, size_t size)
{
	uint8_t seen[64];
	int ends[2];
	bool is_shown;

	if (pipe2(ends, O_CLOEXEC) < 0)
		cf_skip(cf, "no pipe could be made");
	is_shown = size <= sizeof(seen) && write(ends[1], address, size) == (ssize_t)size &&
		   read(ends[0], seen, size) == (ssize_t)size && memcmp(seen, bytes, size) == 0;
	close(ends[0]);
	close(ends[1]);
	return is_shown;
}

static void a_kept_pointer_shows_nothing_new(struct cf *cf)
{
	enum { SOME = 64 };
	uint8_t before[BLT_MOST], after[BLT_MOST];
	struct blt b = blt_open(cf);
	D3DDDIARG_LOCK arg = { .hResource = b.protected.h };
	const void *kept;

	if (cf_has(cf, D3DCPCAPS_PROTECTIONALWAYSON))
		cf_skip(cf, "protection is always on");
	cf_pattern(before, b.size, 33);
	blt_put(cf, &b, before);
	CF_NEED(cf, lock(&b.device, &arg));
	kept = arg.pSurfData;
	CF_TRUE_DECIDED(cf, "BLT-98", shows(cf, kept, before, SOME), "Lock does not show the surface");

	CF_DECIDED(cf, "BLT-98", D3DDDIERR_INVALIDCALL, blt_with_iv(&b, cf_fresh_iv(cf), 0));
	CF_DECIDED(cf, "BLT-40", D3DDDIERR_INVALIDCALL, blt_with_iv(&b, cf_fresh_iv(cf), 0));
	CF_TRUE_DECIDED(cf, "BLT-98", memcmp(kept, before, SOME) == 0, "a refused transfer changed a locked surface");
	CF_NEED(cf, unlock(&b.device, b.protected.h, 0, 0));
	if (cf_has(cf, D3DCPCAPS_ENCRYPTEDREADBACKKEY))
		blt_holds(cf, &b, "BLT-98", CF_BY_DECISION, before, b.size, "a surface that was locked");

	cf_pattern(after, b.size, 34);
	CF_DECIDED(cf, "BLT-98", S_OK, cf_put(cf, &b.device, b.session, b.key, after, &b.in, &b.protected));
	CF_TRUE_DECIDED(cf, "BLT-98", !shows(cf, kept, after, SOME), "the pointer of an earlier lock shows the film");
}

/* ---- protection that channels switch ------------------------------------------------------------------------------ */

static HRESULT enable(struct ac_channel *channel, bool is_on)
{
	struct ac_message message = ac_protection(channel, is_on);

	return ac_send(&channel->device, &message);
}

/* Protection is on from then, where it is not always on. */
static void protect(struct cf *cf, const struct cf_device *device)
{
	struct ac_channel channel;

	if (cf_has(cf, D3DCPCAPS_PROTECTIONALWAYSON))
		return;
	channel = ac_channel_ready(cf, device, AC_SOFTWARE);
	CF_NEED(cf, enable(&channel, true));
}

/* Lock of the whole surface, unlocked again; what it showed first. */
static HRESULT look(struct blt *b, void *ret)
{
	D3DDDIARG_LOCK arg = { .hResource = b->protected.h, .Flags = { .ReadOnly = 1 } };
	HRESULT hr = lock(&b->device, &arg);

	if (hr != S_OK)
		return hr;
	memcpy(ret, arg.pSurfData, b->size);
	return unlock(&b->device, b->protected.h, 0, 0);
}

static void refused_while_enabled(struct cf *cf)
{
	static const uint8_t zeroes[BLT_MOST];
	struct blt b = blt_open(cf);
	struct ac_channel channel = ac_channel_ready(cf, &b.device, AC_SOFTWARE);
	struct ac_channel other = ac_channel_ready(cf, &b.device, AC_SOFTWARE);
	uint8_t plain[BLT_MOST], seen[BLT_MOST];
	D3DDDIARG_LOCK arg = {
		.hResource = b.protected.h,
		.pSurfData = (void *)(uintptr_t)0x5a5a5a50,
		.Pitch = 0x11223344,
		.SlicePitch = 0x55667788,
	};

	CF_OK(cf, "BLT-97", enable(&channel, true));
	cf_pattern(plain, b.size, 35);
	blt_put(cf, &b, plain);
	CF_FAILS(cf, "BLT-94", E_ACCESSDENIED, lock(&b.device, &arg));
	CF_FAILS(cf, "BLT-97", E_ACCESSDENIED, lock(&b.device, &arg));
	CF_TRUE_DECIDED(cf, "BLT-94",
			arg.pSurfData == (void *)(uintptr_t)0x5a5a5a50 && arg.Pitch == 0x11223344 &&
				arg.SlicePitch == 0x55667788,
			"a refused Lock wrote pSurfData %p, Pitch %08x, SlicePitch %08x", arg.pSurfData, arg.Pitch,
			arg.SlicePitch);
	CF_FAILS(cf, "BLT-99", E_INVALIDARG, unlock(&b.device, b.protected.h, 0, 0));
	CF_FAILS(cf, "BLT-97", E_INVALIDARG, enable(&other, false));
	CF_FAILS(cf, "BLT-94", E_ACCESSDENIED, look(&b, seen));
	if (cf_has(cf, D3DCPCAPS_ENCRYPTEDREADBACK))
		blt_holds(cf, &b, "BLT-94", CF_BY_DECISION, plain, b.size, "a surface whose Lock was refused");

	/* By the channel that switched it on, or with its end. */
	CF_OK(cf, "BLT-97", enable(&channel, false));
	if (cf_has(cf, D3DCPCAPS_PROTECTIONALWAYSON)) {
		CF_FAILS(cf, "BLT-97", E_ACCESSDENIED, look(&b, seen));
		return;
	}
	for (int i = 0; i < 2; i++) {
		if (CF_OK(cf, "BLT-97", look(&b, seen)))
			CF_BYTES_DECIDED(cf, "BLT-97", zeroes, seen, b.size, "a surface whose protection ended");
		CF_NEED(cf, enable(&other, true));
		blt_put(cf, &b, plain);
		CF_FAILS(cf, "BLT-97", E_ACCESSDENIED, look(&b, seen));
		CF_NEED(cf, i == 0 ? enable(&other, false) : ac_destroy(&b.device, other.h));
	}
	if (CF_OK(cf, "BLT-97", look(&b, seen)))
		CF_BYTES_DECIDED(cf, "BLT-97", zeroes, seen, b.size, "a surface whose protection ended");
}

static void a_lock_outlives_the_switch(struct cf *cf)
{
	static const uint8_t zeroes[BLT_MOST];
	struct blt b = blt_open(cf);
	struct ac_channel channel = ac_channel_ready(cf, &b.device, AC_SOFTWARE);
	D3DDDIARG_LOCK arg = { .hResource = b.protected.h };
	uint8_t before[BLT_MOST], written[BLT_MOST], seen[BLT_MOST];

	if (cf_has(cf, D3DCPCAPS_PROTECTIONALWAYSON))
		cf_skip(cf, "protection is always on");
	cf_pattern(before, b.size, 36);
	cf_pattern(written, b.size, 37);
	blt_put(cf, &b, before);
	CF_NEED(cf, lock(&b.device, &arg));
	CF_NEED(cf, enable(&channel, true));
	CF_TRUE_DECIDED(cf, "BLT-98", memcmp(arg.pSurfData, before, b.size) == 0, "the lock shows something else");
	memcpy(arg.pSurfData, written, b.size);
	CF_DECIDED(cf, "BLT-98", S_OK, unlock(&b.device, b.protected.h, 0, 0));
	CF_DECIDED(cf, "BLT-98", E_ACCESSDENIED, look(&b, seen));
	if (cf_has(cf, D3DCPCAPS_ENCRYPTEDREADBACKKEY))
		blt_holds(cf, &b, "BLT-98", CF_BY_DECISION, written, b.size, "what was written under the lock");
	CF_NEED(cf, enable(&channel, false));
	if (CF_DECIDED(cf, "BLT-98", S_OK, look(&b, seen)))
		CF_BYTES_DECIDED(cf, "BLT-98", zeroes, seen, b.size, "a surface whose protection ended");

	/* Protection that comes and goes meanwhile: what had to be wiped does not come back at Unlock. */
	blt_put(cf, &b, before);
	arg = (D3DDDIARG_LOCK) { .hResource = b.protected.h };
	CF_NEED(cf, lock(&b.device, &arg));
	CF_NEED(cf, enable(&channel, true));
	CF_NEED(cf, enable(&channel, false));
	CF_DECIDED(cf, "BLT-98", S_OK, unlock(&b.device, b.protected.h, 0, 0));
	if (CF_DECIDED(cf, "BLT-98", S_OK, look(&b, seen)))
		CF_BYTES_DECIDED(cf, "BLT-98", zeroes, seen, b.size, "a surface that was wiped under a lock");
}

static void every_subresource(struct cf *cf)
{
	const D3DDDI_SURFACEINFO infos[3] = { { .Width = 16, .Height = 4 },
					      { .Width = 8, .Height = 2 },
					      { .Width = 4, .Height = 1 } };
	struct cf_device device = cf_device(cf);
	D3DDDIARG_CREATERESOURCE create = {
		.Format = D3DDDIFMT_A8R8G8B8,
		.Pool = D3DDDIPOOL_VIDEOMEMORY,
		.pSurfList = infos,
		.SurfCount = 3,
		.MipLevels = 3,
		.Flags = { .Value = BLT_RESTRICTED_CONTENT | BLT_TEXTURE | BLT_RENDER_TARGET },
		.Rotation = D3DDDI_ROTATION_IDENTITY,
	};
	HANDLE handle;

	protect(cf, &device);
	CF_NEED(cf, cf_create_resource(cf, &device, &create, &handle));
	for (UINT i = 0; i < 3; i++) {
		D3DDDIARG_LOCK arg = { .hResource = handle, .SubResourceIndex = i };

		CF_FAILS(cf, "BLT-106", E_ACCESSDENIED, lock(&device, &arg));
	}
}

static void ordinary_surfaces(struct cf *cf)
{
	struct blt b = blt_open_bare(cf);
	HANDLE ordinary = blt_surface(cf, &b, D3DDDIPOOL_VIDEOMEMORY, 0);
	D3DDDIARG_LOCK arg = { .hResource = b.out.h };

	protect(cf, &b.device);
	CF_OK(cf, "BLT-100", lock(&b.device, &arg));
	CF_TRUE(cf, "BLT-100", arg.pSurfData != NULL, "Lock gave no pointer");
	CF_OK(cf, "BLT-100", unlock(&b.device, b.out.h, 0, 0));
	if (ordinary) {
		arg = (D3DDDIARG_LOCK) { .hResource = ordinary };
		CF_OK(cf, "BLT-100", lock(&b.device, &arg));
		CF_TRUE(cf, "BLT-100", arg.pSurfData != NULL, "Lock gave no pointer");
		if (arg.pSurfData)
			memset(arg.pSurfData, 0x41, 64);
		CF_OK(cf, "BLT-100", unlock(&b.device, ordinary, 0, 0));
		CF_CODE(cf, "BLT-99", E_INVALIDARG, unlock(&b.device, ordinary, 0, 0));
	}
	CF_CODE(cf, "BLT-99", E_INVALIDARG, unlock(&b.device, b.out.h, 0, 0));
	CF_CODE(cf, "BLT-99", E_INVALIDARG, unlock(&b.device, b.in.h, 0, 0));
}

static void for_synchronisation_alone(struct cf *cf)
{
	enum { NOTIFY_ONLY = 0x80 };
	struct blt b = blt_open_bare(cf);
	D3DDDIARG_LOCK arg = { .hResource = b.in.h, .Flags = { .Value = NOTIFY_ONLY } };
	const D3DDDI_UNLOCKFLAGS notify = { .NotifyOnly = 1 };

	for (int i = 0; i < 2; i++) {
		CF_OK(cf, "BLT-117", lock(&b.device, &arg));
		CF_OK(cf, "BLT-117", unlock(&b.device, b.in.h, 0, notify.Value));
	}
}

static void no_asynchronous_lock(struct cf *cf)
{
	struct blt b = blt_open_bare(cf);
	D3DDDIARG_LOCKASYNC arg = { .hResource = b.protected.h };
	HRESULT hr;

	if (!cf_has(cf, D3DCPCAPS_PROTECTIONALWAYSON))
		cf_skip(cf, SWITCHED);
	hr = b.device.f->pfnLockAsync(b.device.h, &arg);
	CF_DECIDED(cf, "BLT-104", E_NOTIMPL, hr);
	CF_TRUE_DECIDED(cf, "BLT-104", hr != S_OK && arg.pSurfData == NULL, "LockAsync gave %p", arg.pSurfData);
}

const struct cf_test blt_lock_tests[] = {
	{ "lock-protected-surfaces", "BLT-94 BLT-96 BLT-99", protected_surfaces },
	{ "lock-protection-off", "BLT-95 BLT-99", protection_off },
	{ "lock-protection-off-without-alwayson", "BLT-95 BLT-99", protection_off, .variant = AC_SWITCHED },
	{ "lock-kept-pointer", "BLT-98 BLT-40", a_kept_pointer_shows_nothing_new },
	{ "lock-kept-pointer-without-alwayson", "BLT-98 BLT-40", a_kept_pointer_shows_nothing_new,
	  .variant = AC_SWITCHED },
	{ "lock-switched", "BLT-94 BLT-97 BLT-99", refused_while_enabled },
	{ "lock-switched-without-alwayson", "BLT-94 BLT-97 BLT-99", refused_while_enabled, .variant = AC_SWITCHED },
	{ "lock-outlives-the-switch", "BLT-98", a_lock_outlives_the_switch, .variant = AC_SWITCHED },
	{ "lock-every-subresource", "BLT-106", every_subresource },
	{ "lock-every-subresource-without-alwayson", "BLT-106", every_subresource, .variant = AC_SWITCHED },
	{ "lock-ordinary-surfaces", "BLT-99 BLT-100", ordinary_surfaces },
	{ "lock-ordinary-surfaces-without-alwayson", "BLT-99 BLT-100", ordinary_surfaces, .variant = AC_SWITCHED },
	{ "lock-notify-only", "BLT-117", for_synchronisation_alone },
	{ "lock-asynchronous", "BLT-104", no_asynchronous_lock },
	{ 0 },
};
