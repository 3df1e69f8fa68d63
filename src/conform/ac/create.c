/* SPDX-License-Identifier: MIT */
/* Tests of authenticated-channel.md: making channels: types, handles, devices, what a failed Create leaves. */
#include "conform/ac/ac.h"

const struct cf_test ac_tests_create[] = {
	{ 0 },
};
