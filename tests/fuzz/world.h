/* SPDX-License-Identifier: MIT */
/* A graphics kernel with the driver, two clients of it, and what these have learnt from its answers. */
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

enum { FUZZ_CLIENTS = 2, FUZZ_SEEN = 8 };

struct fuzz_client {
	struct dxgk_process *process; /* NULL: hung up on */
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
	uint64_t decodes[FUZZ_SEEN];
	uint32_t decode_count;
	int first_free; /* the lowest descriptor that was not in use before */
};

extern struct fuzz_world fuzz_world;

/* switches: which of the configuration's offers there are; 0: all. */
void fuzz_world_begin(uint8_t switches);
/* Everybody leaves. Nothing may be left of what they had. */
void fuzz_world_end(void);

/*
 * For the client of that number: sends a request, which is as large as its header says, with a descriptor (-1: none); looks at the answer's shape and
 * remembers what it brought. NULL: the client was hung up on, or was before.
 */
const struct wire_header *fuzz_send(uint32_t number, const void *request, int descriptor);
struct wire_header fuzz_header(uint32_t type, size_t size);
/* One of the handles that a client has seen, mostly of that kind; or one that nobody gave. */
uint32_t fuzz_handle(uint32_t number, enum dxgk_kind kind, uint8_t selector);
void fuzz_hang_up(uint32_t client);

/* Client 0 has an adapter, device, context, fence, session, and a protected and two system surfaces of 4096 bytes. */
void fuzz_world_furnish(void);
/* Without greeting again: one more device with its session and two surfaces. */
void fuzz_add_device(uint32_t client);
uint32_t fuzz_create_session(uint32_t client, uint32_t device, const void *data, size_t size);
void fuzz_create_allocation(uint32_t client, uint32_t device, const void *data, size_t size, uint32_t memory);

/* ---- command.c ------------------------------------------------------------------------------------ */

enum { FUZZ_COMMAND_MAX = 512 };

/* A command of the user-mode half, mostly well-formed. Returns its size. */
size_t fuzz_command(struct fuzz_input *input, uint32_t client, uint8_t command, uint8_t ret[FUZZ_COMMAND_MAX]);
/* Sends it as an escape of a device, and remembers what it brought. */
void fuzz_escape(struct fuzz_input *input, uint32_t client, uint8_t *data, size_t size);

/* ---- stand_in.c ----------------------------------------------------------------------------------- */

/* Random numbers begin anew: an input does the same each time. */
void fuzz_stand_in_begin(void);
/* No secret and no protected surface is left. */
void fuzz_stand_in_end(void);
/* Called where the service is in the midst of unwrapping, and others have their turn; NULL: nothing. */
extern void (*fuzz_on_unwrap)(void);

/* ---- engine_by_hand.c: engine workers that do a step when they are told to ------------------------- */

/* A worker begins the next command of a ring, or finishes what it has begun. */
void fuzz_worker_step(uint8_t number, struct dxgk_ring *ring, bool part);

#endif
