/* The D3DKMT functions: how a client program talks to the graphics kernel side. */
/* SPDX-License-Identifier: MIT */
#ifndef DXVAULT_D3DKMTHK_H
#define DXVAULT_D3DKMTHK_H

#include "windef.h"
#include "d3dukmdt.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Layouts are those of 64-bit microsoft/libdxg (WDDM 3.0). Pointers are plain members here: libdxg
 * wraps each in an 8-byte union, which on 64-bit has the same size, offset and member name.
 *
 * Rules for every function of this file (ids: docs, "protected sessions"):
 *  - it returns an NTSTATUS; 0 and above is success;
 *  - a NULL argument block gives STATUS_INVALID_PARAMETER (KMT-01);
 *  - a refused call leaves the block and all state as they were (KMT-05), but see
 *    D3DKMTQueryProtectedSessionInfoFromNtHandle;
 *  - a handle that is stale, of another process or of another kind gives
 *    STATUS_INVALID_PARAMETER (KMT-11, KMT-26, KMT-57, KMT-71, KMT-73);
 *  - past the handle table or the user's limit: STATUS_INSUFFICIENT_RESOURCES (KMT-72);
 *  - without memory: STATUS_NO_MEMORY, or STATUS_INSUFFICIENT_RESOURCES where it was for a handle, a
 *    descriptor or a thread;
 *  - once the adapter or the service is gone: STATUS_DEVICE_REMOVED;
 *  - all this is said of the library's own functions: a registered client driver may answer in their
 *    place (KMT-84, DxvaultRegisterClientDriver).
 * What libdxg exports besides is exported too and returns STATUS_NOT_SUPPORTED without a look at its
 * argument (KMT-81); it has no declaration here. D3DKMTSetStablePowerState returns STATUS_SUCCESS.
 * Blocks and buffers belong to the caller and are not kept after the call.
 */

/* ---- adapters ---- */

typedef struct _D3DKMT_ADAPTERINFO {
	D3DKMT_HANDLE hAdapter;		      /* out: open, the caller closes it */
	LUID AdapterLuid;		      /* out */
	ULONG NumOfSources;		      /* out: video present sources, 0 here */
	BOOL bPrecisePresentRegionsPreferred; /* out */
} D3DKMT_ADAPTERINFO;

typedef struct _D3DKMT_ENUMADAPTERS2 {
	ULONG NumAdapters;	       /* in: room in pAdapters, out: entries written or needed */
	D3DKMT_ADAPTERINFO *pAdapters; /* out: array, or NULL to ask for the number */
} D3DKMT_ENUMADAPTERS2;

typedef union _D3DKMT_ENUMADAPTERS_FILTER {
	DXVAULT_ANON struct {
		ULONGLONG IncludeComputeOnly : 1;
		ULONGLONG IncludeDisplayOnly : 1;
		ULONGLONG Reserved : 62;
	};
	ULONGLONG Value;
} D3DKMT_ENUMADAPTERS_FILTER;

typedef struct _D3DKMT_ENUMADAPTERS3 {
	D3DKMT_ENUMADAPTERS_FILTER Filter; /* in */
	ULONG NumAdapters;		   /* in: room in pAdapters, out: entries written or needed */
	D3DKMT_ADAPTERINFO *pAdapters;	   /* out: array, or NULL to ask for the number */
} D3DKMT_ENUMADAPTERS3;

typedef struct _D3DKMT_OPENADAPTERFROMLUID {
	LUID AdapterLuid;	/* in */
	D3DKMT_HANDLE hAdapter; /* out */
} D3DKMT_OPENADAPTERFROMLUID;

typedef struct _D3DKMT_CLOSEADAPTER {
	D3DKMT_HANDLE hAdapter; /* in */
} D3DKMT_CLOSEADAPTER;

typedef enum _KMTQUERYADAPTERINFOTYPE {
	KMTQAITYPE_UMDRIVERPRIVATE = 0, /* the driver's own bytes */
	KMTQAITYPE_UMDRIVERNAME = 1,
	KMTQAITYPE_UMOPENGLINFO = 2,
	KMTQAITYPE_GETSEGMENTSIZE = 3,
	KMTQAITYPE_ADAPTERGUID = 4,
	KMTQAITYPE_FLIPQUEUEINFO = 5,
	KMTQAITYPE_ADAPTERADDRESS = 6,
	KMTQAITYPE_SETWORKINGSETINFO = 7,
	KMTQAITYPE_ADAPTERREGISTRYINFO = 8,
	KMTQAITYPE_CURRENTDISPLAYMODE = 9,
	KMTQAITYPE_MODELIST = 10,
	KMTQAITYPE_CHECKDRIVERUPDATESTATUS = 11,
	KMTQAITYPE_VIRTUALADDRESSINFO = 12,
	KMTQAITYPE_DRIVERVERSION = 13,
	KMTQAITYPE_ADAPTERTYPE = 15,
	KMTQAITYPE_OUTPUTDUPLCONTEXTSCOUNT = 16,
	KMTQAITYPE_WDDM_1_2_CAPS = 17,
	KMTQAITYPE_UMD_DRIVER_VERSION = 18,
	KMTQAITYPE_DIRECTFLIP_SUPPORT = 19,
	KMTQAITYPE_MULTIPLANEOVERLAY_SUPPORT = 20,
	KMTQAITYPE_DLIST_DRIVER_NAME = 21,
	KMTQAITYPE_WDDM_1_3_CAPS = 22,
	KMTQAITYPE_MULTIPLANEOVERLAY_HUD_SUPPORT = 23,
	KMTQAITYPE_WDDM_2_0_CAPS = 24,
	KMTQAITYPE_NODEMETADATA = 25,
	KMTQAITYPE_CPDRIVERNAME = 26,
	KMTQAITYPE_XBOX = 27,
	KMTQAITYPE_INDEPENDENTFLIP_SUPPORT = 28,
	KMTQAITYPE_MIRACASTCOMPANIONDRIVERNAME = 29,
	KMTQAITYPE_PHYSICALADAPTERCOUNT = 30,
	KMTQAITYPE_PHYSICALADAPTERDEVICEIDS = 31,
	KMTQAITYPE_DRIVERCAPS_EXT = 32,
	KMTQAITYPE_QUERY_MIRACAST_DRIVER_TYPE = 33,
	KMTQAITYPE_QUERY_GPUMMU_CAPS = 34,
	KMTQAITYPE_QUERY_MULTIPLANEOVERLAY_DECODE_SUPPORT = 35,
	KMTQAITYPE_QUERY_HW_PROTECTION_TEARDOWN_COUNT = 36, /* a UINT, KMT-24 */
	KMTQAITYPE_QUERY_ISBADDRIVERFORHWPROTECTIONDISABLED = 37,
	KMTQAITYPE_MULTIPLANEOVERLAY_SECONDARY_SUPPORT = 38,
	KMTQAITYPE_INDEPENDENTFLIP_SECONDARY_SUPPORT = 39,
	KMTQAITYPE_PANELFITTER_SUPPORT = 40,
	KMTQAITYPE_PHYSICALADAPTERPNPKEY = 41,
	KMTQAITYPE_GETSEGMENTGROUPSIZE = 42,
	KMTQAITYPE_MPO3DDI_SUPPORT = 43,
	KMTQAITYPE_HWDRM_SUPPORT = 44,
	KMTQAITYPE_MPOKERNELCAPS_SUPPORT = 45,
	KMTQAITYPE_MULTIPLANEOVERLAY_STRETCH_SUPPORT = 46,
	KMTQAITYPE_GET_DEVICE_VIDPN_OWNERSHIP_INFO = 47,
	KMTQAITYPE_QUERYREGISTRY = 48,
	KMTQAITYPE_KMD_DRIVER_VERSION = 49,
	KMTQAITYPE_BLOCKLIST_KERNEL = 50,
	KMTQAITYPE_BLOCKLIST_RUNTIME = 51,
	KMTQAITYPE_ADAPTERGUID_RENDER = 52,
	KMTQAITYPE_ADAPTERADDRESS_RENDER = 53,
	KMTQAITYPE_ADAPTERREGISTRYINFO_RENDER = 54,
	KMTQAITYPE_CHECKDRIVERUPDATESTATUS_RENDER = 55,
	KMTQAITYPE_DRIVERVERSION_RENDER = 56,
	KMTQAITYPE_ADAPTERTYPE_RENDER = 57,
	KMTQAITYPE_WDDM_1_2_CAPS_RENDER = 58,
	KMTQAITYPE_WDDM_1_3_CAPS_RENDER = 59,
	KMTQAITYPE_QUERY_ADAPTER_UNIQUE_GUID = 60,
	KMTQAITYPE_NODEPERFDATA = 61,
	KMTQAITYPE_ADAPTERPERFDATA = 62,
	KMTQAITYPE_ADAPTERPERFDATA_CAPS = 63,
	KMTQUITYPE_GPUVERSION = 64,
	KMTQAITYPE_DRIVER_DESCRIPTION = 65,
	KMTQAITYPE_DRIVER_DESCRIPTION_RENDER = 66,
	KMTQAITYPE_SCANOUT_CAPS = 67,
	KMTQAITYPE_PARAVIRTUALIZATION_RENDER = 68,
	KMTQAITYPE_SERVICENAME = 69,
	KMTQAITYPE_WDDM_2_7_CAPS = 70,
	KMTQAITYPE_DISPLAY_UMDRIVERNAME = 71,
	KMTQAITYPE_TRACKEDWORKLOAD_SUPPORT = 72,
	KMTQAITYPE_HYBRID_DLIST_DLL_SUPPORT = 73,
	KMTQAITYPE_DISPLAY_CAPS = 74,
	KMTQAITYPE_WDDM_2_9_CAPS = 75,
	KMTQAITYPE_CROSSADAPTERRESOURCE_SUPPORT = 76,
	KMTQAITYPE_WDDM_3_0_CAPS = 77
} KMTQUERYADAPTERINFOTYPE;

typedef struct _D3DKMT_QUERYADAPTERINFO {
	D3DKMT_HANDLE hAdapter;	      /* in */
	KMTQUERYADAPTERINFOTYPE Type; /* in */
	VOID *pPrivateDriverData;     /* in/out: the structure that goes with Type */
	UINT PrivateDriverDataSize;   /* in: bytes at pPrivateDriverData */
} D3DKMT_QUERYADAPTERINFO;

/* ADAPTERTYPE and ADAPTERTYPE_RENDER */
typedef struct _D3DKMT_ADAPTERTYPE {
	DXVAULT_ANON union {
		DXVAULT_ANON struct {
			UINT RenderSupported : 1;
			UINT DisplaySupported : 1;
			UINT SoftwareDevice : 1;
			UINT PostDevice : 1;
			UINT HybridDiscrete : 1;
			UINT HybridIntegrated : 1;
			UINT IndirectDisplayDevice : 1;
			UINT Paravirtualized : 1;
			UINT ACGSupported : 1;
			UINT SupportSetTimingsFromVidPn : 1;
			UINT Detachable : 1;
			UINT ComputeOnly : 1;
			UINT Prototype : 1;
			UINT RuntimePowerManagement : 1;
			UINT Reserved : 18;
		};
		UINT Value;
	};
} D3DKMT_ADAPTERTYPE;

typedef struct _D3DKMT_DEVICE_IDS {
	UINT VendorID;
	UINT DeviceID;
	UINT SubVendorID;
	UINT SubSystemID;
	UINT RevisionID;
	UINT BusType;
} D3DKMT_DEVICE_IDS;

/* PHYSICALADAPTERDEVICEIDS */
typedef struct _D3DKMT_QUERY_DEVICE_IDS {
	UINT PhysicalAdapterIndex;   /* in */
	D3DKMT_DEVICE_IDS DeviceIds; /* out */
} D3DKMT_QUERY_DEVICE_IDS;

/* PHYSICALADAPTERCOUNT */
typedef struct _D3DKMT_PHYSICAL_ADAPTER_COUNT {
	UINT Count; /* out */
} D3DKMT_PHYSICAL_ADAPTER_COUNT;

/* DRIVER_DESCRIPTION: 8,192 bytes on Windows, 16,384 elsewhere (see WCHAR in windef.h) */
typedef struct _D3DKMT_DRIVER_DESCRIPTION {
	WCHAR DriverDescription[4096]; /* out: ends with 0 */
} D3DKMT_DRIVER_DESCRIPTION;

/* WDDM_2_7_CAPS */
typedef struct _D3DKMT_WDDM_2_7_CAPS {
	DXVAULT_ANON union {
		DXVAULT_ANON struct {
			UINT HwSchSupported : 1;
			UINT HwSchEnabled : 1;
			UINT HwSchEnabledByDefault : 1;
			UINT IndependentVidPnVSyncControl : 1;
			UINT Reserved : 28;
		};
		UINT Value;
	};
} D3DKMT_WDDM_2_7_CAPS;

typedef enum _KMTUMDVERSION {
	KMTUMDVERSION_DX9 = 0,
	KMTUMDVERSION_DX10 = 1,
	KMTUMDVERSION_DX11 = 2,
	KMTUMDVERSION_DX12 = 3,
	NUM_KMTUMDVERSIONS = 4
} KMTUMDVERSION;

/* UMDRIVERNAME: 524 bytes on Windows, 1,044 elsewhere (see WCHAR in windef.h) */
typedef struct _D3DKMT_UMDFILENAMEINFO {
	KMTUMDVERSION Version;	     /* in */
	WCHAR UmdFileName[MAX_PATH]; /* out: ends with 0 */
} D3DKMT_UMDFILENAMEINFO;

/* HWDRM_SUPPORT */
typedef struct _D3DKMT_HWDRM_SUPPORT {
	BOOLEAN Supported; /* out */
} D3DKMT_HWDRM_SUPPORT;

/* ---- devices and contexts ---- */

typedef struct _D3DKMT_CREATEDEVICEFLAGS {
	UINT LegacyMode : 1;
	UINT RequestVSync : 1;
	UINT DisableGpuTimeout : 1;
	UINT Reserved : 29;
} D3DKMT_CREATEDEVICEFLAGS;

typedef struct _D3DKMT_CREATEDEVICE {
	DXVAULT_ANON union {
		D3DKMT_HANDLE hAdapter; /* in */
		VOID *pAdapter;		/* kernel callers only */
		UINT64 pAdapter_Align;
	};
	D3DKMT_CREATEDEVICEFLAGS Flags;		      /* in */
	D3DKMT_HANDLE hDevice;			      /* out */
	VOID *pCommandBuffer;			      /* out: NULL here */
	UINT CommandBufferSize;			      /* out: 0 here */
	D3DDDI_ALLOCATIONLIST *pAllocationList;	      /* out: NULL here */
	UINT AllocationListSize;		      /* out: 0 here */
	D3DDDI_PATCHLOCATIONLIST *pPatchLocationList; /* out: NULL here */
	UINT PatchLocationListSize;		      /* out: 0 here */
} D3DKMT_CREATEDEVICE;

typedef struct _D3DKMT_DESTROYDEVICE {
	D3DKMT_HANDLE hDevice; /* in */
} D3DKMT_DESTROYDEVICE;

typedef enum _D3DKMT_DEVICESTATE_TYPE {
	D3DKMT_DEVICESTATE_EXECUTION = 1,
	D3DKMT_DEVICESTATE_PRESENT = 2,
	D3DKMT_DEVICESTATE_RESET = 3,
	D3DKMT_DEVICESTATE_PRESENT_DWM = 4,
	D3DKMT_DEVICESTATE_PAGE_FAULT = 5,
	D3DKMT_DEVICESTATE_PRESENT_QUEUE = 6
} D3DKMT_DEVICESTATE_TYPE;

typedef enum _D3DKMT_DEVICEEXECUTION_STATE {
	D3DKMT_DEVICEEXECUTION_ACTIVE = 1,
	D3DKMT_DEVICEEXECUTION_RESET = 2,
	D3DKMT_DEVICEEXECUTION_HUNG = 3,
	D3DKMT_DEVICEEXECUTION_STOPPED = 4,
	D3DKMT_DEVICEEXECUTION_ERROR_OUTOFMEMORY = 5,
	D3DKMT_DEVICEEXECUTION_ERROR_DMAFAULT = 6,
	D3DKMT_DEVICEEXECUTION_ERROR_DMAPAGEFAULT = 7
} D3DKMT_DEVICEEXECUTION_STATE;

typedef struct _D3DKMT_DEVICERESET_STATE {
	DXVAULT_ANON union {
		DXVAULT_ANON struct {
			UINT DesktopSwitched : 1;
			UINT Reserved : 31;
		};
		UINT Value;
	};
} D3DKMT_DEVICERESET_STATE;

typedef struct _D3DKMT_PRESENT_STATS {
	UINT PresentCount;
	UINT PresentRefreshCount;
	UINT SyncRefreshCount;
	LARGE_INTEGER SyncQPCTime;
	LARGE_INTEGER SyncGPUTime;
} D3DKMT_PRESENT_STATS;

typedef struct _D3DKMT_DEVICEPRESENT_STATE {
	D3DDDI_VIDEO_PRESENT_SOURCE_ID VidPnSourceId; /* in */
	D3DKMT_PRESENT_STATS PresentStats;	      /* out */
} D3DKMT_DEVICEPRESENT_STATE;

typedef struct _D3DKMT_PRESENT_STATS_DWM {
	UINT PresentCount;
	UINT PresentRefreshCount;
	LARGE_INTEGER PresentQPCTime;
	UINT SyncRefreshCount;
	LARGE_INTEGER SyncQPCTime;
	UINT CustomPresentDuration;
} D3DKMT_PRESENT_STATS_DWM;

typedef struct _D3DKMT_DEVICEPRESENT_STATE_DWM {
	D3DDDI_VIDEO_PRESENT_SOURCE_ID VidPnSourceId; /* in */
	D3DKMT_PRESENT_STATS_DWM PresentStatsDWM;     /* out */
} D3DKMT_DEVICEPRESENT_STATE_DWM;

typedef enum _DXGK_RENDER_PIPELINE_STAGE {
	DXGK_RENDER_PIPELINE_STAGE_UNKNOWN = 0,
	DXGK_RENDER_PIPELINE_STAGE_INPUT_ASSEMBLER = 1,
	DXGK_RENDER_PIPELINE_STAGE_VERTEX_SHADER = 2,
	DXGK_RENDER_PIPELINE_STAGE_GEOMETRY_SHADER = 3,
	DXGK_RENDER_PIPELINE_STAGE_STREAM_OUTPUT = 4,
	DXGK_RENDER_PIPELINE_STAGE_RASTERIZER = 5,
	DXGK_RENDER_PIPELINE_STAGE_PIXEL_SHADER = 6,
	DXGK_RENDER_PIPELINE_STAGE_OUTPUT_MERGER = 7
} DXGK_RENDER_PIPELINE_STAGE;

typedef enum _DXGK_PAGE_FAULT_FLAGS {
	DXGK_PAGE_FAULT_WRITE = 0x01,
	DXGK_PAGE_FAULT_FENCE_INVALID = 0x02,
	DXGK_PAGE_FAULT_ADAPTER_RESET_REQUIRED = 0x04,
	DXGK_PAGE_FAULT_ENGINE_RESET_REQUIRED = 0x08,
	DXGK_PAGE_FAULT_FATAL_HARDWARE_ERROR = 0x10,
	DXGK_PAGE_FAULT_IOMMU = 0x20,
	DXGK_PAGE_FAULT_HW_CONTEXT_VALID = 0x40,
	DXGK_PAGE_FAULT_PROCESS_HANDLE_VALID = 0x80
} DXGK_PAGE_FAULT_FLAGS;

/* The low bit says whether the other 31 are the driver's own code. */
typedef struct _DXGK_FAULT_ERROR_CODE {
	DXVAULT_ANON union {
		DXVAULT_ANON struct {
			UINT IsDeviceSpecificCode : 1;
			UINT GeneralErrorCode : 31;
		};
		DXVAULT_ANON struct {
			UINT IsDeviceSpecificCodeReservedBit : 1;
			UINT DeviceSpecificCode : 31;
		};
	};
} DXGK_FAULT_ERROR_CODE;

typedef struct _D3DKMT_DEVICEPAGEFAULT_STATE {
	UINT64 FaultedPrimitiveAPISequenceNumber;	 /* out */
	DXGK_RENDER_PIPELINE_STAGE FaultedPipelineStage; /* out */
	UINT FaultedBindTableEntry;			 /* out */
	DXGK_PAGE_FAULT_FLAGS PageFaultFlags;		 /* out */
	DXGK_FAULT_ERROR_CODE FaultErrorCode;		 /* out */
	D3DGPU_VIRTUAL_ADDRESS FaultedVirtualAddress;	 /* out */
} D3DKMT_DEVICEPAGEFAULT_STATE;

typedef struct _D3DKMT_DEVICEPRESENT_QUEUE_STATE {
	D3DDDI_VIDEO_PRESENT_SOURCE_ID VidPnSourceId; /* in */
	BOOLEAN bQueuedPresentLimitReached;	      /* out */
} D3DKMT_DEVICEPRESENT_QUEUE_STATE;

typedef struct _D3DKMT_GETDEVICESTATE {
	D3DKMT_HANDLE hDevice;		   /* in */
	D3DKMT_DEVICESTATE_TYPE StateType; /* in: selects the member below */
	DXVAULT_ANON union {
		D3DKMT_DEVICEEXECUTION_STATE ExecutionState;	    /* out */
		D3DKMT_DEVICEPRESENT_STATE PresentState;	    /* in/out */
		D3DKMT_DEVICERESET_STATE ResetState;		    /* out */
		D3DKMT_DEVICEPRESENT_STATE_DWM PresentStateDWM;	    /* in/out */
		D3DKMT_DEVICEPAGEFAULT_STATE PageFaultState;	    /* out */
		D3DKMT_DEVICEPRESENT_QUEUE_STATE PresentQueueState; /* in/out */
	};
} D3DKMT_GETDEVICESTATE;

typedef enum _D3DKMT_CLIENTHINT {
	D3DKMT_CLIENTHINT_UNKNOWN = 0,
	D3DKMT_CLIENTHINT_OPENGL = 1,
	D3DKMT_CLIENTHINT_CDD = 2,
	D3DKMT_CLIENTHINT_OPENCL = 3,
	D3DKMT_CLIENTHINT_VULKAN = 4,
	D3DKMT_CLIENTHINT_CUDA = 5,
	D3DKMT_CLIENTHINT_RESERVED = 6,
	D3DKMT_CLIENTHINT_DX7 = 7,
	D3DKMT_CLIENTHINT_DX8 = 8,
	D3DKMT_CLIENTHINT_DX9 = 9,
	D3DKMT_CLIENTHINT_DX10 = 10,
	D3DKMT_CLIENTHINT_DX11 = 11,
	D3DKMT_CLIENTHINT_DX12 = 12,
	D3DKMT_CLIENTHINT_9ON12 = 13,
	D3DKMT_CLIENTHINT_11ON12 = 14,
	D3DKMT_CLIENTHINT_MFT_ENCODE = 15,
	D3DKMT_CLIENTHINT_GLON12 = 16,
	D3DKMT_CLIENTHINT_CLON12 = 17,
	D3DKMT_CLIENTHINT_DML_TENSORFLOW = 18,
	D3DKMT_CLIENTHINT_ONEAPI_LEVEL0 = 19,
	D3DKMT_CLIENTHINT_MAX = 20
} D3DKMT_CLIENTHINT;

typedef struct _D3DKMT_CREATECONTEXTVIRTUAL {
	D3DKMT_HANDLE hDevice;		 /* in */
	UINT NodeOrdinal;		 /* in */
	UINT EngineAffinity;		 /* in */
	D3DDDI_CREATECONTEXTFLAGS Flags; /* in */
	VOID *pPrivateDriverData;	 /* in: for the kernel-mode driver */
	UINT PrivateDriverDataSize;	 /* in: bytes */
	D3DKMT_CLIENTHINT ClientHint;	 /* in */
	D3DKMT_HANDLE hContext;		 /* out */
} D3DKMT_CREATECONTEXTVIRTUAL;

typedef struct _D3DKMT_DESTROYCONTEXT {
	D3DKMT_HANDLE hContext; /* in */
} D3DKMT_DESTROYCONTEXT;

/* ---- synchronization objects ---- */

typedef struct _D3DKMT_CREATESYNCHRONIZATIONOBJECT2 {
	D3DKMT_HANDLE hDevice;			/* in */
	D3DDDI_SYNCHRONIZATIONOBJECTINFO2 Info; /* in/out */
	D3DKMT_HANDLE hSyncObject;		/* out */
} D3DKMT_CREATESYNCHRONIZATIONOBJECT2;

typedef struct _D3DKMT_DESTROYSYNCHRONIZATIONOBJECT {
	D3DKMT_HANDLE hSyncObject; /* in */
} D3DKMT_DESTROYSYNCHRONIZATIONOBJECT;

typedef struct _D3DKMT_OPENSYNCOBJECTFROMNTHANDLE2 {
	HANDLE hNtHandle;			  /* in: stays the caller's */
	D3DKMT_HANDLE hDevice;			  /* in */
	D3DDDI_SYNCHRONIZATIONOBJECT_FLAGS Flags; /* in */
	D3DKMT_HANDLE hSyncObject;		  /* out */
	DXVAULT_ANON union {
		struct {
			VOID *FenceValueCPUVirtualAddress;		    /* out: read-only view */
			D3DGPU_VIRTUAL_ADDRESS FenceValueGPUVirtualAddress; /* out */
			UINT EngineAffinity;				    /* in */
		} MonitoredFence;
		UINT64 Reserved[8];
	};
} D3DKMT_OPENSYNCOBJECTFROMNTHANDLE2;

typedef struct _D3DKMT_SIGNALSYNCHRONIZATIONOBJECTFROMCPU {
	D3DKMT_HANDLE hDevice;			/* in */
	UINT ObjectCount;			/* in: 1 to D3DDDI_MAX_OBJECT_SIGNALED */
	const D3DKMT_HANDLE *ObjectHandleArray; /* in */
	const UINT64 *FenceValueArray;		/* in: one value for each object */
	D3DDDICB_SIGNALFLAGS Flags;		/* in */
} D3DKMT_SIGNALSYNCHRONIZATIONOBJECTFROMCPU;

typedef struct _D3DKMT_WAITFORSYNCHRONIZATIONOBJECTFROMCPU {
	D3DKMT_HANDLE hDevice;					/* in */
	UINT ObjectCount;					/* in: 1 to D3DDDI_MAX_OBJECT_WAITED_ON */
	const D3DKMT_HANDLE *ObjectHandleArray;			/* in */
	const UINT64 *FenceValueArray;				/* in: one value for each object */
	HANDLE hAsyncEvent;					/* in: an eventfd, or NULL: the call blocks */
	D3DDDI_WAITFORSYNCHRONIZATIONOBJECTFROMCPU_FLAGS Flags; /* in */
} D3DKMT_WAITFORSYNCHRONIZATIONOBJECTFROMCPU;

/* ---- allocations and resources ---- */

typedef enum _D3DKMT_STANDARDALLOCATIONTYPE {
	D3DKMT_STANDARDALLOCATIONTYPE_EXISTINGHEAP = 1,
	D3DKMT_STANDARDALLOCATIONTYPE_INTERNALBACKINGSTORE = 2,
	D3DKMT_STANDARDALLOCATIONTYPE_MAX = 3
} D3DKMT_STANDARDALLOCATIONTYPE;

typedef struct _D3DKMT_STANDARDALLOCATION_EXISTINGHEAP {
	UINT64 Size; /* in: bytes */
} D3DKMT_STANDARDALLOCATION_EXISTINGHEAP;

typedef struct _D3DKMT_CREATESTANDARDALLOCATIONFLAGS {
	DXVAULT_ANON union {
		DXVAULT_ANON struct {
			UINT Reserved : 32;
		};
		UINT Value;
	};
} D3DKMT_CREATESTANDARDALLOCATIONFLAGS;

typedef struct _D3DKMT_CREATESTANDARDALLOCATION {
	D3DKMT_STANDARDALLOCATIONTYPE Type; /* in */
	DXVAULT_ANON union {
		D3DKMT_STANDARDALLOCATION_EXISTINGHEAP ExistingHeapData; /* in */
	};
	D3DKMT_CREATESTANDARDALLOCATIONFLAGS Flags; /* in */
} D3DKMT_CREATESTANDARDALLOCATION;

typedef struct _D3DKMT_CREATEALLOCATIONFLAGS {
	UINT CreateResource : 1;
	UINT CreateShared : 1;
	UINT NonSecure : 1;
	UINT CreateProtected : 1;
	UINT RestrictSharedAccess : 1;
	UINT ExistingSysMem : 1;
	UINT NtSecuritySharing : 1;
	UINT ReadOnly : 1;
	UINT CreateWriteCombined : 1;
	UINT CreateCached : 1;
	UINT SwapChainBackBuffer : 1;
	UINT CrossAdapter : 1;
	UINT OpenCrossAdapter : 1;
	UINT PartialSharedCreation : 1;
	UINT Zeroed : 1;
	UINT WriteWatch : 1;
	UINT StandardAllocation : 1;
	UINT ExistingSection : 1;
	UINT AllowNotZeroed : 1;
	UINT PhysicallyContiguous : 1;
	UINT NoKmdAccess : 1;
	UINT SharedDisplayable : 1;
	UINT Reserved : 10;
} D3DKMT_CREATEALLOCATIONFLAGS;

typedef struct _D3DKMT_CREATEALLOCATION {
	D3DKMT_HANDLE hDevice;		 /* in */
	D3DKMT_HANDLE hResource;	 /* in: add to it, out: with CreateResource */
	D3DKMT_HANDLE hGlobalShare;	 /* out: 0 here, NT handles are used */
	CONST VOID *pPrivateRuntimeData; /* in: kept with the resource for openers */
	UINT PrivateRuntimeDataSize;	 /* in: bytes */
	DXVAULT_ANON union {
		D3DKMT_CREATESTANDARDALLOCATION *pStandardAllocation; /* in */
		CONST VOID *pPrivateDriverData;			      /* in: per resource, for the driver */
	};
	UINT PrivateDriverDataSize; /* in: bytes */
	UINT NumAllocations;	    /* in */
	DXVAULT_ANON union {
		D3DDDI_ALLOCATIONINFO *pAllocationInfo;	  /* in/out, the older entry */
		D3DDDI_ALLOCATIONINFO2 *pAllocationInfo2; /* in/out: NumAllocations */
	};
	D3DKMT_CREATEALLOCATIONFLAGS Flags;   /* in */
	HANDLE hPrivateRuntimeResourceHandle; /* in: for tracing only */
} D3DKMT_CREATEALLOCATION;

typedef struct _D3DKMT_DESTROYALLOCATION2 {
	D3DKMT_HANDLE hDevice;			/* in */
	D3DKMT_HANDLE hResource;		/* in: or 0 */
	CONST D3DKMT_HANDLE *phAllocationList;	/* in: when hResource is 0 */
	UINT AllocationCount;			/* in */
	D3DDDICB_DESTROYALLOCATION2FLAGS Flags; /* in */
} D3DKMT_DESTROYALLOCATION2;

typedef struct _D3DKMT_LOCK2 {
	D3DKMT_HANDLE hDevice;	   /* in */
	D3DKMT_HANDLE hAllocation; /* in */
	D3DDDICB_LOCK2FLAGS Flags; /* in */
	PVOID pData;		   /* out: valid until Unlock2 */
} D3DKMT_LOCK2;

typedef struct _D3DKMT_UNLOCK2 {
	D3DKMT_HANDLE hDevice;	   /* in */
	D3DKMT_HANDLE hAllocation; /* in */
} D3DKMT_UNLOCK2;

typedef struct _D3DKMT_QUERYRESOURCEINFOFROMNTHANDLE {
	D3DKMT_HANDLE hDevice;		    /* in */
	HANDLE hNtHandle;		    /* in: stays the caller's */
	VOID *pPrivateRuntimeData;	    /* out: buffer, or NULL for the size */
	UINT PrivateRuntimeDataSize;	    /* in/out: bytes */
	UINT TotalPrivateDriverDataSize;    /* out: bytes, all allocations together */
	UINT ResourcePrivateDriverDataSize; /* out: bytes */
	UINT NumAllocations;		    /* out */
} D3DKMT_QUERYRESOURCEINFOFROMNTHANDLE;

typedef struct _D3DKMT_OPENRESOURCEFROMNTHANDLE {
	D3DKMT_HANDLE hDevice;				  /* in */
	HANDLE hNtHandle;				  /* in: stays the caller's */
	UINT NumAllocations;				  /* in: entries in pOpenAllocationInfo2 */
	D3DDDI_OPENALLOCATIONINFO2 *pOpenAllocationInfo2; /* out */
	UINT PrivateRuntimeDataSize;			  /* in: bytes */
	VOID *pPrivateRuntimeData;			  /* out */
	UINT ResourcePrivateDriverDataSize;		  /* in: bytes */
	VOID *pResourcePrivateDriverData;		  /* out */
	UINT TotalPrivateDriverDataBufferSize;		  /* in/out: bytes */
	VOID *pTotalPrivateDriverDataBuffer;		  /* out: holds the per-allocation data */
	D3DKMT_HANDLE hResource;			  /* out */
	D3DKMT_HANDLE hKeyedMutex;			  /* out: 0 here */
	VOID *pKeyedMutexPrivateRuntimeData;		  /* in: unused here */
	UINT KeyedMutexPrivateRuntimeDataSize;		  /* in: unused here */
	D3DKMT_HANDLE hSyncObject;			  /* out: 0 here */
} D3DKMT_OPENRESOURCEFROMNTHANDLE;

/* ---- sharing ---- */

#define D3DKMT_MAX_OBJECTS_PER_HANDLE 3

/* The arguments of D3DKMTShareObjects in one block, as libdxg passes them on. */
typedef struct _D3DKMT_SHAREOBJECTS {
	UINT ObjectCount;			/* in */
	CONST D3DKMT_HANDLE *ObjectHandleArray; /* in */
	PVOID pObjectAttributes;		/* in */
	DWORD DesiredAccess;			/* in */
	HANDLE *pSharedNtHandle;		/* out */
} D3DKMT_SHAREOBJECTS;

/* ---- escape ---- */

/* The kinds a driver sees or this project answers; the rest are diagnostics. */
typedef enum _D3DKMT_ESCAPETYPE {
	D3DKMT_ESCAPE_DRIVERPRIVATE = 0,
	D3DKMT_ESCAPE_VIDMM = 1,
	D3DKMT_ESCAPE_TDRDBGCTRL = 2,
	D3DKMT_ESCAPE_VIDSCH = 3,
	D3DKMT_ESCAPE_DEVICE = 4,
	D3DKMT_ESCAPE_DMM = 5,
	D3DKMT_ESCAPE_DEBUG_SNAPSHOT = 6,
	D3DKMT_ESCAPE_DRT_TEST = 8,
	D3DKMT_ESCAPE_DIAGNOSTICS = 9,
	D3DKMT_ESCAPE_WIN32K_START = 1024
} D3DKMT_ESCAPETYPE;

typedef struct _D3DKMT_ESCAPE {
	D3DKMT_HANDLE hAdapter;	    /* in */
	D3DKMT_HANDLE hDevice;	    /* in: or 0 */
	D3DKMT_ESCAPETYPE Type;	    /* in */
	D3DDDI_ESCAPEFLAGS Flags;   /* in */
	VOID *pPrivateDriverData;   /* in/out */
	UINT PrivateDriverDataSize; /* in: bytes */
	D3DKMT_HANDLE hContext;	    /* in: or 0 */
} D3DKMT_ESCAPE;

/* ---- present ---- */

typedef struct _D3DKMT_PRESENTFLAGS {
	DXVAULT_ANON union {
		DXVAULT_ANON struct {
			UINT Blt : 1;
			UINT ColorFill : 1;
			UINT Flip : 1;
			UINT FlipDoNotFlip : 1;
			UINT FlipDoNotWait : 1;
			UINT FlipRestart : 1;
			UINT DstRectValid : 1;
			UINT SrcRectValid : 1;
			UINT RestrictVidPnSource : 1;
			UINT SrcColorKey : 1;
			UINT DstColorKey : 1;
			UINT LinearToSrgb : 1;
			UINT PresentCountValid : 1;
			UINT Rotate : 1;
			UINT PresentToBitmap : 1;
			UINT RedirectedFlip : 1;
			UINT RedirectedBlt : 1;
			UINT FlipStereo : 1;
			UINT FlipStereoTemporaryMono : 1;
			UINT FlipStereoPreferRight : 1;
			UINT BltStereoUseRight : 1;
			UINT PresentHistoryTokenOnly : 1;
			UINT PresentRegionsValid : 1;
			UINT PresentDDA : 1;
			UINT ProtectedContentBlankedOut : 1;
			UINT RemoteSession : 1;
			UINT CrossAdapter : 1;
			UINT DurationValid : 1;
			UINT PresentIndirect : 1;
			UINT PresentHMD : 1;
			UINT Reserved : 2;
		};
		UINT Value;
	};
} D3DKMT_PRESENTFLAGS;

typedef enum _D3DKMT_PRESENT_MODEL {
	D3DKMT_PM_UNINITIALIZED = 0,
	D3DKMT_PM_REDIRECTED_GDI = 1,
	D3DKMT_PM_REDIRECTED_FLIP = 2,
	D3DKMT_PM_REDIRECTED_BLT = 3,
	D3DKMT_PM_REDIRECTED_VISTABLT = 4,
	D3DKMT_PM_SCREENCAPTUREFENCE = 5,
	D3DKMT_PM_REDIRECTED_GDI_SYSMEM = 6,
	D3DKMT_PM_REDIRECTED_COMPOSITION = 7,
	D3DKMT_PM_SURFACECOMPLETE = 8,
	D3DKMT_PM_FLIPMANAGER = 9
} D3DKMT_PRESENT_MODEL;

/*
 * What a compositor is told about a present. Nothing here reads the per-model part, so it is a
 * reserved area of the size of libdxg's largest member.
 */
#define DXVAULT_PRESENTHISTORYTOKEN_BYTES 1064

typedef struct _D3DKMT_PRESENTHISTORYTOKEN {
	D3DKMT_PRESENT_MODEL Model;
	UINT TokenSize; /* bytes with Model; 0 when submitted */
	UINT64 CompositionBindingId;
	union {
		UINT64 Reserved[DXVAULT_PRESENTHISTORYTOKEN_BYTES / 8];
	} Token;
} D3DKMT_PRESENTHISTORYTOKEN;

typedef struct _D3DKMT_MOVE_RECT {
	POINT SourcePoint;
	RECT DestRect;
} D3DKMT_MOVE_RECT;

typedef struct _D3DKMT_PRESENT_RGNS {
	UINT DirtyRectCount;		    /* in */
	const RECT *pDirtyRects;	    /* in */
	UINT MoveRectCount;		    /* in */
	const D3DKMT_MOVE_RECT *pMoveRects; /* in */
} D3DKMT_PRESENT_RGNS;

typedef struct _D3DKMT_PRESENT {
	DXVAULT_ANON union {
		D3DKMT_HANDLE hDevice;	/* in: older callers */
		D3DKMT_HANDLE hContext; /* in */
	};
	DXVAULT_HWND hWindow;					      /* in: unused here */
	D3DDDI_VIDEO_PRESENT_SOURCE_ID VidPnSourceId;		      /* in */
	D3DKMT_HANDLE hSource;					      /* in: allocation shown */
	D3DKMT_HANDLE hDestination;				      /* in: allocation, or 0 */
	UINT Color;						      /* in: ARGB for ColorFill */
	RECT DstRect;						      /* in: with DstRectValid */
	RECT SrcRect;						      /* in: with SrcRectValid */
	UINT SubRectCnt;					      /* in */
	CONST RECT *pSrcSubRects;				      /* in */
	UINT PresentCount;					      /* in */
	D3DDDI_FLIPINTERVAL_TYPE FlipInterval;			      /* in */
	D3DKMT_PRESENTFLAGS Flags;				      /* in */
	ULONG BroadcastContextCount;				      /* in */
	D3DKMT_HANDLE BroadcastContext[D3DDDI_MAX_BROADCAST_CONTEXT]; /* in */
	HANDLE PresentLimitSemaphore;				      /* in */
	D3DKMT_PRESENTHISTORYTOKEN PresentHistoryToken;		      /* in */
	D3DKMT_PRESENT_RGNS *pPresentRegions;			      /* in: with PresentRegionsValid */
	DXVAULT_ANON union {
		D3DKMT_HANDLE hAdapter;		/* in: with CrossAdapter */
		D3DKMT_HANDLE hIndirectContext; /* in: with PresentIndirect */
	};
	UINT Duration;			       /* in: with DurationValid */
	D3DKMT_HANDLE *BroadcastSrcAllocation; /* in */
	D3DKMT_HANDLE *BroadcastDstAllocation; /* in */
	UINT PrivateDriverDataSize;	       /* in: bytes */
	PVOID pPrivateDriverData;	       /* in */
	BOOLEAN bOptimizeForComposition;       /* out */
} D3DKMT_PRESENT;

/* ---- protected sessions ---- */

typedef enum _D3DKMT_PROTECTED_SESSION_STATUS {
	D3DKMT_PROTECTED_SESSION_STATUS_OK = 0,
	D3DKMT_PROTECTED_SESSION_STATUS_INVALID = 1
} D3DKMT_PROTECTED_SESSION_STATUS;

typedef struct _D3DKMT_CREATEPROTECTEDSESSION {
	D3DKMT_HANDLE hDevice;		 /* in */
	D3DKMT_HANDLE hSyncObject;	 /* in: monitored fence of the same device */
	CONST VOID *pPrivateDriverData;	 /* in: copied, may be NULL with size 0 */
	UINT PrivateDriverDataSize;	 /* in: bytes, at most 65,536 */
	CONST VOID *pPrivateRuntimeData; /* in: copied, may be NULL with size 0 */
	UINT PrivateRuntimeDataSize;	 /* in: bytes, at most 65,536 */
	D3DKMT_HANDLE hHandle;		 /* out */
} D3DKMT_CREATEPROTECTEDSESSION;

typedef struct _D3DKMT_DESTROYPROTECTEDSESSION {
	D3DKMT_HANDLE hHandle; /* in */
} D3DKMT_DESTROYPROTECTEDSESSION;

typedef struct _D3DKMT_QUERYPROTECTEDSESSIONSTATUS {
	D3DKMT_HANDLE hHandle;			/* in */
	D3DKMT_PROTECTED_SESSION_STATUS Status; /* out */
} D3DKMT_QUERYPROTECTEDSESSIONSTATUS;

typedef struct _D3DKMT_QUERYPROTECTEDSESSIONINFOFROMNTHANDLE {
	HANDLE hNtHandle;		 /* in: stays the caller's */
	CONST VOID *pPrivateDriverData;	 /* out: buffer in spite of const, or NULL */
	UINT PrivateDriverDataSize;	 /* in: room, out: true size, bytes */
	CONST VOID *pPrivateRuntimeData; /* out: buffer in spite of const, or NULL */
	UINT PrivateRuntimeDataSize;	 /* in: room, out: true size, bytes */
} D3DKMT_QUERYPROTECTEDSESSIONINFOFROMNTHANDLE;

typedef struct _D3DKMT_OPENPROTECTEDSESSIONFROMNTHANDLE {
	HANDLE hNtHandle;      /* in: stays the caller's */
	D3DKMT_HANDLE hHandle; /* out */
} D3DKMT_OPENPROTECTEDSESSIONFROMNTHANDLE;

/* ---- functions ---- */

/**
 * D3DKMTEnumAdapters2 - list the adapters, each opened for the caller
 * @arg: NumAdapters is the room in pAdapters (entries); on return the number of entries written,
 *       or with pAdapters NULL the number that exist. Each hAdapter written is the caller's to
 *       close with D3DKMTCloseAdapter.
 *
 * STATUS_SUCCESS; STATUS_BUFFER_TOO_SMALL: less room than adapters, none opened;
 * STATUS_INVALID_PARAMETER: arg NULL, or no memory at pAdapters; STATUS_INSUFFICIENT_RESOURCES: no
 * handle left. Rules: KMT-01, KMT-04, KMT-72, KMT-82. (arg is const as in libdxg, the members are written all the same.)
 */
EXTERN_C NTSTATUS APIENTRY D3DKMTEnumAdapters2(CONST D3DKMT_ENUMADAPTERS2 *arg);
typedef NTSTATUS(APIENTRY *PFND3DKMT_ENUMADAPTERS2)(CONST D3DKMT_ENUMADAPTERS2 *);

/**
 * D3DKMTEnumAdapters3 - as D3DKMTEnumAdapters2, with a filter
 * @arg: Filter adds compute-only and display-only adapters to the list; the rest as above.
 *
 * Statuses as D3DKMTEnumAdapters2. Rules: KMT-01, KMT-72, KMT-82.
 */
EXTERN_C NTSTATUS APIENTRY D3DKMTEnumAdapters3(D3DKMT_ENUMADAPTERS3 *arg);
typedef NTSTATUS(APIENTRY *PFND3DKMT_ENUMADAPTERS3)(D3DKMT_ENUMADAPTERS3 *);

/**
 * D3DKMTOpenAdapterFromLuid - open the adapter with a known LUID
 * @arg: AdapterLuid in, hAdapter out; the caller closes it with D3DKMTCloseAdapter.
 *
 * STATUS_SUCCESS; STATUS_INVALID_PARAMETER: arg NULL or no such adapter;
 * STATUS_INSUFFICIENT_RESOURCES: no handle left. Rules: KMT-01, KMT-72, KMT-82.
 */
EXTERN_C NTSTATUS APIENTRY D3DKMTOpenAdapterFromLuid(CONST D3DKMT_OPENADAPTERFROMLUID *arg);
typedef NTSTATUS(APIENTRY *PFND3DKMT_OPENADAPTERFROMLUID)(D3DKMT_OPENADAPTERFROMLUID *);

/**
 * D3DKMTCloseAdapter - give an adapter handle back
 * @arg: hAdapter from one of the three functions above.
 *
 * STATUS_SUCCESS; STATUS_INVALID_PARAMETER: arg NULL, or hAdapter not a live adapter handle of
 * this process. Rules: KMT-01, KMT-71, KMT-73, KMT-82.
 */
EXTERN_C NTSTATUS APIENTRY D3DKMTCloseAdapter(CONST D3DKMT_CLOSEADAPTER *arg);
typedef NTSTATUS(APIENTRY *PFND3DKMT_CLOSEADAPTER)(CONST D3DKMT_CLOSEADAPTER *);

/**
 * D3DKMTQueryAdapterInfo - one fact about an adapter
 * @arg: Type selects the fact; pPrivateDriverData points to the caller's structure for it, of
 *       PrivateDriverDataSize bytes. KMTQAITYPE_UMDRIVERPRIVATE is answered by the kernel-mode
 *       driver (DXGKQAITYPE_UMDRIVERPRIVATE).
 *
 * STATUS_SUCCESS; STATUS_INVALID_PARAMETER: arg NULL, dead adapter handle, NULL or too small a
 * buffer, an index out of range in the structure; STATUS_NOT_SUPPORTED: a type that is not
 * answered here; for UMDRIVERPRIVATE the driver's status. Rules: KMT-01, KMT-24, KMT-82.
 */
EXTERN_C NTSTATUS APIENTRY D3DKMTQueryAdapterInfo(CONST D3DKMT_QUERYADAPTERINFO *arg);
typedef NTSTATUS(APIENTRY *PFND3DKMT_QUERYADAPTERINFO)(CONST D3DKMT_QUERYADAPTERINFO *);

/**
 * D3DKMTCreateDevice - make a device on an adapter
 * @arg: hAdapter and Flags in, hDevice out; the command-buffer members come back NULL and 0. The
 *       caller destroys it with D3DKMTDestroyDevice; closing the adapter first is allowed.
 *
 * STATUS_SUCCESS; STATUS_INVALID_PARAMETER: arg NULL or dead adapter handle; STATUS_NO_MEMORY and
 * any other status of the kernel-mode driver; STATUS_INSUFFICIENT_RESOURCES: no handle left.
 * Rules: KMT-01, KMT-72, KMT-82.
 */
EXTERN_C NTSTATUS APIENTRY D3DKMTCreateDevice(D3DKMT_CREATEDEVICE *arg);
typedef NTSTATUS(APIENTRY *PFND3DKMT_CREATEDEVICE)(D3DKMT_CREATEDEVICE *);

/**
 * D3DKMTDestroyDevice - destroy a device with its contexts, fences and allocations
 * @arg: hDevice. A protected session of the device lives on, but reads INVALID (KMT-17).
 *
 * STATUS_SUCCESS; STATUS_INVALID_PARAMETER: arg NULL or dead device handle.
 * Rules: KMT-01, KMT-17, KMT-82.
 */
EXTERN_C NTSTATUS APIENTRY D3DKMTDestroyDevice(CONST D3DKMT_DESTROYDEVICE *arg);
typedef NTSTATUS(APIENTRY *PFND3DKMT_DESTROYDEVICE)(CONST D3DKMT_DESTROYDEVICE *);

/**
 * D3DKMTGetDeviceState - whether a device still runs, and other states of it
 * @arg: hDevice and StateType in; the union member that goes with StateType out.
 *
 * STATUS_SUCCESS; STATUS_INVALID_PARAMETER: arg NULL or dead device handle; STATUS_NOT_SUPPORTED: a
 * StateType other than D3DKMT_DEVICESTATE_EXECUTION. Rules: KMT-01, KMT-82.
 */
EXTERN_C NTSTATUS APIENTRY D3DKMTGetDeviceState(D3DKMT_GETDEVICESTATE *arg);
typedef NTSTATUS(APIENTRY *PFND3DKMT_GETDEVICESTATE)(D3DKMT_GETDEVICESTATE *);

/**
 * D3DKMTCreateContextVirtual - make an execution context on a device
 * @arg: hDevice, NodeOrdinal, EngineAffinity, Flags, private data (bytes) and ClientHint in,
 *       hContext out; the caller destroys it, or the device takes it along.
 *
 * STATUS_SUCCESS; STATUS_INVALID_PARAMETER: arg NULL, dead device handle, a node or engine that
 * does not exist (there is one of each), size above 0 with a NULL pointer or above 65,536 bytes;
 * STATUS_INSUFFICIENT_RESOURCES: no handle left.
 * Rules: KMT-01, KMT-72, KMT-82.
 */
EXTERN_C NTSTATUS APIENTRY D3DKMTCreateContextVirtual(D3DKMT_CREATECONTEXTVIRTUAL *arg);
typedef NTSTATUS(APIENTRY *PFND3DKMT_CREATECONTEXTVIRTUAL)(D3DKMT_CREATECONTEXTVIRTUAL *);

/**
 * D3DKMTDestroyContext - destroy a context
 * @arg: hContext.
 *
 * STATUS_SUCCESS; STATUS_INVALID_PARAMETER: arg NULL or dead context handle.
 * Rules: KMT-01, KMT-82.
 */
EXTERN_C NTSTATUS APIENTRY D3DKMTDestroyContext(CONST D3DKMT_DESTROYCONTEXT *arg);
typedef NTSTATUS(APIENTRY *PFND3DKMT_DESTROYCONTEXT)(CONST D3DKMT_DESTROYCONTEXT *);

/**
 * D3DKMTCreateSynchronizationObject2 - make a synchronization object on a device
 * @arg: hDevice and Info in; hSyncObject out, and for a monitored fence the address of a read-only
 *       view of its value, valid until the local handle is destroyed. The caller destroys it.
 *       To be shareable it needs Shared and NtSecuritySharing (KMT-42).
 *
 * STATUS_SUCCESS; STATUS_INVALID_PARAMETER: arg NULL, dead device handle, NtSecuritySharing without
 * Shared; STATUS_NOT_SUPPORTED: a type other than D3DDDI_FENCE and D3DDDI_MONITORED_FENCE;
 * STATUS_NO_MEMORY; STATUS_INSUFFICIENT_RESOURCES: no handle left. Rules: KMT-01, KMT-42, KMT-72,
 * KMT-82.
 */
EXTERN_C NTSTATUS APIENTRY D3DKMTCreateSynchronizationObject2(D3DKMT_CREATESYNCHRONIZATIONOBJECT2 *arg);
typedef NTSTATUS(APIENTRY *PFND3DKMT_CREATESYNCHRONIZATIONOBJECT2)(D3DKMT_CREATESYNCHRONIZATIONOBJECT2 *);

/**
 * D3DKMTDestroySynchronizationObject - give a synchronization object's local handle back
 * @arg: hSyncObject. A session that was made with the fence keeps the fence alive (KMT-17).
 *
 * STATUS_SUCCESS; STATUS_INVALID_PARAMETER: arg NULL or dead handle. Rules: KMT-01, KMT-17, KMT-82.
 */
EXTERN_C NTSTATUS APIENTRY D3DKMTDestroySynchronizationObject(CONST D3DKMT_DESTROYSYNCHRONIZATIONOBJECT *arg);
typedef NTSTATUS(APIENTRY *PFND3DKMT_DESTROYSYNCHRONIZATIONOBJECT)(CONST D3DKMT_DESTROYSYNCHRONIZATIONOBJECT *);

/**
 * D3DKMTOpenSyncObjectFromNtHandle2 - open a shared fence on a device of this process
 * @arg: hNtHandle (stays the caller's), hDevice and Flags in; hSyncObject and the read-only view
 *       of the value out. The caller destroys hSyncObject.
 *
 * STATUS_SUCCESS; STATUS_INVALID_PARAMETER: arg NULL or dead device handle;
 * STATUS_INVALID_HANDLE: not an open NT handle of this service (KMT-51);
 * STATUS_OBJECT_TYPE_MISMATCH: an NT handle of another kind (KMT-52); STATUS_ACCESS_DENIED: shared
 * without read access (KMT-44); STATUS_INSUFFICIENT_RESOURCES: no handle left.
 * Rules: KMT-43, KMT-44, KMT-51 to KMT-54, KMT-82.
 */
EXTERN_C NTSTATUS APIENTRY D3DKMTOpenSyncObjectFromNtHandle2(D3DKMT_OPENSYNCOBJECTFROMNTHANDLE2 *arg);
typedef NTSTATUS(APIENTRY *PFND3DKMT_OPENSYNCOBJECTFROMNTHANDLE2)(D3DKMT_OPENSYNCOBJECTFROMNTHANDLE2 *);

/**
 * D3DKMTSignalSynchronizationObjectFromCpu - set monitored fences to new values
 * @arg: hDevice, and ObjectCount handles with one value each.
 *
 * STATUS_SUCCESS; STATUS_INVALID_PARAMETER: arg NULL, dead device or fence handle, count 0 or above
 * D3DDDI_MAX_OBJECT_SIGNALED, NULL array; STATUS_ACCESS_DENIED: one of the fences belongs to a
 * protected session, none is changed then (KMT-12, KMT-21). Rules: KMT-01, KMT-12, KMT-21, KMT-82.
 */
EXTERN_C NTSTATUS APIENTRY
D3DKMTSignalSynchronizationObjectFromCpu(CONST D3DKMT_SIGNALSYNCHRONIZATIONOBJECTFROMCPU *arg);
typedef NTSTATUS(APIENTRY *PFND3DKMT_SIGNALSYNCHRONIZATIONOBJECTFROMCPU)(
	CONST D3DKMT_SIGNALSYNCHRONIZATIONOBJECTFROMCPU *);

/**
 * D3DKMTWaitForSynchronizationObjectFromCpu - block until fences reach values, or have it told later
 * @arg: hDevice, ObjectCount handles with one value each; Flags.WaitAny: one is enough, else all are
 *       needed at once. hAsyncEvent NULL: the call blocks. Else it is an eventfd's descriptor (a HANDLE
 *       is a descriptor here, as with NT handles): the call returns at once, and 1 is added to the
 *       eventfd when the condition holds, which may be before the return. One that has no room for 1
 *       more is left as it is.
 *
 * The descriptor stays the caller's, who may close it after the call: the wait keeps the eventfd open
 * by a copy. The event comes as well when the condition can't come to hold any more: one of the fence
 * handles is destroyed, the adapter is removed, the service goes away (noticed within 0.2 s), the
 * process disconnects. Who was woken reads the values, or D3DKMTGetDeviceState. A thread of this
 * library sleeps for all waits of the process, while there are any; a forked child has none of them.
 *
 * STATUS_SUCCESS: the condition holds; with hAsyncEvent: the event came or will come;
 * STATUS_INVALID_PARAMETER: arg NULL, dead device or fence handle, count 0 or above
 * D3DDDI_MAX_OBJECT_WAITED_ON, NULL array, a fence handle destroyed during the wait;
 * STATUS_DEVICE_REMOVED: the adapter or the service went away before the condition held. With
 * hAsyncEvent also: STATUS_INVALID_HANDLE: not an eventfd; STATUS_INSUFFICIENT_RESOURCES: no memory,
 * descriptor or thread; STATUS_NOT_SUPPORTED: /proc, which tells an eventfd from others, is not
 * mounted. A refused call signals no event. Waking at a session's loss: the status reads INVALID by
 * then (KMT-22, KMT-23). Rules: KMT-01, KMT-05, KMT-22, KMT-23, KMT-82, KMT-83.
 */
EXTERN_C NTSTATUS APIENTRY
D3DKMTWaitForSynchronizationObjectFromCpu(CONST D3DKMT_WAITFORSYNCHRONIZATIONOBJECTFROMCPU *arg);
typedef NTSTATUS(APIENTRY *PFND3DKMT_WAITFORSYNCHRONIZATIONOBJECTFROMCPU)(
	CONST D3DKMT_WAITFORSYNCHRONIZATIONOBJECTFROMCPU *);

/**
 * D3DKMTCreateAllocation2 - make allocations, alone or as a resource
 * @arg: hDevice, Flags, private data of resource and of each allocation in; allocation handles in
 *       pAllocationInfo2, and hResource with CreateResource, out. The caller destroys them, or the
 *       device takes them along.
 *
 * STATUS_SUCCESS; STATUS_INVALID_PARAMETER: arg NULL, dead device or resource handle, size above 0
 * with a NULL pointer, NULL array; STATUS_NO_MEMORY: memory or quota used up;
 * STATUS_INSUFFICIENT_RESOURCES: no handle left; else the kernel-mode driver's status. On failure
 * nothing is made. Rules: KMT-01, KMT-05, KMT-72.
 */
EXTERN_C NTSTATUS APIENTRY D3DKMTCreateAllocation2(D3DKMT_CREATEALLOCATION *arg);
typedef NTSTATUS(APIENTRY *PFND3DKMT_CREATEALLOCATION2)(D3DKMT_CREATEALLOCATION *);

/**
 * D3DKMTDestroyAllocation2 - destroy a resource or a list of allocations
 * @arg: hDevice, and hResource, or with hResource 0 the AllocationCount handles of the list.
 *
 * STATUS_SUCCESS; STATUS_INVALID_PARAMETER: arg NULL, a dead handle, hResource 0 with an empty or
 * NULL list; nothing is destroyed then. Rules: KMT-01, KMT-05.
 */
EXTERN_C NTSTATUS APIENTRY D3DKMTDestroyAllocation2(CONST D3DKMT_DESTROYALLOCATION2 *arg);
typedef NTSTATUS(APIENTRY *PFND3DKMT_DESTROYALLOCATION2)(CONST D3DKMT_DESTROYALLOCATION2 *);

/**
 * D3DKMTLock2 - map an allocation for the CPU
 * @arg: hDevice, hAllocation and Flags in; pData out, valid until D3DKMTUnlock2.
 *
 * STATUS_SUCCESS; STATUS_INVALID_PARAMETER: arg NULL or dead handle; STATUS_ACCESS_DENIED: memory
 * that the driver did not make CpuVisible, protected content above all; STATUS_NO_MEMORY: no room
 * to map; STATUS_INSUFFICIENT_RESOURCES: no descriptor left. Rules: KMT-01.
 */
EXTERN_C NTSTATUS APIENTRY D3DKMTLock2(D3DKMT_LOCK2 *arg);
typedef NTSTATUS(APIENTRY *PFND3DKMT_LOCK2)(D3DKMT_LOCK2 *);

/**
 * D3DKMTUnlock2 - end a D3DKMTLock2
 * @arg: hDevice and hAllocation.
 *
 * STATUS_SUCCESS; STATUS_INVALID_PARAMETER: arg NULL, dead handle, or not locked. Rules: KMT-01.
 */
EXTERN_C NTSTATUS APIENTRY D3DKMTUnlock2(CONST D3DKMT_UNLOCK2 *arg);
typedef NTSTATUS(APIENTRY *PFND3DKMT_UNLOCK2)(CONST D3DKMT_UNLOCK2 *);

/**
 * D3DKMTQueryResourceInfoFromNtHandle - the sizes an open of a shared resource will need
 * @arg: hDevice and hNtHandle in (the latter stays the caller's); pPrivateRuntimeData is a buffer
 *       of PrivateRuntimeDataSize bytes or NULL; sizes in bytes and NumAllocations out.
 *
 * STATUS_SUCCESS; STATUS_INVALID_PARAMETER: arg NULL or dead device handle; STATUS_INVALID_HANDLE,
 * STATUS_OBJECT_TYPE_MISMATCH and STATUS_ACCESS_DENIED as D3DKMTOpenProtectedSessionFromNtHandle;
 * STATUS_BUFFER_TOO_SMALL: runtime buffer too small. Rules: KMT-01, KMT-51 to KMT-53.
 */
EXTERN_C NTSTATUS APIENTRY D3DKMTQueryResourceInfoFromNtHandle(D3DKMT_QUERYRESOURCEINFOFROMNTHANDLE *arg);
typedef NTSTATUS(APIENTRY *PFND3DKMT_QUERYRESOURCEINFOFROMNTHANDLE)(D3DKMT_QUERYRESOURCEINFOFROMNTHANDLE *);

/**
 * D3DKMTOpenResourceFromNtHandle - open a shared resource on a device of this process
 * @arg: hDevice, hNtHandle (stays the caller's) and the caller's buffers in; hResource, one entry
 *       for each allocation and the private data out. pPrivateDriverData of an entry points into
 *       pTotalPrivateDriverDataBuffer. The caller destroys hResource.
 *
 * STATUS_SUCCESS; STATUS_INVALID_PARAMETER: arg NULL, dead device handle, NumAllocations not the
 * true number; the NT-handle statuses as above; STATUS_BUFFER_TOO_SMALL: a buffer is too small;
 * STATUS_INSUFFICIENT_RESOURCES: no handle left. Rules: KMT-01, KMT-51 to KMT-54, KMT-72.
 */
EXTERN_C NTSTATUS APIENTRY D3DKMTOpenResourceFromNtHandle(D3DKMT_OPENRESOURCEFROMNTHANDLE *arg);
typedef NTSTATUS(APIENTRY *PFND3DKMT_OPENRESOURCEFROMNTHANDLE)(D3DKMT_OPENRESOURCEFROMNTHANDLE *);

/**
 * D3DKMTShareObjects - make an NT handle for objects of this process
 * @count: 1 to D3DKMT_MAX_OBJECTS_PER_HANDLE; 1 for a session
 * @objects: that many local handles
 * @attributes: NULL, or OBJ_INHERIT in Attributes to let children across exec have the handle
 * @access: what openers may do: needs STANDARD_RIGHTS_READ, GENERIC_READ or GENERIC_ALL
 * @nt_handle: out: on Linux a file descriptor above 2, close-on-exec, which the caller closes
 *
 * STATUS_SUCCESS, also for access without read rights: such a handle opens nothing (KMT-44);
 * STATUS_INVALID_PARAMETER: count 0 or above 3, a NULL list or out pointer, a dead handle, a
 * session together with anything else (KMT-41), a sync object made without Shared and
 * NtSecuritySharing (KMT-42); STATUS_INSUFFICIENT_RESOURCES: no descriptor left.
 * Rules: KMT-40 to KMT-46.
 */
EXTERN_C NTSTATUS APIENTRY D3DKMTShareObjects(UINT count, CONST D3DKMT_HANDLE *objects, POBJECT_ATTRIBUTES attributes,
					      DWORD access, HANDLE *nt_handle);
typedef NTSTATUS(APIENTRY *PFND3DKMT_SHAREOBJECTS)(UINT, CONST D3DKMT_HANDLE *, POBJECT_ATTRIBUTES, DWORD, HANDLE *);

/**
 * D3DKMTEscape - pass private data to the kernel-mode driver and back
 * @arg: hAdapter, optional hDevice and hContext, Type; pPrivateDriverData is the caller's buffer of
 *       PrivateDriverDataSize bytes, read and written in place. Only D3DKMT_ESCAPE_DRIVERPRIVATE
 *       reaches the driver.
 *
 * STATUS_SUCCESS; STATUS_INVALID_PARAMETER: arg NULL, dead handle, size above 0 with NULL pointer;
 * STATUS_NOT_SUPPORTED: another type; else the driver's status. Rules: KMT-01, KMT-81, KMT-82.
 */
EXTERN_C NTSTATUS APIENTRY D3DKMTEscape(CONST D3DKMT_ESCAPE *arg);
typedef NTSTATUS(APIENTRY *PFND3DKMT_ESCAPE)(CONST D3DKMT_ESCAPE *);

/**
 * D3DKMTPresent - show an allocation
 * @arg: hContext, hSource and both rectangles (pixels) with their flags; a whole surface goes to
 *       the screen: no hDestination, sub-rectangles or broadcast.
 *
 * STATUS_SUCCESS; STATUS_INVALID_PARAMETER: arg NULL, dead context or allocation handle, or any
 * argument beyond the above; STATUS_GRAPHICS_ALLOCATION_CONTENT_LOST: its content was lost with a
 * key and it was not written since; STATUS_NOT_SUPPORTED: an implementation without presentation
 * (KMT-81); else the kernel-mode driver's status. Rules: KMT-01, KMT-81.
 */
EXTERN_C NTSTATUS APIENTRY D3DKMTPresent(D3DKMT_PRESENT *arg);
typedef NTSTATUS(APIENTRY *PFND3DKMT_PRESENT)(D3DKMT_PRESENT *);

/**
 * D3DKMTCreateProtectedSession - make a protected session on a device
 * @arg: hDevice; hSyncObject, a monitored fence of that device, whose value then counts the
 *       session's losses and which no client can signal any more (KMT-12, KMT-21); two blobs of up
 *       to 65,536 bytes each, copied; hHandle out, which the caller destroys. Every session can be
 *       shared (KMT-15). A new session's status is OK (KMT-16).
 *
 * STATUS_SUCCESS; STATUS_INVALID_PARAMETER: arg NULL or all zero, dead device handle (KMT-11), a
 * fence that is 0, dead, of another device or no monitored fence (KMT-12), size above 0 with a NULL
 * pointer (KMT-06), a blob above the limit (KMT-07); STATUS_INSUFFICIENT_RESOURCES: no handle left
 * (KMT-72); else the kernel-mode driver's status unchanged, with nothing made (KMT-14).
 * Rules: KMT-01, KMT-02, KMT-04 to KMT-17.
 */
EXTERN_C NTSTATUS APIENTRY D3DKMTCreateProtectedSession(D3DKMT_CREATEPROTECTEDSESSION *arg);
typedef NTSTATUS(APIENTRY *PFND3DKMT_CREATEPROTECTEDSESSION)(D3DKMT_CREATEPROTECTEDSESSION *);

/**
 * D3DKMTDestroyProtectedSession - give a local session handle back
 * @arg: hHandle. The session dies with its last reference, local or NT handle, of any process.
 *
 * STATUS_SUCCESS; STATUS_INVALID_PARAMETER: arg NULL or all zero, dead or foreign handle, a second
 * destroy. Rules: KMT-01, KMT-02, KMT-30 to KMT-35.
 */
EXTERN_C NTSTATUS APIENTRY D3DKMTDestroyProtectedSession(D3DKMT_DESTROYPROTECTEDSESSION *arg);
typedef NTSTATUS(APIENTRY *PFND3DKMT_DESTROYPROTECTEDSESSION)(D3DKMT_DESTROYPROTECTEDSESSION *);

/**
 * D3DKMTQueryProtectedSessionStatus - whether a session's content is still there
 * @arg: hHandle in, Status out.
 *
 * STATUS_SUCCESS; STATUS_INVALID_PARAMETER: arg NULL or all zero, dead or foreign handle or one of
 * another kind (KMT-26). Rules: KMT-01, KMT-02, KMT-16, KMT-20, KMT-22, KMT-26.
 */
EXTERN_C NTSTATUS APIENTRY D3DKMTQueryProtectedSessionStatus(D3DKMT_QUERYPROTECTEDSESSIONSTATUS *arg);
typedef NTSTATUS(APIENTRY *PFND3DKMT_QUERYPROTECTEDSESSIONSTATUS)(D3DKMT_QUERYPROTECTEDSESSIONSTATUS *);

/**
 * D3DKMTQueryProtectedSessionInfoFromNtHandle - sizes and private data of a shared session
 * @arg: hNtHandle in (stays the caller's). For each blob: pointer NULL asks for the size only,
 *       whatever the size member holds (KMT-60); else the size member is the room in bytes. On
 *       success both size members hold the true sizes and blobs with a pointer were copied; bytes
 *       past the true size stay as they were (KMT-61).
 *
 * STATUS_SUCCESS; STATUS_BUFFER_TOO_SMALL: a buffer is too small; both true sizes are set and
 * neither buffer is touched (KMT-62); STATUS_INVALID_PARAMETER: arg NULL; STATUS_INVALID_HANDLE:
 * arg all zero, or not an open NT handle of this service (KMT-03, KMT-51);
 * STATUS_OBJECT_TYPE_MISMATCH: NT handle of another kind (KMT-52); STATUS_ACCESS_DENIED: shared
 * without read access (KMT-44). Rules: KMT-01, KMT-03, KMT-44, KMT-51, KMT-52, KMT-60 to KMT-63.
 */
EXTERN_C NTSTATUS APIENTRY
D3DKMTQueryProtectedSessionInfoFromNtHandle(D3DKMT_QUERYPROTECTEDSESSIONINFOFROMNTHANDLE *arg);
typedef NTSTATUS(APIENTRY *PFND3DKMT_QUERYPROTECTEDSESSIONINFOFROMNTHANDLE)(
	D3DKMT_QUERYPROTECTEDSESSIONINFOFROMNTHANDLE *);

/**
 * D3DKMTOpenProtectedSessionFromNtHandle - a local handle to a shared session
 * @arg: hNtHandle in, neither closed nor changed (KMT-53); hHandle out: same status, same fence,
 *       same data (KMT-50), destroyed on its own (KMT-54). An INVALID session opens too (KMT-55).
 *
 * STATUS_SUCCESS; STATUS_INVALID_PARAMETER: arg NULL; STATUS_INVALID_HANDLE: arg all zero, closed,
 * or a descriptor this service never issued (KMT-03, KMT-51, KMT-56); STATUS_OBJECT_TYPE_MISMATCH:
 * NT handle of another kind (KMT-52); STATUS_ACCESS_DENIED: shared without read access (KMT-44);
 * STATUS_INSUFFICIENT_RESOURCES: no handle left (KMT-72). Rules: KMT-01, KMT-03, KMT-44,
 * KMT-50 to KMT-57.
 */
EXTERN_C NTSTATUS APIENTRY D3DKMTOpenProtectedSessionFromNtHandle(D3DKMT_OPENPROTECTEDSESSIONFROMNTHANDLE *arg);
typedef NTSTATUS(APIENTRY *PFND3DKMT_OPENPROTECTEDSESSIONFROMNTHANDLE)(D3DKMT_OPENPROTECTEDSESSIONFROMNTHANDLE *);

#ifdef __cplusplus
}
#endif

#endif /* DXVAULT_D3DKMTHK_H */
