"""Edits of random networks: pruned equals masked, grown equals original, and undone too."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import pytest
from Models import driver, masking, models, pruning
from onnx import numpy_helper

from Property.random_networks import Network
from Property.unit_table import Table

CRITERIA = ("l1", "l2", "random", "lamp", "fpgm", "bn-scale")
BY_DATA = ("activation", "wanda", "obs")
LOST_SUM = "sums over units that are not zero where they are masked"


@dataclass
class Result:
    """What an edit did to a network, and what is wrong with it."""

    has_changed: bool
    wrong: list[str]
    options: list[str]
    network: Network


def mask(model: onnx.ModelProto, table: Table, removed: frozenset[int]) -> onnx.ModelProto:
    """The original with zeros in removed units, and norms that count the others only."""
    masked = onnx.ModelProto()
    masked.CopyFrom(model)
    for tensor in masked.graph.initializer:
        array = table.mask(tensor.name, numpy_helper.to_array(tensor), removed)
        tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))
    return masking.restrict_norms(masked, table.kept_counts(removed))


def check_prune(neuroplast: Path, seed: int, folder: Path) -> Result:
    """Prunes the network of a seed."""
    network, random = Network(seed), np.random.default_rng(seed)
    model, source, small = network.build(), folder / "source.onnx", folder / "small.onnx"
    onnx.save(model, source)
    options = ["--ratio", str(random.choice([0.25, 0.5, 0.75]))]
    options += ["--criterion", str(random.choice(CRITERIA)), "--seed", str(seed)]
    options += ["--scope", str(random.choice(["local", "local", "isomorphic", "global"]))]
    options += ["--round-to", str(random.choice([1, 1, 2]))]
    options += ["--inner"] if random.random() < 0.5 else []
    if seed % 10 == 3:
        # Data make a difference to what is cut, not to what goes with it.
        data = folder / "data.npz"
        driver.save(data, {"x": random.normal(size=(8, 3, 6, 6)).astype(np.float32)})
        options += ["--data", str(data), "--criterion", str(random.choice(BY_DATA))]
        options += ["--no-reconstruct"]
    report = driver.edit(neuroplast, "prune", source, small, *options)
    inputs = {"x": random.normal(size=(1, 3, 6, 6)).astype(np.float32)}

    pins = {pin for units in report["units"] for pin in units["pins"]}
    wrong = [pin for pin in pins if not pruning.ALLOWED_PINS.search(pin)]
    edits = [edit for edit in report["edits"] if edit["source_name"] in network.table.rows]
    removed = network.table.find_removed(edits)
    wrong += network.table.check(edits, removed)
    marks = [
        mark
        for units in report["units"]
        if units["kept"] < units["units"]
        for mark in units["not_zero_invariant"]
    ]
    is_lost = network.table.has_lost_sums(removed)
    if is_lost != any(LOST_SUM in mark for mark in marks):
        wrong.append(f"a sum that is not zero: {is_lost}, but it says {marks}")
    actual = models.reference(small, inputs)
    if seed % 10 == 0:
        compiled = driver.run(neuroplast, small, inputs)
        if (error := pruning.worst(compiled, actual)) > 1:
            wrong.append(f"compiled and exported differ by {error:.3g} × the tolerance")
    if not is_lost:
        expected = models.reference(mask(model, network.table, removed), inputs)
        if (error := pruning.worst(actual, expected)) > 1:
            wrong.append(f"pruned and masked differ by {error:.3g} × the tolerance")
    return Result(bool(removed), wrong, options, network)


def check_growth(neuroplast: Path, seed: int, folder: Path) -> Result:
    """Grows and cuts the network of a seed, and takes it back."""
    network, random = Network(seed), np.random.default_rng(seed)
    source, big, small, back = (folder / f"{n}.onnx" for n in ("source", "big", "small", "back"))
    onnx.save(network.build(), source)
    options = ["--units", f"+{random.choice([25, 50, 100])}%", "--seed", str(seed)]
    options += ["--init", str(random.choice(["zero-out", "pair", "net2wider"]))]
    options += ["--keep-removed"] + (["--inner"] if random.random() < 0.5 else [])
    report = driver.edit(neuroplast, "dropin", source, big, *options)
    inputs = {"x": random.normal(size=(1, 3, 6, 6)).astype(np.float32)}
    wrong = []
    original = models.reference(source, inputs)
    if (error := pruning.worst(models.reference(big, inputs), original)) > 1:
        wrong.append(f"grown and original differ by {error:.3g} × the tolerance")
    cut = ["--criterion", "random", "--seed", str(seed), "--keep-removed", "--min-units", "2"]
    cut += ["--inner"] if random.random() < 0.5 else []
    driver.edit(neuroplast, "prune", big, small, *cut)
    # A network that nothing could be done to has no history.
    if any(tensor.key == "neuroplast.history" for tensor in onnx.load(small).metadata_props):
        driver.edit(neuroplast, "undo", small, back, "--to", "0")
    else:
        back = small
    weights = {t.name: numpy_helper.to_array(t) for t in onnx.load(back).graph.initializer}
    for tensor in network.weights:
        array = numpy_helper.to_array(tensor)
        # Lists of sizes and bounds may be written in other words.
        if tensor.name in network.table.rows and not (
            tensor.name in weights
            and weights[tensor.name].shape == array.shape
            and weights[tensor.name].tobytes() == array.tobytes()
        ):
            wrong.append(f"{tensor.name} is not what it was")
    if (error := pruning.worst(models.reference(back, inputs), original)) > 1:
        wrong.append(f"undone and original differ by {error:.3g} × the tolerance")
    has_grown = any(units["added"] for units in report["sets"])
    return Result(has_grown, wrong, options, network)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Some hundred networks each, in parts that can run side by side."""
    if "seeds" not in metafunc.fixturenames:
        return
    count = 4000 if metafunc.config.getoption("--all-models") else 250
    first = 10**6 if metafunc.function is test_grown_and_undone_is_original else 0
    parts = [range(start, start + 50) for start in range(first, first + count, 50)]
    metafunc.parametrize("seeds", parts, ids=[str(part.start) for part in parts])


def check_all(
    check: Callable[[Path, int, Path], Result], neuroplast: Path, folder: Path, seeds: range
) -> None:
    results = {seed: check(neuroplast, seed, folder) for seed in seeds}
    assert not {
        seed: (result.wrong, result.options, result.network.used)
        for seed, result in results.items()
        if result.wrong
    }
    # Some networks are too small for their share, or norms run over all they have.
    assert sum(result.has_changed for result in results.values()) > 0.8 * len(results)


def test_pruned_is_masked(neuroplast: Path, tmp_path: Path, seeds: range) -> None:
    check_all(check_prune, neuroplast, tmp_path, seeds)


def test_grown_and_undone_is_original(neuroplast: Path, tmp_path: Path, seeds: range) -> None:
    check_all(check_growth, neuroplast, tmp_path, seeds)


@pytest.mark.parametrize("seed", range(10))
def test_fitted_is_nearer(neuroplast: Path, tmp_path: Path, seed: int) -> None:
    """Whatever a network is made of, its fit comes nearer to it on the data."""
    network, random = Network(seed), np.random.default_rng(seed)
    source, small, data = (tmp_path / name for name in ("source.onnx", "small.onnx", "data.npz"))
    onnx.save(network.build(), source)
    x = random.normal(size=(64, 3, 6, 6)).astype(np.float32)
    driver.save(data, {"x": x})
    errors = []
    for fits in (["--no-reconstruct"], []):
        options = ["--ratio", "0.3", "--criterion", "l2", "--data", data, *fits]
        report = driver.edit(neuroplast, "prune", source, small, *options)
        error = 0.0
        for image in x[::8]:
            before, after = (models.reference(path, {"x": image[None]}) for path in (source, small))
            error += sum(float(((after[name] - before[name]) ** 2).sum()) for name in before)
        errors.append(error)
    assert errors[1] < errors[0]
    for layer in report["reconstruction"]:
        assert "obstacle" in layer or layer["error_after"] <= layer["error_before"] + 1e-5
