# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# For system tests in bash. A test is a script that sources this, defines functions test_NAME and ends with run_tests:
#
#	#!/usr/bin/env bash
#	# limit: 60              seconds for the whole script
#	# alone                  where a measurement bears no neighbour
#	. "$(dirname "$0")/lib.sh"
#	test_missing_file() {
#		run_with_limit 10 "$DXVAULT" play "$T/no-such-film"
#		assert_status 1
#		assert_one_line "$T/err"
#	}
#	run_tests
#
# Each case runs in a subshell under set -eu, in a folder $T of its own that is removed afterwards, with XDG_RUNTIME_DIR,
# XDG_STATE_HOME, DXVAULT_RUNTIME_DIR and TMPDIR in there, so it meets no other test's service. After the case nothing may
# be left: see left_behind. Run by hand: bash tests/system/NAME.sh [CASE...].

# Become the one that orphans fall to, so that a daemon's processes are still found below this shell.
if [ "${DXVAULT_TEST_PID-}" != $$ ]; then
	export DXVAULT_TEST_PID=$$
	exec python3 -c 'import ctypes, os, sys
ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER
os.execvp(sys.argv[1], sys.argv[1:])' bash "$0" "$@"
fi

TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
BUILD=${DXVAULT_BUILD:-$TOP/build}
DXVAULT=$BUILD/src/tools/dxvault
DXVAULTD=$BUILD/src/service/dxvaultd
SAMPLE=$BUILD/sample/sample.mp4
SAMPLE_KEY=$BUILD/sample/key # the file; its text is KID:KEY
if [ -z "${DXVAULT_TEST_MEDIA-}" ] && [ -d "$TOP/../shared/media" ]; then
	DXVAULT_TEST_MEDIA=$(cd "$TOP/../shared/media" && pwd)
	export DXVAULT_TEST_MEDIA
fi
unset DXVAULT_SERVICE DXVAULT_UMD DXVAULT_STATE_DIR DXVAULT_SOCKET_FD
CASES=("$@")
T=
# What is linked with libraries that were built with a sanitizer is built with it too.
if [ -n "${DXVAULT_SANITIZED-}" ]; then
	cc() { command cc "$@" "-fsanitize=$DXVAULT_SANITIZED"; }
	gcc() { command gcc "$@" "-fsanitize=$DXVAULT_SANITIZED"; }
	g++() { command g++ "$@" "-fsanitize=$DXVAULT_SANITIZED"; }
fi

# ---- running ------------------------------------------------------------------------------------------------------

# run_with_limit SECONDS COMMAND...: never fails itself; sets status; output in $T/out, errors in $T/err.
run_with_limit() {
	local seconds=$1
	shift
	status=0
	timeout --kill-after=5 "$seconds" "$@" >"$T/out" 2>"$T/err" </dev/null || status=$?
	[ "$status" -ne 124 ] && [ "$status" -ne 137 ] || fail "took longer than $seconds s: $*"
}

# start COMMAND...: in the background, with SIGINT not ignored; sets pid; output in $T/start.out, errors in $T/start.err.
start() {
	rm -f "$T/start.out" "$T/start.err" # those of an earlier one must not be read as this one's
	env --default-signal=INT,QUIT,HUP "$@" >"$T/start.out" 2>"$T/start.err" </dev/null &
	pid=$!
}

# "${UNDISTURBED[@]}" COMMAND..., for what is measured: before all others on this machine, where that is allowed (to root).
UNDISTURBED=()
[ "$(nice -n -20 nice 2>/dev/null)" -ge 0 ] || UNDISTURBED=(nice -n -20)
# The same, on one processor: who wakes whom on another one takes times that differ from run to run.
MEASURED=("${UNDISTURBED[@]}" taskset -c "$(python3 -c 'import os; print(min(os.sched_getaffinity(0)))')")

# come_first: the whole script before the sessions of others, each of which has a share of its own where the kernel groups
# them (autogroup(7)), whatever its processes' niceness.
come_first() {
	{ echo -20 >/proc/self/autogroup; } 2>/dev/null || true
}

# finish SECONDS PID: waits for what start started; sets status.
finish() {
	local end=$((SECONDS + $1)) state
	while state=$(process_state "$2") && [ "$state" != Z ]; do
		[ "$SECONDS" -le "$end" ] || fail "process $2 still runs after $1 s"
		sleep 0.05
	done
	status=0
	wait "$2" || status=$?
}

# wait_for SECONDS COMMAND...: until it succeeds.
wait_for() {
	local seconds=$1 end=$((SECONDS + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "$SECONDS" -le "$end" ] || fail "waited $seconds s in vain for: $*"
		sleep 0.05
	done
}

# need_user: "${AS_USER[@]}" COMMAND... then runs a command as an ordinary user (nobody, where this is root) who owns the
# case's folders. Skips the case where that user cannot reach the build.
need_user() {
	AS_USER=()
	[ "$(id -u)" -eq 0 ] || return 0
	AS_USER=(setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all --bounding-set=-all)
	chmod 711 "$T"
	chown -R 65534:65534 "$T/run" "$T/state" "$T/tmp"
	"${AS_USER[@]}" test -x "$DXVAULT" 2>/dev/null || skip "an ordinary user cannot reach $BUILD"
}
need_media() { # need_media NAME: sets media to the path of a file of DXVAULT_TEST_MEDIA
	[ -n "${DXVAULT_TEST_MEDIA-}" ] || skip "DXVAULT_TEST_MEDIA is not set"
	media=$DXVAULT_TEST_MEDIA/$1
	[ -e "$media" ] || skip "$media is missing"
}
need_sample() { # build/sample/sample.mp4
	[ -s "$SAMPLE" ] && [ -s "$SAMPLE_KEY" ] || "$TOP/scripts/make-sample" "$SAMPLE"
}

# ---- dxvault ------------------------------------------------------------------------------------------------------

# What scripts/make-sample and make_film encrypt with: a test's key, public.
KID=0d1ec7ed5a3b4c2f9e8d7c6b5a493827
KEY=1b4f0e9851971998e732078544c96b36

# use_ready_keys: for a script to which it does not matter that a service makes its RSA keys itself, each time; they are more
# than half of what most cases cost. The service is the same but for that (tests/keys). DXVAULT_LONG=1: it makes its own.
use_ready_keys() {
	[ -z "${DXVAULT_LONG-}" ] || return 0
	export DXVAULT_TEST_KEYS=${DXVAULT_TEST_KEYS:-$BUILD/test-keys}
	mkdir -p "$DXVAULT_TEST_KEYS"
	DXVAULTD=$BUILD/tests/keys/dxvaultd
	export DXVAULT_SERVICE=$DXVAULTD
}

# use_service OPTION...: services of this case get these options too.
use_service() {
	printf '#!/bin/sh\nexec "%s" "$@" %s\n' "$DXVAULTD" "$*" >"$T/dxvaultd"
	chmod 755 "$T/dxvaultd"
	export DXVAULT_SERVICE=$T/dxvaultd
}

# make_film FILE SIZE SECONDS [FFMPEG_OPTION...]: moving content, 25 pictures a second; add "${ENCRYPTED[@]}" for cenc.
ENCRYPTED=(-encryption_scheme cenc-aes-ctr -encryption_key "$KEY" -encryption_kid "$KID")
make_film() {
	ffmpeg -nostdin -v error -y -f lavfi -i "testsrc2=size=$2:rate=25:duration=$3" -c:v libx264 -preset ultrafast \
		-pix_fmt yuv420p "${@:4}" "$1"
}

# need_long_film: sets film to one that takes seconds to play: 1280x720, 100 s, encrypted, and nothing new after 4 s.
need_long_film() {
	film=$BUILD/sample/long.mp4
	[ -s "$film" ] && return
	mkdir -p "$BUILD/sample"
	make_film "$T/short.mp4" 1280x720 4 -bf 0 -crf 35
	ffmpeg -nostdin -v error -y -stream_loop 24 -i "$T/short.mp4" -c copy "${ENCRYPTED[@]}" "$T/long.mp4"
	mv -f "$T/long.mp4" "$film.$$" && mv -f "$film.$$" "$film"
}

# reference FILE [FFMPEG_OPTION...]: what FFmpeg itself gets out of a film, as framemd5, goes to $T/reference.
reference() {
	ffmpeg -nostdin -v error "${@:2}" -i "$1" -map 0:v -pix_fmt nv12 -f framemd5 - >"$T/reference"
}

# assert_pictures SCREEN_FILE [part]: its lines are those of $T/reference; with part: are the first of them, and whole.
assert_pictures() {
	grep -v '^#' "$T/reference" >"$T/expected" || fail "the reference has no picture"
	grep -v '^#' "$1" >"$T/shown" || fail "$1 has no picture"
	if [ "${2-}" = part ]; then
		[ -z "$(tail -c 1 "$1")" ] || fail "the last line of $1 is not whole: $(tail -n 1 "$1")"
		head -n "$(wc -l <"$T/shown")" "$T/expected" >"$T/first" && mv "$T/first" "$T/expected"
	fi
	assert_same "$T/expected" "$T/shown"
}

# lines FILE: how many pictures it lists so far. more_than NUMBER FILE: for wait_for.
lines() {
	grep -vc '^#' "$1" 2>/dev/null || true
}
more_than() {
	[ "$(lines "$2")" -gt "$1" ]
}

# json FILE EXPRESSION: of what a program printed, as d, in Python; strings and numbers as they are.
json() {
	python3 -c 'import json, sys
d = json.load(open(sys.argv[1]))
print(eval(sys.argv[2]))' "$1" "$2"
}

# info EXPRESSION: of dxvault info --json.
info() {
	"$DXVAULT" info --json >"$T/info.json" && json "$T/info.json" "$1"
}
assert_no_objects() {
	assert_equal "$(info '[k for k, v in d["objects"].items() if v]')" '[]'
	assert_equal "$(json "$T/info.json" 'd["picture_bytes"]')" 0
}

# child_of PID NAME: sets child to the process that PID has started from a program of that name.
child_of() {
	child=$(pgrep -P "$1" -f "/$2( |\$)" | head -n 1)
	[ -n "$child" ] || fail "process $1 has no $2"
}
is_gone() { # PID
	local state
	state=$(process_state "$1") || return 0
	[ "$state" = Z ]
}

# ---- verdicts -----------------------------------------------------------------------------------------------------

fail() {
	echo "$*"
	exit 1
}
skip() {
	echo "$*" >"$T/skip"
	exit 77
}
# A line in $T/note is printed with the case that passed.
assert_status() {
	[ "$status" -eq "$1" ] || fail "exit status $status, not $1; standard error: $(head -c 2000 "$T/err" 2>/dev/null)"
}
assert_fails() { # by a decision of its own, not by a signal
	[ "$status" -ne 0 ] && [ "$status" -lt 126 ] || fail "exit status $status: no plain failure; $(head -c 2000 "$T/err")"
}
assert_equal() {
	[ "$1" = "$2" ] || fail "$1 is not $2"
}
assert_match() { # FILE REGEX
	grep -Eq -- "$2" "$1" || fail "nothing in $1 matches $2; it says: $(head -c 2000 "$1")"
}
assert_no_match() {
	! grep -Eq -- "$2" "$1" || fail "$1 matches $2: $(grep -E -- "$2" "$1" | head -n 5)"
}
assert_one_line() { # FILE holds one line and no more
	[ "$(wc -l <"$1")" -eq 1 ] || fail "not one line in $1: $(head -c 2000 "$1")"
}
assert_empty() {
	[ ! -s "$1" ] || fail "$1 is not empty: $(head -c 2000 "$1")"
}
assert_same() { # two files
	cmp -s -- "$1" "$2" || fail "$1 and $2 differ: $(diff -- "$1" "$2" | head -n 10)"
}

# ---- what is left -------------------------------------------------------------------------------------------------

process_state() { # PID: one letter
	local text
	# Not $(<file): where the file has gone, bash 5.2 ends the whole subshell, whatever stands around it.
	{ IFS= read -r text <"/proc/$1/stat"; } 2>/dev/null || return 1
	text=${text##*) }
	echo "${text%% *}"
}

# The live processes of this test besides the shells that ask: PIDs, one a line.
processes() {
	local -A parent=() ours=([$$]=1) asking=()
	local path text pid grew=1
	for path in /proc/[0-9]*/stat; do
		{ IFS= read -r text <"$path"; } 2>/dev/null || continue
		pid=${path#/proc/}
		pid=${pid%/stat}
		text=${text##*) }
		[ "${text%% *}" = Z ] || { text=${text#* } && parent[$pid]=${text%% *}; }
	done
	pid=$BASHPID
	while [ -n "$pid" ] && [ "$pid" != $$ ]; do
		asking[$pid]=1
		pid=${parent[$pid]-}
	done
	while [ $grew = 1 ]; do
		grew=0
		for pid in "${!parent[@]}"; do
			if [ -z "${ours[$pid]-}" ] && [ -n "${ours[${parent[$pid]}]-}" ]; then
				ours[$pid]=1 grew=1
			fi
		done
	done
	for pid in "${!ours[@]}"; do
		[ "$pid" = $$ ] || [ -n "${asking[$pid]-}" ] || [ ! -e "/proc/$pid" ] || echo "$pid"
	done
}

shared_memory() {
	find /dev/shm -mindepth 1 -user "$EUID" 2>/dev/null | sort
}
# Temporary files elsewhere than in $T that have our name on them; not the user's own service's (dxvault-UID), nor those
# of a unit test or a conformance run at the same time (dxvault-test-..., dxvault-conform-...).
stray_files() {
	find /tmp /var/tmp -mindepth 1 -maxdepth 1 -name '*dxvault*' ! -name 'dxvault-[0-9]*' ! -name 'dxvault-test-*' \
		! -name 'dxvault-conform-*' 2>/dev/null | sort
}

strays() { # since the case began
	comm -13 "$T/.shm" <(shared_memory)
	comm -13 "$T/.stray" <(stray_files)
}

# left_behind [SECONDS]: says what there still is, SECONDS (default 15, the service may take its time) after the last use:
# processes, files and sockets in the runtime and temporary folders, shared memory. Succeeds if there is something, so:
#	! left_behind || exit 1
# run_tests does this after every case. The service's empty lock file may stay.
# shellcheck disable=SC2120 # the cases may ask sooner
left_behind() {
	local end=$((SECONDS + ${1:-15})) pids pid found=no rest stray=
	# What another job on this machine has in /tmp goes too, sooner or later.
	while pids=$(processes) && stray= && [ "$SECONDS" -le "$end" ]; do
		[ -n "$pids" ] || stray=$(strays)
		[ -n "$pids$stray" ] || break
		sleep 0.1
	done
	for pid in $pids; do
		echo "left behind: process $pid: $(tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null)"
		found=yes
	done
	stray=$(strays)
	rest=$(find "$T/run" "$T/tmp" -mindepth 1 ! \( -type d -path "$T/run/*" \) ! \( -type f -name '*.lock' -empty \) 2>/dev/null)
	rest+=${stray:+${rest:+$'\n'}$stray}
	if [ -n "$rest" ]; then
		echo "left behind: $rest"
		found=yes
	fi
	[ $found = yes ]
}

# An installation's root key takes a second to make, so every case gets a copy of the same one, made by the first of them.
# Where the first start is the subject: new_installation.
ROOT_KEY=$BUILD/test-root-key
need_root_key() {
	[ "$ROOT_KEY/root.crt" -nt "$BUILD/src/service/dxvaultd" ] || make_root_key >/dev/null 2>&1
}
make_root_key() (
	flock 9
	[ ! "$ROOT_KEY/root.crt" -nt "$BUILD/src/service/dxvaultd" ] || exit 0
	rm -rf -- "$ROOT_KEY"
	export XDG_STATE_HOME=$T/tmp/state DXVAULT_RUNTIME_DIR=$T/tmp/run
	mkdir "$T/tmp/state"
	pid=$("$DXVAULT" info --json | sed -n 's/.*"service_process": \([0-9]*\).*/\1/p')
	kill "$pid" && wait_for 10 is_gone "$pid"
	mv -- "$T/tmp/state/dxvault" "$ROOT_KEY" && rm -r "$T/tmp/state" "$T/tmp/run"
) 9>"$BUILD/.test-root-key.lock"
new_installation() {
	rm -r -- "$T/state/dxvault"
}

# ---- the cases ----------------------------------------------------------------------------------------------------

begin_case() {
	T=$(mktemp -d /tmp/dxvt.XXXXXX)
	mkdir -m 700 "$T/run" "$T/state" "$T/tmp"
	export XDG_RUNTIME_DIR=$T/run XDG_STATE_HOME=$T/state DXVAULT_RUNTIME_DIR=$T/run/dxvault TMPDIR=$T/tmp
	# A case ends when its service has left: sooner than it would for a person.
	mkdir -p "$T/config/dxvault"
	echo 'idle-seconds = 1' >"$T/config/dxvault/dxvaultd.conf"
	export XDG_CONFIG_HOME=$T/config
	! need_root_key || cp -a "$ROOT_KEY" "$T/state/dxvault"
	shared_memory >"$T/.shm"
	stray_files >"$T/.stray"
}
end_case() {
	local pid
	[ -n "$T" ] || return 0
	for pid in $(processes); do
		kill -KILL "$pid" 2>/dev/null || true
	done
	rm -rf -- "$T"
	T=
}

# One case, in a folder of its own; sets result.
run_case() {
	begin_case
	(
		set -eu
		# What ended a case without a word is named.
		trap 'ended=$?; [ $ended -eq 0 ] || [ -s "$T/.log" ] || echo "status $ended: $BASH_COMMAND"' EXIT
		"$name"
	) >"$T/.log" 2>&1
	result=$?
	# Nobody waits for what a failed case has left.
	if left_behind $((result == 0 || result == 77 ? 15 : 0)) >"$T/.left"; then
		[ $result -ne 0 ] || result=1
		cat "$T/.left" >>"$T/.log"
	fi
}

run_tests() {
	local name title result failed=0
	trap end_case EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
	# In the order in which they stand in the script.
	for name in $(grep -Eo '^test_[A-Za-z0-9_]+ *\(\)' "$0" | tr -d ' ()'); do
		title=${name#test_}
		if [ ${#CASES[@]} -gt 0 ] && [[ " ${CASES[*]} " != *" $title "* ]]; then
			continue
		fi
		title=${title//_/ }
		run_case
		if [ $result -eq 0 ]; then
			echo "ok $title$([ ! -s "$T/note" ] || echo ": $(cat "$T/note")")"
		elif [ $result -eq 77 ] && [ -s "$T/skip" ] && [ ! -s "$T/.left" ]; then
			echo "skip $title: $(head -n 1 "$T/skip")"
		else
			echo "not ok $title"
			sed 's/^/    /' "$T/.log"
			[ -s "$T/.log" ] || echo "    exit status $result"
			failed=1
		fi
		end_case
	done
	trap - EXIT
	exit $failed
}
