#!/usr/bin/env python3
"""Lottery tickets: what sparse networks learn from the weights that they began with.

One cycle for each seed: train, remove a fifth of the weights of every layer, rewind to an
early state, again. At some densities the ticket is compared with the same mask on weights
drawn anew, and with a random mask of the same density in every layer on the ticket's
weights, all trained alike. Data are the digits of scikit-learn or Fashion-MNIST (the Debian
package dataset-fashion-mnist); accuracies are those on test data, which nothing is chosen
by. Prints the means, and paired differences with bootstrap intervals of 95 %; fails if at
5 % of the weights or less the ticket is not above both controls with its whole interval.
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
from Benchmark.learning import Task, build, load_digits, load_fashion  # noqa: E402

# How many rounds of 20 % leave about 51, 21, 11, 5.5, 4.4 and 2.3 % of the weights.
ROUNDS = {3: 0.8**3, 7: 0.8**7, 10: 0.8**10, 13: 0.8**13, 14: 0.8**14, 17: 0.8**17}
TASKS = {"digits": (load_digits, 40, 4), "fashion": (load_fashion, 3, 1)}
HIDDEN = (300, 100)  # as in arXiv 1803.03635
Results = dict[int, tuple[float, float, float]]


def run(neuroplast: Path, folder: Path, phases: list[Any], epochs: int, seed: int) -> list[float]:
    """The accuracies after the trainings of a cycle, in their order."""
    plan = {
        "train": {"optimizer": "adam", "lr": 0.0012, "batch": 60, "epochs": epochs},
        "sparsify": {"criterion": "magnitude", "sparsity": 0.2, "of-rest": True},
        "phases": phases,
    }
    lines = plans.carry_out(
        neuroplast, folder, plan, "train.npz", seed, "--val", folder / "test.npz"
    )
    return [e["validation_accuracy"] for e in lines if e.get("event") == "train"]


def measure(
    neuroplast: Path, task: Task, early: int, seed: int, folder: Path
) -> tuple[float, Results]:
    """The accuracy of the dense network; by rounds, those of ticket, redrawn and random."""
    widths = (task.train[0].shape[1], *HIDDEN, 10)
    onnx.save(build(widths, seed), folder / "m.onnx")
    for name, (x, labels) in (("train", task.train), ("test", task.test)):
        driver.save(folder / f"{name}.npz", {"x": x, "labels": labels})
    start: list[Any] = [{"train": {"epochs": early}}, {"mark": "early"}]
    phases, last = [*start], max(ROUNDS)
    for number in range(1, last + 1):
        phases += [{"train": {}}, {"sparsify": {}}]
        if number in ROUNDS:
            phases += [{"rewind": "start", "redraw": True}, {"train": {}}]
        phases += [{"rewind": "early"}]
    found = run(neuroplast, folder, [*phases, {"train": {}}], task.epochs, 1000 * seed)
    accuracies = iter(found[1:])
    dense, results = 0.0, {}
    redrawn: dict[int, float] = {}
    for number in range(last + 1):
        ticket = next(accuracies)
        if number == 0:
            dense = ticket
        elif number in ROUNDS:
            results[number] = ticket
        if number + 1 in ROUNDS and number < last:
            redrawn[number + 1] = next(accuracies)
    drawn = {
        number: run(
            neuroplast, folder,
            [*start, {"sparsify": {"criterion": "random", "sparsity": 1 - density,
                                   "of-rest": False, "seed": seed}}, {"train": {}}],
            task.epochs, 1000 * seed,
        )[-1]
        for number, density in ROUNDS.items()
    }  # fmt: skip
    return dense, {n: (results[n], redrawn[n], drawn[n]) for n in ROUNDS}


def report(dense: np.ndarray, all_results: np.ndarray) -> bool:
    """Prints a table; whether the small tickets beat both controls."""
    print(f"dense {100 * dense.mean():.2f} %")
    print("| weights | ticket | redrawn | random mask | over redrawn | over random |")
    print("|---|---|---|---|---|---|")
    holds, smallest = True, None
    for (_, density), results in zip(ROUNDS.items(), all_results.swapaxes(0, 1), strict=True):
        cells = [f"{100 * density:.1f} %"]
        cells += [f"{100 * value:.2f}" for value in results.mean(axis=0)]
        for control in (1, 2):
            difference = results[:, 0] - results[:, control]
            cells.append(paired.describe(difference))
            holds &= density > 0.05 or paired.interval(difference)[0] > 0
        if dense.mean() - results[:, 0].mean() <= 0.005:
            smallest = density
        print(f"| {' | '.join(cells)} |")
    if smallest:
        print(f"the smallest ticket within half a point of dense: {100 * smallest:.1f} %")
    return holds


def main() -> int:
    parser = paired.make_parser(__doc__)
    parser.add_argument("names", nargs="*", default=list(TASKS), metavar="TASK")
    arguments = parser.parse_args()
    neuroplast = arguments.build.resolve() / "bin" / "neuroplast"
    holds = True
    for name in arguments.names:
        load, epochs, early = TASKS[name]
        task = load(epochs)
        dense, results = [], []
        for seed in range(arguments.seeds):
            with tempfile.TemporaryDirectory() as folder:
                whole, found = measure(neuroplast, task, early, seed, Path(folder))
            dense.append(whole)
            results.append([found[n] for n in ROUNDS])
        print(f"\n{name}, {arguments.seeds} seeds: ", end="")
        holds &= report(np.array(dense), np.array(results))
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
