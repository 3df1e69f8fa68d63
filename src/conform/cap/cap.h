/* SPDX-License-Identifier: MIT */
/* What the tests of caps.md have in common: queries, unknown GUIDs, OpenAdapter itself, and a runtime that watches. */
#ifndef DXV_CONFORM_CAP_CAP_H
#define DXV_CONFORM_CAP_CAP_H

#include "conform/conform.h"

#include <dxvault/dxvault.h>

extern const struct cf_test cap_tests_open[], cap_tests_device[], cap_tests_table[], cap_tests_callbacks[],
	cap_tests_functions[], cap_tests_query[], cap_tests_pairs[], cap_tests_members[], cap_tests_certificate[],
	cap_tests_chain[], cap_tests_decode[];

/* ---- queries (cap.c) ------------------------------------------------------------------------------------- */

enum { CAP_FILL = 0xc3 };

extern const GUID cap_zero_guid;
extern const GUID cap_unknown_guid; /* no crypto type and no profile of anybody's */
extern const GUID cap_mpeg2_idct;   /* DXVADDI_ModeMPEG2_IDCT */

HRESULT cap_query(struct cf *cf, UINT type, void *info, void *data, UINT size);
/* GETCONTENTPROTECTIONCAPS of a pair. */
HRESULT cap_pair(struct cf *cf, const GUID *type, const GUID *profile, D3DCONTENTPROTECTIONCAPS *ret);
DDICERTIFICATEINFO cap_certificate_info(UINT type, UINT channel, const GUID *crypto_type);
/* cf_skip where the driver has no certificate for crypto sessions: another exchange than RSAES_OAEP. */
void cap_require_certificate(struct cf *cf);

/* ---- OpenAdapter itself (cap.c) -------------------------------------------------------------------------- */

typedef HRESULT(APIENTRY *cap_open_fn)(D3DDDIARG_OPENADAPTER *);

cap_open_fn cap_open_adapter(struct cf *cf);

/* ---- a runtime that watches (spy.c) ---------------------------------------------------------------------- */

/*
 * Handles of the runtime's that are told from all others; behind them the suite's own runtime does the work. A NULL
 * callback is taken out of callbacks before the device is made; a failing one is a code in the fail members. One a process.
 */
struct cap_spy {
	struct cf *cf;
	struct rt_device *under;
	DXVAULT_DEVICECALLBACKS callbacks;
	HANDLE device;		/* the driver's */
	D3DDDI_DEVICEFUNCS f;	/* never with a NULL in it */
	D3DDDI_DEVICEFUNCS raw; /* as the driver filled it */

	HRESULT fail_allocate, fail_escape, fail_lock; /* S_OK: no failure */

	unsigned int allocates, deallocates, locks, unlocks, contexts, contexts_gone, presents, sessions, sessions_gone;
	unsigned int live_allocations; /* made and not given back, as far as the calls tell */
	bool present_without_context;
	HANDLE wrong_device, wrong_adapter, wrong_resource; /* the last handle that was not the runtime's */
	D3DDDICB_DEALLOCATE last_deallocate;
};

extern struct cap_spy cap_spy;

/* What the runtime calls its objects there. number: any below 16. */
HANDLE cap_spy_runtime_device(void);
HANDLE cap_spy_runtime_resource(unsigned int number);

/* Fills cap_spy.callbacks. cap_spy_device then makes the device; S_OK or the driver's answer. */
void cap_spy_start(struct cf *cf);
HRESULT cap_spy_device(void);
struct cf_device cap_spy_as_device(void); /* for the functions of conform.h */
/* CreateResource with a runtime handle of the spy's. */
HRESULT cap_spy_resource(unsigned int number, D3DDDI_POOL pool, D3DDDI_RESOURCEFLAGS flags, HANDLE *ret);

/* For OpenAdapter: an argument that is right, and what pfnQueryAdapterInfoCb saw. */
struct cap_opening {
	D3DDDIARG_OPENADAPTER arg;
	D3DDDI_ADAPTERFUNCS funcs; /* never with a NULL in it, once cap_open has opened it */
	uint8_t guard[64];	   /* behind the table */
	D3DDDI_ADAPTERFUNCS raw;   /* as the driver filled it */
};

void cap_opening_init(struct cf *cf, struct cap_opening *ret);
HRESULT cap_open(struct cf *cf, struct cap_opening *opening);
unsigned int cap_opening_queries(void);	  /* since the last init */
HANDLE cap_opening_wrong_handle(void);	  /* of those queries; NULL: none */
HANDLE cap_opening_runtime_adapter(void); /* what came in as hAdapter */

#endif
