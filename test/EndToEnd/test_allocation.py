"""Cuts that meet a target, and units that compete for it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from Models import driver, models


@pytest.fixture
def source() -> Path:
    return models.MODELS["ppocr_cls"].path()


def prune(neuroplast: Path, source: Path, target: Path, *options: str) -> dict[str, Any]:
    return json.loads(
        driver.call(neuroplast, "prune", source, "-o", target, "--json", "--no-compare", *options)
    )


@pytest.mark.parametrize("scope", ["local", "isomorphic", "global"])
@pytest.mark.parametrize("measure", ["flops", "params", "bytes"])
def test_targets_are_met(
    scope: str, measure: str, neuroplast: Path, source: Path, tmp_path: Path
) -> None:
    key = {"flops": "flops", "params": "parameters", "bytes": "parameter_bytes"}[measure]
    for share in (0.8, 0.4):
        report = prune(neuroplast, source, tmp_path / "small.onnx", "--scope", scope,
                       f"--target-{measure}", f"{share}x", "--shape", "x=1x3x48x192")
        reached = report["after"][key] / report["before"][key]
        assert abs(reached - share) <= 0.02 * share and report["reached"]["met"]


def test_targets_out_of_reach_are_said(
    neuroplast: Path, source: Path, tmp_path: Path
) -> None:
    call = ("prune", source, "-o", tmp_path / "small.onnx", "--no-compare")
    text = driver.call(neuroplast, *call, "--target-params", "10")
    assert "warning: no cut comes nearer to the target" in text
    with pytest.raises(driver.DriverError, match="needs the sizes of all inputs"):
        driver.call(neuroplast, *call, "--target-flops", "0.5x")


@pytest.mark.parametrize("scope", ["isomorphic", "global"])
def test_no_set_loses_more_than_it_may(
    scope: str, neuroplast: Path, source: Path, tmp_path: Path
) -> None:
    options = ("--scope", scope, "--ratio", "0.7", "--max-ratio", "0.8")
    report = prune(neuroplast, source, tmp_path / "small.onnx", *options)
    kept = [set["kept"] / set["units"] for set in report["units"] if not set["reason"]]
    assert len({round(share, 3) for share in kept}) > 2, "sets compete"
    assert all(share >= 0.2 for share in kept)


def test_counts_are_whole_vectors(neuroplast: Path, source: Path, tmp_path: Path) -> None:
    report = prune(neuroplast, source, tmp_path / "small.onnx", "--round-to", "auto")
    wide = [set for set in report["units"] if set["units"] >= 32 and not set["pins"]]
    assert wide and all(set["kept"] % 16 == 0 or set["kept"] == set["units"] for set in wide)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--target-flops", "half"], "needs a share such as 0.5x or a number, not 'half'"),
        (["--target-params", "-3"], "needs a share such as 0.5x or a number, not '-3'"),
        (["--target-params", "0.5", "--ratio", "0.5"], "one of a ratio and the targets"),
        (["--target-params", "0.5", "--target-bytes", "1k"], "one of a ratio and the targets"),
        (["--scope", "all"], "scope 'all' is none of local, isomorphic and global"),
        (["--max-ratio", "0"], "the largest ratio must be above 0, at most 1"),
    ],
)
def test_bad_options(
    options: list[str], message: str, neuroplast: Path, source: Path, tmp_path: Path
) -> None:
    target = tmp_path / "small.onnx"
    with pytest.raises(driver.DriverError, match=message):
        prune(neuroplast, source, target, *options)
    assert not target.exists()
