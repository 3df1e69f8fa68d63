/* SPDX-License-Identifier: MIT */
/* Mutants: a driver that wraps ours and breaks one rule, to see whether the conformance suite notices. */
#ifndef DXV_TESTS_MUTANT_H
#define DXV_TESTS_MUTANT_H

#include <dxvault/d3dcontentprotection.h>
#include <dxvault/d3dumddi.h>
#include <dxvault/dxvault.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * libdxvault-mutant.so exports OpenAdapter, loads $DXVAULT_MUTANT_UMD (else the driver of the same build, else
 * libdxvault-umd.so as the dynamic linker finds it) and passes every call on. $DXVAULT_MUTANT names the mutant; none: the
 * driver as it is. The program mutant-list prints all of them.
 */
struct mutant {
	const char *name;  /* "iv-reuse-accepted" */
	const char *rules; /* "BLT-07 BLT-15": the suite must report at least the first one broken */
	bool is_strict;	   /* a decision of ours: only --strict judges it */
	/* Puts its own functions over the real ones; called when the driver's tables have been filled. Either may be NULL. */
	void (*device)(D3DDDI_DEVICEFUNCS *funcs);
	void (*adapter)(D3DDDI_ADAPTERFUNCS *funcs);
	/* In place of OpenAdapter; calls mutant_open for the real one. NULL: that one. */
	HRESULT (*open)(D3DDDIARG_OPENADAPTER *arg);
	/* A man in the middle of authenticated channels (mutants_ac.h); device and adapter come after it. NULL: none. */
	const struct ac_bend *bend;
	/* Lies to the driver: changes its copy of the runtime's callbacks, before each CreateDevice. NULL: none. */
	void (*callbacks)(D3DDDI_DEVICECALLBACKS *callbacks);
};

/* Each ends with a NULL name. */
extern const struct mutant mutants_cs[], mutants_blt[], mutants_blt_in[], mutants_blt_partial[], mutants_blt_out[],
	mutants_blt_surface[], mutants_blt_resource[], mutants_blt_lock[], mutants_cap[], mutants_ac[],
	mutants_ac_certificate[], mutants_ac_exchange[], mutants_ac_destroy[], mutants_ac_order[], mutants_ac_answer[],
	mutants_ac_sequence[], mutants_ac_tag[], mutants_ac_protection[], mutants_ac_session[], mutants_ac_sharing[],
	mutants_ac_query[], mutants_ac_loss[], mutants_ac_finer[];
/* All of them. */
#define MUTANT_FAMILIES                                                                                            \
	mutants_cs, mutants_blt, mutants_blt_in, mutants_blt_partial, mutants_blt_out, mutants_blt_surface,        \
		mutants_blt_resource, mutants_blt_lock, mutants_cap, mutants_ac, mutants_ac_certificate,           \
		mutants_ac_exchange, mutants_ac_destroy, mutants_ac_order, mutants_ac_answer, mutants_ac_sequence, \
		mutants_ac_tag, mutants_ac_protection, mutants_ac_session, mutants_ac_sharing, mutants_ac_query,   \
		mutants_ac_loss, mutants_ac_finer

/*
 * The real driver's functions, for a mutant to call. One driver a process; the newest device's table. Some lead through
 * mutant.c, which keeps its notes there.
 */
extern D3DDDI_DEVICEFUNCS mutant_real;
extern D3DDDI_ADAPTERFUNCS mutant_real_adapter;
HRESULT mutant_open(D3DDDIARG_OPENADAPTER *arg);
/* The callbacks that the runtime gave the newest device, where the mutant wants to lie to the driver. */
extern D3DDDI_DEVICECALLBACKS mutant_callbacks;

/* For mutants that need to know what a handle is: what was noted at CreateResource. NULL: unknown. */
struct mutant_resource {
	HANDLE handle;
	D3DDDIARG_CREATERESOURCE arg; /* pSurfList points to a copy */
};
const struct mutant_resource *mutant_resource(HANDLE resource);

#endif
