#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# limit: 120
# Films that play: what the screen shows is what FFmpeg decodes, picture for picture.
. "$(dirname "$0")/lib.sh"
use_ready_keys

# plays FILE [OPTION...]: with a screen in $T/screen.
plays() {
	run_with_limit 60 "$DXVAULT" play "$@" --screen "$T/screen"
	assert_status 0
	assert_no_match "$T/err" dxvault
	assert_equal "$(find "$T/screen" -mindepth 1 -printf '%f\n' | sort | xargs)" "contact-sheet.png screen.framemd5"
}

# sheet_size: WIDTHxHEIGHT of the contact sheet, which FFmpeg decodes to the end.
sheet_size() {
	ffmpeg -nostdin -v error -xerror -i "$T/screen/contact-sheet.png" -f null - 2>&1
	ffprobe -v error -select_streams v -show_entries stream=codec_name,width,height -of csv=p=0:s=x "$T/screen/contact-sheet.png"
}
assert_sheet() { # MINIMUM_WIDTH MINIMUM_HEIGHT
	local size
	size=$(sheet_size)
	[[ $size =~ ^pngx([0-9]+)x([0-9]+)$ ]] || fail "the contact sheet is no good PNG: $size"
	[ "${BASH_REMATCH[1]}" -ge "$1" ] && [ "${BASH_REMATCH[1]}" -le 4096 ] && [ "${BASH_REMATCH[2]}" -ge "$2" ] &&
		[ "${BASH_REMATCH[2]}" -le 4096 ] || fail "the contact sheet measures $size"
}

test_the_sample() {
	need_sample
	plays "$SAMPLE" --key "$(cat "$SAMPLE_KEY")"
	reference "$SAMPLE" -decryption_key "$KEY"
	assert_pictures "$T/screen/screen.framemd5"
	assert_equal "$(lines "$T/screen/screen.framemd5")" 125
	assert_sheet 640 480
	assert_match "$T/out" '^Presented: +125 frames of 1280x720 in [0-9.]+ s, [0-9]+ pictures per second$'
	assert_match "$T/out" '^Protected memory: (memfd_secret|mlock|unlocked) for '
	assert_match "$T/out" '^Session status: +OK$'
	assert_match "$T/out" "^Contact sheet: +$T/screen/contact-sheet.png\$"
}

test_the_film_of_another_packager() {
	need_media film-cenc.mp4
	plays "$media" --key 63cb5f7184dd4b689a5c5ff11ee6a328
	reference "$media" -decryption_key 63cb5f7184dd4b689a5c5ff11ee6a328
	assert_pictures "$T/screen/screen.framemd5"
	assert_equal "$(lines "$T/screen/screen.framemd5")" 240
	assert_sheet 640 480
}

# As the others, but each blt is a message.
test_over_the_control_path() {
	make_film "$T/film.mp4" 320x180 1 "${ENCRYPTED[@]}"
	DXVAULT_RING=off plays "$T/film.mp4" --key "$KEY"
	reference "$T/film.mp4" -decryption_key "$KEY"
	assert_pictures "$T/screen/screen.framemd5"
	assert_equal "$(lines "$T/screen/screen.framemd5")" 25
}

test_summary_for_programs() {
	make_film "$T/film.mp4" 320x180 1 "${ENCRYPTED[@]}"
	plays "$T/film.mp4" --key "$KID:$KEY" --json
	assert_empty "$T/err"
	assert_equal "$(json "$T/out" '"%(width)dx%(height)d %(frames_presented)d %(session_status)s %(encrypted)s" % d')" \
		'320x180 25 OK True'
	assert_equal "$(json "$T/out" '[d["file"], d["contact_sheet"], d["framemd5"]]')" \
		"['$T/film.mp4', '$T/screen/contact-sheet.png', '$T/screen/screen.framemd5']"
	assert_equal "$(json "$T/out" 'd["seconds"] > 0 and d["pictures_per_second"] > 0')" True
	# The strongest memory, or else a reason.
	assert_equal "$(json "$T/out" '(d["key_memory"] == d["picture_memory"] == "memfd_secret") == (d["memory_reason"] == "")')" True
}

test_without_a_screen_no_picture_comes_out() {
	use_service --idle-seconds 60
	make_film "$T/film.mp4" 320x180 1 "${ENCRYPTED[@]}"
	cd "$T/tmp" || exit
	service=$(info 'd["service_process"]')
	run_with_limit 20 "$DXVAULT" play "$T/film.mp4" --key "$KEY" --json
	assert_status 0
	assert_equal "$(json "$T/out" '(d["frames_presented"], d["contact_sheet"], d["framemd5"])')" '(25, None, None)'
	assert_no_objects
	assert_equal "$(info 'd["service_process"]')" "$service"
	kill "$service"
}

test_one_of_many_keys() {
	make_film "$T/film.mp4" 160x90 1 "${ENCRYPTED[@]}"
	plays "$T/film.mp4" --key "${KID//0/1}:${KEY//1/2}" --key "${KID^^}:${KEY^^}"
	reference "$T/film.mp4" -decryption_key "$KEY"
	assert_pictures "$T/screen/screen.framemd5"
}

test_a_clear_film() {
	"$TOP/scripts/make-sample" --clear --size 320x180 --seconds 1 "$T/film.mp4"
	plays "$T/film.mp4"
	reference "$T/film.mp4"
	assert_pictures "$T/screen/screen.framemd5"
	assert_match "$T/out" '^Film: +clear$'
}

test_a_clear_film_in_another_container() {
	make_film "$T/film.mkv" 320x180 1
	plays "$T/film.mkv"
	reference "$T/film.mkv"
	assert_pictures "$T/screen/screen.framemd5"
}

test_an_odd_size() {
	# Odd both ways; H.264 in 4:4:4 allows that.
	make_film "$T/film.mp4" 640x360 1 -vf scale=333:187 -pix_fmt yuv444p "${ENCRYPTED[@]}"
	plays "$T/film.mp4" --key "$KEY"
	reference "$T/film.mp4" -decryption_key "$KEY"
	assert_pictures "$T/screen/screen.framemd5"
	assert_match "$T/screen/screen.framemd5" '^#dimensions 0: 333x187$'
}

test_reordered_pictures() {
	make_film "$T/film.mp4" 320x180 2 -preset medium -bf 3 -g 24 "${ENCRYPTED[@]}"
	plays "$T/film.mp4" --key "$KEY"
	reference "$T/film.mp4" -decryption_key "$KEY"
	assert_pictures "$T/screen/screen.framemd5"
}

# Wide pixels: the sheet's pictures are as wide as the film is meant to be.
test_pixels_that_are_not_square() {
	make_film "$T/film.mp4" 240x240 1 -vf setsar=16/9 "${ENCRYPTED[@]}"
	plays "$T/film.mp4" --key "$KEY"
	reference "$T/film.mp4" -decryption_key "$KEY"
	assert_pictures "$T/screen/screen.framemd5"
	wide=$(sheet_size)
	make_film "$T/film.mp4" 240x240 1 "${ENCRYPTED[@]}"
	plays "$T/film.mp4" --key "$KEY"
	square=$(sheet_size)
	python3 - "$wide" "$square" <<-'END' || fail "sheets: wide $wide, square $square"
		import sys
		wide, square = ([int(n) for n in size.split("x")[1:]] for size in sys.argv[1:])
		sys.exit(not wide[0] / wide[1] > 1.4 * square[0] / square[1])
	END
}

# The list has the pictures as they are stored; the sheet, which is for people, has them upright.
test_a_turned_film() {
	make_film "$T/straight.mp4" 320x160 1
	ffmpeg -nostdin -v error -i "$T/straight.mp4" -c copy -metadata:s:v:0 rotate=90 "${ENCRYPTED[@]}" "$T/film.mp4"
	plays "$T/film.mp4" --key "$KEY"
	reference "$T/film.mp4" -noautorotate -decryption_key "$KEY"
	assert_pictures "$T/screen/screen.framemd5"
	turned=$(sheet_size)
	plays "$T/straight.mp4"
	straight=$(sheet_size)
	python3 - "$turned" "$straight" <<-'END' || fail "sheets: turned $turned, straight $straight"
		import sys
		turned, straight = ([int(n) for n in size.split("x")[1:]] for size in sys.argv[1:])
		sys.exit(not turned[0] / turned[1] < 0.7 * straight[0] / straight[1])
	END
}

# What is there already is replaced, also by a shorter film, and a link in its place is not followed.
test_a_used_screen_folder() {
	make_film "$T/long.mp4" 160x90 2
	make_film "$T/film.mp4" 160x90 1
	plays "$T/long.mp4"
	echo precious >"$T/precious"
	ln -sf "$T/precious" "$T/screen/contact-sheet.png"
	plays "$T/film.mp4"
	reference "$T/film.mp4"
	assert_pictures "$T/screen/screen.framemd5"
	assert_equal "$(cat "$T/precious")" precious
	assert_sheet 300 100
}

run_tests
