"""Libraries with code of its own for some shapes, and more general code for others."""

from __future__ import annotations

import ctypes
import itertools
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from Models import driver, models
from Models.c_interface import Run, Tensor, describe, load

FIXED = ((1, 3, 48, 192), (6, 3, 48, 192))
OTHERS = ((2, 3, 48, 192), (1, 3, 48, 100), (6, 3, 48, 192 + 8))


def draw(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-1, 1, shape).astype(np.float32)


def format_shape(shape: tuple[int, ...]) -> str:
    return "x=" + "x".join(map(str, shape))


@pytest.fixture(name="model", scope="module")
def find_model() -> Path:
    return models.MODELS["ppocr_cls"].path()


@pytest.fixture(name="libraries", scope="module")
def compile_libraries(
    neuroplast: Path, model: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    """One that is open, one for each of the shapes, and one for all of these."""
    folder = tmp_path_factory.mktemp("variants")
    options: dict[str, list[str]] = {"open": [], "all": []}
    for i, shape in enumerate(FIXED):
        options[f"fixed{i}"] = ["--shape", format_shape(shape)]
        options["all"] += ["--variant", format_shape(shape)]
    for name, words in options.items():
        driver.call(neuroplast, "compile", model, "-o", folder / f"{name}.so", *words)
    return {name: folder / f"{name}.so" for name in options}


def run(library: Path, x: np.ndarray, with_memory: bool = False) -> np.ndarray:
    loaded = load(library)
    inputs, outputs = (Tensor * 1)(describe(x)), (Tensor * 1)()
    memory = None
    if with_memory:
        memory = np.zeros(loaded.neuroplast_info().contents.workspace_bytes + 64, np.uint8)
        result = np.empty((x.shape[0], 2), np.float32)
        outputs[0] = describe(result)
    address = memory.ctypes.data + -memory.ctypes.data % 64 if memory is not None else None
    call = Run(inputs, outputs, None, address)
    assert loaded.neuroplast_run_with(ctypes.byref(call)) == 0, loaded.neuroplast_error()
    shape = tuple(outputs[0].shape[: outputs[0].rank])
    data = ctypes.cast(outputs[0].data, ctypes.POINTER(ctypes.c_float))
    answer = np.ctypeslib.as_array(data, shape).copy()
    if not with_memory:
        loaded.neuroplast_free(ctypes.c_void_p(outputs[0].data))
    return answer


def test_shapes_run_the_code_made_for_them(libraries: dict[str, Path], model: Path) -> None:
    session = onnxruntime.InferenceSession(str(model))
    for i, shape in enumerate(FIXED):
        x = draw(shape, i)
        answer = run(libraries["all"], x)
        np.testing.assert_array_equal(answer, run(libraries[f"fixed{i}"], x))
        np.testing.assert_array_equal(answer, run(libraries["all"], x, with_memory=True))
        np.testing.assert_allclose(answer, session.run(None, {"x": x})[0], atol=1e-5)
    for shape in OTHERS:
        x = draw(shape)
        answer = run(libraries["all"], x)
        np.testing.assert_array_equal(answer, run(libraries["open"], x))
        np.testing.assert_array_equal(answer, run(libraries["all"], x, with_memory=True))


def test_memory_suffices_for_every_form(libraries: dict[str, Path]) -> None:
    """Only code for known sizes plans its memory: the open form alone asks for none."""

    def workspace(name: str) -> int:
        return load(libraries[name]).neuroplast_info().contents.workspace_bytes

    sizes = [workspace(f"fixed{i}") for i in range(len(FIXED))]
    assert workspace("all") == max(sizes) > workspace("open")


def save_mlp(path: Path, sizes: tuple[int, ...]) -> list[np.ndarray]:
    """A network of dense layers for any number of rows, and its weights."""
    weights = [
        draw((rows, columns), i) for i, (rows, columns) in enumerate(itertools.pairwise(sizes))
    ]
    nodes = []
    for i in range(len(weights)):
        value = "x" if i == 0 else f"active{i - 1}"
        nodes.append(onnx.helper.make_node("MatMul", [value, f"w{i}"], [f"sum{i}"]))
        nodes.append(onnx.helper.make_node("Relu", [f"sum{i}"], [f"active{i}"]))
    value = onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(
        nodes,
        "mlp",
        [value("x", onnx.TensorProto.FLOAT, ["N", sizes[0]])],
        [value(f"active{len(weights) - 1}", onnx.TensorProto.FLOAT, ["N", sizes[-1]])],
        [onnx.numpy_helper.from_array(weight, f"w{i}") for i, weight in enumerate(weights)],
    )
    onnx.save(onnx.helper.make_model(graph), path)
    return weights


def test_weights_are_kept_once(neuroplast: Path, tmp_path: Path) -> None:
    weights = save_mlp(tmp_path / "net.onnx", (1024, 1024, 512))
    size = sum(weight.nbytes for weight in weights)
    libraries = [tmp_path / "open.so", tmp_path / "all.so"]
    shapes = [f"--variant=x={rows}x1024" for rows in (16, 32, 64)]
    for library, words in zip(libraries, ([], shapes), strict=True):
        driver.call(neuroplast, "compile", tmp_path / "net.onnx", "-o", library, *words)
    sizes = [library.stat().st_size for library in libraries]
    # Once as the open form has them, and once as all the others do.
    assert size < sizes[0] < sizes[1] < sizes[0] + 1.5 * size


def test_variants_of_several_inputs(neuroplast: Path, tmp_path: Path) -> None:
    graph = onnx.parser.parse_model(
        """<ir_version: 8, opset_import: ["" : 17]>
        sum (float[N, 4] a, float[N, M] b) => (float[N, K] c, float[N, 4] d) {
          joined = Concat<axis = 1>(a, b)
          c = Relu(joined)
          d = Neg(a)
        }"""
    )
    onnx.save(graph, tmp_path / "net.onnx")
    library = tmp_path / "net.so"
    driver.call(
        neuroplast, "compile", tmp_path / "net.onnx", "-o", library,
        "--variant", "a=2x4,b=2x3", "--variant", "b=5x1",
    )  # fmt: skip
    for rows, columns in ((2, 3), (2, 4), (5, 1), (1, 1)):
        a, b = draw((rows, 4)), draw((rows, columns), 1)
        inputs = {"a": a, "b": b}
        outputs = driver.run(neuroplast, library, inputs)
        np.testing.assert_array_equal(outputs["c"], np.maximum(np.hstack([a, b]), 0))
        np.testing.assert_array_equal(outputs["d"], -a)


@pytest.mark.parametrize(
    ("variant", "reason"),
    [
        ("x=1x3xq", "shape 'x=1x3xq' is not of the form"),
        ("y=1x3x48x192", "no tensor input 'y'"),
        ("x=1x4x48x192", "x"),
        ("", "is not of the form"),
    ],
)
def test_bad_variants(
    neuroplast: Path, model: Path, tmp_path: Path, variant: str, reason: str
) -> None:
    with pytest.raises(driver.DriverError, match=reason):
        driver.call(neuroplast, "compile", model, "-o", tmp_path / "m.so", "--variant", variant)
    assert not list(tmp_path.iterdir())


def test_growable_variants(neuroplast: Path, tmp_path: Path) -> None:
    """All forms read the parameters of one table."""
    save_mlp(tmp_path / "net.onnx", (8, 16, 2))
    library = tmp_path / "net.so"
    driver.call(
        neuroplast, "compile", tmp_path / "net.onnx", "-o", library,
        "--growable", "w0", "--variant", "x=4x8",
    )  # fmt: skip
    loaded = load(library)
    params = loaded.neuroplast_params()
    count = loaded.neuroplast_info().contents.num_params
    assert count == 2
    # One unit less.
    first, last = draw((8, 15), 2), draw((15, 2), 3)
    for i in range(count):
        params[i] = describe(first if params[i].shape[0] == 8 else last)
    for rows in (4, 5):
        x = draw((rows, 8), 4)
        result = np.empty((rows, 2), np.float32)
        inputs, outputs = (Tensor * 1)(describe(x)), (Tensor * 1)(describe(result))
        assert loaded.neuroplast_run(inputs, outputs) == 0, loaded.neuroplast_error()
        np.testing.assert_allclose(
            result, np.maximum(np.maximum(x @ first, 0) @ last, 0), atol=1e-5
        )


def test_weights_that_are_equal(neuroplast: Path, tmp_path: Path) -> None:
    """Some of one network are, too, and are one then; no name may take that of another."""
    save_mlp(tmp_path / "net.onnx", (64,) * 5)
    network = onnx.load(tmp_path / "net.onnx")
    # Two pairs that are equal, by turns, and in an order that is none of the names'.
    for tensor, twin in zip(network.graph.initializer, (2, 3, 2, 3), strict=True):
        tensor.CopyFrom(onnx.numpy_helper.from_array(draw((64, 64), twin), tensor.name))
    onnx.save(network, tmp_path / "net.onnx")
    library = tmp_path / "net.so"
    driver.call(
        neuroplast, "compile", tmp_path / "net.onnx", "-o", library,
        "--variant", "x=16x64", "--variant", "x=1x64",
    )  # fmt: skip
    session = onnxruntime.InferenceSession(str(tmp_path / "net.onnx"))
    for rows in (1, 5, 16):
        x = draw((rows, 64), 9)
        (answer,) = driver.run(neuroplast, library, {"x": x}).values()
        np.testing.assert_allclose(answer, session.run(None, {"x": x})[0], rtol=1e-5, atol=1e-5)
