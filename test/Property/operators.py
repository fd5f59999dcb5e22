"""Draws models of one operator, in every version that it had, over its legal attributes.

`FORMS` maps an operator to a function that draws one node of a version (an opset) with
a random generator: attributes over their legal range, operands of every element type
that ONNX Runtime computes with. ONNX Runtime, on the model as drawn, is the oracle.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

FLOATS = (np.float32, np.float64, np.float16)
INTEGERS = (np.int8, np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.int64, np.uint64)
NUMBERS = FLOATS + INTEGERS


@dataclass
class Node:
    """One node; operands that are None are absent, constants are initializers."""

    operands: list[np.ndarray | None]
    attributes: dict[str, Any] = field(default_factory=dict)
    outputs: int = 1
    constants: tuple[int, ...] = ()

    def model(self, op: str, opset: int, dynamic: bool) -> onnx.ModelProto:
        """The model; inputs are x0, x1, ..., outputs y0, y1, ...; dynamic hides all sizes."""
        names, inputs, weights = [], [], []
        for i, array in enumerate(self.operands):
            names.append("" if array is None else f"x{i}")
            if array is None:
                continue
            if i in self.constants:
                weights.append(numpy_helper.from_array(np.asarray(array), f"x{i}"))
                continue
            sizes = [f"d{i}_{axis}" if dynamic else n for axis, n in enumerate(array.shape)]
            kind = helper.np_dtype_to_tensor_dtype(array.dtype)
            inputs.append(helper.make_tensor_value_info(f"x{i}", kind, sizes))
        while names and not names[-1]:
            names.pop()
        outputs = [f"y{i}" for i in range(self.outputs)]
        node = helper.make_node(op, names, outputs, name="node", **self.attributes)
        graph = helper.make_graph([node], "g", inputs, [], weights)
        for name in outputs:
            graph.output.append(onnx.ValueInfoProto(name=name))
        opsets = [helper.make_opsetid("", opset)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=8 if opset < 21 else 10)

    def feeds(self) -> dict[str, np.ndarray]:
        return {
            f"x{i}": np.asarray(array)
            for i, array in enumerate(self.operands)
            if array is not None and i not in self.constants
        }


class Draw:
    """Random choices of one draw."""

    def __init__(self, op: str, opset: int, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.op = op
        self.opset = opset

    def pick(self, choices: Sequence[Any]) -> Any:
        return choices[int(self.rng.integers(len(choices)))]

    def chance(self, probability: float = 0.5) -> bool:
        return bool(self.rng.random() < probability)

    def number(self, low: int, high: int) -> int:
        return int(self.rng.integers(low, high + 1))

    def shape(self, low: int = 1, high: int = 4, most: int = 5) -> list[int]:
        return [self.number(1, most) for _ in range(self.number(low, high))]

    def axis(self, rank: int) -> int:
        return self.number(-rank if self.opset >= 11 else 0, rank - 1)

    def array(self, kind: Any, shape: Sequence[int], spread: float = 3.0) -> np.ndarray:
        """Numbers around zero, or small whole ones."""
        kind = np.dtype(kind)
        if kind == np.bool_:
            numbers = self.rng.random(tuple(shape)) < 0.5
        elif kind.kind == "f":
            numbers = self.rng.standard_normal(tuple(shape)) * spread
        else:
            numbers = self.rng.integers(0 if kind.kind == "u" else -9, 10, tuple(shape))
        return np.asarray(numbers, dtype=kind)

    def broadcast(self, shape: Sequence[int]) -> list[int]:
        """A shape that broadcasts to another."""
        own = [n if self.chance(0.7) else 1 for n in shape]
        return own[self.number(0, len(own)) :] if self.chance(0.3) else own


Form = Callable[[Draw], Node]
FORMS: dict[str, Form] = {}


def form(*names: str) -> Callable[[Form], Form]:
    def register(function: Form) -> Form:
        for name in names:
            FORMS[name] = function
        return function

    return register


# ===----------------------------------------------------------------------------------
# Elementwise
# ===----------------------------------------------------------------------------------


def unary(kinds: Sequence[Any], spread: float = 3.0, **attributes: tuple[float, float]) -> Form:
    def draw(d: Draw) -> Node:
        given = {
            name: float(d.rng.uniform(*bounds))
            for name, bounds in attributes.items()
            if d.chance(0.7)
        }
        if d.opset < 6 and d.chance(0.3):
            given["consumed_inputs"] = [0]
        return Node([d.array(d.pick(kinds), d.shape(0), spread)], given)

    return draw


for _name in ("Exp", "Floor", "Ceil", "Sqrt", "Log", "Reciprocal", "Sigmoid", "Tanh", "Softplus",
              "Softsign", "Round", "Sin", "Cos", "Tan", "Asin", "Acos", "Atan", "Sinh", "Cosh",
              "Asinh", "Acosh", "Atanh", "HardSwish", "Mish", "IsNaN", "Erf"):
    FORMS[_name] = unary(FLOATS)
for _name in ("Abs", "Neg", "Sign", "Relu"):
    FORMS[_name] = unary(NUMBERS)
FORMS["Identity"] = unary((*NUMBERS, np.bool_))
FORMS["Not"] = unary((np.bool_,))
FORMS["BitwiseNot"] = unary(INTEGERS)
FORMS["Elu"] = unary(FLOATS, alpha=(0.1, 2))
FORMS["Celu"] = unary((np.float32,), alpha=(0.1, 2))
FORMS["LeakyRelu"] = unary(FLOATS, alpha=(-1, 1))
FORMS["ThresholdedRelu"] = unary(FLOATS, alpha=(0, 2))
FORMS["HardSigmoid"] = unary(FLOATS, alpha=(0.1, 1), beta=(0, 1))
FORMS["Selu"] = unary(FLOATS, alpha=(0.5, 2), gamma=(0.5, 2))
FORMS["Shrink"] = unary(NUMBERS, lambd=(0, 3), bias=(-2, 2))
FORMS["Swish"] = unary(FLOATS, alpha=(0.1, 2))


@form("Gelu")
def gelu(d: Draw) -> Node:
    return Node([d.array(d.pick(FLOATS), d.shape())], {"approximate": d.pick(["none", "tanh"])})


@form("IsInf")
def is_inf(d: Draw) -> Node:
    x = d.array(d.pick((np.float32, np.float64)), d.shape())
    x[d.rng.random(x.shape) < 0.3] = d.pick([np.inf, -np.inf, np.nan])
    names = ("detect_negative", "detect_positive")
    return Node([x], {name: d.number(0, 1) for name in names if d.chance()})


def legacy_broadcast(d: Draw, kind: Any, other: Any = None) -> Node:
    """Before opset 7 broadcasting was asked for, and its axis given."""
    shape = d.shape(1)
    x = d.array(kind, shape)
    if d.chance(0.4):
        return Node([x, d.array(other or kind, shape)])
    start = d.number(0, len(shape) - 1)
    end = d.number(start + 1, len(shape))
    attributes: dict[str, Any] = {"broadcast": 1}
    if end != len(shape) or d.chance():
        attributes["axis"] = start
    return Node([x, d.array(other or kind, shape[start:end])], attributes)


def binary(kinds: Sequence[Any], divides: bool = False) -> Form:
    def draw(d: Draw) -> Node:
        kind = d.pick(kinds)
        if d.opset < 7:
            node = legacy_broadcast(d, kind)
        else:
            shape = d.shape(0)
            node = Node([d.array(kind, d.broadcast(shape)), d.array(kind, d.broadcast(shape))])
        divisor = node.operands[1]
        if divides and np.dtype(kind).kind in "iu":
            divisor[divisor == 0] = 1
        return node

    return draw


for _name in ("Add", "Sub", "Mul"):
    FORMS[_name] = binary(NUMBERS)
FORMS["Div"] = binary(NUMBERS, divides=True)
for _name in ("And", "Or", "Xor"):
    FORMS[_name] = binary((np.bool_,))
for _name in ("Greater", "Less", "GreaterOrEqual", "LessOrEqual"):
    FORMS[_name] = binary(NUMBERS)
FORMS["Equal"] = binary((*NUMBERS, np.bool_))
for _name in ("BitwiseAnd", "BitwiseOr", "BitwiseXor"):
    FORMS[_name] = binary(INTEGERS)


@form("Pow")
def power(d: Draw) -> Node:
    kind = d.pick((np.float32, np.float64) if d.opset < 12 else (*FLOATS, np.int32, np.int64))
    other = kind if d.opset < 12 else d.pick((np.float32, np.float64, np.int32, np.int64))
    if d.opset < 7:
        node = legacy_broadcast(d, kind)
    else:
        shape = d.shape(0)
        node = Node([d.array(kind, d.broadcast(shape)), d.array(other, d.broadcast(shape))])
    node.operands[0] = np.abs(node.operands[0]) + np.asarray(1, kind)
    node.operands[1] = (np.abs(node.operands[1]) % 4).astype(node.operands[1].dtype)
    return node


@form("Mod")
def modulo(d: Draw) -> Node:
    kind = d.pick(NUMBERS)
    shape = d.shape(0)
    x, y = d.array(kind, d.broadcast(shape)), d.array(kind, d.broadcast(shape))
    y[y == 0] = 1
    is_float = np.dtype(kind).kind == "f"
    return Node([x, y], {"fmod": 1} if is_float or d.chance(0.3) else {})


@form("BitShift")
def bit_shift(d: Draw) -> Node:
    kind = d.pick((np.uint8, np.uint16, np.uint32, np.uint64))
    shape = d.shape(0)
    bits = np.dtype(kind).itemsize * 8
    amount = d.rng.integers(0, bits, tuple(d.broadcast(shape))).astype(kind)
    return Node([d.array(kind, d.broadcast(shape)), amount],
                {"direction": d.pick(["LEFT", "RIGHT"])})


@form("Max", "Min", "Sum", "Mean")
def variadic(d: Draw) -> Node:
    kind = d.pick(FLOATS if d.opset < 12 else NUMBERS)
    shape = d.shape(0)
    count = d.number(1, 4)
    if d.opset < 8:
        return Node([d.array(kind, shape) for _ in range(count)])
    return Node([d.array(kind, d.broadcast(shape)) for _ in range(count)])


@form("PRelu")
def prelu(d: Draw) -> Node:
    kind = d.pick(FLOATS)
    shape = d.shape(1)
    if d.opset < 7:
        channels = shape[1] if len(shape) > 1 else 1
        slope = [channels] if d.chance() else [1]
    else:
        slope = d.broadcast(shape)
    return Node([d.array(kind, shape), d.array(kind, slope)])


@form("Clip")
def clip(d: Draw) -> Node:
    if d.opset < 11:
        given = {"min": float(d.rng.uniform(-3, 0)), "max": float(d.rng.uniform(0, 3))}
        return Node([d.array(d.pick(FLOATS), d.shape(0))],
                    {name: value for name, value in given.items() if d.chance(0.7)})
    kind = d.pick(FLOATS if d.opset < 12 else NUMBERS)
    low = np.asarray(1 if d.chance() else 0, kind) if d.chance(0.7) else None
    high = np.asarray(4, kind) if d.chance(0.7) else None
    return Node([d.array(kind, d.shape(0)), low, high])


@form("Where")
def where(d: Draw) -> Node:
    kind = d.pick((*NUMBERS, np.bool_))
    shape = d.shape(0)
    return Node([d.array(np.bool_, d.broadcast(shape)), d.array(kind, d.broadcast(shape)),
                 d.array(kind, d.broadcast(shape))])


@form("Cast")
def cast(d: Draw) -> Node:
    kinds = (np.float32, np.float64, np.float16, np.int32, np.int64, np.bool_, np.uint8, np.int8,
             np.int16)
    to = helper.np_dtype_to_tensor_dtype(np.dtype(d.pick(kinds)))
    x = d.array(d.pick(kinds), d.shape(0))
    return Node([np.abs(x) if x.dtype != np.bool_ else x],
                {"to": TensorProto.DataType.Name(to) if d.opset < 6 else to})


@form("CastLike")
def cast_like(d: Draw) -> Node:
    kinds = (np.float32, np.float64, np.int32, np.int64, np.bool_, np.uint8)
    x = d.array(d.pick(kinds), d.shape(0))
    return Node([np.abs(x) if x.dtype != np.bool_ else x, d.array(d.pick(kinds), [1])])


@form("Dropout")
def dropout(d: Draw) -> Node:
    x = d.array(d.pick(FLOATS), d.shape())
    if d.opset >= 12:
        return Node([x, np.asarray(0.3, np.float32)] if d.chance() else [x])
    attributes: dict[str, Any] = {"ratio": 0.3} if d.chance() else {}
    if d.opset < 7:
        attributes["is_test"] = 1
    return Node([x], attributes)


# ===----------------------------------------------------------------------------------
# Reductions and scans
# ===----------------------------------------------------------------------------------


@form(*(f"Reduce{name}" for name in ("Sum", "Mean", "Max", "Min", "Prod", "L1", "L2", "LogSum",
                                     "LogSumExp", "SumSquare")))
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
    return Node([d.array(d.pick((np.float32, np.float64, np.int32, np.int64)), shape), axis],
                {name: d.number(0, 1) for name in ("exclusive", "reverse") if d.chance()},
                constants=(1,))


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
    return Node([d.array(d.pick(FLOATS if d.opset < 9 else NUMBERS), shape)],
                {"axis": d.number(low, len(shape))} if d.chance(0.7) else {})


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
    kind = d.pick((np.float32, np.float64) if d.opset < 13 else
                  (np.float32, np.float64, np.int32, np.int64, np.uint8, np.int8))
    value = np.asarray(2, kind) if d.chance() else None
    return Node([d.array(kind, shape), np.array(pads, np.int64), value], {"mode": mode},
                constants=(1,))


@form("Expand", "Tile")
def expand(d: Draw) -> Node:
    shape = d.shape(0 if d.op == "Expand" else 1)
    x = d.array(d.pick((*NUMBERS, np.bool_)), shape)
    if d.op == "Expand":
        x = d.array(x.dtype, d.broadcast(shape))
        return Node([x, np.array(shape, np.int64)], constants=(1,))
    if d.opset < 6:
        axis = d.number(0, len(shape) - 1)
        return Node([d.array(np.float32, shape), np.array([d.number(1, 3)], np.float32),
                     np.array([axis], np.float32)], constants=(1, 2))
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
    return Node([np.array(d.shape(0), np.int64)], {"value": value} if d.chance(0.7) else {},
                constants=(0,))


@form("Range")
def range_(d: Draw) -> Node:
    kind = d.pick((np.float32, np.float64, np.int32, np.int64))
    start, count, step = d.number(-5, 5), d.number(0, 6), d.pick([1, 2, -1, -3])
    return Node([np.asarray(v, kind) for v in (start, start + count * step, step)],
                constants=(0, 1, 2))


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
    return Node([d.array(d.pick((*NUMBERS, np.bool_)), shape),
                 indices(d, shape[axis], d.shape(0, 3))], {"axis": axis})


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
        attributes["reduction"] = d.pick(["none", "add", "mul"] +
                                         (["max", "min"] if d.opset >= 18 else []))
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
        attributes["reduction"] = d.pick(["none", "add", "mul"] +
                                         (["max", "min"] if d.opset >= 18 else []))
    return Node([data, places, d.array(kind, [count, *shape[length:]])], attributes)


@form("OneHot")
def one_hot(d: Draw) -> Node:
    shape = d.shape(1, 3)
    size = d.number(1, 5)
    kind = d.pick((np.float32, np.int64))
    places = d.rng.integers(-size if d.opset >= 11 else 0, size, tuple(shape))
    return Node([places.astype(np.int64), np.array([size], np.int64), d.array(kind, [2])],
                {"axis": d.axis(len(shape) + 1)} if d.chance(0.7) else {}, constants=(1,))


@form("NonZero")
def non_zero(d: Draw) -> Node:
    return Node([d.array(d.pick((np.bool_, np.int32, np.int64)), d.shape(1))])


@form("Compress")
def compress(d: Draw) -> Node:
    shape = d.shape(1)
    axis = d.axis(len(shape)) if d.chance() else None
    length = int(np.prod(shape)) if axis is None else shape[axis]
    return Node([d.array(np.float32, shape), d.array(np.bool_, [d.number(1, length)])],
                {} if axis is None else {"axis": axis})


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
    return Node([d.array(np.float32, shape), lengths],
                {"batch_axis": batch, "time_axis": 1 - batch})


# ===----------------------------------------------------------------------------------
# Contractions, pools, norms
# ===----------------------------------------------------------------------------------


@form("MatMul")
def matmul(d: Draw) -> Node:
    kind = d.pick((np.float32, np.float64) if d.opset < 9 else
                  (np.float32, np.float64, np.int32, np.int64))
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
    equation = d.pick(["ab,bc->ac", "ab,bc", "abc->cab", "ab->", "ab,ab->a", "abc,acd->abd",
                       "a,b->ab", "ba", "...a,ab->...b", "ab,b->ba"])
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
    operands = [d.array(kind, [d.number(1, 2), channels, *sizes]),
                d.array(kind, [outputs, channels // group, *kernel])]
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
    operands = [d.array(np.float32, [d.number(1, 2), channels, *sizes]),
                d.array(np.float32, [channels, outputs, *kernel])]
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
    return Node([d.array(np.float32, shape), d.array(np.float32, [shape[1]]),
                 d.array(np.float32, [shape[1]])], attributes)


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
    return Node([d.array(np.float32, [d.number(1, 2), channels, *d.shape(1, 2)]),
                 d.array(np.float32, [count]), d.array(np.float32, [count])],
                {"num_groups": groups, "epsilon": float(d.rng.uniform(1e-4, 0.1))})


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
            ["half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel"]),
    }
    if mode == "nearest":
        attributes["nearest_mode"] = d.pick(
            ["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"])
    if mode == "cubic" and d.chance():
        attributes["cubic_coeff_a"] = d.pick([-0.5, -0.75])
    if mode == "cubic" and d.chance(0.3):
        attributes["exclude_outside"] = 1
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
    return Node([d.array(np.float32, [n, c, *[d.number(2, 5) for _ in range(spatial)]]),
                 grid.astype(np.float32)],
                {"mode": d.pick(modes), "padding_mode": d.pick(["zeros", "border", "reflection"]),
                 "align_corners": d.number(0, 1)})


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
    return Node([d.array(np.float32, shape, 20), np.asarray(scale, np.float32), zero],
                {"axis": axis} if per_axis else {})


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


def get_versions(op: str, newest: int) -> list[int]:
    """The opsets in which the operator got a new form, up to the newest one."""
    return sorted({
        schema.since_version
        for schema in onnx.defs.get_all_schemas_with_history()
        if schema.domain == "" and schema.name == op and schema.since_version <= newest
    })


def draw_node(op: str, opset: int, seed: int) -> Node:
    return FORMS[op](Draw(op, opset, seed))
