/* SPDX-License-Identifier: MIT */
/* Allocations that fail when a test wants it: the linker puts these functions before the real ones. */
#ifndef DXV_TESTS_FAILING_ALLOC_H
#define DXV_TESTS_FAILING_ALLOC_H

/*
 * What counts as an allocation: memory (malloc and its kin, the secret heap, which libcrypto uses too once it is routed
 * there), mappings and what makes them (mmap, mprotect, mlock2, madvise, memfd_create, memfd_secret, ftruncate,
 * fallocate), descriptors (fcntl's F_DUPFD_CLOEXEC, socketpair, open, epoll_create1, epoll_ctl, and those that a reply brings) and threads. The test is
 * linked with -Wl,--wrap for each: failing_wrap in tests/meson.build.
 */

/* The n-th allocation that the calling thread makes from now on fails, alone. n counts from 1. */
void fail_alloc_at(unsigned int n);
/* It and all behind it. */
void fail_alloc_from(unsigned int n);
/* The same as fail_alloc_at, but for whichever thread makes the n-th. */
void fail_alloc_anywhere(unsigned int n);
/* For what a test does itself in between. */
void fail_alloc_hold(void);
void fail_alloc_go_on(void);
/* Nothing fails any more. How many failed. */
unsigned int fail_alloc_stop(void);

/* What lives: taken and not given back, by all threads. */
struct fail_alloc_balance {
	long blocks;   /* malloc */
	long mappings; /* mmap */
	long secrets;  /* secret heap */
};

struct fail_alloc_balance fail_alloc_balance(void);

#endif
