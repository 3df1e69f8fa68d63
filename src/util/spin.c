/* SPDX-License-Identifier: MIT */
/* How long to look again and again before going to sleep. */
#include "util/spin.h"

#include <sched.h>
#include <time.h>

/* Rests until the processor is offered to others, and how long that takes when nobody wants it, at most. */
enum { REST_PAUSES = 2, RESTS = 32, ALONE = 1500, CROWDED = 3 };

enum { SHORTEST = 1000, FIRST = 20000, LONGEST = 100000 };

void spin_init(struct spin *spin)
{
	cpu_set_t processors;

	CPU_ZERO(&processors);
	*spin = (struct spin) { .budget = FIRST, .limit = LONGEST };
	if (sched_getaffinity(0, sizeof(processors), &processors) == 0 && CPU_COUNT(&processors) == 1)
		*spin = (struct spin) { 0 };
}

void spin_learn(struct spin *spin, uint64_t waited)
{
	uint64_t budget;

	if (spin->limit == 0)
		return;
	/* To wake up takes time too, so that a wait a little longer than the limit was none to sleep in. */
	budget = waited <= 2 * spin->limit ? (spin->budget + 2 * waited) / 2 : spin->budget / 2;
	if (budget < SHORTEST)
		budget = SHORTEST;
	spin->budget = budget < spin->limit ? budget : spin->limit;
}

uint64_t spin_clock(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

bool spin_offer(void)
{
	uint64_t begin = spin_clock();

	(void)sched_yield();
	return spin_clock() - begin > ALONE;
}

bool spin_rest(struct spin_rest *rest)
{
	for (unsigned int i = 0; i < REST_PAUSES; i++)
		spin_pause();
	if (++rest->rests % RESTS != 0)
		return false;
	if (!spin_offer()) {
		rest->crowded = 0;
		return false;
	}
	if (++rest->crowded < CROWDED)
		return false;
	rest->crowded = 0;
	return true;
}

void spin_step_aside(void)
{
	cpu_set_t all, others;
	int here = sched_getcpu();

	if (here < 0 || sched_getaffinity(0, sizeof(all), &all) < 0)
		return;
	others = all;
	CPU_CLR((size_t)here, &others);
	if (CPU_COUNT(&others) > 0 && sched_setaffinity(0, sizeof(others), &others) == 0)
		(void)sched_setaffinity(0, sizeof(all), &all);
}
