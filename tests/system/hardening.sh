#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# limit: 120
# builds: src
# SEC-25: what the compiler and the linker put into the installed programs and libraries against exploits.
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
	! readelf -lW "$1" | grep -Eq 'LOAD +0x0+ .* R?W?E ' || echo code-in-pages-of-its-own
	! readelf -dW "$1" | grep -q TEXTREL || echo no-relocations-in-code
	! readelf -dW "$1" | grep -E 'RPATH|RUNPATH' | grep -vqF "[$libdir]" || echo no-search-path
	readelf -W --dyn-syms "$1" | grep -q __stack_chk_fail || echo stack-protector
	# What has a checked twin; the compiler leaves out the check of a size that it knows to be enough.
	! readelf -W --dyn-syms "$1" | grep -Eq ' (v?printf|v?fprintf|vsn?printf|v?syslog|strcpy)(@|$)' || echo fortify
	if [ "$(uname -m)" = x86_64 ]; then
		[ "$(objdump -d "$1" | grep -c endbr64)" -ge 3 ] || echo cf-protection
	fi
}

# exports FILE PATTERN: it exports something, and nothing else.
exports() {
	nm -D --defined-only --format=posix "$1" | sed 's/[@ ].*//' >"$T/exports"
	[ -s "$T/exports" ] || fail "$1 exports nothing"
	! grep -Evx "$2" "$T/exports" >"$T/others" || fail "$1 exports $(tr '\n' ' ' <"$T/others")"
}

test_the_installed_files() {
	local file count=0
	need_optimised
	# make install is install.sh's; here nothing is built again.
	DESTDIR="$T/root" meson install -C "$BUILD" --no-rebuild >"$T/install.log" 2>&1 ||
		fail "meson install failed: $(tail -n 30 "$T/install.log")"
	libdir=$(dirname "$(find "$T/root" -name libdxvault-kmt.so)")
	libdir=${libdir#"$T/root"}
	while read -r file; do
		readelf -hW "$file" >/dev/null 2>&1 || continue
		# Of a library or module, what it is documented for, and no more.
		case ${file##*/} in
		libdxvault-umd.so*) exports "$file" OpenAdapter ;;
		libdxvault-kmt.so*) exports "$file" '(_Z[0-9]+D3DKMT[A-Za-z0-9_]*|(D3DKMT|Dxvault)[A-Za-z0-9]*)' ;;
		# It stands in for functions of libavutil: src/tools/film_aes.c.
		dxvault-play.so) exports "$file" '(play_run|av_aes_ctr_[a-z_]*)' ;;
		dxvault-screen.so) exports "$file" 'screen_[a-z0-9_]*' ;;
		*.so*) fail "$file: what may it export?" ;;
		esac
		lacks "$file" >"$T/lacks"
		[ ! -s "$T/lacks" ] || fail "$file lacks: $(tr '\n' ' ' <"$T/lacks")"
		count=$((count + 1))
	done < <(find "$T/root" -type f)
	[ $count -ge 7 ] || fail "only $count programs and libraries are installed"
	echo "$count files" >"$T/note"
}

# Of these nothing can be told from the files.
test_how_the_sources_are_compiled() {
	local flag level
	need_optimised
	json "$BUILD/compile_commands.json" '"\n".join(e["command"] for e in d if "/src/" in e["file"])' >"$T/commands"
	[ "$(wc -l <"$T/commands")" -gt 50 ] || fail "there are only $(wc -l <"$T/commands")"
	# Level 3 where the compiler has it.
	echo '#include <stdio.h>' >"$T/level.c"
	level=3
	gcc -O2 -Werror -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 -c "$T/level.c" -o "$T/level.o" 2>/dev/null || level=2
	for flag in -D_FORTIFY_SOURCE=$level -fstack-protector-strong -fstack-clash-protection -fcf-protection -fno-strict-aliasing; do
		! grep -v -- "$flag" "$T/commands" >"$T/without" || fail "without $flag: $(head -n 1 "$T/without")"
	done
	# And is not taken back by a later one.
	assert_no_match "$T/commands" '-fno-stack-|-fcf-protection=(none|branch|return)|-fstrict-aliasing|-D_FORTIFY_SOURCE=[0-9] .*_FORTIFY_SOURCE'
}

# What Debian's start files do not have, no program as a whole is marked with: the objects are looked at. IBT: each function that
# can be called through a pointer begins with a landing place; SHSTK: it bears a shadow stack.
test_the_objects_are_marked_for_cet() {
	local object count=0
	need_optimised
	[ "$(uname -m)" = x86_64 ] || skip "another processor's"
	for object in "$BUILD"/src/*/*.p/*.o; do
		readelf -nW "$object" >"$T/notes"
		grep -q 'x86 feature: .*IBT' "$T/notes" && grep -q 'x86 feature: .*SHSTK' "$T/notes" || fail "$object: no IBT or no SHSTK"
		count=$((count + 1))
	done
	[ $count -gt 50 ] || fail "there are only $count"
	echo "$count objects" >"$T/note"
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
	tr '\n' ' ' <"$T/lacks" >"$T/line"
	assert_match "$T/line" '(^| )no-code-that-can-be-written '
	gcc -Wl,-z,noseparate-code -nostdlib -x c - -o "$T/program" <<<'void _start(void); void _start(void) { for (;;); }'
	lacks "$T/program" >"$T/lacks"
	assert_match "$T/lacks" '^code-in-pages-of-its-own$'
	# And a library that says too much.
	gcc -shared -fPIC -x c - -o "$T/library.so" <<<'void wanted(void); void wanted(void) {} void other(void); void other(void) {}'
	run_with_limit 10 bash -c "$(declare -f exports fail); T=$T; exports $T/library.so wanted"
	assert_fails
	assert_match "$T/out" 'exports other $'
	run_with_limit 10 bash -c "$(declare -f exports fail); T=$T; exports $T/library.so '(wanted|other)'"
	assert_status 0
}

run_tests
