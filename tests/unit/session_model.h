/* SPDX-License-Identifier: MIT */
/* The rules of crypto sessions and transfers, told once more: what each call must answer, and what it changes (CS-75). */
#ifndef DXV_TESTS_SESSION_MODEL_H
#define DXV_TESTS_SESSION_MODEL_H

#include <dxvault/d3dcontentprotection.h>
#include <dxvault/d3dumddi.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * Written from docs/rules alone, for the default capabilities; it shares no code with the driver. Devices, sessions and
 * surfaces are numbers here, and MODEL_NONE is any handle that names none. A function model_X says what the call must
 * answer and changes nothing; model_X_done is told that it succeeded, with what the driver gave out.
 */
enum {
	MODEL_NONE = -1,
	MODEL_DEVICES = 3,
	MODEL_SESSIONS = 8,
	MODEL_CONTENTS = 24,
	MODEL_RESOURCES = 12,
	MODEL_SURFACES = 2, /* of a resource */
	MODEL_KEYS = 64,    /* of a session's history; BLT-14 is about more, and has tests of its own */
	MODEL_BYTES = 128,
};

struct model_session {
	bool is_live;
	int device;
	uint64_t id;
	uint64_t exchange; /* 0: no key */
	uint8_t key[16];
	bool has_number;
	uint8_t number[16];
	bool has_readback;
	uint8_t readback[16];
	bool has_vector;
	uint64_t vector; /* the next IV number */
	int used_count;
	struct {
		uint8_t key[16];
		uint64_t iv;
	} used[MODEL_KEYS];
};

/* The bytes of a protected surface, whoever has it open. */
struct model_content {
	int views; /* 0: free */
	uint32_t size, pitch;
	uint64_t session; /* the tie; 0: never written */
	uint64_t exchange;
	uint8_t bytes[MODEL_BYTES];
};

struct model_resource {
	bool is_live;
	int device;
	bool is_system;
	bool is_protected;
	bool is_blt_kind;
	bool is_aligned; /* system memory */
	uint32_t format, width, height;
	uint32_t memory_pitch; /* system memory */
	int count;
	struct {
		bool is_locked;
		int content; /* MODEL_NONE in system memory */
	} surfaces[MODEL_SURFACES];
};

struct model {
	bool is_removed;
	uint64_t ids; /* of sessions and exchanges */
	bool has_device[MODEL_DEVICES];
	struct model_session sessions[MODEL_SESSIONS];
	struct model_content contents[MODEL_CONTENTS];
	struct model_resource resources[MODEL_RESOURCES];
};

/* How long rows are and how many bytes a surface has (BLT-85, BLT-91); false: no such format. */
bool model_layout(uint32_t format, uint32_t width, uint32_t height, uint32_t *ret_pitch, uint32_t *ret_size);

/* ---- sessions ------------------------------------------------------------------------------------------- */

HRESULT model_create(const struct model *model, int device, bool is_known_type, bool is_zero_profile);
int model_create_done(struct model *model, int device); /* MODEL_NONE: no place left */
HRESULT model_destroy(const struct model *model, int device, int session);
void model_destroy_done(struct model *model, int session);

struct model_exchange {
	bool has_data;
	uint32_t size;
	bool is_good; /* made for the leaf, with 16 bytes in it */
};

HRESULT model_exchange(const struct model *model, int device, int session, const struct model_exchange *arg);
void model_exchange_done(struct model *model, int session, const uint8_t key[16]);

HRESULT model_start(const struct model *model, int device, int session, bool has_buffer, uint32_t size);
void model_start_done(struct model *model, int session, const uint8_t number[16]);
HRESULT model_finish(const struct model *model, int device, int session);
void model_finish_done(struct model *model, int session);
HRESULT model_get_key(const struct model *model, int device, int session, bool has_buffer, uint32_t size);
void model_get_key_done(struct model *model, int session, const uint8_t wrapped[16]);

/* ---- transfers ---------------------------------------------------------------------------------------------- */

struct model_blt {
	int device, session;
	int protected_resource, system_resource;
	uint32_t protected_index, system_index;
	uint32_t size;
	bool has_iv;
	/* DecryptionBlt */
	uint8_t iv[16];
	const uint8_t *content_key; /* wrapped, or NULL */
	const D3DDDIENCRYPTED_BLOCK_INFO *info;
};

HRESULT model_encrypt(const struct model *model, const struct model_blt *blt);
/* Whether iv and the size linear bytes at cipher are what the surface's content must give; counts the vector. */
bool model_encrypt_done(struct model *model, const struct model_blt *blt, const uint8_t iv[16], const uint8_t *cipher);
/* The first one of a session takes a random number. */
bool model_encrypt_is_first(const struct model *model, const struct model_blt *blt);
HRESULT model_decrypt(const struct model *model, const struct model_blt *blt);
void model_decrypt_done(struct model *model, const struct model_blt *blt, const uint8_t *cipher);
/* The engine's or a wipe's: see CS-13. */
HRESULT model_get_pitch(const struct model *model, int device, int session, int resource, uint32_t index,
			uint32_t *ret_pitch);

/* ---- resources ------------------------------------------------------------------------------------------------ */

/* A resource of this kind on a device; contents are new, zero and tied to nobody. MODEL_NONE: no place left. */
int model_add_resource(struct model *model, const struct model_resource *kind);
/* The same contents on another device. */
int model_open_resource(struct model *model, int opened, int device);
HRESULT model_destroy_resource(const struct model *model, int device, int resource);
void model_destroy_resource_done(struct model *model, int resource);
HRESULT model_lock(const struct model *model, int device, int resource, uint32_t index);
HRESULT model_unlock(const struct model *model, int device, int resource, uint32_t index);

/* ---- what happens to all ---------------------------------------------------------------------------------------- */

void model_lose_session(struct model *model, int session);
void model_lose_all(struct model *model);
void model_remove(struct model *model);
void model_destroy_device(struct model *model, int device);

/* ---- AES-128 by libcrypto, for the model and for who plays the application ------------------------------------------ */

void model_aes_block(const uint8_t key[16], bool encrypt, const uint8_t in[16], uint8_t out[16]);
/* CTR over the encrypted parts of the pattern (BLT-65, BLT-74); info NULL: over all. */
void model_aes_ctr(const uint8_t key[16], const uint8_t iv[16], const D3DDDIENCRYPTED_BLOCK_INFO *info,
		   const uint8_t *in, uint8_t *out, uint32_t size);

#endif
