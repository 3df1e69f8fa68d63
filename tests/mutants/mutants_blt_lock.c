/* SPDX-License-Identifier: MIT */
/* Drivers that break one rule about Lock, other copies or a capability bit. */
#include "mutants_blt.h"

#include <string.h>

/* ---- Lock ---------------------------------------------------------------------------------------------------------------- */

static uint8_t dark[1 << 20]; /* what a lock that should have failed shows */

static HRESULT show_nothing(D3DDDIARG_LOCK *arg)
{
	arg->pSurfData = dark;
	arg->Pitch = 64;
	arg->SlicePitch = 64;
	return S_OK;
}

MB_LOCK(lock_allowed)
{
	HRESULT hr = mutant_real.pfnLock(hDevice, arg);

	return hr == E_ACCESSDENIED ? show_nothing(arg) : hr;
}

MB_LOCK(lock_allowed_to_read)
{
	HRESULT hr = mutant_real.pfnLock(hDevice, arg);

	return hr == E_ACCESSDENIED && arg->Flags.ReadOnly ? show_nothing(arg) : hr;
}

MB_LOCK(lock_of_later_surfaces)
{
	HRESULT hr = mutant_real.pfnLock(hDevice, arg);

	return hr == E_ACCESSDENIED && arg->SubResourceIndex > 0 ? show_nothing(arg) : hr;
}

MB_LOCK(lock_of_opened_resources)
{
	HRESULT hr = mutant_real.pfnLock(hDevice, arg);

	return hr == E_ACCESSDENIED && !mutant_resource(arg->hResource) ? show_nothing(arg) : hr;
}

MB_LOCK(lock_clears_its_outputs)
{
	HRESULT hr = mutant_real.pfnLock(hDevice, arg);

	if (hr != S_OK && arg) {
		arg->pSurfData = NULL;
		arg->Pitch = arg->SlicePitch = 0;
	}
	return hr;
}

MB_LOCK(lock_refused_for_all)
{
	const struct mutant_resource *noted = arg ? mutant_resource(arg->hResource) : NULL;

	return noted && noted->arg.Pool != D3DDDIPOOL_SYSTEMMEM ? E_ACCESSDENIED : mutant_real.pfnLock(hDevice, arg);
}

MB_LOCK(lock_to_notify_refused)
{
	return arg && arg->Flags.NotifyOnly ? E_NOTIMPL : mutant_real.pfnLock(hDevice, arg);
}

/* Locks that the transfers know nothing of. */
static HRESULT APIENTRY lock_and_forget(HANDLE hDevice, D3DDDIARG_LOCK *arg)
{
	HRESULT hr = mutant_real.pfnLock(hDevice, arg);

	if (hr == S_OK && mb_is_system(arg->hResource))
		(void)mutant_real.pfnUnlock(hDevice, &(D3DDDIARG_UNLOCK) { .hResource = arg->hResource,
									   .SubResourceIndex = arg->SubResourceIndex });
	return hr;
}

static HRESULT APIENTRY unlock_anything(HANDLE hDevice, const D3DDDIARG_UNLOCK *arg)
{
	HRESULT hr = mutant_real.pfnUnlock(hDevice, arg);

	return hr == E_INVALIDARG && arg && mutant_resource(arg->hResource) ? S_OK : hr;
}

static void put_locks_forgotten(D3DDDI_DEVICEFUNCS *funcs)
{
	funcs->pfnLock = lock_and_forget;
	funcs->pfnUnlock = unlock_anything;
}

static void put_unlock_not_checked(D3DDDI_DEVICEFUNCS *funcs)
{
	funcs->pfnUnlock = unlock_anything;
}

static HRESULT APIENTRY lock_async(HANDLE hDevice, D3DDDIARG_LOCKASYNC *arg)
{
	(void)hDevice;
	arg->pSurfData = dark;
	return S_OK;
}

static void put_lock_async(D3DDDI_DEVICEFUNCS *funcs)
{
	funcs->pfnLockAsync = lock_async;
}

/* ---- Lock where protection is off ---------------------------------------------------------------------------------------- */

enum { PROTECTED = 0x40000000, READ_ONLY = 0x1 };

static bool is_protected(const D3DDDIARG_LOCK *arg)
{
	return arg && mb_is_flagged(arg->hResource, PROTECTED);
}

MB_LOCK(lock_refused_for_protected)
{
	return is_protected(arg) ? E_ACCESSDENIED : mutant_real.pfnLock(hDevice, arg);
}

MB_LOCK(lock_shows_nothing)
{
	HRESULT hr = mutant_real.pfnLock(hDevice, arg);

	return hr == S_OK && is_protected(arg) ? show_nothing(arg) : hr;
}

MB_LOCK(lock_of_another_pitch)
{
	HRESULT hr = mutant_real.pfnLock(hDevice, arg);

	if (hr == S_OK && is_protected(arg))
		arg->Pitch += 16;
	return hr;
}

static uint8_t film[1 << 16]; /* what was decrypted last */
static size_t film_size;

static HRESULT APIENTRY decrypt_and_watch(HANDLE hDevice, const D3DDDIARG_DECRYPTIONBLT *arg)
{
	const HRESULT hr = MB_IN(arg);
	D3DDDIARG_LOCK lock = { .Flags.Value = READ_ONLY };

	if (hr != S_OK)
		return hr;
	lock.hResource = arg->hDstResource;
	lock.SubResourceIndex = arg->DstSubResourceIndex;
	if (mutant_real.pfnLock(hDevice, &lock) != S_OK)
		return hr;
	film_size = lock.SlicePitch < sizeof(film) ? lock.SlicePitch : sizeof(film);
	memcpy(film, lock.pSurfData, film_size);
	(void)mutant_real.pfnUnlock(hDevice, &(D3DDDIARG_UNLOCK) { .hResource = lock.hResource,
								   .SubResourceIndex = lock.SubResourceIndex });
	return hr;
}

/* A mapping that stays, and shows what comes. */
static HRESULT APIENTRY lock_for_ever(HANDLE hDevice, D3DDDIARG_LOCK *arg)
{
	HRESULT hr = mutant_real.pfnLock(hDevice, arg);

	if (hr == S_OK && is_protected(arg))
		arg->pSurfData = film;
	return hr;
}

static void put_lock_for_ever(D3DDDI_DEVICEFUNCS *funcs)
{
	funcs->pfnDecryptionBlt = decrypt_and_watch;
	funcs->pfnLock = lock_for_ever;
}

/* Content that nothing wipes. */
static HRESULT APIENTRY lock_of_the_past(HANDLE hDevice, D3DDDIARG_LOCK *arg)
{
	HRESULT hr = mutant_real.pfnLock(hDevice, arg);

	if (hr == S_OK && is_protected(arg) && arg->SlicePitch >= film_size)
		memcpy(arg->pSurfData, film, film_size);
	return hr;
}

static void put_lock_of_the_past(D3DDDI_DEVICEFUNCS *funcs)
{
	funcs->pfnDecryptionBlt = decrypt_and_watch;
	funcs->pfnLock = lock_of_the_past;
}

/* A lock that a transfer ends. */
static HRESULT APIENTRY decrypt_into_locked(HANDLE hDevice, const D3DDDIARG_DECRYPTIONBLT *arg)
{
	HRESULT hr = MB_IN(arg);

	if (hr == D3DDDIERR_INVALIDCALL &&
	    mutant_real.pfnUnlock(hDevice, &(D3DDDIARG_UNLOCK) { .hResource = arg->hDstResource,
								 .SubResourceIndex = arg->DstSubResourceIndex }) ==
		    S_OK)
		hr = MB_IN(arg);
	return hr;
}

static void put_decrypt_into_locked(D3DDDI_DEVICEFUNCS *funcs)
{
	funcs->pfnDecryptionBlt = decrypt_into_locked;
	funcs->pfnUnlock = unlock_anything;
}

/* ---- other copies, other bits ------------------------------------------------------------------------------------------- */

static HRESULT APIENTRY copies_anything(HANDLE hDevice, VOID *arg)
{
	(void)hDevice;
	(void)arg;
	return S_OK;
}

static void put_copies_anything(D3DDDI_DEVICEFUNCS *funcs)
{
	funcs->pfnBlt = copies_anything;
}

static HRESULT APIENTRY caps_of_another_interface(HANDLE hAdapter, const D3DDDIARG_GETCAPS *arg)
{
	HRESULT hr = mutant_real_adapter.pfnGetCaps(hAdapter, arg);

	if (hr == S_OK && arg->Type == D3DDDICAPS_GETCONTENTPROTECTIONCAPS)
		((D3DCONTENTPROTECTIONCAPS *)arg->pData)->Caps |= 0x400;
	return hr;
}

static void put_caps_of_another_interface(D3DDDI_ADAPTERFUNCS *funcs)
{
	funcs->pfnGetCaps = caps_of_another_interface;
}

const struct mutant mutants_blt_lock[] = {
	{ "lock-allowed", "BLT-96 BLT-94", false, put_lock_allowed },
	{ "lock-allowed-to-read", "BLT-94 BLT-96", false, put_lock_allowed_to_read },
	{ "lock-of-later-surfaces", "BLT-106", false, put_lock_of_later_surfaces },
	{ "lock-of-opened-resources", "BLT-112", true, put_lock_of_opened_resources },
	{ "lock-clears-its-outputs", "BLT-94", true, put_lock_clears_its_outputs },
	{ "lock-refused-for-all", "BLT-100", false, put_lock_refused_for_all },
	{ "lock-to-notify-refused", "BLT-117", false, put_lock_to_notify_refused },
	{ "lock-refused-for-protected", "BLT-95", false, put_lock_refused_for_protected },
	{ "lock-shows-nothing", "BLT-95", true, put_lock_shows_nothing },
	{ "lock-of-another-pitch", "BLT-86", true, put_lock_of_another_pitch },
	{ "lock-for-ever", "BLT-98", true, put_lock_for_ever },
	{ "lock-of-the-past", "CS-13", true, put_lock_of_the_past },
	{ "locked-surfaces-written", "BLT-98 BLT-40", true, put_decrypt_into_locked },
	{ "locks-forgotten", "BLT-40 BLT-62", true, put_locks_forgotten },
	{ "unlock-not-checked", "BLT-99", false, put_unlock_not_checked },
	{ "asynchronous-lock", "BLT-104", true, put_lock_async },
	{ "copies-anything", "BLT-105", true, put_copies_anything },
	{ "caps-of-another-interface", "BLT-52", false, .adapter = put_caps_of_another_interface },
	{ 0 },
};
