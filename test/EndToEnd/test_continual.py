"""Learning one thing after another without losing the first: replay and consolidation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from Models import driver
from Models.training import INS, OUTS, gradients, logits, perceptron, read_params
from onnx import TensorProto

RATE, STRENGTH = 0.05, 3.0


def save_importance(path: Path, importance: dict[str, np.ndarray]) -> None:
    arrays = {}
    for name, value in importance.items():
        arrays[f"{name}.gradient"] = np.zeros(value.size, np.float32)
        arrays[f"{name}.gradient_square"] = value.astype(np.float32).ravel()
    driver.save(path, arrays)


def test_consolidation(neuroplast: Path, tmp_path: Path) -> None:
    """Steps are what the formula says; archives add up, and what they lack is free."""
    model, target, data = tmp_path / "m.onnx", tmp_path / "t.onnx", tmp_path / "d.npz"
    params = perceptron(model, has_softmax=True, dtype=TensorProto.DOUBLE)
    random = np.random.default_rng(3)
    x, labels = random.normal(size=(16, INS)), random.integers(0, OUTS, 16)
    driver.save(data, {"x": x, "labels": labels})
    known = {name: random.uniform(size=params[name].shape) for name in ("w", "v", "c")}
    halves = [{name: value / 2 for name, value in known.items()}] * 2
    for index, half in enumerate(halves):
        save_importance(tmp_path / f"{index}.npz", half)
    driver.call(
        neuroplast, "train", model, "--data", data, "-o", target, "--lr", str(RATE), "--epochs",
        "5", "--batch", "16", "--ewc", str(STRENGTH), "--stats", tmp_path / "0.npz",
        "--stats", tmp_path / "1.npz",
    )  # fmt: skip
    start = dict(params)
    for _ in range(5):
        gradient = gradients(params, x, labels, is_class=True)
        for name, value in known.items():
            gradient[name] = gradient[name] + STRENGTH * value * (params[name] - start[name])
        params = {name: value - RATE * gradient[name] for name, value in params.items()}
    for name, value in read_params(target).items():
        np.testing.assert_allclose(value, params[name], rtol=1e-5, atol=1e-7)


def test_consolidation_takes_what_calibration_wrote(neuroplast: Path, tmp_path: Path) -> None:
    """The second task leaves more of the first one, the more strongly it is held."""
    model = tmp_path / "m.onnx"
    perceptron(model, has_softmax=False)
    random = np.random.default_rng(4)
    x = random.normal(size=(256, INS)).astype(np.float32)
    tasks = [(x[:, task] > 0).astype(np.int64) for task in range(2)]
    for task, labels in enumerate(tasks):
        driver.save(tmp_path / f"{task}.npz", {"x": x, "labels": labels})
    first, stats = tmp_path / "first.onnx", tmp_path / "stats.npz"
    fit = ("--optimizer", "adam", "--lr", "0.01", "--epochs", "40")
    driver.call(neuroplast, "train", model, "--data", tmp_path / "0.npz", "-o", first, *fit)
    driver.call(
        neuroplast, "calibrate", first, "--data", tmp_path / "0.npz", "--gradients", "--batch",
        "1", "-o", stats,
    )  # fmt: skip
    kept = []
    for strength in ("0", "1000", "1000000"):
        second = tmp_path / "second.onnx"
        driver.call(
            neuroplast, "train", first, "--data", tmp_path / "1.npz", "-o", second, *fit,
            "--ewc", strength, "--stats", stats,
        )  # fmt: skip
        said = logits(read_params(second), x).argmax(axis=1)
        kept.append(float((said == tasks[0]).mean()))
    assert kept[0] + 0.02 < kept[1] <= kept[2] + 0.02
    assert kept[2] > 0.97


def test_replay(neuroplast: Path, tmp_path: Path) -> None:
    """Classes that no longer come are not forgotten, and a stream is replayed the same."""
    model, folder = tmp_path / "m.onnx", tmp_path / "stream"
    perceptron(model, has_softmax=False)
    folder.mkdir()
    random = np.random.default_rng(5)
    centres = 2 * random.normal(size=(OUTS, INS))

    def draw(labels: np.ndarray) -> np.ndarray:
        return (centres[labels] + random.normal(size=(len(labels), INS))).astype(np.float32)

    for part in range(OUTS):
        labels = np.full(640, part)
        driver.save(folder / f"{part}.npz", {"x": draw(labels), "labels": labels})
    labels = random.integers(0, OUTS, 500)
    x, accuracy = draw(labels), {}
    for name, options in {
        "none": [],
        "replay": ["--replay", "60"],
        "again": ["--replay", "60"],
    }.items():
        target = tmp_path / f"{name}.onnx"
        driver.call(
            neuroplast, "train", model, "--learn", folder, "--wait", "0", "-o", target,
            "--lr", "0.3", "--batch", "16", *options,
        )  # fmt: skip
        accuracy[name] = (logits(read_params(target), x).argmax(axis=1) == labels).mean()
    assert accuracy["none"] < 0.6 < 0.8 < accuracy["replay"]
    a, b = (
        onnx.load(tmp_path / f"{name}.onnx").SerializeToString() for name in ("replay", "again")
    )
    assert a == b


STATS = [word for name in ("small", "other", "both") for word in ("--stats", f"{{{name}}}")]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--ewc", "1"], "'--ewc' needs '--stats FILE.npz'"),
        (["--ewc", "1", "--stats", "{data}"], "has no gradients"),
        (["--ewc", "1", "--stats", "{small}"], "elements of 'w', and their importance is known of"),
        (["--ewc", "1", "--stats", "{other}"], "no parameter that could learn whose importance"),
        (["--ewc", "1", *STATS], "another number of elements"),
    ],
)  # fmt: skip
def test_failures_say_why(
    options: list[str], reason: str, neuroplast: Path, tmp_path: Path
) -> None:
    model, data = tmp_path / "m.onnx", tmp_path / "data.npz"
    perceptron(model, has_softmax=False)
    driver.save(data, {"x": np.zeros((32, INS), np.float32), "labels": np.zeros(32, np.int64)})
    for name, arrays in {"small": {"w": 3}, "other": {"z": 3}, "both": {"w": 2, "z": 3}}.items():
        sizes = {key: np.ones(size) for key, size in arrays.items()}
        save_importance(tmp_path / f"{name}.npz", sizes)
    words = [
        word.format(**{n: tmp_path / f"{n}.npz" for n in ("data", "small", "other", "both")})
        for word in options
    ]
    with pytest.raises(driver.DriverError, match=reason):
        driver.call(neuroplast, "train", model, "--data", data, "-o", tmp_path / "o.onnx", *words)
    assert not (tmp_path / "o.onnx").exists()
