/* SPDX-License-Identifier: MIT */
/* A graphics kernel above a scripted driver whose transfers a test can hold up, and clients that write rings by hand. */
#ifndef DXV_TESTS_ENGINE_FIXTURE_H
#define DXV_TESTS_ENGINE_FIXTURE_H

#include "dxgkrnl/internal.h"
#include "util/spin.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- the scripted driver ------------------------------------------------------------------------------- */

enum {
	EF_KEYS = 8,
	EF_GATES = 8,
	EF_ORDER = 4096,
	EF_UNIT = 64 << 10,	/* what offsets are multiples of */
	EF_TRANSFER = 64 << 20, /* the largest */
};

/* The flag without which an escape does not go through a ring. */
#define EF_FLAGS 8u

enum ef_action {
	EF_ANSWER = 0x4546, /* nothing is moved */
	EF_FAIL,	    /* with status */
	EF_MOVE,	    /* size bytes */
	EF_WAIT,	    /* a request: waits until nobody has the key */
	EF_APART, /* a request: has the key, and holds no lock until the gate is open; then asks for number, a session */
};

/* Private data of an escape. What comes back: answer is ef_answer(number) if it did all. */
struct ef_command {
	uint32_t action;
	uint32_t number;
	uint64_t size;
	uint32_t key;	  /* one transfer at a time has it; 0: none */
	uint32_t gate;	  /* where the owner waits with the part at offset 0; 0: none */
	uint32_t retries; /* so many times not now, whatever others do */
	int32_t status;
	uint32_t then; /* EF_APART: a key that it waits for at its end */
	uint64_t answer;
};

struct ef_driver {
	/* Set by a test. */
	NTSTATUS create_worker_status;
	uint32_t workers_max;  /* beyond it creation fails */
	atomic_bool has_slept; /* the machine, until the kernel has asked */

	atomic_uint begun; /* commands, retries not counted */
	atomic_uint retried;
	atomic_uint finished; /* transfers */
	atomic_uint parts;
	atomic_uint largest;	       /* how many workers moved parts of one transfer at most */
	atomic_uint begun_apart;       /* between an EF_APART's Unlock and Lock */
	atomic_uint answers;	       /* requests: EF_WAIT and EF_APART that ended well */
	atomic_uint order[EF_ORDER];   /* numbers as they began */
	atomic_uint begun_of[EF_KEYS]; /* commands that name a key */
	atomic_uint losing, lost;      /* LoseKeys has begun, has ended */
	atomic_uint devices;
	atomic_uint workers;
	const char *_Atomic complaint; /* NULL: the kernel keeps its word */
};

extern struct ef_driver ef_driver;

uint64_t ef_answer(uint32_t number);

/* A closed gate holds whoever comes. */
void ef_gate_close(uint32_t gate);
void ef_gate_open(uint32_t gate);
/* Returns when somebody stands there. */
void ef_gate_await(uint32_t gate);

/* ---- the kernel ---------------------------------------------------------------------------------------- */

/* Gates are open, counters zero. limits NULL: the default. The program ends after a minute or two. */
struct dxgk_kernel *ef_start(uint32_t workers, const struct dxgk_limits *limits);
/* Everything must be back, and the driver must have nothing to complain of. */
void ef_stop(struct dxgk_kernel *kernel);

/* ---- clients ------------------------------------------------------------------------------------------- */

struct ef_client {
	struct dxgk_process *process;
	uint32_t adapter;
	uint32_t device;
	struct wire_ring *ring;	 /* NULL: none */
	struct wire_ring *alias; /* the same, for a thread that writes there without asking anybody */
	int doorbell;
	uint32_t submitted;
	uint32_t taken; /* answers */
};

/* One request; the reply's descriptors are closed if ret_descriptors is NULL. Returns the status. */
NTSTATUS ef_request(struct dxgk_process *process, uint32_t type, void *request, size_t size, void *reply,
		    size_t reply_size, int ret_descriptors[2]);
struct dxgk_process *ef_process(struct dxgk_kernel *kernel, uid_t user);
uint32_t ef_handle(struct dxgk_process *process, uint32_t type, uint32_t argument);
NTSTATUS ef_call(struct dxgk_process *process, uint32_t type, uint32_t argument);
uint32_t ef_session(struct dxgk_process *process, uint32_t device);
NTSTATUS ef_create_ring(struct ef_client *client);
/* A request with a command. */
NTSTATUS ef_escape(struct ef_client *client, struct ef_command *command);

/* A process with adapter, device and ring. */
void ef_client_open(struct ef_client *client, struct dxgk_kernel *kernel);
/* Another device with a ring, of the same process. */
void ef_client_again(struct ef_client *client, const struct ef_client *other);
/* The client's own things; the process lives on. */
void ef_client_unmap(struct ef_client *client);
/* The process dies. */
void ef_client_kill(struct ef_client *client);

struct wire_ring_entry *ef_entry(struct ef_client *client, uint32_t number);
/* The next entry, filled but for its data. ef_raise makes it a command. */
struct wire_ring_entry *ef_next(struct ef_client *client, uint32_t size);
void ef_raise(struct ef_client *client);
/* Fills the next entry and raises submitted; there has to be room. */
void ef_put(struct ef_client *client, const struct ef_command *command);
/* Rings if the service sleeps. */
void ef_ring(struct ef_client *client);
void ef_submit(struct ef_client *client, const struct ef_command *command);
/* Sleeps until the oldest command that is not taken is completed; its status, and its data in ret. */
NTSTATUS ef_take(struct ef_client *client, struct ef_command *ret);
NTSTATUS ef_take_data(struct ef_client *client, void *ret, size_t size);
/* Submits a transfer that names a gate, and closes that; returns when it stands there. */
void ef_hold(struct ef_client *client, const struct ef_command *command);
/* Submits, takes, and looks at the answer. */
void ef_do(struct ef_client *client, const struct ef_command *command);
bool ef_is_done(const struct ef_client *client, uint32_t number);

/* ---- threads and time ----------------------------------------------------------------------------------- */

/* Ends with the program's alarm if it never comes true. */
#define ef_until(condition)          \
	do {                         \
		while (!(condition)) \
			usleep(50);  \
	} while (0)

/* Commands without end until *stops; counts those that were answered right. */
struct ef_flood {
	struct ef_client *client;
	struct ef_command command;
	pthread_t thread;
	atomic_bool stops;
	atomic_uint done;
	uint32_t depth; /* entries that it keeps in use */
};

void ef_flood_start(struct ef_flood *flood, struct ef_client *client, struct ef_command command, uint32_t depth);
void ef_flood_stop(struct ef_flood *flood);

uint32_t ef_random(uint32_t *state);
void ef_pause(uint64_t nanoseconds); /* awake */

#endif
