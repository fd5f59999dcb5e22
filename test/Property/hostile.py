"""Models that nobody should write."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from Property.watching import Finding, watch

Rng = np.random.Generator

# ===----------------------------------------------------------------------------------
# Hostile models
# ===----------------------------------------------------------------------------------

NUMBERS = [
    0,
    -1,
    -2,
    -7,
    1,
    2,
    3,
    4,
    5,
    17,
    255,
    65536,
    2**31 - 1,
    2**31,
    -(2**31),
    2**32,
    2**40,
    2**62,
    2**63 - 1,
    -(2**63),
    10**9,
    2 * 10**9,
]
FLOATS = [
    0.0,
    -1.0,
    1.0,
    0.5,
    2.0,
    1e-30,
    1e30,
    -1e30,
    float("inf"),
    -float("inf"),
    float("nan"),
    3.7,
]


def number(rng: Rng) -> int:
    """A whole number, small and sound half of the time."""
    return int(rng.integers(-2, 6)) if rng.random() < 0.5 else int(rng.choice(np.array(NUMBERS)))


def numbers(rng: Rng, low: int = 0, high: int = 5) -> list[int]:
    return [number(rng) for _ in range(int(rng.integers(low, high + 1)))]


def real(rng: Rng) -> float:
    return float(rng.choice(np.array(FLOATS)))


def sizes(rng: Rng, low: int = 0, high: int = 4) -> list[int]:
    return [int(rng.integers(0, 6)) for _ in range(int(rng.integers(low, high + 1)))]


@dataclass
class Sketch:
    """A graph of one node, half of whose ingredients are sound."""

    op: str
    operands: list[np.ndarray | list[int] | None]
    attributes: dict
    outputs: int = 1
    opset: int = 17

    def model(self, rng: Rng) -> onnx.ModelProto:
        names, inputs, weights = [], [], []
        for i, operand in enumerate(self.operands):
            names.append("" if operand is None else f"x{i}")
            if isinstance(operand, np.ndarray):
                if rng.random() < 0.8:
                    weights.append(numpy_helper.from_array(operand, f"x{i}"))
                else:
                    kind = helper.np_dtype_to_tensor_dtype(operand.dtype)
                    inputs.append(helper.make_tensor_value_info(f"x{i}", kind, operand.shape))
            elif operand is not None:
                shape = [
                    f"n{i}{axis}" if rng.random() < 0.1 else size
                    for axis, size in enumerate(operand)
                ]
                inputs.append(helper.make_tensor_value_info(f"x{i}", TensorProto.FLOAT, shape))
        outputs = [f"y{i}" for i in range(self.outputs)]
        node = helper.make_node(self.op, names, outputs)
        for name, value in self.attributes.items():
            if value is not None:
                kind = onnx.AttributeProto.INTS if isinstance(value, list) else None
                node.attribute.append(helper.make_attribute(name, value, attr_type=kind))
        graph = helper.make_graph([node], "g", inputs, [], weights)
        for name in outputs:
            graph.output.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, None))
        opsets = [helper.make_opsetid("", self.opset)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=8)


def ints(rng: Rng, low: int = 0, high: int = 5) -> np.ndarray:
    return np.array(numbers(rng, low, high), np.int64)


def floats(rng: Rng, low: int = 0, high: int = 5) -> np.ndarray:
    return np.array([real(rng) for _ in range(int(rng.integers(low, high + 1)))], np.float32)


def maybe(rng: Rng, value: object, chance: float = 0.5) -> object:
    return value if rng.random() < chance else None


def image(rng: Rng) -> list[int]:
    """The sizes of a tensor with spatial axes, mostly."""
    return [1, 4, 8, 8] if rng.random() < 0.6 else sizes(rng)


def window(rng: Rng, kernel: bool = False) -> dict:
    return {
        "strides": maybe(rng, numbers(rng, 1, 3)),
        "dilations": maybe(rng, numbers(rng, 1, 3)),
        "pads": maybe(rng, numbers(rng, 2, 5)),
        "auto_pad": maybe(rng, str(rng.choice(["SAME_UPPER", "SAME_LOWER", "VALID"])), 0.3),
        "kernel_shape": numbers(rng, 1, 3) if kernel else maybe(rng, numbers(rng, 1, 3), 0.3),
    }


def pool(op: str) -> Callable[[Rng], Sketch]:
    def draw(rng: Rng) -> Sketch:
        return Sketch(op, [image(rng)], {**window(rng, True), "ceil_mode": maybe(rng, number(rng))})

    return draw


def reduce(op: str) -> Callable[[Rng], Sketch]:
    return lambda rng: Sketch(
        op, [sizes(rng), ints(rng)], {"keepdims": maybe(rng, number(rng))}, opset=18
    )


def recurrent(op: str, gates: int) -> Callable[[Rng], Sketch]:
    def draw(rng: Rng) -> Sketch:
        h = 3 if rng.random() < 0.5 else number(rng)
        shapes: list = [[2, 2, 4], [1, gates * 3, 4], [1, gates * 3, 3]]
        if rng.random() < 0.5:
            shapes[int(rng.integers(3))] = sizes(rng)
        lengths = np.array(numbers(rng, 0, 3)).astype(np.int32)
        return Sketch(
            op,
            [*shapes, None, maybe(rng, lengths)],
            {"hidden_size": h, "direction": maybe(rng, "bidirectional", 0.3)},
        )

    return draw


def axis_op(op: str, opset: int = 17, **more: object) -> Callable[[Rng], Sketch]:
    return lambda rng: Sketch(op, [sizes(rng)], {"axis": number(rng), **more}, opset=opset)


KINDS: dict[str, Callable[[Rng], Sketch | onnx.ModelProto]] = {
    "split": lambda r: Sketch("Split", [sizes(r), ints(r, 1, 3)], {"axis": maybe(r, number(r))}, 2),
    "split_count": lambda r: Sketch("Split", [sizes(r)], {"num_outputs": number(r)}, 2, 18),
    "tile": lambda r: Sketch("Tile", [sizes(r), ints(r)], {}),
    "expand": lambda r: Sketch("Expand", [sizes(r), ints(r)], {}),
    "reshape": lambda r: Sketch("Reshape", [sizes(r), ints(r)], {"allowzero": maybe(r, 1)}),
    "constant_of_shape": lambda r: Sketch("ConstantOfShape", [ints(r)], {}),
    "one_hot": lambda r: Sketch(
        "OneHot", [ints(r), ints(r, 1, 1), floats(r, 2, 2)], {"axis": maybe(r, number(r))}
    ),
    "topk": lambda r: Sketch("TopK", [sizes(r), ints(r, 0, 2)], {"axis": maybe(r, number(r))}, 2),
    "resize_scales": lambda r: Sketch(
        "Resize", [image(r), None, floats(r, 3, 5)], {"mode": maybe(r, "linear")}
    ),
    "resize_sizes": lambda r: Sketch(
        "Resize", [image(r), None, None, ints(r, 3, 5)], {"mode": maybe(r, "cubic")}
    ),
    "resize_antialias": lambda r: Sketch(
        "Resize",
        [
            [1, 2, int(r.choice([5, 2000])), 6],
            None,
            floats(r, 3, 5)
            if r.random() < 0.2
            else np.array([1, 1, *r.choice([1e-30, 1e-3, 0.01, 0.4, 3], 2)], np.float32),
        ],
        {"antialias": 1, "mode": str(r.choice(["linear", "cubic", "nearest"]))},
        opset=19,
    ),
    "resize_many_axes": lambda r: (
        lambda rank: Sketch(
            "Resize",
            [[2] * rank, None, np.full(rank, r.choice([0.5, 1.5]), np.float32)],
            {"mode": str(r.choice(["linear", "cubic"]))},
            opset=19,
        )
    )(int(r.integers(4, 9))),
    "upsample": lambda r: Sketch("Upsample", [image(r), floats(r, 3, 5)], {}, opset=9),
    "conv": lambda r: Sketch(
        "Conv",
        [image(r), [4, 4, 3, 3] if r.random() < 0.5 else sizes(r)],
        {**window(r), "group": maybe(r, number(r))},
    ),
    "conv_transpose": lambda r: Sketch(
        "ConvTranspose",
        [image(r), [4, 4, 3, 3] if r.random() < 0.5 else sizes(r)],
        {
            **window(r),
            "group": maybe(r, number(r)),
            "output_padding": maybe(r, numbers(r, 1, 3), 0.3),
            "output_shape": maybe(r, numbers(r, 1, 4), 0.3),
        },
    ),
    "max_pool": pool("MaxPool"),
    "average_pool": pool("AveragePool"),
    "lp_pool": lambda r: Sketch(
        "LpPool", [image(r)], {**window(r, True), "p": maybe(r, number(r))}
    ),
    "global_lp_pool": lambda r: Sketch("GlobalLpPool", [image(r)], {"p": number(r)}),
    "depth_to_space": lambda r: Sketch("DepthToSpace", [image(r)], {"blocksize": number(r)}),
    "space_to_depth": lambda r: Sketch("SpaceToDepth", [image(r)], {"blocksize": number(r)}),
    "slice": lambda r: Sketch("Slice", [sizes(r), *[ints(r, 1, 2) for _ in range(4)]], {}),
    "pad": lambda r: Sketch(
        "Pad",
        [sizes(r), ints(r, 2, 6)],
        {"mode": maybe(r, str(r.choice(["reflect", "edge", "wrap"])))},
        opset=19,
    ),
    "concat": lambda r: Sketch("Concat", [sizes(r), sizes(r)], {"axis": number(r)}),
    "gather": lambda r: Sketch("Gather", [sizes(r), ints(r)], {"axis": maybe(r, number(r))}),
    "gather_elements": lambda r: Sketch(
        "GatherElements", [sizes(r), ints(r)], {"axis": maybe(r, number(r))}
    ),
    "gather_nd": lambda r: Sketch(
        "GatherND", [sizes(r), ints(r)], {"batch_dims": maybe(r, number(r))}
    ),
    "scatter_elements": lambda r: Sketch(
        "ScatterElements", [sizes(r), ints(r), floats(r)], {"axis": maybe(r, number(r))}
    ),
    "scatter_nd": lambda r: Sketch("ScatterND", [sizes(r), ints(r), floats(r)], {}),
    "transpose": lambda r: Sketch("Transpose", [sizes(r)], {"perm": numbers(r)}),
    "squeeze": lambda r: Sketch("Squeeze", [sizes(r), ints(r)], {}),
    "unsqueeze": lambda r: Sketch("Unsqueeze", [sizes(r), ints(r)], {}),
    "flatten": axis_op("Flatten"),
    "softmax": axis_op("Softmax"),
    "log_softmax_old": axis_op("LogSoftmax", 11),
    "hardmax": axis_op("Hardmax", 11),
    "layer_norm": lambda r: Sketch("LayerNormalization", [sizes(r), sizes(r)], {"axis": number(r)}),
    "rms_norm": lambda r: Sketch(
        "RMSNormalization", [sizes(r), sizes(r)], {"axis": number(r)}, opset=23
    ),
    "batch_norm": lambda r: Sketch("BatchNormalization", [image(r), *[sizes(r, 1, 1)] * 4], {}),
    "instance_norm": lambda r: Sketch(
        "InstanceNormalization", [image(r), *[sizes(r, 1, 1)] * 2], {"epsilon": real(r)}
    ),
    "group_norm": lambda r: Sketch(
        "GroupNormalization", [image(r), [4], [4]], {"num_groups": number(r)}, opset=21
    ),
    "lp_norm": axis_op("LpNormalization", p=3),
    "lrn": lambda r: Sketch("LRN", [image(r)], {"size": number(r)}),
    "reduce_sum": reduce("ReduceSum"),
    "reduce_max": reduce("ReduceMax"),
    "reduce_mean": reduce("ReduceMean"),
    "arg_max": axis_op("ArgMax"),
    "cumsum": lambda r: Sketch("CumSum", [sizes(r), ints(r, 1, 1)], {}),
    "trilu": lambda r: Sketch("Trilu", [sizes(r), maybe(r, ints(r, 0, 2))], {}),
    "eye_like": lambda r: Sketch("EyeLike", [sizes(r)], {"k": number(r)}),
    "range": lambda r: Sketch("Range", [np.asarray(number(r)) for _ in range(3)], {}),
    "range_floats": lambda r: Sketch(
        "Range", [np.asarray(real(r), np.float32) for _ in range(3)], {}
    ),
    "shape": lambda r: Sketch("Shape", [sizes(r)], {"start": number(r), "end": number(r)}),
    "compress": lambda r: Sketch(
        "Compress", [sizes(r), ints(r) > 0], {"axis": maybe(r, number(r))}
    ),
    "unique": lambda r: Sketch("Unique", [sizes(r)], {"axis": maybe(r, number(r))}, 4),
    "reverse_sequence": lambda r: Sketch(
        "ReverseSequence", [sizes(r), ints(r)], {"batch_axis": number(r), "time_axis": number(r)}
    ),
    "grid_sample": lambda r: Sketch("GridSample", [image(r), sizes(r)], {}, opset=20),
    "det": lambda r: Sketch("Det", [sizes(r)], {}),
    "matmul": lambda r: Sketch("MatMul", [sizes(r), sizes(r)], {}),
    "gemm": lambda r: Sketch(
        "Gemm",
        [sizes(r, 1, 3), sizes(r, 1, 3), sizes(r, 0, 3)],
        {"transA": maybe(r, number(r)), "alpha": maybe(r, real(r))},
    ),
    "einsum": lambda r: Sketch(
        "Einsum",
        [sizes(r) for _ in range(int(r.integers(1, 3)))],
        {"equation": "".join(r.choice([*"abc.,->0Z ", "...", "->"], int(r.integers(1, 12))))},
    ),
    "rnn": recurrent("RNN", 1),
    "gru": recurrent("GRU", 3),
    "lstm": recurrent("LSTM", 4),
    "attention": lambda r: Sketch(
        "Attention",
        [[1, 3, 8] if r.random() < 0.5 else sizes(r)] * 3,
        {"q_num_heads": number(r), "kv_num_heads": number(r)},
        opset=23,
    ),
    "rotary": lambda r: Sketch(
        "RotaryEmbedding",
        [[1, 2, 3, 8], [5, 4], [5, 4], ints(r)],
        {"rotary_embedding_dim": maybe(r, number(r)), "num_heads": maybe(r, number(r))},
        opset=23,
    ),
    "quantize": lambda r: Sketch(
        "QuantizeLinear",
        [sizes(r), floats(r)],
        {"axis": maybe(r, number(r)), "block_size": maybe(r, number(r))},
        opset=21,
    ),
    "cast": lambda r: Sketch("Cast", [sizes(r)], {"to": number(r)}),
    "add": lambda r: Sketch("Add", [sizes(r), sizes(r)], {}),
    "divide_sizes": lambda r: Sketch("Div", [ints(r), ints(r)], {}),
    "shift": lambda r: Sketch(
        "BitShift", [ints(r).view(np.uint64), ints(r).view(np.uint64)], {"direction": "LEFT"}
    ),
    "declared": lambda r: declared(r),
    "data": lambda r: data(r),
    "sizes": lambda r: size_arithmetic(r),
    "branches": lambda r: branches(r),
    "loop": lambda r: loop(r),
    "dft": lambda r: dft(r),
    "stft": lambda r: stft(r),
    "roi_align": lambda r: roi_align(r),
    "max_roi_pool": lambda r: max_roi_pool(r),
    "max_unpool": lambda r: max_unpool(r),
    "col2im": lambda r: col2im(r),
    "deform_conv": lambda r: deform_conv(r),
    "random": lambda r: random_tensor(r),
    "tf_idf": lambda r: tf_idf(r),
    "qlinear_conv": lambda r: qlinear_conv(r),
    "bit_cast": lambda r: bit_cast(r),
    "bytes": lambda r: broken_bytes(r),
}


def finish(nodes: list, inputs: list, outputs: list, weights: list = ()) -> onnx.ModelProto:
    graph = helper.make_graph(nodes, "g", inputs, outputs, weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def declared(rng: Rng) -> onnx.ModelProto:
    """Inputs and outputs of any declared shape."""
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, numbers(rng)) for name in "xy"]
    return finish([helper.make_node("Relu", ["x"], ["y"])], values[:1], values[1:])


def data(rng: Rng) -> onnx.ModelProto:
    """Weights whose sizes and data do not fit."""
    weight = TensorProto(name="w", data_type=int(rng.integers(0, 24)))
    weight.dims.extend(numbers(rng))
    if rng.random() < 0.5:
        weight.raw_data = rng.bytes(int(rng.integers(0, 40)))
    else:
        weight.float_data.extend(floats(rng).tolist())
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N"]) for name in "xy")
    return finish([helper.make_node("Add", ["x", "w"], ["y"])], [x], [y], [weight])


def size_arithmetic(rng: Rng) -> onnx.ModelProto:
    """Sizes that are computed from sizes, by anything."""
    nodes = [helper.make_node("Shape", ["x"], ["v0"])]
    weights = []
    for i in range(int(rng.integers(1, 8))):
        op = str(rng.choice(["Add", "Sub", "Mul", "Div", "Max", "Min", "Mod"]))
        weights.append(numpy_helper.from_array(ints(rng, 1, 2), f"w{i}"))
        operands = [f"v{i}", f"w{i}" if rng.random() < 0.7 else f"v{int(rng.integers(i + 1))}"]
        nodes.append(helper.make_node(op, operands, [f"v{i + 1}"]))
    last = nodes[-1].output[0]
    op = str(rng.choice(["Reshape", "Expand", "Tile"]))
    nodes.append(helper.make_node(op, ["x", last], ["y"]))
    x = helper.make_tensor_value_info(
        "x", TensorProto.FLOAT, ["N", 4] if rng.random() < 0.5 else sizes(rng, 1, 2)
    )
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    return finish(nodes, [x], [y], weights)


def branches(rng: Rng) -> onnx.ModelProto:
    """Branches that give something else each."""

    def branch(name: str) -> onnx.GraphProto:
        shape = helper.make_tensor("s", TensorProto.INT64, [2], [int(v) for v in ints(rng, 2, 2)])
        nodes = [helper.make_node(str(rng.choice(["Expand", "Reshape"])), ["x", "s"], [name])]
        value = helper.make_tensor_value_info(name, TensorProto.FLOAT, None)
        return helper.make_graph(nodes, name, [], [value], [shape])

    node = helper.make_node("If", ["c"], ["y"], then_branch=branch("a"), else_branch=branch("b"))
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, sizes(rng, 1, 2))
    c = helper.make_tensor_value_info("c", TensorProto.BOOL, sizes(rng, 0, 1))
    return finish([node], [c, x], [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)])


def dft(rng: Rng) -> Sketch:
    shape = [2, 8, 1] if rng.random() < 0.6 else sizes(rng)
    return Sketch(
        "DFT",
        [
            shape,
            maybe(rng, np.array(number(rng), np.int64)),
            maybe(rng, np.array(number(rng), np.int64)),
        ],
        {"inverse": number(rng), "onesided": number(rng)},
        opset=20,
    )


def stft(rng: Rng) -> Sketch:
    shape = [1, 32, 1] if rng.random() < 0.6 else sizes(rng)
    return Sketch(
        "STFT",
        [
            shape,
            np.array(number(rng), np.int64),
            maybe(rng, floats(rng, 0, 8)),
            maybe(rng, np.array(number(rng), np.int64)),
        ],
        {"onesided": maybe(rng, number(rng))},
    )


def roi_align(rng: Rng) -> Sketch:
    return Sketch(
        "RoiAlign",
        [image(rng), maybe(rng, [3, 4], 0.7) or sizes(rng), ints(rng, 0, 4)],
        {
            "output_height": maybe(rng, number(rng)),
            "output_width": maybe(rng, number(rng)),
            "sampling_ratio": maybe(rng, number(rng)),
            "spatial_scale": maybe(rng, real(rng)),
        },
        opset=16,
    )


def max_roi_pool(rng: Rng) -> Sketch:
    return Sketch(
        "MaxRoiPool",
        [image(rng), maybe(rng, [3, 5], 0.7) or sizes(rng)],
        {"pooled_shape": numbers(rng, 1, 3), "spatial_scale": maybe(rng, real(rng))},
    )


def max_unpool(rng: Rng) -> Sketch:
    shape = [1, 2, 2, 2] if rng.random() < 0.7 else sizes(rng)
    places = np.asarray(rng.integers(-2, 40, shape), np.int64)
    attributes = {
        key: value
        for key, value in window(rng, kernel=True).items()
        if key in ("kernel_shape", "strides", "pads")
    }
    return Sketch("MaxUnpool", [shape, places, maybe(rng, ints(rng, 3, 5), 0.4)], attributes)


def col2im(rng: Rng) -> Sketch:
    shape = [1, 8, 16] if rng.random() < 0.6 else sizes(rng)
    attributes = {
        key: value for key, value in window(rng).items() if key in ("strides", "pads", "dilations")
    }
    return Sketch("Col2Im", [shape, ints(rng, 1, 3), ints(rng, 1, 3)], attributes, opset=18)


def deform_conv(rng: Rng) -> Sketch:
    offset = [1, 18, 6, 6] if rng.random() < 0.6 else sizes(rng)
    attributes = window(rng) | {
        "group": maybe(rng, number(rng), 0.4),
        "offset_group": maybe(rng, number(rng), 0.4),
    }
    attributes.pop("auto_pad")
    return Sketch(
        "DeformConv",
        [
            image(rng),
            np.ones([4, 4, 3, 3], np.float32),
            offset,
            maybe(rng, floats(rng, 3, 5)),
            maybe(rng, sizes(rng), 0.3),
        ],
        attributes,
        opset=19,
    )


def random_tensor(rng: Rng) -> Sketch:
    op = str(rng.choice(["RandomNormal", "RandomUniform"]))
    return Sketch(
        op,
        [],
        {
            "shape": numbers(rng, 0, 4),
            "dtype": maybe(rng, number(rng)),
            "seed": maybe(rng, real(rng)),
        },
    )


def tf_idf(rng: Rng) -> Sketch:
    return Sketch(
        "TfIdfVectorizer",
        [np.asarray(rng.integers(0, 5, [6]), np.int64)],
        {
            "max_gram_length": number(rng),
            "min_gram_length": number(rng),
            "max_skip_count": number(rng),
            "mode": str(rng.choice(["TF", "IDF", "?"])),
            "ngram_counts": numbers(rng, 1, 3),
            "ngram_indexes": numbers(rng, 1, 4),
            "pool_int64s": numbers(rng, 1, 6),
        },
    )


def qlinear_conv(rng: Rng) -> Sketch:
    def byte(shape: list[int]) -> np.ndarray:
        return np.asarray(rng.integers(0, 255, shape), np.uint8)

    scale = np.array(0.1, np.float32)
    zero = byte([] if rng.random() < 0.7 else sizes(rng))
    weight = [4, 4, 3, 3] if rng.random() < 0.6 else sizes(rng)
    return Sketch(
        "QLinearConv",
        [
            byte(image(rng)),
            scale,
            zero,
            byte(weight),
            scale if rng.random() < 0.6 else floats(rng),
            zero,
            scale,
            zero,
        ],
        window(rng) | {"group": maybe(rng, number(rng), 0.4)},
    )


def bit_cast(rng: Rng) -> Sketch:
    return Sketch("BitCast", [sizes(rng)], {"to": number(rng)}, opset=26)


def loop(rng: Rng) -> onnx.ModelProto:
    """A loop of any length that carries and stacks tensors."""
    values = [
        helper.make_tensor_value_info("i", TensorProto.INT64, []),
        helper.make_tensor_value_info("c", TensorProto.BOOL, []),
        helper.make_tensor_value_info("s", TensorProto.FLOAT, None),
    ]
    nodes = [
        helper.make_node("Identity", ["c"], ["d"]),
        helper.make_node(
            str(rng.choice(["Relu", "Add"])), ["s"] if nodes_are_unary(rng) else ["s", "x"], ["t"]
        ),
        helper.make_node("Identity", ["t"], ["u"]),
    ]
    nodes[1].op_type = "Relu" if len(nodes[1].input) == 1 else "Add"
    outputs = [
        helper.make_tensor_value_info("d", TensorProto.BOOL, []),
        helper.make_tensor_value_info("t", TensorProto.FLOAT, None),
        helper.make_tensor_value_info("u", TensorProto.FLOAT, None),
    ]
    body = helper.make_graph(nodes, "body", values, outputs)
    count = helper.make_tensor("m", TensorProto.INT64, [], [int(rng.integers(-3, 4))])
    start = helper.make_tensor("b", TensorProto.BOOL, [], [True])
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, sizes(rng, 1, 2))
    y, z = (helper.make_tensor_value_info(n, TensorProto.FLOAT, None) for n in "yz")
    return finish(
        [helper.make_node("Loop", ["m", "b", "x"], ["y", "z"], body=body)],
        [x],
        [y, z],
        [count, start],
    )


def nodes_are_unary(rng: Rng) -> bool:
    return bool(rng.random() < 0.5)


def broken_bytes(rng: Rng) -> onnx.ModelProto:
    """Marked by its name: the writer of the file breaks it."""
    model = KINDS["conv"](rng).model(rng)
    model.producer_name = "broken"
    return model


def write_hostile(kind: str, seed: int, path: Path) -> None:
    rng = np.random.default_rng(seed)
    drawn = KINDS[kind](rng)
    model = drawn.model(rng) if isinstance(drawn, Sketch) else drawn
    content = bytearray(model.SerializeToString())
    if model.producer_name == "broken":
        for _ in range(int(rng.integers(1, 6))):
            content[int(rng.integers(len(content)))] = int(rng.integers(256))
        content = content[: int(rng.integers(1, len(content) + 1))]
    path.write_bytes(bytes(content))


def try_hostile(kind: str, seed: int, neuroplast: Path) -> list[Finding]:
    findings = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model, pruned, library = folder / "m.onnx", folder / "p.onnx", folder / "m.so"
        write_hostile(kind, seed, model)
        for words, result in (
            (["prune", model, "-o", pruned], pruned),
            (["compile", model, "-O", "1", "-o", library], library),
        ):
            reason, code = watch([neuroplast, *words], folder)
            left = [path.name for path in folder.iterdir() if path not in (model, pruned, library)]
            if not reason and (left or (code == 1 and result.exists())):
                reason = f"leaves {left or result.name}"
            if reason:
                findings.append(Finding(kind, seed, str(words[0]), reason))
    return findings
