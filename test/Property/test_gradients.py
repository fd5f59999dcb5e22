"""Derived gradients against differences: every rule, in the attributes that matter."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import onnx
import pytest
from Models import driver
from onnx import numpy_helper

from Property.gradient_cases import CASES
from Property.random_networks import Network


def differentiate(opt: Path, neuroplast: Path, model: Path, library: Path, of: str) -> None:
    graph = library.with_suffix(".mlir")
    subprocess.run([opt, model, f"--neuro-differentiate=of={of}", "-o", graph], check=True)
    driver.call(neuroplast, "compile", graph, "-o", library)


@pytest.mark.parametrize("name", list(CASES))
def test_rules(name: str, neuroplast: Path, neuroplast_opt: Path, tmp_path: Path) -> None:
    """Along random directions, in double precision."""
    case, random = CASES[name], np.random.default_rng(len(name))
    model, library = tmp_path / "model.onnx", tmp_path / "model.so"
    graph = onnx.parser.parse_model(case.text())
    for output in graph.graph.output:
        output.type.tensor_type.ClearField("shape")
    graph = onnx.shape_inference.infer_shapes(graph, data_prop=True)
    onnx.save(graph, model)
    differentiate(neuroplast_opt, neuroplast, model, library, "inputs")
    names = "abcdefgh"[: len(case.shapes)]
    at = {
        key: random.uniform(*case.span, shape)
        for key, shape in zip(names, case.shapes, strict=True)
    }
    if name == "Clip":
        at["b"], at["c"] = np.array(-0.4), np.array(0.3)
    results = {
        output.name: case.results.get(output.name)
        or (
            [size.dim_value for size in output.type.tensor_type.shape.dim]
            if output.type.tensor_type.HasField("shape")
            else case.result or case.shapes[0]
        )
        for output in graph.graph.output
    }
    seeds = {f"grad:{key}": random.normal(size=shape) for key, shape in results.items()}
    found = driver.run(neuroplast, library, {**at, **case.integers, **seeds})
    step = case.step
    for _ in range(2):
        way = {key: random.normal(size=value.shape) for key, value in at.items()}
        values = [
            driver.run(
                neuroplast,
                library,
                {key: value + sign * step * way[key] for key, value in at.items()}
                | case.integers
                | seeds,
            )
            for sign in (1, -1)
        ]
        expected = sum(
            float(((values[0][key] - values[1][key]) * seeds[f"grad:{key}"]).sum())
            for key in results
        ) / (2 * step)
        actual = sum(float((found[f"grad:{key}"] * way[key]).sum()) for key in at)
        assert actual == pytest.approx(expected, rel=case.tolerance, abs=case.tolerance / 10)


def widen(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same network in double precision."""
    wide = onnx.ModelProto()
    wide.CopyFrom(model)
    single, double = onnx.TensorProto.FLOAT, onnx.TensorProto.DOUBLE
    tensors = list(wide.graph.initializer)
    for node in wide.graph.node:
        tensors += [a.t for a in node.attribute if a.type == onnx.AttributeProto.TENSOR]
    for tensor in tensors:
        if tensor.data_type == single:
            array = numpy_helper.to_array(tensor).astype(np.float64)
            tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))
    for value in (*wide.graph.input, *wide.graph.output, *wide.graph.value_info):
        if value.type.tensor_type.elem_type == single:
            value.type.tensor_type.elem_type = double
    return wide


def shift(model: onnx.ModelProto, way: dict[str, np.ndarray], step: float) -> onnx.ModelProto:
    """The network with parameters a step further."""
    moved = onnx.ModelProto()
    moved.CopyFrom(model)
    for tensor in moved.graph.initializer:
        if tensor.name in way:
            array = numpy_helper.to_array(tensor) + step * way[tensor.name]
            tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))
    return moved


@pytest.mark.parametrize("seed", range(20))
def test_networks(seed: int, neuroplast: Path, neuroplast_opt: Path, tmp_path: Path) -> None:
    """Along a random direction of all parameters; and in single precision, by real kernels."""
    network, random = Network(seed).build(), np.random.default_rng(seed)
    wide, model, library = widen(network), tmp_path / "model.onnx", tmp_path / "model.so"
    x = {"x": random.normal(size=(1, 3, 6, 6))}
    onnx.save(wide, model)
    plain = driver.run(neuroplast, model, x)
    seeds = {f"grad:{key}": random.normal(size=value.shape) for key, value in plain.items()}
    differentiate(neuroplast_opt, neuroplast, model, library, "params")
    found = driver.run(neuroplast, library, x | seeds)
    gradients = {key: value for key, value in found.items() if key.startswith("grad:")}
    assert len(gradients) > 3
    way = {
        key.removeprefix("grad:"): random.normal(size=value.shape)
        for key, value in gradients.items()
    }
    step, values = 1e-7, []
    for sign in (1, -1):
        onnx.save(shift(wide, way, sign * step), model)
        values.append(driver.run(neuroplast, model, x))
    expected = sum(
        float(((values[0][key] - values[1][key]) * seeds[f"grad:{key}"]).sum()) for key in plain
    ) / (2 * step)
    actual = sum(float((gradients[f"grad:{key}"] * way[key]).sum()) for key in way)
    assert actual == pytest.approx(expected, rel=1e-4, abs=1e-6)
    onnx.save(network, model)
    differentiate(neuroplast_opt, neuroplast, model, library, "params")
    narrow = driver.run(
        neuroplast, library, {key: v.astype(np.float32) for key, v in (x | seeds).items()}
    )
    # Some vanish, as those of what a norm takes away: then it is others that say what is small.
    most = max(float(np.abs(value).max()) for value in gradients.values())
    for key, value in gradients.items():
        scale = max(float(np.abs(value).max()), 0.1 * most)
        assert np.abs(narrow[key] - value).max() <= 2e-3 * scale, key
