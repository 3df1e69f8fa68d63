#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# limit: 300
# alone
# Very many sessions: as fast at the end as at the start, no more memory than allowed, all of it given back.
# DXVAULT_LONG=1: a million of them.
. "$(dirname "$0")/lib.sh"

test_many_sessions_of_several_processes() {
	count=100000
	[ -z "${DXVAULT_LONG-}" ] || count=1000000
	start "$DXVAULTD" --idle-seconds 1
	wait_for 10 test -S "$DXVAULT_RUNTIME_DIR/service.sock"
	run_with_limit 250 "$BUILD/tests/system/helpers/kmt-scale" "$count" 4
	cat "$T/out"
	assert_status 0
}

run_tests
