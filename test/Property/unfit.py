"""Sound models of open sizes, and inputs that may not fit them."""

from __future__ import annotations

import contextlib
import faulthandler
import os
import pickle
import resource
import tempfile
from pathlib import Path

import numpy as np
import onnx
from Models import driver, server
from onnx import helper

from Property.hostile import NUMBERS, Rng
from Property.sweep import compare, make_session
from Property.watching import Finding, watch

HEADER = '<ir_version: 10, opset_import: ["" : 21]>\n'
# The graph, and what of its inputs: `f` floats, `i` whole numbers, `b` booleans.
OPEN: dict[str, str] = {
    "add": "(float[N] x, float[M] z) => (float[K] y) { y = Add(x, z) }",
    "add_matrices": "(float[A,B] x, float[C,D] z) => (float[E,F] y) { y = Mul(x, z) }",
    "add_three": "(float[A] x, float[B] z, float[C] w) => (float[D] y) { y = Sum(x, z, w) }",
    "where": "(bool[A] c, float[B] x, float[C] z) => (float[D] y) { y = Where(c, x, z) }",
    "divide": "(int64[A] x, int64[B] z) => (int64[C] y) { y = Div(x, z) }",
    "modulo": "(int32[A] x, int32[B] z) => (int32[C] y) { y = Mod(x, z) }",
    "prelu": "(float[A,B] x, float[C] s) => (float[D,E] y) { y = PRelu(x, s) }",
    "concat": "(float[A,B] x, float[C,D] z) => (float[E,F] y) { y = Concat<axis=1>(x, z) }",
    "split": "(float[A] x) => (float[B] y, float[C] z) <int64[2] s = {2, 3}> "
    "{ y, z = Split(x, s) }",
    "split_equal": "(float[A] x) => (float[B] y, float[C] z) { y, z = Split<num_outputs=2>(x) }",
    "matmul": "(float[A,B] x, float[C,D] z) => (float[E,F] y) { y = MatMul(x, z) }",
    "matmul_batch": "(float[P,A,B] x, float[Q,C,D] z) => (float[R,E,F] y) { y = MatMul(x, z) }",
    "matmul_vector": "(float[A] x, float[C,D] z) => (float[E] y) { y = MatMul(x, z) }",
    "gemm": "(float[A,B] x, float[C,D] w, float[E] b) => (float[F,G] y) "
    "{ y = Gemm<transB=1>(x, w, b) }",
    "einsum": "(float[A,B] x, float[C,D] z) => (float[E,F] y) "
    '{ y = Einsum<equation="ab,bc->ac">(x, z) }',
    "conv": "(float[A,B,C] x, float[4,D,3] w, float[E] b) => (float[F,G,H] y) "
    "{ y = Conv(x, w, b) }",
    "conv_transpose": "(float[A,2,C] x, float[2,2,3] w) => (float[F,G,H] y) "
    "{ y = ConvTranspose<pads=[2,2]>(x, w) }",
    "max_pool": "(float[A,B,C] x) => (float[D,E,F] y) { y = MaxPool<kernel_shape=[3]>(x) }",
    "average_pool": "(float[A,B,C] x) => (float[D,E,F] y) "
    "{ y = AveragePool<kernel_shape=[3], strides=[2], ceil_mode=1>(x) }",
    "batch_norm": "(float[A,B] x, float[C] s, float[D] b, float[E] m, float[F] v) => "
    "(float[G,H] y) { y = BatchNormalization(x, s, b, m, v) }",
    "layer_norm": "(float[A,B] x, float[C] s) => (float[D,E] y) { y = LayerNormalization(x, s) }",
    "group_norm": "(float[A,4,C] x, float[D] s, float[E] b) => (float[F,G,H] y) "
    "{ y = GroupNormalization<num_groups=2>(x, s, b) }",
    "expand": "(float[A,B] x, int64[2] s) => (float[C,D] y) { y = Expand(x, s) }",
    "tile": "(float[A,B] x, int64[2] s) => (float[C,D] y) { y = Tile(x, s) }",
    "reshape": "(float[A,B] x, int64[2] s) => (float[C,D] y) { y = Reshape(x, s) }",
    "reshape_by_shape": "(float[A,4] x, float[B] z) => (float[C,D] y) { d = Shape(z) "
    "m = Constant<value_ints=[-1]>() s = Concat<axis=0>(m, d) "
    "y = Reshape(x, s) }",
    "fill": "(int64[2] s) => (float[A,B] y) { y = ConstantOfShape(s) }",
    "slice": "(float[A] x, int64[1] s, int64[1] e) => (float[B] y) { y = Slice(x, s, e) }",
    "pad": "(float[A,B] x, int64[4] p) => (float[C,D] y) { y = Pad(x, p) }",
    "pad_reflect": '(float[A] x, int64[2] p) => (float[B] y) { y = Pad<mode="reflect">(x, p) }',
    "gather": "(float[A,B] x, int64[C] i) => (float[D,E] y) { y = Gather(x, i) }",
    "gather_elements": "(float[A,B] x, int64[C,D] i) => (float[E,F] y) "
    "{ y = GatherElements<axis=1>(x, i) }",
    "gather_nd": "(float[A,B] x, int64[C,2] i) => (float[D] y) { y = GatherND(x, i) }",
    "scatter_elements": "(float[A,B] x, int64[C,D] i, float[E,F] u) => (float[G,H] y) "
    "{ y = ScatterElements(x, i, u) }",
    "scatter_nd": "(float[A,B] x, int64[C,1] i, float[D,E] u) => (float[F,G] y) "
    "{ y = ScatterND(x, i, u) }",
    "one_hot": "(int64[A] i, int64[1] d, float[2] v) => (float[B,C] y) { y = OneHot(i, d, v) }",
    "compress": "(float[A,B] x, bool[C] c) => (float[D,E] y) { y = Compress<axis=0>(x, c) }",
    "compress_flat": "(float[A,B] x, bool[C] c) => (float[D] y) { y = Compress(x, c) }",
    "topk": "(float[A] x, int64[1] k) => (float[B] y, int64[C] i) { y, i = TopK(x, k) }",
    "arg_max": "(float[A,B] x) => (int64[C,D] y) { y = ArgMax<axis=1>(x) }",
    "reverse_sequence": "(float[A,B] x, int64[C] l) => (float[D,E] y) "
    "{ y = ReverseSequence<batch_axis=1, time_axis=0>(x, l) }",
    "gru": "(float[A,B,2] x, float[1,9,2] w, float[1,9,3] r, int32[C] l) => (float[D,1,E,3] y) "
    "{ y = GRU<hidden_size=3>(x, w, r, , l) }",
    "lstm": "(float[A,B,2] x, float[1,12,2] w, float[1,12,3] r, float[1,C,3] h) => "
    "(float[D,1,E,3] y) { y = LSTM<hidden_size=3>(x, w, r, , , h) }",
    "resize": "(float[1,1,A,B] x, int64[4] s) => (float[C,D,E,F] y) { y = Resize(x, , , s) }",
    "grid_sample": "(float[A,B,C,D] x, float[E,F,G,2] g) => (float[H,I,J,K] y) "
    "{ y = GridSample(x, g) }",
    "depth_to_space": "(float[A,B,C,D] x) => (float[E,F,G,H] y) "
    "{ y = DepthToSpace<blocksize=2>(x) }",
    "space_to_depth": "(float[A,B,C,D] x) => (float[E,F,G,H] y) "
    "{ y = SpaceToDepth<blocksize=2>(x) }",
    "det": "(float[A,B,C] x) => (float[D] y) { y = Det(x) }",
    "quantize": "(float[A,B] x, float[C] s, uint8[D] z) => (uint8[E,F] y) "
    "{ y = QuantizeLinear<axis=1>(x, s, z) }",
    "range": "(int64 n) => (int64[A] y) { a = Constant<value_int=0>() b = Constant<value_int=1>() "
    "y = Range(a, n, b) }",
    "squeeze": "(float[A,B] x) => (float[C] y) <int64[1] a = {1}> { y = Squeeze(x, a) }",
    "trilu": "(float[A,B] x, int64 k) => (float[C,D] y) { y = Trilu(x, k) }",
    "non_zero": "(float[A,B] x) => (int64[2,C] y) { y = NonZero(x) }",
    "unique": "(float[A] x) => (float[B] y, int64[C] i, int64[D] j, int64[E] k) "
    "{ y, i, j, k = Unique(x) }",
    "max_unpool": "(float[A,B,C,D] x, int64[E,F,G,H] i) => (float[I,J,K,L] y) "
    "{ y = MaxUnpool<kernel_shape=[2,2], strides=[2,2]>(x, i) }",
    "roi_align": "(float[A,B,C,D] x, float[E,F] r, int64[G] i) => (float[H,I,J,K] y) "
    "{ y = RoiAlign<output_height=2, output_width=2>(x, r, i) }",
    "max_roi_pool": "(float[A,B,C,D] x, float[E,5] r) => (float[H,I,J,K] y) "
    "{ y = MaxRoiPool<pooled_shape=[2,2]>(x, r) }",
    "col2im": "(float[A,B,C] x) => (float[D,E,4,3] y) <int64[2] s = {4, 3}, int64[2] b = {2, 1}> "
    "{ y = Col2Im(x, s, b) }",
    "deform_conv": "(float[A,B,C,D] x, float[2,1,1,1] w, float[E,F,G,H] o, float[I,J,K,L] m) => "
    "(float[M,N,O,P] y) { y = DeformConv(x, w, o, , m) }",
    "dft": "(float[A,B,1] x, int64 n) => (float[C,D,2] y) <int64 a = {1}> { y = DFT(x, n, a) }",
    "stft": "(float[A,B,1] x, float[C] w) => (float[D,E,F,2] y) "
    "<int64 s = {2}, int64 n = {3}> { y = STFT(x, s, w, n) }",
    "qlinear_matmul": "(uint8[A,B] x, float[C] s, uint8[D] z, uint8[E,F] v, float[G] t, "
    "uint8[H] w, float r, uint8 q) => (uint8[I,J] y) "
    "{ y = QLinearMatMul(x, s, z, v, t, w, r, q) }",
    "shapes_divided": "(float[A] x, float[B] z) => (float[C] y) { a = Shape(x) b = Shape(z) "
    "s = Div(a, b) y = ConstantOfShape(s) }",
}


LARGE = 1 << 30  # bytes of a result that may take as long as it does
COMPARED = 1 << 28  # bytes that a result may have to be compared
# What we refuse and ONNX Runtime computes, and why.
STRICTER = {
    "concat": "sizes agree also where a tensor is empty",
    "group_norm": "scale and bias have an entry for each channel",
    "quantize": "a list of scales of open length has an entry for each place of the axis",
    "reshape_by_shape": "a size of 0 is one, where it comes from a shape",
    "einsum": "only a size that is known to be 1 broadcasts: others of one label are one",
    "compress": "a condition longer than what it chooses from is a mistake, not cut off",
    "compress_flat": "the same",
    "topk": "more elements than there are are a mistake even where there are none",
    "dft": "the table of a transform is made even where there is nothing to transform",
}


def draw_inputs(model: onnx.ModelProto, rng: Rng) -> dict[str, np.ndarray]:
    """Inputs of the declared types; open sizes agree by chance, whole numbers are near sizes."""
    common = int(rng.integers(0, 6))
    feeds = {}
    for value in model.graph.input:
        shape = [
            dim.dim_value
            if dim.HasField("dim_value")
            else common
            if rng.random() < 0.7
            else int(rng.integers(0, 6))
            for dim in value.type.tensor_type.shape.dim
        ]
        kind = helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type)
        if kind == np.bool_:
            array = rng.random(shape) < 0.5
        elif kind.kind == "f":
            array = rng.standard_normal(shape)
        else:
            wild = rng.random() < 0.3
            array = np.asarray(rng.integers(-2, 7, shape))
            if wild and array.size:
                array.flat[int(rng.integers(array.size))] = int(rng.choice(np.array(NUMBERS)))
        with np.errstate(over="ignore"):
            feeds[value.name] = np.asarray(array).astype(kind)
    return feeds


def limit_growth(size: int) -> None:
    """Lets this process have `size` more bytes of data, twice: once to send them."""
    data_pages = int(Path("/proc/self/statm").read_text().split()[5])
    limit = data_pages * resource.getpagesize() + 2 * size
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))


def evaluate(model: onnx.ModelProto, feeds: dict[str, np.ndarray]) -> dict[str, np.ndarray] | None:
    """What ONNX Runtime gives; nothing if it refuses, dies of it, or needs much memory."""
    receiver, sender = os.pipe()
    child = os.fork()
    if child == 0:
        # A process of its own: some of these inputs end it.
        faulthandler.disable()
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        os.close(receiver)
        limit_growth(COMPARED)
        with contextlib.suppress(BaseException), os.fdopen(sender, "wb") as stream:
            stream.write(pickle.dumps(make_session(model).run(None, feeds)))
        os._exit(0)
    os.close(sender)
    with os.fdopen(receiver, "rb") as stream:
        content = stream.read()
    _, status = os.waitpid(child, 0)
    if status != 0 or not content:
        return None
    names = [output.name for output in model.graph.output]
    return dict(zip(names, pickle.loads(content), strict=True))


def try_open(kind: str, seed: int, draws: int, neuroplast: Path) -> tuple[list[Finding], int]:
    """Compiles once and runs many times; findings, and how many runs gave results."""
    findings, results = [], 0
    rng = np.random.default_rng(seed)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        text, library = folder / "m.onnxtext", folder / "m.so"
        text.write_text(HEADER + "g " + OPEN[kind])
        model = onnx.parser.parse_model(text.read_text())
        options = ["--sanitize", "address"] if server.is_sanitized(neuroplast) else []
        reason, code = watch(
            [neuroplast, "compile", text, "-O", "1", "-o", library, *options], folder
        )
        if reason or code:
            return [Finding(kind, seed, "compile", reason or f"exit code {code}")], 0
        for _ in range(draws):
            feeds = draw_inputs(model, rng)
            source, target = folder / "i.npz", folder / "o.npz"
            target.unlink(missing_ok=True)
            driver.save(source, feeds)
            reason, code = watch(
                [neuroplast, "run", library, "--inputs", source, "--outputs", target], folder
            )
            if reason.startswith("takes") and target.exists() and target.stat().st_size > LARGE:
                reason = ""
            expected = None if reason else evaluate(model, feeds)
            if not reason and code == 1 and target.exists():
                reason = "leaves outputs"
            if not reason and code == 0:
                results += 1
                with np.load(target) as archive:
                    found = {key: archive[key] for key in archive.files}
                for key, value in (expected or {}).items():
                    if difference := compare(found[key], value):
                        reason = f"{key}: {difference}"
            elif not reason and expected is not None and kind not in STRICTER:
                reason = "refuses what ONNX Runtime computes"
            if reason:
                shapes = {
                    key: (value.shape, value.ravel()[:6].tolist()) for key, value in feeds.items()
                }
                findings.append(Finding(kind, seed, "run", f"{reason} on {shapes}"))
    return findings, results
