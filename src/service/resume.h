/* SPDX-License-Identifier: MIT */
/* Notices that the machine has slept. */
#ifndef DXV_SERVICE_RESUME_H
#define DXV_SERVICE_RESUME_H

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>
#include <time.h>

/*
 * CLOCK_BOOTTIME counts the time of a sleep, CLOCK_MONOTONIC does not: when it has run ahead, there was one. The keys
 * of a GPU do not survive the loss of power (KMT-24).
 */
struct resume {
	uint64_t (*clock)(clockid_t id);
	uint64_t looked; /* CLOCK_BOOTTIME at the last call */
	int64_t ahead;	 /* at most so far is CLOCK_BOOTTIME ahead, as long as there was no sleep */
};

/* clock: in nanoseconds; NULL: the system's. */
void resume_init(struct resume *resume, uint64_t (*clock)(clockid_t id));
/* Whether there was a sleep since the last call. */
bool resume_happened(struct resume *resume);

/*
 * A descriptor that becomes readable when the machine has slept, and at times without that (the clock was set); in between
 * it wakes nobody. -EINVAL: the system has none. resume_descriptor_clear arms it again.
 */
int resume_descriptor_create(void);
void resume_descriptor_clear(int descriptor);

#endif
