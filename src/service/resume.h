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
	int64_t ahead; /* at most so far is CLOCK_BOOTTIME ahead, as long as there was no sleep */
};

/* clock: in nanoseconds; NULL: the system's. */
void resume_init(struct resume *resume, uint64_t (*clock)(clockid_t id));
/* Whether there was a sleep since the last call. */
bool resume_happened(struct resume *resume);

/*
 * A timer on CLOCK_BOOTTIME, which goes off at once after a sleep that was longer than its second. It fires once; the
 * handler arms it again.
 */
int resume_timer_create(sd_event *event, sd_event_time_handler_t handler, void *context, sd_event_source **ret);
int resume_timer_arm(sd_event_source *timer);

#endif
