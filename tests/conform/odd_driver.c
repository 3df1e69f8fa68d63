/* SPDX-License-Identifier: MIT */
/* A driver that does nothing, or worse; $DXVAULT_ODD_DRIVER says what. */
#include <dxvault/d3dcontentprotection.h>
#include <dxvault/d3dumddi.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool is(const char *oddity)
{
	const char *asked = getenv("DXVAULT_ODD_DRIVER");

	return asked && strcmp(asked, oddity) == 0;
}

/* Before anybody has called it. */
__attribute__((constructor)) static void load(void)
{
	if (is("crash-at-load"))
		(void)raise(SIGSEGV);
}

static HRESULT APIENTRY not_implemented(HANDLE hDevice, VOID *pData)
{
	(void)hDevice;
	(void)pData;
	return E_NOTIMPL;
}

static HRESULT APIENTRY destroy(HANDLE h)
{
	(void)h;
	return S_OK;
}

static HRESULT APIENTRY create_crypto_session(HANDLE hDevice, D3DDDIARG_CREATECRYPTOSESSION *pData)
{
	const char *file;

	(void)hDevice;
	/* Its name for the suite's first look, which calls with nothing. */
	if (pData->CryptoType.Data1 == 0)
		return E_INVALIDARG;
	if (is("crash"))
		(void)raise(SIGSEGV);
	if (is("exit"))
		exit(0);
	if (is("hang") || is("wait"))
		(void)fputs("an odd driver hangs\n", stderr);
	/* Until a file is there. */
	file = getenv("DXVAULT_ODD_FILE");
	while (is("hang") || (is("wait") && file && access(file, F_OK) < 0))
		(void)usleep(10000);
	return E_NOTIMPL;
}

static HRESULT APIENTRY create_device(HANDLE hAdapter, D3DDDIARG_CREATEDEVICE *pData)
{
	PFND3DDDI_BLT stub = not_implemented;

	(void)hAdapter;
	if (is("no-device"))
		return E_NOTIMPL;
	if (!pData || !pData->pDeviceFuncs || !pData->pCallbacks)
		return E_INVALIDARG;
	memset(pData->pDeviceFuncs, 0, sizeof(*pData->pDeviceFuncs));
	if (!is("empty-table")) {
		/* All slots have two arguments in registers, or one; and answer alike. */
		for (size_t i = 0; i < DXVAULT_DEVICEFUNCS_SLOTS; i++)
			memcpy((char *)pData->pDeviceFuncs + i * sizeof(stub), &stub, sizeof(stub));
		pData->pDeviceFuncs->pfnDestroyDevice = destroy;
	}
	if (is("crash") || is("exit") || is("hang") || is("wait"))
		pData->pDeviceFuncs->pfnCreateCryptoSession = create_crypto_session;
	pData->hDevice = pData->pDeviceFuncs;
	return S_OK;
}

static HRESULT APIENTRY get_caps(HANDLE hAdapter, const D3DDDIARG_GETCAPS *pData)
{
	const D3DCONTENTPROTECTIONCAPS caps = {
		.Caps = D3DCPCAPS_SOFTWARE,
		.KeyExchangeType = D3DKEYEXCHANGE_RSAES_OAEP,
		.BufferAlignmentStart = 1,
		.BlockAlignmentSize = 16,
		.ProtectedMemorySize = 1 << 20,
	};

	(void)hAdapter;
	if (is("not-implemented"))
		return E_NOTIMPL;
	if (!pData || !pData->pData)
		return E_INVALIDARG;
	if (is("no-protection"))
		return D3DDDIERR_NOTAVAILABLE;
	if (pData->Type != D3DDDICAPS_GETCONTENTPROTECTIONCAPS || pData->DataSize < sizeof(caps))
		return E_NOTIMPL;
	memcpy(pData->pData, &caps, sizeof(caps));
	return S_OK;
}

__attribute__((visibility("default"))) HRESULT APIENTRY OpenAdapter(D3DDDIARG_OPENADAPTER *open_data)
{
	if (is("noise")) {
		puts("not ok 1 - a driver that prints");
		(void)fflush(stdout);
	}
	if (is("crash-at-open"))
		(void)raise(SIGSEGV);
	if (is("no-adapter"))
		return E_NOTIMPL;
	if (!open_data || !open_data->pAdapterFuncs || !open_data->pAdapterCallbacks)
		return E_INVALIDARG;
	memset(open_data->pAdapterFuncs, 0, sizeof(*open_data->pAdapterFuncs));
	if (!is("empty-adapter"))
		*open_data->pAdapterFuncs = (D3DDDI_ADAPTERFUNCS) {
			.pfnGetCaps = get_caps,
			.pfnCreateDevice = create_device,
			.pfnCloseAdapter = destroy,
		};
	open_data->DriverVersion = D3D_UMD_INTERFACE_VERSION_WIN7;
	open_data->hAdapter = open_data->pAdapterFuncs;
	return S_OK;
}
