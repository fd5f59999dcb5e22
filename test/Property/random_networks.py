"""Random networks whose layers share their axes in every way that pruning must follow.

A network is grown from an image by layers that are drawn from a seed: convolutions of
all groupings, norms, sums, concatenations, slices, channel shuffles, squeeze-and-excite
gates, then attention or a recurrent layer over what is left, and matrices.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


class Network:
    """An ONNX graph under construction; layers take and return names of tensors."""

    def __init__(self, seed: int) -> None:
        self.random = np.random.default_rng(seed)
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []
        self.used: list[str] = []

    def weight(self, *shape: int, scale: float | None = None, around: float = 0) -> str:
        """A random parameter; by default scaled to keep the size of what it multiplies."""
        if scale is None:
            scale = float(np.sqrt(2 / max(1, np.prod(shape[1:]))))
        name = f"w{len(self.weights)}"
        value = (around + scale * self.random.normal(size=shape)).astype(np.float32)
        self.weights.append(numpy_helper.from_array(value, name))
        return name

    def numbers(self, *values: int) -> str:
        name = f"i{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.array(values, np.int64), name))
        return name

    def node(self, op: str, *inputs: str, outputs: int = 1, **attributes: Any) -> Any:
        names = [f"t{len(self.nodes)}_{i}" for i in range(outputs)]
        self.nodes.append(
            helper.make_node(op, inputs, names, name=f"{op}{len(self.nodes)}", **attributes)
        )
        self.used.append(op)
        return names[0] if outputs == 1 else names

    def pick(self, *choices: Any) -> Any:
        return choices[int(self.random.integers(len(choices)))]

    # Layers over images: (name, channels) -> (name, channels). The pixels stay 6 × 6.

    def conv(self, x: str, channels: int) -> tuple[str, int]:
        group = self.pick(*[g for g in (1, 1, 2, 4, channels) if channels % g == 0])
        out = group * int(self.random.integers(1, 5)) if group > 1 else self.pick(4, 6, 8, 12)
        if group == channels:
            out = channels * self.pick(1, 1, 2)
        kernel = self.pick(1, 3)
        inputs = [x, self.weight(out, channels // group, kernel, kernel)]
        if self.random.random() < 0.5:
            inputs.append(self.weight(out, scale=0.1))
        pads = [kernel // 2] * 4
        return self.node("Conv", *inputs, group=group, pads=pads), out

    def batch_norm(self, x: str, channels: int) -> tuple[str, int]:
        scale, variance = (self.weight(channels, scale=0.1, around=1) for _ in range(2))
        shift, mean = (self.weight(channels, scale=0.1) for _ in range(2))
        return self.node("BatchNormalization", x, scale, shift, mean, variance), channels

    def activation(self, x: str, channels: int) -> tuple[str, int]:
        op = self.pick("Relu", "HardSwish", "Sigmoid", "Tanh", "PRelu")
        if op == "PRelu":
            return self.node(op, x, self.weight(channels, 1, 1, scale=0.2)), channels
        return self.node(op, x), channels

    def residual(self, x: str, channels: int) -> tuple[str, int]:
        y, width = self.activation(*self.conv(x, channels))
        back = self.node("Conv", y, self.weight(channels, width, 1, 1))
        return self.node("Add", x, back), channels

    def branches(self, x: str, channels: int) -> tuple[str, int]:
        parts = [self.conv(x, channels) for _ in range(self.pick(2, 3))]
        if self.random.random() < 0.5:
            parts.append((x, channels))
        joined = self.node("Concat", *[name for name, _ in parts], axis=1)
        return joined, sum(width for _, width in parts)

    def halves(self, x: str, channels: int) -> tuple[str, int]:
        if channels < 4:
            return x, channels
        cut = int(self.random.integers(1, channels - 1))
        a, b = self.node("Split", x, self.numbers(cut, channels - cut), outputs=2, axis=1)
        a, left = self.conv(a, cut)
        return self.node("Concat", b, a, axis=1), channels - cut + left

    def slice(self, x: str, channels: int) -> tuple[str, int]:
        if channels < 4:
            return x, channels
        first = int(self.random.integers(0, channels // 2))
        last = int(self.random.integers(first + 2, channels + 1))
        bounds = (self.numbers(first), self.numbers(last), self.numbers(1))
        return self.node("Slice", x, *bounds), last - first

    def shuffle(self, x: str, channels: int) -> tuple[str, int]:
        group = self.pick(*[g for g in (2, 3, 4) if channels % g == 0] or [1])
        shape = self.numbers(0, group, channels // group, 6, 6)
        y = self.node("Reshape", x, shape)
        y = self.node("Transpose", y, perm=[0, 2, 1, 3, 4])
        return self.node("Reshape", y, self.numbers(0, channels, 6, 6)), channels

    def gate(self, x: str, channels: int) -> tuple[str, int]:
        squeezed = self.node("GlobalAveragePool", x)
        hidden = self.node("Relu", self.node("Conv", squeezed, self.weight(4, channels, 1, 1)))
        opened = self.node("Sigmoid", self.node("Conv", hidden, self.weight(channels, 4, 1, 1)))
        return self.node("Mul", x, opened), channels

    def norm(self, x: str, channels: int) -> tuple[str, int]:
        scale, shift = self.weight(channels, scale=0.1, around=1), self.weight(channels)
        return self.node("InstanceNormalization", x, scale, shift), channels

    def pool(self, x: str, channels: int) -> tuple[str, int]:
        op = self.pick("MaxPool", "AveragePool")
        return self.node(op, x, kernel_shape=[3, 3], pads=[1, 1, 1, 1]), channels

    # Layers over sequences: (name, features), of shape 1 × 36 × features.

    def linear(self, x: str, features: int, out: int | None = None) -> tuple[str, int]:
        out = out or self.pick(6, 8, 12)
        y = self.node("MatMul", x, self.weight(features, out, scale=features**-0.5))
        return self.node("Add", y, self.weight(out, scale=0.1)), out

    def layer_norm(self, x: str, features: int) -> tuple[str, int]:
        scale, shift = self.weight(features, scale=0.1, around=1), self.weight(features, scale=0.1)
        return self.node("LayerNormalization", x, scale, shift), features

    def attention(self, x: str, features: int) -> tuple[str, int]:
        heads, depth = self.pick(2, 3, 4), self.pick(2, 4)

        def project(perm: list[int]) -> str:
            y, _ = self.linear(x, features, heads * depth)
            y = self.node("Reshape", y, self.numbers(1, 36, heads, depth))
            return self.node("Transpose", y, perm=perm)

        q, k, v = project([0, 2, 1, 3]), project([0, 2, 3, 1]), project([0, 2, 1, 3])
        scores = self.node("Softmax", self.node("MatMul", q, k), axis=-1)
        y = self.node("Transpose", self.node("MatMul", scores, v), perm=[0, 2, 1, 3])
        y = self.node("Reshape", y, self.numbers(1, 36, heads * depth))
        return self.linear(y, heads * depth)

    def recurrent(self, x: str, features: int) -> tuple[str, int]:
        op, gates = self.pick(("LSTM", 4), ("GRU", 3), ("RNN", 1))
        directions, hidden = self.pick(1, 2), self.pick(4, 6)
        w = self.weight(directions, gates * hidden, features, scale=0.5)
        r = self.weight(directions, gates * hidden, hidden, scale=0.5)
        b = self.weight(directions, 2 * gates * hidden, scale=0.1)
        attributes = {"linear_before_reset": self.pick(0, 1)} if op == "GRU" else {}
        direction = "bidirectional" if directions == 2 else "forward"
        steps = self.node("Transpose", x, perm=[1, 0, 2])
        y = self.node(op, steps, w, r, b, hidden_size=hidden, direction=direction, **attributes)
        y = self.node("Transpose", y, perm=[2, 0, 1, 3])
        return self.node("Reshape", y, self.numbers(1, 36, directions * hidden)), (
            directions * hidden
        )

    def glu(self, x: str, features: int) -> tuple[str, int]:
        width = self.pick(4, 6)
        y, _ = self.linear(x, features, 2 * width)
        a, b = self.node("Split", y, outputs=2, axis=-1, num_outputs=2)
        return self.node("Mul", a, self.node("Sigmoid", b)), width

    def build(self) -> onnx.ModelProto:
        """The whole network."""
        layers: list[Callable[[str, int], tuple[str, int]]] = [
            self.conv, self.batch_norm, self.activation, self.residual, self.branches,
            self.halves, self.slice, self.shuffle, self.gate, self.norm, self.pool,
        ]  # fmt: skip
        x, channels = self.node("Conv", "x", self.weight(8, 3, 3, 3), pads=[1, 1, 1, 1]), 8
        for _ in range(int(self.random.integers(4, 10))):
            x, channels = self.pick(*layers)(x, channels)
        if self.random.random() < 0.3:
            x = self.node("Flatten", x)
            x = self.node("Gemm", x, self.weight(10, channels * 36), transB=1)
            y = self.node("Gemm", self.node("Relu", x), self.weight(10, 5), self.weight(5))
            return self.finish(y, [1, 5])
        x = self.node("Reshape", x, self.numbers(1, channels, 36))
        x = self.node("Transpose", x, perm=[0, 2, 1])
        sequence: list[Callable[[str, int], tuple[str, int]]] = [
            self.linear, self.layer_norm, self.attention, self.recurrent, self.glu,
        ]  # fmt: skip
        for _ in range(int(self.random.integers(1, 5))):
            x, channels = self.pick(*sequence)(x, channels)
        y, _ = self.linear(x, channels, 5)
        return self.finish(y, [1, 36, 5])

    def finish(self, output: str, shape: list[int]) -> onnx.ModelProto:
        self.nodes.append(helper.make_node("Identity", [output], ["y"], name="last"))
        graph = helper.make_graph(
            self.nodes,
            "random",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 6, 6])],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)],
            self.weights,
        )
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9
        )
        onnx.checker.check_model(model, full_check=True)
        return model
