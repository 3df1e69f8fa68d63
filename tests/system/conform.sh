#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# limit: 240
# dxvault conform, the command: its forms, its end, and drivers that crash, hang or do nothing. What the suite finds is
# tested by tests/system/mutants.sh.
. "$(dirname "$0")/lib.sh"
use_ready_keys

ODD=$BUILD/tests/conform/libdxvault-odd-driver.so

# conform OPTION...: sets status; a report that is JSON is asked with: of EXPRESSION.
conform() {
	[ -n "${OWN_STATE-}" ] || export DXVAULT_STATE_DIR=$T/state/dxvault # a root key that is there
	run_with_limit 120 "$DXVAULT" conform --time-limit 60 "$@"
}
of() {
	json "$T/out" "$1"
}
# odd ODDITY OPTION...
odd() {
	export DXVAULT_STATE_DIR=$T/state/dxvault
	run_with_limit 120 env DXVAULT_ODD_DRIVER="$1" "$DXVAULT" conform --umd "$ODD" --json --time-limit 60 "${@:2}"
	assert_status 1
	assert_equal "$(of 'd["faults"]')" '[]'
}
assert_refused() { # STATUS OPTION...
	conform "${@:2}"
	assert_status "$1"
	assert_empty "$T/out"
	assert_one_line "$T/err"
}
assert_no_temporary_files() {
	assert_equal "$(find "$T/tmp" -mindepth 1 | head -n 3)" ''
}

# ---- our driver ---------------------------------------------------------------------------------------------------

# some RULE,...: options for these alone, but for all with DXVAULT_LONG=1.
some() {
	[ -n "${DXVAULT_LONG-}" ] || echo "--rule $1"
}

test_pages_and_nothing_else() {
	local rules=CS-03,CS-05,CS-15,CS-29,CS-38,CS-44,BLT-43,BLT-65,BLT-94,CAP-29,CAP-42,AC-001,AC-055,AC-063,AC-101,AC-107
	local count=455
	[ -n "${DXVAULT_LONG-}" ] || count=16
	# shellcheck disable=SC2046 # two words or none
	conform --json $(some $rules)
	assert_status 0
	assert_equal "$(of 'd["mode"], d["faults"], d["summary"]["broken"], d["summary"]["untested"]')" "('pages', [], 0, 0)"
	assert_equal "$(of 'len(d["rules"]), d["summary"]["rules"]')" "($count, $count)"
	# CS-03 is a decision through and through.
	assert_equal "$(of '[r["verdict"] for r in d["rules"] if r["id"] in ("CS-03", "CS-05")]')" "['not judged', 'held']"
	of '"%(tests)d tests, %(seconds).1f s" % d["summary"]' >"$T/note"
	assert_no_temporary_files
}

test_strict() {
	conform --strict --tap
	assert_status 0
	assert_empty "$T/err"
	assert_equal "$(sed -n 2p "$T/out")" 1..455
	assert_equal "$(grep -c '^ok [0-9]* - ' "$T/out")" 455
	assert_no_match "$T/out" '^not ok|^Bail'
	assert_match "$T/out" '^ok [0-9]+ - CS-03 decision: a NULL pData is rejected before it is read\.$'
	assert_no_match "$T/out" 'SKIP a decision'
	assert_match "$T/out" '^ok [0-9]+ - CS-46 .* # SKIP .'
	assert_no_temporary_files
}

# What goes through the ring in all other runs.
test_blts_over_the_control_path() {
	local count=455
	[ -n "${DXVAULT_LONG-}" ] || count=123
	# shellcheck disable=SC2046 # two words or none
	DXVAULT_RING=off conform --strict --tap $(some "$(seq -f 'BLT-%02g' -s, 1 123)")
	assert_status 0
	assert_equal "$(sed -n 2p "$T/out")" "1..$count"
	assert_no_match "$T/out" '^not ok|^Bail'
}

test_text() {
	conform --rule CS-15 --rule BLT-43,CAP-42,DEC-01
	assert_status 0
	assert_match "$T/out" "^driver +$BUILD/src/umd/libdxvault-umd.so\$"
	assert_match "$T/out" '^capabilities  0xfd SOFTWARE '
	assert_match "$T/out" '^ +DEC-01 +decoding is not in force yet'
	assert_match "$T/out" '^4 rules, .*: nothing broken'
	assert_no_match "$T/out" 'Broken|Untested|Held'
	conform --verbose --rule CS-15
	assert_match "$T/out" '^    CS-15    With CryptoType = '
}

test_list() {
	conform --list
	assert_status 0
	assert_equal "$(wc -l <"$T/out")" 455
	assert_equal "$(cut -f 1 "$T/out" | sort -u | wc -l)" 455
	assert_match "$T/out" '^CS-15	page	[a-z]'
	assert_match "$T/out" '^CS-46	decision	not tested: .'
	assert_no_match "$T/out" 'no test shows it'
	conform --list --rule DEC-01,AC-005
	assert_match "$T/out" '^DEC-01	.*	not tested: decoding is not in force yet$'
	assert_match "$T/out" '^AC-005	.*	not tested: is about the Direct3D 11\.1 interface alone'
}

# ---- what cannot be run -------------------------------------------------------------------------------------------

test_wrong_use() {
	assert_refused 2 --rule CS-999
	assert_refused 2 --rule KMT-01
	assert_refused 2 --rule CS-15,
	assert_refused 2 --rule ''
	assert_refused 2 --no-such-option
	assert_refused 2 --tap --json
	assert_refused 2 --time-limit 0
	assert_refused 2 --time-limit 1s
	assert_refused 2 word
}

test_no_driver() {
	assert_refused 1 --umd "$T/missing.so"
	echo text >"$T/text.so"
	assert_refused 1 --umd "$T/text.so"
	assert_refused 1 --umd "$BUILD/src/kmt/libdxvault-kmt.so"
	assert_match "$T/err" 'exports no OpenAdapter'
	# A name without a slash is a file of this folder, not one that the dynamic linker looks for.
	cp "$ODD" "$T/here.so"
	cd "$T" || exit 1
	DXVAULT_ODD_DRIVER=no-protection conform --umd here.so --rule CS-15
	assert_status 0
	assert_match "$T/out" "^driver +$T/here.so"
	assert_no_temporary_files
}

test_no_service() {
	printf '#!/bin/sh\necho no luck >&2\nexit 3\n' >"$T/broken"
	chmod 755 "$T/broken"
	DXVAULT_SERVICE=$T/broken assert_refused 1 --rule CS-15
	assert_match "$T/err" 'status 3: no luck'
	DXVAULT_SERVICE=$T/missing assert_refused 1 --rule CS-15
	TMPDIR=$T/missing assert_refused 1 --rule CS-15
	assert_no_temporary_files
}

# ---- services -----------------------------------------------------------------------------------------------------

test_the_users_own_service_is_left_alone() {
	new_installation
	local pid OWN_STATE=yes
	# It would change what the driver offers.
	echo 'caps = 0xf9' >>"$T/config/dxvault/dxvaultd.conf"
	conform --strict --json --rule CAP-54,CS-12,CS-13
	assert_status 0
	assert_match "$T/out" '"0xfd '
	# None was started.
	assert_equal "$(find "$T/run" "$T/state" -mindepth 1 -name '*dxvault*' | head -n 3)" ''
	echo 'idle-seconds = 60' >"$T/config/dxvault/dxvaultd.conf"
	pid=$(info 'd["service_process"]')
	# These lose keys and remove adapters.
	conform --strict --json --rule CAP-54,CS-12,CS-13
	assert_status 0
	assert_equal "$(info 'd["service_process"]')" "$pid"
	assert_no_objects
	kill "$pid"
}

test_a_service_that_dies() {
	local service
	start env DXVAULT_ODD_DRIVER=wait DXVAULT_ODD_FILE="$T/go-on" \
		"$DXVAULT" conform --umd "$ODD" --rule CS-15,CAP-42 --time-limit 100
	wait_for 60 grep -q 'hangs' "$T/start.err"
	service=$(pgrep -P "$pid" -f 'dxvaultd --foreground' | head -n 1)
	kill -KILL "$service"
	wait_for 10 is_gone "$service"
	touch "$T/go-on"
	finish 60 "$pid"
	assert_equal "${status-}" 1
	assert_match "$T/start.err" 'the service ended by signal 9, in without-a-profile'
	# The next test has another.
	assert_match "$T/start.out" '^CAP .* 1 held'
}

# interrupt SIGNAL STATUS
interrupt() {
	start env DXVAULT_ODD_DRIVER=hang "$DXVAULT" conform --umd "$ODD" --rule CS-15,CS-24 --time-limit 100
	wait_for 60 grep -q 'hangs' "$T/start.err"
	kill -"$1" "$pid"
	finish 30 "$pid"
	assert_equal "$status" "$2"
	assert_empty "$T/start.out"
	wait_for 30 nobody_is_left
}
nobody_is_left() {
	[ -z "$(processes)" ]
}

test_interrupted() {
	local number
	for number in INT TERM HUP; do
		interrupt $number 130
		assert_no_temporary_files
	done
}

test_killed() {
	interrupt KILL 137
	# Nobody is left who could remove them.
	rm -rf "$T"/tmp/dxvault-conform-*
}

# ---- odd drivers --------------------------------------------------------------------------------------------------

test_all_answer_not_implemented() {
	odd not-implemented --strict
	assert_equal "$(of '"CreateCryptoSession (E_NOTIMPL)" in d["missing"] and "DecryptionBlt (E_NOTIMPL)" in d["missing"]')" \
		True
	assert_equal "$(of '[r["verdict"] for r in d["rules"] if r["id"] == "CS-15"]')" "['broken']"
	assert_equal "$(of '[b["got"] for r in d["rules"] if r["id"] == "CS-15" for b in r["broken"]][0]')" E_NOTIMPL
	assert_equal "$(of '[b for r in d["rules"] for b in r["broken"] if "crash" in b["got"]]')" '[]'
	assert_equal "$(of 'd["summary"]["untested"] > 100')" True
	of '"%(held)d held, %(broken)d broken, %(untested)d untested" % d["summary"]' >"$T/note"
}

test_no_table_at_all() {
	# shellcheck disable=SC2046
	odd empty-table $(some CS-15,CS-29,CS-44,BLT-43,BLT-93,BLT-109,CAP-15,CAP-29,CAP-42,AC-001,AC-010,AC-040,AC-064,AC-139)
	assert_equal "$(of '"CreateCryptoSession (no function)" in d["missing"]')" True
	assert_equal "$(of '[b for r in d["rules"] for b in r["broken"] if "crash" in b["got"]]')" '[]'
	odd empty-adapter --rule CS-15,BLT-43,CAP-42
	odd no-device --rule CS-15,BLT-43,CAP-11
	assert_equal "$(of '[r["verdict"] for r in d["rules"] if r["id"] != "CAP-11"]')" "['untested', 'not applicable']"
	odd no-adapter --rule CS-15,BLT-43
	assert_equal "$(of 'd["rules"][0]["why"]')" 'OpenAdapter answered E_NOTIMPL'
}

test_no_content_protection_is_conforming() {
	run_with_limit 60 env DXVAULT_ODD_DRIVER=no-protection "$DXVAULT" conform --umd "$ODD" --json --strict \
		--rule CS-15,CS-05,BLT-43,CAP-33
	assert_status 0
	assert_equal "$(of '[r["verdict"] for r in d["rules"]]')" "['not applicable', 'not applicable', 'not applicable', 'held']"
}

test_a_crash_does_not_end_the_suite() {
	# A crash that is wanted is not the sanitizer's.
	export ASAN_OPTIONS="${ASAN_OPTIONS-}:handle_segv=0" TSAN_OPTIONS="${TSAN_OPTIONS-}:handle_segv=0"
	odd crash --rule CS-15,CS-24,CAP-42
	assert_equal "$(of '[r["verdict"] for r in d["rules"]]')" "['broken', 'broken', 'held']"
	assert_equal "$(of 'd["rules"][0]["broken"][0]["got"]')" \
		'the driver crashed: SIGSEGV, in CreateCryptoSession, before the first check'
	odd exit --rule CS-15,CAP-42
	assert_equal "$(of 'd["rules"][0]["broken"][0]["got"]')" \
		'the driver ended the process with status 0, in CreateCryptoSession, before the first check'
	odd crash-at-load --rule CS-15,CAP-42
	assert_equal "$(of '[r["verdict"] for r in d["rules"]]')" "['broken', 'broken']"
	odd crash-at-open --rule CS-15
	assert_no_temporary_files
}

test_a_hang_does_not_end_the_suite() {
	odd hang --rule CS-15,CAP-42 --time-limit 8
	assert_equal "$(of '[r["verdict"] for r in d["rules"]]')" "['broken', 'held']"
	assert_equal "$(of 'd["rules"][0]["broken"][0]["got"]')" \
		'the driver did not come back within 8 s, in CreateCryptoSession, before the first check'
}

test_what_a_driver_prints_is_not_in_the_report() {
	run_with_limit 60 env DXVAULT_ODD_DRIVER=noise "$DXVAULT" conform --umd "$ODD" --tap --rule CAP-42
	assert_no_match "$T/out" 'a driver that prints'
	assert_match "$T/err" 'a driver that prints'
}

run_tests
