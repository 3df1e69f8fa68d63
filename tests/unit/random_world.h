/* SPDX-License-Identifier: MIT */
/* What random sequences of DDI calls work on: the real stack beside the model, chance, faults, and the story so far. */
#ifndef DXV_TESTS_RANDOM_WORLD_H
#define DXV_TESTS_RANDOM_WORLD_H

#include "failing_alloc.h"
#include "kernel_fixture_stack.h"
#include "session_model.h"

#include <stdio.h>
#include <string.h>

enum {
	RW_LINES = 64,
	RW_KEYS = 4,
	RW_BLOBS = RW_KEYS + 2, /* a broken one, and one for the channel's leaf */
	RW_DEAD = 16,
	RW_SLOT = 256, /* bytes of a system-memory surface, of which the last ones are guards */
	RW_AREA = 16384,
};

/* The model's objects have the same numbers here. The last device is in another process than the others. */
struct rw_world {
	struct ik *ik;
	struct kmt_connection *processes[2];
	struct model model;
	struct st devices[MODEL_DEVICES];
	uint8_t *areas[MODEL_DEVICES]; /* memory that the service sees */
	HANDLE sessions[MODEL_SESSIONS];
	UINT64 numbers[MODEL_SESSIONS]; /* the operator's */
	struct rw_resource {
		HANDLE handle;
		struct rt_resource *runtime; /* or NULL */
		int nt_handle;		     /* -1: not shared */
		uint8_t *memory[MODEL_SURFACES];
	} resources[MODEL_RESOURCES];
	HANDLE dead[RW_DEAD];
	unsigned int dead_count;
	uint64_t highest;   /* IV number */
	unsigned int shape; /* of most surfaces, so that they go together */
};

extern struct rw_world rw_world;
extern uint8_t rw_blobs[RW_BLOBS][256];
extern uint8_t rw_keys[RW_KEYS][16];

/* ---- chance ------------------------------------------------------------------------------------------------ */

void rw_seed(uint64_t seed, unsigned long sequence);
uint64_t rw_chance(void);
unsigned int rw_below(unsigned int limit);
bool rw_one_in(unsigned int count);

/* ---- the story of a sequence: a line for each call, printed when one went wrong -------------------------------- */

extern char rw_story[RW_LINES][160];
extern unsigned int rw_story_size;

#define RW_TELL(...) snprintf(rw_story[rw_story_size % RW_LINES], sizeof(rw_story[0]), __VA_ARGS__)

void rw_tell_all(void);

#define RW_CHECK(condition)                                                                       \
	do {                                                                                      \
		if (!(condition)) {                                                               \
			rw_tell_all();                                                            \
			fail_msg("%s: %s", rw_story[(rw_story_size - 1) % RW_LINES], #condition); \
		}                                                                                 \
	} while (0)

/* Byte for byte, padding included: a call writes nothing beside its outputs. */
static inline bool rw_is_same(const void *a, const void *b, size_t size)
{
	return memcmp(a, b, size) == 0;
}

/* ---- one call ---------------------------------------------------------------------------------------------------- */

enum rw_operation {
	RW_CREATE,
	RW_DESTROY,
	RW_EXCHANGE,
	RW_START,
	RW_FINISH,
	RW_GET_KEY,
	RW_ENCRYPT,
	RW_DECRYPT,
	RW_GET_PITCH,
	RW_CREATE_RESOURCE,
	RW_OPEN_RESOURCE,
	RW_DESTROY_RESOURCE,
	RW_LOCK,
	RW_UNLOCK,
	RW_OPERATIONS,
};

/* What a call may answer besides what the model says: that it lacked memory, or random numbers. */
enum { RW_NEVER = 0, RW_MEMORY = 1, RW_RANDOM = 2 };

extern struct rw_fault {
	bool is_random_due;
	unsigned int failed; /* allocations */
} rw_fault;

/* At times, one of the first allocations fails, or the next random number. */
void rw_fault_begin(unsigned int most);
void rw_fault_end(void);
/* The call that was told has answered hr. Fails if it should not have; returns whether it did its work. */
bool rw_judge(enum rw_operation operation, HRESULT expected, HRESULT hr, unsigned int may);
/* Each operation has come to each of its codes: a test that never got so far has shown nothing. */
void rw_assert_all_seen(void);

/* ---- handles: mostly good ones ------------------------------------------------------------------------------------- */

/* The calling thread is in the process of that device from now on. */
void rw_become(int device);
/* The same; the table of that device, or of some other where there is none. */
const D3DDDI_DEVICEFUNCS *rw_funcs(int device);
/* A handle that is used up. */
void rw_bury(HANDLE handle);

int rw_pick_device(void);
HANDLE rw_device_handle(int device);
int rw_pick_session(int device);
/* Sets *session to MODEL_NONE where it is none that lives. */
HANDLE rw_session_handle(int *session);
int rw_pick_resource(int device, bool is_system);
/* A surface in system memory that goes with a protected one. */
int rw_pick_partner(int device, int other);
HANDLE rw_resource_handle(int resource);
uint32_t rw_pick_index(int resource);
uint32_t rw_pick_size16(void);

/* ---- calls: random_session.c, random_blt.c, random_resource.c --------------------------------------------------------- */

/* is_good: every argument is right. */
void rw_call_create(int device, bool is_good);
void rw_call_destroy(void);
void rw_call_exchange(int device, int session, bool is_good);
void rw_call_start(void);
void rw_call_finish(void);
void rw_call_get_key(int device, int session, bool is_good);

void rw_call_encrypt(void);
void rw_call_decrypt(void);
void rw_call_get_pitch(void);

enum rw_kind {
	RW_PLAIN,
	RW_TARGET,
	RW_TEXTURE,
	RW_MULTISAMPLED,
	RW_ORDINARY,
	RW_IN_PLACE,
	RW_OWN,
	RW_MISALIGNED,
	RW_KINDS,
};

enum { RW_SHAPES = 4 };

void rw_call_create_resource(int device, enum rw_kind kind, unsigned int shape);
void rw_call_create_bad_resource(int device);
/* A protected surface with an NT handle. */
void rw_make_shared(int device, unsigned int shape);
void rw_call_open_resource(void);
void rw_call_destroy_resource(void);
void rw_forget_resource(int resource); /* it went with its device */
void rw_call_lock(void);
void rw_call_unlock(void);
void rw_unlock_all(void);

#endif
