"""Runs in memory of the caller: workspace, outputs and parameters."""

from __future__ import annotations

import ctypes
from pathlib import Path

import numpy as np
import pytest
from Models import driver, models
from Models.c_interface import Run, Tensor, describe, load

NAME = "squeezenet"


@pytest.fixture(name="library", scope="module")
def compile_library(neuroplast: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("workspace") / "model.so"
    driver.call(
        neuroplast, "compile", models.MODELS[NAME].path(), "-o", path, "--growable", "fire9*"
    )
    return path


def aligned(count: int, dtype: type) -> np.ndarray:
    """An array on an address that 64 divides, of recognisable bytes."""
    size = np.dtype(dtype).itemsize
    raw = np.full(count * size + 64, 0x5A, np.uint8)
    start = -raw.ctypes.data % 64
    return raw[start : start + count * size].view(dtype)


def test_memory_of_the_caller(library: Path) -> None:
    """What a run is given it uses, up to its end; two runs do not know of each other."""
    loaded, inputs = load(library), models.MODELS[NAME].sample()
    needed = loaded.neuroplast_info().contents.workspace_bytes
    assert needed > 1 << 20
    given = (Tensor * 1)(*[describe(value) for value in inputs.values()])
    params = loaded.neuroplast_params()
    count = loaded.neuroplast_info().contents.num_params
    zeros = [np.zeros(params[i].shape[: params[i].rank], np.float32) for i in range(count)]

    def run(own: list[np.ndarray] | None) -> np.ndarray:
        workspace, result = aligned(needed + 64, np.uint8), aligned(1000 + 16, np.float32)
        outputs = (Tensor * 1)(describe(result[:1000]))
        table = (Tensor * count)(*map(describe, own)) if own else None
        call = Run(given, outputs, table, workspace.ctypes.data)
        assert loaded.neuroplast_run_with(ctypes.byref(call)) == 0, loaded.neuroplast_error()
        assert outputs[0].data == result.ctypes.data
        assert (workspace[:needed] != 0x5A).mean() > 0.5
        for rest in (workspace[needed:], result[1000:].view(np.uint8)):
            assert (rest == 0x5A).all()
        return result[:1000]

    expected = next(iter(models.reference(models.MODELS[NAME].path(), inputs).values()))
    first = run(None)
    np.testing.assert_allclose(first, expected.ravel(), atol=1e-6)
    # Without the last layers every class is as likely as its bias says.
    assert np.abs(run(zeros) - first).max() > 1e-4
    np.testing.assert_array_equal(run(None), first)


def test_refused(library: Path) -> None:
    loaded, inputs = load(library), models.MODELS[NAME].sample()
    given = (Tensor * 1)(*[describe(value) for value in inputs.values()])
    workspace = aligned(64, np.uint8)
    small = np.zeros(999, np.float32)
    for workspace_at, output, code, message in (
        (workspace.ctypes.data + 4, Tensor(), 1, b"'workspace' is not aligned"),
        (None, describe(small), 5, b"does not fit its buffer"),
    ):
        outputs = (Tensor * 1)(output)
        call = Run(given, outputs, None, workspace_at)
        assert loaded.neuroplast_run_with(ctypes.byref(call)) == code
        assert message in loaded.neuroplast_error()
    assert loaded.neuroplast_run_with(None) == 1


def test_failed_runs_keep_nothing(neuroplast: Path, tmp_path: Path) -> None:
    """An output that got memory in vain has none."""
    text = """<ir_version: 8, opset_import: ["" : 17]>
    g (float[8] x, int64[1] i) => (float[8] y, float[1] z) { y = Relu(x)  z = Gather(x, i) }"""
    (tmp_path / "m.onnxtext").write_text(text)
    driver.call(neuroplast, "compile", tmp_path / "m.onnxtext", "-o", tmp_path / "m.so")
    loaded = load(tmp_path / "m.so")
    x, index = np.ones(8, np.float32), np.array([8])
    given = (Tensor * 2)(describe(x), describe(index))
    outputs = (Tensor * 2)()
    assert loaded.neuroplast_run(given, outputs) == 6, "a bad value"
    assert [output.data for output in outputs] == [None, None]
    index[0] = 7
    assert loaded.neuroplast_run(given, outputs) == 0
    assert all(output.data for output in outputs)
    for output in outputs:
        loaded.neuroplast_free(ctypes.c_void_p(output.data))
