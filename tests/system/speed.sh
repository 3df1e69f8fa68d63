#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# limit: 120
# alone
# How long a 1080p film takes, beside FFmpeg's decoding it to nowhere: both in turns, the best of three each.
. "$(dirname "$0")/lib.sh"

# 10 s at about 8 Mbit/s, with the tools that films use: CABAC, B pictures, the deblocking filter.
need_hd_film() {
	film=$BUILD/sample/1080p.mp4
	[ -s "$film" ] && return
	mkdir -p "$BUILD/sample"
	ffmpeg -nostdin -v error -f lavfi -i testsrc2=size=1920x1080:rate=25:duration=2.5 -vf noise=alls=7:allf=t \
		-c:v libx264 -preset veryfast -b:v 8M -maxrate 8M -bufsize 8M -g 50 -bf 2 -pix_fmt yuv420p "$T/part.mp4"
	ffmpeg -nostdin -v error -stream_loop 3 -i "$T/part.mp4" -c copy "${ENCRYPTED[@]}" "$T/whole.mp4"
	mv -f "$T/whole.mp4" "$film.$$" && mv -f "$film.$$" "$film"
}

# milliseconds COMMAND...: of wall time; sets took.
milliseconds() {
	local begin
	begin=$(date +%s%N)
	"$@" >"$T/out" 2>"$T/err" </dev/null || fail "failed: $*: $(cat "$T/err")"
	took=$((($(date +%s%N) - begin) / 1000000))
}

# One after the other, so that a busy machine slows both, and with the machine for themselves where that is allowed. The best
# of each counts: others only ever make it slower. Further turns are for a machine that is busy, and change nothing elsewhere.
test_speed() {
	[ -z "${DXVAULT_SANITIZED-}" ] || skip "a build with sanitizers is not for measuring"
	need_hd_film
	own=1000000 ffmpeg=1000000 percent=1000000
	for turn in 1 2 3 4 5 6 7; do
		milliseconds "${UNDISTURBED[@]}" "$DXVAULT" play "$film" --key "$KEY" --json
		echo "dxvault: $took ms"
		[ $took -ge $own ] || own=$took
		milliseconds "${UNDISTURBED[@]}" ffmpeg -nostdin -v error -decryption_key "$KEY" -i "$film" -map 0:v -f null -
		echo "ffmpeg: $took ms"
		[ $took -ge $ffmpeg ] || ffmpeg=$took
		percent=$((own * 100 / ffmpeg))
		[ $turn -eq 1 ] || [ $percent -gt 160 ] || break
	done
	printf '%d.%02d times the time of ffmpeg: %d ms, %d ms\n' $((percent / 100)) $((percent % 100)) $own $ffmpeg | tee "$T/note"
	[ $percent -le 160 ] || fail "more than 1.60 times as long as ffmpeg"
}

run_tests
