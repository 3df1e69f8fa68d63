/* SPDX-License-Identifier: MIT */
/* Looks for what is left of secrets: on the stack and in the registers of a call, and in memory. */
#ifndef DXV_TESTS_WIPE_PROBE_H
#define DXV_TESTS_WIPE_PROBE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* ---- what is looked for --------------------------------------------------------------------------- */

/*
 * Eight bytes of a secret are a find, wherever they begin. The probe keeps them in another form, so that it does not find
 * itself. Names live as long as the list.
 */
void wp_secret(const char *name, const void *bytes, size_t size);
/* An AES key and all that is computed of it alone: round keys of both directions, the subkeys of OMAC. */
void wp_key(const char *name, const uint8_t key[16]);
/* Of many bytes, every eight that begin at a multiple of 4. */
void wp_bulk(const char *name, const void *bytes, size_t size);
void wp_forget(void);

/* ---- where ------------------------------------------------------------------------------------------ */

/* How often something of a secret is there; wp_found() says where the first one was. */
unsigned int wp_look(const char *where, const void *bytes, size_t size);
const char *wp_found(void);

/* All memory of this process that can be written to: what is protected, or what is not. */
unsigned int wp_look_everywhere(bool is_protected);
/* Whether this build's memory that is not protected can be looked at; else says why not, and skips the test. */
void wp_need_memory(void);
/* Whether an address is in protected memory. */
bool wp_is_protected(const void *address);

/* Whether this build can look at stacks and registers; else says why not, and skips the test. */
void wp_need_stack(void);
/*
 * Calls on a stack of its own with registers that hold nothing, and then looks at both: all of the stack and, as they were when
 * it returned, all registers.
 */
unsigned int wp_look_behind(void (*call)(void *argument), void *argument);
/* How many words hold anything deeper than so many bytes, where frames of the caller's own end. */
unsigned int wp_words_below(size_t bytes);
/* How deep the last one went, in bytes. */
size_t wp_depth(void);
/* At its stack again, for secrets that were not known before. */
unsigned int wp_look_at_stack(void);

#define wp_assert_none(count, what)                                                   \
	do {                                                                          \
		if ((count) > 0)                                                      \
			fail_msg("%s: %u left, first %s", what, (count), wp_found()); \
	} while (0)

#endif
