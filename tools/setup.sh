#!/usr/bin/env bash
# Installs what Neuroplast needs on Debian 12 and builds it into build/.
#
# Idempotent and quick when everything is there. Needs root or sudo for the
# Debian packages only. Variables: JOBS (compile jobs), BUILD_DIR (build/) and, read
# when BUILD_DIR is first made, CMAKE_ARGS.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
jobs=${JOBS:-$(nproc)}
build=${BUILD_DIR:-build}

packages=(
  ca-certificates git ccache ninja-build python3 python3-dev python3-venv shellcheck
  libc6-dev libstdc++-12-dev
  clang-22 clang-format-22 clang-tidy-22 libclang-rt-22-dev
  lld-22 liblld-22-dev llvm-22-dev llvm-22-tools libomp-22-dev
  libmlir-22-dev mlir-22-tools
  libprotobuf-dev protobuf-compiler libeigen3-dev coinor-libcbc-dev
  libgtest-dev libgmock-dev libzip-dev zlib1g-dev fonts-dejavu-core
  libopenmpi-dev openmpi-bin
  chromium
)

say() { printf '== %s\n' "$*"; }

# Prints the Debian packages of the list that are not installed.
missing_packages() {
  local package
  for package in "${packages[@]}"; do
    if ! dpkg-query -W -f='${Status}' "$package" 2>/dev/null |
      grep -q '^install ok installed'; then
      echo "$package"
    fi
  done
}

install_packages() {
  local missing as_root=()
  mapfile -t missing < <(missing_packages)
  if ((${#missing[@]} == 0)); then
    return
  fi
  say "Debian packages: ${missing[*]}"
  if ((EUID != 0)); then
    as_root=(sudo)
  fi
  "${as_root[@]}" apt-get update -qq
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends "${missing[@]}"
}

# The stamp holds the requirements that were installed last.
install_python() {
  local stamp=.venv/.requirements.installed
  if [[ ! -x .venv/bin/python ]]; then
    say "Python environment .venv"
    python3 -m venv .venv
  fi
  if cmp -s tools/requirements.txt "$stamp"; then
    return
  fi
  say "Python packages"
  .venv/bin/python -m pip install --quiet --disable-pip-version-check \
    --no-deps -r tools/requirements.txt
  cp tools/requirements.txt "$stamp"
}

# The ONNX C++ library, from the source distribution of the Python package.
install_onnx() {
  local version=1.23.2
  local archive=.deps/onnx-$version.tar.gz source=.deps/onnx-$version
  local digest=008cb0467b2bbee41448acc7da8b6f4e704624cb0d327a2d5adafc7ce19bc5b8
  if [[ -f $source/build/libonnx.a && -f $source/build/libonnx_proto.a ]]; then
    return
  fi
  say "ONNX C++ library $version"
  mkdir -p .deps
  if [[ ! -f $archive ]]; then
    .venv/bin/python -m pip download --quiet --disable-pip-version-check \
      --no-deps --no-binary onnx --dest .deps "onnx==$version"
  fi
  echo "$digest  $archive" | sha256sum --check --quiet -
  rm -rf "$source"
  tar -xzf "$archive" -C .deps
  .venv/bin/cmake -G Ninja -S "$source" -B "$source/build" \
    -DCMAKE_BUILD_TYPE=Release -DCMAKE_POSITION_INDEPENDENT_CODE=ON \
    -DCMAKE_C_COMPILER=clang-22 -DCMAKE_CXX_COMPILER=clang++-22 \
    -DCMAKE_C_COMPILER_LAUNCHER=ccache -DCMAKE_CXX_COMPILER_LAUNCHER=ccache \
    -DONNX_USE_PROTOBUF_SHARED_LIBS=ON -DONNX_BUILD_TESTS=OFF >"$source.log"
  ninja -C "$source/build" -j "$jobs" >>"$source.log" ||
    { tail -n 40 "$source.log" >&2; return 1; }
}

build_neuroplast() {
  local arguments=()
  read -ra arguments <<<"${CMAKE_ARGS:-}"
  if [[ ! -f $build/build.ninja ]]; then
    .venv/bin/cmake -G Ninja -S . -B "$build" -DCMAKE_BUILD_TYPE=Release \
      -DCMAKE_C_COMPILER=clang-22 -DCMAKE_CXX_COMPILER=clang++-22 \
      -DCMAKE_C_COMPILER_LAUNCHER=ccache -DCMAKE_CXX_COMPILER_LAUNCHER=ccache \
      -DMLIR_DIR=/usr/lib/llvm-22/lib/cmake/mlir \
      -DLLVM_DIR=/usr/lib/llvm-22/lib/cmake/llvm \
      -DCMAKE_EXE_LINKER_FLAGS=-fuse-ld=lld "${arguments[@]}"
  fi
  ninja -C "$build" -j "$jobs"
}

export CCACHE_DIR=${CCACHE_DIR:-$root/.ccache}
# The times of headers do not matter, only what they hold.
export CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_ctime,include_file_mtime
export CCACHE_BASEDIR=${CCACHE_BASEDIR:-$root} CCACHE_NOHASHDIR=1
install_packages
install_python
install_onnx
say "Build in $build"
build_neuroplast
# 'import neuroplast' in the environment means the package of this build.
for packages in .venv/lib/python*/site-packages; do
  (cd "$build" && pwd) | sed 's|$|/python|' >"$packages/neuroplast.pth"
done
