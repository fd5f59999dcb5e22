"""Networks of the kinds that people train, with random weights, as exporters write them.

Each is built with fixed sizes, or with free ones (batch, sequence, height, width), where
reshapes compute their sizes from shapes at run time. `UNITS` says by hand which axes of
which weights hold units.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

Dim = int | str


class Builder:
    """An ONNX graph under construction. Free sizes are read from the first input."""

    def __init__(self, free: bool, seed: int = 0) -> None:
        self.free = free
        self.random = np.random.default_rng(seed)
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []
        self.inputs: list[onnx.ValueInfoProto] = []
        self.outputs: list[onnx.ValueInfoProto] = []

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


# Parts of transformers


def split_heads(b: Builder, x: str, source: str, heads: int, depth: int, tokens: int) -> str:
    """B × S × (heads · depth) -> B × heads × S × depth."""
    sizes = (b.size(source, 0), b.size(source, 1)) if b.free else (2, tokens)
    return b.node("Transpose", b.reshape(x, *sizes, heads, depth), perm=[0, 2, 1, 3])


def join_heads(b: Builder, x: str, source: str, width: int, tokens: int) -> str:
    sizes = (b.size(source, 0), b.size(source, 1)) if b.free else (2, tokens)
    return b.reshape(b.node("Transpose", x, perm=[0, 2, 1, 3]), *sizes, width)


def attention(
    b: Builder, x: str, name: str, width: int, heads: int, depth: int, tokens: int
) -> str:
    q, k, v = (
        split_heads(b, b.linear(x, f"{name}.{p}", width, heads * depth), x, heads, depth, tokens)
        for p in "qkv"
    )
    scores = b.node("MatMul", q, b.node("Transpose", k, perm=[0, 1, 3, 2]))
    scores = b.node("Softmax", b.node("Div", scores, b.constant(depth**0.5)), axis=-1)
    y = join_heads(b, b.node("MatMul", scores, v), x, heads * depth, tokens)
    return b.linear(y, f"{name}.o", heads * depth, width)


def mlp(b: Builder, x: str, name: str, width: int, hidden: int) -> str:
    return b.linear(b.gelu(b.linear(x, f"{name}.up", width, hidden)), f"{name}.down", hidden, width)


def vit(free: bool) -> onnx.ModelProto:
    b, width = Builder(free), 48
    x = b.input("x", ["batch" if free else 2, 3, 32, 32])
    y = b.conv(x, "patch", 3, width, 8, strides=[8, 8], pads=[0] * 4)
    batch = b.size(x, 0) if free else 2
    y = b.node("Transpose", b.reshape(y, batch, width, 16), perm=[0, 2, 1])
    token = b.weight("token", 1, 1, width, scale=0.5)
    if free:
        zero = b.ints(0)
        shape = b.node("Concat", b.node("Unsqueeze", batch, zero), b.ints(1, width), axis=0)
        token = b.node("Expand", token, shape)
    else:
        token = b.node("Expand", token, b.ints(2, 1, width))
    y = b.node("Concat", token, y, axis=1)
    y = b.node("Add", y, b.weight("position", 1, 17, width, scale=0.1))
    for i in range(2):
        y = b.node(
            "Add", y, attention(b, b.layer_norm(y, f"{i}.n1", width), f"{i}", width, 3, 16, 17)
        )
        y = b.node("Add", y, mlp(b, b.layer_norm(y, f"{i}.n2", width), f"{i}.mlp", width, 96))
    y = b.layer_norm(y, "norm", width)
    y = b.node("Gather", y, b.constant(0, np.int64), axis=1)
    b.output(b.linear(y, "head", width, 10), "y")
    return b.finish()


def bert(free: bool) -> onnx.ModelProto:
    b, width = Builder(free), 64
    ids = b.input("ids", ["batch" if free else 2, "tokens" if free else 6], TensorProto.INT64)
    mask = b.input("mask", ["batch" if free else 2, "tokens" if free else 6])
    y = b.node("Gather", b.weight("words", 50, width, scale=0.5), ids)
    y = b.layer_norm(y, "norm", width)
    one = b.ints(1, 2)
    masked = b.node("Mul", b.node("Sub", b.constant(1.0), b.node("Unsqueeze", mask, one)),
                    b.constant(-1e4))  # fmt: skip
    for i in range(2):
        heads, depth = 4, 16
        q, k, v = (
            split_heads(b, b.linear(y, f"{i}.{p}", width, width), y, heads, depth, 6) for p in "qkv"
        )
        scores = b.node("MatMul", q, b.node("Transpose", k, perm=[0, 1, 3, 2]))
        scores = b.node("Add", b.node("Mul", scores, b.constant(0.25)), masked)
        context = b.node("MatMul", b.node("Softmax", scores, axis=-1), v)
        context = join_heads(b, context, y, width, 6)
        y = b.layer_norm(
            b.node("Add", y, b.linear(context, f"{i}.o", width, width)), f"{i}.n1", width
        )
        y = b.layer_norm(b.node("Add", y, mlp(b, y, f"{i}.mlp", width, 128)), f"{i}.n2", width)
    b.output(b.linear(y, "head", width, 9), "y")
    return b.finish()


def rotate(b: Builder, x: str, cos: str, sin: str, depth: int) -> str:
    """Halves of features, rotated against each other."""
    half, end = b.ints(depth // 2), b.ints(2**62)
    first = b.node("Slice", x, b.ints(0), half, b.ints(3))
    second = b.node("Slice", x, half, end, b.ints(3))
    turned = b.node("Concat", b.node("Neg", second), first, axis=-1)
    return b.node("Add", b.node("Mul", x, cos), b.node("Mul", turned, sin))


def llama(free: bool) -> onnx.ModelProto:
    b, width, heads, groups, depth, tokens = Builder(free), 64, 4, 2, 16, 6
    ids = b.input("ids", ["batch" if free else 2, "tokens" if free else tokens], TensorProto.INT64)
    table = np.arange(32)[:, None] / 100 ** (np.arange(0, depth, 2) / depth)
    angles = np.concatenate([table, table], axis=1)
    y = b.node("Gather", b.weight("words", 50, width, scale=0.5), ids)
    count = b.node("Unsqueeze", b.size(ids, 1), b.ints(0)) if free else b.ints(tokens)
    tables = []
    for f in (np.cos, np.sin):
        rows = b.node("Slice", b.constant(f(angles)), b.ints(0), count, b.ints(0))
        tables.append(b.node("Unsqueeze", rows, b.ints(0, 1)))
    for i in range(2):
        x = b.rms_norm(y, f"{i}.n1", width)
        q = split_heads(
            b, b.linear(x, f"{i}.q", width, heads * depth, False), x, heads, depth, tokens
        )
        k, v = (
            split_heads(
                b, b.linear(x, f"{i}.{p}", width, groups * depth, False), x, groups, depth, tokens
            )
            for p in "kv"
        )
        q, k = (rotate(b, t, *tables, depth) for t in (q, k))
        # Every key-value head serves several queries.
        repeated = []
        for t in (k, v):
            t = b.node("Unsqueeze", t, b.ints(2))
            sizes = (b.size(x, 0), b.size(x, 1)) if free else (2, tokens)
            if free:
                zero = b.ints(0)
                shape = b.node(
                    "Concat", b.node("Unsqueeze", sizes[0], zero), b.ints(groups, heads // groups),
                    b.node("Unsqueeze", sizes[1], zero), b.ints(depth), axis=0
                )  # fmt: skip
            else:
                shape = b.ints(2, groups, heads // groups, tokens, depth)
            t = b.node("Expand", t, shape)
            repeated.append(b.reshape(t, sizes[0], heads, sizes[1], depth))
        scores = b.node("MatMul", q, b.node("Transpose", repeated[0], perm=[0, 1, 3, 2]))
        scores = b.node("Softmax", b.node("Mul", scores, b.constant(0.25)), axis=-1)
        context = join_heads(b, b.node("MatMul", scores, repeated[1]), x, heads * depth, tokens)
        y = b.node("Add", y, b.linear(context, f"{i}.o", heads * depth, width, False))
        x = b.rms_norm(y, f"{i}.n2", width)
        gate = b.silu(b.linear(x, f"{i}.gate", width, 96, False))
        up = b.node("Mul", gate, b.linear(x, f"{i}.up", width, 96, False))
        y = b.node("Add", y, b.linear(up, f"{i}.down", 96, width, False))
    b.output(b.linear(b.rms_norm(y, "norm", width), "head", width, 50, False), "y")
    return b.finish()


def gpt2(free: bool) -> onnx.ModelProto:
    """Queries, keys and values from one matrix, and a cache of keys and values."""
    b, width, heads, depth, tokens = Builder(free), 64, 4, 16, 3
    batch: Dim = "batch" if free else 2
    ids = b.input("ids", [batch, "tokens" if free else tokens], TensorProto.INT64)
    y = b.node("Gather", b.weight("words", 50, width, scale=0.5), ids)
    for i in range(2):
        past = [
            b.input(f"past.{i}.{p}", [batch, heads, "past" if free else 5, depth]) for p in "kv"
        ]
        x = b.layer_norm(y, f"{i}.n1", width)
        joined = b.linear(x, f"{i}.qkv", width, 3 * width)
        q, k, v = (
            split_heads(b, part, x, heads, depth, tokens)
            for part in b.node("Split", joined, b.ints(width, width, width), outputs=3, axis=2)
        )
        k, v = (b.node("Concat", old, new, axis=2) for old, new in zip(past, (k, v), strict=True))
        scores = b.node("MatMul", q, b.node("Transpose", k, perm=[0, 1, 3, 2]))
        scores = b.node("Softmax", b.node("Div", scores, b.constant(4.0)), axis=-1)
        context = join_heads(b, b.node("MatMul", scores, v), x, width, tokens)
        y = b.node("Add", y, b.linear(context, f"{i}.o", width, width))
        y = b.node("Add", y, mlp(b, b.layer_norm(y, f"{i}.n2", width), f"{i}.mlp", width, 128))
    b.output(b.linear(b.layer_norm(y, "norm", width), "head", width, 50, False), "y")
    return b.finish()


# Convolutional networks


def image(b: Builder, size: int) -> str:
    if b.free:
        return b.input("x", ["batch", 3, "height", "width"])
    return b.input("x", [2, 3, size, size])


def squeeze_excite(b: Builder, x: str, name: str, width: int, inner: int, gate: str) -> str:
    y = b.node("GlobalAveragePool", x)
    y = b.node("Relu", b.conv(y, f"{name}.down", width, inner))
    return b.node("Mul", x, b.node(gate, b.conv(y, f"{name}.up", inner, width)))


def inverted(b: Builder, x: str, name: str, width: int, out: int, inner: int, kernel: int,
             stride: int, activation: Callable[[str], str], gate: str) -> str:  # fmt: skip
    y = activation(b.batch_norm(b.conv(x, f"{name}.expand", width, inner, bias=False),
                                f"{name}.bn1", inner))  # fmt: skip
    y = b.conv(y, f"{name}.depth", inner, inner, kernel, bias=False, group=inner,
               strides=[stride] * 2)  # fmt: skip
    y = activation(b.batch_norm(y, f"{name}.bn2", inner))
    if gate:
        y = squeeze_excite(b, y, f"{name}.se", inner, 8, gate)
    y = b.batch_norm(b.conv(y, f"{name}.project", inner, out, bias=False), f"{name}.bn3", out)
    return b.node("Add", x, y) if stride == 1 and width == out else y


def mobilenet(free: bool) -> onnx.ModelProto:
    b = Builder(free)
    swish = lambda t: b.node("HardSwish", t)  # noqa: E731
    relu = lambda t: b.node("Relu", t)  # noqa: E731
    y = swish(b.batch_norm(b.conv(image(b, 32), "stem", 3, 16, 3, False, strides=[2, 2]), "bn", 16))
    y = inverted(b, y, "a", 16, 16, 16, 3, 2, relu, "HardSigmoid")
    y = inverted(b, y, "b", 16, 24, 72, 3, 1, relu, "")
    y = inverted(b, y, "c", 24, 24, 88, 5, 1, swish, "HardSigmoid")
    y = swish(b.conv(y, "last", 24, 64))
    y = b.node("Flatten", b.node("GlobalAveragePool", y))
    y = b.node("HardSwish", b.linear(y, "hidden", 64, 80))
    b.output(b.linear(y, "head", 80, 10), "y")
    return b.finish()


def efficientnet(free: bool) -> onnx.ModelProto:
    b = Builder(free)
    y = b.silu(
        b.batch_norm(b.conv(image(b, 32), "stem", 3, 16, 3, False, strides=[2, 2]), "bn", 16)
    )
    y = inverted(b, y, "a", 16, 24, 64, 3, 2, b.silu, "Sigmoid")
    y = inverted(b, y, "b", 24, 24, 96, 5, 1, b.silu, "Sigmoid")
    y = b.silu(b.batch_norm(b.conv(y, "last", 24, 80, bias=False), "bn2", 80))
    y = b.node("ReduceMean", y, b.ints(2, 3), keepdims=0)
    b.output(b.linear(y, "head", 80, 10), "y")
    return b.finish()


def resnext(free: bool) -> onnx.ModelProto:
    b, width = Builder(free), 32
    y = b.node("Relu", b.conv(image(b, 16), "stem", 3, width, 3))
    for i in range(2):
        x = b.node("Relu", b.batch_norm(b.conv(y, f"{i}.a", width, 32, bias=False), f"{i}.bn1", 32))
        x = b.conv(x, f"{i}.b", 32, 32, 3, bias=False, group=4)
        x = b.node("Relu", b.batch_norm(x, f"{i}.bn2", 32))
        x = b.batch_norm(b.conv(x, f"{i}.c", 32, width, bias=False), f"{i}.bn3", width)
        y = b.node("Relu", b.node("Add", x, y))
    y = b.node("Flatten", b.node("GlobalAveragePool", y))
    b.output(b.linear(y, "head", width, 10), "y")
    return b.finish()


def shufflenet_v2(free: bool) -> onnx.ModelProto:
    b, width = Builder(free), 32
    y = b.node("Relu", b.conv(image(b, 16), "stem", 3, width, 3))
    for i in range(2):
        left, right = b.node("Split", y, b.ints(16, 16), outputs=2, axis=1)
        right = b.node("Relu", b.conv(right, f"{i}.a", 16, 16))
        right = b.conv(right, f"{i}.b", 16, 16, 3, group=16)
        right = b.node("Relu", b.conv(right, f"{i}.c", 16, 16))
        y = b.node("Concat", left, right, axis=1)
        sizes = [b.size(y, axis) for axis in (0, 2, 3)] if free else [2, 16, 16]
        y = b.reshape(y, sizes[0], 2, 16, sizes[1], sizes[2])
        y = b.node("Transpose", y, perm=[0, 2, 1, 3, 4])
        y = b.reshape(y, sizes[0], width, sizes[1], sizes[2])
    y = b.node("Flatten", b.node("GlobalAveragePool", y))
    b.output(b.linear(y, "head", width, 10), "y")
    return b.finish()


def unet(free: bool) -> onnx.ModelProto:
    b = Builder(free)
    levels, y, width = [], image(b, 16), 3
    for i, out in enumerate((16, 24)):
        y = b.node("Relu", b.conv(y, f"down{i}", width, out, 3))
        levels.append((y, out))
        y, width = b.node("MaxPool", y, kernel_shape=[2, 2], strides=[2, 2]), out
    y, width = b.node("Relu", b.conv(y, "middle", 24, 32, 3)), 32
    for i, (skip, out) in reversed(list(enumerate(levels))):
        weight = b.weight(f"up{i}.weight", width, out, 2, 2)
        y = b.node("ConvTranspose", y, weight, b.weight(f"up{i}.bias", out), strides=[2, 2])
        y = b.node("Concat", skip, y, axis=1)
        y, width = b.node("Relu", b.conv(y, f"merge{i}", 2 * out, out, 3)), out
    b.output(b.conv(y, "head", 16, 2), "y")
    return b.finish()


def group_norm(b: Builder, x: str, name: str, width: int, groups: int, size: int) -> str:
    """As exporters write it for old opsets."""
    y = b.reshape(x, b.size(x, 0), groups, -1) if b.free else b.reshape(x, 2, groups, -1)
    ones, zeros = b.constant(np.ones(groups)), b.constant(np.zeros(groups))
    y = b.node("InstanceNormalization", y, ones, zeros)
    sizes = [b.size(x, axis) for axis in (0, 2, 3)] if b.free else [2, size, size]
    y = b.reshape(y, sizes[0], width, *sizes[1:])
    y = b.node("Mul", y, b.weight(f"{name}.scale", width, 1, 1, around=1, scale=0.1))
    return b.node("Add", y, b.weight(f"{name}.shift", width, 1, 1, scale=0.1))


def group_normed(free: bool) -> onnx.ModelProto:
    b = Builder(free)
    y = b.conv(image(b, 8), "stem", 3, 16, 3)
    y = b.node("Relu", group_norm(b, y, "norm", 16, 4, 8))
    y = b.node("Relu", b.conv(y, "mid", 16, 16, 3))
    b.output(b.conv(y, "head", 16, 2), "y")
    return b.finish()


def convnext(free: bool) -> onnx.ModelProto:
    b, width = Builder(free), 24
    y = b.conv(image(b, 16), "stem", 3, width, 4, strides=[4, 4], pads=[0] * 4)
    for i in range(2):
        x = b.conv(y, f"{i}.depth", width, width, 7, group=width)
        x = b.node("Transpose", x, perm=[0, 2, 3, 1])
        x = mlp(b, b.layer_norm(x, f"{i}.norm", width), f"{i}.mlp", width, 96)
        x = b.node("Mul", x, b.weight(f"{i}.gamma", width, around=0.5, scale=0.1))
        y = b.node("Add", y, b.node("Transpose", x, perm=[0, 3, 1, 2]))
    y = b.node("ReduceMean", y, b.ints(2, 3), keepdims=0)
    b.output(b.linear(b.layer_norm(y, "norm", width), "head", width, 10), "y")
    return b.finish()


# Sequences


def recurrent_tagger(free: bool, op: str, gates: int) -> onnx.ModelProto:
    b, width, hidden = Builder(free), 24, 20
    ids = b.input("ids", ["tokens" if free else 5, "batch" if free else 2], TensorProto.INT64)
    y = b.node("Gather", b.weight("words", 30, width, scale=0.5), ids)
    for i in range(2):
        inner = width if i == 0 else 2 * hidden
        w = b.weight(f"{i}.w", 2, gates * hidden, inner, scale=0.3)
        r = b.weight(f"{i}.r", 2, gates * hidden, hidden, scale=0.3)
        bias = b.weight(f"{i}.b", 2, 2 * gates * hidden, scale=0.1)
        y, *_ = b.node(op, y, w, r, bias, outputs=2, hidden_size=hidden, direction="bidirectional")
        y = b.node("Transpose", y, perm=[0, 2, 1, 3])
        y = b.node("Reshape", y, b.ints(0, 0, -1))
    b.output(b.linear(y, "head", 2 * hidden, 7), "y")
    return b.finish()


def lstm_tagger(free: bool) -> onnx.ModelProto:
    return recurrent_tagger(free, "LSTM", 4)


def gru_tagger(free: bool) -> onnx.ModelProto:
    return recurrent_tagger(free, "GRU", 3)


def scan_rnn(free: bool) -> onnx.ModelProto:
    """h = tanh(x W + h R), written as a loop over the sequence."""
    b, width, hidden = Builder(free), 12, 16
    x = b.input("x", ["tokens" if free else 5, 2, width])
    w, r = b.weight("w", width, hidden, scale=0.3), b.weight("r", hidden, hidden, scale=0.3)
    info = helper.make_tensor_value_info
    body = helper.make_graph(
        [
            helper.make_node("MatMul", ["xt", w], ["xw"]),
            helper.make_node("MatMul", ["h", r], ["hr"]),
            helper.make_node("Add", ["xw", "hr"], ["sum"]),
            helper.make_node("Tanh", ["sum"], ["next"]),
            helper.make_node("Identity", ["next"], ["yt"]),
        ],
        "body",
        [info("h", TensorProto.FLOAT, [2, hidden]), info("xt", TensorProto.FLOAT, [2, width])],
        [info("next", TensorProto.FLOAT, [2, hidden]), info("yt", TensorProto.FLOAT, [2, hidden])],
    )
    start = b.node("MatMul", b.input("h0", [2, 6]), b.weight("start", 6, hidden))
    _, y = b.node("Scan", start, x, outputs=2, num_scan_inputs=1, body=body)
    b.output(b.linear(y, "head", hidden, 5), "y")
    return b.finish()


def tcn(free: bool) -> onnx.ModelProto:
    """Dilated causal convolutions over time."""
    b, width = Builder(free), 16
    y = b.input("x", ["batch" if free else 2, 8, "time" if free else 20])
    inner = 8
    for i in range(3):
        pads = [0, 0, 2**i * 2, 0, 0, 0]
        padded = b.node("Pad", y, b.ints(*pads))
        weight = b.weight(f"{i}.weight", width, inner, 3)
        z = b.node(
            "Conv", padded, weight, b.weight(f"{i}.bias", width, scale=0.1), dilations=[2**i]
        )
        z = b.node("Relu", z)
        if inner != width:
            y = b.node("Conv", y, b.weight(f"{i}.skip", width, inner, 1))
        y, inner = b.node("Add", y, z), width
    b.output(b.node("Conv", y, b.weight("head", 4, width, 1)), "y")
    return b.finish()


def wavenet(free: bool) -> onnx.ModelProto:
    """Gated activations with residual and skip connections."""
    b, width, skips = Builder(free), 16, 12
    x = b.input("x", ["batch" if free else 2, 1, "time" if free else 24])
    y = b.node("Conv", x, b.weight("stem", width, 1, 1))
    total = ""
    for i in range(2):
        d = 2**i
        bias = b.weight(f"{i}.bias", 2 * width, scale=0.1)
        weight = b.weight(f"{i}.weight", 2 * width, width, 3)
        both = b.node("Conv", y, weight, bias, dilations=[d], pads=[d, d])
        f, g = b.node("Split", both, b.ints(width, width), outputs=2, axis=1)
        z = b.node("Mul", b.node("Tanh", f), b.node("Sigmoid", g))
        skip = b.node("Conv", z, b.weight(f"{i}.skip", skips, width, 1))
        total = b.node("Add", total, skip) if total else skip
        if i == 0:
            y = b.node("Add", y, b.node("Conv", z, b.weight(f"{i}.back", width, width, 1)))
    b.output(b.node("Conv", b.node("Relu", total), b.weight("head", 5, skips, 1)), "y")
    return b.finish()


def wav2vec(free: bool) -> onnx.ModelProto:
    """Strided convolutions, a grouped positional one, and a transformer layer."""
    b, width = Builder(free), 32
    x = b.input("x", ["batch" if free else 2, 1, "time" if free else 64])
    y = b.node("Conv", x, b.weight("c0", 24, 1, 5), strides=[4])
    y = b.gelu(y)
    y = b.gelu(b.node("Conv", y, b.weight("c1", width, 24, 3), strides=[2]))
    position = b.node("Conv", y, b.weight("position", width, width // 4, 3), group=4, pads=[1, 1])
    y = b.node("Transpose", b.node("Add", y, b.gelu(position)), perm=[0, 2, 1])
    tokens = 7
    y = b.node("Add", y, attention(b, b.layer_norm(y, "n1", width), "0", width, 4, 8, tokens))
    y = b.node("Add", y, mlp(b, b.layer_norm(y, "n2", width), "mlp", width, 64))
    b.output(b.linear(y, "head", width, 6), "y")
    return b.finish()


# Others


def experts(free: bool) -> onnx.ModelProto:
    """A mixture of experts, all of which run: the router weighs what they say."""
    b, width, count, hidden = Builder(free), 16, 4, 24
    x = b.input("x", ["batch" if free else 3, width])
    y = b.linear(x, "stem", width, width)
    weights = b.node("Softmax", b.linear(y, "router", width, count), axis=-1)
    up = b.node(
        "Einsum", y, b.weight("up", count, width, hidden, scale=0.3), equation="bi,eih->beh"
    )
    up = b.node("Relu", up)
    down = b.node("Einsum", up, b.weight("down", count, hidden, width, scale=0.3),
                  equation="beh,eho->beo")  # fmt: skip
    y = b.node("Einsum", weights, down, equation="be,beo->bo")
    b.output(b.linear(y, "head", width, 3), "y")
    return b.finish()


def linear_attention(free: bool) -> onnx.ModelProto:
    b, width, depth, tokens = Builder(free), 16, 12, 5
    x = b.input("x", ["batch" if free else 2, "tokens" if free else tokens, width])
    q, k = (
        b.node("Add", b.node("Elu", b.linear(x, p, width, depth)), b.constant(1.0)) for p in "qk"
    )
    v = b.linear(x, "v", width, width)
    state = b.node("MatMul", b.node("Transpose", k, perm=[0, 2, 1]), v)
    y = b.node("MatMul", q, state)
    b.output(b.linear(y, "head", width, 3), "y")
    return b.finish()


def tied_autoencoder(free: bool) -> onnx.ModelProto:
    b = Builder(free)
    x = b.input("x", ["batch" if free else 2, 20])
    w1, w2 = b.weight("w1", 20, 16), b.weight("w2", 16, 8)
    h = b.node("Tanh", b.node("MatMul", x, w1))
    z = b.node("Tanh", b.node("MatMul", h, w2))
    h = b.node("Tanh", b.node("MatMul", z, b.node("Transpose", w2, perm=[1, 0])))
    b.output(b.node("MatMul", h, b.node("Transpose", w1, perm=[1, 0])), "y")
    return b.finish()


ARCHITECTURES: dict[str, Callable[[bool], onnx.ModelProto]] = {
    f.__name__: f
    for f in (
        vit, bert, gpt2, llama, mobilenet, efficientnet, resnext, shufflenet_v2, unet, convnext,
        group_normed, lstm_tagger, gru_tagger, scan_rnn, tcn, wavenet, wav2vec, experts,
        linear_attention, tied_autoencoder,
    )
}  # fmt: skip


# By pattern of weight names: the axes that hold units, and how many units that are (0: as
# many as places). Axes that are not listed are those of inputs, outputs, kernels and
# vocabularies. The first pattern that fits counts.
Axes = dict[int, int]
STREAM_NORM: dict[str, Axes] = {"*.scale": {0: 0}, "*.shift": {0: 0}}
MLP: dict[str, Axes] = {
    "*mlp.up.weight": {0: 0, 1: 0}, "*mlp.down.weight": {0: 0, 1: 0},
    "*mlp.up.bias": {0: 0}, "*mlp.down.bias": {0: 0},
}  # fmt: skip


def heads(count: int) -> dict[str, Axes]:
    """Whole heads go, between streams whose features go."""
    return {
        "?.[qkv].weight": {0: 0, 1: count}, "?.[qkv].bias": {0: count},
        "?.o.weight": {0: count, 1: 0}, "?.o.bias": {0: 0},
    }  # fmt: skip


INVERTED: dict[str, Axes] = {
    "*.depth.weight": {0: 0}, "*.se.*.weight": {0: 0, 1: 0}, "*.bias": {0: 0},
    "*.expand.weight": {0: 0, 1: 0}, "*.project.weight": {0: 0, 1: 0}, "bn*.*": {0: 0},
    "*.bn?.*": {0: 0}, "stem.weight": {0: 0}, "last.weight": {0: 0, 1: 0},
}  # fmt: skip
RECURRENT: dict[str, Axes] = {
    "words": {1: 0}, "0.w": {1: 20, 2: 0}, "1.w": {1: 20, 2: 20}, "?.r": {1: 20, 2: 0},
    "?.b": {1: 20}, "head.weight": {0: 20},
}  # fmt: skip
UNITS: dict[str, dict[str, Axes]] = {
    "vit": {"patch.*": {0: 0}, "token": {2: 0}, "position": {2: 0}, "head.weight": {0: 0},
            **STREAM_NORM, **MLP, **heads(3)},
    "bert": {"words": {1: 0}, "head.weight": {0: 0}, **STREAM_NORM, **MLP, **heads(4)},
    # Keys and values of the past are inputs, so that heads stay.
    "gpt2": {"words": {1: 0}, "head.weight": {0: 0}, "?.qkv.weight": {0: 0}, "?.o.weight": {1: 0},
             "?.o.bias": {0: 0}, **STREAM_NORM, **MLP},
    "llama": {"words": {1: 0}, "head.weight": {0: 0}, "?.gate.weight": {0: 0, 1: 0},
              "?.up.weight": {0: 0, 1: 0}, "?.down.weight": {0: 0, 1: 0}, **STREAM_NORM,
              # A key-value head goes with its queries.
              **heads(2)},
    "mobilenet": {"hidden.weight": {0: 0, 1: 0}, "hidden.bias": {0: 0}, "head.weight": {0: 0},
                  "head.bias": {}, "last.bias": {0: 0}, **INVERTED},
    "efficientnet": {"head.weight": {0: 0}, "head.bias": {}, **INVERTED},
    "resnext": {"stem.weight": {0: 0}, "?.a.weight": {0: 0, 1: 0}, "?.b.weight": {0: 0, 1: 0},
                "?.c.weight": {0: 0, 1: 0}, "head.weight": {0: 0}, "head.bias": {},
                "*.bn?.*": {0: 0}, "stem.bias": {0: 0}},
    "unet": {"down0.weight": {0: 0}, "down1.weight": {0: 0, 1: 0}, "middle.weight": {0: 0, 1: 0},
             "up?.weight": {0: 0, 1: 0}, "merge?.weight": {0: 0, 1: 0}, "head.weight": {1: 0},
             "head.bias": {}, "*.bias": {0: 0}},
    "convnext": {"stem.*": {0: 0}, "?.depth.*": {0: 0}, "?.gamma": {0: 0}, "head.weight": {0: 0},
                 **STREAM_NORM, **MLP},
    "group_normed": {"stem.*": {0: 4}, "norm.*": {0: 4}, "mid.weight": {0: 0, 1: 4},
                     "mid.bias": {0: 0}, "head.weight": {1: 0}},
    "lstm_tagger": RECURRENT,
    "gru_tagger": RECURRENT,
    "scan_rnn": {"w": {1: 0}, "r": {0: 0, 1: 0}, "start": {1: 0}, "head.weight": {0: 0}},
    "tcn": {"0.weight": {0: 0}, "?.weight": {0: 0, 1: 0}, "?.bias": {0: 0}, "0.skip": {0: 0},
            "head": {1: 0}},
    "wavenet": {"stem": {0: 0}, "?.weight": {0: 16, 1: 0}, "?.bias": {0: 16},
                "?.skip": {0: 0, 1: 0}, "?.back": {0: 0, 1: 0}, "head": {1: 0}},
    "wav2vec": {"c0": {0: 0}, "c1": {0: 0, 1: 0}, "position": {0: 0, 1: 0}, "head.weight": {0: 0},
                **STREAM_NORM, **MLP, **heads(4)},
    "experts": {"stem.weight": {1: 0}, "stem.bias": {0: 0}, "router.weight": {0: 0},
                "up": {1: 0, 2: 0}, "down": {1: 0, 2: 0}, "head.weight": {0: 0}},
    "linear_attention": {"[qkv].weight": {1: 0}, "[qkv].bias": {0: 0}, "head.weight": {0: 0}},
    "tied_autoencoder": {"w1": {1: 0}, "w2": {0: 0, 1: 0}},
    "shufflenet_v2": {"stem.weight": {0: 0}, "?.[ac].weight": {0: 0, 1: 0}, "?.b.weight": {0: 0},
                      "head.weight": {0: 0}, "head.bias": {}, "*.bias": {0: 0}},
}  # fmt: skip
