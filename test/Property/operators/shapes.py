"""Operators that move, index and reduce elements."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from onnx import TensorProto, numpy_helper

from Property.operators.drawing import FLOATS, NUMBERS, Draw, Node, form

# ===----------------------------------------------------------------------------------
# Reductions and scans
# ===----------------------------------------------------------------------------------


@form(
    *(
        f"Reduce{name}"
        for name in (
            "Sum",
            "Mean",
            "Max",
            "Min",
            "Prod",
            "L1",
            "L2",
            "LogSum",
            "LogSumExp",
            "SumSquare",
        )
    )
)
def reduction(d: Draw) -> Node:
    kind = d.pick((np.float32, np.float64, np.int32, np.int64))
    shape = d.shape(1)
    x = np.abs(d.array(kind, shape)) + np.asarray(1, kind)
    axes = sorted(d.rng.permutation(len(shape))[: d.number(1, len(shape))].tolist())
    if d.opset >= 11 and d.chance(0.3):
        axes = [axis - len(shape) for axis in axes]
    attributes: dict[str, Any] = {"keepdims": d.number(0, 1)} if d.chance(0.7) else {}
    if d.chance(0.3):
        return Node([x], attributes)
    if d.opset < 18 and not (d.opset >= 13 and d.op == "ReduceSum"):
        return Node([x], {"axes": axes, **attributes})
    return Node([x, np.array(axes, np.int64)], attributes, constants=(1,))


@form("ArgMax", "ArgMin")
def arg(d: Draw) -> Node:
    shape = d.shape(1)
    attributes: dict[str, Any] = {"keepdims": d.number(0, 1)}
    if d.chance(0.7):
        attributes["axis"] = d.axis(len(shape))
    if d.opset >= 12 and d.chance():
        attributes["select_last_index"] = d.number(0, 1)
    kinds = (np.float32, np.int32) if d.opset < 13 else (np.float32, np.float64, np.int32)
    return Node([d.array(d.pick(kinds), shape)], attributes)


@form("Softmax", "LogSoftmax", "Hardmax")
def softmax(d: Draw) -> Node:
    shape = d.shape(1 if d.opset >= 13 else 2)
    attributes = {"axis": d.axis(len(shape))} if d.chance(0.7) else {}
    return Node([d.array(d.pick(FLOATS[:2]), shape)], attributes)


@form("CumSum")
def cumsum(d: Draw) -> Node:
    shape = d.shape(1)
    axis = np.asarray(d.number(-len(shape), len(shape) - 1), d.pick((np.int32, np.int64)))
    return Node(
        [d.array(d.pick((np.float32, np.float64, np.int32, np.int64)), shape), axis],
        {name: d.number(0, 1) for name in ("exclusive", "reverse") if d.chance()},
        constants=(1,),
    )


@form("TopK")
def topk(d: Draw) -> Node:
    shape = d.shape(1)
    axis = d.axis(len(shape))
    k = d.number(1, shape[axis])
    kinds = FLOATS[:2] if d.opset < 11 else (np.float32, np.float64, np.int32, np.int64)
    x = d.array(d.pick(kinds), shape)
    if d.opset < 10:
        return Node([x], {"axis": axis, "k": k}, outputs=2)
    attributes: dict[str, Any] = {"axis": axis}
    if d.opset >= 11 and d.chance():
        attributes["largest"] = d.number(0, 1)
    return Node([x, np.array([k], np.int64)], attributes, outputs=2, constants=(1,))


# ===----------------------------------------------------------------------------------
# Shapes
# ===----------------------------------------------------------------------------------


@form("Reshape")
def reshape(d: Draw) -> Node:
    shape = d.shape(1)
    parts = d.rng.permutation(shape).tolist()
    if len(parts) > 1 and d.chance():
        parts = [parts[0] * parts[1], *parts[2:]]
    if d.chance():
        parts[d.number(0, len(parts) - 1)] = -1
    x = d.array(d.pick((*NUMBERS, np.bool_)), shape)
    if d.opset < 5:
        return Node([x], {"shape": parts})
    return Node([x, np.array(parts, np.int64)], constants=(1,))


@form("Flatten")
def flatten(d: Draw) -> Node:
    shape = d.shape(1)
    low = -len(shape) if d.opset >= 11 else 0
    return Node(
        [d.array(d.pick(FLOATS if d.opset < 9 else NUMBERS), shape)],
        {"axis": d.number(low, len(shape))} if d.chance(0.7) else {},
    )


@form("Transpose")
def transpose(d: Draw) -> Node:
    shape = d.shape(0)
    perm = {"perm": d.rng.permutation(len(shape)).tolist()} if shape and d.chance(0.7) else {}
    return Node([d.array(d.pick((*NUMBERS, np.bool_)), shape)], perm)


@form("Squeeze", "Unsqueeze")
def squeeze(d: Draw) -> Node:
    shape = [n if d.chance() else 1 for n in d.shape(1)]
    x = d.array(d.pick(NUMBERS), shape)
    if d.op == "Squeeze":
        axes = [i for i, n in enumerate(shape) if n == 1 and d.chance(0.7)]
        rank = len(shape)
    else:
        count = d.number(1, 2)
        rank = len(shape) + count
        axes = sorted(d.rng.permutation(rank)[:count].tolist())
    if d.opset >= 11 and d.chance(0.3):
        axes = [axis - rank for axis in axes]
    if d.op == "Squeeze" and (not axes or d.chance(0.3)):
        return Node([x])
    if d.opset < 13:
        return Node([x], {"axes": axes})
    return Node([x, np.array(axes, np.int64)], constants=(1,))


@form("Concat")
def concat(d: Draw) -> Node:
    shape = d.shape(1)
    axis = d.axis(len(shape))
    kind = d.pick(NUMBERS)
    parts = []
    for _ in range(d.number(1, 4)):
        own = list(shape)
        own[axis] = d.number(1, 4)
        parts.append(d.array(kind, own))
    if d.opset < 4 and len(shape) > 1 and axis == 1 and d.chance():
        return Node(parts)
    return Node(parts, {"axis": axis})


@form("Split")
def split(d: Draw) -> Node:
    shape = d.shape(1)
    axis = d.axis(len(shape))
    sizes = [d.number(1, 3) for _ in range(d.number(1, 4))]
    equal = d.chance(0.3)
    if equal:
        sizes = [sizes[0]] * len(sizes)
    shape[axis] = sum(sizes)
    x = d.array(d.pick((np.float32, np.int32, np.int64)), shape)
    attributes: dict[str, Any] = {"axis": axis}
    if equal:
        if d.opset >= 18:
            attributes["num_outputs"] = len(sizes)
        return Node([x], attributes, outputs=len(sizes))
    if d.opset < 13:
        return Node([x], {**attributes, "split": sizes}, outputs=len(sizes))
    return Node([x, np.array(sizes, np.int64)], attributes, outputs=len(sizes), constants=(1,))


@form("Slice")
def slice_(d: Draw) -> Node:
    shape = d.shape(1)
    axes = sorted(d.rng.permutation(len(shape))[: d.number(1, len(shape))].tolist())
    steps = [1] * len(axes) if d.opset < 10 else [d.pick([1, 1, 2, -1, -2]) for _ in axes]
    starts = [d.number(-8, 8) for _ in axes]
    ends = [d.number(-8, 8) if d.chance(0.8) else d.pick([2**31 - 1, -(2**31) + 1]) for _ in axes]
    if d.opset < 10:
        x = d.array(d.pick((np.float32, np.int64)), shape)
        return Node([x], {"starts": starts, "ends": ends, "axes": axes})
    x = d.array(d.pick(NUMBERS), shape)
    kind = d.pick((np.int32, np.int64))
    lists = [np.array(values, kind) for values in (starts, ends, axes, steps)]
    return Node([x, *lists], constants=(1, 2, 3, 4))


@form("Pad")
def pad(d: Draw) -> Node:
    modes = ["constant", "reflect", "edge"] + (["wrap"] if d.opset >= 19 else [])
    mode = d.pick(modes)
    shape = [n + 1 for n in d.shape(1)]
    low = -1 if d.chance(0.3) else 0
    pads = [d.number(low, n - 1) for n in shape * 2]
    if d.opset < 11:
        attributes = {"mode": mode, "pads" if d.opset >= 2 else "paddings": pads}
        if d.chance():
            attributes["value"] = 1.5
        return Node([d.array(np.float32, shape)], attributes)
    kind = d.pick(
        (np.float32, np.float64)
        if d.opset < 13
        else (np.float32, np.float64, np.int32, np.int64, np.uint8, np.int8)
    )
    value = np.asarray(2, kind) if d.chance() else None
    return Node(
        [d.array(kind, shape), np.array(pads, np.int64), value], {"mode": mode}, constants=(1,)
    )


@form("Expand", "Tile")
def expand(d: Draw) -> Node:
    shape = d.shape(0 if d.op == "Expand" else 1)
    x = d.array(d.pick((*NUMBERS, np.bool_)), shape)
    if d.op == "Expand":
        x = d.array(x.dtype, d.broadcast(shape))
        return Node([x, np.array(shape, np.int64)], constants=(1,))
    if d.opset < 6:
        axis = d.number(0, len(shape) - 1)
        return Node(
            [
                d.array(np.float32, shape),
                np.array([d.number(1, 3)], np.float32),
                np.array([axis], np.float32),
            ],
            constants=(1, 2),
        )
    return Node([x, np.array([d.number(0, 3) for _ in shape], np.int64)], constants=(1,))


@form("Shape", "Size")
def shape_of(d: Draw) -> Node:
    shape = d.shape(0)
    attributes = {}
    if d.op == "Shape" and d.opset >= 15:
        attributes = {name: d.number(-5, 5) for name in ("start", "end") if d.chance()}
    return Node([d.array(np.float32, shape)], attributes)


@form("DepthToSpace", "SpaceToDepth")
def depth(d: Draw) -> Node:
    block = d.number(1, 3)
    n, c, h, w = (d.number(1, 3) for _ in range(4))
    kind = d.pick((np.float32, np.float64))
    if d.op == "SpaceToDepth":
        return Node([d.array(kind, [n, c, h * block, w * block])], {"blocksize": block})
    attributes: dict[str, Any] = {"blocksize": block}
    if d.opset >= 11 and d.chance():
        attributes["mode"] = d.pick(["DCR", "CRD"])
    return Node([d.array(kind, [n, c * block * block, h, w])], attributes)


@form("EyeLike")
def eye(d: Draw) -> Node:
    attributes: dict[str, Any] = {"k": d.number(-3, 3)} if d.chance() else {}
    if d.chance():
        attributes["dtype"] = d.pick([TensorProto.FLOAT, TensorProto.INT64, TensorProto.DOUBLE])
    return Node([d.array(d.pick((np.float32, np.int32)), d.shape(2, 2))], attributes)


@form("Trilu")
def trilu(d: Draw) -> Node:
    k = np.asarray(d.number(-4, 4), np.int64) if d.chance() else None
    attributes = {"upper": d.number(0, 1)} if d.chance() else {}
    return Node([d.array(d.pick((np.float32, np.float64, np.int64)), d.shape(2)), k], attributes)


@form("ConstantOfShape")
def constant_of_shape(d: Draw) -> Node:
    kind = d.pick((*NUMBERS, np.bool_))
    value = numpy_helper.from_array(d.array(kind, [1]), "v")
    return Node(
        [np.array(d.shape(0), np.int64)], {"value": value} if d.chance(0.7) else {}, constants=(0,)
    )


@form("Range")
def range_(d: Draw) -> Node:
    kind = d.pick((np.float32, np.float64, np.int32, np.int64))
    start, count, step = d.number(-5, 5), d.number(0, 6), d.pick([1, 2, -1, -3])
    return Node(
        [np.asarray(v, kind) for v in (start, start + count * step, step)], constants=(0, 1, 2)
    )


# ===----------------------------------------------------------------------------------
# Indexing
# ===----------------------------------------------------------------------------------


def indices(d: Draw, size: int, shape: Sequence[int]) -> np.ndarray:
    low = -size if d.opset >= 11 else 0
    return d.rng.integers(low, size, tuple(shape)).astype(d.pick((np.int32, np.int64)))


@form("Gather")
def gather(d: Draw) -> Node:
    shape = d.shape(1)
    axis = d.axis(len(shape))
    return Node(
        [d.array(d.pick((*NUMBERS, np.bool_)), shape), indices(d, shape[axis], d.shape(0, 3))],
        {"axis": axis},
    )


@form("GatherElements", "ScatterElements", "Scatter")
def elements(d: Draw) -> Node:
    shape = d.shape(1)
    axis = d.axis(len(shape))
    own = [d.number(1, n) for n in shape]
    kind = d.pick((np.float32, np.float64, np.int32, np.int64))
    data = d.array(kind, shape)
    if d.op == "GatherElements":
        return Node([data, indices(d, shape[axis], own)], {"axis": axis})
    own[axis] = d.number(1, shape[axis])
    # Which of two updates of one place wins is not said.
    order = np.argsort(d.rng.random(shape), axis=axis)
    places = order[tuple(slice(n) for n in own)].astype(np.int64)
    attributes: dict[str, Any] = {"axis": axis}
    if d.op == "ScatterElements" and d.opset >= 16:
        attributes["reduction"] = d.pick(
            ["none", "add", "mul"] + (["max", "min"] if d.opset >= 18 else [])
        )
    return Node([data, places, d.array(kind, own)], attributes)


@form("GatherND", "ScatterND")
def tuples(d: Draw) -> Node:
    shape = d.shape(1)
    length = d.number(1, len(shape))
    count = d.number(1, int(np.prod(shape[:length])))
    flat = d.rng.permutation(int(np.prod(shape[:length])))[:count]
    places = np.stack(np.unravel_index(flat, shape[:length]), axis=-1).astype(np.int64)
    if d.chance(0.3):
        places -= np.array(shape[:length])
    kind = d.pick((np.float32, np.int32, np.int64))
    data = d.array(kind, shape)
    if d.op == "GatherND":
        return Node([data, places])
    attributes = {}
    if d.opset >= 16:
        attributes["reduction"] = d.pick(
            ["none", "add", "mul"] + (["max", "min"] if d.opset >= 18 else [])
        )
    return Node([data, places, d.array(kind, [count, *shape[length:]])], attributes)


@form("OneHot")
def one_hot(d: Draw) -> Node:
    shape = d.shape(1, 3)
    size = d.number(1, 5)
    kind = d.pick((np.float32, np.int64))
    places = d.rng.integers(-size if d.opset >= 11 else 0, size, tuple(shape))
    return Node(
        [places.astype(np.int64), np.array([size], np.int64), d.array(kind, [2])],
        {"axis": d.axis(len(shape) + 1)} if d.chance(0.7) else {},
        constants=(1,),
    )


@form("NonZero")
def non_zero(d: Draw) -> Node:
    return Node([d.array(d.pick((np.bool_, np.int32, np.int64)), d.shape(1))])


@form("Compress")
def compress(d: Draw) -> Node:
    shape = d.shape(1)
    axis = d.axis(len(shape)) if d.chance() else None
    length = int(np.prod(shape)) if axis is None else shape[axis]
    return Node(
        [d.array(np.float32, shape), d.array(np.bool_, [d.number(1, length)])],
        {} if axis is None else {"axis": axis},
    )


@form("Unique")
def unique(d: Draw) -> Node:
    shape = d.shape(1, 3)
    attributes: dict[str, Any] = {"sorted": 1}
    if d.chance():
        attributes["axis"] = d.axis(len(shape))
    x = d.rng.integers(0, 3, tuple(shape)).astype(d.pick((np.float32, np.int64)))
    return Node([x], attributes, outputs=4)


@form("ReverseSequence")
def reverse_sequence(d: Draw) -> Node:
    shape = d.shape(2)
    batch = d.number(0, 1)
    lengths = d.rng.integers(1, shape[1 - batch] + 1, shape[batch]).astype(np.int64)
    return Node(
        [d.array(np.float32, shape), lengths], {"batch_axis": batch, "time_axis": 1 - batch}
    )
