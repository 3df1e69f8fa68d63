#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# limit: 120
# Losing protected content by command, and who may command it (KMT-24, CS-12). A film that is lost: play-loss.sh.
. "$(dirname "$0")/lib.sh"
use_ready_keys
LOSS=$BUILD/tests/system/helpers/kmt-loss

teardowns() {
	"$DXVAULT" info --json | sed -n 's/.*"teardowns": \([0-9]*\).*/\1/p'
}

test_KMT_24_one_session() {
	run_with_limit 20 "$LOSS" session "$DXVAULT" invalidate '{}'
	assert_status 0
	assert_match "$T/out" '^1 session lost$'
}

test_KMT_24_all_sessions() {
	run_with_limit 20 "$LOSS" keys "$DXVAULT" invalidate --all
	assert_status 0
	assert_match "$T/out" '^2 sessions lost$'
	assert_equal "$(teardowns)" 0
}

test_KMT_24_teardown_is_counted() {
	start "$DXVAULTD" --idle-seconds 3
	wait_for 10 test -S "$DXVAULT_RUNTIME_DIR/service.sock"
	run_with_limit 20 "$LOSS" keys "$DXVAULT" invalidate --all --teardown
	assert_status 0
	assert_equal "$(teardowns)" 1
}

test_KMT_24_device_removed() {
	run_with_limit 20 "$LOSS" device "$DXVAULT" invalidate --all --remove-device
	assert_status 0
	assert_match "$T/out" '^2 sessions lost$'
}

test_KMT_24_service_stops() {
	start "$DXVAULTD" --idle-seconds 60
	wait_for 10 test -S "$DXVAULT_RUNTIME_DIR/service.sock"
	run_with_limit 20 "$LOSS" stop kill -TERM "$pid"
	assert_status 0
	finish 10 "$pid"
	assert_equal "$status" 0
}

test_sessions_says_who_holds_what() {
	run_with_limit 20 "$LOSS" session sh -c '"$1" sessions >"$2/text" && "$1" sessions --json >"$2/json" && "$1" invalidate "$3"' \
		sh "$DXVAULT" "$T" '{}'
	assert_status 0
	assert_equal "$(wc -l <"$T/text")" 3
	assert_equal "$(grep -c 'kmt-loss .* none *ok ' "$T/text")" 2
	python3 - "$T/json" <<-'END' || fail "$(cat "$T/json")"
		import json, sys
		sessions = json.load(open(sys.argv[1]))
		assert len(sessions) == 2
		for session in sessions:
		    assert session["command"] == "kmt-loss" and session["crypto_type"] == "none" and session["status"] == "ok"
		    assert session["losses"] == 0 and session["process"] > 1 and session["device"] >= 1
		assert sorted((s["local_handles"], s["nt_handles"]) for s in sessions) == [(1, 0), (2, 1)]
	END
	run_with_limit 20 "$DXVAULT" sessions --json
	assert_status 0
	assert_equal "$(cat "$T/out")" "[]"
}

test_wrong_usage() {
	for words in "" "--all 5" "5 --teardown" "--remove-device" "--all --teardown --remove-device" "-- -5" "nonsense" "0"; do
		# shellcheck disable=SC2086
		run_with_limit 20 "$DXVAULT" invalidate $words
		assert_equal "$status: $words" "2: $words"
		assert_one_line "$T/err"
	done
	run_with_limit 20 "$DXVAULT" invalidate 123456789a
	assert_status 1
	assert_match "$T/err" 'no session 123456789a'
}

# A machine's service, and users that are not its own, in a mount namespace with a /run of its own.
test_other_users_may_use_but_not_command() { # SEC-37
	[ "$(id -u)" -eq 0 ] || skip "only root can be several users"
	unshare --mount true 2>/dev/null || skip "no mount namespace is to be had"
	chmod 755 "$T"
	setpriv --reuid=65534 --clear-groups test -x "$LOSS" 2>/dev/null || skip "an ordinary user cannot reach $BUILD"
	echo "allow-users = all" >"$T/all.conf"
	install -d -m 700 -o 65533 "$T/service-state"
	cat >"$T/script" <<-'END'
		set -eu
		mount -t tmpfs -o mode=755 none /run
		install -d -m 755 -o 65533 /run/dxvault
		unset DXVAULT_RUNTIME_DIR XDG_RUNTIME_DIR
		as() { user=$1; shift; HOME=/ setpriv --reuid="$user" --clear-groups "$@"; }
		HOME=/ DXVAULT_STATE_DIR=$T/service-state setpriv --reuid=65533 --clear-groups \
			"$DXVAULTD" --config "$T/all.conf" --idle-seconds 60 &
		service=$!
		for _ in $(seq 100); do [ -S /run/dxvault/service.sock ] && break; sleep 0.1; done
		as 65534 "$DXVAULT" info | grep -q "process $service" || { echo "another service was used"; exit 1; }
		! as 65534 "$DXVAULT" sessions 2>"$T/refused" || { echo "sessions was allowed"; exit 1; }
		! as 65534 "$DXVAULT" invalidate --all 2>>"$T/refused" || { echo "invalidate was allowed"; exit 1; }
		[ "$(grep -c "own user and root" "$T/refused")" = 2 ] || { cat "$T/refused"; exit 1; }
		# Root and the service's own user may; the holder is the ordinary one.
		as 65533 "$DXVAULT" sessions >/dev/null
		"$DXVAULT" invalidate --all
		kill "$service"
		wait "$service"
	END
	export T DXVAULT DXVAULTD
	run_with_limit 60 unshare --mount bash "$T/script"
	cat "$T/out"
	assert_status 0
}

# SEC-62: without that, another user does not even get to speak to it.
test_other_users_are_refused() {
	[ "$(id -u)" -eq 0 ] || skip "only root can be several users"
	start "$DXVAULTD" --idle-seconds 60
	wait_for 10 test -S "$DXVAULT_RUNTIME_DIR/service.sock"
	service=$pid
	chmod 711 "$T" "$T/run" "$DXVAULT_RUNTIME_DIR"
	chmod 666 "$DXVAULT_RUNTIME_DIR/service.sock"
	run_with_limit 20 setpriv --reuid=65534 --clear-groups python3 -c 'import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
s.connect(sys.argv[1])
try:
    s.send(b"x" * 32)
    sys.exit(1 if s.recv(100) else 0)
except (BrokenPipeError, ConnectionResetError):
    sys.exit(0)' "$DXVAULT_RUNTIME_DIR/service.sock"
	assert_status 0
	assert_match "$T/start.err" 'client refused: user=65534 .*Operation not permitted'
	kill "$service"
	finish 10 "$service"
}

run_tests
