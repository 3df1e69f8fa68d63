/* SPDX-License-Identifier: MIT */
/* Empty slots of a driver's tables: what stands there instead, so that a call is an answer and no crash. */
#include "conform/cf.h"

#include <string.h>

/* A NULL slot counts as this answer where the function is one of content protection (CS-10). */
#define MISSING(name, type)                                                \
	static HRESULT APIENTRY missing_##name(HANDLE hDevice, type pData) \
	{                                                                  \
		(void)hDevice;                                             \
		(void)pData;                                               \
		return D3DDDIERR_NOTAVAILABLE;                             \
	}
#define NOT_THERE(name, type)                                              \
	static HRESULT APIENTRY missing_##name(HANDLE hDevice, type pData) \
	{                                                                  \
		(void)hDevice;                                             \
		(void)pData;                                               \
		return E_NOTIMPL;                                          \
	}

/* clang-format off */
MISSING(CreateAuthenticatedChannel, D3DDDIARG_CREATEAUTHENTICATEDCHANNEL *)
MISSING(AuthenticatedChannelKeyExchange, D3DDDIARG_AUTHENTICATEDCHANNELKEYEXCHANGE *)
MISSING(QueryAuthenticatedChannel, const D3DDDIARG_QUERYAUTHENTICATEDCHANNEL *)
MISSING(ConfigureAuthenticatedChannel, const D3DDDIARG_CONFIGUREAUTHENTICATEDCHANNEL *)
MISSING(DestroyAuthenticatedChannel, const D3DDDIARG_DESTROYAUTHENTICATEDCHANNEL *)
MISSING(CreateCryptoSession, D3DDDIARG_CREATECRYPTOSESSION *)
MISSING(CryptoSessionKeyExchange, D3DDDIARG_CRYPTOSESSIONKEYEXCHANGE *)
MISSING(DestroyCryptoSession, const D3DDDIARG_DESTROYCRYPTOSESSION *)
MISSING(EncryptionBlt, const D3DDDIARG_ENCRYPTIONBLT *)
MISSING(GetPitch, D3DDDIARG_GETPITCH *)
MISSING(StartSessionKeyRefresh, const D3DDDIARG_STARTSESSIONKEYREFRESH *)
MISSING(FinishSessionKeyRefresh, const D3DDDIARG_FINISHSESSIONKEYREFRESH *)
MISSING(GetEncryptionBltKey, const D3DDDIARG_GETENCRYPTIONBLTKEY *)
MISSING(DecryptionBlt, const D3DDDIARG_DECRYPTIONBLT *)
MISSING(CreateDecodeDevice, D3DDDIARG_CREATEDECODEDEVICE *)
NOT_THERE(ResolveSharedResource, const D3DDDIARG_RESOLVESHAREDRESOURCE *)
NOT_THERE(Lock, D3DDDIARG_LOCK *)
NOT_THERE(Unlock, const D3DDDIARG_UNLOCK *)
NOT_THERE(LockAsync, D3DDDIARG_LOCKASYNC *)
NOT_THERE(UnlockAsync, const D3DDDIARG_UNLOCKASYNC *)
NOT_THERE(CreateResource, D3DDDIARG_CREATERESOURCE *)
NOT_THERE(DestroyResource, HANDLE)
NOT_THERE(OpenResource, D3DDDIARG_OPENRESOURCE *)
NOT_THERE(Present, const D3DDDIARG_PRESENT *)
NOT_THERE(DestroyDecodeDevice, HANDLE)
NOT_THERE(SetDecodeRenderTarget, const D3DDDIARG_SETDECODERENDERTARGET *)
NOT_THERE(DecodeBeginFrame, D3DDDIARG_DECODEBEGINFRAME *)
NOT_THERE(DecodeEndFrame, D3DDDIARG_DECODEENDFRAME *)
NOT_THERE(DecodeExecute, const D3DDDIARG_DECODEEXECUTE *)
NOT_THERE(DecodeExtensionExecute, const D3DDDIARG_DECODEEXTENSIONEXECUTE *)
NOT_THERE(GetCaps, const D3DDDIARG_GETCAPS *)
NOT_THERE(CreateDevice, D3DDDIARG_CREATEDEVICE *)
NOT_THERE(other, VOID *)
/* clang-format on */

static HRESULT APIENTRY missing_Flush(HANDLE hDevice)
{
	(void)hDevice;
	return E_NOTIMPL;
}

static HRESULT APIENTRY missing_Destroy(HANDLE hDevice)
{
	(void)hDevice;
	return E_NOTIMPL;
}

#define FILL(name)                                         \
	do {                                               \
		if (!funcs->pfn##name)                     \
			funcs->pfn##name = missing_##name; \
	} while (0)

void cf_fill_adapter_table(D3DDDI_ADAPTERFUNCS *funcs)
{
	FILL(GetCaps);
	FILL(CreateDevice);
	if (!funcs->pfnCloseAdapter)
		funcs->pfnCloseAdapter = missing_Destroy;
}

void cf_fill_device_table(D3DDDI_DEVICEFUNCS *funcs)
{
	PFND3DDDI_BLT other = missing_other;
	char *slots = (char *)funcs;

	FILL(CreateAuthenticatedChannel);
	FILL(AuthenticatedChannelKeyExchange);
	FILL(QueryAuthenticatedChannel);
	FILL(ConfigureAuthenticatedChannel);
	FILL(DestroyAuthenticatedChannel);
	FILL(CreateCryptoSession);
	FILL(CryptoSessionKeyExchange);
	FILL(DestroyCryptoSession);
	FILL(EncryptionBlt);
	FILL(GetPitch);
	FILL(StartSessionKeyRefresh);
	FILL(FinishSessionKeyRefresh);
	FILL(GetEncryptionBltKey);
	FILL(DecryptionBlt);
	FILL(CreateDecodeDevice);
	FILL(ResolveSharedResource);
	FILL(Lock);
	FILL(Unlock);
	FILL(LockAsync);
	FILL(UnlockAsync);
	FILL(CreateResource);
	FILL(DestroyResource);
	FILL(OpenResource);
	FILL(Present);
	FILL(DestroyDecodeDevice);
	FILL(SetDecodeRenderTarget);
	FILL(DecodeBeginFrame);
	FILL(DecodeEndFrame);
	FILL(DecodeExecute);
	FILL(DecodeExtensionExecute);
	FILL(Flush);
	if (!funcs->pfnDestroyDevice)
		funcs->pfnDestroyDevice = missing_Destroy;
	/* All that is left has the one form of slots that nobody here calls. */
	for (size_t i = 0; i < DXVAULT_DEVICEFUNCS_SLOTS; i++) {
		static const char empty[sizeof(other)];

		if (memcmp(slots + i * sizeof(other), empty, sizeof(other)) == 0)
			memcpy(slots + i * sizeof(other), &other, sizeof(other));
	}
}
