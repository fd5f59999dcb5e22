"""Regions, unpooling, deformable and quantized products, transforms, n-grams."""

from __future__ import annotations

from typing import Any

import numpy as np

from Property.operators.drawing import Draw, Node, form

# ===----------------------------------------------------------------------------------
# Regions of interest
# ===----------------------------------------------------------------------------------


def regions(d: Draw, count: int, size: float) -> np.ndarray:
    """Boxes by two corners, the second one mostly behind the first."""
    first = d.rng.uniform(-1, size, (count, 2))
    extent = d.rng.uniform(0.2 if d.chance(0.9) else -1, size, (count, 2))
    return np.concatenate([first, first + extent], axis=1)


@form("RoiAlign")
def roi_align(d: Draw) -> Node:
    kind = d.pick((np.float32, np.float64))
    images, count = d.number(1, 3), d.number(0 if d.chance(0.1) else 1, 4)
    attributes: dict[str, Any] = {
        "output_height": d.number(1, 3),
        "output_width": d.number(1, 3),
        "sampling_ratio": d.number(0, 3),
        "mode": d.pick(["avg", "max"]),
    }
    if d.chance():
        attributes["spatial_scale"] = d.pick([0.5, 1.0, 2.0])
    if d.opset >= 16 and d.chance():
        attributes["coordinate_transformation_mode"] = d.pick(["half_pixel", "output_half_pixel"])
    x = d.array(kind, [images, d.number(1, 3), d.number(2, 8), d.number(2, 8)])
    batch = d.rng.integers(0, images, count)
    return Node([x, regions(d, count, 6).astype(kind), batch], attributes)


@form("MaxRoiPool")
def max_roi_pool(d: Draw) -> Node:
    images, count = d.number(1, 3), d.number(1, 4)
    attributes: dict[str, Any] = {"pooled_shape": [d.number(1, 3), d.number(1, 3)]}
    if d.chance():
        attributes["spatial_scale"] = d.pick([0.5, 1.0, 2.0])
    x = d.array(np.float32, [images, d.number(1, 3), d.number(2, 8), d.number(2, 8)])
    batch = d.rng.integers(0, images, (count, 1))
    boxes = np.abs(np.round(regions(d, count, 6)))
    return Node([x, np.concatenate([batch, boxes], axis=1).astype(np.float32)], attributes)


@form("MaxUnpool")
def max_unpool(d: Draw) -> Node:
    kernel = [d.number(1, 3), d.number(1, 3)]
    shape = [d.number(1, 2), d.number(1, 2), d.number(1, 3), d.number(1, 3)]
    x = d.array(np.float32, shape)
    pooled = [*shape[:2], *(n * k for n, k in zip(shape[2:], kernel, strict=True))]
    places = d.rng.choice(int(np.prod(pooled)), x.size, replace=False).reshape(shape)
    operands: list[np.ndarray | None] = [x, places.astype(np.int64)]
    if d.chance(0.3):
        operands.append(np.array(pooled, np.int64))
    return Node(operands, {"kernel_shape": kernel, "strides": kernel}, constants=(2,))


@form("Col2Im")
def col2im(d: Draw) -> Node:
    block = [d.number(1, 3) for _ in range(2)]
    strides = [d.number(1, 2) for _ in range(2)]
    dilations = [d.number(1, 2) for _ in range(2)]
    pads = [d.number(0, 1) for _ in range(2)]
    image = [(k - 1) * step + 1 + d.number(0, 4) for k, step in zip(block, dilations, strict=True)]
    places = 1
    for n, k, stride, step, pad in zip(image, block, strides, dilations, pads, strict=True):
        places *= (n + 2 * pad - (k - 1) * step - 1) // stride + 1
    x = d.array(np.float32, [d.number(1, 2), d.number(1, 2) * block[0] * block[1], places])
    return Node(
        [x, np.array(image), np.array(block)],
        {"strides": strides, "dilations": dilations, "pads": pads * 2},
        constants=(1, 2),
    )


@form("DeformConv")
def deform_conv(d: Draw) -> Node:
    kind = np.float32
    group, groups = d.number(1, 2), d.number(1, 2)
    channels = group * groups * d.number(1, 2)
    kernel = [d.number(1, 3) for _ in range(2)]
    strides = [d.number(1, 2) for _ in range(2)]
    dilations = [d.number(1, 2) for _ in range(2)]
    pads = [d.number(0, 1) for _ in range(2)]
    sizes = [(k - 1) * step + 1 + d.number(0, 4) for k, step in zip(kernel, dilations, strict=True)]
    out = [
        (n + 2 * pad - (k - 1) * step - 1) // stride + 1
        for n, k, stride, step, pad in zip(sizes, kernel, strides, dilations, pads, strict=True)
    ]
    images, volume = d.number(1, 2), kernel[0] * kernel[1]
    outputs = group * d.number(1, 2)
    operands: list[np.ndarray | None] = [
        d.array(kind, [images, channels, *sizes]),
        d.array(kind, [outputs, channels // group, *kernel]),
        d.array(kind, [images, groups * volume * 2, *out], 1.0),
    ]
    has_bias, has_mask = d.chance(), d.chance()
    if has_bias or has_mask:
        operands.append(d.array(kind, [outputs]) if has_bias else None)
    if has_mask:
        operands.append(d.array(kind, [images, groups * volume, *out]))
    return Node(
        operands,
        {
            "kernel_shape": kernel,
            "strides": strides,
            "dilations": dilations,
            "pads": pads * 2,
            "group": group,
            "offset_group": groups,
        },
        constants=(1,),
    )


# ===----------------------------------------------------------------------------------
# Quantized products
# ===----------------------------------------------------------------------------------


def scale(d: Draw, shape: list[int]) -> np.ndarray:
    return np.asarray(d.rng.uniform(0.01, 0.1, shape), np.float32)


@form("QLinearMatMul")
def qlinear_matmul(d: Draw) -> Node:
    kind = d.pick((np.uint8, np.int8))
    m, k, n = (d.number(1, 6) for _ in range(3))
    batch = d.shape(0, 1)
    low, high = np.iinfo(kind).min, np.iinfo(kind).max

    def numbers(shape: list[int]) -> np.ndarray:
        return np.asarray(d.rng.integers(low, high + 1, shape), kind)

    zero = [numbers([]) for _ in range(3)]
    return Node(
        [
            numbers([*batch, m, k]),
            scale(d, []),
            zero[0],
            numbers([k, n]),
            scale(d, []),
            zero[1],
            np.asarray(scale(d, []) * 10, np.float32),
            zero[2],
        ]
    )


@form("QLinearConv")
def qlinear_conv(d: Draw) -> Node:
    group = d.number(1, 2)
    channels, outputs = group * d.number(1, 3), group * d.number(1, 3)
    kernel = [d.number(1, 3) for _ in range(2)]
    sizes = [k + d.number(0, 4) for k in kernel]
    kind = d.pick((np.uint8, np.int8))
    low = np.iinfo(kind).min
    x = np.asarray(d.rng.integers(low, low + 256, [d.number(1, 2), channels, *sizes]), kind)
    per_channel = d.chance()
    w = np.asarray(d.rng.integers(-128, 128, [outputs, channels // group, *kernel]), np.int8)
    scales = scale(d, [outputs] if per_channel else [])
    w_zero = np.zeros([outputs] if per_channel else [], np.int8)
    operands: list[np.ndarray | None] = [
        x,
        scale(d, []),
        np.array(d.number(low, low + 255), kind),
        w,
        scales,
        w_zero,
        np.asarray(scale(d, []) * 10, np.float32),
        np.array(d.number(low, low + 255), kind),
    ]
    if d.chance():
        operands.append(np.asarray(d.rng.integers(-500, 500, [outputs]), np.int32))
    pads = [d.number(0, k - 1) for k in kernel]
    return Node(
        operands,
        {"group": group, "pads": pads * 2, "strides": [d.number(1, 2) for _ in range(2)]},
        constants=(3, 4, 5),
    )


# ===----------------------------------------------------------------------------------
# Transforms
# ===----------------------------------------------------------------------------------


@form("DFT")
def dft(d: Draw) -> Node:
    kind = d.pick((np.float32, np.float64))
    shape = [*d.shape(1, 3), d.number(1, 2)]
    shape = [max(n, 1) for n in shape]
    axis = d.number(0, len(shape) - 2)
    if d.chance():
        shape[axis] = d.pick([8, 16, 7, 15])
    attributes: dict[str, Any] = {"inverse": d.number(0, 1)}
    # Half of the numbers is what a real signal has; the inverse of it is newer.
    if shape[-1] == 1 and not attributes["inverse"]:
        attributes["onesided"] = d.number(0, 1)
    operands: list[np.ndarray | None] = [d.array(kind, shape)]
    length = np.array(d.number(1, 12), np.int64) if d.chance(0.4) else None
    if d.opset < 20:
        attributes["axis"] = axis
        if length is not None:
            operands.append(length)
    else:
        operands += [length, np.array(axis if d.chance() else axis - len(shape), np.int64)]
    return Node(operands, attributes, constants=(1, 2))


@form("STFT")
def stft(d: Draw) -> Node:
    kind = d.pick((np.float32, np.float64))
    length = d.number(2, 16)
    signal = d.array(kind, [d.number(1, 2), length + d.number(0, 30), 1])
    operands: list[np.ndarray | None] = [signal, np.array(d.number(1, 8), np.int64)]
    has_window = d.chance()
    operands.append(d.array(kind, [length]) if has_window else None)
    if not has_window or d.chance():
        operands.append(np.array(length, np.int64))
    return Node(operands, {"onesided": d.number(0, 1)}, constants=(1, 3))


@form("BitCast")
def bit_cast(d: Draw) -> Node:
    kinds = d.pick(
        [
            (np.float32, 6),
            (np.int32, 1),
            (np.float64, 7),
            (np.int64, 11),
            (np.uint8, 3),
            (np.int16, 4),
        ]
    )
    return Node([d.array(kinds[0], d.shape(0, 3))], {"to": kinds[1]})


@form("TfIdfVectorizer")
def tf_idf(d: Draw) -> Node:
    ones, pairs = d.number(1, 4), d.number(0, 3)
    pool = [int(n) for n in d.rng.integers(0, 6, ones + 2 * pairs)]
    if d.chance(0.8):  # n-grams that are there twice are refused
        pool[:ones] = [int(n) for n in d.rng.permutation(6)[:ones]]
    attributes: dict[str, Any] = {
        "max_gram_length": 2 if pairs else 1,
        "min_gram_length": d.number(1, 2 if pairs else 1),
        "max_skip_count": d.number(0, 3),
        "mode": d.pick(["TF", "IDF", "TFIDF"]),
        "ngram_counts": [0, ones] if pairs else [0],
        "ngram_indexes": list(range(ones + pairs)),
        "pool_int64s": pool,
    }
    if d.chance():
        attributes["weights"] = [float(w) for w in d.rng.uniform(0.5, 2, ones + pairs)]
    shape = [d.number(1, 3), d.number(1, 9)] if d.chance() else [d.number(1, 9)]
    kind = d.pick((np.int32, np.int64))
    return Node([np.asarray(d.rng.integers(0, 6, shape), kind)], attributes)
