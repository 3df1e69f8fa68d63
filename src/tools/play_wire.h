/* SPDX-License-Identifier: MIT */
/* What the provider and the presenter of one film say to each other. */
#ifndef DXV_TOOLS_PLAY_WIRE_H
#define DXV_TOOLS_PLAY_WIRE_H

#include <stdint.h>

/*
 * Packets over a SOCK_SEQPACKET pair that the two inherit; both come from one build. The presenter says which process it
 * is, so that it may open the surfaces and no other. The provider sends the session, its fence and each surface with its NT
 * handle as a descriptor, then pictures; a surface belongs to the presenter from PLAY_SHOW until its PLAY_SHOWN.
 */
enum play_type {
	PLAY_SESSION = 1, /* provider: NT handle of the protected session */
	PLAY_FENCE,	  /* provider: NT handle of its monitored fence */
	PLAY_SURFACE,	  /* provider: NT handle of surface number index */
	PLAY_SHOW,	  /* provider: present surface number index */
	PLAY_END,	  /* provider: that was the last one */
	PLAY_SHOWN,	  /* presenter: surface number index is free again */
	PLAY_DONE,	  /* presenter: all was shown; status is the session's */
	PLAY_LOST,	  /* presenter: the protected session lost its content */
	PLAY_FAILED,	  /* presenter: a call failed with status; text says which */
	PLAY_TOKEN,	  /* presenter: its process token, once, before anything else */
};

enum { PLAY_SURFACES = 4 };

struct play_message {
	uint32_t type;
	uint32_t index;
	uint32_t count;
	uint32_t duration;
	uint32_t width; /* of the picture in the surface */
	uint32_t height;
	uint32_t shown_width; /* on the screen */
	uint32_t shown_height;
	int32_t status;
	uint64_t presented;
	uint64_t token;
	char text[64];
};

#endif
