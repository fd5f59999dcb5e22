"""Weights that become zero, and stay so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from Models import driver, models
from Models.training import draw_weights, read_params, write_network

NET = (
    '<ir_version: 9, opset_import: ["" : 20]> net (float[N, 6, 9, 9] x) => (float[N, 5] y) '
    "{ a = Conv <pads = [1, 1, 1, 1]> (x, w, b)  r = Relu(a)  p = GlobalAveragePool(r) "
    "f = Flatten(p)  y = MatMul(f, v) }"
)
SHAPES = {"w": (8, 6, 3, 3), "b": (8,), "v": (8, 5)}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "net.onnx"
    write_network(path, NET, draw_weights(SHAPES))
    return path


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Inputs of which some are much larger than others, and like each other."""
    rng = np.random.default_rng(1)
    common = rng.normal(size=(32, 1, 9, 9))
    scales = np.array([5, 1, 0.2, 3, 1, 0.1]).reshape(1, 6, 1, 1)
    x = scales * (0.7 * common + rng.normal(size=(32, 6, 9, 9)))
    path = tmp_path / "data.npz"
    driver.save(path, {"x": x.astype(np.float32)})
    return path


def sparsify(neuroplast: Path, source: Path, *options: str | Path) -> tuple[dict[str, Any], Path]:
    target = source.with_name("sparse.onnx")
    return driver.edit(neuroplast, "sparsify", source, target, *options), target


def test_the_smallest_go(neuroplast: Path, source: Path) -> None:
    report, target = sparsify(neuroplast, source, "--sparsity", "0.3", "--freeze", "v")
    before, after = read_params(source), read_params(target)
    magnitudes = np.sort(np.abs(before["w"]).ravel())
    limit = magnitudes[int(0.3 * magnitudes.size)]
    np.testing.assert_array_equal(after["w"], np.where(np.abs(before["w"]) < limit, 0, before["w"]))
    np.testing.assert_array_equal(after["v"], before["v"])
    entries = {layer["weight"]: layer for layer in report["layers"]}
    assert entries["w"]["zeros"] == int(0.3 * magnitudes.size)
    assert entries["v"]["reason"] == "frozen"


@pytest.mark.parametrize("criterion", ["magnitude", "wanda", "sparsegpt"])
def test_pattern(criterion: str, neuroplast: Path, source: Path, data: Path) -> None:
    """Two of four inputs at each place of a kernel; the last two make a short group."""
    options = ("--data", data) if criterion != "magnitude" else ()
    _, target = sparsify(neuroplast, source, "--pattern", "2:4", "--criterion", criterion, *options)
    after = read_params(target)
    assert np.all((after["w"][:, :4] != 0).sum(axis=1) == 2)
    assert np.all((after["w"][:, 4:] != 0).sum(axis=1) == 1)
    assert np.all((after["v"].reshape(2, 4, 5) != 0).sum(axis=1) == 2)


def test_any_and_of_the_rest(neuroplast: Path, source: Path) -> None:
    """Random zeros are of a seed; a share of the rest leaves alone what is zero."""
    zeros = []
    for seed in ("1", "1", "2"):
        _, sparse = sparsify(neuroplast, source, "--criterion", "random", "--seed", seed)
        zeros.append(read_params(sparse)["w"] == 0)
        assert zeros[-1].mean() == 0.5
    np.testing.assert_array_equal(zeros[0], zeros[1])
    assert 0.2 < (zeros[0] & zeros[2]).mean() < 0.3
    again = source.with_name("again.onnx")
    for criterion in ("random", "magnitude"):
        driver.edit(
            neuroplast, "sparsify", sparse, again, "--criterion", criterion, "--of-rest",
            "--sparsity", "0.25",
        )  # fmt: skip
        found = read_params(again)["w"] == 0
        assert found.mean() == 0.625
        assert found[zeros[2]].all()


def test_blocks(neuroplast: Path, source: Path) -> None:
    _, target = sparsify(neuroplast, source, "--block", "4x3", "--sparsity", "0.5")
    blocks = read_params(target)["w"].reshape(2, 4, 2, 3, 9) == 0
    assert np.all(blocks.all(axis=(1, 3)) == blocks.any(axis=(1, 3)))
    assert blocks.mean() == 0.5


def patches(x: np.ndarray) -> np.ndarray:
    """What the convolution weighs, one patch after the other, as rows."""
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(2, 3))
    return windows.transpose(0, 2, 3, 1, 4, 5).reshape(-1, 54)


def test_wanda_regards_what_is_weighed(neuroplast: Path, source: Path, data: Path) -> None:
    _, target = sparsify(neuroplast, source, "--criterion", "wanda", "--data", data)
    x = np.load(data)["x"]
    before = read_params(source)["w"].reshape(8, 54)
    scores = np.abs(before) * np.sqrt((patches(x) ** 2).mean(axis=0))
    wanted = before.copy()
    for row, order in zip(wanted, np.argsort(scores, axis=1), strict=True):
        row[order[:27]] = 0
    np.testing.assert_array_equal(read_params(target)["w"].reshape(8, 54), wanted)


def test_sparsegpt_makes_up_for_zeros(neuroplast: Path, source: Path, data: Path) -> None:
    """As the paper says it, in numpy, for a layer of fewer columns than a step has."""
    x = patches(np.load(data)["x"]).astype(np.float64)
    order = [channel * 9 + place for place in range(9) for channel in range(6)]
    w = read_params(source)["w"].reshape(8, 54)[:, order].astype(np.float64)
    gram = x[:, order].T @ x[:, order] / len(x)
    damped = gram + 0.01 * np.trace(gram) / 54 * np.eye(54)
    upper = np.linalg.cholesky(np.linalg.inv(damped)).T
    scores = w**2 / np.diag(upper) ** 2
    kept = np.ones_like(w)
    kept.flat[np.argsort(scores, axis=None)[: scores.size // 2]] = 0
    fitted = w.copy()
    for j in range(54):
        error = fitted[:, j] * (1 - kept[:, j]) / upper[j, j]
        fitted[:, j:] -= np.outer(error, upper[j, j:])
    fitted *= kept
    report, target = sparsify(neuroplast, source, "--criterion", "sparsegpt", "--data", data)
    actual = read_params(target)["w"].reshape(8, 54)[:, order]
    np.testing.assert_allclose(actual, fitted, rtol=1e-3, atol=1e-3)
    losses = {"sparsegpt": report["layers"][0]["error"]}
    for criterion in ("magnitude", "wanda"):
        report, _ = sparsify(neuroplast, source, "--criterion", criterion, "--data", data)
        losses[criterion] = report["layers"][0]["error"]
    assert losses["sparsegpt"] < losses["wanda"] < losses["magnitude"]
    difference = fitted - w
    loss = np.trace(difference @ gram @ difference.T) / np.trace(w @ gram @ w.T)
    assert losses["sparsegpt"] == pytest.approx(loss, rel=1e-2)


def test_masks_stay(neuroplast: Path, neuroplast_opt: Path, source: Path, data: Path) -> None:
    """Through files, cuts, fits and growth: zeros stay, and newborns are free."""
    _, sparse = sparsify(neuroplast, source, "--only", "v", "--sparsity", "0.4")
    small, big = source.with_name("small.onnx"), source.with_name("big.onnx")
    report = driver.edit(neuroplast, "prune", sparse, small, "--ratio", "0.25", "--data", data)
    (fit,) = (entry for entry in report["reconstruction"] if "MatMul" in entry["node"])
    # Without a bias nothing is left to fit.
    assert fit["obstacle"] == "its weights are masked"
    kept = next(e["sources"][0] for e in report["edits"] if e["source_name"] == "v")
    zeros = read_params(sparse)["v"][kept] == 0
    np.testing.assert_array_equal(read_params(small)["v"] == 0, zeros)
    driver.edit(neuroplast, "dropin", small, big, "--units", "2", "--init", "random")
    grown = read_params(big)["v"]
    np.testing.assert_array_equal(grown[:6] == 0, zeros)
    assert np.all(grown[6:] != 0)
    module = driver.call(neuroplast_opt, big)
    assert module.count("shadow_of") == 1
    expected = models.reference(big, {"x": np.load(data)["x"]})
    actual = driver.run(neuroplast, big, {"x": np.load(data)["x"]})
    np.testing.assert_allclose(actual["y"], expected["y"], rtol=1e-3, atol=1e-4)


def test_layers_that_cannot(neuroplast: Path, tmp_path: Path) -> None:
    source = models.MODELS["ppocr_cls"].path()
    report = driver.edit(
        neuroplast, "sparsify", source, tmp_path / "sparse.onnx", "--pattern", "2:4"
    )
    reasons = {layer["weight"]: layer["reason"] for layer in report["layers"]}
    assert reasons["conv12_depthwise_weights"] == "one input"
    assert reasons["conv12_expand_weights"] == ""


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--sparsity", "1.5"], "the share of zeros must be from 0 to 1"),
        (["--pattern", "4:2"], "'--pattern' needs fewer weights"),
        (["--pattern", "2:4", "--sparsity", "0.5"], "one of a share and a pattern"),
        (["--pattern", "2:4", "--block", "2x2"], "in blocks or in a pattern, not both"),
        (["--block", "0x2"], "blocks have at least one weight"),
        (["--block", "two"], "'--block' needs outputs times inputs"),
        (["--criterion", "obs"], "none of magnitude, wanda, sparsegpt and random"),
        (["--pattern", "2:4", "--of-rest"], "one of the rest of the weights and a pattern"),
        (["--criterion", "wanda"], "criterion 'wanda' needs data"),
    ],
)
def test_bad_options(options: list[str], message: str, neuroplast: Path, source: Path) -> None:
    target = source.with_name("sparse.onnx")
    with pytest.raises(driver.DriverError, match=message):
        driver.call(neuroplast, "sparsify", source, "-o", target, *options)
    assert not target.exists()


def test_a_false_list_of_masks_is_left_out(neuroplast_opt: Path, source: Path) -> None:
    model = onnx.load(source)
    for text in ("[", '["w", "nobody"]', '{"w": 1}', "[1]"):
        del model.metadata_props[:]
        onnx.helper.set_model_props(model, {"neuroplast.masks": text})
        onnx.save(model, source)
        assert "shadow_of" not in driver.call(neuroplast_opt, source)
