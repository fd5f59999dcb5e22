#!/usr/bin/env bash
# Builds the fuzzers and runs one: run.sh import|module SECONDS.
#
# The corpus grows in build-fuzz/corpus/; it starts from the conformance models or from
# the IR tests. What is found is left in build-fuzz/findings/.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$root"
kind=$1
seconds=$2
build=${BUILD_DIR:-build-fuzz}
BUILD_DIR=$build CMAKE_ARGS="-DNEUROPLAST_SANITIZE=ON -DNEUROPLAST_FUZZ=ON" \
  bash tools/setup.sh
corpus=$build/corpus/$kind
findings=$build/findings/$kind
mkdir -p "$corpus" "$findings"
.venv/bin/python test/Fuzz/seeds.py "$kind" "$corpus"
ASAN_OPTIONS=detect_leaks=0:allow_user_poisoning=0:detect_container_overflow=0:allocator_may_return_null=1 \
  "$build/bin/neuroplast-fuzz-$kind" -max_len=4096 -timeout=20 -rss_limit_mb=8000 \
  -max_total_time="$seconds" -artifact_prefix="$findings/" -print_final_stats=1 "$corpus"
