"""Elementwise operators."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from onnx import TensorProto, helper

from Property.operators.drawing import FLOATS, FORMS, INTEGERS, NUMBERS, Draw, Form, Node, form


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


for _name in (
    "Exp",
    "Floor",
    "Ceil",
    "Sqrt",
    "Log",
    "Reciprocal",
    "Sigmoid",
    "Tanh",
    "Softplus",
    "Softsign",
    "Round",
    "Sin",
    "Cos",
    "Tan",
    "Asin",
    "Acos",
    "Atan",
    "Sinh",
    "Cosh",
    "Asinh",
    "Acosh",
    "Atanh",
    "HardSwish",
    "Mish",
    "IsNaN",
    "Erf",
):
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
    return Node(
        [d.array(kind, d.broadcast(shape)), amount], {"direction": d.pick(["LEFT", "RIGHT"])}
    )


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
        return Node(
            [d.array(d.pick(FLOATS), d.shape(0))],
            {name: value for name, value in given.items() if d.chance(0.7)},
        )
    kind = d.pick(FLOATS if d.opset < 12 else NUMBERS)
    low = np.asarray(1 if d.chance() else 0, kind) if d.chance(0.7) else None
    high = np.asarray(4, kind) if d.chance(0.7) else None
    return Node([d.array(kind, d.shape(0)), low, high])


@form("Where")
def where(d: Draw) -> Node:
    kind = d.pick((*NUMBERS, np.bool_))
    shape = d.shape(0)
    return Node(
        [
            d.array(np.bool_, d.broadcast(shape)),
            d.array(kind, d.broadcast(shape)),
            d.array(kind, d.broadcast(shape)),
        ]
    )


@form("Cast")
def cast(d: Draw) -> Node:
    kinds = (
        np.float32,
        np.float64,
        np.float16,
        np.int32,
        np.int64,
        np.bool_,
        np.uint8,
        np.int8,
        np.int16,
    )
    to = helper.np_dtype_to_tensor_dtype(np.dtype(d.pick(kinds)))
    x = d.array(d.pick(kinds), d.shape(0))
    return Node(
        [np.abs(x) if x.dtype != np.bool_ else x],
        {"to": TensorProto.DataType.Name(to) if d.opset < 6 else to},
    )


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
