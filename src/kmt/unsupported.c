/* SPDX-License-Identifier: MIT */
/* What libdxg exports and this library does not do (KMT-80, KMT-81): the names are there, and touch nothing. */
#include <dxvault/d3dkmthk.h>

/*
 * The argument's type does not matter to the ABI, which has one pointer in one register, and nothing here looks behind
 * it. The public headers declare none of these: a program that has libdxg's headers has its declarations.
 */
#define UNSUPPORTED(Name)                                \
	NTSTATUS APIENTRY D3DKMT##Name(const void *arg); \
	NTSTATUS APIENTRY D3DKMT##Name(const void *arg)  \
	{                                                \
		return STATUS_NOT_SUPPORTED;             \
	}

/* Functions that libdxg's headers do not declare, which leaves them with the C++ names of its source. */
#define UNSUPPORTED_CXX(Name, symbol)                                          \
	UNSUPPORTED(Name)                                                      \
	NTSTATUS APIENTRY dxvault_cxx_##Name(const void *arg) __asm__(symbol); \
	NTSTATUS APIENTRY dxvault_cxx_##Name(const void *arg)                  \
	{                                                                      \
		return STATUS_NOT_SUPPORTED;                                   \
	}

UNSUPPORTED(AcquireKeyedMutex2)
UNSUPPORTED(ChangeVideoMemoryReservation)
UNSUPPORTED(CreateContext)
UNSUPPORTED(CreateHwContext)
UNSUPPORTED(CreateHwQueue)
UNSUPPORTED(CreateKeyedMutex2)
UNSUPPORTED(CreatePagingQueue)
UNSUPPORTED(CreateSyncFile)
UNSUPPORTED(CreateSynchronizationObject)
UNSUPPORTED(DestroyAllocation)
UNSUPPORTED(DestroyHwContext)
UNSUPPORTED(DestroyHwQueue)
UNSUPPORTED(DestroyKeyedMutex)
UNSUPPORTED(DestroyPagingQueue)
UNSUPPORTED(Evict)
UNSUPPORTED(FlushHeapTransitions)
UNSUPPORTED(FreeGpuVirtualAddress)
UNSUPPORTED(GetAllocationPriority)
UNSUPPORTED(GetContextInProcessSchedulingPriority)
UNSUPPORTED(GetContextSchedulingPriority)
UNSUPPORTED(GetMultisampleMethodList)
UNSUPPORTED(GetSharedResourceAdapterLuid)
UNSUPPORTED(InvalidateCache)
UNSUPPORTED(Lock)
UNSUPPORTED(MakeResident)
UNSUPPORTED(MapGpuVirtualAddress)
UNSUPPORTED(MarkDeviceAsError)
UNSUPPORTED(OfferAllocations)
UNSUPPORTED(OpenKeyedMutex2)
UNSUPPORTED(OpenNtHandleFromName)
UNSUPPORTED(OpenResource)
UNSUPPORTED(OpenSyncObjectNtHandleFromName)
UNSUPPORTED(OpenSynchronizationObject)
UNSUPPORTED(QueryAllocationResidency)
UNSUPPORTED(QueryClockCalibration)
UNSUPPORTED(QueryResourceInfo)
UNSUPPORTED(QueryStatistics)
UNSUPPORTED(QueryVideoMemoryInfo)
UNSUPPORTED(ReclaimAllocations2)
UNSUPPORTED(ReleaseKeyedMutex2)
UNSUPPORTED(Render)
UNSUPPORTED(ReserveGpuVirtualAddress)
UNSUPPORTED(SetAllocationPriority)
UNSUPPORTED(SetContextInProcessSchedulingPriority)
UNSUPPORTED(SetContextSchedulingPriority)
UNSUPPORTED(SetDisplayPrivateDriverFormat)
UNSUPPORTED(SetQueuedLimit)
UNSUPPORTED(ShareObjectWithHost)
UNSUPPORTED(SignalSynchronizationObject)
UNSUPPORTED(SignalSynchronizationObject2)
UNSUPPORTED(SignalSynchronizationObjectFromGpu)
UNSUPPORTED(SignalSynchronizationObjectFromGpu2)
UNSUPPORTED(SubmitCommand)
UNSUPPORTED(SubmitCommandToHwQueue)
UNSUPPORTED(SubmitPresentToHwQueue)
UNSUPPORTED(SubmitSignalSyncObjectsToHwQueue)
UNSUPPORTED(SubmitWaitForSyncObjectsToHwQueue)
UNSUPPORTED(Unlock)
UNSUPPORTED(UpdateAllocationProperty)
UNSUPPORTED(UpdateGpuVirtualAddress)
UNSUPPORTED(WaitForSynchronizationObject)
UNSUPPORTED(WaitForSynchronizationObject2)
UNSUPPORTED(WaitForSynchronizationObjectFromGpu)

UNSUPPORTED_CXX(PinResources, "_Z18D3DKMTPinResourcesP20_D3DKMT_PINRESOURCES")
UNSUPPORTED_CXX(UnpinResources, "_Z20D3DKMTUnpinResourcesPK22_D3DKMT_UNPINRESOURCES")
UNSUPPORTED_CXX(ShareObjectsInternal, "_Z26D3DKMTShareObjectsInternalP20_D3DKMT_SHAREOBJECTS")
UNSUPPORTED_CXX(CreateTrackedWorkload, "_Z27D3DKMTCreateTrackedWorkloadP29_D3DKMT_CREATETRACKEDWORKLOAD")
UNSUPPORTED_CXX(UpdateTrackedWorkload, "_Z27D3DKMTUpdateTrackedWorkloadP29_D3DKMT_UPDATETRACKEDWORKLOAD")
UNSUPPORTED_CXX(DestroyTrackedWorkload, "_Z28D3DKMTDestroyTrackedWorkloadP30_D3DKMT_DESTROYTRACKEDWORKLOAD")
UNSUPPORTED_CXX(GetTrackedWorkloadStatistics,
		"_Z34D3DKMTGetTrackedWorkloadStatisticsP36_D3DKMT_GETTRACKEDWORKLOADSTATISTICS")
UNSUPPORTED_CXX(ResetTrackedWorkloadStatistics,
		"_Z36D3DKMTResetTrackedWorkloadStatisticsPK38_D3DKMT_RESETTRACKEDWORKLOADSTATISTICS")
UNSUPPORTED_CXX(GetAvailableTrackedWorkloadIndex,
		"_Z38D3DKMTGetAvailableTrackedWorkloadIndexP40_D3DKMT_GETAVAILABLETRACKEDWORKLOADINDEX")

/* ---- those that libdxg answers without doing anything --------------------------------------------------- */

NTSTATUS APIENTRY D3DKMTSetStablePowerState(const void *arg);
NTSTATUS APIENTRY D3DKMTSetStablePowerState(const void *arg)
{
	return STATUS_SUCCESS;
}

/* libdxg closes /dev/dxg here and opens it again when it is needed. DxvaultDisconnect is the one that ends something. */
VOID APIENTRY D3DKMTCloseDxCoreDevice(VOID);
VOID APIENTRY D3DKMTCloseDxCoreDevice(VOID)
{
}
