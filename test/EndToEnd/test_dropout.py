"""What is left out while a network learns, and what its answers say of that."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import onnx
import pytest
from Models import driver
from Models.training import read_params, write_network


def save(path: Path, body: str, weights: dict[str, np.ndarray]) -> None:
    """Writes a model with weights of their own; all is float64, and opset 17 unless it says."""
    header = "" if body.startswith("<") else '<ir_version: 8, opset_import: ["" : 17]>'
    write_network(path, f"{header}\n{body}", weights)


# A layer that passes on what it reads, and the shape of that.
IMAGE = "g (double[8, 6, 20, 20] x) => (double[n, c, h, w] y) { y = Conv(x, w) }"
ROWS = "g (double[50, 80] x) => (double[n, m] y) { y = MatMul(x, w) }"
SEQUENCE = "g (double[30, 25, 16] x) => (double[n, t, m] y) { y = MatMul(x, w) }"
BLOCK = "g (double[4000, 4] x) => (double[n, m] y) { a = MatMul(x, w) y = Add(x, a) }"
KERNEL = np.eye(6).reshape(6, 6, 1, 1)


class Draws:
    """The answers of a model by the number of a draw."""

    def __init__(self, neuroplast: Path, folder: Path, model: Path, *dropouts: str) -> None:
        self.neuroplast, self.library = neuroplast, folder / "draws.so"
        options = [word for text in dropouts for word in ("--dropout", text)]
        driver.call(neuroplast, "compile", model, "-o", self.library, "--draws", *options)

    def __call__(self, x: np.ndarray, number: int) -> np.ndarray:
        draw = np.array(number, np.int64)
        return driver.run(self.neuroplast, self.library, {"x": x, "draw": draw})["y"]


@pytest.mark.parametrize(
    ("body", "weight", "kind", "axes"),
    [
        (ROWS, np.eye(80), "", ()),
        (IMAGE, KERNEL, "elements", ()),
        (IMAGE, KERNEL, "channels", (2, 3)),
        (SEQUENCE, np.eye(16), "channels", (1,)),
        (BLOCK, np.eye(4), "branches", (1,)),
    ],
)
def test_decisions(  # noqa: PLR0913
    body: str, weight: np.ndarray, kind: str, axes: tuple[int, ...], neuroplast: Path,
    tmp_path: Path,
) -> None:  # fmt: skip
    """Of ones, zeros and what makes up for them are left, alike along some axes only."""
    model, rate = tmp_path / "m.onnx", 0.3
    save(model, body, {"w": weight})
    draws = Draws(neuroplast, tmp_path, model, f"w={rate}" + (f":{kind}" if kind else ""))
    dims = onnx.load(model).graph.input[0].type.tensor_type.shape.dim
    x = np.ones([d.dim_value for d in dims])
    y = np.stack([draws(x, number) for number in range(8)]) - (kind == "branches")
    np.testing.assert_array_equal(y[3], draws(x, 3) - (kind == "branches"))
    kept = y > 0.5
    np.testing.assert_allclose(y[kept], 1 / (1 - rate))
    np.testing.assert_array_equal(y[~kept], 0)
    along = tuple(axis + 1 for axis in axes)
    first = kept.min(axis=along, keepdims=True)
    np.testing.assert_array_equal(kept, np.broadcast_to(first, kept.shape))
    # Decisions, but for those that are shared, know nothing of each other.
    count, share = first.size, first.mean()
    assert abs(share - (1 - rate)) < 5 * np.sqrt(rate * (1 - rate) / count)
    for axis in set(range(first.ndim)) - set(along):
        ahead, behind = (np.delete(first, end, axis) for end in (0, -1))
        same = np.mean(ahead == behind)
        expected = rate**2 + (1 - rate) ** 2
        assert abs(same - expected) < 5 * np.sqrt(expected * (1 - expected) / ahead.size)


def test_gaussian(neuroplast: Path, tmp_path: Path) -> None:
    save(tmp_path / "m.onnx", ROWS, {"w": np.eye(80)})
    draws = Draws(neuroplast, tmp_path, tmp_path / "m.onnx", "w=0.2:gaussian")
    y = np.stack([draws(np.ones((50, 80)), number) for number in range(8)])
    assert y.mean() == pytest.approx(1, abs=5 * 0.5 / np.sqrt(y.size))
    assert y.std() == pytest.approx(0.5, rel=0.02)


def test_squares(neuroplast: Path, tmp_path: Path) -> None:
    """What is left out is made of squares, as much as was asked for, and the mean stays."""
    save(tmp_path / "m.onnx", IMAGE, {"w": KERNEL})
    draws = Draws(neuroplast, tmp_path, tmp_path / "m.onnx", "w=0.1:squares:5")
    y = np.stack([draws(np.ones((8, 6, 20, 20)), number) for number in range(8)])
    np.testing.assert_allclose(y.mean(axis=(1, 2, 3, 4)), 1)
    out = (y == 0).reshape(-1, 20, 20)
    assert 0.07 < out.mean() < 0.1  # squares meet
    covered = np.zeros_like(out)
    for i in range(16):
        for j in range(16):
            whole = out[:, i : i + 5, j : j + 5].all(axis=(1, 2))
            covered[whole, i : i + 5, j : j + 5] = True
    np.testing.assert_array_equal(out, covered)


def test_weights(neuroplast: Path, tmp_path: Path) -> None:
    """One matrix for all examples."""
    save(tmp_path / "m.onnx", ROWS, {"w": np.ones((80, 80))})
    draws = Draws(neuroplast, tmp_path, tmp_path / "m.onnx", "w=0.5:weights")
    rows = draws(np.eye(50, 80), 1)
    assert {*np.unique(rows)} == {0.0, 2.0}
    assert rows.mean() == pytest.approx(1, abs=0.1)
    x = np.random.default_rng(0).normal(size=(50, 80)) * (np.arange(80) < 50)
    np.testing.assert_allclose(draws(x, 1), x[:, :50] @ rows, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(("kind", "share"), [("weights", 0.75), ("units", 0.5), ("weights", 0.001)])
def test_targeted(kind: str, share: float, neuroplast: Path, tmp_path: Path) -> None:
    """Only the smallest go, each as often as was asked for, and nothing is scaled."""
    weight, rate = np.random.default_rng(0).normal(size=(80, 80)), 0.4
    weight[:, 7] = 0
    save(tmp_path / "m.onnx", ROWS, {"w": weight})
    draws = Draws(neuroplast, tmp_path, tmp_path / "m.onnx", f"w={rate}:{kind}:{share}")
    read, seen = weight[:50], np.eye(50, 80)
    out = np.stack([draws(seen, number) != read for number in range(40)])
    for number in range(3):
        np.testing.assert_array_equal(draws(seen, number)[~out[number]], read[~out[number]])
    size = np.abs(weight) if kind == "weights" else np.broadcast_to(
        np.linalg.norm(weight, axis=0), weight.shape
    )  # fmt: skip
    axis = 0 if kind == "weights" else 1
    ranks = size.argsort(axis=axis).argsort(axis=axis)
    small = (ranks < int(share * 80))[:50] & (read != 0)
    assert not out[:, ~small].any()
    if small.any():
        # A unit goes with all of its weights.
        went = out[:, small] if kind == "weights" else out[:, :, small.all(axis=0)].all(axis=1)
        assert kind == "weights" or (out.any(axis=1).sum() == went.sum())
        assert abs(went.mean() - rate) < 5 * np.sqrt(rate * (1 - rate) / went.size)


def test_smooth_decisions(neuroplast: Path, tmp_path: Path) -> None:
    """Where rates are learnt, a draw is nearly a decision, and its mean about that of one."""
    save(tmp_path / "m.onnx", ROWS, {"w": np.eye(80)})
    rate = 0.3
    draws = Draws(neuroplast, tmp_path, tmp_path / "m.onnx", f"w={rate}:concrete:1000")
    y = np.stack([draws(np.ones((50, 80)), number) for number in range(8)]) * (1 - rate)
    assert y.min() >= 0 and y.max() <= 1
    assert np.mean(y < 0.5) == pytest.approx(rate, abs=5 * np.sqrt(rate * (1 - rate) / y.size))
    assert np.mean((y > 0.1) & (y < 0.9)) < 0.12


def train_rate(
    neuroplast: Path, model: Path, data: Path, text: str, *options: str
) -> tuple[float, Path]:
    """The rate that a layer has learnt, and the model."""
    target = model.with_name("t.onnx")
    told = driver.call(
        neuroplast, "train", model, "--data", data, "-o", target, "--loss", "mse", "--dropout",
        text, *options,
    )  # fmt: skip
    (rate,) = re.findall(r"is left out by a rate of (\S+)", told)
    return float(rate), target


def test_entropy(neuroplast: Path, tmp_path: Path) -> None:
    """Where data say nothing, a rate goes along the gradient of the entropy of its decisions."""
    model, data = tmp_path / "m.onnx", tmp_path / "d.npz"
    save(model, ROWS, {"w": np.zeros((80, 80))})
    driver.save(data, {"x": np.ones((50, 80)), "labels": np.zeros((50, 80))})
    start, examples = 0.2, 100
    rate, target = train_rate(
        neuroplast, model, data, f"w={start}:concrete:{examples}", "--lr", "2", "--batch", "50"
    )
    logit = np.log(start / (1 - start))
    logit -= 2 * 80 / examples * start * (1 - start) * logit
    assert rate == pytest.approx(1 / (1 + np.exp(-logit)), abs=6e-4) and rate > start + 0.03
    assert [tensor.name for tensor in onnx.load(target).graph.initializer] == ["w"]


def test_a_rate_is_learnt(neuroplast: Path, tmp_path: Path) -> None:
    """The more examples there are to go by, the less is left out; a checkpoint knows the rate."""
    model, data = tmp_path / "m.onnx", tmp_path / "d.npz"
    random = np.random.default_rng(0)
    save(model, ROWS, {"w": random.normal(size=(80, 4)) / 9})
    x = random.normal(size=(200, 80))
    driver.save(data, {"x": x, "labels": x @ random.normal(size=(80, 4)) / 9})
    options = ("--optimizer", "adam", "--lr", "0.02", "--batch", "50", "--epochs", "20")
    few, _ = train_rate(neuroplast, model, data, "w=0.2:concrete:100", *options)
    many, whole = train_rate(neuroplast, model, data, "w=0.2:concrete:1000000", *options)
    assert many < 0.15 < few
    kept = ("--checkpoint", str(tmp_path / "c.npz"), "--resume")
    target, expected = whole.with_name("w.onnx"), read_params(whole)["w"]
    whole.replace(target)
    half = [*options[:-1], "10"]
    train_rate(neuroplast, model, data, "w=0.2:concrete:1000000", *half, *kept[:2])
    again, target = train_rate(neuroplast, model, data, "w=0.2:concrete:1000000", *options, *kept)
    assert again == many
    np.testing.assert_array_equal(read_params(target)["w"], expected)


LAYER = "g (double[50, 80] x) => (double[n, m] y) { h = MatMul(x, w) b = Add(h, b0) y = Neg(b) }"


def test_a_layer_joins(neuroplast: Path, tmp_path: Path) -> None:
    """Its input stands in for its results, less and less often, and in the end never."""
    model, steps = tmp_path / "m.onnx", 8
    save(model, LAYER, {"w": np.eye(80), "b0": np.full(80, -3.0)})
    draws = Draws(neuroplast, tmp_path, model, f"w={steps}:join")
    x = np.ones((50, 80))
    for number in (0, 2, 4, 6, steps, steps + 3):
        y, share = draws(x, number), min(number / steps, 1)
        joined = y == 2  # -(1 - 3)
        np.testing.assert_array_equal(y[~joined], 1)
        assert abs(joined.mean() - share) <= 5 * np.sqrt(share * (1 - share) / y.size)
    np.testing.assert_array_equal(driver.run(neuroplast, model, {"x": x})["y"], 2 * x)


@pytest.mark.parametrize("parts", ["1", "2"])
def test_a_layer_joins_a_network_that_learns(parts: str, neuroplast: Path, tmp_path: Path) -> None:
    """A random layer costs nothing at first, and is all there in the end."""
    model, grown, data, log = (tmp_path / n for n in ("m.onnx", "g.onnx", "d.npz", "log.jsonl"))
    random = np.random.default_rng(0)
    weights = {"w": random.normal(size=(8, 6)), "v": random.normal(size=(6, 4))}
    save(
        model,
        """<ir_version: 8, opset_import: ["" : 17]>
        g (float[N, 8] x) => (float[N, 4] y) { h = MatMul(x, w) t = Tanh(h) y = MatMul(t, v) }""",
        {name: value.astype(np.float32) for name, value in weights.items()},
    )
    x = random.normal(size=(64, 8)).astype(np.float32)
    labels = np.tanh(x @ weights["w"]) @ weights["v"]
    driver.save(data, {"x": x, "labels": labels.astype(np.float32)})
    (layer,) = driver.edit(
        neuroplast, "dropin", model, grown, "--insert-after", "Tanh:t", "--init", "random"
    )["layers"]
    assert layer["form"] == "random"
    options = (
        "--data", data, "--loss", "mse", "--batch", str(32 // int(parts)), "--accumulate", parts,
        "--lr", "1e-12", "--epochs", "4", "--log", log,
    )  # fmt: skip
    losses = {}
    for name, steps in (("never", "1000000"), ("gradually", "4"), ("at once", "1")):
        log.unlink(missing_ok=True)
        driver.call(
            neuroplast, "train", grown, "-o", tmp_path / "t.onnx", *options, "--dropout",
            f"w.joined={steps}:join",
        )  # fmt: skip
        losses[name] = [json.loads(line)["loss"] for line in log.read_text().splitlines()]
    assert max(losses["never"]) < 1e-3
    first, *_, last = losses["gradually"]
    whole = losses["at once"][-1]
    assert 0 < first < 0.7 * whole
    assert last == pytest.approx(whole, rel=1e-4) and whole > 0.1
    assert {node.op_type for node in onnx.load(tmp_path / "t.onnx").graph.node} == {
        "MatMul", "Tanh"
    }  # fmt: skip


# Of a recurrent op the number of gates, the one that makes candidates, and what a unit read of
# itself by an identity, by what it was before and behind, if all other gates are halves.
CELLS = {
    "RNN": (1, 0, lambda _, after: np.arctanh(after)),
    "GRU": (3, 2, lambda before, after: 2 * np.arctanh(2 * after - before)),
    "LSTM": (4, 3, lambda before, after: np.arctanh(
        2 * np.arctanh(2 * after) - np.arctanh(2 * before))),
}  # fmt: skip


@pytest.mark.parametrize("op", list(CELLS))
def test_states_at_all_times_alike(op: str, neuroplast: Path, tmp_path: Path) -> None:
    """A draw is the same network with columns of its recurrent weight left out."""
    model, rate, width = tmp_path / "m.onnx", 0.4, 12
    gates, candidate, solve = CELLS[op]
    random = np.random.default_rng(2)
    w, r = (random.normal(size=(1, gates * width, n)).astype(np.float32) for n in (5, width))
    x = random.normal(size=(9, 4, 5)).astype(np.float32)

    def write(path: Path, w: np.ndarray, r: np.ndarray) -> Path:
        text = f"""<ir_version: 8, opset_import: ["" : 17]>
        g (float[9, 4, 5] x) => (float[9, 1, 4, {width}] y) {{
          y = {op}<hidden_size={width}>(x, w, r)
        }}"""
        save(path, text, {"w": w, "r": r})
        return path

    # Inputs of the first time alone, and an identity, show what the second time reads.
    own = slice(candidate * width, (candidate + 1) * width)
    first, identity = (np.zeros_like(array) for array in (w, r))
    first[:, own], identity[:, own] = 0.2 * w[:, own], np.eye(width)
    shown = Draws(neuroplast, tmp_path, write(model, first, identity), f"r={rate}:states")
    masks = []
    for number in range(6):
        y = shown(np.concatenate([x[:1], 0 * x[1:]]), number)[:2, 0]
        masks.append(np.median(solve(y[0], y[1]) / y[0], axis=0))
        np.testing.assert_allclose(
            masks[-1], np.where(masks[-1] > 0.5, 1 / (1 - rate), 0), atol=1e-3
        )
    kept = float(np.mean(np.array(masks) > 0))
    assert abs(kept - (1 - rate)) < 5 * np.sqrt(rate * (1 - rate) / (6 * width))
    draws = Draws(neuroplast, tmp_path, write(model, w, r), f"r={rate}:states")
    for number, mask in enumerate(masks):
        expected = driver.run(
            neuroplast, write(tmp_path / "o.onnx", w, r * mask.astype(np.float32)), {"x": x}
        )
        np.testing.assert_allclose(draws(x, number), expected["y"], atol=3e-3)
    with pytest.raises(driver.DriverError, match="has no states that this weight reads"):
        Draws(neuroplast, tmp_path, model, f"w={rate}:states")


def test_units_of_recurrent_layers(neuroplast: Path, tmp_path: Path) -> None:
    """A decision is about a unit, and not about a direction."""
    model, random = tmp_path / "m.onnx", np.random.default_rng(2)
    weights = {"w": random.normal(size=(1, 12, 5)), "r": np.zeros((1, 12, 12))}
    save(
        model,
        """<ir_version: 8, opset_import: ["" : 17]>
        g (float[9, 4, 5] x) => (float[9, 1, 4, 12] y) { y = RNN<hidden_size=12>(x, w, r) }""",
        {name: value.astype(np.float32) for name, value in weights.items()},
    )
    draws = Draws(neuroplast, tmp_path, model, "w=0.5:units:1")
    x = random.normal(size=(9, 4, 5)).astype(np.float32)
    whole = driver.run(neuroplast, model, {"x": x})["y"][:, 0]
    kept = (draws(x, 1)[:, 0] != 0).all(axis=(0, 1))
    np.testing.assert_allclose(draws(x, 1)[:, 0], whole * kept, atol=1e-6)
    assert 0 < kept.sum() < 12


CHANNELS = """<ir_version: 8, opset_import: ["" : 17]>
g (float[N, 3, 6, 6] x) => (float[N, 4, 6, 6] y) {
  h = Conv<pads=[1, 1, 1, 1]>(x, w) t = Relu(h) y = Conv(t, v)
}"""
FEATURES = """<ir_version: 8, opset_import: ["" : 17]>
g (float[N, 8] x) => (float[N, 4] y) { h = MatMul(x, w) t = Tanh(h) y = MatMul(t, v) }"""


@pytest.mark.parametrize(
    ("text", "shapes"),
    [
        (FEATURES, ((64, 8), (8, 6), (6, 4))),
        (CHANNELS, ((64, 3, 6, 6), (6, 3, 3, 3), (4, 6, 1, 1))),
    ],
)
def test_units_join_a_network_that_learns(
    text: str, shapes: tuple[tuple[int, ...], ...], neuroplast: Path, tmp_path: Path
) -> None:
    """Random units cost nothing at first, are all there in the end, and old ones stay."""
    model, grown, data, log = (tmp_path / n for n in ("m.onnx", "g.onnx", "d.npz", "log.jsonl"))
    random = np.random.default_rng(0)
    x, w, v = (random.normal(size=shape).astype(np.float32) for shape in shapes)
    save(model, text, {"w": w, "v": v})
    driver.save(data, {"x": x, "labels": driver.run(neuroplast, model, {"x": x})["y"]})
    driver.edit(neuroplast, "dropin", model, grown, "--at", "w", "--units", "3", "--init", "random")
    losses = {}
    for name, steps in (("never", "1000000"), ("gradually", "4"), ("at once", "1")):
        log.unlink(missing_ok=True)
        driver.call(
            neuroplast, "train", grown, "-o", tmp_path / "t.onnx", "--data", data, "--loss", "mse",
            "--batch", "32", "--lr", "1e-12", "--epochs", "4", "--log", log, "--dropout",
            f"w={steps}:join",
        )  # fmt: skip
        losses[name] = [json.loads(line)["loss"] for line in log.read_text().splitlines()]
    first, *_, last = losses["gradually"]
    whole = losses["at once"][-1]
    assert max(losses["never"]) < 1e-3 * whole
    assert 0 < first < 0.8 * whole
    assert last == pytest.approx(whole, rel=1e-4)
    # Without units that joined last, a layer has nothing in its place.
    with pytest.raises(driver.DriverError, match="makes no units that joined last, and no tensor"):
        driver.call(
            neuroplast, "train", model, "-o", tmp_path / "t.onnx", "--data", data, "--loss", "mse",
            "--dropout", "w=4:join",
        )  # fmt: skip


DROPOUTS = """<ir_version: 8, opset_import: ["" : %d]>
g (double[16, 12] x) => (double[n, m] y) {
  a = MatMul(x, v)
  b = Dropout%s
  y = MatMul(b, w)
}"""


@pytest.mark.parametrize("opset", [9, 17])
def test_learns_by_draws(opset: int, neuroplast: Path, tmp_path: Path) -> None:
    """A step goes along the gradient of the very network that its draw leaves, and answers
    are those of the whole one."""
    model, data, target = tmp_path / "m.onnx", tmp_path / "d.npz", tmp_path / "t.onnx"
    random = np.random.default_rng(1)
    weights = {"v": random.normal(size=(12, 9)), "w": random.normal(size=(9, 5))}
    node = "<ratio = 0.25>(a)" if opset < 12 else "(a, r)"
    ratio = {} if opset < 12 else {"r": np.array(0.25, np.float32)}
    save(model, DROPOUTS % (opset, node), weights | ratio)
    # Examples that are all one, whose order does not matter.
    x = np.repeat(random.normal(size=(1, 12)), 16, axis=0)
    labels = np.repeat(random.normal(size=(1, 5)), 16, axis=0)
    whole = driver.run(neuroplast, model, {"x": x})["y"]
    np.testing.assert_allclose(whole, x @ weights["v"] @ weights["w"], rtol=1e-12)

    # The mask, from what other weights make of the same draw.
    save(tmp_path / "mask.onnx", DROPOUTS % (opset, node),
         {"v": np.zeros((12, 9)) + np.eye(12, 9), "w": np.eye(9, 9)} | ratio)  # fmt: skip
    mask = Draws(neuroplast, tmp_path, tmp_path / "mask.onnx")(np.ones((16, 12)), 1)
    assert {*np.unique(mask)} == {0.0, 4 / 3}

    driver.save(data, {"x": x, "labels": labels})
    driver.call(
        neuroplast, "train", model, "--data", data, "-o", target, "--batch", "16", "--loss",
        "mse", "--lr", "0.125",
    )  # fmt: skip
    trained = read_params(target)
    h = x @ weights["v"] * mask
    error = 2 * (h @ weights["w"] - labels) / labels.size
    w = weights["w"] - 0.125 * h.T @ error
    v = weights["v"] - 0.125 * x.T @ (error @ weights["w"].T * mask)
    np.testing.assert_allclose(trained["w"], w, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(trained["v"], v, rtol=1e-9, atol=1e-12)

    # The node is still there, and says the same.
    graph = onnx.load(target).graph
    (kept,) = [node for node in graph.node if node.op_type == "Dropout"]
    if opset < 12:
        assert kept.attribute[0].f == 0.25
    else:
        assert read_params(target)[kept.input[1]] == 0.25
    onnx.checker.check_model(target)


def test_another_seed_is_another_training(neuroplast: Path, tmp_path: Path) -> None:
    model, data = tmp_path / "m.onnx", tmp_path / "d.npz"
    save(model, ROWS, {"w": np.eye(80)})
    driver.save(data, {"x": np.ones((50, 80)), "labels": np.zeros((50, 80))})
    trained = []
    for seed in ("1", "1", "2"):
        driver.call(
            neuroplast, "train", model, "--data", data, "-o", tmp_path / "t.onnx", "--batch", "50",
            "--loss", "mse", "--dropout", "w=0.5", "--seed", seed,
        )  # fmt: skip
        trained.append(read_params(tmp_path / "t.onnx")["w"])
    np.testing.assert_array_equal(trained[0], trained[1])
    assert not np.array_equal(trained[0], trained[2])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("w", "'w' is no PATTERN=RATE"),
        ("w=1", "with a rate from 0 to below 1"),
        ("w=0.5:rows", "none of the kinds"),
        ("w=0.5:channels:3", "none of squares"),
        ("w=0.5:units", "needs the share of the smallest"),
        ("w=0.5:weights:2", "needs the share of the smallest"),
        ("w=0.5:concrete", "needs a rate above 0 and the number of examples"),
        ("w=0.5:join", "is no PATTERN=STEPS:join"),
        ("v=0.5", "no layer whose weight is like 'v'"),
        ("w=0.5:branches", "no residual block"),
        ("w=0.5:squares", "squares of space"),
    ],
)
def test_refused(text: str, message: str, neuroplast: Path, tmp_path: Path) -> None:
    save(tmp_path / "m.onnx", ROWS, {"w": np.eye(80)})
    with pytest.raises(driver.DriverError, match=message):
        Draws(neuroplast, tmp_path, tmp_path / "m.onnx", text)


def test_nothing_to_draw(neuroplast: Path, tmp_path: Path) -> None:
    save(tmp_path / "m.onnx", ROWS, {"w": np.eye(80)})
    with pytest.raises(driver.DriverError, match="nothing that could be drawn"):
        Draws(neuroplast, tmp_path, tmp_path / "m.onnx")


def test_mask_of_open_sizes(neuroplast: Path, tmp_path: Path) -> None:
    """Outside training all places stay, whatever they hold."""
    save(
        tmp_path / "net.onnx",
        """<ir_version: 8, opset_import: ["" : 11]>
        g (double[N, 4] x) => (double[N, 4] y, bool[N, 4] mask) {
          y, mask = Dropout<ratio = 0.3>(x)
        }""",
        {},
    )
    for rows in (3, 5):
        x = np.full((rows, 4), np.nan)
        outputs = driver.run(neuroplast, tmp_path / "net.onnx", {"x": x})
        np.testing.assert_array_equal(outputs["y"], x)
        np.testing.assert_array_equal(outputs["mask"], np.ones((rows, 4), bool))
