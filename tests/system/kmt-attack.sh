#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# limit: 120
# long limit: 240
# alone
# A client that speaks the protocol and means no good: it gets errors, and others are served beside it (KMT-56, KMT-57,
# SEC-36, SEC-37).
# DXVAULT_LONG=1: for longer.
. "$(dirname "$0")/lib.sh"
use_ready_keys

test_KMT_56_KMT_57_KMT_72_attacker() {
	come_first
	# A second is three times through all attacks.
	seconds=1
	[ -z "${DXVAULT_LONG-}" ] || seconds=15
	printf 'handles = 20000\nsessions = 1000\nlog-level = error\n' >"$T/conf"
	start "${MEASURED[@]}" "$DXVAULTD" --idle-seconds 1 --config "$T/conf"
	wait_for 10 test -S "$DXVAULT_RUNTIME_DIR/service.sock"
	run_with_limit 200 "${MEASURED[@]}" "$BUILD/tests/system/helpers/kmt-attack" "$DXVAULT_RUNTIME_DIR/service.sock" \
		$seconds ${DXVAULT_SANITIZED:+untimed}
	tee "$T/note" <"$T/out"
	assert_status 0
	run_with_limit 10 "$DXVAULT" info
	assert_status 0
	assert_match "$T/out" ' 0 clients, 0 devices, 0 contexts, 0 fences, 0 protected sessions, '
}

run_tests
