/* SPDX-License-Identifier: MIT */
/* A driver with one authenticated channel, for tests of an application's side: it keeps the rules, but for what it is told. */
#ifndef DXV_TESTS_FAKE_CHANNEL_H
#define DXV_TESTS_FAKE_CHANNEL_H

#include "tools/trust.h"

#include <dxvault/d3dcontentprotection.h>
#include <dxvault/d3dumddi.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FAKE_TAG = 16, FAKE_KEY = 16, FAKE_HEADER = 48 };

struct fake_channel {
	HANDLE channel;
	uint8_t key[FAKE_KEY];
	bool has_key;
	bool is_initialised;
	uint64_t next_command, next_query; /* the lowest that is fresh */
	UINT first_query;
	UINT level;
	uint64_t listed;
	unsigned int commands, queries; /* that were asked */
	UINT numbers[80];		/* of the queries */

	/* What the test has it say otherwise. */
	HRESULT create, exchange; /* other than S_OK: the result */
	HRESULT refusal;	  /* of commands and queries: returned, unsigned */
	HRESULT signed_refusal;	  /* in the answer, under a good tag; returned too, but see is_lying */
	bool is_lying;		  /* S_OK is returned whatever the answer says */
	bool is_silent;		  /* nothing is written */
	int flip;		  /* this bit of the answer, if it has one; -1: none */
	D3DAUTHENTICATEDCHANNELTYPE type;
	UINT processes, unrestricted;
	void (*bend)(uint8_t *answer, size_t size); /* before it is signed */
};

extern struct fake_channel fake_channel;
extern const D3DDDI_DEVICEFUNCS fake_channel_funcs;
/* The key of its certificate. */
extern struct trust *fake_channel_trust;

/* For cmocka: of the group, and before each test. */
int fake_channel_start(void **state);
int fake_channel_end(void **state);
int fake_channel_reset(void **state);

void fake_channel_tag(const uint8_t *key, const uint8_t *message, size_t size, uint8_t *ret);

#endif
