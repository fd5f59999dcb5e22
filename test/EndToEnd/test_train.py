"""Training from a model file: `neuroplast train` from its first epoch to its last."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import pytest
from Models import driver, models, server
from Models.training import HIDDEN, INS, OUTS, Arrays, differ, perceptron, read_params
from onnx import TensorProto, helper, numpy_helper

RATE = 0.05
OPTIONS = (
    "--optimizer", "adam", "--lr", "0.01", "--epochs", "500", "--schedule", "cosine", "--average",
    "0.99", "--average-after", "3", "--dropout", "v=0.1",
)  # fmt: skip


def test_resumed_is_uninterrupted(neuroplast: Path, tmp_path: Path) -> None:
    """Ended at any time, even while a checkpoint is written, it comes to the same weights."""
    if server.is_sanitized(neuroplast):
        pytest.skip("it would be ended before its first checkpoint")
    model, data, other = tmp_path / "m.onnx", tmp_path / "d.npz", tmp_path / "v.npz"
    perceptron(model)
    driver.save(data, classes(4096, 1))
    driver.save(other, classes(64, 2))
    whole, parts = tmp_path / "whole.onnx", tmp_path / "parts.onnx"
    call = ("train", model, "--data", data, "--val", other, "--patience", "500", *OPTIONS)
    driver.call(neuroplast, *call, "-o", whole)
    checkpoint = tmp_path / "c.npz"
    command = [neuroplast, *call, "-o", parts, "--checkpoint", checkpoint, "--resume"]
    kills = driver.call_through_kills(command, (0.1, 0.25), attempts=60)
    assert kills >= 5
    for key, value in read_params(whole).items():
        np.testing.assert_array_equal(value, read_params(parts)[key])


def test_checkpoints_that_do_not_fit(neuroplast: Path, tmp_path: Path) -> None:
    model, data, target = tmp_path / "m.onnx", tmp_path / "d.npz", tmp_path / "t.onnx"
    checkpoint = tmp_path / "c.npz"
    perceptron(model)
    driver.save(data, classes(64, 1))
    call = ("train", model, "--data", data, "-o", target)
    driver.call(neuroplast, *call, "--checkpoint", checkpoint)
    target.unlink()
    kept = checkpoint.read_bytes()
    other = tmp_path / "other.onnx"
    perceptron(other, dtype=TensorProto.DOUBLE)
    wide = tmp_path / "wide.npz"
    driver.save(
        wide, {key: v.astype(float) if key == "x" else v for key, v in classes(64, 1).items()}
    )
    for bad, options, message in (
        (kept[: len(kept) // 2], (), "c.npz"),
        (data.read_bytes(), (), "is no checkpoint"),
        (kept, ("--lr", "0.5"), "was asked for something else"),
        (kept, ("--data", wide), "has no parameter"),
    ):
        checkpoint.write_bytes(bad)
        changed = list(call)
        if "--data" in options:
            changed[1] = other
        with pytest.raises(driver.DriverError, match="exit code 1") as error:
            driver.call(neuroplast, *changed, "--checkpoint", checkpoint, "--resume", *options)
        assert message in str(error.value)
        assert not target.exists()
        assert checkpoint.read_bytes() == bad
    with pytest.raises(driver.DriverError, match="cannot write"):
        driver.call(neuroplast, *call, "--checkpoint", tmp_path / "missing" / "c.npz")
    assert not target.exists()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder with room for 64 KiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("no file system can be mounted here")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_full_disk(neuroplast: Path, tmp_path: Path, small_disk: Path) -> None:
    """Where there is no room for a checkpoint, the last one stays, and the error says so."""
    model, data, target = tmp_path / "m.onnx", tmp_path / "d.npz", tmp_path / "t.onnx"
    checkpoint, filling = small_disk / "c.npz", small_disk / "filling"
    perceptron(model, hidden=256)
    driver.save(data, classes(64, 1))
    call = ("train", model, "--data", data, "--checkpoint", checkpoint)
    driver.call(neuroplast, *call, "-o", target)
    kept = checkpoint.read_bytes()
    target.unlink()
    filling.write_bytes(bytes(40000))
    for options in (("-o", target, "--epochs", "2", "--resume"), ("-o", small_disk / "t.onnx")):
        with pytest.raises(driver.DriverError, match="exit code 1") as error:
            driver.call(neuroplast, *call, *options)
        assert "cannot write" in str(error.value)
        assert "No space left" in str(error.value)
        assert checkpoint.read_bytes() == kept
        assert sorted(small_disk.iterdir()) == [checkpoint, filling]
    assert not target.exists()


def test_patience(neuroplast: Path, tmp_path: Path) -> None:
    """It ends when nothing gets better any more, with the best that there was."""
    model, data, other = tmp_path / "m.onnx", tmp_path / "d.npz", tmp_path / "v.npz"
    target, log = tmp_path / "t.onnx", tmp_path / "log.jsonl"
    perceptron(model)
    driver.save(data, classes(64, 1))
    validation = classes(64, 2)
    driver.save(other, validation)
    driver.call(
        neuroplast, "train", model, "--data", data, "--val", other, "-o", target, "--optimizer",
        "adam", "--lr", "0.5", "--epochs", "100", "--patience", "4", "--log", log,
    )  # fmt: skip
    losses = [json.loads(line)["validation_loss"] for line in log.read_text().splitlines()]
    best = int(np.argmin(losses))
    assert len(losses) == best + 5 < 100
    outputs = models.reference(target, {"x": validation["x"]})["y"]
    chosen = outputs[np.arange(64), validation["labels"]]
    assert losses[best] == pytest.approx(-np.log(chosen).mean(), abs=1e-4)


def classes(count: int, seed: int) -> Arrays:
    random = np.random.default_rng(seed)
    centres = np.random.default_rng(1).normal(size=(OUTS, INS))
    labels = random.integers(0, OUTS, count)
    x = centres[labels] + 0.3 * random.normal(size=(count, INS))
    return {"x": x.astype(np.float32), "labels": labels.astype(np.int32)}


def test_learns(neuroplast: Path, tmp_path: Path) -> None:
    """What it says of the model is so; seeds say all; what is frozen stays."""
    model, data, other = tmp_path / "m.onnx", tmp_path / "d.npz", tmp_path / "v.npz"
    before, validation = perceptron(model), classes(64, 2)
    driver.save(data, classes(512, 1))
    driver.save(other, validation)
    targets, log = [tmp_path / f"t{i}.onnx" for i in range(2)], tmp_path / "log.jsonl"
    for target in targets:
        printed = driver.call(
            neuroplast, "train", model, "--data", data, "--val", other, "-o", target,
            "--optimizer", "adam", "--lr", "0.01", "--epochs", "8", "--freeze", "b", "--log", log,
        )  # fmt: skip
    lines = printed.splitlines()
    assert len(lines) == 8
    found = re.findall(r"loss ([\d.]+), accuracy ([\d.]+) %", lines[-1])
    assert float(found[0][1]) > 90
    logged = [json.loads(line) for line in log.read_text().splitlines()]
    assert [line["epoch"] for line in logged] == list(range(1, 9))
    for kind, (loss, accuracy) in zip(("", "validation_"), found, strict=True):
        assert logged[-1][f"{kind}loss"] == pytest.approx(float(loss), abs=1e-4)
        assert 100 * logged[-1][f"{kind}accuracy"] == pytest.approx(float(accuracy), abs=0.051)
    assert all(line["seconds"] > 0 for line in logged)
    outputs = models.reference(targets[0], {"x": validation["x"]})["y"]
    accuracy = (outputs.argmax(axis=1) == validation["labels"]).mean()
    assert float(found[1][1]) == pytest.approx(100 * accuracy, abs=0.051)
    chosen = outputs[np.arange(64), validation["labels"]]
    assert float(found[1][0]) == pytest.approx(-np.log(chosen).mean(), abs=1e-3)
    first, second = map(read_params, targets)
    for key, value in first.items():
        np.testing.assert_array_equal(value, second[key])
        assert np.array_equal(value, before[key]) == (key == "b")


def normalise(p: Arrays, x: np.ndarray) -> tuple[np.ndarray, Arrays]:
    """A network with a batch norm, as it trains, and what that sees of the batch."""
    h = x @ p["w"]
    seen = {"m": h.mean(axis=0), "v": h.var(axis=0)}
    t = np.tanh((h - seen["m"]) / np.sqrt(seen["v"] + 1e-5) * p["s"] + p["b"])
    return t @ p["u"], seen


@pytest.mark.parametrize("is_frozen", [False, True])
def test_batch_norm(is_frozen: bool, neuroplast: Path, tmp_path: Path) -> None:
    """Norms go by the batch and remember it; frozen ones, and those of validation, go by that."""
    random = np.random.default_rng(6)
    model, target, data = tmp_path / "m.onnx", tmp_path / "t.onnx", tmp_path / "d.npz"
    params = {
        "w": random.normal(size=(INS, HIDDEN)), "s": 1 + 0.3 * random.normal(size=HIDDEN),
        "b": random.normal(size=HIDDEN), "m": random.normal(size=HIDDEN),
        "v": 1 + random.random(HIDDEN), "u": random.normal(size=(HIDDEN, OUTS)),
    }  # fmt: skip
    graph = onnx.parser.parse_graph(
        f"g (double[N,{INS}] x) => (double[N,{OUTS}] y) {{ h = MatMul(x, w)"
        " n = BatchNormalization<momentum: float = 0.75>(h, s, b, m, v) t = Tanh(n)"
        " y = MatMul(t, u) }"
    )
    graph.initializer.extend(numpy_helper.from_array(value, key) for key, value in params.items())
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)]), model)
    x, labels = random.normal(size=(16, INS)), random.normal(size=(16, OUTS))
    driver.save(data, {"x": x, "labels": labels})
    options = ["--freeze", "m", "--freeze", "v"] if is_frozen else []
    printed = driver.call(
        neuroplast, "train", model, "--data", data, "--val", data, "-o", target, "--loss", "mse",
        "--lr", str(RATE), "--epochs", "3", "--batch", "16", *options,
    )  # fmt: skip
    trained = read_params(target)
    outputs = models.reference(target, {"x": x})["y"]
    validation = float(re.findall(r"validation loss ([\d.]+)", printed)[-1])
    assert validation == pytest.approx(((outputs - labels) ** 2).mean(), abs=1e-4)
    if is_frozen:
        np.testing.assert_array_equal(trained["m"], params["m"])
        np.testing.assert_array_equal(trained["v"], params["v"])
        assert not np.array_equal(trained["s"], params["s"])
        return
    for _ in range(3):
        seen = normalise(params, x)[1]
        gradient = differ(lambda p: ((normalise(p, x)[0] - labels) ** 2).mean(), params)
        params |= {key: params[key] - RATE * gradient[key] for key in ("w", "s", "b", "u")}
        params |= {key: 0.75 * params[key] + 0.25 * value for key, value in seen.items()}
    for key, value in trained.items():
        np.testing.assert_allclose(value, params[key], rtol=1e-5, atol=1e-7)


def test_convolutions(neuroplast: Path, tmp_path: Path) -> None:
    """Layers with windows learn, from any starting place, on several threads as on one."""
    random = np.random.default_rng(4)
    model, data = tmp_path / "m.onnx", tmp_path / "d.npz"
    weights = {
        "k": random.normal(size=(16, 1, 3, 3)) * 0.5,
        "l": random.normal(size=(16, 16, 3, 3)) * 0.1,
        "w": random.normal(size=(64, 3)) * 0.2,
    }
    graph = onnx.parser.parse_graph(
        "g (float[N,1,8,8] x) => (float[N,3] y) {"
        " a = Conv<pads: ints = [1, 1, 1, 1]>(x, k) r = Relu(a)"
        " p = MaxPool<kernel_shape: ints = [2, 2], strides: ints = [2, 2]>(r)"
        " b = Conv<pads: ints = [1, 1, 1, 1]>(p, l) s = Relu(b)"
        " q = AveragePool<kernel_shape: ints = [2, 2], strides: ints = [2, 2]>(s)"
        " f = Flatten(q) y = MatMul(f, w) }"
    )
    graph.initializer.extend(
        numpy_helper.from_array(value.astype(np.float32), key) for key, value in weights.items()
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)]), model)
    labels = random.integers(0, 3, 192)
    images = random.normal(size=(3, 1, 8, 8))[labels] + random.normal(size=(192, 1, 8, 8))
    driver.save(data, {"x": images.astype(np.float32), "labels": labels})
    results = []
    for threads in ("1", "2"):
        printed = driver.call(
            neuroplast, "train", model, "--data", data, "-o", tmp_path / "t.onnx", "--optimizer",
            "adam", "--lr", "0.003", "--epochs", "12", "--threads", threads,
        )  # fmt: skip
        results.append(read_params(tmp_path / "t.onnx"))
        accuracies = [float(value) for value in re.findall(r"accuracy ([\d.]+)", printed)]
        assert accuracies[-1] > 90
    for key, value in results[0].items():
        np.testing.assert_array_equal(value, results[1][key])


@pytest.mark.parametrize("changes", ["warp:0.3", "contrast:0.5"])
def test_augmentation_of_images(changes: str, neuroplast: Path, tmp_path: Path) -> None:
    """What a step sees of a ramp: the loss of a network that gives it back against the ramp."""
    model, target, data = tmp_path / "m.onnx", tmp_path / "t.onnx", tmp_path / "d.npz"
    height, width, count = 9, 17, 512
    graph = onnx.parser.parse_graph(
        f"g (float[N,1,{height},{width}] x) => (float[N,1,{height},{width}] y) {{ y = Conv(x, w) }}"
    )
    one = np.ones((1, 1, 1, 1), np.float32)
    graph.initializer.append(numpy_helper.from_array(one, "w"))
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)]), model)
    ramp = np.broadcast_to(np.linspace(-1, 1, width), (height, width))
    x = np.broadcast_to(ramp, (count, 1, height, width)).astype(np.float32)
    driver.save(data, {"x": x, "labels": x})
    losses = []
    for target in (tmp_path / "t.onnx", tmp_path / "again.onnx"):
        log = target.with_suffix(".jsonl")
        driver.call(
            neuroplast, "train", model, "--data", data, "-o", target, "--loss", "mse", "--lr",
            "0", "--batch", str(count), "--augment", changes, "--log", log,
        )  # fmt: skip
        losses.append(json.loads(log.read_text())["loss"])
    assert losses[0] == losses[1]
    amount = float(changes.split(":")[1])
    random = np.random.default_rng(0)
    expected = []
    for _ in range(4000):
        u = random.uniform(-amount, amount, 3)
        seen = ramp * (1 + u[0])
        if "warp" in changes:
            rows, columns = np.mgrid[:height, :width].astype(float)
            right, below = columns - (width - 1) / 2, rows - (height - 1) / 2
            place = (1 + u[0]) * right + u[1] * below
            seen = np.clip(place / ((width - 1) / 2), -1, 1)
        expected.append(((seen - ramp) ** 2).mean())
    assert losses[0] == pytest.approx(np.mean(expected), rel=0.15)


@pytest.mark.parametrize("changes", ["", "flip", "shift:1", "noise:0.35", "flip,shift:2,noise:0.2"])
def test_augmentation(changes: str, neuroplast: Path, tmp_path: Path) -> None:
    """A factor of each pixel learns as much as is there: it tells where a single one went."""
    model, target, data = tmp_path / "m.onnx", tmp_path / "t.onnx", tmp_path / "d.npz"
    size, count = 5, 256
    graph = onnx.parser.parse_graph(
        f"g (float[N,1,{size},{size}] x) => (float[N,1] y) {{ f = Flatten(x) y = MatMul(f, w) }}"
    )
    graph.initializer.append(numpy_helper.from_array(np.ones((size**2, 1), np.float32), "w"))
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)]), model)
    x = np.zeros((count, 1, size, size), np.float32)
    x[:, :, 2, 1] = 1
    driver.save(data, {"x": x, "labels": np.zeros((count, 1), np.float32)})
    # The gradient of each factor is twice the mean square of its pixel: others are zero then, or
    # have nothing to do with it.
    rate = 0.5
    targets = [target, tmp_path / "again.onnx"]
    for path in targets:
        driver.call(
            neuroplast, "train", model, "--data", data, "-o", path, "--loss", "mse", "--batch",
            str(count), "--lr", str(rate), *(["--augment", changes] if changes else []),
        )  # fmt: skip
    squares = 1 - read_params(target)["w"].reshape(size, size)
    np.testing.assert_array_equal(squares, 1 - read_params(targets[1])["w"].reshape(size, size))
    # Deviations from none up to what is asked for: the mean of their squares is a third.
    noise = float(changes.split("noise:")[1]) ** 2 / 3 if "noise" in changes else 0.0
    expected = np.full((size, size), noise)
    columns, rows = {1: 1.0}, {2: 1.0}
    if "flip" in changes:
        columns = {1: 0.5, 3: 0.5}
    if "shift" in changes:
        reach = int(changes.split("shift:")[1][0])
        steps = range(-reach, reach + 1)
        share = 1 / len(steps)
        rows = {2 + step: share for step in steps}
        moved: dict[int, float] = {}
        for column, weight in columns.items():
            for step in steps:
                if 0 <= column + step < size:
                    moved[column + step] = moved.get(column + step, 0) + weight * share
        columns = moved
    for row, a in rows.items():
        for column, b in columns.items():
            expected[row, column] += a * b
    # A few hundred draws are near what is expected of them.
    np.testing.assert_allclose(squares, expected, atol=0.12 if changes else 1e-6)
    assert squares.mean() == pytest.approx(expected.mean(), rel=0.2)
    if not noise:
        assert (squares > 1e-6).sum() == (expected > 0).sum()


def test_refused(neuroplast: Path, tmp_path: Path) -> None:
    model, data, target = tmp_path / "m.onnx", tmp_path / "d.npz", tmp_path / "t.onnx"
    perceptron(model)
    good = classes(64, 1)
    for arrays, options, message in (
        ({"x": good["x"]}, [], "has no array 'labels' of labels"),
        (good | {"labels": good["labels"][:5]}, [], "examples, and others have"),
        (good | {"labels": good["labels"] + 2}, [], "but there are 4 classes"),
        (good | {"labels": good["x"]}, [], "'labels' has another"),
        (good | {"z": good["x"]}, [], "z"),
        (good, ["--loss", "hinge"], "loss 'hinge' is none of"),
        (good, ["--optimizer", "newton"], "optimizer 'newton' is none of"),
        (good, ["--schedule", "wild"], "schedule 'wild' is none of"),
        (good, ["--nesterov"], "'--nesterov' needs '--momentum'"),
        (good, ["--lr", "-1"], "'--lr' must not be negative"),
        (good, ["--patience", "3"], "'--patience' needs '--val'"),
        (good, ["--augment", "flip,turn"], "'turn' is none of flip"),
        (good, ["--augment", "shift:-1"], "'shift:-1' is none of flip"),
        (good, ["--resume"], "'--resume' needs '--checkpoint FILE'"),
        (good, ["--batch", "100"], "have 64 examples, and a batch has 100"),
        (good, ["--freeze", "*"], "has no parameter that could learn"),
        (good | {"x": good["x"] * np.float32(np.nan)}, [], "no finite number in step 1"),
    ):
        driver.save(data, arrays)
        with pytest.raises(driver.DriverError, match="exit code 1") as error:
            driver.call(neuroplast, "train", model, "--data", data, "-o", target, *options)
        assert message in str(error.value)
        assert not target.exists()
