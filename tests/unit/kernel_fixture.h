/* SPDX-License-Identifier: MIT */
/* A graphics kernel in this process, with a driver that records or the real one, and processes that are connections. */
/*
 * Each test program runs in two modes (tests/meson.build): in-process mode, where a request is a call, and with
 * DXVAULT_TEST_MODE=wire, where the service's own event loop answers in a thread, over sockets.
 */
#ifndef DXV_TESTS_KERNEL_FIXTURE_H
#define DXV_TESTS_KERNEL_FIXTURE_H

#include "dxgkrnl/kernel.h"
#include "gpu/gpu.h"
#include "kmd/kmd.h"
#include "kmt/connection.h"
#include "kmt/in_process.h"
#include "runtime/runtime.h"

#include <dxvault/d3dkmthk.h>
#include <dxvault/dxvault.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define IK_USER	   1000
#define IK_RECORDS 8192
#define IK_LOG	   4096

/* ---- the recording driver ------------------------------------------------------------------------- */

/* What a client of the recording driver says of an allocation. The driver refuses another size or a visible above 1. */
struct ik_allocation_data {
	uint32_t visible;
	uint32_t number; /* the test's own */
	uint64_t size;
};

/* Its escape: looks up or changes a byte of a visible allocation, from the kernel's side. */
struct ik_escape_data {
	D3DKMT_HANDLE object;
	uint32_t type; /* DXGK_HANDLE_TYPE */
	uint32_t device_specific;
	uint32_t has_value; /* in: write value at offset */
	uint64_t offset;
	uint32_t value; /* out, if found: the byte at offset, or an allocation's or session's number */
	uint32_t found; /* out */
};

struct ik_session_record {
	HANDLE kernel;	     /* what the graphics kernel calls it */
	atomic_int destroys; /* DxgkDdiDestroyProtectedSession calls that named it */
	uint8_t *data;	     /* the private data, as it came */
	uint32_t data_size;
};

/* Atomic is what changes without a call of the test's: when the service notices that something was closed. */
struct ik_recorder {
	/* Set by a test. */
	NTSTATUS create_session_status;
	NTSTATUS create_device_status;
	NTSTATUS create_allocation_status;
	NTSTATUS open_allocation_status;
	NTSTATUS map_status;
	NTSTATUS escape_status;
	bool report_in_destroy;	  /* calls the status callback from inside DxgkDdiDestroyProtectedSession */
	bool forgets_losses;	  /* LoseKeys reports nothing */
	int charge_in_create;	  /* objects that DxgkDdiCreateDevice charges before all else */
	D3DDDI_ROTATION rotation; /* of every surface */

	const struct dxgk_interface *interface;
	int creates; /* DxgkDdiCreateProtectedSession calls */
	/* Of the last DxgkDdiCreateDevice call. */
	HANDLE kernel_device, process;
	bool charged;
	struct dxgk_picture picture; /* of the last Present call */
	struct ik_session_record sessions[IK_RECORDS];
	NTSTATUS reported_in_destroy;
	atomic_int devices, allocations, opens; /* live */
	atomic_int loses;
	/* D d device, A a allocation, M its memory, O o its opening, S s session, E escape, P present. */
	char log[IK_LOG];
	size_t log_size;
	HANDLE bad_adapter; /* not NULL: a call came with another adapter handle */
};

extern struct ik_recorder ik_recorder;
extern const struct dxgk_driver ik_recording_driver;

void ik_recorder_clear(void);
void ik_log_clear(void);
struct ik;
/* The status callback, from outside the kernel's calls but under its lock. */
NTSTATUS ik_report(struct ik *ik, HANDLE kernel_session, DXGK_PROTECTED_SESSION_STATUS status);
/* What the driver is told of this token, once the service has noticed all that happened. */
bool ik_is_alive(struct ik *ik, UINT64 process);

/* ---- the kernel ------------------------------------------------------------------------------------ */

struct ik_screen {
	int shown;
	struct dxgk_picture picture;
	uint8_t *bytes; /* a copy of the surface's linear bytes, rows picture.height or 3/2 of it for NV12 */
	size_t size;
	NTSTATUS status; /* what the monitor answers */
};

struct ik {
	struct kmt_in_process *mode; /* NULL over the wire */
	struct ik_wire *wire;	     /* NULL in-process */
	int liveness;		     /* over the wire: as the service's */
	struct kmt_connection *processes[128];
	size_t process_count;
	struct ik_screen screen;
	int descriptors; /* of this program before it started */
};

struct ik_options {
	bool real_driver;
	bool no_screen;
	bool real_births; /* over the wire all connections of this program are one process, as they are */
	uint32_t caps;	  /* of the real driver; 0: the default */
	const struct kmd_config *driver; /* of the real driver, but for its identity; NULL: the default */
	struct dxgk_limits limits;	 /* handles 0: the default */
	uint32_t
		workers; /* engine workers; 0: two over the wire, else none, so that one mode has rings and one has not */
};

/* NULL: the recording driver, a screen, default limits. */
struct ik *ik_start(const struct ik_options *options);
/* The processes end; everything must be back: counts, descriptors, the driver's objects. */
void ik_stop(struct ik *ik);

/* The service ends, the processes stay. ik_stop comes after it all the same. */
void ik_end_service(struct ik *ik);

bool ik_over_wire(void);
/* The rest of the test is of the other mode: says why and skips it. */
void ik_skip_over_wire(const char *why);
void ik_skip_in_process(const char *why);
/* The same where the test needs clients of several users, whom over the wire only root can play. */
void ik_need_users(void);

/* A new process, and the calling thread becomes it. */
struct kmt_connection *ik_process(struct ik *ik);
struct kmt_connection *ik_process_of(struct ik *ik, uid_t user); /* NULL: refused */
/* Another connection of the process that came last. */
struct kmt_connection *ik_process_again(struct ik *ik);
/* Over the wire: a connected socket, before the hello. */
int ik_connect(struct ik *ik, uid_t user);
void ik_kill(struct ik *ik, struct kmt_connection *process);
/* The kernel for a call beside the requests, which wait meanwhile. */
struct dxgk_kernel *ik_acquire(struct ik *ik);
void ik_release(struct ik *ik);
/* The service has noticed all that happened until now. */
void ik_settle(struct ik *ik);
struct dxgk_counts ik_counts(struct ik *ik);
/* Everything that counts except processes is zero. */
void ik_assert_empty(struct ik *ik);
void ik_lose_keys(struct ik *ik);
struct gpu_identity *ik_identity(void);
/* Around one test; ik_setup is ik_start(NULL). */
int ik_setup(void **state);
int ik_teardown(void **state);
int ik_group_teardown(void **state);

/* ---- for a forked child, where no assertion may be: cmocka would go on with the other tests there ---- */

/* A connection of its own; socket: from ik_connect, before the fork, unused in-process. */
struct kmt_connection *ik_child_connect(struct ik *ik, int socket);

struct ik_caller {
	D3DKMT_HANDLE adapter, device, fence, session;
	HANDLE nt_handle; /* of the session */
};

bool ik_caller_init(struct ik_caller *ret);

/* ---- short forms of entries that must succeed, for the calling thread's process --------------------- */

UINT64 ik_token(void);
D3DKMT_HANDLE ik_adapter(void);
D3DKMT_HANDLE ik_device(void); /* on an adapter of its own */
D3DKMT_HANDLE ik_fence(D3DKMT_HANDLE device);
D3DKMT_HANDLE ik_fence_with(D3DKMT_HANDLE device, uint64_t value, bool shared, const volatile uint64_t **ret_value);
D3DKMT_HANDLE ik_session(D3DKMT_HANDLE device, D3DKMT_HANDLE fence);
int ik_share(D3DKMT_HANDLE object);
D3DKMT_HANDLE ik_open_session(int nt_handle);

/* ---- the same where the status is the point ---------------------------------------------------------- */

NTSTATUS ik_create_session(D3DKMT_HANDLE device, D3DKMT_HANDLE fence, const void *driver, UINT driver_size,
			   const void *runtime, UINT runtime_size, D3DKMT_HANDLE *ret);
NTSTATUS ik_destroy_session(D3DKMT_HANDLE session);
NTSTATUS ik_query_status(D3DKMT_HANDLE session, D3DKMT_PROTECTED_SESSION_STATUS *ret);
NTSTATUS ik_share_with(D3DKMT_HANDLE object, DWORD access, int *ret);
NTSTATUS ik_try_open_session(int nt_handle, D3DKMT_HANDLE *ret);
NTSTATUS ik_open_fence(D3DKMT_HANDLE device, int nt_handle, D3DKMT_HANDLE *ret, const volatile uint64_t **ret_value);
NTSTATUS ik_signal(D3DKMT_HANDLE device, D3DKMT_HANDLE fence, UINT64 value);
NTSTATUS ik_wait(D3DKMT_HANDLE device, D3DKMT_HANDLE fence, UINT64 value);
NTSTATUS ik_destroy_fence(D3DKMT_HANDLE fence);
NTSTATUS ik_destroy_device(D3DKMT_HANDLE device);

#define ik_assert_status(session, expected)                                         \
	do {                                                                        \
		D3DKMT_PROTECTED_SESSION_STATUS is_;                                \
                                                                                    \
		assert_int_equal(ik_query_status((session), &is_), STATUS_SUCCESS); \
		assert_int_equal(is_, D3DKMT_PROTECTED_SESSION_STATUS_##expected);  \
	} while (0)

#define IK_HANDLE(fd) ((HANDLE)(intptr_t)(fd))

#endif
