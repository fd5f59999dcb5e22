"""A small network to train, and gradients by differences."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

Arrays = dict[str, np.ndarray]
INS, HIDDEN, OUTS = 6, 8, 4


def perceptron(
    path: Path,
    has_softmax: bool = True,
    dtype: int = TensorProto.FLOAT,
    hidden: int = HIDDEN,
    seed: int = 3,
) -> Arrays:
    """Writes a perceptron with one hidden layer; its parameters."""
    random = np.random.default_rng(seed)
    kind = helper.tensor_dtype_to_np_dtype(dtype)
    params = {
        "w": random.normal(size=(INS, hidden)),
        "b": random.normal(size=hidden),
        "v": random.normal(size=(hidden, OUTS)),
        "c": random.normal(size=OUTS),
    }
    params = {name: value.astype(kind) for name, value in params.items()}
    nodes = [
        helper.make_node("Gemm", ["x", "w", "b"], ["h"]),
        helper.make_node("Tanh", ["h"], ["t"]),
        helper.make_node("Gemm", ["t", "v", "c"], ["y" if not has_softmax else "z"]),
    ]
    if has_softmax:
        nodes.append(helper.make_node("Softmax", ["z"], ["y"], axis=1))
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", dtype, ["N", INS])],
        [helper.make_tensor_value_info("y", dtype, ["N", OUTS])],
        [numpy_helper.from_array(value, name) for name, value in params.items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)]), path)
    return params


def draw_examples(count: int, seed: int = 0) -> Arrays:
    """Examples of the class whose input is the largest."""
    x = np.random.default_rng(seed).normal(size=(count, INS)).astype(np.float32)
    return {"x": x, "labels": x[:, :OUTS].argmax(axis=1)}


def gradients(p: Arrays, x: np.ndarray, labels: np.ndarray, is_class: bool) -> Arrays:
    """Of the mean cross-entropy of a perceptron, or of its mean square error."""
    t = np.tanh(x @ p["w"] + p["b"])
    z = t @ p["v"] + p["c"]
    dz = (softmax(z) - np.eye(OUTS)[labels]) / len(x) if is_class else 2 * (z - labels) / z.size
    dh = dz @ p["v"].T * (1 - t * t)
    return {"w": x.T @ dh, "b": dh.sum(axis=0), "v": t.T @ dz, "c": dz.sum(axis=0)}


def write_network(path: Path, text: str, weights: Arrays) -> None:
    """Writes a network that a text describes, with weights by name."""
    model = onnx.parser.parse_model(text)
    for name, value in weights.items():
        model.graph.initializer.append(numpy_helper.from_array(value, name))
    onnx.save(model, path)


def draw_weights(shapes: dict[str, tuple[int, ...]], seed: int = 0) -> Arrays:
    random = np.random.default_rng(seed)
    return {name: random.normal(size=s).astype(np.float32) for name, s in shapes.items()}


def read_params(path: Path) -> Arrays:
    return {t.name: numpy_helper.to_array(t) for t in onnx.load(path).graph.initializer}


def write_params(path: Path, params: Arrays) -> None:
    """Gives a model other values of its parameters."""
    model = onnx.load(path)
    for tensor in model.graph.initializer:
        tensor.CopyFrom(numpy_helper.from_array(params[tensor.name], tensor.name))
    onnx.save(model, path)


def differ(loss: Callable[[Arrays], float], params: Arrays) -> Arrays:
    """The gradient of a loss by differences."""
    found = {key: np.zeros_like(value) for key, value in params.items()}
    for key, value in params.items():
        for place in np.ndindex(value.shape):
            losses = []
            for sign in (1, -1):
                moved = params | {key: value.copy()}
                moved[key][place] += sign * 1e-6
                losses.append(loss(moved))
            found[key][place] = (losses[0] - losses[1]) / 2e-6
    return found


def softmax(z: np.ndarray, axis: int = 1) -> np.ndarray:
    odds = np.exp(z - z.max(axis=axis, keepdims=True))
    return odds / odds.sum(axis=axis, keepdims=True)


def logits(p: Arrays, x: np.ndarray) -> np.ndarray:
    """What the perceptron has before its softmax."""
    return np.tanh(x @ p["w"] + p["b"]) @ p["v"] + p["c"]
