#!/usr/bin/env python3
"""A stream whose pictures turn: networks that change themselves when they do worse.

Fashion-MNIST (the Debian package dataset-fashion-mnist) at half the resolution comes once, and
turns by an angle that grows from nothing to a half turn in steps of its own, with rests in
between; nobody is told. Accuracy is that on each batch before the network learns from it. A
network watches its loss: when the mean of late is above the best mean since it changed last by
a share, it changes itself, by units that join or that begin anew. It is compared with fixed
networks of its smallest and of its final size, and with the same changes at even distances.
Paired by seed, each with the learning rate that did best on a seed of its own. Prints means
and bootstrap intervals of 95 %.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "test"))

from Benchmark import paired  # noqa: E402
from Benchmark.learning import build, load_fashion  # noqa: E402

SIDE, BATCH, WINDOW, RISE = 14, 32, 50, 0.15
SMALL, ADDED, CHANGES = 16, 8, 6
RATES = (0.003, 0.01, 0.03)


@dataclass
class Way:
    """What a network is at first, and what it does to itself."""

    hidden: int
    edit: str = ""
    even: bool = False  # at even distances instead of when it does worse


WAYS = {
    "small": Way(SMALL),
    "as large as the grown one": Way(SMALL + ADDED * CHANGES),
    "grows when it does worse": Way(SMALL, "dropin"),
    "grows at even distances": Way(SMALL, "dropin", even=True),
    "large, a tenth begins anew when it does worse": Way(SMALL + ADDED * CHANGES, "recycle"),
    "large, a tenth begins anew at even distances": Way(
        SMALL + ADDED * CHANGES, "recycle", even=True
    ),
}


def turn(images: np.ndarray, angle: float) -> np.ndarray:
    """Pictures about their middle, by the nearest pixels."""
    centre = (SIDE - 1) / 2
    rows, columns = np.mgrid[:SIDE, :SIDE] - centre
    cosine, sine = np.cos(angle), np.sin(angle)
    row = np.rint(cosine * rows - sine * columns + centre).astype(int)
    column = np.rint(sine * rows + cosine * columns + centre).astype(int)
    inside = (row >= 0) & (row < SIDE) & (column >= 0) & (column < SIDE)
    taken = images[:, row.clip(0, SIDE - 1), column.clip(0, SIDE - 1)]
    return np.where(inside, taken, 0).astype(np.float32)


def stream(x: np.ndarray, labels: np.ndarray, seed: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Batches; six times the angle grows by a twelfth of a turn, and then rests as long."""
    order = np.random.default_rng(seed).permutation(len(x))
    steps = len(x) // BATCH
    for step in range(steps):
        chosen = order[step * BATCH : (step + 1) * BATCH]
        part, within = divmod(12 * step / steps, 2)
        angle = (part + min(within, 1)) * np.pi / 6
        yield turn(x[chosen], angle).reshape(BATCH, -1), labels[chosen]


def watch(losses: list[float], since: int) -> bool:
    """Whether the latest losses are above the best ones since a step."""
    means = [
        np.mean(losses[start : start + WINDOW])
        for start in range(since, len(losses) - WINDOW + 1, WINDOW // 2)
    ]
    return len(means) > 2 and means[-1] > (1 + RISE) * min(means)


def learn(
    npl: Any, folder: Path, way: Way, rate: float, data: tuple[np.ndarray, np.ndarray], seed: int
) -> tuple[float, float, int]:
    """The accuracy of all batches and of those of the last tenth, and how often it changed."""
    onnx.save(build((SIDE * SIDE, way.hidden, 10), seed), folder / "m.onnx")
    learner = npl.Learner(
        folder / "m.onnx", loss="cross-entropy", optimizer="adam", lr=rate, growable="dense0",
    )  # fmt: skip
    losses: list[float] = []
    rights: list[float] = []
    changes, since = 0, 0
    steps = len(data[0]) // BATCH
    for step, (x, labels) in enumerate(stream(*data, seed)):
        loss, right = learner.learn(x=x, labels=labels)
        losses.append(loss)
        rights.append(right)
        if not way.edit or changes == CHANGES:
            continue
        due = (changes + 1) * steps // (CHANGES + 1)
        if step == due if way.even else step % WINDOW == 0 and watch(losses, since):
            if way.edit == "dropin":
                learner.edit("dropin", at="dense0", units=ADDED)
            else:
                learner.edit("recycle", share=0.1)
            changes, since = changes + 1, step
    return float(np.mean(rights)), float(np.mean(rights[-steps // 10 :])), changes


def main() -> int:
    parser = paired.make_parser(__doc__)
    parser.add_argument("--examples", type=int, default=60000)
    arguments = parser.parse_args()
    sys.path.insert(0, str(arguments.build.resolve() / "python"))
    import neuroplast as npl  # noqa: PLC0415

    x, labels = load_fashion(1).train
    x = x.reshape(-1, SIDE, 2, SIDE, 2).mean(axis=(2, 4))
    data = x[: arguments.examples], labels[: arguments.examples]
    found: dict[str, np.ndarray] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for title, way in WAYS.items():
            scores = [learn(npl, folder, way, rate, data, seed=99)[0] for rate in RATES]
            rate = RATES[int(np.argmax(scores))]
            runs = [learn(npl, folder, way, rate, data, s) for s in range(arguments.seeds)]
            found[title] = np.array(runs)
            print(f"{title}: {rate}", flush=True)
    print("\n| network | all % | last tenth % | changes | all, over small | all, over large |")
    print("|---|---|---|---|---|---|")
    small, large = (found[title][:, 0] for title in list(WAYS)[:2])
    for title, runs in found.items():
        means = runs.mean(axis=0)
        cells = [title, f"{100 * means[0]:.2f}", f"{100 * means[1]:.2f}", f"{means[2]:.1f}"]
        cells += [paired.describe(runs[:, 0] - small), paired.describe(runs[:, 0] - large)]
        print(f"| {' | '.join(cells)} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
