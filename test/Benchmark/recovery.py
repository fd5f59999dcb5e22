#!/usr/bin/env python3
"""Accuracy of pruned models that are not trained again, with and without fitting.

PP-OCR's reader and its classifier of upside-down lines are cut to shares of their
operations by each criterion. Data to calibrate and to test are rendered lines that
share neither fonts nor words. Prints a table, and draws it to out/recovery.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "test"))

from Models import driver, models, text_lines  # noqa: E402

CRITERIA = ("l1", "l2", "lamp", "bn-scale", "fpgm", "activation", "wanda", "obs", "random")
SHARES = (0.9, 0.8, 0.7, 0.5)
BATCH = 50


@dataclass(frozen=True)
class Task:
    """A model, data to calibrate it, and what part of the test data it gets right."""

    model: Path
    calibration: np.ndarray
    test: np.ndarray
    judge: Callable[[np.ndarray], tuple[float, ...]]
    columns: tuple[str, ...]


def reader(count: int) -> Task:
    model = models.MODELS["ppocr_rec"].path()
    calibration, _ = text_lines.lines_to_read(count, seed=11, calibrates=True)
    test, texts = text_lines.lines_to_read(count, seed=7, calibrates=False)
    return Task(
        model,
        calibration,
        test,
        lambda scores: text_lines.read_correctly(text_lines.decode(model, scores), texts),
        ("lines", "characters"),
    )


def classifier(count: int) -> Task:
    calibration, _ = text_lines.turned_lines(count, seed=11, calibrates=True)
    test, labels = text_lines.turned_lines(count, seed=7, calibrates=False)
    return Task(
        models.MODELS["ppocr_cls"].path(),
        calibration,
        test,
        lambda scores: (float(np.mean(scores.argmax(axis=1) == labels)),),
        ("lines",),
    )


TASKS = {"reader": reader, "classifier": classifier}


def judge(task: Task, model: Path) -> tuple[float, ...]:
    """Of the model as ONNX Runtime runs it, on two threads."""
    session = models.session(model, threads=2)
    scores = [
        session.run(None, {"x": task.test[start : start + BATCH]})[0]
        for start in range(0, len(task.test), BATCH)
    ]
    return task.judge(np.concatenate(scores))


def measure(neuroplast: Path, name: str, task: Task, arguments: argparse.Namespace) -> list[dict]:
    folder = ROOT / "out" / "recovery"
    folder.mkdir(parents=True, exist_ok=True)
    data, small = folder / f"{name}.npz", folder / f"{name}.onnx"
    driver.save(data, {"x": task.calibration})
    whole = judge(task, task.model)
    print(
        f"\n{name}: of {len(task.test)} lines the original gets "
        + ", ".join(
            f"{value:.3f} of {column}" for value, column in zip(whole, task.columns, strict=True)
        )
    )
    head = [f"{share}x{suffix}" for share in SHARES for suffix in ("", " fitted")]
    print(f"| criterion | {' | '.join(head)} |\n|{'---|' * (len(head) + 1)}")
    rows = []
    for criterion in arguments.criteria:
        cells = []
        for share in SHARES:
            for fits in (False, True):
                options = (
                    "--criterion",
                    criterion,
                    "--scope",
                    arguments.scope,
                    "--data",
                    data,
                    "--target-flops",
                    f"{share}x",
                )
                report = driver.edit(
                    neuroplast,
                    "prune",
                    task.model,
                    small,
                    *options,
                    *(() if fits else ("--no-reconstruct",)),
                )
                right = judge(task, small)
                cells.append(" / ".join(f"{value:.3f}" for value in right))
                rows.append(
                    {
                        "model": name,
                        "criterion": criterion,
                        "share": share,
                        "fitted": fits,
                        "right": right,
                        "met": report["reached"]["met"],
                    }
                )
        print(f"| {criterion} | {' | '.join(cells)} |", flush=True)
    return rows


def picture(rows: list[dict], path: Path) -> None:
    """Accuracy over the share of the operations, one panel for each model."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    names = list(dict.fromkeys(row["model"] for row in rows))
    figure, panels = pyplot.subplots(
        1, len(names), figsize=(6 * len(names), 4.4), constrained_layout=True, squeeze=False
    )
    for panel, name in zip(panels[0], names, strict=True):
        for number, criterion in enumerate(dict.fromkeys(row["criterion"] for row in rows)):
            for fits in (False, True):
                chosen = [
                    r
                    for r in rows
                    if (r["model"], r["criterion"], r["fitted"]) == (name, criterion, fits)
                ]
                panel.plot(
                    [r["share"] for r in chosen],
                    [r["right"][0] for r in chosen],
                    "o-" if fits else "x:",
                    color=f"C{number}",
                    label=criterion if fits else None,
                )
        panel.set(
            title=f"{name}: dotted as cut, solid fitted",
            ylim=(-0.02, 1.02),
            xlabel="share of the operations",
            ylabel="lines right",
        )
        panel.invert_xaxis()
        panel.legend(fontsize=8)
        panel.grid(alpha=0.3)
    figure.savefig(path, dpi=130)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tasks", nargs="*", default=list(TASKS), metavar="TASK")
    parser.add_argument("--build", type=Path, default=ROOT / "build")
    parser.add_argument("--lines", type=int, default=400, help="to calibrate, and to test")
    parser.add_argument("--scope", default="local")
    parser.add_argument("--criteria", nargs="+", default=list(CRITERIA))
    arguments = parser.parse_args()
    neuroplast = arguments.build.resolve() / "bin" / "neuroplast"
    rows = []
    for name in arguments.tasks:
        rows += measure(neuroplast, name, TASKS[name](arguments.lines), arguments)
    folder = ROOT / "out" / "recovery"
    (folder / "table.json").write_text(json.dumps(rows, indent=1))
    picture(rows, folder / "figure.png")
    print("\nWritten to out/recovery: table.json figure.png")
    return 0 if all(row["met"] for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
