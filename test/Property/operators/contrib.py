"""Operators that ONNX Runtime adds to the standard."""

from __future__ import annotations

from typing import Any

import numpy as np

from Property.operators.drawing import Draw, Node, form

F = np.float32


@form("com.microsoft.Gelu", "com.microsoft.QuickGelu")
def activation(d: Draw) -> Node:
    return Node([d.array(F, d.shape(1, 3))])


@form("com.microsoft.BiasGelu")
def bias_gelu(d: Draw) -> Node:
    shape = d.shape(1, 3)
    return Node([d.array(F, shape), d.array(F, shape[-1:])])


@form("com.microsoft.FastGelu")
def fast_gelu(d: Draw) -> Node:
    shape = d.shape(1, 3)
    operands: list[np.ndarray | None] = [d.array(F, shape)]
    if d.chance():
        operands.append(d.array(F, shape[-1:]))
    return Node(operands)


@form("com.microsoft.FusedMatMul")
def fused_matmul(d: Draw) -> Node:
    m, k, n = (d.number(1, 5) for _ in range(3))
    batch = d.shape(0, 1)
    a, b = d.number(0, 1), d.number(0, 1)
    attributes: dict[str, Any] = {"transA": a, "transB": b}
    if d.chance():
        attributes["alpha"] = float(d.rng.uniform(-2, 2))
    return Node(
        [
            d.array(F, [*batch, *([k, m] if a else [m, k])]),
            d.array(F, [*batch, *([n, k] if b else [k, n])]),
        ],
        attributes,
    )


@form("com.microsoft.FusedConv")
def fused_conv(d: Draw) -> Node:
    channels, outputs = d.number(1, 3), d.number(1, 3)
    kernel = [d.number(1, 3) for _ in range(2)]
    sizes = [k + d.number(0, 4) for k in kernel]
    images = d.number(1, 2)
    operands: list[np.ndarray | None] = [
        d.array(F, [images, channels, *sizes]),
        d.array(F, [outputs, channels, *kernel]),
        d.array(F, [outputs]),
    ]
    if d.chance():
        out = [n - k + 1 for n, k in zip(sizes, kernel, strict=True)]
        operands.append(d.array(F, [images, outputs, *out]))
    name, parameters = d.pick(
        [
            ("Relu", []),
            ("Sigmoid", []),
            ("Tanh", []),
            ("LeakyRelu", [0.2]),
            ("Clip", [-1.0, 2.0]),
            ("HardSigmoid", [0.3, 0.4]),
        ]
    )
    attributes: dict[str, Any] = {"kernel_shape": kernel, "activation": name}
    if parameters:
        attributes["activation_params"] = parameters
    return Node(operands, attributes)


@form("com.microsoft.SkipLayerNormalization")
def skip_layer_norm(d: Draw) -> Node:
    shape = [d.number(1, 2), d.number(1, 4), d.number(1, 8)]
    operands: list[np.ndarray | None] = [
        d.array(F, shape),
        d.array(F, shape),
        d.array(F, shape[-1:]),
    ]
    if d.chance():
        operands.append(d.array(F, shape[-1:]))
        if d.chance():
            operands.append(d.array(F, shape[-1:]))
    return Node(operands, {"epsilon": 1e-5})


@form("com.microsoft.SkipSimplifiedLayerNormalization")
def skip_rms_norm(d: Draw) -> Node:
    shape = [d.number(1, 2), d.number(1, 4), d.number(1, 8)]
    operands: list[np.ndarray | None] = [
        d.array(F, shape),
        d.array(F, shape),
        d.array(F, shape[-1:]),
    ]
    if d.chance():
        operands.append(d.array(F, shape[-1:]))
    return Node(operands, {"epsilon": 1e-5})


@form("SimplifiedLayerNormalization")
def rms_norm(d: Draw) -> Node:
    shape = [d.number(1, 2), d.number(1, 4), d.number(1, 8)]
    return Node([d.array(F, shape), d.array(F, shape[-1:])], {"axis": -1, "epsilon": 1e-5})


@form("com.microsoft.RotaryEmbedding")
def rotary(d: Draw) -> Node:
    batch, heads, length, half = d.number(1, 2), d.number(1, 3), d.number(1, 4), d.number(1, 4)
    positions = length + d.number(0, 3)
    flat = d.chance()
    shape = [batch, length, heads * half * 2] if flat else [batch, heads, length, half * 2]
    ids = (
        np.array([d.number(0, positions - length)])
        if d.chance()
        else d.rng.integers(0, positions, [batch, length])
    )
    angles = d.rng.uniform(-3, 3, [positions, half])
    return Node(
        [
            d.array(F, shape),
            ids.astype(np.int64),
            np.cos(angles).astype(F),
            np.sin(angles).astype(F),
        ],
        {"interleaved": d.number(0, 1)},
        constants=(2, 3),
    )


@form("com.microsoft.MultiHeadAttention")
def multi_head_attention(d: Draw) -> Node:
    batch, heads, width = d.number(1, 2), d.number(1, 3), d.number(1, 4)
    queries, keys = d.number(1, 4), d.number(1, 5)
    size = heads * width
    operands: list[np.ndarray | None] = [
        d.array(F, [batch, queries, size], 1.0),
        d.array(F, [batch, keys, size], 1.0),
        d.array(F, [batch, keys, size], 1.0),
    ]
    attributes: dict[str, Any] = {"num_heads": heads}
    form_of = d.number(0, 3)
    if form_of == 1:
        operands.append(d.array(F, [3 * size]))
    if form_of == 2:
        mask = np.asarray(d.rng.random([batch, keys]) < 0.6, np.int32)
        mask[:, 0] = 1  # without any key the mean is of what the mask adds
        operands += [None, mask]
    if form_of == 3:
        operands += [None, None, d.array(F, [batch, heads, queries, keys])]
    if d.chance(0.3):
        attributes["scale"] = 0.7
    if d.chance(0.3):
        attributes["unidirectional"] = 1
        # Rows and columns are aligned at their start, or not: equal counts are both.
        if queries != keys:
            attributes.pop("unidirectional")
    return Node(operands, attributes)


@form("com.microsoft.Attention")
def attention(d: Draw) -> Node:
    batch, heads, width, length = d.number(1, 2), d.number(1, 3), d.number(1, 4), d.number(1, 5)
    size, inputs = heads * width, d.number(1, 6)
    operands: list[np.ndarray | None] = [
        d.array(F, [batch, length, inputs], 1.0),
        d.array(F, [inputs, 3 * size], 1.0),
        d.array(F, [3 * size]),
    ]
    attributes: dict[str, Any] = {"num_heads": heads}
    if d.chance(0.4):
        mask = np.asarray(d.rng.random([batch, length]) < 0.6, np.int32)
        mask[:, 0] = 1
        operands.append(mask)
    elif d.chance(0.4):
        attributes["unidirectional"] = 1
    return Node(operands, attributes, constants=(1, 2))


def quantized(d: Draw, shape: list[int]) -> list[np.ndarray | None]:
    """Numbers, their scale and their zero point."""
    return [
        np.asarray(d.rng.integers(0, 256, shape), np.uint8),
        np.array(d.rng.uniform(0.01, 0.1), F),
        np.array(d.number(0, 255), np.uint8),
    ]


@form("com.microsoft.QLinearAdd", "com.microsoft.QLinearMul")
def qlinear_binary(d: Draw) -> Node:
    shape = d.shape(1, 3)
    return Node(
        [*quantized(d, shape), *quantized(d, shape), *quantized(d, [])[1:]],
        constants=(1, 2, 4, 5, 6, 7),
    )


@form("com.microsoft.QLinearSigmoid", "com.microsoft.QLinearLeakyRelu")
def qlinear_unary(d: Draw) -> Node:
    return Node([*quantized(d, d.shape(1, 3)), *quantized(d, [])[1:]], constants=(1, 2, 3, 4))


@form("com.microsoft.QLinearGlobalAveragePool")
def qlinear_pool(d: Draw) -> Node:
    shape = [d.number(1, 2), d.number(1, 3), d.number(1, 4), d.number(1, 4)]
    return Node(
        [*quantized(d, shape), *quantized(d, [])[1:]], {"channels_last": 0}, constants=(1, 2, 3, 4)
    )


@form("com.microsoft.QLinearConcat")
def qlinear_concat(d: Draw) -> Node:
    shape = [d.number(1, 3), d.number(1, 3)]
    return Node(
        [*quantized(d, [])[1:], *quantized(d, shape), *quantized(d, shape)],
        {"axis": 0},
        constants=(0, 1, 3, 4, 6, 7),
    )
