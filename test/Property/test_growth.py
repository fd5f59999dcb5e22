"""Nothing grows faster than the graph: models that once took minutes, or for ever.

The bounds are far above what the commands take, and far below what they took.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

SECONDS = 60

Graph = tuple[list[onnx.NodeProto], list[onnx.TensorProto], str]


def chain(count: int) -> Graph:
    """As many nodes as parameters, one after the other."""
    nodes, weights, value = [], [], "x"
    for i in range(count):
        weights.append(numpy_helper.from_array(np.full(32, i, np.float32), f"w{i}"))
        nodes.append(helper.make_node("Add", [value, f"w{i}"], [f"v{i}"]))
        value = f"v{i}"
    return nodes, weights, value


def joined(count: int) -> Graph:
    """One concatenation of many tensors."""
    nodes = [helper.make_node("Relu", ["x"], [f"v{i}"]) for i in range(count)]
    nodes.append(helper.make_node("Concat", [f"v{i}" for i in range(count)], ["y"], axis=1))
    return nodes, [], "y"


def doubled(count: int) -> Graph:
    """A size that is doubled again and again, and then used."""
    nodes = [helper.make_node("Shape", ["x"], ["a0"], start=1)]
    nodes += [helper.make_node("Add", [f"a{i}"] * 2, [f"a{i + 1}"]) for i in range(count)]
    nodes += [
        helper.make_node("Shape", ["x"], ["n"], end=1),
        helper.make_node("Add", ["n", f"a{count}"], ["sum"]),
        helper.make_node("Constant", [], ["zero"], value_ints=[0]),
        helper.make_node("Max", ["sum", "zero"], ["size"]),
        helper.make_node("Constant", [], ["one"], value_float=1.0),
        helper.make_node("Expand", ["one", "size"], ["y"]),
    ]
    return nodes, [], "y"


def reshaped(count: int) -> Graph:
    """Reshapes by sizes that come from the tensors before."""
    nodes, value = [], "x"
    for i in range(count):
        nodes += [
            helper.make_node("Shape", [value], [f"s{i}"], end=1),
            helper.make_node("Concat", [f"s{i}", "width"], [f"t{i}"], axis=0),
            helper.make_node("Reshape", [value, f"t{i}"], [f"r{i}"]),
            helper.make_node("Relu", [f"r{i}"], [f"v{i}"]),
        ]
        value = f"v{i}"
    return nodes, [numpy_helper.from_array(np.array([32]), "width")], value


@pytest.mark.parametrize(
    ("build", "count"), [(chain, 20000), (joined, 5000), (doubled, 1000), (reshaped, 5000)]
)
def test_commands(
    build: Callable[[int], Graph], count: int, neuroplast: Path, tmp_path: Path
) -> None:
    nodes, weights, output = build(count)
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 32])]
    sizes = ["A"] if build is doubled else ["A", "B"]
    outputs = [helper.make_tensor_value_info(output, TensorProto.FLOAT, sizes)]
    graph = helper.make_graph(nodes, "g", inputs, outputs, weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path, pruned = tmp_path / "model.onnx", tmp_path / "pruned.onnx"
    onnx.save(model, path)
    for command in (
        ["inspect", path],
        ["prune", path, "--no-compare", "-o", pruned],
        ["import", pruned, "-o", tmp_path / "pruned.mlir"],
    ):
        done = subprocess.run(
            [neuroplast, *command], capture_output=True, text=True, timeout=SECONDS, check=False
        )
        assert done.returncode == 0, done.stderr


def test_long_axes(neuroplast: Path, tmp_path: Path) -> None:
    """An axis of two thousand million places is analysed without listing them."""
    path = tmp_path / "model.onnxtext"
    path.write_text(
        '<ir_version: 8, opset_import: ["" : 17]>\n'
        "g (float[2000000000] x) => (float[2000000000] y) { y = Relu(x) }"
    )
    for command in (["inspect", path], ["prune", path, "-o", tmp_path / "pruned.onnx"]):
        done = subprocess.run(
            [neuroplast, *command], capture_output=True, text=True, timeout=SECONDS, check=False
        )
        assert done.returncode == 0, done.stderr
