/* SPDX-License-Identifier: MIT */
/* Tests of authenticated-channel.md: PROTECTION, and what it does to surfaces. */
#include "conform/ac/ac.h"

const struct cf_test ac_tests_protection[] = {
	{ 0 },
};
