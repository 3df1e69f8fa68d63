/* SPDX-License-Identifier: MIT */
/* Tests of authenticated-channel.md: sessions tied to decode devices, and the outputs that show them. */
#include "conform/ac/ac.h"

const struct cf_test ac_tests_session[] = {
	{ 0 },
};
