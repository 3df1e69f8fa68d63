#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# limit: 240
# Programs against the client library and a real service: one that knows libdxg's layouts and nothing of dxvault's headers
# (KMT-80, KMT-82), and one that forks, waits for events and hands in odd descriptors (KMT-51, KMT-83).
. "$(dirname "$0")/lib.sh"
use_ready_keys

KMT=$BUILD/src/kmt

compile() { # PROGRAM COMPILER FLAG... SOURCE
	local program=$1
	shift
	"$@" -D_GNU_SOURCE -Wall -Wextra -Wno-unused-parameter -Werror -O1 -g -I"$TOP/tests/abi" -I"$TOP/include" -o "$T/$program" \
		-L"$KMT" -ldxvault-kmt -Wl,-rpath,"$KMT" -pthread >"$T/compile.log" 2>&1 ||
		fail "$program does not compile: $(head -n 20 "$T/compile.log")"
}
client() { # CASE [SECONDS]
	compile client gcc -std=gnu17 "$TOP/tests/abi/client_program.c"
	run_with_limit "${2:-30}" "$T/client" "$1"
	assert_status 0
}
ordinary_program() {
	run_with_limit 30 "$T/program"
	assert_status 0
	assert_match "$T/out" '^adapters 1$'
	assert_match "$T/out" '^description dxvault software GPU for protected content$'
	assert_match "$T/out" '^driver libdxvault-umd\.so$'
	assert_match "$T/out" '^type render=1 display=0 software=1$'
	assert_match "$T/out" '^physical adapters 1$'
	assert_match "$T/out" '^hardware drm 0$'
	assert_match "$T/out" '^teardowns 0$'
	assert_match "$T/out" '^fence used$'
	assert_match "$T/out" '^session used$'
	assert_match "$T/out" '^all destroyed$'
}

# KMT-80, KMT-82
test_an_ordinary_program_in_c() {
	compile program gcc -std=gnu17 "$TOP/tests/abi/libdxg_program.c"
	ordinary_program
}

# KMT-80: libdxg's own programs are C++.
test_an_ordinary_program_in_cxx() {
	command -v g++ >/dev/null || skip "g++ is missing"
	compile program g++ -std=c++17 -x c++ "$TOP/tests/abi/libdxg_program.c" -x none
	ordinary_program
}

# KMT-80: not linked with it, but with a libdxg.so that turns out to be this library.
test_in_the_place_of_libdxg() {
	mkdir "$T/build" "$T/place"
	echo >"$T/empty.c"
	for name in $(nm -D --defined-only --format=posix "$KMT/libdxvault-kmt.so" | cut -d' ' -f1 | grep '^D3DKMT'); do
		echo "int $name(void); int $name(void) { return 1; }" >>"$T/empty.c"
	done
	gcc -shared -fPIC -Wl,-soname,libdxg.so -o "$T/build/libdxg.so" "$T/empty.c"
	gcc -std=gnu17 -D_GNU_SOURCE -I"$TOP/tests/abi" -o "$T/program" "$TOP/tests/abi/libdxg_program.c" \
		-L"$T/build" -ldxg
	ln -s "$KMT/libdxvault-kmt.so" "$T/place/libdxg.so"
	export LD_LIBRARY_PATH=$T/place
	ordinary_program
}

# KMT-83
test_a_forked_child_has_a_connection_of_its_own() {
	client fork
}
test_a_fork_beside_calls() {
	client fork-beside-calls 60
}

# AC-127, AC-128, AC-133
test_each_process_has_a_token() {
	client token
}

# KMT-23
test_a_wait_that_ends_in_an_event() {
	client async
}
test_the_thread_for_waits_keeps_no_program() {
	[ "${DXVAULT_SANITIZED-}" != thread ] || skip "ThreadSanitizer has a thread of its own, which keeps the program"
	client main-leaves
}
# KMT-24: the service's death
test_waits_end_with_the_service() {
	client service-death
	rm -rf -- "$T"/run/* # the socket of a service that could not take it away
}

test_waits_end_with_a_service_that_stops() {
	client service-stop
}

# KMT-51
test_descriptors_of_others() {
	client other-descriptors
}
test_no_descriptor_left() {
	client no-descriptor-left
}

run_tests
