/* SPDX-License-Identifier: MIT */
/* For mutants that need to know how a session stands. */
#ifndef DXV_TESTS_MUTANTS_SESSION_H
#define DXV_TESTS_MUTANTS_SESSION_H

#include "mutant.h"

struct mutant_session {
	HANDLE handle, device;
	bool is_dead, device_is_gone;
	bool has_key, has_number;
	bool had_number;	/* when its key was exchanged last */
	unsigned int exchanges; /* that succeeded */
	unsigned int finishes;
	unsigned int reads; /* GetEncryptionBltKey */
	bool flag;	    /* the mutant's own */
	uint8_t bytes[16];  /* the same */
};

/* The newest of that handle; NULL: never issued. */
struct mutant_session *mutant_session(HANDLE session);
/* A live one of the device; NULL: none. How many live, over all devices. */
struct mutant_session *mutant_session_on(HANDLE device);
unsigned int mutant_sessions_alive(void);

/* Notes what goes through the table, the mutant's functions in it included. */
void mutant_track(D3DDDI_DEVICEFUNCS *funcs);

/* Sessions with handles of the mutant's own: the lowest that is free, over all devices or for each of them. */
void mutant_handles_again(D3DDDI_DEVICEFUNCS *funcs);
void mutant_handles_per_device(D3DDDI_DEVICEFUNCS *funcs);

#endif
