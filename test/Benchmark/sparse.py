#!/usr/bin/env python3
"""Sparse training: whether connections that change do better than those that were drawn.

Perceptrons of 300 and 100 hidden units train with a tenth or a fiftieth of their weights, at
places that are drawn: some keep these, some let a part of the connections change places
anywhere (SET) or where gradients are largest (RigL), after every epoch but those of the last
quarter. All have the same seeds, epochs and rate. Data are the digits of scikit-learn or
Fashion-MNIST (the Debian package dataset-fashion-mnist); accuracies are those on test data,
which nothing is chosen by. Prints means, and paired differences to the fixed places with
bootstrap intervals of 95 %; fails if RigL is not above these with its whole interval.
"""

from __future__ import annotations

import argparse
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
from Benchmark.learning import build, load_digits, load_fashion  # noqa: E402

TASKS = {"digits": (load_digits, 40), "fashion": (load_fashion, 8)}
HIDDEN = (300, 100)
KINDS: dict[str, dict[str, Any] | None] = {
    "fixed": None,
    "SET": {"share": 0.3, "anywhere": True},
    "RigL": {"share": 0.3},
}


def learn(neuroplast: Path, folder: Path, phases: list[Any], seed: int) -> float:
    plan = {"train": {"optimizer": "adam", "lr": 0.0012, "batch": 60}, "phases": phases}
    lines = plans.carry_out(
        neuroplast, folder, plan, "train.npz", 1000 * seed, "--val", folder / "test.npz"
    )
    return [line for line in lines if "event" in line][-1]["validation_accuracy"]


def phases_of(kind: dict[str, Any] | None, density: float, epochs: int, seed: int) -> list[Any]:
    sparsify = {"criterion": "random", "sparsity": 1 - density, "seed": seed}
    phases: list[Any] = [{"sparsify": sparsify}]
    for epoch in range(epochs):
        phases.append({"train": {"epochs": 1}})
        if kind is not None and epoch < 0.75 * epochs:
            phases.append({"rewire": kind})
    return phases


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("task", choices=sorted(TASKS))
    parser.add_argument("--build", type=Path, default=ROOT / "build")
    parser.add_argument("--seeds", type=int, default=10)
    arguments = parser.parse_args()
    neuroplast = arguments.build.resolve() / "bin" / "neuroplast"
    load, epochs = TASKS[arguments.task]
    task = load(epochs)
    widths = (task.train[0].shape[1], *HIDDEN, 10)
    dense, found = [], {(d, k): [] for d in (0.1, 0.02) for k in KINDS}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for kind, (inputs, answers) in (("train", task.train), ("test", task.test)):
            driver.save(folder / f"{kind}.npz", {"x": inputs, "labels": answers})
        for seed in range(arguments.seeds):
            onnx.save(build(widths, seed), folder / "m.onnx")
            dense.append(learn(neuroplast, folder, [{"train": {"epochs": epochs}}], seed))
            for (density, kind), values in found.items():
                phases = phases_of(KINDS[kind], density, epochs, seed)
                values.append(learn(neuroplast, folder, phases, seed))
    print(f"The dense network has {100 * np.mean(dense):.2f} %.\n")
    print("| weights left | connections | accuracy % | over fixed ones |\n|---|---|---|---|")
    beats = True
    for (density, kind), values in found.items():
        difference = np.array(values) - np.array(found[density, "fixed"])
        cells = [f"{100 * density:.0f} %", kind, f"{100 * np.mean(values):.2f}"]
        cells.append(paired.describe(difference) if kind != "fixed" else "")
        beats &= kind != "RigL" or paired.interval(difference)[0] > 0
        print(f"| {' | '.join(cells)} |")
    return 0 if beats else 1


if __name__ == "__main__":
    sys.exit(main())
