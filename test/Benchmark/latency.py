"""Times compiled models and ONNX Runtime side by side on one pinned core."""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import onnxruntime as ort
from Models import driver, models


@dataclass(frozen=True)
class Compilation:
    """What it cost to compile a model."""

    library: Path
    seconds: float
    peak_mib: float


@dataclass(frozen=True)
class Latency:
    """Medians over rounds, and how far the outputs are apart (1 is the tolerance)."""

    ours_ms: float
    theirs_ms: float
    mismatch: float

    @property
    def ratio(self) -> float:
        return self.ours_ms / self.theirs_ms


def pin() -> None:
    """Puts this process and its children on one core."""
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def compile_model(
    neuroplast: Path, model: Path, library: Path, inputs: models.Inputs, *options: str | Path
) -> Compilation:
    """Compiles for the shapes of the inputs, on one thread."""
    shapes: list[str] = []
    for name, value in inputs.items():
        shapes += ["--shape", f"{name}={'x'.join(map(str, value.shape))}"]
    command = [neuroplast, "compile", model, "-o", library, "--threads", "1", *shapes, *options]
    start = time.monotonic()
    peak_mib = driver.measure_peak(command) / 2**20
    return Compilation(library, time.monotonic() - start, peak_mib)


def time_peer(session: ort.InferenceSession, inputs: models.Inputs, seconds: float) -> list[float]:
    """Latencies of ONNX Runtime in milliseconds."""
    times: list[float] = []
    end = time.monotonic() + seconds
    while len(times) < 3 or time.monotonic() < end:
        start = time.perf_counter()
        session.run(None, inputs)
        times.append((time.perf_counter() - start) * 1e3)
    return times


def compare(
    neuroplast: Path,
    model: Path,
    library: Path,
    inputs: models.Inputs,
    rounds: int = 5,
    seconds: float = 1.0,
) -> Latency:
    """Interleaves rounds of both; checks the outputs of the same library first."""
    session = models.session(model)
    names = [output.name for output in session.get_outputs()]
    expected = dict(zip(names, session.run(names, inputs), strict=True))
    actual = driver.run(neuroplast, library, inputs, "--threads", "1")
    error = max(models.mismatch(actual[name], expected[name]) for name in names)
    ours: list[float] = []
    theirs: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(folder) / "in.npz"
        driver.save(archive, inputs)
        for _ in range(rounds):
            theirs.append(statistics.median(time_peer(session, inputs, seconds)))
            figures = driver.bench(
                neuroplast,
                library,
                "--inputs",
                archive,
                "--threads",
                "1",
                "--seconds",
                str(seconds),
            )
            ours.append(float(figures["median_ms"]))
    return Latency(statistics.median(ours), statistics.median(theirs), error)
