/* SPDX-License-Identifier: MIT */
/*
 * Mutants of the authenticated channel. Most of its rules are about messages under a key that only the application and the
 * driver know, so a mutant is a man in the middle: it gives out a channel certificate of its own, learns each channel's key
 * by the exchange, checks what the application sends as the rules say, hands it on in its own name, and signs the answer
 * anew. Unbent it breaks no rule; a struct ac_bend says what it does otherwise.
 */
#ifndef DXV_TESTS_MUTANTS_AC_H
#define DXV_TESTS_MUTANTS_AC_H

#include "mutant.h"

enum {
	AC_KEY = 16,
	AC_TAG = 16,
	AC_BLOB = 256,
	AC_HEADER = 48,	      /* of commands and of all answers */
	AC_QUERY_HEADER = 32, /* of queries */
	AC_ROOM = 128,	      /* more than any message */
};

/* A channel as the application has it, and as the driver has it. */
struct ac_channel {
	HANDLE handle, device;
	UINT type;
	bool is_dead;

	bool has_key, is_initialised;
	uint8_t key[AC_KEY];
	uint64_t next_command, next_query;

	HANDLE real;   /* the driver's handle; the same unless a mutant gives out its own */
	bool is_ready; /* the driver's has a key and is initialised */
	uint8_t real_key[AC_KEY];
	UINT real_command, real_query;

	/* What its commands that succeeded have set. */
	UINT flags;
	GUID encryption;
	uint64_t note; /* the mutant's own */
};

/* The checks of both orders (AC-066 ff., AC-087 ff.); AC_ACCEPTED: none has failed. */
enum ac_step {
	AC_IS_LIVE,
	AC_IS_OF_DEVICE,
	AC_HAS_KEY,
	AC_IS_KNOWN_TYPE,
	AC_IS_WHOLE,
	AC_IS_AUTHENTIC,
	AC_IS_INITIALISED,
	AC_IS_FRESH,
	AC_ACCEPTED,
};
#define AC_WITHOUT(step) (1u << (step))

enum ac_class { AC_BARE, AC_SIGNED };

/* One message with a header. What is in answer goes to the application, as many bytes as written says. */
struct ac_call {
	bool is_command;
	HANDLE device;
	struct ac_channel *channel; /* the live one of that handle, whatever its device; NULL: there is none */
	GUID type;
	UINT number;
	UINT input_size, output_size;
	_Alignas(8) uint8_t input[AC_ROOM]; /* a copy of what fits, zero behind */

	enum ac_step step;
	enum ac_class class;
	HRESULT result;
	_Alignas(8) uint8_t answer[AC_ROOM];
	UINT written;
};

/* What a mutant does otherwise. All may be missing. */
struct ac_bend {
	unsigned int skipped;	    /* AC_WITHOUT(step) of the checks that it leaves out */
	const enum ac_step *order;  /* in which it checks, up to AC_ACCEPTED */
	HRESULT codes[AC_ACCEPTED]; /* of a failed check, where it is not the rules' */
	bool (*is_authentic)(const struct ac_call *call);
	bool (*is_fresh)(const struct ac_call *call);
	void (*use_up)(struct ac_call *call);

	/* In place of the driver; false: the driver after all. Fills result and body. */
	bool (*act)(struct ac_call *call);
	/* When all is decided, before the tag; after it. */
	void (*after)(struct ac_call *call);
	void (*sign)(struct ac_call *call);
	void (*last)(struct ac_call *call);

	/* A blob's plaintext; false: it does not open. */
	bool (*open)(const uint8_t blob[AC_BLOB], uint8_t ret[AC_BLOB], size_t *ret_size);
	/* When the driver has: what the application is told. */
	HRESULT (*created)(struct ac_channel *channel);
	/* Before the driver is asked to, and after it has. */
	void (*destroying)(struct ac_channel *channel);
	void (*destroyed)(struct ac_channel *channel);
};

/* ---- mutants_ac_middle.c: certificate, channels, keys -------------------------------------------------------- */

extern const struct ac_bend *ac_bend; /* of this mutant */

/* For mutant.c. */
void mutant_ac_adapter(const struct ac_bend *bend, D3DDDI_ADAPTERFUNCS *funcs);
void mutant_ac_device(const struct ac_bend *bend, D3DDDI_DEVICEFUNCS *funcs);

/* By the application's handle; NULL: no live one. Dead ones only with the last. */
struct ac_channel *ac_channel(HANDLE handle);
struct ac_channel *ac_dead_channel(HANDLE handle);
/* Steps through the live ones of a device (NULL: of all devices); NULL at the end. */
struct ac_channel *ac_next_channel(const struct ac_channel *after, HANDLE device);

HRESULT APIENTRY ac_create(HANDLE hDevice, D3DDDIARG_CREATEAUTHENTICATEDCHANNEL *pData);
HRESULT APIENTRY ac_exchange(HANDLE hDevice, D3DDDIARG_AUTHENTICATEDCHANNELKEYEXCHANGE *pData);
HRESULT APIENTRY ac_destroy(HANDLE hDevice, const D3DDDIARG_DESTROYAUTHENTICATEDCHANNEL *pData);
/* Of a channel without key: gives the driver this one. */
HRESULT ac_give_key(struct ac_channel *channel, const void *key, size_t size);
/* A blob for the middle's own leaf, opened with these. */
bool ac_open_with(const uint8_t blob[AC_BLOB], const char *digest, const char *mgf1_digest, const char *label,
		  uint8_t ret[AC_BLOB], size_t *ret_size);

/* ---- mutants_ac_message.c: commands and queries --------------------------------------------------------------- */

HRESULT APIENTRY ac_configure(HANDLE hDevice, const D3DDDIARG_CONFIGUREAUTHENTICATEDCHANNEL *pData);
HRESULT APIENTRY ac_query(HANDLE hDevice, const D3DDDIARG_QUERYAUTHENTICATEDCHANNEL *pData);

/* As the rules have them, for a bend that adds to them. */
bool ac_is_authentic(const struct ac_call *call);
bool ac_is_fresh(const struct ac_call *call);
void ac_use_up(struct ac_call *call);
void ac_sign(struct ac_call *call);
/* The driver's turn: result, body and class of an accepted call. channel: in whose name. */
void ac_do(struct ac_call *call, struct ac_channel *channel);

/* Messages of the middle's own, which the application does not notice. ret: the body of the answer. */
HRESULT ac_tell(struct ac_channel *channel, const GUID *type, const void *body, size_t size);
HRESULT ac_ask(struct ac_channel *channel, const GUID *type, const void *body, size_t size, void *ret, size_t ret_size);

/* ---- mutants_ac_tools.c ------------------------------------------------------------------------------------------ */

UINT ac_u32(const uint8_t *bytes, size_t offset);
UINT64 ac_u64(const uint8_t *bytes, size_t offset);
void ac_put_u32(uint8_t *bytes, size_t offset, UINT value);
void ac_put_u64(uint8_t *bytes, size_t offset, UINT64 value);

void ac_mac(const uint8_t key[AC_KEY], const void *data, size_t size, uint8_t ret[AC_TAG]);

/* The defined sizes; 0 for a GUID that is none of that kind. */
UINT ac_input_size(bool is_command, const GUID *type);
UINT ac_output_size(bool is_command, const GUID *type);
bool ac_is(const struct ac_call *call, const GUID *type);
/* For act: true; the answer's body is zero. */
bool ac_answer_with(struct ac_call *call, HRESULT result);

/* Which decode devices are tied, as far as the commands tell: for mutants that note it (after = ac_note_tie). */
enum { AC_TIES = 64 };
extern struct ac_tie {
	UINT64 decode, session;
	struct ac_channel *owner; /* who tied it last; may be dead */
	bool is_loose;		  /* the mutant's own */
} ac_ties[AC_TIES];
struct ac_tie *ac_tie_of(UINT64 decode);
void ac_note_tie(struct ac_call *call);

/* Short names of GUIDs. */
#define AC_CFG(name) (&D3DAUTHENTICATEDCONFIGURE_##name)
#define AC_QRY(name) (&D3DAUTHENTICATEDQUERY_##name)

/* For rows of struct mutant. */
#define AC_BENT(...)                    \
	.bend = &(const struct ac_bend) \
	{                               \
		__VA_ARGS__             \
	}
/* Puts a function into a slot of the table. */
#define AC_PUT(name, slot, function)                \
	static void name(D3DDDI_DEVICEFUNCS *funcs) \
	{                                           \
		funcs->slot = function;             \
	}

#endif
