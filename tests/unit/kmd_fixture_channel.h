/* SPDX-License-Identifier: MIT */
/* Authenticated channels by escapes: what an application does with one, and how its answers are to look. */
#ifndef DXV_TESTS_KMD_FIXTURE_CHANNEL_H
#define DXV_TESTS_KMD_FIXTURE_CHANNEL_H

#include "kmd_fixture.h"

/* The five commands, then the thirteen queries. */
enum kf_type {
	KF_INITIALIZE,
	KF_PROTECTION,
	KF_CRYPTOSESSION,
	KF_SHAREDRESOURCE,
	KF_ENCRYPTION,
	KF_QUERIES,
	KF_Q_PROTECTION = KF_QUERIES,
	KF_Q_CHANNELTYPE,
	KF_Q_DEVICEHANDLE,
	KF_Q_CRYPTOSESSION,
	KF_Q_PROCESSCOUNT,
	KF_Q_PROCESS,
	KF_Q_UNRESTRICTED,
	KF_Q_OUTPUTIDCOUNT,
	KF_Q_OUTPUTID,
	KF_Q_ACCESSIBILITY,
	KF_Q_GUIDCOUNT,
	KF_Q_GUID,
	KF_Q_ENCRYPTION,
	KF_TYPES,
};

extern const struct kf_type_info {
	const GUID *guid;
	uint32_t input_size;
	uint32_t output_size;
	bool is_software_only; /* section 11 */
} kf_types[KF_TYPES];

/* 0.3 of the rules: what an answer consists of. KF_WRONG: none of these. */
enum kf_class { KF_NONE, KF_ZERO, KF_BARE, KF_SIGNED, KF_WRONG };

enum { KF_SOFTWARE = 2, KF_HARDWARE = 3, KF_DWM = 1, KF_HANDLE = 2, KF_HEADER = 48, KF_QUERY_HEADER = 32 };

/* A channel as its application knows it. */
struct kf_channel {
	struct kf *kf;
	int device;
	uint64_t handle;
	uint8_t key[16];
	uint32_t next_configure, next_query;
	D3DKMT_HANDLE session; /* that CryptoSessionHandle in its messages names */
};

/* ret and the escape stay as they were where it fails (AC-009). */
HRESULT kf_channel_create(struct kf *kf, int device, uint32_t type, uint64_t *ret);
HRESULT kf_channel_destroy(struct kf *kf, int device, uint64_t channel);
HRESULT kf_channel_exchange_blob(struct kf *kf, int device, uint64_t channel, const uint8_t blob[256]);

/* The same for a channel of this kind. */
struct kf_channel kf_channel(struct kf *kf, int device, uint32_t type); /* without a key */
HRESULT kf_exchange_key(struct kf_channel *channel, const uint8_t key[16]);
void kf_initialise(struct kf_channel *channel, uint32_t start_query, uint32_t start_configure);
struct kf_channel kf_channel_ready(struct kf *kf, int device, uint32_t type); /* all of it; its key is random */
HRESULT kf_destroy(struct kf_channel *channel);

/*
 * A message with the defined sizes; body stands behind the header, zero where it is shorter. Commands are tagged. The
 * output holds a pattern.
 */
struct drv_escape_message kf_message(const struct kf_channel *channel, enum kf_type type, uint32_t number,
				     const void *body, size_t size);
void kf_message_tag(struct drv_escape_message *message, const uint8_t key[16]);
/* Nothing but result, written and output changes; ReturnCode is the result (AC-077). */
HRESULT kf_send(struct kf *kf, int device, struct drv_escape_message *message);
/* Of an answer: echo, tag and body are looked at (AC-076, AC-078, AC-095, AC-097). */
enum kf_class kf_class(const struct drv_escape_message *message, const uint8_t key[16]);
#define kf_assert_answer(message, key, expected_result, expected_class)                 \
	do {                                                                            \
		assert_int_equal((message)->header.result, (HRESULT)(expected_result)); \
		assert_int_equal(kf_class((message), (key)), expected_class);           \
	} while (0)

/* With the next number; the answer is signed, and its body goes to ret_body. */
HRESULT kf_call(struct kf_channel *channel, enum kf_type type, const void *body, size_t size, void *ret_body);
HRESULT kf_protect(struct kf_channel *channel, uint32_t flags);
HRESULT kf_share(struct kf_channel *channel, uint32_t type, uint64_t process, int32_t allow);
HRESULT kf_encryption(struct kf_channel *channel, const GUID *guid);
HRESULT kf_bind(struct kf_channel *channel, uint64_t decode, uint64_t session, uint64_t device);
uint32_t kf_query(struct kf_channel *channel, enum kf_type type); /* succeeds; the first 4 bytes of the body */
uint64_t kf_device_id(struct kf_channel *channel);

struct kf_process_entry {
	uint32_t index, type;
	uint64_t process;
};
HRESULT kf_query_process(struct kf_channel *channel, uint32_t index, struct kf_process_entry *ret);
struct kf_association {
	uint64_t decode, session, device;
};
HRESULT kf_query_association(struct kf_channel *channel, uint64_t decode, struct kf_association *ret);
HRESULT kf_query_guid(struct kf_channel *channel, uint32_t index, GUID *ret);
GUID kf_current_encryption(struct kf_channel *channel);

HRESULT kf_decode(struct kf *kf, int device, const GUID *profile, uint64_t *ret);
HRESULT kf_decode_destroy(struct kf *kf, int device, uint64_t decode);
D3DKMT_HANDLE kf_decode_session(struct kf *kf, int device, const GUID *profile);

/* All that the driver keeps: its objects as they are in memory, and what lies in protected surfaces. */
struct kf_snapshot {
	size_t size;
	uint8_t bytes[65536];
};
void kf_snapshot(struct kf *kf, struct kf_snapshot *ret);
void kf_assert_unchanged(struct kf *kf, const struct kf_snapshot *before);
struct kmd_channel *kf_channel_inside(const struct kf_channel *channel); /* NULL: there is none */

void kf_tag(const uint8_t key[16], const void *data, size_t size, uint8_t ret[16]);

#endif
