"""Pruned models load in ONNX Runtime and compile to what it computes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from Models import driver, models

QUICK = ("squeezenet", "ppocr_cls", "silero_vad")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "model" in metafunc.fixturenames:
        names = models.MODELS if metafunc.config.getoption("--all-models") else QUICK
        metafunc.parametrize("model", [models.MODELS[n] for n in names], ids=list(names))


def test_prune(model: models.Model, neuroplast: Path, tmp_path: Path) -> None:
    small = tmp_path / "small.onnx"
    report = json.loads(
        driver.call(
            neuroplast, "prune", model.path(), "-o", small, "--ratio", "0.5", "--json"
        )
    )
    assert report
    inputs = model.sample()
    expected = models.reference(small, inputs)
    actual = driver.run(neuroplast, small, inputs)
    assert set(actual) == set(expected)
    for name, value in expected.items():
        assert models.mismatch(actual[name], value) <= 1, f"output {name}"
    assert small.stat().st_size < 0.6 * model.path().stat().st_size or model.name == "minilm_l3"


def test_prune_keeps_its_input(neuroplast: Path, tmp_path: Path) -> None:
    """Pruning refuses to overwrite the model it reads."""
    model = tmp_path / "model.onnx"
    model.write_bytes(models.MODELS["ppocr_cls"].path().read_bytes())
    before = model.read_bytes()
    with pytest.raises(driver.DriverError):
        driver.call(neuroplast, "prune", model, "-o", model, "--ratio", "0.5")
    assert model.read_bytes() == before


def test_ratio_zero_changes_nothing(neuroplast: Path, tmp_path: Path) -> None:
    model = models.MODELS["ppocr_cls"]
    same = tmp_path / "same.onnx"
    driver.call(neuroplast, "prune", model.path(), "-o", same, "--ratio", "0")
    inputs = model.sample()
    expected, actual = models.reference(model.path(), inputs), models.reference(same, inputs)
    for name, value in expected.items():
        np.testing.assert_allclose(actual[name], value, rtol=1e-5, atol=1e-6)
