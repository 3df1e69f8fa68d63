/* SPDX-License-Identifier: MIT */
/* What lies between the graphics kernel and a kernel-mode driver: the DXGKDDI_* table and the DXGKCB_* table. */
#ifndef DXV_DXGKRNL_DRIVER_H
#define DXV_DXGKRNL_DRIVER_H

#include <dxvault/d3dkmddi.h>
#include <dxvault/d3dkmthk.h>
#include <stdbool.h>

/*
 * Type values of DXGKARGCB_GETHANDLEDATA: Windows names allocations and resources. Naming a protected session is
 * dxvault's own: the Direct3D 9 driver names the session in its escapes.
 */
#define DXGK_HANDLE_PROTECTED_SESSION ((DXGK_HANDLE_TYPE)0x100)

/* A picture on its way to the monitor. The bytes are valid, and protected, for the time of the call. */
struct dxgk_picture {
	const void *memory; /* linear bytes of the surface */
	uint32_t pitch;
	uint32_t width;
	uint32_t height;
	D3DDDIFORMAT format;
	D3DDDI_RATIONAL refresh_rate;
	D3DDDI_ROTATION rotation;
	RECT source;	   /* the part of the surface to show */
	RECT destination;  /* its size on the screen: another aspect means pixels that are not square */
	uint32_t count;	   /* D3DKMT_PRESENT.PresentCount: the refresh at which it shows */
	uint32_t duration; /* D3DKMT_PRESENT.Duration: for how many refreshes */
	bool is_flip;	   /* full-screen, by Flags.Flip; else into a window of the desktop */
};

/* The graphics kernel's callbacks (DXGKRNL_INTERFACE's role). Valid until the driver's StopDevice returns. */
struct dxgk_interface {
	HANDLE DeviceHandle; /* passed back in the callbacks that take it */

	/*
	 * STATUS_INVALID_PARAMETER for a session that is not alive (KMT-25) or an unknown status. Never called from
	 * inside DxgkDdiCreateProtectedSession or DxgkDdiDestroyProtectedSession.
	 */
	NTSTATUS (*DxgkCbSetProtectedSessionStatus)(const DXGKARGCB_PROTECTEDSESSIONSTATUS *pProtectedSessionStatus);

	/*
	 * Invalidates every session of the adapter and counts a teardown (KMT-24). The keys are to go as well, so LoseKeys
	 * is called from inside: the driver holds no session or key across this. A call from inside LoseKeys is counted
	 * and does nothing more. Never called from inside the entries that create and destroy sessions.
	 */
	void (*DxgkCbHardwareContentProtectionTeardown)(HANDLE DeviceHandle);

	/*
	 * For use inside DxgkDdiEscape, DxgkDdiPresent and DxgkDdiOpenAllocation only: the driver's handle behind a D3DKMT
	 * handle of the calling process, NULL if there is none of that type. Allocations: what DxgkDdiCreateAllocation gave
	 * (so DxgkDdiOpenAllocation learns what to open); with Flags.DeviceSpecific the handle that DxgkDdiOpenAllocation
	 * gave for the calling device (NULL if the device did not create or open it). Protected sessions: only of the device
	 * that created it (CS-05).
	 */
	PVOID (*DxgkCbGetHandleData)(HANDLE DeviceHandle, const DXGKARGCB_GETHANDLEDATA *pGetHandleData);

	/*
	 * Processes are named by their token (AC-127): what DXGKARG_CREATEDEVICE.hKmdProcess holds as a number. Whether it
	 * has a connection; a token whose process ended is never given to another.
	 */
	bool (*IsProcessAlive)(HANDLE DeviceHandle, HANDLE hKmdProcess);
	/* The process that is designated as the compositor of the desktop (AC-133); NULL: none is, or it has ended. */
	HANDLE (*GetCompositor)(HANDLE DeviceHandle);

	/*
	 * What the driver keeps for a client and the graphics kernel does not know counts as so many handles of its user.
	 * hDevice is DXGKARG_CREATEDEVICE.hDevice as it came. False: the user has too many, nothing was charged. A negative
	 * count gives back, and succeeds.
	 */
	bool (*ChargeObjects)(HANDLE hDevice, int count);

	/*
	 * Around work of the driver that takes long: other calls of it may come in between, from engine workers alone. What
	 * the driver uses meanwhile it has to keep from them itself. From inside any entry but those of workers.
	 */
	void (*Unlock)(HANDLE DeviceHandle);
	void (*Lock)(HANDLE DeviceHandle);
	/*
	 * The same until a transfer that is under way has finished; there has to be one. Until the entry that calls this
	 * returns, no other transfer begins.
	 */
	void (*WaitForTransfer)(HANDLE DeviceHandle);

	/* The monitor; NULL where none is plugged in. STATUS_SUCCESS, or why the picture could not be shown. */
	NTSTATUS (*ShowPicture)(HANDLE DeviceHandle, const struct dxgk_picture *picture);
};

/*
 * The driver's entries. hAdapter is what AddDevice gave. All calls of one adapter are serialised by the graphics kernel,
 * RunTransfer excepted. A status other than STATUS_SUCCESS means that nothing was changed.
 */
struct dxgk_driver {
	/* AddDevice and StartDevice in one. context is the driver's own business. */
	NTSTATUS (*StartDevice)(const struct dxgk_interface *interface, void *context, HANDLE *ret_hAdapter);
	void (*StopDevice)(HANDLE hAdapter);

	DXGKDDI_QUERYADAPTERINFO *DxgkDdiQueryAdapterInfo;
	DXGKDDI_CREATEDEVICE *DxgkDdiCreateDevice;
	DXGKDDI_DESTROYDEVICE *DxgkDdiDestroyDevice;
	DXGKDDI_CREATEALLOCATION *DxgkDdiCreateAllocation;
	DXGKDDI_DESTROYALLOCATION *DxgkDdiDestroyAllocation;
	DXGKDDI_DESCRIBEALLOCATION *DxgkDdiDescribeAllocation;
	DXGKDDI_OPENALLOCATIONINFO *DxgkDdiOpenAllocation;
	DXGKDDI_CLOSEALLOCATION *DxgkDdiCloseAllocation;
	DXGKDDI_ESCAPE *DxgkDdiEscape;
	DXGKDDI_CREATEPROTECTEDSESSION *DxgkDdiCreateProtectedSession;
	DXGKDDI_DESTROYPROTECTEDSESSION *DxgkDdiDestroyProtectedSession;

	/*
	 * Where an allocation came back CpuVisible, the graphics kernel makes its memory and says here where it is
	 * (Windows: an MDL in DxgkDdiBuildPagingBuffer). Clients write to it at any time. Called once, before the
	 * allocation is opened; it stays valid until DxgkDdiDestroyAllocation returns.
	 */
	NTSTATUS (*MapSystemMemory)(HANDLE hAdapter, HANDLE hAllocation, void *memory, SIZE_T size);

	/*
	 * A picture goes to the monitor (Windows: DxgkDdiSetVidPnSourceAddress). hDevice and hAllocation are the driver's,
	 * hAllocation device-specific; picture holds what the present asked for (source, destination, count, duration) and
	 * what DescribeAllocation said. The driver fills in memory and pitch and calls ShowPicture.
	 */
	NTSTATUS (*Present)(HANDLE hDevice, HANDLE hAllocation, struct dxgk_picture *picture);

	/* The keys are gone (resume, fault, operator): wipe them; report each session INVALID by the callback (CS-13). */
	void (*LoseKeys)(HANDLE hAdapter);
	/* The same for one session. NULL: the driver has nothing to lose. */
	void (*LoseSessionKeys)(HANDLE hAdapter, HANDLE hProtectedSession);

	/*
	 * The device on which a session was made is about to be destroyed: its keys are lost, for good. Called for each of
	 * them, before DxgkDdiDestroyDevice, with requests of other clients between. NULL: as above.
	 */
	void (*OrphanSession)(HANDLE hAdapter, HANDLE hProtectedSession);

	/*
	 * Engine workers: threads that move the bytes of transfers while the driver is called for other things. Made before
	 * the first transfer, destroyed before StopDevice. CreateWorker NULL: the driver has no transfers, and none of the
	 * five is there.
	 */
	NTSTATUS (*CreateWorker)(HANDLE hAdapter, HANDLE *ret_hWorker);
	void (*DestroyWorker)(HANDLE hWorker);
	/*
	 * An escape with Flags.NoAdapterSynchronization that came through a ring. arg is as for DxgkDdiEscape and stays where
	 * it is until FinishTransfer. STATUS_SUCCESS with *ret_size 0: it is done, the answer stands in the private data, and
	 * neither of the other two follows. With another size: so many bytes are to be moved, RunTransfer is called until
	 * they are, then FinishTransfer. STATUS_RETRY: what it needs is used by another transfer; it is begun anew when one
	 * has finished. STATUS_INVALID_PARAMETER: no command of the driver, or none that is a transfer.
	 */
	NTSTATUS (*BeginTransfer)(HANDLE hAdapter, HANDLE hWorker, const DXGKARG_ESCAPE *arg, UINT64 *ret_size);
	/*
	 * Moves size bytes from offset on of what hOwner began. Several workers at once, each with its own hWorker, the owner
	 * among them. offset is a multiple of 64 KiB.
	 */
	void (*RunTransfer)(HANDLE hOwner, HANDLE hWorker, UINT64 offset, UINT64 size);
	/* Writes the answer to the private data. */
	void (*FinishTransfer)(HANDLE hOwner, const DXGKARG_ESCAPE *arg);
	/*
	 * The worker turns from one client to something else: what transfers left on its stack and in its registers goes. By
	 * its own thread, without the kernel's lock. NULL: the driver leaves nothing there.
	 */
	void (*Forget)(void);

	/* A few printable words for the operator: what the session encrypts with. NULL: the driver has none. */
	void (*DescribeSession)(HANDLE hAdapter, HANDLE hProtectedSession, char *text, SIZE_T size);
};

#endif
