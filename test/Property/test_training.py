"""Steps of training of whole architectures go downhill, as steep as their gradients say."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import onnx
import pytest
from EndToEnd.test_layout import network as draw_layers
from Models import architectures, driver
from Models.training import read_params

from Property.test_gradients import widen

# A loop that the importer cannot count ahead has no gradient.
WITHOUT = ("scan_rnn",)
NAMES = [n for n in architectures.ARCHITECTURES if n not in WITHOUT]


def prepare(name: str, neuroplast: Path, folder: Path) -> tuple[Path, Path, int]:
    """An architecture, something for it to learn, and how many examples that has."""
    model, data = folder / "m.onnx", folder / "d.npz"
    network = widen(architectures.build(name))
    onnx.save(network, model)
    kinds = {i.name: i.type.tensor_type.elem_type for i in network.graph.input}
    inputs = {
        key: value.astype(onnx.helper.tensor_dtype_to_np_dtype(kinds[key]))
        for key, value in architectures.draw_inputs(network).items()
    }
    output = driver.run(neuroplast, model, inputs)[network.graph.output[0].name]
    labels = output + np.random.default_rng(1).normal(size=output.shape)
    driver.save(data, inputs | {"labels": labels})
    return model, data, len(output)


@pytest.mark.parametrize("name", NAMES)
def test_downhill(name: str, neuroplast: Path, tmp_path: Path) -> None:
    """The loss falls by the square of the step over the rate, in double precision."""
    model, data, batch = prepare(name, neuroplast, tmp_path)
    rate, losses, params = 1e-7, [], []
    steps = [model, tmp_path / "once.onnx", tmp_path / "twice.onnx"]
    for source, target in pairwise(steps):
        log = target.with_suffix(".jsonl")
        driver.call(
            neuroplast, "train", source, "--data", data, "-o", target, "--loss", "mse", "--batch",
            str(batch), "--lr", str(rate), "--log", log,
        )  # fmt: skip
        losses.append(json.loads(log.read_text())["loss"])
        params.append(read_params(source))
    # What norms remember moves, too, but not downhill.
    moved = sum(
        float(((params[0][key] - value) ** 2).sum())
        for key, value in params[1].items()
        if key in params[0]
        and value.dtype == np.float64
        and not key.endswith((".mean", ".variance"))
    )
    assert losses[0] > losses[1]
    assert (losses[0] - losses[1]) * rate / moved == pytest.approx(1, rel=1e-3)


@pytest.mark.parametrize("seed", range(8))
def test_kernels(seed: int, neuroplast: Path, tmp_path: Path) -> None:
    """A step in single precision, by kernels on channels in blocks, moves what one in double
    precision moves, which has none: layers of odd sizes, with groups or a kernel per channel."""
    model, data = draw_layers(seed, free=False), tmp_path / "d.npz"
    random, rate, moved = np.random.default_rng(seed), 64, []
    x = random.normal(size=(2, 3, 12, 12)).astype(np.float32)
    # One step, so far that little of it is lost in what it is added to.
    for network in (model, widen(model)):
        source, target = tmp_path / "m.onnx", tmp_path / "t.onnx"
        onnx.save(network, source)
        inputs = {"x": x if network is model else x.astype(np.float64)}
        if network is model:
            (output,) = driver.run(neuroplast, source, inputs).values()
            labels = output + random.normal(size=output.shape).astype(np.float32)
        driver.save(data, inputs | {"labels": labels.astype(inputs["x"].dtype)})
        driver.call(
            neuroplast, "train", source, "--data", data, "-o", target, "--loss", "mse",
            "--batch", "2", "--lr", str(rate),
        )  # fmt: skip
        was = read_params(source)
        moved.append(
            {k: (v - was[k]).astype(np.float64) for k, v in read_params(target).items() if k in was}
        )
    for key, expected in moved[1].items():
        scale = np.abs(expected).max()
        assert scale > 0, key
        np.testing.assert_allclose(moved[0][key], expected, atol=1e-3 * scale, err_msg=key)


# Attributes hold all of their units, or groups of open sizes have no gradient.
HELD = {
    "shufflenet_v2": "keeps its size: an attribute of",
    "lstm_tagger": "keeps its size: an attribute of",
    "gru_tagger": "keeps its size: an attribute of",
    "resnext": "'neuro.conv' op of unknown sizes has no gradient yet",
    "wav2vec": "'neuro.conv' op of unknown sizes has no gradient yet",
}


@pytest.mark.parametrize("name", [n for n in NAMES if n not in HELD])
def test_open_sizes(name: str, neuroplast: Path, tmp_path: Path) -> None:
    """A step for units that may come and go does what one for these units does."""
    model, data, batch = prepare(name, neuroplast, tmp_path)
    params = []
    for growable in ([], ["--growable", "*"]):
        target = tmp_path / f"{len(growable)}.onnx"
        call = [
            "train", model, "--data", data, "-o", target, "--loss", "mse", "--batch", str(batch),
            "--epochs", "3", "--lr", "1e-3", "--optimizer", "adam", *growable,
        ]  # fmt: skip
        driver.call(neuroplast, *call)
        params.append(read_params(target))
    assert params[0].keys() == params[1].keys()
    for key, value in params[0].items():
        np.testing.assert_allclose(params[1][key], value, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("name", HELD)
def test_sizes_that_stay(name: str, neuroplast: Path, tmp_path: Path) -> None:
    """What cannot be opened is refused with the reason."""
    model, data, batch = prepare(name, neuroplast, tmp_path)
    with pytest.raises(driver.DriverError, match=HELD[name]):
        driver.call(
            neuroplast, "train", model, "--data", data, "-o", tmp_path / "t.onnx", "--loss", "mse",
            "--batch", str(batch), "--growable", "*",
        )  # fmt: skip
