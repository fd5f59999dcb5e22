#!/usr/bin/env python3
"""Whether networks keep what they learnt: classes that come two by two, each example once.

The classes of Fashion-MNIST (the Debian package dataset-fashion-mnist, at half the
resolution) come in five tasks of two; one head says which of all ten it is, and nobody
tells the network the task. A plain perceptron is compared with one that replays a reservoir
of examples, and with one whose weights are held by elastic weight consolidation, both with
the same memory beside the network, and with one that sees all classes mixed. The rates and
strengths of each are those that did best for a seed of its own. Prints the mean accuracy on
the tests of all tasks after the last one, how much was forgotten of each task since it was
known best (Chaudhry et al., arXiv 1801.10112), and paired differences to the plain network,
with bootstrap intervals of 95 %.
"""

from __future__ import annotations

import itertools
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "test"))

from Models import driver  # noqa: E402

from Benchmark import paired  # noqa: E402
from Benchmark.learning import build, load_fashion  # noqa: E402

SIZES = (196, 100, 100, 10)
TASKS, BATCH, MEASURED = 5, 16, 1000
PARAMETERS = sum((inner + 1) * outer for inner, outer in itertools.pairwise(SIZES))
# Where a weight was and what it matters take two numbers; an example is its pixels and a label.
REPLAYED = 2 * 4 * PARAMETERS // (4 * SIZES[0] + 8)
RATES: list[dict[str, Any]] = [{"lr": rate} for rate in (0.01, 0.03, 0.1)]
WAYS: dict[str, list[dict[str, Any]]] = {
    "plain": RATES,
    "replay": RATES,
    "consolidation": [rate | {"ewc": x} for rate in RATES for x in (1, 30, 1000, 30000)],
    "mixed": RATES,
}


def shrink(x: np.ndarray) -> np.ndarray:
    return x.reshape(-1, 14, 2, 14, 2).mean(axis=(2, 4)).reshape(-1, SIZES[0]).astype(np.float32)


class Stream:
    """The tasks of a seed, in files, and their tests."""

    def __init__(self, folder: Path, seed: int) -> None:
        fashion, random = load_fashion(1), np.random.default_rng(seed)
        (x, labels), (test_x, test_labels) = fashion.train, fashion.test
        x, test_x = shrink(x), shrink(test_x)
        classes = random.permutation(10).reshape(TASKS, 2)
        self.folder, self.seed, self.tests = folder, seed, []
        onnx.save(build(SIZES, seed), folder / "m.onnx")
        mixed = random.permutation(len(x))
        self.save("mixed", x[mixed], labels[mixed])
        for task, pair in enumerate(classes):
            rows = random.permutation(np.flatnonzero(np.isin(labels, pair)))
            self.save(f"{task}", x[rows], labels[rows])
            self.save(f"{task}.part", x[rows[:MEASURED]], labels[rows[:MEASURED]])
            rows = np.flatnonzero(np.isin(test_labels, pair))
            self.tests.append((test_x[rows], test_labels[rows]))

    def save(self, name: str, x: np.ndarray, labels: np.ndarray) -> None:
        (self.folder / name).mkdir(exist_ok=True)
        driver.save(self.folder / name / "examples.npz", {"x": x, "labels": labels})

    def data(self, name: str) -> Path:
        return self.folder / name / "examples.npz"


class Run:
    """One way to learn a stream."""

    def __init__(self, neuroplast: Path, stream: Stream) -> None:
        self.neuroplast, self.stream = neuroplast, stream

    def train(self, model: Path, target: Path, source: Path, *options: str | Path) -> None:
        driver.call(
            self.neuroplast, "train", model, "-o", target, "--batch", str(BATCH), "--seed",
            str(self.stream.seed), "--learn", source, "--wait", "0", *options,
        )  # fmt: skip

    def score(self, model: Path) -> np.ndarray:
        """The accuracy on the test of each task."""
        scores = []
        for x, labels in self.stream.tests:
            said = driver.run(self.neuroplast, model, {"x": x})["y"]
            scores.append((said.argmax(axis=1) == labels).mean())
        return np.array(scores)

    def learn(self, name: str, way: dict[str, Any]) -> np.ndarray:
        """The scores after each task, row by row; zeros if it ran away."""
        try:
            return getattr(self, name)(way)
        except driver.DriverError as error:
            if "no finite number" not in str(error):
                raise
            return np.zeros((1, TASKS))

    def mixed(self, way: dict[str, Any]) -> np.ndarray:
        folder = self.stream.folder
        self.train(folder / "m.onnx", folder / "t.onnx", folder / "mixed", "--lr", str(way["lr"]))
        return self.score(folder / "t.onnx")[None]

    def plain(self, way: dict[str, Any], *options: str) -> np.ndarray:
        """A stream up to each task, since what is kept of it is kept in one run."""
        folder, seen = self.stream.folder, self.stream.folder / "seen"
        seen.mkdir(exist_ok=True)
        for file in seen.iterdir():
            file.unlink()
        scores = []
        for task in range(TASKS):
            (seen / f"{task}.npz").symlink_to(self.stream.data(f"{task}"))
            self.train(folder / "m.onnx", folder / "t.onnx", seen, "--lr", str(way["lr"]), *options)
            scores.append(self.score(folder / "t.onnx"))
        return np.array(scores)

    def replay(self, way: dict[str, Any]) -> np.ndarray:
        return self.plain(way, "--replay", str(REPLAYED))

    def consolidation(self, way: dict[str, Any]) -> np.ndarray:
        folder, stats, scores = self.stream.folder, [], []
        model, target = folder / "m.onnx", folder / "t.onnx"
        rate = ["--lr", str(way["lr"])]
        for task in range(TASKS):
            hold = ["--ewc", str(way["ewc"]), *stats] if stats else []
            driver.call(
                self.neuroplast, "train", model, "-o", target, "--batch", str(BATCH), "--data",
                self.stream.data(f"{task}"), *rate, *hold,
            )  # fmt: skip
            target.replace(folder / "held.onnx")
            model = folder / "held.onnx"
            scores.append(self.score(model))
            known = folder / f"{task}.stats.npz"
            driver.call(
                self.neuroplast, "calibrate", model, "--gradients", "--batch", "1", "--data",
                self.stream.data(f"{task}.part"), "-o", known,
            )  # fmt: skip
            stats += ["--stats", str(known)]
        return np.array(scores)


def main() -> int:
    parser = paired.make_parser(__doc__)
    arguments = parser.parse_args()
    neuroplast = arguments.build.resolve() / "bin" / "neuroplast"
    print(f"{PARAMETERS} parameters, {REPLAYED} examples are replayed")
    final: dict[str, list[float]] = {}
    forgotten: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as name:
        run, chosen = Run(neuroplast, Stream(Path(name), seed=99)), {}
        for title, settings in WAYS.items():
            scores = [run.learn(title, way)[-1].mean() for way in settings]
            chosen[title] = settings[int(np.argmax(scores))]
            print(f"{title}: {chosen[title]}", flush=True)
        for seed in range(arguments.seeds):
            run = Run(neuroplast, Stream(Path(name), seed))
            for title, way in chosen.items():
                scores = run.learn(title, way)
                final.setdefault(title, []).append(scores[-1].mean())
                lost = (scores.max(axis=0) - scores[-1])[: TASKS - 1].mean()
                forgotten.setdefault(title, []).append(lost)
    print("\n| network | accuracy % | forgotten, points | over plain |\n|---|---|---|---|")
    plain = np.array(final["plain"])
    for title, scores in final.items():
        cells = [title, f"{100 * np.mean(scores):.2f}", f"{100 * np.mean(forgotten[title]):.2f}"]
        print(f"| {' | '.join(cells)} | {paired.describe(np.array(scores) - plain)} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
