/* SPDX-License-Identifier: MIT */
/* The objects of the kernel-mode driver, and what its files call in each other. */
#ifndef DXV_KMD_KMD_INTERNAL_H
#define DXV_KMD_KMD_INTERNAL_H

#include "driver/driver_private.h"
#include "gpu/gpu.h"
#include "kmd/kmd.h"
#include "util/list.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The graphics kernel serialises all calls of one adapter, RunTransfer apart: nothing here takes a lock. A transfer holds
 * its session and its surfaces from begin to finish, and other calls come in between. So an entry that looks at one of
 * them, or changes it, first waits until nobody holds it (kmd_*_settle).
 */

/* ---- objects ---------------------------------------------------------------------------------- */

struct kmd_adapter {
	const struct dxgk_interface *kernel;
	struct kmd_config config;
	struct list sessions;
	struct list allocations;
	struct list channels;
	struct list transfers; /* under way */
	uint32_t workers;
	/* What is given out next. No number is given twice, whichever process it went to (AC-008, AC-141). */
	uint64_t next_channel;
	uint64_t next_device;
	uint64_t next_decode;
	uint64_t sessions_made; /* numbers of sessions and of key exchanges: never given twice, never 0 */
	uint64_t exchanges_made;
	uint64_t
		seal; /* random, of this start of the adapter: with an exchange's number it makes the seals of a session */
};

/* Who may open a device's restricted resources: a process by its token, or the compositor, whoever that is. */
struct kmd_grant {
	uint32_t type;	/* PROCESSIDTYPE_DWM or PROCESSIDTYPE_HANDLE */
	HANDLE process; /* NULL for the compositor */
};

struct kmd_device {
	struct kmd_adapter *adapter;
	HANDLE kernel_handle; /* the graphics kernel's */
	HANDLE process;	      /* the token of whose it is */
	uint64_t id;	      /* what the DEVICEHANDLE query tells */
	uint32_t sessions;    /* that it named first, and are still there */
	struct list opens;    /* of protected surfaces */
	uint32_t open_count;
	struct list shared;    /* allocations that it made, and that others may open */
	uint32_t unrestricted; /* resources among them that are protected, and open to everybody (AC-146) */
	struct list channels;
	uint32_t channel_count;
	uint32_t level; /* what its channels hold together: PROTECTION flags (AC-109) */
	struct list decodes;
	uint32_t decode_count;
	struct kmd_grant *grants; /* in the order of their adding (AC-130) */
	uint32_t grant_count;
	uint32_t grant_room;
};

/*
 * Who may read a protected surface (BLT-123): under which session and which of its key exchanges it was last written.
 * Both 0: never written, open to every session. exchange 0 alone: wiped, closed to all until it is written again.
 */
struct kmd_tie {
	uint64_t session;
	uint64_t exchange;
};

struct kmd_session;

/* The flags of PROTECTION, by bit. */
enum { KMD_PROTECTION_ENABLED, KMD_FULLSCREEN_REQUIRED, KMD_PROTECTIONS };

/* What allocations that were made as one have in common. Lives while one of them does. */
struct kmd_resource {
	uint32_t references;
	uint32_t unrestricted; /* allocations that are protected, shared, and open to everybody */
};

struct kmd_allocation {
	struct kmd_adapter *adapter;
	struct kmd_resource *resource;
	struct list link;
	struct drv_allocation info;
	D3DDDI_RESOURCEFLAGS flags; /* info.flags */
	HANDLE process;		    /* that made it; NULL until it opened it, which is at once */
	struct kmd_device *creator; /* of a shared one, while that lives */
	struct list creator_link;
	uint32_t guards[KMD_PROTECTIONS]; /* how many that have it open are devices with that flag in their level */
	uint32_t pitch;
	uint64_t size; /* linear bytes, L */
	void *memory;  /* ours if protected, else the graphics kernel's, which clients write to at any time */
	struct kmd_tie tie;
	uint32_t locks;				  /* devices that hold one: no transfer meanwhile (BLT-40) */
	uint64_t wipes;				  /* how often; for locks that were taken before */
	struct kmd_allocation *next_written;	  /* the others of the session, while it is there */
	struct kmd_allocation **previous_written; /* what points here; NULL: nothing */
};

/* What DxgkDdiOpenAllocation makes: an allocation as one device sees it. */
struct kmd_open_allocation {
	struct kmd_device *device;
	struct list device_link;
	struct kmd_allocation *allocation;
	bool is_locked;
	uint64_t wipes_seen; /* allocation->wipes when it was locked */
};

/* The IVs used with each key (BLT-07 to BLT-15). Entries outlive keys, so they hold their names (gpu_key_name). */
struct kmd_history_entry {
	uint8_t name[GPU_BLOCK_SIZE];
	uint64_t iv;   /* the last one, which is the highest (BLT-08) */
	uint64_t used; /* the larger, the later */
};

struct kmd_history {
	struct kmd_history_entry *entries;
	uint32_t count;
	uint32_t room;
	uint64_t uses;
};

/*
 * Key material that is not in a slot; in protected memory. A seal stands on either side: what runs over it from below or
 * from above, or writes where it should not, breaks one, and the session's keys are lost at their next use (KMT-24).
 */
struct kmd_secrets {
	uint64_t seal_before;
	uint8_t pending[GPU_KEY_SIZE];	      /* number of a refresh (CS-48) */
	uint8_t work[GPU_KEY_SIZE];	      /* for the time of one call; zero between calls */
	uint8_t name[GPU_BLOCK_SIZE];	      /* of the session key */
	uint8_t content_name[GPU_BLOCK_SIZE]; /* of the content key, while a transfer has one */
	uint64_t seal_behind;
};

struct kmd_session {
	struct kmd_adapter *adapter;
	struct list link;
	struct kmd_device *device;	/* the first that named it; NULL: none has, or it is gone */
	struct kmd_allocation *written; /* the first of those that are tied to it */
	HANDLE kernel_handle;
	uint64_t number;
	uint64_t exchange; /* the present one's number; 0 while there is no key */
	bool is_crypto;	   /* made with our private data, so that it has a key to exchange */
	bool is_orphan;	   /* its device is gone: nobody may name it any more */
	bool is_lost;	   /* reported INVALID, and not OK since */
	bool has_pending;
	bool has_readback_iv;
	uint8_t profile;      /* which of the decode profiles it was made for; KMD_NO_PROFILE: it is not for decoding */
	uint64_t readback_iv; /* IV number of the next EncryptionBlt (BLT-22 to BLT-24) */
	struct kmd_secrets *secrets; /* these four are NULL until the first key exchange */
	struct gpu_key *key;
	struct gpu_key *readback;
	struct gpu_key *spare; /* empty between calls: a new key is loaded here and then changes places */
	struct kmd_history history;
};

/*
 * A blt under way: session and surfaces are its own until it is finished. Or a picture on its way to the monitor: then it
 * has a source alone.
 */
struct kmd_transfer {
	struct list link; /* the adapter's */
	struct kmd_session *session;
	struct kmd_allocation *source;
	struct kmd_allocation *destination;
	struct gpu_key *key;
	const uint8_t *name; /* of a decryption's key, in the session's secrets; NULL: an encryption */
	struct gpu_pattern pattern;
	bool has_pattern;
	uint8_t iv[GPU_IV_SIZE];
	uint64_t size;
};

struct kmd_worker;

/* An authenticated channel. The key is in the slot alone. */
struct kmd_channel {
	struct list link; /* the adapter's */
	struct list device_link;
	struct kmd_device *device;
	uint64_t handle;
	uint32_t type;	     /* DDIAUTHENTICATEDCHANNELTYPE */
	struct gpu_mac *mac; /* NULL: no key */
	bool is_lost;	     /* it had a key, which went with the key store: it never gets another (AC-171) */
	bool is_initialised;
	uint64_t next_command; /* the lowest number that is fresh; 2^32 behind the last (AC-048) */
	uint64_t next_query;
	uint32_t protection; /* its own flags */
	GUID encryption;     /* its own hold; zero: none */
};

/* A decode device of the test configuration: it can be tied to a session, and decodes nothing. */
struct kmd_decode {
	struct list link;
	uint64_t handle;
	uint8_t profile;
	D3DKMT_HANDLE session; /* as the client named it; 0: not tied */
	uint64_t session_number;
	uint64_t session_name;	   /* what the message called it: hCryptoSession of the user-mode half */
	struct kmd_channel *owner; /* that tied it; NULL: it is gone, or nothing is tied */
};

/* ---- entries of the table --------------------------------------------------------------------- */

DXGKDDI_CREATEDEVICE kmd_create_device;
DXGKDDI_DESTROYDEVICE kmd_destroy_device;
DXGKDDI_CREATEALLOCATION kmd_create_allocation;
DXGKDDI_DESTROYALLOCATION kmd_destroy_allocation;
DXGKDDI_DESCRIBEALLOCATION kmd_describe_allocation;
DXGKDDI_OPENALLOCATIONINFO kmd_open_allocation;
DXGKDDI_CLOSEALLOCATION kmd_close_allocation;
DXGKDDI_ESCAPE kmd_escape;
DXGKDDI_CREATEPROTECTEDSESSION kmd_create_session;
DXGKDDI_DESTROYPROTECTEDSESSION kmd_destroy_session;
NTSTATUS kmd_map_system_memory(HANDLE hAdapter, HANDLE hAllocation, void *memory, SIZE_T size);
NTSTATUS kmd_present(HANDLE hDevice, HANDLE hAllocation, struct dxgk_picture *picture);
void kmd_lose_keys(HANDLE hAdapter);
void kmd_lose_session_keys(HANDLE hAdapter, HANDLE hProtectedSession);
void kmd_orphan_session(HANDLE hAdapter, HANDLE hProtectedSession);
NTSTATUS kmd_create_worker(HANDLE hAdapter, HANDLE *ret_hWorker);
void kmd_destroy_worker(HANDLE hWorker);
NTSTATUS kmd_begin_transfer(HANDLE hAdapter, HANDLE hWorker, const DXGKARG_ESCAPE *arg, UINT64 *ret_size);
void kmd_run_transfer(HANDLE hOwner, HANDLE hWorker, UINT64 offset, UINT64 size);
void kmd_finish_transfer(HANDLE hOwner, const DXGKARG_ESCAPE *arg);
void kmd_describe_session(HANDLE hAdapter, HANDLE hProtectedSession, char *text, SIZE_T size);

/* ---- allocation.c ----------------------------------------------------------------------------- */

static inline bool kmd_allocation_is_protected(const struct kmd_allocation *allocation)
{
	return allocation->flags.RestrictedContent;
}

static inline bool kmd_allocation_is_system(const struct kmd_allocation *allocation)
{
	return allocation->info.pool == D3DDDIPOOL_SYSTEMMEM;
}

/* A surface was written by a session, in its present key exchange. */
void kmd_allocation_tie(struct kmd_allocation *allocation, struct kmd_session *session);
/* Bytes of the CPU are there: a tie stays, but what was wiped is open to all again. */
void kmd_allocation_written_by_cpu(struct kmd_allocation *allocation);
/* The session no longer finds it, by its own end or the allocation's; the tie stays. */
void kmd_allocation_untie(struct kmd_allocation *allocation);
/* Zeroes a protected surface; nobody may read or show it until it is written again (CS-13). */
void kmd_allocation_wipe(struct kmd_allocation *allocation);
bool kmd_allocation_is_lost(const struct kmd_allocation *allocation);
/* The device that made it ends: nobody's list admits others any more. */
void kmd_allocation_leave_creator(struct kmd_allocation *allocation);

/* ---- session.c -------------------------------------------------------------------------------- */

/* Frees a session that is in no list. */
void kmd_session_free(struct kmd_session *session);

/* Writes the seals, when there is a new key. */
void kmd_session_seal(struct kmd_session *session);
bool kmd_session_is_sealed(const struct kmd_session *session);
/* False if a seal was broken: the keys are lost now, and INVALID is reported. Called before keys are used. */
bool kmd_session_check_seals(struct kmd_session *session);

/* Reports a session OK again if it was lost (KMT-20). */
void kmd_session_recover(struct kmd_session *session);

/* ---- key.c: the handlers of escapes ------------------------------------------------------------ */

HRESULT kmd_key_exchange(struct kmd_session *session, struct drv_escape_key_exchange *escape);
HRESULT kmd_start_refresh(struct kmd_session *session, struct drv_escape_key *escape);
HRESULT kmd_finish_refresh(struct kmd_session *session);
HRESULT kmd_get_readback_key(struct kmd_session *session, struct drv_escape_key *escape);

/* A state in which there is a key to work with: S2 or S3. */
static inline bool kmd_session_has_key(const struct kmd_session *session)
{
	return session->exchange != 0;
}

/* E_OUTOFMEMORY for -ENOMEM, E_INVALIDARG for -EBADMSG, S_OK for 0, else E_FAIL. */
HRESULT kmd_result(int r);

/* ---- blt.c ------------------------------------------------------------------------------------ */

/*
 * Steps 7 to 16 of BLT-120 of a blt of either kind, with surfaces that nobody else holds; NULL: there is none. S_OK: ret says
 * what is to be moved, and kmd_blt_finish follows. Else nothing has changed.
 */
HRESULT kmd_blt_begin(struct kmd_transfer *ret, struct kmd_session *session, struct kmd_allocation *source,
		      struct kmd_allocation *destination, const struct drv_escape_blt *escape);
/* Step 17. r: what the engine said. Writes the vector of an EncryptionBlt. */
HRESULT kmd_blt_finish(struct kmd_transfer *transfer, int r, struct drv_escape_blt *escape);

/* ---- transfer.c ------------------------------------------------------------------------------- */

void kmd_transfer_enter(struct kmd_adapter *adapter, struct kmd_transfer *transfer);
void kmd_transfer_leave(struct kmd_transfer *transfer);

/* Whether a transfer holds it; content: the session or a surface that it would wipe if it lost its keys. */
bool kmd_session_is_held(const struct kmd_session *session);
bool kmd_content_is_held(const struct kmd_session *session);
bool kmd_allocation_is_held(const struct kmd_allocation *allocation);
/* Wait until that is not so; the last one until nothing is under way. Not for workers, who try again later. */
void kmd_session_settle(const struct kmd_session *session);
void kmd_content_settle(const struct kmd_session *session);
void kmd_allocation_settle(const struct kmd_allocation *allocation);
void kmd_adapter_settle(const struct kmd_adapter *adapter);

/* All of a blt, by the thread that calls. For use inside an escape. */
HRESULT kmd_blt(struct kmd_device *device, struct kmd_session *session, struct drv_escape_blt *escape);
/* kmd_blt_begin for a worker, who owns the transfer from then on. */
HRESULT kmd_worker_begin(struct kmd_worker *worker, struct kmd_session *session, struct kmd_allocation *source,
			 struct kmd_allocation *destination, const struct drv_escape_blt *escape, uint64_t *ret_size);

/* ---- lock.c ----------------------------------------------------------------------------------- */

HRESULT kmd_lock(struct kmd_device *device, const struct drv_escape_lock *escape);
HRESULT kmd_unlock(struct kmd_device *device, const struct drv_escape_lock *escape);
/* Nothing is copied back. */
void kmd_drop_lock(struct kmd_open_allocation *open);

/* ---- protection.c ----------------------------------------------------------------------------- */

/* Before the flags of its channels change: surfaces may be wiped with that. */
void kmd_device_settle(const struct kmd_device *device);
/* What PROTECTION answers (AC-109). */
uint32_t kmd_device_level(const struct kmd_device *device);
/*
 * The flags of its channels have changed. Protected surfaces whose last protection fell with that are wiped (AC-114,
 * BLT-112).
 */
void kmd_device_update_level(struct kmd_device *device);
/* Whether protection is enabled, by the adapter or by one of those that have it open. */
bool kmd_allocation_is_guarded(const struct kmd_allocation *allocation);
/* A device has it open, or no longer. False: it has too many. */
bool kmd_guards_enter(struct kmd_open_allocation *open);
void kmd_guards_leave(struct kmd_open_allocation *open);

/* ---- grants.c --------------------------------------------------------------------------------- */

/* The list of AC-125. Entries of processes that have ended are dropped by whichever of these comes next. */
HRESULT kmd_grant_add(struct kmd_device *device, uint32_t type, HANDLE process); /* E_OUTOFMEMORY */
void kmd_grant_remove(struct kmd_device *device, uint32_t type, HANDLE process);
uint32_t kmd_grant_count(struct kmd_device *device);
/* NULL behind the last. */
const struct kmd_grant *kmd_grant_at(struct kmd_device *device, uint32_t index);
/* Whether a process that did not make it may open a restricted resource (AC-132, AC-133). */
bool kmd_allocation_admits(const struct kmd_allocation *allocation, HANDLE process);

/* ---- decode.c --------------------------------------------------------------------------------- */

enum { KMD_NO_PROFILE = 0xff };
/* The number of a profile that the adapter has; KMD_NO_PROFILE: it has none such. */
uint8_t kmd_profile_find(const struct kmd_adapter *adapter, const GUID *profile);
HRESULT kmd_create_decode(struct kmd_device *device, struct drv_escape_decode *escape);
HRESULT kmd_destroy_decode(struct kmd_device *device, const struct drv_escape_decode *escape);
struct kmd_decode *kmd_decode_find(const struct kmd_device *device, uint64_t handle);
void kmd_decode_free(struct kmd_device *device, struct kmd_decode *decode);
void kmd_decode_tie(struct kmd_decode *decode, D3DKMT_HANDLE handle, uint64_t name, const struct kmd_session *session,
		    struct kmd_channel *owner);
/* The session that it is tied to. NULL: none, or its handle was closed since. For use inside an escape. */
struct kmd_session *kmd_decode_session(struct kmd_device *device, struct kmd_decode *decode);
/*
 * The session that a message names: handle is the client's of it, and name what the buffer calls it, the same wherever it is
 * tied (AC-117). NULL: there is no such session on the device. The same.
 */
struct kmd_session *kmd_session_named(struct kmd_device *device, D3DKMT_HANDLE handle, uint64_t name);
/* Whether any decode device is tied to it. The same. */
bool kmd_session_is_tied(struct kmd_device *device, const struct kmd_session *session);
/* What the channel tied stays tied, and belongs to nobody (AC-162). */
void kmd_decodes_disown(struct kmd_device *device, const struct kmd_channel *owner);

/* ---- channel.c -------------------------------------------------------------------------------- */

HRESULT kmd_create_channel(struct kmd_device *device, struct drv_escape_channel *escape);
HRESULT kmd_destroy_channel(struct kmd_device *device, const struct drv_escape_channel *escape);
HRESULT kmd_channel_key_exchange(struct kmd_device *device, const struct drv_escape_channel_key *escape);
/* NULL: there is none, or it is another device's. */
struct kmd_channel *kmd_channel_find(const struct kmd_device *device, uint64_t handle);
void kmd_channel_free(struct kmd_channel *channel);
/* The key store is lost (AC-169). */
void kmd_channel_lose_key(struct kmd_channel *channel);

/* ---- channel_message.c ------------------------------------------------------------------------ */

/* The result, which stands in the answer too wherever one was written. */
HRESULT kmd_configure_channel(struct kmd_device *device, struct drv_escape_message *escape);
HRESULT kmd_query_channel(struct kmd_device *device, struct drv_escape_message *escape);

/* ---- channel_command.c, channel_query.c --------------------------------------------------------- */

/*
 * What a command or query does once the message was found good and its number is used up. The buffers are those of the
 * escape: input is a copy that nobody else writes, output is zero behind its header. A failing one changes nothing.
 */
typedef HRESULT kmd_command_fn(struct kmd_channel *channel, const struct drv_escape_message *message);
typedef HRESULT kmd_query_fn(struct kmd_channel *channel, const struct drv_escape_message *message, uint8_t *output);

struct kmd_command {
	const GUID *type;
	kmd_command_fn *run;
	uint32_t size;
	bool is_initialize;
	bool is_for_hardware; /* section 11 of authenticated-channel.md */
};

struct kmd_query {
	const GUID *type;
	kmd_query_fn *run;
	uint32_t input_size;
	uint32_t output_size;
	bool is_for_hardware;
};

extern const struct kmd_command kmd_commands[]; /* the last one has no type */
extern const struct kmd_query kmd_queries[];	/* the same */

/* The encryption that the device's channels hold; zero: none (AC-136). */
GUID kmd_device_encryption(const struct kmd_device *device);
/* The GUIDs on offer; NULL behind the last. */
const GUID *kmd_encryption_at(const struct kmd_adapter *adapter, uint32_t index);
/* A member of a structure at bytes of any alignment. */
#define KMD_GET(bytes, type, member, ret) memcpy((ret), (bytes) + offsetof(type, member), sizeof(*(ret)))
#define KMD_PUT(bytes, type, member, value)                                    \
	do {                                                                   \
		const __typeof__(((type *)NULL)->member) put_ = (value);       \
                                                                               \
		memcpy((bytes) + offsetof(type, member), &put_, sizeof(put_)); \
	} while (0)

/* ---- history.c -------------------------------------------------------------------------------- */

/* False if the IV number is not above the last one of this key (BLT-07, BLT-08). */
bool kmd_history_allows(const struct kmd_history *history, const uint8_t name[GPU_BLOCK_SIZE], uint64_t iv);

/* Makes sure that kmd_history_record needs no memory. -ENOMEM. */
int kmd_history_reserve(struct kmd_history *history);

/* May forget the key that was not used for the longest time, but none of the latest 256 (BLT-14). */
void kmd_history_record(struct kmd_history *history, const uint8_t name[GPU_BLOCK_SIZE], uint64_t iv);

void kmd_history_free(struct kmd_history *history); /* wiped */

/* ---- escape.c --------------------------------------------------------------------------------- */

/* The calling device's view of an allocation; NULL if there is none (BLT-39). For use inside an escape. */
struct kmd_open_allocation *kmd_find_open_allocation(struct kmd_device *device, D3DKMT_HANDLE handle);
struct kmd_allocation *kmd_find_allocation(struct kmd_device *device, D3DKMT_HANDLE handle);
/* The calling device's session; NULL if there is none. The same. */
struct kmd_session *kmd_find_session(struct kmd_device *device, D3DKMT_HANDLE handle);

#endif
