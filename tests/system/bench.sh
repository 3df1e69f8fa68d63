#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# limit: 60
# make bench measures every row and says what it measured. How fast it is is not asked here.
. "$(dirname "$0")/lib.sh"
BENCH=$BUILD/bench/bench

# Those of the table that make bench is for, and of growth.
ROWS="blt.decrypt.12M blt.decrypt.12M.libcrypto blt.encrypt.12M blt.decrypt.12M.hot blt.encrypt.12M.hot blt.decrypt.64K blt.decrypt.4K.queued blt.latency.4K
status.query fence.wake session.open session.create_destroy session.open.at_1M key.exchange play.1080p idle.cpu
scale.workers.2 scale.clients.1.64K scale.clients.2.64K scale.clients.4.64K scale.clients.8.64K scale.clients.1.12M
scale.clients.2.12M scale.clients.4.12M scale.clients.8.12M"

test_every_row_is_measured() {
	make_film "$T/film.mp4" 160x90 1 "${ENCRYPTED[@]}"
	export DXVAULT_STATE_DIR=$T/state/dxvault # a root key takes a second to make
	run_with_limit 50 "$BENCH" --smoke --json "$T/bench.json" --curve "$T/curve" --clip "$T/film.mp4" --clip-key "$KEY"
	cat "$T/out"
	assert_status 0
	assert_empty "$T/err"
	python3 - "$T/bench.json" "$T/out" "$T/curve" $ROWS <<'END'
import json, math, sys
rows = json.load(open(sys.argv[1]))
table, curve = open(sys.argv[2]).read(), open(sys.argv[3]).read().splitlines()
wanted = sys.argv[4:]
assert [r["name"] for r in rows] == wanted, [r["name"] for r in rows]
for r in rows:
    print(r)
    assert {"name", "value", "unit", "baseline", "baseline_value", "ratio", "spread", "goal", "repetitions"} <= set(r)
    assert r["unit"] and r["baseline"] and r["repetitions"] >= 1 and f"\n{r['name']} " in table
    if r["name"] == "idle.cpu":
        assert r["value"] >= 0 and r["baseline_value"] == 0 and r["ratio"] == 0
        continue
    # What was never run took no time and moved nothing.
    assert r["value"] > 0 and r["baseline_value"] > 0 and math.isfinite(r["value"])
    assert math.isclose(r["ratio"], r["value"] / r["baseline_value"], rel_tol=1e-6)
    spread = r["spread"]
    assert spread["minimum"] <= spread["lower_quartile"] <= r["ratio"] * 1.000001
    assert r["ratio"] <= spread["upper_quartile"] * 1.000001 <= spread["maximum"] * 1.000002
    if r["goal"]:
        (kind, goal), = r["goal"].items()
        assert r["met"] == (r["ratio"] >= goal if kind == "at_least" else r["ratio"] <= goal)
assert curve[0].split("\t")[0] == "bytes" and len(curve) == 4
assert all(float(x) > 0 for line in curve[1:] for x in line.split("\t"))
END
}

# A film that nobody plays.
test_what_can_not_be_measured_is_said() {
	export DXVAULT_STATE_DIR=$T/state/dxvault
	echo "no film" >"$T/film.mp4"
	run_with_limit 20 "$BENCH" --smoke --only play.1080p,status.query --json "$T/bench.json" --clip "$T/film.mp4"
	assert_status 1
	assert_match "$T/out" '^play.1080p +not measured: ffmpeg failed'
	assert_equal "$(json "$T/bench.json" '[(r["name"], r["value"] is None) for r in d]')" \
		"[('status.query', False), ('play.1080p', True)]"
}

test_only_what_there_is() {
	run_with_limit 5 "$BENCH" --only status.query,no.such.row --json "$T/bench.json"
	assert_status 2
	assert_one_line "$T/err"
	assert_match "$T/err" 'no row is called no\.such\.row'
	[ ! -e "$T/bench.json" ] || fail "it ran"
	run_with_limit 5 "$BENCH" --list
	assert_equal "$(xargs <"$T/out")" "$(xargs <<<"$ROWS")"
}

run_tests
