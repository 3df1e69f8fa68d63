/* SPDX-License-Identifier: MIT */
/* Tests of authenticated-channel.md: INITIALIZE. */
#include "conform/ac/ac.h"

const struct cf_test ac_tests_initialize[] = {
	{ 0 },
};
