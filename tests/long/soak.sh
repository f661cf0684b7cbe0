#!/usr/bin/env bash
# SOAK_SECONDS (300; half an hour is 1800) of mixed load on one server: no error, no growth of memory or descriptors.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
exec "${NODE:-node}" "$root/tests/long/soak.mjs"
