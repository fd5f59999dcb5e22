"""Calls of the driver on arrays."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from Models import server


class DriverError(RuntimeError):
    """A command that ended with an error; its text is what the driver printed."""


def call(neuroplast: Path, *arguments: str | Path, timeout: float = 600) -> str:
    """Runs the driver; returns its standard output."""
    done = server.run(neuroplast, *arguments, timeout=timeout)
    if done.returncode != 0:
        last = (done.stderr.strip() or done.stdout.strip())[-2000:]
        command = " ".join(map(str, (neuroplast, *arguments)))
        raise DriverError(f"{command}: exit code {done.returncode}: {last}")
    return done.stdout


# The peak of a child counts what its parent held when it was started, so the one
# that starts the driver has to be small.
MEASURE = """
import resource, subprocess, sys
code = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(code)
"""


def call_through_kills(
    command: Sequence[str | Path], seconds: tuple[float, float], attempts: int = 100
) -> int:
    """Runs a command again and again, killed after so many seconds, until it ends by itself;
    how often it was killed. On a busy machine it gets more and more time."""
    random = np.random.default_rng(3)
    for kills in range(attempts):
        process = subprocess.Popen(list(map(str, command)), stdout=subprocess.DEVNULL)
        try:
            assert process.wait(random.uniform(*seconds) * 1.05**kills) == 0
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        else:
            return kills
    raise AssertionError("it never came to an end")


def measure_peak(command: Sequence[str | Path]) -> int:
    """Runs a command; the most bytes that it had in memory."""
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, *map(str, command)],
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        raise DriverError(f"{' '.join(map(str, command))}: {done.stderr.strip()[-1000:]}")
    return int(done.stdout.splitlines()[-1]) * 1024


def edit(
    neuroplast: Path, command: str, source: Path, target: Path, *options: str | Path
) -> dict[str, Any]:
    """The report of a command that edits a model, without comparing what it computes."""
    return json.loads(
        call(neuroplast, command, source, "-o", target, "--json", "--no-compare", *options)
    )


def run(
    neuroplast: Path, model: Path, inputs: dict[str, np.ndarray], *options: str
) -> dict[str, np.ndarray]:
    """Runs an ONNX model or a compiled library on inputs; returns its outputs."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "in.npz", Path(folder) / "out.npz"
        save(source, inputs)
        call(neuroplast, "run", model, "--inputs", source, "--outputs", target, *options)
        with np.load(target) as archive:
            return {name: archive[name] for name in archive.files}


def save(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Writes an npz archive; unlike np.savez, with keys of any spelling."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, value in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
                np.lib.format.write_array(file, np.asarray(value, order="C"))


def bench(neuroplast: Path, model: Path, *options: str | Path) -> dict[str, Any]:
    """The figures that `bench --json` prints."""
    return json.loads(call(neuroplast, "bench", model, "--json", *options))
