"""Layers: contractions, pools, norms, resampling, sequence models, quantisation."""

from __future__ import annotations

from typing import Any

import numpy as np

from Property.operators.drawing import Draw, Node, form

# ===----------------------------------------------------------------------------------
# Contractions, pools, norms
# ===----------------------------------------------------------------------------------


@form("MatMul")
def matmul(d: Draw) -> Node:
    kind = d.pick(
        (np.float32, np.float64) if d.opset < 9 else (np.float32, np.float64, np.int32, np.int64)
    )
    m, k, n = (d.number(1, 5) for _ in range(3))
    batch = d.shape(0, 2)
    left = [k] if d.chance(0.2) else [*d.broadcast(batch), m, k]
    right = [k] if d.chance(0.2) else [*d.broadcast(batch), k, n]
    return Node([d.array(kind, left), d.array(kind, right)])


@form("Gemm")
def gemm(d: Draw) -> Node:
    kind = d.pick((np.float32, np.float64))
    m, k, n = (d.number(1, 5) for _ in range(3))
    a, b = d.number(0, 1), d.number(0, 1)
    attributes: dict[str, Any] = {"transA": a, "transB": b}
    for name in ("alpha", "beta"):
        if d.chance():
            attributes[name] = float(d.rng.uniform(-2, 2))
    operands = [d.array(kind, [k, m] if a else [m, k]), d.array(kind, [n, k] if b else [k, n])]
    if d.opset < 7:
        whole = d.chance()
        operands.append(d.array(kind, [m, n] if whole else [n]))
        attributes["broadcast"] = 0 if whole else 1
    elif d.opset < 11 or d.chance(0.7):
        operands.append(d.array(kind, d.broadcast([m, n]) or [1]))
    return Node(operands, attributes)


@form("Einsum")
def einsum(d: Draw) -> Node:
    sizes = {name: d.number(1, 4) for name in "abcd"}
    equation = d.pick(
        [
            "ab,bc->ac",
            "ab,bc",
            "abc->cab",
            "ab->",
            "ab,ab->a",
            "abc,acd->abd",
            "a,b->ab",
            "ba",
            "...a,ab->...b",
            "ab,b->ba",
        ]
    )
    operands = []
    for part in equation.split("->")[0].split(","):
        shape = [2, 3] if part.startswith("...") else []
        operands.append(d.array(np.float32, shape + [sizes[c] for c in part if c != "."]))
    return Node(operands, {"equation": equation})


def window(d: Draw, spatial: int, dilates: bool) -> tuple[dict[str, Any], list[int], list[int]]:
    """Attributes, kernel sizes, and input sizes that are long enough."""
    kernel = [d.number(1, 3) for _ in range(spatial)]
    attributes: dict[str, Any] = {}
    strides = [d.number(1, 3) for _ in range(spatial)]
    dilations = [d.number(1, 2) if dilates else 1 for _ in range(spatial)]
    if d.chance(0.7):
        attributes["strides"] = strides
    if dilates and d.chance():
        attributes["dilations"] = dilations
    else:
        dilations = [1] * spatial
    if d.chance(0.3):
        attributes["auto_pad"] = d.pick(["SAME_UPPER", "SAME_LOWER", "VALID"])
        if attributes["auto_pad"] != "VALID":
            attributes.pop("dilations", None)
            dilations = [1] * spatial
            # What lies between windows would be a negative padding, which ONNX Runtime
            # takes for some element types only.
            steps = [min(s, k) for s, k in zip(strides, kernel, strict=True)]
            attributes["strides"] = steps
    elif d.chance():
        attributes["pads"] = [d.number(0, k - 1) for k in kernel * 2]
    sizes = [(k - 1) * step + 1 + d.number(0, 4) for k, step in zip(kernel, dilations, strict=True)]
    return attributes, kernel, sizes


@form("Conv")
def conv(d: Draw) -> Node:
    spatial = d.number(1, 3)
    attributes, kernel, sizes = window(d, spatial, dilates=True)
    group = d.number(1, 3)
    channels, outputs = group * d.number(1, 2), group * d.number(1, 2)
    if group > 1 or d.chance():
        attributes["group"] = group
    if d.chance():
        attributes["kernel_shape"] = kernel
    kind = np.float32
    operands = [
        d.array(kind, [d.number(1, 2), channels, *sizes]),
        d.array(kind, [outputs, channels // group, *kernel]),
    ]
    if d.chance():
        operands.append(d.array(kind, [outputs]))
    return Node(operands, attributes)


@form("ConvTranspose")
def conv_transpose(d: Draw) -> Node:
    spatial = d.number(1, 3)
    attributes, kernel, sizes = window(d, spatial, dilates=True)
    attributes.pop("auto_pad", None)
    group = d.number(1, 2)
    channels, outputs = group * d.number(1, 2), d.number(1, 2)
    attributes["group"] = group
    attributes["kernel_shape"] = kernel
    strides = attributes.get("strides", [1] * spatial)
    if d.chance(0.3) and max(strides) > 1:
        attributes["output_padding"] = [s - 1 for s in strides]
    operands = [
        d.array(np.float32, [d.number(1, 2), channels, *sizes]),
        d.array(np.float32, [channels, outputs, *kernel]),
    ]
    if d.chance():
        operands.append(d.array(np.float32, [outputs * group]))
    return Node(operands, attributes)


@form("MaxPool", "AveragePool", "LpPool")
def pool(d: Draw) -> Node:
    spatial = d.number(1, 3)
    dilates = {"MaxPool": 10, "AveragePool": 19, "LpPool": 18}[d.op] <= d.opset
    attributes, kernel, sizes = window(d, spatial, dilates)
    attributes["kernel_shape"] = kernel
    if d.op == "LpPool":
        attributes["p"] = d.number(1, 3)
        if d.opset < 2:
            attributes["p"] = float(attributes["p"])
    if d.opset >= {"MaxPool": 10, "AveragePool": 10, "LpPool": 18}[d.op] and d.chance(0.3):
        attributes["ceil_mode"] = 1
    if d.op == "AveragePool" and d.opset >= 7 and d.chance():
        attributes["count_include_pad"] = d.number(0, 1)
    outputs = 1
    if d.op == "MaxPool" and d.opset >= 8 and d.chance(0.3):
        outputs = 2
    kind = d.pick((np.float32, np.float64)) if d.op != "LpPool" else np.float32
    return Node([d.array(kind, [d.number(1, 2), d.number(1, 3), *sizes])], attributes, outputs)


@form("GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool")
def global_pool(d: Draw) -> Node:
    attributes: dict[str, Any] = {}
    if d.op == "GlobalLpPool" and d.chance():
        attributes["p"] = d.number(1, 2) if d.opset >= 2 else float(d.number(1, 2))
    return Node([d.array(np.float32, d.shape(3))], attributes)


@form("BatchNormalization")
def batch_norm(d: Draw) -> Node:
    shape = d.shape(2)
    kind = np.float32
    attributes: dict[str, Any] = {"epsilon": float(d.rng.uniform(1e-5, 0.1))} if d.chance() else {}
    if d.opset < 7:
        attributes["is_test"] = 1
    if d.opset < 6:
        attributes["consumed_inputs"] = [0, 0, 0, 1, 1]
    if d.opset < 9 and d.chance(0.3):
        attributes["spatial"] = 1
    lists = [d.array(kind, [shape[1]]) for _ in range(3)]
    return Node([d.array(kind, shape), *lists, np.abs(d.array(kind, [shape[1]])) + 1], attributes)


@form("InstanceNormalization")
def instance_norm(d: Draw) -> Node:
    shape = d.shape(3)
    attributes: dict[str, Any] = {"epsilon": float(d.rng.uniform(1e-5, 0.1))} if d.chance() else {}
    if d.opset < 6:
        attributes["consumed_inputs"] = [0, 0, 0]
    return Node(
        [
            d.array(np.float32, shape),
            d.array(np.float32, [shape[1]]),
            d.array(np.float32, [shape[1]]),
        ],
        attributes,
    )


@form("LayerNormalization", "RMSNormalization")
def layer_norm(d: Draw) -> Node:
    shape = d.shape(1)
    axis = d.number(-len(shape), len(shape) - 1)
    attributes = {"axis": axis, "epsilon": float(d.rng.uniform(1e-4, 0.1))}
    operands = [d.array(np.float32, shape), d.array(np.float32, shape[axis:])]
    if d.op == "LayerNormalization" and d.chance():
        operands.append(d.array(np.float32, shape[axis:]))
    return Node(operands, attributes)


@form("GroupNormalization")
def group_norm(d: Draw) -> Node:
    groups = d.number(1, 3)
    channels = groups * d.number(1, 3)
    count = groups if d.opset < 21 else channels
    return Node(
        [
            d.array(np.float32, [d.number(1, 2), channels, *d.shape(1, 2)]),
            d.array(np.float32, [count]),
            d.array(np.float32, [count]),
        ],
        {"num_groups": groups, "epsilon": float(d.rng.uniform(1e-4, 0.1))},
    )


@form("LpNormalization")
def lp_norm(d: Draw) -> Node:
    shape = d.shape(1)
    attributes: dict[str, Any] = {"axis": d.number(-1, len(shape) - 1)} if d.chance() else {}
    if d.chance():
        attributes["p"] = d.number(1, 2)
    return Node([d.array(d.pick((np.float32, np.float64)), shape)], attributes)


@form("LRN")
def lrn(d: Draw) -> Node:
    attributes: dict[str, Any] = {"size": d.pick([1, 3, 5])}
    for name in ("alpha", "beta", "bias"):
        if d.chance():
            attributes[name] = float(d.rng.uniform(0.1, 1))
    return Node([d.array(np.float32, d.shape(4, 4))], attributes)


@form("MeanVarianceNormalization")
def mean_variance_norm(d: Draw) -> Node:
    attributes = {"axes": d.pick([[0, 2, 3], [0, 1, 2, 3]])} if d.chance() else {}
    return Node([d.array(np.float32, d.shape(4, 4))], attributes)


# ===----------------------------------------------------------------------------------
# Resampling
# ===----------------------------------------------------------------------------------


@form("Upsample")
def upsample(d: Draw) -> Node:
    mode = d.pick(["nearest", "linear"] if d.opset >= 7 else ["nearest", "bilinear"])
    shape = d.shape(4, 4)
    scales = [1.0, 1.0, d.pick([1.0, 1.5, 2.0, 3.0]), d.pick([1.0, 2.0, 2.5])]
    x = d.array(np.float32, shape)
    if d.opset < 7:
        return Node([x], {"mode": mode, "height_scale": scales[2], "width_scale": scales[3]})
    if d.opset < 9:
        return Node([x], {"mode": mode, "scales": scales})
    return Node([x, np.array(scales, np.float32)], {"mode": mode}, constants=(1,))


@form("Resize")
def resize(d: Draw) -> Node:
    shape = d.shape(4, 4, 6)
    x = d.array(np.float32, shape)
    factors = [1, 1, d.pick([0.5, 0.75, 1, 1.5, 2, 3]), d.pick([0.6, 1, 2, 2.5])]
    scales = np.array(factors, np.float32)
    if d.opset == 10:
        return Node([x, scales], {"mode": d.pick(["nearest", "linear"])}, constants=(1,))
    mode = d.pick(["nearest", "linear", "cubic"])
    attributes: dict[str, Any] = {
        "mode": mode,
        "coordinate_transformation_mode": d.pick(
            ["half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel"]
        ),
    }
    if mode == "nearest":
        attributes["nearest_mode"] = d.pick(
            ["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"]
        )
    if mode == "cubic" and d.chance():
        attributes["cubic_coeff_a"] = d.pick([-0.5, -0.75])
    if mode == "cubic" and d.chance(0.3):
        attributes["exclude_outside"] = 1
    if mode != "nearest" and d.opset >= 18 and d.chance(0.4):
        attributes["antialias"] = 1
    roi = np.array([], np.float32)
    if d.chance():
        return Node([x, roi, scales], attributes, constants=(1, 2))
    sizes = np.array([*shape[:2], d.number(1, 9), d.number(1, 9)], np.int64)
    empty = np.array([], np.float32) if d.opset < 13 else None
    return Node([x, roi, empty, sizes], attributes, constants=(1, 2, 3))


@form("GridSample")
def grid_sample(d: Draw) -> Node:
    spatial = 2 if d.opset < 20 else d.number(2, 3)
    linear = "bilinear" if d.opset < 20 else "linear"
    cubic = "bicubic" if d.opset < 20 else "cubic"
    modes = ["nearest", linear] + ([cubic] if spatial == 2 else [])
    n, c = d.number(1, 2), d.number(1, 3)
    grid = d.rng.uniform(-1.3, 1.3, (n, *[d.number(1, 4) for _ in range(spatial)], spatial))
    return Node(
        [
            d.array(np.float32, [n, c, *[d.number(2, 5) for _ in range(spatial)]]),
            grid.astype(np.float32),
        ],
        {
            "mode": d.pick(modes),
            "padding_mode": d.pick(["zeros", "border", "reflection"]),
            "align_corners": d.number(0, 1),
        },
    )


@form("NonMaxSuppression")
def suppression(d: Draw) -> Node:
    batches, classes, boxes = d.number(1, 2), d.number(1, 3), d.number(1, 12)
    operands: list[np.ndarray | None] = [
        d.rng.random((batches, boxes, 4)).astype(np.float32),
        d.rng.random((batches, classes, boxes)).astype(np.float32),
        np.array([d.number(0, 6)], np.int64),
        np.array([d.rng.uniform(0, 0.6)], np.float32),
    ]
    if d.chance(0.7):
        operands.append(np.array([d.rng.uniform(0, 0.5)], np.float32))
    return Node(operands, {"center_point_box": d.number(0, 1)} if d.chance() else {})


# ===----------------------------------------------------------------------------------
# Sequence models and quantisation
# ===----------------------------------------------------------------------------------


@form("RNN", "GRU", "LSTM")
def recurrent(d: Draw) -> Node:
    gates = {"RNN": 1, "GRU": 3, "LSTM": 4}[d.op]
    steps, batch, size, hidden = (d.number(1, 4) for _ in range(4))
    direction = d.pick(["forward", "reverse", "bidirectional"])
    count = 2 if direction == "bidirectional" else 1
    attributes: dict[str, Any] = {"hidden_size": hidden, "direction": direction}
    kind = np.float32
    operands: list[np.ndarray | None] = [
        d.array(kind, [steps, batch, size]),
        d.array(kind, [count, gates * hidden, size], 0.5),
        d.array(kind, [count, gates * hidden, hidden], 0.5),
    ]
    operands.append(d.array(kind, [count, 2 * gates * hidden]) if d.chance() else None)
    lengths = d.rng.integers(1, steps + 1, batch).astype(np.int32)
    operands.append(lengths if d.chance(0.4) else None)
    operands.append(d.array(kind, [count, batch, hidden]) if d.chance() else None)
    if d.op == "LSTM":
        operands.append(d.array(kind, [count, batch, hidden]) if d.chance() else None)
        operands.append(d.array(kind, [count, 3 * hidden]) if d.chance(0.3) else None)
        if d.chance(0.2):
            attributes["input_forget"] = 1
    if d.op == "GRU" and d.opset >= 3 and d.chance():
        attributes["linear_before_reset"] = d.number(0, 1)
    if d.chance(0.3):
        attributes["clip"] = float(d.rng.uniform(0.5, 3))
    if d.opset < 7:
        attributes["output_sequence"] = 1
    return Node(operands, attributes, outputs=3 if d.op == "LSTM" else 2)


@form("QuantizeLinear")
def quantize(d: Draw) -> Node:
    shape = d.shape(1)
    kind = d.pick((np.uint8, np.int8))
    axis = d.axis(len(shape))
    per_axis = d.opset >= 13 and d.chance()
    scale = np.abs(d.array(np.float32, [shape[axis]] if per_axis else [])) + np.float32(0.1)
    zero = d.array(kind, [shape[axis]] if per_axis else [])
    return Node(
        [d.array(np.float32, shape, 20), np.asarray(scale, np.float32), zero],
        {"axis": axis} if per_axis else {},
    )


@form("DequantizeLinear")
def dequantize(d: Draw) -> Node:
    node = quantize(d)
    x, scale, zero = node.operands
    return Node([d.array(zero.dtype, x.shape), scale, zero], node.attributes)


@form("MatMulInteger")
def matmul_integer(d: Draw) -> Node:
    m, k, n = (d.number(1, 5) for _ in range(3))
    a, b = d.array(np.uint8, [m, k]), d.array(d.pick((np.uint8, np.int8)), [k, n])
    zeros = [d.array(np.uint8, []), d.array(b.dtype, [])] if d.chance() else []
    return Node([a, b, *zeros])


@form("ConvInteger")
def conv_integer(d: Draw) -> Node:
    attributes, kernel, sizes = window(d, 2, dilates=True)
    c, o = d.number(1, 3), d.number(1, 3)
    operands = [d.array(np.uint8, [1, c, *sizes]), d.array(np.uint8, [o, c, *kernel])]
    if d.chance():
        operands += [d.array(np.uint8, []), d.array(np.uint8, [])]
    return Node(operands, attributes)


@form("DynamicQuantizeLinear")
def dynamic_quantize(d: Draw) -> Node:
    return Node([d.array(np.float32, d.shape(1))], outputs=3)


@form("Det")
def determinant(d: Draw) -> Node:
    n = d.number(1, 4)
    return Node([d.array(np.float32, [*d.shape(0, 2), n, n])])
