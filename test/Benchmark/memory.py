#!/usr/bin/env python3
"""Prints what a step of training takes, memory and time, if less memory is asked for.

The networks of `training.py`, on one pinned core, rounds of all shares interleaved,
medians. Memory is that in which the step works, beside its parameters and the batch.
"""

from __future__ import annotations

import argparse
import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "test"))

from Models import driver  # noqa: E402

from Benchmark import latency, training  # noqa: E402


def measure_workspace(bin_dir: Path, model: Path, shape: str, share: float) -> int:
    """The bytes in which a step works."""
    fixed = model.with_suffix(".mlir")
    driver.call(bin_dir / "neuroplast", "import", model, "--shape", f"x={shape}", "-o", fixed)
    passes = ["--neuro-train-step", "--canonicalize", "--cse"]
    options = f"--neuro-to-loops=vector-bits=512 memory-share={share}"
    done = subprocess.run(
        [bin_dir / "neuroplast-opt", fixed, *passes, options],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    found = re.search(r"memref<(\d+)xi8> {neuro.workspace}", done.stdout)
    return int(found.group(1)) if found else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=["resnet20", "cnn"], metavar="NETWORK")
    parser.add_argument("--build", type=Path, default=ROOT / "build")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--shares", type=float, nargs="+", default=[1, 0.8, 0.6, 0.5, 0.4])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=20, help="of a round of one side")
    arguments = parser.parse_args()
    bin_dir = arguments.build.resolve() / "bin"
    latency.pin()
    print("| network | share asked for | MB | of all | ms | times |\n|---|---|---|---|---|---|")
    for name in arguments.names:
        network = training.NETWORKS[name]
        with tempfile.TemporaryDirectory() as folder:
            model, data = training.write(network, Path(folder), arguments.batch, arguments.steps)
            shape = "x".join(map(str, (arguments.batch, *network.shape)))
            times: dict[float, list[float]] = {share: [] for share in arguments.shares}
            for _ in range(arguments.rounds):
                for share, all_times in times.items():
                    all_times.append(
                        training.time_ours(
                            bin_dir / "neuroplast", model, data, arguments.batch,
                            arguments.steps, 1, "--memory-share", str(share),
                        )
                    )  # fmt: skip
            sizes = [measure_workspace(bin_dir, model, shape, share) for share in times]
        medians = [statistics.median(all_times) for all_times in times.values()]
        for share, size, ms in zip(times, sizes, medians, strict=True):
            cells = [name, share, f"{size / 1e6:.1f}", f"{size / sizes[0]:.2f}", f"{ms:.1f}"]
            print(f"| {' | '.join(map(str, cells))} | {ms / medians[0]:.2f} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
