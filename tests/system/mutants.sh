#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# limit: 300
# Whether the conformance suite would notice: drivers that break one rule each (tests/mutants), one case a driver. Of those
# of the authenticated channel the first of each rule; DXVAULT_LONG=1: all of them.
. "$(dirname "$0")/lib.sh"
use_ready_keys
# A crash that is wanted is not the sanitizer's.
export ASAN_OPTIONS="${ASAN_OPTIONS-}:handle_segv=0" TSAN_OPTIONS="${TSAN_OPTIONS-}:handle_segv=0"

MUTANT=$BUILD/tests/mutants/libdxvault-mutant.so
MUTANT_EXPORTS=$BUILD/tests/mutants/libdxvault-mutant-exports.so
JOBS=${JOBS:-$(nproc)}
VERDICTS=$(mktemp)

# As long as a loaded machine needs: a test that was cut off would be reported broken.
conform() { # conform DRIVER OPTION...
	export DXVAULT_STATE_DIR=$T/state/dxvault # a root key that is there
	run_with_limit 240 "$DXVAULT" conform --time-limit 60 --json --umd "$@"
}
of() {
	json "$T/out" "$1"
}

# The settings of services that most tests want: as it comes; AC_EVERYTHING; AC_SWITCHED (src/conform/ac/ac.h).
SHARED_SETTINGS=(
	''
	$'test-channels = both\ntest-encryption = 2\ntest-outputs = 2\ntest-decode = yes\n'
	$'caps = 0xf9\n'
)
# One root key for all, and for each of the mutants that run side by side services that outlive them: see stand_in.c.
share_services() {
	local folder number slot
	export DXVAULT_SERVICE=$BUILD/tests/mutants/stand-in
	export STAND_IN_SERVICE=$DXVAULTD STAND_IN_STATE=$T/state/dxvault STAND_IN_SHARED=$T/shared
	SERVICES=()
	for ((slot = 0; slot < JOBS; slot++)); do
		for number in "${!SHARED_SETTINGS[@]}"; do
			folder=$T/shared/$slot/$number
			mkdir -p -m 700 "$folder"
			printf '%s' "${SHARED_SETTINGS[number]}" >"$folder/settings"
			DXVAULT_STATE_DIR=$T/state/dxvault DXVAULT_RUNTIME_DIR=$folder \
				start "$DXVAULTD" --config "$folder/settings" --idle-seconds 3600
			SERVICES+=("$pid")
			wait_for 60 test -S "$folder/service.sock"
		done
	done
}
end_services() {
	for pid in "${SERVICES[@]}"; do
		kill "$pid"
		finish 20 "$pid"
		assert_status 0
	done
}

# one NAME BASIS [RULE]: its report goes to $T/reports/NAME, or BASIS where no mutant is meant.
one() {
	local options=(--time-limit 60 --json --umd "$MUTANT") report=$T/reports/${1:-$2}
	[ "$2" = page ] || options+=(--strict)
	[ $# -lt 3 ] || options+=(--rule "$3")
	DXVAULT_MUTANT=$1 exec timeout --kill-after=5 240 "$DXVAULT" conform "${options[@]}" \
		>"$report" 2>"$report.err" </dev/null
}

# chosen_of LIST: without the man in the middle that does nothing else.
chosen_of() {
	awk -v all="${DXVAULT_LONG-}" '$3 != "none" && (all || $3 !~ /^AC-/ || !seen[$3]++) { print $1, $2, $3 }' "$1"
}

# judge LIST: a line "ok mutant …" or "not ok mutant …" each. The rule is broken, not merely out of reach.
judge() {
	python3 -c 'import json, sys
for line in open(sys.argv[1]):
	name, rule = line.split()[0], line.split()[2]
	text = open(f"{sys.argv[2]}/{name}").read()
	try:
		report = json.loads(text)
		(verdict,) = [r["verdict"] for r in report["rules"] if r["id"] == rule]
		faults = report["faults"]
	except ValueError:
		verdict, faults = "no report: " + open(f"{sys.argv[2]}/{name}.err").read()[:300].replace("\n", " "), []
	if verdict == "broken" and not faults:
		print(f"ok mutant {name}: {rule}")
	else:
		print(f"not ok mutant {name} survived: {rule} {verdict} {faults}")' "$1" "$T/reports"
}

# rules_of LIST EXPRESSION: those of the mutants whose rule it holds for.
rules_of() {
	awk '!seen[$3]++ && $3 '"$2"' { print $3 }' "$1" | paste -sd,
}

# With --strict, which judges what the pages require as well. The channel's rules are the next one's.
test_the_wrapper_alone_breaks_nothing() {
	mkdir "$T/reports"
	export DXVAULT_STATE_DIR=$T/state/dxvault
	"$BUILD/tests/mutants/mutant-list" >"$T/list"
	(one "" strict "$(rules_of "$T/list" '!~ /^AC-|none/')" || true)
	[ "$(json "$T/reports/strict" 'd["summary"]["held"]')" -ge 200 ]
	assert_equal "$(json "$T/reports/strict" '[r for r in d["rules"] if r["verdict"] in ("broken", "untested")]')" '[]'
	assert_equal "$(json "$T/reports/strict" 'd["faults"]')" '[]'
}

# What the mutants of the authenticated channel are made of (mutants_ac.h): what the suite finds broken is never this.
test_the_man_in_the_middle_breaks_nothing() {
	mkdir "$T/reports"
	export DXVAULT_STATE_DIR=$T/state/dxvault
	"$BUILD/tests/mutants/mutant-list" >"$T/list"
	(one nothing-bent strict "$(rules_of "$T/list" '~ /^AC-/')" || true)
	assert_equal "$(json "$T/reports/nothing-bent" '[r for r in d["rules"] if r["verdict"] in ("broken", "untested")]')" '[]'
	assert_equal "$(json "$T/reports/nothing-bent" 'd["faults"]')" '[]'
	[ "$(json "$T/reports/nothing-bent" 'd["summary"]["held"]')" -ge 140 ]
}

test_an_unknown_mutant_is_no_mutant() {
	DXVAULT_MUTANT=no-such-mutant conform "$MUTANT" --rule CAP-58
	assert_fails
	grep -q 'no-such-mutant' "$T/err" || assert_equal "$(of 'd["summary"]["broken"]')" 0
}

test_every_mutant_is_run() {
	"$BUILD/tests/mutants/mutant-list" >"$T/list" || fail "names are given twice"
	mkdir "$T/reports"
	chosen_of "$T/list" >"$T/chosen"
	[ "$(wc -l <"$T/chosen")" -ge 400 ] || fail "only $(wc -l <"$T/chosen") mutants"
	share_services
	export -f one
	export DXVAULT MUTANT T
	# Its status is of no interest: a suite that finds something ends with 1.
	xargs -P "$JOBS" -L 1 --process-slot-var=MUTANT_SLOT bash -c 'one "$@"' one <"$T/chosen" || true
	end_services
	judge "$T/chosen" >"$VERDICTS"
	assert_equal "$(wc -l <"$VERDICTS")" "$(wc -l <"$T/chosen")"
	echo "$(wc -l <"$T/chosen") of $(grep -vc ' none$' "$T/list")" >"$T/note"
}

# No table can break this one.
test_a_driver_that_exports_more() {
	conform "$MUTANT_EXPORTS" --rule CAP-01
	assert_status 1
	assert_equal "$(of '[r["verdict"] for r in d["rules"]]')" "['broken']"
}

# A case of its own for each mutant, behind those above.
(run_tests) && result=0 || result=$?
sort "$VERDICTS"
! grep -q '^not ok' "$VERDICTS" || result=1
rm -f "$VERDICTS"
exit "$result"
