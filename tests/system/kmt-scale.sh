#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# limit: 150
# long limit: 600
# alone
# Very many sessions: as fast at the end as at the start, no more memory than allowed, all of it given back.
# DXVAULT_LONG=1: a million of them.
. "$(dirname "$0")/lib.sh"
use_ready_keys
SCALE=$BUILD/tests/system/helpers/kmt-scale

start_service() {
	start "${MEASURED[@]}" "$DXVAULTD" --idle-seconds 1
	wait_for 10 test -S "$DXVAULT_RUNTIME_DIR/service.sock"
}

test_many_sessions_of_several_processes() {
	come_first
	count=100000 seconds=100
	[ -z "${DXVAULT_LONG-}" ] || count=1000000 seconds=500
	start_service
	if [ -n "${DXVAULT_SANITIZED-}" ]; then
		# That is not for measuring; what is made is looked at all the same.
		run_with_limit $seconds "$SCALE" 20000 4
		assert_status 0
		return
	fi
	other=$T/run/other
	DXVAULT_RUNTIME_DIR=$other start "${MEASURED[@]}" "$DXVAULTD" --idle-seconds 600
	second=$pid
	wait_for 10 test -S "$other/service.sock"
	run_with_limit $seconds "${MEASURED[@]}" "$SCALE" $count 4 "$other"
	tee "$T/note" <"$T/out"
	kill "$second"
	assert_status 0
}

run_tests
