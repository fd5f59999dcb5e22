#!/usr/bin/env bash
# Runs one of the project's demonstrations in full.
#
#   A  quickstart and every test from a fresh clone
#   B  the ONNX backend suite, per tier
#   C  fourteen models against ONNX Runtime, two of them in other shapes too
#   D  fourteen models pruned by half, against ONNX Runtime and masked originals
#   E  the quickstart: accuracy, size and latency over shares of the operations
#   F  latency, compile time and compile memory against ONNX Runtime
#   G  malformed models and random edits, under the address and undefined-behaviour
#      sanitizers
#   H  soundness of the axis rules; refused edits change nothing
#   I  accuracy of pruned models by each criterion, as cut and fitted
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
letter=${1:-}
build=${BUILD_DIR:-build}
python=.venv/bin/python

usage() {
  sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}" >&2
  exit 2
}

# A clone builds from nothing but what it holds; the compiler cache is its own.
show_fresh_clone() {
  local clone
  clone=$(mktemp -d)
  trap 'rm -rf "$clone"' EXIT
  git clone --quiet "$root" "$clone/neuroplast"
  cd "$clone/neuroplast"
  time bash tools/quickstart.sh
  time bash tools/run-tests.sh
}

show_malformed() {
  local sanitized=build-sanitize
  BUILD_DIR=$sanitized CMAKE_ARGS=-DNEUROPLAST_SANITIZE=ON bash tools/setup.sh
  "$python" -m pytest -p no:cacheprovider -v --build="$sanitized" \
    test/EndToEnd/test_malformed.py test/EndToEnd/test_sparsify.py \
    test/EndToEnd/test_insert.py test/EndToEnd/test_shorten.py
  # Edits of a hundred random networks.
  "$python" -m pytest -p no:cacheprovider -v --build="$sanitized" \
    test/Property/test_random_networks.py -k "[0] or [1000000]"
}

end_to_end() {
  "$python" -m pytest -p no:cacheprovider -v --build="$build" "$@"
}

case "$letter" in
A) show_fresh_clone ;;
G) show_malformed ;;
B | C | D | E | F | H | I)
  bash tools/setup.sh
  case "$letter" in
  B) "$python" test/Conformance/run.py --build "$build" --reasons 1000 ;;
  C) end_to_end --all-models test/EndToEnd/test_models.py ;;
  D) PYTHONPATH="$root/test" "$python" -m Models.pruning --build "$build" ;;
  E) "$python" tools/quickstart.py --build "$build" --rounds 5 ;;
  F) "$python" test/Benchmark/run.py --build "$build" --limits ;;
  I) "$python" test/Benchmark/recovery.py --build "$build" ;;
  H)
    PYTHONPATH="$root/test" "$python" -m Property.survey --mutants --build "$build"
    end_to_end test/Property/test_edits.py
    ;;
  esac
  ;;
*) usage ;;
esac
