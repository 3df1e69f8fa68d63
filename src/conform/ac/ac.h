/* SPDX-License-Identifier: MIT */
/* What the tests of authenticated-channel.md have in common: channels, commands and queries, tags, and what answers are. */
#ifndef DXV_CONFORM_AC_AC_H
#define DXV_CONFORM_AC_AC_H

#include "conform/conform.h"

#include <dxvault/dxvault.h>

extern const struct cf_test ac_tests_create[], ac_tests_device[], ac_tests_certificate[], ac_tests_exchange[],
	ac_tests_destroy[], ac_tests_initialize[], ac_tests_sequence[], ac_tests_tag[], ac_tests_tamper[],
	ac_tests_configure[], ac_tests_query[], ac_tests_loss[], ac_tests_protection[], ac_tests_surfaces[],
	ac_tests_session[], ac_tests_sharing[], ac_tests_encryption[], ac_tests_answers[], ac_tests_order[],
	ac_tests_configure_answers[], ac_tests_query_answers[];

/*
 * The test configuration of D-41, for .settings: both channel types, two encryption GUIDs, two outputs, decode devices that
 * can be tied to sessions. One text, so that all of these tests share one service.
 */
#define AC_EVERYTHING "test-channels = both\ntest-encryption = 2\ntest-outputs = 2\ntest-decode = yes\n"
/* Without PROTECTIONALWAYSON, for .variant: protection is what the channels make of it. */
#define AC_SWITCHED 0xf9u

enum {
	AC_SOFTWARE = DDIAUTHENTICATEDCHANNEL_DRIVER_SOFTWARE,
	AC_HARDWARE = DDIAUTHENTICATEDCHANNEL_DRIVER_HARDWARE,
	AC_TAG = 16,
	AC_COMMAND_ANSWER = 48, /* sizeof(D3DAUTHENTICATEDCHANNEL_CONFIGURE_OUTPUT) */
	AC_HEADER = 48,		/* of commands and of all answers */
	AC_QUERY_HEADER = 32,
	AC_ROOM = 128, /* more than any input or output */
	AC_FILL = 0xee,
};

/*
 * A check by the rule's own basis. A row that ends in (D-nn) is a decision, judged with --strict alone; of any other the
 * page wants S_OK, or some failure, and the code of that is a decision.
 */
#define AC_CODE(cf, rule, want, call)	  ac_check_code((cf), (rule), (want), (call), #call)
#define AC_TRUE(cf, rule, condition, ...) cf_check((cf), (rule), ac_basis(rule), (condition), #condition, __VA_ARGS__)
#define AC_BYTES(cf, rule, want, got, size, what) \
	cf_check_bytes((cf), (rule), ac_basis(rule), (want), (got), (size), (what))
enum cf_basis ac_basis(const char *rule);
bool ac_check_code(struct cf *cf, const char *rule, HRESULT want, HRESULT got, const char *call);

/* The decode profiles of the test configuration, as src/driver has them. */
enum { AC_TEST_PROFILES = 2 };
extern const GUID ac_test_profiles[AC_TEST_PROFILES];

/* ---- channels (ac.c) -------------------------------------------------------------------------------------- */

/* A channel as its application sees it. */
struct ac_channel {
	struct cf_device device;
	HANDLE h;
	uint8_t key[CF_KEY];
	UINT next_command; /* the numbers that ac_command and ac_query put in, and count up */
	UINT next_query;
};

/* Where the counters of ac_channel_ready begin. */
enum { AC_FIRST_COMMAND = 0x10000000, AC_FIRST_QUERY = 0x20000000 };

/* Through the table; ret: hChannel. */
HRESULT ac_create(const struct cf_device *device, UINT type, HANDLE *ret);
HRESULT ac_destroy(const struct cf_device *device, HANDLE channel);
/* AuthenticatedChannelKeyExchange of a blob, from a copy between guards that it checks by itself. */
HRESULT ac_exchange_blob(const struct cf_device *device, HANDLE channel, const uint8_t blob[CF_BLOB]);
/* The same of a key, wrapped for the channel leaf. */
HRESULT ac_exchange(struct cf *cf, const struct cf_device *device, HANDLE channel, const uint8_t key[CF_KEY]);

/* These give up when it does not work. A channel without a key; with one (a new one each time); and initialised. */
struct ac_channel ac_channel_new(struct cf *cf, const struct cf_device *device, UINT type);
struct ac_channel ac_channel_keyed(struct cf *cf, const struct cf_device *device, UINT type);
struct ac_channel ac_channel_ready(struct cf *cf, const struct cf_device *device, UINT type);

/* ---- what every driver with content protection has (ac.c) --------------------------------------------------- */

enum { AC_REQUIRED = 8 };

struct ac_required {
	const char *name;
	HRESULT result;
};

/* The eight functions, called rightly as far as the driver lets it come. A NULL slot answers D3DDDIERR_NOTAVAILABLE. */
void ac_call_required(struct cf *cf, const struct cf_device *device, struct ac_required ret[AC_REQUIRED]);

/* ---- surfaces (ac.c) ---------------------------------------------------------------------------------------- */

/* Lock and Unlock; what Lock shows of the surface's linear bytes comes back. */
HRESULT ac_look(const struct cf_device *device, HANDLE surface, void *ret, size_t size);

/* ---- decode devices of the test configuration (ac.c) -------------------------------------------------------- */

struct ac_decode {
	HANDLE h;      /* hDecode of the driver */
	HANDLE handle; /* what function 0x725 gives: DXVA2DecodeHandle */
};

/* With ac_test_profiles[profile]. Both give up when it does not work. */
struct ac_decode ac_decode_new(struct cf *cf, const struct cf_device *device, size_t profile);
HANDLE ac_decode_session(struct cf *cf, const struct cf_device *device, size_t profile);
HRESULT ac_decode_handle(const struct cf_device *device, HANDLE decode, HANDLE *ret); /* function 0x725 */
HRESULT ac_decode_destroy(const struct cf_device *device, HANDLE decode);

/* ---- messages (message.c) --------------------------------------------------------------------------------- */

/*
 * A call that may still be bent: a test changes what it likes between ac_command or ac_query and the sending. The sizes say
 * what is passed as InputSize and OutputSize; both buffers have AC_ROOM bytes, and the output is filled with AC_FILL.
 */
struct ac_message {
	bool is_command;
	UINT input_size;
	UINT output_size; /* queries; what the driver may write. Commands: 48 */
	_Alignas(8) uint8_t input[AC_ROOM];
	_Alignas(8) uint8_t output[AC_ROOM];
	HRESULT result; /* of the last sending */
};

/* The defined sizes of a GUID; 0 for one that is none. */
UINT ac_input_size(const GUID *type);
UINT ac_output_size(const GUID *type);

/*
 * A command with the channel's handle and next number, the body (what follows the 48 bytes) and a good tag. A body that is
 * shorter than the GUID's is followed by zeroes. InputSize is the GUID's; of one that is none, 48 and the body.
 */
struct ac_message ac_command(struct ac_channel *channel, const GUID *type, const void *body, size_t size);
/* A query with the next number; body: what follows the 32 bytes. OutputSize of a GUID that is none: 48. */
struct ac_message ac_query(struct ac_channel *channel, const GUID *type, const void *body, size_t size);
/* The same with a number of the test's own, which the channel's counter does not notice. */
struct ac_message ac_command_at(const struct ac_channel *channel, UINT number, const GUID *type, const void *body,
				size_t size);
struct ac_message ac_query_at(const struct ac_channel *channel, UINT number, const GUID *type, const void *body,
			      size_t size);
/* The tag anew, over the input_size bytes that the input holds now. */
void ac_sign(struct ac_message *message, const uint8_t key[CF_KEY]);

/*
 * Sends it: ConfigureAuthenticatedChannel or QueryAuthenticatedChannel. The output is filled anew before. Gives up when the
 * driver writes to the input.
 */
HRESULT ac_send(const struct cf_device *device, struct ac_message *message);

/* INITIALIZE with these start values, and its own number. */
struct ac_message ac_initialize(const struct ac_channel *channel, UINT number, UINT first_command, UINT first_query);
/* PROTECTION with that value. Bodies of the other commands are theirs who send them. */
struct ac_message ac_protection(struct ac_channel *channel, UINT value);
/* Query PROTECTION; gives up unless it is answered with S_OK and signed. */
UINT ac_protection_level(struct cf *cf, struct ac_channel *channel);
/* Query DEVICEHANDLE, the same. */
HANDLE ac_device_id(struct cf *cf, struct ac_channel *channel);
/* CRYPTOSESSION: the decode device's handle, the session, the device id. */
struct ac_message ac_tie(struct ac_channel *channel, HANDLE decode, HANDLE session, HANDLE device_id);
/* SHAREDRESOURCE: PROCESSIDTYPE_*, the process token, AllowAccess. */
struct ac_message ac_share(struct ac_channel *channel, UINT type, UINT64 process, BOOL allow);
/* ENCRYPTIONWHENACCESSIBLE. */
struct ac_message ac_encryption(struct ac_channel *channel, const GUID *guid);

/* ---- what answers are (message.c) --------------------------------------------------------------------------- */

/*
 * Each checks the whole output: what the class writes, what it echoes, that ReturnCode is the result, and that every byte
 * beyond is as it was. rule names what is broken otherwise. The classes are decisions (D-32); echo, ReturnCode and tag of
 * a signed answer have the rule's own basis.
 */
bool ac_is_none(struct cf *cf, const char *rule, const struct ac_message *message);
bool ac_is_zero(struct cf *cf, const char *rule, const struct ac_message *message);
bool ac_is_bare(struct cf *cf, const char *rule, const struct ac_message *message);
/*
 * Signed with that key, to the defined size. A failing one has a body of zeroes; a succeeding one repeats what its
 * structure repeats (AC-099), and has zeroes where no member is (AC-060).
 */
bool ac_is_signed(struct cf *cf, const char *rule, const struct ac_message *message, const uint8_t key[CF_KEY]);

/* The usual two lines in one: sends, checks the code (as AC_CODE does) and the class. */
bool ac_accepted(struct cf *cf, const char *rule, const struct ac_channel *channel, struct ac_message *message);
bool ac_refused_signed(struct cf *cf, const char *rule, const struct ac_channel *channel, HRESULT want,
		       struct ac_message *message);
bool ac_refused_bare(struct cf *cf, const char *rule, const struct cf_device *device, HRESULT want,
		     struct ac_message *message);

/* A number in an input or output, by offset. */
UINT ac_u32(const uint8_t *bytes, size_t offset);
UINT64 ac_u64(const uint8_t *bytes, size_t offset);
void ac_put_u32(uint8_t *bytes, size_t offset, UINT value);
void ac_put_u64(uint8_t *bytes, size_t offset, UINT64 value);

#endif
