#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# limit: 120
# SEC-52: clients that die with their rings full of blts, beside one whose bytes are looked at.
. "$(dirname "$0")/lib.sh"
use_ready_keys

FLOOD=$BUILD/tests/system/helpers/ring-flood
HONEST=$BUILD/examples/example-queued-blts

# flood SIZE: adds to floods.
flood() {
	start "$FLOOD" "$1"
	floods+=("$pid")
	wait_for 20 more_than 0 "$T/start.out"
}
floods_die() {
	local pid
	kill -KILL "${floods[@]}"
	for pid in "${floods[@]}"; do
		finish 10 "$pid"
		assert_status 137
	done
}
is_idle() {
	[ "$(info '[k for k, v in d["objects"].items() if v], d["picture_bytes"]')" = '([], 0)' ]
}
honest() {
	run_with_limit 30 "$HONEST"
	assert_status 0
	assert_match "$T/out" 'surfaces went in and came back$'
}

test_clients_that_die_amid_their_blts() {
	local size
	use_service --idle-seconds 60
	service=$(info 'd["service_process"]')
	for size in 4096 65536 1048576 12582912; do
		floods=()
		flood "$size"
		honest
		floods_die
		honest
	done
	wait_for 20 is_idle
	assert_equal "$(info 'd["service_process"]')" "$service"
	kill "$service"
}

test_several_at_once() {
	use_service --idle-seconds 60
	service=$(info 'd["service_process"]')
	floods=()
	flood 4096
	flood 1048576
	flood 12582912
	honest
	kill -STOP "${floods[0]}"
	honest
	floods_die
	wait_for 20 is_idle
	honest
	kill "$service"
}

# SEC-36, SEC-52: the same without rings. Such blts, and the ends of such clients, wait until all others have had their turn.
test_blts_by_messages() {
	use_service --idle-seconds 60
	service=$(info 'd["service_process"]')
	floods=()
	export DXVAULT_RING=off
	flood 67108864
	flood 67108864
	unset DXVAULT_RING
	honest
	floods_die
	honest
	wait_for 20 is_idle
	assert_equal "$(info 'd["service_process"]')" "$service"
	kill "$service"
}

run_tests
