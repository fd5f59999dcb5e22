"""Sparse networks that look for other connections: `rewire`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from Models import driver
from Models.training import INS, OUTS, Arrays, perceptron, read_params

SHARE = 0.25


@pytest.fixture(name="files")
def write_files(neuroplast: Path, tmp_path: Path) -> dict[str, Path]:
    """A sparse model that was trained a little, and data."""
    found = {name: tmp_path / name for name in ("s.onnx", "d.npz", "g.npz", "r.onnx")}
    random = np.random.default_rng(5)
    x = random.normal(size=(64, INS)).astype(np.float32)
    driver.save(found["d.npz"], {"x": x, "labels": random.integers(0, OUTS, len(x))})
    dense, masked = tmp_path / "dense.onnx", tmp_path / "masked.onnx"
    perceptron(dense)
    driver.edit(neuroplast, "sparsify", dense, masked, "--sparsity", "0.5")
    train(neuroplast, masked, found["s.onnx"], found["d.npz"])
    return found


def train(neuroplast: Path, source: Path, target: Path, data: Path) -> None:
    driver.call(
        neuroplast, "train", source, "--data", data, "-o", target, "--optimizer", "adam", "--lr",
        "0.01", "--keep-state",
    )  # fmt: skip


def check(old: Arrays, new: Arrays, key: str) -> np.ndarray:
    """As many connections as before, of which the weakest went; where others came."""
    was, became = old[key] != 0, new[key] != 0
    changed = int(SHARE * was.sum())
    assert became.sum() == was.sum()
    went, came = was & ~became, became & ~was
    assert went.sum() == came.sum() == changed
    assert np.abs(old[key][went]).max() <= np.abs(old[key][was & became]).min()
    np.testing.assert_array_equal(new[key][was & became], old[key][was & became])
    assert np.abs(new[key][came]).max() < 1e-37
    for state in ("moment1", "moment2"):
        assert not new[f"{key}.{state}"][went | came].any()
    return came


@pytest.mark.parametrize("by", ["gradient", "anywhere"])
def test_connections(by: str, neuroplast: Path, files: dict[str, Path]) -> None:
    """They join where gradients are largest, or anywhere, and learn from then on."""
    options: list[Any] = ["--share", str(SHARE), "--seed", "4", "--no-compare"]
    driver.call(
        neuroplast, "calibrate", files["s.onnx"], "--gradients", "--data", files["d.npz"], "-o",
        files["g.npz"],
    )  # fmt: skip
    if by == "gradient":
        options += ["--stats", files["g.npz"]]
    driver.call(neuroplast, "rewire", files["s.onnx"], "-o", files["r.onnx"], *options)
    old, new = read_params(files["s.onnx"]), read_params(files["r.onnx"])
    for key in ("w", "v"):
        came = check(old, new, key)
        gradient = np.abs(np.load(files["g.npz"])[f"{key}.gradient"].reshape(came.shape))
        others = (new[key] == 0) & (old[key] == 0)
        assert (gradient[came].min() >= gradient[others].max()) == (by == "gradient")
        assert gradient[came].min() > 0
    trained = files["r.onnx"].with_name("t.onnx")
    train(neuroplast, files["r.onnx"], trained, files["d.npz"])
    for key, value in read_params(trained).items():
        if key in ("w", "v"):
            np.testing.assert_array_equal(value != 0, new[key] != 0)
            # A unit that nobody reads any more has nothing to learn.
            assert (np.abs(value[value != 0]) > 1e-30).mean() > 0.9


def test_cycles(neuroplast: Path, files: dict[str, Path], tmp_path: Path) -> None:
    """Dynamic sparse training: gradients are those of the network of the moment."""
    plan = tmp_path / "plan.json"
    counts = []
    for anywhere in ("false", "true"):
        phases = f'{{"rewire": {{"share": {SHARE}, "anywhere": {anywhere}}}}}'
        plan.write_text(
            '{"version": 1, "train": {"optimizer": "adam", "lr": 0.01, "batch": 16}, "phases": ['
            f'{{"repeat": 3, "phases": [{phases}, {{"train": {{}}}}]}}]}}'
        )
        target = tmp_path / f"{anywhere}.onnx"
        driver.call(
            neuroplast, "cycle", files["s.onnx"], "--plan", plan, "--data", files["d.npz"], "-o",
            target,
        )  # fmt: skip
        counts.append(read_params(target)["w"] != 0)
    old = read_params(files["s.onnx"])["w"] != 0
    assert counts[0].sum() == counts[1].sum() == old.sum()
    assert not np.array_equal(counts[0], counts[1])
    assert not np.array_equal(counts[0], old)


def test_requests_that_are_none(neuroplast: Path, files: dict[str, Path], tmp_path: Path) -> None:
    dense = tmp_path / "dense.onnx"
    call: list[Any] = ["rewire", files["s.onnx"], "-o", files["r.onnx"]]
    for options, message in (
        (["--share", "2"], "the share of connections must be from 0 to 1"),
        (["--only", "none"], "no masked weights that could be rewired"),
        (["--stats", files["d.npz"]], "has no gradients"),
        (["--stats", files["d.npz"], "--anywhere"], "or '--anywhere'"),
    ):
        with pytest.raises(driver.DriverError, match=message):
            driver.call(neuroplast, *call, *options)
    call[1] = dense
    with pytest.raises(driver.DriverError, match="'sparsify' masks some"):
        driver.call(neuroplast, *call)
    assert not files["r.onnx"].exists()
