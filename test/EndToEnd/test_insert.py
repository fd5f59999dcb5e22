"""Layers and branches that join a network, and change nothing yet."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from Models import architectures, driver, models, pruning

NETS = {
    "convolution": (
        "net (float[N, 4, H, W] x) => (float[N, 6, P, Q] y) "
        "{ [layer] a = Conv <strides = [2, 1], pads = [1, 1, 1, 1]> (x, w, b)  [f] y = FUNC (a) }",
        {"w": (6, 4, 3, 3), "b": (6,)},
        (2, 4, 9, 8),
    ),
    "gemm": (
        "net (float[N, 12] x) => (float[N, 10] y) "
        "{ [layer] a = Gemm <transB = 1> (x, w, b)  [f] y = FUNC (a) }",
        {"w": (10, 12), "b": (10,)},
        (7, 12),
    ),
    "matrix product": (
        "net (float[N, 5, 12] x) => (float[N, 5, 10] y) "
        "{ [layer] a = MatMul(x, w)  [f] y = FUNC (a) }",
        {"w": (12, 10)},
        (2, 5, 12),
    ),
    "weight in front": (
        "net (float[N, 12, 5] x) => (float[N, 10, 5] y) "
        "{ [layer] a = MatMul(w, x)  [f] y = FUNC (a) }",
        {"w": (10, 12)},
        (2, 12, 5),
    ),
}


def write_net(kind: str, function: str, path: Path) -> models.Inputs:
    text, shapes, size = NETS[kind]
    text = text.replace("FUNC", function)
    model = onnx.parser.parse_model(f'<ir_version: 9, opset_import: ["" : 20]> {text}')
    rng = np.random.default_rng(0)
    for name, shape in shapes.items():
        tensor = onnx.numpy_helper.from_array(rng.normal(size=shape).astype(np.float32), name)
        model.graph.initializer.append(tensor)
    onnx.save(model, path)
    return {"x": rng.normal(size=size).astype(np.float32)}


@pytest.mark.parametrize("kind", NETS)
@pytest.mark.parametrize(
    ("function", "option", "form"),
    [
        ("Relu", ("--insert-after", "f"), "identity and activation"),
        ("Sigmoid", ("--insert-after", "f"), "residual"),
        ("HardSwish", ("--insert-after", "f"), "residual"),
        ("Sigmoid", ("--insert-after", "layer"), "identity"),
        ("Tanh", ("--branch-at", "layer"), "branch"),
    ],
)
def test_nothing_changes(
    kind: str, function: str, option: tuple[str, str], form: str, neuroplast: Path, tmp_path: Path
) -> None:
    source, big = tmp_path / "net.onnx", tmp_path / "big.onnx"
    inputs = write_net(kind, function, source)
    report = driver.edit(neuroplast, "dropin", source, big, *option)
    (layer,) = report["layers"]
    assert (layer["form"], layer["obstacle"]) == (form, "")
    gained = report["after"]["parameters"] - report["before"]["parameters"]
    assert gained == layer["parameters"] > 0
    expected = models.reference(source, inputs)
    assert pruning.worst(models.reference(big, inputs), expected) <= 1
    assert pruning.worst(driver.run(neuroplast, big, inputs), expected) <= 1
    # What is to be learnt has somewhere to go: not all that joined is zero.
    known = {tensor.name for tensor in onnx.load(source).graph.initializer}
    joined = [
        onnx.numpy_helper.to_array(tensor)
        for tensor in onnx.load(big).graph.initializer
        if tensor.name not in known and tensor.data_type == onnx.TensorProto.FLOAT
    ]
    assert sum(array.size for array in joined) == gained
    assert any(np.any(array) for array in joined)


def test_units_and_layers(neuroplast: Path, tmp_path: Path) -> None:
    """What joined has units like any other: it grows, is cut, and is shortened again."""
    source, deep, wide, small, short = (tmp_path / f"{n}.onnx" for n in "sdwmh")
    onnx.save(architectures.build("vit"), source)
    names = [node.name for node in onnx.load(source).graph.node if node.op_type == "MatMul"]
    options = ("--branch-at", names[0], "--hidden", "5", "--seed", "3")
    report = driver.edit(neuroplast, "dropin", source, deep, *options)
    assert report["layers"][0]["parameters"] == 5 * (48 + 48)
    inputs = {"x": np.random.default_rng(1).normal(size=(2, 3, 32, 32)).astype(np.float32)}
    expected = models.reference(source, inputs)
    driver.edit(neuroplast, "dropin", deep, wide)
    assert pruning.worst(models.reference(wide, inputs), expected) <= 1
    report = driver.edit(neuroplast, "prune", deep, small, "--ratio", "0.5")
    assert any("branch" in " ".join(units["members"]) for units in report["units"])
    models.reference(small, inputs)
    assert driver.edit(neuroplast, "shorten", deep, short, "--dry-run")["blocks"]


def test_where_nothing_can_join(neuroplast: Path, tmp_path: Path) -> None:
    big = tmp_path / "big.onnx"
    source = models.MODELS["ppocr_cls"].path()
    nodes = [n for n in onnx.load(source).graph.node if n.op_type == "Conv"]
    grouped = next(n for n in nodes if any(a.name == "group" and a.i > 1 for a in n.attribute))
    options = ("--branch-at", grouped.name or grouped.output[0])
    layers = driver.edit(neuroplast, "dropin", source, big, *options)["layers"]
    obstacles = {layer["node"]: layer["obstacle"] for layer in layers}
    assert obstacles[options[1]] == "it has groups"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--insert-after", "nobody"], "no node has a name like 'nobody'"),
        (["--branch-at", "f"], "no linear layer has a name like 'f'"),
        (["--insert-after", "f", "--hidden", "0"], "at least one result"),
        (["--insert-after", "f", "--units", "2"], "'--units' is for units that join"),
        (["--insert-after", "f", "--init", "pair"], "no '--init' but 'random'"),
        (["--branch-at", "layer", "--init", "random"], "and that after nodes"),
        (["--hidden", "2"], "'--hidden' goes with"),
    ],
)
def test_bad_options(options: list[str], message: str, neuroplast: Path, tmp_path: Path) -> None:
    source, big = tmp_path / "net.onnx", tmp_path / "big.onnx"
    write_net("gemm", "Relu", source)
    with pytest.raises(driver.DriverError, match=message):
        driver.call(neuroplast, "dropin", source, "-o", big, *options)
    assert not big.exists()
