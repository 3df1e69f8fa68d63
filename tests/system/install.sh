#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# limit: 180
# needs: clang
# make install, and programs that are built against what it put in place.
. "$(dirname "$0")/lib.sh"

# Installs into $T/root; the folder of pkg-config's files goes to pkgconfig.
install_to_root() {
	make --no-print-directory -C "$TOP" install BUILD="$BUILD" DESTDIR="$T/root" >"$T/install.log" 2>&1 ||
		fail "make install failed: $(tail -n 30 "$T/install.log")"
	pkgconfig=$(dirname "$(find "$T/root" -name dxvault-kmt.pc)")
	[ "$pkgconfig" != . ] || fail "no dxvault-kmt.pc"
}
pkg() {
	PKG_CONFIG_PATH=$pkgconfig PKG_CONFIG_SYSROOT_DIR=$T/root pkg-config "$@"
}

test_every_piece_is_in_place() {
	install_to_root
	# The libraries' folder has another name on a machine without dpkg-dev; it is one and the same for all of them.
	libdir=$(dirname "$(find "$T/root" -name libdxvault-kmt.so)")
	for piece in libdxvault-umd.so dxvault/dxvault-play.so dxvault/dxvault-screen.so pkgconfig/dxvault-kmt.pc \
		pkgconfig/dxvault-umd.pc; do
		[ -e "$libdir/$piece" ] || fail "$libdir/$piece is not installed"
	done
	for piece in bin/dxvault bin/dxvaultd include/dxvault/dxvault.h include/dxvault/d3dkmthk.h include/dxvault/d3dumddi.h \
		'man/man1/dxvault.1*' 'man/man1/dxvault-conform.1*' 'man/man8/dxvaultd.8*'; do
		[ -n "$(find "$T/root" -path "*/$piece")" ] || fail "$piece is not installed"
	done
}

test_a_program_links_with_dxvault_kmt() {
	install_to_root
	cat >"$T/program.c" <<-'END'
		#include <dxvault/d3dkmthk.h>
		int main(void)
		{
			D3DKMT_ENUMADAPTERS2 adapters = { 0 };
			return D3DKMTEnumAdapters2(&adapters) == STATUS_SUCCESS ? 0 : 1;
		}
	END
	# shellcheck disable=SC2046
	gcc -Wall -Werror "$T/program.c" -o "$T/program" $(pkg --cflags --libs dxvault-kmt)
	library=$(find "$T/root" -name 'libdxvault-kmt.so' | head -n 1)
	service=$(find "$T/root" -name dxvaultd -type f)
	run_with_limit 20 env LD_LIBRARY_PATH="$(dirname "$library")" DXVAULT_SERVICE="$service" "$T/program"
	assert_status 0
}

test_a_program_links_with_dxvault_umd() {
	install_to_root
	cat >"$T/program.c" <<-'END'
		#include <dxvault/d3dumddi.h>
		HRESULT APIENTRY OpenAdapter(D3DDDIARG_OPENADAPTER *data);
		int main(void)
		{
			return OpenAdapter == 0;
		}
	END
	# shellcheck disable=SC2046
	gcc -Wall -Wno-address "$T/program.c" -o "$T/program" $(pkg --cflags --libs dxvault-umd)
	driver=$(pkg --variable=driver dxvault-umd)
	case $driver in "$T/root"*) ;; *) driver=$T/root$driver ;; esac
	[ -e "$driver" ] || fail "the variable driver names $driver, which is not there"
}

test_the_installed_program_finds_its_own() {
	install_to_root
	program=$(find "$T/root" -path '*/bin/dxvault')
	library=$(dirname "$(find "$T/root" -name 'libdxvault-kmt.so' | head -n 1)")
	run_with_limit 20 env LD_LIBRARY_PATH="$library" "$program" info
	assert_status 0
}

# Nothing but PREFIX tells the programs where their own things are. Of the build with clang, so that the one under test
# keeps its prefix.
test_a_prefix_of_ones_own() {
	need_sample
	second=$BUILD-clang
	[ -e "$second/build.ninja" ] || skip "there is no second build folder to configure anew"
	prefix=$second/prefix
	rm -rf "$prefix"
	make --no-print-directory -C "$TOP" install BUILD="$second" PREFIX="$prefix" >"$T/install.log" 2>&1 ||
		fail "make install failed: $(tail -n 30 "$T/install.log")"

	cd "$T/tmp" || exit
	start env PATH=/usr/bin:/bin "$prefix/bin/dxvault" play "$SAMPLE" --key "$(cat "$SAMPLE_KEY")" --screen "$T/screen"
	wait_for 20 more_than 0 "$T/screen/screen.framemd5"
	child_of "$pid" dxvaultd
	assert_equal "$(readlink "/proc/$child/exe")" "$prefix/bin/dxvaultd"
	assert_match "/proc/$child/maps" "$prefix/lib.*/dxvault-screen.so"
	assert_match "/proc/$pid/maps" "$prefix/lib.*/libdxvault-kmt.so"
	assert_match "/proc/$pid/maps" "$prefix/lib.*/libdxvault-umd.so"
	child_of "$pid" dxvault-presenter
	assert_equal "$(readlink "/proc/$child/exe")" "$prefix/libexec/dxvault/dxvault-presenter"
	finish 30 "$pid"
	cp "$T/start.err" "$T/err"
	assert_status 0
	reference "$SAMPLE" -decryption_key "$KEY"
	assert_pictures "$T/screen/screen.framemd5"

	service=$("$prefix/bin/dxvault" info --json | sed -n 's/.*"service_process": \([0-9]*\).*/\1/p')
	assert_equal "$(readlink "/proc/$service/exe")" "$prefix/bin/dxvaultd"
	PKG_CONFIG_PATH=$(dirname "$(find "$prefix" -name dxvault-kmt.pc)")
	export PKG_CONFIG_PATH
	assert_equal "$(pkg-config --variable=prefix dxvault-kmt)" "$prefix"
	cat >"$T/program.c" <<-'END'
		#include <dlfcn.h>
		#include <dxvault/d3dkmthk.h>
		int main(int argc, char **argv)
		{
			D3DKMT_ENUMADAPTERS2 adapters = { 0 };
			void *driver = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
			(void)argc;
			return D3DKMTEnumAdapters2(&adapters) == STATUS_SUCCESS && adapters.NumAdapters == 1 && driver &&
			       dlsym(driver, "OpenAdapter") ? 0 : 1;
		}
	END
	# shellcheck disable=SC2046
	gcc -Wall -Wextra -Werror "$T/program.c" -o "$T/program" $(pkg-config --cflags --libs dxvault-kmt) \
		-Wl,-rpath,"$(pkg-config --variable=libdir dxvault-kmt)"
	run_with_limit 10 "$T/program" "$(pkg-config --variable=driver dxvault-umd)"
	assert_status 0
	kill "$service"
	rm -r "$prefix"
}

run_tests
