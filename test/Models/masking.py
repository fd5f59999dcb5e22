"""The masked twin of a pruned model, written without any code of the compiler.

A pruned model must compute what the original computes once every parameter slice of
a removed unit is zero and normalisations over removed units count the kept ones only.
The table of what was removed comes from the JSON report of the pruning.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper


def zero_removed(array: np.ndarray, edits: list[dict[str, Any]]) -> np.ndarray:
    """Sets to zero what the edits of one tensor leave out."""
    result = array.copy()
    for edit in edits:
        axis, kept = edit["axis"], edit["kept"]
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


def restrict_norms(
    model: onnx.ModelProto, kept: dict[tuple[str, int], list[int]]
) -> onnx.ModelProto:
    """Makes normalisations count kept units only.

    `kept` maps (node name, axis of its first input) to the places that stay. The
    node sees those places alone; where its result still has the axis, the others
    become zero.
    """
    result = onnx.ModelProto()
    result.CopyFrom(model)
    nodes = []
    for node in result.graph.node:
        axes = [(axis, places) for (name, axis), places in kept.items() if name == node.name]
        for axis, places in axes:
            prefix = f"{node.name}_{axis}"
            gathered = prefix + "_kept"
            result.graph.initializer.append(
                numpy_helper.from_array(np.array(places, dtype=np.int64), gathered + "_places")
            )
            nodes.append(
                helper.make_node(
                    "Gather", [node.input[0], gathered + "_places"], [gathered], axis=axis
                )
            )
            node.input[0] = gathered
        nodes.append(node)
        if node.op_type == "LRN":
            # Put the places back among zeros: padded by one, gathered by position.
            for axis, _ in axes:
                raise_to = node.output[0]
                short = raise_to + "_short"
                node.output[0] = short
                width = kept[(node.name, axis)]
                extent = kept_extent(model, node.name, axis)
                position = np.full(extent, len(width), dtype=np.int64)
                position[np.array(width)] = np.arange(len(width))
                rank = 4
                pads = np.zeros(2 * rank, dtype=np.int64)
                pads[rank + axis] = 1
                result.graph.initializer.extend(
                    [
                        numpy_helper.from_array(pads, short + "_pads"),
                        numpy_helper.from_array(position, short + "_position"),
                    ]
                )
                nodes.append(
                    helper.make_node("Pad", [short, short + "_pads"], [short + "_padded"])
                )
                nodes.append(
                    helper.make_node(
                        "Gather",
                        [short + "_padded", short + "_position"],
                        [raise_to],
                        axis=axis,
                    )
                )
    del result.graph.node[:]
    result.graph.node.extend(nodes)
    return result


def kept_extent(model: onnx.ModelProto, node_name: str, axis: int) -> int:
    """The size of an axis of a node's first input."""
    inferred = onnx.shape_inference.infer_shapes(model)
    node = next(node for node in inferred.graph.node if node.name == node_name)
    for info in [*inferred.graph.value_info, *inferred.graph.input]:
        if info.name == node.input[0]:
            return info.type.tensor_type.shape.dim[axis].dim_value
    raise KeyError(node.input[0])
