/* SPDX-License-Identifier: MIT */
/* The process that a test runs in: calls that fail when the test says so, and what it leaves behind. */
#ifndef DXV_TESTS_PROCESS_FIXTURE_H
#define DXV_TESTS_PROCESS_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Of calls that the test numbers itself, the at-th one from now on fails, once; at 0: none does. */
void pf_fail_at(int call, unsigned int at);
/* Whether this one fails, with that errno: for functions that stand before the real ones. */
bool pf_fails(int call, int error);
/* What was to fail has failed. */
bool pf_has_failed(void);

/* To be compared: each is some more than there are. */
int pf_open_descriptors(void);
int pf_threads(void);

/* 0, or -1. */
int pf_remove_tree(const char *path);

/* A folder of the case, under /tmp. */
extern char pf_folder[64];
/* 0, or -1. */
int pf_folder_make(void);
int pf_folder_remove(void);
/* Of a name in it; good until the second call after this one. */
const char *pf_path(const char *name);

#endif
