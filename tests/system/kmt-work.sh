#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# limit: 180
# Many processes that work with sessions at once, and that are killed at it: nothing stays, no status is wrong.
# DXVAULT_LONG=1: for a whole minute.
. "$(dirname "$0")/lib.sh"
WORK=$BUILD/tests/system/helpers/kmt-work

start_service() {
	start "$DXVAULTD" --idle-seconds 1
	wait_for 10 test -S "$DXVAULT_RUNTIME_DIR/service.sock"
}

test_KMT_34_KMT_35_killed_at_any_point() {
	start_service
	run_with_limit 100 "$WORK" kills 1000
	cat "$T/out"
	assert_status 0
}

test_KMT_26_KMT_31_many_clients_at_once() {
	seconds=4
	[ -z "${DXVAULT_LONG-}" ] || seconds=60
	start_service
	run_with_limit $((seconds + 30)) "$WORK" clients 64 $seconds
	cat "$T/out"
	assert_status 0
}

run_tests
