"""Units that join are those that a loss on examples has use for."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import onnx
import pytest
from Models import architectures, driver, models, pruning, text_lines
from Models.training import Arrays, draw_examples, draw_weights, perceptron, write_network


def read(path: Path) -> Arrays:
    """The tensors of floats that have axes, by name."""
    graph = onnx.load(path).graph
    arrays = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer}
    return {n: a for n, a in arrays.items() if a.dtype.kind == "f" and a.ndim}


def measure_newborns(neuroplast: Path, model: Path, data: Path) -> float:
    """How long the gradients of weights are that are zero, as those of newborns."""
    stats = model.with_suffix(".npz")
    driver.call(
        neuroplast, "calibrate", model, "--gradients", "--data", data, "--batch", "8", "-o", stats
    )
    gradients = np.load(stats)
    return float(np.sqrt(sum(
        np.sum(gradients[f"{name}.gradient"][value.ravel() == 0] ** 2)
        for name, value in read(model).items() if f"{name}.gradient" in gradients
    )))  # fmt: skip


@pytest.mark.parametrize("kind", ["perceptron", "network"])
def test_largest_gradients(kind: str, neuroplast: Path, tmp_path: Path) -> None:
    """What joins by GradMax changes nothing, and the loss has much more use for it."""
    if kind == "perceptron":
        model, data = tmp_path / "m.onnx", draw_examples(64)
        perceptron(model)
    else:
        model = models.MODELS["ppocr_cls"].path()
        lines, turned = text_lines.turned_lines(16, seed=3, calibrates=True)
        data = {"x": lines, "labels": turned}
    examples = tmp_path / "d.npz"
    driver.save(examples, data)
    inputs = {"x": data["x"][:8]}
    expected = models.reference(model, inputs)
    found = {}
    for init in ("zero-out", "gradmax"):
        target = tmp_path / f"{init}.onnx"
        options = ("--examples", examples, "--batch", "8") if init == "gradmax" else ()
        driver.edit(neuroplast, "dropin", model, target, "--init", init, *options)
        assert pruning.worst(models.reference(target, inputs), expected) <= 1
        found[init] = measure_newborns(neuroplast, target, examples)
    # Of six inputs and a smooth function there is little to choose from.
    with pytest.raises(driver.DriverError, match="a batch has 99"):
        driver.call(
            neuroplast, "dropin", model, "--init", "gradmax", "--examples", examples, "--batch",
            "99", "-o", tmp_path / "none.onnx",
        )  # fmt: skip
    assert found["gradmax"] > (1.1 if kind == "perceptron" else 3) * found["zero-out"] > 0


INS, HIDDEN, OUTS = 6, 2, 5
LINEAR = """
<ir_version: 8, opset_import: ["" : 17]>
g (float[N, 6] x) => (float[N, 5] y) {
  h = Gemm (x, w, b)
  y = Gemm (h, v)
}
"""


def solve(data: Arrays, weights: Arrays, newborns: int) -> tuple[np.ndarray, np.ndarray]:
    """What newborns weigh (a bias last) and what is made of them, as singular vectors of
    S^-1/2 N (arXiv 2405.19816): the layer after them has done what it can first."""
    x, want = data["x"].astype(float), data["labels"].astype(float)
    hidden = x @ weights["w"] + weights["b"]
    rest = want - hidden @ weights["v"]
    rest -= hidden @ np.linalg.lstsq(hidden, rest, rcond=None)[0]
    x = np.hstack([x, np.ones((len(x), 1))])
    values, vectors = np.linalg.eigh(x.T @ x / len(x))
    root = vectors @ np.diag(values**-0.5) @ vectors.T
    left, _, right = np.linalg.svd(root @ x.T @ rest)
    return root @ left[:, :newborns], right[:newborns]


def parallel(one: np.ndarray, other: np.ndarray) -> float:
    return float(abs(np.sum(one * other)) / np.linalg.norm(one) / np.linalg.norm(other))


@pytest.mark.parametrize("newborns", [1, 2])
def test_what_layers_cannot_do(newborns: int, neuroplast: Path, tmp_path: Path) -> None:
    """Where all is linear, TINY has a closed form; what there was stays as it was."""
    random = np.random.default_rng(newborns)
    model, examples, target = (tmp_path / name for name in ("m.onnx", "d.npz", "g.onnx"))
    weights = draw_weights({"w": (INS, HIDDEN), "b": (HIDDEN,), "v": (HIDDEN, OUTS)})
    write_network(model, LINEAR, weights)
    x = random.normal(size=(256, INS)) @ random.normal(size=(INS, INS)) + 0.5
    data = {"x": x, "labels": x @ random.normal(size=(INS, OUTS)) + 1}
    data = {name: value.astype(np.float32) for name, value in data.items()}
    driver.save(examples, data)
    report = driver.edit(
        neuroplast, "dropin", model, target, "--init", "tiny", "--units", str(newborns),
        "--examples", examples, "--loss", "mse", "--batch", "64", "--power-steps", "30",
    )  # fmt: skip
    grown = read(target)
    np.testing.assert_array_equal(grown["w"][:, :HIDDEN], weights["w"])
    np.testing.assert_array_equal(grown["b"][:HIDDEN], weights["b"])
    np.testing.assert_array_equal(grown["v"][:HIDDEN], weights["v"])
    incoming = np.vstack([grown["w"], grown["b"]])[:, HIDDEN:]
    outgoing = grown["v"][HIDDEN:]
    # The order of newborns is that of how they were drawn.
    wanted = solve(data, weights, newborns)
    for unit in range(newborns):
        best = max(range(newborns), key=lambda k: parallel(outgoing[unit], wanted[1][k]))
        assert parallel(outgoing[unit], wanted[1][best]) > 0.99
        assert parallel(incoming[:, unit], wanted[0][:, best]) > 0.99

    def loss(params: Arrays) -> float:
        made = (data["x"] @ params["w"] + params["b"]) @ params["v"]
        return float(np.mean((made - data["labels"]) ** 2))

    assert report["loss"] == pytest.approx([loss(weights), loss(grown)], rel=1e-4)
    assert loss(grown) < 0.95 * loss(weights)


CONVOLUTIONS = """
<ir_version: 8, opset_import: ["" : 17]>
g (float[N, 3, 8, 8] x) => (float[N, 4] y) {
  a = Conv <pads = [1, 1, 1, 1]> (x, w0, b0)
  b = Relu (a)
  c = Conv <pads = [1, 1, 1, 1], group = 4> (b, w1)
  d = Relu (c)
  e = Conv <strides = [2, 2]> (d, w2, b2)
  f = Sigmoid (e)
  p = GlobalAveragePool (f)
  q = Flatten (p)
  z = Gemm (q, w3)
  y = Softmax (z)
}
"""


@pytest.mark.parametrize(("init", "units"), [("tiny", "6"), ("split", "3")])
def test_convolutions(init: str, units: str, neuroplast: Path, tmp_path: Path) -> None:
    """The loss falls, newborns that are too many stay silent, and all can be taken back."""
    model, examples, target, back = (
        tmp_path / name for name in ("m.onnx", "d.npz", "g.onnx", "b.onnx")
    )
    shapes = {
        "w0": (4, 3, 3, 3), "b0": (4,), "w1": (4, 1, 3, 3), "w2": (5, 4, 2, 2), "b2": (5,),
        "w3": (5, 4),
    }  # fmt: skip
    write_network(model, CONVOLUTIONS, draw_weights(shapes))
    random = np.random.default_rng(0)
    x = random.normal(size=(64, 3, 8, 8)).astype(np.float32)
    driver.save(examples, {"x": x, "labels": x[:, 0, :2, :2].reshape(64, 4).argmax(axis=1)})
    report = driver.edit(
        neuroplast, "dropin", model, target, "--init", init, "--units", units,
        "--examples", examples, "--batch", "16", "--keep-removed",
    )  # fmt: skip
    before, after = report["loss"]
    assert after < 0.999 * before
    # Results of four classes have no more than four directions.
    silent = (read(target)["w3"] == 0).all(axis=1)
    assert not silent[:5].any() and silent.sum() >= (2 if init == "tiny" else 0)
    driver.edit(neuroplast, "undo", target, back)
    for name, value in read(model).items():
        np.testing.assert_array_equal(read(back)[name], value)


def test_others_are_refused(neuroplast: Path, tmp_path: Path) -> None:
    model, examples = tmp_path / "m.onnx", tmp_path / "d.npz"
    network = architectures.build("gru_tagger")
    onnx.save(network, model)
    inputs = architectures.draw_inputs(network)
    (output,) = models.reference(model, inputs).values()
    driver.save(examples, {**inputs, "labels": np.zeros_like(output)})
    with pytest.raises(driver.DriverError, match="not what a linear layer weighs data by"):
        driver.call(
            neuroplast, "dropin", model, "--init", "tiny", "--examples", examples, "--batch",
            str(len(output)), "--loss", "mse", "-o", tmp_path / "g.onnx",
        )  # fmt: skip
    assert not (tmp_path / "g.onnx").exists()


def find_splittings(data: Arrays, weights: Arrays) -> list[tuple[float, np.ndarray]]:
    """By unit of a perceptron, the least eigenvalue of its splitting matrix and the vector
    (arXiv 1910.02366), with the bias last."""
    x = np.hstack([data["x"], np.ones((len(data["x"]), 1))]).astype(float)
    hidden = np.tanh(x @ np.vstack([weights["w"], weights["b"]]))
    error = hidden @ weights["v"] + weights["c"] - data["labels"]
    towards = 2 * error / error.size @ weights["v"].T
    bend = towards * -2 * hidden * (1 - hidden**2)
    found = []
    for unit in range(hidden.shape[1]):
        values, vectors = np.linalg.eigh((x * bend[:, unit : unit + 1]).T @ x)
        found.append((values[0], vectors[:, 0]))
    return found


def test_units_that_become_two(neuroplast: Path, tmp_path: Path) -> None:
    """Those of the least eigenvalues do, along the vectors; and one again by undoing it."""
    model, examples, target, back = (
        tmp_path / name for name in ("m.onnx", "d.npz", "g.onnx", "b.onnx")
    )
    weights = perceptron(model, has_softmax=False)
    data = draw_examples(128)
    data["labels"] = np.sin(3 * data["x"][:, :4])
    driver.save(examples, data)
    report = driver.edit(
        neuroplast, "dropin", model, target, "--init", "split", "--units", "3", "--examples",
        examples, "--loss", "mse", "--batch", "32", "--power-steps", "200",
    )  # fmt: skip
    splittings = find_splittings(data, weights)
    least = sorted(range(len(splittings)), key=lambda unit: splittings[unit][0])[:3]
    grown = read(target)
    old = len(splittings)
    (units,) = (entry for entry in report["sets"] if entry["added"])
    assert units["donors"] == least
    incoming = np.vstack([grown["w"], grown["b"]])
    for newborn, donor in enumerate(least, old):
        moved = incoming[:, newborn] - incoming[:, donor]
        assert parallel(moved, splittings[donor][1]) > 0.98
        np.testing.assert_allclose(
            (incoming[:, newborn] + incoming[:, donor]) / 2,
            [*weights["w"][:, donor], weights["b"][donor]], rtol=1e-5, atol=1e-6,
        )  # fmt: skip
        np.testing.assert_array_equal(grown["v"][newborn], weights["v"][donor] / 2)
        np.testing.assert_array_equal(grown["v"][donor], weights["v"][donor] / 2)
    before, after = report["loss"]
    assert after < 0.99 * before
    driver.edit(neuroplast, "undo", target, back)
    for name, value in read(model).items():
        np.testing.assert_array_equal(read(back)[name], value)
    # A history does not know the examples, and says so: what is done again changes nothing.
    again = tmp_path / "again.onnx"
    done = subprocess.run(
        [neuroplast, "replay", model, "-o", again, "--history", target, "--no-compare"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "units that joined by 'split' begin as copies do" in done.stderr
    inputs = {"x": data["x"][:8]}
    expected = models.reference(model, inputs)
    assert pruning.worst(models.reference(again, inputs), expected) <= 1
    with pytest.raises(driver.DriverError, match="each of 8 units becomes two at most"):
        driver.call(
            neuroplast, "dropin", model, "--init", "split", "--units", "9", "--examples",
            examples, "--loss", "mse", "--batch", "32", "-o", tmp_path / "none.onnx",
        )  # fmt: skip
