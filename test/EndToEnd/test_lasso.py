"""Weights drawn to zero while a network learns, and units that nobody misses then."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from Models import driver
from Models.training import INS, OUTS, Arrays, gradients, perceptron, read_params, write_params
from onnx import TensorProto
from Property.test_training import prepare

RATE, STEPS = 0.05, 5


def shrink(params: Arrays, lasso: float, group: float, decayed: set[str]) -> Arrays:
    """The proximal step of the sparse-group lasso: of a hidden unit, `w` and `b` are one group."""
    params = {
        key: np.sign(value) * np.maximum(np.abs(value) - RATE * lasso, 0)
        if key in decayed
        else value
        for key, value in params.items()
    }
    norm = np.sqrt((params["w"] ** 2).sum(axis=0) + params["b"] ** 2)
    kept = np.maximum(1 - RATE * group * np.sqrt(INS + 1) / norm, 0)
    return params | {"w": params["w"] * kept, "b": params["b"] * kept}


@pytest.mark.parametrize(("lasso", "group"), [(0.3, 0), (0, 4), (0.3, 3)])
def test_formula(lasso: float, group: float, neuroplast: Path, tmp_path: Path) -> None:
    model, target, data = tmp_path / "m.onnx", tmp_path / "t.onnx", tmp_path / "d.npz"
    params = perceptron(model, dtype=TensorProto.DOUBLE)
    random = np.random.default_rng(5)
    x, labels = random.normal(size=(16, INS)), random.integers(0, OUTS, 16)
    driver.save(data, {"x": x, "labels": labels})
    call = [
        "train", model, "--data", data, "-o", target, "--lr", str(RATE), "--epochs", str(STEPS),
        "--batch", "16", "--lasso", str(lasso), "--group-lasso", str(group), "--no-decay", "v",
    ]  # fmt: skip
    printed = driver.call(neuroplast, *call)
    for _ in range(STEPS):
        gradient = gradients(params, x, labels, True)
        moved = {key: value - RATE * gradient[key] for key, value in params.items()}
        params = shrink(moved, lasso, group, {"w", "b", "c"})
    told = read_params(target)
    for key, value in told.items():
        # Factors are of single precision.
        np.testing.assert_allclose(value, params[key], rtol=1e-5, atol=1e-6)
        np.testing.assert_array_equal(value == 0, params[key] == 0)
    gone = int((params["b"] == 0).sum()) if group else 0
    assert (0 < gone < len(params["b"])) == bool(group)
    assert (f"{gone} of 8 units change nothing" in printed) == bool(group)
    # In parts of updates the same.
    call[4], call[call.index("16")] = "-o", "4"
    driver.call(neuroplast, *call, "--accumulate", "4")
    for key, value in read_params(target).items():
        np.testing.assert_array_equal(value == 0, params[key] == 0)


ARCHITECTURES = ["bert", "gpt2", "mobilenet", "resnext", "unet", "wavenet"]


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_goes_without_a_trace(name: str, neuroplast: Path, tmp_path: Path) -> None:
    """What was drawn to zero goes, and outputs stay, bit for bit."""
    model, data, batch = prepare(name, neuroplast, tmp_path)
    trained, cut = tmp_path / "t.onnx", tmp_path / "p.onnx"
    driver.call(
        neuroplast, "train", model, "--data", data, "-o", trained, "--loss", "mse", "--batch",
        str(batch), "--lr", "1e-5", "--group-lasso", "2e4",
    )  # fmt: skip
    report = json.loads(driver.call(neuroplast, "prune", trained, "--dead", "-o", cut, "--json"))
    assert report["after"]["parameters"] < report["before"]["parameters"]
    inputs = {key: value for key, value in np.load(data).items() if key != "labels"}
    wanted = driver.run(neuroplast, trained, inputs)
    for key, value in driver.run(neuroplast, cut, inputs).items():
        np.testing.assert_array_equal(value, wanted[key])


def test_whom_nobody_misses(neuroplast: Path, tmp_path: Path) -> None:
    """Units that nobody reads are as dead as those that give nothing; one stays at least."""
    model, cut = tmp_path / "m.onnx", tmp_path / "p.onnx"
    params = {key: value.copy() for key, value in perceptron(model).items()}
    params["w"][:, 2] = params["b"][2] = params["v"][5] = params["w"][:, 6] = 0
    write_params(model, params)
    driver.call(neuroplast, "prune", model, "--dead", "-o", cut)
    # A bias is left of unit 6.
    np.testing.assert_array_equal(read_params(cut)["v"], np.delete(params["v"], [2, 5], axis=0))
    params["v"][:] = 0
    write_params(model, params)
    driver.call(neuroplast, "prune", model, "--dead", "-o", cut)
    assert read_params(cut)["v"].shape == (1, OUTS)


def test_refusals(neuroplast: Path, tmp_path: Path) -> None:
    model, target = tmp_path / "m.onnx", tmp_path / "t.onnx"
    perceptron(model)
    for other in (["--ratio", "0.5"], ["--criterion", "l1"], ["--target-flops", "0.5x"]):
        with pytest.raises(driver.DriverError, match="'--dead' says what goes, and so does '--"):
            driver.call(neuroplast, "prune", model, "--dead", *other, "-o", target)
    with pytest.raises(driver.DriverError, match="'--eval'"):
        driver.call(neuroplast, "prune", model, "--dead", "--eval", "echo 1", "-o", target)
    driver.save(tmp_path / "f.npz", {"x": np.zeros((32, INS), np.float32),
                                     "labels": np.zeros(32, np.int64)})  # fmt: skip
    with pytest.raises(driver.DriverError, match="has no units, .* all of which learn"):
        driver.call(
            neuroplast, "train", model, "--data", tmp_path / "f.npz", "-o", target,
            "--group-lasso", "1", "--freeze", "b",
        )  # fmt: skip
    tied, data, batch = prepare("tied_autoencoder", neuroplast, tmp_path)
    with pytest.raises(driver.DriverError, match="has no units, .* gone once these are zero"):
        driver.call(
            neuroplast, "train", tied, "--data", data, "-o", target, "--loss", "mse", "--batch",
            str(batch), "--group-lasso", "1",
        )  # fmt: skip


def test_in_a_cycle(neuroplast: Path, tmp_path: Path) -> None:
    """A phase that draws units to zero, and one that takes them out."""
    model, target, data = tmp_path / "m.onnx", tmp_path / "t.onnx", tmp_path / "d.npz"
    perceptron(model)
    random = np.random.default_rng(5)
    x = random.normal(size=(64, INS)).astype(np.float32)
    driver.save(data, {"x": x, "labels": random.integers(0, OUTS, 64)})
    plan, log = tmp_path / "plan.json", tmp_path / "log.jsonl"
    phases = [{"train": {"epochs": 3, "lr": RATE, "group-lasso": 2.5}}, {"prune": {"dead": True}}]
    plan.write_text(json.dumps({"version": 1, "phases": phases}))
    driver.call(
        neuroplast, "cycle", model, "--data", data, "--plan", plan, "-o", target, "--log", log
    )
    trained, cut = (json.loads(line) for line in log.read_text().splitlines()[-2:])
    assert cut["parameters"] < trained["parameters"]
    assert cut["loss"] == trained["loss"] if "loss" in cut else True
