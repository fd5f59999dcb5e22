"""What a step of training does: losses, optimizers and schedules against their formulas."""

from __future__ import annotations

import itertools
import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from Models import driver, text_lines
from Models.architectures.builder import Builder
from Models.training import (
    INS,
    OUTS,
    Arrays,
    differ,
    gradients,
    logits,
    perceptron,
    read_params,
    softmax,
)
from onnx import TensorProto, helper, numpy_helper
from Property.random_networks import Network

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


def nesterov(p: np.ndarray, g: np.ndarray, state: list[np.ndarray], step: int) -> np.ndarray:
    state[0] = 0.9 * state[0] + g
    return p - RATE * (g + 0.9 * state[0])


def adagrad(p: np.ndarray, g: np.ndarray, state: list[np.ndarray], step: int) -> np.ndarray:
    state[0] = state[0] + g * g
    return p - RATE * g / (np.sqrt(state[0]) + 1e-8)


def lion(p: np.ndarray, g: np.ndarray, state: list[np.ndarray], step: int) -> np.ndarray:
    direction = np.sign(0.9 * state[0] + 0.1 * g)
    state[0] = 0.99 * state[0] + 0.01 * g
    return p - RATE * (direction + DECAY * p)


OPTIMIZERS: dict[str, tuple[list[str], Rule]] = {
    "sgd": (["--momentum", "0.9", "--weight-decay", str(DECAY)], sgd),
    "sgd nesterov": (["--momentum", "0.9", "--nesterov"], nesterov),
    "adagrad": ([], adagrad),
    "lion": (["--weight-decay", str(DECAY)], lion),
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
        name.split()[0], "--lr", str(RATE), "--epochs", "5", "--batch", "16", *options,
    )  # fmt: skip
    states = {key: [np.zeros_like(value)] * 2 for key, value in params.items()}
    for step in range(1, 6):
        gradient = gradients(params, x, labels, is_class)
        params = {
            key: rule(value, gradient[key], states[key], step) for key, value in params.items()
        }
    for key, value in read_params(target).items():
        np.testing.assert_allclose(value, params[key], rtol=1e-5, atol=1e-7)


def cosine(z: np.ndarray, y: np.ndarray) -> np.ndarray:
    return (z * y).sum(axis=1) / np.linalg.norm(z, axis=1) / np.linalg.norm(y, axis=1)


def hot(y: np.ndarray) -> np.ndarray:
    return np.eye(OUTS)[y]


def contrast(z: np.ndarray, y: np.ndarray, temperature: float) -> float:
    """The supervised contrastive loss, example by example."""
    z = z / np.linalg.norm(z, axis=1, keepdims=True)
    losses = []
    for i in range(len(z)):
        likeness = np.delete(z @ z[i] / temperature, i)
        same = np.delete(y == y[i], i)
        if same.any():
            losses.append((np.log(np.exp(likeness).sum()) - likeness)[same].mean())
    return float(np.mean(losses))


# By the options: what labels are, and the loss of logits, as a number.
LOSSES: dict[str, tuple[str, Callable[[np.ndarray, np.ndarray], Any]]] = {
    "cross-entropy --label-smoothing 0.2": (
        "class",
        lambda z, y: -(np.log(softmax(z)) * (0.8 * hot(y) + 0.2 / OUTS)).sum(axis=1).mean(),
    ),
    "soft-cross-entropy": ("share", lambda z, y: -(np.log(softmax(z)) * y).sum(axis=1).mean()),
    "kl": (
        "share",
        lambda z, y: (y * (np.log(np.maximum(y, 1e-300)) - np.log(softmax(z)))).sum(axis=1).mean(),
    ),
    "bce": ("bit", lambda z, y: (np.log1p(np.exp(z)) - z * y).mean()),
    "mae": ("number", lambda z, y: np.abs(z - y).mean()),
    "huber --delta 0.7": (
        "number",
        lambda z, y: np.where(
            np.abs(z - y) < 0.7, 0.5 * (z - y) ** 2, 0.7 * (np.abs(z - y) - 0.35)
        ).mean(),
    ),
    "cosine": ("number", lambda z, y: (1 - cosine(z, y)).mean()),
    "contrastive --temperature 0.5": ("class", lambda z, y: contrast(z, y, 0.5)),
}


@pytest.mark.parametrize("clip", ["", "0.05"])
@pytest.mark.parametrize("name", list(LOSSES))
def test_losses(name: str, clip: str, neuroplast: Path, tmp_path: Path) -> None:
    """What is printed is the loss, and a step goes along its gradient, as far as it may."""
    model, target, data = tmp_path / "m.onnx", tmp_path / "t.onnx", tmp_path / "d.npz"
    params = perceptron(model, has_softmax=False, dtype=TensorProto.DOUBLE)
    random, (kind, loss) = np.random.default_rng(8), LOSSES[name]
    x = random.normal(size=(16, INS))
    labels = {
        "class": random.integers(0, OUTS, 16),
        "share": random.dirichlet(np.ones(OUTS), 16) * (random.random((16, OUTS)) > 0.2),
        "bit": random.integers(0, 2, (16, OUTS)).astype(float),
        "number": random.normal(size=(16, OUTS)),
    }[kind]
    driver.save(data, {"x": x, "labels": labels})
    printed = driver.call(
        neuroplast, "train", model, "--data", data, "-o", target, "--batch", "16", "--loss",
        *name.split(), "--lr", str(RATE), *(["--clip-norm", clip] if clip else []),
    )  # fmt: skip

    def measure(p: Arrays) -> float:
        return float(loss(logits(p, x), labels))

    assert float(re.findall(r"loss ([\d.]+)", printed)[0]) == pytest.approx(
        measure(params), abs=1e-4
    )
    gradient = differ(measure, params)
    norm = np.sqrt(sum(float((g * g).sum()) for g in gradient.values()))
    factor = min(1.0, float(clip) / norm) if clip else 1.0
    assert not clip or factor < 1
    for key, value in read_params(target).items():
        expected = params[key] - RATE * factor * gradient[key]
        np.testing.assert_allclose(value, expected, rtol=1e-6, atol=1e-8)


def rate_of(options: str, step: int, steps: int) -> float:
    """The rates that the options are said to mean."""
    warmup = 3 if "--warmup" in options else 0
    if step < warmup:
        return RATE * (step + 1) / warmup
    share = (step - warmup) / (steps - warmup)
    if "linear" in options:
        return RATE * (1 - share)
    if "cosine" in options:
        return RATE * (1 + np.cos(np.pi * share)) / 2
    if "one-cycle" in options:
        low, part = RATE / 25, share / 0.3
        if part <= 1:
            return low + (RATE - low) * (1 - np.cos(np.pi * part)) / 2
        return low / 1e4 + (RATE - low / 1e4) * (1 + np.cos(np.pi * (share - 0.3) / 0.7)) / 2
    return RATE * 0.5 ** ((step - warmup) // 4)


@pytest.mark.parametrize(
    "options",
    [
        "linear --warmup 3",
        "cosine",
        "one-cycle",
        "step --lr-every 2 --lr-factor 0.5 --warmup 3",
    ],
)
def test_schedules(options: str, neuroplast: Path, tmp_path: Path) -> None:
    """A parameter whose gradient is always the same tells all rates."""
    model, target, data = tmp_path / "m.onnx", tmp_path / "t.onnx", tmp_path / "d.npz"
    graph = onnx.parser.parse_graph("g (double[N,2] x) => (double[N,2] y) { y = Add(x, b) }")
    graph.initializer.append(numpy_helper.from_array(np.zeros(2), "b"))
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)]), model)
    # Two steps for each of five epochs.
    driver.save(data, {"x": np.zeros((4, 2)), "labels": np.full((4, 2), -1e3)})
    driver.call(
        neuroplast, "train", model, "--data", data, "-o", target, "--loss", "mae", "--batch", "2",
        "--epochs", "5", "--lr", str(RATE), "--schedule", *options.split(),
    )  # fmt: skip
    rates = sum(rate_of(options, step, 10) for step in range(10))
    np.testing.assert_allclose(read_params(target)["b"], -rates / 2, rtol=1e-6)


QUANTISED = """<ir_version: 10, opset_import: ["" : 21]>
g (float[16, 6] x) => (float[16, 4] y)
<float s = {0.05}, int8 z = {3}, int8[4] o = {0, 0, 0, 0}, float[4] t = {0.02, 0.05, 0.1, 0.001}> {
  q = QuantizeLinear<axis = 1>(w, t, o)
  d = DequantizeLinear<axis = 1>(q, t, o)
  h = MatMul(x, d)
  i = QuantizeLinear(h, s, z)
  y = DequantizeLinear(i, s, z)
}"""


def test_straight_through(neuroplast: Path, tmp_path: Path) -> None:
    """What is rounded in the network learns as if it were not, where it is not saturated."""
    model, data, target = tmp_path / "m.onnx", tmp_path / "d.npz", tmp_path / "t.onnx"
    random = np.random.default_rng(2)
    # Columns with scales of their own, the last of which saturates.
    w, scales = random.normal(size=(6, 4)).astype(np.float32), np.array([0.02, 0.05, 0.1, 0.001])
    proto = onnx.parser.parse_model(QUANTISED)
    proto.graph.initializer.append(numpy_helper.from_array(w, "w"))
    onnx.save(proto, model)
    x, labels = (random.normal(size=(16, n)).astype(np.float32) * 4 for n in (6, 4))
    driver.save(data, {"x": x, "labels": labels})
    driver.call(
        neuroplast, "train", model, "--data", data, "-o", target, "--batch", "16",
        "--loss", "mse", "--lr", str(RATE),
    )  # fmt: skip
    level = np.rint(w / scales)
    d = np.clip(level, -128, 127) * scales
    h = x @ d
    kept = (np.rint(h / 0.05) + 3 >= -128) & (np.rint(h / 0.05) + 3 <= 127)
    y = (np.clip(np.rint(h / 0.05) + 3, -128, 127) - 3) * 0.05
    assert 0 < kept.mean() < 1
    inside = (level >= -128) & (level <= 127)
    assert inside[:, :3].all()
    assert not inside[:, 3].all()
    gradient = x.T @ (2 * (y - labels) / y.size * kept) * inside
    trained = read_params(target)["w"]
    np.testing.assert_allclose(trained, w - RATE * gradient, rtol=1e-4, atol=1e-4)
    np.testing.assert_array_equal(trained[~inside], w[~inside])


def spell(path: tuple[int, ...], blank: int) -> tuple[int, ...]:
    """The labels that a path through classes stands for."""
    changes = [c for i, c in enumerate(path) if i == 0 or path[i - 1] != c]
    return tuple(c for c in changes if c != blank)


@pytest.mark.parametrize("blank", [0, 2])
def test_sequences(blank: int, neuroplast: Path, tmp_path: Path) -> None:
    """The loss of labels without times is that of the sum over all paths that spell them."""
    times, classes, ins = 5, 3, 4
    model, target, data = tmp_path / "m.onnx", tmp_path / "t.onnx", tmp_path / "d.npz"
    proto = onnx.parser.parse_model(f"""<ir_version: 8, opset_import: ["" : 17]>
    g (double[n, {times}, {ins}] x) => (double[n, {times}, {classes}] y) {{
      z = MatMul(x, w)
      y = Softmax<axis = -1>(z)
    }}""")
    random = np.random.default_rng(5)
    w = random.normal(size=(ins, classes))
    proto.graph.initializer.append(numpy_helper.from_array(w, "w"))
    onnx.save(proto, model)
    a, b = (c for c in range(classes) if c != blank)
    sequences = [(a,), (a, b), (a, a), (b, b, a), ()]
    labels = np.full((len(sequences), 3), -1)
    for row, sequence in zip(labels, sequences, strict=True):
        row[: len(sequence)] = sequence
    x = random.normal(size=(len(sequences), times, ins))
    driver.save(data, {"x": x, "labels": labels})
    printed = driver.call(
        neuroplast, "train", model, "--data", data, "-o", target, "--batch", str(len(x)),
        "--loss", "ctc", "--blank", str(blank), "--lr", str(RATE),
    )  # fmt: skip

    def measure(p: Arrays) -> float:
        total = 0.0
        for rows, sequence in zip(softmax(x @ p["w"], 2), sequences, strict=True):
            likely = sum(
                np.prod([row[c] for row, c in zip(rows, path, strict=True)])
                for path in itertools.product(range(classes), repeat=times)
                if spell(path, blank) == sequence
            )
            total -= np.log(likely) / max(1, len(sequence))
        return total / len(x)

    best = softmax(x @ w, 2).argmax(axis=2)
    spelt = [spell(tuple(row), blank) for row in best]
    right = sum(
        max(0, len(s) - text_lines.distance(r, s)) for r, s in zip(spelt, sequences, strict=True)
    )
    share = 100 * right / sum(map(len, sequences))
    assert re.findall(r"loss ([\d.]+), accuracy ([\d.]+)", printed) == [
        (f"{measure({'w': w}):.4f}", f"{share:.1f}")
    ]
    expected = w - RATE * differ(measure, {"w": w})["w"]
    np.testing.assert_allclose(read_params(target)["w"], expected, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([[1, 1, 2, 2]], "labels for 6 times, and the output 5"),
        ([[1, 0, -1, -1]], "labels hold 0, the class of times that say nothing"),
        ([[1, -1, 2, -1]], "labels go on behind one that is negative"),
        ([[1, 3, -1, -1]], "labels hold 3, but there are 3 classes"),
        ([[1] * 6], "cannot spread 6 labels over 5 times"),
        ([1], "labels of two axes"),
    ],
)
def test_sequences_that_do_not_fit(
    labels: list[int], message: str, neuroplast: Path, tmp_path: Path
) -> None:
    proto = onnx.parser.parse_model("""<ir_version: 8, opset_import: ["" : 17]>
    g (float[n, 5, 4] x) => (float[n, 5, 3] y) { y = MatMul(x, w) }""")
    proto.graph.initializer.append(numpy_helper.from_array(np.ones((4, 3), np.float32), "w"))
    onnx.save(proto, tmp_path / "m.onnx")
    driver.save(
        tmp_path / "d.npz", {"x": np.ones((1, 5, 4), np.float32), "labels": np.array(labels)}
    )
    with pytest.raises(driver.DriverError, match=message):
        driver.call(
            neuroplast, "train", tmp_path / "m.onnx", "--data", tmp_path / "d.npz",
            "-o", tmp_path / "t.onnx", "--batch", "1", "--loss", "ctc",
        )  # fmt: skip


@pytest.mark.parametrize(("decay", "after"), [(1.0, 0), (0.75, 0), (1.0, 2)])
def test_averages(decay: float, after: int, neuroplast: Path, tmp_path: Path) -> None:
    """What is written, and validated, is the mean over the steps; what is remembered is not."""
    model, data = tmp_path / "m.onnx", tmp_path / "d.npz"
    perceptron(model, dtype=TensorProto.DOUBLE)
    random = np.random.default_rng(4)
    arrays = {"x": random.normal(size=(16, INS)), "labels": random.integers(0, OUTS, 16)}
    driver.save(data, arrays)

    def train(epochs: int, *options: str) -> tuple[Arrays, str]:
        printed = driver.call(
            neuroplast, "train", model, "--data", data, "--val", data, "-o", tmp_path / "t.onnx",
            "--batch", "16", "--epochs", str(epochs), "--lr", "0.5", "--optimizer", "adam",
            "--keep-state", *options,
        )  # fmt: skip
        return read_params(tmp_path / "t.onnx"), printed

    steps = [train(epochs)[0] for epochs in range(1, 7)]
    found, printed = train(6, "--average", str(decay), "--average-after", str(after))
    means: Arrays = {}
    for number, step in enumerate(steps[after:], 1):
        share = max(1 - decay, 1 / number)
        means = {k: (1 - share) * means.get(k, 0) + share * v for k, v in step.items()}
    for key, value in found.items():
        expected = steps[-1][key] if "moment" in key else means[key]
        np.testing.assert_allclose(value, expected, rtol=1e-9, atol=1e-12)
    assert any("moment" in key for key in found)
    probability = softmax(logits(means, arrays["x"]))
    loss = -np.log(probability[np.arange(16), arrays["labels"]]).mean()
    assert re.findall(r"validation loss ([\d.]+)", printed)[-1] == f"{loss:.4f}"


def test_no_decay(neuroplast: Path, tmp_path: Path) -> None:
    """Weight decay is for those parameters whose name does not match."""
    model, data, target = tmp_path / "m.onnx", tmp_path / "d.npz", tmp_path / "t.onnx"
    params = perceptron(model, has_softmax=False, dtype=TensorProto.DOUBLE)
    x = np.random.default_rng(4).normal(size=(16, INS))
    driver.save(data, {"x": x, "labels": logits(params, x)})
    driver.call(
        neuroplast, "train", model, "--data", data, "-o", target, "--batch", "16",
        "--loss", "mse", "--lr", "0.5", "--weight-decay", "0.5", "--no-decay", "b",
        "--no-decay", "c",
    )  # fmt: skip
    for key, value in read_params(target).items():
        kept = 1.0 if key in "bc" else 0.75
        np.testing.assert_allclose(value, kept * params[key], rtol=1e-9, atol=1e-12)


# Weighted by classes, with a focus on what is uncertain (arXiv 1708.02002).
FOCAL = """<ir_version: 9, opset_import: ["" : 20]> focal (float[N, C] output, int64[N] labels)
    => (float loss) <float[4] weights = {1, 2, 0.5, 1}> {
    p = Softmax<axis = 1>(output)  one = Constant<value_float = 1.0>()
    depth = Constant<value_int = 4>()  off_on = Constant<value_floats = [0.0, 1.0]>()
    hot = OneHot<axis = 1>(labels, depth, off_on)  q = Mul(p, hot)
    axes = Constant<value_ints = [1]>()
    chosen = ReduceSum<keepdims = 0>(q, axes)  log = Log(chosen)  rest = Sub(one, chosen)
    square = Mul(rest, rest)  weight = Gather(weights, labels)  a = Mul(square, log)
    b = Mul(a, weight)  mean = ReduceMean<keepdims = 0>(b)  loss = Neg(mean) }"""
# What an autoencoder is for needs no labels.
AGAIN = """<ir_version: 9, opset_import: ["" : 20]> again (float[N, 6] x, float[N, 4] y)
    => (float[1, 1] loss) { axes = Constant<value_ints = [1]>()  m = ReduceMean(x, axes)
    d = Sub(y, m)  s = Mul(d, d)  loss = ReduceMean(s) }"""


def focal(z: np.ndarray, labels: np.ndarray, x: np.ndarray) -> float:
    chosen = softmax(z)[np.arange(len(z)), labels]
    weights = np.array([1, 2, 0.5, 1])[labels]
    return float(-(weights * (1 - chosen) ** 2 * np.log(chosen)).mean())


def again(z: np.ndarray, labels: np.ndarray, x: np.ndarray) -> float:
    return float(((z - x.mean(axis=1, keepdims=True)) ** 2).mean())


@pytest.mark.parametrize("name", ["focal", "again"])
def test_losses_that_are_models(name: str, neuroplast: Path, tmp_path: Path) -> None:
    """A step goes down their gradient, and evaluates them."""
    model, data, loss = tmp_path / "m.onnx", tmp_path / "d.npz", tmp_path / f"{name}.onnx"
    params = perceptron(model, has_softmax=False)
    text, formula = {"focal": (FOCAL, focal), "again": (AGAIN, again)}[name]
    onnx.save(onnx.parser.parse_model(text), loss)
    random = np.random.default_rng(0)
    x = random.normal(size=(8, INS)).astype(np.float32)
    labels = random.integers(0, OUTS, 8)
    arrays = {"x": x} if name == "again" else {"x": x, "labels": labels}
    driver.save(data, arrays)
    target, log = tmp_path / "t.onnx", tmp_path / "log.jsonl"
    driver.call(
        neuroplast, "train", model, "--data", data, "--val", data, "-o", target, "--loss", loss,
        "--batch", "8", "--lr", "1", "--log", log,
    )  # fmt: skip

    def value(p: Arrays) -> float:
        return formula(logits(p, x.astype(float)), labels, x.astype(float))

    wide = {key: v.astype(float) for key, v in params.items()}
    gradient = differ(value, wide)
    moved = read_params(target)
    for key, g in gradient.items():
        np.testing.assert_allclose(moved[key], wide[key] - g, atol=2e-5)
    told = json.loads(log.read_text())
    assert told["loss"] == pytest.approx(value(wide), rel=1e-5)
    assert told["validation_loss"] == pytest.approx(value(moved), rel=1e-4)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (AGAIN.replace("float[N, 6] x", "float[N, 6] q").replace("(x,", "(q,"), "an input q of"),
        (AGAIN.replace("ReduceMean(s)", "Neg(s)").replace("[1, 1]", "[N, 4]"), "no single number"),
    ],
)
def test_models_that_are_no_losses(
    text: str, message: str, neuroplast: Path, tmp_path: Path
) -> None:
    model, data, loss = tmp_path / "m.onnx", tmp_path / "d.npz", tmp_path / "loss.onnx"
    perceptron(model, has_softmax=False)
    onnx.save(onnx.parser.parse_model(text), loss)
    driver.save(data, {"x": np.zeros((8, INS), np.float32)})
    with pytest.raises(driver.DriverError, match=message):
        driver.call(
            neuroplast, "train", model, "--data", data, "-o", tmp_path / "t.onnx", "--loss", loss,
            "--batch", "8",
        )  # fmt: skip


@pytest.mark.parametrize("options", ["--optimizer adam", "--momentum 0.9 --clip-norm 0.5"])
def test_accumulation(options: str, neuroplast: Path, tmp_path: Path) -> None:
    """An update by four batches is that by one of their size, whatever is left over."""
    model, data = tmp_path / "m.onnx", tmp_path / "d.npz"
    perceptron(model)
    random = np.random.default_rng(0)
    x = random.normal(size=(70, INS)).astype(np.float32)
    driver.save(data, {"x": x, "labels": random.integers(0, OUTS, 70)})
    found = []
    for size in (["--batch", "32"], ["--batch", "8", "--accumulate", "4"]):
        target = tmp_path / f"{len(size)}.onnx"
        driver.call(
            neuroplast, "train", model, "--data", data, "-o", target, "--epochs", "3", "--lr",
            "0.05", "--schedule", "cosine", "--keep-state", *options.split(), *size,
        )  # fmt: skip
        found.append(read_params(target))
    assert found[0].keys() == found[1].keys()
    for key, value in found[0].items():
        np.testing.assert_allclose(found[1][key], value, rtol=1e-4, atol=1e-5)
    with pytest.raises(driver.DriverError, match="70 examples, and a batch has 80"):
        driver.call(
            neuroplast, "train", model, "--data", data, "-o", tmp_path / "x.onnx", "--batch", "8",
            "--accumulate", "10",
        )  # fmt: skip


def residual_network(path: Path) -> Path:
    """Convolutions, norms, a skip connection and a pool."""
    builder = Builder(free=True)
    x = builder.input("x", ["N", 3, 16, 16])
    for number, width in enumerate([8, 8, 8]):
        y = builder.conv(x, f"c{number}", 3 if number == 0 else 8, width, 3, bias=False)
        y = builder.node("Relu", builder.batch_norm(y, f"n{number}", width))
        x = builder.node("Add", x, y) if number else y
    x = builder.node("Flatten", builder.node("GlobalAveragePool", x))
    weight = builder.weight("w", OUTS, 8)
    builder.output(builder.node("Gemm", x, weight, transB=1), "y")
    onnx.save(builder.finish(), path)
    return path


def measure_workspace(neuroplast_opt: Path, model: Path, share: str) -> int:
    """The bytes that a step works in."""
    done = subprocess.run(
        [neuroplast_opt, model, "--neuro-train-step", "--canonicalize", "--cse",
         f"--neuro-to-loops=memory-share={share}"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    found = re.search(r"memref<(\d+)xi8> {neuro.workspace}", done.stdout)
    assert found
    return int(found.group(1))


def test_less_memory(neuroplast: Path, neuroplast_opt: Path, tmp_path: Path) -> None:
    """What is computed again is what was computed, but for the order of sums."""
    model, data = residual_network(tmp_path / "m.onnx"), tmp_path / "d.npz"
    random = np.random.default_rng(2)
    x = random.normal(size=(64, 3, 16, 16)).astype(np.float32)
    driver.save(data, {"x": x, "labels": random.integers(0, OUTS, 64)})
    trained: dict[str, dict[str, np.ndarray]] = {}
    for share in ("1", "0.8", "0.5"):
        target = tmp_path / f"{share}.onnx"
        driver.call(
            neuroplast, "train", model, "--data", data, "-o", target, "--batch", "16", "--lr",
            "0.05", "--epochs", "2", "--memory-share", share,
        )  # fmt: skip
        trained[share] = read_params(target)
    for share in ("0.8", "0.5"):
        for key, value in trained["1"].items():
            np.testing.assert_allclose(trained[share][key], value, rtol=1e-4, atol=1e-6)
    fixed = tmp_path / "fixed.mlir"
    driver.call(neuroplast, "import", model, "--shape", "x=16x3x16x16", "-o", fixed)
    sizes = [measure_workspace(neuroplast_opt, fixed, share) for share in trained]
    assert sizes[1] < 0.9 * sizes[0]
    assert sizes[2] < 0.75 * sizes[0]


@pytest.mark.parametrize("seed", range(6))
def test_less_memory_of_random_networks(seed: int, neuroplast: Path, tmp_path: Path) -> None:
    model, data = tmp_path / "m.onnx", tmp_path / "d.npz"
    network = Network(seed).build()
    onnx.save(network, model)
    shape = [size.dim_value for size in network.graph.output[0].type.tensor_type.shape.dim]
    random = np.random.default_rng(seed)
    x, labels = (random.normal(size=(6, *sizes)) for sizes in ((3, 6, 6), shape[1:]))
    driver.save(data, {"x": x.astype(np.float32), "labels": labels.astype(np.float32)})
    trained = []
    for share in ("1", "0.7", "0.3"):
        target = tmp_path / f"{share}.onnx"
        driver.call(
            neuroplast, "train", model, "--data", data, "-o", target, "--batch", "1", "--loss",
            "mse", "--lr", "0.01", "--clip-norm", "1", "--memory-share", share,
        )  # fmt: skip
        trained.append(read_params(target))
    for other in trained[1:]:
        for key, value in trained[0].items():
            np.testing.assert_allclose(other[key], value, rtol=1e-4, atol=1e-5)


def test_nothing_to_contrast(neuroplast: Path, tmp_path: Path) -> None:
    """Where no class has two examples nothing is learnt."""
    model, target, data = tmp_path / "m.onnx", tmp_path / "t.onnx", tmp_path / "d.npz"
    params = perceptron(model, has_softmax=False, dtype=TensorProto.DOUBLE)
    x = np.random.default_rng(8).normal(size=(16, INS))
    driver.save(data, {"x": x, "labels": np.arange(16)})
    printed = driver.call(
        neuroplast, "train", model, "--data", data, "-o", target, "--batch", "16", "--loss",
        "contrastive",
    )  # fmt: skip
    assert "loss 0.0000" in printed and "accuracy" not in printed
    for key, value in read_params(target).items():
        np.testing.assert_array_equal(value, params[key])


def test_tables(neuroplast: Path, tmp_path: Path) -> None:
    """What is added along several axes may be a constant of the method: it learns if asked to."""
    random, model = np.random.default_rng(4), tmp_path / "m.onnx"
    params = {"w": random.normal(size=(INS, OUTS)), "p": random.normal(size=(1, 3, INS))}
    norm = {"scale": np.ones(OUTS), "mean": np.zeros(OUTS), "variance": np.ones(OUTS)}
    graph = onnx.parser.parse_graph(
        f"g (double[N,3,{INS}] x) => (double[N,{OUTS}] y)"
        " { s = Add(x, p) h = MatMul(s, w) m = ReduceMean<keepdims: int = 0>(h, axes)"
        " y = BatchNormalization(m, scale, mean, mean, variance) }"
    )
    for name, value in {**params, **norm, "axes": np.array([1])}.items():
        graph.initializer.append(numpy_helper.from_array(value, name))
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)]), model)
    x, labels = random.normal(size=(16, 3, INS)), random.normal(size=(16, OUTS))
    driver.save(tmp_path / "d.npz", {"x": x, "labels": labels})

    def train(*options: str) -> Arrays:
        driver.call(
            neuroplast, "train", model, "--data", tmp_path / "d.npz", "-o", tmp_path / "t.onnx",
            "--batch", "16", "--loss", "mse", "--lr", str(RATE), *options,
        )  # fmt: skip
        return read_params(tmp_path / "t.onnx")

    def measure(p: Arrays) -> float:
        h = ((x + p["p"]) @ p["w"]).mean(axis=1)
        y = (h - h.mean(axis=0)) / np.sqrt(h.var(axis=0) + 1e-5)
        return float(((y - labels) ** 2).mean())

    gradient = differ(measure, params)
    for options in ((), ("--unfreeze", "*"), ("--unfreeze", "p", "--freeze", "p")):
        trained = train(*options)
        for key in params:
            moves = key == "w" or options == ("--unfreeze", "*")
            expected = params[key] - (RATE * gradient[key] if moves else 0)
            np.testing.assert_allclose(trained[key], expected, rtol=1e-5, atol=1e-7)
