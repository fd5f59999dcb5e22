"""Units come and go in a compiled network: equal to the bit to what is compiled anew."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import onnx
import pytest
from Models import driver, models, pruning

from Property.random_networks import Network

# In two of the others, slices by numbers depend on how many units there are.
SEEDS = [seed for seed in range(14) if seed not in (2, 13)]


def compile_growable(neuroplast: Path, model: Path, library: Path, *names: str) -> list[str]:
    """Compiles a model for units of all these tensors; the tensors whose units stay."""
    options = [option for name in names for option in ("--growable", name)]
    done = subprocess.run(
        [neuroplast, "compile", model, "-o", library, *options],
        capture_output=True,
        text=True,
        check=True,
    )
    lines = [line for line in done.stderr.splitlines() if " stay: " in line]
    return [
        member.split("[")[0].lstrip("@")
        for line in lines
        for member in line.split(" units of ")[1].split(" stay: ")[0].split(", ")
    ]


@pytest.mark.parametrize("seed", SEEDS)
def test_random_networks(seed: int, neuroplast: Path, tmp_path: Path) -> None:
    source, library = tmp_path / "source.onnx", tmp_path / "source.so"
    onnx.save(Network(seed).build(), source)
    kept = compile_growable(neuroplast, source, library, "*")
    freeze = [option for name in kept for option in ("--freeze", name)]
    random = np.random.default_rng(seed)
    inputs = {"x": random.normal(size=(1, 3, 6, 6)).astype(np.float32)}
    for name, options in {
        "grown": ("dropin", "--units", "+2", "--init", "random"),
        "pruned": ("prune", "--ratio", "0.4", "--min-units", "2"),
    }.items():
        edited, anew = tmp_path / f"{name}.onnx", tmp_path / f"{name}.so"
        driver.edit(neuroplast, options[0], source, edited, *options[1:], *freeze)
        compile_growable(neuroplast, edited, anew, "*")
        given = driver.run(neuroplast, library, inputs, "--params", str(edited))
        expected = driver.run(neuroplast, anew, inputs)
        assert given.keys() == expected.keys()
        for key, value in expected.items():
            np.testing.assert_array_equal(given[key], value, strict=True)
        assert pruning.worst(given, models.reference(edited, inputs)) <= 1
