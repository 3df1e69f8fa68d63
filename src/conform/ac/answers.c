/* SPDX-License-Identifier: MIT */
/* Tests of authenticated-channel.md: the queries that have one answer. */
#include "conform/ac/ac.h"

const struct cf_test ac_tests_answers[] = {
	{ 0 },
};
