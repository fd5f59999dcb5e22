"""Several processes that train one network: what one with all of their examples would do."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
from Models import driver, server
from Models.training import Arrays, draw_examples, draw_weights, perceptron, read_params
from Models.training import write_network as write

PROCESSES = 2

IMAGES = """
<ir_version: 8, opset_import: ["" : 17]>
g (float[n, 2, 8, 8] x) => (float[n, 4] y) {
  a = Conv <pads = [1, 1, 1, 1]> (x, u)
  b = BatchNormalization (a, scale, shift, mean, variance)
  c = Relu (b)
  d = Conv <pads = [1, 1, 1, 1]> (c, v)
  e = Relu (d)
  f = GlobalAveragePool (e)
  z = Flatten (f)
  y = MatMul (z, w)
}
"""
WEIGHTS: dict[str, tuple[int, ...]] = {
    "u": (6, 2, 3, 3), "scale": (6,), "shift": (6,), "mean": (6,), "v": (8, 6, 3, 3), "w": (8, 4),
}  # fmt: skip


def write_images(model: Path) -> None:
    weights = draw_weights(WEIGHTS, seed=1) | {"variance": np.ones(6, np.float32)}
    write(model, IMAGES, weights)


def draw_images(count: int, seed: int = 0) -> Arrays:
    random = np.random.default_rng(seed)
    return {
        "x": random.normal(size=(count, 2, 8, 8)).astype(np.float32),
        "labels": random.integers(0, 4, count),
    }


def together(neuroplast: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Runs the driver in several processes on this machine."""
    start = ["mpirun", "--allow-run-as-root", "--oversubscribe", "-n", str(PROCESSES)]
    return subprocess.run(
        [*start, neuroplast, *arguments], check=False, capture_output=True, text=True, timeout=600
    )


@pytest.fixture(autouse=True)
def _plain_build(neuroplast: Path) -> None:
    if server.is_sanitized(neuroplast):
        pytest.skip("MPI's own memory is none of ours")


def agree(one: Path, other: Path) -> None:
    expected, found = read_params(one), read_params(other)
    for name, value in expected.items():
        size = np.abs(value).max() + 1e-3
        np.testing.assert_allclose(found[name], value, rtol=0, atol=1e-5 * size, err_msg=name)


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--optimizer", "adam", "--schedule", "cosine", "--clip-norm", "0.1"),
        ("--accumulate", "3", "--momentum", "0.9", "--average", "0.9"),
        ("--augment", "flip,shift:1,warp:0.1,contrast:0.3,noise:0.1"),
        ("--dropout", "v=0.3", "--dropout", "w=0.3:weights"),
        ("--dropout", "v=0.3:channels", "--dropout", "u=0.2:gaussian"),
        ("--dropout", "v=0.3:squares:3"),
    ],
)
def test_is_one_step(options: tuple[str, ...], neuroplast: Path, tmp_path: Path) -> None:
    """Parameters, statistics of batches and what the log says come out alike."""
    model, data, other = tmp_path / "m.onnx", tmp_path / "d.npz", tmp_path / "v.npz"
    write_images(model)
    driver.save(data, draw_images(200))
    driver.save(other, draw_images(50, seed=1))
    call = ("train", model, "--data", data, "--val", other, "--epochs", "2", *options)
    logs = []
    for run, batch in (("one", 16), ("two", 8)):
        start = together if run == "two" else server.run
        log = tmp_path / f"{run}.jsonl"
        done = start(
            neuroplast, *call, "--batch", str(batch), "-o", tmp_path / f"{run}.onnx", "--log", log
        )
        assert done.returncode == 0, done.stderr
        logs.append([json.loads(line) for line in log.read_text().splitlines()])
    agree(tmp_path / "one.onnx", tmp_path / "two.onnx")
    for one, two in zip(*logs, strict=True):
        assert one.keys() == two.keys()
        for key in one.keys() - {"seconds"}:
            assert one[key] == pytest.approx(two[key], rel=1e-4), key
    assert done.stdout.count("epoch 2:") == 1


def test_distills(neuroplast: Path, tmp_path: Path) -> None:
    """Means of what a teacher says are over the batches of all, too."""
    teacher, student, data = tmp_path / "t.onnx", tmp_path / "s.onnx", tmp_path / "d.npz"
    write_images(teacher)
    write(student, IMAGES, draw_weights(WEIGHTS, seed=2) | {"variance": np.ones(6, np.float32)})
    driver.save(data, {"x": draw_images(96)["x"]})
    call = ("distill", teacher, student, "--data", data, "--blank", "1", "--blank-weight", "0.2")
    hints = ("--hint", "Conv*=1:layers", "--hint", "Relu*=1:attention")
    one, two = tmp_path / "one.onnx", tmp_path / "two.onnx"
    driver.call(neuroplast, *call, *hints, "--batch", "16", "-o", one)
    done = together(neuroplast, *call, *hints, "--batch", "8", "-o", two)
    assert done.returncode == 0, done.stderr
    agree(one, two)


def test_resumes(neuroplast: Path, tmp_path: Path) -> None:
    """A checkpoint is one of all processes: the same bits as without it, and no other number."""
    model, data, checkpoint = tmp_path / "m.onnx", tmp_path / "d.npz", tmp_path / "c.npz"
    perceptron(model)
    driver.save(data, draw_examples(128))
    call = ("train", model, "--data", data, "--optimizer", "adam", "--batch", "8", "--lr", "0.01")
    whole, parts = tmp_path / "whole.onnx", tmp_path / "parts.onnx"
    assert together(neuroplast, *call, "--epochs", "4", "-o", whole).returncode == 0
    kept = ("--checkpoint", checkpoint, "--resume", "-o", parts)
    for epochs in ("2", "4"):
        done = together(neuroplast, *call, "--epochs", epochs, *kept)
        assert done.returncode == 0, done.stderr
    for name, value in read_params(whole).items():
        np.testing.assert_array_equal(value, read_params(parts)[name])
    with pytest.raises(driver.DriverError, match="asked for something else"):
        driver.call(neuroplast, *call, "--epochs", "5", *kept)


def test_what_is_wrong(neuroplast: Path, tmp_path: Path) -> None:
    """One that fails takes the others along, and nothing is written."""
    model, data, target = tmp_path / "m.onnx", tmp_path / "d.npz", tmp_path / "t.onnx"
    perceptron(model)
    examples = draw_examples(64)
    driver.save(data, examples)
    labels = examples["labels"].copy()
    labels[37] = 9
    driver.save(tmp_path / "bad.npz", examples | {"labels": labels})
    cases: list[tuple[tuple[str | Path, ...], str]] = [
        (("train", model, "--data", tmp_path / "bad.npz"), "labels hold 9, but there are 4"),
        (("train", model, "--data", data, "--batch", "33"), "64 examples, and a batch has 66"),
        (("train", model, "--data", data, "--loss", "contrastive"), "each process has others"),
        (("train", model, "--learn", tmp_path), "'--learn' is for one process"),
        (("compress", model, "--data", data, "--target-flops", "0.5x"), "'compress' is for one"),
    ]
    for call, message in cases:
        done = together(neuroplast, *call, "-o", target)
        assert done.returncode != 0
        assert message in done.stderr
        assert not target.exists()
