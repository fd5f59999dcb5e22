"""Convolutional networks."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx

from .builder import Builder
from .transformers import mlp

Activation = Callable[[str], str]


def image(b: Builder, size: int) -> str:
    if b.free:
        return b.input("x", ["batch", 3, "height", "width"])
    return b.input("x", [2, 3, size, size])


def pool_and_classify(b: Builder, x: str, width: int) -> onnx.ModelProto:
    y = b.node("Flatten", b.node("GlobalAveragePool", x))
    b.output(b.linear(y, "head", width, b.pick(10, 1000)), "y")
    return b.finish()


def squeeze_excite(b: Builder, x: str, name: str, width: int, inner: int, gate: str) -> str:
    y = b.node("GlobalAveragePool", x)
    y = b.node("Relu", b.conv(y, f"{name}.down", width, inner))
    return b.node("Mul", x, b.node(gate, b.conv(y, f"{name}.up", inner, width)))


def inverted(b: Builder, x: str, name: str, width: int, out: int, inner: int, kernel: int,
             stride: int, activation: Activation, gate: str, squeezed: int = 8) -> str:  # fmt: skip
    y = b.conv(x, f"{name}.expand", width, inner, bias=False)
    y = activation(b.batch_norm(y, f"{name}.bn1", inner))
    y = b.conv(y, f"{name}.depth", inner, inner, kernel, bias=False, group=inner,
               strides=[stride] * 2)  # fmt: skip
    y = activation(b.batch_norm(y, f"{name}.bn2", inner))
    if gate:
        y = squeeze_excite(b, y, f"{name}.se", inner, squeezed, gate)
    y = b.batch_norm(b.conv(y, f"{name}.project", inner, out, bias=False), f"{name}.bn3", out)
    return b.node("Add", x, y) if stride == 1 and width == out else y


# Output channels, inner channels, kernel, stride, whether hard swish, whether squeezed.
MOBILENET_V3_LARGE = [
    (16, 16, 3, 1, 0, 0), (24, 64, 3, 2, 0, 0), (24, 72, 3, 1, 0, 0), (40, 72, 5, 2, 0, 1),
    (40, 120, 5, 1, 0, 1), (40, 120, 5, 1, 0, 1), (80, 240, 3, 2, 1, 0), (80, 200, 3, 1, 1, 0),
    (80, 184, 3, 1, 1, 0), (80, 184, 3, 1, 1, 0), (112, 480, 3, 1, 1, 1), (112, 672, 3, 1, 1, 1),
    (160, 672, 5, 2, 1, 1), (160, 960, 5, 1, 1, 1), (160, 960, 5, 1, 1, 1),
]  # fmt: skip
SMALL_MOBILENET = [(16, 16, 3, 2, 0, 1), (24, 72, 3, 1, 0, 0), (24, 88, 5, 1, 1, 1)]


def mobilenet(b: Builder) -> onnx.ModelProto:
    """MobileNetV3."""

    def swish(x: str) -> str:
        return b.node("HardSwish", x)

    def relu(x: str) -> str:
        return b.node("Relu", x)

    y = b.conv(image(b, 32), "stem", 3, 16, 3, False, strides=[2, 2])
    y, width = swish(b.batch_norm(y, "bn", 16)), 16
    for i, block in enumerate(b.pick(SMALL_MOBILENET, MOBILENET_V3_LARGE)):
        out, inner, kernel, stride, is_hard, is_squeezed = block
        f, gate = swish if is_hard else relu, "HardSigmoid" if is_squeezed else ""
        squeezed = b.pick(8, inner // 4)
        y = inverted(b, y, f"b{i}", width, out, inner, kernel, stride, f, gate, squeezed)
        width = out
    last, hidden = b.pick((64, 80), (960, 1280))
    y = swish(b.conv(y, "last", width, last))
    y = b.node("Flatten", b.node("GlobalAveragePool", y))
    y = b.node("HardSwish", b.linear(y, "hidden", last, hidden))
    b.output(b.linear(y, "head", hidden, b.pick(10, 1000)), "y")
    return b.finish()


# Output channels, how often wider inside, kernel, stride of the first, how many.
EFFICIENTNET_B0 = [
    (16, 1, 3, 1, 1), (24, 6, 3, 2, 2), (40, 6, 5, 2, 2), (80, 6, 3, 2, 3), (112, 6, 5, 1, 3),
    (192, 6, 5, 2, 4), (320, 6, 3, 1, 1),
]  # fmt: skip


def efficientnet(b: Builder) -> onnx.ModelProto:
    """EfficientNet-B0."""
    width = b.pick(16, 32)
    y = b.conv(image(b, 32), "stem", 3, width, 3, False, strides=[2, 2])
    y = b.silu(b.batch_norm(y, "bn", width))
    index = 0
    for out, times, kernel, stride, count in b.pick([(24, 4, 3, 2, 2)], EFFICIENTNET_B0):
        for i in range(count):
            y = inverted(b, y, f"b{index}", width, out, times * width, kernel,
                         stride if i == 0 else 1, b.silu, "Sigmoid", width // 4)  # fmt: skip
            width, index = out, index + 1
    last = b.pick(80, 1280)
    y = b.silu(b.batch_norm(b.conv(y, "last", width, last, bias=False), "bn2", last))
    y = b.node("ReduceMean", y, b.ints(2, 3), keepdims=0)
    b.output(b.linear(y, "head", last, b.pick(10, 1000)), "y")
    return b.finish()


def resnext(b: Builder) -> onnx.ModelProto:
    """ResNeXt-50, 32 × 4 channels."""
    width, groups = b.pick((32, 4), (64, 32))
    y = b.conv(image(b, 32), "stem", 3, width, 3, strides=[2] * 2)
    y = b.node("Relu", y)
    index = 0
    real = [(256, 128, 3), (512, 256, 4), (1024, 512, 6), (2048, 1024, 3)]
    for stage, (out, inner, count) in enumerate(b.pick([(32, 32, 2)], real)):
        for i in range(count):
            stride = 2 if stage > 0 and i == 0 else 1
            name, index = f"b{index}", index + 1
            x = b.conv(y, f"{name}.a", width, inner, bias=False)
            x = b.node("Relu", b.batch_norm(x, f"{name}.bn1", inner))
            x = b.conv(x, f"{name}.b", inner, inner, 3, False, groups, strides=[stride] * 2)
            x = b.node("Relu", b.batch_norm(x, f"{name}.bn2", inner))
            x = b.batch_norm(b.conv(x, f"{name}.c", inner, out, bias=False), f"{name}.bn3", out)
            if width != out:
                y = b.conv(y, f"{name}.skip", width, out, bias=False, strides=[stride] * 2)
                y = b.batch_norm(y, f"{name}.bn4", out)
            y, width = b.node("Relu", b.node("Add", x, y)), out
    return pool_and_classify(b, y, width)


def channel_shuffle(b: Builder, x: str, width: int, size: int) -> str:
    sizes = [b.size(x, axis) for axis in (0, 2, 3)] if b.free else [2, size, size]
    y = b.reshape(x, sizes[0], 2, width // 2, *sizes[1:])
    return b.reshape(b.node("Transpose", y, perm=[0, 2, 1, 3, 4]), sizes[0], width, *sizes[1:])


def shuffle_branch(b: Builder, x: str, name: str, width: int, out: int, stride: int) -> str:
    y = b.node("Relu", b.conv(x, f"{name}.a", width, out))
    y = b.conv(y, f"{name}.b", out, out, 3, group=out, strides=[stride] * 2)
    return b.node("Relu", b.conv(y, f"{name}.c", out, out))


def shufflenet_v2(b: Builder) -> onnx.ModelProto:
    """ShuffleNetV2 1.0×. The small one has no strides."""
    size, width = b.pick((16, 32), (64, 24))
    y = b.conv(image(b, size), "stem", 3, width, 3, strides=b.pick([1, 1], [2, 2]))
    y, size = b.node("Relu", y), b.pick(size, size // 2)
    index = 0
    for out, count in b.pick([(32, 2)], [(116, 4), (232, 8), (464, 4)]):
        half = out // 2
        for i in range(count):
            name, index = f"b{index}", index + 1
            if i == 0 and width != out:
                size //= 2
                left = b.conv(y, f"{name}.d", width, width, 3, group=width, strides=[2, 2])
                left = b.node("Relu", b.conv(left, f"{name}.e", width, half))
                right, stride = y, 2
            else:
                left, right = b.node("Split", y, b.ints(half, half), outputs=2, axis=1)
                width, stride = half, 1
            right = shuffle_branch(b, right, name, width, half, stride)
            y = channel_shuffle(b, b.node("Concat", left, right, axis=1), out, size)
            width = out
    if b.real:
        y, width = b.node("Relu", b.conv(y, "last", width, 1024)), 1024
    return pool_and_classify(b, y, width)


def unet(b: Builder) -> onnx.ModelProto:
    """Transposed convolutions upwards, and skips across."""
    levels, width = [], 3
    y = image(b, b.pick(16, 64))
    widths = b.pick([16, 24, 32], [32, 64, 128, 256, 512])
    for i, out in enumerate(widths[:-1]):
        y = b.node("Relu", b.conv(y, f"down{i}", width, out, 3))
        levels.append((y, out))
        y, width = b.node("MaxPool", y, kernel_shape=[2, 2], strides=[2, 2]), out
    y, width = b.node("Relu", b.conv(y, "middle", width, widths[-1], 3)), widths[-1]
    for i, (skip, out) in reversed(list(enumerate(levels))):
        weight = b.weight(f"up{i}.weight", width, out, 2, 2)
        y = b.node("ConvTranspose", y, weight, b.weight(f"up{i}.bias", out), strides=[2, 2])
        y = b.node("Concat", skip, y, axis=1)
        y, width = b.node("Relu", b.conv(y, f"merge{i}", 2 * out, out, 3)), out
    b.output(b.conv(y, "head", width, 2), "y")
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


def group_normed(b: Builder) -> onnx.ModelProto:
    width, groups = b.pick((16, 4), (128, 32))
    y = b.conv(image(b, 8), "stem", 3, width, 3)
    y = b.node("Relu", group_norm(b, y, "norm", width, groups, 8))
    y = b.node("Relu", b.conv(y, "mid", width, width, 3))
    b.output(b.conv(y, "head", width, 2), "y")
    return b.finish()


def convnext(b: Builder) -> onnx.ModelProto:
    """ConvNeXt-Tiny."""
    stages = b.pick([(24, 2)], [(96, 3), (192, 3), (384, 9), (768, 3)])
    width = stages[0][0]
    y = b.conv(image(b, b.pick(16, 64)), "stem", 3, width, 4, strides=[4, 4], pads=[0] * 4)
    index = 0
    for out, count in stages:
        if width != out:
            y = b.node("Transpose", y, perm=[0, 2, 3, 1])
            y = b.layer_norm(y, f"down{out}.norm", width)
            y = b.node("Transpose", y, perm=[0, 3, 1, 2])
            y = b.conv(y, f"down{out}", width, out, 2, strides=[2, 2], pads=[0] * 4)
            width = out
        for _ in range(count):
            name, index = f"b{index}", index + 1
            x = b.conv(y, f"{name}.depth", width, width, 7, group=width)
            x = b.node("Transpose", x, perm=[0, 2, 3, 1])
            x = mlp(b, b.layer_norm(x, f"{name}.norm", width), f"{name}.mlp", width, 4 * width)
            x = b.node("Mul", x, b.weight(f"{name}.gamma", width, around=0.5, scale=0.1))
            y = b.node("Add", y, b.node("Transpose", x, perm=[0, 3, 1, 2]))
    y = b.node("ReduceMean", y, b.ints(2, 3), keepdims=0)
    b.output(b.linear(b.layer_norm(y, "norm", width), "head", width, b.pick(10, 1000)), "y")
    return b.finish()


def tied_autoencoder(b: Builder) -> onnx.ModelProto:
    size, wide, narrow = b.pick((20, 16, 8), (784, 256, 64))
    x = b.input("x", ["batch" if b.free else 2, size])
    w1, w2 = b.weight("w1", size, wide), b.weight("w2", wide, narrow)
    h = b.node("Tanh", b.node("MatMul", x, w1))
    z = b.node("Tanh", b.node("MatMul", h, w2))
    h = b.node("Tanh", b.node("MatMul", z, b.node("Transpose", w2, perm=[1, 0])))
    b.output(b.node("MatMul", h, b.node("Transpose", w1, perm=[1, 0])), "y")
    return b.finish()
