#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# limit: 120
# SEC-50: a film goes on after its content was lost: what the presenter sees, what the screen shows, what the summary says
# (CS-13, KMT-20 to KMT-24).
. "$(dirname "$0")/lib.sh"
use_ready_keys

# A film of 30 pictures, no two alike, in $film, and what a screen shows of it, in $whole.
need_film() {
	film=$BUILD/sample/thirty.mp4
	whole=$BUILD/sample/thirty.framemd5
	[ -s "$film" ] && [ -s "$whole" ] && return
	mkdir -p "$BUILD/sample"
	make_film "$T/thirty.mp4" 160x120 1.2
	reference "$T/thirty.mp4"
	assert_equal "$(lines "$T/reference")" 30
	mv -f "$T/thirty.mp4" "$film.$$" && mv -f "$film.$$" "$film"
	mv -f "$T/reference" "$whole.$$" && mv -f "$whole.$$" "$whole"
}

# Memory that is used up soon, and given back soon.
limit_memory() {
	echo 'protected-memory = 2097152' >>"$XDG_CONFIG_HOME/dxvault/dxvaultd.conf"
}

# plays OPTION...: the film to its end, with a screen in $T/screen and the summary in $T/out.
plays() {
	run_with_limit 30 "$DXVAULT" play "$film" --screen "$T/screen" --json "$@"
	assert_status 0
	assert_no_match "$T/err" dxvault
	assert_equal "$(json "$T/out" 'd["session_status"]')" OK
}

# each_is_right SCREEN_FILE WHOLE SIZE: each of its lines is that picture, or black. Leaves the numbers of the black
# pictures in $T/black and of the absent ones in $T/absent, from 1.
each_is_right() {
	python3 - "$@" "$T/black" "$T/absent" <<-'END' || fail "a wrong picture in $1"
		import hashlib, sys
		shown, whole, size, black_file, absent_file = sys.argv[1:]
		width, height = map(int, size.split("x"))
		black = hashlib.md5(b"\x10" * (width * height) + b"\x80" * (width * height // 2)).hexdigest()
		def read(path):
		    lines = [line.strip().split(",") for line in open(path) if not line.startswith("#")]
		    return [(int(line[1]), line[5].strip()) for line in lines]
		wanted = read(whole)
		number = {time: i + 1 for i, (time, _) in enumerate(wanted)}
		wanted = dict(wanted)
		shown = read(shown)
		assert len(shown) == len(set(time for time, _ in shown)), "a picture twice"
		for time, digest in shown:
		    assert digest in (wanted[time], black), f"picture {number[time]} is wrong"
		with open(black_file, "w") as file:
		    print(*[number[time] for time, digest in shown if digest == black], file=file)
		with open(absent_file, "w") as file:
		    print(*sorted(set(number.values()) - {number[time] for time, _ in shown}), file=file)
	END
}

# assert_losses EXPECTED: "CAUSE at AT" of each, one a line. For all: the presenter noticed no later than at that picture,
# that one was not seen, the one behind it was, and the numbers are those of the screen.
assert_losses() {
	assert_equal "$(json "$T/out" '", ".join("%(cause)s at %(at)d" % l for l in d["losses"])')" "$1"
	each_is_right "$T/screen/screen.framemd5" "$whole" 160x120
	python3 - "$T/out" "$T/black" "$T/absent" <<-'END' || fail "the summary is wrong: $(cat "$T/out" "$T/black" "$T/absent")"
		import json, sys
		told = json.load(open(sys.argv[1]))
		black, absent = (set(map(int, open(path).read().split())) for path in sys.argv[2:])
		for loss in told["losses"]:
		    at, seen = loss["at"], loss["seen_before"]
		    assert loss["ordered"] and loss["read_invalid"] and loss["key_ms"] > 0, loss
		    # From where the presenter noticed up to that picture none was shown; four surfaces are all it can have.
		    assert at - 3 <= seen <= at, loss
		    assert set(range(seen, at + 1)) <= black, loss
		    assert loss["black"] == at + 1 - seen and loss["absent"] == 0, loss
		    assert loss["resumed_at"] == (at + 1 if at < 30 else None), loss
		assert not absent
		assert len(black) == sum(loss["black"] for loss in told["losses"])
		assert told["frames_presented"] == 30 - len(black)
		assert all((loss["bytes_claimed"] is not None) == (loss["cause"] == "memory") for loss in told["losses"])
	END
}

test_CS_13_keys_are_lost() {
	need_film
	plays --lose-keys-at 10
	assert_losses "keys at 10"
	# Whoever uses the shared service has lost nothing: it was never asked.
	[ ! -e "$DXVAULT_RUNTIME_DIR/service.sock" ] || fail "the shared service was used"
}

test_CS_12_the_adapter_is_removed() {
	need_film
	plays --remove-device-at 10
	assert_losses "device at 10"
}

test_BLT_102_protected_memory_is_used_up() {
	need_film
	limit_memory
	plays --exhaust-memory-at 10
	assert_losses "memory at 10"
	assert_equal "$(json "$T/out" 'd["losses"][0]["bytes_claimed"] > 2097152 - 4096')" True
}

test_the_first_and_the_last_picture() {
	need_film
	limit_memory
	for what in lose-keys remove-device exhaust-memory; do
		plays --$what-at 30,1
		assert_losses "${what#*-} at 1, ${what#*-} at 30"
	done
}

test_several_losses() {
	need_film
	limit_memory
	plays --lose-keys-at 2,3,4 --remove-device-at 12,13 --lose-keys-at 14 --exhaust-memory-at 20 --remove-device-at 21
	assert_losses "keys at 2, keys at 3, keys at 4, device at 12, device at 13, keys at 14, memory at 20, device at 21"
}

test_at_each_picture() {
	need_film
	plays --lose-keys-at "$(seq -s, 1 2 30)" --remove-device-at "$(seq -s, 2 2 30)"
	assert_equal "$(json "$T/out" 'd["frames_presented"], len(d["losses"])')" '(0, 30)'
	each_is_right "$T/screen/screen.framemd5" "$whole" 160x120
	assert_equal "$(cat "$T/black")" "$(seq -s' ' 30)"
}

test_behind_the_end() {
	need_film
	plays --lose-keys-at 31,1000
	assert_equal "$(json "$T/out" 'd["losses"], d["losses_not_reached"], d["frames_presented"]')" '([], [31, 1000], 30)'
	assert_pictures_of_film
	run_with_limit 30 "$DXVAULT" play "$film" --remove-device-at 31
	assert_status 0
	assert_match "$T/out" '^Loss: +at picture 31: not reached, the film has 30$'
}
assert_pictures_of_film() {
	cp "$whole" "$T/reference"
	assert_pictures "$T/screen/screen.framemd5"
}

test_the_summary_for_people() {
	need_film
	run_with_limit 30 "$DXVAULT" play "$film" --lose-keys-at 10
	assert_status 0
	assert_match "$T/out" '^Presented: +2[6-9] frames '
	assert_match "$T/out" '^Loss: +at picture 10: keys lost; the presenter read INVALID before picture ([7-9]|10); [1-4] black, 0 absent; new key after [0-9.]+ ms; on again with picture 11$'
	assert_match "$T/out" '^Session status: +OK$'
}

test_wrong_usage() {
	need_film
	for words in "--lose-keys-at 0" "--lose-keys-at -1" "--lose-keys-at 1,,2" "--lose-keys-at 1," "--lose-keys-at x" \
		"--remove-device-at 1.5" "--exhaust-memory-at 99999999999999999999" "--lose-keys-at 5 --remove-device-at 5" \
		"--lose-keys-at $(seq -s, 65)"; do
		# shellcheck disable=SC2086
		run_with_limit 10 "$DXVAULT" play "$film" --screen "$T/screen" $words
		assert_equal "$status: $words" "2: $words"
		assert_one_line "$T/err"
		[ ! -e "$T/screen" ] || fail "the screen folder was made"
	done
}

# ---- from outside --------------------------------------------------------------------------------------------------------

# begin: a film of 1000 pictures, in the shared service, which has a screen.
begin() {
	film=$BUILD/sample/thousand.mp4
	whole=$BUILD/sample/thousand.framemd5
	if [ ! -s "$film" ] || [ ! -s "$whole" ]; then
		mkdir -p "$BUILD/sample"
		make_film "$T/thousand.mp4" 640x360 40
		reference "$T/thousand.mp4"
		mv -f "$T/thousand.mp4" "$film.$$" && mv -f "$film.$$" "$film"
		mv -f "$T/reference" "$whole.$$" && mv -f "$whole.$$" "$whole"
	fi
	mkdir "$T/screen"
	use_service --idle-seconds 1
	start "$DXVAULTD" --screen "$T/screen" --idle-seconds 5
	service=$pid
	wait_for 10 test -S "$DXVAULT_RUNTIME_DIR/service.sock"
	start "$DXVAULT" play "$film" --json
	wait_for 20 more_than 10 "$T/screen/screen.framemd5"
}
# hold, release: the presenter, and with it the film, stand still while something is done to them.
hold() {
	child_of "$pid" dxvault-presenter
	kill -STOP "$child"
	! more_than 990 "$T/screen/screen.framemd5" || fail "the film is over"
}
release() {
	kill -CONT "$child"
}
# ends CAUSES: the film was played to its end, and those are what was lost.
ends() {
	finish 60 "$pid"
	cp "$T/start.err" "$T/err"
	assert_status 0
	assert_empty "$T/err"
	cp "$T/start.out" "$T/out"
	assert_equal "$(json "$T/out" 'sorted(set(l["cause"] for l in d["losses"]))')" "$1"
	assert_equal "$(json "$T/out" 'd["session_status"], d["frames_presented"] + sum(l["black"] + l["absent"] for l in d["losses"])')" \
		"('OK', 1000)"
}

test_KMT_24_lost_by_command() {
	local i
	begin
	for i in 1 2 3; do
		"$DXVAULT" invalidate --all >/dev/null
		sleep 0.1
		"$DXVAULT" invalidate --all --teardown >/dev/null
		"$DXVAULT" invalidate --all --remove-device >/dev/null
		sleep 0.1
	done
	ends "['device', 'keys']"
	each_is_right "$T/screen/screen.framemd5" "$whole" 640x360
	[ -s "$T/black" ] || fail "nothing was lost"
	kill "$service"
	finish 10 "$service"
}

test_KMT_24_one_session_by_command() {
	begin
	hold
	"$DXVAULT" invalidate "$("$DXVAULT" sessions --json | python3 -c 'import json, sys
print(json.load(sys.stdin)[0]["session"])')" >"$T/told"
	assert_match "$T/told" '^1 session lost$'
	release
	ends "['keys']"
	each_is_right "$T/screen/screen.framemd5" "$whole" 640x360
	kill "$service"
	finish 10 "$service"
}

# The next service has no screen; what the first one was shown is right.
test_KMT_24_the_service_is_killed() {
	begin
	hold
	kill -KILL "$service"
	finish 10 "$service"
	release
	cp "$T/screen/screen.framemd5" "$T/before"
	ends "['service']"
	each_is_right "$T/before" "$whole" 640x360
	[ "$(info 'd["service_process"]')" != "$service" ] || fail "the service lives"
}

test_KMT_24_the_service_is_stopped() {
	begin
	hold
	kill -TERM "$service"
	finish 10 "$service"
	release
	ends "['service']"
	each_is_right "$T/screen/screen.framemd5" "$whole" 640x360
}

# A service that can't be had again: as before, one line.
test_KMT_24_no_service_comes_back() {
	begin
	hold
	printf '#!/bin/sh\nexit 1\n' >"$T/dxvaultd"
	kill -KILL "$service"
	finish 10 "$service"
	release
	finish 20 "$pid"
	assert_equal "$status" 1
	assert_one_line "$T/start.err"
	assert_match "$T/start.err" '^dxvault: the service is gone'
	# The dead one's socket goes with the next service.
	use_service --idle-seconds 1
	info 'd["service_process"]' >/dev/null
}

run_tests
