/* SPDX-License-Identifier: MIT */
/* Tests of authenticated-channel.md: the tags of commands and answers. */
#include "conform/ac/ac.h"

const struct cf_test ac_tests_tag[] = {
	{ 0 },
};
