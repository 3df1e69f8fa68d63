#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# limit: 60
# Which memory holds keys and pictures, where the best kind is not to be had, and what --strict says to that (SEC-07).
. "$(dirname "$0")/lib.sh"

need_film() { # PICTURES of a size of which eight are more than 8 MiB
	film=$T/film.mp4
	make_film "$film" 1280x720 1 -g 10 "${ENCRYPTED[@]}"
}
# libgcrypt, which libavformat may bring with it, has a word on standard error of its own where no memory can be locked.
drop_warning_of_libgcrypt() {
	sed -i '/^Warning: using insecure memory!$/d' "$T/err"
}
# refuses_strict REGEX COMMAND...: dxvault play --strict fails, with a screen and without, by one line.
refuses_strict() {
	local screen
	for screen in '' "--screen $T/tmp/screen"; do
		# shellcheck disable=SC2086
		run_with_limit 15 "${@:2}" "$DXVAULT" play "$film" --key "$KEY" --strict $screen
		drop_warning_of_libgcrypt
		assert_status 1
		assert_one_line "$T/err"
		assert_match "$T/err" "^dxvaultd?: (error: )?--strict: memfd_secret memory is not to be had: .*$1"
		assert_empty "$T/out"
	done
}

test_strict_with_memfd_secret() {
	need_film
	[ "$(info 'd["key_memory"]')" = memfd_secret ] || skip "$(json "$T/info.json" 'd["memory_reason"]')"
	kill "$(json "$T/info.json" 'd["service_process"]')"
	run_with_limit 30 "$DXVAULT" play "$film" --key "$KEY" --strict --screen "$T/screen"
	assert_status 0
	assert_match "$T/out" '^Protected memory: memfd_secret for keys and pictures$'
}

test_no_memfd_secret() {
	need_film
	# The service itself, whoever starts it.
	run_with_limit 20 "$DXVAULTD" --strict --memory locked --idle-seconds 0
	assert_status 1
	assert_match "$T/err" '^dxvaultd: error: --strict: memfd_secret memory is not to be had: memfd_secret was ruled out'
	use_service --memory locked --idle-seconds 1
	run_with_limit 30 "$DXVAULT" play "$film" --key "$KEY" --json
	assert_status 0
	assert_equal "$(json "$T/out" 'd["key_memory"] in ("mlock", "unlocked") and "memfd_secret" in d["memory_reason"]')" True
	refuses_strict 'memfd_secret was ruled out'
}

test_neither_memfd_secret_nor_mlock() {
	need_film
	use_service --memory plain --idle-seconds 1
	run_with_limit 30 "$DXVAULT" play "$film" --key "$KEY" --screen "$T/screen"
	assert_status 0
	assert_match "$T/out" '^Protected memory: unlocked for keys and pictures: .*mlock'
	assert_match "$T/err" '^dxvaultd: warning: keys are in unlocked memory: '
	refuses_strict 'mlock was ruled out'
}

# with_memlock BYTES: an ordinary user's limit, then: "${limited[@]}" COMMAND...
with_memlock() {
	need_user
	use_service --idle-seconds 1
	limited=(prlimit "--memlock=$1:$1" "${AS_USER[@]}")
	need_film
}

test_a_limit_of_8_MiB() {
	with_memlock 8388608
	run_with_limit 30 "${limited[@]}" "$DXVAULT" play "$film" --key "$KEY"
	assert_status 0
	assert_match "$T/out" '^Protected memory: (memfd_secret|mlock) for keys, unlocked for pictures: .*RLIMIT_MEMLOCK \(8 MiB\)'
	refuses_strict 'RLIMIT_MEMLOCK \(8 MiB\)' "${limited[@]}"
	run_with_limit 30 "${limited[@]}" "$DXVAULT" play "$film" --key "$KEY" --screen "$T/tmp/screen"
	assert_status 0
	reference "$film" -decryption_key "$KEY"
	assert_pictures "$T/tmp/screen/screen.framemd5"
	rm -r "$T/tmp/screen"
}

test_a_limit_of_nothing() {
	with_memlock 0
	run_with_limit 30 "${limited[@]}" "$DXVAULT" play "$film" --key "$KEY" --json
	drop_warning_of_libgcrypt
	assert_status 0
	assert_empty "$T/err"
	assert_equal "$(json "$T/out" '(d["key_memory"], d["picture_memory"], "RLIMIT_MEMLOCK" in d["memory_reason"])')" \
		"('unlocked', 'unlocked', True)"
	refuses_strict 'RLIMIT_MEMLOCK' "${limited[@]}"
}

run_tests
