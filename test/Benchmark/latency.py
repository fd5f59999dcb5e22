"""Times compiled models and their peers side by side on as many pinned cores as threads."""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from Models import driver, models

try:
    import openvino
except ImportError:
    openvino = None


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
    peers_ms: dict[str, float]
    mismatch: float

    @property
    def ratio(self) -> float:
        """Of ours to the best peer's."""
        return self.ours_ms / min(self.peers_ms.values())


def pin(threads: int = 1) -> None:
    """Puts this process and its children on so many cores."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-threads:])


def compile_model(
    neuroplast: Path,
    model: Path,
    library: Path,
    inputs: models.Inputs,
    *options: str | Path,
    threads: int = 1,
) -> Compilation:
    """Compiles for the shapes of the inputs, as if for the first time."""
    shapes: list[str] = []
    for name, value in inputs.items():
        shapes += ["--shape", f"{name}={'x'.join(map(str, value.shape))}"]
    command = [neuroplast, "compile", model, "-o", library, *shapes, *options]
    command += ["--threads", str(threads)]
    os.environ["NEUROPLAST_CACHE"] = "off"
    start = time.monotonic()
    peak_mib = driver.measure_peak(command) / 2**20
    return Compilation(library, time.monotonic() - start, peak_mib)


def load_openvino(model: Path, inputs: models.Inputs, threads: int) -> Callable[[], object]:
    """The model as OpenVINO runs it, for the shapes of the inputs."""
    core = openvino.Core()
    network = core.read_model(model)
    network.reshape({name: list(value.shape) for name, value in inputs.items()})
    options = {
        "INFERENCE_NUM_THREADS": threads,
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": "f32",
    }
    request = core.compile_model(network, "CPU", options).create_infer_request()
    return lambda: request.infer(inputs)


def time_peer(run: Callable[[], object], seconds: float) -> float:
    """The median latency of a peer in milliseconds."""
    times: list[float] = []
    end = time.monotonic() + seconds
    while len(times) < 3 or time.monotonic() < end:
        start = time.perf_counter()
        run()
        times.append((time.perf_counter() - start) * 1e3)
    return statistics.median(times)


def compare(
    neuroplast: Path,
    model: Path,
    library: Path,
    inputs: models.Inputs,
    rounds: int = 5,
    seconds: float = 1.0,
    threads: int = 1,
) -> Latency:
    """Interleaves rounds of all; checks the outputs of the same library first."""
    session = models.session(model, threads)
    names = [output.name for output in session.get_outputs()]
    expected = dict(zip(names, session.run(names, inputs), strict=True))
    actual = driver.run(neuroplast, library, inputs)
    error = max(models.mismatch(actual[name], expected[name]) for name in names)
    peers: dict[str, Callable[[], object]] = {"ONNX Runtime": lambda: session.run(None, inputs)}
    if openvino:
        peers["OpenVINO"] = load_openvino(model, inputs, threads)
    ours: list[float] = []
    theirs: dict[str, list[float]] = {name: [] for name in peers}
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(folder) / "in.npz"
        driver.save(archive, inputs)
        options = ("--inputs", archive, "--seconds", str(seconds))
        for _ in range(rounds):
            for name, run in peers.items():
                theirs[name].append(time_peer(run, seconds))
            figures = driver.bench(neuroplast, library, *options)
            ours.append(float(figures["median_ms"]))
    medians = {name: statistics.median(times) for name, times in theirs.items()}
    return Latency(statistics.median(ours), medians, error)


# A run in a process of its own; of nothing, if no model is given.
PEER_RUN = """
import sys
import numpy, onnxruntime
if len(sys.argv) > 1:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = int(sys.argv[3])
    session = onnxruntime.InferenceSession(sys.argv[1], options, providers=["CPUExecutionProvider"])
    session.run(None, dict(numpy.load(sys.argv[2])))
"""


def measure_run_memory(
    neuroplast: Path, model: Path, library: Path, inputs: models.Inputs, threads: int
) -> tuple[float, float]:
    """MiB that loading and running take beyond an idle process, ours and ONNX Runtime's."""
    with tempfile.TemporaryDirectory() as folder:
        archive, results = Path(folder) / "in.npz", Path(folder) / "out.npz"
        driver.save(archive, inputs)
        run = [neuroplast, "run", library, "--inputs", archive, "--outputs", results]
        ours = driver.measure_peak(run) - driver.measure_peak([neuroplast, "--help"])
        peer = [sys.executable, "-c", PEER_RUN]
        theirs = driver.measure_peak([*peer, model, archive, str(threads)])
        theirs -= driver.measure_peak(peer)
    return ours / 2**20, theirs / 2**20
