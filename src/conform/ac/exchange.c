/* SPDX-License-Identifier: MIT */
/* Tests of authenticated-channel.md: the key exchange of channels. */
#include "conform/ac/ac.h"

const struct cf_test ac_tests_exchange[] = {
	{ 0 },
};
