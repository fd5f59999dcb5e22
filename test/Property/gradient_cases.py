"""Graphs of single ops and loops, in the attributes that matter to their gradients."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

HEADER = '<ir_version: 11, opset_import: ["" : 24]>\n'

# Away from kinks and poles: no difference quotient is a derivative there.
SMOOTH = (0.3, 1.7)
UNIT = (-0.8, 0.8)

FUNCTIONS = (
    "Abs",
    "Neg",
    "Sqrt",
    "Reciprocal",
    "Exp",
    "Log",
    "Erf",
    "Sin",
    "Cos",
    "Tan",
    "Asin",
    "Acos",
    "Atan",
    "Sinh",
    "Cosh",
    "Asinh",
    "Atanh",
    "Sigmoid",
    "Tanh",
    "Softplus",
    "Softsign",
    "HardSwish",
    "Mish",
    "Elu",
    "LeakyRelu",
    "HardSigmoid",
    "Selu",
    "Gelu",
    "Relu",
)
REDUCTIONS = (
    "ReduceSum",
    "ReduceMean",
    "ReduceMax",
    "ReduceMin",
    "ReduceProd",
    "ReduceL1",
    "ReduceL2",
    "ReduceSumSquare",
    "ReduceLogSum",
    "ReduceLogSumExp",
)


@dataclass
class Case:
    """A graph on inputs of these shapes; its node's text has the names a, b, c, ..."""

    body: str
    shapes: list[tuple[int, ...]]
    span: tuple[float, float] = (-2.0, 2.0)
    integers: dict[str, np.ndarray] = field(default_factory=dict)
    outputs: int = 1
    step: float = 1e-6
    tolerance: float = 1e-5
    # Where shape inference says nothing, and it is not that of the first input.
    result: tuple[int, ...] = ()
    results: dict[str, tuple[int, ...]] = field(default_factory=dict)

    def text(self) -> str:
        inputs = [
            f"double{list(shape) or ''} {'abcdefgh'[i]}" for i, shape in enumerate(self.shapes)
        ]
        inputs += [f"int64{list(v.shape)} {name}" for name, v in self.integers.items()]
        results = ", ".join(f"double y{i}" for i in range(self.outputs))
        return f"{HEADER}g ({', '.join(inputs)}) => ({results}) {{ {self.body} }}"


def unary(op: str, span: tuple[float, float] = UNIT, attributes: str = "") -> Case:
    return Case(f"y0 = {op}{attributes}(a)", [(2, 5)], span)


STEPS, BATCH, INS, HIDDEN = 4, 3, 3, 2


def recurrent(op: str, attributes: str = "", extras: str = "", directions: int = 1) -> Case:
    """A recurrent layer; of its operands behind the bias, `extras` names those that it has."""
    gates = {"RNN": 1, "GRU": 3, "LSTM": 4}[op] * HIDDEN
    batch_first = "layout: int = 1" in attributes
    state = (BATCH, directions, HIDDEN) if batch_first else (directions, BATCH, HIDDEN)
    data = (BATCH, STEPS, INS) if batch_first else (STEPS, BATCH, INS)
    shapes = [data, (directions, gates, INS), (directions, gates, HIDDEN)]
    integers = {"n": np.array([4, 2, 3])} if "lens" in extras else {}
    operands = ["a", "b", "c"]
    for name, shape in (
        ("bias", (directions, 2 * gates)),
        ("lens", None),
        ("state", state),
        ("cell", state),
        ("looks", (directions, 3 * HIDDEN)),
    ):
        if name not in extras:
            operands.append("")
        elif shape:
            operands.append("abcdefgh"[len(shapes)])
            shapes.append(shape)
        else:
            operands.append("l")
    operands = operands if op == "LSTM" else operands[:6]
    results = ", ".join(f"y{i}" for i in range(3 if op == "LSTM" else 2))
    direction = ', direction: string = "bidirectional"' if directions == 2 else ""
    return Case(
        f"l = Cast<to: int = 6>(n) {results} = " * bool(integers)
        + f"{results} = " * (not integers)
        + f"{op}<hidden_size: int = {HIDDEN}{direction}{attributes}>({', '.join(operands)})",
        shapes,
        (-1.0, 1.0),
        integers,
        outputs=3 if op == "LSTM" else 2,
    )


def activations(*names: str) -> str:
    return f", activations: strings = [{', '.join(chr(34) + name + chr(34) for name in names)}]"


REVERSE, BATCH_FIRST = ', direction: string = "reverse"', ", layout: int = 1"
LAYERS: dict[str, Case] = {
    "RNN": recurrent("RNN"),
    "RNN lengths": recurrent("RNN", REVERSE + activations("Affine"), "bias lens state"),
    "RNN both": recurrent("RNN", activations("Softsign", "Elu"), "bias lens", directions=2),
    "GRU": recurrent("GRU"),
    "GRU both": recurrent("GRU", "", "bias lens state", directions=2),
    "GRU late": recurrent("GRU", ", linear_before_reset: int = 1", "bias"),
    "GRU late lengths": recurrent(
        "GRU", ", linear_before_reset: int = 1, clip: float = 0.7" + REVERSE, "bias lens state"
    ),
    "GRU functions": recurrent("GRU", activations("HardSigmoid", "ScaledTanh") + REVERSE, "state"),
    "GRU batch first": recurrent("GRU", BATCH_FIRST, "bias state"),
    "LSTM": recurrent("LSTM"),
    "LSTM batch first": recurrent("LSTM", BATCH_FIRST, "bias lens state cell", directions=2),
    "LSTM both": recurrent("LSTM", "", "bias lens state cell", directions=2),
    "LSTM looks": recurrent("LSTM", REVERSE, "bias lens state cell looks"),
    "LSTM coupled": recurrent("LSTM", ", input_forget: int = 1", "bias cell looks"),
    "LSTM functions": recurrent(
        "LSTM", activations("Sigmoid", "LeakyRelu", "Softplus") + ", clip: float = 0.5", "bias"
    ),
}

QKV = [(2, 4, 3, 5), (2, 2, 6, 5), (2, 2, 6, 3)]
ATTENTION: dict[str, Case] = {
    "Attention": Case("y0 = Attention(a, b, c)", [(1, 2, 3, 4)] * 3),
    "Attention shared": Case(
        "y0 = Attention<scale: float = 0.7>(a, b, c)", QKV, result=(2, 4, 3, 3)
    ),
    "Attention packed": Case(
        "y0 = Attention<q_num_heads: int = 4, kv_num_heads: int = 2, is_causal: int = 1>(a, b, c)",
        [(2, 3, 20), (2, 3, 10), (2, 3, 6)],
        result=(2, 3, 12),
    ),
    "Attention mask": Case(
        "y0 = Attention<softcap: float = 1.5>(a, b, c, d)", [*QKV, (4, 3, 6)], result=(2, 4, 3, 3)
    ),
    "Attention some": Case(
        "m = Cast<to: int = 9>(n) y0 = Attention(a, b, c, m)",
        QKV,
        integers={"n": np.array([[1, 1, 0, 1, 0, 0], [0, 0, 0, 0, 0, 0], [1, 1, 1, 1, 1, 1]])},
        result=(2, 4, 3, 3),
    ),
    **{
        f"RotaryEmbedding {kind}": Case(
            "c = Constant<value = float[1,3,2] {0.6, 0.8, 1.0, 0.0, -0.6, 0.8}>()"
            " s = Constant<value = float[1,3,2] {0.8, 0.6, 0.0, 1.0, 0.8, 0.6}>()"
            " w = Cast<to: int = 1>(a)"
            f" t = RotaryEmbedding<interleaved: int = {number}, rotary_embedding_dim: int = 4>"
            "(w, c, s) y0 = Cast<to: int = 11>(t)",
            [(1, 2, 3, 6)],
            step=1e-2,
            tolerance=1e-3,
        )
        for number, kind in enumerate(("halves", "pairs"))
    },
    "Attention past": Case(
        "y0, y1, y2 = Attention<is_causal: int = 1>(a, b, c, , d, e)",
        [(1, 2, 3, 4), (1, 2, 3, 4), (1, 2, 3, 4), (1, 2, 2, 4), (1, 2, 2, 4)],
        outputs=3,
    ),
}


def resize(attributes: str, sizes: tuple[int, ...] = (1, 2, 7, 5), roi: bool = False) -> Case:
    sizes_text = ", ".join(map(str, sizes))
    window = "r = Constant<value = double[8] {0, 0, 0.2, -0.1, 1, 1, 0.8, 1.2}>() " * roi
    return Case(
        f"{window}s = Constant<value = int64[4] {{{sizes_text}}}>()"
        f" y0 = Resize<{attributes}>(a, {'r' * roi}, , s)",
        [(1, 2, 4, 6)],
        result=sizes,
        # Weights are in single precision.
        step=1e-2,
        tolerance=1e-4,
    )


def mode(name: str, coordinates: str = "half_pixel", more: str = "") -> str:
    return (
        f'mode: string = "{name}", coordinate_transformation_mode: string = "{coordinates}"{more}'
    )


def sample(interpolation: str, padding: str, corners: int = 0) -> Case:
    return Case(
        f'y0 = GridSample<mode: string = "{interpolation}", padding_mode: string = "{padding}",'
        f" align_corners: int = {corners}>(a, b)",
        [(2, 3, 4, 5), (2, 3, 2, 2)],
        (-1.7, 1.7),
        result=(2, 3, 3, 2),
    )


def align(pooling: str, coordinates: str = "half_pixel") -> Case:
    return Case(
        f'y0 = RoiAlign<mode: string = "{pooling}", output_height: int = 2, output_width: int = 3,'
        f' sampling_ratio: int = 2, coordinate_transformation_mode: string = "{coordinates}",'
        " spatial_scale: float = 0.5>(a, b, n)",
        [(2, 3, 5, 6), (3, 4)],
        (-1.5, 9.5),
        integers={"n": np.array([1, 0, 1])},
        result=(3, 3, 2, 3),
    )


# What is read between its elements, at fixed places and at those that data say.
RESAMPLED: dict[str, Case] = {
    "Resize twice": resize(mode("nearest"), (1, 2, 8, 12)),
    "Resize nearest": resize(mode("nearest", "asymmetric", ', nearest_mode: string = "ceil"')),
    "Resize linear": resize(mode("linear")),
    "Resize corners": resize(mode("linear", "align_corners")),
    "Resize crop": resize(mode("linear", "tf_crop_and_resize"), roi=True),
    "Resize batch": resize(mode("linear"), (3, 2, 2, 6)),
    "Resize cubic": resize(mode("cubic", more=", exclude_outside: int = 1")),
    "Resize smooth": resize(mode("cubic", "pytorch_half_pixel", ", antialias: int = 1")),
    "Resize small": resize(mode("linear", more=", antialias: int = 1"), (1, 2, 2, 3)),
    "GridSample": sample("linear", "zeros"),
    "GridSample corners": sample("linear", "reflection", 1),
    "GridSample border": sample("linear", "border"),
    "GridSample nearest": sample("nearest", "reflection"),
    "GridSample cubic": sample("cubic", "zeros", 1),
    "GridSample cubic border": sample("cubic", "border"),
    "GridSample cubic reflection": sample("cubic", "reflection"),
    "GridSample volume": Case(
        'y0 = GridSample<mode: string = "linear">(a, b)',
        [(1, 2, 3, 4, 3), (1, 2, 2, 1, 3)],
        (-1.2, 1.2),
        result=(1, 2, 2, 2, 1),
    ),
    "RoiAlign": align("avg"),
    "RoiAlign pixels": align("avg", "output_half_pixel"),
    "RoiAlign max": align("max"),
    "DeformConv": Case(
        "y0 = DeformConv<pads: ints = [1, 0, 1, 0], strides: ints = [2, 1],"
        " dilations: ints = [1, 2], group: int = 2, offset_group: int = 2>(a, b, c, d, e)",
        [(2, 4, 5, 6), (6, 2, 2, 3), (2, 24, 3, 2), (6,), (2, 12, 3, 2)],
        result=(2, 6, 3, 2),
    ),
    "DeformConv plain": Case(
        "y0 = DeformConv(a, b, c)",
        [(1, 2, 5, 5), (3, 2, 2, 2), (1, 8, 4, 4)],
        result=(1, 3, 4, 4),
    ),
    **{
        f"DFT {length} {'inverse' * inverse}{' half' * half}": Case(
            f"n = Constant<value = int64 {{{length}}}>() x = Constant<value = int64 {{1}}>()"
            f" y0 = DFT<inverse: int = {inverse}, onesided: int = {half}>(a, n, x)",
            [(2, 5, 3, 1 if half and not inverse else 2)],
            result=(
                2,
                length // 2 + 1 if half and not inverse else length,
                3,
                1 if half and inverse else 2,
            ),
        )
        for length in (4, 7, 8)
        for inverse in (0, 1)
        for half in (0, 1)
    },
    **{
        f"STFT{' half' * half}": Case(
            "s = Constant<value = int64 {2}>() l = Constant<value = int64 {6}>()"
            f" y0 = STFT<onesided: int = {half}>(a, s, b, l)",
            [(2, 14, 1 if half else 2), (6,)],
            result=(2, 5, 4 if half else 6, 2),
        )
        for half in (0, 1)
    },
}

LOOPS: dict[str, Case] = {
    "Loop": Case(
        """t = Constant<value = int64 {3}>() k = Constant<value = bool {1}>()
        y0, y1 = Loop(t, k, a) <body = body (int64 i, bool c, double[2, 3] s)
            => (bool d, double[2, 3] n, double[2, 3] r)
            { d = Identity(c) m = Mul(s, b) f = CastLike(i, m) p = Add(m, f) n = Sin(p)
              r = Exp(m) }>""",
        [(2, 3), (2, 3)],
        UNIT,
        outputs=2,
        results={"y0": (2, 3), "y1": (3, 2, 3)},
    ),
    "Loop ends": Case(
        """t = Constant<value = int64 {9}>() k = Constant<value = bool {1}>()
        y0 = Loop(t, k, a) <body = body (int64 i, bool c, double[2] s)
            => (bool d, double[2] n)
            { l = Constant<value = int64 {3}>() d = Less(i, l) n = Mul(s, b) }>""",
        [(2,), (2,)],
        SMOOTH,
    ),
    "Loop never": Case(
        """t = Constant<value = int64 {0}>() k = Constant<value = bool {1}>()
        y0 = Loop(t, k, a) <body = body (int64 i, bool c, double[2] s)
            => (bool d, double[2] n) { d = Identity(c) n = Mul(s, b) }>""",
        [(2,), (2,)],
    ),
    "Loop chooses": Case(
        """t = Constant<value = int64 {3}>() k = Constant<value = bool {1}>()
        y0 = Loop(t, k, a) <body = body (int64 i, bool c, double[2] s) => (bool d, double[2] n) {
            d = Identity(c) o = Constant<value = int64 {1}>() e = Equal(i, o)
            n = If(e) <
              then_branch = g1 () => (double[2] p) { p = Exp(s) },
              else_branch = g2 () => (double[2] q) { q = Mul(s, b) }
            > }>""",
        [(2,), (2,)],
        UNIT,
    ),
    **{
        f"Scan{' back' * back}": Case(
            f"y0, y1 = Scan<num_scan_inputs: int = 2, scan_input_directions: ints = [{back}, 0],"
            f" scan_output_directions: ints = [{back}], scan_input_axes: ints = [0, {back}],"
            " body = body (double[2] s, double[2] x, double[2] z) => (double[2] n, double[2] r) {"
            " u = Mul(x, d) v = Add(s, u) n = Tanh(v) r = Mul(n, z) }>(a, b, c)",
            [(2,), (5, 2), (2, 5) if back else (5, 2), (2,)],
            UNIT,
            outputs=2,
            results={"y0": (2,), "y1": (5, 2)},
        )
        for back in (0, 1)
    },
}

CASES: dict[str, Case] = {
    **LAYERS,
    **ATTENTION,
    **{op: unary(op) for op in FUNCTIONS if op not in ("Sqrt", "Reciprocal", "Log")},
    **{op: unary(op, SMOOTH) for op in ("Sqrt", "Reciprocal", "Log")},
    "Acosh": unary("Acosh", (1.2, 2.0)),
    "HardSwish wide": unary("HardSwish", (-4.0, 4.0)),
    "Elu alpha": unary("Elu", attributes="<alpha: float = 0.3>"),
    "Celu": Case(
        "s = Cast<to: int = 1>(a) t = Celu<alpha: float = 0.3>(s) y0 = Cast<to: int = 11>(t)",
        [(2, 5)],
        UNIT,
        step=1e-2,
        tolerance=1e-2,
    ),
    "Gelu tanh": unary("Gelu", (-2.0, 2.0), '<approximate: string = "tanh">'),
    "ThresholdedRelu": unary("ThresholdedRelu", attributes="<alpha: float = 0.1>"),
    "Shrink": unary("Shrink", attributes="<lambd: float = 0.2, bias: float = 0.1>"),
    "Floor": unary("Floor", (0.2, 0.8)),
    "Sign": unary("Sign"),
    "PRelu": Case("y0 = PRelu(a, b)", [(2, 3, 4), (3, 1)]),
    "Clip": Case("y0 = Clip(a, b, c)", [(3, 5), (), ()], UNIT),
    "Add": Case("y0 = Add(a, b)", [(2, 3), (2, 3)]),
    "Add broadcast": Case("y0 = Add(a, b)", [(2, 1, 4), (3, 1)]),
    "Sub": Case("y0 = Sub(a, b)", [(2, 3), (3,)]),
    "Mul": Case("y0 = Mul(a, b)", [(2, 3, 4), (2, 1, 1)]),
    "Mul by itself": Case("y0 = Mul(a, a)", [(2, 3)]),
    "Div": Case("y0 = Div(a, b)", [(2, 3), (2, 1)], SMOOTH),
    "Pow": Case("y0 = Pow(a, b)", [(2, 3), (3,)], SMOOTH),
    "Mod": Case("y0 = Mod<fmod: int = 1>(a, b)", [(2, 3), (3,)], SMOOTH),
    "Max": Case("y0 = Max(a, b, c)", [(2, 3), (3,), (2, 1)]),
    "Min": Case("y0 = Min(a, b)", [(2, 3), (2, 3)]),
    "Sum": Case("y0 = Sum(a, b, c)", [(2, 3), (3,), (2, 1)]),
    "Mean": Case("y0 = Mean(a, b)", [(2, 3), (3,)]),
    "Where": Case("s = Greater(a, b) y0 = Where(s, a, b)", [(2, 3), (3,)]),
    "Softmax": unary("Softmax", attributes="<axis: int = 0>"),
    "LogSoftmax": unary("LogSoftmax", attributes="<axis: int = -1>"),
    "CumSum": Case(
        "n = Constant<value = int64 {1}>() y0 = CumSum<exclusive: int = 1, reverse: int = 1>(a, n)",
        [(3, 4)],
    ),
    **{
        f"{op}{' kept' if keep else ''}": Case(
            f"x = Constant<value = int64[2] {{0, 2}}>() y0 = {op}<keepdims: int = {keep}>(a, x)",
            [(2, 3, 4)],
            SMOOTH,
        )
        for op in REDUCTIONS
        for keep in (0, 1)
    },
    "MatMul": Case("y0 = MatMul(a, b)", [(2, 3), (3, 4)]),
    "MatMul batches": Case("y0 = MatMul(a, b)", [(2, 1, 3, 4), (5, 4, 2)]),
    "MatMul vectors": Case("y0 = MatMul(a, b)", [(4,), (4,)]),
    "MatMul row": Case("y0 = MatMul(a, b)", [(4,), (2, 4, 3)]),
    "MatMul column": Case("y0 = MatMul(a, b)", [(2, 3, 4), (4,)]),
    **{
        f"Gemm {a}{b}": Case(
            f"y0 = Gemm<alpha: float = 0.5, beta: float = 2.0, transA: int = {a},"
            f" transB: int = {b}>(a, b, c)",
            [(3, 2) if a else (2, 3), (4, 3) if b else (3, 4), (4,)],
        )
        for a in (0, 1)
        for b in (0, 1)
    },
    "Conv": Case(
        "y0 = Conv<pads: ints = [1, 1, 1, 1]>(a, b, c)", [(2, 3, 5, 4), (4, 3, 3, 3), (4,)]
    ),
    "Conv strides": Case(
        "y0 = Conv<strides: ints = [2, 3], pads: ints = [1, 0, 0, 1]>(a, b)",
        [(1, 2, 8, 9), (3, 2, 3, 2)],
    ),
    "Conv dilations": Case(
        "y0 = Conv<dilations: ints = [2, 1]>(a, b)", [(1, 2, 7, 5), (3, 2, 3, 2)]
    ),
    "Conv groups": Case(
        "y0 = Conv<group: int = 2, strides: ints = [2, 2]>(a, b)", [(2, 4, 6, 5), (6, 2, 3, 3)]
    ),
    "Conv depthwise": Case(
        "y0 = Conv<group: int = 3, pads: ints = [1, 1]>(a, b, c)", [(2, 3, 6), (3, 1, 3), (3,)]
    ),
    "ConvTranspose": Case(
        "y0 = ConvTranspose<strides: ints = [2, 1], pads: ints = [1, 0, 0, 1]>(a, b, c)",
        [(2, 3, 4, 3), (3, 2, 3, 2), (2,)],
    ),
    "ConvTranspose groups": Case(
        "y0 = ConvTranspose<group: int = 2, strides: ints = [3], output_padding: ints = [2]>(a, b)",
        [(2, 4, 3), (4, 2, 4)],
    ),
    "MaxPool": Case(
        "y0 = MaxPool<kernel_shape: ints = [3, 2], strides: ints = [2, 1],"
        " pads: ints = [1, 0, 1, 1]>(a)",
        [(2, 3, 6, 5)],
    ),
    "AveragePool": Case(
        "y0 = AveragePool<kernel_shape: ints = [3, 2], strides: ints = [2, 1],"
        " pads: ints = [1, 0, 1, 1]>(a)",
        [(2, 3, 6, 5)],
    ),
    "AveragePool counts": Case(
        "y0 = AveragePool<kernel_shape: ints = [3], strides: ints = [2], pads: ints = [1, 1],"
        " count_include_pad: int = 1, ceil_mode: int = 1>(a)",
        [(2, 3, 8)],
    ),
    **{
        f"LpPool {p}": Case(
            f"y0 = LpPool<p: int = {p}, kernel_shape: ints = [3, 2], strides: ints = [2, 1],"
            " pads: ints = [1, 0, 1, 1], ceil_mode: int = 1>(a)",
            [(2, 3, 6, 5)],
        )
        for p in (1, 2, 3)
    },
    "MaxUnpool": Case(
        "y0 = MaxUnpool<kernel_shape: ints = [2, 2], strides: ints = [2, 2]>(a, n)",
        [(1, 2, 2, 2)],
        integers={"n": np.array([[[[1, 7], [8, 14]], [[16, 19], [29, 31]]]])},
        result=(1, 2, 4, 4),
    ),
    "MaxUnpool sizes": Case(
        "s = Constant<value = int64[4] {1, 1, 5, 4}>()"
        " y0 = MaxUnpool<kernel_shape: ints = [2, 2], strides: ints = [2, 2]>(a, n, s)",
        [(1, 1, 2, 2)],
        integers={"n": np.array([[[[1, 7], [8, 14]]]])},
        result=(1, 1, 5, 4),
    ),
    "Col2Im": Case(
        "s = Constant<value = int64[2] {5, 6}>() k = Constant<value = int64[2] {2, 3}>()"
        " y0 = Col2Im<pads: ints = [1, 0, 0, 1], strides: ints = [2, 1],"
        " dilations: ints = [1, 2]>(a, s, k)",
        [(2, 18, 9)],
        result=(2, 3, 5, 6),
    ),
    **RESAMPLED,
    "GlobalAveragePool": Case("y0 = GlobalAveragePool(a)", [(2, 3, 4, 5)]),
    "BatchNormalization": Case(
        "y0 = BatchNormalization(a, b, c, d, e)", [(2, 3, 4), (3,), (3,), (3,), (3,)], SMOOTH
    ),
    "LRN": Case(
        "s = Cast<to: int = 1>(a) t = LRN<size: int = 4, alpha: float = 0.5, beta: float = 0.6>(s)"
        " y0 = Cast<to: int = 11>(t)",
        [(2, 6, 3)],
        step=1e-2,
        tolerance=1e-2,
    ),
    "LayerNormalization": Case(
        "y0 = LayerNormalization<axis: int = 1>(a, b, c)", [(2, 3, 4), (3, 4), (3, 4)]
    ),
    "LayerNormalization last": Case("y0 = LayerNormalization(a, b)", [(2, 3, 4), (4,)]),
    "InstanceNormalization": Case("y0 = InstanceNormalization(a, b, c)", [(2, 3, 4), (3,), (3,)]),
    "GroupNormalization": Case(
        "y0 = GroupNormalization<num_groups: int = 2>(a, b, c)", [(2, 4, 3), (4,), (4,)]
    ),
    "Reshape": Case("s = Constant<value = int64[2] {4, -1}>() y0 = Reshape(a, s)", [(2, 2, 3)]),
    "Transpose": Case("y0 = Transpose<perm: ints = [2, 0, 1]>(a)", [(2, 3, 4)]),
    "Expand": Case("s = Constant<value = int64[3] {2, 3, 4}>() y0 = Expand(a, s)", [(3, 1)]),
    "Concat": Case("y0 = Concat<axis: int = 1>(a, b)", [(2, 3), (2, 4)]),
    "Split": Case("y0, y1 = Split<axis: int = 1, num_outputs: int = 2>(a)", [(2, 6)], outputs=2),
    "Slice": Case(
        "s = Constant<value = int64[2] {1, -1}>() e = Constant<value = int64[2] {8, -10}>()"
        " t = Constant<value = int64[2] {3, -2}>() y0 = Slice(a, s, e, , t)",
        [(9, 6)],
    ),
    "Pad": Case("p = Constant<value = int64[4] {1, 0, 2, -1}>() y0 = Pad(a, p, b)", [(2, 3), ()]),
    **{
        f"Pad {mode}": Case(
            "p = Constant<value = int64[6] {0, 2, 1, 0, 3, 2}>()"
            f' y0 = Pad<mode: string = "{mode}">(a, p)',
            [(2, 4, 3)],
            result=(2, 9, 6),
        )
        for mode in ("reflect", "edge", "wrap")
    },
    "Gather": Case(
        "y0 = Gather<axis: int = 1>(a, n)",
        [(2, 4, 3)],
        integers={"n": np.array([[0, 3], [3, 3]])},
    ),
    "GatherElements": Case(
        "y0 = GatherElements<axis: int = 1>(a, n)",
        [(2, 3)],
        integers={"n": np.array([[0, 2, 2, 1], [1, 1, 0, 0]])},
    ),
    **{
        f"ScatterElements {kind}": Case(
            f'y0 = ScatterElements<axis: int = 1, reduction: string = "{kind}">(a, n, b)',
            [(2, 4), (2, 2)],
            integers={"n": np.array([[0, 2], [3, 1]])},
        )
        for kind in ("none", "add")
    },
    "TopK": Case(
        "k = Constant<value = int64[1] {2}>() y0, i = TopK<axis: int = 0>(a, k)", [(5, 3)]
    ),
    "Tile": Case("r = Constant<value = int64[2] {3, 2}>() y0 = Tile(a, r)", [(2, 3)]),
    "Trilu": Case("k = Constant<value = int64 {1}>() y0 = Trilu<upper: int = 0>(a, k)", [(4, 5)]),
    "ReverseSequence": Case(
        "y0 = ReverseSequence<batch_axis: int = 1, time_axis: int = 0>(a, n)",
        [(4, 3)],
        integers={"n": np.array([2, 4, 3])},
    ),
    **{
        f"DepthToSpace {mode}": Case(
            f'y0 = DepthToSpace<blocksize: int = 2, mode: string = "{mode}">(a)', [(2, 8, 3, 2)]
        )
        for mode in ("DCR", "CRD")
    },
    "SpaceToDepth": Case("y0 = SpaceToDepth<blocksize: int = 2>(a)", [(1, 3, 4, 6)]),
    "LpNormalization": Case("y0 = LpNormalization<axis: int = 1>(a)", [(2, 4)]),
    "LpNormalization 1": Case("y0 = LpNormalization<axis: int = 0, p: int = 1>(a)", [(3, 4)]),
    **{
        f"Einsum {equation}": Case(
            f'y0 = Einsum<equation: string = "{equation}">({names})', shapes, result=(5, 2)
        )
        for equation, names, shapes in (
            ("ij,jk->ik", "a, b", [(2, 3), (3, 4)]),
            ("...ij,...j", "a, b", [(5, 2, 3), (3,)]),
            ("bi,ij,bk->bj", "a, b, c", [(2, 3), (3, 4), (2, 5)]),
            ("ij->j", "a", [(2, 3)]),
        )
    },
    "GatherND": Case(
        "n = Constant<value = int64[3,2] {0, 1, 1, 2, 0, 1}>() y0 = GatherND(a, n)",
        [(2, 3, 4)],
        result=(3, 4),
    ),
    "ScatterND": Case(
        "n = Constant<value = int64[2,1] {2, 0}>() y0 = ScatterND(a, n, b)", [(3, 4), (2, 4)]
    ),
    "ScatterND add": Case(
        "n = Constant<value = int64[2,1] {1, 1}>()"
        ' y0 = ScatterND<reduction: string = "add">(a, n, b)',
        [(3, 4), (2, 4)],
    ),
    **{
        f"If {name}": Case(
            f"""t = Constant<value = float[1] {{{number}}}>() z = Constant<value = float[1] {{0}}>()
            s = ReduceSum<keepdims: int = 0>(c) u = Cast<to: int = 1>(s) v = Mul(u, t)
            k = Greater(v, z) m = Sin(a)
            y0 = If(k) <
              then_branch = g1 () => (double[2, 3] p) {{ q = Mul(m, b) p = Exp(q) }},
              else_branch = g2 () => (double[2, 3] r) {{ r = Add(a, a) }}
            >""",
            [(2, 3), (2, 3), (2,)],
            SMOOTH,
            result=(2, 3),
        )
        for name, number in (("then", 1), ("else", -1))
    },
    **LOOPS,
    "Flatten": Case("y0 = Flatten<axis: int = 2>(a)", [(2, 3, 4)]),
    "Twice": Case("s = Sin(a) y0 = Mul(s, a) y1 = Exp(s)", [(2, 3)], outputs=2),
}
