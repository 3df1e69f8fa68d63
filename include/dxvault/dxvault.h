/* SPDX-License-Identifier: MIT */
/* What dxvault adds to the Windows interfaces: protected-session callbacks, a look at the service, client drivers. */
#ifndef DXVAULT_DXVAULT_H
#define DXVAULT_DXVAULT_H

#include <dxvault/d3dkmthk.h>
#include <dxvault/d3dumddi.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- the protected-session callbacks of a Direct3D 9 runtime ------------------------------------ */

/*
 * The Direct3D 9 callback table has no entry that makes a protected session; Direct3D 12 has one
 * (PFND3D12DDI_CREATE_PROTECTED_SESSION_CB), and these two are modelled on it. A runtime that offers them sets
 * DXVAULT_CREATEDEVICE_PROTECTED_SESSIONS in D3DDDIARG_CREATEDEVICE.Flags.Value, a bit that Windows reserves, and lets
 * pCallbacks point to a DXVAULT_DEVICECALLBACKS.
 */
#define DXVAULT_CREATEDEVICE_PROTECTED_SESSIONS 0x80000000u

typedef struct _DXVAULTCB_CREATEPROTECTEDSESSION {
	const VOID *pPrivateDriverData;	 /* in: the driver's; handed to D3DKMTCreateProtectedSession unread */
	UINT PrivateDriverDataSize;	 /* in: bytes */
	D3DKMT_HANDLE hProtectedSession; /* out: the kernel's handle, owned by the runtime */
} DXVAULTCB_CREATEPROTECTEDSESSION;

typedef struct _DXVAULTCB_DESTROYPROTECTEDSESSION {
	D3DKMT_HANDLE hProtectedSession; /* in */
} DXVAULTCB_DESTROYPROTECTEDSESSION;

/*
 * Called by the driver inside CreateCryptoSession, at most once. hDevice is the runtime's handle of the device. The
 * runtime makes a monitored fence and the kernel's session, with private data of its own, and keeps the handle. Returns
 * S_OK, E_OUTOFMEMORY, D3DDDIERR_DEVICEREMOVED, or E_FAIL for any other refusal of the kernel.
 */
typedef HRESULT(APIENTRY *PFNDXVAULT_CREATEPROTECTEDSESSIONCB)(HANDLE hDevice, DXVAULTCB_CREATEPROTECTEDSESSION *pData);

/* Called by the driver inside DestroyCryptoSession and DestroyDevice. Returns S_OK, or E_INVALIDARG for another handle. */
typedef HRESULT(APIENTRY *PFNDXVAULT_DESTROYPROTECTEDSESSIONCB)(HANDLE hDevice,
								const DXVAULTCB_DESTROYPROTECTEDSESSION *pData);

/* ---- several blts, and one wait for them -------------------------------------------------------- */

/*
 * EncryptionBlt and DecryptionBlt have no flag that says "do not wait". A runtime that wants to wait once for several sets
 * DXVAULT_CREATEDEVICE_QUEUED_BLTS as well, offers the last two callbacks of DXVAULT_DEVICECALLBACKS, and lets
 * D3DDDIARG_CREATEDEVICE.pDeviceFuncs point to a DXVAULT_DEVICEFUNCS, which the driver fills in whole. docs/porting.md
 * shows it. Without the flag the driver looks at neither, and every blt is done when it returns.
 */
#define DXVAULT_CREATEDEVICE_QUEUED_BLTS 0x40000000u

/*
 * Both called by the driver between BeginQueue and EndQueue. pfnQueueEscapeCb is pfnEscapeCb that may return before the
 * kernel has answered: pPrivateDriverData belongs to the kernel until pfnWaitEscapesCb. Returns S_OK, or what pfnEscapeCb
 * returns if the escape was not queued.
 */
typedef HRESULT(APIENTRY *PFNDXVAULT_QUEUEESCAPECB)(HANDLE hAdapter, const D3DDDICB_ESCAPE *pData);

/*
 * Waits until at most Left of the escapes that the device has queued are unanswered; they are answered in their order.
 * hDevice is the runtime's. Returns S_OK; D3DDDIERR_DEVICEREMOVED: the kernel side is gone, and no answer will come; else
 * what pfnEscapeCb would have returned for the first escape that the kernel refused. The data of those that were refused or
 * not answered is as it was. None is under way any more unless S_OK.
 */
typedef HRESULT(APIENTRY *PFNDXVAULT_WAITESCAPESCB)(HANDLE hDevice, UINT Left);

typedef struct _DXVAULT_DEVICECALLBACKS {
	D3DDDI_DEVICECALLBACKS Callbacks;
	PFNDXVAULT_CREATEPROTECTEDSESSIONCB pfnCreateProtectedSessionCb;
	PFNDXVAULT_DESTROYPROTECTEDSESSIONCB pfnDestroyProtectedSessionCb;
	PFNDXVAULT_QUEUEESCAPECB pfnQueueEscapeCb; /* with DXVAULT_CREATEDEVICE_QUEUED_BLTS */
	PFNDXVAULT_WAITESCAPESCB pfnWaitEscapesCb; /* the same */
} DXVAULT_DEVICECALLBACKS;

typedef struct _DXVAULTARG_BEGINQUEUE {
	UINT MaxBlts;	   /* in: how many blts may be queued; 1 or more */
	HRESULT *pResults; /* out: room for MaxBlts; the runtime's, written until EndQueue returns */
} DXVAULTARG_BEGINQUEUE;

/**
 * BeginQueue - from now on the device's blts return before they are done
 * @hDevice: the driver's handle of the device.
 * @pData: read before the call returns; what pResults points to stays the driver's until EndQueue.
 *
 * A blt that returns S_OK is queued; blts are done in the order of their calls, and the nth that was queued, from 0 on, has
 * its result in pResults[n]. A blt that returns something else was refused at once and takes no place. Until EndQueue
 * the application leaves the memory of the surfaces and the bytes at pIV of EncryptionBlt alone. Every other function of the
 * device waits for what is queued before it does anything. A queue lives until EndQueue or DestroyDevice.
 *
 * A blt that finds MaxBlts of them queued: D3DDDIERR_INVALIDCALL.
 *
 * S_OK; E_INVALIDARG: hDevice, pData or pResults NULL or unknown, MaxBlts 0; D3DDDIERR_INVALIDCALL: there is a queue;
 * E_FAIL: one of the two callbacks is NULL; E_OUTOFMEMORY.
 */
typedef HRESULT(APIENTRY *PFNDXVAULT_BEGINQUEUE)(HANDLE hDevice, const DXVAULTARG_BEGINQUEUE *pData);

/**
 * EndQueue - wait until all queued blts are done; the next ones wait for themselves again
 * @hDevice: the driver's handle of the device.
 * @pCount: out: how many were queued, which is how many results there are; may be NULL.
 *
 * S_OK: each result is S_OK; else the first result that is not; E_INVALIDARG: hDevice unknown;
 * D3DDDIERR_INVALIDCALL: there is no queue.
 */
typedef HRESULT(APIENTRY *PFNDXVAULT_ENDQUEUE)(HANDLE hDevice, UINT *pCount);

typedef struct _DXVAULT_DEVICEFUNCS {
	D3DDDI_DEVICEFUNCS Functions;
	PFNDXVAULT_BEGINQUEUE pfnBeginQueue;
	PFNDXVAULT_ENDQUEUE pfnEndQueue;
} DXVAULT_DEVICEFUNCS;

/* ---- the service -------------------------------------------------------------------------------- */

#define DXVAULT_SERVICE_INFO_VERSION 2

/* The parts of the sandbox that the service is in. */
#define DXVAULT_SANDBOX_CAPABILITIES 0x1  /* it has none, and gets none */
#define DXVAULT_SANDBOX_SECCOMP	     0x2  /* a system call that it does not need ends it */
#define DXVAULT_SANDBOX_LANDLOCK     0x4  /* it reaches no file that it does not need */
#define DXVAULT_SANDBOX_MEMORY_LOCK  0x8  /* in place of CAPABILITIES: it has none but CAP_IPC_LOCK */
#define DXVAULT_SANDBOX_NOT_BUILT    0x10 /* no part: a build with sanitizers or for coverage */

/* What a client may know of the service that it is connected to. */
typedef struct _DXVAULT_SERVICE_INFO {
	UINT Version;	/* in: DXVAULT_SERVICE_INFO_VERSION */
	UINT ProcessId; /* out: of the service; 0 in in-process mode */
	UINT Clients;	/* out: live connections, this one included */
	UINT Devices;	/* out, and so are all below: live objects of all clients */
	UINT Contexts;
	UINT Fences;
	UINT ProtectedSessions;
	UINT Allocations;
	UINT Resources;
	UINT NtHandles;
	UINT HasScreen;		/* a monitor is plugged in */
	UINT KeyMemory;		/* 0 memfd_secret, 1 locked, 2 neither */
	UINT SurfaceMemory;	/* the same */
	UINT TeardownCount;	/* content-protection teardowns since start */
	UINT64 KeyBytes;	/* protected memory mapped for keys */
	UINT64 SurfaceBytes;	/* protected memory mapped for surfaces */
	char MemoryReason[128]; /* why not memfd_secret everywhere; empty if it is. NUL-terminated */
	char Engine[32];	/* what does AES-CTR */
	char ServiceVersion[32];
	UINT Sandbox;		 /* DXVAULT_SANDBOX_... */
	char SandboxReason[128]; /* what is missing, and why; empty if nothing is. NUL-terminated */
} DXVAULT_SERVICE_INFO;

/*
 * Fills *pInfo. Starts the service if none runs. Returns STATUS_SUCCESS; STATUS_INVALID_PARAMETER if pInfo is NULL or
 * its Version unknown; STATUS_DEVICE_REMOVED if there is no service to be had.
 */
EXTERN_C NTSTATUS APIENTRY DxvaultQueryService(DXVAULT_SERVICE_INFO *pInfo);

/*
 * Copies the installation's root certificate (DER) to pBuffer and sets *pSize to its size. pBuffer NULL asks for the
 * size only. Returns STATUS_SUCCESS; STATUS_BUFFER_TOO_SMALL (*pSize is set); STATUS_INVALID_PARAMETER if pSize is NULL;
 * STATUS_DEVICE_REMOVED if there is no service to be had.
 */
EXTERN_C NTSTATUS APIENTRY DxvaultGetRootCertificate(VOID *pBuffer, UINT *pSize);

/* ---- processes ------------------------------------------------------------------------------------ */

/**
 * DxvaultGetProcessToken - the number by which the graphics kernel knows this process
 * @pToken: out; never 0.
 *
 * What ProcessHandle of D3DAUTHENTICATEDCHANNEL_CONFIGURESHAREDRESOURCE carries on Linux (AC-127): a process that wants to
 * open restricted resources of another tells it this number. The service gives it when the process connects, by the
 * connection's own credentials. All connections of a process have the same one, and no other process ever has it while the
 * service lives. It ends with the process's last connection: after DxvaultDisconnect, and in a forked child, the next call
 * gives another one. Starts the service if none runs. In in-process mode it is the number of that mode's only client.
 *
 * STATUS_SUCCESS; STATUS_INVALID_PARAMETER: pToken NULL; STATUS_DEVICE_REMOVED: there is no service to be had.
 */
EXTERN_C NTSTATUS APIENTRY DxvaultGetProcessToken(UINT64 *pToken);

/* ---- a client driver ------------------------------------------------------------------------------ */

/*
 * Functions that a program puts in place of this library's own, each behind the D3DKMT function of its name (KMT-84). New
 * members come at the end and leave the version as it is.
 */
#define DXVAULT_CLIENT_DRIVER_VERSION 1

typedef struct _DXVAULT_CLIENT_DRIVER {
	UINT Size;    /* in: sizeof(DXVAULT_CLIENT_DRIVER); members that lie beyond count as NULL */
	UINT Version; /* in: DXVAULT_CLIENT_DRIVER_VERSION */
	PFND3DKMT_OPENADAPTERFROMLUID pfnOpenAdapterFromLuid;
	PFND3DKMT_ENUMADAPTERS2 pfnEnumAdapters2;
	PFND3DKMT_ENUMADAPTERS3 pfnEnumAdapters3;
	PFND3DKMT_CLOSEADAPTER pfnCloseAdapter;
	PFND3DKMT_QUERYADAPTERINFO pfnQueryAdapterInfo;
	PFND3DKMT_CREATEDEVICE pfnCreateDevice;
	PFND3DKMT_DESTROYDEVICE pfnDestroyDevice;
	PFND3DKMT_GETDEVICESTATE pfnGetDeviceState;
	PFND3DKMT_CREATECONTEXTVIRTUAL pfnCreateContextVirtual;
	PFND3DKMT_DESTROYCONTEXT pfnDestroyContext;
	PFND3DKMT_CREATESYNCHRONIZATIONOBJECT2 pfnCreateSynchronizationObject2;
	PFND3DKMT_DESTROYSYNCHRONIZATIONOBJECT pfnDestroySynchronizationObject;
	PFND3DKMT_OPENSYNCOBJECTFROMNTHANDLE2 pfnOpenSyncObjectFromNtHandle2;
	PFND3DKMT_SIGNALSYNCHRONIZATIONOBJECTFROMCPU pfnSignalSynchronizationObjectFromCpu;
	PFND3DKMT_WAITFORSYNCHRONIZATIONOBJECTFROMCPU pfnWaitForSynchronizationObjectFromCpu;
	PFND3DKMT_SHAREOBJECTS pfnShareObjects;
	PFND3DKMT_CREATEALLOCATION2 pfnCreateAllocation2;
	PFND3DKMT_DESTROYALLOCATION2 pfnDestroyAllocation2;
	PFND3DKMT_LOCK2 pfnLock2;
	PFND3DKMT_UNLOCK2 pfnUnlock2;
	PFND3DKMT_QUERYRESOURCEINFOFROMNTHANDLE pfnQueryResourceInfoFromNtHandle;
	PFND3DKMT_OPENRESOURCEFROMNTHANDLE pfnOpenResourceFromNtHandle;
	PFND3DKMT_ESCAPE pfnEscape;
	PFND3DKMT_PRESENT pfnPresent;
	PFND3DKMT_CREATEPROTECTEDSESSION pfnCreateProtectedSession;
	PFND3DKMT_DESTROYPROTECTEDSESSION pfnDestroyProtectedSession;
	PFND3DKMT_QUERYPROTECTEDSESSIONSTATUS pfnQueryProtectedSessionStatus;
	PFND3DKMT_QUERYPROTECTEDSESSIONINFOFROMNTHANDLE pfnQueryProtectedSessionInfoFromNtHandle;
	PFND3DKMT_OPENPROTECTEDSESSIONFROMNTHANDLE pfnOpenProtectedSessionFromNtHandle;
} DXVAULT_CLIENT_DRIVER;

/**
 * DxvaultRegisterClientDriver - let the D3DKMT functions of this process call others
 * @pDriver: read before the call returns, and not kept. A member that is NULL means this library's own function.
 *
 * From then on every D3DKMT function calls what the member of its name points to, with the arguments as they came and
 * unchecked, NULL included, and returns what it returns. A function of a client driver that wants the library's own calls
 * it through DxvaultGetDefaultClientDriver: the exported name would lead back to itself. Calls that already run are not
 * waited for. Thread-safe; a forked child has its parent's registration.
 *
 * STATUS_SUCCESS; STATUS_INVALID_PARAMETER: pDriver NULL, another Version, or a Size that no table has;
 * STATUS_ACCESS_DENIED: a client driver is registered, it stays. Rules: KMT-84.
 */
EXTERN_C NTSTATUS APIENTRY DxvaultRegisterClientDriver(const DXVAULT_CLIENT_DRIVER *pDriver);

/**
 * DxvaultUnregisterClientDriver - this library's own functions again
 *
 * It does not wait for calls: before it unloads its functions, or registers others, the caller sees to it that no thread
 * is in a D3DKMT function.
 *
 * STATUS_SUCCESS; STATUS_INVALID_PARAMETER: none is registered. Rules: KMT-84.
 */
EXTERN_C NTSTATUS APIENTRY DxvaultUnregisterClientDriver(VOID);

/**
 * DxvaultGetDefaultClientDriver - this library's own functions, whatever is registered
 * @pDriver: Size and Version in; all members within Size out, none of them NULL. They are good while the library is
 *           loaded, and follow the rules of the D3DKMT functions of their names.
 *
 * STATUS_SUCCESS; STATUS_INVALID_PARAMETER: pDriver NULL, another Version, or a Size that no table has; nothing is
 * written then. Rules: KMT-84.
 */
EXTERN_C NTSTATUS APIENTRY DxvaultGetDefaultClientDriver(DXVAULT_CLIENT_DRIVER *pDriver);

/* ---- system memory that both sides reach --------------------------------------------------------- */

/*
 * Memory of the calling process, page aligned, zeroed, size rounded up to pages, that the kernel side reads and writes in
 * place where it is named as pSystemMem of an allocation of that device. NULL: there is none to be had (size 0, a dead
 * device, a limit, no service); ordinary memory still works, by copying.
 */
EXTERN_C VOID *APIENTRY DxvaultAllocateSystemMemory(D3DKMT_HANDLE hDevice, SIZE_T size);

/*
 * Gives it back. The allocations that name it are destroyed before. NULL is allowed; so is a device that was destroyed
 * in the meantime.
 */
EXTERN_C VOID APIENTRY DxvaultFreeSystemMemory(D3DKMT_HANDLE hDevice, VOID *memory);

/*
 * Closes this process's connection to the service; every handle of the process is gone, as if it had ended. No other
 * thread may be in a call of this library. A later call connects anew.
 */
EXTERN_C VOID APIENTRY DxvaultDisconnect(VOID);

/* ---- escapes that need no wait ------------------------------------------------------------------ */

/**
 * DxvaultQueueEscape - D3DKMTEscape that may return before the answer is there
 * @pData: as for D3DKMTEscape. Read before the call returns; the bytes that pPrivateDriverData points to belong to this
 *         library until DxvaultWaitEscapes has returned, which writes the answer to them.
 *
 * An escape of a device with Flags.NoAdapterSynchronization and at most 96 bytes goes through the device's submission ring,
 * where there is one to be had; D3DKMTEscape sends it the same way, and waits. Every other escape is done when this
 * returns. Escapes of a ring are answered in their order, and not ordered with other calls. A caller has at most 64 under
 * way: the next call then waits for the first of them. One thread at a time for each device. D3DKMTDestroyDevice waits for
 * what is queued; DxvaultDisconnect does not, and no answer is written then. A client driver with an escape of its own gets
 * the queued ones too, and they are done when it returns (KMT-84).
 *
 * STATUS_SUCCESS: it is queued or done; else as D3DKMTEscape, and it is not queued.
 */
EXTERN_C NTSTATUS APIENTRY DxvaultQueueEscape(CONST D3DKMT_ESCAPE *pData);

/**
 * DxvaultWaitEscapes - wait for the answers of queued escapes
 * @hDevice: of which device.
 * @Left: how many, the last ones, may still be under way when it returns.
 *
 * STATUS_SUCCESS; the status of the first escape since the last wait that was refused: all are answered then, whatever Left
 * is; STATUS_DEVICE_REMOVED: the service is gone, and none is under way any more; STATUS_INVALID_PARAMETER: no such
 * device.
 */
EXTERN_C NTSTATUS APIENTRY DxvaultWaitEscapes(D3DKMT_HANDLE hDevice, UINT Left);

/* ---- operator -------------------------------------------------------------------------------------- */

/* A live protected session of the service, whoever made it. */
typedef struct _DXVAULT_SESSION_INFO {
	UINT64 Session; /* its number, never given twice while the service lives */
	UINT64 Device;	/* the number of its device, the same */
	UINT ProcessId; /* of the process that made it, which may have ended */
	UINT User;
	D3DKMT_PROTECTED_SESSION_STATUS Status;
	UINT Losses;	     /* transitions from OK to INVALID */
	UINT Age;	     /* seconds */
	UINT LocalHandles;   /* of all processes */
	UINT NtHandles;	     /* open anywhere */
	char Command[16];    /* what the process called itself; any bytes. NUL-terminated, as the next one is */
	char CryptoType[32]; /* in the driver's words */
} DXVAULT_SESSION_INFO;

#define DXVAULT_LISTED_SESSIONS 512 /* at most, in one call */

/*
 * Lists the live sessions of the service, part by part: *pCursor is 0 in the first call, and 0 again after the last.
 * *pCount: in, the room of pSessions, at least DXVAULT_LISTED_SESSIONS; out, how many came (none, at times, before the
 * last call). What is made or destroyed meanwhile may be in it or not. Returns STATUS_SUCCESS; STATUS_ACCESS_DENIED
 * unless the caller is the service's own user or root; STATUS_INVALID_PARAMETER; STATUS_DEVICE_REMOVED if there is no
 * service to be had.
 */
EXTERN_C NTSTATUS APIENTRY DxvaultListSessions(UINT64 *pCursor, DXVAULT_SESSION_INFO *pSessions, UINT *pCount);

typedef enum _DXVAULT_LOSS {
	DXVAULT_LOSS_SESSION = 1,  /* the keys and pictures of one session; session 0 in all others */
	DXVAULT_LOSS_KEYS = 2,	   /* of all sessions */
	DXVAULT_LOSS_TEARDOWN = 3, /* the same, counted as a content-protection teardown */
	DXVAULT_LOSS_DEVICE = 4,   /* the adapter: every handle answers STATUS_DEVICE_REMOVED, a new one works */
} DXVAULT_LOSS;

/*
 * Makes protected content be lost. *pLost (may be NULL): how many sessions were OK before. Returns as the one above;
 * STATUS_INVALID_PARAMETER for a session that is not alive.
 */
EXTERN_C NTSTATUS APIENTRY DxvaultInvalidate(DXVAULT_LOSS loss, UINT64 session, UINT *pLost);

/**
 * DxvaultDesignateCompositor - say which process composes the desktop
 * @token: of a connected process; 0: none does.
 *
 * Resources with RestrictSharedAccess whose device lists the compositor by type (PROCESSIDTYPE_DWM) open for this process
 * alone (AC-133). One at a time: it takes the place of the one before. Ends with the process. Nothing is designated at the
 * service's start.
 *
 * STATUS_SUCCESS; STATUS_ACCESS_DENIED: the caller is neither the service's own user nor root; STATUS_INVALID_PARAMETER: no
 * connected process has this token; STATUS_DEVICE_REMOVED: there is no service to be had.
 */
EXTERN_C NTSTATUS APIENTRY DxvaultDesignateCompositor(UINT64 token);

#ifdef __cplusplus
}
#endif
#endif
