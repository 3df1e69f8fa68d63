/* SPDX-License-Identifier: MIT */
/* Random numbers from the operating system's generator. */
#include "gpu/gpu.h"

#include <errno.h>
#include <stdatomic.h>
#include <sys/random.h>

static atomic_uint failures_due;

static bool failure_is_due(void)
{
	unsigned int due = atomic_load(&failures_due);

	while (due > 0) {
		if (atomic_compare_exchange_weak(&failures_due, &due, due - 1))
			return true;
	}
	return false;
}

int gpu_random(void *memory, size_t size)
{
	unsigned char *next = memory;

	if (failure_is_due())
		return -EIO;
	/* A generator that delivered once is seeded for good: only the first round can fail, and it writes nothing then. */
	while (size > 0) {
		ssize_t n = getrandom(next, size, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -EIO;
		next += n;
		size -= (size_t)n;
	}
	return 0;
}

void gpu_random_fail_next(unsigned int n)
{
	atomic_store(&failures_due, n);
}
