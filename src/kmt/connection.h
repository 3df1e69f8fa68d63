/* SPDX-License-Identifier: MIT */
/* A client's connection to the graphics kernel side, and one request over it. */
#ifndef DXV_KMT_CONNECTION_H
#define DXV_KMT_CONNECTION_H

#include "wire/message.h"
#include "wire/socket.h"

#include <dxvault/d3dkmthk.h>
#include <stdbool.h>

/* How a request gets there: over a socket, or straight into a graphics kernel of this process. */
struct kmt_transport {
	/* Sends the request, receives the reply. Returns 0, or a negative errno value: the other side is gone. */
	int (*transact)(void *context, const struct wire_packet *request, struct wire_packet *reply);
	/* Whether the other side is still there, without asking it. */
	bool (*is_alive)(void *context);
	/* Returns when the other side knows that this was all, or is gone. NULL: it knows when it is closed. */
	void (*finish)(void *context);
	void (*close)(void *context);
	void *context;
	uint32_t first_index; /* where the indices of the connection's handles begin */
};

struct kmt_connection;

/* For a transport: fills in a reply with a status of its own, where the request could not be sent but all else is well. */
void kmt_reply_refuse(const struct wire_packet *request, struct wire_packet *reply, NTSTATUS status);

/*
 * A connection over a given transport; NULL: no memory, or the other side refused the hello, with errno EPROTONOSUPPORT
 * because it speaks another version of the protocol. Takes the transport over.
 */
struct kmt_connection *kmt_connection_create(const struct kmt_transport *transport);
void kmt_connection_destroy(struct kmt_connection *connection);

/*
 * The one that this thread's calls use: the process's own, made at the first call, or the one that was set for the thread
 * (in-process mode: each stands for a process). NULL: there is no service to be had.
 */
struct kmt_connection *kmt_connection_get(void);
void kmt_connection_set(struct kmt_connection *connection); /* NULL: the process's own again */
/* Ends the process's own; the next call makes another. */
void kmt_connection_disconnect(void);
/*
 * Whether it is known, without a call, that nobody writes the slots any more: a call or a wait found the other side gone,
 * or the kernel says that it died.
 */
bool kmt_connection_is_lost(struct kmt_connection *connection);
/* Where the indices of handles begin that no other connection of this process had, or of one that it was forked from. */
uint32_t kmt_connection_handles_end(void);
/* Looks whether the other side is there; if not, the connection is lost from now on. */
bool kmt_connection_check(struct kmt_connection *connection);
/* The same by asking it: a service that has begun to take things back before it ends is gone by the time of its reply. */
bool kmt_connection_ask(struct kmt_connection *connection);
/* The other side can't be believed: the connection is lost from now on. */
void kmt_connection_lose(struct kmt_connection *connection);
struct kmt_rings *kmt_connection_rings(struct kmt_connection *connection);
/* By which the graphics kernel knows this process (AC-127). */
uint64_t kmt_connection_token(const struct kmt_connection *connection);

/* The slot of a handle, as the service last wrote it; NULL: no such handle. The pointer is good while the process lives. */
const struct wire_slot *kmt_connection_slot(struct kmt_connection *connection, D3DKMT_HANDLE handle);
/* The same, where a new handle may need a page that was not mapped before. */
const struct wire_slot *kmt_connection_map_slot(struct kmt_connection *connection, D3DKMT_HANDLE handle);

/* Whether a handle is a live device of this process, as far as can be seen without asking. */
bool kmt_device_is_live(D3DKMT_HANDLE device);

/* ---- one request ----------------------------------------------------------------------------------- */

struct kmt_call {
	struct kmt_connection *connection;
	struct wire_packet *request;
	struct wire_packet *reply;
};

/*
 * Begins a request of a type with a zeroed fixed structure, and locks the connection until kmt_end. Returns the structure,
 * or NULL (nothing to end): there is no service.
 */
void *kmt_begin(struct kmt_call *call, enum wire_type type, size_t size);
/* Appends bytes; the caller has checked that they fit into WIRE_MAX_MESSAGE. */
void kmt_append(struct kmt_call *call, const void *data, size_t size);
/* Sends a descriptor along; it stays the caller's. */
void kmt_attach(struct kmt_call *call, int descriptor);
/*
 * Sends, waits, checks that a good reply has at least size bytes. Returns the reply's status; STATUS_DEVICE_REMOVED if the
 * service is gone.
 */
NTSTATUS kmt_transact(struct kmt_call *call, size_t size);
#define KMT_REPLY(call, type) ((const struct type *)(call)->reply->data)
/* Takes the last descriptor over of those that came with the reply; -1: there is none left. */
int kmt_take_descriptor(struct kmt_call *call);
void kmt_end(struct kmt_call *call);

/*
 * Gives back what was made and can't be used here, by the request that destroys it. STATUS_INSUFFICIENT_RESOURCES;
 * STATUS_DEVICE_REMOVED if the service went meanwhile, and the thing with it.
 */
NTSTATUS kmt_give_up(enum wire_type destroy, D3DKMT_HANDLE handle);
/*
 * Transacts and ends a request whose reply is a new handle with a slot, and maps that; destroy: the request that takes the
 * handle back, should the slot be out of reach (kmt_give_up). ret_slot may be NULL.
 */
NTSTATUS kmt_finish_new(struct kmt_call *call, enum wire_type destroy, D3DKMT_HANDLE *ret_handle,
			const struct wire_slot **ret_slot);

/* begin, transact and end of a request that is one handle and has no answer but its status. */
NTSTATUS kmt_call_handle(enum wire_type type, D3DKMT_HANDLE handle);
/* The same, where the answer is a handle. */
NTSTATUS kmt_call_create(enum wire_type type, D3DKMT_HANDLE parent, D3DKMT_HANDLE *ret_handle);

/*
 * kmt_begin of a request that an NT handle comes along with; *ret (NULL: nothing is filled in) is what kmt_begin returns.
 * STATUS_INVALID_HANDLE, STATUS_DEVICE_REMOVED: nothing to end.
 */
NTSTATUS kmt_begin_with_nt_handle(struct kmt_call *call, enum wire_type type, size_t size, HANDLE nt_handle,
				  void **ret);

/* An NT handle as an open descriptor; -1 if it can't be one (KMT-03, KMT-51). */
int kmt_nt_handle_descriptor(HANDLE handle);

#endif
