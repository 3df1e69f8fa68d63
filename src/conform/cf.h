/* SPDX-License-Identifier: MIT */
/* A test that runs, as the files of the suite see it. */
#ifndef DXV_CONFORM_CF_H
#define DXV_CONFORM_CF_H

#include "conform/conform.h"
#include "conform/record.h"

#include <openssl/evp.h>

enum { CF_CERTIFICATE_TYPES = 2, CF_PITCHES = 32 };

struct cf {
	const struct cf_test *test;
	int socket;	  /* records go there */
	bool is_strict;	  /* decisions are judged too */
	const char *umd;  /* a path; NULL: the driver that the adapter names */
	uint32_t variant; /* what the service was told to offer; 0: nothing in particular */

	/* Made at first need; a peer process begins without. */
	struct rt_adapter *adapter;
	bool has_caps;
	D3DCONTENTPROTECTIONCAPS caps;
	EVP_PKEY *keys[CF_CERTIFICATE_TYPES];
	enum { CF_UNKNOWN, CF_NO, CF_YES } is_dxvault;
	uint64_t next_iv;
	struct cf_pitch {
		D3DDDIFORMAT format;
		uint32_t width;
		uint32_t pitch;
	} pitches[CF_PITCHES];
	size_t pitch_count;
	bool is_peer;
	/* The optional function without a capability bit of its own that answered that it is not there. */
	const char *_Atomic missing;
};

/* The test of this process, for functions that are not told. */
extern struct cf *cf_running;

/* Opens the driver; *ret_why says why not. */
HRESULT cf_adapter_try(struct cf *cf, struct rt_adapter **ret, const char **ret_why);
/* GetCaps, once. Whatever but S_OK is the driver's. */
HRESULT cf_caps_try(struct cf *cf, const D3DCONTENTPROTECTIONCAPS **ret);
/* Ends the test where the driver says that it has no content protection at all, which is conforming (CAP-33). */
void cf_skip_without_protection(struct cf *cf);

/* Fills empty slots of both tables, which would crash the runtime, with functions that answer. */
void cf_fill_adapter_table(D3DDDI_ADAPTERFUNCS *funcs);
void cf_fill_device_table(D3DDDI_DEVICEFUNCS *funcs);

/* Row bytes and rows of a format that a protected surface may have; false: another format. */
bool cf_layout(D3DDDIFORMAT format, uint32_t width, uint32_t height, uint32_t *ret_row, uint32_t *ret_rows);

/* An own mistake, such as a check of a rule that the test does not list. Goes on. */
void cf_fault(struct cf *cf, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
