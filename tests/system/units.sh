#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# limit: 120
# systemd: socket activation, readiness and stop, the journal, and the units.
. "$(dirname "$0")/lib.sh"

need() {
	for tool; do
		command -v "$tool" >/dev/null || skip "$tool is not installed"
	done
}

# activate COMMAND...: in the background, with the socket of the runtime directory as systemd hands it over; sets pid.
activate() {
	need systemd-socket-activate
	mkdir -m 700 "$DXVAULT_RUNTIME_DIR"
	start systemd-socket-activate "${LISTEN[@]}" -E DXVAULT_RUNTIME_DIR -E XDG_STATE_HOME -E XDG_CONFIG_HOME "$@"
	wait_for 20 test -S "$DXVAULT_RUNTIME_DIR/service.sock"
}

test_a_socket_of_systemd() {
	LISTEN=(--seqpacket -l "$DXVAULT_RUNTIME_DIR/service.sock")
	activate "$DXVAULTD" --idle-seconds 1
	# It is systemd's process until the first client comes.
	! grep -q dxvaultd "/proc/$pid/comm" || fail "it runs before anybody came"
	assert_equal "$(info 'd["service_process"]')" "$pid"
	grep -q dxvaultd "/proc/$pid/comm" || fail "another program answers"
	assert_equal "$(ls -A "$DXVAULT_RUNTIME_DIR")" service.sock
	# It leaves as always, and the socket stays, which is systemd's.
	finish 20 "$pid"
	assert_equal "$status" 0
	assert_no_match "$T/start.err" '^dxvaultd: (error|warning): .*socket'
	[ -S "$DXVAULT_RUNTIME_DIR/service.sock" ] || fail "it took away a socket that is not its own"
	rm "$DXVAULT_RUNTIME_DIR/service.sock"
}

# Several come while the service that the first of them has called is still starting: all wait in systemd's queue.
test_clients_that_come_before_the_service() {
	LISTEN=(--seqpacket -l "$DXVAULT_RUNTIME_DIR/service.sock")
	activate "$DXVAULTD" --idle-seconds 60
	for i in 1 2 3; do
		"$DXVAULT" info --json >"$T/info.$i" 2>"$T/err.$i" &
		clients[i]=$!
	done
	for i in 1 2 3; do
		finish 30 "${clients[i]}"
		assert_equal "$status" 0
		assert_match "$T/info.$i" "\"service_process\": $pid,"
	done
	kill "$pid"
	finish 20 "$pid"
	assert_equal "$status" 0
	rm "$DXVAULT_RUNTIME_DIR/service.sock"
}

test_a_socket_of_another_kind() {
	LISTEN=(-l "$DXVAULT_RUNTIME_DIR/service.sock")
	activate "$DXVAULTD"
	python3 -c 'import socket, sys
socket.socket(socket.AF_UNIX, socket.SOCK_STREAM).connect(sys.argv[1])' "$DXVAULT_RUNTIME_DIR/service.sock"
	finish 20 "$pid"
	assert_equal "$status" 1
	assert_match "$T/start.err" '^dxvaultd: error: systemd gave something else than one listening SOCK_SEQPACKET socket$'
	rm "$DXVAULT_RUNTIME_DIR/service.sock"
}

test_two_sockets() {
	LISTEN=(--seqpacket -l "$DXVAULT_RUNTIME_DIR/service.sock" -l "$DXVAULT_RUNTIME_DIR/another.sock")
	activate "$DXVAULTD"
	python3 -c 'import socket, sys
socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET).connect(sys.argv[1])' "$DXVAULT_RUNTIME_DIR/service.sock"
	finish 20 "$pid"
	assert_equal "$status" 1
	assert_match "$T/start.err" 'systemd gave something else'
	rm "$DXVAULT_RUNTIME_DIR"/*.sock
}

# told PROGRAM: runs a Python program that plays systemd; n: the notification socket.
told() {
	run_with_limit 60 python3 -c "import os, signal, socket, subprocess, sys
dxvaultd, dxvault, path, address = sys.argv[1:]
n = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
n.bind(path)
n.settimeout(30)
def start(*command):
    return subprocess.Popen(command, env=dict(os.environ, NOTIFY_SOCKET=path))
$1
print('played')" "$DXVAULTD" "$DXVAULT" "$T/notify" "$DXVAULT_RUNTIME_DIR/service.sock"
	assert_match "$T/out" '^played$'
}

test_it_says_when_it_is_ready_and_when_it_stops() {
	told 'service = start(dxvaultd, "--idle-seconds", "60")
assert n.recv(1000) == b"READY=1"
# From then on a client can connect, without another try.
client = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
client.connect(address)
service.send_signal(signal.SIGTERM)
assert n.recv(1000) == b"STOPPING=1"
assert service.wait(30) == 0
n.settimeout(0.2)
try:
    sys.exit("and then: %s" % n.recv(1000))
except TimeoutError:
    pass'
	assert_status 0
	assert_equal "$(ls -A "$DXVAULT_RUNTIME_DIR")" ''
}

# One that leaves because another is there was never ready; one that leaves because nobody is there stops in good order.
test_it_is_not_ready_if_another_one_is_there() {
	told 'first = start(dxvaultd, "--idle-seconds", "3")
assert n.recv(1000) == b"READY=1"
second = start(dxvaultd)
assert second.wait(30) == 1
assert n.recv(1000) == b"STOPPING=1"
assert first.wait(30) == 0'
	assert_status 0
}

# A client may be a service of systemd itself: that one is not ready because the client library started ours.
test_it_does_not_speak_for_the_program_that_started_it() {
	told 'assert start(dxvault, "info").wait(30) == 0
n.settimeout(3)
try:
    sys.exit("somebody said: %s" % n.recv(1000))
except TimeoutError:
    pass'
	assert_status 0
}

test_lines_for_the_journal_have_a_priority() {
	# say STREAM: what goes to standard error with that stream in the environment, from each level.
	say() {
		: >"$T/log"
		start env JOURNAL_STREAM="$1" sh -c 'exec "$1" --idle-seconds 60 --log-level info 2>"$2"' sh "$DXVAULTD" "$T/log"
		wait_for 20 test -S "$DXVAULT_RUNTIME_DIR/service.sock"
		python3 -c 'import socket, struct, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
s.connect(sys.argv[1])
s.send(struct.pack("<IIIiQII", 32, 1, 1, 0, 0x31544c5541565844, 99, 0))
s.recv(1000)' "$DXVAULT_RUNTIME_DIR/service.sock"
		kill "$pid"
		finish 20 "$pid"
		assert_equal "$status" 0
		chmod 755 "$DXVAULT_RUNTIME_DIR"
		env JOURNAL_STREAM="$1" "$DXVAULTD" 2>>"$T/log" && fail "it starts in a folder of wrong mode"
		chmod 700 "$DXVAULT_RUNTIME_DIR"
	}
	: >"$T/log"
	say "$(stat -c '%d:%i' "$T/log")"
	assert_match "$T/log" '^<6>serving clients$'
	assert_match "$T/log" '^<4>client refused: .* protocol=99 '
	assert_match "$T/log" '^<3>runtime directory '
	assert_equal "$(grep -vc '^<[346]>' "$T/log")" 0
	# Inherited from a program whose standard error that stream was: no priority.
	say 1:1
	assert_match "$T/log" '^dxvaultd: info: serving clients$'
	assert_match "$T/log" '^dxvaultd: warning: client refused: '
	assert_match "$T/log" '^dxvaultd: error: runtime directory '
	assert_equal "$(grep -vc '^dxvaultd: ' "$T/log")" 0
}

# put_units system|user: what would be installed, with the program of the build.
put_units() {
	local stem=dxvault
	[ "$1" = user ] || stem=dxvault-system
	need systemd-analyze
	mkdir -p "$T/$1"
	sed "s#^ExecStart=.*#ExecStart=$DXVAULTD#" "$BUILD/units/$stem.service" >"$T/$1/dxvault.service"
	cp "$TOP/units/$stem.socket" "$T/$1/dxvault.socket"
}
verify() { # system|user
	local mode=()
	[ "$1" = system ] || mode=(--user)
	run_with_limit 30 systemd-analyze verify "${mode[@]}" --man=no "$T/$1/dxvault.service" "$T/$1/dxvault.socket"
	cat "$T/out" >>"$T/err"
}

test_the_units_are_good() {
	for kind in system user; do
		put_units $kind
		verify $kind
		assert_status 0
		assert_empty "$T/err"
		# And it would have said so.
		sed -i 's/^NoNewPrivileges=.*/&\nNoPrivilegesAtAll=yes/' "$T/$kind/dxvault.service"
		verify $kind
		assert_match "$T/err" "Unknown key .*NoPrivilegesAtAll"
	done
}

# rate system|user EXPOSURE: the unit's, in tenths, is no more than that; "OK" ends at 49.
rate() {
	local mode=()
	[ "$1" = system ] || mode=(--user)
	put_units "$1"
	systemd-analyze --help | grep -q -- --offline || skip "this systemd-analyze can't rate a unit by itself"
	run_with_limit 30 systemd-analyze security "${mode[@]}" --offline=yes --threshold="$2" "$T/$1/dxvault.service"
	sed -n 's/^→ //p' "$T/out" >"$T/note"
	[ "$status" -eq 0 ] || fail "rated worse than $2: $(cat "$T/note" "$T/err")"
	assert_match "$T/note" '^Overall exposure level for dxvault.service: [0-9.]+ (OK|SAFE|PERFECT)'
}

# SEC-24
test_the_system_unit_is_rated_ok() {
	rate system 15
}

# SEC-24
test_the_users_unit_is_rated_ok() {
	rate user 49
}

# What its sandbox does where the user's systemd can have it: a user namespace of its own, and no network.
test_the_service_serves_in_namespaces() {
	need unshare
	unshare --user --map-current-user --net true 2>/dev/null || skip "no user namespace is to be had"
	start unshare --user --map-current-user --net "$DXVAULTD" --idle-seconds 1
	wait_for 30 test -S "$DXVAULT_RUNTIME_DIR/service.sock"
	assert_equal "$(info 'd["service_process"]')" "$pid"
	finish 20 "$pid"
	assert_equal "$status" 0
}

# Whatever the service calls while a film plays passes the units' filters.
test_the_units_allow_what_the_service_does() {
	need strace systemd-analyze
	[ -z "${DXVAULT_SANITIZED-}" ] || skip "a sanitizer makes system calls of its own"
	need_sample
	names() { systemd-analyze syscall-filter "$1" | sed -n 's/^ *\(@*[a-z_0-9-]*\)$/\1/p' | grep -vx "$1"; }
	all_of() {
		local name
		for name in $(names "$1"); do
			case $name in @*) all_of "$name" ;; *) echo "$name" ;; esac
		done
	}
	all_of @system-service >"$T/allowed"
	all_of @privileged | sort -u >"$T/privileged"
	# What the units name besides.
	sed -n 's/^SystemCallFilter=\([^@~]\)/\1/p; s/^SystemCallFilter=@system-service //p' "$TOP/units/dxvault.service.in" |
		tr ' ' '\n' >"$T/besides"
	assert_match "$T/besides" '^memfd_secret$'
	sort -u "$T/allowed" | comm -23 - "$T/privileged" | cat - "$T/besides" | sort -u >"$T/filter"
	[ "$(wc -l <"$T/filter")" -gt 200 ] || fail "the filter has only $(wc -l <"$T/filter") names"
	start strace -f -q -e 'signal=!all' -o "$T/trace" "$DXVAULTD" --idle-seconds 60
	wait_for 30 test -S "$DXVAULT_RUNTIME_DIR/service.sock"
	run_with_limit 60 "$DXVAULT" play "$SAMPLE" --key "$(cat "$SAMPLE_KEY")" --json
	assert_status 0
	service=$(info 'd["service_process"]')
	kill "$service"
	finish 20 "$pid"
	# From the first call behind execve.
	sed -n 's/^[0-9]* *\([a-z_0-9]*\)(.*/\1/p' "$T/trace" | sort -u | grep -vx execve >"$T/used"
	[ "$(wc -l <"$T/used")" -gt 20 ] || fail "the trace has only: $(tr '\n' ' ' <"$T/used")"
	assert_equal "$(comm -23 "$T/used" "$T/filter" | tr '\n' ' ')" ''
	# MemoryDenyWriteExecute, and AF_UNIX alone.
	assert_no_match "$T/trace" 'PROT_WRITE\|PROT_EXEC'
	assert_no_match "$T/trace" 'socket\(AF_(INET|NETLINK|PACKET|ALG)'
}

run_tests
