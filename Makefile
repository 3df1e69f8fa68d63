# SPDX-License-Identifier: MIT
# The commands of a day's work. Meson does the building; this only calls it.

BUILD := build
PREFIX ?= /usr/local
DESTDIR ?=
JOBS ?= $(shell nproc)
export JOBS

# A warning is an error where nobody would read it.
WERROR := $(if $(filter true,$(CI)),-Dwerror=true)
# An installation asked for with PREFIX= keeps its prefix; so does one that was configured earlier.
PREFIX_GIVEN := $(if $(filter command line environment,$(origin PREFIX)),yes)
NINJA = ninja $(if $(VERBOSE),-v,--quiet) -j $(JOBS)

SOURCES = $(shell find src include examples tests bench -name '*.[ch]' 2>/dev/null)

# Options of the benchmark: make bench BENCH=--quick, or BENCH='--only status.query,fence.wake'.
BENCH ?=

# The fault campaign.
TORTURE_SECONDS ?= 600
TORTURE_SEED ?=

.PHONY: all help setup play bench check check-long check-unit check-system check-sanitize check-clang fuzz torture coverage lint format install clean

all: $(BUILD)/build.ninja
	@$(NINJA) -C $(BUILD)

help:
	@echo "make              build into $(BUILD)/"
	@echo "make play         install what is missing, build, make a sample film, play it"
	@echo "make check        install what is missing, build, run every test and lint; ends with N passed, N failed"
	@echo "make check-long   that and more of it, and everything with sanitizers"
	@echo "make check-unit   the unit tests alone;  make check-system  the tests with real processes alone"
	@echo "make check-sanitize   unit tests with AddressSanitizer and UBSan, then with ThreadSanitizer"
	@echo "make check-clang  build everything with clang, warnings being errors"
	@echo "make fuzz         each fuzzing target for 60 s, or DXVAULT_FUZZ_SECONDS=N"
	@echo "make torture      faults of all kinds for 600 s, or TORTURE_SECONDS=N; TORTURE_SEED=N: the same plan again"
	@echo "make bench        how fast it is, as ratios: a table, $(BUILD)/bench.json, $(BUILD)/bench.png; BENCH=--quick"
	@echo "make coverage     which lines and branches of src/ the tests reach; build-coverage/missing.txt: which not"
	@echo "make lint         clang-format, clang-tidy, the analyzers of clang and gcc, cppcheck and manual pages"
	@echo "make format       rewrite the sources as clang-format wants them"
	@echo "make install      PREFIX=/usr/local DESTDIR="
	@echo "make setup        install what is missing to build and to check"
	@echo "make clean        remove the build folders"

setup:
	@scripts/setup play check

$(BUILD)/build.ninja:
	@command -v meson >/dev/null && command -v ninja >/dev/null || \
		{ echo "meson and ninja are needed; make setup installs them" >&2; exit 1; }
	meson setup $(BUILD) --prefix $(PREFIX) $(WERROR)

play:
	@scripts/setup play
	@$(MAKE) --no-print-directory all
	@test -s $(BUILD)/sample/sample.mp4 -a -s $(BUILD)/sample/key || \
		{ echo "Making a sample film: $(BUILD)/sample/sample.mp4"; scripts/make-sample $(BUILD)/sample/sample.mp4; }
	@mkdir -p $(BUILD)/screen
	$(BUILD)/src/tools/dxvault play $(BUILD)/sample/sample.mp4 --key "$$(cat $(BUILD)/sample/key)" --screen $(BUILD)/screen

bench:
	@scripts/setup play bench
	@$(MAKE) --no-print-directory all
	@bench/run $(BUILD) $(BENCH)

check:
	@scripts/setup play check
	@tests/run

check-long:
	@scripts/setup play check
	@tests/run --long

check-unit:
	@tests/run build unit

check-system:
	@tests/run build sample system

check-sanitize:
	@tests/run asan tsan

check-clang:
	@tests/run clang

fuzz:
	@scripts/setup play check
	@DXVAULT_FUZZ_SECONDS=$${DXVAULT_FUZZ_SECONDS:-60} tests/run fuzz

torture:
	@scripts/setup play check
	@$(MAKE) --no-print-directory all
	@tests/torture/run $(BUILD) --seconds $(TORTURE_SECONDS) $(if $(TORTURE_SEED),--seed $(TORTURE_SEED))

coverage:
	@scripts/setup play check coverage
	@scripts/coverage

lint:
	@tests/run clang static lint lint-long

format:
	clang-format -i $(SOURCES)

install: all
ifeq ($(PREFIX_GIVEN),yes)
	@meson configure $(BUILD) -Dprefix=$(PREFIX)
	@$(NINJA) -C $(BUILD)
endif
	meson install -C $(BUILD) --no-rebuild $(if $(DESTDIR),--destdir $(abspath $(DESTDIR)))
ifeq ($(DESTDIR),)
	@test "$$(id -u)" -ne 0 || ldconfig
endif

clean:
	rm -rf $(BUILD) build-clang build-asan build-tsan build-fuzz build-security build-coverage
