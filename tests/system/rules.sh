#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# limit: 60
# That each rule of the D3DKMT family has a test in each mode that it can be tested in.
. "$(dirname "$0")/lib.sh"

test_every_KMT_rule_is_tested_in_both_modes() {
	run_with_limit 30 "$TOP/scripts/rule-modes" --check
	cat "$T/out"
	assert_status 0
}

run_tests
