/* SPDX-License-Identifier: MIT */
/* Tests of authenticated-channel.md: the order of checks in ConfigureAuthenticatedChannel, and its answers. */
#include "conform/ac/ac.h"

const struct cf_test ac_tests_configure[] = {
	{ 0 },
};
