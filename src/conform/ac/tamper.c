/* SPDX-License-Identifier: MIT */
/* Tests of authenticated-channel.md: commands and answers with single bits changed. */
#include "conform/ac/ac.h"

const struct cf_test ac_tests_tamper[] = {
	{ 0 },
};
