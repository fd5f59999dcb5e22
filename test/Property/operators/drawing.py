"""How one node of an operator is drawn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

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
        domain, _, kind_of_node = op.rpartition(".")
        node = helper.make_node(
            kind_of_node, names, outputs, name="node", domain=domain, **self.attributes
        )
        graph = helper.make_graph([node], "g", inputs, [], weights)
        for name in outputs:
            graph.output.append(onnx.ValueInfoProto(name=name))
        opsets = [helper.make_opsetid("", opset)]
        if domain:
            opsets.append(helper.make_opsetid(domain, 1))
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
