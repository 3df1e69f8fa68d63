#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Two arguments of docs/architecture.md, checked by spin: that no reader sees OK after the fence moved (KMT-22), and, in make
# check-long, that no command waits in a ring while all sleep. And that the models would notice: without each thing that an
# argument rests on, spin finds a counter-example.
# limit: 60
# long limit: 600
set -u

models=$(cd "$(dirname "${BASH_SOURCE[0]}")/../model" && pwd)

if ! command -v spin >/dev/null; then
	echo "skip KMT-22 model: spin is not installed"
	exit 0
fi
work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT

# errors MODEL DEFINE...: how many spin finds.
errors() {
	(cd "$work" && rm -f pan* && spin -a "${@:2}" "$models/$1.pml" >spin.log 2>&1 && cc -O2 -DSAFETY -o pan pan.c &&
		./pan -m1000000 | tee pan.log | sed -n 's/.*errors: \([0-9]*\)$/\1/p')
}

failed=0
verdict() { # NAME WANTED GOT
	if [ "$2" = "$3" ]; then
		echo "ok $1"
	else
		echo "not ok $1: $3 errors, not $2"
		cat "$work/spin.log" "$work/pan.log" 2>/dev/null
		failed=1
	fi
}

verdict "KMT-22 model: no reader sees OK after the fence moved" 0 "$(errors loss_order)"
for flaw in NO_RELEASE NO_ACQUIRE FENCE_FIRST; do
	verdict "KMT-22 model: notices $flaw" 1 "$(errors loss_order "-D$flaw")"
done
[ -n "${DXVAULT_LONG-}" ] || exit "$failed"
verdict "ring model: nothing is left when all sleep" 0 "$(errors ring_sleep)"
for flaw in NO_CLIENT_RECHECK FLAG_FIRST "NO_RECHECK -DCOMMANDS=2" "NO_UNBLOCK_WAKE -DREQUEST"; do
	# shellcheck disable=SC2086 # several defines
	verdict "ring model: notices ${flaw%% *}" 1 "$(errors ring_sleep -D$flaw)"
done
exit "$failed"
