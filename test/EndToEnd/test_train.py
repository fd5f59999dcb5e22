"""Training from a model file: `neuroplast train` against the formulas of its parts."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from Models import driver, models
from onnx import TensorProto, helper, numpy_helper

Arrays = dict[str, np.ndarray]
INS, HIDDEN, OUTS = 6, 8, 4


def perceptron(path: Path, has_softmax: bool = True, dtype: int = TensorProto.FLOAT) -> Arrays:
    """Writes a perceptron with one hidden layer; its parameters."""
    random = np.random.default_rng(3)
    kind = helper.tensor_dtype_to_np_dtype(dtype)
    params = {
        "w": random.normal(size=(INS, HIDDEN)),
        "b": random.normal(size=HIDDEN),
        "v": random.normal(size=(HIDDEN, OUTS)),
        "c": random.normal(size=OUTS),
    }
    params = {name: value.astype(kind) for name, value in params.items()}
    nodes = [
        helper.make_node("Gemm", ["x", "w", "b"], ["h"]),
        helper.make_node("Tanh", ["h"], ["t"]),
        helper.make_node("Gemm", ["t", "v", "c"], ["y" if not has_softmax else "z"]),
    ]
    if has_softmax:
        nodes.append(helper.make_node("Softmax", ["z"], ["y"], axis=1))
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", dtype, ["N", INS])],
        [helper.make_tensor_value_info("y", dtype, ["N", OUTS])],
        [numpy_helper.from_array(value, name) for name, value in params.items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)]), path)
    return params


def read_params(path: Path) -> Arrays:
    return {t.name: numpy_helper.to_array(t) for t in onnx.load(path).graph.initializer}


def gradients(p: Arrays, x: np.ndarray, labels: np.ndarray, is_class: bool) -> Arrays:
    t = np.tanh(x @ p["w"] + p["b"])
    z = t @ p["v"] + p["c"]
    if is_class:
        odds = np.exp(z - z.max(axis=1, keepdims=True))
        dz = (odds / odds.sum(axis=1, keepdims=True) - np.eye(OUTS)[labels]) / len(x)
    else:
        dz = 2 * (z - labels) / z.size
    dh = dz @ p["v"].T * (1 - t * t)
    return {"w": x.T @ dh, "b": dh.sum(axis=0), "v": t.T @ dz, "c": dz.sum(axis=0)}


Rule = Callable[[np.ndarray, np.ndarray, list[np.ndarray], int], np.ndarray]
RATE, DECAY = 0.05, 0.1


def sgd(p: np.ndarray, g: np.ndarray, state: list[np.ndarray], step: int) -> np.ndarray:
    state[0] = 0.9 * state[0] + g + DECAY * p
    return p - RATE * state[0]


def adam(p: np.ndarray, g: np.ndarray, state: list[np.ndarray], step: int) -> np.ndarray:
    state[0] = 0.9 * state[0] + 0.1 * g
    state[1] = 0.999 * state[1] + 0.001 * g * g
    root = np.sqrt(state[1] / (1 - 0.999**step))
    return p - RATE * state[0] / (1 - 0.9**step) / (root + 1e-8)


def adamw(p: np.ndarray, g: np.ndarray, state: list[np.ndarray], step: int) -> np.ndarray:
    return adam(p, g, state, step) - RATE * DECAY * p


def rmsprop(p: np.ndarray, g: np.ndarray, state: list[np.ndarray], step: int) -> np.ndarray:
    state[0] = 0.99 * state[0] + 0.01 * g * g
    return p - RATE * g / (np.sqrt(state[0]) + 1e-8)


OPTIMIZERS: dict[str, tuple[list[str], Rule]] = {
    "sgd": (["--momentum", "0.9", "--weight-decay", str(DECAY)], sgd),
    "adam": ([], adam),
    "adamw": (["--weight-decay", str(DECAY)], adamw),
    "rmsprop": ([], rmsprop),
}


@pytest.mark.parametrize("name", list(OPTIMIZERS))
@pytest.mark.parametrize("loss", ["cross-entropy", "mse"])
def test_steps(name: str, loss: str, neuroplast: Path, tmp_path: Path) -> None:
    """Five steps on all the data are what the formulas say, in double precision."""
    model, target, data = tmp_path / "m.onnx", tmp_path / "t.onnx", tmp_path / "d.npz"
    is_class = loss == "cross-entropy"
    params = perceptron(model, has_softmax=is_class, dtype=TensorProto.DOUBLE)
    random = np.random.default_rng(5)
    x = random.normal(size=(16, INS))
    labels = random.integers(0, OUTS, 16) if is_class else random.normal(size=(16, OUTS))
    driver.save(data, {"x": x, "labels": labels})
    options, rule = OPTIMIZERS[name]
    driver.call(
        neuroplast, "train", model, "--data", data, "-o", target, "--loss", loss, "--optimizer",
        name, "--lr", str(RATE), "--epochs", "5", "--batch", "16", *options,
    )  # fmt: skip
    states = {key: [np.zeros_like(value)] * 2 for key, value in params.items()}
    for step in range(1, 6):
        gradient = gradients(params, x, labels, is_class)
        params = {
            key: rule(value, gradient[key], states[key], step) for key, value in params.items()
        }
    for key, value in read_params(target).items():
        np.testing.assert_allclose(value, params[key], rtol=1e-5, atol=1e-7)


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


def slope(p: Arrays, key: str, x: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The gradient of the mean square by differences."""
    found = np.zeros_like(p[key])
    for place in np.ndindex(found.shape):
        losses = []
        for sign in (1, -1):
            moved = p | {key: p[key].copy()}
            moved[key][place] += sign * 1e-6
            losses.append(((normalise(moved, x)[0] - labels) ** 2).mean())
        found[place] = (losses[0] - losses[1]) / 2e-6
    return found


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
        params |= {
            key: params[key] - RATE * slope(params, key, x, labels) for key in ("w", "s", "b", "u")
        }
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
        (good, ["--optimizer", "lion"], "optimizer 'lion' is none of"),
        (good, ["--batch", "100"], "have 64 examples, and a batch has 100"),
        (good, ["--freeze", "*"], "has no parameter that could learn"),
        (good | {"x": good["x"] * np.float32(np.nan)}, [], "no finite number in step 1"),
    ):
        driver.save(data, arrays)
        with pytest.raises(driver.DriverError, match="exit code 1") as error:
            driver.call(neuroplast, "train", model, "--data", data, "-o", target, *options)
        assert message in str(error.value)
        assert not target.exists()
