"""Libraries whose parameters may change size: `compile --growable` and `run --params`."""

from __future__ import annotations

import ctypes
from pathlib import Path

import numpy as np
import pytest
from Models import driver, models, pruning
from Models.c_interface import Tensor, describe, load
from Models.training import draw_weights, write_network

NAME = "squeezenet"
PATTERN = "fire3*"


@pytest.fixture(name="library", scope="module")
def compile_library(neuroplast: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("growable") / "model.so"
    model = models.MODELS[NAME].path()
    driver.call(neuroplast, "compile", model, "-o", path, "--growable", PATTERN)
    return path


def grow(neuroplast: Path, target: Path, *options: str) -> None:
    driver.edit(neuroplast, "dropin", models.MODELS[NAME].path(), target, *options)


@pytest.mark.parametrize(("name", "pattern"), [(NAME, "*"), ("densenet121", "conv3*")])
def test_grown_equals_recompiled(name: str, pattern: str, neuroplast: Path, tmp_path: Path) -> None:
    """With batch norms, concatenations and biases."""
    model, inputs = models.MODELS[name].path(), models.MODELS[name].sample()
    before, after, grown = tmp_path / "a.so", tmp_path / "b.so", tmp_path / "grown.onnx"
    driver.call(neuroplast, "compile", model, "-o", before, "--growable", pattern)
    driver.edit(
        neuroplast, "dropin", model, grown, "--units", "+3", "--init", "random", "--at", pattern
    )
    driver.call(neuroplast, "compile", grown, "-o", after, "--growable", pattern)
    given = driver.run(neuroplast, before, inputs, "--params", str(grown))
    for key, value in driver.run(neuroplast, after, inputs).items():
        np.testing.assert_array_equal(given[key], value, strict=True)
    assert pruning.worst(given, models.reference(grown, inputs)) <= 1
    # Without parameters it is what it was.
    plain = driver.run(neuroplast, before, inputs)
    assert pruning.worst(plain, models.reference(model, inputs)) <= 1


def test_sets_that_stay_leave_no_trace(neuroplast: Path, tmp_path: Path) -> None:
    """Units that a computed size depends on stay; the model grown elsewhere is recognised."""
    text = """<ir_version: 10, opset_import: ["" : 21]> g (float[N,3,5] x) => (float[N,3,2] y) {
        a = MatMul(x, u)  b = MatMul(a, w)  c = Transpose<perm: ints = [0, 2, 1]>(b)
        s = Shape(c)  one = Constant<value = int64 {1}>()  n = Gather(s, zero)  k = Gather(s, one)
        m = Mul(n, k)  zeros = Constant<value = int64[1] {0}>()  r = Unsqueeze(m, zeros)
        rest = Constant<value = int64[1] {3}>()  t = Concat<axis: int = 0>(r, rest)
        d = Reshape(c, t)  e = Relu(d)  f = Reshape(e, s)
        h = Transpose<perm: ints = [0, 2, 1]>(f)  y = MatMul(h, v) }"""
    random = np.random.default_rng(2)
    weights = draw_weights({"u": (5, 4), "w": (4, 6), "v": (6, 2)}, seed=2)
    source, library, grown = tmp_path / "m.onnx", tmp_path / "m.so", tmp_path / "g.onnx"
    write_network(source, text, weights | {"zero": np.array(0)})
    driver.call(neuroplast, "compile", source, "-o", library, "--growable", "*")
    driver.edit(
        neuroplast, "dropin", source, grown, "--units", "+2", "--init", "random", "--at", "u"
    )
    inputs = {"x": random.normal(size=(2, 3, 5)).astype(np.float32)}
    given = driver.run(neuroplast, library, inputs, "--params", str(grown))
    assert pruning.worst(given, models.reference(grown, inputs)) <= 1


def test_arrays(neuroplast: Path, library: Path, tmp_path: Path) -> None:
    """Some parameters by name, of the sizes that they have."""
    inputs = models.MODELS[NAME].sample()
    arrays = tmp_path / "params.npz"
    driver.save(arrays, {"fire3/squeeze1x1_b_0": np.full(16, 2, np.float32)})
    changed = driver.run(neuroplast, library, inputs, "--params", str(arrays))
    key, value = next(iter(driver.run(neuroplast, library, inputs).items()))
    assert np.abs(changed[key] - value).max() > 1e-4


def test_c_interface(neuroplast: Path, library: Path, tmp_path: Path) -> None:
    """The table of parameters: replaced, too small together, and put back."""
    inputs = models.MODELS[NAME].sample()
    loaded = load(library)
    given = (Tensor * 1)(*[describe(value) for value in inputs.values()])

    def run() -> np.ndarray:
        result = np.zeros((1, 1000, 1, 1), np.float32)
        outputs = (Tensor * 1)(describe(result))
        assert loaded.neuroplast_run(given, outputs) == 0, loaded.neuroplast_error()
        return result

    expected = run()
    np.testing.assert_array_equal(
        expected, next(iter(driver.run(neuroplast, library, inputs).values()))
    )
    table = loaded.neuroplast_params()
    bias = table[1]  # of 64 units, whose weights come first
    assert list(bias.shape[: bias.rank]) == [64]
    assert bias.capacity == 64 * 4
    own = np.ctypeslib.as_array(ctypes.cast(bias.data, ctypes.POINTER(ctypes.c_float)), (64,))
    saved, table[1] = own.copy(), describe(own + np.float32(1))
    assert np.abs(run() - expected).max() > 1e-5
    table[1] = describe(np.zeros(63, np.float32))
    code = loaded.neuroplast_run(given, (Tensor * 1)())
    assert code == 3, "a bad shape"
    assert b"63" in loaded.neuroplast_error()
    table[1] = describe(saved)
    np.testing.assert_array_equal(run(), expected)


def test_refused(neuroplast: Path, library: Path, tmp_path: Path) -> None:
    inputs = models.MODELS[NAME].sample()
    other, grown = tmp_path / "other.onnx", tmp_path / "params.npz"
    grow(neuroplast, other, "--units", "+2", "--at", "fire5*")
    driver.save(grown, {"fire3/squeeze1x1_b_0": np.zeros((16, 1), np.float32)})
    empty, wrong = tmp_path / "empty.npz", tmp_path / "wrong.npz"
    driver.save(wrong, {"fire3/squeeze1x1_b_0": np.zeros(17, np.float32)})
    driver.save(empty, {"conv1_w_0": np.zeros((64, 3, 3, 3), np.float32)})
    for path, message in {
        other: "differs from the compiled model in more than the parameters that may change",
        models.MODELS["ppocr_cls"].path(): "has no tensor input 'data_0'",
        grown: "parameter 'fire3/squeeze1x1_b_0' has another rank",
        empty: "'conv1_w_0' is no parameter that the model was compiled to be given",
        # One bias more than there are units.
        wrong: "axis 0 of 'fire3/squeeze1x1_b_0' is 17, but axis 0 of 'fire3/squeeze1x1_w",
        tmp_path / "missing.npz": "missing.npz",
    }.items():
        with pytest.raises(driver.DriverError, match="exit code 1") as error:
            driver.run(neuroplast, library, inputs, "--params", str(path))
        assert message in str(error.value)
    with pytest.raises(driver.DriverError, match="compiled with '--growable'"):
        driver.run(neuroplast, models.MODELS[NAME].path(), inputs, "--params", str(grown))
    with pytest.raises(driver.DriverError, match="no tensor with units has a name like"):
        driver.call(
            neuroplast, "compile", models.MODELS[NAME].path(), "-o", tmp_path / "no.so",
            "--growable", "nothing",
        )  # fmt: skip
    assert not (tmp_path / "no.so").exists()
