"""Kernels compute what ONNX Runtime does, whatever the sizes leave over beside their blocks."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
import onnx
import pytest
from Models import driver
from onnx import helper, numpy_helper

from Property.sweep import compare, evaluate

F = np.float32


def draw(kind: str, rng: np.random.Generator, scale: int) -> tuple[list[np.ndarray], str, dict]:
    """Operands, of which all but the first are weights, the operator and its attributes."""

    def size(most: int = 70) -> int:
        return int(rng.integers(1, scale * most))

    def array(*shape: int) -> np.ndarray:
        return rng.standard_normal(shape).astype(F)

    if kind == "transposition":
        order = rng.permutation(3)
        return [array(size(5), size(40), size(40))], "Transpose", {"perm": [int(i) for i in order]}
    if kind == "product":
        m, k, n = size(), size(), size()
        return [array(m, k), array(k, n)], "MatMul", {}
    if kind == "batch":
        batch, m, k, n = size(4), size(20), size(), size()
        return [array(batch, m, k), array(batch, k, n)], "MatMul", {}
    if kind == "transposed":
        m, k, n = size(20), size(), size()
        return [array(m, k), array(n, k), array(n)], "Gemm", {"transB": 1}
    kernel = [int(rng.integers(1, 4)) for _ in range(2)]
    stride = [int(rng.integers(1, 3)) for _ in range(2)]
    sizes = [k + size(24) for k in kernel]
    attributes = {"strides": stride, "pads": [int(rng.integers(0, k)) for k in kernel * 2]}
    if kind == "depthwise":
        channels = size(40)
        return (
            [array(1, channels, *sizes), array(channels, 1, *kernel), array(channels)],
            "Conv",
            {**attributes, "group": channels},
        )
    group = int(rng.integers(1, 3)) if kind == "grouped" else 1
    channels, outputs = group * size(12), group * size(30)
    return (
        [
            array(size(3), channels, *sizes),
            array(outputs, channels // group, *kernel),
            array(outputs),
        ],
        "Conv",
        {**attributes, "group": group},
    )


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("free", [False, True], ids=["fixed", "free"])
@pytest.mark.parametrize(
    "kind",
    ["product", "batch", "transposed", "convolution", "depthwise", "grouped", "transposition"],
)
def test_values(kind: str, free: bool, threads: int, neuroplast: Path, tmp_path: Path) -> None:
    for number in range(5):
        rng = np.random.default_rng(zlib.crc32(f"{kind} {number}".encode()))
        # What is little work is done by one thread anyway.
        operands, op, attributes = draw(kind, rng, scale=threads)
        names = [f"x{i}" for i in range(len(operands))]
        graph = helper.make_graph(
            [helper.make_node(op, names, ["y"], **attributes)],
            "g",
            [
                helper.make_tensor_value_info(
                    "x0", 1, [None] * operands[0].ndim if free else operands[0].shape
                )
            ],
            [onnx.ValueInfoProto(name="y")],
            [
                numpy_helper.from_array(array, name)
                for array, name in zip(operands[1:], names[1:], strict=True)
            ],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        expected = evaluate(model, {"x0": operands[0]})["y"]
        onnx.save(model, tmp_path / "model.onnx")
        library = tmp_path / "model.so"
        driver.call(
            neuroplast, "compile", tmp_path / "model.onnx", "-o", library, "--threads", str(threads)
        )
        found = driver.run(neuroplast, library, {"x0": operands[0]})["y"]
        shapes = [array.shape for array in operands]
        assert not compare(found, expected), (kind, shapes, attributes)


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("free", [False, True], ids=["fixed", "free"])
def test_attention(free: bool, threads: int, neuroplast: Path, tmp_path: Path) -> None:
    """Blocks of queries, the last of which is smaller, with and without a bias of the scores."""
    for number in range(4):
        rng = np.random.default_rng(number)
        batch, heads = (int(rng.integers(1, 4)) for _ in range(2))
        queries, keys, depth, width = (int(rng.integers(1, 200)) for _ in range(4))
        inputs = {
            "q": rng.standard_normal((batch, heads, queries, depth)).astype(F),
            "k": rng.standard_normal((batch, heads, keys, depth)).astype(F),
            "v": rng.standard_normal((batch, heads, keys, width)).astype(F),
            "bias": rng.standard_normal((1, 1, 1 if number % 2 else queries, keys)).astype(F),
        }
        shapes = {name: list(array.shape) for name, array in inputs.items()}
        if free:
            named = {"q": "bhqd", "k": "bhkd", "v": "bhkw"}
            shapes |= {name: list(axes) for name, axes in named.items()}
            shapes["bias"] = [1, 1, 1 if number % 2 else "q", "k"]
        nodes = [
            helper.make_node("Transpose", ["k"], ["turned"], perm=[0, 1, 3, 2]),
            helper.make_node("MatMul", ["q", "turned"], ["products"]),
            helper.make_node("Mul", ["products", "scale"], ["scaled"]),
            helper.make_node("Add", ["scaled", "bias"], ["scores"]),
            helper.make_node("Softmax", ["scores"], ["shares"], axis=-1),
            helper.make_node("MatMul", ["shares", "v"], ["heads"]),
            helper.make_node("Transpose", ["heads"], ["y"], perm=[0, 2, 1, 3]),
        ]
        graph = helper.make_graph(
            nodes,
            "g",
            [helper.make_tensor_value_info(name, 1, shape) for name, shape in shapes.items()],
            [onnx.ValueInfoProto(name="y")],
            [numpy_helper.from_array(np.asarray(depth**-0.5, F), "scale")],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        expected = evaluate(model, inputs)["y"]
        onnx.save(model, tmp_path / "model.onnx")
        library = tmp_path / "model.so"
        driver.call(
            neuroplast, "compile", tmp_path / "model.onnx", "-o", library, "--threads", str(threads)
        )
        # No row of scores is kept but those that are being worked on.
        symbols = library.read_bytes()
        assert b"kernel_attention" in symbols
        assert b"kernel_softmax" not in symbols
        found = driver.run(neuroplast, library, inputs)["y"]
        assert not compare(found, expected), shapes
