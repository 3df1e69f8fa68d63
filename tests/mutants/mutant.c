/* SPDX-License-Identifier: MIT */
/* The driver that wraps another: loads it, passes every call on, and puts one mutant's functions over its own. */
#include "mutant.h"

#include "mutants_ac.h"

#include <dlfcn.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DRIVER	   "libdxvault-umd.so"
#define SAME_BUILD "/../../src/umd/" DRIVER

D3DDDI_DEVICEFUNCS mutant_real;
D3DDDI_ADAPTERFUNCS mutant_real_adapter;
D3DDDI_DEVICECALLBACKS mutant_callbacks;

typedef HRESULT(APIENTRY *open_adapter_fn)(D3DDDIARG_OPENADAPTER *);

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static open_adapter_fn real_open;
static const struct mutant *chosen;
static bool is_ready;

/* ---- which driver, which mutant ------------------------------------------------------------------ */

static void *load_beside(void)
{
	char path[PATH_MAX];
	const char *slash;
	Dl_info info;
	int n;

	if (!dladdr((void *)(uintptr_t)mutant_open, &info) || !info.dli_fname)
		return NULL;
	slash = strrchr(info.dli_fname, '/');
	if (!slash)
		return NULL;
	n = snprintf(path, sizeof(path), "%.*s%s", (int)(slash - info.dli_fname), info.dli_fname, SAME_BUILD);
	return n > 0 && (size_t)n < sizeof(path) ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;
}

/* Never unloaded: this library is not either (meson.build), and the tables point into it. */
static bool load_driver(void)
{
	const char *path = getenv("DXVAULT_MUTANT_UMD");
	void *library = path ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : load_beside();
	void *symbol;

	if (!library && !path)
		library = dlopen(DRIVER, RTLD_NOW | RTLD_LOCAL);
	symbol = library ? dlsym(library, "OpenAdapter") : NULL;
	if (!symbol) {
		fprintf(stderr, "mutant: no driver: %s\n", dlerror());
		return false;
	}
	real_open = (open_adapter_fn)(uintptr_t)symbol;
	return true;
}

/* A misspelt name must not pass for a mutant that survived. */
static bool choose_mutant(void)
{
	static const struct mutant *const families[] = { MUTANT_FAMILIES };
	const char *name = getenv("DXVAULT_MUTANT");

	if (!name || !*name)
		return true;
	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
		for (const struct mutant *m = families[i]; m->name; m++) {
			if (strcmp(m->name, name) == 0)
				chosen = m;
		}
	}
	if (!chosen)
		fprintf(stderr, "mutant: there is none of the name %s\n", name);
	return chosen != NULL;
}

static bool make_ready(void)
{
	pthread_mutex_lock(&mutex);
	if (!is_ready)
		is_ready = load_driver() && choose_mutant();
	pthread_mutex_unlock(&mutex);
	return is_ready;
}

/* ---- what a handle is ---------------------------------------------------------------------------- */

struct note {
	struct note *next;
	HANDLE device;
	struct mutant_resource resource;
	D3DDDI_SURFACEINFO surfaces[];
};

static struct note *notes;
static D3DDDI_DEVICEFUNCS driver; /* the driver's own table, with nothing of ours in it */

const struct mutant_resource *mutant_resource(HANDLE resource)
{
	const struct mutant_resource *found = NULL;

	pthread_mutex_lock(&mutex);
	for (struct note *note = notes; note && !found; note = note->next) {
		if (note->resource.handle == resource)
			found = &note->resource;
	}
	pthread_mutex_unlock(&mutex);
	return found;
}

/* All of a device where resource is NULL. */
static void forget(HANDLE device, HANDLE resource)
{
	pthread_mutex_lock(&mutex);
	for (struct note **link = &notes; *link;) {
		struct note *note = *link;

		if (note->device == device && (!resource || note->resource.handle == resource)) {
			*link = note->next;
			free(note);
		} else {
			link = &note->next;
		}
	}
	pthread_mutex_unlock(&mutex);
}

static HRESULT APIENTRY create_resource(HANDLE hDevice, D3DDDIARG_CREATERESOURCE *pData)
{
	HRESULT hr = driver.pfnCreateResource(hDevice, pData);
	struct note *note;

	if (hr != S_OK)
		return hr;
	note = calloc(1, sizeof(*note) + pData->SurfCount * sizeof(note->surfaces[0]));
	if (!note)
		abort();
	note->device = hDevice;
	note->resource = (struct mutant_resource) { .handle = pData->hResource, .arg = *pData };
	memcpy(note->surfaces, pData->pSurfList, pData->SurfCount * sizeof(note->surfaces[0]));
	note->resource.arg.pSurfList = note->surfaces;

	pthread_mutex_lock(&mutex);
	note->next = notes;
	notes = note;
	pthread_mutex_unlock(&mutex);
	return hr;
}

static HRESULT APIENTRY destroy_resource(HANDLE hDevice, HANDLE hResource)
{
	HRESULT hr = driver.pfnDestroyResource(hDevice, hResource);

	if (hr == S_OK && hResource)
		forget(hDevice, hResource);
	return hr;
}

static HRESULT APIENTRY destroy_device(HANDLE hDevice)
{
	HRESULT hr = driver.pfnDestroyDevice(hDevice);

	if (hr == S_OK)
		forget(hDevice, /* resource= */ NULL);
	return hr;
}

/* ---- the tables ---------------------------------------------------------------------------------- */

static PFND3DDDI_CREATEDEVICE driver_create_device;

static void wrap_device(D3DDDI_DEVICEFUNCS *funcs)
{
	pthread_mutex_lock(&mutex);
	/* The driver has one table, and another thread may be calling through it. */
	if (memcmp(&driver, funcs, sizeof(driver)) != 0) {
		driver = *funcs;
		mutant_real = *funcs;
		if (driver.pfnCreateResource)
			mutant_real.pfnCreateResource = create_resource;
		if (driver.pfnDestroyResource)
			mutant_real.pfnDestroyResource = destroy_resource;
		if (driver.pfnDestroyDevice)
			mutant_real.pfnDestroyDevice = destroy_device;
	}
	*funcs = mutant_real;
	pthread_mutex_unlock(&mutex);
	if (chosen && chosen->bend)
		mutant_ac_device(chosen->bend, funcs);
	if (chosen && chosen->device)
		chosen->device(funcs);
}

static HRESULT create_device_with(HANDLE hAdapter, D3DDDIARG_CREATEDEVICE *pData, DXVAULT_DEVICECALLBACKS *callbacks)
{
	const D3DDDI_DEVICECALLBACKS *theirs = pData->pCallbacks;
	HRESULT hr;

	if (pData->Flags.Value & DXVAULT_CREATEDEVICE_PROTECTED_SESSIONS)
		*callbacks = *(const DXVAULT_DEVICECALLBACKS *)(const void *)theirs;
	else
		callbacks->Callbacks = *theirs;
	mutant_callbacks = callbacks->Callbacks;
	if (!chosen || !chosen->callbacks)
		return driver_create_device(hAdapter, pData);

	chosen->callbacks(&callbacks->Callbacks);
	pData->pCallbacks = &callbacks->Callbacks;
	hr = driver_create_device(hAdapter, pData);
	pData->pCallbacks = theirs;
	return hr;
}

static HRESULT APIENTRY create_device(HANDLE hAdapter, D3DDDIARG_CREATEDEVICE *pData)
{
	static DXVAULT_DEVICECALLBACKS callbacks; /* outlives the call, in case a driver keeps the pointer */
	HRESULT hr;

	if (!pData || !pData->pCallbacks || !pData->pDeviceFuncs)
		return driver_create_device(hAdapter, pData);
	hr = create_device_with(hAdapter, pData, &callbacks);
	if (hr == S_OK)
		wrap_device(pData->pDeviceFuncs);
	return hr;
}

HRESULT mutant_open(D3DDDIARG_OPENADAPTER *arg)
{
	HRESULT hr = real_open(arg);

	if (hr != S_OK)
		return hr;
	driver_create_device = arg->pAdapterFuncs->pfnCreateDevice;
	mutant_real_adapter = *arg->pAdapterFuncs;
	mutant_real_adapter.pfnCreateDevice = create_device;
	*arg->pAdapterFuncs = mutant_real_adapter;
	if (chosen && chosen->bend)
		mutant_ac_adapter(chosen->bend, arg->pAdapterFuncs);
	if (chosen && chosen->adapter)
		chosen->adapter(arg->pAdapterFuncs);
	return hr;
}

__attribute__((visibility("default"))) HRESULT APIENTRY OpenAdapter(D3DDDIARG_OPENADAPTER *pOpenData)
{
	if (!make_ready())
		return E_FAIL;
	return chosen && chosen->open ? chosen->open(pOpenData) : mutant_open(pOpenData);
}
