"""Scores that are counted here in a few lines of numpy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from Models import driver

Arrays = dict[str, np.ndarray]


def write(path: Path, text: str, weights: Arrays) -> Path:
    model = onnx.parser.parse_model(f'<ir_version: 9, opset_import: ["" : 20]> {text}')
    for name, value in weights.items():
        model.graph.initializer.append(onnx.numpy_helper.from_array(value.astype(np.float32), name))
    onnx.save(model, path)
    return path


class Perceptron:
    """Five inputs, eight hidden units, three outputs, and what flows there."""

    text = """net (float[N, 5] x) => (float[N, 3] y) {
        h = Gemm(x, first, shift) r = Relu(h) y = MatMul(r, second) }"""

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        draw = lambda *size: rng.normal(size=size).astype(np.float32)  # noqa: E731
        self.weights = {"first": draw(5, 8), "shift": draw(8), "second": draw(8, 3)}
        self.x = draw(400, 5)
        inner = self.x @ self.weights["first"] + self.weights["shift"]
        self.h = np.maximum(inner, 0).astype(float)
        self.out = self.weights["second"].astype(float)
        self.units = np.concatenate(
            [self.weights["first"].T, self.weights["shift"][:, None], self.out], axis=1
        ).astype(float)


def l2(net: Perceptron) -> np.ndarray:
    return (net.units**2).sum(1)


def lamp(net: Perceptron) -> np.ndarray:
    squares = l2(net)
    return np.array([s / squares[squares >= s].sum() for s in squares])


def fpgm(net: Perceptron) -> np.ndarray:
    return np.array([np.linalg.norm(net.units - unit, axis=1).sum() for unit in net.units])


def activation(net: Perceptron) -> np.ndarray:
    return (net.h**2).mean(0)


def wanda(net: Perceptron) -> np.ndarray:
    return (net.out**2).sum(1) * activation(net)


def obs(net: Perceptron) -> np.ndarray:
    curvature = net.h.T @ net.h / len(net.h)
    curvature += 0.01 * np.trace(curvature) / 8 * np.eye(8)
    return 0.5 * (net.out**2).sum(1) / np.diag(np.linalg.inv(curvature))


def prune(neuroplast: Path, source: Path, target: Path, *options: str | Path) -> dict[str, Any]:
    return driver.edit(neuroplast, "prune", source, target, "--no-reconstruct", *options)


def check(report: dict[str, Any], tensor: str, axis: int, scores: np.ndarray) -> None:
    """Half of the units went, those with the lowest scores."""
    edited = {(edit["tensor"], edit["axis"]): edit["sources"][0] for edit in report["edits"]}
    order = np.argsort(scores)
    half = len(scores) // 2
    assert edited[tensor, axis] == sorted(order[half:].tolist())
    (units,) = (u for u in report["units"] if u["kept"] < u["units"])
    bounds = [units["highest_removed_score"], units["lowest_kept_score"]]
    np.testing.assert_allclose(bounds, scores[order[half - 1 : half + 1]], rtol=1e-4)


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("score", [l2, lamp, fpgm, activation, wanda, obs])
def test_scores(score: Any, seed: int, neuroplast: Path, tmp_path: Path) -> None:
    net = Perceptron(seed)
    source = write(tmp_path / "net.onnx", net.text, net.weights)
    data, small = tmp_path / "data.npz", tmp_path / "small.onnx"
    driver.save(data, {"x": net.x})
    criterion = ("--criterion", score.__name__)
    check(prune(neuroplast, source, small, *criterion, "--data", data), "@first", 1, score(net))
    # The same from a file of statistics.
    stats = tmp_path / "stats.npz"
    driver.call(neuroplast, "calibrate", source, "--data", data, "-o", stats, "--products")
    check(prune(neuroplast, source, small, *criterion, "--stats", stats), "@first", 1, score(net))
    with np.load(stats) as seen:
        np.testing.assert_allclose(seen["second/mean"][0], net.h.mean(0), rtol=1e-5)
        np.testing.assert_allclose(seen["second/gram"][0], net.h.T @ net.h / 400, rtol=1e-4)


def grouped_net(path: Path, seed: int) -> tuple[Path, Arrays]:
    rng = np.random.default_rng(seed)
    weights = {
        "first": rng.normal(size=(8, 3, 3, 3)),
        "scale": rng.normal(size=8),
        "bias": rng.normal(size=8),
        "mean": rng.normal(size=8),
        "variance": rng.uniform(1, 2, 8),
        "second": rng.normal(size=(4, 8, 3, 3)),
    }
    text = """net (float[N, 3, 6, 6] x) => (float[N, 4, 4, 4] y) {
        c = Conv <pads = [1, 1, 1, 1]> (x, first)
        b = BatchNormalization(c, scale, bias, mean, variance)
        r = Relu(b)
        y = Conv(r, second) }"""
    return write(path, text, weights), weights


def test_scales_of_norms(neuroplast: Path, tmp_path: Path) -> None:
    source, weights = grouped_net(tmp_path / "net.onnx", 0)
    report = prune(neuroplast, source, tmp_path / "small.onnx", "--criterion", "bn-scale")
    check(report, "@first", 0, np.abs(weights["scale"]))


def test_the_taps_of_a_convolution(neuroplast: Path, tmp_path: Path) -> None:
    """Optimal brain surgeon takes all taps of a channel at once."""
    source, weights = grouped_net(tmp_path / "net.onnx", 1)
    rng = np.random.default_rng(2)
    data, stats = tmp_path / "data.npz", tmp_path / "stats.npz"
    driver.save(data, {"x": rng.normal(size=(64, 3, 6, 6)).astype(np.float32)})
    driver.call(neuroplast, "calibrate", source, "--data", data, "-o", stats, "--products")
    with np.load(stats) as seen:
        gram, square = seen["second/gram"][0], seen["second/square"][0]
    second = weights["second"].reshape(4, 72)
    inverse = np.linalg.inv(gram + 0.01 * np.trace(gram) / 72 * np.eye(72))
    loss, product = [], []
    for unit in range(8):
        taps = slice(9 * unit, 9 * unit + 9)
        part, columns = inverse[taps, taps], second[:, taps]
        loss.append(0.5 * np.trace(columns @ np.linalg.inv(part) @ columns.T))
        product.append((columns**2 * square[taps]).sum())
    for criterion, scores in (("obs", loss), ("wanda", product)):
        report = prune(
            neuroplast, source, tmp_path / "small.onnx", "--criterion", criterion, "--stats", stats
        )
        check(report, "@first", 0, np.array(scores))


def test_sets_of_which_a_criterion_says_nothing(neuroplast: Path, tmp_path: Path) -> None:
    net = Perceptron(3)
    source = write(tmp_path / "net.onnx", net.text, net.weights)
    report = prune(neuroplast, source, tmp_path / "small.onnx", "--criterion", "bn-scale")
    check(report, "@first", 1, l2(net))
    assert [u["criterion"] for u in report["units"] if u["kept"] < u["units"]] == ["l2"]


def test_statistics_are_asked_for(neuroplast: Path, tmp_path: Path) -> None:
    net = Perceptron(4)
    source = write(tmp_path / "net.onnx", net.text, net.weights)
    small, data, stats = (tmp_path / name for name in ("small.onnx", "data.npz", "stats.npz"))
    driver.save(data, {"x": net.x})
    with pytest.raises(driver.DriverError, match="'wanda' needs statistics of data"):
        prune(neuroplast, source, small, "--criterion", "wanda")
    driver.call(neuroplast, "calibrate", source, "--data", data, "-o", stats)
    with pytest.raises(driver.DriverError, match="have no products of elements"):
        prune(neuroplast, source, small, "--criterion", "obs", "--stats", stats)
    with pytest.raises(driver.DriverError, match="'x' is none that 'calibrate' writes"):
        prune(neuroplast, source, small, "--criterion", "wanda", "--stats", data)
    wide = write(
        tmp_path / "wide.onnx",
        "net (float[N, 5] x) => (float[N, 3] y) "
        "{ h = MatMul(x, first) r = Relu(h) y = MatMul(r, second) }",
        {"first": np.ones((5, 9)), "second": np.ones((9, 3))},
    )
    with pytest.raises(driver.DriverError, match="are those of another network"):
        prune(neuroplast, wide, small, "--criterion", "wanda", "--stats", stats)
    assert not small.exists()
