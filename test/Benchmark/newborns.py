#!/usr/bin/env python3
"""What optimizers should know of units that join while a network learns.

A perceptron (784-64-10) learns Fashion-MNIST (the Debian package dataset-fashion-mnist) by
Adam and grows to 192 units, in one event or in several with the same epochs in all. After an
event the optimizer forgets everything (reset), knows nothing of newborns and goes on with
their number of steps (zero) or counts those of each unit (own steps), begins newborns with
the mean of the others (transplant), or newborns are copies of others with all that belongs
to those (net2wider), read what makes their gradients largest (gradmax, with own steps) or do
what the others cannot (tiny, the same).
Prints the mean accuracy on the test data over the epochs since the
first event, and that of the last epoch, beside a network that has all units from the
beginning; differences to `zero` are paired by seed, with bootstrap intervals of 95 %.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "test"))

from Models import driver  # noqa: E402

from Benchmark import paired  # noqa: E402
from Benchmark.learning import build, load_fashion  # noqa: E402

SMALL, LARGE = 64, 192
# Epochs of the phases between events.
PLANS = {1: (4, 8), 4: (2, 2, 2, 2, 4), 8: (1, 1, 1, 1, 1, 1, 1, 1, 4)}
# By way: options of an event, those of training, and whether states are kept.
WAYS: dict[str, tuple[tuple[str, ...], tuple[str, ...], bool]] = {
    "zero": ((), (), True),
    "reset": ((), (), False),
    "own steps": ((), ("--own-steps",), True),
    "transplant": (("--transplant",), (), True),
    "net2wider": (("--init", "net2wider"), (), True),
    "gradmax": (("--init", "gradmax"), ("--own-steps",), True),
    "tiny": (("--init", "tiny"), ("--own-steps",), True),
}


class Run:
    """A network of a seed that learns, in a folder with the data."""

    def __init__(self, neuroplast: Path, folder: Path, seed: int, units: int) -> None:
        self.neuroplast, self.folder, self.seed = neuroplast, folder, seed
        self.model, self.scores, self.phases = folder / "m.onnx", [], 0
        onnx.save(build((784, units, 10), seed), self.model)

    def train(self, epochs: int, *options: str) -> None:
        log, trained = self.folder / "log.jsonl", self.folder / "t.onnx"
        log.unlink(missing_ok=True)
        driver.call(
            self.neuroplast, "train", self.model, "--data", self.folder / "train.npz", "--val",
            self.folder / "test.npz", "-o", trained, "--optimizer", "adam", "--lr", "0.001",
            "--batch", "64", "--epochs", str(epochs), "--seed", str(100 * self.seed + self.phases),
            "--log", log, *options,
        )  # fmt: skip
        trained.replace(self.model)
        lines = [json.loads(line) for line in log.read_text().splitlines()]
        self.scores += [line["validation_accuracy"] for line in lines]
        self.phases += 1

    def grow(self, units: int, *options: str | Path) -> None:
        grown = self.folder / "g.onnx"
        if {"gradmax", "tiny"} & {*options}:
            options = (*options, "--examples", self.folder / "some.npz")
        driver.edit(
            self.neuroplast, "dropin", self.model, grown, "--at", "dense0", "--units",
            str(units), "--seed", str(self.seed + self.phases), *options,
        )  # fmt: skip
        grown.replace(self.model)

    def follow(self, plan: tuple[int, ...], way: str) -> tuple[float, float]:
        """The mean accuracy since the first event, and the last one."""
        of_event, of_training, keeps = WAYS[way]
        kept = ["--keep-state"] if keeps else []
        for phase, epochs in enumerate(plan):
            if phase > 0:
                self.grow((LARGE - SMALL) // (len(plan) - 1), *of_event)
            self.train(epochs, *of_training, *kept)
        return float(np.mean(self.scores[plan[0] :])), self.scores[-1]


def main() -> int:
    parser = paired.make_parser(__doc__)
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS))
    arguments = parser.parse_args()
    neuroplast = arguments.build.resolve() / "bin" / "neuroplast"
    fashion = load_fashion(1)
    results: dict[tuple[int, str], list[tuple[float, float]]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part, (x, labels) in (("train", fashion.train), ("test", fashion.test)):
            driver.save(folder / f"{part}.npz", {"x": x, "labels": labels})
        x, labels = fashion.train
        driver.save(folder / "some.npz", {"x": x[:2048], "labels": labels[:2048]})
        for seed in range(arguments.seeds):
            fixed = Run(neuroplast, folder, seed, LARGE)
            fixed.train(sum(PLANS[1]))
            since = float(np.mean(fixed.scores[PLANS[1][0] :]))
            results.setdefault((0, "fixed"), []).append((since, fixed.scores[-1]))
            for events, plan in PLANS.items():
                for way in arguments.ways:
                    run = Run(neuroplast, folder, seed, SMALL)
                    results.setdefault((events, way), []).append(run.follow(plan, way))
            print(f"seed {seed}", file=sys.stderr, flush=True)
    print("| events | newborns | since the first, % | over zero | in the end, % | over zero |")
    print("|---|---|---|---|---|---|")
    for (events, way), found in results.items():
        cells = [str(events), way]
        for column in range(2):
            scores = np.array(found)[:, column]
            base = np.array(results.get((events, "zero"), found))[:, column]
            cells.append(f"{100 * scores.mean():.2f}")
            cells.append(paired.describe(scores - base) if events and way != "zero" else "")
        print(f"| {' | '.join(cells)} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
