#!/usr/bin/env python3
"""What an edit in the middle of learning costs, in steps of learning.

Networks learn in memory from batches of 32, and units join and go between their steps within
what is compiled once: the time of `Learner.edit`, with all until the next step can begin, over
that of a step. Prints medians; fails if the median over networks and edits is three steps or
more. A step of the perceptron takes half a millisecond, which is less than to look at it.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "test"))

from Benchmark import latency, training  # noqa: E402

BATCH = 32
# By network, the layer whose units come and go, and how many join.
LAYERS = {"mlp": ("dense0", 8), "cnn": ("conv0", 4), "resnet20": ("1.1.a", 4)}


def measure(work: Callable[[], object]) -> float:
    """Milliseconds."""
    start = time.perf_counter()
    work()
    return 1000 * (time.perf_counter() - start)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=Path, default=ROOT / "build")
    parser.add_argument("--rounds", type=int, default=20)
    arguments = parser.parse_args()
    sys.path.insert(0, str(arguments.build.resolve() / "python"))
    import neuroplast as npl

    latency.pin()
    costs: list[float] = []
    print("| network | a step, ms | edit | ms | steps |\n|---|---|---|---|---|")
    for name, (layer, units) in LAYERS.items():
        share = {"only": f"{layer}*", "criterion": "l2"}
        edits = {
            "dropin": {"at": layer, "units": units},
            "prune": {"ratio": 0.1, **share},
            "recycle": {"share": 0.1, **share},
        }
        with tempfile.TemporaryDirectory() as folder:
            model, data = training.write(training.NETWORKS[name], Path(folder), BATCH, steps=1)
            examples = dict(np.load(data))
            learner = npl.Learner(
                model, optimizer="sgd", lr=0.01, momentum=0.9, growable=f"{layer}*"
            )
            learner.learn(**examples)
            steps: list[float] = []
            times: dict[str, list[float]] = {edit: [] for edit in edits}
            for _ in range(arguments.rounds):
                for edit, options in edits.items():
                    times[edit].append(measure(partial(learner.edit, edit, **options)))
                    for _ in range(3):
                        steps.append(measure(partial(learner.learn, **examples)))
        step = float(np.median(steps))
        for edit, taken in times.items():
            median = float(np.median(taken))
            costs.append(median / step)
            print(f"| {name} | {step:.2f} | {edit} | {median:.1f} | {costs[-1]:.2f} |", flush=True)
    print(f"median over all: {np.median(costs):.2f} steps")
    return 0 if np.median(costs) < 3 else 1


if __name__ == "__main__":
    sys.exit(main())
