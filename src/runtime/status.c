/* SPDX-License-Identifier: MIT */
/* From the kernel's statuses to results, and the reason of the last failure. */
#include "runtime/runtime_internal.h"

#include <stdarg.h>
#include <stdio.h>

static _Thread_local char last_error[256];

HRESULT rt_hresult_from_status(NTSTATUS status)
{
	if (NT_SUCCESS(status))
		return S_OK;
	switch (status) {
	case STATUS_NO_MEMORY:
	case STATUS_QUOTA_EXCEEDED:
	case STATUS_INSUFFICIENT_RESOURCES:
		return E_OUTOFMEMORY;
	case STATUS_DEVICE_REMOVED:
		return D3DDDIERR_DEVICEREMOVED;
	case STATUS_INVALID_PARAMETER:
		return E_INVALIDARG;
	case STATUS_ACCESS_DENIED:
		return E_ACCESSDENIED;
	case STATUS_NOT_SUPPORTED:
		return D3DDDIERR_NOTAVAILABLE;
	default:
		return E_FAIL;
	}
}

HRESULT rt_fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(last_error, sizeof(last_error), format, args);
	va_end(args);
	return E_FAIL;
}

const char *rt_last_error(void)
{
	return last_error;
}

HRESULT rt_share(D3DKMT_HANDLE object, int *ret_nt_handle)
{
	HANDLE nt_handle = NULL;
	HRESULT hr;

	hr = rt_hresult_from_status(D3DKMTShareObjects(1, &object, /* attributes= */ NULL, GENERIC_ALL, &nt_handle));
	if (hr == S_OK)
		*ret_nt_handle = (int)(intptr_t)nt_handle;
	return hr;
}
