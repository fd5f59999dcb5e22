"""Random networks whose layers share their axes in every way that edits must follow.

A network is grown from an image by layers that are drawn from a seed: convolutions of
all groupings, norms, sums, concatenations, slices, channel shuffles, gates, reductions
over channels, then attention of several kinds or a recurrent layer over what is left, and
matrices. While it grows it writes down which weights belong to which unit
(`unit_table`), and where a masked unit is no zero.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from Property.unit_table import Place, Row, Table


@dataclass
class Tensor:
    """A value, the places of its channels (or features), and where it keeps zeros."""

    name: str
    places: list[Place]
    # By place: whether it is zero where one of its units is masked.
    zero: list[bool]

    @property
    def width(self) -> int:
        return len(self.places)


def repeat(places: Sequence[Place], times: int) -> list[Place]:
    """Each place several times in a row."""
    return [place for place in places for _ in range(times)]


class Network:
    """An ONNX graph under construction; layers take and return tensors."""

    def __init__(self, seed: int) -> None:
        self.random = np.random.default_rng(seed)
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []
        self.used: list[str] = []
        self.table = Table()
        self.atoms = self.table.atoms

    def weight(
        self, *axes: Any, scale: float | None = None, around: float = 0, shape: Any = None
    ) -> str:
        """A random parameter; by default scaled to keep the size of what it multiplies.

        An axis is a size, a list of places, or a `Row` for one with blocks.
        """
        sizes = [
            axis if isinstance(axis, int)
            else len(axis.blocks[0]) if isinstance(axis, Row)
            else len(axis)
            for axis in axes
        ]  # fmt: skip
        if scale is None:
            scale = float(np.sqrt(2 / max(1, np.prod(sizes[1:]))))
        name = f"w{len(self.weights)}"
        value = (around + scale * self.random.normal(size=sizes)).astype(np.float32)
        self.weights.append(numpy_helper.from_array(value, name))
        self.table.rows[name] = [
            axis if isinstance(axis, Row) else Row(index, [list(axis)])
            for index, axis in enumerate(axes)
            if not isinstance(axis, int)
        ]
        return name

    def numbers(self, *values: int) -> str:
        name = f"i{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.array(values, np.int64), name))
        return name

    def scalar(self, value: float) -> str:
        name = f"s{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.float32(value), name))
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

    def fixed(self, count: int) -> list[Place]:
        """Places that no edit may touch."""
        return [()] * count

    # Layers over images. The pixels stay 6 × 6.

    def conv(self, x: Tensor, out: list[Place] | None = None, kernel: int = 0) -> Tensor:
        """A convolution of any grouping, or of one group onto given places."""
        channels = x.width
        kernel = kernel or self.pick(1, 3)
        group = self.pick(*[g for g in (1, 1, 2, 4, channels) if channels % g == 0])
        if out is not None:
            group = 1
        if group == channels and channels > 1:
            times = self.pick(1, 1, 2)
            out = repeat(x.places, times)
            axes: list[Any] = [out, 1]
        elif group > 1:
            out = self.atoms.make(group * int(self.random.integers(1, 5)))
            length = channels // group
            blocks = [x.places[i * length : (i + 1) * length] for i in range(group)]
            axes = [out, Row(1, blocks)]
        else:
            out = out or self.atoms.make(self.pick(4, 6, 8, 12))
            axes = [out, x.places]
        inputs = [x.name, self.weight(*axes, kernel, kernel)]
        if self.random.random() < 0.5:
            inputs.append(self.weight(out, scale=0.1))
        y = self.node("Conv", *inputs, group=group, pads=[kernel // 2] * 4)
        return Tensor(y, out, [True] * len(out))

    def batch_norm(self, x: Tensor) -> Tensor:
        scale, variance = (self.weight(x.places, scale=0.1, around=1) for _ in range(2))
        shift, mean = (self.weight(x.places, scale=0.1) for _ in range(2))
        y = self.node("BatchNormalization", x.name, scale, shift, mean, variance)
        return Tensor(y, x.places, [True] * x.width)

    def activation(self, x: Tensor) -> Tensor:
        op = self.pick("Relu", "HardSwish", "Sigmoid", "Tanh", "PRelu", "Clip", "Exp")
        if op == "PRelu":
            y = self.node(op, x.name, self.weight(x.places, 1, 1, scale=0.2))
            return Tensor(y, x.places, x.zero)
        if op == "Clip":
            bounds = [self.scalar(bound) for bound in (self.pick(0.0, -1.0), 6.0)]
            return Tensor(self.node(op, x.name, *bounds), x.places, x.zero)
        if op == "Exp":
            return Tensor(self.node(op, self.node("Tanh", x.name)), x.places, [False] * x.width)
        keeps = op != "Sigmoid"
        return Tensor(self.node(op, x.name), x.places, [z and keeps for z in x.zero])

    def residual(self, x: Tensor) -> Tensor:
        back = self.conv(self.activation(self.conv(x)), out=x.places, kernel=1)
        return Tensor(self.node("Add", x.name, back.name), x.places, x.zero)

    def branches(self, x: Tensor) -> Tensor:
        parts = [self.conv(x) for _ in range(self.pick(2, 3))]
        if self.random.random() < 0.5:
            parts.append(x)
        joined = self.node("Concat", *[part.name for part in parts], axis=1)
        return Tensor(joined, sum((p.places for p in parts), []), sum((p.zero for p in parts), []))

    def halves(self, x: Tensor) -> Tensor:
        if x.width < 4:
            return x
        cut = int(self.random.integers(1, x.width - 1))
        a, b = self.node("Split", x.name, self.numbers(cut, x.width - cut), outputs=2, axis=1)
        left = self.conv(Tensor(a, x.places[:cut], x.zero[:cut]))
        y = self.node("Concat", b, left.name, axis=1)
        return Tensor(y, x.places[cut:] + left.places, x.zero[cut:] + left.zero)

    def slice(self, x: Tensor) -> Tensor:
        if x.width < 4:
            return x
        first = int(self.random.integers(0, x.width // 2))
        last = int(self.random.integers(first + 2, x.width + 1))
        bounds = (self.numbers(first), self.numbers(last), self.numbers(1))
        y = self.node("Slice", x.name, *bounds)
        return Tensor(y, x.places[first:last], x.zero[first:last])

    def shuffle(self, x: Tensor) -> Tensor:
        channels = x.width
        group = self.pick(*[g for g in (2, 3, 4) if channels % g == 0] or [1])
        if group == 1:
            return x
        length = channels // group
        y = self.node("Reshape", x.name, self.numbers(0, group, length, 6, 6))
        y = self.node("Transpose", y, perm=[0, 2, 1, 3, 4])
        y = self.node("Reshape", y, self.numbers(0, channels, 6, 6))
        order = [g * length + c for c in range(length) for g in range(group)]
        return Tensor(y, [x.places[i] for i in order], [x.zero[i] for i in order])

    def squeeze(self, x: Tensor) -> Tensor:
        squeezed = self.node("GlobalAveragePool", x.name)
        middle = self.atoms.make(4)
        hidden = self.node("Conv", squeezed, self.weight(middle, x.places, 1, 1))
        weight = self.weight(x.places, middle, 1, 1)
        opened = self.node("Sigmoid", self.node("Conv", self.node("Relu", hidden), weight))
        return Tensor(self.node("Mul", x.name, opened), x.places, x.zero)

    def gate(self, x: Tensor) -> Tensor:
        """A product of two activations, one of which may be zero."""
        a = self.conv(x)
        b = self.activation(self.conv(x, out=a.places))
        zero = [left or right for left, right in zip(a.zero, b.zero, strict=True)]
        return Tensor(self.node("Mul", a.name, b.name), a.places, zero)

    def spatial_gate(self, x: Tensor) -> Tensor:
        """Pixels are weighted by a reduction over channels."""
        op = self.pick("ReduceSum", "ReduceSum", "ReduceL2", "ReduceMean", "ReduceMax")
        reduced = self.node(op, x.name, self.numbers(1), keepdims=1)
        if op in ("ReduceMean", "ReduceMax"):
            self.table.counts[self.nodes[-1].name] = (1, x.places)
        else:
            self.table.sums.append(
                [place for place, zero in zip(x.places, x.zero, strict=True) if not zero]
            )
        y = self.node("Mul", x.name, self.node("Tanh", reduced))
        return Tensor(y, x.places, x.zero)

    def tabled(self, x: Tensor) -> Tensor:
        """A table over channels and pixels, shared by two layers that it ties."""
        table = self.weight(x.places, 6, 6, around=1, scale=0.2)
        other = self.activation(self.conv(x, out=self.atoms.make(x.width)))
        self.atoms.unite(x.places, other.places)
        # Added to, nothing stays zero: nobody trains a table, so nobody masks it.
        op = self.pick("Mul", "Add")
        a, b = (self.node(op, tensor.name, table) for tensor in (x, other))
        zero = [
            op == "Mul" and left and right for left, right in zip(x.zero, other.zero, strict=True)
        ]
        return Tensor(self.node("Add", a, b), x.places, zero)

    def norm(self, x: Tensor) -> Tensor:
        scale = self.weight(x.places, scale=0.1, around=1)
        y = self.node("InstanceNormalization", x.name, scale, self.weight(x.places))
        return Tensor(y, x.places, [True] * x.width)

    def pool(self, x: Tensor) -> Tensor:
        op = self.pick("MaxPool", "AveragePool")
        y = self.node(op, x.name, kernel_shape=[3, 3], pads=[1, 1, 1, 1])
        return Tensor(y, x.places, x.zero)

    # Layers over sequences of shape 1 × 36 × features.

    def linear(self, x: Tensor, out: list[Place] | None = None) -> Tensor:
        out = out or self.atoms.make(self.pick(6, 8, 12))
        weight = self.weight(x.places, out, scale=x.width**-0.5)
        y = self.node("MatMul", x.name, weight)
        return Tensor(self.node("Add", y, self.weight(out, scale=0.1)), out, [True] * len(out))

    def layer_norm(self, x: Tensor) -> Tensor:
        scale = self.weight(x.places, scale=0.1, around=1)
        y = self.node("LayerNormalization", x.name, scale, self.weight(x.places, scale=0.1))
        self.table.counts[self.nodes[-1].name] = (2, x.places)
        return Tensor(y, x.places, [True] * x.width)

    def written_norm(self, x: Tensor) -> Tensor:
        """A layer norm or an RMS norm in single operators."""
        y = x.name
        if self.pick(True, False):
            mean = self.node("ReduceMean", y, self.numbers(2), keepdims=1)
            self.table.counts[self.nodes[-1].name] = (2, x.places)
            y = self.node("Sub", y, mean)
        mean = self.node("ReduceMean", self.node("Mul", y, y), self.numbers(2), keepdims=1)
        self.table.counts[self.nodes[-1].name] = (2, x.places)
        y = self.node("Div", y, self.node("Sqrt", self.node("Add", mean, self.scalar(1e-3))))
        scale = self.weight(x.places, scale=0.1, around=1)
        return Tensor(self.node("Mul", y, scale), x.places, [True] * x.width)

    def block(self, x: Tensor) -> Tensor:
        """What is added to a stream is made of its norm, as in a transformer."""
        for make in (self.linear, self.attention):
            y = self.pick(self.layer_norm, self.written_norm)(x)
            y = make(y)
            if make == self.linear:
                f = self.pick("Relu", "Tanh", "Sigmoid")
                y = Tensor(self.node(f, y.name), y.places, [f != "Sigmoid"] * y.width)
            y = self.linear(y, x.places)
            zero = [left and right for left, right in zip(x.zero, y.zero, strict=True)]
            x = Tensor(self.node("Add", x.name, y.name), x.places, zero)
        return x

    def attention(self, x: Tensor) -> Tensor:
        heads, depth = self.pick(2, 3, 4), self.pick(2, 4)
        head, key, value = (self.atoms.make(n) for n in (heads, depth, depth))

        def project(features: list[Place], perm: list[int]) -> str:
            y = self.linear(x, [h + d for h in head for d in features])
            y = self.node("Reshape", y.name, self.numbers(1, 36, heads, depth))
            return self.node("Transpose", y, perm=perm)

        q, k = project(key, [0, 2, 1, 3]), project(key, [0, 2, 3, 1])
        v = project(value, [0, 2, 1, 3])
        scores = self.node("Softmax", self.node("MatMul", q, k), axis=-1)
        y = self.node("Transpose", self.node("MatMul", scores, v), perm=[0, 2, 1, 3])
        y = self.node("Reshape", y, self.numbers(1, 36, heads * depth))
        places = [h + d for h in head for d in value]
        return self.linear(Tensor(y, places, [True] * len(places)))

    def linear_attention(self, x: Tensor) -> Tensor:
        """(f(q) f(k)ᵀ) v with an f that may make something of a zero."""
        features, values = self.atoms.make(self.pick(4, 6)), self.atoms.make(6)
        f = self.pick("Relu", "Softplus", "Sigmoid")
        sides = [self.node(f, self.linear(x, features).name) for _ in range(2)]
        if f != "Relu":
            self.table.sums.append(features)
        scores = self.node("MatMul", sides[0], self.node("Transpose", sides[1], perm=[0, 2, 1]))
        y = self.node("MatMul", scores, self.linear(x, values).name)
        return self.linear(Tensor(y, values, [True] * 6))

    def recurrent(self, x: Tensor) -> Tensor:
        op, gates = self.pick(("LSTM", 4), ("GRU", 3), ("RNN", 1))
        directions, hidden = self.pick(1, 2), self.atoms.make(self.pick(4, 6))
        w = self.weight(directions, gates * hidden, x.places, scale=0.5)
        r = self.weight(directions, gates * hidden, hidden, scale=0.5)
        b = self.weight(directions, 2 * gates * hidden, scale=0.1)
        attributes = {"linear_before_reset": self.pick(0, 1)} if op == "GRU" else {}
        y = self.node(
            op,
            self.node("Transpose", x.name, perm=[1, 0, 2]),
            w, r, b,
            hidden_size=len(hidden),
            direction="bidirectional" if directions == 2 else "forward",
            **attributes,
        )  # fmt: skip
        y = self.node("Transpose", y, perm=[2, 0, 1, 3])
        places = directions * hidden
        y = self.node("Reshape", y, self.numbers(1, 36, len(places)))
        return Tensor(y, places, [True] * len(places))

    def glu(self, x: Tensor) -> Tensor:
        width = self.atoms.make(self.pick(4, 6))
        y = self.linear(x, 2 * width)
        a, b = self.node("Split", y.name, outputs=2, axis=-1, num_outputs=2)
        return Tensor(self.node("Mul", a, self.node("Sigmoid", b)), width, [True] * len(width))

    def build(self) -> onnx.ModelProto:
        """The whole network."""
        layers: list[Callable[[Tensor], Tensor]] = [
            self.conv, self.batch_norm, self.activation, self.residual, self.branches,
            self.halves, self.slice, self.shuffle, self.squeeze, self.gate, self.spatial_gate,
            self.norm, self.pool, self.tabled,
        ]  # fmt: skip
        image = Tensor("x", self.fixed(3), [True] * 3)
        x = self.conv(image, out=self.atoms.make(8), kernel=3)
        for _ in range(int(self.random.integers(4, 10))):
            x = self.pick(*layers)(x)
        if self.random.random() < 0.3:
            flat = Tensor(self.node("Flatten", x.name), repeat(x.places, 36), repeat(x.zero, 36))
            hidden = self.atoms.make(10)
            y = self.node("Gemm", flat.name, self.weight(hidden, flat.places), transB=1)
            weight = self.weight(hidden, self.fixed(5))
            y = self.node("Gemm", self.node("Relu", y), weight, self.weight(self.fixed(5)))
            return self.finish(y, [1, 5])
        y = self.node("Reshape", x.name, self.numbers(1, x.width, 36))
        x = Tensor(self.node("Transpose", y, perm=[0, 2, 1]), x.places, x.zero)
        sequence: list[Callable[[Tensor], Tensor]] = [
            self.linear, self.layer_norm, self.written_norm, self.block, self.attention,
            self.linear_attention, self.recurrent, self.glu,
        ]  # fmt: skip
        for _ in range(int(self.random.integers(1, 5))):
            x = self.pick(*sequence)(x)
        y = self.linear(x, self.fixed(5)).name
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
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)
        onnx.checker.check_model(model, full_check=True)
        return model
