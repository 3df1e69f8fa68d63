#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# limit: 120
# What can't be played: one clear line, a failure, in bounded time, and nothing is left behind.
. "$(dirname "$0")/lib.sh"
use_ready_keys

# refuses STATUS REGEX OPTION...: dxvault play with these says one line and makes no file. With a screen and without.
refuses() {
	local arguments=("${@:3}")
	for screen in no yes; do
		[ $screen = no ] || arguments+=(--screen "$T/screen")
		run_with_limit 10 "$DXVAULT" play "${arguments[@]}"
		assert_status "$1"
		assert_one_line "$T/err"
		assert_match "$T/err" "^dxvaultd?: .*$2"
		assert_empty "$T/out"
		[ ! -e "$T/screen" ] || fail "the screen folder is there: $(ls -a "$T/screen")"
	done
}
need_film() {
	film=$T/film.mp4
	make_film "$film" 160x90 2 -g 10 "${ENCRYPTED[@]}"
}

test_a_missing_file() {
	refuses 1 'no-such-film: no such file' "$T/no-such-film"
}

test_a_name_that_moves_the_cursor() {
	refuses 1 'no.+such: no such file' "$T/no"$'\n\e[2J'such
}

test_a_text() {
	cp "$0" "$T/text.txt"
	refuses 1 'text.txt is not a film' "$T/text.txt"
	: >"$T/empty.mp4"
	refuses 1 'empty.mp4 is not a film' "$T/empty.mp4"
	refuses 1 'is not a film' "$T"
	mkfifo "$T/pipe"
	refuses 1 'pipe is not a film' "$T/pipe"
	head -c 100000 /dev/urandom >"$T/noise.mp4"
	refuses 1 'noise.mp4 is not a film' "$T/noise.mp4"
}

test_a_file_that_may_not_be_read() {
	need_user
	make_film "$T/film.mp4" 160x90 1
	chmod 0 "$T/film.mp4"
	run_with_limit 10 "${AS_USER[@]}" "$DXVAULT" play "$T/film.mp4"
	assert_status 1
	assert_one_line "$T/err"
	assert_match "$T/err" "film.mp4 can't be opened: Permission denied"
}

test_sound_alone() {
	ffmpeg -nostdin -v error -f lavfi -i sine=duration=1 "$T/sound.wav"
	refuses 1 'sound.wav has no video' "$T/sound.wav"
}

test_a_wrong_key() {
	need_film
	refuses 1 'film.mp4: wrong key' "$film" --key "${KEY/1/2}"
}

test_no_key() {
	need_film
	refuses 1 "encrypted \(KID $KID\): .*--key" "$film"
}

test_the_key_of_another_film() {
	need_film
	refuses 1 "KID $KID, which is none of the keys given" "$film" --key "${KID//0/1}:$KEY"
}

test_a_key_that_is_no_key() {
	need_film
	refuses 2 '--key: the key must have 32 hexadecimal digits' "$film" --key "${KEY%?}"
	refuses 2 '--key: the key must have 32 hexadecimal digits' "$film" --key "$KID:${KEY}0"
	refuses 2 '--key: the key must have 32 hexadecimal digits' "$film" --key ''
	refuses 2 '--key: the key has a character' "$film" --key "${KEY/1/g}"
	refuses 2 '--key: the key ID must have 32' "$film" --key "0:$KEY"
	refuses 2 '--key: the key ID has a character' "$film" --key "${KID/0/x}:$KEY"
}

test_wrong_use() {
	need_film
	refuses 2 'unrecognized option' "$film" --no-such-option
	refuses 2 'one film at a time' "$film" "$film"
	refuses 2 'which film'
	run_with_limit 10 "$DXVAULT" play "$film" --key
	assert_status 2
	assert_one_line "$T/err"
	run_with_limit 10 "$DXVAULT" no-such-command
	assert_status 2
	assert_one_line "$T/err"
	run_with_limit 10 "$DXVAULT" info --no-such-option
	assert_status 2
	assert_one_line "$T/err"
}

# With the index in front, as films for the network have it, and behind the pictures, as FFmpeg writes it.
test_a_truncated_film() {
	need_film
	size=$(stat -c %s "$film")
	for cut in 20 $((size / 3)) $((size * 9 / 10)) $((size - 1)); do
		head -c "$cut" "$film" >"$T/cut.mp4"
		refuses 1 'cut.mp4 is (not a film|truncated)' "$T/cut.mp4" --key "$KEY"
	done
	for format in 'mp4 -movflags +faststart' 'mp4 -movflags +frag_keyframe+empty_moov' matroska avi mpegts; do
		# shellcheck disable=SC2086
		ffmpeg -nostdin -v error -y -decryption_key "$KEY" -i "$film" -c copy -f $format "$T/whole"
		size=$(stat -c %s "$T/whole")
		for cut in $((size / 2)) $((size - 1)); do
			head -c "$cut" "$T/whole" >"$T/cut"
			refuses 1 'cut is (not a film|truncated)' "$T/cut"
		done
	done
}

test_a_truncated_film_of_another_packager() {
	need_media film-cenc.mp4
	size=$(stat -c %s "$media")
	for cut in 700 $((size / 3)) $((size - 1)); do
		head -c "$cut" "$media" >"$T/cut.mp4"
		refuses 1 'cut.mp4 is (not a film|truncated)' "$T/cut.mp4" --key 63cb5f7184dd4b689a5c5ff11ee6a328
	done
}

# Damage in the middle shows when half of the film has been presented.
test_a_damaged_film() {
	need_film
	size=$(stat -c %s "$film")
	for at in 40 55; do
		cp "$film" "$T/damaged.mp4"
		head -c 3000 /dev/urandom | dd of="$T/damaged.mp4" bs=1 seek=$((size * at / 100)) conv=notrunc status=none
		run_with_limit 10 "$DXVAULT" play "$T/damaged.mp4" --key "$KEY" --screen "$T/screen" --json
		assert_status 1
		assert_one_line "$T/err"
		assert_match "$T/err" '^dxvault: .*damaged'
		assert_empty "$T/out"
		rm -rf "$T/screen"
	done
}

test_a_screen_folder_that_is_none() {
	need_film
	echo mine >"$T/file"
	for place in "$T/file" "$T/none/screen" /proc/screen; do
		run_with_limit 10 "$DXVAULT" play "$film" --key "$KEY" --screen "$place"
		assert_status 1
		assert_one_line "$T/err"
		assert_match "$T/err" "^dxvault: screen folder $place: "
	done
	assert_equal "$(cat "$T/file")" mine
}

test_a_screen_folder_that_may_not_be_written() {
	need_user
	need_film
	mkdir -m 555 "$T/screen"
	run_with_limit 10 "${AS_USER[@]}" "$DXVAULT" play "$film" --key "$KEY" --screen "$T/screen"
	assert_status 1
	assert_one_line "$T/err"
	assert_match "$T/err" "^dxvault: screen folder $T/screen: Permission denied"
	assert_equal "$(ls -A "$T/screen")" ''
}

# A folder in the place of one of the files: the service finds that out, and it alone speaks.
test_a_screen_file_that_cannot_be_made() {
	need_film
	mkdir -p "$T/screen/contact-sheet.png/keep"
	run_with_limit 10 "$DXVAULT" play "$film" --key "$KEY" --screen "$T/screen"
	assert_status 1
	assert_one_line "$T/err"
	assert_match "$T/err" "^dxvaultd: error: screen folder $T/screen: "
	assert_equal "$(find "$T/screen" -type f)" ''
}

# A service that others share has nothing left of all these.
test_a_shared_service_is_clean_afterwards() {
	need_film
	use_service --idle-seconds 30
	service=$(info 'd["service_process"]')
	openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=another -keyout /dev/null -out "$T/another.pem" 2>/dev/null
	head -c 20000 "$film" >"$T/cut.mp4"
	for arguments in "$film --key ${KEY/1/2}" "$T/cut.mp4 --key $KEY" "$film --key $KEY --trust $T/another.pem" \
		"$film --key $KEY --trust $film" "$T/none"; do
		# shellcheck disable=SC2086
		run_with_limit 10 "$DXVAULT" play $arguments
		assert_status 1
		assert_one_line "$T/err"
	done
	assert_no_objects
	assert_equal "$(json "$T/info.json" 'd["service_process"]')" "$service"
	kill "$service"
}

run_tests
