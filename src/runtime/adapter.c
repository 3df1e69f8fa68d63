/* SPDX-License-Identifier: MIT */
/* Adapters: which the kernel lists, which user-mode driver goes with one, and what that driver can do. */
#include "runtime/runtime_internal.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>

#define DIRECT3D_9 9u

typedef HRESULT(APIENTRY *open_adapter_fn)(D3DDDIARG_OPENADAPTER *);

/* ---- the kernel's list ------------------------------------------------------------------------ */

static void close_kernel_adapter(D3DKMT_HANDLE handle)
{
	(void)D3DKMTCloseAdapter(&(D3DKMT_CLOSEADAPTER) { .hAdapter = handle });
}

/* What a caller can act on keeps its result; all else is E_FAIL, with the reason noted. */
static HRESULT refused(const char *what, NTSTATUS status)
{
	HRESULT hr = rt_hresult_from_status(status);

	if (hr == E_OUTOFMEMORY || hr == D3DDDIERR_DEVICEREMOVED)
		return hr;
	return rt_fail("%s: status 0x%08x", what, (unsigned int)status);
}

/* The first that is listed; each entry came open, so the others are closed again. */
static HRESULT open_first_adapter(D3DKMT_HANDLE *ret_handle)
{
	D3DKMT_ENUMADAPTERS2 list = { 0 };
	NTSTATUS status;

	status = D3DKMTEnumAdapters2(&list);
	if (!NT_SUCCESS(status))
		return refused("D3DKMTEnumAdapters2", status);
	if (list.NumAdapters == 0)
		return rt_fail("no adapter");
	list.pAdapters = calloc(list.NumAdapters, sizeof(*list.pAdapters));
	if (!list.pAdapters)
		return E_OUTOFMEMORY;

	status = D3DKMTEnumAdapters2(&list);
	if (!NT_SUCCESS(status) || list.NumAdapters == 0) {
		free(list.pAdapters);
		return NT_SUCCESS(status) ? rt_fail("no adapter") : refused("D3DKMTEnumAdapters2", status);
	}
	for (ULONG i = 1; i < list.NumAdapters; i++)
		close_kernel_adapter(list.pAdapters[i].hAdapter);
	*ret_handle = list.pAdapters[0].hAdapter;
	free(list.pAdapters);
	return S_OK;
}

/* ---- the driver ------------------------------------------------------------------------------- */

/* What KMTQAITYPE_UMDRIVERNAME answers, in the multibyte form of a plain file name. */
static HRESULT query_driver_name(D3DKMT_HANDLE kernel, char *ret_name, size_t size)
{
	D3DKMT_UMDFILENAMEINFO info = { .Version = KMTUMDVERSION_DX9 };
	const D3DKMT_QUERYADAPTERINFO query = {
		.hAdapter = kernel,
		.Type = KMTQAITYPE_UMDRIVERNAME,
		.pPrivateDriverData = &info,
		.PrivateDriverDataSize = sizeof(info),
	};
	NTSTATUS status = D3DKMTQueryAdapterInfo(&query);
	size_t i;

	if (!NT_SUCCESS(status))
		return refused("KMTQAITYPE_UMDRIVERNAME", status);
	/* wcstombs would ask the locale; file names of drivers are ASCII. */
	for (i = 0; i < MAX_PATH && i + 1 < size && info.UmdFileName[i]; i++) {
		if (info.UmdFileName[i] <= 0 || info.UmdFileName[i] > 0x7e)
			return rt_fail("the name of the user-mode driver is not ASCII");
		ret_name[i] = (char)info.UmdFileName[i];
	}
	ret_name[i] = '\0';
	return i > 0 ? S_OK : rt_fail("the adapter names no user-mode driver");
}

/* A plain name is looked for beside the library that the D3DKMT entries came from. */
static void *open_beside_kmt(const char *name)
{
	/* Installed in one folder; in two of a build tree. */
	static const char *const places[] = { "", "../umd/" };
	char path[PATH_MAX];
	const char *slash;
	Dl_info info;
	int n;

	if (strchr(name, '/') || !dladdr((void *)(uintptr_t)D3DKMTEnumAdapters2, &info) || !info.dli_fname)
		return NULL;
	slash = strrchr(info.dli_fname, '/');
	if (!slash)
		return NULL;
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		n = snprintf(path, sizeof(path), "%.*s/%s%s", (int)(slash - info.dli_fname), info.dli_fname, places[i],
			     name);
		if (n > 0 && (size_t)n < sizeof(path) && access(path, R_OK) == 0)
			return dlopen(path, RTLD_NOW | RTLD_LOCAL);
	}
	return NULL;
}

static HRESULT load_driver(D3DKMT_HANDLE kernel, const char *umd_path, void **ret_library, open_adapter_fn *ret_open)
{
	const char *path = umd_path ? umd_path : secure_getenv("DXVAULT_UMD");
	char name[MAX_PATH];
	void *library = NULL, *symbol;
	HRESULT hr;

	if (!path) {
		hr = query_driver_name(kernel, name, sizeof(name));
		if (hr != S_OK)
			return hr;
		path = name;
		library = open_beside_kmt(name);
	}
	if (!library)
		library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!library)
		return rt_fail("user-mode driver: %s", dlerror());

	symbol = dlsym(library, "OpenAdapter");
	if (!symbol) {
		hr = rt_fail("%s exports no OpenAdapter", path);
		(void)dlclose(library);
		return hr;
	}
	*ret_library = library;
	/* POSIX lets an object pointer of dlsym be a function's; ISO C does not say so. */
	*ret_open = (open_adapter_fn)(uintptr_t)symbol;
	return S_OK;
}

static HRESULT open_driver(struct rt_adapter *adapter, open_adapter_fn open_adapter)
{
	D3DDDIARG_OPENADAPTER arg = {
		.hAdapter = adapter,
		.Interface = DIRECT3D_9,
		.Version = D3D_UMD_INTERFACE_VERSION_WIN7,
		.pAdapterCallbacks = &adapter->callbacks,
		.pAdapterFuncs = &adapter->funcs,
	};
	HRESULT hr;

	adapter->callbacks.pfnQueryAdapterInfoCb = rt_query_adapter_info_cb;
	hr = open_adapter(&arg);
	if (hr == E_FAIL)
		return rt_fail("OpenAdapter failed");
	if (hr == S_OK)
		adapter->driver = arg.hAdapter;
	return hr;
}

/* open_adapter NULL: of the driver at umd_path. */
static HRESULT open_adapter_object(const char *umd_path, open_adapter_fn open_adapter, struct rt_adapter **ret_adapter)
{
	struct rt_adapter *adapter = calloc(1, sizeof(*adapter));
	HRESULT hr;

	if (!adapter)
		return E_OUTOFMEMORY;
	hr = open_first_adapter(&adapter->kernel);
	if (hr != S_OK) {
		free(adapter);
		return hr;
	}
	if (!open_adapter)
		hr = load_driver(adapter->kernel, umd_path, &adapter->library, &open_adapter);
	if (open_adapter)
		hr = open_driver(adapter, open_adapter);
	if (hr != S_OK) {
		rt_adapter_close(adapter);
		return hr;
	}
	*ret_adapter = adapter;
	return S_OK;
}

HRESULT rt_adapter_open(const char *umd_path, struct rt_adapter **ret_adapter)
{
	return open_adapter_object(umd_path, /* open_adapter= */ NULL, ret_adapter);
}

HRESULT rt_adapter_open_with(open_adapter_fn open_adapter, struct rt_adapter **ret_adapter)
{
	return open_adapter_object(/* umd_path= */ NULL, open_adapter, ret_adapter);
}

void rt_adapter_close(struct rt_adapter *adapter)
{
	if (!adapter)
		return;
	if (adapter->driver)
		(void)adapter->funcs.pfnCloseAdapter(adapter->driver);
	if (adapter->library)
		(void)dlclose(adapter->library);
	close_kernel_adapter(adapter->kernel);
	free(adapter);
}

/* ---- what a caller asks ----------------------------------------------------------------------- */

const D3DDDI_ADAPTERFUNCS *rt_adapter_funcs(struct rt_adapter *adapter)
{
	return &adapter->funcs;
}

HANDLE rt_adapter_handle(struct rt_adapter *adapter)
{
	return adapter->driver;
}

D3DKMT_HANDLE rt_adapter_kernel_handle(struct rt_adapter *adapter)
{
	return adapter->kernel;
}

HRESULT rt_adapter_content_protection_caps(struct rt_adapter *adapter, const GUID *crypto_type,
					   const GUID *decode_profile, D3DCONTENTPROTECTIONCAPS *ret_caps)
{
	DDICONTENTPROTECTIONCAPS pair = { .CryptoType = *crypto_type, .DecodeProfile = *decode_profile };
	const D3DDDIARG_GETCAPS arg = {
		.Type = D3DDDICAPS_GETCONTENTPROTECTIONCAPS,
		.pInfo = &pair,
		.pData = ret_caps,
		.DataSize = sizeof(*ret_caps),
	};

	return adapter->funcs.pfnGetCaps(adapter->driver, &arg);
}

HRESULT rt_adapter_certificate(struct rt_adapter *adapter, uint32_t certificate_type, uint8_t **ret_data,
			       size_t *ret_size)
{
	DDICERTIFICATEINFO info = {
		.CertificateType = (D3DDDI_CERTIFICATETYPE)certificate_type,
		.ChannelType = DDIAUTHENTICATEDCHANNEL_DRIVER_SOFTWARE,
		.CryptoSessionType = D3DCRYPTOTYPE_AES128_CTR,
	};
	UINT size = 0;
	D3DDDIARG_GETCAPS arg = {
		.Type = D3DDDICAPS_GETCERTIFICATESIZE,
		.pInfo = &info,
		.pData = &size,
		.DataSize = sizeof(size),
	};
	uint8_t *data;
	HRESULT hr;

	hr = adapter->funcs.pfnGetCaps(adapter->driver, &arg);
	if (hr != S_OK)
		return hr;
	data = malloc(size ? size : 1);
	if (!data)
		return E_OUTOFMEMORY;

	arg.Type = D3DDDICAPS_GETCERTIFICATE;
	arg.pData = data;
	arg.DataSize = size;
	hr = adapter->funcs.pfnGetCaps(adapter->driver, &arg);
	if (hr != S_OK) {
		free(data);
		return hr;
	}
	*ret_data = data;
	*ret_size = size;
	return S_OK;
}
