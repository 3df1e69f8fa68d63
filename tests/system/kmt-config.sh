#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# limit: 60
# The configuration file: limits of a user, and what is wrong with it is said where.
. "$(dirname "$0")/lib.sh"
use_ready_keys

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
		engine = ipsec_mb|bad value
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

# What does AES-CTR is shown; an engine that was asked for and cannot be had keeps the service from starting.
test_the_engine_that_was_asked_for() {
	[ ! -e /etc/dxvault/dxvaultd.conf ] || skip "this machine has a configuration"
	mkdir -p "$T/config/dxvault"
	for engine in libcrypto auto ipsec-mb; do
		printf 'engine = %s\nidle-seconds = 0\n' $engine >"$T/config/dxvault/dxvaultd.conf"
		run_with_limit 20 "$DXVAULTD" --config "$T/config/dxvault/dxvaultd.conf"
		if [ "$engine $status" = "ipsec-mb 1" ]; then
			assert_match "$T/err" "engine = ipsec-mb: intel-ipsec-mb can't be used: (this processor has|dxvault was built)"
			continue
		fi
		assert_status 0
		mkdir -m 700 "$T/$engine"
		XDG_CONFIG_HOME=$T/config DXVAULT_RUNTIME_DIR=$T/$engine run_with_limit 20 "$DXVAULT" info
		assert_status 0
		case $engine in
		libcrypto) wanted='libcrypto' ;;
		auto) wanted='(libcrypto|intel-ipsec-mb AVX512)' ;;
		ipsec-mb) wanted='intel-ipsec-mb AVX512' ;;
		esac
		assert_match "$T/out" "^Encryption: +AES-128-CTR by $wanted\$"
	done
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

# One line an event, its level in front, and no event below the level that was asked for.
test_log_levels() {
	for level in error warning info; do
		start "$DXVAULTD" --idle-seconds 60 --log-level $level
		wait_for 20 test -S "$DXVAULT_RUNTIME_DIR/service.sock"
		python3 -c 'import socket, struct, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
s.connect(sys.argv[1])
s.send(struct.pack("<IIIiQII", 32, 1, 1, 0, 0x31544c5541565844, 99, 0))
s.recv(1000)' "$DXVAULT_RUNTIME_DIR/service.sock"
		kill "$pid"
		finish 20 "$pid"
		assert_equal "$status" 0
		assert_equal "$(grep -vcE '^dxvaultd: (error|warning|info): ' "$T/start.err")" 0
		case $level in
		error) wanted='' ;;
		warning) wanted='warning' ;;
		info) wanted='info warning' ;;
		esac
		# What the machine's memory makes it warn of is no matter here.
		assert_equal "$(grep -v ' memory: ' "$T/start.err" | sed 's/^dxvaultd: \([a-z]*\): .*/\1/' | sort -u | xargs)" "$wanted"
	done
}

test_wrong_version_is_refused_by_name() {
	start "$DXVAULTD" --idle-seconds 60
	wait_for 10 test -S "$DXVAULT_RUNTIME_DIR/service.sock"
	service=$pid
	python3 -c 'import socket, struct, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
s.connect(sys.argv[1])
s.send(struct.pack("<IIIiQII", 32, 1, 1, 0, 0x31544c5541565844, 99, 0))
reply = struct.unpack("<IIIIQII", s.recv(1000))
assert reply[:5] == (32, 1, 1, 0xC00000BB, 0x31544c5541565844) and reply[5] != 99, reply
' "$DXVAULT_RUNTIME_DIR/service.sock"
	assert_match "$T/start.err" 'client refused: user=[0-9]+ process=[0-9]+ protocol=99 own_protocol=[0-9]+'
	kill "$service"
	finish 10 "$service"
	assert_equal "$status" 0
}

# The other way round: the service is of another version, the first of which did not say so in its refusal.
test_a_service_of_another_version_is_named() {
	own=$(sed -n 's/^#define WIRE_VERSION \([0-9]*\)u$/\1/p' "$TOP/src/wire/message.h")
	[ -n "$own" ]
	for theirs in 1 99; do
		mkdir -p -m 700 "$DXVAULT_RUNTIME_DIR"
		start python3 -c 'import os, socket, struct, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
s.bind(sys.argv[1])
s.listen()
client = s.accept()[0]
size, kind, sequence, _, magic, version, _ = struct.unpack("<IIIiQII", client.recv(1000))
assert (size, kind, magic, version) == (32, 1, 0x31544c5541565844, int(sys.argv[3])), (size, kind, magic, version)
version = int(sys.argv[2])
said = struct.pack("<QII", magic, version, 0) if version > 1 else b""
client.send(struct.pack("<IIII", 16 + len(said), kind, sequence, 0xC00000BB) + said)
os.unlink(sys.argv[1])
' "$DXVAULT_RUNTIME_DIR/service.sock" "$theirs" "$own"
		wait_for 10 test -S "$DXVAULT_RUNTIME_DIR/service.sock"
		run_with_limit 20 "$DXVAULT" info
		assert_fails
		assert_match "$T/err" "service speaks version $theirs of the protocol, this library version $own"
		finish 10 "$pid"
		assert_equal "$status" 0
	done
}

# Two versions of the client library at once: the service's own is served, the other one is told, and neither is misread.
test_two_versions_of_the_library_at_one_service() {
	mkdir "$T/other"
	cp -r "$TOP/src" "$TOP/include" "$T/other"
	own=$(sed -n 's/^#define WIRE_VERSION \([0-9]*\)u$/\1/p' "$TOP/src/wire/message.h")
	# A later one, whose messages have other numbers as well.
	sed -i "s/^#define WIRE_VERSION .*/#define WIRE_VERSION $((own + 1))u/; s/^\tWIRE_OBJECT_PAGE,/\tWIRE_SOMETHING_NEW,\n&/" \
		"$T/other/src/wire/message.h"
	gcc -std=c17 -D_GNU_SOURCE -O0 -w -shared -fPIC -Wl,-soname,libdxvault-kmt.so.0 -o "$T/other/libdxvault-kmt.so.0" \
		-I"$T/other/include" -I"$T/other/src" -I"$BUILD" \
		$(sed -n "s#^  '\(.*\.c\)',\$#$T/other/src/kmt/\1#p" "$T/other/src/kmt/meson.build") \
		"$T"/other/src/wire/*.c "$T"/other/src/util/*.c -ldl -pthread
	start "$DXVAULTD" --idle-seconds 60
	service=$pid
	wait_for 10 test -S "$DXVAULT_RUNTIME_DIR/service.sock"
	for _ in 1 2 3; do
		run_with_limit 20 env LD_LIBRARY_PATH="$T/other" "$DXVAULT" info
		assert_status 1
		assert_match "$T/err" "the service speaks version $own of the protocol, this library version $((own + 1))$"
		run_with_limit 20 "$BUILD/tests/system/helpers/kmt-loss" session "$DXVAULT" invalidate '{}'
		assert_status 0
	done
	assert_equal "$(grep -c "client refused: .* protocol=$((own + 1)) own_protocol=$own" "$T/start.err")" 3
	assert_no_objects
	kill "$service"
	finish 10 "$service"
	assert_equal "$status" 0
}

run_tests
