/* SPDX-License-Identifier: MIT */
/* Tests of authenticated-channel.md: what the end of a channel undoes, and what it does not. */
#include "conform/ac/ac.h"

const struct cf_test ac_tests_destroy[] = {
	{ 0 },
};
