/* SPDX-License-Identifier: MIT */
/* Drivers that break one rule about Lock, other copies or a capability bit. */
#include "mutants_blt.h"

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
	{ "locks-forgotten", "BLT-40 BLT-62", true, put_locks_forgotten },
	{ "unlock-not-checked", "BLT-99", false, put_unlock_not_checked },
	{ "asynchronous-lock", "BLT-104", true, put_lock_async },
	{ "copies-anything", "BLT-105", true, put_copies_anything },
	{ "caps-of-another-interface", "BLT-52", false, .adapter = put_caps_of_another_interface },
	{ 0 },
};
