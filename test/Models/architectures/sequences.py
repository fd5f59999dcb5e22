"""Recurrent networks, and convolutions over time."""

from __future__ import annotations

import onnx
from onnx import TensorProto, helper

from .builder import Builder


def recurrent_tagger(b: Builder, op: str, gates: int) -> onnx.ModelProto:
    """Two bidirectional layers."""
    words, width, hidden = b.pick((30, 24, 20), (10000, 128, 256))
    ids = b.input("ids", ["tokens" if b.free else 5, "batch" if b.free else 2], TensorProto.INT64)
    y = b.node("Gather", b.weight("words", words, width, scale=0.5), ids)
    for i in range(2):
        inner = width if i == 0 else 2 * hidden
        scale = b.pick(0.3, hidden**-0.5)
        w = b.weight(f"{i}.w", 2, gates * hidden, inner, scale=scale)
        r = b.weight(f"{i}.r", 2, gates * hidden, hidden, scale=scale)
        bias = b.weight(f"{i}.b", 2, 2 * gates * hidden, scale=0.1)
        y, *_ = b.node(op, y, w, r, bias, outputs=2, hidden_size=hidden, direction="bidirectional")
        y = b.node("Transpose", y, perm=[0, 2, 1, 3])
        y = b.node("Reshape", y, b.ints(0, 0, -1))
    b.output(b.linear(y, "head", 2 * hidden, 7), "y")
    return b.finish()


def lstm_tagger(b: Builder) -> onnx.ModelProto:
    return recurrent_tagger(b, "LSTM", 4)


def gru_tagger(b: Builder) -> onnx.ModelProto:
    return recurrent_tagger(b, "GRU", 3)


def scan_rnn(b: Builder) -> onnx.ModelProto:
    """h = tanh(x W + h R), written as a loop over the sequence."""
    width, hidden = b.pick((12, 16), (64, 256))
    x = b.input("x", ["tokens" if b.free else 5, 2, width])
    scale = b.pick(0.3, hidden**-0.5)
    w, r = b.weight("w", width, hidden, scale=scale), b.weight("r", hidden, hidden, scale=scale)
    info = helper.make_tensor_value_info
    body = helper.make_graph(
        [
            helper.make_node("MatMul", ["xt", w], ["xw"]),
            helper.make_node("MatMul", ["h", r], ["hr"]),
            helper.make_node("Add", ["xw", "hr"], ["sum"]),
            helper.make_node("Tanh", ["sum"], ["next"]),
            helper.make_node("Identity", ["next"], ["yt"]),
        ],
        "body",
        [info("h", TensorProto.FLOAT, [2, hidden]), info("xt", TensorProto.FLOAT, [2, width])],
        [info("next", TensorProto.FLOAT, [2, hidden]), info("yt", TensorProto.FLOAT, [2, hidden])],
    )
    start = b.node("MatMul", b.input("h0", [2, 6]), b.weight("start", 6, hidden))
    _, y = b.node("Scan", start, x, outputs=2, num_scan_inputs=1, body=body)
    b.output(b.linear(y, "head", hidden, 5), "y")
    return b.finish()


def tcn(b: Builder) -> onnx.ModelProto:
    """Dilated causal convolutions over time."""
    width, inner = b.pick(16, 128), 8
    y = b.input("x", ["batch" if b.free else 2, inner, "time" if b.free else 20])
    for i in range(b.pick(3, 6)):
        pads = [0, 0, 2**i * 2, 0, 0, 0]
        padded = b.node("Pad", y, b.ints(*pads))
        weight = b.weight(f"{i}.weight", width, inner, 3)
        bias = b.weight(f"{i}.bias", width, scale=0.1)
        z = b.node("Relu", b.node("Conv", padded, weight, bias, dilations=[2**i]))
        if inner != width:
            y = b.node("Conv", y, b.weight(f"{i}.skip", width, inner, 1))
        y, inner = b.node("Add", y, z), width
    b.output(b.node("Conv", y, b.weight("head", 4, width, 1)), "y")
    return b.finish()


def wavenet(b: Builder) -> onnx.ModelProto:
    """Gated activations with residual and skip connections."""
    width, skips, layers = b.pick((16, 12, 2), (64, 128, 8))
    x = b.input("x", ["batch" if b.free else 2, 1, "time" if b.free else 24])
    y = b.node("Conv", x, b.weight("stem", width, 1, 1))
    total = ""
    for i in range(layers):
        d = 2**i
        bias = b.weight(f"{i}.bias", 2 * width, scale=0.1)
        weight = b.weight(f"{i}.weight", 2 * width, width, 3)
        both = b.node("Conv", y, weight, bias, dilations=[d], pads=[d, d])
        f, g = b.node("Split", both, b.ints(width, width), outputs=2, axis=1)
        z = b.node("Mul", b.node("Tanh", f), b.node("Sigmoid", g))
        skip = b.node("Conv", z, b.weight(f"{i}.skip", skips, width, 1))
        total = b.node("Add", total, skip) if total else skip
        if i + 1 < layers:
            y = b.node("Add", y, b.node("Conv", z, b.weight(f"{i}.back", width, width, 1)))
    b.output(b.node("Conv", b.node("Relu", total), b.weight("head", 5, skips, 1)), "y")
    return b.finish()
