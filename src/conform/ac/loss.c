/* SPDX-License-Identifier: MIT */
/* Tests of authenticated-channel.md: channels when keys or the adapter are lost. */
#include "conform/ac/ac.h"

const struct cf_test ac_tests_loss[] = {
	{ 0 },
};
