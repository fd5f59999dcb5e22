"""Units ranked by what a loss says of them: `calibrate --gradients`, taylor and fisher."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from Models import driver
from Models.training import HIDDEN, INS, OUTS, Arrays, differ, logits, perceptron, read_params

BATCH, BATCHES = 8, 5


@pytest.fixture(name="files")
def write_files(tmp_path: Path) -> dict[str, Path]:
    found = {name: tmp_path / name for name in ("m.onnx", "d.npz", "g.npz", "p.onnx")}
    perceptron(found["m.onnx"], has_softmax=False)
    random = np.random.default_rng(5)
    x = random.normal(size=(BATCH * BATCHES, INS)).astype(np.float32)
    driver.save(found["d.npz"], {"x": x, "labels": random.integers(0, OUTS, len(x))})
    return found


def measure(neuroplast: Path, files: dict[str, Path], *options: str) -> Arrays:
    driver.call(
        neuroplast, "calibrate", files["m.onnx"], "--gradients", "--data", files["d.npz"],
        "--batch", str(BATCH), "-o", files["g.npz"], *options,
    )  # fmt: skip
    return dict(np.load(files["g.npz"]))


def loss_of(params: Arrays, x: np.ndarray, labels: np.ndarray) -> float:
    z = logits(params, x)
    z = z - z.max(axis=1, keepdims=True)
    chosen = z[np.arange(len(z)), labels] - np.log(np.exp(z).sum(axis=1))
    return float(-chosen.mean())


def gradients(files: dict[str, Path]) -> list[Arrays]:
    """By batch, by differences."""
    params = {key: value.astype(float) for key, value in read_params(files["m.onnx"]).items()}
    data = np.load(files["d.npz"])
    found = []
    for start in range(0, BATCH * BATCHES, BATCH):
        x, labels = (data[key][start : start + BATCH] for key in ("x", "labels"))
        found.append(differ(lambda p, x=x, y=labels: loss_of(p, x.astype(float), y), params))
    return found


def test_means(neuroplast: Path, files: dict[str, Path]) -> None:
    """Of gradients and of their squares, over batches."""
    told = measure(neuroplast, files)
    wanted = gradients(files)
    for key in wanted[0]:
        mean = np.mean([g[key] for g in wanted], axis=0)
        square = np.mean([g[key] ** 2 for g in wanted], axis=0)
        np.testing.assert_allclose(told[f"{key}.gradient"], mean.ravel(), atol=1e-5)
        np.testing.assert_allclose(told[f"{key}.gradient_square"], square.ravel(), atol=1e-5)
    assert "w.gradient" not in measure(neuroplast, files, "--freeze", "w")


def test_movement(neuroplast: Path, files: dict[str, Path]) -> None:
    """Units go whose weights have moved towards zero, by the sum over steps that a training
    keeps."""
    learnt, epochs, rate = files["m.onnx"].with_name("t.onnx"), 3, 0.1
    options = ("--batch", str(BATCH * BATCHES), "--loss", "cross-entropy", "--lr", str(rate))
    params = {key: value.astype(float) for key, value in read_params(files["m.onnx"]).items()}
    data = np.load(files["d.npz"])
    moved = np.zeros(HIDDEN)
    for _ in range(epochs):
        g = differ(lambda p: loss_of(p, data["x"].astype(float), data["labels"]), params)
        for key, axis in (("w", 0), ("b", None), ("v", 1)):
            terms = -params[key] * g[key]
            moved += terms if axis is None else terms.sum(axis=axis)
        params = {key: value - rate * g[key] for key, value in params.items()}
    call = ["train", files["m.onnx"], "--data", files["d.npz"], "-o", learnt, "--movement"]
    with pytest.raises(driver.DriverError, match="'--movement' goes with '--keep-state'"):
        driver.call(neuroplast, *call, *options)
    driver.call(neuroplast, *call, "--keep-state", "--epochs", str(epochs), *options)
    prune = ["--criterion", "movement", "--ratio", "0.5", "-o", files["p.onnx"]]
    driver.call(neuroplast, "prune", learnt, *prune)
    kept = np.sort(np.argsort(moved)[HIDDEN // 2 :])
    assert moved.min() < 0
    np.testing.assert_array_equal(
        read_params(files["p.onnx"])["w"], read_params(learnt)["w"][:, kept]
    )
    # A stream of the same batches does the same.
    stream, streamed = learnt.with_name("stream"), learnt.with_name("s.onnx")
    stream.mkdir()
    for number in range(epochs):
        driver.save(stream / f"{number}.npz", dict(data))
    driver.call(
        neuroplast, "train", files["m.onnx"], "--learn", stream, "--wait", "0", "-o", streamed,
        "--movement", "--keep-state", *options,
    )  # fmt: skip
    driver.call(neuroplast, "prune", streamed, *prune)
    np.testing.assert_array_equal(
        read_params(files["p.onnx"])["w"], read_params(streamed)["w"][:, kept]
    )
    with pytest.raises(driver.DriverError, match="needs a network that has learnt by 'train"):
        driver.call(neuroplast, "prune", files["m.onnx"], *prune)


@pytest.mark.parametrize("criterion", ["taylor", "fisher"])
def test_ranks(criterion: str, neuroplast: Path, files: dict[str, Path]) -> None:
    """The units of the lowest scores go, which are those of the formulas."""
    measure(neuroplast, files)
    driver.call(
        neuroplast, "prune", files["m.onnx"], "--criterion", criterion, "--stats", files["g.npz"],
        "--ratio", "0.5", "-o", files["p.onnx"],
    )  # fmt: skip
    params, wanted = read_params(files["m.onnx"]), gradients(files)
    scores = np.zeros(HIDDEN)
    for key, axis in (("w", 0), ("b", None), ("v", 1)):
        mean = np.mean([g[key] for g in wanted], axis=0)
        square = np.mean([g[key] ** 2 for g in wanted], axis=0)
        terms = params[key] * mean if criterion == "taylor" else params[key] ** 2 * square
        scores += terms if axis is None else terms.sum(axis=axis)
    kept = np.sort(np.argsort(scores**2 if criterion == "taylor" else scores)[HIDDEN // 2 :])
    np.testing.assert_array_equal(read_params(files["p.onnx"])["w"], params["w"][:, kept])


def test_evidence_that_is_none(neuroplast: Path, files: dict[str, Path], tmp_path: Path) -> None:
    call = ["prune", files["m.onnx"], "--criterion", "taylor", "-o", files["p.onnx"]]
    with pytest.raises(driver.DriverError, match="'taylor' needs gradients of a loss"):
        driver.call(neuroplast, *call)
    with pytest.raises(driver.DriverError, match="d.npz: has no gradients"):
        driver.call(neuroplast, *call, "--stats", files["d.npz"])
    measure(neuroplast, files)
    other = tmp_path / "other.onnx"
    perceptron(other, has_softmax=False, hidden=HIDDEN + 1)
    call[1] = other
    with pytest.raises(driver.DriverError, match="gradients are those of another network"):
        driver.call(neuroplast, *call, "--stats", files["g.npz"])
    assert not files["p.onnx"].exists()
