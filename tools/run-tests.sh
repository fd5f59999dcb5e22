#!/usr/bin/env bash
# Sets up and runs every test; the last line says how many passed and failed.
#
# Arguments name suites to run instead of all: style lit unit e2e conformance.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
bash tools/setup.sh
exec .venv/bin/python test/run_tests.py --build "${BUILD_DIR:-build}" "$@"
