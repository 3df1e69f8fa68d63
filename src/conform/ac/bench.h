/* SPDX-License-Identifier: MIT */
/* A device with two channels, each command and query in a form that succeeds, and all that the queries tell of a device. */
#ifndef DXV_CONFORM_AC_BENCH_H
#define DXV_CONFORM_AC_BENCH_H

#include "conform/ac/ac.h"

#define AC_COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* The five commands, then the thirteen queries. */
enum ac_kind {
	AC_INITIALIZE,
	AC_PROTECTION,
	AC_CRYPTOSESSION,
	AC_SHAREDRESOURCE,
	AC_ENCRYPTION,
	AC_COMMANDS,
	AC_Q_PROTECTION = AC_COMMANDS,
	AC_Q_CHANNELTYPE,
	AC_Q_DEVICEHANDLE,
	AC_Q_CRYPTOSESSION,
	AC_Q_PROCESS_COUNT,
	AC_Q_PROCESS,
	AC_Q_UNRESTRICTED_COUNT,
	AC_Q_OUTPUT_COUNT,
	AC_Q_OUTPUT,
	AC_Q_ACCESSIBILITY,
	AC_Q_GUID_COUNT,
	AC_Q_GUID,
	AC_Q_CURRENT,
	AC_KINDS,
};

/* As the rulebook's table of sizes has them. */
struct ac_kind_info {
	const char *name;
	const GUID *type;
	UINT input, output;
};
extern const struct ac_kind_info ac_kinds[AC_KINDS];
extern const GUID ac_no_guid, ac_random_guid;

/*
 * The one on trial is software, initialised, and holds nothing. The observer is another channel of its device, and looks on.
 * In the test configuration there are decode devices too, and the settings are not those of a new device: the observer holds
 * ProtectionEnabled, listed this process, and tied the session to decode. Nothing is tied to free_decode.
 */
struct ac_bench {
	struct cf *cf;
	struct cf_device device;
	struct ac_channel channel;
	struct ac_channel observer;
	HANDLE device_id;
	HANDLE session, decode, free_decode; /* NULL outside the test configuration */
	GUID encryption;		     /* one that the driver offers; all zero outside the test configuration */
};

void ac_bench_open(struct cf *cf, struct ac_bench *ret_bench);
void ac_bench_open_all(struct cf *cf, struct ac_bench *ret_bench); /* with .settings = AC_EVERYTHING */

/*
 * A message of that kind, which a full bench answers with S_OK; a command changes something then. Its number is the
 * channel's next, or the one that is given. INITIALIZE has always 0.
 */
struct ac_message ac_bench_message(const struct ac_bench *bench, struct ac_channel *channel, enum ac_kind kind);
struct ac_message ac_bench_message_at(const struct ac_bench *bench, const struct ac_channel *channel, UINT number,
				      enum ac_kind kind);
/* The channel's very next, which its counter does not notice. */
struct ac_message ac_bench_next(const struct ac_bench *bench, const struct ac_channel *channel, enum ac_kind kind);
/* A command of that kind, not INITIALIZE, whose own check refuses it (E_INVALIDARG). */
struct ac_message ac_bench_bad_command(const struct ac_bench *bench, struct ac_channel *channel, enum ac_kind kind);

/* Handles of no channel on the device: NULL, a destroyed one's, a bit beside the bench's, of other things. How many. */
enum { AC_STRANGERS = 8 };
size_t ac_bench_strangers(struct ac_bench *bench, HANDLE ret[AC_STRANGERS]);

/* All that the queries tell of the device, as the observer hears it. */
enum { AC_PROBES = 17, AC_BODY = 32 };
struct ac_state {
	HRESULT results[AC_PROBES];
	uint8_t bodies[AC_PROBES][AC_BODY];
};
/* Gives up if an answer is not signed. */
void ac_state_take(struct ac_bench *bench, struct ac_state *ret_state);
/* NULL: all is as it was. Else the name of the first query whose answer is not. */
const char *ac_state_change(struct ac_bench *bench, const struct ac_state *before);

/* What ac_is_bare and ac_is_signed look at, without a record: for thousands of messages. */
bool ac_looks_bare(const struct ac_message *message);
bool ac_looks_signed(const struct ac_message *message, const uint8_t key[CF_KEY]);

/* The calls with pointers and sizes of the test's own. */
HRESULT ac_configure(const struct cf_device *device, const void *input, UINT input_size, void *output);
HRESULT ac_ask(const struct cf_device *device, const void *input, UINT input_size, void *output, UINT output_size);
/*
 * Sends it from memory that ends behind input_room bytes to memory that ends behind output_room bytes, whatever sizes it
 * claims: a driver that reads or writes more crashes. One that writes before the output shows it at the end of output.
 */
HRESULT ac_send_at_the_edge(struct cf *cf, const struct cf_device *device, struct ac_message *message, UINT input_room,
			    UINT output_room);

#endif
