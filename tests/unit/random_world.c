/* SPDX-License-Identifier: MIT */
/* What random sequences of DDI calls work on: the real stack beside the model, chance, faults, and the story so far. */
#include "random_world.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

struct rw_world rw_world;
uint8_t rw_blobs[RW_BLOBS][256];
uint8_t rw_keys[RW_KEYS][16];
char rw_story[RW_LINES][160];
unsigned int rw_story_size;
struct rw_fault rw_fault;

static uint64_t present_seed;
static unsigned long present_sequence;

/* ---- chance ---------------------------------------------------------------------------------------------- */

static uint64_t chance_state;

void rw_seed(uint64_t seed, unsigned long sequence)
{
	present_seed = seed;
	present_sequence = sequence;
	chance_state = seed ^ sequence * UINT64_C(0xd1342543de82ef95);
}

/* splitmix64, so that neighbouring sequences have nothing in common. */
uint64_t rw_chance(void)
{
	uint64_t z = (chance_state += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

unsigned int rw_below(unsigned int limit)
{
	return (unsigned int)(rw_chance() % limit);
}

bool rw_one_in(unsigned int count)
{
	return rw_below(count) == 0;
}

/* ---- RSA once for each blob ------------------------------------------------------------------------------ */

static struct {
	bool is_known;
	int result;
	uint8_t payload[16];
} opened[RW_BLOBS];

int __real_gpu_identity_unwrap(struct gpu_identity *identity, enum gpu_leaf leaf, const uint8_t ciphertext[256],
			       void *payload, size_t size);
int __wrap_gpu_identity_unwrap(struct gpu_identity *identity, enum gpu_leaf leaf, const uint8_t ciphertext[256],
			       void *payload, size_t size);

/* What the GPU said of a blob the first time it says again; what it needs of memory is asked for each time. */
int __wrap_gpu_identity_unwrap(struct gpu_identity *identity, enum gpu_leaf leaf, const uint8_t ciphertext[256],
			       void *payload, size_t size)
{
	void *block = gpu_secret_alloc(256);
	size_t i = 0;

	if (!block)
		return -ENOMEM;
	gpu_secret_free(block);
	while (i < RW_BLOBS && memcmp(rw_blobs[i], ciphertext, 256) != 0)
		i++;
	assert_true(i < RW_BLOBS && leaf == GPU_LEAF_SESSION && size == 16);
	if (!opened[i].is_known) {
		fail_alloc_hold();
		opened[i].result = __real_gpu_identity_unwrap(identity, leaf, ciphertext, opened[i].payload, size);
		fail_alloc_go_on();
		opened[i].is_known = true;
	}
	if (opened[i].result == 0)
		memcpy(payload, opened[i].payload, 16);
	return opened[i].result;
}

/* ---- the story of a sequence ----------------------------------------------------------------------------- */

void rw_tell_all(void)
{
	unsigned int first = rw_story_size > RW_LINES ? rw_story_size - RW_LINES : 0;

	print_error("sequence %lu of seed 0x%" PRIx64 ": test_stack_random 0x%" PRIx64 " %lu 1\n", present_sequence,
		    present_seed, present_seed, present_sequence);
	for (unsigned int i = first; i < rw_story_size; i++)
		print_error("  %s\n", rw_story[i % RW_LINES]);
}

/* ---- one call -------------------------------------------------------------------------------------------- */

void rw_fault_begin(unsigned int most)
{
	unsigned int n = 1 + rw_below(most);

	rw_fault.is_random_due = rw_one_in(25);
	if (rw_fault.is_random_due)
		gpu_random_fail_next(1);
	if (rw_one_in(24))
		fail_alloc_at(n);
	else if (rw_one_in(24))
		fail_alloc_from(n);
	else
		fail_alloc_at(~0u);
}

void rw_fault_end(void)
{
	rw_fault.failed = fail_alloc_stop();
	gpu_random_fail_next(0);
}

/* Which codes an operation can come to, and how often it has. */
static struct {
	HRESULT code;
	unsigned int operations; /* a bit for each */
	unsigned int seen[RW_OPERATIONS];
} codes[] = {
	{ S_OK, (1u << RW_OPERATIONS) - 1, { 0 } },
	{ E_INVALIDARG, ((1u << RW_OPERATIONS) - 1) & ~(1u << RW_OPEN_RESOURCE), { 0 } },
	{ D3DDDIERR_NOTAVAILABLE, 1u << RW_CREATE, { 0 } },
	{ D3DDDIERR_UNSUPPORTEDCRYPTO, 1u << RW_CREATE, { 0 } },
	{ D3DDDIERR_INVALIDCALL,
	  1u << RW_START | 1u << RW_FINISH | 1u << RW_GET_KEY | 1u << RW_ENCRYPT | 1u << RW_DECRYPT,
	  { 0 } },
	{ E_ACCESSDENIED, 1u << RW_ENCRYPT | 1u << RW_LOCK, { 0 } },
	{ E_OUTOFMEMORY,
	  1u << RW_CREATE | 1u << RW_EXCHANGE | 1u << RW_ENCRYPT | 1u << RW_DECRYPT | 1u << RW_CREATE_RESOURCE |
		  1u << RW_OPEN_RESOURCE,
	  { 0 } },
	{ E_FAIL, 1u << RW_START | 1u << RW_GET_KEY | 1u << RW_ENCRYPT, { 0 } },
	{ D3DDDIERR_DEVICEREMOVED,
	  1u << RW_CREATE | 1u << RW_EXCHANGE | 1u << RW_START | 1u << RW_FINISH | 1u << RW_GET_KEY | 1u << RW_ENCRYPT |
		  1u << RW_DECRYPT | 1u << RW_GET_PITCH,
	  { 0 } },
};

enum { CODES = sizeof(codes) / sizeof(codes[0]) };

static void count_code(enum rw_operation operation, HRESULT hr)
{
	for (size_t i = 0; i < CODES; i++) {
		if (codes[i].code == hr)
			codes[i].seen[operation]++;
	}
}

void rw_assert_all_seen(void)
{
	static const char *const names[RW_OPERATIONS] = {
		"create",  "destroy",	"exchange",	   "start",	    "finish",		"get key", "encrypt",
		"decrypt", "get pitch", "create resource", "open resource", "destroy resource", "lock",	   "unlock",
	};

	for (size_t i = 0; i < CODES; i++) {
		for (unsigned int k = 0; k < RW_OPERATIONS; k++) {
			if (codes[i].seen[k] > 0)
				print_message("# %s: %u times 0x%08x\n", names[k], codes[i].seen[k],
					      (unsigned int)codes[i].code);
			else if (codes[i].operations & 1u << k)
				fail_msg("%s never came to 0x%08x", names[k], (unsigned int)codes[i].code);
		}
	}
}

/* Adds what came to the line that was told. Returns whether the call did its work. */
bool rw_judge(enum rw_operation operation, HRESULT expected, HRESULT hr, unsigned int may)
{
	char *line = rw_story[rw_story_size % RW_LINES];
	size_t length = strlen(line);
	bool is_right = hr == expected;

	snprintf(line + length, sizeof(rw_story[0]) - length, " -> %08x%s%s", (unsigned int)hr,
		 rw_fault.failed ? ", lacked memory" : "", rw_fault.is_random_due ? ", lacked random numbers" : "");
	rw_story_size++;
	if (expected == S_OK && rw_fault.failed && (may & RW_MEMORY) && hr == E_OUTOFMEMORY)
		is_right = true;
	if (expected == S_OK && rw_fault.is_random_due && (may & RW_RANDOM))
		is_right = hr == E_FAIL; /* CS-14 */
	if (!is_right) {
		rw_tell_all();
		fail_msg("%s: the model says %08x", line, (unsigned int)expected);
	}
	count_code(operation, hr);
	return hr == S_OK;
}

/* The connection of the process that a device is in. */
void rw_become(int device)
{
	kmt_connection_set(rw_world.processes[device == MODEL_DEVICES - 1]);
}

const D3DDDI_DEVICEFUNCS *rw_funcs(int device)
{
	int i = device == MODEL_NONE ? 0 : device;

	rw_become(i);
	return rw_world.devices[i].funcs;
}

/* ---- handles: mostly good ones --------------------------------------------------------------------------- */

void rw_bury(HANDLE handle)
{
	rw_world.dead[rw_world.dead_count++ % RW_DEAD] = handle;
}

static HANDLE any_dead(void)
{
	unsigned int count = rw_world.dead_count < RW_DEAD ? rw_world.dead_count : RW_DEAD;

	return count == 0 || rw_one_in(4) ? NULL : rw_world.dead[rw_below(count)];
}

int rw_pick_device(void)
{
	return rw_one_in(60) ? MODEL_NONE : (int)rw_below(MODEL_DEVICES);
}

HANDLE rw_device_handle(int device)
{
	return device == MODEL_NONE ? any_dead() : rw_world.devices[device].handle;
}

/* A session, of that device if there is one; at times another one's, a dead one, or something else. */
int rw_pick_session(int device)
{
	int start = (int)rw_below(MODEL_SESSIONS);

	if (rw_one_in(16))
		return rw_one_in(2) ? MODEL_NONE : start;
	for (int i = 0; i < MODEL_SESSIONS; i++) {
		int at = (start + i) % MODEL_SESSIONS;

		if (rw_world.model.sessions[at].is_live && rw_world.model.sessions[at].device == device)
			return at;
	}
	return MODEL_NONE;
}

HANDLE rw_session_handle(int *session)
{
	if (*session != MODEL_NONE && rw_world.model.sessions[*session].is_live)
		return rw_world.sessions[*session];
	*session = MODEL_NONE;
	if (rw_one_in(4)) /* a resource is no session */
		return rw_world.resources[rw_below(MODEL_RESOURCES)].handle;
	return any_dead();
}

int rw_pick_resource(int device, bool is_system)
{
	int start = (int)rw_below(MODEL_RESOURCES);
	bool is_any = rw_one_in(16);

	for (int i = 0; i < MODEL_RESOURCES; i++) {
		int at = (start + i) % MODEL_RESOURCES;
		const struct model_resource *resource = &rw_world.model.resources[at];

		if (resource->is_live && (is_any || (resource->device == device && resource->is_system == is_system)))
			return at;
	}
	return MODEL_NONE;
}

/* A surface in system memory that goes with a protected one. */
int rw_pick_partner(int device, int other)
{
	const struct model_resource *wanted = &rw_world.model.resources[other == MODEL_NONE ? 0 : other];
	int start = (int)rw_below(MODEL_RESOURCES);

	if (rw_one_in(12) || other == MODEL_NONE)
		return rw_pick_resource(device, true);
	for (int i = 0; i < MODEL_RESOURCES; i++) {
		int at = (start + i) % MODEL_RESOURCES;
		const struct model_resource *resource = &rw_world.model.resources[at];

		if (resource->is_live && resource->device == device && resource->is_system &&
		    resource->format == wanted->format && resource->width == wanted->width &&
		    resource->height == wanted->height && (resource->is_aligned || rw_one_in(4)))
			return at;
	}
	return rw_pick_resource(device, true);
}

HANDLE rw_resource_handle(int resource)
{
	return resource == MODEL_NONE ? any_dead() : rw_world.resources[resource].handle;
}

uint32_t rw_pick_index(int resource)
{
	if (resource == MODEL_NONE || rw_one_in(40))
		return rw_one_in(2) ? MODEL_SURFACES : UINT32_MAX;
	return rw_below((unsigned int)rw_world.model.resources[resource].count);
}

uint32_t rw_pick_size16(void)
{
	static const uint32_t sizes[] = { 0, 8, 15, 17, 32 };

	return rw_one_in(16) ? sizes[rw_below(5)] : 16;
}
