/* SPDX-License-Identifier: MIT */
/* A graphics kernel with the driver, two hostile clients of it and a witness, and what these have learnt from its answers. */
#ifndef DXV_TESTS_FUZZ_WORLD_H
#define DXV_TESTS_FUZZ_WORLD_H

#include "driver/driver_private.h"
#include "dxgkrnl/internal.h"
#include "input.h"
#include "kmd/kmd.h"

#include <stdbool.h>
#include <stdint.h>

/* A promise is broken: the fuzzer keeps the input. */
#define FUZZ_CHECK(expression) ((expression) ? (void)0 : fuzz_fail(#expression, __FILE__, __LINE__))
_Noreturn void fuzz_fail(const char *what, const char *file, int line);

/* The last client is an honest one: whatever the others send, nothing of its changes. */
enum { FUZZ_HOSTILE = 2, FUZZ_WITNESS = FUZZ_HOSTILE, FUZZ_CLIENTS, FUZZ_SEEN = 8, FUZZ_DESCRIPTORS = 5 };

struct fuzz_client {
	struct dxgk_process *process; /* NULL: hung up on, or the server's */
	int socket;		      /* -1: it needs none, or was hung up on */
	uint64_t token;
	uint32_t handles[DXGK_KIND_END][FUZZ_SEEN]; /* those that answers gave, dead ones too */
	uint32_t counts[DXGK_KIND_END];
};

struct fuzz_channel {
	uint64_t handle;
	uint8_t key[16];
	uint32_t numbers[2]; /* of the next query, the next command */
};

struct fuzz_world {
	struct dxgk_kernel *kernel;
	struct fuzz_client clients[FUZZ_CLIENTS];
	int descriptors[FUZZ_SEEN]; /* that came with answers */
	uint32_t descriptor_count;
	struct fuzz_channel channels[FUZZ_SEEN];
	uint32_t channel_count;
	uint64_t foreign_channel; /* the witness's */
	uint64_t decodes[FUZZ_SEEN];
	uint32_t decode_count;
	int first_free;	 /* the lowest descriptor that was not in use before */
	uint64_t listed; /* the number of the last session that the operator was told of */
	bool is_served;	 /* over sockets, all by this user */
	struct fuzz_witness *witness;
	bool has_lost; /* the witness too has lost its keys, as the operator, or the target, wanted */
};

extern struct fuzz_world fuzz_world;

/* switches: which of the configuration's offers there are; 0: all. The highest: clients come over sockets. */
void fuzz_world_begin(uint8_t switches);
/* The clients leave. Nothing may be left of what they had, and the witness has all that it had. */
void fuzz_world_end(void);

void fuzz_hang_up(uint32_t client);

/* As the service's loop and its operator do. */
enum fuzz_loss { FUZZ_LOSE_KEYS, FUZZ_TEARDOWN, FUZZ_REMOVE_DEVICE };
void fuzz_lose(enum fuzz_loss loss);

/* ---- exchange.c ----------------------------------------------------------------------------------- */

/*
 * For the client of that number: sends a request, which is as large as its header says, with a descriptor (-1: none); looks
 * at the answer's shape and remembers what it brought. NULL: the client was hung up on, or was before.
 */
const struct wire_header *fuzz_send(uint32_t number, const void *request, int descriptor);
/* The same with any bytes, and any number of descriptors; if it does not wait, over a socket, it reads no answer. */
const struct wire_header *fuzz_send_packet(uint32_t number, const struct wire_packet *packet, bool waits);
struct wire_header fuzz_header(uint32_t type, size_t size);
/* One of the handles that a client has seen, mostly of that kind; or one that nobody gave. */
uint32_t fuzz_handle(uint32_t number, enum dxgk_kind kind, uint8_t selector);

/* ---- furnish.c ------------------------------------------------------------------------------------ */

/* The client has an adapter, device, context, fence, session, and a protected and two system surfaces of 4096 bytes. */
void fuzz_furnish(uint32_t client);
/* An adapter, a device and a context alone. */
void fuzz_greet(uint32_t client);
/* Without greeting again: one more device with its session and three surfaces. */
void fuzz_add_device(uint32_t client);
uint32_t fuzz_create_session(uint32_t client, uint32_t device, const void *data, size_t size);
void fuzz_create_allocation(uint32_t client, uint32_t device, const void *data, size_t size, uint32_t memory);

/* ---- witness.c ------------------------------------------------------------------------------------ */

struct fuzz_witness;

/* Makes the last client, with a key, content in a protected surface, and a channel that protects it. */
struct fuzz_witness *fuzz_witness_create(void);
/* Its user does not pay for it any more. */
void fuzz_witness_free(struct fuzz_witness *witness);
/* Each of its objects is byte for byte as it was; or has lost its keys, and nothing else. */
void fuzz_witness_check(const struct fuzz_witness *witness, bool has_lost);
/* An operator's request that succeeded: does it take keys from the witness? */
bool fuzz_witness_is_meant(const struct fuzz_witness *witness, const struct wire_invalidate *request);
/* Of its channel: others know the handle. */
uint64_t fuzz_witness_channel(const struct fuzz_witness *witness);
/* No bytes that others can read are those of its picture. */
void fuzz_look_for_picture(const void *data, size_t size);

/* ---- driver_watch.c: entries of the driver's table, and the monitor --------------------------------- */

NTSTATUS fuzz_watch_escape(HANDLE adapter, const DXGKARG_ESCAPE *arg);
NTSTATUS fuzz_watch_begin_transfer(HANDLE adapter, HANDLE worker, const DXGKARG_ESCAPE *arg, UINT64 *ret_size);
NTSTATUS fuzz_watch_picture(void *context, const struct dxgk_picture *picture);

/* ---- over_sockets.c: the service's own loop, with clients at the other ends of sockets -------------- */

struct fuzz_server *fuzz_server_create(struct dxgk_kernel *kernel);
void fuzz_server_destroy(struct fuzz_server *server); /* NULL is allowed */
void fuzz_server_begin(struct fuzz_server *server);
void fuzz_server_end(void);
/* Answers go into the packet. 0; -EPIPE: the connection has ended. */
int fuzz_server_transact(struct fuzz_client *client, const struct wire_packet *request, struct wire_packet *reply,
			 bool waits);
void fuzz_server_hang_up(struct fuzz_client *client);

/* ---- command.c ------------------------------------------------------------------------------------ */

enum { FUZZ_COMMAND_MAX = 512 };

/* A command of the user-mode half, mostly well-formed. Returns its size. */
size_t fuzz_command(struct fuzz_input *input, uint32_t client, uint8_t command, uint8_t ret[FUZZ_COMMAND_MAX]);
/* Sends it as an escape of a device, and remembers what it brought. */
void fuzz_escape(struct fuzz_input *input, uint32_t client, uint8_t *data, size_t size);
/* Both, for one whose code and bytes are known. */
void fuzz_run(uint32_t client, const uint8_t *bytes, size_t size);

/* ---- stand_in.c ----------------------------------------------------------------------------------- */

/* Random numbers begin anew: an input does the same each time. */
void fuzz_stand_in_begin(uint64_t seed);
/* What is in use. */
struct fuzz_in_use {
	size_t secrets;
	size_t surface_bytes;
};
struct fuzz_in_use fuzz_in_use(void);
/* Called where the service is in the midst of unwrapping, and others have their turn; NULL: nothing. */
extern void (*fuzz_on_unwrap)(void);

/* ---- engine_by_hand.c: engine workers that do a step when they are told to ------------------------- */

/* Memory that a client has mapped as well: what a worker reads there, it reads once. */
bool fuzz_is_shared(const void *memory);
/* A worker begins the next command of a ring, or finishes what it has begun. */
void fuzz_worker_step(uint8_t number, struct dxgk_ring *ring, bool part);

#endif
