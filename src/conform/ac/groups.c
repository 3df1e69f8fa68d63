/* SPDX-License-Identifier: MIT */
/* The groups of tests of authenticated-channel.md, and the rules that the DDI cannot show. */
#include "conform/ac/ac.h"

#define D3D11 "is about the Direct3D 11.1 interface alone, which dxvault does not have yet"

const struct cf_group cf_groups_ac[] = {
	{ "create", ac_tests_create },
	{ "certificate", ac_tests_certificate },
	{ "exchange", ac_tests_exchange },
	{ "destroy", ac_tests_destroy },
	{ "initialize", ac_tests_initialize },
	{ "sequence", ac_tests_sequence },
	{ "tag", ac_tests_tag },
	{ "tamper", ac_tests_tamper },
	{ "configure", ac_tests_configure },
	{ "query", ac_tests_query },
	{ "loss", ac_tests_loss },
	{ "protection", ac_tests_protection },
	{ "session", ac_tests_session },
	{ "sharing", ac_tests_sharing },
	{ "encryption", ac_tests_encryption },
	{ "answers", ac_tests_answers },
	{ 0 },
};

const struct cf_unseen cf_unseen_ac[] = {
	{ "AC-005", D3D11 }, { "AC-007", D3D11 }, { "AC-016", D3D11 }, { "AC-017", D3D11 },
	{ "AC-031", D3D11 }, { "AC-032", D3D11 }, { "AC-067", D3D11 }, { 0 },
};
