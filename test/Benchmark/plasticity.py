#!/usr/bin/env python3
"""Whether networks go on learning: one task after another, each seen once.

Every task is Fashion-MNIST (the Debian package dataset-fashion-mnist) at half the resolution,
with the pixels in an order of its own, which nobody is told of; its accuracy is that on each
batch before the network learns from it. A plain perceptron is compared with weight decay, with
weights that shrink and are perturbed (arXiv 1910.08475), with units that begin anew, and with
one that grows, all between tasks; and with units that begin anew in the middle of each. The
optimizer and the parameters of each way are those that did best over all tasks of a seed of
their own. Prints means over the last tenth of the tasks, and paired differences to the first
tenth and to the plain network, with bootstrap intervals of 95 %; fails if the recycled one is
not within a point of its own beginning.
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

SIZES = (196, 100, 100, 100, 10)
EXAMPLES, BATCH = 8000, 16
Way = dict[str, Any]  # the options of training, and the phases between tasks
STEPS: list[Way] = [
    {"optimizer": "sgd", "lr": 0.03},
    {"optimizer": "adam", "lr": 0.001},
    {"optimizer": "adam", "lr": 0.003},
]


def ways() -> dict[str, list[Way]]:
    """By name, the settings to choose from."""
    recycle = [{"threshold": 0.1}, {"share": 0.1, "criterion": "wanda"}]
    others: dict[str, list[Way]] = {
        "plain": [{}],
        "weight decay": [{"weight-decay": decay} for decay in (1e-4, 1e-3)],
        "shrunk and perturbed": [
            {"between": {"perturb": {"keep": keep, "noise": noise}}}
            for keep, noise in ((0.95, 0.05), (0.7, 0.1))
        ],
        "recycled": [{"between": {"recycle": options}} for options in recycle],
        "recycled within tasks": [{"within": {"recycle": options}} for options in recycle],
        "grown": [{"between": {"dropin": {"units": "+1"}}, "growable": ["dense*"]}],
    }
    return {name: [s | o for s in STEPS for o in options] for name, options in others.items()}


def write_tasks(folder: Path, count: int, seed: int) -> None:
    """The files of so many tasks."""
    x, labels = load_fashion(1).train
    x = x.reshape(-1, 14, 2, 14, 2).mean(axis=(2, 4)).reshape(-1, SIZES[0])
    for task in range(count):
        random = np.random.default_rng((seed, task))
        chosen, order = random.permutation(len(x))[:EXAMPLES], random.permutation(SIZES[0])
        arrays = {"x": x[chosen][:, order].astype(np.float32), "labels": labels[chosen]}
        driver.save(folder / f"{task}.npz", arrays)
        for half in (0, 1):
            rows = slice(half * EXAMPLES // 2, (half + 1) * EXAMPLES // 2)
            driver.save(folder / f"{task}.{half}.npz", {k: v[rows] for k, v in arrays.items()})
        driver.save(folder / f"{task}.x.npz", {"x": arrays["x"][:512]})


def learn(neuroplast: Path, folder: Path, way: Way, count: int, seed: int) -> np.ndarray:
    """The accuracy on each task, while it is learnt."""
    onnx.save(build(SIZES, seed), folder / "m.onnx")
    phases: list[dict[str, Any]] = []

    def change(when: str, task: int) -> None:
        for name, options in way.get(when, {}).items():
            data = {"data": str(folder / f"{task}.x.npz")} if name == "recycle" else {}
            phases.append({name: options | data})

    names = [".0", ".1"] if "within" in way else [""]
    for task in range(count):
        for name in names:
            if name == ".1":
                change("within", task)
            phases.append({"train": {"data": str(folder / f"{task}{name}.npz")}})
        change("between", task)
    train = {"batch": BATCH} | {k: v for k, v in way.items() if k not in ("between", "within")}
    plan = {"train": train, "phases": phases}
    try:
        lines = plans.carry_out(neuroplast, folder, plan, "0.npz", 1000 * seed)
    except driver.DriverError as error:
        if "no finite number" not in str(error):
            raise
        return np.zeros(count)  # It ran away.
    told = np.array([line["accuracy"] for line in lines if "epoch" in line])
    return told.reshape(count, len(names)).mean(axis=1)


def main() -> int:
    parser = paired.make_parser(__doc__)
    parser.add_argument("--tasks", type=int, default=300)
    arguments = parser.parse_args()
    neuroplast = arguments.build.resolve() / "bin" / "neuroplast"
    found: dict[str, list[np.ndarray]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder, count = Path(name), arguments.tasks
        write_tasks(folder, count, seed=99)
        chosen = {}
        for title, settings in ways().items():
            scores = [learn(neuroplast, folder, way, count, seed=99).mean() for way in settings]
            chosen[title] = settings[int(np.argmax(scores))]
            print(f"{title}: {chosen[title]}", flush=True)
        for seed in range(arguments.seeds):
            write_tasks(folder, count, seed)
            for title, way in chosen.items():
                found.setdefault(title, []).append(learn(neuroplast, folder, way, count, seed))
    part = max(arguments.tasks // 10, 1)
    first = {title: np.array([a[:part].mean() for a in runs]) for title, runs in found.items()}
    last = {title: np.array([a[-part:].mean() for a in runs]) for title, runs in found.items()}
    print("\n| network | first tenth % | last tenth % | last over first | last over plain |")
    print("|---|---|---|---|---|")
    for title in found:
        cells = [title, f"{100 * first[title].mean():.2f}", f"{100 * last[title].mean():.2f}"]
        cells.append(paired.describe(last[title] - first[title]))
        cells.append(paired.describe(last[title] - last["plain"]))
        print(f"| {' | '.join(cells)} |")
    return 0 if paired.interval(last["recycled"] - first["recycled"])[0] > -0.01 else 1


if __name__ == "__main__":
    sys.exit(main())
