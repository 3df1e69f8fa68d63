#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# limit: 120
# What the compiler and the linker put into the installed programs and libraries against exploits.
. "$(dirname "$0")/lib.sh"

need_optimised() {
	[ -z "${DXVAULT_SANITIZED-}" ] || skip "a build with sanitizers is for no installation"
	grep -q -- '-O[123s]' "$BUILD/compile_commands.json" || skip "a build without optimisation is for no installation"
}

# lacks FILE: what the file should have, one word a line. Libraries may be looked for in $libdir, the installation's own.
libdir=none
lacks() {
	readelf -hW "$1" | grep -q 'Type: *DYN' || echo position-independent
	readelf -lW "$1" | grep -q GNU_RELRO || echo relro
	readelf -dW "$1" | grep -Eq 'BIND_NOW|Flags:.* NOW' || echo now
	readelf -lW "$1" | grep -Eq 'GNU_STACK .* RW +0x' || echo stack-that-is-no-code
	! readelf -lW "$1" | grep -Eq 'LOAD .* RWE ' || echo no-code-that-can-be-written
	! readelf -dW "$1" | grep -q TEXTREL || echo no-relocations-in-code
	! readelf -dW "$1" | grep -E 'RPATH|RUNPATH' | grep -vqF "[$libdir]" || echo no-search-path
	readelf -W --dyn-syms "$1" | grep -q __stack_chk_fail || echo stack-protector
	# What has a checked twin; the compiler leaves out the check of a size that it knows to be enough.
	! readelf -W --dyn-syms "$1" | grep -Eq ' (v?printf|v?fprintf|vsn?printf|v?syslog|strcpy)(@|$)' || echo fortify
	if [ "$(uname -m)" = x86_64 ]; then
		[ "$(objdump -d "$1" | grep -c endbr64)" -ge 3 ] || echo cf-protection
	fi
}

test_the_installed_files() {
	local file count=0
	need_optimised
	make --no-print-directory -C "$TOP" install BUILD="$BUILD" DESTDIR="$T/root" >"$T/install.log" 2>&1 ||
		fail "make install failed: $(tail -n 30 "$T/install.log")"
	libdir=$(dirname "$(find "$T/root" -name libdxvault-kmt.so)")
	libdir=${libdir#"$T/root"}
	while read -r file; do
		readelf -hW "$file" >/dev/null 2>&1 || continue
		lacks "$file" >"$T/lacks"
		[ ! -s "$T/lacks" ] || fail "$file lacks: $(tr '\n' ' ' <"$T/lacks")"
		count=$((count + 1))
	done < <(find "$T/root" -type f)
	[ $count -ge 7 ] || fail "only $count programs and libraries are installed"
	echo "$count files" >"$T/note"
}

# Of these nothing can be told from the files.
test_how_the_sources_are_compiled() {
	local flag
	need_optimised
	json "$BUILD/compile_commands.json" '"\n".join(e["command"] for e in d if "/src/" in e["file"])' >"$T/commands"
	[ "$(wc -l <"$T/commands")" -gt 50 ] || fail "there are only $(wc -l <"$T/commands")"
	for flag in -D_FORTIFY_SOURCE=[23] -fstack-protector-strong -fstack-clash-protection; do
		! grep -v -- "$flag" "$T/commands" >"$T/without" || fail "without $flag: $(head -n 1 "$T/without")"
	done
}

# The same questions to a program that has nothing of it.
test_a_program_without_it_is_found() {
	need_optimised
	cat >"$T/program.c" <<-'END'
		#include <stdio.h>
		#include <string.h>
		int main(int argc, char **argv)
		{
			char text[16];

			(void)argc;
			strcpy(text, argv[0]);
			return printf("%s\n", text) > 0;
		}
	END
	gcc -O2 -U_FORTIFY_SOURCE -fno-stack-protector -fcf-protection=none -no-pie -fno-pie -Wl,-z,norelro,-z,lazy,-z,execstack \
		-Wl,--rpath,/tmp "$T/program.c" -o "$T/program"
	lacks "$T/program" | tr '\n' ' ' >"$T/lacks"
	assert_match "$T/lacks" '^position-independent relro now stack-that-is-no-code no-search-path stack-protector fortify '
	[ "$(uname -m)" != x86_64 ] || assert_match "$T/lacks" ' cf-protection $'
	echo 'int number = 1; void _start(void); void _start(void) { number++; }' >"$T/program.c"
	gcc -nostdlib -static -Wl,--omagic,--no-warn-rwx-segments "$T/program.c" -o "$T/program"
	lacks "$T/program" >"$T/lacks"
	assert_match "$T/lacks" '(^| )no-code-that-can-be-written$'
}

run_tests
