#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# limit: 60
# Who is there while a film plays, and what each of them can reach.
. "$(dirname "$0")/lib.sh"
use_ready_keys

test_three_kinds_of_process() {
	use_service --idle-seconds 1
	need_long_film
	cp "$film" "$T/film.mp4"
	# Keys that no other test has in its command lines, beside the right one.
	strange=$(openssl rand -hex 16)
	start "$DXVAULT" play "$T/film.mp4" --key "$(openssl rand -hex 16):$strange" --key "$KID:$KEY" --screen "$T/screen"
	wait_for 20 more_than 5 "$T/screen/screen.framemd5"

	child_of "$pid" dxvaultd
	service=$child
	child_of "$pid" dxvault-presenter
	presenter=$child
	processes >"$T/processes"
	assert_equal "$(sort -n "$T/processes" | xargs)" "$(printf '%s\n' "$pid" "$service" "$presenter" | sort -n | xargs)"

	# The provider alone has the film; the service alone has the screen's files.
	assert_equal "$(holders "$T/film.mp4")" "$pid"
	assert_equal "$(holders "$T/screen/screen.framemd5")" "$service"
	# The presenter reaches the provider, the service, the page of statuses, an event of its own, and nothing else.
	for descriptor in "/proc/$presenter/fd"/*; do
		case ${descriptor##*/}:$(readlink "$descriptor") in
		[012]:* | *:/dev/null | *:socket:* | *:/memfd:* | *:pipe:* | *:anon_inode:\[eventfd\]) ;;
		*) fail "the presenter has open: $(readlink "$descriptor")" ;;
		esac
	done
	# Nobody's command line or environment has a key.
	! grep -aFl "$strange" /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null || fail "has the key in its arguments"
	for process in "$pid" "$service" "$presenter"; do
		! grep -aiFq "$KEY" "/proc/$process/cmdline" "/proc/$process/environ" || fail "$process shows the key"
	done

	kill -INT "$pid"
	finish 10 "$pid"
	assert_status 130
}
# holders FILE: the processes of this test that have it open.
holders() {
	while read -r process; do
		! find "/proc/$process/fd" -lname "$1" 2>/dev/null | grep -q . || echo "$process"
	done <"$T/processes"
}

# With a service that others share there is one more, and no screen, whatever the client wants.
test_a_shared_service_has_no_screen() {
	use_service --idle-seconds 1
	need_long_film
	start "$DXVAULT" play "$film" --key "$KEY" --json
	wait_for 20 playing
	child_of "$pid" dxvault-presenter
	processes >"$T/processes"
	assert_equal "$(wc -l <"$T/processes")" 3
	assert_equal "$(json "$T/info.json" 'd["screen"]')" False
	kill -INT "$pid"
	finish 10 "$pid"
	assert_status 130
}
playing() {
	[ "$(info 'd["objects"]["clients"] == 2 and d["objects"]["resources"] >= 5')" = True ]
}

# KMT-83, KMT-57: a child, its child, and what all of them make; the second way calls no handlers of libraries.
test_KMT_83_what_a_child_has_of_its_parent() {
	for way in fork _Fork; do
		run_with_limit 60 "$BUILD/tests/system/helpers/kmt-fork" $way
		assert_status 0
	done
	assert_no_objects
}

run_tests
