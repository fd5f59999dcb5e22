#!/usr/bin/env python3
"""Prints latency against peers, compile time and compile memory as a table.

Peers are ONNX Runtime and, where its Python package is installed, OpenVINO. Each thread
on a pinned core, rounds of all interleaved, medians, the same inputs, outputs compared
in the same run. Memory of runs is what loading and running take beyond an idle process,
and ONNX Runtime's beside it. Fails if an output differs; --limits also fails on latency
far above the best peer's, and on compile time and memory of ResNet50. Models are those of
the tests, or, after `net:`, generated networks of real size.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from pathlib import Path

import onnx

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "test"))

from Models import architectures, driver, models  # noqa: E402

from Benchmark import latency  # noqa: E402

DEFAULT = ("resnet50", "squeezenet", "ppocr_det", "ppocr_rec", "ppocr_cls")
MAX_RATIO = 1.5
MAX_COMPILE_SECONDS = 30.0


def prepare(name: str, folder: Path) -> tuple[Path, models.Inputs]:
    """The file of a model, and inputs."""
    if not name.startswith("net:"):
        return models.MODELS[name].path(), models.MODELS[name].sample()
    network = architectures.build(name.removeprefix("net:"), real=True)
    path = folder / "network.onnx"
    onnx.save(network, path)
    return path, architectures.draw_inputs(network)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=list(DEFAULT), metavar="MODEL")
    parser.add_argument("--build", type=Path, default=ROOT / "build")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0, help="of one round of one side")
    parser.add_argument("--limits", action="store_true", help="fail beyond the limits")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    arguments = parser.parse_args()
    neuroplast = arguments.build.resolve() / "bin" / "neuroplast"
    threads = arguments.threads
    latency.pin(threads)
    failures, figures = [], {}
    print(
        "| model | compiled ms | peers ms | ratio | error / tolerance "
        "| compile s | compile MiB | weights MiB | library MiB | run MiB |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|")
    for name in arguments.names:
        with tempfile.TemporaryDirectory() as folder:
            path, inputs = prepare(name, Path(folder))
            weights = path.stat().st_size / 2**20
            try:
                library = Path(folder) / "model.so"
                made = latency.compile_model(neuroplast, path, library, inputs, threads=threads)
                result = latency.compare(
                    neuroplast, path, library, inputs, arguments.rounds, arguments.seconds, threads
                )
                memory = latency.measure_run_memory(neuroplast, path, library, inputs, threads)
                size = library.stat().st_size / 2**20
            except driver.DriverError as error:
                print(f"| {name} | {str(error).splitlines()[0][-160:]} |", flush=True)
                failures.append(f"{name}: failed")
                continue
        peers = ", ".join(f"{peer} {ms:.2f}" for peer, ms in result.peers_ms.items())
        print(
            f"| {name} | {result.ours_ms:.2f} | {peers} | {result.ratio:.2f} "
            f"| {result.mismatch:.3f} | {made.seconds:.1f} | {made.peak_mib:.0f} "
            f"| {weights:.0f} | {size:.1f} | {memory[0]:.0f}, {memory[1]:.0f} |",
            flush=True,
        )
        figures[name] = {
            "ours_ms": result.ours_ms,
            "peers_ms": result.peers_ms,
            "ratio": result.ratio,
            "mismatch": result.mismatch,
            "compile_s": made.seconds,
            "compile_mib": made.peak_mib,
            "library_mib": size,
            "run_mib": memory[0],
            "peer_run_mib": memory[1],
        }
        if result.mismatch > 1:
            failures.append(f"{name}: outputs differ")
        if arguments.limits and result.ratio > MAX_RATIO:
            failures.append(f"{name}: {result.ratio:.2f} times the best peer")
        if arguments.limits and name == "resnet50":
            if made.seconds > MAX_COMPILE_SECONDS:
                failures.append(f"{name}: {made.seconds:.0f} s to compile")
            if made.peak_mib > 2 * weights + 1024:
                failures.append(f"{name}: {made.peak_mib:.0f} MiB to compile")
    if figures:
        mean = statistics.geometric_mean(figure["ratio"] for figure in figures.values())
        print(f"geometric mean of the ratios: {mean:.2f}")
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=1) + "\n")
    for failure in failures:
        print(f"FAILED {failure}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
