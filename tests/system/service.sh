#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# limit: 90
# The life of the service: starts by itself, one for a user, leaves after its last client, keeps its root key.
. "$(dirname "$0")/lib.sh"

# start_service: one runs afterwards, until stop_service; sets service to its process.
start_service() {
	[ -n "${DXVAULT_SERVICE-}" ] || use_service --idle-seconds 60
	service=$(info 'd["service_process"]')
}
stop_service() {
	kill "$service"
	wait_for 5 is_gone "$service"
}
# says REGEX COMMAND...: fails by one line.
says() {
	run_with_limit 10 "${@:2}"
	assert_status 1
	assert_one_line "$T/err"
	assert_match "$T/err" "$1"
}

test_it_starts_by_itself_and_leaves_by_itself() { # SEC-62
	new_installation
	use_service --idle-seconds 1
	start_service
	begin=$(date +%s%N)
	! is_gone "$service" || fail "the service left at once"
	[ -S "$DXVAULT_RUNTIME_DIR/service.sock" ] || fail "there is no socket: $(ls -A "$DXVAULT_RUNTIME_DIR")"
	assert_equal "$(stat -c %a "$DXVAULT_RUNTIME_DIR" "$DXVAULT_RUNTIME_DIR/service.sock" | xargs)" '700 600'
	wait_for 6 is_gone "$service"
	milliseconds=$((($(date +%s%N) - begin) / 1000000))
	[ $milliseconds -gt 700 ] || fail "the service left after $milliseconds ms"
	assert_equal "$(ls -A "$DXVAULT_RUNTIME_DIR")" ''
}

# The program that starts it may have anything open, and be anywhere.
test_it_keeps_nothing_of_its_starter() {
	need_sample
	cd "$T/tmp" || exit
	start_service 9>"$T/open" 8<"$SAMPLE"
	assert_equal "$(readlink "/proc/$service/cwd")" /
	for descriptor in "/proc/$service/fd"/*; do
		case $(readlink "$descriptor") in
		"$T/open" | *.mp4 | pipe:* | /dev/pts/*) fail "the service keeps open: $(readlink "$descriptor")" ;;
		esac
	done
	stop_service
}

test_twenty_clients_at_once_start_one() {
	new_installation
	use_service --idle-seconds 60
	for i in {1..20}; do
		"$DXVAULT" info --json >"$T/info.$i" 2>>"$T/err" &
	done
	wait
	assert_empty "$T/err"
	assert_equal "$(cat "$T"/info.* | grep -c service_process)" 20
	assert_equal "$(grep -h service_process "$T"/info.* | sort -u | wc -l)" 1
	service=$(json "$T/info.1" 'd["service_process"]')
	# Those that came too late to be the one leave at once.
	wait_for 5 one_service
	stop_service
}
one_service() {
	processes >"$T/processes"
	[ "$(cat "$T/processes")" = "$service" ]
}

test_many_films_share_it() {
	make_film "$T/film.mp4" 320x180 1 "${ENCRYPTED[@]}"
	for i in {1..5}; do
		"$DXVAULT" play "$T/film.mp4" --key "$KEY" --json >"$T/out.$i" 2>>"$T/err" &
	done
	wait
	assert_empty "$T/err"
	assert_equal "$(cat "$T"/out.* | grep -c '"frames_presented": 25,')" 5
	start_service
	assert_no_objects
	stop_service
}

test_a_dead_ones_socket_is_replaced() {
	start_service
	kill -KILL "$service"
	wait_for 5 is_gone "$service"
	[ -S "$DXVAULT_RUNTIME_DIR/service.sock" ] || fail "the socket has gone by itself"
	first=$service
	start_service
	[ "$service" != "$first" ] || fail "it has the same number"
	stop_service
	assert_equal "$(ls -A "$DXVAULT_RUNTIME_DIR")" ''
}

# On either signal: the exit status is good, nothing stays, and it is said in no line of warning.
test_it_stops_cleanly() {
	for signal in TERM INT; do
		start "$DXVAULTD" --idle-seconds 60
		wait_for 20 test -S "$DXVAULT_RUNTIME_DIR/service.sock"
		"$DXVAULT" info >/dev/null
		kill -$signal "$pid"
		finish 20 "$pid"
		assert_equal "$status" 0
		assert_equal "$(ls -A "$DXVAULT_RUNTIME_DIR")" ''
		assert_no_match "$T/start.err" '^dxvaultd: error'
	done
}

# Who finds the socket is served, however long the service still has to do: its hello waits, and says who it is from.
test_a_client_that_comes_before_it_is_ready() {
	command -v strace >/dev/null || skip "there is no strace"
	# The leak sanitizer would trace it too, and a process has one tracer.
	start env ASAN_OPTIONS="${ASAN_OPTIONS-}:detect_leaks=0" strace -f -qq -o "$T/trace" -e trace=epoll_create1 \
		-e inject=epoll_create1:delay_enter=1000000 "$DXVAULTD" --idle-seconds 60
	wait_for 20 test -S "$DXVAULT_RUNTIME_DIR/service.sock"
	run_with_limit 20 "$DXVAULT" info
	assert_status 0
	grep -q DELAYED "$T/trace" || fail "nothing was delayed: $(cat "$T/trace")"
	kill "$pid"
	pkill -P "$pid" || true
	finish 20 "$pid"
}

# KMT-24: whoever only asks for the status learns of the service's death, without a system call.
test_KMT_24_killed_while_the_status_is_asked_for() {
	run_with_limit 60 "$BUILD/tests/system/helpers/kmt-killed"
	cp "$T/out" "$T/note"
	assert_status 0
	rm "$DXVAULT_RUNTIME_DIR/service.sock"
}

# What tells of it is the kernel's word: clients can read it and nothing else.
test_KMT_24_the_word_of_its_death_is_read_only() {
	use_service --idle-seconds 60
	start_service
	version=$(sed -n 's/^#define WIRE_VERSION \([0-9]*\)u$/\1/p' "$TOP/src/wire/message.h")
	run_with_limit 30 python3 -c 'import array, mmap, os, signal, socket, struct, sys, time
s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
s.connect(sys.argv[1])
s.send(struct.pack("<IIIiQII", 32, 1, 1, 0, 0x31544c5541565844, int(sys.argv[3]), 0))
reply, (control,), _, _ = s.recvmsg(1000, socket.CMSG_SPACE(4))
fd = array.array("i", control[2])[0]
assert struct.unpack("<IIIIQIIQ", reply)[3:7] == (0, 0x31544c5541565844, int(sys.argv[3]), 1), reply
word = mmap.mmap(fd, 4, mmap.MAP_SHARED, mmap.PROT_READ)
value = lambda: struct.unpack("<I", word[:4])[0]
assert value() == int(sys.argv[2]), value()
for attempt in (lambda: mmap.mmap(fd, 4, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE),
                lambda: os.pwrite(fd, b"1234", 0), lambda: os.ftruncate(fd, 0), lambda: os.ftruncate(fd, 4096)):
    try:
        attempt()
    except PermissionError:
        continue
    sys.exit("a client can write to it")
os.kill(int(sys.argv[2]), signal.SIGKILL)
# The mark is there before the connection is seen to end.
assert s.recv(100) == b""
assert value() == 0x40000000, hex(value())
' "$DXVAULT_RUNTIME_DIR/service.sock" "$service" "$version"
	assert_status 0
	wait_for 5 is_gone "$service"
	rm "$DXVAULT_RUNTIME_DIR/service.sock"
}

test_a_second_one_says_so() {
	start_service
	says '^dxvaultd: error: another service of this user runs$' "$DXVAULTD"
	assert_equal "$(info 'd["service_process"]')" "$service"
	stop_service
}

test_a_runtime_folder_of_wrong_mode() { # SEC-62
	for mode in 755 770 707 1777; do
		mkdir -p "$DXVAULT_RUNTIME_DIR"
		chmod $mode "$DXVAULT_RUNTIME_DIR"
		says "^dxvaultd: error: runtime directory $DXVAULT_RUNTIME_DIR: not a folder of this user with mode 0700$" "$DXVAULTD"
		says '^dxvault: no service to be had: dxvaultd --foreground tells why$' "$DXVAULT" info
	done
	make_film "$T/film.mp4" 160x90 1
	says '^dxvault: no service to be had: dxvaultd --foreground tells why$' "$DXVAULT" play "$T/film.mp4"
	assert_equal "$(ls -A "$DXVAULT_RUNTIME_DIR")" ''
}

test_a_runtime_folder_that_is_a_link() { # SEC-62
	mkdir -m 700 "$T/elsewhere"
	ln -s "$T/elsewhere" "$DXVAULT_RUNTIME_DIR"
	says 'not a folder of this user' "$DXVAULTD"
	says 'no service to be had' "$DXVAULT" info
	rm "$DXVAULT_RUNTIME_DIR"
	: >"$DXVAULT_RUNTIME_DIR"
	says 'not a folder of this user' "$DXVAULTD"
	rm "$DXVAULT_RUNTIME_DIR"
	assert_equal "$(ls -A "$T/elsewhere")" ''
}

test_a_runtime_folder_of_another_user() { # SEC-62
	[ "$(id -u)" -eq 0 ] || skip "only root can make one"
	mkdir -m 700 "$DXVAULT_RUNTIME_DIR"
	chown 65534 "$DXVAULT_RUNTIME_DIR"
	says 'not a folder of this user' "$DXVAULTD"
	says 'no service to be had' "$DXVAULT" info
}

# Not by a debugger of the same user, nor in a core file.
test_nobody_looks_into_it() {
	need_user
	use_service --idle-seconds 60
	service=$("${AS_USER[@]}" "$DXVAULT" info --json | sed -n 's/.*"service_process": \([0-9]*\).*/\1/p')
	# The kernel gives the files of a process that is not dumpable to root.
	assert_equal "$(stat -c %u "/proc/$service/maps")" 0
	for file in mem maps environ; do
		! "${AS_USER[@]}" cat "/proc/$service/$file" >/dev/null 2>&1 || fail "its user can read /proc/$service/$file"
	done
	assert_match "/proc/$service/limits" '^Max core file size +0 +0 '
	assert_match "/proc/$service/status" '^NoNewPrivs:.1$'
	stop_service
}

test_the_root_key_is_kept() { # SEC-60
	new_installation
	start_service
	"$DXVAULT" info --root-certificate >"$T/first.pem"
	openssl x509 -in "$T/first.pem" -noout -text >"$T/text"
	assert_match "$T/text" 'CA:TRUE'
	assert_match "$T/text" 'Public-Key: \((2048|3072|4096) bit\)'
	openssl verify -CAfile "$T/first.pem" "$T/first.pem" >/dev/null
	stop_service
	key=$(find "$T/state" -name root.key)
	assert_equal "$(stat -c %a "$key")" 600
	assert_equal "$(stat -c %a "$(dirname "$key")")" 700
	sum=$(sha256sum "$key")
	first=$service
	start_service
	[ "$service" != "$first" ] || fail "the service is the same"
	"$DXVAULT" info --root-certificate >"$T/second.pem"
	assert_same "$T/first.pem" "$T/second.pem"
	assert_equal "$(sha256sum "$key")" "$sum"
	stop_service
	rm -r "$T/state/dxvault"
	start_service
	"$DXVAULT" info --root-certificate >"$T/third.pem"
	! cmp -s "$T/first.pem" "$T/third.pem" || fail "a new installation has the old root"
	stop_service
}

test_a_root_key_that_others_can_read() { # SEC-60
	start_service
	stop_service
	chmod 644 "$(find "$T/state" -name root.key)"
	says '^dxvaultd: error: root key in .*: wrong owner, mode or size$' "$DXVAULTD"
	says 'no service to be had' "$DXVAULT" info
	assert_equal "$(ls -A "$DXVAULT_RUNTIME_DIR")" ''
}

# Each start makes new keys, one for channels (1) and one for crypto sessions (2), and the root certifies them (AC-172, SEC-60).
test_each_start_has_leaves_of_its_own() {
	gcc -I"$TOP/include" -I"$TOP/src" "$TOP/tests/system/leaf.c" -o "$T/leaf" "$BUILD/src/runtime/libruntime.a" \
		-L"$BUILD/src/kmt" -Wl,-rpath,"$BUILD/src/kmt" -ldxvault-kmt -ldl
	for start in first second; do
		start_service
		"$DXVAULT" info --root-certificate >"$T/root-$start.pem"
		for type in 1 2; do
			"$T/leaf" $type >"$T/leaf.der"
			openssl x509 -inform DER -in "$T/leaf.der" -out "$T/leaf.pem"
			openssl verify -CAfile "$T/root-$start.pem" "$T/leaf.pem" >/dev/null
			openssl x509 -in "$T/leaf.pem" -noout -text | grep -q 'Public-Key: (2048 bit)' || fail "not RSA-2048"
			openssl x509 -in "$T/leaf.pem" -noout -pubkey >"$T/key-$start-$type"
		done
		stop_service
		# The root's is the only one that is written.
		assert_equal "$(find "$T/state" "$T/tmp" -type f -printf '%f\n' | sort | xargs)" 'root.crt root.key'
	done
	cmp "$T/root-first.pem" "$T/root-second.pem"
	assert_equal "$(sha256sum "$T"/key-* | cut -d ' ' -f 1 | sort -u | wc -l)" 4
}

# SEC-63: for who starts it, and not for clients that come later.
test_a_screen_comes_with_the_start_or_never() {
	make_film "$T/film.mp4" 160x90 1 "${ENCRYPTED[@]}"
	start_service
	"$DXVAULT" play "$T/film.mp4" --key "$KEY" --screen "$T/screen" >/dev/null
	assert_equal "$(info 'd["screen"], d["service_process"]')" "(False, $service)"
	"$DXVAULT" play "$T/film.mp4" --key "$KEY" --json >"$T/out"
	assert_equal "$(json "$T/out" 'd["frames_presented"]')" 25
	assert_equal "$(lines "$T/screen/screen.framemd5")" 25
	assert_equal "$(find "$T" -name 'screen.*')" "$T/screen/screen.framemd5"
	assert_no_match "/proc/$service/maps" 'dxvault-screen'
	stop_service
	echo 'allow-users = all' >"$T/all.conf"
	says '^dxvaultd: error: --screen: a service for all users has no screen$' \
		"$DXVAULTD" --config "$T/all.conf" --screen "$T/screen" --idle-seconds 0
}

test_trust() {
	make_film "$T/film.mp4" 160x90 1 "${ENCRYPTED[@]}"
	start_service
	"$DXVAULT" info --root-certificate >"$T/root.pem"
	openssl x509 -in "$T/root.pem" -outform DER -out "$T/root.der"
	for anchor in root.pem root.der; do
		run_with_limit 10 "$DXVAULT" play "$T/film.mp4" --key "$KEY" --json --trust "$T/$anchor"
		assert_status 0
	done
	# One that has the same name.
	openssl req -x509 -newkey rsa:2048 -nodes -keyout "$T/another.key" -out "$T/another.pem" 2>/dev/null \
		-subj "$(openssl x509 -in "$T/root.pem" -noout -subject -nameopt compat | sed 's/^subject= *//')"
	says 'does not lead to the trust anchor' "$DXVAULT" play "$T/film.mp4" --key "$KEY" --trust "$T/another.pem"
	says 'is no certificate' "$DXVAULT" play "$T/film.mp4" --key "$KEY" --trust "$T/film.mp4"
	says 'is no certificate' "$DXVAULT" play "$T/film.mp4" --key "$KEY" --trust "$T/none"
	assert_no_objects
	stop_service
}

run_tests
