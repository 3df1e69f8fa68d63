#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# limit: 60
# What the commands say of themselves, and how they refuse what makes no sense: before anything is started.
. "$(dirname "$0")/lib.sh"
use_ready_keys

assert_nothing_started() {
	[ ! -e "$DXVAULT_RUNTIME_DIR/service.lock" ] || fail "a service was started"
}

# Each option that the help names stands in the manual page too.
says_its_options() { # MAN COMMAND...
	local option man=$TOP/docs/man/$1
	run_with_limit 10 "${@:2}" --help
	assert_status 0
	assert_empty "$T/err"
	assert_match "$T/out" "^Usage: $(basename "$2")"
	sed 's/Fl -/--/g; s/\\//g' "$man" >"$T/man"
	grep -Eo -- '--[a-z][a-z-]+' "$T/out" | grep -vx -- '--help\|--version' | sort -u >"$T/options"
	while read -r option; do
		grep -Eq -- "$option( |\$)" "$T/man" || fail "$man does not have $option of: ${*:2}"
	done <"$T/options"
}

test_help() {
	local command
	says_its_options dxvault.1 "$DXVAULT"
	for command in play info sessions invalidate; do
		says_its_options dxvault.1 "$DXVAULT" $command
	done
	says_its_options dxvault-conform.1 "$DXVAULT" conform
	says_its_options dxvaultd.8 "$DXVAULTD"
	run_with_limit 10 "$DXVAULT" help
	assert_status 0
	run_with_limit 10 "$DXVAULT" --version
	assert_status 0
	cp "$T/out" "$T/version"
	run_with_limit 10 "$DXVAULTD" --version
	assert_status 0
	assert_equal "$(cut -d' ' -f2 "$T/version")" "$(cut -d' ' -f2 "$T/out")"
	assert_nothing_started
}

refuses() { # COMMAND...
	run_with_limit 10 "$@"
	[ "$status" -eq 2 ] || fail "status $status, not 2: $*"
	assert_empty "$T/out"
	assert_one_line "$T/err"
	assert_nothing_started
}

test_wrong_use() {
	local command
	refuses "$DXVAULT" nonsense
	for command in info sessions invalidate conform play; do
		refuses "$DXVAULT" $command --nonsense
		refuses "$DXVAULT" $command one two
	done
	refuses "$DXVAULT" sessions one
	refuses "$DXVAULT" info one
	refuses "$DXVAULT" invalidate
	refuses "$DXVAULT" invalidate --all one
	refuses "$DXVAULT" invalidate --teardown
	refuses "$DXVAULT" invalidate --teardown one
	refuses "$DXVAULT" invalidate --all --teardown --remove-device
	for command in '' 0 -1 +1 ' 1' 1x 11111111111111111; do
		refuses "$DXVAULT" invalidate -- "$command"
	done
	for command in '' x 0 -1 1x 99999999999999999999; do
		refuses "$DXVAULT" conform --time-limit "$command"
	done
	refuses "$DXVAULT" conform --rule XX-99
	run_with_limit 10 "$DXVAULT"
	assert_status 2
	assert_empty "$T/out"
	assert_match "$T/err" '^Usage: dxvault COMMAND'
}

test_wrong_use_of_the_service() {
	local value clients=()
	for value in '' x -1 1x 86401 99999999999999999999; do
		refuses "$DXVAULTD" --idle-seconds "$value"
	done
	for value in '' x -1 0 2 3x 2147483648; do
		refuses "$DXVAULTD" --client "$value"
	done
	for value in 3 4 5 6 7 8 9 10 11; do
		clients+=(--client "$value")
	done
	refuses "$DXVAULTD" "${clients[@]}"
	refuses "$DXVAULTD" --memory gold
	refuses "$DXVAULTD" --log-level loud
	refuses "$DXVAULTD" --sandbox perhaps
	refuses "$DXVAULTD" --nonsense
	refuses "$DXVAULTD" one
	# A socket that is none.
	run_with_limit 10 "$DXVAULTD" --client 77
	assert_fails
	assert_match "$T/err" '^dxvaultd: error: .*Bad file descriptor'
}

# What can't be told is not well.
test_nobody_can_read_it() {
	local line
	for line in info 'info --json' 'info --root-certificate' sessions 'sessions --json' 'conform --list'; do
		status=0
		# shellcheck disable=SC2086 # words
		timeout 30 "$DXVAULT" $line >/dev/full 2>"$T/err" || status=$?
		[ "$status" -eq 1 ] || fail "status $status, not 1: $line; $(cat "$T/err")"
		assert_one_line "$T/err"
		assert_match "$T/err" "^dxvault: .*can't be (written|printed)"
	done
}

run_tests
