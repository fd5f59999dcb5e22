"""What the driver and compiled libraries do with good and with bad arguments."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import onnx
import pytest
from Models import driver, models
from Models.architectures.builder import Builder

# Two inputs share a size; one output is an input, one is given twice, one is a
# parameter.
MODEL = """<ir_version: 8, opset_import: ["" : 17]>
g (float[N,3] x, float[N,3] y) => (float[N,3] sum, float[N,3] same, float[N,3] again, float[20] w)
<float[20] w = {0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19}>
{
  sum = Add(x, y)
  same = Identity(x)
  again = Identity(sum)
}
"""

TYPED = """<ir_version: 8, opset_import: ["" : 17]>
g (bool[2] b, uint8[2] u, int64[2] i, double[2] d, float16[2] h)
  => (bool[2] nb, uint8[2] su, int64[2] si, double[2] sd, float16[2] sh)
{
  nb = Not(b)
  su = Add(u, u)
  si = Mul(i, i)
  sd = Neg(d)
  sh = Add(h, h)
}
"""

C_PROGRAM = """
#include "first.h"
#include "second.h"
#include <stdio.h>
#include <string.h>
int main(void) {
  float x[6] = {1, 2, 3, 4, 5, 6}, y[6] = {10, 20, 30, 40, 50, 60}, given[6];
  NeuroplastTensor in[2] = {
    {x, sizeof x, 1, 2, {2, 3}}, {y, sizeof y, 1, 2, {2, 3}}};
  NeuroplastTensor out[4], more[4];
  memset(out, 0, sizeof out);
  memset(more, 0, sizeof more);
  if (first_info()->abi_version != NEUROPLAST_ABI_VERSION ||
      strcmp(second_info()->inputs[1].name, "y"))
    return 1;
  out[0].data = given;
  out[0].capacity = sizeof given;
  if (first_run(in, out) || second_run(in, more))
    return 2;
  if (out[0].data != given || memcmp(given, more[0].data, sizeof given))
    return 3;
  for (int i = 0; i < 4; ++i) {
    if (i)
      first_free(out[i].data);
    second_free(more[i].data);
  }
  out[0].capacity = 8;
  out[1].data = out[2].data = out[3].data = 0;
  if (first_run(in, out) != 5)
    return 4;
  in[1].shape[0] = 1;
  if (first_run(in, out) != 3)
    return 5;
  printf("%g %s", given[5], first_error());
  return 0;
}
"""


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "m.onnxtext"
    path.write_text(MODEL)
    return path


def fail(neuroplast: Path, *arguments: str | Path) -> str:
    """The one line that a refused command prints."""
    command = [str(neuroplast), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 1, done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr


def pair(rows: int) -> dict[str, np.ndarray]:
    values = np.arange(rows * 3, dtype=np.float32).reshape(rows, 3)
    return {"x": values, "y": 10 * values}


def check(actual: dict[str, np.ndarray], inputs: dict[str, np.ndarray]) -> None:
    total = inputs["x"] + inputs["y"]
    expected = {
        "sum": total,
        "again": total,
        "same": inputs["x"],
        "w": np.arange(20, dtype=np.float32),
    }
    assert set(actual) == set(expected)
    for name, value in expected.items():
        np.testing.assert_array_equal(actual[name], value)


def test_library_equals_session(neuroplast: Path, model: Path, tmp_path: Path) -> None:
    library = tmp_path / 'odd "name".so'
    driver.call(neuroplast, "compile", model, "-o", library)
    for rows in (1, 2, 7):
        check(driver.run(neuroplast, model, pair(rows)), pair(rows))
        check(driver.run(neuroplast, library, pair(rows)), pair(rows))


def test_element_types(neuroplast: Path, tmp_path: Path) -> None:
    path = tmp_path / "typed.onnxtext"
    path.write_text(TYPED)
    inputs = {
        "b": np.array([True, False]),
        "u": np.array([200, 3], np.uint8),
        "i": np.array([-3, 1 << 20]),
        "d": np.array([0.1, -2.0]),
        "h": np.array([0.5, 7], np.float16),
    }
    actual = driver.run(neuroplast, path, inputs)
    expected = {
        "nb": ~inputs["b"],
        "su": inputs["u"] + inputs["u"],
        "si": inputs["i"] ** 2,
        "sd": -inputs["d"],
        "sh": inputs["h"] + inputs["h"],
    }
    for name, value in expected.items():
        assert actual[name].dtype == value.dtype
        np.testing.assert_array_equal(actual[name], value)


def test_inputs_that_do_not_fit(neuroplast: Path, model: Path, tmp_path: Path) -> None:
    library = tmp_path / "m.so"
    driver.call(neuroplast, "compile", model, "-o", library)
    inputs, outputs = tmp_path / "in.npz", tmp_path / "out.npz"

    def refuse(arrays: dict[str, np.ndarray]) -> str:
        driver.save(inputs, arrays)
        text = fail(neuroplast, "run", library, "--inputs", inputs, "--outputs", outputs)
        assert not outputs.exists()
        return text

    assert "size 2 along axis 0, but 'x' has 4 for 'N'" in refuse(pair(4) | {"y": pair(2)["y"]})
    text = refuse({"x": pair(2)["x"], "z": pair(2)["x"]})
    assert "input 'y' is missing" in text and "no input 'z'" in text
    assert "element type" in refuse({n: v.astype(np.float64) for n, v in pair(2).items()})
    assert "rank" in refuse({n: v[0] for n, v in pair(2).items()})
    inputs.write_bytes(b"no archive")
    assert "in.npz" in fail(neuroplast, "run", library, "--inputs", inputs, "--outputs", outputs)
    driver.save(inputs, pair(2))
    before = inputs.read_bytes()
    assert "overwrite" in fail(neuroplast, "run", model, "--inputs", inputs, "--outputs", inputs)
    assert inputs.read_bytes() == before


def test_refused_compilations_leave_nothing(neuroplast: Path, model: Path, tmp_path: Path) -> None:
    library = tmp_path / "m.so"
    assert "m86" in fail(neuroplast, "compile", model, "-o", library, "--mcpu", "m86")
    assert "overwrite" in fail(neuroplast, "compile", model, "-o", model)
    assert "-o" in fail(neuroplast, "compile", model)
    assert [path.name for path in tmp_path.iterdir()] == ["m.onnxtext"]


def test_bench_and_verify(neuroplast: Path, model: Path, tmp_path: Path) -> None:
    figures = driver.bench(neuroplast, model, "--seconds", "0.1")
    assert {"median_ms", "min_ms", "compile_s", "peak_rss_mib"} <= set(figures)
    assert 0 < figures["min_ms"] <= figures["median_ms"]
    other, inputs = tmp_path / "other.onnxtext", tmp_path / "in.npz"
    other.write_text(MODEL.replace("Add", "Sub"))
    driver.save(inputs, pair(2))
    assert "sum: " in driver.call(neuroplast, "verify", model, model, "--inputs", inputs)
    with pytest.raises(driver.DriverError, match="exit code 1"):
        driver.call(neuroplast, "verify", model, other, "--inputs", inputs)


def test_shapes_of_a_library(neuroplast: Path, model: Path, tmp_path: Path) -> None:
    """They say what to feed it, and are never left aside."""
    library, inputs = tmp_path / "m.so", tmp_path / "in.npz"
    driver.call(neuroplast, "compile", model, "-o", library)
    rows = 2_000_000  # of 24 MB
    few, many = (
        driver.bench(
            neuroplast, library, "--seconds", "0", "--shape", f"x={n}x3", "--shape", f"y={n}x3"
        )["peak_rss_mib"]
        for n in (2, rows)
    )
    assert many - few > 40
    assert "'x' has 2 for 'N'" in fail(neuroplast, "bench", library, "--shape", "x=2x3")
    assert "no input 'z'" in fail(neuroplast, "bench", library, "--shape", "z=2x3")
    assert "not of the form" in fail(neuroplast, "bench", library, "--shape", "x")
    driver.save(inputs, pair(2))
    for command in (["run", "--outputs", tmp_path / "out.npz"], ["bench"]):
        assert "'--shape'" in fail(
            neuroplast, *command, library, "--shape", "x=2x3", "--inputs", inputs
        )


def test_c_program_with_two_models(neuroplast: Path, model: Path, tmp_path: Path) -> None:
    compiler = shutil.which("clang-22")
    assert compiler
    for name in ("first", "second"):
        driver.call(
            neuroplast,
            "compile",
            model,
            "-o",
            tmp_path / f"{name}.so",
            "--header",
            tmp_path / f"{name}.h",
            "--mcpu",
            "x86-64-v3",
        )
    (tmp_path / "main.c").write_text(C_PROGRAM)
    subprocess.run(
        [
            compiler,
            "-Wall",
            "-Wextra",
            "-Wno-missing-field-initializers",
            "-Werror",
            "main.c",
            "first.so",
            "second.so",
            "-Wl,-rpath,$ORIGIN",
            "-o",
            "main",
        ],
        cwd=tmp_path,
        check=True,
        timeout=120,
    )
    done = subprocess.run(
        [tmp_path / "main"], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0
    assert re.match(r"66 'y' has size 1 along axis 0", done.stdout)


def test_help_on_every_level(neuroplast: Path) -> None:
    overview = driver.call(neuroplast, "--help")
    for command in ("import", "export", "inspect", "prune", "compile", "run", "bench", "verify"):
        assert command in overview
        assert command in driver.call(neuroplast, command, "--help")


def test_weights_are_read_where_they_lie(neuroplast: Path, tmp_path: Path) -> None:
    peaks = []
    for width in (64, 4096):
        weight = np.ones((width, width), np.float32) * np.arange(width, dtype=np.float32)
        graph = onnx.helper.make_graph(
            [onnx.helper.make_node("MatMul", ["x", "w"], ["y"])],
            "g",
            [onnx.helper.make_tensor_value_info("x", 1, [1, width])],
            [onnx.helper.make_tensor_value_info("y", 1, [1, width])],
            [onnx.numpy_helper.from_array(weight, "w")],
        )
        path = tmp_path / f"{width}.onnx"
        onnx.save(onnx.helper.make_model(graph, ir_version=8), path)
        peaks.append(driver.measure_peak([neuroplast, "inspect", path]))
    assert peaks[1] - peaks[0] < weight.nbytes / 2


def test_profiles(neuroplast: Path, tmp_path: Path) -> None:
    source, picture = models.MODELS["squeezenet"].path(), tmp_path / "profile.svg"
    figures = driver.bench(neuroplast, source, "--profile", "--svg", picture, "--seconds", "0.3")
    rows = figures["profile"]
    assert sum(row["share"] for row in rows) == pytest.approx(1)
    # Means of all runs lie between the fastest one and the slowest one.
    whole = sum(row["ms"] for row in rows)
    assert 0.5 * figures["min_ms"] < whole < 1.5 * figures["max_ms"]
    assert figures["median_ms"] <= figures["p90_ms"] <= figures["p99_ms"] <= figures["max_ms"]
    fastest = max(row["of_peak"] for row in rows)
    assert 0.2 < fastest < 1.2
    bars = ElementTree.parse(picture).getroot()
    assert len(bars.findall("{http://www.w3.org/2000/svg}rect")) > len(rows)
    table = driver.call(neuroplast, "bench", source, "--profile", "--seconds", "0.1")
    assert "GFLOP/s" in table and rows[0]["nodes"] in table
    driver.call(neuroplast, "compile", source, "-o", tmp_path / "m.so")
    assert "--profile" in fail(neuroplast, "bench", tmp_path / "m.so", "--profile")


def test_profiles_of_loops(neuroplast: Path, tmp_path: Path) -> None:
    """What a loop calls in each of its steps counts as often."""
    steps, b = 24, Builder(free=False)
    x = b.input("x", [steps, 4, 64])
    w, r = b.weight("w", 1, 192, 64), b.weight("r", 1, 192, 64)
    b.output(b.node("GRU", x, w, r, outputs=2, hidden_size=64)[0], "y")
    onnx.save(b.finish(), tmp_path / "m.onnx")
    figures = driver.bench(neuroplast, tmp_path / "m.onnx", "--profile", "--seconds", "0.2")
    calls = [row["calls"] for row in figures["profile"] if row["kernel"]]
    assert set(calls) == {1, steps}
    assert max(row["of_peak"] for row in figures["profile"] if row["calls"] == steps) > 0.02


def test_options_given_twice(neuroplast: Path, tmp_path: Path) -> None:
    """Of one that is no list the last counts, as its help says."""
    text = driver.call(neuroplast, "prune", "--help")
    assert "--only PATTERN..." in text
    assert "of others the last one counts" in text
    model = models.MODELS["ppocr_cls"].path()
    target, plan = tmp_path / "small.onnx", tmp_path / "plan.json"
    words = ("--ratio", "0.9", "--ratio", "0.25", "--only", "conv1*", "--only", "conv_last*")
    driver.call(
        neuroplast, "prune", model, "-o", target, "--write-plan", plan, "--no-compare", *words
    )
    options = json.loads(plan.read_text())["edit"]["options"]
    assert options["ratio"] == 0.25
    assert options["only"] == ["conv1*", "conv_last*"]


def test_what_cannot_be_printed(neuroplast: Path) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [neuroplast, "--help"], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == 1
    assert done.stderr == "neuroplast: error: cannot print: No space left on device\n"
