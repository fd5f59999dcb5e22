"""The masked twin of a pruned model, written without any code of the compiler.

A pruned model must compute what the original computes once every parameter slice of
a removed unit is zero and normalisations over removed units count the kept ones only.
The table of what was removed comes from the JSON report of the pruning.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper


def zero_removed(array: np.ndarray, edits: list[dict[str, Any]]) -> np.ndarray:
    """Sets to zero what the edits of one tensor leave out."""
    result = array.copy()
    for edit in edits:
        axis, kept = edit["axis"], edit["sources"]
        extent = array.shape[axis]
        if len(kept) == 1:
            removed = np.setdiff1d(np.arange(extent), kept[0])
            index: list[Any] = [slice(None)] * array.ndim
            index[axis] = removed
            result[tuple(index)] = 0
            continue
        length = array.shape[edit["block_axis"]] // len(kept)
        for block, places in enumerate(kept):
            removed = np.setdiff1d(np.arange(extent), places)
            index = [slice(None)] * array.ndim
            index[edit["block_axis"]] = slice(block * length, (block + 1) * length)
            # An index list beside slices keeps the order of the axes.
            index[axis] = removed
            result[tuple(index)] = 0
    return result


def tensors_of(model: onnx.ModelProto) -> dict[str, onnx.TensorProto]:
    """Initializers and constants by name."""
    tensors = {tensor.name: tensor for tensor in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type == "Constant" and node.attribute[0].HasField("t"):
            tensors[node.output[0]] = node.attribute[0].t
    return tensors


def mask(model: onnx.ModelProto, edits: list[dict[str, Any]]) -> onnx.ModelProto:
    """The model with zeros in place of what was removed."""
    masked = onnx.ModelProto()
    masked.CopyFrom(model)
    by_name: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for edit in edits:
        by_name[edit["source_name"]].append(edit)
    tensors = tensors_of(masked)
    for name, list_of_edits in by_name.items():
        if not name:
            continue
        array = zero_removed(numpy_helper.to_array(tensors[name]), list_of_edits)
        tensors[name].CopyFrom(numpy_helper.from_array(array, tensors[name].name))
    return masked


# Normalisations whose result has all axes of their input; others reduce the axis away.
KEEPS_AXIS = {"LRN", "LayerNormalization", "RMSNormalization", "LpNormalization"}


class Restriction:
    """Makes normalisations count kept units only.

    They see the kept places alone; where the result still has the axis, the other places
    are put back as zeros.
    """

    def __init__(self, model: onnx.ModelProto) -> None:
        self.model = onnx.ModelProto()
        self.model.CopyFrom(model)
        (self.opset,) = (o.version for o in model.opset_import if o.domain in ("", "ai.onnx"))
        inferred = onnx.shape_inference.infer_shapes(model).graph
        self.shapes = {
            info.name: [dim.dim_value for dim in info.type.tensor_type.shape.dim]
            for info in (*inferred.value_info, *inferred.input)
        }
        self.shapes |= {tensor.name: list(tensor.dims) for tensor in inferred.initializer}
        self.nodes: list[onnx.NodeProto] = []

    def constant(self, name: str, values: Any) -> str:
        array = np.array(values, dtype=np.int64)
        self.model.graph.initializer.append(numpy_helper.from_array(array, name))
        return name

    def gather(self, source: str, places: str, target: str, axis: int) -> str:
        self.nodes.append(helper.make_node("Gather", [source, places], [target], axis=axis))
        return target

    def restrict(self, node: onnx.NodeProto, axis: int, kept: list[int]) -> Callable[[], None]:
        """Shows a node the kept places of an axis of its first input only.

        The result puts the others back, and is to be called once the node is in place.
        """
        shape = self.shapes[node.input[0]]
        prefix = f"{node.output[0]}_{axis}"
        places = self.constant(prefix + "_kept", kept)
        for index, operand in enumerate(node.input):
            # Scales and shifts run along the last axes.
            own = axis - len(shape) + len(self.shapes.get(operand, []))
            if own >= 0 and self.shapes[operand][own] == shape[axis]:
                node.input[index] = self.gather(operand, places, f"{prefix}_{index}", own)
                self.shapes[node.input[index]] = [
                    len(kept) if i == own else size for i, size in enumerate(self.shapes[operand])
                ]
        if node.op_type not in KEEPS_AXIS:
            return lambda: None
        whole, short, padded = node.output[0], prefix + "_short", prefix + "_padded"
        node.output[0] = short
        pads = [0] * (2 * len(shape))
        pads[len(shape) + axis] = 1
        # The zero that is padded stands for all that were removed.
        position = np.full(shape[axis], len(kept))
        position[kept] = np.arange(len(kept))

        def put_back() -> None:
            if self.opset < 11:
                node = helper.make_node("Pad", [short], [padded], pads=pads)
            else:
                border = self.constant(prefix + "_pads", pads)
                node = helper.make_node("Pad", [short, border], [padded])
            self.nodes.append(node)
            self.gather(padded, self.constant(prefix + "_position", position), whole, axis)

        return put_back


def restrict_norms(
    model: onnx.ModelProto, kept: dict[tuple[str, int], list[int]]
) -> onnx.ModelProto:
    """The model with normalisations that count kept units only.

    `kept` maps (node name, axis of its first input) to the places that stay.
    """
    restriction = Restriction(model)
    for node in restriction.model.graph.node:
        steps = [
            restriction.restrict(node, axis, places)
            for (name, axis), places in kept.items()
            if name == node.name
        ]
        restriction.nodes.append(node)
        for put_back in reversed(steps):
            put_back()
    nodes = list(restriction.nodes)
    del restriction.model.graph.node[:]
    restriction.model.graph.node.extend(nodes)
    return restriction.model
