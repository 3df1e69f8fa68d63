/* SPDX-License-Identifier: MIT */
/* Tests of authenticated-channel.md: sequence numbers of commands and queries. */
#include "conform/ac/ac.h"

const struct cf_test ac_tests_sequence[] = {
	{ 0 },
};
