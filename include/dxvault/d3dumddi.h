/* The user-mode driver interface: tables, argument structures and callbacks (Direct3D 9). */
/* SPDX-License-Identifier: MIT */
#ifndef DXVAULT_D3DUMDDI_H
#define DXVAULT_D3DUMDDI_H

#include "windef.h"
#include "d3dukmdt.h"
#include "d3dcontentprotection.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- capability queries ---- */

typedef enum _D3DDDICAPS_TYPE {
	D3DDDICAPS_DDRAW = 1,
	D3DDDICAPS_DDRAW_MODE_SPECIFIC = 2,
	D3DDDICAPS_GETFORMATCOUNT = 3,
	D3DDDICAPS_GETFORMATDATA = 4,
	D3DDDICAPS_GETMULTISAMPLEQUALITYLEVELS = 5,
	D3DDDICAPS_GETD3DQUERYCOUNT = 6,
	D3DDDICAPS_GETD3DQUERYDATA = 7,
	D3DDDICAPS_GETD3D3CAPS = 8,
	D3DDDICAPS_GETD3D5CAPS = 9,
	D3DDDICAPS_GETD3D6CAPS = 10,
	D3DDDICAPS_GETD3D7CAPS = 11,
	D3DDDICAPS_GETD3D8CAPS = 12,
	D3DDDICAPS_GETD3D9CAPS = 13,
	D3DDDICAPS_GETDECODEGUIDCOUNT = 14,
	D3DDDICAPS_GETDECODEGUIDS = 15,
	D3DDDICAPS_GETDECODERTFORMATCOUNT = 16,
	D3DDDICAPS_GETDECODERTFORMATS = 17,
	D3DDDICAPS_GETDECODECOMPRESSEDBUFFERINFOCOUNT = 18,
	D3DDDICAPS_GETDECODECOMPRESSEDBUFFERINFO = 19,
	D3DDDICAPS_GETDECODECONFIGURATIONCOUNT = 20,
	D3DDDICAPS_GETDECODECONFIGURATIONS = 21,
	D3DDDICAPS_GETVIDEOPROCESSORDEVICEGUIDCOUNT = 22,
	D3DDDICAPS_GETVIDEOPROCESSORDEVICEGUIDS = 23,
	D3DDDICAPS_GETVIDEOPROCESSORRTFORMATCOUNT = 24,
	D3DDDICAPS_GETVIDEOPROCESSORRTFORMATS = 25,
	D3DDDICAPS_GETVIDEOPROCESSORRTSUBSTREAMFORMATCOUNT = 26,
	D3DDDICAPS_GETVIDEOPROCESSORRTSUBSTREAMFORMATS = 27,
	D3DDDICAPS_GETVIDEOPROCESSORCAPS = 28,
	D3DDDICAPS_GETPROCAMPRANGE = 29,
	D3DDDICAPS_FILTERPROPERTYRANGE = 30,
	D3DDDICAPS_GETEXTENSIONGUIDCOUNT = 31,
	D3DDDICAPS_GETEXTENSIONGUIDS = 32,
	D3DDDICAPS_GETEXTENSIONCAPS = 33,
	D3DDDICAPS_GETGAMMARAMPCAPS = 34,
	D3DDDICAPS_CHECKOVERLAYSUPPORT = 35,
	D3DDDICAPS_DXVAHD_GETVPDEVCAPS = 36,
	D3DDDICAPS_DXVAHD_GETVPOUTPUTFORMATS = 37,
	D3DDDICAPS_DXVAHD_GETVPINPUTFORMATS = 38,
	D3DDDICAPS_DXVAHD_GETVPCAPS = 39,
	D3DDDICAPS_DXVAHD_GETVPCUSTOMRATES = 40,
	D3DDDICAPS_DXVAHD_GETVPFILTERRANGE = 41,
	D3DDDICAPS_GETCONTENTPROTECTIONCAPS = 42,
	D3DDDICAPS_GETCERTIFICATESIZE = 43,
	D3DDDICAPS_GETCERTIFICATE = 44,
	D3DDDICAPS_GET_ARCHITECTURE_INFO = 45,
	D3DDDICAPS_GET_SHADER_MIN_PRECISION_SUPPORT = 46,
	D3DDDICAPS_GET_MULTIPLANE_OVERLAY_CAPS = 47,
	D3DDDICAPS_GET_MULTIPLANE_OVERLAY_FILTER_RANGE = 48,
	D3DDDICAPS_GET_MULTIPLANE_OVERLAY_GROUP_CAPS = 49,
	D3DDDICAPS_GET_SIMPLE_INSTANCING_SUPPORT = 50,
	D3DDDICAPS_GET_MARKER_CAPS = 51
} D3DDDICAPS_TYPE;

typedef struct _D3DDDIARG_GETCAPS {
	D3DDDICAPS_TYPE Type; /* in */
	VOID *pInfo;	      /* in: the condition that goes with Type, or NULL */
	VOID *pData;	      /* in: the caller's buffer; the answer is written there */
	UINT DataSize;	      /* in: bytes at pData */
} D3DDDIARG_GETCAPS;

/* pInfo of GETCONTENTPROTECTIONCAPS; the answer is a D3DCONTENTPROTECTIONCAPS. */
typedef struct _DDICONTENTPROTECTIONCAPS {
	GUID CryptoType;    /* in: D3DCRYPTOTYPE_*, or zero for the union of all */
	GUID DecodeProfile; /* in: or zero for no decoding */
} DDICONTENTPROTECTIONCAPS;

typedef enum _D3DDDI_CERTIFICATETYPE {
	D3DDDI_CERTTYPE_AUTHENTICATED_CHANNEL = 1,
	D3DDDI_CERTTYPE_CRYPTOSESSION = 2
} D3DDDI_CERTIFICATETYPE;

typedef enum _DDIAUTHENTICATEDCHANNELTYPE {
	DDIAUTHENTICATEDCHANNEL_DRIVER_SOFTWARE = 2,
	DDIAUTHENTICATEDCHANNEL_DRIVER_HARDWARE = 3
} DDIAUTHENTICATEDCHANNELTYPE;

/* pInfo of GETCERTIFICATESIZE and GETCERTIFICATE. */
typedef struct _DDICERTIFICATEINFO {
	D3DDDI_CERTIFICATETYPE CertificateType;	 /* in: selects one member below */
	DDIAUTHENTICATEDCHANNELTYPE ChannelType; /* in */
	GUID CryptoSessionType;			 /* in */
} DDICERTIFICATEINFO;

/* ---- crypto sessions and encrypted transfers ---- */

typedef struct _D3DDDIARG_CREATECRYPTOSESSION {
	GUID CryptoType;       /* in */
	GUID DecodeProfile;    /* in: or zero */
	HANDLE hCryptoSession; /* out */
} D3DDDIARG_CREATECRYPTOSESSION;

typedef struct _D3DDDIARG_CRYPTOSESSIONKEYEXCHANGE {
	HANDLE hCryptoSession; /* in */
	UINT DataSize;	       /* in: bytes, 256 for RSAES-OAEP */
	VOID *pData;	       /* in: the encrypted session key */
} D3DDDIARG_CRYPTOSESSIONKEYEXCHANGE;

typedef struct _D3DDDIARG_DESTROYCRYPTOSESSION {
	HANDLE hCryptoSession; /* in */
} D3DDDIARG_DESTROYCRYPTOSESSION;

typedef struct _D3DDDIARG_ENCRYPTIONBLT {
	HANDLE hCryptoSession;	  /* in */
	HANDLE hSrcResource;	  /* in: protected surface */
	UINT SrcSubResourceIndex; /* in */
	HANDLE hDstResource;	  /* in: system memory */
	UINT DstSubResourceIndex; /* in */
	UINT DstResourceSize;	  /* in: bytes */
	VOID *pIV;		  /* out: 16 bytes, the counter block that was used */
} D3DDDIARG_ENCRYPTIONBLT;

typedef struct _D3DDDIENCRYPTED_BLOCK_INFO {
	UINT NumEncryptedBytesAtBeginning;
	UINT NumBytesInSkipPattern;
	UINT NumBytesInEncryptPattern;
} D3DDDIENCRYPTED_BLOCK_INFO;

typedef struct _D3DDDIARG_DECRYPTIONBLT {
	HANDLE hCryptoSession;				 /* in */
	HANDLE hSrcResource;				 /* in: system memory */
	UINT SrcSubResourceIndex;			 /* in */
	HANDLE hDstResource;				 /* in: protected surface */
	UINT DstSubResourceIndex;			 /* in */
	UINT SrcResourceSize;				 /* in: bytes */
	D3DDDIENCRYPTED_BLOCK_INFO *pEncryptedBlockInfo; /* in: NULL if all is encrypted */
	VOID *pContentKey;				 /* in: 16 bytes wrapped by the session key, or NULL */
	VOID *pIV;					 /* in: 16 bytes, the counter block to use */
} D3DDDIARG_DECRYPTIONBLT;

/* The published structure tag differs from the type name. */
typedef struct _GETENCRYPTIONBLTKEY {
	HANDLE hCryptoSession; /* in */
	VOID *pReadBackKey;    /* out: 16 bytes, wrapped by the session key */
	UINT KeySize;	       /* in: bytes, 16 */
} D3DDDIARG_GETENCRYPTIONBLTKEY;

typedef struct _D3DDDIARG_STARTSESSIONKEYREFRESH {
	HANDLE hCryptoSession; /* in */
	VOID *pRandomNumber;   /* out: 16 bytes */
	UINT RandomNumberSize; /* in: bytes, 16 */
} D3DDDIARG_STARTSESSIONKEYREFRESH;

typedef struct _D3DDDIARG_FINISHSESSIONKEYREFRESH {
	HANDLE hCryptoSession; /* in */
} D3DDDIARG_FINISHSESSIONKEYREFRESH;

typedef struct _D3DDDIARG_GETPITCH {
	HANDLE hCryptoSession; /* in */
	HANDLE hResource;      /* in */
	UINT SubResourceIndex; /* in */
	UINT Pitch;	       /* out: bytes from row to row */
} D3DDDIARG_GETPITCH;

/* ---- authenticated channels ---- */

typedef struct _D3DDDIARG_CREATEAUTHENTICATEDCHANNEL {
	DDIAUTHENTICATEDCHANNELTYPE ChannelType; /* in */
	HANDLE hChannel;			 /* out */
} D3DDDIARG_CREATEAUTHENTICATEDCHANNEL;

typedef struct _D3DDDIARG_AUTHENTICATEDCHANNELKEYEXCHANGE {
	HANDLE hChannel; /* in */
	UINT DataSize;	 /* in: bytes, 256 */
	VOID *pData;	 /* in: the encrypted channel key */
} D3DDDIARG_AUTHENTICATEDCHANNELKEYEXCHANGE;

/* The channel's handle is inside the input buffer, here and in the next structure. */
typedef struct _D3DDDIARG_QUERYAUTHENTICATEDCHANNEL {
	UINT InputSize;		/* in: bytes */
	CONST VOID *pInputData; /* in: a D3DAUTHENTICATEDCHANNEL_QUERY*_INPUT */
	UINT OutputSize;	/* in: bytes */
	VOID *pOutputData;	/* out: a D3DAUTHENTICATEDCHANNEL_QUERY*_OUTPUT */
} D3DDDIARG_QUERYAUTHENTICATEDCHANNEL;

typedef struct _D3DDDIARG_CONFIGUREAUTHENTICATEDCHANNEL {
	UINT InputSize;		/* in: bytes */
	CONST VOID *pInputData; /* in: a D3DAUTHENTICATEDCHANNEL_CONFIGURE* */
	VOID *pOutputData;	/* out: a D3DAUTHENTICATEDCHANNEL_CONFIGURE_OUTPUT */
} D3DDDIARG_CONFIGUREAUTHENTICATEDCHANNEL;

typedef struct _D3DDDIARG_DESTROYAUTHENTICATEDCHANNEL {
	HANDLE hChannel; /* in */
} D3DDDIARG_DESTROYAUTHENTICATEDCHANNEL;

typedef struct _D3DDDIARG_RESOLVESHAREDRESOURCE {
	HANDLE hResource; /* in */
} D3DDDIARG_RESOLVESHAREDRESOURCE;

/* ---- resources ---- */

typedef struct _D3DDDI_LOCKFLAGS {
	DXVAULT_ANON union {
		DXVAULT_ANON struct {
			UINT ReadOnly : 1;
			UINT WriteOnly : 1;
			UINT NoOverwrite : 1;
			UINT Discard : 1;
			UINT RangeValid : 1;
			UINT AreaValid : 1;
			UINT BoxValid : 1;
			UINT NotifyOnly : 1;
			UINT MightDrawFromLocked : 1;
			UINT DoNotWait : 1;
			UINT Reserved : 22;
		};
		UINT Value;
	};
} D3DDDI_LOCKFLAGS;

typedef struct _D3DDDI_UNLOCKFLAGS {
	DXVAULT_ANON union {
		DXVAULT_ANON struct {
			UINT NotifyOnly : 1;
			UINT Reserved : 31;
		};
		UINT Value;
	};
} D3DDDI_UNLOCKFLAGS;

typedef struct _D3DDDI_OPENRESOURCEFLAGS {
	DXVAULT_ANON union {
		DXVAULT_ANON struct {
			UINT Fullscreen : 1;
			UINT AlphaOverride : 1;
			UINT Reserved : 30;
		};
		UINT Value;
	};
} D3DDDI_OPENRESOURCEFLAGS;

typedef struct _D3DDDIRANGE {
	UINT Offset;
	UINT Size;
} D3DDDIRANGE;

typedef struct _D3DDDIBOX {
	UINT Left;
	UINT Top;
	UINT Right;
	UINT Bottom;
	UINT Front;
	UINT Back;
} D3DDDIBOX;

typedef struct _D3DDDIARG_LOCK {
	HANDLE hResource;      /* in */
	UINT SubResourceIndex; /* in */
	DXVAULT_ANON union {
		D3DDDIRANGE Range; /* in: with RangeValid */
		RECT Area;	   /* in: with AreaValid */
		D3DDDIBOX Box;	   /* in: with BoxValid */
	};
	VOID *pSurfData;	/* out */
	UINT Pitch;		/* out: bytes */
	UINT SlicePitch;	/* out: bytes */
	D3DDDI_LOCKFLAGS Flags; /* in */
} D3DDDIARG_LOCK;

typedef struct _D3DDDIARG_UNLOCK {
	HANDLE hResource;	  /* in */
	UINT SubResourceIndex;	  /* in */
	D3DDDI_UNLOCKFLAGS Flags; /* in */
} D3DDDIARG_UNLOCK;

typedef struct _D3DDDI_LOCKASYNCFLAGS {
	DXVAULT_ANON union {
		DXVAULT_ANON struct {
			UINT NoOverwrite : 1;
			UINT Discard : 1;
			UINT RangeValid : 1;
			UINT AreaValid : 1;
			UINT BoxValid : 1;
			UINT NoExistingReferences : 1;
			UINT NotifyOnly : 1;
			UINT Reserved : 25;
		};
		UINT Value;
	};
} D3DDDI_LOCKASYNCFLAGS;

typedef struct _D3DDDI_UNLOCKASYNCFLAGS {
	DXVAULT_ANON union {
		DXVAULT_ANON struct {
			UINT NotifyOnly : 1;
			UINT Reserved : 31;
		};
		UINT Value;
	};
} D3DDDI_UNLOCKASYNCFLAGS;

typedef struct _D3DDDIARG_LOCKASYNC {
	HANDLE hResource;	     /* in */
	UINT SubResourceIndex;	     /* in */
	D3DDDI_LOCKASYNCFLAGS Flags; /* in */
	DXVAULT_ANON union {
		D3DDDIRANGE Range; /* in */
		RECT Area;	   /* in */
		D3DDDIBOX Box;	   /* in */
	};
	HANDLE hCookie;				  /* out */
	VOID *pSurfData;			  /* out */
	UINT Pitch;				  /* out: bytes */
	UINT SlicePitch;			  /* out: bytes */
	D3DGPU_VIRTUAL_ADDRESS GpuVirtualAddress; /* reserved */
} D3DDDIARG_LOCKASYNC;

typedef struct _D3DDDIARG_UNLOCKASYNC {
	HANDLE hResource;	       /* in */
	UINT SubResourceIndex;	       /* in */
	D3DDDI_UNLOCKASYNCFLAGS Flags; /* in */
} D3DDDIARG_UNLOCKASYNC;

typedef struct _D3DDDIARG_OPENRESOURCE {
	UINT NumAllocations; /* in */
	DXVAULT_ANON union {
		D3DDDI_OPENALLOCATIONINFO *pOpenAllocationInfo;	  /* in */
		D3DDDI_OPENALLOCATIONINFO2 *pOpenAllocationInfo2; /* in */
	};
	D3DKMT_HANDLE hKMResource;	/* in */
	VOID *pPrivateDriverData;	/* in: what the creator's driver left */
	UINT PrivateDriverDataSize;	/* in: bytes */
	HANDLE hResource;		/* in: runtime's handle, out: driver's */
	D3DDDI_ROTATION Rotation;	/* in */
	D3DDDI_OPENRESOURCEFLAGS Flags; /* in */
} D3DDDIARG_OPENRESOURCE;

typedef struct _D3DDDI_PRESENTFLAGS {
	DXVAULT_ANON union {
		DXVAULT_ANON struct {
			UINT Blt : 1;
			UINT ColorFill : 1;
			UINT Flip : 1;
			UINT AllowTearing : 1;
			UINT AllowFlexibleRefresh : 1;
			UINT Reserved : 27;
		};
		UINT Value;
	};
} D3DDDI_PRESENTFLAGS;

typedef struct _D3DDDIARG_PRESENT {
	HANDLE hSrcResource;		       /* in: NULL for a colour fill */
	UINT SrcSubResourceIndex;	       /* in */
	HANDLE hDstResource;		       /* in: or NULL */
	UINT DstSubResourceIndex;	       /* in */
	D3DDDI_PRESENTFLAGS Flags;	       /* in */
	D3DDDI_FLIPINTERVAL_TYPE FlipInterval; /* in */
} D3DDDIARG_PRESENT;

/* ---- decoding ---- */

/* Functions of DecodeExtensionExecute. */
#define DXVA2_DECODE_SPECIFY_ENCRYPTED_BLOCKS 0x724
#define DXVA2_DECODE_GET_DRIVER_HANDLE	      0x725

typedef struct _DXVADDI_FREQUENCY {
	UINT Numerator;
	UINT Denominator;
} DXVADDI_FREQUENCY;

typedef struct _DXVADDI_EXTENDEDFORMAT {
	DXVAULT_ANON union {
		DXVAULT_ANON struct {
			UINT SampleFormat : 8;
			UINT VideoChromaSubsampling : 4;
			UINT NominalRange : 3;
			UINT VideoTransferMatrix : 3;
			UINT VideoLighting : 4;
			UINT VideoPrimaries : 5;
			UINT VideoTransferFunction : 5;
		};
		UINT Value;
	};
} DXVADDI_EXTENDEDFORMAT;

typedef struct _DXVADDI_VIDEODESC {
	UINT SampleWidth;
	UINT SampleHeight;
	DXVADDI_EXTENDEDFORMAT SampleFormat;
	D3DDDIFORMAT Format;
	DXVADDI_FREQUENCY InputSampleFreq;
	DXVADDI_FREQUENCY OutputFrameFreq;
	UINT UABProtectionLevel;
	UINT Reserved;
} DXVADDI_VIDEODESC;

typedef struct _DXVADDI_CONFIGPICTUREDECODE {
	GUID guidConfigBitstreamEncryption;
	GUID guidConfigMBcontrolEncryption;
	GUID guidConfigResidDiffEncryption;
	UINT ConfigBitstreamRaw;
	UINT ConfigMBcontrolRasterOrder;
	UINT ConfigResidDiffHost;
	UINT ConfigSpatialResid8;
	UINT ConfigResid8Subtraction;
	UINT ConfigSpatialHost8or9Clipping;
	UINT ConfigSpatialResidInterleaved;
	UINT ConfigIntraResidUnsigned;
	UINT ConfigResidDiffAccelerator;
	UINT ConfigHostInverseScan;
	UINT ConfigSpecificIDCT;
	UINT Config4GroupedCoefs;
	USHORT ConfigMinRenderTargetBuffCount;
	USHORT ConfigDecoderSpecific;
} DXVADDI_CONFIGPICTUREDECODE;

typedef struct _DXVADDI_DECODEINPUT {
	CONST GUID *pGuid;	     /* in */
	DXVADDI_VIDEODESC VideoDesc; /* in */
} DXVADDI_DECODEINPUT;

typedef struct _DXVADDI_DECODEBUFFERINFO {
	D3DDDIFORMAT CompressedBufferType; /* out */
	UINT CreationWidth;		   /* out */
	UINT CreationHeight;		   /* out */
	D3DDDI_POOL CreationPool;	   /* out */
} DXVADDI_DECODEBUFFERINFO;

typedef struct _DXVADDI_PVP_BLOCK128 {
	BYTE Data[16];
} DXVADDI_PVP_BLOCK128, DXVADDI_PVP_KEY128;

typedef struct _DXVADDI_PVP_SETKEY {
	DXVADDI_PVP_KEY128 ContentKey; /* in: wrapped; all zero means the session key */
} DXVADDI_PVP_SETKEY;

/* Counter block, both numbers most significant byte first. */
typedef struct _DXVADDI_PVP_HW_IV {
	ULONGLONG IV;
	ULONGLONG Count;
} DXVADDI_PVP_HW_IV;

typedef struct _D3DDDIARG_CREATEDECODEDEVICE {
	CONST GUID *pGuid;		      /* in: profile */
	DXVADDI_VIDEODESC VideoDesc;	      /* in */
	DXVADDI_CONFIGPICTUREDECODE *pConfig; /* in */
	HANDLE hDecode;			      /* in: runtime's handle, out: driver's */
} D3DDDIARG_CREATEDECODEDEVICE;

typedef struct _D3DDDIARG_SETDECODERENDERTARGET {
	HANDLE hDecode;	       /* in */
	HANDLE hRenderTarget;  /* in */
	UINT SubResourceIndex; /* in */
} D3DDDIARG_SETDECODERENDERTARGET;

typedef struct _D3DDDIARG_DECODEBEGINFRAME {
	HANDLE hDecode;			/* in */
	DXVADDI_PVP_SETKEY *pPVPSetKey; /* in: NULL for a clear frame */
} D3DDDIARG_DECODEBEGINFRAME;

typedef struct _D3DDDIARG_DECODEENDFRAME {
	HANDLE hDecode;		 /* in */
	HANDLE *pHandleComplete; /* in/out: or NULL */
} D3DDDIARG_DECODEENDFRAME;

typedef struct _DXVADDI_DECODEBUFFERDESC {
	HANDLE hBuffer;			   /* in */
	D3DDDIFORMAT CompressedBufferType; /* in */
	UINT BufferIndex;		   /* in */
	UINT DataOffset;		   /* in: bytes */
	UINT DataSize;			   /* in: bytes */
	UINT FirstMBaddress;		   /* in */
	UINT NumMBsInBuffer;		   /* in */
	UINT Width;			   /* in */
	UINT Height;			   /* in */
	UINT Stride;			   /* in */
	UINT ReservedBits;		   /* in: zero */
	DXVADDI_PVP_HW_IV *pCipherCounter; /* in: NULL for clear data */
} DXVADDI_DECODEBUFFERDESC;

typedef struct _D3DDDIARG_DECODEEXECUTE {
	HANDLE hDecode;				      /* in */
	UINT NumCompBuffers;			      /* in */
	DXVADDI_DECODEBUFFERDESC *pCompressedBuffers; /* in */
} D3DDDIARG_DECODEEXECUTE;

typedef struct _DXVADDI_PRIVATEDATA {
	VOID *pData;
	UINT DataSize; /* bytes */
} DXVADDI_PRIVATEDATA;

typedef struct _DXVADDI_PRIVATEBUFFER {
	HANDLE hResource;
	UINT SubResourceIndex;
	UINT DataOffset; /* bytes */
	UINT DataSize;	 /* bytes */
} DXVADDI_PRIVATEBUFFER;

typedef struct _D3DDDIARG_DECODEEXTENSIONEXECUTE {
	HANDLE hDecode;			     /* in */
	UINT Function;			     /* in: DXVA2_DECODE_* */
	DXVADDI_PRIVATEDATA *pPrivateInput;  /* in */
	DXVADDI_PRIVATEDATA *pPrivateOutput; /* out */
	UINT NumBuffers;		     /* in */
	DXVADDI_PRIVATEBUFFER *pBuffers;     /* in */
} D3DDDIARG_DECODEEXTENSIONEXECUTE;

/* ---- callbacks into the runtime; the handles they take are the runtime's (CAP-23) ---- */

typedef struct _D3DDDICB_QUERYADAPTERINFO {
	VOID *pPrivateDriverData;   /* out: filled by the kernel-mode driver */
	UINT PrivateDriverDataSize; /* in: bytes */
} D3DDDICB_QUERYADAPTERINFO;

typedef struct _D3DDDICB_ALLOCATE {
	CONST VOID *pPrivateDriverData; /* in: per resource, for the kernel-mode driver */
	UINT PrivateDriverDataSize;	/* in: bytes */
	HANDLE hResource;		/* in: runtime's handle, or NULL */
	D3DKMT_HANDLE hKMResource;	/* out: with hResource */
	UINT NumAllocations;		/* in */
	DXVAULT_ANON union {
		D3DDDI_ALLOCATIONINFO *pAllocationInfo;	  /* in/out */
		D3DDDI_ALLOCATIONINFO2 *pAllocationInfo2; /* in/out */
	};
} D3DDDICB_ALLOCATE;

typedef struct _D3DDDICB_DEALLOCATE {
	HANDLE hResource;		 /* in: or NULL */
	UINT NumAllocations;		 /* in: 0 with hResource */
	CONST D3DKMT_HANDLE *HandleList; /* in */
} D3DDDICB_DEALLOCATE;

typedef struct _D3DDDICB_LOCK {
	D3DKMT_HANDLE hAllocation;		  /* in, with Discard also out */
	UINT PrivateDriverData;			  /* in */
	UINT NumPages;				  /* in */
	CONST UINT *pPages;			  /* in */
	VOID *pData;				  /* out */
	D3DDDICB_LOCKFLAGS Flags;		  /* in */
	D3DGPU_VIRTUAL_ADDRESS GpuVirtualAddress; /* reserved */
} D3DDDICB_LOCK;

typedef struct _D3DDDICB_UNLOCK {
	UINT NumAllocations;		    /* in */
	CONST D3DKMT_HANDLE *phAllocations; /* in */
} D3DDDICB_UNLOCK;

typedef struct _D3DDDICB_ESCAPE {
	HANDLE hDevice;		    /* in: or NULL */
	D3DDDI_ESCAPEFLAGS Flags;   /* in */
	VOID *pPrivateDriverData;   /* in/out */
	UINT PrivateDriverDataSize; /* in: bytes */
	HANDLE hContext;	    /* in: or NULL */
} D3DDDICB_ESCAPE;

typedef struct _D3DDDICB_CREATECONTEXT {
	UINT NodeOrdinal;			      /* in */
	UINT EngineAffinity;			      /* in */
	D3DDDI_CREATECONTEXTFLAGS Flags;	      /* in */
	VOID *pPrivateDriverData;		      /* in */
	UINT PrivateDriverDataSize;		      /* in: bytes */
	HANDLE hContext;			      /* out */
	VOID *pCommandBuffer;			      /* out */
	UINT CommandBufferSize;			      /* out: bytes */
	D3DDDI_ALLOCATIONLIST *pAllocationList;	      /* out */
	UINT AllocationListSize;		      /* out: entries */
	D3DDDI_PATCHLOCATIONLIST *pPatchLocationList; /* out */
	UINT PatchLocationListSize;		      /* out: entries */
	D3DGPU_VIRTUAL_ADDRESS CommandBuffer;	      /* reserved */
} D3DDDICB_CREATECONTEXT;

typedef struct _D3DDDICB_DESTROYCONTEXT {
	HANDLE hContext; /* in */
} D3DDDICB_DESTROYCONTEXT;

/*
 * A runtime of interface version 0x2003 knows the members up to BroadcastContext; the tail from
 * BroadcastSrcAllocation on is of later versions. Only the order of the tail is documented, so its
 * offsets rest on natural alignment.
 */
typedef struct _D3DDDICB_PRESENT {
	D3DKMT_HANDLE hSrcAllocation;			       /* in */
	D3DKMT_HANDLE hDstAllocation;			       /* in: or 0 */
	HANDLE hContext;				       /* in */
	UINT BroadcastContextCount;			       /* in */
	HANDLE BroadcastContext[D3DDDI_MAX_BROADCAST_CONTEXT]; /* in */
	D3DKMT_HANDLE *BroadcastSrcAllocation;		       /* in */
	D3DKMT_HANDLE *BroadcastDstAllocation;		       /* in */
	UINT PrivateDriverDataSize;			       /* in: bytes */
	PVOID pPrivateDriverData;			       /* in: for the kernel-mode driver */
	BOOLEAN bOptimizeForComposition;		       /* out */
	BOOL SyncIntervalOverrideValid;			       /* in */
	D3DDDI_FLIPINTERVAL_TYPE SyncIntervalOverride;	       /* in */
} D3DDDICB_PRESENT;

typedef struct _D3DDDICB_RENDERFLAGS {
	DXVAULT_ANON union {
		DXVAULT_ANON struct {
			UINT ResizeCommandBuffer : 1;
			UINT ResizeAllocationList : 1;
			UINT ResizePatchLocationList : 1;
			UINT NullRendering : 1;
			UINT Reserved : 28;
		};
		UINT Value;
	};
} D3DDDICB_RENDERFLAGS;

/* The part of interface version 0x2003; later versions append to it. */
typedef struct _D3DDDICB_RENDER {
	UINT CommandLength;				       /* in: bytes */
	UINT CommandOffset;				       /* in: bytes */
	UINT NumAllocations;				       /* in */
	UINT NumPatchLocations;				       /* in */
	VOID *pNewCommandBuffer;			       /* out */
	UINT NewCommandBufferSize;			       /* in/out: bytes */
	D3DDDI_ALLOCATIONLIST *pNewAllocationList;	       /* out */
	UINT NewAllocationListSize;			       /* in/out: entries */
	D3DDDI_PATCHLOCATIONLIST *pNewPatchLocationList;       /* out */
	UINT NewPatchLocationListSize;			       /* in/out: entries */
	D3DDDICB_RENDERFLAGS Flags;			       /* in */
	HANDLE hContext;				       /* in */
	UINT BroadcastContextCount;			       /* in */
	HANDLE BroadcastContext[D3DDDI_MAX_BROADCAST_CONTEXT]; /* in */
	ULONG QueuedBufferCount;			       /* out */
	D3DGPU_VIRTUAL_ADDRESS NewCommandBuffer;	       /* reserved */
	VOID *pPrivateDriverData;			       /* reserved */
	UINT PrivateDriverDataSize;			       /* reserved */
} D3DDDICB_RENDER;

/* Each returns an HRESULT; the driver passes failures on by rule CAP-27. */
typedef HRESULT(APIENTRY *PFND3DDDI_QUERYADAPTERINFOCB)(HANDLE hAdapter, CONST D3DDDICB_QUERYADAPTERINFO *);
typedef HRESULT(APIENTRY *PFND3DDDI_GETMULTISAMPLEMETHODLISTCB)(HANDLE hAdapter, VOID *);
typedef HRESULT(APIENTRY *PFND3DDDI_QUERYADAPTERINFOCB2)(HANDLE hAdapter, CONST VOID *);

typedef HRESULT(APIENTRY *PFND3DDDI_ALLOCATECB)(HANDLE hDevice, D3DDDICB_ALLOCATE *);
typedef HRESULT(APIENTRY *PFND3DDDI_DEALLOCATECB)(HANDLE hDevice, CONST D3DDDICB_DEALLOCATE *);
typedef HRESULT(APIENTRY *PFND3DDDI_PRESENTCB)(HANDLE hDevice, CONST D3DDDICB_PRESENT *);
typedef HRESULT(APIENTRY *PFND3DDDI_RENDERCB)(HANDLE hDevice, D3DDDICB_RENDER *);
typedef HRESULT(APIENTRY *PFND3DDDI_LOCKCB)(HANDLE hDevice, D3DDDICB_LOCK *);
typedef HRESULT(APIENTRY *PFND3DDDI_UNLOCKCB)(HANDLE hDevice, CONST D3DDDICB_UNLOCK *);
typedef HRESULT(APIENTRY *PFND3DDDI_ESCAPECB)(HANDLE hAdapter, CONST D3DDDICB_ESCAPE *);
typedef HRESULT(APIENTRY *PFND3DDDI_CREATECONTEXTCB)(HANDLE hDevice, D3DDDICB_CREATECONTEXT *);
typedef HRESULT(APIENTRY *PFND3DDDI_DESTROYCONTEXTCB)(HANDLE hDevice, CONST D3DDDICB_DESTROYCONTEXT *);

/* Not used by this driver: only the slot matters. */
typedef HRESULT(APIENTRY *PFND3DDDI_SETPRIORITYCB)(HANDLE hDevice, VOID *);
typedef HRESULT(APIENTRY *PFND3DDDI_QUERYRESIDENCYCB)(HANDLE hDevice, VOID *);
typedef HRESULT(APIENTRY *PFND3DDDI_SETDISPLAYMODECB)(HANDLE hDevice, VOID *);
typedef HRESULT(APIENTRY *PFND3DDDI_CREATEOVERLAYCB)(HANDLE hDevice, VOID *);
typedef HRESULT(APIENTRY *PFND3DDDI_UPDATEOVERLAYCB)(HANDLE hDevice, VOID *);
typedef HRESULT(APIENTRY *PFND3DDDI_FLIPOVERLAYCB)(HANDLE hDevice, VOID *);
typedef HRESULT(APIENTRY *PFND3DDDI_DESTROYOVERLAYCB)(HANDLE hDevice, VOID *);
typedef HRESULT(APIENTRY *PFND3DDDI_CREATESYNCHRONIZATIONOBJECTCB)(HANDLE hDevice, VOID *);
typedef HRESULT(APIENTRY *PFND3DDDI_DESTROYSYNCHRONIZATIONOBJECTCB)(HANDLE hDevice, VOID *);
typedef HRESULT(APIENTRY *PFND3DDDI_WAITFORSYNCHRONIZATIONOBJECTCB)(HANDLE hDevice, VOID *);
typedef HRESULT(APIENTRY *PFND3DDDI_SIGNALSYNCHRONIZATIONOBJECTCB)(HANDLE hDevice, VOID *);
typedef HRESULT(APIENTRY *PFND3DDDI_SETASYNCCALLBACKSCB)(HANDLE hDevice, BOOL);
typedef HRESULT(APIENTRY *PFND3DDDI_SETDISPLAYPRIVATEDRIVERFORMATCB)(HANDLE hDevice, VOID *);

typedef struct _D3DDDI_ADAPTERCALLBACKS {
	PFND3DDDI_QUERYADAPTERINFOCB pfnQueryAdapterInfoCb;
	PFND3DDDI_GETMULTISAMPLEMETHODLISTCB pfnGetMultisampleMethodListCb;
	PFND3DDDI_QUERYADAPTERINFOCB2 pfnQueryAdapterInfoCb2; /* later than 0x2003 */
} D3DDDI_ADAPTERCALLBACKS;

/* The part of interface version 0x2003. */
typedef struct _D3DDDI_DEVICECALLBACKS {
	PFND3DDDI_ALLOCATECB pfnAllocateCb;
	PFND3DDDI_DEALLOCATECB pfnDeallocateCb;
	PFND3DDDI_SETPRIORITYCB pfnSetPriorityCb;
	PFND3DDDI_QUERYRESIDENCYCB pfnQueryResidencyCb;
	PFND3DDDI_SETDISPLAYMODECB pfnSetDisplayModeCb;
	PFND3DDDI_PRESENTCB pfnPresentCb;
	PFND3DDDI_RENDERCB pfnRenderCb;
	PFND3DDDI_LOCKCB pfnLockCb;
	PFND3DDDI_UNLOCKCB pfnUnlockCb;
	PFND3DDDI_ESCAPECB pfnEscapeCb;
	PFND3DDDI_CREATEOVERLAYCB pfnCreateOverlayCb;
	PFND3DDDI_UPDATEOVERLAYCB pfnUpdateOverlayCb;
	PFND3DDDI_FLIPOVERLAYCB pfnFlipOverlayCb;
	PFND3DDDI_DESTROYOVERLAYCB pfnDestroyOverlayCb;
	PFND3DDDI_CREATECONTEXTCB pfnCreateContextCb;
	PFND3DDDI_DESTROYCONTEXTCB pfnDestroyContextCb;
	PFND3DDDI_CREATESYNCHRONIZATIONOBJECTCB pfnCreateSynchronizationObjectCb;
	PFND3DDDI_DESTROYSYNCHRONIZATIONOBJECTCB pfnDestroySynchronizationObjectCb;
	PFND3DDDI_WAITFORSYNCHRONIZATIONOBJECTCB pfnWaitForSynchronizationObjectCb;
	PFND3DDDI_SIGNALSYNCHRONIZATIONOBJECTCB pfnSignalSynchronizationObjectCb;
	PFND3DDDI_SETASYNCCALLBACKSCB pfnSetAsyncCallbacksCb;
	PFND3DDDI_SETDISPLAYPRIVATEDRIVERFORMATCB pfnSetDisplayPrivateDriverFormatCb;
} D3DDDI_DEVICECALLBACKS;

/* ---- adapter and device ---- */

struct _D3DDDI_ADAPTERFUNCS;
struct _D3DDDI_DEVICEFUNCS;

typedef struct _D3DDDIARG_OPENADAPTER {
	HANDLE hAdapter;				  /* in: runtime's handle, out: driver's */
	UINT Interface;					  /* in: 9 */
	UINT Version;					  /* in: D3D_UMD_INTERFACE_VERSION_* of the runtime */
	CONST D3DDDI_ADAPTERCALLBACKS *pAdapterCallbacks; /* in */
	struct _D3DDDI_ADAPTERFUNCS *pAdapterFuncs;	  /* in: filled by the driver */
	UINT DriverVersion;				  /* out: D3D_UMD_INTERFACE_VERSION_WIN7 */
} D3DDDIARG_OPENADAPTER;

typedef struct _D3DDDI_CREATEDEVICEFLAGS {
	DXVAULT_ANON union {
		DXVAULT_ANON struct {
			UINT AllowMultithreading : 1;
			UINT AllowFlipBatching : 1;
			UINT Reserved : 30;
		};
		UINT Value;
	};
} D3DDDI_CREATEDEVICEFLAGS;

typedef struct _D3DDDIARG_CREATEDEVICE {
	HANDLE hDevice;				  /* in: runtime's, out: driver's */
	UINT Interface;				  /* in */
	UINT Version;				  /* in */
	CONST D3DDDI_DEVICECALLBACKS *pCallbacks; /* in: valid as long as the device */
	VOID *pCommandBuffer;			  /* in: unused, as the next five */
	UINT CommandBufferSize;
	D3DDDI_ALLOCATIONLIST *pAllocationList;
	UINT AllocationListSize;
	D3DDDI_PATCHLOCATIONLIST *pPatchLocationList;
	UINT PatchLocationListSize;
	struct _D3DDDI_DEVICEFUNCS *pDeviceFuncs; /* in: filled by the driver */
	D3DDDI_CREATEDEVICEFLAGS Flags;		  /* in */
	D3DGPU_VIRTUAL_ADDRESS CommandBuffer;	  /* reserved */
} D3DDDIARG_CREATEDEVICE;

/* ---- entry points ---- */

/*
 * Rules for all (ids: docs, "crypto sessions", "transfers", "capabilities"): S_OK is the only
 * success (CS-01); hDevice or hAdapter NULL, unknown or released, and pData NULL, give E_INVALIDARG
 * (CS-02, CS-03, CAP-10); a failing call changes nothing (CS-06); a const structure is never
 * written (CS-09); E_INVALIDARG is a malformed argument, D3DDDIERR_INVALIDCALL a wrong state,
 * D3DDDIERR_NOTAVAILABLE something that is not offered; with the adapter gone all but the destroy
 * functions give D3DDDIERR_DEVICEREMOVED (CS-12). The order of checks is CS-71, CS-72, BLT-120.
 * Buffers belong to the caller and are not kept after the call. Calls on one device are serialised
 * by the caller; calls on two devices may overlap (CS-11).
 */

/**
 * PFND3DDDI_GETCAPS - answer a capability query
 * @pData: Type selects; pInfo is the condition; the answer goes to pData->pData, of which DataSize
 *         bytes may be used. Content protection: 42 takes a DDICONTENTPROTECTIONCAPS and gives a
 *         D3DCONTENTPROTECTIONCAPS; 43 and 44 take a DDICERTIFICATEINFO and give a 32-bit size and
 *         the certificates (DER, leaf first, back to back).
 *
 * S_OK; E_INVALIDARG: NULL where a pointer is needed, too small a buffer, unknown CertificateType
 * (CAP-37, CAP-38, CAP-67, CAP-69); D3DDDIERR_NOTAVAILABLE: Type, crypto type or certificate not
 * offered (CAP-39, CAP-46, CAP-70 to CAP-72); D3DDDIERR_UNSUPPORTEDCRYPTO: crypto type known but
 * not usable with the decode profile (CAP-45, CAP-47, CAP-49); E_OUTOFMEMORY (CAP-41).
 */
typedef HRESULT(APIENTRY *PFND3DDDI_GETCAPS)(HANDLE hAdapter, CONST D3DDDIARG_GETCAPS *pData);

/**
 * PFND3DDDI_CREATEDEVICE - make a device
 * @pData: hDevice in is the runtime's and goes into callbacks (CAP-11, CAP-23), out the driver's;
 *         the driver writes the 121 slots at pDeviceFuncs and no more (CAP-14).
 *
 * S_OK; E_INVALIDARG: pDeviceFuncs or pCallbacks NULL (CAP-17); E_OUTOFMEMORY (CAP-19).
 */
typedef HRESULT(APIENTRY *PFND3DDDI_CREATEDEVICE)(HANDLE hAdapter, D3DDDIARG_CREATEDEVICE *pData);

/**
 * PFND3DDDI_CLOSEADAPTER - release an adapter object
 *
 * S_OK; E_INVALIDARG: handle not open, or devices still live (CAP-09, CAP-10).
 */
typedef HRESULT(APIENTRY *PFND3DDDI_CLOSEADAPTER)(HANDLE hAdapter);

/**
 * PFND3DDDI_DESTROYDEVICE - release a device with all its sessions, channels and resources
 *
 * S_OK; E_INVALIDARG: no such device. Rules: CAP-20, CS-12.
 */
typedef HRESULT(APIENTRY *PFND3DDDI_DESTROYDEVICE)(HANDLE hDevice);

/**
 * PFND3DDDI_CREATECRYPTOSESSION - make a crypto session without a key
 * @pData: CryptoType and DecodeProfile in (zero: surface transfers only); hCryptoSession out, its
 *         incoming value is ignored (CS-23).
 *
 * S_OK; D3DDDIERR_NOTAVAILABLE: crypto type zero or not implemented (CS-17, CS-18, CS-21);
 * D3DDDIERR_UNSUPPORTEDCRYPTO: profile unknown or not usable with the type (CS-19, CS-20);
 * E_OUTOFMEMORY: memory or the user's quota used up (CS-07, CS-25).
 */
typedef HRESULT(APIENTRY *PFND3DDDI_CREATECRYPTOSESSION)(HANDLE hDevice, D3DDDIARG_CREATECRYPTOSESSION *pData);

/**
 * PFND3DDDI_CRYPTOSESSIONKEYEXCHANGE - give a session its key
 * @pData: pData->pData holds 256 bytes: the 16-byte AES key in RSAES-OAEP (SHA-512, MGF1 SHA-512,
 *         empty label) under the key of the session certificate (CS-29 to CS-32).
 *
 * S_OK; E_INVALIDARG: dead or foreign session, wrong size, NULL buffer, or a block that does not
 * decrypt to 16 bytes (CS-04, CS-05, CS-30); D3DDDIERR_NOTAVAILABLE: no exchange for the crypto
 * type; E_OUTOFMEMORY (CS-07).
 */
typedef HRESULT(APIENTRY *PFND3DDDI_CRYPTOSESSIONKEYEXCHANGE)(HANDLE hDevice,
							      D3DDDIARG_CRYPTOSESSIONKEYEXCHANGE *pData);

/**
 * PFND3DDDI_DESTROYCRYPTOSESSION - release a session and wipe its keys
 *
 * S_OK, also with the adapter gone and without memory (CS-08, CS-12); E_INVALIDARG: dead session or
 * session of another device (CS-04, CS-05).
 */
typedef HRESULT(APIENTRY *PFND3DDDI_DESTROYCRYPTOSESSION)(HANDLE hDevice, CONST D3DDDIARG_DESTROYCRYPTOSESSION *pData);

/**
 * PFND3DDDI_ENCRYPTIONBLT - read a protected surface back, encrypted
 * @pData: the whole of the source surface goes to the system-memory surface under the read-back
 *         key; pIV receives the 16-byte counter block that was used (BLT-16 to BLT-28).
 *         DstResourceSize is in bytes, at least the surface and a multiple of BlockAlignmentSize.
 *
 * S_OK; D3DDDIERR_NOTAVAILABLE: function not offered (BLT-26, CS-10); E_INVALIDARG: dead or
 * foreign handle, wrong pool, kind, format, size or alignment, pIV NULL (BLT-21, BLT-30 to BLT-39);
 * D3DDDIERR_INVALIDCALL: no read-back key, or a surface that is locked (BLT-18, BLT-40);
 * E_ACCESSDENIED: content of another session or key exchange (BLT-123); E_FAIL: no random numbers
 * (CS-14); E_OUTOFMEMORY.
 */
typedef HRESULT(APIENTRY *PFND3DDDI_ENCRYPTIONBLT)(HANDLE hDevice, CONST D3DDDIARG_ENCRYPTIONBLT *pData);

/**
 * PFND3DDDI_DECRYPTIONBLT - decrypt a buffer into a protected surface
 * @pData: pIV is the 16-byte counter block, whose IV number must be above the last one used with
 *         the key (BLT-07, BLT-08); pContentKey, if given, is unwrapped with the session key
 *         (BLT-78); pEncryptedBlockInfo, if given, says which bytes are encrypted.
 *
 * S_OK; D3DDDIERR_NOTAVAILABLE: function, content keys or partial encryption not offered;
 * E_INVALIDARG: dead or foreign handle, wrong pool, kind, format, size or alignment, pIV NULL, a
 * counter that would pass 2^64 (BLT-04); D3DDDIERR_INVALIDCALL: no session key (CS-27), used IV
 * (BLT-15), surface locked (BLT-40); E_OUTOFMEMORY.
 */
typedef HRESULT(APIENTRY *PFND3DDDI_DECRYPTIONBLT)(HANDLE hDevice, CONST D3DDDIARG_DECRYPTIONBLT *pData);

/**
 * PFND3DDDI_GETPITCH - bytes from row to row of a surface that cannot be locked
 *
 * S_OK; D3DDDIERR_NOTAVAILABLE: not offered (BLT-84); E_INVALIDARG: dead or foreign session or
 * resource, index out of range (BLT-88). No key is needed (BLT-87).
 */
typedef HRESULT(APIENTRY *PFND3DDDI_GETPITCH)(HANDLE hDevice, D3DDDIARG_GETPITCH *pData);

/**
 * PFND3DDDI_STARTSESSIONKEYREFRESH - make the random number of the next key
 * @pData: 16 bytes are written to pRandomNumber; the key changes at FinishSessionKeyRefresh, to the
 *         exclusive-or of both (CS-48, CS-52).
 *
 * S_OK; D3DDDIERR_NOTAVAILABLE: not offered (CS-61); E_INVALIDARG: dead or foreign session, NULL
 * buffer, size not 16 (CS-49, CS-50); D3DDDIERR_INVALIDCALL: no key yet (CS-55); E_FAIL: no random
 * numbers (CS-14).
 */
typedef HRESULT(APIENTRY *PFND3DDDI_STARTSESSIONKEYREFRESH)(HANDLE hDevice,
							    CONST D3DDDIARG_STARTSESSIONKEYREFRESH *pData);

/**
 * PFND3DDDI_FINISHSESSIONKEYREFRESH - switch to the refreshed key
 *
 * S_OK; D3DDDIERR_NOTAVAILABLE: not offered (CS-61); E_INVALIDARG: dead or foreign session;
 * D3DDDIERR_INVALIDCALL: no refresh was started (CS-53, CS-54).
 */
typedef HRESULT(APIENTRY *PFND3DDDI_FINISHSESSIONKEYREFRESH)(HANDLE hDevice,
							     CONST D3DDDIARG_FINISHSESSIONKEYREFRESH *pData);

/**
 * PFND3DDDI_GETENCRYPTIONBLTKEY - make a new read-back key
 * @pData: 16 bytes are written to pReadBackKey: the key as one AES-ECB block under the session key
 *         (CS-63, CS-64).
 *
 * S_OK; D3DDDIERR_NOTAVAILABLE: not offered (CS-70); E_INVALIDARG: dead or foreign session, NULL
 * buffer, size not 16 (CS-65, CS-66); D3DDDIERR_INVALIDCALL: no session key (CS-67); E_FAIL: no
 * random numbers (CS-14).
 */
typedef HRESULT(APIENTRY *PFND3DDDI_GETENCRYPTIONBLTKEY)(HANDLE hDevice, CONST D3DDDIARG_GETENCRYPTIONBLTKEY *pData);

/**
 * PFND3DDDI_CREATEAUTHENTICATEDCHANNEL - make a channel without a key
 * @pData: ChannelType in, hChannel out: no other channel of any process has the same while the service lives (AC-008). The
 *         channel belongs to the device, and ends with DestroyAuthenticatedChannel or with the device.
 *
 * S_OK; D3DDDIERR_NOTAVAILABLE: a type whose capability bit the driver does not report (AC-002 to
 * AC-004); E_INVALIDARG: dead device, NULL (AC-014); E_OUTOFMEMORY (AC-015);
 * D3DDDIERR_DEVICEREMOVED (AC-167).
 */
typedef HRESULT(APIENTRY *PFND3DDDI_CREATEAUTHENTICATEDCHANNEL)(HANDLE hDevice,
								D3DDDIARG_CREATEAUTHENTICATEDCHANNEL *pData);

/**
 * PFND3DDDI_AUTHENTICATEDCHANNELKEYEXCHANGE - give a channel its key, once
 * @pData: pData->pData holds 256 bytes, the RSAES-OAEP encryption of 16 key bytes under the channel
 *         certificate's key (AC-033 to AC-036); neither they nor DataSize are changed.
 *
 * S_OK; E_INVALIDARG: dead channel or channel of another device, wrong size, a block that does not
 * decrypt to 16 bytes, a channel that has or had a key (AC-011, AC-037 to AC-040, AC-171);
 * E_OUTOFMEMORY (AC-015); D3DDDIERR_DEVICEREMOVED (AC-167).
 */
typedef HRESULT(APIENTRY *PFND3DDDI_AUTHENTICATEDCHANNELKEYEXCHANGE)(HANDLE hDevice,
								     D3DDDIARG_AUTHENTICATEDCHANNELKEYEXCHANGE *pData);

/**
 * PFND3DDDI_QUERYAUTHENTICATEDCHANNEL - ask a channel
 * @pData: pInputData starts with a D3DAUTHENTICATEDCHANNEL_QUERY_INPUT, which names the channel and
 *         carries no tag. Sizes are in bytes, and exactly those of the query. pOutputData receives the
 *         answer: signed to its whole size once the query was accepted, else 48 bytes with a tag of
 *         zeroes (D-32), and nothing where OutputSize is below 48. ReturnCode repeats the result.
 *
 * S_OK; E_INVALIDARG: NULL pointer, wrong size, dead or foreign channel, no key, not initialised,
 * stale sequence number, an argument refused (AC-084 to AC-093); E_FAIL: unknown query, or one that
 * the channel's type does not have (AC-090, AC-094); E_OUTOFMEMORY (AC-100);
 * D3DDDIERR_DEVICEREMOVED (AC-174).
 */
typedef HRESULT(APIENTRY *PFND3DDDI_QUERYAUTHENTICATEDCHANNEL)(HANDLE hDevice,
							       CONST D3DDDIARG_QUERYAUTHENTICATEDCHANNEL *pData);

/**
 * PFND3DDDI_CONFIGUREAUTHENICATEDCHANNEL - command a channel
 * @pData: pInputData is the tagged command, InputSize exactly its size in bytes; pOutputData receives
 *         48 bytes, a D3DAUTHENTICATEDCHANNEL_CONFIGURE_OUTPUT, signed once the command was accepted
 *         (D-32). Both may be the same memory. (The type name is misspelt as published.)
 *
 * S_OK; E_INVALIDARG: NULL pointer, wrong size, dead or foreign channel, no key, bad tag, stale
 * sequence number, wrong moment, an argument refused (AC-064 to AC-075); E_FAIL: unknown command, or
 * one that the channel's type does not have (AC-070, AC-075); E_OUTOFMEMORY (AC-083);
 * D3DDDIERR_DEVICEREMOVED (AC-168).
 */
typedef HRESULT(APIENTRY *PFND3DDDI_CONFIGUREAUTHENICATEDCHANNEL)(HANDLE hDevice,
								  CONST D3DDDIARG_CONFIGUREAUTHENTICATEDCHANNEL *pData);

/**
 * PFND3DDDI_DESTROYAUTHENTICATEDCHANNEL - release a channel, in whatever state
 *
 * Its protection and its hold on an encryption go with it; listed processes and tied sessions stay
 * (AC-157 to AC-163). S_OK, also when the adapter is gone; E_INVALIDARG: dead channel or channel of
 * another device (AC-011), NULL.
 */
typedef HRESULT(APIENTRY *PFND3DDDI_DESTROYAUTHENTICATEDCHANNEL)(HANDLE hDevice,
								 CONST D3DDDIARG_DESTROYAUTHENTICATEDCHANNEL *pData);

/**
 * PFND3DDDI_CREATERESOURCE - make a resource of SurfCount surfaces
 *
 * S_OK; E_INVALIDARG: RestrictedContent in system memory or in a format that cannot hold protected
 * content, RestrictSharedAccess without SharedResource, system memory without pSysMem (BLT-91,
 * BLT-101, BLT-111, BLT-116); E_OUTOFMEMORY: memory or ProtectedMemorySize used up (BLT-102).
 */
typedef HRESULT(APIENTRY *PFND3DDDI_CREATERESOURCE)(HANDLE hDevice, D3DDDIARG_CREATERESOURCE *pData);

/** PFND3DDDI_DESTROYRESOURCE - S_OK; E_INVALIDARG: dead or foreign resource. */
typedef HRESULT(APIENTRY *PFND3DDDI_DESTROYRESOURCE)(HANDLE hDevice, HANDLE hResource);

/**
 * PFND3DDDI_OPENRESOURCE - open a shared resource on another device
 *
 * S_OK; E_ACCESSDENIED: RestrictSharedAccess and no grant for this process (BLT-109, BLT-110);
 * E_INVALIDARG: malformed; E_OUTOFMEMORY.
 */
typedef HRESULT(APIENTRY *PFND3DDDI_OPENRESOURCE)(HANDLE hDevice, D3DDDIARG_OPENRESOURCE *pData);

/**
 * PFND3DDDI_LOCK - map a subresource
 *
 * S_OK; E_ACCESSDENIED: protected content (BLT-94, BLT-96); D3DDDIERR_WASSTILLDRAWING: DoNotWait
 * and busy; E_INVALIDARG: dead or foreign resource, index out of range; E_OUTOFMEMORY.
 */
typedef HRESULT(APIENTRY *PFND3DDDI_LOCK)(HANDLE hDevice, D3DDDIARG_LOCK *pData);

/** PFND3DDDI_UNLOCK - S_OK; E_INVALIDARG: not locked (BLT-99); E_OUTOFMEMORY. */
typedef HRESULT(APIENTRY *PFND3DDDI_UNLOCK)(HANDLE hDevice, CONST D3DDDIARG_UNLOCK *pData);

/** PFND3DDDI_LOCKASYNC - E_NOTIMPL for protected content (BLT-104), and here for all. */
typedef HRESULT(APIENTRY *PFND3DDDI_LOCKASYNC)(HANDLE hDevice, D3DDDIARG_LOCKASYNC *pData);
typedef HRESULT(APIENTRY *PFND3DDDI_UNLOCKASYNC)(HANDLE hDevice, CONST D3DDDIARG_UNLOCKASYNC *pData);

/**
 * PFND3DDDI_PRESENT - show a surface
 *
 * S_OK; E_ACCESSDENIED: protected content, without Flags.Flip, while a channel of a device that has it
 * open asks for an overlay or the whole screen (AC-113); E_INVALIDARG: dead or foreign resource, index
 * out of range, a destination; E_OUTOFMEMORY; D3DDDIERR_DEVICEREMOVED; E_FAIL.
 */
typedef HRESULT(APIENTRY *PFND3DDDI_PRESENT)(HANDLE hDevice, CONST D3DDDIARG_PRESENT *pData);
typedef HRESULT(APIENTRY *PFND3DDDI_FLUSH)(HANDLE hDevice);
typedef HRESULT(APIENTRY *PFND3DDDI_RESOLVESHAREDRESOURCE)(HANDLE hDevice,
							   CONST D3DDDIARG_RESOLVESHAREDRESOURCE *pData);

/*
 * Without decode: D3DDDIERR_NOTAVAILABLE from the first, E_NOTIMPL from the rest (CAP-18). The test configuration's decode
 * devices have create, destroy and the extension DXVA2_DECODE_GET_DRIVER_HANDLE (AC-116).
 */
typedef HRESULT(APIENTRY *PFND3DDDI_CREATEDECODEDEVICE)(HANDLE hDevice, D3DDDIARG_CREATEDECODEDEVICE *pData);
typedef HRESULT(APIENTRY *PFND3DDDI_DESTROYDECODEDEVICE)(HANDLE hDevice, HANDLE hDecode);
typedef HRESULT(APIENTRY *PFND3DDDI_SETDECODERENDERTARGET)(HANDLE hDevice,
							   CONST D3DDDIARG_SETDECODERENDERTARGET *pData);
typedef HRESULT(APIENTRY *PFND3DDDI_DECODEBEGINFRAME)(HANDLE hDevice, D3DDDIARG_DECODEBEGINFRAME *pData);
typedef HRESULT(APIENTRY *PFND3DDDI_DECODEENDFRAME)(HANDLE hDevice, D3DDDIARG_DECODEENDFRAME *pData);
typedef HRESULT(APIENTRY *PFND3DDDI_DECODEEXECUTE)(HANDLE hDevice, CONST D3DDDIARG_DECODEEXECUTE *pData);
typedef HRESULT(APIENTRY *PFND3DDDI_DECODEEXTENSIONEXECUTE)(HANDLE hDevice,
							    CONST D3DDDIARG_DECODEEXTENSIONEXECUTE *pData);

/*
 * Slots this driver fills with a stub that returns E_NOTIMPL (CAP-18): only their place counts, so
 * the argument type is left open. As published a few of them take something else than a pointer.
 */
typedef HRESULT(APIENTRY *PFND3DDDI_SETRENDERSTATE)(HANDLE hDevice, VOID *pData);
typedef HRESULT(APIENTRY *PFND3DDDI_UPDATEWINFO)(HANDLE hDevice, VOID *pData);
typedef HRESULT(APIENTRY *PFND3DDDI_VALIDATEDEVICE)(HANDLE hDevice, VOID *pData);
typedef HRESULT(APIENTRY *PFND3DDDI_SETTEXTURESTAGESTATE)(HANDLE hDevice, VOID *pData);
typedef HRESULT(APIENTRY *PFND3DDDI_SETTEXTURE)(HANDLE hDevice, VOID *pData);
typedef HRESULT(APIENTRY *PFND3DDDI_SETPIXELSHADER)(HANDLE hDevice, VOID *pData);
typedef HRESULT(APIENTRY *PFND3DDDI_SETPIXELSHADERCONST)(HANDLE hDevice, VOID *pData);
typedef HRESULT(APIENTRY *PFND3DDDI_SETSTREAMSOURCEUM)(HANDLE hDevice, VOID *pData);
typedef HRESULT(APIENTRY *PFND3DDDI_SETINDICES)(HANDLE hDevice, VOID *pData);
typedef HRESULT(APIENTRY *PFND3DDDI_SETINDICESUM)(HANDLE hDevice, VOID *pData);
typedef HRESULT(APIENTRY *PFND3DDDI_DRAWPRIMITIVE)(HANDLE hDevice, VOID *pData);
typedef HRESULT(APIENTRY *PFND3DDDI_DRAWINDEXEDPRIMITIVE)(HANDLE hDevice, VOID *pData);
typedef HRESULT(APIENTRY *PFND3DDDI_DRAWRECTPATCH)(HANDLE hDevice, VOID *pData);
typedef HRESULT(APIENTRY *PFND3DDDI_DRAWTRIPATCH)(HANDLE hDevice, VOID *pData);
typedef HRESULT(APIENTRY *PFND3DDDI_DRAWPRIMITIVE2)(HANDLE hDevice, VOID *pData);
typedef HRESULT(APIENTRY *PFND3DDDI_DRAWINDEXEDPRIMITIVE2)(HANDLE hDevice, VOID *pData);
typedef HRESULT(APIENTRY *PFND3DDDI_VOLBLT)(HANDLE hDevice, VOID *pData);
typedef HRESULT(APIENTRY *PFND3DDDI_BUFBLT)(HANDLE hDevice, VOID *pData);
typedef HRESULT(APIENTRY *PFND3DDDI_TEXBLT)(HANDLE hDevice, VOID *pData);
typedef HRESULT(APIENTRY *PFND3DDDI_STATESET)(HANDLE hDevice, VOID *pData);
typedef HRESULT(APIENTRY *PFND3DDDI_SETPRIORITY)(HANDLE hDevice, VOID *pData);
typedef HRESULT(APIENTRY *PFND3DDDI_CLEAR)(HANDLE hDevice, VOID *pData);
typedef HRESULT(APIENTRY *PFND3DDDI_UPDATEPALETTE)(HANDLE hDevice, VOID *pData);
typedef HRESULT(APIENTRY *PFND3DDDI_SETPALETTE)(HANDLE hDevice, VOID *pData);
typedef HRESULT(APIENTRY *PFND3DDDI_SETVERTEXSHADERCONST)(HANDLE hDevice, VOID *pData);
typedef HRESULT(APIENTRY *PFND3DDDI_MULTIPLYTRANSFORM)(HANDLE hDevice, VOID *pData);
typedef HRESULT(APIENTRY *PFND3DDDI_SETTRANSFORM)(HANDLE hDevice, VOID *pData);
typedef HRESULT(APIENTRY *PFND3DDDI_SETVIEWPORT)(HANDLE hDevice, VOID *pData);
typedef HRESULT(APIENTRY *PFND3DDDI_SETZRANGE)(HANDLE hDevice, VOID *pData);
typedef HRESULT(APIENTRY *PFND3DDDI_SETMATERIAL)(HANDLE hDevice, VOID *pData);
typedef HRESULT(APIENTRY *PFND3DDDI_SETLIGHT)(HANDLE hDevice, VOID *pData);
typedef HRESULT(APIENTRY *PFND3DDDI_CREATELIGHT)(HANDLE hDevice, VOID *pData);
typedef HRESULT(APIENTRY *PFND3DDDI_DESTROYLIGHT)(HANDLE hDevice, VOID *pData);
typedef HRESULT(APIENTRY *PFND3DDDI_SETCLIPPLANE)(HANDLE hDevice, VOID *pData);
typedef HRESULT(APIENTRY *PFND3DDDI_GETINFO)(HANDLE hDevice, VOID *pData);
typedef HRESULT(APIENTRY *PFND3DDDI_SETDISPLAYMODE)(HANDLE hDevice, VOID *pData);
typedef HRESULT(APIENTRY *PFND3DDDI_CREATEVERTEXSHADERFUNC)(HANDLE hDevice, VOID *pData);
typedef HRESULT(APIENTRY *PFND3DDDI_DELETEVERTEXSHADERFUNC)(HANDLE hDevice, VOID *pData);
typedef HRESULT(APIENTRY *PFND3DDDI_SETVERTEXSHADERFUNC)(HANDLE hDevice, VOID *pData);
typedef HRESULT(APIENTRY *PFND3DDDI_CREATEVERTEXSHADERDECL)(HANDLE hDevice, VOID *pData);
typedef HRESULT(APIENTRY *PFND3DDDI_DELETEVERTEXSHADERDECL)(HANDLE hDevice, VOID *pData);
typedef HRESULT(APIENTRY *PFND3DDDI_SETVERTEXSHADERDECL)(HANDLE hDevice, VOID *pData);
typedef HRESULT(APIENTRY *PFND3DDDI_SETVERTEXSHADERCONSTI)(HANDLE hDevice, VOID *pData);
typedef HRESULT(APIENTRY *PFND3DDDI_SETVERTEXSHADERCONSTB)(HANDLE hDevice, VOID *pData);
typedef HRESULT(APIENTRY *PFND3DDDI_SETSCISSORRECT)(HANDLE hDevice, VOID *pData);
typedef HRESULT(APIENTRY *PFND3DDDI_SETSTREAMSOURCE)(HANDLE hDevice, VOID *pData);
typedef HRESULT(APIENTRY *PFND3DDDI_SETSTREAMSOURCEFREQ)(HANDLE hDevice, VOID *pData);
typedef HRESULT(APIENTRY *PFND3DDDI_SETCONVOLUTIONKERNELMONO)(HANDLE hDevice, VOID *pData);
typedef HRESULT(APIENTRY *PFND3DDDI_COMPOSERECTS)(HANDLE hDevice, VOID *pData);
typedef HRESULT(APIENTRY *PFND3DDDI_BLT)(HANDLE hDevice, VOID *pData);
typedef HRESULT(APIENTRY *PFND3DDDI_COLORFILL)(HANDLE hDevice, VOID *pData);
typedef HRESULT(APIENTRY *PFND3DDDI_DEPTHFILL)(HANDLE hDevice, VOID *pData);
typedef HRESULT(APIENTRY *PFND3DDDI_CREATEQUERY)(HANDLE hDevice, VOID *pData);
typedef HRESULT(APIENTRY *PFND3DDDI_DESTROYQUERY)(HANDLE hDevice, VOID *pData);
typedef HRESULT(APIENTRY *PFND3DDDI_ISSUEQUERY)(HANDLE hDevice, VOID *pData);
typedef HRESULT(APIENTRY *PFND3DDDI_GETQUERYDATA)(HANDLE hDevice, VOID *pData);
typedef HRESULT(APIENTRY *PFND3DDDI_SETRENDERTARGET)(HANDLE hDevice, VOID *pData);
typedef HRESULT(APIENTRY *PFND3DDDI_SETDEPTHSTENCIL)(HANDLE hDevice, VOID *pData);
typedef HRESULT(APIENTRY *PFND3DDDI_GENERATEMIPSUBLEVELS)(HANDLE hDevice, VOID *pData);
typedef HRESULT(APIENTRY *PFND3DDDI_SETPIXELSHADERCONSTI)(HANDLE hDevice, VOID *pData);
typedef HRESULT(APIENTRY *PFND3DDDI_SETPIXELSHADERCONSTB)(HANDLE hDevice, VOID *pData);
typedef HRESULT(APIENTRY *PFND3DDDI_CREATEPIXELSHADER)(HANDLE hDevice, VOID *pData);
typedef HRESULT(APIENTRY *PFND3DDDI_DELETEPIXELSHADER)(HANDLE hDevice, VOID *pData);
typedef HRESULT(APIENTRY *PFND3DDDI_CREATEVIDEOPROCESSDEVICE)(HANDLE hDevice, VOID *pData);
typedef HRESULT(APIENTRY *PFND3DDDI_DESTROYVIDEOPROCESSDEVICE)(HANDLE hDevice, VOID *pData);
typedef HRESULT(APIENTRY *PFND3DDDI_VIDEOPROCESSBEGINFRAME)(HANDLE hDevice, VOID *pData);
typedef HRESULT(APIENTRY *PFND3DDDI_VIDEOPROCESSENDFRAME)(HANDLE hDevice, VOID *pData);
typedef HRESULT(APIENTRY *PFND3DDDI_SETVIDEOPROCESSRENDERTARGET)(HANDLE hDevice, VOID *pData);
typedef HRESULT(APIENTRY *PFND3DDDI_VIDEOPROCESSBLT)(HANDLE hDevice, VOID *pData);
typedef HRESULT(APIENTRY *PFND3DDDI_CREATEEXTENSIONDEVICE)(HANDLE hDevice, VOID *pData);
typedef HRESULT(APIENTRY *PFND3DDDI_DESTROYEXTENSIONDEVICE)(HANDLE hDevice, VOID *pData);
typedef HRESULT(APIENTRY *PFND3DDDI_EXTENSIONEXECUTE)(HANDLE hDevice, VOID *pData);
typedef HRESULT(APIENTRY *PFND3DDDI_CREATEOVERLAY)(HANDLE hDevice, VOID *pData);
typedef HRESULT(APIENTRY *PFND3DDDI_UPDATEOVERLAY)(HANDLE hDevice, VOID *pData);
typedef HRESULT(APIENTRY *PFND3DDDI_FLIPOVERLAY)(HANDLE hDevice, VOID *pData);
typedef HRESULT(APIENTRY *PFND3DDDI_GETOVERLAYCOLORCONTROLS)(HANDLE hDevice, VOID *pData);
typedef HRESULT(APIENTRY *PFND3DDDI_SETOVERLAYCOLORCONTROLS)(HANDLE hDevice, VOID *pData);
typedef HRESULT(APIENTRY *PFND3DDDI_DESTROYOVERLAY)(HANDLE hDevice, VOID *pData);
typedef HRESULT(APIENTRY *PFND3DDDI_QUERYRESOURCERESIDENCY)(HANDLE hDevice, VOID *pData);
typedef HRESULT(APIENTRY *PFND3DDDI_GETCAPTUREALLOCATIONHANDLE)(HANDLE hDevice, VOID *pData);
typedef HRESULT(APIENTRY *PFND3DDDI_CAPTURETOSYSMEM)(HANDLE hDevice, VOID *pData);
typedef HRESULT(APIENTRY *PFND3DDDI_RENAME)(HANDLE hDevice, VOID *pData);
typedef HRESULT(APIENTRY *PFND3DDDI_DXVAHD_CREATEVIDEOPROCESSOR)(HANDLE hDevice, VOID *pData);
typedef HRESULT(APIENTRY *PFND3DDDI_DXVAHD_SETVIDEOPROCESSBLTSTATE)(HANDLE hDevice, VOID *pData);
typedef HRESULT(APIENTRY *PFND3DDDI_DXVAHD_GETVIDEOPROCESSBLTSTATEPRIVATE)(HANDLE hDevice, VOID *pData);
typedef HRESULT(APIENTRY *PFND3DDDI_DXVAHD_SETVIDEOPROCESSSTREAMSTATE)(HANDLE hDevice, VOID *pData);
typedef HRESULT(APIENTRY *PFND3DDDI_DXVAHD_GETVIDEOPROCESSSTREAMSTATEPRIVATE)(HANDLE hDevice, VOID *pData);
typedef HRESULT(APIENTRY *PFND3DDDI_DXVAHD_VIDEOPROCESSBLTHD)(HANDLE hDevice, VOID *pData);
typedef HRESULT(APIENTRY *PFND3DDDI_DXVAHD_DESTROYVIDEOPROCESSOR)(HANDLE hDevice, VOID *pData);

typedef struct _D3DDDI_ADAPTERFUNCS {
	PFND3DDDI_GETCAPS pfnGetCaps;
	PFND3DDDI_CREATEDEVICE pfnCreateDevice;
	PFND3DDDI_CLOSEADAPTER pfnCloseAdapter;
} D3DDDI_ADAPTERFUNCS;

/* The part of interface version 0x2003: 121 slots. Later versions append (CAP-14, CAP-16). */
#define DXVAULT_DEVICEFUNCS_SLOTS 121

typedef struct _D3DDDI_DEVICEFUNCS {
	PFND3DDDI_SETRENDERSTATE pfnSetRenderState;			      /* 0 */
	PFND3DDDI_UPDATEWINFO pfnUpdateWInfo;				      /* 1 */
	PFND3DDDI_VALIDATEDEVICE pfnValidateDevice;			      /* 2 */
	PFND3DDDI_SETTEXTURESTAGESTATE pfnSetTextureStageState;		      /* 3 */
	PFND3DDDI_SETTEXTURE pfnSetTexture;				      /* 4 */
	PFND3DDDI_SETPIXELSHADER pfnSetPixelShader;			      /* 5 */
	PFND3DDDI_SETPIXELSHADERCONST pfnSetPixelShaderConst;		      /* 6 */
	PFND3DDDI_SETSTREAMSOURCEUM pfnSetStreamSourceUm;		      /* 7 */
	PFND3DDDI_SETINDICES pfnSetIndices;				      /* 8 */
	PFND3DDDI_SETINDICESUM pfnSetIndicesUm;				      /* 9 */
	PFND3DDDI_DRAWPRIMITIVE pfnDrawPrimitive;			      /* 10 */
	PFND3DDDI_DRAWINDEXEDPRIMITIVE pfnDrawIndexedPrimitive;		      /* 11 */
	PFND3DDDI_DRAWRECTPATCH pfnDrawRectPatch;			      /* 12 */
	PFND3DDDI_DRAWTRIPATCH pfnDrawTriPatch;				      /* 13 */
	PFND3DDDI_DRAWPRIMITIVE2 pfnDrawPrimitive2;			      /* 14 */
	PFND3DDDI_DRAWINDEXEDPRIMITIVE2 pfnDrawIndexedPrimitive2;	      /* 15 */
	PFND3DDDI_VOLBLT pfnVolBlt;					      /* 16 */
	PFND3DDDI_BUFBLT pfnBufBlt;					      /* 17 */
	PFND3DDDI_TEXBLT pfnTexBlt;					      /* 18 */
	PFND3DDDI_STATESET pfnStateSet;					      /* 19 */
	PFND3DDDI_SETPRIORITY pfnSetPriority;				      /* 20 */
	PFND3DDDI_CLEAR pfnClear;					      /* 21 */
	PFND3DDDI_UPDATEPALETTE pfnUpdatePalette;			      /* 22 */
	PFND3DDDI_SETPALETTE pfnSetPalette;				      /* 23 */
	PFND3DDDI_SETVERTEXSHADERCONST pfnSetVertexShaderConst;		      /* 24 */
	PFND3DDDI_MULTIPLYTRANSFORM pfnMultiplyTransform;		      /* 25 */
	PFND3DDDI_SETTRANSFORM pfnSetTransform;				      /* 26 */
	PFND3DDDI_SETVIEWPORT pfnSetViewport;				      /* 27 */
	PFND3DDDI_SETZRANGE pfnSetZRange;				      /* 28 */
	PFND3DDDI_SETMATERIAL pfnSetMaterial;				      /* 29 */
	PFND3DDDI_SETLIGHT pfnSetLight;					      /* 30 */
	PFND3DDDI_CREATELIGHT pfnCreateLight;				      /* 31 */
	PFND3DDDI_DESTROYLIGHT pfnDestroyLight;				      /* 32 */
	PFND3DDDI_SETCLIPPLANE pfnSetClipPlane;				      /* 33 */
	PFND3DDDI_GETINFO pfnGetInfo;					      /* 34 */
	PFND3DDDI_LOCK pfnLock;						      /* 35 */
	PFND3DDDI_UNLOCK pfnUnlock;					      /* 36 */
	PFND3DDDI_CREATERESOURCE pfnCreateResource;			      /* 37 */
	PFND3DDDI_DESTROYRESOURCE pfnDestroyResource;			      /* 38 */
	PFND3DDDI_SETDISPLAYMODE pfnSetDisplayMode;			      /* 39 */
	PFND3DDDI_PRESENT pfnPresent;					      /* 40 */
	PFND3DDDI_FLUSH pfnFlush;					      /* 41 */
	PFND3DDDI_CREATEVERTEXSHADERFUNC pfnCreateVertexShaderFunc;	      /* 42 */
	PFND3DDDI_DELETEVERTEXSHADERFUNC pfnDeleteVertexShaderFunc;	      /* 43 */
	PFND3DDDI_SETVERTEXSHADERFUNC pfnSetVertexShaderFunc;		      /* 44 */
	PFND3DDDI_CREATEVERTEXSHADERDECL pfnCreateVertexShaderDecl;	      /* 45 */
	PFND3DDDI_DELETEVERTEXSHADERDECL pfnDeleteVertexShaderDecl;	      /* 46 */
	PFND3DDDI_SETVERTEXSHADERDECL pfnSetVertexShaderDecl;		      /* 47 */
	PFND3DDDI_SETVERTEXSHADERCONSTI pfnSetVertexShaderConstI;	      /* 48 */
	PFND3DDDI_SETVERTEXSHADERCONSTB pfnSetVertexShaderConstB;	      /* 49 */
	PFND3DDDI_SETSCISSORRECT pfnSetScissorRect;			      /* 50 */
	PFND3DDDI_SETSTREAMSOURCE pfnSetStreamSource;			      /* 51 */
	PFND3DDDI_SETSTREAMSOURCEFREQ pfnSetStreamSourceFreq;		      /* 52 */
	PFND3DDDI_SETCONVOLUTIONKERNELMONO pfnSetConvolutionKernelMono;	      /* 53 */
	PFND3DDDI_COMPOSERECTS pfnComposeRects;				      /* 54 */
	PFND3DDDI_BLT pfnBlt;						      /* 55 */
	PFND3DDDI_COLORFILL pfnColorFill;				      /* 56 */
	PFND3DDDI_DEPTHFILL pfnDepthFill;				      /* 57 */
	PFND3DDDI_CREATEQUERY pfnCreateQuery;				      /* 58 */
	PFND3DDDI_DESTROYQUERY pfnDestroyQuery;				      /* 59 */
	PFND3DDDI_ISSUEQUERY pfnIssueQuery;				      /* 60 */
	PFND3DDDI_GETQUERYDATA pfnGetQueryData;				      /* 61 */
	PFND3DDDI_SETRENDERTARGET pfnSetRenderTarget;			      /* 62 */
	PFND3DDDI_SETDEPTHSTENCIL pfnSetDepthStencil;			      /* 63 */
	PFND3DDDI_GENERATEMIPSUBLEVELS pfnGenerateMipSubLevels;		      /* 64 */
	PFND3DDDI_SETPIXELSHADERCONSTI pfnSetPixelShaderConstI;		      /* 65 */
	PFND3DDDI_SETPIXELSHADERCONSTB pfnSetPixelShaderConstB;		      /* 66 */
	PFND3DDDI_CREATEPIXELSHADER pfnCreatePixelShader;		      /* 67 */
	PFND3DDDI_DELETEPIXELSHADER pfnDeletePixelShader;		      /* 68 */
	PFND3DDDI_CREATEDECODEDEVICE pfnCreateDecodeDevice;		      /* 69 */
	PFND3DDDI_DESTROYDECODEDEVICE pfnDestroyDecodeDevice;		      /* 70 */
	PFND3DDDI_SETDECODERENDERTARGET pfnSetDecodeRenderTarget;	      /* 71 */
	PFND3DDDI_DECODEBEGINFRAME pfnDecodeBeginFrame;			      /* 72 */
	PFND3DDDI_DECODEENDFRAME pfnDecodeEndFrame;			      /* 73 */
	PFND3DDDI_DECODEEXECUTE pfnDecodeExecute;			      /* 74 */
	PFND3DDDI_DECODEEXTENSIONEXECUTE pfnDecodeExtensionExecute;	      /* 75 */
	PFND3DDDI_CREATEVIDEOPROCESSDEVICE pfnCreateVideoProcessDevice;	      /* 76 */
	PFND3DDDI_DESTROYVIDEOPROCESSDEVICE pfnDestroyVideoProcessDevice;     /* 77 */
	PFND3DDDI_VIDEOPROCESSBEGINFRAME pfnVideoProcessBeginFrame;	      /* 78 */
	PFND3DDDI_VIDEOPROCESSENDFRAME pfnVideoProcessEndFrame;		      /* 79 */
	PFND3DDDI_SETVIDEOPROCESSRENDERTARGET pfnSetVideoProcessRenderTarget; /* 80 */
	PFND3DDDI_VIDEOPROCESSBLT pfnVideoProcessBlt;			      /* 81 */
	PFND3DDDI_CREATEEXTENSIONDEVICE pfnCreateExtensionDevice;	      /* 82 */
	PFND3DDDI_DESTROYEXTENSIONDEVICE pfnDestroyExtensionDevice;	      /* 83 */
	PFND3DDDI_EXTENSIONEXECUTE pfnExtensionExecute;			      /* 84 */
	PFND3DDDI_CREATEOVERLAY pfnCreateOverlay;			      /* 85 */
	PFND3DDDI_UPDATEOVERLAY pfnUpdateOverlay;			      /* 86 */
	PFND3DDDI_FLIPOVERLAY pfnFlipOverlay;				      /* 87 */
	PFND3DDDI_GETOVERLAYCOLORCONTROLS pfnGetOverlayColorControls;	      /* 88 */
	PFND3DDDI_SETOVERLAYCOLORCONTROLS pfnSetOverlayColorControls;	      /* 89 */
	PFND3DDDI_DESTROYOVERLAY pfnDestroyOverlay;			      /* 90 */
	PFND3DDDI_DESTROYDEVICE pfnDestroyDevice;			      /* 91 */
	PFND3DDDI_QUERYRESOURCERESIDENCY pfnQueryResourceResidency;	      /* 92 */
	PFND3DDDI_OPENRESOURCE pfnOpenResource;				      /* 93 */
	PFND3DDDI_GETCAPTUREALLOCATIONHANDLE pfnGetCaptureAllocationHandle;   /* 94 */
	PFND3DDDI_CAPTURETOSYSMEM pfnCaptureToSysMem;			      /* 95 */
	PFND3DDDI_LOCKASYNC pfnLockAsync;				      /* 96 */
	PFND3DDDI_UNLOCKASYNC pfnUnlockAsync;				      /* 97 */
	PFND3DDDI_RENAME pfnRename;					      /* 98 */
	PFND3DDDI_DXVAHD_CREATEVIDEOPROCESSOR pfnCreateVideoProcessor;	      /* 99 */
	PFND3DDDI_DXVAHD_SETVIDEOPROCESSBLTSTATE pfnSetVideoProcessBltState;  /* 100 */
	PFND3DDDI_DXVAHD_GETVIDEOPROCESSBLTSTATEPRIVATE
	pfnGetVideoProcessBltStatePrivate;					   /* 101 */
	PFND3DDDI_DXVAHD_SETVIDEOPROCESSSTREAMSTATE pfnSetVideoProcessStreamState; /* 102 */
	PFND3DDDI_DXVAHD_GETVIDEOPROCESSSTREAMSTATEPRIVATE
	pfnGetVideoProcessStreamStatePrivate;					      /* 103 */
	PFND3DDDI_DXVAHD_VIDEOPROCESSBLTHD pfnVideoProcessBltHD;		      /* 104 */
	PFND3DDDI_DXVAHD_DESTROYVIDEOPROCESSOR pfnDestroyVideoProcessor;	      /* 105 */
	PFND3DDDI_CREATEAUTHENTICATEDCHANNEL pfnCreateAuthenticatedChannel;	      /* 106 */
	PFND3DDDI_AUTHENTICATEDCHANNELKEYEXCHANGE pfnAuthenticatedChannelKeyExchange; /* 107 */
	PFND3DDDI_QUERYAUTHENTICATEDCHANNEL pfnQueryAuthenticatedChannel;	      /* 108 */
	PFND3DDDI_CONFIGUREAUTHENICATEDCHANNEL pfnConfigureAuthenticatedChannel;      /* 109 */
	PFND3DDDI_DESTROYAUTHENTICATEDCHANNEL pfnDestroyAuthenticatedChannel;	      /* 110 */
	PFND3DDDI_CREATECRYPTOSESSION pfnCreateCryptoSession;			      /* 111 */
	PFND3DDDI_CRYPTOSESSIONKEYEXCHANGE pfnCryptoSessionKeyExchange;		      /* 112 */
	PFND3DDDI_DESTROYCRYPTOSESSION pfnDestroyCryptoSession;			      /* 113 */
	PFND3DDDI_ENCRYPTIONBLT pfnEncryptionBlt;				      /* 114 */
	PFND3DDDI_GETPITCH pfnGetPitch;						      /* 115 */
	PFND3DDDI_STARTSESSIONKEYREFRESH pfnStartSessionKeyRefresh;		      /* 116 */
	PFND3DDDI_FINISHSESSIONKEYREFRESH pfnFinishSessionKeyRefresh;		      /* 117 */
	PFND3DDDI_GETENCRYPTIONBLTKEY pfnGetEncryptionBltKey;			      /* 118 */
	PFND3DDDI_DECRYPTIONBLT pfnDecryptionBlt;				      /* 119 */
	PFND3DDDI_RESOLVESHAREDRESOURCE pfnResolveSharedResource;		      /* 120 */
} D3DDDI_DEVICEFUNCS;

/**
 * OpenAdapter - the driver library's only entry: make an adapter object
 * @open_data: hAdapter in is the runtime's handle and goes into callbacks, out the driver's; the
 *             three functions at pAdapterFuncs are filled in; DriverVersion out is 0x2003
 *             (CAP-02 to CAP-04). Each open gives a handle of its own (CAP-07), for CloseAdapter.
 *
 * S_OK; E_INVALIDARG: a NULL structure or table pointer, Interface not 9, Version below 0x2003
 * (CAP-05, CAP-06); E_OUTOFMEMORY (CAP-08). On failure nothing is written.
 */
EXTERN_C HRESULT APIENTRY OpenAdapter(D3DDDIARG_OPENADAPTER *open_data);
typedef HRESULT(APIENTRY *PFND3DDDI_OPENADAPTER)(D3DDDIARG_OPENADAPTER *);

#ifdef __cplusplus
}
#endif

#endif /* DXVAULT_D3DUMDDI_H */
