#!/usr/bin/env python3
"""Cycles of growth and cuts against networks of the final size, by what training costs.

Perceptrons learn Fashion-MNIST (the Debian package dataset-fashion-mnist). Networks of the
final size train over 25, 50, 75 and 100 % of a budget of operations, each with a cosine of
its own; cycles that end at the same size have half of it. All start from the same seeds and
see the same test data, which nothing is chosen by. Costs are those that the cycle's log
tells: all steps of all phases. Prints means, and paired differences to the fixed networks
with bootstrap intervals of 95 %; fails if no cycle is above the fixed network of the same
cost with its whole interval.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "test"))

from Models import driver  # noqa: E402

from Benchmark import paired, plans  # noqa: E402
from Benchmark.learning import build, load_fashion  # noqa: E402

WIDTH, EPOCHS = 64, 24
GROW: dict[str, Any] = {"dropin": {"units": "+100%", "init": "pair"}}
HALVE: dict[str, Any] = {"prune": {"ratio": 0.5}}


def train(epochs: int, schedule: str = "cosine") -> dict[str, Any]:
    return {"train": {"epochs": epochs, "schedule": schedule}}


# The first width, and the phases.
Life = tuple[int, list[dict[str, Any]]]
FIXED: dict[str, Life] = {
    f"fixed, {share} %": (WIDTH, [train(EPOCHS * share // 100)]) for share in (25, 50, 75, 100)
}
CYCLES: dict[str, Life] = {
    "grown, then cut": (WIDTH, [train(3, "constant"), GROW, train(2, "constant"), HALVE, train(4)]),
    "cut": (2 * WIDTH, [train(3, "constant"), HALVE, train(5)]),
    "grown": (WIDTH // 2, [train(4, "constant"), GROW, train(10)]),
}


def live(neuroplast: Path, folder: Path, life: Life, seed: int) -> tuple[float, float, int]:
    """The accuracy at the end, the operations of training, and the parameters."""
    width, phases = life
    onnx.save(build((784, width, width, 10), seed), folder / "m.onnx")
    plan = {"train": {"optimizer": "adam", "lr": 0.001, "batch": 64}, "phases": phases}
    lines = plans.carry_out(
        neuroplast, folder, plan, "train.npz", 100 * seed, "--val", folder / "test.npz"
    )
    end = [line for line in lines if "event" in line][-1]
    return end["validation_accuracy"], end["training_flops"], end["parameters"]


def main() -> int:
    parser = paired.make_parser(__doc__)
    arguments = parser.parse_args()
    neuroplast = arguments.build.resolve() / "bin" / "neuroplast"
    task = load_fashion(EPOCHS)
    found: dict[str, list[tuple[float, float, int]]] = {name: [] for name in FIXED | CYCLES}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for kind, (x, labels) in (("train", task.train), ("test", task.test)):
            driver.save(folder / f"{kind}.npz", {"x": x, "labels": labels})
        for seed in range(arguments.seeds):
            for life, values in found.items():
                values.append(live(neuroplast, folder, (FIXED | CYCLES)[life], seed))
    accuracy = {life: np.array([v[0] for v in values]) for life, values in found.items()}
    budget = found["fixed, 100 %"][0][1]
    print("| network | parameters | operations | accuracy % | over 50 % | over 75 % | over 100 % |")
    print("|---|---|---|---|---|---|---|")
    beats = False
    for life, values in found.items():
        cells = [life, str(values[0][2]), f"{100 * values[0][1] / budget:.0f} %"]
        cells.append(f"{100 * accuracy[life].mean():.2f}")
        for share in (50, 75, 100):
            difference = accuracy[life] - accuracy[f"fixed, {share} %"]
            cells.append(paired.describe(difference) if life in CYCLES else "")
            beats |= life in CYCLES and share == 50 and paired.interval(difference)[0] > 0
        print(f"| {' | '.join(cells)} |")
    return 0 if beats else 1


if __name__ == "__main__":
    sys.exit(main())
