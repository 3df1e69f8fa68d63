#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The argument of docs/architecture.md that no reader sees OK after the fence moved (KMT-22), checked by spin; and that the
# model would notice: without each thing that the argument rests on, spin finds a counter-example.
# limit: 60
set -u

model=$(cd "$(dirname "${BASH_SOURCE[0]}")/../model" && pwd)/loss_order.pml

if ! command -v spin >/dev/null; then
	echo "skip KMT-22 model: spin is not installed"
	exit 0
fi
work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT

# Prints how many errors spin finds in the model with these defines.
errors() {
	(cd "$work" && rm -f pan* && spin -a "$@" "$model" >spin.log 2>&1 && cc -O2 -DSAFETY -o pan pan.c &&
		./pan -m100000 | tee pan.log | sed -n 's/.*errors: \([0-9]*\)$/\1/p')
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

verdict "KMT-22 model: no reader sees OK after the fence moved" 0 "$(errors)"
for flaw in NO_RELEASE NO_ACQUIRE FENCE_FIRST; do
	verdict "KMT-22 model: notices $flaw" 1 "$(errors "-D$flaw")"
done
exit "$failed"
