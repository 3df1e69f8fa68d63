/* SPDX-License-Identifier: MIT */
/* The graphics kernel as the service, or in-process mode, holds it. */
#ifndef DXV_DXGKRNL_KERNEL_H
#define DXV_DXGKRNL_KERNEL_H

#include "dxgkrnl/driver.h"
#include "wire/message.h"
#include "wire/socket.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * Not thread-safe: whoever holds it serialises its calls. Beside them it has threads of its own, the engine workers. Functions return 0 or a negative errno value, NTSTATUS where
 * a client gets to see it.
 */
struct dxgk_kernel;
struct dxgk_process;

struct dxgk_limits {
	uint32_t handles;	  /* local handles of one user */
	uint32_t processes;	  /* connections of one user */
	uint32_t nt_handles;	  /* of one user; each costs the service a descriptor */
	uint32_t sessions;	  /* live protected sessions of one user (CS-25) */
	uint32_t rings;		  /* submission rings of one user; each costs the service a descriptor */
	uint64_t protected_bytes; /* protected surfaces of one process (BLT-102) */
	uint64_t shared_bytes;	  /* system memory of one process that the service maps */
};

void dxgk_limits_default(struct dxgk_limits *ret);

struct dxgk_config {
	const struct dxgk_driver *driver;
	void *driver_context;
	struct dxgk_limits limits;
	/* Threads that move the bytes of transfers; 0: requests do, and no client has a ring. */
	uint32_t workers;
	/* What clients get to map, to see that this process has died (struct wire_liveness); NULL: nothing. */
	const int *liveness;

	/*
	 * Whether the machine has slept since the last call, so that all keys are lost (KMT-24). Asked before anything that a
	 * client could learn or do, by one thread at a time. NULL: it never does.
	 */
	bool (*has_slept)(void *context);
	/* The monitor; NULL: none is plugged in. */
	NTSTATUS (*show_picture)(void *context, const struct dxgk_picture *picture);
	/* What the service knows of itself: fills in the members that the graphics kernel can't. */
	void (*describe)(void *context, struct wire_service *ret);
	/* The installation's root certificate; valid while the kernel lives. NULL: there is none. */
	void (*root_certificate)(void *context, const uint8_t **ret, size_t *ret_size);
	void *context;
};

int dxgk_kernel_create(const struct dxgk_config *config, struct dxgk_kernel **ret);
/* Its processes are destroyed before. NULL is allowed. */
void dxgk_kernel_destroy(struct dxgk_kernel *kernel);

/* A connection of a client. -EDQUOT: the user has too many. */
int dxgk_process_create(struct dxgk_kernel *kernel, uid_t user, struct dxgk_process **ret);
/*
 * Says which process is at the other end, once and before its first request. The birth is the caller's to choose: a number
 * that no two processes with one process number share (AC-127). pid or birth 0: not known, and then the connection counts
 * as a process of its own.
 */
int dxgk_process_identify(struct dxgk_process *process, pid_t pid, uint64_t birth);
/* Gives back everything that it held. NULL is allowed. */
void dxgk_process_destroy(struct dxgk_process *process);
/*
 * The same in parts, for whoever has others to serve meanwhile. Returns true when it is gone. budget: mostly DXGK_TURN; 0: it has
 * ended, and all else is for the next part.
 */
bool dxgk_process_destroy_part(struct dxgk_process *process, uint32_t budget);

/*
 * Answers one request: checks it, acts, and fills the reply, whose data has room for WIRE_MAX_MESSAGE bytes. Descriptors
 * of the reply belong to the caller; those of the request stay the caller's. Returns 0 if there is a reply to send, or
 * -EPROTO for a message that no client library sends: the connection is to be closed.
 */
int dxgk_transact(struct dxgk_process *process, const struct wire_packet *request, struct wire_packet *reply);

/*
 * The same in parts. dxgk_begin returns 1 as well: there is more to do before there is a reply. Until dxgk_continue has
 * returned 0, with the reply, the process begins no other request; it may be destroyed.
 */
int dxgk_begin(struct dxgk_process *process, const struct wire_packet *request, struct wire_packet *reply);
int dxgk_continue(struct dxgk_process *process, struct wire_packet *reply);
/* Whether a request of this process, or its end, may move or wipe many bytes in one part. */
bool dxgk_process_is_heavy(const struct dxgk_process *process);

/* What a part does at most, in objects that it gives back or shows a change to: some ten microseconds. */
#define DXGK_TURN 64

/* Readable when dxgk_collect has work: an NT handle lost its last copy. */
int dxgk_poll_descriptor(const struct dxgk_kernel *kernel);
void dxgk_collect(struct dxgk_kernel *kernel);

/* Asks whether the machine has slept, as every other call does too. */
void dxgk_look(struct dxgk_kernel *kernel);

/*
 * The losses of KMT-24. Content-protection keys are gone: every session reads INVALID, its fence has moved, and what it
 * brought is wiped (CS-13). Each returns how many sessions were OK before.
 */
uint32_t dxgk_lose_keys(struct dxgk_kernel *kernel);
/* Content-protection teardown: the same, and counted. */
uint32_t dxgk_teardown(struct dxgk_kernel *kernel);
/*
 * The adapter is removed, or was reset: the same, and every handle that there is answers STATUS_DEVICE_REMOVED from now
 * on, but can be destroyed. Whoever opens the adapter anew finds it as good as before.
 */
uint32_t dxgk_remove_device(struct dxgk_kernel *kernel);

/*
 * The service stops: keys are lost, and from now on clients go on reading what they read now, although their handles are
 * given back: sessions that are INVALID, and fences that have moved.
 */
void dxgk_stop(struct dxgk_kernel *kernel);

struct dxgk_counts {
	uint32_t processes;
	uint32_t devices;
	uint32_t contexts;
	uint32_t fences;
	uint32_t sessions;
	uint32_t allocations;
	uint32_t resources;
	uint32_t memories;
	uint32_t rings;
	uint32_t nt_handles;
	uint32_t teardowns;
};

void dxgk_counts(const struct dxgk_kernel *kernel, struct dxgk_counts *ret);

#endif
