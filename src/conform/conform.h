/* SPDX-License-Identifier: MIT */
/* The conformance suite from the inside: what a test is, what it asks of the driver, and how it says what it saw. */
#ifndef DXV_CONFORM_CONFORM_H
#define DXV_CONFORM_CONFORM_H

#include "runtime/runtime.h"

#include <dxvault/d3dcontentprotection.h>
#include <dxvault/d3dumddi.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- tests ------------------------------------------------------------------------------------------------ */

struct cf; /* one test that runs, in a process of its own with a time limit */

/*
 * A test knows the driver by the DDI alone. It judges the rules that it lists, and no other. Whatever it makes and does
 * not destroy goes with its process.
 */
struct cf_test {
	const char *name;  /* "key-exchange-replaces-the-key" */
	const char *rules; /* "CS-38 BLT-123": what its checks name */
	void (*run)(struct cf *cf);
	uint32_t
		variant; /* D3DCPCAPS_*: a service configured with this set and a driver that reports it; 0: as it comes */
	bool is_private; /* a service of its own, since what it breaks others would miss (adapter removal) */
	/* More lines for the service's settings file, "decryption-blt = no\n"; skipped where dxvault's kernel is not below. */
	const char *settings;
};

/* A room of tests; src/conform/tests.c lists them. tests ends with a NULL name. */
struct cf_group {
	const char *name;
	const struct cf_test *tests;
};

/* Rules that no caller of the DDI can see kept or broken, and why; ends with a NULL rule. */
struct cf_unseen {
	const char *rule;
	const char *why; /* "which test shows it instead" or "decoding is not in force" */
};

/* One folder a family of rules; each list ends with a NULL name or rule. */
extern const struct cf_group cf_groups_cs[], cf_groups_blt[], cf_groups_cap[], cf_groups_ac[];
extern const struct cf_unseen cf_unseen_cs[], cf_unseen_blt[], cf_unseen_cap[], cf_unseen_ac[];

/* ---- verdicts --------------------------------------------------------------------------------------------- */

/*
 * Each check names its rule, and is noted with the words of the call, what came and what was due. By whose word it is due:
 *   page      Microsoft's page says so. Judged always.
 *   decision  this project's choice (the rulebook says **decision**, or a code in brackets). Judged with --strict only.
 * All return whether the check held, whoever judges it; a test goes on after a failed one unless that makes no sense.
 */

/* The page: this very code. */
#define CF_CODE(cf, rule, want, call) cf_check_code((cf), (rule), CF_BY_PAGE, (want), (call), #call)
#define CF_OK(cf, rule, call)	      CF_CODE((cf), (rule), S_OK, call)
/* The page: some failure. The decision: this one ("FAIL [code]" in the rulebook). */
#define CF_FAILS(cf, rule, want, call) cf_check_fails((cf), (rule), (want), (call), #call)
/* Only a decision: this very code, S_OK included. */
#define CF_DECIDED(cf, rule, want, call) cf_check_code((cf), (rule), CF_BY_DECISION, (want), (call), #call)
/* Not codes: a condition, and in printf's words what was seen. */
#define CF_TRUE(cf, rule, condition, ...) cf_check((cf), (rule), CF_BY_PAGE, (condition), #condition, __VA_ARGS__)
#define CF_TRUE_DECIDED(cf, rule, condition, ...) \
	cf_check((cf), (rule), CF_BY_DECISION, (condition), #condition, __VA_ARGS__)
/* Bytes; what names them: "the destination after a refused blt". Shows the first that differs. */
#define CF_BYTES(cf, rule, want, got, size, what) \
	cf_check_bytes((cf), (rule), CF_BY_PAGE, (want), (got), (size), (what))
#define CF_BYTES_DECIDED(cf, rule, want, got, size, what) \
	cf_check_bytes((cf), (rule), CF_BY_DECISION, (want), (got), (size), (what))

enum cf_basis { CF_BY_PAGE, CF_BY_DECISION };
bool cf_check_code(struct cf *cf, const char *rule, enum cf_basis basis, HRESULT want, HRESULT got, const char *call);
bool cf_check_fails(struct cf *cf, const char *rule, HRESULT want, HRESULT got, const char *call);
bool cf_check(struct cf *cf, const char *rule, enum cf_basis basis, bool held, const char *condition,
	      const char *format, ...) __attribute__((format(printf, 6, 7)));
bool cf_check_bytes(struct cf *cf, const char *rule, enum cf_basis basis, const void *want, const void *got,
		    size_t size, const char *what);
bool cf_is_all(const void *bytes, size_t size, uint8_t value); /* for conditions: each of them */

/* The rule does not apply to this driver: a documented option that it leaves out. why: "it does not offer CONTENTKEY". */
void cf_not_applicable(struct cf *cf, const char *rule, const char *why);
/* The same for all of the test's rules that no check has named yet; ends the test. */
_Noreturn void cf_skip(struct cf *cf, const char *why);
/*
 * Ends the test: what it needs first failed, so its rules that no check has named are untested, which is not "held".
 * CF_NEED is for every step that is not itself the point.
 */
_Noreturn void cf_give_up(struct cf *cf, const char *format, ...) __attribute__((format(printf, 2, 3)));
#define CF_NEED(cf, call)                                                                     \
	do {                                                                                  \
		const HRESULT need_ = (call);                                                 \
                                                                                              \
		if (need_ != S_OK)                                                            \
			cf_give_up((cf), "%s answered %s", #call, cf_code_name((cf), need_)); \
	} while (0)
const char *cf_code_name(struct cf *cf, HRESULT hr); /* "D3DDDIERR_INVALIDCALL", "0x80001234" */

/* ---- the driver under test -------------------------------------------------------------------------------- */

struct cf_device {
	struct rt_device *rt;
	HANDLE h;		     /* the driver's */
	const D3DDDI_DEVICEFUNCS *f; /* its table, never with a NULL among the slots of content protection: see cf.c */
};

/* All of these give up (cf_give_up) when they cannot do it, unless they return an HRESULT. */
struct rt_adapter *cf_adapter(struct cf *cf);		    /* opened for this test */
HRESULT cf_get_caps(struct cf *cf, D3DDDIARG_GETCAPS *arg); /* pfnGetCaps of that adapter */
/* For AES128_CTR without a decode profile. The same each time; asked once. */
const D3DCONTENTPROTECTIONCAPS *cf_caps(struct cf *cf);
bool cf_has(struct cf *cf, uint32_t caps);			     /* all of these D3DCPCAPS_* */
void cf_require_caps(struct cf *cf, uint32_t caps, const char *why); /* or cf_skip */
struct cf_device cf_device(struct cf *cf);			     /* a new one */
void cf_device_close(struct cf *cf, struct cf_device *device);	     /* with what is left on it */

/* CreateCryptoSession with AES128_CTR and no profile, straight through the table. */
HANDLE cf_session(struct cf *cf, const struct cf_device *device);
HRESULT cf_create_session(const struct cf_device *device, const GUID *type, const GUID *profile, HANDLE *ret);
HRESULT cf_destroy_session(const struct cf_device *device, HANDLE session);

/* ---- keys ------------------------------------------------------------------------------------------------- */

enum { CF_KEY = 16, CF_BLOB = 256, CF_GUARD = 64 };
/* Keys of the rulebook's vectors. */
extern const uint8_t cf_key_k[CF_KEY]; /* K: 00 01 .. 0f */
extern const uint8_t cf_key_c[CF_KEY]; /* C: f0 f1 .. ff */
/* Any number of others, each its own. */
void cf_key(uint32_t number, uint8_t ret[CF_KEY]);

/* The chain for a certificate type (1 channel, 2 crypto session), as GetCaps gives it; the test's. */
void cf_certificate(struct cf *cf, UINT type, const uint8_t **ret, size_t *ret_size);
/* RSAES-OAEP, SHA-512 and MGF1-SHA-512, no label, for the leaf of that type. data: any size that fits. */
void cf_wrap(struct cf *cf, UINT type, const void *data, size_t size, uint8_t ret[CF_BLOB]);
/* The same with other parameters, for what must be refused: digest "SHA1", "SHA256"; label NULL: none. */
void cf_wrap_with(struct cf *cf, UINT type, const char *digest, const char *mgf1_digest, const char *label,
		  const void *data, size_t size, uint8_t ret[CF_BLOB]);
/* A copy of a blob, with CF_GUARD bytes before and behind: so that a driver that writes beyond is seen. */
struct cf_guarded_blob {
	uint8_t bytes[CF_GUARD + CF_BLOB + CF_GUARD];
};
uint8_t *cf_guard_blob(struct cf_guarded_blob *ret, const uint8_t blob[CF_BLOB]); /* where the copy is */
/* Gives up unless the guards hold. call: the function that had the copy. */
void cf_need_guards(const struct cf_guarded_blob *guarded, const char *call);
/* CryptoSessionKeyExchange of such a blob, from a copy between guards. */
HRESULT cf_exchange_blob(const struct cf_device *device, HANDLE session, const uint8_t blob[CF_BLOB]);
HRESULT cf_exchange(struct cf *cf, const struct cf_device *device, HANDLE session, const uint8_t key[CF_KEY]);
/* StartSessionKeyRefresh: the 16 bytes. */
HRESULT cf_start_refresh(const struct cf_device *device, HANDLE session, uint8_t ret_number[CF_KEY]);
HRESULT cf_finish_refresh(const struct cf_device *device, HANDLE session);
/* GetEncryptionBltKey, as it comes: wrapped. */
HRESULT cf_read_back_key(const struct cf_device *device, HANDLE session, uint8_t ret_wrapped[CF_KEY]);

/* ---- surfaces --------------------------------------------------------------------------------------------- */

/*
 * Bytes in the client's memory have CF_GUARD bytes of a pattern before and behind, so that a driver that writes beyond is
 * seen by cf_guards_hold.
 */
struct cf_surface {
	HANDLE h;	 /* hResource of the driver */
	uint8_t *memory; /* system memory only; aligned as the caps want it */
	size_t size; /* the linear bytes of such a surface: Pitch * Rows of the protected one for a protected surface */
	uint32_t
		pitch; /* of system memory: SysMemPitch; of a protected one: what GetPitch said, 0 if it was not asked */
	struct rt_resource *rt; /* NULL: made through the table by the test */
	bool has_guards;	/* memory of cf_system's own */
};

/* A protected surface: RestrictedContent, video memory, A8R8G8B8 unless told. Through the table. */
struct cf_surface cf_protected(struct cf *cf, const struct cf_device *device, D3DDDIFORMAT format, uint32_t width,
			       uint32_t height);
/* The system-memory surface for the other side of it: same format and size, pitch as GetPitch says of an equal protected one. */
struct cf_surface cf_system(struct cf *cf, const struct cf_device *device, D3DDDIFORMAT format, uint32_t width,
			    uint32_t height);
/* With memory and pitch of the test's own. */
struct cf_surface cf_system_at(struct cf *cf, const struct cf_device *device, D3DDDIFORMAT format, uint32_t width,
			       uint32_t height, void *memory, uint32_t pitch);
/* CreateResource of what the test filled in; surfaces (arg->SurfCount of them) are the test's. ret: the driver's handle. */
HRESULT cf_create_resource(struct cf *cf, const struct cf_device *device, D3DDDIARG_CREATERESOURCE *arg, HANDLE *ret);
HRESULT cf_destroy_resource(const struct cf_device *device, HANDLE resource);
HRESULT cf_pitch(const struct cf_device *device, HANDLE session, HANDLE resource, UINT *ret);
bool cf_guards_hold(const struct cf_surface *surface);

/* ---- transfers -------------------------------------------------------------------------------------------- */

void cf_iv(uint8_t ret[16], uint64_t iv, uint64_t count); /* both most significant byte first */
/* The number for the next IV of this test: never the same twice, growing. */
uint64_t cf_fresh_iv(struct cf *cf);

/* DecryptionBlt and EncryptionBlt of subresource 0, whole surface of size bytes (SrcResourceSize, DstResourceSize). */
HRESULT cf_decrypt(const struct cf_device *device, HANDLE session, const struct cf_surface *source,
		   const struct cf_surface *destination, const uint8_t iv[16]);
/* content_key (wrapped, 16 bytes) and info may be NULL. */
HRESULT cf_decrypt_with(const struct cf_device *device, HANDLE session, const struct cf_surface *source,
			const struct cf_surface *destination, const uint8_t iv[16], const uint8_t *content_key,
			D3DDDIENCRYPTED_BLOCK_INFO *info);
HRESULT cf_encrypt(const struct cf_device *device, HANDLE session, const struct cf_surface *source,
		   const struct cf_surface *destination, uint8_t ret_iv[16]);

/* The whole way in: plain (size bytes) encrypted under key with a fresh IV into through, then DecryptionBlt. */
HRESULT cf_put(struct cf *cf, const struct cf_device *device, HANDLE session, const uint8_t key[CF_KEY],
	       const void *plain, const struct cf_surface *through, const struct cf_surface *protected);
/*
 * The whole way out: GetEncryptionBltKey (once a session and exchange: read_back_key holds it between calls; all zero
 * bytes: none yet), EncryptionBlt, decrypted here. session_key unwraps the read-back key.
 */
HRESULT cf_get(struct cf *cf, const struct cf_device *device, HANDLE session, const uint8_t session_key[CF_KEY],
	       uint8_t read_back_key[CF_KEY], const struct cf_surface *protected, const struct cf_surface *through,
	       void *ret_plain);

/* ---- crypto of the suite's own, by libcrypto -------------------------------------------------------------- */

/* AES-128-CTR over whole data; the counter is the low 8 bytes, and does not carry into the IV. in may be out. */
void cf_ctr(const uint8_t key[CF_KEY], const uint8_t iv[16], const void *in, void *out, size_t size);
/* The same where only parts are encrypted (BLT: partial encryption); counters go on over the encrypted blocks alone. */
void cf_ctr_pattern(const uint8_t key[CF_KEY], const uint8_t iv[16], const D3DDDIENCRYPTED_BLOCK_INFO *info,
		    const void *in, void *out, size_t size);
void cf_ecb(const uint8_t key[CF_KEY], bool encrypt, const uint8_t in[CF_KEY], uint8_t out[CF_KEY]);
/* OMAC1 of AES-128: AES-CMAC of RFC 4493. */
void cf_omac(const uint8_t key[CF_KEY], const void *data, size_t size, uint8_t ret[CF_KEY]);
void cf_pattern(void *ret, size_t size, uint32_t seed); /* bytes that repeat nowhere near; a picture to tell by */

/* ---- faults on command: only where dxvault's graphics kernel is below the driver --------------------------- */

/* All but the last: cf_skip when the driver's sessions are not the kernel's (a foreign driver). */
void cf_lose_keys(struct cf *cf);      /* of all sessions (the tests share a service, but run one at a time) */
void cf_remove_adapter(struct cf *cf); /* is_private tests only */
bool cf_is_dxvault(struct cf *cf);

/* A second process that opens the driver by itself, for what is shared: runs peer in a child; its checks count here. */
void cf_in_another_process(struct cf *cf, void (*peer)(struct cf *cf, void *context), void *context);

/*
 * One that lives beside this one until it is told to end: it answers each question by a call of answer. What it made goes
 * with it, undestroyed, soon after cf_peer_end returns: the kernel below hears of it when it gets to it.
 */
struct cf_peer {
	int pid;
	int socket;
};
struct cf_peer cf_peer_start(struct cf *cf, uint64_t (*answer)(struct cf *cf, uint64_t question, void *context),
			     void *context);
uint64_t cf_peer_ask(struct cf *cf, struct cf_peer *peer, uint64_t question);
void cf_peer_end(struct cf *cf, struct cf_peer *peer);

#endif
