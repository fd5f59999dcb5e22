"""Compiled convolutional networks of odd sizes compute what ONNX Runtime does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from Models import driver, models
from Models.architectures.builder import Builder


def network(seed: int, free: bool) -> onnx.ModelProto:
    """Layers that lie in blocks of channels, of counts that fill them or do not.

    Batch and image have sizes that are known at run time only if they are free.
    """
    b, random = Builder(free=free, real=False), np.random.default_rng(seed)
    width = int(random.choice([7, 12, 16, 20, 33, 48]))
    x = b.input("x", ["n", 3, "h", "w"] if free else [2, 3, 12, 12])
    y = b.node("Relu", b.conv(x, "stem", 3, width, 3))
    for i in range(4):
        name, before = f"l{i}", width
        match random.integers(8):
            case 0:
                width = int(random.choice([5, 16, 24, 32, 40]))
                y = b.node("Relu", b.conv(y, name, before, width, 3))
            case 1:
                y = b.node("Clip", b.conv(y, name, width, width, 3, group=width))
            case 2:
                y = b.node("Add", y, b.conv(b.node("Sigmoid", y), name, width, width))
            case 3:
                width = 32
                y = b.conv(y, f"{name}.in", before, width)
                y = b.conv(y, name, width, width, 3, group=2)
            case 4:
                parts = int(random.choice([5, 12, 16, 24]))
                right = b.conv(y, name, width, parts)
                y, width = b.node("Concat", y, right, right, axis=1), width + 2 * parts
            case 5:
                y = b.node("MaxPool", y, kernel_shape=[3, 3], pads=[1] * 4)
            case 6:
                gate = b.conv(b.node("GlobalAveragePool", y), name, width, width)
                y = b.node("Mul", y, b.node("HardSigmoid", gate))
            case _:
                out = int(random.choice([3, 24]))
                weight = b.weight(f"{name}.weight", width, out, 2, 2)
                y = b.node("ConvTranspose", y, weight, strides=[2, 2])
                y, width = b.node("AveragePool", y, kernel_shape=[2, 2], strides=[2, 2]), out
    b.output(y, "y")
    return b.finish()


@pytest.mark.parametrize("free", [False, True], ids=["fixed", "free"])
@pytest.mark.parametrize("seed", range(24))
def test_layers_of_odd_sizes(seed: int, free: bool, neuroplast: Path, tmp_path: Path) -> None:
    model, path = network(seed, free), tmp_path / "model.onnx"
    onnx.save(model, path)
    random = np.random.default_rng(seed)
    shape = (int(random.integers(1, 4)), 3, *random.integers(2, 24, 2)) if free else (2, 3, 12, 12)
    inputs = {"x": random.normal(size=shape).astype(np.float32)}
    # A run would fix the sizes.
    library = tmp_path / "model.so"
    driver.call(neuroplast, "compile", path, "-o", library)
    for name, expected in models.reference(path, inputs).items():
        actual = driver.run(neuroplast, library, inputs)[name]
        assert models.mismatch(actual, expected) <= 1


def test_infinity_stays_in_its_channel(neuroplast: Path, tmp_path: Path) -> None:
    # A block of fourteen channels is filled up by zeros, which infinity would make no numbers.
    b = Builder(free=False, real=False)
    y = b.conv(b.input("x", [1, 3, 4, 4]), "first", 3, 14)
    path = tmp_path / "model.onnx"
    b.output(b.conv(b.node("Relu", y), "second", 14, 14), "y")
    model = b.finish()
    for tensor in model.graph.initializer:
        if tensor.name == "first.weight":
            weight = -np.abs(onnx.numpy_helper.to_array(tensor))
            tensor.CopyFrom(onnx.numpy_helper.from_array(weight, tensor.name))
    onnx.save(model, path)
    inputs = {"x": np.full((1, 3, 4, 4), np.inf, np.float32)}
    for name, expected in models.reference(path, inputs).items():
        assert np.isfinite(expected).all()
        assert models.mismatch(driver.run(neuroplast, path, inputs)[name], expected) <= 1
