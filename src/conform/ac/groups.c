/* SPDX-License-Identifier: MIT */
/* The groups of tests of authenticated-channel.md, and the rules that the DDI cannot show. */
#include "conform/ac/ac.h"

#define D3D11 "is about the Direct3D 11.1 interface alone, which dxvault does not have yet"

const struct cf_group cf_groups_ac[] = {
	{ "create", ac_tests_create },
	{ "device", ac_tests_device },
	{ "certificate", ac_tests_certificate },
	{ "exchange", ac_tests_exchange },
	{ "destroy", ac_tests_destroy },
	{ "initialize", ac_tests_initialize },
	{ "sequence", ac_tests_sequence },
	{ "tag", ac_tests_tag },
	{ "tamper", ac_tests_tamper },
	{ "configure", ac_tests_configure },
	{ "configure-answers", ac_tests_configure_answers },
	{ "query", ac_tests_query },
	{ "query-answers", ac_tests_query_answers },
	{ "order", ac_tests_order },
	{ "loss", ac_tests_loss },
	{ "protection", ac_tests_protection },
	{ "surfaces", ac_tests_surfaces },
	{ "session", ac_tests_session },
	{ "sharing", ac_tests_sharing },
	{ "encryption", ac_tests_encryption },
	{ "answers", ac_tests_answers },
	{ 0 },
};

const struct cf_unseen cf_unseen_ac[] = {
	{ "AC-005", D3D11 },
	{ "AC-007", D3D11 },
	{ "AC-015", "memory does not fail on request through the DDI: tests/unit/test_kmd_channel_keys.c" },
	{ "AC-016", D3D11 },
	{ "AC-017", D3D11 },
	{ "AC-031", D3D11 },
	{ "AC-032", D3D11 },
	{ "AC-067", D3D11 },
	{ "AC-083", "memory does not fail on request through the DDI: tests/unit/test_kmd_channel_keys.c" },
	{ "AC-124", "is about what a decode device does with the session's key: decoding is not in force (decode.md)" },
	{ "AC-165",
	  "memory that was freed is not seen through the DDI: tests/unit/test_kmd_channel_keys.c, test_gpu_mac.c" },
	{ "AC-172", "a test cannot start the service anew: tests/system/service.sh" },
	{ 0 },
};
