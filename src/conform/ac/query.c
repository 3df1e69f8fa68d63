/* SPDX-License-Identifier: MIT */
/* Tests of authenticated-channel.md: the order of checks in QueryAuthenticatedChannel, and its answers. */
#include "conform/ac/ac.h"

const struct cf_test ac_tests_query[] = {
	{ 0 },
};
