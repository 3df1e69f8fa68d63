/* SPDX-License-Identifier: MIT */
/* The graphics kernel's objects. */
#ifndef DXV_DXGKRNL_INTERNAL_H
#define DXV_DXGKRNL_INTERNAL_H

#include "dxgkrnl/handle_table.h"
#include "dxgkrnl/kernel.h"
#include "util/list.h"
#include "wire/ring.h"

#include <pthread.h>
#include <stdatomic.h>

/*
 * Local handles of one object. What a client asks for, or dies with, is to keep the others waiting for some milliseconds
 * at most: a fence that moves visits each of them, with a call to wake who waits.
 */
enum {
	DXGK_FENCE_VIEWS_MAX = 1024, /* fits view_count */
	DXGK_SESSION_VIEWS_MAX = 1 << 17,
};

/* Chains of the tables of client processes. */
enum { DXGK_IDENTITY_BUCKETS = 1024 };

/* One client process, as all of its connections share it. Lives while one of them does. */
struct dxgk_identity {
	struct list token_link;
	struct list pid_link; /* of none where the connection is a process of its own */
	uint64_t token;	      /* never used again */
	uint64_t birth;
	pid_t pid;
	uint32_t connections;
};

/* One user's share. Lives while a process or an object of the user's does. */
struct dxgk_user {
	struct list link;
	uid_t id;
	uint32_t references;
	uint32_t processes;
	uint32_t handles;
	uint32_t nt_handles;
	uint32_t sessions; /* live ones that processes of the user made */
	uint32_t rings;
};

/* What a process has charged to it, and who it is. Outlives the process while another one holds what it made. */
struct dxgk_account {
	struct dxgk_kernel *kernel;
	struct dxgk_user *user;
	uint32_t references;
	pid_t pid;
	char command[16]; /* read when it is first asked for; as the process calls itself, so any bytes */
	uint64_t protected_bytes;
	uint64_t shared_bytes;
};

struct dxgk_page {
	int descriptor;
	struct wire_slot *slots;
};

/*
 * Who holds the mutex may call the driver, and look at all that is in this file. Requests come before workers, which are
 * held back while a request waits for a transfer to finish, or for the mutex.
 */
struct dxgk_lock {
	pthread_mutex_t mutex;
	pthread_cond_t finished; /* a transfer, or a worker's hold on a ring */
	pthread_cond_t passed;	 /* the request that workers were held back for */
	_Atomic uint32_t wanted; /* by requests */
	uint32_t held_back;	 /* workers */
	uint32_t transfers;	 /* under way */
	uint32_t waits;		 /* requests and losses that had to wait for a transfer, and have not ended since */
	bool is_inside;		 /* a request is being answered */
	bool has_waited;	 /* it is one of those */
	pthread_t requester;	 /* the thread of the last one */
	bool is_apart;		 /* between the driver's Unlock and Lock */
	bool is_losing;		 /* a worker loses all keys: no request begins */
	struct dxgk_process *apart_caller;
	struct dxgk_device *apart_device;
};

struct dxgk_engine;

/* A device's ring: lists and flags are the engine's lock's, all else the worker's that has taken it. */
struct dxgk_ring {
	struct list link; /* among those that workers look at; alone: the doorbell will ring */
	struct dxgk_engine *engine;
	struct dxgk_device *device;
	struct wire_ring *shared;
	int doorbell;
	uint32_t place; /* in the engine's table */
	uint32_t done;	/* commands, modulo 2^32: what completed says unless a client wrote there */
	bool is_taken;
	bool is_blocked; /* its next command needs what a transfer or request holds */
	bool is_broken;	 /* its client writes nonsense: it is not looked at any more */
	bool is_closed;	 /* read under the kernel's lock as well */
};

struct dxgk_kernel {
	const struct dxgk_driver *driver;
	HANDLE adapter; /* the driver's */
	struct dxgk_interface interface;
	struct dxgk_config config;
	struct dxgk_lock lock;
	struct dxgk_engine *engine; /* NULL: no ring was asked for yet */
	struct dxgk_counts counts;
	uint32_t good_sessions; /* those whose status is OK */
	struct list users;
	struct list processes;
	uint64_t next_device;
	uint64_t next_token;
	struct list identities_by_token[DXGK_IDENTITY_BUCKETS];
	struct list identities_by_pid[DXGK_IDENTITY_BUCKETS];
	const struct dxgk_identity *compositor; /* NULL: no process is */
	int epoll;
	struct dxgk_nt_handle **nt_buckets;
	size_t nt_bucket_count;
	bool is_stopping;
	bool has_slept;	   /* the machine; and the keys are not lost yet */
	bool is_losing;	   /* the driver is in LoseKeys */
	bool holds_fences; /* between dxgk_loss_begin and dxgk_loss_end */
	uint32_t moved_fences;
	uint32_t untrimmed; /* objects that ended processes gave back since memory was given back to the system */
	bool is_swollen;    /* there was so much that memory is given back to the system when all is gone */

	/* Whose call the driver is in: what DxgkCbGetHandleData looks into. */
	struct dxgk_process *caller;
	struct dxgk_device *caller_device;
};

struct dxgk_process {
	struct dxgk_kernel *kernel;
	struct list link;
	struct dxgk_user *user;
	struct dxgk_account *account;
	struct dxgk_identity *identity; /* NULL: not known yet, or the connection has ended */
	bool greeted;
	bool met_removed;	    /* the request being answered named an object of a removed adapter */
	uint32_t destroyed;	    /* entries of the table, from the last on, that its end is done with */
	struct dxgk_device *ending; /* what the request destroys that dxgk_continue goes on with */
	struct wire_header pending; /* of its reply */
	void *put_off;		    /* a copy of a request that dxgk_continue begins with */
	uint64_t largest;	    /* bytes of the largest surface or memory that it ever had */
	struct dxgk_handle_table handles;
	struct dxgk_page pages[WIRE_PAGES];
};

struct dxgk_device {
	struct dxgk_process *process;
	uint64_t id; /* never used again */
	HANDLE driver_handle;
	uint32_t handle;
	uint32_t charged;	/* handles of the user, for what the driver keeps */
	struct dxgk_ring *ring; /* NULL: it has none */
	struct list contexts;
	struct list opens;
	struct list sessions; /* those made on it */
};

struct dxgk_context {
	struct list link;
	struct dxgk_device *device;
	uint32_t handle;
};

/* Shared objects are counted: each local handle and each NT handle is one reference, a session is one to its fence. */
struct dxgk_object {
	enum dxgk_kind kind;
	uint32_t references;
};

/* A local handle of a fence or a session: where a process sees it. */
struct dxgk_view {
	struct list link;
	struct dxgk_process *process;
	struct dxgk_object *object;
	uint32_t handle;
};

struct dxgk_fence {
	struct dxgk_object object;
	struct dxgk_kernel *kernel;
	struct list views;
	uint64_t device; /* id of the one it was made on */
	uint64_t value;
	uint32_t sessions; /* live ones that count their losses in it: no client may signal it then (KMT-12) */
	uint16_t view_count;
	uint8_t type; /* D3DDDI_SYNCHRONIZATIONOBJECT_TYPE */
	bool shareable : 1;
	bool has_moved : 1; /* and its views do not show it yet */
};

/* There may be a million of them: 112 bytes with what malloc adds. */
struct dxgk_session {
	struct dxgk_object object;
	uint32_t nt_handles;
	uint32_t losses;
	struct dxgk_account *account; /* of the process that made it */
	struct list device_link;      /* of its device's, while that lives */
	struct list views;
	uint64_t id; /* what the driver calls it by */
	uint64_t device;
	struct dxgk_fence *fence;
	HANDLE driver_handle;
	uint32_t driver_size;
	uint32_t runtime_size;
	uint32_t created; /* seconds of CLOCK_BOOTTIME */
	uint8_t status;
	bool is_dead;			    /* its device or adapter is gone: it never becomes OK again */
	_Alignas(8) uint8_t private_data[]; /* the driver's, then the runtime's */
};

/* System memory that the client and the service map. */
struct dxgk_memory {
	struct dxgk_kernel *kernel;
	struct dxgk_account *account;
	uint32_t references;
	int descriptor;
	void *map;
	uint64_t size;
};

struct dxgk_allocation {
	HANDLE driver_handle;
	void *private_data;
	uint32_t private_size;
	struct dxgk_memory *memory; /* NULL: in protected memory */
	uint64_t offset;
	uint64_t size;
};

struct dxgk_resource {
	struct dxgk_object object;
	struct dxgk_kernel *kernel;
	struct dxgk_account *account;
	uint64_t charged;     /* protected bytes */
	HANDLE driver_handle; /* while it has allocations */
	bool shareable;
	void *runtime_data;
	void *driver_data;
	uint32_t runtime_size;
	uint32_t driver_size;
	uint32_t count;
	struct dxgk_allocation allocations[];
};

/* A resource as one device has it. */
struct dxgk_open {
	struct list link;
	struct dxgk_device *device;
	struct dxgk_resource *resource;
	uint32_t handle;
	struct dxgk_open_allocation {
		struct dxgk_open *open;
		HANDLE driver_handle;
		uint32_t handle;
	} allocations[];
};

struct dxgk_nt_handle {
	struct dxgk_nt_handle *next;
	uint64_t cookie;
	struct dxgk_object *object;
	struct dxgk_user *user;
	int descriptor; /* the service's end */
	bool readable;	/* the access that was asked for includes reading (KMT-44) */
	bool removed;	/* with the adapter */
};

/* One request being answered. */
struct dxgk_call {
	struct dxgk_process *process;
	const struct wire_packet *request;
	struct wire_packet *reply;
};

/* ---- lock.c --------------------------------------------------------------------------------------- */

void dxgk_lock_init(struct dxgk_lock *lock);
void dxgk_lock_destroy(struct dxgk_lock *lock);
/* Around each call from outside. */
void dxgk_enter(struct dxgk_kernel *kernel);
void dxgk_leave(struct dxgk_kernel *kernel);
/*
 * The same for workers. Before each command one lets requests go first, unless *is_closed becomes true: it gives the lock
 * up meanwhile. Then it asks whether the machine has slept. A transfer that is under way may always finish.
 */
void dxgk_worker_give_way(struct dxgk_kernel *kernel, const bool *is_closed);
void dxgk_worker_lock(struct dxgk_kernel *kernel);
void dxgk_worker_leave(struct dxgk_kernel *kernel);
void dxgk_transfer_begun(struct dxgk_kernel *kernel);
void dxgk_transfer_finished(struct dxgk_kernel *kernel);
/* Gives the lock up until a worker calls dxgk_wake_waiter. No transfer begins until the request ends or calls Unlock. */
void dxgk_wait(struct dxgk_kernel *kernel);
void dxgk_wake_waiter(struct dxgk_kernel *kernel);
/* The driver's callbacks. */
void dxgk_cb_unlock(HANDLE handle);
void dxgk_cb_lock(HANDLE handle);
void dxgk_cb_wait_for_transfer(HANDLE handle);

/* ---- kernel.c --------------------------------------------------------------------------------------- */

/* Of an escape, however it came; ret: NULL for one without a device. STATUS_INVALID_PARAMETER, STATUS_NOT_SUPPORTED. */
NTSTATUS dxgk_escape_check(struct dxgk_process *process, uint32_t adapter, uint32_t device, uint32_t type,
			   uint32_t context, struct dxgk_device **ret);

/* ---- engine.c, ring.c ------------------------------------------------------------------------------- */

/* Rings of all clients together. */
enum { DXGK_RINGS_MAX = 1024 };

/* Starts the workers. STATUS_NOT_SUPPORTED: there are to be none; STATUS_NO_MEMORY, STATUS_INSUFFICIENT_RESOURCES. */
NTSTATUS dxgk_engine_create(struct dxgk_kernel *kernel, struct dxgk_engine **ret);
/* Its rings are closed before. NULL is allowed. */
void dxgk_engine_destroy(struct dxgk_engine *engine);
/* Watches a ring's doorbell from now on. STATUS_INSUFFICIENT_RESOURCES. */
NTSTATUS dxgk_engine_add(struct dxgk_engine *engine, struct dxgk_ring *ring);
/* Nobody looks at the ring any more. Waits for the worker that does, and gives the kernel's lock up meanwhile. */
void dxgk_engine_remove(struct dxgk_engine *engine, struct dxgk_ring *ring);
/* Rings that had to wait for others are looked at again. */
void dxgk_engine_unblock(struct dxgk_engine *engine);

/* Where a worker works at a ring's command. */
struct dxgk_command {
	struct wire_ring_entry entry; /* a copy that no client writes to */
	DXGKARG_ESCAPE argument;
	NTSTATUS status;
	uint64_t size; /* bytes to move; 0: it is answered */
};

/* How many commands wait; more than WIRE_RING_ENTRIES: the client writes nonsense. */
uint32_t dxgk_ring_pending(const struct dxgk_ring *ring);
/* The next command is looked at soon. */
void dxgk_ring_prefetch(const struct dxgk_ring *ring);
/* Copies the next command and begins it, under the kernel's lock. False: not now, something else holds what it needs. */
bool dxgk_ring_begin(struct dxgk_ring *ring, HANDLE worker, struct dxgk_command *ret);
/* Writes the answer. Returns whether the client sleeps and is to be woken by dxgk_ring_wake. */
bool dxgk_ring_answer(struct dxgk_ring *ring, const struct dxgk_command *command);
void dxgk_ring_wake(struct dxgk_ring *ring);
/* A client that breaks the rules gets no more answers. */
void dxgk_ring_break(struct dxgk_ring *ring);
/* Of a device; NULL is allowed. */
void dxgk_ring_destroy(struct dxgk_ring *ring);

/* ---- process.c ------------------------------------------------------------------------------------ */

/* A new local handle, charged to the user; 0 if there is none to be had. slot: the kind needs one in the object page. */
uint32_t dxgk_process_reserve_handle(struct dxgk_process *process, bool slot);
void dxgk_process_release_handle(struct dxgk_process *process, uint32_t handle);
struct wire_slot *dxgk_process_slot(struct dxgk_process *process, uint32_t handle);
/* NULL: the handle is stale, foreign, of another kind, or removed, which dispatch turns into STATUS_DEVICE_REMOVED. */
void *dxgk_process_get(struct dxgk_process *process, uint32_t handle, enum dxgk_kind kind);
/* The same for those who release it: what was removed is still there for them. */
void *dxgk_process_get_to_release(struct dxgk_process *process, uint32_t handle, enum dxgk_kind kind);
/* All of its handles belong to an adapter that is gone; its devices' waiters wake. */
void dxgk_process_remove(struct dxgk_process *process);
/* Whether it runs as the service's own user or as root. */
bool dxgk_process_is_operator(const struct dxgk_process *process);
/* It has a surface or memory of that size. */
void dxgk_process_has_size(struct dxgk_process *process, uint64_t size);
void dxgk_account_read_command(struct dxgk_account *account);
void dxgk_account_unref(struct dxgk_account *account);
struct dxgk_user *dxgk_user_ref(struct dxgk_kernel *kernel, uid_t id);
void dxgk_user_unref(struct dxgk_user *user);

/* ---- identity.c ----------------------------------------------------------------------------------- */

void dxgk_identities_init(struct dxgk_kernel *kernel);
/* For another connection of a process; pid or birth 0: one of its own. NULL: no memory. */
struct dxgk_identity *dxgk_identity_ref(struct dxgk_kernel *kernel, pid_t pid, uint64_t birth);
void dxgk_identity_unref(struct dxgk_kernel *kernel, struct dxgk_identity *identity);
/* The token, as drivers know it. */
HANDLE dxgk_identity_handle(const struct dxgk_identity *identity);
/* The driver's callbacks. */
bool dxgk_cb_is_process_alive(HANDLE handle, HANDLE process);
HANDLE dxgk_cb_get_compositor(HANDLE handle);

/* ---- object.c ------------------------------------------------------------------------------------- */

void dxgk_object_ref(struct dxgk_object *object);
/* Frees it with the last one. */
void dxgk_object_unref(struct dxgk_object *object);
/* A view of a fence or session with a new local handle; NULL: no handle or memory. Takes a reference. */
struct dxgk_view *dxgk_view_create(struct dxgk_process *process, struct dxgk_object *object);
void dxgk_view_destroy(struct dxgk_view *view);
/* A new handle of an object answers the request. STATUS_INSUFFICIENT_RESOURCES. */
NTSTATUS dxgk_reply_view(struct dxgk_call *call, struct dxgk_object *object);
/* The request names a handle of that kind that goes. STATUS_INVALID_PARAMETER. */
NTSTATUS dxgk_release_view(struct dxgk_call *call, enum dxgk_kind kind);

/* ---- device.c ------------------------------------------------------------------------------------- */

/*
 * Destroys some of a device, and takes what it cost from *budget. Returns true when the device is gone. Between the parts
 * the device is still in the table, but its process makes no request.
 */
bool dxgk_device_destroy_part(struct dxgk_device *device, uint32_t *budget);
/* The driver's callback. */
bool dxgk_cb_charge_objects(HANDLE handle, int count);
void dxgk_context_destroy(struct dxgk_context *context);

/* ---- fence.c -------------------------------------------------------------------------------------- */

/* Sets the value in every process and wakes who waits. */
void dxgk_fence_publish(struct dxgk_fence *fence, uint64_t value);
/* A session that counts in it was lost, and says so by now. */
void dxgk_fence_count_loss(struct dxgk_fence *fence);
/* Publishes what was counted and not shown yet. */
void dxgk_fence_show_losses(struct dxgk_fence *fence);
void dxgk_fence_wake(const struct dxgk_view *view);
void dxgk_fence_free(struct dxgk_fence *fence);
void dxgk_fence_show(struct dxgk_view *view);

/* ---- session.c ------------------------------------------------------------------------------------ */

void dxgk_session_set_status(struct dxgk_session *session, D3DKMT_PROTECTED_SESSION_STATUS status);
void dxgk_session_free(struct dxgk_session *session);
void dxgk_session_show(struct dxgk_view *view);
/* The driver's callback. */
NTSTATUS dxgk_cb_set_protected_session_status(const DXGKARGCB_PROTECTEDSESSIONSTATUS *argument);

/* ---- session_id.c: the numbers by which a driver calls sessions, of every kernel in this process --- */

uint64_t dxgk_session_id_create(struct dxgk_session *session); /* 0: no memory */
void dxgk_session_id_destroy(uint64_t id);
struct dxgk_session *dxgk_session_id_find(uint64_t id);
/* The first session of a kernel in *place or behind; NULL: none among the next limit places. Moves *place on. */
struct dxgk_session *dxgk_session_id_next(const struct dxgk_kernel *kernel, uint32_t *place, uint32_t limit);
/* Whether places are left. */
bool dxgk_session_id_more(uint32_t place);

/* ---- loss.c --------------------------------------------------------------------------------------- */

/*
 * Around the loss of several sessions: each fence moves once, by as many as were lost, behind all their statuses. Many
 * sessions that share a fence which many have open would be as many times the work otherwise. Before the end, those who
 * know the fences may show them.
 */
void dxgk_loss_begin(struct dxgk_kernel *kernel);
void dxgk_loss_end(struct dxgk_kernel *kernel);
/* What the calls of these names do, for those who hold the lock. */
uint32_t dxgk_lose_keys_locked(struct dxgk_kernel *kernel);
void dxgk_lose_after_sleep(struct dxgk_kernel *kernel);
/* Whether that has something to do. */
bool dxgk_has_slept(struct dxgk_kernel *kernel);
uint32_t dxgk_teardown_locked(struct dxgk_kernel *kernel);
uint32_t dxgk_remove_device_locked(struct dxgk_kernel *kernel);
/* The driver's callback. */
void dxgk_cb_teardown(HANDLE handle);
void dxgk_lose_session(struct dxgk_session *session);

/* ---- memory.c, resource.c -------------------------------------------------------------------------- */

/* A file of memory that can't shrink or grow, all of it there, and a mapping. Returns 0 or a negative errno value. */
int dxgk_memory_file_create(const char *name, uint64_t size, int *ret_descriptor, void **ret_map);
NTSTATUS dxgk_memory_create(struct dxgk_process *process, uint64_t size, struct dxgk_memory **ret);
void dxgk_memory_unref(struct dxgk_memory *memory);
void dxgk_resource_free(struct dxgk_resource *resource);
void dxgk_open_destroy(struct dxgk_open *open);

/* ---- nt_handle.c ------------------------------------------------------------------------------------ */

/* Makes one that refers to the object; *ret_descriptor is the client's end. */
NTSTATUS dxgk_nt_handle_create(struct dxgk_process *process, struct dxgk_object *object, bool readable,
			       int *ret_descriptor);
/* The object behind a descriptor that came from a client (KMT-44, KMT-51, KMT-52). */
NTSTATUS dxgk_nt_handle_open(struct dxgk_kernel *kernel, int descriptor, enum dxgk_kind kind,
			     struct dxgk_object **ret_object);
void dxgk_collect_locked(struct dxgk_kernel *kernel);
/* The adapter is gone: none of them opens any more. */
void dxgk_nt_handles_remove(struct dxgk_kernel *kernel);
void dxgk_nt_handles_clear(struct dxgk_kernel *kernel);

/* ---- dispatch.c: the shape of an answer ------------------------------------------------------------- */

/* Bytes that are some hundred microseconds of work. */
#define DXGK_HEAVY (4u << 20)

/* The whole request, if it has the size that its own counts ask for. */
#define DXGK_REQUEST(call, type) ((const struct type *)(call)->request->data)
/* The reply's fixed structure, zeroed; its size becomes the reply's. */
#define DXGK_REPLY(call, type) ((struct type *)dxgk_reply((call), sizeof(struct type)))
void *dxgk_reply(struct dxgk_call *call, size_t size);
/* Appends bytes to the reply; the caller has checked that they fit. */
void dxgk_reply_append(struct dxgk_call *call, const void *data, size_t size);
/* Sends a copy of a descriptor along. */
NTSTATUS dxgk_reply_descriptor(struct dxgk_call *call, int descriptor);

/*
 * One function a request. A status other than STATUS_SUCCESS is answered with a bare header. STATUS_PENDING: the process's
 * ending is set, and the reply comes when that is gone.
 */
typedef NTSTATUS dxgk_handler(struct dxgk_call *call);
dxgk_handler dxgk_do_hello, dxgk_do_object_page, dxgk_do_query_service, dxgk_do_root_certificate;
dxgk_handler dxgk_do_enum_adapters, dxgk_do_open_adapter, dxgk_do_close_adapter, dxgk_do_query_adapter_info;
dxgk_handler dxgk_do_create_device, dxgk_do_destroy_device, dxgk_do_get_device_state;
dxgk_handler dxgk_do_create_context, dxgk_do_destroy_context;
dxgk_handler dxgk_do_create_fence, dxgk_do_destroy_fence, dxgk_do_signal_fences, dxgk_do_open_fence;
dxgk_handler dxgk_do_create_memory, dxgk_do_destroy_memory;
dxgk_handler dxgk_do_create_allocation, dxgk_do_destroy_allocation, dxgk_do_lock_allocation;
dxgk_handler dxgk_do_query_resource, dxgk_do_open_resource, dxgk_do_share_objects;
dxgk_handler dxgk_do_escape, dxgk_do_present;
dxgk_handler dxgk_do_create_session, dxgk_do_destroy_session, dxgk_do_query_session, dxgk_do_open_session;
dxgk_handler dxgk_do_list_sessions, dxgk_do_invalidate, dxgk_do_designate_compositor, dxgk_do_create_ring;

#endif
