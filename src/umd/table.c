/* SPDX-License-Identifier: MIT */
/* The device table: every slot of the Windows 7 part holds a function, never NULL (CAP-14, CAP-18). */
#include "umd/umd_internal.h"

_Static_assert(sizeof(D3DDDI_DEVICEFUNCS) == UMD_DEVICE_SLOTS * sizeof(void *), "D3DDDI_DEVICEFUNCS");

/* What a software GPU for protected content has no use for. What is queued is done first, as for every entry. */
static HRESULT APIENTRY not_implemented(HANDLE hDevice, VOID *pData)
{
	(void)umd_device_find(hDevice);
	(void)pData;
	return E_NOTIMPL;
}

static HRESULT APIENTRY flush(HANDLE hDevice)
{
	(void)umd_device_find(hDevice);
	return E_NOTIMPL;
}

/* The same in the calling form of slots whose structures are known. */
#define STUB(name, type, answer)                                 \
	static HRESULT APIENTRY name(HANDLE hDevice, type pData) \
	{                                                        \
		(void)umd_device_find(hDevice);                  \
		(void)pData;                                     \
		return answer;                                   \
	}

/* clang-format off */
STUB(lock_async, D3DDDIARG_LOCKASYNC *, E_NOTIMPL) /* its documented refusal (BLT-104) */
STUB(unlock_async, const D3DDDIARG_UNLOCKASYNC *, E_NOTIMPL)
STUB(resolve_shared_resource, const D3DDDIARG_RESOLVESHAREDRESOURCE *, E_NOTIMPL)

/* Nothing decodes (CAP-18). */
STUB(set_decode_render_target, const D3DDDIARG_SETDECODERENDERTARGET *, E_NOTIMPL)
STUB(decode_begin_frame, D3DDDIARG_DECODEBEGINFRAME *, E_NOTIMPL)
STUB(decode_end_frame, D3DDDIARG_DECODEENDFRAME *, E_NOTIMPL)
STUB(decode_execute, const D3DDDIARG_DECODEEXECUTE *, E_NOTIMPL)

/* clang-format on */

static const D3DDDI_DEVICEFUNCS table = {
	.pfnSetRenderState = not_implemented,
	.pfnUpdateWInfo = not_implemented,
	.pfnValidateDevice = not_implemented,
	.pfnSetTextureStageState = not_implemented,
	.pfnSetTexture = not_implemented,
	.pfnSetPixelShader = not_implemented,
	.pfnSetPixelShaderConst = not_implemented,
	.pfnSetStreamSourceUm = not_implemented,
	.pfnSetIndices = not_implemented,
	.pfnSetIndicesUm = not_implemented,
	.pfnDrawPrimitive = not_implemented,
	.pfnDrawIndexedPrimitive = not_implemented,
	.pfnDrawRectPatch = not_implemented,
	.pfnDrawTriPatch = not_implemented,
	.pfnDrawPrimitive2 = not_implemented,
	.pfnDrawIndexedPrimitive2 = not_implemented,
	.pfnVolBlt = not_implemented,
	.pfnBufBlt = not_implemented,
	.pfnTexBlt = not_implemented,
	.pfnStateSet = not_implemented,
	.pfnSetPriority = not_implemented,
	.pfnClear = not_implemented,
	.pfnUpdatePalette = not_implemented,
	.pfnSetPalette = not_implemented,
	.pfnSetVertexShaderConst = not_implemented,
	.pfnMultiplyTransform = not_implemented,
	.pfnSetTransform = not_implemented,
	.pfnSetViewport = not_implemented,
	.pfnSetZRange = not_implemented,
	.pfnSetMaterial = not_implemented,
	.pfnSetLight = not_implemented,
	.pfnCreateLight = not_implemented,
	.pfnDestroyLight = not_implemented,
	.pfnSetClipPlane = not_implemented,
	.pfnGetInfo = not_implemented,
	.pfnLock = umd_lock,
	.pfnUnlock = umd_unlock,
	.pfnCreateResource = umd_create_resource,
	.pfnDestroyResource = umd_destroy_resource,
	.pfnSetDisplayMode = not_implemented,
	.pfnPresent = umd_present,
	.pfnFlush = flush,
	.pfnCreateVertexShaderFunc = not_implemented,
	.pfnDeleteVertexShaderFunc = not_implemented,
	.pfnSetVertexShaderFunc = not_implemented,
	.pfnCreateVertexShaderDecl = not_implemented,
	.pfnDeleteVertexShaderDecl = not_implemented,
	.pfnSetVertexShaderDecl = not_implemented,
	.pfnSetVertexShaderConstI = not_implemented,
	.pfnSetVertexShaderConstB = not_implemented,
	.pfnSetScissorRect = not_implemented,
	.pfnSetStreamSource = not_implemented,
	.pfnSetStreamSourceFreq = not_implemented,
	.pfnSetConvolutionKernelMono = not_implemented,
	.pfnComposeRects = not_implemented,
	.pfnBlt = not_implemented,
	.pfnColorFill = not_implemented,
	.pfnDepthFill = not_implemented,
	.pfnCreateQuery = not_implemented,
	.pfnDestroyQuery = not_implemented,
	.pfnIssueQuery = not_implemented,
	.pfnGetQueryData = not_implemented,
	.pfnSetRenderTarget = not_implemented,
	.pfnSetDepthStencil = not_implemented,
	.pfnGenerateMipSubLevels = not_implemented,
	.pfnSetPixelShaderConstI = not_implemented,
	.pfnSetPixelShaderConstB = not_implemented,
	.pfnCreatePixelShader = not_implemented,
	.pfnDeletePixelShader = not_implemented,
	.pfnCreateDecodeDevice = umd_create_decode,
	.pfnDestroyDecodeDevice = umd_destroy_decode,
	.pfnSetDecodeRenderTarget = set_decode_render_target,
	.pfnDecodeBeginFrame = decode_begin_frame,
	.pfnDecodeEndFrame = decode_end_frame,
	.pfnDecodeExecute = decode_execute,
	.pfnDecodeExtensionExecute = umd_decode_extension,
	.pfnCreateVideoProcessDevice = not_implemented,
	.pfnDestroyVideoProcessDevice = not_implemented,
	.pfnVideoProcessBeginFrame = not_implemented,
	.pfnVideoProcessEndFrame = not_implemented,
	.pfnSetVideoProcessRenderTarget = not_implemented,
	.pfnVideoProcessBlt = not_implemented,
	.pfnCreateExtensionDevice = not_implemented,
	.pfnDestroyExtensionDevice = not_implemented,
	.pfnExtensionExecute = not_implemented,
	.pfnCreateOverlay = not_implemented,
	.pfnUpdateOverlay = not_implemented,
	.pfnFlipOverlay = not_implemented,
	.pfnGetOverlayColorControls = not_implemented,
	.pfnSetOverlayColorControls = not_implemented,
	.pfnDestroyOverlay = not_implemented,
	.pfnDestroyDevice = umd_destroy_device,
	.pfnQueryResourceResidency = not_implemented,
	.pfnOpenResource = umd_open_resource,
	.pfnGetCaptureAllocationHandle = not_implemented,
	.pfnCaptureToSysMem = not_implemented,
	.pfnLockAsync = lock_async,
	.pfnUnlockAsync = unlock_async,
	.pfnRename = not_implemented,
	.pfnCreateVideoProcessor = not_implemented,
	.pfnSetVideoProcessBltState = not_implemented,
	.pfnGetVideoProcessBltStatePrivate = not_implemented,
	.pfnSetVideoProcessStreamState = not_implemented,
	.pfnGetVideoProcessStreamStatePrivate = not_implemented,
	.pfnVideoProcessBltHD = not_implemented,
	.pfnDestroyVideoProcessor = not_implemented,
	.pfnCreateAuthenticatedChannel = umd_create_channel,
	.pfnAuthenticatedChannelKeyExchange = umd_channel_key_exchange,
	.pfnQueryAuthenticatedChannel = umd_query_channel,
	.pfnConfigureAuthenticatedChannel = umd_configure_channel,
	.pfnDestroyAuthenticatedChannel = umd_destroy_channel,
	.pfnCreateCryptoSession = umd_create_crypto_session,
	.pfnCryptoSessionKeyExchange = umd_crypto_session_key_exchange,
	.pfnDestroyCryptoSession = umd_destroy_crypto_session,
	.pfnEncryptionBlt = umd_encryption_blt,
	.pfnGetPitch = umd_get_pitch,
	.pfnStartSessionKeyRefresh = umd_start_session_key_refresh,
	.pfnFinishSessionKeyRefresh = umd_finish_session_key_refresh,
	.pfnGetEncryptionBltKey = umd_get_encryption_blt_key,
	.pfnDecryptionBlt = umd_decryption_blt,
	.pfnResolveSharedResource = resolve_shared_resource,
};

void umd_table_fill(D3DDDI_DEVICEFUNCS *ret_table)
{
	*ret_table = table;
}
