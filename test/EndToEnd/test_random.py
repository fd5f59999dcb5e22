"""What is drawn at random is checked by its distribution."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import onnx
import pytest
from Models import driver

COUNT = 200_000


def run(
    neuroplast: Path, folder: Path, body: str, results: str = f"float[{COUNT}] y"
) -> dict[str, np.ndarray]:
    """The results of a model without inputs."""
    path = folder / "model.onnx"
    header = '<ir_version: 8, opset_import: ["" : 17]>'
    onnx.save(onnx.parser.parse_model(f"{header} g () => ({results}) {body}"), path)
    return driver.run(neuroplast, path, {})


def distance(sample: np.ndarray, distribution: np.ufunc) -> float:
    """Kolmogorov and Smirnov's: the largest difference of the two distribution functions."""
    ordered = np.sort(sample.reshape(-1).astype(np.float64))
    expected = distribution(ordered)
    steps = np.arange(ordered.size + 1) / ordered.size
    return float(max(np.max(expected - steps[:-1]), np.max(steps[1:] - expected)))


# A sample of this size is further away than this once in ten million times.
FAR = 2.9 / math.sqrt(COUNT)
NORMAL = np.vectorize(lambda x: 0.5 * (1 + math.erf(x / math.sqrt(2))))


@pytest.mark.parametrize("kind", [1, 11], ids=["f32", "f64"])
def test_normal(kind: int, neuroplast: Path, tmp_path: Path) -> None:
    results = f"{'float' if kind == 1 else 'double'}[{COUNT}] y"
    body = f"{{ y = RandomNormal <shape = [{COUNT}], mean = 3.0, scale = 2.0, dtype = {kind}> () }}"
    y = run(neuroplast, tmp_path, body, results)["y"]
    assert distance((y - 3) / 2, NORMAL) < FAR
    # Neighbours, and those of one hash, know nothing of each other.
    for apart in (1, 2, 1024):
        assert abs(np.corrcoef(y[:-apart], y[apart:])[0, 1]) < 0.015


def test_uniform(neuroplast: Path, tmp_path: Path) -> None:
    body = f"{{ y = RandomUniform <shape = [{COUNT}], low = -1.0, high = 3.0> () }}"
    first, second = (run(neuroplast, tmp_path, body)["y"] for _ in range(2))
    assert first.min() >= -1 and first.max() < 3
    assert distance((first + 1) / 4, lambda x: x) < FAR
    assert not np.array_equal(first, second)


def test_two_draws_are_two_and_a_seed_is_one(neuroplast: Path, tmp_path: Path) -> None:
    results = "float[64] a, float[64] b, float[64] c"
    body = """{ a = RandomUniform <shape = [64]> () b = RandomUniform <shape = [64]> ()
                c = RandomUniform <shape = [64], seed = 7.0> () }"""
    one, other = (run(neuroplast, tmp_path, body, results) for _ in range(2))
    assert not np.array_equal(one["a"], one["b"])
    np.testing.assert_array_equal(one["c"], other["c"])


def test_bernoulli_and_dropout(neuroplast: Path, tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    onnx.save(
        onnx.parser.parse_model(f"""<ir_version: 8, opset_import: ["" : 17]>
        g (float[2, {COUNT}] p) => (float[2, {COUNT}] b, float[2, {COUNT}] d, bool[2, {COUNT}] m)
        <float r = {{0.25}}, bool t = {{1}}> {{
          b = Bernoulli(p)
          d, m = Dropout(p, r, t)
        }}"""),
        path,
    )
    p = np.repeat(np.array([[0.2], [0.9]], np.float32), COUNT, axis=1)
    found = driver.run(neuroplast, path, {"p": p})
    np.testing.assert_allclose(found["b"].mean(1), [0.2, 0.9], atol=0.006)
    np.testing.assert_allclose(found["m"].mean(1), [0.75, 0.75], atol=0.006)
    np.testing.assert_allclose(found["d"], np.where(found["m"], p / np.float32(0.75), 0), rtol=1e-6)


def test_multinomial(neuroplast: Path, tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    onnx.save(
        onnx.parser.parse_model(f"""<ir_version: 8, opset_import: ["" : 17]>
        g (float[2, 3] x) => (int32[2, {COUNT}] y) {{
          y = Multinomial <sample_size = {COUNT}> (x) }}"""),
        path,
    )
    weights = np.array([[1, 2, 5], [3, 0.0, 1]], np.float32)
    with np.errstate(divide="ignore"):
        y = driver.run(neuroplast, path, {"x": np.log(weights)})["y"]
    for row, weight in zip(y, weights, strict=True):
        rates = np.bincount(row, minlength=3) / COUNT
        np.testing.assert_allclose(rates, weight / weight.sum(), atol=0.006)


def test_every_iteration_draws_others(neuroplast: Path, tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    onnx.save(
        onnx.parser.parse_model("""<ir_version: 8, opset_import: ["" : 17]>
        g (float[4] x) => (float[4] last, float[N, 4] all) <int64 n = {5}> {
          last, all = Loop <body = b (int64 i, bool c, float[4] s) =>
                            (bool d, float[4] t, float[4] r) {
            d = Identity(c) r = RandomUniformLike(s) t = Add(s, r) }> (n, , x) }"""),
        path,
    )
    found = driver.run(neuroplast, path, {"x": np.zeros(4, np.float32)})
    assert len(np.unique(found["all"])) == 20
    np.testing.assert_allclose(found["last"], found["all"].sum(0), rtol=1e-5)
