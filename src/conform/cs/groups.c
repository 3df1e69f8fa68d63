/* SPDX-License-Identifier: MIT */
/* The groups of tests of crypto-session.md, and the rules that the DDI cannot show. */
#include "conform/cs/cs.h"

const struct cf_group cf_groups_cs[] = {
	{ "common", cs_tests_common },	     { "create", cs_tests_create },
	{ "exchange", cs_tests_exchange },   { "exchange-again", cs_tests_exchange_again },
	{ "destroy", cs_tests_destroy },     { "refresh", cs_tests_refresh },
	{ "arguments", cs_tests_arguments }, { "read-back", cs_tests_read_back },
	{ "devices", cs_tests_devices },     { "loss", cs_tests_loss },
	{ "order", cs_tests_order },	     { "states", cs_tests_states },
	{ "walk", cs_tests_walk },	     { 0 },
};

const struct cf_unseen cf_unseen_cs[] = {
	{ "CS-07", "memory does not fail on request through the DDI: tests/unit/test_alloc_ddi.c" },
	{ "CS-08", "memory does not fail on request through the DDI: tests/unit/test_alloc_ddi.c" },
	{ "CS-46", "memory that was freed is not seen through the DDI: tests/unit/test_rules_cs.c, test_gpu_key.c" },
	{ "CS-60", "the random number must be chosen: tests/unit/test_kmd_session.c" },
	{ 0 },
};
