"""Pruning random networks equals masking them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from Models import models, pruning

from Property.random_networks import Network


def check(neuroplast: Path, seed: int, folder: Path) -> list[str]:
    """Prunes the network of a seed; returns what is wrong with the result."""
    network, random = Network(seed), np.random.default_rng(seed)
    source = folder / "source.onnx"
    onnx.save(network.build(), source)
    options = ["--ratio", str(random.choice([0.25, 0.5, 0.75]))]
    options += ["--criterion", str(random.choice(["l1", "l2", "random"])), "--seed", str(seed)]
    options += ["--round-to", str(random.choice([1, 1, 2]))]
    options += ["--inner"] if random.random() < 0.5 else []
    files = pruning.prune_file(neuroplast, source, folder, *options)
    inputs = {"x": random.normal(size=(1, 3, 6, 6)).astype(np.float32)}
    pruned, masked = (models.reference(path, inputs) for path in (files.small, files.masked))
    whole, original = (models.reference(path, inputs) for path in (files.whole, source))
    wrong = files.foreign_pins()
    if (error := pruning.worst(whole, original)) > 1:
        wrong.append(f"export differs by {error:.3g} × the tolerance")
    if (error := pruning.worst(pruned, masked)) > 1:
        wrong.append(f"pruned and masked differ by {error:.3g} × the tolerance")
    ratio = files.report["ratio"]
    if ratio > 0.25 and files.kept("parameters") >= 1:
        wrong.append("nothing was cut")
    return [f"{text}; {' '.join(options)}; {' '.join(network.used)}" for text in wrong]


def test_pruned_is_masked(
    neuroplast: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    count = 500 if request.config.getoption("--all-models") else 40
    wrong = {seed: found for seed in range(count) if (found := check(neuroplast, seed, tmp_path))}
    assert not wrong
