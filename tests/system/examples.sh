#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# limit: 60
# The programs in examples/, as their readers would try them.
. "$(dirname "$0")/lib.sh"

# They leave to the end of their process what that gives back, so as to stay short: with sanitizers that is no leak.
export ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0

test_crypto_session() {
	export DXVAULT_SERVICE=$DXVAULTD
	run_with_limit 20 "$BUILD/examples/example-crypto-session"
	assert_status 0
	assert_empty "$T/err"
	assert_match "$T/out" '^8192 bytes went in and came back$'
	assert_no_objects
}

test_authenticated_channel() {
	export DXVAULT_SERVICE=$DXVAULTD
	run_with_limit 20 "$BUILD/examples/example-authenticated-channel"
	assert_status 0
	assert_empty "$T/err"
	assert_match "$T/out" '^protection is on, says the channel$'
	assert_no_objects
}

test_queued_blts() {
	export DXVAULT_SERVICE=$DXVAULTD
	run_with_limit 20 "$BUILD/examples/example-queued-blts"
	assert_status 0
	assert_empty "$T/err"
	assert_match "$T/out" '^100 surfaces went in and came back$'
	assert_no_objects
}

# It says which call failed, instead of going on.
test_crypto_session_without_a_service() {
	export DXVAULT_SERVICE=$T/no-such-service
	run_with_limit 20 "$BUILD/examples/example-crypto-session"
	assert_status 1
	assert_one_line "$T/err"
	assert_match "$T/err" 'D3DKMTEnumAdapters2.*0xC00002B6'
}

# Short enough to be read, and built by the public headers and libraries alone.
test_what_an_example_may_use() {
	export DXVAULT_SERVICE=$DXVAULTD
	assert_equal "$(grep -ho '#include .*' "$TOP"/examples/*.c | grep -v '<\(dxvault\|openssl\)/' | grep -c '"' || true)" 0
	[ "$(wc -l <"$TOP/examples/crypto-session.c")" -lt 200 ] || fail "examples/crypto-session.c is too long"
	for example in "$TOP"/examples/*.c; do
		[ "$(wc -l <"$example")" -lt 250 ] || fail "$example is too long"
		cc -std=c17 -Wall -Wextra -Werror -I"$TOP/include" "$example" -o "$T/example" \
			-L"$BUILD/src/kmt" -L"$BUILD/src/umd" -ldxvault-kmt -ldxvault-umd -lcrypto
		run_with_limit 20 env LD_LIBRARY_PATH="$BUILD/src/kmt:$BUILD/src/umd" "$T/example"
		assert_status 0
	done
}

run_tests
