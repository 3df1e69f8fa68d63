/* SPDX-License-Identifier: MIT */
/* What the tests of crypto-session.md share: a session with its surfaces, and every function that names a session. */
#ifndef DXV_CONFORM_CS_H
#define DXV_CONFORM_CS_H

#include "conform/conform.h"

#define CS_COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Every function that names a session. */
enum cs_entry {
	CS_EXCHANGE,
	CS_START,
	CS_FINISH,
	CS_READ_BACK_KEY,
	CS_ENCRYPT,
	CS_DECRYPT,
	CS_GET_PITCH,
	CS_DESTROY,
	CS_ENTRIES,
};

enum { CS_ROOM = 16384 };

/* A session (state S1 when it was opened) on a device, and the two surfaces of a transfer. */
struct cs_bench {
	struct cf *cf;
	struct cf_device device;
	HANDLE session;
	struct cf_surface protected, system; /* 16 x 1 pixels */
	uint8_t blob[CF_BLOB];		     /* K, wrapped; what CS_EXCHANGE sends */
	uint8_t value[CF_KEY];		     /* what CS_START and CS_READ_BACK_KEY wrote */
	uint8_t iv[CF_KEY];		     /* what CS_ENCRYPT wrote, or a fresh one for CS_DECRYPT */
	uint8_t plain[CS_ROOM];		     /* protected.size bytes of a picture */
	uint8_t back[CS_ROOM];		     /* what came back */
};

void cs_open(struct cf *cf, struct cs_bench *ret_bench);
/* The same, with a session in state S2 that holds K. */
void cs_open_keyed(struct cf *cf, struct cs_bench *ret_bench);
/* Another session or pair of surfaces for a copy of the bench, on the same device. */
void cs_fork(const struct cs_bench *bench, struct cs_bench *ret_bench);

/* Ends the test (cf_skip) when the driver does not offer these. */
void cs_need_refresh(struct cf *cf);
void cs_need_read_back_key(struct cf *cf); /* and with it EncryptionBlt */
void cs_need_decrypt(struct cs_bench *bench);
void cs_need_transfers(struct cs_bench *bench); /* there and back */

/* Whether the driver offers the function; DecryptionBlt and GetPitch are tried, with a session that is alive. */
bool cs_offers(struct cs_bench *bench, enum cs_entry entry);
const char *cs_name(enum cs_entry entry);
/* The function, with arguments that are right but for device, session and the session's state. */
HRESULT cs_call(struct cs_bench *bench, enum cs_entry entry, HANDLE device, HANDLE session);
HRESULT cs_call_null(struct cs_bench *bench, enum cs_entry entry, HANDLE device); /* pData NULL */

/* A fresh picture under that key, by DecryptionBlt. */
HRESULT cs_put(struct cs_bench *bench, const uint8_t key[CF_KEY], uint32_t seed);
/* A new read-back key, unwrapped by the session key (which it is itself where the driver has no separate one). */
HRESULT cs_new_read_back_key(struct cs_bench *bench, const uint8_t session_key[CF_KEY], uint8_t ret_key[CF_KEY]);
/* EncryptionBlt, and what it wrote decrypted into back. */
HRESULT cs_read(struct cs_bench *bench, const uint8_t read_back_key[CF_KEY]);
/* Both; and whether the picture came back. */
HRESULT cs_get(struct cs_bench *bench, const uint8_t session_key[CF_KEY]);
bool cs_is_picture(const struct cs_bench *bench);
/* How many of them are NULL or the same as another; sorts them. */
size_t cs_repeated(HANDLE *handles, size_t count);
void cs_xor(const uint8_t a[CF_KEY], const uint8_t b[CF_KEY], uint8_t ret[CF_KEY]);

/* The decode GUIDs that the driver lists; at most max of them, how many in all. */
uint32_t cs_profiles(struct cf *cf, GUID *ret_profiles, uint32_t max);
/* What GetCaps answers for the pair; S_OK with no capability at all is an answer of "none" (CAP-33). */
HRESULT cs_query(struct cf *cf, const GUID *type, const GUID *profile, D3DCONTENTPROTECTIONCAPS *ret_caps);

extern const GUID cs_no_profile, cs_random_guid, cs_mpeg2_idct;

/* The rooms; each ends with a NULL name. */
extern const struct cf_test cs_tests_common[], cs_tests_create[], cs_tests_exchange[], cs_tests_exchange_again[],
	cs_tests_destroy[], cs_tests_refresh[], cs_tests_arguments[], cs_tests_read_back[], cs_tests_devices[],
	cs_tests_loss[], cs_tests_order[], cs_tests_states[], cs_tests_walk[];

#endif
