#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# limit: 200
# Those of tests/timing that need no quiet machine: no branch and no address depends on a secret, and failed key exchanges look
# alike (SEC-42, SEC-40).
top=$(cd "$(dirname "$0")/../.." && pwd)
if [ -n "${DXVAULT_SANITIZED-}" ]; then
	echo "skip secrets: valgrind runs no build with sanitizers"
	exit
fi
exec "$top/tests/timing/run" "${DXVAULT_BUILD:-$top/build}" secrets oaep_failures_look_alike
