/* SPDX-License-Identifier: MIT */
/* The groups of tests of caps.md, and the rules that the DDI cannot show. */
#include "conform/cap/cap.h"

const struct cf_group cf_groups_cap[] = {
	{ "open", cap_tests_open },
	{ "device", cap_tests_device },
	{ "table", cap_tests_table },
	{ "callbacks", cap_tests_callbacks },
	{ "functions", cap_tests_functions },
	{ "query", cap_tests_query },
	{ "pairs", cap_tests_pairs },
	{ "members", cap_tests_members },
	{ "certificate", cap_tests_certificate },
	{ "chain", cap_tests_chain },
	{ "decode", cap_tests_decode },
	{ 0 },
};

static const char no_decoding[] = "decoding is not in force: the note at the top of docs/rules/decode.md";

const struct cf_unseen cf_unseen_cap[] = {
	{ "CAP-08", "a caller cannot make an allocation fail: tests/unit/test_umd_caps.c does" },
	{ "CAP-16", "a layout: the suite is compiled with it, and tests/abi/layout.c asserts it" },
	{ "CAP-19", "a caller cannot make an allocation fail: tests/unit/test_umd_caps.c does" },
	{ "CAP-41", "a caller cannot make an allocation fail: tests/unit/test_umd_caps.c does" },
	{ "CAP-43", no_decoding },
	{ "CAP-55", no_decoding },
	{ "CAP-79", no_decoding },
	{ "CAP-80", no_decoding },
	{ "CAP-81", no_decoding },
	{ "CAP-82", no_decoding },
	{ 0 },
};
