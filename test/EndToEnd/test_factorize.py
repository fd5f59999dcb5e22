"""Layers that are split into two of low rank."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from Models import driver, models

NETS = {
    "matrix product": (
        "net (float[N, 12] x) => (float[N, 10] y) { y = MatMul(x, w) }",
        {"w": (12, 10)},
        (7, 12),
    ),
    "batched": (
        "net (float[N, 5, 12] x) => (float[N, 5, 10] y) { y = MatMul(x, w) }",
        {"w": (12, 10)},
        (2, 5, 12),
    ),
    "weight in front": (
        "net (float[N, 12, 5] x) => (float[N, 10, 5] y) { y = MatMul(w, x) }",
        {"w": (10, 12)},
        (2, 12, 5),
    ),
    "gemm": (
        "net (float[N, 12] x) => (float[N, 10] y) { y = Gemm <transB = 1> (x, w, b) }",
        {"w": (10, 12), "b": (10,)},
        (7, 12),
    ),
    "convolution": (
        "net (float[N, 4, 9, 9] x) => (float[N, 10, P, Q] y) "
        "{ y = Conv <strides = [2, 1], pads = [1, 0, 1, 2]> (x, w, b) }",
        {"w": (10, 4, 3, 3), "b": (10,)},
        (2, 4, 9, 9),
    ),
    "convolution along one axis": (
        "net (float[N, 12, 9] x) => (float[N, 10, P] y) { y = Conv(x, w) }",
        {"w": (10, 12, 3)},
        (2, 12, 9),
    ),
}


def write_net(
    kind: str, path: Path, rng: np.random.Generator, rank: int | None = None
) -> tuple[Path, dict[str, np.ndarray]]:
    """The network, whose weight has this rank, and inputs of it."""
    text, shapes, size = NETS[kind]
    model = onnx.parser.parse_model(f'<ir_version: 9, opset_import: ["" : 20]> {text}')
    for name, shape in shapes.items():
        value = rng.normal(size=shape)
        if name == "w" and rank:
            # Of any two axes as rows and columns; the ONNX form decides which.
            rows = shape[0] if len(shape) > 2 else shape[-2]
            flat = value.reshape(rows, -1)
            u, s, v = np.linalg.svd(flat, full_matrices=False)
            value = (u[:, :rank] * s[:rank] @ v[:rank]).reshape(shape)
        model.graph.initializer.append(onnx.numpy_helper.from_array(value.astype(np.float32), name))
    onnx.save(model, path)
    return path, {"x": rng.normal(size=size).astype(np.float32)}


def factorize(neuroplast: Path, source: Path, target: Path, *options: str | Path) -> dict[str, Any]:
    return driver.edit(neuroplast, "factorize", source, target, *options)


@pytest.mark.parametrize("kind", NETS)
def test_weights_of_low_rank_are_split_without_loss(
    kind: str, neuroplast: Path, tmp_path: Path
) -> None:
    source, inputs = write_net(kind, tmp_path / "net.onnx", np.random.default_rng(0), rank=3)
    small = tmp_path / "small.onnx"
    report = factorize(neuroplast, source, small, "--energy", "0.99999")
    (layer,) = report["layers"]
    assert (layer["rank"], layer["reason"]) == (3, "")
    assert report["after"]["parameters"] < report["before"]["parameters"]
    (expected,) = models.reference(source, inputs).values()
    (actual,) = models.reference(small, inputs).values()
    np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-4)
    # Compiled as well, and with a free batch still.
    (compiled,) = driver.run(neuroplast, small, inputs).values()
    np.testing.assert_allclose(compiled, expected, rtol=1e-4, atol=1e-4)
    assert not onnx.load(small).graph.input[0].type.tensor_type.shape.dim[0].dim_value


def test_kernels_are_split_in_three(neuroplast: Path, tmp_path: Path) -> None:
    """A kernel between few directions of its inputs and few of its results loses nothing."""
    rng = np.random.default_rng(3)
    source, small = tmp_path / "net.onnx", tmp_path / "small.onnx"
    core = rng.normal(size=(3, 2, 3, 3))
    outs, ins = rng.normal(size=(10, 3)), rng.normal(size=(12, 2))
    weights = {"w": np.einsum("abpq,oa,ib->oipq", core, outs, ins), "b": rng.normal(size=10)}
    model = onnx.parser.parse_model(
        '<ir_version: 9, opset_import: ["" : 20]> net (float[N, 12, 9, 9] x) => '
        "(float[N, 10, P, Q] y) { y = Conv <strides = [2, 1], pads = [1, 0, 1, 2]> (x, w, b) }"
    )
    for name, value in weights.items():
        tensor = onnx.numpy_helper.from_array(value.astype(np.float32), name)
        model.graph.initializer.append(tensor)
    onnx.save(model, source)
    options = ("--form", "tucker", "--energy", "0.99999")
    (layer,) = factorize(neuroplast, source, small, *options)["layers"]
    assert (layer["rank"], layer["in_rank"], layer["reason"]) == (3, 2, "")
    assert layer["energy"] == pytest.approx(1, abs=1e-6)
    inputs = {"x": rng.normal(size=(2, 12, 9, 9)).astype(np.float32)}
    (expected,) = models.reference(source, inputs).values()
    for (actual,) in (
        models.reference(small, inputs).values(),
        driver.run(neuroplast, small, inputs).values(),
    ):
        np.testing.assert_allclose(actual, expected, rtol=1e-3, atol=1e-3)
    shapes = sorted(tuple(t.dims) for t in onnx.load(small).graph.initializer if len(t.dims) == 4)
    assert shapes == [(2, 12, 1, 1), (3, 2, 3, 3), (10, 3, 1, 1)]
    # Cut further, what it says to lose is what it loses.
    (layer,) = factorize(neuroplast, source, small, "--form", "tucker", "--rank", "1")["layers"]
    parts = {t.name: onnx.numpy_helper.to_array(t) for t in onnx.load(small).graph.initializer}
    first, inner, outer = (parts[f"w.{part}"] for part in ("first", "inner", "outer"))
    whole = np.einsum("abpq,oa,bi->oipq", inner, outer[..., 0, 0], first[..., 0, 0])
    loss = ((whole - weights["w"]) ** 2).sum() / (weights["w"] ** 2).sum()
    assert 1 - layer["energy"] == pytest.approx(loss, rel=1e-3)


def test_nothing_of_this_rank_is_nearer(neuroplast: Path, tmp_path: Path) -> None:
    """Without data to the weight, with data to the results."""
    rng = np.random.default_rng(1)
    source, _ = write_net("matrix product", tmp_path / "net.onnx", rng)
    (weight,) = (onnx.numpy_helper.to_array(t) for t in onnx.load(source).graph.initializer)
    scales = np.array([10.0, 5, 3, 2, 1, 1, 1, 0.5, 0.3, 0.2, 0.1, 0.1])
    x = (rng.normal(size=(500, 12)) * scales).astype(np.float32)
    data, small = tmp_path / "data.npz", tmp_path / "small.onnx"
    driver.save(data, {"x": x})

    def error(options: tuple[str | Path, ...], inputs: np.ndarray) -> float:
        factorize(neuroplast, source, small, "--rank", "4", *options)
        (actual,) = models.reference(small, {"x": inputs}).values()
        return float(((actual - inputs @ weight) ** 2).sum())

    def tail(matrix: np.ndarray) -> float:
        return float((np.linalg.svd(matrix, compute_uv=False)[4:] ** 2).sum())

    basis = np.eye(12, dtype=np.float32)
    assert error((), basis) == pytest.approx(tail(weight), rel=1e-3)
    assert error(("--data", data), x) == pytest.approx(tail(x @ weight), rel=1e-3)
    assert error((), x) > 1.05 * tail(x @ weight)


def test_what_is_not_split_says_why(neuroplast: Path, tmp_path: Path) -> None:
    source, small = models.MODELS["ppocr_cls"].path(), tmp_path / "small.onnx"
    report = factorize(
        neuroplast, source, small, "--energy", "0.9", "--freeze", "conv12*", "--only", "conv1*"
    )
    reasons = {layer["weight"]: layer["reason"] for layer in report["layers"]}
    assert reasons["conv12_expand_weights"] == "frozen"
    assert reasons["conv3_expand_weights"] == "not named"
    assert reasons["conv10_depthwise_weights"] == "grouped"
    assert "of high rank" in reasons.values() and "" in reasons.values()
    inputs = models.MODELS["ppocr_cls"].sample()
    assert models.reference(small, inputs).keys() == models.reference(source, inputs).keys()


def test_a_split_is_no_edit_of_units(neuroplast: Path, tmp_path: Path) -> None:
    source, _ = write_net("gemm", tmp_path / "net.onnx", np.random.default_rng(2), rank=2)
    small, other = tmp_path / "small.onnx", tmp_path / "other.onnx"
    factorize(neuroplast, source, small)
    with pytest.raises(
        driver.DriverError, match="'factorize' has changed no units, and cannot be taken back"
    ):
        driver.call(neuroplast, "undo", small, "-o", other, "--to", "0")
    with pytest.raises(driver.DriverError, match="cannot be done again"):
        driver.call(neuroplast, "replay", source, "--history", small, "-o", other)
    assert not other.exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--energy", "1.5"], "the energy to keep must be from 0 to 1"),
        (["--rank", "0"], "a rank must be at least 1"),
        (["--rank", "0%"], "a share above 0 and up to 100%"),
        (["--rank", "120%"], "a share above 0 and up to 100%"),
        (["--rank", "inf%"], "a number, or a share as '50%'"),
        (["--rank", "2", "--energy", "0.5"], "one of an energy and a rank"),
    ],
)
def test_bad_options(options: list[str], message: str, neuroplast: Path, tmp_path: Path) -> None:
    source, _ = write_net("gemm", tmp_path / "net.onnx", np.random.default_rng(3))
    with pytest.raises(driver.DriverError, match=message):
        factorize(neuroplast, source, tmp_path / "small.onnx", *options)
    assert not (tmp_path / "small.onnx").exists()
