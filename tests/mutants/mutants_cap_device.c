/* SPDX-License-Identifier: MIT */
/* Mutants of the device table and of what the driver calls in the runtime. */
#include "mutants_cap.h"

#include <string.h>

/* ---- the table ------------------------------------------------------------------------------------------------ */

MUTANT_DEVICE(mutant_half_a_table)
{
	funcs->pfnCreateResource = NULL;
	funcs->pfnLock = NULL;
}

/* Both take a pointer to the session's handle. */
MUTANT_DEVICE(mutant_slots_swapped)
{
	memcpy(&funcs->pfnDestroyCryptoSession, &mutant_real.pfnFinishSessionKeyRefresh, sizeof(void *));
	memcpy(&funcs->pfnFinishSessionKeyRefresh, &mutant_real.pfnDestroyCryptoSession, sizeof(void *));
}

MUTANT_DEVICE(mutant_empty_slot)
{
	funcs->pfnComposeRects = NULL;
}

static HRESULT APIENTRY set_render_state(HANDLE hDevice, VOID *pData)
{
	(void)hDevice;
	(void)pData;
	return S_OK;
}

MUTANT_DEVICE(mutant_does_what_it_cannot)
{
	funcs->pfnSetRenderState = set_render_state;
}

static HRESULT APIENTRY decrypt_whatever(HANDLE hDevice, const D3DDDIARG_DECRYPTIONBLT *pData)
{
	HRESULT hr = mutant_real.pfnDecryptionBlt(hDevice, pData);

	return hr == E_INVALIDARG ? S_OK : hr;
}

MUTANT_DEVICE(mutant_foreign_resource)
{
	funcs->pfnDecryptionBlt = decrypt_whatever;
}

/* ---- required and optional functions ---------------------------------------------------------------------------- */

static HRESULT APIENTRY no_key_exchange(HANDLE hDevice, D3DDDIARG_CRYPTOSESSIONKEYEXCHANGE *pData)
{
	(void)hDevice;
	(void)pData;
	return D3DDDIERR_NOTAVAILABLE;
}

MUTANT_DEVICE(mutant_no_key_exchange)
{
	funcs->pfnCryptoSessionKeyExchange = no_key_exchange;
}

static HRESULT APIENTRY pitch_not_implemented(HANDLE hDevice, D3DDDIARG_GETPITCH *pData)
{
	(void)hDevice;
	(void)pData;
	return E_NOTIMPL;
}

MUTANT_DEVICE(mutant_third_answer)
{
	funcs->pfnGetPitch = pitch_not_implemented;
}

static HRESULT APIENTRY finish_not_available(HANDLE hDevice, const D3DDDIARG_FINISHSESSIONKEYREFRESH *pData)
{
	(void)hDevice;
	(void)pData;
	return D3DDDIERR_NOTAVAILABLE;
}

MUTANT_DEVICE(mutant_bit_without_function)
{
	funcs->pfnFinishSessionKeyRefresh = finish_not_available;
}

/* ---- callbacks ---------------------------------------------------------------------------------------------------- */

static HRESULT APIENTRY unlock_nothing(HANDLE hDevice, const D3DDDIARG_UNLOCK *pData)
{
	(void)hDevice;
	(void)pData;
	return S_OK;
}

MUTANT_DEVICE(mutant_unlock_does_nothing)
{
	funcs->pfnUnlock = unlock_nothing;
}

static HRESULT APIENTRY lock_and_call_back(HANDLE hDevice, D3DDDIARG_LOCK *pData)
{
	HRESULT hr = mutant_real.pfnLock(hDevice, pData);
	D3DDDICB_LOCK lock = { 0 };

	/* The runtime's device is not known here; one that was never given serves as well. */
	if (hr == E_ACCESSDENIED && mutant_callbacks.pfnLockCb)
		(void)mutant_callbacks.pfnLockCb(hDevice, &lock);
	return hr;
}

MUTANT_DEVICE(mutant_refused_lock_calls_back)
{
	funcs->pfnLock = lock_and_call_back;
}

static HRESULT allocate_result;

static HRESULT APIENTRY allocate_and_keep(HANDLE hDevice, D3DDDICB_ALLOCATE *pData)
{
	allocate_result = mutant_callbacks.pfnAllocateCb(hDevice, pData);
	return allocate_result;
}

MUTANT_CALLBACKS(mutant_keep_allocate_result)
{
	callbacks->pfnAllocateCb = allocate_and_keep;
}

static HRESULT APIENTRY create_resource_as_it_came(HANDLE hDevice, D3DDDIARG_CREATERESOURCE *pData)
{
	HRESULT hr;

	allocate_result = S_OK;
	hr = mutant_real.pfnCreateResource(hDevice, pData);
	return hr == S_OK || allocate_result == S_OK ? hr : allocate_result;
}

MUTANT_DEVICE(mutant_callback_code_passed_on)
{
	funcs->pfnCreateResource = create_resource_as_it_came;
}

static HRESULT APIENTRY deallocate_nothing(HANDLE hDevice, const D3DDDICB_DEALLOCATE *pData)
{
	(void)hDevice;
	(void)pData;
	return S_OK;
}

MUTANT_CALLBACKS(mutant_leaks_allocations)
{
	callbacks->pfnDeallocateCb = deallocate_nothing;
}

static HRESULT APIENTRY escape_by_another_handle(HANDLE hAdapter, const D3DDDICB_ESCAPE *pData)
{
	D3DDDICB_ESCAPE arg = *pData;

	arg.hDevice = (uint8_t *)arg.hDevice + 1;
	return mutant_callbacks.pfnEscapeCb(hAdapter, &arg);
}

MUTANT_CALLBACKS(mutant_another_device_handle)
{
	callbacks->pfnEscapeCb = escape_by_another_handle;
}

static HRESULT APIENTRY deallocate_by_list(HANDLE hDevice, const D3DDDICB_DEALLOCATE *pData)
{
	D3DDDICB_DEALLOCATE arg = *pData;

	arg.NumAllocations = 1;
	return mutant_callbacks.pfnDeallocateCb(hDevice, &arg);
}

MUTANT_CALLBACKS(mutant_deallocates_by_list)
{
	callbacks->pfnDeallocateCb = deallocate_by_list;
}
