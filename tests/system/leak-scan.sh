#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# limit: 300
# long limit: 600
# A film and a provider with keys of all kinds, all of which this test knows: no key, round key or picture is to be found where
# docs/security.md says that there is none (SEC-01 to SEC-05, SEC-64). helpers/leak-scan.c looks, in memory through all that Linux
# has for it, in core files with the registers of all threads, in mappings, descriptors and files. What finds nothing has to find
# what is there: leaks that helpers/leak-hook.c makes on purpose, and a service whose memory is not protected.
. "$(dirname "$0")/lib.sh"

HELPERS=$BUILD/tests/system/helpers
SCAN=$HELPERS/leak-scan
TILE=c35a917e2df0864bb819e5703c6ad42f # pictures are this over and over
ENGINES=(auto)
[ -z "${DXVAULT_LONG-}" ] || ENGINES=(auto libcrypto)

# The service whose RSA keys can be known: the same objects, but for where these come from.
KNOWN_SERVICE=$BUILD/tests/keys/dxvaultd
RSA_KEYS=${DXVAULT_TEST_KEYS:-$BUILD/test-keys}

# ---- what is needed -----------------------------------------------------------------------------------------------

need_looking() {
	[ -z "${DXVAULT_SANITIZED-}" ] || skip "a sanitizer keeps what was freed, and shadows of its own"
	command -v gcore >/dev/null || skip "gdb is not installed"
}
# Root, who may trace others.
need_root() {
	need_looking
	[ "$(id -u)" -eq 0 ] || skip "only root can look into the service"
	sleep 600 &
	gcore -a -o "$T/probe" $! >"$T/gcore" 2>&1 || true
	kill $!
	[ -s "$T/probe.$!" ] || skip "nothing can be traced here: $(tail -n 1 "$T/gcore")"
	rm "$T/probe.$!"
}

# ---- secrets -------------------------------------------------------------------------------------------------------

# hex FILE NUMBER: its 16 bytes of that number.
hex() {
	od -An -v -tx1 -j $((16 * $2)) -N 16 "$1" | tr -d ' \n'
}
# make_keys NUMBER: random ones, in $T/keys.
make_keys() {
	head -c $((16 * $1)) /dev/urandom >"$T/keys"
}
rsa_lines() {
	local file
	for file in "$RSA_KEYS"/2048-[01]; do
		echo "rsa ${file##*/} $file"
	done
	echo "rsa root $T/state/dxvault/root.key"
}

# ---- looking ---------------------------------------------------------------------------------------------------------

# look SECRETS MINIMUM TARGET...: goes to $T/scan; fails where less than MINIMUM bytes of a target could be read. Sets found.
total=0
look() {
	local target bytes
	found=0
	"$SCAN" "$1" "${@:3}" >"$T/scan" || found=$?
	[ $found -le 1 ] || fail "leak-scan ended with $found"
	cat "$T/scan" >>"$T/scans"
	for target in "${@:3}"; do
		bytes=$(awk -v target="${target%=*}" '$1 == "read" && $2 == target { sum += $4 } END { print sum + 0 }' "$T/scan")
		[ "$bytes" -ge "$2" ] || fail "$target: $bytes bytes were read, not $2: $(grep -F " ${target%=*} " "$T/scan")"
		total=$((total + bytes))
	done
	echo "$((total >> 20)) MiB" >"$T/note"
}
clean() { # the same; finds nothing
	look "$@"
	[ $found -eq 0 ] || fail "$(grep -Ev -m 40 '^read ' "$T/scan")"
}
finds() { # TARGET CLASS REGEX: in the last look
	grep -Eq "^found $1 $2 $3 " "$T/scan" || fail "$3 is in $1 ($2), and was not found: $(cat "$T/scan")"
}

# core_of PID [OPTION]: sets core; with -a also of what asks not to be in core files.
core_of() {
	rm -f "$T/core".*
	gcore "${@:2}" -o "$T/core" "$1" >"$T/gcore" 2>&1 || fail "no core file of $1: $(tail -n 3 "$T/gcore")"
	core=core:$T/core.$1
}

MIB=$((1 << 20))
# Everything of a process that does nothing at the moment: its registers too.
clean_process() { # SECRETS PID
	core_of "$2" -a
	clean "$1" $((2 * MIB)) "mem:$2" "vm:$2" "$core"
	[ "$(awk '$3 == "registers" { print $4 }' "$T/scan")" -gt 500 ] || fail "$core has no registers"
	mv "$T/scan" "$T/scan.process"
	clean "$1" 1 "files:$2"
}
# What clean_process has just met: protected memory is there, and was refused.
assert_protected() {
	awk '$3 == "secret" && $2 ~ /^(mem|vm):/ { areas++; wrong += $4 > 0 || $6 < 2097152 } END { exit !(areas == 2 && !wrong) }' \
		"$T/scan.process" || fail "memfd_secret memory: $(cat "$T/scan.process")"
}
clean_files() { # SECRETS: what is left in files. The root key is in its own, which SEC-60 is about.
	local file targets=()
	while read -r file; do
		targets+=("file:$file")
	done < <(find "$T/run" "$T/tmp" "$T/state" -type f -size +0 ! -name root.key)
	clean "$1" 1 "${targets[@]}"
}

# ---- services, players -----------------------------------------------------------------------------------------------

# begin_service [OPTION...]: sets service; says what it can, into $T/log.
begin_service() {
	mkdir -p "$RSA_KEYS"
	[ -d "$DXVAULT_RUNTIME_DIR" ] || mkdir -m 700 "$DXVAULT_RUNTIME_DIR"
	DXVAULT_TEST_KEYS=$RSA_KEYS "${SERVICE_ENVIRONMENT[@]}" "$KNOWN_SERVICE" --log-level debug --idle-seconds 3600 "$@" \
		>"$T/log" 2>&1 </dev/null &
	service=$!
	# It listens before it is ready.
	wait_for 60 grep -q 'serving clients' "$T/log"
}
SERVICE_ENVIRONMENT=(env)
end_service() {
	kill "$service"
	wait_for 60 is_gone "$service"
}
use_engine() { # NAME
	echo "engine = $1" >"$XDG_CONFIG_HOME/dxvault/dxvaultd.conf"
}

# begin_client: sets client, and writes $T/secrets. Then: tell LETTER WORD
begin_client() {
	local name i=0
	make_keys 4
	[ -p "$T/commands" ] || mkfifo "$T/commands"
	exec 9<>"$T/commands"
	LD_PRELOAD=$HELPERS/libleak-hook.so LEAK_KEYS=$T/keys LEAK_TAP=$T/tap \
		"$HELPERS/leak-client" "$T/run/made" <"$T/commands" >"$T/answers" 2>"$T/client.err" &
	client=$!
	wait_for 60 grep -qs ready "$T/answers"
	for name in session content tile channel; do
		echo "$([ $name = tile ] && echo tile || echo aes) $name $(hex "$T/keys" $i)"
		i=$((i + 1))
	done >"$T/secrets"
	echo "aes read-back $(hex "$T/run/made" 0)" >>"$T/secrets"
	echo "aes refreshed $(hex "$T/run/made" 1)" >>"$T/secrets"
	rm "$T/run/made"
	grep -v '^tile ' "$T/secrets" >"$T/keys-only"
}
tell() {
	echo "$1" >&9
	wait_for 60 grep -q "$2" "$T/answers"
}
end_client() {
	echo q >&9
	wait_for 60 is_gone "$client"
	exec 9>&-
	assert_empty "$T/client.err"
}

# A film of tiles, without loss, so that they are in the surfaces as they are here; 250 pictures.
need_tiled_film() {
	film=$BUILD/sample/tiles.mp4
	[ ! -s "$film" ] || return 0
	mkdir -p "$BUILD/sample"
	python3 -c 'import sys
tile, size = bytes.fromhex(sys.argv[1]), 640 * 360
picture = tile * (size // 16) + tile[0::2] * (size // 32) + tile[1::2] * (size // 32)
for _ in range(25): sys.stdout.buffer.write(picture)' $TILE |
		ffmpeg -nostdin -v error -y -f rawvideo -pix_fmt yuv420p -s 640x360 -r 25 -i - -c:v libx264 -preset ultrafast -qp 0 \
			-bf 0 "$T/short.mp4"
	ffmpeg -nostdin -v error -y -stream_loop 9 -i "$T/short.mp4" -c copy "${ENCRYPTED[@]}" "$T/long.mp4"
	mv -f "$T/long.mp4" "$film.$$" && mv -f "$film.$$" "$film"
	rm "$T/short.mp4"
}

# Pictures stop before one of them while $T/hold is there, and before a later one while $T/hold.again is. What the film says at
# its end goes to a pipe that takes no more, so that the provider stays as it is once it has given everything back.
begin_film() { # [ENVIRONMENT...]
	make_keys 2
	mkfifo "$T/full"
	exec 8<>"$T/full"
	python3 -c 'import os, sys
pipe = os.open(sys.argv[1], os.O_WRONLY | os.O_NONBLOCK)
for size in 4096, 1:
    try:
        while True: os.write(pipe, b"x" * size)
    except BlockingIOError: pass' "$T/full"
	touch "$T/hold"
	rm -f "$T/hold.reached"
	env LD_PRELOAD="$HELPERS/libleak-hook.so" LEAK_KEYS="$T/keys" LEAK_TAP="$T/tap" LEAK_HOLD="120:$T/hold" "$@" \
		"$DXVAULT" play "$film" --key "$KID:$KEY" >"$T/full" 2>"$T/film.err" </dev/null &
	provider=$!
	wait_for 60 test -e "$T/hold.reached"
	child_of "$provider" dxvault-presenter
	presenter=$child
	{
		echo "aes session $(hex "$T/keys" 0)"
		echo "aes channel $(hex "$T/keys" 1)"
		echo "aes film $KEY"
	} >"$T/keys-only"
	{ cat "$T/keys-only" && echo "tile tile $TILE"; } >"$T/secrets"
}
provider_waits() {
	grep -q pipe_write "/proc/$provider/wchan" && is_gone "$presenter"
}
end_film() {
	timeout 60 cat "$T/full" >"$T/film.out" 8>&- &
	local reader=$!
	exec 8>&-
	wait_for 60 is_gone "$provider"
	wait "$provider" || fail "the film failed: $(cat "$T/film.err")"
	wait $reader
	assert_match "$T/film.out" '^Session status: +OK'
}

# ---- nothing is found -----------------------------------------------------------------------------------------------

# SEC-01 SEC-04 SEC-05 SEC-64: session, content, read-back, refreshed and channel key, and the RSA keys of the certificates.
keys_of_all_kinds() { # ENGINE
	use_engine "$1"
	begin_service
	begin_client
	rsa_lines >"$T/rsa"
	cat "$T/rsa" >>"$T/secrets"
	cat "$T/rsa" >>"$T/keys-only"
	clean_process "$T/secrets" "$service"
	assert_protected
	# What both have is the client's to read as well.
	clean "$T/secrets" $MIB "mem:$client=shared"
	tell w working
	for _ in 1 2; do
		# A processor that works with a key has it in its registers.
		core_of "$service" -a
		clean "$T/secrets" $((4 * MIB)) "$core=memory" "mem:$service" "vm:$service"
		clean "$T/secrets" $MIB "mem:$client=shared" "files:$service"
	done
	tell d dropped
	clean_process "$T/secrets" "$service"
	tell c closed
	clean_process "$T/secrets" "$service"
	# Its own page had the channel's key until then.
	clean_process "$T/keys-only" "$client"
	check_tap
	check_log
	clean_files "$T/secrets"
	end_client
	end_service
	clean "$T/secrets" 1 "file:$T/log"
}
# What went over sockets: nothing of it, and the tap is one: what is no secret is there.
check_tap() {
	clean "$T/secrets" 10000 "file:$T/tap"
	od -An -v -tx1 "$T/state/dxvault/root.crt" | tr -d ' \n' | cut -c 201-232 >"$T/certificate"
	echo "bytes certificate $(cat "$T/certificate")" >"$T/public"
	look "$T/public" 10000 "file:$T/tap"
	finds "file:$T/tap" file 'certificate bytes'
}
# SEC-64: nor does the log name what opens something.
check_log() {
	local token session
	clean "$T/secrets" 50 "file:$T/log"
	token=$(awk '$2 == "token" { print $3; exit }' "$T/answers")
	session=$(awk '$4 == "session" { print $5; exit }' "$T/answers")
	[ -n "$token" ] && [ "$session" -gt 0 ] || fail "no numbers: $(cat "$T/answers")"
	for number in "$token" "$(printf %x "$token")" "$session" "$(printf %x "$session")"; do
		! grep -qiw -- "$number" "$T/log" || fail "the log says $number: $(cat "$T/log")"
	done
}
test_keys_of_all_kinds() {
	local engine
	need_root
	for engine in "${ENGINES[@]}"; do
		keys_of_all_kinds "$engine"
		rm -f "$T/tap" "$T/answers" "$T/log"
	done
}

# SEC-01 SEC-03 SEC-04 SEC-05 SEC-64
test_a_film() {
	need_root
	need_tiled_film
	begin_service
	begin_film
	# It is these that the provider has, until it has none.
	look "$T/secrets" $((4 * MIB)) "mem:$provider"
	for name in 'session key' 'session round-10' 'film key' 'channel key' 'tile bytes'; do
		finds "mem:$provider" '[a-z]*' "$name"
	done
	clean_process "$T/secrets" "$service"
	assert_protected
	clean_process "$T/secrets" "$presenter"
	clean "$T/secrets" $MIB "mem:$provider=shared"
	clean "$T/secrets" 1 "files:$provider"
	# SEC-05: the one key that is to outlive the film's pictures is kept from core files and swap there too.
	core_of "$provider"
	look "$T/keys-only" $MIB "$core"
	! grep ' channel ' "$T/scan" || fail "a core file of the provider has the channel's key"
	[ "$(awk '/^VmLck:/ { print $2 }' "/proc/$provider/status")" -ge 4 ] || fail "the provider has no locked memory"
	# While it plays.
	touch "$T/hold.again"
	rm "$T/hold"
	core_of "$service" -a
	clean "$T/secrets" $((2 * MIB)) "$core=memory" "mem:$service" "mem:$presenter"
	rm "$T/hold.again"
	wait_for 60 provider_waits
	clean_process "$T/keys-only" "$provider"
	clean_process "$T/secrets" "$service"
	end_film
	check_tap
	clean "$T/secrets" 50 "file:$T/log"
	clean_files "$T/secrets"
	clean "$T/secrets" 50 "file:$T/film.out" "file:$T/film.err"
	end_service
}

# ---- the same user ----------------------------------------------------------------------------------------------------

# SEC-02: nothing can be read at all. What refuses the service's memory gives the client's.
test_the_same_user() {
	need_looking
	need_user
	mkdir -m 700 "$DXVAULT_RUNTIME_DIR" 2>/dev/null || true
	"${AS_USER[@]}" test -w "$DXVAULT_RUNTIME_DIR" || chown 65534:65534 "$DXVAULT_RUNTIME_DIR"
	(
		cd "$T/tmp"
		ulimit -c unlimited
		# How it ended, and whether that left a core file.
		exec "${AS_USER[@]}" python3 -c 'import os, subprocess, sys
child = subprocess.Popen(sys.argv[2:])
print(child.pid, file=open(sys.argv[1] + "/pid", "w"), flush=True)
status = os.waitpid(child.pid, 0)[1]
print(os.WTERMSIG(status), os.WCOREDUMP(status), file=open(sys.argv[1] + "/ended", "w"))' "$T/tmp" \
			"$DXVAULTD" --log-level debug --idle-seconds 3600
	) >"$T/log" 2>&1 </dev/null &
	wait_for 60 grep -q 'serving clients' "$T/log"
	service=$(cat "$T/tmp/pid")
	make_keys 4
	chmod 644 "$T/keys"
	begin_as_user
	echo "aes film $KEY" >"$T/none"
	chmod 644 "$T/none"
	cat "/proc/$service/maps" >"$T/maps" 2>/dev/null || cat "/proc/$client/maps" >"$T/maps"
	chmod 644 "$T/maps"
	for target in "mem:$service" "vm:$service" "files:$service"; do
		LEAK_MAPS=$T/maps "${AS_USER[@]}" "$SCAN" "$T/none" "$target" >"$T/scan"
		awk '$1 == "read" { read += $4; refused += $6 } END { exit !(read == 0 && refused > 0) }' "$T/scan" ||
			fail "$target: $(cat "$T/scan")"
	done
	for file in maps smaps environ auxv stack syscall pagemap; do
		! "${AS_USER[@]}" head -c 1 "/proc/$service/$file" >"$T/out" 2>&1 || fail "/proc/PID/$file can be read"
	done
	run_with_limit 60 "${AS_USER[@]}" gcore -a -o "$T/tmp/core" "$service"
	[ "$status" -ne 0 ] && [ ! -e "$T/tmp/core.$service" ] || fail "gcore got something"
	# The client, for comparison.
	for target in "mem:$client" "vm:$client" "files:$client"; do
		"${AS_USER[@]}" "$SCAN" "$T/none" "$target" >"$T/scan"
		awk '$1 == "read" { read += $4 } END { exit read < 10 }' "$T/scan" || fail "$target: $(cat "$T/scan")"
	done
	run_with_limit 60 "${AS_USER[@]}" gcore -a -o "$T/tmp/core" "$client"
	[ -s "$T/tmp/core.$client" ] || fail "gcore gets nothing of the client: $(cat "$T/err")"
	rm "$T/tmp/core.$client"
	kill -SEGV "$service"
	wait_for 60 test -s "$T/tmp/ended"
	assert_equal "$(cat "$T/tmp/ended")" "11 False"
	exec 9>&-
	kill -KILL "$client"
	rm "$T/tmp/pid" "$T/tmp/ended" "$DXVAULT_RUNTIME_DIR/service.sock"
}
begin_as_user() {
	mkfifo -m 666 "$T/commands"
	exec 9<>"$T/commands"
	"${AS_USER[@]}" env LD_PRELOAD="$HELPERS/libleak-hook.so" LEAK_KEYS="$T/keys" \
		"$HELPERS/leak-client" "$T/tmp/made" <"$T/commands" >"$T/answers" 2>"$T/client.err" &
	client=$!
	wait_for 60 grep -qs ready "$T/answers"
	rm "$T/tmp/made"
}

# ---- what there is, is found ------------------------------------------------------------------------------------------

# As libraries hold them: each kind of key, and the pictures.
assert_all_found() { # TARGET CLASS
	local name
	for name in 'refreshed key' 'refreshed round-10' 'read-back key' 'read-back round-5' 'channel key' \
		'channel round-1' 'channel subkey-[12]' 'tile bytes' '2048-0 d-limbs' '2048-1 rsa-factor1-limbs'; do
		finds "$1" "$2" "$name"
	done
}
has_content_key() {
	look "$T/secrets" $((4 * MIB)) "mem:$service=anonymous"
	grep -q ' content round-10 ' "$T/scan"
}
weaker_memory() { # ENGINE
	use_engine "$1"
	begin_service --memory locked
	begin_client
	rsa_lines >>"$T/secrets"
	# Root's reads get through here, so all that is not found with the stronger kind can be found.
	look "$T/secrets" $((4 * MIB)) "mem:$service" "vm:$service"
	assert_all_found "mem:$service" anonymous
	assert_all_found "vm:$service" anonymous
	core_of "$service" -a
	look "$T/secrets" $((4 * MIB)) "$core"
	assert_all_found "$core" memory
	# A content key is there as long as its blt: that takes some looks.
	if [ -n "${DXVAULT_LONG-}" ]; then
		tell w working
		wait_for 60 has_content_key
		tell d dropped
	fi
	# SEC-05: it asks not to be in core files, is locked, and was never in swap.
	core_of "$service"
	clean "$T/secrets" $((4 * MIB)) "$core"
	awk '/^[0-9a-f]+-[0-9a-f]+ / { mode = $2 }
		/^Size:/ { size = $2 }
		/^Swap:/ { swap = $2 }
		/^VmFlags:/ && / wf/ && mode == "rw-p" { areas++; sum += size; weak += !(/ lo/ && / dd/) || swap > 0 }
		END { print areas + 0, sum + 0, weak + 0; exit !(areas >= 3 && sum >= 3072 && weak == 0) }' \
		"/proc/$service/smaps" >"$T/areas" || fail "areas, KiB, not locked or in core files: $(cat "$T/areas")"
	end_client
	end_service
}
test_weaker_memory_is_locked_and_in_no_core_file() {
	local engine
	need_root
	for engine in "${ENGINES[@]}"; do
		weaker_memory "$engine"
	done
}

# The same of the best kind, which only a look at its flags tells: nobody can read it.
test_protected_memory_is_locked() {
	need_root
	begin_service
	awk '/^[0-9a-f]+-[0-9a-f]+ / { secret = /\/secretmem/ }
		secret && /^VmFlags:/ { areas++; weak += !(/ lo/ && / dd/) }
		secret && /^Swap:/ { weak += $2 > 0 }
		END { print areas + 0, weak + 0; exit !(areas > 0 && weak == 0) }' "/proc/$service/smaps" >"$T/areas" ||
		fail "areas, not locked or in core files: $(cat "$T/areas")"
	end_service
}

# make_plants OFFSET: key, round key and tile in turns, one for each place of leak-hook.c; the first is of the kind OFFSET.
PLACES=11
make_plants() {
	local i text
	make_keys $PLACES
	mv "$T/keys" "$T/random"
	rm -f "$T/plants" "$T/planted"
	for ((i = 0; i < PLACES; i++)); do
		text=$(hex "$T/random" $i)
		echo "$([ $((($1 + i) % 3)) = 2 ] && echo tile || echo aes) plant-$i $text" >>"$T/planted"
		[ $((($1 + i) % 3)) != 1 ] || text=$("$SCAN" --round "$text" $((1 + i % 10)))
		python3 -c 'import sys; sys.stdout.buffer.write(bytes.fromhex(sys.argv[1]))' "$text" >>"$T/plants"
	done
}
# caught NUMBER TARGET=CLASSES: this leak alone makes what it is in a failure.
caught() {
	grep "^[a-z]* plant-$1 " "$T/planted" >"$T/plant"
	! (clean "$T/plant" 1 "$2") >"$T/verdict" || fail "a leak on purpose is not caught in $2: $(cat "$T/plant")"
	assert_match "$T/verdict" "^found ${2%=*} [a-z]+ plant-$1 "
	leaks=$((${leaks:-0} + 1))
	echo "$leaks leaks" >"$T/note"
}
caught_in_process() { # PID OUTPUT: what it says goes there
	caught 0 "mem:$1=heap,anonymous"
	caught 0 "vm:$1=heap,anonymous"
	caught 1 "mem:$1=file"
	caught 2 "mem:$1=anonymous"
	caught 3 "mem:$1=stack"
	caught 4 "mem:$1=shared"
	caught 4 "files:$1=map_files"
	caught 5 "files:$1=fd"
	caught 6 "file:$T/run"
	caught 7 "files:$1=fd"
	caught 8 "file:$2"
	core_of "$1" -a
	caught 3 "$core=memory"
	[ "$(uname -m)" = x86_64 ] || return 0
	caught 9 "$core=registers"
	caught 10 "$core=registers"
}
# The first plant's kind; DXVAULT_LONG=1: each in turn, so that each kind was in each place.
kinds() {
	[ -n "${DXVAULT_LONG-}" ] && echo 0 1 2 || echo "$1"
}
test_leaks_of_the_service_are_caught() {
	local kind
	need_root
	for kind in $(kinds 0); do
		make_plants "$kind"
		SERVICE_ENVIRONMENT=(env LD_PRELOAD="$HELPERS/libleak-hook.so" LEAK_PLANT="$T/plants")
		begin_service
		caught_in_process "$service" "$T/log"
		end_service
		rm -f "$DXVAULT_RUNTIME_DIR"/leak-*
	done
}
test_leaks_of_presenter_and_provider_are_caught() {
	local kind
	need_root
	need_tiled_film
	for kind in $(kinds 1); do
		make_plants "$kind"
		begin_service
		rm -f "$T/full"
		begin_film LEAK_PLANT="$T/plants"
		caught_in_process "$presenter" "$T/film.err"
		rm -f "$DXVAULT_RUNTIME_DIR/leak-$presenter" "$T/hold"
		wait_for 60 provider_waits
		caught_in_process "$provider" "$T/film.err"
		end_film
		end_service
		rm -f "$DXVAULT_RUNTIME_DIR"/leak-*
	done
}

run_tests
