/* SPDX-License-Identifier: MIT */
/* Tests of authenticated-channel.md: ENCRYPTIONWHENACCESSIBLE. */
#include "conform/ac/ac.h"

const struct cf_test ac_tests_encryption[] = {
	{ 0 },
};
