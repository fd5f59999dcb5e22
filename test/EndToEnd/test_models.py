"""Every model of the collection compiles, runs and matches ONNX Runtime."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from Models import driver, models

# These take seconds; --all-models adds the rest.
QUICK = ("squeezenet", "shufflenet", "ppocr_rec", "ppocr_cls", "minilm_l3", "silero_vad")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "model" in metafunc.fixturenames:
        names = models.MODELS if metafunc.config.getoption("--all-models") else QUICK
        metafunc.parametrize("model", [models.MODELS[n] for n in names], ids=list(names))


def expect_close(actual: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> None:
    assert set(actual) == set(expected)
    for name, value in expected.items():
        assert models.mismatch(actual[name], value) <= 1, f"output {name}"


def test_outputs_vary(model: models.Model) -> None:
    """Otherwise the equalities below would show nothing."""
    first, second = (models.reference(model.path(), model.sample(seed)) for seed in (0, 1))
    assert any(models.mismatch(second[name], first[name]) > 10 for name in first)


def test_run(model: models.Model, neuroplast: Path) -> None:
    """In memory, specialised to the shapes of the inputs."""
    inputs = model.sample()
    actual = driver.run(neuroplast, model.path(), inputs)
    expect_close(actual, models.reference(model.path(), inputs))


def test_library(model: models.Model, neuroplast: Path, tmp_path: Path) -> None:
    """As a shared library whose free dimensions stay free."""
    library = tmp_path / "model.so"
    driver.call(neuroplast, "compile", model.path(), "-o", library)
    inputs = model.sample()
    actual = driver.run(neuroplast, library, inputs)
    expect_close(actual, models.reference(model.path(), inputs))


@pytest.mark.parametrize(
    ("name", "shapes"),
    [
        ("ppocr_det", [(1, 3, 320, 480), (3, 3, 64, 96), (8, 3, 32, 32)]),
        ("ppocr_rec", [(1, 3, 48, 160), (2, 3, 48, 400), (5, 3, 48, 96), (8, 3, 48, 64)]),
    ],
)
def test_other_shapes(
    name: str, shapes: list[tuple[int, ...]], neuroplast: Path, tmp_path: Path
) -> None:
    """One library for all sizes and batches, and a specialised one for each."""
    model = models.MODELS[name].path()
    library = tmp_path / "model.so"
    driver.call(neuroplast, "compile", model, "-o", library)
    for shape in shapes:
        make = models.page if name == "ppocr_det" else models.image
        inputs = make("x", *shape)(np.random.default_rng(sum(shape)))
        expected = models.reference(model, inputs)
        expect_close(driver.run(neuroplast, library, inputs), expected)
        expect_close(driver.run(neuroplast, model, inputs), expected)
        fixed = tmp_path / "fixed.so"
        sizes = "x".join(map(str, shape))
        driver.call(neuroplast, "compile", model, "-o", fixed, "--shape", f"x={sizes}")
        expect_close(driver.run(neuroplast, fixed, inputs), expected)
