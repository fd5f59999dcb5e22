#!/usr/bin/env python3
"""What an edit in the middle of learning costs, in steps of learning.

A perceptron (784-512-512-10, batches of 32) learns in memory, and units join and go between
its steps within what is compiled once: the time of `Learner.edit`, with all until the next step
can begin, over that of a step. Prints medians; fails if an edit costs three steps or more.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "test"))

from Benchmark.learning import build  # noqa: E402

WIDTHS = (784, 512, 512, 10)
EDITS = {
    "dropin": {"at": "dense1", "units": 8},
    "prune": {"only": "dense1", "ratio": 8 / 520, "criterion": "l2"},
    "recycle": {"only": "dense1", "share": 0.02, "criterion": "l2"},
}


def measure(work: Callable[[], object]) -> float:
    """Milliseconds."""
    start = time.perf_counter()
    work()
    return 1000 * (time.perf_counter() - start)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=Path, default=ROOT / "build")
    parser.add_argument("--rounds", type=int, default=30)
    arguments = parser.parse_args()
    sys.path.insert(0, str(arguments.build.resolve() / "python"))
    import neuroplast as npl

    random = np.random.default_rng(0)
    x = random.normal(size=(32, WIDTHS[0])).astype(np.float32)
    labels = random.integers(0, WIDTHS[-1], size=32)
    with tempfile.TemporaryDirectory() as folder:
        onnx.save(build(WIDTHS, 0), Path(folder) / "m.onnx")
        learner = npl.Learner(
            Path(folder) / "m.onnx", optimizer="sgd", lr=0.01, momentum=0.9, growable="dense1"
        )
        learner.learn(x=x, labels=labels)
        steps: list[float] = []
        edits: dict[str, list[float]] = {name: [] for name in EDITS}
        for _ in range(arguments.rounds):
            for name, options in EDITS.items():
                edits[name].append(measure(lambda n=name, o=options: learner.edit(n, **o)))
                for _ in range(5):
                    steps.append(measure(lambda: learner.learn(x=x, labels=labels)))
    step = float(np.median(steps))
    print(f"a step: {step:.2f} ms")
    worst = 0.0
    for name, times in edits.items():
        worst = max(worst, float(np.median(times)) / step)
        print(f"{name}: {np.median(times):.2f} ms, {np.median(times) / step:.2f} steps")
    return 0 if worst < 3 else 1


if __name__ == "__main__":
    sys.exit(main())
