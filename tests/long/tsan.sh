#!/usr/bin/env bash
# ThreadSanitizer over the unit tests, the conformance suite, and the server under calls from many threads.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build=$root/build/thread-sanitized

cmake -S "$root" -B "$build" -DCMAKE_BUILD_TYPE=RelWithDebInfo -DGATEHOUSE_TESTS=ON -DGATEHOUSE_SANITIZE=thread
cmake --build "$build" -j "$(nproc)"
export TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1
export CK_TIMEOUT_MULTIPLIER=5 # of the time limits of single tests
# Older runtimes do not know where newer kernels put things; a fixed layout helps them.
fixed=()
! setarch "$(uname -m)" -R true 2>/dev/null || fixed=(setarch "$(uname -m)" -R)
"${fixed[@]}" ctest --test-dir "$build" --output-on-failure
TEST_BIN_DIR=$build "${fixed[@]}" "${NODE:-node}" --test --test-timeout=240000 \
    "$root/tests/conformance/server.test.mjs" "$root"/tests/attack/bad_mcp.test.mjs "$root"/tests/integration/{streams,tasks}.test.mjs </dev/null
TEST_BIN_DIR=$build SOAK_SECONDS=${TSAN_SECONDS:-60} SOAK_MEMORY=off \
    "${fixed[@]}" "${NODE:-node}" "$root/tests/long/soak.mjs"
