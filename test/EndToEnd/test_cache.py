"""Kernels are compiled once: object files are kept, by what they were made of."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import onnx
import pytest
from Models.architectures.builder import Builder


@pytest.fixture
def model(tmp_path: Path) -> Path:
    b = Builder(free=False, real=False)
    y = b.node("Relu", b.conv(b.input("x", [1, 3, 8, 8]), "first", 3, 32, 3))
    b.output(b.conv(y, "second", 32, 32, 3), "y")
    onnx.save(b.finish(), tmp_path / "model.onnx")
    return tmp_path / "model.onnx"


def build(neuroplast: Path, model: Path, cache: str | Path, *options: str) -> bytes:
    library = model.with_suffix(".so")
    subprocess.run(
        [neuroplast, "compile", model, "-o", library, *options],
        env={**os.environ, "NEUROPLAST_CACHE": str(cache)},
        check=True,
    )
    return library.read_bytes()


def count(cache: Path) -> int:
    return len(list(cache.glob("llvmcache-*")))


def test_the_second_time(neuroplast: Path, model: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    cold = build(neuroplast, model, "off")
    assert build(neuroplast, model, cache) == cold
    kept = count(cache)
    assert kept > 0
    times = {file: file.stat().st_mtime_ns for file in cache.glob("llvmcache-*")}
    assert build(neuroplast, model, cache) == cold
    assert {file: file.stat().st_mtime_ns for file in cache.glob("llvmcache-*")} == times
    # Other code, for the same kernels.
    assert build(neuroplast, model, cache, "-O", "1") != cold
    assert count(cache) == 2 * kept
    assert build(neuroplast, model, cache, "--mcpu", "x86-64-v2") != cold
    assert count(cache) > 2 * kept


def test_folders_that_cannot_be_used(neuroplast: Path, model: Path, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("no folder")
    assert build(neuroplast, model, file) == build(neuroplast, model, "off")
    assert file.read_text() == "no folder"
