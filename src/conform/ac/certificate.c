/* SPDX-License-Identifier: MIT */
/* Tests of authenticated-channel.md: the certificate of channels. */
#include "conform/ac/ac.h"

const struct cf_test ac_tests_certificate[] = {
	{ 0 },
};
