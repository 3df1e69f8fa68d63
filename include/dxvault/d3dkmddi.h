/* The kernel-mode driver interface, as far as the graphics kernel side here calls its driver. */
/* SPDX-License-Identifier: MIT */
#ifndef DXVAULT_D3DKMDDI_H
#define DXVAULT_D3DKMDDI_H

#include "windef.h"
#include "d3dukmdt.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * hAdapter is what the driver gave when it was added, hDevice what it gave in CreateDevice. Every
 * function returns an NTSTATUS; a failing one leaves nothing behind. As published, DXGKDDI_* names
 * are function types and DXGKCB_* names (calls back into the graphics kernel) are pointer types.
 */

/* ---- adapter information ---- */

typedef enum _DXGK_QUERYADAPTERINFOTYPE {
	DXGKQAITYPE_UMDRIVERPRIVATE = 0, /* between the two drivers */
	DXGKQAITYPE_DRIVERCAPS = 1,
	DXGKQAITYPE_QUERYSEGMENT = 2,
	DXGKQAITYPE_ALLOCATIONGROUP = 3,
	DXGKQAITYPE_QUERYSEGMENT2 = 4,
	DXGKQAITYPE_QUERYSEGMENT3 = 5,
	DXGKQAITYPE_NUMPOWERCOMPONENTS = 6,
	DXGKQAITYPE_POWERCOMPONENTINFO = 7,
	DXGKQAITYPE_PREFERREDGPUNODE = 8,
	DXGKQAITYPE_POWERCOMPONENTPSTATEINFO = 9,
	DXGKQAITYPE_HISTORYBUFFERPRECISION = 10,
	DXGKQAITYPE_QUERYSEGMENT4 = 11,
	DXGKQAITYPE_SEGMENTMEMORYSTATE = 12,
	DXGKQAITYPE_GPUMMUCAPS = 13,
	DXGKQAITYPE_PAGETABLELEVELDESC = 14,
	DXGKQAITYPE_PHYSICALADAPTERCAPS = 15,
	DXGKQAITYPE_DISPLAY_DRIVERCAPS_EXTENSION = 16
} DXGK_QUERYADAPTERINFOTYPE;

/* Of later versions; zero here. */
typedef struct _DXGK_QUERYADAPTERINFOFLAGS {
	DXVAULT_ANON union {
		DXVAULT_ANON struct {
			UINT VirtualMachineData : 1;
			UINT SecureVirtualMachine : 1;
			UINT Reserved : 30;
		};
		UINT Value;
	};
} DXGK_QUERYADAPTERINFOFLAGS;

typedef struct _DXGKARG_QUERYADAPTERINFO {
	DXGK_QUERYADAPTERINFOTYPE Type;	  /* in */
	VOID *pInputData;		  /* in */
	UINT InputDataSize;		  /* in: bytes */
	VOID *pOutputData;		  /* out */
	UINT OutputDataSize;		  /* in: bytes */
	DXGK_QUERYADAPTERINFOFLAGS Flags; /* in */
	HANDLE hKmdProcessHandle;	  /* in: NULL here */
} DXGKARG_QUERYADAPTERINFO;

/**
 * DXGKDDI_QUERYADAPTERINFO - fill pOutputData for Type
 *
 * STATUS_SUCCESS; STATUS_INVALID_PARAMETER: sizes or input wrong; STATUS_NOT_SUPPORTED: Type not
 * answered; STATUS_NO_MEMORY.
 */
typedef NTSTATUS(APIENTRY DXGKDDI_QUERYADAPTERINFO)(CONST HANDLE hAdapter, CONST DXGKARG_QUERYADAPTERINFO *arg);
typedef DXGKDDI_QUERYADAPTERINFO *PDXGKDDI_QUERYADAPTERINFO;

/* ---- devices ---- */

typedef struct _DXGK_CREATEDEVICEFLAGS {
	DXVAULT_ANON union {
		DXVAULT_ANON struct {
			UINT SystemDevice : 1;
			UINT GdiDevice : 1;
			UINT Reserved : 29;
			UINT DXGK_DEVICE_RESERVED0 : 1;
		};
		UINT Value;
	};
} DXGK_CREATEDEVICEFLAGS;

typedef struct _DXGK_DEVICEINFO DXGK_DEVICEINFO; /* not used here */

typedef struct _DXGKARG_CREATEDEVICE {
	HANDLE hDevice; /* in: graphics kernel's, out: driver's */
	DXVAULT_ANON union {
		DXGK_CREATEDEVICEFLAGS Flags; /* in */
		DXGK_DEVICEINFO *pInfo;	      /* out: older drivers */
	};
	ULONG Pasid;	    /* in: 0 here */
	HANDLE hKmdProcess; /* in: the same for all devices of a process, and no other's while it has any */
} DXGKARG_CREATEDEVICE;

/** DXGKDDI_CREATEDEVICE - STATUS_SUCCESS; STATUS_NO_MEMORY. */
typedef NTSTATUS(APIENTRY DXGKDDI_CREATEDEVICE)(CONST HANDLE hAdapter, DXGKARG_CREATEDEVICE *arg);
typedef DXGKDDI_CREATEDEVICE *PDXGKDDI_CREATEDEVICE;

/** DXGKDDI_DESTROYDEVICE - release what CreateDevice made; does not fail here. */
typedef NTSTATUS(APIENTRY DXGKDDI_DESTROYDEVICE)(CONST HANDLE hDevice);
typedef DXGKDDI_DESTROYDEVICE *PDXGKDDI_DESTROYDEVICE;

/* ---- allocations ---- */

typedef struct _DXGK_ALLOCATIONINFOFLAGS {
	DXVAULT_ANON union {
		DXVAULT_ANON struct {
			UINT CpuVisible : 1; /* Lock2 may map it */
			UINT PermanentSysMem : 1;
			UINT Cached : 1;
			UINT Protected : 1; /* backing store not in the client */
			UINT ExistingSysMem : 1;
			UINT ExistingKernelSysMem : 1;
			UINT FromEndOfSegment : 1;
			UINT Swizzled : 1;
			UINT Overlay : 1;
			UINT Capture : 1;
			UINT UseAlternateVA : 1;
			UINT SynchronousPaging : 1;
			UINT LinkMirrored : 1;
			UINT LinkInstanced : 1;
			UINT HistoryBuffer : 1;
			UINT AccessedPhysically : 1;
			UINT ExplicitResidencyNotification : 1;
			UINT Reserved : 15;
		};
		UINT Value;
	};
} DXGK_ALLOCATIONINFOFLAGS;

/* The same bits as drivers of WDDM 2.0 and later name them. */
typedef struct _DXGK_ALLOCATIONINFOFLAGS_WDDM2_0 {
	DXVAULT_ANON union {
		DXVAULT_ANON struct {
			UINT CpuVisible : 1;
			UINT PermanentSysMem : 1;
			UINT Cached : 1;
			UINT Protected : 1;
			UINT ExistingSysMem : 1;
			UINT ExistingKernelSysMem : 1;
			UINT FromEndOfSegment : 1;
			UINT DisableLargePageMapping : 1;
			UINT Overlay : 1;
			UINT Capture : 1;
			UINT CreateInVpr : 1;
			UINT DXGK_ALLOC_RESERVED17 : 1;
			UINT Reserved02 : 1;
			UINT MapApertureCpuVisible : 1;
			UINT HistoryBuffer : 1;
			UINT AccessedPhysically : 1;
			UINT ExplicitResidencyNotification : 1;
			UINT HardwareProtected : 1; /* content of hardware DRM */
			UINT CpuVisibleOnDemand : 1;
			UINT Reserved : 13;
		};
		UINT Value;
	};
} DXGK_ALLOCATIONINFOFLAGS_WDDM2_0;

typedef struct _DXGK_SEGMENTBANKPREFERENCE {
	DXVAULT_ANON union {
		DXVAULT_ANON struct {
			UINT Bank0 : 7;
			UINT Direction0 : 1;
			UINT Bank1 : 7;
			UINT Direction1 : 1;
			UINT Bank2 : 7;
			UINT Direction2 : 1;
			UINT Bank3 : 7;
			UINT Direction3 : 1;
		};
		UINT Value;
	};
} DXGK_SEGMENTBANKPREFERENCE;

typedef D3DDDI_SEGMENTPREFERENCE DXGK_SEGMENTPREFERENCE;

typedef struct _DXGK_ALLOCATIONUSAGEHINT DXGK_ALLOCATIONUSAGEHINT; /* not used here */

typedef struct _DXGK_ALLOCATIONINFO {
	VOID *pPrivateDriverData;		 /* in/out: from the user-mode driver */
	UINT PrivateDriverDataSize;		 /* in: bytes */
	UINT Alignment;				 /* out: bytes */
	SIZE_T Size;				 /* out: bytes */
	SIZE_T PitchAlignedSize;		 /* out: bytes */
	DXGK_SEGMENTBANKPREFERENCE HintedBank;	 /* out */
	DXGK_SEGMENTPREFERENCE PreferredSegment; /* out */
	UINT SupportedReadSegmentSet;		 /* out */
	UINT SupportedWriteSegmentSet;		 /* out */
	UINT EvictionSegmentSet;		 /* out */
	DXVAULT_ANON union {
		UINT MaximumRenamingListLength; /* out */
		UINT PhysicalAdapterIndex;	/* out */
	};
	HANDLE hAllocation; /* out: driver's handle */
	DXVAULT_ANON union {
		DXGK_ALLOCATIONINFOFLAGS Flags;		     /* out */
		DXGK_ALLOCATIONINFOFLAGS_WDDM2_0 FlagsWddm2; /* out */
	};
	DXGK_ALLOCATIONUSAGEHINT *pAllocationUsageHint; /* out: or NULL */
	UINT AllocationPriority;			/* out: D3DDDI_ALLOCATIONPRIORITY_* */
} DXGK_ALLOCATIONINFO;

typedef struct _DXGK_CREATEALLOCATIONFLAGS {
	DXVAULT_ANON union {
		DXVAULT_ANON struct {
			UINT Resource : 1; /* the allocations form a resource */
			UINT Reserved : 31;
		};
		UINT Value;
	};
} DXGK_CREATEALLOCATIONFLAGS;

typedef struct _DXGKARG_CREATEALLOCATION {
	CONST VOID *pPrivateDriverData;	      /* in: per resource */
	UINT PrivateDriverDataSize;	      /* in: bytes */
	UINT NumAllocations;		      /* in */
	DXGK_ALLOCATIONINFO *pAllocationInfo; /* in/out */
	HANDLE hResource;		      /* in/out: driver's handle of the resource */
	DXGK_CREATEALLOCATIONFLAGS Flags;     /* in */
} DXGKARG_CREATEALLOCATION;

/** DXGKDDI_CREATEALLOCATION - STATUS_SUCCESS; STATUS_INVALID_PARAMETER: bad private data;
 *  STATUS_NO_MEMORY. */
typedef NTSTATUS(APIENTRY DXGKDDI_CREATEALLOCATION)(CONST HANDLE hAdapter, DXGKARG_CREATEALLOCATION *arg);
typedef DXGKDDI_CREATEALLOCATION *PDXGKDDI_CREATEALLOCATION;

typedef struct _DXGK_DESTROYALLOCATIONFLAGS {
	DXVAULT_ANON union {
		DXVAULT_ANON struct {
			UINT DestroyResource : 1;
			UINT Reserved : 31;
		};
		UINT Value;
	};
} DXGK_DESTROYALLOCATIONFLAGS;

typedef struct _DXGKARG_DESTROYALLOCATION {
	UINT NumAllocations;		   /* in */
	CONST HANDLE *pAllocationList;	   /* in: driver's handles */
	HANDLE hResource;		   /* in: driver's handle, or NULL */
	DXGK_DESTROYALLOCATIONFLAGS Flags; /* in */
} DXGKARG_DESTROYALLOCATION;

/** DXGKDDI_DESTROYALLOCATION - release what CreateAllocation made; does not fail here. */
typedef NTSTATUS(APIENTRY DXGKDDI_DESTROYALLOCATION)(CONST HANDLE hAdapter, CONST DXGKARG_DESTROYALLOCATION *arg);
typedef DXGKDDI_DESTROYALLOCATION *PDXGKDDI_DESTROYALLOCATION;

typedef struct _DXGK_OPENALLOCATIONINFO {
	D3DKMT_HANDLE hAllocation;	  /* in: for DXGKCB_GETHANDLEDATA */
	VOID *pPrivateDriverData;	  /* in/out */
	UINT PrivateDriverDataSize;	  /* in: bytes */
	HANDLE hDeviceSpecificAllocation; /* out: driver's handle for this device */
} DXGK_OPENALLOCATIONINFO;

typedef struct _DXGK_OPENALLOCATIONFLAGS {
	DXVAULT_ANON union {
		DXVAULT_ANON struct {
			UINT Create : 1; /* right after CreateAllocation */
			UINT ReadOnly : 1;
			UINT Reserved : 30;
		};
		UINT Value;
	};
} DXGK_OPENALLOCATIONFLAGS;

typedef struct _DXGKARG_OPENALLOCATION {
	UINT NumAllocations;			  /* in */
	DXGK_OPENALLOCATIONINFO *pOpenAllocation; /* in/out */
	VOID *pPrivateDriverData;		  /* in: per resource */
	UINT PrivateDriverSize;			  /* in: bytes */
	DXGK_OPENALLOCATIONFLAGS Flags;		  /* in */
	UINT SubresourceIndex;			  /* in */
	SIZE_T SubresourceOffset;		  /* out: bytes */
	UINT Pitch;				  /* out: bytes */
} DXGKARG_OPENALLOCATION;

/** DXGKDDI_OPENALLOCATION - STATUS_SUCCESS; STATUS_INVALID_PARAMETER; STATUS_NO_MEMORY. (Its page
 *  carries the name DXGKDDI_OPENALLOCATIONINFO, so both exist.) */
typedef NTSTATUS(APIENTRY DXGKDDI_OPENALLOCATIONINFO)(CONST HANDLE hDevice, CONST DXGKARG_OPENALLOCATION *arg);
typedef DXGKDDI_OPENALLOCATIONINFO *PDXGKDDI_OPENALLOCATIONINFO;
typedef DXGKDDI_OPENALLOCATIONINFO DXGKDDI_OPENALLOCATION;
typedef DXGKDDI_OPENALLOCATION *PDXGKDDI_OPENALLOCATION;

typedef struct _DXGKARG_CLOSEALLOCATION {
	UINT NumAllocations;	       /* in */
	CONST HANDLE *pOpenHandleList; /* in: hDeviceSpecificAllocation values */
} DXGKARG_CLOSEALLOCATION;

/** DXGKDDI_CLOSEALLOCATION - undo OpenAllocation; does not fail here. */
typedef NTSTATUS(APIENTRY DXGKDDI_CLOSEALLOCATION)(CONST HANDLE hDevice, CONST DXGKARG_CLOSEALLOCATION *arg);
typedef DXGKDDI_CLOSEALLOCATION *PDXGKDDI_CLOSEALLOCATION;

typedef struct _DXGK_DESCRIBEALLOCATIONFLAGS {
	DXVAULT_ANON union {
		DXVAULT_ANON struct {
			UINT CheckDisplayMode : 1;
			UINT Reserved : 31;
		};
		UINT Value;
	};
} DXGK_DESCRIBEALLOCATIONFLAGS;

typedef struct _DXGKARG_DESCRIBEALLOCATION {
	HANDLE hAllocation;			      /* in: driver's handle */
	UINT Width;				      /* out: pixels */
	UINT Height;				      /* out: rows */
	D3DDDIFORMAT Format;			      /* out */
	D3DDDI_MULTISAMPLINGMETHOD MultisampleMethod; /* out */
	D3DDDI_RATIONAL RefreshRate;		      /* out */
	UINT PrivateDriverFormatAttribute;	      /* out */
	DXGK_DESCRIBEALLOCATIONFLAGS Flags;	      /* out */
	D3DDDI_ROTATION Rotation;		      /* out */
} DXGKARG_DESCRIBEALLOCATION;

/** DXGKDDI_DESCRIBEALLOCATION - STATUS_SUCCESS; STATUS_INVALID_PARAMETER: no such allocation. */
typedef NTSTATUS(APIENTRY DXGKDDI_DESCRIBEALLOCATION)(CONST HANDLE hAdapter, DXGKARG_DESCRIBEALLOCATION *arg);
typedef DXGKDDI_DESCRIBEALLOCATION *PDXGKDDI_DESCRIBEALLOCATION;

typedef enum _DXGK_HANDLE_TYPE { DXGK_HANDLE_ALLOCATION = 1, DXGK_HANDLE_RESOURCE = 2 } DXGK_HANDLE_TYPE;

typedef struct _DXGKCB_GETHANDLEDATAFLAGS {
	DXVAULT_ANON union {
		DXVAULT_ANON struct {
			UINT DeviceSpecific : 1; /* what OpenAllocation gave */
			UINT Reserved : 31;
		};
		UINT Value;
	};
} DXGKCB_GETHANDLEDATAFLAGS;

typedef struct _DXGKARGCB_GETHANDLEDATA {
	D3DKMT_HANDLE hObject;		 /* in */
	DXGK_HANDLE_TYPE Type;		 /* in */
	DXGKCB_GETHANDLEDATAFLAGS Flags; /* in */
} DXGKARGCB_GETHANDLEDATA;

/** DXGKCB_GETHANDLEDATA - the driver's own handle behind a client's; NULL if there is none. */
typedef VOID *(APIENTRY *DXGKCB_GETHANDLEDATA)(CONST DXGKARGCB_GETHANDLEDATA *arg);

/* ---- escape ---- */

typedef struct _DXGKARG_ESCAPE {
	HANDLE hDevice;		    /* in: or NULL */
	D3DDDI_ESCAPEFLAGS Flags;   /* in */
	VOID *pPrivateDriverData;   /* in/out */
	UINT PrivateDriverDataSize; /* in: bytes */
	HANDLE hContext;	    /* in: or NULL */
	HANDLE hKmdProcessHandle;   /* in: NULL here; of later versions */
} DXGKARG_ESCAPE;

/** DXGKDDI_ESCAPE - exchange private data with the user-mode driver: STATUS_SUCCESS;
 *  STATUS_INVALID_PARAMETER; STATUS_NO_MEMORY. */
typedef NTSTATUS(APIENTRY DXGKDDI_ESCAPE)(CONST HANDLE hAdapter, CONST DXGKARG_ESCAPE *arg);
typedef DXGKDDI_ESCAPE *PDXGKDDI_ESCAPE;

/* ---- protected sessions ---- */

typedef struct _DXGKARG_CREATEPROTECTEDSESSION {
	HANDLE hProtectedSession;   /* in: graphics kernel's, for the callback, out: driver's */
	PVOID pPrivateDriverData;   /* in: the creator's bytes, kernel-side copy */
	UINT PrivateDriverDataSize; /* in: bytes */
} DXGKARG_CREATEPROTECTEDSESSION;

/**
 * DXGKDDI_CREATEPROTECTEDSESSION - called once for each session (KMT-13)
 *
 * STATUS_SUCCESS, with the driver's handle in hProtectedSession; any failure comes back to the
 * client unchanged and nothing is made (KMT-14).
 */
typedef NTSTATUS(APIENTRY DXGKDDI_CREATEPROTECTEDSESSION)(CONST HANDLE hAdapter, DXGKARG_CREATEPROTECTEDSESSION *arg);
typedef DXGKDDI_CREATEPROTECTEDSESSION *PDXGKDDI_CREATEPROTECTEDSESSION;

/**
 * DXGKDDI_DESTROYPROTECTEDSESSION - called once, at the session's last reference (KMT-30)
 * @hProtectedSession: the driver's handle. The driver reports no status for it during the call or
 *                     after it (KMT-25).
 */
typedef NTSTATUS(APIENTRY DXGKDDI_DESTROYPROTECTEDSESSION)(CONST HANDLE hAdapter, HANDLE hProtectedSession);
typedef DXGKDDI_DESTROYPROTECTEDSESSION *PDXGKDDI_DESTROYPROTECTEDSESSION;

typedef enum _DXGK_PROTECTED_SESSION_STATUS {
	DXGK_PROTECTED_SESSION_STATUS_OK = 0,
	DXGK_PROTECTED_SESSION_STATUS_INVALID = 1
} DXGK_PROTECTED_SESSION_STATUS;

typedef struct _DXGKARGCB_PROTECTEDSESSIONSTATUS {
	HANDLE hProtectedSession;	      /* in: graphics kernel's handle */
	DXGK_PROTECTED_SESSION_STATUS Status; /* in */
} DXGKARGCB_PROTECTEDSESSIONSTATUS;

/**
 * DXGKCB_SETPROTECTEDSESSIONSTATUS - the driver tells that content was lost, or is good again
 *
 * STATUS_SUCCESS; STATUS_INVALID_PARAMETER: no such session or status (KMT-20 to KMT-25).
 */
typedef NTSTATUS(APIENTRY *DXGKCB_SETPROTECTEDSESSIONSTATUS)(CONST DXGKARGCB_PROTECTEDSESSIONSTATUS *arg);

typedef enum _DXGK_HARDWARE_CONTENT_PROTECTION_TEARDOWN_FLAGS {
	DXGK_HARDWARE_CONTENT_PROTECTION_TEARDOWN_FLAG_PREEMPTIVE = 1
} DXGK_HARDWARE_CONTENT_PROTECTION_TEARDOWN_FLAGS;

/** DXGKCB_HARDWARECONTENTPROTECTIONTEARDOWN - called before and after a teardown event (KMT-24). */
typedef VOID(APIENTRY *DXGKCB_HARDWARECONTENTPROTECTIONTEARDOWN)(CONST HANDLE hAdapter, UINT Flags);

#ifdef __cplusplus
}
#endif

#endif /* DXVAULT_D3DKMDDI_H */
