/* SPDX-License-Identifier: MIT */
/* Whether the time of an operation tells of which class its input is: Welch's t-test over many interleaved runs. */
#ifndef DXV_TESTS_TIMING_MEASURE_H
#define DXV_TESTS_TIMING_MEASURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { MEASURE_CLASSES = 8 };

struct measure {
	const char *const *names; /* of the classes that must be alike */
	unsigned int classes;
	const char
		*control; /* of one class more, which a measurement that is worth anything tells from the first one */
	double seconds;	  /* of measuring; more where the machine is busy */
	unsigned int samples; /* of each class, at the most */
	/* Makes an input of the class, by chance one of many; not measured. */
	void (*prepare)(void *data, unsigned int class_number);
	/* The operation, measured. It does not look at the class. */
	void (*run)(void *data);
	void *data;
};

/*
 * Fails the test that calls it if two classes differ, or if the control does not. A busy machine can make classes differ
 * once, but not in each of three rounds.
 */
void measure_assert_alike(const struct measure *measure);

/* For the operation: what it did until now does not count. */
void measure_from_here(void);

/* Any number, the same sequence in every run; not for secrets. */
uint64_t measure_random(void);
/* Lasts that long, about. */
void measure_delay(unsigned int nanoseconds);

/* As in the service: libcrypto's memory is the secret heap's. */
bool measure_start(void);
/* Runs the tests whose names begin with a word of argv, or all; then the identity ends. */
int measure_main(const char *group, const struct CMUnitTest *tests, size_t count, char **argv);

#endif
