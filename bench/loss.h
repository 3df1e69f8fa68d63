/* SPDX-License-Identifier: MIT */
/* What the row fence.wake and its service (bench-loss) say to each other. */
#ifndef DXV_BENCH_LOSS_H
#define DXV_BENCH_LOSS_H

#include <stdint.h>

/* In memory that both map. */
struct loss_board {
	_Atomic uint32_t word;	  /* the baseline's futex */
	_Atomic int64_t reported; /* bench_now() right before the loss, or the wake */
};

/* Orders, a byte each, over a stream socket. Each is answered by nothing but what it does. */
enum {
	LOSS_KEYS = 'k', /* all keys are lost */
	LOSS_WAKE = 'w', /* the word grows by one, and its waiter is woken */
};

/* Descriptors of bench-loss. */
enum { LOSS_CLIENT = 3, LOSS_ORDERS, LOSS_BOARD };

/* From the order to the event: the one that waits has gone to sleep by then. */
#define LOSS_DELAY_NS 100000

#endif
