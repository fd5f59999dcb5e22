#!/usr/bin/env python3
"""Growing and cutting back in stages, against controls with the same budget.

A third of the epochs a network learns as it is, a third with half as many units again in some
layers (dropin), a third cut back to the size that it had (plasticity: arXiv 2603.24343, whose
protocol this is, with a new optimizer in each stage). What goes are the newborns, by position,
as there, or the units that matter least, by the Taylor criterion. Controls are the network
without stages, with new optimizers at the same times alone, with all units from the
beginning, and without stages for as many operations as the staged ones take. Networks are a
GRU on JapaneseVowels (in the package aeon) and a small residual network on Fashion-MNIST (the
Debian package dataset-fashion-mnist), where they are installed. Prints errors on the test
data, and by how much each is less or more than that of the network without stages, as a share
of it, paired by seed, with bootstrap intervals of 95 %.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import onnx

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "test"))

from Models import driver  # noqa: E402
from Models.architectures.builder import Builder  # noqa: E402

from Benchmark import paired  # noqa: E402
from Benchmark.learning import Arrays, build_recurrent, load_fashion, load_vowels  # noqa: E402
from Benchmark.training import dense, normed_conv, residual  # noqa: E402

EXAMPLES = 10000  # of the images, to train on


@dataclass(frozen=True)
class Case:
    """Data, a network of some size by a seed, and the layers that grow."""

    train: Arrays
    test: Arrays
    build: Callable[[int, int], onnx.ModelProto]
    units: int
    layers: str
    phase: int  # epochs
    options: tuple[str, ...]


def build_residual(seed: int, units: int) -> onnx.ModelProto:
    """Three blocks; `units` channels within the first, twice and four times as many later."""
    b = Builder(free=True, seed=seed)
    x = b.input("x", ["N", 1, 28, 28])

    x, inner = b.node("Relu", normed_conv(b, x, "stem", 1, 8, 3, 2)), 8
    for stage, outer in enumerate([8, 16, 32]):
        names = (f"{stage}.inner", f"{stage}.outer", f"{stage}.skip")
        widths = (inner, units * 2**stage, outer)
        x, inner = residual(b, x, names, widths, 2 if stage else 1), outer
    x = b.node("Flatten", b.node("GlobalAveragePool", x))
    b.output(dense(b, x, "head", 32, 10), "y")
    return b.finish()


def load_gru() -> Case:
    vowels = load_vowels(0)
    network: Callable[[int, int], onnx.ModelProto] = lambda seed, units: build_recurrent(  # noqa: E731
        29, 12, units, 9, seed
    )
    options = ("--optimizer", "adam", "--lr", "0.003", "--batch", "16")
    return Case(vowels.train, vowels.test, network, 16, "gru", 10, options)


def load_residual() -> Case:
    fashion = load_fashion(0)
    (x, labels), (test_x, test_labels) = fashion.train, fashion.test
    train = (x[:EXAMPLES].reshape(-1, 1, 28, 28), labels[:EXAMPLES])
    test = (test_x.reshape(-1, 1, 28, 28), test_labels)
    options = ("--optimizer", "adam", "--lr", "0.002", "--batch", "64")
    return Case(train, test, build_residual, 8, ".inner.conv", 3, options)


CASES = {"gru": load_gru, "residual": load_residual}


class Run:
    """A network that goes through stages, in a folder with the data."""

    def __init__(self, neuroplast: Path, folder: Path, case: Case, seed: int) -> None:
        self.neuroplast, self.folder, self.case, self.seed = neuroplast, folder, case, seed
        self.call = partial(driver.call, neuroplast)
        self.model, self.stage = folder / "m.onnx", 0

    def start(self, units: int) -> None:
        onnx.save(self.case.build(self.seed, units), self.model)

    def train(self, epochs: int) -> None:
        target = self.folder / "t.onnx"
        self.call(
            "train", self.model, "--data", self.folder / "train.npz", "-o", target, "--epochs",
            str(epochs), "--seed", str(10 * self.seed + self.stage), *self.case.options,
        )  # fmt: skip
        target.replace(self.model)
        self.stage += 1

    def edit(self, command: str, *options: str | Path) -> dict[str, dict[str, float]]:
        target = self.folder / "e.onnx"
        report = driver.edit(self.neuroplast, command, self.model, target, *options)
        target.replace(self.model)
        return report

    def grow(self) -> float:
        """How many operations there are, of one before."""
        shape = "x".join(map(str, self.case.train[0][:1].shape))
        report = self.edit(
            "dropin", "--at", self.case.layers, "--units", "+50%", "--seed", str(self.seed),
            "--shape", f"x={shape}",
        )  # fmt: skip
        return report["after"]["flops"] / report["before"]["flops"]

    def cut(self, by_position: bool) -> None:
        """Back to the size before: without the last units, or those that matter least."""
        plan, stats = self.folder / "plan.json", self.folder / "stats.npz"
        self.call(
            "calibrate", self.model, "--gradients", "--batch", "50", "--data",
            self.folder / "part.npz", "-o", stats,
        )  # fmt: skip
        options = (
            "--only", self.case.layers, "--ratio", str(1 / 3), "--scope", "local",
            "--criterion", "taylor", "--stats", stats, "--no-reconstruct",
        )  # fmt: skip
        if not by_position:
            self.edit("prune", *options)
            return
        self.call("prune", self.model, *options, "--dry-run", "--write-plan", plan)
        written = json.loads(plan.read_text())
        for units in written["edit"]["units"]:
            kept = sum(
                int(part.split("..")[-1]) - int(part.split("..")[0]) + 1
                for part in units["map"].split("+")
            )
            units["map"] = f"0..{kept - 1}"
        plan.write_text(json.dumps(written))
        self.edit("prune", "--plan", plan, "--no-reconstruct")

    def error(self) -> float:
        x, labels = self.case.test
        said = driver.run(self.neuroplast, self.model, {"x": x})["y"]
        return float((said.argmax(axis=1) != labels).mean())


def measure(neuroplast: Path, folder: Path, case: Case, seed: int) -> dict[str, float]:
    """The error of each way to learn."""
    phase, errors = case.phase, {}

    def run(name: str, units: int, *stages: int) -> None:
        one = Run(neuroplast, folder, case, seed)
        one.start(units)
        for epochs in stages:
            one.train(epochs)
        errors[name] = one.error()

    run("no stages", case.units, 3 * phase)
    run("new optimizers alone", case.units, phase, phase, phase)
    run("all units from the beginning", case.units * 3 // 2, 3 * phase)
    growth = 1.0
    for name, cut in (("grown", None), ("cut by position", True), ("cut by utility", False)):
        one = Run(neuroplast, folder, case, seed)
        one.start(case.units)
        one.train(phase)
        growth = one.grow()
        one.train(phase if cut is not None else 2 * phase)
        if cut is not None:
            one.cut(cut)
            one.train(phase)
        errors[name] = one.error()
    run("no stages, as many operations", case.units, round(phase * (2 + growth)))
    return errors


def main() -> int:
    parser = paired.make_parser(__doc__)
    parser.add_argument("cases", nargs="*", default=list(CASES))
    arguments = parser.parse_args()
    neuroplast = arguments.build.resolve() / "bin" / "neuroplast"
    print("| network | way | error % | change, % of the error |\n|---|---|---|---|")
    for name in arguments.cases:
        try:
            case = CASES[name]()
        except (FileNotFoundError, ValueError) as error:
            print(f"{name}: {error}", file=sys.stderr)
            continue
        errors: dict[str, list[float]] = {}
        with tempfile.TemporaryDirectory() as folder:
            x, labels = case.train
            driver.save(Path(folder) / "train.npz", {"x": x, "labels": labels})
            part = np.random.default_rng(0).permutation(len(x))[: min(len(x), 1000)]
            driver.save(Path(folder) / "part.npz", {"x": x[part], "labels": labels[part]})
            for seed in range(arguments.seeds):
                for way, error in measure(neuroplast, Path(folder), case, seed).items():
                    errors.setdefault(way, []).append(error)
        base = np.array(errors["no stages"])
        for way, found in errors.items():
            change = (np.array(found) - base) / base
            shown = paired.describe(change) if way != "no stages" else ""
            print(f"| {name} | {way} | {100 * np.mean(found):.2f} | {shown} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
