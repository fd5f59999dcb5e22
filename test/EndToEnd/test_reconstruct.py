"""What is left of a pruned network is fitted to what there was, on data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from Models import driver, models

REDUNDANT = {
    "perceptron": """<ir_version: 9, opset_import: ["" : 20]>
        net (float[N, 5] x) => (float[N, 3] y) {
          h = Gemm <transB = 1> (x, first, shift)
          r = Relu(h)
          y = MatMul(r, second)
        }""",
    "convolutions": """<ir_version: 9, opset_import: ["" : 20]>
        net (float[N, 5, H, W] x) => (float[N, 3, P, Q] y) {
          h = Conv <pads = [1, 1, 1, 1]> (x, first, shift)
          r = Relu(h)
          c = Conv <strides = [2, 2]> (r, second)
          y = BatchNormalization(c, scale, bias, mean, variance)
        }""",
}


def redundant_net(kind: str, path: Path, rng: np.random.Generator) -> Path:
    """Eight hidden units, of which the small half equals a part of the large half."""
    kernel = (3, 3) if kind == "convolutions" else ()
    first, shift = rng.normal(size=(8, 5, *kernel)), rng.normal(size=8)
    first[4:], shift[4:] = 0.1 * first[:4], 0.1 * shift[:4]
    second = rng.normal(size=(3, 8, *kernel))
    second[:, 4:] *= 0.5
    weights = {"first": first, "shift": shift, "second": second}
    if kernel:
        weights |= {
            "scale": rng.uniform(1, 2, 3),
            "bias": rng.normal(size=3),
            "mean": rng.normal(size=3),
            "variance": rng.uniform(1, 2, 3),
        }
    else:
        weights["second"] = second.T
    model = onnx.parser.parse_model(REDUNDANT[kind])
    for name, value in weights.items():
        model.graph.initializer.append(onnx.numpy_helper.from_array(value.astype(np.float32), name))
    onnx.save(model, path)
    return path


def prune(neuroplast: Path, source: Path, target: Path, *options: str | Path) -> dict[str, Any]:
    return driver.edit(neuroplast, "prune", source, target, *options)


def largest_change(before: Path, after: Path, inputs: dict[str, np.ndarray]) -> float:
    expected, actual = models.reference(before, inputs), models.reference(after, inputs)
    return max(
        float(np.abs(actual[name] - value).max() / np.abs(value).max())
        for name, value in expected.items()
    )


@pytest.mark.parametrize("kind", REDUNDANT)
def test_units_that_others_can_stand_for_go_unnoticed(
    kind: str, neuroplast: Path, tmp_path: Path
) -> None:
    rng = np.random.default_rng(0)
    source = redundant_net(kind, tmp_path / "net.onnx", rng)
    size = (300, 5, 6, 7) if kind == "convolutions" else (500, 5)
    data, small = tmp_path / "data.npz", tmp_path / "small.onnx"
    driver.save(data, {"x": rng.normal(size=size).astype(np.float32)})
    others = {"x": rng.normal(size=size).astype(np.float32)}
    cut = ("--data", data, "--criterion", "l2")
    report = prune(neuroplast, source, small, *cut, "--no-reconstruct")
    assert [e["sources"] for e in report["edits"] if e["tensor"] == "@first"] == [[[0, 1, 2, 3]]]
    assert largest_change(source, small, others) > 0.02
    report = prune(neuroplast, source, small, *cut)
    # The penalty that holds weights to their old values leaves a little.
    assert largest_change(source, small, others) < 0.003
    for layer in report["reconstruction"]:
        assert layer["error_after"] < layer["error_before"] + 1e-6, layer
    # Sizes that were free still are.
    assert not onnx.load(small).graph.input[0].type.tensor_type.shape.dim[0].dim_value


def test_what_no_unit_was_cut_from_stays(neuroplast: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    source = redundant_net("perceptron", tmp_path / "net.onnx", rng)
    data, same = tmp_path / "data.npz", tmp_path / "same.onnx"
    driver.save(data, {"x": rng.normal(size=(500, 5)).astype(np.float32)})
    report = prune(neuroplast, source, same, "--data", data, "--ratio", "0")
    assert report["reconstruction"] == []
    old, new = (
        {t.name: onnx.numpy_helper.to_array(t) for t in onnx.load(path).graph.initializer}
        for path in (source, same)
    )
    for name, value in old.items():
        np.testing.assert_array_equal(new[name], value)


def test_too_few_samples_are_named(neuroplast: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    source = redundant_net("perceptron", tmp_path / "net.onnx", rng)
    data = tmp_path / "data.npz"
    driver.save(data, {"x": rng.normal(size=(3, 5)).astype(np.float32)})
    call = ("prune", source, "-o", tmp_path / "small.onnx", "--data", data)
    text = driver.call(neuroplast, *call)
    assert "was not fitted: 3 samples are too few for 4 weights of a result" in text


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"z": (4, 5)}, "the data have no input 'x'"),
        ({"x": (4, 5), "z": (4, 5)}, "arrays that are no inputs of the model"),
        ({"x": (4, 6)}, "input 'x' has size 6 along axis 1, expected 5"),
        ({"x": (4, 5, 1)}, "input 'x' has another number of axes"),
    ],
)
def test_data_that_do_not_fit_are_refused(
    arrays: dict[str, tuple[int, ...]], message: str, neuroplast: Path, tmp_path: Path
) -> None:
    source = redundant_net("perceptron", tmp_path / "net.onnx", np.random.default_rng(3))
    data, small = tmp_path / "data.npz", tmp_path / "small.onnx"
    driver.save(data, {name: np.zeros(shape, np.float32) for name, shape in arrays.items()})
    with pytest.raises(driver.DriverError, match=message):
        prune(neuroplast, source, small, "--data", data)
    assert not small.exists()


def test_data_of_a_training(neuroplast: Path, tmp_path: Path) -> None:
    """Labels are left out, and archives of a folder are one."""
    rng = np.random.default_rng(4)
    source = redundant_net("perceptron", tmp_path / "net.onnx", rng)
    x = rng.normal(size=(64, 5)).astype(np.float32)
    folder, cut = tmp_path / "data", []
    folder.mkdir()
    for name, part in (("a", slice(0, 48)), ("b", slice(48, 64))):
        driver.save(folder / f"{name}.npz", {"x": x[part], "labels": np.zeros(64)[part]})
    driver.save(tmp_path / "all.npz", {"x": x, "labels": np.zeros(64)})
    driver.save(tmp_path / "x.npz", {"x": x})
    for data in (tmp_path / "x.npz", tmp_path / "all.npz", folder):
        small = tmp_path / f"{data.stem}.onnx"
        driver.call(neuroplast, "prune", source, "-o", small, "--data", data, "--no-compare")
        cut.append([t.raw_data for t in onnx.load(small).graph.initializer])
    assert cut[0] == cut[1] == cut[2]
    driver.save(folder / "c.npz", {"y": x})
    with pytest.raises(driver.DriverError, match="array 'y' is none that the first file has"):
        driver.call(neuroplast, "prune", source, "-o", small, "--data", folder)


@pytest.mark.parametrize("name", ["shufflenet", "squeezenet", "minilm_l3"])
def test_real_networks_come_nearer_to_what_they_were(
    name: str, neuroplast: Path, tmp_path: Path
) -> None:
    model = models.MODELS[name]
    samples = [model.sample(seed) for seed in range(24)]
    data, small = tmp_path / "data.npz", tmp_path / "small.onnx"
    driver.save(data, {key: np.concatenate([s[key] for s in samples]) for key in samples[0]})
    inputs = model.sample(99)
    expected = models.reference(model.path(), inputs)
    errors = []
    for fits in (False, True):
        options = ("--data", data, "--ratio", "0.3", "--criterion", "l2")
        report = prune(
            neuroplast, model.path(), small, *options, *(() if fits else ("--no-reconstruct",))
        )
        actual = models.reference(small, inputs)
        errors.append(
            max(
                float(np.sqrt(((actual[key] - value) ** 2).mean() / (value**2).mean()))
                for key, value in expected.items()
            )
        )
    # Few samples: layers that have too few are named, and stay.
    assert errors[1] < errors[0]
    fitted = [layer for layer in report["reconstruction"] if "obstacle" not in layer]
    assert len(fitted) > 10
    assert all(layer["error_after"] <= layer["error_before"] + 1e-6 for layer in fitted)
    if name == "minilm_l3":
        # Positions are cut to the length of the input, which is free in the file.
        assert "pinned while sizes are free" in {u["reason"] for u in report["units"]}
