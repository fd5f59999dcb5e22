"""What cutting each group of units alone does."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from Models import driver, models


def two_layers(path: Path) -> Path:
    """The first hidden layer matters a thousand times more than the second, which is skipped."""
    rng = np.random.default_rng(0)
    model = onnx.parser.parse_model(
        """<ir_version: 9, opset_import: ["" : 20]>
        net (float[N, 4] x) => (float[N, 4] y) {
          a = MatMul(x, into_a) b = Tanh(a) c = MatMul(b, out_of_a)
          d = MatMul(c, into_d) e = Tanh(d) f = MatMul(e, out_of_d)
          y = Add(c, f)
        }"""
    )
    weights = {
        "into_a": rng.normal(size=(4, 8)),
        "out_of_a": rng.normal(size=(8, 4)),
        "into_d": rng.normal(size=(4, 6)),
        "out_of_d": 1e-3 * rng.normal(size=(6, 4)),
    }
    for name, value in weights.items():
        model.graph.initializer.append(onnx.numpy_helper.from_array(value.astype(np.float32), name))
    onnx.save(model, path)
    return path


@pytest.mark.parametrize("criterion", ["l2", "obs"])
def test_groups_are_cut_alone(criterion: str, neuroplast: Path, tmp_path: Path) -> None:
    source, data = two_layers(tmp_path / "net.onnx"), tmp_path / "data.npz"
    x = np.random.default_rng(1).normal(size=(64, 4)).astype(np.float32)
    driver.save(data, {"x": x})
    script = tmp_path / "count.py"
    script.write_text(
        "import math, sys, onnx\n"
        "graph = onnx.load(sys.argv[1]).graph\n"
        "print(sum(math.prod(t.dims) for t in graph.initializer))\n"
    )
    report = json.loads(
        driver.call(
            neuroplast,
            "sensitivity",
            source,
            "--data",
            data,
            "--json",
            "--criterion",
            criterion,
            "--eval",
            f"{sys.executable} {script}",
        )
    )
    first, second = report["groups"]
    assert (first["units"], second["units"]) == (8, 6), "those that matter most come first"
    assert first["error"] > 0.1 and second["error"] < 1e-2
    assert (report["score"], first["score"], second["score"]) == (112, 80, 88)
    # The same as pruning that group alone.
    small = tmp_path / "small.onnx"
    driver.call(
        neuroplast,
        "prune",
        source,
        "-o",
        small,
        "--only",
        "into_a",
        "--data",
        data,
        "--criterion",
        criterion,
        "--no-reconstruct",
        "--no-compare",
    )
    (before,), (after,) = (models.reference(path, {"x": x}).values() for path in (source, small))
    error = np.sqrt(((before - after) ** 2).sum() / (before**2).sum())
    assert first["error"] == pytest.approx(float(error), rel=1e-3)
    # 32 + 32 of 112 parameters are halved.
    assert first["parameters"] == pytest.approx(1 - 32 / 112)


def test_the_table(neuroplast: Path, tmp_path: Path) -> None:
    source = two_layers(tmp_path / "net.onnx")
    lines = driver.call(neuroplast, "sensitivity", source, "--only", "into_d").splitlines()
    assert lines[0].split() == ["error", "parameters", "operations", "group"]
    assert len(lines) == 2 and "kept 3 of 6 @into_d[1] @out_of_d[0]" in lines[1]
