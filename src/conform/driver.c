/* SPDX-License-Identifier: MIT */
/* The driver under test: its adapter, capabilities, devices and sessions. */
#include "conform/cf.h"

#include "conform/trace.h"

#include "runtime/runtime_internal.h"

#include <stdlib.h>
#include <string.h>

/* ---- adapter and capabilities --------------------------------------------------------------------------- */

HRESULT cf_adapter_try(struct cf *cf, struct rt_adapter **ret, const char **ret_why)
{
	HRESULT hr = rt_adapter_open(cf->umd, ret);

	*ret_why = hr == E_FAIL ? rt_last_error() : "";
	if (hr == S_OK) {
		cf_fill_adapter_table(&(*ret)->funcs);
		cf_trace_adapter_table(&(*ret)->funcs);
	}
	return hr;
}

struct rt_adapter *cf_adapter(struct cf *cf)
{
	const char *why;
	HRESULT hr;

	if (cf->adapter)
		return cf->adapter;
	hr = cf_adapter_try(cf, &cf->adapter, &why);
	if (hr != S_OK)
		cf_give_up(cf, "OpenAdapter answered %s%s%s", cf_code_name(cf, hr), *why ? ": " : "", why);
	return cf->adapter;
}

HRESULT cf_get_caps(struct cf *cf, D3DDDIARG_GETCAPS *arg)
{
	struct rt_adapter *adapter = cf_adapter(cf);

	return rt_adapter_funcs(adapter)->pfnGetCaps(rt_adapter_handle(adapter), arg);
}

HRESULT cf_caps_try(struct cf *cf, const D3DCONTENTPROTECTIONCAPS **ret)
{
	static const GUID none;
	HRESULT hr = S_OK;

	if (!cf->has_caps)
		hr = rt_adapter_content_protection_caps(cf_adapter(cf), &D3DCRYPTOTYPE_AES128_CTR, &none, &cf->caps);
	cf->has_caps = hr == S_OK;
	*ret = &cf->caps;
	return hr;
}

void cf_skip_without_protection(struct cf *cf)
{
	const D3DCONTENTPROTECTIONCAPS *caps;
	HRESULT hr = cf_caps_try(cf, &caps);

	if (hr == D3DDDIERR_NOTAVAILABLE || (hr == S_OK && caps->Caps == 0))
		cf_skip(cf, "the driver offers no content protection for AES128_CTR");
}

const D3DCONTENTPROTECTIONCAPS *cf_caps(struct cf *cf)
{
	const D3DCONTENTPROTECTIONCAPS *caps;
	HRESULT hr;

	cf_skip_without_protection(cf);
	hr = cf_caps_try(cf, &caps);
	if (hr != S_OK)
		cf_give_up(cf, "GetCaps of the content-protection capabilities answered %s", cf_code_name(cf, hr));
	return caps;
}

bool cf_has(struct cf *cf, uint32_t caps)
{
	return (cf_caps(cf)->Caps & caps) == caps;
}

void cf_require_caps(struct cf *cf, uint32_t caps, const char *why)
{
	if (!cf_has(cf, caps))
		cf_skip(cf, why);
}

/* ---- devices -------------------------------------------------------------------------------------------- */

struct cf_device cf_device(struct cf *cf)
{
	struct rt_device *device;
	HRESULT hr;

	hr = rt_device_create(cf_adapter(cf), &device);
	if (hr != S_OK)
		cf_give_up(cf, "CreateDevice answered %s", cf_code_name(cf, hr));
	cf_fill_device_table(&device->funcs);
	cf_trace_device_table(&device->funcs);
	/* What the runtime shows of it, anew. */
	device->shown = device->funcs;
	device->shown.pfnPresent = rt_present_watch(device->funcs.pfnPresent);
	return (struct cf_device) {
		.rt = device,
		.h = rt_device_handle(device),
		.f = rt_device_funcs(device),
	};
}

void cf_device_close(struct cf *cf, struct cf_device *device)
{
	(void)cf;
	rt_device_close(device->rt);
	*device = (struct cf_device) { 0 };
}

/* ---- sessions ------------------------------------------------------------------------------------------- */

HRESULT cf_create_session(const struct cf_device *device, const GUID *type, const GUID *profile, HANDLE *ret)
{
	D3DDDIARG_CREATECRYPTOSESSION arg = { .CryptoType = *type, .DecodeProfile = *profile };
	HRESULT hr = device->f->pfnCreateCryptoSession(device->h, &arg);

	if (hr == S_OK)
		*ret = arg.hCryptoSession;
	return hr;
}

HANDLE cf_session(struct cf *cf, const struct cf_device *device)
{
	static const GUID none;
	HANDLE session;
	HRESULT hr;

	hr = cf_create_session(device, &D3DCRYPTOTYPE_AES128_CTR, &none, &session);
	if (hr == S_OK)
		return session;
	cf_skip_without_protection(cf);
	cf_give_up(cf, "CreateCryptoSession answered %s", cf_code_name(cf, hr));
}

HRESULT cf_destroy_session(const struct cf_device *device, HANDLE session)
{
	const D3DDDIARG_DESTROYCRYPTOSESSION arg = { .hCryptoSession = session };

	return device->f->pfnDestroyCryptoSession(device->h, &arg);
}

/* ---- what is below ---------------------------------------------------------------------------------------- */

/* A driver above dxvault's graphics kernel makes a protected session there for each crypto session. */
bool cf_is_dxvault(struct cf *cf)
{
	struct cf_device device;

	if (cf->is_dxvault == CF_UNKNOWN) {
		device = cf_device(cf);
		(void)cf_session(cf, &device);
		cf->is_dxvault = list_is_empty(&device.rt->kernel_sessions) ? CF_NO : CF_YES;
		cf_device_close(cf, &device);
	}
	return cf->is_dxvault == CF_YES;
}
