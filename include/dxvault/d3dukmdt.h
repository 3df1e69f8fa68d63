/* Types that the user-mode and the kernel-mode side of the display driver model share. */
/* SPDX-License-Identifier: MIT */
#ifndef DXVAULT_D3DUKMDT_H
#define DXVAULT_D3DUKMDT_H

#include "windef.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Version of the user-mode interface: what OpenAdapter gets and answers. */
#define D3D_UMD_INTERFACE_VERSION_VISTA	  0x000C
#define D3D_UMD_INTERFACE_VERSION_WIN7	  0x2003
#define D3D_UMD_INTERFACE_VERSION_WIN8	  0x3004
#define D3D_UMD_INTERFACE_VERSION_WDDM1_3 0x4002
#define D3D_UMD_INTERFACE_VERSION_WDDM2_0 0x5002
#define D3D_UMD_INTERFACE_VERSION_WDDM2_1 0x6003
#define D3D_UMD_INTERFACE_VERSION_WDDM2_2 0x7001
#define D3D_UMD_INTERFACE_VERSION_WDDM2_3 0x8001
#define D3D_UMD_INTERFACE_VERSION_WDDM2_4 0x9001
#define D3D_UMD_INTERFACE_VERSION_WDDM2_5 0xA002
#define D3D_UMD_INTERFACE_VERSION_WDDM2_6 0xB003
#define D3D_UMD_INTERFACE_VERSION_WDDM2_7 0xC001
#define D3D_UMD_INTERFACE_VERSION_WDDM2_8 0xD000
#define D3D_UMD_INTERFACE_VERSION_WDDM2_9 0xE000
#define D3D_UMD_INTERFACE_VERSION_WDDM3_0 0xF000

#define D3DGPU_NULL			   0
#define D3DDDI_MAX_WRITTEN_PRIMARIES	   16
#define D3DDDI_MAX_MPO_PRESENT_DIRTY_RECTS 0xFFF
#define D3DDDI_MAX_BROADCAST_CONTEXT	   64
#define D3DDDI_MAX_OBJECT_WAITED_ON	   32
#define D3DDDI_MAX_OBJECT_SIGNALED	   32

#define D3DDDI_ALLOCATIONPRIORITY_MINIMUM 0x28000000U
#define D3DDDI_ALLOCATIONPRIORITY_LOW	  0x50000000U
#define D3DDDI_ALLOCATIONPRIORITY_NORMAL  0x78000000U
#define D3DDDI_ALLOCATIONPRIORITY_HIGH	  0xA0000000U
#define D3DDDI_ALLOCATIONPRIORITY_MAXIMUM 0xC8000000U

/* Special values of the two present ids below. */
#define D3DDDI_ID_NOTAPPLICABLE ((UINT)0)
#define D3DDDI_ID_ALL		((UINT)~2U)
#define D3DDDI_ID_ANY		((UINT)~1U)
#define D3DDDI_ID_UNINITIALIZED ((UINT)~0U)

#define D3DDDI_SYNC_OBJECT_WAIT	  0x1
#define D3DDDI_SYNC_OBJECT_SIGNAL 0x2
#define D3DDDI_SYNC_OBJECT_ALL_ACCESS \
	(STANDARD_RIGHTS_REQUIRED | SYNCHRONIZE | D3DDDI_SYNC_OBJECT_WAIT | D3DDDI_SYNC_OBJECT_SIGNAL)

typedef UINT D3DKMT_HANDLE; /* names an object within one process */
typedef ULONGLONG D3DGPU_VIRTUAL_ADDRESS;
typedef ULONGLONG D3DGPU_SIZE_T;
typedef UINT D3DDDI_VIDEO_PRESENT_SOURCE_ID;
typedef UINT D3DDDI_VIDEO_PRESENT_TARGET_ID;

#ifndef MAKEFOURCC
#define MAKEFOURCC(a, b, c, d) \
	((UINT)(BYTE)(a) | ((UINT)(BYTE)(b) << 8) | ((UINT)(BYTE)(c) << 16) | ((UINT)(BYTE)(d) << 24))
#endif

/* The formats this project uses, not the whole list. */
typedef enum _D3DDDIFORMAT {
	D3DDDIFMT_UNKNOWN = 0,
	D3DDDIFMT_R8G8B8 = 20,
	D3DDDIFMT_A8R8G8B8 = 21,
	D3DDDIFMT_X8R8G8B8 = 22,
	D3DDDIFMT_R5G6B5 = 23,
	D3DDDIFMT_X1R5G5B5 = 24,
	D3DDDIFMT_A1R5G5B5 = 25,
	D3DDDIFMT_A8 = 28,
	D3DDDIFMT_A2B10G10R10 = 31,
	D3DDDIFMT_A8B8G8R8 = 32,
	D3DDDIFMT_X8B8G8R8 = 33,
	D3DDDIFMT_A2R10G10B10 = 35,
	D3DDDIFMT_P8 = 41,
	D3DDDIFMT_L8 = 50,
	D3DDDIFMT_A8L8 = 51,
	D3DDDIFMT_D16_LOCKABLE = 70,
	D3DDDIFMT_D32 = 71,
	D3DDDIFMT_D24S8 = 75,
	D3DDDIFMT_D24X8 = 77,
	D3DDDIFMT_D16 = 80,
	D3DDDIFMT_L16 = 81,
	D3DDDIFMT_G8R8 = 91,
	D3DDDIFMT_R8 = 92,
	D3DDDIFMT_VERTEXDATA = 100,
	D3DDDIFMT_INDEX16 = 101,
	D3DDDIFMT_INDEX32 = 102,
	D3DDDIFMT_A16B16G16R16F = 113,
	D3DDDIFMT_R32F = 114,
	/* buffers of a video decoder: 150 plus the API's buffer type */
	D3DDDIFMT_DXVACOMPBUFFER_BASE = 150,
	D3DDDIFMT_PICTUREPARAMSDATA = 150,
	D3DDDIFMT_MACROBLOCKDATA = 151,
	D3DDDIFMT_RESIDUALDIFFERENCEDATA = 152,
	D3DDDIFMT_DEBLOCKINGDATA = 153,
	D3DDDIFMT_INVERSEQUANTIZATIONDATA = 154,
	D3DDDIFMT_SLICECONTROLDATA = 155,
	D3DDDIFMT_BITSTREAMDATA = 156,
	D3DDDIFMT_MOTIONVECTORBUFFER = 157,
	D3DDDIFMT_FILMGRAINBUFFER = 158,
	D3DDDIFMT_DXVACOMPBUFFER_MAX = 181,
	D3DDDIFMT_BINARYBUFFER = 199,
	/* four-character codes */
	D3DDDIFMT_UYVY = 0x59565955,
	D3DDDIFMT_YUY2 = 0x32595559,
	/* not a name of the original list, where NV12 is only ever a four-character code */
	D3DDDIFMT_NV12 = 0x3231564E,
	D3DDDIFMT_FORCE_UINT = 0x7fffffff
} D3DDDIFORMAT;

typedef enum _D3DDDI_POOL {
	D3DDDIPOOL_SYSTEMMEM = 1,
	D3DDDIPOOL_VIDEOMEMORY = 2,
	D3DDDIPOOL_LOCALVIDMEM = 3,
	D3DDDIPOOL_NONLOCALVIDMEM = 4,
	D3DDDIPOOL_STAGINGMEM = 5
} D3DDDI_POOL;

typedef enum _D3DDDIMULTISAMPLE_TYPE {
	D3DDDIMULTISAMPLE_NONE = 0,
	D3DDDIMULTISAMPLE_NONMASKABLE = 1,
	D3DDDIMULTISAMPLE_2_SAMPLES = 2,
	D3DDDIMULTISAMPLE_3_SAMPLES = 3,
	D3DDDIMULTISAMPLE_4_SAMPLES = 4,
	D3DDDIMULTISAMPLE_5_SAMPLES = 5,
	D3DDDIMULTISAMPLE_6_SAMPLES = 6,
	D3DDDIMULTISAMPLE_7_SAMPLES = 7,
	D3DDDIMULTISAMPLE_8_SAMPLES = 8,
	D3DDDIMULTISAMPLE_9_SAMPLES = 9,
	D3DDDIMULTISAMPLE_10_SAMPLES = 10,
	D3DDDIMULTISAMPLE_11_SAMPLES = 11,
	D3DDDIMULTISAMPLE_12_SAMPLES = 12,
	D3DDDIMULTISAMPLE_13_SAMPLES = 13,
	D3DDDIMULTISAMPLE_14_SAMPLES = 14,
	D3DDDIMULTISAMPLE_15_SAMPLES = 15,
	D3DDDIMULTISAMPLE_16_SAMPLES = 16,
	D3DDDIMULTISAMPLE_FORCE_UINT = 0x7fffffff
} D3DDDIMULTISAMPLE_TYPE;

typedef enum _D3DDDI_ROTATION {
	D3DDDI_ROTATION_IDENTITY = 1,
	D3DDDI_ROTATION_90 = 2,
	D3DDDI_ROTATION_180 = 3,
	D3DDDI_ROTATION_270 = 4
} D3DDDI_ROTATION;

typedef enum D3DDDI_FLIPINTERVAL_TYPE {
	D3DDDI_FLIPINTERVAL_IMMEDIATE = 0,
	D3DDDI_FLIPINTERVAL_ONE = 1,
	D3DDDI_FLIPINTERVAL_TWO = 2,
	D3DDDI_FLIPINTERVAL_THREE = 3,
	D3DDDI_FLIPINTERVAL_FOUR = 4,
	D3DDDI_FLIPINTERVAL_IMMEDIATE_ALLOW_TEARING = 5
} D3DDDI_FLIPINTERVAL_TYPE;

typedef struct _D3DDDI_RATIONAL {
	UINT Numerator;
	UINT Denominator;
} D3DDDI_RATIONAL;

typedef struct _D3DDDI_MULTISAMPLINGMETHOD {
	UINT NumSamples;
	UINT NumQualityLevels;
} D3DDDI_MULTISAMPLINGMETHOD;

typedef struct _D3DDDI_RESOURCEFLAGS {
	DXVAULT_ANON union {
		DXVAULT_ANON struct {
			UINT RenderTarget : 1;
			UINT ZBuffer : 1;
			UINT Dynamic : 1;
			UINT HintStatic : 1;
			UINT AutogenMipmap : 1;
			UINT DMap : 1;
			UINT WriteOnly : 1;
			UINT NotLockable : 1;
			UINT Points : 1;
			UINT RtPatches : 1;
			UINT NPatches : 1;
			UINT SharedResource : 1;
			UINT DiscardRenderTarget : 1;
			UINT Video : 1;
			UINT CaptureBuffer : 1;
			UINT Primary : 1;
			UINT Texture : 1;
			UINT CubeMap : 1;
			UINT Volume : 1;
			UINT VertexBuffer : 1;
			UINT IndexBuffer : 1;
			UINT DecodeRenderTarget : 1;
			UINT DecodeCompressedBuffer : 1;
			UINT VideoProcessRenderTarget : 1;
			UINT CpuOptimized : 1;
			UINT MightDrawFromLocked : 1;
			UINT Overlay : 1;
			UINT MatchGdiPrimary : 1;
			UINT InterlacedRefresh : 1;
			UINT TextApi : 1;
			UINT RestrictedContent : 1;    /* 0x40000000: may hold protected content */
			UINT RestrictSharedAccess : 1; /* 0x80000000: opened by grant only */
		};
		UINT Value;
	};
} D3DDDI_RESOURCEFLAGS;

typedef struct _D3DDDI_RESOURCEFLAGS2 {
	DXVAULT_ANON union {
		DXVAULT_ANON struct {
			UINT VideoEncoder : 1;
			UINT UserMemory : 1;
			UINT CrossAdapter : 1;
			UINT IsDisplayable : 1;
			UINT Reserved : 28;
		};
		UINT Value;
	};
} D3DDDI_RESOURCEFLAGS2;

typedef struct _D3DDDI_SURFACEINFO {
	UINT Width;	       /* in: pixels; bytes for a linear buffer */
	UINT Height;	       /* in: rows */
	UINT Depth;	       /* in: slices of a volume */
	CONST VOID *pSysMem;   /* in: the application's memory, system-memory pool only */
	UINT SysMemPitch;      /* in: bytes from row to row there */
	UINT SysMemSlicePitch; /* in: bytes from slice to slice there */
} D3DDDI_SURFACEINFO;

typedef struct _D3DDDIARG_CREATERESOURCE {
	D3DDDIFORMAT Format;			      /* in */
	D3DDDI_POOL Pool;			      /* in */
	D3DDDIMULTISAMPLE_TYPE MultisampleType;	      /* in: render targets only */
	UINT MultisampleQuality;		      /* in */
	CONST D3DDDI_SURFACEINFO *pSurfList;	      /* in: SurfCount descriptions */
	UINT SurfCount;				      /* in: number of subresources */
	UINT MipLevels;				      /* in */
	UINT Fvf;				      /* in: vertex buffers only */
	D3DDDI_VIDEO_PRESENT_SOURCE_ID VidPnSourceId; /* in: primaries only */
	D3DDDI_RATIONAL RefreshRate;		      /* in: primaries only */
	HANDLE hResource;			      /* in: runtime's handle, out: driver's */
	D3DDDI_RESOURCEFLAGS Flags;		      /* in */
	D3DDDI_ROTATION Rotation;		      /* in */
} D3DDDIARG_CREATERESOURCE;

/* The same with Flags2 at the end, from interface version 0x3004 on. */
typedef struct _D3DDDIARG_CREATERESOURCE2 {
	D3DDDIFORMAT Format;
	D3DDDI_POOL Pool;
	D3DDDIMULTISAMPLE_TYPE MultisampleType;
	UINT MultisampleQuality;
	CONST D3DDDI_SURFACEINFO *pSurfList;
	UINT SurfCount;
	UINT MipLevels;
	UINT Fvf;
	D3DDDI_VIDEO_PRESENT_SOURCE_ID VidPnSourceId;
	D3DDDI_RATIONAL RefreshRate;
	HANDLE hResource; /* in: runtime's handle, out: driver's */
	D3DDDI_RESOURCEFLAGS Flags;
	D3DDDI_ROTATION Rotation;
	D3DDDI_RESOURCEFLAGS2 Flags2;
} D3DDDIARG_CREATERESOURCE2;

typedef struct _D3DDDI_ALLOCATIONINFO {
	D3DKMT_HANDLE hAllocation;		      /* out */
	CONST VOID *pSystemMem;			      /* in: memory to use, or NULL */
	VOID *pPrivateDriverData;		      /* in/out: for the kernel-mode driver */
	UINT PrivateDriverDataSize;		      /* in: bytes */
	D3DDDI_VIDEO_PRESENT_SOURCE_ID VidPnSourceId; /* in: primaries only */
	union {
		DXVAULT_ANON struct {
			UINT Primary : 1;
			UINT Stereo : 1;
			UINT Reserved : 30;
		};
		UINT Value;
	} Flags; /* in */
} D3DDDI_ALLOCATIONINFO;

typedef struct _D3DDDI_ALLOCATIONINFO2 {
	D3DKMT_HANDLE hAllocation; /* out */
	DXVAULT_ANON union {
		HANDLE hSection;	/* in: with ExistingSection */
		CONST VOID *pSystemMem; /* in: memory to use, or NULL */
	};
	VOID *pPrivateDriverData;		      /* in/out: for the kernel-mode driver */
	UINT PrivateDriverDataSize;		      /* in: bytes */
	D3DDDI_VIDEO_PRESENT_SOURCE_ID VidPnSourceId; /* in: primaries only */
	union {
		DXVAULT_ANON struct {
			UINT Primary : 1;
			UINT Stereo : 1;
			UINT OverridePriority : 1; /* Priority below counts */
			UINT Reserved : 29;
		};
		UINT Value;
	} Flags;				  /* in */
	D3DGPU_VIRTUAL_ADDRESS GpuVirtualAddress; /* out */
	DXVAULT_ANON union {
		UINT Priority; /* in: D3DDDI_ALLOCATIONPRIORITY_* */
		ULONG_PTR Unused;
	};
	ULONG_PTR Reserved[5];
} D3DDDI_ALLOCATIONINFO2;

typedef struct _D3DDDI_OPENALLOCATIONINFO {
	D3DKMT_HANDLE hAllocation;	/* in: this process's handle */
	CONST VOID *pPrivateDriverData; /* in: what the creator's driver left */
	UINT PrivateDriverDataSize;	/* in: bytes */
} D3DDDI_OPENALLOCATIONINFO;

typedef struct _D3DDDI_OPENALLOCATIONINFO2 {
	D3DKMT_HANDLE hAllocation;		  /* in: this process's handle */
	CONST VOID *pPrivateDriverData;		  /* in: what the creator's driver left */
	UINT PrivateDriverDataSize;		  /* in: bytes */
	D3DGPU_VIRTUAL_ADDRESS GpuVirtualAddress; /* out */
	ULONG_PTR Reserved[6];
} D3DDDI_OPENALLOCATIONINFO2;

typedef struct _D3DDDI_ALLOCATIONLIST {
	D3DKMT_HANDLE hAllocation;
	DXVAULT_ANON union {
		DXVAULT_ANON struct {
			UINT WriteOperation : 1;
			UINT DoNotRetireInstance : 1;
			UINT OfferPriority : 3;
			UINT Reserved : 27;
		};
		UINT Value;
	};
} D3DDDI_ALLOCATIONLIST;

typedef struct _D3DDDI_PATCHLOCATIONLIST {
	UINT AllocationIndex;
	DXVAULT_ANON union {
		DXVAULT_ANON struct {
			UINT SlotId : 24;
			UINT Reserved : 8;
		};
		UINT Value;
	};
	UINT DriverId;
	UINT AllocationOffset;
	UINT PatchOffset;
	UINT SplitOffset;
} D3DDDI_PATCHLOCATIONLIST;

/* Up to five segments in order of preference. */
typedef struct _D3DDDI_SEGMENTPREFERENCE {
	DXVAULT_ANON union {
		DXVAULT_ANON struct {
			UINT SegmentId0 : 5;
			UINT Direction0 : 1;
			UINT SegmentId1 : 5;
			UINT Direction1 : 1;
			UINT SegmentId2 : 5;
			UINT Direction2 : 1;
			UINT SegmentId3 : 5;
			UINT Direction3 : 1;
			UINT SegmentId4 : 5;
			UINT Direction4 : 1;
			UINT Reserved : 2;
		};
		UINT Value;
	};
} D3DDDI_SEGMENTPREFERENCE;

typedef struct _D3DDDICB_LOCKFLAGS {
	DXVAULT_ANON union {
		DXVAULT_ANON struct {
			UINT ReadOnly : 1;
			UINT WriteOnly : 1;
			UINT DonotWait : 1;
			UINT IgnoreSync : 1;
			UINT LockEntire : 1;
			UINT DonotEvict : 1;
			UINT AcquireAperture : 1;
			UINT Discard : 1;
			UINT NoExistingReference : 1;
			UINT UseAlternateVA : 1;
			UINT IgnoreReadSync : 1;
			UINT Reserved : 21;
		};
		UINT Value;
	};
} D3DDDICB_LOCKFLAGS;

typedef struct _D3DDDICB_LOCK2FLAGS {
	DXVAULT_ANON union {
		DXVAULT_ANON struct {
			UINT Reserved : 32;
		};
		UINT Value;
	};
} D3DDDICB_LOCK2FLAGS;

typedef struct _D3DDDICB_DESTROYALLOCATION2FLAGS {
	DXVAULT_ANON union {
		DXVAULT_ANON struct {
			UINT AssumeNotInUse : 1;
			UINT SynchronousDestroy : 1;
			UINT Reserved : 29;
			UINT SystemUseOnly : 1;
		};
		UINT Value;
	};
} D3DDDICB_DESTROYALLOCATION2FLAGS;

typedef struct _D3DDDI_ESCAPEFLAGS {
	DXVAULT_ANON union {
		DXVAULT_ANON struct {
			UINT HardwareAccess : 1;
			UINT DeviceStatusQuery : 1;
			UINT ChangeFrameLatency : 1;
			UINT NoAdapterSynchronization : 1;
			UINT Reserved : 1;
			UINT VirtualMachineData : 1;
			UINT DriverKnownEscape : 1;
			UINT DriverCommonEscape : 1;
			UINT Reserved2 : 24;
		};
		UINT Value;
	};
} D3DDDI_ESCAPEFLAGS;

typedef struct _D3DDDI_CREATECONTEXTFLAGS {
	DXVAULT_ANON union {
		DXVAULT_ANON struct {
			UINT NullRendering : 1;
			UINT InitialData : 1;
			UINT DisableGpuTimeout : 1;
			UINT SynchronizationOnly : 1;
			UINT HwQueueSupported : 1;
			UINT NoKmdAccess : 1;
			UINT Reserved : 26;
		};
		UINT Value;
	};
} D3DDDI_CREATECONTEXTFLAGS;

typedef struct _D3DDDICB_SIGNALFLAGS {
	DXVAULT_ANON union {
		DXVAULT_ANON struct {
			UINT SignalAtSubmission : 1;
			UINT EnqueueCpuEvent : 1;
			UINT AllowFenceRewind : 1;
			UINT Reserved : 28;
			UINT DXGK_SIGNAL_FLAG_INTERNAL0 : 1;
		};
		UINT Value;
	};
} D3DDDICB_SIGNALFLAGS;

typedef struct _D3DDDI_WAITFORSYNCHRONIZATIONOBJECTFROMCPU_FLAGS {
	DXVAULT_ANON union {
		DXVAULT_ANON struct {
			UINT WaitAny : 1; /* one satisfied condition is enough */
			UINT Reserved : 31;
		};
		UINT Value;
	};
} D3DDDI_WAITFORSYNCHRONIZATIONOBJECTFROMCPU_FLAGS;

typedef enum _D3DDDI_SYNCHRONIZATIONOBJECT_TYPE {
	D3DDDI_SYNCHRONIZATION_MUTEX = 1,
	D3DDDI_SEMAPHORE = 2,
	D3DDDI_FENCE = 3,
	D3DDDI_CPU_NOTIFICATION = 4,
	D3DDDI_MONITORED_FENCE = 5, /* the kind a protected session needs */
	D3DDDI_PERIODIC_MONITORED_FENCE = 6,
	D3DDDI_SYNCHRONIZATION_TYPE_LIMIT
} D3DDDI_SYNCHRONIZATIONOBJECT_TYPE;

typedef struct _D3DDDI_SYNCHRONIZATIONOBJECT_FLAGS {
	DXVAULT_ANON union {
		DXVAULT_ANON struct {
			UINT Shared : 1;
			UINT NtSecuritySharing : 1; /* with Shared: ShareObjects takes it */
			UINT CrossAdapter : 1;
			UINT TopOfPipeline : 1;
			UINT NoSignal : 1;
			UINT NoWait : 1;
			UINT NoSignalMaxValueOnTdr : 1;
			UINT NoGPUAccess : 1;
			UINT SignalByKmd : 1;
			UINT Reserved : 22;
			UINT Reserved0 : 1;
		};
		UINT Value;
	};
} D3DDDI_SYNCHRONIZATIONOBJECT_FLAGS;

typedef struct _D3DDDI_SYNCHRONIZATIONOBJECTINFO {
	D3DDDI_SYNCHRONIZATIONOBJECT_TYPE Type; /* in */
	DXVAULT_ANON union {
		struct {
			BOOL InitialState; /* in */
		} SynchronizationMutex;
		struct {
			UINT MaxCount;	   /* in */
			UINT InitialCount; /* in */
		} Semaphore;
		struct {
			UINT Reserved[16];
		} Reserved;
	};
} D3DDDI_SYNCHRONIZATIONOBJECTINFO;

typedef struct _D3DDDI_SYNCHRONIZATIONOBJECTINFO2 {
	D3DDDI_SYNCHRONIZATIONOBJECT_TYPE Type;	  /* in */
	D3DDDI_SYNCHRONIZATIONOBJECT_FLAGS Flags; /* in */
	DXVAULT_ANON union {
		struct {
			BOOL InitialState; /* in */
		} SynchronizationMutex;
		struct {
			UINT MaxCount;	   /* in */
			UINT InitialCount; /* in */
		} Semaphore;
		struct {
			UINT64 FenceValue; /* in: first value */
		} Fence;
		struct {
			HANDLE Event; /* in */
		} CPUNotification;
		struct {
			UINT64 InitialFenceValue;			    /* in: first value */
			VOID *FenceValueCPUVirtualAddress;		    /* out: read-only view */
			D3DGPU_VIRTUAL_ADDRESS FenceValueGPUVirtualAddress; /* out */
			UINT EngineAffinity;				    /* in */
			UINT Padding;
		} MonitoredFence;
		struct {
			D3DKMT_HANDLE hAdapter;				    /* in */
			D3DDDI_VIDEO_PRESENT_TARGET_ID VidPnTargetId;	    /* in */
			UINT64 Time;					    /* in: units of 100 ns */
			VOID *FenceValueCPUVirtualAddress;		    /* out: read-only view */
			D3DGPU_VIRTUAL_ADDRESS FenceValueGPUVirtualAddress; /* out */
			UINT EngineAffinity;				    /* in */
			UINT Padding;
		} PeriodicMonitoredFence;
		struct {
			UINT64 Reserved[8];
		} Reserved;
	};
	D3DKMT_HANDLE SharedHandle; /* out: 0 here, NT handles are used */
} D3DDDI_SYNCHRONIZATIONOBJECTINFO2;

#ifdef __cplusplus
}
#endif

#endif /* DXVAULT_D3DUKMDT_H */
