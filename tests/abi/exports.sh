#!/bin/sh
# SPDX-License-Identifier: MIT
# What the shared libraries export, and that a program with them is hardened: OpenAdapter alone (CAP-01); D3DKMT* and
# Dxvault* alone, D3DKMT* under libdxg's C++ names included where it has such (KMT-80).
set -u
build=${DXVAULT_BUILD:-$(cd "$(dirname "$0")/../.." && pwd)/build}
failed=0

exports() { # LIBRARY NAME PATTERN: every exported name matches, and there is one
	if ! names=$(nm -D --defined-only --format=posix "$build/$1"); then
		echo "not ok $2"
		failed=1
		return
	fi
	others=$(echo "$names" | cut -d' ' -f1 | sed 's/@.*//' | grep -Evx "$3")
	if [ -n "$names" ] && [ -z "$others" ]; then
		echo "ok $2"
	else
		echo "not ok $2"
		echo "    $1 exports also:" $others
		failed=1
	fi
}
hardened() { # FILE
	headers=$(readelf -Wld "$build/$1" 2>/dev/null)
	case $headers in
	*GNU_RELRO*NOW*) echo "ok $1 is linked with RELRO and immediate binding" ;;
	*) echo "not ok $1 is linked with RELRO and immediate binding" && failed=1 ;;
	esac
}

exports src/umd/libdxvault-umd.so "libdxvault-umd.so exports OpenAdapter and nothing else" OpenAdapter
exports src/kmt/libdxvault-kmt.so "libdxvault-kmt.so exports D3DKMT* and Dxvault* alone" '(_Z[0-9]+D3DKMT[A-Za-z0-9_]*|(D3DKMT|Dxvault)[A-Za-z0-9]*)'
for file in src/service/dxvaultd src/tools/dxvault src/umd/libdxvault-umd.so src/kmt/libdxvault-kmt.so; do
	hardened $file
done
exit $failed
