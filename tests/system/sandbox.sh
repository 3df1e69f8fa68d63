#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# limit: 120
# The service's sandbox, tried from inside: helpers/sandbox-try.c is preloaded into the shipped program. What is tried is tried
# once more where the part of the sandbox that should hold it back is missing: there it must get through.
. "$(dirname "$0")/lib.sh"

TRY=$BUILD/tests/system/helpers/libsandbox-try.so

need_sandbox() { # PART...: skips where this system or build can't have it
	local reason
	[ -z "${DXVAULT_SANITIZED-}" ] || skip "a sanitizer makes system calls of its own, so the service has no sandbox"
	info 'd["sandbox"]' >"$T/parts"
	reason=$(json "$T/info.json" 'd["sandbox_reason"]')
	for part; do
		grep -q "$part" "$T/parts" && continue
		[[ $reason =~ 'is not in this kernel, or off'|'built without libseccomp' ]] || fail "no $part: $reason"
		skip "$reason"
	done
	end_service "$T/info.json"
}
end_service() { # FILE of dxvault info
	# It may have left by itself.
	kill "$(json "$1" 'd["service_process"]')" 2>/dev/null || true
	wait_for 20 test ! -e "$DXVAULT_RUNTIME_DIR/service.lock"
}

# try NAME [ARGUMENT]: sets status and said. WITHOUT: the part that the system is to lack; OPTIONS: of the service.
OPTIONS=()
try() {
	run_with_limit 30 env LD_PRELOAD="$TRY" DXVAULT_TRY="$1" DXVAULT_TRY_ARGUMENT="${2-}" \
		DXVAULT_TRY_WITHOUT="${WITHOUT-}" "$DXVAULTD" --idle-seconds 60 --log-level error "${OPTIONS[@]}"
	said=$(cat "$T/out")
	# It ended without a farewell.
	rm -f "$DXVAULT_RUNTIME_DIR/service.sock"
}

# kills NAME [ARGUMENT]: by SIGSYS, and not without the filter. refuses ERROR PART NAME [ARGUMENT]: the same of a part.
kills() {
	try "$@"
	[ "$status" -eq 159 ] || fail "$1: status $status, not killed by SIGSYS; it said: $said"
	WITHOUT=seccomp try "$@"
	[ "$status" -eq 0 ] || fail "$1 without the filter: status $status: $(cat "$T/err")"
	tried+=" $1"
}
refuses() {
	try "${@:3}"
	[ "$status $said" = "0 $1" ] || fail "${*:3}: status $status, it said: $said, not $1"
	WITHOUT=$2 try "${@:3}"
	[ "$status" -eq 0 ] && [ "$said" != "$1" ] || fail "${*:3} without $2: status $status, it said: $said"
	tried+=" $3"
}

# Another process of this user; the case ends it.
another_process() {
	sleep 60 &
	other=$!
}

test_what_kills_the_service() { # SEC-21, SEC-22, SEC-23
	local name
	need_sandbox seccomp
	another_process
	echo text >"$T/beside"
	kills create "$T/new"
	for name in write truncate rename chmod; do
		kills $name "$T/beside"
	done
	kills temporary "$T"
	kills mkdir "$T/folder"
	rmdir "$T/folder" 2>/dev/null || true
	for name in execve fork vfork new-namespace; do
		kills $name
	done
	for name in inet netlink alg datagrams connect sendto setsockopt; do
		kills $name
	done
	for name in map-code make-code make-code-with-key personality; do
		kills $name
	done
	for name in ptrace read-process write-process kill tgkill pidfd-signal pidfd-getfd limit-of-another priority owner; do
		kills $name $other
	done
	for name in setuid capset unshare setns mount chroot dumpable raise-limit; do
		kills $name
	done
	for name in bpf perf uring keyctl userfaultfd terminal unknown; do
		kills $name
	done
	kill $other
	echo "$tried" | wc -w | sed 's/$/ calls/' >"$T/note"
}

test_calls_by_other_numbers() { # SEC-21
	need_sandbox seccomp
	[ "$(uname -m)" = x86_64 ] || skip "this processor has one set of numbers"
	# Where the kernel has no such set itself, the second try ends otherwise than by a return.
	for name in x32 i386; do
		try $name
		[ "$status" -eq 159 ] || fail "$name: status $status, not killed by SIGSYS; it said: $said"
	done
}

test_what_is_refused() { # SEC-22
	need_sandbox seccomp Landlock
	another_process
	echo text >"$T/run/beside"
	mkdir "$T/tmp/screen"
	# Landlock alone stands before these.
	refuses EACCES landlock open /etc/passwd
	refuses EACCES landlock open "$T/run/beside"
	refuses EACCES landlock open "$T/state/dxvault/root.key"
	refuses EACCES landlock open-folder "$T/run"
	refuses EACCES landlock open-folder /proc
	refuses EACCES landlock remove "$T/run/beside"
	refuses EACCES seccomp unix
	refuses ENOSYS seccomp clone3
	# Without capabilities root's own processes are out of reach as well: the other part that may do it.
	try open "/proc/$other/mem"
	assert_equal "$status $said" '0 EACCES'
	try open "/proc/$other/environ"
	assert_equal "$status $said" '0 EACCES'
	OPTIONS=(--sandbox off)
	try open "/proc/$other/environ"
	assert_equal "$status $said" '0 done'
	kill $other
	rm -rf "$T/run/beside" "$T/tmp/screen"
}

test_what_goes_on_working() {
	need_sandbox seccomp Landlock
	another_process
	# What it knows of a client.
	try open "/proc/$other/stat"
	assert_equal "$status $said" '0 done'
	try open "/proc/$other/comm"
	assert_equal "$status $said" '0 done'
	kill $other
	# Its own files, and those of the screen.
	try remove "$DXVAULT_RUNTIME_DIR/service.sock"
	assert_equal "$status $said" '0 done'
	mkdir "$T/tmp/screen"
	OPTIONS=(--screen "$T/tmp/screen")
	try remove "$T/tmp/screen/contact-sheet.png"
	assert_equal "$status $said" '0 done'
	[ ! -e "$T/tmp/screen/contact-sheet.png" ] || fail "it is still there"
	OPTIONS=()
	# To say something where the log's socket broke, and to stop on a mistake of its own.
	try log
	assert_equal "$status $said" '0 done'
	try abort
	assert_equal "$status" 134
	rm -r "$T/tmp/screen"
}

test_each_attempt_is_made() {
	need_sandbox seccomp
	try list
	assert_status 0
	while read -r name; do
		grep -E '^\s*(for name in|kills|refuses|try) ' "$0" | grep -Eq " $name( |;|\$)" || fail "nobody tries $name"
	done <"$T/out"
}

# status_of KEY: of all threads of process $service, each value once.
status_of() {
	sed -n "s/^$1:[[:space:]]*//p" "/proc/$service/task/"*/status | sort -u
}

test_each_thread_is_inside() { # SEC-20, SEC-21
	need_sandbox seccomp Landlock
	need_long_film
	start "$DXVAULT" play "$film" --key "$KEY" --json
	service=$(info 'd["service_process"]')
	has_workers() {
		cat "/proc/$service/task/"*/comm | grep -q dxvault-engine
	}
	wait_for 30 has_workers
	[ "$(find "/proc/$service/task" -maxdepth 1 -name '[0-9]*' | wc -l)" -ge 2 ] || fail "it has one thread"
	assert_equal "$(status_of Seccomp)" 2
	assert_equal "$(status_of NoNewPrivs)" 1
	assert_equal "$(status_of CapInh)" 0000000000000000
	assert_equal "$(status_of CapAmb)" 0000000000000000
	# Root's, where RLIMIT_MEMLOCK can't be raised.
	if [[ $(json "$T/info.json" 'd["sandbox"]') = *CAP_IPC_LOCK* ]]; then
		assert_equal "$(id -u) $(status_of CapPrm) $(status_of CapEff)" '0 0000000000004000 0000000000004000'
		echo "CAP_IPC_LOCK stays" >"$T/note"
	else
		assert_equal "$(status_of CapPrm) $(status_of CapEff)" '0000000000000000 0000000000000000'
	fi
	[ "$(id -u)" -ne 0 ] || assert_equal "$(status_of CapBnd)" 0000000000000000
	kill -INT "$pid"
	finish 20 "$pid"
}

test_an_ordinary_user() { # SEC-20
	need_sandbox seccomp Landlock
	need_user
	use_service --idle-seconds 1
	run_with_limit 30 "${AS_USER[@]}" "$DXVAULT" info --json
	assert_status 0
	assert_equal "$(json "$T/out" 'd["sandbox"], d["sandbox_reason"]')" "(['no capabilities', 'seccomp', 'Landlock'], '')"
}

test_switched_off() { # SEC-26
	[ -z "${DXVAULT_SANITIZED-}" ] || skip "a sanitizer makes system calls of its own, so the service has no sandbox"
	use_service --sandbox off --idle-seconds 1
	run_with_limit 30 "$DXVAULT" info
	assert_status 0
	assert_match "$T/out" '^Sandbox: +none: switched off$'
	wait_for 20 test ! -e "$DXVAULT_RUNTIME_DIR/service.lock"
	run_with_limit 30 "$DXVAULTD" --strict --sandbox off
	assert_status 1
	assert_equal "$(cat "$T/err")" 'dxvaultd: error: --strict: the sandbox is not whole: switched off'
	need_sample
	run_with_limit 30 "$DXVAULT" play "$SAMPLE" --key "$(cat "$SAMPLE_KEY")" --strict
	assert_status 1
	assert_equal "$(cat "$T/err")" "dxvault: --strict: the service's sandbox is not whole: switched off"
	run_with_limit 30 "$DXVAULTD" --sandbox perhaps
	assert_status 2
}

# SEC-26: a system that lacks a part. The service says so and serves, and refuses with --strict.
test_a_part_is_missing() {
	need_sandbox seccomp Landlock
	lacks() { # WITHOUT PATTERN REMAINING
		export DXVAULT_TRY_WITHOUT=$1
		printf '#!/bin/sh\nLD_PRELOAD=%s exec "%s" "$@"\n' "$TRY" "$DXVAULTD" >"$T/lacking"
		chmod 755 "$T/lacking"
		DXVAULT_SERVICE=$T/lacking run_with_limit 30 "$DXVAULT" info --json
		assert_status 0
		json "$T/out" 'd["sandbox_reason"]' >"$T/reason"
		assert_match "$T/reason" "$2"
		assert_equal "$(json "$T/out" 'len(d["sandbox"]), "'"$3"'" in str(d["sandbox"])')" '(2, False)'
		end_service "$T/out"
		start "$T/lacking" --idle-seconds 1
		finish 30 "$pid"
		assert_equal "$status" 0
		assert_match "$T/start.err" "^dxvaultd: warning: the sandbox is not whole: $2"
		run_with_limit 30 "$T/lacking" --strict
		assert_status 1
		assert_match "$T/err" "^dxvaultd: error: --strict: the sandbox is not whole: $2"
	}
	lacks landlock 'Landlock is not in this kernel, or off \(ENOSYS\)$' Landlock
	lacks seccomp "system calls can't be filtered \(EINVAL\)$" seccomp
	[ "$(id -u)" -ne 0 ] || lacks capset "capabilities can't be dropped \(EPERM\)$" capabilit
}

run_tests
