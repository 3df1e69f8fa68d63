/* SPDX-License-Identifier: MIT */
/* Secret memory as a test sees it: how often it is asked for, that it runs out, and what of a secret is still in it. */
#ifndef DXV_TESTS_SECRET_PROBE_H
#define DXV_TESTS_SECRET_PROBE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* What was asked for until now, refused or not. */
extern atomic_uint sp_allocations;

/* So many are granted from now on, and then none; lone: only the first one too many is refused. */
void sp_refuse_after(int count, bool lone);
void sp_refuse_none(void);
/* Counts one allocation, and tells what becomes of it: for functions that stand before the real ones. */
bool sp_is_refused(void);

/* libcrypto's memory is the secret heap's from now on, by way of sp_is_refused. Before libcrypto allocates; 0, or -1. */
int sp_route_libcrypto(void);

/* How often the bytes stand in the mapping that holds where. */
unsigned int sp_mapping_count(const void *where, const uint8_t bytes[16]);

#endif
