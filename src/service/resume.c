/* SPDX-License-Identifier: MIT */
/* Notices that the machine has slept. */
#include "service/resume.h"

#include <errno.h>
#include <sys/timerfd.h>
#include <unistd.h>

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
	resume->looked = resume->clock(CLOCK_BOOTTIME);
	resume->ahead = measure(resume).upper;
}

bool resume_happened(struct resume *resume)
{
	uint64_t boot = resume->clock(CLOCK_BOOTTIME);
	struct bounds now;

	/* Too short ago for a sleep: one clock instead of three, before each command of a ring. */
	if (boot - resume->looked < MARGIN_NS) {
		resume->looked = boot;
		return false;
	}
	resume->looked = boot;
	now = measure(resume);
	if (now.lower > resume->ahead + MARGIN_NS) {
		resume->ahead = now.upper;
		return true;
	}
	if (now.upper < resume->ahead)
		resume->ahead = now.upper;
	return false;
}

/* Never goes off, but is cancelled whenever CLOCK_REALTIME jumps, as it does at each resume. */
static int arm(int descriptor)
{
	const struct itimerspec never = { .it_value.tv_sec = INT32_MAX };

	return timerfd_settime(descriptor, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &never, NULL) < 0 ? -errno : 0;
}

int resume_descriptor_create(void)
{
	int descriptor = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	int result;

	if (descriptor < 0)
		return -errno;
	result = arm(descriptor);
	if (result < 0) {
		close(descriptor);
		return result;
	}
	return descriptor;
}

void resume_descriptor_clear(int descriptor)
{
	uint64_t expirations;

	(void)!read(descriptor, &expirations, sizeof(expirations));
	(void)arm(descriptor);
}
