/* SPDX-License-Identifier: MIT */
/*
 * A driver between a player and dxvault's own ($SPOIL_UMD) that passes every call on and spoils one thing, which $SPOIL
 * names: protection.sh. Answers to the query PROTECTION are spoilt from number $SPOIL_FROM on; the first is 1.
 */
#include <dlfcn.h>
#include <dxvault/d3dcontentprotection.h>
#include <dxvault/dxvault.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef HRESULT(APIENTRY *open_adapter_fn)(D3DDDIARG_OPENADAPTER *);

static D3DDDI_ADAPTERFUNCS real_adapter;
static D3DDDI_DEVICEFUNCS real;
static D3DAUTHENTICATEDCHANNEL_QUERYPROTECTION_OUTPUT old; /* the first answer to PROTECTION */
static unsigned long asked;				   /* how often PROTECTION was */
static unsigned long opened;				   /* how often the adapter was */

static bool spoils(const char *what)
{
	const char *chosen = getenv("SPOIL");

	return chosen && strcmp(chosen, what) == 0;
}

/* ---- the channel ------------------------------------------------------------------------------------------ */

static void bend(D3DAUTHENTICATEDCHANNEL_QUERYPROTECTION_OUTPUT *answer)
{
	if (spoils("tag"))
		answer->Output.omac.Omac[15] ^= 0x80;
	else if (spoils("return-code"))
		answer->Output.ReturnCode = E_FAIL;
	else if (spoils("flags"))
		answer->ProtectionFlags.Value ^= 1;
	else if (spoils("replay"))
		*answer = old;
}

static HRESULT APIENTRY query_channel(HANDLE hDevice, const D3DDDIARG_QUERYAUTHENTICATEDCHANNEL *pData)
{
	const D3DAUTHENTICATEDCHANNEL_QUERY_INPUT *input = pData->pInputData;
	const char *from = getenv("SPOIL_FROM");
	HRESULT hr;

	if (memcmp(&input->QueryType, &D3DAUTHENTICATEDQUERY_PROTECTION, sizeof(GUID)) != 0 ||
	    ++asked < strtoul(from ? from : "1", NULL, 10)) {
		hr = real.pfnQueryAuthenticatedChannel(hDevice, pData);
		if (asked == 1 && pData->OutputSize == sizeof(old))
			memcpy(&old, pData->pOutputData, sizeof(old));
		return hr;
	}
	if (spoils("refuse"))
		return E_INVALIDARG;
	if (spoils("silence"))
		return S_OK;
	hr = real.pfnQueryAuthenticatedChannel(hDevice, pData);
	bend(pData->pOutputData);
	return hr;
}

/* Hands over a channel of a type that nobody asked for. */
static HRESULT APIENTRY create_channel(HANDLE hDevice, D3DDDIARG_CREATEAUTHENTICATEDCHANNEL *pData)
{
	D3DDDIARG_CREATEAUTHENTICATEDCHANNEL other = { .ChannelType = DDIAUTHENTICATEDCHANNEL_DRIVER_HARDWARE };
	HRESULT hr;

	if (!spoils("channel-type"))
		return real.pfnCreateAuthenticatedChannel(hDevice, pData);
	hr = real.pfnCreateAuthenticatedChannel(hDevice, &other);
	if (hr == S_OK)
		pData->hChannel = other.hChannel;
	return hr;
}

static HRESULT APIENTRY configure_channel(HANDLE hDevice, const D3DDDIARG_CONFIGUREAUTHENTICATEDCHANNEL *pData)
{
	D3DAUTHENTICATEDCHANNEL_CONFIGURE_OUTPUT *output = pData->pOutputData;
	HRESULT hr = real.pfnConfigureAuthenticatedChannel(hDevice, pData);

	if (spoils("command-tag") &&
	    memcmp(&output->ConfigureType, &D3DAUTHENTICATEDCONFIGURE_PROTECTION, sizeof(GUID)) == 0)
		output->omac.Omac[0] ^= 1;
	return hr;
}

/* ---- the certificate ----------------------------------------------------------------------------------------- */

static UINT read_chain(uint8_t *chain, size_t capacity)
{
	const char *path = getenv("SPOIL_CHAIN");
	FILE *file = path ? fopen(path, "rbe") : NULL;
	size_t size = file ? fread(chain, 1, capacity, file) : 0;

	if (!file || size == 0 || size == capacity)
		abort();
	fclose(file);
	return (UINT)size;
}

static HRESULT APIENTRY get_caps(HANDLE hAdapter, const D3DDDIARG_GETCAPS *pData)
{
	const DDICERTIFICATEINFO *info = pData->pInfo;
	static uint8_t chain[16384];
	UINT size;

	if ((pData->Type != D3DDDICAPS_GETCERTIFICATESIZE && pData->Type != D3DDDICAPS_GETCERTIFICATE) ||
	    info->CertificateType != D3DDDI_CERTTYPE_AUTHENTICATED_CHANNEL)
		return real_adapter.pfnGetCaps(hAdapter, pData);
	if (spoils("certificate")) {
		size = read_chain(chain, sizeof(chain));
		if (pData->Type == D3DDDICAPS_GETCERTIFICATESIZE)
			memcpy(pData->pData, &size, sizeof(size));
		else
			memcpy(pData->pData, chain, size);
		return S_OK;
	}
	if (spoils("session-certificate")) {
		DDICERTIFICATEINFO session = *info;
		D3DDDIARG_GETCAPS other = *pData;

		session.CertificateType = D3DDDI_CERTTYPE_CRYPTOSESSION;
		other.pInfo = &session;
		return real_adapter.pfnGetCaps(hAdapter, &other);
	}
	return real_adapter.pfnGetCaps(hAdapter, pData);
}

/* ---- the tables ------------------------------------------------------------------------------------------------ */

static HRESULT APIENTRY create_device(HANDLE hAdapter, D3DDDIARG_CREATEDEVICE *pData)
{
	HRESULT hr = real_adapter.pfnCreateDevice(hAdapter, pData);

	if (hr != S_OK)
		return hr;
	real = *pData->pDeviceFuncs;
	pData->pDeviceFuncs->pfnQueryAuthenticatedChannel = query_channel;
	pData->pDeviceFuncs->pfnCreateAuthenticatedChannel = create_channel;
	pData->pDeviceFuncs->pfnConfigureAuthenticatedChannel = configure_channel;
	return hr;
}

__attribute__((visibility("default"))) HRESULT APIENTRY OpenAdapter(D3DDDIARG_OPENADAPTER *pOpenData)
{
	const char *path = getenv("SPOIL_UMD");
	void *library = path ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;
	void *symbol = library ? dlsym(library, "OpenAdapter") : NULL;
	HRESULT hr;

	if (!symbol) {
		fprintf(stderr, "spoiling-driver: no driver: %s\n", dlerror());
		return E_FAIL;
	}
	if (spoils("first-adapter") && opened++ == 0)
		return D3DDDIERR_DEVICEREMOVED;
	hr = ((open_adapter_fn)(uintptr_t)symbol)(pOpenData);
	if (hr != S_OK)
		return hr;
	real_adapter = *pOpenData->pAdapterFuncs;
	pOpenData->pAdapterFuncs->pfnCreateDevice = create_device;
	pOpenData->pAdapterFuncs->pfnGetCaps = get_caps;
	return hr;
}
