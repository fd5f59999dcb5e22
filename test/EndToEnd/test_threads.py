"""Threads that share the work of a run, and threads that share models."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from Models import driver, models

# A hundred threads run one library and another one, which is a smaller version of the
# first; results are those of the first run. Then both are closed while some threads live.
PROGRAM = r"""
#include "one.h"
#include <atomic>
#include <cstdio>
#include <cstring>
#include <dlfcn.h>
#include <thread>
#include <vector>

struct Library {
  void *handle;
  int32_t (*run)(const NeuroplastTensor *, NeuroplastTensor *);
  void (*release)(void *);
  std::vector<float> expected;
  explicit Library(const char *path) {
    handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!handle)
      fprintf(stderr, "%s\n", dlerror());
    run = (decltype(run))dlsym(handle, "neuroplast_run");
    release = (decltype(release))dlsym(handle, "neuroplast_free");
  }
  std::vector<float> compute(float seed) const {
    std::vector<float> x(3 * 48 * 96);
    for (size_t i = 0; i < x.size(); ++i)
      x[i] = seed * float(i % 17) / 17;
    NeuroplastTensor in = {x.data(), int64_t(x.size() * 4), 1, 4, {1, 3, 48, 96}};
    NeuroplastTensor out = {};
    if (run(&in, &out))
      return {};
    std::vector<float> y((float *)out.data, (float *)out.data + out.shape[0] * out.shape[1]);
    release(out.data);
    return y;
  }
};

int main(int argc, char **argv) {
  Library one(argv[1]), other(argv[2]);
  one.expected = one.compute(1);
  other.expected = other.compute(1);
  std::atomic<int> wrong{0}, done{0};
  std::atomic<bool> isClosed{false};
  std::vector<std::thread> threads;
  for (int i = 0; i < 100; ++i)
    threads.emplace_back([&] {
      for (int turn = 0; turn < 2; ++turn)
        for (const Library *library : {&one, &other})
          if (library->compute(1) != library->expected)
            ++wrong;
      ++done;
      while (!isClosed)
        std::this_thread::yield();
    });
  while (done < 100)
    std::this_thread::yield();
  dlclose(one.handle);
  dlclose(other.handle);
  isClosed = true;
  for (std::thread &thread : threads)
    thread.join();
  printf("%d wrong, %s\n", wrong.load(),
         one.expected.empty() || one.expected == other.expected ? "the same" : "two models");
  return 0;
}
"""


@pytest.mark.parametrize("name", ["squeezenet", "ppocr_rec", "minilm_l3"])
def test_any_number_of_threads_computes_the_same(
    name: str, neuroplast: Path, tmp_path: Path
) -> None:
    model, inputs, library = models.MODELS[name], models.MODELS[name].sample(), tmp_path / "m.so"
    results = []
    for threads in (1, 2, 3):
        driver.call(neuroplast, "compile", model.path(), "-o", library, "--threads", str(threads))
        results.append(driver.run(neuroplast, library, inputs))
        needed = subprocess.run(["readelf", "-d", library], capture_output=True, text=True)
        assert ("libomp" in needed.stdout) == (threads > 1)
    for other in results[1:]:
        for key, value in results[0].items():
            assert np.array_equal(other[key], value), key


def test_unfit_numbers_of_threads(neuroplast: Path, tmp_path: Path) -> None:
    source, library = models.MODELS["ppocr_cls"].path(), tmp_path / "m.so"
    for number in ("0", "-1", "1025", "two"):
        with pytest.raises(driver.DriverError, match="--threads"):
            driver.call(neuroplast, "compile", source, "-o", library, "--threads", number)
    driver.call(neuroplast, "compile", source, "-o", library)
    with pytest.raises(driver.DriverError, match="is compiled|how a model is compiled"):
        driver.call(neuroplast, "bench", library, "--threads", "2")


def test_threads_share_libraries(neuroplast: Path, tmp_path: Path) -> None:
    compiler = shutil.which("clang++-22")
    if not compiler:
        pytest.skip("no compiler that has ThreadSanitizer")
    source, smaller = models.MODELS["ppocr_cls"].path(), tmp_path / "smaller.onnx"
    driver.call(neuroplast, "prune", source, "-o", smaller, "--no-compare")
    for name, model in (("one", source), ("other", smaller)):
        driver.call(
            neuroplast,
            "compile",
            model,
            "-O",
            "1",
            "--sanitize",
            "thread",
            "--shape",
            "x=1x3x48x96",
            "-o",
            tmp_path / f"{name}.so",
            "--header",
            tmp_path / f"{name}.h",
        )
    program = tmp_path / "program.cpp"
    program.write_text(PROGRAM)
    subprocess.run(
        [
            compiler,
            "-std=c++17",
            "-fsanitize=thread",
            "-O1",
            program,
            "-o",
            tmp_path / "program",
            "-ldl",
        ],
        check=True,
        cwd=tmp_path,
    )
    done = subprocess.run(
        [tmp_path / "program", tmp_path / "one.so", tmp_path / "other.so"],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout == "0 wrong, two models\n"
    assert "WARNING: ThreadSanitizer" not in done.stderr
