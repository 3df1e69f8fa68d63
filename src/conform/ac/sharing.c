/* SPDX-License-Identifier: MIT */
/* Tests of authenticated-channel.md: SHAREDRESOURCE: which processes open restricted resources. */
#include "conform/ac/ac.h"

const struct cf_test ac_tests_sharing[] = {
	{ 0 },
};
