/* SPDX-License-Identifier: MIT */
/* Notices that the machine has slept. */
#include "service/resume.h"

#define SECOND_US 1000000u
/* Both clocks are read from one source; what they differ by without a sleep is rounding. */
#define MARGIN_NS 1000000

static uint64_t system_clock(clockid_t id)
{
	struct timespec now;

	clock_gettime(id, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

struct bounds {
	int64_t lower;
	int64_t upper;
};

/* Between two readings this process may have waited for long: how far ahead the one clock is lies between two bounds. */
static struct bounds measure(const struct resume *resume)
{
	uint64_t before = resume->clock(CLOCK_MONOTONIC);
	uint64_t boot = resume->clock(CLOCK_BOOTTIME);
	uint64_t behind = resume->clock(CLOCK_MONOTONIC);

	return (struct bounds) { .lower = (int64_t)(boot - behind), .upper = (int64_t)(boot - before) };
}

void resume_init(struct resume *resume, uint64_t (*clock)(clockid_t id))
{
	resume->clock = clock ? clock : system_clock;
	resume->ahead = measure(resume).upper;
}

bool resume_happened(struct resume *resume)
{
	struct bounds now = measure(resume);

	if (now.lower > resume->ahead + MARGIN_NS) {
		resume->ahead = now.upper;
		return true;
	}
	if (now.upper < resume->ahead)
		resume->ahead = now.upper;
	return false;
}

int resume_timer_create(sd_event *event, sd_event_time_handler_t handler, void *context, sd_event_source **ret)
{
	return sd_event_add_time_relative(event, ret, CLOCK_BOOTTIME, SECOND_US, SECOND_US / 4, handler, context);
}

int resume_timer_arm(sd_event_source *timer)
{
	int result = sd_event_source_set_time_relative(timer, SECOND_US);

	return result < 0 ? result : sd_event_source_set_enabled(timer, SD_EVENT_ONESHOT);
}
