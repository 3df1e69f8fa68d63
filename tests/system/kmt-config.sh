#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# limit: 60
# The configuration file: limits of a user, and what is wrong with it is said where.
. "$(dirname "$0")/lib.sh"

test_what_is_wrong_is_said_with_its_line() {
	while IFS='|' read -r text reason; do
		printf '# a comment\n\n%b\n' "$text" >"$T/conf"
		run_with_limit 10 "$DXVAULTD" --config "$T/conf" --idle-seconds 0
		assert_equal "$status: $text" "1: $text"
		assert_one_line "$T/err"
		grep -Fq "$T/conf:3: $reason" "$T/err" || fail "$text: $(cat "$T/err")"
	done <<-'END'
		handles = 0|bad value
		handles = -1|bad value
		handles = 99999999999999999999|bad value
		handles = 16777217|bad value
		handles =|bad value
		handles = 5 # five|bad value
		handles|not key = value
		Handles = 5|unknown key
		= 5|unknown key
		sessions = 1K|bad value
		protected-memory = 1T|bad value
		protected-memory = K|bad value
		protected-memory = 17179869184G|bad value
		caps = 0x2|bad value
		caps = 253|bad value
		decryption-blt = maybe|bad value
		allow-users = some|bad value
		log-level = loud|bad value
		memory = soft|bad value
		idle-seconds = 86401|bad value
		get-pitch = yes\0no|not a text
	END
	printf 'handles = 1\nhandles = 2\n' >"$T/conf"
	run_with_limit 10 "$DXVAULTD" --config "$T/conf"
	assert_match "$T/err" ':2: the key comes twice'
	head -c 300 /dev/zero | tr '\0' x >"$T/conf"
	run_with_limit 10 "$DXVAULTD" --config "$T/conf"
	assert_match "$T/err" ':1: the line is too long'
	run_with_limit 10 "$DXVAULTD" --config "$T/none"
	assert_status 1
	assert_match "$T/err" 'No such file'
}

test_a_file_of_ones_own_is_read() {
	[ ! -e /etc/dxvault/dxvaultd.conf ] || skip "this machine has a configuration"
	mkdir -p "$T/config/dxvault"
	printf 'caps = 0x1d\nprotected-memory = 1M\n' >"$T/config/dxvault/dxvaultd.conf"
	XDG_CONFIG_HOME=$T/config run_with_limit 20 "$DXVAULT" info
	assert_status 0
	assert_match "$T/out" '^Capabilities: +0x0000001d '
	assert_match "$T/out" ' at most 1 MiB a process$'
}

# CS-25, KMT-72: the limit of a user, past which nothing else is harmed.
test_CS_25_KMT_72_sessions_of_a_user() {
	printf 'sessions = 1000\n' >"$T/conf"
	start "$DXVAULTD" --config "$T/conf" --idle-seconds 3
	wait_for 10 test -S "$DXVAULT_RUNTIME_DIR/service.sock"
	run_with_limit 20 "$BUILD/tests/system/helpers/kmt-scale" 1000 1
	assert_match "$T/out" '^1000 sessions'
	run_with_limit 20 "$BUILD/tests/system/helpers/kmt-scale" 2000 1
	assert_match "$T/err" '0xc000009a'
	run_with_limit 20 "$BUILD/tests/system/helpers/kmt-loss" session "$DXVAULT" invalidate '{}'
	assert_status 0
}

test_wrong_version_is_refused_by_name() {
	start "$DXVAULTD" --idle-seconds 60
	wait_for 10 test -S "$DXVAULT_RUNTIME_DIR/service.sock"
	service=$pid
	python3 -c 'import socket, struct, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
s.connect(sys.argv[1])
s.send(struct.pack("<IIIiQII", 32, 1, 1, 0, 0x31544c5541565844, 99, 0))
size, kind, sequence, status = struct.unpack("<IIIi", s.recv(1000))
assert (size, kind, sequence, status & 0xffffffff) == (16, 1, 1, 0xC00000BB), (size, kind, sequence, status)
' "$DXVAULT_RUNTIME_DIR/service.sock"
	assert_match "$T/start.err" 'client refused: user=[0-9]+ process=[0-9]+ protocol=99 own_protocol=[0-9]+'
	kill "$service"
	finish 10 "$service"
	assert_equal "$status" 0
}

run_tests
