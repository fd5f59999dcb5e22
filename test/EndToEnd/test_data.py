"""Examples in files: one or many, by rows or by columns, and more than memory would hold."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from Models import driver
from Models.training import INS, OUTS, Arrays, perceptron, read_params
from onnx import helper, numpy_helper


def examples(count: int) -> Arrays:
    random = np.random.default_rng(count)
    x = random.normal(size=(count, INS)).astype(np.float32)
    return {"x": x, "labels": random.integers(0, OUTS, count)}


def part(arrays: Arrays, start: int, stop: int) -> Arrays:
    return {key: value[start:stop] for key, value in arrays.items()}


def write(form: str, folder: Path, arrays: Arrays) -> Path:
    """The same examples in a file or a folder of some form."""
    path = folder / form
    if form == "one.npz":
        driver.save(path, arrays)
    elif form == "compressed.npz":
        np.savez_compressed(path, **arrays)
    elif form == "columns.npz":
        np.savez(path, **{key: np.asfortranarray(value) for key, value in arrays.items()})
    elif form == "narrow.npz":
        driver.save(path, arrays | {"labels": arrays["labels"].astype(np.uint8)})
    elif form == "archives":
        path.mkdir()
        for number, (start, stop) in enumerate([(0, 10), (10, 70), (70, None)]):
            np.savez(path / f"{number}.npz", **part(arrays, start, stop or len(arrays["x"])))
        (path / "about.txt").write_text("not read")
    else:
        path.mkdir()
        for key, value in arrays.items():
            np.save(path / f"{key}.npy", value)
    return path


def train(neuroplast: Path, model: Path, data: Path, *options: str) -> Arrays:
    target = data.parent / f"{data.name}.onnx"
    driver.call(neuroplast, "train", model, "--data", data, "-o", target, *options)
    return read_params(target)


@pytest.mark.parametrize(
    "form", ["compressed.npz", "columns.npz", "narrow.npz", "archives", "arrays"]
)
def test_forms(form: str, neuroplast: Path, tmp_path: Path) -> None:
    """What examples are is the same, wherever and however they stand."""
    model, arrays = tmp_path / "m.onnx", examples(100)
    perceptron(model)
    options = ("--epochs", "3", "--batch", "16", "--lr", "0.1")
    wanted = train(neuroplast, model, write("one.npz", tmp_path, arrays), *options)
    path = write(form, tmp_path, arrays)
    found = train(neuroplast, model, path, *options, "--val", str(path))
    for key, value in wanted.items():
        np.testing.assert_array_equal(found[key], value)


def test_more_than_memory(neuroplast: Path, tmp_path: Path) -> None:
    """What was read of large files does not stay."""
    model, data = tmp_path / "m.onnx", tmp_path / "d.npz"
    width, count = 4096, 25_000
    weight = np.random.default_rng(0).normal(size=(width, 2)).astype(np.float32) / 64
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        "g",
        [helper.make_tensor_value_info("x", 1, ["N", width])],
        [helper.make_tensor_value_info("y", 1, ["N", 2])],
        [numpy_helper.from_array(weight, "w")],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)]), model)
    peaks = []
    for number in (count // 25, count):
        np.savez(
            data,
            x=np.ones((number, width), np.float32),
            labels=np.zeros(number, np.int64),
        )
        command = [neuroplast, "train", model, "--data", data, "-o", tmp_path / "t.onnx"]
        peaks.append(driver.measure_peak(command))
    assert data.stat().st_size > 400e6
    assert peaks[1] - peaks[0] < 150e6


@pytest.mark.parametrize(
    ("second", "message"),
    [
        ({"x": np.zeros((4, INS), np.float32)}, "'1.npz' has no array 'labels' of labels"),
        (examples(4) | {"z": np.zeros(4)}, "'1.npz' array 'z' is none that the first file has"),
        (examples(4) | {"x": np.zeros((4, INS))}, "array 'x' is none that the first file has"),
        (examples(4) | {"x": np.zeros((5, INS), np.float32)}, "has 5 examples, and others have 4"),
    ],
)
def test_archives_that_do_not_fit(
    second: Arrays, message: str, neuroplast: Path, tmp_path: Path
) -> None:
    model, folder = tmp_path / "m.onnx", tmp_path / "data"
    perceptron(model)
    folder.mkdir()
    np.savez(folder / "0.npz", **examples(64))
    np.savez(folder / "1.npz", **second)
    with pytest.raises(driver.DriverError, match=message):
        train(neuroplast, model, folder)


def test_folders_of_nothing(neuroplast: Path, tmp_path: Path) -> None:
    model, folder = tmp_path / "m.onnx", tmp_path / "data"
    perceptron(model)
    folder.mkdir()
    with pytest.raises(driver.DriverError, match="data: has no array 'labels' of labels"):
        train(neuroplast, model, folder)
    with pytest.raises(driver.DriverError, match="nowhere.npz"):
        train(neuroplast, model, tmp_path / "nowhere.npz")
    bad = tmp_path / "bad.npz"
    np.savez(bad, **examples(64))
    bad.write_bytes(bad.read_bytes()[:-30])
    with pytest.raises(driver.DriverError, match="bad.npz"):
        train(neuroplast, model, bad)
