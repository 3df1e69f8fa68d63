/* SPDX-License-Identifier: MIT */
/* What dxvault play asks of its authenticated channel: protection on, the presenter alone let in, and is it still so? */
#ifndef DXV_TOOLS_PLAY_CHANNEL_H
#define DXV_TOOLS_PLAY_CHANNEL_H

#include "tools/channel.h"

#include <stdint.h>

struct play_channel {
	struct channel *channel; /* NULL: not open */
	uint64_t checks;	 /* how often the driver said, under its tag, that protection is on */
	int64_t checked_ms;	 /* CLOCK_MONOTONIC */
	double checked_film;	 /* seconds into the film */
	const char *problem;	 /* after a function below has returned false: what is wrong */
	HRESULT code;		 /* what the driver refused it with; S_OK: it did not */
};

/*
 * A software channel of this device, whose certificate's key is in trust: asked for its type and its device, then told to
 * switch protection on and to let protected pictures onto a full screen alone.
 */
bool play_channel_open(struct play_channel *channel, const D3DDDI_DEVICEFUNCS *funcs, HANDLE device,
		       struct trust *trust);
/* NULL members are allowed. */
void play_channel_close(struct play_channel *channel);

/* Lets the process of this token open the device's restricted surfaces, and makes sure that it is the only one. */
bool play_channel_admit(struct play_channel *channel, uint64_t token);
/* Whether all protected surfaces that are shared are restricted. */
bool play_channel_check_surfaces(struct play_channel *channel);

/* Whether protection is on as it was asked for. film: seconds into it. */
bool play_channel_check(struct play_channel *channel, double film);
/* A second of the film, or of everybody's time, after the last check. */
bool play_channel_is_due(const struct play_channel *channel, double film);

#endif
