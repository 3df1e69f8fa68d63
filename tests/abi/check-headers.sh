#!/bin/sh
# Compiles every public header alone, and layout.c, with each compiler that is installed.
# SPDX-License-Identifier: MIT
# limit: 240
#
# usage: check-headers.sh INCLUDE_DIR
#
# One line a case: "ok NAME", "not ok NAME" (the compiler's words follow, indented) or
# "skip NAME: why". Exit status 1 if any case failed, 2 on wrong use. The cases:
#   COMPILER/headers             each header alone, twice, so that its guard is tried too
#   COMPILER/headers+winadapter  all of them after DirectX-Headers' <wsl/winadapter.h>, if it is
#                                installed, and once more in the opposite order
#   COMPILER/headers+d3d9caps    the same after mingw's <d3d9.h> with its d3d9caps.h, whose names
#                                they must not repeat
#   COMPILER/layout[+...]        layout.c, run as well where the result can run here
# CHECK_COMPILERS, if set, replaces the list of compilers.

set -u

if [ $# -ne 1 ] || [ ! -f "$1/dxvault/windef.h" ]; then
	echo "usage: $0 INCLUDE_DIR (the folder that has dxvault/windef.h)" >&2
	exit 2
fi
include=$1
here=$(cd "$(dirname "$0")" && pwd) || exit 2
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
trap 'exit 2' HUP INT TERM

headers="windef d3dukmdt d3dkmthk d3dcontentprotection d3dumddi d3dkmddi"
compilers=${CHECK_COMPILERS:-"gcc g++ clang clang++ x86_64-w64-mingw32-gcc x86_64-w64-mingw32-g++"}
warnings="-Wall -Wextra -Wpedantic -Werror"
failed=0

ok()     { echo "ok $1"; }
skip()   { echo "skip $1: $2"; }
not_ok() { echo "not ok $1"; sed 's/^/    /' "$work/log" | head -n 40; failed=1; }

# Where DirectX-Headers is, if anywhere. Its stubs stand in for headers that winadapter.h includes.
directx=
for dir in $(pkg-config --variable=includedir DirectX-Headers 2>/dev/null) \
	   /usr/include /usr/local/include; do
	if [ -f "$dir/wsl/winadapter.h" ]; then
		directx=$dir
		break
	fi
done
# As a system folder: warnings in there are not ours. The compilers know /usr/include themselves,
# and naming it would put it in front of the C++ library's own folders.
case $directx in
'')		adapter_flags= ;;
/usr/include)	adapter_flags="-isystem /usr/include/wsl/stubs" ;;
*)		adapter_flags="-isystem $directx -isystem $directx/wsl/stubs" ;;
esac

# check NAME COMPILER LANGUAGE_FLAGS FLAGS FILE...: they compile; nothing is made of them.
check()
{
	name=$1 compiler=$2 language=$3 flags=$4
	shift 4
	# shellcheck disable=SC2086 # the lists are meant to split
	if "$compiler" $language $warnings -I"$include" $flags -fsyntax-only "$@" >"$work/log" 2>&1; then
		ok "$name"
	else
		not_ok "$name"
	fi
}

# after FILE...: writes $work/after.* and $work/reversed.*: these headers, then ours in both orders.
after()
{
	for file in after reversed; do
		printf '#include <%s>\n' "$@" >"$work/$file.$suffix"
	done
	printf '#include <dxvault/%s.h>\n' $headers >>"$work/after.$suffix"
	printf '%s\n' $headers | tac | sed 's|.*|#include <dxvault/&.h>|' >>"$work/reversed.$suffix"
}

# Can winadapter.h itself be used with this compiler and language?
adapter_usable()
{
	echo '#include <wsl/winadapter.h>' >"$work/adapter.$3"
	# shellcheck disable=SC2086
	"$1" $2 $adapter_flags -fsyntax-only "$work/adapter.$3" >/dev/null 2>&1
}

for compiler in $compilers; do
	if ! command -v "$compiler" >/dev/null 2>&1; then
		skip "$compiler" "$compiler not installed"
		continue
	fi
	case $compiler in
	*++*)	suffix=cc language="-std=c++17 -x c++" ;;
	*)	suffix=c language="-std=c17 -x c" ;;
	esac
	case $compiler in
	*mingw*) windows=yes ;;
	*)	 windows=no ;;
	esac

	adapter=
	if [ $windows = yes ]; then
		adapter="not for Windows"
	elif [ -z "$directx" ]; then
		adapter="DirectX-Headers not installed"
	elif ! adapter_usable "$compiler" "$language" $suffix; then
		adapter="winadapter.h itself does not compile with $compiler"
	fi

	alone=
	for header in $headers; do
		printf '#include <dxvault/%s.h>\n#include <dxvault/%s.h>\nextern int not_empty;\n' \
			"$header" "$header" >"$work/$header.$suffix"
		alone="$alone $work/$header.$suffix"
	done
	# shellcheck disable=SC2086
	check "$compiler/headers" "$compiler" "$language" "" $alone

	if [ -z "$adapter" ]; then
		after wsl/winadapter.h
		check "$compiler/headers+winadapter" "$compiler" "$language" "$adapter_flags" \
			"$work/after.$suffix" "$work/reversed.$suffix"
	elif [ $windows = no ]; then
		skip "$compiler/headers+winadapter" "$adapter"
	fi
	if [ $windows = yes ]; then
		after windows.h d3d9.h
		check "$compiler/headers+d3d9caps" "$compiler" "$language" "" \
			"$work/after.$suffix" "$work/reversed.$suffix"
	fi

	for variant in "" +winadapter; do
		name="$compiler/layout$variant"
		flags=
		if [ -n "$variant" ]; then
			if [ $windows = yes ]; then
				continue
			fi
			if [ -n "$adapter" ]; then
				skip "$name" "$adapter"
				continue
			fi
			flags="$adapter_flags -DDXVAULT_TEST_WINADAPTER"
		fi
		if [ $windows = yes ]; then
			check "$name" "$compiler" "$language" "" "$here/layout.c"
			continue
		fi
		# shellcheck disable=SC2086
		if "$compiler" $language $warnings -I"$include" $flags -o "$work/layout" \
		   "$here/layout.c" >"$work/log" 2>&1 && "$work/layout" >>"$work/log" 2>&1; then
			ok "$name"
		else
			not_ok "$name"
		fi
	done
done

exit $failed
