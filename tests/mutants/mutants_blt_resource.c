/* SPDX-License-Identifier: MIT */
/* Drivers that break one rule about resources or GetPitch. */
#include "mutants_blt.h"

#include <stdlib.h>
#include <string.h>

#define RESTRICTED   0x40000000u
#define NOT_LOCKABLE 0x80u
#define SHARED	     0x800u

/* ---- GetPitch ----------------------------------------------------------------------------------------------------- */

static bool of_system_memory(const D3DDDIARG_GETPITCH *arg)
{
	return arg && mb_is_system(arg->hResource);
}

/* Of surfaces that nobody transfers, so that only GetPitch itself is seen: those of three rows. */
static bool of_three_rows(const D3DDDIARG_GETPITCH *arg)
{
	const struct mutant_resource *noted = arg ? mutant_resource(arg->hResource) : NULL;

	return noted && noted->arg.pSurfList->Height == 3;
}

MB_PITCH(pitch_of_half_a_row)
{
	HRESULT hr = mutant_real.pfnGetPitch(hDevice, arg);

	if (hr == S_OK && of_three_rows(arg))
		arg->Pitch /= 2;
	return hr;
}

MB_PITCH(pitch_not_rounded)
{
	HRESULT hr = mutant_real.pfnGetPitch(hDevice, arg);
	uint32_t row, pitch, rows;

	if (hr == S_OK && !of_system_memory(arg) && mb_layout(arg->hResource, 0, &row, &pitch, &rows) && rows == 2)
		arg->Pitch = row;
	return hr;
}

MB_PITCH(pitch_changes)
{
	static struct mb_notes seen;
	HRESULT hr = mutant_real.pfnGetPitch(hDevice, arg);

	if (hr != S_OK)
		return hr;
	if (mb_is_noted(&seen, arg->hResource, 0))
		arg->Pitch += 16;
	mb_note(&seen, arg->hResource, 0);
	return hr;
}

MB_PITCH(pitch_soon_gone)
{
	static size_t calls;

	return ++calls > 5 ? D3DDDIERR_NOTAVAILABLE : mutant_real.pfnGetPitch(hDevice, arg);
}

/* The session must have a key; the first question about a resource is forgiven, or nothing else would be seen. */
static struct mb_notes keyed;

static HRESULT APIENTRY noted_exchange(HANDLE hDevice, D3DDDIARG_CRYPTOSESSIONKEYEXCHANGE *arg)
{
	HRESULT hr = mutant_real.pfnCryptoSessionKeyExchange(hDevice, arg);

	if (hr == S_OK)
		mb_note(&keyed, arg->hCryptoSession, 0);
	return hr;
}

static HRESULT APIENTRY pitch_needs_a_key(HANDLE hDevice, D3DDDIARG_GETPITCH *arg)
{
	static struct mb_notes seen;
	HRESULT hr = mutant_real.pfnGetPitch(hDevice, arg);

	if (hr == S_OK && mb_is_noted(&seen, arg->hResource, 0) && !mb_is_noted(&keyed, arg->hCryptoSession, 0))
		return D3DDDIERR_INVALIDCALL;
	mb_note(&seen, arg->hResource, 0);
	return hr;
}

static void put_pitch_needs_a_key(D3DDDI_DEVICEFUNCS *funcs)
{
	funcs->pfnGetPitch = pitch_needs_a_key;
	funcs->pfnCryptoSessionKeyExchange = noted_exchange;
}

MB_PITCH(pitch_for_any_device)
{
	HRESULT hr = mutant_real.pfnGetPitch(hDevice, arg);

	if (hr != E_INVALIDARG || !arg || !mutant_resource(arg->hResource) || arg->SubResourceIndex > 0)
		return hr;
	arg->Pitch = 64;
	return S_OK;
}

MB_PITCH(pitch_of_any_index)
{
	D3DDDIARG_GETPITCH other;
	HRESULT hr;

	if (!arg)
		return mutant_real.pfnGetPitch(hDevice, arg);
	other = *arg;
	other.SubResourceIndex = 0;
	hr = mutant_real.pfnGetPitch(hDevice, &other);
	arg->Pitch = other.Pitch;
	return hr;
}

MB_PITCH(sys_mem_pitch_rounded)
{
	HRESULT hr = mutant_real.pfnGetPitch(hDevice, arg);

	if (hr == S_OK && of_system_memory(arg))
		arg->Pitch = (arg->Pitch + 15) / 16 * 16;
	return hr;
}

MB_PITCH(pitch_cleared_on_failure)
{
	HRESULT hr = mutant_real.pfnGetPitch(hDevice, arg);

	if (hr != S_OK && arg)
		arg->Pitch = 0;
	return hr;
}

/* ---- CreateResource and OpenResource -------------------------------------------------------------------------------- */

static HRESULT create_with(HANDLE hDevice, D3DDDIARG_CREATERESOURCE *arg, UINT flags)
{
	const UINT before = arg->Flags.Value;
	HRESULT hr;

	arg->Flags.Value = flags;
	hr = mutant_real.pfnCreateResource(hDevice, arg);
	arg->Flags.Value = before;
	return hr;
}

MB_CREATE(formats_without_end)
{
	const D3DDDIFORMAT format = arg ? arg->Format : 0;
	HRESULT hr = mutant_real.pfnCreateResource(hDevice, arg);

	if (hr != E_INVALIDARG || !arg || arg->Pool == D3DDDIPOOL_SYSTEMMEM || !(arg->Flags.Value & RESTRICTED))
		return hr;
	arg->Format = D3DDDIFMT_A8R8G8B8;
	hr = mutant_real.pfnCreateResource(hDevice, arg);
	arg->Format = format;
	return hr;
}

MB_CREATE(protected_only_if_not_lockable)
{
	if (arg && (arg->Flags.Value & (RESTRICTED | NOT_LOCKABLE)) == RESTRICTED)
		return E_INVALIDARG;
	return mutant_real.pfnCreateResource(hDevice, arg);
}

MB_CREATE(reserved_multisample_refused)
{
	return arg && arg->MultisampleType != 0 ? E_INVALIDARG : mutant_real.pfnCreateResource(hDevice, arg);
}

MB_CREATE(system_memory_protected)
{
	if (arg && arg->Pool == D3DDDIPOOL_SYSTEMMEM)
		return create_with(hDevice, arg, arg->Flags.Value & ~RESTRICTED);
	return mutant_real.pfnCreateResource(hDevice, arg);
}

MB_CREATE(local_memory_refused)
{
	if (arg && arg->Pool == D3DDDIPOOL_LOCALVIDMEM && arg->Flags.RestrictedContent)
		return E_INVALIDARG;
	return mutant_real.pfnCreateResource(hDevice, arg);
}

MB_CREATE(no_limit)
{
	const UINT flags = arg ? arg->Flags.Value : 0;
	HRESULT hr = mutant_real.pfnCreateResource(hDevice, arg);

	return hr == E_OUTOFMEMORY && arg ? create_with(hDevice, arg, flags & ~RESTRICTED) : hr;
}

MB_CREATE(null_memory_accepted)
{
	D3DDDI_SURFACEINFO info;
	const D3DDDI_SURFACEINFO *before;
	HRESULT hr;

	if (!arg || arg->Pool != D3DDDIPOOL_SYSTEMMEM || arg->SurfCount != 1 || arg->pSurfList->pSysMem)
		return mutant_real.pfnCreateResource(hDevice, arg);
	before = arg->pSurfList;
	info = *before;
	info.pSysMem = aligned_alloc(4096, 65536);
	arg->pSurfList = &info;
	hr = mutant_real.pfnCreateResource(hDevice, arg);
	arg->pSurfList = before;
	return hr;
}

MB_CREATE(misaligned_memory_refused)
{
	if (arg && arg->Pool == D3DDDIPOOL_SYSTEMMEM && arg->SurfCount > 0 &&
	    (uintptr_t)arg->pSurfList->pSysMem % 16 != 0)
		return E_INVALIDARG;
	return mutant_real.pfnCreateResource(hDevice, arg);
}

MB_CREATE(restriction_without_sharing)
{
	if (arg && arg->Flags.RestrictSharedAccess && !arg->Flags.SharedResource)
		return create_with(hDevice, arg, arg->Flags.Value & ~0x80000000u);
	return mutant_real.pfnCreateResource(hDevice, arg);
}

MB_CREATE(sharing_not_restricted)
{
	if (arg && arg->Flags.RestrictSharedAccess && arg->Flags.SharedResource)
		return create_with(hDevice, arg, arg->Flags.Value & ~0x80000000u);
	return mutant_real.pfnCreateResource(hDevice, arg);
}

static HRESULT APIENTRY opening_refused(HANDLE hDevice, D3DDDIARG_OPENRESOURCE *arg)
{
	(void)hDevice;
	(void)arg;
	return E_ACCESSDENIED;
}

static void put_opening_refused(D3DDDI_DEVICEFUNCS *funcs)
{
	funcs->pfnOpenResource = opening_refused;
}

/* Takes the runtime's handle where its own is due. */
static struct {
	HANDLE runtime, driver;
} names;

static HRESULT APIENTRY create_and_name(HANDLE hDevice, D3DDDIARG_CREATERESOURCE *arg)
{
	HANDLE runtime = arg ? arg->hResource : NULL;
	HRESULT hr = mutant_real.pfnCreateResource(hDevice, arg);

	if (hr == S_OK && arg) {
		names.runtime = runtime;
		names.driver = arg->hResource;
	}
	return hr;
}

static HRESULT APIENTRY decrypt_by_name(HANDLE hDevice, const D3DDDIARG_DECRYPTIONBLT *arg)
{
	D3DDDIARG_DECRYPTIONBLT other;

	if (!arg)
		return MB_IN(arg);
	other = *arg;
	if (arg->hDstResource && arg->hDstResource == names.runtime)
		other.hDstResource = names.driver;
	return MB_IN(&other);
}

static void put_runtimes_handle_taken(D3DDDI_DEVICEFUNCS *funcs)
{
	funcs->pfnCreateResource = create_and_name;
	funcs->pfnDecryptionBlt = decrypt_by_name;
}

/* ---- subresources ------------------------------------------------------------------------------------------------------ */

static HRESULT APIENTRY first_surface_in(HANDLE hDevice, const D3DDDIARG_DECRYPTIONBLT *arg)
{
	D3DDDIARG_DECRYPTIONBLT other;

	if (!arg)
		return MB_IN(arg);
	other = *arg;
	other.SrcSubResourceIndex = 0;
	return MB_IN(&other);
}

static HRESULT APIENTRY first_surface_out(HANDLE hDevice, const D3DDDIARG_ENCRYPTIONBLT *arg)
{
	D3DDDIARG_ENCRYPTIONBLT other;

	if (!arg)
		return MB_OUT(arg);
	other = *arg;
	other.DstSubResourceIndex = 0;
	return MB_OUT(&other);
}

static void put_first_surface_alone(D3DDDI_DEVICEFUNCS *funcs)
{
	funcs->pfnDecryptionBlt = first_surface_in;
	funcs->pfnEncryptionBlt = first_surface_out;
}

const struct mutant mutants_blt_resource[] = {
	{ "pitch-of-half-a-row", "BLT-83", false, put_pitch_of_half_a_row },
	{ "pitch-soon-gone", "BLT-84 BLT-83", true, put_pitch_soon_gone },
	{ "pitch-not-rounded", "BLT-85", true, put_pitch_not_rounded },
	{ "pitch-changes", "BLT-86", true, put_pitch_changes },
	{ "pitch-needs-a-key", "BLT-87", true, put_pitch_needs_a_key },
	{ "pitch-for-any-device", "BLT-88", false, put_pitch_for_any_device },
	{ "pitch-of-any-index", "BLT-88", true, put_pitch_of_any_index },
	{ "pitch-of-system-memory-rounded", "BLT-89", true, put_sys_mem_pitch_rounded },
	{ "pitch-cleared-on-failure", "BLT-90", true, put_pitch_cleared_on_failure },
	{ "formats-without-end", "BLT-91", true, put_formats_without_end },
	{ "protected-only-if-not-lockable", "BLT-93 BLT-92", false, put_protected_only_if_not_lockable },
	{ "reserved-multisample-refused", "BLT-32", false, put_reserved_multisample_refused },
	{ "system-memory-protected", "BLT-101", true, put_system_memory_protected },
	{ "local-memory-refused", "BLT-101", true, put_local_memory_refused },
	{ "protected-surfaces-without-limit", "BLT-102", true, put_no_limit },
	{ "null-memory-accepted", "BLT-116", true, put_null_memory_accepted },
	{ "misaligned-memory-refused", "BLT-115", false, put_misaligned_memory_refused },
	{ "restriction-without-sharing", "BLT-111", true, put_restriction_without_sharing },
	{ "sharing-not-restricted", "BLT-109", false, put_sharing_not_restricted },
	{ "opening-refused", "BLT-113", false, put_opening_refused },
	{ "runtimes-handle-taken", "BLT-108", false, put_runtimes_handle_taken },
	{ "first-surface-alone", "BLT-119", false, put_first_surface_alone },
	{ 0 },
};
