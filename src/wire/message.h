/* SPDX-License-Identifier: MIT */
/* The control protocol: what a client library and the service say to each other, byte for byte. */
#ifndef DXV_WIRE_MESSAGE_H
#define DXV_WIRE_MESSAGE_H

#include <stdint.h>

/*
 * One SOCK_SEQPACKET packet is one message: a header, the fixed structure of its type, then bytes of variable size. The
 * client sends a request and waits for its reply, which has the same type and sequence. Descriptors travel beside as
 * SCM_RIGHTS. Everything is in the byte order and alignment of the one machine that both run on.
 *
 * The version stands in the hello, the first message of a connection; it changes with every change in this file.
 */
#define WIRE_MAGIC   0x31544c5541565844ull /* "DXVAULT1" */
#define WIRE_VERSION 5u

enum {
	WIRE_MAX_MESSAGE = 192 * 1024,
	WIRE_MAX_DESCRIPTORS = 2, /* in either direction */
	WIRE_MAX_PRIVATE_DATA = 64 * 1024,
	WIRE_MAX_ALLOCATIONS = 64, /* a resource */
	WIRE_MAX_SIGNALS = 64,
	WIRE_MAX_SHARED_OBJECTS = 3,
	WIRE_MAX_LISTED = 512, /* sessions in one answer */
};

enum wire_type {
	WIRE_HELLO = 1,
	WIRE_OBJECT_PAGE,
	WIRE_QUERY_SERVICE,
	WIRE_ROOT_CERTIFICATE,
	WIRE_ENUM_ADAPTERS,
	WIRE_OPEN_ADAPTER,
	WIRE_CLOSE_ADAPTER,
	WIRE_QUERY_ADAPTER_INFO,
	WIRE_CREATE_DEVICE,
	WIRE_DESTROY_DEVICE,
	WIRE_GET_DEVICE_STATE,
	WIRE_CREATE_CONTEXT,
	WIRE_DESTROY_CONTEXT,
	WIRE_CREATE_FENCE,
	WIRE_DESTROY_FENCE,
	WIRE_SIGNAL_FENCES,
	WIRE_OPEN_FENCE,
	WIRE_CREATE_MEMORY,
	WIRE_DESTROY_MEMORY,
	WIRE_CREATE_ALLOCATION,
	WIRE_DESTROY_ALLOCATION,
	WIRE_LOCK_ALLOCATION,
	WIRE_QUERY_RESOURCE,
	WIRE_OPEN_RESOURCE,
	WIRE_SHARE_OBJECTS,
	WIRE_ESCAPE,
	WIRE_PRESENT,
	WIRE_CREATE_SESSION,
	WIRE_DESTROY_SESSION,
	WIRE_QUERY_SESSION,
	WIRE_OPEN_SESSION,
	WIRE_LIST_SESSIONS,
	WIRE_INVALIDATE,
	WIRE_DESIGNATE_COMPOSITOR,
	WIRE_CREATE_RING,
	WIRE_TYPE_END,
};

struct wire_header {
	uint32_t size; /* of the whole message */
	uint32_t type; /* enum wire_type */
	uint32_t sequence;
	int32_t status; /* reply: NTSTATUS; request: 0 */
};

/* A request or reply that is one handle. */
struct wire_handle {
	struct wire_header header;
	uint32_t handle;
	uint32_t reserved;
};

/* ---- connection and service --------------------------------------------------------------------- */

/* Its size and the place of its version never change, so that every version can refuse every other by name. */
struct wire_hello {
	struct wire_header header;
	uint64_t magic;
	uint32_t version;
	uint32_t
		extra; /* request: where the indices of this client's handles begin; reply: 1 if a liveness comes along */
};

/* The reply to a hello that was accepted. A refusal has the first member alone. */
struct wire_welcome {
	struct wire_hello hello;
	uint64_t token; /* of the client's process (AC-127) */
};

/*
 * Behind the descriptor that the reply to the hello brings, where the service is a process of its own: the Linux kernel
 * sets FUTEX_OWNER_DIED in owner when the thread that writes the object pages has died, however it died.
 */
struct wire_liveness {
	_Atomic uint32_t owner;
};

/*
 * Object page n: a descriptor of the client's view of its own handles with index n × WIRE_SLOTS to (n + 1) × WIRE_SLOTS,
 * an array of struct wire_slot that only the service writes.
 */
struct wire_object_page {
	struct wire_header header;
	uint32_t page;
	uint32_t reserved;
};

enum {
	WIRE_SLOTS = 65536,
	WIRE_PAGES = 256,
};

enum wire_slot_kind {
	WIRE_SLOT_DEVICE = 1,
	WIRE_SLOT_SESSION,
	WIRE_SLOT_MONITORED_FENCE,
	WIRE_SLOT_FENCE, /* of another type: no value */
};

/* The status of a device's slot. */
enum wire_device_status {
	WIRE_DEVICE_ACTIVE,
	WIRE_DEVICE_REMOVED, /* its adapter was lost: no value of its fences will move again */
};

/*
 * What a client reads without asking. handle is 0 while the slot is not in use. state: the kind, and of a protected
 * session its D3DKMT_PROTECTED_SESSION_STATUS, of a device its enum wire_device_status. value: of a monitored fence.
 */
struct wire_slot {
	_Atomic uint32_t handle;
	_Atomic uint32_t state;
	_Atomic uint64_t value;
};

#define WIRE_SLOT_STATE(kind, status) ((uint32_t)(kind) << 8 | (uint32_t)(status))
#define WIRE_SLOT_KIND(state)	      ((state) >> 8)
#define WIRE_SLOT_STATUS(state)	      ((state)&0xffu)

/* Local handles: bits 31:30 the turn of the slot (1 to 3), bits 29:6 its index, bits 5:0 zero (KMT-70). */
#define WIRE_HANDLE_INDEX(handle) (((handle) >> 6) & 0xffffffu)

/* The parts of the service's sandbox that are in force. */
enum {
	WIRE_SANDBOX_CAPABILITIES = 1, /* there are none */
	WIRE_SANDBOX_SECCOMP = 2,
	WIRE_SANDBOX_LANDLOCK = 4,
	WIRE_SANDBOX_MEMORY_LOCK = 8, /* there is none but CAP_IPC_LOCK */
	WIRE_SANDBOX_NOT_BUILT = 16,  /* none is wanted: the build is instrumented */
};

struct wire_service {
	struct wire_header header;
	uint32_t process_id;
	uint32_t clients;
	uint32_t devices;
	uint32_t contexts;
	uint32_t fences;
	uint32_t sessions;
	uint32_t allocations;
	uint32_t resources;
	uint32_t nt_handles;
	uint32_t has_screen;
	uint32_t key_memory;
	uint32_t surface_memory;
	uint32_t teardown_count;
	uint32_t sandbox; /* WIRE_SANDBOX_... */
	uint64_t key_bytes;
	uint64_t surface_bytes;
	char memory_reason[128];
	char sandbox_reason[128];
	char engine[32];
	char version[32];
};

/* ---- adapter, device, context --------------------------------------------------------------------- */

struct wire_adapter {
	struct wire_header header;
	uint32_t luid_low;
	int32_t luid_high;
};

/* Reply: the answer's bytes behind the structure, size of them. */
struct wire_query_adapter_info {
	struct wire_header header;
	uint32_t adapter;
	uint32_t type; /* KMTQUERYADAPTERINFOTYPE */
	uint32_t size; /* request: of the bytes that follow, and of the room for the answer */
	uint32_t reserved;
};

struct wire_device_state {
	struct wire_header header;
	uint32_t device;
	uint32_t type; /* D3DKMT_DEVICESTATE_TYPE */
	uint32_t value;
	uint32_t reserved;
};

/* ---- fences ---------------------------------------------------------------------------------------- */

struct wire_create_fence {
	struct wire_header header;
	uint32_t device;
	uint32_t type;	/* D3DDDI_SYNCHRONIZATIONOBJECT_TYPE */
	uint32_t flags; /* D3DDDI_SYNCHRONIZATIONOBJECT_FLAGS.Value */
	uint32_t reserved;
	uint64_t value;
};

struct wire_signal_fences {
	struct wire_header header;
	uint32_t device;
	uint32_t count;
	struct {
		uint32_t fence;
		uint32_t reserved;
		uint64_t value;
	} signals[WIRE_MAX_SIGNALS];
};

/* ---- memory, allocations, resources ------------------------------------------------------------------ */

/* System memory that both sides map; the reply brings a descriptor of it. */
struct wire_create_memory {
	struct wire_header header;
	uint32_t device;
	uint32_t reserved;
	uint64_t size;
};

struct wire_create_allocation_item {
	uint32_t private_size; /* request: of the driver's private data of this allocation */
	uint32_t memory;       /* request: handle of the memory that holds the bytes, 0: none */
	uint64_t offset;       /* request: where in it they begin */
	uint32_t allocation;   /* reply */
	uint32_t reserved;
};

/*
 * Behind it: count items, the runtime's private data, the driver's private data of the resource, then that of each
 * allocation. The reply has the items alone.
 */
struct wire_create_allocation {
	struct wire_header header;
	uint32_t device;
	uint32_t resource; /* reply */
	uint32_t shared;   /* request: the resource may be shared by NT handle */
	uint32_t count;
	uint32_t runtime_size;
	uint32_t driver_size;
};

/* Reply: a descriptor of the memory, where the allocation begins in it, and its size. */
struct wire_lock_allocation {
	struct wire_header header;
	uint32_t device;
	uint32_t allocation;
	uint64_t offset;
	uint64_t size;
	uint64_t memory_size;
};

/* Reply to WIRE_QUERY_RESOURCE, with the runtime's private data behind it. */
struct wire_query_resource {
	struct wire_header header;
	uint32_t count;
	uint32_t runtime_size;
	uint32_t driver_size;
	uint32_t allocations_size; /* the driver's private data of all allocations */
};

/* Reply: as wire_create_allocation, with the private data behind the items. */
struct wire_open_resource {
	struct wire_header header;
	uint32_t device;
	uint32_t resource; /* reply */
	uint32_t count;
	uint32_t runtime_size;
	uint32_t driver_size;
	uint32_t reserved;
};

struct wire_share_objects {
	struct wire_header header;
	uint32_t count;
	uint32_t access;
	uint32_t objects[WIRE_MAX_SHARED_OBJECTS];
	uint32_t reserved;
};

/* ---- escape, present ----------------------------------------------------------------------------------- */

/* Private data behind it, in both directions. */
struct wire_escape {
	struct wire_header header;
	uint32_t adapter;
	uint32_t device;
	uint32_t context;
	uint32_t type;	/* D3DKMT_ESCAPETYPE */
	uint32_t flags; /* D3DDDI_ESCAPEFLAGS.Value */
	uint32_t size;
};

/*
 * WIRE_CREATE_RING: a device's handle; the reply is a header and two descriptors, the memory of struct wire_ring (ring.h)
 * and its doorbell. A device has at most one. STATUS_NOT_SUPPORTED: this side does without; STATUS_INSUFFICIENT_RESOURCES.
 * Escapes that would go there are good as messages too.
 */

struct wire_rectangle {
	int32_t left;
	int32_t top;
	int32_t right;
	int32_t bottom;
};

enum wire_present_flags {
	WIRE_PRESENT_FLIP = 1,	      /* full-screen */
	WIRE_PRESENT_SOURCE = 2,      /* source is given; else the whole surface */
	WIRE_PRESENT_DESTINATION = 4, /* destination is given; else the size of the source, turned as the surface is */
	WIRE_PRESENT_FLAGS = 7,
};

struct wire_present {
	struct wire_header header;
	uint32_t context;
	uint32_t source_id; /* VidPnSourceId */
	uint32_t allocation;
	uint32_t count;
	uint32_t duration;
	uint32_t flags; /* enum wire_present_flags */
	struct wire_rectangle source;
	struct wire_rectangle destination;
};

/* ---- protected sessions ---------------------------------------------------------------------------------- */

/* Behind it: the driver's private data, then the runtime's. */
struct wire_create_session {
	struct wire_header header;
	uint32_t device;
	uint32_t fence;
	uint32_t driver_size;
	uint32_t runtime_size;
};

/* Request: empty. Reply: both sizes and both blobs behind it. */
struct wire_query_session {
	struct wire_header header;
	uint32_t driver_size;
	uint32_t runtime_size;
};

/* ---- the operator's: for the service's own user and root ---------------------------------------------------- */

/* One live session. Numbers are never given twice while the service lives. */
struct wire_session_item {
	uint64_t session;
	uint64_t device;
	uint32_t process_id; /* of the process that made it, which may have ended */
	uint32_t user;
	uint32_t status; /* D3DKMT_PROTECTED_SESSION_STATUS */
	uint32_t losses;
	uint32_t age; /* seconds */
	uint32_t local_handles;
	uint32_t nt_handles;
	uint32_t reserved;
	char command[16]; /* both end with NUL; the client chose the bytes of this one */
	char crypto[32];
};

/* Request: cursor 0 begins. Reply: count items behind it, and where to go on; cursor 0: that was all. */
struct wire_list_sessions {
	struct wire_header header;
	uint64_t cursor;
	uint32_t count;
	uint32_t reserved;
};

enum wire_loss {
	WIRE_LOSS_SESSION = 1, /* of one session */
	WIRE_LOSS_KEYS,	       /* of all of them; session is 0 in this one and those below */
	WIRE_LOSS_TEARDOWN,    /* the same, counted as a teardown */
	WIRE_LOSS_DEVICE,      /* the adapter is removed, and is back at once for whoever opens it anew */
};

struct wire_invalidate {
	struct wire_header header;
	uint64_t session;
	uint32_t loss; /* enum wire_loss */
	uint32_t lost; /* reply: how many sessions were OK before */
};

struct wire_designate_compositor {
	struct wire_header header;
	uint64_t token; /* 0: no process is */
};

/* ---- checks ------------------------------------------------------------------------------------------------ */

/* What a request of a type may look like; anything else is refused before it reaches the graphics kernel. */
struct wire_rule {
	const char *name;
	uint32_t minimum; /* bytes of the request */
	uint32_t maximum;
	uint32_t descriptors; /* that must come with it */
};

/* NULL for a type that does not exist. */
const struct wire_rule *wire_rule_get(uint32_t type);

#endif
