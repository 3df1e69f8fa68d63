#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# limit: 180
# long limit: 400
# Many processes that work with sessions at once, and that are killed at it: nothing stays, no status is wrong.
# DXVAULT_LONG=1: for a whole minute. With sanitizers, which make them slow: fewer.
. "$(dirname "$0")/lib.sh"
use_ready_keys
WORK=$BUILD/tests/system/helpers/kmt-work

start_service() {
	start "$DXVAULTD" --idle-seconds 1
	wait_for 10 test -S "$DXVAULT_RUNTIME_DIR/service.sock"
}

test_KMT_34_KMT_35_killed_at_any_point() {
	start_service
	count=1000 longest=4000
	[ -z "${DXVAULT_SANITIZED-}" ] || count=100 longest=100000
	run_with_limit 150 "$WORK" kills $count $longest
	tee "$T/note" <"$T/out"
	assert_status 0
}

test_KMT_26_KMT_31_many_clients_at_once() {
	seconds=3 clients=64
	[ -z "${DXVAULT_LONG-}" ] || seconds=60
	[ -z "${DXVAULT_SANITIZED-}" ] || clients=16
	start_service
	run_with_limit $((seconds + 90)) "$WORK" clients $clients $seconds ${DXVAULT_SANITIZED:+unmeasured}
	tee "$T/note" <"$T/out"
	assert_status 0
}

run_tests
