#!/usr/bin/env bash
# Sets up, prunes a trained model, compiles it, compares it with ONNX Runtime, and lets it learn.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
bash tools/setup.sh
exec .venv/bin/python tools/quickstart.py --build "${BUILD_DIR:-build}" "$@"
