#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# limit: 180
# A film plays under an authenticated channel: play stops, and shows nothing more, when the driver's word cannot be believed.
. "$(dirname "$0")/lib.sh"
use_ready_keys

HELPERS=$BUILD/tests/system/helpers

# A film of six seconds, in $film. A check for each of five seconds, one before it, one behind it: seven at least.
need_film() {
	film=$BUILD/sample/six-seconds.mp4
	[ -s "$film" ] && return
	mkdir -p "$BUILD/sample"
	make_film "$T/film.mp4" 320x180 6
	mv -f "$T/film.mp4" "$film.$$" && mv -f "$film.$$" "$film"
}

# spoil WHAT [FROM]: between player and driver stands one that spoils that; answers to PROTECTION from number FROM on.
spoil() {
	export DXVAULT_UMD=$HELPERS/libspoiling-driver.so SPOIL_UMD=$BUILD/src/umd/libdxvault-umd.so
	export SPOIL=$1 SPOIL_FROM=${2-1}
}

# stops WHAT FROM REGEX: in the film, within a second of it.
stops() {
	local shown said
	spoil "$1" "$2"
	rm -rf "$T/screen"
	run_with_limit 30 "$DXVAULT" play "$film" --screen "$T/screen" --json
	assert_status 1
	assert_one_line "$T/err"
	assert_match "$T/err" "^dxvault: protection was lost after [0-9]+ frames: $3\$"
	assert_empty "$T/out"
	# Check number N is due N - 1 seconds into the film, or sooner. One picture may be shown that nobody could tell of.
	shown=0
	[ ! -e "$T/screen/screen.framemd5" ] || shown=$(lines "$T/screen/screen.framemd5")
	said=$(sed 's/.*after \([0-9]*\) frames.*/\1/' "$T/err")
	[ "$shown" -le $((25 * ($2 - 1) + 1)) ] || fail "$1: $shown pictures were shown"
	[ "$shown" -eq "$said" ] || [ "$shown" -eq $((said + 1)) ] || fail "$1: $shown pictures were shown, not $said"
}

# does_not_start WHAT REGEX: not a picture is shown.
does_not_start() {
	spoil "$1"
	run_with_limit 30 "$DXVAULT" play "$film" --screen "$T/screen"
	assert_status 1
	assert_one_line "$T/err"
	assert_match "$T/err" "^dxvault: $2\$"
	assert_empty "$T/out"
	[ ! -e "$T/screen" ] || fail "the screen folder is there: $(ls -a "$T/screen")"
}

test_a_film_is_watched_over() {
	need_film
	for driver in own between; do
		[ $driver = own ] || spoil nothing
		run_with_limit 30 "$DXVAULT" play "$film" --screen "$T/screen" --json
		assert_status 0
		assert_equal "$(json "$T/out" 'd["frames_presented"]')" 150
		assert_equal "$(json "$T/out" 'd["protection_checks"] >= 7')" True
	done
	reference "$film"
	assert_pictures "$T/screen/screen.framemd5"
	assert_equal "$(info 'd["channels"]')" "['software']"
	run_with_limit 30 "$DXVAULT" play "$film"
	assert_status 0
	assert_match "$T/out" '^Protection: +enabled, checked [0-9]+ times'
}

test_AC_058_an_answer_that_is_not_authentic() {
	need_film
	for what in tag return-code flags silence; do
		stops $what 3 "the driver's answer is not authentic"
	done
}

# Of the very channel, and under its key.
test_AC_095_an_old_answer() {
	need_film
	stops replay 4 "the driver's answer is one to another question"
}

test_a_query_that_is_refused() {
	need_film
	stops refuse 2 'the driver refuses: E_INVALIDARG'
}

test_before_the_first_frame() {
	need_film
	does_not_start tag "no protection to be had: the driver's answer is not authentic"
	does_not_start command-tag "no protection to be had: the driver's answer is not authentic"
	does_not_start session-certificate 'no protection to be had: the driver refuses: E_INVALIDARG'
}

# A driver that has both kinds, and gives the other one: it says so itself, since nobody else can sign it.
test_another_type_of_channel() {
	need_film
	echo 'test-channels = both' >>"$XDG_CONFIG_HOME/dxvault/dxvaultd.conf"
	assert_equal "$(info 'd["channels"]')" "['software', 'hardware']"
	does_not_start channel-type "no protection to be had: the driver's channel is not of the type that was asked for"
	spoil nothing
	run_with_limit 30 "$DXVAULT" play "$film" --screen "$T/screen"
	assert_status 0
}

# The session's own chain is the right one.
test_AC_029_a_certificate_of_another_root() {
	need_film
	openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=root -keyout "$T/root.key" -out "$T/root.pem" 2>/dev/null
	openssl req -newkey rsa:2048 -nodes -subj /CN=channel -keyout "$T/leaf.key" -out "$T/leaf.csr" 2>/dev/null
	openssl x509 -req -in "$T/leaf.csr" -CA "$T/root.pem" -CAkey "$T/root.key" -CAcreateserial -out "$T/leaf.pem" 2>/dev/null
	for certificate in leaf root; do
		openssl x509 -in "$T/$certificate.pem" -outform DER >>"$T/chain"
	done
	export SPOIL_CHAIN=$T/chain
	does_not_start certificate "the driver's certificate does not lead to the trust anchor"
}

# The key is in the player's memory, whatever the service has.
test_a_key_that_cannot_be_locked() {
	need_film
	need_user
	use_service --idle-seconds 1
	"${AS_USER[@]}" "$DXVAULT" info >/dev/null
	limited=(prlimit --memlock=0:0 "${AS_USER[@]}")
	run_with_limit 30 "${limited[@]}" "$DXVAULT" play "$film"
	assert_status 0
	assert_match "$T/out" "^Protection: .*; the channel's key may be swapped out: RLIMIT_MEMLOCK\$"
	run_with_limit 30 "${limited[@]}" "$DXVAULT" play "$film" --json
	assert_equal "$(json "$T/out" 'd["channel_key_locked"]')" False
	run_with_limit 30 "${limited[@]}" "$DXVAULT" play "$film" --strict
	assert_status 1
	assert_equal "$(grep -c '^dxvault' "$T/err")" 1 # libgcrypt, which FFmpeg may bring, has a word to say as well
	assert_match "$T/err" '^dxvault: --strict: '
	run_with_limit 30 "${AS_USER[@]}" "$DXVAULT" play "$film" --json
	assert_equal "$(json "$T/out" 'd["channel_key_locked"]')" True
}

# AC-132: whoever has an NT handle of a surface needs to be the presenter as well.
test_AC_132_nobody_else_opens_the_surfaces() {
	need_film
	use_service --idle-seconds 1
	mkdir "$T/bin"
	cp "$DXVAULT" "$BUILD/src/tools/dxvault-play.so" "$T/bin/"
	cp "$HELPERS/nosy-presenter" "$T/bin/dxvault-presenter"
	export LD_LIBRARY_PATH=$BUILD/src/kmt NOSY_PRESENTER=$BUILD/src/tools/dxvault-presenter NOSY_LOG=$T/log
	run_with_limit 30 "$T/bin/dxvault" play "$film" --json
	assert_status 0
	assert_equal "$(json "$T/out" 'd["frames_presented"]')" 150
	for when in first later; do
		printf "$when surface %s 0x80070005\n" 0 1 2 3
	done >"$T/expected"
	assert_same "$T/expected" "$T/log"
}

# A presenter that had connected to a service which was gone when the film began tells a token that the next one does not know.
test_a_token_of_the_service_before() {
	need_film
	use_service --idle-seconds 1
	mkdir "$T/bin"
	cp "$DXVAULT" "$BUILD/src/tools/dxvault-play.so" "$T/bin/"
	cp "$HELPERS/nosy-presenter" "$T/bin/dxvault-presenter"
	export LD_LIBRARY_PATH=$BUILD/src/kmt NOSY_PRESENTER=$BUILD/src/tools/dxvault-presenter NOSY_LOG=$T/log NOSY_STALE=1
	run_with_limit 30 "$T/bin/dxvault" play "$film" --json
	assert_status 0
	assert_empty "$T/err"
	assert_equal "$(json "$T/out" 'd["frames_presented"], len(d["losses"])')" '(150, 1)'
}

# There is another one at once.
test_an_adapter_that_is_removed_while_it_is_opened() {
	need_film
	use_service --idle-seconds 1
	spoil first-adapter
	run_with_limit 30 "$DXVAULT" play "$film" --json
	assert_status 0
	assert_empty "$T/err"
	assert_equal "$(json "$T/out" 'd["frames_presented"]')" 150
}

# invalidated LINE OPTION...: the presenter stands still, so the channel alone can notice; what is told is what lies below.
invalidated() {
	need_long_film
	use_service --idle-seconds 1
	start "$DXVAULT" play "$film" --key "$KEY" --json
	wait_for 30 presenting
	child_of "$pid" dxvault-presenter
	kill -STOP "$child"
	sleep 0.5 # until there is no surface to fill: who fills one would notice too, and wait 20 s for the presenter
	"$DXVAULT" invalidate "${@:2}" >/dev/null
	finish 40 "$pid"
	assert_status 1
	assert_one_line "$T/start.err"
	assert_match "$T/start.err" "^dxvault: $1 after [0-9]+ frames\$"
	assert_no_objects
}
presenting() {
	[ "$(info 'd["objects"]["resources"] >= 5 and d["objects"]["clients"] == 2')" = True ] && sleep 0.3
}

test_AC_169_lost_keys_are_told_as_such() {
	invalidated 'the protected session lost its content' --all
}

test_AC_167_a_removed_adapter_is_told_as_such() {
	invalidated 'the adapter was removed' --all --remove-device
}

test_a_service_killed_while_the_presenter_stands_still() {
	need_long_film
	use_service --idle-seconds 1
	start "$DXVAULT" play "$film" --key "$KEY" --json
	wait_for 30 presenting
	child_of "$pid" dxvault-presenter
	kill -STOP "$child"
	sleep 0.5
	kill -KILL "$(json "$T/info.json" 'd["service_process"]')"
	finish 40 "$pid"
	assert_status 1
	assert_one_line "$T/start.err"
	assert_match "$T/start.err" '^dxvault: the service is gone'
	# The dead one's socket goes with the next service.
	info 'd["service_process"]' >/dev/null
}

run_tests
