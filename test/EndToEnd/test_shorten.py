"""Residual blocks that are removed, and which ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from Models import architectures, driver, models, pruning


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "data.npz"
    x = np.random.default_rng(0).normal(size=(40, 3, 32, 32)).astype(np.float32)
    driver.save(path, {"x": x})
    return path


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A network whose batch and pixels are free, with three blocks in a row."""
    path = tmp_path / "net.onnx"
    onnx.save(architectures.build("mobilenet", free=True, real=True), path)
    return path


def bypass(source: Path, names: list[str], target: Path) -> Path:
    """The network where these sums give their older operand."""
    model = onnx.load(source)
    made = [output for node in model.graph.node for output in node.output]
    for node in model.graph.node:
        if node.name in names:
            older = min(node.input, key=made.index)
            del node.input[:]
            node.input.append(older)
            node.op_type = "Identity"
    onnx.save(model, target)
    return target


def alignment(x: np.ndarray, y: np.ndarray) -> float:
    """Linear centred kernel alignment, by its definition."""
    x, y = (a.reshape(len(a), -1).astype(np.float64) for a in (x, y))
    x, y = x - x.mean(axis=0), y - y.mean(axis=0)
    return float(
        (np.linalg.norm(y.T @ x) ** 2) / (np.linalg.norm(x.T @ x) * np.linalg.norm(y.T @ y))
    )


def test_what_is_left_goes_on_with_the_input(
    neuroplast: Path, source: Path, data: Path, tmp_path: Path
) -> None:
    short = tmp_path / "short.onnx"
    report = driver.edit(neuroplast, "shorten", source, short, "--blocks", "3", "--data", data)
    removed = [block for block in report["blocks"] if block["removed"]]
    assert len(removed) == 3 and len(report["blocks"]) == 10
    assert all(block["cka"] < 1 and block["change"] > 0 for block in report["blocks"])
    worst = max(1 - block["cka"] for block in removed)
    assert worst <= min(1 - b["cka"] for b in report["blocks"] if not b["removed"])
    lost = report["before"]["parameters"] - report["after"]["parameters"]
    assert lost == sum(block["parameters"] for block in removed)
    twin = bypass(source, [block["node"] for block in removed], tmp_path / "twin.onnx")
    inputs = {"x": np.load(data)["x"][:3]}
    expected = models.reference(twin, inputs)
    assert pruning.worst(models.reference(short, inputs), expected) <= 1
    assert pruning.worst(driver.run(neuroplast, short, inputs), expected) <= 1


def test_importance(neuroplast: Path, tmp_path: Path) -> None:
    source, data, short = (tmp_path / name for name in ("net.onnx", "data.npz", "short.onnx"))
    model = onnx.parser.parse_model(
        '<ir_version: 9, opset_import: ["" : 20]> net (float[N, 6] x) => (float[N, 6] y) '
        "{ [a] a = Gemm(x, w, b)  r = Relu(a)  [first] s = Add(r, x)  h = MatMul(s, v) "
        "[second] y = Add(s, h) }"
    )
    rng = np.random.default_rng(1)
    arrays = {"w": rng.normal(size=(6, 6)), "b": rng.normal(size=6), "v": rng.normal(size=(6, 6))}
    for name, value in arrays.items():
        tensor = onnx.numpy_helper.from_array(value.astype(np.float32), name)
        model.graph.initializer.append(tensor)
    onnx.save(model, source)
    # Two batches, the second of which is short.
    x = rng.normal(size=(12, 6)).astype(np.float32)
    driver.save(data, {"x": x})
    report = driver.edit(
        neuroplast, "shorten", source, short, "--blocks", "1", "--criterion", "change",
        "--data", data,
    )  # fmt: skip
    first = x + np.maximum(x @ arrays["w"] + arrays["b"], 0)
    second = first + first @ arrays["v"]
    changes = []
    for block, before, after in zip(report["blocks"], (x, first), (first, second), strict=True):
        assert block["cka"] == pytest.approx(alignment(before, after), rel=1e-4)
        changes.append(((after - before) ** 2).sum() / (after**2).sum())
        assert block["change"] == pytest.approx(changes[-1], rel=1e-4)
    assert [block["removed"] for block in report["blocks"]] == [
        change == min(changes) for change in changes
    ]


def test_named_blocks(neuroplast: Path, source: Path, tmp_path: Path) -> None:
    short = tmp_path / "short.onnx"
    blocks = driver.edit(neuroplast, "shorten", source, short, "--dry-run")["blocks"]
    assert not short.exists() and not any(block["removed"] for block in blocks)
    names = [blocks[1]["node"], blocks[2]["node"]]
    options = [option for name in names for option in ("--at", name)]
    report = driver.edit(neuroplast, "shorten", source, short, *options)
    assert [b["node"] for b in report["blocks"] if b["removed"]] == names
    with pytest.raises(driver.DriverError, match="'shorten' has changed no units"):
        driver.call(neuroplast, "undo", short, "-o", tmp_path / "back.onnx")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "needs '--blocks N', or '--at PATTERN'"),
        (["--blocks", "2"], "give '--data'"),
        (["--blocks", "-1"], "needs a number of blocks"),
        (["--at", "nobody"], "no residual block has a name like 'nobody'"),
        (["--blocks", "1", "--criterion", "l2"], "none of cka and change"),
    ],
)
def test_bad_options(options: list[str], message: str, neuroplast: Path, source: Path) -> None:
    short = source.with_name("short.onnx")
    with pytest.raises(driver.DriverError, match=message):
        driver.call(neuroplast, "shorten", source, "-o", short, *options)
    assert not short.exists()


def test_too_many_blocks(neuroplast: Path, source: Path, data: Path) -> None:
    with pytest.raises(driver.DriverError, match="only 10 can go"):
        driver.call(
            neuroplast, "shorten", source, "-o", source.with_name("short.onnx"),
            "--blocks", "11", "--data", data,
        )  # fmt: skip
