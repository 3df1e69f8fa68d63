#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# limit: 120
# Processes that die while a film plays: one line, a failure, in bounded time, and nothing is left behind.
. "$(dirname "$0")/lib.sh"
use_ready_keys

# begin [OPTION...]: plays the long film in a group of its own, with nothing but errors on standard error.
begin() {
	use_service --idle-seconds 1
	need_long_film
	start setsid "$DXVAULT" play "$film" --key "$KEY" --json "$@"
}
begin_with_screen() {
	begin --screen "$T/screen"
	wait_for 20 more_than 10 "$T/screen/screen.framemd5"
	child_of "$pid" dxvaultd
	service=$child
}
# Without a screen nothing tells how far it is; a moment after there are surfaces pictures go through them.
begin_shared() {
	begin
	wait_for 20 presenting
	service=$(json "$T/info.json" 'd["service_process"]')
}
presenting() {
	[ "$(info 'd["objects"]["resources"] >= 5 and d["objects"]["clients"] == 2')" = True ] && sleep 0.3
}

# ends STATUS REGEX: within 10 s, with one line that matches.
ends() {
	finish 10 "$pid"
	cp "$T/start.err" "$T/err"
	assert_status "$1"
	assert_one_line "$T/err"
	assert_match "$T/err" "^dxvault: .*$2"
	assert_empty "$T/start.out"
}
# What the screen was shown until then is right, and there is no half of a file.
assert_screen_so_far() {
	reference "$film" -decryption_key "$KEY" -t $(($(lines "$T/screen/screen.framemd5") / 25 + 1))
	assert_pictures "$T/screen/screen.framemd5" part
	assert_equal "$(find "$T/screen" -mindepth 1 ! -name screen.framemd5 ! -name contact-sheet.png)" ''
	[ ! -e "$T/screen/contact-sheet.png" ] ||
		ffmpeg -nostdin -v error -xerror -i "$T/screen/contact-sheet.png" -f null - 2>&1
}
assert_service_is_clean() {
	assert_no_objects
	assert_equal "$(json "$T/info.json" 'd["service_process"]')" "$service"
}

test_service_with_screen_killed() {
	begin_with_screen
	kill -KILL "$service"
	ends 1 'the service is gone'
	assert_screen_so_far
}

test_service_with_screen_stopped() {
	begin_with_screen
	kill -TERM "$service"
	ends 1 'the service is gone'
	assert_screen_so_far
}

# goes_on: with the next service, which has the same connections and surfaces soon.
goes_on() {
	wait_for 20 is_gone "$service"
	wait_for 20 presenting
	[ "$(json "$T/info.json" 'd["service_process"]')" != "$service" ] || fail "the service lives"
	kill -INT "$pid"
	ends 130 'interrupted after [0-9]+ frames'
}

# What becomes of the pictures: play-loss.sh.
test_shared_service_killed() {
	begin_shared
	kill -KILL "$service"
	goes_on
}

test_shared_service_stopped() {
	begin_shared
	kill -TERM "$service"
	goes_on
}

test_presenter_killed() {
	begin_shared
	child_of "$pid" dxvault-presenter
	kill -KILL "$child"
	ends 1 'the presenter ended before the film did'
	assert_service_is_clean
}

test_presenter_killed_with_screen() {
	begin_with_screen
	child_of "$pid" dxvault-presenter
	kill -KILL "$child"
	ends 1 'the presenter ended before the film did'
	assert_screen_so_far
}

# Nobody is left to say anything; those who served it leave by themselves.
test_provider_killed() {
	begin_shared
	child_of "$pid" dxvault-presenter
	kill -KILL "$pid"
	finish 5 "$pid"
	wait_for 5 is_gone "$child"
	assert_service_is_clean
	assert_empty "$T/start.err"
}

test_provider_killed_with_screen() {
	begin_with_screen
	child_of "$pid" dxvault-presenter
	kill -KILL "$pid"
	finish 5 "$pid"
	wait_for 5 is_gone "$child"
	wait_for 10 is_gone "$service"
	assert_screen_so_far
	assert_empty "$T/start.err"
}

# Somebody who stands still holds nobody up, and can be stopped.
test_presenter_standing_still() {
	begin_shared
	child_of "$pid" dxvault-presenter
	kill -STOP "$child"
	sleep 0.5
	timeout 5 "$DXVAULT" info >/dev/null || fail "the service is held up"
	kill -INT "$pid"
	ends 130 'interrupted after [0-9]+ frames'
	assert_service_is_clean
}

test_interrupted() {
	begin_with_screen
	kill -INT "$pid"
	ends 130 'interrupted after [0-9]+ frames'
	assert_screen_so_far
}

test_terminated() {
	begin_shared
	kill -TERM "$pid"
	ends 130 'interrupted after [0-9]+ frames'
	assert_service_is_clean
}

# As a terminal does it: the presenter and the service get the signal too.
test_interrupted_as_a_group() {
	begin_with_screen
	kill -INT -- "-$pid"
	ends 130 'interrupted after [0-9]+ frames'
	assert_screen_so_far
	# The film is not over, but what was shown of it makes a sheet.
	[ -s "$T/screen/contact-sheet.png" ] || fail "no contact sheet"
}

test_interrupted_as_a_group_without_a_screen() {
	begin_shared
	kill -INT -- "-$pid"
	ends 130 'interrupted after [0-9]+ frames'
	assert_service_is_clean
}

# Ctrl-C in a terminal: the bar goes, and one line stands in its place.
test_interrupted_in_a_terminal() {
	python3 -c 'import os; os.openpty()' 2>/dev/null || skip "no pseudo-terminal is to be had"
	use_service --idle-seconds 1
	need_long_film
	cat >"$T/terminal.py" <<'END'
import os, pty, sys
pid, terminal = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], sys.argv[1:])
text, pressed = b"", False
while True:
    try:
        part = os.read(terminal, 4096)
    except OSError:
        break
    if not part:
        break
    text += part
    if not pressed and text.count(b"pictures") > 3:
        os.write(terminal, b"\x03")
        pressed = True
sys.stdout.buffer.write(text)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
END
	run_with_limit 30 python3 "$T/terminal.py" "$DXVAULT" play "$film" --key "$KEY" --screen "$T/screen"
	assert_status 130
	assert_screen_so_far
	assert_match "$T/out" '\[#*\.*\] [0-9]+ of about 2500 pictures'
	# What is there after the bar was wiped.
	last=$(tr -d '\r' <"$T/out" | sed 's/.*\x1b\[K//')
	[[ $last =~ ^(\^C)?dxvault:\ interrupted\ after\ [0-9]+\ frames$ ]] || fail "the last words: $last"
}

run_tests
