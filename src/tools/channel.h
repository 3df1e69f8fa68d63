/* SPDX-License-Identifier: MIT */
/* An application's side of an authenticated channel: its key, its numbers, and which answers it believes. */
#ifndef DXV_TOOLS_CHANNEL_H
#define DXV_TOOLS_CHANNEL_H

#include "tools/trust.h"

#include <dxvault/d3dcontentprotection.h>
#include <dxvault/d3dumddi.h>
#include <stdbool.h>
#include <stddef.h>

/* One channel of one device, for one thread. It trusts nothing between itself and the holder of the certificate's key. */
struct channel;

enum channel_result {
	CHANNEL_OK,
	CHANNEL_REFUSED, /* the driver says no; channel_code says with what */
	CHANNEL_FORGED,	 /* the answer's tag is not one that the key makes */
	CHANNEL_FOREIGN, /* the tag is good, but it answers another call: an old one, or another channel's */
	CHANNEL_FAILED,	 /* nothing was asked: no random numbers, no memory, or all numbers are used up */
};

/*
 * CreateAuthenticatedChannel. funcs stay the caller's and are good as long as the channel. D3DDDIERR_NOTAVAILABLE: the
 * driver has no such channels; E_OUTOFMEMORY; else what the driver said.
 */
HRESULT channel_create(const D3DDDI_DEVICEFUNCS *funcs, HANDLE device, DDIAUTHENTICATEDCHANNELTYPE type,
		       struct channel **ret);
/* DestroyAuthenticatedChannel; wipes the key. NULL is allowed. */
void channel_destroy(struct channel *channel);

/*
 * Makes a random key and gives it to the driver under the key of its channel certificate, which the caller has checked.
 * Once for each channel. The key lies in a page of its own that is in no core file and no child; channel_key_is_locked says
 * whether it is kept out of swap too, which RLIMIT_MEMLOCK decides.
 */
enum channel_result channel_exchange(struct channel *channel, struct trust *trust);
bool channel_key_is_locked(const struct channel *channel);

/* INITIALIZE with random first numbers. Commands and queries come behind it. */
enum channel_result channel_initialize(struct channel *channel);

/*
 * A command: a structure that begins with input, whose ConfigureType the caller has set. Handle, number and tag are put in
 * here. Only CHANNEL_OK means that it is in force.
 */
enum channel_result channel_command(struct channel *channel, D3DAUTHENTICATEDCHANNEL_CONFIGURE_INPUT *input,
				    size_t size);

/*
 * A query: input begins a structure whose QueryType the caller has set, output one of the size that belongs to it. Numbers
 * go up in random steps, so that whoever wants an answer in advance cannot tell for which number (AC-051). Unless CHANNEL_OK
 * comes back, output is all zero.
 */
enum channel_result channel_query(struct channel *channel, D3DAUTHENTICATEDCHANNEL_QUERY_INPUT *input,
				  size_t input_size, D3DAUTHENTICATEDCHANNEL_QUERY_OUTPUT *output, size_t output_size);

/* The HRESULT of the last call that was refused; S_OK otherwise. */
HRESULT channel_code(const struct channel *channel);

#endif
