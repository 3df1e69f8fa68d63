#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# limit: 60
# alone: what it clocks has to be its own
# A few seconds of the fault campaign (make torture), with a plan that stays the same; and that the same seed makes the same plan.
. "$(dirname "$0")/lib.sh"

CAMPAIGN=$TOP/tests/torture/run

# SEC-51, SEC-50: no hang, no wrong picture, no leak, no crash of the service.
test_SEC_51_some_seconds_of_faults() {
	# 4 s, or 14.
	come_first
	run_with_limit 50 "$CAMPAIGN" "$BUILD" --seconds "${DXVAULT_LONG:+1}4" --seed 51
	cat "$T/err" "$T/out"
	assert_status 0
	assert_match "$T/out" '^torture: seed 51, .*: clean$'
	tail -n 1 "$T/out" | sed 's/^torture: //' >"$T/note"
}

test_the_seed_makes_the_plan() {
	local seed
	for seed in 1 1 2; do
		"$CAMPAIGN" "$BUILD" --plan --seed "$seed" --seconds 60 | md5sum
	done >"$T/sums"
	assert_equal "$(uniq -c "$T/sums" | awk '{ print $1 }' | xargs)" '2 1'
}

run_tests
