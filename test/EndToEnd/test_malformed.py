"""What is malformed ends in one line that names file and node, code 1 and no output.

Run it with `--build` of a sanitized build to look for what a plain one survives
by luck.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from Models import driver, models, server
from onnx import TensorProto, helper, numpy_helper

HEADER = '<ir_version: 8, opset_import: ["" : 17]>\n'

# Name of the case: text of the model, what the error must say besides the file.
TEXTS: dict[str, tuple[str, str]] = {
    "cyclic": (
        HEADER + "g (float[2] x) => (float[2] y) { a = Add(x, b) b = Neg(a) y = Relu(b) }",
        "Add",
    ),
    "undefined": (HEADER + "g (float[2] x) => (float[2] y) { y = Add(x, nowhere) }", "nowhere"),
    "defined_twice": (HEADER + "g (float[2] x) => (float[2] y) { y = Relu(x) y = Neg(x) }", "y"),
    "no_producer": (HEADER + "g (float[2] x) => (float[2] y) { z = Relu(x) }", "y"),
    "broadcast": (HEADER + "g (float[2] x, float[3] z) => (float[2] y) { y = Add(x, z) }", "Add"),
    "channels": (
        HEADER + "g (float[1,3,8,8] x, float[4,5,3,3] w) => (float[1,4,6,6] y) { y = Conv(x, w) }",
        "Conv",
    ),
    "group": (
        HEADER + "g (float[1,4,8,8] x, float[4,1,3,3] w) => (float[1,4,6,6] y) "
        "{ y = Conv<group = 0>(x, w) }",
        "Conv",
    ),
    "stride": (
        HEADER + "g (float[1,4,8,8] x, float[4,4,3,3] w) => (float[N,C,H,W] y) "
        "{ y = Conv<strides = [0, 1]>(x, w) }",
        "Conv",
    ),
    "stride_count": (
        HEADER + "g (float[1,4,8,8] x, float[4,4,3,3] w) => (float[N,C,H,W] y) "
        "{ y = Conv<strides = [1, 1, 1]>(x, w) }",
        "Conv",
    ),
    "window": (
        HEADER + "g (float[1,4,8,8] x) => (float[N,C,H,W] y) "
        "{ y = MaxPool<kernel_shape = [-3, 3]>(x) }",
        "MaxPool",
    ),
    # Indices and masks that reach beyond what they are for.
    "gathered_beyond": (
        HEADER + "g (float[2,3] x, int64[2,4] i) => (float[2,4] y) "
        "{ y = GatherElements<axis=0>(x, i) }",
        "GatherElements:y",
    ),
    "updates_beyond": (
        HEADER + "g (float[2,3] x, int64[2,1] i, float[2,4] u) => (float[2,3] y) "
        "{ y = ScatterND(x, i, u) }",
        "ScatterND:y",
    ),
    "condition_beyond": (
        HEADER + "g (float[4,2] x, bool[6] c) => (float[N,2] y) { y = Compress<axis=0>(x, c) }",
        "Compress:y",
    ),
    "inner_size": (
        HEADER + "g (float[2,3] x, float[4,5] w) => (float[2,5] y) { y = MatMul(x, w) }",
        "MatMul",
    ),
    "equation": (
        HEADER + "g (float[2,3,5,5] x) => (float[2,3] y) "
        '{ y = Einsum<equation = "...-i>i ...i">(x) }',
        "Einsum:y",
    ),
    "permutation": (
        HEADER + "g (float[2,3] x) => (float[N,M] y) { y = Transpose<perm = [0, 0]>(x) }",
        "Transpose",
    ),
    "axis": (HEADER + "g (float[2,3] x) => (float[N,M] y) { y = Softmax<axis = 7>(x) }", "Softmax"),
    "elements": (
        HEADER + "g (float[2,3] x) => (float[4,2] y) <int64[2] s = {4, 2}> { y = Reshape(x, s) }",
        "Reshape",
    ),
    "split": (
        HEADER + "g (float[5] x) => (float[2] y, float[2] z) <int64[2] s = {2, 2}> "
        "{ y, z = Split(x, s) }",
        "Split",
    ),
    "declared_shape": (HEADER + "g (float[2,3] x) => (float[5,7] y) { y = Relu(x) }", "y"),
    "type": (HEADER + "g (float[2] x, int64[2] z) => (float[2] y) { y = Add(x, z) }", "Add"),
    "attribute_type": (
        HEADER + 'g (float[2,3] x) => (float[2,3] y) { y = Softmax<axis = "a">(x) }',
        "Softmax",
    ),
    "required_attribute": (HEADER + "g (float[2] x) => (float[2] y) { y = Cast(x) }", "Cast"),
    "operand_count": (HEADER + "g (float[2] x) => (float[2] y) { y = Add(x) }", "Add"),
    "unknown_attribute": (
        HEADER + "g (float[2] x) => (float[2] y) { y = Relu<beta = 1>(x) }",
        "Relu",
    ),
    "unknown_opset": (
        '<ir_version: 8, opset_import: ["" : 999]>\ng (float[2] x) => (float[2] y) { y = Relu(x) }',
        "999",
    ),
    "no_opset": ("<ir_version: 8>\ng (float[2] x) => (float[2] y) { y = Relu(x) }", ""),
    "unknown_version": (
        '<ir_version: 900, opset_import: ["" : 17]>\n'
        "g (float[2] x) => (float[2] y) { y = Relu(x) }",
        "",
    ),
    "unknown_operator": (HEADER + "g (float[2] x) => (float[2] y) { y = Nonsense(x) }", "Nonsense"),
    "unknown_domain": (
        HEADER + "g (float[2] x) => (float[2] y) { z = some.where.Thing(x) y = Relu(z) }",
        "Thing",
    ),
    "bad_branch": (
        HEADER + "g (bool c, float[2] x) => (float[2] y) { y = If(c) <then_branch = "
        "t () => (float[2] a) { a = Relu(x) }, else_branch = "
        "e () => (float[3,3] b) { b = Add(x, missing) }> }",
        "missing",
    ),
    "unknown_condition": (
        HEADER + "g (int64 n, bool c, float[2] x) => (float[2] y) "
        "{ y = Loop(n, c, x) <body = "
        "b (int64 i, bool d, float[2] s) => (bool e, float[2] t) "
        "{ e = Nonsense(d) t = Relu(s) }> }",
        "Loop",
    ),
    "recursion": (
        '<ir_version: 8, opset_import: ["" : 17, "f" : 1]>\n'
        "g (float[2] x) => (float[2] y) { y = f.first(x) }\n"
        '<domain: "f", opset_import: ["f" : 1]> first (a) => (b) { b = f.second(a) }\n'
        '<domain: "f", opset_import: ["f" : 1]> second (a) => (b) { b = f.first(a) }\n',
        "",
    ),
    "no_text": ("this is no model", ""),
    "half_a_text": (HEADER + "g (float[2] x) => (float[2] y) { y = Relu(", ""),
    "empty_text": ("", ""),
}


def small_model() -> onnx.ModelProto:
    """A convolution, a norm, a product and attributes of many kinds."""
    random = np.random.default_rng(0)

    def weight(name: str, *shape: int) -> TensorProto:
        return numpy_helper.from_array(random.normal(0, 1, shape).astype(np.float32), name)

    nodes = [
        helper.make_node("Conv", ["x", "w", "b"], ["c"], "conv", pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["c"], ["r"], "relu"),
        helper.make_node("MaxPool", ["r"], ["m"], "pool", kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Flatten", ["m"], ["f"], "flatten", axis=1),
        helper.make_node("Gemm", ["f", "v"], ["g"], "gemm", transB=1, alpha=0.5),
        helper.make_node("Softmax", ["g"], ["y"], "softmax", axis=-1),
    ]
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 2, 4, 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 5])],
        [weight("w", 3, 2, 3, 3), weight("b", 3), weight("v", 5, 12)],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def with_weight(change: Callable[[TensorProto], None]) -> onnx.ModelProto:
    """The small model with another convolution weight."""
    model = small_model()
    change(model.graph.initializer[0])
    return model


def set_dims(*dims: int) -> onnx.ModelProto:
    def change(weight: TensorProto) -> None:
        del weight.dims[:]
        weight.dims.extend(dims)

    return with_weight(change)


def external(**entries: str) -> onnx.ModelProto:
    """The weight lies in another file, as `entries` say."""

    def change(weight: TensorProto) -> None:
        weight.ClearField("raw_data")
        weight.data_location = TensorProto.EXTERNAL
        for key, value in entries.items():
            weight.external_data.add(key=key, value=value)

    return with_weight(change)


def nested(depth: int) -> onnx.ModelProto:
    """Branches within branches."""
    inner = helper.make_graph(
        [helper.make_node("Relu", ["x"], ["r0"])],
        "inner",
        [],
        [helper.make_tensor_value_info("r0", TensorProto.FLOAT, [2])],
    )
    for level in range(1, depth):
        node = helper.make_node(
            "If",
            ["c"],
            [f"r{level}"],
            f"if{level}",
            then_branch=inner,
            else_branch=inner
            if level < 3
            else helper.make_graph(
                [helper.make_node("Neg", ["x"], [f"n{level}"])],
                "else",
                [],
                [helper.make_tensor_value_info(f"n{level}", TensorProto.FLOAT, [2])],
            ),
        )
        inner = helper.make_graph(
            [node],
            f"level{level}",
            [],
            [helper.make_tensor_value_info(f"r{level}", TensorProto.FLOAT, [2])],
        )
    inner.input.extend(
        [
            helper.make_tensor_value_info("x", TensorProto.FLOAT, [2]),
            helper.make_tensor_value_info("c", TensorProto.BOOL, []),
        ]
    )
    return helper.make_model(inner, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


WEIGHT_BYTES = 3 * 2 * 3 * 3 * 4

# Name of the case: the model, what the error must say besides the file.
MODELS: dict[str, tuple[Callable[[], onnx.ModelProto], str]] = {
    "too_few_bytes": (lambda: set_dims(3, 2, 30, 30), "w)"),
    "two_gibibytes": (lambda: set_dims(1 << 29, 1), "w)"),
    "overflowing_size": (lambda: set_dims(1 << 40, 1 << 40), "w)"),
    "negative_size": (lambda: set_dims(3, -2, 3, 3), "w)"),
    "unknown_type": (lambda: with_weight(lambda w: setattr(w, "data_type", 99)), "w"),
    "undefined_type": (lambda: with_weight(lambda w: setattr(w, "data_type", 0)), "w"),
    "missing_file": (lambda: external(location="nowhere.bin"), "nowhere.bin"),
    "no_location": (lambda: external(offset="0"), "w"),
    "forged_inline": (lambda: external(**{"neuroplast.inline": "7"}), "names no file"),
    "parent_folder": (lambda: external(location="../outside.bin"), "outside.bin"),
    "inner_parent": (lambda: external(location="sub/../../outside.bin"), "outside.bin"),
    "absolute": (lambda: external(location="/etc/passwd"), "passwd"),
    "symlink": (lambda: external(location="link.bin"), "link.bin"),
    "linked_folder": (lambda: external(location="linked/outside.bin"), "outside.bin"),
    "hardlink": (lambda: external(location="hard.bin"), "hard.bin"),
    "folder": (lambda: external(location="sub"), "sub"),
    "pipe": (lambda: external(location="pipe"), "pipe"),
    "offset_beyond": (lambda: external(location="data.bin", offset="999999"), "data.bin"),
    "offset_negative": (lambda: external(location="data.bin", offset="-4"), "w"),
    "offset_overflow": (
        lambda: external(location="data.bin", offset=str((1 << 64) - 4), length=str(WEIGHT_BYTES)),
        "w",
    ),
    "offset_no_number": (lambda: external(location="data.bin", offset="four"), "w"),
    "length_beyond": (lambda: external(location="data.bin", length="999999"), "data.bin"),
    "length_other": (lambda: external(location="data.bin", length="8"), "w"),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with data beside a model, and links out of it."""
    inside = tmp_path / "inside"
    (inside / "sub").mkdir(parents=True)
    outside = tmp_path / "outside.bin"
    outside.write_bytes(bytes(4096))
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "outside.bin").write_bytes(bytes(4096))
    (inside / "data.bin").write_bytes(bytes(WEIGHT_BYTES))
    (inside / "link.bin").symlink_to(outside)
    (inside / "linked").symlink_to(tmp_path / "elsewhere")
    (inside / "hard.bin").hardlink_to(outside)
    os.mkfifo(inside / "pipe")
    return inside


def call(tool: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Runs the driver; any report of a sanitizer is a failure."""
    environment = dict(os.environ)
    # Containers and arenas cross into libraries that are not instrumented, which do not
    # tell what they fill; a claim of too much memory is an error, not a report.
    environment["ASAN_OPTIONS"] = (
        "detect_container_overflow=0:allow_user_poisoning=0:allocator_may_return_null=1"
    )
    environment["UBSAN_OPTIONS"] = "print_stacktrace=1"
    done = server.run(tool, *arguments, timeout=120, environment=environment)
    assert "Sanitizer" not in done.stderr, done.stderr[:4000]
    assert "runtime error" not in done.stderr, done.stderr[:4000]
    assert done.returncode in (0, 1), (arguments, done.returncode, done.stderr[:2000])
    return done


def expect_error(
    tool: Path,
    command: str,
    model: Path,
    *options: str | Path,
    says: str = "",
    output: Path | None = None,
) -> None:
    """One line on standard error, code 1 and no output file."""
    done = call(tool, command, model, *options)
    assert done.returncode == 1, (command, done.stdout)
    lines = done.stderr.splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("error: ") and model.name in lines[0], lines[0]
    assert says in lines[0], lines[0]
    if output:
        assert not output.exists()
        assert not list(output.parent.glob(output.name + "*"))


def expect_errors(tool: Path, model: Path, says: str) -> None:
    """All commands that read models, among them those that write files."""
    output = model.parent / "output.file"
    for command in ("import", "compile", "prune"):
        target = output.with_suffix(".onnx") if command == "prune" else output
        options = ["--ratio", "0.5"] if command == "prune" else []
        expect_error(tool, command, model, "-o", target, *options, says=says, output=target)
    expect_error(tool, "inspect", model, says=says)


# They import, and have no code; the inputs that they need besides x.
OPAQUE: dict[str, dict[str, np.ndarray]] = {
    "unknown_operator": {},
    "unknown_condition": {"n": np.array(2), "c": np.array(True)},
}


@pytest.mark.parametrize("name", [n for n in TEXTS if n not in OPAQUE])
def test_text(name: str, neuroplast: Path, folder: Path) -> None:
    text, says = TEXTS[name]
    model = folder / "model.onnxtext"
    model.write_text(text)
    expect_errors(neuroplast, model, says)


@pytest.mark.parametrize("name", MODELS)
def test_binary(name: str, neuroplast: Path, folder: Path) -> None:
    make, says = MODELS[name]
    model = folder / "model.onnx"
    model.write_bytes(make().SerializeToString())
    expect_errors(neuroplast, model, says)


def test_good_external_data(neuroplast: Path, folder: Path) -> None:
    """What the cases above change is what makes them fail; found from any folder."""
    model = folder / "model.onnx"
    whole = small_model()
    (folder / "data.bin").write_bytes(b"1234" + whole.graph.initializer[0].raw_data)
    moved = external(location="data.bin", offset="4", length=str(WEIGHT_BYTES))
    model.write_bytes(moved.SerializeToString())
    inputs = {"x": np.random.default_rng(0).normal(0, 1, (2, 2, 4, 4)).astype(np.float32)}
    actual = driver.run(neuroplast, model, inputs)
    assert models.mismatch(actual["y"], models.reference(whole, inputs)["y"]) <= 1


@pytest.mark.parametrize("name", OPAQUE)
def test_unknown_operator_has_no_code(name: str, neuroplast: Path, folder: Path) -> None:
    model, inputs = folder / "model.onnxtext", folder / "in.npz"
    text, says = TEXTS[name]
    model.write_text(text)
    np.savez(inputs, x=np.zeros(2, np.float32), **OPAQUE[name])
    output = folder / "output.npz"
    expect_error(neuroplast, "compile", model, "-o", output, says=says, output=output)
    expect_error(
        neuroplast, "run", model, "--inputs", inputs, "--outputs", output, says=says, output=output
    )


@pytest.mark.parametrize("depth", [50, 2000])
def test_deep_nesting(depth: int, neuroplast: Path, folder: Path) -> None:
    """No stack overflows; protobuf itself reads a hundred levels."""
    model = folder / "model.onnx"
    model.write_bytes(
        nested(min(depth, 20)).SerializeToString()
        if depth < 100
        else b"\x3a" + b"\xff\xff\xff\xff\x07" * depth
    )
    call(neuroplast, "import", model, "-o", folder / "m.mlir")


def test_truncated(neuroplast: Path, folder: Path) -> None:
    data = small_model().SerializeToString()
    model, output = folder / "model.onnx", folder / "m.mlir"
    random = np.random.default_rng(1)
    for length in sorted({0, 1, len(data) - 1, *map(int, random.integers(0, len(data), 40))}):
        model.write_bytes(data[:length])
        expect_error(neuroplast, "import", model, "-o", output, output=output)


def test_random_bytes(neuroplast: Path, folder: Path) -> None:
    random = np.random.default_rng(2)
    model, output = folder / "model.onnx", folder / "m.mlir"
    for length in (1, 7, 64, 1000, 100000):
        for _ in range(4):
            model.write_bytes(random.bytes(length))
            expect_error(neuroplast, "import", model, "-o", output, output=output)


def test_changed_bytes(neuroplast: Path, folder: Path) -> None:
    """A changed byte may leave a valid model; it never crashes the compiler."""
    whole = small_model().SerializeToString()
    random = np.random.default_rng(3)
    model, output = folder / "model.onnx", folder / "m.so"
    for _ in range(80):
        data = bytearray(whole)
        for place in random.integers(0, len(data), random.integers(1, 6)):
            data[place] = random.integers(0, 256)
        model.write_bytes(data)
        output.unlink(missing_ok=True)
        done = call(neuroplast, "compile", model, "-o", output)
        assert (done.returncode == 0) == output.exists()
        assert (done.returncode == 0) or len(done.stderr.splitlines()) == 1


def test_files(neuroplast: Path, folder: Path) -> None:
    """Files that cannot be read or written."""
    output = folder / "m.mlir"
    expect_error(neuroplast, "import", folder / "none.onnx", "-o", output, output=output)
    expect_error(neuroplast, "import", folder / "sub", "-o", output, output=output)
    model = folder / "model.onnx"
    model.write_bytes(small_model().SerializeToString())
    for command in ("import", "compile"):
        done = call(neuroplast, command, model, "-o", folder / "none" / "out")
        assert done.returncode == 1
        assert len(done.stderr.splitlines()) == 1, done.stderr
        assert "none" in done.stderr
    assert not (folder / "none").exists()


@pytest.mark.parametrize(
    ("array", "says"),
    [
        ({"x": np.zeros((2, 2, 4, 5), np.float32)}, "x"),
        ({"x": np.zeros((2, 2, 4, 4))}, "x"),
        ({"x": np.zeros(3, np.float32)}, "x"),
        ({}, "x"),
        ({"z": np.zeros(3, np.float32)}, "z"),
    ],
)
def test_arrays(array: dict[str, np.ndarray], says: str, neuroplast: Path, folder: Path) -> None:
    model, inputs, output = folder / "model.onnx", folder / "in.npz", folder / "out.npz"
    model.write_bytes(small_model().SerializeToString())
    np.savez(inputs, **array)
    done = call(neuroplast, "run", model, "--inputs", inputs, "--outputs", output)
    assert done.returncode == 1 and not output.exists()
    assert len(done.stderr.splitlines()) == 1 and f"'{says}'" in done.stderr, done.stderr


def test_archives(neuroplast: Path, folder: Path) -> None:
    model, inputs, output = folder / "model.onnx", folder / "in.npz", folder / "out.npz"
    model.write_bytes(small_model().SerializeToString())
    np.savez(inputs, x=np.zeros((1, 2, 4, 4), np.float32))
    whole = inputs.read_bytes()
    random = np.random.default_rng(4)
    for length in (0, 10, len(whole) // 2, len(whole) - 1):
        inputs.write_bytes(whole[:length])
        done = call(neuroplast, "run", model, "--inputs", inputs, "--outputs", output)
        assert done.returncode == 1 and not output.exists()
        assert len(done.stderr.splitlines()) == 1 and "in.npz" in done.stderr, done.stderr
    for _ in range(20):
        data = bytearray(whole)
        data[random.integers(0, len(data))] = random.integers(0, 256)
        inputs.write_bytes(data)
        output.unlink(missing_ok=True)
        done = call(neuroplast, "run", model, "--inputs", inputs, "--outputs", output)
        assert (done.returncode == 0) == output.exists()
