"""Units that do little begin anew."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from Models import driver
from Models.training import HIDDEN, INS, Arrays, logits, perceptron, read_params, write_params

IDLE = [1, 4]


@pytest.fixture(name="source")
def write_source(tmp_path: Path) -> Path:
    """A perceptron of which two units do almost nothing."""
    path = tmp_path / "m.onnx"
    perceptron(path)
    params = {key: value.copy() for key, value in read_params(path).items()}
    params["w"][:, IDLE] *= 1e-3
    params["b"][IDLE] = 0
    write_params(path, params)
    return path


@pytest.fixture(name="data")
def write_data(tmp_path: Path) -> Path:
    path = tmp_path / "d.npz"
    x = np.random.default_rng(3).normal(size=(64, INS)).astype(np.float32)
    driver.save(path, {"x": x})
    return path


def recycled(old: Arrays, new: Arrays) -> list[int]:
    """The units that are others now."""
    return np.flatnonzero((old["w"] != new["w"]).any(axis=0)).tolist()


def test_idle_units(source: Path, data: Path, neuroplast: Path, tmp_path: Path) -> None:
    """They get random inputs and no outputs; the others stay bit for bit."""
    target = tmp_path / "r.onnx"
    text = driver.call(neuroplast, "recycle", source, "--data", data, "-o", target, "--json")
    (told,) = [s for s in json.loads(text)["sets"] if s["units"] == HIDDEN]
    assert told["recycled"] == len(IDLE)
    old, new = read_params(source), read_params(target)
    assert recycled(old, new) == IDLE
    rest = [unit for unit in range(HIDDEN) if unit not in IDLE]
    for key in ("w", "b"):
        np.testing.assert_array_equal(new[key][..., rest], old[key][..., rest])
    np.testing.assert_array_equal(new["v"][rest], old["v"][rest])
    assert not new["v"][IDLE].any()
    spread = old["w"][:, rest].std()
    assert 0.3 * spread < new["w"][:, IDLE].std() < 3 * spread
    x = np.load(data)["x"]
    np.testing.assert_allclose(logits(new, x), logits(old, x), atol=0.05)


def test_undo_and_replay(source: Path, data: Path, neuroplast: Path, tmp_path: Path) -> None:
    target, back, again = (tmp_path / f"{name}.onnx" for name in ("r", "u", "a"))
    driver.call(neuroplast, "recycle", source, "--data", data, "-o", target, "--keep-removed")
    driver.call(neuroplast, "undo", target, "--to", "0", "-o", back)
    driver.call(neuroplast, "replay", source, "--history", target, "-o", again)
    for path, same in ((back, source), (again, target)):
        for key in read_params(source):
            np.testing.assert_array_equal(read_params(path)[key], read_params(same)[key])


@pytest.mark.parametrize("criterion", ["activation", "wanda", "l2", "random"])
def test_shares(criterion: str, source: Path, data: Path, neuroplast: Path, tmp_path: Path) -> None:
    """Small shares add up over many calls; the least units go first."""
    target, counts, first = tmp_path / "r.onnx", [], []
    for seed in range(20):
        driver.call(
            neuroplast, "recycle", source, "--data", data, "-o", target, "--share", "0.1",
            "--criterion", criterion, "--seed", str(seed), "--no-compare",
        )  # fmt: skip
        units = recycled(read_params(source), read_params(target))
        counts.append(len(units))
        first += units[:1]
    assert 0.5 < np.mean(counts) / (0.1 * HIDDEN) < 1.5
    assert (set(first) <= set(IDLE)) == (criterion != "random")


def test_optimizers_forget(source: Path, data: Path, neuroplast: Path, tmp_path: Path) -> None:
    """In a training that goes on, newborns have no moments, and all others theirs."""
    trained, target, told = (tmp_path / f"{name}" for name in ("t.onnx", "r.onnx", "l.npz"))
    x = np.load(data)["x"]
    driver.save(told, {"x": x, "labels": np.arange(len(x)) % 3})
    driver.call(
        neuroplast, "train", source, "--data", told, "-o", trained, "--optimizer", "adam", "--lr",
        "1e-6", "--keep-state",
    )  # fmt: skip
    driver.call(neuroplast, "recycle", trained, "--data", data, "-o", target)
    old, new = read_params(trained), read_params(target)
    rest = [unit for unit in range(HIDDEN) if unit not in IDLE]
    for state in ("w.moment1", "w.moment2"):
        assert not new[state][:, IDLE].any()
        np.testing.assert_array_equal(new[state][:, rest], old[state][:, rest])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--criterion", "fpgm"], "not by fpgm"),
        (["--threshold", "0.1", "--share", "0.1"], "one of a threshold and a share"),
        (["--share", "1.5"], "a share of units is a number from 0 to 1"),
        (["--only", "nothing"], "no tensor with units has a name like 'nothing'"),
    ],
)
def test_requests_that_are_none(
    options: list[str], message: str, source: Path, data: Path, neuroplast: Path, tmp_path: Path
) -> None:
    target = tmp_path / "r.onnx"
    with pytest.raises(driver.DriverError, match=message):
        driver.call(neuroplast, "recycle", source, "--data", data, "-o", target, *options)
    assert not target.exists()
    with pytest.raises(driver.DriverError, match="seen on '--data FILE.npz'"):
        driver.call(neuroplast, "recycle", source, "-o", target)
