/* SPDX-License-Identifier: MIT */
/* How long to look again and again before going to sleep: learned from how long one had to wait before. */
#ifndef DXV_UTIL_SPIN_H
#define DXV_UTIL_SPIN_H

#include <stdbool.h>
#include <stdint.h>

struct spin {
	uint64_t budget; /* ns; 0: sleep at once */
	uint64_t limit;	 /* the most that it may become */
};

/* On a machine with one processor for this process it never spins: whoever is waited for could not run meanwhile. */
void spin_init(struct spin *spin);

/*
 * What was waited for came after so many ns, asleep or not. A wait that a longer budget would have covered makes it longer,
 * a long one makes it shorter: whoever waits for a picture each 16 ms does not burn a processor in between.
 */
void spin_learn(struct spin *spin, uint64_t waited);

uint64_t spin_clock(void); /* ns */

/* Goes behind whoever else is runnable on this processor. Returns whether there was somebody. */
bool spin_offer(void);

/* Of one thread, zero at its beginning. */
struct spin_rest {
	uint32_t rests;
	uint32_t crowded; /* how often in a row the processor was given back late */
};

/*
 * Between two looks: some ten ns. Now and then it goes behind whoever else is runnable on this processor, because that
 * may be the one that is waited for: who wakes a thread often has it on its own processor. Returns true if somebody was there
 * several times in a row.
 */
bool spin_rest(struct spin_rest *rest);

/* Moves the calling thread to another of its processors, if it has one, at the price of some microseconds. */
void spin_step_aside(void);

static inline void spin_pause(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

#endif
