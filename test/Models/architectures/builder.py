"""An ONNX graph under construction, and parts that networks of several kinds have."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

Dim = int | str
T = TypeVar("T")


class Builder:
    """An ONNX graph under construction. Free sizes are read from the first input."""

    def __init__(self, free: bool, real: bool = False, seed: int = 0) -> None:
        self.free = free
        self.real = real
        self.random = np.random.default_rng(seed)
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []
        self.inputs: list[onnx.ValueInfoProto] = []
        self.outputs: list[onnx.ValueInfoProto] = []

    def pick(self, small: T, real: T) -> T:
        """What a small network has, or one of the size that people train."""
        return real if self.real else small

    def input(self, name: str, shape: list[Dim], kind: int = TensorProto.FLOAT) -> str:
        fixed = [4 if isinstance(dim, str) and not self.free else dim for dim in shape]
        self.inputs.append(helper.make_tensor_value_info(name, kind, fixed))
        return name

    def output(self, value: str, name: str) -> None:
        self.nodes.append(helper.make_node("Identity", [value], [name]))
        self.outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, None))

    def node(self, op: str, *inputs: str, outputs: int = 1, **attributes: Any) -> Any:
        names = [f"v{len(self.nodes)}_{i}" for i in range(outputs)]
        name = f"{op}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, inputs, names, name=name, **attributes))
        return names[0] if outputs == 1 else names

    def constant(self, value: Any, dtype: Any = np.float32) -> str:
        name = f"constant_{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.array(value, dtype), name))
        return name

    def ints(self, *values: int) -> str:
        return self.constant(values, np.int64)

    def weight(self, name: str, *shape: int, around: float = 0, scale: float = 0) -> str:
        scale = scale or float(np.sqrt(1 / max(1, np.prod(shape[1:]))))
        value = around + scale * self.random.normal(size=shape)
        self.weights.append(numpy_helper.from_array(value.astype(np.float32), name))
        return name

    def size(self, x: str, axis: int) -> str:
        """A size at run time, as exporters ask for it."""
        return self.node("Gather", self.node("Shape", x), self.constant(axis, np.int64), axis=0)

    def reshape(self, x: str, *sizes: int | str) -> str:
        """Sizes are numbers, or scalars computed at run time."""
        if all(isinstance(size, int) for size in sizes):
            return self.node("Reshape", x, self.ints(*sizes))
        zero = self.ints(0)
        parts = [
            self.ints(size) if isinstance(size, int) else self.node("Unsqueeze", size, zero)
            for size in sizes
        ]
        return self.node("Reshape", x, self.node("Concat", *parts, axis=0))

    def linear(self, x: str, name: str, inner: int, outer: int, bias: bool = True) -> str:
        y = self.node("MatMul", x, self.weight(f"{name}.weight", inner, outer, scale=inner**-0.5))
        return self.node("Add", y, self.weight(f"{name}.bias", outer, scale=0.1)) if bias else y

    def layer_norm(self, x: str, name: str, width: int) -> str:
        scale = self.weight(f"{name}.scale", width, around=1, scale=0.1)
        shift = self.weight(f"{name}.shift", width, scale=0.1)
        return self.node("LayerNormalization", x, scale, shift, axis=-1)

    def rms_norm(self, x: str, name: str, width: int) -> str:
        """As exporters write it: no operator of old has it."""
        squares = self.node("Pow", x, self.constant(2.0))
        mean = self.node("ReduceMean", squares, self.ints(-1), keepdims=1)
        root = self.node("Sqrt", self.node("Add", mean, self.constant(1e-6)))
        scaled = self.node("Mul", x, self.node("Reciprocal", root))
        return self.node("Mul", self.weight(f"{name}.scale", width, around=1, scale=0.1), scaled)

    def conv(
        self, x: str, name: str, inner: int, outer: int, kernel: int = 1, bias: bool = True,
        group: int = 1, **attributes: Any
    ) -> str:  # fmt: skip
        inputs = [x, self.weight(f"{name}.weight", outer, inner // group, kernel, kernel)]
        if bias:
            inputs.append(self.weight(f"{name}.bias", outer, scale=0.1))
        attributes.setdefault("pads", [kernel // 2] * 4)
        return self.node("Conv", *inputs, group=group, **attributes)

    def batch_norm(self, x: str, name: str, width: int) -> str:
        scale = self.weight(f"{name}.scale", width, around=1, scale=0.1)
        shift, mean = (self.weight(f"{name}.{n}", width, scale=0.1) for n in ("shift", "mean"))
        variance = self.weight(f"{name}.variance", width, around=1, scale=0.1)
        return self.node("BatchNormalization", x, scale, shift, mean, variance)

    def gelu(self, x: str) -> str:
        inner = self.node("Erf", self.node("Div", x, self.constant(1.41421356)))
        scaled = self.node("Mul", x, self.node("Add", inner, self.constant(1.0)))
        return self.node("Mul", scaled, self.constant(0.5))

    def silu(self, x: str) -> str:
        return self.node("Mul", x, self.node("Sigmoid", x))

    def finish(self) -> onnx.ModelProto:
        graph = helper.make_graph(self.nodes, "net", self.inputs, self.outputs, self.weights)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
        # The sizes of the outputs are those that inference finds.
        inferred = onnx.shape_inference.infer_shapes(model, data_prop=True)
        onnx.checker.check_model(inferred)
        return inferred
