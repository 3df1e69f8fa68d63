/* SPDX-License-Identifier: MIT */
/* What the provider and the presenter of one film say to each other. */
#ifndef DXV_TOOLS_PLAY_WIRE_H
#define DXV_TOOLS_PLAY_WIRE_H

#include <stdint.h>

/*
 * Packets over a SOCK_SEQPACKET pair that the two inherit; both come from one build. The presenter says which process it
 * is, so that it may open the surfaces and no other. The provider sends what a black picture has to be like, then the
 * session, its fence and each surface with its NT handle as a descriptor, then pictures; a surface belongs to the presenter
 * from PLAY_SHOW until its PLAY_SHOWN. A picture names the count of losses under which it was written: where the fence says
 * another one, or the session is INVALID, the presenter shows black in its place. After PLAY_AGAIN all begins anew, from
 * the token on.
 */
enum play_type {
	PLAY_SESSION = 1, /* provider: NT handle of the protected session */
	PLAY_FENCE,	  /* provider: NT handle of its monitored fence */
	PLAY_SURFACE,	  /* provider: NT handle of surface number index */
	PLAY_SCREEN,	  /* provider: size, rate and rotation of the surfaces, before anything else */
	PLAY_SHOW,	  /* provider: present surface number index, or black for PLAY_NO_SURFACE */
	PLAY_AGAIN,	  /* provider: let go of everything and open the adapter anew */
	PLAY_END,	  /* provider: that was the last one */
	PLAY_SHOWN,	  /* presenter: surface number index is free again; outcome says what was seen of it */
	PLAY_DONE,	  /* presenter: all was shown */
	PLAY_LOST,	  /* presenter: content was lost, noticed before picture number; status is the session's */
	PLAY_FAILED,	  /* presenter: a call failed with status; text says which */
	PLAY_TOKEN,	  /* presenter: its process token, once it has opened the adapter */
};

/* What the screen showed for a picture. */
enum play_outcome { PLAY_OUTCOME_SHOWN, PLAY_OUTCOME_BLACK, PLAY_OUTCOME_ABSENT };

enum { PLAY_SURFACES = 4, PLAY_NO_SURFACE = 255 };

struct play_message {
	uint32_t type;
	uint32_t index;
	uint32_t count;
	uint32_t duration;
	uint32_t width; /* of the picture in the surface */
	uint32_t height;
	uint32_t shown_width; /* on the screen */
	uint32_t shown_height;
	uint32_t rate_numerator;
	uint32_t rate_denominator;
	uint32_t rotation; /* D3DDDI_ROTATION */
	uint32_t outcome;
	uint32_t generation; /* how often there was a PLAY_AGAIN: of the objects that this is about */
	int32_t status;
	uint64_t number; /* of a picture, from 1 */
	uint64_t losses; /* the fence's value */
	uint64_t presented;
	uint64_t token;
	char text[64];
};

#endif
