"""Edits between trainings: what the optimizer remembers of a unit goes where the unit goes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from Models import driver, models
from Models.training import INS, OUTS, Arrays, perceptron, read_params
from onnx import TensorProto

ADAM = ("--optimizer", "adam", "--lr", "0.01", "--batch", "16")
STATES = ("moment1", "moment2")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    random, path = np.random.default_rng(1), tmp_path / "data.npz"
    x = random.normal(size=(64, INS)).astype(np.float32)
    driver.save(path, {"x": x, "labels": random.integers(0, OUTS, 64)})
    return path


def find(columns: np.ndarray, among: np.ndarray) -> list[int]:
    """Where columns stand among others, to the bit."""
    return [
        next(i for i, other in enumerate(among.T) if other.tobytes() == column.tobytes())
        for column in columns.T
    ]


def check_survivors(old: Arrays, new: Arrays, kept: list[int], count: int) -> None:
    """The first units of the new model are these of the old one, with all that belongs to them."""
    for name in ("w", "b", "v"):
        axis = {"w": 1, "b": 0, "v": 0}[name]
        for suffix in ("", *(f".{state}" for state in STATES)):
            survivors = np.take(new[name + suffix], range(count), axis)
            np.testing.assert_array_equal(survivors, np.take(old[name + suffix], kept, axis))


def test_cut_and_grown(neuroplast: Path, tmp_path: Path, data: Path) -> None:
    first, a, small, big, back, b = (tmp_path / f"{n}.onnx" for n in "fasgub")
    perceptron(first, hidden=16)
    call = ("train", "--data", data, *ADAM, "--keep-state", "--epochs", "2")
    driver.call(neuroplast, *call[:1], first, *call[1:], "-o", a)
    old = read_params(a)
    assert all(np.any(old[f"w.{state}"]) for state in STATES)
    driver.edit(
        neuroplast, "prune", a, small, "--ratio", "0.5", "--criterion", "random", "--keep-removed"
    )
    cut = read_params(small)
    check_survivors(old, cut, find(cut["w"], old["w"]), 8)
    driver.edit(neuroplast, "dropin", small, big, "--units", "+4", "--init", "zero-out")
    grown = read_params(big)
    order = find(cut["w"], grown["w"])
    for name, axis in (("w", 1), ("b", 0), ("v", 0)):
        for state in STATES:
            all_units = grown[f"{name}.{state}"]
            np.testing.assert_array_equal(np.take(all_units, order, axis), cut[f"{name}.{state}"])
            newborn = [i for i in range(12) if i not in order]
            assert not np.any(np.take(all_units, newborn, axis))
    driver.edit(neuroplast, "undo", big, back, "--to", "0")
    undone = read_params(back)
    for name, value in old.items():
        np.testing.assert_array_equal(undone[name], value)
    # Whatever was done to a model, other programs run it, and it trains.
    driver.call(neuroplast, *call[:1], big, *call[1:], "-o", b)
    x = np.zeros((2, INS), np.float32)
    assert models.reference(b, {"x": x})["y"].shape == (2, OUTS)
    driver.call(neuroplast, "train", b, "--data", data, "-o", a, *ADAM)
    assert "w.moment1" not in read_params(a)


@pytest.mark.parametrize("own_steps", [False, True])
def test_transplanted(own_steps: bool, neuroplast: Path, tmp_path: Path, data: Path) -> None:
    """Newborns can begin with what the optimizer remembers of the others, in the mean."""
    first, a, big = (tmp_path / f"{n}.onnx" for n in "fab")
    perceptron(first, hidden=8)
    states = (*STATES, "seen") if own_steps else STATES
    driver.call(
        neuroplast, "train", first, "--data", data, *ADAM, "--keep-state", "-o", a,
        *(["--own-steps"] if own_steps else []),
    )  # fmt: skip
    driver.edit(neuroplast, "dropin", a, big, "--units", "3", "--transplant")
    old, new = read_params(a), read_params(big)
    for name, axis in (("w", 1), ("b", 0), ("v", 0)):
        for state in states:
            was, now = old[f"{name}.{state}"], new[f"{name}.{state}"]
            np.testing.assert_array_equal(np.take(now, range(8), axis), was)
            mean = np.expand_dims(was.mean(axis, dtype=np.float64), axis)
            newborns = np.take(now, range(8, 11), axis)
            np.testing.assert_allclose(newborns, np.broadcast_to(mean, newborns.shape), rtol=1e-6)


def test_training_in_parts(neuroplast: Path, tmp_path: Path) -> None:
    """Two trainings in a row are as one, as the optimizer goes on where it was."""
    model, whole, half, rest = (tmp_path / f"{n}.onnx" for n in ("m", "w", "h", "r"))
    random, path = np.random.default_rng(1), tmp_path / "data.npz"
    perceptron(model, dtype=TensorProto.DOUBLE)
    x = random.normal(size=(16, INS))
    driver.save(path, {"x": x, "labels": random.integers(0, OUTS, 16)})
    options = ("--data", path, *ADAM)
    driver.call(neuroplast, "train", model, *options, "--epochs", "8", "-o", whole)
    driver.call(neuroplast, "train", model, *options, "--epochs", "5", "--keep-state", "-o", half)
    driver.call(neuroplast, "train", half, *options, "--epochs", "3", "-o", rest)
    for name, value in read_params(whole).items():
        np.testing.assert_allclose(read_params(rest)[name], value, rtol=1e-9, atol=1e-12)


def test_an_edit_and_its_replay(neuroplast: Path, tmp_path: Path, data: Path) -> None:
    """A run with an edit in the middle, and the same run again, agree to the bit."""
    found = []
    for number in range(2):
        model, a, b, c = (tmp_path / f"{n}{number}.onnx" for n in "mabc")
        perceptron(model)
        options = ("--data", data, *ADAM, "--keep-state")
        driver.call(neuroplast, "train", model, *options, "-o", a)
        if number == 0:
            driver.edit(neuroplast, "prune", a, b, "--ratio", "0.25", "--criterion", "l2")
        else:
            history = tmp_path / "b0.onnx"
            driver.call(neuroplast, "replay", a, "--history", history, "-o", b, "--no-compare")
        driver.call(neuroplast, "train", b, *options, "-o", c)
        found.append(read_params(c))
    for name, value in found[0].items():
        np.testing.assert_array_equal(found[1][name], value)


def test_states_that_are_none(neuroplast: Path, tmp_path: Path, data: Path) -> None:
    """A list that does not fit is left out, with a warning."""
    model, a, b = (tmp_path / f"{n}.onnx" for n in "mab")
    perceptron(model)
    driver.call(neuroplast, "train", model, "--data", data, *ADAM, "--keep-state", "-o", a)
    good = onnx.load(a)
    (entry,) = (e for e in good.metadata_props if e.key == "neuroplast.states")
    for text in (
        "{",
        "[]",
        '{"steps": 1}',
        '{"steps": -1, "states": []}',
        entry.value.replace('"w"', '"v"'),
        entry.value.replace('"w.moment1"', '"none"'),
        entry.value.replace('"moment1"', '""'),
    ):
        entry.value = text
        onnx.save(good, a)
        driver.call(neuroplast, "import", a, "-o", b)
        assert not any(e.key == "neuroplast.states" for e in onnx.load(b).metadata_props)


@pytest.mark.parametrize("has_own", [False, True])
def test_own_steps(has_own: bool, neuroplast: Path, tmp_path: Path) -> None:
    """All that learn from the beginning learn as before; newborns begin with steps of the rate,
    and not with those that a moment gives whose beginning is forgotten."""
    model, path = tmp_path / "m.onnx", tmp_path / "data.npz"
    perceptron(model, dtype=TensorProto.DOUBLE)
    random = np.random.default_rng(1)
    data = {"x": random.normal(size=(16, INS)), "labels": random.integers(0, OUTS, 16)}
    driver.save(path, data)
    call = ("--data", path, *ADAM, "--keep-state")
    plain, first, big, second = (tmp_path / f"{n}.onnx" for n in "pfbs")
    driver.call(neuroplast, "train", model, *call, "--epochs", "1000", "-o", plain)
    own = ("--own-steps",) if has_own else ()
    driver.call(neuroplast, "train", model, *call, "--epochs", "1000", *own, "-o", first)
    for name, value in read_params(plain).items():
        np.testing.assert_allclose(read_params(first)[name], value, rtol=1e-6, atol=1e-9)
    driver.edit(neuroplast, "dropin", first, big, "--units", "4", "--init", "random")
    driver.call(neuroplast, "train", big, *call, *own, "-o", second)
    before, after = read_params(big), read_params(second)
    order = find(read_params(first)["w"], before["w"])
    newborn = [i for i in range(12) if i not in order]
    steps = np.abs(after["w"] - before["w"])[:, newborn]
    # A tenth of the gradient over the root of a thousandth of its square, less corrected.
    late = 0.1 / np.sqrt(0.001 / (1 - 0.999**1001))
    np.testing.assert_allclose(steps, 0.01 * (1 if has_own else late), rtol=1e-3)
