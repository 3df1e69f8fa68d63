#!/bin/sh
# Compiles every public header alone, and layout.c, with each compiler that is installed.
# SPDX-License-Identifier: MIT
# limit: 240
#
# usage: check-headers.sh INCLUDE_DIR
#
# One line a case: "ok NAME", "not ok NAME" (the compiler's words follow, indented) or
# "skip NAME: why". Exit status 1 if any case failed, 2 on wrong use. The cases:
#   COMPILER/HEADER             the header alone, twice, so that its guard is tried too
#   COMPILER/HEADER+winadapter  after DirectX-Headers' <wsl/winadapter.h>, if it is installed
#   COMPILER/HEADER+d3d9caps    after mingw's <d3d9.h> with its d3d9caps.h, whose names it must
#                               not repeat
#   COMPILER/layout[+...]       layout.c, run as well where the result can run here
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

# compile NAME COMPILER LANGUAGE_FLAGS FILE [FLAG...]
compile()
{
	name=$1 compiler=$2 language=$3 file=$4
	shift 4
	# shellcheck disable=SC2086 # both lists are meant to split
	if "$compiler" $language $warnings -I"$include" "$@" -c -o "$work/out.o" "$file" \
	   >"$work/log" 2>&1; then
		ok "$name"
	else
		not_ok "$name"
	fi
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

	for header in $headers; do
		printf '#include <dxvault/%s.h>\n#include <dxvault/%s.h>\n' \
			"$header" "$header" >"$work/alone.$suffix"
		echo "extern int not_empty; int not_empty;" >>"$work/alone.$suffix"
		compile "$compiler/$header" "$compiler" "$language" "$work/alone.$suffix"

		if [ -z "$adapter" ]; then
			{ echo '#include <wsl/winadapter.h>'; cat "$work/alone.$suffix"; } \
				>"$work/after.$suffix"
			# shellcheck disable=SC2086
			compile "$compiler/$header+winadapter" "$compiler" "$language" \
				"$work/after.$suffix" $adapter_flags
		elif [ $windows = no ]; then
			skip "$compiler/$header+winadapter" "$adapter"
		fi

		if [ $windows = yes ]; then
			{ echo '#include <windows.h>'; echo '#include <d3d9.h>'
			  cat "$work/alone.$suffix"; } >"$work/after.$suffix"
			compile "$compiler/$header+d3d9caps" "$compiler" "$language" \
				"$work/after.$suffix"
		fi
	done

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
			compile "$name" "$compiler" "$language" "$here/layout.c"
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
