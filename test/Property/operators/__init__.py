"""Draws models of one operator, in every version that it had, over its legal attributes.

`FORMS` maps an operator to a function that draws one node of a version (an opset) with
a random generator: attributes over their legal range, operands of every element type
that ONNX Runtime computes with. ONNX Runtime, on the model as drawn, is the oracle.
"""

from __future__ import annotations

import onnx

from Property.operators import contrib, elementwise, layers, regions, shapes
from Property.operators.drawing import FORMS, Draw, Node

__all__ = [
    "FORMS",
    "Node",
    "contrib",
    "draw_node",
    "elementwise",
    "get_versions",
    "layers",
    "regions",
    "shapes",
]


def get_versions(op: str, newest: int) -> list[int]:
    """The opsets in which the operator got a new form, up to the newest one."""
    return sorted(
        {
            schema.since_version
            for schema in onnx.defs.get_all_schemas_with_history()
            if schema.domain == "" and schema.name == op and schema.since_version <= newest
        }
    )


def draw_node(op: str, opset: int, seed: int) -> Node:
    return FORMS[op](Draw(op, opset, seed))
