#!/usr/bin/env python3
"""A second task beside the first: what is learned, and what is forgotten.

A perceptron learns five classes of Fashion-MNIST (the Debian package dataset-fashion-mnist), and
then the other five with a head of their own, from a few or from all examples: with its body
frozen, with units that join and learn beside what is frozen (`transfer --grow`), with weights that
the first task did without (`transfer --freeze kept`), with all of it learning, and, as a control,
from random weights. Each has the learning rate that did best on a
seed of its own. Prints the accuracies of both tasks behind the second one, and their paired
differences, with bootstrap intervals of 95 %; fails if the frozen first task has changed.
"""

from __future__ import annotations

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

WIDTHS, CLASSES = (784, 64, 32), 5
RATES = ("0.0003", "0.001", "0.003")
GROWTH = ("--grow", "dense0.b=32", "--grow", "dense1.b=32")
WAYS: dict[str, tuple[str, ...]] = {
    "frozen body": (),
    "frozen body, 32 units join each layer": GROWTH,
    "the same, and old units listen to them": (*GROWTH, "--freeze", "weights"),
    "all learns": ("--freeze", "nothing"),
}
SHARED = "half of the weights were masked, and come into use"
FRESH = "from random weights, with as many units"


class Tasks:
    """Two tasks of five classes each, in files."""

    def __init__(self, folder: Path, examples: int, seed: int) -> None:
        task = load_fashion(1)
        self.seen = []
        for number in (0, 1):
            parts = []
            for x, labels in (task.train, task.test):
                own = labels // CLASSES == number
                parts.append((x[own], labels[own] % CLASSES))
            (x, labels), seen = parts
            order = np.random.default_rng((seed, number)).permutation(len(x))
            chosen = order[:examples] if number else order
            driver.save(folder / f"{number}.npz", {"x": x[chosen], "labels": labels[chosen]})
            self.seen.append(seen)

    def accuracy(self, said: np.ndarray, number: int) -> float:
        return float((said.argmax(axis=1) == self.seen[number][1]).mean())


def train(neuroplast: Path, model: Path, data: Path, rate: str, epochs: int, seed: int) -> Path:
    target = model.with_suffix(".learned.onnx")
    driver.call(
        neuroplast, "train", model, "--data", data, "--optimizer", "adam", "--lr", rate,
        "--schedule", "cosine", "--epochs", str(epochs), "--seed", str(seed), "-o", target,
    )  # fmt: skip
    return target


def learn(
    neuroplast: Path, folder: Path, tasks: Tasks, base: Path, title: str, rate: str, seed: int,
    epochs: int,
) -> tuple[float, float, bool]:  # fmt: skip
    """The accuracies of the second and the first task, and whether the first is as before."""
    ready = folder / "ready.onnx"
    if title == FRESH:
        onnx.save(build((WIDTHS[0], WIDTHS[1] + 32, WIDTHS[2] + 32, CLASSES), seed), ready)
    else:
        options = WAYS.get(title, ("--freeze", "kept"))
        if title == SHARED:
            sparse = folder / "sparse.onnx"
            driver.edit(neuroplast, "sparsify", base, sparse, "--freeze", "dense2")
            base = train(neuroplast, sparse, folder / "0.npz", "0.001", 2, seed)
        driver.edit(
            neuroplast, "transfer", base, ready, "--new-head", f"new={CLASSES}", *options,
            "--seed", str(seed),
        )  # fmt: skip
    learned = train(neuroplast, ready, folder / "1.npz", rate, epochs, seed)

    def run(model: Path, number: int) -> dict[str, np.ndarray]:
        return driver.run(neuroplast, model, {"x": tasks.seen[number][0]})

    if title == FRESH:
        return tasks.accuracy(run(learned, 1)["y"], 1), 0, True
    right, before = tasks.accuracy(run(learned, 1)["new"], 1), run(ready, 0)["y"]
    if title == SHARED:
        driver.edit(neuroplast, "select", learned, ready, "--output", "y")
        learned = ready
    after = run(learned, 0)["y"]
    return right, tasks.accuracy(after, 0), bool((before == after).all())


def main() -> int:
    parser = paired.make_parser(__doc__)
    parser.add_argument("--examples", type=int, nargs="+", default=[500, 30000])
    arguments = parser.parse_args()
    neuroplast = arguments.build.resolve() / "bin" / "neuroplast"
    holds = True
    for examples in arguments.examples:
        epochs = 40 if examples < 5000 else 4
        found: dict[str, list[tuple[float, float, bool]]] = {}
        with tempfile.TemporaryDirectory() as name:
            folder, chosen = Path(name), {}
            for seed in (99, *range(arguments.seeds)):
                tasks, start = Tasks(folder, examples, seed), folder / "start.onnx"
                onnx.save(build((*WIDTHS, CLASSES), seed), start)
                base = train(neuroplast, start, folder / "0.npz", "0.001", 4, seed)
                for title in (*WAYS, SHARED, FRESH):
                    reached = [
                        learn(neuroplast, folder, tasks, base, title, rate, seed, epochs)
                        for rate in ([chosen[title]] if title in chosen else RATES)
                    ]
                    if title not in chosen:
                        chosen[title] = RATES[int(np.argmax([r[0] for r in reached]))]
                    else:
                        found.setdefault(title, []).append(reached[0])
        print(f"\n{examples} examples of the second task, rates {list(chosen.values())}\n")
        print("| network | second task % | first task % | second, over frozen body |")
        print("|---|---|---|---|")
        frozen = np.array([r[0] for r in found["frozen body"]])
        for title, runs in found.items():
            second, first, same = (np.array(column) for column in zip(*runs, strict=True))
            holds &= bool(same.all()) or "listen" in title or title == "all learns"
            cells = [title, f"{100 * second.mean():.2f}", f"{100 * first.mean():.2f}"]
            cells.append(paired.describe(second - frozen))
            print(f"| {' | '.join(cells)} |", flush=True)
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
