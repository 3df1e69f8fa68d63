#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# limit: 90
# What dxvault conform says of drivers that break rules: the same findings in each of its forms, and nothing taken for more.
. "$(dirname "$0")/lib.sh"
use_ready_keys

MUTANT=$BUILD/tests/mutants/libdxvault-mutant.so

# report MUTANT RULE[,RULE] OPTION...
report() {
	export DXVAULT_STATE_DIR=$T/state/dxvault # a root key that is there
	run_with_limit 60 env DXVAULT_MUTANT="$1" "$DXVAULT" conform --umd "$MUTANT" --time-limit 60 --rule "${@:2}"
}

# The tests that a form names for a rule that is broken, one a line.
test_each_form_tells_the_same() {
	report exchange-by-any-device CS-05 --json
	assert_status 1
	assert_equal "$(json "$T/out" 'd["summary"]["broken"]')" 1
	json "$T/out" '"\n".join(b["test"] for b in d["rules"][0]["broken"])' >"$T/json"
	assert_match "$T/json" '^another-device-is-refused$'

	report exchange-by-any-device CS-05 --tap
	assert_status 1
	assert_match "$T/out" '^1\.\.1$'
	assert_match "$T/out" '^not ok 1 - CS-05 '
	assert_match "$T/out" '^# source: DDI '
	assert_match "$T/out" '^#   came: S_OK$'
	# A diagnosis is a comment: nothing in it is taken for a case.
	assert_no_match "$T/out" '^(not )?ok ([^1]|1[^ ])'
	assert_no_match "$T/out" '^[^#on1T]'
	sed -n 's/^# test \([^:]*\): .*/\1/p' "$T/out" >"$T/tap"
	assert_same "$T/json" "$T/tap"

	report exchange-by-any-device CS-05
	assert_status 1
	assert_match "$T/out" '^1 rules, .*: 1 broken, 0 untested$'
	sed -n 's/^    test  *//p' "$T/out" >"$T/text"
	assert_same "$T/json" "$T/text"
}

# What is a decision of dxvault's own is broken with --strict alone.
test_what_is_not_judged() {
	report failure-uses-the-vector CS-06,BLT-105 --tap
	assert_status 0
	assert_match "$T/out" '^ok [12] - CS-06 '
	assert_match "$T/out" '^ok [12] - BLT-105 .* # SKIP '
	report failure-uses-the-vector CS-06 --tap --strict
	assert_status 1
	assert_match "$T/out" '^not ok 1 - CS-06 '
}

test_rules_that_are_held() {
	report '' CS-05,CS-06 --verbose
	assert_status 0
	assert_match "$T/out" '^ *CS-05 '
	assert_match "$T/out" '^2 rules, .*: nothing broken$'
}

# No service, no judgement: not one that is good either.
test_no_service() {
	export DXVAULT_SERVICE=/bin/false
	report '' CS-05 --tap
	assert_fails
	assert_no_match "$T/out" '^ok '
	assert_match "$T/err" '^dxvault: .*service'
}

run_tests
