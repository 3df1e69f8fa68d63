#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# limit: 60
# tests/security/run itself, on a tree of its own that has one protection: does it notice what it is there to notice?
. "$(dirname "$0")/lib.sh"

# make_tree: $T/tree, in which SEC-01 is promised, tested and switched off as it should be.
make_tree() {
	mkdir -p "$T/tree/docs" "$T/tree/tests/unit" "$T/tree/tests/system" "$T/tree/tests/security/off"
	cd "$T/tree" || exit
	cat >meson.build <<-'END'
		project('tiny', 'c')
		test('test_tiny', executable('test_tiny', 'tests/unit/test_tiny.c', 'limit.c'), protocol: 'tap')
	END
	echo "option('tests', type: 'feature')" >meson_options.txt
	cat >limit.c <<-'END'
		int limit(int size)
		{
			if (size > 100)
				return -1;
			return size * 1;
		}
	END
	cat >tests/unit/test_tiny.c <<-'END'
		// SEC-01
		#include <stdio.h>
		int limit(int size);
		int main(void)
		{
			printf("1..2\n%s 1 - test_limit\n", limit(101) < 0 ? "ok" : "not ok");
			return printf("%s 2 - test_other\n", limit(1) == 1 ? "ok" : "not ok") < 0;
		}
	END
	echo '| SEC-01 | a limit holds | a client | unit/test_tiny |' >docs/security.md
	entry SEC-01 'size > 100' 'size > 1000'
}
# entry PROMISE FIND PUT [TEST [CASE]]: the only one.
entry() {
	cat >tests/security/off/tiny.toml <<-END
		[[off]]
		promise = "$1"
		why = "nothing is limited"
		file = "limit.c"
		find = """$2"""
		put = """$3"""
		test = "${4-unit/test_tiny}"
		case = "${5-test_limit}"
	END
}
# says STATUS REGEX OPTION...: what the runner ends with and prints.
says() {
	run_with_limit 50 "$TOP/tests/security/run" --tree "$T/tree" "${@:3}"
	assert_status "$1"
	assert_match "$T/out" "$2"
}
tried() {
	says "$@" "$T/b"
}
checked() {
	says "$@" --check
}

test_what_a_test_notices() {
	make_tree
	tried 0 '^ok SEC-01: nothing is limited \('
	entry SEC-01 'size * 1' '1 * size'
	tried 1 '^not ok SEC-01: nothing is limited \('
	assert_match "$T/out" '^    unnoticed: the case passes'
	# Another case than the one that is named.
	entry SEC-01 'size * 1' 'size * 2'
	tried 1 'unnoticed: the case passes \(test_other\)$'
	entry SEC-01 'size * 1' 'size times 2'
	tried 1 'ninja -C .*: status 1$'
	entry SEC-01 'size * 3' 'size * 2'
	tried 1 'what it looks for stands in limit.c 0 times'
	entry SEC-01 'size > 100' 'size > 1000' unit/test_tiny test_none
	tried 1 'does not pass even so: test_none: None'
	entry SEC-01 'size > 100' 'size > 1000' unit/test_none
	tried 1 'there is no unit test test_none'
	# A test that fails anyway proves nothing. Nor does anything, where no entry is left.
	sed -i 's/limit(101)/limit(1)/' tests/unit/test_tiny.c
	entry SEC-01 'size > 100' 'size > 1000'
	tried 1 'does not pass even so: test_limit: not ok'
	says 1 'nothing switches off SEC-02' --only SEC-02 "$T/b"
	: >tests/security/off/tiny.toml
	run_with_limit 20 "$TOP/tests/security/run" --tree "$T/tree" "$T/b"
	assert_status 1
}

test_scripts_and_their_skips() {
	make_tree
	cat >tests/system/tiny.sh <<-'END'
		# SEC-01: test_a_limit, test_an_absence
		[ "$1" != an_absence ] || echo "skip an absence: there is no other user"
		grep -q 'size > 100)' limit.c && echo "ok a limit: 100" && exit
		[ "$1" = an_absence ] || echo "not ok a limit"
	END
	echo '| SEC-01 | a limit holds | a client | system/tiny.sh |' >docs/security.md
	entry SEC-01 'size > 100' 'size > 1000' system/tiny.sh a_limit
	tried 0 '^ok SEC-01: '
	entry SEC-01 'size > 100' 'size > 1000' system/tiny.sh an_absence
	tried 0 '^skip SEC-01: nothing is limited: its test is skipped: an absence: there is no other user \('
}

test_what_does_not_match() {
	make_tree
	checked 0 '^ok every promise'
	entry SEC-02 'size > 100' 'size > 1000'
	checked 1 '^not ok SEC-01: nothing in tests/security/off switches it off$'
	assert_match "$T/out" '^not ok tiny.toml, entry 1 .SEC-02: nothing is limited.: docs/security.md has no such promise$'
	entry SEC-01 'size > 99' 'size > 1000'
	checked 1 'what it looks for stands in limit.c 0 times'
	entry SEC-01 'size' 'length'
	checked 1 'what it looks for stands in limit.c 3 times'
	entry SEC-01 'size > 100' 'size > 100'
	checked 1 'it changes nothing$'
	entry SEC-01 'size > 100' 'size > 1000' unit/test_none
	checked 1 'there is no test unit/test_none$'
	entry SEC-01 'size > 100' 'size > 1000' unit/test_tiny test_none
	checked 1 'unit/test_tiny has no case test_none$'
	entry SEC-01 'size > 100' 'size > 1000'
	sed -i s/limit.c/none.c/ tests/security/off/tiny.toml
	checked 1 'there is no file none.c$'
	sed -i /why/d tests/security/off/tiny.toml
	checked 1 'tiny.toml, entry 1: needs '
	echo '[[' >tests/security/off/tiny.toml
	checked 1 'tiny.toml: '
	entry SEC-01 'size > 100' 'size > 1000'
	sed -i s/SEC-01/SEC-10/ tests/unit/test_tiny.c
	checked 1 '^not ok SEC-01: unit/test_tiny does not name it$'
	sed -i s/test_tiny/test_huge/ docs/security.md
	checked 1 '^not ok SEC-01: there is no test unit/test_huge$'
	: >docs/security.md
	checked 1 'docs/security.md promises nothing$'
}

run_tests
